"""Hadrons from the target on their way through the HCAL: what they cross of each module, and what
that leaves of them.

A hadron flies straight. A module counts by the length of the line inside it, wherever it stands:
one beside the line, or one whose hole the line takes, is not there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.hadron_decays_tracks import beam_tracks
from mutau.background.punch_through import (
    NOMINAL,
    HadronStack,
    PunchThrough,
    ShowerVariation,
    punch_through,
)
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.detector.calorimeters import length_inside
from mutau.detector.simulation_showers import P_T
from mutau.matter.materials import Material, material

if TYPE_CHECKING:
    from mutau.experiment.schema import Calorimeter, Experiment

Array = NDArray[np.float64]

#: Straight lines that stand for all directions, and the step, in lengths of the first module, to
#: which what they cross is rounded.
LINES: Final = 20_000
STEP: Final = 0.05


def hcal_modules(experiment: Experiment) -> tuple[Material, tuple[Calorimeter, ...]]:
    """Material and modules of the HCAL, along z. Raises NotApplicable without one, or where the
    materials differ."""
    found = [item for item in experiment.detector.calorimeter if item.kind == "hcal"]
    if not found:
        raise NotApplicable(f"{experiment.name} has no hadronic calorimeter of kind 'hcal'")
    if len({item.material for item in found}) > 1:
        raise NotApplicable("modules of the HCAL differ", remedy="make them of one material")
    return material(found[0].material), tuple(sorted(found, key=lambda item: item.z))


def hadron_lines(experiment: Experiment, energy: float, n: int, rng: np.random.Generator) -> Array:
    """(n, 4) lines of leading hadrons of `energy` (GeV) on the target's face: those of the beam,
    bent by a transverse momentum of P_T rms in each component."""
    lines = beam_tracks(experiment, n, rng)
    lines[:, 2:] += P_T / energy * rng.standard_normal((n, 2))
    return lines


def path_classes(
    experiment: Experiment, energy: float, seed: int
) -> list[tuple[int, float, float]]:
    """(modules met, cm inside them, fraction of the hadrons) of the ways through the HCAL.

    Lengths are rounded to STEP of the first module's; shares sum to 1.
    """
    _, modules = hcal_modules(experiment)
    lines = hadron_lines(experiment, energy, LINES, stream(seed, 42))
    inside = np.column_stack([length_inside(item, lines, experiment.target.z) for item in modules])
    step = STEP * modules[0].length
    steps = np.rint(inside.sum(axis=1) / step).astype(np.int64)
    met = (inside > 0.5 * step).sum(axis=1)
    ways, counts = np.unique(np.column_stack([met, steps]), axis=0, return_counts=True)
    return [
        (max(int(m), 1), float(k) * step, float(count) / LINES)
        for (m, k), count in zip(ways, counts, strict=True)
    ]


def unseen(
    name: str, energy: float, experiment: Experiment, budget: float, *, n: int, seed: int,
    varied: ShowerVariation = NOMINAL,
) -> PunchThrough:  # fmt: skip
    """Chance that a leading hadron from the target leaves at most `budget` GeV in the whole HCAL.

    As `punch_through`, averaged over the hadrons' lines; `modules` is the largest number met,
    `depth` belongs to the mean chance of no collision. One that meets no module is not seen.
    Raises as `hcal_modules` and `punch_through`. Check: a module beside the beam changes nothing.
    """
    medium, _ = hcal_modules(experiment)
    value = square = through = 0.0
    most, merit = 0, 1.0
    for met, length, share in path_classes(experiment, energy, seed):
        if length <= 0.0:
            value, through = value + share, through + share
            continue
        one = punch_through(
            name, energy, HadronStack(medium, length / met, met), budget, n=n, seed=seed,
            varied=varied,
        )  # fmt: skip
        value, through = value + share * one.value, through + share * one.through
        square += (share * one.err) ** 2
        if met > most:
            most, merit = met, one.merit
    depth = -math.log(through)
    return PunchThrough(
        name, energy, most, budget, value, math.sqrt(square), through, depth, merit
    )  # fmt: skip
