"""Lepton bremsstrahlung against independent formulas and an independent integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import qmc

from mutau.core.constants import ALPHA, M_E, M_MU, M_U
from mutau.core.random import stream
from mutau.core.units import GEV2_PB
from mutau.matter.form_factors import form_factor_parameters
from mutau.matter.nucleus import Nucleus
from mutau.reactions import electron_brems, muon_brems
from mutau.reactions.bremsstrahlung_events import BremsSampler

pytestmark = pytest.mark.compiled

Z_AND_A = {"z": 82.0, "a": 207.2}
LEAD = {"nucleus": Nucleus(**Z_AND_A)}
#: e epsilon at epsilon = 1e-4.
WEAK = np.sqrt(4.0 * np.pi * ALPHA) * 1e-4


def _bethe_heitler(x, energy, g2):
    """x d sigma/dx of a photon, pb, in the Born approximation: Bethe's two screening integrals.

    Bethe, Proc. Camb. Phil. Soc. 30 (1934) 524; Tsai, Rev. Mod. Phys. 46 (1974) 815, eqs.
    (3.6)-(3.9): phi_1 and phi_2 over the momentum transfer between delta and m_e, for a charge
    with squared form factor g2(t) that is 1 well below t = m_e^2 ... per z^2.
    """
    delta = M_E * x * M_E / (2.0 * energy * (1.0 - x))

    def f_1(log_q):
        q = np.exp(log_q)
        return (q - delta) ** 2 / q**2 * g2(q * q)

    def f_2(log_q):
        q = np.exp(log_q)
        bracket = (
            q**3 - 6.0 * delta**2 * q * np.log(q / delta) + 3.0 * delta**2 * q - 4.0 * delta**3
        )
        return bracket / q**3 * g2(q * q)

    limits = np.log(delta), np.log(M_E)
    phi_1 = 4.0 * integrate.quad(f_1, *limits, epsrel=1e-9, limit=200)[0] + 4.0
    phi_2 = 4.0 * integrate.quad(f_2, *limits, epsrel=1e-9, limit=200)[0] + 10.0 / 3.0
    front = ALPHA * (ALPHA / M_E) ** 2 * GEV2_PB
    return front * ((1.0 + (1.0 - x) ** 2) * phi_1 - 2.0 / 3.0 * (1.0 - x) * phi_2)


@pytest.mark.parametrize("x", [0.1, 0.4, 0.8])
@pytest.mark.parametrize("kind", ["point", "elastic"])
def test_light_limit_is_bethe_heitler(x, kind):
    """A Z' of 1 keV with the charge of a photon radiates as a photon does.

    Left over: (m/x m_e)^2 = 4e-4 at x = 0.1, and nuclear size at t = m_e^2: tolerance 2e-3.
    """
    z2, screen = form_factor_parameters(kind, **Z_AND_A)[:2]
    photon = z2 * _bethe_heitler(x, 100.0, lambda t: (t / (t + screen)) ** 2)
    ours = electron_brems.differential_x(
        x, 100.0, 1e-6, Nucleus(**Z_AND_A, form_factor=kind), coupling=np.sqrt(4.0 * np.pi * ALPHA)
    )
    assert x * float(ours) == pytest.approx(photon, rel=2e-3)


def test_unscreened_bethe_heitler_closed_form():
    """Point charge: the screening integrals above give Bethe and Heitler's logarithm."""
    x, energy = 0.3, 100.0
    logarithm = np.log(2.0 * energy * (1.0 - x) / (M_E * x)) - 0.5
    known = 4.0 * ALPHA**3 / M_E**2 * GEV2_PB * (1.0 + (1.0 - x) ** 2 - 2.0 / 3.0 * (1.0 - x))
    assert _bethe_heitler(x, energy, lambda t: 1.0) == pytest.approx(known * logarithm, rel=1e-6)


def _invariant_amplitude(s, u, t, mass, m_l, p_in, p_out, current2):
    """Squared amplitude in invariants, Liu, McKeen and Miller, PRD 95 (2017) 036010, eq. 10.

    s = (p'+k)^2 - m_l^2, u = (p-k)^2 - m_l^2 (negative), t = Q^2, p_in = P.p, p_out = P.p'.
    """
    t_2 = mass**2 - t - s - u
    return (
        2.0 * current2 * (s / u + u / s)
        - 8.0 * t * (p_in**2 + p_out**2) / (s * u)
        - 4.0 * t * (t_2 + mass**2) * current2 / (s * u)
        + 2.0
        * (mass**2 + 2.0 * m_l**2)
        * ((s + u) ** 2 * t * current2 - 4.0 * (u * p_in + s * p_out) ** 2)
        / (s * u) ** 2
    )


def _kallen(a, b, c):
    return a * a + b * b + c * c - 2.0 * (a * b + b * c + c * a)


def _subprocess_points(energy, mass, m_l, z, a, power=16):
    """Contributions to the cross section at coupling 1, pb, with t and s of each point.

    From gamma* l -> l Z': outer (t, s), inner two-body angles, so another factorisation of the
    phase space, another form of the amplitude, at quasi-random points.
    """
    nucleus = a * M_U
    total2 = m_l**2 + nucleus**2 + 2.0 * energy * nucleus
    points = qmc.Sobol(4, scramble=True, seed=5).random_base2(power)
    # s = (lepton Z')^2 - m_l^2, logarithmic between threshold and the end
    s_low = (m_l + mass) ** 2 - m_l**2
    s_high = (np.sqrt(total2) - nucleus) ** 2 - m_l**2
    s = s_low * (s_high / s_low) ** points[:, 0]
    weight = s * np.log(s_high / s_low)
    pair2 = s + m_l**2
    # t between its limits at this s
    lam_in, lam_out = _kallen(total2, m_l**2, nucleus**2), _kallen(total2, pair2, nucleus**2)
    mean = (
        total2**2
        - total2 * (m_l**2 + 2 * nucleus**2 + pair2)
        + (nucleus**2 - m_l**2) * (nucleus**2 - pair2)
    )
    t_max = (mean + np.sqrt(lam_in * lam_out)) / (2.0 * total2)
    t_min = nucleus**2 * s**2 / (total2 * t_max)
    t = t_min * (t_max / t_min) ** points[:, 1]
    weight = weight * t * np.log(t_max / t_min)
    # the pair's rest frame: z along p
    root = np.sqrt(pair2)
    p_0 = (pair2 + m_l**2 + t) / (2.0 * root)
    p_z = np.sqrt(p_0**2 - m_l**2)
    k_0 = (pair2 + mass**2 - m_l**2) / (2.0 * root)
    k = np.sqrt(np.maximum(k_0**2 - mass**2, 0.0))
    # u' = 2 p.k - m^2, logarithmic between forward and backward
    u_low, u_high = 2.0 * (p_0 * k_0 - p_z * k) - mass**2, 2.0 * (p_0 * k_0 + p_z * k) - mass**2
    u = u_low * (u_high / u_low) ** points[:, 2]
    weight = weight * u * np.log(u_high / u_low) / (2.0 * p_z * k)
    cosine = (p_0 * k_0 - 0.5 * (u + mass**2)) / (p_z * k)
    sine = np.sqrt(np.maximum(1.0 - cosine**2, 0.0))
    phi = 2.0 * np.pi * points[:, 3]
    weight = weight * 2.0 * np.pi
    # the nuclear current in that frame, from P.p, P.q = 0 and P^2
    current2 = 4.0 * nucleus**2 + t
    p_in = 2.0 * nucleus * energy - 0.5 * (s + t)
    c_0 = p_in / root
    c_z = (c_0 * p_0 - p_in) / p_z
    c_t = np.sqrt(np.maximum(c_0**2 - c_z**2 - current2, 0.0))
    current_k = c_0 * k_0 - c_z * k * cosine - c_t * k * sine * np.cos(phi)
    amplitude = _invariant_amplitude(s, -u, t, mass, m_l, p_in, p_in - current_k, current2)
    z2, screen, size = form_factor_parameters("elastic", z, a)[:3]
    g2 = z2 * (t / ((t + screen) * (1.0 + t * size))) ** 2
    # flux 4 M p, e^4 G2/t^2, dPhi_2 = dt/(16 pi M p) ds/2pi, inner dPhi_2 = k dOmega/(16 pi^2 W)
    p = np.sqrt(energy**2 - m_l**2)
    front = (4.0 * np.pi * ALPHA) ** 2 * g2 / t**2 / (4.0 * nucleus * p)
    phase = k / (16.0 * np.pi**2 * root) / (16.0 * np.pi * nucleus * p) / (2.0 * np.pi)
    values = np.where(np.isfinite(amplitude), front * phase * amplitude * weight, 0.0)
    return values * GEV2_PB / len(values), t, s


@pytest.mark.parametrize(
    ("front", "m_l", "energy", "mass"),
    [
        (muon_brems, M_MU, 160.0, 0.01),
        (muon_brems, M_MU, 160.0, 0.1),
        (muon_brems, M_MU, 100.0, 1.0),
        (electron_brems, M_E, 100.0, 0.1),
    ],
)
def test_total_against_subprocess_integral(front, m_l, energy, mass):
    """Another phase space, another form of the amplitude, quasi-Monte Carlo: within 0.2 %."""
    other = np.sum(_subprocess_points(energy, mass, m_l, **Z_AND_A)[0])
    assert front.total(energy, mass, **LEAD).sigma_pb == pytest.approx(other, rel=2e-3)


@pytest.mark.parametrize(
    ("front", "energy", "known"), [(muon_brems, 160.0, 9.49), (electron_brems, 100.0, 104.0)]
)
def test_check_values(front, energy, known):
    """Lead, 100 MeV, epsilon = 1e-4: values known to three digits from elsewhere."""
    ours = front.total(energy, 0.1, **LEAD, coupling=WEAK)
    assert ours.sigma_pb == pytest.approx(known, rel=4e-3)
    assert ours.sigma_err_pb < 1e-3 * ours.sigma_pb


def test_muon_approximations():
    """160 GeV on lead, 1 MeV to 1 GeV: ww within 1 % of exact, iww 1.1 to 2.5 times above."""
    mass = np.geomspace(1e-3, 1.0, 13)
    exact, ww, iww = (
        muon_brems.totals(160.0, mass, **LEAD, method=method).sigma_pb
        for method in ("exact", "ww", "iww")
    )
    assert np.all(np.abs(ww / exact - 1.0) < 0.01)
    ratio = iww / exact
    assert ratio[0] == pytest.approx(1.097, abs=0.01)
    assert np.all(np.diff(ratio) > 0.0)
    assert ratio[-1] == pytest.approx(2.46, abs=0.03)


def test_electron_approximations():
    """100 GeV on lead: ww 1.3 to 1.45 times exact from 0.1 to 1 GeV, and far off in shape."""
    mass = np.array([0.1, 0.3, 1.0])
    exact = electron_brems.totals(100.0, mass, **LEAD).sigma_pb
    ww = electron_brems.totals(100.0, mass, **LEAD, method="ww").sigma_pb
    assert np.all((ww / exact > 1.3) & (ww / exact < 1.46))
    x = np.array([0.5, 0.999])
    ratio = electron_brems.differential_x(
        x, 100.0, 0.1, **LEAD, method="ww"
    ) / electron_brems.differential_x(x, 100.0, 0.1, **LEAD)
    assert ratio[1] > 1.3 * ratio[0]


@pytest.mark.parametrize(
    ("lepton", "m_l", "energy", "mass"),
    [("muon", M_MU, 160.0, 0.1), ("muon", M_MU, 160.0, 0.01), ("electron", M_E, 100.0, 0.1)],
)
def test_events_follow_t_and_s(lepton, m_l, energy, mass):
    """Momentum transfer and l Z' mass of unweighted events against the sub-process integral.

    Shares of ten bins; 4e5 events and 2^19 quasi-random points leave about 0.5 % per bin.
    """
    n = 400_000
    sampler = BremsSampler(lepton, **LEAD, mass=mass, energy_min=energy, energy_max=energy)
    sample = sampler.sample(np.full(n, energy), stream(21))
    recoil = sample.p_nucleus[:, 1:]
    kinetic = sample.p_nucleus[:, 0] - LEAD["nucleus"].mass
    transfer = np.sum(recoil**2, axis=1) - kinetic**2
    pair = sample.p_lepton + sample.p_zprime
    s = pair[:, 0] ** 2 - np.sum(pair[:, 1:] ** 2, axis=1) - m_l**2
    values, t_points, s_points = _subprocess_points(energy, mass, m_l, **Z_AND_A, power=19)
    for ours, theirs in ((transfer, t_points), (s, s_points)):
        edges = np.quantile(ours, np.linspace(0.0, 1.0, 11))
        edges[0], edges[-1] = 0.0, np.inf
        share = np.histogram(ours, edges, weights=sample.weight)[0] / np.sum(sample.weight)
        expected = np.histogram(theirs, edges, weights=values)[0] / np.sum(values)
        assert share == pytest.approx(expected, rel=0.015)
