"""Tables behind the full simulation against integrals, closed forms and numbers by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammainc

from mutau.core.errors import MutauError, OutOfRange
from mutau.core.random import stream
from mutau.core.special import lower_gamma
from mutau.detector.calorimeters import sampling_fraction, sampling_term, smear
from mutau.detector.simulation_showers import shower_shape, side_loss
from mutau.matter.materials import material
from mutau.matter.muon_energy_loss import (
    T_MAX,
    T_MIN,
    hard_knock_on,
    hard_radiation,
    loss_table,
)
from mutau.transport.catastrophic_losses import (
    BREMS,
    KINDS,
    KNOCK_ON,
    N_ENERGY,
    PAIR,
    catastrophic_losses,
)
from mutau.transport.matter_tables import electron_critical_energy, matter_of
from mutau.transport.muon_matter import draw_loss, nuclear_recoil
from mutau.transport.pieces import SOLID, piece_of

pytestmark = pytest.mark.compiled


@pytest.fixture(scope="module")
def iron():
    return catastrophic_losses(material("iron"), 0.1)


def energy_near(table, energy):
    log = table.log_low + table.log_step * np.arange(N_ENERGY)
    i = int(np.argmin(np.abs(log - math.log(energy))))
    return i, math.exp(log[i])


@pytest.mark.parametrize("energy", [5.0, 30.0, 160.0])
def test_rates_and_losses_are_the_integrals(iron, energy):
    """Against adaptive-grid moments; knock-on in closed form. 1e-3: 800 points of a trapezoid."""
    i, at = energy_near(iron, energy)
    for kind in range(3):
        number, taken = hard_radiation(at, material("iron"), KINDS[kind], 0.1)
        assert iron.rate[i, kind] == pytest.approx(float(number), rel=1e-3)
        assert iron.taken[i, kind] == pytest.approx(float(taken), rel=1e-3)
    number, taken = hard_knock_on(at, material("iron"), 0.1)
    assert iron.rate[i, KNOCK_ON] == pytest.approx(float(number), rel=1e-3)
    assert iron.taken[i, KNOCK_ON] == pytest.approx(float(taken), rel=1e-3)


def test_restricted_and_hard_losses_are_the_whole(iron):
    grid = np.geomspace(T_MIN, T_MAX, loss_table(material("iron")).size) + 0.1056583755
    taken = np.array([np.interp(160.0, grid, iron.restricted), 0.0])
    taken[1] = np.interp(160.0, grid, loss_table(material("iron"))) - taken[0]
    log = math.log(160.0)
    low = iron.log_low + iron.log_step * np.arange(N_ENERGY)
    expected = np.interp(log, low, iron.taken.sum(axis=1))
    assert taken[1] == pytest.approx(expected, rel=2e-3)
    assert iron.restricted.min() > 0.0


def test_drawn_losses_follow_the_spectrum(iron):
    """Shares above 1, 5 and 20 GeV against the integrals, within four binomial errors."""
    energy, n = 160.0, 200_000
    matter = matter_of(material("iron"), 0.1)[0]
    rng = stream(3)
    draws = np.array([draw_loss(rng, energy, matter) for _ in range(n)])
    total = sum(float(hard_radiation(energy, material("iron"), k, 0.1)[0]) for k in KINDS[:3])
    total += float(hard_knock_on(energy, material("iron"), 0.1)[0])
    for kind in range(4):
        for cut in (0.1, 1.0, 5.0, 20.0):
            if kind == KNOCK_ON:
                rate = float(hard_knock_on(energy, material("iron"), cut)[0])
            else:
                rate = float(hard_radiation(energy, material("iron"), KINDS[kind], cut)[0])
            share = rate / total
            found = np.mean((draws[:, 0] == kind) & (draws[:, 1] >= cut))
            # 0.5 %: linear interpolation of quantiles in ln E and ln share
            error = 4.0 * math.sqrt(share * (1.0 - share) / n) + 5e-3 * share
            assert found == pytest.approx(share, abs=error), (KINDS[kind], cut)
    assert draws[draws[:, 0] == PAIR, 1].max() < energy
    assert draws[draws[:, 0] == BREMS, 1].min() >= 0.1 * (1.0 - 1e-9)


def test_cuts_without_meaning_are_refused():
    with pytest.raises(OutOfRange, match="cut = 1e-05"):
        catastrophic_losses(material("iron"), 1e-5)
    with pytest.raises(OutOfRange, match="cut = 50"):
        catastrophic_losses(material("iron"), 50.0)


def test_nuclear_recoil_is_soft_and_has_a_tail():
    """d sigma/dQ^2 ~ 1/Q^2 up to the vector mesons' mass: the median of p_T lies between
    (v m_mu) and 0.5 GeV, and beyond 1 GeV the form factor leaves a few per cent."""
    rng = stream(4)
    p_t = np.array([nuclear_recoil(rng, 0.5, 160.0) for _ in range(20_000)])
    assert 0.5 * 0.106 < np.median(p_t) < 0.5
    assert 0.001 < np.mean(p_t > 1.0) < 0.06


def test_incomplete_gamma_function():
    a = np.array([1.05, 2.0, 3.7, 6.0, 9.0])
    for x in (1e-3, 0.5, 2.0, 5.0, 20.0, 60.0):
        ours = [lower_gamma(float(v), x) for v in a]
        assert ours == pytest.approx(gammainc(a, x), rel=1e-6, abs=1e-9)


def test_showers_have_their_maximum_where_it_should_be():
    """Mean depth of the maximum: ln(E/E_c) - 0.812 X0 (Grindhammer, Peters); 100 GeV in lead."""
    rng = stream(5)
    y = 100.0 / 0.0074
    shapes = np.array([shower_shape(rng, 100.0, 0.0074, 82.0) for _ in range(4000)])
    depth = (shapes[:, 0] - 1.0) / shapes[:, 1]
    assert np.median(depth) == pytest.approx(math.log(y) - 0.812, rel=0.02)
    # 25 X0 contain all but about 1 % of a 100 GeV shower (PDG: leakage 1 % at 26 X0)
    leak = 1.0 - np.array([lower_gamma(a, 25.0 * b) for a, b in shapes]).mean()
    assert 0.002 < leak < 0.03


def test_side_loss_of_a_shower_on_the_edge_is_half():
    piece = piece_of(SOLID, 0.0, half_x=10.0, half_y=1e6)[0]
    assert side_loss(10.0, 0.0, piece, 1.0) == pytest.approx(0.5, abs=2e-3)
    assert side_loss(0.0, 0.0, piece, 1.0) == pytest.approx(1.0 - 10.0 / math.sqrt(101.0))


def test_critical_energies():
    """PDG 2024: lead 7.43, iron 21.68, copper 19.42, polystyrene 93.1 MeV (electrons)."""
    for name, mev, tolerance in (
        ("lead", 7.43, 0.05),
        ("iron", 21.68, 0.05),
        ("copper", 19.42, 0.05),
        ("polystyrene", 93.1, 0.1),
    ):
        assert 1e3 * electron_critical_energy(material(name)) == pytest.approx(mev, rel=tolerance)


def test_sampling_terms():
    """1.5 mm lead and plastic: muons leave (2.0*1.06)/(2.0*1.06 + 12.7) = 14 % in the plastic."""
    fraction, thickness = sampling_fraction(material("lead-scintillator"))
    assert fraction == pytest.approx(0.14, abs=0.01)
    assert thickness == pytest.approx(0.15)
    assert sampling_term(material("lead-scintillator")) == pytest.approx(0.09, abs=0.01)
    assert sampling_term(material("lead")) == 0.0


def test_smearing_has_the_stated_width():
    """10 %/sqrt(E) at 25 GeV and a constant 3 %: sqrt(0.02^2 + 0.03^2) = 3.6 %."""
    em, none = np.full((40_000, 1), 25.0), np.zeros((40_000, 1))
    terms = (np.array([0.1]), np.array([1.0]), np.array([0.03]))
    seen = smear(em, none, terms, stream(6))
    assert seen.mean() == pytest.approx(25.0, abs=0.02)
    assert seen.std() / 25.0 == pytest.approx(math.hypot(0.02, 0.03), rel=0.015)
    hadronic = smear(none, em, (np.array([0.1]), np.array([0.6]), np.array([0.0])), stream(7))
    assert hadronic.std() / 25.0 == pytest.approx(0.6 / 5.0, rel=0.015)
    assert np.all(smear(none, none, terms, stream(8)) == 0.0)
    with pytest.raises(MutauError, match="negative or not finite"):
        smear(em, -em, terms, stream(9))
