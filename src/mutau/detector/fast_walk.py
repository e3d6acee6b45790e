"""The fast mode: parts of the walk of a muon that loses its mean energy, and what it crosses.

For the trigger, which ends at the first counter that is not satisfied, and for the muons of
backgrounds, of either charge and from any starting point, which go through everything.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner
from mutau.transport.muon_matter import STOPPED, mean_step
from mutau.transport.particle import Place, State, copy_place
from mutau.transport.pieces import TRIGGER, VETO
from mutau.transport.setup import Setup
from mutau.transport.walk import Leg, WalkParts, walk_of
from mutau.transport.walls import stretch_end, within

Array = NDArray[np.float64]

#: Fraction of a target below which Highland's logarithm is kept as it is there.
_THIN: Final = 1.0 / 64.0


class Passage(NamedTuple):
    """How the fast mode carries a muon, and where it writes.

    gaussian : scattering with Highland's width, else collision by collision.
    judge : the first piece at which a counter that is not satisfied, or the iron of a magnet, ends
    the walk; above the number of pieces for a walk through everything.
    lost, tx, ty : sudden energy loss (GeV) and change of slopes where it enters the target.
    behind : where it leaves the target, or begins behind it. places : (names, 2) cm, where it comes
    to each thing; (0, 2) for none.
    """

    gaussian: bool
    judge: int
    lost: float
    tx: float
    ty: float
    behind: Place
    places: Array


class Crossed(NamedTuple):
    """Bits of the things crossed so far, by name; first counter that is not satisfied, or -1."""

    bits: int
    fail: int


@inner(forceinline=True)
def _arrive(
    rng: np.random.Generator, setup: Setup, passage: Passage, muon: State, first: int, way: Crossed
) -> Crossed:
    """Whatever stands in the stretch, or is a plane."""
    if passage.places.shape[0] > 0:
        for r in range(first, stretch_end(setup.pieces, first)):
            name = setup.pieces[r].name
            passage.places[name, 0], passage.places[name, 1] = muon.x, muon.y
    return way


@inner(forceinline=True)
def _plane(
    rng: np.random.Generator, setup: Setup, passage: Passage, muon: State, r: int, way: Crossed
) -> Crossed:
    """A counter, which may miss the muon, or a tracker."""
    piece, way = setup.pieces[r], _arrive(rng, setup, passage, muon, r, way)
    hit = within(muon.x, muon.y, piece)
    if hit and piece.efficiency < 1.0:
        hit = rng.random() < piece.efficiency
    if (piece.role == TRIGGER and not hit) or (piece.role == VETO and hit):
        if r >= passage.judge:
            muon.energy = 0.0
        if way.fail < 0:
            way = Crossed(way.bits, r)
    if hit:
        way = Crossed(way.bits | 1 << piece.name, way.fail)
    return way


@inner(forceinline=True)
def _solid(
    rng: np.random.Generator, setup: Setup, passage: Passage, muon: State, leg: Leg, way: Crossed
) -> Crossed:
    """A solid, to its wall; at the face of the target what happens there at once."""
    piece = setup.pieces[leg.piece]
    bit = 1 << piece.name
    new = way.bits & bit == 0
    way = Crossed(way.bits | bit, way.fail)
    sudden = passage.lost != 0.0 or passage.tx != 0.0 or passage.ty != 0.0
    if new and piece.target and sudden:
        muon.tx += passage.tx
        muon.ty += passage.ty
        muon.energy -= passage.lost
        if muon.energy <= STOPPED:
            muon.energy = 0.0
    else:
        width = -1.0
        if passage.gaussian:
            part = leg.step / piece.length
            width = piece.width * math.sqrt(part)
            if piece.width_log != 0.0:
                width *= 1.0 + piece.width_log * math.log(max(part, _THIN))
        mean_step(rng, setup.matter[piece.material], muon, leg.step, piece.dense, width)
        muon.z = leg.end
    if piece.target:
        copy_place(passage.behind, muon)
    return way


@inner(forceinline=True)
def _iron(
    rng: np.random.Generator, setup: Setup, passage: Passage, muon: State, leg: Leg, way: Crossed
) -> Crossed:
    """The yoke of a magnet, without a field; a judged muon is lost there."""
    if leg.piece >= passage.judge:
        muon.energy = 0.0
        return way
    iron = setup.matter[setup.yoke]
    mean_step(rng, iron, muon, leg.step, 1.0, iron.highland * math.sqrt(leg.step))
    muon.z = leg.end
    return way


#: See `transport.walk.walk_of`.
fast_walk = walk_of(WalkParts(_plane, _solid, _iron, arrive=_arrive, short=True))
