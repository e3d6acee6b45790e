"""Backgrounds of mu e -> mu e Z' under the cuts of an experiment file.

Each source is a weighted sample of events as they are measured, to which the file's own cuts are
applied, whatever they are: so the same samples serve the table of backgrounds, the scan of the
photon veto, the optimiser and the mass spectrum. The neutrino pairs are a cross section.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background import muone
from mutau.background.estimate import Estimate, background_source
from mutau.background.muone_pairs import PairRegion, pair_sample
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.reactions.muon_electron import ELASTIC, GAMMA, NUNU, Cuts, Reaction, total_cross_section
from mutau.selection.cutflow import passes, passing
from mutau.selection.requirements import cuts_on, cuts_without
from mutau.selection.variables import Sample
from mutau.signal.exposure import luminosity_on_electrons, particles_on_target
from mutau.signal.muon_electron import (
    as_sample,
    check_measurable,
    loosened,
    measured_events,
    perfect_response,
    reaction,
    response,
    stations,
    true_cuts,
)

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

RADIATIVE, KINKED, LEAKED, NEUTRINOS, PAIRS = (
    "radiative events", "double scattering", "elastic leakage", "neutrino pairs",
    "electron pairs on nuclei",
)  # fmt: skip
DEFAULT_EVENTS: Final = 200_000
#: Events drawn at a time, and how many more of double scattering, whose weights differ most.
BATCH: Final = 250_000
KINKS: Final = 8
#: Fewest pairs of a sample, all of one weight: a hole in it is not to be taken for a good region.
LEAST_PAIRS: Final = 100_000
#: Resolutions of a fifth of the events are drawn this much wider, to meet their tails.
STRETCH: Final = 3.0
#: Relative errors of what was assumed. Kinks: the part with a broken nucleus (15 % at 100 MeV) may
#: be blocked or seen. Radiative: virtual corrections. Neutrinos: sin^2(theta_W) and alpha at low
#: momentum transfer. None for leakage through Gaussian resolutions: what tails beside them would
#: add is no fraction of it, see `leak_needs`. Pairs: half the range of `PAIR_RANGE`.
MODEL_ERROR: Final = MappingProxyType({RADIATIVE: 0.1, KINKED: 0.15, NEUTRINOS: 0.1, PAIRS: 0.5})
#: The lowest energy of a track is known within this factor each way.
PAIR_RANGE: Final = 2.0
_PLAIN: Final = frozenset({"theta_mu", "electron_energy", "photon_energy"})
_KEYS: Final = MappingProxyType({RADIATIVE: 201, KINKED: 202, LEAKED: 203, PAIRS: 204})


@dataclass(frozen=True, slots=True)
class Component:
    """A weighted sample of one source, or of the signal, as it is measured.

    name : of the source. sample : columns and weights; these add up to the expected events of the
    exposure. missed : (N,) share of the weight that remains where the photon veto applies: the
    photon inefficiency of the file, or 1 for events without a photon.
    model_error : relative error of what was assumed.
    """

    name: str
    sample: Sample
    missed: Array
    model_error: float = 0.0

    def kept(self, cuts: Sequence[Cut]) -> Array:
        """(N,) weights behind the cuts, 0 where one fails; photon cuts act by `missed`."""
        weight = self.sample.weights.copy()
        for cut in cuts_on(cuts, "photon_energy"):
            weight = np.where(passes(cut, self.sample), weight, weight * self.missed)
        inside = passing(cuts_without(cuts, "photon_energy"), self.sample)
        return np.where(inside, weight, 0.0)

    def events(self, cuts: Sequence[Cut]) -> muone.EventNumber:
        """Expected number behind the cuts, and its Monte Carlo error."""
        weight = self.kept(cuts)
        return muone.EventNumber.of(weight[weight > 0.0])


def region(experiment: Experiment) -> Cuts:
    """True quantities within which events can pass the cuts of the file."""
    return loosened(true_cuts(experiment.cuts, known_only=True), response(experiment))


def inefficiency(experiment: Experiment) -> float:
    """Share of photons that the calorimeter misses, as the file states it."""
    modules = [item for item in experiment.detector.calorimeter if item.kind == "ecal"]
    return modules[0].photon_inefficiency if modules else 0.0


def signal_component(
    experiment: Experiment, mass: float, wide: Cuts, n: int, seed: int, *key: int
) -> Component:
    """Signal of coupling 1 within `wide`; no photon is in it. key : of the random stream."""
    rng = stream(seed, *key, round(1e9 * mass))
    _, measured = measured_events(experiment, reaction(experiment, mass), wide, n, rng)
    sample = as_sample(experiment, measured)
    sample = replace(sample, weights=sample.weights * luminosity_on_electrons(experiment))
    return Component("signal", sample, np.ones(n))


def radiative_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, truth: bool = False
) -> Component:
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
    return Component(
        RADIATIVE, sample, np.full(n, inefficiency(experiment)), MODEL_ERROR[RADIATIVE]
    )


def elastic_component(
    experiment: Experiment,
    name: str,
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
        parts.append(trimmed(as_sample(experiment, measured), keep))
    sample = Sample(
        experiment.beam.energy,
        np.concatenate([part.weights for part in parts]),
        {
            column: np.concatenate([part.columns[column] for part in parts])
            for column in parts[0].columns
        },
    )
    return Component(name, sample, np.ones(len(sample.weights)), MODEL_ERROR.get(name, 0.0))


def pair_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, lost: float | None = None
) -> Component:
    """mu N -> mu N e+ e- with one electron below the lowest energy of a track, within `wide`.

    lost : that energy, GeV; None for the file's `detector.resolution.lowest_track`. Raises
    NotApplicable if the file does not state it.
    """
    resolution = experiment.detector.resolution
    if lost is None:
        lost = resolution.lowest_track if resolution else 0.0
    if lost <= 0.0:
        raise NotApplicable(
            "the file does not say below which energy an electron leaves no track "
            "(detector/resolution/lowest_track)"
        )
    elements = material(experiment.target.material).atoms_per_cm3
    electrons = sum(element.z * number for element, number in elements)
    luminosity = luminosity_on_electrons(experiment)
    top = min(wide.electron_energy_max, 0.9 * experiment.beam.energy)
    found, _ = pair_sample(
        PairRegion(
            experiment.beam.energy, int(experiment.beam.charge), wide.theta_mu_min,
            (max(wide.electron_energy_min, lost), top), lost,
        ),
        response(experiment),
        {Nucleus.of(e): luminosity * number / electrons for e, number in elements},
        stations(experiment), stream(seed, *key, _KEYS[PAIRS]), n=n, stretch=STRETCH,
    )  # fmt: skip
    sample = as_sample(experiment, found)
    return Component(PAIRS, sample, np.ones(len(sample.weights)), MODEL_ERROR[PAIRS])


def trimmed(sample: Sample, keep: Sequence[Cut]) -> Sample:
    """The events of a sample that pass all cuts."""
    mask = np.ones(len(sample.weights), bool)
    for cut in keep:
        mask &= passes(cut, sample)
    columns = {name: column[mask] for name, column in sample.columns.items()}
    return replace(sample, weights=sample.weights[mask], columns=columns)


def background_components(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = ()
) -> tuple[Component, ...]:
    """Samples of all sources but the neutrino pairs: n events of each, `KINKS` n of the kinks.

    key : of the random streams. keep : events that fail one of these cuts are thrown away. No pairs
    where the file does not say what a track needs (`pair_component`).
    """
    emitted = radiative_component(experiment, wide, n, seed, *key)
    sample = trimmed(emitted.sample, keep)
    missed = np.full(len(sample.weights), inefficiency(experiment))
    pairs: tuple[Component, ...] = ()
    with suppress(NotApplicable):
        made = pair_component(experiment, wide, max(n, LEAST_PAIRS), seed, *key)
        kept = trimmed(made.sample, keep)
        pairs = (replace(made, sample=kept, missed=np.ones(len(kept.weights))),)
    return (
        *pairs,
        replace(emitted, sample=sample, missed=missed),
        elastic_component(experiment, KINKED, wide, KINKS * n, seed, *key, keep=keep),
        elastic_component(experiment, LEAKED, wide, n, seed, *key, keep=keep),
    )


def _per_particle(experiment: Experiment, name: str, found: muone.EventNumber, method: str,
                  assumption: str, paper_id: str, **parts: float) -> Estimate:  # fmt: skip
    particles = particles_on_target(experiment)
    value = found.events / particles
    return Estimate(
        name, value, found.error / particles, MODEL_ERROR.get(name, 0.0) * value, method,
        assumption, paper_id, parts,
    )  # fmt: skip


def _size(effort: float) -> int:
    return max(int(DEFAULT_EVENTS * effort), 1000)


def radiative(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e gamma that pass the cuts, the veto as good as the file says."""
    check_measurable(experiment)
    component = radiative_component(experiment, region(experiment), _size(effort), seed)
    return _per_particle(
        experiment, RADIATIVE, component.events(experiment.cuts),
        "exact tree level, both legs; weighted Monte Carlo through the detector",
        f"the veto misses a fraction {inefficiency(experiment):g} of the photons told apart, "
        "wherever they hit",
        "me.radiative",
    )  # fmt: skip


def double_scattering(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e whose muon scatters a second time, hard, in the same station."""
    check_measurable(experiment)
    component = elastic_component(experiment, KINKED, region(experiment), _size(effort), seed)
    return _per_particle(
        experiment, KINKED, component.events(experiment.cuts),
        "weighted Monte Carlo, forced hard collision with a nucleus",
        "the struck station is one block: a kink inside it has no track of its own",
        "me.multiple",
    )  # fmt: skip


def elastic_leakage(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e that pass the cuts through resolutions alone.

    By an exact integral where all cuts are on theta_mu, E_e and photons. With other cuts by
    weighted Monte Carlo; if that finds nothing, the integral of those three stands as the error.
    Tails of the calorimeter beside its Gaussian are not in it; `parts` say how many events the
    electron's energy alone keeps out, and the share of them that makes one event.
    """
    check_measurable(experiment)
    bound, beyond = elastic_numbers(experiment)
    if not cuts_without(experiment.cuts, *_PLAIN):
        found = bound
    else:
        component = elastic_component(experiment, LEAKED, region(experiment), _size(effort), seed)
        found = component.events(experiment.cuts)
        if found.events == 0.0:
            found = muone.EventNumber(0.0, bound.events)
    share = 1.0 / beyond.events if beyond.events > 0.0 else math.inf
    return _per_particle(
        experiment, LEAKED, found,
        "integral over Gaussian resolutions, or weighted Monte Carlo with resolutions drawn wider",
        f"resolutions are Gaussian: the electron's energy alone keeps out {beyond.events:.2g} "
        f"events, so one in {1.0 / share:.2g} measured far too low is one event more",
        "me.elastic",
        **{
            "kept out by the electron's energy alone": beyond.events
            / particles_on_target(experiment),
            "share measured far too low that makes one event": min(share, 1.0),
        },
    )  # fmt: skip


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
    return _per_particle(
        experiment, NEUTRINOS, found,
        "exact 2 -> 4 phase space, Fermi vertices on both lines",
        "true quantities; other cuts than on theta_mu, E_e and theta_e are left out",
        "me.nunu",
    )  # fmt: skip


def electron_pairs(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu N -> mu N e+ e- that pass the cuts, one electron of the pair lost.

    The model error is half the range between half and twice the lowest energy of a track.
    """
    check_measurable(experiment)
    n, wide = _size(0.2 * effort), region(experiment)
    found = pair_component(experiment, wide, n, seed).events(experiment.cuts)
    resolution = experiment.detector.resolution
    lowest = resolution.lowest_track if resolution else 0.0
    ends = [
        pair_component(experiment, wide, n // 2, seed, lost=lowest * factor).events(experiment.cuts)
        for factor in (1.0 / PAIR_RANGE, PAIR_RANGE)
    ]
    particles = particles_on_target(experiment)
    return Estimate(
        PAIRS, found.events / particles, found.error / particles,
        0.5 * abs(ends[1].events - ends[0].events) / particles,
        "exact tree level, 2 -> 4, through the detector; the muon deflected in the same "
        "interaction, or by a forced hard collision in the same station",
        f"an electron below {lowest:g} GeV leaves no track, any above it a track that is rejected; "
        "Coulomb corrections, excited nuclei and atomic electrons left out",
        parts={
            f"track from {lowest / PAIR_RANGE:g} GeV": ends[0].events / particles,
            f"track from {lowest * PAIR_RANGE:g} GeV": ends[1].events / particles,
        },
    )  # fmt: skip


for _name, _compute in (
    (PAIRS, electron_pairs),
    (KINKED, double_scattering),
    (RADIATIVE, radiative),
    (LEAKED, elastic_leakage),
    (NEUTRINOS, neutrino_pairs),
):
    background_source(_name, "muon-electron-zprime")(_compute)
