"""Sensitivity of NA64mu against exposure, with the background of Table I and without."""

from __future__ import annotations

from typing import Final

import numpy as np

from mutau.core.figure import Figure, Series
from mutau.experiment import Experiment, load_experiment
from mutau.papers.na64mu_backgrounds import EFFORT, table_one
from mutau.papers.reproduction import TASKS, Level, Part
from mutau.pipeline.background_choice import with_sources
from mutau.pipeline.sensitivity import Sensitivity, sensitivity

#: Masses (GeV) of the curves, and exposures (muons on target).
MASSES: Final = (0.01, 0.1)
EXPOSURES: Final = np.geomspace(1e8, 1e14, 25)
#: Left out of the second curve: what places of the VHCAL and the magnet's gap decide.
GEOMETRY: Final = "non-hermeticity"


def _with(seed: int, effort: float, *, left_out: str = "") -> Experiment:
    """NA64mu with the computed sources of Table I, one of them left out."""
    rows = [
        {"name": name, "per_particle": item.per_particle, "error": item.total_err}
        for name, item in table_one(seed, effort).items()
        if name != left_out
    ]
    return with_sources(load_experiment("na64mu"), rows, f"computed, effort {effort:g}")


def _curves(found: Sensitivity, label: str, dashed: bool) -> list[Series]:
    return [
        Series(
            f"{1e3 * mass:g} MeV, {label}", found.particles, found.coupling[i],
            err=found.error[i], dashed=dashed,
        )
        for i, mass in enumerate(found.mass)
    ]  # fmt: skip


@TASKS.register("na64mu/exposure")
def exposure(level: Level) -> Part:
    """Expected limit over muons on target (mu.exposure), and where background begins."""
    effort = EFFORT[level.name]
    bare = load_experiment("na64mu")
    n = min(level.events, 200_000)
    free = sensitivity(
        bare, MASSES, EXPOSURES, background="none", method="bayes", seed=level.seed, n_events=n
    )
    series, text = _curves(free, "no background", True), "Background is not computed at this level."
    if effort:
        words = []
        for label, left_out in (("all of Table I", ""), (f"without {GEOMETRY}", GEOMETRY)):
            found = sensitivity(
                _with(level.seed, effort, left_out=left_out), MASSES, EXPOSURES,
                background="file", method="bayes", seed=level.seed, n_events=n,
            )  # fmt: skip
            series += _curves(found, label, False)
            at, error = found.free_until(1.0)
            words.append(f"{label}: one event at {at:.1e} ± {error:.0e} muons")
        text = "Free of background up to, " + "; ".join(words) + "."
    figure = Figure(
        id="mu.exposure",
        title="Expected limit over exposure, 90 % CL",
        x_label="muons on target",
        y_label="$g'$",
        series=tuple(series),
        log="xy",
        caption=f"{text} Median outcome without signal, errors of the background as a nuisance "
        "parameter, flat prior; steps where the median count steps.",
    )
    return Part((), (figure,))
