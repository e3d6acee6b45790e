"""Several experiments together: joint limit and expected discovery.

Channels of all experiments stand in one likelihood. A systematic error that two experiment files
give the same name is one nuisance parameter; other errors stay each experiment's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.analysis.citations import own_sources
from mutau.analysis.lacking import each_lacks
from mutau.analysis.limit import OF_FAMILY, OF_SETTINGS
from mutau.analysis.loop import Progress, mass_by_mass, mass_grid, refuse_beyond, start_points
from mutau.analysis.method_notes import method_notes
from mutau.analysis.settings import AS_STATED, Settings
from mutau.analysis.yields import assemble
from mutau.core.deprecation import old_keywords
from mutau.core.errors import MutauError
from mutau.core.storage import digest
from mutau.core.types import Exclusion, Yields, provenance
from mutau.experiment import load_experiment
from mutau.models import Family, Model, highest_coupling
from mutau.signal.processes import Prepared, check_masses, process_of, takes_mass
from mutau.stats import counting_model, discovery, upper_limit
from mutau.stats.coupling import solve_coupling
from mutau.stats.model import CountingModel, combine

if TYPE_CHECKING:
    from mutau.experiment import Experiment


def load_all(names: Sequence[str | Experiment]) -> list[Experiment]:
    """Experiments as `load_experiment` does, each once. Raises as it does, and MutauError."""
    if not names:
        raise MutauError("no experiment to combine", remedy="name one or more")
    experiments = [load_experiment(name) for name in names]
    titles = [item.name for item in experiments]
    twice = sorted({name for name in titles if titles.count(name) > 1})
    if twice:
        raise MutauError(
            f"experiment {', '.join(twice)} stands twice",
            remedy="an experiment counts once; give copies another name in their files",
        )
    return experiments


def shared_systematics(experiments: Sequence[Experiment]) -> list[dict[str, Any]]:
    """Systematic errors that stand under one name in several files: one nuisance parameter each.

    Returns rows {name, experiments}, where experiments is name -> relative error of its signal.
    """
    names = dict.fromkeys(item.name for each in experiments for item in each.systematics)
    rows = []
    for name in names:
        errors = {
            each.name: item.signal
            for each in experiments
            for item in each.systematics
            if item.name == name
        }
        if len(errors) > 1:
            rows.append({"name": name, "experiments": errors})
    return rows


def _channels(experiment: Experiment, yields: Yields) -> CountingModel:
    """Counting model with the file's systematic errors under their own names."""
    named = {item.name: item.signal for item in experiment.systematics}
    rest = max(yields.relative_systematic**2 - sum(v * v for v in named.values()), 0.0) ** 0.5
    return counting_model(replace(yields, relative_systematic=rest), systematics=named)


@dataclass(frozen=True)
class Joint:
    """Experiments prepared for one mass: `model(point)` gives the joint counting model."""

    experiments: list[Experiment]
    prepared: list[Prepared]
    seed: int

    def model(self, point: Model) -> CountingModel:
        """Joint counting model of a point of the prepared mass."""
        return combine(
            _channels(item, assemble(ready, point, item, self.seed))
            for item, ready in zip(self.experiments, self.prepared, strict=True)
        )


def prepare_joint(
    experiments: Sequence[Experiment], point: Model, settings: Settings = AS_STATED
) -> Joint:
    """Prepare, for the mass of a point, every experiment that takes it (see `signal.processes`).

    Raises OutOfRange if none does.
    """
    able = _able(experiments, point.mass)
    ready = [process_of(item).prepare(item, point, settings.preparation(item)) for item in able]
    return Joint([settings.with_background(item) for item in able], ready, settings.seed)


def _able(experiments: Sequence[Experiment], mass: float) -> list[Experiment]:
    able = [item for item in experiments if takes_mass(item, mass)]
    if not able:
        check_masses(experiments[0], [mass])
    return able


@old_keywords("settings", Settings, OF_SETTINGS, gone_in="0.2.0")
@old_keywords("family", Family, OF_FAMILY, gone_in="0.2.0")
def combined_limit(
    names: Sequence[str | Experiment],
    masses: Sequence[float],
    family: Family | str = "lmu-ltau",
    *,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> Exclusion:
    """Upper limit on the coupling from several experiments in one likelihood.

    names : experiments, what `load_experiment` gave or takes, each once. masses : GeV. The other
    arguments as in `limit_curve`.
    An experiment that cannot handle a mass (outside its range) is left out there; a mass that none
    can handle is refused. Returns Exclusion, `experiment` joined by "+".
    Raises UnknownName, OutOfRange, MutauError (also where the files differ in level or method).
    Check: one experiment alone gives its own limit.
    """
    experiments, family = load_all(names), Family.of(family)
    cl, method = settings.level_of(experiments), settings.method_of(experiments)
    grid = mass_grid(masses)
    for mass in grid:
        _able(experiments, mass)
    starts, refused = start_points(family, grid)

    def at(mass: float) -> tuple[float, float]:
        joint = prepare_joint(experiments, starts[mass], settings)
        return _joint_limit(joint, starts[mass], cl, method)

    computed, found, late = mass_by_mass(at, list(starts), "combined", progress)
    couplings, errors = np.array(found).T
    loaded = [settings.with_background(item) for item in experiments]
    return Exclusion(
        mass=np.array(computed),
        coupling=couplings,
        numerical_err=np.where(np.isfinite(couplings), errors, 0.0),
        cl=cl,
        experiment="+".join(item.name for item in experiments),
        model=family.model,
        method=method,
        meta={
            **provenance(
                settings.seed,
                experiments=digest([item.digest for item in experiments]),
                model=family.digest,
            ),
            **family.to_dict(),
            "shared_systematics": shared_systematics(experiments),
            **method_notes(method, loaded, refused | late, seed=settings.seed),
            **each_lacks(experiments, settings),
            **own_sources(*experiments),
        },
    )


def _joint_limit(joint: Joint, start: Model, cl: float, method: str) -> tuple[float, float]:
    """Coupling at the limit, and its error. Raises OutOfRange where the model ends before it."""

    def excess(coupling: float) -> tuple[float, float]:
        """1 over the excluded strength: passes 1 at the limit and falls to 0 with S."""
        counting = joint.model(start.with_coupling(coupling))
        if counting.total <= 0.0:
            return 0.0, 0.0
        found = upper_limit(counting, cl=cl, method=method)
        return 1.0 / found.strength, found.strength_err / found.strength**2

    highest = highest_coupling(start)
    solved = solve_coupling(excess, 1.0, start=start.coupling, highest=highest, tolerance=1e-5)
    refuse_beyond(start, solved.coupling, lambda coupling: excess(coupling)[0])
    return solved.coupling, solved.coupling_err


@old_keywords("settings", Settings, {"method": "method", "seed": "seed"}, gone_in="0.2.0")
def discovery_reach(
    names: Sequence[str | Experiment], point: Model, *, settings: Settings = AS_STATED
) -> dict[str, Any]:
    """Expected p-value and significance of a true point, jointly and for each experiment.

    The data expected on average at that point are tested against no signal. settings : the method
    is "asymptotic" (None for that) or "toys"; a level has no effect and is refused.
    Returns rows {experiment, signal, background, p_value, significance} and the systematic errors
    that the experiments share; an experiment that does not take the mass is left out, with a
    remark. Raises OutOfRange if none takes it, UnknownName for another method.
    """
    from mutau.stats.studies import discovery_method

    settings.refuse_unused(
        "a discovery", "method", "background", "effort", "n_events", "full_chain", "seed"
    )
    method, seed = settings.method or "asymptotic", settings.seed
    discovery_method(method)
    experiments = load_all(names)
    joint = prepare_joint(experiments, point, settings)
    models = {
        item.name: model for item, model in zip(joint.experiments, _each(joint, point), strict=True)
    }
    if len(models) > 1:
        models["all together"] = joint.model(point)
    rows = []
    for name, counting in models.items():
        row: dict[str, Any] = {
            "experiment": name,
            "signal": counting.total,
            "background": float(np.sum(counting.background)),
        }
        if counting.total > 0.0 and np.any((counting.background <= 0.0) & (counting.signal > 0.0)):
            row |= {"p_value": 0.0, "remark": "no background is expected: one event discovers"}
        elif counting.total > 0.0:
            found = discovery(_unobserved(counting), method=method, seed=seed)
            row |= {"p_value": found.p_value, "significance": found.significance}
        rows.append(row)
    together = {item.name for item in joint.experiments}
    left_out = [item for item in experiments if item.name not in together]
    remark = f"does not take a mass of {point.mass:g} GeV"
    rows += [{"experiment": item.name, "remark": remark} for item in left_out]
    described = point.to_dict()
    return {
        **described,
        "method": method,
        "shared_systematics": shared_systematics(joint.experiments),
        "reach": rows,
        **each_lacks([item for item in experiments if item.name in together], settings),
        **provenance(seed, point=digest(described)),
    }


def _each(joint: Joint, point: Model) -> list[CountingModel]:
    return [
        _channels(item, assemble(ready, point, item, joint.seed))
        for item, ready in zip(joint.experiments, joint.prepared, strict=True)
    ]


def _unobserved(model: CountingModel) -> CountingModel:
    """The model before any data: every channel a projection."""
    return model.with_observed(np.full(len(model.channels), np.nan))
