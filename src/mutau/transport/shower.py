"""Single electromagnetic showers by Monte Carlo, and rare emissions within them.

What the cascade equations (em_cascade) give in the mean, here shower by shower: track lengths by
energy, depth profile, energy left in sections and rings, and the place and energy of one forced
emission of a boson with the visible energy of the rest.

Samples are made in chunks of a fixed size, each with its own random stream: results do not depend
on the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from mutau.core.arrays import FloatArray
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.random import REACH, cut_normal, stream
from mutau.core.records import columns, zeros
from mutau.core.threads import in_threads
from mutau.core.types import Saved, provenance
from mutau.matter.em_processes_medium import medium
from mutau.matter.em_processes_tables import E_HIGH
from mutau.matter.materials import Material
from mutau.transport.em_cascade import LOWEST_ENERGY, PARTICLES, particle_index
from mutau.transport.shower_counts import Scope, ShowerTally, empty_tally
from mutau.transport.shower_kernels import EmissionRates, ShowerStep
from mutau.transport.shower_run_kernels import (
    NO_CHANNELS,
    Channels,
    EmissionEvent,
    Incident,
    ShowerResults,
    Wanted,
    run_showers,
)
from mutau.transport.shower_tables import ShowerTables, node_energy, shower_tables

Array = FloatArray

CHUNK: Final = 500  # showers per random stream
SOFT: Final = 0.05  # photons below this fraction of the energy, or below the cut, are a mean loss
_FAR: Final = 1e9  # X0; the back of an infinite target


@dataclass(frozen=True, slots=True)
class Shower:
    """One particle in a homogeneous target, and how far its shower is followed.

    particle : "e-", "e+" or "gamma". energy : total, GeV. material : of the target. cut : total
    energy below which a particle is stopped where it is, GeV. soft : radiation below
    min(cut, soft E) of an electron of energy E is a mean loss.
    Raises UnknownName for another particle, OutOfRange for an energy or a cut where the cross
    sections do not hold.
    """

    particle: str
    energy: float
    material: Material
    cut: float = 1.0
    soft: float = SOFT

    def __post_init__(self) -> None:
        particle_index(self.particle)
        require_in_range("energy", self.energy, LOWEST_ENERGY, E_HIGH, unit="GeV")
        require_in_range(
            "cut", self.cut, LOWEST_ENERGY, 0.99 * self.energy, unit="GeV",
            reason="low-energy corrections to the cross sections are absent",
        )  # fmt: skip
        require_in_range("soft", self.soft, 1e-4, 0.5)

    @property
    def species(self) -> int:
        """Place of the particle in arrays of three."""
        return particle_index(self.particle)

    @property
    def x0_cm(self) -> float:
        """Radiation length of the target, cm."""
        return medium(self.material).x0_cm

    def tables(self) -> ShowerTables:
        """What the kernels need of medium and cuts."""
        return shower_tables(
            medium(self.material), float(self.energy), float(self.cut), float(self.soft)
        )


@dataclass(frozen=True, slots=True, eq=False)
class ShowerGeometry:
    """What a shower sample counts, in a homogeneous target.

    sections : (S + 1,) rising depths, X0: energies are summed between them; what passes the last
    (or goes back through the first) is leakage. rings : (R + 1,) rising radii, X0, from 0; the last
    ring is open. profile : (D + 1,) equally spaced depths, X0, of the mean depth profile.
    lateral : follow directions and multiple scattering; without it depth is path length.
    far : (depth in X0, energy in GeV): particles made behind it with less energy are not followed
    but counted as leakage, which saves time where nothing soft is asked for there.
    """

    sections: Array = field(default_factory=lambda: np.array([0.0, _FAR]))
    rings: Array = field(default_factory=lambda: np.array([0.0, _FAR]))
    profile: Array = field(default_factory=lambda: np.linspace(0.0, 40.0, 81))
    lateral: bool = False
    far: tuple[float, float] = (np.inf, 0.0)

    def __post_init__(self) -> None:
        for name in ("sections", "rings", "profile"):
            array = np.asarray(getattr(self, name), float)
            if array.ndim != 1 or len(array) < 2 or not np.all(np.diff(array) > 0.0):
                raise MutauError(f"{name} do not rise", place=name, allowed="two or more, rising")
            object.__setattr__(self, name, array)
        if self.rings[0] != 0.0:
            raise OutOfRange(f"rings begin at {self.rings[0]:g} X0", place="rings", allowed="0")
        if len(self.rings) > 2 and not self.lateral:
            raise MutauError("rings need lateral = True", place="rings")
        steps = np.diff(self.profile)
        if np.ptp(steps) > 1e-9 * steps[0]:
            raise MutauError("depths of the profile are not equally spaced", place="profile")


@dataclass(frozen=True, slots=True, eq=False)
class ShowerSample(Saved):
    """Showers, one row each, and their means.

    deposits : (n, S, R) GeV left in each section and ring. leak : (n,) GeV that left the target.
    edges : (K + 1,) GeV; electron, positron, photon : (K,) mean dL/dE, X0 per GeV per incident
    particle; err : (3, K) their statistical errors. depth : (D + 1,) X0; profile, profile_err :
    (D,) mean energy left per depth, GeV per X0, and its error.
    particle, energy (GeV), material, cut (GeV), x0_cm : what was simulated.
    """

    deposits: Array
    leak: Array
    edges: Array
    electron: Array
    positron: Array
    photon: Array
    err: Array
    depth: Array
    profile: Array
    profile_err: Array
    particle: str
    energy: float
    material: str
    cut: float
    x0_cm: float
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fractions(self) -> Array:
        """(n, S, R) fraction of the incident energy left in each section and ring."""
        return np.asarray(self.deposits / self.energy)


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """A rare emission of a boson by electrons or positrons of a shower.

    name : of the channel. particles : emitters, out of "e-", "e+". energy : (M,) rising total
    energies of the emitter, GeV. rate : (M,) mean emissions per X0 there (atoms per cm^3 times
    cross section times cm per X0), linear between, 0 outside. fraction : (M, Q) quantiles of the
    boson's energy over the emitter's at Q equal steps of probability from 0 to 1; None where the
    emitter annihilates and the boson takes E + m_e.
    """

    name: str
    particles: tuple[str, ...]
    energy: Array
    rate: Array
    fraction: Array | None = None

    def __post_init__(self) -> None:
        for particle in self.particles:
            if PARTICLES.get(particle, 2) == 2:
                raise MutauError(
                    f"{particle!r} cannot emit", place=self.name, allowed='"e-" or "e+"'
                )
        m = len(self.energy)
        good = m > 1 and np.all(np.diff(self.energy) > 0.0) and len(self.rate) == m
        if not good or not np.all(np.isfinite(self.rate)) or np.any(self.rate < 0.0):
            raise MutauError(
                "energies do not rise, or rates are negative, not finite or of another length",
                place=self.name,
            )
        f = self.fraction
        if f is not None and (
            f.ndim != 2 or len(f) != m or f.shape[1] < 2 or np.any(~((f >= 0.0) & (f <= 1.0)))
        ):
            raise MutauError(
                "fractions are not quantiles in [0, 1] at each energy", place=self.name
            )


@dataclass(frozen=True, slots=True, eq=False)
class EmissionSample(Saved):
    """Showers with one emission each; one row per shower.

    weight : (n,) mean number of emissions of that shower; the mean of `weight` is the yield per
    incident particle. channel : (n,) int, index into `channels`. emitter : (n,) int, PDG code.
    emitter_energy, boson_energy : (n,) GeV. position : (n, 3) depth, x, y in X0. direction : (n, 3)
    unit vector of the emitter (x, y, z). deposits : (n, S, R), leak : (n,) energy of the rest of
    the shower, GeV. Rows of weight 0 had no possible emission.
    """

    weight: Array
    channel: Array
    emitter: Array
    emitter_energy: Array
    boson_energy: Array
    position: Array
    direction: Array
    deposits: Array
    leak: Array
    channels: tuple[str, ...]
    particle: str
    energy: float
    material: str
    x0_cm: float
    meta: Mapping[str, Any] = field(default_factory=dict)


def checked_number(n: int) -> int:
    """The number of showers. Raises OutOfRange below 1."""
    if n < 1:
        raise OutOfRange(f"number of showers = {n}", allowed="1 or more")
    return n


def scope_of(edges: Array, geometry: ShowerGeometry, t: ShowerTables) -> Scope:
    """What the kernels count; edges : of the track-length histogram, GeV."""
    nodes = np.array([node_energy(t.first + i) for i in range(len(t.per_width))])
    bins = np.searchsorted(edges, nodes, side="right") - 1
    depth = geometry.profile
    return Scope(
        edges, geometry.sections, geometry.rings, float(depth[0]),
        float((len(depth) - 1) / (depth[-1] - depth[0])), bins.astype(np.int64), geometry.lateral,
        float(geometry.far[0]), float(geometry.far[1]),
    )  # fmt: skip


def results_for(n: int, scope: Scope, geometry: ShowerGeometry) -> ShowerResults:
    """Zeros for n showers to fill; no room for events or steps."""
    sections, rings = len(scope.depths) - 1, len(scope.radii) - 1
    sums = [
        empty_tally(len(scope.edges) - 1, sections, rings, len(geometry.profile) - 1)
        for _ in range(2)
    ]
    return ShowerResults(
        np.zeros((n, sections, rings)), np.zeros(n), sums[0], sums[1], zeros(EmissionEvent, 0),
        zeros(ShowerStep, 0), np.zeros(2, np.int64),
    )  # fmt: skip


def _joined(tallies: Sequence[ShowerTally]) -> ShowerTally:
    """The sum of the chunks, one after the other."""
    total = [np.zeros_like(array) for array in tallies[0]]
    for tally in tallies:
        for array, part in zip(total, tally, strict=True):
            array += part
    return ShowerTally(*total)


def _in_chunks(n: int, workers: int, work: Callable[[int, int, int], Any]) -> list[Any]:
    """work(chunk, start, stop) for every chunk, in order, on `workers` threads."""
    pieces = [(c, i, min(i + CHUNK, n)) for c, i in enumerate(range(0, n, CHUNK))]
    if workers <= 1:
        return [work(*piece) for piece in pieces]
    return list(in_threads(lambda piece: work(*piece), pieces, workers))


def simulate_showers(
    shower: Shower,
    n: int,
    *,
    edges: ArrayLike | None = None,
    geometry: ShowerGeometry | None = None,
    seed: int = 1,
    key: Sequence[int] = (),
    workers: int = 1,
) -> ShowerSample:
    """A sample of `n` showers of one particle in a homogeneous target.

    edges : (K + 1,) rising energies of the track-length histogram, GeV; default 20 equal steps of
    the logarithm from the cut to the energy.
    geometry : what is counted; default an infinite target. seed, key : chunk c uses the stream
    (seed, *key, c). workers : threads.
    Returns ShowerSample. Raises OutOfRange, MutauError.
    Reactions: radiation, pairs, Compton, Moller, Bhabha, annihilation in flight, mean ionisation,
    and with `geometry.lateral` multiple scattering as a Gaussian of Highland's width without its
    logarithm (13.6 MeV/E per root X0: 10 % of the width) and the angles of all reactions.
    Check: the means are those of `track_lengths` within 0.3 %, energy is conserved exactly.
    """
    checked_number(n)
    energy, cut = float(shower.energy), float(shower.cut)
    bins = np.geomspace(cut, energy, 21) if edges is None else np.asarray(edges, float)
    if bins.ndim != 1 or len(bins) < 2 or not np.all(np.diff(bins) > 0.0):
        raise MutauError("energy edges do not rise", place="edges", allowed="two or more, rising")
    if bins[0] < cut * (1.0 - 1e-12):
        raise OutOfRange(f"lowest edge {bins[0]:g} GeV is below the cut {cut:g} GeV", place="edges")
    shape, t = geometry or ShowerGeometry(), shower.tables()
    scope = scope_of(bins, shape, t)
    whole = results_for(n, scope, shape)

    def work(chunk: int, start: int, stop: int) -> tuple[ShowerTally, ShowerTally]:
        part = results_for(0, scope, shape)._replace(
            section=whole.section[start:stop], leak=whole.leak[start:stop]
        )
        incident = Incident(shower.species, np.full(stop - start, energy))
        wanted = Wanted(emits=False, records=False)
        run_showers(incident, t, scope, NO_CHANNELS, wanted, part, stream(seed, *key, chunk))
        return part.total, part.squares

    sums = [_joined(part) for part in zip(*_in_chunks(n, workers, work), strict=True)]

    def mean_of(total: Array, squares: Array) -> tuple[Array, Array]:
        mean = total / n
        return mean, np.sqrt(np.maximum(squares / n - mean**2, 0.0) / max(n - 1, 1))

    width = np.diff(bins)
    track, track_err = (x / width for x in mean_of(sums[0].track, sums[1].track))
    profile, profile_err = mean_of(sums[0].profile, sums[1].profile)
    step = shape.profile[1] - shape.profile[0]
    return ShowerSample(
        whole.section, whole.leak, bins, track[0], track[1], track[2], track_err, shape.profile,
        profile / step, profile_err / step, shower.particle, energy, shower.material.name, cut,
        shower.x0_cm, provenance(seed),
    )  # fmt: skip


def _channels(emissions: Sequence[Emission]) -> Channels:
    """Tables of several channels on the union of their energies."""
    nodes = np.unique(np.concatenate([e.energy for e in emissions]))
    parts = np.zeros((len(emissions), 2, len(nodes)))
    quantiles = max([e.fraction.shape[1] for e in emissions if e.fraction is not None], default=2)
    fractions = np.zeros((len(emissions), len(nodes), quantiles))
    steps = np.linspace(0.0, 1.0, quantiles)
    for i, e in enumerate(emissions):
        rate = np.interp(nodes, e.energy, e.rate, left=0.0, right=0.0)
        inside = (nodes[:-1] >= e.energy[0]) & (nodes[1:] <= e.energy[-1])
        cell = np.where(inside, 0.5 * (rate[:-1] + rate[1:]) * np.diff(nodes), 0.0)
        integral = np.concatenate([[0.0], np.cumsum(cell)])
        for particle in e.particles:
            parts[i, PARTICLES[particle]] = integral
        if e.fraction is not None:
            q = np.linspace(0.0, 1.0, e.fraction.shape[1])
            table = np.array([np.interp(steps, q, row) for row in e.fraction])
            for j in range(quantiles):
                fractions[i, :, j] = np.interp(nodes, e.energy, table[:, j])
    rates = EmissionRates(nodes, parts.sum(axis=0))
    whole = np.array([e.fraction is None for e in emissions])
    return Channels(rates, parts, fractions, np.log(nodes), whole)


def simulate_emissions(
    shower: Shower,
    n: int,
    emissions: Sequence[Emission],
    *,
    geometry: ShowerGeometry | None = None,
    seed: int = 1,
    key: Sequence[int] = (),
    workers: int = 1,
    spread: float = 0.0,
) -> EmissionSample:
    """Showers with one forced emission each, weighted by its mean number.

    emissions : the channels. Other arguments as `simulate_showers`; particles below the cut
    neither step nor emit, so rates below it are lost. spread : relative, of the incident energy,
    Gaussian and cut at REACH; its draws have the stream (seed, *key, c, 1).
    Returns EmissionSample: where, from what and with what energy the boson came, and the energy
    that the rest of the shower left. First order in the rates: sum them to well below 1.
    Raises as `simulate_showers`; MutauError without channels.
    Check: the mean weight is the integral of rate times dL/dE of `track_lengths`.
    """
    if not emissions:
        raise MutauError("no emission channel is given", place="emissions")
    checked_number(n)
    highest = replace(shower, energy=shower.energy * (1.0 + REACH * spread))
    shape, t = geometry or ShowerGeometry(), highest.tables()
    scope = scope_of(np.array([highest.cut, highest.energy]), shape, t)
    channels = _channels(emissions)
    whole = results_for(n, scope, shape)
    events = zeros(EmissionEvent, n)

    def entering(chunk: int, size: int) -> Array:
        shift = (
            spread * cut_normal(size, stream(seed, *key, chunk, 1)) if spread else np.zeros(size)
        )
        return np.asarray(shower.energy * (1.0 + shift))

    def work(chunk: int, start: int, stop: int) -> None:
        part = results_for(0, scope, shape)._replace(
            section=whole.section[start:stop], leak=whole.leak[start:stop],
            events=events[start:stop],
        )  # fmt: skip
        incident = Incident(shower.species, entering(chunk, stop - start))
        wanted = Wanted(emits=True, records=False)
        run_showers(incident, t, scope, channels, wanted, part, stream(seed, *key, chunk))

    _in_chunks(n, workers, work)
    return EmissionSample(
        events["weight"].copy(), events["channel"].astype(np.int32),
        np.where(events["emitter"] == 0, 11, -11).astype(np.int32),
        events["emitter_energy"].copy(), events["boson_energy"].copy(),
        columns(events, "z", "x", "y").copy(),
        columns(events, "ux", "uy", "uz").copy(),
        whole.section, whole.leak, tuple(e.name for e in emissions), shower.particle,
        float(shower.energy), shower.material.name, shower.x0_cm, provenance(seed),
    )  # fmt: skip


def visible_energy(
    deposited: ArrayLike,
    stochastic: float,
    constant: float,
    noise: float,
    rng: np.random.Generator,
) -> Array:
    """Energies a sampling calorimeter reads for energies left in it, GeV.

    deposited : any shape, GeV, already on the calibrated scale (all energy left in the mixture).
    stochastic : a in a/sqrt(E), root GeV; constant : b; noise : c in c/E, GeV, added in quadrature:
    (sigma/E)^2 = a^2/E + b^2 + c^2/E^2. rng : generator.
    The reading follows a gamma distribution of that mean and width: positive, and normal where
    sigma << E. The calorimeter's layers are a homogeneous mixture in the shower itself, and their
    sampling fluctuation is all in `stochastic`, which the experiment file states with its source.
    Raises OutOfRange for a negative energy or parameter.
    """
    e = np.asarray(deposited, float)
    for name, value in (("stochastic", stochastic), ("constant", constant), ("noise", noise)):
        require_in_range(name, value, 0.0, 10.0)
    if not np.all(e >= 0.0):
        raise OutOfRange(f"deposited energy {np.min(e):g} GeV", allowed="0 or more")
    variance = stochastic**2 * e + (constant * e) ** 2 + noise**2
    sure = (variance == 0.0) | (e == 0.0)
    shape = np.where(sure, 1.0, e * e / np.where(sure, 1.0, variance))
    scale = np.where(sure, 1.0, variance / np.where(sure, 1.0, e))
    return np.where(sure, e, rng.gamma(shape, scale))
