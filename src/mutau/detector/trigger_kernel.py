"""Kernel of the trigger's fast mode: one scattered muon after the other, from its vertex on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import inner, njit
from mutau.core.records import Records
from mutau.detector.fast_walk import Crossed, Passage, fast_walk
from mutau.transport.particle import MUON, Place, State, copy_place, move
from mutau.transport.setup import Setup
from mutau.transport.walls import within

Array = NDArray[np.float64]


class Scattered(NamedTuple):
    """N muons that have emitted something.

    p4 : (N, 4) GeV, relative to the incoming direction (+z). depth : (N,) of the vertex, in units
    of the target's length; outside [0, 1]: drawn uniformly. beam, target : as in `Geometry`.
    back : z (cm) where the target ends. gaussian : scattering by Highland's width.
    """

    p4: Array
    depth: Array
    beam: Array
    target: int
    back: float
    gaussian: bool


class Verdicts(NamedTuple):
    """What becomes of them.

    failed : (N,) piece that is not satisfied, -1 if none. touched : (N,) bits by name of what they
    crossed. behind : (N,) where they leave the target. hits : (N, names, 2), or (1, 0, 2):
    crossings, cm, as far as the muon came (NaN before). muon : (1,) the one on its way.
    """

    failed: NDArray[np.int16]
    touched: NDArray[np.int64]
    behind: Records[Place]
    hits: Array
    muon: Records[State]


@inner(forceinline=True)
def _enter(rng: np.random.Generator, setup: Setup, muon: State, events: Scattered) -> None:
    """An incoming muon as it will come to the face of the target, before the first piece."""
    beam, face = events.beam, setup.pieces[events.target].z
    muon.x = beam[1] * rng.standard_normal()
    muon.y = beam[2] * rng.standard_normal()
    muon.tx = beam[3] * rng.standard_normal()
    muon.ty = beam[4] * rng.standard_normal()
    muon.z, muon.energy, muon.piece = face, beam[0], 0
    if setup.pieces[0].z < face:
        move(muon, setup.pieces[0].z - face)


@inner(forceinline=True)
def _through(
    rng: np.random.Generator, setup: Setup, passage: Passage, muon: State, stop: float, way: Crossed
) -> Crossed:
    """The fast walk on from where the muon is; where it ends is a failure too."""
    muon.piece, way = fast_walk(rng, setup, passage, muon, stop, way)
    if muon.energy <= 0.0 and way.fail < 0:
        way = Crossed(way.bits, muon.piece)
    return way


@inner(forceinline=True)
def _emit(setup: Setup, muon: State, events: Scattered, event: int, vertex: float) -> None:
    """The scattered muon in place of the incoming one, if that has come to its vertex."""
    first, p4 = setup.pieces[events.target], events.p4
    there = muon.energy > 0.0 and muon.z == vertex and p4[event, 3] > 0.0
    if there and (muon.z > first.z or within(muon.x, muon.y, first)):
        muon.tx += p4[event, 1] / p4[event, 3]
        muon.ty += p4[event, 2] / p4[event, 3]
        muon.energy = p4[event, 0]
    else:
        muon.energy = 0.0


@inner(forceinline=True)
def _judge(
    rng: np.random.Generator, setup: Setup, events: Scattered, found: Verdicts, event: int
) -> None:
    """One of them, from the beam to the end of the set-up.

    What the incoming muon does not satisfy is noted, and it goes on to the end of the target.
    """
    target, back, muon = events.target, events.back, found.muon[0]
    face, fraction = setup.pieces[target].z, events.depth[event]
    _enter(rng, setup, muon, events)
    if not 0.0 <= fraction <= 1.0:
        fraction = rng.random()
    vertex = face + fraction * (back - face) if fraction < 1.0 else back
    behind, places = found.behind[event], found.hits[event if found.hits.shape[1] > 0 else 0]
    incoming = Passage(events.gaussian, target, 0.0, 0.0, 0.0, behind, places[:0])
    way = _through(rng, setup, incoming, muon, vertex, Crossed(0, -1))
    _emit(setup, muon, events, event, vertex)
    copy_place(behind, muon)
    if way.fail < 0 or way.fail >= target:
        way = Crossed(way.bits, -1)
    if muon.energy <= 0.0:
        way = Crossed(0, target if way.fail < 0 else way.fail)
    elif way.fail < 0 or muon.z < back:
        scattered = Passage(events.gaussian, target, 0.0, 0.0, 0.0, behind, places)
        way = _through(rng, setup, scattered, muon, back if way.fail >= 0 else math.inf, way)
    found.failed[event], found.touched[event] = way.fail, way.bits


@njit
def trigger_kernel(
    rng: np.random.Generator, setup: Setup, events: Scattered, found: Verdicts
) -> None:
    """Carry each scattered muon from its vertex to the end of the set-up."""
    muon = found.muon[0]
    muon.mass, muon.charge, muon.kind = M_MU, 1.0, MUON
    for event in range(events.p4.shape[0]):
        _judge(rng, setup, events, found, event)
