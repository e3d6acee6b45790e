"""Kernels of the fast mode: a muon along a set-up with its mean energy loss.

One walk for the trigger, which stops at the first counter that is not satisfied, and for the muons
of backgrounds, of either charge and from any starting point, for which it notes what they crossed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import inner
from mutau.matter.multiple_scattering import scatter_kernel
from mutau.matter.muon_cross_sections import t_max_kernel
from mutau.matter.muon_energy_loss import energy_after_kernel, loss_kernel
from mutau.transport.matter_tables import MaterialRecord, scattering_of
from mutau.transport.muon_matter import STOPPED
from mutau.transport.orbits import cross_gap
from mutau.transport.particle import State
from mutau.transport.pieces import DIPOLE, TRIGGER, VETO, Piece
from mutau.transport.setup import Setup
from mutau.transport.walls import NEAR, ahead, half_way_within, stretch_end, within

Array = NDArray[np.float64]


class Rules(NamedTuple):
    """How the fast mode carries a muon.

    gaussian : with Highland's width, else collision by collision. judge : to the first counter of
    the trigger that is not satisfied, or the iron of a magnet; else through everything.
    lost, tx, ty : sudden energy loss (GeV) and change of slopes where it enters the target.
    """

    gaussian: bool
    judge: bool
    lost: float
    tx: float
    ty: float


class Passage(NamedTuple):
    """What became of a muon: piece that is not satisfied or where it ended, -1 for none; bits of
    the things crossed, by name; energy behind the target (GeV, 0 where it did not come)."""

    fail: int
    crossed: int
    behind: float


@inner(forceinline=True)
def slab_kernel(
    rng: np.random.Generator, matter: MaterialRecord, muon: State, length: float, width: float
) -> None:
    """One solid layer: mean energy loss (to 0.5 %) and scattering; energy M_MU if it stops there.

    length : cm along z. width : rad GeV, Highland's angle of the layer at p beta = 1 GeV; negative:
    collision by collision. The muon's z is left to the caller.
    """
    energy, losses = muon.energy, matter.loss
    lost = length * loss_kernel(energy, losses)
    after = energy - lost
    if lost > 0.2 * (energy - M_MU):
        after = energy_after_kernel(energy, length, losses)
    elif lost > 0.02 * (energy - M_MU):  # midpoint, good to 1e-3 of the loss
        after = energy - length * loss_kernel(energy - 0.5 * lost, losses)
    if after <= STOPPED:
        muon.energy = M_MU
        return
    square_in = energy * energy - M_MU * M_MU
    square_out = after * after - M_MU * M_MU
    if width >= 0.0:
        angle = width * math.sqrt(energy * after / (square_in * square_out))
        kink_x = angle * rng.standard_normal()
        kink_y = angle * rng.standard_normal()
        spread = angle * 0.28867513459481287  # 1/sqrt(12)
        shift_x = length * (0.5 * kink_x + spread * rng.standard_normal())
        shift_y = length * (0.5 * kink_y + spread * rng.standard_normal())
    else:
        beta2 = square_out / (after * after)
        kink_x, kink_y, shift_x, shift_y = scatter_kernel(
            rng, length, math.sqrt(square_in), math.sqrt(square_out), beta2,
            scattering_of(matter), t_max_kernel(energy),
        )  # fmt: skip
    muon.x += length * muon.tx + shift_x
    muon.y += length * muon.ty + shift_y
    muon.tx += kink_x
    muon.ty += kink_y
    muon.energy = after


@inner(forceinline=True)
def shift(muon: State, step: float) -> None:
    """On a straight line, by `step` cm along z, which is left to the caller."""
    muon.x += step * muon.tx
    muon.y += step * muon.ty


@inner(forceinline=True)
def sees(rng: np.random.Generator, hit: bool, efficiency: float) -> bool:
    """Whether a counter that is hit fires."""
    if hit and efficiency < 1.0:
        return rng.random() < efficiency
    return hit


@inner(forceinline=True)
def unsatisfied(piece: Piece, hit: bool) -> bool:
    """Whether the trigger fails at a counter that is hit or not."""
    return (piece.role == TRIGGER and not hit) or (piece.role == VETO and hit)


@inner(forceinline=True)
def _slab(
    rng: np.random.Generator, setup: Setup, muon: State, piece: Piece, length: float, gaussian: bool
) -> None:
    """`length` cm of a solid, all of it or the way to its wall."""
    width = -1.0
    if gaussian:  # squares of angles add up
        width = piece.width * math.sqrt(min(length / piece.length, 1.0))
    slab_kernel(rng, setup.matter[piece.material], muon, length, width)


@inner(forceinline=True)
def _stretch(
    rng: np.random.Generator, setup: Setup, muon: State, first: int, rules: Rules, crossed: int
) -> tuple[int, int]:
    """The muon from wall to wall to the end of a stretch. crossed : bits up to here.

    Returns the piece where it stops or enters the iron of a magnet, else -1, and the bits.
    """
    pieces = setup.pieces
    last, high = stretch_end(pieces, first), pieces[first].z + pieces[first].length
    while muon.z < high - NEAR:
        step, r = ahead(muon, pieces, first, last, high - muon.z)
        if r < 0:
            shift(muon, step)
            muon.z += step
            continue
        piece = pieces[r]
        if piece.kind != DIPOLE:
            bit = 1 << piece.name
            new = crossed & bit == 0
            if new and sees(rng, True, piece.efficiency):
                crossed |= bit
            if new and piece.target:
                muon.tx += rules.tx
                muon.ty += rules.ty
                muon.energy -= rules.lost
                step, _ = ahead(muon, pieces, first, last, high - muon.z)
            if muon.energy > STOPPED:
                _slab(rng, setup, muon, piece, step, rules.gaussian)
            muon.z += step
        elif half_way_within(muon, step, piece):
            _, forward = cross_gap(muon, piece, setup.field)
            if not forward:
                muon.energy = 0.0
        elif rules.judge:
            return r, crossed
        else:
            iron = setup.matter[setup.yoke]
            slab_kernel(rng, iron, muon, step, iron.highland * math.sqrt(step))
            muon.z += step
        if muon.energy <= STOPPED:
            return r, crossed
    return -1, crossed


@inner(forceinline=True)
def fast_walk(
    rng: np.random.Generator, setup: Setup, muon: State, first: int, rules: Rules, places: Array
) -> Passage:
    """Carry a muon from piece `first` on to the end of the set-up, or to where the rules say.

    places : (names, 2) cm, to be filled with where it comes to each thing; (0, 2) for none.
    """
    pieces, crossed, index, behind = setup.pieces, 0, first, 0.0
    while index < pieces.size and muon.energy > STOPPED:
        piece, last = pieces[index], stretch_end(pieces, index)
        end = piece.z + piece.length
        if piece.z >= muon.z - NEAR or end > muon.z + NEAR:
            if piece.z > muon.z:
                shift(muon, piece.z - muon.z)
                muon.z = piece.z
            if places.shape[0] > 0:
                for r in range(index, last):
                    places[pieces[r].name, 0], places[pieces[r].name, 1] = muon.x, muon.y
            if piece.length > 0.0:
                fail, crossed = _stretch(rng, setup, muon, index, rules, crossed)
                if fail >= 0:
                    return Passage(fail, crossed, behind)
                muon.z = end
            else:
                hit = sees(rng, within(muon.x, muon.y, piece), piece.efficiency)
                if hit:
                    crossed |= 1 << piece.name
                if rules.judge and unsatisfied(piece, hit):
                    return Passage(index, crossed, behind)
        if piece.target:
            behind = muon.energy
        index = last
    return Passage(-1, crossed, behind)
