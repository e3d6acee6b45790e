"""The set-up of the trigger's fast mode: one thick target, and what is in the trigger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.detector.beam_moments import described_beam
from mutau.transport.pieces import DIPOLE, SOLID
from mutau.transport.setup import CompiledSetup, compile_setup

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Geometry(CompiledSetup):
    """What a charged particle meets in the fast mode.

    target : number of the target's first piece.
    beam : (5,) energy (GeV), rms spot x, y (cm), rms slope x, y at the target's face.
    """

    target: int
    beam: Array


@lru_cache(maxsize=32)
def build_geometry(experiment: Experiment, watch: tuple[str, ...] = ()) -> Geometry:
    """The set-up for the fast mode.

    watch : names of counters or trackers whose crossing is of interest although they are not in
    the trigger (trackers and monitors are left out otherwise).
    Left out because small against target and calorimeters (less than 0.04 mrad at 80 GeV, the
    target gives above 1 mrad): scattering in air, counters and trackers.
    Raises MutauError for several target stations, or a dipole or slab before the target: the fast
    mode takes the beam as straight there.
    """
    target = experiment.target
    if target.stations != 1:
        raise MutauError(
            f"target/stations = {target.stations}: the trigger's fast mode takes one thick target",
            allowed="1",
        )
    compiled = compile_setup(experiment, watch, mean=True)
    pieces, names = compiled.setup.pieces, compiled.names
    before = (pieces["z"] < target.z) & np.isin(pieces["kind"], (SOLID, DIPOLE))
    for number in pieces["name"][before]:
        raise MutauError(
            f"{names[int(number)]!r} stands before the target",
            remedy="the trigger's fast mode takes the beam as straight before the target",
        )
    beam = described_beam(experiment)
    return Geometry(
        **vars(compiled),
        target=int(np.flatnonzero(pieces["target"])[0]),
        beam=np.array(
            [beam.energy, beam.spot_x, beam.spot_y, beam.divergence_x, beam.divergence_y]
        ),
    )
