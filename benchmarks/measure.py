"""What the scripts share: the clock, one row, the peer of a row, and how rows are run and shown.

A script has PARTS, functions that return rows (or one row), and ends with `measure.main(PARTS)`.
Figures are warm: one call before the clock starts, which compiles and fills caches; then the best
of some calls, in processor time of the process, so that other jobs on the machine count little.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

Row = dict[str, Any]
Part = Callable[[], Any]


#: How well the values of the peer that is being measured agree, for its row.
_SEEN: ContextVar[list[float]] = ContextVar("seen")


class WrongPeer(RuntimeError):
    """The peer computes something else, so its speed says nothing."""


def best(
    call: Callable[[], Any], repeat: int = 5, clock: Callable[[], float] | None = None
) -> float:
    """Least time of `repeat` calls after one that warms up, s. clock : processor time if None."""
    clock = clock or time.process_time
    call()
    times = []
    for _ in range(repeat):
        start = clock()
        call()
        times.append(clock() - start)
    return max(min(times), 1e-9)


def row(
    name: str, figure: float, unit: str, error: object = "-", goal: object = "-", **peer: Any
) -> Row:
    """One line of the table. peer : what `against` returns."""
    return {
        "name": name,
        "figure": float(figure),
        "unit": unit,
        "error_reached": error,
        "goal": goal,
        **peer,
    }


def against(name: str, figure: Callable[[], float], *, needs: str = "") -> Row:
    """The peer's part of a row: its figure in the same unit, or why there is none.

    figure : measures the peer, and raises WrongPeer if its value differs. needs : module of the
    peer; without it nothing runs and the reason says so. The row also gets peer_agreement, the
    largest deviation that `agree` met.
    """
    if needs and find_spec(needs) is None:
        return {"peer": name, "peer_figure": None, "peer_reason": f"{needs} is not installed"}
    seen: list[float] = []
    token = _SEEN.set(seen)
    try:
        found = float(figure())
    finally:
        _SEEN.reset(token)
    return {"peer": name, "peer_figure": found, "peer_agreement": max(seen, default=None)}


def agree(what: str, ours: Any, theirs: Any, *, rel: float, abs_: float = 0.0) -> None:
    """Raise WrongPeer unless the peer's values are ours within rel (or abs_), everywhere.

    The deviation kept for the row is relative; with abs_ relative to the largest of the values.
    """
    a, b = np.asarray(ours), np.asarray(theirs)
    if a.shape != b.shape:
        raise WrongPeer(f"{what}: the peer's values have another shape, {b.shape} for {a.shape}")
    scale = np.max(np.abs(a)) if abs_ else np.abs(a)
    worst = float(np.max(np.abs(b - a) / np.maximum(scale, 1e-300)))
    if not np.all(np.abs(a - b) <= abs_ + rel * np.abs(a)):  # NaN is not <=
        raise WrongPeer(f"{what}: the peer's value differs by {worst:.2e}, allowed {rel:g}")
    _SEEN.get([]).append(worst)


def peer_name(one: Row) -> str:
    """The peer of a row and how far its values agree; empty without one."""
    agreement = one.get("peer_agreement")
    return one.get("peer", "") + (f" (to {agreement:.0e})" if agreement is not None else "")


def faster(one: Row) -> float | None:
    """How many times faster ours is; None without a peer or for a unit that is no speed."""
    ours, theirs = one.get("figure"), one.get("peer_figure")
    if not ours or not theirs:
        return None
    unit = one["unit"]
    if "/s" in unit:
        return ours / theirs
    return theirs / ours if unit.split()[0].rstrip(",") in ("s", "ms", "us") else None


def _name(part: Part) -> str:
    """What a part is called: its function, and what is bound to it."""
    bound = part.args if isinstance(part, partial) else ()
    function = part.func if isinstance(part, partial) else part
    return ", ".join([function.__name__.strip("_").replace("_", " "), *map(str, bound)])


def run(parts: Sequence[Part]) -> Iterator[Row]:
    """The rows of all parts; a part that fails becomes one row that says why."""
    for part in parts:
        try:
            found = part()
        except Exception as error:  # a benchmark must not stop the rest
            yield {
                "name": _name(part),
                "figure": None,
                "unit": "",
                "error_reached": "-",
                "goal": "-",
                "failed": f"{type(error).__name__}: {error}",
            }
            continue
        yield from [found] if isinstance(found, dict) else found


def shown(value: object) -> str:
    """A number with three digits, anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "-" if value is None else str(value)
    return f"{value:.3g}"


def main(parts: Sequence[Part]) -> None:
    """Print the rows of one script, as they come."""
    for one in run(parts):
        line = f"{one['name']:52s} {shown(one['figure']):>9s} {one['unit']:20s}"
        if "failed" in one:
            line += f" failed: {one['failed']}"
        else:
            line += f" error {shown(one['error_reached'])}, goal {shown(one['goal'])}"
        if one.get("peer"):
            times = faster(one)
            theirs = shown(one["peer_figure"]) if one["peer_figure"] else one["peer_reason"]
            line += f"; {peer_name(one)}: {theirs}" + (f" (x {times:.3g})" if times else "")
        print(line, flush=True)
