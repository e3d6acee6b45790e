"""Hadrons that cross a hadronic calorimeter and leave less than a cut: chance per hadron.

Three ways: no inelastic collision at all; a last collision so late that the shower leaves through
the back; collisions that release little (diffraction of the nucleon, leading particles) and are
not seen. Weighted histories that are forced to survive reach any depth with the same effort.
A fourth way, for charged hadrons: the decay to a muon before the first collision, exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, NotApplicable, require_in_range
from mutau.core.random import stream
from mutau.matter.hadron_interactions import interaction_length
from mutau.matter.hadrons import document, hadron
from mutau.matter.materials import Material, material
from mutau.transport.decays import decay_probability

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

DEFAULT_EVENTS: Final = 20_000
#: Fluctuation of the electromagnetic share of a shower (30 % of the energy range of calorimeters).
EM_SPREAD: Final = 0.2
_KINDS: Final = {"n": "p", "p": "p", "K_L": "K", "K-": "K", "pi-": "pi", "pi": "pi", "K": "K"}


@dataclass(frozen=True, slots=True)
class PunchThrough:
    """Chance per hadron to leave at most `budget` GeV in `modules` modules.

    value, err : chance and its statistical error. through : the part without any collision,
    exp(-depth), exact. depth : interaction lengths of this hadron. merit : 1/(relative variance x
    events) over that of counting survivors, (1 - p)/p: events that brute force needs per event.
    """

    hadron: str
    energy: float
    modules: int
    budget: float
    value: float
    err: float
    through: float
    depth: float
    merit: float


def _leading(kind: str, factor: float) -> Array:
    table = document()["leading"]
    numbers, mass2 = table[kind], table["mass_squared"]
    return np.array(
        [min(numbers["diffraction"] * factor, 0.5), numbers["power"], mass2[0], mass2[1]]
    )


def _profile() -> Array:
    table: Any = document()["shower"]
    return np.array([*table["alpha"], table["beta_em"], *table["beta_hadronic"]])


def contained_share(energy: float, depth: ArrayLike, made_of: Material) -> Array:
    """Mean share of a hadronic shower's energy within `depth` interaction lengths of its start.

    energy : GeV. Source: Bock, Hansl-Kozanecka, Shah 1981 (data/hadrons.toml); the profile was
    measured from 15 to 140 GeV. Check: 95 % at about 5 interaction lengths for 100 GeV.
    """
    from mutau.background.punch_through_kernels import contained_kernel

    numbers, weight = _profile(), document()["shower"]["em_weight"]
    ratio = made_of.interaction_length_cm / made_of.radiation_length_cm
    depths = np.asarray(depth, float)
    values = [contained_kernel(energy, float(d), weight, ratio, numbers) for d in depths.ravel()]
    return np.array(values).reshape(depths.shape)


def punch_through(
    name: str,
    energy: float,
    made_of: Material,
    length: float,
    budget: float,
    *,
    modules: int = 1,
    n: int = DEFAULT_EVENTS,
    seed: int = 1,
    diffraction: float = 1.0,
    em_shift: float = 0.0,
) -> PunchThrough:
    """Chance that a hadron leaves at most `budget` GeV in `modules` modules of `length` cm.

    name : "n", "p", "K_L", "K-", "pi-". energy : GeV, 10 to 1000. budget : GeV, of showers; what a
    charged hadron ionises on its way is not counted (take it off the budget). n : histories.
    diffraction : factor on the share of soft collisions; em_shift : added to the mean em share
    (both for the modelling error).
    Left out: neutrinos from decays in the shower, charge exchange of the leading hadron.
    Raises OutOfRange, MutauError. Checks: no budget: exp(-depth); any budget above the energy: 1.
    """
    from mutau.background.punch_through_kernels import punch_through_kernel

    if name not in _KINDS:
        raise MutauError(f"no punch-through of {name!r}", allowed=", ".join(sorted(_KINDS)))
    require_in_range("energy", energy, 10.0, 1000.0, unit="GeV")
    require_in_range("length", length, 0.0, 1e5, unit="cm", open_low=True)
    require_in_range("budget", budget, 0.0, math.inf, unit="GeV")
    lam = interaction_length(name, made_of, energy)
    depth = modules * length / lam
    weight, collisions = np.empty(n), np.empty(n, np.int64)
    mean = document()["shower"]["em_weight"] + em_shift
    # long flights pay where collisions end almost every history
    stretch = max(1.0, 0.5 * depth * (1.0 - 2.0 * budget / energy))
    punch_through_kernel(
        np.full(n, float(energy)), depth, float(budget), stretch,
        lam / made_of.radiation_length_cm, mean, EM_SPREAD, _profile(),
        _leading(_KINDS[name], diffraction), stream(seed, 41, modules), weight, collisions,
    )  # fmt: skip
    value, err = float(weight.mean()), float(weight.std()) / math.sqrt(n)
    merit = (1.0 - value) / value / (n * (err / value) ** 2) if value > 0.0 and err > 0.0 else 1.0
    return PunchThrough(name, energy, modules, budget, value, err, math.exp(-depth), depth, merit)


def hcal_module(experiment: Experiment) -> tuple[Material, float]:
    """(material, length in cm) of one module of the HCAL, where all are alike.

    Raises NotApplicable without one, or where the modules differ."""
    found = {
        (item.material, item.length)
        for item in experiment.detector.calorimeter
        if item.kind == "hcal"
    }
    if not found:
        raise NotApplicable(f"{experiment.name} has no hadronic calorimeter of kind 'hcal'")
    if len(found) > 1:
        raise NotApplicable("modules of the HCAL differ", remedy="make them of one kind")
    name, length = found.pop()
    return material(name), length


def decay_to_muon(experiment: Experiment, name: str, energy: float) -> float:
    """Chance that a hadron from the back of the target decays to a muon before it interacts.

    Flight in air to the HCAL and one interaction length inside; any channel with a muon. Such a
    muon looks minimum ionising in any number of modules. Check: gap/(gamma beta c tau).
    """
    particle = hadron(name)
    made_of, _ = hcal_module(experiment)
    first = min(item.z for item in experiment.detector.calorimeter if item.kind == "hcal")
    target = experiment.target
    stuff = material(target.material)
    gap = first - target.z - target.thickness.cm(stuff.radiation_length_cm)
    path = gap + interaction_length(name, made_of, energy)
    momentum = math.sqrt(energy**2 - particle.mass**2)
    to_muon = sum(c.fraction for c in particle.channels if "mu" in c.daughters)
    return to_muon * float(decay_probability(particle, momentum, path))
