"""Kernel of the trigger's fast mode: one scattered muon after the other along the rows.

Pure functions on floats and arrays; the random generator is passed in.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import njit
from mutau.detector.geometry import (
    CURVE_X,
    CURVE_Y,
    DIPOLE,
    EFFICIENCY,
    HALF_X,
    HALF_Y,
    HOLE_X,
    HOLE_Y,
    KIND,
    LENGTH,
    NAME,
    SLAB,
    TABLE,
    TRIGGER,
    VETO,
    WIDTH,
    X,
    Y,
    Z,
)
from mutau.matter.muon_cross_sections import t_max_kernel
from mutau.matter.muon_energy_loss import T_MIN, energy_after_kernel, loss_kernel
from mutau.transport.field_kernels import orbit_kernel
from mutau.transport.fields import M_CHARGE
from mutau.transport.multiple_scattering import scatter_kernel

Array = NDArray[np.float64]

_STOPPED = M_MU + T_MIN
Ray = tuple[float, float, float, float, float]


@njit(forceinline=True)
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
            head[0],
            head[1],
            head[2],
            columns,
            t_max_kernel(energy),
        )
    x += length * tx + shift_x
    y += length * ty + shift_y
    return x, y, tx + kink_x, ty + kink_y, after


@njit
def dipole_kernel(
    u: float, v: float, tu: float, tv: float, momentum: float, length: float, curve: float
) -> Ray:
    """u in the plane of bending; tu = du/dz. Last of the tuple: 1, or 0 where it curls up."""
    secant = math.sqrt(1.0 + tu * tu)
    across = momentum * secant / math.sqrt(1.0 + tu * tu + tv * tv)
    tv_plane = tv / secant  # dv over path length in the plane of bending
    sine, cosine = tu / secant, 1.0 / secant
    turn = curve * length / across
    sine_out = sine + turn
    if abs(sine_out) >= 1.0:
        return u, v, tu, tv, 0.0
    cosine_out = math.sqrt(1.0 - sine_out * sine_out)
    u += length * (sine + sine_out) / (cosine + cosine_out)
    if abs(turn) < 1e-6:
        path = length / cosine
    else:
        angle = math.asin(sine_out * cosine - sine * cosine_out)
        if cosine * cosine_out + sine * sine_out < 0.0:
            angle = math.copysign(math.pi, turn) - angle
        path = length * angle / turn
    v += tv_plane * path
    return u, v, sine_out / cosine_out, tv_plane / cosine_out, 1.0


@njit(forceinline=True)
def _width(share: float, widths: Array) -> float:
    """Highland's angle at p beta = 1 GeV behind a share of the target, rad GeV."""
    u = share * (widths.size - 1)
    i = min(int(u), widths.size - 2)
    return math.sqrt(share * (widths[i] + (u - i) * (widths[i + 1] - widths[i])))


@njit(forceinline=True)
def inside(x: float, y: float, rows: Array, index: int) -> bool:
    """Whether (x, y) is on the row's area and not in its hole."""
    dx, dy = abs(x - rows[index, X]), abs(y - rows[index, Y])
    if dx > rows[index, HALF_X] or dy > rows[index, HALF_Y]:
        return False
    return not (dx < rows[index, HOLE_X] and dy < rows[index, HOLE_Y])


@njit(forceinline=True)
def _sees(hit: bool, efficiency: float, rng: np.random.Generator) -> bool:
    if hit and efficiency < 1.0:
        return rng.random() < efficiency
    return hit


@njit(forceinline=True)
def _upstream(
    x: float, y: float, tx: float, ty: float, rows: Array, target: int, rng: np.random.Generator
) -> int:
    """First row before the target that an incoming particle at its face does not satisfy, or -1."""
    for index in range(target):
        back = rows[index, Z] - rows[target, Z]
        hit = inside(x + back * tx, y + back * ty, rows, index)
        hit = _sees(hit, rows[index, EFFICIENCY], rng)
        kind = rows[index, KIND]
        if (kind == TRIGGER and not hit) or (kind == VETO and hit):
            return index
    return -1


@njit(forceinline=True)
def _bend(
    x: float, y: float, z: float, tx: float, ty: float, energy: float, rows: Array, index: int,
    field: Array,
) -> Ray:  # fmt: skip
    """Through one piece of a dipole: a helix, or the orbit in a map."""
    momentum = math.sqrt(energy * energy - M_MU * M_MU)
    length, curve = rows[index, LENGTH], rows[index, CURVE_X]
    if rows[index, TABLE] >= 0.0:
        at = int(rows[index, TABLE])
        k = field[at + M_CHARGE] / momentum
        return orbit_kernel(field, at, x, y, z, tx, ty, k, length)
    if curve != 0.0:
        return dipole_kernel(x, y, tx, ty, momentum, length, curve)
    curve = rows[index, CURVE_Y]
    y, x, ty, tx, fine = dipole_kernel(y, x, ty, tx, momentum, length, curve)
    return x, y, tx, ty, fine


@njit(forceinline=True)
def _downstream(
    x: float,
    y: float,
    tx: float,
    ty: float,
    energy: float,
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
    touched = 0
    for index in range(first, rows.shape[0]):
        kind = rows[index, KIND]
        step = rows[index, Z] - z
        x += step * tx
        y += step * ty
        z = rows[index, Z]
        length = rows[index, LENGTH]
        name = int(rows[index, NAME])
        hit = inside(x, y, rows, index)
        if hits.shape[0] > 0:
            hits[event, name, 0], hits[event, name, 1] = x, y
        if kind == SLAB:
            if hit:
                touched |= 1 << name
                m = int(rows[index, TABLE])
                width = rows[index, WIDTH] if gaussian else -1.0
                x, y, tx, ty, energy = slab_kernel(
                    x, y, tx, ty, energy, length, width, losses[m], heads[m], columns[m], rng
                )
                if energy <= _STOPPED:
                    return index, touched
                z += length
        elif kind == DIPOLE:
            x, y, tx, ty, fine = _bend(x, y, z, tx, ty, energy, rows, index, field)
            z += length
            if not hit or fine == 0.0 or not inside(x, y, rows, index):
                return index, touched
        else:
            hit = _sees(hit, rows[index, EFFICIENCY], rng)
            if hit:
                touched |= 1 << name
            if (kind == TRIGGER and not hit) or (kind == VETO and hit):
                return index, touched
    return -1, touched


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
    behind (N, 5): x, y, slopes, energy at the target's end; hits (N or 0, names, 2): crossings,
    cm, as far as the muon came (NaN before).
    """
    start, thickness = rows[target, Z], rows[target, LENGTH]
    m = int(rows[target, TABLE])
    loss, head, column = losses[m], heads[m], columns[m]
    for event in range(p4.shape[0]):
        x = beam[1] * rng.standard_normal()
        y = beam[2] * rng.standard_normal()
        tx = beam[3] * rng.standard_normal()
        ty = beam[4] * rng.standard_normal()
        energy = beam[0]
        fail = _upstream(x, y, tx, ty, rows, target, rng)
        share = depth[event]
        if not 0.0 <= share <= 1.0:
            share = rng.random()
        alive = inside(x, y, rows, target)
        if share > 0.0 and alive:
            width = _width(share, widths) if gaussian else -1.0
            x, y, tx, ty, energy = slab_kernel(
                x, y, tx, ty, energy, share * thickness, width, loss, head, column, rng
            )
            alive = energy > _STOPPED
        pz = p4[event, 3]
        if alive and pz > 0.0:
            tx += p4[event, 1] / pz
            ty += p4[event, 2] / pz
            energy = p4[event, 0]
            if share < 1.0:
                rest = 1.0 - share
                width = _width(rest, widths) if gaussian else -1.0
                x, y, tx, ty, energy = slab_kernel(
                    x, y, tx, ty, energy, rest * thickness, width, loss, head, column, rng
                )
            alive = energy > _STOPPED
        else:
            alive = False
        if not alive:
            energy = 0.0
        behind[event, 0], behind[event, 1], behind[event, 2] = x, y, tx
        behind[event, 3], behind[event, 4] = ty, energy
        crossed = 0
        if fail < 0:
            if alive:
                fail, crossed = _downstream(
                    x, y, tx, ty, energy, start + thickness, rows, target + 1, gaussian, losses,
                    heads, columns, field, rng, hits, event,
                )  # fmt: skip
            else:
                fail = target
        failed[event], touched[event] = fail, crossed
