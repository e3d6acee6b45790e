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
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from mutau.background.hermeticity_kernels import (
    Bias,
    ForcedLoss,
    Histories,
    Lead,
    LossSpectrum,
    Weights,
)
from mutau.background.leading_hadrons import inelastic_spectrum, photon_fate
from mutau.background.weights import WeightedSum, weighted_sum
from mutau.core.constants import M_MU
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.random import stream
from mutau.core.records import Records, zeros
from mutau.detector.fragment_spectrum import fragment_density
from mutau.detector.readout import Readout, build_readout
from mutau.detector.simulation import (
    CHUNK,
    beam_records,
    beam_source,
    collect_hits,
)
from mutau.detector.simulation_beam import at_entrance
from mutau.detector.simulation_records import Output, new_output
from mutau.detector.yoke import YOKE_STREAM, finish_in_iron, veto_limits
from mutau.matter.hadrons import hadron
from mutau.matter.materials import material
from mutau.selection.cutflow import passing
from mutau.selection.missing_momentum import cuts_of
from mutau.selection.requirements import cuts_on, simulated
from mutau.selection.simulated import on_target, reconstruct, sample_of
from mutau.selection.variables import Sample
from mutau.transport.catastrophic_losses import KINDS, NUCLEAR, loss_density
from mutau.transport.decays import decay_probability
from mutau.transport.particle import State

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: First key of the random streams, by kind.
_STREAM: Final = {"nuclear": 61, "knock-on": 62, "bremsstrahlung": 63, "pair": 64}
#: Fraction of the beam energy above which a loss is forced; those that pass the selection need
#: twice it, unless two losses join.
LOWEST_LOSS: Final = 0.3
#: Hadronic histories for each muon that passes as a track.
COPIES: Final = 4
#: Times as many for a muon that passes all cuts by itself.
_FAVOURED: Final = 12
#: Fraction of the depths drawn in the last `_BACK` of the target, from where photons get out.
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
#: Energy of a photon whose hadrons lead, over that of the beam.
_TYPICAL: Final = 0.7
#: Energy (GeV) in iron above which a history counts as one with a shower there.
_HEAVY: Final = 5.0
#: Muons up to so many times the cut on their energy are kept.
_MARGIN: Final = 1.05


@dataclass(frozen=True, slots=True)
class Biasing:
    """How losses and hadrons in the target are drawn; the result does not depend on it, its error
    does.

    hard : GeV, hadrons above it are biased; None: a tenth of the beam energy. plain : fraction of
    histories that are drawn as in the simulation, 1 for all (no biasing); no weight is above its
    inverse. low : fractions of the energy are drawn flat above it. wide : factor on transverse
    momenta. copies : hadronic histories per muon. lowest : fraction of the energy above which
    losses are forced; events with several such losses are counted once for each (a relative error
    below their chance). followed : fraction of the histories with a shower in a magnet's iron that
    are carried to the end for selections without vetoes; 0: showers end at the iron, for studies
    that do not ask what comes back.
    Raises OutOfRange.
    """

    hard: float | None = None
    plain: float = 0.3
    low: float = 0.0
    wide: float = 2.0
    copies: int = COPIES
    lowest: float = LOWEST_LOSS
    followed: float = 0.05

    def __post_init__(self) -> None:
        require_in_range("plain", self.plain, 0.02, 1.0)
        require_in_range("low", self.low, 0.0, 0.99)
        require_in_range("wide", self.wide, 1.0, 10.0)
        require_in_range("lowest", self.lowest, 0.01, 0.95)
        require_in_range("followed", self.followed, 0.0, 1.0)
        if self.copies < 1:
            raise OutOfRange(f"copies = {self.copies}", allowed="1 and above")
        if self.hard is not None:
            require_in_range("hard", self.hard, 5.0, math.inf, unit="GeV")


def loss_spectrum(experiment: Experiment, kind: str, lowest: float) -> LossSpectrum:
    """Spectrum of losses v >= lowest at 0.5 to 1.4 times the beam energy.

    kind : of `catastrophic_losses.KINDS`. Raises OutOfRange.
    Check: rate x thickness is the chance of a loss in the target.
    """
    require_in_range("lowest", lowest, 0.01, 0.95)
    item, code = material(experiment.target.material), KINDS.index(kind)
    energies = experiment.beam.energy * np.geomspace(0.5, 1.4, _NODES)
    rates, quantiles = np.empty(_NODES), np.empty((_NODES, _QUANTILES + 1))
    for i, energy in enumerate(energies):
        low, high = math.log(lowest), math.log(1.0 - 1.5 * M_MU / energy)
        s = np.linspace(low, high, 1500)
        v = np.exp(s)
        height = loss_density(code, v, float(energy), item) * v
        above = np.concatenate([[0.0], np.cumsum(0.5 * (height[1:] + height[:-1]) * np.diff(s))])
        rates[i] = above[-1]
        quantiles[i] = np.interp(np.linspace(0.0, 1.0, _QUANTILES + 1), above / above[-1], v)
    return LossSpectrum(code, np.log(energies), rates, quantiles)


def leading_ratio(experiment: Experiment, *, grid: int = 2000) -> Array:
    """(3, grid) leading charged hadrons, photons, neutral hadrons over those of the simulation.

    By fraction of the photon's energy: the inelastic final states of `leading_hadrons` at a typical
    energy, over the simulation's fixed fractions of all fragments. Vector mesons, coherent and
    quasi-elastic, are taken off: they end in charged pairs. Photons: neutral pions. Neutral: K_L,
    neutrons, and the K_S that reach the magnet or decay to photons on the way.
    """
    from mutau.detector.simulation_showers import CHARGED_FRACTION, PHOTON_FRACTION

    z, fragments = fragment_density()
    element = material(experiment.target.material).dominant_element
    energy = _TYPICAL * experiment.beam.energy

    def found(kind: str) -> Array:
        return np.interp(z, *inelastic_spectrum(kind, energy, element))

    neutral = found("K_L") + found("K_S") * _missed_k_short(experiment) + found("neutron")
    lines = np.stack([
        found("charged") / CHARGED_FRACTION,
        found("pi0") / PHOTON_FRACTION,
        neutral / (1.0 - CHARGED_FRACTION - PHOTON_FRACTION),
    ]) / fragments  # fmt: skip
    at = (np.arange(grid) + 0.5) / grid
    return photon_fate(element).inelastic * np.stack([np.interp(at, z, line) for line in lines])


def _missed_k_short(experiment: Experiment) -> float:
    """Fraction of K_S at half the beam energy without charged daughters in the trackers.

    They pass the trackers before the magnet behind the target as K_S or decay to two pi0.
    """
    particle, detector = hadron("K_S"), experiment.detector
    behind = [item.z for item in detector.magnet if item.z > experiment.target.z]
    first = min(behind, default=math.inf)
    before = [t.z for t in detector.tracker if experiment.target.z < t.z < first]
    path = max(before, default=experiment.target.z) - experiment.target.z
    momentum = math.sqrt((0.5 * experiment.beam.energy) ** 2 - particle.mass**2)
    decays = float(decay_probability(particle, momentum, path)) if path > 0.0 else 0.0
    neutral = sum(c.fraction for c in particle.channels if set(c.daughters) == {"pi0"})
    return 1.0 - decays * (1.0 - neutral)


@dataclass(frozen=True, slots=True)
class Leakage:
    """Weighted events with little energy in the calorimeters, of one kind of loss.

    kind : of `catastrophic_losses.KINDS`. muons : (M,) int, number of the beam muon that event m
    belongs to (its histories are not independent). weights : (M,) records of expected numbers per
    muon on target, by model (`hermeticity_kernels.Weights`). sample : reconstructed quantities, and
    `beam_trigger` and `true_energy` (GeV, of the muon behind the target). seen : (M,) E_CAL, GeV.
    lead : (M,) records of the hardest hadron behind the target. forced : chance of the loss
    per muon on target, and its error. room : GeV, deposits above it were left out. trials : beam
    muons. with_vetoes : weights for a selection with the trigger's vetoes (`behind_vetoes`).
    """

    kind: str
    muons: NDArray[np.int64]
    weights: Records[Weights]
    sample: Sample
    seen: Array
    lead: Records[Lead]
    forced: tuple[float, float]
    room: float
    trials: int
    with_vetoes: Records[Weights] | None = None

    def behind_vetoes(self) -> Leakage:
        """The same for selections that ask for all vetoes; of showers in iron they hold more."""
        return self if self.with_vetoes is None else replace(self, weights=self.with_vetoes)

    def total(self, chosen: Mask, which: str = "plain") -> WeightedSum:
        """Expected number of the chosen events per muon on target.

        Events of the sum are muons: the histories of one are added first.
        """
        _, inverse = np.unique(self.muons[chosen], return_inverse=True)
        return weighted_sum(np.bincount(inverse, weights=self.weights[which][chosen]))

    def rate(self, chosen: Mask, which: str = "plain") -> tuple[float, float]:
        """(value, statistical error) of `total`."""
        found = self.total(chosen, which)
        return found.value, found.err


def _depths(readout: Readout, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """z of the forced losses, and cm of target that each stands for."""
    face, back = readout.target_z
    u = rng.random(n)
    late = rng.random(n) < _BACK_SHARE
    u = np.where(late, 1.0 - _BACK * u, u)
    density = (1.0 - _BACK_SHARE) + np.where(u > 1.0 - _BACK, _BACK_SHARE / _BACK, 0.0)
    return face + (back - face) * u, (back - face) / density


def leakage(
    experiment: Experiment,
    *,
    n: int = CHUNK,
    seed: int = 1,
    kind: str = "nuclear",
    biasing: Biasing | None = None,
    most: float | None = None,
    energy: float | None = None,
) -> Leakage:
    """Events of n forced beam particles that have one track and little in the calorimeters.

    kind : of `catastrophic_losses.KINDS`. biasing : of the losses, and of the hadrons (nuclear ones
    only). most : GeV, limit on E_CAL, default that of the selection. energy : GeV, limit on the
    reconstructed muon, default 5 % more than the cut.
    The stages: beam to the vertex, forced loss, muon to the end, track fit; of those with one track
    below the limit copies, each with its own hadrons, and everything again.
    Holds above some 30 GeV of beam energy and where a photon's final states are tabulated; the
    muon must be one track by itself, whatever the file's cut on tracks.
    Raises OutOfRange, MutauError as `simulate_chunk`.
    """
    if kind not in KINDS:
        raise MutauError(f"no loss of kind {kind!r}", allowed=", ".join(KINDS))
    if n < 1:
        raise OutOfRange(f"n = {n}", allowed="1 and above")
    biasing = biasing or Biasing()
    cuts = cuts_of(experiment)
    most = cuts.calorimeters if most is None else most
    energy = _MARGIN * cuts.muon_energy if energy is None else energy
    parts, targets, forced = [], 0.0, np.zeros(2)
    for chunk in range(math.ceil(n / CHUNK)):
        size = min(CHUNK, n - chunk * CHUNK)
        part, there, one = _chunk(experiment, size, (seed, chunk), kind, biasing, most, energy)
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
    """Simulated muons with a forced loss: what the simulation writes, states at the start,
    vertices, weights, measured incoming momenta, and the number of each muon in its chunk."""

    out: Output
    start: Records[State]
    vertex: Records[ForcedLoss]
    weight: Array
    incoming: Array
    muons: NDArray[np.int64]

    def copied(self, rows: NDArray[np.int64]) -> _Records:
        """Chosen rows, in rising order, each as often as it stands there."""
        return _Records(
            _copied(self.out, rows), self.start[rows], self.vertex[rows], self.weight[rows],
            self.incoming[rows], self.muons[rows],
        )  # fmt: skip


def _chunk(
    experiment: Experiment, n: int, keys: tuple[int, int], kind: str, biasing: Biasing,
    most: float, energy: float,
) -> tuple[dict[str, Any], float, Array]:  # fmt: skip
    """One chunk: fields of the kept events, particles on target, sums of weights and squares.

    keys : seed, number of the chunk.
    """
    from mutau.background.hermeticity_kernels import cascades

    seed, chunk = keys
    readout, rng = build_readout(experiment), stream(seed, _STREAM[kind], chunk)
    spectrum = loss_spectrum(experiment, kind, biasing.lowest)
    muons, on_it, forced, favoured = _forced(
        experiment, readout, rng, n, keys, spectrum, energy, biasing.followed
    )  # fmt: skip
    copies = biasing.copies if kind == "nuclear" else 1
    each = np.where(favoured, copies * (_FAVOURED if copies > 1 else 1), copies)
    histories = muons.copied(np.repeat(np.arange(len(each)), each))
    weight = histories.weight / np.repeat(each, each)
    factors, lead = zeros(Weights, len(weight)), zeros(Lead, len(weight))
    for name in Weights.__annotations__:
        factors[name] = 1.0
    lead["kind"] = -1
    counts, in_top = np.ones(len(weight), np.bool_), np.ones(len(weight))
    if kind == "nuclear":
        hard = 0.1 * experiment.beam.energy if biasing.hard is None else biasing.hard
        bias = Bias(float(hard), biasing.plain, biasing.low, biasing.wide)
        cascades(
            rng, readout.setup, histories.out, histories.vertex,
            Histories(bias, leading_ratio(experiment), factors, lead, zeros(State, 1)),
        )  # fmt: skip
        counts, in_top = _shower_in_iron(
            experiment,
            readout,
            histories.out,
            stream(seed, YOKE_STREAM, 2, chunk),
            most,
            biasing.followed,
        )
    modules = slice(readout.places.em, readout.places.counters)
    seen = histories.out.deposits[:, modules].sum(axis=1)
    kept = np.flatnonzero((seen <= most * _ROOM) & counts)
    found, target = _measured(
        experiment, readout, rng, histories.copied(kept), seed,
        _HISTORIES * (1 + KINDS.index(kind)) + chunk * CHUNK,
    )  # fmt: skip
    factors = factors[kept]
    for name in Weights.__annotations__:
        factors[name] *= weight[kept] * target
    found |= {"_weights": factors, "_muons": histories.muons[kept] + chunk * CHUNK}
    return found | {"_lead": lead[kept], "_in_top": in_top[kept]}, on_it, forced


def _shower_in_iron(
    experiment: Experiment, readout: Readout, out: Output, rng: np.random.Generator, most: float,
    followed: float,
) -> tuple[Mask, Array]:  # fmt: skip
    """Showers in iron of the histories that may pass: (those that count, factors), (N,).

    Of histories that bring more than _HEAVY into iron a fraction `followed` is carried to the end.
    The others stop when a veto fires, and count no more: behind all cuts nothing is lost by it.
    Where the vetoes are not asked (top panel) only the former count, and the factor 1/followed.
    """
    from mutau.detector.simulation_yoke import Hurry

    modules = slice(readout.places.em, readout.places.counters)
    wanted = out.deposits[:, modules].sum(axis=1) <= most * _ROOM
    arrived = out.arrivals[: int(out.counts["arrivals"][0])]
    entered = np.bincount(
        arrived["event"], weights=cast("Any", arrived)["state"]["energy"], minlength=len(wanted)
    )
    if followed == 0.0:
        out.counts["arrivals"] = 0
        return wanted, np.ones(len(wanted))
    heavy = entered > _HEAVY
    whole = ~heavy | (rng.random(len(wanted)) < followed)
    limits = veto_limits(experiment, readout)
    if not cuts_on(experiment.cuts, "trigger"):
        limits[:] = np.inf
    finish_in_iron(readout.setup, out, rng, wanted=wanted, hurry=Hurry(~whole, limits))
    fired = np.zeros(len(wanted), np.bool_)
    for r in np.flatnonzero(np.isfinite(limits)):
        deposit = out.deposits[:, readout.setup.pieces["counter"][r]]
        fired |= (deposit > 0.0) & (deposit >= limits[r])
    factor = np.where(heavy, np.where(whole, 1.0 / followed, 0.0), 1.0)
    return wanted & (whole | ~fired), factor


def _forced(
    experiment: Experiment, readout: Readout, rng: np.random.Generator, n: int,
    keys: tuple[int, int], spectrum: LossSpectrum, energy: float, followed: float,
) -> tuple[_Records, float, Array, Mask]:  # fmt: skip
    """Beam muons with a forced loss, to the end of the set-up: those with one track up to `energy`,
    particles on target, sums of weights and squares, and who passes all cuts by itself."""
    from mutau.background.hermeticity_kernels import force_losses
    from mutau.detector.simulation_walk import walk_all

    seed, chunk = keys
    beam = at_entrance(readout, beam_source(experiment, readout)(n, rng, chunk * CHUNK))
    out = beam_records(readout, beam, _EXTRA_ROOM)
    start = out.events["muon"].copy()
    stops, span = _depths(readout, n, rng)
    walk_all(rng, readout.setup, out, stops)
    vertex = zeros(ForcedLoss, n)
    force_losses(rng, readout.setup, out, spectrum, stops, span, vertex)
    walk_all(rng, readout.setup, out, np.full(n, np.inf))
    low = out.events["muon"]["energy"] <= 2.0 * energy  # others are not kept
    wanted = low & (spectrum.kind == NUCLEAR and followed > 0.0)
    finish_in_iron(readout.setup, out, stream(seed, YOKE_STREAM, 1, chunk), wanted=wanted)
    alone = collect_hits(experiment, readout, out, start, beam.weight, rng, chunk * CHUNK, seed)
    there = on_target(alone, experiment)
    weight = vertex["weight"] * beam.weight
    sums = np.array([weight[there].sum(), np.sum(weight[there] ** 2)])
    tracked = sample_of(alone, experiment, reconstruct(alone, experiment))
    kept = there & (weight > 0.0) & (tracked.columns["n_tracks"] == 1)
    rows = np.flatnonzero(kept & (tracked.columns["p_muon"][:, 0] <= energy))
    whole = _Records(
        out, start, vertex, weight, alone.incoming_momentum, np.arange(n, dtype=np.int64)
    )
    passed = _all_cuts(experiment, tracked)[rows]
    return whole.copied(rows), float(beam.weight[there].sum()), sums, passed


def _measured(
    experiment: Experiment, readout: Readout, rng: np.random.Generator, records: _Records,
    seed: int, first: int,
) -> tuple[dict[str, Any], Array]:  # fmt: skip
    """Columns of the reconstructed events, and 1 for those on target, else 0.

    first : number of the first event; what is smeared by number is another one in each chunk.
    """
    ones = np.ones(len(records.start))
    hits = collect_hits(experiment, readout, records.out, records.start, ones, rng, first, seed)
    # measured once for all histories of a muon, as it was where the muons were chosen
    hits = replace(hits, incoming_momentum=records.incoming)
    sample = sample_of(hits, experiment, reconstruct(hits, experiment))
    found: dict[str, Any] = {name: np.asarray(v) for name, v in sample.columns.items()}
    found["beam_trigger"] = np.asarray(hits.beam_trigger)
    found["true_energy"] = hits.p_out[:, 0]
    return found, sample.weights


def _all_cuts(experiment: Experiment, sample: Sample) -> Mask:
    """Events that pass every cut of the file that the simulation knows."""
    return passing(simulated(experiment.cuts), sample)


def _copied(out: Output, rows: NDArray[np.int64]) -> Output:
    """Records of the chosen events (in rising order, each as often as it stands there), with their
    extra hits and room for more."""
    events = out.events[rows]
    first = np.searchsorted(rows, np.arange(len(out.events)))
    often = np.bincount(rows, minlength=len(out.events))
    old = out.extra[: int(out.counts["extra"][0])]
    of = old["event"]
    hits = np.repeat(cast("Any", old), often[of], axis=0)
    starts = np.repeat(first[of], often[of])
    begin = np.repeat(np.cumsum(often[of]) - often[of], often[of])
    hits["event"] = starts + np.arange(len(hits)) - begin
    events["number"] = np.arange(len(events))
    new = new_output(0, 0, 0, len(hits) + 12 * len(events) + 1000)
    new.extra[: len(hits)] = hits
    new.counts["extra"] = len(hits)
    return new._replace(events=events, deposits=out.deposits[rows], hits=out.hits[rows])


def _joined(
    parts: list[dict[str, Any]], beam: float, kind: str, targets: float,
    forced: tuple[float, float], room: float, trials: int,
) -> Leakage:  # fmt: skip
    whole: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }
    weights, muons, lead, in_top = (
        whole.pop(name) for name in ("_weights", "_muons", "_lead", "_in_top")
    )
    general = weights.copy()
    for name in Weights.__annotations__:
        weights[name] /= targets
        general[name] = weights[name] * in_top
    seen = whole["ecal_energy"] + whole["vhcal_energy"] + whole["hcal_energy"]
    sample = Sample(beam, general["plain"], whole)
    return Leakage(kind, muons, general, sample, seen, lead, forced, room, trials, weights)
