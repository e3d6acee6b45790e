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
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.hadrons import document, hadron
from mutau.matter.materials import Material, material
from mutau.transport.decays import decay_probability

if TYPE_CHECKING:
    from mutau.background.punch_through_kernels import HadronProfile, LeadingFragment
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

DEFAULT_EVENTS: Final = 20_000
#: Fluctuation of the electromagnetic fraction of a shower (30 % of the energy range of
#: calorimeters).
EM_SPREAD: Final = 0.2
#: Kinds of `data/hadrons.toml`'s leading spectra, by name.
_KINDS: Final = {"n": "p", "p": "p", "K_L": "K", "K-": "K", "pi-": "pi"}
#: Energy (GeV) above which interaction lengths are those at it: they fall by 1 % from 150 to 300.
_LENGTHS_TO: Final = 300.0


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


@dataclass(frozen=True, slots=True)
class HadronStack:
    """Modules of a hadronic calorimeter one behind the other: material, length of one in cm."""

    material: Material
    length: float
    modules: int = 1


@dataclass(frozen=True, slots=True)
class ShowerVariation:
    """Changes of the model for its error: a factor on the fraction of soft collisions, and what is
    added to the mean electromagnetic fraction of a shower."""

    diffraction: float = 1.0
    em_shift: float = 0.0


NOMINAL: Final = ShowerVariation()


def _leading(kind: str, factor: float) -> LeadingFragment:
    from mutau.background.punch_through_kernels import LeadingFragment

    table = document()["leading"]
    numbers, mass2 = table[kind], table["mass_squared"]
    return LeadingFragment(
        min(float(numbers["diffraction"]) * factor, 0.5), float(numbers["power"]),
        float(mass2[0]), float(mass2[1]),
    )  # fmt: skip


def _profile() -> HadronProfile:
    from mutau.background.punch_through_kernels import HadronProfile

    table: Any = document()["shower"]
    numbers = (*table["alpha"], table["beta_em"], *table["beta_hadronic"])
    return HadronProfile(*(float(number) for number in numbers))


def contained_fraction(energy: float, depth: ArrayLike, absorber: Material) -> Array:
    """Mean fraction of a hadronic shower's energy within `depth` interaction lengths of its start.

    energy : GeV. Source: Bock, Hansl-Kozanecka, Shah 1981 (data/hadrons.toml); the profile was
    measured from 15 to 140 GeV. Check: 95 % at about 5 interaction lengths for 100 GeV.
    """
    from mutau.background.punch_through_kernels import contained_kernel

    profile, weight = _profile(), float(document()["shower"]["em_weight"])
    ratio = absorber.interaction_length_cm / absorber.radiation_length_cm
    depths = np.asarray(depth, float)
    values = [contained_kernel(energy, float(d), weight, ratio, profile) for d in depths.ravel()]
    return np.array(values).reshape(depths.shape)


def punch_through(
    name: str,
    energy: float,
    stack: HadronStack,
    budget: float,
    *,
    n: int = DEFAULT_EVENTS,
    seed: int = 1,
    varied: ShowerVariation = NOMINAL,
) -> PunchThrough:
    """Chance that a hadron leaves at most `budget` GeV in all modules of a stack.

    name : "n", "p", "K_L", "K-", "pi-". energy : GeV, 10 to 1000. budget : GeV, of showers; what a
    charged hadron ionises on its way is not counted (take it off the budget). n : histories.
    varied : for the error of the model.
    Interaction lengths are those of the kind at its first energy (`matter.hadron_nucleus`).
    Left out: neutrinos from decays in the shower, charge exchange of the leading hadron.
    Raises OutOfRange, MutauError. Checks: no budget: exp(-depth); any budget above the energy: 1.
    """
    from mutau.background.punch_through_kernels import HadronShowers, punch_through_kernel

    if name not in _KINDS:
        raise MutauError(f"no punch-through of {name!r}", allowed=", ".join(sorted(_KINDS)))
    require_in_range("energy", energy, 10.0, 1000.0, unit="GeV")
    require_in_range("length", stack.length, 0.0, 1e5, unit="cm", open_low=True)
    require_in_range("budget", budget, 0.0, math.inf, unit="GeV")
    lam = inelastic_length(name, stack.material, min(energy, _LENGTHS_TO)).cm
    depth = stack.modules * stack.length / lam
    weight, collisions = np.empty(n), np.empty(n, np.int64)
    # long flights pay where collisions end almost every history
    stretch = max(1.0, 0.5 * depth * (1.0 - 2.0 * budget / energy))
    showers = HadronShowers(
        _profile(), lam / stack.material.radiation_length_cm,
        float(document()["shower"]["em_weight"] + varied.em_shift), EM_SPREAD,
        _leading(_KINDS[name], varied.diffraction),
    )  # fmt: skip
    rng = stream(seed, 41, stack.modules)
    punch_through_kernel(
        np.full(n, float(energy)), depth, float(budget), stretch, showers, rng, weight, collisions
    )
    value, err = float(weight.mean()), float(weight.std()) / math.sqrt(n)
    merit = (1.0 - value) / value / (n * (err / value) ** 2) if value > 0.0 and err > 0.0 else 1.0
    return PunchThrough(
        name, energy, stack.modules, budget, value, err, math.exp(-depth), depth, merit
    )


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
    absorber, _ = hcal_module(experiment)
    first = min(item.z for item in experiment.detector.calorimeter if item.kind == "hcal")
    target = experiment.target
    dump = material(target.material)
    gap = first - target.z - target.thickness.cm(dump.radiation_length_cm)
    path = gap + inelastic_length(name, absorber, min(energy, _LENGTHS_TO)).cm
    momentum = math.sqrt(energy**2 - particle.mass**2)
    to_muon = sum(c.fraction for c in particle.channels if "mu" in c.daughters)
    return to_muon * float(decay_probability(particle, momentum, path))
