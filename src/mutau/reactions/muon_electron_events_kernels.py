"""Kernels that adapt the grid of mu e -> mu e V, bound its cells, draw points and write events."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.core.random import REACH
from mutau.reactions.importance import alias_draw
from mutau.reactions.muon_electron_integrals import MuonOnElectron
from mutau.reactions.phase_space import Cube, cube_point, write_momenta

Array = NDArray[np.float64]

_ROOTS = (0.8566748838545029, 0.7338918566271260, 0.6287067210378087, 0.5385972572236101)


class Cells(NamedTuple):
    """Grid of cells: edges (4, largest + 1), number of bins of each axis (4,)."""

    edges: Array
    bins: NDArray[np.int64]


class BoundedCells(NamedTuple):
    """Cells with the largest density x volume of each (n,), and their alias table."""

    cells: Cells
    bound: Array
    threshold: Array
    alias: NDArray[np.int64]


@njit
def _spread(i: int, axis: int) -> float:
    """i-th point of a low-discrepancy sequence on (0, 1): powers of the root of x^5 = x + 1."""
    return (0.5 + (i + 1) * _ROOTS[axis]) % 1.0


@njit
def _place(cell: int, inside: Array, cells: Cells, x: Array) -> float:
    """Cell volume; x becomes the point of the cube at `inside` (4 numbers in [0, 1]) of a cell."""
    edges, bins = cells
    volume = 1.0
    for axis in range(3, -1, -1):
        i = cell % bins[axis]
        cell //= bins[axis]
        width = edges[axis, i + 1] - edges[axis, i]
        x[axis] = edges[axis, i] + width * inside[axis]
        volume *= width
    return volume


@njit
def contents(n: int, cells: Cells, at: MuonOnElectron, cube: Cube) -> Array:
    """Content of the bins of each axis, sum of |density x volume|^2 over n points: (4, largest)."""
    edges, bins = cells
    out = np.zeros((4, edges.shape[1] - 1))
    x = np.empty(4)
    place = np.empty(4, np.int64)
    for i in range(n):
        jacobian = 1.0
        for axis in range(4):
            y = bins[axis] * _spread(i, axis)
            place[axis] = min(int(y), bins[axis] - 1)
            width = edges[axis, place[axis] + 1] - edges[axis, place[axis]]
            x[axis] = edges[axis, place[axis]] + width * (y - place[axis])
            jacobian *= width * bins[axis]
        value = cube_point(x, at, cube).density
        value *= jacobian
        for axis in range(4):
            out[axis, place[axis]] += value * value
    return out


@njit
def search_bounds(n: int, cells: Cells, at: MuonOnElectron, cube: Cube) -> Array:
    """Largest density x volume found by n points in each cell, and their mean: (2, cells)."""
    bins = cells.bins
    count = bins[0] * bins[1] * bins[2] * bins[3]
    out = np.zeros((2, count))
    inside, x = np.empty(4), np.empty(4)
    for cell in range(count):
        for i in range(n):
            for axis in range(4):
                inside[axis] = _spread(i + n * cell, axis)
            volume = _place(cell, inside, cells, x)
            value = cube_point(x, at, cube).density
            value *= volume
            out[0, cell] = max(out[0, cell], value)
            out[1, cell] += value / n
    return out


@njit
def raise_to_neighbours(bound: Array, bins: NDArray[np.int64], fraction: float) -> Array:
    """Bounds raised to a fraction of their largest neighbour's: a sparse search loses no cell."""
    out = bound.copy()
    stride = 1
    for axis in range(3, -1, -1):
        for cell in range(len(bound)):
            i = (cell // stride) % bins[axis]
            if i > 0:
                out[cell] = max(out[cell], fraction * bound[cell - stride])
            if i < bins[axis] - 1:
                out[cell] = max(out[cell], fraction * bound[cell + stride])
        stride *= bins[axis]
    return out


@njit
def draw(
    rng: np.random.Generator,
    unweighted: bool,
    p4: Array,
    weight: Array,
    grid: BoundedCells,
    spread: float,
    beam: MuonOnElectron,
    cube: Cube,
) -> tuple[int, float, float, float]:
    """Fill events: p4 (n, 5, 4) and weight (n,), density over bound.

    unweighted : keep a point with probability density / bound; its weight is then 1, or
    density / bound where that is larger. spread : relative; the beam's energy is Gaussian, cut at
    REACH standard deviations, and drawn for each trial.
    Returns the number of trials, and over all of them the sum of density / bound, of its square,
    and its largest value.
    """
    cells, bound, threshold, alias = grid
    inside, x = np.empty(4), np.empty(4)
    trials, total, square, largest = 0, 0.0, 0.0, 0.0
    done = 0
    at = beam
    while done < len(weight):
        trials += 1
        if spread > 0.0:
            z = rng.standard_normal()
            while abs(z) > REACH:
                z = rng.standard_normal()
            at = MuonOnElectron(beam.E1 * (1.0 + spread * z), beam.m, beam.e, beam.M)
        cell = alias_draw(rng.random(), threshold, alias)
        for axis in range(4):
            inside[axis] = rng.random()
        volume = _place(cell, inside, cells, x)
        point = cube_point(x, at, cube)
        ratio = point.density * volume / bound[cell]
        total += ratio
        square += ratio * ratio
        largest = max(largest, ratio)
        if not point.density > 0.0 or (unweighted and rng.random() >= ratio):
            continue
        weight[done] = max(ratio, 1.0) if unweighted else ratio
        turn = 4.0 * math.pi * rng.random()
        side = 1.0
        if turn >= 2.0 * math.pi:
            turn -= 2.0 * math.pi
            side = -1.0
        write_momenta(p4[done], point, side, turn, at)
        done += 1
    return trials, total, square, largest
