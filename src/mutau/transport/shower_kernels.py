"""One shower, particle by particle: compiled kernels.

A particle is a row of eight floats: species (0 e-, 1 e+, 2 photon), total energy in GeV, depth and
lateral place in X0, direction (u_x, u_y, u_z). The smaller of two products is followed first, so
the stack holds little more than log2(energy/cut) particles. Few flat arrays go through the calls:
`tally` and `kept` are laid out by Layout.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.transport.shower_samplers import (
    PHOTON,
    POSITRON,
    Products,
    annihilate,
    convert,
    radiate,
    scatter,
    strike,
    turn,
)
from mutau.transport.shower_tables import (
    ALL,
    BREMS,
    LEPTON,
    LOSS,
    MAX_LOSS,
    PAIRS,
    PER_WIDTH,
    PHOTONS,
    SCATTER,
    ShowerTables,
    locate,
)

SPECIES, ENERGY, DEPTH, X, Y, UX, UY, UZ = range(8)
STACK: Final = 512
_HIGHLAND: Final = 13.6e-3  # GeV; projected width of multiple scattering per root X0
# The end of a flight.
GONE, REACTED = range(2)
# What `kept` holds first: mean number of emissions, particles on the stack, the emitting one.
TOTAL, WAITING, PLACE = range(3)
TALLY_KEPT: Final = PLACE + 8


class Layout(NamedTuple):
    """Sizes and places in the flat arrays.

    geometry holds rising energies of K + 1 track bins, S + 1 section depths, R + 1 ring radii (the
    last ring is open), the first depth and the inverse width of D profile bins, then for each node
    of the shower's table the track bin it lies in. tally holds (3, K) track lengths, (S, R) section
    energies, D profile energies and one leak. lateral : follow directions. emits : production is
    on. records : `kept` is a list of steps instead (`record_step`). Particles that are made behind
    far_depth (X0) with less than far_energy (GeV) are leak.
    """

    bins: int
    sections: int
    rings: int
    profile: int
    lateral: bool
    emits: bool
    records: bool = False
    far_depth: float = np.inf
    far_energy: float = 0.0


@njit(forceinline=True)
def deposit(
    energy: float, z: float, r: float, tally: np.ndarray, geometry: np.ndarray, g: Layout
) -> None:
    """Leave energy at depth z and radius r, X0; outside all sections it is leak."""
    depths = g.bins + 1
    at = 3 * g.bins
    profile = at + g.sections * g.rings
    i = 0
    while i < g.sections and geometry[depths + i + 1] <= z:
        i += 1
    if i == g.sections or z < geometry[depths]:
        tally[profile + g.profile] += energy
        return
    at += i * g.rings
    rings = depths + g.sections + 1
    j = 1
    while j < g.rings and geometry[rings + j] <= r:
        j += 1
    tally[at + j - 1] += energy
    ends = rings + g.rings + 1
    x = (z - geometry[ends]) * geometry[ends + 1]
    if 0.0 <= x < g.profile:
        tally[profile + int(x)] += energy


@njit(forceinline=True)
def count_track(
    species: int, node: int, high: float, low: float, length: float,
    tally: np.ndarray, geometry: np.ndarray, g: Layout,
) -> None:  # fmt: skip
    """Spread a step's length over the energy bins it crossed; node : of `high` in the table."""
    i = int(geometry[g.bins + g.sections + g.rings + 5 + node])
    while i < g.bins and geometry[i + 1] <= high:
        i += 1
    at = species * g.bins
    if high == low:
        if i == g.bins and high == geometry[i]:
            i -= 1  # the incident photon, at the last edge
        if 0 <= i < g.bins:
            tally[at + i] += length
        return
    per_energy = length / (high - low)
    i = min(i, g.bins - 1)
    while i >= 0 and geometry[i + 1] > low:
        part = min(high, geometry[i + 1]) - max(low, geometry[i])
        if part > 0.0:
            tally[at + i] += per_energy * part
        i -= 1


@njit(forceinline=True)
def distance_out(p: np.ndarray, geometry: np.ndarray, g: Layout) -> float:
    """Distance along the direction of p to the back or the front, X0."""
    if p[UZ] > 1e-12:
        return max((geometry[g.bins + 1 + g.sections] - p[DEPTH]) / p[UZ], 0.0)
    if p[UZ] < -1e-12:
        return max((geometry[g.bins + 1] - p[DEPTH]) / p[UZ], 0.0)
    return 1e300


@njit(forceinline=True)
def between(nodes: np.ndarray, i: int, f: float, column: int) -> float:
    """Linear interpolation between nodes i and i + 1."""
    return nodes[i, column] + f * (nodes[i + 1, column] - nodes[i, column])


@njit(forceinline=True)
def left_behind(species: int, energy: float) -> float:
    """Energy that a stopped particle leaves: kinetic, with annihilation at rest, or all."""
    if species == PHOTON:
        return energy
    return energy + M_E if species == POSITRON else energy - M_E


@njit
def fly_photon(
    p: np.ndarray, t: ShowerTables, tally: np.ndarray, geometry: np.ndarray, g: Layout,
    rng: Generator,
) -> tuple[int, Products]:  # fmt: skip
    """A photon to its next interaction, or out."""
    i, f = locate(p[ENERGY])
    i -= t.first
    total = between(t.nodes, i, f, PHOTONS)
    length = rng.standard_exponential() / total
    way_out = distance_out(p, geometry, g)
    if length >= way_out:
        count_track(int(p[SPECIES]), i, p[ENERGY], p[ENERGY], way_out, tally, geometry, g)
        tally[-1] += p[ENERGY]
        return GONE, (0, 0.0, 0.0, 0, 0.0, 0.0)
    count_track(int(p[SPECIES]), i, p[ENERGY], p[ENERGY], length, tally, geometry, g)
    p[DEPTH] += length * p[UZ]
    p[X] += length * p[UX]
    p[Y] += length * p[UY]
    if rng.random() * total < between(t.nodes, i, f, PAIRS):
        return REACTED, convert(p[ENERGY], t.nodes, t.first, g.lateral, rng)
    return REACTED, scatter(p[ENERGY], rng)


@njit
def keep_place(
    p: np.ndarray, high: float, length: float, rates: np.ndarray, kept: np.ndarray,
    stack: np.ndarray, waiting: int, tally: np.ndarray, geometry: np.ndarray, g: Layout,
    rng: Generator,
) -> None:  # fmt: skip
    """Add a step to the mean number of emissions; maybe choose the emission within it.

    p stands at the end of the step; its loss is not deposited yet. Each place is chosen with the
    probability of its share of the total (reservoir sampling); the state there is kept.
    """
    column = 1 + int(p[SPECIES])
    low = p[ENERGY]
    a, b = rate_integral(rates, column, high), rate_integral(rates, column, low)
    if a <= b:
        return
    share = (a - b) * length / (high - low)
    kept[TOTAL] += share
    if rng.random() * kept[TOTAL] >= share:
        return
    e = energy_at(rates, column, b + rng.random() * (a - b))
    e = min(max(e, low), high)
    back = length * (e - low) / (high - low)
    place = kept[PLACE:TALLY_KEPT]
    for i in range(len(p)):
        place[i] = p[i]
    place[ENERGY] = e
    place[DEPTH] -= back * p[UZ]
    place[X] -= back * p[UX]
    place[Y] -= back * p[UY]
    n = tally.shape[0]
    kept[WAITING] = waiting
    for i in range(n):
        kept[TALLY_KEPT + i] = tally[i]
    for i in range(waiting):
        for c in range(8):
            kept[TALLY_KEPT + n + 8 * i + c] = stack[i, c]
    half = 0.5 * (length - back)
    r = np.hypot(place[X] - half * p[UX], place[Y] - half * p[UY])
    now = kept[TALLY_KEPT : TALLY_KEPT + n]
    deposit(high - e, place[DEPTH] - half * p[UZ], r, now, geometry, g)


#: Columns of a recorded step: shower, species, energy before and after, length, where it begins;
#: what stands before the first of them: their number, and the shower that is being followed.
STEP: Final = 8
STEPS_AT: Final = 2


@njit
def record_step(p: np.ndarray, high: float, length: float, kept: np.ndarray) -> None:
    """Append the step that ends at p to the list in `kept`.

    Steps beyond the room are counted and lost.
    """
    at = STEPS_AT + STEP * int(kept[0])
    kept[0] += 1.0
    if at + STEP > kept.shape[0]:
        return
    kept[at], kept[at + 1] = kept[1], p[SPECIES]
    kept[at + 2], kept[at + 3], kept[at + 4] = high, p[ENERGY], length
    kept[at + 5] = p[DEPTH] - length * p[UZ]
    kept[at + 6] = p[X] - length * p[UX]
    kept[at + 7] = p[Y] - length * p[UY]


@njit(forceinline=True)
def node_below(rates: np.ndarray, column: int, value: float) -> int:
    """Index of the row whose column is the last not above value, within the table less one."""
    low, high = 0, rates.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if rates[middle, column] <= value:
            low = middle + 1
        else:
            high = middle
    return min(max(low - 1, 0), rates.shape[0] - 2)


@njit(forceinline=True)
def rate_integral(rates: np.ndarray, column: int, e: float) -> float:
    """Emission rate integrated up to e, linear between rows, flat outside.

    rates : (M, 3) energy (GeV), integrals for e- and e+ (GeV per X0).
    """
    i = node_below(rates, 0, e)
    f = (e - rates[i, 0]) / (rates[i + 1, 0] - rates[i, 0])
    return rates[i, column] + min(max(f, 0.0), 1.0) * (rates[i + 1, column] - rates[i, column])


@njit(forceinline=True)
def energy_at(rates: np.ndarray, column: int, target: float) -> float:
    """Energy where the integrated emission rate reaches target; inverse of `rate_integral`."""
    i = node_below(rates, column, target)
    step = rates[i + 1, column] - rates[i, column]
    f = (target - rates[i, column]) / step if step > 0.0 else 0.0
    return rates[i, 0] + f * (rates[i + 1, 0] - rates[i, 0])


@njit(forceinline=True)
def step_lepton(
    p: np.ndarray, t: ShowerTables, geometry: np.ndarray, g: Layout, rng: Generator
) -> tuple[int, float, float, bool, bool]:
    """Draw one step of an e+- with continuous loss, move p along it.

    Returns the node of the energy before, the length in X0, the bound of the rate, whether a
    reaction may follow, and whether p left the target.
    """
    at = int(p[SPECIES]) * LEPTON
    high = p[ENERGY]
    i, f = locate(high)
    i -= t.first
    bound = t.bound * between(t.nodes, i, f, at + ALL)
    loss = between(t.nodes, i, f, at + LOSS)
    longest = MAX_LOSS * high / loss
    length = rng.standard_exponential() / bound
    reacts = length < longest
    length = min(length, longest)
    way_out = distance_out(p, geometry, g)
    leaves = way_out <= length
    length = min(length, way_out)
    slope = (t.nodes[i + 1, at + LOSS] - t.nodes[i, at + LOSS]) * t.nodes[i, PER_WIDTH]
    loss *= 1.0 - 0.5 * slope * length
    low = high - loss * length
    if low <= t.cut:
        length *= (high - t.cut) / (high - low)
        low, leaves = t.cut, False
    p[ENERGY] = low
    p[DEPTH] += length * p[UZ]
    p[X] += length * p[UX]
    p[Y] += length * p[UY]
    return i, length, bound, reacts and not leaves, leaves


@njit(forceinline=True)
def fly_lepton(
    p: np.ndarray, t: ShowerTables, stack: np.ndarray, waiting: int, tally: np.ndarray,
    geometry: np.ndarray, g: Layout, rates: np.ndarray, kept: np.ndarray, rng: Generator,
) -> tuple[int, Products]:  # fmt: skip
    """An e+- to its next reaction, its end or out, with what happens on the way."""
    species = int(p[SPECIES])
    at = species * LEPTON
    nothing = (0, 0.0, 0.0, 0, 0.0, 0.0)
    while True:
        high = p[ENERGY]
        i, length, bound, reacts, leaves = step_lepton(p, t, geometry, g, rng)
        low = p[ENERGY]
        count_track(species, i, high, low, length, tally, geometry, g)
        if g.emits:
            keep_place(p, high, length, rates, kept, stack, waiting, tally, geometry, g, rng)
        if g.records:
            record_step(p, high, length, kept)
        half = 0.5 * length
        r = np.hypot(p[X] - half * p[UX], p[Y] - half * p[UY]) if g.lateral else 0.0
        deposit(high - low, p[DEPTH] - half * p[UZ], r, tally, geometry, g)
        if leaves:
            tally[-1] += left_behind(species, low)
            return GONE, nothing
        if low <= t.cut:
            r = np.hypot(p[X], p[Y]) if g.lateral else 0.0
            deposit(left_behind(species, low), p[DEPTH], r, tally, geometry, g)
            return GONE, nothing
        if g.lateral:
            wide = _HIGHLAND / low
            cos = max(1.0 - wide * wide * length * rng.standard_exponential(), -1.0)
            p[UX], p[UY], p[UZ] = turn(p[UX], p[UY], p[UZ], cos, 2.0 * np.pi * rng.random())
        if not reacts:
            continue
        i, f = locate(low)
        i -= t.first
        u = rng.random() * bound
        if u < between(t.nodes, i, f, at + BREMS):
            made = radiate(species, low, t.nodes, t.first, g.lateral, rng)
            if made[4] >= t.cut or made[1] < t.cut:
                return REACTED, made
            r = np.hypot(p[X], p[Y]) if g.lateral else 0.0
            deposit(made[4], p[DEPTH], r, tally, geometry, g)
            p[ENERGY] = made[1]
            continue
        if u < between(t.nodes, i, f, at + SCATTER):
            return REACTED, strike(species, low, t.delta_cut, rng)
        if u < between(t.nodes, i, f, at + ALL):
            return REACTED, annihilate(low, rng)


@njit
def place_product(
    species: int, energy: float, cos: float, phi: float, p: np.ndarray, cut: float,
    stack: np.ndarray, waiting: int, tally: np.ndarray, geometry: np.ndarray, g: Layout,
) -> int:  # fmt: skip
    """Put a product of p on the stack, or stop it there if below the cut; new stack height."""
    if energy < cut:
        r = np.hypot(p[X], p[Y]) if g.lateral else 0.0
        deposit(left_behind(species, energy), p[DEPTH], r, tally, geometry, g)
        return waiting
    stack[waiting, SPECIES] = species
    stack[waiting, ENERGY] = energy
    for i in range(DEPTH, UZ + 1):
        stack[waiting, i] = p[i]
    if g.lateral:
        u = turn(p[UX], p[UY], p[UZ], cos, phi)
        stack[waiting, UX], stack[waiting, UY], stack[waiting, UZ] = u
    return waiting + 1


@njit
def develop(
    waiting: int, stack: np.ndarray, t: ShowerTables, tally: np.ndarray, geometry: np.ndarray,
    g: Layout, rates: np.ndarray, kept: np.ndarray, rng: Generator,
) -> None:  # fmt: skip
    """Follow the `waiting` particles on the stack, and theirs, until none is left."""
    p = np.empty(8)
    while waiting > 0:
        waiting -= 1
        for i in range(8):
            p[i] = stack[waiting, i]
        if p[DEPTH] > g.far_depth and p[ENERGY] < g.far_energy:
            tally[-1] += left_behind(int(p[SPECIES]), p[ENERGY])
            continue
        if p[SPECIES] == PHOTON:
            end, made = fly_photon(p, t, tally, geometry, g, rng)
        else:
            end, made = fly_lepton(p, t, stack, waiting, tally, geometry, g, rates, kept, rng)
        if end == GONE:
            continue
        phi = 2.0 * np.pi * rng.random() if g.lateral else 0.0
        for k in range(2):
            species, energy, cos = made[0], made[1], made[2]
            if (made[1] >= made[4]) == (k == 1):
                species, energy, cos = made[3], made[4], made[5]
            waiting = place_product(
                species, energy, cos, phi, p, t.cut, stack, waiting, tally, geometry, g
            )
            phi += np.pi
