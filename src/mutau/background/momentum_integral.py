"""Monte Carlo integrals over the unit cube with a grid that adapts to the integrand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.sampling.importance import edges_by_content

Array = NDArray[np.float64]

_BINS: Final = 48
#: Share of points that are uniform in the cube.
_PLAIN: Final = 0.1
_FLAT: Final = 0.1
#: Points with a value that the grid needs to follow values instead of hints.
_ENOUGH: Final = 200


@dataclass(frozen=True)
class Integral:
    """A Monte Carlo integral: value and error, means of `extra` with the same weights."""

    value: float
    err: float
    extra: Array
    n: int


def _draw(edges: Array, m: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """(u (m, D), weight (m,)) of points from the mixture of grid and uniform."""
    n_dims = len(edges)
    axes = np.arange(n_dims)
    place = rng.random((m, n_dims)) * _BINS
    cell = place.astype(np.int64)
    low, high = edges[axes, cell], edges[axes, cell + 1]
    u = low + (place - cell) * (high - low)
    plain = rng.random(m) < _PLAIN
    u[plain] = rng.random((int(plain.sum()), n_dims))
    return u, 1.0 / (_PLAIN + (1.0 - _PLAIN) * _grid_density(edges, u))


def _grid_density(edges: Array, u: Array) -> Array:
    """Density of points u (m, D) drawn from the grid of edges (D, B + 1)."""
    density = np.ones(len(u))
    for axis, line in enumerate(edges):
        cell = np.clip(np.searchsorted(line, u[:, axis], side="right") - 1, 0, _BINS - 1)
        density /= (line[cell + 1] - line[cell]) * _BINS
    return density


def integrate(
    function: Callable[[Array, np.random.Generator], tuple[Array, Array, Array]],
    n_dims: int,
    n: int,
    rng: np.random.Generator,
    *,
    warm_up: int = 4,
    rounds: int = 4,
) -> Integral:
    """Mean of a random function over the unit cube, drawn from a grid that adapts to it.

    function : (u (m, n_dims), rng) -> (values (m,), hints (m,), extra (m, E)). Hints are values of
    something wider that shows the way: the grid follows them until enough values are not zero.
    extra is averaged with the values as weights.
    n : points altogether; half of them adapt the grid, the other half is the answer, unbiased
    because the grid does not depend on it.
    Method: edges shared out along each axis by the root of the second moment, which is the best
    density of a product form (after G. P. Lepage, J. Comput. Phys. 27 (1978) 192); a tenth of the
    points is uniform and all weights are those of the mixture, so that none exceeds ten.
    Check: a flat function leaves the grid uniform but for the noise of the warm-up.
    """
    edges = np.tile(np.linspace(0.0, 1.0, _BINS + 1), (n_dims, 1))
    profile = np.zeros((2, n_dims, _BINS * 2))
    sums, squares, extras, count, found = 0.0, 0.0, np.zeros(0), 0, 0
    for turn in range(warm_up + rounds):
        m = max(n // (2 * (warm_up if turn < warm_up else rounds)), 100)
        u, weight = _draw(edges, m, rng)
        values, hints, extra = function(u, rng)
        if turn >= warm_up:
            values = values * weight
            sums, squares, count = sums + values.sum(), squares + (values**2).sum(), count + m
            extras = (values @ extra) + (extras if len(extras) else 0.0)
            continue
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
    mean = sums / count
    err = math.sqrt(max(squares / count - mean * mean, 0.0) / count)
    scale = 1.0 / sums if sums > 0.0 else 0.0
    return Integral(float(mean), err, np.asarray(extras * scale), count)
