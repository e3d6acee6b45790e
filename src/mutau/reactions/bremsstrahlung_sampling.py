"""Kernels that draw l N -> l N Z': the unit cube, its table of bounds, accept-reject, momenta.

A point of the unit cube fixes (x, u, t, phi) between the exact limits at the lepton's energy:
x/(1-x) and t by nearly logarithmic variables with the knees of `bremsstrahlung_maps`, u by
sqrt(u_min/u), phi by tan(phi/2) with the pole of the squared amplitude in s taken out. The cube
is cut into cells; `cell_bounds` finds what the density reaches in each.

Points go through in blocks of BLOCK, one loop without branches, so that the compiler works on
several of them at once. `work` is one flat array of ROWS rows of BLOCK numbers:
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.matter.form_factors import g2_kernel
from mutau.reactions.bremsstrahlung_kernels import (
    amplitude_at,
    density_front,
    emission,
    exchange,
    u_limits,
)
from mutau.reactions.bremsstrahlung_maps import (
    energy_knees,
    energy_limits,
    exchange_knees,
    knee_inverse,
    knee_map,
)
from mutau.reactions.bremsstrahlung_ww import shape
from mutau.reactions.importance import alias_draw, alias_table

Array = NDArray[np.float64]

BLOCK: Final = 256
ENERGY: Final = 0
R_X: Final = 1 * BLOCK
R_U: Final = 2 * BLOCK
R_T: Final = 3 * BLOCK
R_PHI: Final = 4 * BLOCK
VALUE: Final = 5 * BLOCK  #: density, pb at coupling 1 per unit volume of the cube
X: Final = 6 * BLOCK
X_BAR: Final = 7 * BLOCK
U_EXCESS: Final = 8 * BLOCK
V: Final = 9 * BLOCK
T: Final = 10 * BLOCK
ALONG: Final = 11 * BLOCK  #: photon momentum against V
ACROSS: Final = 12 * BLOCK  #: photon momentum across V
COS: Final = 13 * BLOCK
SIN: Final = 14 * BLOCK
BOUND: Final = 15 * BLOCK
ROWS: Final = 16


@njit
def evaluate(exact, n, work, m_l, mass, nucleus, x_min, x_max, ff):  # type: ignore[no-untyped-def]
    """Density and kinematics of the first n points of `work` from their energy and cube numbers.

    exact : False for the Weizsaecker-Williams density with exact kinematics, t below m^2 + m_l^2.
    """
    a, b = energy_knees(m_l, mass)
    z2, screen, size, z_inelastic, screen_inelastic = ff[0], ff[1], ff[2], ff[3], ff[4]
    t_ceiling = np.inf if exact else mass * mass + m_l * m_l
    for i in range(n):
        energy = work[ENERGY + i]
        k_low, k_high = energy_limits(energy, m_l, mass, nucleus)
        low, high = max(k_low, x_min * energy), min(k_high, x_max * energy)
        g_low = knee_map(low / (energy - low), a, b)
        g_high = knee_map(high / (energy - high), a, b)
        w, slope_x = knee_inverse(g_low + (g_high - g_low) * work[R_X + i], a, b)
        x_bar = 1.0 / (1.0 + w)
        x = w * x_bar
        u_min, u_max = u_limits(energy, m_l, mass, nucleus, x, x_bar)
        sigma_low = math.sqrt(min(u_min / u_max, 1.0))
        sigma = sigma_low + (1.0 - sigma_low) * work[R_U + i]
        u = u_min / (sigma * sigma)
        u_excess = u * (1.0 - sigma) * (1.0 + sigma)
        em = emission(energy, m_l, mass, nucleus, x, x_bar, u, u_excess)
        t_min, t_max = em[6], min(em[7], t_ceiling)
        knee_low, knee_high = exchange_knees(t_min, u, x, screen, size)
        top = knee_map(max(t_max - t_min, 0.0), knee_low, knee_high)
        t_excess, slope_t = knee_inverse(1.0 + (top - 1.0) * work[R_T + i], knee_low, knee_high)
        t = t_min + t_excess
        along = (t * (1.0 + em[0] / nucleus) + u) / (2.0 * em[1])
        ex = exchange(m_l, mass, nucleus, u, em, t, t_excess)
        sine, cosine = work[R_PHI + i], 1.0 - work[R_PHI + i]
        stretch = math.sqrt(ex[3] / (ex[3] + 4.0 * ex[2])) if exact else 1.0
        sine *= stretch
        norm = 1.0 / (cosine * cosine + sine * sine)
        cos_phi, sin_phi = (cosine * cosine - sine * sine) * norm, 2.0 * cosine * sine * norm
        if exact:
            value = amplitude_at(m_l, mass, nucleus, u, t, ex, cos_phi)
            value *= density_front(energy, m_l, em[1], ex[4], t)
        else:
            value = shape(energy, m_l, mass, x, x_bar, u) * t_excess / (t * t)
        value *= g2_kernel(t, z2, screen, size, z_inelastic, screen_inelastic)
        value *= (g_high - g_low) * slope_x * x_bar * x_bar
        value *= (1.0 - sigma_low) * 2.0 * u / sigma
        value *= (top - 1.0) * slope_t * stretch * norm * (2.0 / math.pi)
        allowed = (low < high) & (u_min < u_max) & (t_min < t_max)
        work[VALUE + i] = value if allowed else 0.0
        work[X + i], work[X_BAR + i] = x, x_bar
        work[U_EXCESS + i], work[V + i], work[T + i] = u_excess, em[1], t
        work[ALONG + i], work[ACROSS + i] = along, math.sqrt(ex[0])
        work[COS + i], work[SIN + i] = cos_phi, sin_phi


@njit
def grid_values(exact, energy, m_l, mass, nucleus, x_min, x_max, ff, at_x, at_u, at_t, at_phi):  # type: ignore[no-untyped-def]
    """Density on a grid of the cube, (n_x, n_u, n_t, n_phi)."""
    n_u, n_t, n_p = len(at_u), len(at_t), len(at_phi)
    total = len(at_x) * n_u * n_t * n_p
    values = np.empty(total)
    work = np.zeros(ROWS * BLOCK)
    done = 0
    while done < total:
        n = min(BLOCK, total - done)
        for i in range(n):
            m = (done + i) % n_p
            rest = (done + i) // n_p
            k = rest % n_t
            rest //= n_t
            work[ENERGY + i] = energy
            work[R_X + i] = at_x[rest // n_u]
            work[R_U + i] = at_u[rest % n_u]
            work[R_T + i] = at_t[k]
            work[R_PHI + i] = at_phi[m]
        evaluate(exact, n, work, m_l, mass, nucleus, x_min, x_max, ff)
        for i in range(n):
            values[done + i] = work[VALUE + i]
        done += n
    return values.reshape((len(at_x), n_u, n_t, n_p))


def cell_bounds(corner: Array, middle: Array, margin: float) -> Array:
    """Bound of each cell from the density on its corners and in its middle.

    corner : (n_x+1, n_u+1, n_t+1, n_phi+1), middle : (n_x, n_u, n_t, n_phi), of `grid_values`.
    The bound is the largest value plus `margin` times the difference to the smallest, which is
    to cover the curvature in between.
    """
    largest, smallest = middle.copy(), middle.copy()
    n_x, n_u, n_t, n_p = middle.shape
    for c in range(16):
        i, j, k, m = c & 1, (c >> 1) & 1, (c >> 2) & 1, c >> 3
        value = corner[i : i + n_x, j : j + n_u, k : k + n_t, m : m + n_p]
        np.maximum(largest, value, out=largest)
        np.minimum(smallest, value, out=smallest)
    return np.asarray(largest + margin * (largest - smallest))


@njit
def draw_tables(bounds, edges):  # type: ignore[no-untyped-def]
    """Alias tables of (n_bins, n_x, n_u, n_t, n_phi) bounds: threshold and alias (n_bins, n)."""
    n_bins, n_x, n_u, n_t, n_p = bounds.shape
    n = n_x * n_u * n_t * n_p
    threshold, alias = np.empty((n_bins, n)), np.empty((n_bins, n), np.int64)
    share = np.empty(n)
    for b in range(n_bins):
        cell = 0
        for i in range(n_x):
            for j in range(n_u):
                for k in range(n_t):
                    area = (
                        (edges[0][i + 1] - edges[0][i])
                        * (edges[1][j + 1] - edges[1][j])
                        * (edges[2][k + 1] - edges[2][k])
                    )
                    for m in range(n_p):
                        width = edges[3][m + 1] - edges[3][m]
                        share[cell] = bounds[b, i, j, k, m] * area * width
                        cell += 1
        low, other = alias_table(share)
        for cell in range(n):
            threshold[b, cell], alias[b, cell] = low[cell], other[cell]
    return threshold, alias


@njit
def final_state(work, i, m_l, mass, nucleus, azimuth, flip, lepton, zprime, recoil):  # type: ignore[no-untyped-def]
    """Write the three four-momenta of point i of `work`, incoming lepton along +z.

    azimuth : of the emission plane, rad. flip : sign of sin(phi). lepton, zprime, recoil : (4,)
    arrays, (E, px, py, pz). The recoil energy t/2M balances energy, the photon momentum balances
    momentum, so both sums hold to rounding.
    """
    energy, x_bar, t, v = work[ENERGY + i], work[X_BAR + i], work[T + i], work[V + i]
    p = math.sqrt((energy - m_l) * (energy + m_l))
    k0 = work[X + i] * energy
    k = math.sqrt((k0 - mass) * (k0 + mass))
    off = work[U_EXCESS + i] / (2.0 * p * k)
    k_z, k_t = k * (1.0 - off), k * math.sqrt(off * max(2.0 - off, 0.0))
    # p - k along the beam, without the cancellation of p - k_z near x = 1
    v_z = (x_bar * energy * (energy + k0) + mass * mass - m_l * m_l) / (p + k) + k * off
    along, side = work[ALONG + i], work[ACROSS + i] * work[COS + i]
    q_plane = along * k_t / v + side * v_z / v
    q_out = flip * work[ACROSS + i] * work[SIN + i]
    q_z = -along * v_z / v + side * k_t / v
    c, s = math.cos(azimuth), math.sin(azimuth)
    kinetic = 0.5 * t / nucleus
    zprime[0], zprime[1], zprime[2], zprime[3] = k0, k_t * c, k_t * s, k_z
    out_plane = q_plane - k_t
    lepton[0] = x_bar * energy - kinetic
    lepton[1] = out_plane * c - q_out * s
    lepton[2] = out_plane * s + q_out * c
    lepton[3] = v_z + q_z
    recoil[0] = nucleus + kinetic
    recoil[1] = -(q_plane * c - q_out * s)
    recoil[2] = -(q_plane * s + q_out * c)
    recoil[3] = -q_z


@njit
def propose(work, i, cell, rng, edges, shape_):  # type: ignore[no-untyped-def]
    """Put a point uniform in a cell into slot i of `work`. shape_ : (n_u, n_t, n_phi)."""
    m = cell % shape_[2]
    rest = cell // shape_[2]
    k = rest % shape_[1]
    rest //= shape_[1]
    j = rest % shape_[0]
    h = rest // shape_[0]
    work[R_X + i] = edges[0][h] + (edges[0][h + 1] - edges[0][h]) * rng.random()
    work[R_U + i] = edges[1][j] + (edges[1][j + 1] - edges[1][j]) * rng.random()
    work[R_T + i] = edges[2][k] + (edges[2][k + 1] - edges[2][k]) * rng.random()
    work[R_PHI + i] = edges[3][m] + (edges[3][m + 1] - edges[3][m]) * rng.random()


@njit
def draw_events(  # type: ignore[no-untyped-def]
    exact, m_l, mass, nucleus, x_min, x_max, ff, log_low, log_step, energies, rng,
    bounds, threshold, alias, edges, lepton, zprime, recoil, weight,
):  # fmt: skip
    """Fill (n, 4) momenta and (n,) weights, one unweighted event per incoming energy.

    log_low, log_step : the energy bins of the tables, equal in the logarithm. bounds, threshold,
    alias : (n_bins, cells). rng : Generator. Each slot of the block works on one event until a
    point is kept, then takes the next. Returns number of trials, and of events above a bound.
    """
    n_bins = bounds.shape[0]
    shape_ = (len(edges[1]) - 1, len(edges[2]) - 1, len(edges[3]) - 1)
    work = np.zeros(ROWS * BLOCK)
    owner = np.empty(BLOCK, np.int64)
    bin_of = np.empty(BLOCK, np.int64)
    n = min(BLOCK, len(energies))
    for i in range(n):
        owner[i] = -1
    waiting, trials, over = 0, 0, 0
    while n > 0:
        for i in range(n):
            if owner[i] < 0:
                owner[i] = waiting
                energy = energies[waiting]
                waiting += 1
                work[ENERGY + i] = energy
                place = int((math.log(energy) - log_low) / log_step)
                bin_of[i] = min(max(place, 0), n_bins - 1)
            place = bin_of[i]
            cell = alias_draw(rng.random(), threshold[place], alias[place])
            work[BOUND + i] = bounds[place, cell]
            propose(work, i, cell, rng, edges, shape_)
        evaluate(exact, n, work, m_l, mass, nucleus, x_min, x_max, ff)
        trials += n
        for i in range(n):
            ratio = work[VALUE + i] / work[BOUND + i]
            if not ratio > rng.random():
                continue
            event, owner[i] = owner[i], -1
            weight[event] = max(ratio, 1.0)
            over += ratio > 1.0
            # one number gives the azimuth and, by its half, the sign of sin(phi)
            turn = 2.0 * rng.random()
            flip = 1.0 if turn < 1.0 else -1.0
            final_state(
                work, i, m_l, mass, nucleus, 2.0 * math.pi * turn, flip,
                lepton[event], zprime[event], recoil[event],
            )  # fmt: skip
        # when few events wait, free slots that none will need close up
        left, free, kept = len(energies) - waiting, 0, 0
        for i in range(n):
            if owner[i] < 0:
                if free == left:
                    continue
                free += 1
            owner[kept], bin_of[kept] = owner[i], bin_of[i]
            work[ENERGY + kept] = work[ENERGY + i]
            kept += 1
        n = kept
    return trials, over
