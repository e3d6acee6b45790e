"""A beam file for what draws its beam from a description: the file's moments at the target.

The full simulation follows the particles of a phase-space file one by one (`transport.beam_files`).
The trigger's fast mode and the rare-event estimates draw Gaussians; they take spot, divergence,
correlation and spread from the particles of the file that count: on target, and within the window
of the incoming momentum. Tails beyond a Gaussian, and halo beside the counters, are only in the
full simulation.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import NotApplicable
from mutau.experiment.variables import window

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment
    from mutau.experiment.schema_beam import Beam
    from mutau.transport.beam import BeamMuons

#: Mean momenta this close to the nominal one, relative, are the nominal one whatever the spread.
_SAME: Final = 1e-3


def described_beam(experiment: Experiment) -> Beam:
    """The beam's table; where it names a phase-space file, with the moments of that file.

    energy stays the nominal one, to which the cuts refer. Positions and slopes are root mean
    squares about the axis. Magnets before the target are not for this: straight lines.
    Raises NotApplicable where no particle of the file counts, or where their mean momentum is off
    the nominal one by more than their spread; else as `read_beam`.
    Check: particles drawn from a description give it back.
    """
    from mutau.experiment.schema_beam import BeamPart

    beam = experiment.beam
    if not beam.phase_space:
        return beam
    place = f"{experiment.name}: beam/phase_space"
    muons = _on_target(experiment)
    weight = muons.weight / max(float(muons.weight.sum()), 1e-300)
    if not weight.any():
        raise NotApplicable(
            "no particle hits the counters before the target with an incoming momentum that the "
            "selection takes",
            place=place,
        )
    nominal = math.sqrt(beam.energy**2 - M_MU**2)
    mean = float(weight @ muons.momentum)
    spread = math.sqrt(max(float(weight @ (muons.momentum - mean) ** 2), 0.0))
    if abs(mean - nominal) > max(spread, _SAME * nominal):
        raise NotApplicable(
            f"the particles on target have {mean:.4g} GeV on the average, the nominal momentum is "
            f"{nominal:.4g} GeV and their spread {spread:.2g} GeV",
            place=place,
            remedy="state the file's mean as beam/energy",
        )
    size = {name: math.sqrt(float(weight @ getattr(muons, name) ** 2))
            for name in ("x", "y", "slope_x", "slope_y")}  # fmt: skip
    tilt = [
        float(np.clip(weight @ (a * b) / max(sa * sb, 1e-300), -1.0, 1.0))
        for a, b, sa, sb in (
            (muons.x, muons.slope_x, size["x"], size["slope_x"]),
            (muons.y, muons.slope_y, size["y"], size["slope_y"]),
        )
    ]
    moments: dict[str, Any] = {
        "energy_spread": spread / nominal, "spot_x": size["x"], "spot_y": size["y"],
        "divergence_x": size["slope_x"], "divergence_y": size["slope_y"],
    }  # fmt: skip
    part = BeamPart.model_construct(
        name="file", share=1.0, correlation_x=tilt[0], correlation_y=tilt[1], **moments,
        because="moments of the phase-space file",
    )  # fmt: skip
    return beam.model_copy(update={**moments, "parts": (part,), "phase_space": None})


def beam_note(experiment: Experiment) -> str:
    """What an assumption adds where the beam comes from a file, "" where it does not."""
    if not experiment.beam.phase_space:
        return ""
    return "; of the beam file its moments on target, at the nominal momentum"


def _on_target(experiment: Experiment) -> BeamMuons:
    """Particles of the file at the target's face, of weight 0 where they do not count."""
    from mutau.transport.beam import BeamMuons
    from mutau.transport.beam_files import file_beam, read_beam

    beam, path, detector = experiment.beam, str(experiment.beam.phase_space), experiment.detector
    first = min((thing.z for _, thing in detector.everything()), default=experiment.target.z)
    first = min(first, 0.0 if experiment.hall else experiment.target.z)
    columns, _ = read_beam(path, beam.particle)
    take = file_beam(path, first, beam.particle)
    muons = take(len(columns["x_cm"]), np.random.default_rng(0), 0)
    counts: NDArray[np.bool_] = muons.weight > 0.0
    for counter in detector.counter:
        if counter.role == "trigger" and counter.z <= experiment.target.z:
            there = muons.at(counter.z)
            counts &= counter.covers(there.x, there.y)
    low, high = window(experiment.cuts, "incoming_momentum")
    counts &= (muons.momentum >= low) & (muons.momentum <= high)
    face = muons.at(experiment.target.z)
    return BeamMuons(
        face.x, face.y, face.slope_x, face.slope_y, face.momentum,
        np.where(counts, face.weight, 0.0), face.z, face.part,
    )  # fmt: skip
