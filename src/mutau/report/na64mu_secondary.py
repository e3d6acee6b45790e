"""Further searches that the NA64mu paper names: what its set-up would see of other particles."""

from __future__ import annotations

from typing import Final

import numpy as np

from mutau.analysis.millicharged import millicharged_limit
from mutau.analysis.settings import Settings
from mutau.core.figure import Figure, Series
from mutau.core.types import Exclusion
from mutau.experiment import load_experiment
from mutau.report.rows import Ours
from mutau.report.runs import FIGURES, ROWS, Run

#: Masses of the particle at which the charge is printed, GeV.
SHOWN: Final = (1e-3, 0.01, 0.1)
#: Ends of the curve, GeV; the process makes pairs of up to twice the last.
ENDS: Final = (5e-4, 0.45)


def charges(run: Run) -> Exclusion:
    """Limit on the charge over the mass of the particle, for the exposure of the paper."""
    masses = np.unique(np.concatenate([np.geomspace(*ENDS, 31), SHOWN]))
    return millicharged_limit(
        load_experiment("na64mu"), [float(mass) for mass in masses],
        settings=Settings(seed=run.level.seed, n_events=min(run.level.events, 20_000)),
    )  # fmt: skip


@ROWS.register("mu.second.millicharged")
def millicharged(run: Run) -> Ours:
    """The charge that 1e11 muons would exclude."""
    line = run.of(charges)
    at = [(1e3 * m, float(line.coupling[np.abs(line.mass - m).argmin()])) for m in SHOWN]
    return Ours(words={"at": at, "events": line.meta["signal_events"]})


@FIGURES.register("mu.second.millicharged")
def millicharged_figure(run: Run) -> Figure:
    """The same over the mass of the particle."""
    line = run.of(charges)
    return Figure(
        id="mu.second.millicharged",
        title="Millicharged particles, 10¹¹ muons on target, 90 % CL",
        x_label="mass of the particle [GeV]",
        y_label="charge [e]",
        series=(
            Series("na64mu (this work)", line.mass, line.coupling, err=line.numerical_err,
                   dashed=True, note="virtual photons of muons, fast mode"),
        ),
        log="xy",
        x_range=ENDS,
        caption="Dirac particles of charge ε e from virtual photons that the muon radiates, by the "
        "yield of a vector of the photon's mass up to 1 GeV; no background. Left out: the running "
        "of α, pairs made by two photons (ε⁴), what the pair itself ionises (ε² of a muon).",
    )  # fmt: skip
