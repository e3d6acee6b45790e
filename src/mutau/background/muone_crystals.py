"""How hadrons look to a calorimeter of crystals, and how often it misses a photon.

A photon of some GeV makes hadrons instead of a shower in one of two thousand cases. Crystals of one
interaction length see little of these, and the veto misses the photon. That follows here from
material and length of the calorimeter: final states of real photons
(`matter.nuclear_final_states`), each hadron interacting by its length or passing as a
minimum-ionising particle. Cracks, dead cells and noise are not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.core.code_digest import code_digest
from mutau.core.constants import M_P
from mutau.core.random import stream
from mutau.core.storage import cached_arrays, digest
from mutau.core.units import PB_CM2
from mutau.matter import material
from mutau.matter.em_processes_medium import medium
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.materials import Material
from mutau.matter.muon_cross_sections import photon_nucleon_ub, shadowing
from mutau.matter.nuclear_final_states_events import draw
from mutau.transport.em_cascade import photon_mean_free_path

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: PDG numbers of charged hadrons that live long enough, and of what turns into photons.
CHARGED: Final = (211, 321, 2212, 3112, 3222, 3312, 3334)
TO_PHOTONS: Final = (22, 111, 221)
#: Energies (GeV) at which the interaction lengths are tabulated, in their range.
_LENGTH_AT: Final = np.array([3.0, 10.0, 30.0, 100.0, 300.0])
#: Final states of photons: lowest and highest energy of the table, GeV.
STATES_FROM, STATES_TO = 5.0, 300.0
#: Energies (GeV) at which the inefficiency is computed; taken as constant beyond.
_PHOTONS_AT: Final = (5.0, 12.0, 30.0, 80.0, 150.0)
_KEY: Final = 211


@dataclass(frozen=True, slots=True)
class Deposits:
    """Deposit of a hadron that interacts: between `low` and `high` of its energy, evenly spread.

    The mean of half of the energy is that of one interaction length with the pi0s of the first
    collisions; what bounds it is the two halves, taken as the range of the model.
    """

    low: float = 0.0
    high: float = 1.0


#: All alike, and the least and most that crystals show of the hadrons that interact.
EVEN: Final = Deposits()
DARK: Final = Deposits(0.0, 0.5)
BRIGHT: Final = Deposits(0.5, 1.0)


@lru_cache(maxsize=32)
def _lengths(item: Material, name: str) -> Array:
    return np.array([inelastic_length(name, item, float(e)).cm for e in _LENGTH_AT])


def kinetic(pdg: Array, energy: Array) -> Array:
    """What particles (P,) of energy (P,) GeV can deposit: all, of baryons less the nucleon's mass.
    What antibaryons gain by annihilation is left out."""
    return np.where(np.abs(pdg) >= 1000, np.maximum(energy - M_P, 0.0), energy)


def seen_energy(
    pdg: Array,
    energy: Array,
    item: Material,
    path: float,
    rng: np.random.Generator,
    deposits: Deposits = EVEN,
) -> Array:
    """Energy (P,) GeV that particles of kinds `pdg` and total `energy` (P,) show on `path` cm.

    Photons, and mesons that decay to them at once, show all; charged hadrons that do not interact
    what they ionise, neutral ones nothing. Check: no path, nothing but photons.
    """
    kind, energy = np.abs(pdg), kinetic(pdg, energy)
    charged = np.isin(kind, CHARGED)
    length = np.exp(np.interp(
        np.log(np.maximum(energy, 1e-3)), np.log(_LENGTH_AT), np.log(_lengths(item, "pi+"))
    ))  # fmt: skip
    nucleon = np.exp(np.interp(
        np.log(np.maximum(energy, 1e-3)), np.log(_LENGTH_AT), np.log(_lengths(item, "p"))
    ))  # fmt: skip
    length = np.where(kind >= 1000, nucleon, length)
    interacts = rng.random(len(pdg)) < -np.expm1(-path / length)
    part = deposits.low + (deposits.high - deposits.low) * rng.random(len(pdg))
    ionised = np.where(charged, np.minimum(minimum_ionisation(item) * path, energy), 0.0)
    hadronic = np.where(interacts, np.maximum(part * energy, ionised), ionised)
    return np.where(np.isin(kind, TO_PHOTONS), energy, hadronic)


def minimum_ionisation(item: Material) -> float:
    """GeV/cm of a minimum-ionising particle in a heavy material: PDG's 1.12 MeV cm^2/g of lead in
    proportion to Z/A, within 10 %. Check: 12.7 MeV/cm in lead."""
    ratio = sum(weight * element.z / element.a for element, weight in item.elements)
    return 1.12e-3 / 0.396 * ratio * item.density


def photonuclear_fraction(energy: Array, item: Material) -> Array:
    """Fraction of the photons of `energy` (any shape, GeV) that interact with a nucleus first.

    Photon-nucleon cross section with the shadowing of `matter.muon_cross_sections` over the rate
    of pairs. Check: 12 ub A = 17 mb of 43 b in lead, 4e-4.
    """
    at = np.asarray(energy, float)
    return nuclear_rate(at, item) * np.vectorize(_mean_free_path)(at, item)


def _mean_free_path(energy: float, item: Material) -> float:
    return photon_mean_free_path(energy, medium(item)) * item.radiation_length_cm


def nuclear_rate(energy: Array, item: Material) -> Array:
    """Photonuclear interactions per cm."""
    flat = np.array([_nuclear_ub(float(e), item) for e in np.ravel(energy)])
    return flat.reshape(np.shape(energy))


def _nuclear_ub(energy: float, item: Material) -> float:
    """Sum over the elements of atoms per cm^3 times cross section, 1/cm."""
    nucleon = photon_nucleon_ub(energy)
    return sum(
        number * PB_CM2 * 1e6 * nucleon * element.a
        * (0.75 * shadowing(nucleon, float(element.z), element.a) + 0.25)
        for element, number in item.atoms_per_cm3
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inefficiency:
    """Fraction of photons that a calorimeter misses: value, statistical error, and the range of
    the model from `DARK` to `BRIGHT`. through : the part that crosses without interacting."""

    value: float
    err: float
    low: float
    high: float
    through: float


@lru_cache(maxsize=64)
def veto_inefficiency(
    item: Material, length: float, threshold: float, energy: float, *, n: int = 20_000
) -> Inefficiency:
    """How often crystals show less than `threshold` GeV of a photon of `energy` GeV.

    item, length : of the calorimeter, cm, without cracks and dead cells. Photons cross it whole, or
    make hadrons that leave little; n final states are drawn, always the same. Kept in the cache
    folder. Raises OutOfRange beyond 5 to 300 GeV.
    Checks: a short block passes exp(-7/9 t); less for a lower threshold.
    """
    key = digest(code_digest(__name__), repr(item), length, threshold, energy, n)
    found = cached_arrays(
        "veto", key, lambda: {"found": _inefficiency(item, length, threshold, energy, n)}
    )
    return Inefficiency(*(float(x) for x in found["found"]))


def _inefficiency(item: Material, length: float, threshold: float, energy: float, n: int) -> Array:
    """Fields of `Inefficiency`."""
    free = _mean_free_path(energy, item)
    through = math.exp(-length / free)
    chance = float(photonuclear_fraction(np.array(energy), item))
    states = draw(stream(1, _KEY), np.full(n, energy))
    found = []
    for deposits in (EVEN, DARK, BRIGHT):
        rng = stream(1, _KEY, 1)
        seen = seen_energy(
            states.pdg, states.p4[:, 0], item, max(length - free, 0.0), rng, deposits
        )
        shown = np.bincount(states.event, seen, minlength=n)
        found.append(np.count_nonzero(shown < threshold) / n)
    err = chance * math.sqrt(max(found[0], 1.0 / n) / n)
    low, high = sorted(chance * value + through for value in found[1:])
    return np.array([chance * found[0] + through, err, low, high, through])


@dataclass(frozen=True, slots=True)
class Missed:
    """Fraction (N,) of photons that the veto misses; relative_err : of the model."""

    fraction: Array
    relative_err: float


def missed_photons(experiment: Experiment, energy: Array) -> Missed:
    """What the veto misses of photons of `energy` (N,) GeV that hit it above its threshold.

    As the file states it (detector/calorimeter/photon_inefficiency), without an error; else by
    `veto_inefficiency` of its material, length and threshold. None without a calorimeter.
    """
    modules = [item for item in experiment.detector.calorimeter if item.kind == "ecal"]
    stated = modules[0].photon_inefficiency if modules else 0.0
    if stated is not None:
        return Missed(np.full(len(energy), stated), 0.0)
    item = material(modules[0].material)
    found = [
        veto_inefficiency(item, modules[0].length, modules[0].threshold, e) for e in _PHOTONS_AT
    ]
    fraction = np.interp(
        np.log(np.maximum(energy, 1e-3)), np.log(_PHOTONS_AT), [one.value for one in found]
    )
    ranges = [0.5 * (one.high - one.low) / one.value for one in found if one.value > 0.0]
    return Missed(fraction, float(np.mean(ranges)) if ranges else 0.0)
