"""Kernels: what enters the iron of a magnet showers there, and what comes out goes on.

A shower whose axis runs millimetres below the pole gives much of its energy back into the gap.
Particles in iron, gap and the planes within the magnet are followed one by one at any angle
(`transport.hadron_shower_kernels`); those that leave it forward go back to `simulation_flight`,
those that leave it backward hit the planes and the first solid before it.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.arrays import FloatArray
from mutau.core.constants import M_PI
from mutau.core.jit import inner, njit
from mutau.core.special import lower_gamma
from mutau.detector.simulation_flight import follow
from mutau.detector.simulation_records import (
    Output,
    Trace,
    add_counter,
    add_extra,
    deposit,
    has_room,
    push,
)
from mutau.detector.simulation_showers import HADRON_RADIUS, SCATTERING
from mutau.transport import hadron_tables as kinds
from mutau.transport.hadron_collisions import (
    CascadeParticle,
    CascadeStack,
    add_particle,
    copy_cascade,
    empty_cascade,
    energy_given_up,
    momentum,
)
from mutau.transport.hadron_shower_kernels import (
    AT_FACE,
    CascadeTally,
    Surroundings,
    carry,
    is_tracked,
)
from mutau.transport.hadron_tables import HadronTables
from mutau.transport.matter_tables import NEUTRAL_KAONS
from mutau.transport.particle import (
    CHARGED,
    ELECTRON,
    MARKER,
    NEUTRAL,
    PHOTON,
    SHOWER,
    STEEP,
    State,
)
from mutau.transport.pieces import DIPOLE, OPEN, SOLID, TOUCH, TRACKER, Pieces
from mutau.transport.setup import ELSEWHERE, Setup
from mutau.transport.walls import stretch_end, stretch_start, within

Mask = NDArray[np.bool_]

#: Of positive hadrons that go in, the fraction of pions (the rest are protons).
_PIONS: Final = 0.9
#: Photons that the rest of a shower is made of: energy (GeV) at least, number at most.
_GRAIN: Final = 0.05
_GRAINS: Final = 200


class Hurry(NamedTuple):
    """Events whose showers in iron stop as soon as a veto has fired: nobody asks for them then.

    events : (N,). limits : (K,) by piece, deposit (GeV) with which the veto there has fired, inf
    for what is none.
    """

    events: Mask
    limits: FloatArray


@inner
def _is_yoke(pieces: Pieces, first: int, magnet: int) -> bool:
    """Whether a stretch is in the iron of this magnet."""
    found = False
    for r in range(first, stretch_end(pieces, first)):
        piece = pieces[r]
        found = found or (piece.kind == DIPOLE and piece.magnet == magnet and piece.half_x < OPEN)
    return found


@inner
def _to_state(q: CascadeParticle, at: State) -> None:
    """Place and energy of a particle; its direction only where it is not across."""
    at.x, at.y, at.z, at.energy, at.piece = q.x, q.y, q.z, q.energy, q.piece
    at.tx, at.ty = q.ux / q.uz, q.uy / q.uz


@inner
def _cross(
    rng: np.random.Generator, setup: Setup, trace: Trace, q: CascadeParticle, r: int
) -> None:
    """A charged particle of a shower on a plane, if that is there."""
    piece = setup.pieces[r]
    if not within(q.x, q.y, piece):
        return
    if piece.kind == TRACKER:
        at = trace.stack[trace.stack.size - 1]
        _to_state(q, at)
        add_extra(rng, trace, piece, at)
        return
    mip = setup.matter[piece.material].mip if piece.material >= 0 else 0.0
    add_counter(trace, piece, piece.dense / abs(q.uz) * mip)


@inner
def _next_stretch(
    rng: np.random.Generator, setup: Setup, trace: Trace, q: CascadeParticle, magnet: int,
    tracked: bool,
) -> bool:  # fmt: skip
    """Particle q at the end of a stretch, through the planes there: whether the iron goes on.

    Else q.piece is the piece that comes next in its direction.
    """
    pieces = setup.pieces
    if q.uz > 0.0:
        r = stretch_end(pieces, q.piece)
        while r < pieces.size and pieces[r].length == 0.0 and pieces[r].z <= q.z + TOUCH:
            if tracked:
                _cross(rng, setup, trace, q, r)
            r += 1
        q.piece = r
        return r < pieces.size and pieces[r].z <= q.z + TOUCH and _is_yoke(pieces, r, magnet)
    r = q.piece - 1
    while r >= 0 and pieces[r].length == 0.0 and pieces[r].z >= q.z - TOUCH:
        if tracked:
            _cross(rng, setup, trace, q, r)
        r -= 1
    q.piece = stretch_start(pieces, r) if r >= 0 else -1
    if r < 0 or pieces[r].z + pieces[r].length < q.z - TOUCH:
        return False
    return _is_yoke(pieces, q.piece, magnet)


@inner
def _backward(
    rng: np.random.Generator, setup: Setup, trace: Trace, q: CascadeParticle, tracked: bool
) -> None:
    """What leaves a magnet through its front: straight back to the first solid, where it ends."""
    nobody = ELSEWHERE
    pieces, r = setup.pieces, q.piece
    while r >= 0:
        piece = pieces[r]
        back = piece.z + piece.length
        step = max((q.z - back) / -q.uz, 0.0)
        q.x, q.y, q.z = q.x + step * q.ux, q.y + step * q.uy, min(back, q.z)
        if piece.length == 0.0 and tracked:
            _cross(rng, setup, trace, q, r)
        if piece.kind == SOLID and within(q.x, q.y, piece):
            deposit(trace, piece, True, q.x, q.y, q.energy, HADRON_RADIUS)
            return
        r -= 1
    trace.deposits[nobody] += q.energy


@inner
def _forward(setup: Setup, trace: Trace, q: CascadeParticle, tables: HadronTables) -> None:
    """What leaves a magnet forward goes on the stack of the flight, steep ones end."""
    nobody = ELSEWHERE
    if not has_room(trace) or abs(q.ux) > STEEP * q.uz or abs(q.uy) > STEEP * q.uz:
        trace.deposits[nobody] += q.energy
        return
    at = trace.stack[trace.stack.size - 1]
    _to_state(q, at)
    charge = -setup.electron * tables.charge[q.kind]
    kind, energy = NEUTRAL, q.energy
    if q.kind == kinds.PHOTON:
        kind = PHOTON
    elif q.kind in (kinds.ELECTRON, kinds.POSITRON):
        kind = ELECTRON
    elif charge != 0.0:
        # a pion of the same momentum: what bends in a field
        p = momentum(q.energy, tables.mass[q.kind])
        kind, energy = CHARGED, math.sqrt(p * p + M_PI * M_PI)
    elif q.kind == kinds.KAON_LONG:
        energy += tables.mass[q.kind]
    new = trace.stack[push(trace, at, kind, energy, at.tx, at.ty)]
    new.charge, new.piece = charge, q.piece


@inner
def _enter(
    rng: np.random.Generator, setup: Setup, q: State, stack: CascadeStack, tables: HadronTables
) -> None:
    """The particle of an arrival as the first of a shower; a shower in flight as photons."""
    at = stack.current[0]
    norm = 1.0 / math.sqrt(1.0 + q.tx * q.tx + q.ty * q.ty)
    at.x, at.y, at.z, at.piece = q.x, q.y, q.z, stretch_start(setup.pieces, q.piece)
    at.ux, at.uy, at.uz = q.tx * norm, q.ty * norm, norm
    energy = q.energy
    if q.kind == SHOWER:
        left = energy * (1.0 - lower_gamma(q.a, q.b * q.depth))
        one = max(energy * math.exp(-q.depth), _GRAIN, left / _GRAINS)
        while left > _GRAIN:
            part = min(one, left)
            left -= part
            angle = SCATTERING / part * math.sqrt(2.0 * rng.standard_exponential())
            phi = 2.0 * math.pi * rng.random()
            add_particle(stack, at, kinds.PHOTON, part, math.cos(min(angle, 1.5)), phi)
        return
    kind = kinds.PHOTON
    if q.kind == ELECTRON:
        kind = kinds.ELECTRON if q.charge * setup.electron > 0.0 else kinds.POSITRON
    elif q.kind == CHARGED:
        positive = q.charge * setup.electron < 0.0
        pion = kinds.PION_PLUS if positive else kinds.PION_MINUS
        kind = pion if not positive or rng.random() < _PIONS else kinds.PROTON
        energy -= tables.mass[kind] if kind == pion else 0.0
    elif q.kind == NEUTRAL:
        kind = kinds.KAON_LONG if rng.random() < NEUTRAL_KAONS else kinds.NEUTRON
        energy -= tables.mass[kind] if kind == kinds.KAON_LONG else 0.0
    if energy > _GRAIN:
        add_particle(stack, at, kind, energy, 1.0, 0.0)


@inner
def _has_fired(pieces: Pieces, trace: Trace, limits: FloatArray) -> bool:
    """Whether a veto has fired. limits : (K,), or empty, see `Hurry`."""
    fired = False
    for r in range(limits.size):
        if limits[r] < math.inf:
            deposit_there = trace.deposits[pieces[r].counter]
            fired = fired or (deposit_there > 0.0 and deposit_there >= limits[r])
    return fired


@inner
def _shower(
    rng: np.random.Generator, setup: Setup, trace: Trace, magnet: int, tables: HadronTables,
    stack: CascadeStack, tally: CascadeTally, limits: FloatArray,
) -> None:  # fmt: skip
    """All particles on the stack to their end in a magnet, or out of it.

    limits : (K,), or empty, see `Hurry`.
    """
    around = Surroundings(setup.pieces, setup.matter, setup.electron, setup.yoke, False)
    q = stack.current[0]
    while stack.height[0] > 0:
        if _has_fired(setup.pieces, trace, limits):
            stack.height[0] = 0
            trace.counts.stack = 0
            return
        stack.height[0] -= 1
        copy_cascade(q, stack.waiting[stack.height[0]])
        tracked = is_tracked(q.kind, tables)
        while True:
            last = stretch_end(setup.pieces, q.piece)
            if carry(rng, around, q.piece, last, tables, stack, tally) != AT_FACE:
                break
            if _next_stretch(rng, setup, trace, q, magnet, tracked):
                continue
            if q.uz > 0.0:
                _forward(setup, trace, q, tables)
            else:
                _backward(rng, setup, trace, q, tracked)
            break


@inner
def _settle(trace: Trace, pieces: Pieces, at: State, left: CascadeTally) -> None:
    """What a shower has left in solids within a magnet, to their deposits; clears it."""
    nobody = ELSEWHERE
    for r in range(left.by_piece.size):
        if left.by_piece[r] != 0.0:
            if r < pieces.size and pieces[r].kind == SOLID:
                deposit(trace, pieces[r], True, at.x, at.y, left.by_piece[r], HADRON_RADIUS)
            else:
                trace.deposits[nobody] += left.by_piece[r]
            left.by_piece[r] = 0.0


@njit
def shower_arrivals(
    rng: np.random.Generator, setup: Setup, tables: HadronTables, out: Output, wanted: Mask,
    least: float, hurry: Hurry,
) -> float:  # fmt: skip
    """Showers of all arrivals at iron, and of what comes of them, into the records of the events.

    wanted : (N,) events whose showers are followed. least : GeV, what brings less ends there.
    Arrivals are taken in their order; afterwards there is none. Those without room are lost.
    Returns the energy of particles that were given up, GeV (`hadron_collisions.GivenUp`).
    """
    stack, nothing = empty_cascade(), np.zeros(0)
    left, cause, all_of_it = np.zeros(setup.pieces.size + 1), np.zeros(3), np.ones(3)
    tally = CascadeTally(left, cause, nothing, nothing, 0.0, 1.0, all_of_it)
    done = 0
    while done < min(out.counts[0].arrivals, out.arrivals.size):
        q, i = out.arrivals[done].state, out.arrivals[done].event
        done += 1
        if q.kind == MARKER or q.energy < least or not wanted[i]:
            continue
        trace = Trace(
            out.events[i], out.deposits[i], out.hits[i], out.extra, out.stack, out.counts[0],
            out.arrivals,
        )  # fmt: skip
        trace.stack[trace.stack.size - 1].origin = q.origin
        _enter(rng, setup, q, stack, tables)
        limits = hurry.limits if hurry.events[i] else nothing
        _shower(rng, setup, trace, setup.pieces[q.piece].magnet, tables, stack, tally, limits)
        _settle(trace, setup.pieces, q, tally)
        follow(rng, setup, trace)
    out.counts[0].arrivals = 0
    return energy_given_up(stack)
