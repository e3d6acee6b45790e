"""One-loop integrals by SciPy's adaptive quadrature, one value at a time."""

from __future__ import annotations

import math

from scipy.integrate import quad

from mutau.core.constants import E_CHARGE, M_MU, M_TAU


def mixing(q2: float) -> complex:
    """Pi(q^2) at coupling 1: the Feynman-parameter integral of arXiv:2404.06982, eq. 2.3.

    Above a threshold the logarithm turns negative between the roots of x(1-x) q^2 = m^2: there its
    real part is integrable, with the roots as break points, and its imaginary part is -pi.
    """
    total = 0j
    for mass, sign in ((M_TAU, 1.0), (M_MU, -1.0)):
        points, inside = None, 0.0
        if q2 > 4.0 * mass**2:
            half = 0.5 * math.sqrt(1.0 - 4.0 * mass**2 / q2)
            points = [0.5 - half, 0.5 + half]
            inside = half / 2.0 - 2.0 * half**3 / 3.0  # of x(1-x) between the roots

        def integrand(x: float, mass: float = mass) -> float:
            y = x * (1.0 - x)
            return y * math.log(abs(mass**2 - y * q2))

        real = quad(integrand, 0.0, 1.0, points=points, epsabs=0.0, epsrel=1e-10, limit=200)[0]
        total += sign * complex(real, -math.pi * inside)
    return E_CHARGE / (2.0 * math.pi**2) * total


def moment(mass: float) -> float:
    """int x^2 (1-x)/(x^2 + (1-x) r) dx, the muon moment of a vector boson over g^2/4 pi^2."""
    r = (mass / M_MU) ** 2

    def integrand(x: float) -> float:
        return x * x * (1.0 - x) / (x * x + (1.0 - x) * r)

    knee = min(math.sqrt(r), 0.5)
    return quad(
        integrand, 0.0, 1.0, points=[knee, 2.0 * knee], epsabs=0.0, epsrel=1e-10, limit=200
    )[0]
