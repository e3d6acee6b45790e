"""Fast response to muon-electron events: tracked angles, one electromagnetic calorimeter.

Turns true events (`reactions.muon_electron_events`) into the columns that the cut variables read:
angles from tracks before and behind the struck station, the electron's energy from the
calorimeter, and the energy of photons that the calorimeter tells apart from the electron. There
is no magnet: tracks are straight, and the muon's momentum is measured only where a spectrometer's
resolution is given.

Left out: energy loss and showers of electrons in the stations downstream, which spoil electrons
of a few GeV from upstream stations (footnote 5 of Phys. Rev. D 106, L051702), and the tails of the
calorimeter's response, taken as Gaussian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError, require_in_range
from mutau.core.types import Events
from mutau.matter.materials import Material

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_PHOTON: Final = 22
#: GeV. An electron struck harder makes hits of its own behind the station; such collisions are
#: left out of the scattering, as if the events were recognised.
LARGEST_DELTA_RAY: Final = 0.025
#: Share of the events whose resolutions are drawn wider where rare tails are wanted (`Normals`).
WIDE_SHARE: Final = 0.2


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

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if name != "target":
                require_in_range(name, getattr(self, name), 0.0, math.inf)
        if (self.target is None) != (self.thickness == 0.0):
            raise MutauError("a target needs material and thickness", allowed="both or neither")

    def energy_sigma(self, energy: ArrayLike) -> Array:
        """Rms of the calorimeter's energy, GeV, at energies in GeV (array_like)."""
        energy = np.asarray(energy, float)
        return np.sqrt(self.ecal_stochastic**2 * energy + (self.ecal_constant * energy) ** 2)


@dataclass(frozen=True, slots=True)
class Reconstructed:
    """Measured quantities of N events, z along the incoming muon's track.

    p_beam, p_muon, p_electron : (N, 4) float64, GeV; p_beam with the energy that is known, muon
    and electron as a direction times their energy. An electron that misses the calorimeter has
    energy and momentum 0. photon_energy : (N,) GeV, measured, of a photon told apart from the
    electron and above threshold; 0 without one. merged : (N,) bool, photon counted as electron.
    weight : (N,) float64, of the events.
    """

    p_beam: Array
    p_muon: Array
    p_electron: Array
    photon_energy: Array
    merged: Mask
    weight: Array

    @property
    def theta_mu(self) -> Array:
        """Angle of the scattered muon, (N,), rad."""
        return _polar(self.p_muon)

    @property
    def theta_e(self) -> Array:
        """Angle of the scattered electron, (N,), rad; 0 where it misses the calorimeter."""
        return _polar(self.p_electron)

    @property
    def electron_energy(self) -> Array:
        """Energy of the scattered electron, (N,), GeV; 0 where it misses the calorimeter."""
        return self.p_electron[:, 0]

    @property
    def acoplanarity(self) -> Array:
        """pi minus the azimuth between muon and electron, (N,), rad; 0 for elastic scattering."""
        x, y = self.p_muon[:, 1:3].T
        u, v = self.p_electron[:, 1:3].T
        return np.asarray(np.arctan2(np.abs(x * v - y * u), -(x * u + y * v)))

    @property
    def inelasticity(self) -> Array:
        """Squared mass recoiling against the electron minus m_mu^2, (N,), GeV^2.

        (p1 + p2 - p4)^2 - m_mu^2 from the beam and the electron alone: 0 for elastic
        scattering, at least (m_mu + m)^2 - m_mu^2 for a Z' of mass m.
        """
        return inelasticity(self.electron_energy, self.theta_e, self.p_beam[:, 0])

    @property
    def missing(self) -> Array:
        """Missing four-momentum, (N, 4), GeV; needs a muon spectrometer to mean anything."""
        return missing_momentum(self.p_beam, self.p_muon, self.p_electron)


def inelasticity(electron_energy: ArrayLike, theta_e: ArrayLike, beam_energy: ArrayLike) -> Array:
    """(p1 + p2 - p4)^2 - m_mu^2, GeV^2, from the electron's energy (GeV) and angle (rad).

    Energies below m_e count as m_e. Check: 0 on the elastic curve.
    """
    e4 = np.maximum(np.asarray(electron_energy, float), M_E)
    beam_energy = np.asarray(beam_energy, float)
    p1, p4 = np.sqrt(beam_energy**2 - M_MU**2), np.sqrt(e4**2 - M_E**2)
    half = np.sin(0.5 * np.asarray(theta_e, float)) ** 2
    along = (M_E**2 * beam_energy**2 + M_MU**2 * p4**2) / (beam_energy * e4 + p1 * p4)
    return np.asarray(2.0 * (M_E * (beam_energy + M_E - e4) - along - 2.0 * p1 * p4 * half))


def missing_momentum(p_beam: ArrayLike, p_muon: ArrayLike, p_electron: ArrayLike) -> Array:
    """p_beam + p_e(at rest) - p_muon - p_electron, (N, 4), GeV.

    Of each (N, 4) the energy and the direction count; the size of the momentum follows from the
    particle's mass, so that measured energies may be put in as they are. An energy below the mass
    counts as the mass. Source: K. Asai et al., Phys. Rev. D 106, L051702 (2022), section IV.
    Check: its square is the squared Z' mass, for true momenta.
    """
    missing = _on_shell(p_beam, M_MU) - _on_shell(p_muon, M_MU) - _on_shell(p_electron, M_E)
    missing[:, 0] += M_E
    return missing


def _on_shell(p4: ArrayLike, mass: float) -> Array:
    p4 = np.asarray(p4, float)
    energy = np.maximum(p4[:, 0], mass)
    size = np.linalg.norm(p4[:, 1:], axis=1)
    scale = np.sqrt(energy**2 - mass**2) / np.where(size > 0.0, size, 1.0)
    return np.column_stack([energy, p4[:, 1:] * scale[:, None]])


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


def reconstruct(
    events: Events,
    response: Response,
    rng: np.random.Generator,
    *,
    stretch: float = 1.0,
    muon_tails: bool = True,
) -> Reconstructed:
    """Measured quantities of elastic, radiative or Z' events.

    events : as `reactions.muon_electron_events.draw_events` makes them, beam along z, placed in
    their stations (`place_in_stations`). rng : decides every smearing. stretch : above 1, the
    resolutions of a fraction of the events are drawn that much wider and the weights make up for
    it, so that tails far out are met (`Normals`). muon_tails : False makes the muon's scattering in
    the station Gaussian (Highland), where its hard collisions are somebody else's background.
    Raises MutauError if rows do not come in equal blocks of mu, e, mu, e (and one more).
    Check: a perfect response gives back the true quantities of what hits the calorimeter.
    """
    rows = _rows(events)
    p = events.p4.reshape(-1, rows, 4)
    x4 = events.x4.reshape(-1, rows, 4)[:, 0]
    n = len(p)
    beam_energy = float(p[0, 0, 0])
    muon, electron = p[:, 2].copy(), p[:, 3].copy()
    normals = Normals(rng, n, stretch)
    if response.target is not None:
        _scatter(muon, electron, beam_energy, response, None if muon_tails else normals, rng)
    spot = response.spot * normals(2)
    tilt = response.divergence * rng.standard_normal((n, 2))
    origin = spot + tilt * x4[:, 3:4]

    def hits(momentum: Array) -> Mask:
        slope = momentum[:, 1:3] / np.where(momentum[:, 3] > 0.0, momentum[:, 3], 1.0)[:, None]
        place = origin + (slope + tilt) * (response.ecal_z - x4[:, 3:4])
        inside = (np.abs(place[:, 0]) <= 0.5 * response.ecal_width) & (
            np.abs(place[:, 1]) <= 0.5 * response.ecal_height
        )
        return np.asarray(inside & (momentum[:, 3] > 0.0))

    seen = hits(electron)
    energy = np.where(seen, electron[:, 0], 0.0)
    photon_energy, merged = np.zeros(n), np.zeros(n, bool)
    if rows == 5 and int(events.pdg[4]) == _PHOTON:
        photon = p[:, 4]
        photon_seen = hits(photon)
        near = _opening(electron, photon) < response.separation
        merged = np.asarray(photon_seen & seen & near)
        energy = energy + np.where(merged, photon[:, 0], 0.0)
        apart = photon_seen & ~merged & (photon[:, 0] > response.threshold)
        photon_energy = np.where(apart, _measured(photon[:, 0], response, Normals(rng, n)), 0.0)
    energy = np.where(seen, _measured(energy, response, normals), 0.0)
    momentum = muon_energy(np.linalg.norm(muon[:, 1:], axis=1), beam_energy, response, normals)
    p_muon = _track(muon, response.muon_angle, momentum, normals)
    p_electron = _track(electron, response.electron_angle, energy, Normals(rng, n))
    p_beam = beam_as_known(beam_energy, response, normals)
    weight = events.weight[::rows] * normals.weight
    return Reconstructed(p_beam, p_muon, p_electron, photon_energy, merged, weight)


def beam_as_known(beam_energy: float, response: Response, normals: Normals) -> Array:
    """(N, 4) beam momentum with the energy that is known of it, along z, GeV."""
    if response.incoming_momentum == 0.0:
        energy = np.full(normals.n, beam_energy)
    else:
        energy = beam_energy * (1.0 + response.incoming_momentum * normals(1)[:, 0])
        energy = np.maximum(energy, 2.0 * M_MU)
    zero = np.zeros(normals.n)
    return np.stack([energy, zero, zero, np.sqrt(energy**2 - M_MU**2)]).T


def muon_energy(size: Array, beam_energy: float, response: Response, normals: Normals) -> Array:
    """Energy given to the reconstructed muon, (N,), GeV, of momenta `size` (N,)."""
    if response.muon_momentum == 0.0:
        return np.full(normals.n, beam_energy)
    size = size * np.maximum(1.0 + response.muon_momentum * normals(1)[:, 0], 1e-3)
    return np.asarray(np.hypot(size, M_MU))


def _rows(events: Events) -> int:
    same = np.flatnonzero(np.diff(events.event))
    rows = int(same[0]) + 1 if len(same) else len(events.event)
    blocks = rows in (4, 5) and len(events.event) % rows == 0
    if not blocks or np.any(np.diff(same) != rows) or abs(int(events.pdg[2])) != 13:
        raise MutauError(
            "the events are not muon on electron",
            allowed="blocks of incoming mu, e and outgoing mu, e, and at most one more",
        )
    return rows


def _polar(p4: Array) -> Array:
    return np.asarray(np.arctan2(np.hypot(p4[:, 1], p4[:, 2]), p4[:, 3]))


def _opening(a: Array, b: Array) -> Array:
    """Angle between two arrays of momenta, accurate when small."""
    cross = np.linalg.norm(np.cross(a[:, 1:], b[:, 1:]), axis=1)
    return np.asarray(np.arctan2(cross, np.sum(a[:, 1:] * b[:, 1:], axis=1)))


def _measured(energy: Array, response: Response, normals: Normals) -> Array:
    smeared = energy + response.energy_sigma(energy) * normals(1)[:, 0]
    return np.maximum(smeared, 0.0)


def _kick(p4: Array, angles: Array) -> None:
    """Turn momenta by small angles (N, 2) about the transverse axes, in place."""
    size = np.linalg.norm(p4[:, 1:], axis=1)
    p4[:, 1:3] += size[:, None] * angles
    p4[:, 3] = np.sqrt(np.maximum(size**2 - p4[:, 1] ** 2 - p4[:, 2] ** 2, 0.0))


def _track(p4: Array, sigma: float, energy: Array, normals: Normals) -> Array:
    """Direction smeared by the tracker's resolution, energy as measured (massless)."""
    out = p4.copy()
    if sigma > 0.0:
        _kick(out, sigma * normals(2))
    size = np.linalg.norm(out[:, 1:], axis=1)
    out[:, 1:] *= (energy / size)[:, None]
    out[:, 0] = energy
    return out


def _scatter(
    muon: Array,
    electron: Array,
    beam_energy: float,
    response: Response,
    normals: Normals | None,
    rng: np.random.Generator,
) -> None:
    """Scattering in the struck station: the muon all through, the electron behind the vertex.

    normals : for a Gaussian muon; None for its collisions one by one.
    """
    from mutau.matter.multiple_scattering import highland_angle, scatter

    assert response.target is not None
    depth = np.clip(rng.random(len(muon)), 1e-9, 1.0 - 1e-9)
    top = LARGEST_DELTA_RAY
    path = response.thickness * np.stack([depth, 1.0 - depth])

    def muon_scatters(momentum: ArrayLike, along: Array) -> Array:
        assert response.target is not None
        if normals is None:
            return scatter(momentum, response.target, along, rng, electron_top=top)[:, :2]
        return highland_angle(momentum, response.target, along)[:, None] * normals(2)

    common = muon_scatters(beam_energy, path[0])
    size = np.linalg.norm(muon[:, 1:], axis=1)
    _kick(muon, common + muon_scatters(size, path[1]))
    size = np.linalg.norm(electron[:, 1:], axis=1)
    behind = scatter(size, response.target, path[1], rng, mass=M_E, electron_top=top)
    _kick(electron, common + behind[:, :2])
