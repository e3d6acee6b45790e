"""Events with three muons of which two can be overlooked: exact, forced to large angles.

A single muon below half of the beam's energy is seen, so the two others together have more than
half of it and leave the spectrometer's way at angles of 10 mrad and more. Each class of events is
the whole reaction within limits on angles and on the energy of the muon that may be the one seen;
what lies outside is bounded by `dimuons.OUTSIDE`. A class is drawn in two parts: both
others within WIDE, where they can pass the HCAL by as well, or not both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.dimuon_production import elements_of
from mutau.core.units import PB_CM2
from mutau.matter.em_processes_medium import medium as medium_of
from mutau.matter.materials import Material, material
from mutau.matter.muon_cross_sections import differential
from mutau.matter.nucleus import Nucleus
from mutau.reactions.bremsstrahlung_events import BremsSampler
from mutau.reactions.electron_events import turned
from mutau.reactions.lepton_pair_events import PairSampler, draw_pairs, make_pair_sampler
from mutau.reactions.lepton_pairs import PairReaction

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

#: Smallest angle, rad, of a muon that is overlooked: below it none leaves the planes (OUTSIDE).
NARROW: Final = 6e-3
#: Range of angles that is drawn apart: from the target past HCAL2 (30 cm high to a side, 12 m
#: away) it is 22 mrad and more, and the wider, the longer in the VHCAL's copper.
WIDE: Final = (20e-3, 36e-3)
#: The muon seen has at most this times the largest energy that the cuts allow: 3 standard
#: deviations of the momentum, and what is lost behind the target.
MARGIN: Final = 1.12
#: Energy (GeV) below which a muon is bent past every counter behind the spectrometer: 1.4 T m turn
#: 6 GeV by 70 mrad, 30 cm at S4.
SLOWEST: Final = 6.0
#: Relative error of the cross sections of classes.
ERROR: Final = 6e-2
#: Bounds of the drawing over those that give equal weights: far more events for the time, of
#: unequal weights, whose error counts.
LOOSE: Final = 0.3
#: Columns of a class's momenta: harder and softer muon of the beam's charge, other charge.
HARDER, SOFTER, OPPOSITE = range(3)
_ANGLE: Final = {HARDER: "lepton_theta", SOFTER: "like_theta", OPPOSITE: "opposite_theta"}
_ENERGY: Final = {HARDER: "lepton_energy", SOFTER: "like_energy", OPPOSITE: "opposite_energy"}
#: Mass (GeV) of the boson that stands for a photon in the exact emission by the beam muon.
_LIGHT: Final = 1e-3
#: Energies of real photons at which pairs are drawn.
_NODES: Final = 4


@dataclass(frozen=True, slots=True)
class Triples:
    """N events of three muons made in the target, and how many they stand for.

    p4 : (N, 3, 4) GeV, incoming muon along z; columns HARDER, SOFTER, OPPOSITE. seen : column of
    the muon that may be the one seen. weight : (N,) events per beam muon and cm of target.
    wide : whether both others are within WIDE.
    """

    p4: Array
    seen: int
    weight: Array
    wide: bool

    def part(self, low: int, high: int) -> Triples:
        """The events `low` to `high`."""
        return Triples(self.p4[low:high], self.seen, self.weight[low:high], self.wide)


def _least(wide: bool) -> tuple[float, float]:
    """Range of the angle of a muon that is overlooked."""
    return WIDE if wide else (NARROW, math.inf)


def _limits(seen: int, highest: float, wide: bool) -> dict[str, tuple[float, float]]:
    """Limits of the class in which muon `seen` is the one that is seen."""
    found = {_ANGLE[other]: _least(wide) for other in _ANGLE if other != seen}
    found[_ENERGY[seen]] = (SLOWEST, highest)
    return found


def _loosened(sampler: PairSampler) -> PairSampler:
    """The same reaction drawn with LOOSE bounds."""
    grids = sampler.grids
    return replace(sampler, grids=replace(grids, bounds=LOOSE * grids.bounds))


def _of_class(p4: Array, seen: int, number: float, weight: Array, wide: bool) -> Triples:
    """Events as a class: `number` per muon and cm; wide ones left out where these stand apart."""
    weight = number * weight / weight.sum()
    if not wide:
        others = [i for i in range(3) if i != seen]
        across = np.hypot(p4[:, others, 1], p4[:, others, 2])
        theta = np.arctan2(across, p4[:, others, 3])
        both = np.all((theta >= WIDE[0]) & (theta <= WIDE[1]), axis=1)
        weight = np.where(both, 0.0, weight)
    return Triples(np.ascontiguousarray(p4), seen, weight, wide)


@lru_cache(maxsize=32)
def _class_sampler(
    energy: float, nucleus: Nucleus, seen: int, highest: float, wide: bool
) -> PairSampler:
    reaction = PairReaction("muon", "muon", energy, nucleus, _limits(seen, highest, wide))
    return make_pair_sampler(reaction, error=ERROR)


def direct_triples(
    experiment: Experiment, seen: int, highest: float, wide: bool, n: int, rng: np.random.Generator
) -> list[Triples]:
    """n events mu N -> mu N mu+ mu- of one class, exact 2 to 4.

    highest : energy, GeV, of the muon seen. wide : both others within WIDE, else not both.
    """
    main, others = elements_of(material(experiment.target.material))
    found = []
    for nucleus, atoms in main:
        sampler = _class_sampler(experiment.beam.energy, nucleus, seen, highest, wide)
        drawn = draw_pairs(_loosened(sampler), n, rng)
        p4 = drawn.p4.reshape(n, 6, 4)[:, 2:5]
        number = others * atoms * PB_CM2 * sampler.sigma.sigma_pb
        found.append(_of_class(p4, seen, number, drawn.weight[::6], wide))
    return found


@lru_cache(maxsize=32)
def _photon_sampler(energy: float, nucleus: Nucleus, wide: bool) -> PairSampler:
    limits = {name: _least(wide) for name in ("like_theta", "opposite_theta")}
    return make_pair_sampler(PairReaction("photon", "muon", energy, nucleus, limits), error=ERROR)


def converted_triples(
    experiment: Experiment, highest: float, wide: bool, n: int, rng: np.random.Generator
) -> list[Triples]:
    """n events of bremsstrahlung, exact, whose photon makes a pair at large angles, exact.

    The beam muon is the one seen. The photon makes its pair where it is emitted (1.4 cm of lead
    behind it in truth). Photons of the first generation only: what electrons of the shower radiate
    is softer (10 % of the pairs above half of the beam's energy).
    """
    medium = material(experiment.target.material)
    main, others = elements_of(medium)
    nucleus, atoms = max(main, key=lambda item: item[1] * item[0].z ** 2)
    energy = experiment.beam.energy
    u, w = np.polynomial.legendre.leggauss(_NODES)
    low, top = (energy - highest) / energy, 1.0 - 1.0 / energy
    each = max(n // _NODES, 10)
    found = []
    for x, width in zip(low + 0.5 * (top - low) * (1.0 + u), 0.5 * (top - low) * w, strict=True):
        photon = float(x) * energy
        sampler = _photon_sampler(photon, nucleus, wide)
        drawn = draw_pairs(_loosened(sampler), each, rng)
        pair = drawn.p4.reshape(each, 5, 4)[:, 2:4]
        emission = BremsSampler(
            "muon", Nucleus(nucleus.z, nucleus.a), _LIGHT, energy, energy,
            x_min=0.995 * float(x), x_max=1.005 * float(x),
        ).sample(np.full(each, energy), rng)  # fmt: skip
        along = emission.p_zprime[:, 1:]
        pair = turned(pair, along / np.linalg.norm(along, axis=1)[:, None])
        p4 = np.concatenate([emission.p_lepton[:, None], pair], axis=1)
        made = _photons(medium, float(x), energy) * _free_path(medium, photon)
        number = made * width * others * atoms * PB_CM2 * sampler.sigma.sigma_pb
        found.append(_of_class(p4, HARDER, number, drawn.weight[::5] * emission.weight, wide))
    return found


def _photons(medium: Material, x: float, energy: float) -> float:
    """Photons per cm and x that a muon radiates."""
    return sum(
        atoms * PB_CM2 * float(differential("bremsstrahlung", np.array(x), energy, item))
        for item, atoms in medium.atoms_per_cm3
    )


def _free_path(medium: Material, energy: float) -> float:
    """Mean path of a photon, cm."""
    from mutau.transport.em_cascade import photon_mean_free_path

    return photon_mean_free_path(energy, medium_of(medium)) * medium.radiation_length_cm


def quasi_elastic_part(experiment: Experiment, highest: float) -> float:
    """Fraction of the largest class in which a proton of the nucleus takes the momentum.

    By the cross section with and without the inelastic form factor.
    """
    main, _ = elements_of(material(experiment.target.material))
    nucleus = max(main, key=lambda item: item[1] * item[0].z ** 2)[0]
    whole = _class_sampler(experiment.beam.energy, nucleus, HARDER, highest, False)
    plain = Nucleus(nucleus.z, nucleus.a)
    elastic = _class_sampler(experiment.beam.energy, plain, HARDER, highest, False)
    return 1.0 - elastic.sigma.sigma_pb / whole.sigma.sigma_pb
