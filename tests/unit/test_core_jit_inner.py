"""Kernels that count no references: nothing leaks, and what they may not do fails."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numba.core.errors import NumbaError

from mutau.background.hadron_decays_kernels import Carried, carry_kernel
from mutau.core.jit import inner, njit
from mutau.core.random import stream
from mutau.core.records import zeros
from mutau.detector.geometry import build_geometry
from mutau.detector.readout import build_readout
from mutau.detector.simulation import simulate_chunk
from mutau.detector.trigger import trigger_efficiency
from mutau.experiment import load_experiment
from mutau.transport.particle import Place, State

pytestmark = pytest.mark.compiled


@inner
def _first(a):
    b = a[1:]
    return b[0]


@inner
def _made(n):
    return np.zeros(n)[0]


@njit
def _counted(n):
    return np.ones(n).sum()


@inner
def _of_counted(n):
    return _counted(n) + 1.0


@njit
def _outer(a):
    total = 0.0
    for _ in range(10):
        total += _first(a) + _of_counted(3)
    return total


def counts(*arrays):
    return [sys.getrefcount(a) for a in arrays]


def test_views_are_borrowed():
    a = np.arange(3.0)
    before = counts(a)
    assert _outer(a) == 50.0
    assert counts(a) == before


def test_an_array_made_inside_is_refused():
    with pytest.raises(NumbaError, match="Only accept returning of array passed"):
        _made(3)


def test_a_counted_kernel_stays_so_whoever_calls_first():
    """`_outer` calls it through an inner kernel; it makes an array, which that could not."""
    assert _of_counted(2) == 3.0
    assert _counted(2) == 2.0


@pytest.mark.parametrize("scattering", ["gaussian", "collisions"])
def test_the_trigger_releases_its_arrays(scattering):
    experiment = load_experiment("na64mu")
    g = build_geometry(experiment)
    p4 = np.tile([60.0, 0.3, 0.1, 59.99], (50, 1))
    arrays = (g.setup.pieces, g.setup.matter, g.setup.field, g.beam, p4)
    trigger_efficiency(p4, None, experiment, stream(9), scattering=scattering)  # may be kept
    before = counts(*arrays)
    for seed in range(3):
        trigger_efficiency(p4, None, experiment, stream(seed), scattering=scattering)
    assert counts(*arrays) == before


def test_carried_muons_release_their_arrays():
    g, n = build_geometry(load_experiment("na64mu")), 50
    muons, sudden = zeros(State, n), np.zeros((n, 3))
    muons["tx"], muons["energy"] = np.linspace(-0.1, 0.1, n), 60.0
    found = Carried(
        np.zeros(n, np.int64), zeros(Place, n), np.zeros(n), np.zeros((1, 0, 2)), zeros(State, 1)
    )
    arrays = (*g.setup[:3], muons, sudden, *found)
    before = counts(*arrays)
    for seed in range(3):
        carry_kernel(stream(seed), g.setup, muons, sudden, found)
    assert counts(*arrays) == before


def test_the_full_simulation_releases_its_arrays():
    experiment = load_experiment("na64mu")
    setup, seen = build_readout(experiment).setup, []
    for seed in range(6):  # the first may be kept for further calls
        simulate_chunk(experiment, 200, seed, 0)
        seen.append(counts(*setup[:3]))
    assert seen[-1] == seen[1]
