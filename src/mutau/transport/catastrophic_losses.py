"""Collisions of a muon that are worth simulating one by one: rates, energies, recoil angles.

Losses above a cut are split off the mean: hard bremsstrahlung, pairs, nuclear interactions and
knock-on electrons, drawn from the cross sections of `matter.muon_cross_sections`; what is left is
a restricted stopping power and its variance. Sums of both parts are the whole, for any cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.code_digest import code_digest
from mutau.core.constants import M_MU
from mutau.core.errors import OutOfRange
from mutau.core.storage import cached_arrays, digest
from mutau.core.units import PB_CM2
from mutau.matter.elements import Element
from mutau.matter.materials import Material
from mutau.matter.muon_cross_sections import (
    NUCLEAR_THRESHOLD,
    PROCESSES,
    differential,
    knock_on,
    max_knock_on,
    radiative_v_max,
)
from mutau.matter.muon_energy_loss import T_MAX, T_MIN, loss_table

Array = NDArray[np.float64]

#: Kinds of collisions, in the order of the tables.
KINDS: Final = (*PROCESSES, "knock-on")
BREMS, PAIR, NUCLEAR, KNOCK_ON = range(4)

#: Muon energies of the tables: GeV, lowest (or 1.5 cuts), highest, and points.
E_LOW: Final = 1.0
E_HIGH: Final = 2000.0
N_ENERGY: Final = 48
#: Grid in ln(fraction of hard collisions above v), and its lower end: 1 in 10^7 of them.
N_SHARE: Final = 161
LOG_SHARE: Final = 16.0
_N_V: Final = 800
#: Recoil table: muon energies (GeV, equal steps in ln E); ln(v/(1-v)) from -RECOIL_LOGIT to
#: RECOIL_LOGIT; quantiles u of the transverse momentum at ln(u/(1-u)) from -RECOIL_TAIL to
#: RECOIL_TAIL.
N_RECOIL_V: Final = 25
RECOIL_LOGIT: Final = 6.0
N_RECOIL_U: Final = 129
RECOIL_TAIL: Final = 12.0
RECOIL_ENERGIES: Final = (10.0, 40.0, 160.0, 640.0)
_PHOTON_MASS: Final = 1e-4


@dataclass(frozen=True, slots=True)
class CatastrophicLosses:
    """Hard collisions in one material, as the kernels of `simulation_matter` read them.

    Lists run over ln E from log_low in steps of log_step.
    rate : (N_ENERGY, 4) collisions per cm that cost more than the cut, by kind.
    logit_v : (N_ENERGY, 4, N_SHARE) ln(v/(1-v)) above which a fraction exp(-i d) of them lies,
        i d = 0 ... LOG_SHARE.
    taken : (N_ENERGY, 4) GeV/cm that they take. soft_variance : (N_ENERGY,) GeV^2/cm of radiative
        losses below the cut.
    restricted : stopping power without the hard collisions, GeV/cm, as `loss_kernel` reads it.
    recoil : (energies, N_RECOIL_V, N_RECOIL_U) quantiles of ln(p_T/m_mu) in bremsstrahlung.
    """

    log_low: float
    log_step: float
    rate: Array
    logit_v: Array
    taken: Array
    soft_variance: Array
    restricted: Array
    recoil: Array


def loss_density(kind: int, v: Array, energy: float, material: Material) -> Array:
    """Collisions of a kind per cm and per v, the fraction of the energy (GeV) that they cost.

    Check: its integral is that of `matter.muon_energy_loss.hard_radiation` and `hard_knock_on`.
    """
    if kind == KNOCK_ON:
        struck = material.electrons_per_cm3 * PB_CM2
        return np.asarray(struck * energy * knock_on(v * energy, energy))
    total = np.zeros(v.shape)
    for item, atoms in material.atoms_per_cm3:
        total += atoms * PB_CM2 * differential(KINDS[kind], v, energy, item)
    return total


def _limits(kind: int, energy: float, material: Material, cut: float) -> tuple[float, float]:
    """Smallest and largest v of hard collisions."""
    if kind == KNOCK_ON:
        return cut / energy, float(max_knock_on(energy)) / energy
    if kind == NUCLEAR:
        # just above the threshold, where the density is zero
        return max(cut, 1.000001 * NUCLEAR_THRESHOLD) / energy, 1.0 - M_MU / energy
    return cut / energy, max(radiative_v_max(energy, float(e.z)) for e, _ in material.elements)


def _one(kind: int, energy: float, material: Material, cut: float) -> tuple[float, Array, float]:
    """Rate per cm, quantiles of logit v, and energy taken per cm, at one energy."""
    low, high = _limits(kind, energy, material, cut)
    high = min(high, 1.0 - 1e-9)
    if low >= high:
        return 0.0, np.zeros(N_SHARE), 0.0
    w = np.linspace(math.log(low / (1.0 - low)), math.log(high / (1.0 - high)), _N_V)
    v = 1.0 / (1.0 + np.exp(-w))
    v[0], v[-1] = low, high
    density = loss_density(kind, v, energy, material)
    if kind == KNOCK_ON:  # the last point lies on the limit, where rounding decides
        density[-1] = density[-2]
    per_w = density * v * (1.0 - v)
    step = w[1] - w[0]
    cells = 0.5 * step * (per_w[1:] + per_w[:-1])
    above = np.append(np.cumsum(cells[::-1])[::-1], 0.0)
    if above[0] <= 0.0:
        return 0.0, np.zeros(N_SHARE), 0.0
    moments = per_w * v
    taken = energy * 0.5 * step * float(np.sum(moments[1:] + moments[:-1]))
    some = above > 0.0
    grid = -np.linspace(0.0, LOG_SHARE, N_SHARE)
    fraction = np.log(above[some] / above[0])
    return float(above[0]), np.interp(grid, fraction[::-1], w[some][::-1]), taken


def _soft_variance(energy: float, material: Material, cut: float) -> float:
    """Variance per cm, GeV^2, of radiative losses below the cut (simple sums in ln v)."""
    total = 0.0
    for kind in (BREMS, PAIR, NUCLEAR):
        # four decades below the cut; v = 1 itself is outside the formulas
        v = np.geomspace(1e-4 * cut / energy, min(cut / energy, 0.9), 200)
        values = loss_density(kind, v, energy, material) * v**3
        total += energy**2 * float(np.trapezoid(values, np.log(v)))
    return total


def _tables(material: Material, cut: float) -> dict[str, Array]:
    low = max(E_LOW, 1.5 * cut)
    log_e = np.linspace(math.log(low), math.log(E_HIGH), N_ENERGY)
    rate, taken = np.zeros((N_ENERGY, 4)), np.zeros((N_ENERGY, 4))
    logit = np.zeros((N_ENERGY, 4, N_SHARE))
    variance = np.zeros(N_ENERGY)
    for i, energy in enumerate(np.exp(log_e)):
        variance[i] = _soft_variance(float(energy), material, cut)
        for kind in range(4):
            rate[i, kind], logit[i, kind], taken[i, kind] = _one(kind, float(energy), material, cut)
    return {"log_e": log_e, "rate": rate, "logit": logit, "taken": taken, "variance": variance}


@lru_cache(maxsize=64)
def catastrophic_losses(material: Material, cut: float) -> CatastrophicLosses:
    """Tables of a material for collisions that cost more than `cut` GeV.

    Raises OutOfRange for a cut outside 1 MeV to 10 GeV: below, binding matters and the rates
    explode; above, what is left over is no longer small.
    Errors: interpolation below 0.5 % of rates and spectra (tested), cross sections as in `matter`.
    Check: restricted + taken is the whole stopping power; rate and taken agree with
    `matter.muon_energy_loss.hard_radiation` and `hard_knock_on`.
    """
    if not 1e-3 <= cut <= 10.0:
        raise OutOfRange(f"cut = {cut:g} GeV for catastrophic losses", allowed="0.001 to 10 GeV")
    key = digest(code_digest(__name__), material.elements, material.density, cut)
    table = cached_arrays("muon-catastrophic-losses", key, lambda: _tables(material, cut))
    log_e = table["log_e"]
    grid = np.geomspace(T_MIN, T_MAX, loss_table(material).size) + M_MU
    taken = np.array([np.interp(np.log(grid), log_e, column) for column in table["taken"].T])
    inside = (np.log(grid) >= log_e[0]) & (np.log(grid) <= log_e[-1])
    restricted = loss_table(material) - np.where(inside, taken.sum(axis=0), 0.0)
    return CatastrophicLosses(
        float(log_e[0]), float(log_e[1] - log_e[0]), table["rate"], table["logit"],
        table["taken"], table["variance"], restricted, recoil_table(material.dominant_element),
    )  # fmt: skip


def _recoil_row(item: Element, energy: float, v: float) -> Array | None:
    """Quantiles of ln(p_T/m_mu) at one energy and v; None where the muon has nothing left."""
    from mutau.matter.nucleus import Nucleus
    from mutau.reactions.muon_brems import differential_x_psi

    after = (1.0 - v) * energy
    if after < 1.5 * M_MU:
        return None
    # p_T over the muon's mass: five decades below it and two above
    log_pt = np.linspace(math.log(1e-5), math.log(100.0), 400)
    p_t = M_MU * np.exp(log_pt)
    inside = p_t < 0.5 * after
    psi = np.arcsin(np.where(inside, p_t / after, 0.5))
    density = differential_x_psi(
        np.full(psi.shape, v), psi, energy, _PHOTON_MASS, Nucleus.of(item, "elastic+inelastic")
    )
    per_log = np.maximum(density, 0.0) * p_t / after * inside
    cells = 0.5 * (per_log[1:] + per_log[:-1])
    total = float(cells.sum())
    if total <= 0.0:
        return None
    below = np.append(0.0, np.cumsum(cells)) + 1e-30 * total
    above = np.append(np.cumsum(cells[::-1])[::-1], 0.0) + 1e-30 * total
    tail = np.linspace(-RECOIL_TAIL, RECOIL_TAIL, N_RECOIL_U)
    return np.interp(tail, np.log(below / above), log_pt)


def _recoil(item: Element) -> dict[str, Array]:
    """Quantiles of ln(p_T/m_mu) at fixed v from the exact cross section in the muon's angle."""
    out = np.empty((len(RECOIL_ENERGIES), N_RECOIL_V, N_RECOIL_U))
    for k, energy in enumerate(RECOIL_ENERGIES):
        for i, logit in enumerate(np.linspace(-RECOIL_LOGIT, RECOIL_LOGIT, N_RECOIL_V)):
            row = _recoil_row(item, energy, 1.0 / (1.0 + math.exp(-logit)))
            out[k, i] = out[k, i - 1] if row is None else row
    return {"recoil": out}


@cache
def recoil_table(item: Element) -> Array:
    """Transverse momentum of a muon that radiates a photon: quantiles of ln(p_T/m_mu).

    Axes: RECOIL_ENERGIES; ln(v/(1-v)); ln(u/(1-u)) of the fraction u below. Exact tree level on the
    nucleus of the element and its protons (`muon_brems`, photon of 0.1 MeV). At fixed v the
    distribution depends on the energy only through the smallest momentum transfer, m^2 v/(2E(1-v)).
    """
    key = digest(code_digest(__name__), item.z, item.a)
    table = cached_arrays("muon-recoil", key, lambda: _recoil(item))["recoil"]
    table.flags.writeable = False
    return table
