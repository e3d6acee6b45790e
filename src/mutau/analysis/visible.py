"""Visible decays of a boson in an experiment, beside the pairs that QED makes."""

from __future__ import annotations

import math
from typing import Any, Final

from mutau.core.errors import MutauError
from mutau.core.storage import digest
from mutau.core.types import provenance
from mutau.core.units import PB_CM2
from mutau.experiment import Experiment, load_experiment
from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.models import Model
from mutau.signal.exposure import particles_on_target
from mutau.signal.targets import target_length
from mutau.signal.visible import visible_decays

_PAIRS: Final = {"ee": "electron", "mumu": "muon"}
#: Relative half width of the window of pair masses, of a spectrometer of that resolution.
WINDOW: Final = 0.05


def pair_background(
    experiment: Experiment, channel: str, mass: float, window: float = WINDOW, seed: int = 1
) -> tuple[float, float]:
    """Pairs mu N -> mu N l l with a pair mass within `window` of `mass`, in the exposure.

    Returns number and error; at tree level, at the beam's energy. They come from the target alone:
    a vertex behind it has none of them but by its resolution. Of a muon pair "like" and "opposite"
    charges are told apart, and a beam muon may be either of the two like ones.
    """
    from mutau.reactions.lepton_pairs import PairReaction, cross_section

    low, high = mass * (1.0 - window), mass * (1.0 + window)
    scale = particles_on_target(experiment) * target_length(experiment) * PB_CM2
    scale *= experiment.target.stations
    number = square = 0.0
    for element, density in material(experiment.target.material).atoms_per_cm3:
        reaction = PairReaction(
            "muon", _PAIRS[channel], experiment.beam.energy, Nucleus.of(element),
            {"pair_mass": (low, high)},
        )  # fmt: skip
        sigma = cross_section(reaction, error=0.02, seed=seed)
        number += scale * density * sigma.sigma_pb
        square += (scale * density * sigma.sigma_err_pb) ** 2
    return number, math.sqrt(square)


def visible_summary(
    model: Model,
    experiment: Experiment | str,
    *,
    pairs: bool = False,
    n_events: int = 0,
    seed: int = 1,
) -> dict[str, Any]:
    """Where a boson of this model decays visibly, per open channel, with the pair background.

    Returns channel -> made, branching, mean_path_cm, in_target, behind, beyond, seen (None without
    a hadron calorimeter) and their errors. pairs : compute also, for ee and mumu, the QED pairs of
    that mass, which share the prompt vertex and not the displaced one; minutes for electron pairs,
    and their error is then a third. Two photons of a beam muon's
    showers are not computed. Raises MutauError for a process without visible decays.
    """
    item = experiment if isinstance(experiment, Experiment) else load_experiment(experiment)
    rows: dict[str, Any] = {}
    for channel in ("ee", "mumu", "tautau", "gammagamma"):
        if channel not in model.channels or not model.width(channel) > 0.0:
            continue
        found = visible_decays(item, model, channel, n_events=n_events, seed=seed)
        names = ("in_target", "behind", "beyond", "seen")
        row: dict[str, Any] = {
            "made": found.made, "branching": found.branching, "mean_path_cm": found.mean_path,
            "free_path_cm": found.free_path,
        }  # fmt: skip
        for name, error in zip(names, found.errors, strict=True):
            value = getattr(found, name)
            row |= {name: None, f"{name}_err": None} if math.isnan(value) else {
                name: value, f"{name}_err": error,
            }  # fmt: skip
        if pairs and channel in _PAIRS:
            row["pairs"], row["pairs_err"] = pair_background(item, channel, model.mass, seed=seed)
        rows[channel] = row
    if not rows:
        raise MutauError(
            f"{model} has no visible decay that is open", place="model",
            allowed="a boson heavier than two electrons, or that decays into photons",
        )  # fmt: skip
    return {
        "experiment": item.name,
        **model.to_dict(),
        "window": WINDOW,
        "channels": rows,
        **provenance(seed, experiment=item.digest, model=digest(model.to_dict())),
    }
