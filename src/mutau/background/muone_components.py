"""What every background of mu e -> mu e Z' is made of: weighted samples of measured events.

A source draws true momenta of a muon and of what is taken for the electron; here they are placed in
the stations, measured, and made a `Component`, to which the cuts of any file are applied. `SAMPLED`
is the one table of sources that have such a sample: the estimates of `mutau background`, the
optimiser and the mass spectrum all read it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background import muone
from mutau.background.estimate import Estimate
from mutau.background.muone_crystals import missed_photons
from mutau.core.constants import M_E, M_MU
from mutau.core.errors import NotApplicable
from mutau.core.types import Events
from mutau.core.units import PB_CM2
from mutau.detector.muone import PLAIN, Origin, Reconstructed, reconstruct
from mutau.matter import material
from mutau.matter.elements import Element
from mutau.reactions.muon_electron import Cuts
from mutau.reactions.muon_electron_events import place_in_stations
from mutau.selection.cutflow import passes, passing
from mutau.selection.requirements import cuts_on, cuts_without
from mutau.selection.variables import Sample
from mutau.signal.exposure import luminosity_on_electrons, particles_on_target
from mutau.signal.muon_electron import true_cuts
from mutau.signal.muone_response import as_sample, loosened, response, stations

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

DEFAULT_EVENTS: Final = 200_000
#: Resolutions of a fifth of the events are drawn this much wider, to meet their tails.
STRETCH: Final = 3.0


@dataclass(frozen=True, slots=True)
class Component:
    """A weighted sample of one source, or of the signal, as it is measured.

    name : of the source. sample : columns and weights; these add up to the expected events of the
    exposure. missed : (N,) fraction of the weight that remains where the photon veto applies: the
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


def trimmed_component(component: Component, keep: Sequence[Cut]) -> Component:
    """A component without the events of weight 0 and those that fail one of the cuts."""
    mask = passing(keep, component.sample) & (component.sample.weights > 0.0)
    columns = {name: column[mask] for name, column in component.sample.columns.items()}
    sample = replace(component.sample, weights=component.sample.weights[mask], columns=columns)
    return replace(component, sample=sample, missed=component.missed[mask])


def joined(parts: Sequence[Component], scale: float) -> Component:
    """One component of batches of one source, the weights times `scale`."""
    first = parts[0].sample
    columns = {
        name: np.concatenate([part.sample.columns[name] for part in parts])
        for name in first.columns
    }
    weights = scale * np.concatenate([part.sample.weights for part in parts])
    sample = replace(first, weights=weights, columns=columns)
    return replace(parts[0], sample=sample, missed=np.concatenate([p.missed for p in parts]))


@dataclass(frozen=True, slots=True)
class Tracks:
    """What makes a track of its own: energies above `lowest` (GeV) at angles below `widest` (rad).

    `times` : both limits changed by a factor, more tracks for one below 1.
    """

    lowest: float
    widest: float

    def times(self, factor: float) -> Tracks:
        """Tracks from `factor` times the energy, up to 1/factor of the angle."""
        return Tracks(self.lowest * factor, self.widest / factor)


def tracks_of(experiment: Experiment) -> Tracks:
    """What the file says of tracks: `detector/resolution/lowest_track`, and angles that reach the
    next station, half of a sensor (as wide as the target) over the pitch.

    Raises NotApplicable if the file does not state the lowest energy.
    """
    resolution, target = experiment.detector.resolution, experiment.target
    lowest = resolution.lowest_track if resolution else 0.0
    if lowest <= 0.0:
        raise NotApplicable(
            "the file does not say below which energy an electron leaves no track "
            "(detector/resolution/lowest_track)"
        )
    return Tracks(lowest, 0.5 * target.width / target.pitch)


def atoms(experiment: Experiment) -> list[tuple[Element, float]]:
    """Elements of the target with their number of atoms per area of the exposure, 1/pb."""
    elements = material(experiment.target.material).atoms_per_cm3
    electrons = sum(element.z * number for element, number in elements)
    luminosity = luminosity_on_electrons(experiment)
    return [(element, luminosity * number / electrons) for element, number in elements]


def crossings(experiment: Experiment) -> float:
    """Muons times stations of the exposure: atoms per pb over those per cm^2 of one station."""
    medium = material(experiment.target.material)
    thickness = experiment.target.thickness.cm(medium.radiation_length_cm)
    element, number = atoms(experiment)[0]
    return number / (dict(medium.atoms_per_cm3)[element] * thickness * PB_CM2)


def placed(experiment: Experiment, muon: Array, electron: Array, weight: Array,
           rng: np.random.Generator) -> Events:  # fmt: skip
    """Events of these momenta (N, 4) of muon and electron, in the stations."""
    events = as_events(experiment.beam.energy, muon, electron, weight)
    return place_in_stations(events, rng, **stations(experiment))


def as_events(energy: float, muon: Array, electron: Array, weight: Array) -> Events:
    """Events of mu e -> mu e with these momenta (N, 4), as the detector takes them. energy : of
    the beam, GeV. weight : (N,)."""
    n = len(weight)
    p4 = np.zeros((n, 4, 4))
    p4[:, 0] = energy, 0.0, 0.0, math.sqrt(energy**2 - M_MU**2)
    p4[:, 1, 0], p4[:, 2], p4[:, 3] = M_E, muon, electron
    return Events(
        np.tile(np.array([13, 11, 13, 11], np.int32), n),
        np.repeat(np.arange(n), 4),
        np.tile(np.array([-1, -1, 1, 1], np.int8), n),
        p4.reshape(-1, 4),
        np.zeros((4 * n, 4)),
        np.repeat(weight, 4),
    )


def as_component(
    experiment: Experiment,
    name: str,
    events: Events,
    rng: np.random.Generator,
    *,
    apart: Array | None = None,
    missed: Array | None = None,
    model_error: float = 0.0,
    origin: Origin = PLAIN,
) -> Component:
    """Events of `placed` as they are measured. apart : (N,) GeV, energy seen apart from the
    electron; missed : (N,) fraction of the weight that stays in spite of it. origin : as
    `detector.muone.reconstruct` takes it."""
    found = reconstruct(
        events, response(experiment), rng, stretch=STRETCH, muon_tails=False, origin=origin
    )
    stays = unseen_radiation(experiment, found)
    if missed is not None:
        stays = stays * missed
    if apart is not None:
        found = replace(found, photon_energy=np.maximum(found.photon_energy, apart))
    sample = as_sample(experiment, found)
    return Component(name, sample, stays, model_error)


def unseen_radiation(experiment: Experiment, measured: Reconstructed) -> Array:
    """(N,) fraction of the weight that stays where the electron radiated a photon that the veto
    sees: what it misses of such, 1 without one."""
    seen = measured.photon_energy
    if not np.any(seen > 0.0):
        return np.ones(len(seen))
    return np.where(seen > 0.0, missed_photons(experiment, seen).fraction, 1.0)


def of_calorimeter(
    experiment: Experiment, events: Events, of: Array, p4: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Which further particles hit the calorimeter, and which of these merge with the electron.

    events : of `placed`. of : (P,) event of each particle. p4 : (P, 4). Returns (P,) bools. The
    beam's spot is drawn anew: an edge is blurred, nothing else.
    """
    measures = response(experiment)
    z = events.x4.reshape(-1, 4, 4)[:, 0, 3]
    electron = events.p4.reshape(-1, 4, 4)[:, 3]
    spot = measures.spot * rng.standard_normal((len(z), 2))
    forward = p4[:, 3] > 0.0
    slope = p4[:, 1:3] / np.where(forward, p4[:, 3], 1.0)[:, None]
    place = np.abs(spot[of] + slope * (measures.ecal_z - z[of])[:, None])
    half = 0.5 * np.array([measures.ecal_width, measures.ecal_height])
    hit = forward & np.all(place <= half, axis=1)
    theirs = electron[of, 1:3] / np.maximum(electron[of, 3], 1e-9)[:, None]
    near = np.hypot(*(slope - theirs).T) < measures.separation
    return hit, hit & near


#: (experiment, true cuts, events, seed, *key of the random stream) -> its sample.
Draw = Callable[..., Component]


@dataclass(frozen=True, slots=True)
class Sampled:
    """A source with a weighted sample. draw : see `Draw`. times : its events over those asked for.

    least : fewest of them: where few events decide, a hole is not to be taken for a good region.
    """

    draw: Draw
    times: float = 1.0
    least: int = 0

    def size(self, n: int) -> int:
        """Events to draw where n are asked for."""
        return max(round(n * self.times), self.least)


@dataclass(frozen=True, slots=True)
class EstimateTexts:
    """What an estimate says of itself; see `Estimate`."""

    method: str
    assumption: str
    paper_id: str = ""


def per_particle(experiment: Experiment, name: str, found: muone.EventNumber, texts: EstimateTexts,
                 model_err: float, **parts: float) -> Estimate:  # fmt: skip
    """An estimate from events of the exposure; model_err and parts in events, too."""
    particles = particles_on_target(experiment)
    return Estimate(
        name, found.events / particles, found.error / particles, model_err / particles,
        texts.method, texts.assumption, texts.paper_id,
        {key: value / particles for key, value in parts.items()},
    )  # fmt: skip


def size(effort: float) -> int:
    """Events of a sample of an effort."""
    return max(int(DEFAULT_EVENTS * effort), 1000)
