"""Pairs of leptons made on a nucleus, l N -> l N l'+ l'- and gamma N -> N l'+ l'-, at tree level.

All diagrams with one photon to the nucleus (four of a lepton, the two of Bethe and Heitler of a
photon), every lepton massive, identical leptons antisymmetrised (`lepton_pairs_amplitude`);
integrated by adaptive Monte Carlo with the maps of `lepton_pairs_kernels`, cuts inside the
integration. Left out: more than one photon to the nucleus (the Coulomb correction, of relative size
(Z alpha)^2 for electron pairs), vector mesons in the photon of the pair, radiative corrections.
An atom's electrons are targets of their own (`matter.nucleus.AtomicElectrons`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.code_digest import code_digest
from mutau.core.constants import ALPHA, M_E
from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.random import stream
from mutau.core.storage import cached_arrays, digest
from mutau.core.types import CrossSection
from mutau.core.units import GEV2_PB
from mutau.matter.nucleus import AtomicElectrons, Nucleus, one_nucleus
from mutau.reactions import lepton_pairs_kernels as kernels
from mutau.reactions.abilities import ABILITIES, LEPTONS, PAIR_BEAMS
from mutau.reactions.importance import refined_edges
from mutau.reactions.lepton_pairs_kernels import N_ALL, N_AXES, N_MAPS, OBSERVABLES
from mutau.reactions.lepton_pairs_sampling import sample_map

Array = NDArray[np.float64]

#: Which diagrams count; the sets are gauge invariant, their interference is odd in the charge.
DIAGRAMS: Final = {
    "all": kernels.ALL, "two-photon": kernels.TWO_PHOTON, "radiated": kernels.RADIATED,
}  # fmt: skip
#: The observables of one lepton's energy.
_SINGLE: Final = ("like_energy", "opposite_energy")
_BINS: Final = 64
#: Points of the rounds that shape a grid; narrow cuts get more of the last size, until so many
#: points of a round pass.
_SHAPING: Final = (6_000, 12_000, 25_000)
_MORE_ROUNDS, _ENOUGH = 6, 5_000
#: Of the refinement: narrower bins follow the noise of so few points, whose weights then stand out.
_DAMPING: Final = 0.5
_CHUNK: Final = 25_000
#: Part of the cross section that may lie above the bounds of unweighting.
_ABOVE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class PairReaction:
    """One beam particle on one nucleus, and the pair that it makes.

    beam : "electron", "muon" or "photon". pair : "electron" or "muon". energy : of the beam
    particle, GeV. limits : observable out of `lepton_pairs_kernels.OBSERVABLES` -> (low, high),
    inclusive; of a photon's pair "like" is the negative lepton. diagrams : out of DIAGRAMS.
    nucleus : or the electrons of an atom, each at rest and alone (`lepton_pairs_targets`).
    Raises UnknownName, OutOfRange (energy above 10 TeV or below threshold, an empty range),
    MutauError for one set of diagrams of identical leptons or of a photon, and for a limit on a
    beam lepton where there is none.
    """

    beam: str
    pair: str
    energy: float
    nucleus: Nucleus | AtomicElectrons
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    diagrams: str = "all"

    def __post_init__(self) -> None:
        if self.beam not in PAIR_BEAMS:
            raise UnknownName("beam", self.beam, PAIR_BEAMS)
        if self.pair not in LEPTONS:
            raise UnknownName("lepton", self.pair, LEPTONS)
        if self.diagrams not in DIAGRAMS:
            raise UnknownName("set of diagrams", self.diagrams, DIAGRAMS)
        if self.identical and self.diagrams != "all":
            raise MutauError(
                f"of two {self.beam}s that leave nobody can say which was the beam's",
                place="diagrams", allowed="all",
            )  # fmt: skip
        if self.of_photon and self.diagrams != "all":
            raise MutauError("a photon has only the two diagrams", place="diagrams", allowed="all")
        for name, (low, high) in self.limits.items():
            if name not in self.observables:
                raise UnknownName("observable of a pair", name, self.observables)
            if not low < high:
                raise OutOfRange(f"{name}: {low:g} to {high:g} is empty", place="limits")
        threshold = _threshold(self.beam, self.pair, self.nucleus.mass)
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
    def of_photon(self) -> bool:
        """Whether a photon makes the pair."""
        return self.beam == "photon"

    @property
    def observables(self) -> tuple[str, ...]:
        """What limits may stand on."""
        return OBSERVABLES[2:] if self.of_photon else OBSERVABLES

    @property
    def maps(self) -> range:
        """Maps of `lepton_pairs_kernels` that the integral runs over."""
        return range(N_MAPS, N_ALL) if self.of_photon else range(N_MAPS)

    @property
    def scale(self) -> float:
        """From what the kernels give to pb: the couplings."""
        return (4.0 * math.pi * ALPHA) ** (3 if self.of_photon else 4) * GEV2_PB

    @property
    def pair_energies(self) -> tuple[float, float]:
        """Range of the pair's energy that the limits leave, GeV. Raises OutOfRange for none."""
        mass, mu = PAIR_BEAMS[self.beam], LEPTONS[self.pair]
        full = (-math.inf, math.inf)
        pair, after = (self.limits.get(name, full) for name in ("pair_energy", "lepton_energy"))
        single = [self.limits.get(name, full)[0] for name in _SINGLE]
        # more than a nucleus takes; an electron may take all
        recoil = self.energy if self.nucleus.half_spin else 1e-3 * self.energy
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
        mass, mu = PAIR_BEAMS[self.beam], LEPTONS[self.pair]
        low, high = self.pair_energies
        softest, near, far = [self.energy] * 2, 0.0, math.pi
        if self.identical:  # a map may take the softer one for the beam's
            high = self.energy - mass
        elif not self.nucleus.half_spin:
            near, far = self.limits.get("lepton_theta", (0.0, math.pi))
            softest = [
                min(self.limits.get(name, (0.0, math.inf))[1], self.energy) for name in _SINGLE
            ]
        if self.of_photon:  # what one has, the other has not
            least = [self.limits.get(name, (0.0, 0.0))[0] for name in _SINGLE]
            softest = [
                min(top, self.energy - max(other, mu))
                for top, other in zip(softest, reversed(least), strict=True)
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
            self.nucleus.half_spin,
        )


def _threshold(beam: str, pair: str, target: float) -> float:
    """Least energy (GeV) of the beam particle on a target of this mass at rest."""
    mass, mu = PAIR_BEAMS[beam], LEPTONS[pair]
    return mass + 2.0 * mu * (1.0 + (mass + mu) / target)


def on_electrons_threshold(beam: str, pair: str) -> float:
    """Least energy (GeV) at which a pair can be made on an electron at rest.

    Check: a photon needs 4 m_e for an electron pair.
    """
    return _threshold(beam, pair, M_E)


PairReaction.__init__ = one_nucleus(PairReaction.__init__)  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Grids:
    """Adapted grids of a reaction's maps. edges : (maps, 7, bins + 1). sigma, err : (maps,) pb.

    bounds : (maps,) weights, pb, above which lies 1e-3 of the cross section.
    """

    edges: Array
    sigma: Array
    err: Array
    bounds: Array


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
    maps, scale = reaction.maps, reaction.scale
    edges = np.tile(np.linspace(0.0, 1.0, _BINS + 1), (len(maps), N_AXES, 1))
    rngs = [stream(seed, which) for which in range(len(maps))]
    for i, which in enumerate(maps):
        edges[i] = _shaped(rngs[i], which, edges[i], setup)
    weights = np.empty(_CHUNK)
    kept: list[list[Array]] = [[] for _ in maps]
    spread = np.ones(len(maps))
    for turn in range(1600):
        i = turn if turn < len(maps) else int(np.argmax(spread))
        unused = np.zeros((N_AXES, _BINS))
        sample_map(rngs[i], maps[i], edges[i], setup, weights, unused)
        kept[i].append(_summary(weights * scale))
        if turn < len(maps) - 1:
            continue
        sigma, err = _combined(kept)
        spread = err
        if turn == len(maps) - 1 and not sigma.sum() > 0.0:
            raise OutOfRange("no pair passes these cuts", place="limits", remedy="loosen them")
        if math.hypot(*err) <= error * sigma.sum():
            break
    bounds = np.array([np.median([item[3] for item in items]) for items in kept])
    bounds = np.maximum(bounds, 1e-12 * sigma.sum())
    return {"edges": edges, "sigma": sigma, "err": err, "bounds": bounds}


def _shaped(rng: np.random.Generator, which: int, edges: Array, setup: kernels.PairSetup) -> Array:
    """Edges (7, bins + 1) of one map that follow its integrand."""
    edges = edges.copy()
    for turn in range(len(_SHAPING) + _MORE_ROUNDS):
        weights = np.empty(_SHAPING[min(turn, len(_SHAPING) - 1)])
        content = np.zeros((N_AXES, _BINS))
        sample_map(rng, which, edges, setup, weights, content)
        for axis in range(N_AXES):
            edges[axis] = refined_edges(edges[axis], content[axis], _DAMPING)
        if turn >= len(_SHAPING) - 1 and np.count_nonzero(weights) >= _ENOUGH:
            break
    return edges


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
    Petrukhin integrate over angles (tested within 2 % against `matter.muon_cross_sections`, on the
    nucleus alone and with the atom's electrons).
    Of a photon: H. Bethe, W. Heitler, Proc. R. Soc. A 146 (1934) 83, with form factor and recoil.
    Check: proportional to alpha^4 Z^2 (photon: alpha^3) for a point charge; the radiated set is
    `muon_brems`'s or `electron_brems`'s cross section for a boson of the pair's mass times
    alpha/3pi (1 + 2 r) sqrt(1 - 4 r), r = m_l^2/m^2, integrated over ln m^2.
    """
    grids = adapted(reaction, error=error, seed=seed)
    return CrossSection(float(grids.sigma.sum()), math.hypot(*grids.err))
