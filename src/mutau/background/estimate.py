"""A background estimate, and the one registry of the sources of background of all processes.

A module of this sub-package registers its functions with `@background_source("name", "process")`
and stands in `MODULES`; another package offers a `BackgroundSource` as an entry point.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from mutau.core.code_digest import code_digest
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.kept import kept, origins
from mutau.core.registry import Registry, instance_of

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected background events per particle on target from one source.

    name : of the source. per_particle : expected number. err : statistical (Monte Carlo) error.
    model_err : error of the physics put in, absolute; what dominates it is said in `assumption`.
    method : how it was computed. paper_id : id of the published number it stands beside (table
    of `paper_numbers`), or "".
    parts : further numbers by name, per particle unless the name says otherwise: fractions of the
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


_PLAIN: Final = ("name", "method", "assumption", "paper_id")
#: (experiment, seed, effort) -> Estimate.
Compute = Callable[["Experiment", int, float], Estimate]
Kind = TypeVar("Kind", bound=Compute)


@dataclass(frozen=True, slots=True)
class BackgroundSource:
    """A source of background, ours or of another package (entry points `mutau.backgrounds`).

    processes : those that it is a background of, as experiment files name them. compute : effort 1
    is the size at which its error is stated in the documentation, 0.1 a tenth of the work; raises
    `NotApplicable`, with the reason, for an experiment that has no such background or does not
    describe it.
    """

    processes: tuple[str, ...]
    compute: Compute


SOURCES: Final[Registry[BackgroundSource]] = Registry(
    "background source", "mutau.backgrounds", "'mutau show backgrounds' lists all",
    instance_of(BackgroundSource),
)  # fmt: skip
#: Process -> modules that register its sources when imported, in the order of a table.
MODULES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "muon-brems": (
            "mutau.background.dimuons",
            "mutau.background.hadron_decays",
            "mutau.background.momentum",
            "mutau.background.hermeticity_selected",
            "mutau.background.leading_hadrons_selected",
        ),
        "muon-electron-zprime": (
            "mutau.background.muone_inelastic",
            "mutau.background.muone_pairs",
            "mutau.background.muone_photons",
            "mutau.background.muone_sources",
            "mutau.background.muone_tails",
            "mutau.background.muone_pions",
            "mutau.background.muone_coincidences",
        ),
        "electron-brems+annihilation": ("mutau.background.electron_beam",),
    }
)


def background_source(name: str, *processes: str) -> Callable[[Kind], Kind]:
    """Decorator that registers a function as the source `name` of these processes."""

    def add(compute: Kind) -> Kind:
        SOURCES.register(name)(BackgroundSource(processes, compute))
        return compute

    return add


def sources_of(process: str) -> dict[str, BackgroundSource]:
    """Name -> source of a process; ours in the order of `MODULES`, then those of other packages."""
    modules = MODULES.get(process, ())
    for module in modules:
        importlib.import_module(module)
    found = {name: SOURCES[name] for name in SOURCES if process in SOURCES[name].processes}

    def place(name: str) -> int:
        home = found[name].compute.__module__
        return modules.index(home) if home in modules else len(modules)

    return {name: found[name] for name in sorted(found, key=place)}


def all_sources() -> dict[str, BackgroundSource]:
    """Every source by name, those of other packages included."""
    for process in MODULES:
        sources_of(process)
    return {name: SOURCES[name] for name in SOURCES}


def estimate(name: str, experiment: Experiment, seed: int = 1, effort: float = 1.0) -> Estimate:
    """The estimate of one source.

    Raises UnknownName for a source that is not registered, OutOfRange for an effort that is not
    positive, and what the source raises.
    """
    if not (math.isfinite(effort) and effort > 0.0):
        raise OutOfRange(f"effort = {effort!r}", allowed="above 0")
    all_sources()
    return SOURCES[name].compute(experiment, seed, effort)


def kept_estimate(
    name: str, compute: Compute, experiment: Experiment, seed: int, effort: float
) -> Estimate:
    """The estimate of a source, kept in the cache folder: many take minutes.

    Under a digest of the experiment, the seed, the effort and all code behind the source; computed
    anew for a function from outside that has no digest. Raises what the source raises.
    """
    theirs = origins((compute, SOURCES.group, name))
    if theirs is None:
        return compute(experiment, seed, effort)

    def result() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        found = compute(experiment, seed, effort)
        plain = {key: getattr(found, key) for key in _PLAIN}
        numbers = [found.per_particle, found.err, found.model_err, *found.parts.values()]
        return {"numbers": np.array(numbers, float)}, {**plain, "parts": list(found.parts)}

    code = "" if any(theirs) else code_digest(compute.__module__)
    key = name, experiment.digest, seed, effort, code, *theirs
    arrays, plain = kept("estimate", key, result)
    value, err, model_err, *rest = arrays["numbers"].tolist()
    parts = dict(zip(plain.pop("parts"), rest, strict=True))
    return Estimate(per_particle=value, err=err, model_err=model_err, parts=parts, **plain)


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
