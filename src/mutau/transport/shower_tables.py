"""Sampling tables of single showers: rates, losses and inverse cumulative spectra by energy.

Energy nodes lie at eight equal steps per factor of two, so that the bits of a float are the index.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from mutau.core.arrays import FloatArray
from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.core.records import Records, frozen, zeros
from mutau.matter.em_processes import (
    annihilation_total,
    bhabha,
    brems,
    compton_total,
    moller,
    pair,
)
from mutau.matter.em_processes_medium import Medium, MediumData, restricted_loss

_SHIFT: Final = 49  # 52 bits of mantissa, 2^3 nodes per octave
_FRACTION: Final = 1.0 / (1 << _SHIFT)
_MASK: Final = (1 << _SHIFT) - 1
N_QUANTILES: Final = 128
_N_CELLS: Final = 120
MAX_LOSS: Final = 0.1  # largest continuous loss in one step, of the energy
_GAUSS = (0.21132486540518713, 0.7886751345948129)


class LeptonNode:
    """An e- or e+ at a node: rates per X0 of hard radiation; of that with scattering on electrons;
    of all, annihilation among them; and the continuous loss, GeV per X0."""

    brems: float
    scatter: float
    total: float
    loss: float


class PhotonNode:
    """A photon at a node: rates per X0 of pair production, and of all."""

    pair: float
    total: float


class ShowerTables(NamedTuple):
    """Tables of one medium and one choice of cuts, for the kernels; n nodes of energy.

    leptons : (2, n), e- and e+. photons : (n,). per_width :
    (n,) inverse width of the cell above the node, 1/GeV. radiated : (n, N_QUANTILES + 1) quantiles
    at equal probabilities of ln of the photon's fraction of the electron's energy; shared : the
    same of the fraction of k - 2m of one of a pair. first : index of the first node (`locate`).
    cut : total energy where a particle is stopped, GeV. delta_cut : kinetic energy above which a
    struck electron counts by itself, GeV. bound : no rate of a lepton grows by more than this
    factor while it loses MAX_LOSS of its energy.
    """

    leptons: Records[LeptonNode]
    photons: Records[PhotonNode]
    per_width: FloatArray
    radiated: FloatArray
    shared: FloatArray
    first: int
    cut: float
    delta_cut: float
    bound: float


@njit(inline="always")
def locate(e: float) -> tuple[int, float]:
    """Absolute node index and place in the cell of an energy, from the bits of the float."""
    bits = np.float64(e).view(np.int64)
    return int(bits >> _SHIFT), (bits & _MASK) * _FRACTION


@njit
def node_energy(index: int) -> float:
    """Energy of a node, GeV; inverse of `locate`. Check: node_energy(8 * 1023) is 1."""
    octave, step = index // 8 - 1023, index % 8
    return 2.0**octave * (1.0 + step / 8.0)


@njit
def _quantiles(cumulative: FloatArray, x: FloatArray, out: FloatArray) -> None:
    """Values of x at equal steps of a cumulative that rises along x."""
    total = cumulative[-1]
    j = 0
    for q in range(N_QUANTILES + 1):
        target = total * q / N_QUANTILES
        while j < len(x) - 2 and cumulative[j + 1] < target:
            j += 1
        step = cumulative[j + 1] - cumulative[j]
        t = (target - cumulative[j]) / step if step > 0.0 else 0.0
        out[q] = x[j] + min(max(t, 0.0), 1.0) * (x[j + 1] - x[j])


@njit
def _radiation(e: float, soft: float, m: MediumData, out: FloatArray) -> tuple[float, float]:
    """Rate of photons above `soft`, 1/X0, mean loss below it, GeV/X0; quantiles of ln(k/e)."""
    top = np.log((e - M_E) / e)
    bottom = np.log(soft / e)
    x = np.empty(_N_CELLS + 1)
    cumulative = np.zeros(_N_CELLS + 1)
    x[0] = bottom
    step = (top - bottom) / _N_CELLS
    for i in range(_N_CELLS):
        cell = 0.0
        for g in _GAUSS:
            cell += brems(e, e * np.exp(bottom + (i + g) * step), m.rows, m.mode)
        x[i + 1] = bottom + (i + 1) * step
        cumulative[i + 1] = cumulative[i] + 0.5 * step * cell
    _quantiles(cumulative, x, out)
    loss = 0.0
    low = bottom - 16.0
    for i in range(_N_CELLS):
        for g in _GAUSS:
            k = e * np.exp(low + (i + g) * 16.0 / _N_CELLS)
            loss += k * brems(e, k, m.rows, m.mode)
    return cumulative[-1], loss * 0.5 * 16.0 / _N_CELLS


@njit
def _pairs(k: float, m: MediumData, out: FloatArray) -> float:
    """Rate of pairs, 1/X0; quantiles of (E - m)/(k - 2m)."""
    free = k - 2.0 * M_E
    x = np.empty(_N_CELLS + 1)
    cumulative = np.zeros(_N_CELLS + 1)
    x[0] = 0.0
    for i in range(_N_CELLS):
        # nodes crowd at both ends, where the spectrum bends
        x[i + 1] = 0.5 * (1.0 - np.cos(np.pi * (i + 1) / _N_CELLS))
        step = x[i + 1] - x[i]
        cell = 0.0
        for g in _GAUSS:
            cell += pair(k, M_E + free * (x[i] + g * step), m.rows, m.mode)
        cumulative[i + 1] = cumulative[i] + 0.5 * step * cell * free
    _quantiles(cumulative, x, out)
    return cumulative[-1]


@njit
def _scatter_rate(e: float, cut: float, positron: bool) -> float:
    """Moller or Bhabha scatterings above the kinetic energy `cut`, over w."""
    top = (e - M_E) * (1.0 if positron else 0.5)
    if top <= cut:
        return 0.0
    step = np.log(top / cut) / _N_CELLS
    total = 0.0
    for i in range(_N_CELLS):
        for g in _GAUSS:
            t = cut * np.exp((i + g) * step)
            total += t * (bhabha(e, t) if positron else moller(e, t))
    return 0.5 * step * total


@njit
def _fill(t: ShowerTables, soft: float, m: MediumData) -> None:
    """All nodes of the tables. soft : as in `shower_tables`."""
    for i in range(t.per_width.shape[0]):
        e = node_energy(t.first + i)
        rate, loss = _radiation(e, min(t.cut, soft * e), m, t.radiated[i])
        for s in range(2):
            scatter = m.w * _scatter_rate(e, t.delta_cut, s == 1)
            annihilate = m.w * annihilation_total(e) if s == 1 else 0.0
            lepton = t.leptons[s, i]
            lepton.brems = rate
            lepton.scatter = rate + scatter
            lepton.total = rate + scatter + annihilate
            lepton.loss = loss + restricted_loss(e, t.delta_cut, s == 1, m.layers)
        photon = t.photons[i]
        photon.pair = _pairs(e, m, t.shared[i])
        photon.total = photon.pair + m.w * compton_total(e)
        t.per_width[i] = 1.0 / (node_energy(t.first + i + 1) - e)


@lru_cache(maxsize=16)
def shower_tables(m: Medium, energy: float, cut: float, soft: float) -> ShowerTables:
    """Tables for showers of up to `energy` GeV that are followed down to `cut` GeV.

    soft : photons below min(cut, soft E) are a continuous loss of an electron of energy E.
    Struck electrons count by themselves from the cut on, or 50 MeV if that is less.
    """
    delta_cut = min(cut - M_E, 0.05)
    first = int(locate(cut)[0])
    n = int(locate(energy)[0]) - first + 3
    t = ShowerTables(
        zeros(LeptonNode, (2, n)), zeros(PhotonNode, n), np.zeros(n),
        np.zeros((n, N_QUANTILES + 1)), np.zeros((n, N_QUANTILES + 1)), first, cut, delta_cut, 1.0,
    )  # fmt: skip
    _fill(t, soft, m.data)
    rates = t.leptons["total"]
    growth = max(float(np.max(rates[:, :-step] / rates[:, step:])) for step in (1, 2))
    for array in (t.per_width, t.radiated, t.shared):
        array.setflags(write=False)
    frozen(t.leptons)
    frozen(t.photons)
    return t._replace(bound=max(growth, 1.0) * 1.001)
