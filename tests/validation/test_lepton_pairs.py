"""Lepton pairs on nuclei against calculations that share no line with them.

Explicit Dirac matrices in many digits; the bremsstrahlung of a vector boson, integrated over its
mass; the pair kernel of Kokoulin and Petrukhin; muon pairs in the equivalent-photon limit.
"""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from mutau.core.constants import ALPHA, M_E, M_MU, M_U
from mutau.core.random import stream
from mutau.core.units import GEV2_PB
from mutau.matter.elements import element
from mutau.matter.form_factors import g2_kernel
from mutau.matter.muon_cross_sections import moment, pair_on_electrons
from mutau.matter.nucleus import AtomicElectrons, Nucleus
from mutau.reactions import electron_brems
from mutau.reactions.lepton_pair_events import draw_pairs, make_pair_sampler
from mutau.reactions.lepton_pairs import PairReaction, cross_section
from mutau.reactions.lepton_pairs_amplitude import Legs, nucleus_current, squared_amplitude
from mutau.reactions.lepton_pairs_kernels import conversion_point, pair_density
from mutau.reactions.lepton_pairs_targets import squared_on_electron

pytestmark = pytest.mark.compiled

METRIC = (1, -1, -1, -1)
PAULI = (((0, 1), (1, 0)), ((0, -1j), (1j, 0)), ((1, 0), (0, -1)))


def gammas():
    """Dirac's matrices in Dirac's own basis."""
    found = [mp.diag([1, 1, -1, -1])]
    for sigma in PAULI:
        matrix = mp.zeros(4, 4)
        for i in range(2):
            for j in range(2):
                matrix[i, j + 2], matrix[i + 2, j] = sigma[i][j], -sigma[i][j]
        found.append(matrix)
    return found


GAMMA = gammas()


def slash(a):
    total = mp.zeros(4, 4)
    for i in range(4):
        total += METRIC[i] * a[i] * GAMMA[i]
    return total


def product(a, b):
    return sum(METRIC[i] * a[i] * b[i] for i in range(4))


def spinors(p, mass, anti=False):
    root = mp.sqrt(p[0] + mass)
    found = []
    for xi in ((1, 0), (0, 1)):
        low = [
            sum(p[k + 1] * PAULI[k][i][j] * xi[j] for k in range(3) for j in range(2)) / root
            for i in range(2)
        ]
        high = [root * xi[0], root * xi[1]]
        found.append(mp.matrix([*low, *high] if anti else [*high, *low]))
    return found


def bar(u):
    return u.H * GAMMA[0]


def add(a, b, sign=1):
    return [x + sign * y for x, y in zip(a, b, strict=True)]


def tree_level(p, p1, k1, k2, m, mu, J, q, identical):
    """Sum over spins of |M|^2 without couplings, from explicit matrices."""
    one = mp.eye(4)

    def lines(p, p1, k1, k2):
        t1, pair = add(p, p1, -1), add(k1, k2)
        a = (slash(add(q, k2, -1)) + mu * one) / (product(q, q) - 2 * product(q, k2))
        b = (slash(add(k1, q, -1)) + mu * one) / (product(q, q) - 2 * product(q, k1))
        c = (slash(add(p, q)) + m * one) / (product(q, q) + 2 * product(p, q))
        d = (slash(add(p1, q, -1)) + m * one) / (product(q, q) - 2 * product(p1, q))
        current = slash(J)
        on_pair = [g * a * current + current * b * g for g in GAMMA]
        on_beam = [g * c * current + current * d * g for g in GAMMA]
        return on_pair, on_beam, product(t1, t1), product(pair, pair)

    direct, exchanged = lines(p, p1, k1, k2), lines(p, k1, p1, k2)

    def amplitude(found, up, u1, a, b):
        on_pair, on_beam, t1, pair = found
        total = mp.mpc(0)
        for i in range(4):
            total += METRIC[i] * (bar(u1) * GAMMA[i] * up)[0] * (bar(a) * on_pair[i] * b)[0] / t1
            total += METRIC[i] * (bar(a) * GAMMA[i] * b)[0] * (bar(u1) * on_beam[i] * up)[0] / pair
        return total

    total = mp.mpf(0)
    for up in spinors(p, m):
        for u1 in spinors(p1, m):
            for a in spinors(k1, mu):
                for b in spinors(k2, mu, anti=True):
                    value = amplitude(direct, up, u1, a, b)
                    if identical:
                        value -= amplitude(exchanged, up, a, u1, b)
                    total += abs(value) ** 2
    return total


def final_state(energy, m, mu, nucleus, spread, rng):
    """Momenta of a random point that conserves four-momentum, in many digits."""
    fraction, across = rng.dirichlet([1, 1, 1]), rng.normal(size=(3, 2)) * spread
    p = [mp.mpf(energy), mp.mpf(0), mp.mpf(0), mp.sqrt(mp.mpf(energy) ** 2 - m**2)]

    def built(scale):
        out = []
        for i, mass in enumerate((m, mu, mu)):
            e, x, y = scale * fraction[i] * energy, mp.mpf(across[i, 0]), mp.mpf(across[i, 1])
            out.append([e, x, y, mp.sqrt(e**2 - mass**2 - x**2 - y**2)])
        total = add(add(out[0], out[1]), out[2])
        return out, add(total, p, -1)

    def off_shell(scale):
        q = built(scale)[1]
        return product(q, q) - 2 * nucleus * q[0]  # the nucleus keeps its mass

    out, q = built(mp.findroot(off_shell, mp.mpf(1) - mp.mpf(10) ** -9))
    return p, *out, q


def light_cone(p):
    return float(p[0] + p[3]), float(p[0] - p[3]), float(p[1]), float(p[2])


@pytest.mark.parametrize(
    ("energy", "m", "mu", "spread"),
    [
        (160.0, M_MU, M_E, 1e-2), (160.0, M_MU, M_MU, 0.2), (100.0, M_E, M_E, 3e-3),
        (100.0, M_E, M_MU, 0.1), (5.0, M_MU, M_E, 0.05),
    ],
)  # fmt: skip
def test_amplitude_equals_explicit_matrices_to_rounding(energy, m, mu, spread):
    with mp.workdps(35):
        nucleus = 207.2 * M_U
        p, p1, k1, k2, q = final_state(energy, m, mu, nucleus, spread, np.random.default_rng(3))
        J = [2 * nucleus - q[0], -q[1], -q[2], -q[3]]
        expected = tree_level(p, p1, k1, k2, m, mu, J, q, m == mu)
        squares = [
            product(x, x)
            for x in (add(p, p1, -1), add(k1, k2), add(p, k1, -1), add(p1, k2))
        ]  # fmt: skip
        ours = squared_amplitude(
            Legs(*map(light_cone, (p, p1, k1, k2)), m, mu),
            nucleus_current(nucleus, float(-q[0]), light_cone(q)), light_cone(q),
            tuple(map(float, squares)), m == mu, np.empty((2, 4, 2, 2, 4), complex),
        )[0]  # fmt: skip
    assert ours == pytest.approx(float(expected), rel=1e-11)


def test_a_longitudinal_photon_couples_to_nothing():
    """Ward identity: the nucleus's current replaced by its momentum."""
    nucleus = 207.2 * M_U
    with mp.workdps(30):
        p, p1, k1, k2, q = map(
            light_cone, final_state(160.0, M_MU, M_MU, nucleus, 0.2, np.random.default_rng(5))
        )
    squares = (-0.1, 0.2, -0.3, 0.4)
    work = np.empty((2, 4, 2, 2, 4), complex)
    J = nucleus_current(nucleus, 1e-6, q)
    legs = Legs(p, p1, k1, k2, M_MU, M_MU)
    whole = squared_amplitude(legs, J, q, squares, True, work)[0]
    none = squared_amplitude(legs, q, q, squares, True, work)[0]
    assert none < 1e-12 * whole * (q[1] / J[0]) ** 2 + 1e-18 * whole


def test_radiated_pairs_are_bosons_integrated_over_their_mass():
    """The set of bremsstrahlung type alone, against electron bremsstrahlung of a vector boson."""
    reaction = PairReaction("electron", "muon", 100.0, Nucleus(82.0, 207.2), diagrams="radiated")
    ours = cross_section(reaction, error=2e-3, seed=2)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    low, high = math.log(2.0 * M_MU), math.log(9.0)
    total = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        u = 0.5 * (1.0 + node)  # square at the threshold: its root is smooth then
        mass = math.exp(low + (high - low) * u * u)
        r = (M_MU / mass) ** 2
        split = ALPHA / (3.0 * math.pi) * (1.0 + 2.0 * r) * math.sqrt(1.0 - 4.0 * r)
        sigma = electron_brems.total(
            100.0, mass, Nucleus(82.0, 207.2), coupling=math.sqrt(4.0 * math.pi * ALPHA)
        ).sigma_pb
        total += weight * (high - low) * u * 2.0 * split * sigma
    assert ours.sigma_pb == pytest.approx(total, rel=8e-3)  # three errors and the tail above 9 GeV


def spin_half_target(p, out, q, m, mu, mass, identical):
    """Sum over all spins, mean over the target's, from explicit matrices."""
    before = [mp.mpf(mass), mp.mpf(0), mp.mpf(0), mp.mpf(0)]
    after = add(before, q, -1)
    total = mp.mpf(0)
    for u in spinors(before, mass):
        for w in spinors(after, mass):
            J = [(bar(w) * gamma * u)[0] for gamma in GAMMA]
            total += tree_level(p, *out, m, mu, J, q, identical)
    return total / 2


@pytest.mark.parametrize(
    ("energy", "m", "mu", "spread"),
    [(160.0, M_MU, M_E, 2e-3), (3000.0, M_MU, M_MU, 1e-2), (100.0, M_E, M_E, 1e-3)],
)
def test_pairs_on_an_electron_equal_explicit_matrices(energy, m, mu, spread):
    """Target of spin one half whose recoil counts: transfers up to several of its masses."""
    rng, work = np.random.default_rng(5), np.empty((2, 4, 2, 2, 4), complex)
    hard = 0
    for _ in range(3):
        with mp.workdps(40):
            mass = mp.mpf(M_E)
            p, *out, q = final_state(energy, mp.mpf(m), mp.mpf(mu), mass, spread, rng)
            expected = spin_half_target(p, out, q, mp.mpf(m), mp.mpf(mu), mass, m == mu)
            t1, pair = add(p, out[0], -1), add(out[1], out[2])
            t2, other = add(p, out[1], -1), add(out[0], out[2])
            invariants = tuple(float(product(v, v)) for v in (t1, pair, t2, other))
            hard += -product(q, q) > mass**2
        legs = Legs(*(light_cone(v) for v in (p, *out)), m, mu)
        found = squared_on_electron(legs, M_E, light_cone(q), invariants, m == mu, work)
        assert found[0] == pytest.approx(float(expected), rel=1e-7)
    assert hard > 0


def test_a_heavy_target_of_spin_one_half_is_the_nucleus():
    rng, work = np.random.default_rng(6), np.empty((2, 4, 2, 2, 4), complex)
    with mp.workdps(40):
        p, *out, q = final_state(100.0, mp.mpf(M_MU), mp.mpf(M_E), mp.mpf(200.0), 1e-2, rng)
        vectors = (add(p, out[0], -1), add(out[1], out[2]))
        invariants = (*(float(product(v, v)) for v in vectors), 1.0, 1.0)
    legs, q = Legs(*(light_cone(v) for v in (p, *out)), M_MU, M_E), light_cone(q)
    Q2 = -0.5 * _twice(q, q)
    J = nucleus_current(200.0, 0.5 * Q2 / 200.0, q)
    plain = squared_amplitude(legs, J, q, invariants, False, work)
    spin = squared_on_electron(legs, 200.0, q, invariants, False, work)
    assert spin[:3] == pytest.approx(plain[:3], rel=1e-6)


def test_photons_convert_on_electrons_as_on_light_nuclei():
    """Bethe and Heitler's pairs on a point charge, 28/9 ln(2k) - 218/27 in alpha r_e^2, k in m_e;
    on a free electron of spin one half the recoil takes off what the fit of E. Haug
    (Z. Naturforsch. 30a (1975) 1099) has for triplets without exchange, 1.6 % at 1 GeV."""
    unit = ALPHA**3 / M_E**2 * GEV2_PB
    for energy in (1.0, 100.0):
        k = energy / M_E
        log = math.log(2.0 * k)
        heavy = 28.0 / 9.0 * log - 218.0 / 27.0
        light = heavy + (-4.0 / 3.0 * log**3 + 3.863 * log**2 - 11.0 * log + 27.9) / k
        for target, expected in (
            (Nucleus(1.0, 200.0, "point"), heavy), (AtomicElectrons(1.0, "point"), light)
        ):  # fmt: skip
            found = cross_section(PairReaction("photon", "electron", energy, target), error=2e-3)
            assert found.sigma_pb == pytest.approx(expected * unit, rel=6e-3)


def test_electron_pairs_of_muons_equal_the_pair_kernel_with_the_electrons_of_the_atom():
    """289 microbarn per beryllium atom above 1 GeV at 150 GeV: nucleus and electrons, each exact,
    beside Kokoulin and Petrukhin with Kelner's part of the electrons; and that part alone."""
    limits = {"pair_energy": (1.0, math.inf)}
    nucleus, electrons = (
        cross_section(PairReaction("muon", "electron", 150.0, target, limits), error=1e-3)
        for target in (Nucleus(4.0, 9.012), AtomicElectrons(4.0))
    )
    theirs = float(moment("pair", 0, 150.0, element("Be"), low=1.0 / 150.0, coulomb=False))
    assert theirs == pytest.approx(289e6, rel=2e-3)
    assert nucleus.sigma_pb + electrons.sigma_pb == pytest.approx(theirs, rel=0.022)
    part = pair_on_electrons(150.0, 4.0) / 4.0
    assert electrons.sigma_pb / nucleus.sigma_pb == pytest.approx(part, rel=0.05)


def test_electron_pairs_of_muons_equal_the_pair_kernel_on_the_nucleus():
    """Kokoulin and Petrukhin, without atomic electrons and Coulomb correction."""
    ours = cross_section(
        PairReaction(
            "muon", "electron", 150.0, Nucleus(4.0, 9.012), limits={"pair_energy": (1.0, 150.0)}
        ),
        error=2e-3,
    )
    theirs = float(moment("pair", 0, 150.0, element("Be"), low=1.0 / 150.0, coulomb=False))
    theirs *= 4.0 / (4.0 + pair_on_electrons(150.0, 4.0))
    assert ours.sigma_pb == pytest.approx(theirs, rel=0.02)


def test_cuts_divide_the_cross_section():
    """Parts by the energy of one lepton add up to the whole, also where they force a corner."""
    whole = {"pair_energy": (2.0, 150.0)}
    parts = [
        cross_section(
            PairReaction("muon", "electron", 150.0, Nucleus(4.0, 9.012),
                         limits={**whole, "opposite_energy": limits}),
            error=4e-3, seed=seed,
        )
        for seed, limits in enumerate([(0.0, 0.2), (0.2, 150.0)])
    ]  # fmt: skip
    total = cross_section(
        PairReaction("muon", "electron", 150.0, Nucleus(4.0, 9.012), limits=whole),
        error=4e-3,
        seed=9,
    )
    error = math.hypot(total.sigma_err_pb, *(part.sigma_err_pb for part in parts))
    assert abs(sum(part.sigma_pb for part in parts) - total.sigma_pb) < 4.0 * error


@pytest.mark.parametrize("pair", ["electron", "muon"])
def test_events_conserve_momentum_and_follow_the_cross_section(pair):
    reaction = PairReaction(
        "muon", pair, 160.0, Nucleus(82.0, 207.2), limits={"pair_energy": (5.0, 100.0)}
    )
    sampler = make_pair_sampler(reaction, charge=1, error=1e-2)
    events = draw_pairs(sampler, 1500, stream(4))
    p4 = events.p4.reshape(-1, 6, 4)
    assert np.allclose(p4[:, :2].sum(axis=1), p4[:, 2:].sum(axis=1), atol=1e-9)
    masses = [M_MU, {"electron": M_E, "muon": M_MU}[pair], 207.2 * M_U]
    square = p4[:, :, 0] ** 2 - (p4[:, :, 1:] ** 2).sum(axis=2)
    for row, mass in ((2, masses[0]), (3, masses[1]), (4, masses[1]), (5, masses[2])):
        assert np.allclose(square[:, row], mass**2, atol=2e-11 * p4[:, row, 0].max() ** 2)
    energy = p4[:, 3, 0] + p4[:, 4, 0]
    assert np.all((energy >= 5.0) & (energy <= 100.0))
    drawn = (events.meta["monte_carlo_pb"], events.meta["monte_carlo_err_pb"])
    error = math.hypot(drawn[1], sampler.sigma.sigma_err_pb)
    assert abs(drawn[0] - sampler.sigma.sigma_pb) < 4.0 * error
    assert set(events.pdg.tolist()) == {
        -13,
        1000822070,
        *({-11, 11} if pair == "electron" else {13}),
    }
    softer = cross_section(
        PairReaction(
            "muon", pair, 160.0, Nucleus(82.0, 207.2), limits={"pair_energy": (5.0, 10.0)}
        ),
        error=1e-2,
    )
    expected = softer.sigma_pb / sampler.sigma.sigma_pb
    assert np.mean(energy < 10.0) == pytest.approx(
        expected, abs=4.0 * math.sqrt(expected * (1.0 - expected) / 1500) + 0.02 * expected
    )


def bethe_heitler(energy, k1, k2, q, m, nucleus):
    """Sum over spins and polarisations of |M|^2 of gamma N -> l- l+ N, spin-0 nucleus, couplings
    out, times Q^4: explicit matrices."""
    k = [mp.mpf(energy), mp.mpf(0), mp.mpf(0), mp.mpf(energy)]
    one = mp.eye(4)
    J = [2 * nucleus - q[0], -q[1], -q[2], -q[3]]
    total = mp.mpf(0)
    for axis in (1, 2):
        a = (slash(add(k1, k, -1)) + m * one) / (-2 * product(k, k1))
        b = (slash(add(k, k2, -1)) + m * one) / (-2 * product(k, k2))
        whole = GAMMA[axis] * a * slash(J) + slash(J) * b * GAMMA[axis]
        for u in spinors(k1, m):
            for v in spinors(k2, m, anti=True):
                total += abs((bar(u) * whole * v)[0]) ** 2
    return total


@pytest.mark.parametrize(("energy", "m", "spread"), [(100.0, M_MU, 0.1), (5.0, M_E, 1e-3)])
def test_conversion_equals_explicit_matrices_to_rounding(energy, m, spread):
    """The density of a point of a map over that of its phase space is |M|^2."""
    mass = 9.012 * M_U
    reaction = PairReaction("photon", "muon" if m == M_MU else "electron", energy,
                            Nucleus(4.0, 9.012))  # fmt: skip
    setup = reaction.setup()
    work = np.empty((2, 4, 2, 2, 4), complex)
    compared = 0
    for x in np.random.default_rng(3).uniform(0.05, 0.95, (20, 7)):
        value, _, k1, k2, q = pair_density(4, x, setup, work)
        phase = conversion_point(x, setup.beam, setup.mu, setup.ff, setup.reach)[0]
        if value == 0.0 or abs(k1[2]) > 50.0 * spread:
            continue
        Q2 = -float(q[0] * q[1] - q[2] ** 2 - q[3] ** 2)
        here, there = k1[0] / (Q2 + _twice(q, k1)), k2[0] / (Q2 + _twice(q, k2))
        part = here**2 / (here**2 + there**2)
        ours = value / phase / part * 8.0 * mass * energy * Q2**2 / g2_kernel(Q2, setup.ff)
        with mp.workdps(40):
            # exact momenta: those of the leptons as they are, q by what the photon lacks
            legs = [[mp.mpf(c[2]), mp.mpf(c[3]), mp.mpf(c[0])] for c in (k1, k2)]
            out = []
            for px, py, plus in legs:
                minus = (px**2 + py**2 + mp.mpf(m) ** 2) / plus
                out.append([(plus + minus) / 2, px, py, (plus - minus) / 2])
            photon = [mp.mpf(energy), 0, 0, mp.mpf(energy)]
            exact_q = add(add(out[0], out[1]), photon, -1)
            expected = bethe_heitler(energy, *out, exact_q, mp.mpf(m), mp.mpf(mass))
        assert ours == pytest.approx(float(expected), rel=1e-6)
        compared += 1
    assert compared > 5


def _twice(a, b):
    """2 a.b of light-cone components."""
    return a[0] * b[1] + a[1] * b[0] - 2.0 * (a[2] * b[2] + a[3] * b[3])


def light_cone_total(energy, mass, nucleus):
    """gamma A -> l+ l- A by the light-cone wave functions of the photon, pb; NumPy alone.

    d sigma/dx = (2 alpha^3/pi) int dq^2 d^2P G2(t)/t^2 [(x^2 + (1-x)^2)|k1/D1 - k2/D2|^2
    + m^2 |1/D1 - 1/D2|^2], k1 = P - (1-x) q, k2 = P + x q, D = k^2 + m^2, t = q^2 + d^2,
    d = (P^2 + m^2)/(2 E x (1-x)): J. B. Kogut, D. E. Soper, Phys. Rev. D 1 (1970) 2901; small
    angles. The azimuthal means are closed.
    """
    nodes, weights = np.polynomial.legendre.leggauss(48)
    angle = 0.25 * math.pi * (1.0 + nodes)
    x, w_x = np.sin(angle) ** 2, 0.25 * math.pi * weights * np.sin(2.0 * angle)
    x, y = x[:, None, None], 1.0 - x[:, None, None]
    p = (mass * np.tan(angle))[None, :, None]
    w_p = 0.25 * math.pi * weights[None, :, None] * (p * p + mass * mass) / mass
    d = (p * p + mass * mass) / (2.0 * energy * x * y)
    low = np.log(0.03 * d)
    span = np.maximum(math.log(5.0) - low, 0.0)
    q = np.exp(low + 0.5 * span * (1.0 + nodes))
    t = q * q + d * d
    g2 = np.vectorize(lambda value: g2_kernel(value, nucleus.shape))(t)
    a1, b1 = p * p + y * y * q * q + mass**2, 2.0 * y * p * q
    a2, b2 = p * p + x * x * q * q + mass**2, 2.0 * x * p * q
    r1, r2 = 1.0 / np.sqrt(a1 * a1 - b1 * b1), 1.0 / np.sqrt(a2 * a2 - b2 * b2)
    squares = a1 * r1**3 + a2 * r2**3
    mixed = (b1 * r1 + b2 * r2) / (a1 * b2 + a2 * b1)
    vector = (2.0 * mass**2 + q * q) * mixed - mass**2 * squares
    scalar = squares - 2.0 * mixed
    inside = (x * x + y * y) * vector + mass**2 * scalar
    inside = np.sum(span * weights * q * q * g2 / t**2 * inside, axis=-1)
    value = np.sum((2.0 * math.pi * p * w_p)[..., 0] * inside, axis=-1)
    return 2.0 * ALPHA**3 / math.pi * GEV2_PB * float(np.sum(w_x * value))


@pytest.mark.parametrize(
    ("pair", "energy", "form_factor"),
    [("muon", 10.0, "elastic"), ("muon", 100.0, "elastic"), ("muon", 100.0, "elastic+inelastic"),
     ("electron", 100.0, "elastic")],
)  # fmt: skip
def test_photons_make_pairs_as_their_wave_functions_say(pair, energy, form_factor):
    """Exact against small angles: what separates them is (m/E) and Monte Carlo."""
    nucleus = Nucleus(82.0, 207.2, form_factor)
    ours = cross_section(PairReaction("photon", pair, energy, nucleus), error=2e-3)
    mass = {"muon": M_MU, "electron": M_E}[pair]
    assert ours.sigma_pb == pytest.approx(light_cone_total(energy, mass, nucleus), rel=6e-3)


def test_electron_pairs_of_photons_reach_seven_ninths_of_a_radiation_length():
    """Complete screening: 4 alpha r_e^2 Z^2 (7/9 L - 1/54), L = ln(184.15 Z^-1/3) (Tsai)."""
    r_e = ALPHA / M_E
    log = math.log(184.15 * 82.0 ** (-1.0 / 3.0))
    tsai = 4.0 * ALPHA * r_e**2 * 82.0**2 * (7.0 / 9.0 * log - 1.0 / 54.0) * GEV2_PB
    at = [
        cross_section(PairReaction("photon", "electron", e, Nucleus(82.0, 207.2)), error=2e-3)
        for e in (0.05, 1e4)
    ]
    assert at[1].sigma_pb == pytest.approx(tsai, rel=8e-3)
    # screening is not complete at 50 MeV
    assert at[0].sigma_pb < 0.85 * tsai


def test_soft_pairs_of_muons_are_conversions_of_their_photons():
    """Equivalent photons: d sigma(2 -> 4)/dv = n(v) sigma(gamma) for v -> 0, two-photon diagrams,
    n = (alpha/2 pi)[(1 + (1-v)^2)/v ln(Q2max/Q2min) - 2 m^2 v (1/Q2min - 1/Q2max)], where the
    virtuality ends the pair's cross section at about 4 m^2 (electron beam, muon pairs)."""
    energy, low, high = 1000.0, 0.02, 0.03
    nucleus = Nucleus(82.0, 207.2)
    limits = {"pair_energy": (low * energy, high * energy)}
    reaction = PairReaction("electron", "muon", energy, nucleus, limits, diagrams="two-photon")
    ours = cross_section(reaction, error=4e-3).sigma_pb
    v = math.sqrt(low * high)
    sigma = cross_section(PairReaction("photon", "muon", v * energy, nucleus), error=3e-3).sigma_pb
    least = (M_E * v) ** 2 / (1.0 - v)

    def photons(top):
        log = (1.0 + (1.0 - v) ** 2) / v * math.log(top / least)
        return ALPHA / (2.0 * math.pi) * (log - 2.0 * M_E**2 * v * (1.0 / least - 1.0 / top))

    width = v * math.log(high / low)  # of a spectrum 1/v
    few, many = (photons(top) * sigma * width for top in (2.0 * M_MU**2, 8.0 * M_MU**2))
    assert few < ours < many
    assert many / few < 1.1
