"""Sensitivity against exposure: the limit to expect, with background and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.analysis.lacking import lacks
from mutau.analysis.limit import (
    OF_FAMILY,
    OF_SETTINGS,
    curve_starts,
    limit_within,
    signal_by,
    solve_limit,
)
from mutau.analysis.loop import Progress, Refused, mass_by_mass, mass_grid, possible
from mutau.analysis.method_notes import method_notes
from mutau.analysis.settings import AS_STATED, Settings
from mutau.analysis.yields import assemble, backgrounds
from mutau.background.choice import with_background
from mutau.core.deprecation import old_keywords
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.types import Yields, provenance
from mutau.experiment import load_experiment
from mutau.models import Family, Model, highest_coupling
from mutau.signal.exposure import at_exposure, stated_particles
from mutau.signal.processes import Prepared, process_of

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: Expected events at which the end of freedom from background is stated.
FREE_BELOW: Final = (0.1, 1.0)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Expected upper limits on the coupling over exposure.

    particles : (E,) on target. mass : (M,) GeV. coupling, error, free : (M, E): limit with
    background, its numerical error, and the limit without any. low, high : (M, E), where 68 % of
    experiments without signal will have their limit.
    background, background_err : (E,) expected events. per_particle, per_particle_err : background
    per particle on target. cl, method, experiment, model : as in `Exclusion`.
    """

    particles: Array
    mass: Array
    coupling: Array
    error: Array
    free: Array
    low: Array
    high: Array
    background: Array
    background_err: Array
    per_particle: float
    per_particle_err: float
    cl: float
    method: str
    experiment: str
    model: str
    meta: dict[str, Any]

    def free_until(self, events: float) -> tuple[float, float]:
        """Particles on target at which this many background events are expected, and the error.

        inf, inf where there is no background. Check: 1e-11 per particle and one event give 1e11.
        """
        if not self.per_particle:
            return np.inf, np.inf
        n = events / self.per_particle
        return n, n * self.per_particle_err / self.per_particle


def _exposures(values: Sequence[float] | Array) -> Array:
    particles = np.asarray(values, float)
    if particles.ndim != 1 or not len(particles):
        raise MutauError("give one number of particles at least", place="exposure")
    bad = ~(np.isfinite(particles) & (particles > 0.0))
    if bad.any():
        raise MutauError(
            f"{particles[bad][0]:g} particles on target", place="exposure", allowed="above 0"
        )
    return particles


def _scaled(prepared: Prepared, scale: float) -> Prepared:
    """What a process has prepared, for another exposure."""

    def signal(point: Model) -> tuple[Array, Array]:
        events, error = prepared.signal(point)
        return scale * events, scale * error

    return replace(prepared, signal=signal)


@dataclass(frozen=True, slots=True)
class _Exposure:
    """One number of particles: signal over that of the file, the experiment, and it without
    background."""

    scale: float
    loaded: Experiment
    clean: Experiment


@old_keywords("settings", Settings, OF_SETTINGS, gone_in="0.2.0")
@old_keywords("family", Family, OF_FAMILY, gone_in="0.2.0")
def sensitivity(
    experiment: Experiment | str,
    masses: Sequence[float] | Array,
    exposures: Sequence[float] | Array,
    family: Family | str = "lmu-ltau",
    *,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> Sensitivity:
    """Expected limit of an experiment at each mass and exposure.

    masses : GeV. exposures : particles on target. The other arguments as in `limit_curve`, whose
    limit for the file `at_exposure` is the same to the digit.
    Nothing counts as observed. The expected limit is that of the median outcome without signal
    (steps where the median count does), of Asimov data for asymptotic methods.
    Raises as `limit_curve`, and MutauError for an exposure that is not a positive number.
    Check: without background the coupling falls as exposure^(-1/2).
    """
    experiment, family = load_experiment(experiment), Family.of(family)
    particles = _exposures(exposures)
    effort = settings.preparation(experiment)
    starts, refused = curve_starts(experiment, family, mass_grid(masses))
    cl, method = settings.level_of([experiment]), settings.method_of([experiment])
    settings = replace(settings, cl=cl, method=method)
    points = _at_exposures(experiment, particles.tolist(), settings)
    process = process_of(experiment)

    def at(mass: float) -> list[list[float] | OutOfRange]:
        prepared = process.prepare(experiment, starts[mass], effort)
        return [possible(_limits, prepared, starts[mass], point, settings) for point in points]

    computed, results, late = mass_by_mass(at, list(starts), experiment.name, progress)
    events = np.array([_background(point.loaded) for point in points])
    numbers, short = _filled(computed, particles, results)
    coupling, error, free, low, high = np.moveaxis(numbers, 2, 0)
    return Sensitivity(
        particles, np.array(computed), coupling, error, free, low, high, events[:, 0], events[:, 1],
        float(events[0, 0] / particles[0]), float(events[0, 1] / particles[0]), cl,
        method, experiment.name, family.model,
        {
            **provenance(settings.seed, experiment=experiment.digest, model=family.digest),
            **family.sector, "background": settings.background_choice,
            "signal_by": signal_by(settings),
            **_notes(method, [p.loaded for p in points], particles, refused | late, short),
            **lacks(experiment, settings),
        },
    )  # fmt: skip


def _at_exposures(
    experiment: Experiment, particles: Sequence[float], settings: Settings
) -> list[_Exposure]:
    """The experiment at each exposure. Raises MutauError where the file states no particles."""
    stated = stated_particles(experiment)
    loaded = settings.with_background(experiment)
    clean = with_background(experiment, "none")
    return [_Exposure(n / stated, at_exposure(loaded, n), at_exposure(clean, n)) for n in particles]


def _filled(
    masses: list[float], particles: Array, results: list[list[list[float] | OutOfRange]]
) -> tuple[Array, list[dict[str, Any]]]:
    """Numbers (M, E, 5), those without a result infinite, and rows that say why."""
    numbers, rows = np.full((len(masses), len(particles), 5), np.inf), []
    numbers[..., 1] = 0.0
    for i, j in np.ndindex(numbers.shape[:2]):
        found = results[i][j]
        if isinstance(found, OutOfRange):
            rows.append(
                {
                    "mass_GeV": masses[i],
                    "particles_on_target": float(particles[j]),
                    "reason": str(found),
                }
            )
        else:
            numbers[i, j] = found
    return numbers, rows


def _refused(masses: Refused, exposures: list[dict[str, Any]]) -> dict[str, Any]:
    """The key "refused": masses without any result, and exposures of the others."""
    rows = [*masses.meta().get("refused", []), *exposures]
    return {"refused": rows} if rows else {}


def _notes(
    method: str,
    experiments: list[Experiment],
    particles: Array,
    refused: Refused,
    exposures: list[dict[str, Any]],
) -> dict[str, Any]:
    """What was refused, and `method_notes` of all exposures: where the method holds for some only,
    the warning of the largest for which it does not."""
    found = [method_notes(method, [item]) for item in experiments]  # nothing is observed
    doubtful = [i for i, notes in enumerate(found) if "warnings" in notes]
    warnings = refused.warnings()
    if doubtful:
        last = max(doubtful, key=lambda i: float(particles[i]))
        up_to = f"up to {particles[last]:g} particles: "
        warnings = [up_to + text for text in found[last]["warnings"]] + warnings
    more = {"warnings": warnings} if warnings else {}
    return found[0] | _refused(refused, exposures) | more


def _limits(
    prepared: Prepared, model: Model, exposure: _Exposure, settings: Settings
) -> list[float]:
    """Limit, its error, limit without background, and the 68 % band, at one exposure.

    settings : with a level and a method.
    """
    scaled = _scaled(prepared, exposure.scale)

    def yields(item: Experiment, coupling: float) -> Yields:
        return assemble(scaled, model.with_coupling(coupling), item, settings.seed)

    cl, method = settings.level_of([]), settings.method_of([])
    limit = limit_within(model, partial(yields, exposure.loaded), cl, method)
    free = solve_limit(partial(yields, exposure.clean), cl, method, highest_coupling(model))
    return [*limit, free[0], *_band(yields(exposure.loaded, model.coupling), limit[0], settings)]


def _background(experiment: Experiment) -> tuple[float, float]:
    """(events, error) of all run periods together."""
    value, error, _ = backgrounds(experiment)
    return float(value.sum()), float(np.hypot.reduce(error))


def _band(reference: Yields, coupling: float, settings: Settings) -> tuple[float, float]:
    """Couplings of the central 68 % of outcomes; the signal goes as coupling^power."""
    from mutau.stats import expected_limits

    if not np.isfinite(coupling):
        return np.inf, np.inf
    found = expected_limits(reference, cl=settings.cl, method=settings.method, seed=settings.seed)
    low, high = (
        coupling * (strength / found.median) ** (1.0 / reference.power)
        for strength in (found.minus1, found.plus1)
    )
    return float(low), float(high)


def sensitivity_to_dict(found: Sensitivity) -> dict[str, Any]:
    """What the command line prints of a sensitivity."""
    return {
        "experiment": found.experiment,
        "model": found.model,
        "confidence_level": found.cl,
        "method": found.method,
        "background_per_particle": found.per_particle,
        "background_err_per_particle": found.per_particle_err,
        "free_of_background": [
            {"background_events": events, "particles_on_target": _shown(n), "err": _shown(error)}
            for events, (n, error) in ((e, found.free_until(e)) for e in FREE_BELOW)
        ],
        **found.meta,
        "limits": [
            {
                "mass_GeV": float(mass),
                "particles_on_target": float(n),
                "background_events": float(found.background[j]),
                "background_err_events": float(found.background_err[j]),
                "coupling_upper_limit": _shown(found.coupling[i, j]),
                "numerical_err": _shown(
                    found.error[i, j] if np.isfinite(found.coupling[i, j]) else np.inf
                ),
                "minus1_sigma": _shown(found.low[i, j]),
                "plus1_sigma": _shown(found.high[i, j]),
                "without_background": _shown(found.free[i, j]),
            }
            for i, mass in enumerate(found.mass)
            for j, n in enumerate(found.particles)
        ],
    }


def _shown(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
