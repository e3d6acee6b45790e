"""Single electromagnetic showers by Monte Carlo, and rare emissions within them.

What the cascade equations (em_cascade) give in the mean, here shower by shower: track lengths by
energy, depth profile, energy left in sections and rings, and the place and energy of one forced
emission of a boson with the visible energy of the rest.

Samples are made in chunks of a fixed size, each with its own random stream: results do not depend
on the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.random import REACH, cut_normal, stream
from mutau.core.threads import in_threads
from mutau.core.types import Saved, provenance
from mutau.matter.em_processes_medium import medium
from mutau.matter.em_processes_tables import E_HIGH
from mutau.matter.materials import Material
from mutau.transport.em_cascade import LOWEST_ENERGY, PARTICLES, particle_index
from mutau.transport.shower_kernels import Layout
from mutau.transport.shower_run_kernels import N_EVENT, NO_CHANNELS, Channels, run_showers
from mutau.transport.shower_tables import ShowerTables, node_energy, shower_tables

Array = np.ndarray

CHUNK: Final = 500  # showers per random stream
SOFT: Final = 0.05  # photons below this share of the energy, or below the cut, are a mean loss
_FAR: Final = 1e9  # X0; the back of an infinite target
_NO_EVENTS: Final = np.zeros((0, N_EVENT))


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
        """(n, S, R) share of the incident energy left in each section and ring."""
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


def prepared(
    particle: str, energy: float, material: Material, cut: float, soft: float, n: int
) -> tuple[int, ShowerTables, float]:
    """Checked arguments of `simulate_showers` as species, tables and cm per X0; raises as it."""
    s = particle_index(particle)
    require_in_range("energy", energy, LOWEST_ENERGY, E_HIGH, unit="GeV")
    require_in_range(
        "cut", cut, LOWEST_ENERGY, 0.99 * energy, unit="GeV",
        reason="low-energy corrections to the cross sections are absent",
    )  # fmt: skip
    require_in_range("soft", soft, 1e-4, 0.5)
    if n < 1:
        raise OutOfRange(f"number of showers = {n}", allowed="1 or more")
    m = medium(material)
    return s, shower_tables(m, float(energy), float(cut), float(soft)), m.x0_cm


def laid_out(
    edges: Array, geometry: ShowerGeometry, t: ShowerTables, emits: bool
) -> tuple[Array, Layout]:
    """The flat geometry array of the kernels, and what is where in it (`shower_kernels.Layout`).

    edges : of the track-length histogram, GeV. emits : whether electrons emit bosons.
    """
    nodes = np.array([node_energy(t.first + i) for i in range(len(t.nodes))])
    bins = np.searchsorted(edges, nodes, side="right") - 1
    depth = geometry.profile
    count = len(depth) - 1
    head = [edges, geometry.sections, geometry.rings, [depth[0], count / (depth[-1] - depth[0])]]
    layout = Layout(
        len(edges) - 1, len(geometry.sections) - 1, len(geometry.rings) - 1, count,
        geometry.lateral, emits, False, float(geometry.far[0]), float(geometry.far[1]),
    )  # fmt: skip
    return np.concatenate([*head, bins]).astype(float), layout


def _in_chunks(n: int, workers: int, work: Callable[[int, int, int], Any]) -> list[Any]:
    """work(chunk, start, stop) for every chunk, in order, on `workers` threads."""
    pieces = [(c, i, min(i + CHUNK, n)) for c, i in enumerate(range(0, n, CHUNK))]
    if workers <= 1:
        return [work(*piece) for piece in pieces]
    return list(in_threads(lambda piece: work(*piece), pieces, workers))


def simulate_showers(
    particle: str,
    energy: float,
    material: Material,
    n: int,
    *,
    cut: float = 1.0,
    edges: ArrayLike | None = None,
    geometry: ShowerGeometry | None = None,
    seed: int = 1,
    key: Sequence[int] = (),
    workers: int = 1,
    soft: float = SOFT,
) -> ShowerSample:
    """A sample of `n` showers of one particle in a homogeneous target.

    particle : "e-", "e+" or "gamma". energy : total, GeV. cut : total energy below which a
    particle is stopped where it is, GeV. edges : (K + 1,) rising energies of the track-length
    histogram, GeV; default 20 equal steps of the logarithm from the cut to the energy.
    geometry : what is counted; default an infinite target. seed, key : chunk c uses the stream
    (seed, *key, c). workers : threads. soft : radiation below min(cut, soft E) is a mean loss.
    Returns ShowerSample. Raises UnknownName, OutOfRange, MutauError.
    Reactions: radiation, pairs, Compton, Moller, Bhabha, annihilation in flight, mean ionisation,
    and with `geometry.lateral` multiple scattering as a Gaussian of Highland's width without its
    logarithm (13.6 MeV/E per root X0: 10 % of the width) and the angles of all reactions.
    Check: the means are those of `track_lengths` within 0.3 %, energy is conserved exactly.
    """
    s, t, x0_cm = prepared(particle, energy, material, cut, soft, n)
    bins = np.geomspace(cut, energy, 21) if edges is None else np.asarray(edges, float)
    if bins.ndim != 1 or len(bins) < 2 or not np.all(np.diff(bins) > 0.0):
        raise MutauError("energy edges do not rise", place="edges", allowed="two or more, rising")
    if bins[0] < cut * (1.0 - 1e-12):
        raise OutOfRange(f"lowest edge {bins[0]:g} GeV is below the cut {cut:g} GeV", place="edges")
    shape = geometry or ShowerGeometry()
    flat, layout = laid_out(bins, shape, t, False)
    s_count, r_count = layout.sections, layout.rings
    size = 3 * layout.bins + s_count * r_count + layout.profile + 1
    section, leak = np.zeros((n, s_count * r_count)), np.zeros(n)

    def work(chunk: int, start: int, stop: int) -> Array:
        sums = np.zeros((2, size))
        run_showers(
            s, np.full(stop - start, float(energy)), t, flat, layout, layout, NO_CHANNELS,
            stream(seed, *key, chunk), section[start:stop], leak[start:stop], _NO_EVENTS, sums,
        )  # fmt: skip
        return sums

    total = np.sum(_in_chunks(n, workers, work), axis=0)
    mean = total[0] / n
    err = np.sqrt(np.maximum(total[1] / n - mean**2, 0.0) / max(n - 1, 1))
    tracks = slice(0, 3 * layout.bins)
    width = np.diff(bins)
    track, track_err = (x[tracks].reshape(3, -1) / width for x in (mean, err))
    at = 3 * layout.bins + s_count * r_count
    step = shape.profile[1] - shape.profile[0]
    return ShowerSample(
        section.reshape(n, s_count, r_count), leak, bins, track[0], track[1], track[2], track_err,
        shape.profile,
        mean[at:-1] / step, err[at:-1] / step, particle, float(energy), material.name, float(cut),
        x0_cm, provenance(seed),
    )  # fmt: skip


def _channels(emissions: Sequence[Emission]) -> Channels:
    """Tables of several channels on the union of their energies."""
    nodes = np.unique(np.concatenate([e.energy for e in emissions]))
    shares = np.zeros((len(emissions), len(nodes), 2))
    quantiles = max([e.fraction.shape[1] for e in emissions if e.fraction is not None], default=2)
    fractions = np.zeros((len(emissions), len(nodes), quantiles))
    steps = np.linspace(0.0, 1.0, quantiles)
    for i, e in enumerate(emissions):
        rate = np.interp(nodes, e.energy, e.rate, left=0.0, right=0.0)
        inside = (nodes[:-1] >= e.energy[0]) & (nodes[1:] <= e.energy[-1])
        cell = np.where(inside, 0.5 * (rate[:-1] + rate[1:]) * np.diff(nodes), 0.0)
        integral = np.concatenate([[0.0], np.cumsum(cell)])
        for particle in e.particles:
            shares[i, :, PARTICLES[particle]] = integral
        if e.fraction is not None:
            q = np.linspace(0.0, 1.0, e.fraction.shape[1])
            table = np.array([np.interp(steps, q, row) for row in e.fraction])
            for j in range(quantiles):
                fractions[i, :, j] = np.interp(nodes, e.energy, table[:, j])
    rates = np.concatenate([nodes[:, None], shares.sum(axis=0)], axis=1)
    whole = np.array([float(e.fraction is None) for e in emissions])
    return Channels(np.ascontiguousarray(rates), shares, fractions, np.log(nodes), whole)


def simulate_emissions(
    particle: str,
    energy: float,
    material: Material,
    n: int,
    emissions: Sequence[Emission],
    *,
    cut: float = 1.0,
    geometry: ShowerGeometry | None = None,
    seed: int = 1,
    key: Sequence[int] = (),
    workers: int = 1,
    soft: float = SOFT,
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
    highest = energy * (1.0 + REACH * spread)
    s, t, x0_cm = prepared(particle, highest, material, cut, soft, n)
    shape = geometry or ShowerGeometry()
    bins = np.array([cut, highest])
    flat, layout = laid_out(bins, shape, t, True)
    quiet = layout._replace(emits=False)
    channels = _channels(emissions)
    s_count, r_count = layout.sections, layout.rings
    section, leak = np.zeros((n, s_count * r_count)), np.zeros(n)
    events = np.zeros((n, N_EVENT))
    size = 3 * layout.bins + s_count * r_count + layout.profile + 1

    def entering(chunk: int, size: int) -> Array:
        moved = (
            spread * cut_normal(size, stream(seed, *key, chunk, 1)) if spread else np.zeros(size)
        )
        return np.asarray(energy * (1.0 + moved))

    def work(chunk: int, start: int, stop: int) -> None:
        sums = np.zeros((2, size))
        run_showers(
            s, entering(chunk, stop - start), t, flat, layout, quiet, channels,
            stream(seed, *key, chunk), section[start:stop], leak[start:stop],
            events[start:stop], sums,
        )  # fmt: skip

    _in_chunks(n, workers, work)
    emitter = np.where(events[:, 2] == 0.0, 11, -11).astype(np.int32)
    return EmissionSample(
        events[:, 0].copy(), events[:, 1].astype(np.int32), emitter, events[:, 3].copy(),
        events[:, 4].copy(), events[:, 5:8].copy(), events[:, 8:11].copy(),
        section.reshape(n, s_count, r_count), leak, tuple(e.name for e in emissions), particle,
        float(energy), material.name, x0_cm, provenance(seed),
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
