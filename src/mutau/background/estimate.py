"""A background estimate and the registry of all sources of background.

A module of this sub-package files its function with `@SOURCES.register("name")`; `all_sources`
loads them. A source is a function (experiment, seed, effort) -> Estimate: `effort` 1 is the size at
which its error is stated in the documentation, 0.1 a tenth of the work.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mutau.core.errors import MutauError, OutOfRange
from mutau.core.registry import Registry

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected background events per particle on target from one source.

    name : of the source. per_particle : expected number. err : statistical (Monte Carlo) error.
    model_err : error of the physics put in, absolute; what dominates it is said in `assumption`.
    method : how it was computed. paper_id : id of the published number it stands beside (table
    of `paper_numbers`), or "".
    parts : further numbers by name, per particle unless the name says otherwise: shares of the
    total, the same under other assumptions, the paper's method on our simulation.
    Raises MutauError for a number that is not finite or a negative error.
    """

    name: str
    per_particle: float
    err: float
    model_err: float
    method: str
    assumption: str
    paper_id: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = {
            "per_particle": self.per_particle,
            "err": self.err,
            "model_err": self.model_err,
            **self.parts,
        }
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise MutauError(f"background {self.name!r}: {name} = {value!r} is not finite")
        if self.per_particle < 0.0 or self.err < 0.0 or self.model_err < 0.0:
            raise MutauError(f"background {self.name!r}: a negative number", allowed="0 and above")

    @property
    def total_err(self) -> float:
        """Statistical and model error in quadrature."""
        return math.hypot(self.err, self.model_err)

    def events(self, particles: float) -> tuple[float, float]:
        """Expected events and their total error for a number of particles on target."""
        return particles * self.per_particle, particles * self.total_err


Source = Callable[["Experiment", int, float], Estimate]

SOURCES: Registry[Source] = Registry("background source", remedy="'mutau background' lists all")


def all_sources() -> tuple[str, ...]:
    """Names of all sources, sorted; loads their modules."""
    package = importlib.import_module("mutau.background")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"mutau.background.{module.name}")
    return tuple(sorted(SOURCES))


def estimate(name: str, experiment: Experiment, seed: int = 1, effort: float = 1.0) -> Estimate:
    """The estimate of one source.

    Raises UnknownName for a source that is not registered, OutOfRange for an effort that is not
    positive, and what the source raises.
    """
    if not (math.isfinite(effort) and effort > 0.0):
        raise OutOfRange(f"effort = {effort!r}", allowed="above 0")
    all_sources()
    return SOURCES[name](experiment, seed, effort)


def exposure_of_one_event(estimates: Iterable[Estimate]) -> tuple[float, float]:
    """(N, its total error): particles on target at which all sources sum to one expected event.

    Beyond it the search is not free of background. inf with error inf where nothing is expected.
    Raises MutauError for the same source twice. Check: one source of 1e-11 gives 1e11.
    """
    items = list(estimates)
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        raise MutauError("a source of background is counted twice", place=", ".join(names))
    total = sum(item.per_particle for item in items)
    if total == 0.0:
        return math.inf, math.inf
    error = math.sqrt(sum(item.total_err**2 for item in items))
    return 1.0 / total, error / total**2
