"""Wrong momentum from a knock-on electron whose hits are taken for the muon's.

The muon strikes an electron in a plane or in the air between planes. Behind, both make hits; where
the plane misses the muon, or the choice falls on the wrong one, the track bends like an electron.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.momentum_losses import force_loss, forced_of
from mutau.background.momentum_matter import D_MAX
from mutau.background.momentum_sampling import (
    Integral,
    Observed,
    Spectrometer,
    TrackCuts,
    counters_hit,
    integrate,
    observe,
    spectrometer,
    triggers,
)
from mutau.core.constants import M_E
from mutau.core.errors import NotApplicable, OutOfRange
from mutau.core.records import zeros
from mutau.detector.tracking import choose_hits, fit_tracks
from mutau.experiment import replace

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Two particles closer than this in a plane make one hit in the middle, cm. Assumed: a few strips.
MERGED: Final = 0.1
#: Displacements of a muon's hit beyond this (cm, three times the resolution) spoil it.
FAR: Final = 0.03
#: Share of events that are not drawn where most wrong tracks come from: those with fewer spoiled
#: hits, kinked by their loss, come from everywhere.
_PLAIN: Final = 0.6
#: Softest electron that is followed, GeV; softer ones leave the planes.
T_MIN: Final = 0.3
#: Hits of a muon that make it a track of its own, beside the one that is used.
SECOND_TRACK: Final = 4
_ADDED: Final = "extra"
#: How often the simulation spoils 0, 1, ... of a muon's hits that stand apart; weights correct it.
#: Most that counts has two or three of them spoiled; the fewer, the more nature has.
_SPOILED: Final = np.array([0.04, 0.10, 0.60, 0.20, 0.03, 0.02, 0.02])


@dataclass(frozen=True)
class TwoTracks:
    """Muon and electron of N events in P planes.

    muon, electron : (N, P, 2) cm, measured if seen. muon_in, electron_in : (N, P), inside the
    plane. merged : (N, P), both inside and too close to tell apart. transfer : (N,) GeV.
    weight : (N,), expected number.
    """

    muon: Array
    electron: Array
    muon_in: Mask
    electron_in: Mask
    merged: Mask
    muon_end: Array
    electron_end: Array
    electron_out: Mask
    transfer: Array
    weight: Array


def two_tracks(
    spec: Spectrometer, u: Array, rng: np.random.Generator, d_top: float = D_MAX
) -> TwoTracks:
    """Muons that each strike one electron between the planes, and the electrons.

    u : (N, 3), see `momentum_losses.force_loss`. d_top : as in `momentum_sampling.observe`.
    The electron bends as charge and momentum say and scatters softly; it does not
    radiate (0.01 X0 of air).
    """
    from mutau.background.momentum_kernels import Crossing, Happening, arm_kernel
    from mutau.transport.particle import ELECTRON, State

    arm, n = spec.arm, len(u)
    losses = force_loss(spec, u, "knock-on", T_MIN / spec.arm.energy, rng)
    transfer = losses.v * arm.energy
    seen = observe(spec, n, rng, forced_of(losses, arm.energy), d_top=d_top)
    momentum = np.sqrt(transfer * (transfer + 2.0 * M_E))
    along = np.sqrt(np.maximum(momentum**2 - np.sum(losses.deflection**2, axis=1), 1e-12))
    state = seen.before_loss.copy()
    state[:, 2:4] -= losses.deflection / along[:, None]
    state[:, 4] = -1.0 / momentum
    wild = np.any(np.abs(state[:, 2:4]) > 1.0, axis=1) | (losses.weight == 0.0)
    state[wild, 2:4], state[wild, 4] = 0.0, -1.0
    n_planes = len(arm.names)
    at, crossed = np.zeros((n, n_planes, 2)), np.zeros((n, n_planes), bool)
    nothing = Happening(np.full((n, 0), np.inf), np.zeros((n, 0, 2)), np.zeros((n, 0)))
    crossing = Crossing(at, crossed, np.zeros((0, 5)), zeros(State, 1))
    arm_kernel(rng, state, losses.where, spec.walk, ELECTRON, nothing, crossing)
    muon_in = np.all(np.abs(seen.at - arm.centre) <= arm.half, axis=2) & _reached(seen)
    electron_in = crossed & np.all(np.abs(at - arm.centre) <= arm.half, axis=2)
    near = np.hypot(*np.moveaxis(at - seen.at, 2, 0)) < MERGED
    noise = arm.resolution[:, None] * rng.standard_normal((n, n_planes, 2))
    merged = muon_in & electron_in & near
    muon = np.where(merged[:, :, None], 0.5 * (seen.hits + at), seen.hits)
    weight = np.where(wild, 0.0, losses.weight)
    return TwoTracks(
        muon, at + noise, muon_in, electron_in, merged, seen.end, state, crossed[:, -1], transfer,
        weight,
    )  # fmt: skip


def _reached(seen: Observed) -> Mask:
    """Planes that the muon came to (a muon that stops leaves zeros)."""
    return np.asarray(np.any(seen.at != 0.0, axis=2))


def _one_hit_per_plane(
    spec: Spectrometer, cuts: TrackCuts, both: TwoTracks, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Weights of events with exactly one hit in each plane that give a low momentum.

    Where the two are apart, one of them was missed: which one is drawn evenly.
    """
    efficiency = spec.arm.efficiency
    apart = both.muon_in & both.electron_in & ~both.merged
    electron = (apart & (rng.random(apart.shape) < 0.5)) | (both.electron_in & ~both.muon_in)
    weight = both.weight * np.prod(
        np.where(apart, 2.0 * efficiency * (1.0 - efficiency), efficiency), axis=1
    )
    hit = both.muon_in | both.electron_in
    fit = fit_tracks(
        np.where(electron[:, :, None], both.electron, both.muon), hit, spec.arm,
        max_removed=cuts.max_removed,
    )  # fmt: skip
    wrong = fit.ok & np.any(electron & fit.used, axis=1) & (fit.momentum <= cuts.below)
    wrong &= (fit.used.sum(axis=1) >= cuts.min_hits) & (fit.p_value >= cuts.p_value)
    return weight * wrong, weight * wrong


def _choose(where: Mask, chance: Array, rng: np.random.Generator) -> tuple[Mask, Array]:
    """Planes to spoil among those marked (N, P), and the weight of the draw (N,).

    chance : (P,) natural probability. How many are chosen is drawn from _SPOILED, which ones
    evenly. The mean weight of every set of planes is its natural probability.
    """
    n, planes = where.shape
    fractions = np.append(_SPOILED, np.full(max(planes + 1 - len(_SPOILED), 0), _SPOILED[-1]))
    number, climb = where.sum(axis=1), np.cumsum(fractions)
    count = np.searchsorted(climb, rng.random(n) * climb[number], side="right")
    count = np.minimum(count, number)
    place = np.where(where, rng.random(where.shape), 2.0).argsort(axis=1).argsort(axis=1)
    chosen = where & (place < count[:, None])
    nature = np.where(chosen, chance, np.where(where, 1.0 - chance, 1.0)).prod(axis=1)
    ways = np.array([[math.comb(i, j) for j in range(planes + 1)] for i in range(planes + 1)])
    return chosen, nature * ways[number, count] * climb[number] / fractions[count]


def _muon_hits(
    spec: Spectrometer, both: TwoTracks, rng: np.random.Generator
) -> tuple[Array, Mask, Array]:
    """Hits of the muon (N, P, 2), which of them are seen, and the weight (N,).

    A hit is spoiled where the plane misses it or a knock-on electron in the gas displaces it by
    more than FAR. Where the electron is apart that is biased, elsewhere natural.
    """
    efficiency, far = spec.arm.efficiency, spec.displacements.number(FAR)
    chance = 1.0 - efficiency * (1.0 - far)
    apart = both.muon_in & both.electron_in & ~both.merged
    spoiled, weight = _choose(apart, chance, rng)
    spoiled |= ~apart & (rng.random(apart.shape) < chance)
    displaced = spoiled & (rng.random(apart.shape) * chance < efficiency * far)
    muon = both.muon.copy()
    for plane in range(apart.shape[1]):
        rows = np.flatnonzero(displaced[:, plane])
        muon[rows, plane] += spec.displacements.draw(plane, len(rows), rng, FAR)
    return muon, both.muon_in & (displaced | ~spoiled), weight


def _one_track(
    spec: Spectrometer, cuts: TrackCuts, both: TwoTracks, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Weights of events whose best combination of hits gives a low momentum and is the only track.

    The muon's own hits must not make a track of SECOND_TRACK planes, two wrong ones left out.
    """
    efficiency = spec.arm.efficiency
    at, muon, weight = _muon_hits(spec, both, rng)
    weight = both.weight * weight
    electron = both.electron_in & ~both.merged & (rng.random(muon.shape) < efficiency)
    count = muon.astype(np.int64) + electron
    points = np.stack([at, both.electron], axis=2)
    first = np.where(muon[:, :, None], points[:, :, 0], points[:, :, 1])
    points = np.stack([first, points[:, :, 1]], axis=2)
    out, hints = np.zeros(len(weight)), np.zeros(len(weight))
    rows = np.flatnonzero(
        np.any(electron, axis=1) & (np.sum(count > 0, axis=1) >= cuts.min_hits) & (weight > 0.0)
    )
    if not len(rows):
        return out, hints
    fit, choice = choose_hits(points[rows], count[rows], spec.arm, max_removed=cuts.max_removed)
    picked = np.where(muon[rows], choice == 1, choice == 0) & electron[rows]
    wrong = fit.ok & np.any(picked & fit.used, axis=1) & (fit.momentum <= cuts.below)
    wrong &= (fit.used.sum(axis=1) >= cuts.min_hits) & (fit.p_value >= cuts.p_value)
    alone = fit_tracks(at[rows], muon[rows], spec.arm, max_removed=2)
    muon_track = alone.ok & (alone.used.sum(axis=1) >= SECOND_TRACK)
    muon_track &= alone.p_value >= 1e-3
    out[rows] = weight[rows] * (wrong & ~muon_track)
    hints[rows] = out[rows] + 1e-3 * weight[rows] * wrong
    return out, hints


def _trigger_of_two(spec: Spectrometer, both: TwoTracks) -> Mask:
    """(N,) each trigger counter behind the arm hit by one of the two, no veto by either."""
    hit = counters_hit(spec, both.muon_end) | (
        counters_hit(spec, both.electron_end) & both.electron_out[:, None]
    )
    return np.asarray(np.all(hit == triggers(spec), axis=1))


#: Rule -> weights of the events, and the largest displacement of hits that is left to nature, cm.
_RULES: Final = {"one hit per plane": (_one_hit_per_plane, D_MAX), "one track": (_one_track, FAR)}


def wrong_hits(
    spec: Spectrometer,
    cuts: TrackCuts,
    rule: str,
    n: int,
    rng: np.random.Generator,
    *,
    transfer_max: float = math.inf,
    muon_outside: bool = False,
) -> Integral:
    """Chance per muon that hits of a knock-on electron give a track of too low momentum.

    rule : "one hit per plane", nothing else was seen in any plane (every hit of the muon beside
    an electron's is lost by inefficiency); or "one track", any number of hits, the combination of
    smallest chi^2 counts, unless the muon's own hits make a second track. Muons that keep less
    than the limit are left out: they are slow indeed (`momentum_losses`).
    n : muons simulated. transfer_max : GeV, electrons up to this energy only (harder ones are seen
    in the calorimeters). muon_outside : count muons that pass beside a plane instead of those
    that cross all of them. The extra mean is the electron's energy, GeV.
    Raises OutOfRange for another rule.
    """
    if rule not in _RULES:
        raise OutOfRange(f"rule {rule!r}", allowed=" or ".join(_RULES))
    make, d_top = _RULES[rule]

    def function(u: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        both = two_tracks(spec, u, rng, d_top)
        values, hints = make(spec, cuts, both, rng)
        chosen = both.transfer <= min(transfer_max, spec.arm.energy - cuts.below)
        chosen &= np.all(both.muon_in, axis=1) != muon_outside
        if cuts.triggered:
            hints = hints * chosen
            values = values * _trigger_of_two(spec, both)
        return values * chosen, hints * chosen, both.transfer[:, None]

    return integrate(function, 3, n, rng, plain=_PLAIN)


def with_more_trackers(experiment: Experiment, n: int) -> Experiment:
    """The experiment with n further planes behind its magnet, copies of the last one.

    They stand evenly between the last two planes. Raises OutOfRange for n below 0, NotApplicable
    for an experiment with less than two outgoing planes.
    """
    if n < 0:
        raise OutOfRange(f"n = {n}", allowed="0 and above")
    document: dict[str, Any] = experiment.to_dict()
    trackers = document.get("detector", {}).get("tracker", [])
    planes = sorted(
        (t for t in experiment.detector.tracker if t.arm == "outgoing"), key=lambda t: t.z
    )
    if len(planes) < 2:
        raise NotApplicable("no two outgoing planes", place="detector/tracker")
    last = next(table for table in trackers if table["name"] == planes[-1].name)
    gap = planes[-1].z - planes[-2].z
    more = [
        last | {"name": f"{_ADDED}{i + 1}", "z": f"{planes[-2].z + gap * (i + 1) / (n + 1)!r} cm"}
        for i in range(n)
    ]
    return replace(experiment, "detector/tracker", [*trackers, *more])


def inefficiency_law(
    experiment: Experiment, cuts: TrackCuts, most: int, n: int, rng: np.random.Generator
) -> Integral:
    """`wrong_hits` with one hit per plane, and how it falls with further trackers.

    most : number of trackers that `with_more_trackers` adds; n : muons simulated.
    Returns the Integral with the trackers of the experiment alone; its extra means are the ratios
    to it with 1 … `most` of the further ones, on the same muons; in these every outcome counts with
    its probability, none is drawn. min_hits grows with them.
    The paper's law is a factor of the inefficiency per tracker (NA64mu paper, sec. III C).
    """
    spec = spectrometer(with_more_trackers(experiment, most))
    added = np.array([name.startswith(_ADDED) for name in spec.arm.names])
    efficiency = spec.arm.efficiency

    def wrong(both: TwoTracks, rows: NDArray[np.int64], electron: Mask, used: Mask) -> Mask:
        """Whether these hits of some events give a track of low momentum that uses a wrong one."""
        points = np.where(electron[:, :, None], both.electron[rows], both.muon[rows])
        fit = fit_tracks(points, np.broadcast_to(used, electron.shape), spec.arm)
        found = fit.ok & np.any(electron & used, axis=1) & (fit.momentum <= cuts.below)
        return np.asarray(found & (fit.p_value >= cuts.p_value))

    def function(u: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        both = two_tracks(spec, u, rng)
        chosen = (both.transfer <= spec.arm.energy - cuts.below) & np.all(both.muon_in, axis=1)
        apart = both.muon_in & both.electron_in & ~both.merged
        electron = apart & (rng.random(apart.shape) < 0.5)
        part = np.where(apart, 2.0 * efficiency * (1.0 - efficiency), efficiency)
        weight = both.weight * np.prod(np.where(added, 1.0, part), axis=1)
        first = weight * (chosen & wrong(both, np.arange(len(u)), electron, ~added))
        rows, ratios = np.flatnonzero(first > 0.0), np.zeros((len(u), most))
        for more in range(1, most + 1):
            new = np.flatnonzero(added)[:more]
            used = ~added | (np.cumsum(added) <= more)
            for missed in product((False, True), repeat=more):  # of the muon, in the new planes
                of_electron, alone = electron[rows].copy(), apart[np.ix_(rows, new)]
                of_electron[:, new] = alone & missed
                part = np.where(alone, efficiency[new] * (1.0 - efficiency[new]), efficiency[new])
                part = np.where(~alone & missed, 0.0, part).prod(axis=1)
                ratios[rows, more - 1] += part * wrong(both, rows, of_electron, used)
        return first, first, ratios

    return integrate(function, 3, n, rng)
