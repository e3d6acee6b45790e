"""How good a set of cuts is: the expected limit of a counting experiment, fast and smooth.

The median limit jumps with the whole number of events that it belongs to, which misleads a search
over cuts. Here stands the mean limit over the outcomes without signal, for a known background, and
the background's error in quadrature. The final value of an optimisation is computed with the
methods of the sub-package `stats`, not with this.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray

_LARGEST: Final = 400.0  # events; beyond, the limit grows like the square root
_GRID: Final = np.concatenate([[0.0], np.geomspace(1e-3, _LARGEST, 90)])


def mean_limit(background: ArrayLike, error: ArrayLike = 0.0, cl: float = 0.90) -> Array:
    """Mean upper limit on signal events without signal, for array_like background and its error.

    Known background: the mean over Poisson outcomes n of the CLs limit (equal to the Bayesian one
    with flat prior), from a table; beyond 400 events its square grows by Phi^-1((1 + cl)/2)^2 per
    event, exact for many events. The error enters as a Gaussian one, in quadrature.
    Lies 0 to 7 % above the Bayesian limit at the median outcome from 10 events on; below, that one
    jumps around this.
    Check: no background gives -ln(1 - cl); many events give 1.645 sqrt(b + error^2) at 90 %.
    """
    from scipy.special import ndtri

    background, error = np.asarray(background, float), np.asarray(error, float)
    square = ndtri(0.5 * (1.0 + cl)) ** 2
    known = np.interp(np.log1p(100.0 * background), np.log1p(100.0 * _GRID), _table(cl))
    beyond = np.maximum(background - _LARGEST, 0.0)
    return np.asarray(np.sqrt(known**2 + square * (beyond + error**2)))


@lru_cache(maxsize=8)
def _table(cl: float) -> Array:
    """Mean limit on the grid of known backgrounds."""
    return np.array([_mean_over_outcomes(float(b), cl) for b in _GRID])


def _mean_over_outcomes(b: float, cl: float) -> float:
    """Sum over n of Poisson(n | b) times the CLs limit at n."""
    from scipy.special import gammaincc, gammaln

    reach = 7.0 * math.sqrt(b)
    n = np.arange(max(math.floor(b - reach), 0), math.ceil(b + reach) + 8)
    chance = np.exp(n * math.log(b) - b - gammaln(n + 1.0)) if b > 0.0 else (n == 0).astype(float)
    wanted = (1.0 - cl) * gammaincc(n + 1.0, b)
    low, high = np.zeros(len(n)), np.full(len(n), 10.0 + b + 20.0 * math.sqrt(b + 1.0))
    for _ in range(50):
        middle = 0.5 * (low + high)
        above = gammaincc(n + 1.0, b + middle) > wanted
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return float(np.sum(chance * 0.5 * (low + high)) / np.sum(chance))
