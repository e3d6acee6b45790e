"""Kernels: charged particles in the gap of a magnet, to its end or to the iron beside it.

`rows` are those of `boxes`, `field` the flat array of `transport.fields.join_maps` from which a
row's TABLE counts.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner
from mutau.detector.boxes import (
    CURVE_X,
    CURVE_Y,
    HALF_X,
    HALF_Y,
    TABLE,
    X,
    Y,
)
from mutau.detector.walls import NEAR, within
from mutau.transport.field_kernels import map_charge, orbit_kernel

Array = NDArray[np.float64]
Ray = tuple[float, float, float, float, float]

#: Steps of a bisection: 2^-60 of a magnet's length.
_HALVES: Final = 60
#: Distance (cm) from a wall that counts as on it.
_ON_WALL: Final = 1e-13


@inner
def dipole_kernel(
    u: float, v: float, tu: float, tv: float, momentum: float, length: float, curve: float
) -> Ray:
    """u in the plane of bending; tu = du/dz. Last of the tuple: 1, or 0 where it curls up."""
    secant = math.sqrt(1.0 + tu * tu)
    across = momentum * secant / math.sqrt(1.0 + tu * tu + tv * tv)
    tv_plane = tv / secant  # dv over path length in the plane of bending
    sine, cosine = tu / secant, 1.0 / secant
    turn = curve * length / across
    sine_out = sine + turn
    if abs(sine_out) >= 1.0:
        return u, v, tu, tv, 0.0
    cosine_out = math.sqrt(1.0 - sine_out * sine_out)
    u += length * (sine + sine_out) / (cosine + cosine_out)
    if abs(turn) < 1e-6:
        path = length / cosine
    else:
        angle = math.asin(sine_out * cosine - sine * cosine_out)
        if cosine * cosine_out + sine * sine_out < 0.0:
            angle = math.copysign(math.pi, turn) - angle
        path = length * angle / turn
    v += tv_plane * path
    return u, v, sine_out / cosine_out, tv_plane / cosine_out, 1.0


@inner(forceinline=True)
def bend(
    x: float, y: float, z: float, tx: float, ty: float, p: float, rows: Array, field: Array,
    r: int, length: float, sign: float,
) -> Ray:  # fmt: skip
    """Through `length` cm of a dipole from z, back if negative: a helix, or the orbit in a map.

    sign : charge over that of the beam particle. Slopes are dx/dz, dy/dz either way.
    Returns x, y, slopes, and 1, or 0 where the particle curls up.
    """
    if rows[r, TABLE] >= 0.0:
        at = int(rows[r, TABLE])
        k = sign * map_charge(field, at) / p
        return orbit_kernel(field, at, (x, y, tx, ty), z, k, length)
    if rows[r, CURVE_X] != 0.0:
        return dipole_kernel(x, y, tx, ty, p, length, sign * rows[r, CURVE_X])
    y, x, ty, tx, fine = dipole_kernel(y, x, ty, tx, p, length, sign * rows[r, CURVE_Y])
    return x, y, tx, ty, fine


@inner
def _turning(
    x: float, y: float, z: float, tx: float, ty: float, p: float, rows: Array, field: Array,
    r: int, length: float, sign: float, axis: int,
) -> float:  # fmt: skip
    """Where the slope along an axis changes its sign, which it does once within `length`."""
    low, high = 0.0, length
    rises = (tx if axis == 0 else ty) > 0.0
    for _ in range(_HALVES):
        middle = 0.5 * (low + high)
        state = bend(x, y, z, tx, ty, p, rows, field, r, middle, sign)
        if (state[2 + axis] > 0.0) == rises:
            low = middle
        else:
            high = middle
    return high


@inner
def _leaves(
    x: float, y: float, z: float, tx: float, ty: float, p: float, rows: Array, field: Array,
    r: int, length: float, sign: float, axis: int,
) -> float:  # fmt: skip
    """Where the orbit leaves the gap along an axis: inside at 0, outside at `length`.

    Regula falsi within a bracket, with the Illinois rule.
    """
    middle = rows[r, X] if axis == 0 else rows[r, Y]
    half = rows[r, HALF_X] if axis == 0 else rows[r, HALF_Y]
    low, high, before = 0.0, length, 0
    below = abs((x if axis == 0 else y) - middle) - half
    state = bend(x, y, z, tx, ty, p, rows, field, r, length, sign)
    above = abs(state[axis] - middle) - half
    for _ in range(2 * _HALVES):
        at = 0.5 * (low + high)
        if below < 0.0 < above:
            at = low - below * (high - low) / (above - below)
        state = bend(x, y, z, tx, ty, p, rows, field, r, at, sign)
        now = abs(state[axis] - middle) - half
        if abs(now) < _ON_WALL and at != 0.0:
            return at
        if now > 0.0:
            high, above = at, now
            below *= 0.5 if before > 0 else 1.0
            before = 1
        else:
            low, below = at, now
            above *= 0.5 if before < 0 else 1.0
            before = -1
    return high


@inner
def _fine_until(
    x: float, y: float, z: float, tx: float, ty: float, p: float, rows: Array, field: Array,
    r: int, length: float, sign: float,
) -> float:  # fmt: skip
    """Length up to which a particle that curls up goes on forward."""
    low, high = 0.0, length
    for _ in range(_HALVES):
        middle = 0.5 * (low + high)
        if bend(x, y, z, tx, ty, p, rows, field, r, middle, sign)[4] > 0.0:
            low = middle
        else:
            high = middle
    return low


@inner
def _to_wall(
    end: Ray, x: float, y: float, z: float, tx: float, ty: float, p: float, rows: Array,
    field: Array, r: int, length: float, sign: float,
) -> tuple[float, Ray]:  # fmt: skip
    """`gap_step` where the orbit, which is at `end` after `length`, may meet a wall or curl up."""
    if end[4] == 0.0:
        length = _fine_until(x, y, z, tx, ty, p, rows, field, r, length, sign)
        ray = bend(x, y, z, tx, ty, p, rows, field, r, length, sign)
        end = (ray[0], ray[1], ray[2], ray[3], 0.0)
    found = length
    for axis in range(2):
        place, slope = (x, tx) if axis == 0 else (y, ty)
        place -= rows[r, X] if axis == 0 else rows[r, Y]
        half = rows[r, HALF_X] if axis == 0 else rows[r, HALF_Y]
        outside = length
        if slope * end[2 + axis] < 0.0 and abs(place + slope * length) > half:
            # the orbit may bulge through the wall and come back
            turn = _turning(x, y, z, tx, ty, p, rows, field, r, length, sign, axis)
            state = bend(x, y, z, tx, ty, p, rows, field, r, turn, sign)
            if not within(state[0], state[1], rows, r):
                outside = turn
        state = end
        if outside != length:
            state = bend(x, y, z, tx, ty, p, rows, field, r, outside, sign)
        middle = rows[r, X] if axis == 0 else rows[r, Y]
        if abs(state[axis] - middle) > half:
            leaves = _leaves(x, y, z, tx, ty, p, rows, field, r, outside, sign, axis)
            if abs(leaves) < abs(found):
                found = leaves
    if found != length:
        found = math.copysign(max(abs(found), NEAR), length)
        end = bend(x, y, z, tx, ty, p, rows, field, r, found, sign)
    return found, end


@inner(forceinline=True)
def gap_step(
    x: float, y: float, z: float, tx: float, ty: float, p: float, rows: Array, field: Array,
    r: int, length: float, sign: float,
) -> tuple[float, Ray]:  # fmt: skip
    """Through the gap of dipole r: to its wall, or `length` cm. (cm done along z, state there).

    Back where length is negative. The particle starts in the gap. The last number of the state is
    0 where it curls up before it meets a wall. Exact for a uniform field, whose orbit has one
    turning point in x and y each.
    """
    end = bend(x, y, z, tx, ty, p, rows, field, r, length, sign)
    # an orbit stays on the inner side of its tangent where it bulges
    bulge_x = tx * end[2] < 0.0 and abs(x - rows[r, X] + tx * length) > rows[r, HALF_X]
    bulge_y = ty * end[3] < 0.0 and abs(y - rows[r, Y] + ty * length) > rows[r, HALF_Y]
    if end[4] > 0.0 and not bulge_x and not bulge_y and within(end[0], end[1], rows, r):
        return length, end
    return _to_wall(end, x, y, z, tx, ty, p, rows, field, r, length, sign)
