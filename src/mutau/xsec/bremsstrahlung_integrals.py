"""Deterministic quadrature of l N -> l N Z' over its three non-trivial variables.

Each integral runs in a variable in which the integrand is smooth between the exact kinematic
limits, so that a few Gauss-Legendre nodes are enough:

    Z' energy     x/(1-x) = w, with knees at min(1, m/m_l) and max(1, m^2/m_l^2);
    emission      u, as sigma = sqrt(u_min/u), for the fall-off as 1/u^2;
    exchange      t - t_min, with knees at t_min + screening and at min(u, nuclear size).

A variable "with knees" a < b is eta = ln[(1 + w/a)/(1 + w/b)]: linear below a, logarithmic
between a and b, and compressed as 1/w above b.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np

from mutau.core.jit import njit
from mutau.matter.form_factors import g2_kernel
from mutau.xsec.bremsstrahlung_kernels import (
    amplitude_mean,
    density_front,
    emission,
    exchange,
    u_limits,
)
from mutau.xsec.bremsstrahlung_ww import flux, iww_over_u, ww_over_u

EXACT: Final = 0
WW: Final = 1
IWW: Final = 2


@njit
def knee_map(w, a, b):  # type: ignore[no-untyped-def]
    """eta(w) with knees a < b; w = inf gives ln(b/a)."""
    if w > 1e300:
        return math.log(b / a)
    return math.log1p(w / a) - math.log1p(w / b)


@njit
def knee_inverse(eta, a, b):  # type: ignore[no-untyped-def]
    """w(eta) and dw/d eta of `knee_map`."""
    w = a * math.expm1(eta) / -math.expm1(eta - math.log(b / a))
    return w, (w + a) * (w + b) / (b - a)


@njit
def energy_limits(energy, m_l, mass, nucleus):  # type: ignore[no-untyped-def]
    """Smallest and largest Z' energy in the laboratory, GeV; (1, 0) where nothing is allowed.

    The Z' energy is extreme when the lepton and the nucleus leave together with their least
    mass: a two-body decay of the total momentum, solved in closed form.
    """
    p = math.sqrt((energy - m_l) * (energy + m_l))
    invariant = m_l * m_l + nucleus * nucleus + 2.0 * energy * nucleus
    half = 0.5 * mass * mass + nucleus * (energy - m_l)
    root2 = half * half - invariant * mass * mass
    if root2 <= 0.0 or half <= 0.0 or energy - m_l <= mass:
        return 1.0, 0.0
    root = p * math.sqrt(root2)
    high = (half * (energy + nucleus) + root) / invariant
    low = mass
    if mass * (energy + nucleus) > half:  # a Z' at rest in the laboratory is out of reach
        low = (half * (energy + nucleus) - root) / invariant
    return low, high


@njit
def energy_knees(m_l, mass):  # type: ignore[no-untyped-def]
    """Knees of the Z' energy variable x/(1-x)."""
    ratio = mass / m_l
    return 0.5 * min(1.0, ratio), 2.0 * max(1.0, ratio * ratio)


@njit
def exchange_knees(t_min, u, x, screen, size):  # type: ignore[no-untyped-def]
    """Knees of the exchange variable t - t_min."""
    low = t_min + screen
    high = 1.0 / (x / u + size)
    return low, max(high, 2.0 * low)


@njit
def exchange_peak(m_l, mass, x, x_bar, em, low, high):  # type: ignore[no-untyped-def]
    """Place and width, in the exchange variable, of the Z' along the outgoing lepton.

    There q_perp = kappa (1-y)/y, with the fraction y taken as x, and 1/s has a peak whose
    relative width is sqrt(m^2 (1-x) + m_l^2 x^2)/(kappa (1-x)).
    """
    narrow2 = mass * mass * x_bar + m_l * m_l * x * x
    across2 = em[3] * x_bar * x_bar
    if across2 < narrow2:
        return -1.0, 1.0
    w = across2 / (x * x)
    slope = w * (high - low) / ((w + low) * (w + high))
    return knee_map(w, low, high), 2.0 * slope * math.sqrt(narrow2 / across2)


@njit
def over_t(energy, m_l, mass, nucleus, x, x_bar, em, u, ff, grid):  # type: ignore[no-untyped-def]
    """d sigma/dx du at coupling 1, pb/GeV^2: the integral over t between its exact limits.

    em : the tuple of `emission`. ff : the numbers of `form_factor_parameters`.
    grid : (n, 2) nodes and weights of Gauss-Legendre on (0, 1), used in two or three panels: where
    the Z' can go along the outgoing lepton, the range is cut at that peak and a sinh map opens
    it on both sides.
    """
    t_min, t_max = em[6], em[7]
    if t_max <= t_min:
        return 0.0
    low, high = exchange_knees(t_min, u, x, ff[1], ff[2])
    top = knee_map(t_max - t_min, low, high)
    peak, width = exchange_peak(m_l, mass, x, x_bar, em, low, high)
    peaked = 0.02 * top < peak < 0.98 * top
    middle = max(0.5 * peak, peak - 3.0) if peaked else 0.5 * top
    total = 0.0
    for panel in range(3 if peaked else 2):
        start, span = 0.0, middle
        if panel > 0:
            start = peak if peaked else middle
            span = middle - peak if panel == 2 else top - start
        opened = panel > 0 and peaked
        stretch = math.asinh(abs(span) / width) if opened else 1.0
        for i in range(len(grid)):
            if opened:
                eta = start + math.copysign(width, span) * math.sinh(stretch * grid[i, 0])
                step = width * stretch * math.cosh(stretch * grid[i, 0])
            else:
                eta, step = start + span * grid[i, 0], span
            excess, jacobian = knee_inverse(eta, low, high)
            t = t_min + excess
            ex = exchange(m_l, mass, nucleus, u, em, t, excess)
            mean = amplitude_mean(m_l, mass, nucleus, u, t, ex)
            front = density_front(energy, m_l, em[1], ex[4], t)
            g2 = g2_kernel(t, ff[0], ff[1], ff[2], ff[3], ff[4])
            total += grid[i, 1] * step * jacobian * front * mean * g2
    return total


@njit
def over_u(energy, m_l, mass, nucleus, x, x_bar, ff, grid_u, grid_t):  # type: ignore[no-untyped-def]
    """d sigma/dx at coupling 1, pb: the integral over u and t.

    grid_u, grid_t : (n, 2) nodes and weights of Gauss-Legendre on (0, 1).
    """
    u_min, u_max = u_limits(energy, m_l, mass, nucleus, x, x_bar)
    if u_max <= u_min:
        return 0.0
    sigma_low = math.sqrt(u_min / u_max)
    span = 1.0 - sigma_low
    total = 0.0
    for i in range(len(grid_u)):
        sigma = sigma_low + span * grid_u[i, 0]
        u = u_min / (sigma * sigma)
        excess = u * (1.0 - sigma) * (1.0 + sigma)
        em = emission(energy, m_l, mass, nucleus, x, x_bar, u, excess)
        value = over_t(energy, m_l, mass, nucleus, x, x_bar, em, u, ff, grid_t)
        total += grid_u[i, 1] * value * 2.0 * u / sigma
    return total * span


@njit
def slice_kernel(method, energy, m_l, mass, nucleus, x, x_bar, ff, grid_u, grid_t):  # type: ignore[no-untyped-def]
    """d sigma/dx at coupling 1, pb. method : 0 exact, 1 ww, 2 iww."""
    if method == EXACT:
        return over_u(energy, m_l, mass, nucleus, x, x_bar, ff, grid_u, grid_t)
    if method == WW:
        return ww_over_u(energy, m_l, mass, x, x_bar, ff, grid_u, grid_t)
    t_min = 0.25 * mass**4 / (energy * energy)
    chi = flux(t_min, mass * mass + m_l * m_l, ff, grid_t)
    return iww_over_u(energy, m_l, mass, x, x_bar, chi)


@njit
def total_kernel(method, energy, m_l, mass, nucleus, x_min, x_max, ff, grid_x, grid_u, grid_t):  # type: ignore[no-untyped-def]
    """Cross section at coupling 1, pb, for x_min < x < x_max; 0 outside the kinematic limits.

    grid_x, grid_u, grid_t : (n, 2) nodes and weights on (0, 1) for the three integrals.
    """
    k_low, k_high = energy_limits(energy, m_l, mass, nucleus)
    low, high = max(k_low, x_min * energy), min(k_high, x_max * energy)
    if not low < high:
        return 0.0
    a, b = energy_knees(m_l, mass)
    start = knee_map(low / (energy - low), a, b)
    span = knee_map(high / (energy - high), a, b) - start
    total = 0.0
    for i in range(len(grid_x)):
        w, jacobian = knee_inverse(start + span * grid_x[i, 0], a, b)
        x_bar = 1.0 / (1.0 + w)
        value = slice_kernel(
            method, energy, m_l, mass, nucleus, w * x_bar, x_bar, ff, grid_u, grid_t
        )
        total += grid_x[i, 1] * value * jacobian * x_bar * x_bar
    return total * span


@njit
def totals_kernel(method, energy, m_l, mass, nucleus, x_min, x_max, ff, grids, fine):  # type: ignore[no-untyped-def]
    """`total_kernel` over arrays of energy and mass, with two orders of quadrature.

    grids, fine : tuples (grid_x, grid_u, grid_t). Returns value and error, (n,) each, at
    coupling 1: the error is the difference of the two orders plus 5e-5 of the value.
    """
    value, error = np.zeros(len(energy)), np.zeros(len(energy))
    for i in range(len(energy)):
        rough = total_kernel(
            method, energy[i], m_l, mass[i], nucleus, x_min, x_max, ff, grids[0], grids[1], grids[2]
        )
        value[i] = total_kernel(
            method, energy[i], m_l, mass[i], nucleus, x_min, x_max, ff, fine[0], fine[1], fine[2]
        )
        error[i] = abs(value[i] - rough) + 5e-5 * value[i]
    return value, error


@cache
def gauss_legendre(n: int) -> np.ndarray:
    """(n, 2) nodes and weights of Gauss-Legendre quadrature on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return np.stack([0.5 * (nodes + 1.0), 0.5 * weights], axis=1)
