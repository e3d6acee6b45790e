"""Muon pairs made in an active target by a beam muon: how many, by which way, with what energy.

Two kinds: by real photons of showers that the muon starts (bremsstrahlung, e+e- pairs, knock-on
electrons), counted with the exact mean track length of photons in the cascade; and directly, by
virtual photons (`reactions.muon_pairs`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.units import PB_CM2
from mutau.matter.materials import Material, material
from mutau.matter.muon_cross_sections import differential, knock_on, max_knock_on
from mutau.matter.nucleus import Nucleus
from mutau.reactions.muon_pairs import (
    photon_total,
    radiative_differential,
    trident_differential,
)

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

#: Elements that make less than this fraction of the pairs (by Z^2 per volume) are left out.
_MINOR: Final = 0.02
#: Lowest energy of a photon or electron whose shower is asked for pairs, GeV.
LOWEST: Final = 1.0
FORM_FACTOR: Final = "elastic+inelastic"
_GRID: Final = 60


@dataclass(frozen=True, slots=True)
class PairProduction:
    """Muon pairs per beam muon in the whole target.

    bremsstrahlung, electron_pairs, knock_on : by real photons of showers that each of these starts.
    two_photon, radiative : directly, by the two kinds of diagrams. v : (G,) energy of the pair over
    the muon's. density : (G,) pairs per beam muon and ln v, real photons counted in the first
    generation only; direct_density : of them by the two-photon diagrams. err : relative, of the
    physics put in.
    """

    bremsstrahlung: float
    electron_pairs: float
    knock_on: float
    two_photon: float
    radiative: float
    v: Array
    density: Array
    direct_density: Array
    err: float

    @property
    def real(self) -> float:
        """Pairs by real photons."""
        return self.bremsstrahlung + self.electron_pairs + self.knock_on

    @property
    def direct(self) -> float:
        """Pairs by virtual photons (trident)."""
        return self.two_photon + self.radiative

    def others(self, v: Array) -> Array:
        """All pairs over those of the two-photon diagrams, at v (any shape)."""
        ratio = np.log(self.density / self.direct_density)
        return np.asarray(np.exp(np.interp(_logit(v), _logit(self.v), ratio)))

    def above(self, share: float) -> float:
        """Pairs with more than this fraction of the muon's energy (below 1)."""
        v = np.geomspace(max(share, float(self.v[0])), float(self.v[-1]), 500)
        density = np.exp(np.interp(_logit(v), _logit(self.v), np.log(self.density)))
        return float(np.trapezoid(density, np.log(v)))


def _logit(v: Array) -> Array:
    return np.asarray(np.log(v / (1.0 - v)))


def main_elements(medium: Material) -> list[tuple[Nucleus, float]]:
    """(nucleus, atoms per cm^3) of the elements that matter."""
    whole = sum(n * e.z**2 for e, n in medium.atoms_per_cm3)
    return [
        (Nucleus.of(e, FORM_FACTOR), n)
        for e, n in medium.atoms_per_cm3
        if n * e.z**2 > _MINOR * whole
    ]


@lru_cache(maxsize=16)
def _photon_rate(medium: Material) -> tuple[Array, Array]:
    """(energy, muon pairs per cm of track of a photon) on a grid of 0.5 GeV to 1 TeV."""
    energy = np.geomspace(0.5, 1000.0, 40)
    rate = np.zeros(energy.shape)
    for nucleus, n in main_elements(medium):
        rate += n * PB_CM2 * photon_total(energy, nucleus)
    return energy, rate


@lru_cache(maxsize=16)
def _shower_pairs(medium: Material, particle: str, highest: float) -> tuple[Array, Array]:
    """(energy, muon pairs in the whole shower of one particle), LOWEST to `highest` GeV."""
    from mutau.transport.em_cascade import track_lengths

    energy = np.geomspace(1.05 * LOWEST, highest, 10)
    grid, rate = _photon_rate(medium)

    def pairs_per_cm(photon: Array) -> Array:
        return np.asarray(np.interp(photon, grid, rate))

    found = np.empty(energy.shape)
    for i, e in enumerate(energy):
        track = track_lengths(particle, float(e), medium, [0.5 * LOWEST, float(e)])
        found[i] = track.integrate(pairs_per_cm, "gamma")[0] * track.x0_cm
    return energy, found


def _yield(medium: Material, particle: str, highest: float, energy: Array) -> Array:
    grid, found = _shower_pairs(medium, particle, highest)
    return np.where(energy < LOWEST, 0.0, np.interp(energy, grid, found))


@lru_cache(maxsize=16)
def pair_production(experiment: Experiment) -> PairProduction:
    """Muon pairs per beam muon in the target of an experiment.

    Left out: what is made in the last radiation length by photons that leave (a few per cent).
    Errors: 25 % (the published parametrisation of the direct process lies so much above).
    Check: real photons, muons of 160 GeV on 40 X0 of lead: of the order 1e-7.
    """
    beam, medium = experiment.beam, material(experiment.target.material)
    length = experiment.target.thickness.cm(medium.radiation_length_cm)
    energy = beam.energy
    u, w = np.polynomial.legendre.leggauss(_GRID)

    def integral(low: float, high: float, function: Callable[[Array], Array]) -> float:
        span = np.log(high / low)
        v = low * np.exp(0.5 * span * (1.0 + u))
        return float(np.sum(0.5 * span * w * v * function(v)))

    def losses(process: str, v: Array) -> Array:
        total = np.zeros(v.shape)
        for item, atoms in medium.atoms_per_cm3:
            total += atoms * length * PB_CM2 * differential(process, v, energy, item)
        return total

    low, top = LOWEST / energy, 1.0 - 10.0 * M_MU / energy
    brems = integral(
        low,
        top,
        lambda v: losses("bremsstrahlung", v) * _yield(medium, "gamma", energy, v * energy),
    )
    pairs = integral(
        2.0 * low,
        top,
        lambda v: 2.0 * losses("pair", v) * _yield(medium, "e-", energy, 0.5 * v * energy),
    )
    struck = medium.electrons_per_cm3 * length * PB_CM2 * energy
    knocked = integral(
        low,
        float(max_knock_on(energy)) / energy,
        lambda v: struck * knock_on(v * energy, energy) * _yield(medium, "e-", energy, v * energy),
    )
    ends = np.log([8.0 * M_MU / energy, top / (1.0 - top)])
    v = 1.0 / (1.0 + np.exp(-np.linspace(ends[0], ends[1], _GRID)))
    two, radiated = np.zeros(v.shape), np.zeros(v.shape)
    for nucleus, n in main_elements(medium):
        scale = n * length * PB_CM2
        two += scale * trident_differential(v, energy, nucleus)
        whole = replace(nucleus, form_factor="elastic")
        radiated += scale * radiative_differential(v, energy, whole)
    from mutau.matter.em_processes_medium import medium as medium_of
    from mutau.transport.em_cascade import photon_mean_free_path

    free = photon_mean_free_path(energy, medium_of(medium)) * medium.radiation_length_cm
    first = losses("bremsstrahlung", v) * free * np.interp(v * energy, *_photon_rate(medium))
    return PairProduction(
        brems,
        pairs,
        knocked,
        float(np.trapezoid(two * v, np.log(v))),
        float(np.trapezoid(radiated * v, np.log(v))),
        v,
        v * (two + radiated + first),
        v * two,
        0.25,
    )
