"""Showers one after another, and a rare emission forced once in each: compiled kernels.

The emission is first order in its cross section: a shower is followed without it, every step of
an e+- adds its part to the mean number of emissions, and one place is chosen in proportion. From
the state there the shower goes on with what the emission leaves. The weight of the event is the
mean number.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.random import Generator

from mutau.core.arrays import BoolArray, FloatArray, IntArray
from mutau.core.constants import M_E
from mutau.core.jit import inner, njit
from mutau.core.records import Records, dtype_of
from mutau.transport.shower_counts import (
    Scope,
    ShowerParticle,
    ShowerTally,
    add_tally,
    clear_tally,
    copy_tally,
    empty_tally,
)
from mutau.transport.shower_kernels import (
    STACK,
    EmissionRates,
    Kept,
    ShowerStep,
    Stack,
    Watch,
    develop,
    node_below,
    place_product,
)
from mutau.transport.shower_samplers import Product
from mutau.transport.shower_tables import ShowerTables

_PARTICLE: Final = dtype_of(ShowerParticle)


class EmissionEvent:
    """A shower with an emission: its weight, the channel, the emitter (0 e-, 1 e+), energies in
    GeV, place in X0 and direction of the emitter."""

    weight: float
    channel: int
    emitter: int
    emitter_energy: float
    boson_energy: float
    z: float
    x: float
    y: float
    ux: float
    uy: float
    uz: float


class Channels(NamedTuple):
    """Tables of the emission channels.

    rates : sums over the channels. parts : (C, 2, M) the same integral by channel. fractions :
    (C, M, Q) quantiles of the boson's energy over the emitter's, at log_energy (M,), ln GeV.
    whole : (C,) where the boson takes E + m, by annihilation.
    """

    rates: EmissionRates
    parts: FloatArray
    fractions: FloatArray
    log_energy: FloatArray
    whole: BoolArray


class Incident(NamedTuple):
    """What comes in: species, and energy (n,) GeV of each."""

    species: int
    energy: FloatArray


class ShowerResults(NamedTuple):
    """What `run_showers` fills.

    section (n, S, R), leak (n,) : GeV per shower; with emissions, of what the rest of the shower
    leaves. total, squares : sums over showers of track lengths and profiles, added to. events :
    (n,), of emissions; weight 0 where nothing could emit. steps : (room,), and written
    (2,): number of steps, also of those that found no room.
    """

    section: FloatArray
    leak: FloatArray
    total: ShowerTally
    squares: ShowerTally
    events: Records[EmissionEvent]
    steps: Records[ShowerStep]
    written: IntArray


class Wanted(NamedTuple):
    """emits : one forced emission in each shower. records : a list of all steps."""

    emits: bool
    records: bool


@inner
def choose_channel(e: float, species: int, c: Channels, rng: Generator) -> int:
    """Channel of an emission at energy e, in proportion to the rates of its cell."""
    i = node_below(c.rates.energy, e)
    total = c.rates.integral[species, i + 1] - c.rates.integral[species, i]
    u = rng.random() * total
    last = 0
    for k in range(c.parts.shape[0]):
        part = c.parts[k, species, i + 1] - c.parts[k, species, i]
        if part > 0.0:
            last = k
            if u < part:
                return k
            u -= part
    return last


@inner
def boson_energy(e: float, channel: int, c: Channels, rng: Generator) -> float:
    """Energy of the boson from an emitter of energy e, GeV."""
    if c.whole[channel]:
        return e + M_E
    n, q = c.log_energy.shape[0], c.fractions.shape[2]
    x = np.log(e)
    i = min(max(np.searchsorted(c.log_energy, x) - 1, 0), n - 2)
    f = (x - c.log_energy[i]) / (c.log_energy[i + 1] - c.log_energy[i])
    f = min(max(f, 0.0), 1.0)
    y = rng.random() * (q - 1)
    j = min(int(y), q - 2)
    y -= j
    table = c.fractions[channel]
    low = table[i, j] + y * (table[i, j + 1] - table[i, j])
    high = table[i + 1, j] + y * (table[i + 1, j + 1] - table[i + 1, j])
    return min(e * (low + f * (high - low)), e - M_E)


@inner
def restore(kept: Kept, stack: Stack, tally: ShowerTally) -> None:
    """Bring the kept state of a shower back."""
    copy_tally(kept.tally, tally)
    stack.height[0] = kept.stack.height[0]
    for i in range(stack.height[0]):
        stack.waiting[i] = kept.stack.waiting[i]


#: For showers without production.
NO_CHANNELS: Final = Channels(
    EmissionRates(np.array([0.0, 1.0]), np.zeros((2, 2))), np.zeros((1, 2, 2)),
    np.zeros((1, 2, 2)), np.array([0.0, 1.0]), np.zeros(1, bool),
)  # fmt: skip


@inner
def emit(
    kept: Kept, stack: Stack, cut: float, tally: ShowerTally, scope: Scope, c: Channels,
    event: EmissionEvent, rng: Generator,
) -> None:  # fmt: skip
    """Go back to the kept place, let the boson leave; fills event."""
    restore(kept, stack, tally)
    place = kept.emitter[0]
    e = place.energy
    channel = choose_channel(e, place.species, c, rng)
    boson = boson_energy(e, channel, c, rng)
    event.weight = kept.total[0]
    event.channel, event.emitter = channel, place.species
    event.emitter_energy, event.boson_energy = e, boson
    event.z, event.x, event.y = place.z, place.x, place.y
    event.ux, event.uy, event.uz = place.ux, place.uy, place.uz
    if not c.whole[channel]:
        left = Product(place.species, e - boson, 1.0)
        place_product(left, 0.0, place, cut, stack, tally, scope)


@njit
def _empty_stack() -> Stack:
    waiting: Any = np.zeros(STACK, _PARTICLE)
    current: Any = np.zeros(1, _PARTICLE)
    return Stack(waiting, np.zeros(1, np.int64), current)


@inner
def _enter(stack: Stack, species: int, energy: float, scope: Scope) -> None:
    """One particle on the stack, at the first depth and along z."""
    first = stack.waiting[0]
    first.species, first.energy = species, energy
    first.z, first.x, first.y = scope.depths[0], 0.0, 0.0
    first.ux, first.uy, first.uz = 0.0, 0.0, 1.0
    stack.height[0] = 1


@njit
def run_showers(
    incident: Incident, t: ShowerTables, scope: Scope, channels: Channels, wanted: Wanted,
    out: ShowerResults, rng: Generator,
) -> None:  # fmt: skip
    """Showers one after another, each with one forced emission if wanted; fills out."""
    bins, depths = out.total.track.shape[1], out.total.profile.shape[0]
    sections, rings = out.section.shape[1], out.section.shape[2]
    tally, stack = empty_tally(bins, sections, rings, depths), _empty_stack()
    emitter: Any = np.zeros(1, _PARTICLE)
    kept = Kept(np.zeros(1), emitter, _empty_stack(), empty_tally(bins, sections, rings, depths))
    turns = 2 if wanted.emits else 1
    for i in range(incident.energy.shape[0]):
        clear_tally(tally)
        kept.total[0] = 0.0
        out.written[1] = i
        _enter(stack, incident.species, incident.energy[i], scope)
        for k in range(turns):
            emits = wanted.emits and k == 0
            watch = Watch(emits, channels.rates, kept, wanted.records, out.steps, out.written)
            develop(stack, t, tally, scope, watch, rng)
            if emits and kept.total[0] > 0.0:
                emit(kept, stack, t.cut, tally, scope, channels, out.events[i], rng)
        for j in range(sections):
            for r in range(rings):
                out.section[i, j, r] = tally.section[j, r]
        out.leak[i] = tally.leak[0]
        add_tally(tally, out.total, out.squares)
