"""Efficiencies that a file states: what is lost and no calculation here simulates.

They stand behind the cut flow of whatever prepared the signal, each as a step of its own
(`processes`). Backgrounds are not scaled: a stated one is behind them already, and a computed one
is then an upper value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mutau.selection.requirements import variables_named

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Efficiency

#: How a step of the cut flow begins that is a stated efficiency.
STEP: Final = "efficiency: "


class Steps(NamedTuple):
    """Efficiencies as steps of a cut flow.

    labels : of each. kept : (E,) what is left after each, of what was there before the first.
    error : relative, of all together.
    """

    labels: tuple[str, ...]
    kept: np.ndarray
    error: float


def in_force(experiment: Experiment, left_out: Sequence[str]) -> list[Efficiency]:
    """The stated efficiencies that count: always, or instead of a cut that is not applied.

    left_out : texts of these cuts, as a process's `not_simulated` gives them.
    """
    lacking = variables_named(experiment.cuts, left_out)
    return [
        item
        for item in experiment.efficiency
        if not item.instead_of or lacking & {*item.instead_of}
    ]


def efficiency_steps(experiment: Experiment, mass: float, left_out: Sequence[str]) -> Steps:
    """The stated efficiencies at a mass (GeV). left_out : as in `in_force`.

    Raises OutOfRange for a mass outside a stated table.
    Check: the last of `kept` is the product of the efficiencies.
    """
    items = in_force(experiment, left_out)
    return Steps(
        tuple(f"{STEP}{item.name}" for item in items),
        np.cumprod([item.at(mass) for item in items]),
        math.hypot(*(item.relative_error for item in items)),
    )
