"""Mean track length of e-, e+ and photons in an electromagnetic cascade, without random numbers.

Integrated over depth, the cascade equations of a thick homogeneous target are triangular in
energy: what travels at E came from above E. They are solved once from the incident energy down,
on a grid that is dense where an electron starts and logarithmic below (em_cascade_kernels).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from mutau.core.arrays import FloatArray, IntArray
from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.records import Records, columns, zeros
from mutau.matter.em_processes_medium import Medium, medium
from mutau.matter.em_processes_tables import (
    E_HIGH,
    spectrum_tables,
)
from mutau.matter.materials import Material
from mutau.transport.em_cascade_kernels import (
    ELECTRON,
    PHOTON,
    POSITRON,
    BySpecies,
    EnergyBins,
    energy_flow,
    solve,
)

Array = FloatArray

#: Names of the particles and their place in arrays of three.
PARTICLES: Final = {"e-": ELECTRON, "e+": POSITRON, "gamma": PHOTON}
#: Lowest energy the equations go down to, GeV; below, photoabsorption, binding and low-energy
#: corrections to the cross sections, all absent here, exceed a few percent.
LOWEST_ENERGY: Final = 5e-3
_STEP: Final = 0.01  # of ln E
_FIRST: Final = 1e-5  # relative width of the first bin
_GROWTH: Final = 1.4  # of the bins near the incident energy
_FLOOR: Final = 5e-4  # relative error of tables and interpolation
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def particle_index(particle: str) -> int:
    """Place of "e-", "e+" or "gamma" in arrays of three. Raises UnknownName for another."""
    if particle not in PARTICLES:
        raise UnknownName("particle", particle, PARTICLES)
    return PARTICLES[particle]


@dataclass(frozen=True, slots=True, eq=False)
class DenseTrack:
    """Cumulative track length above each energy of a dense grid, interpolated between.

    energy : (N + 1,) rising, GeV. above : (3, N + 1) X0 of track above that energy (the photons
    that have not interacted yet are apart). slope : (3, N + 1), minus d above/dE there, X0/GeV.
    """

    energy: Array
    above: Array
    slope: Array

    @staticmethod
    def of(edges: Array, track: Records[BySpecies]) -> DenseTrack:
        """From falling edges (N + 1,) and track lengths per bin (N,)."""
        length = columns(track, "electron", "positron", "photon").T
        energy = edges[::-1].copy()
        zero = np.zeros((3, 1))
        above = np.concatenate([zero, np.cumsum(length, axis=1)], axis=1)[:, ::-1].copy()
        width = np.diff(energy)
        density = np.maximum(length[:, ::-1], 0.0) / width
        slope = np.empty_like(above)
        left, right = density[:, :-1], density[:, 1:]
        w_left = 2.0 * width[1:] + width[:-1]  # harmonic mean: monotone (Fritsch and Butland 1984)
        w_right = 2.0 * width[:-1] + width[1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = (w_left + w_right) / (w_left / left + w_right / right)
        slope[:, 1:-1] = np.where((left > 0.0) & (right > 0.0), inner, 0.0)
        slope[:, 0] = np.maximum(1.5 * density[:, 0] - 0.5 * density[:, 1], 0.0)
        slope[:, -1] = density[:, -1]
        return DenseTrack(energy, above, slope)

    def _place(self, e: Array) -> tuple[IntArray, Array, Array]:
        i = np.clip(np.searchsorted(self.energy, e, side="right") - 1, 0, len(self.energy) - 2)
        width = self.energy[i + 1] - self.energy[i]
        return i, np.clip((e - self.energy[i]) / width, 0.0, 1.0), width

    def cumulative(self, s: int, e: Array) -> Array:
        """X0 of track of species s above energies e (any shape); 0 above the grid."""
        i, t, width = self._place(e)
        u = 1.0 - t
        y, m = self.above[s], self.slope[s]
        value = y[i] * (1.0 + 2.0 * t) * u * u + y[i + 1] * t * t * (1.0 + 2.0 * u)
        return np.asarray(value - width * t * u * (m[i] * u - m[i + 1] * t))

    def density(self, s: int, e: Array) -> Array:
        """dL/dE of species s at energies e (any shape), X0/GeV; 0 above the grid."""
        i, t, width = self._place(e)
        y, m = self.above[s], self.slope[s]
        step = (y[i] - y[i + 1]) / width
        value = (
            6.0 * t * (1.0 - t) * step
            + m[i] * (1.0 - t) * (1.0 - 3.0 * t)
            + m[i + 1] * t * (3.0 * t - 2.0)
        )
        return np.where(e <= self.energy[-1], value, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class TrackLengths:
    """Mean differential track length of a cascade, per incident particle.

    edges : (K + 1,) rising, GeV, total energy. electron, positron, photon : (K,) bin averages of
    dL/dE, X0 per GeV. err : (3, K) their numerical errors (e-, e+, gamma).
    particle, energy, material : what came in, GeV, and on what. x0_cm : cm per X0.
    uncollided : X0 of track of the incident photon before its first interaction, at `energy`
    exactly (0 for e-, e+); contained in `photon`. dense, coarse : representations on two
    grids; their difference is the error.
    """

    edges: Array
    electron: Array
    positron: Array
    photon: Array
    err: Array
    particle: str
    energy: float
    material: str
    x0_cm: float
    uncollided: float
    dense: DenseTrack
    coarse: DenseTrack

    def density(self, particle: str, energy: ArrayLike) -> Array:
        """dL/dE at any energies within the grid, X0/GeV (without the uncollided photon).

        Raises OutOfRange below the lowest edge.
        """
        e = np.asarray(energy, float)
        if np.any(~(e >= self.edges[0])):
            raise OutOfRange(
                f"energy {np.min(e):g} GeV is below the lowest edge",
                allowed=f"from {self.edges[0]:g} GeV",
                remedy="ask track_lengths for lower edges",
            )
        return self.dense.density(particle_index(particle), e)

    def total(self, particle: str, low: float | None = None, high: float | None = None) -> float:
        """Track length between two energies, X0; by default all of it above the lowest edge."""
        return self.integrate(np.ones_like, particle, low, high)[0]

    def integrate(
        self,
        sigma: Callable[[Array], Array],
        particle: str = "e+",
        low: float | None = None,
        high: float | None = None,
        points: Iterable[float] = (),
    ) -> tuple[float, float]:
        """Integral of sigma(E) dL/dE over energy, and its numerical error.

        sigma : function of an array of energies in GeV; any unit, say pb per atom. The result is
        in that unit times X0 per incident particle: times atoms per cm^3, `x0_cm` and
        units.PB_CM2 it is the mean number of reactions.
        low, high : GeV; default, the lowest edge and the incident energy.
        points : energies, GeV, where sigma bends or peaks; the quadrature is split there, and four
        Gauss points lie between any two neighbours of grid and `points`. A resonance narrower
        than 1 % of its energy needs points around it, or `density` times its integral.
        Raises OutOfRange if [low, high] leaves the grid, MutauError if sigma is not finite.
        """
        s = particle_index(particle)
        bottom, top = float(self.edges[0]), self.energy
        low = bottom if low is None else require_in_range("low", low, bottom, top, unit="GeV")
        high = top if high is None else require_in_range("high", high, low, top, unit="GeV")
        grids = (self.dense, self.coarse)
        whole = [self._quadrature(grid, s, sigma, low, high, points) for grid in grids]
        if s == PHOTON and self.uncollided > 0.0 and high >= self.energy:
            peak = self.uncollided * float(np.asarray(sigma(np.array([self.energy])))[0])
            whole = [value + peak for value in whole]
        if not np.all(np.isfinite(whole)):
            raise MutauError("the cross section is not finite within the range", place="sigma")
        return whole[0], abs(whole[0] - whole[1]) + _FLOOR * abs(whole[0])

    @staticmethod
    def _quadrature(
        dense: DenseTrack,
        s: int,
        sigma: Callable[[Array], Array],
        low: float,
        high: float,
        points: Iterable[float],
    ) -> float:
        inside = [p for p in points if low < p < high]
        grid = dense.energy[(dense.energy > low) & (dense.energy < high)]
        knots = np.unique(np.concatenate([[low, high], grid, inside]))
        if len(knots) < 2:
            return 0.0
        half = 0.5 * np.diff(knots)[:, None]
        e = knots[:-1, None] + half * (1.0 + _NODES)
        value = np.asarray(sigma(e.ravel())).reshape(e.shape)
        return float(np.sum(half * _WEIGHTS * value * dense.density(s, e)))


def _grid(energy: float, low: float, step: float, first: float) -> Array:
    """Falling edges from `energy` to `low`: widths grow geometrically up to `step` in ln E."""
    span = float(np.log(energy / low))
    near = [0.0]
    width = first
    while width < step and near[-1] + width < span:
        near.append(near[-1] + width)
        width *= _GROWTH
    rest = span - near[-1]
    n = int(np.ceil(rest / step))
    u = np.concatenate([near, near[-1] + rest / max(n, 1) * np.arange(1, n + 1)])
    edges = energy * np.exp(-u)
    edges[0], edges[-1] = energy, low
    return edges


def _solved(
    s: int, energy: float, low: float, m: Medium, step: float
) -> tuple[EnergyBins, Records[BySpecies]]:
    """One grid and the track lengths on it."""
    edges = _grid(energy, low, step, _FIRST * step / _STEP)
    high, bottom = edges[:-1], edges[1:]
    centres = np.log(high / bottom) * high * bottom / (high - bottom)  # mean of E over E^-2
    centres = np.clip(centres, bottom, high)
    grid = EnergyBins(edges, centres)
    return grid, solve(grid, s, spectrum_tables(m))


def _checked_edges(edges: ArrayLike, energy: float) -> Array:
    array = np.asarray(edges, float)
    if array.ndim != 1 or len(array) < 2 or not np.all(np.diff(array) > 0.0):
        raise MutauError(
            f"energy edges {np.array2string(array, threshold=6)} do not rise",
            place="edges",
            allowed="a rising list of two or more",
        )
    require_in_range(
        "lowest edge", float(array[0]), LOWEST_ENERGY, energy, unit="GeV",
        reason="low-energy corrections to the cross sections are absent",
    )  # fmt: skip
    if not np.isfinite(array[-1]):
        raise MutauError("energy edges are not finite", place="edges")
    return array


def track_lengths(
    particle: str,
    energy: float,
    material: Material,
    edges: ArrayLike | Sequence[float],
    *,
    lpm: bool = True,
    dielectric: bool = True,
) -> TrackLengths:
    """Mean differential track length dL/dE of e-, e+ and photons in an infinite target.

    particle : "e-", "e+" or "gamma", incident. energy : its total energy, GeV.
    material : of the target. edges : (K + 1,) rising, GeV; bins for the averages, the lowest is
    where the cascade stops. lpm, dielectric : suppression of soft radiation (and pairs) by
    multiple scattering and polarisation.
    Returns TrackLengths with numerical errors (grid halving plus 5e-4 for tables).
    Raises UnknownName, OutOfRange (edges below 5 MeV or all above the energy), MutauError.
    Source: B. Rossi, High-Energy Particles (1952), sec. 5.2, integrated over depth, with the full
    cross sections of em_processes. Check: lead, 100 GeV e-, E > 1 GeV: 23.3 X0 of electrons and
    20.0 X0 of positrons; energy is conserved (`energy_balance`).
    The cascade is one-dimensional in energy: valid where what leaves the target sideways or
    through the back is negligible.
    """
    s = particle_index(particle)
    require_in_range("energy", energy, LOWEST_ENERGY, E_HIGH, unit="GeV")
    bins = _checked_edges(edges, energy)
    if not bins[0] < energy:
        raise OutOfRange(
            f"the lowest edge {bins[0]:g} GeV leaves nothing below {energy:g} GeV", place="edges"
        )
    m = medium(material, lpm=lpm, dielectric=dielectric)
    low = float(bins[0])
    solved = [_solved(s, energy, low, m, step) for step in (_STEP, 2.0 * _STEP)]
    dense, coarse = (DenseTrack.of(grid.edges, track) for grid, track in solved)
    uncollided = photon_mean_free_path(energy, m) if s == PHOTON else 0.0
    width = np.diff(bins)
    means = []
    for d in (dense, coarse):
        above = np.stack([d.cumulative(i, bins) for i in range(3)])
        if uncollided:
            # a delta function at the incident energy: in the bin that ends there or holds it
            above[-1] += np.where(bins < energy, uncollided, 0.0)
        means.append(-np.diff(above, axis=1) / width)
    err = np.abs(means[0] - means[1]) + _FLOOR * np.abs(means[0])
    electron, positron, photon = means[0]
    return TrackLengths(
        bins, electron, positron, photon, err, particle, float(energy), material.name, m.x0_cm,
        uncollided, dense, coarse,
    )  # fmt: skip


def photon_mean_free_path(energy: float, m: Medium) -> float:
    """Mean free path of a photon of `energy` GeV, X0. Check: 9/7 in the limit of high energy."""
    tables = spectrum_tables(m)
    removal = tables.rates["pair"] + tables.rates["compton"]
    return 1.0 / float(np.interp(np.log(energy), tables.log_e, removal))


@dataclass(frozen=True, slots=True)
class EnergyBalance:
    """Where the incident energy went, GeV, mean per incident particle.

    collisions : soft collisions of e- and e+ above the cut. leptons, photons : energy of what fell
    below the cut. rest : rest energy of the atomic electrons that joined in.
    """

    energy: float
    collisions: float
    leptons: float
    photons: float
    rest: float

    @property
    def imbalance(self) -> float:
        """(out - in)/in: the relative error of the whole solution."""
        out = self.collisions + self.leptons + self.photons
        return out / (self.energy + self.rest) - 1.0


def energy_balance(
    particle: str, energy: float, material: Material, cut: float, **options: bool
) -> EnergyBalance:
    """Account of the energy of a cascade followed down to `cut` GeV; arguments as track_lengths.

    Check: `imbalance` is below 0.2 % above 10 MeV.
    """
    s = particle_index(particle)
    require_in_range("cut", cut, LOWEST_ENERGY, 0.99 * energy, unit="GeV")
    m = medium(material, **options)
    grid, track = _solved(s, energy, cut, m, _STEP)
    if s == PHOTON:  # the first flight happens at the incident energy itself
        edges = np.concatenate([[grid.edges[0]], grid.edges])
        grid = EnergyBins(edges, np.concatenate([[energy], grid.centres]))
        longer = zeros(BySpecies, len(track) + 1)
        longer[1:] = track
        longer["photon"][0], track = photon_mean_free_path(energy, m), longer
    flow = energy_flow(track, grid, spectrum_tables(m))
    return EnergyBalance(float(energy), *(float(x) for x in flow))
