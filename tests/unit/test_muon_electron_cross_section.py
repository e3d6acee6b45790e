"""Cross sections of muon on electron: independent Monte Carlo, closed forms, limits, refusals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from mutau.core.constants import ALPHA, M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.jit import njit
from mutau.core.units import GEV2_PB
from mutau.reactions.muon_electron import (
    ALPHA_GENERATOR,
    ELASTIC,
    GAMMA,
    NO_CUTS,
    NUNU,
    PAPER_CUTS,
    ZPRIME,
    Cuts,
    Reaction,
    allowed_electron_energies,
    closing_mass,
    elastic_spectrum,
    elastic_window,
    electron_spectrum,
    kept_fraction,
    luminosity,
    total_cross_section,
)
from mutau.reactions.muon_electron_amplitudes import Invariants, elastic_numerator, emission_kernel
from mutau.reactions.muon_electron_kinematics import production_threshold

pytestmark = pytest.mark.compiled

E1 = 150.0


@njit
def _amplitudes(S, te, tm, sm, se, m2, e2, M2, c_muon, c_electron):
    out = np.empty(len(te))
    for i in range(len(te)):
        out[i] = emission_kernel(
            Invariants(S, te[i], tm[i], sm[i], se[i], m2, e2, M2), c_muon, c_electron
        )
    return out


def two_body_momentum(total, a, b):
    return np.sqrt(((total + a) ** 2 - b**2) * ((total - a) ** 2 - b**2)) / (2.0 * total)


def boosted(p, beta):
    """p (4, n) in a frame that moves with the velocity beta (3, n)."""
    gamma = 1.0 / np.sqrt(1.0 - np.sum(beta**2, axis=0))
    along = np.sum(p[1:] * beta, axis=0)
    space = p[1:] + beta * (gamma**2 / (1 + gamma) * along + gamma * p[0])
    return np.concatenate([[gamma * (p[0] + along)], space])


def dot(a, b):
    return a[0] * b[0] - np.sum(a[1:] * b[1:], axis=0)


def flat_monte_carlo(mass, c_muon, c_electron, select, n=400_000, with_electron=False):
    """sigma in pb and its error, by uniform phase space in the centre of mass.

    dPhi3 = dW^2 / (2 pi) x Phi2(s; W, alone) x Phi2(W; lepton, V), each two-body phase space being
    p / (4 pi total) for the full solid angle; W is the mass of V with the muon, drawn evenly, or
    with the electron, W^2 - m_e^2 drawn evenly in its logarithm. Nothing is shared with the
    integrals under test but the squared amplitude. select(theta_mu, E_e, theta_e, E_V): laboratory.
    """
    rng = np.random.default_rng(1)
    w = math.sqrt(M_MU**2 + M_E**2 + 2.0 * M_E * E1)
    near, alone = (M_E, M_MU) if with_electron else (M_MU, M_E)

    def direction():
        c, phi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
        sine = np.sqrt(1 - c * c)
        return np.stack([sine * np.cos(phi), sine * np.sin(phi), c])

    if with_electron:
        span = math.log(((w - alone) ** 2 - near**2) / 1e-8)
        excess = 1e-8 * np.exp(span * rng.random(n))
        pair, phase = np.sqrt(near**2 + excess), excess * span / (2 * np.pi)
    else:
        pair = rng.uniform(near + mass, w - alone, n)
        phase = 2 * pair * (w - alone - near - mass) / (2 * np.pi)
    p_alone, p_v = two_body_momentum(w, pair, alone), two_body_momentum(pair, near, mass)
    phase *= p_alone / (4 * np.pi * w) * p_v / (4 * np.pi * pair)
    out, star = direction() * p_alone, direction() * p_v
    single = np.concatenate([[np.hypot(p_alone, alone)], out])
    beta = -out / np.hypot(p_alone, pair)
    k = boosted(np.concatenate([[np.hypot(p_v, mass)], star]), beta)
    other = boosted(np.concatenate([[np.hypot(p_v, near)], -star]), beta)
    p3, p4 = (single, other) if with_electron else (other, single)
    p1c = two_body_momentum(w, M_MU, M_E)
    p1 = np.array([math.hypot(p1c, M_MU), 0.0, 0.0, p1c])[:, None]
    p2 = np.array([math.hypot(p1c, M_E), 0.0, 0.0, -p1c])[:, None]
    te, tm = 2 * M_E**2 - 2 * dot(p2, p4), 2 * M_MU**2 - 2 * dot(p1, p3)
    sm, se = 2 * dot(p3, k) + mass**2, 2 * dot(p4, k) + mass**2
    masses = M_MU**2, M_E**2, mass**2
    squared = _amplitudes(2 * M_E * E1, te, tm, sm, se, *masses, c_muon, c_electron)
    lab = np.array([0.0, 0.0, math.sqrt(E1**2 - M_MU**2) / (E1 + M_E)])[:, None] * np.ones(n)
    p3, p4, k = (boosted(p, lab) for p in (p3, p4, k))
    angle = [np.arctan2(np.hypot(p[1], p[2]), p[3]) for p in (p3, p4)]
    kept = select(angle[0], p4[0], angle[1], k[0])
    values = np.where(kept, squared * phase, 0.0) / (4 * M_E * math.sqrt(E1**2 - M_MU**2))
    scale = (4 * np.pi * ALPHA) ** 2 * GEV2_PB
    return np.mean(values) * scale, np.std(values) / math.sqrt(n) * scale


@pytest.mark.parametrize("mass", [0.02, 0.1, 0.22])
def test_zprime_in_the_papers_cuts_agrees_with_flat_phase_space(mass):
    ours = total_cross_section(Reaction(ZPRIME, E1, mass, 1.0), PAPER_CUTS).sigma_pb
    value, error = flat_monte_carlo(
        mass, 1.0, 0.0, lambda mu, e, _t, _v: (mu > 1.5e-3) & (e > 1.0) & (e < 25.0)
    )
    assert error < 0.02 * value
    assert abs(ours - value) < 3.5 * error


def test_cut_on_the_electron_angle_agrees_with_flat_phase_space():
    cuts = dataclasses.replace(PAPER_CUTS, theta_e_max=8e-3)
    ours = total_cross_section(Reaction(ZPRIME, E1, 0.1, 1.0), cuts, accuracy=1e-3).sigma_pb
    value, error = flat_monte_carlo(
        0.1, 1.0, 0.0, lambda mu, e, t, _v: (mu > 1.5e-3) & (e > 1) & (e < 25) & (t < 8e-3)
    )
    assert abs(ours - value) < 3.5 * error


def test_zprime_off_both_lines_agrees_with_flat_phase_space():
    reaction = Reaction(ZPRIME, E1, 0.1, 1.0, electron_coupling=0.5)
    ours = total_cross_section(reaction, PAPER_CUTS, accuracy=1e-3)
    # beam mu-: the Z' couples to the current of the particle with the sign of its coupling
    value, error = flat_monte_carlo(
        0.1, 1.0, 0.5, lambda mu, e, _t, _v: (mu > 1.5e-3) & (e > 1.0) & (e < 25.0)
    )
    assert abs(ours.sigma_pb - value) < 3.5 * error + ours.sigma_err_pb
    opposite = dataclasses.replace(reaction, beam_charge=1)
    value, error = flat_monte_carlo(
        0.1, -1.0, 0.5, lambda mu, e, _t, _v: (mu > 1.5e-3) & (e > 1.0) & (e < 25.0)
    )
    ours = total_cross_section(opposite, PAPER_CUTS, accuracy=1e-3)
    assert abs(ours.sigma_pb - value) < 3.5 * error + ours.sigma_err_pb


def test_radiative_in_the_papers_cuts_agrees_with_flat_phase_space():
    for charge in (-1, 1):
        e = math.sqrt(4 * math.pi * ALPHA)
        ours = total_cross_section(Reaction(GAMMA, E1, beam_charge=charge), PAPER_CUTS)
        value, error = flat_monte_carlo(
            0.0,
            charge * e,
            -e,
            lambda mu, el, _t, _v: (mu > 1.5e-3) & (el > 1.0) & (el < 25.0),
            n=600_000,
            with_electron=True,
        )
        assert error < 0.01 * value
        assert abs(ours.sigma_pb - value) < 3.5 * error + ours.sigma_err_pb


def test_elastic_closed_form_is_the_integral_of_the_amplitude():
    from scipy.integrate import quad

    cuts = Cuts(electron_energy_min=2.0, electron_energy_max=60.0)
    s = 2 * M_E * E1

    def density(e4):
        t = -2 * M_E * (e4 - M_E)
        flux = 32 * math.pi * M_E * (E1**2 - M_MU**2)
        return 2.0 * elastic_numerator(s, t, M_MU**2, M_E**2) / t**2 / flux

    expected = quad(density, 2.0, 60.0, epsrel=1e-11)[0] * (4 * math.pi * ALPHA) ** 2 * GEV2_PB
    reaction = Reaction(ELASTIC, E1)
    values = elastic_spectrum(reaction, [2.0, 60.0, 140.0, M_E])
    scale = (4 * math.pi * ALPHA) ** 2 * GEV2_PB
    assert values.tolist() == pytest.approx([density(2.0) * scale, density(60.0) * scale, 0, 0])
    assert total_cross_section(Reaction(ELASTIC, E1), cuts).sigma_pb == pytest.approx(expected)


def test_elastic_low_energy_limit_is_rutherford():
    """d sigma / dT -> 2 pi alpha^2 / (m_e beta^2 T^2) for T -> 0."""
    low, high = 1e-6, 1.0001e-6
    cuts = Cuts(electron_energy_min=low + M_E, electron_energy_max=high + M_E)
    value = total_cross_section(Reaction(ELASTIC, E1), cuts).sigma_pb
    beta2 = 1 - (M_MU / E1) ** 2
    expected = 2 * math.pi * ALPHA**2 / (M_E * beta2) * (1 / low - 1 / high) * GEV2_PB
    assert value == pytest.approx(expected, rel=1e-5)


def test_photons_from_the_muon_are_a_zprime_without_mass():
    """A very light Z' that couples as a photon is one; the cuts leave no soft ones."""
    e = math.sqrt(4 * math.pi * ALPHA)
    light = Reaction(ZPRIME, E1, 1e-5, -e, electron_coupling=-e)
    gamma = total_cross_section(Reaction(GAMMA, E1), PAPER_CUTS, accuracy=1e-3)
    zprime = total_cross_section(light, PAPER_CUTS, accuracy=1e-3)
    assert zprime.sigma_pb == pytest.approx(gamma.sigma_pb, rel=2e-3)


def test_scaling_with_couplings():
    base = total_cross_section(Reaction(ZPRIME, E1, 0.05, 1e-3), PAPER_CUTS).sigma_pb
    double = total_cross_section(Reaction(ZPRIME, E1, 0.05, 2e-3), PAPER_CUTS).sigma_pb
    other = Reaction(ZPRIME, E1, 0.05, 1e-3, alpha=ALPHA_GENERATOR)
    assert double == pytest.approx(4 * base, rel=1e-12)
    assert total_cross_section(other, PAPER_CUTS).sigma_pb == pytest.approx(
        base * (ALPHA_GENERATOR / ALPHA) ** 2, rel=1e-12
    )
    plus = dataclasses.replace(Reaction(ZPRIME, E1, 0.05, 1e-3), beam_charge=1)
    assert total_cross_section(plus, PAPER_CUTS).sigma_pb == pytest.approx(base, rel=1e-12)


@pytest.mark.parametrize(
    "reaction",
    [Reaction(ZPRIME, E1, 0.03, 1e-3), Reaction(GAMMA, E1), Reaction(NUNU, E1)],
    ids=lambda r: r.process,
)
def test_spectrum_adds_up_to_the_total(reaction):
    total = total_cross_section(reaction, PAPER_CUTS, accuracy=1e-3)
    order = 16 if reaction.process == ZPRIME else 12
    spectrum = electron_spectrum(reaction, np.geomspace(0.5, 30.0, 9), PAPER_CUTS, order=order)
    whole = spectrum.sigma_pb.sum()
    assert whole == pytest.approx(total.sigma_pb, rel=1e-3)
    assert spectrum.sigma_err_pb.sum() < 5e-3 * whole


def test_cut_windows_add_up():
    reaction = Reaction(ZPRIME, E1, 0.1, 1e-3)
    parts = [
        total_cross_section(reaction, Cuts(1.5e-3, low, high)).sigma_pb
        for low, high in ((1.0, 3.0), (3.0, 8.0), (8.0, 25.0))
    ]
    assert sum(parts) == pytest.approx(total_cross_section(reaction, PAPER_CUTS).sigma_pb, rel=1e-5)
    share, error = kept_fraction(reaction, PAPER_CUTS, PAPER_CUTS)
    assert share == 1.0
    assert 0.0 < error < 2e-4


def test_phase_space_closes_where_kinematics_say():
    """Without cuts at the threshold; with a muon angle where that angle is the largest one."""
    assert closing_mass(E1, Cuts()) == pytest.approx(production_threshold(E1))
    from mutau.reactions.muon_electron_kinematics import largest_muon_angle

    only_angle = closing_mass(E1, Cuts(theta_mu_min=1.5e-3))
    assert largest_muon_angle(E1, only_angle) == pytest.approx(1.5e-3, rel=1e-6)
    assert closing_mass(E1, PAPER_CUTS) <= only_angle
    beyond = Reaction(ZPRIME, E1, 0.29, 1e-3)
    assert total_cross_section(beyond, PAPER_CUTS).sigma_pb == 0.0
    assert total_cross_section(beyond).sigma_pb > 0.0


def test_luminosity_counts_electrons():
    """1e10 particles on 1e24 electrons per cm^2 and 1 b = 1e-24 cm^2: 1e10 events per barn."""
    assert luminosity(1e10, 1e24, 0.5, 2) == pytest.approx(1e10 / 1e12)
    with pytest.raises(OutOfRange, match="electron density"):
        luminosity(1e10, 0.0, 1.0)


def test_what_is_infinite_is_refused():
    with pytest.raises(OutOfRange, match="infinite"):
        total_cross_section(Reaction(ELASTIC, E1))
    with pytest.raises(OutOfRange, match="soft photons"):
        total_cross_section(Reaction(GAMMA, E1), Cuts(electron_energy_min=1.0))
    hard = Cuts(electron_energy_min=1.0, emitted_energy_min=1.0)
    assert total_cross_section(Reaction(GAMMA, E1), hard, accuracy=1e-2).sigma_pb > 0.0
    low, high = elastic_window(Reaction(ELASTIC, E1), PAPER_CUTS)
    assert high < low  # (i) and (ii) leave no elastic event
    assert total_cross_section(Reaction(ELASTIC, E1), PAPER_CUTS).sigma_pb == 0.0


def test_bad_input_is_refused():
    with pytest.raises(OutOfRange, match="mass"):
        Reaction(ZPRIME, E1, 0.3, 1e-3)
    with pytest.raises(OutOfRange, match="mass"):
        Reaction(ZPRIME, E1, 0.0, 1e-3)
    with pytest.raises(UnknownName, match="did you mean"):
        Reaction("muon-electron-zprim", E1)
    with pytest.raises(MutauError, match="no mass"):
        Reaction(GAMMA, E1, mass=0.1)
    with pytest.raises(MutauError, match="beam charge"):
        Reaction(GAMMA, E1, beam_charge=0)
    with pytest.raises(OutOfRange):
        Reaction(ZPRIME, E1, 0.1, float("nan"))
    with pytest.raises(MutauError, match="nothing can pass"):
        Cuts(electron_energy_min=25.0, electron_energy_max=1.0)
    with pytest.raises(OutOfRange):
        Cuts(theta_mu_min=-1e-3)
    with pytest.raises(MutauError, match="increase"):
        electron_spectrum(Reaction(GAMMA, E1), [3.0, 1.0], PAPER_CUTS)
    with pytest.raises(OutOfRange, match="no event"):
        kept_fraction(Reaction(ZPRIME, E1, 0.29, 1e-3), PAPER_CUTS, PAPER_CUTS)


@pytest.mark.parametrize("mass", [1e-3, 0.1, 0.25])
@pytest.mark.parametrize("energy", [15.0, 150.0])
def test_the_softest_electron_is_the_one_of_two_body_kinematics(energy, mass):
    """Smallest |t| with a muon and V at rest to each other: the product of the smallest and the
    largest is 4 m_e^2 (E_i - E_f)^2 with the electron's energies in the centre of mass."""
    s = M_MU**2 + M_E**2 + 2.0 * M_E * energy
    pair = (M_MU + mass) ** 2
    if math.sqrt(s) < M_MU + mass + M_E:
        assert allowed_electron_energies(energy, mass, NO_CUTS) is None
        return
    e_i, e_f = ((s + M_E**2 - square) / (2.0 * math.sqrt(s)) for square in (M_MU**2, pair))
    most = 2.0 * (e_i * e_f + math.sqrt((e_i**2 - M_E**2) * (e_f**2 - M_E**2)) - M_E**2)
    least = 4.0 * M_E**2 * (e_i - e_f) ** 2 / most
    low, high = allowed_electron_energies(energy, mass, NO_CUTS)
    assert low == pytest.approx(least / (2.0 * M_E), rel=1e-5)
    assert high == pytest.approx(most / (2.0 * M_E), rel=1e-5)
