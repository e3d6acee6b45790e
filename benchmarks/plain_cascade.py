"""The cascade equations as one dense linear system in NumPy, on one logarithmic grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured
from numpy.typing import NDArray

from mutau.core.constants import M_E
from mutau.core.records import Records, dtype_of
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


def track_lengths(
    energy: float, substance: Material, cut: float, n: int = 160
) -> tuple[Array, ...]:
    """Falling edges (n + 1,) GeV and track lengths of e-, e+, photons per bin (3, n), X0.

    One electron of `energy` comes in. Balance above the lower edge of every bin: what is made
    there is what is removed or falls below.
    """
    tables = t.spectrum_tables(medium(substance))
    edges = np.geomspace(energy, cut, n + 1)
    high, low = edges[:-1, None], edges[1:, None]  # of the source's bin, row j
    e, a = np.sqrt(high * low), edges[None, 1:]  # ... and the edge a, column i
    place = np.clip(
        (np.log(e[:, 0]) - tables.log_e[0]) / t.STEP_LOG_E, 0, len(tables.log_e) - 1.001
    )
    k = place.astype(int)
    f = place - k

    def at_bins(table: Records[Any]) -> Array:
        """Records (nodes, ...) at the energies of the bins, linear, with the fields last."""
        plain = structured_to_unstructured(table)
        weight = f.reshape(f.shape[:1] + (1,) * (plain.ndim - 1))
        return np.asarray((1.0 - weight) * plain[k] + weight * plain[k + 1])

    spectra = {name: at_bins(table) for name, table in tables.spectra._asdict().items()}
    rates = dict(zip(dtype_of(t.CascadeRates).names or (), at_bins(tables.rates).T, strict=True))
    earlier = a <= low * (1.0 + 1e-12)  # bin j lies above the edge

    def falls(process: str) -> Array:
        """Chance per X0 to fall below the edge: mean over the bin, and the steady loss at it."""
        far = _rows(spectra[process][:, :, 2], np.minimum((high - a) / e, 1.0 - 1e-7))
        near = _rows(spectra[process][:, :, 2], np.maximum(low - a, 0.0) / e)
        steady = np.diag(rates[process] / (high - low)[:, 0])
        return np.where(earlier, (far - near) * e / (high - low), 0.0) + steady

    def made(process: str, mass: float = 0.0) -> Array:
        return np.where(earlier, _rows(spectra[process][:, :, 0], (a - mass) / e), 0.0)

    removed = np.where(earlier, rates["pair"] + rates["compton"], 0.0)
    gone = np.where(earlier, rates["annihilation"][:, None], 0.0)
    delta_e, delta_p = made("delta_e", M_E), made("delta_p", M_E)
    pair, recoil = made("pair"), made("compton_e", M_E)
    system = np.block(
        [  # of the balance of e-, e+, photons (columns), by who travels (rows)
            [falls("loss_e") - delta_e, np.zeros((n, n)), -made("gamma_e")],
            [-delta_p, falls("loss_p") + gone, -made("gamma_p")],
            [-pair - recoil, -pair, removed - made("compton_g")],
        ]
    )
    right = np.concatenate([np.ones(n), np.zeros(2 * n)])
    return edges, np.linalg.solve(system.T, right).reshape(3, n)
