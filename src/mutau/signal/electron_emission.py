"""Spectra of Z' emitted in a cascade: bremsstrahlung by e- and e+, annihilation of e+.

Cross sections come from `reactions`, track lengths from `electron_tracks`; here they are integrated
over the emitter's energy. All numbers are per beam particle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.core.constants import M_E
from mutau.core.units import PB_CM2
from mutau.matter import Element, Material
from mutau.matter.nucleus import Nucleus
from mutau.models import Model
from mutau.reactions import annihilation
from mutau.reactions.electron_brems_table import EXACT, BremsTable, BremsTheory, brems_table
from mutau.signal.electron_tracks import ElectronTracks

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: Elements that make less than this fraction of the Z' take the spectrum of the dominant one.
MINOR_SHARE: Final = 0.02
#: How atomic electrons move where the file does not say: as in arXiv:2404.06982.
MOTION: Final = "virial"
_GAUSS, _GAUSS_W = np.polynomial.legendre.leggauss(4)


def brems_theory(experiment: Experiment, kind: str = "vector") -> BremsTheory:
    """Cross section of the bremsstrahlung that the file asks for; without, the exact one.

    kind : of the boson (`bosons.KINDS`).
    """
    stated = experiment.theory
    if not stated:
        return replace(EXACT, mediator=kind)
    return BremsTheory(stated.method, stated.form_factor, stated.coulomb, kind)


def motion(experiment: Experiment) -> str:
    """Model of the motion of atomic electrons that the file asks for."""
    return experiment.theory.electrons if experiment.theory else MOTION


@dataclass(frozen=True, slots=True, eq=False)
class BremsEmission:
    """Bremsstrahlung in the whole target. table : of the dominant element. atoms : its atoms per
    cm^2 and X0 of track, times `PB_CM2`, with the other elements counted in."""

    tracks: ElectronTracks
    table: BremsTable
    atoms: float

    def above(self, k: Array) -> Array:
        """(n,) mean number of Z' per beam particle with energy above k (n,), GeV, coupling 1."""
        flat = np.asarray(k, float)
        sigma = self.table.above(self.tracks.energy, flat[:, None])
        return self.atoms * (sigma @ self.tracks.both)


def brems_emission(
    tracks: ElectronTracks, mass: float, low: float, x_low: float, theory: BremsTheory = EXACT
) -> BremsEmission:
    """Emission by e- and e+ between `low` and the beam energy, with x above x_low."""
    high = float(tracks.energy[-1])
    atoms = tracks.material.atoms_per_cm3
    main = tracks.material.dominant_element
    number = dict(atoms)

    def at_top(element: Element) -> float:
        return float(
            theory.front.totals(
                high,
                mass,
                Nucleus.of(element, theory.form_factor),
                x_min=x_low,
                coulomb=theory.coulomb,
            ).sigma_pb
        )

    first = number[main] * at_top(main) if len(atoms) > 1 else 1.0
    more = sum(n * at_top(element) for element, n in atoms if element != main)
    fraction = more / first if first > 0.0 else 0.0
    table = brems_table(main, mass, low, high, x_low, theory)
    scale = number[main] * (1.0 + fraction) * tracks.material.radiation_length_cm * PB_CM2
    return BremsEmission(tracks, table, scale)


@dataclass(frozen=True, slots=True, eq=False)
class AnnihilationEmission:
    """Annihilation of cascade positrons: nodes of the integral over their energy.

    energy : (N,) GeV, rising. number : (N,) mean number of Z' per beam particle that each stands
    for. per_x0 : (N,) annihilations per X0 of positron track there.
    """

    energy: Array
    number: Array
    per_x0: Array

    def rate(self, energy: Array) -> Array:
        """Annihilations per X0 of positron track, interpolated; 0 outside the nodes."""
        return np.interp(energy, self.energy, self.per_x0, left=0.0, right=0.0)

    def above(self, k: Array) -> Array:
        """(n,) mean number of Z' per beam particle with energy above k (n,)."""
        total = np.concatenate([[0.0], np.cumsum(self.number)])
        return np.asarray(total[-1] - total[np.searchsorted(self.energy, k)])


def annihilation_emission(
    tracks: ElectronTracks, model: Model, low: float, electrons: str = MOTION, spread: float = 0.0
) -> AnnihilationEmission:
    """Z' made and decaying invisibly, by positrons above `low` GeV.

    electrons : of the atomic motion (`reactions.annihilation`). spread : relative, of the beam;
    it matters in a thin target, where the beam itself meets the resonance.
    """
    elements = _annihilating(tracks.material)
    column = tracks.material.radiation_length_cm * PB_CM2
    if not len(tracks.edges):
        energy = tracks.energy[-1:]
        if tracks.beam_positron == 0.0:
            return AnnihilationEmission(energy, np.zeros(1), np.zeros(1))
        per_x0 = np.zeros(1)
        for element, n in elements:
            per_x0 += column * n * _at_beam(energy, model, element, electrons, spread)
        return AnnihilationEmission(energy, tracks.beam_positron * per_x0, per_x0)
    if electrons == "rest":
        return _at_rest(tracks, model, low, elements, column)
    nodes, weights = _panels(tracks, model, low)
    per_x0 = np.zeros(len(nodes))
    for element, n in elements:
        per_x0 += (
            column
            * n
            * annihilation.cross_section(nodes, model, element=element, electrons=electrons)
        )
    return AnnihilationEmission(nodes, weights * tracks.positron_density(nodes) * per_x0, per_x0)


def _at_rest(
    tracks: ElectronTracks,
    model: Model,
    low: float,
    elements: Sequence[tuple[str, float]],
    column: float,
) -> AnnihilationEmission:
    """Electrons at rest, whose line may be narrower than any panel: integrals over fine bins."""
    top = float(tracks.edges[-1])
    edges = np.unique(np.concatenate([np.geomspace(low, top, 400), tracks.edges]))
    edges = edges[(edges >= low) & (edges <= top)]
    edges = edges[np.append(True, np.diff(edges) > 1e-9 * top)]
    whole = np.zeros(len(edges) - 1)
    for element, n in elements:
        whole += (
            column * n * annihilation.integrated(edges, model, element=element, electrons="rest")
        )
    middle = 0.5 * (edges[1:] + edges[:-1])
    number = whole * tracks.positron_density(middle)
    return AnnihilationEmission(middle, number, whole / np.diff(edges))


def _at_beam(energy: Array, model: Model, element: str, electrons: str, spread: float) -> Array:
    if spread > 0.0:
        return annihilation.folded(
            energy, model, spread=spread, element=element, electrons=electrons
        )
    return annihilation.cross_section(energy, model, element=element, electrons=electrons)


def _annihilating(medium: Material) -> Sequence[tuple[str, float]]:
    """(symbol, atoms per cm^3) with the minor elements' electrons given to the lightest main one.

    Hydrogen in a plastic thus moves as the electrons of carbon.
    """
    electrons = {element: n * element.z for element, n in medium.atoms_per_cm3}
    total = sum(electrons.values())
    main = {e: n for e, n in electrons.items() if n >= MINOR_SHARE * total}
    lightest = min(main, key=lambda e: e.z)
    main[lightest] += total - sum(main.values())
    return [(element.symbol, n / element.z) for element, n in main.items()]


def _panels(tracks: ElectronTracks, model: Model, low: float) -> tuple[Array, Array]:
    """Nodes and weights in positron energy: fine where tracks bend and around the resonance."""
    top = float(tracks.edges[-1])
    edges = [np.array([low, top]), tracks.edges]
    edges.append(np.exp(np.arange(np.log(low), np.log(top), 0.1)))
    bent = [model.mass] if model.mass > 2.0 * M_E else []
    bent += [2.0 * model.mass / model.mass_ratio] if model.off_shell else []  # the pair's threshold
    for mass in bent:
        resonance = annihilation.resonance_energy(mass)
        steps = np.array([0.001, 0.003, 0.007, 0.012, 0.02, 0.03])
        edges.append(resonance * np.concatenate([[1.0], np.exp(steps), np.exp(-steps)]))
    all_edges = np.unique(np.concatenate(edges))
    all_edges = all_edges[(all_edges >= low) & (all_edges <= top)]
    keep = np.append(True, np.diff(all_edges) > 1e-9 * top)
    all_edges = all_edges[keep]
    half = 0.5 * np.diff(all_edges)[:, None]
    nodes = all_edges[:-1, None] + half * (1.0 + _GAUSS)
    return nodes.ravel(), (half * _GAUSS_W).ravel()
