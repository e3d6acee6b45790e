"""Events of MESMER as a background of mu e -> mu e Z': one more weighted sample, as it is measured.

Elastic events with photons at NLO or beyond, pairs, pions: what the generator made, through the
detector and the cuts of a file. It stands beside the sources of this package, which it overlaps
with, and is in no sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.background.muone_components import (
    Component,
    as_component,
    of_calorimeter,
    placed,
    tracks_of,
    trimmed_component,
)
from mutau.background.muone_crystals import missed_photons
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.io.mesmer import MesmerSample, read_mesmer
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muone_response import check_measurable, response

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

EVENT_FILE: Final = "events of the file"
_KEY: Final = 218
#: Share of the weight that negative weights may have; they are left out, the rest scaled.
MOST_NEGATIVE: Final = 0.05
#: Relative difference of beam energies that is taken for the same.
_SAME_ENERGY: Final = 1e-3


def event_component(
    experiment: Experiment, sample: MesmerSample, seed: int, *, keep: Sequence[Cut] = ()
) -> Component:
    """The events with one electron's track beside the muon's, as they are measured.

    An electron or positron above the lowest energy of a track and within its angle makes one;
    photons, and electrons without a track, count where they hit the calorimeter. Momenta are taken
    along the incoming muon of each event. Raises MutauError for another beam energy, or too many
    negative weights.
    """
    check_measurable(experiment)
    beam = experiment.beam.energy
    if abs(sample.energy / beam - 1.0) > _SAME_ENERGY:
        raise MutauError(
            f"the events have muons of {sample.energy:g} GeV, {experiment.name} has {beam:g} GeV",
            place="events", remedy="generate at the beam energy of the file",
        )  # fmt: skip
    weight, negative = _positive(sample.weight)
    n, tracks, rng = len(weight), tracks_of(experiment), stream(seed, _KEY)
    p4 = _along_beam(sample.p4, sample.beam[sample.event])
    muon = np.zeros((n, 4))
    muons = np.abs(sample.pdg) == 13
    muon[sample.event[muons][::-1]] = p4[muons][::-1]  # the first of each event
    theta = np.arctan2(np.hypot(p4[:, 1], p4[:, 2]), p4[:, 3])
    track = (np.abs(sample.pdg) == 11) & (p4[:, 0] > tracks.lowest) & (theta < tracks.widest)
    count = np.bincount(sample.event[track], minlength=n)
    chosen = np.full(n, -1)
    chosen[sample.event[track]] = np.flatnonzero(track)
    good = np.flatnonzero((count == 1) & (np.bincount(sample.event[muons], minlength=n) == 1)
                          & (weight > 0.0))  # fmt: skip
    number = np.full(n, -1)
    number[good] = np.arange(len(good))
    made = placed(
        experiment, muon[good], p4[chosen[good]],
        luminosity_on_electrons(experiment) * weight[good], rng,
    )  # fmt: skip
    others = ~muons & (number[sample.event] >= 0)
    others[chosen[good]] = False
    of, rest = number[sample.event[others]], p4[others]
    hit, merged = of_calorimeter(experiment, made, of, rest, rng)
    electron = made.p4.reshape(-1, 4, 4)[:, 3]
    extra = np.bincount(of[merged], rest[merged, 0], minlength=len(good))
    electron *= (1.0 + extra / electron[:, 0])[:, None]
    seen = hit & ~merged & (rest[:, 0] > response(experiment).threshold)
    apart, missed = np.zeros(len(good)), np.ones(len(good))
    np.maximum.at(apart, of[seen], rest[seen, 0])
    np.multiply.at(missed, of[seen], missed_photons(experiment, rest[seen, 0]).fraction)
    found = as_component(experiment, EVENT_FILE, made, rng, apart=apart, missed=missed,
                         model_error=negative)  # fmt: skip
    return trimmed_component(found, keep)


def _positive(weight: Array) -> tuple[Array, float]:
    """Weights without the negative ones, at the same sum, and the share of these."""
    total = float(weight.sum())
    positive = np.maximum(weight, 0.0)
    negative = float(positive.sum()) / total - 1.0
    if negative > MOST_NEGATIVE:
        raise MutauError(
            f"negative weights are {negative:.2g} of the cross section", place="events",
            allowed=f"up to {MOST_NEGATIVE:g}",
            remedy="generate with a larger soft-photon separator (eps)",
        )  # fmt: skip
    return positive * total / float(positive.sum()), negative


def _along_beam(p4: Array, beam: Array) -> Array:
    """Momenta (P, 4) in a frame whose z axis is that of `beam` (P, 4)."""
    axis = beam[:, 1:] / np.linalg.norm(beam[:, 1:], axis=1)[:, None]
    side = np.stack([axis[:, 2], np.zeros(len(axis)), -axis[:, 0]], axis=1)
    side /= np.linalg.norm(side, axis=1)[:, None]
    up = np.cross(axis, side)
    parts = [np.sum(p4[:, 1:] * direction, axis=1) for direction in (side, up, axis)]
    return np.stack([p4[:, 0], *parts], axis=1)


def event_file_row(experiment: Experiment, path: str | Path, seed: int) -> dict[str, Any]:
    """What `mutau background` prints of a file: events before and behind the cuts, errors."""
    sample = read_mesmer(path)
    component = event_component(experiment, sample, seed)
    found = component.events(experiment.cuts)
    open_ = replace(component, missed=np.ones(len(component.missed)))
    relative = sample.sigma_err_pb / sample.sigma_pb
    return {
        "file": str(path),
        "sigma_pb": sample.sigma_pb,
        "sigma_err_pb": sample.sigma_err_pb,
        "events_read": len(sample.weight),
        "with_one_electron_track": float(component.sample.weights.sum()),
        "events": found.events,
        "events_err": math.hypot(found.error, relative * found.events),
        "photons_not_looked_at": open_.events(experiment.cuts).events,
        "negative_weights": component.model_error,
    }
