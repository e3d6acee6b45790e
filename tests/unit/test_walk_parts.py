"""A particle of another kind, or another law of matter, is a part of the walk and no engine.

What stands between the lines below is all that somebody outside the package writes for it.
"""

import math

import numpy as np
import pytest

from mutau.core.jit import inner, njit
from mutau.core.random import stream
from mutau.core.records import columns, zeros
from mutau.detector.geometry import build_geometry
from mutau.experiment import load_experiment
from mutau.transport.particle import NEUTRAL, STEEP, State, move, secant
from mutau.transport.pieces import SOLID
from mutau.transport.walk import WalkParts, walk_of
from mutau.transport.walls import straight_paths, within

pytestmark = pytest.mark.compiled

SETUP = build_geometry(load_experiment("na64mu")).setup
LENGTH = 60.0

# ------------------------------------------------------------------------------------------------


@inner
def _counts(rng, setup, trace, state, r, way):
    """The way of this kind is the number of planes that it has crossed."""
    return way + 1 if within(state.x, state.y, setup.pieces[r]) else way


@inner
def _is_absorbed(rng, setup, trace, state, leg, way):
    """In every solid alike, after LENGTH cm of it on average."""
    slant = secant(state) * setup.pieces[leg.piece].dense
    free = -LENGTH * math.log(1.0 - rng.random()) / slant
    move(state, min(free, leg.step))
    if free < leg.step:
        state.energy = 0.0
    else:
        state.z = leg.end
    return way


_walk = walk_of(WalkParts(_counts, _is_absorbed))

# ------------------------------------------------------------------------------------------------


@njit
def _all(rng, setup, states, planes):
    for i in range(states.size):
        _, planes[i] = _walk(rng, setup, 0, states[i], math.inf, 0)


@pytest.mark.parametrize(("x", "tx"), [(8.0, 0.0), (2.0, 0.0), (9.0, -2e-3)])
def test_a_new_particle_with_a_law_of_its_own(x, tx):
    """Survives with exp(-path/LENGTH), the path by another loop over the same boxes."""
    n = 20_000
    states, planes = zeros(State, n), np.zeros(n, np.int64)
    states["x"], states["tx"], states["energy"], states["kind"] = x, tx, 1.0, NEUTRAL
    _all(stream(1), SETUP, states, planes)
    pieces = SETUP.pieces
    solid = (pieces["kind"] == SOLID) & (pieces["length"] > 0.0)
    line = np.array([[x, 0.0, tx, 0.0]])
    path = straight_paths(line, 0.0, pieces[solid])[0] @ pieces["dense"][solid]
    expected = math.exp(-path * math.hypot(1.0, tx) / LENGTH)
    alive = states["energy"] > 0.0
    assert alive.mean() == pytest.approx(expected, abs=4.0 * math.sqrt(expected / n))
    assert 0.0 < expected < 0.9
    through = columns(states[alive], "x", "z")
    np.testing.assert_allclose(through[:, 0], x + tx * through[:, 1], atol=1e-9)
    assert len(set(planes[alive])) == 1  # all that get through cross the same
    assert planes[alive][0] > planes[~alive].min()
    assert abs(tx) < STEEP
