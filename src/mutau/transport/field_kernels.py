"""Kernels: interpolation in a field map, and orbits through it.

`at` is where the map begins in the flat array `field` (layout in `fields`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.core.units import GEV_PER_T_CM
from mutau.transport.fields import M_AXES, M_NX, M_NY, M_NZ, M_STEP

Array = NDArray[np.float64]
Vector = tuple[float, float, float]
Ray = tuple[float, float, float, float, float]

#: Places this far (cm) beyond the grid count as on its edge.
_EDGE = 1e-6
#: Slope at which an orbit is given up.
_TURNED = 3.0


@njit
def _cell(field: Array, first: int, n: int, v: float) -> tuple[int, float]:
    """Interval of an increasing axis and the place in it, 0 to 1; -1 beyond the axis."""
    low, high = field[first], field[first + n - 1]
    if v < low - _EDGE or v > high + _EDGE:
        return -1, 0.0
    i = min(max(int((v - low) / (high - low) * (n - 1)), 0), n - 2)
    while i > 0 and v < field[first + i]:
        i -= 1
    while i < n - 2 and v > field[first + i + 1]:
        i += 1
    share = (v - field[first + i]) / (field[first + i + 1] - field[first + i])
    return i, min(max(share, 0.0), 1.0)


@njit
def field_kernel(field: Array, at: int, x: float, y: float, z: float) -> Vector:
    """Field (T) at a place (cm, hall), linear in each coordinate between planes; 0 beyond them."""
    nx, ny, nz = int(field[at + M_NX]), int(field[at + M_NY]), int(field[at + M_NZ])
    axis = at + M_AXES
    i, u = _cell(field, axis, nx, x)
    j, v = _cell(field, axis + nx, ny, y)
    k, w = _cell(field, axis + nx + ny, nz, z)
    if i < 0 or j < 0 or k < 0:
        return 0.0, 0.0, 0.0
    bx = by = bz = 0.0
    for corner in range(8):
        a, b, c = corner & 1, (corner >> 1) & 1, corner >> 2
        weight = (u if a else 1.0 - u) * (v if b else 1.0 - v) * (w if c else 1.0 - w)
        place = axis + nx + ny + nz + 3 * (((k + c) * ny + j + b) * nx + i + a)
        bx += weight * field[place]
        by += weight * field[place + 1]
        bz += weight * field[place + 2]
    return bx, by, bz


@njit
def _turning(
    field: Array, at: int, x: float, y: float, z: float, tx: float, ty: float, k: float
) -> tuple[float, float]:
    """d(tx, ty)/dz of a particle with charge/momentum k (1/GeV) by the Lorentz force."""
    bx, by, bz = field_kernel(field, at, x, y, z)
    scale = GEV_PER_T_CM * k * math.sqrt(1.0 + tx * tx + ty * ty)
    return (
        scale * (tx * ty * bx - (1.0 + tx * tx) * by + ty * bz),
        scale * ((1.0 + ty * ty) * bx - tx * ty * by - tx * bz),
    )


@njit
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
    """Carry a particle `length` cm along z; (x, y, tx, ty, 1 or 0 where it turns away).

    k : charge/momentum, 1/GeV. Runge-Kutta of fourth order in z with the step of the map,
    `fields.step_of`.
    Check: a uniform map gives the helix.
    """
    n = max(math.ceil(length / field[at + M_STEP] - 1e-9), 1)
    h = length / n
    for _ in range(n):
        ax, ay = _turning(field, at, x, y, z, tx, ty, k)
        ux, uy = tx + 0.5 * h * ax, ty + 0.5 * h * ay
        bx, by = _turning(field, at, x + 0.5 * h * tx, y + 0.5 * h * ty, z + 0.5 * h, ux, uy, k)
        vx, vy = tx + 0.5 * h * bx, ty + 0.5 * h * by
        cx, cy = _turning(field, at, x + 0.5 * h * ux, y + 0.5 * h * uy, z + 0.5 * h, vx, vy, k)
        wx, wy = tx + h * cx, ty + h * cy
        dx, dy = _turning(field, at, x + h * vx, y + h * vy, z + h, wx, wy, k)
        x += h / 6.0 * (tx + 2.0 * ux + 2.0 * vx + wx)
        y += h / 6.0 * (ty + 2.0 * uy + 2.0 * vy + wy)
        tx += h / 6.0 * (ax + 2.0 * bx + 2.0 * cx + dx)
        ty += h / 6.0 * (ay + 2.0 * by + 2.0 * cy + dy)
        z += h
        if not (abs(tx) < _TURNED and abs(ty) < _TURNED):
            return x, y, tx, ty, 0.0
    return x, y, tx, ty, 1.0


@njit
def orbits_kernel(field: Array, at: int, states: Array, z: float, length: float) -> None:
    """`orbit_kernel` for rows (N, 5) of x, y, tx, ty, k in place; k becomes 0 where it turns."""
    for i in range(states.shape[0]):
        x, y, tx, ty, k = states[i]
        x, y, tx, ty, fine = orbit_kernel(field, at, x, y, z, tx, ty, k, length)
        states[i, 0], states[i, 1], states[i, 2], states[i, 3] = x, y, tx, ty
        if fine == 0.0:
            states[i, 4] = 0.0
