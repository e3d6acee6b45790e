"""Hadronic showers particle by particle: what must add up, and what a free surface gives back."""

from __future__ import annotations

import numpy as np
import pytest

from mutau.core.errors import OutOfRange, UnknownName
from mutau.matter.materials import material
from mutau.transport import hadron_shower_runs
from mutau.transport.hadron_collisions import ROOM, add_particle, empty_cascade
from mutau.transport.hadron_shower import CLEAR, ShowerBlock, containment, simulate_hadron_showers
from mutau.transport.hadron_tables import IMAGES, collision_library, hadron_tables

IRON = material("iron")
DEEP = ShowerBlock(IRON, 600.0, bins=600)
POLE = ShowerBlock(IRON, 400.0, half_x=1e6, half_y=5.5)


def total(s):
    return s.electromagnetic + s.ionisation + s.nuclear + s.into_gap + s.leak + s.albedo


@pytest.mark.compiled
def test_a_photon_leaves_all_its_energy():
    s = simulate_hadron_showers("gamma", 5.0, DEEP, 20)
    assert total(s) == pytest.approx(5.0, rel=0.01)  # the cut leaves at rest what has a mass
    assert np.all(s.ionisation == 0.0)
    assert s.depth.sum(axis=1) == pytest.approx(s.electromagnetic, rel=1e-9)


@pytest.mark.compiled
def test_a_hadron_leaves_its_energy_less_the_masses_made():
    s = simulate_hadron_showers("pi-", 20.0, DEEP, 60)
    # a mass is left where a pion ends; some ten to twenty of them
    assert np.all(total(s) < 20.5)
    assert 0.88 < total(s).mean() / 20.0 < 1.0
    # half to a third goes to photons: pi0 of the first few collisions
    assert 0.25 < s.electromagnetic.mean() / 20.0 < 0.65


@pytest.mark.compiled
def test_what_is_given_up_is_counted_and_warned_of(monkeypatch):
    s = simulate_hadron_showers("pi-", 50.0, POLE, 5, start=(0.0, 6.0, 0.0, 0.0))
    assert np.all(s.given_up == 0.0)
    stack = empty_cascade()
    stack.height[0] = ROOM
    add_particle(stack, stack.current[0], 0, 3.5, 1.0, 0.0)
    assert stack.lost.tolist() == [(3.5, 0.0, 0.0)]
    plain = hadron_shower_runs.run_block

    def gives_up(*arguments):
        plain(*arguments)
        arguments[-1]["given_up"][0] = 2.0

    monkeypatch.setattr(hadron_shower_runs, "run_block", gives_up)
    with pytest.warns(UserWarning, match="2 GeV in showers were given up"):
        s = simulate_hadron_showers("pi-", 5.0, DEEP, 2)
    assert s.given_up.tolist() == [2.0, 0.0]


@pytest.mark.compiled
def test_electromagnetic_fraction_rises_with_energy():
    low, high = (
        simulate_hadron_showers("pi-", energy, DEEP, 60).electromagnetic.mean() / energy
        for energy in (5.0, 80.0)
    )
    assert high > low + 0.08


@pytest.mark.compiled
def test_a_surface_gives_back_less_from_deeper_and_the_same_from_both_sides():
    depths = (0.5, 5.0, 20.0)
    back = [
        simulate_hadron_showers("n", 30.0, POLE, 40, start=(0.0, 5.5 + d, 0.0, 0.0), clear=CLEAR)
        for d in depths
    ]
    means = [s.into_gap.mean() for s in back]
    assert means[0] > 1.5 * means[1] > 3.0 * means[2] > 0.0
    below = simulate_hadron_showers("n", 30.0, POLE, 40, start=(0.0, -6.0, 0.0, 0.0), seed=2)
    err = np.hypot(below.into_gap.std(), back[0].into_gap.std()) / np.sqrt(40)
    assert below.into_gap.mean() == pytest.approx(means[0], abs=3.5 * err)


@pytest.mark.compiled
def test_energy_back_into_the_gap_as_geant4_has_it():
    """K_L of 50 GeV along the surface, 5 mm below: Geant4 FTFP_BERT 20.8 +- 0.5 GeV of 60 showers
    (docs/validation/hadron_showers.md)."""
    s = simulate_hadron_showers("K_L", 50.0, POLE, 80, start=(0.0, 6.0, 0.0, 0.0), clear=CLEAR)
    err = s.into_gap.std() / np.sqrt(80)
    assert s.into_gap.mean() == pytest.approx(20.8, abs=3.0 * np.hypot(err, 0.5))


@pytest.mark.compiled
def test_leaving_deep_electrons_changes_nothing():
    far, near = (
        simulate_hadron_showers("pi-", 10.0, POLE, 150, start=(0.0, 6.5, 0.0, 0.0), clear=clear)
        for clear in (np.inf, CLEAR)
    )
    err = np.hypot(far.into_gap.std(), near.into_gap.std()) / np.sqrt(150)
    assert near.into_gap.mean() == pytest.approx(far.into_gap.mean(), abs=3.5 * err)


def test_containment_of_known_profiles():
    assert containment(np.ones(10), 2.0, 0.95) == pytest.approx(19.0)
    falls = np.exp(-np.arange(400) * 0.05)
    assert containment(falls, 0.05 * 20.0, 0.5) == pytest.approx(20.0 * np.log(2.0), rel=0.01)


@pytest.mark.compiled
def test_library_conserves_energy_and_mirrors_twice_to_itself():
    library = collision_library()
    assert len(library.first) == 2 * 4 * 5 * library.events + 1
    assert np.all(library.local < 1.0)
    assert all(IMAGES[IMAGES[k]] == k for k in (0, 1, 2, 3, 7, 8, 9, 10))
    tables = hadron_tables(IRON)
    mass = tables.mass[library.kind]
    energy = np.hypot(mass, library.p_t) * np.cosh(library.y)
    # the last cell of pions: 150 GeV, one generator
    cell = 4 * library.events
    of = slice(library.first[cell], library.first[cell + library.events])
    nucleons = np.isin(library.kind[of], (7, 8))
    given = np.sum(energy[of] - np.where(nucleons, mass[of], 0.0)) / library.events
    assert given == pytest.approx(150.14, rel=0.01)


@pytest.mark.compiled
def test_what_is_refused():
    with pytest.raises(UnknownName):
        simulate_hadron_showers("mu-", 10.0, DEEP, 1)
    with pytest.raises(UnknownName):
        collision_library("fluka")
    with pytest.raises(OutOfRange):
        simulate_hadron_showers("p", 0.9, DEEP, 1)
    with pytest.raises(OutOfRange):
        simulate_hadron_showers("p", 10.0, DEEP, 0)
