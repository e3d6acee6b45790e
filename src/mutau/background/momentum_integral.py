"""Monte Carlo integrals over the unit cube with a grid that adapts to the integrand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.weights import from_powers
from mutau.reactions.importance import edges_by_content

Array = NDArray[np.float64]

_BINS: Final = 48
#: Fraction of points that are uniform in the cube by default: no weight is above its inverse.
_PLAIN: Final = 0.3
_FLAT: Final = 0.2
#: Points with a value that the grid needs to follow values instead of hints.
_ENOUGH: Final = 200


Function = Callable[[Array, np.random.Generator], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class Integral:
    """A Monte Carlo integral: value and error, means of `extra` with the same weights.

    err : as `weights.error_of_sum` has it. n : points. effective, largest : effective number of
    points that are not zero, and the fraction of the largest in the value.
    """

    value: float
    err: float
    extra: Array
    n: int
    effective: float = 0.0
    largest: float = 0.0


def draw(
    edges: Array, m: int, rng: np.random.Generator, plain: float = _PLAIN
) -> tuple[Array, Array]:
    """(u (m, D), weight (m,)) of points from the mixture of grid (`adapted`) and uniform.

    plain : fraction of the uniform ones.
    """
    n_dims = len(edges)
    axes = np.arange(n_dims)
    place = rng.random((m, n_dims)) * _BINS
    cell = place.astype(np.int64)
    low, high = edges[axes, cell], edges[axes, cell + 1]
    u = low + (place - cell) * (high - low)
    even = rng.random(m) < plain
    u[even] = rng.random((int(even.sum()), n_dims))
    return u, 1.0 / (plain + (1.0 - plain) * _grid_density(edges, u))


def _grid_density(edges: Array, u: Array) -> Array:
    """Density of points u (m, D) drawn from the grid of edges (D, B + 1)."""
    density = np.ones(len(u))
    for axis, line in enumerate(edges):
        cell = np.clip(np.searchsorted(line, u[:, axis], side="right") - 1, 0, _BINS - 1)
        density /= (line[cell + 1] - line[cell]) * _BINS
    return density


def adapted(
    function: Function, n_dims: int, n: int, rng: np.random.Generator, *, rounds: int = 4,
    plain: float = _PLAIN,
) -> Array:  # fmt: skip
    """Edges (n_dims, B + 1) of a grid that follows a function; n points altogether.

    function : as in `integrate`.
    Method: edges spread along each axis by the root of the second moment, which is the best
    density of a product form (after G. P. Lepage, J. Comput. Phys. 27 (1978) 192);a fraction
    `plain` of the points is uniform and all weights are those of the mixture, so that none
    exceeds 1/plain.
    """
    edges = np.tile(np.linspace(0.0, 1.0, _BINS + 1), (n_dims, 1))
    profile = np.zeros((2, n_dims, _BINS * 2))
    found = 0
    for _ in range(rounds):
        u, weight = draw(edges, max(n // rounds, 100), rng, plain)
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


def integrate(
    function: Function, n_dims: int, n: int, rng: np.random.Generator, *, rounds: int = 4,
    plain: float = _PLAIN,
) -> Integral:  # fmt: skip
    """Mean of a random function over the unit cube, drawn from a grid that adapts to it.

    function : (u (m, n_dims), rng) -> (values (m,), hints (m,), extra (m, E)). Hints are values of
    something wider that shows the way: the grid follows them until enough values are not zero.
    extra is averaged with the values as weights.
    n : points altogether; half of them adapt the grid, the other half is the answer, unbiased
    because the grid does not depend on it. Values must not be negative.
    plain : fraction of uniform points; more where rare heavy values may lie beside the grid.
    Check: a flat function leaves the grid uniform but for the noise of the warm-up.
    """
    edges = adapted(function, n_dims, n // 2, rng, rounds=rounds, plain=plain)
    powers, extras, count, top = np.zeros(3), np.zeros(0), 0, 0.0
    for _ in range(rounds):
        m = max(n // (2 * rounds), 100)
        u, weight = draw(edges, m, rng, plain)
        values, _, extra = function(u, rng)
        values = values * weight
        powers += [np.sum(values**k) for k in (1, 2, 3)]
        count, top = count + m, max(top, float(values.max(initial=0.0)))
        extras = (values @ extra) + (extras if len(extras) else 0.0)
    total, squares, cubes = powers.tolist()
    found = from_powers(total, squares, cubes, top, count)
    scale = 1.0 / powers[0] if powers[0] > 0.0 else 0.0
    return Integral(
        found.value / count, found.err / count, np.asarray(extras * scale), count, found.effective,
        found.largest,
    )  # fmt: skip
