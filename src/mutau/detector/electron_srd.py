"""Synchrotron radiation of a beam particle in the bending magnets, and the detector that sees it.

Classical radiation in a uniform field, photons in a Poisson number, each emitted along the tangent
of the orbit; the detector stands beside the deflected beam and sees those of a part of the arc.
Source: A. A. Sokolov, I. M. Ternov, Synchrotron Radiation (1968); J. D. Jackson, Classical
Electrodynamics, sec. 14.6. Quantum corrections are of order E_c/E, 1e-4 here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import ALPHA, M_E
from mutau.core.errors import OutOfRange, require_in_range
from mutau.core.units import GEV_PER_T_CM, HBARC_GEV_CM

Array = NDArray[np.float64]

_SMALLEST, _LARGEST, _POINTS = 1e-7, 40.0, 2000


@dataclass(frozen=True, slots=True)
class Bend:
    """Bending magnets: field integral (T cm) over a length (cm), seen as one uniform field.

    Raises OutOfRange for values that are not positive.
    """

    field_integral: float
    length: float

    def __post_init__(self) -> None:
        require_in_range("field integral", self.field_integral, 0.0, 1e6, open_low=True)
        require_in_range("length", self.length, 0.0, 1e6, unit="cm", open_low=True)

    def angle(self, momentum: float) -> float:
        """Deflection of a unit charge, rad. Check: 21 mrad for 7 T m at 100 GeV."""
        return GEV_PER_T_CM * self.field_integral / momentum


@dataclass(frozen=True, slots=True)
class SynchrotronDetector:
    """A calorimeter beside the deflected beam.

    arm : cm from the end of the magnets. gap, width : cm from the deflected beam to its near edge,
    and its extent, towards the undeflected line. stochastic : a of a/sqrt(E/GeV).
    """

    arm: float
    gap: float
    width: float
    stochastic: float

    def seen_arc(self, bend: Bend, momentum: float) -> float:
        """Fraction of the arc whose photons hit the detector.

        A photon from a place where the angle phi to the final direction is left arrives
        phi (arm + phi/angle length/2) away from the deflected beam.
        Check: 0 for a detector beyond the undeflected line.
        """
        total = bend.angle(momentum)
        phi = np.linspace(0.0, total, 4001)
        away = phi * (self.arm + 0.5 * bend.length * phi / total)
        return float(np.mean((away > self.gap) & (away < self.gap + self.width)))


def critical_energy(energy: float, bend: Bend, mass: float = M_E) -> float:
    """E_c = (3/2) hbar c gamma^3/rho, GeV.

    energy : GeV. Half of the power lies below it. Check: 0.665 keV E^2 B for electrons, GeV and T:
    11.6 MeV at 100 GeV and 1.75 T.

    >>> round(1e3 * critical_energy(100.0, Bend(700.0, 400.0)), 1)
    11.6
    """
    radius = bend.length / bend.angle(energy)
    return 1.5 * HBARC_GEV_CM * (energy / mass) ** 3 / radius


def mean_photons(energy: float, bend: Bend, mass: float = M_E) -> float:
    """Mean number of photons, 5 alpha gamma angle/(2 sqrt 3).

    Check: 43 for 100 GeV electrons in 7 T m; 0.2 for pions.
    """
    return 5.0 * ALPHA * energy / mass * bend.angle(energy) / (2.0 * math.sqrt(3.0))


def mean_loss(energy: float, bend: Bend, mass: float = M_E) -> float:
    """Mean energy radiated, GeV: photons times 8/(15 sqrt 3) of the critical energy.

    Check: 1.27 keV E^2 B^2 L (GeV, T, m): 155 MeV here.
    """
    mean = 8.0 / (15.0 * math.sqrt(3.0)) * critical_energy(energy, bend, mass)
    return mean_photons(energy, bend, mass) * mean


@cache
def _spectrum() -> tuple[Array, Array]:
    """(u, cumulative fraction of photons below u), u in critical energies.

    dN/du = 3/(5 pi) int_u^inf K_5/3, with u K_5/3-integrals by the cumulative trapezoid in ln u.
    """
    from scipy.special import kv

    u = np.geomspace(_SMALLEST, _LARGEST, _POINTS)
    inner = kv(5.0 / 3.0, u) * u  # per ln u
    step = np.log(u[1] / u[0])
    parts = 0.5 * step * (inner[1:] + inner[:-1])
    tail = np.append(np.cumsum(parts[::-1])[::-1], 0.0)  # int_u K_5/3
    density = tail * u
    below = np.append(0.0, np.cumsum(0.5 * step * (density[1:] + density[:-1])))
    first = 1.5 * density[0]  # dN/du ~ u^-2/3 below the grid
    return u, (below + first) / (below[-1] + first)


def photon_energies(n: int, critical: float, rng: np.random.Generator) -> Array:
    """n photon energies, GeV. Check: mean 8/(15 sqrt 3), mean square 11/27 in critical energies."""
    u, below = _spectrum()
    draw = rng.random(n)
    soft = draw < below[0]
    energy = np.interp(draw, below, u)
    energy[soft] = u[0] * (draw[soft] / below[0]) ** 3.0
    return np.asarray(critical * energy)


def deposits(
    energy: float,
    bend: Bend,
    detector: SynchrotronDetector,
    n: int,
    rng: np.random.Generator,
    *,
    mass: float = M_E,
    reading: bool = True,
) -> Array:
    """(n,) energies in the detector, GeV, of n beam particles.

    mass : of the particle. reading : with the calorimeter's resolution (gamma distribution).
    Absorption of photons on their way is left out.
    Raises OutOfRange for a particle that is not fast. Check: mean = `mean_loss` times `seen_arc`.
    """
    if not energy > 10.0 * mass:
        raise OutOfRange(f"energy = {energy:g} GeV of a mass {mass:g} GeV", allowed="E > 10 m")
    mean = mean_photons(energy, bend, mass) * detector.seen_arc(bend, energy)
    count = rng.poisson(mean, n)
    photons = photon_energies(int(count.sum()), critical_energy(energy, bend, mass), rng)
    total = np.bincount(np.repeat(np.arange(n), count), photons, n)
    if not reading:
        return np.asarray(total)
    shape = np.maximum(total, 1e-12) / detector.stochastic**2
    return np.asarray(np.where(total > 0.0, rng.gamma(shape) * detector.stochastic**2, 0.0))
