"""Showers one after another, and a rare emission forced once in each: compiled kernels.

The emission is first order in its cross section: a shower is followed without it, every step of
an e+- adds its share to the mean number of emissions, and one place is chosen in proportion. From
the state there the shower goes on with what the emission leaves. The weight of the event is the
mean number.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.transport.shower_kernels import (
    DEPTH,
    ENERGY,
    PLACE,
    SPECIES,
    STACK,
    TALLY_KEPT,
    TOTAL,
    UZ,
    WAITING,
    Layout,
    develop,
    node_below,
    place_product,
)
from mutau.transport.shower_tables import ShowerTables

# Columns of the table of events.
(
    WEIGHT, CHANNEL, EMITTER, EMITTER_ENERGY, BOSON_ENERGY,
    AT_Z, AT_X, AT_Y, ALONG_X, ALONG_Y, ALONG_Z,
) = range(11)  # fmt: skip
N_EVENT: Final = 11


class Channels(NamedTuple):
    """Tables of the emission channels.

    rates : (M, 3) energy and the integral over it of all rates for e- and e+, GeV per X0.
    shares : (C, M, 2) the same integral by channel. fractions : (C, F, Q) quantiles of the
    boson's share of the emitter's energy, at log_energy (F,), ln GeV. whole : (C,) nonzero where
    the boson takes E + m, by annihilation.
    """

    rates: np.ndarray
    shares: np.ndarray
    fractions: np.ndarray
    log_energy: np.ndarray
    whole: np.ndarray


@njit
def choose_channel(e: float, species: int, c: Channels, rng: Generator) -> int:
    """Channel of an emission at energy e, in proportion to the rates of its cell."""
    i = node_below(c.rates, 0, e)
    total = c.rates[i + 1, 1 + species] - c.rates[i, 1 + species]
    u = rng.random() * total
    last = 0
    for k in range(c.shares.shape[0]):
        part = c.shares[k, i + 1, species] - c.shares[k, i, species]
        if part > 0.0:
            last = k
            if u < part:
                return k
            u -= part
    return last


@njit
def boson_energy(e: float, channel: int, c: Channels, rng: Generator) -> float:
    """Energy of the boson from an emitter of energy e, GeV."""
    if c.whole[channel] != 0.0:
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


@njit
def restore(kept: np.ndarray, stack: np.ndarray, tally: np.ndarray) -> int:
    """Bring the kept state of a shower back; returns the stack height."""
    n = tally.shape[0]
    for i in range(n):
        tally[i] = kept[TALLY_KEPT + i]
    waiting = int(kept[WAITING])
    for i in range(waiting):
        for k in range(8):
            stack[i, k] = kept[TALLY_KEPT + n + 8 * i + k]
    return waiting


#: For showers without production.
NO_CHANNELS: Final = Channels(
    np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), np.zeros((1, 2, 2)), np.zeros((1, 2, 2)),
    np.array([0.0, 1.0]), np.zeros(1),
)  # fmt: skip


@njit
def emit(
    kept: np.ndarray, stack: np.ndarray, t: ShowerTables, tally: np.ndarray,
    geometry: np.ndarray, g: Layout, c: Channels, rng: Generator, event: np.ndarray,
) -> int:  # fmt: skip
    """Go back to the kept place, let the boson leave; returns the stack height, fills event."""
    waiting = restore(kept, stack, tally)
    place = kept[PLACE:TALLY_KEPT]
    e, who = place[ENERGY], int(place[SPECIES])
    channel = choose_channel(e, who, c, rng)
    boson = boson_energy(e, channel, c, rng)
    event[CHANNEL], event[EMITTER] = channel, who
    event[EMITTER_ENERGY], event[BOSON_ENERGY] = e, boson
    for k in range(6):
        event[AT_Z + k] = place[DEPTH + k]
    if c.whole[channel] == 0.0:
        waiting = place_product(
            who, e - boson, 1.0, 0.0, place, t.cut, stack, waiting, tally, geometry, g
        )
    return waiting


@njit(nogil=True)
def run_showers(
    species: int, energy: np.ndarray, t: ShowerTables, geometry: np.ndarray, g: Layout,
    quiet: Layout, channels: Channels, rng: Generator, section: np.ndarray, leak: np.ndarray,
    events: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    """Showers one after another, each with one forced emission if g.emits.

    energy : (n,) GeV, of each incident particle. quiet : g without production. section :
    (n, S * R), leak : (n,) GeV per shower, out, with production of what the rest of the shower
    leaves. events : (n, N_EVENT) out, only with production; weight 0 where nothing could emit.
    sums : (2, size of a tally) sums and sums of squares over showers, added to. With g.records
    events is (1, room), the list of steps (`shower_kernels.record_step`).
    """
    stack = np.zeros((STACK, 8))
    size = sums.shape[1]
    tally = np.zeros(size)
    kept = events[0] if g.records else np.zeros(TALLY_KEPT + size + 8 * STACK)
    at = 3 * g.bins
    for i in range(section.shape[0]):
        tally[:] = 0.0
        stack[0] = 0.0
        stack[0, SPECIES], stack[0, ENERGY], stack[0, UZ] = species, energy[i], 1.0
        stack[0, DEPTH] = geometry[g.bins + 1]
        if g.records:
            kept[1] = i
        else:
            kept[TOTAL] = 0.0
        waiting = np.int64(1)  # no literal: one version of `develop` is enough
        turns = 2 if g.emits else 1
        for k in range(turns):
            now = quiet if k == turns - 1 else g
            develop(waiting, stack, t, tally, geometry, now, channels.rates, kept, rng)
            waiting = np.int64(0)
            if g.emits and k == 0 and kept[TOTAL] > 0.0:
                events[i, WEIGHT] = kept[TOTAL]
                waiting = emit(kept, stack, t, tally, geometry, g, channels, rng, events[i])
        for j in range(section.shape[1]):
            section[i, j] = tally[at + j]
        leak[i] = tally[-1]
        for j in range(size):
            sums[0, j] += tally[j]
            sums[1, j] += tally[j] * tally[j]
