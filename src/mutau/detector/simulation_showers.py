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

from mutau.core.jit import inner, njit
from mutau.core.special import lower_gamma
from mutau.detector.boxes import DIPOLE, HALF_X, HALF_Y, KIND, TABLE, X, Y
from mutau.detector.hits import NUCLEAR
from mutau.detector.simulation_geometry import (
    DENSE,
    E_TRASH,
    M_CRITICAL,
    M_LAMBDA,
    M_MIP,
    M_RADIUS,
    M_X0,
    M_Z,
    PLACE,
    SECOND,
)
from mutau.detector.simulation_steps import STEEP, deposit, secant
from mutau.detector.walls import solid_behind, stretch_start

Array = NDArray[np.float64]

#: Kinds of secondaries. MARKER: an electron of a shower behind a solid, which makes hits but
#: whose energy is already counted in the shower.
PHOTON, ELECTRON, SHOWER, CHARGED, NEUTRAL, MARKER = range(6)
#: Columns of the stack. Of a shower in flight: depth (X0), shape a, b of its profile, and 1 once a
#: magnet has taken its electrons.
(S_KIND, S_E, S_X, S_Y, S_Z, S_TX, S_TY, S_ROW, S_CHARGE, S_ORIGIN, S_DEPTH, S_A, S_B,
 S_SWEPT) = range(14)  # fmt: skip
STACK: Final = (400, 14)

#: Electrons below this energy (GeV) are not followed out of a solid.
SOFT: Final = 0.005
#: Electrons of a shower below this energy (GeV) are lost in a magnet: 1.4 T m turn them back.
_SOFT_SWEPT: Final = 0.3
#: Hadrons below it deposit where they are (GeV): their range is below 0.3 interaction lengths.
SLOW: Final = 1.0
#: Share of a fragmenting energy: density 1 - a + 3 a (1 - z)^2.
FIELD_FEYNMAN: Final = 0.77
#: rms of each transverse component of a fragment, GeV, and the shares of charged hadrons and
#: photons (neutral pions) among fragments; the rest are neutral hadrons.
P_T: Final = 0.3
CHARGED_SHARE: Final = 0.6
#: Radius (cm) within which a slow hadron leaves its energy, for the sharing among cells: half an
#: interaction length of iron.
HADRON_RADIUS: Final = 8.0
PHOTON_SHARE: Final = 0.3


@inner
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


@inner
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
    if count >= stack.shape[0] - 1:
        return count
    stack[count, :] = 0.0
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


@inner
def fragment(
    rng: np.random.Generator,
    rows: Array,
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

    module : place in the record where soft ones deposit. row : where they start.
    """
    left, soft = energy, 0.0
    while left > SLOW and count < stack.shape[0] - 1:
        while True:  # Field-Feynman by rejection
            share = rng.random()
            rest = 1.0 - share
            height = 1.0 - FIELD_FEYNMAN + 3.0 * FIELD_FEYNMAN * rest * rest
            if rng.random() * (1.0 + 2.0 * FIELD_FEYNMAN) < height:
                break
        part = share * left
        left -= part
        if part < SLOW:
            soft += part
            continue
        draw = rng.random()
        kind, charge = NEUTRAL, 0.0
        if draw < CHARGED_SHARE:
            kind = CHARGED
            charge = 1.0 if rng.random() < 0.5 else -1.0
        elif draw < CHARGED_SHARE + PHOTON_SHARE:
            kind = PHOTON
        new_x = tx + P_T / part * rng.standard_normal()
        new_y = ty + P_T / part * rng.standard_normal()
        if abs(new_x) > STEEP or abs(new_y) > STEEP:
            soft += part
            continue
        count = push(stack, count, kind, part, x, y, z, new_x, new_y, row, charge, NUCLEAR)
    soft += max(left, 0.0)
    if module == E_TRASH:
        event[module] += soft
    else:
        deposit(event, rows, row, module, x, y, soft, HADRON_RADIUS)
    return count


@inner
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


@inner
def _magnet_ahead(rows: Array, r: int) -> bool:
    """Whether a dipole comes behind this row."""
    ahead = False
    for i in range(r + 1, rows.shape[0]):
        ahead = ahead or rows[i, KIND] == DIPOLE
    return ahead


@njit
def _leak(
    rng: np.random.Generator, stack: Array, count: int, q: Array, rest: float, critical: float,
    x0: float, row: int,
) -> int:  # fmt: skip
    """Electrons of a shower at the end of a solid, as markers for trackers and counters.

    q : the shower; rest : GeV, the most that one of them can have. Their number is the deposit per
    X0 over the critical energy (Rossi's approximation B), their energies fall as 1/E^2, their
    angles are those of multiple scattering over one X0. They only make hits.
    """
    if rest <= 2.0 * SOFT:
        return count
    a, b = q[S_A], q[S_B]
    bt = b * q[S_DEPTH]
    density = b * math.exp((a - 1.0) * math.log(bt) - bt - math.lgamma(a))
    number = min(rng.poisson(min(q[S_E] * density / critical, 1e3)), 12)
    for _ in range(number):
        one = 1.0 / (1.0 / SOFT - rng.random() * (1.0 / SOFT - 1.0 / rest))
        angle = 0.021 / one
        ax, ay = angle * rng.standard_normal(), angle * rng.standard_normal()
        tx, ty = q[S_TX] + ax, q[S_TY] + ay
        if abs(tx) < STEEP and abs(ty) < STEEP:
            charge = 1.0 if rng.random() < 0.5 else -1.0
            count = push(
                stack, count, MARKER, one, q[S_X] + 0.5 * x0 * ax, q[S_Y] + 0.5 * x0 * ay, q[S_Z],
                tx, ty, row, charge, q[S_ORIGIN],
            )  # fmt: skip
    return count


@inner
def _split(
    rng: np.random.Generator, stack: Array, count: int, q: Array, rest: float, x0: float, row: int
) -> int:  # fmt: skip
    """Part the electrons from a shower that leaves a solid with a magnet ahead.

    q : the shower, of which `rest` GeV are left; it keeps what photons carry. Electrons carry all
    of it at the start, 45 % after a few X0 (half, less what they lose to matter); their energies
    are sticks broken off one after the other, the first one a share u^t at t X0, u even in 0 to 1,
    so that the hardest has lost about e^-t. Those below 0.3 GeV are lost in the field.
    """
    t = q[S_DEPTH]
    carried = 0.45 + 0.55 * math.exp(-t)
    budget = carried * rest
    q[S_E] *= 1.0 - carried
    q[S_SWEPT] = 1.0
    for _ in range(40):
        if budget < _SOFT_SWEPT:
            break
        one = budget * rng.random() ** t
        budget -= one
        if one < _SOFT_SWEPT:
            continue
        angle = 0.021 / one * math.sqrt(min(t, 1.0))
        ax, ay = angle * rng.standard_normal(), angle * rng.standard_normal()
        charge = 1.0 if rng.random() < 0.5 else -1.0
        count = push(
            stack, count, ELECTRON, one, q[S_X] + 0.5 * x0 * ax, q[S_Y] + 0.5 * x0 * ay, q[S_Z],
            q[S_TX] + ax, q[S_TY] + ay, row, charge, q[S_ORIGIN],
        )  # fmt: skip
    return count


@inner
def move(q: Array, step: float) -> None:
    """Particle q on a straight line, by `step` cm along z."""
    q[S_X] += step * q[S_TX]
    q[S_Y] += step * q[S_TY]
    q[S_Z] += step


@inner
def hadron_step(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, stack: Array, q: Array,
    count: int, r: int, step: float,
) -> tuple[bool, int]:  # fmt: skip
    """Hadron q in a solid, `step` cm along z to its wall: (whether it gets there, new count)."""
    table = int(rows[r, TABLE])
    dense = rows[r, DENSE] * secant(q[S_TX], q[S_TY])
    cm = step * dense
    free = -tables[table + M_LAMBDA] * math.log(1.0 - rng.random())
    path = min(free, cm)
    if q[S_KIND] == CHARGED:
        lost = min(path * tables[table + M_MIP], q[S_E])
        q[S_E] -= lost
        deposit(event, rows, r, int(rows[r, PLACE]), q[S_X], q[S_Y], lost, 0.0)
    move(q, step if free >= cm else path / dense)
    hadronic = int(rows[r, SECOND])
    if q[S_E] < SLOW:
        deposit(event, rows, r, hadronic, q[S_X], q[S_Y], q[S_E], HADRON_RADIUS)
        return False, count
    if free < cm:
        count = fragment(
            rng, rows, event, hadronic, stack, count, q[S_E], q[S_X], q[S_Y], q[S_Z], q[S_TX],
            q[S_TY], r,
        )  # fmt: skip
        return False, count
    return True, count


@inner
def _soft_electron(tables: Array, table: int, q: Array, cm: float) -> float:
    """Electron or photon q too soft for a profile; returns its deposit, sets what comes out."""
    gone = math.exp(-cm / tables[table + M_X0])
    after = q[S_E] * gone - tables[table + M_CRITICAL] * (1.0 - gone)
    after = after if after > SOFT else 0.0
    deposit = q[S_E] - after
    q[S_E] = after
    q[S_KIND] = ELECTRON
    if q[S_CHARGE] == 0.0:
        q[S_CHARGE] = -1.0
    return deposit


@inner
def _profile(q: Array, before: float, after: float) -> tuple[float, float, float]:
    """Of the shower q between two depths (X0): shares of its energy up to either, mean depth."""
    a, b = q[S_A], q[S_B]
    low, high = lower_gamma(a, b * before), lower_gamma(a, b * after)
    mean = 0.5 * (before + after)
    if high - low > 1e-6:
        # t times the density is that of a + 1: P(a + 1, x) = P(a, x) - x^a e^-x/Gamma(a + 1)
        norm = math.lgamma(a + 1.0)
        edge = math.exp(a * math.log(b * after) - b * after - norm)
        if before > 0.0:
            edge -= math.exp(a * math.log(b * before) - b * before - norm)
        mean = min(max(a / b * (1.0 - edge / (high - low)), before), after)
    return low, high, mean


@inner
def _shower_step(event: Array, rows: Array, tables: Array, q: Array, r: int, step: float) -> float:
    """Shower q through `step` cm along z of a solid; GeV that are left, 0 where it ends.

    What leaves through the sides is taken where the step's deposit lies on the average.
    """
    table = int(rows[r, TABLE])
    x0, radius, energy = tables[table + M_X0], tables[table + M_RADIUS], q[S_E]
    before = q[S_DEPTH]
    per_cm = rows[r, DENSE] * secant(q[S_TX], q[S_TY]) / x0
    q[S_DEPTH] = before + step * per_cm
    low, high, mean = _profile(q, before, q[S_DEPTH])
    rest = energy * (1.0 - high)
    done = rest < max(SOFT, 1e-4 * energy)
    part = energy * (high - low) + (rest if done else 0.0)
    there = (mean - before) / per_cm
    x, y = q[S_X] + there * q[S_TX], q[S_Y] + there * q[S_TY]
    part *= 1.0 - side_loss(x, y, rows, r, radius)
    deposit(event, rows, r, int(rows[r, PLACE]), x, y, part, radius)
    move(q, step)
    return 0.0 if done else rest


@inner
def em_step(
    rng: np.random.Generator, rows: Array, tables: Array, event: Array, stack: Array, q: Array,
    count: int, r: int, step: float,
) -> tuple[bool, int]:  # fmt: skip
    """Photon, electron or shower q in a solid, `step` cm along z to its wall: (whether it gets
    there, particles on the stack)."""
    table = int(rows[r, TABLE])
    x0, critical = tables[table + M_X0], tables[table + M_CRITICAL]
    dense = rows[r, DENSE] * secant(q[S_TX], q[S_TY])
    if q[S_KIND] == PHOTON:
        free = -9.0 / 7.0 * x0 * math.log(1.0 - rng.random()) / dense
        if free >= step:
            move(q, step)
            return True, count
        move(q, free)
        step -= free
    if q[S_KIND] != SHOWER and q[S_E] < 10.0 * critical:
        part = _soft_electron(tables, table, q, step * dense)
        radius = tables[table + M_RADIUS]
        deposit(event, rows, r, int(rows[r, PLACE]), q[S_X], q[S_Y], part, radius)
        move(q, step)
        return q[S_E] > 0.0, count
    if q[S_KIND] != SHOWER:
        # a photon's shower is that of two electrons of half its energy
        each = 0.5 * q[S_E] if q[S_KIND] == PHOTON else q[S_E]
        q[S_A], q[S_B] = shower_shape(rng, each, critical, tables[table + M_Z])
        q[S_KIND], q[S_DEPTH] = SHOWER, 0.0
    rest = _shower_step(event, rows, tables, q, r, step)
    if rest <= 0.0:
        return False, count
    first = stretch_start(rows, r)
    if solid_behind(q[S_X], q[S_Y], q[S_Z], q[S_TX], q[S_TY], rows, first) >= 0:
        return True, count
    if q[S_SWEPT] == 0.0 and rest > _SOFT_SWEPT and _magnet_ahead(rows, r):
        count = _split(rng, stack, count, q, rest, x0, first)
        rest = _SOFT_SWEPT
    return True, _leak(rng, stack, count, q, rest, critical, x0, first)
