"""Cumulative spectra of every process on one grid: what the cascade equations look up.

For each process and source energy E the table holds, over the logit w = ln(v/(1 - v)) of the
fraction v of the source energy,
    C(v), the number per X0 of secondaries (or of losses) above v E,
    D(v) = -dC/dw, its spectrum in w,
    I(v), the integral of C from 0 to v,
so that numbers, spectra and mean energies below any threshold follow by cubic interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from mutau.core.jit import njit
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
from mutau.matter.em_processes_medium import Medium, restricted_loss

# Processes. The fraction is: of the energy lost (LOSS), of the photon's energy (GAMMA, COMPTON_G),
# of a lepton's total energy (PAIR), of an electron's kinetic energy (DELTA, COMPTON_E).
LOSS_E, GAMMA_E, DELTA_E, LOSS_P, GAMMA_P, DELTA_P, PAIR, COMPTON_E, COMPTON_G = range(9)
N_PROCESSES: Final = 9
#: Rates by energy: collision loss of e- and e+ below DELTA_CUT (GeV per X0), annihilation, photon
#: removal by pairs and by Compton scattering (per X0).
BETA_E, BETA_P, ANNIHILATION, PAIR_TOTAL, COMPTON_TOTAL = range(5)
N_RATES: Final = 5

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


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumTables:
    """Tables of one medium.

    log_e : (n,) ln of the source energy in GeV, uniform. spectra : (9, n, N_W, 3) C, D, I.
    rates : (5, n).
    """

    log_e: np.ndarray
    spectra: np.ndarray
    rates: np.ndarray


@njit
def _density(process: int, e: float, v: float, rows: np.ndarray, mode: int, w: float) -> float:
    """dN/dv per X0 of one process at source energy e; the table's own definition of v."""
    x = v * e
    if process == PAIR:
        return e * pair(e, x, rows, mode)
    if process == COMPTON_G:
        return w * e * compton(e, x)
    if process == COMPTON_E:
        return w * e * compton(e, e - x) if x < e else 0.0
    if process == DELTA_E:
        return w * e * moller(e, x) if x >= DELTA_CUT else 0.0
    if process == DELTA_P:
        return w * e * bhabha(e, x) if x >= DELTA_CUT else 0.0
    total = brems(e, x, rows, mode) / v
    if process == LOSS_E and x >= DELTA_CUT:
        total += w * e * moller(e, x)
    if process == LOSS_P and x >= DELTA_CUT:
        total += w * e * bhabha(e, x)
    if process == GAMMA_P:
        total += w * e * annihilation(e, x)
    return total


@njit
def _fill_spectrum(
    process: int, e: float, rows: np.ndarray, mode: int, w: float, out: np.ndarray
) -> None:
    """C, D, I of one process and energy into out (N_W, 3)."""
    for i in range(N_W - 1, -1, -1):
        logit = W_LOW + i * STEP_W
        v = 1.0 / (1.0 + np.exp(-logit))
        jacobian = v * (1.0 - v)
        out[i, 1] = _density(process, e, v, rows, mode, w) * jacobian
        if i == N_W - 1:
            out[i, 0] = 0.0
            continue
        cell = 0.0
        for g in range(4):
            at = logit + 0.5 * STEP_W * (1.0 + _GAUSS_X[g])
            v = 1.0 / (1.0 + np.exp(-at))
            density = _density(process, e, v, rows, mode, w)
            cell += _GAUSS_W[g] * density * v * (1.0 - v)
        out[i, 0] = out[i + 1, 0] + 0.5 * STEP_W * cell
    v = 1.0 / (1.0 + np.exp(-W_LOW))
    out[0, 2] = v * (out[0, 0] + out[0, 1])
    for i in range(1, N_W):
        cell = 0.0
        for g in range(4):
            t = 0.5 * (1.0 + _GAUSS_X[g])
            v = 1.0 / (1.0 + np.exp(-(W_LOW + (i - 1 + t) * STEP_W)))
            number = (
                out[i - 1, 0] * (1.0 + 2.0 * t) * (1.0 - t) ** 2
                + out[i, 0] * t * t * (3.0 - 2.0 * t)
                - STEP_W * (out[i - 1, 1] * t * (1.0 - t) ** 2 + out[i, 1] * t * t * (t - 1.0))
            )
            cell += _GAUSS_W[g] * number * v * (1.0 - v)
        out[i, 2] = out[i - 1, 2] + 0.5 * STEP_W * cell


@njit
def _fill(
    log_e: np.ndarray, rows: np.ndarray, layers: np.ndarray, mode: int, w: float
) -> tuple[np.ndarray, np.ndarray]:
    n = log_e.shape[0]
    spectra = np.zeros((N_PROCESSES, n, N_W, 3))
    rates = np.zeros((N_RATES, n))
    for i in range(n):
        e = np.exp(log_e[i])
        for process in range(N_PROCESSES):
            _fill_spectrum(process, e, rows, mode, w, spectra[process, i])
        rates[BETA_E, i] = restricted_loss(e, DELTA_CUT, False, layers)
        rates[BETA_P, i] = restricted_loss(e, DELTA_CUT, True, layers)
        rates[ANNIHILATION, i] = w * annihilation_total(e)
        rates[PAIR_TOTAL, i] = spectra[PAIR, i, 0, 0]
        rates[COMPTON_TOTAL, i] = w * compton_total(e)
    return spectra, rates


@lru_cache(maxsize=16)
def spectrum_tables(medium: Medium) -> SpectrumTables:
    """The tables of a medium, computed once per process (about 0.1 s per element)."""
    n = int(np.ceil((np.log(E_HIGH) - np.log(E_LOW)) / STEP_LOG_E)) + 1
    log_e = np.log(E_LOW) + STEP_LOG_E * np.arange(n)
    spectra, rates = _fill(log_e, medium.rows, medium.layers, medium.mode, medium.w)
    for array in (log_e, spectra, rates):
        array.setflags(write=False)
    return SpectrumTables(log_e, spectra, rates)
