"""The beam of an experiment in its signal events: spot, divergence and energy spread of the file.

Events are drawn along z at x = y = 0 and then placed: each is turned to the direction of a beam
particle and shifted to where that one is. What counts is the core of the beam, the part of the
largest fraction; of a phase-space file its moments on target. The halo beside the counters belongs
to the full simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.core.random import REACH, cut_normal
from mutau.core.types import Events
from mutau.reactions.electron_events import turned

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_beam import BeamPart

Array = np.ndarray

#: Energies at which a rate is tabulated over the beam's spread.
NODES: Final = 9


def core(experiment: Experiment) -> BeamPart:
    """The part of the beam that makes the signal: the largest, or the beam itself.

    Raises as `beam_moments.described_beam` for a phase-space file.
    """
    from mutau.detector.beam_moments import described_beam
    from mutau.transport.beam import parts_of

    return max(parts_of(described_beam(experiment)), key=lambda part: part.share)


def mean_energy(experiment: Experiment) -> float:
    """Mean energy of the core, GeV."""
    return core(experiment).energy or experiment.beam.energy


def energy_range(experiment: Experiment) -> tuple[float, float]:
    """Lowest and highest energy of the core, GeV: cut at `REACH` standard deviations."""
    mean, reach = mean_energy(experiment), REACH * core(experiment).energy_spread
    return mean * (1.0 - reach), mean * (1.0 + reach)


def beam_energies(
    experiment: Experiment,
    n: int,
    rng: np.random.Generator,
    rate: Callable[[Array], Array],
    nodes: int = NODES,
) -> Array:
    """(n,) energies of the beam particles that made an event, GeV.

    rate : energies -> probability of an event there, up to a factor, (k,) from (k,). nodes : at
    which it is tabulated. The Gaussian of the core times the rate, by accept-reject; the mean where
    the rate is zero throughout.
    Check: a rate that is constant gives the beam itself.
    """
    mean, spread = mean_energy(experiment), core(experiment).energy_spread
    if spread <= 0.0:
        return np.full(n, mean)
    at = np.linspace(*energy_range(experiment), nodes)
    height = np.asarray(rate(at), float)
    if not height.max() > 0.0:
        return np.full(n, mean)
    found = np.empty(0)
    while len(found) < n:
        energy = mean * (1.0 + spread * cut_normal(2 * n + 100, rng))
        kept = rng.random(len(energy)) * height.max() < np.interp(energy, at, height)
        found = np.append(found, energy[kept])
    return found[:n]


def placed(
    events: Events, experiment: Experiment, energy: Array, rng: np.random.Generator
) -> Events:
    """Events along z turned and shifted to beam particles of the file, one for each event.

    energy : (N,) GeV of the beam particle of each event; with it a dispersion comes in. Positions
    and slopes are those at the target's face, on straight lines from there to the vertex.
    Check: momenta balance as before; without spot and divergence nothing changes.
    """
    from mutau.core.constants import M_E, M_MU
    from mutau.transport.beam import positions

    part = core(experiment)
    mass = M_MU if experiment.beam.particle.startswith("mu") else M_E
    nominal = math.sqrt(experiment.beam.energy**2 - mass**2)
    x, y, slope_x, slope_y = positions(part, np.sqrt(energy**2 - mass**2), nominal, rng)
    row = np.cumsum(np.diff(events.event, prepend=events.event[:1]) != 0)
    size = np.sqrt(1.0 + slope_x**2 + slope_y**2)
    along = np.column_stack([slope_x, slope_y, np.ones(len(x))]) / size[:, None]
    x4 = events.x4.copy()
    way = x4[:, 3] - experiment.target.z
    x4[:, 1] += x[row] + way * slope_x[row]
    x4[:, 2] += y[row] + way * slope_y[row]
    x4[:, 0] *= size[row]
    return replace(events, p4=turned(events.p4, along[row]), x4=x4)
