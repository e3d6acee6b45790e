"""Kernels that carry what a muon sets free through the set-up, from wall to wall.

Photons, electrons, showers and hadrons fly straight, in a magnet's gap on their orbit; what they do
in matter is `simulation_showers`. The iron of magnets ends them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_PI
from mutau.core.jit import inner
from mutau.detector.boxes import DIPOLE, KIND, LENGTH, TABLE, Z
from mutau.detector.orbits import gap_step
from mutau.detector.simulation_geometry import DENSE, M_MIP, PLANE
from mutau.detector.simulation_showers import (
    CHARGED,
    ELECTRON,
    MARKER,
    NEUTRAL,
    S_CHARGE,
    S_E,
    S_KIND,
    S_ORIGIN,
    S_ROW,
    S_TX,
    S_TY,
    S_X,
    S_Y,
    S_Z,
    em_step,
    hadron_step,
    move,
)
from mutau.detector.simulation_steps import STEEP, add_counter, add_extra, secant
from mutau.detector.walls import NEAR, ahead, stretch_end, stretch_start, within

Array = NDArray[np.float64]


@inner
def _detect(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, extra: Array, q: Array,
    r: int,
) -> None:  # fmt: skip
    """A charged particle q crosses a tracker or a counter."""
    if rows[r, KIND] == PLANE:
        add_extra(rng, event, extra, rows, r, q[S_X], q[S_Y], q[S_E], q[S_ORIGIN])
        return
    table = int(rows[r, TABLE])
    mip = tables[table + M_MIP] if table >= 0 else 0.0
    add_counter(event, rows, r, rows[r, DENSE] * secant(q[S_TX], q[S_TY]) * mip)


@inner
def _through_dipole(
    rows: Array, tables: Array, q: Array, r: int, step: float, charged: bool
) -> bool:
    """Particle q in a piece of a magnet, to its end or a wall; False where it ends there.

    step : cm along z to the next wall on a straight line.
    """
    half = 0.5 * step
    if not within(q[S_X] + half * q[S_TX], q[S_Y] + half * q[S_TY], rows, r):
        return False  # into the yoke
    if not charged:
        move(q, step)
        return True
    mass = M_PI if q[S_KIND] == CHARGED else M_E
    p = math.sqrt(max(q[S_E] * q[S_E] - mass * mass, 1e-12))
    length = rows[r, Z] + rows[r, LENGTH] - q[S_Z]
    done, state = gap_step(
        q[S_X], q[S_Y], q[S_Z], q[S_TX], q[S_TY], p, rows, tables, r, length, q[S_CHARGE]
    )
    q[S_X], q[S_Y], q[S_TX], q[S_TY], fine = state
    q[S_Z] += done
    return fine > 0.0 and abs(q[S_TX]) <= STEEP and abs(q[S_TY]) <= STEEP


@inner
def _stretch(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, stack: Array, q: Array,
    count: int, first: int,
) -> tuple[bool, int]:  # fmt: skip
    """Particle q from wall to wall to the end of a stretch: (whether it comes out, new count)."""
    last, high = stretch_end(rows, first), rows[first, Z] + rows[first, LENGTH]
    alive = True
    while alive and q[S_Z] < high - NEAR:
        limit = high - q[S_Z]
        step, r = ahead(q[S_X], q[S_Y], q[S_TX], q[S_TY], rows, first, last, limit)
        if r < 0:
            move(q, step)
        elif rows[r, KIND] == DIPOLE:
            charged = q[S_KIND] in (ELECTRON, CHARGED, MARKER)
            alive = _through_dipole(rows, tables, q, r, step, charged)
        elif q[S_KIND] == MARKER:
            alive = False
        elif q[S_KIND] in (CHARGED, NEUTRAL):
            alive, count = hadron_step(rng, rows, tables, event, stack, q, count, r, step)
        else:
            alive, count = em_step(rng, rows, tables, event, stack, q, count, r, step)
    if alive:
        q[S_Z] = high
    return alive, count


@inner
def fly(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, extra: Array, stack: Array,
    count: int,
) -> int:  # fmt: skip
    """Take the last particle off the stack and carry it to its end; returns the new count.

    It lives in the last row of the stack, which nothing else uses.
    """
    count -= 1
    q = stack[stack.shape[0] - 1]
    for k in range(q.size):
        q[k] = stack[count, k]
    alive, r = True, stretch_start(rows, int(q[S_ROW]))
    while alive and r < rows.shape[0]:
        low, length = rows[r, Z], rows[r, LENGTH]
        here = low >= q[S_Z] - NEAR if length == 0.0 else low + length > q[S_Z] + NEAR
        if here and low > q[S_Z]:
            move(q, low - q[S_Z])
            q[S_Z] = low
        if length == 0.0:
            charged = q[S_KIND] in (ELECTRON, CHARGED, MARKER)
            if here and charged and within(q[S_X], q[S_Y], rows, r):
                _detect(rng, rows, tables, event, extra, q, r)
            r += 1
            continue
        if here:
            alive, count = _stretch(rng, rows, tables, event, stack, q, count, r)
        r = stretch_end(rows, r)
    return count


@inner
def follow(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, extra: Array, stack: Array,
    count: int,
) -> None:  # fmt: skip
    """Carry everything on the stack to its end."""
    while count > 0:
        count = fly(rng, rows, tables, event, extra, stack, count)
