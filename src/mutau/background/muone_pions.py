"""mu e -> mu e pi0 with both photons of the pion unseen.

Under the paper's cuts muon and electron leave at least 13 GeV to the pion, so that at least one of
its photons has 6.5 GeV: only a veto that misses photons lets it through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background.estimate import Estimate, background_source
from mutau.background.muone_components import (
    Component,
    EstimateTexts,
    Sampled,
    as_component,
    of_calorimeter,
    per_particle,
    placed,
    region,
    size,
    trimmed_component,
)
from mutau.background.muone_crystals import missed_photons
from mutau.core.fourvectors import two_massless
from mutau.core.random import stream
from mutau.reactions.muon_electron import Cuts
from mutau.reactions.muon_electron_pion import draw_pions
from mutau.selection.requirements import cuts_without
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muone_response import check_measurable, response

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

PIONS: Final = "pions on electrons"
_KEY: Final = 216


def pions_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = ()
) -> Component:
    """mu e -> mu e pi0 within `wide`; each photon that hits the calorimeter above the threshold is
    missed with the file's inefficiency, independently. Photons near the electron join it."""
    rng = stream(seed, *key, _KEY)
    energies = wide.electron_energy_min, min(wide.electron_energy_max, experiment.beam.energy)
    found = draw_pions(experiment.beam.energy, energies, n, rng)
    luminosity = luminosity_on_electrons(experiment)
    events = placed(experiment, found.muon, found.electron, luminosity * found.weight, rng)
    photons = np.concatenate(two_massless(found.pion, rng))
    of = np.tile(np.arange(n), 2)
    hit, merged = of_calorimeter(experiment, events, of, photons, rng)
    electron = events.p4.reshape(-1, 4, 4)[:, 3]
    extra = np.bincount(of[merged], photons[merged, 0], minlength=n)
    electron *= (1.0 + extra / electron[:, 0])[:, None]
    seen = hit & ~merged & (photons[:, 0] > response(experiment).threshold)
    apart = np.zeros(n)
    np.maximum.at(apart, of[seen], photons[seen, 0])
    missed = np.ones(n)
    np.multiply.at(missed, of[seen], missed_photons(experiment, photons[seen, 0]).fraction)
    component = as_component(
        experiment, PIONS, events, rng, apart=apart, missed=missed, model_error=0.1
    )
    return trimmed_component(component, keep)


def pions(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e pi0 that pass the cuts."""
    check_measurable(experiment)
    component = pions_component(experiment, region(experiment), size(effort), seed)
    found = component.events(experiment.cuts)
    open_ = component.sample.weights * (
        component.kept(cuts_without(experiment.cuts, "photon_energy")) > 0.0
    )
    return per_particle(
        experiment, PIONS, found,
        EstimateTexts(
            "exact tree level with the anomaly's amplitude, through the detector",
            "each photon is missed with the veto's inefficiency; none converts in the station; "
            "pions on nuclei are in the inelastic scattering",
        ),
        0.1 * found.events,
        **{"photons not looked at": float(open_.sum())},
    )  # fmt: skip


SAMPLED_PIONS: Final = Sampled(pions_component)
background_source(PIONS, "muon-electron-zprime")(pions)
