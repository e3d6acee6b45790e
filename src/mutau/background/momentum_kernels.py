"""Kernels of the momentum backgrounds: muons through an arm, struck where it is forced.

The arm is a set-up of its own (`arm_setup`): the walk of all particles, with soft scattering and
mean loss where the track fit has them.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.arrays import BoolArray, FloatArray
from mutau.core.jit import inner, njit
from mutau.core.records import Records, array_of, zeros
from mutau.detector.tracking_geometry import ArmStep
from mutau.transport.matter_tables import MaterialRecord
from mutau.transport.particle import MASSES, State
from mutau.transport.pieces import COUNTER, DIPOLE, TRACKER, Piece, piece_of
from mutau.transport.setup import Setup
from mutau.transport.walk import WalkParts, ends, walk_of

#: Momentum (GeV) below which a particle is lost at a hard collision, and the fraction of its
#: momentum that it must keep in the mean loss between two planes.
_LOWEST: Final = 0.2
_KEPT: Final = 0.1


class ArmWalk(NamedTuple):
    """An arm as a set-up. loss : (pieces,) GeV, mean loss at each plane."""

    setup: Setup
    loss: FloatArray


def arm_setup(steps: Records[ArmStep]) -> ArmWalk:
    """The steps of an arm as pieces: its field without walls, its planes, and its soft scattering
    and mean losses as planes where the steps have them."""
    pieces, losses = [], []
    for i, step in enumerate(steps):
        end = steps[i + 1].start if i + 1 < len(steps) else step.start + step.length
        if step.curve != 0.0:
            curve = {"curve_y" if step.axis else "curve_x": step.curve}
            pieces.append(piece_of(DIPOLE, step.start, length=end - step.start, **curve)[0])
            losses.append(0.0)
        if step.plane >= 0 or step.power > 0.0 or step.loss > 0.0:
            kind = TRACKER if step.plane >= 0 else COUNTER
            width = math.sqrt(step.power)
            pieces.append(piece_of(kind, end, tracker=step.plane, width=width)[0])
            losses.append(step.loss)
    found = array_of(Piece, pieces)
    end = float(found["z"][-1])
    setup = Setup(found, zeros(MaterialRecord, 0), np.zeros(0), -1, -1, end, -1.0)
    return ArmWalk(setup, np.array(losses))


class Happening(NamedTuple):
    """What happens to each of N particles on the way, besides soft scattering.

    where : (N, H) cm, sorted, inf for none. deflection : (N, H, 2) and loss : (N, H), GeV.
    """

    where: FloatArray
    deflection: FloatArray
    loss: FloatArray


class Crossing(NamedTuple):
    """What `arm_kernel` fills: at (N, P, 2) cm, the true positions; crossed (N, P), whether it came
    there (it may be turned back, or lose everything); before_loss (N, 5) or (0, 5), the state just
    before the last loss. state : (1,) the particle on its way."""

    at: FloatArray
    crossed: BoolArray
    before_loss: FloatArray
    state: Records[State]


class Track(NamedTuple):
    """`Crossing` of one particle, and the mean losses of the arm."""

    at: FloatArray
    crossed: NDArray[np.bool_]
    loss: FloatArray


@inner
def _momentum(state: State) -> float:
    """GeV."""
    return math.sqrt(state.energy * state.energy - state.mass * state.mass)


@inner
def _slow_down(state: State, p: float, least: float) -> None:
    """Momentum p (GeV) left; below `least` it has ended. What is lost of the momentum is what is
    lost of the energy: these particles are fast."""
    state.energy = math.sqrt(p * p + state.mass * state.mass) if p >= least else 0.0


@inner
def _plane(
    rng: np.random.Generator, setup: Setup, track: Track, state: State, r: int, way: int
) -> int:
    """Where the particle is on a plane; soft scattering and mean loss."""
    piece = setup.pieces[r]
    if piece.kind == TRACKER:
        track.at[piece.tracker, 0], track.at[piece.tracker, 1] = state.x, state.y
        track.crossed[piece.tracker] = True
    p = _momentum(state)
    if piece.width > 0.0:
        width = piece.width * state.energy / (p * p)
        state.tx += width * rng.standard_normal()
        state.ty += width * rng.standard_normal()
    _slow_down(state, p - track.loss[r], _KEPT * p)
    return way


_walk = walk_of(WalkParts(_plane, ends, anywhere=True, short=True))


@inner
def _pack(state: State, into: FloatArray) -> None:
    """x, y, slopes and charge over momentum (1/GeV)."""
    into[0], into[1], into[2], into[3] = state.x, state.y, state.tx, state.ty
    into[4] = state.charge / _momentum(state)


@inner
def _strike(state: State, n: int, event: int, what: Happening, out: Crossing) -> None:
    """Loss and deflection number `event` of particle n."""
    p, loss = _momentum(state), what.loss[n, event]
    if loss > 0.0:
        if out.before_loss.shape[0] > 0:
            _pack(state, out.before_loss[n])
        p -= loss
        _slow_down(state, p, _LOWEST)
        if state.energy <= 0.0:
            return
    state.tx += what.deflection[n, event, 0] / p
    state.ty += what.deflection[n, event, 1] / p


@njit
def arm_kernel(
    rng: np.random.Generator, states: FloatArray, begin: FloatArray, arm: ArmWalk, kind: int,
    what: Happening, out: Crossing,
) -> None:  # fmt: skip
    """Carry N muons or electrons from `begin` to the last plane.

    states : (N, 5) x, y (cm), slopes and charge over momentum (1/GeV) at z = begin (N,), cm;
    receives those behind the last plane, or where the particle ended. out : receives the rest.
    """
    q, where = out.state[0], what.where
    for n in range(states.shape[0]):
        out.crossed[n] = False
        start = states[n]
        q.x, q.y, q.tx, q.ty, q.z = start[0], start[1], start[2], start[3], begin[n]
        q.kind, q.mass, q.charge = kind, MASSES[kind], math.copysign(1.0, start[4])
        q.energy, q.piece = math.sqrt(1.0 / start[4] ** 2 + q.mass**2), 0
        track = Track(out.at[n], out.crossed[n], arm.loss)
        for event in range(where.shape[1]):
            stop = where[n, event]
            if stop > q.z:
                q.piece, _ = _walk(rng, arm.setup, track, q, stop, 0)
            if q.energy <= 0.0 or q.z < stop:
                break
            _strike(q, n, event, what, out)
        if q.energy > 0.0:
            _walk(rng, arm.setup, track, q, math.inf, 0)
        if q.energy > 0.0:
            _pack(q, start)
        else:
            start[0], start[1], start[2], start[3] = q.x, q.y, q.tx, q.ty
