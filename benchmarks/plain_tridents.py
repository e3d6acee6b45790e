"""nu_mu N -> nu_mu mu+ mu- N by Monte Carlo in NumPy: Dirac spinors at random points, spin-0 N."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import plain_amplitudes as dirac
import plain_decays
from numpy.typing import NDArray

from mutau.core.constants import ALPHA, G_F, M_MU, SIN2_W
from mutau.core.units import GEV2_PB

Array = NDArray[np.float64]
_ONE = np.eye(4)
_GAMMA5 = 1j * dirac.GAMMA[0] @ dirac.GAMMA[1] @ dirac.GAMMA[2] @ dirac.GAMMA[3]
_C_V, _C_A = 0.5 + 2.0 * SIN2_W, 0.5


def _squared(k: Array, out: Array, minus: Array, plus: Array, q: Array, nucleus: Array) -> Array:
    """Sum over spins of the amplitude squared, over (G_F^2/2) e^4 F^2/t^2; momenta (N, 4)."""
    metric = np.diag(dirac.METRIC)

    def line(p: Array) -> Array:
        square = np.einsum("nm,nm,m->n", p, p, metric) - M_MU**2
        return (dirac.slash(p) + M_MU * _ONE) / square[:, None, None]

    weak = dirac.GAMMA @ (_ONE - _GAMMA5)
    neutrino = np.einsum(
        "nsi,aij,njt->nast", dirac.bar(dirac.spinors(out, 0.0)), weak, dirac.spinors(k, 0.0)
    )
    u = dirac.bar(dirac.spinors(minus, M_MU))
    v = (dirac.slash(plus) - M_MU * _ONE)[:, :, 2:] / np.sqrt(plus[:, 0] + M_MU)[:, None, None]
    photon = dirac.slash(nucleus)
    first, second = u @ photon @ line(minus - q), line(q - plus) @ photon @ v
    current = dirac.GAMMA @ (_C_V * _ONE - _C_A * _GAMMA5)
    pair = np.einsum("nsi,aij,njt->nast", first, current, v)
    pair += np.einsum("nsi,aij,njt->nast", u, current, second)
    whole = np.einsum("nast,nabc,a->nstbc", pair, neutrino, metric)
    return np.sum(np.abs(whole) ** 2, axis=(1, 2, 3, 4))


def total(
    energy: float,
    mass: float,
    charge2: Callable[[Array], Array],
    q2_max: float,
    n: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Cross section (pb) on a nucleus of `mass` GeV and its error from n points.

    charge2 : squared form factor over Q^2 in GeV^2. Logarithmic in the mass of what the nucleus
    leaves and in its momentum transfer; isotropic decays after that.
    """
    y = rng.random((3, n))
    low, high = 4.0 * M_MU**2, (math.sqrt(mass * (mass + 2.0 * energy)) - mass) ** 2
    s = low * (high / low) ** y[0]
    root = np.sqrt(s)
    all2 = mass * (mass + 2.0 * energy)
    e_in, e_out = 0.5 * (all2 - mass**2) / math.sqrt(all2), 0.5 * (all2 + s - mass**2) / all2**0.5
    t_max = 2.0 * e_in * (e_out + np.sqrt(np.maximum(e_out**2 - s, 0.0))) - s
    t_min, top = mass**2 * s**2 / (all2 * t_max), np.minimum(t_max, q2_max)
    t = t_min * (top / t_min) ** y[1]
    pair = low * (s / low) ** y[2]
    density = s * np.log(high / low) * t * np.log(top / t_min) * pair * np.log(s / low)
    # rest frame of what the nucleus leaves, neutrino along z
    e_nu, zero = 0.5 * (s + t) / root, np.zeros(n)
    k = np.stack([e_nu, zero, zero, e_nu], axis=1)
    q = np.stack([root - e_nu, zero, zero, -e_nu], axis=1)
    current2, p_in = 4.0 * mass**2 + t, 2.0 * mass * energy - 0.5 * (s + t)
    c0 = p_in / root
    cz = c0 - p_in / e_nu
    ct = np.sqrt(np.maximum(c0**2 - cz**2 - current2, 0.0))
    nucleus = np.stack([c0, ct, zero, cz], axis=1)
    system = np.stack([root, zero, zero, zero], axis=1)
    both, out = plain_decays.two_body(system, root, np.sqrt(pair), zero, rng)
    muon = np.full(n, M_MU)
    minus, plus = plain_decays.two_body(both, np.sqrt(pair), muon, muon, rng)
    phase = 0.5 * (s - pair) / root / (4.0 * np.pi * root)
    phase *= np.sqrt(0.25 * pair - M_MU**2) / (4.0 * np.pi * np.sqrt(pair)) / (4.0 * np.pi**2)
    phase *= density / (16.0 * np.pi * mass * energy) / (4.0 * mass * energy)
    squared = _squared(k, out, minus, plus, q, nucleus)
    front = 0.5 * G_F**2 * (4.0 * np.pi * ALPHA) ** 2 * charge2(t) / t**2 * GEV2_PB
    values = np.where(top > t_min, front * phase * squared, 0.0)
    return float(values.mean()), float(values.std() / math.sqrt(n))
