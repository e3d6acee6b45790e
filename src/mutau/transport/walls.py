"""Kernels: where a straight line meets the walls of boxes. The one geometry query of all walks.

A stretch is the pieces that begin and end together, `first` to `last` (without). Distances are
along z, cm; a particle is in one box at a time, since solids do not overlap. Walls are those
parallel to z: outer sides and those of a hole; faces are the ends of a stretch. `orbits` does the
same in a field.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.jit import inner, njit
from mutau.transport.particle import State
from mutau.transport.pieces import DIPOLE, TOUCH, Piece, Pieces

Array = NDArray[np.float64]

#: A wall nearer than this (cm along z) counts as passed.
NEAR: Final = 1e-10


@inner(forceinline=True)
def within(x: float, y: float, piece: Piece) -> bool:
    """Whether (x, y) is on the area of a piece and not in its hole."""
    dx, dy = abs(x - piece.x), abs(y - piece.y)
    if dx > piece.half_x or dy > piece.half_y:
        return False
    if piece.radius > 0.0 and dx * dx + dy * dy > piece.radius * piece.radius:
        return False
    return not (dx < piece.hole_x and dy < piece.hole_y)


@inner
def stretch_start(pieces: Pieces, r: int) -> int:
    """First of the stretch that piece r is in; r itself for a plane, or behind the last piece."""
    while 0 < r < pieces.size and pieces[r].length > 0.0 and pieces[r - 1].z == pieces[r].z:
        if pieces[r - 1].length == 0.0:
            return r
        r -= 1
    return r


@inner(forceinline=True)
def stretch_end(pieces: Pieces, first: int) -> int:
    """The piece behind the stretch that begins with `first`, or behind a plane."""
    last, z = first + 1, pieces[first].z
    while pieces[first].length > 0.0 and last < pieces.size and pieces[last].z == z:
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
def _next_wall(
    x: float, y: float, tx: float, ty: float, pieces: Pieces, first: int, last: int, limit: float
) -> float:
    """Distance to the next wall of any piece of a stretch, at most `limit`.

    x, y, tx, ty : of the straight line, where it is now.
    """
    for r in range(first, last):
        piece = pieces[r]
        dx, dy = x - piece.x, y - piece.y
        limit = _meets(dx, tx, dy, ty, piece.half_x, piece.half_y, limit)
        limit = _meets(dy, ty, dx, tx, piece.half_y, piece.half_x, limit)
        if piece.hole_x > 0.0:
            limit = _meets(dx, tx, dy, ty, piece.hole_x, piece.hole_y, limit)
            limit = _meets(dy, ty, dx, tx, piece.hole_y, piece.hole_x, limit)
    return limit


@inner(forceinline=True)
def _holder(x: float, y: float, pieces: Pieces, first: int, last: int) -> int:
    """The piece that holds (x, y): a solid, else a magnet (its gap or its iron), else -1."""
    found = -1
    for r in range(first, last):
        if pieces[r].kind == DIPOLE:
            if found < 0:
                found = r
        elif within(x, y, pieces[r]):
            return r
    return found


@inner(forceinline=True)
def line_ahead(
    x: float, y: float, tx: float, ty: float, pieces: Pieces, first: int, last: int, limit: float
) -> tuple[float, int]:
    """(distance to the next wall, at most `limit`; piece that holds the line so far, or -1)."""
    step = _next_wall(x, y, tx, ty, pieces, first, last, limit)
    half = 0.5 * step
    return step, _holder(x + half * tx, y + half * ty, pieces, first, last)


@inner(forceinline=True)
def ahead(state: State, pieces: Pieces, first: int, last: int, limit: float) -> tuple[float, int]:
    """`line_ahead` of a particle on a straight line."""
    return line_ahead(state.x, state.y, state.tx, state.ty, pieces, first, last, limit)


@inner(forceinline=True)
def half_way_within(state: State, step: float, piece: Piece) -> bool:
    """Whether a particle is on the area of a piece after half a step, cm along z."""
    half = 0.5 * step
    return within(state.x + half * state.tx, state.y + half * state.ty, piece)


@inner
def solid_behind(state: State, pieces: Pieces, first: int) -> int:
    """The solid into which a particle goes at once that leaves one of stretch `first`.

    -1 where gas, a magnet or a plane that it hits comes first.
    """
    last = stretch_end(pieces, first)
    high = pieces[first].z + pieces[first].length
    if state.z >= high - NEAR:
        first = last
        while first < pieces.size and pieces[first].length == 0.0:
            if pieces[first].z > high + TOUCH or within(state.x, state.y, pieces[first]):
                return -1
            first += 1
        if first == pieces.size or pieces[first].z > high + TOUCH:
            return -1
        last = stretch_end(pieces, first)
    left = pieces[first].z + pieces[first].length - state.z
    _, r = ahead(state, pieces, first, last, left)
    return -1 if r >= 0 and pieces[r].kind == DIPOLE else r


@njit
def _paths_kernel(track: Array, begin: Array, pieces: Pieces, paths: Array) -> None:
    for i in range(track.shape[0]):
        tx, ty = track[i, 2], track[i, 3]
        for r in range(pieces.size):
            z, high = max(begin[i], pieces[r].z), pieces[r].z + pieces[r].length
            while z < high - NEAR:
                x, y = track[i, 0] + (z - begin[i]) * tx, track[i, 1] + (z - begin[i]) * ty
                step, inside = line_ahead(x, y, tx, ty, pieces, r, r + 1, high - z)
                if inside >= 0:
                    paths[i, r] += step
                z += step


def straight_paths(track: Array, begin: ArrayLike, pieces: Pieces) -> Array:
    """(N, K) cm along z that N straight lines have within each of K boxes, forward from `begin`.

    track : (N, 4) x, y (cm) and slopes on the planes z = begin (cm, scalar or (N,)). pieces : as
    `pieces.boxes_of`. Times sqrt(1 + tx^2 + ty^2) it is the path.
    Check: along the axis of a box without a hole, its length.
    """
    paths = np.zeros((len(track), len(pieces)))
    start = np.ascontiguousarray(np.broadcast_to(np.asarray(begin, float), (len(track),)))
    _paths_kernel(np.ascontiguousarray(track, float), start, pieces, paths)
    return paths


@njit
def _on_kernel(places: Array, pieces: Pieces, found: NDArray[np.bool_]) -> None:
    for i in range(places.shape[0]):
        for r in range(pieces.size):
            found[i, r] = within(places[i, 0], places[i, 1], pieces[r])


def on_areas(places: Array, pieces: Pieces) -> NDArray[np.bool_]:
    """(N, K) whether N places (N, 2), cm, are on the areas of K boxes, and not in their holes."""
    found = np.zeros((len(places), len(pieces)), bool)
    _on_kernel(np.ascontiguousarray(places, float), pieces, found)
    return found
