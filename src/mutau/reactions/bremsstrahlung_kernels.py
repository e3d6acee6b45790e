"""l N -> l N Z' on a heavy spin-0 nucleus: exact tree-level kinematics and squared amplitude.

Notation: p, p' incoming and outgoing lepton (mass m_l), k the Z' (mass m), N at rest with mass
M, q the photon, t = -q^2, V = p - k, s = (p'+k)^2 - m_l^2 and u = m_l^2 - (p-k)^2 = 2p.k - m^2.
Both s and u are positive: they are the denominators of the two diagrams.

Why this form does not lose digits. All transverse momenta are taken against the three-momentum
of V, so p and k carry the same transverse momentum kappa, and the photon and p' the same
q_perp; at fixed (k, t) only the azimuth phi between the two is free. The nuclear current P =
P_i + P_f (with P.q = 0) may be replaced by P - lambda q because the lepton current is conserved;
lambda is chosen so that its large component along V vanishes. What is left is
v = (P - lambda q) q^-/2M, with transverse part -q_perp and a single light-cone component
v^+ = 2 l, l = -q_parallel. Every term of the squared amplitude is then explicitly of order
q_perp^2 or t: the gauge cancellation (up to twenty digits for electrons) is done on paper.
Light-cone fractions give s as a sum of positive terms, also at both ends of phi.

With a = v.p, a' = v.p', h = v.V, c = a' - h, b = a - h:
  A = (1/su) {2 q_perp^2 [(s+t)^2 + (u-t)^2] + 8 m^2 t P^2 + 8 t [a(a+a') + h(a'-a)] + 8 c (a s
      + a' u)} - 2 (m^2 + 2 m_l^2)/(su)^2 {q_perp^2 t (s-u)^2 + 4 (s h - u a)((s-u) a' - u b)},
equal, term by term regrouped, to the form in invariants of Liu, McKeen and Miller, PRD 95 (2017)
036010, eq. 10. The sum over Z' polarisations is -g: the Z' current is conserved too.

That is the vector's. Other bosons differ in the coefficients of these terms and of one more,
R = q_perp^2 (s-u)^2 + 4 t b^2 + 4 (s-u) b c (`bosons`, `strengths`): nothing else here knows what
is emitted, and "Z'" stands for any of them.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from mutau.core.constants import ALPHA
from mutau.core.jit import njit
from mutau.core.units import GEV2_PB
from mutau.reactions.bosons import Boson

#: alpha^2 (hbar c)^2 / 16 pi: front factor of d sigma/dx du dt per coupling^2, in GeV^2 pb.
FRONT: Final = ALPHA * ALPHA * GEV2_PB / (16.0 * math.pi)


class ZprimeKinematics(NamedTuple):
    """What depends on the Z' momentum alone; V is the momentum that the lepton keeps.

    v0, v, v_minus : energy and momentum of V and their difference, GeV. kappa2 : kappa^2, GeV^2.
    k_plus, p_minus : light-cone components along V, GeV. t_min, t_max : limits of t, GeV^2; nothing
    is allowed where t_max <= t_min. width : coefficient of q_perp^2, see `exchange`.
    """

    v0: float
    v: float
    v_minus: float
    kappa2: float
    k_plus: float
    p_minus: float
    t_min: float
    t_max: float
    width: float


class Exchange(NamedTuple):
    """What depends on the Z' momentum and t, but not on the azimuth.

    q_t2 : q_perp^2. s_0, beta, s_low : s = s_0 - 2 beta cos phi, beta = kappa q_perp, s_low =
    s_0 - 2 beta. q_minus : q^-, GeV. alpha, a_out, h : the slow products l p^- (so that a = alpha +
    beta cos phi), a', h. GeV^2 but for q_minus.
    """

    q_t2: float
    s_0: float
    beta: float
    s_low: float
    q_minus: float
    alpha: float
    a_out: float
    h: float


class Strengths(NamedTuple):
    """Coefficients f_gauge, f_mass, f_flip, f_pole of `bosons`; GeV^2 for mass and pole."""

    gauge: float
    mass: float
    flip: float
    pole: float


@njit(forceinline=True)
def strengths(of: Boson, m_l: float, mass: float) -> Strengths:
    """Coefficients for a lepton of mass m_l and a boson of mass `mass`, GeV. See `bosons`."""
    m2, ml2 = mass * mass, m_l * m_l
    light = m2 - 4.0 * ml2
    return Strengths(
        of.vector + of.axial,
        of.vector * m2 + of.axial * light,
        of.axial * (4.0 * ml2 / m2) + of.scalar + of.pseudoscalar,
        of.vector * (2.0 * (m2 + 2.0 * ml2))
        + of.axial * (2.0 * light)
        + of.scalar * light
        + of.pseudoscalar * m2,
    )


@njit(forceinline=True)
def plus_minus(transverse_mass2: float, energy: float, along: float) -> tuple[float, float]:
    """Light-cone components E + p and E - p of an on-shell momentum, both to full precision."""
    large = energy + abs(along)
    small = transverse_mass2 / large
    forward = along > 0.0
    return (large if forward else small), (small if forward else large)


@njit(forceinline=True)
def u_limits(
    energy: float, m_l: float, mass: float, nucleus: float, x: float, x_bar: float
) -> tuple[float, float]:
    """Smallest and largest u at Z' energy x*energy (x_bar = 1 - x, given on its own).

    Returns (u_min, u_max) in GeV^2; u_max <= u_min where nothing is allowed. u_min is forward
    emission; u_max is backward emission or the threshold of the lepton-nucleus pair.
    """
    p = math.sqrt((energy - m_l) * (energy + m_l))
    k0 = x * energy
    k = math.sqrt(max((k0 - mass) * (k0 + mass), 0.0))
    p_plus = energy + p
    slow = (x_bar * energy * (energy + k0) + mass * mass - m_l * m_l) / (p + k)
    f = (k0 + k) / p_plus
    f_bar = (x_bar * energy + slow) / p_plus
    low = (mass * mass * f_bar + m_l * m_l * f * f) / f
    high = min(low + 4.0 * p * k, 2.0 * nucleus * (x_bar * energy - m_l))
    return low, high


@njit(forceinline=True)
def emission(
    energy: float, m_l: float, mass: float, nucleus: float, x: float, x_bar: float, u: float,
    u_excess: float,
) -> ZprimeKinematics:  # fmt: skip
    """Everything that depends on the Z' momentum alone; u_excess = u - u_min(x), given apart."""
    p = math.sqrt((energy - m_l) * (energy + m_l))
    k0 = x * energy
    k = math.sqrt(max((k0 - mass) * (k0 + mass), 0.0))
    off = u_excess / (2.0 * p * k)
    k_t2 = k * k * off * max(2.0 - off, 0.0)
    v0 = x_bar * energy
    v2 = (v0 - m_l) * (v0 + m_l) + u
    v = math.sqrt(v2)
    v_minus = -(u - m_l * m_l) / (v + v0)
    kappa2 = p * p * k_t2 / v2
    p_along = (v0 * energy - m_l * m_l + 0.5 * (u + mass * mass)) / v
    k_along = (k0 * v0 - 0.5 * (u - mass * mass)) / v
    k_plus, _ = plus_minus(mass * mass + kappa2, k0, k_along)
    _, p_minus = plus_minus(m_l * m_l + kappa2, energy, p_along)
    rate = 1.0 + v0 / nucleus
    square = 1.0 + 2.0 * v0 / nucleus + (m_l * m_l - u) / (nucleus * nucleus)
    half = 2.0 * v2 - u * rate
    root2 = half * half - square * u * u
    open_ = (half > 0.0) & (root2 > 0.0) & (square > 0.0)
    t_max = (half + math.sqrt(max(root2, 0.0))) / square if open_ else 0.0
    t_min = u * u / (square * t_max) if open_ else 1.0
    return ZprimeKinematics(
        v0, v, v_minus, kappa2, k_plus, p_minus, t_min, t_max, square / (4.0 * v2)
    )  # fmt: skip


@njit(forceinline=True)
def exchange(
    m_l: float,
    mass: float,
    nucleus: float,
    u: float,
    em: ZprimeKinematics,
    t: float,
    t_excess: float,
) -> Exchange:
    """What t adds to the Z' momentum; t_excess = t - t_min, given apart."""
    v0, v, v_minus, kappa2, k_plus, p_minus, _, t_max, width = em
    m2, ml2 = mass * mass, m_l * m_l
    along = (t * (1.0 + v0 / nucleus) + u) / (2.0 * v)
    q_t2 = width * t_excess * max(t_max - t, 0.0)
    prime_plus, prime_minus = plus_minus(ml2 + q_t2, v0 - 0.5 * t / nucleus, v - along)
    whole = k_plus + prime_plus
    y, y_bar = k_plus / whole, prime_plus / whole
    kappa, q_t = math.sqrt(kappa2), math.sqrt(q_t2)
    floor = m2 * y_bar + ml2 * y * y
    scale = 1.0 / (y * y_bar)
    s_0 = (y_bar * y_bar * kappa2 + y * y * q_t2 + floor) * scale
    edge = y_bar * kappa - y * q_t
    s_low = (edge * edge + floor) * scale
    q_minus = (t + u + t * v_minus / nucleus) / (2.0 * v)
    return Exchange(
        q_t2,
        s_0,
        kappa * q_t,
        s_low,
        q_minus,
        along * p_minus,
        along * prime_minus + q_t2,
        along * v_minus,
    )


@njit(forceinline=True)
def amplitude_mean(f: Strengths, nucleus: float, u: float, t: float, ex: Exchange) -> float:
    """Squared amplitude averaged over the azimuth, in closed form: (q^-/2M)^2 <A>.

    GeV^2. The moments <cos^j phi / s^n> of s = s_0 - B cos phi
    are written with R = sqrt(s_0^2 - B^2) and r = B/(s_0 + R), all terms positive.
    """
    q_t2, s_0, beta, s_low, q_minus, alpha, a_out, h = ex
    wide = 2.0 * beta
    root = math.sqrt(s_low * (s_0 + wide))
    ratio = wide / (s_0 + root)
    one, cos1, cos2 = 1.0 / root, ratio / root, 0.5 * (1.0 + ratio * ratio) / root
    cube = 1.0 / (root * root * root)
    two, cos1_two = s_0 * cube, wide * cube
    cos2_two = (s_0 * root + wide * wide) * cube / (s_0 + root)
    a_1 = alpha * one + beta * cos1
    aa_1 = alpha * alpha * one + 2.0 * alpha * beta * cos1 + beta * beta * cos2
    a_2 = alpha * two + beta * cos1_two
    aa_2 = alpha * alpha * two + 2.0 * alpha * beta * cos1_two + beta * beta * cos2_two
    c = a_out - h
    current2 = q_minus * q_minus * (1.0 + 0.25 * t / (nucleus * nucleus))
    gap = u - t
    flip = (
        q_t2 * (s_0 - 2.0 * u + u * u * one)
        + 4.0 * t * (aa_1 - 2.0 * h * a_1 + h * h * one)
        + 4.0 * c * (alpha - h - u * (a_1 - h * one))
    )
    first = (
        f.gauge * (2.0 * q_t2 * (s_0 + 2.0 * t + (t * t + gap * gap) * one))
        + 8.0 * f.mass * t * current2 * one
        + f.gauge * (8.0 * t * (aa_1 + c * a_1 + h * a_out * one))
        + f.gauge * (8.0 * c * (alpha + a_out * u * one))
        + f.flip * flip
    )
    second = q_t2 * t * (1.0 - 2.0 * u * one + u * u * two) + 4.0 * (
        h * a_out - u * (h * c * one + (h + a_out) * a_1) + u * u * (c * a_2 + aa_2)
    )
    return first / u - f.pole * second / (u * u)


@njit(forceinline=True)
def amplitude_at(
    f: Strengths, nucleus: float, u: float, t: float, ex: Exchange, cos_phi: float
) -> float:
    """Squared amplitude at one azimuth: (q^-/2M)^2 A, GeV^2.

    cos_phi : cosine of the angle between q_perp and kappa.
    """
    q_t2, _, beta, s_low, q_minus, alpha, a_out, h = ex
    s = s_low + 2.0 * beta * (1.0 - cos_phi)
    a = alpha + beta * cos_phi
    c = a_out - h
    current2 = q_minus * q_minus * (1.0 + 0.25 * t / (nucleus * nucleus))
    sum_s, gap = s + t, u - t
    diff, b = s - u, a - h
    flip = q_t2 * diff * diff + 4.0 * b * (t * b + diff * c)
    first = (
        f.gauge * (2.0 * q_t2 * (sum_s * sum_s + gap * gap))
        + 8.0 * f.mass * t * current2
        + f.gauge * (8.0 * t * (a * (a + c) + h * a_out))
        + f.gauge * (8.0 * c * (a * s + a_out * u))
        + f.flip * flip
    )
    second = q_t2 * t * diff * diff + 4.0 * (s * h - u * a) * (diff * a_out - u * b)
    product = s * u
    return (first - f.pole * second / product) / product


@njit(forceinline=True)
def density_front(energy: float, m_l: float, v: float, q_minus: float, t: float) -> float:
    """Factor from G2(t) (q^-/2M)^2 A to d sigma/dx du dt dphi/2pi, pb per coupling^2 GeV^4.

    d sigma = coupling^2 alpha^2/(4 pi) E/(2 p^2 |V|) G2/t^2 A/(8M^2), from the three-body phase
    space with the two-body part (p', P_f) written in t and phi.
    """
    p2 = (energy - m_l) * (energy + m_l)
    # alpha^2/(4 pi) / (2 * 2) = alpha^2/(16 pi)
    return FRONT * energy / (p2 * v * q_minus * q_minus * t * t)
