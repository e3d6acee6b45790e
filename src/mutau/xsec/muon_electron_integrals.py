"""Deterministic integrals of mu e -> mu e V over phase space, electron at rest, in kernels.

Variables, all of the laboratory: T, kinetic energy of the electron (te = -2 m_e T exactly, so the
photon pole of the muon line is a function of T alone); E_V; u = (p4 + k)^2 - m_e^2; and phi, the
azimuth of the electron about the direction of p4 + k. With P = |p4 + k|,

    dPhi3 = dT dE_V du dphi / [(2 pi)^4 16 |p1| P],    0 < phi < 2 pi.

At fixed T and E_V the muon's energy is known, and u measures its angle: a cut theta_mu > theta is
an upper limit on u. Cuts on theta_mu, E_e and E_V are thus limits of integration, never steps
inside the integrand, and Gauss-Legendre rules in log T, log E_V, log u converge fast. The azimuth
is integrated by the midpoint rule, exponentially accurate for a periodic function; a cut on
theta_e is a limit on phi.

No difference of nearly equal numbers is taken: E a - p b is rationalised everywhere.

Arguments that all kernels share: E1, m, e, M (GeV): beam energy, masses of muon, electron, V;
sine2 = sin^2(theta / 2) of the smallest muon angle.
"""

from __future__ import annotations

import math

import numpy as np

from mutau.core.jit import njit
from mutau.xsec.muon_electron_amplitudes import axial_kernel, emission_kernel, zprime_kernel

#: What emits V: the muon by a vector coupling, both leptons by vector, or by vector and axial ones.
OFF_MUON, OFF_BOTH, VECTOR_AXIAL = 0, 1, 2
PARALLEL, ANTIPARALLEL = 0, 1
_STEPS = 64  # of bisection or golden section: below the rounding of a double


@njit(inline="always")
def u_of_angle(E3, E1, m, e, sine2):  # type: ignore[no-untyped-def]
    """u of a muon of energy E3 at the angle with sin^2(theta / 2) = sine2; concave in E3."""
    p1 = math.sqrt(E1 * E1 - m * m)
    p3 = math.sqrt(max(E3 * E3 - m * m, 0.0))
    forward = m * m * (E1 * E1 + E3 * E3 - m * m) / (E1 * E3 + p1 * p3)  # E1 E3 - p1 p3
    return 2.0 * (m * m - forward - 2.0 * p1 * p3 * sine2 + e * (E1 - E3))


@njit(inline="always")
def u_of_pair(T, EV, e, M, way):  # type: ignore[no-untyped-def]
    """Smallest (PARALLEL) and largest (ANTIPARALLEL) u of an electron and a V of given energies."""
    E4 = T + e
    p4 = math.sqrt(T * (T + 2.0 * e))
    pV = math.sqrt(max(EV * EV - M * M, 0.0))
    product = E4 * EV + p4 * pV
    if way == PARALLEL:
        product = (e * e * EV * EV + p4 * p4 * M * M) / product
    return M * M + 2.0 * product


@njit(inline="always")
def u_gap(EV, T, E1, m, e, M, sine2, way):  # type: ignore[no-untyped-def]
    """Limit of u by the muon's angle minus a limit by the pair; phase space where PARALLEL > 0."""
    return u_of_angle(E1 - T - EV, E1, m, e, sine2) - u_of_pair(T, EV, e, M, way)


@njit
def _widest(low, high, T, E1, m, e, M, sine2, way):  # type: ignore[no-untyped-def]
    """E_V of the largest gap (golden section in log E_V)."""
    ratio = 0.6180339887498949
    a, b = math.log(low), math.log(high)
    x, y = b - ratio * (b - a), a + ratio * (b - a)
    fx = u_gap(math.exp(x), T, E1, m, e, M, sine2, way)
    fy = u_gap(math.exp(y), T, E1, m, e, M, sine2, way)
    for _ in range(_STEPS):
        if fx > fy:
            b, y, fy = y, x, fx
            x = b - ratio * (b - a)
            fx = u_gap(math.exp(x), T, E1, m, e, M, sine2, way)
        else:
            a, x, fx = x, y, fy
            y = a + ratio * (b - a)
            fy = u_gap(math.exp(y), T, E1, m, e, M, sine2, way)
    return math.exp(0.5 * (a + b))


@njit
def _crossing(inside, outside, T, E1, m, e, M, sine2, way):  # type: ignore[no-untyped-def]
    """E_V where the gap changes sign (bisection); `outside` itself if it does not."""
    if u_gap(outside, T, E1, m, e, M, sine2, way) >= 0.0:
        return outside
    for _ in range(_STEPS):
        middle = math.sqrt(inside * outside)
        if u_gap(middle, T, E1, m, e, M, sine2, way) >= 0.0:
            inside = middle
        else:
            outside = middle
    return inside


@njit
def v_energy_range(T, E1, m, e, M, sine2, v_min):  # type: ignore[no-untyped-def]
    """Lowest and highest E_V at given T, and the two places between them where the upper limit of
    u changes its meaning. Four energies in order; all zero where there is no phase space."""
    low, high = max(M, v_min), E1 - T - m
    if high <= low:
        return 0.0, 0.0, 0.0, 0.0
    best = _widest(low, high, T, E1, m, e, M, sine2, PARALLEL)
    if u_gap(best, T, E1, m, e, M, sine2, PARALLEL) <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    low = _crossing(best, low, T, E1, m, e, M, sine2, PARALLEL)
    high = _crossing(best, high, T, E1, m, e, M, sine2, PARALLEL)
    wide = _widest(low, high, T, E1, m, e, M, sine2, ANTIPARALLEL)
    if u_gap(wide, T, E1, m, e, M, sine2, ANTIPARALLEL) <= 0.0:
        return low, high, high, high
    first = _crossing(wide, low, T, E1, m, e, M, sine2, ANTIPARALLEL)
    second = _crossing(wide, high, T, E1, m, e, M, sine2, ANTIPARALLEL)
    return low, first, second, high


@njit
def largest_gap(T, E1, m, e, M, sine2, v_min):  # type: ignore[no-untyped-def]
    """Largest gap at given T; negative where nothing is allowed."""
    low, high = max(M, v_min), E1 - T - m
    if high <= low:
        return -1.0
    best = _widest(low, high, T, E1, m, e, M, sine2, PARALLEL)
    return u_gap(best, T, E1, m, e, M, sine2, PARALLEL)


@njit
def electron_range(low, high, E1, m, e, M, sine2, v_min):  # type: ignore[no-untyped-def]
    """Range of T that phase space allows between low and high; (0, 0) if there is none."""
    ratio = 0.6180339887498949
    a, b = math.log(low), math.log(high)
    for _ in range(_STEPS):
        x, y = b - ratio * (b - a), a + ratio * (b - a)
        if largest_gap(math.exp(x), E1, m, e, M, sine2, v_min) > largest_gap(
            math.exp(y), E1, m, e, M, sine2, v_min
        ):
            b = y
        else:
            a = x
    best = math.exp(0.5 * (a + b))
    if largest_gap(best, E1, m, e, M, sine2, v_min) <= 0.0:
        return 0.0, 0.0
    ends = np.array([low, high])
    for side in range(2):
        if largest_gap(ends[side], E1, m, e, M, sine2, v_min) >= 0.0:
            continue
        inside = best
        for _ in range(_STEPS):
            middle = math.sqrt(inside * ends[side])
            if largest_gap(middle, E1, m, e, M, sine2, v_min) >= 0.0:
                inside = middle
            else:
                ends[side] = middle
        ends[side] = inside
    return ends[0], ends[1]


@njit(inline="always")
def electron_direction(T, EV, u, E1, m, e, M):  # type: ignore[no-untyped-def]
    """P, and A, B with 1 - cos(theta_e) = A - B cos(phi), theta_e measured from the beam."""
    p1 = math.sqrt(E1 * E1 - m * m)
    E4 = T + e
    p4 = math.sqrt(T * (T + 2.0 * e))
    E = E4 + EV
    nu = E - e  # E1 - E3
    tm = u - 2.0 * e * nu
    P2 = nu * nu - tm
    P = math.sqrt(P2)
    s = u + e * e
    # one minus the cosines of (p4, P) and of (p1, P)
    near = (s * E4 * E4 + e * e * P2) / (E4 * E + p4 * P)
    one_a = (0.5 * (u - M * M) + e * e - near) / (p4 * P)
    far = (E1 * E1 * tm + m * m * (nu * nu - tm)) / (E1 * nu + p1 * P)
    one_b = (0.5 * tm - far) / (p1 * P)
    one_a = min(max(one_a, 0.0), 2.0)
    one_b = min(max(one_b, 0.0), 2.0)
    sines = math.sqrt(one_a * (2.0 - one_a) * one_b * (2.0 - one_b))
    return P, one_a + (1.0 - one_a) * one_b, sines


@njit(inline="always")
def matrix_element(T, EV, u, one_minus_cos, E1, m, e, M, process, coupling):  # type: ignore[no-untyped-def]
    """|M|^2 over e^4 at given T, E_V, u and 1 - cos(theta_e); coupling = (v_mu, v_e, a_mu, a_e)."""
    p1 = math.sqrt(E1 * E1 - m * m)
    E4 = T + e
    p4 = math.sqrt(T * (T + 2.0 * e))
    S = 2.0 * e * E1
    te = -2.0 * e * T
    tm = u - 2.0 * e * (T + EV)
    along = (e * e * E1 * E1 + m * m * p4 * p4) / (E1 * E4 + p1 * p4)  # E1 E4 - p1 p4
    sm = S + te - 2.0 * (along + p1 * p4 * one_minus_cos)
    m2, e2, M2 = m * m, e * e, M * M
    if process == OFF_MUON:
        return coupling[0] * coupling[0] * zprime_kernel(S, te, tm, sm, u, m2, e2, M2)
    value = emission_kernel(S, te, tm, sm, u, m2, e2, M2, coupling[0], coupling[1])
    if process == VECTOR_AXIAL:
        value += axial_kernel(S, te, tm, sm, u, m2, e2, M2, coupling[2], coupling[3])
    return value


@njit
def _azimuth(T, EV, u, E1, m, e, M, process, coupling, one_max, rule, cosines):  # type: ignore[no-untyped-def]
    """Integral of |M|^2 / P over phi, 0 to 2 pi, with 1 - cos(theta_e) < one_max."""
    P, a, b = electron_direction(T, EV, u, E1, m, e, M)
    total = 0.0
    if a + b <= one_max:
        for cosine in cosines:
            total += matrix_element(T, EV, u, a - b * cosine, E1, m, e, M, process, coupling)
        return 2.0 * math.pi * total / (len(cosines) * P)
    if a - b >= one_max:
        return 0.0
    last = math.acos((a - one_max) / b)
    for j in range(rule.shape[1]):
        one = a - b * math.cos(last * rule[0, j])
        total += rule[1, j] * matrix_element(T, EV, u, one, E1, m, e, M, process, coupling)
    return 2.0 * last * total / P


@njit
def spectrum(T, E1, m, e, M, cuts, process, coupling, rule_v, rule_u, cosines):  # type: ignore[no-untyped-def]
    """d sigma / dT over e^4, GeV^-3, at each kinetic energy of the array T (GeV).

    cuts : sine2, smallest E_V, largest 1 - cos(theta_e).
    rule_v, rule_u : (2, n) Gauss-Legendre nodes and weights on (0, 1). cosines : midpoints in phi.
    """
    sine2, v_min, one_max = cuts[0], cuts[1], cuts[2]
    p1 = math.sqrt(E1 * E1 - m * m)
    factor = 1.0 / (4.0 * e * p1 * (2.0 * math.pi) ** 4 * 16.0 * p1)
    out = np.zeros(len(T))
    for i in range(len(T)):
        edges = v_energy_range(T[i], E1, m, e, M, sine2, v_min)
        for panel in range(3):
            low, high = edges[panel], edges[panel + 1]
            if high <= low:
                continue
            span = math.log(high / low)
            for j in range(rule_v.shape[1]):
                EV = low * math.exp(span * rule_v[0, j])
                u_low = u_of_pair(T[i], EV, e, M, PARALLEL)
                u_high = min(
                    u_of_angle(E1 - T[i] - EV, E1, m, e, sine2),
                    u_of_pair(T[i], EV, e, M, ANTIPARALLEL),
                )
                if u_high <= u_low:
                    continue
                stretch = math.log(u_high / u_low)
                inner = 0.0
                for k in range(rule_u.shape[1]):
                    u = u_low * math.exp(stretch * rule_u[0, k])
                    inner += (
                        rule_u[1, k]
                        * u
                        * _azimuth(
                            T[i], EV, u, E1, m, e, M, process, coupling, one_max, rule_u, cosines
                        )
                    )
                out[i] += rule_v[1, j] * EV * span * stretch * inner
        out[i] *= factor
    return out
