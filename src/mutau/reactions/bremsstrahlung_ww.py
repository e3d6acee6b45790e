"""Weizsaecker-Williams approximations of l N -> l N Z', beside the exact result.

The limit of the exact amplitude for q_perp^2 much smaller than u, kappa^2 and the masses: the
photon becomes real and transverse, and the cross section factorises into a flux and l gamma -> l Z'
at t = t_min (Kim and Tsai, PRD 8 (1973) 3109; Kirpichnikov et al., PRD 104 (2021) 076012):

  d sigma/dx du = coupling^2 alpha^2/(4 pi) beta/u^2 chi
                  {e_0 - e_1 [x u - m^2 (1-x) - m_l^2 x^2]/u^2},
  e_0 = 2 (1 + (1-x)^2) f_gauge + x^2 f_flip,   e_1 = 2 (1-x) f_pole   (`bosons`; for a vector
  2 (1 + (1-x)^2) and 4 (1-x) (m^2 + 2 m_l^2)),
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
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import ALPHA
from mutau.core.jit import njit
from mutau.core.units import GEV2_PB
from mutau.matter.form_factors import FormFactor, g2_kernel
from mutau.reactions.bremsstrahlung_density import Collision
from mutau.reactions.bremsstrahlung_kernels import Strengths, strengths
from mutau.reactions.quadrature import Rule

Array = NDArray[np.float64]

#: alpha^2 (hbar c)^2 / 4 pi, in GeV^2 pb.
FRONT: Final = ALPHA * ALPHA * GEV2_PB / (4.0 * math.pi)


@njit
def flux(t_min: float, t_max: float, ff: FormFactor, rule: Rule) -> float:
    """chi: the integral of (t - t_min)/t^2 G2(t), two logarithmic panels of Gauss-Legendre."""
    if t_max <= t_min:
        return 0.0
    low, high = math.log(t_min), math.log(t_max)
    screened = min(max(math.log(t_min + ff.screen), low), high)
    total = 0.0
    for panel in range(3):
        # below the screening scale, above it in two halves
        start = low if panel == 0 else (screened if panel == 1 else 0.5 * (screened + high))
        stop = screened if panel == 0 else (0.5 * (screened + high) if panel == 1 else high)
        for i in range(len(rule.nodes)):
            excess = t_min * math.expm1(start - low + (stop - start) * rule.nodes[i])
            t = t_min + excess
            total += rule.weights[i] * (stop - start) * excess / t * g2_kernel(t, ff)
    return total


@njit(forceinline=True)
def u_forward(m_l: float, mass: float, x: float, x_bar: float) -> float:
    """Smallest u of the approximation: emission along the beam."""
    return mass * mass * x_bar / x + m_l * m_l * x


def emitted_shape(f: Strengths, x: Any, x_bar: Any) -> tuple[Any, Any]:
    """e_0 and e_1 of the module text, the second in GeV^2; numbers or arrays."""
    return 2.0 * (1.0 + x_bar * x_bar) * f.gauge + x * x * f.flip, 2.0 * x_bar * f.pole


_emitted = njit(forceinline=True)(emitted_shape)
_strengths_of_arrays = strengths.py_func if hasattr(strengths, "py_func") else strengths


def ww_shape(energy: Any, collision: Collision, mass: Any, x: Any, x_bar: Any, u: Any) -> Any:
    """d sigma/dx du / chi at coupling 1, pb/GeV^2; arrays."""
    m_l = collision.m_l
    m2, ml2 = mass * mass, m_l * m_l
    across2 = x * u - m2 * x_bar - ml2 * x * x
    e_0, e_1 = emitted_shape(_strengths_of_arrays(collision.boson, m_l, mass), x, x_bar)
    emitted = e_0 - e_1 * across2 / (u * u)
    k0 = x * energy
    beta = np.sqrt(np.maximum((k0 - mass) * (k0 + mass), 0.0)) / k0
    return FRONT * beta * emitted / (u * u)


@njit(forceinline=True)
def ww_density(
    energy: float, collision: Collision, mass: float, x: float, x_bar: float, u: float, t: float,
    t_excess: float,
) -> float:  # fmt: skip
    """d sigma/dx du dt / G2 at coupling 1, pb/GeV^4: `ww_shape` times the integrand of chi."""
    m_l = collision.m_l
    m2, ml2 = mass * mass, m_l * m_l
    across2 = x * u - m2 * x_bar - ml2 * x * x
    e_0, e_1 = _emitted(strengths(collision.boson, m_l, mass), x, x_bar)
    emitted = e_0 - e_1 * across2 / (u * u)
    k0 = x * energy
    beta = math.sqrt(max((k0 - mass) * (k0 + mass), 0.0)) / k0
    return FRONT * beta * emitted / (u * u) * t_excess / (t * t)


@njit(forceinline=True)
def u_range(energy: float, m_l: float, mass: float, x: float, x_bar: float) -> tuple[float, float]:
    """Smallest and largest u of ww: forward emission, and t_min = t_max."""
    high = 2.0 * energy * x_bar * math.sqrt(mass * mass + m_l * m_l)
    return u_forward(m_l, mass, x, x_bar), high


@njit
def fluxes(t_min: Array, t_max: Array, ff: FormFactor, rule: Rule) -> Array:
    """`flux` at (n,) points."""
    values = np.empty(len(t_min))
    for i in range(len(t_min)):
        values[i] = flux(t_min[i], t_max[i], ff, rule)
    return values


def ww_integrals(
    energy: Array, mass: Array, x: Array, x_bar: Array, u: Array, collision: Collision, rule: Rule
) -> Array:
    """d sigma/dx du at coupling 1, pb/GeV^2, in the approximation ww, at (n,) points."""
    m_l = collision.m_l
    t_min = (0.5 * u / (energy * x_bar)) ** 2
    chi = fluxes(t_min, mass * mass + m_l * m_l, collision.ff, rule)
    return np.asarray(chi * ww_shape(energy, collision, mass, x, x_bar, u))


def iww_flux(energy: Array, mass: Array, m_l: float, ff: FormFactor, rule: Rule) -> Array:
    """chi of the approximation iww: t_min = (m^2/2E)^2, whatever x and theta."""
    return fluxes((0.5 * mass * mass / energy) ** 2, mass * mass + m_l * m_l, ff, rule)


def slices_per_flux(
    energy: Array, mass: Array, x: Array, x_bar: Array, collision: Collision
) -> Array:
    """d sigma/dx / chi at coupling 1, pb, for a chi that does not depend on u, at (n,) points.

    With u_0 = u_forward, x u - (m^2 (1-x) + m_l^2 x^2) is x (u - u_0), and the integrals of
    1/u^2 and (u - u_0)/u^4 from u_0 to infinity are 1/u_0 and 1/6u_0^2.
    """
    m_l = collision.m_l
    m2, ml2 = mass * mass, m_l * m_l
    u_0 = m2 * x_bar / x + ml2 * x
    e_0, e_1 = emitted_shape(_strengths_of_arrays(collision.boson, m_l, mass), x, x_bar)
    emitted = e_0 / u_0
    emitted -= e_1 * x / (6.0 * u_0 * u_0)
    k0 = x * energy
    return np.asarray(FRONT * np.sqrt(np.maximum((k0 - mass) * (k0 + mass), 0.0)) / k0 * emitted)


def iww_slices(
    energy: Array, mass: Array, x: Array, x_bar: Array, collision: Collision, rule: Rule
) -> Array:
    """d sigma/dx at coupling 1, pb, in the approximation iww, at (n,) points."""
    chi = iww_flux(energy, mass, collision.m_l, collision.ff, rule)
    return chi * slices_per_flux(energy, mass, x, x_bar, collision)
