"""Electrons of the beam through the selection without its energy threshold: the efficiency kappa.

NA64-e takes kappa, about 50 %, from calibration runs (arXiv:2404.06982, section 5). Here the same
steps on simulated electrons: momentum, synchrotron radiation, pre-shower, shape of the shower,
nothing behind the calorimeter. What no simulation of this kind has is in `NOT_SIMULATED`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import N_A
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.detector.electron_srd import Bend, SynchrotronDetector, deposits
from mutau.matter.materials import Material, material

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

NOT_SIMULATED: Final = (
    "pile-up beyond a second electron in the window, and its changes from run to run",
    "efficiency of track finding, of the timing cuts, of the trigger counters and their vetoes",
    "multiplicity cut in the straw tubes, dead time, quality of the data",
)
#: Total cross section of a hard photon on a nucleon, cm^2: 115 microbarn between 20 and 100 GeV
#: (D. O. Caldwell et al., Phys. Rev. Lett. 40 (1978) 1222).
PHOTON_NUCLEON: Final = 115e-30
#: Cut of the shower simulation, GeV, and radii of the rings, in radiation lengths of the target.
SHOWER_CUT: Final = 0.1
RINGS: Final = (1.0, 2.0, 4.0)
_HALVES: Final = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """What the paper does not give. All assumptions.

    upstream : X0 of material before the magnets. shape_quantile : share of electrons that the cut
    on the shower's shape is set to keep. window : s, in which a second electron spoils the event.
    hadron_energy : GeV, of a photon whose reaction in the target is seen behind it.
    shadowing : photons see A^shadowing nucleons.
    """

    bend: Bend = field(default_factory=Bend)
    srd: SynchrotronDetector = field(default_factory=SynchrotronDetector)
    upstream: float = 0.02
    shape_quantile: float = 0.95
    window: float = 100e-9
    hadron_energy: float = 3.0
    shadowing: float = 0.9


@dataclass(frozen=True, slots=True)
class Calibration:
    """Efficiencies of the steps and their product.

    steps : (name, share kept of those before it, statistical error). kappa, error : the product
    without pile-up. with_pileup : times the chance of no second electron in the window.
    """

    steps: tuple[tuple[str, float, float], ...]
    kappa: float
    error: float
    with_pileup: float


def photonuclear_per_particle(
    particle: str, energy: float, stuff: Material, low: float, shadowing: float = 0.9
) -> float:
    """Photonuclear reactions of photons above `low` GeV in the shower of one beam particle.

    Track length of photons from the cascade equations times nucleons, A^shadowing per nucleus,
    times the cross section on one nucleon.
    """
    from mutau.transport.em_cascade import track_lengths

    found = track_lengths(particle, energy, stuff, [low, energy])
    length = found.total("gamma") * stuff.radiation_length
    seen = sum(w * N_A / e.a * e.a**shadowing for e, w in stuff.elements)
    return float(length * seen * PHOTON_NUCLEON)


def hard_radiation(share: float, depth: float) -> float:
    """Chance to radiate more than a share of the energy in `depth` X0, thin.

    t int_share^1 (4/3 (1 - y) + y^2)/y dy, complete screening.
    Check: 2.37 t for 10 %.
    """
    y = share
    return depth * (-4.0 / 3.0 * math.log(y) - 4.0 / 3.0 * (1.0 - y) + 0.5 * (1.0 - y * y))


def shower_shape(fractions: Array, mean: Array, inverse: Array) -> Array:
    """(N,) chi^2 of energy shares (N, F) against electrons of the same kind.

    mean (F,), inverse (F, F) : mean and inverse covariance of the shares.
    """
    away = fractions - mean
    return np.asarray(np.einsum("ni,ij,nj->n", away, inverse, away))


def shape_of_electrons(fractions: Array) -> tuple[Array, Array]:
    """Mean (F,) and inverse covariance (F, F) of energy shares (N, F).

    Raises MutauError for fewer events than twice the number of shares.
    """
    if len(fractions) < 2 * fractions.shape[1]:
        raise MutauError(f"{len(fractions)} showers for {fractions.shape[1]} energy shares")
    inverse = np.linalg.inv(np.cov(fractions, rowvar=False))
    return np.asarray(fractions.mean(axis=0)), np.asarray(inverse, float)


def calibration(
    experiment: Experiment, n: int = 600, seed: int = 1, setting: Setting | None = None
) -> Calibration:
    """Electrons of the beam energy through the selection of an experiment file.

    n : showers; momentum and synchrotron radiation take a hundred times more. Cuts on
    `incoming_momentum`, `srd_energy` and `preshower_energy` come from the file, the others from
    `setting`. Raises MutauError for a target that is not active.
    """
    given = setting or Setting()
    if not experiment.target.active:
        raise MutauError("the target is not active", place=f"{experiment.name}: target/active")
    steps = [_momentum(experiment, given), _synchrotron(experiment, given, 100 * n, seed)]
    steps += _showers(experiment, given, n, seed)
    stuff = material(experiment.target.material)
    beam = experiment.beam
    hadrons = photonuclear_per_particle(
        beam.particle, beam.energy, stuff, given.hadron_energy, given.shadowing
    )
    steps.append(("nothing in VETO and HCAL", math.exp(-hadrons), 0.0))
    kappa = math.prod(value for _, value, _ in steps)
    error = kappa * math.hypot(*(err / value for _, value, err in steps))
    rate = beam.per_spill / beam.spill if beam.per_spill and beam.spill else 0.0
    return Calibration(tuple(steps), kappa, error, kappa * math.exp(-rate * given.window))


def _bounds(experiment: Experiment, variable: str) -> tuple[float, float]:
    low, high = -math.inf, math.inf
    for cut in experiment.cuts:
        if cut.variable == variable:
            low = max(low, -math.inf if cut.min is None else cut.min)
            high = min(high, math.inf if cut.max is None else cut.max)
    return low, high


def _momentum(experiment: Experiment, given: Setting) -> tuple[str, float, float]:
    """Gaussian of resolution and beam spread, and hard radiation before the magnets."""
    low, high = _bounds(experiment, "incoming_momentum")
    detector, beam = experiment.detector, experiment.beam
    resolution = detector.resolution.incoming_momentum if detector.resolution else 0.0
    width = beam.energy * math.hypot(resolution, beam.energy_spread)
    inside = 1.0
    if width > 0.0:
        edges = [(x - beam.energy) / (math.sqrt(2.0) * width) for x in (low, high)]
        inside = 0.5 * (math.erf(edges[1]) - math.erf(edges[0]))
    if low > 0.0:
        inside *= 1.0 - hard_radiation(1.0 - low / beam.energy, given.upstream)
    return "incoming momentum", inside, 0.0


def _synchrotron(
    experiment: Experiment, given: Setting, n: int, seed: int
) -> tuple[str, float, float]:
    low, high = _bounds(experiment, "srd_energy")
    seen = deposits(experiment.beam.energy, given.bend, given.srd, n, stream(seed, 21))
    share = float(np.mean((seen >= low) & (seen <= high)))
    return "synchrotron radiation", share, math.sqrt(share * (1.0 - share) / n)


def _showers(
    experiment: Experiment, given: Setting, n: int, seed: int
) -> list[tuple[str, float, float]]:
    """Pre-shower and shape, from showers whose first half says what an electron looks like."""
    from mutau.transport.shower import ShowerGeometry, simulate_showers

    target = experiment.target
    stuff = material(target.material)
    x0 = stuff.radiation_length_cm
    depth = target.thickness.cm(x0) / x0
    front = target.preshower.cm(x0) / x0 if target.preshower else 0.1 * depth
    geometry = ShowerGeometry(
        sections=np.array([0.0, front, 0.3 * depth, 0.5 * depth, depth]),
        rings=np.array([0.0, *RINGS, 1e9]), lateral=True,
    )  # fmt: skip
    found = simulate_showers(
        experiment.beam.particle, experiment.beam.energy, stuff, _HALVES * n, cut=SHOWER_CUT,
        edges=np.array([SHOWER_CUT, experiment.beam.energy]), geometry=geometry, seed=seed,
        key=(22,), workers=2,
    )  # fmt: skip
    low, _ = _bounds(experiment, "preshower_energy")
    first = found.deposits[:, 0].sum(axis=1)
    passes = first[n:] > low
    shares = found.deposits / found.deposits.sum(axis=(1, 2), keepdims=True)
    # shares of the sections but the last, and of the rings but the last: the rest follows
    shape = np.concatenate([shares.sum(axis=2)[:, :-1], shares.sum(axis=1)[:, :-1]], axis=1)
    mean, inverse = shape_of_electrons(shape[:n])
    limit = np.quantile(shower_shape(shape[:n], mean, inverse), given.shape_quantile)
    good = shower_shape(shape[n:], mean, inverse) < limit
    rows = []
    for name, kept in (("pre-shower", passes), ("shape of the shower", good)):
        share = float(kept.mean())
        rows.append((name, share, math.sqrt(max(share * (1.0 - share), 1.0 / n) / n)))
    return rows
