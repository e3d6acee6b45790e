"""How many particles: one place for every process.

An experiment at another exposure is again an experiment; so a limit, a sensitivity and a scan say
the same of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.core.errors import MutauError, require_in_range
from mutau.core.storage import digest
from mutau.models import Model

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.signal.processes import Prepared


#: Largest relative difference of a luminosity and of a number of particles that are both stated.
_SAME: Final = 0.01


def particles_on_target(experiment: Experiment) -> float:
    """Beam particles of the full exposure; from the luminosity where the file gives no number."""
    if experiment.beam.particles is not None:
        return experiment.beam.particles
    return (experiment.beam.luminosity or 0.0) / _luminosity(experiment, 1.0)


def luminosity_on_electrons(experiment: Experiment) -> float:
    """Luminosity on electrons, pb^-1: as stated, or from particles on target and the stations.

    Raises MutauError where the file states both and they differ by more than 1 %, or by more than
    the error of the particles: one of them would have no effect.
    """
    beam = experiment.beam
    made = _luminosity(experiment, beam.particles or 0.0)
    if beam.luminosity is None:
        return made
    if beam.particles is not None:
        room = max(_SAME, beam.particles_error / beam.particles)
        if abs(made / beam.luminosity - 1.0) > room:
            raise MutauError(
                f"particles = {beam.particles:g} on this target are {made:.4g} pb^-1, but "
                f"luminosity = {beam.luminosity:.4g} pb^-1",
                place=f"{experiment.name}: beam/particles",
                allowed=f"both within {100.0 * room:g} %",
                remedy="state one of them, or change both",
            )
    return beam.luminosity


def _luminosity(experiment: Experiment, particles: float) -> float:
    from mutau.matter import material
    from mutau.reactions.muon_electron import luminosity

    target = experiment.target
    medium = material(target.material)
    thickness = target.thickness.cm(medium.radiation_length_cm)
    return luminosity(particles, medium.electrons_per_cm3, thickness, target.stations)


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

    Backgrounds, run periods and a luminosity that is stated beside the particles grow in
    proportion; nothing is observed. The same number of particles gives the same yields as the file,
    to rounding.
    Raises OutOfRange for a number that is not positive, MutauError where the file states none.
    """
    from mutau.experiment.loader import from_document

    require_in_range("exposure", particles, 0.0, 1e30, open_low=True)
    scale = particles / stated_particles(experiment)
    document = experiment.to_dict()
    document["beam"]["particles"] = particles
    if "particles_error" in document["beam"]:
        document["beam"]["particles_error"] *= scale
    if experiment.beam.luminosity is not None:
        document["beam"]["luminosity"] = f"{experiment.beam.luminosity * scale!r} pb^-1"
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
    """The signal of a process shared among the run periods of the file, with their efficiencies.

    The efficiency of a period is that of all that the process does not know (dead time, quality of
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
    """Digest of what decides what happens to one particle: not how many, nor the statistics.

    Of the run periods, thresholds and fractions count; of a luminosity beside a number of
    particles,
    their ratio (both to 10 digits, so that another exposure is the same to rounding).
    """
    from mutau.experiment.loader import from_document

    document, beam = experiment.to_dict(), experiment.beam
    for key in ("background", "efficiency", "runs", "systematics", "statistics"):
        document.pop(key, None)
    for key in ("particles", "particles_error", "luminosity"):
        document["beam"].pop(key, None)
    document["beam"]["particles"] = 1.0
    whole = sum(run.particles for run in experiment.runs)
    boxes = [
        (run.threshold, f"{run.particles / whole:.9e}")
        for run in experiment.runs
        if run.threshold is not None
    ]
    each = f"{beam.luminosity / beam.particles:.9e}" if beam.luminosity and beam.particles else ""
    return digest(from_document(document, experiment.name).digest, boxes, each)
