"""Kernel: hadronic showers in a block, one after another."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from mutau.core.arrays import FloatArray
from mutau.core.jit import inner, njit
from mutau.core.records import Records
from mutau.transport.hadron_collisions import (
    BY_HADRONS,
    BY_NUCLEI,
    BY_SHOWER,
    CascadeStack,
    copy_cascade,
    empty_cascade,
    energy_given_up,
)
from mutau.transport.hadron_shower_kernels import (
    AT_FACE,
    IN_GAP,
    CascadeTally,
    Surroundings,
    carry,
    is_tracked,
)
from mutau.transport.hadron_tables import HadronTables
from mutau.transport.matter_tables import MaterialRecords
from mutau.transport.pieces import Pieces

Array = FloatArray


class ShowerResult:
    """One shower's numbers (`ShowerMatterSample`)."""

    electromagnetic: float
    ionisation: float
    nuclear: float
    into_gap: float
    charged_into_gap: float
    leak: float
    albedo: float
    given_up: float


@inner
def _enter(
    stack: CascadeStack, kind: int, kinetic: float, start: tuple[float, float, float, float]
) -> None:
    """One particle on the stack, at z = 0."""
    first = stack.waiting[0]
    x, y, tx, ty = start
    norm = 1.0 / math.sqrt(1.0 + tx * tx + ty * ty)
    first.x, first.y, first.z = x, y, 0.0
    first.ux, first.uy, first.uz = tx * norm, ty * norm, norm
    first.kind, first.energy, first.piece = kind, kinetic, 0
    stack.height[0] = 1


@njit
def run_block(
    rng: Generator, pieces: Pieces, matter: MaterialRecords, tables: HadronTables,
    particle: tuple[int, float], start: tuple[float, float, float, float],
    profiles: tuple[Array, Array, float, Array], found: Records[ShowerResult],
) -> None:  # fmt: skip
    """Showers in one piece of iron around a gap. profiles : (N, D), (N, R), width of bins, and
    what counts in them by cause (`CascadeTally.seen`)."""
    around = Surroundings(pieces, matter, 1.0, 0, True)
    depth, radius, width, seen = profiles
    stack = empty_cascade()
    for n in range(found.size):
        left, cause = np.zeros(pieces.size + 1), np.zeros(3)
        tally = CascadeTally(left, cause, depth[n], radius[n], 0.0, width, seen)
        one, q = found[n], stack.current[0]
        _enter(stack, particle[0], particle[1], start)
        before = energy_given_up(stack)
        while stack.height[0] > 0:
            stack.height[0] -= 1
            copy_cascade(q, stack.waiting[stack.height[0]])
            end = carry(rng, around, 0, 1, tables, stack, tally)
            if end == IN_GAP:
                one.into_gap += q.energy
                one.charged_into_gap += 1.0 if is_tracked(q.kind, tables) else 0.0
            elif end == AT_FACE and q.uz > 0.0:
                one.leak += q.energy
            elif end == AT_FACE:
                one.albedo += q.energy
        shower, hadrons, nuclei = BY_SHOWER, BY_HADRONS, BY_NUCLEI
        one.electromagnetic, one.ionisation = cause[shower], cause[hadrons]
        one.nuclear = cause[nuclei]
        one.given_up = energy_given_up(stack) - before
