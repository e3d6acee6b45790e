"""Boxes that stand along z, as rows of numbers; rows cut where another of them begins or ends.

A set-up is an array of rows in the order of z. The columns below come first in every such array,
whatever an engine adds behind them, so that `walls` and `orbits` serve all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.matter.materials import material

if TYPE_CHECKING:
    from mutau.experiment.schema import Target
    from mutau.experiment.schema_placed import Placed

Array = NDArray[np.float64]

#: Columns of a row; lengths cm. X, Y: the middle of the box. HOLE_X = 0: no hole. TABLE: where a
#: material's numbers stand, or a magnet's field map, -1 for none. CURVE_X, CURVE_Y: 0.2998 B in
#: GeV per cm, signed towards where the beam particle is bent. RADIUS: of a round plane, 0 for a
#: rectangle; its half sizes are then those of the square around it.
(KIND, Z, LENGTH, X, Y, HALF_X, HALF_Y, HOLE_X, HOLE_Y, TABLE, CURVE_X,
 CURVE_Y, RADIUS) = range(13)  # fmt: skip
BOX_COLUMNS: Final = 13
#: The kind of a piece of a magnet, in every array of rows. Its box is the gap: outside is iron.
DIPOLE: Final = 3
#: Half size (cm) that stands for no walls.
OPEN: Final = 1e6
#: Ends of rows nearer than this (cm) are one.
TOUCH: Final = 1e-8


def box_of(thing: Placed) -> dict[str, float]:
    """Place and half sizes of what stands in the set-up, cm, by the names of `row_of`.

    Raises NotApplicable for a round thing with a length: walls are those of rectangles.
    """
    half_x, half_y = thing.half_sizes
    if thing.radius is not None and thing.extent:
        half_x = thing.width / 2.0  # refuses, naming the thing
    return {
        "x": thing.x,
        "y": thing.y,
        "half_x": half_x,
        "half_y": half_y,
        "radius": thing.radius or 0.0,
        "hole_x": getattr(thing, "hole_width", 0.0) / 2.0,
        "hole_y": getattr(thing, "hole_height", 0.0) / 2.0,
    }


_NAMED: Final = {
    "length": LENGTH, "x": X, "y": Y, "half_x": HALF_X, "half_y": HALF_Y, "hole_x": HOLE_X,
    "hole_y": HOLE_Y, "radius": RADIUS, "table": TABLE, "curve_x": CURVE_X, "curve_y": CURVE_Y,
}  # fmt: skip


def row_of(kind: int, z: float, columns: int = BOX_COLUMNS, /, **values: float) -> Array:
    """A row of a kind at z (cm), its first columns by name: length, x, y, half_x, half_y, hole_x,
    hole_y, table, curve_x, curve_y. Without sizes it has no walls. columns : how many it has."""
    row = np.zeros(columns)
    row[[KIND, Z, TABLE, HALF_X, HALF_Y]] = kind, z, -1.0, OPEN, OPEN
    for key, value in values.items():
        row[_NAMED[key]] = value
    row[[HALF_X, HALF_Y]] = np.minimum(row[[HALF_X, HALF_Y]], OPEN)
    return row


def target_sides(target: Target) -> dict[str, float]:
    """Half sizes of a target, cm; none where the file states none. It stands on the axis."""
    sides = {"half_x": target.width, "half_y": target.height}
    return {key: size / 2.0 for key, size in sides.items() if size}


def target_length(target: Target) -> float:
    """Length of one station, cm: that of the file, else the thickness of its material."""
    return target.length or target.thickness.cm(material(target.material).radiation_length_cm)


def box_rows(things: Sequence[Placed | Target]) -> Array:
    """(K, BOX_COLUMNS) of things in the set-up, one row each; of a target its first station."""
    from mutau.experiment.schema import Target

    rows = np.zeros((len(things), BOX_COLUMNS))
    for row, thing in zip(rows, things, strict=True):
        if isinstance(thing, Target):
            row[:] = row_of(0, thing.z, length=target_length(thing), **target_sides(thing))
        else:
            row[:] = row_of(0, thing.z, length=thing.extent, **box_of(thing))
    return rows


def cut_rows(rows: list[Array]) -> list[Array]:
    """Rows with a length, cut where another row begins or ends or a plane (length 0) stands.

    So rows that share a stretch of z begin and end together, to the last digit, and no plane stands
    within one. Returns new rows: the pieces, and the planes on the ends that they touch.
    Check: the lengths of the pieces of a row add up to its own.
    """
    ends = np.unique([end for row in rows for end in (row[Z], row[Z] + row[LENGTH])])
    apart = np.append(True, np.diff(ends) > TOUCH)
    ends = ends[apart]
    out = []
    for row in rows:
        low, high = (_nearest(ends, float(z)) for z in (row[Z], row[Z] + row[LENGTH]))
        inner = ends[(ends > low) & (ends < high)].tolist()
        for begin, end in pairwise([low, *inner, high]):
            piece = row.copy()
            piece[Z], piece[LENGTH] = begin, end - begin if row[LENGTH] > 0.0 else 0.0
            out.append(piece)
    return out


def _nearest(ends: Array, z: float) -> float:
    return float(ends[np.argmin(np.abs(ends - z))])
