"""Importance sampling from a table of cells: edges by content, and draws in constant time.

A cell's bound times its volume is its share of the draws (Walker's alias method), a point
uniform in it is kept with probability value/bound. The kept points follow the exact density
wherever the bounds hold; where one does not, the point keeps the weight value/bound > 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit

Array = NDArray[np.float64]


def edges_by_content(profile: Array, n: int, flatness: float = 0.5) -> Array:
    """Edges of n bins on [0, 1] that share out the content of a histogram.

    profile : (m,) content of equal bins on [0, 1], >= 0, not all zero. n : number of bins.
    flatness : part of the content spread evenly first, so that no bin grows too wide.
    Returns (n+1,) float64, increasing from 0 to 1. Check: a flat profile gives equal bins.

    >>> edges_by_content(np.ones(8), 4).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    share = (1.0 - flatness) * profile / np.sum(profile) + flatness / len(profile)
    climb = np.concatenate([[0.0], np.cumsum(share)])
    edges = np.interp(np.linspace(0.0, climb[-1], n + 1), climb, np.linspace(0, 1, len(climb)))
    edges[0], edges[-1] = 0.0, 1.0
    return edges


@njit
def alias_table(share):  # type: ignore[no-untyped-def]
    """Walker's alias table of (n,) shares >= 0 (any sum > 0): threshold (n,), alias (n,).

    Draw r uniform in (0, n); cell int(r) if its fraction is below the threshold, else its alias
    (Vose's construction, linear in n).
    """
    n, total = len(share), 0.0
    for i in range(n):
        total += share[i]
    threshold, level = np.empty(n), np.empty(n)
    alias = np.empty(n, np.int64)
    small = np.empty(n, np.int64)
    large = np.empty(n, np.int64)
    n_small, n_large = 0, 0
    for i in range(n):
        threshold[i], alias[i], level[i] = 1.0, i, share[i] * (n / total)
        if level[i] < 1.0:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small > 0 and n_large > 0:
        n_small -= 1
        low, high = small[n_small], large[n_large - 1]
        threshold[low] = level[low]
        alias[low] = high
        level[high] -= 1.0 - level[low]
        if level[high] < 1.0:
            n_large -= 1
            small[n_small] = high
            n_small += 1
    return threshold, alias


@njit
def alias_draw(uniform, threshold, alias):  # type: ignore[no-untyped-def]
    """Cell of one uniform number in [0, 1)."""
    place = uniform * len(threshold)
    cell = int(place)
    if place - cell < threshold[cell]:
        return cell
    return alias[cell]
