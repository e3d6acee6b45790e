"""l N -> l N Z' in NumPy and SciPy: the Weizsaecker-Williams approximation, and the exact total."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import qmc

from mutau.core.constants import ALPHA, M_E, M_U
from mutau.core.units import GEV2_PB

Array = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


def form_factor(t: Array, z: float, a: float) -> Array:
    """Elastic G2: screening by the electrons and size of the nucleus."""
    screen = (M_E * z ** (1.0 / 3.0) / 111.0) ** 2
    return (z * t / (t + screen) / (1.0 + t / (0.164 * a ** (-2.0 / 3.0)))) ** 2


def slice_of(x: float, energy: float, m_l: float, mass: float, z: float, a: float) -> float:
    """d sigma/dx at coupling 1, pb: Gauss-Legendre in ln u and, inside, in ln t."""
    if not mass / energy < x < 1.0:
        return 0.0
    low = mass**2 * (1.0 - x) / x + m_l**2 * x
    high = 2.0 * energy * (1.0 - x) * math.hypot(mass, m_l)
    if high <= low:
        return 0.0
    span = math.log(high / low)
    u = low * np.exp(0.5 * span * (1.0 + _NODES))
    t_min = (0.5 * u / (energy * (1.0 - x))) ** 2
    length = np.log((mass**2 + m_l**2) / t_min)
    t = t_min[:, None] * np.exp(0.5 * length[:, None] * (1.0 + _NODES))
    chi = 0.5 * length * (((t - t_min[:, None]) / t * form_factor(t, z, a)) @ _WEIGHTS)
    across = x * u - mass**2 * (1.0 - x) - m_l**2 * x * x
    shape = 2.0 * (1.0 + (1.0 - x) ** 2)
    shape = shape - 4.0 * (1.0 - x) * (mass**2 + 2.0 * m_l**2) * across / u**2
    beta = math.sqrt(1.0 - (mass / (x * energy)) ** 2)
    front = ALPHA**2 * GEV2_PB / (4.0 * math.pi) * beta
    return float(front * 0.5 * span * np.sum(_WEIGHTS * shape * chi / u))


def total(energy: float, m_l: float, mass: float, z: float, a: float) -> float:
    """Cross section per atom at coupling 1, pb; in ln x/(1-x), where both ends are smooth."""

    def integrand(y: float) -> float:
        x = 1.0 / (1.0 + math.exp(-y))
        return x * (1.0 - x) * slice_of(x, energy, m_l, mass, z, a)

    low = math.log(mass / energy / (1.0 - mass / energy))
    return quad(integrand, low, math.log(energy / m_l), epsabs=0.0, epsrel=1e-4, limit=200)[0]


def _squared(
    s: Array, u: Array, t: Array, p_in: Array, p_out: Array, current2: Array, m2: float, l2: float
) -> Array:
    """|M|^2 at unit couplings and charge, Y.-S. Liu et al., Phys. Rev. D 95 (2017) 036010, eq. 10.

    s = (p' + k)^2 - l^2, u = (p - k)^2 - l^2, t = -q^2; p_in, p_out: P.p, P.p'; current2: P^2.
    """
    flat = 2.0 * current2 * (s / u + u / s) - 8.0 * t * (p_in**2 + p_out**2) / (s * u)
    flat -= 4.0 * t * (2.0 * m2 - t - s - u) * current2 / (s * u)
    bend = (s + u) ** 2 * t * current2 - 4.0 * (u * p_in + s * p_out) ** 2
    return flat + 2.0 * (m2 + 2.0 * l2) * bend / (s * u) ** 2


def exact(
    energy: float, m_l: float, mass: float, z: float, a: float, power: int = 16
) -> tuple[float, float]:
    """Exact cross section per atom at coupling 1, pb, and its error from four quasi-random sets.

    Photon and lepton to lepton and Z', then the photon: logarithmic in the mass of the pair, in
    the two momentum transfers.
    """
    parts = []
    for seed in range(4):
        y = qmc.Sobol(4, scramble=True, seed=seed).random_base2(power - 2).T
        parts.append(np.mean(_weights(y, energy, m_l, mass, z, a)))
    return float(np.mean(parts)), float(np.std(parts) / math.sqrt(3.0))


def _weights(y: Array, energy: float, m_l: float, mass: float, z: float, a: float) -> Array:
    """Cross section over density at points y (4, N) of the unit cube, pb."""
    target = a * M_U
    total = m_l**2 + target**2 + 2.0 * energy * target
    low, high = (m_l + mass) ** 2 - m_l**2, (math.sqrt(total) - target) ** 2 - m_l**2
    s = low * (high / low) ** y[0]
    pair, p = s + m_l**2, math.sqrt(energy**2 - m_l**2)
    # limits of the photon's virtuality; the lower one without cancellation
    e_in = (total + m_l**2 - target**2) / (2.0 * math.sqrt(total))
    e_out = (total + pair - target**2) / (2.0 * math.sqrt(total))
    swing = np.sqrt((e_in**2 - m_l**2) * np.maximum(e_out**2 - pair, 0.0))
    t_max = 2.0 * (e_in * e_out + swing) - m_l**2 - pair
    t_min = target**2 * s**2 / (total * t_max)
    t = t_min * (t_max / t_min) ** y[1]
    # rest frame of the pair, lepton along z
    root = np.sqrt(pair)
    p0, k0 = (pair + m_l**2 + t) / (2.0 * root), (pair + mass**2 - m_l**2) / (2.0 * root)
    pz, k = np.sqrt(p0**2 - m_l**2), np.sqrt(np.maximum(k0**2 - mass**2, 0.0))
    near, far = 2.0 * (p0 * k0 - pz * k) - mass**2, 2.0 * (p0 * k0 + pz * k) - mass**2
    u = near * (far / near) ** y[2]
    cosine = (p0 * k0 - 0.5 * (u + mass**2)) / (pz * k)
    sine = np.sqrt(np.maximum(1.0 - cosine**2, 0.0))
    current2, p_in = 4.0 * target**2 + t, 2.0 * target * energy - 0.5 * (s + t)
    c0 = p_in / root
    cz = (c0 * p0 - p_in) / pz
    ct = np.sqrt(np.maximum(c0**2 - cz**2 - current2, 0.0))
    p_k = c0 * k0 - cz * k * cosine - ct * k * sine * np.cos(2.0 * np.pi * y[3])
    squared = _squared(s, -u, t, p_in, p_in - p_k, current2, mass**2, m_l**2)
    density = s * np.log(high / low) * t * np.log(t_max / t_min) * u * np.log(far / near)
    phase = 2.0 * np.pi * density / (2.0 * pz) / (16.0 * np.pi**2 * root)
    phase /= 32.0 * np.pi**2 * target * p * 4.0 * target * p
    return phase * squared * (4.0 * np.pi * ALPHA) ** 2 * form_factor(t, z, a) / t**2 * GEV2_PB
