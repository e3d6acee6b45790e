"""Cross sections of lepton pairs on the atoms of a material: nuclei, electrons, both."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping

from mutau.core.errors import OutOfRange
from mutau.core.types import CrossSection
from mutau.matter import material
from mutau.matter.elements import Element
from mutau.matter.nucleus import AtomicElectrons, Nucleus
from mutau.reactions.lepton_pairs import PairReaction, cross_section, on_electrons_threshold

#: Of an element: the reaction on its nucleus or electrons.
ReactionOn = Callable[[Element], PairReaction]


def _mean(name: str, on: ReactionOn, errors: Callable[[float], float], seed: int) -> CrossSection:
    """Mean over the atoms of a material. errors : of Z, the relative error asked for."""
    atoms = material(name).atoms_per_cm3
    number = sum(n for _, n in atoms)
    sigma, square = 0.0, 0.0
    for element, n in atoms:
        found = cross_section(on(element), error=errors(element.z), seed=seed)
        sigma += n / number * found.sigma_pb
        square += (n / number * found.sigma_err_pb) ** 2
    return CrossSection(sigma, math.sqrt(square))


def pair_totals(
    beam: str, pair: str, energy: float, material_name: str, *, form_factor: str = "elastic",
    limits: Mapping[str, tuple[float, float]] | None = None, error: float = 1e-3, seed: int = 1,
) -> tuple[CrossSection, CrossSection]:  # fmt: skip
    """(on the nuclei, on the electrons) of a material, pb per mean atom.

    Arguments as of `PairReaction` and its `cross_section`, whose errors it raises; error : of the
    nuclei; electrons, whose part is 1/Z of it, may have up to Z/2 times as much. Below the
    threshold on an electron, and for limits beyond its reach that a nucleus meets, they have 0.
    Check: 289 microbarn together for electron pairs above 1 GeV by muons of 150 GeV on beryllium,
    within 2 %.
    """

    def on_nucleus(item: Element) -> PairReaction:
        return PairReaction(beam, pair, energy, Nucleus.of(item, form_factor), dict(limits or {}))

    def on_electrons(item: Element) -> PairReaction:
        target = AtomicElectrons(float(item.z), form_factor)
        return PairReaction(beam, pair, energy, target, dict(limits or {}))

    nuclei = _mean(material_name, on_nucleus, lambda z: error, seed)
    electrons = CrossSection(0.0, 0.0)
    if energy > on_electrons_threshold(beam, pair):
        with contextlib.suppress(OutOfRange):
            electrons = _mean(
                material_name, on_electrons, lambda z: min(max(0.5 * z, 1.0) * error, 0.3), seed
            )
    return nuclei, electrons
