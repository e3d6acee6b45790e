"""Kernels of the full simulation: what a muon does in matter and planes, and what it sets free."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.jit import inner, njit
from mutau.detector.boxes import KIND, TABLE
from mutau.detector.hits import BREMSSTRAHLUNG, KNOCK_ON, PAIR, SIGNAL
from mutau.detector.simulation_flight import follow
from mutau.detector.simulation_geometry import (
    DENSE,
    E_TRASH,
    E_VERTEX,
    EFFICIENCY,
    KICKS,
    M_CRITICAL,
    M_CUT,
    M_HALF_K,
    M_RADIUS,
    M_X0,
    PLACE,
    PLANE,
    SECOND,
    SIGMA,
    SOLID,
    T_GAS,
    T_GAS_KICKS,
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
    deposit,
)
from mutau.transport import catastrophic_losses as hard

Array = NDArray[np.float64]

#: Gaps of gas shorter than this (cm) are joined with the next one.
_SHORT_GAP: Final = 10.0
#: Length along z (cm) that stands for none.
_FLAT: Final = 1e-6


@inner
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


@inner
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


@inner
def collide(
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


@inner
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
            collide(rng, rows, tables, event, extra, stack, m, r, left)
    return total


@njit
def escape(
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


@inner
def drift(
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


@inner
def _write_plane(rng: np.random.Generator, rows: Array, event: Array, r: int) -> None:
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


@inner
def cross_plane(
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
        _write_plane(rng, rows, event, r)
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
