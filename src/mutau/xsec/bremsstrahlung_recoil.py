"""The same reaction l N -> l N Z' seen from the scattered lepton: p' fixed, Z' integrated over.

Variables: y_l = E'/E of the lepton, T = -(p-p')^2, t, and the azimuth phi around V' = p - p'.
Transverse momenta are taken against V', so p and p' share kappa', and the photon and the Z'
share q_perp. The nuclear current is replaced as in `bremsstrahlung_kernels`, along V' instead of
V, and the squared amplitude is the same function of a = v.p, a' = v.p', b = v.k, c = v.q. Both
denominators depend on phi here, s = s_0 - B cos phi and u = u_0 - B cos phi with u - s fixed;
the mean over phi is a midpoint sum after a map that takes out the nearer pole, and converges
exponentially.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.matter.form_factors import g2_kernel
from mutau.xsec.bremsstrahlung_kernels import density_front, plus_minus
from mutau.xsec.bremsstrahlung_maps import exchange_knees, knee_inverse, knee_map
from mutau.xsec.bremsstrahlung_ww import FRONT

Array = NDArray[np.float64]

N_PHI: Final = 24


@njit(forceinline=True)
def recoil_transfer(energy, m_l, out_energy, psi):  # type: ignore[no-untyped-def]
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


@njit(forceinline=True)
def recoil_amplitude(m_l, mass, nucleus, s, u, t, w, cos_part, a_0, a_out_0, b, c, q_minus):  # type: ignore[no-untyped-def]
    """(q^-/2M)^2 A at one azimuth; a = a_0 + cos_part and a' = a_out_0 + cos_part."""
    a, a_out = a_0 + cos_part, a_out_0 + cos_part
    m2 = mass * mass
    current2 = q_minus * q_minus * (1.0 + 0.25 * t / (nucleus * nucleus))
    first = (
        2.0 * w * ((s + t) ** 2 + (u - t) ** 2)
        + 8.0 * m2 * t * current2
        + 8.0 * t * (a * a + a_out * a_out + c * (a - a_out))
        + 8.0 * c * (a * s + a_out * u)
    )
    diff = s - u
    second = w * t * diff * diff + 4.0 * (diff * a - s * b) * (diff * a_out - u * b)
    product = s * u
    return (first - 2.0 * (m2 + 2.0 * m_l * m_l) * second / product) / product


@njit
def recoil_mean(energy, m_l, mass, nucleus, v0, v, kappa, drop, t, q_t2):  # type: ignore[no-untyped-def]
    """Mean over phi of (q^-/2M)^2 A, and q^-. drop = T + m^2; q_t2 = q_perp^2."""
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
    f_bar = 1.0 - f
    s_low = ((y_bar * q_t - y * kappa) ** 2 + m2 * y_bar + ml2 * y * y) / (y * y_bar)
    u_low = ((q_t - f * kappa) ** 2 + m2 * f_bar + ml2 * f * f) / f
    half = q_t * kappa
    low = min(s_low, u_low)
    stretch = math.sqrt(low / (low + 4.0 * half))
    b = along * k_minus + q_t2
    c = b - along * v_minus
    total = 0.0
    for i in range(N_PHI):
        angle = (i + 0.5) * math.pi / N_PHI
        cosine, sine = math.cos(0.5 * angle), stretch * math.sin(0.5 * angle)
        norm = cosine * cosine + sine * sine
        lift = 4.0 * half * sine * sine / norm  # B (1 - cos phi)
        total += (stretch / norm) * recoil_amplitude(
            m_l, mass, nucleus, s_low + lift, u_low + lift, t, q_t2,
            half * (cosine * cosine - sine * sine) / norm,
            along * p_minus, along * out_minus, b, c, q_minus,
        )  # fmt: skip
    return total / N_PHI, q_minus


@njit
def recoil_integrals(energy, m_l, mass, nucleus, xs, psis, ff, grid):  # type: ignore[no-untyped-def]
    """d^2 sigma/dx dpsi at coupling 1, pb/rad, with E' = (1-x) E, at (n,) points: over t and phi.

    Four panels of the grid in the exchange variable.
    """
    values = np.zeros(len(xs))
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
        low, high = exchange_knees(t_min, drop, 1.0 - x, ff[1], ff[2])
        step = 0.25 * (knee_map(t_max - t_min, low, high) - 1.0)
        for node in range(4 * len(grid)):
            panel, j = node // len(grid), node % len(grid)
            excess, stretch = knee_inverse(1.0 + step * (panel + grid[j, 0]), low, high)
            t = t_min + excess
            q_t2 = square / (4.0 * v2) * excess * max(t_max - t, 0.0)
            mean, q_minus = recoil_mean(energy, m_l, mass, nucleus, v0, v, kappa, drop, t, q_t2)
            front = density_front(energy, m_l, v, q_minus, t)
            g2 = g2_kernel(t, ff[0], ff[1], ff[2], ff[3], ff[4])
            values[i] += step * grid[j, 1] * stretch * front * mean * g2 * slope
    return values


def recoil_shape(
    energy: float, m_l: float, mass: float, x: Array, psi: Array
) -> tuple[Array, Array]:
    """d^2 sigma/dx dpsi / chi at coupling 1, pb/rad, in the WW limit; and T + m^2.

    Small angles: T = [E^2 (1-x)^2 psi^2 + m_l^2 x^2]/(1-x), and s, u at q_perp = 0.
    """
    x_bar = 1.0 - x
    m2, ml2 = mass * mass, m_l * m_l
    across2 = (energy * x_bar * psi) ** 2
    drop = (across2 + ml2 * x * x) / x_bar + m2
    floor = m2 * x_bar + ml2 * x * x
    u = (across2 + floor) / x
    s = u / x_bar
    kappa2 = across2 / (x * x)
    emitted = 2.0 * (s / u + u / s) - 4.0 * (m2 + 2.0 * ml2) * (drop / (s * u)) ** 2 * kappa2
    return FRONT * x / (drop * drop) * emitted * 2.0 * energy * energy * x_bar * psi, drop
