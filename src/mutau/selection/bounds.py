"""Bounds of a file's cuts, to be moved by whoever tunes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from mutau.core.errors import MutauError
from mutau.experiment.loader import from_document
from mutau.experiment.variables import VARIABLES

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Unit in which a bound is written, by dimension of its variable.
_UNITS: Final = {
    "energy": "GeV", "energy squared": "GeV^2", "angle": "rad", "length": "cm", "number": "",
}  # fmt: skip


class CutBound(NamedTuple):
    """One bound of a cut: number of the cut in the file, name of its variable, "min" or "max", and
    where it stands, in internal units."""

    cut: int
    name: str
    side: str
    value: float


def bounds_of(experiment: Experiment, names: Sequence[str]) -> list[CutBound]:
    """Bounds of the file's cuts on these variables, but 0 and those of whole numbers.

    Raises MutauError for a variable that has none, for one that stands twice, and for no variable.
    """
    every = [
        CutBound(number, cut.variable, side, float(value))
        for number, cut in enumerate(experiment.cuts)
        for side, value in (("min", cut.min), ("max", cut.max))
        if value and not VARIABLES[cut.variable].whole
    ]
    there = {bound.name for bound in every}
    if not names or not set(names) <= there or len(set(names)) != len(names):
        raise MutauError(
            f"variables to tune: {', '.join(names) or 'none'}",
            place="variables (--variables)",
            allowed=f"bounds of cuts of {experiment.name}, each once: {', '.join(sorted(there))}",
        )  # fmt: skip
    return [bound for bound in every if bound.name in names]


def moved(experiment: Experiment, bound: CutBound, value: float) -> Experiment:
    """The experiment with a bound at another value (internal units). Raises as the file does."""
    unit = _UNITS[VARIABLES[bound.name].dimension]
    document = experiment.to_dict()
    document["cuts"][bound.cut][bound.side] = f"{value:.6g} {unit}" if unit else value
    return from_document(document, experiment.name)
