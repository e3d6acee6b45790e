"""Kernels: what a hadron does to a nucleus and how it goes through matter between collisions.

Particles of a shower move in three dimensions, at any angle. Lengths cm, energies GeV.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.random import Generator

from mutau.core.arrays import FloatArray, IntArray
from mutau.core.jit import inner, njit
from mutau.core.records import Records, dtype_of
from mutau.transport.hadron_tables import (
    ANTINEUTRON,
    ANTIPROTON,
    FROM_KAON_MINUS,
    FROM_KAON_PLUS,
    FROM_PION,
    FROM_PROTON,
    HADRON_CUT,
    KAON_LONG,
    KAON_MINUS,
    KAON_PLUS,
    NEUTRON,
    PHOTON,
    PION_0,
    PION_MINUS,
    PION_PLUS,
    PROTON,
    CollisionLibrary,
    HadronTables,
)
from mutau.transport.shower_samplers import turn

#: Particles that may wait.
ROOM: Final = 4096
#: Kinetic energy (GeV) below which a collision is one scattering that leaves one particle.
SIMPLE: Final = 0.5
#: Largest factor that rapidities are stretched by, from an event's energy to another.
_STRETCH: Final = 1.5
_HALVES: Final = 18
#: Fractions of a soft collision (below `SIMPLE`): chance that a pion is absorbed.
_ABSORBED: Final = 0.5
_PROJECTILES: Final = 4
#: What the energy goes into: electrons and photons, ionisation by hadrons, slow nuclear fragments.
BY_SHOWER, BY_HADRONS, BY_NUCLEI = range(3)


class CascadeParticle:
    """A particle of a shower: place (cm), direction, kind (`hadron_tables`), energy (GeV; kinetic
    of hadrons, total of photons and electrons), and the stretch of pieces that it is in."""

    x: float
    y: float
    z: float
    ux: float
    uy: float
    uz: float
    kind: int
    energy: float
    piece: int


class GivenUp:
    """Energy (GeV) of particles that are given up: no room to wait, too many steps, too long a path
    in a gap."""

    no_room: float
    many_steps: float
    long_path: float


class CascadeStack(NamedTuple):
    """Particles that wait: (ROOM,); how many (1,); those that were given up (1,); the one that is
    followed (1,)."""

    waiting: Records[CascadeParticle]
    height: IntArray
    lost: Records[GivenUp]
    current: Records[CascadeParticle]


_PARTICLE: Final = dtype_of(CascadeParticle)
_GIVEN_UP: Final = dtype_of(GivenUp)


@njit
def empty_cascade() -> CascadeStack:
    """A stack without particles."""
    waiting: Any = np.zeros(ROOM, _PARTICLE)
    current: Any = np.zeros(1, _PARTICLE)
    lost: Any = np.zeros(1, _GIVEN_UP)
    return CascadeStack(waiting, np.zeros(1, np.int64), lost, current)


@inner
def energy_given_up(stack: CascadeStack) -> float:
    """Energy of all particles that were given up, GeV."""
    lost = stack.lost[0]
    return lost.no_room + lost.many_steps + lost.long_path


@inner
def copy_cascade(to: CascadeParticle, of: CascadeParticle) -> None:
    """All of another particle."""
    to.x, to.y, to.z, to.ux, to.uy, to.uz = of.x, of.y, of.z, of.ux, of.uy, of.uz
    to.kind, to.energy, to.piece = of.kind, of.energy, of.piece


@inner
def add_particle(
    stack: CascadeStack, at: CascadeParticle, kind: int, energy: float, cos: float, phi: float
) -> None:
    """One more particle, where `at` is, at an angle to its direction."""
    k = stack.height[0]
    if k >= stack.waiting.size:
        stack.lost[0].no_room += energy
        return
    stack.height[0] = k + 1
    new = stack.waiting[k]
    copy_cascade(new, at)
    new.kind, new.energy = kind, energy
    new.ux, new.uy, new.uz = turn(at.ux, at.uy, at.uz, cos, phi)


@inner(forceinline=True)
def momentum(kinetic: float, mass: float) -> float:
    """Momentum of a kinetic energy."""
    return math.sqrt(kinetic * (kinetic + 2.0 * mass))


@inner(forceinline=True)
def at_kinetic(table: FloatArray, kind: int, kinetic: float, tables: HadronTables) -> float:
    """A rate (kinds, G) of a kind at an energy."""
    u = (math.log(kinetic) - tables.log_low) / tables.log_step
    i = min(max(int(u), 0), table.shape[1] - 2)
    f = min(max(u - i, 0.0), 1.0)
    return table[kind, i] + f * (table[kind, i + 1] - table[kind, i])


@inner(forceinline=True)
def ionisation(kinetic: float, mass: float, tables: HadronTables) -> float:
    """Loss of a charged particle, GeV/cm."""
    u = (math.log(momentum(kinetic, mass) / mass) - tables.loss_low) / tables.loss_step
    i = min(max(int(u), 0), tables.loss.size - 2)
    f = min(max(u - i, 0.0), 1.0)
    return tables.loss[i] + f * (tables.loss[i + 1] - tables.loss[i])


@inner
def available(kind: int, kinetic: float, mass: float) -> float:
    """Energy that a projectile brings: kinetic of nucleons, total of mesons, with a second mass of
    antinucleons."""
    if kind in (PROTON, NEUTRON):
        return kinetic
    if kind in (ANTIPROTON, ANTINEUTRON):
        return kinetic + 2.0 * mass
    return kinetic + mass


@inner
def _projectile(rng: Generator, kind: int) -> tuple[int, bool]:
    """(projectile of the library, whether mirrored) of a kind."""
    if kind in (PION_PLUS, PION_MINUS):
        return FROM_PION, kind == PION_PLUS
    if kind == KAON_PLUS:
        return FROM_KAON_PLUS, False
    if kind == KAON_MINUS:
        return FROM_KAON_MINUS, False
    if kind == KAON_LONG:
        return (FROM_KAON_PLUS if rng.random() < 0.5 else FROM_KAON_MINUS), True
    return FROM_PROTON, kind in (NEUTRON, ANTINEUTRON)


@inner
def _choose_event(rng: Generator, states: CollisionLibrary, projectile: int, kinetic: float) -> int:
    """Number of an event at one of the two nodes beside an energy."""
    nodes = states.log_kinetic
    x, last, node = math.log(kinetic), nodes.size - 1, 0
    while node < last - 1 and nodes[node + 1] < x:
        node += 1
    f = min(max((x - nodes[node]) / (nodes[node + 1] - nodes[node]), 0.0), 1.0)
    if rng.random() < f:
        node += 1
    generator = states.generator
    if generator < 0:
        generator = 0 if rng.random() < 0.5 else 1
    cell = (generator * _PROJECTILES + projectile) * nodes.size + node
    return cell * states.events + min(int(rng.random() * states.events), states.events - 1)


@inner
def _carried(states: CollisionLibrary, event: int, stretch: float, mass: FloatArray) -> float:
    """Energy of the particles of an event with stretched rapidities, counted as `available`."""
    total = 0.0
    for i in range(states.first[event], states.first[event + 1]):
        kind = states.kind[i]
        m, p_t = mass[kind], states.p_t[i]
        energy = math.sqrt(m * m + p_t * p_t) * math.cosh(stretch * states.y[i])
        total += available(kind, energy - m, m)
    return total


@inner
def _stretch_for(states: CollisionLibrary, event: int, wanted: float, mass: FloatArray) -> float:
    """Factor on the rapidities of an event that gives its particles an energy; -1 for none."""
    low, high = 0.0, _STRETCH
    if _carried(states, event, low, mass) >= wanted or _carried(states, event, high, mass) < wanted:
        return -1.0
    for _ in range(_HALVES):
        middle = 0.5 * (low + high)
        if _carried(states, event, middle, mass) < wanted:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@inner
def decay_pi0(
    rng: Generator, q: CascadeParticle, stack: CascadeStack, energy: float, mass: float
) -> None:
    """Two photons of a pi0 of total energy `energy` that flies as q does."""
    p = math.sqrt(max(energy * energy - mass * mass, 0.0))
    share = 0.5 * (1.0 + p / energy * (2.0 * rng.random() - 1.0))
    phi = 2.0 * math.pi * rng.random()
    for i in range(2):
        one = energy * (share if i == 0 else 1.0 - share)
        other = energy - one
        # p^2 = one^2 + other^2 + 2 one other cos(opening); along the pi0 by momentum balance
        cos = 1.0 if p <= 0.0 else (p * p + one * one - other * other) / (2.0 * p * one)
        add_particle(stack, q, PHOTON, one, min(max(cos, -1.0), 1.0), phi + i * math.pi)


@inner
def _simple_collision(
    rng: Generator, q: CascadeParticle, stack: CascadeStack, tables: HadronTables
) -> float:
    """A slow hadron meets a nucleus: absorbed, or one particle with part of its energy; returns
    what stays. An invention for energies below the library's, where ranges are a few cm."""
    kind, kinetic = q.kind, q.energy
    mass = tables.mass[kind]
    pion = kind in (PION_PLUS, PION_MINUS)
    if (pion and rng.random() < _ABSORBED) or kind in (ANTIPROTON, ANTINEUTRON):
        return available(kind, kinetic, mass)
    left = kinetic * rng.random()
    if left > HADRON_CUT:
        # from forward at half a GeV to all directions at rest
        cos = max(1.0 - 0.3 * rng.standard_exponential() * SIMPLE / kinetic, -1.0)
        add_particle(stack, q, kind, left, cos, 2.0 * math.pi * rng.random())
        return kinetic - left
    return kinetic


@inner
def collide_inelastically(
    rng: Generator, q: CascadeParticle, stack: CascadeStack, tables: HadronTables
) -> float:
    """Hadron q ends in an inelastic collision, whose particles go on the stack; returns what stays
    where it is, GeV.

    An event of the library at a neighbouring energy has its rapidities stretched so that the same
    fraction of the energy is carried away. Transverse momentum is the nucleus's to balance.
    """
    states, mass = tables.states, tables.mass
    brought = available(q.kind, q.energy, mass[q.kind])
    if q.energy < SIMPLE:
        return _simple_collision(rng, q, stack, tables)
    projectile, mirrored = _projectile(rng, q.kind)
    event = _choose_event(rng, states, projectile, q.energy)
    wanted = brought * (1.0 - states.local[event])
    stretch = _stretch_for(states, event, wanted, mass)
    if stretch < 0.0:
        return _simple_collision(rng, q, stack, tables)
    turned = 2.0 * math.pi * rng.random()
    given = 0.0
    for i in range(states.first[event], states.first[event + 1]):
        kind = states.kind[i]
        m, p_t = mass[kind], states.p_t[i]
        across = math.sqrt(m * m + p_t * p_t)
        along, energy = across * math.sinh(stretch * states.y[i]), 0.0
        energy = across * math.cosh(stretch * states.y[i])
        if mirrored:
            kind = tables.image[kind]
            if kind == KAON_PLUS and rng.random() < 0.5:
                kind = KAON_MINUS
        p = math.sqrt(along * along + p_t * p_t)
        cos = along / p if p > 0.0 else 1.0
        given += available(kind, energy - m, m)
        if kind == PION_0:
            at = stack.current[0]
            ux, uy, uz = at.ux, at.uy, at.uz
            at.ux, at.uy, at.uz = turn(ux, uy, uz, cos, states.phi[i] + turned)
            decay_pi0(rng, at, stack, energy, m)
            at.ux, at.uy, at.uz = ux, uy, uz
        else:
            kinetic = energy if kind == PHOTON else energy - m
            add_particle(stack, q, kind, kinetic, cos, states.phi[i] + turned)
    return brought - given


@inner
def scatter_elastically(rng: Generator, q: CascadeParticle, tables: HadronTables) -> None:
    """Hadron q is deflected by a nucleus that stays whole: dN/dt = exp(-slope |t|)."""
    p = momentum(q.energy, tables.mass[q.kind])
    t = rng.standard_exponential() / tables.slope
    cos = max(1.0 - t / (2.0 * p * p), -1.0)
    q.ux, q.uy, q.uz = turn(q.ux, q.uy, q.uz, cos, 2.0 * math.pi * rng.random())


@inner
def scatter_multiply(rng: Generator, q: CascadeParticle, width: float) -> None:
    """Deflection with a Gaussian projected angle of this width (rad)."""
    cos = max(1.0 - width * width * rng.standard_exponential(), -1.0)
    q.ux, q.uy, q.uz = turn(q.ux, q.uy, q.uz, cos, 2.0 * math.pi * rng.random())
