"""Random draws of single reactions, and turning of directions: compiled kernels.

A reaction has two products, opposite in azimuth.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from mutau.core.arrays import FloatArray
from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.matter.em_processes import bhabha, moller
from mutau.transport.shower_tables import N_QUANTILES, ShowerTables, locate

ELECTRON: Final = 0
POSITRON: Final = 1
PHOTON: Final = 2


class Product(NamedTuple):
    """What a reaction makes: species, total energy (GeV), cosine of the angle to the parent."""

    species: int
    energy: float
    cos: float


Products = tuple[Product, Product]


@njit(forceinline=True)
def quantile(table: FloatArray, i: int, f: float, u: float) -> float:
    """Value at probability u of the quantiles (n, Q + 1), bilinear in node and u."""
    x = u * N_QUANTILES
    j = int(x)
    x -= j
    low = table[i, j] + x * (table[i, j + 1] - table[i, j])
    high = table[i + 1, j] + x * (table[i + 1, j + 1] - table[i + 1, j])
    return low + f * (high - low)


@njit(forceinline=True)
def narrow(mass_over_energy: float, rng: Generator) -> float:
    """Cosine of a radiative angle, dN/dtheta^2 ~ 1/(theta^2 + (m/E)^2)^2.

    Source: the leading peak of the Bethe-Heitler angles, Tsai 1974. Check: half of all within m/E.
    """
    u = rng.random()
    return max(1.0 - 0.5 * mass_over_energy * mass_over_energy * u / (1.0 - u), -1.0)


@njit
def turn(x: float, y: float, z: float, cos: float, phi: float) -> tuple[float, float, float]:
    """The unit vector (x, y, z) turned by an angle of cosine `cos` at azimuth phi."""
    sin = np.sqrt(max(1.0 - cos * cos, 0.0))
    a, b = sin * np.cos(phi), sin * np.sin(phi)
    across = np.sqrt(x * x + y * y)
    if across < 1e-12:
        sign = 1.0 if z > 0.0 else -1.0
        return a, b * sign, cos * sign
    x_new = x * cos + (x * z * a - y * b) / across
    y_new = y * cos + (y * z * a + x * b) / across
    z_new = z * cos - across * a
    norm = 1.0 / np.sqrt(x_new * x_new + y_new * y_new + z_new * z_new)
    return x_new * norm, y_new * norm, z_new * norm


@njit
def moller_transfer(e: float, cut: float, rng: Generator) -> float:
    """Kinetic energy of the slower electron after Moller scattering, above `cut`, GeV.

    Draws 1/t^2 and keeps with the rest of `em_processes.moller`, which is at most 9/4 of it.
    0 where nothing above the cut is possible: no scattering.
    """
    top = 0.5 * (e - M_E)
    if top <= cut:
        return 0.0
    beta2 = 1.0 - (M_E / e) ** 2
    while True:
        t = 1.0 / (1.0 / cut - rng.random() * (1.0 / cut - 1.0 / top))
        if 2.25 * rng.random() < moller(e, t) * t * t * beta2:
            return t


@njit
def bhabha_transfer(e: float, cut: float, rng: Generator) -> float:
    """Kinetic energy of the electron after Bhabha scattering, above `cut`, GeV.

    As `moller_transfer`; the rest of the kernel is at most 1.
    """
    top = e - M_E
    if top <= cut:
        return 0.0
    beta2 = 1.0 - (M_E / e) ** 2
    while True:
        t = 1.0 / (1.0 / cut - rng.random() * (1.0 / cut - 1.0 / top))
        if rng.random() < bhabha(e, t) * t * t * beta2:
            return t


@njit
def annihilation_fraction(gamma: float, rng: Generator) -> float:
    """Fraction of the energy E + m of one photon of annihilation in flight.

    Draws 1/x within the kinematic range and keeps with c - x - d/x, at most c
    (em_processes.annihilation for the meaning).
    """
    half = 0.5 * np.sqrt((gamma - 1.0) / (gamma + 1.0))
    low, high = 0.5 - half, 0.5 + half
    c = 1.0 + 2.0 * gamma / (gamma + 1.0) ** 2
    d = 1.0 / (gamma + 1.0) ** 2
    while True:
        x = low * (high / low) ** rng.random()
        if c * rng.random() < c - x - d / x:
            return x


@njit
def compton_fraction(k: float, rng: Generator) -> float:
    """Fraction of the energy k that a photon keeps in Compton scattering.

    Draws 1/x + x as a mixture and keeps with 1 - x sin^2/(1 + x^2) (Klein and Nishina).
    """
    low = 1.0 / (1.0 + 2.0 * k / M_E)
    one = -np.log(low)
    two = 0.5 * (1.0 - low * low)
    while True:
        if rng.random() * (one + two) < one:
            x = np.exp(-one * rng.random())
        else:
            x = np.sqrt(low * low + 2.0 * two * rng.random())
        versine = M_E * (1.0 - x) / (x * k)
        sin2 = versine * (2.0 - versine)
        if rng.random() < 1.0 - x * sin2 / (1.0 + x * x):
            return x


@njit
def strike(species: int, e: float, cut: float, rng: Generator) -> Products:
    """Moller or Bhabha scattering on an atomic electron at rest."""
    light = species == ELECTRON
    kinetic = moller_transfer(e, cut, rng) if light else bhabha_transfer(e, cut, rng)
    struck = np.sqrt(kinetic * (e + M_E) / ((kinetic + 2.0 * M_E) * (e - M_E)))
    rest = max(e - kinetic - M_E, 0.0)
    left = np.sqrt(rest * (e + M_E) / ((rest + 2.0 * M_E) * (e - M_E)))
    return (
        Product(species, e - kinetic, min(left, 1.0)),
        Product(ELECTRON, kinetic + M_E, min(struck, 1.0)),
    )


@njit
def annihilate(e: float, rng: Generator) -> Products:
    """Two photons from a positron and an atomic electron at rest."""
    gamma = e / M_E
    x = annihilation_fraction(gamma, rng)
    root = np.sqrt(gamma * gamma - 1.0)
    y = 1.0 - x
    one = min(max((x * (gamma + 1.0) - 1.0) / (x * root), -1.0), 1.0)
    two = min(max((y * (gamma + 1.0) - 1.0) / (y * root), -1.0), 1.0)
    total = e + M_E
    return Product(PHOTON, x * total, one), Product(PHOTON, y * total, two)


@njit
def scatter(k: float, rng: Generator) -> Products:
    """Compton scattering of a photon on an electron at rest."""
    x = compton_fraction(k, rng)
    cos = max(1.0 - M_E * (1.0 - x) / (x * k), -1.0)
    kinetic = k * (1.0 - x)
    momentum = np.sqrt(kinetic * (kinetic + 2.0 * M_E))
    recoil = min((k - x * k * cos) / momentum, 1.0) if momentum > 0.0 else 1.0
    return Product(PHOTON, x * k, cos), Product(ELECTRON, kinetic + M_E, recoil)


@njit(forceinline=True)
def radiate(species: int, e: float, t: ShowerTables, wide: bool, rng: Generator) -> Products:
    """One hard photon from an electron or positron; `wide` gives it an angle."""
    i, f = locate(e)
    k = e * np.exp(quantile(t.radiated, i - t.first, f, rng.random()))
    k = min(k, e - M_E)
    cos = narrow(M_E / e, rng) if wide else 1.0
    return Product(species, e - k, 1.0), Product(PHOTON, k, cos)


@njit(forceinline=True)
def convert(k: float, t: ShowerTables, wide: bool, rng: Generator) -> Products:
    """An e+ e- pair; `wide` gives angles."""
    i, f = locate(k)
    e = M_E + (k - 2.0 * M_E) * quantile(t.shared, i - t.first, f, rng.random())
    one = narrow(M_E / e, rng) if wide else 1.0
    two = narrow(M_E / (k - e), rng) if wide else 1.0
    return Product(POSITRON, e, one), Product(ELECTRON, k - e, two)
