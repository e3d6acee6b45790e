"""Depth profile of a shower: the critical energy that sets its length, the peak of a histogram."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from mutau.core.errors import MutauError
from mutau.matter.em_processes_medium import collision_loss, medium
from mutau.matter.materials import Material


def critical_energy(material: Material) -> float:
    """Energy of an electron that loses as much to collisions per X0 as it has, GeV.

    Source: B. Rossi, High-Energy Particles (1952), sec. 5.4; PDG 2024, sec. 34.4.
    Check: 7.4 MeV for lead, 21.7 MeV for iron (PDG 2024, atomic and nuclear properties).
    """
    layers = medium(material).data.layers
    low, high = 1e-3, 1.0
    for _ in range(60):
        middle = math.sqrt(low * high)
        if collision_loss(middle, False, layers) > middle:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)


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
