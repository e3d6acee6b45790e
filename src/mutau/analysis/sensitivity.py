"""Sensitivity against exposure: the limit to expect, with background and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.analysis.lacking import lacks
from mutau.analysis.limit import (
    chosen_level,
    chosen_method,
    limit_within,
    model_digest,
    refuse_visible,
    side_by_side,
    solve_limit,
)
from mutau.analysis.masses import (
    Refused,
    mass_by_mass,
    possible,
    start_points,
)
from mutau.analysis.method_notes import method_notes
from mutau.analysis.yields import assemble, backgrounds
from mutau.background.choice import with_background
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.types import Yields, provenance
from mutau.models import Model, highest_coupling
from mutau.signal.exposure import at_exposure, stated_particles
from mutau.signal.processes import (
    Effort,
    Prepared,
    check_kind,
    check_masses,
    process_of,
    refuse_full_chain,
)

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


def _check(
    experiment: Experiment, points: list[Model], masses: list[float], full_chain: bool
) -> None:
    """Raise for points that all decay visibly, masses or a full simulation that are not there."""
    refuse_visible(points)
    check_masses(experiment, masses)
    refuse_full_chain(experiment, full_chain)


def sensitivity(
    experiment: Experiment,
    masses: Sequence[float] | Array,
    exposures: Sequence[float] | Array,
    *,
    model: str = "lmu-ltau",
    alpha_d: float = 0.0,
    mass_ratio: float = 3.0,
    cl: float | None = None,
    method: str | None = None,
    background: str = "file",
    full_chain: bool = False,
    seed: int = 1,
    n_events: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Sensitivity:
    """Expected limit of an experiment at each mass and exposure.

    masses : GeV. exposures : particles on target. background : see `with_background`. The other
    arguments as in `limit_curve`, whose limit for the file `at_exposure` is the same to the digit.
    Nothing counts as observed. The expected limit is that of the median outcome without signal
    (steps where the median count does), of Asimov data for asymptotic methods.
    Raises as `limit_curve`, and MutauError for an exposure that is not a positive number.
    Check: without background the coupling falls as exposure^(-1/2).
    """
    particles, grid = _exposures(exposures), np.asarray(masses, float)
    point = {"alpha_d": alpha_d, "mass_ratio": mass_ratio}
    starts, refused = start_points(grid.tolist(), model, alpha_d, mass_ratio)
    check_kind(experiment, model)
    _check(experiment, list(starts.values()), grid.tolist(), full_chain)
    stated = stated_particles(experiment)
    settings = _Settings(
        chosen_level(experiment, cl), chosen_method(experiment, method, background), seed
    )
    loaded = with_background(experiment, background, seed=seed)  # minutes, where it is computed
    clean = with_background(experiment, "none")
    here = [(n / stated, at_exposure(loaded, n), at_exposure(clean, n)) for n in particles.tolist()]
    effort = Effort(seed, n_events, final_only=True, full_chain=full_chain)
    process = process_of(experiment)

    def at(mass: float) -> list[list[float] | OutOfRange]:
        start = starts[mass]
        prepared = process.prepare(experiment, start, effort)
        return [
            possible(_limits, _scaled(prepared, s), start, one, two, settings)
            for s, one, two in here
        ]

    run = partial(side_by_side, label=experiment.name, progress=progress)
    computed, results, late = mass_by_mass(at, list(starts), run)
    events = np.array([_background(item) for _, item, _ in here])
    numbers, short = _filled(computed, particles, results)
    coupling, error, free, low, high = np.moveaxis(numbers, 2, 0)
    return Sensitivity(
        particles, np.array(computed), coupling, error, free, low, high, events[:, 0], events[:, 1],
        float(events[0, 0] / particles[0]), float(events[0, 1] / particles[0]), settings.cl,
        settings.method, experiment.name, model,
        {
            **provenance(
                seed=seed, experiment=experiment.digest,
                model=model_digest(model, alpha_d, mass_ratio),
            ),
            **point, "background": background,
            "signal_by": "full simulation" if full_chain else "fast mode",
            **_notes(settings.method, [e for _, e, _ in here], particles, refused | late, short),
            **lacks(experiment, effort, background, seed=seed),
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Settings:
    """How limits are set: level, method, seed."""

    cl: float
    method: str
    seed: int


def _filled(
    masses: list[float], particles: Array, results: list[list[list[float] | OutOfRange]]
) -> tuple[Array, list[dict[str, Any]]]:
    """Numbers (M, E, 5), those without an answer infinite, and rows that say why."""
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
    """The key "refused": masses without any answer, and exposures of the others."""
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
    prepared: Prepared, model: Model, loaded: Experiment, clean: Experiment, settings: _Settings
) -> list[float]:
    """Limit, its error, limit without background, and the 68 % band, at one exposure."""

    def yields(item: Experiment, coupling: float) -> Yields:
        return assemble(prepared, model.with_coupling(coupling), item, settings.seed)

    how = settings.cl, settings.method
    limit = limit_within(model, partial(yields, loaded), *how)
    free = solve_limit(partial(yields, clean), *how, highest_coupling(model))
    return [*limit, free[0], *_band(yields(loaded, model.coupling), limit[0], settings)]


def _background(experiment: Experiment) -> tuple[float, float]:
    """(events, error) of all run periods together."""
    value, error, _ = backgrounds(experiment)
    return float(value.sum()), float(np.hypot.reduce(error))


def _band(reference: Yields, coupling: float, settings: _Settings) -> tuple[float, float]:
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


def sensitivity_answer(found: Sensitivity) -> dict[str, Any]:
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
                "numerical_err": float(found.error[i, j]),
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
