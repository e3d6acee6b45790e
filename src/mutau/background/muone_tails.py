"""Elastic electrons measured far too low: hadrons of their shower that leave the calorimeter.

The calorimeter's response is Gaussian but for the showers in which a hard photon makes hadrons
(`muone_crystals`): what these do not show is missing from the electron's energy, and elastic events
above the window come into it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background import muone
from mutau.background.estimate import Estimate, background_source
from mutau.background.muone_components import (
    STRETCH,
    Component,
    EstimateTexts,
    Sampled,
    per_particle,
    region,
    size,
    trimmed_component,
    unseen_radiation,
)
from mutau.background.muone_crystals import (
    BRIGHT,
    DARK,
    EVEN,
    STATES_FROM,
    STATES_TO,
    Deposits,
    nuclear_rate,
    seen_energy,
)
from mutau.core.random import stream
from mutau.matter import material
from mutau.matter.materials import Material
from mutau.matter.nuclear_final_states_events import draw
from mutau.reactions.muon_electron import ELASTIC, Cuts, Reaction
from mutau.reactions.muon_electron_kinematics import smallest_electron_energy
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muone_response import as_sample, check_measurable, response
from mutau.transport.em_cascade import track_lengths

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

TAILS: Final = "tails of the calorimeter"
#: Showers are alike: track lengths times energy depend on k/E; they are taken at this energy, GeV.
_SHOWER: Final = 60.0
_KEY: Final = 217


@lru_cache(maxsize=16)
def _photons(item: Material) -> tuple[Array, Array]:
    """u = k/E rising from 0.05 to 1, and photonuclear interactions per du of a shower.

    Photons of the whole cascade; radiators before the crystals only let it start earlier.
    """
    edges = _SHOWER * np.append(np.geomspace(0.05, 0.9, 40), np.linspace(0.91, 0.995, 12))
    tracks = track_lengths("e-", _SHOWER, item, edges)
    middle = 0.5 * (edges[1:] + edges[:-1])
    rate = nuclear_rate(middle, item) * item.radiation_length_cm
    return middle / _SHOWER, tracks.photon * _SHOWER * rate


def tails_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int,
    keep: Sequence[Cut] = (), deposits: Deposits = EVEN,
) -> Component:  # fmt: skip
    """Elastic events above the window whose shower loses energy to hadrons that leave.

    One photon of the shower, of k above 5 GeV, makes hadrons; what they do not show is lost. wide :
    as everywhere; electrons are drawn from its upper end, so that no other source has them.
    """
    rng = stream(seed, *key, _KEY, 2)
    ecal = next(item for item in experiment.detector.calorimeter if item.kind == "ecal")
    item, beam = material(ecal.material), experiment.beam.energy
    least = float(smallest_electron_energy(max(wide.theta_mu_min, 2e-4), beam))
    low = max(wide.electron_energy_min, 0.9 * least)
    measured = muone.elastic_sample(
        Reaction(ELASTIC, beam, beam_charge=experiment.beam.charge), response(experiment),
        (low, beam), luminosity_on_electrons(experiment), rng, n=n, kinked=False, stretch=STRETCH,
    )  # fmt: skip
    seen = measured.p_electron[:, 0]
    fractions, per_u = _photons(item)
    span = math.log(fractions[-1] / fractions[0])
    u = fractions[0] * np.exp(span * rng.random(n))
    chance = np.interp(u, fractions, per_u) * u * span
    k = u * seen
    drawable = (k > STATES_FROM) & (k < STATES_TO)
    states = draw(rng, np.where(drawable, k, STATES_FROM))
    shown = seen_energy(states.pdg, states.p4[:, 0], item, 0.8 * ecal.length, rng, deposits)
    lost = np.maximum(k - np.bincount(states.event, shown, minlength=n), 0.0)
    left = np.where(drawable, np.maximum(seen - lost, 0.0), seen)
    scale = left / np.maximum(seen, 1e-9)
    measured = replace(
        measured,
        p_electron=measured.p_electron * scale[:, None],
        weight=np.where(drawable, measured.weight * chance, 0.0),
    )
    stays = unseen_radiation(experiment, measured)
    component = Component(TAILS, as_sample(experiment, measured), stays, 0.6)
    return trimmed_component(component, keep)


def tails(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Elastic electrons measured far too low, because hadrons of their shower leave the crystals.

    The model error is half the range between crystals that show at most, and at least, half of the
    energy of a hadron that interacts.
    """
    check_measurable(experiment)
    wide, n = region(experiment), size(effort)
    found, *ends = (
        tails_component(experiment, wide, n, seed, deposits=d).events(experiment.cuts)
        for d in (EVEN, DARK, BRIGHT)
    )
    return per_particle(
        experiment, TAILS, found,
        EstimateTexts(
            "elastic events through the shower's photons of the cascade equations, one of which "
            "makes hadrons",
            "a hadron that interacts shows any part of its energy; no cracks, dead cells or noise; "
            "the fraction of elastic electrons that the energy alone keeps out stands in the "
            "elastic leakage",
        ),
        0.5 * abs(ends[0].events - ends[1].events),
        **{"crystals that show little": ends[0].events, "much": ends[1].events},
    )  # fmt: skip


SAMPLED_TAILS: Final = Sampled(tails_component)
background_source(TAILS, "muon-electron-zprime")(tails)
