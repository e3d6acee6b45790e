"""Kernels of the full simulation: one beam muon after the other along the rows of a set-up."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.jit import njit
from mutau.detector.hits import BREMSSTRAHLUNG, KNOCK_ON, PAIR
from mutau.detector.simulation_geometry import (
    COUNTER,
    CURVE_X,
    CURVE_Y,
    DENSE,
    DIPOLE,
    EFFICIENCY,
    INDEX,
    KIND,
    LENGTH,
    NARROW,
    PLANE,
    SIGMA,
    SOLID,
    TABLE,
    TARGET,
    Matter,
    Setup,
    Z,
)
from mutau.detector.simulation_showers import (
    ELECTRON,
    PHOTON,
    SOFT,
    STACK,
    follow,
    fragment,
    push,
    side_loss,
)
from mutau.detector.simulation_steps import (
    EN,
    PX,
    PY,
    PZ,
    STEEP,
    SX,
    SY,
    Record,
    add_counter,
    secant,
    within,
)
from mutau.detector.trigger_kernel import dipole_kernel
from mutau.matter.muon_cross_sections import t_max_kernel
from mutau.matter.muon_energy_loss import T_MIN, energy_after_kernel, loss_kernel
from mutau.transport import hard_losses as hard
from mutau.transport.hard_losses import (
    LOG_SHARE,
    N_ENERGY,
    N_RECOIL_U,
    N_RECOIL_V,
    N_SHARE,
    RECOIL_LOGIT,
    RECOIL_TAIL,
)
from mutau.transport.multiple_scattering import scatter_kernel

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_STOPPED: Final = M_MU + T_MIN
#: Soft knock-on electrons drawn one by one in a step, and the lowest that are, GeV.
_N_SOFT: Final = 4.0
_LOWEST: Final = 2e-4
#: Gaps of gas shorter than this (cm) are joined with the next one.
_SHORT_GAP: Final = 10.0
#: Pieces of a solid whose edge the muon crosses.
_PIECES: Final = 16
#: Length along z (cm) that stands for none.
_FLAT: Final = 1e-6
#: Hadron-photon cross section over Q^2: poles (GeV^2) and shares, of Bezrukov and Bugaev (1981).
_POLE_1: Final = 0.54
_POLE_2: Final = 1.80


@njit(inline="always")
def _energy_bin(energy: float, m: int, matter: Matter) -> tuple[int, float]:
    u = (math.log(energy) - matter.log_low[m]) / matter.log_step[m]
    i = min(max(int(u), 0), N_ENERGY - 2)
    return i, min(max(u - i, 0.0), 1.0)


@njit
def draw_loss(rng: np.random.Generator, energy: float, m: int, matter: Matter) -> tuple[int, float]:
    """(kind, energy lost in GeV) of one hard collision."""
    i, s = _energy_bin(energy, m, matter)
    low, high = matter.rate[m, i], matter.rate[m, i + 1]
    draw = rng.random() * ((1.0 - s) * low.sum() + s * high.sum())
    kind = 0
    for kind in range(4):
        draw -= (1.0 - s) * low[kind] + s * high[kind]
        if draw <= 0.0:
            break
    # below a rate that sets in between two energies only the upper table holds a spectrum
    if low[kind] <= 0.0:
        s = 1.0
    depth = -math.log(1.0 - rng.random()) * (N_SHARE - 1) / LOG_SHARE
    j = min(int(depth), N_SHARE - 2)
    f = min(depth - j, 1.0)
    rows = matter.logit_v[m]
    logit = (1.0 - s) * ((1.0 - f) * rows[i, kind, j] + f * rows[i, kind, j + 1]) + s * (
        (1.0 - f) * rows[i + 1, kind, j] + f * rows[i + 1, kind, j + 1]
    )
    return kind, energy / (1.0 + math.exp(-logit))


@njit
def recoil_kernel(
    rng: np.random.Generator, kind: int, v: float, energy: float, m: int, matter: Matter
) -> float:
    """Transverse momentum, GeV, that the muon gets in a hard collision.

    Bremsstrahlung: exact tree level (`recoil_table`). Knock-on: two-body kinematics. Pairs:
    d sigma/dp_T^2 ~ 1/(p_T^2 + (v m_mu)^2)^2, the muon's side of the virtual photon that splits
    (virtuality above (v m_mu)^2/(1-v), a propagator squared and a cross section that falls as its
    inverse). Nuclei: flux of virtual photons times the Q^2 dependence of Bezrukov and Bugaev.
    """
    if kind == hard.BREMS:
        u = (math.log(v / (1.0 - v)) + RECOIL_LOGIT) * (N_RECOIL_V - 1) / (2.0 * RECOIL_LOGIT)
        i = min(max(int(u), 0), N_RECOIL_V - 2)
        s = min(max(u - i, 0.0), 1.0)
        share = rng.random()
        w = math.log((share + 1e-12) / (1.0 - share + 1e-12))
        w = (w + RECOIL_TAIL) * (N_RECOIL_U - 1) / (2.0 * RECOIL_TAIL)
        j = min(max(int(w), 0), N_RECOIL_U - 2)
        f = min(max(w - j, 0.0), 1.0)
        t = matter.recoil[m]
        log = (1.0 - s) * ((1.0 - f) * t[i, j] + f * t[i, j + 1]) + s * (
            (1.0 - f) * t[i + 1, j] + f * t[i + 1, j + 1]
        )
        return M_MU * math.exp(log)
    if kind == hard.KNOCK_ON:
        lost = v * energy
        top = t_max_kernel(energy)
        return math.sqrt(2.0 * M_E * lost * max(1.0 - lost / top, 0.0))
    if kind == hard.PAIR:
        share = rng.random()
        return v * M_MU * math.sqrt(share / (1.0 - share))
    t_min = (M_MU * v) ** 2 / (1.0 - v)
    top = 2.0 * energy * (1.0 - v) * energy  # far above the poles
    span = math.log(top / t_min)
    for _ in range(1000):
        q2 = t_min * math.exp(span * rng.random())
        flux = 1.0 - v + 0.5 * v * v - (1.0 - v) * t_min / q2
        first = _POLE_1 / (_POLE_1 + q2)
        height = flux * (0.75 * first * first + 0.25 * _POLE_2 / (_POLE_2 + q2))
        if rng.random() < height:
            return math.sqrt(max((q2 - t_min) * (1.0 - v), 0.0))
    return 0.0


@njit
def soft_loss(
    rng: np.random.Generator, energy: float, path: float, m: int, matter: Matter, fine: bool
) -> float:
    """Energy behind a path in which no hard collision happens, GeV.

    The restricted mean, and around it: knock-on electrons below the cut, the hardest few one by
    one, the rest and soft radiation as a Gaussian. `fine` off: only the mean.
    """
    table = matter.restricted[m]
    rate = loss_kernel(energy, table)
    lost = path * rate
    if lost > 0.02 * (energy - M_MU):
        out = energy_after_kernel(energy, path, table)
    else:
        out = energy - path * loss_kernel(energy - 0.5 * lost, table)
    if not fine or out <= _STOPPED:
        return out
    cut = matter.numbers[m, 5]
    beta2 = 1.0 - (M_MU / energy) ** 2
    xi = matter.numbers[m, 0] * path / beta2
    top = min(t_max_kernel(energy), cut)
    low = min(max(xi / _N_SOFT, _LOWEST), top)
    i, s = _energy_bin(energy, m, matter)
    variance = xi * low
    if energy > cut:
        radiated = (1.0 - s) * matter.soft_variance[m, i] + s * matter.soft_variance[m, i + 1]
        variance += path * radiated
    out += math.sqrt(variance) * rng.standard_normal()
    if low < top:
        span = 1.0 / low - 1.0 / top
        out += xi * math.log(top / low)
        for _ in range(rng.poisson(xi * span)):
            out -= 1.0 / (1.0 / low - rng.random() * span)
    return min(out, energy)


@njit
def _release(
    rng: np.random.Generator,
    setup: Setup,
    rec: Record,
    event: int,
    stack: Array,
    state: Array,
    kind: int,
    lost: float,
    kick: tuple[float, float],
    m: int,
    r: int,
    left: float,
) -> None:
    """What the muon has set free at its place, carried to the end. left : cm of the row ahead."""
    x, y, z, tx, ty = state[PX], state[PY], state[PZ], state[SX], state[SY]
    rows, numbers = setup.rows, setup.matter.numbers
    solid = r < rows.shape[0] and rows[r, KIND] == SOLID
    module = int(rows[r, INDEX]) if solid else -1
    if solid and kind != hard.NUCLEAR and module >= 0:
        critical, x0 = numbers[m, 3], numbers[m, 1]
        deep = 3.0 * math.log(lost / critical) + 12.0
        if left * rows[r, DENSE] > deep * x0:  # contained: no need to follow
            radius = 0.3 * x0 * 0.0212 / critical
            rec.em[event, module] += lost * (1.0 - side_loss(x, y, rows, r, radius))
            return
    p = math.sqrt(lost * lost + 2.0 * lost * M_E) if kind == hard.KNOCK_ON else lost
    tx, ty = tx - kick[0] / p, ty - kick[1] / p
    if abs(tx) > STEEP or abs(ty) > STEEP:
        if module >= 0:
            rec.em[event, module] += lost
        return
    if kind == hard.NUCLEAR:
        count = fragment(rng, rec, event, module, stack, 0, lost, x, y, z, tx, ty, r)
    elif kind == hard.BREMS:
        count = push(stack, 0, PHOTON, lost, x, y, z, tx, ty, r, 0.0, BREMSSTRAHLUNG)
    elif kind == hard.KNOCK_ON:
        count = push(stack, 0, ELECTRON, lost, x, y, z, tx, ty, r, -1.0, KNOCK_ON)
    else:
        part = lost * rng.random()
        count = push(stack, 0, ELECTRON, part, x, y, z, tx, ty, r, -1.0, PAIR)
        count = push(stack, count, ELECTRON, lost - part, x, y, z, tx, ty, r, 1.0, PAIR)
    follow(rng, setup, rec, event, stack, count)


@njit
def _step(
    rng: np.random.Generator,
    setup: Setup,
    state: Array,
    m: int,
    length: float,
    dense: float,
    fine: bool,
) -> tuple[float, float, bool]:
    """One step in matter: (cm of z done, energy deposited, whether a hard collision ends it)."""
    matter = setup.matter
    energy = state[EN]
    slope = secant(state[SX], state[SY]) * dense
    path = length * slope
    collides = False
    if energy > matter.numbers[m, 5]:
        i, s = _energy_bin(energy, m, matter)
        rate = (1.0 - s) * matter.rate[m, i].sum() + s * matter.rate[m, i + 1].sum()
        if math.log(energy) < matter.log_low[m]:
            rate = 0.0
        if rate > 0.0:
            free = -math.log(1.0 - rng.random()) / rate
            if free < path:
                path, collides = free, True
    longest = 0.2 * (energy - M_MU) / loss_kernel(energy, matter.restricted[m])
    if path > longest:
        path, collides = longest, False
    out = soft_loss(rng, energy, path, m, matter, fine)
    if out <= _STOPPED:
        state[EN] = 0.0
        return length, energy - M_MU, False
    p_in = math.sqrt(energy * energy - M_MU * M_MU)
    p_out = math.sqrt(out * out - M_MU * M_MU)
    head = matter.heads[m]
    top = min(t_max_kernel(energy), matter.numbers[m, 5])
    kink_x, kink_y, shift_x, shift_y = scatter_kernel(
        rng, path, p_in, p_out, p_in * p_out / (energy * out), head[0], head[1], head[2],
        matter.columns[m], top,
    )  # fmt: skip
    done = path / slope
    state[PX] += done * state[SX] + shift_x / dense
    state[PY] += done * state[SY] + shift_y / dense
    state[PZ] += done
    state[SX] += kink_x
    state[SY] += kink_y
    state[EN] = out
    return done, energy - out, collides


@njit
def _collide(
    rng: np.random.Generator,
    setup: Setup,
    rec: Record,
    event: int,
    stack: Array,
    state: Array,
    m: int,
    r: int,
    left: float,
) -> None:
    """One hard collision where the muon is."""
    matter = setup.matter
    energy = state[EN]
    kind, lost = draw_loss(rng, energy, m, matter)
    lost = min(lost, energy - _STOPPED)
    if lost <= 0.0:
        return
    p_t = recoil_kernel(rng, kind, lost / energy, energy, m, matter)
    phi = 2.0 * math.pi * rng.random()
    kick_x, kick_y = p_t * math.cos(phi), p_t * math.sin(phi)
    after = energy - lost
    if lost > rec.vertex[event, 3] and rec.vertex_process[event] < 5:
        rec.vertex[event, 0] = state[PX]
        rec.vertex[event, 1] = state[PY]
        rec.vertex[event, 2] = state[PZ]
        rec.vertex[event, 3] = lost
        rec.vertex_process[event] = kind + 1
    _release(rng, setup, rec, event, stack, state, kind, lost, (kick_x, kick_y), m, r, left)
    p_out = math.sqrt(max(after * after - M_MU * M_MU, 1e-12))
    state[SX] += kick_x / p_out
    state[SY] += kick_y / p_out
    state[EN] = after
    steep = abs(state[SX]) > STEEP or abs(state[SY]) > STEEP
    if after <= _STOPPED * 1.001 or steep:
        state[EN] = 0.0


@njit
def traverse(
    rng: np.random.Generator,
    setup: Setup,
    rec: Record,
    event: int,
    stack: Array,
    state: Array,
    m: int,
    length: float,
    dense: float,
    r: int,
    fine: bool,
) -> float:
    """Carry the muon through `length` cm of matter along z; returns what it deposits softly, GeV.

    r : row in which what it sets free starts.
    """
    left, deposit = length, 0.0
    while left > 1e-12 and state[EN] > 0.0:
        done, lost, collides = _step(rng, setup, state, m, left, dense, fine)
        left -= done
        deposit += lost
        if collides and state[EN] > 0.0:
            _collide(rng, setup, rec, event, stack, state, m, r, left)
    return deposit


@njit
def _escape(
    rng: np.random.Generator,
    setup: Setup,
    rec: Record,
    event: int,
    stack: Array,
    state: Array,
    m: int,
    r: int,
) -> None:
    """Soft knock-on electrons made in the last X0 of a solid that come out with the muon.

    They were part of the continuous loss; the few MeV they carry out of it are not taken back.
    """
    numbers = setup.matter.numbers
    x0, critical, cut = numbers[m, 1], numbers[m, 3], numbers[m, 5]
    span = 1.0 / (2.0 * SOFT) - 1.0 / cut
    for _ in range(rng.poisson(numbers[m, 0] * x0 * span)):
        t = 1.0 / (1.0 / (2.0 * SOFT) - rng.random() * span)
        gone = math.exp(-rng.random())
        out = t * gone - critical * (1.0 - gone)
        if out < SOFT:
            continue
        angle = math.sqrt(2.0 * M_E / t)
        spread = 0.021 / out * math.sqrt(1.0 - gone)
        phi = 2.0 * math.pi * rng.random()
        tx = state[SX] + angle * math.cos(phi) + spread * rng.standard_normal()
        ty = state[SY] + angle * math.sin(phi) + spread * rng.standard_normal()
        if abs(tx) < STEEP and abs(ty) < STEEP:
            count = push(
                stack, 0, ELECTRON, out, state[PX], state[PY], state[PZ], tx, ty, r, -1.0, KNOCK_ON
            )
            follow(rng, setup, rec, event, stack, count)


@njit
def _drift(
    rng: np.random.Generator,
    setup: Setup,
    rec: Record,
    event: int,
    stack: Array,
    state: Array,
    gap: float,
    owed: float,
    r: int,
) -> float:
    """Carry the muon over a gap of gas or nothing; returns the gas (cm) it still owes."""
    if setup.gas < 0 or gap + owed < _SHORT_GAP:
        state[PX] += gap * state[SX]
        state[PY] += gap * state[SY]
        state[PZ] += gap
        return owed + gap
    traverse(rng, setup, rec, event, stack, state, setup.gas, gap, (gap + owed) / gap, r, False)
    return 0.0


@njit
def _cross_plane(
    rng: np.random.Generator, setup: Setup, rec: Record, event: int, state: Array, r: int
) -> None:
    """The muon crosses a tracker inside its frame."""
    rows, plane = setup.rows, int(setup.rows[r, INDEX])
    rec.crossed[event, plane] = True
    rec.true_hit[event, plane, 0], rec.true_hit[event, plane, 1] = state[PX], state[PY]
    rec.true_slope[event, plane, 0], rec.true_slope[event, plane, 1] = state[SX], state[SY]
    rec.true_momentum[event, plane] = math.sqrt(state[EN] ** 2 - M_MU * M_MU)
    if rows[r, EFFICIENCY] < 1.0 and rng.random() >= rows[r, EFFICIENCY]:
        return
    rec.seen[event, plane] = True
    rec.hit[event, plane, 0] = state[PX] + rows[r, SIGMA] * rng.standard_normal()
    rec.hit[event, plane, 1] = state[PY] + rows[r, SIGMA] * rng.standard_normal()


@njit
def _bend(state: Array, setup: Setup, r: int, length: float) -> bool:
    """The muon crosses a piece of a dipole; False where it curls up."""
    rows = setup.rows
    p = math.sqrt(state[EN] ** 2 - M_MU * M_MU)
    x, y, tx, ty = state[PX], state[PY], state[SX], state[SY]
    if rows[r, CURVE_X] != 0.0:
        x, y, tx, ty, fine = dipole_kernel(x, y, tx, ty, p, length, rows[r, CURVE_X])
    else:
        y, x, ty, tx, fine = dipole_kernel(y, x, ty, tx, p, length, rows[r, CURVE_Y])
    state[PX], state[PY], state[SX], state[SY] = x, y, tx, ty
    state[PZ] += length
    return fine > 0.0 and abs(tx) <= STEEP and abs(ty) <= STEEP


@njit
def _solid(
    rng: np.random.Generator,
    setup: Setup,
    rec: Record,
    event: int,
    stack: Array,
    state: Array,
    r: int,
    stop: float,
) -> bool:
    """The muon crosses a solid, or the part of it up to `stop`; True where it was inside it."""
    rows = setup.rows
    end = rows[r, Z] + rows[r, LENGTH]
    halts = rows[r, TARGET] > 0.0 and state[PZ] <= stop < end
    end = stop if halts else end
    length = end - state[PZ]
    here = within(state[PX], state[PY], rows, r)
    there = within(state[PX] + length * state[SX], state[PY] + length * state[SY], rows, r)
    if not here and not there:
        return False
    m, module = int(rows[r, TABLE]), int(rows[r, INDEX])
    pieces = 1 if here and there else _PIECES
    for _ in range(pieces):
        part = length / pieces
        if pieces == 1 or within(state[PX], state[PY], rows, r):
            lost = traverse(rng, setup, rec, event, stack, state, m, part, rows[r, DENSE], r, True)
            if module >= 0:
                rec.em[event, module] += lost
            if state[EN] <= 0.0:
                return True
        else:
            state[PX] += part * state[SX]
            state[PY] += part * state[SY]
            state[PZ] += part
    state[PZ] = end
    if not halts and within(state[PX], state[PY], rows, r):
        _escape(rng, setup, rec, event, stack, state, m, r + 1)
    return True


@njit
def walk(
    rng: np.random.Generator,
    setup: Setup,
    rec: Record,
    event: int,
    stack: Array,
    state: Array,
    first: int,
    stop: float,
) -> int:
    """Carry one muon from row `first` on; returns the row at which it stopped.

    stop : z (cm) inside a target at which to return for a vertex, inf for none. Returns the number
    of rows where it left the set-up; state[EN] = 0 where it stopped or turned away.
    """
    rows = setup.rows
    owed = 0.0
    for r in range(first, rows.shape[0]):
        low, length = rows[r, Z], rows[r, LENGTH]
        kind = int(rows[r, KIND])
        if (kind == SOLID or kind == DIPOLE) and state[PZ] >= low + length - 1e-9:
            continue  # the sibling of a piece already crossed
        if low > state[PZ]:
            owed = _drift(rng, setup, rec, event, stack, state, low - state[PZ], owed, r)
            if state[EN] <= 0.0:
                return r
            state[PZ] = low
        if kind == SOLID:
            target = rows[r, TARGET] > 0.0
            if target and rec.target[event, EN] == 0.0:
                for k in range(6):
                    rec.target[event, k] = state[k]
            _solid(rng, setup, rec, event, stack, state, r, stop)
            if state[EN] <= 0.0 or (target and state[PZ] == stop):
                return r
            if target and state[PZ] >= low + length - 1e-9:
                for k in range(6):
                    rec.out[event, k] = state[k]
        elif kind == DIPOLE:
            gap = low + length - state[PZ]
            if rows[r, NARROW] > 0.0 and not within(state[PX], state[PY], rows, r):
                traverse(rng, setup, rec, event, stack, state, setup.yoke, gap, 1.0, r + 1, False)
                if state[EN] <= 0.0:
                    return r
                state[PZ] = low + length
            elif not _bend(state, setup, r, gap):
                state[EN] = 0.0
                return r
            else:
                owed += gap
        else:
            if not within(state[PX], state[PY], rows, r):
                continue
            if kind == PLANE:
                _cross_plane(rng, setup, rec, event, state, r)
            deposit, m = 0.0, int(rows[r, TABLE])
            if m >= 0:
                place = state[PZ]  # all its matter in a plane without thickness
                fine = kind == COUNTER
                deposit = traverse(
                    rng,
                    setup,
                    rec,
                    event,
                    stack,
                    state,
                    m,
                    _FLAT,
                    rows[r, DENSE] / _FLAT,
                    r + 1,
                    fine,
                )
                state[PZ] = place
            if kind == COUNTER:
                rec.crossed_counters[event] |= 1 << int(rows[r, INDEX])
                add_counter(rec, event, rows, r, deposit)
            if state[EN] <= 0.0:
                return r
    if state[PZ] < setup.end:
        _drift(rng, setup, rec, event, stack, state, setup.end - state[PZ], owed, rows.shape[0])
    return rows.shape[0]


@njit
def walk_all(
    rng: np.random.Generator,
    setup: Setup,
    rec: Record,
    states: Array,
    at: Ints,
    stops: Array,
    ends: Array,
) -> None:
    """Carry N muons; states (N, 6), at (N,) their rows, stops (N,) z of vertices: all in place.

    A muon whose energy is 0 stays. ends (N, 2): energy and z where it left the set-up or stopped.
    """
    stack = np.zeros(STACK)
    state = np.empty(6)
    for event in range(states.shape[0]):
        if states[event, EN] <= 0.0:
            continue
        for k in range(6):
            state[k] = states[event, k]
        at[event] = walk(rng, setup, rec, event, stack, state, at[event], stops[event])
        for k in range(6):
            states[event, k] = state[k]
        ends[event, 0], ends[event, 1] = state[EN], state[PZ]
