"""What every background source of a missing-momentum search answers, and the registry of sources.

A source is a function (experiment, seed, effort) -> Estimate. `load_sources` imports the modules
that register the bundled ones; other packages add theirs by the entry-point group
`mutau.background_sources`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from mutau.core.errors import MutauError
from mutau.core.registry import Registry

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment


@dataclass(frozen=True, slots=True)
class Estimate:
    """One source of background, per beam particle on target.

    name : of the source. per_particle : expected events per particle on target after all cuts.
    err : its statistical (Monte Carlo) or numerical error, absolute. model_err : absolute error of
        what was assumed. method : how it was computed. assumption : the one that matters most.
    paper_id : id of the published number in data/paper_numbers to compare with, or "".
    Raises MutauError for a number that is negative or not finite.
    """

    name: str
    per_particle: float
    err: float
    model_err: float
    method: str
    assumption: str
    paper_id: str = ""

    def __post_init__(self) -> None:
        for key in ("per_particle", "err", "model_err"):
            value = getattr(self, key)
            if not (math.isfinite(value) and value >= 0.0):
                raise MutauError(
                    f"{key} = {value!r} of background {self.name!r}", allowed="finite, not negative"
                )


#: (experiment, seed, effort) -> Estimate; effort scales the numbers of events, 1 is the default.
Source = Callable[["Experiment", int, float], Estimate]

SOURCES: Final[Registry[Source]] = Registry("background source", group="mutau.background_sources")

#: Modules of this room that register sources.
_MODULES: Final = ("momentum_mismatch", "hermeticity", "hadron_decays", "punch_through", "dimuons")


def load_sources() -> Registry[Source]:
    """The registry with all bundled sources in it, in the order of table I of the NA64mu paper."""
    for name in _MODULES:
        full = f"mutau.background.{name}"
        if find_spec(full) is not None:
            import_module(full)
    return SOURCES
