"""Weizsaecker-Williams approximations of l N -> l N Z', beside the exact result.

The limit of the exact amplitude for q_perp^2 much smaller than u, kappa^2 and the masses: the
photon becomes real and transverse, and the cross section factorises into a flux and l gamma -> l Z'
at t = t_min (Kim and Tsai, PRD 8 (1973) 3109; Kirpichnikov et al., PRD 104 (2021) 076012):

  d sigma/dx du = coupling^2 alpha^2/(4 pi) beta (1-x)/u^2 chi
                  {2 (1 + (1-x)^2)/(1-x) - 4 (m^2 + 2 m_l^2) [x u - m^2 (1-x) - m_l^2 x^2]/u^2},
  u = E^2 theta^2 x + m^2 (1-x)/x + m_l^2 x,   beta = sqrt(1 - m^2/(x E)^2),
  chi = integral of (t - t_min)/t^2 G2(t) from t_min to t_max = m^2 + m_l^2.

ww  : t_min = [u/2E(1-x)]^2 at each (x, theta); u as far as t_min < t_max.
iww : t_min = (m^2/2E)^2 once for all, so chi is one number and the integral over theta, taken to
      infinity, is elementary ("improved" is speed, not accuracy).

They fail where t is not small against u: form factor reaching above u (electrons with a heavy Z',
where exact emission is cut at t ~ u but the flux is not), and, for iww, where t_min is not
(m^2/2E)^2, that is whenever m is not far above m_l or x is near 1.
"""

from __future__ import annotations

import math
from typing import Final

from mutau.core.constants import ALPHA
from mutau.core.jit import njit
from mutau.core.units import GEV2_PB
from mutau.matter.form_factors import g2_kernel

#: alpha^2 (hbar c)^2 / 4 pi, in GeV^2 pb.
FRONT: Final = ALPHA * ALPHA * GEV2_PB / (4.0 * math.pi)


@njit
def flux(t_min, t_max, ff, grid):  # type: ignore[no-untyped-def]
    """chi: the integral of (t - t_min)/t^2 G2(t), two logarithmic panels of Gauss-Legendre."""
    if t_max <= t_min:
        return 0.0
    low, high = math.log(t_min), math.log(t_max)
    knee = min(max(math.log(t_min + ff[1]), low), high)
    total = 0.0
    for panel in range(3):
        # below the screening scale, above it in two halves
        start = low if panel == 0 else (knee if panel == 1 else 0.5 * (knee + high))
        stop = knee if panel == 0 else (0.5 * (knee + high) if panel == 1 else high)
        for i in range(len(grid)):
            excess = t_min * math.expm1(start - low + (stop - start) * grid[i, 0])
            t = t_min + excess
            g2 = g2_kernel(t, ff[0], ff[1], ff[2], ff[3], ff[4])
            total += grid[i, 1] * (stop - start) * excess / t * g2
    return total


@njit(forceinline=True)
def u_forward(m_l, mass, x, x_bar):  # type: ignore[no-untyped-def]
    """Smallest u of the approximation: emission along the beam."""
    return mass * mass * x_bar / x + m_l * m_l * x


@njit(forceinline=True)
def shape(energy, m_l, mass, x, x_bar, u):  # type: ignore[no-untyped-def]
    """d sigma/dx du / chi at coupling 1, pb/GeV^2."""
    m2, ml2 = mass * mass, m_l * m_l
    across2 = x * u - m2 * x_bar - ml2 * x * x
    emitted = 2.0 * (1.0 + x_bar * x_bar) - 4.0 * x_bar * (m2 + 2.0 * ml2) * across2 / (u * u)
    k0 = x * energy
    beta = math.sqrt(max((k0 - mass) * (k0 + mass), 0.0)) / k0
    return FRONT * beta * emitted / (u * u)


@njit
def ww_over_u(energy, m_l, mass, x, x_bar, ff, grid_u, grid_t):  # type: ignore[no-untyped-def]
    """d sigma/dx at coupling 1, pb, in the approximation called ww."""
    t_max = mass * mass + m_l * m_l
    low = u_forward(m_l, mass, x, x_bar)
    high = 2.0 * energy * x_bar * math.sqrt(t_max)
    if high <= low or x * energy <= mass:
        return 0.0
    start = math.sqrt(low / high)
    total = 0.0
    for i in range(len(grid_u)):
        sigma = start + (1.0 - start) * grid_u[i, 0]
        u = low / (sigma * sigma)
        t_min = (0.5 * u / (energy * x_bar)) ** 2
        chi = flux(t_min, t_max, ff, grid_t)
        total += grid_u[i, 1] * chi * shape(energy, m_l, mass, x, x_bar, u) * 2.0 * u / sigma
    return total * (1.0 - start)


@njit
def iww_over_u(energy, m_l, mass, x, x_bar, chi):  # type: ignore[no-untyped-def]
    """d sigma/dx at coupling 1, pb, in the approximation called iww: elementary integral over u.

    With u_0 = u_forward: integrals of 1/u^2, 1/u^3, 1/u^4 give 1/u_0, 1/2u_0^2, 1/3u_0^3.
    """
    if x * energy <= mass:
        return 0.0
    m2, ml2 = mass * mass, m_l * m_l
    u_0 = u_forward(m_l, mass, x, x_bar)
    # x u - (m^2 (1-x) + m_l^2 x^2) = x (u - u_0)
    mean = x / (6.0 * u_0 * u_0)
    emitted = 2.0 * (1.0 + x_bar * x_bar) / u_0 - 4.0 * x_bar * (m2 + 2.0 * ml2) * mean
    k0 = x * energy
    beta = math.sqrt((k0 - mass) * (k0 + mass)) / k0
    return FRONT * beta * emitted * chi
