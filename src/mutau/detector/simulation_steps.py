"""Kernels that every particle of the full simulation shares: places, hits, straight lines.

Everything a kernel needs comes in a few flat arrays (layouts in `simulation_geometry`): `rows` and
`tables` of the set-up, `event`, the record of one beam particle, and `extra`, the extra hits.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner
from mutau.detector.boxes import HALF_X, HALF_Y, TABLE, X, Y
from mutau.detector.simulation_geometry import (
    CELLS,
    COLUMNS_X,
    E_EVENT,
    E_LOST,
    EFFICIENCY,
    PLACE,
    ROWS_Y,
    SECOND,
    SIGMA,
    X_ENERGY,
    X_EVENT,
    X_ORIGIN,
    X_PLANE,
    X_X,
    X_Y,
)

Array = NDArray[np.float64]

#: The state of the muon at the start of an event's record.
PX, PY, PZ, SX, SY, EN = range(6)
#: Largest slope that the small-angle transport follows; steeper particles leave the set-up.
STEEP: Final = 1.0
#: Deposit (GeV) that stands for a crossing where a counter has no thickness in the file.
CROSSED: Final = 1e3


@inner
def secant(tx: float, ty: float) -> float:
    """Path length per cm along z."""
    return math.sqrt(1.0 + tx * tx + ty * ty)


@inner
def add_extra(
    rng: np.random.Generator, event: Array, extra: Array, rows: Array, r: int, x: float, y: float,
    energy: float, origin: float,
) -> None:  # fmt: skip
    """A charged secondary crosses a tracker plane inside its frame."""
    if rows[r, EFFICIENCY] < 1.0 and rng.random() >= rows[r, EFFICIENCY]:
        return
    k = int(extra[0, 0]) + 1
    if k >= extra.shape[0]:
        event[E_LOST] += 1.0
        return
    extra[0, 0] = k
    extra[k, X_EVENT] = event[E_EVENT]
    extra[k, X_PLANE] = rows[r, SECOND]
    extra[k, X_X] = x + rows[r, SIGMA] * rng.standard_normal()
    extra[k, X_Y] = y + rows[r, SIGMA] * rng.standard_normal()
    extra[k, X_ENERGY] = energy
    extra[k, X_ORIGIN] = origin


@inner
def add_counter(event: Array, rows: Array, r: int, deposit: float) -> None:
    """Something charged crosses a counter; without a thickness any crossing is enough."""
    event[int(rows[r, PLACE])] += deposit if rows[r, TABLE] >= 0.0 else CROSSED


@inner
def _corner(x: float, y: float, radius: float) -> float:
    """Share of a shower at the origin in the quadrant below (x, y), up to a constant.

    Antiderivative of the density R^2/(pi (r^2 + R^2)^2), the radial profile of `side_loss`.
    """
    a, b = math.sqrt(x * x + radius * radius), math.sqrt(y * y + radius * radius)
    return (x / a * math.atan(y / a) + y / b * math.atan(x / b)) / (2.0 * math.pi)


@inner
def _share_cells(
    event: Array, rows: Array, r: int, x: float, y: float, amount: float, radius: float
) -> None:
    """Divide a deposit among the cells of a module; their sum is the deposit.

    radius : of the shower (cm); 0 for a track, which is in one cell.
    """
    columns, lines = int(rows[r, COLUMNS_X]), int(rows[r, ROWS_Y])
    wide, high = 2.0 * rows[r, HALF_X] / columns, 2.0 * rows[r, HALF_Y] / lines
    left, low = x - rows[r, X] + rows[r, HALF_X], y - rows[r, Y] + rows[r, HALF_Y]
    first = int(rows[r, CELLS])
    if radius <= 0.0:
        i = min(max(int(left / wide), 0), columns - 1)
        j = min(max(int(low / high), 0), lines - 1)
        event[first + j * columns + i] += amount
        return
    total = (
        _corner(columns * wide - left, lines * high - low, radius)
        - _corner(-left, lines * high - low, radius)
        - _corner(columns * wide - left, -low, radius)
        + _corner(-left, -low, radius)
    )
    for j in range(lines):
        for i in range(columns):
            x0, y0 = i * wide - left, j * high - low
            part = (
                _corner(x0 + wide, y0 + high, radius)
                - _corner(x0, y0 + high, radius)
                - _corner(x0 + wide, y0, radius)
                + _corner(x0, y0, radius)
            )
            event[first + j * columns + i] += amount * part / total


@inner
def deposit(
    event: Array, rows: Array, r: int, place: int, x: float, y: float, amount: float, radius: float
) -> None:
    """Energy left in a solid: in the record at `place` (PLACE or SECOND of the row), and in cells.

    x, y : cm, of the track or the shower's axis. radius : see `_share_cells`.
    """
    event[place] += amount
    if rows[r, CELLS] > 0.0 and amount > 0.0:
        _share_cells(event, rows, r, x, y, amount, radius)
