"""Unweighted events of Z' bremsstrahlung on a nucleus: lepton, Z' and recoil, exact 2 to 3.

The squared amplitude and the cross sections live in `mutau.reactions`; here are the table of bounds
for one mass and one range of lepton energies, and the drawing. A table takes a few milliseconds,
less than reading one back from disk, so none is kept there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.types import CrossSection, Events
from mutau.matter.nucleus import Nucleus, one_nucleus
from mutau.reactions import bremsstrahlung_sampling as kernels
from mutau.reactions.abilities import LEPTONS
from mutau.reactions.bremsstrahlung import check_point, check_window, collision_of
from mutau.reactions.bremsstrahlung_maps import energy_limits
from mutau.reactions.importance import edges_by_content

Array = NDArray[np.float64]

#: Cells of the table in (x, u, t, phi), and the widest energy bin that one table serves.
CELLS: Final = (20, 10, 16, 4)
ENERGY_RATIO: Final = 1.25
#: Part of the spread within a cell that is added to the largest density found in it.
MARGIN: Final = 0.1
#: Grid on which the content of the cube is looked at to place the cells.
PROFILE: Final = (32, 16, 32, 6)

PDG_LEPTON: Final = {"electron": 11, "muon": 13}
PDG_ZPRIME: Final = 32


@dataclass(frozen=True, slots=True)
class BremsSample:
    """N final states, incoming lepton along +z, nucleus at rest.

    p_lepton, p_zprime, p_nucleus : (N, 4) float64, GeV, (E, px, py, pz); the nucleus with its mass.
    weight : (N,) float64; 1, but for the rare events whose density was above the table's bound,
        which carry their excess, so that weighted sums follow the exact density.
    acceptance : kept over proposed points. overweight_fraction : part of events with weight > 1.
    """

    p_lepton: Array
    p_zprime: Array
    p_nucleus: Array
    weight: Array
    acceptance: float
    overweight_fraction: float


@dataclass(frozen=True, slots=True)
class BremsSampler:
    """Draws l N -> l N Z' for one mass, at any lepton energy in a range.

    lepton : "electron" or "muon". mass : Z' mass, GeV. energy_min, energy_max : GeV; the lepton
    energies that `sample` will be asked for. x_min, x_max : window of x = E_Z'/E.
    method : "exact" (tree level) or "ww": the density in x and u of the Weizsaecker-Williams
        approximation, t from its flux and a flat azimuth, momenta conserved all the same.
    mediator : kind of boson, of `bosons.KINDS`.
    Raises OutOfRange for a mass or energy outside validity, a reaction closed at energy_min, or an
    empty window there; UnknownName for a wrong name, MutauError for a kind that is not computed.
    """

    lepton: str
    nucleus: Nucleus
    mass: float
    energy_min: float
    energy_max: float
    x_min: float = 0.0
    x_max: float = 1.0
    method: str = "exact"
    mediator: str = "vector"
    _emitter: kernels.Emitter = field(init=False, repr=False, compare=False)
    _table: kernels.BoundTable = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        collision = collision_of(self.lepton, self.nucleus, self.method, self.mediator)
        if self.method == "iww":
            raise UnknownName("method", self.method, ("exact", "ww"))
        check_window(self.x_min, self.x_max)
        check_point(self.lepton, self.energy_min, self.mass, collision.nucleus)
        check_point(self.lepton, self.energy_max, self.mass, collision.nucleus)
        if not self.energy_min <= self.energy_max:
            raise OutOfRange(
                f"energy_max = {self.energy_max:g} GeV is below energy_min",
                allowed=f"from {self.energy_min:g} GeV",
            )
        _, k_high = energy_limits(self.energy_min, collision.m_l, self.mass, collision.nucleus)
        require_in_range(
            "x_min", self.x_min, 0.0, k_high / self.energy_min,
            reason="largest Z' energy fraction at energy_min",
        )  # fmt: skip
        emitter = kernels.Emitter(
            collision, float(self.mass), float(self.x_min), float(self.x_max)
        )  # fmt: skip
        object.__setattr__(self, "_emitter", emitter)
        object.__setattr__(self, "_table", self._build())

    def _build(self) -> kernels.BoundTable:
        length = math.log(self.energy_max / self.energy_min)
        n_bins = max(1, math.ceil(length / math.log(ENERGY_RATIO)))
        middle = math.sqrt(self.energy_min * self.energy_max)
        emitter = self._emitter
        centres = kernels.Edges(*((np.arange(n) + 0.5) / n for n in PROFILE))
        content = kernels.grid_values(emitter, middle, centres)
        edges = kernels.Edges(
            edges_by_content(content.sum(axis=(1, 2, 3)), CELLS[0]),
            edges_by_content(content.sum(axis=(0, 2, 3)), CELLS[1]),
            edges_by_content(content.sum(axis=(0, 1, 3)), CELLS[2]),
            edges_by_content(content.sum(axis=(0, 1, 2)), CELLS[3]),
        )
        centres = kernels.Edges(*(0.5 * (edge[1:] + edge[:-1]) for edge in edges))
        nodes = self.energy_min * np.exp(np.linspace(0.0, length, n_bins + 1 if length else 1))
        at_nodes = [
            kernels.cell_bounds(
                kernels.grid_values(emitter, energy, edges),
                kernels.grid_values(emitter, energy, centres), MARGIN,
            )
            for energy in np.clip(nodes, self.energy_min, self.energy_max)
        ]  # fmt: skip
        pairs = zip(at_nodes, at_nodes[1:] or at_nodes, strict=False)
        bounds = np.array([np.maximum(low, high) for low, high in pairs])
        threshold, alias = kernels.draw_tables(bounds, edges)
        return kernels.BoundTable(
            edges, bounds.reshape(len(bounds), -1), threshold, alias,
            math.log(self.energy_min), length / n_bins if length else 1.0,
        )  # fmt: skip

    def sample(self, energies: ArrayLike, rng: np.random.Generator) -> BremsSample:
        """One event per incoming lepton energy.

        energies : (N,) array_like, GeV, within [energy_min, energy_max]. rng : the only source of
            randomness; equal state and energies give equal events.
        Returns BremsSample. Momentum and energy balance to rounding of the beam energy.
        Raises OutOfRange for an energy outside the prepared range (NaN included).
        """
        energy = np.ascontiguousarray(np.atleast_1d(np.asarray(energies, float)))
        if energy.ndim != 1:
            raise MutauError(f"energies have shape {energy.shape}", allowed="(N,)")
        for value in (np.min(energy), np.max(energy)) if energy.size else ():
            require_in_range(
                "energy", float(value), self.energy_min, self.energy_max, unit="GeV",
                reason="the range this sampler was prepared for",
            )  # fmt: skip
        n = len(energy)
        out = kernels.FinalStates(
            np.empty((n, 4)), np.empty((n, 4)), np.empty((n, 4)), np.empty(n)
        )  # fmt: skip
        trials, over = kernels.draw_events(self._emitter, self._table, energy, rng, out)
        return BremsSample(*out, n / max(trials, 1), over / max(n, 1))


BremsSampler.__init__ = one_nucleus(BremsSampler.__init__)  # type: ignore[method-assign]


def to_events(
    sampler: BremsSampler,
    sample: BremsSample,
    energies: ArrayLike,
    *,
    antilepton: bool = False,
    event_weight: ArrayLike = 1.0,
    x4: ArrayLike = 0.0,
    sigma: CrossSection | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Events:
    """Events of five rows each: incoming lepton, nucleus at rest; outgoing lepton, Z', nucleus.

    sampler, sample, energies : as drawn. antilepton : True for mu+ or e+.
    event_weight : scalar or (N,); expected number per event in the exposure, multiplied by the
        sample's weight. x4 : scalar or (N, 4), cm, production point (c t, x, y, z).
    sigma : cross section for the header, in pb. meta : provenance.
    Returns `core.types.Events` with 5 N rows; PDG codes 11 or 13, 32, 100ZZZAAA0.
    """
    energy = np.atleast_1d(np.asarray(energies, float))
    n = len(sample.weight)
    if energy.shape != (n,):
        raise MutauError(f"energies have shape {energy.shape}", allowed=f"({n},) as the sample")
    m_l = LEPTONS[sampler.lepton]
    p4 = np.zeros((n, 5, 4))
    p4[:, 0, 0] = energy
    p4[:, 0, 3] = np.sqrt((energy - m_l) * (energy + m_l))
    p4[:, 1, 0] = sampler.nucleus.mass
    p4[:, 2], p4[:, 3], p4[:, 4] = sample.p_lepton, sample.p_zprime, sample.p_nucleus
    lepton = PDG_LEPTON[sampler.lepton] * (-1 if antilepton else 1)
    nucleus = sampler.nucleus.pdg
    weight = np.broadcast_to(np.asarray(event_weight, float), (n,)) * sample.weight
    place = np.broadcast_to(np.asarray(x4, float), (n, 4))
    header = dict(meta or {})
    if sigma is not None:
        header |= {"sigma_pb": sigma.sigma_pb, "sigma_err_pb": sigma.sigma_err_pb}
    return Events(
        pdg=np.tile(np.array([lepton, nucleus, lepton, PDG_ZPRIME, nucleus], np.int32), n),
        event=np.repeat(np.arange(n, dtype=np.int64), 5),
        status=np.tile(np.array([-1, -1, 1, 1, 1], np.int8), n),
        p4=p4.reshape(-1, 4),
        x4=np.repeat(place, 5, axis=0),
        weight=np.repeat(weight, 5),
        meta=header,
    )
