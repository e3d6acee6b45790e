"""One shower, particle by particle: compiled kernels.

The smaller of two products is followed first, so the stack holds little more than
log2(energy/cut) particles.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from mutau.core.arrays import FloatArray, IntArray
from mutau.core.constants import M_E
from mutau.core.jit import inner
from mutau.core.records import Records
from mutau.transport.shower_counts import (
    Scope,
    ShowerParticle,
    ShowerTally,
    copy_tally,
    count_track,
    deposit,
)
from mutau.transport.shower_samplers import (
    ELECTRON,
    PHOTON,
    POSITRON,
    Product,
    Products,
    annihilate,
    convert,
    radiate,
    scatter,
    strike,
    turn,
)
from mutau.transport.shower_tables import MAX_LOSS, ShowerTables, locate


class ShowerStep:
    """A recorded step: shower, species, energies (GeV), length and where it begins (X0)."""

    shower: int
    species: int
    energy: float
    energy_after: float
    length: float
    z: float
    x: float
    y: float


STACK: Final = 512
_HIGHLAND: Final = 13.6e-3  # GeV; projected width of multiple scattering per root X0
# The end of a flight.
GONE, REACTED = range(2)


class Stack(NamedTuple):
    """Particles that wait: (STACK,), how many (1,), and the one that is followed
    (1,)."""

    waiting: Records[ShowerParticle]
    height: IntArray
    current: Records[ShowerParticle]


class Kept(NamedTuple):
    """The chosen place of an emission, and all that stood when it was passed.

    total : (1,) mean number of emissions so far. emitter : (1,). stack : as `Stack`.
    tally : what had been counted.
    """

    total: FloatArray
    emitter: Records[ShowerParticle]
    stack: Stack
    tally: ShowerTally


class EmissionRates(NamedTuple):
    """energy (M,) GeV, and the integral (2, M) up to there of the emission rate of e- and of e+,
    GeV per X0."""

    energy: FloatArray
    integral: FloatArray


class Watch(NamedTuple):
    """What is looked at on the way.

    emits : choose a place of emission, by `rates`, into `kept`. records : write every step into
    `steps` (room,); written : (2,) their number, and which shower is followed.
    """

    emits: bool
    rates: EmissionRates
    kept: Kept
    records: bool
    steps: Records[ShowerStep]
    written: IntArray


@inner(forceinline=True)
def distance_out(p: ShowerParticle, scope: Scope) -> float:
    """Distance along the direction of p to the back or the front, X0."""
    if p.uz > 1e-12:
        return max((scope.depths[-1] - p.z) / p.uz, 0.0)
    if p.uz < -1e-12:
        return max((scope.depths[0] - p.z) / p.uz, 0.0)
    return 1e300


@inner(forceinline=True)
def mix(low: float, high: float, f: float) -> float:
    """A fraction f of the way from low to high."""
    return low + f * (high - low)


@inner(forceinline=True)
def radius(p: ShowerParticle, back: float, scope: Scope) -> float:
    """Distance from the axis `back` X0 before the place of p; 0 without directions."""
    return np.hypot(p.x - back * p.ux, p.y - back * p.uy) if scope.lateral else 0.0


@inner(forceinline=True)
def advance(p: ShowerParticle, length: float) -> None:
    """Move p along its direction."""
    p.z += length * p.uz
    p.x += length * p.ux
    p.y += length * p.uy


@inner(forceinline=True)
def left_behind(species: int, energy: float) -> float:
    """Energy that a stopped particle leaves: kinetic, with annihilation at rest, or all."""
    if species == PHOTON:
        return energy
    return energy + M_E if species == POSITRON else energy - M_E


@inner(forceinline=True)
def nothing() -> Products:
    """No products."""
    return Product(ELECTRON, 0.0, 0.0), Product(ELECTRON, 0.0, 0.0)


@inner
def fly_photon(
    p: ShowerParticle, t: ShowerTables, tally: ShowerTally, scope: Scope, rng: Generator
) -> tuple[int, Products]:
    """A photon to its next interaction, or out."""
    i, f = locate(p.energy)
    i -= t.first
    here, above = t.photons[i], t.photons[i + 1]
    total = mix(here.total, above.total, f)
    length = rng.standard_exponential() / total
    way_out = distance_out(p, scope)
    if length >= way_out:
        count_track(p, i, p.energy, way_out, tally, scope)
        tally.leak[0] += p.energy
        return GONE, nothing()
    count_track(p, i, p.energy, length, tally, scope)
    advance(p, length)
    if rng.random() * total < mix(here.pair, above.pair, f):
        return REACTED, convert(p.energy, t, scope.lateral, rng)
    return REACTED, scatter(p.energy, rng)


@inner
def keep_place(
    high: float, length: float, stack: Stack, tally: ShowerTally, scope: Scope, watch: Watch,
    rng: Generator,
) -> None:  # fmt: skip
    """Add a step to the mean number of emissions; maybe choose the emission within it.

    The particle that is followed stands at the end of the step; its loss is not deposited yet.
    Each place is chosen with the probability of its part of the total (reservoir sampling); the
    state there is kept.
    """
    p, kept = stack.current[0], watch.kept
    low = p.energy
    a, b = rate_integral(watch.rates, p.species, high), rate_integral(watch.rates, p.species, low)
    if a <= b:
        return
    part = (a - b) * length / (high - low)
    kept.total[0] += part
    if rng.random() * kept.total[0] >= part:
        return
    e = energy_at(watch.rates, p.species, b + rng.random() * (a - b))
    e = min(max(e, low), high)
    back = length * (e - low) / (high - low)
    kept.emitter[0] = p
    place = kept.emitter[0]
    place.energy = e
    place.z -= back * p.uz
    place.x -= back * p.ux
    place.y -= back * p.uy
    copy_tally(tally, kept.tally)
    kept.stack.height[0] = stack.height[0]
    for i in range(stack.height[0]):
        kept.stack.waiting[i] = stack.waiting[i]
    half = 0.5 * (length - back)
    r = np.hypot(place.x - half * place.ux, place.y - half * place.uy)
    deposit(high - e, place.z - half * place.uz, r, kept.tally, scope)


@inner
def record_step(p: ShowerParticle, high: float, length: float, watch: Watch) -> None:
    """Append the step that ends at p; steps beyond the room are counted and lost."""
    at = watch.written[0]
    watch.written[0] += 1
    if at >= len(watch.steps):
        return
    step = watch.steps[at]
    step.shower, step.species = watch.written[1], p.species
    step.energy, step.energy_after, step.length = high, p.energy, length
    step.z = p.z - length * p.uz
    step.x = p.x - length * p.ux
    step.y = p.y - length * p.uy


@inner(forceinline=True)
def node_below(nodes: FloatArray, value: float) -> int:
    """Index of the last of rising nodes that is not above value, within the list less one."""
    low, high = 0, nodes.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if nodes[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return min(max(low - 1, 0), nodes.shape[0] - 2)


@inner(forceinline=True)
def rate_integral(rates: EmissionRates, species: int, e: float) -> float:
    """Emission rate integrated up to e, linear between nodes, flat outside, GeV per X0."""
    x, y = rates.energy, rates.integral[species]
    i = node_below(x, e)
    f = (e - x[i]) / (x[i + 1] - x[i])
    return y[i] + min(max(f, 0.0), 1.0) * (y[i + 1] - y[i])


@inner(forceinline=True)
def energy_at(rates: EmissionRates, species: int, target: float) -> float:
    """Energy where the integrated emission rate reaches target; inverse of `rate_integral`."""
    x, y = rates.energy, rates.integral[species]
    i = node_below(y, target)
    step = y[i + 1] - y[i]
    f = (target - y[i]) / step if step > 0.0 else 0.0
    return x[i] + f * (x[i + 1] - x[i])


@inner(forceinline=True)
def step_lepton(
    p: ShowerParticle, t: ShowerTables, scope: Scope, rng: Generator
) -> tuple[int, float, float, bool, bool]:
    """Draw one step of an e+- with continuous loss, move p along it.

    Returns the node of the energy before, the length in X0, the bound of the rate, whether a
    reaction may follow, and whether p left the target.
    """
    high = p.energy
    i, f = locate(high)
    i -= t.first
    here, above = t.leptons[p.species, i], t.leptons[p.species, i + 1]
    bound = t.bound * mix(here.total, above.total, f)
    loss = mix(here.loss, above.loss, f)
    longest = MAX_LOSS * high / loss
    length = rng.standard_exponential() / bound
    reacts = length < longest
    length = min(length, longest)
    way_out = distance_out(p, scope)
    leaves = way_out <= length
    length = min(length, way_out)
    slope = (above.loss - here.loss) * t.per_width[i]
    loss *= 1.0 - 0.5 * slope * length
    low = high - loss * length
    if low <= t.cut:
        length *= (high - t.cut) / (high - low)
        low, leaves = t.cut, False
    p.energy = low
    advance(p, length)
    return i, length, bound, reacts and not leaves, leaves


@inner(forceinline=True)
def react(
    p: ShowerParticle,
    bound: float,
    t: ShowerTables,
    tally: ShowerTally,
    scope: Scope,
    rng: Generator,
) -> tuple[int, Products]:
    """The reaction of an e+- at the end of its step, of rate up to `bound`, or none (GONE)."""
    i, f = locate(p.energy)
    i -= t.first
    here, above = t.leptons[p.species, i], t.leptons[p.species, i + 1]
    u = rng.random() * bound
    if u < mix(here.brems, above.brems, f):
        made = radiate(p.species, p.energy, t, scope.lateral, rng)
        if made[1].energy >= t.cut or made[0].energy < t.cut:
            return REACTED, made
        deposit(made[1].energy, p.z, radius(p, 0.0, scope), tally, scope)
        p.energy = made[0].energy
        return GONE, made
    if u < mix(here.scatter, above.scatter, f):
        return REACTED, strike(p.species, p.energy, t.delta_cut, rng)
    if u < mix(here.total, above.total, f):
        return REACTED, annihilate(p.energy, rng)
    return GONE, nothing()


@inner(forceinline=True)
def fly_lepton(
    stack: Stack, t: ShowerTables, tally: ShowerTally, scope: Scope, watch: Watch, rng: Generator
) -> tuple[int, Products]:
    """The e+- that is followed, to its next reaction, its end or out, with what is on the way."""
    p = stack.current[0]
    while True:
        high = p.energy
        i, length, bound, reacts, leaves = step_lepton(p, t, scope, rng)
        low = p.energy
        count_track(p, i, high, length, tally, scope)
        if watch.emits:
            keep_place(high, length, stack, tally, scope, watch, rng)
        if watch.records:
            record_step(p, high, length, watch)
        half = 0.5 * length
        deposit(high - low, p.z - half * p.uz, radius(p, half, scope), tally, scope)
        if leaves:
            tally.leak[0] += left_behind(p.species, low)
            return GONE, nothing()
        if low <= t.cut:
            deposit(left_behind(p.species, low), p.z, radius(p, 0.0, scope), tally, scope)
            return GONE, nothing()
        if scope.lateral:
            wide = _HIGHLAND / low
            cos = max(1.0 - wide * wide * length * rng.standard_exponential(), -1.0)
            p.ux, p.uy, p.uz = turn(p.ux, p.uy, p.uz, cos, 2.0 * np.pi * rng.random())
        if reacts:
            end, made = react(p, bound, t, tally, scope, rng)
            if end == REACTED:
                return end, made


@inner
def place_product(
    made: Product,
    phi: float,
    p: ShowerParticle,
    cut: float,
    stack: Stack,
    tally: ShowerTally,
    scope: Scope,
) -> None:
    """Put a product of p on the stack, or stop it there if below the cut; phi : its azimuth."""
    if made.energy < cut:
        r = radius(p, 0.0, scope)
        deposit(left_behind(made.species, made.energy), p.z, r, tally, scope)
        return
    stack.waiting[stack.height[0]] = p
    new = stack.waiting[stack.height[0]]
    new.species, new.energy = made.species, made.energy
    if scope.lateral:
        new.ux, new.uy, new.uz = turn(p.ux, p.uy, p.uz, made.cos, phi)
    stack.height[0] += 1


@inner
def develop(
    stack: Stack, t: ShowerTables, tally: ShowerTally, scope: Scope, watch: Watch, rng: Generator
) -> None:
    """Follow the particles on the stack, and theirs, until none is left."""
    p = stack.current[0]
    while stack.height[0] > 0:
        stack.height[0] -= 1
        stack.current[0] = stack.waiting[stack.height[0]]
        if p.z > scope.far_depth and p.energy < scope.far_energy:
            tally.leak[0] += left_behind(p.species, p.energy)
            continue
        if p.species == PHOTON:
            end, made = fly_photon(p, t, tally, scope, rng)
        else:
            end, made = fly_lepton(stack, t, tally, scope, watch, rng)
        if end == GONE:
            continue
        phi = 2.0 * np.pi * rng.random() if scope.lateral else 0.0
        larger, smaller = made
        if larger.energy < smaller.energy:
            smaller, larger = made
        place_product(larger, phi, p, t.cut, stack, tally, scope)
        place_product(smaller, phi + np.pi, p, t.cut, stack, tally, scope)
