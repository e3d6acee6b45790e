"""What a combination gains over the best of its experiments, mass by mass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.analysis.combination import combined_limit, load_all
from mutau.analysis.limit import limit_curve
from mutau.analysis.loop import Progress, mass_grid, part_of
from mutau.analysis.settings import AS_STATED, Settings
from mutau.core.types import Exclusion
from mutau.models import Family
from mutau.signal.processes import takes_mass

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class CombinationGain:
    """Limits of several experiments alone and together, on one grid of masses.

    joint : all in one likelihood. alone : (E, M) coupling of each at the masses of `joint`, inf
    where it has no limit. alone_err : (E, M) its numerical error. experiments : (E,) names.
    """

    joint: Exclusion
    alone: Array
    alone_err: Array
    experiments: tuple[str, ...]

    @property
    def best(self) -> tuple[str, ...]:
        """(M,) name of the experiment with the strongest limit alone; "" where none has any."""
        rows = self.alone.argmin(axis=0)
        least = self.alone.min(axis=0)
        return tuple(
            self.experiments[row] if np.isfinite(value) else ""
            for row, value in zip(rows, least, strict=True)
        )

    @property
    def gain(self) -> Array:
        """(M,) best limit alone over the joint one; 1 where neither excludes anything.

        Check: two searches of the same sensitivity without background gain the root of 2 (in a
        coupling whose square the signal follows).
        """
        least = self.alone.min(axis=0)
        none = ~np.isfinite(least) & ~np.isfinite(self.joint.coupling)
        with np.errstate(invalid="ignore"):
            return np.where(none, 1.0, least / self.joint.coupling)

    @property
    def gain_err(self) -> Array:
        """(M,) numerical error of the gain; what both have in common is not taken off."""
        rows = self.alone.argmin(axis=0)
        place = np.arange(len(rows))
        with np.errstate(invalid="ignore", divide="ignore"):
            single = self.alone_err[rows, place] / self.alone[rows, place]
            joint = self.joint.numerical_err / self.joint.coupling
        return np.asarray(self.gain * np.hypot(np.nan_to_num(single), np.nan_to_num(joint)))

    def rows(self) -> list[dict[str, Any]]:
        """One per mass: what is best alone, each limit alone, and the gain; None for no limit."""
        return [
            {
                "mass_GeV": float(mass), "best": best, "gain": _number(gain),
                "gain_err": _number(err),
                "alone": {
                    name: _number(coupling)
                    for name, coupling in zip(self.experiments, column, strict=True)
                },
            }
            for mass, best, gain, err, column in zip(
                self.joint.mass, self.best, self.gain, self.gain_err, self.alone.T, strict=True
            )
        ]  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def combination_gain(
    names: Sequence[str | Experiment],
    masses: Sequence[float],
    family: Family | str = "lmu-ltau",
    *,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> CombinationGain:
    """Limits of several experiments together and of each alone, by the same method and level.

    Arguments and faults as `combined_limit`. An experiment that does not take a mass has no limit
    there. Check: the gain of a single experiment is 1.
    """
    experiments, family = load_all(names), Family.of(family)
    settings = replace(
        settings, cl=settings.level_of(experiments), method=settings.method_of(experiments)
    )
    parts = 1.0 + len(experiments)
    joint = combined_limit(
        experiments, masses, family, settings=settings, progress=part_of(progress, 0.0, 1.0 / parts)
    )
    alone = np.full((len(experiments), len(joint.mass)), np.inf)
    errors = np.zeros_like(alone)
    for i, item in enumerate(experiments):
        able = [mass for mass in mass_grid(joint.mass) if takes_mass(item, mass)]
        if not able:
            continue
        part = part_of(progress, (i + 1.0) / parts, (i + 2.0) / parts)
        line = limit_curve(item, able, family, settings=settings, progress=part)
        place = np.searchsorted(joint.mass, line.mass)
        alone[i, place], errors[i, place] = line.coupling, line.numerical_err
    return CombinationGain(joint, alone, errors, tuple(item.name for item in experiments))
