"""Kernel of the trigger's fast mode: one scattered muon after the other, from its vertex on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import inner, njit
from mutau.core.records import Records
from mutau.detector.fast_walk import (
    Rules,
    fast_walk,
    sees,
    slab_kernel,
    unsatisfied,
)
from mutau.transport.muon_matter import STOPPED
from mutau.transport.particle import Place, State, copy_place
from mutau.transport.setup import Setup
from mutau.transport.walls import NEAR, ahead, within

Array = NDArray[np.float64]


class Scattered(NamedTuple):
    """N muons that have emitted something.

    p4 : (N, 4) GeV, relative to the incoming direction (+z). depth : (N,) of the vertex, in units
    of the target's thickness; outside [0, 1]: drawn uniformly. beam, widths, target : as in
    `Geometry`. gaussian : scattering by Highland's width.
    """

    p4: Array
    depth: Array
    beam: Array
    widths: Array
    target: int
    gaussian: bool


class Verdicts(NamedTuple):
    """What becomes of them.

    failed : (N,) piece that is not satisfied, -1 if none. touched : (N,) bits by name of what they
    crossed. behind : (N,) where they leave the target. hits : (N, names, 2), or (1, 0, 2):
    crossings, cm, as far as the muon came (NaN before).
    """

    failed: NDArray[np.int16]
    touched: NDArray[np.int64]
    behind: Records[Place]
    hits: Array
    muon: Records[State]


@inner(forceinline=True)
def _width(fraction: float, widths: Array) -> float:
    """Highland's angle at p beta = 1 GeV behind a fraction of the target, rad GeV."""
    u = fraction * (widths.size - 1)
    i = min(int(u), widths.size - 2)
    return math.sqrt(fraction * (widths[i] + (u - i) * (widths[i + 1] - widths[i])))


@inner(forceinline=True)
def _upstream(rng: np.random.Generator, setup: Setup, muon: State, target: int) -> int:
    """First piece before the target that an incoming particle at its face does not satisfy, or
    -1."""
    for index in range(target):
        piece = setup.pieces[index]
        back = piece.z - setup.pieces[target].z
        hit = within(muon.x + back * muon.tx, muon.y + back * muon.ty, piece)
        if unsatisfied(piece, sees(rng, hit, piece.efficiency)):
            return index
    return -1


@inner(forceinline=True)
def _in_target(
    rng: np.random.Generator, setup: Setup, muon: State, target: int, length: float, width: float
) -> float:
    """`length` cm of the target, or the way out of its side; returns the cm along z.

    width : rad GeV, Highland's angle of `length` at p beta = 1 GeV; negative: collisions.
    """
    step, found = ahead(muon, setup.pieces, target, target + 1, length)
    if found < 0:
        return 0.0
    if width > 0.0:
        width *= math.sqrt(step / length)
    slab_kernel(rng, setup.matter[setup.pieces[target].material], muon, step, width)
    muon.z += step
    return step


@inner(forceinline=True)
def _emit(
    rng: np.random.Generator, setup: Setup, muon: State, events: Scattered, event: int
) -> bool:
    """The incoming muon to its vertex and the scattered one to the target's end: whether there is
    one."""
    target, widths, p4 = events.target, events.widths, events.p4
    thickness, fraction = setup.pieces[target].length, events.depth[event]
    if not 0.0 <= fraction <= 1.0:
        fraction = rng.random()
    alive = within(muon.x, muon.y, setup.pieces[target])
    if fraction > 0.0 and alive:
        width = _width(fraction, widths) if events.gaussian else -1.0
        length = fraction * thickness
        done = _in_target(rng, setup, muon, target, length, width)
        # what leaves by the side has no vertex in the target
        alive = muon.energy > STOPPED and done > length - NEAR
    if not alive or p4[event, 3] <= 0.0:
        return False
    muon.tx += p4[event, 1] / p4[event, 3]
    muon.ty += p4[event, 2] / p4[event, 3]
    muon.energy = p4[event, 0]
    if fraction < 1.0:
        rest = 1.0 - fraction
        width = _width(rest, widths) if events.gaussian else -1.0
        _in_target(rng, setup, muon, target, rest * thickness, width)
    return muon.energy > STOPPED


@inner(forceinline=True)
def _judge(
    rng: np.random.Generator, setup: Setup, events: Scattered, found: Verdicts, event: int
) -> None:
    """One of them, from the beam to the end of the set-up."""
    beam, target, muon = events.beam, events.target, found.muon[0]
    muon.x = beam[1] * rng.standard_normal()
    muon.y = beam[2] * rng.standard_normal()
    muon.tx = beam[3] * rng.standard_normal()
    muon.ty = beam[4] * rng.standard_normal()
    muon.z, muon.energy = setup.pieces[target].z, beam[0]
    fail, crossed = _upstream(rng, setup, muon, target), 0
    if not _emit(rng, setup, muon, events, event):
        muon.energy = 0.0
    copy_place(found.behind[event], muon)
    if fail < 0:
        fail = target
        if muon.energy > 0.0:
            rules = Rules(events.gaussian, True, 0.0, 0.0, 0.0)
            places = found.hits[event if found.hits.shape[1] > 0 else 0]
            way = fast_walk(rng, setup, muon, target + 1, rules, places)
            fail, crossed = way.fail, way.crossed
    found.failed[event], found.touched[event] = fail, crossed


@njit
def trigger_kernel(
    rng: np.random.Generator, setup: Setup, events: Scattered, found: Verdicts
) -> None:
    """Carry each scattered muon from its vertex to the end of the set-up."""
    found.muon[0].mass, found.muon[0].charge = M_MU, 1.0
    for event in range(events.p4.shape[0]):
        _judge(rng, setup, events, found, event)
