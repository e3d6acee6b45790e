"""Random mixtures and layers: additivity, density scaling, range and energy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.matter import build, material, mean_energy_after, sandwich, stopping_power
from mutau.matter.elements import elements
from mutau.matter.muon_energy_loss import hard_knock_on, stopping_power_parts

pytestmark = pytest.mark.compiled

SYMBOLS = sorted(elements())
fractions = st.dictionaries(st.sampled_from(SYMBOLS), st.floats(0.01, 1.0), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(fractions, st.floats(1e-4, 25.0))
def test_mixture_rules(shares, density):
    total = sum(shares.values())
    mass = {symbol: share / total for symbol, share in shares.items()}
    item = build("random", {"density": f"{density!r} g/cm^3", "mass": mass})
    assert sum(w for _, w in item.elements) == pytest.approx(1.0)
    inverse = sum(w / elements()[s].radiation_length for s, w in mass.items())
    assert item.radiation_length == pytest.approx(1.0 / inverse, rel=1e-12)
    charges = sum(n * e.z for e, n in item.atoms_per_cm3)
    assert charges == pytest.approx(item.electrons_per_cm3, rel=1e-12)
    extremes = [elements()[s].mean_excitation_energy for s in mass]
    assert min(extremes) * 0.999 <= item.mean_excitation_energy <= max(extremes) * 1.001


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 5.0), st.floats(0.05, 5.0), st.floats(1.0, 500.0))
def test_layers_lose_what_their_plates_lose(lead, plastic, energy):
    stack = sandwich("s", ("lead", lead), ("polystyrene", plastic))
    plates = lead * stopping_power(energy, material("lead")) + plastic * stopping_power(
        energy, material("polystyrene")
    )
    together = (lead + plastic) * stopping_power(energy, stack)
    assert float(together) == pytest.approx(float(plates), rel=3e-4)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.5, 1e3), st.floats(0.01, 200.0))
def test_energy_falls_with_thickness_and_never_below_the_mass(energy, thickness):
    iron = material("iron")
    after = mean_energy_after(energy, iron, np.array([0.0, thickness, 2.0 * thickness]))
    assert after[0] == energy
    assert after[1] < energy
    assert after[2] <= after[1]


@settings(max_examples=25, deadline=None)
@given(st.floats(1.0, 1e3), st.floats(1e-3, 1e-1))
def test_hard_collisions_take_part_of_the_ionisation_loss(energy, cut):
    copper = material("copper")
    number, taken = hard_knock_on(energy, copper, cut)
    assert 0.0 <= float(taken) < float(stopping_power_parts(energy, copper).ionisation)
    assert float(number) * cut <= float(taken) * (1.0 + 1e-12)
