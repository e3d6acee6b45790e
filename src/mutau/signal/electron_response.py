"""Showers with a Z' emission in an active target: what the pre-shower sees, by Monte Carlo.

One sample serves every mass. Emitters are drawn in proportion to their track length and the energy
fraction x evenly in cells of ln(x/(1-x)); a mass enters as a weight, the cross section of the cell
over its fraction of the proposals. What is left of the shower does not know the mass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.core.code_digest import code_digest
from mutau.core.storage import cached_arrays, digest
from mutau.matter import material
from mutau.signal.electron_emission import AnnihilationEmission, BremsEmission
from mutau.signal.electron_tracks import thickness

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.transport.shower import EmissionSample, ShowerGeometry

Array = np.ndarray

DEFAULT_SHOWERS: Final = 4000
#: Particles below this energy (GeV) stay where they are: the lowest that the cross sections allow.
#: Photons of a few MeV in truth go on, so the pre-shower still sees too much: from 10 to 5 MeV the
#: events below 0.3 GeV there grow by a tenth (docs/validation/na64e.md).
SHOWER_CUT: Final = 0.005
CELLS: Final = 48
X_TOP: Final = 0.9999  # the last cell reaches from here to 1
POSITRON_RATE: Final = 8.0  # annihilations drawn per X0, over emissions of bremsstrahlung
_BUILDING: Final = Lock()  # one thread makes the sample, the others wait for it


@dataclass(frozen=True, slots=True, eq=False)
class TargetResponse:
    """Sample of emissions; one row each.

    number : (N,) emissions per beam particle that a row stands for, over rate times X0.
    annihilated : (N,) bool. energy, boson_energy : (N,) GeV of emitter and Z'. low, high : (N,)
    ends of the row's cell in x. preshower : (N,) GeV. depth : (N,) of the emission, X0.
    """

    number: Array
    annihilated: Array
    energy: Array
    boson_energy: Array
    low: Array
    high: Array
    preshower: Array
    depth: Array

    def weights(
        self, brems: BremsEmission | None, annihilation: AnnihilationEmission | None
    ) -> Array:
        """(N,) expected Z' per beam particle of each row, summing to the yield of this sample.

        brems : at coupling 1. A source that is None counts nothing.
        """
        weight = np.zeros(len(self.number))
        if brems is not None:
            b = ~self.annihilated
            e = self.energy[b]
            cell = brems.table.above(e, self.low[b] * e) - brems.table.above(e, self.high[b] * e)
            weight[b] = brems.atoms * np.maximum(cell, 0.0) * CELLS
        if annihilation is not None:
            a = self.annihilated
            weight[a] = annihilation.rate(self.energy[a]) / POSITRON_RATE
        return weight * self.number


def preshower_passes(seen: Array, threshold: float, stochastic: float) -> Array:
    """Chance (N,) that energies `seen` in the pre-shower, GeV, are read above the threshold.

    Gaussian of the calorimeter's width at the threshold.
    """
    from scipy.special import ndtr

    width = max(stochastic * np.sqrt(threshold), 1e-3 * threshold)
    return np.asarray(ndtr((seen - threshold) / width))


def proposal(x_low: float) -> Array:
    """(CELLS + 1,) ends of the cells in x = E_Z'/E."""
    ends = np.linspace(np.log(x_low / (1.0 - x_low)), np.log(X_TOP / (1.0 - X_TOP)), CELLS)
    return np.append(1.0 / (1.0 + np.exp(-ends)), 1.0)


def layout(front: float, thickness: float, low: float) -> ShowerGeometry:
    """Pre-shower of `front` X0 and the rest. Behind the pre-shower only what can still emit, above
    `low` GeV, is followed: nothing goes backwards here. The other energy counts as leakage."""
    from mutau.transport.shower import ShowerGeometry

    if front <= 0.0:
        return ShowerGeometry(sections=np.array([0.0, thickness]))
    return ShowerGeometry(sections=np.array([0.0, front, thickness]), far=(front, low))


def response(experiment: Experiment, low: float, n: int, seed: int) -> TargetResponse:
    """Sample for emitters above `low` GeV; kept in memory and in the cache folder."""
    with _BUILDING:
        return _response(experiment, low, n, seed)


@lru_cache(maxsize=8)
def _response(experiment: Experiment, low: float, n: int, seed: int) -> TargetResponse:
    target = experiment.target
    x0 = material(target.material).radiation_length_cm
    front = target.preshower.cm(x0) / x0 if target.preshower else 0.0
    key = digest(
        code_digest(__name__), repr(material(target.material)), experiment.beam.particle,
        experiment.beam.energy, thickness(experiment), front, low, n, seed,
    )  # fmt: skip
    arrays = cached_arrays(
        "electron-response", key, lambda: _simulate(experiment, front, low, n, seed)
    )
    return TargetResponse(**{name: arrays[name] for name in TargetResponse.__dataclass_fields__})


def _simulate(
    experiment: Experiment, front: float, low: float, n: int, seed: int
) -> dict[str, Array]:
    from mutau.transport.shower import Emission, Shower, simulate_emissions

    beam, t = experiment.beam, thickness(experiment)
    ends = proposal(low / beam.energy)
    energies, flat = np.array([low, 1.001 * beam.energy]), np.ones(2)
    channels = [
        Emission("brems", ("e-", "e+"), energies, flat, np.tile(ends, (2, 1))),
        Emission("annihilation", ("e+",), energies, POSITRON_RATE * flat),
    ]
    geometry = layout(front, t, low)
    found = simulate_emissions(
        Shower(beam.particle, beam.energy, material(experiment.target.material), cut=SHOWER_CUT),
        n,
        channels,
        geometry=geometry,
        seed=seed,
        key=(7,),
        workers=2,
    )
    made = found.weight > 0.0
    columns = response_columns(found, ends, low, n)
    return {name: np.asarray(column)[made] for name, column in columns.items()}


def response_columns(found: EmissionSample, ends: Array, low: float, n: int) -> dict[str, Array]:
    """Columns (n,) of `TargetResponse` of n showers with emissions by `proposal`; rows without a
    possible emission have `number` 0. The pre-shower is the first section and ring."""
    annihilated = found.channel == 1
    x = np.where(annihilated, ends[0], found.boson_energy / np.maximum(found.emitter_energy, low))
    cell = np.clip(np.searchsorted(ends, x, side="right") - 1, 0, CELLS - 1)
    return {
        "number": found.weight / n,
        "annihilated": annihilated,
        "energy": found.emitter_energy,
        "boson_energy": found.boson_energy,
        "low": ends[cell],
        "high": ends[cell + 1],
        "preshower": found.deposits[:, 0, 0],
        "depth": found.position[:, 0],
    }
