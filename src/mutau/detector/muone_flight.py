"""From the vertex to the detectors of MUonE: what is described, and who hits what.

`Response` says what a set-up measures; `Rays` are straight lines from the vertices; `calorimeter`
gives the energy that arrives of the electron, `tracks` the fitted lines of a station.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, require_in_range
from mutau.detector.muone_downstream import Downstream, arrive
from mutau.detector.muone_station import common_vertex, draw_lines, place_errors
from mutau.matter.materials import Material

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Share of the events whose resolutions are drawn wider where rare tails are wanted (`Normals`).
WIDE_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class MuonFilter:
    """Counters behind an absorber that a muon must reach: z, cm, half width and height, cm."""

    z: float
    half_width: float
    half_height: float


@dataclass(frozen=True, slots=True)
class OtherMuons:
    """Beam muons of the same gate: their mean number, and what one leaves in a shower's crystals,
    GeV."""

    mean: float
    deposit: float


@dataclass(frozen=True, slots=True)
class Response:
    """What the set-up measures, and how well.

    ecal_z : cm, front of the calorimeter. ecal_width, ecal_height : cm.
    ecal_stochastic, ecal_constant : a and c of sigma_E / E = sqrt(a^2 / (E / GeV) + c^2).
    separation : rad; a photon nearer to the electron than this adds to its energy.
    threshold : GeV, smallest photon energy that the veto sees.
    muon_angle, electron_angle : rad, rms per projection, of the tracks.
    muon_momentum : relative rms of a muon spectrometer; 0 means that there is none, and the
        reconstructed muon is given the beam's momentum, of no meaning but its direction.
    incoming_momentum : relative rms with which the beam muon's momentum is known: the resolution
        of a beam spectrometer, or the spread of the beam. Events have the nominal energy and the
        measured one is smeared; what the spread does to the cross section is of second order.
    spot, divergence : cm and rad, rms per projection, of the beam at z = 0.
    target, thickness : material and cm of one station; scattering of muon and electron in the
        station that is struck, at an even depth. None: no scattering.
    noise : GeV, rms of a shower's crystals.
    downstream : planes and pieces behind; None: angles as stated, nothing before the calorimeter.
    muon_filter : what the muon must reach, or None. others : muons of the gate, or None.
    Raises OutOfRange for a negative number.
    """

    ecal_z: float
    ecal_width: float
    ecal_height: float
    ecal_stochastic: float = 0.0
    ecal_constant: float = 0.0
    separation: float = 0.0
    threshold: float = 0.0
    muon_angle: float = 0.0
    electron_angle: float = 0.0
    muon_momentum: float = 0.0
    incoming_momentum: float = 0.0
    spot: float = 0.0
    divergence: float = 0.0
    target: Material | None = None
    thickness: float = 0.0
    noise: float = 0.0
    downstream: Downstream | None = None
    muon_filter: MuonFilter | None = None
    others: OtherMuons | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if name not in ("target", "downstream", "muon_filter", "others"):
                require_in_range(name, getattr(self, name), 0.0, math.inf)
        if (self.target is None) != (self.thickness == 0.0):
            raise MutauError("a target needs material and thickness", allowed="both or neither")

    def energy_sigma(self, energy: ArrayLike) -> Array:
        """Rms of the calorimeter's energy, GeV, at energies in GeV (array_like)."""
        energy = np.asarray(energy, float)
        relative = self.ecal_stochastic**2 * energy + (self.ecal_constant * energy) ** 2
        return np.sqrt(relative + self.noise**2)


class Normals:
    """Standard normal numbers for N events; where tails are wanted, some are drawn wider.

    rng : the generator. n : events. stretch : 1 for plain numbers; else each call draws those of
    a share `WIDE_SHARE` of the events that much wider, and `weight` (N,) makes up for it.
    Check: weighted moments are those of the normal distribution.
    """

    def __init__(self, rng: np.random.Generator, n: int, stretch: float = 1.0) -> None:
        require_in_range("stretch", stretch, 1.0, 5.0)
        self.rng, self.n, self.stretch = rng, n, stretch
        self.weight = np.ones(n)

    def __call__(self, columns: int) -> Array:
        """(N, columns), stretched together."""
        z = self.rng.standard_normal((self.n, columns))
        if self.stretch > 1.0:
            z[self.rng.random(self.n) < WIDE_SHARE] *= self.stretch
            square = 0.5 * np.sum(z * z, axis=1)
            wide = np.exp(square * (1.0 - self.stretch**-2)) / self.stretch**columns
            self.weight = self.weight / (1.0 - WIDE_SHARE + WIDE_SHARE * wide)
        return z


@dataclass(frozen=True, slots=True)
class Rays:
    """Incoming muons of N events: place (N, 2) cm at the vertex, slope (N, 2), and its z (N,)."""

    place: Array
    tilt: Array
    z: Array

    @classmethod
    def of(cls, response: Response, z: Array, normals: Normals, rng: np.random.Generator) -> Rays:
        """Those of the beam at vertices z (N,), cm."""
        spot = response.spot * normals(2)
        tilt = response.divergence * rng.standard_normal((len(z), 2))
        return cls(spot + tilt * z[:, None], tilt, z)

    def at(self, momentum: Array, z: float) -> Array:
        """(N, 2) places at z, cm, of particles of these momenta (N, 4) along the muon."""
        slope = momentum[:, 1:3] / np.where(momentum[:, 3] > 0.0, momentum[:, 3], 1.0)[:, None]
        return np.asarray(self.place + (slope + self.tilt) * (z - self.z)[:, None])

    def hits(self, response: Response, momentum: Array, beside: ArrayLike = 0.0) -> Mask:
        """Which particles (N, 4) hit the calorimeter, `beside` (N, 2) cm their straight line."""
        place = self.at(momentum, response.ecal_z) + np.asarray(beside, float)
        inside = (np.abs(place[:, 0]) <= 0.5 * response.ecal_width) & (
            np.abs(place[:, 1]) <= 0.5 * response.ecal_height
        )
        return np.asarray(inside & (momentum[:, 3] > 0.0))

    def kept(self, response: Response, muon: Array) -> Array:
        """Chance (N,) that both tracks are found and the muon reaches its filter."""
        chance = np.ones(len(muon))
        if response.downstream is not None:
            chance *= response.downstream.station.track_efficiency**2
        wanted = response.muon_filter
        if wanted is not None:
            place = np.abs(self.at(muon, wanted.z))
            inside = np.all(place <= [wanted.half_width, wanted.half_height], axis=1)
            chance = np.where(inside, chance, 0.0)
        return chance


@dataclass(frozen=True, slots=True)
class Caught:
    """Energy (N,) GeV that arrives of the electron, before resolution; whether the calorimeter sees
    it; measured energy (N,) GeV of another shower above threshold, 0 without."""

    energy: Array
    seen: Mask
    apart: Array


def calorimeter(
    response: Response,
    rays: Rays,
    electron: Array,
    rng: np.random.Generator,
    radiates: Mask | None = None,
) -> Caught:
    """What the calorimeter gets of electrons (N, 4). radiates : as in `Origin`."""
    n = len(electron)
    apart = np.zeros(n)
    if response.downstream is None:
        seen = rays.hits(response, electron)
        return Caught(np.where(seen, electron[:, 0], 0.0), seen, apart)
    found = arrive(response.downstream, electron[:, 0], rays.z, rng)
    whole = np.ones(n, bool) if radiates is None else radiates
    beside = np.where(whole[:, None], found.place, 0.0)
    seen = rays.hits(response, electron, beside)
    energy = np.where(whole, found.energy, electron[:, 0])
    other = np.where(whole & (found.apart > response.threshold), found.apart, 0.0)
    apart = np.where(other > 0.0, measured(other, response, Normals(rng, n)), 0.0)
    if response.others is not None:
        place = rays.at(electron, response.ecal_z) + beside
        energy = energy + response.others.deposit * _muons_near(response, place, rng)
    return Caught(np.where(seen, energy, 0.0), seen, np.where(seen, apart, 0.0))


def _muons_near(response: Response, place: Array, rng: np.random.Generator) -> Array:
    """(N,) other muons of the gate within a shower's radius of `place` (N, 2), cm."""
    assert response.others is not None
    assert response.downstream is not None
    count = rng.poisson(response.others.mean, len(place))
    width = math.hypot(response.spot, response.divergence * response.ecal_z)
    found = np.zeros(len(place))
    for k in range(int(count.max(initial=0))):
        more = np.flatnonzero(count > k)
        away = place[more] - width * rng.standard_normal((len(more), 2))
        found[more] += np.hypot(*away.T) < response.downstream.radius
    return found


def tracks(
    response: Response,
    muon: Array,
    electron: Array,
    rays: Rays,
    normals: Normals,
    displaced: Array | None = None,
) -> tuple[Array, Array]:
    """Vertex and kink of fitted lines; turns muon and electron (N, 4) in place to what is measured.

    displaced : as in `Origin`.
    """
    row = response.downstream
    assert row is not None
    rng, n = normals.rng, normals.n
    plain = Normals(rng, n)
    momentum = np.linalg.norm(electron[:, 1:], axis=1)
    lines = draw_lines(row.station, momentum, (normals(4), normals(4), plain(4)))
    pitch = row.station.distance or 1.0
    depth = (rays.z - row.first) % pitch - row.station.middle
    beside = np.zeros((2, n, 2)) if displaced is None else displaced
    places, slopes = [lines[0].place], [lines[0].slope]
    for particle, error, away in zip((muon, electron), lines[1:], beside, strict=True):
        slope = particle[:, 1:3] / np.maximum(particle[:, 3], 1e-9)[:, None]
        places.append(away - slope * depth[:, None] + error.place)
        slopes.append(slope + error.slope)
        kick(particle, error.slope - lines[0].slope)
    errors = place_errors(row.station, np.maximum(momentum, 1e-3))
    return common_vertex(np.array(places), np.array(slopes), errors)


def measured(energy: Array, response: Response, normals: Normals) -> Array:
    """Energies (N,) as the calorimeter gives them, GeV, not below 0."""
    smeared = energy + response.energy_sigma(energy) * normals(1)[:, 0]
    return np.maximum(smeared, 0.0)


def kick(p4: Array, angles: Array) -> None:
    """Turn momenta by small angles (N, 2) about the transverse axes, in place."""
    size = np.linalg.norm(p4[:, 1:], axis=1)
    p4[:, 1:3] += size[:, None] * angles
    p4[:, 3] = np.sqrt(np.maximum(size**2 - p4[:, 1] ** 2 - p4[:, 2] ** 2, 0.0))
