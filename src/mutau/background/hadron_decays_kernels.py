"""Kernel: muons of either charge from any point in front of the target to the end of the set-up.

The fast mode of the trigger without its verdict: what was crossed, so that events with several
muons can be judged as a whole.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.core.records import Records
from mutau.detector.fast_walk import Rules, fast_walk
from mutau.transport.muon_matter import STOPPED
from mutau.transport.particle import State, copy_state
from mutau.transport.setup import Setup

Array = NDArray[np.float64]


class Carried(NamedTuple):
    """What N muons did.

    touched : (N,) bits by name of everything crossed (the target included) and, for counters, seen.
    behind : (N, 2) energies (GeV) behind the target and at the end, 0 where the muon stopped or
    turned back. hits : (N, names, 2), or (1, 0, 2): crossings, cm. muon : (1,) the one on its way.
    """

    touched: NDArray[np.int64]
    behind: Array
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
        rules = Rules(True, False, sudden[event, 0], sudden[event, 1], sudden[event, 2])
        places = found.hits[event if found.hits.shape[1] > 0 else 0]
        way = fast_walk(rng, setup, muon, 0, rules, places)
        found.touched[event], found.behind[event, 0] = way.crossed, way.behind
        found.behind[event, 1] = muon.energy if muon.energy > STOPPED else 0.0
