"""Upper limits on the coupling over mass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from mutau.analysis.behind import STANDS_ON, stands_on
from mutau.analysis.citations import own_sources
from mutau.analysis.lacking import lacks
from mutau.analysis.loop import (
    START,
    Progress,
    Refused,
    mass_by_mass,
    mass_grid,
    refuse_beyond,
    start_points,
)
from mutau.analysis.method_notes import method_notes
from mutau.analysis.settings import AS_STATED, Settings
from mutau.analysis.yields import assemble, backgrounds
from mutau.background.estimate import SOURCES
from mutau.background.registry import background_sources
from mutau.core.deprecation import old_keywords
from mutau.core.kept import kept, origins
from mutau.core.types import Exclusion, Yields, provenance
from mutau.experiment import load_experiment
from mutau.models import REGISTRY, Family, Model, highest_coupling
from mutau.signal.processes import (
    MODEL_ERRORS,
    SIGNAL_PROCESSES,
    Prepared,
    check_kind,
    check_masses,
    process_of,
    registered,
)

if TYPE_CHECKING:
    from mutau.experiment import Experiment

POINTS = 61
#: Key of `Exclusion.meta`: what `further_errors` gives, mass by mass.
ERRORS: Final = "errors"
#: Keywords that became `Family` and `Settings`.
OF_FAMILY = {name: name for name in ("model", "alpha_d", "mass_ratio")}
OF_SETTINGS = {
    name: name for name in ("cl", "method", "background", "n_events", "full_chain", "seed")
}


def default_masses(experiment: Experiment, points: int = POINTS) -> np.ndarray:
    """Masses (GeV), log-spaced over the range that the experiment's process makes sense for."""
    low, high = process_of(experiment).mass_range(experiment)
    return np.geomspace(low, high, points)


def curve_starts(
    experiment: Experiment, family: Family, masses: Sequence[float]
) -> tuple[dict[float, Model], Refused]:
    """`start_points` of masses (GeV) that the experiment's process takes.

    Raises as it does, OutOfRange for a mass that the process does not take, MutauError for a boson
    that it does not compute.
    """
    starts, refused = start_points(family, masses)
    check_kind(experiment, family.model)
    check_masses(experiment, masses)
    return starts, refused


@old_keywords("settings", Settings, OF_SETTINGS, gone_in="0.2.0")
@old_keywords("family", Family, OF_FAMILY, gone_in="0.2.0")
def limit_curve(
    experiment: Experiment | str,
    masses: Sequence[float] | np.ndarray | None = None,
    family: Family | str = "lmu-ltau",
    *,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> Exclusion:
    """Upper limit on the coupling of a family of models, mass by mass, solving S(g) = S_up.

    experiment : what `load_experiment` gave, or takes. masses : GeV; None for the default range of
    the experiment. family : or the tag of one without a dark sector. settings : every one counts.
    The point at one mass does not depend on the others. A mass whose search leaves the model's
    validity is left out; `meta` names it under "refused", and under "warnings" why the method does
    not hold for these numbers, if so.
    Returns Exclusion; the coupling is inf where none in reach is excluded.
    Raises UnknownName, OutOfRange or MutauError as the sub-packages do.
    """
    experiment, family = load_experiment(experiment), Family.of(family)
    process = process_of(experiment)
    cl, method = settings.level_of([experiment]), settings.method_of([experiment])
    effort = settings.preparation(experiment)
    grid = mass_grid(default_masses(experiment) if masses is None else masses)
    starts, refused = curve_starts(experiment, family, grid)
    loaded = settings.with_background(experiment)

    def at(mass: float) -> tuple[float, float, dict[str, Any]]:
        prepared = process.prepare(experiment, starts[mass], effort)

        def yields_at(coupling: float) -> Yields:
            point = starts[mass].with_coupling(coupling)
            return assemble(prepared, point, loaded, settings.seed)

        coupling, err = limit_within(starts[mass], yields_at, cl, method)
        return coupling, err, further_errors(prepared, experiment, coupling)

    computed, results, late = mass_by_mass(at, list(starts), experiment.name, progress)
    couplings, errors = np.array([result[:2] for result in results]).T
    events, error, _ = backgrounds(loaded)
    return Exclusion(
        mass=np.array(computed),
        coupling=couplings,
        numerical_err=errors,
        cl=cl,
        experiment=experiment.name,
        model=family.model,
        method=method,
        meta={
            **provenance(settings.seed, experiment=experiment.digest, model=family.digest),
            **family.to_dict(),
            "projection": is_projection(experiment),
            "signal_by": signal_by(settings),
            ERRORS: [result[2] for result in results],
            "background": settings.background_choice,
            "background_events": float(events.sum()),
            "background_err_events": float(np.hypot.reduce(error)),
            **method_notes(method, [loaded], refused | late, seed=settings.seed),
            **lacks(experiment, settings),
            **own_sources(experiment),
        },
    )


def further_errors(prepared: Prepared, experiment: Experiment, coupling: float) -> dict[str, Any]:
    """Errors of a limit on a coupling (GeV^0) beside the numerical one, of the same unit.

    "systematic_err" : one standard deviation of the signal's systematic errors; the limit itself
    holds them already. "model_err" : what the theory of the signal leaves open, in quadrature, and
    "model_errors" : each choice alone, relative change of the coupling with its sign; only where
    the process states them. The signal goes as the coupling squared. Empty where nothing is
    excluded.
    """
    if not np.isfinite(coupling):
        return {}
    relative = float(np.hypot(experiment.relative_systematic, prepared.extra_systematic))
    found: dict[str, Any] = {"systematic_err": 0.5 * relative * coupling}
    stated = prepared.meta.get(MODEL_ERRORS)
    if stated is not None:
        changes = {name: float((1.0 + change) ** -0.5 - 1.0) for name, change in stated.items()}
        found["model_err"] = coupling * float(np.hypot.reduce([*changes.values(), 0.0]))
        found["model_errors"] = changes
    return found


def kept_limit(
    experiment: Experiment,
    masses: Sequence[float] | None,
    family: Family,
    settings: Settings,
    progress: Progress | None = None,
) -> Exclusion:
    """`limit_curve`, kept in the cache folder, so that a plane drawn again takes no time.

    Under a digest of experiment, masses, family, settings and all code; computed anew where a
    process, a model or a method from outside has no digest.
    """
    from mutau.core.code_digest import code_digest
    from mutau.stats import METHODS

    grid = mass_grid(default_masses(experiment) if masses is None else masses)
    method = settings.method_of([experiment])
    prepare = registered(experiment).prepare
    theirs = origins(
        (prepare, SIGNAL_PROCESSES.group, experiment.process),
        (family.point_class, REGISTRY.group, family.model),
        (METHODS[method].limit, METHODS.group, method),
        *((item, SOURCES.group, name) for name, item in background_sources(experiment).items()),
    )
    if theirs is None:
        return limit_curve(experiment, grid, family, settings=settings, progress=progress)

    def result() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        line = limit_curve(experiment, grid, family, settings=settings, progress=progress)
        plain = {key: getattr(line, key) for key in ("cl", "experiment", "model", "method", "meta")}
        return {key: getattr(line, key) for key in ("mass", "coupling", "numerical_err")}, plain

    parts = experiment.name, experiment.digest, grid, family.digest, repr(settings), *theirs
    arrays, plain = kept("limit", (*parts, family.model, code_digest(__name__)), result)
    return Exclusion(**cast(Any, arrays), **plain)


def signal_by(settings: Settings) -> str:
    """How the efficiency of a signal was computed, in words."""
    return "full simulation" if settings.full_chain else "fast mode"


def is_projection(experiment: Experiment) -> bool:
    """Whether no run of the experiment has been observed: its limit is what it would set."""
    return bool(np.all(np.isnan(backgrounds(experiment)[2])))


def solve_limit(
    yields_at: Callable[[float], Yields], cl: float, method: str, highest: float
) -> tuple[float, float]:
    """Coupling where the expected signal reaches the allowed number of events, and its error.

    The allowed number is found once, at a coupling where the signal is not zero: it depends on
    background and systematics, and not on the size of the signal.
    """
    from mutau.stats import solve_coupling, upper_limit

    start = min(START, highest)
    reference = yields_at(start)
    if reference.total <= 0.0:
        return np.inf, 0.0
    allowed = upper_limit(reference, cl=cl, method=method)

    def signal(coupling: float) -> tuple[float, float]:
        result = yields_at(coupling)
        return result.total, result.total_err

    solved = solve_coupling(signal, allowed.events, start=start, highest=highest)
    if not np.isfinite(solved.coupling):
        return np.inf, 0.0
    # the limit's own error holds that of the signal; what is left is from toys
    signal_part = reference.total_err / reference.total
    own = allowed.strength_err / allowed.strength
    toys = max(own**2 - signal_part**2, 0.0) ** 0.5
    power = solved.power or 2.0
    return solved.coupling, float(np.hypot(solved.coupling_err, solved.coupling * toys / power))


def limit_within(
    start: Model, yields_at: Callable[[float], Yields], cl: float, method: str
) -> tuple[float, float]:
    """`solve_limit` where the model of a point holds.

    Raises OutOfRange if the limit lies beyond.
    """
    found = solve_limit(yields_at, cl, method, highest_coupling(start))
    refuse_beyond(start, found[0], lambda coupling: yields_at(coupling).total)
    return found


def limit_to_dict(line: Exclusion) -> dict[str, Any]:
    """What the command line prints of a limit."""
    return {
        "experiment": line.experiment,
        "confidence_level": line.cl,
        "method": line.method,
        **{key: value for key, value in line.meta.items() if key != ERRORS},
        STANDS_ON: stands_on(line),
        "limits": [
            {
                "mass_GeV": float(m),
                "coupling_upper_limit": float(g),
                "numerical_err": float(e if np.isfinite(g) else g),
                **further,
            }
            for m, g, e, further in zip(
                line.mass,
                line.coupling,
                line.numerical_err,
                line.meta.get(ERRORS) or [{}] * len(line.mass),
                strict=True,
            )
        ],
    }
