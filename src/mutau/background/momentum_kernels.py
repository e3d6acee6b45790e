"""Kernel of the momentum backgrounds: one muon after the other through the steps of an arm."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import njit
from mutau.detector.tracking_geometry import AXIS, CURVE, LENGTH, LOSS, PLANE, POWER
from mutau.detector.tracking_transport import bend_kernel

Array = NDArray[np.float64]


@njit
def _carry(state: Array, length: float, curve: float, axis: float, jac: Array) -> bool:
    """Move a state on in place; False where the field turns it back."""
    x, y, tx, ty, k = state
    if curve == 0.0:
        state[0], state[1] = x + length * tx, y + length * ty
        return True
    if axis == 0.0:
        x, y, tx, ty, fine = bend_kernel(x, y, tx, ty, k, length, curve, jac, 0)
    else:
        y, x, ty, tx, fine = bend_kernel(y, x, ty, tx, k, length, curve, jac, 0)
    state[0], state[1], state[2], state[3] = x, y, tx, ty
    return fine


@njit
def arm_kernel(
    rng: np.random.Generator,
    state: Array,
    begin: Array,
    first: float,
    where: Array,
    kick: Array,
    loss: Array,
    steps: Array,
    at: Array,
    crossed: NDArray[np.bool_],
    born: Array,
) -> None:
    """Carry N particles from `begin` to the last plane.

    state : (N, 5) at z = begin (N,), cm; receives the state behind the last plane. first : z of
    the first plane. where : (N, H) cm, sorted, inf for none; kick : (N, H, 2) GeV and loss :
    (N, H) GeV, what happens there. steps : (S, COLUMNS) with the soft scattering.
    at : (N, P, 2), receives the true positions; crossed : (N, P), whether it came there (it may be
    turned back, or lose everything). born : (N, 5) or (0, 5), receives the state just before the
    last loss.
    """
    jac = np.zeros((1, 4, 3))
    for n in range(state.shape[0]):
        crossed[n] = False
        z, event = first, 0
        now = state[n]
        fine = True
        for i in range(steps.shape[0]):
            left = steps[i, LENGTH]
            if z + left < begin[n] or (left == 0.0 and z < begin[n]):
                z += left
                continue
            if z < begin[n]:
                left, z = z + left - begin[n], begin[n]
            while event < where.shape[1] and where[n, event] < z + left:
                part = max(where[n, event] - z, 0.0)
                fine = fine and _carry(now, part, steps[i, CURVE], steps[i, AXIS], jac)
                z += part
                left -= part
                p = 1.0 / abs(now[4])
                if loss[n, event] > 0.0:
                    if born.shape[0] > 0:
                        born[n] = now
                    if p - loss[n, event] < 0.2:
                        fine = False
                        break
                    now[4] *= p / (p - loss[n, event])
                    p -= loss[n, event]
                now[2] += kick[n, event, 0] / p
                now[3] += kick[n, event, 1] / p
                event += 1
            fine = fine and _carry(now, left, steps[i, CURVE], steps[i, AXIS], jac)
            if not fine:
                break
            z += left
            plane = int(steps[i, PLANE])
            if plane >= 0:
                at[n, plane, 0], at[n, plane, 1] = now[0], now[1]
                crossed[n, plane] = True
            if steps[i, POWER] > 0.0:
                p2 = 1.0 / (now[4] * now[4])
                width = math.sqrt(steps[i, POWER] * (p2 + M_MU * M_MU)) / p2
                now[2] += width * rng.standard_normal()
                now[3] += width * rng.standard_normal()
            keep = 1.0 - abs(now[4]) * steps[i, LOSS]
            if keep < 0.1:
                break
            now[4] /= keep
