"""Deterministic quadrature of l N -> l N Z' over its three non-trivial variables.

Each integral runs in a variable of `bremsstrahlung_maps`, in which the integrand is smooth
between the exact kinematic limits, so that a few Gauss-Legendre nodes are enough. The kernels
take flat arrays of points and hand back flat arrays: nodes in x, nodes in u, integrals over t.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.reactions.bremsstrahlung_density import TREE, Collision, density_mean
from mutau.reactions.bremsstrahlung_kernels import ZprimeKinematics, emission, exchange, u_limits
from mutau.reactions.bremsstrahlung_maps import (
    energy_limits,
    energy_scales,
    exchange_peak,
    exchange_scales,
    from_variable,
    to_variable,
)
from mutau.reactions.bremsstrahlung_ww import u_range
from mutau.reactions.quadrature import Rule

Array = NDArray[np.float64]


class Emissions(NamedTuple):
    """Points of Z' momentum, (n,) each: GeV, and GeV^2 for u and u_excess = u - u_min(x)."""

    energy: Array
    mass: Array
    x: Array
    x_bar: Array
    u: Array
    u_excess: Array


@njit
def x_nodes(
    energy: Array, mass: Array, collision: Collision, window: tuple[float, float], rule: Rule
) -> tuple[Array, Array, Array]:
    """Nodes in x between the limits at each (energy, mass), of (n,) points.

    window : smallest and largest x. Returns x, 1 - x and weights, (n, k) each; weights are 0 where
    the reaction is closed or the window empty.
    """
    shape = (len(energy), len(rule.nodes))
    m_l = collision.m_l
    x, x_bar, weight = np.full(shape, 0.5), np.full(shape, 0.5), np.zeros(shape)
    for i in range(len(energy)):
        k_low, k_high = energy_limits(energy[i], m_l, mass[i], collision.nucleus)
        low, high = max(k_low, window[0] * energy[i]), min(k_high, window[1] * energy[i])
        if not low < high:
            continue
        a, b = energy_scales(m_l, mass[i])
        start = to_variable(low / (energy[i] - low), a, b)
        span = to_variable(high / (energy[i] - high), a, b) - start
        for j in range(len(rule.nodes)):
            w, slope = from_variable(start + span * rule.nodes[j], a, b)
            bar = 1.0 / (1.0 + w)
            x[i, j], x_bar[i, j] = w * bar, bar
            weight[i, j] = rule.weights[j] * span * slope * bar * bar
    return x, x_bar, weight


@njit
def u_nodes(
    energy: Array, mass: Array, x: Array, x_bar: Array, collision: Collision, rule: Rule
) -> tuple[Array, Array, Array]:
    """Nodes in u between the limits at each of (n,) points: exact, or those of ww.

    Returns u, u - u_min and weights, (n, k) each; weights are 0 where nothing is allowed.
    """
    shape = (len(x), len(rule.nodes))
    m_l, exact = collision.m_l, collision.method == TREE
    u, excess, weight = np.ones(shape), np.zeros(shape), np.zeros(shape)
    for i in range(len(x)):
        if exact:
            low, high = u_limits(energy[i], m_l, mass[i], collision.nucleus, x[i], x_bar[i])
        else:
            low, high = u_range(energy[i], m_l, mass[i], x[i], x_bar[i])
        if not low < high or x[i] * energy[i] <= mass[i]:
            continue
        start = math.sqrt(low / high)
        for j in range(len(rule.nodes)):
            sigma = start + (1.0 - start) * rule.nodes[j]
            u[i, j] = low / (sigma * sigma)
            excess[i, j] = u[i, j] * (1.0 - sigma) * (1.0 + sigma)
            weight[i, j] = rule.weights[j] * (1.0 - start) * 2.0 * u[i, j] / sigma
    return u, excess, weight


@njit
def t_nodes(
    peak: tuple[float, float],
    em: ZprimeKinematics,
    scales: tuple[float, float],
    rule: Rule,
    out: Rule,
) -> int:
    """Fill nodes and weights in the exchange variable; returns their number.

    Two or three panels of the rule: where the Z' can go along the outgoing lepton, the range is
    cut at that peak (place and width, of `exchange_peak`) and a sinh map opens it on both sides.
    """
    g, weight = out.nodes, out.weights
    top = to_variable(em.t_max - em.t_min, scales[0], scales[1])
    place, width = peak
    # a peak in the first fiftieth is resolved without a cut; the cut stays within the range
    peaked = place - 1.0 > 0.02 * (top - 1.0)
    place = min(place, 1.0 + 0.9999 * (top - 1.0))
    width = max(width, 1e-6 * (top - 1.0))
    middle = 0.5 * (1.0 + top)
    if peaked:
        # three units of the logarithm below the peak, or half-way
        middle = max(0.5 * (1.0 + place), place - 3.0 * place / 16.0)
    n = len(rule.nodes)
    for panel in range(3 if peaked else 2):
        start, span = 1.0, middle - 1.0
        if panel > 0:
            start = place if peaked else middle
            span = middle - place if panel == 2 else top - start
        if panel > 0 and peaked:
            stretch = math.asinh(abs(span) / width)
            for i in range(n):
                up = math.exp(stretch * rule.nodes[i])
                g[panel * n + i] = start + math.copysign(width, span) * 0.5 * (up - 1.0 / up)
                weight[panel * n + i] = rule.weights[i] * width * stretch * 0.5 * (up + 1.0 / up)
        else:
            for i in range(n):
                g[panel * n + i] = start + span * rule.nodes[i]
                weight[panel * n + i] = rule.weights[i] * span
    return (3 if peaked else 2) * n


@njit
def t_integrals(at: Emissions, collision: Collision, rule: Rule) -> Array:
    """d sigma/dx du at coupling 1, pb/GeV^2, at (n,) points: the integral over t, phi averaged."""
    values = np.zeros(len(at.x))
    m_l, nucleus, ff = collision.m_l, collision.nucleus, collision.ff
    out = Rule(np.empty(3 * len(rule.nodes)), np.empty(3 * len(rule.nodes)))
    for i in range(len(at.x)):
        energy, m, u, x, x_bar = at.energy[i], at.mass[i], at.u[i], at.x[i], at.x_bar[i]
        em = emission(energy, m_l, m, nucleus, x, x_bar, u, at.u_excess[i])
        if em.t_max <= em.t_min:
            continue
        scales = exchange_scales(em.t_min, u, x, ff.screen, ff.size)
        n = t_nodes(exchange_peak(m_l, m, x, x_bar, em, scales), em, scales, rule, out)
        for j in range(n):
            excess, slope = from_variable(out.nodes[j], scales[0], scales[1])
            t = em.t_min + excess
            ex = exchange(m_l, m, nucleus, u, em, t, excess)
            out.weights[j] *= density_mean(energy, m, collision, em, u, t, ex) * slope
        total = 0.0
        for j in range(n):
            total += out.weights[j]
        values[i] = total
    return values


@njit
def theta_nodes(
    energy: float, mass: float, x: Array, theta: Array, collision: Collision
) -> tuple[Array, Array, Array]:
    """u, u - u_min and du/dtheta at (n,) points of Z' energy and angle; du = 0 where not allowed.

    Not allowed means t_max <= t_min in `emission`, or a Z' energy outside its limits.
    """
    m_l = collision.m_l
    u, excess, slope = np.ones(len(x)), np.zeros(len(x)), np.zeros(len(x))
    p = math.sqrt((energy - m_l) * (energy + m_l))
    for i in range(len(x)):
        k0 = x[i] * energy
        low, high = u_limits(energy, m_l, mass, collision.nucleus, x[i], 1.0 - x[i])
        k = math.sqrt(max((k0 - mass) * (k0 + mass), 0.0))
        off = 4.0 * p * k * math.sin(0.5 * theta[i]) ** 2
        if low + off < high and k > 0.0:
            u[i], excess[i], slope[i] = low + off, off, 2.0 * p * k * math.sin(theta[i])
    return u, excess, slope
