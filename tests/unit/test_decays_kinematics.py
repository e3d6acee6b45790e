"""Decays in flight: lengths, probabilities, limits and spectra by hand."""

import math

import numpy as np
import pytest
from particle import Particle

from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.fourvectors import mass_squared
from mutau.core.random import stream
from mutau.matter.hadrons import hadron, mass_of_code
from mutau.matter.nuclear_final_states import table
from mutau.transport.decays import (
    dalitz_density,
    decay_in_flight,
    decay_probability,
    energy_limits,
    fraction_below,
    rest_momentum,
    rest_spectrum,
)

KAON, PION, KLONG = hadron("K-"), hadron("pi-"), hadron("K_L")
MUON = KAON.channel("mu", "nu").masses[0]


def test_the_table_agrees_with_an_independent_copy_of_the_particle_data():
    for name, pdgid in {"pi-": 211, "K-": 321, "K_L": 130, "K_S": 310, "pi0": 111}.items():
        known = Particle.from_pdgid(pdgid)
        assert hadron(name).mass == pytest.approx(known.mass * 1e-3, rel=1e-4)
        assert hadron(name).c_tau == pytest.approx(0.1 * known.ctau, rel=0.02)


def test_masses_of_final_states_agree_with_it():
    for code in table()["kinds"].tolist():
        known = Particle.from_pdgid(code)
        assert mass_of_code(code) == pytest.approx((known.mass or 0.0) * 1e-3, rel=1e-6)
        assert mass_of_code(-code) == mass_of_code(code)
    with pytest.raises(UnknownName, match="PDG code '9'"):
        mass_of_code(9)


def test_decay_lengths_at_160_gev():
    # gamma beta c tau = 160/0.493677 * 3.711 m = 1203 m; pions 8.95 km, K_L 4.93 km
    assert KAON.decay_length(160.0) == pytest.approx(160.0 / 0.493677 * 371.1, rel=1e-3)
    assert PION.decay_length(160.0) == pytest.approx(8.95e5, rel=1e-3)
    assert KLONG.decay_length(160.0) == pytest.approx(4.93e5, rel=1e-3)


def test_probability_over_36_m():
    # K-: 1 - exp(-36/1203) = 0.0295; to mu nu 0.636 of it, 0.0187
    chance = float(decay_probability(KAON, 160.0, 3600.0))
    assert chance == pytest.approx(1.0 - math.exp(-36.0 / 1202.9), rel=1e-3)
    assert chance * KAON.channel("mu", "nu").fraction == pytest.approx(0.0187, abs=1e-4)
    assert float(decay_probability(KAON, 160.0, 1e-3)) == pytest.approx(1e-3 / 1.2029e5, rel=1e-3)
    assert float(decay_probability(KAON, 160.0, 0.0)) == 0.0


def test_two_body_momentum_and_limits():
    # p* = (m^2 - m_mu^2)/2m: 235.5 MeV (kaon), 29.8 MeV (pion)
    assert float(rest_momentum(KAON.mass, MUON, 0.0)) == pytest.approx(
        (KAON.mass**2 - MUON**2) / (2.0 * KAON.mass), rel=1e-12
    )
    assert float(rest_momentum(0.1, 0.2, 0.0)) == 0.0
    low, high = energy_limits(KAON, KAON.channel("mu", "nu"), 0, 160.0)
    assert low == pytest.approx((MUON / KAON.mass) ** 2 * 160.0, rel=1e-4)
    assert high == pytest.approx(160.0, rel=1e-4)
    low, _ = energy_limits(PION, PION.channel("mu", "nu"), 0, 160.0)
    assert low == pytest.approx(91.7, abs=0.05)  # (105.66/139.57)^2 160


def test_flat_muon_spectrum_gives_the_papers_share_below_100_gev():
    # (100 - 7.33)/(160 - 7.33) = 0.607; times 0.0187: 0.0114, printed as 0.011
    share = fraction_below(KAON, KAON.channel("mu", "nu"), 0, 160.0, 100.0)
    assert share == pytest.approx((100.0 - 7.329) / (160.0 - 7.329), rel=1e-3)
    assert 0.01874 * share == pytest.approx(0.011, abs=0.0005)
    assert fraction_below(PION, PION.channel("mu", "nu"), 0, 160.0, 90.0) == 0.0
    assert fraction_below(PION, PION.channel("mu", "nu"), 0, 160.0, 161.0) == 1.0


def test_flat_spectrum_of_drawn_muons():
    n, energy = 40_000, 160.0
    p4 = np.tile([energy, 0.0, 0.0, math.sqrt(energy**2 - KAON.mass**2)], (n, 1))
    muon = decay_in_flight(KAON, KAON.channel("mu", "nu"), p4, stream(1))[:, 0]
    low, high = energy_limits(KAON, KAON.channel("mu", "nu"), 0, energy)
    counts = np.histogram(muon[:, 0], np.linspace(low, high, 11))[0]
    assert counts.sum() == n
    assert np.all(np.abs(counts - n / 10) < 5.0 * math.sqrt(n / 10))


def test_ke3_amplitude_is_that_of_the_particle_data_group():
    """Our trace against A + B xi + C xi^2 of the review (form factors with slopes, muons)."""
    channel = KAON.channel("pi0", "mu", "nu")
    m, (m_pi, m_l, _) = KAON.mass, channel.masses
    plus, zero = channel.form_factors
    ours, theirs = [], []
    for e_pi, e_l in [(0.15, 0.2), (0.2, 0.15), (0.22, 0.17), (0.18, 0.22)]:
        t = m**2 + m_pi**2 - 2.0 * m * e_pi
        e_nu = m - e_pi - e_l
        ours.append(float(dalitz_density(KAON, channel, m**2 - 2.0 * m * e_nu, t)))
        f_plus = 1.0 + plus * t / PION.mass**2
        f_zero = 1.0 + zero * t / PION.mass**2
        xi = (f_zero / f_plus - 1.0) * (m**2 - m_pi**2) / t
        e_top = (m**2 + m_pi**2 - m_l**2) / (2.0 * m) - e_pi
        a = m * (2.0 * e_l * e_nu - m * e_top) + m_l**2 * (0.25 * e_top - e_nu)
        b, c = m_l**2 * (e_nu - 0.5 * e_top), 0.25 * m_l**2 * e_top
        theirs.append(f_plus**2 * (a + b * xi + c * xi**2))
    assert min(theirs) > 0.0
    ratio = np.array(ours) / np.array(theirs)
    assert ratio == pytest.approx(ratio[0], rel=1e-9)


def test_dalitz_plot_of_three_pions():
    channel = KAON.channel("pi", "pi", "pi")
    s0 = (KAON.mass**2 + 3.0 * PION.mass**2) / 3.0
    assert float(dalitz_density(KAON, channel, s0, s0)) == pytest.approx(1.0)
    # one step of m_pi^2 in s_3 at fixed s_1 - s_2: 1 + g u + h u^2
    g, h, _ = channel.slopes
    u = 0.5
    off = float(dalitz_density(KAON, channel, s0 + u * PION.mass**2, s0 - 0.5 * u * PION.mass**2))
    assert off == pytest.approx(1.0 + g * u + h * u * u)
    assert float(dalitz_density(KAON, channel, (2 * PION.mass) ** 2 * 0.99, s0)) == 0.0
    assert float(dalitz_density(KAON, channel, (KAON.mass - PION.mass) ** 2 * 1.01, s0)) == 0.0


@pytest.mark.parametrize("index", [0, 1, 2])
def test_drawn_three_body_decays_follow_their_spectrum(index):
    channel = KAON.channel("pi0", "mu", "nu")
    energy, density = rest_spectrum(KAON, channel, index)
    step = energy[1] - energy[0]
    assert float(density.sum() * step) == pytest.approx(1.0, abs=1e-9)
    mean = float(np.sum(energy * density) * step)
    still = np.tile([KAON.mass, 0.0, 0.0, 0.0], (40_000, 1))
    drawn = decay_in_flight(KAON, channel, still, stream(2, index))[:, index, 0]
    spread = drawn.std() / math.sqrt(len(drawn))
    assert drawn.mean() == pytest.approx(mean, abs=5.0 * spread + 1e-4)


def test_fractions_sum_to_one_and_leptons_are_found():
    for name in ("pi-", "K-", "K_L", "K_S"):
        assert sum(c.fraction for c in hadron(name).channels) == pytest.approx(1.0, abs=5e-4)
    assert KAON.channel("nu", "mu").fraction == KAON.channel("mu", "nu").fraction


def test_wrong_input_is_refused():
    with pytest.raises(UnknownName, match="did you mean"):
        hadron("K_")
    with pytest.raises(UnknownName):
        KAON.channel("mu", "mu")
    with pytest.raises(OutOfRange):
        KAON.decay_length(0.0)
    with pytest.raises(OutOfRange):
        decay_probability(KAON, 160.0, math.nan)
    with pytest.raises(MutauError):
        energy_limits(KAON, KAON.channel("pi", "pi", "pi"), 0, 160.0)
    with pytest.raises(MutauError):
        decay_in_flight(KAON, KAON.channel("mu", "nu"), np.zeros(4), stream(1))


def test_four_momentum_and_masses_in_every_channel():
    for particle in (KAON, PION, KLONG):
        p4 = np.array([[100.0, 1.0, -2.0, 0.0]])
        p4[:, 3] = math.sqrt(100.0**2 - particle.mass**2 - 5.0)
        for channel in particle.channels:
            daughters = decay_in_flight(particle, channel, np.repeat(p4, 50, axis=0), stream(3))
            assert np.allclose(daughters.sum(axis=1), p4, atol=1e-8)
            for i, mass in enumerate(channel.masses):
                assert np.allclose(mass_squared(daughters[:, i]), mass**2, atol=1e-9)
