"""Special functions that compiled kernels call."""

from __future__ import annotations

import math

from mutau.core.jit import njit


@njit
def lower_gamma(a: float, x: float) -> float:
    """Regularised lower incomplete gamma function P(a, x) for a > 0, x >= 0 (series, fraction)."""
    if x <= 0.0:
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, 500):
            term *= x / (a + n)
            total += term
            if term < 1e-12 * total:
                break
        return min(front * total, 1.0)
    # Lentz's continued fraction of the upper function
    b = x + 1.0 - a
    c, d = 1e300, 1.0 / b
    h = d
    for n in range(1, 500):
        step = -n * (n - a)
        b += 2.0
        d = 1.0 / (step * d + b)
        c = b + step / c
        h *= d * c
        if abs(d * c - 1.0) < 1e-12:
            break
    return 1.0 - front * h
