"""Deterministic quadrature of l N -> l N Z' over its three non-trivial variables.

Each integral runs in a variable of `bremsstrahlung_maps`, in which the integrand is smooth
between the exact kinematic limits, so that a few Gauss-Legendre nodes are enough. The kernels
take flat arrays of points and hand back flat arrays: nodes in x, nodes in u, integrals over t.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mutau.core.jit import njit
from mutau.matter.form_factors import g2_kernel
from mutau.reactions.bremsstrahlung_kernels import (
    amplitude_mean,
    density_front,
    emission,
    exchange,
    u_limits,
)
from mutau.reactions.bremsstrahlung_maps import (
    energy_knees,
    energy_limits,
    exchange_knees,
    exchange_peak,
    knee_inverse,
    knee_map,
)
from mutau.reactions.bremsstrahlung_ww import u_range

EXACT: Final = 0
WW: Final = 1
IWW: Final = 2


@njit
def x_nodes(energy, mass, m_l, nucleus, x_min, x_max, grid):  # type: ignore[no-untyped-def]
    """Nodes in x between the limits at each (energy, mass), of (n,) points.

    grid : (k, 2) nodes and weights on (0, 1). Returns x, 1 - x and weights, (n, k) each; weights
    are 0 where the reaction is closed or the window empty.
    """
    shape = (len(energy), len(grid))
    x, x_bar, weight = np.full(shape, 0.5), np.full(shape, 0.5), np.zeros(shape)
    for i in range(len(energy)):
        k_low, k_high = energy_limits(energy[i], m_l, mass[i], nucleus)
        low, high = max(k_low, x_min * energy[i]), min(k_high, x_max * energy[i])
        if not low < high:
            continue
        a, b = energy_knees(m_l, mass[i])
        start = knee_map(low / (energy[i] - low), a, b)
        span = knee_map(high / (energy[i] - high), a, b) - start
        for j in range(len(grid)):
            w, slope = knee_inverse(start + span * grid[j, 0], a, b)
            bar = 1.0 / (1.0 + w)
            x[i, j], x_bar[i, j] = w * bar, bar
            weight[i, j] = grid[j, 1] * span * slope * bar * bar
    return x, x_bar, weight


@njit
def u_nodes(exact, energy, mass, x, x_bar, m_l, nucleus, grid):  # type: ignore[no-untyped-def]
    """Nodes in u between the limits at each of (n,) points: exact, or those of ww.

    Returns u, u - u_min and weights, (n, k) each; weights are 0 where nothing is allowed.
    """
    shape = (len(x), len(grid))
    u, excess, weight = np.ones(shape), np.zeros(shape), np.zeros(shape)
    for i in range(len(x)):
        if exact:
            low, high = u_limits(energy[i], m_l, mass[i], nucleus, x[i], x_bar[i])
        else:
            low, high = u_range(energy[i], m_l, mass[i], x[i], x_bar[i])
        if not low < high or x[i] * energy[i] <= mass[i]:
            continue
        start = math.sqrt(low / high)
        for j in range(len(grid)):
            sigma = start + (1.0 - start) * grid[j, 0]
            u[i, j] = low / (sigma * sigma)
            excess[i, j] = u[i, j] * (1.0 - sigma) * (1.0 + sigma)
            weight[i, j] = grid[j, 1] * (1.0 - start) * 2.0 * u[i, j] / sigma
    return u, excess, weight


@njit
def t_nodes(m_l, mass, x, x_bar, em, low, high, grid, g, weight):  # type: ignore[no-untyped-def]
    """Fill nodes and weights in the exchange variable; returns their number.

    Two or three panels of the grid: where the Z' can go along the outgoing lepton, the range is
    cut at that peak and a sinh map opens it on both sides.
    """
    top = knee_map(em[7] - em[6], low, high)
    peak, width = exchange_peak(m_l, mass, x, x_bar, em, low, high)
    peaked = peak - 1.0 > 0.02 * (top - 1.0)
    peak = min(peak, 1.0 + 0.9999 * (top - 1.0))
    width = max(width, 1e-6 * (top - 1.0))
    middle = 0.5 * (1.0 + top)
    if peaked:
        # three units of the logarithm below the peak, or half-way
        middle = max(0.5 * (1.0 + peak), peak - 3.0 * peak / 16.0)
    n = len(grid)
    for panel in range(3 if peaked else 2):
        start, span = 1.0, middle - 1.0
        if panel > 0:
            start = peak if peaked else middle
            span = middle - peak if panel == 2 else top - start
        if panel > 0 and peaked:
            stretch = math.asinh(abs(span) / width)
            for i in range(n):
                up = math.exp(stretch * grid[i, 0])
                g[panel * n + i] = start + math.copysign(width, span) * 0.5 * (up - 1.0 / up)
                weight[panel * n + i] = grid[i, 1] * width * stretch * 0.5 * (up + 1.0 / up)
        else:
            for i in range(n):
                g[panel * n + i] = start + span * grid[i, 0]
                weight[panel * n + i] = grid[i, 1] * span
    return (3 if peaked else 2) * n


@njit
def t_integrals(energy, mass, x, x_bar, u, u_excess, m_l, nucleus, ff, grid):  # type: ignore[no-untyped-def]
    """d sigma/dx du at coupling 1, pb/GeV^2, at (n,) points: the integral over t, phi averaged.

    ff : the numbers of `form_factor_parameters`. grid : (k, 2) nodes and weights on (0, 1).
    """
    values = np.zeros(len(x))
    g, weight = np.empty(3 * len(grid)), np.empty(3 * len(grid))
    z2, screen, size, z_inelastic, screen_inelastic = ff[0], ff[1], ff[2], ff[3], ff[4]
    for i in range(len(x)):
        m, here = mass[i], u[i]
        em = emission(energy[i], m_l, m, nucleus, x[i], x_bar[i], here, u_excess[i])
        t_min = em[6]
        if em[7] <= t_min:
            continue
        low, high = exchange_knees(t_min, here, x[i], screen, size)
        n = t_nodes(m_l, m, x[i], x_bar[i], em, low, high, grid, g, weight)
        for j in range(n):
            excess, slope = knee_inverse(g[j], low, high)
            t = t_min + excess
            ex = exchange(m_l, m, nucleus, here, em, t, excess)
            value = amplitude_mean(m_l, m, nucleus, here, t, ex)
            value *= density_front(energy[i], m_l, em[1], ex[4], t)
            value *= g2_kernel(t, z2, screen, size, z_inelastic, screen_inelastic)
            weight[j] *= value * slope
        total = 0.0
        for j in range(n):
            total += weight[j]
        values[i] = total
    return values


@njit
def theta_nodes(energy, mass, x, theta, m_l, nucleus):  # type: ignore[no-untyped-def]
    """u, u - u_min and du/dtheta at (n,) points of Z' energy and angle; du = 0 where not allowed.

    Not allowed means t_max <= t_min in `emission`, or a Z' energy outside its limits.
    """
    u, excess, slope = np.ones(len(x)), np.zeros(len(x)), np.zeros(len(x))
    p = math.sqrt((energy - m_l) * (energy + m_l))
    for i in range(len(x)):
        k0 = x[i] * energy
        low, high = u_limits(energy, m_l, mass, nucleus, x[i], 1.0 - x[i])
        k = math.sqrt(max((k0 - mass) * (k0 + mass), 0.0))
        off = 4.0 * p * k * math.sin(0.5 * theta[i]) ** 2
        if low + off < high and k > 0.0:
            u[i], excess[i], slope[i] = low + off, off, 2.0 * p * k * math.sin(theta[i])
    return u, excess, slope
