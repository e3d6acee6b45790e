"""What computes a report: a function per row and per figure, and shared pieces computed once.

A function asks its `Run` for what others need too: `run.of(piece)`. So a report of one row computes
what that row needs and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from mutau.core.figure import Figure
from mutau.core.registry import Registry
from mutau.core.types import Exclusion
from mutau.report.rows import Ours

P = ParamSpec("P")
T = TypeVar("T")
Key = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """How much to compute.

    name : "quick", "default" or "full". events : Monte Carlo events per point.
    points : points per curve. seed : fixes every random number.
    """

    name: str
    events: int
    points: int
    seed: int = 1


class LeftOut(Exception):
    """Raised for a row that a level does not compute, or this machine cannot; says why."""


@dataclass(slots=True)
class _Timed:
    """Seconds that something took without the pieces it asked for, and which these are."""

    name: str
    seconds: float = 0.0
    uses: set[Key] = field(default_factory=set)


class Run:
    """One report while it is computed.

    level : how much to compute. limits : every limit computed on the way.
    """

    def __init__(self, level: Level) -> None:
        self.level = level
        self.limits: list[Exclusion] = []
        self._kept: dict[Key, Any] = {}
        self._timed: dict[Key, _Timed] = {}
        self._open: list[tuple[Key, float]] = []

    def of(self, piece: Callable[Concatenate[Run, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a piece gives, computed once. args : must be hashable."""
        key = (piece, args, tuple(kwargs.items()))
        if self._open:
            self._timed[self._open[-1][0]].uses.add(key)
        if key not in self._kept:
            with self._timing(key, _name_of(piece)):
                try:
                    self._kept[key] = piece(self, *args, **kwargs)
                except LeftOut as reason:
                    self._kept[key] = reason
        if isinstance(self._kept[key], LeftOut):
            raise self._kept[key]
        return self._kept[key]

    def make(self, name: str, function: Callable[[Run], T]) -> tuple[T, float]:
        """What the function of a row or figure gives, and the seconds that it takes alone: its own
        and those of every piece it needs, computed for it or for another."""
        key = (name,)
        with self._timing(key, name):
            result = function(self)
        return result, sum(self._timed[one].seconds for one in self._needs(key))

    def limit(self, line: Exclusion) -> Exclusion:
        """Keep a limit for the plane of the report."""
        self.limits.append(line)
        return line

    @property
    def seconds(self) -> dict[str, float]:
        """Time of each row, figure and piece without what it asked for; the sum is the whole."""
        found = dict[str, float]()
        for item in self._timed.values():
            found[item.name] = found.get(item.name, 0.0) + item.seconds
        return found

    def _needs(self, key: Key) -> set[Key]:
        found, new = set[Key](), {key}
        while new:
            found |= new
            new = {use for one in new for use in self._timed[one].uses} - found
        return found

    @contextmanager
    def _timing(self, key: Key, name: str) -> Iterator[None]:
        now = time.perf_counter()
        self._stop(now)
        self._timed[key] = _Timed(name)
        self._open.append((key, now))
        try:
            yield
        finally:
            now = time.perf_counter()
            self._stop(now)
            self._open.pop()
            if self._open:
                self._open[-1] = (self._open[-1][0], now)

    def _stop(self, now: float) -> None:
        """Count the time up to now to what is being computed."""
        if self._open:
            key, since = self._open[-1]
            self._timed[key].seconds += now - since
            self._open[-1] = (key, now)


def _name_of(piece: Callable[..., Any]) -> str:
    return f"{piece.__module__.rpartition('.')[2]}.{piece.__name__}"


#: id of a row -> function that computes ours.
ROWS: Registry[Callable[[Run], Ours]] = Registry("row")
#: id of a figure -> function that computes it; the order of registration is that of the report.
FIGURES: Registry[Callable[[Run], Figure]] = Registry("figure")
