"""Kernels: the muon of an event from wall to wall along the pieces of a set-up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner, njit
from mutau.detector.simulation_kernels import collide, cross_plane, drift, escape
from mutau.detector.simulation_records import Output, Trace, deposit
from mutau.transport.muon_matter import solid_step
from mutau.transport.orbits import cross_gap
from mutau.transport.particle import copy_place, is_steep
from mutau.transport.pieces import DIPOLE, SOLID, Pieces
from mutau.transport.setup import Setup
from mutau.transport.walls import (
    NEAR,
    ahead,
    half_way_within,
    solid_behind,
    stretch_end,
    stretch_start,
    within,
)

Array = NDArray[np.float64]


@inner
def _in_matter(rng: np.random.Generator, setup: Setup, trace: Trace, r: int, step: float) -> float:
    """One step of the muon in a solid or a yoke, at most `step` cm, the way to the wall.

    Returns the cm done along z; it may end at a hard collision, which is then done.
    """
    piece, muon = setup.pieces[r], trace.event.muon
    solid = piece.kind == SOLID
    matter = setup.matter[piece.material if solid else setup.yoke]
    done, lost, collides = solid_step(rng, matter, muon, step, piece.dense if solid else 1.0)
    if solid:
        deposit(trace, piece, False, muon.x, muon.y, lost, 0.0)
    if collides and muon.energy > 0.0:
        left = step - done if solid else 0.0
        collide(rng, setup, trace, matter, r, left)
    return done


@inner
def _leave_solid(
    rng: np.random.Generator, setup: Setup, trace: Trace, r: int, first: int, path: float
) -> float:
    """The muon at a wall of solid r after `path` cm of its material; returns the path that counts
    further on: 0 behind the solid, where soft electrons come out."""
    event, pieces = trace.event, setup.pieces
    behind = solid_behind(event.muon, pieces, first)
    if pieces[r].target and (behind < 0 or not pieces[behind].target):
        copy_place(event.behind_target, event.muon)
    if behind >= 0:
        return path if pieces[behind].material == pieces[r].material else 0.0
    escape(rng, setup, trace, setup.matter[pieces[r].material], first, path)
    return 0.0


class Way(NamedTuple):
    """Of a muon on its way: piece in which it has stopped or halted, else -1; cm of gas that it has
    not been charged for; cm of solid that it has crossed without a gap."""

    halt: int
    pending: float
    path: float


@inner
def _stretch(
    rng: np.random.Generator, setup: Setup, trace: Trace, first: int, stop: float, way: Way
) -> Way:
    """The muon from wall to wall to the end of a stretch. stop : see `walk`.

    A gap of gas up to the end is left to whoever comes next.
    """
    pieces, muon, pending, path = setup.pieces, trace.event.muon, way.pending, way.path
    last, high = stretch_end(pieces, first), pieces[first].z + pieces[first].length
    while muon.z < high - NEAR:
        goal = stop if muon.z < stop < high else high
        limit = goal - muon.z
        step, r = ahead(muon, pieces, first, last, limit)
        if r < 0:
            path = 0.0
            if step == limit and goal == high:
                break
            pending = drift(rng, setup, trace, step, pending, first)
        elif pieces[r].kind == DIPOLE and half_way_within(muon, step, pieces[r]):
            path = 0.0
            done, forward = cross_gap(muon, pieces[r], setup.field)
            pending += done
            if not forward or is_steep(muon):
                muon.energy = 0.0
        else:
            done = _in_matter(rng, setup, trace, r, step)
            there = muon.energy > 0.0 and done > step - NEAR
            if there and step == limit:
                muon.z = goal
            if pieces[r].kind == DIPOLE:
                path = 0.0
            elif muon.z == stop and pieces[r].target:
                return Way(r, pending, path)
            else:
                path += done * pieces[r].dense
                if there and muon.z != stop:
                    path = _leave_solid(rng, setup, trace, r, first, path)
        if muon.energy <= 0.0:
            return Way(max(r, first), pending, path)
    return Way(-1, pending, path)


@inner
def _has_target(pieces: Pieces, first: int) -> bool:
    """Whether a stretch holds a target."""
    found = False
    for r in range(first, stretch_end(pieces, first)):
        found = found or pieces[r].target
    return found


@inner
def walk(rng: np.random.Generator, setup: Setup, trace: Trace, stop: float) -> int:
    """Carry the muon of an event from where it is; returns the piece at which it stopped.

    stop : z (cm) inside a target at which to return for a vertex, inf for none. Returns the number
    of pieces where it left the set-up; its energy is 0 where it stopped or turned away.
    """
    pieces, muon = setup.pieces, trace.event.muon
    pending, path, r = 0.0, 0.0, stretch_start(pieces, muon.piece)
    while r < pieces.size:
        low, length = pieces[r].z, pieces[r].length
        if length > 0.0 and muon.z >= low + length - NEAR:
            r = stretch_end(pieces, r)
            continue
        if low > muon.z:
            path = 0.0 if low > muon.z + NEAR else path
            pending = drift(rng, setup, trace, low - muon.z, pending, r)
            if muon.energy <= 0.0:
                return r
            muon.z = low
        if length > 0.0:
            if trace.event.at_target.energy == 0.0 and _has_target(pieces, r):
                copy_place(trace.event.at_target, muon)
            way = _stretch(rng, setup, trace, r, stop, Way(-1, pending, path))
            if way.halt >= 0:
                return way.halt
            pending, path = way.pending, way.path
            r = stretch_end(pieces, r)
            continue
        if within(muon.x, muon.y, pieces[r]):
            cross_plane(rng, setup, trace, r)
        if muon.energy <= 0.0:
            return r
        r += 1
    if muon.z < setup.end:
        drift(rng, setup, trace, setup.end - muon.z, pending, pieces.size)
    return pieces.size


@njit
def walk_all(rng: np.random.Generator, setup: Setup, out: Output, stops: Array) -> None:
    """Carry the muons of N beam particles on from where they are; stops (N,): see `walk`.

    A muon whose energy is 0 stays.
    """
    for i in range(out.events.size):
        event = out.events[i]
        if event.muon.energy > 0.0:
            trace = Trace(
                event, out.deposits[i], out.hits[i], out.extra, out.stack, out.counts[0],
                out.arrivals,
            )  # fmt: skip
            event.muon.piece = walk(rng, setup, trace, stops[i])
