"""Background from muon pairs made in the target: mu N -> mu N mu+ mu- with two muons overlooked.

What passes: a muon that opens wide enough to leave through the last centimetres of the VHCAL's wall
and so past every plane, where the cut allows the deposit of so short a path.

Events of three muons are exact (`dimuon_events`), every muon is carried through the set-up by the
walk of the package's fast mode, and what must go wrong for a single muon of low momentum to be seen
(two tracks missed, minimum-ionising deposits of two or three taken for one) acts by its
probability. Each event is tried at many places, depths and azimuths: the error is that of events.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.dimuon_events import (
    ERROR,
    HARDER,
    MARGIN,
    OPPOSITE,
    SOFTER,
    Triples,
    converted_triples,
    direct_triples,
    quasi_elastic_part,
)
from mutau.background.dimuon_production import pair_production
from mutau.background.estimate import Estimate, background_source
from mutau.background.hadron_decays_hcal import ionisation_below
from mutau.background.hadron_decays_tracks import (
    MuonTracks,
    beam_tracks,
    carry,
    outgoing_trackers,
    reconstructed_below,
)
from mutau.background.weights import WeightedSum, combined, weighted_sum
from mutau.core.constants import M_MU
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.core.records import zeros
from mutau.detector.beam_moments import beam_note
from mutau.detector.geometry import build_geometry
from mutau.matter import material
from mutau.matter.landau import most_probable
from mutau.selection.missing_momentum import MuonCuts, cuts_of
from mutau.transport.particle import MUON, Place, State
from mutau.transport.pieces import boxes_of, target_length
from mutau.transport.walls import straight_paths

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

#: Events drawn, all classes together, and the fewest: with less, too few decide.
DEFAULT_EVENTS: Final = 40_000
_FEWEST: Final = 8_000
#: Fraction of the events that each class gets: muon seen, both others wide or not; and the pairs of
#: real photons.
_CLASSES: Final = {
    (HARDER, True): 0.6, (SOFTER, True): 0.2, (OPPOSITE, True): 0.02,
    (HARDER, False): 0.08, (SOFTER, False): 0.05, (OPPOSITE, False): 0.01,
}  # fmt: skip
_CONVERTED: Final = {True: 0.02, False: 0.02}
#: Places, depths and azimuths at which an event is tried, by wide or not; tries carried at a time.
TRIES: Final = {True: 200, False: 48}
_PIECE: Final = 100_000
#: Fraction of the tries that turn a muon to within SPREAD (rad) of the vertical.
UPRIGHT: Final = 0.9
SPREAD: Final = 0.45
#: Two tracks closer than this in a plane make one hit, cm: four strips of 0.25 mm (assumption).
TWO_HITS: Final = 0.1
#: HCAL cut (GeV) between one muon, most probably 3.4 GeV in two modules, and two, 7.0 GeV.
DOUBLE_MIP: Final = 6.0
STEPS: Final = ("made", "triggered", "one track", "below half", "selected")
#: Planes that must see a muon apart from the others to tell the event: one hit in each plane is
#: what fig. 5 of the NA64mu paper asks for.
PLANES: Final = 1
#: Scale of the VHCAL's deposits, relative: its threshold is of the same order.
SCALE: Final = 0.2
#: Fraction of the result that may stand outside the classes of events: pairs of which no muon is
#: wide (two of three within TWO_HITS of each other in all planes). Assumed: no sample was drawn
#: there.
OUTSIDE: Final = 0.02
#: Events whose deposits in the VHCAL pass its cut with less chance are not carried any further.
_SEEN: Final = 1e-6
_SLOWEST: Final = M_MU + 0.05
#: Smallest cosine to the beam of a muon that is followed.
_STEEP: Final = 0.5
#: What is varied, each against the file: name -> (what, value).
VARIANTS: Final = {
    "VHCAL cut halved": ("vhcal", 0.5),
    "VHCAL cut doubled": ("vhcal", 2.0),
    "VHCAL scale up": ("vhcal", 1.0 / (1.0 + SCALE)),
    "VHCAL scale down": ("vhcal", 1.0 + SCALE),
    "two hits apart at half the distance": ("two_hits", 0.5),
    "two hits apart at twice the distance": ("two_hits", 2.0),
    "a track needs 3 planes": ("planes", 3.0),
    "without the double-MIP cut": ("mips", math.inf),
    "HCAL below 6 GeV, without the double-MIP cut": ("hcal", DOUBLE_MIP),
}


@dataclass(frozen=True, slots=True)
class DimuonRates:
    """Muon pairs per beam muon on target, after each step, with statistical errors.

    names, value, err : STEPS: "made" (within the classes of `dimuon_events`), "triggered", "one
    track" (two of three muons not seen by the trackers), "below half" (of the beam energy),
    "selected" (HCAL too: everything). variants : VARIANTS -> the last one with that changed.
    converted : part of the last one that real photons make. events : drawn.
    passed : the sum of weights of the last one.
    """

    names: tuple[str, ...]
    value: Array
    err: Array
    variants: dict[str, float]
    converted: float
    events: int
    passed: WeightedSum


@dataclass(frozen=True, slots=True)
class _Tried:
    """N tries of events. start : (N, 3, 4) tracks behind the target; energy : (N, 3) there."""

    start: Array
    energy: Array
    weight: Array
    event: NDArray[np.int64]


def _others(seen: int) -> list[int]:
    """The muons that are not seen."""
    return [i for i in range(3) if i != seen]


def _azimuths(muon: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(N,) angles to turn events by, and their density times 2 pi.

    UPRIGHT of them bring the muon (N, 4) near the vertical, where planes and HCAL are lower.
    Check: the mean of 1/density is 1.
    """
    n = len(muon)
    now = np.arctan2(muon[:, 2], muon[:, 1])
    upright = rng.random(n) < UPRIGHT
    side = np.where(rng.random(n) < 0.5, 0.5, -0.5) * math.pi
    near = side + SPREAD * (2.0 * rng.random(n) - 1.0)
    then = np.where(upright, near, math.pi * (2.0 * rng.random(n) - 1.0))
    within = np.abs(np.abs(then) - 0.5 * math.pi) < SPREAD
    return then - now, 1.0 - UPRIGHT + np.where(within, UPRIGHT * 0.5 * math.pi / SPREAD, 0.0)


def _at_vertices(experiment: Experiment, events: Triples, rng: np.random.Generator) -> _Tried:
    """Events turned about the beam and placed in the target, carried to its end.

    The incoming muon is drawn from the beam on target; what it loses on its way to the vertex (up
    to 0.3 % of its energy) and its own scattering are left out.
    """
    from mutau.background.dimuon_kernels import leave_target

    target = experiment.target
    length = target_length(target)
    number = np.repeat(np.arange(len(events.p4)), TRIES[events.wide])
    n = len(number)
    beam = beam_tracks(experiment, n, rng)
    depth = length * rng.random(n)
    p4 = events.p4[number]
    angle, density = _azimuths(p4[:, _others(events.seen)[0]], rng)
    across = np.empty((n, 3, 2))
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    across[..., 0] = c * p4[..., 1] - s * p4[..., 2]
    across[..., 1] = s * p4[..., 1] + c * p4[..., 2]
    forward = p4[..., 3] > _STEEP * p4[..., 0]
    muons = zeros(State, 3 * n)
    slope = across / np.where(forward, p4[..., 3], 1.0)[..., None] + beam[:, None, 2:]
    vertex = beam[:, :2] + depth[:, None] * beam[:, 2:]
    for i, (place, tilt) in enumerate((("x", "tx"), ("y", "ty"))):
        muons[place] = np.repeat(vertex[:, i], 3)
        muons[tilt] = np.where(forward, slope[..., i], 0.0).ravel()
    muons["energy"] = np.where(forward, p4[..., 0], 0.0).ravel()
    muons["z"] = np.repeat(target.z + depth, 3)
    muons["mass"], muons["kind"] = M_MU, MUON
    muons["charge"] = np.tile([1.0, 1.0, -1.0], n)
    setup = build_geometry(experiment).setup
    leave_target(
        rng, setup._replace(pieces=setup.pieces[setup.pieces["target"] == 1]), muons,
        target.z + length, zeros(Place, 1),
    )  # fmt: skip
    start = np.stack([np.asarray(muons[name]) for name in ("x", "y", "tx", "ty")], axis=-1)
    thick = target.thickness.cm(material(target.material).radiation_length_cm)
    weight = events.weight[number] * thick / TRIES[events.wide] / density
    return _Tried(start.reshape(n, 3, 4), np.asarray(muons["energy"]).reshape(n, 3), weight, number)


def _missed(
    experiment: Experiment, tracks: MuonTracks, seen_as: int, n: int,
    distance: float = TWO_HITS, needed: int = PLANES,
) -> Array:  # fmt: skip
    """(N, 3) chance that each muon is not found beside muon `seen_as` (whose column is 1).

    Not found: fewer than `needed` planes see it more than `distance` (cm) apart from that muon.
    """
    names = outgoing_trackers(experiment)
    planes = {item.name: item for item in experiment.detector.tracker}
    chance = np.zeros((n, 3, needed))  # of 0, 1, ... planes so far
    chance[:, :, 0] = 1.0
    for name in names:
        crossed = tracks.crossed(name).reshape(n, 3)
        at = tracks.position[name].reshape(n, 3, 2)
        gap = np.linalg.norm(at - at[:, seen_as : seen_as + 1], axis=-1)
        apart = crossed & (np.nan_to_num(gap, nan=np.inf) > distance)
        p = np.where(apart, planes[name].efficiency, 0.0)
        before = chance.copy()
        chance *= (1.0 - p)[:, :, None]
        chance[:, :, 1:] += p[:, :, None] * before[:, :, :-1]
    missed = chance.sum(axis=-1)
    missed[:, seen_as] = 1.0
    return np.asarray(missed)


def vhcal_below(
    experiment: Experiment, limit: float, start: Array, energy: Array, z: float
) -> Array:
    """(N,) chance that the muons of an event leave at most `limit` GeV in the VHCAL.

    start : (N, K, 4) x, y (cm) and slopes on the plane z (cm). energy : (N, K) GeV there, 0 for
    none. Straight lines: scattering within the copper is left out (below 1 mm above 10 GeV).
    Check: 1 through the hole; as a crossing of the whole module in its walls.
    """
    if not math.isfinite(limit):
        return np.ones(len(energy))
    parts = [item for item in experiment.detector.calorimeter if item.kind == "vhcal"]
    paths = straight_paths(start.reshape(-1, 4), z, boxes_of(parts)).reshape(
        *energy.shape, len(parts)
    )
    slant = np.sqrt(1.0 + np.sum(start[..., 2:] ** 2, axis=-1)) * (energy > 0.0)
    fractions = {
        item.name: slant * paths[..., i] / item.length for i, item in enumerate(parts)
    }  # fmt: skip
    return ionisation_below(experiment, limit, energy, fractions, "vhcal")


def _fired(experiment: Experiment, tracks: MuonTracks, z: float, n: int) -> Array:
    """(N,) whether the trigger fires: every later counter by any of three muons, no veto."""
    fired = ~tracks.any_of(tracks.vetoes).reshape(n, 3).any(axis=1)
    for name in tracks.triggers:
        if experiment.detector[name].z > z:
            fired &= tracks.crossed(name).reshape(n, 3).any(axis=1)
    return np.asarray(fired)


def _module_below(
    experiment: Experiment, module: str, limit: float, energy: Array,
    crossed: dict[str, NDArray[np.bool_]],
) -> Array:  # fmt: skip
    """(N,) chance that the muons of an event ionise at most `limit` GeV in one HCAL module."""
    alone = {name: there & (name == module) for name, there in crossed.items()}
    return ionisation_below(experiment, limit, energy, alone)


def _hcal_below(experiment: Experiment, tracks: MuonTracks, hcal: float, mips: float) -> Array:
    """(N,) chance that the muons of an event leave at most `hcal` GeV in the HCAL and look like at
    most `mips` muons in one of its modules.

    Of the two the smaller: the same deposits decide both, so it is an upper limit (within a factor
    2 where both are near a half). Radiation, which adds to deposits, is left out.
    """
    energy = tracks.behind.reshape(-1, 3)
    parts = [item for item in experiment.detector.calorimeter if item.kind == "hcal"]
    crossed = {item.name: tracks.crossed(item.name).reshape(-1, 3) for item in parts}
    whole = ionisation_below(experiment, hcal, energy, crossed)
    if not parts or not math.isfinite(mips):
        return np.asarray(whole)
    above = np.ones(len(energy))
    for item in parts:
        one = most_probable([(item.name, material(item.material), item.length)])
        above *= 1.0 - _module_below(experiment, item.name, mips * one, energy, crossed)
    return np.asarray(np.minimum(whole, 1.0 - above))


def _selected(
    experiment: Experiment, tried: _Tried, seen: int, rng: np.random.Generator
) -> tuple[list[Array], dict[str, Array]]:
    """Weights of tries after each step of STEPS but the first, and those after the last with one
    of VARIANTS changed; muon `seen` is the one found."""
    cuts, z = cuts_of(experiment), _end(experiment)
    loosest = max(value for what, value in VARIANTS.values() if what == "vhcal")
    kept = vhcal_below(experiment, loosest * cuts.vhcal, tried.start, tried.energy, z) > _SEEN
    start, energy = tried.start[kept], tried.energy[kept]
    n = len(energy)
    alive = energy > 0.0
    tracks = carry(
        experiment, start.reshape(-1, 4), np.where(alive, energy, _SLOWEST).ravel(), z, rng,
        charge=np.tile([1.0, 1.0, -1.0], n), positions=True,
    )  # fmt: skip
    tracks.touched[~alive.ravel()] = 0
    fires = np.asarray(_fired(experiment, tracks, z, n), bool)
    able = fires & tracks.all_of(outgoing_trackers(experiment)).reshape(n, 3)[:, seen]
    triggered = np.where(fires, tried.weight[kept], 0.0)
    triggered *= vhcal_below(experiment, cuts.vhcal, start, energy, z)
    chosen = np.flatnonzero(kept)[able]
    tracks = tracks.rows(np.repeat(able, 3))
    start, energy, fired, n = start[able], energy[able], tried.weight[chosen], int(able.sum())
    below = reconstructed_below(energy[:, seen], cuts)
    chances = {"vhcal": cuts.vhcal, "two_hits": TWO_HITS, "planes": PLANES,
               "hcal": cuts.hcal, "mips": cuts.hcal_mips}  # fmt: skip

    def steps(**changed: float) -> list[Array]:
        use = {**chances, **changed}
        first = fired * vhcal_below(experiment, use["vhcal"], start, energy, z)
        missed = _missed(experiment, tracks, seen, n, use["two_hits"], round(use["planes"]))
        single = first * np.prod(missed, axis=1)
        slow = single * below
        return [single, slow,
                slow * _hcal_below(experiment, tracks, use["hcal"], use["mips"])]  # fmt: skip

    def whole(weights: Array, rows: NDArray = chosen) -> Array:
        out = np.zeros(len(tried.weight))
        out[rows] = weights
        return out

    varied = {}
    for name, (what, value) in VARIANTS.items():
        if what in ("vhcal", "two_hits"):
            changed = {what: value * chances[what]}
        else:
            changed = {what: value, **({"mips": math.inf} if what == "hcal" else {})}
        varied[name] = whole(steps(**changed)[-1])
    return [whole(triggered, kept), *(whole(item) for item in steps())], varied


def _end(experiment: Experiment) -> float:
    """Rear of the target, cm."""
    target = experiment.target
    return target.z + target_length(target)


def _classes(
    experiment: Experiment, cuts: MuonCuts, n: int, rng: np.random.Generator
) -> Iterable[tuple[Triples, bool]]:
    """Samples of events, and whether real photons made them."""
    highest = min(MARGIN * cuts.muon_energy, 0.99 * experiment.beam.energy)
    for (seen, wide), part in _CLASSES.items():
        number = max(int(part * n), 10)
        for events in direct_triples(experiment, seen, highest, wide, number, rng):
            yield events, False
    for wide, part in _CONVERTED.items():
        for events in converted_triples(experiment, highest, wide, max(int(part * n), 40), rng):
            yield events, True


def dimuon_rates(experiment: Experiment, *, n: int = DEFAULT_EVENTS, seed: int = 1) -> DimuonRates:
    """Muon pairs through the selection, per beam muon on target.

    n : events drawn. Left out: hits and showers of delta rays (they only make more tracks), muons
    that decay or radiate in flight, photons of the second generation, and what lies outside the
    classes (OUTSIDE). Raises NotApplicable for a set-up without trackers.
    """
    if not outgoing_trackers(experiment):
        raise NotApplicable(
            "states no tracking planes behind the target, so nothing tells three muons from one",
            place=f"{experiment.name}: detector/tracker",
        )
    rng = stream(seed, 31)
    sums: list[list[WeightedSum]] = []
    variants = dict.fromkeys(VARIANTS, 0.0)
    converted, drawn = 0.0, 0
    for events, real in _classes(experiment, cuts_of(experiment), n, rng):
        steps: list[list[Array]] = [[] for _ in STEPS]
        size = _PIECE // TRIES[events.wide]
        for low in range(0, len(events.p4), size):
            part = events.part(low, low + size)
            tried = _at_vertices(experiment, part, rng)
            later, varied = _selected(experiment, tried, events.seen, rng)
            for step, weights in zip(steps, [tried.weight, *later], strict=True):
                step.append(np.bincount(tried.event, weights, len(part.p4)).astype(float))
            for name, weights in varied.items():
                variants[name] += float(weights.sum())
        sums.append([weighted_sum(np.concatenate(step), fixed=True) for step in steps])
        converted += sums[-1][-1].value if real else 0.0
        drawn += len(events.p4)
    totals = [combined(column) for column in zip(*sums, strict=True)]
    last = totals[-1]
    return DimuonRates(
        STEPS, np.array([item.value for item in totals]), np.array([item.err for item in totals]),
        variants, converted / last.value if last.value > 0.0 else 0.0, drawn, last,
    )  # fmt: skip


def paper_estimate(experiment: Experiment) -> float:
    """The NA64mu paper's number of pairs made in the target by real photons, per muon, by our cross
    sections (sec. III C; it prints ~ 1e-7)."""
    return pair_production(experiment).real


def _model_error(experiment: Experiment, rates: DimuonRates, rate_error: float) -> float:
    """Error of the physics put in and of what is assumed about counting, absolute.

    In quadrature: the rates; half of what leaves a broken nucleus, known to a factor; half the
    range over the distance of two hits; over the VHCAL's scale; over whether the double-MIP cut
    or a sum of 6 GeV tells two muons in the HCAL; what lies outside the classes; and the
    numerical error of their cross sections.
    """
    value = float(rates.value[-1])
    cuts = cuts_of(experiment)
    broken = quasi_elastic_part(experiment, MARGIN * cuts.muon_energy)
    by = rates.variants
    ranges = [
        ("VHCAL scale up", "VHCAL scale down"),
        ("two hits apart at half the distance", "two hits apart at twice the distance"),
        ("HCAL below 6 GeV, without the double-MIP cut",) * 2,
    ]
    halves = [
        0.5 * (max(value, *(by[name] for name in names)) - min(value, *(by[n] for n in names)))
        for names in ranges
    ]
    return math.hypot(
        *halves, value * rate_error, 0.5 * value * broken, value * OUTSIDE, value * ERROR
    )


@background_source("dimuons", "muon-brems")
def dimuons(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Pairs of muons from the target with two muons overlooked (paper: < 1e-12 for NA64mu)."""
    rates = dimuon_rates(experiment, n=max(int(DEFAULT_EVENTS * effort), _FEWEST), seed=seed)
    made = pair_production(experiment)
    last = float(rates.value[-1])
    counted = {name: rates.variants[name] for name in VARIANTS if "scale" not in name}
    parts = {
        "made by real photons": made.real,
        "made directly": made.direct,
        "made above half the energy": made.above(0.5 * experiment.beam.energy),
        **{name: float(number) for name, number in zip(rates.names, rates.value, strict=True)},
        **counted,
        "lowest over the assumptions": min(last, *counted.values()),
        "highest over the assumptions": max(last, *counted.values()),
        "part by real photons": rates.converted,
        "numerical error": ERROR * last,
        **rates.passed.parts(),
    }
    return Estimate(
        "dimuons",
        last,
        rates.passed.err,
        _model_error(experiment, rates, made.err),
        "exact 2 to 4, forced to large angles; missed tracks, VHCAL and HCAL by probability",
        "a further muon is overlooked where no plane sees it 1 mm apart; threshold of the VHCAL: "
        "its range is in the parts, not in the error" + beam_note(experiment),
        "mu.table1.dimuon",
        parts,
    )
