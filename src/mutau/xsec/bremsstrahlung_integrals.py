"""Deterministic quadrature of l N -> l N Z' over its three non-trivial variables.

Each integral runs in a variable of `bremsstrahlung_maps`, in which the integrand is smooth
between the exact kinematic limits, so that a few Gauss-Legendre nodes are enough.
"""

from __future__ import annotations

import math
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
from mutau.xsec.bremsstrahlung_maps import (
    energy_knees,
    energy_limits,
    exchange_knees,
    exchange_peak,
    knee_inverse,
    knee_map,
)
from mutau.xsec.bremsstrahlung_ww import flux, iww_over_u, ww_over_u

EXACT: Final = 0
WW: Final = 1
IWW: Final = 2


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
