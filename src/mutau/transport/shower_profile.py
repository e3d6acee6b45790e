"""Depth profile of a shower: the gamma-function parametrisation, and the peak of a histogram."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mutau.core.errors import MutauError, require_in_range
from mutau.matter.materials import Material
from mutau.transport.em_cascade import particle_index
from mutau.transport.em_processes_medium import collision_loss, medium


def critical_energy(material: Material) -> float:
    """Energy of an electron that loses as much to collisions per X0 as it has, GeV.

    Source: B. Rossi, High-Energy Particles (1952), sec. 5.4; PDG 2024, sec. 34.4.
    Check: 7.4 MeV for lead, 21.7 MeV for iron (PDG 2024, atomic and nuclear properties).
    """
    layers = medium(material).layers
    low, high = 1e-3, 1.0
    for _ in range(60):
        middle = math.sqrt(low * high)
        if collision_loss(middle, False, layers) > middle:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)


@dataclass(frozen=True, slots=True)
class GammaProfile:
    """dE/dt = E0 b (b t)^(a - 1) exp(-b t)/Gamma(a), t in X0; a, b dimensionless."""

    energy: float
    a: float
    b: float

    @property
    def peak(self) -> float:
        """Depth of the maximum, X0."""
        return (self.a - 1.0) / self.b

    def density(self, depth: ArrayLike) -> np.ndarray:
        """Energy per depth, GeV per X0, at depths in X0 (any shape, >= 0)."""
        t = np.maximum(np.asarray(depth, float), 1e-300) * self.b
        log = (self.a - 1.0) * np.log(t) - t - math.lgamma(self.a)
        return np.asarray(self.energy * self.b * np.exp(log))


def expected_profile(
    particle: str, energy: float, material: Material, b: float = 0.5
) -> GammaProfile:
    """The usual parametrisation of the mean profile, without simulation.

    particle : "e-", "e+" or "gamma". energy : GeV. b : slope, about 0.5 for many materials.
    t_max = ln(E/E_c) + C with C = -0.5 for electrons and positrons, +0.5 for photons.
    Source: PDG 2024, sec. 34.5, fits to EGS4 between 1 and 100 GeV, good to about half
    a radiation length; outside 0.5 GeV to 1 TeV this refuses.
    """
    require_in_range("energy", energy, 0.5, 1e3, unit="GeV")
    shift = 0.5 if particle_index(particle) == 2 else -0.5
    peak = math.log(energy / critical_energy(material)) + shift
    return GammaProfile(energy, 1.0 + b * peak, b)


def fitted_profile(depth: ArrayLike, profile: ArrayLike, energy: float) -> GammaProfile:
    """The gamma function of the same first two moments as a histogram.

    depth : (D + 1,) edges, X0. profile : (D,) energy per depth; energy : GeV to normalise to.
    Raises MutauError for a histogram without energy. Check: a gamma function gives itself back.
    """
    edges, value = np.asarray(depth, float), np.asarray(profile, float)
    weight = value * np.diff(edges)
    if not weight.sum() > 0.0:
        raise MutauError("the profile holds no energy", place="profile")
    t = 0.5 * (edges[1:] + edges[:-1])
    mean = float(np.average(t, weights=weight))
    variance = float(np.average((t - mean) ** 2, weights=weight))
    return GammaProfile(energy, mean * mean / variance, mean / variance)


def peak_depth(depth: ArrayLike, profile: ArrayLike) -> float:
    """Depth of the maximum of a histogram, X0: parabola through its logarithm above 80 %.

    depth : (D + 1,) edges, X0. profile : (D,) positive around its maximum.
    Raises MutauError where fewer than three bins lie above 80 %.
    """
    edges, value = np.asarray(depth, float), np.asarray(profile, float)
    top = value > 0.8 * value.max()
    if np.count_nonzero(top) < 3:
        raise MutauError("fewer than three bins above 80 % of the maximum", place="profile")
    t = 0.5 * (edges[1:] + edges[:-1])
    c2, c1, _ = np.polyfit(t[top], np.log(value[top]), 2)
    return float(-0.5 * c1 / c2)
