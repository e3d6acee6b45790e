"""Cuts for the best expected limit of mu e -> mu e Z', given its backgrounds.

Weighted samples of signal and backgrounds are drawn once. A cut is then improved with all others
held, over thresholds at quantiles of the signal, the expected limit of all thresholds at once;
cut after cut until nothing improves, from several starting points. Nothing is random but the
samples, so the seed decides everything. What was found is judged on a second set of samples, which
took no part in the search: the difference of the two limits is what the search owes to chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.analysis.lacking import lacks
from mutau.analysis.loop import Progress, part_of, side_by_side
from mutau.analysis.muone_performance import (
    Performance,
    background_tables,
    counting_limit,
    cutflow,
    performance,
    suitable_method,
)
from mutau.analysis.muone_search import CutSearch, Side, Weighted
from mutau.analysis.settings import AS_STATED, Settings
from mutau.background.muone_components import Component, trimmed_component
from mutau.background.muone_samples import (
    SAMPLED,
    background_components,
    checked_sources,
)
from mutau.background.muone_sources import LEAKED, signal_component
from mutau.core.deprecation import old_keywords
from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.random import stream
from mutau.core.storage import digest
from mutau.core.types import provenance
from mutau.experiment import VARIABLES
from mutau.experiment import replace as replace_experiment
from mutau.experiment.loader import from_document
from mutau.experiment.variables import window
from mutau.models import Model
from mutau.reactions.muon_electron import Cuts, closing_mass
from mutau.reactions.muon_electron_kinematics import (
    largest_muon_angle,
    smallest_electron_energy,
)
from mutau.selection.requirements import cuts_without
from mutau.selection.requirements import rows as cut_rows
from mutau.selection.variables import evaluate
from mutau.signal.muon_electron import check_boson
from mutau.signal.muone_response import check_measurable, loosened, response
from mutau.signal.usage import NOT_USED, not_used

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

#: Variables that may be tuned, on which sides, and in which unit a file writes them.
SIDES: Final[Mapping[str, tuple[str, ...]]] = {
    "theta_mu": ("min",),
    "electron_energy": ("min", "max"),
    "theta_e": ("min", "max"),
    "acoplanarity": ("min",),
    "inelasticity": ("min",),
    "vertex": ("min", "max"),
    "kink": ("max",),
    "missing_energy": ("min",),
    "missing_mass2": ("min", "max"),
}
_UNITS: Final = {
    "angle": (1e-3, "mrad"), "energy": (1.0, "GeV"), "energy squared": (1.0, "GeV^2"),
    "length": (1.0, "cm"),
}  # fmt: skip
#: Process whose samples these are.
PROCESS: Final = "muon-electron-zprime"
DEFAULT_VARIABLES: Final = ("theta_mu", "electron_energy")
DEFAULT_EVENTS: Final = 150_000
_STARTS: Final = 6
#: Where an answer names backgrounds that were not counted.
SOURCES_LEFT_OUT: Final = "sources_left_out"
HOPS: Final = 8
_TRAIN, _CHECK, _START, _HOPS = 1, 2, 3, 4  # names of random streams


@dataclass(frozen=True, slots=True)
class Optimum:
    """What the search found.

    variables : tuned. at_bound : thresholds at the end of the range that is searched.
    cuts : all cuts of the tuned experiment. before : the cuts of the file on the check samples.
    train, check : the tuned cuts on the samples of the search and on independent ones.
    limit_before, limit_after : expected limit on the coupling on the check samples and its Monte
    Carlo error, by `methods`. cutflow : rows of the check samples. experiment : the file with
    tuned cuts, computed backgrounds and method. evaluations : sets of cuts that were tried.
    """

    variables: tuple[str, ...]
    at_bound: tuple[str, ...]
    cuts: tuple[Cut, ...]
    before: Performance
    train: Performance
    check: Performance
    limit_before: tuple[float, float]
    limit_after: tuple[float, float]
    methods: tuple[str, str]
    cl: float
    cutflow: tuple[dict[str, Any], ...]
    experiment: Experiment
    evaluations: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)


@old_keywords("settings", Settings, {"cl": "cl", "seed": "seed", "n": "n_events"}, gone_in="0.2.0")
def optimise(
    experiment: Experiment,
    model: Model,
    *,
    variables: Sequence[str] = DEFAULT_VARIABLES,
    background_error: float | None = None,
    sources: Sequence[str] | None = None,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> Optimum:
    """Cuts on `variables` for the best expected limit on the coupling at the model's mass.

    variables : names out of `SIDES`; other cuts of the file stay as they are. background_error :
    relative error of every background; None for the samples' own. sources : names of the
    backgrounds that count (`background.muone_samples.SAMPLED`), the others taken for removed by
    what the file does not have; None for all. settings : level, method, events per sample
    (n_events), seed; its backgrounds are always computed, in the fast mode, and others are refused.
    Returns Optimum. Raises UnknownName for a variable, MutauError for one that nothing in the file
    measures or for an experiment on another process, OutOfRange where no signal is left.
    Check: the tuned limit on the samples of the search is not above that of the file's cuts.
    """
    settings.refuse_unused("tuned cuts", "cl", "method", "n_events", "seed")
    _check(experiment, variables)
    check_boson(model)
    if background_error is not None:
        require_in_range("background_error", background_error, 0.0, 10.0, reason="relative")
    settings = replace(
        settings, cl=settings.level_of([experiment]), n_events=settings.n_events or DEFAULT_EVENTS
    )
    bounds = _bounds(experiment, variables)
    counted = checked_sources(sources)
    samples = _samples(experiment, model, bounds, settings, counted, progress)
    if background_error is not None:
        samples = [
            (parts[0], *(replace(part, model_error=background_error) for part in parts[1:]))
            for parts in samples
        ]
    if progress:
        progress(0.7, "searching")
    fixed = cuts_without(experiment.cuts, *variables)
    events = weighted(samples[0], variables, fixed)
    search = CutSearch(events, list(bounds), settings.level_of([]))
    best = _best(search, _starts(experiment, events, bounds, settings.seed), bounds, settings.seed)
    best = _rounded(best, bounds)
    tables = _tables(experiment, variables, best, model.mass, settings.seed)
    at_bound = tuple(f"{side[0]} {side[1]}" for side in best if best[side] in bounds[side])
    judged = _judge(experiment, model, tuple(variables), tables, samples, settings)
    left_out = [name for name in SAMPLED if name not in counted]
    meta = {**judged.meta, **({SOURCES_LEFT_OUT: left_out} if left_out else {})}
    return replace(judged, at_bound=at_bound, evaluations=search.evaluations, meta=meta)


def _samples(
    experiment: Experiment,
    model: Model,
    bounds: Mapping[Side, tuple[float, float]],
    settings: Settings,
    sources: tuple[str, ...],
    progress: Progress | None,
) -> list[tuple[Component, ...]]:
    """`components` for the search and for the judgement. Raises OutOfRange without any signal."""
    wide = _wide(experiment, bounds)
    if closing_mass(experiment.beam.energy, wide) <= model.mass:
        raise OutOfRange(
            f"mass = {model.mass:g} GeV: no signal within the cuts, however they are tuned",
            place="mass",
            remedy="choose a smaller mass",
        )
    loosest = _loosest(bounds)

    def draw(key: int) -> tuple[Component, ...]:
        return components(experiment, model, wide, settings, key, loosest, sources)

    return side_by_side(
        draw, (_TRAIN, _CHECK), lambda key: "drawing samples", part_of(progress, 0.0, 0.7),
        workers=1,
    )  # fmt: skip


def components(
    experiment: Experiment,
    model: Model,
    wide: Cuts,
    settings: Settings,
    key: int,
    keep: Sequence[Cut] = (),
    sources: tuple[str, ...] | None = None,
) -> tuple[Component, ...]:
    """Signal at the model's coupling, and backgrounds, within `wide` on true quantities.

    settings : number of events per sample, and seed. key : of the random streams.
    keep : cuts on measured quantities; events that fail one are thrown away. sources : of the
    background that count, None for all.
    """
    n, seed = settings.n_events, settings.seed
    signal = trimmed_component(signal_component(experiment, model.mass, wide, n, seed, key), keep)
    strength = model.invisible_strength("mu")
    sample = replace(signal.sample, weights=strength * signal.sample.weights)
    return (
        replace(signal, sample=sample),
        *background_components(experiment, wide, n, seed, key, keep=keep, sources=sources),
    )


def weighted(
    parts: Sequence[Component], variables: Sequence[str], fixed: Sequence[Cut]
) -> Weighted:
    """What the search needs of the samples: `variables`, and weights behind the fixed cuts."""
    weights = [part.kept(fixed) for part in parts]
    kept = [weight > 0.0 for weight in weights]
    values = {
        name: np.concatenate(
            [evaluate(name, part.sample)[mask] for part, mask in zip(parts, kept, strict=True)]
        )
        for name in variables
    }
    return Weighted(
        values,
        np.concatenate([weight[mask] for weight, mask in zip(weights, kept, strict=True)]),
        np.repeat(np.arange(len(parts)), [int(mask.sum()) for mask in kept]),
        np.array([part.model_error for part in parts]),
        np.array([part.name not in ("signal", LEAKED) for part in parts]),
    )


def _check(experiment: Experiment, variables: Sequence[str]) -> None:
    if experiment.process != PROCESS:
        raise MutauError(
            f"{experiment.process!r} has no weighted samples that know every cut",
            place=f"{experiment.name}: process", allowed=PROCESS,
            remedy="analysis.optimise.optimise_cuts moves the cuts of any file",
        )  # fmt: skip
    if not variables or len(set(variables)) != len(variables):
        raise MutauError("variables must be given, each once", place="variables")
    for name in variables:
        if name not in SIDES:
            raise UnknownName("variable to tune", name, SIDES, place="variables")
    tables = [{"variable": name, "min": 0.0} for name in variables]
    check_measurable(experiment, [*experiment.cuts, *(_cut(table) for table in tables)])


def _stated(experiment: Experiment, side: Side) -> float:
    """The tightest bound that the file has on one side; infinite where it has none."""
    return window(experiment.cuts, side[0])[side[1] == "max"]


def _bounds(experiment: Experiment, variables: Sequence[str]) -> dict[Side, tuple[float, float]]:
    """Where thresholds may lie. Below the file's own muon angle by 15 %, above its largest electron
    energy by 10 %: beyond, elastic events come in by kinematics."""
    energy = experiment.beam.energy
    angle = _stated(experiment, ("theta_mu", "min"))
    least = 0.85 * angle if math.isfinite(angle) else 0.25 * largest_muon_angle(energy)
    low, high = (_stated(experiment, ("electron_energy", side)) for side in ("min", "max"))
    low = low if math.isfinite(low) else 1.0
    high = high if math.isfinite(high) else float(smallest_electron_energy(least, energy))
    special = {
        ("theta_mu", "min"): (least, 0.8 * largest_muon_angle(energy)),
        ("electron_energy", "min"): (0.5 * low, 0.7 * high),
        ("electron_energy", "max"): (min(2.0 * low, 0.5 * high), 1.1 * high),
    }
    sides = [(name, side) for name in variables for side in SIDES[name]]
    return {side: special.get(side, (-math.inf, math.inf)) for side in sides}


def _wide(experiment: Experiment, bounds: Mapping[Side, tuple[float, float]]) -> Cuts:
    """True quantities from which events can pass some choice of thresholds."""

    def end(side: Side, nothing: float) -> float:
        if side in bounds:
            return bounds[side][0 if side[1] == "min" else 1]
        value = _stated(experiment, side)
        return value if math.isfinite(value) else nothing

    return loosened(
        Cuts(
            theta_mu_min=end(("theta_mu", "min"), 0.0),
            electron_energy_min=end(("electron_energy", "min"), 0.0),
            electron_energy_max=end(("electron_energy", "max"), math.inf),
        ),
        response(experiment),
    )


def _loosest(bounds: Mapping[Side, tuple[float, float]]) -> list[Cut]:
    """Cuts at the loosest thresholds that the search may choose."""
    ends = {side: pair[0 if side[1] == "min" else 1] for side, pair in bounds.items()}
    return [_cut({"variable": s[0], s[1]: x}) for s, x in ends.items() if math.isfinite(x)]


def _starts(
    experiment: Experiment,
    events: Weighted,
    bounds: Mapping[Side, tuple[float, float]],
    seed: int,
) -> list[dict[Side, float]]:
    """The file's cuts, no cuts, and random quantiles of the signal."""
    open_end = {side: ends[0 if side[1] == "min" else 1] for side, ends in bounds.items()}
    stated = {side: _stated(experiment, side) for side in bounds}
    found = {s: stated[s] if math.isfinite(stated[s]) else open_end[s] for s in bounds}
    starts = [found, open_end]
    rng = stream(seed, _START)
    return [*starts, *(_random(events, bounds, rng) for _ in range(_STARTS - len(starts)))]


def _random(
    events: Weighted, bounds: Mapping[Side, tuple[float, float]], rng: np.random.Generator
) -> dict[Side, float]:
    """Thresholds at random quantiles of the signal, in the looser half."""
    start = {}
    for side, (low, high) in bounds.items():
        place = 0.5 * rng.random() if side[1] == "min" else 1.0 - 0.5 * rng.random()
        value = float(np.quantile(events.values[side[0]][events.part == 0], place))
        start[side] = min(max(value, low), high)
    return start


def _best(
    search: CutSearch,
    starts: Sequence[Mapping[Side, float]],
    bounds: Mapping[Side, tuple[float, float]],
    seed: int,
) -> dict[Side, float]:
    """The best of all starts and of hops from it, without thresholds that gain less than 1e-3."""
    found = [search.descend(start, bounds) for start in starts]
    cuts, figure = min(found, key=lambda pair: pair[1])
    rng = stream(seed, _HOPS)
    for _ in range(HOPS):
        moved = {**cuts}
        for side, place in _random(search.events, bounds, rng).items():
            if rng.random() < 0.5:
                moved[side] = place
        tried, value = search.descend(moved, bounds)
        if value < figure:
            cuts, figure = tried, value
    for side, pair in bounds.items():
        loose = {**cuts, side: pair[0 if side[1] == "min" else 1]}
        if search.value(loose) <= figure * (1.0 + 1e-3):
            cuts = loose
    return cuts


def _rounded(
    cuts: Mapping[Side, float], bounds: Mapping[Side, tuple[float, float]]
) -> dict[Side, float]:
    """Thresholds to three digits, as a file would state them; never beyond their bounds."""
    rounded = {}
    for side, value in cuts.items():
        if math.isfinite(value):
            rounded[side] = min(max(float(f"{value:.3g}"), bounds[side][0]), bounds[side][1])
    return rounded


def _cut(table: Mapping[str, Any]) -> Cut:
    """A cut in internal units, for the selection."""
    from mutau.experiment.schema_counting import Cut

    return Cut.model_construct(**{"min": None, "max": None, "because": "tuned", **table})


def _as_written(value: float, dimension: str) -> str | float:
    """A threshold as a file states it; a plain number of what has no unit."""
    if dimension not in _UNITS:
        return float(f"{value:.6g}")
    scale, unit = _UNITS[dimension]
    return f"{value / scale:.6g} {unit}"


def _tables(
    experiment: Experiment,
    variables: Sequence[str],
    best: Mapping[Side, float],
    mass: float,
    seed: int,
) -> list[dict[str, Any]]:
    """The cuts of the tuned file, in the order of the old one, as the file writes them."""
    tuned = {}
    for name in variables:
        sides = {
            side: _as_written(best[(name, side)], VARIABLES[name].dimension)
            for side in SIDES[name]
            if (name, side) in best
        }
        if sides:
            because = f"tuned for a Z' of {mass:g} GeV by the expected limit; seed {seed}"
            tuned[name] = {"variable": name, **sides, "because": because}
    tables = []
    for table in experiment.to_dict().get("cuts", []):
        if table["variable"] not in variables:
            tables.append(table)
        elif table["variable"] in tuned:
            tables.append(tuned.pop(table["variable"]))
    return [*tables, *tuned.values()]


def _judge(
    experiment: Experiment,
    model: Model,
    variables: tuple[str, ...],
    tables: list[dict[str, Any]],
    samples: Sequence[Sequence[Component]],
    settings: Settings,
) -> Optimum:
    """The tuned experiment and what it gains, judged on the samples that the search did not see."""
    train, check = samples
    cl = settings.level_of([])
    cuts = replace_experiment(experiment, "cuts", tables).cuts
    before = performance(check, experiment.cuts, model, cl)
    found = [performance(parts, cuts, model, cl) for parts in (train, check)]
    limits, methods = [], []
    for item in (before, found[1]):
        methods.append(suitable_method(experiment, item.background, settings))
        limits.append(counting_limit(item, model, cl, methods[-1]))
    document = experiment.to_dict()
    document["name"] = f"{experiment.name}-tuned"
    document["cuts"] = tables
    document["background"] = background_tables(found[1])
    document["statistics"] = {
        "cl": cl, "method": methods[1], "because": "backgrounds are computed, with their errors"
    }  # fmt: skip
    return Optimum(
        variables, (), cuts, before, found[0], found[1], limits[0], limits[1],
        (methods[0], methods[1]), cl, tuple(cutflow(check, cuts)),
        from_document(document, document["name"]), 0,
        {"mass_GeV": model.mass, "coupling": model.coupling, **lacks(experiment),
         NOT_USED: not_used(experiment, "signal", "background"),
         **provenance(settings.seed, experiment=experiment.digest, model=digest(model.to_dict()))},
    )  # fmt: skip


def optimum_to_dict(found: Optimum) -> dict[str, Any]:
    """What the command line prints of an optimum."""

    def figures(item: Performance) -> dict[str, Any]:
        return {
            "signal": item.signal,
            "signal_err": item.signal_err,
            "background": item.background,
            "background_err": item.background_err,
            **{f"background {name}": value for name, (value, _, _) in item.backgrounds.items()},
            "coupling_upper_limit": item.coupling,
            "numerical_err": item.coupling_err,
        }

    return {
        "experiment": found.experiment.name,
        "confidence_level": found.cl,
        "variables": list(found.variables),
        "coupling_upper_limit_before": found.limit_before[0],
        "numerical_err_before": found.limit_before[1],
        "coupling_upper_limit": found.limit_after[0],
        "numerical_err": found.limit_after[1],
        "method_before": found.methods[0],
        "method": found.methods[1],
        "at_bound": list(found.at_bound),
        "evaluations": found.evaluations,
        "cuts": cut_rows(found.cuts),
        "samples": [
            {"cuts": "file", "sample": "check", **figures(found.before)},
            {"cuts": "tuned", "sample": "search", **figures(found.train)},
            {"cuts": "tuned", "sample": "check", **figures(found.check)},
        ],
        "cutflow": list(found.cutflow),
        **found.meta,
    }
