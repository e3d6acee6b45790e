"""Coulomb correction of bremsstrahlung by electrons: many photons exchanged with the nucleus.

Davies, Bethe and Maximon (Phys. Rev. 93 (1954) 788) solve the electron's motion in the Coulomb
field to all orders in alpha z for high energy. Against the Born term it lowers the logarithm of
the momentum transfer by f(z), whatever the screening: chi is lowered by 2 z^2 f(z),

  Delta d sigma/dx du = -2 z^2 f(z) x (d sigma/dx du / chi of `bremsstrahlung_ww`),
  f(z) = b^2 sum over n of 1/[n (n^2 + b^2)], b = alpha z.

That is for a point charge. What is exchanged many times passes at transverse distances R between
the electron with and without the boson; at R below the nuclear size the correction fades. In the
eikonal approximation (B. G. Zakharov, JETP Lett. 63 (1996) 952 for photons) the cross section is
that of a pair of opposite charges at distance R, averaged over R = x rho,

  sigma(R) = int d^2b 2 (1 - cos Delta), Delta = chi(b - R/2) - chi(b + R/2),
  chi(b) = 2 alpha z [ln b + K_0(b sqrt d)] for the amplitude 1/(1 + t/d) of `form_factors`,

and sigma less its Born term, int d^2b Delta^2, is -4 pi (alpha z R)^2 f(z) F(R sqrt d): F is 1 for
a point charge, which is the result of Davies, Bethe and Maximon from another side, and falls as R^2
inside the nucleus. rho follows the wave function of boson and electron with k^2 = m^2 (1-x) +
m_l^2 x^2:

  (1 + (1-x)^2) k^2 K_1^2(k rho) + (2 m^2 (1-x)^2 + m_l^2 x^4) K_0^2(k rho),

whose mean of rho^2 is that of `bremsstrahlung_ww.slices_per_flux`. So the correction needs no limit
on the mass: it is -8.5 % of lead's cross section at 1 keV and fades above some 10 MeV. A limit of
high energy, refused below ENERGY_MIN. Muons, whose distances lie inside the nucleus, are left
without it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import ALPHA
from mutau.core.errors import require_in_range

Array = NDArray[np.float64]

ENERGY_MIN: Final = 0.05
#: Ends of the tables in ln: R sqrt d, and x sqrt d/k. Beyond, F is 1 (to 1e-5), or its last value.
_DISTANCES: Final = (np.log(1e-3), np.log(3e3))
_SCALES: Final = (np.log(1e-3), np.log(1e4))
_NODES: Final = 97
_EULER: Final = float(np.euler_gamma)


def coulomb_function(z: float) -> float:
    """f(z) of Davies, Bethe and Maximon, dimensionless.

    z : charge number, in [0, 120] (OutOfRange). Check: 1.202 (alpha z)^2 for small z; the real
    part of the digamma function at 1 + i alpha z, plus Euler's constant.

    >>> f"{coulomb_function(82.0):.4f}"
    '0.3316'
    """
    require_in_range("z", z, 0.0, 120.0, reason="charge number of a nucleus")
    b2 = (ALPHA * z) ** 2
    # 2000 terms; the rest as the integral from 2000.5 on, exact to 1e-14
    n = np.arange(1.0, 2001.0)
    return float(b2 * (np.sum(1.0 / (n * (n * n + b2))) + 0.5 / 2000.5**2))


def _phase(b: Array, distance: float) -> Array:
    """ln b + K_0(b distance), the phase over 2 alpha z, at b over the charges' distance."""
    from scipy.special import k0

    y = distance * b
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(b) + k0(y)
    return np.where(y < 1e-6, -np.log(0.5 * distance) - _EULER, value)


def fading(z: float, distance: float) -> float:
    """F of two charges at a distance R over the nuclear size: distance = R sqrt d.

    Elliptic coordinates about both, Gauss-Legendre; error below 1e-8. Check: 1 for a large
    distance; (R^2) at small ones.
    """
    nodes, weights = (np.polynomial.legendre.leggauss(n) for n in (64, 24)), []
    axes = []
    for (x, w), end in zip(nodes, (8.0, 0.5 * np.pi), strict=True):
        s = 0.5 * (x + 1.0)
        axes.append(end * s * s)
        weights.append(end * s * w)
    mu, nu = np.meshgrid(*axes, indexing="ij")
    near = np.sinh(0.5 * mu) ** 2 + np.sin(0.5 * nu) ** 2  # from the charge at R/2, over R
    far = 0.5 * (np.cosh(mu) + np.cos(nu))
    delta = 2.0 * ALPHA * z * (_phase(near, distance) - _phase(far, distance))
    series = -(delta**4) / 12.0 + delta**6 / 360.0
    beyond = np.where(np.abs(delta) < 0.05, series, 2.0 * (1.0 - np.cos(delta)) - delta**2)
    area = 4.0 * float(weights[0] @ (beyond * near * far) @ weights[1])
    return area / (-4.0 * np.pi * (ALPHA * z) ** 2 * coulomb_function(z))


class FadingTable(NamedTuple):
    """Means of F over the separations of boson and electron, over ln(x sqrt d/k) (N,).

    across, along : (N,) with the weights rho^3 K_1^2 and rho^3 K_0^2.
    """

    scale: Array
    across: Array
    along: Array


@lru_cache(maxsize=64)
def fading_table(z: float) -> FadingTable:
    """For a nucleus of charge z; the size is in the scale."""
    from scipy.special import k0, k1

    log_r = np.linspace(*_DISTANCES, _NODES)
    table = np.array([fading(z, float(r)) for r in np.exp(log_r)])
    nodes, weights = np.polynomial.legendre.leggauss(80)
    y = np.exp(0.5 * (nodes + 1.0) * (np.log(30.0) + 9.0) - 9.0)
    scale = np.linspace(*_SCALES, _NODES)
    at = np.interp(scale[:, None] + np.log(y), log_r, table)
    means = [(at @ (weights * y**4 * k(y) ** 2)) / (weights @ (y**4 * k(y) ** 2)) for k in (k1, k0)]
    return FadingTable(scale, *means)


def faded(z: float, size: float, mass: Array, x: Array, x_bar: Array, m_l: float) -> Array:
    """Mean (n,) of F at points of mass, x and 1 - x; 1 for a point charge.

    size : 1/d, GeV^-2. mass, m_l : GeV.
    """
    if size <= 0.0:
        return np.ones(len(x))
    table = fading_table(z)
    k2 = mass * mass * x_bar + m_l * m_l * x * x
    scale = np.log(x) - 0.5 * np.log(size * k2)
    across = 2.0 * (1.0 + x_bar * x_bar)
    along = (2.0 * mass * mass * x_bar * x_bar + m_l * m_l * x**4) / k2
    mean = across * np.interp(scale, table.scale, table.across)
    mean += along * np.interp(scale, table.scale, table.along)
    return np.asarray(mean / (across + along))


def check_coulomb(energy: float) -> None:
    """Raise OutOfRange where the correction does not hold. energy : GeV."""
    require_in_range(
        "energy", energy, ENERGY_MIN, np.inf, unit="GeV",
        reason="Coulomb correction: a high-energy limit",
    )  # fmt: skip
