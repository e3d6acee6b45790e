"""Three-body phase space of mu e -> mu e V on the unit cube, and grids that adapt to a density.

The cube maps onto the variables of `mutau.reactions.muon_electron_integrals`: T (the photon pole of
the muon line), E_V over E3, u over -tm (the poles of both lines) and psi (the muon's
propagators), each between the limits that kinematics and cuts leave it.

A grid has one set of edges per axis. `refined_edges` moves them so that each bin along an axis
holds the same content (the idea of G. P. Lepage, J. Comput. Phys. 27, 192 (1978), with our own
damping); the cells between them then carry a bound each, for accept-reject in constant time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.reactions.importance import edges_by_content
from mutau.reactions.muon_electron_integrals import (
    ANTIPARALLEL,
    PARALLEL,
    azimuth_map,
    electron_direction,
    matrix_element,
    u_of_angle,
    u_of_pair,
    v_energy_range,
)

Array = NDArray[np.float64]

#: Bins in log T of the table of limits of E_V.
N_LIMITS = 512


@njit
def energy_limits(low, high, E1, m, e, M, sine2, v_min):  # type: ignore[no-untyped-def]
    """Limits of log(E_V / (E1 - T - E_V)) in N_LIMITS bins of log T: (2, N_LIMITS).

    They enclose phase space: a bin takes the wider of the limits at its ends and half their second
    difference. Points beyond the true limits have no phase space in u and get density 0.
    """
    edge = np.empty((2, N_LIMITS + 1))
    for i in range(N_LIMITS + 1):
        T = low * math.exp(math.log(high / low) * min(max(i, 1e-6), N_LIMITS - 1e-6) / N_LIMITS)
        limits = v_energy_range(T, E1, m, e, M, sine2, v_min)
        if limits[3] <= 0.0:  # the very end of phase space, a point
            edge[0, i], edge[1, i] = math.nan, math.nan
            continue
        edge[0, i] = math.log(limits[0] / (E1 - T - limits[0]))
        edge[1, i] = math.log(limits[3] / (E1 - T - limits[3]))
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
def cube_point(x, E1, m, e, M, cuts, low, high, limits, process, coupling):  # type: ignore[no-untyped-def]
    """Density over e^4 (GeV^-2 per unit volume of the cube) and kinematics at a point.

    x : four numbers in [0, 1]. cuts : sine2, smallest E_V, largest 1 - cos(theta_e), as in
    `muon_electron_integrals.spectrum`. low, high : limits of T. limits : of `energy_limits`.
    Returns density, T, E_V, u, 1 - cos(theta_e); density 0 outside phase space and cuts.
    """
    stretch_t = math.log(high / low)
    T = low * math.exp(stretch_t * x[0])
    row = min(int(N_LIMITS * x[0]), N_LIMITS - 1)
    first = limits[0, row]
    span = limits[1, row] - first
    share = 1.0 / (1.0 + math.exp(-first - span * x[1]))
    top = E1 - T
    EV = top * share
    if max(M, cuts[1]) >= EV or top - EV <= m:
        return 0.0, T, EV, 0.0, 0.0
    u_low = u_of_pair(T, EV, e, M, PARALLEL)
    u_high = min(u_of_angle(T + EV, E1, m, e, cuts[0]), u_of_pair(T, EV, e, M, ANTIPARALLEL))
    if u_high <= u_low:
        return 0.0, T, EV, 0.0, 0.0
    scale = 2.0 * e * (T + EV)
    start = math.log(u_low / (scale - u_low))
    stretch = math.log(u_high / (scale - u_high)) - start
    u = scale / (1.0 + math.exp(-start - stretch * x[2]))
    P, one, wide = electron_direction(T, EV, u, E1, m, e, M)
    A, B = azimuth_map(T, EV, u, one, wide, E1, m, e, M)
    c = math.cos(math.pi * x[3])
    cosine = (A * c - B) / (A - B * c)
    one_minus = one - wide * cosine
    if one_minus > cuts[2]:
        return 0.0, T, EV, u, one_minus
    p1 = math.sqrt(E1 * E1 - m * m)
    density = matrix_element(T, EV, u, one_minus, E1, m, e, M, process, coupling)
    density *= T * stretch_t * top * share * (1.0 - share) * span
    density *= u * (1.0 - u / scale) * stretch
    density *= 2.0 * math.pi * math.sqrt((A - B) * (A + B)) / ((A - B * c) * P)
    return density / (64.0 * e * p1 * p1 * (2.0 * math.pi) ** 4), T, EV, u, one_minus


@njit
def write_momenta(out, T, EV, u, one_minus, side, turn, E1, m, e, M):  # type: ignore[no-untyped-def]
    """Momenta of a point in the laboratory into out (5, 4): mu, e, mu, e, V.

    side : +1 or -1, on which side of the plane of beam and p4 + k the electron goes. turn :
    azimuth of that plane about the beam, rad. V takes what is left, so four-momentum is conserved
    to rounding.
    """
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


def refined_edges(edges: Array, content: Array, damping: float = 0.75) -> Array:
    """Edges of one axis moved so that its bins share out the content.

    edges : (n + 1,) from 0 to 1. content : (n,) >= 0, of the bins between them.
    damping : 1 moves all the way, 0 not at all; what is held back is spread evenly in bins.
    Returns (n + 1,). Content all zero leaves the edges.
    Check: equal content leaves the edges where they are.

    >>> refined_edges(np.array([0.0, 0.25, 1.0]), np.array([1.0, 1.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    total = float(np.sum(content))
    if total == 0.0:
        return edges
    smooth = np.convolve(np.pad(content, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    if np.ptp(content) == 0.0:
        smooth = content
    level = edges_by_content(smooth, len(content), flatness=1.0 - damping)
    return np.asarray(np.interp(level, np.linspace(0.0, 1.0, len(edges)), edges))
