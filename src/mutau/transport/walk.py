"""The one walk: a particle along the pieces of a set-up, from wall to wall.

Where a particle is, what is ahead of it and when it leaves a stretch is the same for a beam muon, a
photon or the muon of a decay, in the full simulation and in the fast mode. What they do there are
`WalkParts`: kernels put together by `walk_of`, which Numba compiles into one loop per combination.
A new particle or another law of matter is a part; none knows how pieces follow each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from mutau.core.jit import inner
from mutau.transport.orbits import cross_gap
from mutau.transport.particle import State, has_track, is_steep, move
from mutau.transport.pieces import DIPOLE
from mutau.transport.setup import Setup
from mutau.transport.walls import (
    NEAR,
    ahead,
    half_way_within,
    stretch_end,
    stretch_start,
)

Way = TypeVar("Way")


class Leg(NamedTuple):
    """The way of a particle to the next wall, in one piece.

    piece : its number. first : of the stretch that it is in. step : cm along z. end : z (cm) there.
    wall : whether there is a wall or a face, and not the vertex that was asked for.
    """

    piece: int
    first: int
    step: float
    end: float
    wall: bool


@inner(forceinline=True)
def straight(
    rng: np.random.Generator, setup: Setup, trace: Any, state: State, r: int, step: float, way: Way
) -> Way:
    """Gas does nothing."""
    move(state, step)
    return way


@inner(forceinline=True)
def unnoted(
    rng: np.random.Generator, setup: Setup, trace: Any, state: State, first: int, way: Way
) -> Way:
    """Nothing is written where it comes to a stretch."""
    return way


@inner(forceinline=True)
def uncharged(done: float, way: Way) -> Way:
    """The gas in a magnet does nothing."""
    return way


@inner(forceinline=True)
def ends(
    rng: np.random.Generator, setup: Setup, trace: Any, state: State, leg: Leg, way: Way
) -> Way:
    """A solid or the iron of a magnet ends it."""
    state.energy = 0.0
    return way


class WalkParts(NamedTuple):
    """What a walk is made of: kernels that say what happens to a particle, and note it.

    Each takes (rng, setup, trace, state, ..., way) and returns the way. `trace` is where it writes
    what is kept; `way` is what it has to know of the way so far, passed from part to part. A
    particle has ended where its energy is 0.

    plane : (..., r, way), where it is at the z of a plane, within its sides or beside them.
    solid, iron : (..., leg, way), in a solid or in the iron of a magnet, to the end of the leg or
    less; where it is then is looked at anew.
    gap : (..., r, step, way), `step` cm on a straight line through gas or nothing, before piece r.
    bent : (done, way), after `done` cm of the gap of a magnet. arrive : (..., first, way), where it
    comes to a stretch.
    anywhere : whether a walk halts at the vertex that it is asked for wherever that is; else in a
    target only. short : whether the parts are a few lines, which are faster in one piece; long ones
    compile three times slower so.
    """

    plane: Callable[..., Any]
    solid: Callable[..., Any]
    iron: Callable[..., Any] = ends
    gap: Callable[..., Any] = straight
    bent: Callable[..., Any] = uncharged
    arrive: Callable[..., Any] = unnoted
    anywhere: bool = False
    short: bool = False


Walk = Callable[[np.random.Generator, Setup, Any, State, float, Way], tuple[int, Way]]


@inner(forceinline=True)
def through_magnet(setup: Setup, state: State, r: int, step: float, goal: float) -> float:
    """A particle in the gap of a magnet, to z = goal or to the iron; returns the cm along z.

    step : cm along z to the next wall on a straight line, which neutral ones follow. It ends where
    it turns back or is too steep to be followed.
    """
    if not has_track(state):
        move(state, step)
        return step
    done, forward = cross_gap(state, setup.pieces[r], setup.field, goal)
    if not forward or is_steep(state):
        state.energy = 0.0
    return done


def _stretch_of(parts: WalkParts) -> Callable[..., Any]:
    """The walk within one stretch, compiled."""
    gap, solid, iron, bent = parts.gap, parts.solid, parts.iron, parts.bent
    anywhere = parts.anywhere

    @inner(cache=False, forceinline=parts.short)
    def stretch(
        rng: np.random.Generator, setup: Setup, trace: Any, state: State, first: int, stop: float,
        way: Way,
    ) -> tuple[int, Way]:  # fmt: skip
        """From wall to wall; (piece where it ended or came to `stop`, or -1; way).

        A gap up to the end is left to whoever comes next.
        """
        pieces = setup.pieces
        last, high = stretch_end(pieces, first), pieces[first].z + pieces[first].length
        while state.z < high - NEAR:
            goal = stop if state.z < stop <= high else high
            limit = goal - state.z
            step, r = ahead(state, pieces, first, last, limit)
            if r < 0:
                if step == limit and goal == high:
                    break
                way = gap(rng, setup, trace, state, first, step, way)
                if step == limit:
                    state.z = goal
            elif pieces[r].kind == DIPOLE and half_way_within(state, step, pieces[r]):
                way = bent(through_magnet(setup, state, r, step, goal), way)
            else:
                whole = step == limit
                end = goal if whole else state.z + step
                leg = Leg(r, first, step, end, goal == high or not whole)
                if pieces[r].kind == DIPOLE:
                    way = iron(rng, setup, trace, state, leg, way)
                else:
                    way = solid(rng, setup, trace, state, leg, way)
            halts = state.z == stop and (anywhere or (r >= 0 and pieces[r].target))
            if halts or state.energy <= 0.0:
                return max(r, first), way
        return -1, way

    return stretch


def walk_of(parts: WalkParts) -> Walk:
    """The walk with these parts, compiled: see `walk` in it. Made once, where the parts stand."""
    gap, arrive, plane, anywhere = parts.gap, parts.arrive, parts.plane, parts.anywhere
    stretch = _stretch_of(parts)

    @inner(cache=False, forceinline=parts.short)
    def walk(
        rng: np.random.Generator, setup: Setup, trace: Any, state: State, stop: float, way: Way
    ) -> tuple[int, Way]:
        """Carry a particle from where it is (its place, and near its `piece`); (piece, way).

        stop : z (cm) at which to return for a vertex, inside a target or at the face of its
        stretch; inf for none. The piece is where it ended (energy 0) or came to `stop`; the number
        of pieces where it left the set-up.
        """
        pieces, r = setup.pieces, stretch_start(setup.pieces, state.piece)
        while r < pieces.size and state.energy > 0.0:
            low, length = pieces[r].z, pieces[r].length
            here = low >= state.z - NEAR if length == 0.0 else state.z < low + length - NEAR
            if here and low > state.z:
                to = stop if anywhere and state.z < stop < low else low
                way = gap(rng, setup, trace, state, r, to - state.z, way)
                if state.energy <= 0.0:
                    break
                state.z = to
                if to < low:
                    return r, way
            if length == 0.0:
                if here:
                    way = plane(rng, setup, trace, state, r, way)
                    if state.energy <= 0.0:
                        break
                r += 1
                if anywhere and here and state.z == stop:
                    return r, way
                continue
            if here:
                if state.z == stop:
                    return r, way
                way = arrive(rng, setup, trace, state, r, way)
                halt, way = stretch(rng, setup, trace, state, r, stop, way)
                if halt >= 0:
                    return halt, way
            r = stretch_end(pieces, r)
        if state.energy > 0.0 and state.z < setup.end:
            way = gap(rng, setup, trace, state, r, setup.end - state.z, way)
        return r, way

    return walk
