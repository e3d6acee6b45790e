"""Kernels of the leakage estimate: a muon that is forced to lose much, hadrons that get away.

The hadrons of the forced loss are those of the full simulation (`detector.simulation_showers`):
same fragmentation, same lengths. Those harder than `HARD` are drawn from other densities as long
as they are in the target, with weights; everything else is that simulation unchanged.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.detector.boxes import DIPOLE, HALF_X, KIND, LENGTH, OPEN, TABLE, Z
from mutau.detector.simulation_flight import fly
from mutau.detector.simulation_geometry import (
    DENSE,
    E_ROW,
    E_VERTEX,
    KICKS,
    M_LAMBDA,
    M_MIP,
    PLACE,
    SECOND,
    SOLID,
    TARGET,
)
from mutau.detector.simulation_kernels import leave_with, release
from mutau.detector.simulation_matter import STOPPED, recoil_kernel
from mutau.detector.simulation_showers import (
    CHARGED,
    CHARGED_SHARE,
    FIELD_FEYNMAN,
    HADRON_RADIUS,
    NEUTRAL,
    P_T,
    PHOTON,
    PHOTON_SHARE,
    S_E,
    S_KIND,
    S_ROW,
    S_TX,
    S_TY,
    S_X,
    S_Y,
    S_Z,
    SLOW,
    STACK,
    fragment,
    move,
    push,
)
from mutau.detector.simulation_steps import EN, PX, PY, PZ, STEEP, SX, SY, deposit, secant
from mutau.detector.walls import NEAR, ahead, stretch_end, stretch_start, within
from mutau.transport import catastrophic_losses as hard

Array = NDArray[np.float64]

#: Parameters of the biasing: energy above which hadrons are biased (GeV), share of histories that
#: are drawn as the simulation does (1: no biasing at all), lower end of the flat density of shares,
#: widening of transverse momenta.
B_HARD, B_PLAIN, B_LOW, B_WIDE = range(4)
#: Share of the flat and wide densities in the biased ones.
_MIXED: Final = 0.5
#: Shares of charged hadrons, photons and neutral hadrons among hard fragments under the biasing.
_BIASED: Final = (0.3, 0.2, 0.5)
#: Weights of a history: as the simulation has it; with the spectra of leading hadrons; the latter
#: with transverse momenta wider and narrower by P_T_CHANGE, lengths longer and shorter by
#: LENGTH_CHANGE.
W_PLAIN, W_LEADING, W_WIDE, W_NARROW, W_LONG, W_SHORT = range(6)
N_WEIGHTS: Final = 6
P_T_CHANGE: Final = 1.25
LENGTH_CHANGE: Final = 1.1
#: Columns of the forced vertex: place, direction and energy of what is set free, weight, row.
V_X, V_Y, V_Z, V_TX, V_TY, V_E, V_WEIGHT, V_ROW = range(8)
#: Columns of the hardest hadron or photon that left the target (or was made as a photon): kind,
#: energy, place, slopes, number of hard collisions in the target.
L_KIND, L_E, L_X, L_Y, L_Z, L_TX, L_TY, L_COLLISIONS = range(8)


@njit
def force_losses(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    kind: int,
    log_energy: Array,
    rate: Array,
    quantile: Array,
    events: Array,
    extra: Array,
    stops: Array,
    span: Array,
    vertex: Array,
) -> None:
    """Let the muons that stand at their stops lose energy by `kind`; writes the vertices (N, 8).

    log_energy (E,), rate (E,) per cm, quantile (E, Q) of v : spectra of the losses. span (N,) : cm
    of target along z that one draw of the depth stands for. For kinds other than nuclear what is
    set free is carried to its end at once; hadrons are left to `cascades`.
    Muons that did not arrive are stopped (weight 0).
    """
    stack = np.zeros(STACK)
    nodes, steps = quantile.shape[0], quantile.shape[1] - 1
    for i in range(events.shape[0]):
        event = events[i]
        vertex[i, :] = 0.0
        energy = event[EN]
        if energy <= 0.0 or event[PZ] != stops[i]:
            event[EN] = 0.0
            continue
        u = (math.log(energy) - log_energy[0]) / (log_energy[1] - log_energy[0])
        if u < 0.0 or u > nodes - 1:
            event[EN] = 0.0
            continue
        k = min(int(u), nodes - 2)
        f = u - k
        total = (1.0 - f) * rate[k] + f * rate[k + 1]
        node = k + 1 if rng.random() * total < f * rate[k + 1] else k
        w = rng.random() * steps
        j = min(int(w), steps - 1)
        v = quantile[node, j] + (w - j) * (quantile[node, j + 1] - quantile[node, j])
        lost = min(v * energy, energy - STOPPED)
        r = int(event[E_ROW])
        m = int(rows[r, TABLE])
        p_t = recoil_kernel(rng, kind, lost / energy, energy, m, tables)
        phi = 2.0 * math.pi * rng.random()
        kick_x, kick_y = p_t * math.cos(phi), p_t * math.sin(phi)
        dense = rows[r, DENSE] * secant(event[SX], event[SY])
        vertex[i, V_X], vertex[i, V_Y], vertex[i, V_Z] = event[PX], event[PY], event[PZ]
        vertex[i, V_TX] = event[SX] - kick_x / lost
        vertex[i, V_TY] = event[SY] - kick_y / lost
        vertex[i, V_E], vertex[i, V_WEIGHT] = lost, total * dense * span[i]
        vertex[i, V_ROW] = r
        if lost > event[E_VERTEX + 3]:
            for k in range(3):
                event[E_VERTEX + k] = event[PX + k]
            event[E_VERTEX + 3], event[E_VERTEX + 4] = lost, kind + 1.0
        if kind != hard.NUCLEAR:
            first = stretch_start(rows, r)
            left, _ = ahead(
                event[PX], event[PY], event[SX], event[SY], rows, first, stretch_end(rows, first),
                rows[r, Z] + rows[r, LENGTH] - event[PZ],
            )  # fmt: skip
            release(rng, rows, tables, event, extra, stack, kind, lost, kick_x, kick_y, m, r, left)
        after = energy - lost
        leave_with(event, after, kick_x, kick_y)


@njit
def _share(rng: np.random.Generator, bias: Array, biased: bool, weight: Array) -> float:
    """Share of the energy that one fragment takes; W_PLAIN collects biased over plain density."""
    low = bias[B_LOW]
    if biased and rng.random() < _MIXED:
        share = low + (1.0 - low) * rng.random()
    else:
        while True:
            share = rng.random()
            height = 1.0 - FIELD_FEYNMAN + 3.0 * FIELD_FEYNMAN * (1.0 - share) ** 2
            if rng.random() * (1.0 + 2.0 * FIELD_FEYNMAN) < height:
                break
    height = 1.0 - FIELD_FEYNMAN + 3.0 * FIELD_FEYNMAN * (1.0 - share) ** 2
    flat = 1.0 / (1.0 - low) if share >= low else 0.0
    weight[W_PLAIN] *= 1.0 - _MIXED + _MIXED * flat / height
    return share


@njit
def _kind(rng: np.random.Generator, biased: bool, weight: Array) -> int:
    """Kind of a hard fragment."""
    chances = (CHARGED_SHARE, PHOTON_SHARE, 1.0 - CHARGED_SHARE - PHOTON_SHARE)
    draw, index = rng.random(), 2
    for i in range(2):
        draw -= _BIASED[i] if biased else chances[i]
        if draw < 0.0:
            index = i
            break
    weight[W_PLAIN] *= _BIASED[index] / chances[index]
    if index == 0:
        return CHARGED
    return PHOTON if index == 1 else NEUTRAL


@njit
def _soft_kind(rng: np.random.Generator) -> int:
    """Kind of a fragment as the simulation draws it."""
    draw = rng.random()
    if draw < CHARGED_SHARE:
        return CHARGED
    return PHOTON if draw < CHARGED_SHARE + PHOTON_SHARE else NEUTRAL


@njit
def _transverse(
    rng: np.random.Generator, bias: Array, biased: bool, weight: Array
) -> tuple[float, float]:
    """Transverse momentum of a hard fragment, GeV, with the weights of other widths."""
    wide = bias[B_WIDE]
    scale = wide * P_T if biased and rng.random() < _MIXED else P_T
    x, y = scale * rng.standard_normal(), scale * rng.standard_normal()
    square = 0.5 * (x * x + y * y) / (P_T * P_T)
    # ratio of the wide density to the plain one
    ratio = math.exp(square * (1.0 - 1.0 / (wide * wide))) / (wide * wide)
    weight[W_PLAIN] *= 1.0 - _MIXED + _MIXED * ratio
    s2 = P_T_CHANGE * P_T_CHANGE
    weight[W_WIDE] *= math.exp(square * (1.0 - 1.0 / s2)) / s2
    weight[W_NARROW] *= math.exp(square * (1.0 - s2)) * s2
    return x, y


@njit
def _hard_fragment(
    rng: np.random.Generator,
    rows: Array,
    event: Array,
    stack: Array,
    count: int,
    q: Array,
    r: int,
    bias: Array,
    biased: bool,
    leading: Array,
    first: bool,
    weight: Array,
    lead: Array,
) -> int:
    """A hard hadronic energy q breaks up in row r; new count of the stack.

    leading : (3, G) by kind (charged, photon, neutral) and share: density of leading hadrons over
    that of the simulation; used where `first`, at the muon's own collision.
    """
    x, y, z, tx, ty = q[S_X], q[S_Y], q[S_Z], q[S_TX], q[S_TY]
    energy = q[S_E]
    left, soft = energy, 0.0
    while left >= bias[B_HARD]:
        part = _share(rng, bias, biased, weight) * left
        left -= part
        if part < SLOW:
            soft += part
            continue
        is_hard = part >= bias[B_HARD]
        if is_hard:
            kind = _kind(rng, biased, weight)
            kick_x, kick_y = _transverse(rng, bias, biased, weight)
        else:
            kind = _soft_kind(rng)
            kick_x, kick_y = P_T * rng.standard_normal(), P_T * rng.standard_normal()
        new_x, new_y = tx + kick_x / part, ty + kick_y / part
        if abs(new_x) > STEEP or abs(new_y) > STEEP:
            soft += part
            continue
        charge = 0.0
        if kind == CHARGED:
            charge = 1.0 if rng.random() < 0.5 else -1.0
        if first and part > 0.5 * energy:
            cell = min(int(part / energy * leading.shape[1]), leading.shape[1] - 1)
            line = 0 if kind == CHARGED else (1 if kind == PHOTON else 2)
            weight[W_LEADING:] *= leading[line, cell]
        if is_hard and kind == PHOTON and part > lead[L_E]:
            _note(lead, PHOTON, part, x, y, z, new_x, new_y)
        count = push(stack, count, kind, part, x, y, z, new_x, new_y, r, charge, hard.NUCLEAR + 1.0)
    hadronic = int(rows[r, SECOND])
    deposit(event, rows, r, hadronic, x, y, soft, HADRON_RADIUS)
    return fragment(rng, rows, event, hadronic, stack, count, left, x, y, z, tx, ty, r)


@njit
def _note(
    lead: Array, kind: int, energy: float, x: float, y: float, z: float, tx: float, ty: float
) -> None:
    lead[L_KIND], lead[L_E] = kind, energy
    lead[L_X], lead[L_Y], lead[L_Z], lead[L_TX], lead[L_TY] = x, y, z, tx, ty


@njit
def _target_ahead(rows: Array, q: Array) -> tuple[float, int]:
    """(cm along z to its wall, row) of the target that particle q is in or enters now; row -1 for
    none."""
    r = stretch_start(rows, int(q[S_ROW]))
    while r < rows.shape[0] and rows[r, Z] <= q[S_Z] + NEAR:
        last, high = stretch_end(rows, r), rows[r, Z] + rows[r, LENGTH]
        if rows[r, LENGTH] > 0.0 and q[S_Z] < high - NEAR:
            step, found = ahead(
                q[S_X], q[S_Y], q[S_TX], q[S_TY], rows, r, last, high - q[S_Z]
            )  # fmt: skip
            inside = found >= 0 and rows[found, KIND] == SOLID and rows[found, TARGET] > 0.0
            return step, found if inside else -1
        r = last
    return 0.0, -1


@njit
def _hard_flight(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, q: Array, r: int,
    step: float, biased: bool, weight: Array,
) -> bool:  # fmt: skip
    """Hard hadron q to its next collision in row r (True), or the `step` cm to its wall."""
    table = int(rows[r, TABLE])
    dense = rows[r, DENSE] * secant(q[S_TX], q[S_TY])
    cm = step * dense
    length = tables[table + M_LAMBDA]
    out = math.exp(-cm / length)
    more = 0.5 * (1.0 + out)
    collides = rng.random() >= (more if biased else out)
    if collides:
        weight[W_PLAIN] *= (1.0 - more) / (1.0 - out)
        path = -length * math.log(1.0 - rng.random() * (1.0 - out))
    else:
        weight[W_PLAIN] *= more / out
        path = cm
    for index, change in ((W_LONG, LENGTH_CHANGE), (W_SHORT, 1.0 / LENGTH_CHANGE)):
        weight[index] *= math.exp(path / length * (1.0 - 1.0 / change))
        if collides:
            weight[index] /= change
    if q[S_KIND] == CHARGED:
        lost = min(path * tables[table + M_MIP], q[S_E])
        q[S_E] -= lost
        deposit(event, rows, r, int(rows[r, PLACE]), q[S_X], q[S_Y], lost, 0.0)
    move(q, path / dense if collides else step)
    return collides


@njit
def first_ends(lead: Array, rows: Array, hcal: Array, where: Array, iron: Array) -> None:
    """Where straight lines first meet a hadronic calorimeter (1) or the iron of a magnet (2).

    lead : (N, 8), places and slopes by L_*. hcal : (K,) PLACE of the calorimeter's rows. Writes
    where (N,), 0 for neither, and iron (N,): cm along z to the end of that magnet.
    """
    for i in range(lead.shape[0]):
        x, y, z = lead[i, L_X], lead[i, L_Y], lead[i, L_Z]
        tx, ty = lead[i, L_TX], lead[i, L_TY]
        r = 0
        where[i], iron[i] = 0, 0.0
        while r < rows.shape[0] and where[i] == 0:
            last, high = stretch_end(rows, r), rows[r, Z] + rows[r, LENGTH]
            while z < high - NEAR and where[i] == 0:
                gap = max(rows[r, Z] - z, 0.0)
                x, y, z = x + gap * tx, y + gap * ty, z + gap
                step, found = ahead(x, y, tx, ty, rows, r, last, high - z)
                x, y = x + 0.5 * step * tx, y + 0.5 * step * ty
                if found >= 0 and rows[found, KIND] == DIPOLE:
                    if not within(x, y, rows, found):
                        where[i], iron[i] = 2, _end_of(rows, found) - z
                elif found >= 0 and np.any(hcal == rows[found, PLACE]):
                    where[i] = 1
                x, y, z = x + 0.5 * step * tx, y + 0.5 * step * ty, z + step
            r = last


@njit
def _end_of(rows: Array, r: int) -> float:
    """z at which the iron of the magnet of row r ends."""
    end = rows[r, Z]
    for k in range(rows.shape[0]):
        if rows[k, KIND] == DIPOLE and rows[k, KICKS] == rows[r, KICKS] and rows[k, HALF_X] < OPEN:
            end = max(end, rows[k, Z] + rows[k, LENGTH])
    return end


@njit
def cascades(
    rng: np.random.Generator,
    rows: Array,
    tables: Array,
    events: Array,
    extra: Array,
    vertex: Array,
    bias: Array,
    leading: Array,
    weights: Array,
    leads: Array,
) -> None:
    """Hadrons of the vertices (N, 8) to their end, into the records of N events.

    Writes weights (N, N_WEIGHTS), each to be multiplied with the vertex's own, and leads (N, 8).
    bias : parameters B_*. A history is drawn either as the simulation does, with density p, or from
    the biased density q; its weight p/(s p + (1 - s) q) is at most 1/s, s = B_PLAIN.
    Check: their mean is 1.
    """
    stack = np.zeros(STACK)
    q = np.zeros(STACK[1])
    for i in range(events.shape[0]):
        event, weight, lead, at = events[i], weights[i], leads[i], vertex[i]
        weight[:] = 1.0
        lead[:] = 0.0
        lead[L_KIND] = -1.0
        q[:] = 0.0
        q[S_E], q[S_X], q[S_Y], q[S_Z] = at[V_E], at[V_X], at[V_Y], at[V_Z]
        q[S_TX], q[S_TY], q[S_ROW] = at[V_TX], at[V_TY], at[V_ROW]
        biased = rng.random() >= bias[B_PLAIN]
        count = _hard_fragment(
            rng, rows, event, stack, 0, q, int(at[V_ROW]), bias, biased, leading, True, weight,
            lead,
        )  # fmt: skip
        while count > 0:
            top = stack[count - 1]
            step, r = 0.0, -1
            if top[S_KIND] in (CHARGED, NEUTRAL) and top[S_E] >= bias[B_HARD]:
                step, r = _target_ahead(rows, top)
            if r < 0:
                count = fly(rng, rows, tables, event, extra, stack, count)
                continue
            if _hard_flight(rng, rows, tables, event, top, r, step, biased, weight):
                lead[L_COLLISIONS] += 1.0
                for k in range(q.size):
                    q[k] = top[k]
                count = _hard_fragment(
                    rng, rows, event, stack, count - 1, q, r, bias, biased, leading, False, weight,
                    lead,
                )  # fmt: skip
            elif top[S_E] > lead[L_E]:
                _note(
                    lead, int(top[S_KIND]), top[S_E], top[S_X], top[S_Y], top[S_Z], top[S_TX],
                    top[S_TY],
                )  # fmt: skip
        own = 1.0 / (bias[B_PLAIN] + (1.0 - bias[B_PLAIN]) * weight[W_PLAIN])
        weight[W_PLAIN] = 1.0
        weight *= own
