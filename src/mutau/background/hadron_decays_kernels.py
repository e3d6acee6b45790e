"""Kernel: muons of either charge from any point in front of the target to the end of the set-up.

Unlike the trigger's fast mode it neither draws the beam nor stops at the first counter that is not
satisfied: it tells what was crossed, so that events with several muons can be judged as a whole.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import inner, njit
from mutau.detector.boxes import DIPOLE, KIND, LENGTH, Z
from mutau.detector.geometry import EFFICIENCY, NAME, TARGET
from mutau.detector.trigger_kernel import gap_kernel, slab_kernel, slab_step
from mutau.detector.walls import NEAR, ahead, stretch_end, within
from mutau.matter.muon_energy_loss import T_MIN

Array = NDArray[np.float64]

_STOPPED = M_MU + T_MIN
Ray = tuple[float, float, float, float, float]


@inner(forceinline=True)
def _seen(rows: Array, r: int, rng: np.random.Generator) -> int:
    """Bit of what row r stands for, 0 where it is inefficient."""
    seen = rows[r, EFFICIENCY] >= 1.0 or rng.random() < rows[r, EFFICIENCY]
    return 1 << int(rows[r, NAME]) if seen else 0


@inner(forceinline=True)
def _stretch(
    ray: Ray, begin: float, charge: float, kick: Array, rows: Array, first: int, last: int,
    losses: Array, heads: Array, columns: Array, yoke: Array, yoke_width: float, field: Array,
    rng: np.random.Generator,
) -> tuple[Ray, int]:  # fmt: skip
    """A muon from wall to wall to the end of a stretch: ray, bits of what it crossed."""
    z, bits = max(rows[first, Z], begin), 0
    high = rows[first, Z] + rows[first, LENGTH]
    while z < high - NEAR and ray[4] > _STOPPED:
        x, y, tx, ty, e = ray
        step, r = ahead(x, y, tx, ty, rows, first, last, high - z)
        half = 0.5 * step
        if r < 0:
            ray = (x + step * tx, y + step * ty, tx, ty, e)
        elif rows[r, KIND] != DIPOLE:
            new = bits & (1 << int(rows[r, NAME])) == 0
            if new:
                bits |= _seen(rows, r, rng)
            if new and rows[r, KIND] == TARGET:
                ray = (x, y, tx + kick[1], ty + kick[2], e - kick[0])
                step, _ = ahead(x, y, ray[2], ray[3], rows, first, last, high - z)
            if ray[4] > _STOPPED:
                ray = slab_step(ray, rows, r, step, True, losses, heads, columns, rng)
        elif within(x + half * tx, y + half * ty, rows, r):
            step, ray = gap_kernel(ray, z, rows, r, field, charge)
        else:
            width = yoke_width * math.sqrt(step)
            ray = slab_kernel(x, y, tx, ty, e, step, width, yoke, heads[0], columns[0], rng)
        z += step
    return ray, bits


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
    field: Array,
    rng: np.random.Generator,
    touched: NDArray[np.int64],
    behind: Array,
    hits: Array,
) -> None:
    """Carry N muons along the rows.

    track : (N, 4) x, y (cm) and slopes on the plane z = begin (N,), energy (N,) GeV.
    charge : (N,) +1 for the charge of the beam particle, -1 for the other.
    yoke : energy-loss table of iron, yoke_width : its Highland angle at p beta = 1 GeV per root of
    cm: what enters a dipole outside its gap crosses its iron, without a field.
    kick : (N, 3) energy lost (GeV) and slopes added where it enters the target; zeros for none.
    field : the field maps, as in `Geometry`.
    Writes touched (N,), bits by name index, of everything crossed (the target included) and, for
    counters, seen; behind (N, 2): energies (GeV) behind the target and at the end, 0 where the
    muon stopped or turned back; hits (N or 0, names, 2): crossings, cm.
    """
    for event in range(track.shape[0]):
        ray = (track[event, 0], track[event, 1], track[event, 2], track[event, 3], energy[event])
        z, bits, index = begin[event], 0, 0
        behind[event, 0] = behind[event, 1] = 0.0
        while index < rows.shape[0] and ray[4] > _STOPPED:
            last = stretch_end(rows, index)
            end = rows[index, Z] + rows[index, LENGTH]
            ahead_of_it = rows[index, Z] >= z or end > z + NEAR
            if ahead_of_it:
                step = max(rows[index, Z] - z, 0.0)
                ray = (ray[0] + step * ray[2], ray[1] + step * ray[3], ray[2], ray[3], ray[4])
                z += step
                if hits.shape[0] > 0:
                    for r in range(index, last):
                        name = int(rows[r, NAME])
                        hits[event, name, 0], hits[event, name, 1] = ray[0], ray[1]
            if ahead_of_it and rows[index, LENGTH] > 0.0:
                ray, crossed = _stretch(
                    ray, z, charge[event], kick[event], rows, index, last, losses, heads, columns,
                    yoke, yoke_width, field, rng,
                )  # fmt: skip
                bits, z = bits | crossed, end
            elif ahead_of_it and within(ray[0], ray[1], rows, index):
                bits |= _seen(rows, index, rng)
            if rows[index, KIND] == TARGET and ray[4] > _STOPPED:
                behind[event, 0] = ray[4]
            index = last
        touched[event] = bits
        if ray[4] > _STOPPED:
            behind[event, 1] = ray[4]
