"""Kernel: muons of either charge from any point in front of the target to the end of the set-up.

The fast mode of the trigger without its verdict: what was crossed, so that events with several
muons can be judged as a whole.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.core.records import Records
from mutau.detector.fast_walk import Crossed, Passage, fast_walk
from mutau.transport.muon_matter import STOPPED
from mutau.transport.particle import Place, State, copy_place, copy_state
from mutau.transport.setup import Setup

Array = NDArray[np.float64]


class Carried(NamedTuple):
    """What N muons did.

    touched : (N,) bits by name of everything crossed (the target included) and, for counters, seen.
    behind : (N,) behind the target, or at their start where that is behind it. end : (N,) GeV, 0
    where the muon stopped or turned back. hits : (N, names, 2), or (1, 0, 2): crossings, cm.
    muon : (1,) the one on its way.
    """

    touched: NDArray[np.int64]
    behind: Records[Place]
    end: Array
    hits: Array
    muon: Records[State]


@njit
def carry_kernel(
    rng: np.random.Generator, setup: Setup, muons: Records[State], sudden: Array, found: Carried
) -> None:
    """Carry N muons along the pieces.

    sudden : (N, 3) energy lost (GeV) and slopes added where they enter the target; zeros for none.
    What enters a dipole outside its gap crosses its iron, without a field.
    """
    muon = found.muon[0]
    for event in range(muons.size):
        copy_state(muon, muons[event])
        muon.piece = 0
        if muon.energy <= STOPPED:
            muon.energy = 0.0
        copy_place(found.behind[event], muon)
        passage = Passage(
            True, setup.pieces.size, sudden[event, 0], sudden[event, 1], sudden[event, 2],
            found.behind[event], found.hits[event if found.hits.shape[1] > 0 else 0],
        )  # fmt: skip
        _, way = fast_walk(rng, setup, passage, muon, math.inf, Crossed(0, -1))
        found.touched[event], found.end[event] = way.bits, muon.energy
