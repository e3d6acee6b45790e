"""Catastrophic energy losses between the planes: radiation, pairs, nuclei, knock-on electrons.

A muon that loses half of its energy inside the spectrometer is measured with too low a momentum,
rightly. What it lost goes on into the calorimeters behind; a knock-on electron also makes hits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

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
from mutau.transport.catastrophic_losses import KINDS, loss_density
from mutau.transport.matter_tables import THIN_CUT, MaterialRecord, matter_of
from mutau.transport.muon_matter import recoils

if TYPE_CHECKING:
    from mutau.matter.materials import Material

Array = NDArray[np.float64]


@lru_cache(maxsize=16)
def _record(material: Material) -> MaterialRecord:
    return matter_of(material, THIN_CUT)[0]


@dataclass(frozen=True)
class Losses:
    """Forced losses of N muons, one each.

    where : (N,) cm. v : (N,) fraction of the energy. deflection : (N, 2) GeV. weight : (N,).
    """

    where: Array
    v: Array
    deflection: Array
    weight: Array


def force_loss(
    spec: Spectrometer, u: Array, process: str, v_min: float, rng: np.random.Generator
) -> Losses:
    """One loss of a fraction above v_min somewhere between the planes.

    u : (N, 3) numbers in (0, 1): place, ln v, azimuth. process : of `catastrophic_losses.KINDS`,
    with the density and the recoil that every walk has, at the nominal energy. weight is the
    expected number of such losses over the density of u.
    """
    energy, kind = spec.arm.energy, KINDS.index(process)
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
    density, transverse = np.zeros(len(u)), np.zeros(len(u))
    for i, item in enumerate(spec.arm.matter):
        rows = piece == i
        if rows.any():
            part, matter = v[rows], item.material
            density[rows] = loss_density(kind, part, energy, matter) * part / matter.density
            p_t = np.empty(part.size)
            recoils(rng, kind, np.minimum(part, 1.0 - 1e-6), energy, _record(matter), p_t)
            transverse[rows] = p_t
    phi = 2.0 * math.pi * u[:, 2]
    deflection = transverse[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1)
    return Losses(where, v, deflection, density * climb[-1] * -math.log(v_min))


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
            losses = force_loss(spec, u, process, v_min, rng)
            seen = observe(spec, len(u), rng, forced_of(losses, spec.arm.energy))
            wrong, _ = reconstruct(seen, spec, cuts)
            values = losses.weight * wrong
            return values, values, losses.v[:, None]

        return integrate(function, 3, n, rng)

    return {process: one(process) for process in KINDS}
