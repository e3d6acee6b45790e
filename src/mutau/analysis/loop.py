"""The loop over points that every curve, plane and measurement goes through.

Points (mostly masses) are computed side by side in threads, one per core: kernels release the
interpreter's lock. Each point has random streams of its own, named by what it is, so neither their
order nor the number of threads matters. A mass that is refused does not take the others with it:
it is left out and named with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np

from mutau.core.errors import MutauError, OutOfRange
from mutau.core.threads import in_threads
from mutau.models import Family, Model, highest_coupling
from mutau.models.validity import beyond_validity

Item = TypeVar("Item")
Result = TypeVar("Result")
#: (fraction done, what is being done) -> None.
Progress = Callable[[float, str], None]
#: Where a search for a coupling begins, unless the model ends below it.
START: Final = 1e-3


def part_of(progress: Progress | None, first: float, last: float) -> Progress | None:
    """Progress of a part of the work, from the fraction `first` of the whole to `last`."""
    if progress is None:
        return None
    return lambda fraction, label: progress(first + (last - first) * fraction, label)


def side_by_side(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    label: str | Callable[[Item], str],
    progress: Progress | None = None,
    *,
    workers: int | None = None,
) -> list[Result]:
    """`work` over items in threads; results in the order of the items.

    label : what is being done, before "ITEM GeV"; or item -> the whole text. workers : threads;
    None for one per core, 1 for none but the caller's. Raises as `work`.
    """
    results: list[Result] = []
    threads = min(workers or os.cpu_count() or 1, len(items))
    for result in map(work, items) if workers == 1 else in_threads(work, items, threads):
        if progress:
            item = items[len(results)]
            said = label(item) if callable(label) else f"{label}: {item:.3g} GeV"
            progress((len(results) + 1) / len(items), said)
        results.append(result)
    return results


@dataclass(frozen=True, slots=True)
class Refused:
    """Masses (GeV) for which there is no result, each with the error that says why."""

    errors: dict[float, OutOfRange] = field(default_factory=dict)

    def __or__(self, other: Refused) -> Refused:
        return Refused(dict(sorted((self.errors | other.errors).items())))

    def meta(self) -> dict[str, Any]:
        """The key "refused" of a result: rows {mass_GeV, reason}; nothing where none is."""
        rows = [{"mass_GeV": m, "reason": str(error)} for m, error in self.errors.items()]
        return {"refused": rows} if rows else {}

    def warnings(self) -> list[str]:
        """The same for people, one line for each reason."""
        masses: dict[str, list[str]] = {}
        for mass, error in self.errors.items():
            masses.setdefault(str(error).replace(f"{mass:g} GeV", "this mass"), []).append(
                f"{mass:.4g}"
            )
        return [f"left out: {', '.join(found)} GeV: {why}" for why, found in masses.items()]


def mass_grid(masses: Sequence[float] | np.ndarray) -> list[float]:
    """Masses (GeV) as numbers. Raises MutauError for none at all or what is no list of numbers."""
    try:
        grid = np.asarray(masses, float)
    except (TypeError, ValueError):
        grid = np.zeros(0)
    if grid.ndim != 1 or not len(grid):
        raise MutauError(
            f"masses = {masses!r}", place="masses", allowed="a list of numbers in GeV, not empty"
        )
    found: list[float] = grid.tolist()
    return found


def start_points(family: Family, masses: Sequence[float]) -> tuple[dict[float, Model], Refused]:
    """The point of each mass at which the search for a coupling begins, and the masses that have
    none, because the model's decays are known at no coupling.

    Raises as `build_model` for masses that the model cannot have, OutOfRange where no mass has a
    point, MutauError if the boson decays invisibly at none: there is nothing to search.
    """
    found, refused = dict[float, Model](), dict[float, OutOfRange]()
    for mass in masses:
        point = family.at(mass, START)
        try:
            highest = highest_coupling(point)
        except OutOfRange as error:
            refused[mass] = error
        else:
            found[mass] = point if highest >= START else point.with_coupling(highest)
    if not found:
        raise next(iter(refused.values()))
    refuse_visible(list(found.values()))
    return found, Refused(refused)


def refuse_visible(points: Sequence[Model]) -> None:
    """Raise MutauError if the boson decays invisibly at none of the points: nothing to search."""
    if all(not point.off_shell and point.branching_invisible == 0.0 for point in points):
        raise MutauError(
            f"a boson of model {points[0].tag!r} without a dark sector decays visibly only",
            place="model",
            remedy="give it invisible decays, for example alpha_d = 0.1 (--alpha-d 0.1)",
        )


def refuse_beyond(start: Model, coupling: float, signal: Callable[[float], float]) -> None:
    """Raise OutOfRange if a search found nothing because the model ends before its coupling does.

    coupling : what was found, inf for nothing. signal : coupling -> events.
    """
    if np.isfinite(coupling):
        return
    highest = highest_coupling(start)
    if highest < start.coupling_max and signal(highest) > 0.0:
        raise OutOfRange(
            f"no coupling up to {highest:.4g} is excluded, and above it the model does not hold "
            f"({beyond_validity(start)})"
        )


def possible(work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` returns, or the OutOfRange with which it refused."""
    try:
        return work(*arguments)
    except OutOfRange as error:
        return error


def mass_by_mass(
    work: Callable[[float], Any],
    masses: Sequence[float],
    label: str,
    progress: Progress | None = None,
) -> tuple[list[float], list[Any], Refused]:
    """`work` at every mass (GeV) that can be computed, `side_by_side`.

    A mass also counts as refused if `work` returns a list of nothing but refusals.
    Returns (masses, results, those that refused). Raises OutOfRange if all did; other errors as
    `work` does.
    """
    kept, results, refused = list[float](), list[Any](), dict[float, OutOfRange]()
    found = side_by_side(partial(possible, work), masses, label, progress)
    for mass, result in zip(masses, found, strict=True):
        errors = result if isinstance(result, list) else [result]
        if all(isinstance(error, OutOfRange) for error in errors):
            refused[mass] = errors[0]
        else:
            kept.append(mass)
            results.append(result)
    if not kept:
        raise next(iter(refused.values()))
    return kept, results, Refused(refused)
