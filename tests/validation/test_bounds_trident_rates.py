"""Tridents against Monte Carlo over flat phase space, other calculations and published curves."""

import math

import numpy as np
import pytest

from mutau.bounds import published_limit
from mutau.bounds.trident import experiment_table, trident_cross_section, trident_table
from mutau.bounds.trident_kernels import (
    Neutrinos,
    Scatterers,
    photon_spectrum,
    trident_spectrum,
    y_top,
)
from mutau.bounds.trident_limit import combined_trident_limit, ratio_limit, trident_limit
from mutau.core.constants import G_F, M_MU, SIN2_W
from mutau.core.random import stream
from mutau.reactions.quadrature import gauss_legendre

pytestmark = pytest.mark.compiled

METRIC = np.array([1.0, -1.0, -1.0, -1.0])
ZERO, ONE = np.zeros((2, 2)), np.eye(2)
PAULI = (np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0]))
GAMMA = np.array(
    [np.block([[ONE, ZERO], [ZERO, -ONE]]).astype(complex)]
    + [np.block([[ZERO, s], [-s, ZERO]]).astype(complex) for s in PAULI]
)
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]


def slash(p):
    return np.einsum("ni,i,ijk->njk", p, METRIC, GAMMA)


def dot(a, b):
    return (a * b * METRIC).sum(-1)


def squared(k, k_out, minus, plus, q, photon, axial):
    """L_ab tr[...] with the photon index contracted with the vector `photon`; (N,)."""
    vertex = GAMMA5 if axial else np.eye(4)
    unit = M_MU * np.eye(4)
    first, second = minus - q, q - plus
    pre = slash(photon) @ (slash(first) + unit) / (dot(first, first) - M_MU**2)[:, None, None]
    post = (slash(second) + unit) @ slash(photon) / (dot(second, second) - M_MU**2)[:, None, None]
    t = [pre @ (g @ vertex) + (g @ vertex) @ post for g in GAMMA]
    barred = [GAMMA[0] @ x.conj().transpose(0, 2, 1) @ GAMMA[0] for x in t]
    sides = [(slash(minus) + unit) @ x @ (slash(plus) - unit) for x in t]
    total = np.zeros(len(k))
    for a in range(4):
        for b in range(4):
            lepton = k[:, a] * k_out[:, b] + k[:, b] * k_out[:, a]
            lepton = lepton - (METRIC[a] * dot(k, k_out) if a == b else 0.0)
            pair = np.einsum("nij,nji->n", sides[a], barred[b]).real
            total += 8.0 * lepton * METRIC[a] * METRIC[b] * pair
    return total


def boosted(p, frame):
    mass = np.sqrt(dot(frame, frame))[:, None]
    energy, momentum = frame[:, :1], frame[:, 1:]
    along = (momentum * p[:, 1:]).sum(1, keepdims=True)
    space = p[:, 1:] + momentum * ((along / (energy + mass) + p[:, :1]) / mass)
    return np.concatenate([(energy * p[:, :1] + along) / mass, space], 1)


def directions(rng, n):
    c, phi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    s = np.sqrt(1 - c * c)
    return np.stack([s * np.cos(phi), s * np.sin(phi), c], 1)


def three_bodies(rng, total):
    """Neutrino and muon pair out of `total`, uniform in W^2 and angles; weight d Phi_3."""
    n = len(total)
    s = dot(total, total)
    low = 4.0 * M_MU**2
    w2 = low + (s - low) * rng.uniform(0, 1, n)
    p = (s - w2) / (2 * np.sqrt(s))
    k_out = boosted(np.concatenate([p[:, None], directions(rng, n) * p[:, None]], 1), total)
    pair = total - k_out
    w = np.sqrt(w2)
    q = np.sqrt(0.25 * w2 - M_MU**2)[:, None] * directions(rng, n)
    minus = boosted(np.concatenate([0.5 * w[:, None], q], 1), pair)
    weight = (s - low) / (2 * np.pi) * (2 * p / np.sqrt(s)) / (8 * np.pi)
    return k_out, minus, pair - minus, weight * np.sqrt(1 - low / w2) / (8 * np.pi)


def legendre(n, low=0.0, high=1.0):
    x, w = np.polynomial.legendre.leggauss(n)
    return low + 0.5 * (high - low) * (x + 1), 0.5 * (high - low) * w


def test_photon_cross_section_against_monte_carlo():
    s, n, rng = 0.5, 40_000, stream(1, 0)
    half = 0.5 * math.sqrt(s)
    k, q = np.tile([half, 0, 0, half], (n, 1)), np.tile([half, 0, 0, -half], (n, 1))
    k_out, minus, plus, phase_space = three_bodies(rng, k + q)
    log, width = legendre(50, math.log(1e-8), math.log(s))
    kappa2 = np.exp(log)
    ours = (photon_spectrum(kappa2, s, M_MU, gauss_legendre(24)) * kappa2 * width).sum(1)
    for axial in (0, 1):
        value = sum(
            0.5 * squared(k, k_out, minus, plus, q, np.tile(e, (n, 1)), axial)
            for e in ([0, 1.0, 0, 0], [0, 0, 1.0, 0])
        )
        value = value * phase_space / (2 * s) * 0.5 * 4 * np.pi  # (G_F^2/2) e^2/(2 s)
        error = value.std() / math.sqrt(n)
        assert error < 0.01 * value.mean()
        assert abs(value.mean() - ours[axial]) < 3.5 * error


def test_nuclear_cross_section_against_monte_carlo():
    # a spin-0 scatterer of 12 GeV with the dipole of d = 0.3 GeV^2; 6 GeV neutrinos; point by point
    mass, energy, q2_max, n, rng = 12.0, 6.0, 4.0, 60_000, stream(1, 1)
    low = 4 * M_MU**2
    q2 = np.exp(rng.uniform(math.log(1e-4), math.log(q2_max), n))
    top = np.array([y_top(value, energy, mass) for value in q2]) - q2
    open_ = top > low
    s_hat = low + np.where(open_, top - low, low) * rng.uniform(0, 1, n)
    y, q0 = s_hat + q2, -q2 / (2 * mass)
    length = np.sqrt(q2 + q0**2)
    c = (energy * q0 - 0.5 * y) / (energy * length)
    side, phi = length * np.sqrt(np.clip(1 - c * c, 0, None)), rng.uniform(0, 2 * np.pi, n)
    q = np.stack([q0, side * np.cos(phi), side * np.sin(phi), length * c], 1)
    k, at_rest = np.tile([energy, 0, 0, energy], (n, 1)), np.tile([mass, 0, 0, 0.0], (n, 1))
    k_out, minus, plus, weight = three_bodies(rng, k + q)
    weight = weight * math.log(q2_max / 1e-4) * q2 * (top - low) / (2 * np.pi)
    weight = weight / (8 * np.pi * 2 * mass * energy) / (4 * mass * energy)
    weight = weight * 0.5 * (4 * np.pi) ** 2 * 4 / q2**2 / (1 + q2 / 0.3) ** 2
    target = np.array([[0.0, 1.0, 0.0, 1 / 0.3, 0.0, 0.0]])
    log, width = legendre(60, math.log(1e-8), math.log(50.0))
    kappa2 = np.exp(log)
    unit = np.ones(1)
    ours = trident_spectrum(
        kappa2, Neutrinos(unit * energy, unit), Scatterers(unit * mass, unit, target), M_MU, q2_max,
        gauss_legendre(32), gauss_legendre(20),
    )  # fmt: skip
    ours = (ours * kappa2 * width).sum(1)
    for axial in (0, 1):
        value = squared(k, k_out, minus, plus, q, at_rest, axial) * weight
        value = np.where(open_, value, 0.0)
        error = value.std() / math.sqrt(n)
        assert error < 0.015 * value.mean()
        assert abs(value.mean() - ours[axial]) < 3.5 * error


def test_leading_logarithm_far_above_threshold():
    # sigma(nu gamma) -> s/(9 pi^2) [ln(s/m^2) - 8/3] per unit coupling; the constant is ours, the
    # coefficient that of Altmannshofer et al., Phys. Rev. Lett. 113 (2014) 091801
    s = 1e5
    log, width = legendre(100, math.log(1e-10), math.log(s))
    kappa2 = np.exp(log)
    ours = (photon_spectrum(kappa2, s, M_MU, gauss_legendre(32)) * kappa2 * width).sum(1)
    expected = s / (9 * math.pi**2) * (math.log(s / M_MU**2) - 8 / 3)
    np.testing.assert_allclose(ours, expected, rtol=3e-5)


@pytest.mark.parametrize(
    ("target", "energy", "options", "femtobarn", "tolerance"),
    [
        # nuclei: their charge densities differ from a Fermi density of the same radius
        ({"Fe": 1}, 160.0, {"scattering": ("coherent",)}, 0.7530, 0.01),
        ({"Ar": 1}, 5.0, {"scattering": ("coherent",)}, 1.3891e-3, 0.02),
    ],
)
def test_absolute_rates_against_a_public_generator(target, energy, options, femtobarn, tolerance):
    """Numbers: TEG of Altmannshofer et al. (arXiv:1902.06765) run at fixed energy, error 3e-4."""
    ours = trident_cross_section(energy, target, **options)
    assert ours.sigma_pb * 1e3 == pytest.approx(femtobarn, rel=tolerance)
    assert ours.sigma_err_pb < 1e-4 * ours.sigma_pb


def test_mediator_against_a_public_generator():
    """As above, with a Z': two points on iron at 160 GeV, one on argon at 5 GeV."""
    iron = trident_table({"Fe": 1}, 160.0, scattering=("coherent",))
    argon = trident_table({"Ar": 1}, 5.0, scattering=("coherent",))
    assert float(iron.ratio(0.01, 1e-6)) == pytest.approx(1.18018 / 0.753007, rel=3e-3)
    assert float(iron.ratio(0.3, 4e-6)) == pytest.approx(1.29219 / 0.753007, rel=3e-3)
    assert float(argon.ratio(0.01, 1e-6)) == pytest.approx(0.0112954 / 1.38905e-3, rel=0.02)


def test_contact_limit():
    # with equal vector and axial rates, the closed formula gives g/m = 1.859e-3/GeV for 1.38; at
    # CCFR's energies the axial rate is larger, so that the bound is weaker by 1 %
    table = experiment_table("ccfr", scattering=("coherent",))
    vector = 1 + 4 * SIN2_W
    v2 = 1 / (math.sqrt(2) * G_F)
    equal = math.sqrt((math.sqrt(1.38 * (vector**2 + 1) - 1) - vector) / (2 * v2))
    assert equal == pytest.approx(1.859e-3, rel=1e-3)
    share = table.axial.sum() / table.vector.sum()
    assert 1.05 < share < 1.15
    shift = math.sqrt(1.38 * (vector**2 + share) - share) - vector
    ours = float(np.sqrt(table.product_limit(1000.0, 1.38))) / 1000.0
    assert ours == pytest.approx(math.sqrt(shift / (2 * v2)), rel=1e-3)
    assert ours / equal == pytest.approx(1.0, abs=0.015)
    assert ours == pytest.approx(
        float(published_limit("ccfr-1991").coupling_at(1000.0)) / 1000.0, rel=0.006
    )


def test_published_ccfr_curve_is_the_coherent_rate():
    curve = published_limit("ccfr-1991")
    mass = np.geomspace(1e-3, 1e3, 25)
    ours = trident_limit("ccfr", mass, scattering=("coherent",))
    ratio = curve.coupling_at(np.clip(mass, *curve.mass_range)) / ours.coupling
    assert np.all((ratio > 0.955) & (ratio < 1.005))
    assert np.all(ours.numerical_err < 2e-4 * ours.coupling)
    # elastic scattering on nucleons is left out there: it would weaken the bound by up to 7 %
    both = trident_limit("ccfr", mass)
    assert np.all(both.coupling / ours.coupling > 0.995)
    assert both.coupling[10] / ours.coupling[10] == pytest.approx(1.065, abs=0.015)


def test_photon_flux_overestimates_the_rate_but_not_the_ratio():
    full = trident_table({"Fe": 1}, 160.0, scattering=("coherent",))
    photons = trident_table({"Fe": 1}, 160.0, method="epa")
    # sigma(nu gamma) grows with s, so the sharp end of the spectrum at s = 2 E Q counts: a factor
    # int ds / int ds (1 - s^2/(2 E Q)^2) = 3/2, and the Q^2 of the amplitude on top of it
    assert 1.5 < photons.standard() / full.standard() < 2.0
    limit = [float(t.product_limit(0.01, 1.38)) for t in (full, photons)]
    assert math.sqrt(limit[1] / limit[0]) == pytest.approx(1.08, abs=0.04)


def test_limits_from_measured_ratios():
    assert ratio_limit(0.82, 0.28) == pytest.approx(1.38)
    assert ratio_limit(0.82, 0.28, "one-sided", 0.95) == pytest.approx(0.82 + 1.6449 * 0.28, 1e-4)
    mass = np.array([0.01, 1.0])
    ccfr, charm2, nutev = (trident_limit(n, mass).coupling for n in ("ccfr", "charm2", "nutev"))
    assert np.all(ccfr < charm2)
    assert np.all(charm2 < nutev)
    together = combined_trident_limit(mass)
    # one experiment alone: mean + 2 sigma with the mean pulled to 1, the least possible ratio
    alone = combined_trident_limit(mass, experiments=("ccfr",))
    slack = 0.82 + math.sqrt(0.18**2 + 4 * 0.28**2)
    table = experiment_table("ccfr")
    np.testing.assert_allclose(alone.coupling, np.sqrt(table.product_limit(mass, slack)), rtol=1e-6)
    # CHARM-II saw too much: together they allow more than CCFR alone
    assert np.all(together.coupling > ccfr)


def test_dune_reaches_below_the_measured_bounds():
    mass = np.geomspace(1e-3, 1.0, 7)
    dune = trident_limit("dune", mass)
    assert np.all(dune.coupling < trident_limit("ccfr", mass).coupling)
    # events per tonne and year of 1.1e21 protons: Phi sigma N, about one coherent one
    table = experiment_table("dune", scattering=("coherent",))
    flux = 1.04e-7 * 1.1e21  # per cm^2 above 0.5 GeV
    events = flux * table.standard() * 1e-36 * 1e6 / 39.95 * 6.02214076e23
    assert 0.8 < events < 1.5
