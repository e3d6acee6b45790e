"""Expected events of a model point in an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.analysis.citations import own_sources
from mutau.analysis.lacking import lacks
from mutau.analysis.settings import Settings
from mutau.core.storage import digest
from mutau.core.types import Yields, provenance
from mutau.experiment import load_experiment
from mutau.models import Model
from mutau.signal.processes import Effort, Prepared, process_of, refuse_full_chain
from mutau.stats.settings import STATED

if TYPE_CHECKING:
    from mutau.experiment import Experiment


def expected_yields(
    model: Model,
    experiment: Experiment | str,
    *,
    seed: int = 1,
    n_events: int = 0,
    truth: bool = False,
    full_chain: bool = False,
) -> Yields:
    """Signal after each cut, and background, of a model point in an experiment.

    experiment : what `load_experiment` gave, or takes.
    seed : fixes the Monte Carlo. n_events : sample size; 0 for the process's default.
    truth : cuts on true quantities with perfect acceptance. full_chain : efficiency by the full
    simulation.
    Returns Yields; `meta` names what of the file the signal does not use.
    Raises OutOfRange where the mass cannot be produced or is beyond validity.
    Check: the signal scales as coupling squared while the width is narrow.
    """
    experiment = load_experiment(experiment)
    refuse_full_chain(experiment, full_chain, truth=truth)
    settings = Settings(seed=seed, n_events=n_events, full_chain=full_chain)
    effort = Effort(seed, n_events, truth, full_chain=full_chain)
    prepared = process_of(experiment).prepare(experiment, model, effort)
    found = assemble(prepared, model, experiment, seed)
    return replace(found, meta={**found.meta, **lacks(experiment, settings, truth=truth)})


def assemble(prepared: Prepared, model: Model, experiment: Experiment, seed: int) -> Yields:
    """Yields of one coupling from what a process has prepared for its mass."""
    signal, error = prepared.signal(model)
    background, background_err, observed = backgrounds(experiment)
    described = model.to_dict()
    return Yields(
        cuts=prepared.cuts,
        signal=signal,
        signal_err=error,
        background=background,
        background_err=background_err,
        observed=observed,
        run_fraction=prepared.run_fraction,
        relative_systematic=float(
            np.hypot(experiment.relative_systematic, prepared.extra_systematic)
        ),
        mass=model.mass,
        coupling=model.coupling,
        experiment=experiment.name,
        model=described["model"],
        meta={
            **provenance(seed=seed, experiment=experiment.digest, model=digest(described)),
            **_statistics(experiment),
            **prepared.meta,
            **own_sources(experiment),
        },
    )


def _statistics(experiment: Experiment) -> dict[str, Any]:
    """What the file says of the limit, for whoever sets one on the yields; see `stats.settings`."""
    if experiment.statistics is None:
        return {}
    return {STATED: {"cl": experiment.statistics.cl, "method": experiment.statistics.method}}


def backgrounds(experiment: Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected background, its error and the observed number, per run period.

    Sources of the whole exposure are shared among run periods by their particles on target. A
    projection (nothing observed) has NaN in the third array.
    """
    sources = [source.events(experiment.beam.particles or 0.0) for source in experiment.background]
    total = sum(value for value, _ in sources)
    error = float(np.hypot.reduce([e for _, e in sources])) if sources else 0.0
    if not experiment.runs:
        return np.array([float(total)]), np.array([error]), np.array([np.nan])
    fraction = np.array([run.particles for run in experiment.runs])
    fraction = fraction / fraction.sum()
    own = np.array([run.background for run in experiment.runs])
    own_error = np.array([run.background_spread for run in experiment.runs])
    observed = [np.nan if run.observed is None else run.observed for run in experiment.runs]
    return (
        own + total * fraction,
        np.hypot(own_error, error * fraction),
        np.array(observed, float),
    )


def yields_table(results: Sequence[Yields]) -> list[dict[str, float]]:
    """A row for each result: GeV and events, with their errors."""
    return [
        {
            "mass_GeV": float(item.mass), "coupling": float(item.coupling),
            "produced": float(item.signal[0]), "signal": item.total,
            "signal_err": item.total_err, "background": float(item.background.sum()),
            "background_err": float(np.hypot.reduce(item.background_err)),
        }
        for item in results
    ]  # fmt: skip


def yields_to_dict(result: Yields) -> dict[str, Any]:
    """What the command line prints of yields."""
    return {
        "experiment": result.experiment,
        "model": result.model,
        "mass_GeV": result.mass,
        "coupling": result.coupling,
        "signal": result.total,
        "signal_err": result.total_err,
        "relative_systematic": result.relative_systematic,
        "background": float(result.background.sum()),
        "background_err": float(np.hypot.reduce(result.background_err)),
        "observed": None if np.isnan(result.observed).any() else float(result.observed.sum()),
        "cutflow": [
            {"cut": cut, "signal": float(s), "signal_err": float(e)}
            for cut, s, e in zip(result.cuts, result.signal, result.signal_err, strict=True)
        ],
        **result.meta,
    }
