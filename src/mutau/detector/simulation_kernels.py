"""Kernels of the full simulation: one beam muon after the other along the rows of a set-up."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.jit import njit
from mutau.detector.hits import BREMSSTRAHLUNG, KNOCK_ON, PAIR, SIGNAL
from mutau.detector.simulation_geometry import (
    DENSE,
    DIPOLE,
    E_OUT,
    E_ROW,
    E_TARGET,
    E_TRASH,
    E_VERTEX,
    EFFICIENCY,
    KICKS,
    KIND,
    LENGTH,
    M_CRITICAL,
    M_CUT,
    M_HALF_K,
    M_RADIUS,
    M_X0,
    NARROW,
    PLACE,
    PLANE,
    SECOND,
    SIGMA,
    SOLID,
    T_END,
    T_GAS,
    T_GAS_KICKS,
    T_YOKE,
    T_YOKE_KICKS,
    TABLE,
    TARGET,
    Z,
)
from mutau.detector.simulation_matter import (
    STOPPED,
    draw_loss,
    recoil_kernel,
    solid_step,
    thin_step,
)
from mutau.detector.simulation_showers import (
    ELECTRON,
    PHOTON,
    SOFT,
    STACK,
    follow,
    fragment,
    push,
    side_loss,
)
from mutau.detector.simulation_steps import (
    EN,
    PX,
    PY,
    PZ,
    STEEP,
    SX,
    SY,
    add_counter,
    bend,
    deposit,
    within,
)
from mutau.transport import hard_losses as hard

Array = NDArray[np.float64]

#: Gaps of gas shorter than this (cm) are joined with the next one.
_SHORT_GAP: Final = 10.0
#: Pieces of a solid whose edge the muon crosses.
_PIECES: Final = 16
#: Length along z (cm) that stands for none.
_FLAT: Final = 1e-6


@njit
def leave_with(event: Array, after: float, kick_x: float, kick_y: float) -> None:
    """The muon after a loss: energy `after`, transverse momentum given by the recoil (GeV).

    It stops (energy 0) where it is too soft or too steep to be followed.
    """
    p_out = math.sqrt(max(after * after - M_MU * M_MU, 1e-12))
    event[SX] += kick_x / p_out
    event[SY] += kick_y / p_out
    event[EN] = after
    if after <= STOPPED * 1.001 or abs(event[SX]) > STEEP or abs(event[SY]) > STEEP:
        event[EN] = 0.0


@njit
def release(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    event: Array,
    extra: Array,
    stack: Array,
    kind: int,
    lost: float,
    kick_x: float,
    kick_y: float,
    m: int,
    r: int,
    left: float,
) -> None:
    """What the muon has set free at its place, carried to the end. left : cm of the row ahead."""
    x, y, z, tx, ty = event[PX], event[PY], event[PZ], event[SX], event[SY]
    em, hadronic = E_TRASH, E_TRASH
    if r < rows.shape[0] and rows[r, KIND] == SOLID and left > 0.0:
        em, hadronic = int(rows[r, PLACE]), int(rows[r, SECOND])
        if kind != hard.NUCLEAR:
            deep = 2.2 * math.log(lost / tables[m + M_CRITICAL]) + 10.0
            if left * rows[r, DENSE] > deep * tables[m + M_X0]:  # contained: no need to follow
                escaped = side_loss(x, y, rows, r, tables[m + M_RADIUS])
                part = lost * (1.0 - escaped)
                deposit(event, rows, r, em, x, y, part, tables[m + M_RADIUS])
                return
    p = math.sqrt(lost * lost + 2.0 * lost * M_E) if kind == hard.KNOCK_ON else lost
    tx, ty = tx - kick_x / p, ty - kick_y / p
    if abs(tx) > STEEP or abs(ty) > STEEP:
        event[em] += lost
        return
    if kind == hard.NUCLEAR:
        count = fragment(rng, rows, event, hadronic, stack, 0, lost, x, y, z, tx, ty, r)
    elif kind == hard.BREMS:
        count = push(stack, 0, PHOTON, lost, x, y, z, tx, ty, r, 0.0, BREMSSTRAHLUNG)
    elif kind == hard.KNOCK_ON:
        count = push(stack, 0, ELECTRON, lost, x, y, z, tx, ty, r, -1.0, KNOCK_ON)
    else:
        part = lost * rng.random()
        count = push(stack, 0, ELECTRON, part, x, y, z, tx, ty, r, -1.0, PAIR)
        count = push(stack, count, ELECTRON, lost - part, x, y, z, tx, ty, r, 1.0, PAIR)
    follow(rng, rows, tables, event, extra, stack, count)


@njit
def _collide(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    event: Array,
    extra: Array,
    stack: Array,
    m: int,
    r: int,
    left: float,
) -> None:
    """One hard collision where the muon is."""
    energy = event[EN]
    kind, lost = draw_loss(rng, energy, m, tables)
    lost = min(lost, energy - STOPPED)
    if lost <= 0.0:
        return
    p_t = recoil_kernel(rng, kind, lost / energy, energy, m, tables)
    phi = 2.0 * math.pi * rng.random()
    kick_x, kick_y = p_t * math.cos(phi), p_t * math.sin(phi)
    after = energy - lost
    if lost > event[E_VERTEX + 3] and event[E_VERTEX + 4] != SIGNAL:
        event[E_VERTEX], event[E_VERTEX + 1] = event[PX], event[PY]
        event[E_VERTEX + 2], event[E_VERTEX + 3] = event[PZ], lost
        event[E_VERTEX + 4] = kind + 1.0
    release(rng, rows, tables, event, extra, stack, kind, lost, kick_x, kick_y, m, r, left)
    leave_with(event, after, kick_x, kick_y)


@njit
def traverse(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    columns: Array,
    event: Array,
    extra: Array,
    stack: Array,
    m: int,
    length: float,
    dense: float,
    r: int,
    solid: bool,
) -> float:
    """Carry the muon through `length` cm of matter along z; returns what it deposits softly, GeV.

    m : start of the material; columns : its kicks. r : row in which what it sets free starts.
    solid : with fluctuations of the soft loss; off in gas and planes.
    """
    left, total = length, 0.0
    while left > 1e-12 and event[EN] > 0.0:
        if solid:
            done, lost, collides = solid_step(rng, tables, columns, event, m, left, dense)
        else:
            done, lost, collides = thin_step(rng, tables, columns, event, m, left, dense)
        left -= done
        total += lost
        if collides and event[EN] > 0.0:
            _collide(rng, rows, tables, event, extra, stack, m, r, left)
    return total


@njit
def _escape(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    event: Array,
    extra: Array,
    stack: Array,
    m: int,
    r: int,
    path: float,
) -> None:
    """Soft knock-on electrons made in the last X0 of a solid that come out with the muon.

    path : cm of material that the muon crossed. The electrons were part of the continuous loss; the
    few MeV that they carry out of the solid are not taken back.
    """
    x0, critical = tables[m + M_X0], tables[m + M_CRITICAL]
    depth = min(path / x0, 1.0)
    span = 1.0 / (2.0 * SOFT) - 1.0 / tables[m + M_CUT]
    for _ in range(rng.poisson(tables[m + M_HALF_K] * depth * x0 * span)):
        t = 1.0 / (1.0 / (2.0 * SOFT) - rng.random() * span)
        gone = math.exp(-depth * rng.random())
        out = t * gone - critical * (1.0 - gone)
        if out < SOFT:
            continue
        angle = math.sqrt(2.0 * M_E / t)
        spread = 0.021 / out * math.sqrt(1.0 - gone)
        phi = 2.0 * math.pi * rng.random()
        tx = event[SX] + angle * math.cos(phi) + spread * rng.standard_normal()
        ty = event[SY] + angle * math.sin(phi) + spread * rng.standard_normal()
        if abs(tx) < STEEP and abs(ty) < STEEP:
            count = push(
                stack, 0, ELECTRON, out, event[PX], event[PY], event[PZ], tx, ty, r, -1.0, KNOCK_ON
            )
            follow(rng, rows, tables, event, extra, stack, count)


@njit
def _drift(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kicks: Array,
    event: Array,
    extra: Array,
    stack: Array,
    gap: float,
    owed: float,
    r: int,
) -> float:
    """Carry the muon over a gap of gas or nothing; returns the gas (cm) it still owes."""
    if tables[T_GAS] < 0.0 or gap + owed < _SHORT_GAP:
        event[PX] += gap * event[SX]
        event[PY] += gap * event[SY]
        event[PZ] += gap
        return owed + gap
    traverse(
        rng, rows, tables, kicks[int(tables[T_GAS_KICKS])], event, extra, stack,
        int(tables[T_GAS]), gap, (gap + owed) / gap, r, False,
    )  # fmt: skip
    return 0.0


@njit
def _cross_plane(rng: np.random.Generator, rows: Array, event: Array, r: int) -> None:
    """The muon crosses a tracker inside its frame; writes the plane's block of the record."""
    at = int(rows[r, PLACE])
    event[at + 3], event[at + 4] = event[PX], event[PY]
    event[at + 5], event[at + 6] = event[SX], event[SY]
    event[at + 7] = math.sqrt(event[EN] ** 2 - M_MU * M_MU)
    if rows[r, EFFICIENCY] < 1.0 and rng.random() >= rows[r, EFFICIENCY]:
        return
    event[at] = 1.0
    event[at + 1] = event[PX] + rows[r, SIGMA] * rng.standard_normal()
    event[at + 2] = event[PY] + rows[r, SIGMA] * rng.standard_normal()


@njit
def _plane(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kicks: Array,
    event: Array,
    extra: Array,
    stack: Array,
    r: int,
) -> None:
    """The muon crosses a counter or a tracker; all its matter is in a plane without thickness."""
    tracker = rows[r, KIND] == PLANE
    if tracker:
        _cross_plane(rng, rows, event, r)
    lost = 0.0
    if rows[r, TABLE] >= 0.0:
        place = event[PZ]
        lost = traverse(
            rng, rows, tables, kicks[int(rows[r, KICKS])], event, extra, stack,
            int(rows[r, TABLE]), _FLAT, rows[r, DENSE] / _FLAT, r + 1, not tracker,
        )  # fmt: skip
        event[PZ] = place
    if not tracker:
        event[int(rows[r, SECOND])] = 1.0
        add_counter(event, rows, r, lost)


@njit
def _solid(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kicks: Array,
    event: Array,
    extra: Array,
    stack: Array,
    r: int,
    stop: float,
) -> None:
    """The muon crosses a solid, or the part of a target up to `stop`, if it is inside it."""
    end = rows[r, Z] + rows[r, LENGTH]
    halts = rows[r, TARGET] > 0.0 and event[PZ] <= stop < end
    end = stop if halts else end
    length = end - event[PZ]
    here = within(event[PX], event[PY], rows, r)
    there = within(event[PX] + length * event[SX], event[PY] + length * event[SY], rows, r)
    if not here and not there:
        return
    m, columns = int(rows[r, TABLE]), kicks[int(rows[r, KICKS])]
    pieces = 1 if here and there else _PIECES
    part = length / pieces
    for _ in range(pieces):
        if pieces == 1 or within(event[PX], event[PY], rows, r):
            lost = traverse(
                rng, rows, tables, columns, event, extra, stack, m, part, rows[r, DENSE], r, True
            )
            deposit(event, rows, r, int(rows[r, PLACE]), event[PX], event[PY], lost, 0.0)
            if event[EN] <= 0.0:
                return
        else:
            event[PX] += part * event[SX]
            event[PY] += part * event[SY]
            event[PZ] += part
    event[PZ] = end
    if not halts and within(event[PX], event[PY], rows, r):
        path = length * rows[r, DENSE]
        _escape(rng, rows, tables, event, extra, stack, m, r + 1, path)


@njit
def _dipole(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kicks: Array,
    event: Array,
    extra: Array,
    stack: Array,
    r: int,
) -> float:
    """The muon crosses a piece of a magnet; returns the cm of gas in it. Yokes are iron."""
    gap = rows[r, Z] + rows[r, LENGTH] - event[PZ]
    if rows[r, NARROW] > 0.0 and not within(event[PX], event[PY], rows, r):
        columns = kicks[int(tables[T_YOKE_KICKS])]
        traverse(
            rng, rows, tables, columns, event, extra, stack, int(tables[T_YOKE]), gap, 1.0, r + 1,
            True,
        )  # fmt: skip
        event[PZ] = rows[r, Z] + rows[r, LENGTH]
        return 0.0
    p = math.sqrt(event[EN] ** 2 - M_MU * M_MU)
    x, y, tx, ty, fine = bend(
        event[PX], event[PY], event[PZ], event[SX], event[SY], p, rows, tables, r, gap, 1.0
    )
    event[PX], event[PY], event[SX], event[SY] = x, y, tx, ty
    event[PZ] += gap
    if fine == 0.0:
        event[EN] = 0.0
    return gap


@njit
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
    owed = 0.0
    for r in range(int(event[E_ROW]), rows.shape[0]):
        low, length = rows[r, Z], rows[r, LENGTH]
        kind = int(rows[r, KIND])
        if kind in (SOLID, DIPOLE) and event[PZ] >= low + length - 1e-9:
            continue  # the sibling of a piece already crossed
        if low > event[PZ]:
            owed = _drift(rng, rows, tables, kicks, event, extra, stack, low - event[PZ], owed, r)
            if event[EN] <= 0.0:
                return r
            event[PZ] = low
        if kind == SOLID:
            target = rows[r, TARGET] > 0.0
            if target and event[E_TARGET + EN] == 0.0:
                for k in range(6):
                    event[E_TARGET + k] = event[k]
            _solid(rng, rows, tables, kicks, event, extra, stack, r, stop)
            if event[EN] <= 0.0 or (target and event[PZ] == stop):
                return r
            if target and event[PZ] >= low + length - 1e-9:
                for k in range(6):
                    event[E_OUT + k] = event[k]
        elif kind == DIPOLE:
            owed += _dipole(rng, rows, tables, kicks, event, extra, stack, r)
        elif within(event[PX], event[PY], rows, r):
            _plane(rng, rows, tables, kicks, event, extra, stack, r)
        if event[EN] <= 0.0:
            return r
    if event[PZ] < tables[T_END]:
        gap = tables[T_END] - event[PZ]
        _drift(rng, rows, tables, kicks, event, extra, stack, gap, owed, rows.shape[0])
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
