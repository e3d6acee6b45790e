"""Kernels that draw l N -> l N Z': the unit cube, its table of bounds, accept-reject, momenta.

A point of the unit cube fixes (x, u, t, phi) between the exact limits at the lepton's energy:
x/(1-x) and t by nearly logarithmic changes of variables of `bremsstrahlung_maps`, u by
sqrt(u_min/u), phi by tan(phi/2) with the pole of the squared amplitude in s taken out. The cube
is cut into cells; `cell_bounds` finds what the density reaches in each.

Points go through in blocks of BLOCK, one loop without branches, so that the compiler works on
several of them at once; a block is one record of BLOCK_FIELDS.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner, njit
from mutau.matter.form_factors import g2_kernel
from mutau.reactions.bremsstrahlung_density import TREE, Collision, density_at
from mutau.reactions.bremsstrahlung_kernels import emission, exchange, u_limits
from mutau.reactions.bremsstrahlung_maps import (
    energy_limits,
    energy_scales,
    exchange_scales,
    from_variable,
    to_variable,
)
from mutau.reactions.bremsstrahlung_ww import ww_density
from mutau.reactions.importance import alias_draw, alias_table

Array = NDArray[np.float64]

BLOCK: Final = 256
#: A block of points: lepton energy and place in the cube go in; the density (pb at coupling 1 per
#: unit volume of the cube) and the kinematics come out. along, across : of the photon's momentum
#: against V. bound : what the density is compared with.
BLOCK_FIELDS: Final = np.dtype(
    [
        (name, "f8", (BLOCK,))
        for name in (
            "energy", "r_x", "r_u", "r_t", "r_phi", "value", "x", "x_bar", "u_excess", "v", "t",
            "along", "across", "cos", "sin", "bound",
        )
    ]
)  # fmt: skip


class Emitter(NamedTuple):
    """What is drawn: a lepton on a nucleus, the Z' mass (GeV), and the window in x."""

    collision: Collision
    mass: float
    x_min: float
    x_max: float


class Edges(NamedTuple):
    """Edges of the cells along each axis of the cube, from 0 to 1."""

    x: Array
    u: Array
    t: Array
    phi: Array


class BoundTable(NamedTuple):
    """Cells, and per energy bin their bounds and alias tables, (n_bins, cells).

    log_low, log_step : the energy bins, equal in the logarithm.
    """

    edges: Edges
    bounds: Array
    threshold: Array
    alias: NDArray[np.int64]
    log_low: float
    log_step: float


class FinalStates(NamedTuple):
    """Four-momenta (n, 4), (E, px, py, pz), GeV, and weights (n,)."""

    lepton: Array
    zprime: Array
    nucleus: Array
    weight: Array


@inner
def evaluate(emitter: Emitter, n: int, block: Any) -> None:
    """Density and kinematics of the first n points of a block.

    Where the amplitude is not the exact one: the Weizsaecker-Williams density with exact
    kinematics, t below m^2 + m_l^2.
    """
    collision, mass = emitter.collision, emitter.mass
    m_l, nucleus, ff = collision.m_l, collision.nucleus, collision.ff
    exact = collision.method == TREE
    a, b = energy_scales(m_l, mass)
    t_ceiling = np.inf if exact else mass * mass + m_l * m_l
    for i in range(n):
        energy = block["energy"][i]
        k_low, k_high = energy_limits(energy, m_l, mass, nucleus)
        low, high = max(k_low, emitter.x_min * energy), min(k_high, emitter.x_max * energy)
        g_low = to_variable(low / (energy - low), a, b)
        g_high = to_variable(high / (energy - high), a, b)
        w, slope_x = from_variable(g_low + (g_high - g_low) * block["r_x"][i], a, b)
        x_bar = 1.0 / (1.0 + w)
        x = w * x_bar
        u_min, u_max = u_limits(energy, m_l, mass, nucleus, x, x_bar)
        sigma_low = math.sqrt(min(u_min / u_max, 1.0))
        sigma = sigma_low + (1.0 - sigma_low) * block["r_u"][i]
        u = u_min / (sigma * sigma)
        u_excess = u * (1.0 - sigma) * (1.0 + sigma)
        em = emission(energy, m_l, mass, nucleus, x, x_bar, u, u_excess)
        t_min, t_max = em.t_min, min(em.t_max, t_ceiling)
        soft, hard = exchange_scales(t_min, u, x, ff.screen, ff.size)
        top = to_variable(max(t_max - t_min, 0.0), soft, hard)
        t_excess, slope_t = from_variable(1.0 + (top - 1.0) * block["r_t"][i], soft, hard)
        t = t_min + t_excess
        along = (t * (1.0 + em.v0 / nucleus) + u) / (2.0 * em.v)
        ex = exchange(m_l, mass, nucleus, u, em, t, t_excess)
        sine, cosine = block["r_phi"][i], 1.0 - block["r_phi"][i]
        stretch = math.sqrt(ex.s_low / (ex.s_low + 4.0 * ex.beta)) if exact else 1.0
        sine *= stretch
        norm = 1.0 / (cosine * cosine + sine * sine)
        cos_phi, sin_phi = (cosine * cosine - sine * sine) * norm, 2.0 * cosine * sine * norm
        if exact:
            value = density_at(energy, mass, collision, em, u, t, ex, cos_phi)
        else:
            value = ww_density(energy, collision, mass, x, x_bar, u, t, t_excess) * g2_kernel(t, ff)
        value *= (g_high - g_low) * slope_x * x_bar * x_bar
        value *= (1.0 - sigma_low) * 2.0 * u / sigma
        value *= (top - 1.0) * slope_t * stretch * norm * (2.0 / math.pi)
        allowed = (low < high) & (u_min < u_max) & (t_min < t_max)
        block["value"][i] = value if allowed else 0.0
        block["x"][i], block["x_bar"][i] = x, x_bar
        block["u_excess"][i], block["v"][i], block["t"][i] = u_excess, em.v, t
        block["along"][i], block["across"][i] = along, math.sqrt(ex.q_t2)
        block["cos"][i], block["sin"][i] = cos_phi, sin_phi


@njit
def grid_values(emitter: Emitter, energy: float, at: Edges) -> Array:
    """Density on a grid of the cube, (n_x, n_u, n_t, n_phi)."""
    n_u, n_t, n_p = len(at.u), len(at.t), len(at.phi)
    total = len(at.x) * n_u * n_t * n_p
    values = np.empty(total)
    blocks = np.zeros(1, BLOCK_FIELDS)
    done = 0
    while done < total:
        block = blocks[0]  # a record does not hold its array: that must be of use to the end
        n = min(BLOCK, total - done)
        for i in range(n):
            m = (done + i) % n_p
            rest = (done + i) // n_p
            k = rest % n_t
            rest //= n_t
            block["energy"][i] = energy
            block["r_x"][i] = at.x[rest // n_u]
            block["r_u"][i] = at.u[rest % n_u]
            block["r_t"][i] = at.t[k]
            block["r_phi"][i] = at.phi[m]
        evaluate(emitter, n, block)
        for i in range(n):
            values[done + i] = block["value"][i]
        done += n
    return values.reshape((len(at.x), n_u, n_t, n_p))


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
def draw_tables(bounds: Array, edges: Edges) -> tuple[Array, NDArray[np.int64]]:
    """Alias tables of (n_bins, n_x, n_u, n_t, n_phi) bounds: threshold and alias (n_bins, n)."""
    n_bins, n_x, n_u, n_t, n_p = bounds.shape
    n = n_x * n_u * n_t * n_p
    threshold, alias = np.empty((n_bins, n)), np.empty((n_bins, n), np.int64)
    content = np.empty(n)
    for b in range(n_bins):
        cell = 0
        for i in range(n_x):
            for j in range(n_u):
                for k in range(n_t):
                    area = (
                        (edges.x[i + 1] - edges.x[i])
                        * (edges.u[j + 1] - edges.u[j])
                        * (edges.t[k + 1] - edges.t[k])
                    )
                    for m in range(n_p):
                        width = edges.phi[m + 1] - edges.phi[m]
                        content[cell] = bounds[b, i, j, k, m] * area * width
                        cell += 1
        low, other = alias_table(content)
        for cell in range(n):
            threshold[b, cell], alias[b, cell] = low[cell], other[cell]
    return threshold, alias


@inner
def final_state(
    emitter: Emitter, block: Any, i: int, azimuth: float, flip: float, out: FinalStates, event: int
) -> None:
    """Write the three four-momenta of point i of a block, incoming lepton along +z.

    azimuth : of the emission plane, rad. flip : sign of sin(phi). The recoil energy t/2M balances
    energy, the photon momentum balances momentum, so both sums hold to rounding.
    """
    m_l, mass, nucleus = emitter.collision.m_l, emitter.mass, emitter.collision.nucleus
    lepton, zprime, recoil = out.lepton[event], out.zprime[event], out.nucleus[event]
    energy, x_bar, t, v = block["energy"][i], block["x_bar"][i], block["t"][i], block["v"][i]
    p = math.sqrt((energy - m_l) * (energy + m_l))
    k0 = block["x"][i] * energy
    k = math.sqrt((k0 - mass) * (k0 + mass))
    off = block["u_excess"][i] / (2.0 * p * k)
    k_z, k_t = k * (1.0 - off), k * math.sqrt(off * max(2.0 - off, 0.0))
    # p - k along the beam, without the cancellation of p - k_z near x = 1
    v_z = (x_bar * energy * (energy + k0) + mass * mass - m_l * m_l) / (p + k) + k * off
    along, side = block["along"][i], block["across"][i] * block["cos"][i]
    q_plane = along * k_t / v + side * v_z / v
    q_out = flip * block["across"][i] * block["sin"][i]
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


@inner
def propose(block: Any, i: int, cell: int, rng: np.random.Generator, edges: Edges) -> None:
    """Put a point uniform in a cell into slot i of a block."""
    n_u, n_t, n_p = len(edges.u) - 1, len(edges.t) - 1, len(edges.phi) - 1
    m = cell % n_p
    rest = cell // n_p
    k = rest % n_t
    rest //= n_t
    j = rest % n_u
    h = rest // n_u
    block["r_x"][i] = edges.x[h] + (edges.x[h + 1] - edges.x[h]) * rng.random()
    block["r_u"][i] = edges.u[j] + (edges.u[j + 1] - edges.u[j]) * rng.random()
    block["r_t"][i] = edges.t[k] + (edges.t[k + 1] - edges.t[k]) * rng.random()
    block["r_phi"][i] = edges.phi[m] + (edges.phi[m + 1] - edges.phi[m]) * rng.random()


@njit
def draw_events(
    emitter: Emitter, table: BoundTable, energies: Array, rng: np.random.Generator, out: FinalStates
) -> tuple[int, int]:
    """Fill the final states, one unweighted event per incoming energy.

    Each slot of the block works on one event until a point is kept, then takes the next. Returns
    number of trials, and of events above a bound.
    """
    n_bins = table.bounds.shape[0]
    blocks = np.zeros(1, BLOCK_FIELDS)
    owner = np.empty(BLOCK, np.int64)
    bin_of = np.empty(BLOCK, np.int64)
    n = min(BLOCK, len(energies))
    for i in range(n):
        owner[i] = -1
    waiting, trials, over = 0, 0, 0
    while n > 0:
        block = blocks[0]  # a record does not hold its array: that must be of use to the end
        for i in range(n):
            if owner[i] < 0:
                owner[i] = waiting
                energy = energies[waiting]
                waiting += 1
                block["energy"][i] = energy
                place = int((math.log(energy) - table.log_low) / table.log_step)
                bin_of[i] = min(max(place, 0), n_bins - 1)
            place = bin_of[i]
            cell = alias_draw(rng.random(), table.threshold[place], table.alias[place])
            block["bound"][i] = table.bounds[place, cell]
            propose(block, i, cell, rng, table.edges)
        evaluate(emitter, n, block)
        trials += n
        for i in range(n):
            ratio = block["value"][i] / block["bound"][i]
            if not ratio > rng.random():
                continue
            event, owner[i] = owner[i], -1
            out.weight[event] = max(ratio, 1.0)
            over += ratio > 1.0
            # one number gives the azimuth and, by its half, the sign of sin(phi)
            turn = 2.0 * rng.random()
            flip = 1.0 if turn < 1.0 else -1.0
            final_state(emitter, block, i, 2.0 * math.pi * turn, flip, out, event)
        # when few events wait, free slots that none will need close up
        left, free, kept = len(energies) - waiting, 0, 0
        for i in range(n):
            if owner[i] < 0:
                if free == left:
                    continue
                free += 1
            owner[kept], bin_of[kept] = owner[i], bin_of[i]
            block["energy"][kept] = block["energy"][i]
            kept += 1
        n = kept
    return trials, over
