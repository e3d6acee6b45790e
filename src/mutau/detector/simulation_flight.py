"""Kernels that carry what a muon sets free through the set-up, from wall to wall.

Photons, electrons, showers and hadrons fly straight, in a magnet's gap on their orbit; what they do
in matter is `simulation_showers`. At the iron of a magnet they are noted down: `simulation_yoke`
follows their showers there and brings back what comes out.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mutau.core.jit import inner
from mutau.detector.simulation_records import Trace, add_arrival, add_counter, add_extra
from mutau.detector.simulation_showers import em_step, hadron_step
from mutau.transport.orbits import cross_gap
from mutau.transport.particle import (
    CHARGED,
    MARKER,
    NEUTRAL,
    State,
    copy_state,
    has_track,
    is_steep,
    move,
    secant,
)
from mutau.transport.pieces import DIPOLE, TRACKER, Piece
from mutau.transport.setup import Setup
from mutau.transport.walls import (
    NEAR,
    ahead,
    half_way_within,
    stretch_end,
    stretch_start,
    within,
)

#: Energy (GeV) below which nothing is noted at iron: it comes back out of millimetres only.
ARRIVES: Final = 0.05


@inner
def _detect(rng: np.random.Generator, setup: Setup, trace: Trace, piece: Piece, q: State) -> None:
    """A charged particle q crosses a tracker or a counter."""
    if piece.kind == TRACKER:
        add_extra(rng, trace, piece, q)
        return
    mip = setup.matter[piece.material].mip if piece.material >= 0 else 0.0
    add_counter(trace, piece, piece.dense * secant(q) * mip)


@inner
def _through_dipole(setup: Setup, trace: Trace, q: State, piece: Piece, step: float) -> bool:
    """Particle q in a piece of a magnet, to its end or a wall; False where it ends or goes into
    the iron.

    step : cm along z to the next wall on a straight line.
    """
    if not half_way_within(q, step, piece):
        if q.kind != MARKER and q.energy > ARRIVES:
            add_arrival(trace, q)
        return False
    if not has_track(q):
        move(q, step)
        return True
    _, forward = cross_gap(q, piece, setup.field)
    return forward and not is_steep(q)


@inner
def _stretch(rng: np.random.Generator, setup: Setup, trace: Trace, q: State, first: int) -> bool:
    """Particle q from wall to wall to the end of a stretch: whether it comes out."""
    pieces = setup.pieces
    last, high = stretch_end(pieces, first), pieces[first].z + pieces[first].length
    alive = True
    while alive and q.z < high - NEAR:
        step, r = ahead(q, pieces, first, last, high - q.z)
        if r < 0:
            move(q, step)
        elif pieces[r].kind == DIPOLE:
            q.piece = r
            alive = _through_dipole(setup, trace, q, pieces[r], step)
        elif q.kind == MARKER:
            alive = False
        elif q.kind in (CHARGED, NEUTRAL):
            alive = hadron_step(rng, setup, trace, q, r, step)
        else:
            alive = em_step(rng, setup, trace, q, r, step)
    if alive:
        q.z = high
    return alive


@inner
def fly(rng: np.random.Generator, setup: Setup, trace: Trace) -> None:
    """Take the last particle off the stack and carry it to its end.

    It lives in the last place but one of the stack, which nothing else uses.
    """
    trace.counts.stack -= 1
    q, pieces = trace.stack[trace.stack.size - 2], setup.pieces
    copy_state(q, trace.stack[trace.counts.stack])
    alive, r = True, stretch_start(pieces, q.piece)
    while alive and r < pieces.size:
        piece = pieces[r]
        low, length = piece.z, piece.length
        here = low >= q.z - NEAR if length == 0.0 else low + length > q.z + NEAR
        if here and low > q.z:
            move(q, low - q.z)
            q.z = low
        if length == 0.0:
            if here and has_track(q) and within(q.x, q.y, piece):
                _detect(rng, setup, trace, piece, q)
            r += 1
            continue
        if here:
            alive = _stretch(rng, setup, trace, q, r)
        r = stretch_end(pieces, r)


@inner
def follow(rng: np.random.Generator, setup: Setup, trace: Trace) -> None:
    """Carry everything on the stack to its end."""
    while trace.counts.stack > 0:
        fly(rng, setup, trace)
