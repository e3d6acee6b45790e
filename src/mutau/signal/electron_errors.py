"""What the theory of an electron signal leaves open: each choice alone, as a change of it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.core.errors import NotApplicable
from mutau.matter.nucleus import Nucleus
from mutau.models import VECTOR, Model
from mutau.reactions.bremsstrahlung import Bremsstrahlung
from mutau.reactions.electron_brems_table import BremsTheory
from mutau.signal.electron_emission import annihilation_emission, brems_theory, motion
from mutau.signal.electron_radiation import lowest_energy, radiated_inside
from mutau.signal.electron_tracks import tracks
from mutau.signal.electron_window import EnergyWindow

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: Accuracy of a correction that is in the signal, over the correction.
CORRECTED: Final = 0.1
#: Fraction of annihilation below which its own corrections are left out.
_SEEN: Final = 1e-3


@lru_cache(maxsize=2048)
def _radiating(
    nucleus: Nucleus, kind: str, coulomb: bool, point: tuple[float, float, float]
) -> float:
    """Cross section, pb, of the dominant element; point : energy, mass, lowest fraction x."""
    energy, mass, x_low = point
    reaction = Bremsstrahlung("electron", kind)
    return float(reaction.totals(energy, mass, nucleus, x_min=x_low, coulomb=coulomb).sigma_pb)


def brems_errors(experiment: Experiment, model: Model, w: EnergyWindow) -> dict[str, float]:
    """Relative changes of bremsstrahlung in the window at the beam energy by what is not in it.

    "Coulomb correction": with it, a tenth of it where it is in; known for vectors only.
    "form factor": protons one by one and the nucleus as a whole, or only that, whichever the file
    does not have.
    """
    theory, kind = brems_theory(experiment), model.mediator
    main = tracks(experiment, w.low).material.dominant_element
    point = w.energy, model.mass, w.low / w.energy
    kinds = ("elastic", "elastic+inelastic")
    nuclei = [Nucleus.of(main, name) for name in kinds]
    plain, protons = (_radiating(nucleus, kind, False, point) for nucleus in nuclei)
    inelastic = protons / plain - 1.0
    if theory.form_factor == kinds[1]:
        inelastic = plain / protons - 1.0
    found = {"form factor": inelastic}
    if kind in VECTOR:
        coulomb = _radiating(nuclei[0], kind, True, point) / plain - 1.0
        found["Coulomb correction"] = CORRECTED * coulomb if theory.coulomb else coulomb
    return found


def annihilation_with_radiation(experiment: Experiment, model: Model, w: EnergyWindow) -> Array:
    """(R, G) annihilations in the window per beam particle where the pair radiates before.

    Raises as `electron_radiation.radiated_inside`.
    """
    low = lowest_energy(model.mass, w)
    way = tracks(experiment, low)
    emission = annihilation_emission(
        way, model, low, electrons=motion(experiment), spread=experiment.beam.energy_spread
    )
    return radiated_inside(emission, way, w, model.mass)


def annihilation_errors(
    experiment: Experiment, model: Model, w: EnergyWindow, inside: Array
) -> dict[str, float]:
    """Relative change of annihilation by radiation of the pair; a tenth of it where it is in.

    inside : (R,) annihilations in the window of each period at the nominal threshold, as the file
    has them.
    """
    seen = w.particles * w.efficiency
    nominal = w.at_nominal()
    if experiment.theory is not None and experiment.theory.radiation:
        way = tracks(experiment, w.low)
        plain = annihilation_emission(
            way, model, w.low, electrons=motion(experiment), spread=experiment.beam.energy_spread
        )
        without = nominal.passes(plain.energy, nominal.thresholds) @ plain.number
        change = CORRECTED * (float(seen @ inside) / float(seen @ without) - 1.0)
        return {"radiation before annihilation": change}
    try:
        found = annihilation_with_radiation(experiment, model, nominal)[:, 0]
    except NotApplicable:
        return {}
    change = float(seen @ found) / float(seen @ inside) - 1.0
    return {"radiation before annihilation": change}


def model_errors(
    experiment: Experiment, model: Model, w: EnergyWindow, fraction: float, inside: Array
) -> dict[str, float]:
    """Relative changes of the whole signal by each choice of theory alone.

    fraction : of annihilation. inside : as in `annihilation_errors`.
    """
    found = {}
    if fraction < 1.0 - _SEEN and brems_theory(experiment).method == BremsTheory().method:
        for name, change in brems_errors(experiment, model, w).items():
            found[name] = (1.0 - fraction) * change
    if fraction > _SEEN:
        for name, change in annihilation_errors(experiment, model, w, inside).items():
            found[name] = fraction * change
    return found
