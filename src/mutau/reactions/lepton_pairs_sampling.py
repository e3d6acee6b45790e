"""Kernels that draw lepton pairs: points of the maps from their grids, final states."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner, njit
from mutau.reactions.lepton_pairs_amplitude import Vector
from mutau.reactions.lepton_pairs_kernels import N_AXES, PairSetup, pair_density

Array = NDArray[np.float64]


@inner(forceinline=True)
def grid_point(rng: np.random.Generator, edges: Array, x: Array, at: NDArray[np.int64]) -> float:
    """Draw a point x (7,) of one map from its grid (7, bins + 1); its cell in `at`.

    Returns the volume of the cell times their number, the inverse of the density drawn from.
    """
    bins = edges.shape[1] - 1
    volume = 1.0
    for axis in range(N_AXES):
        place = rng.random() * bins
        at[axis] = int(place)
        left = edges[axis, at[axis]]
        width = edges[axis, at[axis] + 1] - left
        x[axis] = left + width * (place - at[axis])
        volume *= width * bins
    return volume


@njit
def sample_map(
    rng: np.random.Generator, which: int, edges: Array, setup: PairSetup, weights: Array,
    content: Array,
) -> None:  # fmt: skip
    """Fill weights (n,) of points of one map; content (7, bins) gathers their powers
    3/2, between mean and variance."""
    work = np.empty((2, 4, 2, 2, 4), np.complex128)
    x = np.empty(N_AXES)
    at = np.empty(N_AXES, np.int64)
    for i in range(weights.size):
        volume = grid_point(rng, edges, x, at)
        value = volume * pair_density(which, x, setup, work)[0]
        weights[i] = value
        for axis in range(N_AXES):
            content[axis, at[axis]] += value * math.sqrt(value)


@inner(forceinline=True)
def write_row(out: Array, k: Vector, turn_c: float, turn_s: float) -> None:
    """(E, x, y, z) of light-cone components, turned about the beam."""
    out[0] = 0.5 * (k[0] + k[1])
    out[1] = turn_c * k[2] - turn_s * k[3]
    out[2] = turn_s * k[2] + turn_c * k[3]
    out[3] = 0.5 * (k[0] - k[1])


@njit
def draw(
    rng: np.random.Generator, first: int, edges: Array, bounds: Array, setup: PairSetup, p4: Array,
    weight: Array,
) -> tuple[int, float, float]:  # fmt: skip
    """Unweighted final states: fills p4 (n, 3, 4), lepton and pair, and weight (n,).

    first : map that the first row of edges belongs to. edges : (maps, 7, bins + 1). bounds :
    (maps,) largest usual weights of the maps; what lies above keeps
    weight/bound > 1. Returns the number of trials, sum and sum of squares of their weights over
    the sum of bounds.
    """
    work = np.empty((2, 4, 2, 2, 4), np.complex128)
    x = np.empty(N_AXES)
    at = np.empty(N_AXES, np.int64)
    height = bounds.sum()
    trials, total, square, done = 0, 0.0, 0.0, 0
    while done < weight.size:
        trials += 1
        place = rng.random() * height
        which = 0
        while which < bounds.size - 1 and place >= bounds[which]:
            place -= bounds[which]
            which += 1
        volume = grid_point(rng, edges[which], x, at)
        value, p1, k1, k2, _ = pair_density(first + which, x, setup, work)
        value *= volume / bounds[which]
        total += value
        square += value * value
        if value <= rng.random():
            continue
        turn = 2.0 * math.pi * rng.random()
        c, s = math.cos(turn), math.sin(turn)
        write_row(p4[done, 0], p1, c, s)
        write_row(p4[done, 1], k1, c, s)
        write_row(p4[done, 2], k2, c, s)
        weight[done] = max(value, 1.0)
        done += 1
    return trials, total, square
