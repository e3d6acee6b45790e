"""Kernels for what a muon sets free: photons, electrons, hadrons, until nothing is left.

Electromagnetic showers above ten critical energies are profiles, not particles: a gamma
distribution over depth whose shape fluctuates (G. Grindhammer, S. Peters, hep-ex/0001020, sec. 3:
ln T and ln alpha Gaussian, correlated), which starts where the photon converts, and whatever has
not been deposited at the end of a solid goes on to the next one. Hadrons are followed one by one
down to 1 GeV: interaction lengths, fragmentation by R. D. Field, R. P. Feynman, Nucl. Phys. B 136
(1978) 1, a third of the energy to photons at each collision.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_PI
from mutau.core.jit import njit
from mutau.detector.hits import NUCLEAR
from mutau.detector.simulation_geometry import (
    COUNTER,
    CURVE_X,
    CURVE_Y,
    DENSE,
    DIPOLE,
    HALF_X,
    HALF_Y,
    KIND,
    LENGTH,
    M_CRITICAL,
    M_LAMBDA,
    M_MIP,
    M_RADIUS,
    M_X0,
    M_Z,
    NARROW,
    PLACE,
    PLANE,
    SECOND,
    T_YOKE,
    TABLE,
    X,
    Y,
    Z,
)
from mutau.detector.simulation_steps import STEEP, add_counter, add_extra, bend, secant, within

Array = NDArray[np.float64]

#: Kinds of secondaries. MARKER: an electron of a shower behind a solid, which makes hits but
#: whose energy is already counted in the shower.
PHOTON, ELECTRON, SHOWER, CHARGED, NEUTRAL, MARKER = range(6)
#: Columns of the stack.
S_KIND, S_E, S_X, S_Y, S_Z, S_TX, S_TY, S_ROW, S_CHARGE, S_ORIGIN = range(10)
STACK: Final = (400, 10)

#: Electrons below this energy (GeV) are not followed out of a solid.
SOFT: Final = 0.005
#: Hadrons below it deposit where they are (GeV): their range is below 0.3 interaction lengths.
SLOW: Final = 1.0
#: Share of a fragmenting energy: density 1 - a + 3 a (1 - z)^2.
_FIELD_FEYNMAN: Final = 0.77
#: rms of each transverse component of a fragment, GeV, and the shares of charged hadrons and
#: photons (neutral pions) among fragments; the rest are neutral hadrons.
_P_T: Final = 0.3
_CHARGED_SHARE: Final = 0.6
_PHOTON_SHARE: Final = 0.3


@njit
def gamma_share(a: float, x: float) -> float:
    """Regularised lower incomplete gamma function P(a, x): share of a gamma profile below x."""
    if x <= 0.0:
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, 400):
            term *= x / (a + n)
            total += term
            if term < 1e-8 * total:
                break
        return min(front * total, 1.0)
    b = x + 1.0 - a
    c, d = 1e300, 1.0 / b
    h = d
    for n in range(1, 400):
        an = -n * (n - a)
        b += 2.0
        d = 1.0 / (an * d + b)
        c = b + an / c
        step = d * c
        h *= step
        if abs(step - 1.0) < 1e-8:
            break
    return 1.0 - front * h


@njit
def shower_shape(
    rng: np.random.Generator, energy: float, critical: float, z: float
) -> tuple[float, float]:
    """(a, b) of the gamma profile of an electron's shower, over depth in X0."""
    ln_y = max(math.log(energy / critical), 1.8)
    mean_t = math.log(max(ln_y - 0.812, 0.5))
    sigma_t = 1.0 / (-1.4 + 1.26 * ln_y)
    mean_a = math.log(0.81 + (0.458 + 2.26 / z) * ln_y)
    sigma_a = 1.0 / (-0.58 + 0.86 * ln_y)
    rho = 0.705 - 0.023 * ln_y
    g1, g2 = rng.standard_normal(), rng.standard_normal()
    # for soft showers the fitted widths grow without bound
    t = math.exp(mean_t + min(sigma_t, 0.6) * g1)
    a = math.exp(mean_a + min(sigma_a, 0.6) * (rho * g1 + math.sqrt(1.0 - rho * rho) * g2))
    a = max(a, 1.05)
    return a, (a - 1.0) / t


@njit(inline="always")
def push(
    stack: Array,
    count: int,
    kind: int,
    energy: float,
    x: float,
    y: float,
    z: float,
    tx: float,
    ty: float,
    row: int,
    charge: float,
    origin: float,
) -> int:
    """Put a particle on the stack, if there is room; returns the new count."""
    if count >= stack.shape[0]:
        return count
    stack[count, S_KIND] = kind
    stack[count, S_E] = energy
    stack[count, S_X] = x
    stack[count, S_Y] = y
    stack[count, S_Z] = z
    stack[count, S_TX] = tx
    stack[count, S_TY] = ty
    stack[count, S_ROW] = row
    stack[count, S_CHARGE] = charge
    stack[count, S_ORIGIN] = origin
    return count + 1


@njit
def fragment(
    rng: np.random.Generator,
    event: Array,
    module: int,
    stack: Array,
    count: int,
    energy: float,
    x: float,
    y: float,
    z: float,
    tx: float,
    ty: float,
    row: int,
) -> int:
    """A hadronic energy breaks up into hadrons and photons, which go on the stack.

    module : place in the record where soft ones deposit.
    """
    left = energy
    while left > SLOW and count < stack.shape[0]:
        while True:  # Field-Feynman by rejection
            share = rng.random()
            rest = 1.0 - share
            height = 1.0 - _FIELD_FEYNMAN + 3.0 * _FIELD_FEYNMAN * rest * rest
            if rng.random() * (1.0 + 2.0 * _FIELD_FEYNMAN) < height:
                break
        part = share * left
        left -= part
        if part < SLOW:
            event[module] += part
            continue
        draw = rng.random()
        kind, charge = NEUTRAL, 0.0
        if draw < _CHARGED_SHARE:
            kind = CHARGED
            charge = 1.0 if rng.random() < 0.5 else -1.0
        elif draw < _CHARGED_SHARE + _PHOTON_SHARE:
            kind = PHOTON
        new_x = tx + _P_T / part * rng.standard_normal()
        new_y = ty + _P_T / part * rng.standard_normal()
        if abs(new_x) > STEEP or abs(new_y) > STEEP:
            event[module] += part
            continue
        count = push(stack, count, kind, part, x, y, z, new_x, new_y, row, charge, NUCLEAR)
    event[module] += max(left, 0.0)
    return count


@njit
def side_loss(x: float, y: float, rows: Array, r: int, radius: float) -> float:
    """Share of a shower that leaves through the sides of a solid.

    Radial profile 2 r R^2/(r^2 + R^2)^2, whose share beyond a straight edge at distance d is
    (1 - d/sqrt(d^2 + R^2))/2. Source of the form: Grindhammer, Peters, sec. 3.2 (core).
    """
    lost = 0.0
    for side in range(4):
        if side < 2:
            d = rows[r, HALF_X] + (x - rows[r, X]) * (1.0 if side == 0 else -1.0)
        else:
            d = rows[r, HALF_Y] + (y - rows[r, Y]) * (1.0 if side == 2 else -1.0)
        if d < 50.0 * radius:
            lost += 0.5 * (1.0 - d / math.sqrt(d * d + radius * radius))
    return min(lost, 0.75)


@njit
def _kick_ahead(rows: Array, r: int) -> float:
    """Momentum (GeV) that the rest of a dipole gives to a charged particle."""
    total = 0.0
    for i in range(r, rows.shape[0]):
        if rows[i, KIND] == DIPOLE:
            total += (abs(rows[i, CURVE_X]) + abs(rows[i, CURVE_Y])) * rows[i, LENGTH]
    return total


@njit
def _leak(
    rng: np.random.Generator,
    stack: Array,
    count: int,
    energy: float,
    rest: float,
    depth: float,
    a: float,
    b: float,
    critical: float,
    x0: float,
    where: tuple[float, float, float, float, float],
    row: int,
    origin: float,
) -> int:
    """Electrons of a shower at the end of a solid, as markers for trackers and counters.

    energy, rest : GeV, of the shower and what of it is left.
    Their number is the deposit per X0 over the critical energy (Rossi's approximation B), their
    energies fall as 1/E^2, their angles are those of multiple scattering over one X0.
    """
    x, y, z, tx, ty = where
    bt = b * depth
    density = b * math.exp((a - 1.0) * math.log(bt) - bt - math.lgamma(a))
    if rest <= 2.0 * SOFT:
        return count
    number = min(rng.poisson(min(energy * density / critical, 1e3)), 12)
    for _ in range(number):
        one = 1.0 / (1.0 / SOFT - rng.random() * (1.0 / SOFT - 1.0 / rest))
        angle = 0.021 / one
        ax, ay = angle * rng.standard_normal(), angle * rng.standard_normal()
        if abs(tx + ax) < STEEP and abs(ty + ay) < STEEP:
            charge = 1.0 if rng.random() < 0.5 else -1.0
            count = push(
                stack, count, MARKER, one, x + 0.5 * x0 * ax, y + 0.5 * x0 * ay, z, tx + ax,
                ty + ay, row, charge, origin,
            )  # fmt: skip
    return count


@njit
def _swept(energy: float, depth: float, a: float, b: float, critical: float, kick: float) -> float:
    """Energy of a shower behind a magnet: half of what is left of it is electrons.

    They are lost where the magnet's kick (GeV) turns an electron of their mean energy by more than
    0.1 rad. The energy is scaled so that what is left halves.
    """
    bt = b * depth
    left = energy * (1.0 - gamma_share(a, bt))
    density = b * math.exp((a - 1.0) * math.log(bt) - bt - math.lgamma(a))
    each = 0.5 * left / max(energy * density / critical, 1.0)
    return 0.5 * energy if kick > 0.1 * each else energy


@njit
def fly(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, extra: Array, stack: Array,
    count: int,
) -> int:  # fmt: skip
    """Take the last particle off the stack and carry it to its end; returns the new count.

    Long because a particle changes its kind on the way and all of it is one state machine.
    """
    count -= 1
    kind = int(stack[count, S_KIND])
    energy = stack[count, S_E]
    x, y, z = stack[count, S_X], stack[count, S_Y], stack[count, S_Z]
    tx, ty = stack[count, S_TX], stack[count, S_TY]
    first, charge, origin = int(stack[count, S_ROW]), stack[count, S_CHARGE], stack[count, S_ORIGIN]
    depth, a, b, swept = 0.0, 0.0, 0.0, False
    for r in range(first, rows.shape[0]):
        low, high = rows[r, Z], rows[r, Z] + rows[r, LENGTH]
        what = int(rows[r, KIND])
        if (z >= high - 1e-9 and high > low) or (low < z - 1e-9 and high == low):
            continue  # behind, or the sibling of a piece already crossed
        if low > z:
            x, y, z = x + (low - z) * tx, y + (low - z) * ty, low
        charged = kind in (ELECTRON, CHARGED, MARKER)
        here = within(x, y, rows, r)
        table = int(rows[r, TABLE])
        if what == PLANE:
            if charged and here:
                add_extra(rng, event, extra, rows, r, x, y, energy, origin)
            continue
        if what == COUNTER:
            if charged and here:
                mip = tables[table + M_MIP] if table >= 0 else 0.0
                add_counter(event, rows, r, rows[r, DENSE] * secant(tx, ty) * mip)
            continue
        if what == DIPOLE:
            if rows[r, NARROW] > 0.0 and not here:
                return count  # into the yoke
            if charged:
                mass = M_PI if kind == CHARGED else M_E
                p = math.sqrt(max(energy * energy - mass * mass, 1e-12))
                x, y, tx, ty, fine = bend(x, y, tx, ty, p, rows, r, high - z, charge)
                if fine == 0.0:
                    return count
            else:
                x, y = x + (high - z) * tx, y + (high - z) * ty
                if kind == SHOWER and not swept:
                    swept = True
                    critical = tables[int(tables[T_YOKE]) + M_CRITICAL]
                    energy = _swept(energy, depth, a, b, critical, _kick_ahead(rows, r))
            z = high
            continue
        if not here:
            continue
        if kind == MARKER:
            return count
        dense = rows[r, DENSE] * secant(tx, ty)
        cm = (high - z) * dense
        x0, critical = tables[table + M_X0], tables[table + M_CRITICAL]
        em, hadronic = int(rows[r, PLACE]), int(rows[r, SECOND])
        if kind in (CHARGED, NEUTRAL):
            free = -tables[table + M_LAMBDA] * math.log(1.0 - rng.random())
            path = min(free, cm)
            if kind == CHARGED:
                lost = min(path * tables[table + M_MIP], energy)
                energy -= lost
                event[em] += lost
            x, y, z = x + path / dense * tx, y + path / dense * ty, z + path / dense
            if energy < SLOW:
                event[hadronic] += energy
                return count
            if free < cm:
                return fragment(rng, event, hadronic, stack, count, energy, x, y, z, tx, ty, r)
            z = high
            continue
        if kind == PHOTON:
            free = -9.0 / 7.0 * x0 * math.log(1.0 - rng.random())
            path = min(free, cm)
            x, y, z = x + path / dense * tx, y + path / dense * ty, z + path / dense
            if free >= cm:
                z = high
                continue
            cm -= free
        if kind != SHOWER:
            if energy < 10.0 * critical:  # too soft for a profile
                gone = math.exp(-cm / x0)
                after = energy * gone - critical * (1.0 - gone)
                after = after if after > SOFT else 0.0
                event[em] += energy - after
                if after == 0.0:
                    return count
                energy, x, y, z = after, x + (high - z) * tx, y + (high - z) * ty, high
                kind, charge = ELECTRON, (charge if charge != 0.0 else -1.0)
                continue
            # a photon's shower is that of two electrons of half its energy
            each = 0.5 * energy if kind == PHOTON else energy
            a, b = shower_shape(rng, each, critical, tables[table + M_Z])
            kind, depth = SHOWER, 0.0
        before = gamma_share(a, b * depth)
        depth += cm / x0
        below = gamma_share(a, b * depth)
        x, y, z = x + (high - z) * tx, y + (high - z) * ty, high
        rest = energy * (1.0 - below)
        done = rest < max(SOFT, 1e-4 * energy)
        part = energy * (below - before) + (rest if done else 0.0)
        event[em] += part * (1.0 - side_loss(x, y, rows, r, tables[table + M_RADIUS]))
        if done:
            return count
        # the shower itself goes on after its markers, so it stays here and they go on the stack
        count = _leak(
            rng, stack, count, energy, rest, depth, a, b, critical, x0, (x, y, z, tx, ty), r + 1,
            origin,
        )  # fmt: skip
    return count


@njit
def follow(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, extra: Array, stack: Array,
    count: int,
) -> None:  # fmt: skip
    """Carry everything on the stack to its end."""
    while count > 0:
        count = fly(rng, rows, tables, event, extra, stack, count)
