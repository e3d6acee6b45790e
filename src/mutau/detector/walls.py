"""Kernels: where a straight line meets the walls of boxes. The one geometry query of all walks.

`rows` are those of `boxes`; a stretch is the rows that begin and end together, `first` to `last`
(without). Distances are along z, cm; a particle is in one box at a time, since solids do not
overlap. Walls are those parallel to z: outer sides and those of a hole; faces are the ends of a
stretch. `orbits` does the same in a field.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.jit import inner, njit
from mutau.detector.boxes import (
    DIPOLE,
    HALF_X,
    HALF_Y,
    HOLE_X,
    HOLE_Y,
    KIND,
    LENGTH,
    RADIUS,
    TOUCH,
    X,
    Y,
    Z,
)

Array = NDArray[np.float64]

#: A wall nearer than this (cm along z) counts as passed.
NEAR: Final = 1e-10


@inner(forceinline=True)
def within(x: float, y: float, rows: Array, r: int) -> bool:
    """Whether (x, y) is on the row's area and not in its hole."""
    dx, dy = abs(x - rows[r, X]), abs(y - rows[r, Y])
    if dx > rows[r, HALF_X] or dy > rows[r, HALF_Y]:
        return False
    radius = rows[r, RADIUS]
    if radius > 0.0 and dx * dx + dy * dy > radius * radius:
        return False
    return not (dx < rows[r, HOLE_X] and dy < rows[r, HOLE_Y])


@inner
def stretch_start(rows: Array, r: int) -> int:
    """First row of the stretch that row r is in; r itself for a plane, or behind the last row."""
    while 0 < r < rows.shape[0] and rows[r, LENGTH] > 0.0 and rows[r - 1, Z] == rows[r, Z]:
        if rows[r - 1, LENGTH] == 0.0:
            return r
        r -= 1
    return r


@inner(forceinline=True)
def stretch_end(rows: Array, first: int) -> int:
    """The row behind the stretch that begins with row `first`, or behind a plane."""
    last = first + 1
    while rows[first, LENGTH] > 0.0 and last < rows.shape[0] and rows[last, Z] == rows[first, Z]:
        last += 1
    return last


@inner(forceinline=True)
def _meets(
    u: float, tu: float, v: float, tv: float, half: float, reach: float, limit: float
) -> float:
    """Distance, above NEAR, to the walls u = +-half that reach over |v| <= reach; else limit."""
    end = u + limit * tu
    for side in range(2):
        wall = half if side == 0 else -half
        if (u > wall) != (end > wall):
            s = (wall - u) / tu
            # a line through a corner may miss both of its walls by rounding
            if NEAR < s < limit and abs(v + s * tv) <= reach + TOUCH:
                limit = s
    return limit


@inner(forceinline=True)
def next_wall(
    x: float, y: float, tx: float, ty: float, rows: Array, first: int, last: int, limit: float
) -> float:
    """Distance to the next wall of any row of a stretch, at most `limit`.

    x, y, tx, ty : of the straight line, where it is now.
    """
    for r in range(first, last):
        dx, dy = x - rows[r, X], y - rows[r, Y]
        half_x, half_y = rows[r, HALF_X], rows[r, HALF_Y]
        limit = _meets(dx, tx, dy, ty, half_x, half_y, limit)
        limit = _meets(dy, ty, dx, tx, half_y, half_x, limit)
        if rows[r, HOLE_X] > 0.0:
            limit = _meets(dx, tx, dy, ty, rows[r, HOLE_X], rows[r, HOLE_Y], limit)
            limit = _meets(dy, ty, dx, tx, rows[r, HOLE_Y], rows[r, HOLE_X], limit)
    return limit


@inner(forceinline=True)
def holder(x: float, y: float, rows: Array, first: int, last: int) -> int:
    """Row of a stretch that holds (x, y): a solid, else a magnet (its gap or its iron), else -1."""
    found = -1
    for r in range(first, last):
        if rows[r, KIND] == DIPOLE:
            if found < 0:
                found = r
        elif within(x, y, rows, r):
            return r
    return found


@inner(forceinline=True)
def ahead(
    x: float, y: float, tx: float, ty: float, rows: Array, first: int, last: int, limit: float
) -> tuple[float, int]:
    """(distance to the next wall, at most `limit`; row that holds the line up to there, or -1)."""
    step = next_wall(x, y, tx, ty, rows, first, last, limit)
    half = 0.5 * step
    return step, holder(x + half * tx, y + half * ty, rows, first, last)


@inner
def solid_behind(
    x: float, y: float, z: float, tx: float, ty: float, rows: Array, first: int
) -> int:
    """Row of the solid into which a particle goes at once that leaves one of stretch `first` at z.

    -1 where gas, a magnet or a plane that it hits comes first.
    """
    last = stretch_end(rows, first)
    high = rows[first, Z] + rows[first, LENGTH]
    if z >= high - NEAR:
        first = last
        while first < rows.shape[0] and rows[first, LENGTH] == 0.0:
            if rows[first, Z] > high + TOUCH or within(x, y, rows, first):
                return -1
            first += 1
        if first == rows.shape[0] or rows[first, Z] > high + TOUCH:
            return -1
        last = stretch_end(rows, first)
    left = rows[first, Z] + rows[first, LENGTH] - z
    _, r = ahead(x, y, tx, ty, rows, first, last, left)
    return -1 if r >= 0 and rows[r, KIND] == DIPOLE else r


@njit
def _paths_kernel(track: Array, begin: Array, rows: Array, paths: Array) -> None:
    for i in range(track.shape[0]):
        tx, ty = track[i, 2], track[i, 3]
        for r in range(rows.shape[0]):
            z, high = max(begin[i], rows[r, Z]), rows[r, Z] + rows[r, LENGTH]
            while z < high - NEAR:
                x, y = track[i, 0] + (z - begin[i]) * tx, track[i, 1] + (z - begin[i]) * ty
                step, inside = ahead(x, y, tx, ty, rows, r, r + 1, high - z)
                if inside >= 0:
                    paths[i, r] += step
                z += step


def straight_paths(track: Array, begin: ArrayLike, rows: Array) -> Array:
    """(N, K) cm along z that N straight lines have within each of K boxes, forward from `begin`.

    track : (N, 4) x, y (cm) and slopes on the planes z = begin (cm, scalar or (N,)). rows : (K, C)
    as `boxes.box_rows`. Times sqrt(1 + tx^2 + ty^2) it is the path.
    Check: along the axis of a box without a hole, its length.
    """
    paths = np.zeros((len(track), len(rows)))
    start = np.ascontiguousarray(np.broadcast_to(np.asarray(begin, float), (len(track),)))
    _paths_kernel(np.ascontiguousarray(track, float), start, rows, paths)
    return paths


@njit
def _on_kernel(places: Array, rows: Array, found: NDArray[np.bool_]) -> None:
    for i in range(places.shape[0]):
        for r in range(rows.shape[0]):
            found[i, r] = within(places[i, 0], places[i, 1], rows, r)


def on_areas(places: Array, rows: Array) -> NDArray[np.bool_]:
    """(N, K) whether N places (N, 2), cm, are on the areas of K boxes, and not in their holes."""
    found = np.zeros((len(places), len(rows)), bool)
    _on_kernel(np.ascontiguousarray(places, float), rows, found)
    return found
