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
    SLAB,
    TABLE,
    TARGET,
    WIDTH,
    Z,
)
from mutau.detector.trigger_kernel import dipole_kernel, inside, slab_kernel
from mutau.matter.muon_energy_loss import T_MIN

Array = NDArray[np.float64]

_STOPPED = M_MU + T_MIN


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
        e, z, bits, alive = energy[event], begin[event], 0, True
        behind[event, 0] = behind[event, 1] = 0.0
        for index in range(rows.shape[0]):
            if rows[index, Z] < begin[event]:
                if rows[index, KIND] == TARGET:
                    behind[event, 0] = e
                continue
            step = rows[index, Z] - z
            x += step * tx
            y += step * ty
            z = rows[index, Z]
            kind, name = rows[index, KIND], int(rows[index, NAME])
            length = rows[index, LENGTH]
            hit = inside(x, y, rows, index)
            if hits.shape[0] > 0:
                hits[event, name, 0], hits[event, name, 1] = x, y
            if kind in (SLAB, TARGET):
                if hit:
                    bits |= 1 << name
                    m = int(rows[index, TABLE])
                    if kind == TARGET:
                        e -= kick[event, 0]
                        tx += kick[event, 1]
                        ty += kick[event, 2]
                    if e > _STOPPED:
                        x, y, tx, ty, e = slab_kernel(
                            x,
                            y,
                            tx,
                            ty,
                            e,
                            length,
                            rows[index, WIDTH],
                            losses[m],
                            heads[m],
                            columns[m],
                            rng,
                        )
                else:
                    x += length * tx
                    y += length * ty
                z += length
                alive = e > _STOPPED
                if kind == TARGET and alive:
                    behind[event, 0] = e
            elif kind == DIPOLE and not hit:
                width = yoke_width * math.sqrt(length)
                x, y, tx, ty, e = slab_kernel(
                    x, y, tx, ty, e, length, width, yoke, heads[0], columns[0], rng
                )
                z += length
                alive = e > _STOPPED
            elif kind == DIPOLE:
                momentum = math.sqrt(e * e - M_MU * M_MU)
                curve = charge[event] * rows[index, CURVE_X]
                if curve != 0.0:
                    x, y, tx, ty, fine = dipole_kernel(x, y, tx, ty, momentum, length, curve)
                else:
                    curve = charge[event] * rows[index, CURVE_Y]
                    y, x, ty, tx, fine = dipole_kernel(y, x, ty, tx, momentum, length, curve)
                z += length
                alive = fine != 0.0
            elif hit and (rows[index, EFFICIENCY] >= 1.0 or rng.random() < rows[index, EFFICIENCY]):
                bits |= 1 << name
            if not alive:
                break
        touched[event] = bits
        if alive:
            behind[event, 1] = e
