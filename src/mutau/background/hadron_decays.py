"""Background from hadrons in the beam that decay in flight to muons of less energy.

A hadron of the beam's momentum is measured upstream, decays on its way to the target, and the muon
looks like a beam muon that lost energy to something invisible (NA64mu paper, sec. III C). Weighted
Monte Carlo: every hadron decays, at a depth drawn from the exact law; momentum cuts act by their
probability. Muons that are too fast by themselves may lose the rest in the target without being
seen: these are drawn with a forced hard collision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.estimate import Estimate, background_source
from mutau.background.hadron_decays_hcal import mip_probability, muon_vetoes
from mutau.background.hadron_decays_tracks import (
    MuonTracks,
    beam_tracks,
    carry,
    modules,
    outgoing_trackers,
    reconstructed_below,
)
from mutau.background.weights import WeightedSum, combined, weighted_sum
from mutau.core.constants import M_MU
from mutau.core.errors import NotApplicable, OutOfRange
from mutau.core.random import stream
from mutau.core.units import parse_quantity
from mutau.detector.beam_moments import beam_note, described_beam
from mutau.matter.hadron_nucleus import REFERENCE_ENERGY, inelastic_length
from mutau.matter.hadrons import DecayChannel, Hadron, document, hadron
from mutau.matter.materials import material
from mutau.selection.missing_momentum import MuonCuts, cuts_of
from mutau.transport.decays import decay_in_flight, decay_probability, fraction_below
from mutau.transport.pieces import boxes_of, target_length
from mutau.transport.walls import on_areas, straight_paths

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

DEFAULT_EVENTS: Final = 100_000
#: Smallest fraction of its energy that a muon loses in a forced collision.
_LEAST_LOSS: Final = 0.05
#: Second decays, interactions in beam windows, optics between decay and target: see the page
#: docs/validation/na64mu_backgrounds.md; the beam's kaon content itself is the paper's, one digit.
MODEL_ERROR: Final = 0.4


@dataclass(frozen=True, slots=True)
class BeamHadrons:
    """Hadrons per beam muon where the decay path begins."""

    pion: float
    kaon: float
    kaon_long: float

    def of(self, name: str) -> float:
        """Number per beam muon of one kind. Raises KeyError for a kind that is not in the beam."""
        return {"pi": self.pion, "K": self.kaon, "K_L": self.kaon_long}[name]


def contamination(
    experiment: Experiment | None = None,
    *,
    pion: float | None = None,
    kaon: float | None = None,
    kaon_long: float | None = None,
) -> BeamHadrons:
    """Hadrons per beam particle: what is given, else what the experiment file states (beam/pions,
    beam/kaons); without an experiment, data/hadrons.toml (NA64mu paper, sec. III C).

    As many K_L as K-, unless given (see the data file). Raises NotApplicable if the file does not
    say, OutOfRange for a negative or not finite number.
    """
    table = document()["contamination"]
    stated = (table["pion_per_muon"], table["pion_per_muon"] * table["kaon_per_pion"])
    if experiment is not None and (pion is None or kaon is None):
        beam = experiment.beam
        if beam.pions is None or beam.kaons is None:
            raise NotApplicable(
                "states no hadrons in the beam",
                place=f"{experiment.name}: beam",
                remedy="write for example pions = 1e-6 and kaons = 3e-8, per beam particle",
            )
        stated = (beam.pions, beam.kaons)
    pion = stated[0] if pion is None else pion
    kaon = stated[1] if kaon is None else kaon
    kaon_long = kaon * table["kaon_long_per_kaon"] if kaon_long is None else kaon_long
    for value in (pion, kaon, kaon_long):
        if not (math.isfinite(value) and value >= 0.0):
            raise OutOfRange(f"hadrons per muon = {value!r}", allowed="[0, inf)")
    return BeamHadrons(pion, kaon, kaon_long)


def absorber_suppression(
    name: str, medium: str | None = None, length: float | None = None
) -> float:
    """Fraction of hadrons that cross an absorber without an inelastic collision.

    name : hadron, of 100 GeV. medium : material; length : cm; defaults: the 150 cm of aluminium
    of the NA64mu paper. Check: nucleons in 150 cm of aluminium, exp(-150/39.7) = 0.023; kaons and
    pions, which are what matters, interact less.
    """
    table = document()["contamination"]
    item = material(medium or table["absorber"])
    length = parse_quantity(table["absorber_length"], "length") if length is None else length
    if not (math.isfinite(length) and length >= 0.0):
        raise OutOfRange(f"absorber of {length!r} cm", allowed="[0, inf) cm")
    return math.exp(-length / inelastic_length(name, item, REFERENCE_ENERGY).cm)


@dataclass(frozen=True, slots=True)
class DecayRow:
    """One channel over the decay path. per_hadron : chance of the decay. below : the same with a
    muon below the energy asked for (0 without a muon). per_particle : `below` per beam muon."""

    hadron: str
    channel: str
    per_hadron: float
    below: float
    per_particle: float


def decay_rows(
    experiment: Experiment,
    *,
    path: float | None = None,
    below: float = 100.0,
    beam: BeamHadrons | None = None,
) -> tuple[DecayRow, ...]:
    """Exact numbers for all channels of pi-, K- and K_L at the beam's momentum, no selection.

    path : cm; default the decay path of the file. below : GeV; the NA64mu paper quotes 100.
    Check: K- -> mu nu over 36 m at 160 GeV: 0.636 (1 - exp(-36/1203)) = 0.0187.
    """
    energy, rows = experiment.beam.energy, []
    path = experiment.beam.decay_path if path is None else path
    beam = contamination(experiment) if beam is None else beam
    for name in ("pi-", "K-", "K_L"):
        particle = hadron(name)
        momentum = math.sqrt(energy**2 - particle.mass**2)
        chance = float(decay_probability(particle, momentum, path))
        for channel in particle.channels:
            here, low = chance * channel.fraction, 0.0
            if "mu" in channel.daughters:
                index = channel.daughters.index("mu")
                low = here * fraction_below(particle, channel, index, energy, below)
            rows.append(DecayRow(name, channel.label, here, low, low * beam.of(particle.name)))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Selected:
    """Decays of one channel that pass the selection, per beam muon on target.

    produced : decays to this channel. stopping, hard : what passes without and with a hard
    collision in the target.
    """

    hadron: str
    channel: str
    produced: float
    stopping: WeightedSum
    hard: WeightedSum

    @property
    def passed(self) -> WeightedSum:
        """Both kinds."""
        return combined((self.stopping, self.hard))

    @property
    def total(self) -> float:
        """Number of both kinds."""
        return self.passed.value


@dataclass(frozen=True, slots=True)
class _Sample:
    """Decays on their way: the muon's track on the plane z = start, the photons beside it, and the
    fraction of hadrons that came so far without a collision in the target."""

    track: Array
    energy: Array
    start: Array
    upstream: Mask
    photon: Array
    photon_veto: Mask
    survived: Array


def _beam_hadrons(
    experiment: Experiment, particle: Hadron, cuts: MuonCuts, n: int, rng: np.random.Generator
) -> tuple[Array, Array, float]:
    """(energy (n,), track at the target's face (n, 4), fraction within the momentum window)."""
    beam = described_beam(experiment)
    energy = beam.energy * (1.0 + beam.energy_spread * rng.standard_normal(2 * n))
    width = (
        experiment.detector.resolution.incoming_momentum if experiment.detector.resolution else 0.0
    )
    measured = energy * (1.0 + width * rng.standard_normal(2 * n))
    inside = (measured >= cuts.incoming[0]) & (measured <= cuts.incoming[1])
    inside &= energy > 5.0 * particle.mass
    if not inside.any():
        raise OutOfRange("no beam particle lies in the window of the incoming momentum")
    chosen = np.resize(energy[inside], n)
    return chosen, beam_tracks(experiment, n, rng), float(inside.mean())


def _on_counters(experiment: Experiment, track: Array, low: Array, high: Array) -> Mask:
    """Whether straight tracks satisfy the counters before the target with low <= z < high.

    track : (N, 4) on the target's face.
    """
    ok = np.ones(len(track), bool)
    for counter in experiment.detector.counter:
        back = counter.z - experiment.target.z
        if back >= 0.0 or counter.role == "monitor":
            continue
        hit = on_areas(track[:, :2] + back * track[:, 2:], boxes_of([counter]))[:, 0]
        relevant = (counter.z >= low) & (counter.z < high)
        ok &= ~relevant | (hit == (counter.role == "trigger"))
    return ok


def _decays(
    experiment: Experiment,
    particle: Hadron,
    channel: DecayChannel,
    cuts: MuonCuts,
    n: int,
    path: float,
    rng: np.random.Generator,
) -> tuple[_Sample, float, float]:
    """n decays; the chance per hadron to decay within the path; the fraction of them on target."""
    energy, track, window = _beam_hadrons(experiment, particle, cuts, n, rng)
    momentum = np.sqrt(energy**2 - particle.mass**2)
    length = momentum / particle.mass * particle.c_tau
    face = experiment.target.z
    reach = path + _beyond(experiment)
    chance = float(np.mean(decay_probability(particle, momentum, reach)))
    flown = -length * np.log1p(rng.random(n) * np.expm1(-reach / length))
    where = face - path + flown
    survived = _survival(experiment, particle.name, where)
    on_target = _on_counters(experiment, track, np.full(n, -np.inf), np.full(n, np.inf)).mean()
    upstream = _on_counters(experiment, track, np.full(n, -np.inf), where)
    p4 = np.zeros((n, 4))
    p4[:, 0], p4[:, 3] = energy, momentum
    daughters = decay_in_flight(particle, channel, p4, rng)
    muon = daughters[:, channel.daughters.index("mu")]
    start = track.copy()
    start[:, :2] += (where - face)[:, None] * track[:, 2:]
    start[:, 2:] += muon[:, 1:3] / muon[:, 3:]
    forward = muon[:, 3] > 0.1 * muon[:, 0]
    photon, veto = _photons(experiment, channel, daughters, start, track, where, cuts.vhcal, rng)
    sample = _Sample(start, muon[:, 0], where, upstream & forward, photon, veto, survived)
    return sample, chance * channel.fraction * window, float(on_target)


def _beyond(experiment: Experiment) -> float:
    """Flight behind the target's face up to the first tracker, where the track begins, cm."""
    planes = [item.z for item in experiment.detector.tracker if item.arm == "outgoing"]
    return max(min(planes, default=0.0) - experiment.target.z, 0.0)


def _survival(experiment: Experiment, name: str, where: Array) -> Array:
    """Fraction of hadrons that reach z = where without an inelastic collision in the target."""
    target, item = experiment.target, material(experiment.target.material)
    dense = target.thickness.cm(item.radiation_length_cm) / target_length(target)
    depth = dense * np.clip(where - target.z, 0.0, target_length(target))
    return np.exp(-depth / inelastic_length(name, item, REFERENCE_ENERGY).cm)


def _photons(
    experiment: Experiment,
    channel: DecayChannel,
    daughters: Array,
    start: Array,
    parent: Array,
    where: Array,
    quiet: float,
    rng: np.random.Generator,
) -> tuple[Array, Mask]:
    """(energy of neutral pions that reaches the target, GeV; whether a photon of more than `quiet`
    GeV hits the VHCAL).

    Straight lines from the decay: into the target or the VHCAL by any wall, not through its hole.
    """
    n = len(where)
    energy, veto = np.zeros(n), np.zeros(n, bool)
    pi0 = hadron("pi0")
    shields = [item for item in experiment.detector.calorimeter if item.kind == "vhcal"]
    rows = boxes_of([experiment.target, *shields])
    for i, name in enumerate(channel.daughters):
        if name != "pi0":
            continue
        pair = decay_in_flight(pi0, pi0.channels[0], daughters[:, i], rng)
        for j in range(2):
            slope = parent[:, 2:] + pair[:, j, 1:3] / np.maximum(pair[:, j, 3:], 1e-9)
            ray = np.column_stack([start[:, :2], slope])
            hit = straight_paths(ray, where, rows) > 0.0
            seen = hit[:, 0] & (pair[:, j, 3] > 0.0)
            energy += np.where(seen, pair[:, j, 0], 0.0)
            veto |= ~seen & hit[:, 1:].any(axis=1) & (pair[:, j, 0] > quiet)
    return energy, veto


@lru_cache(maxsize=8)
def _hard_collisions(experiment: Experiment, n: int, seed: int) -> tuple[Array, Array, Array]:
    """(fraction lost, transverse momentum (n, 2) GeV, weight), summing to the chance per muon."""
    from mutau.detector.studies import hard_losses

    sample = hard_losses(experiment, n, stream(seed, 7), low=_LEAST_LOSS)
    fraction = 1.0 - sample.p_lepton[:, 0] / experiment.beam.energy
    return fraction, sample.p_lepton[:, 1:3], sample.weights


def passes(experiment: Experiment, cuts: MuonCuts, tracks: MuonTracks, ecal: Array) -> Array:
    """(N,) chance that a single muon with these crossings passes trigger and selection.

    ecal : (N,) GeV, what is seen in the target beside what the muon ionises.
    """
    fired = tracks.all_of(tracks.triggers) & ~tracks.any_of(tracks.vetoes)
    fired &= tracks.all_of(outgoing_trackers(experiment))
    fired &= ~tracks.any_of(muon_vetoes(experiment, cuts.vhcal))
    fired &= ecal + _muon_mean(experiment, tracks) <= cuts.calorimeters
    crossed = {name: tracks.crossed(name) for name in modules(experiment, "hcal")}
    seen = np.where(fired, mip_probability(experiment, tracks.behind, cuts.hcal, crossed), 0.0)
    return np.asarray(seen * reconstructed_below(tracks.behind, cuts))


def selected_decays(
    experiment: Experiment,
    name: str,
    channel: DecayChannel,
    *,
    n: int = DEFAULT_EVENTS,
    seed: int = 1,
    path: float | None = None,
    beam: BeamHadrons | None = None,
) -> Selected:
    """One channel with a muon, through the selection, per beam muon on target.

    name : "pi-", "K-" or "K_L". n : decays drawn. path : cm; default that of the file. beam :
    hadrons per muon. Statistical errors of a weighted sample.
    What counts as on target is what passes the counters before it, for muons as for hadrons.
    Decays inside and behind the target, up to the first tracker, count as well: a hadron that has
    not interacted there leaves no more than a muon.
    Left out: optics between decay and target (field-free flight), energy loss in beam windows.
    """
    cuts, particle = cuts_of(experiment), hadron(name)
    beam = contamination(experiment) if beam is None else beam
    path = experiment.beam.decay_path if path is None else path
    if not (math.isfinite(path) and path > 0.0):
        place = f"{experiment.name}: beam/decay_path"
        raise OutOfRange(f"decay path of {path!r} cm", place=place, allowed="above 0")
    rng = stream(seed, *(ord(letter) for letter in name + channel.label))
    sample, chance, on_target = _decays(experiment, particle, channel, cuts, n, path, rng)
    scale = beam.of(particle.name) * chance / on_target
    photons = np.where(sample.photon_veto | ~sample.upstream, np.inf, sample.photon)
    fixed = (sample.track, sample.energy, sample.start)
    plain = carry(experiment, *fixed, rng)
    weight = passes(experiment, cuts, _on_time(plain, sample, experiment), photons)
    weight = weight * sample.survived
    fraction, deflection, hard = _hard_collisions(experiment, n, seed)
    order = rng.permutation(n)
    fraction, deflection, hard = fraction[order], deflection[order], hard[order]
    lost = fraction * sample.energy
    left = np.maximum(sample.energy - lost, M_MU)
    tried = (sample.energy > cuts.muon_energy) & (lost <= cuts.calorimeters)
    tried &= (reconstructed_below(left, cuts) > 1e-6) & (sample.start < experiment.target.z)
    hard_weight = np.zeros(n)
    if tried.any():
        # where the muon without it is too fast: no double counting
        slow = 1.0 - reconstructed_below(plain.behind[tried], cuts)
        sudden = np.column_stack([lost[tried], deflection[tried] / left[tried, None]])
        part = _Sample(*(getattr(sample, key)[tried] for key in _Sample.__slots__))
        tracks = carry(experiment, part.track, part.energy, part.start, rng, sudden=sudden)
        energy = photons[tried] + lost[tried]
        got = passes(experiment, cuts, _on_time(tracks, part, experiment), energy)
        hard_weight[tried] = n * hard[tried] * slow * got
    stopping = weighted_sum(weight * (scale / n), fixed=True)
    sudden_loss = weighted_sum(hard_weight * (scale / n), fixed=True)
    return Selected(name, channel.label, scale, stopping, sudden_loss)


def _muon_mean(experiment: Experiment, tracks: MuonTracks) -> Array:
    """(N,) mean deposit of a muon of half the beam energy in the target and in the modules of the
    HCAL that it crosses, GeV."""
    from mutau.matter.muon_energy_loss import stopping_power

    energy = 0.5 * experiment.beam.energy
    target = material(experiment.target.material)
    length = experiment.target.thickness.cm(target.radiation_length_cm)
    found = np.full(len(tracks.touched), length * float(stopping_power(energy, target)))
    for item in experiment.detector.calorimeter:
        if item.kind == "hcal":
            one = item.length * float(stopping_power(energy, material(item.material)))
            found += np.where(tracks.crossed(item.name), one, 0.0)
    return found


def _on_time(tracks: MuonTracks, sample: _Sample, experiment: Experiment) -> MuonTracks:
    """Counters in front of the decay were crossed by the hadron: count what it did there."""
    bits = tracks.touched.copy()
    for counter in experiment.detector.counter:
        if counter.name in tracks.names and counter.role == "trigger":
            earlier = (counter.z < sample.start) & sample.upstream
            bits |= np.where(earlier, 1 << tracks.names.index(counter.name), 0)
    return replace(tracks, touched=bits)


def all_selected(
    experiment: Experiment,
    *,
    n: int = DEFAULT_EVENTS,
    seed: int = 1,
    path: float | None = None,
    beam: BeamHadrons | None = None,
) -> tuple[Selected, ...]:
    """All channels of pi- and K- with a muon (`selected_decays`)."""
    return tuple(
        selected_decays(experiment, name, channel, n=n, seed=seed, path=path, beam=beam)
        for name in ("pi-", "K-")
        for channel in hadron(name).channels
        if "mu" in channel.daughters
    )


def neutral_bound(
    experiment: Experiment, *, n: int = DEFAULT_EVENTS, seed: int = 1, path: float | None = None
) -> float:
    """K_L that decay to a muon and pass the selection, per beam muon: an upper bound.

    As many K_L as K-, measured upstream as if they were beam particles, and what flies beside the
    muon (a charged pion, a second track) not seen. A K_L leaves no track in the momentum stations,
    so none of these counts with the file's selection. Arguments as in `selected_decays`.
    Check: no more than the decays to pi mu nu themselves, 3e-8 x 2.0e-3 over 36 m at 160 GeV.
    """
    return sum(
        selected_decays(experiment, "K_L", channel, n=n, seed=seed, path=path).total
        for channel in hadron("K_L").channels
        if "mu" in channel.daughters
    )


def paper_estimate(experiment: Experiment, *, below: float = 100.0) -> float:
    """The NA64mu paper's arithmetic: K- per muon times the chance of K- -> mu nu with a muon below
    `below` GeV over the decay path, before the selection (sec. III C; it prints 3.3e-10)."""
    rows = decay_rows(experiment, below=below)
    return next(r.per_particle for r in rows if r.hadron == "K-" and r.channel == "mu nu")


@background_source("hadron-decays", "muon-brems")
def hadron_decays(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Hadrons decaying in flight, all channels with a muon (paper: 1.1e-11 for NA64mu).

    K_L stand in `parts` as a bound of their own (`neutral_bound`) and not in the total.
    """
    n = max(int(DEFAULT_EVENTS * effort), 1000)
    found = all_selected(experiment, n=n, seed=seed)
    passed = combined(item.passed for item in found)
    total = passed.value
    table = document()["contamination"]
    short = min(parse_quantity(table["spectrometer_path"], "length"), experiment.beam.decay_path)
    parts = {f"{item.hadron} to {item.channel}": item.total for item in found}
    parts["K- to mu nu below 100 GeV, no selection"] = paper_estimate(experiment)
    parts["with the absorber"] = sum(
        item.total * absorber_suppression(item.hadron) for item in found
    )
    parts[f"with a decay path of {short / 100.0:g} m"] = sum(
        item.total for item in all_selected(experiment, n=n, seed=seed, path=short)
    )
    parts |= passed.parts()
    bound, absorbed = neutral_bound(experiment, n=n, seed=seed), absorber_suppression("K_L")
    parts["K_L, bound, not counted"] = bound
    parts["K_L, bound, with the absorber"] = bound * absorbed
    parts[f"K_L, bound, with a decay path of {short / 100.0:g} m"] = neutral_bound(
        experiment, n=n, seed=seed, path=short
    )
    return Estimate(
        "hadron-decays",
        total,
        passed.err,
        MODEL_ERROR * total,
        "weighted Monte Carlo, forced decay, forced hard loss",
        "pions and kaons per beam muon; straight flight to the target" + beam_note(experiment),
        "mu.table1.hadrons",
        parts,
    )
