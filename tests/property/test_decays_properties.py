"""Decays in flight for random parents: conservation, limits, scaling."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.core.fourvectors import mass_squared
from mutau.core.random import stream
from mutau.matter.hadrons import hadron
from mutau.transport.decays import (
    decay_in_flight,
    decay_probability,
    energy_limits,
    fraction_below,
)

PARENTS = st.sampled_from(["pi-", "K-", "K_L"])
ENERGIES = st.floats(2.0, 400.0)


@settings(max_examples=25, deadline=None)
@given(PARENTS, ENERGIES, st.floats(0.0, 2.0 * math.pi), st.integers(0, 100))
def test_four_momentum_is_conserved_in_any_direction(name, energy, phi, seed):
    particle = hadron(name)
    p = math.sqrt(energy**2 - particle.mass**2)
    p4 = np.array([[energy, 0.6 * p * math.cos(phi), 0.6 * p * math.sin(phi), 0.8 * p]] * 20)
    channel = particle.channels[seed % len(particle.channels)]
    daughters = decay_in_flight(particle, channel, p4, stream(seed))
    assert np.allclose(daughters.sum(axis=1), p4, rtol=1e-9, atol=1e-9)
    for i, mass in enumerate(channel.masses):
        assert np.allclose(mass_squared(daughters[:, i]), mass**2, atol=1e-9 * energy**2)


@settings(max_examples=25, deadline=None)
@given(PARENTS, ENERGIES, st.floats(1.0, 1e5), st.floats(1.0, 1e5))
def test_survival_is_a_product(name, momentum, first, second):
    particle = hadron(name)
    one, two, both = (
        1.0 - float(decay_probability(particle, momentum, path))
        for path in (first, second, first + second)
    )
    assert both == pytest.approx(one * two, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(PARENTS, ENERGIES, st.floats(0.0, 1.0))
def test_share_below_grows_from_nothing_to_all(name, energy, part):
    particle = hadron(name)
    for channel in particle.channels:
        if "mu" not in channel.daughters:
            continue
        index = channel.daughters.index("mu")
        values = [
            fraction_below(particle, channel, index, energy, c * energy) for c in (0, part, 1.01)
        ]
        assert values == sorted(values)
        assert values[0] == 0.0
        assert values[2] == pytest.approx(1.0)
        if len(channel.masses) == 2:
            low, high = energy_limits(particle, channel, index, energy)
            assert fraction_below(particle, channel, index, energy, low + part * (high - low)) == (
                pytest.approx(part, abs=1e-9)
            )
