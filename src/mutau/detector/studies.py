"""Muons out of a target, of the signal and of hard losses, and the trigger rate that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mutau.core.units import PB_CM2
from mutau.detector.trigger import beam_through, trigger_efficiency
from mutau.matter.materials import material
from mutau.matter.muon_energy_loss import mean_energy_after

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SignalMuons:
    """Scattered muons: p_lepton (N, 4) GeV to the incoming one, weights (N,), depth (N,)."""

    p_lepton: Array
    weights: Array
    depth: Array


def signal_muons(
    experiment: Experiment, mass: float, n: int, rng: np.random.Generator
) -> SignalMuons:
    """Exact Z' bremsstrahlung on the target's dominant element, uniform in depth.

    mass : GeV. n : events. The cross section changes by less than 1 % along the target.
    """
    from mutau.matter.nucleus import Nucleus
    from mutau.reactions.bremsstrahlung_events import BremsSampler

    medium = material(experiment.target.material)
    length = experiment.target.thickness.cm(medium.radiation_length_cm)
    depth = rng.random(n)
    energy = mean_energy_after(experiment.beam.energy, medium, depth * length)
    nucleus = Nucleus.of(medium.dominant_element)
    low = float(mean_energy_after(experiment.beam.energy, medium, length))
    sampler = BremsSampler("muon", nucleus, mass, low, experiment.beam.energy)
    events = sampler.sample(energy, rng)
    return SignalMuons(events.p_lepton, events.weight, depth)


def hard_losses(
    experiment: Experiment, n: int, rng: np.random.Generator, low: float = 0.05
) -> SignalMuons:
    """Beam muons that lose more than the fraction `low` of their energy at one point of the target.

    n : events. Weights are probabilities: they sum to the chance per beam muon.
    Bremsstrahlung, pairs, nuclear interactions and knock-on electrons by their cross sections in
    `matter`; the kinematics of all of them is that of bremsstrahlung (exact, photon mass 1 MeV,
    small against m_mu v), right for the first, which makes 85 % above v = 0.3, and good for the
    others because the scattered muon's transverse momentum is of the order of m_mu in all.
    """
    from mutau.matter.muon_cross_sections import PROCESSES, differential, knock_on, moment
    from mutau.matter.nucleus import Nucleus
    from mutau.reactions.bremsstrahlung_events import BremsSampler

    beam, medium = experiment.beam, material(experiment.target.material)
    length = experiment.target.thickness.cm(medium.radiation_length_cm)
    nucleus = Nucleus.of(medium.dominant_element)
    sampler = BremsSampler("muon", nucleus, 1e-3, beam.energy, beam.energy, x_min=low)
    events = sampler.sample(np.full(n, beam.energy), rng)
    v = 1.0 - events.p_lepton[:, 0] / beam.energy
    density = np.zeros((2, n))  # chance per v: bremsstrahlung, all
    for item, atoms in medium.atoms_per_cm3:
        for process in PROCESSES:
            chance = atoms * length * PB_CM2 * differential(process, v, beam.energy, item)
            density[:, :] += chance * [[process == "bremsstrahlung"], [True]]
    struck = medium.electrons_per_cm3 * length * PB_CM2
    density[1] += struck * beam.energy * knock_on(v * beam.energy, beam.energy)
    number = (
        length
        * PB_CM2
        * sum(
            atoms * float(moment("bremsstrahlung", 0, beam.energy, item, low=low))
            for item, atoms in medium.atoms_per_cm3
        )
    )
    ratio = np.divide(density[1], density[0], out=np.zeros(n), where=density[0] > 0.0)
    weights = events.weight * ratio  # 0 at the very end of v, where the two limits differ
    return SignalMuons(events.p_lepton, number / n * weights, rng.random(n))


def trigger_rate(
    experiment: Experiment, n: int, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Trigger rate per beam muon: (without hard loss, its error, from hard losses, its error).

    n : beam muons; a tenth as many with a hard loss. Beam muons only: no halo, no hadrons, no
    secondaries in the vetoes. The sum is what the NA64mu paper gives as 0.1 % (sec. II).
    """
    plain = beam_through(experiment, n, rng)
    hard = hard_losses(experiment, max(n // 10, 1), rng)
    got = trigger_efficiency(hard.p_lepton, hard.weights, experiment, rng, depth=hard.depth)
    chance = float(hard.weights.sum())
    return (
        (1.0 - chance) * plain.efficiency,
        plain.error,
        chance * got.efficiency,
        chance * got.error,
    )
