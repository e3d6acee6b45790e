"""Muons that lose much in the target while the calorimeters see little: detector non-hermeticity.

Forced histories: every beam muon loses energy at a random depth of the target, with the weight of
the chance that it does; the hadrons it sets free are drawn so that much energy gets away
(`hermeticity_kernels`), and everything else is the full simulation: matter, field, hits, track fit,
energies, the cuts of the file. What leaves through the back of the hadronic calorimeter is another
source (punch-through) and is not counted here.

Source of the definition: NA64mu paper, sec. III C: region D of fig. 5, E_CAL <= 20 GeV and
E'_mu <= 80 GeV, extrapolated there to <~ 1e-12 per muon on target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.leading_hadrons import jet_density, jet_hadrons, vector_meson_share
from mutau.background.weights import WeightedSum, weighted_sum
from mutau.core.constants import M_MU
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.detector.simulation import (
    CHUNK,
    beam_records,
    beam_source,
    collect_hits,
)
from mutau.detector.simulation_beam import at_entrance
from mutau.detector.simulation_geometry import (
    E_EVENT,
    E_FIXED,
    X_EVENT,
    Layout,
    build_layout,
)
from mutau.matter.hadrons import hadron
from mutau.matter.materials import material
from mutau.matter.muon_cross_sections import differential, knock_on
from mutau.selection.cutflow import passing
from mutau.selection.missing_momentum import cuts_of
from mutau.selection.requirements import simulated
from mutau.selection.simulated import on_target, reconstruct, sample_of
from mutau.selection.variables import Sample
from mutau.transport.decays import decay_probability

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Kinds of losses in the order of the simulation's codes.
LOSSES: Final = ("bremsstrahlung", "pair", "nuclear", "knock-on")
#: First key of the random streams, by kind.
_STREAM: Final = {"nuclear": 61, "knock-on": 62, "bremsstrahlung": 63, "pair": 64}
#: Share of the beam energy above which a loss is forced; those that pass the selection need twice
#: it, unless two losses join.
LOWEST_LOSS: Final = 0.3
#: Hadronic histories for each muon that passes as a track.
COPIES: Final = 4
#: Times as many for a muon that passes all cuts by itself.
_FAVOURED: Final = 12
#: Share of the depths drawn in the last `_BACK` of the target, from where photons get out.
_BACK_SHARE: Final = 0.3
_BACK: Final = 0.04
_NODES: Final = 12
_QUANTILES: Final = 600
#: Extra hits per forced muon that there is room for: the tail of a shower makes several.
_EXTRA_ROOM: Final = 20
#: Deposits above so many times the limit on the sum are not digitised.
_ROOM: Final = 1.6
#: Numbers of histories, as events, begin at multiples of this: beyond those of all beam muons.
_HISTORIES: Final = 1 << 40
#: Muons up to so many times the cut on their energy are kept.
_MARGIN: Final = 1.05


@dataclass(frozen=True, slots=True)
class Biasing:
    """How hadrons in the target are drawn; the answer does not depend on it, its error does.

    hard : GeV, hadrons above it are biased; None: a tenth of the beam energy. plain : share of
    histories that are drawn as in the simulation, 1 for all (no biasing); no weight is above its
    inverse. low : shares of the energy are drawn flat above it. wide : factor on transverse
    momenta.
    Raises OutOfRange.
    """

    hard: float | None = None
    plain: float = 0.3
    low: float = 0.0
    wide: float = 2.0

    def __post_init__(self) -> None:
        require_in_range("plain", self.plain, 0.02, 1.0)
        require_in_range("low", self.low, 0.0, 0.99)
        require_in_range("wide", self.wide, 1.0, 10.0)
        if self.hard is not None:
            require_in_range("hard", self.hard, 5.0, math.inf, unit="GeV")


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Losses of one kind in the target, above a share of the energy.

    log_energy : (E,). rate : (E,) per cm of material. quantile : (E, Q) shares v.
    """

    log_energy: Array
    rate: Array
    quantile: Array


def loss_spectrum(experiment: Experiment, kind: str, lowest: float) -> Spectrum:
    """Spectrum of losses v >= lowest at 0.5 to 1.4 times the beam energy.

    kind : of LOSSES. Check: rate x thickness is the chance of a loss in the target.
    Raises OutOfRange.
    """
    require_in_range("lowest", lowest, 0.01, 0.95)
    stuff = material(experiment.target.material)
    energies = experiment.beam.energy * np.geomspace(0.5, 1.4, _NODES)
    rates, quantiles = np.empty(_NODES), np.empty((_NODES, _QUANTILES + 1))
    for i, energy in enumerate(energies):
        low, high = math.log(lowest), math.log(1.0 - 1.5 * M_MU / energy)
        s = np.linspace(low, high, 1500)
        v = np.exp(s)
        density = np.zeros(v.size)
        if kind == "knock-on":
            density += stuff.electrons_per_cm3 * PB_CM2 * energy * knock_on(v * energy, energy)
        else:
            for element, atoms in stuff.atoms_per_cm3:
                density += atoms * PB_CM2 * differential(kind, v, float(energy), element)
        height = density * v
        above = np.concatenate([[0.0], np.cumsum(0.5 * (height[1:] + height[:-1]) * np.diff(s))])
        rates[i] = above[-1]
        quantiles[i] = np.interp(np.linspace(0.0, 1.0, _QUANTILES + 1), above / above[-1], v)
    return Spectrum(np.log(energies), rates, quantiles)


def leading_ratio(experiment: Experiment, *, grid: int = 2000) -> Array:
    """(3, grid) leading charged hadrons, photons, neutral hadrons over those of the simulation.

    By share of the photon's energy: the jets of `leading_hadrons` with their kaons and baryons and
    the decays of vector mesons, over the simulation's fixed shares of all mesons. Coherent vector
    mesons are taken off: they end in charged pairs. Photons: as charged pions. Neutral: K_L,
    neutrons, and the K_S that reach the magnet or decay to photons on the way.
    """
    from mutau.detector.simulation_showers import CHARGED_SHARE, PHOTON_SHARE

    z, mesons = jet_density()
    found = jet_hadrons()
    jets = 1.0 - vector_meson_share(material(experiment.target.material).dominant_element.a)
    charged = found["charged"] / (CHARGED_SHARE * mesons)
    neutral = found["K_L"] * (1.0 + _unseen_k_short(experiment)) + found["n"]
    neutral = neutral / ((1.0 - CHARGED_SHARE - PHOTON_SHARE) * mesons)
    at = (np.arange(grid) + 0.5) / grid
    return jets * np.stack([np.interp(at, z, line) for line in (charged, charged, neutral)])


def _unseen_k_short(experiment: Experiment) -> float:
    """Share of K_S at half the beam energy without charged daughters in the trackers.

    They pass the trackers before the first magnet as K_S or decay to two neutral pions.
    """
    particle, detector = hadron("K_S"), experiment.detector
    first = min((item.z for item in detector.magnet), default=math.inf)
    before = [t.z for t in detector.tracker if experiment.target.z < t.z < first]
    path = max(before, default=experiment.target.z) - experiment.target.z
    momentum = math.sqrt((0.5 * experiment.beam.energy) ** 2 - particle.mass**2)
    decays = float(decay_probability(particle, momentum, path)) if path > 0.0 else 0.0
    neutral = sum(c.fraction for c in particle.channels if set(c.daughters) == {"pi0"})
    return 1.0 - decays * (1.0 - neutral)


@dataclass(frozen=True, slots=True)
class Leaks:
    """Weighted events with little energy in the calorimeters, of one kind of loss.

    kind : of LOSSES. muons : (M,) int, number of the beam muon that event m belongs to (its
    histories are not independent). weights : (M, W) expected number per muon on target, W as
    `hermeticity_kernels.W_*`. sample : reconstructed quantities, and the columns
    `beam_trigger` and `true_energy` (GeV, of the muon behind the target). seen : (M,) E_CAL, GeV.
    lead : (M, 8) columns L_* of the hardest hadron behind the target. forced : chance of the loss
    per muon on target, and its error. room : GeV, deposits above it were left out. trials : beam
    muons.
    """

    kind: str
    muons: NDArray[np.int64]
    weights: Array
    sample: Sample
    seen: Array
    lead: Array
    forced: tuple[float, float]
    room: float
    trials: int

    def total(self, chosen: Mask, which: int = 0) -> WeightedSum:
        """Expected number of the chosen events per muon on target.

        Events of the sum are muons: the histories of one are added first.
        """
        _, inverse = np.unique(self.muons[chosen], return_inverse=True)
        return weighted_sum(np.bincount(inverse, weights=self.weights[chosen, which]))

    def rate(self, chosen: Mask, which: int = 0) -> tuple[float, float]:
        """(value, statistical error) of `total`."""
        found = self.total(chosen, which)
        return found.value, found.err


def _depths(layout: Layout, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """z of the forced losses, and cm of target that each stands for."""
    face, back = layout.target_z
    u = rng.random(n)
    late = rng.random(n) < _BACK_SHARE
    u = np.where(late, 1.0 - _BACK * u, u)
    density = (1.0 - _BACK_SHARE) + np.where(u > 1.0 - _BACK, _BACK_SHARE / _BACK, 0.0)
    return face + (back - face) * u, (back - face) / density


def leaks(
    experiment: Experiment,
    *,
    n: int = CHUNK,
    seed: int = 1,
    kind: str = "nuclear",
    biasing: Biasing | None = None,
    copies: int = COPIES,
    lowest: float = LOWEST_LOSS,
    most: float | None = None,
    energy: float | None = None,
) -> Leaks:
    """Events of n forced beam particles that have one track and little in the calorimeters.

    kind : of LOSSES. biasing : of the hadrons (nuclear losses only). copies : hadronic histories
    per muon. lowest : share of the energy above which losses are forced; events with several such
    losses are counted once for each (a relative error below their chance). most : GeV, limit on
    E_CAL, default that of the selection. energy : GeV, limit on the reconstructed muon, default
    5 % more than the cut.
    The stages: beam to the vertex, forced loss, muon to the end, track fit; of those with one track
    below the limit copies, each with its own hadrons, and everything again.
    Holds where jets describe what a photon turns into, above some 30 GeV of beam energy; the
    muon must be one track by itself, whatever the file's cut on tracks.
    Raises OutOfRange, MutauError as `simulate_chunk`.
    """
    if kind not in LOSSES:
        raise MutauError(f"no loss of kind {kind!r}", allowed=", ".join(LOSSES))
    if n < 1 or copies < 1:
        raise OutOfRange(f"n = {n}, copies = {copies}", allowed="1 and above")
    cuts = cuts_of(experiment)
    most = cuts.calorimeters if most is None else most
    energy = _MARGIN * cuts.muon_energy if energy is None else energy
    parts, targets, forced = [], 0.0, np.zeros(2)
    for chunk in range(math.ceil(n / CHUNK)):
        size = min(CHUNK, n - chunk * CHUNK)
        part, there, one = _chunk(
            experiment, size, seed, chunk, kind, biasing or Biasing(),
            copies if kind == "nuclear" else 1, lowest, most, energy,
        )  # fmt: skip
        parts.append(part)
        targets += there
        forced += one
    total, error = forced[0] / targets, math.sqrt(forced[1]) / targets
    return _joined(
        parts, experiment.beam.energy, kind, targets, (float(total), float(error)), most * _ROOM,
        n,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Records:
    """Simulated muons with a forced loss: records, extra hits, states at the start, vertices (V_*),
    weights, measured incoming momenta, and the number of each muon in its chunk."""

    events: Array
    extra: Array
    start: Array
    vertex: Array
    weight: Array
    incoming: Array
    muons: NDArray[np.int64]

    def copied(self, rows: NDArray[np.int64]) -> _Records:
        """Chosen rows, in rising order, each as often as it stands there."""
        events, extra = _copied(self.events, self.extra, rows)
        return _Records(
            events, extra, self.start[rows], self.vertex[rows], self.weight[rows],
            self.incoming[rows], self.muons[rows],
        )  # fmt: skip


def _chunk(
    experiment: Experiment, n: int, seed: int, chunk: int, kind: str, biasing: Biasing,
    copies: int, lowest: float, most: float, energy: float,
) -> tuple[dict[str, Array], float, Array]:  # fmt: skip
    """One chunk: fields of the kept events, particles on target, sums of weights and squares."""
    from mutau.background.hermeticity_kernels import N_WEIGHTS, cascades

    layout, rng = build_layout(experiment), stream(seed, _STREAM[kind], chunk)
    muons, on_it, forced, each = _forced(
        experiment, layout, rng, n, (seed, chunk), kind, lowest, energy
    )
    each = np.where(each, copies * (_FAVOURED if copies > 1 else 1), copies)
    histories = muons.copied(np.repeat(np.arange(len(each)), each))
    weight = histories.weight / np.repeat(each, each)
    factors, lead = np.ones((len(weight), N_WEIGHTS)), np.full((len(weight), 8), -1.0)
    if kind == "nuclear":
        hard = 0.1 * experiment.beam.energy if biasing.hard is None else biasing.hard
        bias = np.array([hard, biasing.plain, biasing.low, biasing.wide])
        cascades(
            rng, layout.setup.rows, layout.setup.tables, histories.events, histories.extra,
            histories.vertex, bias, leading_ratio(experiment), factors, lead,
        )  # fmt: skip
    modules = slice(E_FIXED, E_FIXED + 2 * len(layout.modules))
    kept = np.flatnonzero(histories.events[:, modules].sum(axis=1) <= most * _ROOM)
    found, target = _measured(
        experiment, layout, rng, histories.copied(kept), seed,
        _HISTORIES * (1 + LOSSES.index(kind)) + chunk * CHUNK,
    )  # fmt: skip
    found["_weights"] = factors[kept] * (weight[kept] * target)[:, None]
    found |= {"_muons": (histories.muons[kept] + chunk * CHUNK).astype(float), "_lead": lead[kept]}
    return found, on_it, forced


def _forced(
    experiment: Experiment, layout: Layout, rng: np.random.Generator, n: int,
    keys: tuple[int, int], kind: str, lowest: float, energy: float,
) -> tuple[_Records, float, Array, Mask]:  # fmt: skip
    """Beam muons with a forced loss, to the end of the set-up: those with one track up to `energy`,
    particles on target, sums of weights and squares, and who passes all cuts by itself."""
    from mutau.background.hermeticity_kernels import V_WEIGHT, force_losses
    from mutau.detector.simulation_walk import walk_all

    seed, chunk = keys
    beam = at_entrance(layout, beam_source(experiment, layout)(n, rng, chunk * CHUNK))
    events, extra = beam_records(layout, beam, _EXTRA_ROOM)
    start = events[:, :6].copy()
    stops, span = _depths(layout, n, rng)
    setup = (layout.setup.rows, layout.setup.tables)
    walk_all(rng, *setup, layout.setup.kicks, events, extra, stops)
    spectrum = loss_spectrum(experiment, kind, lowest)
    vertex = np.zeros((n, 8))
    force_losses(
        rng, *setup, LOSSES.index(kind), spectrum.log_energy, spectrum.rate, spectrum.quantile,
        events, extra, stops, span, vertex,
    )  # fmt: skip
    walk_all(rng, *setup, layout.setup.kicks, events, extra, np.full(n, np.inf))
    alone = collect_hits(
        experiment, layout, events, extra, start, beam.weight, rng, chunk * CHUNK, seed
    )
    there = on_target(alone, experiment)
    weight = vertex[:, V_WEIGHT] * beam.weight
    sums = np.array([weight[there].sum(), np.sum(weight[there] ** 2)])
    tracked = sample_of(alone, experiment, reconstruct(alone, experiment))
    fine = there & (weight > 0.0) & (tracked.columns["n_tracks"] == 1)
    rows = np.flatnonzero(fine & (tracked.columns["p_muon"][:, 0] <= energy))
    whole = _Records(
        events, extra, start, vertex, weight, alone.incoming_momentum, np.arange(n, dtype=np.int64)
    )
    passed = _all_cuts(experiment, tracked)[rows]
    return whole.copied(rows), float(beam.weight[there].sum()), sums, passed


def _measured(
    experiment: Experiment, layout: Layout, rng: np.random.Generator, records: _Records, seed: int,
    first: int,
) -> tuple[dict[str, Array], Array]:  # fmt: skip
    """Columns of the reconstructed events, and 1 for those on target, else 0.

    first : number of the first event; what is smeared by number is another one in each chunk.
    """
    ones = np.ones(len(records.events))
    hits = collect_hits(
        experiment, layout, records.events, records.extra, records.start, ones, rng, first, seed
    )
    # measured once for all histories of a muon, as it was where the muons were chosen
    hits = replace(hits, incoming_momentum=records.incoming)
    sample = sample_of(hits, experiment, reconstruct(hits, experiment))
    found = {name: np.asarray(values) for name, values in sample.columns.items()}
    found["beam_trigger"] = np.asarray(hits.beam_trigger)
    found["true_energy"] = hits.p_out[:, 0]
    return found, sample.weights


def _all_cuts(experiment: Experiment, sample: Sample) -> Mask:
    """Events that pass every cut of the file that the simulation knows."""
    return passing(simulated(experiment.cuts), sample)


def _copied(events: Array, extra: Array, rows: NDArray[np.int64]) -> tuple[Array, Array]:
    """Records of the chosen events (in rising order, each as often as it stands there), with their
    extra hits and room for more."""
    new = events[rows]
    first = np.searchsorted(rows, np.arange(len(events)))
    often = np.bincount(rows, minlength=len(events))
    old = extra[1 : int(extra[0, 0]) + 1]
    of = old[:, X_EVENT].astype(int)
    hits = np.repeat(old, often[of], axis=0)
    starts = np.repeat(first[of], often[of])
    begin = np.repeat(np.cumsum(often[of]) - often[of], often[of])
    hits[:, X_EVENT] = starts + np.arange(len(hits)) - begin
    new[:, E_EVENT] = np.arange(len(new))
    room = np.zeros((len(hits) + 12 * len(new) + 1000, extra.shape[1]))
    room[1 : len(hits) + 1] = hits
    room[0, 0] = len(hits)
    return new, room


def _joined(
    parts: list[dict[str, Array]], beam: float, kind: str, targets: float,
    forced: tuple[float, float], room: float, trials: int,
) -> Leaks:  # fmt: skip
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    weights, muons = whole.pop("_weights") / targets, whole.pop("_muons")
    lead = whole.pop("_lead")
    seen = whole["ecal_energy"] + whole["vhcal_energy"] + whole["hcal_energy"]
    return Leaks(
        kind, muons.astype(np.int64), weights, Sample(beam, weights[:, 0], whole), seen, lead,
        forced, room, trials,
    )  # fmt: skip
