"""Importance sampling from a table of cells: grids that adapt to a density, draws in constant time.

A grid has one set of edges per axis. `refined_edges` moves them so that each bin along an axis
holds the same content (the idea of G. P. Lepage, J. Comput. Phys. 27, 192 (1978), with our own
damping); the cells between them then carry a bound each, for accept-reject in constant time.

A random function, whose value at a point is known by a draw only, has `adapted_grid`.

A cell's bound times its volume is its fraction of the draws (Walker's alias method), a point
uniform in it is kept with probability value/bound. The kept points follow the exact density
wherever the bounds hold; where one does not, the point keeps the weight value/bound > 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit

Array = NDArray[np.float64]

#: Bins of a grid that follows a random function, and the part of each axis' content that is even.
_BINS: Final = 48
_FLAT: Final = 0.2
#: Fraction of points that are uniform in the cube by default: no weight is above its inverse.
PLAIN: Final = 0.3
#: Points with a value that the grid needs to follow values instead of hints.
_ENOUGH: Final = 200

#: See `adapted_grid`.
RandomFunction = Callable[[Array, np.random.Generator], tuple[Array, Array, Any]]


def edges_by_content(profile: Array, n: int, flatness: float = 0.5) -> Array:
    """Edges of n bins on [0, 1] that divide the content of a histogram evenly.

    profile : (m,) content of equal bins on [0, 1], >= 0, not all zero. n : number of bins.
    flatness : part of the content spread evenly first, so that no bin grows too wide.
    Returns (n+1,) float64, increasing from 0 to 1. Check: a flat profile gives equal bins.

    >>> edges_by_content(np.ones(8), 4).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    content = (1.0 - flatness) * profile / np.sum(profile) + flatness / len(profile)
    climb = np.concatenate([[0.0], np.cumsum(content)])
    edges = np.interp(np.linspace(0.0, climb[-1], n + 1), climb, np.linspace(0, 1, len(climb)))
    edges[0], edges[-1] = 0.0, 1.0
    return edges


def refined_edges(edges: Array, content: Array, damping: float = 0.75) -> Array:
    """Edges of one axis moved so that its bins divide the content evenly.

    edges : (n + 1,) from 0 to 1. content : (n,) >= 0, of the bins between them.
    damping : 1 moves all the way, 0 not at all; what is held back is spread evenly in bins.
    Returns (n + 1,). Content all zero leaves the edges.
    Check: equal content leaves the edges where they are.

    >>> refined_edges(np.array([0.0, 0.25, 1.0]), np.array([1.0, 1.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    total = float(np.sum(content))
    if total == 0.0:
        return edges
    smooth = np.convolve(np.pad(content, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    if np.ptp(content) == 0.0:
        smooth = content
    level = edges_by_content(smooth, len(content), flatness=1.0 - damping)
    return np.asarray(np.interp(level, np.linspace(0.0, 1.0, len(edges)), edges))


def draw_points(
    edges: Array, m: int, rng: np.random.Generator, plain: float = PLAIN
) -> tuple[Array, Array]:
    """(u (m, D), weight (m,)) of points from the mixture of a grid and uniform ones.

    edges : (D, B + 1), of each axis. plain : fraction of the uniform ones.
    Check: the mean weight is 1.
    """
    n_dims, bins = len(edges), edges.shape[1] - 1
    axes = np.arange(n_dims)
    place = rng.random((m, n_dims)) * bins
    cell = place.astype(np.int64)
    low, high = edges[axes, cell], edges[axes, cell + 1]
    u = low + (place - cell) * (high - low)
    even = rng.random(m) < plain
    u[even] = rng.random((int(even.sum()), n_dims))
    return u, 1.0 / (plain + (1.0 - plain) * _grid_density(edges, u))


def _grid_density(edges: Array, u: Array) -> Array:
    """Density of points u (m, D) drawn from the grid of edges (D, B + 1)."""
    density, bins = np.ones(len(u)), edges.shape[1] - 1
    for axis, line in enumerate(edges):
        cell = np.clip(np.searchsorted(line, u[:, axis], side="right") - 1, 0, bins - 1)
        density /= (line[cell + 1] - line[cell]) * bins
    return density


def adapted_grid(
    function: RandomFunction, n_dims: int, n: int, rng: np.random.Generator, *, rounds: int = 4,
    plain: float = PLAIN,
) -> Array:  # fmt: skip
    """Edges (n_dims, B + 1) of a grid that follows a random function; n points altogether.

    function : (u (m, n_dims), rng) -> (values (m,), hints (m,), anything). Hints are values of
    something wider that shows the way: the grid follows them until enough values are not zero.
    Method: edges spread along each axis by the root of the second moment, which is the best
    density of a product form (after G. P. Lepage, J. Comput. Phys. 27 (1978) 192); a fraction
    `plain` of the points is uniform and all weights are those of the mixture, so that none
    exceeds 1/plain.
    """
    edges = np.tile(np.linspace(0.0, 1.0, _BINS + 1), (n_dims, 1))
    profile = np.zeros((2, n_dims, _BINS * 2))
    found = 0
    for _ in range(rounds):
        u, weight = draw_points(edges, max(n // rounds, 100), rng, plain)
        values, hints, _ = function(u, rng)
        found += int(np.count_nonzero(values))
        for axis in range(n_dims):
            for kind, what in enumerate((hints, values)):
                square = what * what * weight
                profile[kind, axis] += np.histogram(
                    u[:, axis], _BINS * 2, (0.0, 1.0), weights=square
                )[0]
            shape = np.sqrt(profile[int(found >= _ENOUGH), axis])
            if shape.sum() > 0.0:
                edges[axis] = edges_by_content(shape, _BINS, _FLAT)
    return edges


@njit
def alias_table(content: Array) -> tuple[Array, NDArray[np.int64]]:
    """Walker's alias table of (n,) contents >= 0 (any sum > 0): threshold (n,), alias (n,).

    Draw r uniform in (0, n); cell int(r) if its fraction is below the threshold, else its alias
    (Vose's construction, linear in n).
    """
    n, total = len(content), 0.0
    for i in range(n):
        total += content[i]
    threshold, level = np.empty(n), np.empty(n)
    alias = np.empty(n, np.int64)
    small = np.empty(n, np.int64)
    large = np.empty(n, np.int64)
    n_small, n_large = 0, 0
    for i in range(n):
        threshold[i], alias[i], level[i] = 1.0, i, content[i] * (n / total)
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
def alias_draw(uniform: float, threshold: Array, alias: NDArray[np.int64]) -> int:
    """Cell of one uniform number in [0, 1)."""
    place = uniform * len(threshold)
    cell = int(place)
    if place - cell < threshold[cell]:
        return cell
    return int(alias[cell])
