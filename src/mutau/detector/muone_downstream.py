"""What the calorimeter sees of an electron that has stations of target and silicon before it.

The electron radiates and scatters in the rest of its piece of the target, in the planes behind and
in all further stations; its photons convert. What arrives near the hardest particle makes its
energy, the hardest of the rest a photon of its own, which a veto sees. Showers are simulated once
per set-up at some energies and stations, and drawn from these.

Bremsstrahlung and pairs by their complete-screening spectra (Tsai), Highland's scattering, the mean
ionisation of a muon of 10 GeV (within 10 % that of an electron). Good to some 10 % of what is
radiated; particles below 20 MeV are lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.random import stream
from mutau.core.records import Records, zeros
from mutau.detector.muone_station import Station
from mutau.matter.materials import Material
from mutau.matter.muon_energy_loss import stopping_power_parts

if TYPE_CHECKING:
    from mutau.detector.muone_downstream_kernels import Layers, Seen

Array = NDArray[np.float64]

_ENERGIES: Final = np.geomspace(0.2, 200.0, 16)  # GeV
_STATIONS: Final = 8
_SHOWERS: Final = 400
_KEY: Final = 61
_MINIMUM: Final = 10.0  # GeV


@dataclass(frozen=True, slots=True)
class Downstream:
    """The row of stations before the calorimeter.

    station : planes behind each piece. target, thickness : of a piece, cm. count : pieces.
    first : cm, front of the first. end : cm, front of the calorimeter. radius : cm, distance
    within which energy is one shower's.
    """

    station: Station
    target: Material
    thickness: float
    count: int
    first: float
    end: float
    radius: float

    def radiation_lengths(self) -> float:
        """Matter from the front of the first piece to the calorimeter, in radiation lengths."""
        return float(np.sum(layers(self).thickness))


def layers(setup: Downstream) -> Layers:
    """Pieces and planes as thin layers, by rising z."""
    from mutau.detector.muone_downstream_kernels import Layers

    rows = []
    for i in range(setup.count):
        front = setup.first + i * setup.station.distance
        rows.append((front + 0.5 * setup.thickness, setup.target, setup.thickness))
        rows += [(front + p.z, p.medium, p.thickness) for p in setup.station.planes]
    rows.sort(key=lambda row: row[0])
    loss = {m: float(stopping_power_parts(_MINIMUM, m).ionisation) for _, m, _ in rows}
    return Layers(
        np.array([z for z, _, _ in rows]),
        np.array([cm / m.radiation_length_cm for _, m, cm in rows]),
        np.array([loss[m] * cm for _, m, cm in rows]),
        setup.end,
    )


@lru_cache(maxsize=8)
def _library(setup: Downstream) -> tuple[Array, Records[Seen]]:
    """Stations that stand for all, and what is seen: energies x stations x showers records."""
    from mutau.detector.muone_downstream_kernels import ROOM, Flying, Seen, fill

    chosen = np.unique(np.round(np.linspace(0, setup.count - 1, _STATIONS)).astype(np.int64))
    matter = layers(setup)
    middle = setup.first + 0.5 * setup.thickness + chosen * setup.station.distance
    firsts = np.searchsorted(matter.z, middle - 1e-9)
    energy = np.repeat(_ENERGIES, len(chosen) * _SHOWERS)
    first = np.tile(np.repeat(firsts, _SHOWERS), len(_ENERGIES))
    out = zeros(Seen, len(energy))
    rooms = zeros(Flying, ROOM), zeros(Flying, ROOM)
    fill(energy, first, setup.radius, matter, setup.thickness, rooms, stream(1, _KEY), out)
    return chosen.astype(float), out


@dataclass(frozen=True, slots=True)
class Arrived:
    """Of N electrons: energy (N,) GeV of the shower, place (N, 2) cm beside their line, energy
    (N,) GeV of the hardest other shower."""

    energy: Array
    place: Array
    apart: Array


def arrive(setup: Downstream, energy: Array, z: Array, rng: np.random.Generator) -> Arrived:
    """What arrives of electrons of `energy` (N,) GeV made at `z` (N,) cm.

    Between the energies and stations simulated one of both is drawn by nearness; energies scale
    with the electron's, places with its inverse.
    Check: no station behind gives the energy itself but for the rest of the piece.
    """
    chosen, showers = _library(setup)
    at = np.clip(energy, _ENERGIES[0], _ENERGIES[-1])
    step = math.log(_ENERGIES[1] / _ENERGIES[0])
    i = _nearby(np.log(at / _ENERGIES[0]) / step, len(_ENERGIES), rng)
    piece = np.floor((z - setup.first + 1e-9) / setup.station.distance)
    j = _nearby(np.interp(piece, chosen, np.arange(float(len(chosen)))), len(chosen), rng)
    number = (i * len(chosen) + j) * _SHOWERS + rng.integers(0, _SHOWERS, len(energy))
    found, scale = showers[number], energy / _ENERGIES[i]
    place = np.stack([found["x"], found["y"]], axis=1) / scale[:, None]
    return Arrived(found["energy"] * scale, place, found["apart"] * scale)


def _nearby(place: Array, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole numbers around `place`, drawn so that their mean is it, in [0, n)."""
    low = np.floor(place)
    up = rng.random(len(place)) < place - low
    return np.clip(low + up, 0, n - 1).astype(np.int64)
