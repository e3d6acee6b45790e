"""A curve mass by mass: where each search begins and ends, and what of it can be computed.

A mass that is refused does not take the others with it: it is left out and named with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np

from mutau.core.errors import OutOfRange
from mutau.models import Model, build_model, highest_coupling
from mutau.models.validity import beyond_validity

#: Where a search for a coupling begins, unless the model ends below it.
START: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Refused:
    """Masses (GeV) for which there is no answer, each with the error that says why."""

    errors: dict[float, OutOfRange] = field(default_factory=dict)

    def __or__(self, other: Refused) -> Refused:
        return Refused(dict(sorted((self.errors | other.errors).items())))

    def meta(self) -> dict[str, Any]:
        """The key "refused" of an answer: rows {mass_GeV, reason}; nothing where none is."""
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


def start_points(
    masses: Sequence[float], model: str, alpha_d: float, mass_ratio: float
) -> tuple[dict[float, Model], Refused]:
    """The point of each mass at which the search for a coupling begins, and the masses that have
    none, because the model's decays are known at no coupling.

    Raises as `build_model` for masses that the model cannot have, OutOfRange where no mass has a
    point.
    """
    found, refused = dict[float, Model](), dict[float, OutOfRange]()
    for mass in masses:
        point = build_model(model, mass, START, alpha_d=alpha_d, mass_ratio=mass_ratio)
        try:
            highest = highest_coupling(point)
        except OutOfRange as error:
            refused[mass] = error
        else:
            found[mass] = point if highest >= START else point.with_coupling(highest)
    if not found:
        raise next(iter(refused.values()))
    return found, Refused(refused)


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
    work: Callable[[float], Any], masses: Sequence[float], run: Callable[..., list[Any]]
) -> tuple[list[float], list[Any], Refused]:
    """`work` at every mass that can be computed.

    run : (work, masses) -> results in order, for example `side_by_side` with its label. A mass
    also counts as refused if `work` returns a list of nothing but refusals.
    Returns (masses, results, those that refused). Raises OutOfRange if all did; other errors as
    `work` does.
    """

    kept, results, refused = list[float](), list[Any](), dict[float, OutOfRange]()
    for mass, found in zip(masses, run(partial(possible, work), masses), strict=True):
        errors = found if isinstance(found, list) else [found]
        if all(isinstance(error, OutOfRange) for error in errors):
            refused[mass] = errors[0]
        else:
            kept.append(mass)
            results.append(found)
    if not kept:
        raise next(iter(refused.values()))
    return kept, results, Refused(refused)
