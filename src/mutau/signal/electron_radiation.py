"""Radiation of the pair before e+ e- -> Z' in a cascade, in leading logarithms.

Each of the two that annihilate radiates a collinear structure function (E. A. Kuraev, V. S. Fadin,
Sov. J. Nucl. Phys. 41 (1985) 466), to first order beyond the exponentiated soft part:

  D(x) = b x^(b-1) (1 + 3b/4) - (b/2) (2 - x),   b = (alpha/pi) (ln(s/m_e^2) - 1),   int D = 1.

What the positron radiates stays in the calorimeter. What the electron at rest radiates has no
energy in the laboratory: a positron of more than the resonance's energy then makes the boson, which
takes all of it along. So a missing-energy search sees a resonance from below its threshold.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mutau.core.constants import ALPHA, M_E
from mutau.core.errors import NotApplicable
from mutau.reactions import annihilation
from mutau.signal.electron_emission import AnnihilationEmission
from mutau.signal.electron_tracks import ElectronTracks
from mutau.signal.electron_window import EnergyWindow

Array = np.ndarray

#: Nodes of the radiated fraction: even steps of x^b, of which the first ends at the fraction _SOFT.
_STEPS: Final = 160
_SOFT: Final = 1e-5
_GRID: Final = 500  # of energies on which track length and window are tabulated
#: Lowest positron energy that counts, over the resonance's: the line's lower tail.
_BELOW: Final = 0.7
_STEP: Final = 0.05  # of the beam energy, to which the lowest energy is rounded down


def lowest_energy(mass: float, w: EnergyWindow) -> float:
    """Positron energy, GeV, from which annihilation counts where the electron radiates.

    In steps of _STEP of the beam energy, so that masses share the cascade.
    """
    resonance = annihilation.resonance_energy(mass) if mass > 2.0 * M_E else 0.0
    step = _STEP * w.energy
    return float(np.clip(step * math.floor(_BELOW * resonance / step), step, w.low))


def radiator(square: float) -> tuple[Array, Array]:
    """Radiated fractions (N,) and their weights (N,), which sum to 1, at s = `square`, GeV^2.

    Check: the mean fraction is b (1 + 3b/4)/(1 + b) - b/3.
    """
    b = ALPHA / math.pi * (math.log(square / M_E**2) - 1.0)
    edges = np.append(0.0, np.geomspace(_SOFT, 1.0, _STEPS + 1))
    power = np.diff(edges**b) * (1.0 + 0.75 * b)
    middle = np.append(0.0, np.sqrt(edges[1:-1] * edges[2:]))
    hard = 0.5 * b * (2.0 * np.diff(edges) - 0.5 * np.diff(edges**2))
    return middle, power - hard


def radiated_inside(
    emission: AnnihilationEmission, tracks: ElectronTracks, w: EnergyWindow, mass: float
) -> Array:
    """(R, G) annihilations seen in the window of each period, per beam particle, with radiation.

    emission : from `lowest_energy` on. Raises NotApplicable for a positron beam on a thin target.
    Check: without radiation (b = 0) the sum of `emission` over the window.
    """
    if not len(tracks.edges):
        if tracks.beam_positron > 0.0:
            raise NotApplicable(
                "radiation before annihilation is computed for cascades, not for the beam itself "
                "in a thin target",
                place="theory/radiation", remedy="write radiation = false",
            )  # fmt: skip
        return np.zeros(w.thresholds.shape)
    top = float(tracks.edges[-1])
    low = float(emission.energy[0])
    near = top * (1.0 - np.geomspace(1e-5, 0.1, _GRID // 4))
    grid = np.unique(np.concatenate([[top], near, np.geomspace(low, top, _GRID)]))
    density = tracks.positron_density(emission.energy)
    line = np.divide(emission.number, density, out=np.zeros_like(density), where=density > 0.0)
    fraction, weight = radiator(mass * mass)
    flux = _folded(grid, tracks.positron_density(grid), grid, fraction, weight)
    passes = w.passes(grid, w.thresholds[..., None])  # (R, G, E)
    found = np.array(
        [
            line @ _folded(grid, flux * row, emission.energy, fraction, weight)
            for row in passes.reshape(-1, len(grid))
        ]
    )
    return found.reshape(w.thresholds.shape)


def _folded(grid: Array, values: Array, energy: Array, fraction: Array, weight: Array) -> Array:
    """int dx D(x) f(E/(1 - x))/(1 - x) at energies (n,) of f tabulated on a grid, 0 above it."""
    total = np.zeros(len(energy))
    for x, share in zip(fraction, weight, strict=True):
        if x < 1.0 - grid[0] / grid[-1]:
            before = energy / (1.0 - x)
            total += share / (1.0 - x) * np.interp(before, grid, values, right=0.0)
    return total
