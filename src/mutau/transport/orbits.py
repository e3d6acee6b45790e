"""Kernels: charged particles in the gap of a magnet, to its end or to the iron beside it.

`field` is the flat array of `transport.fields.join_maps` from which a piece's `field` counts.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner
from mutau.transport.field_kernels import map_charge, orbit_kernel
from mutau.transport.particle import State
from mutau.transport.pieces import Piece
from mutau.transport.walls import NEAR, within

Array = NDArray[np.float64]
Ray = tuple[float, float, float, float, float]

#: Steps of a bisection: 2^-60 of a magnet's length.
_HALVES: Final = 60
#: Distance (cm) from a wall that counts as on it.
_ON_WALL: Final = 1e-13


class Orbit(NamedTuple):
    """Where an orbit begins: place (cm), slopes, momentum (GeV), charge over that of the beam
    particle."""

    x: float
    y: float
    z: float
    tx: float
    ty: float
    momentum: float
    charge: float


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
def bend(orbit: Orbit, piece: Piece, field: Array, length: float) -> Ray:
    """Through `length` cm of a dipole, back if negative: a helix, or the orbit in a map.

    Slopes are dx/dz, dy/dz either way.
    Returns x, y, slopes, and 1, or 0 where the particle curls up.
    """
    x, y, tx, ty, p = orbit.x, orbit.y, orbit.tx, orbit.ty, orbit.momentum
    if piece.field >= 0:
        k = orbit.charge * map_charge(field, piece.field) / p
        return orbit_kernel(field, piece.field, (x, y, tx, ty), orbit.z, k, length)
    if piece.curve_x != 0.0:
        return dipole_kernel(x, y, tx, ty, p, length, orbit.charge * piece.curve_x)
    y, x, ty, tx, ok = dipole_kernel(y, x, ty, tx, p, length, orbit.charge * piece.curve_y)
    return x, y, tx, ty, ok


@inner
def _turning(orbit: Orbit, piece: Piece, field: Array, length: float, axis: int) -> float:
    """Where the slope along an axis changes its sign, which it does once within `length`."""
    low, high = 0.0, length
    rises = (orbit.tx if axis == 0 else orbit.ty) > 0.0
    for _ in range(_HALVES):
        middle = 0.5 * (low + high)
        ray = bend(orbit, piece, field, middle)
        if (ray[2 + axis] > 0.0) == rises:
            low = middle
        else:
            high = middle
    return high


@inner
def _leaves(orbit: Orbit, piece: Piece, field: Array, length: float, axis: int) -> float:
    """Where the orbit leaves the gap along an axis: inside at 0, outside at `length`.

    Regula falsi within a bracket, with the Illinois rule.
    """
    middle = piece.x if axis == 0 else piece.y
    half = piece.half_x if axis == 0 else piece.half_y
    low, high, before = 0.0, length, 0
    below = abs((orbit.x if axis == 0 else orbit.y) - middle) - half
    ray = bend(orbit, piece, field, length)
    above = abs(ray[axis] - middle) - half
    for _ in range(2 * _HALVES):
        at = 0.5 * (low + high)
        if below < 0.0 < above:
            at = low - below * (high - low) / (above - below)
        ray = bend(orbit, piece, field, at)
        now = abs(ray[axis] - middle) - half
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
def _forward_until(orbit: Orbit, piece: Piece, field: Array, length: float) -> float:
    """Length up to which a particle that curls up goes on forward."""
    low, high = 0.0, length
    for _ in range(_HALVES):
        middle = 0.5 * (low + high)
        if bend(orbit, piece, field, middle)[4] > 0.0:
            low = middle
        else:
            high = middle
    return low


@inner
def _to_wall(
    end: Ray, orbit: Orbit, piece: Piece, field: Array, length: float
) -> tuple[float, Ray]:
    """`gap_step` where the orbit, which is at `end` after `length`, may meet a wall or curl up."""
    if end[4] == 0.0:
        length = _forward_until(orbit, piece, field, length)
        ray = bend(orbit, piece, field, length)
        end = (ray[0], ray[1], ray[2], ray[3], 0.0)
    found = length
    for axis in range(2):
        place, slope = (orbit.x, orbit.tx) if axis == 0 else (orbit.y, orbit.ty)
        middle = piece.x if axis == 0 else piece.y
        half = piece.half_x if axis == 0 else piece.half_y
        outside = length
        if slope * end[2 + axis] < 0.0 and abs(place - middle + slope * length) > half:
            # the orbit may bulge through the wall and come back
            turn = _turning(orbit, piece, field, length, axis)
            ray = bend(orbit, piece, field, turn)
            if not within(ray[0], ray[1], piece):
                outside = turn
        ray = end
        if outside != length:
            ray = bend(orbit, piece, field, outside)
        if abs(ray[axis] - middle) > half:
            leaves = _leaves(orbit, piece, field, outside, axis)
            if abs(leaves) < abs(found):
                found = leaves
    if found != length:
        found = math.copysign(max(abs(found), NEAR), length)
        end = bend(orbit, piece, field, found)
    return found, end


@inner(forceinline=True)
def gap_step(orbit: Orbit, piece: Piece, field: Array, length: float) -> tuple[float, Ray]:
    """Through the gap of a dipole: to its wall, or `length` cm. (cm done along z, ray there).

    Back where length is negative. The particle starts in the gap. The last number of the ray is
    0 where it curls up before it meets a wall. Exact for a uniform field, whose orbit has one
    turning point in x and y each.
    """
    end = bend(orbit, piece, field, length)
    # an orbit stays on the inner side of its tangent where it bulges
    dx, dy = orbit.x - piece.x, orbit.y - piece.y
    bulge_x = orbit.tx * end[2] < 0.0 and abs(dx + orbit.tx * length) > piece.half_x
    bulge_y = orbit.ty * end[3] < 0.0 and abs(dy + orbit.ty * length) > piece.half_y
    if end[4] > 0.0 and not bulge_x and not bulge_y and within(end[0], end[1], piece):
        return length, end
    return _to_wall(end, orbit, piece, field, length)


@inner(forceinline=True)
def cross_gap(state: State, piece: Piece, field: Array, end: float) -> tuple[float, bool]:
    """A particle in the gap of a magnet, to z = end in it or its wall: (cm done along z, whether it
    still goes forward)."""
    p = math.sqrt(max(state.energy * state.energy - state.mass * state.mass, 1e-12))
    orbit = Orbit(state.x, state.y, state.z, state.tx, state.ty, p, state.charge)
    length = end - state.z
    done, ray = gap_step(orbit, piece, field, length)
    state.x, state.y, state.tx, state.ty = ray[0], ray[1], ray[2], ray[3]
    state.z = end if done == length else state.z + done
    return done, ray[4] > 0.0
