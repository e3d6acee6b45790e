"""Resonance times a smooth function, integrated exactly over the pole; panels over the electrons.

An electron of momentum k under angle z to the positron gives s = 2 m^2 + 2 E kappa with the
light-cone variable kappa = E_- - beta k z. For isotropic electrons the density of kappa is
G(k_min)/(2 beta), where k_min(kappa) is the least momentum that reaches kappa and
G(k) = int_k^inf dP(k')/k' (twice the Compton profile). So the double average over angle and
energy is one integral over kappa of 1/((s - M^2)^2 + M^2 Gamma^2) times a smooth function H.

On each panel H is a polynomial through 8 Gauss nodes, and polynomial times resonance is integrated
in closed form with the complex pole, whatever the width; nothing is lost down to widths of
1e-300 of a panel. Far from the pole plain Gauss-Legendre is used (product integration there would
lose digits). All arguments are plain floats and arrays, GeV.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mutau.core.jit import njit

Array = np.ndarray

N_NODES = 8
NODES, WEIGHTS = np.polynomial.legendre.leggauss(N_NODES)
#: Values at the nodes -> coefficients of t^0 .. t^7.
TO_POWERS = np.linalg.inv(np.vander(NODES, increasing=True))
#: Beyond this distance of the pole (in half panels) plain quadrature holds to 1e-9.
_FAR = 6.0


class Pole(NamedTuple):
    """Resonance in s: M^2 and M Gamma, GeV^2."""

    centre: float
    half_width: float


class MomentumTable(NamedTuple):
    """ln G over asinh(k/scale) in equal steps; scale in GeV."""

    log_table: Array
    scale: float
    step: float


@njit
def resonance_panel(values: Array, low: float, high: float, pole: Pole) -> float:
    """int_low^high H(x) dx/((x - centre)^2 + half_width^2), H given at the 8 Gauss nodes.

    Moments mu_j = int_-1^1 t^j/(t - tau) dt of the complex pole tau by the recursion
    mu_(j+1) = tau mu_j + (1 - (-1)^(j+1))/(j + 1); the integral is Im(sum c_j mu_j)/(h Im tau).
    Real and imaginary parts are carried apart, so a tiny width costs no digits; the angle mu_0 is
    made from the distances of the edges, so neighbours that meet at the pole share it exactly.
    """
    half, half_width = 0.5 * (high - low), pole.half_width
    if half <= 0.0:
        return 0.0
    left, right = low - pole.centre, high - pole.centre
    re, im = -0.5 * (left + right) / half, half_width / half
    if re * re + im * im > _FAR * _FAR:
        total = 0.0
        for j in range(N_NODES):
            offset = NODES[j] - re
            total += WEIGHTS[j] * values[j] / (offset * offset + im * im)
        return total / half
    squared = max(half_width * half_width, 1e-300)
    moment_re = 0.5 * math.log((right * right + squared) / (left * left + squared))
    moment_im = math.atan2(half_width * (right - left), squared + left * right)
    total = 0.0
    for j in range(N_NODES):
        coefficient = 0.0
        for i in range(N_NODES):
            coefficient += TO_POWERS[j, i] * values[i]
        total += coefficient * moment_im
        constant = 2.0 / (j + 1.0) if j % 2 == 0 else 0.0
        moment_re, moment_im = (
            re * moment_re - im * moment_im + constant,
            re * moment_im + im * moment_re,
        )
    return total / (half * im)


@njit
def least_momentum(kappa: float, mass: float, beta: float) -> float:
    """Least momentum of an electron that has light-cone variable `kappa`, GeV.

    Root of sqrt(m^2 + k^2) -+ beta k = kappa; 1/gamma^2 = 1 - beta^2 is kept, so it holds down
    to slow positrons. Check: beta = 1 gives |m^2 - kappa^2|/(2 kappa).
    """
    inside = kappa * kappa - (1.0 - beta) * (1.0 + beta) * mass * mass
    return abs((mass - kappa) * (mass + kappa)) / (kappa * beta + math.sqrt(max(inside, 0.0)))


@njit
def table_value(k: float, table: MomentumTable) -> float:
    """G(k) by cubic interpolation of its logarithm; 0 beyond the table's end."""
    log_table = table.log_table
    place = math.asinh(k / table.scale) / table.step
    last = log_table.size - 1
    i = int(place)
    if i >= last:
        return 0.0
    i = min(max(i, 1), last - 2)
    t = place - i
    a, b, c, d = log_table[i - 1], log_table[i], log_table[i + 1], log_table[i + 2]
    value = (
        -t * (t - 1.0) * (t - 2.0) / 6.0 * a
        + (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0 * b
        - (t + 1.0) * t * (t - 2.0) / 2.0 * c
        + (t + 1.0) * t * (t - 1.0) / 6.0 * d
    )
    return math.exp(value)


@njit
def electron_panels(energy: Array, breaks: Array, kinks: Array, mass: float) -> Array:
    """Sorted panel edges in s (E, 2 B - 1 + K), GeV^2, for each positron energy.

    breaks : (B,) electron momenta from 0 up. kinks : (K,) values of s where the smooth function
    bends; those outside the range become empty panels.
    """
    n = breaks.size
    edges = np.empty((energy.size, 2 * n - 1 + kinks.size))
    for e in range(energy.size):
        gamma = energy[e] / mass
        beta = math.sqrt((gamma - 1.0) * (gamma + 1.0)) / gamma
        for i in range(n):
            k = breaks[i]
            total = math.sqrt(mass * mass + k * k)
            up = total + beta * k
            down = (mass * mass + (k / gamma) ** 2) / up
            edges[e, n - 1 - i] = 2.0 * mass * mass + 2.0 * energy[e] * down
            edges[e, n - 1 + i] = 2.0 * mass * mass + 2.0 * energy[e] * up
        low, high = edges[e, 0], edges[e, 2 * n - 2]
        for i in range(kinks.size):
            edges[e, 2 * n - 1 + i] = min(max(kinks[i], low), high)
        for last in range(1, edges.shape[1]):  # insertion: all but a few are in order
            value, i = edges[e, last], last
            while i > 0 and edges[e, i - 1] > value:
                edges[e, i] = edges[e, i - 1]
                i -= 1
            edges[e, i] = value
    return edges


@njit
def panel_nodes(edges: Array) -> Array:
    """Gauss nodes (E, P, 8) of the panels between `edges` (E, P + 1)."""
    rows, panels = edges.shape[0], edges.shape[1] - 1
    nodes = np.empty((rows, panels, N_NODES))
    for e in range(rows):
        for p in range(panels):
            middle = 0.5 * (edges[e, p] + edges[e, p + 1])
            half = 0.5 * (edges[e, p + 1] - edges[e, p])
            for j in range(N_NODES):
                nodes[e, p, j] = middle + half * NODES[j]
    return nodes


@njit
def moving_electrons(
    energy: Array,
    edges: Array,
    nodes: Array,
    numerator: Array,
    pole: Pole,
    mass: float,
    table: MomentumTable,
) -> Array:
    """int ds N(s) G(k_min(s))/((s - M^2)^2 + M^2 Gamma^2) per positron energy, (E,).

    numerator : (E, P, 8), N at the nodes. mass : of the electron, GeV.
    """
    out = np.zeros(energy.size)
    values = np.empty(N_NODES)
    for e in range(energy.size):
        gamma = energy[e] / mass
        beta = math.sqrt((gamma - 1.0) * (gamma + 1.0)) / gamma
        for p in range(edges.shape[1] - 1):
            for j in range(N_NODES):
                kappa = (nodes[e, p, j] - 2.0 * mass * mass) / (2.0 * energy[e])
                k = least_momentum(kappa, mass, beta)
                values[j] = numerator[e, p, j] * table_value(k, table)
            out[e] += resonance_panel(values, edges[e, p], edges[e, p + 1], pole)
    return out


@njit
def resonance_integral(edges: Array, values: Array, pole: Pole) -> Array:
    """int H(x) dx/((x - centre)^2 + half_width^2) per row: edges (E, P + 1), values (E, P, 8)."""
    out = np.zeros(edges.shape[0])
    for e in range(edges.shape[0]):
        for p in range(edges.shape[1] - 1):
            out[e] += resonance_panel(values[e, p], edges[e, p], edges[e, p + 1], pole)
    return out
