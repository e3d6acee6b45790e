"""Kernel of `muon_pairs`: the photon splits, the nucleus deflects; sums over both momenta."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.matter.form_factors import FormFactor, g2_kernel

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
#: Largest momentum transfer, GeV: the form factor has ended everything.
_TOP: Final = 5.0


@njit
def azimuth_means(k2: float, q2: float, e2: float, x: float) -> tuple[float, float]:
    """Azimuthal means of |k_1/D_1 - k_2/D_2|^2 and |1/D_1 - 1/D_2|^2.

    k_1 = P - (1-x) q, k_2 = P + x q, D_i = k_i^2 + e2; k2 = P^2, q2 = q^2, GeV^2.
    Closed: 1/(a - b cos) has the mean 1/sqrt(a^2 - b^2), and products are partial fractions.
    """
    y = 1.0 - x
    kq = 2.0 * math.sqrt(k2 * q2)
    a1, b1 = k2 + y * y * q2 + e2, y * kq
    a2, b2 = k2 + x * x * q2 + e2, x * kq
    s1, s2 = a1 * a1 - b1 * b1, a2 * a2 - b2 * b2
    r1, r2 = 1.0 / math.sqrt(s1), 1.0 / math.sqrt(s2)
    square1, square2 = a1 * r1 / s1, a2 * r2 / s2
    product = (b1 * r1 + b2 * r2) / (a1 * b2 + a2 * b1) if b1 + b2 > 0.0 else r1 * r2
    vector = (2.0 * e2 + q2) * product - e2 * (square1 + square2)
    scalar = square1 + square2 - 2.0 * product
    return max(vector, 0.0), max(scalar, 0.0)


@njit
def split_kernel(
    p2: float, x: float, energy: float, q2_photon: float, mass: float, ff: FormFactor
) -> tuple[float, float]:
    """(V, S): int dq^2 G2(t)/t^2 times the two means of `azimuth_means`, at P^2 = p2.

    t = q^2 + d^2, d = (P^2 + e^2)/(2 E x (1-x)).  1/GeV^4, 1/GeV^6.
    """
    inner = x * (1.0 - x)
    e2 = mass * mass + inner * q2_photon
    d = (p2 + e2) / (2.0 * energy * inner)
    low = math.log(0.03 * d)
    span = math.log(_TOP) - low
    vector = scalar = 0.0
    if span <= 0.0:
        return 0.0, 0.0
    for j in range(_NODES.size):
        q = math.exp(low + 0.5 * span * (1.0 + _NODES[j]))
        q2 = q * q
        t = q2 + d * d
        g2 = g2_kernel(t, ff)
        weight = span * _WEIGHTS[j] * q2 * g2 / (t * t)
        one, two = azimuth_means(p2, q2, e2, x)
        vector += weight * one
        scalar += weight * two
    return vector, scalar


@njit
def pair_kernel(
    x: float, energy: float, q2_photon: float, mass: float, ff: FormFactor
) -> tuple[float, float]:
    """`split_kernel` integrated over d^2P: (V, S) in 1/GeV^2 and 1/GeV^4."""
    e2 = mass * mass + x * (1.0 - x) * q2_photon
    vector = scalar = 0.0
    for i in range(_NODES.size):
        p = math.sqrt(e2) * math.tan(0.25 * math.pi * (1.0 + _NODES[i]))
        p2 = p * p
        weight = 0.5 * math.pi**2 * _WEIGHTS[i] * (p2 + e2) / math.sqrt(e2) * p
        one, two = split_kernel(p2, x, energy, q2_photon, mass, ff)
        vector += weight * one
        scalar += weight * two
    return vector, scalar


@njit
def split_loop(
    p2: Array, x: Array, energy: Array, q2_photon: Array, mass: float, ff: FormFactor
) -> tuple[Array, Array]:
    """`split_kernel` over arrays (N,)."""
    vector, scalar = np.empty(x.size), np.empty(x.size)
    for i in range(x.size):
        vector[i], scalar[i] = split_kernel(p2[i], x[i], energy[i], q2_photon[i], mass, ff)
    return vector, scalar


@njit
def pair_loop(
    x: Array, energy: Array, q2_photon: Array, mass: float, ff: FormFactor
) -> tuple[Array, Array]:
    """`pair_kernel` over arrays (N,)."""
    vector, scalar = np.empty(x.size), np.empty(x.size)
    for i in range(x.size):
        vector[i], scalar[i] = pair_kernel(x[i], energy[i], q2_photon[i], mass, ff)
    return vector, scalar
