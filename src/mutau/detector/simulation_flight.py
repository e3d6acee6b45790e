"""What a muon sets free, through the set-up: parts of its walk, and the stack that it waits on.

Photons, electrons, showers and hadrons fly straight, in a magnet's gap on their orbit; what they do
in matter is `simulation_showers`. At the iron of a magnet they are noted down: `simulation_yoke`
follows their showers there and brings back what comes out.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mutau.core.jit import inner
from mutau.detector.simulation_records import Trace, add_arrival, add_counter, add_extra
from mutau.detector.simulation_showers import em_step, hadron_step
from mutau.transport.particle import (
    CHARGED,
    MARKER,
    NEUTRAL,
    State,
    copy_state,
    has_track,
    secant,
)
from mutau.transport.pieces import TRACKER
from mutau.transport.setup import Setup
from mutau.transport.walk import Leg, WalkParts, walk_of
from mutau.transport.walls import within

#: Energy (GeV) below which nothing is noted at iron: it comes back out of millimetres only.
ARRIVES: Final = 0.05


@inner
def plane(rng: np.random.Generator, setup: Setup, trace: Trace, q: State, r: int, way: int) -> int:
    """A tracker or a counter sees what is charged."""
    piece = setup.pieces[r]
    if has_track(q) and within(q.x, q.y, piece):
        if piece.kind == TRACKER:
            add_extra(rng, trace, piece, q)
        else:
            mip = setup.matter[piece.material].mip if piece.material >= 0 else 0.0
            add_counter(trace, piece, piece.dense * secant(q) * mip)
    return way


@inner
def solid(
    rng: np.random.Generator, setup: Setup, trace: Trace, q: State, leg: Leg, way: int
) -> int:
    """A solid, to its wall."""
    alive = False
    if q.kind in (CHARGED, NEUTRAL):
        alive = hadron_step(rng, setup, trace, q, leg.piece, leg.step)
    elif q.kind != MARKER:
        alive = em_step(rng, setup, trace, q, leg.piece, leg.step)
    if alive:
        q.z = leg.end
    else:
        q.energy = 0.0
    return way


@inner
def iron(rng: np.random.Generator, setup: Setup, trace: Trace, q: State, leg: Leg, way: int) -> int:
    """The iron of a magnet: noted down where it enters, and no further."""
    q.piece = leg.piece
    if q.kind != MARKER and q.energy > ARRIVES:
        add_arrival(trace, q)
    q.energy = 0.0
    return way


_walk = walk_of(WalkParts(plane, solid, iron))


@inner
def take(trace: Trace) -> int:
    """Take the last particle off the stack; returns where it lives on its way.

    That is the last place but one of the stack, which nothing else uses.
    """
    place = trace.stack.size - 2
    trace.counts.stack -= 1
    copy_state(trace.stack[place], trace.stack[trace.counts.stack])
    return place


@inner
def follow(rng: np.random.Generator, setup: Setup, trace: Trace) -> None:
    """Carry everything on the stack to its end."""
    while trace.counts.stack > 0:
        _walk(rng, setup, trace, trace.stack[take(trace)], math.inf, 0)
