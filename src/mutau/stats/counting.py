"""Limits on a single count with a known background, in closed form or by exact sums."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import chdtri, gammaincc, gammaln


def zero_event_limit(cl: float) -> float:
    """Largest mean that gives no event with probability 1 - cl or more: -ln(1 - cl).

    Exact for nothing seen and no background; with background it is the CLs limit, and conservative.

    >>> round(zero_event_limit(0.90), 4)
    2.3026
    """
    return -math.log1p(-cl)


def classical_p(n: int, mean: float) -> float:
    """P(n or fewer | mean)."""
    return float(gammaincc(n + 1.0, mean))


def classical_limit(n: int, background: float, cl: float) -> float:
    """Signal s with P(n or fewer | s + background) = 1 - cl, or 0 where even s = 0 has less.

    Half the chi-square quantile with 2(n + 1) degrees of freedom, minus the background
    (F. Garwood, Biometrika 28 (1936) 437). A downward fluctuation of the background gives zero.

    >>> round(classical_limit(3, 0.0, 0.90), 3)
    6.681
    """
    return max(0.0, 0.5 * float(chdtri(2.0 * (n + 1.0), 1.0 - cl)) - background)


def _accepts(n: int, signal: float, background: float, cl: float) -> bool:
    """Whether n is in the Feldman-Cousins acceptance set of `signal`."""
    mean = signal + background
    top = int(mean + 12.0 * math.sqrt(mean) + 40.0) + n
    counts = np.arange(top)
    best = np.maximum(counts, background)
    with np.errstate(divide="ignore"):
        log_p = np.where(counts > 0, counts * np.log(mean), 0.0) - mean - gammaln(counts + 1.0)
        log_best = np.where(counts > 0, counts * np.log(np.maximum(best, 1e-300)), 0.0) - best
    rank = log_p + gammaln(counts + 1.0) - log_best
    before = np.exp(log_p[rank > rank[n] + 1e-12]).sum()
    return bool(before < cl)


def feldman_cousins_limit(n: int, background: float, cl: float) -> float:
    """Upper end of the unified interval for n events, known background.

    G. J. Feldman, R. D. Cousins, Phys. Rev. D 57 (1998) 3873; the largest accepted signal is
    taken, so the known small non-monotonic steps only widen the interval. Error below 1e-6.

    >>> round(feldman_cousins_limit(0, 0.0, 0.90), 2)
    2.44
    """
    high = classical_limit(n, 0.0, 0.5 + 0.5 * cl) + 3.0 * math.sqrt(n + 1.0) + 2.0
    grid = np.arange(high, 0.0, -0.01)
    inside = next((s for s in grid if _accepts(n, float(s), background, cl)), 0.0)
    low, high = float(inside), float(inside) + 0.01
    for _ in range(24):
        middle = 0.5 * (low + high)
        if _accepts(n, middle, background, cl):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
