"""The muon of an event in the full simulation: parts of its walk, and the loop over events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner, njit
from mutau.detector.simulation_kernels import collide, cross_plane, drift, escape
from mutau.detector.simulation_records import Output, Trace, deposit
from mutau.transport.muon_matter import solid_step
from mutau.transport.particle import State, copy_place
from mutau.transport.setup import Setup
from mutau.transport.walk import Leg, WalkParts, walk_of
from mutau.transport.walls import NEAR, solid_behind, stretch_end, within

Array = NDArray[np.float64]


class Way(NamedTuple):
    """Of a muon on its way: cm of gas that it has not been charged for; cm of solid that it has
    crossed without a gap."""

    pending: float
    path: float


@inner
def _gap(
    rng: np.random.Generator, setup: Setup, trace: Trace, muon: State, r: int, step: float, way: Way
) -> Way:
    """Gas before piece r."""
    path = 0.0 if step > NEAR else way.path
    return Way(drift(rng, setup, trace, step, way.pending, r), path)


@inner
def _bent(done: float, way: Way) -> Way:
    """The gas in a magnet."""
    return Way(way.pending + done, 0.0)


@inner
def _arrive(
    rng: np.random.Generator, setup: Setup, trace: Trace, muon: State, first: int, way: Way
) -> Way:
    """The face of the target."""
    if trace.event.at_target.energy == 0.0:
        for r in range(first, stretch_end(setup.pieces, first)):
            if setup.pieces[r].target:
                copy_place(trace.event.at_target, muon)
    return way


@inner
def _plane(
    rng: np.random.Generator, setup: Setup, trace: Trace, muon: State, r: int, way: Way
) -> Way:
    """A counter or a tracker."""
    if within(muon.x, muon.y, setup.pieces[r]):
        cross_plane(rng, setup, trace, r)
    return way


@inner
def _iron(
    rng: np.random.Generator, setup: Setup, trace: Trace, muon: State, leg: Leg, way: Way
) -> Way:
    """The yoke of a magnet, to its end or the next collision."""
    matter = setup.matter[setup.yoke]
    done, _, collides = solid_step(rng, matter, muon, leg.step, 1.0)
    if collides and muon.energy > 0.0:
        collide(rng, setup, trace, matter, leg.piece, 0.0)
    if muon.energy > 0.0 and done > leg.step - NEAR:
        muon.z = leg.end
    return Way(way.pending, 0.0)


@inner
def _solid(
    rng: np.random.Generator, setup: Setup, trace: Trace, muon: State, leg: Leg, way: Way
) -> Way:
    """A solid, to its wall or the next collision."""
    piece = setup.pieces[leg.piece]
    matter = setup.matter[piece.material]
    done, lost, collides = solid_step(rng, matter, muon, leg.step, piece.dense)
    deposit(trace, piece, False, muon.x, muon.y, lost, 0.0)
    if collides and muon.energy > 0.0:
        collide(rng, setup, trace, matter, leg.piece, leg.step - done)
    path = way.path + done * piece.dense
    if muon.energy > 0.0 and done > leg.step - NEAR:
        muon.z = leg.end
        if leg.wall:
            path = _leave_solid(rng, setup, trace, leg, path)
    return Way(way.pending, path)


@inner
def _leave_solid(
    rng: np.random.Generator, setup: Setup, trace: Trace, leg: Leg, path: float
) -> float:
    """The muon at a wall of a solid after `path` cm of its material; returns the path that counts
    further on: 0 behind the solid, where soft electrons come out."""
    event, pieces, r = trace.event, setup.pieces, leg.piece
    behind = solid_behind(event.muon, pieces, leg.first)
    if pieces[r].target and (behind < 0 or not pieces[behind].target):
        copy_place(event.behind_target, event.muon)
    if behind >= 0:
        return path if pieces[behind].material == pieces[r].material else 0.0
    escape(rng, setup, trace, setup.matter[pieces[r].material], leg.first, path)
    return 0.0


_walk = walk_of(WalkParts(_plane, _solid, _iron, _gap, _bent, _arrive))


@njit
def walk_all(rng: np.random.Generator, setup: Setup, out: Output, stops: Array) -> None:
    """Carry the muons of N beam particles on from where they are; stops (N,): see `walk_of`.

    A muon whose energy is 0 stays.
    """
    for i in range(out.events.size):
        event = out.events[i]
        if event.muon.energy > 0.0:
            trace = Trace(
                event, out.deposits[i], out.hits[i], out.extra, out.stack, out.counts[0],
                out.arrivals,
            )  # fmt: skip
            event.muon.piece, _ = _walk(rng, setup, trace, event.muon, stops[i], Way(0.0, 0.0))
