"""Deposits of through-going muons in the hadronic calorimeter: chance to stay below a cut.

Ionisation by Landau's distribution, whose sums over layers, modules and muons are Landau again;
radiation as the chance of no collision above what is left. Deposited energy is taken as seen: the
sampling by thin layers adds 3 % to a muon, half of Landau's width on the low side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_MU
from mutau.core.units import PB_CM2
from mutau.matter.landau import LANDAU_MODE, landau_parameters, most_probable
from mutau.matter.materials import Material, material
from mutau.matter.muon_cross_sections import PROCESSES, moment

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

_GRID: Final = np.geomspace(5.0, 300.0, 10)


def _modules(experiment: Experiment, kind: str = "hcal") -> list[tuple[str, Material, float]]:
    return [
        (item.name, material(item.material), item.length)
        for item in experiment.detector.calorimeter
        if item.kind == kind
    ]


def muon_in_hcal(experiment: Experiment, names: Iterable[str]) -> float:
    """Most probable loss of a muon in the HCAL's modules of these names, GeV."""
    wanted = set(names)
    return most_probable(item for item in _modules(experiment) if item[0] in wanted)


def muon_vetoes(experiment: Experiment, limit: float) -> tuple[str, ...]:
    """Modules of the VHCAL in which a muon leaves more than the cut of `limit` GeV: crossing one
    fails the selection. None without a cut."""
    return tuple(part[0] for part in _modules(experiment, "vhcal") if most_probable([part]) > limit)


def ionisation_below(
    experiment: Experiment,
    limit: float,
    energy: Array,
    crossed: Mapping[str, NDArray[np.bool_] | Array],
    kind: str = "hcal",
) -> Array:
    """(N,) chance that the muons of an event ionise no more than `limit` GeV in the modules of a
    kind.

    energy : (N, K) GeV of K muons. crossed : module name -> (N, K), the fraction of the module's
    length that a muon goes through; bool for all or none. A muon leaves no more than its energy.
    Check: half a chance near the sum of the most probable losses.
    """
    from scipy.stats import landau

    mu, xi = np.zeros(len(energy)), np.zeros(len(energy))
    stopped = np.zeros(len(energy))
    for name, medium, length in _modules(experiment, kind):
        one_mu, one_xi = landau_parameters(medium, length)
        part = np.asarray(crossed[name], float)
        least = part * (one_mu + one_xi * np.log(np.where(part > 0.0, part, 1.0) * one_xi))
        through = energy > 2.0 * least
        mu += one_mu * np.sum(part * through, axis=1)
        xi += one_xi * np.sum(part * through, axis=1)
        stopped += np.where((part > 0.0) & ~through, energy - M_MU, 0.0).sum(axis=1)
    some = np.where(xi > 0.0, xi, 1.0)
    mode = np.where(xi > 0.0, mu + xi * np.log(some), 0.0)
    left = limit - stopped - mode
    chance = landau.cdf(left / some + LANDAU_MODE)
    return np.where(xi > 0.0, chance, (stopped <= limit).astype(float))


@lru_cache(maxsize=256)
def _radiation(medium: Material, energy: float, least: float) -> float:
    """Radiative collisions per cm of a muon that cost more than `least` GeV."""
    return sum(
        atoms * PB_CM2 * float(moment(process, 0, energy, item, low=min(least / energy, 1.0)))
        for item, atoms in medium.atoms_per_cm3
        for process in PROCESSES
    )


def crossing_patterns(
    experiment: Experiment, crossed: Mapping[str, NDArray[np.bool_]]
) -> list[tuple[tuple[str, ...], NDArray[np.bool_]]]:
    """(modules of the HCAL that are crossed, (N,) bool who crosses just these), of those met.

    crossed : module name -> (N,) bool.
    """
    names = [name for name, _, _ in _modules(experiment)]
    if not names:
        return []
    columns = np.column_stack([crossed[name] for name in names])
    return [
        (tuple(np.array(names)[row].tolist()), np.asarray(np.all(columns == row, axis=1)))
        for row in np.unique(columns, axis=0)
    ]


def mip_probability(
    experiment: Experiment,
    energy: ArrayLike,
    limit: float,
    crossed: Mapping[str, NDArray[np.bool_]] | None = None,
) -> Array:
    """Chance that one muon of `energy` (GeV, (N,)) leaves at most `limit` GeV in the HCAL.

    crossed : module name -> (N,) bool, what each muon goes through; None for all modules.
    Ionisation as `ionisation_below`, times exp(-radiative collisions above what the most probable
    loss leaves). Error 3 % (radiative losses add up below that). Check: 1 without a cut, and for a
    muon that meets no module.
    """
    energy = np.asarray(energy, float)
    chance = np.ones(energy.shape)
    if not math.isfinite(limit):
        return chance
    if crossed is None:
        crossed = {name: np.ones(len(energy), bool) for name, _, _ in _modules(experiment)}
    for names, rows in crossing_patterns(experiment, crossed):
        if names:
            chance[rows] = _mip_through(experiment, names, energy[rows], limit)
    return chance


def _mip_through(
    experiment: Experiment, names: tuple[str, ...], energy: Array, limit: float
) -> Array:
    """`mip_probability` of muons that all go through the modules of these names."""
    parts = [part for part in _modules(experiment) if part[0] in names]
    through = {
        name: np.full((len(energy), 1), name in names) for name, _, _ in _modules(experiment)
    }
    ionised = ionisation_below(experiment, limit, energy[:, None], through)
    least = max(limit - most_probable(parts), 0.3)
    hard = [
        sum(length * _radiation(medium, float(e), least) for _, medium, length in parts)
        for e in _GRID
    ]
    return np.asarray(ionised * np.exp(-np.interp(energy, _GRID, hard)))
