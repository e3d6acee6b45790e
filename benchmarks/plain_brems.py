"""l N -> l N Z' in the Weizsaecker-Williams approximation: SciPy over x, NumPy over angle and t."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from mutau.core.constants import ALPHA, M_E
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
