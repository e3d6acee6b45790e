"""Second beam muons and decays: pile-up within the gate, muons that decay in the struck station.

pile-up : an elastic event whose electron is in the window, and the track of another muon of the
    gate, deflected by a nucleus of the same station at the same place, taken for its muon.
decays : an elastic event whose muon decays in the rest of the station; the electron of the decay
    is taken for the muon, if the calorimeter does not see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

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
    tracks_of,
    trimmed_component,
    unseen_radiation,
)
from mutau.core.constants import M_MU, TAU_MU
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.core.units import C_CM_S
from mutau.detector.muone import Reconstructed
from mutau.detector.muone_station import place_errors
from mutau.reactions.muon_electron import ELASTIC, Cuts, Reaction
from mutau.selection.requirements import cuts_without
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muone_response import as_sample, check_measurable, response

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

PILE_UP, DECAYS = "pile-up", "decays of beam muons"
#: The gate, and the distance at which two vertices are one, are known within this factor.
_RANGE: Final = 2.0
_PILE_UP_KEY, _DECAY_KEY = 214, 215
#: Lifetime of the muon times c, cm.
MUON_LENGTH: Final = TAU_MU * C_CM_S


def _elastic(experiment: Experiment, wide: Cuts, n: int, rng: Any) -> Reconstructed:
    """Elastic events with the electron in the window, the muon where it goes."""
    beam = experiment.beam
    return muone.elastic_sample(
        Reaction(ELASTIC, beam.energy, beam_charge=beam.charge), response(experiment),
        (wide.electron_energy_min, min(wide.electron_energy_max, beam.energy)),
        luminosity_on_electrons(experiment), rng, n=n, kinked=False, stretch=STRETCH,
    )  # fmt: skip


def overlap(experiment: Experiment) -> float:
    """Mean number of further beam muons in the gate within the distance that makes one vertex.

    rate times gate times 1 - exp(-d^2/(4 s^2)) of a beam of rms s in each projection. Raises
    NotApplicable where the file states no rate (beam/per_spill and spill), no gate or no distance.
    """
    beam, resolution = experiment.beam, experiment.detector.resolution
    gate = resolution.gate if resolution else 0.0
    vertex = resolution.vertex if resolution else 0.0
    if beam.per_spill is None or beam.spill is None or not gate or not vertex:
        raise NotApplicable(
            "the file does not state the rate of the beam (beam/per_spill, beam/spill), the gate "
            "and the distance of vertices (detector/resolution/gate, vertex)"
        )
    spot2 = beam.spot_x * beam.spot_y
    near = 1.0 if spot2 <= 0.0 else -math.expm1(-(vertex**2) / (4.0 * spot2))
    return beam.per_spill / beam.spill * gate * near


def pile_up_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = ()
) -> Component:
    """An electron of one muon beside the deflected track of another, from one vertex.

    The tracks of both muons of the gate that nothing is made of are not held against the event: an
    upper bound in this. Raises NotApplicable as `overlap`.
    Check: proportional to rate and gate, to the square of the station's thickness.
    """
    rng, beam = stream(seed, *key, _PILE_UP_KEY), experiment.beam.energy
    number, measures = overlap(experiment), response(experiment)
    measured = _elastic(experiment, wide, n, rng)
    stays = unseen_radiation(experiment, measured)
    assert measures.target is not None  # of `response`
    kick, chance = muone.hard_kicks(measures.target, measures.thickness, n, rng)
    phi = rng.uniform(0.0, 2.0 * math.pi, n)
    theta = kick / beam
    muon = np.stack(
        [np.full(n, beam), beam * theta * np.cos(phi), beam * theta * np.sin(phi),
         beam * np.sqrt(np.maximum(1.0 - theta**2, 0.0))], axis=1,
    )  # fmt: skip
    if measured.kink is not None and measures.downstream is not None:
        station = measures.downstream.station
        own = 2.0 * float(np.max(place_errors(station, np.ones(1))[:2])) ** 2
        assert experiment.detector.resolution is not None
        apart2 = experiment.detector.resolution.vertex**2 * rng.random(n)  # even over the disc
        measured = replace(measured, kink=measured.kink + apart2 / own)
    measured = replace(measured, p_muon=muon, weight=measured.weight * chance * number)
    sample = as_sample(experiment, measured)
    return trimmed_component(Component(PILE_UP, sample, stays, 2.0), keep)


def michel(n: int, rng: np.random.Generator) -> Array:
    """(n,) electron energy over its largest, of unpolarised muons at rest: 2 x^2 (3 - 2 x).

    Check: mean 7/10.
    """
    x = rng.random(n)
    todo = np.arange(n)
    while len(todo):
        x[todo] = rng.random(len(todo))
        accept = rng.random(len(todo)) < x[todo] ** 2 * (3.0 - 2.0 * x[todo])
        todo = todo[~accept]
    return x


def decays_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = ()
) -> Component:
    """Elastic events whose muon decays in the rest of the station.

    What the calorimeter sees of the decay's electron counts as energy beside the elastic one's.
    Raises NotApplicable as `tracks_of`. Check: proportional to the square of the thickness.
    """
    rng, beam = stream(seed, *key, _DECAY_KEY), experiment.beam.energy
    tracks, measures = tracks_of(experiment), response(experiment)
    measured = _elastic(experiment, wide, n, rng)
    left = np.maximum(beam - measured.electron_energy, M_MU)
    chance = 0.5 * measures.thickness * M_MU / (left * MUON_LENGTH)
    rest = 0.5 * M_MU * michel(n, rng)
    cosine, phi = rng.uniform(-1.0, 1.0, n), rng.uniform(0.0, 2.0 * math.pi, n)
    gamma = left / M_MU
    energy = gamma * rest * (1.0 + np.sqrt(1.0 - 1.0 / gamma**2) * cosine)
    side = rest * np.sqrt(1.0 - cosine**2)
    turn = np.arctan2(side, gamma * rest * (np.sqrt(1.0 - 1.0 / gamma**2) + cosine))
    slope = measured.p_muon[:, 1:3] / measured.p_muon[:, :1]
    slope = slope + np.tan(np.minimum(turn, 1.5))[:, None] * np.stack([np.cos(phi), np.sin(phi)], 1)
    direction = np.column_stack([slope, np.ones(n)])
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    muon = np.column_stack([energy, energy[:, None] * direction])
    theta = np.hypot(*slope.T)
    makes_track = (energy > tracks.lowest) & (theta < tracks.widest) & (turn < 1.0)
    distance = measures.ecal_z - experiment.target.z - experiment.target.pitch * rng.integers(
        0, experiment.target.stations, n
    )  # fmt: skip
    half = 0.5 * min(measures.ecal_width, measures.ecal_height)
    hit = theta * distance < half
    filtered = measures.muon_filter is not None  # an electron does not pass an absorber
    sample = as_sample(experiment, replace(
        measured, p_muon=muon,
        photon_energy=np.maximum(measured.photon_energy, np.where(hit, energy, 0.0)),
        weight=np.where(makes_track, measured.weight * chance, 0.0),
    ))  # fmt: skip
    missed = np.where(hit | filtered, 0.0, unseen_radiation(experiment, measured))
    return trimmed_component(Component(DECAYS, sample, missed, 0.5), keep)


def pile_up(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Two beam muons in one gate: electron of one, deflection of the other.

    The model error is half the range between half and twice the distance of vertices, squared.
    """
    check_measurable(experiment)
    component = pile_up_component(experiment, region(experiment), size(effort), seed)
    found = component.events(experiment.cuts)
    return per_particle(
        experiment, PILE_UP, found,
        EstimateTexts(
            "weighted Monte Carlo: elastic events beside a forced hard collision of another muon",
            "the rate is even over the spill; the other tracks of both muons are not held against "
            "the event; the gate and the distance at which two vertices are one are assumptions of "
            "the file",
        ),
        0.5 * (_RANGE**2 - 1.0 / _RANGE**2) * found.events,
        **{"electrons of one muon beside the deflection of another, any place":
           found.events * _all_places(experiment)},
    )  # fmt: skip


def _all_places(experiment: Experiment) -> float:
    """The same without the demand of one vertex, over what is demanded."""
    assert experiment.detector.resolution is not None
    beam = experiment.beam
    assert beam.per_spill is not None  # of `overlap`
    assert beam.spill is not None
    return beam.per_spill / beam.spill * experiment.detector.resolution.gate / overlap(experiment)


def decays(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Muons of elastic events that decay in the struck station."""
    check_measurable(experiment)
    component = decays_component(experiment, region(experiment), size(effort), seed)
    found = component.events(experiment.cuts)
    unvetoed = component.kept(cuts_without(experiment.cuts, "photon_energy"))
    return per_particle(
        experiment, DECAYS, found,
        EstimateTexts(
            "weighted Monte Carlo: elastic events, decay in the rest of the station (V - A)",
            "an electron of the decay that hits the calorimeter is seen; muons unpolarised; decays "
            "behind the station show a kink between planes",
        ),
        0.5 * found.events,
        **{"the calorimeter not asked": float(unvetoed.sum())},
    )  # fmt: skip


SAMPLED_PILE_UP: Final = Sampled(pile_up_component)
SAMPLED_DECAYS: Final = Sampled(decays_component)
for _name, _compute in ((PILE_UP, pile_up), (DECAYS, decays)):
    background_source(_name, "muon-electron-zprime")(_compute)
