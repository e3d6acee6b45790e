"""What detectors see of beam electrons that leave everything in the calorimeter: calibration runs.

The NA64-e paper (arXiv:2404.06982, section 5) measures the efficiency of its selection, without the
energy threshold, on such electrons. Here they are simulated, one column per cut variable; cuts are
applied elsewhere. What no simulation of this kind has is in `NOT_SIMULATED`.
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
    "tracks that are not found, noise and delta rays among the hits before the target",
    "timing cuts, trigger counters and their vetoes, dead time, quality of the data",
    "pile-up in the calorimeters, and its changes from run to run",
    "differences between real showers and their reference in the shape",
)
#: Total cross section of a hard photon on a nucleon, cm^2: 115 microbarn between 20 and 100 GeV
#: (D. O. Caldwell et al., Phys. Rev. Lett. 40 (1978) 1222).
PHOTON_NUCLEON: Final = 115e-30
#: Cut of the shower simulation, GeV: with 100 MeV so little gets far from the axis that the
#: covariance of the shares is nearly singular. Radii of the rings, in X0 of the target.
SHOWER_CUT: Final = 0.02
RINGS: Final = (1.0, 2.0, 4.0)
#: Smallest share of the energy radiated in one go before the magnets, and energy of the lowest
#: photon, GeV, whose reaction in the target is followed.
SOFTEST: Final = 1e-3
LOWEST_PHOTON: Final = 0.5
#: What a minimum-ionising particle leaves in the veto counter, GeV: 5 cm of scintillator.
VETO_SIGNAL: Final = 0.010


@dataclass(frozen=True, slots=True)
class Setting:
    """What the paper does not give. All assumptions.

    upstream : X0 of material before the magnets. window : s, in which a second electron adds its
    hits. absorbed : GeV of a photon that reacts with a nucleus and stays in the target; the rest is
    seen behind it. shadowing : photons see A^shadowing nucleons.
    """

    bend: Bend = field(default_factory=Bend)
    srd: SynchrotronDetector = field(default_factory=SynchrotronDetector)
    upstream: float = 0.02
    window: float = 100e-9
    absorbed: float = 2.0
    shadowing: float = 0.9


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


@dataclass(frozen=True, slots=True, eq=False)
class Showers:
    """(N,) energy in the pre-shower, GeV, and chi^2 of the shape, of electrons in the target."""

    preshower: Array
    chi2: Array


def showers(experiment: Experiment, n: int, seed: int = 1) -> Showers:
    """n showers of beam particles, and as many again that say what a shape looks like.

    The shares are those of four sections in depth and four rings. Raises MutauError for a target
    that is not active, or too few showers.
    """
    from mutau.transport.shower import ShowerGeometry, simulate_showers

    target = experiment.target
    if not target.active:
        raise MutauError("the target is not active", place=f"{experiment.name}: target/active")
    stuff = material(target.material)
    x0 = stuff.radiation_length_cm
    depth = target.thickness.cm(x0) / x0
    front = target.preshower.cm(x0) / x0 if target.preshower else 0.1 * depth
    geometry = ShowerGeometry(
        sections=np.array([0.0, front, 0.3 * depth, 0.5 * depth, depth]),
        rings=np.array([0.0, *RINGS, 1e9]), lateral=True,
    )  # fmt: skip
    found = simulate_showers(
        experiment.beam.particle, experiment.beam.energy, stuff, 2 * n, cut=SHOWER_CUT,
        edges=np.array([SHOWER_CUT, experiment.beam.energy]), geometry=geometry, seed=seed,
        key=(22,), workers=2,
    )  # fmt: skip
    first = found.deposits[:, 0].sum(axis=1)
    shares = found.deposits / found.deposits.sum(axis=(1, 2), keepdims=True)
    # shares of the sections but the last, and of the rings but the last: the rest follows
    shape = np.concatenate([shares.sum(axis=2)[:, :-1], shares.sum(axis=1)[:, :-1]], axis=1)
    mean, inverse = shape_of_electrons(shape[:n])
    return Showers(first[n:], shower_shape(shape[n:], mean, inverse))


def electrons(
    experiment: Experiment, made: Showers, setting: Setting | None = None, seed: int = 1
) -> dict[str, Array]:
    """Columns (N,) of cut variables, one row per shower; `p_beam` (N, 4). GeV.

    Momentum after radiation in the material before the magnets, with the beam's spread and the
    spectrometer's resolution; synchrotron radiation; pre-shower with the calorimeter's resolution;
    shape; photonuclear reactions seen in veto counter and HCAL; hits per plane before the target of
    the electron and of those within the window.
    """
    given, beam, n = setting or Setting(), experiment.beam, len(made.chi2)
    rng = stream(seed, 23)
    momentum = np.zeros((n, 4))
    momentum[:, 0] = momentum[:, 3] = _momenta(experiment, given, n, rng)
    width = experiment.target.resolution * np.sqrt(made.preshower)
    behind = np.maximum(_reaction_energies(experiment, given, n, rng) - given.absorbed, 0.0)
    rate = beam.per_spill / beam.spill if beam.per_spill and beam.spill else 0.0
    return {
        "p_beam": momentum,
        "srd_energy": deposits(beam.energy, given.bend, given.srd, n, rng),
        "preshower_energy": np.maximum(made.preshower + width * rng.standard_normal(n), 0.0),
        "shower_chi2": made.chi2,
        "veto_energy": np.where(behind > 0.0, VETO_SIGNAL, 0.0),
        "hcal_energy": behind,
        "n_upstream_hits": 1.0 + rng.poisson(rate * given.window, n),
    }


def _momenta(experiment: Experiment, given: Setting, n: int, rng: np.random.Generator) -> Array:
    """(n,) measured momenta, GeV: radiation of more than SOFTEST of the energy at a time."""
    beam, detector = experiment.beam, experiment.detector
    count = rng.poisson(hard_radiation(SOFTEST, given.upstream), n)
    total = int(count.sum())
    y = np.empty(0)
    while len(y) < total:  # 1/y, kept with the share (1 - y + 3/4 y^2)
        draw = SOFTEST ** rng.random(2 * (total - len(y)) + 10)
        y = np.append(y, draw[rng.random(len(draw)) < 1.0 - draw + 0.75 * draw**2])
    left = np.bincount(np.repeat(np.arange(n), count), np.log1p(-y[:total]), n)
    resolution = detector.resolution.incoming_momentum if detector.resolution else 0.0
    true = beam.energy * (1.0 + beam.energy_spread * rng.standard_normal(n)) * np.exp(left)
    return np.asarray(np.maximum(true * (1.0 + resolution * rng.standard_normal(n)), 0.0))


def _reaction_energies(
    experiment: Experiment, given: Setting, n: int, rng: np.random.Generator
) -> Array:
    """(n,) energy of photons that react with nuclei in the shower, GeV; the largest of each."""
    beam, stuff = experiment.beam, material(experiment.target.material)
    lows = np.geomspace(min(LOWEST_PHOTON, 0.1 * beam.energy), 0.99 * beam.energy, 24)
    above = np.array(
        [photonuclear_per_particle(beam.particle, beam.energy, stuff, float(low), given.shadowing)
         for low in lows]
    )  # fmt: skip
    count = rng.poisson(above[0], n)
    share = np.append(1.0 - above / above[0], 1.0)
    drawn = np.interp(rng.random(int(count.sum())), share, np.append(lows, beam.energy))
    energy = np.zeros(n)
    np.maximum.at(energy, np.repeat(np.arange(n), count), drawn)
    return energy
