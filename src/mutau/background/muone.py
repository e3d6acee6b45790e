"""Backgrounds of mu e -> mu e Z': photon veto, leakage, double scattering.

The paper (K. Asai et al., Phys. Rev. D 106, L051702) shows that elastic events never meet its
conditions by kinematics and leaves open what resolution and multiple scattering do to that. Here:

veto_needs : photons missed by the veto, and how rare a miss must be.
elastic_leakage : elastic events through the Gaussian resolutions, an exact integral.
elastic_sample : weighted events for any cuts, with or without a hard collision.
double_scattering : elastic events whose muon has one hard collision with a nucleus of the same
    station, by weighted Monte Carlo. Between the tracks before and behind a station such a kink
    cannot be seen. Kinks in other stations are seen by the trackers and are not counted; nor are
    collisions with a second electron, which at such kicks takes 25 MeV to some GeV and makes a
    track of its own, and radiation of the electron.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.background.weights import weighted_sum
from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.detector.muone import LARGEST_DELTA_RAY, Reconstructed, beam_as_known, muon_energy
from mutau.detector.muone_flight import Normals, Rays, Response, calorimeter, tracks
from mutau.matter.materials import Material
from mutau.reactions.muon_electron import ELASTIC, Reaction, elastic_spectrum
from mutau.reactions.muon_electron_kinematics import (
    elastic_electron_angle,
    elastic_electron_energy,
    elastic_muon_angle,
)
from mutau.reactions.vacuum_polarization import running_factor

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Collisions with larger kicks (GeV) are drawn one by one; the others, with electrons up to
#: `LARGEST_DELTA_RAY`, make a Gaussian. A layer of 15 mm of beryllium has 0.03 hard ones, so two in
#: one event change the result by about 3 %.
HARD_KICK: Final = math.sqrt(2.0 * M_E * LARGEST_DELTA_RAY)
#: Below this kick (GeV) the electron's collisions, too, make a Gaussian.
SOFT_KICK: Final = 5e-4
#: Share of the electrons that are made to scatter hard.
FORCED_SHARE: Final = 0.4
_LARGEST_KICK: Final = 1.0  # GeV; beyond, the nuclear form factor has ended everything


@dataclass(frozen=True, slots=True)
class CutWindow:
    """Cuts on measured quantities.

    theta_mu_min : rad. electron_energy_min, electron_energy_max : GeV.
    inelasticity_min : GeV^2, on `Reconstructed.inelasticity`; -inf for none.
    acoplanarity_min : rad; 0 for none. The last two are not in the paper.
    """

    theta_mu_min: float = 1.5e-3
    electron_energy_min: float = 1.0
    electron_energy_max: float = 25.0
    inelasticity_min: float = -math.inf
    acoplanarity_min: float = 0.0

    def passes(self, measured: Reconstructed) -> Mask:
        """(N,) bool, events inside; the photon veto is not part of it."""
        return np.asarray(
            (measured.theta_mu > self.theta_mu_min)
            & (measured.electron_energy > self.electron_energy_min)
            & (measured.electron_energy < self.electron_energy_max)
            & (measured.inelasticity >= self.inelasticity_min)
            & (measured.acoplanarity >= self.acoplanarity_min)
        )


@dataclass(frozen=True, slots=True)
class EventNumber:
    """Expected number of events and its statistical or numerical error."""

    events: float
    error: float

    @classmethod
    def of(cls, weights: Array) -> Self:
        """That of weighted events, by `weights.weighted_sum`."""
        found = weighted_sum(weights)
        return cls(found.value, found.err)


@dataclass(frozen=True, slots=True)
class VetoNeeds:
    """How good the photon veto, or another single defence of the search, must be.

    signal : events of the signal that pass. apart : radiative events whose photon is seen apart
    from the electron; a share `inefficiency` of them passes. unseen : radiative events that pass
    whatever the veto does (photon merged with the electron, soft, or beside the calorimeter).
    Of elastic events: apart, those measured above the electron's energy; unseen, those that the
    Gaussian resolutions let in; the inefficiency is the fraction of electrons measured far too low.
    equal_to_signal, one_event : inefficiency at which the background is as large as the signal,
    and one event; NaN where `unseen` alone is more.
    """

    signal: EventNumber
    apart: EventNumber
    unseen: EventNumber
    equal_to_signal: float
    one_event: float

    @classmethod
    def of(cls, signal: EventNumber, apart: EventNumber, unseen: EventNumber) -> Self:
        """The two inefficiencies that follow from the numbers of events.

        Raises OutOfRange if there is no signal.
        """
        if signal.events <= 0.0:
            raise OutOfRange("no signal event passes the window", remedy="choose a smaller mass")

        def needed(background: float) -> float:
            left = background - unseen.events
            return left / apart.events if left >= 0.0 and apart.events > 0.0 else math.nan

        return cls(signal, apart, unseen, needed(signal.events), needed(1.0))

    def background(self, inefficiency: ArrayLike) -> Array:
        """Radiative events that pass at a given inefficiency (array_like)."""
        return self.unseen.events + np.asarray(inefficiency, float) * self.apart.events


def veto_needs(signal: Reconstructed, radiative: Reconstructed, window: CutWindow) -> VetoNeeds:
    """Photon veto that the search needs, from samples of signal and mu e -> mu e gamma.

    Both samples carry weights for the same exposure and must reach beyond the window by several
    resolutions. Raises OutOfRange if no signal passes.
    Check: background(equal_to_signal) is the signal.
    """
    passed = window.passes(radiative)
    seen = radiative.photon_energy > 0.0
    return VetoNeeds.of(
        EventNumber.of(signal.weight[window.passes(signal) & (signal.photon_energy == 0.0)]),
        EventNumber.of(radiative.weight[passed & seen]),
        EventNumber.of(radiative.weight[passed & ~seen]),
    )


def elastic_leakage(
    reaction: Reaction, response: Response, window: CutWindow, luminosity: float
) -> EventNumber:
    """Elastic events inside the window through Gaussian resolutions, expected number.

    Cuts on inelasticity and acoplanarity are not applied: an upper bound with them.
    luminosity : pb^-1. Error: difference of two quadrature orders.
    Raises MutauError if the reaction is not elastic.
    Check: perfect resolutions give 0 in the paper's window.
    """
    energies = window.electron_energy_min, window.electron_energy_max
    return _elastic_events(reaction, response, window.theta_mu_min, energies, luminosity)


def elastic_beyond(
    reaction: Reaction, response: Response, window: CutWindow, luminosity: float
) -> EventNumber:
    """Elastic events that the cut on the electron's energy alone keeps out: measured above it.

    Each of them is background if its electron is measured far too low, so 1 over their number is
    the fraction that the search can bear for one event. Gaussian resolutions as in
    `elastic_leakage`.
    Check: without a cut on the angle, all elastic events with more than that energy.
    """
    energies = window.electron_energy_max, math.inf
    return _elastic_events(reaction, response, window.theta_mu_min, energies, luminosity)


def _elastic_events(
    reaction: Reaction,
    response: Response,
    theta_mu_min: float,
    energies: tuple[float, float],
    luminosity: float,
) -> EventNumber:
    """Elastic events with the muon measured above an angle, the electron between two energies.

    Integral over E_e of luminosity x d sigma / dE_e x P(theta_mu) x P(E_e), the first probability
    of two Gaussian projections (tracks, and soft scattering in the station), the second of the
    calorimeter.
    """
    _require_elastic(reaction)
    top = float(elastic_electron_energy(0.0, reaction.energy))
    edges = np.geomspace(max(0.2 * energies[0], 2.0 * M_E), top, 41)
    values = []
    for order in (12, 20):
        x, w = np.polynomial.legendre.leggauss(order)
        centre, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
        e4 = (centre[:, None] + half[:, None] * x).ravel()
        weight = (half[:, None] * w).ravel() * elastic_density(reaction, e4) * luminosity
        theta = elastic_muon_angle(elastic_electron_angle(e4, reaction.energy), reaction.energy)
        sigma = np.full(len(e4), response.muon_angle)
        if response.target is not None:
            soft = _kick_variance(response.target, HARD_KICK) * response.thickness
            sigma = np.sqrt(
                sigma**2 + 0.5 * soft * (1 / reaction.energy**2 + _inverse2(e4, reaction))
            )
        chance = _above(theta, sigma, theta_mu_min)
        chance *= _between(e4, response.energy_sigma(e4), *energies)
        values.append(float(np.sum(weight * chance)))
    return EventNumber(values[1], abs(values[1] - values[0]))


def elastic_density(reaction: Reaction, e4: Array) -> Array:
    """d sigma/dE_e of elastic scattering with the running of alpha, pb/GeV. Photonic corrections,
    4 % of the rate above 1 GeV, are left out."""
    return elastic_spectrum(reaction, e4) * running_factor(2.0 * M_E * (e4 - M_E))


def _inverse2(e4: Array, reaction: Reaction) -> Array:
    """1 / p^2 of the scattered muon, 1/GeV^2."""
    return 1.0 / ((reaction.energy + M_E - e4) ** 2 - M_MU**2)


def _above(theta: Array, sigma: Array, edge: float) -> Array:
    """P(angle > edge) of a two-dimensional Gaussian of width sigma about theta (Rice)."""
    from scipy.stats import ncx2

    if np.all(sigma == 0.0):
        return np.asarray(theta > edge, float)
    return np.asarray(ncx2.sf((edge / sigma) ** 2, 2, (theta / sigma) ** 2))


def _between(energy: Array, sigma: Array, low: float, high: float) -> Array:
    """P(low < measured < high) of a Gaussian."""
    from scipy.special import ndtr

    if np.all(sigma == 0.0):
        return np.asarray((energy > low) & (energy < high), float)
    return np.asarray(ndtr((high - energy) / sigma) - ndtr((low - energy) / sigma))


def double_scattering(
    reaction: Reaction,
    response: Response,
    window: CutWindow,
    luminosity: float,
    rng: np.random.Generator,
    *,
    n: int = 400_000,
) -> EventNumber:
    """Elastic events in the window whose muon has one hard collision in the same station.

    By `elastic_sample` with electron energies from half the window's lower end to twice its upper
    one. luminosity : pb^-1.
    Raises MutauError without a target, or if the reaction is not elastic.
    Check: proportional to the station's thickness as long as it is thin.
    """
    if response.target is None:
        raise MutauError("double scattering needs a target", place="response.target")
    energies = 0.5 * window.electron_energy_min, 2.0 * window.electron_energy_max
    measured = elastic_sample(reaction, response, energies, luminosity, rng, n=n, kinked=True)
    return EventNumber.of(measured.weight[window.passes(measured)])


def elastic_sample(
    reaction: Reaction,
    response: Response,
    energies: tuple[float, float],
    luminosity: float,
    rng: np.random.Generator,
    *,
    n: int,
    kinked: bool,
    stretch: float = 1.0,
) -> Reconstructed:
    """Weighted sample of n elastic events as they are measured.

    E_e even in its logarithm between `energies` (GeV, true, cut at the kinematic limit), depth of
    the vertex even; with `kinked` one collision of kick above `HARD_KICK` (even in its logarithm)
    before or behind the vertex, with its probability as weight; all softer ones as a Gaussian;
    the electron scattered (`electron_scatter`); then the resolutions, wider for a fraction of the
    events with `stretch` above 1 (see `detector.muone.Normals`).
    The electron is taken to hit the calorimeter; where planes are described, it is followed
    there, and vertex and kink come from the depths of the two collisions. luminosity : pb^-1; the
    weights add up to the expected number of such events.
    Raises MutauError if the reaction is not elastic, or if kinks are asked for without a target.
    Check: the weights without kink add up to the elastic cross section.
    """
    _require_elastic(reaction)
    target, beam = response.target, reaction.energy
    if kinked and target is None:
        raise MutauError("a kink needs a target", place="response.target")
    low = max(energies[0], 2.0 * M_E)
    span = math.log(min(energies[1], float(elastic_electron_energy(0.0, beam))) / low)
    e4 = low * np.exp(span * rng.random(n))
    weight = elastic_density(reaction, e4) * e4 * span * luminosity / n
    theta_e = elastic_electron_angle(e4, beam)
    theta_mu = elastic_muon_angle(theta_e, beam)
    depth = rng.random(n)
    momentum = np.sqrt((beam + M_E - e4) ** 2 - M_MU**2)
    kick = np.zeros(n)
    if kinked and target is not None:
        kick, chance = hard_kicks(target, response.thickness, n, rng)
        weight = weight * chance
    before = rng.random(n) < depth
    phi = rng.uniform(0.0, 2.0 * math.pi, n)
    turn = kick / np.where(before, beam, momentum) * np.stack([np.cos(phi), np.sin(phi)])
    soft = 0.0 if target is None else 0.5 * _kick_variance(target, HARD_KICK) * response.thickness
    width = np.sqrt(response.muon_angle**2 + soft * (depth / beam**2 + (1 - depth) / momentum**2))
    normals = Normals(rng, n, stretch)
    # muon to -x, electron to +x; what turns the incoming muon turns both
    muon = np.stack([-theta_mu, 0.0 * theta_mu]) + width * normals(2).T + turn
    electron = np.stack([theta_e, 0.0 * theta_e]) + turn * before
    electron += response.electron_angle * rng.standard_normal((2, n))
    if target is not None:
        path = response.thickness * np.maximum(1.0 - depth, 1e-9)
        scattered, chance = electron_scatter(np.sqrt(e4**2 - M_E**2), target, path, rng)
        electron, weight = electron + scattered, weight * chance
    if response.downstream is not None:
        apart = turn * response.thickness * np.abs(depth - _other_depth(depth, before, rng))
        return _through_stations(
            response, (beam, momentum, e4), (muon, electron),
            (depth, np.stack([apart * np.where(before, 1.0, -1.0), apart * before])),
            weight, normals,
        )  # fmt: skip
    energy = np.maximum(e4 + response.energy_sigma(e4) * normals(1)[:, 0], M_E)
    p_muon = _along(muon, muon_energy(momentum, beam, response, normals))
    p_beam = beam_as_known(beam, response, normals)
    none = np.zeros(n)
    return Reconstructed(
        p_beam, p_muon, _along(electron, energy), none, none > 0.0, weight * normals.weight
    )


def _other_depth(depth: Array, before: Mask, rng: np.random.Generator) -> Array:
    """(N,) where the second collision is, evenly before or behind `depth`, in pieces."""
    even = rng.random(len(depth))
    return np.where(before, depth * even, depth + (1.0 - depth) * even)


def _through_stations(
    response: Response,
    energies: tuple[float, Array, Array],
    angles: tuple[Array, Array],
    where: tuple[Array, Array],
    weight: Array,
    normals: Normals,
) -> Reconstructed:
    """Elastic events behind the planes and stations of the set-up.

    energies : of the beam, momentum of the muon, energy of the electron. angles : (2, N) of both.
    where : depth (N,) in the piece, lines of muon and electron beside the incoming one (2, 2, N),
    cm.
    """
    row = response.downstream
    assert row is not None
    beam, momentum, e4 = energies
    n = len(e4)
    station = normals.rng.integers(0, row.count, n)
    z = row.first + station * row.station.distance + where[0] * row.thickness
    rays = Rays.of(response, z, normals, normals.rng)
    muon, electron = _along(angles[0], momentum), _along(angles[1], e4)
    shower = calorimeter(response, rays, electron, normals.rng)
    chance = rays.kept(response, muon)
    vertex, kink = tracks(response, muon, electron, rays, normals, np.moveaxis(where[1], 1, 2))
    energy = shower.energy + response.energy_sigma(shower.energy) * normals(1)[:, 0]
    energy = np.where(shower.seen, np.maximum(energy, M_E), 0.0)
    size = muon_energy(momentum, beam, response, normals)
    muon, electron = (
        particle * (size_ / np.linalg.norm(particle[:, 1:], axis=1))[:, None]
        for particle, size_ in ((muon, size), (electron, energy))
    )
    muon[:, 0], electron[:, 0] = size, energy
    return Reconstructed(
        beam_as_known(beam, response, normals), muon, electron, shower.apart, shower.apart < 0.0,
        weight * normals.weight * chance, vertex, kink,
    )  # fmt: skip


def _along(angles: Array, size: Array) -> Array:
    """Energies `size` (N,) in the directions (2, N), as (N, 4) with momenta of the same size."""
    theta = np.hypot(*angles)
    sine = np.sin(theta) / np.where(theta > 0.0, theta, 1.0)
    return np.stack(
        [size, size * sine * angles[0], size * sine * angles[1], size * np.cos(theta)]
    ).T


def electron_scatter(
    momentum: Array, material: Material, path: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Angles (2, N) of electrons behind `path` (N,) cm of their station, and weights (N,).

    Collisions of kick below `SOFT_KICK` as a Gaussian, up to `HARD_KICK` one by one, and for the
    share `FORCED_SHARE` of the electrons one above, with its probability as weight. Two above are
    left out (1e-3 of the electrons in 15 mm of beryllium). momentum : (N,) GeV.
    Check: weighted, the distribution of `matter.multiple_scattering.scatter`.
    """
    n = len(momentum)
    soft = 0.5 * _kick_variance(material, SOFT_KICK) * path
    kicks = np.sqrt(soft) * rng.standard_normal((2, n))
    log_q, below = _middle_collisions(material)
    count = rng.poisson(below[-1] * path)
    for _ in range(int(count.max(initial=0))):
        more = np.flatnonzero(count > 0)
        q = np.exp(np.interp(below[-1] * rng.random(len(more)), below, log_q))
        kicks[:, more] += q * _directions(len(more), rng)
        count[more] -= 1
    q, chance = hard_kicks(material, 1.0, n, rng)
    hard_per_cm = _hard_collisions(material)
    forced = rng.random(n) < FORCED_SHARE
    kicks += np.where(forced, q, 0.0) * _directions(n, rng)
    plain = np.exp(-hard_per_cm * path)
    weight = np.where(forced, chance * path / FORCED_SHARE, 1.0 / (1.0 - FORCED_SHARE)) * plain
    return kicks / momentum, weight


def _directions(n: int, rng: np.random.Generator) -> Array:
    phi = rng.uniform(0.0, 2.0 * math.pi, n)
    return np.stack([np.cos(phi), np.sin(phi)])


@cache
def _middle_collisions(material: Material) -> tuple[Array, Array]:
    """ln q (GeV) from `SOFT_KICK` to `HARD_KICK`, and collisions per cm below each."""
    from mutau.matter.multiple_scattering import collision_density

    log_q = np.linspace(math.log(SOFT_KICK), math.log(HARD_KICK), 801)
    q = np.exp(log_q)
    parts = collision_density(q, material) * 2.0 * q[:, None] ** 2
    # a struck electron's recoil lowers its share until it counts as seen
    density = parts[:, 0] + parts[:, 1] * np.maximum(1.0 - (q / HARD_KICK) ** 2, 0.0)
    cells = 0.5 * (density[1:] + density[:-1]) * np.diff(log_q)
    return log_q, np.append(0.0, np.cumsum(cells))


@cache
def _hard_collisions(material: Material) -> float:
    """Collisions with nuclei above `HARD_KICK`, per cm."""
    from mutau.matter.multiple_scattering import collision_density

    log_q = np.linspace(math.log(HARD_KICK), math.log(_LARGEST_KICK), 4001)
    q = np.exp(log_q)
    density = collision_density(q, material)[..., 0] * 2.0 * q**2
    return float(np.sum(0.5 * (density[1:] + density[:-1]) * np.diff(log_q)))


def hard_kicks(
    material: Material, thickness: float, n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Kicks above `HARD_KICK`, GeV, even in their logarithm, and the expected number each stands
    for. Nuclei only: an electron that takes so much momentum is seen."""
    from mutau.matter.multiple_scattering import collision_density

    span = math.log(_LARGEST_KICK / HARD_KICK)
    q = HARD_KICK * np.exp(span * rng.random(n))
    nuclei = collision_density(q, material)[..., 0] * 2.0 * q**2  # per d ln q and cm
    return q, nuclei * thickness * span


@cache
def _kick_variance(material: Material, top: float) -> float:
    """Mean square of the total kick per cm from collisions below `top` GeV, GeV^2 / cm."""
    from mutau.matter.multiple_scattering import collision_density

    log_q = np.linspace(math.log(1e-8), math.log(top), 4001)
    q = np.exp(log_q)
    density = collision_density(q, material).sum(axis=-1) * 2.0 * q**4
    return float(np.sum(0.5 * (density[1:] + density[:-1]) * np.diff(log_q)))


def _require_elastic(reaction: Reaction) -> None:
    if reaction.process != ELASTIC:
        raise MutauError(f"{reaction.process} is not elastic scattering", allowed=ELASTIC)


def scan_inefficiency(needs: VetoNeeds, inefficiency: ArrayLike) -> Array:
    """Background over signal at each inefficiency (array_like, in [0, 1])."""
    values = np.asarray(inefficiency, float)
    for value in (values.min(), values.max()):
        require_in_range("photon inefficiency", float(value), 0.0, 1.0)
    return needs.background(values) / needs.signal.events
