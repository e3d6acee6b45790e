"""Hadrons in a calorimeter of crystals: the photons that a veto misses, electrons read too low."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.background.muone_components import region
from mutau.background.muone_crystals import (
    EVEN,
    kinetic,
    missed_photons,
    photonuclear_fraction,
    seen_energy,
    veto_inefficiency,
)
from mutau.background.muone_tails import TAILS, tails_component
from mutau.core.random import stream
from mutau.experiment import load_experiment, replace
from mutau.matter import material

MUONE = load_experiment("muone")
CRYSTAL = material("lead-tungstate")


@pytest.mark.compiled
def test_a_photon_makes_hadrons_once_in_two_thousand_times():
    """Lead by hand: 0.115 mb of a nucleon, 207.2 of them, a factor 0.7 to 0.9 of shadowing, over
    7/9 A/(N_A X0) = 42.0 b."""
    pairs = 7.0 / 9.0 * 207.2 / (6.022e23 * 6.37) * 1e24
    found = float(photonuclear_fraction(np.array(60.0), material("lead")))
    assert 0.6 < found / (207.2 * 0.115e-3 / pairs) < 0.95


def test_what_particles_show():
    """A photon all, a neutral hadron nothing or a part, a charged one what it ionises at least."""
    n = 20_000
    pdg = np.repeat([22, 111, 211, 130, 2112], n)
    energy = np.full(len(pdg), 20.0)
    none = seen_energy(pdg, energy, CRYSTAL, 1e-6, stream(1)).reshape(5, n)
    assert np.all(none[:2] == 20.0)
    assert np.count_nonzero(none[2:] > 1e-3) < 5
    block = seen_energy(pdg, energy, CRYSTAL, 22.0, stream(1), EVEN).reshape(5, n)
    ionised = 22.0 * 1.229e-3 * 8.30  # PDG's minimum of lead tungstate
    assert float(block[2].min()) == pytest.approx(ionised, rel=0.1)
    # neutrons by PDG's length at 100 GeV, 20.3 cm; 10 % of it for the energy
    silent = float(np.mean(block[4] == 0.0))
    assert silent == pytest.approx(math.exp(-22.0 / 20.3), rel=0.1)
    assert float(block[4][block[4] > 0.0].mean()) == pytest.approx(0.5 * (20.0 - 0.938), rel=0.02)
    at_rest = kinetic(np.array([2212, 211]), np.array([0.938, 0.938]))
    assert at_rest == pytest.approx([0.0, 0.938], abs=1e-3)


@pytest.mark.compiled
def test_a_thin_block_lets_photons_through_and_thresholds_and_length_count():
    thin = veto_inefficiency(CRYSTAL, 2.0, 1.0, 30.0, n=2000)
    assert thin.through == pytest.approx(math.exp(-7.0 / 9.0 * 2.0 / 0.8904), rel=0.04)
    found = veto_inefficiency(CRYSTAL, 22.0, 1.0, 30.0, n=2000)
    assert found.low < found.value < found.high
    sharp = veto_inefficiency(CRYSTAL, 22.0, 0.3, 30.0, n=2000)  # below two ionising pions
    long = veto_inefficiency(CRYSTAL, 60.0, 1.0, 30.0, n=2000)
    assert sharp.value < 0.6 * found.value
    assert long.value < 0.2 * found.value
    # no more than photons that make hadrons, no less than that no hadron of a rho interacts
    fraction = float(photonuclear_fraction(np.array(30.0), CRYSTAL))
    assert 0.003 * fraction < found.value < 0.1 * fraction


@pytest.mark.compiled
def test_a_stated_inefficiency_stands_and_none_is_computed():
    at = np.array([13.0, 110.0])
    stated = replace(MUONE, "detector/calorimeter[ECAL]/photon_inefficiency", 1e-6)
    assert missed_photons(stated, at).fraction.tolist() == [1e-6, 1e-6]
    assert missed_photons(stated, at).relative_err == 0.0
    found = missed_photons(MUONE, at)
    assert found.fraction[0] > found.fraction[1] > 1e-6
    assert 0.1 < found.relative_err < 1.0


@pytest.mark.compiled
def test_tails_fall_with_the_length_of_the_crystals():
    """What leaves a longer block is less; 13 GeV and more have to be lost."""
    short, long = (
        tails_component(replace(MUONE, "detector/calorimeter[ECAL]/length", x), region(MUONE),
                        20_000, 1).events(MUONE.cuts)
        for x in ("22 cm", "88 cm")
    )  # fmt: skip
    assert long.events < 0.7 * short.events
    found = tails_component(MUONE, region(MUONE), 20_000, 1)
    assert found.name == TAILS
    # between the photons that make hadrons at all and one in a hundred of these
    assert 4.6e10 * 5e-6 < short.events < 4.6e10 * 5e-4
