"""Deterministic integrals of mu e -> mu e V over phase space, electron at rest, in kernels.

Variables, all of the laboratory: T, kinetic energy of the electron (te = -2 m_e T exactly, so the
photon pole of the muon line is a function of T alone); E_V; u = (p4 + k)^2 - m_e^2; and phi, the
azimuth of the electron about the direction of p4 + k. With P = |p4 + k|,

    dPhi3 = dT dE_V du dphi / [(2 pi)^4 16 |p1| P],    0 < phi < 2 pi.

At fixed T and E_V the muon's energy is known, and u measures its angle: a cut theta_mu > theta is
an upper limit on u. Cuts on theta_mu, E_e and E_V are thus limits of integration, never steps
inside the integrand, and Gauss-Legendre rules converge fast in log T, log(E_V / E3) and
log(u / -tm): the last two spread out soft and hard V, and the poles of both lines. The azimuth
is mapped so that the muon's propagators are flat and integrated by the midpoint rule,
exponentially accurate for a periodic function; a cut on theta_e is a limit on phi.

No difference of nearly equal numbers is taken: E a - p b is rationalised everywhere.

The squared amplitude is `matrix_element`, phase space `phase_space_norm`; the sampler
(`phase_space`) calls both. Only the amplitude knows what V is: `Vertices.code` picks it.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.reactions.bosons import Boson
from mutau.reactions.muon_electron_amplitudes import (
    Invariants,
    axial_kernel,
    emission_kernel,
    zprime_kernel,
)
from mutau.reactions.muon_electron_scalars import scalar_kernel
from mutau.reactions.quadrature import Rule

Array = NDArray[np.float64]

#: What emits V: the muon by a vector coupling; both leptons by vector ones, by vector and axial
#: ones, by axial ones, by scalar and pseudoscalar ones.
OFF_MUON: Final = 0
OFF_BOTH: Final = 1
VECTOR_AXIAL: Final = 2
AXIAL: Final = 3
SPIN_ZERO: Final = 4
PARALLEL: Final = 0
ANTIPARALLEL: Final = 1
_STEPS = 64  # of bisection or golden section: below the rounding of a double
_GOLDEN = 0.6180339887498949  # (sqrt(5) - 1)/2


class MuonOnElectron(NamedTuple):
    """Beam energy, masses of muon, electron and V, GeV."""

    E1: float
    m: float
    e: float
    M: float


class Vertices(NamedTuple):
    """What emits V (OFF_MUON to SPIN_ZERO), and its couplings to the two lines.

    v_mu, v_e : vector couplings, or scalar ones. a_mu, a_e : axial couplings, or pseudoscalar ones.
    """

    code: int
    v_mu: float
    v_e: float
    a_mu: float
    a_e: float


def vertices_of(of: Boson, sign: float, muon: float, electron: float) -> Vertices:
    """Vertices of a boson of spin 0 or 1 with its couplings to the two lines.

    sign : of the muon's vector coupling, +1 for a mu-.
    """
    vector, axial, scalar, pseudoscalar = (math.sqrt(weight) for weight in of)
    if scalar or pseudoscalar:
        return Vertices(
            SPIN_ZERO, scalar * muon, scalar * electron, pseudoscalar * muon,
            pseudoscalar * electron,
        )  # fmt: skip
    code = VECTOR_AXIAL if vector else AXIAL
    if not axial:
        code = OFF_BOTH if electron else OFF_MUON
    return Vertices(code, sign * vector * muon, vector * electron, axial * muon, axial * electron)


class CutLimits(NamedTuple):
    """sin^2(theta / 2) of the smallest muon angle, smallest E_V (GeV), largest 1 - cos(theta_e)."""

    sine2: float
    v_min: float
    one_max: float


@njit
def from_muon(vertices: Vertices) -> bool:
    """Whether the muon alone emits V."""
    return vertices.v_e == 0.0 and vertices.a_e == 0.0


@njit
def u_of_angle(nu: float, at: MuonOnElectron, sine2: float) -> float:
    """u of a muon that lost the energy nu, at the angle with sin^2(theta / 2) = sine2."""
    E1, m, e, _ = at
    E3 = E1 - nu
    p1 = math.sqrt(E1 * E1 - m * m)
    p3 = math.sqrt(max(E3 * E3 - m * m, 0.0))
    recoil = m * m * nu * nu / (E1 * E3 - m * m + p1 * p3)  # E1 E3 - p1 p3 - m^2
    return 2.0 * (e * nu - recoil - 2.0 * p1 * p3 * sine2)


@njit
def u_of_pair(T: float, EV: float, e: float, M: float, way: int) -> float:
    """Smallest (PARALLEL) and largest (ANTIPARALLEL) u of an electron and a V of given energies."""
    E4 = T + e
    p4 = math.sqrt(T * (T + 2.0 * e))
    pV = math.sqrt(max(EV * EV - M * M, 0.0))
    product = E4 * EV + p4 * pV
    if way == PARALLEL:
        product = (e * e * EV * EV + p4 * p4 * M * M) / product
    return M * M + 2.0 * product


@njit
def u_gap(EV: float, T: float, at: MuonOnElectron, sine2: float, way: int) -> float:
    """Limit of u by the muon's angle minus a limit by the pair; phase space where PARALLEL > 0."""
    return u_of_angle(T + EV, at, sine2) - u_of_pair(T, EV, at.e, at.M, way)


@njit
def _widest(low: float, high: float, T: float, at: MuonOnElectron, sine2: float, way: int) -> float:
    """E_V of the largest gap (golden section in log E_V)."""
    a, b = math.log(low), math.log(high)
    x, y = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    fx = u_gap(math.exp(x), T, at, sine2, way)
    fy = u_gap(math.exp(y), T, at, sine2, way)
    for _ in range(_STEPS):
        if fx > fy:
            b, y, fy = y, x, fx
            x = b - _GOLDEN * (b - a)
            fx = u_gap(math.exp(x), T, at, sine2, way)
        else:
            a, x, fx = x, y, fy
            y = a + _GOLDEN * (b - a)
            fy = u_gap(math.exp(y), T, at, sine2, way)
    return math.exp(0.5 * (a + b))


@njit
def _crossing(
    inside: float, outside: float, T: float, at: MuonOnElectron, sine2: float, way: int
) -> float:
    """E_V where the gap changes sign (bisection); `outside` itself if it does not."""
    if u_gap(outside, T, at, sine2, way) >= 0.0:
        return outside
    for _ in range(_STEPS):
        middle = math.sqrt(inside * outside)
        if u_gap(middle, T, at, sine2, way) >= 0.0:
            inside = middle
        else:
            outside = middle
    return inside


@njit
def v_energy_range(
    T: float, at: MuonOnElectron, sine2: float, v_min: float
) -> tuple[float, float, float, float]:
    """Lowest and highest E_V at given T, and the two places between them where the upper limit of
    u changes its meaning. Four energies in order; all zero where there is no phase space."""
    low, high = max(at.M, v_min), at.E1 - T - at.m
    if high <= low:
        return 0.0, 0.0, 0.0, 0.0
    best = _widest(low, high, T, at, sine2, PARALLEL)
    if u_gap(best, T, at, sine2, PARALLEL) <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    low = _crossing(best, low, T, at, sine2, PARALLEL)
    high = _crossing(best, high, T, at, sine2, PARALLEL)
    wide = _widest(low, high, T, at, sine2, ANTIPARALLEL)
    if u_gap(wide, T, at, sine2, ANTIPARALLEL) <= 0.0:
        return low, high, high, high
    first = _crossing(wide, low, T, at, sine2, ANTIPARALLEL)
    second = _crossing(wide, high, T, at, sine2, ANTIPARALLEL)
    return low, first, second, high


@njit
def largest_gap(T: float, at: MuonOnElectron, sine2: float, v_min: float) -> float:
    """Largest gap at given T; negative where nothing is allowed."""
    low, high = max(at.M, v_min), at.E1 - T - at.m
    if high <= low:
        return -1.0
    best = _widest(low, high, T, at, sine2, PARALLEL)
    return u_gap(best, T, at, sine2, PARALLEL)


@njit
def electron_range(
    low: float, high: float, at: MuonOnElectron, sine2: float, v_min: float
) -> tuple[float, float]:
    """Range of T that phase space allows between low and high; (0, 0) if there is none."""
    a, b = math.log(low), math.log(high)
    for _ in range(_STEPS):
        x, y = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
        if largest_gap(math.exp(x), at, sine2, v_min) > largest_gap(math.exp(y), at, sine2, v_min):
            b = y
        else:
            a = x
    best = math.exp(0.5 * (a + b))
    if largest_gap(best, at, sine2, v_min) <= 0.0:
        return 0.0, 0.0
    ends = np.array([low, high])
    for side in range(2):
        if largest_gap(ends[side], at, sine2, v_min) >= 0.0:
            continue
        inside = best
        for _ in range(_STEPS):
            middle = math.sqrt(inside * ends[side])
            if largest_gap(middle, at, sine2, v_min) >= 0.0:
                inside = middle
            else:
                ends[side] = middle
        ends[side] = inside
    return ends[0], ends[1]


@njit
def electron_direction(
    T: float, EV: float, u: float, at: MuonOnElectron
) -> tuple[float, float, float]:
    """P, and A, B with 1 - cos(theta_e) = A - B cos(phi), theta_e measured from the beam."""
    E1, m, e, M = at
    p1 = math.sqrt(E1 * E1 - m * m)
    E4 = T + e
    p4 = math.sqrt(T * (T + 2.0 * e))
    E = E4 + EV
    nu = T + EV  # E1 - E3
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


@njit
def muon_propagator(T: float, one_minus_cos: float, at: MuonOnElectron) -> float:
    """sm = (p3 + k)^2 - m^2 at given T and 1 - cos(theta_e)."""
    E1, m, e, _ = at
    p1 = math.sqrt(E1 * E1 - m * m)
    E4 = T + e
    p4 = math.sqrt(T * (T + 2.0 * e))
    along = (e * e * E1 * E1 + m * m * p4 * p4) / (E1 * E4 + p1 * p4)  # E1 E4 - p1 p4
    return 2.0 * (e * (E1 - T) - along - p1 * p4 * one_minus_cos)


@njit
def matrix_element(
    T: float, EV: float, u: float, one_minus_cos: float, at: MuonOnElectron, vertices: Vertices
) -> float:
    """|M|^2 over e^4 at given T, E_V, u and 1 - cos(theta_e); only here it matters what V is."""
    E1, m, e, M = at
    tm = u - 2.0 * e * (T + EV)
    sm = muon_propagator(T, one_minus_cos, at)
    inv = Invariants(2.0 * e * E1, -2.0 * e * T, tm, sm, u, m * m, e * e, M * M)
    if vertices.code == OFF_MUON:
        return vertices.v_mu * vertices.v_mu * zprime_kernel(inv)
    if vertices.code == SPIN_ZERO:
        return scalar_kernel(inv, vertices.v_mu, vertices.v_e, vertices.a_mu, vertices.a_e)
    if vertices.code == AXIAL:
        return axial_kernel(inv, vertices.a_mu, vertices.a_e)
    value = emission_kernel(inv, vertices.v_mu, vertices.v_e)
    if vertices.code == VECTOR_AXIAL:
        value += axial_kernel(inv, vertices.a_mu, vertices.a_e)
    return value


@njit
def phase_space_norm(at: MuonOnElectron) -> float:
    """Flux times phase space: d sigma = |M|^2 / P dT dE_V du dphi over it; GeV^3 (2 pi)^4."""
    p1 = math.sqrt(at.E1 * at.E1 - at.m * at.m)
    return 4.0 * at.e * p1 * (2.0 * math.pi) ** 4 * 16.0 * p1


@njit
def azimuth_map(
    T: float, EV: float, u: float, one: float, wide: float, at: MuonOnElectron
) -> tuple[float, float]:
    """A, B of the smaller of sm and -um over phi, A + B cos(phi) with 0 <= B < A.

    With cos(phi) = (A cos(psi) - B) / (A - B cos(psi)) the angle psi is uniform where the nearest
    pole of the muon line goes as 1 / (A + B cos(phi)):
    d phi = sqrt(A^2 - B^2) / (A - B cos(psi)) d psi.
    """
    _, _, e, M = at
    te = -2.0 * e * T
    tm = u - 2.0 * e * (T + EV)
    nearest = max(M * M + te - tm, 0.0)  # sm + um
    low = muon_propagator(T, one + wide, at) - nearest
    high = muon_propagator(T, one - wide, at) - nearest
    return 0.5 * (high + low), 0.5 * (high - low)


@njit
def _azimuth(
    T: float, EV: float, u: float, at: MuonOnElectron, vertices: Vertices, one_max: float,
    rule: Rule, cosines: Array,
) -> float:  # fmt: skip
    """Integral of |M|^2 / P over phi, 0 to 2 pi, with 1 - cos(theta_e) < one_max."""
    P, one, wide = electron_direction(T, EV, u, at)
    if one - wide >= one_max:
        return 0.0
    A, B = azimuth_map(T, EV, u, one, wide, at)
    root = math.sqrt((A - B) * (A + B))
    total = 0.0
    if one + wide <= one_max:
        for c in cosines:
            cosine = (A * c - B) / (A - B * c)
            value = matrix_element(T, EV, u, one - wide * cosine, at, vertices)
            total += value / (A - B * c)
        return 2.0 * math.pi * root * total / (len(cosines) * P)
    edge = (one - one_max) / wide
    last = math.acos((A * edge + B) / (A + B * edge))
    for j in range(len(rule.nodes)):
        c = math.cos(last * rule.nodes[j])
        cosine = (A * c - B) / (A - B * c)
        value = matrix_element(T, EV, u, one - wide * cosine, at, vertices)
        total += rule.weights[j] * value / (A - B * c)
    return 2.0 * last * root * total / P


@njit
def _u_at(y: float, scale: float) -> float:
    """u at y = log(u / -tm), u - tm = scale."""
    return scale / (1.0 + math.exp(-y))


@njit
def _flatness(y: float, scale: float, T: float, EV: float, at: MuonOnElectron) -> float:
    """A^2 - B^2 of `azimuth_map`: small where emission along the muon piles up."""
    u = _u_at(y, scale)
    _, one, wide = electron_direction(T, EV, u, at)
    A, B = azimuth_map(T, EV, u, one, wide, at)
    return (A - B) * (A + B)


@njit
def _ridge(
    start: float, stop: float, scale: float, T: float, EV: float, at: MuonOnElectron
) -> tuple[float, float]:
    """Place and half width in y of the ridge of emission along the muon."""
    a, b = start, stop
    x, y = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    fx = _flatness(x, scale, T, EV, at)
    fy = _flatness(y, scale, T, EV, at)
    for _ in range(18):
        if fx < fy:
            b, y, fy = y, x, fx
            x = b - _GOLDEN * (b - a)
            fx = _flatness(x, scale, T, EV, at)
        else:
            a, x, fx = x, y, fy
            y = a + _GOLDEN * (b - a)
            fy = _flatness(y, scale, T, EV, at)
    place = 0.5 * (a + b)
    least = min(fx, fy)
    inward = 1.0 if stop - place > place - start else -1.0
    width = (stop - start) / 256.0
    while width < stop - start:
        if _flatness(place + inward * width, scale, T, EV, at) > 2.0 * least:
            break
        width *= 1.5
    return place, width


@njit
def _muon_angle(
    T: float, EV: float, at: MuonOnElectron, vertices: Vertices, cuts: CutLimits, rule: Rule,
    cosines: Array,
) -> float:  # fmt: skip
    """Integral of |M|^2 / P over u and phi at given T and E_V.

    In y = log(u / -tm) both ends are smooth; y = place + width sinh(z) spreads the ridge.
    """
    low = u_of_pair(T, EV, at.e, at.M, PARALLEL)
    high = min(u_of_angle(T + EV, at, cuts.sine2), u_of_pair(T, EV, at.e, at.M, ANTIPARALLEL))
    if high <= low:
        return 0.0
    scale = 2.0 * at.e * (T + EV)  # u - tm
    start, stop = math.log(low / (scale - low)), math.log(high / (scale - high))
    place, width = _ridge(start, stop, scale, T, EV, at)
    first = math.asinh((start - place) / width)
    span = math.asinh((stop - place) / width) - first
    total = 0.0
    for k in range(len(rule.nodes)):
        z = first + span * rule.nodes[k]
        u = _u_at(place + width * math.sinh(z), scale)
        jacobian = u * (1.0 - u / scale) * width * math.cosh(z)
        value = _azimuth(T, EV, u, at, vertices, cuts.one_max, rule, cosines)
        total += rule.weights[k] * jacobian * value
    return span * total


@njit
def spectrum(
    T: Array, at: MuonOnElectron, vertices: Vertices, cuts: CutLimits, rule: Rule, cosines: Array
) -> Array:
    """d sigma / dT over e^4, GeV^-3, at each kinetic energy of the array T (GeV).

    rule : of T's three inner integrals. cosines : of midpoints in phi.
    """
    E1, _, e, M = at
    # the electron line's (p2 - k)^2 - m_e^2 vanishes at this E_V, below all of phase space
    alone = from_muon(vertices)
    pole = 0.0 if alone else 0.5 * M * M / e
    factor = 1.0 / phase_space_norm(at)
    out = np.zeros(len(T))
    for i in range(len(T)):
        edges = v_energy_range(T[i], at, cuts.sine2, cuts.v_min)
        for panel in range(3):
            low, high = edges[panel], edges[panel + 1]
            if high <= low:
                continue
            top = E1 - T[i]
            first = math.log((low - pole) / (top - low))
            span = math.log((high - pole) / (top - high)) - first
            for j in range(len(rule.nodes)):
                x, slope = rule.nodes[j], 1.0
                if not alone:
                    # the electron's collinear logarithm opens at the ends
                    slope = 0.5 * math.pi * math.sin(math.pi * x)
                    x = math.sin(0.5 * math.pi * x) ** 2
                place = 1.0 / (1.0 + math.exp(-first - span * x))
                EV = pole + (top - pole) * place
                jacobian = (top - pole) * place * (1.0 - place) * span * slope
                value = _muon_angle(T[i], EV, at, vertices, cuts, rule, cosines)
                out[i] += rule.weights[j] * jacobian * value
        out[i] *= factor
    return out
