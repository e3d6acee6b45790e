"""Limits on a single count with a known background, in closed form or by exact sums."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import chdtri, gammaincc, gammaln, xlogy

Array = np.ndarray


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


#: Events above the edge of acceptance in which the construction's dips lie, and how finely they
#: are searched: the acceptance set changes by one count per event of signal.
_DIPS: Final = 4.0
_STEP: Final = 0.01
_BISECTIONS: Final = 60


def _rank(n: Array, mean: float, background: float) -> Array:
    """ln of the likelihood ratio against the best signal not below zero."""
    best = np.maximum(n, background)
    return xlogy(n, mean) - mean - xlogy(n, best) + best


def _accepts(n: int, signal: float, background: float, cl: float) -> bool:
    """Whether n is in the Feldman-Cousins acceptance set of `signal`."""
    mean = signal + background
    width = 12.0 * math.sqrt(mean) + 40.0
    counts = np.arange(max(0.0, math.floor(mean - width)), mean + width)
    log_p = xlogy(counts, mean) - mean - gammaln(counts + 1.0)
    here = _rank(np.array([float(n)]), mean, background)[0]
    before = np.exp(log_p[_rank(counts, mean, background) > here + 1e-12]).sum()
    return bool(before < cl)


def feldman_cousins_limit(n: int, background: float, cl: float) -> float:
    """Upper end of the unified interval for n events, known background.

    G. J. Feldman, R. D. Cousins, Phys. Rev. D 57 (1998) 3873; the largest accepted signal is
    taken, so the known small non-monotonic steps only widen the interval: the edge is bracketed by
    bisection, then the next `_DIPS` events above it are searched. Error below 1e-6. The time grows
    as the square root of the counts (1 s at 1e6).

    >>> round(feldman_cousins_limit(0, 0.0, 0.90), 2)
    2.44
    """
    low = max(n - background, 0.0)  # the best signal, which accepts n
    high = classical_limit(n, 0.0, 0.5 + 0.5 * cl) + 3.0 * math.sqrt(n + 1.0) + 2.0
    for _ in range(_BISECTIONS):
        if high - low < _STEP:
            break
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _accepts(n, middle, background, cl) else (low, middle)
    grid = np.arange(low + _DIPS, low, -_STEP)
    low = next((float(s) for s in grid if _accepts(n, float(s), background, cl)), low)
    high = low + _STEP
    for _ in range(24):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _accepts(n, middle, background, cl) else (low, middle)
    return 0.5 * (low + high)
