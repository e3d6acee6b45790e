"""Scan files: which points to compute, in TOML.

    schema = 1
    name = "exposure"
    task = "limit"                      # or "yields"
    experiment = "na64mu"               # a bundled name or a path
    model = "lmu-ltau"
    [grid]
    mass = "1MeV:1GeV:60"               # a log-spaced range, or a list of texts or numbers in GeV
    alpha_d = [0.0, 0.1]
    "experiment/beam/particles" = "1e9:1e13:5"
    "experiment/target/thickness" = "10 X0:40 X0:3"

The points are the product of all axes; the last axis varies fastest. Masses are energies; coupling,
alpha_d and mass_ratio are plain numbers, dark_matter is the name of a kind or a list of them; what
an address of the experiment takes, the file says.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import MutauError, Problems, UnknownName
from mutau.core.reading import plain_number, read_toml
from mutau.core.storage import digest
from mutau.core.units import parse_energy
from mutau.models.dark_matter import dark_matter

_KEYS: Final = (
    "schema",
    "name",
    "task",
    "experiment",
    "model",
    "seed",
    "events",
    "cl",
    "method",
    "grid",
)
#: Axes of the model: numbers, and names.
_NUMBERS: Final = ("mass", "coupling", "alpha_d", "mass_ratio")
_NAMES: Final = ("dark_matter",)
MODEL_AXES: Final = (*_NUMBERS, *_NAMES)
TASKS: Final = ("limit", "yields")
_TEXTS: Final = ("name", "experiment", "model", "method")
_COUNTS: Final = ("seed", "events")

#: Ranges longer than this are never written out: a scan file of one line may ask for 1e9 points.
_LISTED: Final = 100_000
#: Points of one range, and of a grid: more than anybody can compute, and what can be counted.
MOST_POINTS: Final = 10**15
_WITH_UNIT: Final = re.compile(r"\s*(\d[\d.]*(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


@dataclass(frozen=True, slots=True)
class LogRange(Sequence[float]):
    """Log-spaced values from `low` to `high`, both in, that take no memory.

    Numbers, or texts where there is a unit.
    """

    low: float
    high: float
    n: int
    unit: str = ""

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self.n)))
        if not -self.n <= index < self.n:
            raise IndexError(index)
        value = self.high
        if index % self.n < self.n - 1:
            value = self.low * ((self.high / self.low) ** (1.0 / (self.n - 1))) ** (index % self.n)
        return f"{value!r} {self.unit}" if self.unit else value


@dataclass(frozen=True, slots=True)
class Grid:
    """A scan: its settings, and its axes as name -> values."""

    name: str
    task: str
    experiment: str
    model: str
    seed: int
    events: int
    cl: float | None
    method: str | None
    axes: tuple[tuple[str, Sequence[Any]], ...]

    def __len__(self) -> int:
        return math.prod(len(values) for _, values in self.axes)

    def point(self, index: int) -> dict[str, Any]:
        """Values of all axes at one index, by name."""
        chosen = {}
        for name, values in reversed(self.axes):
            index, which = divmod(index, len(values))
            chosen[name] = values[which]
        return dict(reversed(chosen.items()))

    def digest(self) -> str:
        """Digest of everything that decides a result."""
        settings = (
            self.task,
            self.experiment,
            self.model,
            self.seed,
            self.events,
            self.cl,
            self.method,
        )
        axes = [
            (name, repr(values) if isinstance(values, LogRange) else values)
            for name, values in self.axes
        ]
        return digest(settings, tuple(axes))


def _number(name: str, value: Any) -> float:
    """One value of an axis of the model, or one end of its range. Raises MutauError."""
    if name == "mass" and not isinstance(value, bool):
        number = parse_energy(value)
    else:
        try:
            number = plain_number(value) if isinstance(value, str) else float(value)
            number = math.nan if isinstance(value, bool) else number
        except (TypeError, ValueError):
            raise MutauError(f"{value!r} is no number; {name} has no unit") from None
    if not math.isfinite(number):
        raise MutauError(f"{value!r} is no number, or not finite")
    return number


def _range(name: str, text: str) -> Sequence[Any]:
    """Values of a log-spaced range first:last:points. Raises MutauError."""
    ends, unit = text.split(":"), ""
    if name.startswith("experiment/"):  # "10 cm" gives texts again, with the unit of both ends
        parts = [_WITH_UNIT.fullmatch(end) for end in ends[:2]]
        units = {part[2] for part in parts if part}
        if None in parts or len(units) != 1:
            raise MutauError(f"{text!r}: both ends are numbers with the same unit, or with none")
        ends[:2], unit = [part[1] for part in parts if part], units.pop()
    low, high = _number(name, ends[0]), _number(name, ends[1])
    if not (ends[2].isdecimal() and 2 <= int(ends[2]) <= MOST_POINTS and 0.0 < low < high):
        example = "1MeV:1GeV:60" if name == "mass" else "1e-4:1e-2:5"
        raise MutauError(
            f"{text!r} is not a log-spaced range",
            allowed="first:last:points, 0 < first < last, from 2 points on",
            remedy=f"write for example {example}, or a list",
        )
    steps = LogRange(low, high, int(ends[2]), unit)
    return steps if len(steps) > _LISTED else tuple(steps)


def _axis(name: str, value: Any) -> Sequence[Any]:
    """Values of one axis. Raises MutauError for an empty or unreadable one."""
    if name not in MODEL_AXES and not name.startswith("experiment/"):
        raise UnknownName(
            "axis", name, MODEL_AXES, remedy="experiment parameters are written experiment/address"
        )
    if isinstance(value, str) and value.count(":") == 2:
        return _range(name, value)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise MutauError("the axis has no values", remedy="give one or more, or leave it out")
    if name.startswith("experiment/"):
        return tuple(values)
    if name in _NAMES:
        return tuple(dark_matter(item).name for item in values)
    return tuple(_number(name, item) for item in values)


def _wrong_values(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings whose value is of the wrong kind: (key, sentence) pairs."""
    wrong = []
    for key, value in document.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if key in _TEXTS and not (isinstance(value, str) and value):
            wrong.append((key, f"{value!r} is no text; write it between quotes"))
        elif key in _COUNTS and not (number and isinstance(value, int) and value >= 0):
            wrong.append((key, f"{value!r} is not a whole number from 0 up"))
        elif key == "cl" and not (number and 0.5 <= value <= 0.9999):
            wrong.append((key, f"{value!r} is no confidence level; write for example 0.90"))
    return wrong


def load_grid(path: str | Path) -> Grid:
    """Read a scan file. Raises FileError, or Problems with every located mistake."""
    document = read_toml(path, "scan file")
    problems = [
        (key, f"is unknown; known: {', '.join(_KEYS)}") for key in document if key not in _KEYS
    ]
    if document.get("schema") != 1:
        problems.append(("schema", "must be 1"))
    problems += [
        (key, "is missing") for key in ("name", "task", "experiment") if key not in document
    ]
    if document.get("task", TASKS[0]) not in TASKS:
        problems.append(("task", f"{document['task']!r} is unknown; allowed: {', '.join(TASKS)}"))
    problems += _wrong_values(document)
    raw = document.get("grid", {})
    if not isinstance(raw, Mapping) or "mass" not in raw:
        problems.append(("grid", "needs at least the axis mass"))
        raw = {}
    if document.get("task") == "yields" and "coupling" not in raw:
        problems.append(("grid", "the task yields needs the axis coupling"))
    axes = []
    for name, value in raw.items():
        try:
            axes.append((name, _axis(name, value)))
        except (MutauError, ValueError, TypeError) as error:
            problems.append((f"grid/{name}", str(error)))
    points = math.prod(len(values) for _, values in axes)
    if points > MOST_POINTS:
        problems.append(("grid", f"asks for {points:.3g} points; allowed: {MOST_POINTS:.3g}"))
    if problems:
        raise Problems(str(path), problems)
    return Grid(
        document["name"], document["task"], document["experiment"],
        document.get("model", "lmu-ltau"), document.get("seed", 1), document.get("events", 0),
        document.get("cl"), document.get("method"), tuple(axes),
    )  # fmt: skip


def all_points(grid: Grid) -> list[dict[str, Any]]:
    """Every point in order; for small grids and tests."""
    names = [name for name, _ in grid.axes]
    return [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(values for _, values in grid.axes))
    ]
