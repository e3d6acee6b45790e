"""Background from muon pairs made in the target: mu N -> mu N mu+ mu- with two muons overlooked.

What passes: a muon that opens wide enough to leave through the last centimetres of the VHCAL's wall
and so past every plane, where the cut allows the deposit of so short a path.

Weighted Monte Carlo of events with three muons: the pair's energy is drawn flat in ln v, every muon
is carried through the set-up, and what must go wrong for a single muon of low momentum to be seen
(two tracks missed, three minimum-ionising deposits taken for one) acts by its probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.dimuon_production import main_elements, pair_production
from mutau.background.estimate import Estimate, background_source
from mutau.background.hadron_decays_hcal import ionisation_below
from mutau.background.hadron_decays_tracks import (
    MuonTracks,
    beam_tracks,
    carry,
    modules,
    outgoing_trackers,
    reconstructed_below,
)
from mutau.background.weights import WeightedSum, weighted_sum
from mutau.core.constants import M_MU
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.detector.beam_moments import beam_note
from mutau.matter.materials import material
from mutau.matter.multiple_scattering import highland_angle
from mutau.matter.muon_energy_loss import stopping_power
from mutau.reactions.muon_pairs import trident_fully_differential
from mutau.selection.missing_momentum import cuts_of
from mutau.transport.pieces import SOLID, boxes_of, piece_of, target_sides
from mutau.transport.walls import straight_paths

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

DEFAULT_EVENTS: Final = 1_000_000
#: With fewer, less than ten events decide.
_FEWEST: Final = 60_000
#: Two tracks closer than this in a plane make one hit, cm: four strips of 0.25 mm (assumption).
TWO_HITS: Final = 0.1
#: HCAL cut (GeV) between one muon, most probably 3.4 GeV in two modules, and two, 7.0 GeV.
DOUBLE_MIP: Final = 6.0
STEPS: Final = ("made", "triggered", "one track", "below half", "hcal", "hcal below 6 GeV")
#: Planes that must see a muon apart from the others to tell the event: one hit in each plane is
#: what fig. 5 of the NA64mu paper asks for.
PLANES: Final = 1
#: Of the number after all cuts: TWO_HITS, PLANES, scales of HCAL and VHCAL, rate (25 %).
MODEL_ERROR: Final = 1.0
#: Events whose deposits in the VHCAL pass its cut with less chance are not carried any further.
_SEEN: Final = 1e-6
#: Transverse momenta of pairs are drawn from (1+u)^(-1-WIDE); the true spectrum falls like u^-2 and
#: faster, but what passes the cuts has opened wide. Half are drawn with the softer muon at AIMED
#: times the angle that passes the first plane by (any range is right, this one takes few events).
WIDE: Final = 0.5
AIMED: Final = (0.5, 4.0)
_SLOWEST: Final = M_MU + 0.05


@dataclass(frozen=True, slots=True)
class DimuonRates:
    """Muon pairs per beam muon on target, after each step, with statistical errors.

    names, value, err : STEPS: "made" (pair above the smallest v), "triggered", "one track" (two of
    three muons not seen by the trackers), "below half" (of the beam energy), "hcal" (the file's
    cut: everything), "hcal below 6 GeV" (a cut that takes two muons apart from one).
    two_in_hcal : of "below half", the fraction with at least two muons in the HCAL. events : drawn.
    passed : the sum of weights behind "hcal".
    """

    names: tuple[str, ...]
    value: Array
    err: Array
    two_in_hcal: float
    events: int
    passed: WeightedSum


def _plane(size: Array, rng: np.random.Generator) -> Array:
    phi = rng.uniform(0.0, 2.0 * math.pi, len(size))
    return size[:, None] * np.column_stack([np.cos(phi), np.sin(phi)])


def _passing_angle(experiment: Experiment) -> float:
    """Slope from the middle of the target to the nearer edge of the first plane behind it."""
    target = experiment.target
    middle = target.z + 0.5 * target.thickness.cm(material(target.material).radiation_length_cm)
    behind = [plane for plane in experiment.detector.tracker if plane.arm == "outgoing"]
    first = min(behind, key=lambda plane: plane.z)
    return 0.5 * min(first.width, first.height) / (first.z - middle)


def _drawn_wide(e2: Array, scale: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """u = P^2/e^2 of pairs and the density it was drawn from, both (N,).

    Half (1+u)^(-1-WIDE), all transverse momenta P; half even in ln P over AIMED times scale (GeV,
    (N,)), where the softer muon opens wide enough to pass the planes by.
    Check: the density integrates to 1.
    """
    low, high = (AIMED[0] * scale) ** 2 / e2, (AIMED[1] * scale) ** 2 / e2
    aimed = rng.random(len(e2)) < 0.5
    flat = rng.random(len(e2))
    u = np.where(aimed, low * (high / low) ** flat, (1.0 - flat) ** (-1.0 / WIDE) - 1.0)
    density = 0.5 * WIDE * (1.0 + u) ** (-1.0 - WIDE)
    inside = (u >= low) & (u <= high)
    density += np.where(inside, 0.5 / (np.maximum(u, low) * np.log(high / low)), 0.0)
    return u, density


@dataclass(frozen=True, slots=True)
class PairEvents:
    """N events of mu N -> mu N mu+ mu-, with weights that sum to the number per beam muon.

    muons : (N, 3, 3): energy (GeV), slopes in x and y to the incoming muon; in the order scattered
    muon, pair muon of its charge, pair muon of the other charge. v : energy of the pair over the
    muon's. weight : (N,).
    """

    muons: Array
    v: Array
    weight: Array


def draw_pairs(
    experiment: Experiment, n: int, rng: np.random.Generator, low: float = 0.4
) -> PairEvents:
    """Pair events in the target, with the exact cross section of the two-photon diagrams.

    n : events. low : smallest v. Drawn: v, Q^2 of the muon's photon and u = P^2/e^2 of the pair in
    proportion to 1/v, 1/Q^2 and as `_drawn_wide`, its fraction x flat. The other ways of production
    (real photons, radiative diagrams: a quarter above v = 1/2) scale the weight at given v.
    Transverse momentum is conserved but for what the nucleus takes, left out (below 50 MeV).
    """
    made, energy = pair_production(experiment), experiment.beam.energy
    target = material(experiment.target.material)
    thickness = experiment.target.thickness.cm(target.radiation_length_cm)
    top = math.log(float(made.v[-1]))
    v = np.exp(math.log(low) + (top - math.log(low)) * rng.random(n))
    least = M_MU**2 * v**2 / (1.0 - v)
    span = np.log(np.maximum(10.0 / least, 1.0))
    q2 = least * np.exp(span * rng.random(n))
    floor = np.minimum(1.5 * M_MU / (v * energy), 0.4)
    x = floor + (1.0 - 2.0 * floor) * rng.random(n)
    e2 = M_MU**2 + x * (1.0 - x) * q2
    soft = np.minimum(x, 1.0 - x) * v * energy
    u, density = _drawn_wide(e2, _passing_angle(experiment) * soft, rng)
    jacobian = v * (top - math.log(low)) * span * (1.0 - 2.0 * floor) * e2 / density
    weight = np.zeros(n)
    for nucleus, atoms in main_elements(target):
        sigma = trident_fully_differential(v, q2, x, u * e2, energy, nucleus)
        weight += atoms * thickness * PB_CM2 * sigma * jacobian
    recoil = _plane(np.sqrt(np.maximum((1.0 - v) * q2 - (M_MU * v) ** 2, 0.0)), rng)
    relative = _plane(np.sqrt(u * e2), rng)
    muons = np.empty((n, 3, 3))
    parts = [
        ((1.0 - v) * energy, recoil),
        (x * v * energy, relative - x[:, None] * recoil),
        ((1.0 - x) * v * energy, -relative - (1.0 - x)[:, None] * recoil),
    ]
    for i, (e, momentum) in enumerate(parts):
        muons[:, i, 0] = e
        muons[:, i, 1:] = momentum / e[:, None]
    return PairEvents(muons, v, weight * made.others(v) / n)


def _through_target(
    experiment: Experiment, muons: Array, rng: np.random.Generator
) -> tuple[Array, Array, float]:
    """Muons behind the target: tracks (N, 3, 4), energies (N, 3), and the place of that plane, cm.

    The incoming muon is drawn from the beam on target; the vertex is uniform in depth. Mean energy
    loss; Gaussian scattering of the whole remaining thickness, up to the target's side where that
    comes first.
    """
    n, target = len(muons), experiment.target
    medium = material(target.material)
    thickness = target.thickness.cm(medium.radiation_length_cm)
    start = beam_tracks(experiment, n, rng)
    depth = rng.random(n)
    rest = (1.0 - depth) * thickness
    vertex = start[:, :2] + (depth * thickness)[:, None] * start[:, 2:]
    slopes = start[:, None, 2:] + muons[:, :, 1:]
    rays = np.concatenate([np.broadcast_to(vertex[:, None], slopes.shape), slopes], axis=-1)
    block = piece_of(SOLID, 0.0, length=thickness, **target_sides(target))
    begin = np.repeat(depth * thickness, 3)
    matter = straight_paths(rays.reshape(-1, 4), begin, block).reshape(n, 3)
    energy = muons[:, :, 0] - matter * stopping_power(np.maximum(muons[:, :, 0], _SLOWEST), medium)
    alive = energy > _SLOWEST
    safe = np.where(alive, energy, 1.0)
    angle = highland_angle(safe, medium, np.maximum(matter, 0.05))
    tracks = np.empty((n, 3, 4))
    kinks = angle[:, :, None] * rng.standard_normal((n, 3, 2))
    tracks[:, :, 2:] = slopes + kinks
    tracks[:, :, :2] = (
        vertex[:, None]
        + rest[:, None, None] * slopes
        + (rest[:, None] - 0.5 * matter)[:, :, None] * kinks
    )
    return tracks, np.where(alive, energy, 0.0), target.z + thickness


def _missed(experiment: Experiment, tracks: MuonTracks, seen_as: int, n: int) -> Array:
    """(N, 3) chance that each muon is not found beside muon `seen_as` (whose column is 1).

    Not found: fewer than PLANES planes see it apart from that muon.
    """
    names = outgoing_trackers(experiment)
    planes = {item.name: item for item in experiment.detector.tracker}
    chance = np.zeros((n, 3, PLANES))  # of 0, 1, ... planes so far
    chance[:, :, 0] = 1.0
    for name in names:
        crossed = tracks.crossed(name).reshape(n, 3)
        at = tracks.position[name].reshape(n, 3, 2)
        gap = np.linalg.norm(at - at[:, seen_as : seen_as + 1], axis=-1)
        apart = crossed & (np.nan_to_num(gap, nan=np.inf) > TWO_HITS)
        p = np.where(apart, planes[name].efficiency, 0.0)
        before = chance.copy()
        chance *= (1.0 - p)[:, :, None]
        chance[:, :, 1:] += p[:, :, None] * before[:, :, :-1]
    missed = chance.sum(axis=-1)
    missed[:, seen_as] = 1.0
    return np.asarray(missed)


def dimuon_rates(
    experiment: Experiment, *, n: int = DEFAULT_EVENTS, seed: int = 1, low: float = 0.4
) -> DimuonRates:
    """Muon pairs through the selection, per beam muon on target.

    n : events drawn. low : smallest v; softer pairs cannot hide half of the beam's energy, nor do
    they change the muon's. Left out: hits and showers of delta rays (they only make more tracks),
    muons that decay or radiate in flight. Raises NotApplicable for a set-up without trackers.
    """
    if not outgoing_trackers(experiment):
        raise NotApplicable(
            "states no tracking planes behind the target, so nothing tells three muons from one",
            place=f"{experiment.name}: detector/tracker",
        )
    cuts = cuts_of(experiment)
    rng = stream(seed, 31)
    events = draw_pairs(experiment, n, rng, low)
    start, energy, z = _through_target(experiment, events.muons, rng)
    missed = vhcal_below(experiment, cuts.vhcal, start, energy, z)
    kept = missed > _SEEN
    made, weight = events.weight, (events.weight * missed)[kept]
    start, energy = start[kept], energy[kept]
    n_kept, alive = len(energy), energy > 0.0
    charge = np.tile([1.0, 1.0, -1.0], (n_kept, 1))
    tracks = carry(
        experiment,
        start.reshape(-1, 4),
        np.where(alive, energy, _SLOWEST).ravel(),
        z,
        rng,
        charge=charge.ravel(),
        positions=True,
    )
    tracks.touched[~alive.ravel()] = 0
    weight = weight * _fired(experiment, tracks, z, n_kept)
    whole = tracks.all_of(outgoing_trackers(experiment)).reshape(n_kept, 3)
    below = reconstructed_below(energy, cuts)
    single, slow = np.zeros(n_kept), np.zeros(n_kept)
    for j in range(3):
        others = whole[:, j] * np.prod(_missed(experiment, tracks, j, n_kept), axis=1)
        single += others
        slow += others * below[:, j]
    crossed = {name: tracks.crossed(name).reshape(-1, 3) for name in modules(experiment, "hcal")}
    limits = (cuts.hcal, min(cuts.hcal, DOUBLE_MIP))
    below_hcal = [
        ionisation_below(experiment, limit, tracks.behind.reshape(-1, 3), crossed)
        for limit in limits
    ]
    in_hcal = tracks.any_of(modules(experiment, "hcal")).reshape(-1, 3).sum(axis=1)
    steps = [made, weight, weight * single, weight * slow]
    steps += [steps[-1] * chance for chance in below_hcal]
    two = float(np.sum(steps[3] * (in_hcal > 1)) / max(float(np.sum(steps[3])), 1e-300))
    sums = [weighted_sum(step) for step in steps]
    return DimuonRates(
        STEPS,
        np.array([item.value for item in sums]),
        np.array([item.err for item in sums]),
        two,
        n,
        sums[STEPS.index("hcal")],
    )


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
    paths = straight_paths(start.reshape(-1, 4), z, boxes_of(parts)).reshape(*energy.shape, -1)
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


def paper_estimate(experiment: Experiment) -> float:
    """The NA64mu paper's number of pairs made in the target by real photons, per muon, by our cross
    sections (sec. III C; it prints ~ 1e-7)."""
    return pair_production(experiment).real


@background_source("dimuons", "muon-brems")
def dimuons(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Pairs of muons from the target with two muons overlooked (paper: < 1e-12 for NA64mu)."""
    rates = dimuon_rates(experiment, n=max(int(DEFAULT_EVENTS * effort), _FEWEST), seed=seed)
    made = pair_production(experiment)
    value = dict(zip(rates.names, rates.value, strict=True))
    last = float(value["hcal"])
    parts = {
        "made by real photons": made.real,
        "made directly": made.direct,
        "made above half the energy": made.above(0.5),
        **{name: float(number) for name, number in value.items()},
        **rates.passed.parts(),
    }
    return Estimate(
        "dimuons",
        last,
        float(rates.err[rates.names.index("hcal")]),
        MODEL_ERROR * last,
        "weighted Monte Carlo, missed tracks and HCAL by probability",
        "a further muon is overlooked where no plane sees it 1 mm apart; HCAL cut of the file"
        + beam_note(experiment),
        "mu.table1.dimuon",
        parts,
    )
