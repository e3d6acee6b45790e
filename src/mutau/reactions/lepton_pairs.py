"""Pairs of leptons made by a lepton on a nucleus, l N -> l N l'+ l'-, exact at tree level.

All four diagrams with one photon to the nucleus, every lepton massive, identical leptons
antisymmetrised (`lepton_pairs_amplitude`); integrated by adaptive Monte Carlo with the maps of
`lepton_pairs_kernels`, cuts inside the integration. Left out: more than one photon to the nucleus
(the Coulomb correction, of relative size (Z alpha)^2 for electron pairs), atomic electrons as
targets (1/Z of the nucleus, in `matter.muon_cross_sections`), vector mesons in the photon of the
pair, radiative corrections.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.code_digest import code_digest
from mutau.core.constants import ALPHA
from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.random import stream
from mutau.core.storage import cached_arrays, digest
from mutau.core.types import CrossSection
from mutau.core.units import GEV2_PB
from mutau.matter.nucleus import Nucleus, one_nucleus
from mutau.reactions import lepton_pairs_kernels as kernels
from mutau.reactions.abilities import ABILITIES, LEPTONS
from mutau.reactions.importance import refined_edges
from mutau.reactions.lepton_pairs_kernels import N_AXES, N_MAPS, OBSERVABLES
from mutau.reactions.lepton_pairs_sampling import sample_map

Array = NDArray[np.float64]

#: Which diagrams count; the sets are gauge invariant, their interference is odd in the charge.
DIAGRAMS: Final = {
    "all": kernels.ALL, "two-photon": kernels.TWO_PHOTON, "radiated": kernels.RADIATED,
}  # fmt: skip
_BINS: Final = 64
_ROUNDS, _ROUND_SIZE = 7, 20_000
_CHUNK: Final = 50_000
#: Part of the cross section that may lie above the bounds of unweighting.
_ABOVE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class PairReaction:
    """One beam lepton on one nucleus, and the pair that it makes.

    beam, pair : "electron" or "muon". energy : of the beam lepton, GeV. limits : observable out of
    `lepton_pairs_kernels.OBSERVABLES` -> (low, high), inclusive. diagrams : out of DIAGRAMS.
    Raises UnknownName, OutOfRange (energy above 10 TeV or below threshold, an empty range),
    MutauError for one set of diagrams of identical leptons.
    """

    beam: str
    pair: str
    energy: float
    nucleus: Nucleus
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    diagrams: str = "all"

    def __post_init__(self) -> None:
        for name in (self.beam, self.pair):
            if name not in LEPTONS:
                raise UnknownName("lepton", name, LEPTONS)
        if self.diagrams not in DIAGRAMS:
            raise UnknownName("set of diagrams", self.diagrams, DIAGRAMS)
        if self.identical and self.diagrams != "all":
            raise MutauError(
                f"of two {self.beam}s that leave nobody can say which was the beam's",
                place="diagrams", allowed="all",
            )  # fmt: skip
        for name, (low, high) in self.limits.items():
            if name not in OBSERVABLES:
                raise UnknownName("observable of a pair", name, OBSERVABLES)
            if not low < high:
                raise OutOfRange(f"{name}: {low:g} to {high:g} is empty", place="limits")
        mass, mu = LEPTONS[self.beam], LEPTONS[self.pair]
        threshold = mass + 2.0 * mu * (1.0 + (mass + mu) / self.nucleus.mass)
        abilities = ABILITIES[f"{self.beam}-{self.pair}-pair"]
        require_in_range(
            "energy", self.energy, threshold, abilities.energies[1], unit="GeV",
            reason=abilities.reaction, open_low=True,
        )  # fmt: skip

    @property
    def identical(self) -> bool:
        """Whether the pair holds a lepton like the beam's."""
        return self.beam == self.pair

    @property
    def pair_energies(self) -> tuple[float, float]:
        """Range of the pair's energy that the limits leave, GeV. Raises OutOfRange for none."""
        mass, mu = LEPTONS[self.beam], LEPTONS[self.pair]
        full = (-math.inf, math.inf)
        pair, after = (self.limits.get(name, full) for name in ("pair_energy", "lepton_energy"))
        single = [self.limits.get(name, full)[0] for name in ("like_energy", "opposite_energy")]
        recoil = 1e-3 * self.energy  # more than the nucleus takes
        low = max(2.0 * mu * (1.0 + 1e-9), pair[0], *(item + mu for item in single))
        low = max(low, self.energy - after[1] - recoil)
        high = min(self.energy - mass, pair[1] + recoil, self.energy - after[0])
        if not low < high:
            raise OutOfRange(
                f"pairs of {low:g} to {high:g} GeV: nothing is left", place="limits",
                remedy="loosen them",
            )  # fmt: skip
        return low, high

    def setup(self) -> kernels.PairSetup:
        """The reaction as kernels take it."""
        cuts = np.tile([-math.inf, math.inf], (len(OBSERVABLES), 1))
        for name, limits in self.limits.items():
            cuts[OBSERVABLES.index(name)] = limits
        mass, mu = LEPTONS[self.beam], LEPTONS[self.pair]
        low, high = self.pair_energies
        softest, near, far = [self.energy] * 2, 0.0, math.pi
        if self.identical:  # a map may take the softer one for the beam's
            high = self.energy - mass
        else:
            near, far = self.limits.get("lepton_theta", (0.0, math.pi))
            softest = [
                min(self.limits.get(name, (0.0, math.inf))[1], self.energy)
                for name in ("like_energy", "opposite_energy")
            ]
        angles = [2.0 * math.sin(0.5 * min(max(angle, 0.0), math.pi)) ** 2 for angle in (near, far)]
        return kernels.PairSetup(
            kernels.PairBeam(self.energy, mass, self.nucleus.mass),
            mu,
            float(self.identical),
            DIAGRAMS[self.diagrams],
            kernels.Reach(low, high, *softest, *angles),
            self.nucleus.shape,
            np.ascontiguousarray(cuts),
        )


PairReaction.__init__ = one_nucleus(PairReaction.__init__)  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Grids:
    """Adapted grids of the four maps. edges : (4, 7, bins + 1). sigma, err : (4,) pb, of each map.

    bounds : (4,) weights, pb, above which lies 1e-3 of the cross section.
    """

    edges: Array
    sigma: Array
    err: Array
    bounds: Array


#: From what the kernels give to pb.
SCALE: Final = (4.0 * math.pi * ALPHA) ** 4 * GEV2_PB


def adapted(reaction: PairReaction, *, error: float = 1e-3, seed: int = 1) -> Grids:
    """Grids that follow the reaction within its cuts, and the integral over each map.

    error : relative statistical error of the sum that ends the work (at most 4e7 points).
    seed : fixes every random number. Raises OutOfRange for an error outside 1e-5 to 0.3, or where
    no point passes the cuts.
    """
    require_in_range("error", error, 1e-5, 0.3)
    key = digest(code_digest(__name__), repr(reaction), error, seed)
    return Grids(**cached_arrays("lepton-pairs", key, lambda: _adapted(reaction, error, seed)))


def _adapted(reaction: PairReaction, error: float, seed: int) -> dict[str, Array]:
    """Arrays of `Grids`, kept in the cache folder."""
    setup = reaction.setup()
    edges = np.tile(np.linspace(0.0, 1.0, _BINS + 1), (N_MAPS, N_AXES, 1))
    rngs = [stream(seed, which) for which in range(N_MAPS)]
    weights = np.empty(_CHUNK)
    for which, rng in enumerate(rngs):
        for turn in range(_ROUNDS):
            content = np.zeros((N_AXES, _BINS))
            size = _ROUND_SIZE if turn < _ROUNDS - 1 else _CHUNK
            sample_map(rng, size, which, edges[which], setup, weights, content)
            for axis in range(N_AXES):
                edges[which, axis] = refined_edges(edges[which, axis], content[axis])
    kept: list[list[Array]] = [[] for _ in range(N_MAPS)]
    spread = np.ones(N_MAPS)
    for turn in range(800):
        which = turn if turn < N_MAPS else int(np.argmax(spread))
        unused = np.zeros((N_AXES, _BINS))
        sample_map(rngs[which], _CHUNK, which, edges[which], setup, weights, unused)
        kept[which].append(_summary(weights * SCALE))
        if turn < N_MAPS - 1:
            continue
        sigma, err = _combined(kept)
        spread = err
        if turn == N_MAPS - 1 and not sigma.sum() > 0.0:
            raise OutOfRange("no pair passes these cuts", place="limits", remedy="loosen them")
        if math.hypot(*err) <= error * sigma.sum():
            break
    bounds = np.array([np.median([item[3] for item in items]) for items in kept])
    bounds = np.maximum(bounds, 1e-12 * sigma.sum())
    return {"edges": edges, "sigma": sigma, "err": err, "bounds": bounds}


def _summary(weights: Array) -> Array:
    """Mean, mean square, number, and the weight above which lies _ABOVE of the sum."""
    order = np.sort(weights)
    above = np.cumsum(order[::-1])[::-1]
    place = int(np.searchsorted(-above, -_ABOVE * above[0])) if above[0] > 0.0 else 0
    bound = order[min(place, order.size - 1)]
    return np.array([weights.mean(), np.mean(weights**2), weights.size, bound])


def _combined(kept: list[list[Array]]) -> tuple[Array, Array]:
    """Means and their errors, of each map."""
    sigma, err = [], []
    for items in kept:
        n = sum(item[2] for item in items)
        mean = sum(item[0] * item[2] for item in items) / n
        square = sum(item[1] * item[2] for item in items) / n
        sigma.append(mean)
        err.append(math.sqrt(max(square - mean * mean, 0.0) / n))
    return np.array(sigma), np.array(err)


def cross_section(reaction: PairReaction, *, error: float = 1e-3, seed: int = 1) -> CrossSection:
    """Total cross section within the reaction's limits, pb per atom, with its statistical error.

    error, seed : as in `adapted`, whose errors it raises.
    Source: tree level; for electron pairs made by muons it is what R. P. Kokoulin and A. A.
    Petrukhin integrate over angles (tested within 2 % against `matter.muon_cross_sections`).
    Check: proportional to alpha^4 Z^2 for a point charge; the radiated set alone is
    `muon_brems`'s or `electron_brems`'s cross section for a boson of the pair's mass times
    alpha/3pi (1 + 2 r) sqrt(1 - 4 r), r = m_l^2/m^2, integrated over ln m^2.
    """
    grids = adapted(reaction, error=error, seed=seed)
    return CrossSection(float(grids.sigma.sum()), math.hypot(*grids.err))
