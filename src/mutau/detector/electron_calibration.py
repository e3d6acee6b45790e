"""What detectors see of beam electrons that leave everything in the calorimeter: calibration runs.

The NA64-e paper (arXiv:2404.06982, section 5) measures the efficiency of its selection, without the
energy threshold, on such electrons. Here they are simulated, one column per cut variable; cuts are
applied elsewhere. What no simulation of this kind has is in `NOT_SIMULATED`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import N_A
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.detector.calorimeters import length_inside
from mutau.detector.electron_srd import Bend, SynchrotronDetector, deposits
from mutau.detector.simulation_showers import P_T
from mutau.matter.materials import Material, material
from mutau.transport.matter_tables import MIP

if TYPE_CHECKING:
    from mutau.experiment.schema import Counter, Experiment, Target
    from mutau.experiment.schema_beam import Upstream
    from mutau.transport.shower import ShowerGeometry

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
#: covariance of the fractions is nearly singular. Radii of the rings, in X0 of the target.
SHOWER_CUT: Final = 0.02
RINGS: Final = (1.0, 2.0, 4.0)
#: Energies of electrons, over the beam's, whose shapes are known.
SHAPES: Final = (0.03, 0.1, 0.3, 1.0)
#: Smallest fraction of the energy radiated in one go before the magnets, and energy of the lowest
#: photon, GeV, whose reaction in the target is followed.
SOFTEST: Final = 1e-3
LOWEST_PHOTON: Final = 0.5
#: What a minimum-ionising particle leaves in a veto counter whose thickness the file does not
#: state, GeV: 5 cm of scintillator.
VETO_SIGNAL: Final = 0.010


@dataclass(frozen=True, slots=True)
class Setting:
    """What is assumed of photons that react with nuclei of the target.

    absorbed : GeV of such a photon that stays in the target; the rest is seen behind it.
    shadowing : photons see A^shadowing nucleons.
    """

    absorbed: float = 2.0
    shadowing: float = 0.9


def photonuclear_per_particle(
    particle: str, energy: float, medium: Material, low: float, shadowing: float = 0.9
) -> float:
    """Photonuclear reactions of photons above `low` GeV in the shower of one beam particle.

    Track length of photons from the cascade equations times nucleons, A^shadowing per nucleus,
    times the cross section on one nucleon.
    """
    from mutau.transport.em_cascade import track_lengths

    found = track_lengths(particle, energy, medium, [low, energy])
    length = found.total("gamma") * medium.radiation_length
    seen = sum(w * N_A / e.a * e.a**shadowing for e, w in medium.elements)
    return float(length * seen * PHOTON_NUCLEON)


def hard_radiation(fraction: float, depth: float) -> float:
    """Chance to radiate more than a fraction of the energy in `depth` X0, thin.

    t int_share^1 (4/3 (1 - y) + y^2)/y dy, complete screening.
    Check: 2.37 t for 10 %.
    """
    y = fraction
    return depth * (-4.0 / 3.0 * math.log(y) - 4.0 / 3.0 * (1.0 - y) + 0.5 * (1.0 - y * y))


def shower_shape(fractions: Array, mean: Array, inverse: Array) -> Array:
    """(N,) chi^2 of energy fractions (N, F) against electrons of the same kind.

    mean (F,), inverse (F, F) : mean and inverse covariance of the fractions.
    """
    away = fractions - mean
    return np.asarray(np.einsum("ni,ij,nj->n", away, inverse, away))


def shape_of_electrons(fractions: Array) -> tuple[Array, Array]:
    """Mean (F,) and inverse covariance (F, F) of energy fractions (N, F).

    Raises MutauError for fewer events than twice the number of fractions.
    """
    if len(fractions) < 2 * fractions.shape[1]:
        raise MutauError(f"{len(fractions)} showers for {fractions.shape[1]} energy fractions")
    inverse = np.linalg.inv(np.cov(fractions, rowvar=False))
    return np.asarray(fractions.mean(axis=0)), np.asarray(inverse, float)


@dataclass(frozen=True, slots=True, eq=False)
class Showers:
    """(N,) energy in the pre-shower, GeV, and chi^2 of the shape, of electrons in the target."""

    preshower: Array
    chi2: Array


@dataclass(frozen=True, slots=True, eq=False)
class ElectronShape:
    """Shape of an electron's shower: mean (F,) and inverse covariance (F, F) of its fractions."""

    mean: Array
    inverse: Array


def shower_geometry(experiment: Experiment) -> ShowerGeometry:
    """Four sections in depth, the first the pre-shower, and four rings.

    Raises MutauError for a target that is not active.
    """
    if not experiment.target.active:
        raise MutauError("the target is not active", place=f"{experiment.name}: target/active")
    return _geometry(experiment.target)


def _geometry(target: Target) -> ShowerGeometry:
    from mutau.transport.shower import ShowerGeometry

    x0 = material(target.material).radiation_length_cm
    depth = target.thickness.cm(x0) / x0
    front = target.preshower.cm(x0) / x0 if target.preshower else 0.1 * depth
    return ShowerGeometry(
        sections=np.array([0.0, front, 0.3 * depth, 0.5 * depth, depth]),
        rings=np.array([0.0, *RINGS, 1e9]), lateral=True,
    )  # fmt: skip


def fractions_of(deposits: Array) -> Array:
    """(N, F) fractions of the energy by section and by ring, without the last of each, which
    follow from the rest. deposits : (N, S, R), GeV."""
    part = deposits / deposits.sum(axis=(1, 2), keepdims=True)
    return np.concatenate([part.sum(axis=2)[:, :-1], part.sum(axis=1)[:, :-1]], axis=1)


@lru_cache(maxsize=16)
def _simulated(
    particle: str, target: Target, n: int, seed: int, energy: float
) -> tuple[Array, ElectronShape, Array]:
    """Energy in the pre-shower (n,), GeV, shape of the first n electrons of `energy`, GeV, and
    chi^2 (n,) of the others."""
    from mutau.transport.shower import Shower, simulate_showers

    medium = material(target.material)
    found = simulate_showers(
        Shower(particle, energy, medium, cut=SHOWER_CUT),
        2 * n,
        edges=np.array([SHOWER_CUT, energy]),
        geometry=_geometry(target),
        seed=seed,
        key=(22,),
        workers=2,
    )
    first = found.deposits[:, 0].sum(axis=1)
    shape = fractions_of(found.deposits)
    known = ElectronShape(*shape_of_electrons(shape[:n]))
    return first[n:], known, shower_shape(shape[n:], known.mean, known.inverse)


def shape_at_energy(experiment: Experiment, deposits: Array, n: int, seed: int = 1) -> Array:
    """chi^2 (N,) of showers against electrons of the energy that they leave.

    deposits : (N, S, R) GeV by section and ring of `shower_geometry`. n : electrons of each energy
    in SHAPES, between which chi^2 is linear in ln E; below the lowest it is that of the lowest.
    Raises as `showers`.
    """
    fractions = fractions_of(deposits)
    energies = experiment.beam.energy * np.array(SHAPES)
    shower_geometry(experiment)  # refuses a target that sees nothing
    beam, target = experiment.beam, experiment.target
    known = [_simulated(beam.particle, target, n, seed, float(e))[1] for e in energies]
    table = np.array([shower_shape(fractions, one.mean, one.inverse) for one in known])
    left = np.clip(deposits.sum(axis=(1, 2)), energies[0], energies[-1])
    place = np.interp(np.log(left), np.log(energies), np.arange(len(energies)))
    below = np.minimum(place.astype(np.int64), len(energies) - 2)
    rows = np.arange(len(left))
    part = place - below
    return np.asarray((1.0 - part) * table[below, rows] + part * table[below + 1, rows])


def showers(experiment: Experiment, n: int, seed: int = 1) -> Showers:
    """n showers of beam particles, and as many again that say what a shape looks like.

    Raises MutauError for a target that is not active, or too few showers.
    """
    shower_geometry(experiment)  # refuses a target that sees nothing
    beam = experiment.beam
    first, _, chi2 = _simulated(beam.particle, experiment.target, n, seed, beam.energy)
    return Showers(first, chi2)


def electrons(
    experiment: Experiment, made: Showers, setting: Setting | None = None, seed: int = 1,
    left: Array | float = 1.0,
) -> dict[str, Array]:  # fmt: skip
    """Columns (N,) of cut variables, one row per shower; `p_beam` (N, 4). GeV.

    left : (N,) fraction of the beam energy that the shower has; photons that react with nuclei
    have that fraction of the energies in a whole one.

    Momentum after radiation in the material before the magnets, with the beam's spread and the
    spectrometer's resolution; synchrotron radiation, where the file describes its detector;
    pre-shower with the calorimeter's resolution; shape; photonuclear reactions seen in veto
    counters and HCAL; a veto calorimeter around the beam; hits per plane before the target of the
    electron and of those within the window.
    """
    given, beam, n = setting or Setting(), experiment.beam, len(made.chi2)
    rng, line = stream(seed, 23), experiment.upstream
    momentum = np.zeros((n, 4))
    momentum[:, 0] = momentum[:, 3] = _momenta(experiment, n, rng)
    target = experiment.target
    width = np.hypot(
        target.resolution * np.sqrt(made.preshower), target.resolution_constant * made.preshower
    )
    photon = left * _reaction_energies(experiment, given, n, rng)
    veto, hcal = _behind(experiment, photon, given.absorbed, stream(seed, 24))
    radiation = _synchrotron(line, beam.energy, n, rng) if line and line.srd else {}
    read = np.maximum(made.preshower + width * rng.standard_normal(n), 0.0)
    rate = beam.per_spill / beam.spill if beam.per_spill and beam.spill else 0.0
    return {
        "p_beam": momentum,
        **radiation,
        "preshower_energy": read,
        "shower_chi2": made.chi2,
        "veto_energy": veto,
        "hcal_energy": hcal,
        "n_upstream_hits": 1.0 + rng.poisson(rate * (line.window if line else 0.0), n),
        **_around_the_beam(experiment, n, stream(seed, 25)),
    }


def _around_the_beam(experiment: Experiment, n: int, rng: np.random.Generator) -> dict[str, Array]:
    """Energy in the veto calorimeters before the target, GeV: all of an electron that misses the
    hole, nothing of one that takes it. {} where the file has none."""
    beam = experiment.beam
    vetoes = [c for c in experiment.detector.calorimeter if c.kind == "vhcal"]
    if not vetoes:
        return {}
    x, y = (spot * rng.standard_normal(n) for spot in (beam.spot_x, beam.spot_y))
    hit = np.zeros(n, bool)
    for item in vetoes:
        if item.z < experiment.target.z and beam.energy >= item.threshold:
            hit |= item.covers(x, y)
    return {"vhcal_energy": np.where(hit, beam.energy, 0.0)}


def _synchrotron(
    line: Upstream, energy: float, n: int, rng: np.random.Generator
) -> dict[str, Array]:
    """Energy in the synchrotron detector, GeV; {} where the file describes none."""
    if line.srd is None or line.field_integral is None or line.length is None:
        return {}
    item = line.srd
    bend = Bend(line.field_integral, line.length)
    seen = SynchrotronDetector(item.distance, item.gap, item.width, item.resolution)
    return {"srd_energy": deposits(energy, bend, seen, n, rng)}


def _behind(
    experiment: Experiment, photon: Array, absorbed: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """(energy in the veto counters, in the HCAL) (N,), GeV, of photons (N,) that react.

    One particle goes on from the target with what is not absorbed, from the beam's spot, with a
    transverse momentum of P_T rms. A counter behind the target that it crosses shows a
    minimum-ionising particle; a module of the HCAL shows all of it if it interacts inside, and if
    that is above its threshold.
    """
    n, beam = len(photon), experiment.beam
    left = np.maximum(photon - absorbed, 0.0)
    lines = rng.standard_normal((n, 4))
    lines[:, :2] *= (beam.spot_x, beam.spot_y)
    lines[:, 2:] *= P_T / np.maximum(photon, P_T)[:, None]
    z, flies = experiment.target.z, left > 0.0
    veto, hcal = np.zeros(n), np.zeros(n)
    for counter in experiment.detector.counter:
        if counter.role == "veto" and counter.z > z:
            at = lines[:, :2] + (counter.z - z) * lines[:, 2:]
            hit = flies & counter.covers(at[:, 0], at[:, 1])
            signal = np.where(
                hit & (rng.random(n) < counter.efficiency), _veto_signal(counter), 0.0
            )
            veto += np.where(signal >= counter.threshold, signal, 0.0)
    for module in sorted(experiment.detector.calorimeter, key=lambda item: item.z):
        if module.kind == "hcal":
            depth = (
                length_inside(module, lines, z) / material(module.material).interaction_length_cm
            )
            stops = flies & (rng.random(n) > np.exp(-depth))
            hcal += np.where(stops & (left >= module.threshold), left, 0.0)
            flies &= ~stops
    return veto, hcal


def _veto_signal(counter: Counter) -> float:
    """What a minimum-ionising particle leaves in a counter, GeV."""
    if counter.material is None or counter.thickness is None:
        return VETO_SIGNAL
    medium = material(counter.material)
    return MIP * medium.density * counter.thickness.cm(medium.radiation_length_cm)


def _momenta(experiment: Experiment, n: int, rng: np.random.Generator) -> Array:
    """(n,) measured momenta, GeV: radiation of more than SOFTEST of the energy at a time."""
    beam, detector = experiment.beam, experiment.detector
    upstream = experiment.upstream.radiation_lengths if experiment.upstream else 0.0
    count = rng.poisson(hard_radiation(SOFTEST, upstream), n)
    total = int(count.sum())
    y = np.empty(0)
    while len(y) < total:  # 1/y, kept with the fraction (1 - y + 3/4 y^2)
        draw = SOFTEST ** rng.random(2 * (total - len(y)) + 10)
        y = np.append(y, draw[rng.random(len(draw)) < 1.0 - draw + 0.75 * draw**2])
    left = np.bincount(np.repeat(np.arange(n), count), np.log1p(-y[:total]), n)
    resolution = detector.resolution.incoming_momentum if detector.resolution else 0.0
    true = beam.energy * (1.0 + beam.energy_spread * rng.standard_normal(n)) * np.exp(left)
    return np.asarray(np.maximum(true * (1.0 + resolution * rng.standard_normal(n)), 0.0))


@lru_cache(maxsize=16)
def _reactions(
    particle: str, energy: float, medium: Material, shadowing: float
) -> tuple[Array, Array]:
    """(24,) photon energies, GeV, and reactions per beam particle of photons above them."""
    lows = np.geomspace(min(LOWEST_PHOTON, 0.1 * energy), 0.99 * energy, 24)
    above = [
        photonuclear_per_particle(particle, energy, medium, float(low), shadowing) for low in lows
    ]
    return lows, np.array(above)


def _reaction_energies(
    experiment: Experiment, given: Setting, n: int, rng: np.random.Generator
) -> Array:
    """(n,) energy of photons that react with nuclei in the shower, GeV; the largest of each."""
    beam = experiment.beam
    lows, above = _reactions(
        beam.particle, beam.energy, material(experiment.target.material), given.shadowing
    )
    count = rng.poisson(above[0], n)
    fraction = np.append(1.0 - above / above[0], 1.0)
    drawn = np.interp(rng.random(int(count.sum())), fraction, np.append(lows, beam.energy))
    energy = np.zeros(n)
    np.maximum.at(energy, np.repeat(np.arange(n), count), drawn)
    return energy
