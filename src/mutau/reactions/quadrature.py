"""Rules of quadrature that kernels take."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Rule(NamedTuple):
    """Nodes and weights on (0, 1), (n,) float64 each."""

    nodes: NDArray[np.float64]
    weights: NDArray[np.float64]


@cache
def gauss_legendre(n: int) -> Rule:
    """Gauss-Legendre quadrature of n nodes on (0, 1). Check: exact for polynomials to 2 n - 1.

    >>> rule = gauss_legendre(2)
    >>> f"{float(rule.weights @ rule.nodes**3):.3f}"
    '0.250'
    """
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return Rule(0.5 * (nodes + 1.0), 0.5 * weights)
