"""How hadrons look to a calorimeter of crystals: photons missed, electrons measured far too low.

A photon of some GeV makes hadrons instead of a shower in one of a thousand cases. Crystals of one
interaction length see little of these: the veto misses the photon, and an electron whose shower
holds such a photon is measured too low. Both follow here from the material and length of the file's
calorimeter: final states of real photons (`matter.nuclear_final_states`), each hadron interacting
by its length or passing as a minimum-ionising particle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background import muone
from mutau.background.estimate import Estimate, background_source
from mutau.background.muone_components import (
    STRETCH,
    Component,
    Sampled,
    Texts,
    per_particle,
    region,
    size,
    trimmed,
)
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.matter import material
from mutau.matter.em_processes_medium import medium
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.materials import Material
from mutau.matter.muon_cross_sections import photon_nucleon_ub, shadowing
from mutau.matter.nuclear_final_states_events import draw
from mutau.reactions.muon_electron import ELASTIC, Cuts, Reaction
from mutau.reactions.muon_electron_kinematics import smallest_electron_energy
from mutau.selection.variables import Sample
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muon_electron import as_sample, check_measurable, response
from mutau.transport.em_cascade import photon_mean_free_path, track_lengths

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

TAILS: Final = "tails of the calorimeter"
#: PDG numbers of charged hadrons that live long enough, and of what turns into photons.
CHARGED: Final = (211, 321, 2212, 3112, 3222, 3312, 3334)
TO_PHOTONS: Final = (22, 111, 221)
#: Energies (GeV) at which the interaction lengths are tabulated, in their range.
_LENGTH_AT: Final = np.array([3.0, 10.0, 30.0, 100.0, 300.0])
#: Final states of photons: lowest and highest energy of the table, GeV.
STATES_FROM, STATES_TO = 5.0, 300.0
#: Showers are alike: track lengths times energy depend on k/E; they are taken at this energy, GeV.
_SHOWER: Final = 60.0
_KEY: Final = 211


@dataclass(frozen=True, slots=True)
class Deposits:
    """Deposit of a hadron that interacts: between `low` and `high` of its energy, evenly spread.

    The mean of half of the energy is that of one interaction length with the pi0s of the first
    collisions; what bounds it is the two halves, taken as the range of the model.
    """

    low: float = 0.0
    high: float = 1.0


#: Least and most that crystals show of the hadrons that interact.
DARK: Final = Deposits(0.0, 0.5)
BRIGHT: Final = Deposits(0.5, 1.0)


@lru_cache(maxsize=32)
def _lengths(item: Material, name: str) -> Array:
    return np.array([inelastic_length(name, item, float(e)).cm for e in _LENGTH_AT])


def seen_energy(
    pdg: Array,
    energy: Array,
    item: Material,
    path: float,
    rng: np.random.Generator,
    deposits: Deposits = Deposits(),
) -> Array:
    """Energy (P,) GeV that particles of kinds `pdg` and `energy` (P,) show on `path` cm.

    Photons, and mesons that decay to them at once, show all; charged hadrons that do not interact
    what they ionise, neutral ones nothing. Check: no path, nothing but photons.
    """
    kind = np.abs(pdg)
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
    """GeV/cm of a minimum-ionising particle: 2.35 MeV cm^2/g Z/A/0.5 within 10 %; radiation left
    out. Check: 12.7 MeV/cm in lead, PDG."""
    ratio = sum(weight * element.z / element.a for element, weight in item.elements)
    return 2.0 * 1.42e-3 * ratio * item.density  # 2 x 1.42: PDG's 1.12 of lead over Z/A = 0.396


def photonuclear_fraction(energy: Array, item: Material) -> Array:
    """Fraction of the photons of `energy` (any shape, GeV) that interact with a nucleus first.

    Photon-nucleon cross section with the shadowing of `matter.muon_cross_sections` over the rate
    of pairs. Check: 12 ub A = 17 mb of 43 b in lead, 4e-4.
    """
    at = np.asarray(energy, float)
    return _nuclear_rate(at, item) * np.vectorize(_mean_free_path)(at, item)


def _mean_free_path(energy: float, item: Material) -> float:
    return photon_mean_free_path(energy, medium(item)) * item.radiation_length_cm


def _nuclear_rate(energy: Array, item: Material) -> Array:
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
    item: Material, length: float, threshold: float, energy: float, *, n: int = 100_000,
    seed: int = 1,
) -> Inefficiency:  # fmt: skip
    """How often crystals show less than `threshold` GeV of a photon of `energy` GeV.

    item, length : of the calorimeter, cm, without cracks and dead cells. Photons cross it whole, or
    make hadrons that leave little. Raises OutOfRange beyond 5 to 300 GeV.
    Checks: a short block passes exp(-7/9 t); less for a lower threshold.
    """
    free = _mean_free_path(energy, item)
    through = math.exp(-length / free)
    chance = float(photonuclear_fraction(np.array(energy), item))
    states = draw(stream(seed, _KEY), np.full(n, energy))
    found = []
    for deposits in (Deposits(), DARK, BRIGHT):
        rng = stream(seed, _KEY, 1)
        seen = seen_energy(states.pdg, states.p4[:, 0], item, max(length - free, 0.0), rng,
                           deposits)  # fmt: skip
        shown = np.bincount(states.event, seen, minlength=n)
        found.append(np.count_nonzero(shown < threshold) / n)
    err = chance * math.sqrt(max(found[0], 1.0 / n) / n)
    low, high = sorted(chance * value + through for value in found[1:])
    return Inefficiency(chance * found[0] + through, err, low, high, through)


@lru_cache(maxsize=16)
def _photons(item: Material) -> tuple[Array, Array]:
    """u = k/E rising from 0.05 to 1, and photonuclear interactions per du of a shower.

    Photons of the whole cascade; radiators before the crystals only let it start earlier.
    """
    edges = _SHOWER * np.append(np.geomspace(0.05, 0.9, 40), np.linspace(0.91, 0.995, 12))
    tracks = track_lengths("e-", _SHOWER, item, edges)
    middle = 0.5 * (edges[1:] + edges[:-1])
    rate = _nuclear_rate(middle, item) * item.radiation_length_cm
    return middle / _SHOWER, tracks.photon * _SHOWER * rate


def tails_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int,
    keep: Sequence[Cut] = (), deposits: Deposits = Deposits(),
) -> Component:  # fmt: skip
    """Elastic events above the window whose shower loses energy to hadrons that leave.

    One photon of the shower, of k above 5 GeV, makes hadrons; what they do not show is lost. wide :
    as everywhere; electrons are drawn from its upper end, so that no other source has them.
    """
    rng = stream(seed, *key, _KEY, 2)
    ecal = next(item for item in experiment.detector.calorimeter if item.kind == "ecal")
    item, beam = material(ecal.material), experiment.beam.energy
    least = float(smallest_electron_energy(max(wide.theta_mu_min, 2e-4), beam))
    low = max(wide.electron_energy_min, 0.9 * least)
    measured = muone.elastic_sample(
        Reaction(ELASTIC, beam, beam_charge=experiment.beam.charge), response(experiment),
        (low, beam), luminosity_on_electrons(experiment), rng, n=n, kinked=False, stretch=STRETCH,
    )  # fmt: skip
    seen = measured.p_electron[:, 0]
    fractions, per_u = _photons(item)
    span = math.log(fractions[-1] / fractions[0])
    u = fractions[0] * np.exp(span * rng.random(n))
    chance = np.interp(u, fractions, per_u) * u * span
    k = u * seen
    drawable = (k > STATES_FROM) & (k < STATES_TO)
    states = draw(rng, np.where(drawable, k, STATES_FROM))
    shown = seen_energy(states.pdg, states.p4[:, 0], item, 0.8 * ecal.length, rng, deposits)
    lost = np.maximum(k - np.bincount(states.event, shown, minlength=n), 0.0)
    left = np.where(drawable, np.maximum(seen - lost, 0.0), seen)
    scale = left / np.maximum(seen, 1e-9)
    measured = replace(
        measured,
        p_electron=measured.p_electron * scale[:, None],
        weight=np.where(drawable, measured.weight * chance, 0.0),
    )
    sample = trimmed(_alive(as_sample(experiment, measured)), keep)
    return Component(TAILS, sample, np.ones(len(sample.weights)), 0.6)


def _alive(sample: Sample) -> Sample:
    mask = sample.weights > 0.0
    columns = {name: column[mask] for name, column in sample.columns.items()}
    return replace(sample, weights=sample.weights[mask], columns=columns)


def tails(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Elastic electrons measured far too low, because hadrons of their shower leave the crystals.

    The model error is half the range between crystals that show at most, and at least, half of the
    energy of a hadron that interacts.
    """
    check_measurable(experiment)
    wide, n = region(experiment), size(effort)
    found, *ends = (
        tails_component(experiment, wide, n, seed, deposits=d).events(experiment.cuts)
        for d in (Deposits(), DARK, BRIGHT)
    )
    return per_particle(
        experiment, TAILS, found,
        Texts(
            "elastic events through the shower's photons of the cascade equations, one of which "
            "makes hadrons",
            "a hadron that interacts shows any part of its energy; no cracks, dead cells or noise; "
            "the share of elastic electrons that the energy alone keeps out stands in the elastic "
            "leakage",
        ),
        0.5 * abs(ends[0].events - ends[1].events),
        **{"crystals that show little": ends[0].events, "much": ends[1].events},
    )  # fmt: skip


SAMPLED_TAILS: Final = Sampled(tails_component)
background_source(TAILS, "muon-electron-zprime")(tails)
