"""Kernels: interpolation in a field map, and orbits through it.

`at` is where the map begins in the flat array `field` (layout in `fields`).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner
from mutau.core.units import GEV_PER_T_CM
from mutau.transport.fields import M_AXES, M_NX, M_NY, M_NZ, M_STRONGEST

Array = NDArray[np.float64]
Vector = tuple[float, float, float]
Ray = tuple[float, float, float, float, float]

#: Places this far (cm) beyond the grid count as on its edge.
_EDGE: Final = 1e-6
#: Slope at which an orbit is given up.
_TURNED: Final = 3.0
#: A step turns no more than this (rad, of a particle along z in the strongest field) and moves
#: sideways by no more than the mean distance of the grid's points.
_TURN: Final = 0.1
#: Steps in a slab at which an orbit is given up: softer than 1 MeV, or no number.
_STEPS: Final = 1e3


@inner
def _guess(field: Array, first: int, n: int, v: float) -> int:
    """Interval of an axis of even spacing that v is in, or the nearest one."""
    return min(max(int((v - field[first]) * field[first + 2 * n - 1]), 0), n - 2)


@inner
def _cell(field: Array, first: int, n: int, v: float, i: int) -> tuple[int, float]:
    """Interval of an increasing axis and the place in it, 0 to 1; -1 beyond the axis.

    i : where to begin to look. The processor runs ahead with it while v is still being computed.
    """
    if v < field[first] - _EDGE or v > field[first + n - 1] + _EDGE:
        return -1, 0.0
    while i > 0 and v < field[first + i]:
        i -= 1
    while i < n - 2 and v > field[first + i + 1]:
        i += 1
    share = (v - field[first + i]) * field[first + n + i]
    return i, min(max(share, 0.0), 1.0)


@inner
def _in_slab(
    field: Array, at: int, slab: int, x: float, y: float, u: float, i: int, j: int
) -> Vector:
    """Field (T) at the place u (-1 to 1) of a slab, bilinear in x and y. i, j : a cell near it."""
    nx, ny, nz = int(field[at + M_NX]), int(field[at + M_NY]), int(field[at + M_NZ])
    axis = at + M_AXES
    i, a = _cell(field, axis, nx, x, i)
    j, b = _cell(field, axis + 2 * nx, ny, y, j)
    if i < 0 or j < 0:
        return 0.0, 0.0, 0.0
    near = axis + 2 * (nx + ny) + nz + 1 + 9 * ((slab * ny + j) * nx + i)
    f, g = field[near : near + 18], field[near + 9 * nx : near + 9 * nx + 18]
    p, q, r, s, uu = (1.0 - a) * (1.0 - b), a * (1.0 - b), (1.0 - a) * b, a * b, u * u
    bx = p * f[0] + q * f[9] + r * g[0] + s * g[9]
    by = p * f[1] + q * f[10] + r * g[1] + s * g[10]
    bz = p * f[2] + q * f[11] + r * g[2] + s * g[11]
    bx += u * (p * f[3] + q * f[12] + r * g[3] + s * g[12])
    by += u * (p * f[4] + q * f[13] + r * g[4] + s * g[13])
    bz += u * (p * f[5] + q * f[14] + r * g[5] + s * g[14])
    bx += uu * (p * f[6] + q * f[15] + r * g[6] + s * g[15])
    by += uu * (p * f[7] + q * f[16] + r * g[7] + s * g[16])
    bz += uu * (p * f[8] + q * f[17] + r * g[8] + s * g[17])
    return bx, by, bz


@inner
def _slab_at(field: Array, edges: int, n: int, z: float) -> int:
    """Slab that z is in: -1 before the first, n behind the last."""
    low, high = -1, n
    while high > low:
        tried = (low + high + 1) // 2
        if field[edges + tried] <= z:
            low = tried
        else:
            high = tried - 1
    return low


@inner
def field_kernel(field: Array, at: int, x: float, y: float, z: float) -> Vector:
    """Field (T) at a place (cm, hall); 0 beyond the grid."""
    nx, ny, nz = int(field[at + M_NX]), int(field[at + M_NY]), int(field[at + M_NZ])
    edges = at + M_AXES + 2 * (nx + ny)
    slab = min(_slab_at(field, edges, nz, z), nz - 1)
    if slab < 0 or z > field[edges + nz] + _EDGE:
        return 0.0, 0.0, 0.0
    low, high = field[edges + slab], field[edges + slab + 1]
    return _in_slab(field, at, slab, x, y, (2.0 * z - low - high) / (high - low), 0, 0)


@inner
def _turning(b: Vector, tx: float, ty: float, k: float) -> tuple[float, float]:
    """d(tx, ty)/dz in a field (T) of a particle with charge/momentum k (1/GeV): Lorentz force."""
    bx, by, bz = b
    scale = GEV_PER_T_CM * k * math.sqrt(1.0 + tx * tx + ty * ty)
    return (
        scale * (tx * ty * bx - (1.0 + tx * tx) * by + ty * bz),
        scale * ((1.0 + ty * ty) * bx - tx * ty * by - tx * bz),
    )


@inner
def _step(
    field: Array, at: int, slab: int, u: float, du: float,
    x: float, y: float, tx: float, ty: float, k: float, h: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """A step of h cm from the place u of a slab, du of it: Nystrom's method of fourth order."""
    nx, ny = int(field[at + M_NX]), int(field[at + M_NY])
    i = _guess(field, at + M_AXES, nx, x)
    j = _guess(field, at + M_AXES + 2 * nx, ny, y)
    b = _in_slab(field, at, slab, x, y, u, i, j)
    ax, ay = _turning(b, tx, ty, k)
    h2 = 0.5 * h
    x_mid, y_mid = x + h2 * (tx + 0.25 * h * ax), y + h2 * (ty + 0.25 * h * ay)
    b = _in_slab(field, at, slab, x_mid, y_mid, u + 0.5 * du, i, j)
    bx, by = _turning(b, tx + h2 * ax, ty + h2 * ay, k)
    cx, cy = _turning(b, tx + h2 * bx, ty + h2 * by, k)
    x_end, y_end = x + h * (tx + h2 * cx), y + h * (ty + h2 * cy)
    b = _in_slab(field, at, slab, x_end, y_end, u + du, i, j)
    dx, dy = _turning(b, tx + h * cx, ty + h * cy, k)
    sixth = h / 6.0
    return (
        x + h * (tx + sixth * (ax + bx + cx)),
        y + h * (ty + sixth * (ay + by + cy)),
        tx + sixth * (ax + 2.0 * (bx + cx) + dx),
        ty + sixth * (ay + 2.0 * (by + cy) + dy),
    )


@inner
def orbit_kernel(
    field: Array,
    at: int,
    x: float,
    y: float,
    z: float,
    tx: float,
    ty: float,
    k: float,
    length: float,
) -> Ray:
    """Carry a particle `length` cm along z, backwards if negative; slopes are dx/dz either way.

    k : charge/momentum, 1/GeV. Returns x, y, tx, ty, and 1, or 0 where it turns away. A step per
    slab of the map, more for the soft and the steep.
    Check: a uniform map gives the helix; back again the same state.
    """
    nx, ny, nz = int(field[at + M_NX]), int(field[at + M_NY]), int(field[at + M_NZ])
    axis = at + M_AXES
    edges = axis + 2 * (nx + ny)
    end, ahead = z + length, 1 if length > 0.0 else 0
    slab = _slab_at(field, edges, nz, z + (_EDGE if ahead else -_EDGE))
    turn = GEV_PER_T_CM * abs(k) * field[at + M_STRONGEST] / _TURN
    per_x, per_y = field[axis + 2 * nx - 1], field[axis + 2 * nx + 2 * ny - 1]
    while True:
        bound = slab + ahead  # edge that the particle comes to
        stop = end
        if 0 <= bound <= nz:
            edge = field[edges + bound]
            if abs(end - edge) > _EDGE and (edge < end) == (ahead == 1):
                stop = edge
        h = stop - z
        if 0 <= slab < nz:
            low, scale = field[edges + slab], 2.0 / (field[edges + slab + 1] - field[edges + slab])
            steps = abs(h) * max(turn, abs(tx) * per_x, abs(ty) * per_y)
            if not steps < _STEPS:
                return x, y, tx, ty, 0.0
            n = 1 + int(steps)
            h /= n
            for i in range(n):
                u = (z + i * h - low) * scale - 1.0
                x, y, tx, ty = _step(field, at, slab, u, scale * h, x, y, tx, ty, k, h)
                if not (abs(tx) < _TURNED and abs(ty) < _TURNED):
                    return x, y, tx, ty, 0.0
        else:
            x, y = x + h * tx, y + h * ty
        if stop == end:
            return x, y, tx, ty, 1.0
        z, slab = stop, slab + (1 if ahead else -1)
