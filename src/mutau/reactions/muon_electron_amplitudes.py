"""Tree-level squared amplitudes of muon-electron reactions, both leptons massive.

mu(p1) e(p2) -> mu(p3) e(p4) [V(k)], V a photon, a Z', or the pair of neutrinos of an effective
Fermi vertex. Every kernel is a closed form in invariants, averaged over the spins of the initial
state and summed over those of the final state; couplings are arguments, so that no scheme for
alpha is hidden here. The traces were reduced algebraically for this project; the tests compare
every kernel with explicit spinors, with the Ward identity and with the soft-photon limit.

Invariants, all in GeV^2 (five for 2 -> 3, as many as the reaction has):

    S  = 2 p1.p2 (fixed by the beam)        te = (p2 - p4)^2        tm = (p1 - p3)^2
    sm = (p3 + k)^2 - m^2                    se = (p4 + k)^2 - e^2
    um = (p1 - k)^2 - m^2 = M2 + te - tm - sm
    ue = (p2 - k)^2 - e^2 = M2 + tm - te - se

with m2, e2, M2 the squared masses of muon, electron and V. From them
2 p1.p4 = S + te - sm, 2 p2.p3 = S + tm - se, 2 p3.p4 = S + M2 - se - sm.

The line that does not emit gives the tensor 2 (P^a P^b + t g^ab), P the sum of its momenta and t
its squared momentum transfer; P.q = 0 and the emitting line's current is conserved. A line that
emits is therefore needed only in the two contractions with P P and with g.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mutau.core.jit import njit


class Invariants(NamedTuple):
    """Invariants of mu e -> mu e V, as in the module text, GeV^2."""

    S: float
    te: float
    tm: float
    sm: float
    se: float
    m2: float
    e2: float
    M2: float


class Line(NamedTuple):
    """A line that emits, in the field of the other one.

    t, t_line : squared momentum transfer of the other line and of this one.
    s, u : (p' + k)^2 - m2 and (p - k)^2 - m2 of this line, p before and p' behind. m2, M2 : squared
    masses of the line and of V. Pp, Pq : P.p and P.p'. P2 : P^2.
    """

    t: float
    t_line: float
    s: float
    u: float
    m2: float
    M2: float
    Pp: float
    Pq: float
    P2: float


class Products(NamedTuple):
    """Twice the products of the legs, crossed where a leg is: S, Sp, U, Up as p1.p2, p3.p4, p1.p4,
    p2.p3, and x_i = 2 p_i.k."""

    S: float
    Sp: float
    U: float
    Up: float
    x1: float
    x2: float
    x3: float
    x4: float


def elastic_numerator(S: Any, t: Any, m2: float, e2: float) -> Any:
    """S^2 + U^2 + 2 t (m2 + e2), U = 2 p1.p4 = S + t, of mu e -> mu e; numbers or arrays, GeV^4.

    |M|^2 over e^4, summed over spins / 4, is 2/t^2 times it.
    """
    U = S + t
    return S * S + U * U + 2.0 * t * (m2 + e2)


@njit
def vector_emission(line: Line) -> float:
    """2 (T_PP + t T_g) of a line that emits a vector: the trace over the line, all spins summed.

    For T_PP alone this is emission in the field of a spinless charge.
    """
    t, t_line, s, u, m2, M2, Pp, Pq, P2 = line
    w = 1.0 / (s * u)
    h = (s * s + u * u) * w
    d = (s + u) * w
    c = Pp * u * w + Pq * s * w
    a = t + M2
    b = 2.0 * m2 + M2
    t_pp = (
        P2 * h
        + 2.0 * t * w * (P2 * (t_line + M2) + 2.0 * (Pp * Pp + Pq * Pq))
        - b * (4.0 * c * c + t * P2 * d * d)
    )
    t_g = (
        h
        - 2.0 * d * (2.0 * m2 + a)
        - b * (2.0 * m2 + t) * d * d
        + 2.0 * w * (a * a + 2.0 * m2 * a + M2 * t)
    )
    return 8.0 * (t_pp + 2.0 * t * t_g)


@njit
def axial_emission(line: Line) -> float:
    """As `vector_emission` for an axial vector, summed with -g + k k / M2.

    The current is not conserved: terms in r = m2 / M2 come from k k. For m2 -> 0 it equals the
    vector case.
    """
    t, _, s, u, m2, M2, Pp, Pq, P2 = line
    w = 1.0 / (s * u)
    h = (s * s + u * u) * w
    d = (s + u) * w
    c = Pp * u * w + Pq * s * w
    a = t + M2
    b = M2 - 4.0 * m2
    r = m2 / M2
    pp = Pp * Pp + Pq * Pq
    pk = Pp - Pq
    t_pp = (
        P2 * ((1.0 + 2.0 * r) * h + 4.0 * r - 2.0 * t * d)
        + 2.0 * t * w * (2.0 * pp + 4.0 * r * pk * pk + P2 * (t + 2.0 * M2 - 8.0 * m2))
        - b * (4.0 * c * c + t * P2 * d * d)
    )
    t_g = (
        (1.0 + 2.0 * r) * h
        + 4.0 * r
        + 2.0 * d * (4.0 * m2 - a)
        - b * (2.0 * m2 + t) * d * d
        + 2.0 * w * (a * a + M2 * t - 4.0 * m2 * (a + t))
    )
    return 8.0 * (t_pp + 2.0 * t * t_g)


@njit
def _vector_pair(products: Products, inv: Invariants) -> float:
    """Interference of emission from p1 and from p2 over 8 um ue.

    The other three pairs of legs follow by crossing p1 <-> -p3 and p2 <-> -p4.
    """
    S, Sp, U, Up, x1, x2, x3, x4 = products
    _, te, tm, _, _, m2, e2, M2 = inv
    x = x1 + x2
    return (
        2.0 * (e2 * x1 * (x3 - Sp) + m2 * x2 * (x4 - Sp) - S * (e2 * x3 + m2 * x4) - Sp * x1 * x2)
        + U * Up * (x - 2.0 * S - M2)
        + S * Sp * (2.0 * x - 2.0 * S - M2)
        + S * (Up * x4 + U * x3)
        + tm * (2.0 * e2 * (x - 2.0 * S) + U * x2)
        + te * (2.0 * m2 * (x - 2.0 * S) + Up * x1)
        + M2 * te * tm
    )


@njit
def _axial_pair(products: Products, inv: Invariants) -> float:
    """As `_vector_pair` for axial currents, contracted with -g."""
    S, Sp, U, Up, x1, x2, x3, x4 = products
    _, te, tm, _, _, m2, e2, M2 = inv
    x = x1 + x2
    me = m2 * e2
    return (
        2.0 * (e2 * x1 * x3 + m2 * x2 * x4 + m2 * Up * x4 + e2 * U * x3 - Sp * x1 * x2)
        - 4.0 * me * (x3 + x4 - x + 2.0 * (S + Sp + M2 - U - Up))
        - 2.0 * S * (e2 * x3 + m2 * x4)
        + U * Up * (2.0 * S + M2 - x)
        + S * Sp * (2.0 * x - 2.0 * S + M2)
        - S * (Up * x4 + U * x3)
        + tm * (2.0 * e2 * (x - x4 + 2.0 * (U - S)) - U * x2)
        + te * (2.0 * m2 * (x - x3 + 2.0 * (Up - S)) - Up * x1)
        - M2 * te * tm
    )


@njit
def zprime_kernel(inv: Invariants) -> float:
    """Sum over spins / 4 of |M|^2 for V emitted by the muon alone, over e^4 g^2, GeV^-2."""
    S, te, tm, sm, se, m2, e2, M2 = inv
    um = M2 + te - tm - sm
    Pp = S + 0.5 * (te - sm)
    Pq = S + 0.5 * (tm + M2 - sm) - se
    line = vector_emission(Line(te, tm, sm, um, m2, M2, Pp, Pq, 4.0 * e2 - te))
    return 0.25 * line / (te * te)


@njit
def lines_of(inv: Invariants) -> tuple[Line, Line, Products]:
    """Muon line, electron line, and the products of the legs."""
    S, te, tm, sm, se, m2, e2, M2 = inv
    um = M2 + te - tm - sm
    ue = M2 + tm - te - se
    U = S + te - sm
    Up = S + tm - se
    Sp = S + M2 - se - sm
    muon = Line(te, tm, sm, um, m2, M2, 0.5 * (S + U), 0.5 * (Up + Sp), 4.0 * e2 - te)
    electron = Line(tm, te, se, ue, e2, M2, 0.5 * (S + Up), 0.5 * (U + Sp), 4.0 * m2 - tm)
    return muon, electron, Products(S, Sp, U, Up, M2 - um, M2 - ue, sm - M2, se - M2)


@njit
def emission_kernel(inv: Invariants, c_muon: float, c_electron: float) -> float:
    """Sum over spins / 4 of |M|^2 for V emitted by both lines, over e^4, GeV^-2.

    c_muon, c_electron : vector couplings of V to the two lines. A photon has c_muon = c_electron
    = -e for a mu- beam and c_muon = +e, c_electron = -e for mu+.
    """
    _, te, tm, sm, se, _, _, _ = inv
    line_m, line_e, legs = lines_of(inv)
    um, ue = line_m.u, line_e.u
    S, Sp, U, Up, x1, x2, x3, x4 = legs
    muon, electron = vector_emission(line_m), vector_emission(line_e)
    pairs = (
        _vector_pair(legs, inv) / (um * ue)
        - _vector_pair(Products(-U, -Up, -S, -Sp, x1, -x4, x3, -x2), inv) / (um * se)
        - _vector_pair(Products(-Up, -U, -Sp, -S, -x3, x2, -x1, x4), inv) / (sm * ue)
        + _vector_pair(Products(Sp, S, Up, U, -x3, -x4, -x1, -x2), inv) / (sm * se)
    )
    return 0.25 * (
        c_muon * c_muon * muon / (te * te)
        + c_electron * c_electron * electron / (tm * tm)
        + 16.0 * c_muon * c_electron * pairs / (te * tm)
    )


@njit
def axial_kernel(inv: Invariants, a_muon: float, a_electron: float) -> float:
    """As `emission_kernel` for the axial couplings, summed with -g + k k / M2.

    Vector and axial parts do not interfere in the unpolarised sum: what is odd in gamma5 is a
    pseudoscalar product of momenta with an imaginary factor.
    """
    _, te, tm, sm, se, m2, e2, M2 = inv
    line_m, line_e, legs = lines_of(inv)
    um, ue = line_m.u, line_e.u
    S, Sp, U, Up, x1, x2, x3, x4 = legs
    if a_electron == 0.0:
        return 0.25 * a_muon * a_muon * axial_emission(line_m) / (te * te)
    muon, electron = axial_emission(line_m), axial_emission(line_e)
    pairs = (
        _axial_pair(legs, inv) / (um * ue)
        + _axial_pair(Products(-U, -Up, -S, -Sp, x1, -x4, x3, -x2), inv) / (um * se)
        + _axial_pair(Products(-Up, -U, -Sp, -S, -x3, x2, -x1, x4), inv) / (sm * ue)
        + _axial_pair(Products(Sp, S, Up, U, -x3, -x4, -x1, -x2), inv) / (sm * se)
    )
    pairs -= (
        4.0
        * (m2 * e2 / M2)
        * (1.0 / sm + 1.0 / um)
        * (1.0 / se + 1.0 / ue)
        * ((x1 - x3) * (x2 - x4) + 2.0 * M2 * (2.0 * tm - x1 + x3))
    )
    return 0.25 * (
        a_muon * a_muon * muon / (te * te)
        + a_electron * a_electron * electron / (tm * tm)
        + 16.0 * a_muon * a_electron * pairs / (te * tm)
    )
