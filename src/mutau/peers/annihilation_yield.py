"""Annihilation in a thick target the plain way: showers by Monte Carlo, Breit-Wigner by quadrature.

Nothing of `reactions.annihilation_kernels`, of the cascade equations or of `signal` is used: the
track length of positrons is that of simulated showers; the line is integrated over s by nodes even
in its angle, with the chance of s from a sum over the electrons' energies; the window is a
Gaussian. With it goes what the signal process leaves out, to see how much it is: radiation before
the annihilation. Shared with the package are couplings and widths (`models`), the materials, and
the cross sections of the showers (`matter`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from mutau.core.constants import ALPHA, E_CHARGE, M_E, M_MU
from mutau.core.units import GEV2_PB, PB_CM2
from mutau.matter import Material
from mutau.matter.atomic_electrons import shells
from mutau.models import Model

Array = np.ndarray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_PARTS: Final = 3
#: Soft end of the radiated fraction: below, the radiation changes nothing, and its integral is
#: taken in closed form.
_SOFT: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class PositronTrack:
    """Track length of positrons: edges (K + 1,) GeV; density (K,) X0/GeV per beam particle, and its
    statistical error (K,); of which material."""

    edges: Array
    density: Array
    err: Array
    material: Material


def positron_track(
    particle: str, energy: float, material: Material, low: float, showers: int, seed: int = 1
) -> PositronTrack:
    """Of `showers` showers of a beam particle ("e-", "e+") of `energy`, GeV, above `low`, GeV.

    Raises as `transport.shower.simulate_showers`.
    """
    from mutau.transport.shower import Shower, simulate_showers

    # narrow bins below the beam energy, where the density of a positron beam rises
    near = energy * (1.0 - np.geomspace(2e-4, 0.2, 24))
    edges = np.unique(np.concatenate([[energy], near, np.linspace(low, 0.8 * energy, 60)]))
    found = simulate_showers(
        Shower(particle, energy, material, cut=low), showers, edges=edges, seed=seed, workers=2
    )
    return PositronTrack(edges, found.positron, found.err[1], material)


def _width_dark(model: Model, root: Array) -> Array:
    """Width into dark matter of a boson of mass `root`, GeV, written out for each kind."""
    r = (model.mass / model.mass_ratio / root) ** 2
    beta = np.sqrt(np.maximum(1.0 - 4.0 * r, 0.0))
    per_mass = {
        "complex-scalar": beta**3 / 12.0, "majorana": beta**3 / 6.0,
        "pseudo-dirac": beta * (1.0 + 2.0 * r) / 3.0, "dirac": beta * (1.0 + 2.0 * r) / 3.0,
    }  # fmt: skip
    return np.asarray(model.alpha_d * root * per_mass[model.dark_matter])


def _line(model: Model, s: Array) -> Array:
    """Cross section of one electron times 4 m_e p, GeV^0: N(s)/((s - M^2)^2 + s Gamma(s)^2)."""
    root = np.sqrt(s)
    dark = _width_dark(model, root)
    rest = sum(_visible(model).values()) * root / model.mass
    mu = np.sqrt(np.maximum(1.0 - 4.0 * M_MU**2 / s, 0.0)) * (1.0 + 2.0 * M_MU**2 / s)
    muons = model.lepton_coupling("mu") ** 2 * root / (12.0 * math.pi) * mu
    invisible = dark + _visible(model)["nunu"] * root / model.mass
    mixing = np.abs(model.kinetic_mixing(s)) ** 2
    numerator = E_CHARGE**2 * mixing * (s + 2.0 * M_E**2) * 2.0 * root * invisible
    total = dark + rest + muons
    return np.asarray(numerator / ((s - model.mass**2) ** 2 + s * total**2))


def _visible(model: Model) -> dict[str, float]:
    """Widths on the mass shell that grow as the mass, GeV."""
    return {name: model.width(name) if name in model.channels else 0.0 for name in ("nunu", "ee")}


def _slow_down(binding: float) -> tuple[Array, Array]:
    """k (GeV) and int_T(k)^inf dT exp(-T/B)/(B k), per GeV, of kinetic energies T = B w^2."""
    w = np.linspace(0.0, 6.5, 3000)
    kinetic = binding * w * w
    k = np.sqrt(kinetic * (kinetic + 2.0 * M_E))
    over_k = np.empty_like(w)  # 2 w/k, finite at rest
    over_k[1:] = 2.0 * w[1:] / k[1:]
    over_k[0] = 2.0 / math.sqrt(2.0 * M_E * binding)
    each = np.exp(-w * w) * over_k
    steps = 0.5 * (each[1:] + each[:-1]) * np.diff(w)
    return k, np.append(np.cumsum(steps[::-1])[::-1], 0.0)


def _between(
    model: Model, energy: Array, low: Array, high: Array, shell: tuple[Array, Array]
) -> Array:
    """int ds of `_line` times the chance of s, low to high (N,), nodes even in the line's angle."""
    square = model.mass**2
    scale = max(model.mass * model.width_total, 1e-12 * square)
    first, last = np.arctan((low - square) / scale), np.arctan((high - square) / scale)
    total = np.zeros_like(low)
    for part in range(_PARTS):
        half = 0.5 / _PARTS * (last - first)
        angle = (first + 2.0 * part * half)[:, None] + half[:, None] * (1.0 + _NODES)
        s = square + scale * np.tan(angle)
        kappa = (s - 2.0 * M_E**2) / (2.0 * energy[:, None])
        least = np.abs(M_E**2 - kappa**2) / (2.0 * kappa)
        chance = np.interp(least, *shell, right=0.0)
        jacobian = scale / np.cos(angle) ** 2
        total += half * np.sum(_WEIGHTS * _line(model, s) * chance * jacobian, axis=1)
    return total


def cross_section(model: Model, energy: Array, symbol: str) -> Array:
    """Into what is invisible, pb per atom, electrons in exponential motion.

    arXiv:2404.06982, eq. 5.2. energy : (N,) GeV of the positron, far above its mass:
    s = 2 m^2 + 2 E (E_- - k z), z uniform.
    """
    total = np.zeros_like(energy)
    rest = 2.0 * M_E**2 + 2.0 * energy * M_E
    for shell in shells(symbol):
        table = _slow_down(shell.binding_energy)
        top = float(table[0][-1])
        up = math.sqrt(top * top + M_E**2) + top
        low = 2.0 * M_E**2 + 2.0 * energy * M_E**2 / up
        high = 2.0 * M_E**2 + 2.0 * energy * up
        whole = _between(model, energy, low, rest, table) + _between(
            model, energy, rest, high, table
        )
        total += shell.electrons * whole / (4.0 * energy)
    return np.asarray(GEV2_PB * total / (4.0 * M_E * energy))


@dataclass(frozen=True, slots=True)
class MissingEnergy:
    """The window of a missing-energy search.

    beam : energy, GeV. threshold : of the energy seen, GeV. stochastic : of the calorimeter, at
    1 GeV. spread : absolute, of the beam, GeV. efficiency : of the energy left in the target, GeV.
    contained : fraction of it that the target keeps.
    radiates : whether the two that annihilate radiate before, each a collinear structure function
    of leading logarithms (E. Kuraev, V. Fadin, Sov. J. Nucl. Phys. 41 (1985) 466): what the
    positron radiates is seen, what the electron radiates has no energy in the laboratory and is
    missing.
    """

    beam: float
    threshold: float
    stochastic: float = 0.1
    spread: float = 0.0
    efficiency: Callable[[Array], Array] = np.ones_like
    radiates: bool = False
    contained: float = 1.0

    def passes(self, boson_energy: Array) -> Array:
        """Chance (N,) that a boson of this energy (N,), GeV, is selected."""
        from scipy.special import ndtr

        left = self.contained * np.maximum(self.beam - boson_energy, 0.0)
        sigma = np.sqrt(self.stochastic**2 * left + self.spread**2 + 1e-8)
        return np.asarray(ndtr((self.threshold - left) / sigma) * self.efficiency(left))


def _radiated(function: Callable[[Array], Array], energy: Array, square: float) -> Array:
    """int dx D(x)/(1 - x) f(E/(1 - x)) (N,): what a flux f becomes after radiation at s = `square`.

    D(x) = b x^(b-1) (1 + 3b/4) - (b/2) (2 - x), b = (alpha/pi) (ln(s/m^2) - 1); its integral is 1.
    """
    b = ALPHA / math.pi * (math.log(square / M_E**2) - 1.0)
    u, weight = np.polynomial.legendre.leggauss(80)
    span = -math.log(_SOFT)
    x = np.exp(-0.5 * span * (1.0 - u))
    weight = 0.5 * span * weight * x
    density = b * x ** (b - 1.0) * (1.0 + 0.75 * b) - 0.5 * b * (2.0 - x)
    soft = _SOFT**b * (1.0 + 0.75 * b) - b * _SOFT
    total = soft * function(energy)
    for xi, wi, di in zip(x, weight, density, strict=True):
        total = total + wi * di / (1.0 - xi) * function(energy / (1.0 - xi))
    return np.asarray(total)


def annihilation_yields(
    model: Model, track: PositronTrack, windows: Sequence[MissingEnergy], nodes: int = 6
) -> tuple[Array, Array]:
    """Bosons made by annihilation and selected by each window (W,), per beam particle, and the
    statistical errors (W,); NaN where the annihilating pair radiates.

    nodes : of Gauss-Legendre per bin of the track.
    """
    u, weight = np.polynomial.legendre.leggauss(nodes)
    half = 0.5 * np.diff(track.edges)[:, None]
    energy = (track.edges[:-1, None] + half * (1.0 + u)).ravel()
    sigma = np.zeros_like(energy)
    for element, n in track.material.atoms_per_cm3:
        sigma += n * cross_section(model, energy, element.symbol)
    sigma *= track.material.radiation_length_cm * PB_CM2 * (half * weight).ravel()

    def density(e: Array) -> Array:
        place = np.searchsorted(track.edges, e, side="right") - 1
        inside = (place >= 0) & (place < len(track.density))
        return np.where(inside, track.density[np.clip(place, 0, len(track.density) - 1)], 0.0)

    found = []
    for window in windows:
        if window.radiates:
            seen = _radiated(partial(_seen, window, density, model.mass**2), energy, model.mass**2)
            found.append((float(np.sum(sigma * seen)), math.nan))
            continue
        each = np.sum((sigma * window.passes(energy)).reshape(len(half), nodes), axis=1)
        found.append((float(each @ track.density), float(np.linalg.norm(each * track.err))))
    values, errors = np.array(found).T
    return values, errors


def _seen(
    window: MissingEnergy, density: Callable[[Array], Array], square: float, energy: Array
) -> Array:
    """Positrons that have radiated, X0/GeV at their energy then, whose bosons are selected."""
    return np.asarray(window.passes(energy) * _radiated(density, energy, square))
