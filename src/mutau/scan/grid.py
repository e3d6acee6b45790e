"""Scan files: which points to compute, in TOML.

    schema = 1
    name = "exposure"
    task = "limit"                      # or "yields"
    experiment = "na64mu"               # a bundled name or a path
    model = "lmu-ltau"
    [grid]
    mass = "1MeV:1GeV:60"               # a log-spaced range, or a list of texts or numbers in GeV
    alpha_d = [0.0, 0.1]
    "experiment/beam/particles" = [1e10, 1e11]

The points are the product of all axes; the last axis varies fastest.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import FileError, MutauError, Problems, UnknownName
from mutau.core.storage import digest
from mutau.core.units import parse_energy

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
_NUMBERS: Final = ("mass", "coupling", "alpha_d", "mass_ratio")
TASKS: Final = ("limit", "yields")
_TEXTS: Final = ("name", "experiment", "model", "method")
_COUNTS: Final = ("seed", "events")

#: Ranges longer than this are never written out: a scan file of one line may ask for 1e9 points.
_LISTED: Final = 100_000


@dataclass(frozen=True, slots=True)
class LogRange(Sequence[float]):
    """Log-spaced numbers from `low` to `high`, both in, that take no memory."""

    low: float
    high: float
    n: int

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self.n)))
        if not -self.n <= index < self.n:
            raise IndexError(index)
        if index % self.n == self.n - 1:
            return self.high
        return self.low * ((self.high / self.low) ** (1.0 / (self.n - 1))) ** (index % self.n)


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


def _axis(name: str, value: Any) -> Sequence[Any]:
    """Values of one axis. Raises MutauError for an empty or unreadable one."""
    if name not in _NUMBERS and not name.startswith("experiment/"):
        raise UnknownName(
            "axis", name, _NUMBERS, remedy="experiment parameters are written experiment/address"
        )
    if isinstance(value, str) and value.count(":") == 2:
        first, last, n = value.split(":")
        low, high = parse_energy(first), parse_energy(last)
        if not n.isdigit() or int(n) < 2 or not 0.0 < low < high:
            raise MutauError(f"{value!r} is not a range; write for example 1MeV:1GeV:60")
        steps = LogRange(low, high, int(n))
        return steps if len(steps) > _LISTED else tuple(steps)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise MutauError("the axis has no values")
    if name.startswith("experiment/"):
        return tuple(values)
    if any(isinstance(v, bool) for v in values):
        raise MutauError(f"{list(values)} holds true or false, where numbers belong")
    numbers = tuple(parse_energy(v) if name == "mass" else float(v) for v in values)
    if not all(math.isfinite(v) for v in numbers):
        raise MutauError(f"{list(values)} holds a value that is not finite")
    return numbers


def _wrong_values(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings whose value is of the wrong kind: (key, sentence) pairs."""
    wrong = []
    for key, value in document.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if key in _TEXTS and not (isinstance(value, str) and value):
            wrong.append((key, f"{value!r} is no text; write it between quotes"))
        elif key in _COUNTS and not (number and isinstance(value, int) and value >= 0):
            wrong.append((key, f"{value!r} is not a whole number from 0 up"))
        elif key == "cl" and not (number and 0.5 <= value < 1.0):
            wrong.append((key, f"{value!r} is no confidence level; write for example 0.90"))
    return wrong


def load_grid(path: str | Path) -> Grid:
    """Read a scan file. Raises FileError, or Problems with every located mistake."""
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            f"cannot read {str(path)!r} ({error.strerror})", remedy="check the path"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problems(str(path), [("file", f"is not TOML: {error}")]) from None
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
