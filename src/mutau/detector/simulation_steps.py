"""Kernels that every particle of the full simulation shares: places, hits, straight lines."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.detector.simulation_geometry import (
    DENSE,
    EFFICIENCY,
    HALF_X,
    HALF_Y,
    HOLE_X,
    HOLE_Y,
    INDEX,
    SIGMA,
    TABLE,
    X,
    Y,
)

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Columns of a particle's state: cm, slopes dx/dz and dy/dz, total energy in GeV.
PX, PY, PZ, SX, SY, EN = range(6)
#: Largest slope that the small-angle transport follows; steeper particles leave the set-up.
STEEP: Final = 1.0
#: Deposit (GeV) that stands for a crossing where a counter has no thickness in the file.
CROSSED: Final = 1e3


class Record(NamedTuple):
    """What the kernels write; N events, P planes, M modules, C counters, K extra hits.

    Names as in `Hits`; target, out : (N, 6) states at the face and behind the target; em, hadronic
    : (N, M) deposits; counter : (N, C) GeV; extra : (K, 4) x, y, energy and extra_of : (K, 3)
    event, plane, origin; used : (1,) how many of them; vertex : (N, 4) x, y, z, energy lost.
    """

    hit: Array
    seen: NDArray[np.bool_]
    true_hit: Array
    true_slope: Array
    true_momentum: Array
    crossed: NDArray[np.bool_]
    em: Array
    hadronic: Array
    counter: Array
    crossed_counters: Ints
    target: Array
    out: Array
    vertex: Array
    vertex_process: Ints
    extra: Array
    extra_of: Ints
    used: Ints
    lost: Ints


@njit(inline="always")
def within(x: float, y: float, rows: Array, r: int) -> bool:
    """Whether (x, y) is on the row's area and not in its hole."""
    dx, dy = abs(x - rows[r, X]), abs(y - rows[r, Y])
    if dx > rows[r, HALF_X] or dy > rows[r, HALF_Y]:
        return False
    return not (dx < rows[r, HOLE_X] and dy < rows[r, HOLE_Y])


@njit(inline="always")
def secant(tx: float, ty: float) -> float:
    """Path length per cm along z."""
    return math.sqrt(1.0 + tx * tx + ty * ty)


@njit
def add_extra(
    rng: np.random.Generator,
    rec: Record,
    event: int,
    rows: Array,
    r: int,
    x: float,
    y: float,
    energy: float,
    origin: int,
) -> None:
    """A charged secondary crosses a tracker plane inside its frame."""
    if rows[r, EFFICIENCY] < 1.0 and rng.random() >= rows[r, EFFICIENCY]:
        return
    k = rec.used[0]
    if k >= rec.extra.shape[0]:
        rec.lost[event] += 1
        return
    rec.extra[k, 0] = x + rows[r, SIGMA] * rng.standard_normal()
    rec.extra[k, 1] = y + rows[r, SIGMA] * rng.standard_normal()
    rec.extra[k, 2] = energy
    rec.extra_of[k, 0] = event
    rec.extra_of[k, 1] = int(rows[r, INDEX])
    rec.extra_of[k, 2] = origin
    rec.used[0] = k + 1


@njit(inline="always")
def add_counter(rec: Record, event: int, rows: Array, r: int, deposit: float) -> None:
    """Something charged crosses a counter; without a thickness any crossing is enough."""
    rec.counter[event, int(rows[r, INDEX])] += deposit if rows[r, TABLE] >= 0.0 else CROSSED


@njit(inline="always")
def thickness(rows: Array, r: int) -> float:
    """cm of material of a plane or counter."""
    return float(rows[r, DENSE])
