"""The signal window of each run period, and the chance that an emission falls into it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.errors import MutauError
from mutau.experiment.variables import window as window_of
from mutau.selection.requirements import highest_energy_left
from mutau.signal.electron_containment import WHOLE, containment

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: Thresholds are tabulated at these numbers of standard deviations.
DEVIATIONS: Final = np.linspace(-4.0, 4.0, 9)
_REACH: Final = 5.7  # of the quadrature in standard deviations of the energy seen


@dataclass(frozen=True, slots=True, eq=False)
class EnergyWindow:
    """Periods and thresholds of an experiment.

    energy : of the beam, GeV. stochastic, constant : of the calorimeter that sees the rest of the
    shower or the recoil electron. spread : absolute, of the beam, GeV. truth : sharp cuts.
    periods : names. particles, efficiency, efficiency_error : (R,), the last relative.
    thresholds : (R, G) GeV, upper edges of the energy seen, at `deviations` (G,) standard
    deviations of their errors. preshower_min : GeV; 0 for no cut. contained : (J,) fractions of the
    energy that stay in the target, each for an equal part of the showers
    (`electron_containment`).
    """

    energy: float
    stochastic: float
    constant: float
    spread: float
    truth: bool
    periods: tuple[str, ...]
    particles: Array
    efficiency: Array
    efficiency_error: Array
    thresholds: Array
    deviations: Array
    preshower_min: float
    contained: Array

    @property
    def middle(self) -> int:
        """Place of the nominal thresholds on the grid."""
        return len(self.deviations) // 2

    @property
    def nominal(self) -> tuple[float, ...]:
        """Nominal thresholds, GeV."""
        return tuple(float(t) for t in self.thresholds[:, self.middle])

    def at_nominal(self) -> EnergyWindow:
        """The same with the nominal thresholds alone."""
        middle = slice(self.middle, self.middle + 1)
        return replace(
            self, thresholds=self.thresholds[:, middle], deviations=self.deviations[middle]
        )

    @property
    def low(self) -> float:
        """Energy below which no Z' can bring an event into the window, GeV."""
        top = float(self.thresholds.max())
        edge = top + _REACH * float(self.sigma(np.array(top)))
        least = round(float(self.contained.min()), 2)  # what _REACH leaves room for
        return max(self.energy - edge / max(least, 0.01), 0.05 * self.energy)

    def sigma(self, deposit: Array) -> Array:
        """Standard deviation of the energy seen, GeV, at an energy left in the target."""
        e = np.maximum(deposit, 0.0)
        if self.truth:
            return np.full(np.shape(e), 1e-4 * self.energy)
        square = self.stochastic**2 * e + (self.constant * e) ** 2 + self.spread**2
        return np.sqrt(np.maximum(square, (1e-4 * self.energy) ** 2))

    def width(self, threshold: Array, deviation: Array) -> Array:
        """`sigma` at the true deposit that is seen at `threshold` after that many deviations."""
        sigma = self.sigma(threshold + 0.0 * deviation)
        for _ in range(2):
            sigma = self.sigma(threshold - sigma * deviation)
        return sigma

    def passes(self, boson_energy: Array, threshold: Array | float) -> Array:
        """Chance that events with these Z' energies, GeV, are seen below the threshold.

        boson_energy, threshold : broadcast together.
        """
        from scipy.special import ndtr

        total = 0.0
        for fraction in self.contained:
            deposit = fraction * (self.energy - boson_energy)
            total = total + ndtr((threshold - deposit) / self.sigma(deposit))
        return np.asarray(total / len(self.contained))

    def boson_energies(self, threshold: Array, deviation: Array) -> Array:
        """Z' energies, GeV, of events seen at the threshold after `deviation` standard
        deviations: one for each fraction that stays, in a new last axis."""
        left = threshold - self.width(threshold, deviation) * deviation
        return np.asarray(self.energy - left[..., None] / self.contained)


def _threshold(experiment: Experiment) -> float | None:
    """Upper edge of the energy seen that the cuts state, GeV."""
    edge = highest_energy_left(experiment.cuts, experiment.beam.energy)
    return edge if edge < math.inf else None


def _resolution(experiment: Experiment) -> tuple[float, float]:
    if experiment.target.active:
        return experiment.target.resolution, experiment.target.resolution_constant
    for item in experiment.detector.calorimeter:
        if item.kind == "ecal":
            return item.resolution, item.resolution_constant
    raise MutauError(
        "nothing measures the energy left: the target is not active and there is no calorimeter "
        "of kind 'ecal'",
        place=f"{experiment.name}: target/active",
        remedy="write active = true, or add the calorimeter",
    )


@lru_cache(maxsize=64)
def window(experiment: Experiment, truth: bool = False) -> EnergyWindow:
    """The window of an experiment file: runs/threshold, or a cut on the energy seen.

    Cuts on `ecal_energy` or (thin target) `electron_energy` (max) and on `e_miss` (min) count for
    periods without a threshold of their own. truth : sharp cuts, efficiency 1, nothing leaves the
    target.
    Raises MutauError, located, where a threshold, an exposure or a calorimeter is missing.
    """
    beam, common = experiment.beam, _threshold(experiment)
    rows: list[tuple[Any, ...]] = []
    if experiment.runs:
        for index, run in enumerate(experiment.runs):
            edge = run.threshold if run.threshold is not None else common
            rows.append(
                (
                    run.name, run.particles, run.efficiency, run.efficiency_error, edge,
                    run.threshold_error, f"runs[{index}]/threshold",
                )
            )  # fmt: skip
    elif beam.particles is None:
        raise MutauError(
            "the experiment states no number of particles on target",
            place=f"{experiment.name}: beam",
            remedy="write for example particles = 1e11",
        )
    else:
        rows.append(("all", beam.particles, 1.0, 0.0, common, 0.0, "cuts"))
    for row in rows:
        if row[4] is None or not 0.0 < row[4] < beam.energy:
            raise MutauError(
                f"no threshold on the energy seen for {row[0]!r}"
                if row[4] is None
                else f"threshold = {row[4]:g} GeV of {row[0]!r}",
                place=f"{experiment.name}: {row[6]}",
                allowed=f"between 0 and the beam energy, {beam.energy:g} GeV",
                remedy='write threshold = "50 GeV" in the run, or a cut on ecal_energy or e_miss',
            )
    names, particles, kappa, kappa_err, edges, errors, _ = zip(*rows, strict=True)
    thresholds, error = np.array(edges, float), np.array(errors, float)
    deviations = DEVIATIONS if np.any(error > 0.0) and not truth else np.zeros(1)
    grid = np.clip(
        thresholds[:, None] + error[:, None] * deviations, 1e-3 * beam.energy, 0.999 * beam.energy
    )
    stochastic, constant = _resolution(experiment)
    kept = WHOLE if truth else containment(experiment)
    constant = float(np.hypot(constant, round(kept.spread, 3)))  # less is no matter
    ones = np.ones(len(rows))
    preshower = window_of(experiment.cuts, "preshower_energy")[0]
    return EnergyWindow(
        beam.energy, stochastic, constant, beam.energy_spread * beam.energy, truth, tuple(names),
        np.array(particles, float), ones if truth else np.array(kappa, float),
        0.0 * ones if truth else np.array(kappa_err, float), grid, deviations,
        max(preshower if experiment.target.active else 0.0, 0.0), kept.classes,
    )  # fmt: skip
