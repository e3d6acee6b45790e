"""Partial widths against numbers worked out by hand."""

import math

import pytest

from mutau.core.constants import E_CHARGE, M_E, M_MU
from mutau.models import DarkPhoton, LmuMinusLtau
from mutau.models.formulas import lepton_pair_width, neutrino_pair_width, scalar_pair_width


def test_muon_pair_at_twice_the_threshold():
    # m = 4 m_mu: r = 1/16, 1 + 2r = 9/8, sqrt(1 - 4r) = sqrt(3)/2.
    mass, g = 4.0 * M_MU, 2e-3
    by_hand = g**2 * mass / (12.0 * math.pi) * (9.0 / 8.0) * math.sqrt(3.0) / 2.0
    assert LmuMinusLtau(mass, g).width("mumu") == pytest.approx(by_hand, rel=1e-14)


def test_both_neutrino_flavours_together_weigh_as_one_massless_charged_lepton():
    mass, g = 0.05, 1e-3
    alpha_prime = g**2 / (4.0 * math.pi)
    assert LmuMinusLtau(mass, g).width("nunu") == pytest.approx(alpha_prime * mass / 3.0, rel=1e-14)
    assert 2.0 * float(neutrino_pair_width(g, mass)) == pytest.approx(
        float(lepton_pair_width(g, mass, 0.0)), rel=1e-14
    )


def test_scalar_pair_at_ratio_three():
    # (1 - 4/9)^(3/2) = (5/9)^(3/2) = 0.4140866...
    by_hand = 0.1 * 0.3 / 12.0 * (5.0 / 9.0) ** 1.5
    assert LmuMinusLtau(0.3, 1e-4, 0.1, 3.0).width("chichi") == pytest.approx(by_hand, rel=1e-14)
    assert float(scalar_pair_width(0.1, 0.3, 2.0)) == 0.0


def test_electron_width_uses_e_times_the_mixing():
    z = LmuMinusLtau(0.15, 1e-3)
    r = (M_E / 0.15) ** 2
    by_hand = (E_CHARGE * z.epsilon_eff) ** 2 * 0.15 / (12 * math.pi)
    by_hand *= (1 + 2 * r) * math.sqrt(1 - 4 * r)
    assert z.width("ee") == pytest.approx(by_hand, rel=1e-12)
    assert z.lepton_coupling("e") == pytest.approx(E_CHARGE * z.epsilon_eff, rel=1e-15)
    assert (z.lepton_coupling("mu"), z.lepton_coupling("tau")) == (1e-3, -1e-3)


def test_dark_photon_far_above_the_electron_is_alpha_eps2_m_over_3():
    a = DarkPhoton(0.2, 1e-3)
    alpha = E_CHARGE**2 / (4 * math.pi)
    assert a.width_total == pytest.approx(alpha * 1e-6 * 0.2 / 3, rel=1e-8)  # (m_e/m)^4 = 4e-11
    assert a.branching_invisible == 0.0


def test_lifetime_of_one_nanosecond_is_thirty_centimetres():
    # Gamma = hbar/tau: 6.582119569e-25 GeV s / 1 ns = 6.582e-16 GeV for the neutrinos alone.
    z = LmuMinusLtau(1e-3, 1e-3)
    assert z.lifetime == pytest.approx(6.582119569e-25 / z.width_total, rel=1e-9)
    assert z.ctau / z.lifetime == pytest.approx(2.99792458e10, rel=1e-12)


def test_dark_sector_makes_a_boson_above_two_muons_invisible():
    vanilla, dark = LmuMinusLtau(0.5, 1e-3), LmuMinusLtau(0.5, 1e-3, 0.1)
    # vanilla: nunu : mumu = 1 : (1 + 2r) sqrt(1 - 4r), r = (m_mu/0.5)^2
    r = (M_MU / 0.5) ** 2
    share = 1.0 / (1.0 + (1.0 + 2.0 * r) * math.sqrt(1.0 - 4.0 * r))
    assert vanilla.branching_invisible == pytest.approx(share, rel=1e-4)  # ee by mixing: 4e-5
    assert dark.branching_invisible > 0.99998
