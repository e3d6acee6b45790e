"""Upper limits on the coupling over mass."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.analysis.citations import own_sources
from mutau.analysis.lacking import lacks
from mutau.analysis.masses import START, mass_by_mass, refuse_beyond, start_points
from mutau.analysis.method_notes import method_notes
from mutau.analysis.yields import assemble, backgrounds
from mutau.background.choice import with_background
from mutau.core.errors import MutauError
from mutau.core.storage import digest
from mutau.core.threads import in_threads
from mutau.core.types import Exclusion, Yields, provenance
from mutau.experiment import load_experiment
from mutau.models import Model, highest_coupling, model_class
from mutau.signal.processes import (
    Effort,
    Prepared,
    check_kind,
    check_masses,
    process_of,
    refuse_full_chain,
)
from mutau.stats.settings import DEFAULT_CL, DEFAULT_METHOD, agreed

if TYPE_CHECKING:
    from mutau.experiment import Experiment

POINTS = 61


def numbers(masses: Sequence[float] | np.ndarray) -> np.ndarray:
    """Masses (GeV) as an array. Raises MutauError for none at all or what is no list of numbers."""
    try:
        grid = np.asarray(masses, float)
    except (TypeError, ValueError):
        grid = np.zeros(0)
    if grid.ndim != 1 or not len(grid):
        raise MutauError(
            f"masses = {masses!r}", place="masses", allowed="a list of numbers in GeV, not empty"
        )
    return grid


def default_masses(experiment: Experiment, points: int = POINTS) -> np.ndarray:
    """Masses (GeV), log-spaced over the range that the experiment's process makes sense for."""
    low, high = process_of(experiment).mass_range(experiment)
    return np.geomspace(low, high, points)


def limit_curve(
    experiment: Experiment | str,
    masses: Sequence[float] | np.ndarray | None = None,
    *,
    model: str = "lmu-ltau",
    alpha_d: float = 0.0,
    mass_ratio: float = 3.0,
    cl: float | None = None,
    method: str | None = None,
    seed: int = 1,
    n_events: int = 0,
    full_chain: bool = False,
    background: str = "file",
    progress: Callable[[float, str], None] | None = None,
) -> Exclusion:
    """Upper limit on the coupling of a model, mass by mass, solving S(g) = S_up.

    experiment : what `load_experiment` gave, or takes. masses : GeV; None for the default range of
    the experiment. model : a tag, as `build_model` takes it. cl, method : None for what the
    experiment file says. full_chain : efficiency by the full simulation, its Monte Carlo error in
    that of the limit. background : "file", "computed" (as `mutau background`, its errors as a
    nuisance parameter; "bayes" then stands for a file's "events") or "none".
    The point at one mass does not depend on the others. A mass whose search leaves the model's
    validity is left out; `meta` names it under "refused", and under "warnings" why the method does
    not hold for these numbers, if so.
    Returns Exclusion; the coupling is inf where none in reach is excluded.
    Raises UnknownName, OutOfRange or MutauError as the sub-packages do.
    """
    experiment = load_experiment(experiment)
    process = process_of(experiment)
    cl, method = chosen_level(experiment, cl), chosen_method(experiment, method, background)
    refuse_full_chain(experiment, full_chain)
    grid = default_masses(experiment) if masses is None else numbers(masses)
    starts, refused = start_points(grid.tolist(), model, alpha_d, mass_ratio)
    refuse_visible(list(starts.values()))
    check_kind(experiment, model)
    check_masses(experiment, grid.tolist())
    loaded = with_background(experiment, background, seed=seed)  # minutes, where it is computed
    effort = Effort(seed, n_events, final_only=True, full_chain=full_chain)

    def at(mass: float) -> tuple[float, float]:
        prepared = process.prepare(experiment, starts[mass], effort)
        yields_at = partial(_yields_at, prepared, starts[mass], loaded, seed)
        return limit_within(starts[mass], yields_at, cl, method)

    run = partial(side_by_side, label=experiment.name, progress=progress)
    computed, results, late = mass_by_mass(at, list(starts), run)
    couplings, errors = np.array(results).T
    point = {"model": model, "alpha_d": alpha_d, "mass_ratio": mass_ratio}
    made_of = model_digest(model, alpha_d, mass_ratio)
    events, error, _ = backgrounds(loaded)
    return Exclusion(
        mass=np.array(computed),
        coupling=couplings,
        numerical_err=errors,
        cl=cl,
        experiment=experiment.name,
        model=model,
        method=method,
        meta={
            **provenance(seed=seed, experiment=experiment.digest, model=made_of),
            **point,
            "projection": is_projection(experiment),
            "signal_by": "full simulation" if full_chain else "fast mode",
            "background": background,
            "background_events": float(events.sum()),
            "background_err_events": float(np.hypot.reduce(error)),
            **method_notes(method, [loaded], refused | late, seed=seed),
            **lacks(experiment, effort, background, seed=seed),
            **own_sources(experiment),
        },
    )


def model_digest(model: str, alpha_d: float, mass_ratio: float) -> str:
    """Digest of a model and its dark sector, for results; a file of charges by what it holds."""
    table = getattr(model_class(model), "table", None)
    return digest(table.to_dict() if table else model, alpha_d, mass_ratio)


def chosen_level(experiment: Experiment, cl: float | None) -> float:
    """The confidence level asked for, else that of the file, else DEFAULT_CL."""
    if cl is not None:
        return cl
    return experiment.statistics.cl if experiment.statistics else DEFAULT_CL


def chosen_method(experiment: Experiment, method: str | None, background: str) -> str:
    """The method asked for, else that of the file, else DEFAULT_METHOD.

    A file's "events" knows no background; where one is computed "bayes" stands for it, which is
    the same for nothing seen. Raises UnknownName.
    """
    if method is not None:
        return _known_method(method)
    stated = experiment.statistics.method if experiment.statistics else DEFAULT_METHOD
    return DEFAULT_METHOD if (stated, background) == ("events", "computed") else stated


def common_level(experiments: Sequence[Experiment], cl: float | None) -> float:
    """`chosen_level` of several experiments. Raises MutauError where their files differ."""
    stated = [(item.name, chosen_level(item, cl)) for item in experiments]
    return float(agreed("their confidence level", stated, "cl (--cl)"))


def common_method(experiments: Sequence[Experiment], method: str | None) -> str:
    """`chosen_method` of several experiments.

    "events" gives way to another file's method, which is the same where nothing is seen and no
    background expected. Raises UnknownName, MutauError where the other methods differ.
    """
    if method is not None:
        return _known_method(method)
    stated = [(item.name, chosen_method(item, None, "file")) for item in experiments]
    others = [row for row in stated if row[1] != "events"]
    return str(agreed("the method of their limits", others or stated, "method (--method)"))


def _known_method(method: str) -> str:
    from mutau.stats import METHODS

    METHODS[method]
    return method


def is_projection(experiment: Experiment) -> bool:
    """Whether no run of the experiment has been observed: its limit is what it would set."""
    return bool(np.all(np.isnan(backgrounds(experiment)[2])))


def refuse_visible(points: Sequence[Model]) -> None:
    """Raise MutauError if the boson decays invisibly at none of the points: nothing to search."""
    if all(point.branching_invisible == 0.0 for point in points):
        raise MutauError(
            f"a boson of model {points[0].tag!r} without a dark sector decays visibly only",
            place="model",
            remedy="give it invisible decays, for example alpha_d = 0.1 (--alpha-d 0.1)",
        )


def side_by_side(
    work: Callable[[float], Any],
    items: Sequence[float],
    label: str,
    progress: Callable[[float, str], None] | None = None,
) -> list[Any]:
    """`work` over items in threads, one per core (kernels release the interpreter's lock).

    Results in the order of the items; each item has its own random streams, so the number of
    threads does not matter. Raises as `work`.
    """
    results: list[Any] = []
    for result in in_threads(work, items, min(os.cpu_count() or 1, len(items))):
        if progress:
            done = len(results)
            progress((done + 1) / len(items), f"{label}: {items[done]:.3g} GeV")
        results.append(result)
    return results


def _yields_at(
    prepared: Prepared, model: Any, experiment: Experiment, seed: int, coupling: float
) -> Yields:
    return assemble(prepared, model.with_coupling(coupling), experiment, seed)


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


def limit_answer(line: Exclusion) -> dict[str, Any]:
    """What the command line prints of a limit."""
    return {
        "experiment": line.experiment,
        "confidence_level": line.cl,
        "method": line.method,
        **line.meta,
        "limits": [
            {"mass_GeV": float(m), "coupling_upper_limit": float(g), "numerical_err": float(e)}
            for m, g, e in zip(line.mass, line.coupling, line.numerical_err, strict=True)
        ],
    }
