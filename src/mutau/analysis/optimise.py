"""Cuts for the best expected limit of any experiment, whatever its process.

mu e -> mu e Z' has weighted samples that know every cut (`muone_optimise`). Of another process the
bounds of the file's cuts are moved, one after the other: at each place signal, computed background
and expected limit are those of the file with that bound (`sensitivity`), so whatever they know of a
cut counts and nothing else does. Every place of a search has the same random numbers; what was
found is judged with others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from mutau.analysis.lacking import LACKING
from mutau.analysis.loop import Progress
from mutau.analysis.sensitivity import sensitivity
from mutau.analysis.settings import AS_STATED, Settings
from mutau.core.deprecation import old_keywords
from mutau.core.errors import MutauError
from mutau.core.types import provenance
from mutau.experiment import load_experiment
from mutau.models import Family, Model
from mutau.selection.bounds import CutBound, bounds_of, moved
from mutau.selection.requirements import rows as cut_rows
from mutau.signal.exposure import stated_particles

if TYPE_CHECKING:
    from mutau.analysis.muone_optimise import Optimum
    from mutau.experiment import Experiment

#: Places of a bound that are tried, over that of the file.
FACTORS: Final = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
#: Size of the Monte Carlo behind each background unless settings say otherwise.
EFFORT: Final = 0.05
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the search found.

    experiment : the file with tuned cuts. before, after : expected limit on the coupling and its
    Monte Carlo error, of the file's cuts and the tuned ones, with random numbers that took no part
    in the search; searched : the tuned one's with those of the search. at_bound : bounds at the end
    of the range that is searched. tried : rows of cut, side, bound, limit, error and background.
    """

    experiment: Experiment
    variables: tuple[str, ...]
    before: tuple[float, float]
    after: tuple[float, float]
    searched: tuple[float, float]
    at_bound: tuple[str, ...]
    tried: tuple[dict[str, Any], ...]
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Limit:
    """Expected limit on the coupling at one place, its error, background events, what it lacks."""

    coupling: float
    error: float
    background: float
    lacks: Mapping[str, Any]


def _limit(experiment: Experiment, model: Model, settings: Settings) -> _Limit:
    found = sensitivity(
        experiment, [model.mass], [stated_particles(experiment)], _family(model), settings=settings
    )
    value, error = float(found.coupling[0, 0]), float(found.error[0, 0])
    return _Limit(
        value, error, float(found.background[0]), {key: found.meta[key] for key in LACKING}
    )


@dataclass
class _Search:
    """CutBound after bound, each improved with the others held."""

    model: Model
    settings: Settings
    progress: Progress | None
    tried: list[dict[str, Any]] = field(default_factory=list)

    def run(
        self, experiment: Experiment, bounds: Sequence[CutBound]
    ) -> tuple[Experiment, _Limit, dict[CutBound, float]]:
        """The best experiment found, its limit, and where its bounds are over those of the file."""
        best, lowest = experiment, _limit(experiment, self.model, self.settings)
        places = dict.fromkeys(bounds, 1.0)
        for _ in range(_ROUNDS if len(bounds) > 1 else 1):
            start = best
            for bound in bounds:
                for factor, item in [(f, moved(best, bound, f * bound.value)) for f in FACTORS]:
                    found = _limit(item, self.model, self.settings)
                    self._note(bound, factor, found, len(bounds))
                    if found.coupling < lowest.coupling:
                        best, lowest, places[bound] = item, found, factor
            if best is start:
                break
        return best, lowest, places

    def _note(self, bound: CutBound, factor: float, found: _Limit, n_bounds: int) -> None:
        self.tried.append({
            "variable": bound.name, "side": bound.side, "bound": factor * bound.value,
            "coupling_upper_limit": found.coupling, "numerical_err": found.error,
            "background": found.background,
        })  # fmt: skip
        if self.progress:
            done = len(self.tried) / (n_bounds * len(FACTORS))
            self.progress(min(0.9 * done, 0.9), f"{bound.name} {bound.side}")


def optimise_cuts(
    experiment: Experiment,
    model: Model,
    *,
    variables: Sequence[str],
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> Tuned:
    """Bounds of the file's cuts on `variables` for the best expected limit at the model's mass.

    settings : as for a limit. The background is computed at each place, at effort EFFORT unless
    given: a number of events in a file does not know of cuts, so "file" and "none" are refused.
    Bounds are tried at FACTORS of the file's, each with the others held, until none improves.
    Returns Tuned; its meta lists what the limits lack, as every limit does. Raises MutauError for
    variables without a bound in the file, for bounds that change nothing in this mode, and as
    `sensitivity`.
    Check: with the random numbers of the search the tuned limit is not above that of the file.
    """
    if settings.background not in (None, "computed"):
        raise MutauError(
            f"cuts cannot be tuned against background = {settings.background!r}",
            place="settings.background", allowed="computed",
        )  # fmt: skip
    effort = EFFORT if settings.effort is None else settings.effort
    settings = replace(settings, background="computed", effort=effort)
    search = _Search(model, settings, progress)
    best, lowest, places = search.run(experiment, bounds_of(experiment, variables))
    _refuse_idle(search.tried, lowest.coupling, experiment)
    others = replace(settings, seed=settings.seed + 1)
    before, after = (_limit(item, model, others) for item in (experiment, best))
    return Tuned(
        best, tuple(variables), (before.coupling, before.error), (after.coupling, after.error),
        (lowest.coupling, lowest.error), _ends(places), tuple(search.tried),
        {
            **provenance(
                settings.seed, experiment=experiment.digest, model=_family(model).digest
            ),
            "background_before": before.background, "background": after.background, **after.lacks,
        },
    )  # fmt: skip


def _ends(places: Mapping[CutBound, float]) -> tuple[str, ...]:
    """Bounds that ended at the end of what is searched."""
    ends = (FACTORS[0], FACTORS[-1])
    return tuple(f"{b.name} {b.side}" for b, factor in places.items() if factor in ends)


def _family(model: Model) -> Family:
    """The family that a point belongs to."""
    names = ("model", "alpha_d", "mass_ratio", "dark_matter")
    return Family(**{key: value for key, value in model.to_dict().items() if key in names})


def _refuse_idle(tried: Sequence[Mapping[str, Any]], lowest: float, experiment: Experiment) -> None:
    """Raise MutauError where no place has an effect, or none gives a limit."""
    values = [row["coupling_upper_limit"] for row in tried]
    if not math.isfinite(lowest) or (len(values) > 1 and max(values) == min(values)):
        raise MutauError(
            "these cuts have no effect on the expected limit",
            place=f"{experiment.name}: cuts",
            remedy="tune a cut that is simulated here; more are in the full simulation "
            "(full_chain, --full-chain)",
        )


def tuned_to_dict(found: Tuned) -> dict[str, Any]:
    """What the command line prints."""
    return {
        "experiment": found.experiment.name,
        "variables": list(found.variables),
        "coupling_upper_limit_before": found.before[0],
        "numerical_err_before": found.before[1],
        "coupling_upper_limit": found.after[0],
        "numerical_err": found.after[1],
        "coupling_upper_limit_of_search": found.searched[0],
        "at_bound": list(found.at_bound),
        "evaluations": len(found.tried),
        "cuts": cut_rows(found.experiment.cuts),
        "tried": list(found.tried),
        **found.meta,
    }


@old_keywords("settings", Settings, {"cl": "cl", "seed": "seed", "n": "n_events"}, gone_in="0.2.0")
def optimise(
    experiment: Experiment | str,
    model: Model,
    *,
    variables: Sequence[str] | None = None,
    background_error: float | None = None,
    sources: Sequence[str] | None = None,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> Optimum | Tuned:
    """Cuts for the best expected limit of any experiment: as `mutau optimise`.

    variables : None for `muone_optimise.DEFAULT_VARIABLES`; other processes have no default.
    Raises as `optimise_cuts` and `muone_optimise.optimise`, and MutauError for `background_error`
    and `sources`, which only the latter has.
    """
    from mutau.analysis import muone_optimise

    experiment = load_experiment(experiment)
    if experiment.process == muone_optimise.PROCESS:
        return muone_optimise.optimise(
            experiment, model, background_error=background_error, sources=sources,
            variables=muone_optimise.DEFAULT_VARIABLES if variables is None else variables,
            settings=settings, progress=progress,
        )  # fmt: skip
    for name, value in (("background_error", background_error), ("sources", sources)):
        if value is not None:
            raise MutauError(
                f"{name} = {value!r} has no effect on {experiment.process}",
                place=f"{name} (--{name.replace('_', '-')})" if name != "sources" else name,
                remedy="leave it out: each source has its own error, and all count",
            )
    return optimise_cuts(
        experiment, model, variables=variables or (), settings=settings, progress=progress
    )


def optimised_to_dict(found: Optimum | Tuned) -> dict[str, Any]:
    """What the command line prints of either."""
    if isinstance(found, Tuned):
        return tuned_to_dict(found)
    from mutau.analysis.muone_optimise import optimum_to_dict

    return optimum_to_dict(found)
