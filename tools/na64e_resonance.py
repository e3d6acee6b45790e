"""What moves the limit on a dark photon around the resonance of annihilation, each cause alone.

    python tools/na64e_resonance.py [FOLDER]

writes resonance.md (the tables of docs/validation/na64e_resonance.md) and one figure per beam into
FOLDER (default: here). Some minutes. Limits by the default of the experiment files.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.bounds import published_limit
from mutau.core.figure import Figure, Series
from mutau.experiment import Experiment, load_experiment
from mutau.experiment import replace as changed
from mutau.matter import material
from mutau.models import Family
from mutau.peers.annihilation_yield import (
    MissingEnergy,
    PositronTrack,
    annihilation_yields,
    positron_track,
)
from mutau.report.static import write_figure
from mutau.signal.electron_emission import brems_emission, brems_theory
from mutau.signal.electron_tracks import tracks

MASSES = (
    0.05, 0.1, 0.15, 0.175, 0.2, 0.21, 0.22, 0.226, 0.235, 0.245, 0.26, 0.28, 0.3, 0.35, 0.4,
)  # fmt: skip
#: Experiment file -> published curve.
BEAMS = {"na64e": "na64e-2023-dark-photon", "na64e-positron": "na64e-2023-positrons"}
MODEL, ALPHA_D, RATIO = "dark-photon", 0.1, 3.0
SHOWERS = 400_000
SETTINGS = Settings(n_events=1000)
BASE = "complex-scalar"
SCALAR = Family(MODEL, ALPHA_D, RATIO, BASE)
DIRAC = Family(MODEL, ALPHA_D, RATIO, "dirac")


@dataclass(frozen=True)
class Cause:
    """One cause: what it changes in the model, the file or the plain calculation."""

    name: str
    family: Family = SCALAR
    file: dict[str, str] | None = None
    window: Callable[[MissingEnergy], MissingEnergy] | None = None


def _less_left(left: np.ndarray) -> np.ndarray:
    """Efficiency that falls linearly to nothing below 20 GeV left in the calorimeter."""
    return np.minimum(left / 20.0, 1.0)


def causes(experiment: Experiment) -> Iterator[Cause]:
    """All of them, the file as it is first."""
    yield Cause("complex scalar, 0.1")
    yield Cause("Majorana, 0.1", Family(MODEL, ALPHA_D, RATIO, "majorana"))
    yield Cause("Dirac, 0.1", DIRAC)
    yield Cause("complex scalar, 0.5", Family(MODEL, 0.5, RATIO, BASE))
    yield Cause("Dirac, 0.5", Family(MODEL, 0.5, RATIO, "dirac"))
    yield Cause("5 %/√E", file={"target/resolution": "5 %"})
    yield Cause("20 %/√E", file={"target/resolution": "20 %"})
    yield Cause("threshold +2 GeV", file=_thresholds(experiment, 2.0))
    yield Cause("threshold −2 GeV", file=_thresholds(experiment, -2.0))
    yield Cause("electrons at rest", file={"theory/electrons": "rest"})
    yield Cause("Compton profiles", file={"theory/electrons": "compton"})
    yield Cause("radiation before", window=lambda w: replace(w, radiates=True))
    yield Cause("efficiency below 20 GeV", window=lambda w: replace(w, efficiency=_less_left))


def _thresholds(experiment: Experiment, shift: float) -> dict[str, str]:
    return {
        f"runs[{i}]/threshold": f"{(run.threshold or 50.0) + shift:g} GeV"
        for i, run in enumerate(experiment.runs)
    }


def _limits(experiment: Experiment, family: Family) -> np.ndarray:
    line = limit_curve(experiment, MASSES, family, settings=SETTINGS)
    found = np.full(len(MASSES), np.nan)
    found[np.searchsorted(MASSES, line.mass)] = line.coupling
    return found


def _windows(experiment: Experiment) -> list[tuple[float, MissingEnergy]]:
    """Fraction of the exposure and window of every run period."""
    beam = experiment.beam
    total = sum(run.particles for run in experiment.runs)
    return [
        (
            run.particles / total,
            MissingEnergy(
                beam.energy, run.threshold or 50.0, experiment.target.resolution,
                beam.energy_spread * beam.energy,
            ),
        )
        for run in experiment.runs
    ]  # fmt: skip


def _plain(
    experiment: Experiment,
    mass: float,
    family: Family,
    causes: Sequence[Cause],
    track: PositronTrack,
) -> np.ndarray:
    """Signal with each change over the signal without, both the plain way (C,)."""
    point = family.at(mass, 1e-4)
    low, high = float(track.edges[0]), experiment.beam.energy
    emission = brems_emission(
        tracks(experiment, low), mass, low, low / high, brems_theory(experiment)
    )
    edges = np.linspace(low, high, 141)
    number = -np.diff(emission.above(edges)) * point.invisible_strength("e")
    middle = 0.5 * (edges[1:] + edges[:-1])
    fractions, windows = zip(*_windows(experiment), strict=True)
    all_windows = [*windows, *(c.window(w) for c in causes for w in windows if c.window)]
    made = annihilation_yields(point, track, all_windows, nodes=4)[0]
    made = made + np.array([number @ window.passes(middle) for window in all_windows])
    sums = made.reshape(-1, len(windows)) @ np.array(fractions)
    return np.asarray(sums[1:] / sums[0])


def study(name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Published couplings at MASSES (NaN outside), and ours for each cause."""
    experiment = load_experiment(name)
    curve = published_limit(BEAMS[name])
    beam = experiment.beam
    track = positron_track(
        beam.particle, beam.energy, material(experiment.target.material), 25.0, SHOWERS
    )
    found: dict[str, np.ndarray] = {}
    plain = []
    for cause in causes(experiment):
        print(name, cause.name, file=sys.stderr, flush=True)
        if cause.window is None:
            file = experiment if cause.file is None else _with(experiment, cause.file)
            found[cause.name] = _limits(file, cause.family)
        else:
            plain.append(cause)
    for start, family in (("complex scalar, 0.1", SCALAR), ("Dirac, 0.1", DIRAC)):
        gains = np.array([_plain(experiment, mass, family, plain, track) for mass in MASSES])
        for cause, gain in zip(plain, gains.T, strict=True):
            found[f"{start}: {cause.name}"] = found[start] / np.sqrt(gain)
    return curve.coupling_at(np.array(MASSES), outside="nan"), found


def _with(experiment: Experiment, file: dict[str, str]) -> Experiment:
    if any(key.startswith("theory/") for key in file) and experiment.theory is None:
        theory = load_experiment("na64e").to_dict()["theory"]
        experiment = changed(experiment, {"theory": {**theory, "because": "as na64e"}})
    return changed(experiment, file)


def table(name: str, published: np.ndarray, found: dict[str, np.ndarray]) -> str:
    """Ours over the published curve for the file as it is, then the change by each cause, in %."""
    base = found["complex scalar, 0.1"]
    rows = [
        "| | " + " | ".join(f"{1e3 * mass:g}" for mass in MASSES) + " |",
        "|---|" + "---|" * len(MASSES),
        "| published ε, 10⁻⁶ | " + " | ".join(f"{1e6 * e:.3g}" for e in published) + " |",
        "| ours/published | " + " | ".join(f"{r:.2f}" for r in base / published) + " |",
    ]
    for text, line in list(found.items())[1:]:
        change = 100.0 * (line / base - 1.0)
        rows.append(f"| {text} | " + " | ".join(f"{c:+.0f}" for c in change) + " |")
    for text in ("Dirac, 0.1", "Dirac, 0.1: radiation before"):
        ratio = found[text] / published
        rows.append(f"| {text}: ours/published | " + " | ".join(f"{r:.2f}" for r in ratio) + " |")
    return f"{name}\n\n" + "\n".join(rows).replace("nan", "–") + "\n"


def figure(name: str, published: np.ndarray, found: dict[str, np.ndarray]) -> Figure:
    """Ours over the published curve."""
    shown = [text for text in found if text not in ("5 %/√E", "20 %/√E", "Compton profiles")]
    series = tuple(
        Series(text, 1e3 * np.array(MASSES)[ok], (found[text] / published)[ok], dashed=":" in text)
        for text in shown
        for ok in [np.isfinite(found[text] / published)]
    )
    return Figure(
        id=f"resonance-{name}", title=f"{name}: limit on ε over the published one",
        x_label="$m_{A'}$ [MeV]", y_label="ours / published", series=series, log="y",
    )  # fmt: skip


def main() -> None:
    """Both beams."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    texts = []
    for name in BEAMS:
        published, found = study(name)
        texts.append(table(name, published, found))
        write_figure(figure(name, published, found), folder / f"resonance-{name}.png")
    (folder / "resonance.md").write_text("\n".join(texts))


if __name__ == "__main__":
    main()
