"""Kernels: interpolation in a field map, and orbits through it.

`at` is where the map begins in the flat array `field` (`fields.join_maps`).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from mutau.core.arrays import FloatArray
from mutau.core.jit import inner
from mutau.core.units import GEV_PER_T_CM

Vector = tuple[float, float, float]
Track = tuple[float, float, float, float]
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


class MapView(NamedTuple):
    """One map: field is the flat array, x, y, z, vectors where its parts begin (`fields.flat_map`).

    nx, ny, nz : planes across, slabs along z. charge : of the beam particle. strongest : field, T.
    """

    field: FloatArray
    nx: int
    ny: int
    nz: int
    charge: float
    strongest: float
    x: int
    y: int
    z: int
    vectors: int


@inner(forceinline=True)
def map_at(field: FloatArray, at: int) -> MapView:
    """The map that begins at `at`."""
    nx, ny, nz = int(field[at]), int(field[at + 1]), int(field[at + 2])
    x = at + 5
    y = x + 2 * nx
    z = y + 2 * ny
    return MapView(field, nx, ny, nz, field[at + 3], field[at + 4], x, y, z, z + nz + 1)


@inner(forceinline=True)
def map_charge(field: FloatArray, at: int) -> float:
    """Charge of the beam particle, as the map that begins at `at` has it."""
    return map_at(field, at).charge


@inner
def _guess(field: FloatArray, first: int, n: int, v: float) -> int:
    """Interval of an axis of even spacing that v is in, or the nearest one."""
    return min(max(int((v - field[first]) * field[first + 2 * n - 1]), 0), n - 2)


@inner
def _cell(field: FloatArray, first: int, n: int, v: float, i: int) -> tuple[int, float]:
    """Interval of an increasing axis and the place in it, 0 to 1; -1 beyond the axis.

    i : where to begin to look. The processor runs ahead with it while v is still being computed.
    """
    if v < field[first] - _EDGE or v > field[first + n - 1] + _EDGE:
        return -1, 0.0
    while i > 0 and v < field[first + i]:
        i -= 1
    while i < n - 2 and v > field[first + i + 1]:
        i += 1
    place = (v - field[first + i]) * field[first + n + i]
    return i, min(max(place, 0.0), 1.0)


@inner
def _in_slab(m: MapView, slab: int, x: float, y: float, u: float, i: int, j: int) -> Vector:
    """Field (T) at the place u (-1 to 1) of a slab, bilinear in x and y. i, j : a cell near it."""
    i, a = _cell(m.field, m.x, m.nx, x, i)
    j, b = _cell(m.field, m.y, m.ny, y, j)
    if i < 0 or j < 0:
        return 0.0, 0.0, 0.0
    near = m.vectors + 9 * ((slab * m.ny + j) * m.nx + i)
    f, g = m.field[near : near + 18], m.field[near + 9 * m.nx : near + 9 * m.nx + 18]
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
def _slab_at(m: MapView, z: float) -> int:
    """Slab that z is in: -1 before the first, n behind the last."""
    low, high = -1, m.nz
    while high > low:
        tried = (low + high + 1) // 2
        if m.field[m.z + tried] <= z:
            low = tried
        else:
            high = tried - 1
    return low


@inner
def field_kernel(field: FloatArray, at: int, x: float, y: float, z: float) -> Vector:
    """Field (T) at a place (cm, hall); 0 beyond the grid."""
    m = map_at(field, at)
    slab = min(_slab_at(m, z), m.nz - 1)
    if slab < 0 or z > field[m.z + m.nz] + _EDGE:
        return 0.0, 0.0, 0.0
    low, high = field[m.z + slab], field[m.z + slab + 1]
    return _in_slab(m, slab, x, y, (2.0 * z - low - high) / (high - low), 0, 0)


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
def _step(m: MapView, slab: int, u: float, du: float, track: Track, k: float, h: float) -> Track:
    """A step of h cm from the place u of a slab, du of it: Nystrom's method of fourth order."""
    x, y, tx, ty = track
    i, j = _guess(m.field, m.x, m.nx, x), _guess(m.field, m.y, m.ny, y)
    b = _in_slab(m, slab, x, y, u, i, j)
    ax, ay = _turning(b, tx, ty, k)
    h2 = 0.5 * h
    x_mid, y_mid = x + h2 * (tx + 0.25 * h * ax), y + h2 * (ty + 0.25 * h * ay)
    b = _in_slab(m, slab, x_mid, y_mid, u + 0.5 * du, i, j)
    bx, by = _turning(b, tx + h2 * ax, ty + h2 * ay, k)
    cx, cy = _turning(b, tx + h2 * bx, ty + h2 * by, k)
    x_end, y_end = x + h * (tx + h2 * cx), y + h * (ty + h2 * cy)
    b = _in_slab(m, slab, x_end, y_end, u + du, i, j)
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
    field: FloatArray, at: int, track: Track, z: float, k: float, length: float
) -> Ray:
    """Carry a particle `length` cm along z, backwards if negative; slopes are dx/dz either way.

    track : x, y (cm), dx/dz, dy/dz at z. k : charge/momentum, 1/GeV. Returns x, y, tx, ty, and 1,
    or 0 where it turns away. A step per slab of the map, more for the soft and the steep.
    Check: a uniform map gives the helix; back again the same state.
    """
    m = map_at(field, at)
    x, y, tx, ty = track
    end, ahead = z + length, 1 if length > 0.0 else 0
    slab = _slab_at(m, z + (_EDGE if ahead else -_EDGE))
    turn = GEV_PER_T_CM * abs(k) * m.strongest / _TURN
    per_x, per_y = field[m.x + 2 * m.nx - 1], field[m.y + 2 * m.ny - 1]
    while True:
        bound = slab + ahead  # edge that the particle comes to
        stop = end
        if 0 <= bound <= m.nz:
            edge = field[m.z + bound]
            if abs(end - edge) > _EDGE and (edge < end) == (ahead == 1):
                stop = edge
        h = stop - z
        if 0 <= slab < m.nz:
            low, scale = field[m.z + slab], 2.0 / (field[m.z + slab + 1] - field[m.z + slab])
            steps = abs(h) * max(turn, abs(tx) * per_x, abs(ty) * per_y)
            if not steps < _STEPS:
                return x, y, tx, ty, 0.0
            n = 1 + int(steps)
            h /= n
            for i in range(n):
                u = (z + i * h - low) * scale - 1.0
                x, y, tx, ty = _step(m, slab, u, scale * h, (x, y, tx, ty), k, h)
                if not (abs(tx) < _TURNED and abs(ty) < _TURNED):
                    return x, y, tx, ty, 0.0
        else:
            x, y = x + h * tx, y + h * ty
        if stop == end:
            return x, y, tx, ty, 1.0
        z, slab = stop, slab + (1 if ahead else -1)
