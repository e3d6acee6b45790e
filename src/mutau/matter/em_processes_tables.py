"""Cumulative spectra of every process on one grid: what the cascade equations look up.

For each process and source energy E the table holds, over the logit w = ln(v/(1 - v)) of the
fraction v of the source energy,
    C(v), the number per X0 of secondaries (or of losses) above v E,
    D(v) = -dC/dw, its spectrum in w,
    I(v), the integral of C from 0 to v,
so that numbers, spectra and mean energies below any threshold follow by cubic interpolation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from mutau.core.arrays import FloatArray
from mutau.core.jit import njit
from mutau.core.records import Records, frozen, zeros
from mutau.matter.em_processes import (
    annihilation,
    annihilation_total,
    bhabha,
    brems,
    compton,
    compton_total,
    moller,
    pair,
)
from mutau.matter.em_processes_medium import Medium, MediumData, restricted_loss

# Processes. The fraction is: of the energy lost (LOSS), of the photon's energy (GAMMA, COMPTON_G),
# of a lepton's total energy (PAIR), of an electron's kinetic energy (DELTA, COMPTON_E).
LOSS_E, GAMMA_E, DELTA_E, LOSS_P, GAMMA_P, DELTA_P, PAIR, COMPTON_E, COMPTON_G = range(9)

E_LOW: Final = 2e-3  # GeV; below, binding and low-energy corrections rule
E_HIGH: Final = 1e4  # GeV
STEP_LOG_E: Final = 0.125
W_LOW: Final = -17.0
STEP_W: Final = 0.125
N_W: Final = 273  # up to w = 17
#: Collisions that give an electron more kinetic energy than this count one by one, GeV.
DELTA_CUT: Final = 1e-3

_GAUSS_X = (-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526)
_GAUSS_W = (0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538)


class SpectrumNode:
    """One node of a spectrum: C, D and I."""

    number: float
    slope: float
    below: float


class CascadeRates:
    """Rates at one energy: collision loss of e- and e+ below DELTA_CUT (GeV per X0), annihilation,
    removal of photons by pairs and by Compton scattering (per X0)."""

    loss_e: float
    loss_p: float
    annihilation: float
    pair: float
    compton: float


class Spectra(NamedTuple):
    """Spectra of every process: (n, N_W) by source energy, or (N_W,) at one.

    loss, gamma, delta : energy lost, photons and knock-on electrons of e- (_e) and e+ (_p).
    pair : leptons from photons. compton_e, compton_g : electrons and photons from photons.
    """

    loss_e: Records[Any]
    gamma_e: Records[Any]
    delta_e: Records[Any]
    loss_p: Records[Any]
    gamma_p: Records[Any]
    delta_p: Records[Any]
    pair: Records[Any]
    compton_e: Records[Any]
    compton_g: Records[Any]


class SpectrumTables(NamedTuple):
    """Tables of one medium.

    log_e : (n,) ln of the source energy in GeV, uniform. spectra : of every process. rates : (n,).
    """

    log_e: FloatArray
    spectra: Spectra
    rates: Records[CascadeRates]


@njit
def _density(process: int, e: float, v: float, m: MediumData) -> float:
    """dN/dv per X0 of one process at source energy e; the table's own definition of v."""
    x = v * e
    if process == PAIR:
        return e * pair(e, x, m.rows, m.mode)
    if process == COMPTON_G:
        return m.w * e * compton(e, x)
    if process == COMPTON_E:
        return m.w * e * compton(e, e - x) if x < e else 0.0
    if process == DELTA_E:
        return m.w * e * moller(e, x) if x >= DELTA_CUT else 0.0
    if process == DELTA_P:
        return m.w * e * bhabha(e, x) if x >= DELTA_CUT else 0.0
    total = brems(e, x, m.rows, m.mode) / v
    if process == LOSS_E and x >= DELTA_CUT:
        total += m.w * e * moller(e, x)
    if process == LOSS_P and x >= DELTA_CUT:
        total += m.w * e * bhabha(e, x)
    if process == GAMMA_P:
        total += m.w * e * annihilation(e, x)
    return total


@njit
def _fill_spectrum(process: int, e: float, m: MediumData, out: Records[SpectrumNode]) -> None:
    """C, D, I of one process and energy into out (N_W,)."""
    for i in range(N_W - 1, -1, -1):
        logit = W_LOW + i * STEP_W
        v = 1.0 / (1.0 + np.exp(-logit))
        jacobian = v * (1.0 - v)
        out[i].slope = _density(process, e, v, m) * jacobian
        if i == N_W - 1:
            out[i].number = 0.0
            continue
        cell = 0.0
        for g in range(4):
            at = logit + 0.5 * STEP_W * (1.0 + _GAUSS_X[g])
            v = 1.0 / (1.0 + np.exp(-at))
            density = _density(process, e, v, m)
            cell += _GAUSS_W[g] * density * v * (1.0 - v)
        out[i].number = out[i + 1].number + 0.5 * STEP_W * cell
    v = 1.0 / (1.0 + np.exp(-W_LOW))
    out[0].below = v * (out[0].number + out[0].slope)
    for i in range(1, N_W):
        cell = 0.0
        for g in range(4):
            t = 0.5 * (1.0 + _GAUSS_X[g])
            v = 1.0 / (1.0 + np.exp(-(W_LOW + (i - 1 + t) * STEP_W)))
            number = (
                out[i - 1].number * (1.0 + 2.0 * t) * (1.0 - t) ** 2
                + out[i].number * t * t * (3.0 - 2.0 * t)
                - STEP_W
                * (out[i - 1].slope * t * (1.0 - t) ** 2 + out[i].slope * t * t * (t - 1.0))
            )
            cell += _GAUSS_W[g] * number * v * (1.0 - v)
        out[i].below = out[i - 1].below + 0.5 * STEP_W * cell


@njit
def _fill(log_e: FloatArray, m: MediumData, spectra: Spectra, rates: Records[CascadeRates]) -> None:
    """All spectra and rates of a medium."""
    for i in range(log_e.shape[0]):
        e = np.exp(log_e[i])
        _fill_spectrum(LOSS_E, e, m, spectra.loss_e[i])
        _fill_spectrum(GAMMA_E, e, m, spectra.gamma_e[i])
        _fill_spectrum(DELTA_E, e, m, spectra.delta_e[i])
        _fill_spectrum(LOSS_P, e, m, spectra.loss_p[i])
        _fill_spectrum(GAMMA_P, e, m, spectra.gamma_p[i])
        _fill_spectrum(DELTA_P, e, m, spectra.delta_p[i])
        _fill_spectrum(PAIR, e, m, spectra.pair[i])
        _fill_spectrum(COMPTON_E, e, m, spectra.compton_e[i])
        _fill_spectrum(COMPTON_G, e, m, spectra.compton_g[i])
        rate = rates[i]
        rate.loss_e = restricted_loss(e, DELTA_CUT, False, m.layers)
        rate.loss_p = restricted_loss(e, DELTA_CUT, True, m.layers)
        rate.annihilation = m.w * annihilation_total(e)
        rate.pair = spectra.pair[i, 0].number
        rate.compton = m.w * compton_total(e)


def empty_spectra(*shape: int) -> Spectra:
    """Spectra of zeros, every process of `shape`."""
    return Spectra(*(zeros(SpectrumNode, shape) for _ in Spectra._fields))


@lru_cache(maxsize=16)
def spectrum_tables(medium: Medium) -> SpectrumTables:
    """The tables of a medium, computed once per process (about 0.1 s per element)."""
    n = int(np.ceil((np.log(E_HIGH) - np.log(E_LOW)) / STEP_LOG_E)) + 1
    log_e = np.log(E_LOW) + STEP_LOG_E * np.arange(n)
    spectra, rates = empty_spectra(n, N_W), zeros(CascadeRates, n)
    _fill(log_e, medium.data, spectra, rates)
    log_e.setflags(write=False)
    return SpectrumTables(log_e, Spectra(*map(frozen, spectra)), frozen(rates))
