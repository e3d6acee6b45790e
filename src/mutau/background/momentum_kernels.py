"""Kernel of the momentum backgrounds: one muon after the other through the steps of an arm."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mutau.core.arrays import BoolArray, FloatArray
from mutau.core.constants import M_MU
from mutau.core.jit import inner, njit
from mutau.core.records import Records
from mutau.detector.tracking_geometry import ArmStep
from mutau.detector.tracking_transport import bend_step


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
    before the last loss."""

    at: FloatArray
    crossed: BoolArray
    before_loss: FloatArray


@inner
def _carry(state: FloatArray, length: float, step: ArmStep, jac: FloatArray) -> bool:
    """Move a state on in place; False where the field turns it back."""
    x, y, tx, ty, k = state
    if step.curve == 0.0:
        state[0], state[1] = x + length * tx, y + length * ty
        return True
    (x, y, tx, ty), ok = bend_step((x, y, tx, ty), k, length, step, jac)
    state[0], state[1], state[2], state[3] = x, y, tx, ty
    return ok


@inner
def _strike(now: FloatArray, n: int, event: int, what: Happening, out: Crossing) -> bool:
    """Loss and deflection number `event` of particle n; False where nothing is left."""
    p, loss = 1.0 / abs(now[4]), what.loss[n, event]
    if loss > 0.0:
        if out.before_loss.shape[0] > 0:
            for i in range(5):
                out.before_loss[n, i] = now[i]
        if p - loss < 0.2:
            return False
        now[4] *= p / (p - loss)
        p -= loss
    now[2] += what.deflection[n, event, 0] / p
    now[3] += what.deflection[n, event, 1] / p
    return True


@inner
def _scatter(now: FloatArray, step: ArmStep, rng: np.random.Generator) -> bool:
    """Soft scattering and mean loss at the end of a step; False where nothing is left."""
    if step.power > 0.0:
        p2 = 1.0 / (now[4] * now[4])
        width = math.sqrt(step.power * (p2 + M_MU * M_MU)) / p2
        now[2] += width * rng.standard_normal()
        now[3] += width * rng.standard_normal()
    keep = 1.0 - abs(now[4]) * step.loss
    if keep < 0.1:
        return False
    now[4] /= keep
    return True


@njit
def arm_kernel(
    rng: np.random.Generator,
    state: FloatArray,
    begin: FloatArray,
    first: float,
    steps: Records[ArmStep],
    what: Happening,
    out: Crossing,
) -> None:
    """Carry N particles from `begin` to the last plane.

    state : (N, 5) at z = begin (N,), cm; receives the state behind the last plane. first : z of
    the first plane. steps : with the soft scattering. out : receives the rest.
    """
    jac, where = np.zeros((4, 3)), what.where
    for n in range(state.shape[0]):
        out.crossed[n] = False
        z, event = first, 0
        now = state[n]
        ok = True
        for i in range(len(steps)):
            step = steps[i]
            left = step.length
            if z + left < begin[n] or (left == 0.0 and z < begin[n]):
                z += left
                continue
            if z < begin[n]:
                left, z = z + left - begin[n], begin[n]
            while event < where.shape[1] and where[n, event] < z + left:
                part = max(where[n, event] - z, 0.0)
                ok = ok and _carry(now, part, step, jac)
                z += part
                left -= part
                if not _strike(now, n, event, what, out):
                    ok = False
                    break
                event += 1
            ok = ok and _carry(now, left, step, jac)
            if not ok:
                break
            z += left
            if step.plane >= 0:
                out.at[n, step.plane, 0], out.at[n, step.plane, 1] = now[0], now[1]
                out.crossed[n, step.plane] = True
            if not _scatter(now, step, rng):
                break
