"""Catastrophic energy losses between the planes: radiation, pairs, nuclei, knock-on electrons.

A muon that loses half of its energy inside the spectrometer is measured with too low a momentum,
rightly. What it lost goes on into the calorimeters behind; a knock-on electron also makes hits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.momentum_sampling import (
    Forced,
    Integral,
    Spectrometer,
    TrackCuts,
    integrate,
    nothing_forced,
    observe,
    reconstruct,
)
from mutau.core.constants import M_E, M_MU
from mutau.core.units import PB_CM2
from mutau.matter.muon_cross_sections import differential, knock_on, max_knock_on

if TYPE_CHECKING:
    from mutau.matter.materials import Material

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Processes of a loss, in the order of `loss_density`.
PROCESSES: Final = ("bremsstrahlung", "pair", "nuclear", "knock-on")
_RHO2: Final = 0.54  # GeV^2, of the photon's hadronic structure


def loss_density(process: str, v: Array, energy: float, material: Material) -> Array:
    """Losses per cm and d(ln v), v = fraction of the energy lost; of one of PROCESSES."""
    if process == "knock-on":
        struck = material.electrons_per_cm3 * PB_CM2
        return np.asarray(struck * knock_on(v * energy, energy) * energy * v)
    total = np.zeros_like(v)
    for item, density in material.atoms_per_cm3:
        total += density * PB_CM2 * differential(process, v, energy, item)
    return total * v


def recoil(process: str, v: Array, energy: float, u: Array) -> tuple[Array, Array]:
    """Transverse momentum of the muon after a loss, and the weight of its draw: (GeV, 1).

    u : (N,) numbers in (0, 1).
    knock-on: exact kinematics. bremsstrahlung and pairs: balance against a photon whose angle t,
    in units of m_mu/E, has the density 2 t/(1 + t^2)^2, nuclear recoil left out. nuclear: dQ^2/Q^2
    from its kinematic limit to 4 GeV^2 with the squared vector-meson form factor in the weight.
    """
    if process == "knock-on":
        top = float(max_knock_on(energy))
        t = v * energy
        momentum = np.sqrt(t * (t + 2.0 * M_E))
        muon = math.sqrt(energy**2 - M_MU**2)
        cosine = np.minimum(t * (energy + M_E) / (momentum * muon), 1.0)
        return np.where(t <= top, momentum * np.sqrt(1.0 - cosine**2), 0.0), np.ones_like(v)
    if process == "nuclear":
        low = (M_MU * v) ** 2 / (1.0 - v)
        high = np.maximum(4.0, 1.01 * low)
        q2 = low * (high / low) ** u
        ends = [np.log(q / (_RHO2 + q)) + _RHO2 / (_RHO2 + q) for q in (low, high)]
        weight = (_RHO2 / (_RHO2 + q2)) ** 2 * np.log(high / low) / (ends[1] - ends[0])
        return np.sqrt(np.maximum(q2 - low, 0.0) * (1.0 - v)), weight
    angle = np.minimum(np.sqrt(u / (1.0 - u)), 0.5 * energy / M_MU)
    return v * M_MU * angle, np.ones_like(v)


@dataclass(frozen=True)
class Losses:
    """Forced losses of N muons, one each.

    where : (N,) cm. v : (N,) fraction of the energy. deflection : (N, 2) GeV. weight : (N,).
    """

    where: Array
    v: Array
    deflection: Array
    weight: Array


def force_loss(spec: Spectrometer, u: Array, process: str, v_min: float) -> Losses:
    """One loss of a fraction above v_min somewhere between the planes.

    u : (N, 4) numbers in (0, 1): place, ln v, azimuth, recoil. The density is taken at the
    nominal energy. weight is the expected number of such losses over the density of u.
    """
    energy = spec.arm.energy
    mass = [item.thickness * item.material.density for item in spec.arm.matter]
    climb = np.concatenate([[0.0], np.cumsum(mass)])
    level = u[:, 0] * climb[-1]
    piece = np.minimum(np.searchsorted(climb, level, side="right") - 1, len(mass) - 1)
    place = (level - climb[piece]) / np.asarray(mass)[piece]
    where = (
        spec.deflections.start[piece]
        + place * (spec.deflections.stop - spec.deflections.start)[piece]
    )
    v = v_min ** (1.0 - u[:, 1])
    density = np.zeros(len(u))
    for i, item in enumerate(spec.arm.matter):
        rows = piece == i
        if rows.any():
            per_gram = loss_density(process, v[rows], energy, item.material) / item.material.density
            density[rows] = per_gram
    transverse, weight = recoil(process, np.minimum(v, 1.0 - 1e-6), energy, u[:, 3])
    phi = 2.0 * math.pi * u[:, 2]
    deflection = transverse[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1)
    return Losses(where, v, deflection, weight * density * climb[-1] * -math.log(v_min))


def forced_of(losses: Losses, energy: float) -> Forced:
    """The losses as things that happen to muons of this energy, GeV."""
    n = len(losses.v)
    none = nothing_forced(n)
    return Forced(
        losses.where[:, None], losses.deflection[:, None], losses.v[:, None] * energy, none.plane,
        none.shift,
    )  # fmt: skip


def seen_losses(
    spec: Spectrometer, cuts: TrackCuts, v_min: float, n: int, rng: np.random.Generator
) -> dict[str, Integral]:
    """Chance per muon of a too low momentum because of a loss, by process.

    v_min : smallest fraction of the energy lost. n : muons simulated per process.
    All of these leave v_min of the beam's energy or more in the calorimeters, unless that part
    misses them; none is counted where the calorimeters must stay quiet.
    """

    def one(process: str) -> Integral:
        def function(u: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
            losses = force_loss(spec, u, process, v_min)
            seen = observe(spec, len(u), rng, forced_of(losses, spec.arm.energy))
            wrong, _ = reconstruct(seen, spec, cuts)
            values = losses.weight * wrong
            return values, values, losses.v[:, None]

        return integrate(function, 4, n, rng)

    return {process: one(process) for process in PROCESSES}
