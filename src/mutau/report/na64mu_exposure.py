"""Sensitivity of NA64mu against exposure, with the background of Table I and without.

The paper's fig. 6 is the limit without background at 1e11 muons on target; what the background
computed here does to the claim of that figure is a row of its own (mu.fig6.band, with background).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mutau.analysis.sensitivity import Sensitivity, sensitivity
from mutau.analysis.settings import Settings
from mutau.background.choice import with_sources
from mutau.core.figure import Figure, Series
from mutau.experiment import Experiment, load_experiment
from mutau.models.muon_moment import vector_coupling_band
from mutau.report.na64mu import PAPER_YEAR
from mutau.report.na64mu_backgrounds import EFFORT, table_one
from mutau.report.rows import Ours
from mutau.report.runs import FIGURES, ROWS, Run

#: Masses (GeV) of the curves, and exposures (muons on target).
MASSES: Final = (0.01, 0.1)
EXPOSURES: Final = np.geomspace(1e8, 1e14, 25)
#: Left out of the second curve: what places of the VHCAL and the magnet's gap decide.
GEOMETRY: Final = "non-hermeticity"
#: Exposure of the paper's fig. 6.
FIG6: Final = 1e11


def _with(run: Run, left_out: str = "") -> Experiment:
    """NA64mu with the computed sources of Table I, one of them left out."""
    rows = [
        {"name": name, "per_particle": item.per_particle, "error": item.total_err}
        for name, item in run.of(table_one).items()
        if name != left_out
    ]
    effort = EFFORT[run.level.name]
    return with_sources(load_experiment("na64mu"), rows, f"computed, effort {effort:g}")


def reach(run: Run, left_out: str | None) -> Sensitivity:
    """Expected limit over exposure. left_out : a source of background; None for no background at
    all. Raises LeftOut at a level without sources."""
    bare = load_experiment("na64mu")
    return sensitivity(
        bare if left_out is None else _with(run, left_out), MASSES, EXPOSURES,
        settings=Settings(
            background="none" if left_out is None else "file", method="bayes",
            seed=run.level.seed, n_events=min(run.level.events, 200_000),
        ),
    )  # fmt: skip


def _curves(found: Sensitivity, label: str, dashed: bool) -> list[Series]:
    return [
        Series(
            f"{1e3 * mass:g} MeV, {label}", found.particles, found.coupling[i],
            err=found.error[i], dashed=dashed,
        )
        for i, mass in enumerate(found.mass)
    ]  # fmt: skip


def band_within_reach(found: Sensitivity) -> Ours:
    """Whether the band of g-2 is within reach at 1e11 muons with a background.

    found : with 1e11 among its exposures and masses below 200 MeV, where the paper claims it.
    """
    at = int(np.argmin(np.abs(np.log(found.particles / FIG6))))
    ratio = vector_coupling_band(found.mass, PAPER_YEAR, 2.0).lower / found.coupling[:, at]
    worst, at_worst = float(ratio.min()), int(ratio.argmin())
    error = worst * float(found.error[at_worst, at] / found.coupling[at_worst, at])
    words = {
        "limits": list(zip(found.coupling[:, at], 1e3 * found.mass, strict=True)),
        "background": found.background[at], "background_err": found.background_err[at],
        "worst": worst,
    }  # fmt: skip
    return Ours(worst, error, words=words)


@ROWS.register("mu.fig6.band (background: all of Table I)")
def band_with_all(run: Run) -> Ours:
    """The claim of fig. 6 with every source computed."""
    return band_within_reach(run.of(reach, ""))


@ROWS.register(f"mu.fig6.band (background: without {GEOMETRY})")
def band_without_geometry(run: Run) -> Ours:
    """The same without the source that assumed places decide."""
    return band_within_reach(run.of(reach, GEOMETRY))


@FIGURES.register("mu.exposure")
def exposure(run: Run) -> Figure:
    """Expected limit over muons on target, without background and with what is computed."""
    series = _curves(run.of(reach, None), "no background", True)
    text = "Background is not computed at this level."
    if EFFORT.get(run.level.name, 0.0):
        words = []
        for label, left_out in (("all of Table I", ""), (f"without {GEOMETRY}", GEOMETRY)):
            found = run.of(reach, left_out)
            series += _curves(found, label, False)
            at, error = found.free_until(1.0)
            words.append(f"{label}: one event at {at:.1e} ± {error:.0e} muons")
        text = "Free of background up to, " + "; ".join(words) + "."
    return Figure(
        id="mu.exposure",
        title="Expected limit over exposure, 90 % CL",
        x_label="muons on target",
        y_label="$g'$",
        series=tuple(series),
        log="xy",
        caption=f"{text} Median outcome without signal, errors of the background as a nuisance "
        "parameter, flat prior; steps where the median count steps.",
    )
