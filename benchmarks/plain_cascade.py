"""The cascade equations as one dense linear system in NumPy, on one logarithmic grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E
from mutau.matter import em_processes_tables as t
from mutau.matter.em_processes_medium import medium
from mutau.matter.materials import Material

Array = NDArray[np.float64]
_LOGIT = t.W_LOW + t.STEP_W * np.arange(t.N_W)


def _rows(table: Array, fraction: Array) -> Array:
    """Table j (N_W,) at fractions (N, N) of bin j: linear in the logit, 0 beyond 1."""
    v = np.clip(fraction, 1e-7, 1.0 - 1e-7)
    x = np.clip((np.log(v / (1.0 - v)) - t.W_LOW) / t.STEP_W, 0.0, t.N_W - 1.001)
    i = x.astype(int)
    j = np.arange(len(table))[:, None]
    value = table[j, i] + (x - i) * (table[j, i + 1] - table[j, i])
    return np.where((fraction > 0.0) & (fraction < 1.0), value, 0.0)


def track_lengths(energy: float, made_of: Material, cut: float, n: int = 160) -> tuple[Array, ...]:
    """Falling edges (n + 1,) GeV and track lengths of e-, e+, photons per bin (3, n), X0.

    One electron of `energy` comes in. Balance above the lower edge of every bin: what is made
    there is what is removed or falls below.
    """
    tables = t.spectrum_tables(medium(made_of))
    edges = np.geomspace(energy, cut, n + 1)
    high, low = edges[:-1, None], edges[1:, None]  # of the source's bin, row j
    e, a = np.sqrt(high * low), edges[None, 1:]  # ... and the edge a, column i
    place = np.clip(
        (np.log(e[:, 0]) - tables.log_e[0]) / t.STEP_LOG_E, 0, len(tables.log_e) - 1.001
    )
    k = place.astype(int)
    f = (place - k)[:, None, None]
    spectra = (1.0 - f) * tables.spectra[:, k].transpose(1, 2, 0, 3).reshape(n, -1, 27)
    spectra = spectra + f * tables.spectra[:, k + 1].transpose(1, 2, 0, 3).reshape(n, -1, 27)
    number = {p: spectra[:, :, 3 * p] for p in range(t.N_PROCESSES)}
    below = {p: spectra[:, :, 3 * p + 2] for p in (t.LOSS_E, t.LOSS_P)}
    rates = tables.rates[:, k] + f[:, 0, 0] * (tables.rates[:, k + 1] - tables.rates[:, k])
    earlier = a <= low * (1.0 + 1e-12)  # bin j lies above the edge

    def falls(process: int, rate: int) -> Array:
        """Chance per X0 to fall below the edge: mean over the bin, and the steady loss at it."""
        far = _rows(below[process], np.minimum((high - a) / e, 1.0 - 1e-7))
        near = _rows(below[process], np.maximum(low - a, 0.0) / e)
        steady = np.diag(rates[rate] / (high - low)[:, 0])
        return np.where(earlier, (far - near) * e / (high - low), 0.0) + steady

    def made(process: int, mass: float = 0.0) -> Array:
        return np.where(earlier, _rows(number[process], (a - mass) / e), 0.0)

    removed = np.where(earlier, rates[t.PAIR_TOTAL] + rates[t.COMPTON_TOTAL], 0.0)
    gone = np.where(earlier, rates[t.ANNIHILATION][:, None], 0.0)
    delta_e, delta_p = made(t.DELTA_E, M_E), made(t.DELTA_P, M_E)
    pair, recoil = made(t.PAIR), made(t.COMPTON_E, M_E)
    system = np.block(
        [  # of the balance of e-, e+, photons (columns), by who travels (rows)
            [falls(t.LOSS_E, t.BETA_E) - delta_e, np.zeros((n, n)), -made(t.GAMMA_E)],
            [-delta_p, falls(t.LOSS_P, t.BETA_P) + gone, -made(t.GAMMA_P)],
            [-pair - recoil, -pair, removed - made(t.COMPTON_G)],
        ]
    )
    right = np.concatenate([np.ones(n), np.zeros(2 * n)])
    return edges, np.linalg.solve(system.T, right).reshape(3, n)
