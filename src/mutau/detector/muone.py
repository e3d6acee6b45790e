"""Fast response to muon-electron events: tracked angles, one electromagnetic calorimeter.

Turns true events (`reactions.muon_electron_events`) into the columns that the cut variables read:
angles from tracks before and behind the struck station, the electron's energy from the
calorimeter, and the energy of photons that the calorimeter tells apart from the electron. There
is no magnet: tracks are straight, and the muon's momentum is measured only where a spectrometer's
resolution is given.

Where the file describes the silicon planes, angles, vertex and kink are those of fitted lines, the
electron radiates and scatters in the stations downstream (footnote 5 of Phys. Rev. D 106, L051702),
and muons of the same gate add to its shower. Left out: the tails of the calorimeter's response,
taken as Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError
from mutau.core.types import Events
from mutau.detector.muone_flight import Normals, Rays, Response, calorimeter, kick, measured, tracks

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_PHOTON: Final = 22
#: GeV. An electron struck harder makes hits of its own behind the station; such collisions are
#: left out of the scattering, as if the events were recognised.
LARGEST_DELTA_RAY: Final = 0.025


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
    vertex: Array | None = None
    kink: Array | None = None

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


@dataclass(frozen=True, slots=True)
class Origin:
    """What stands behind N events beside their momenta.

    radiates : (N,) bool, whether what is taken for the electron is one; None: all. displaced :
    (2, N, 2) cm, lines of muon and electron beside the incoming muon's, at the depth of the
    event; None: they meet there.
    """

    radiates: Mask | None = None
    displaced: Array | None = None


PLAIN: Final = Origin()


def reconstruct(
    events: Events,
    response: Response,
    rng: np.random.Generator,
    *,
    stretch: float = 1.0,
    muon_tails: bool = True,
    origin: Origin = PLAIN,
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
    z = events.x4.reshape(-1, rows, 4)[:, 0, 3]
    n = len(p)
    beam_energy = float(p[0, 0, 0])
    muon, electron = p[:, 2].copy(), p[:, 3].copy()
    normals = Normals(rng, n, stretch)
    if response.target is not None:
        _scatter(muon, electron, beam_energy, response, None if muon_tails else normals, rng)
    rays = Rays.of(response, z, normals, rng)
    shower = calorimeter(response, rays, electron, rng, origin.radiates)
    energy, photon_energy, merged = shower.energy, np.zeros(n), np.zeros(n, bool)
    if rows == 5 and int(events.pdg[4]) == _PHOTON:
        photon = p[:, 4]
        photon_seen = rays.hits(response, photon)
        near = _opening(electron, photon) < response.separation
        merged = np.asarray(photon_seen & shower.seen & near)
        energy = energy + np.where(merged, photon[:, 0], 0.0)
        apart = photon_seen & ~merged & (photon[:, 0] > response.threshold)
        photon_energy = np.where(apart, measured(photon[:, 0], response, Normals(rng, n)), 0.0)
    photon_energy = np.maximum(photon_energy, shower.apart)
    energy = np.where(shower.seen, measured(energy, response, normals), 0.0)
    momentum = muon_energy(np.linalg.norm(muon[:, 1:], axis=1), beam_energy, response, normals)
    weight = events.weight[::rows] * rays.kept(response, muon)
    vertex, kink = None, None
    if response.downstream is not None:
        vertex, kink = tracks(response, muon, electron, rays, normals, origin.displaced)
    p_muon = _track(muon, response.muon_angle, momentum, normals)
    p_electron = _track(electron, response.electron_angle, energy, Normals(rng, n))
    p_beam = beam_as_known(beam_energy, response, normals)
    weight = weight * normals.weight
    return Reconstructed(p_beam, p_muon, p_electron, photon_energy, merged, weight, vertex, kink)


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


def _track(p4: Array, sigma: float, energy: Array, normals: Normals) -> Array:
    """Direction smeared by the tracker's resolution, energy as measured (massless)."""
    out = p4.copy()
    if sigma > 0.0:
        kick(out, sigma * normals(2))
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
    kick(muon, common + muon_scatters(size, path[1]))
    size = np.linalg.norm(electron[:, 1:], axis=1)
    behind = scatter(size, response.target, path[1], rng, mass=M_E, electron_top=top)
    kick(electron, common + behind[:, :2])
