"""Whether a target of stated radiation lengths fits in: needs the material, and nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mutau.core.errors import MutauError
from mutau.matter import material

if TYPE_CHECKING:
    from mutau.experiment import Experiment


def target_length(experiment: Experiment) -> float:
    """Thickness of the target in cm. Raises MutauError where it does not fit in.

    A file that states radiation lengths cannot be checked without the material; here it is: the
    target must end before the hall does, before the next thing on the axis, and within the
    `length` that the file gives it.
    """
    target = experiment.target
    length = target.thickness.cm(material(target.material).radiation_length_cm)
    end = target.z + (target.stations - 1) * target.pitch + length
    limits = {"the hall's length": experiment.hall.length if experiment.hall else np.inf}
    if target.length is not None and target.stations == 1:
        limits["target/length"] = target.z + target.length
    for address, thing in experiment.detector.everything():
        hole = getattr(thing, "hole_width", 0.0)
        if thing.z >= target.z and thing.extent > 0.0 and not hole and not thing.x and not thing.y:
            limits[address] = min(limits.get(address, np.inf), thing.z)
    for what, z in limits.items():
        if end > z * (1.0 + 1e-9):
            raise MutauError(
                f"the target's {length:.4g} cm end at z = {end:.4g} cm, beyond {z:.4g} cm: {what}",
                place=f"{experiment.name}: target/thickness",
                remedy=f"make it thinner, or change {what}",
            )
    return length
