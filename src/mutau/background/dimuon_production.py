"""Muon pairs made in an active target by a beam particle: how many, by which way, of what energy.

Two kinds: by real photons of the showers that the beam particle starts (a muon by bremsstrahlung,
e+e- pairs and knock-on electrons; an electron by itself), counted with the exact mean track length
of photons in the cascade; and directly, by virtual photons of beam muon or of the shower's
electrons and positrons. Both reactions are exact at tree level (`reactions.lepton_pairs`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.matter.materials import Material, material
from mutau.matter.muon_cross_sections import differential, knock_on, max_knock_on
from mutau.matter.nucleus import Nucleus
from mutau.reactions.lepton_pair_events import draw_pairs, make_pair_sampler
from mutau.reactions.lepton_pairs import PairReaction, cross_section

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment
    from mutau.transport.em_cascade import TrackLengths

Array = NDArray[np.float64]

#: Elements that make less than this fraction of the pairs (by Z^2 per volume) count by their Z^2.
_MINOR: Final = 0.02
#: Lowest energy of pairs that are counted, GeV.
LOWEST: Final = 1.0
FORM_FACTOR: Final = "elastic+inelastic"
#: Relative Monte Carlo error of cross sections; events that a spectrum is made of, and its bins.
_ERROR: Final = 5e-3
_EVENTS: Final = 20_000
_BINS: Final = 24
#: Energies (GeV) of a shower's electrons whose virtual photons count, and parts of that range in
#: which their cross section is taken at the middle: 10 % of what they make, itself 1 % of all.
_SOFTEST: Final = 4.0
_PARTS: Final = 4
#: Of the rates, relative: elements of little weight, breakup of nuclei beyond single protons,
#: photon exchange beyond the first (nuclear size cuts it off for muons), radiative corrections.
MODEL_ERROR: Final = 0.05


@dataclass(frozen=True, slots=True)
class PairProduction:
    """Muon pairs above LOWEST per beam particle in the whole target.

    bremsstrahlung, electron_pairs, knock_on : by real photons of showers that each of these starts
    (of an electron beam the whole shower stands in the first). direct : by virtual photons.
    edges : (K+1,) GeV, energy of the pair. by_real, by_virtual : (K,) pairs per beam particle
    between them. err : relative, of the physics put in. numerical_err : relative, of cross sections
    and quadrature.
    """

    bremsstrahlung: float
    electron_pairs: float
    knock_on: float
    direct: float
    edges: Array
    by_real: Array
    by_virtual: Array
    err: float
    numerical_err: float

    @property
    def real(self) -> float:
        """Pairs by real photons."""
        return self.bremsstrahlung + self.electron_pairs + self.knock_on

    def above(self, energy: float) -> float:
        """Pairs with more than this energy, GeV."""
        return self.real_above(energy) + self.direct_above(energy)

    def real_above(self, energy: float) -> float:
        """Those by real photons."""
        return _above(self.edges, self.by_real, energy)

    def direct_above(self, energy: float) -> float:
        """Those by virtual ones."""
        return _above(self.edges, self.by_virtual, energy)


def _above(edges: Array, content: Array, energy: float) -> float:
    """Content of a histogram above an energy, spread evenly in ln E within a bin."""
    sums = np.concatenate([np.cumsum(content[::-1])[::-1], [0.0]])
    return float(np.interp(math.log(energy), np.log(edges), sums))


def elements_of(medium: Material) -> tuple[list[tuple[Nucleus, float]], float]:
    """(nucleus, atoms per cm^3) of the elements that matter, and what to multiply by for the rest.

    The rest counts by its Z^2 per volume.
    """
    squares = [(n * e.z**2, e, n) for e, n in medium.atoms_per_cm3]
    whole = sum(item[0] for item in squares)
    main = [item for item in squares if item[0] > _MINOR * whole]
    found = [(Nucleus.of(e, FORM_FACTOR), n) for _, e, n in main]
    return found, whole / sum(item[0] for item in main)


def pairs_per_cm(
    medium: Material, beam: str, energy: float, *, pair: str = "muon", error: float = _ERROR
) -> float:
    """Muon (or electron) pairs that a particle makes per cm of its track.

    beam : "photon", "electron" or "muon". energy : GeV. error : relative, Monte Carlo.
    """
    main, others = elements_of(medium)
    return others * sum(
        n * PB_CM2
        * cross_section(PairReaction(beam, pair, energy, nucleus), error=error).sigma_pb
        for nucleus, n in main
    )  # fmt: skip


@lru_cache(maxsize=16)
def _rates(medium: Material, beam: str, highest: float) -> tuple[Array, Array]:
    """(ln E, ln of muon pairs per cm of track) on a grid of LOWEST to `highest` GeV."""
    energy = np.geomspace(LOWEST, highest, 12)
    rates = [pairs_per_cm(medium, beam, float(e)) for e in energy]
    return np.log(energy), np.log(rates)


def rate_function(medium: Material, beam: str, highest: float) -> Callable[[Array], Array]:
    """Energies (GeV) -> muon pairs per cm of track, interpolated; 0 below LOWEST.

    Raises OutOfRange through the reactions for energies that they do not take.
    """
    from scipy.interpolate import PchipInterpolator

    curve = PchipInterpolator(*_rates(medium, beam, highest))

    def rate(energy: Array) -> Array:
        inside = np.log(np.clip(energy, LOWEST, highest))
        return np.where(energy < LOWEST, 0.0, np.exp(curve(inside)))

    return rate


@lru_cache(maxsize=64)
def fractions(medium: Material, beam: str, energy: float) -> Array:
    """(_EVENTS,) sorted energies of pairs that leptons of `energy` make directly, over it."""
    nucleus = max(elements_of(medium)[0], key=lambda item: item[1] * item[0].z ** 2)[0]
    sampler = make_pair_sampler(PairReaction(beam, "muon", energy, nucleus), error=_ERROR)
    p4 = draw_pairs(sampler, _EVENTS, stream(1, 61)).p4.reshape(_EVENTS, 6, 4)
    return np.sort(p4[:, 3, 0] + p4[:, 4, 0]) / energy


def _direct(medium: Material, beam: str, energy: float, edges: Array) -> Array:
    """Pairs per cm of a lepton's track between the edges, GeV."""
    found = np.searchsorted(fractions(medium, beam, energy), edges / energy)
    rate = pairs_per_cm(medium, beam, energy)
    return np.asarray(np.diff(found) / _EVENTS * rate)


@lru_cache(maxsize=64)
def _shower(medium: Material, particle: str, energy: float) -> TrackLengths:
    from mutau.transport.em_cascade import track_lengths

    return track_lengths(particle, energy, medium, [0.5 * LOWEST, energy])


def _shower_pairs(medium: Material, particle: str, energy: float, edges: Array) -> Array:
    """Pairs by real photons in the shower of one particle, between the edges, GeV."""
    rate = rate_function(medium, "photon", float(edges[-1]))
    track = _shower(medium, particle, energy)
    found = np.zeros(len(edges) - 1)
    for i, (low, high) in enumerate(pairwise(edges)):
        if low < energy:
            top = min(float(high), energy)
            found[i] = track.integrate(rate, "gamma", float(low), top)[0] * track.x0_cm
    return found


@lru_cache(maxsize=16)
def pair_production(experiment: Experiment) -> PairProduction:
    """Muon pairs per beam particle in the target of an experiment: muon or electron beam.

    Left out: what is made in the last radiation length by photons that leave (a few per cent of
    those by real photons), and the beam's own energy loss (1 % of those by virtual ones).
    Check: real photons, muons of 160 GeV on 40 X0 of lead: of the order 1e-7; proportional to the
    thickness for a muon's virtual photons.
    """
    energy = experiment.beam.energy
    edges = np.geomspace(LOWEST, energy, _BINS + 1)
    if experiment.beam.particle.startswith("e"):
        return _by_electrons(experiment, edges)
    return _by_muons(experiment, edges)


def _by_electrons(experiment: Experiment, edges: Array) -> PairProduction:
    """Of an electron or positron: the whole shower, in a target that holds it."""
    beam, medium = experiment.beam, material(experiment.target.material)
    real = _shower_pairs(medium, beam.particle, beam.energy, edges)
    track = _shower(medium, beam.particle, beam.energy)
    ends = np.geomspace(_SOFTEST, beam.energy, _PARTS + 1)
    virtual = np.zeros(len(edges) - 1)
    for low, high in pairwise(ends):
        middle = float(math.sqrt(low * high))
        length = sum(
            track.integrate(np.ones_like, kind, float(low), float(high))[0]
            for kind in ("e-", "e+")
        )  # fmt: skip
        virtual += length * track.x0_cm * _direct(medium, "electron", middle, edges)
    return PairProduction(
        float(real.sum()), 0.0, 0.0, float(virtual.sum()), edges, real, virtual,
        MODEL_ERROR, math.hypot(_ERROR, 0.1 * virtual.sum() / real.sum()),
    )  # fmt: skip


def _by_muons(experiment: Experiment, edges: Array) -> PairProduction:
    """Of a muon: its own virtual photons, and the showers of its radiative losses."""
    beam, medium = experiment.beam, material(experiment.target.material)
    length = experiment.target.thickness.cm(medium.radiation_length_cm)
    energy = beam.energy

    def losses(process: str, v: Array) -> Array:
        total = np.zeros(v.shape)
        for item, atoms in medium.atoms_per_cm3:
            total += atoms * length * PB_CM2 * differential(process, v, energy, item)
        return total

    def showers(
        particle: str, fraction: float, top: float, spectrum: Callable[[Array], Array]
    ) -> Array:
        u, w = np.polynomial.legendre.leggauss(_BINS)
        low = LOWEST / energy / fraction
        span = math.log(top / low)
        v = low * np.exp(0.5 * span * (1.0 + u))
        number = 0.5 * span * w * v * spectrum(v)
        total = np.zeros(len(edges) - 1)
        for n, loss in zip(number, v, strict=True):
            start = fraction * float(loss) * energy
            if start > 1.02 * LOWEST:
                total += n / fraction * _shower_pairs(medium, particle, start, edges)
        return total

    top = 1.0 - 10.0 * M_MU / energy
    struck = medium.electrons_per_cm3 * length * PB_CM2 * energy
    parts = [
        showers("gamma", 1.0, top, lambda v: losses("bremsstrahlung", v)),
        showers("e-", 0.5, top, lambda v: losses("pair", v)),
        showers("e-", 1.0, float(max_knock_on(energy)) / energy,
                lambda v: struck * knock_on(v * energy, energy)),
    ]  # fmt: skip
    virtual = length * _direct(medium, "muon", energy, edges)
    brems, pairs, knocked = (float(part.sum()) for part in parts)
    return PairProduction(
        brems, pairs, knocked, float(virtual.sum()), edges, parts[0] + parts[1] + parts[2],
        virtual, MODEL_ERROR, math.hypot(_ERROR, 0.01),
    )  # fmt: skip
