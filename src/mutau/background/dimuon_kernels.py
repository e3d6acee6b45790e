"""Kernel of dimuons: muons from their vertex to the end of the target."""

from __future__ import annotations

import math

import numpy as np

from mutau.core.jit import njit
from mutau.core.records import Records
from mutau.detector.fast_walk import Crossed, Passage, fast_walk
from mutau.transport.muon_matter import STOPPED
from mutau.transport.particle import Place, State
from mutau.transport.setup import Setup


@njit
def leave_target(
    rng: np.random.Generator,
    setup: Setup,
    muons: Records[State],
    end: float,
    behind: Records[Place],
) -> None:
    """Carry N muons that begin in the target to its end z = end (cm), in place.

    setup : the target's pieces alone. behind : (1,), for the walk to write into. A muon of energy
    0, or one that stops, has energy 0.
    """
    passage = Passage(True, setup.pieces.size, 0.0, 0.0, 0.0, behind[0], np.empty((0, 2)))
    for i in range(muons.size):
        muon = muons[i]
        if muon.energy <= STOPPED:
            muon.energy = 0.0
            continue
        muon.piece = 0
        fast_walk(rng, setup, passage, muon, math.inf, Crossed(0, -1))
        if muon.energy <= STOPPED:
            muon.energy = 0.0
        muon.x += (end - muon.z) * muon.tx
        muon.y += (end - muon.z) * muon.ty
        muon.z = end
