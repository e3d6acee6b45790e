"""Kernel of the trigger's fast mode: one scattered muon after the other along the rows.

Pure functions on floats and arrays; the random generator is passed in.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import inner, njit
from mutau.detector.boxes import DIPOLE, KIND, LENGTH, TABLE, Z
from mutau.detector.geometry import EFFICIENCY, NAME, TRIGGER, VETO, WIDTH
from mutau.detector.orbits import gap_step
from mutau.detector.walls import NEAR, ahead, stretch_end, within
from mutau.matter.multiple_scattering import ScatteringTable, scatter_kernel
from mutau.matter.muon_cross_sections import t_max_kernel
from mutau.matter.muon_energy_loss import T_MIN, energy_after_kernel, loss_kernel

Array = NDArray[np.float64]

_STOPPED = M_MU + T_MIN
Ray = tuple[float, float, float, float, float]


@inner(forceinline=True)
def slab_kernel(
    x: float,
    y: float,
    tx: float,
    ty: float,
    energy: float,
    length: float,
    width: float,
    losses: Array,
    head: Array,
    columns: Array,
    rng: np.random.Generator,
) -> Ray:
    """One solid layer: mean energy loss (to 0.5 %) and scattering; energy M_MU if it stops there.

    width : rad GeV, Highland's angle of the layer at p beta = 1 GeV; negative: collision by
    collision. losses, head, columns : tables of the material, as in `Geometry`.
    """
    lost = length * loss_kernel(energy, losses)
    after = energy - lost
    if lost > 0.2 * (energy - M_MU):
        after = energy_after_kernel(energy, length, losses)
    elif lost > 0.02 * (energy - M_MU):  # midpoint, good to 1e-3 of the loss
        after = energy - length * loss_kernel(energy - 0.5 * lost, losses)
    if after <= _STOPPED:
        return x, y, tx, ty, M_MU
    square_in = energy * energy - M_MU * M_MU
    square_out = after * after - M_MU * M_MU
    if width >= 0.0:
        angle = width * math.sqrt(energy * after / (square_in * square_out))
        kink_x = angle * rng.standard_normal()
        kink_y = angle * rng.standard_normal()
        spread = angle * 0.28867513459481287  # 1/sqrt(12)
        shift_x = length * (0.5 * kink_x + spread * rng.standard_normal())
        shift_y = length * (0.5 * kink_y + spread * rng.standard_normal())
    else:
        beta2 = square_out / (after * after)
        kink_x, kink_y, shift_x, shift_y = scatter_kernel(
            rng,
            length,
            math.sqrt(square_in),
            math.sqrt(square_out),
            beta2,
            ScatteringTable(head[0], head[1], head[2], columns),
            t_max_kernel(energy),
        )
    x += length * tx + shift_x
    y += length * ty + shift_y
    return x, y, tx + kink_x, ty + kink_y, after


@inner(forceinline=True)
def _width(share: float, widths: Array) -> float:
    """Highland's angle at p beta = 1 GeV behind a share of the target, rad GeV."""
    u = share * (widths.size - 1)
    i = min(int(u), widths.size - 2)
    return math.sqrt(share * (widths[i] + (u - i) * (widths[i + 1] - widths[i])))


@inner(forceinline=True)
def _sees(hit: bool, efficiency: float, rng: np.random.Generator) -> bool:
    if hit and efficiency < 1.0:
        return rng.random() < efficiency
    return hit


@inner(forceinline=True)
def _upstream(
    x: float, y: float, tx: float, ty: float, rows: Array, target: int, rng: np.random.Generator
) -> int:
    """First row before the target that an incoming particle at its face does not satisfy, or -1."""
    for index in range(target):
        back = rows[index, Z] - rows[target, Z]
        hit = within(x + back * tx, y + back * ty, rows, index)
        hit = _sees(hit, rows[index, EFFICIENCY], rng)
        kind = rows[index, KIND]
        if (kind == TRIGGER and not hit) or (kind == VETO and hit):
            return index
    return -1


@inner(forceinline=True)
def gap_kernel(
    ray: Ray, z: float, rows: Array, r: int, field: Array, sign: float
) -> tuple[float, Ray]:
    """Through the gap of dipole r from z, to its end or its wall: cm done, ray; energy 0 where the
    muon turns away. sign : charge over that of the beam particle."""
    x, y, tx, ty, energy = ray
    momentum = math.sqrt(energy * energy - M_MU * M_MU)
    length = rows[r, Z] + rows[r, LENGTH] - z
    done, state = gap_step(x, y, z, tx, ty, momentum, rows, field, r, length, sign)
    return done, (state[0], state[1], state[2], state[3], energy * state[4])


@inner(forceinline=True)
def slab_step(
    ray: Ray, rows: Array, r: int, length: float, gaussian: bool, losses: Array, heads: Array,
    columns: Array, rng: np.random.Generator,
) -> Ray:  # fmt: skip
    """`length` cm of slab r, all of it or the way to its wall."""
    m, width = int(rows[r, TABLE]), -1.0
    if gaussian:  # squares of angles add up
        width = rows[r, WIDTH] * math.sqrt(min(length / rows[r, LENGTH], 1.0))
    x, y, tx, ty, energy = ray
    return slab_kernel(
        x, y, tx, ty, energy, length, width, losses[m], heads[m], columns[m], rng
    )  # fmt: skip


@inner(forceinline=True)
def _stretch(
    ray: Ray, rows: Array, first: int, last: int, gaussian: bool, losses: Array, heads: Array,
    columns: Array, field: Array, rng: np.random.Generator,
) -> tuple[Ray, int, int]:  # fmt: skip
    """The muon from wall to wall to the end of a stretch.

    Returns the ray, the row where it stops or enters the iron of a magnet, else -1, and the bits of
    the slabs crossed.
    """
    z, high, touched = rows[first, Z], rows[first, Z] + rows[first, LENGTH], 0
    while z < high - NEAR:
        step, r = ahead(ray[0], ray[1], ray[2], ray[3], rows, first, last, high - z)
        half = 0.5 * step
        if r < 0:
            ray = (ray[0] + step * ray[2], ray[1] + step * ray[3], ray[2], ray[3], ray[4])
        elif rows[r, KIND] != DIPOLE:
            touched |= 1 << int(rows[r, NAME])
            ray = slab_step(ray, rows, r, step, gaussian, losses, heads, columns, rng)
        elif within(ray[0] + half * ray[2], ray[1] + half * ray[3], rows, r):
            step, ray = gap_kernel(ray, z, rows, r, field, 1.0)
        else:
            return ray, r, touched
        if ray[4] <= _STOPPED:
            return ray, r, touched
        z += step
    return ray, -1, touched


@inner(forceinline=True)
def _downstream(
    ray: Ray,
    z: float,
    rows: Array,
    first: int,
    gaussian: bool,
    losses: Array,
    heads: Array,
    columns: Array,
    field: Array,
    rng: np.random.Generator,
    hits: Array,
    event: int,
) -> tuple[int, int]:
    """(first row that is not satisfied or -1, bits of the things crossed)."""
    touched, index = 0, first
    while index < rows.shape[0]:
        kind, step = rows[index, KIND], rows[index, Z] - z
        ray = (ray[0] + step * ray[2], ray[1] + step * ray[3], ray[2], ray[3], ray[4])
        z = rows[index, Z]
        last = stretch_end(rows, index)
        if hits.shape[0] > 0:
            for r in range(index, last):
                name = int(rows[r, NAME])
                hits[event, name, 0], hits[event, name, 1] = ray[0], ray[1]
        if rows[index, LENGTH] > 0.0:
            z += rows[index, LENGTH]
            ray, fail, crossed = _stretch(
                ray, rows, index, last, gaussian, losses, heads, columns, field, rng
            )
            touched |= crossed
            if fail >= 0:
                return fail, touched
        else:
            hit = within(ray[0], ray[1], rows, index)
            hit = _sees(hit, rows[index, EFFICIENCY], rng)
            if hit:
                touched |= 1 << int(rows[index, NAME])
            if (kind == TRIGGER and not hit) or (kind == VETO and hit):
                return index, touched
        index = last
    return -1, touched


@inner(forceinline=True)
def _in_target(
    ray: Ray, rows: Array, target: int, length: float, width: float, losses: Array, heads: Array,
    columns: Array, rng: np.random.Generator,
) -> tuple[Ray, float]:  # fmt: skip
    """`length` cm of the target, or the way out of its side: the ray, and cm along z.

    width : rad GeV, Highland's angle of `length` at p beta = 1 GeV; negative: collisions.
    """
    x, y, tx, ty, energy = ray
    step, found = ahead(x, y, tx, ty, rows, target, target + 1, length)
    if found < 0:
        return ray, 0.0
    if width > 0.0:
        width *= math.sqrt(step / length)
    m = int(rows[target, TABLE])
    ray = slab_kernel(x, y, tx, ty, energy, step, width, losses[m], heads[m], columns[m], rng)
    return ray, step


@njit
def trigger_kernel(
    p4: Array,
    depth: Array,
    rows: Array,
    losses: Array,
    heads: Array,
    columns: Array,
    widths: Array,
    beam: Array,
    target: int,
    field: Array,
    gaussian: bool,
    rng: np.random.Generator,
    failed: NDArray[np.int16],
    touched: NDArray[np.int64],
    behind: Array,
    hits: Array,
) -> None:
    """Carry each scattered muon from its vertex to the end of the set-up.

    p4 : (N, 4) GeV, scattered muon relative to the incoming direction (+z).
    depth : (N,) vertex depth in units of the target's thickness; outside [0, 1]: drawn uniformly.
    rows, losses, heads, columns, widths, beam, target, field : as in `Geometry`. gaussian :
    Highland.
    Writes failed (N,): row that is not satisfied, -1 if none; touched (N,): bits by name index;
    behind (N, 5): x, y, slopes, energy where they leave the target; hits (N or 0, names, 2):
    crossings, cm, as far as the muon came (NaN before).
    """
    start, thickness = rows[target, Z], rows[target, LENGTH]
    for event in range(p4.shape[0]):
        x = beam[1] * rng.standard_normal()
        y = beam[2] * rng.standard_normal()
        tx = beam[3] * rng.standard_normal()
        ty = beam[4] * rng.standard_normal()
        ray = (x, y, tx, ty, beam[0])
        fail = _upstream(x, y, tx, ty, rows, target, rng)
        share = depth[event]
        if not 0.0 <= share <= 1.0:
            share = rng.random()
        alive, z = within(x, y, rows, target), start
        if share > 0.0 and alive:
            width = _width(share, widths) if gaussian else -1.0
            length = share * thickness
            ray, done = _in_target(
                ray, rows, target, length, width, losses, heads, columns, rng
            )  # fmt: skip
            z += done
            # what leaves by the side has no vertex in the target
            alive = ray[4] > _STOPPED and done > length - NEAR
        pz = p4[event, 3]
        alive = alive and pz > 0.0
        if alive:
            ray = (
                ray[0], ray[1], ray[2] + p4[event, 1] / pz, ray[3] + p4[event, 2] / pz, p4[event, 0]
            )  # fmt: skip
            if share < 1.0:
                rest = 1.0 - share
                width = _width(rest, widths) if gaussian else -1.0
                ray, done = _in_target(
                    ray, rows, target, rest * thickness, width, losses, heads, columns, rng
                )  # fmt: skip
                z += done
            alive = ray[4] > _STOPPED
        if not alive:
            ray = (ray[0], ray[1], ray[2], ray[3], 0.0)
        behind[event, 0], behind[event, 1], behind[event, 2] = ray[0], ray[1], ray[2]
        behind[event, 3], behind[event, 4] = ray[3], ray[4]
        crossed = 0
        if fail < 0:
            if alive:
                fail, crossed = _downstream(
                    ray, z, rows, target + 1, gaussian, losses, heads, columns, field, rng, hits,
                    event,
                )  # fmt: skip
            else:
                fail = target
        failed[event], touched[event] = fail, crossed
