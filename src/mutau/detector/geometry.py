"""The set-up of the trigger's fast mode: one thick target, and what is in the trigger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.detector.beam_moments import described_beam
from mutau.transport.pieces import DIPOLE, SOLID, Pieces
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
    The beam is described at the target's face: a spectrometer before the target measures it and
    changes nothing there, and is left out with the planes up to its end.
    Raises MutauError for several target stations, a slab before the target, or a counter of the
    trigger before the end of a dipole there: the fast mode takes the beam as straight.
    """
    target = experiment.target
    if target.stations != 1:
        raise MutauError(
            f"target/stations = {target.stations}: the trigger's fast mode takes one thick target",
            allowed="1",
        )
    compiled = compile_setup(experiment, watch, mean=True)
    pieces = _behind_spectrometer(compiled, target.z)
    beam = described_beam(experiment)
    return Geometry(
        **{**vars(compiled), "setup": compiled.setup._replace(pieces=pieces)},
        target=int(np.flatnonzero(pieces["target"])[0]),
        beam=np.array(
            [beam.energy, beam.spot_x, beam.spot_y, beam.divergence_x, beam.divergence_y]
        ),
    )


def _behind_spectrometer(compiled: CompiledSetup, face: float) -> Pieces:
    """The pieces without those up to the end of the last dipole before the target's face (cm)."""
    pieces, names = compiled.setup.pieces, compiled.names
    ahead = pieces["z"] < face
    dipole = ahead & (pieces["kind"] == DIPOLE)
    end = float(np.max((pieces["z"] + pieces["length"])[dipole], initial=-np.inf))
    dropped = ahead & (pieces["z"] < end)
    wrong = (ahead & (pieces["kind"] == SOLID)) | (dropped & (pieces["role"] > 0))
    for number in pieces["name"][wrong]:
        raise MutauError(
            f"{names[int(number)]!r} stands before the target, or before the end of a dipole there",
            remedy="the trigger's fast mode takes the beam as straight before the target",
        )
    return pieces[~dropped]
