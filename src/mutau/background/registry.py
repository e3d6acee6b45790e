"""Every background source of an experiment beside what its paper prints: `mutau background`.

What is computed is registered (`estimate.SOURCES`); what is not, the process lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.background.estimate import Compute, Estimate, kept_estimate, sources_of
from mutau.core.errors import MutauError, NotApplicable, UnknownName, require_in_range
from mutau.core.paper_numbers import paper_numbers
from mutau.core.types import provenance
from mutau.models import Model
from mutau.signal.exposure import particles_on_target
from mutau.signal.not_computed import Missing
from mutau.signal.processes import has_process, process_of
from mutau.signal.usage import not_used

if TYPE_CHECKING:
    from mutau.experiment import Experiment


#: Where every result names what no calculation gives of its background.
NOT_COMPUTED: Final = "not_computed"


def background_sources(experiment: Experiment) -> dict[str, Compute]:
    """Name -> function of every source that can be computed; empty if there is none."""
    return {name: item.compute for name, item in sources_of(experiment.process).items()}


def not_computed(experiment: Experiment) -> list[dict[str, str]]:
    """Sources of background of the experiment's process that no calculation here gives.

    Rows of name, reason, size ("" where none is known) and source of the size: what the process
    lists (`SignalProcess.not_computed`) less what somebody computes. A process that lists nothing
    has one row that says so.
    """
    known = has_process(experiment)
    listed = process_of(experiment).not_computed if known else ()
    there = background_sources(experiment)
    if not listed:
        beyond = f" beyond {', '.join(there)}, of another package" if there else ""
        reason = f"no background is computed for the process {experiment.process!r}{beyond}"
        return [Missing("all", reason).row()]
    return [item.row() for item in listed if item.name not in there]


def background_result(
    experiment: Experiment,
    *,
    only: Iterable[str] = (),
    seed: int = 1,
    effort: float = 1.0,
    model: Model | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Every source per particle on target and in the exposure, beside the paper's value.

    only : names of sources; none for all. effort : scales the Monte Carlo samples. model : a point
    for which `photon_veto` says how rare a missed photon must be (muon on electron only).
    What the sum lacks stands in `not_computed`, each with the reason: a source that the experiment
    file does not call for or does not describe well enough (`NotApplicable`; any other error is the
    caller's), one that was not asked for, and those that the process lacks (`not_computed`).
    `stated` repeats what the file itself says. `total_per_particle` sums what was computed; None
    where nothing was.
    Raises UnknownName for a source that is not there, OutOfRange for an effort out of 0.01 to 100,
    MutauError for a model where photons play no part.
    """
    require_in_range("effort", effort, 0.01, 100.0)
    if model is not None and experiment.process != "muon-electron-zprime":
        raise MutauError(
            f"the photon veto plays no part in {experiment.process!r}",
            place=experiment.name,
            remedy="leave out the mass",
        )
    sources = background_sources(experiment)
    wanted = list(dict.fromkeys(only)) or list(sources)  # each once, however often it is named
    for name in wanted:
        if name not in sources:
            raise UnknownName("background source", name, sources, place=experiment.name)
    particles = particles_on_target(experiment)
    rows, lacking, total, square = list[dict[str, Any]](), list[dict[str, str]](), 0.0, 0.0
    for done, name in enumerate(wanted):
        if progress:
            progress(done / len(wanted), name)
        try:
            found = kept_estimate(name, sources[name], experiment, seed, effort)
        except NotApplicable as error:
            lacking.append(Missing(name, str(error)).row())
            continue
        rows.append(source_row(found, particles, experiment.name))
        total += found.per_particle
        square += found.err**2 + found.model_err**2
    lacking += [Missing(name, "not asked for").row() for name in sources if name not in wanted]
    return {
        "experiment": experiment.name,
        "particles_on_target": particles,
        "total_per_particle": total if rows else None,
        "total_err_per_particle": float(np.sqrt(square)) if rows else None,
        "total_events": total * particles if rows else None,
        "sources": rows,
        NOT_COMPUTED: [*lacking, *not_computed(experiment)],
        "not_used": not_used(experiment, "background"),
        "stated": _stated(experiment, particles),
        **_photon_veto(experiment, model, seed, effort),
        "effort": effort,
        **provenance(seed=seed, experiment=experiment.digest),
    }


def _photon_veto(
    experiment: Experiment, model: Model | None, seed: int, effort: float
) -> dict[str, Any]:
    """How rare a missed photon must be (`photon_veto`), and an elastic electron measured far too
    low (`electron_tail`); nothing without a model."""
    if model is None:
        return {}
    from mutau.background.muone_components import DEFAULT_EVENTS
    from mutau.background.muone_needs import leak_rows, veto_scan

    n = max(int(DEFAULT_EVENTS * effort), 1000)
    return {
        "photon_veto": veto_scan(experiment, [model], seed=seed, n=n),
        "electron_tail": leak_rows(experiment, model, seed=seed, n=n),
    }


def source_row(found: Estimate, particles: float, document: str = "") -> dict[str, Any]:
    """One source as it is printed; `paper` is the published text, "" where nothing is printed.

    document : whose paper; a number published for another experiment is not shown. The verdict is
    that of `PaperNumber.verdict` with both errors, "shown" where no number is printed.
    `parts` are further numbers of the estimate: fractions, other assumptions, the paper's method.
    """
    published = paper_numbers().get(found.paper_id)
    if published is not None and published.document != document:
        published = None
    verdict = "shown"
    if published is not None and published.unit in ("1", "events"):
        scale = particles if published.unit == "events" else 1.0
        verdict = published.verdict(scale * found.per_particle, scale * found.total_err)
    return {
        "name": found.name,
        "per_particle": found.per_particle,
        "err": found.err,
        "model_err": found.model_err,
        "events": found.per_particle * particles,
        "events_err": found.err * particles,
        "paper": published.paper if published else "",
        "paper_value": published.value if published else None,
        "verdict": verdict,
        "method": found.method,
        "assumption": found.assumption,
        "parts": dict(found.parts),
    }


def _stated(experiment: Experiment, particles: float) -> list[dict[str, Any]]:
    """What the file says about background, sources of the whole exposure and of run periods."""
    rows = []
    for source in experiment.background:
        events, error = source.events(particles)
        rows.append(
            {"name": source.name, "events": events, "events_err": error, "because": source.because}
        )
    for run in experiment.runs:
        rows.append(
            {
                "name": f"run {run.name}",
                "events": run.background,
                "events_err": run.background_spread,
                "because": run.because,
            }
        )
    return rows
