"""Kernels: particles of a hadronic shower, one by one, within one stretch of pieces.

Solids and the iron of magnets are matter, the rest is empty; in a magnet's gap charged particles
turn. Directions are unit vectors, distances are along the path: a shower beside a free surface
gives energy back through it at any angle. All matter is that of the tables, thinned or thickened to
its interaction length.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from numpy.random import Generator

from mutau.core.arrays import FloatArray
from mutau.core.constants import M_E
from mutau.core.jit import inner
from mutau.transport.hadron_collisions import (
    BY_HADRONS,
    BY_NUCLEI,
    BY_SHOWER,
    CascadeParticle,
    CascadeStack,
    add_particle,
    at_kinetic,
    collide_inelastically,
    ionisation,
    momentum,
    scatter_elastically,
    scatter_multiply,
)
from mutau.transport.hadron_tables import (
    ELECTRON,
    HADRON_CUT,
    PHOTON,
    POSITRON,
    HadronTables,
)
from mutau.transport.matter_tables import MaterialRecords
from mutau.transport.pieces import DIPOLE, OPEN, Piece, Pieces
from mutau.transport.shower_kernels import left_behind, mix
from mutau.transport.shower_samplers import (
    Products,
    annihilate,
    convert,
    radiate,
    scatter,
    strike,
)
from mutau.transport.shower_tables import MAX_LOSS, ShowerTables, locate
from mutau.transport.walls import line_ahead, within

#: How a flight ends: at the end of its stretch, in matter, or at a gap where gaps end it.
AT_FACE, ENDED, IN_GAP = range(3)
#: Longest step of a charged hadron in matter (cm), and the fraction of its energy that it may lose.
_HADRON_STEP: Final = 1.0
_HADRON_LOSS: Final = 0.2
_SHORTEST: Final = 0.02
#: Largest turn in a field within one step (rad); path (cm) after which what circles is given up.
_TURN: Final = 0.05
_LONGEST: Final = 3000.0
#: Steps after which a particle is given up, and counted: more than any range or circle takes.
_STEPS: Final = 20_000
_HIGHLAND: Final = 13.6e-3
#: Species of `shower_samplers`: electron, positron, photon.
_SPECIES_PHOTON: Final = 2


class Surroundings(NamedTuple):
    """What is around: pieces, materials that they refer to, charge of an electron over that of the
    beam particle, material of the iron of magnets, and whether what enters a gap is given up."""

    pieces: Pieces
    matter: MaterialRecords
    electron: float
    yoke: int
    swallows: bool


class CascadeTally(NamedTuple):
    """What a shower leaves, GeV.

    by_piece : (K + 1,) by piece, the last for what is in none. by_cause : (3,). depth, radius :
    (D,), (R,) or empty: energy by z from z_0 and by distance from the z axis, in bins of `bin` cm,
    the last bin open; seen : (3,) by cause, the part of it that counts there.
    """

    by_piece: FloatArray
    by_cause: FloatArray
    depth: FloatArray
    radius: FloatArray
    z_0: float
    bin: float
    seen: FloatArray


@inner
def leave(tally: CascadeTally, q: CascadeParticle, r: int, cause: int, amount: float) -> None:
    """Energy that q leaves where it is, in piece r."""
    tally.by_piece[r] += amount
    tally.by_cause[cause] += amount
    amount *= tally.seen[cause]
    if tally.depth.size > 0:
        i = int(max((q.z - tally.z_0) / tally.bin, 0.0))
        tally.depth[min(i, tally.depth.size - 1)] += amount
    if tally.radius.size > 0:
        i = int(math.sqrt(q.x * q.x + q.y * q.y) / tally.bin)
        tally.radius[min(i, tally.radius.size - 1)] += amount


@inner(forceinline=True)
def is_tracked(kind: int, tables: HadronTables) -> bool:
    """Whether a kind is charged."""
    return tables.charge[kind] != 0.0


@inner(forceinline=True)
def _advance(q: CascadeParticle, s: float) -> None:
    q.x += s * q.ux
    q.y += s * q.uy
    q.z += s * q.uz


@inner
def _is_deep(
    q: CascadeParticle, around: Surroundings, stretch: tuple[int, int], tables: HadronTables
) -> bool:
    """Whether electron or photon q is so deep in the iron of a magnet that its shower stays there.

    Deep is `clear` + ln(E/cut) radiation lengths from gaps and from the ends of the stretch: a
    shower's length grows by one with each factor e. Solids within magnets count as surfaces.
    """
    clear = tables.x0 * (tables.clear + math.log(max(q.energy / tables.em.cut, 1.0)))
    first, last = stretch
    piece = around.pieces[first]
    if min(q.z - piece.z, piece.z + piece.length - q.z) < clear:
        return False
    for r in range(first, last):
        piece = around.pieces[r]
        dx, dy = abs(q.x - piece.x) - piece.half_x, abs(q.y - piece.y) - piece.half_y
        if piece.kind != DIPOLE or max(dx, dy) < clear:
            return False
    return True


@inner
def _photon(
    rng: Generator, q: CascadeParticle, stack: CascadeStack, tables: HadronTables, per_cm: float,
    wall: float,
) -> bool:  # fmt: skip
    """Photon q to its interaction (False: it is gone) or the wall. per_cm : X0 per cm."""
    t = tables.em
    i, f = locate(q.energy)
    i -= t.first
    here, above = t.photons[i], t.photons[i + 1]
    total = mix(here.total, above.total, f)
    length = rng.standard_exponential() / total / per_cm
    if length >= wall:
        _advance(q, wall)
        return True
    _advance(q, length)
    if rng.random() * total < mix(here.pair, above.pair, f):
        _release(rng, q, stack, convert(q.energy, t, True, rng))
    else:
        _release(rng, q, stack, scatter(q.energy, rng))
    return False


@inner
def _soft_photon(
    rng: Generator, q: CascadeParticle, r: int, wall: float, per_cm: float, tables: HadronTables,
    tally: CascadeTally,
) -> bool:  # fmt: skip
    """A photon below the cut: straight on to its first interaction, where it stays, or the wall.

    With the attenuation at the cut, which in iron is that of a few MeV within 30 %.
    """
    length = rng.standard_exponential() / tables.em.photons[0].total / per_cm
    goes_on = length >= wall
    _advance(q, min(length, wall))
    if not goes_on:
        leave(tally, q, r, BY_SHOWER, q.energy)
    return goes_on


@inner
def _release(rng: Generator, q: CascadeParticle, stack: CascadeStack, made: Products) -> None:
    """Both products of an electromagnetic reaction of q on the stack, the harder first."""
    phi = 2.0 * math.pi * rng.random()
    one, two = made
    if one.energy < two.energy:
        two, one = made
    for i in range(2):
        product = one if i == 0 else two
        kind = PHOTON if product.species == _SPECIES_PHOTON else ELECTRON + product.species
        add_particle(stack, q, kind, product.energy, product.cos, phi + i * math.pi)


@inner
def _react(
    rng: Generator, q: CascadeParticle, stack: CascadeStack, bound: float, t: ShowerTables
) -> bool:
    """The reaction of electron q at the end of its step, of rate up to `bound`: whether it ends q,
    its products being on the stack."""
    species = q.kind - ELECTRON
    i, f = locate(q.energy)
    i -= t.first
    here, above = t.leptons[species, i], t.leptons[species, i + 1]
    u = rng.random() * bound
    if u < mix(here.brems, above.brems, f):
        _release(rng, q, stack, radiate(species, q.energy, t, True, rng))
        return True
    if u < mix(here.scatter, above.scatter, f):
        _release(rng, q, stack, strike(species, q.energy, t.delta_cut, rng))
        return True
    if u < mix(here.total, above.total, f):
        _release(rng, q, stack, annihilate(q.energy, rng))
        return True
    return False


@inner
def _electron(
    rng: Generator, q: CascadeParticle, stack: CascadeStack, tables: HadronTables, per_cm: float,
    wall: float,
) -> tuple[bool, float]:  # fmt: skip
    """One step of electron q, at most to the wall: (whether it goes on, what it leaves, GeV).

    Rates and losses as in `shower_kernels.step_lepton`.
    """
    t, high = tables.em, q.energy
    i, f = locate(high)
    i -= t.first
    species = q.kind - ELECTRON
    here, above = t.leptons[species, i], t.leptons[species, i + 1]
    bound = t.bound * mix(here.total, above.total, f)
    loss = mix(here.loss, above.loss, f)
    longest = MAX_LOSS * high / loss
    length = rng.standard_exponential() / bound
    reacts = length < longest
    length = min(length, longest)
    if length >= wall * per_cm:
        length, reacts = wall * per_cm, False
    loss *= 1.0 - 0.5 * (above.loss - here.loss) * t.per_width[i] * length
    low = high - loss * length
    if low <= t.cut:
        _advance(q, length * (high - t.cut) / (high - low) / per_cm)
        return False, left_behind(species, high)
    _advance(q, length / per_cm)
    q.energy = low
    scatter_multiply(rng, q, _HIGHLAND / low * math.sqrt(length))
    if reacts and _react(rng, q, stack, bound, t):
        return False, high - low
    return True, high - low


@inner
def _hadron(
    rng: Generator, q: CascadeParticle, stack: CascadeStack, tables: HadronTables, dense: float,
    wall: float,
) -> tuple[bool, float, float]:  # fmt: skip
    """One step of hadron q, at most to the wall: (whether it goes on, what it leaves by ionisation,
    and to nuclei, GeV)."""
    kind, lost = q.kind, 0.0
    mass = tables.mass[kind]
    inelastic = dense * at_kinetic(tables.inelastic, kind, q.energy, tables)
    elastic = dense * at_kinetic(tables.elastic, kind, q.energy, tables)
    free = rng.standard_exponential() / (inelastic + elastic)
    step = min(free, wall)
    if is_tracked(kind, tables):
        per_cm = dense * ionisation(q.energy, mass, tables)
        step = min(step, max(min(_HADRON_STEP, _HADRON_LOSS * q.energy / per_cm), _SHORTEST))
        lost = min(per_cm * step, q.energy)
        p = momentum(q.energy, mass)
        width = _HIGHLAND * math.sqrt(step * dense / tables.x0) * (q.energy + mass) / (p * p)
        scatter_multiply(rng, q, width)
    _advance(q, step)
    q.energy -= lost
    if q.energy < HADRON_CUT:
        return False, lost + q.energy, 0.0
    if step < free:
        return True, lost, 0.0
    if rng.random() * (inelastic + elastic) < elastic:
        scatter_elastically(rng, q, tables)
        return True, lost, 0.0
    return False, lost, collide_inelastically(rng, q, stack, tables)


@inner
def _rotate(q: CascadeParticle, piece: Piece, angle: float) -> None:
    """Turn q in a dipole's field; angle : rad per GeV/cm of curve."""
    a, b = angle * piece.curve_x, angle * piece.curve_y
    if a != 0.0:
        ux, uz = q.ux, q.uz
        q.ux, q.uz = ux * math.cos(a) + uz * math.sin(a), uz * math.cos(a) - ux * math.sin(a)
    if b != 0.0:
        uy, uz = q.uy, q.uz
        q.uy, q.uz = uy * math.cos(b) + uz * math.sin(b), uz * math.cos(b) - uy * math.sin(b)


@inner(forceinline=True)
def _to_end(q: CascadeParticle, low: float, high: float) -> float:
    """Path of q to the end of the stretch from low to high."""
    if q.uz > 1e-12:
        return max((high - q.z) / q.uz, 0.0)
    if q.uz < -1e-12:
        return max((low - q.z) / q.uz, 0.0)
    return 1e9


@inner
def _in_gap(
    q: CascadeParticle, around: Surroundings, first: int, last: int, r: int, tables: HadronTables
) -> float:
    """Charged q through the gap of magnet r, to a wall or by a small turn; returns the path.

    The field is that on the axis of the piece. The step is a chord: half of the turn before it and
    half behind.
    """
    piece = around.pieces[r]
    low, high = piece.z, piece.z + piece.length
    mass = tables.mass[q.kind]
    kinetic = q.energy - M_E if q.kind in (ELECTRON, POSITRON) else q.energy
    kinetic = max(kinetic, 1e-3)
    k = -around.electron * tables.charge[q.kind] / momentum(kinetic, mass)
    field = abs(k) * max(abs(piece.curve_x), abs(piece.curve_y), 1e-12)
    limit = min(_to_end(q, low, high), _TURN / field)
    s, _ = line_ahead(q.x, q.y, q.ux, q.uy, around.pieces, first, last, limit)
    _rotate(q, piece, 0.5 * s * k)
    limit = min(_to_end(q, low, high), s)
    step, _ = line_ahead(q.x, q.y, q.ux, q.uy, around.pieces, first, last, limit)
    _advance(q, step)
    _rotate(q, piece, (step - 0.5 * s) * k)
    return step


@inner
def _matter_of(around: Surroundings, r: int) -> float:
    """Thickness of the tables' material that one cm of piece r stands for."""
    piece = around.pieces[r]
    if piece.kind == DIPOLE:
        return 1.0
    yoke = around.matter[around.yoke].interaction
    return piece.dense * yoke / around.matter[piece.material].interaction


@inner
def carry(
    rng: Generator, around: Surroundings, first: int, last: int, tables: HadronTables,
    stack: CascadeStack, tally: CascadeTally,
) -> int:  # fmt: skip
    """The current particle within the stretch of pieces first to last (without), to its end.

    What it sets free goes on the stack.
    """
    q, pieces = stack.current[0], around.pieces
    low, high = pieces[first].z, pieces[first].z + pieces[first].length
    path = 0.0
    for _ in range(_STEPS):
        limit = _to_end(q, low, high)
        if limit <= 1e-9:
            q.z = high if q.uz > 0.0 else low
            return AT_FACE
        s, r = line_ahead(q.x, q.y, q.ux, q.uy, pieces, first, last, limit)
        x, y = q.x + 0.5 * s * q.ux, q.y + 0.5 * s * q.uy
        empty = r < 0 or (pieces[r].kind == DIPOLE and within(x, y, pieces[r]))
        if empty and r >= 0 and around.swallows:
            return IN_GAP
        if empty:
            if r >= 0 and is_tracked(q.kind, tables):
                path += _in_gap(q, around, first, last, r, tables)
            else:
                _advance(q, s)
                path += s
            if path > _LONGEST or max(abs(q.x), abs(q.y)) > OPEN:
                stack.lost[0].long_path += q.energy if path > _LONGEST else 0.0
                leave(tally, q, pieces.size, BY_SHOWER, q.energy)
                return ENDED
            continue
        if not _in_matter(rng, around, r, s, (first, last), tables, stack, tally):
            return ENDED
    stack.lost[0].many_steps += q.energy
    leave(tally, q, pieces.size, BY_SHOWER, q.energy)
    return ENDED


@inner
def _in_matter(
    rng: Generator, around: Surroundings, r: int, s: float, stretch: tuple[int, int],
    tables: HadronTables, stack: CascadeStack, tally: CascadeTally,
) -> bool:  # fmt: skip
    """The current particle in piece r, at most s cm: whether it goes on."""
    q, dense = stack.current[0], _matter_of(around, r)
    if q.kind in (PHOTON, ELECTRON, POSITRON):
        soft = q.energy < tables.em.cut
        deep = tables.clear < math.inf and _is_deep(q, around, stretch, tables)
        if soft and not deep and q.kind == PHOTON:
            return _soft_photon(rng, q, r, s, dense / tables.x0, tables, tally)
        if soft or deep:
            leave(tally, q, r, BY_SHOWER, q.energy)
            return False
        if q.kind == PHOTON:
            return _photon(rng, q, stack, tables, dense / tables.x0, s)
        goes_on, lost = _electron(rng, q, stack, tables, dense / tables.x0, s)
        leave(tally, q, r, BY_SHOWER, lost)
        return goes_on
    goes_on, lost, stays = _hadron(rng, q, stack, tables, dense, s)
    leave(tally, q, r, BY_HADRONS, lost)
    if stays != 0.0:
        leave(tally, q, r, BY_NUCLEI, stays)
    return goes_on
