"""Differential cross sections of the cascade: limits, integrals and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from mutau.core.constants import ALPHA, M_E
from mutau.matter import material
from mutau.matter.em_processes import (
    DIELECTRIC,
    LPM,
    annihilation,
    annihilation_total,
    bhabha,
    brems,
    compton,
    compton_total,
    electrons_screening,
    migdal_functions,
    migdal_xi,
    moller,
    nucleus_screening,
    pair,
)
from mutau.matter.em_processes_medium import (
    bhabha_loss,
    collision_loss,
    medium,
    moller_loss,
    restricted_loss,
)
from mutau.transport.shower_profile import critical_energy

pytestmark = pytest.mark.compiled

LEAD = medium(material("lead"))
BARE = medium(material("lead"), lpm=False, dielectric=False)


def test_screening_functions_meet_both_limits():
    """Full screening: radiation logarithms. None: 4 ln(2 E E'/(m k)) - 2 for any atom."""
    assert nucleus_screening(0.0)[0] == pytest.approx(4 * math.log(184.15), abs=2e-3)
    assert electrons_screening(0.0)[0] == pytest.approx(4 * math.log(1194.0), abs=2e-3)
    far = 1e3
    assert nucleus_screening(far)[0] == pytest.approx(
        4 * math.log(200.0) - 2 - 4 * math.log(far), abs=2e-3
    )
    # per electron the same photon sees epsilon = gamma/Z^(1/3), and psi - 8/3 ln Z the same number
    assert electrons_screening(far)[0] == pytest.approx(
        4 * math.log(200.0) - 2 - 4 * math.log(far), abs=3e-2
    )


def test_migdal_functions_are_their_integrals():
    """Migdal 1956, eqs. 46 and 48; the fit of Stanev et al. claims about 0.2 %."""
    for s in (0.02, 0.1, 0.3, 0.6, 1.0, 1.7, 2.5):
        phi = 12 * s**2 * quad(
            lambda x, s=s: math.exp(-s * x) * math.sin(s * x) / math.tanh(x / 2), 0, 60 / s,
            limit=400,
        )[0] - 6 * math.pi * s**2  # fmt: skip
        rest = quad(
            lambda x, s=s: math.exp(-s * x) * math.sin(s * x) / math.sinh(x / 2), 1e-12, 80,
            limit=400,
        )[0]  # fmt: skip
        g = 48 * s**2 * (math.pi / 4 - rest / 2)
        got = migdal_functions(s)
        assert got[0] == pytest.approx(phi, rel=4e-3)
        assert got[1] == pytest.approx(g, rel=6e-3, abs=2e-3)
    assert migdal_functions(50.0) == pytest.approx((1.0, 1.0), abs=1e-6)


def test_migdal_xi_runs_from_two_to_one():
    log_s1 = -7.1
    assert migdal_xi(math.exp(-8.0), log_s1) == 2.0
    assert migdal_xi(1.0, log_s1) == 1.0
    assert migdal_xi(math.exp(-7.0999), log_s1) == pytest.approx(2.0, abs=1e-3)
    assert 1.4 < migdal_xi(math.exp(-3.55), log_s1) < 1.6


@pytest.mark.parametrize("name", ["lead", "iron", "carbon", "polystyrene", "water"])
def test_radiation_length_comes_out_of_the_integrals(name):
    """1/X0 is k dN/dk at k -> E in full screening; the mean loss is 1/(18 L) of it more."""
    m = medium(material(name), lpm=False, dielectric=False)
    e = 1e8
    # the tables' X0 are rounded to 0.1 %, compounds' follow other recipes
    assert brems(e, e - 1e3, m.data.rows, 0) == pytest.approx(1.0, rel=1.2e-2)
    loss = quad(lambda y: brems(e, y * e, m.data.rows, 0), 1e-9, 1 - 1e-9, limit=200)[0]
    assert loss == pytest.approx(1.0 + 1.0 / (18 * 4.6), rel=1.5e-2)


def test_lead_has_its_radiation_length():
    e = 1e8
    assert BARE.x0 / brems(e, e - 1e3, BARE.data.rows, 0) == pytest.approx(6.37, abs=0.01)


def test_pairs_are_seven_ninths_at_high_energy():
    """7/9 of 1/X0 less (Z^2 + Z)/(54 (Z^2 (L - f) + Z L')), the same theory in full screening."""
    k = 1e7
    rate = (
        2
        * quad(lambda e: pair(k, e, BARE.data.rows, 0), M_E, k / 2, points=[1e-3 * k], limit=300)[0]
    )
    z, f = 82, 0.3318
    terms = z * z * (math.log(184.15 / z ** (1 / 3)) - f) + z * math.log(1194 / z ** (2 / 3))
    assert rate == pytest.approx(7 / 9 - (z * z + z) / (54 * terms), rel=2e-3)


def test_soft_radiation_is_suppressed_as_the_root_of_k():
    """Klein 1999: far below E^2/E_LPM the spectrum falls as sqrt(k); in lead E_LPM = 4.3 TeV."""
    assert LEAD.data.rows["e_lpm"][0] == pytest.approx(7.7e3 * 6.37 / 11.35, rel=5e-3)
    e = 1e3
    low, high = (brems(e, k, LEAD.data.rows, LPM) for k in (1e-3, 1e-2))
    assert math.log10(high / low) == pytest.approx(0.5, abs=0.05)
    bare = brems(e, 1e-2, BARE.data.rows, 0)
    # strong suppression: xi phi = 12 s', with sqrt(E_LPM k/(8 E^2)), xi between 1 and 2
    ratio = brems(e, 1e-2, LEAD.data.rows, LPM) / bare
    s_prime = math.sqrt(LEAD.data.rows["e_lpm"][0] * 1e-2 / (8 * e * e))
    assert 6 * s_prime < ratio < 12 * s_prime
    # hard photons and low energies are untouched
    assert brems(1.0, 0.5, LEAD.data.rows, LPM) == pytest.approx(
        brems(1.0, 0.5, BARE.data.rows, 0), rel=1e-3
    )


def test_polarisation_suppresses_as_k_squared():
    """Ter-Mikaelian: factor k^2/(k^2 + k_p^2), k_p = E hbar omega_p/m; 61 eV in lead."""
    e = 0.1
    k_p = e * 61.07e-9 / M_E
    for k in (1e-3 * k_p, k_p, 30 * k_p):
        ratio = brems(e, k, LEAD.data.rows, DIELECTRIC) / brems(e, k, BARE.data.rows, 0)
        assert ratio == pytest.approx(k * k / (k * k + k_p * k_p), rel=2e-3)


@pytest.mark.parametrize("e", [0.01, 0.3, 20.0])
def test_scattering_on_electrons_integrates_to_its_totals(e):
    cut = 1e-3
    log = math.log
    hard = quad(lambda x: moller(e, math.exp(x)) * math.exp(2 * x), log(cut), log((e - M_E) / 2))[0]
    assert moller_loss(e, cut) == pytest.approx(hard, rel=1e-8)
    hard = quad(lambda x: bhabha(e, math.exp(x)) * math.exp(2 * x), log(cut), log(e - M_E))[0]
    assert bhabha_loss(e, cut) == pytest.approx(hard, rel=1e-8)
    half = 0.5 * math.sqrt((e - M_E) / (e + M_E))
    low, high = ((0.5 + sign * half) * (e + M_E) for sign in (-1, 1))
    photons = quad(lambda x: annihilation(e, math.exp(x)) * math.exp(x), log(low), log(high))[0]
    assert photons == pytest.approx(2 * annihilation_total(e), rel=1e-6)
    energy = quad(lambda x: annihilation(e, math.exp(x)) * math.exp(2 * x), log(low), log(high))[0]
    assert energy == pytest.approx((e + M_E) * annihilation_total(e), rel=1e-6)
    lowest = log(e / (1 + 2 * e / M_E)) + 1e-12
    scattered = quad(lambda x: compton(e, math.exp(x)) * math.exp(x), lowest, log(e))[0]
    assert scattered == pytest.approx(compton_total(e), rel=1e-6)


def test_small_transfers_are_rutherford_scattering():
    e, t = 1.0, 1e-4
    assert moller(e, t) * t * t == pytest.approx(1.0, rel=1e-3)
    assert bhabha(e, t) * t * t == pytest.approx(1.0, rel=1e-3)


def test_compton_meets_thomson():
    assert compton_total(1e-9) == pytest.approx(4 / (3 * M_E), rel=1e-5)


def test_restricted_loss_is_the_mean_loss_without_hard_collisions():
    e = 0.05
    whole = collision_loss(e, False, LEAD.data.layers)
    part = restricted_loss(e, 1e-3, False, LEAD.data.layers)
    assert 0.5 * whole < part < whole
    # the logarithm between the cuts: w ln 10 to 1/E
    step = restricted_loss(10.0, 1e-2, False, LEAD.data.layers)
    step -= restricted_loss(10.0, 1e-3, False, LEAD.data.layers)
    assert step == pytest.approx(LEAD.data.w * math.log(10.0), rel=2e-3)


def test_layers_sum_by_mass_and_keep_their_own_suppression():
    stack = material("lead-scintillator")
    m = medium(stack)
    lead = [row for row in m.data.rows if row["z"] == 82.0]
    assert lead
    assert lead[0]["e_lpm"] == pytest.approx(LEAD.data.rows["e_lpm"][0], rel=1e-12)
    e = 5.0
    parts = sum(
        share * collision_loss(e, False, medium(part).data.layers) / part.radiation_length
        for part, share in stack.components
    )
    assert collision_loss(e, False, m.data.layers) / stack.radiation_length == pytest.approx(parts)


@pytest.mark.parametrize(
    ("name", "published"), [("lead", 7.43e-3), ("iron", 21.68e-3), ("carbon", 81.74e-3)]
)
def test_critical_energy_is_rossis(name, published):
    """PDG 2024, atomic and nuclear properties; they interpolate a table of the loss."""
    assert critical_energy(material(name)) == pytest.approx(published, rel=1.5e-2)


def test_w_is_two_pi_r_squared_m_n():
    """0.1535 MeV cm^2/mol times Z/A and X0."""
    expected = 0.153536e-3 * 82 / 207.2 * 6.37
    assert LEAD.data.w == pytest.approx(expected, rel=1e-4)
    assert np.isclose(ALPHA, 1 / 137.036)
