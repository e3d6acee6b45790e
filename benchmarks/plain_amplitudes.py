"""mu e -> mu e V from explicit Dirac spinors in NumPy, all phase-space points at once.

Nothing is reduced by hand: gamma matrices, propagators, currents for every helicity, and the sum
over the polarisations of V as -g. What a generator of amplitudes does, without its optimiser.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def _gamma() -> Complex:
    """(4, 4, 4) gamma^mu, Dirac representation."""
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    gamma = np.zeros((4, 4, 4), complex)
    gamma[0] = np.diag([1, 1, -1, -1])
    gamma[1:, :2, 2:], gamma[1:, 2:, :2] = pauli, -pauli
    return gamma


GAMMA = _gamma()


def slash(p: Array) -> Complex:
    """(N, 4, 4) p_mu gamma^mu of (N, 4) momenta."""
    return np.einsum("nm,m,mij->nij", p, np.diag(METRIC), GAMMA)


def spinors(p: Array, mass: float) -> Complex:
    """(N, 4, 2) both spin states u(p): (pslash + m) on those at rest."""
    boost = slash(p) + mass * np.eye(4)
    return boost[:, :, :2] / np.sqrt(p[:, 0] + mass)[:, None, None]


def bar(u: Complex) -> Complex:
    """(N, 2, 4) Dirac adjoint of (N, 4, 2)."""
    return np.conj(u).transpose(0, 2, 1) @ GAMMA[0]


def emitting(before: Array, behind: Array, k: Array, mass: float) -> Complex:
    """(N, nu, mu, s', s) current with V (nu) emitted and a photon (mu) absorbed by one line."""
    u, w = spinors(before, mass), bar(spinors(behind, mass))
    one = mass * np.eye(4)
    m2 = np.einsum("nm,m->n", k * k, np.diag(METRIC))
    dot = np.einsum("nm,nm,m->n", behind, k, np.diag(METRIC))
    dot_before = np.einsum("nm,nm,m->n", before, k, np.diag(METRIC))
    late = (slash(behind + k) + one) / (m2 + 2.0 * dot)[:, None, None]
    early = (slash(before - k) + one) / (m2 - 2.0 * dot_before)[:, None, None]
    left, right = np.einsum("nsi,aij->nasj", w, GAMMA), np.einsum("aij,njs->nais", GAMMA, u)
    first = np.einsum("nvsi,nij,nmjt->nvmst", left, late, right, optimize=True)
    second = np.einsum("nmsi,nij,nvjt->nvmst", left, early, right, optimize=True)
    return first + second


def current(before: Array, behind: Array, mass: float) -> Complex:
    """(N, mu, s', s) vector current of a line that emits nothing."""
    return np.einsum("nsi,aij,njt->nast", bar(spinors(behind, mass)), GAMMA, spinors(before, mass))


def squared(momenta: Array, m: float, e: float, c_muon: float, c_electron: float) -> Array:
    """(N,) sum over spins / 4 of |M|^2 over e^4, GeV^-2.

    momenta : (5, N, 4) of mu, e, mu', e', V. c_muon, c_electron : couplings of V to the lines.
    """
    p1, p2, p3, p4, k = momenta
    metric = np.diag(METRIC)
    te = np.einsum("nm,nm,m->n", p2 - p4, p2 - p4, metric)
    tm = np.einsum("nm,nm,m->n", p1 - p3, p1 - p3, metric)
    total = np.zeros((len(p1), 4, 2, 2, 2, 2), complex)
    if c_muon:
        line, other = emitting(p1, p3, k, m), current(p2, p4, e)
        part = np.einsum("nvmst,nmab,m->nvstab", line, other, metric, optimize=True)
        total += c_muon * part / te[:, None, None, None, None, None]
    if c_electron:
        line, other = emitting(p2, p4, k, e), current(p1, p3, m)
        part = np.einsum("nvmab,nmst,m->nvstab", line, other, metric, optimize=True)
        total += c_electron * part / tm[:, None, None, None, None, None]
    return -0.25 * np.einsum("nvstab,v->n", np.abs(total) ** 2, metric)
