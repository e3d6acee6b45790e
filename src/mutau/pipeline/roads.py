"""Roads: for each process, the way from a model and an experiment to expected events.

A road prepares what does not depend on the coupling (samples, tables) once per mass, and then
answers for any coupling. So a limit solves S(g) = S_up directly, whatever the dependence on g.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.core.registry import Registry
from mutau.core.types import Events
from mutau.models import Model

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray
#: model -> (signal after each cut, error of each), events in the full exposure.
Signal = Callable[[Model], tuple[Array, Array]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How a road is to prepare a mass.

    seed : fixes the Monte Carlo. n_events : sample size; 0 for the road's default.
    truth : cuts on true quantities with perfect acceptance. final_only : what is left after the
    last cut is enough, so that parts of the sample which cannot get there need not be drawn; the
    last number is the same to the digit.
    """

    seed: int = 1
    n_events: int = 0
    truth: bool = False
    final_only: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a road knows about one mass in one experiment.

    cuts : names, the first is what is produced. signal : see `Signal`; valid for models of the
    same class, mass and dark sector as the one it was prepared with.
    run_fraction : (R,) share of the signal in each run period.
    extra_systematic : relative error of the signal beyond the experiment's overall one.
    """

    cuts: tuple[str, ...]
    signal: Signal
    run_fraction: Array = field(default_factory=lambda: np.ones(1))
    extra_systematic: float = 0.0
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Road:
    """A process from the experiment's point of view.

    prepare : (experiment, model, `Effort`) -> Prepared.
    generate : (experiment, model, n, seed) -> Events with vertices, weights summing to the yield.
    mass_range : experiment -> (lowest, highest) mass in GeV that makes sense.
    """

    prepare: Callable[[Experiment, Model, Effort], Prepared]
    generate: Callable[[Experiment, Model, int, int], Events]
    mass_range: Callable[[Experiment], tuple[float, float]]


ROADS: Registry[Road] = Registry("process")


def mass_key(mass: float) -> int:
    """Whole number that names a mass in a random stream, so that a point does not depend on the
    curve it stands in."""
    return int(np.float64(mass).view(np.uint64))


#: Modules that register a road when imported.
ROAD_MODULES = (
    "mutau.pipeline.muon_brems",
    "mutau.pipeline.muon_electron",
    "mutau.pipeline.electron",
)


def _load() -> None:
    for module in ROAD_MODULES:
        import_module(module)


def road_of(experiment: Experiment) -> Road:
    """The road of an experiment. Raises UnknownName if its process has none."""
    _load()
    return ROADS[experiment.process]


def has_road(experiment: Experiment) -> bool:
    """Whether the experiment's process can be run."""
    _load()
    return experiment.process in ROADS
