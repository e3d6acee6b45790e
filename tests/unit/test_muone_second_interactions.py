"""Backgrounds of two interactions in one station, by their scaling and by estimates by hand.

At a stated luminosity the first interaction does not know how thick a station is; what happens
besides, in the same station, does.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.background import muone_coincidences as twice
from mutau.background import muone_pions
from mutau.background.muone_components import crossings, region, tracks_of
from mutau.background.muone_inelastic import (
    Assumed,
    conversion,
    inelastic_component,
    virtual_photon_cross_section,
)
from mutau.background.muone_photons import conversions_component, soft_photon_density
from mutau.core.constants import ALPHA
from mutau.core.errors import NotApplicable
from mutau.core.fourvectors import two_massless
from mutau.core.random import stream
from mutau.experiment import load_experiment, replace
from mutau.matter import material
from mutau.matter.muon_cross_sections import differential

MUONE = load_experiment("muone")
LESS = {key: value for key, value in MUONE.to_dict()["beam"].items() if key != "particles"}
THICK = replace(replace(MUONE, "beam", LESS), "target/thickness", "30 mm")
WIDE = region(MUONE)


def events(draw, item=MUONE, n=30_000, **options):
    return draw(item, WIDE, n, 1, **options).events(MUONE.cuts).events


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("draw", "factor"),
    [(conversions_component, 2.0), (twice.pile_up_component, 2.0), (twice.decays_component, 2.0),
     (inelastic_component, 1.0)],
)  # fmt: skip
def test_a_station_twice_as_thick(draw, factor):
    """One more interaction doubles; more scattering blurs the edges by some percent."""
    assert events(draw, THICK) == pytest.approx(factor * events(draw), rel=0.15)


@pytest.mark.compiled
@pytest.mark.parametrize("nu", [10.0, 40.0])
def test_virtual_photons_add_up_to_the_nuclear_loss(nu):
    """Integrated over Q^2 by the trapezoidal rule against `matter.muon_cross_sections`."""
    (item, _), *_ = material("beryllium").elements
    least = (0.1057 * nu) ** 2 / (150.0 * (150.0 - nu))
    q2 = np.geomspace(least, 200.0, 20_001)
    density = virtual_photon_cross_section(np.full(len(q2), nu), q2, 150.0, item)
    total = float(np.trapezoid(density, q2))
    expected = float(differential("nuclear", nu / 150.0, 150.0, item)) / 150.0
    assert total == pytest.approx(expected, rel=0.1)  # 10 %: the longitudinal photons


@pytest.mark.compiled
def test_fewer_tracks_leave_more_of_inelastic_scattering():
    """Half of the angle, twice the energy: what was a second track is not seen any more."""
    tracks = tracks_of(MUONE)
    assert tracks.widest == pytest.approx(0.05)  # 5 cm over 1 m
    few, many = (events(inelastic_component, assumed=Assumed(tracks.times(f))) for f in (0.25, 4.0))
    assert few < many


@pytest.mark.compiled
def test_the_veto_acts_on_inelastic_scattering_only_by_what_hits_the_calorimeter():
    narrow = replace(MUONE, "detector/calorimeter[ECAL]/width", "0.3 m")
    found = inelastic_component(MUONE, WIDE, 30_000, 1)
    loose = [cut for cut in MUONE.cuts if cut.variable != "photon_energy"]
    vetoed = 1.0 - found.events(MUONE.cuts).events / found.events(loose).events
    beside = inelastic_component(narrow, WIDE, 30_000, 1)
    less = 1.0 - beside.events(MUONE.cuts).events / beside.events(loose).events
    assert less < vetoed


def test_photons_of_a_pion_keep_its_momentum():
    rng = stream(3)
    p = rng.normal(0.0, 2.0, (500, 3)) + np.array([0.0, 0.0, 10.0])
    pion = np.column_stack([np.sqrt(np.sum(p**2, axis=1) + 0.1349768**2), p])
    one, two = two_massless(pion, rng)
    assert one + two == pytest.approx(pion, abs=1e-9)
    for k in (one, two):
        assert np.all(np.abs(k[:, 0] ** 2 - np.sum(k[:, 1:] ** 2, axis=1)) < 1e-9 * pion[:, 0] ** 2)


@pytest.mark.parametrize("v", [0.5, 2.0])
def test_soft_photons_integrate_to_the_classical_current(v):
    """2 alpha/pi [(2 v^2 + 1)/(v sqrt(v^2 + 1)) asinh v - 1] of a turn by 2 v m/p."""
    rng, n = stream(5), 400_000
    before, after = np.zeros((n, 2)), np.tile([2.0 * v, 0.0], (n, 1))
    u = rng.random(n)
    radius, phi = np.sqrt(u / (1.0 - u)), rng.uniform(0.0, 2.0 * math.pi, n)
    step = radius[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=1)
    photon = np.where((rng.random(n) < 0.5)[:, None], before, after) + step
    density = sum(
        0.5 / (math.pi * (1.0 + np.sum((photon - x) ** 2, -1)) ** 2) for x in (before, after)
    )
    found = float(np.mean(soft_photon_density(photon, before, after) / density))
    root = math.sqrt(v * v + 1.0)
    expected = 2.0 * ALPHA / math.pi * ((2.0 * v * v + 1.0) / (v * root) * math.asinh(v) - 1.0)
    assert found == pytest.approx(expected, rel=0.01)


@pytest.mark.compiled
def test_conversions_by_hand():
    """Half of 15 mm over 35.3 cm, 2 x 2 % of it with one electron below 0.1 of 5 GeV."""
    found = float(conversion(MUONE, np.array([5.0]), 0.1)[0])
    assert found == pytest.approx(0.75 / 35.28 * 2.0 * (0.02 - 2.0 / 3.0 * 0.02**2), rel=2e-3)
    assert events(conversions_component, lowest=0.2) == pytest.approx(
        2.0 * events(conversions_component), rel=0.1
    )


def test_crossings_are_muons_times_stations():
    assert crossings(MUONE) == pytest.approx(5.06e14 * 40, rel=3e-3)


def test_pile_up_by_hand():
    """Elastic events of 1 to 25 GeV (239.3 ub, MESMER) times the muons of a gate within 1 mm, times
    collisions of more than 1.5 mrad: Rutherford's on beryllium with a Gaussian nucleus of 2.52 fm
    and the four protons one by one."""
    q = np.geomspace(0.225, 3.0, 4000)
    shape = np.exp(-(q**2) * (2.52 / 0.19733) ** 2 / 3.0)
    proton = (1.0 + q**2 / 0.71) ** -4
    weight = 16.0 * shape + 4.0 * (1.0 - shape) * proton
    sigma = float(np.trapezoid(8.0 * math.pi * ALPHA**2 / q**3 * weight, q)) * 0.3894e-27  # cm^2
    kicks = 1.5 * 1.2358e23 * sigma
    near = 1.3e7 * 25e-9 * 0.1**2 / (4.0 * 2.7**2)
    by_hand = 239.3e6 * 15e3 * kicks * near
    assert events(twice.pile_up_component) == pytest.approx(by_hand, rel=0.25)


def test_pile_up_follows_rate_gate_and_place():
    found = events(twice.pile_up_component)
    double = replace(MUONE, "detector/resolution/gate", "50 ns")
    assert events(twice.pile_up_component, double) == pytest.approx(2.0 * found, rel=1e-9)
    near = replace(MUONE, "detector/resolution/vertex", "0.5 mm")
    assert events(twice.pile_up_component, near) == pytest.approx(0.25 * found, rel=2e-3)
    silent = replace(MUONE, "detector/resolution/gate", "0 ns")
    with pytest.raises(NotApplicable, match="gate"):
        twice.pile_up_component(silent, WIDE, 1000, 1)


def test_decays():
    """Mean energy of 7/10; the rate by hand: elastic events times half of a station over 9.3 km."""
    assert float(twice.michel(100_000, stream(2)).mean()) == pytest.approx(0.7, abs=3e-3)
    found = twice.decays_component(MUONE, WIDE, 100_000, 1)
    flight = 0.75 * 0.10566 / (145.0 * 65_864.0)
    energy = found.sample.columns["p_electron"][:, 0]
    inside = (energy > 1.0) & (energy < 25.0)
    # nearly all electrons of the decay make a track
    expected = 239.3e6 * 15e3 * flight
    assert float(found.sample.weights[inside].sum()) == pytest.approx(expected, rel=0.1)
    unseen = found.events(MUONE.cuts).events
    assert unseen < 0.2 * expected


@pytest.mark.compiled
def test_a_pion_leaves_a_photon_to_be_seen():
    """Missed once or twice: the inefficiency, squared where both photons hit the calorimeter."""
    key = "detector/calorimeter[ECAL]/photon_inefficiency"
    blind, one = (replace(MUONE, key, x) for x in (1.0, 1e-3))
    rate = [muone_pions.pions_component(item, WIDE, 20_000, 1).events(MUONE.cuts).events
            for item in (blind, one)]  # fmt: skip
    assert 1e-6 < rate[1] / rate[0] < 1e-3
    assert rate[0] > 100.0
