"""Three-body phase space of mu e -> mu e V on the unit cube.

The cube maps onto the variables of `mutau.reactions.muon_electron_integrals`: T (the photon pole of
the muon line), E_V over E3, u over -tm (the poles of both lines) and psi (the muon's
propagators), each between the limits that kinematics and cuts leave it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.reactions.muon_electron_integrals import (
    ANTIPARALLEL,
    PARALLEL,
    CutLimits,
    MuonOnElectron,
    Vertices,
    azimuth_map,
    electron_direction,
    matrix_element,
    phase_space_norm,
    u_of_angle,
    u_of_pair,
    v_energy_range,
)

Array = NDArray[np.float64]

#: Bins in log T of the table of limits of E_V.
N_LIMITS = 512


class Cube(NamedTuple):
    """What the cube maps onto: couplings, cuts, limits of T (GeV), table of `energy_limits`."""

    vertices: Vertices
    cuts: CutLimits
    low: float
    high: float
    limits: Array


class CubePoint(NamedTuple):
    """A point of the cube: density over e^4 (GeV^-2 per unit volume) and kinematics.

    T, EV : GeV. u : GeV^2. one_minus : 1 - cos(theta_e). density is 0 outside phase space and cuts.
    """

    density: float
    T: float
    EV: float
    u: float
    one_minus: float


@njit
def energy_limits(low: float, high: float, at: MuonOnElectron, sine2: float, v_min: float) -> Array:
    """Limits of log(E_V / (E1 - T - E_V)) in N_LIMITS bins of log T: (2, N_LIMITS).

    They enclose phase space: a bin takes the wider of the limits at its ends and half their second
    difference. Points beyond the true limits have no phase space in u and get density 0.
    """
    edge = np.empty((2, N_LIMITS + 1))
    for i in range(N_LIMITS + 1):
        T = low * math.exp(math.log(high / low) * min(max(i, 1e-6), N_LIMITS - 1e-6) / N_LIMITS)
        limits = v_energy_range(T, at, sine2, v_min)
        if limits[3] <= 0.0:  # the very end of phase space, a point
            edge[0, i], edge[1, i] = math.nan, math.nan
            continue
        edge[0, i] = math.log(limits[0] / (at.E1 - T - limits[0]))
        edge[1, i] = math.log(limits[3] / (at.E1 - T - limits[3]))
    out = np.empty((2, N_LIMITS))
    for i in range(N_LIMITS):
        for side in range(2):
            sign = 1.0 if side == 0 else -1.0
            a, b = edge[side, i], edge[side, i + 1]
            if math.isnan(a):
                a = b
            if math.isnan(b):
                b = a
            bend = 0.0
            if 0 < i < N_LIMITS - 1:
                before = abs(edge[side, i - 1] - 2.0 * edge[side, i] + edge[side, i + 1])
                after = abs(edge[side, i] - 2.0 * edge[side, i + 1] + edge[side, i + 2])
                bend = max(before, after) if before + after >= 0.0 else 0.0
            out[side, i] = sign * min(sign * a, sign * b) - sign * 0.5 * bend
    return out


@njit
def cube_point(x: Array, at: MuonOnElectron, cube: Cube) -> CubePoint:
    """Density and kinematics at four numbers x in [0, 1]."""
    E1, m, e, M = at
    vertices, cuts, low, high, limits = cube
    stretch_t = math.log(high / low)
    T = low * math.exp(stretch_t * x[0])
    row = min(int(N_LIMITS * x[0]), N_LIMITS - 1)
    first = limits[0, row]
    span = limits[1, row] - first
    place = 1.0 / (1.0 + math.exp(-first - span * x[1]))
    top = E1 - T
    EV = top * place
    if max(M, cuts.v_min) >= EV or top - EV <= m:
        return CubePoint(0.0, T, EV, 0.0, 0.0)
    u_low = u_of_pair(T, EV, e, M, PARALLEL)
    u_high = min(u_of_angle(T + EV, at, cuts.sine2), u_of_pair(T, EV, e, M, ANTIPARALLEL))
    if u_high <= u_low:
        return CubePoint(0.0, T, EV, 0.0, 0.0)
    scale = 2.0 * e * (T + EV)
    start = math.log(u_low / (scale - u_low))
    stretch = math.log(u_high / (scale - u_high)) - start
    u = scale / (1.0 + math.exp(-start - stretch * x[2]))
    P, one, wide = electron_direction(T, EV, u, at)
    A, B = azimuth_map(T, EV, u, one, wide, at)
    c = math.cos(math.pi * x[3])
    cosine = (A * c - B) / (A - B * c)
    one_minus = one - wide * cosine
    if one_minus > cuts.one_max:
        return CubePoint(0.0, T, EV, u, one_minus)
    density = matrix_element(T, EV, u, one_minus, at, vertices)
    density *= T * stretch_t * top * place * (1.0 - place) * span
    density *= u * (1.0 - u / scale) * stretch
    density *= 2.0 * math.pi * math.sqrt((A - B) * (A + B)) / ((A - B * c) * P)
    return CubePoint(density / phase_space_norm(at), T, EV, u, one_minus)


@njit
def write_momenta(
    out: Array, point: CubePoint, side: float, turn: float, at: MuonOnElectron
) -> None:
    """Momenta of a point in the laboratory into out (5, 4): mu, e, mu, e, V.

    side : +1 or -1, on which side of the plane of beam and p4 + k the electron goes. turn :
    azimuth of that plane about the beam, rad. V takes what is left, so four-momentum is conserved
    to rounding.
    """
    E1, m, e, M = at
    _, T, EV, u, one_minus = point
    p1 = math.sqrt(E1 * E1 - m * m)
    E4 = T + e
    p4 = math.sqrt(T * (T + 2.0 * e))
    nu = T + EV
    tm = u - 2.0 * e * nu
    P2 = nu * nu - tm
    P = math.sqrt(P2)
    # longitudinal and transverse parts of p4 + k
    far = (E1 * E1 * tm + m * m * (nu * nu - tm)) / (E1 * nu + p1 * P)  # E1 nu - p1 P
    one_b = min(max((0.5 * tm - far) / (p1 * P), 0.0), 2.0)
    cos_b, sin_b = 1.0 - one_b, math.sqrt(one_b * (2.0 - one_b))
    # the electron's angle to p4 + k, and its azimuth from its angle to the beam
    near = ((u + e * e) * E4 * E4 + e * e * P2) / (E4 * (nu + e) + p4 * P)
    one_a = min(max((0.5 * (u - M * M) + e * e - near) / (p4 * P), 0.0), 2.0)
    cos_a, sin_a = 1.0 - one_a, math.sqrt(one_a * (2.0 - one_a))
    flat = sin_a * sin_b
    cosine = 1.0 if flat == 0.0 else (one_a + cos_a * one_b - one_minus) / flat
    cosine = min(max(cosine, -1.0), 1.0)
    sine = side * math.sqrt(1.0 - cosine * cosine)
    # in the plane's axes: x outward, z along the beam
    ex = p4 * (sin_b * cos_a - cos_b * sin_a * cosine)
    ey = p4 * sin_a * sine
    ez = p4 * (cos_b * cos_a + sin_b * sin_a * cosine)
    qx, qz = P * sin_b, P * cos_b
    c, s = math.cos(turn), math.sin(turn)
    out[0, 0], out[0, 1], out[0, 2], out[0, 3] = E1, 0.0, 0.0, p1
    out[1, 0], out[1, 1], out[1, 2], out[1, 3] = e, 0.0, 0.0, 0.0
    out[2, 0], out[2, 1], out[2, 2], out[2, 3] = E1 - nu, -qx * c, -qx * s, p1 - qz
    out[3, 0], out[3, 1], out[3, 2], out[3, 3] = E4, ex * c - ey * s, ex * s + ey * c, ez
    out[4, 0] = EV
    for i in range(1, 4):
        out[4, i] = out[0, i] - out[2, i] - out[3, i]
