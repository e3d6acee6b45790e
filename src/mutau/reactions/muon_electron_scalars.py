"""Squared amplitudes of mu e -> mu e X for a scalar and a pseudoscalar, both leptons massive.

Notation of `muon_electron_amplitudes`. With w = 1/(s u), d = (s + u) w and c = (P.p u + P.p' s) w,
the trace over a line that emits, contracted with P P and with g, is

    T_PP = 2 {(s+u)^2 P^2 w + 4 t w (P.p - P.p')^2 - B (4 c^2 + t P^2 d^2)},
    T_g  = 4 {(s+u)^2 w + 2 M2 w (B + t) - 2 B d - B (2 m2 + t) d^2},

B = M2 - 4 m2 for the scalar, M2 for the pseudoscalar. Emission by the two lines interferes only
where both flip helicity, in proportion to both masses. Traces reduced algebraically for this
project; the tests compare with explicit spinors.
"""

from __future__ import annotations

import math

from mutau.core.jit import njit
from mutau.reactions.muon_electron_amplitudes import Invariants, Line, Products, lines_of


@njit
def scalar_emission(line: Line, threshold: float) -> float:
    """As `vector_emission` for a scalar (threshold = 4 m2 of the line) or pseudoscalar (0)."""
    t, _, s, u, m2, M2, Pp, Pq, P2 = line
    w = 1.0 / (s * u)
    d = (s + u) * w
    c = Pp * u * w + Pq * s * w
    pk = Pp - Pq
    b = M2 - threshold
    flip = (s + u) * d
    t_pp = P2 * flip + 4.0 * t * w * pk * pk - b * (4.0 * c * c + t * P2 * d * d)
    t_g = flip + 2.0 * M2 * w * (b + t) - 2.0 * b * d - b * (2.0 * m2 + t) * d * d
    return 4.0 * (t_pp + 2.0 * t * t_g)


@njit
def _scalar_pair(muon: Line, electron: Line, legs: Products, inv: Invariants) -> float:
    """Interference of the lines that emit a scalar, over 32 m e/(te tm)."""
    S, Sp, U, Up, x1, x2, x3, x4 = legs
    _, te, tm, _, _, m2, e2, M2 = inv
    d_m, d_e = 1.0 / muon.s + 1.0 / muon.u, 1.0 / electron.s + 1.0 / electron.u
    e_m, e_e = 1.0 / muon.s - 1.0 / muon.u, 1.0 / electron.s - 1.0 / electron.u
    sums = 0.5 * (S + Sp + U + Up)  # (p1 + p3).(p2 + p4)
    k_m, k_e = 0.5 * (x1 + x3), 0.5 * (x2 + x4)  # k.(p1 + p3), k.(p2 + p4)
    rho = 0.5 * (M2 - tm - te)  # (p1 - p3).(p2 - p4)
    square = 4.0 * (m2 + e2) - tm - te
    return (
        d_m * d_e * (sums * sums - rho * square + tm * te + 2.0 * rho * rho)
        + d_m * e_e * (k_m * sums + te * k_e)
        + e_m * d_e * (k_e * sums + tm * k_m)
        + e_m * e_e * k_m * k_e
    )


@njit
def _pseudoscalar_pair(muon: Line, electron: Line, legs: Products, inv: Invariants) -> float:
    """As `_scalar_pair` for a pseudoscalar: two Levi-Civita tensors contracted."""
    d_m, d_e = 1.0 / muon.s + 1.0 / muon.u, 1.0 / electron.s + 1.0 / electron.u
    k_r = 0.5 * (legs.x1 - legs.x3)  # k.(p1 - p3)
    return 2.0 * d_m * d_e * (k_r * k_r - inv.M2 * inv.tm)


@njit
def scalar_kernel(
    inv: Invariants, s_muon: float, s_electron: float, p_muon: float, p_electron: float
) -> float:
    """Sum over spins / 4 of |M|^2 for a boson of scalar and pseudoscalar couplings, over e^4.

    s_muon, s_electron : scalar couplings to the two lines. p_muon, p_electron : pseudoscalar ones.
    The charge of the beam does not matter: each line has one photon and one scalar vertex.
    """
    _, te, tm, _, _, m2, e2, _ = inv
    line_m, line_e, legs = lines_of(inv)
    total = s_muon * s_muon * scalar_emission(line_m, 4.0 * m2)
    total += p_muon * p_muon * scalar_emission(line_m, 0.0)
    total /= te * te
    if s_electron == 0.0 and p_electron == 0.0:
        return 0.25 * total
    other = s_electron * s_electron * scalar_emission(line_e, 4.0 * e2)
    other += p_electron * p_electron * scalar_emission(line_e, 0.0)
    both = s_muon * s_electron * _scalar_pair(line_m, line_e, legs, inv)
    both += p_muon * p_electron * _pseudoscalar_pair(line_m, line_e, legs, inv)
    both *= 32.0 * math.sqrt(m2 * e2) / (te * tm)
    return 0.25 * (total + other / (tm * tm) + both)
