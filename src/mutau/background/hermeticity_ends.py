"""Where a straight line first ends: at a hadronic calorimeter or in the iron of a magnet."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.background.hermeticity_kernels import Lead
from mutau.core.jit import inner, njit
from mutau.core.records import Records
from mutau.transport.particle import NEUTRAL, State, move
from mutau.transport.pieces import DIPOLE, OPEN, Pieces
from mutau.transport.setup import Setup
from mutau.transport.walk import Leg, WalkParts, walk_of

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


class Sought(NamedTuple):
    """Hadronic calorimeters that a straight line may meet: (K,) `em` of their pieces."""

    hcal: Ints


class Met(NamedTuple):
    """What it met: 0 nothing, 1 a calorimeter, 2 iron; cm along z to the end of that magnet."""

    what: int
    iron: float


@inner
def _past(
    rng: np.random.Generator, setup: Setup, sought: Sought, q: State, r: int, way: Met
) -> Met:
    """Nothing happens at a plane."""
    return way


@inner
def _seek(
    rng: np.random.Generator, setup: Setup, sought: Sought, q: State, leg: Leg, way: Met
) -> Met:
    """A solid: a calorimeter ends the line."""
    for number in sought.hcal:
        if setup.pieces[leg.piece].em == number:
            q.energy = 0.0
            return Met(1, 0.0)
    move(q, leg.step)
    q.z = leg.end
    return way


@njit
def _end_of(pieces: Pieces, r: int) -> float:
    """z at which the iron of the magnet of piece r ends."""
    end = pieces[r].z
    for k in range(pieces.size):
        piece = pieces[k]
        if piece.kind == DIPOLE and piece.magnet == pieces[r].magnet and piece.half_x < OPEN:
            end = max(end, piece.z + piece.length)
    return end


@inner
def _strike(
    rng: np.random.Generator, setup: Setup, sought: Sought, q: State, leg: Leg, way: Met
) -> Met:
    """The iron of a magnet."""
    q.energy = 0.0
    return Met(2, _end_of(setup.pieces, leg.piece) - q.z)


_line = walk_of(WalkParts(_past, _seek, _strike))


@njit
def first_ends(
    rng: np.random.Generator, setup: Setup, hcal: Ints, leads: Records[Lead],
    states: Records[State], where: Ints, iron: Array,
) -> None:  # fmt: skip
    """Where straight lines first meet a hadronic calorimeter (1) or the iron of a magnet (2).

    leads : (N,), places and slopes. hcal : (K,) `em` of the calorimeter's pieces. states : (1,) to
    walk with. Writes where (N,), 0 for neither, and iron (N,): cm along z to the end of that
    magnet.
    """
    q = states[0]
    q.kind = NEUTRAL
    for i in range(leads.size):
        at = leads[i]
        q.x, q.y, q.z, q.tx, q.ty = at.x, at.y, at.z, at.tx, at.ty
        q.energy, q.piece = 1.0, 0
        _, met = _line(rng, setup, Sought(hcal), q, math.inf, Met(0, 0.0))
        where[i], iron[i] = met.what, met.iron
