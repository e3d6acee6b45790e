"""The same reaction l N -> l N Z' seen from the scattered lepton: p' fixed, Z' integrated over.

Variables: y_l = E'/E of the lepton, T = -(p-p')^2, t, and the azimuth phi around V' = p - p'.
Transverse momenta are taken against V', so p and p' share kappa', and the photon and the Z'
share q_perp. The nuclear current is replaced as in `bremsstrahlung_kernels`, along V' instead of
V, and the squared amplitude is the same function of a = v.p, a' = v.p', b = v.k, c = v.q. Both
denominators depend on phi here, s = s_0 - B cos phi and u = u_0 - B cos phi, but D = u - s =
t - T - m^2 does not: partial fractions in 1/s and 1/u, divided by D, give the mean over phi in
closed form. Where D is below a thousandth of s, a sum over phi takes over.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.reactions.bremsstrahlung_density import Collision, density
from mutau.reactions.bremsstrahlung_kernels import Strengths, plus_minus, strengths
from mutau.reactions.bremsstrahlung_maps import exchange_scales, from_variable, to_variable
from mutau.reactions.bremsstrahlung_ww import FRONT, emitted_shape
from mutau.reactions.quadrature import Rule

Array = NDArray[np.float64]

N_PHI: Final = 64


class Loss(NamedTuple):
    """What the lepton loses, V' = p - p'.

    energy : of the lepton before. v0, v : energy and momentum of V'. kappa : transverse momentum of
    p and p' against V'. transfer : T. drop : T + m^2. GeV, GeV^2.
    """

    energy: float
    v0: float
    v: float
    kappa: float
    transfer: float
    drop: float


class Exchanged(NamedTuple):
    """What the amplitude needs at fixed p' and t.

    s_low, u_low : at cos phi = 1. half : q_perp kappa'. q_minus : q^-, GeV. alpha, alpha_out : slow
    products, a = alpha + half cos phi, likewise a'. b, c : as in the module text. GeV^2 else.
    """

    s_low: float
    u_low: float
    half: float
    q_minus: float
    alpha: float
    alpha_out: float
    b: float
    c: float


@njit(forceinline=True)
def recoil_transfer(
    energy: float, m_l: float, out_energy: float, psi: float
) -> tuple[float, float, float]:
    """T = -(p-p')^2, its derivative in psi, and the squared momentum of p - p'.

    psi : angle of the scattered lepton to the beam, rad.
    """
    p = math.sqrt((energy - m_l) * (energy + m_l))
    p_out = math.sqrt((out_energy - m_l) * (out_energy + m_l))
    lost = energy - out_energy
    forward = m_l * m_l * lost * lost / (energy * out_energy + p * p_out - m_l * m_l)
    # E E' - p p' - m_l^2 = m_l^2 (E-E')^2/(E E' + p p' - m_l^2)
    transfer = 2.0 * forward + 4.0 * p * p_out * math.sin(0.5 * psi) ** 2
    return transfer, 2.0 * p * p_out * math.sin(psi), lost * lost + transfer


@njit
def recoil_state(
    m_l: float, mass: float, nucleus: float, loss: Loss, t: float, q_t2: float
) -> Exchanged:
    """What t adds to the loss; q_t2 = q_perp^2."""
    energy, v0, v, kappa, _, drop = loss
    m2, ml2 = mass * mass, m_l * m_l
    transfer = drop - m2
    out_energy = energy - v0
    along = (t * (1.0 + v0 / nucleus) + drop) / (2.0 * v)
    v_minus = -transfer / (v + v0)
    # p.V' = -T/2 and p'.V' = T/2 as four-products, so the momenta along V' are:
    p_along = (energy * v0 + 0.5 * transfer) / v
    out_along = (out_energy * v0 - 0.5 * transfer) / v
    p_plus, p_minus = plus_minus(ml2 + kappa * kappa, energy, p_along)
    out_plus, out_minus = plus_minus(ml2 + kappa * kappa, out_energy, out_along)
    k_plus, k_minus = plus_minus(m2 + q_t2, v0 - 0.5 * t / nucleus, v - along)
    q_minus = (t + drop + t * v_minus / nucleus) / (2.0 * v)
    q_t = math.sqrt(q_t2)
    y = k_plus / (k_plus + out_plus)
    y_bar = out_plus / (k_plus + out_plus)
    f = k_plus / p_plus
    s_low = ((y_bar * q_t - y * kappa) ** 2 + m2 * y_bar + ml2 * y * y) / (y * y_bar)
    u_low = ((q_t - f * kappa) ** 2 + m2 * (1.0 - f) + ml2 * f * f) / f
    b = along * k_minus + q_t2
    c = b - along * v_minus
    return Exchanged(
        s_low, u_low, q_t * kappa, q_minus, along * p_minus, along * out_minus, b, c
    )  # fmt: skip


@njit
def pole_moments(
    low: float, half: float, q_0: float, q_1: float, q_2: float
) -> tuple[float, float]:
    """Means over phi of Q/s and Q/s^2 for s = low + 2 half (1 - cos phi).

    Q = q_0 + q_1 cos phi + q_2 cos^2 phi; the moments are those of `amplitude_mean`.
    """
    wide = 2.0 * half
    s_0 = low + wide
    root = math.sqrt(low * (s_0 + wide))
    ratio = wide / (s_0 + root)
    first = (q_0 + q_1 * ratio + 0.5 * q_2 * (1.0 + ratio * ratio)) / root
    cube = root * root * root
    squared = (s_0 * root + wide * wide) / (s_0 + root)
    return first, (q_0 * s_0 + q_1 * wide + q_2 * squared) / cube


@njit
def recoil_mean(
    f: Strengths, nucleus: float, t: float, drop: float, q_t2: float, state: Exchanged
) -> float:
    """Mean over phi of (q^-/2M)^2 A, GeV^2."""
    s_low, u_low, half, q_minus, alpha, alpha_out, b, c = state
    gap = t - drop
    s_0, u_0 = s_low + 2.0 * half, u_low + 2.0 * half
    heavy = f.pole
    current2 = q_minus * q_minus * (1.0 + 0.25 * t / (nucleus * nucleus))
    plus, minus, sum_a = s_0 + t, u_0 - t, alpha + alpha_out
    # the two numerators as polynomials in cos phi
    q_0 = (
        f.gauge * (2.0 * q_t2 * (plus * plus + minus * minus))
        + 8.0 * f.mass * t * current2
        + f.gauge * (8.0 * t * (alpha * alpha + alpha_out * alpha_out + c * (alpha - alpha_out)))
        + f.gauge * (8.0 * c * (alpha * s_0 + alpha_out * u_0))
        + f.flip * (q_t2 * gap * gap + 4.0 * b * (t * b - gap * c))
    )
    q_1 = c * (s_0 + u_0 - 2.0 * sum_a) + 2.0 * t * sum_a - q_t2 * (plus + minus)
    q_1 = f.gauge * (8.0 * half * q_1)
    q_2 = f.gauge * (16.0 * half * half * (q_t2 + t - 2.0 * c))
    left, right = gap * alpha + b * s_0, gap * alpha_out + b * u_0
    slope = (gap - 2.0 * b) * half
    p_0 = q_t2 * t * gap * gap + 4.0 * left * right
    p_1, p_2 = 4.0 * slope * (left + right), 4.0 * slope * slope
    if abs(gap) > 1e-3 * s_0:
        by_s, _ = pole_moments(s_low, half, q_0, q_1, q_2)
        by_u, _ = pole_moments(u_low, half, q_0, q_1, q_2)
        heavy_s, heavy_ss = pole_moments(s_low, half, p_0, p_1, p_2)
        heavy_u, heavy_uu = pole_moments(u_low, half, p_0, p_1, p_2)
        both = (heavy_s - heavy_u) / gap
        return (by_s - by_u) / gap - heavy * (heavy_ss + heavy_uu - 2.0 * both) / (gap * gap)
    total = 0.0
    stretch = math.sqrt(s_low / (s_0 + 2.0 * half))
    for i in range(N_PHI):
        cosine = math.cos(0.5 * math.pi * (i + 0.5) / N_PHI)
        sine = stretch * math.sin(0.5 * math.pi * (i + 0.5) / N_PHI)
        norm = cosine * cosine + sine * sine
        x = (cosine * cosine - sine * sine) / norm
        product = (s_0 - 2.0 * half * x) * (u_0 - 2.0 * half * x)
        second = heavy * (p_0 + x * (p_1 + x * p_2)) / product
        total += stretch / norm * (q_0 + x * (q_1 + x * q_2) - second) / product
    return total / N_PHI


@njit
def recoil_density(mass: float, collision: Collision, loss: Loss, t: float, q_t2: float) -> float:
    """d sigma/dx dT dt at coupling 1, pb/GeV^4: the mean over the azimuth at a fixed lepton."""
    m_l, nucleus = collision.m_l, collision.nucleus
    state = recoil_state(m_l, mass, nucleus, loss, t, q_t2)
    f = strengths(collision.boson, m_l, mass)
    mean = recoil_mean(f, nucleus, t, loss.drop, q_t2, state)
    return density(loss.energy, collision, loss.v, state.q_minus, t, mean)


@njit
def recoil_nodes(
    m_l: float, mass: float, loss: Loss, scales: tuple[float, float], top: float, rule: Rule,
    out: Rule,
) -> int:  # fmt: skip
    """Fill nodes and weights in the exchange variable, up to `top`: five panels of the rule.

    Cut where the Z' goes along the incoming lepton, q_perp = f kappa', and along the outgoing
    one, q_perp = kappa' y/(1-y), with a sinh map opening both sides of either peak.
    """
    energy, v0, v, kappa, transfer, _ = loss
    low, high = scales
    p_plus, _ = plus_minus(m_l * m_l + kappa * kappa, energy, (energy * v0 + 0.5 * transfer) / v)
    out_plus, _ = plus_minus(
        m_l * m_l + kappa * kappa, energy - v0, ((energy - v0) * v0 - 0.5 * transfer) / v
    )
    k_plus = v0 + v
    n = len(rule.nodes)
    edge = np.empty(2)
    wide = np.empty(2)
    for i in range(2):
        # along p, then along p'
        ratio = k_plus / p_plus if i == 0 else k_plus / out_plus
        part = ratio if i == 0 else ratio / (1.0 + ratio)
        floor = mass * mass * max(1.0 - part, 0.0) + (m_l * part) ** 2
        if i == 1:
            floor *= (1.0 + ratio) ** 2
        at = (ratio * kappa) ** 2 + 1e-30
        place = to_variable(at, low, high)
        slope = at * (high - low) * place / (16.0 * (at + low) * (at + high))
        wide[i] = max(2.0 * slope * math.sqrt(floor / at), 1e-6 * (top - 1.0))
        # cuts stay within the range: a hundredth from its start, 1e-4 from its end
        edge[i] = min(max(place, 1.0 + 0.01 * (top - 1.0)), 1.0 + 0.9999 * (top - 1.0))
    if edge[1] < edge[0]:
        edge[0], edge[1] = edge[1], edge[0]
        wide[0], wide[1] = wide[1], wide[0]
    before = max(0.5 * (1.0 + edge[0]), edge[0] - 3.0 * edge[0] / 16.0)
    between = 0.5 * (edge[0] + edge[1])
    for i in range(n):
        out.nodes[i] = 1.0 + (before - 1.0) * rule.nodes[i]
        out.weights[i] = (before - 1.0) * rule.weights[i]
    for panel in range(1, 5):
        start = edge[0] if panel < 3 else edge[1]
        width = wide[0] if panel < 3 else wide[1]
        stop = before if panel == 1 else (top if panel == 4 else between)
        stretch = math.asinh(abs(stop - start) / width)
        for i in range(n):
            angle = stretch * rule.nodes[i]
            here = panel * n + i
            out.nodes[here] = start + math.copysign(width, stop - start) * math.sinh(angle)
            out.weights[here] = rule.weights[i] * width * stretch * math.cosh(angle)
    return 5 * n


@njit
def recoil_integrals(
    energy: float, mass: float, collision: Collision, xs: Array, psis: Array, rule: Rule
) -> Array:
    """d^2 sigma/dx dpsi at coupling 1, pb/rad, with E' = (1-x) E, at (n,) points."""
    values = np.zeros(len(xs))
    m_l, nucleus, ff = collision.m_l, collision.nucleus, collision.ff
    out = Rule(np.empty(5 * len(rule.nodes)), np.empty(5 * len(rule.nodes)))
    for i in range(len(xs)):
        x = xs[i]
        transfer, slope, v2 = recoil_transfer(energy, m_l, (1.0 - x) * energy, psis[i])
        v0, v, drop = x * energy, math.sqrt(v2), transfer + mass * mass
        kappa = 0.5 * slope / v  # p p' sin(psi)/|V'|
        rate = 1.0 + v0 / nucleus
        square = 1.0 + 2.0 * v0 / nucleus - transfer / (nucleus * nucleus)
        half = 2.0 * v2 - drop * rate
        root2 = half * half - square * drop * drop
        if half <= 0.0 or root2 <= 0.0 or square <= 0.0:
            continue
        t_max = (half + math.sqrt(root2)) / square
        t_min = drop * drop / (square * t_max)
        scales = exchange_scales(t_min, drop, 1.0 - x, ff.screen, ff.size)
        top = to_variable(t_max - t_min, scales[0], scales[1])
        loss = Loss(energy, v0, v, kappa, transfer, drop)
        n = recoil_nodes(m_l, mass, loss, scales, top, rule, out)
        for j in range(n):
            excess, stretch = from_variable(out.nodes[j], scales[0], scales[1])
            t = t_min + excess
            q_t2 = square / (4.0 * v2) * excess * max(t_max - t, 0.0)
            value = recoil_density(mass, collision, loss, t, q_t2)
            values[i] += out.weights[j] * stretch * value * slope
    return values


def recoil_shape(
    energy: float, collision: Collision, mass: float, x: Array, psi: Array
) -> tuple[Array, Array]:
    """d^2 sigma/dx dpsi / chi at coupling 1, pb/rad, in the WW limit; and T + m^2.

    Small angles: T = [E^2 (1-x)^2 psi^2 + m_l^2 x^2]/(1-x), and s, u at q_perp = 0.
    """
    x_bar, m_l = 1.0 - x, collision.m_l
    m2, ml2 = mass * mass, m_l * m_l
    across2 = (energy * x_bar * psi) ** 2
    drop = (across2 + ml2 * x * x) / x_bar + m2
    floor = m2 * x_bar + ml2 * x * x
    u = (across2 + floor) / x
    s = u / x_bar
    kappa2 = across2 / (x * x)
    e_0, e_1 = emitted_shape(strengths(collision.boson, m_l, mass), x, x_bar)
    emitted = (e_0 - e_1 * (drop / (s * u)) ** 2 * kappa2) / x_bar
    return FRONT * x / (drop * drop) * emitted * 2.0 * energy * energy * x_bar * psi, drop
