"""Kernels: the muon of an event from wall to wall along the rows of a set-up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import inner, njit
from mutau.detector.boxes import DIPOLE, KIND, LENGTH, TABLE, Z
from mutau.detector.orbits import gap_step
from mutau.detector.simulation_geometry import (
    DENSE,
    E_OUT,
    E_ROW,
    E_TARGET,
    KICKS,
    PLACE,
    SOLID,
    T_END,
    T_YOKE,
    T_YOKE_KICKS,
    TARGET,
)
from mutau.detector.simulation_kernels import collide, cross_plane, drift, escape
from mutau.detector.simulation_matter import solid_step
from mutau.detector.simulation_showers import STACK
from mutau.detector.simulation_steps import EN, PX, PY, PZ, STEEP, SX, SY, deposit
from mutau.detector.walls import NEAR, ahead, solid_behind, stretch_end, stretch_start, within

Array = NDArray[np.float64]


@inner
def _in_matter(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kicks: Array,
    event: Array,
    extra: Array,
    stack: Array,
    r: int,
    step: float,
) -> float:
    """One step of the muon in a solid or a yoke, at most `step` cm, the way to the wall.

    Returns the cm done along z; it may end at a hard collision, which is then done.
    """
    solid = rows[r, KIND] == SOLID
    m = int(rows[r, TABLE] if solid else tables[T_YOKE])
    columns = kicks[int(rows[r, KICKS] if solid else tables[T_YOKE_KICKS])]
    dense = rows[r, DENSE] if solid else 1.0
    done, lost, collides = solid_step(rng, tables, columns, event, m, step, dense)
    if solid:
        deposit(event, rows, r, int(rows[r, PLACE]), event[PX], event[PY], lost, 0.0)
    if collides and event[EN] > 0.0:
        left = step - done if solid else 0.0
        collide(rng, rows, tables, event, extra, stack, m, r, left)
    return done


@inner
def _in_gap(rows: Array, tables: Array, event: Array, r: int) -> float:
    """The muon in the gap of a magnet, to its end or a wall; returns the cm of gas on the way."""
    length = rows[r, Z] + rows[r, LENGTH] - event[PZ]
    p = math.sqrt(event[EN] ** 2 - M_MU * M_MU)
    done, state = gap_step(
        event[PX], event[PY], event[PZ], event[SX], event[SY], p, rows, tables, r, length, 1.0
    )
    event[PX], event[PY], event[SX], event[SY], fine = state
    event[PZ] += done
    if fine == 0.0 or abs(event[SX]) > STEEP or abs(event[SY]) > STEEP:
        event[EN] = 0.0
    return done


@inner
def _leave_solid(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    event: Array,
    extra: Array,
    stack: Array,
    r: int,
    first: int,
    path: float,
) -> float:
    """The muon at a wall of solid r after `path` cm of its material; returns the path that counts
    further on: 0 behind the solid, where soft electrons come out."""
    behind = solid_behind(event[PX], event[PY], event[PZ], event[SX], event[SY], rows, first)
    if rows[r, TARGET] > 0.0 and (behind < 0 or rows[behind, TARGET] == 0.0):
        for k in range(6):
            event[E_OUT + k] = event[k]
    if behind >= 0:
        return path if rows[behind, TABLE] == rows[r, TABLE] else 0.0
    escape(rng, rows, tables, event, extra, stack, int(rows[r, TABLE]), first, path)
    return 0.0


@inner
def _stretch(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kicks: Array,
    event: Array,
    extra: Array,
    stack: Array,
    first: int,
    stop: float,
    owed: float,
    path: float,
) -> tuple[int, float, float]:
    """The muon from wall to wall to the end of a stretch.

    stop : see `walk`. owed : cm of gas, path : cm of solid without a gap, up to here.
    Returns the row in which it stopped or halted, else -1; owed and path.
    A gap of gas up to the end is left to whoever comes next.
    """
    last, high = stretch_end(rows, first), rows[first, Z] + rows[first, LENGTH]
    while event[PZ] < high - NEAR:
        goal = stop if event[PZ] < stop < high else high
        limit = goal - event[PZ]
        step, r = ahead(event[PX], event[PY], event[SX], event[SY], rows, first, last, limit)
        half = 0.5 * step
        x, y = event[PX] + half * event[SX], event[PY] + half * event[SY]
        if r < 0:
            path = 0.0
            if step == limit and goal == high:
                break
            owed = drift(rng, rows, tables, kicks, event, extra, stack, step, owed, first)
        elif rows[r, KIND] == DIPOLE and within(x, y, rows, r):
            path = 0.0
            owed += _in_gap(rows, tables, event, r)
        else:
            done = _in_matter(rng, rows, tables, kicks, event, extra, stack, r, step)
            there = event[EN] > 0.0 and done > step - NEAR
            if there and step == limit:
                event[PZ] = goal
            if rows[r, KIND] == DIPOLE:
                path = 0.0
            elif event[PZ] == stop and rows[r, TARGET] > 0.0:
                return r, owed, path
            else:
                path += done * rows[r, DENSE]
                if there and event[PZ] != stop:
                    path = _leave_solid(rng, rows, tables, event, extra, stack, r, first, path)
        if event[EN] <= 0.0:
            return max(r, first), owed, path
    return -1, owed, path


@inner
def _has_target(rows: Array, first: int) -> bool:
    """Whether a stretch holds a target."""
    found = False
    for r in range(first, stretch_end(rows, first)):
        found = found or rows[r, TARGET] > 0.0
    return found


@inner
def walk(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kicks: Array,
    event: Array,
    extra: Array,
    stack: Array,
    stop: float,
) -> int:
    """Carry the muon of an event from where it is; returns the row at which it stopped.

    stop : z (cm) inside a target at which to return for a vertex, inf for none. Returns the number
    of rows where it left the set-up; its energy is 0 where it stopped or turned away.
    """
    owed, path, r = 0.0, 0.0, stretch_start(rows, int(event[E_ROW]))
    while r < rows.shape[0]:
        low, length = rows[r, Z], rows[r, LENGTH]
        if length > 0.0 and event[PZ] >= low + length - NEAR:
            r = stretch_end(rows, r)
            continue
        if low > event[PZ]:
            path = 0.0 if low > event[PZ] + NEAR else path
            owed = drift(rng, rows, tables, kicks, event, extra, stack, low - event[PZ], owed, r)
            if event[EN] <= 0.0:
                return r
            event[PZ] = low
        if length > 0.0:
            if event[E_TARGET + EN] == 0.0 and _has_target(rows, r):
                for k in range(6):
                    event[E_TARGET + k] = event[k]
            halt, owed, path = _stretch(
                rng, rows, tables, kicks, event, extra, stack, r, stop, owed, path
            )
            if halt >= 0:
                return halt
            r = stretch_end(rows, r)
            continue
        if within(event[PX], event[PY], rows, r):
            cross_plane(rng, rows, tables, kicks, event, extra, stack, r)
        if event[EN] <= 0.0:
            return r
        r += 1
    if event[PZ] < tables[T_END]:
        gap = tables[T_END] - event[PZ]
        drift(rng, rows, tables, kicks, event, extra, stack, gap, owed, rows.shape[0])
    return rows.shape[0]


@njit
def walk_all(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kicks: Array,
    events: Array,
    extra: Array,
    stops: Array,
) -> None:
    """Carry the muons of N records (N, width) on from where they are; stops (N,): see `walk`.

    A muon whose energy is 0 stays.
    """
    stack = np.zeros(STACK)
    for i in range(events.shape[0]):
        event = events[i]
        if event[EN] > 0.0:
            event[E_ROW] = walk(rng, rows, tables, kicks, event, extra, stack, stops[i])
