"""Magnetic field maps: a CSV file of grid points, read and checked.

    # comments begin with a hash
    x_cm,y_cm,z_cm,Bx_T,By_T,Bz_T
    -15,-6,-150,0,-0.0001,0.0002
    ...

Columns in any order, each with its unit behind the last underscore (lengths and fields of
`core.units`). Coordinates count from the middle of the magnet's box, along the axes of the hall.
The points are those of a rectilinear grid, in any order, each once; between them the field is
linear in each coordinate, beyond the grid it is zero.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from mutau.core.errors import MutauError, UnitError
from mutau.core.reading import TABLE_BYTES, plain_number, read_text
from mutau.core.storage import digest
from mutau.core.units import other_units, parse_quantity

Array = np.ndarray

#: Columns, and the dimension of each.
COLUMNS: Final = {
    "x": "length", "y": "length", "z": "length", "Bx": "field", "By": "field", "Bz": "field",
}  # fmt: skip
#: No magnet reaches this field, T; a map that does has another unit.
MOST_FIELD: Final = 100.0
#: More points of the full grid than this per point of the file are no grid with holes.
_MOST_HOLES: Final = 100
_UNITS_SAID: Final = re.compile(r"^\s*#\s*units?\b\s*[:=]?(.*)$", re.IGNORECASE)
_EXAMPLE: Final = "x_cm,y_cm,z_cm,Bx_T,By_T,Bz_T"
#: Coordinates closer than this (cm) are the same plane of the grid.
_SAME: Final = 1e-6
#: Share of the gradients that does not cancel in div B, above which a map is suspicious; and the
#: change of the field over the grid's height, relative to its largest value, below which it is not.
_DIVERGENT: Final = 0.3
_FLAT: Final = 0.01


@dataclass(frozen=True, eq=False)
class FieldMap:
    """Field on a rectilinear grid, read-only; equal where the numbers are.

    x, y, z : (X,), (Y,), (Z,) cm from the middle of the magnet, increasing. b : (Z, Y, X, 3) T.
    path : where it was read. digest : of its numbers.
    """

    x: Array
    y: Array
    z: Array
    b: Array
    path: str
    digest: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldMap) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def strongest(self) -> float:
        """Largest field of a grid point, T."""
        return float(np.sqrt(np.max(np.sum(self.b**2, axis=-1))))

    def on_axis(self, z: Array) -> Array:
        """Field on the line x = y = 0 at places z (N,) cm from the middle, (N, 3) T."""
        line = self._line()
        return np.column_stack([np.interp(z, self.z, part, 0.0, 0.0) for part in line.T])

    def axis_integral(self, low: float = -np.inf, high: float = np.inf) -> Array:
        """Integral of the three components along x = y = 0 between two z, (3,) T cm.

        Exact for the interpolated field.
        """
        low, high = max(low, float(self.z[0])), min(high, float(self.z[-1]))
        if not low < high:
            return np.zeros(3)
        inner = self.z[(self.z > low) & (self.z < high)]
        at = np.concatenate([[low], inner, [high]])
        return np.asarray(np.trapezoid(self.on_axis(at), at, axis=0))

    def _line(self) -> Array:
        """(Z, 3) field at x = y = 0, bilinear."""
        field = self.b
        for axis, values in ((2, self.x), (1, self.y)):
            i = int(np.clip(np.searchsorted(values, 0.0, side="right") - 1, 0, len(values) - 2))
            fraction = np.clip(-values[i] / (values[i + 1] - values[i]), 0.0, 1.0)
            pair = np.take(field, [i, i + 1], axis=axis)
            low, high = np.take(pair, 0, axis=axis), np.take(pair, 1, axis=axis)
            field = (1.0 - fraction) * low + fraction * high
        return np.asarray(field)

    @property
    def divergence(self) -> float:
        """How far div B is from zero: rms of its mean over the cells, over that of its three terms.

        0 where they cancel, about 1 where they do not; 0 too where the field is as good as flat.
        """
        steps = [np.diff(values) for values in (self.x, self.y, self.z)]
        terms = []
        for component, axis in ((0, 2), (1, 1), (2, 0)):
            change = np.diff(self.b[..., component], axis=axis)
            for other in {0, 1, 2} - {axis}:  # mean over the corners of the face
                change = 0.5 * (
                    np.take(change, range(change.shape[other] - 1), axis=other)
                    + np.take(change, range(1, change.shape[other]), axis=other)
                )
            shape = [1, 1, 1]
            shape[axis] = -1
            terms.append(change / steps[component].reshape(shape))
        size = float(np.sqrt(np.mean(sum(term**2 for term in terms))))
        if size * float(self.y[-1] - self.y[0]) < _FLAT * self.strongest:
            return 0.0
        return float(np.sqrt(np.mean(sum(terms) ** 2))) / size

    @property
    def suspicious(self) -> bool:
        """Whether div B is grossly not zero."""
        return self.divergence > _DIVERGENT


def _header(path: Path, names: list[str]) -> tuple[list[int], list[float]]:
    """Position and factor to internal units of each of COLUMNS."""
    found: dict[str, tuple[int, float]] = {}
    for index, name in enumerate(names):
        column, _, unit = name.strip().rpartition("_")
        place = f"{path}: header"
        if column not in COLUMNS:
            raise MutauError(f"the column {name.strip()!r} is unknown", place=place,
                             remedy=f"write for example {_EXAMPLE}")  # fmt: skip
        if column in found:
            raise MutauError(f"the column {column!r} stands twice", place=place)
        try:
            found[column] = index, parse_quantity(f"1 {unit}", COLUMNS[column])
        except UnitError as error:
            raise MutauError(
                f"{name.strip()!r}: {error.message}", place=place,
                remedy=f"write for example {_EXAMPLE}",
            ) from None  # fmt: skip
    for column in COLUMNS:
        if column not in found:
            raise MutauError(f"the column {column!r} is missing", place=f"{path}: header",
                             remedy=f"write for example {_EXAMPLE}")  # fmt: skip
    return [found[c][0] for c in COLUMNS], [found[c][1] for c in COLUMNS]


def _rows(path: Path) -> tuple[Array, list[int]]:
    """(N, 6) in internal units and the line of each row in the file."""
    text = read_text(
        path, "field map", TABLE_BYTES // 2,
        remedy="a relative path starts in the folder of the experiment file",
    )  # fmt: skip
    lines = text.splitlines()
    numbers = [
        number for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]  # fmt: skip
    if not numbers:
        raise MutauError("the file is empty", place=str(path), remedy=f"begin with {_EXAMPLE}")
    first = numbers.pop(0)
    names = [name.strip() for name in lines[first - 1].split(",")]
    order, factors = _header(path, names)
    _check_comments(path, lines, names)
    rows = np.empty((len(numbers), len(names)))
    for row, number in enumerate(numbers):
        parts = lines[number - 1].split(",")
        if len(parts) != len(names):
            raise MutauError(
                f"{len(parts)} values, {len(names)} columns", place=f"{path}: line {number}"
            )
        try:
            rows[row] = [plain_number(part) for part in parts]
        except ValueError as error:
            raise MutauError(
                str(error), place=f"{path}: line {number}", remedy="give the field at this point"
            ) from None
    return rows[:, order] * np.array(factors), numbers


def _check_comments(path: Path, lines: list[str], names: list[str]) -> None:
    """Raise MutauError for a comment on units that the header does not state."""
    units = [name.rpartition("_")[2] for name in names]
    for number, line in enumerate(lines, 1):
        match = _UNITS_SAID.match(line)
        if match and other_units(match[1], units, "length", "field"):
            raise MutauError(
                f"units {match[1].strip()[:100]!r} are stated beside the header, which says "
                f"{', '.join(dict.fromkeys(units))}",
                place=f"{path}: line {number}", remedy="state units in the header alone",
            )  # fmt: skip


def _axis(values: Array) -> tuple[Array, Array]:
    """Planes of the grid along one coordinate, and the plane of each value."""
    order = np.sort(values)
    first = np.concatenate([[True], np.diff(order) > _SAME])
    planes = order[first]
    return planes, np.clip(np.searchsorted(planes, values + _SAME) - 1, 0, None)


def _point(axes: list[Array], flat: int) -> str:
    index = np.unravel_index(flat, [len(axis) for axis in axes])
    return ", ".join(
        f"{name} = {axis[i]:g} cm" for name, axis, i in zip("xyz", axes, index, strict=True)
    )


def _grid(path: Path, rows: Array, lines: list[int]) -> FieldMap:
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        row, column = bad[0]
        raise MutauError(
            f"{list(COLUMNS)[column]} is not a finite number: a hole in the map",
            place=f"{path}: line {lines[row]}", remedy="measure or interpolate this point",
        )  # fmt: skip
    found = [_axis(rows[:, i]) for i in range(3)]
    axes, index = [planes for planes, _ in found], [which for _, which in found]
    for name, planes in zip("xyz", axes, strict=True):
        if len(planes) < 2:
            raise MutauError(f"the grid has {len(planes)} value of {name}", place=str(path),
                             allowed="two at least")  # fmt: skip
    sizes = [len(planes) for planes in axes]
    total = math.prod(sizes)
    if total > _MOST_HOLES * len(rows):
        raise MutauError(
            f"{len(rows)} points have {' x '.join(map(str, sizes))} different coordinates",
            place=str(path), remedy="the points must form a rectilinear grid",
        )  # fmt: skip
    flat = np.ravel_multi_index(index, sizes)
    order = np.argsort(flat, kind="stable")
    again = np.flatnonzero(np.diff(flat[order]) == 0)
    if len(again):
        one, other = order[again[0]], order[again[0] + 1]
        raise MutauError(
            f"the point {_point(axes, flat[one])} stands in line {lines[one]} already",
            place=f"{path}: line {lines[other]}", remedy="keep one of the two",
        )  # fmt: skip
    if len(rows) < total:
        absent = np.setdiff1d(np.arange(total), flat)
        raise MutauError(
            f"a hole in the map: {len(absent)} of {' x '.join(map(str, sizes))} points missing, "
            f"the first at {_point(axes, int(absent[0]))}",
            place=str(path), remedy="add them; the points must form a rectilinear grid",
        )  # fmt: skip
    b = rows[order, 3:].reshape(*sizes, 3).transpose(2, 1, 0, 3)
    x, y, z, field = (np.ascontiguousarray(part) for part in (*axes, b))
    for array in (x, y, z, field):
        array.flags.writeable = False
    built = FieldMap(x, y, z, field, str(path), digest(x, y, z, field))
    if not built.strongest <= MOST_FIELD:
        raise MutauError(
            f"the field reaches {built.strongest:.4g} T", place=str(path),
            allowed=f"{MOST_FIELD:g} T, above the strongest magnets",
            remedy="check the unit in the header (Bx_G, Bx_kG, Bx_mT)",
        )  # fmt: skip
    return built


@lru_cache(maxsize=8)
def _read(path: Path, changed: int, size: int) -> FieldMap:
    return _grid(path, *_rows(path))


def read_field_map(path: str | Path) -> FieldMap:
    """The field map of a CSV file.

    Raises FileError for a file that cannot be read; MutauError naming line or point for a missing
    column or unit, a value that is no finite number, a point that is missing or stands twice.
    """
    path = Path(path)
    try:
        state = path.stat()
    except OSError:
        return _grid(path, *_rows(path))  # raises with the reason
    return _read(path, state.st_mtime_ns, state.st_size)


def write_field_map(path: str | Path, x: Array, y: Array, z: Array, b: Array) -> None:
    """Write a map: axes (X,), (Y,), (Z,) in cm, b (Z, Y, X, 3) in T; whole or not at all.

    Raises FileError where it cannot be written.
    """
    from mutau.core.storage import write_text

    lines = [_EXAMPLE]
    for k, z_k in enumerate(np.asarray(z).tolist()):
        for j, y_j in enumerate(np.asarray(y).tolist()):
            for i, x_i in enumerate(np.asarray(x).tolist()):
                values = ",".join(repr(value) for value in np.asarray(b[k][j][i]).tolist())
                lines.append(f"{x_i!r},{y_j!r},{z_k!r},{values}")
    write_text(path, "\n".join(lines) + "\n")
