"""Backgrounds of mu e -> mu e Z' under the cuts of an experiment file.

Each source is a weighted sample of events as they are measured, to which the file's own cuts are
applied, whatever they are: so the same samples serve the table of backgrounds, the scan of the
photon veto, the optimiser and the mass spectrum. The neutrino pairs are a cross section.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background import muone
from mutau.background.estimate import Estimate, background_source
from mutau.background.muone_components import (
    STRETCH,
    Component,
    EstimateTexts,
    Sampled,
    joined,
    per_particle,
    region,
    size,
    trimmed_component,
    unseen_radiation,
)
from mutau.background.muone_crystals import missed_photons
from mutau.core.random import stream
from mutau.reactions.muon_electron import ELASTIC, GAMMA, NUNU, Cuts, Reaction, total_cross_section
from mutau.selection.requirements import cuts_without
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muon_electron import measured_events, reaction, true_cuts
from mutau.signal.muone_response import as_sample, check_measurable, perfect_response, response

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

RADIATIVE, KINKED, LEAKED, NEUTRINOS = (
    "radiative events", "double scattering", "elastic leakage", "neutrino pairs",
)  # fmt: skip
#: Events drawn at a time, and how many more of double scattering, whose weights differ most.
BATCH: Final = 250_000
KINKS: Final = 8
#: Relative errors of what was assumed. Kinks: the part with a broken nucleus (15 % at 100 MeV) may
#: be blocked or seen. Radiative: virtual corrections. Neutrinos: sin^2(theta_W) and alpha at low
#: momentum transfer. None for leakage through Gaussian resolutions: what tails beside them would
#: add is no fraction of it, see `leak_needs`.
MODEL_ERROR: Final = MappingProxyType({RADIATIVE: 0.1, KINKED: 0.15, NEUTRINOS: 0.1})
_PLAIN: Final = frozenset({"theta_mu", "electron_energy", "photon_energy"})
_KEYS: Final = MappingProxyType({RADIATIVE: 201, KINKED: 202, LEAKED: 203})


def signal_component(
    experiment: Experiment, mass: float, wide: Cuts, n: int, seed: int, *key: int
) -> Component:
    """Signal of coupling 1 within `wide`; no photon is in it. key : of the random stream."""
    rng = stream(seed, *key, round(1e9 * mass))
    _, measured = measured_events(experiment, reaction(experiment, mass), wide, n, rng)
    sample = as_sample(experiment, measured)
    sample = replace(sample, weights=sample.weights * luminosity_on_electrons(experiment))
    return Component("signal", sample, unseen_radiation(experiment, measured))


def radiative_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = (),
    truth: bool = False,
) -> Component:  # fmt: skip
    """mu e -> mu e gamma within `wide`, photons above half the veto's threshold (or 0.1 GeV).

    truth : with a perfect detector and a perfect veto threshold. The muon's hard collisions are
    left to the double scattering, which counts elastic events with and without soft photons.
    """
    measures = perfect_response() if truth else response(experiment)
    process = Reaction(GAMMA, experiment.beam.energy, beam_charge=experiment.beam.charge)
    softest = replace(wide, emitted_energy_min=max(0.5 * measures.threshold, 0.1))
    rng = stream(seed, *key, _KEYS[RADIATIVE])
    stretch = 1.0 if truth else STRETCH
    _, measured = measured_events(
        experiment, process, softest, n, rng, measures=measures, stretch=stretch, muon_tails=False
    )
    sample = as_sample(experiment, measured)
    sample = replace(sample, weights=sample.weights * luminosity_on_electrons(experiment))
    missed = missed_photons(experiment, measured.photon_energy)
    error = math.hypot(MODEL_ERROR[RADIATIVE], missed.relative_err)
    component = Component(RADIATIVE, sample, missed.fraction, error)
    return trimmed_component(component, keep)


def elastic_component(
    name: str,
    experiment: Experiment,
    wide: Cuts,
    n: int,
    seed: int,
    *key: int,
    keep: Sequence[Cut] = (),
) -> Component:
    """Elastic events with a hard second scattering (name KINKED), or through resolutions alone.

    keep : events that fail one of these cuts are thrown away at once, in batches.
    """
    rng = stream(seed, *key, _KEYS[name])
    batches = max(round(n / BATCH), 1)
    parts = []
    for _ in range(batches):
        measured = muone.elastic_sample(
            Reaction(ELASTIC, experiment.beam.energy, beam_charge=experiment.beam.charge),
            response(experiment),
            (wide.electron_energy_min, min(2.0 * wide.electron_energy_max, experiment.beam.energy)),
            luminosity_on_electrons(experiment) / batches,
            rng,
            n=n // batches,
            kinked=name == KINKED,
            stretch=STRETCH,
        )
        stays = unseen_radiation(experiment, measured)
        part = Component(name, as_sample(experiment, measured), stays, MODEL_ERROR.get(name, 0.0))
        parts.append(trimmed_component(part, keep))
    return joined(parts, 1.0)


def _estimate(experiment: Experiment, name: str, found: muone.EventNumber, texts: EstimateTexts,
              **parts: float) -> Estimate:  # fmt: skip
    """An estimate with the relative model error of its name."""
    error = MODEL_ERROR.get(name, 0.0) * found.events
    return per_particle(experiment, name, found, texts, error, **parts)


def radiative(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e gamma that pass the cuts, the veto as good as the file or its crystals say."""
    check_measurable(experiment)
    component = radiative_component(experiment, region(experiment), size(effort), seed)
    found = component.events(experiment.cuts)
    unseen = Component(RADIATIVE, component.sample, np.ones(len(component.missed)))
    return per_particle(
        experiment, RADIATIVE, found,
        EstimateTexts(
            "exact tree level, both legs; weighted Monte Carlo through the detector",
            "photons told apart are missed as the file states it, or as the crystals' response to "
            "photons that make hadrons gives it, wherever they hit: no cracks and dead cells",
            "me.radiative",
        ),
        component.model_error * found.events,
        **{"photons not looked at": unseen.events(experiment.cuts).events},
    )  # fmt: skip


def double_scattering(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e whose muon scatters a second time, hard, in the same station."""
    check_measurable(experiment)
    component = elastic_component(KINKED, experiment, region(experiment), size(effort), seed)
    return _estimate(
        experiment, KINKED, component.events(experiment.cuts),
        EstimateTexts("weighted Monte Carlo, forced hard collision with a nucleus",
              "the struck station is one block: a kink inside it has no track of its own",
              "me.multiple"),
    )  # fmt: skip


def elastic_leakage(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e that pass the cuts through resolutions alone.

    By an exact integral where all cuts are on theta_mu, E_e and photons. With other cuts by
    weighted Monte Carlo; if that finds nothing, the integral of those three stands as the error.
    Tails of the calorimeter beside its Gaussian are another source; `parts` say how many events the
    electron's energy alone keeps out, and the fraction of them that makes one event.
    """
    check_measurable(experiment)
    bound, beyond = elastic_numbers(experiment)
    if not cuts_without(experiment.cuts, *_PLAIN):
        found = bound
    else:
        component = elastic_component(LEAKED, experiment, region(experiment), size(effort), seed)
        found = component.events(experiment.cuts)
        if found.events == 0.0:
            found = muone.EventNumber(0.0, bound.events)
    share = 1.0 / beyond.events if beyond.events > 0.0 else math.inf
    estimate = _estimate(
        experiment, LEAKED, found,
        EstimateTexts(
            "integral over Gaussian resolutions, or weighted Monte Carlo with resolutions drawn "
            "wider",
            f"resolutions are Gaussian: the electron's energy alone keeps out {beyond.events:.2g} "
            f"events, so one in {1.0 / share:.2g} measured far too low is one event more",
            "me.elastic",
        ),
        **{"kept out by the electron's energy alone": beyond.events},
    )  # fmt: skip
    one = {"share measured far too low that makes one event": min(share, 1.0)}
    return replace(estimate, parts={**estimate.parts, **one})


def elastic_numbers(experiment: Experiment) -> tuple[muone.EventNumber, muone.EventNumber]:
    """Elastic events that Gaussian resolutions let in, and those that the cut on the electron's
    energy alone keeps out; cuts on theta_mu and E_e, the others not applied."""
    window = true_cuts(experiment.cuts, known_only=True)
    settings = (
        Reaction(ELASTIC, experiment.beam.energy, beam_charge=experiment.beam.charge),
        response(experiment),
        muone.CutWindow(
            window.theta_mu_min, window.electron_energy_min, window.electron_energy_max
        ),
        luminosity_on_electrons(experiment),
    )
    return muone.elastic_leakage(*settings), muone.elastic_beyond(*settings)


def neutrino_pairs(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e nu nu under the cuts on true quantities that quadrature can make."""
    cuts = true_cuts(experiment.cuts, known_only=True)
    sigma = total_cross_section(
        Reaction(NUNU, experiment.beam.energy, beam_charge=experiment.beam.charge), cuts
    )
    scale = luminosity_on_electrons(experiment)
    found = muone.EventNumber(scale * sigma.sigma_pb, scale * sigma.sigma_err_pb)
    return _estimate(
        experiment, NEUTRINOS, found,
        EstimateTexts("exact 2 -> 4 phase space, Fermi vertices on both lines",
              "true quantities; other cuts than on theta_mu, E_e and theta_e are left out",
              "me.nunu"),
    )  # fmt: skip


SAMPLED_ELASTIC: Final = {
    RADIATIVE: Sampled(radiative_component),
    KINKED: Sampled(partial(elastic_component, KINKED), times=KINKS),
    LEAKED: Sampled(partial(elastic_component, LEAKED)),
}
for _name, _compute in (
    (KINKED, double_scattering),
    (RADIATIVE, radiative),
    (LEAKED, elastic_leakage),
    (NEUTRINOS, neutrino_pairs),
):
    background_source(_name, "muon-electron-zprime")(_compute)
