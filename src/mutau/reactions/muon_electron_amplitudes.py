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

from mutau.core.jit import njit


@njit
def elastic_kernel(S, t, m2, e2):  # type: ignore[no-untyped-def]
    """Sum over spins / 4 of |M|^2 for mu e -> mu e, over e^4; invariants as in the module text.

    2 [S^2 + U^2 + 2 t (m2 + e2)] / t^2 with U = 2 p1.p4 = S + t.
    """
    U = S + t
    return 2.0 * (S * S + U * U + 2.0 * t * (m2 + e2)) / (t * t)


@njit
def vector_emission(t, t_line, s, u, m2, M2, Pp, Pq, P2):  # type: ignore[no-untyped-def]
    """2 (T_PP + t T_g) of a line that emits a vector: the trace over the line, all spins summed.

    t, t_line : squared momentum transfer of the other line and of this one.
    s, u : (p' + k)^2 - m2 and (p - k)^2 - m2 of this line, p before and p' behind.
    Pp, Pq : P.p and P.p'. P2 : P^2.
    For T_PP alone this is emission in the field of a spinless charge.
    """
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
def axial_emission(t, s, u, m2, M2, Pp, Pq, P2):  # type: ignore[no-untyped-def]
    """As `vector_emission` for an axial vector, summed with -g + k k / M2.

    The current is not conserved: terms in r = m2 / M2 come from k k. For m2 -> 0 it equals the
    vector case.
    """
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
def _vector_pair(S, Sp, U, Up, x1, x2, x3, x4, te, tm, m2, e2, M2):  # type: ignore[no-untyped-def]
    """Interference of emission from p1 and from p2 over 8 um ue; x_i = 2 p_i.k.

    The other three pairs of legs follow by crossing p1 <-> -p3 and p2 <-> -p4.
    """
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
def _axial_pair(S, Sp, U, Up, x1, x2, x3, x4, te, tm, m2, e2, M2):  # type: ignore[no-untyped-def]
    """As `_vector_pair` for axial currents, contracted with -g."""
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
def zprime_kernel(S, te, tm, sm, se, m2, e2, M2):  # type: ignore[no-untyped-def]
    """Sum over spins / 4 of |M|^2 for V emitted by the muon alone, over e^4 g^2, GeV^-2."""
    um = M2 + te - tm - sm
    Pp = S + 0.5 * (te - sm)
    Pq = S + 0.5 * (tm + M2 - sm) - se
    line = vector_emission(te, tm, sm, um, m2, M2, Pp, Pq, 4.0 * e2 - te)
    return 0.25 * line / (te * te)


@njit
def emission_kernel(S, te, tm, sm, se, m2, e2, M2, c_muon, c_electron):  # type: ignore[no-untyped-def]
    """Sum over spins / 4 of |M|^2 for V emitted by both lines, over e^4, GeV^-2.

    c_muon, c_electron : vector couplings of V to the two lines. A photon has c_muon = c_electron
    = -e for a mu- beam and c_muon = +e, c_electron = -e for mu+.
    """
    um = M2 + te - tm - sm
    ue = M2 + tm - te - se
    U = S + te - sm
    Up = S + tm - se
    Sp = S + M2 - se - sm
    x1, x2, x3, x4 = M2 - um, M2 - ue, sm - M2, se - M2
    muon = vector_emission(te, tm, sm, um, m2, M2, 0.5 * (S + U), 0.5 * (Up + Sp), 4.0 * e2 - te)
    electron = vector_emission(
        tm, te, se, ue, e2, M2, 0.5 * (S + Up), 0.5 * (U + Sp), 4.0 * m2 - tm
    )
    pairs = (
        _vector_pair(S, Sp, U, Up, x1, x2, x3, x4, te, tm, m2, e2, M2) / (um * ue)
        - _vector_pair(-U, -Up, -S, -Sp, x1, -x4, x3, -x2, te, tm, m2, e2, M2) / (um * se)
        - _vector_pair(-Up, -U, -Sp, -S, -x3, x2, -x1, x4, te, tm, m2, e2, M2) / (sm * ue)
        + _vector_pair(Sp, S, Up, U, -x3, -x4, -x1, -x2, te, tm, m2, e2, M2) / (sm * se)
    )
    return 0.25 * (
        c_muon * c_muon * muon / (te * te)
        + c_electron * c_electron * electron / (tm * tm)
        + 16.0 * c_muon * c_electron * pairs / (te * tm)
    )


@njit
def axial_kernel(S, te, tm, sm, se, m2, e2, M2, a_muon, a_electron):  # type: ignore[no-untyped-def]
    """As `emission_kernel` for the axial couplings, summed with -g + k k / M2.

    Vector and axial parts do not interfere in the unpolarised sum: what is odd in gamma5 is a
    pseudoscalar product of momenta with an imaginary factor.
    """
    um = M2 + te - tm - sm
    ue = M2 + tm - te - se
    U = S + te - sm
    Up = S + tm - se
    Sp = S + M2 - se - sm
    x1, x2, x3, x4 = M2 - um, M2 - ue, sm - M2, se - M2
    muon = axial_emission(te, sm, um, m2, M2, 0.5 * (S + U), 0.5 * (Up + Sp), 4.0 * e2 - te)
    electron = axial_emission(tm, se, ue, e2, M2, 0.5 * (S + Up), 0.5 * (U + Sp), 4.0 * m2 - tm)
    pairs = (
        _axial_pair(S, Sp, U, Up, x1, x2, x3, x4, te, tm, m2, e2, M2) / (um * ue)
        + _axial_pair(-U, -Up, -S, -Sp, x1, -x4, x3, -x2, te, tm, m2, e2, M2) / (um * se)
        + _axial_pair(-Up, -U, -Sp, -S, -x3, x2, -x1, x4, te, tm, m2, e2, M2) / (sm * ue)
        + _axial_pair(Sp, S, Up, U, -x3, -x4, -x1, -x2, te, tm, m2, e2, M2) / (sm * se)
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
