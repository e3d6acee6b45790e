"""What of a shower stays in an active target: it ends beside its face, or behind its depth.

The energy that a target sees is what is left in it. A beam particle enters somewhere in the beam's
spot, and the fractions of the energy beside the face follow from the radii of simulated showers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.code_digest import code_digest
from mutau.core.random import stream
from mutau.core.storage import cached_arrays, digest
from mutau.matter import material
from mutau.signal.electron_tracks import THICK, thickness

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = NDArray[np.float64]

#: Showers of beam particles, places of entry for each, and their cut, GeV: the lowest there is.
SHOWERS: Final = 200
ENTRIES: Final = 16
CUT: Final = 0.005
#: Radii of the rings in X0; the last ring is open.
RINGS: Final = np.concatenate([[0.0], np.geomspace(0.03, 60.0, 44), [1e9]])
#: Directions in which the part of a ring on the face is counted.
DIRECTIONS: Final = 64
#: Below this relative spread one Gaussian stands for all places; above it so many classes.
NARROW: Final = 0.01
CLASSES: Final = 16
CONTAINMENT: Final = 104  # name in the random streams


@dataclass(frozen=True, slots=True, eq=False)
class Containment:
    """Fraction of a shower's energy that stays in the target.

    classes : (J,) means of equal parts of all showers, rising. spread : relative rms within a
    class, that of all where there is one class only. mean, spread_all : of all showers.
    """

    classes: Array
    spread: float
    mean: float
    spread_all: float


WHOLE: Final = Containment(np.ones(1), 0.0, 1.0, 0.0)


def share_on_face(radii: Array, place: Array, half: tuple[float, float]) -> Array:
    """(N, R) part of each ring that lies on a rectangular face.

    radii : (R + 1,) edges, cm; the open last ring counts nothing. place : (N, 2) cm of the showers'
    axes from its centre, on the face. half : cm. Energy is even in radius within a ring.
    Check: 1 for a ring inside the face, 0 for one around it, 1/2 for an axis on its edge.
    """
    phi = 2.0 * np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
    reach = np.full((len(place), DIRECTIONS), np.inf)
    for i, wave in enumerate((np.cos(phi), np.sin(phi))):
        edge = np.sign(wave) * half[i] - place[:, i : i + 1]
        reach = np.minimum(reach, edge / wave)
    low, high = radii[:-1], radii[1:]
    part = np.clip((reach[:, :, None] - low) / (high - low), 0.0, 1.0)
    return np.asarray(part.mean(axis=1))


def entries(experiment: Experiment, n: int, rng: np.random.Generator) -> Array:
    """(n, 2) cm: where beam particles enter the face, by the beam's spot; those beside it are not
    on target."""
    beam, target = experiment.beam, experiment.target
    from scipy.stats import truncnorm

    place = np.zeros((n, 2))
    for i, (spot, size) in enumerate(((beam.spot_x, target.width), (beam.spot_y, target.height))):
        if spot > 0.0:
            end = 0.5 * size / spot
            place[:, i] = spot * truncnorm.rvs(-end, end, size=n, random_state=rng)
    return place


def applies(experiment: Experiment) -> bool:
    """Whether the energy seen is that left in a thick target whose size is stated."""
    target = experiment.target
    sized = target.width > 0.0 and target.height > 0.0
    return bool(target.active and sized and thickness(experiment) >= THICK)


@lru_cache(maxsize=32)
def containment(experiment: Experiment) -> Containment:
    """What stays of a shower of the beam's energy; `WHOLE` where `applies` says no.

    The same fraction is taken for the rest of a shower with an emission: radii of showers hardly
    depend on their energy.
    Check: 3 x 3 cm^2 of lead and scintillator with the beam in the middle: 10.9 of 100 GeV beside.
    """
    if not applies(experiment):
        return WHOLE
    beam, target = experiment.beam, experiment.target
    key = digest(
        code_digest(__name__), repr(material(target.material)), beam.particle, beam.energy,
        thickness(experiment), target.width, target.height, beam.spot_x, beam.spot_y,
        SHOWERS, ENTRIES,
    )  # fmt: skip
    fraction = cached_arrays("electron-containment", key, lambda: {"share": _shares(experiment)})
    found = np.sort(fraction["share"])
    mean = float(found.mean())
    relative = float(found.std() / mean)
    if relative < NARROW:
        return Containment(np.array([mean]), relative, mean, relative)
    groups = found.reshape(CLASSES, -1)
    within = float(np.sqrt(np.mean(groups.var(axis=1)))) / mean
    return Containment(groups.mean(axis=1), within, mean, relative)


def ring_energies(experiment: Experiment, showers: int, seed: int = 1) -> Array:
    """(n, R) GeV that showers of the beam's energy leave in each ring of the target."""
    from mutau.transport.shower import Shower, ShowerGeometry, simulate_showers

    beam = experiment.beam
    geometry = ShowerGeometry(
        sections=np.array([0.0, thickness(experiment)]), rings=RINGS, lateral=True
    )
    found = simulate_showers(
        Shower(beam.particle, beam.energy, material(experiment.target.material), cut=CUT),
        showers,
        edges=np.array([CUT, beam.energy]),
        geometry=geometry,
        seed=seed,
        key=(CONTAINMENT,),
        workers=2,
    )
    return np.asarray(found.deposits.sum(axis=1))


def _shares(experiment: Experiment) -> Array:
    """(SHOWERS * ENTRIES,) fraction of the energy that stays, each shower at several places."""
    target, rng = experiment.target, stream(1, CONTAINMENT)
    rings = ring_energies(experiment, SHOWERS) / experiment.beam.energy
    radii = RINGS * material(target.material).radiation_length_cm
    place = entries(experiment, SHOWERS * ENTRIES, rng)
    on_face = share_on_face(radii, place, (0.5 * target.width, 0.5 * target.height))
    return np.asarray(np.sum(np.repeat(rings, ENTRIES, axis=0) * on_face, axis=1))
