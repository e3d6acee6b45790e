"""The cuts of an experiment file, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.detector.fractions import weighted_fraction
from mutau.selection.requirements import label
from mutau.selection.variables import Sample, evaluate

if TYPE_CHECKING:
    from mutau.experiment.schema_counting import Cut

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CutFlow:
    """What is left of a sample after each cut.

    names : ("produced", then one per cut). fraction, error : (C + 1,) weighted fraction of
    the sample left after it, and its statistical error; the first is 1 with error 0.
    passed : (N,) bool, events that pass all cuts. skipped : names of cuts that were left out.
    """

    names: tuple[str, ...]
    fraction: Array
    error: Array
    passed: NDArray[np.bool_]
    skipped: tuple[str, ...] = ()

    @property
    def efficiency(self) -> float:
        """Share left after all cuts."""
        return float(self.fraction[-1])


def passes(cut: Cut, sample: Sample) -> NDArray[np.bool_]:
    """(N,) bool: which events fulfil one cut; the bounds themselves pass.

    Raises UnknownName or MutauError if the variable cannot be evaluated.
    """
    values = evaluate(cut.variable, sample)
    if values.shape != (len(sample.weights),):
        raise MutauError(f"variable {cut.variable!r} gave shape {values.shape}")
    if cut.min is None and cut.max is None:
        return np.asarray(values, bool)
    low = -np.inf if cut.min is None else cut.min
    high = np.inf if cut.max is None else cut.max
    return np.asarray((values >= low) & (values <= high))


def apply_cuts(cuts: Sequence[Cut], sample: Sample, *, skip: Collection[str] = ()) -> CutFlow:
    """Cut flow of a sample.

    cuts : in the order of the file. skip : variables whose cuts are left out (what a given level
    of simulation cannot know); they are named in the result.
    Returns CutFlow. Raises MutauError for a variable whose column the sample lacks.
    Check: equal weights give binomial errors.
    """
    passed = np.ones(len(sample.weights), bool)
    total, total_2 = float(sample.weights.sum()), float(np.sum(sample.weights**2))
    names, fractions, left_out = ["produced"], [(1.0, 0.0)], []
    for cut in cuts:
        if cut.variable in skip:
            left_out.append(label(cut))
            continue
        passed &= passes(cut, sample)
        kept = sample.weights[passed]
        names.append(label(cut))
        fractions.append(
            weighted_fraction(float(kept.sum()), total, float(np.sum(kept**2)), total_2)
        )
    return CutFlow(
        tuple(names),
        np.array([fraction for fraction, _ in fractions]),
        np.array([error for _, error in fractions]),
        passed,
        tuple(left_out),
    )


def passing(cuts: Iterable[Cut], sample: Sample) -> NDArray[np.bool_]:
    """(N,) bool: which events fulfil all of these cuts. Raises as `passes`."""
    keep = np.ones(len(sample.weights), bool)
    for cut in cuts:
        keep &= passes(cut, sample)
    return keep
