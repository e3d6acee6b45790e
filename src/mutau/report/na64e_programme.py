"""Electron, positron and muon beams of NA64 in one likelihood: limits and what they gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mutau.analysis.combination_gain import CombinationGain, combination_gain
from mutau.analysis.dark_axes import mapped_series
from mutau.analysis.settings import Settings
from mutau.core.figure import Figure, Series
from mutau.experiment import load_experiment
from mutau.models import Family
from mutau.report.rows import Ours
from mutau.report.runs import FIGURES, ROWS, Run
from mutau.signal.exposure import at_exposure

Array = np.ndarray

ALPHA_D: Final = 0.1
#: Muons on target in LHC Run 4 (abstract of arXiv:2505.14291).
RUN4_MUONS: Final = 2e13
MASSES: Final = (1e-3, 0.9)
PEAK: Final = (0.14, 0.33)  # GeV, where positrons of 40 to 100 GeV meet the resonance
PRESENT: Final = ("na64mu", "na64e", "na64e-positron")
RUN4: Final = ("na64mu", "na64e-run4", "na64e-positron-60", "na64e-positron-40")
_Y_LABELS: Final = {
    "lmu-ltau": "$y = \\alpha_D (g'/e)^2 (m_\\chi/m)^4$",
    "dark-photon": "$y = \\alpha_D \\epsilon^2 (m_\\chi/m)^4$",
}


@dataclass(frozen=True, slots=True)
class Programme:
    """Which beams, for which mediator. run4 : the exposures of LHC Run 4."""

    model: str
    run4: bool

    @property
    def family(self) -> Family:
        """The mediator with its dark sector."""
        return Family(self.model, ALPHA_D)

    @property
    def title(self) -> str:
        """What it is, in words."""
        when = "LHC Run 4 (projection)" if self.run4 else "the files as they are"
        return f"{_MODELS[self.model]}, {when}"


_MODELS: Final = {"lmu-ltau": "$L_\\mu - L_\\tau$", "dark-photon": "dark photon"}
PROGRAMMES: Final = tuple(
    Programme(model, run4) for run4 in (False, True) for model in ("lmu-ltau", "dark-photon")
)


def masses(run: Run) -> Array:
    """Masses of the curves, GeV, closer where positrons meet the resonance."""
    points = max(run.level.points // (12 if run.level.name == "quick" else 6), 4)
    return np.unique(np.concatenate([np.geomspace(*MASSES, points), np.linspace(*PEAK, points)]))


def gains(run: Run, programme: Programme) -> CombinationGain:
    """Limits of each beam and of all together."""
    names = RUN4 if programme.run4 else PRESENT
    files = [load_experiment(name) for name in names]
    if programme.run4:
        files[0] = at_exposure(files[0], RUN4_MUONS)
    return combination_gain(
        files, list(masses(run)), programme.family, settings=Settings(seed=run.level.seed)
    )


def _lines(found: CombinationGain) -> list[Series]:
    series = []
    for name, coupling, err in zip(found.experiments, found.alone, found.alone_err, strict=True):
        ok = np.isfinite(coupling)
        if ok.any():
            series.append(Series(name, found.joint.mass[ok], coupling[ok], err=err[ok]))
    line, ok = found.joint, np.isfinite(found.joint.coupling)
    series.append(
        Series(
            "together", line.mass[ok], line.coupling[ok], err=line.numerical_err[ok], dashed=True
        )
    )
    return series


def _limits_figure(run: Run, id_: str, programme: Programme, dark: bool) -> Figure:
    series, family = _lines(run.of(gains, programme)), programme.family
    x_label, y_label = "$m$ [GeV]", "$g'$" if programme.model == "lmu-ltau" else "$\\epsilon$"
    if dark:
        series = [mapped_series(item, family) for item in series]
        x_label, y_label = "$m_\\chi$ [GeV]", _Y_LABELS[programme.model]
    return Figure(
        id=id_, title=f"Three beams: {programme.title}, $\\alpha_D$ = {ALPHA_D:g}",
        x_label=x_label, y_label=y_label, series=tuple(series), log="xy",
        caption="Upper limits of each beam alone and in one likelihood, complex scalar, m = 3 m_χ; "
        "errors of the same name in two files are one nuisance parameter.",
    )  # fmt: skip


@FIGURES.register("ee.programme.coupling")
def coupling_figure(run: Run) -> Figure:
    """Each beam and all together, in mass and coupling."""
    return _limits_figure(run, "ee.programme.coupling", PROGRAMMES[0], dark=False)


@FIGURES.register("ee.programme.y")
def dark_matter_figure(run: Run) -> Figure:
    """The same for a dark photon in LHC Run 4, in the mass of dark matter and y."""
    return _limits_figure(run, "ee.programme.y", PROGRAMMES[3], dark=True)


@FIGURES.register("ee.programme")
def gain_figure(run: Run) -> Figure:
    """What the combination gains over the best beam."""
    found = [(programme, run.of(gains, programme)) for programme in PROGRAMMES]
    return Figure(
        id="ee.programme", title="Three beams: best limit alone over the joint one",
        x_label="$m$ [GeV]", y_label="gain in the coupling",
        series=tuple(
            Series(programme.title, one.joint.mass, one.gain, err=one.gain_err,
                   dashed=programme.run4)
            for programme, one in found
        ),
        log="x",
        caption="A gain of the root of two is that of two beams of the same sensitivity without "
        "background.",
    )  # fmt: skip


@ROWS.register("ee.programme")
def gain_row(run: Run) -> Ours:
    """The largest gain of each programme, where, and which beam is best where."""
    rows = []
    for programme in PROGRAMMES:
        found = run.of(gains, programme)
        at = int(np.argmax(found.gain))
        shares = {
            name: 100.0 * sum(best == name for best in found.best) / len(found.best)
            for name in found.experiments
        }
        rows.append(
            {"title": programme.title.replace("$", "").replace("\\", ""),
             "gain": float(found.gain[at]), "err": float(found.gain_err[at]),
             "mass": 1e3 * float(found.joint.mass[at]), "best": shares}
        )  # fmt: skip
    return Ours(words={"rows": rows})
