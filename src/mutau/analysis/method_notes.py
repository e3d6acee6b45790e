"""What a statistical method says of itself beside a result: where it does not hold, its priors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.analysis.loop import Refused
from mutau.analysis.yields import backgrounds

if TYPE_CHECKING:
    from mutau.experiment import Experiment


def method_notes(
    method: str, experiments: Sequence[Experiment], refused: Refused | None = None, *, seed: int = 1
) -> dict[str, Any]:
    """The keys "refused", "warnings" and "priors" of a result, each where there is anything.

    method : name in `stats.METHODS`. experiments : with the background that went in. refused :
    masses left out, which are warned of too. seed : that of the median outcome of projections.
    """
    from mutau.stats import METHODS, CountingModel
    from mutau.stats.upper import observed_or_expected

    columns = np.concatenate([np.array(backgrounds(item)) for item in experiments], axis=1)
    # how large the signal and its error are does not matter, only whether there is an error
    errors = {"signal": 0.1} if any(_uncertain(item) for item in experiments) else None
    model = CountingModel.from_arrays(1.0, *columns, systematics=errors)
    way, filled = METHODS[method], observed_or_expected(model, method, seed)
    warnings = [*way.outside(filled), *(refused.warnings() if refused else [])]
    priors = list(way.priors(filled))
    return {
        **(refused.meta() if refused else {}),
        **({"warnings": warnings} if warnings else {}),
        **({"priors": priors} if priors else {}),
    }


def _uncertain(experiment: Experiment) -> bool:
    """Whether the signal has a systematic error: of the file, its run periods or efficiencies."""
    return (
        experiment.relative_systematic > 0.0
        or any(item.efficiency_error > 0.0 for item in experiment.runs)
        or any(item.relative_error > 0.0 for item in experiment.efficiency)
    )
