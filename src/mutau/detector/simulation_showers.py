"""Kernels for what a muon sets free: photons, electrons, hadrons, until nothing is left.

Electromagnetic showers above ten critical energies are profiles, not particles: a gamma
distribution over depth whose shape fluctuates (G. Grindhammer, S. Peters, hep-ex/0001020, sec. 3:
ln T and ln alpha Gaussian, correlated), which starts where the photon converts, and whatever has
not been deposited at the end of a solid goes on to the next one. Hadrons are followed one by one
down to 1 GeV: interaction lengths by charge and energy, fragmentation by R. D. Field, R. P.
Feynman, Nucl. Phys. B 136 (1978) 1, a third of the energy to photons at each collision.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mutau.core.constants import M_E
from mutau.core.jit import inner, njit
from mutau.core.special import lower_gamma
from mutau.detector.hits import NUCLEAR
from mutau.detector.simulation_records import Trace, deposit, has_room, push
from mutau.transport.matter_tables import SCATTERING_ENERGY, MaterialRecord, hadron_length
from mutau.transport.particle import (
    CHARGED,
    ELECTRON,
    MARKER,
    NEUTRAL,
    PHOTON,
    SHOWER,
    STEEP,
    State,
    move,
    secant,
)
from mutau.transport.pieces import DIPOLE, Piece, Pieces
from mutau.transport.setup import ELSEWHERE, Setup
from mutau.transport.walls import solid_behind, stretch_start

#: Electrons below this energy (GeV) are not followed out of a solid.
SOFT: Final = 0.005
#: GeV. rms angle of a shower's electron behind a solid, times its energy, in either direction
#: across: multiple scattering over one X0 at constant energy. Rossi's scattering energy is that of
#: the angle in space. An electron that had e^t times the energy t X0 before has 0.011.
SCATTERING: Final = SCATTERING_ENERGY / math.sqrt(2.0)
#: Electrons of a shower below this energy (GeV) are lost in a magnet: 1.4 T m turn them back.
_SOFT_SWEPT: Final = 0.3
#: Hadrons below it deposit where they are (GeV): their range is below 0.3 interaction lengths.
SLOW: Final = 1.0
#: Fraction of a fragmenting energy: density 1 - a + 3 a (1 - z)^2.
FIELD_FEYNMAN: Final = 0.77
#: rms of each transverse component of a fragment, GeV, and the fractions of charged hadrons and
#: photons (neutral pions) among fragments; the rest are neutral hadrons.
P_T: Final = 0.3
CHARGED_FRACTION: Final = 0.6
PHOTON_FRACTION: Final = 0.3
#: Radius (cm) within which a slow hadron leaves its energy, for the sharing among cells: half an
#: interaction length of iron.
HADRON_RADIUS: Final = 8.0


@inner
def shower_shape(
    rng: np.random.Generator, energy: float, critical: float, z: float
) -> tuple[float, float]:
    """(a, b) of the gamma profile of an electron's shower, over depth in X0.

    Source: Grindhammer, Peters, appendix A.1 (fluctuated profiles of homogeneous media): means and
    widths of ln T and ln alpha and their correlation over ln y = ln E/E_c; the same numbers are in
    Geant4's GFlashHomoShowerParameterisation. Below y = 6 as at 6: the
    widths diverge at 3. They stop at 0.6, and a at 1.05, else the profile has no maximum.
    """
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
def random_charge(rng: np.random.Generator) -> float:
    """Either sign, as often."""
    return 1.0 if rng.random() < 0.5 else -1.0


@inner
def fragment(
    rng: np.random.Generator, setup: Setup, trace: Trace, at: State, energy: float, inside: bool
) -> None:
    """A hadronic energy breaks up into hadrons and photons, which go on the stack.

    at : place and direction. inside : whether it is in a solid, its piece, where soft ones deposit.
    """
    left, soft = energy, 0.0
    while left > SLOW and has_room(trace):
        while True:  # Field-Feynman by rejection
            fraction = rng.random()
            rest = 1.0 - fraction
            height = 1.0 - FIELD_FEYNMAN + 3.0 * FIELD_FEYNMAN * rest * rest
            if rng.random() * (1.0 + 2.0 * FIELD_FEYNMAN) < height:
                break
        part = fraction * left
        left -= part
        if part < SLOW:
            soft += part
            continue
        draw = rng.random()
        kind, charge = NEUTRAL, 0.0
        if draw < CHARGED_FRACTION:
            kind = CHARGED
            charge = random_charge(rng)
        elif draw < CHARGED_FRACTION + PHOTON_FRACTION:
            kind = PHOTON
        new_x = at.tx + P_T / part * rng.standard_normal()
        new_y = at.ty + P_T / part * rng.standard_normal()
        if abs(new_x) > STEEP or abs(new_y) > STEEP:
            soft += part
            continue
        q = trace.stack[push(trace, at, kind, part, new_x, new_y)]
        q.charge, q.origin = charge, NUCLEAR
    soft += max(left, 0.0)
    if inside:
        deposit(trace, setup.pieces[at.piece], True, at.x, at.y, soft, HADRON_RADIUS)
    else:
        nobody = ELSEWHERE
        trace.deposits[nobody] += soft


@inner
def side_loss(x: float, y: float, piece: Piece, radius: float) -> float:
    """Fraction of a shower that leaves through the sides of a solid.

    Radial profile 2 r R^2/(r^2 + R^2)^2, whose part beyond a straight edge at distance d is
    (1 - d/sqrt(d^2 + R^2))/2. Source of the form: Grindhammer, Peters, sec. 3.2 (core).
    """
    lost = 0.0
    for side in range(4):
        if side < 2:
            d = piece.half_x + (x - piece.x) * (1.0 if side == 0 else -1.0)
        else:
            d = piece.half_y + (y - piece.y) * (1.0 if side == 2 else -1.0)
        # further away less than 1e-4 is lost
        if d < 50.0 * radius:
            lost += 0.5 * (1.0 - d / math.sqrt(d * d + radius * radius))
    return min(lost, 0.75)


@inner
def _magnet_ahead(pieces: Pieces, r: int) -> bool:
    """Whether a dipole comes behind this piece."""
    ahead = False
    for i in range(r + 1, pieces.size):
        ahead = ahead or pieces[i].kind == DIPOLE
    return ahead


@njit
def _leak(
    rng: np.random.Generator,
    trace: Trace,
    q: State,
    rest: float,
    matter: MaterialRecord,
    first: int,
) -> None:
    """Electrons of a shower at the end of a solid, as markers for trackers and counters.

    q : the shower; rest : GeV, the most that one of them can have. Their number is the deposit per
    X0 over the critical energy (Rossi's approximation B), their energies fall as 1/E^2, their
    angles are those of multiple scattering over one X0. They only make hits.
    first : of the stretch where they are.
    """
    if rest <= 2.0 * SOFT:
        return
    a, b = q.a, q.b
    bt = b * q.depth
    density = b * math.exp((a - 1.0) * math.log(bt) - bt - math.lgamma(a))
    # at most twelve markers; the mean is held within what the sampler takes
    number = min(rng.poisson(min(q.energy * density / matter.critical, 1e3)), 12)
    for _ in range(number):
        one = 1.0 / (1.0 / SOFT - rng.random() * (1.0 / SOFT - 1.0 / rest))
        angle = SCATTERING / one
        ax, ay = angle * rng.standard_normal(), angle * rng.standard_normal()
        tx, ty = q.tx + ax, q.ty + ay
        if abs(tx) < STEEP and abs(ty) < STEEP:
            charge = random_charge(rng)
            e = trace.stack[push(trace, q, MARKER, one, tx, ty)]
            e.x += 0.5 * matter.x0 * ax
            e.y += 0.5 * matter.x0 * ay
            e.charge, e.piece = charge, first


@inner
def _split(
    rng: np.random.Generator, trace: Trace, q: State, rest: float, x0: float, first: int
) -> None:
    """Part the electrons from a shower that leaves a solid with a magnet ahead.

    q : the shower, of which `rest` GeV are left; it keeps what photons carry. Electrons carry all
    of it at the start, 45 % after a few X0 (half, less what they lose to matter); their energies
    are sticks broken off one after the other, the first one a fraction u^t at t X0, u even in 0 to
    1, so that the hardest has lost about e^-t. It is what began the shower, and has its charge; the
    others are electrons and positrons alike. Those below 0.3 GeV are lost in the field.
    """
    began = q.charge
    t = q.depth
    carried = 0.45 + 0.55 * math.exp(-t)
    budget = carried * rest
    q.energy *= 1.0 - carried
    q.swept = True
    for rank in range(40):
        if budget < _SOFT_SWEPT:
            break
        one = budget * rng.random() ** t
        budget -= one
        if one < _SOFT_SWEPT:
            continue
        angle = SCATTERING / one * math.sqrt(min(t, 1.0))
        ax, ay = angle * rng.standard_normal(), angle * rng.standard_normal()
        charge = random_charge(rng)
        if rank == 0 and began != 0.0:
            charge = began
        e = trace.stack[push(trace, q, ELECTRON, one, q.tx + ax, q.ty + ay)]
        e.x += 0.5 * x0 * ax
        e.y += 0.5 * x0 * ay
        e.charge, e.piece = charge, first


@inner
def hadron_step(
    rng: np.random.Generator, setup: Setup, trace: Trace, q: State, r: int, step: float
) -> bool:
    """Hadron q in solid r, `step` cm along z to its wall: whether it gets there."""
    piece = setup.pieces[r]
    matter = setup.matter[piece.material]
    dense = piece.dense * secant(q)
    cm = step * dense
    free = -hadron_length(matter, q.kind == CHARGED, q.energy) * math.log(1.0 - rng.random())
    path = min(free, cm)
    if q.kind == CHARGED:
        lost = min(path * matter.mip, q.energy)
        q.energy -= lost
        deposit(trace, piece, False, q.x, q.y, lost, 0.0)
    move(q, step if free >= cm else path / dense)
    if q.energy < SLOW:
        deposit(trace, piece, True, q.x, q.y, q.energy, HADRON_RADIUS)
        return False
    if free < cm:
        q.piece = r
        fragment(rng, setup, trace, q, q.energy, True)
        return False
    return True


@inner
def _soft_electron(matter: MaterialRecord, q: State, cm: float) -> float:
    """Electron or photon q too soft for a profile; returns its deposit, sets what comes out."""
    gone = math.exp(-cm / matter.x0)
    after = q.energy * gone - matter.critical * (1.0 - gone)
    after = after if after > SOFT else 0.0
    lost = q.energy - after
    q.energy = after
    q.kind, q.mass = ELECTRON, M_E
    if q.charge == 0.0:
        q.charge = -1.0
    return lost


@inner
def _profile(q: State, before: float, after: float) -> tuple[float, float, float]:
    """Of the shower q between two depths (X0): fractions of its energy up to either, mean depth."""
    a, b = q.a, q.b
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
def _shower_step(
    trace: Trace, piece: Piece, matter: MaterialRecord, q: State, step: float
) -> float:
    """Shower q through `step` cm along z of a solid; GeV that are left, 0 where it ends.

    What leaves through the sides is taken where the step's deposit lies on the average.
    """
    radius, energy = matter.radius, q.energy
    before = q.depth
    per_cm = piece.dense * secant(q) / matter.x0
    q.depth = before + step * per_cm
    low, high, mean = _profile(q, before, q.depth)
    rest = energy * (1.0 - high)
    # the last ten thousandth stays where it is
    done = rest < max(SOFT, 1e-4 * energy)
    part = energy * (high - low) + (rest if done else 0.0)
    there = (mean - before) / per_cm
    x, y = q.x + there * q.tx, q.y + there * q.ty
    part *= 1.0 - side_loss(x, y, piece, radius)
    deposit(trace, piece, False, x, y, part, radius)
    move(q, step)
    return 0.0 if done else rest


@inner
def em_step(
    rng: np.random.Generator, setup: Setup, trace: Trace, q: State, r: int, step: float
) -> bool:
    """Photon, electron or shower q in solid r, `step` cm along z to its wall: whether it gets
    there."""
    piece = setup.pieces[r]
    matter = setup.matter[piece.material]
    dense = piece.dense * secant(q)
    if q.kind == PHOTON:
        free = -9.0 / 7.0 * matter.x0 * math.log(1.0 - rng.random()) / dense
        if free >= step:
            move(q, step)
            return True
        move(q, free)
        step -= free
    if q.kind != SHOWER and q.energy < 10.0 * matter.critical:
        part = _soft_electron(matter, q, step * dense)
        deposit(trace, piece, False, q.x, q.y, part, matter.radius)
        move(q, step)
        return q.energy > 0.0
    if q.kind != SHOWER:
        # a photon's shower is that of two electrons of half its energy
        each = 0.5 * q.energy if q.kind == PHOTON else q.energy
        q.a, q.b = shower_shape(rng, each, matter.critical, matter.mean_z)
        q.kind, q.depth = SHOWER, 0.0
    rest = _shower_step(trace, piece, matter, q, step)
    if rest <= 0.0:
        return False
    first = stretch_start(setup.pieces, r)
    if solid_behind(q, setup.pieces, first) >= 0:
        return True
    if not q.swept and rest > _SOFT_SWEPT and _magnet_ahead(setup.pieces, r):
        _split(rng, trace, q, rest, matter.x0, first)
        rest = _SOFT_SWEPT
    _leak(rng, trace, q, rest, matter, first)
    return True
