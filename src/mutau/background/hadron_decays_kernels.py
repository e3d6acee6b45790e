"""Kernel: muons of either charge from any point in front of the target to the end of the set-up.

Unlike the trigger's fast mode it neither draws the beam nor stops at the first counter that is not
satisfied: it tells what was crossed, so that events with several muons can be judged as a whole.
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
    KIND,
    LENGTH,
    NAME,
    TABLE,
    TARGET,
    WIDTH,
    Z,
)
from mutau.detector.trigger_kernel import dipole_kernel, inside, slab_kernel
from mutau.matter.muon_energy_loss import T_MIN

Array = NDArray[np.float64]

_STOPPED = M_MU + T_MIN
Ray = tuple[float, float, float, float, float]


@njit(inline="always")
def _gap(ray: Ray, rows: Array, index: int, charge: float) -> Ray:
    """The field of a dipole; energy 0 where the muon turns back."""
    x, y, tx, ty, e = ray
    momentum, length = math.sqrt(e * e - M_MU * M_MU), rows[index, LENGTH]
    curve = charge * rows[index, CURVE_X]
    if curve != 0.0:
        x, y, tx, ty, fine = dipole_kernel(x, y, tx, ty, momentum, length, curve)
    else:
        curve = charge * rows[index, CURVE_Y]
        y, x, ty, tx, fine = dipole_kernel(y, x, ty, tx, momentum, length, curve)
    return x, y, tx, ty, e * fine


@njit(inline="always")
def _cross(
    ray: Ray,
    hit: bool,
    rows: Array,
    index: int,
    charge: float,
    losses: Array,
    heads: Array,
    columns: Array,
    yoke: Array,
    yoke_width: float,
    rng: np.random.Generator,
) -> Ray:
    """What has a length, crossed or passed by: field, yoke, slab or target."""
    x, y, tx, ty, e = ray
    kind, length = rows[index, KIND], rows[index, LENGTH]
    if kind == DIPOLE:
        if hit:
            return _gap(ray, rows, index, charge)
        width = yoke_width * math.sqrt(length)
        return slab_kernel(x, y, tx, ty, e, length, width, yoke, heads[0], columns[0], rng)
    if not hit:
        return x + length * tx, y + length * ty, tx, ty, e
    m, width = int(rows[index, TABLE]), rows[index, WIDTH]
    return slab_kernel(x, y, tx, ty, e, length, width, losses[m], heads[m], columns[m], rng)


@njit
def carry_kernel(
    track: Array,
    energy: Array,
    begin: Array,
    charge: Array,
    kick: Array,
    rows: Array,
    losses: Array,
    heads: Array,
    columns: Array,
    yoke: Array,
    yoke_width: float,
    rng: np.random.Generator,
    touched: NDArray[np.int64],
    behind: Array,
    hits: Array,
) -> None:
    """Carry N muons along the rows.

    track : (N, 4) x, y (cm) and slopes on the plane z = begin (N,), energy (N,) GeV.
    charge : (N,) +1 for the charge of the beam particle, -1 for the other.
    yoke : energy-loss table of iron, yoke_width : its Highland angle at p beta = 1 GeV per root of
    cm: what enters a dipole outside its gap crosses its length of iron, without a field.
    kick : (N, 3) energy lost (GeV) and slopes added in the middle of the target; zeros for none.
    Writes touched (N,), bits by name index, of everything crossed (the target included) and, for
    counters, seen; behind (N, 2): energies (GeV) behind the target and at the end, 0 where the
    muon stopped or turned back; hits (N or 0, names, 2): crossings, cm.
    """
    for event in range(track.shape[0]):
        x, y, tx, ty = track[event, 0], track[event, 1], track[event, 2], track[event, 3]
        e, z, bits = energy[event], begin[event], 0
        behind[event, 0] = behind[event, 1] = 0.0
        for index in range(rows.shape[0]):
            kind, name = rows[index, KIND], int(rows[index, NAME])
            if rows[index, Z] < begin[event]:
                if kind == TARGET:
                    behind[event, 0] = e
                continue
            x += (rows[index, Z] - z) * tx
            y += (rows[index, Z] - z) * ty
            z = rows[index, Z] + rows[index, LENGTH]
            hit = inside(x, y, rows, index)
            if hits.shape[0] > 0:
                hits[event, name, 0], hits[event, name, 1] = x, y
            if hit and kind == TARGET:
                e -= kick[event, 0]
                tx += kick[event, 1]
                ty += kick[event, 2]
            if hit and kind != DIPOLE:
                seen = rows[index, EFFICIENCY] >= 1.0 or rng.random() < rows[index, EFFICIENCY]
                bits |= (1 << name) if seen else 0
            if rows[index, LENGTH] > 0.0 and e > _STOPPED:
                x, y, tx, ty, e = _cross(
                    (x, y, tx, ty, e), hit, rows, index, charge[event], losses, heads, columns,
                    yoke, yoke_width, rng,
                )  # fmt: skip
            if kind == TARGET and e > _STOPPED:
                behind[event, 0] = e
            if e <= _STOPPED:
                break
        touched[event] = bits
        if e > _STOPPED:
            behind[event, 1] = e
