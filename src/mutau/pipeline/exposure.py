"""How many particles, and how much background with them: one place for every road.

An experiment at another exposure, or with its background computed, is again an experiment; so a
limit, a sensitivity and a scan say the same of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.errors import MutauError, UnknownName, require_in_range
from mutau.core.storage import cached_arrays, digest
from mutau.models import Model

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.pipeline.roads import Prepared

#: Where the background of a limit comes from: the file, `mutau background`, or nowhere.
BACKGROUND_CHOICES: Final = ("file", "computed", "none")
#: Size of the Monte Carlo behind a computed background: statistical errors of 5 to 20 %.
EFFORT: Final = 0.3


def particles_on_target(experiment: Experiment) -> float:
    """Beam particles of the full exposure; from the luminosity where the file gives no number."""
    if experiment.beam.particles is not None:
        return experiment.beam.particles
    return (experiment.beam.luminosity or 0.0) / _luminosity(experiment, 1.0)


def luminosity_on_electrons(experiment: Experiment) -> float:
    """Luminosity on electrons, pb^-1: as stated, or from particles on target and the stations."""
    if experiment.beam.luminosity is not None:
        return experiment.beam.luminosity
    return _luminosity(experiment, experiment.beam.particles or 0.0)


def _luminosity(experiment: Experiment, particles: float) -> float:
    from mutau.matter import material
    from mutau.xsec.muon_electron import luminosity

    target = experiment.target
    stuff = material(target.material)
    thickness = target.thickness.cm(stuff.radiation_length_cm)
    return luminosity(particles, stuff.electrons_per_cm3, thickness, target.stations)


def stated_particles(experiment: Experiment) -> float:
    """Number of particles on target that the file states. Raises MutauError where it does not."""
    if experiment.beam.particles is None:
        raise MutauError(
            "the experiment states no number of particles on target",
            place=f"{experiment.name}: beam",
            remedy="write for example particles = 1e11",
        )
    return experiment.beam.particles


def at_exposure(experiment: Experiment, particles: float) -> Experiment:
    """The experiment as a projection for another number of particles on target.

    Backgrounds and run periods grow in proportion; nothing is observed. The same number of
    particles gives the same yields as the file, to rounding.
    Raises OutOfRange for a number that is not positive, MutauError where the file states none.
    """
    from mutau.experiment.loader import from_document

    require_in_range("exposure", particles, 0.0, 1e30, open_low=True)
    scale = particles / stated_particles(experiment)
    document = experiment.to_dict()
    document["beam"]["particles"] = particles
    if "particles_error" in document["beam"]:
        document["beam"]["particles_error"] *= scale
    for source in document.get("background", []):
        if "expected" in source:
            for key in ("expected", "error"):
                source[key] = source.get(key, 0.0) * scale
    for run in document.get("runs", []):
        run.pop("observed", None)
        for key in ("particles", "background", "background_error"):
            if key in run:
                run[key] *= scale
    return from_document(document, experiment.name)


def run_periods(experiment: Experiment, prepared: Prepared) -> Prepared:
    """The signal of a road shared among the run periods of the file, with their efficiencies.

    The efficiency of a period is that of all that the road does not know (dead time, quality of
    data); it stands behind the last cut. Its errors are independent.
    Raises MutauError for a period with a threshold, which belongs to an energy seen in a window.
    """
    runs = experiment.runs
    if not runs:
        return prepared
    for index, run in enumerate(runs):
        if run.threshold is not None:
            raise MutauError(
                f"run {run.name!r} states a threshold, which {experiment.process!r} does not use",
                place=f"{experiment.name}: runs[{index}]/threshold",
                remedy="write the requirement as a cut",
            )
    good = np.array([run.particles * run.efficiency for run in runs])
    kept = float(good.sum() / sum(run.particles for run in runs))
    if not kept:
        raise MutauError("the run periods have efficiency 0", place=f"{experiment.name}: runs")
    errors = good * np.array([run.efficiency_error for run in runs])

    def signal(point: Model) -> tuple[np.ndarray, np.ndarray]:
        events, error = prepared.signal(point)
        return np.append(events, kept * events[-1]), np.append(error, kept * error[-1])

    return replace(
        prepared,
        cuts=(*prepared.cuts, "efficiency of the run periods"),
        signal=signal,
        run_fraction=good / good.sum(),
        extra_systematic=float(np.hypot.reduce(errors) / good.sum()),
        meta={**prepared.meta, "periods": [run.name for run in runs]},
    )


def physics_digest(experiment: Experiment) -> str:
    """Digest of what decides what happens to one particle: not how many, nor the statistics."""
    from mutau.experiment.loader import from_document

    document = experiment.to_dict()
    for key in ("background", "runs", "systematics", "statistics"):
        document.pop(key, None)
    if "particles" in document["beam"]:
        document["beam"]["particles"] = 1.0
        document["beam"].pop("particles_error", None)
    return from_document(document, experiment.name).digest


def computed_background(
    experiment: Experiment, *, seed: int = 1, effort: float = EFFORT
) -> list[dict[str, Any]]:
    """name, per_particle and error (statistics and model together) of every computed source.

    As `mutau background`, kept in the cache folder under a digest of experiment, seed, effort and
    program, since it takes minutes.
    Raises MutauError for an experiment whose background cannot be computed.
    """
    from mutau.core.jit import sources_digest
    from mutau.pipeline.backgrounds import background_answer, background_sources

    if not background_sources(experiment):
        raise MutauError(
            f"no background is computed for the process {experiment.process!r}",
            place=experiment.name, allowed="file or none",
        )  # fmt: skip

    def compute() -> dict[str, np.ndarray]:
        rows = background_answer(experiment, seed=seed, effort=effort)["sources"]
        numbers = [
            [row["per_particle"], float(np.hypot(row["err"], row["model_err"]))] for row in rows
        ]
        return {"name": np.array([row["name"] for row in rows]), "number": np.array(numbers)}

    key = digest(physics_digest(experiment), seed, effort, sources_digest())
    found = cached_arrays("background", key, compute)
    return [
        {"name": str(name), "per_particle": float(number[0]), "error": float(number[1])}
        for name, number in zip(found["name"], found["number"], strict=True)
    ]


def with_background(
    experiment: Experiment, choice: str, *, seed: int = 1, effort: float = EFFORT
) -> Experiment:
    """The experiment with its background as the file says, as computed, or none.

    choice : out of BACKGROUND_CHOICES. "computed" and "none" replace the sources of the file and
    the background of its run periods; computed ones share the run periods by particles.
    Raises UnknownName for another choice, and as `computed_background`.
    """
    if choice not in BACKGROUND_CHOICES:
        raise UnknownName("background", choice, BACKGROUND_CHOICES, place="--background")
    if choice == "file":
        return experiment
    rows = []
    if choice == "computed":
        rows = computed_background(experiment, seed=seed, effort=effort)
    because = f"computed: mutau background, effort {effort:g}, seed {seed}"
    return with_sources(experiment, rows, because)


def with_sources(
    experiment: Experiment, rows: Sequence[Mapping[str, Any]], because: str
) -> Experiment:
    """The experiment with these sources (name, per_particle, error) and no other background."""
    from mutau.experiment.loader import from_document

    document = experiment.to_dict()
    document["background"] = [{**row, "because": because} for row in rows]
    for run in document.get("runs", []):
        for key in ("background", "background_error", "relative_error"):
            run.pop(key, None)
    return from_document(document, experiment.name)
