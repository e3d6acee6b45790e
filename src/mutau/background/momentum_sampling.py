"""A fast simulation of one spectrometer arm in which rare things can be forced to happen.

Everything is drawn as nature has it, except what is named as forced: hard deflections and displaced
hits, whose probability then stands in the weight. Forced variables are numbers in (0, 1) from a
grid that adapts to where wrong momenta come from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.momentum_matter import (
    D_MAX,
    D_MIN,
    Q_MAX,
    Q_MIN,
    Deflections,
    Displacements,
    build_deflections,
    build_displacements,
)
from mutau.background.weights import from_powers
from mutau.core.constants import M_MU
from mutau.core.errors import NotApplicable, OutOfRange
from mutau.core.records import zeros
from mutau.detector.beam_moments import described_beam
from mutau.detector.tracking import TrackFit, fit_tracks
from mutau.detector.tracking_geometry import Arm, build_arm, cut_into_steps
from mutau.reactions.importance import PLAIN, RandomFunction, adapted_grid, draw_points

if TYPE_CHECKING:
    from mutau.background.momentum_kernels import ArmWalk
    from mutau.experiment.schema import Counter, Experiment

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: Deflections above (GeV) and displacements beyond (cm) these are rare: forced or absent. What is
#: smaller is drawn as it comes.
Q_FORCED: Final = 0.1
D_FORCED: Final = 0.05


@dataclass(frozen=True)
class TrackCuts:
    """What counts as a muon of too low momentum.

    below : GeV, largest reconstructed momentum. min_hits : planes with a hit. p_value : smallest
    probability of chi^2 (0: no such cut). max_removed : hits that the fit may take out.
    triggered : the muon must also fire the trigger counters behind the arm and no veto there.
    """

    below: float
    min_hits: int
    p_value: float = 1e-3
    max_removed: int = 0
    triggered: bool = False

    def __post_init__(self) -> None:
        if not (self.below > 0.0 and 0.0 <= self.p_value < 1.0 and self.max_removed >= 0):
            raise OutOfRange(f"{self!r}", allowed="below > 0, p_value in [0, 1), max_removed >= 0")


@dataclass(frozen=True)
class Spectrometer:
    """An arm with its tables and the beam at its first plane.

    walk : the arm as a set-up, with the scattering by deflections softer than Q_MIN. momentum,
    spread : GeV and relative rms, behind the target. beam : (4,) rms of x, y (cm), dx/dz, dy/dz
    behind the target. drift : cm from there to the first plane. counters : those behind the arm.
    """

    arm: Arm
    deflections: Deflections
    displacements: Displacements
    walk: ArmWalk
    momentum: float
    spread: float
    beam: Array
    drift: float
    counters: tuple[Counter, ...]


def _counters(experiment: Experiment, behind: float) -> tuple[Counter, ...]:
    return tuple(c for c in experiment.detector.counter if c.z >= behind and c.role != "monitor")


@lru_cache(maxsize=16)
def spectrometer(experiment: Experiment, loss_max: float = 3.0) -> Spectrometer:
    """The outgoing arm of an experiment, met by beam muons that only scattered in the target.

    loss_max : GeV, see `momentum_matter.deflection_density`.
    Raises NotApplicable for an arm without field or of two planes, MutauError for one that cannot
    be fitted.
    """
    from mutau.background.momentum_kernels import arm_setup
    from mutau.matter.materials import material
    from mutau.matter.multiple_scattering import highland_angle_thick
    from mutau.matter.muon_energy_loss import mean_energy_after

    planes = sum(item.arm == "outgoing" for item in experiment.detector.tracker)
    if planes < 3:
        raise NotApplicable(
            f"{planes} planes have arm = 'outgoing'", place="detector/tracker",
            allowed="three or more",
            remedy="a momentum from fewer planes is stated in detector/resolution",
        )  # fmt: skip
    arm = build_arm(experiment, on_axis=True)
    if not any(arm.field_integral):
        raise NotApplicable("no dipole stands between the outgoing planes", place="detector/magnet")
    deflections = build_deflections(arm, loss_max)
    names = {item.material.name: deflections.material[i] for i, item in enumerate(arm.matter)}
    steps = cut_into_steps(
        arm.z, arm.field, arm.matter, lambda m: float(deflections.soft[names[m.name]]), arm.energy
    )
    target, beam = experiment.target, described_beam(experiment)
    dump = material(target.material)
    length = target.stations * target.thickness.cm(dump.radiation_length_cm)
    out = float(mean_energy_after(beam.energy, dump, length))
    p_in, p_out = (math.sqrt(e * e - M_MU * M_MU) for e in (beam.energy, out))
    angle = float(highland_angle_thick(p_in, p_out, dump, length))
    exit_z = target.z + max(target.extent, length)
    return Spectrometer(
        arm=arm, deflections=deflections, displacements=build_displacements(arm),
        walk=arm_setup(steps), momentum=p_out, spread=beam.energy_spread,
        beam=np.array([beam.spot_x, beam.spot_y, math.hypot(beam.divergence_x, angle),
                       math.hypot(beam.divergence_y, angle)]),
        drift=float(arm.z[0]) - exit_z, counters=_counters(experiment, float(arm.z[-1])),
    )  # fmt: skip


@dataclass(frozen=True)
class Forced:
    """Things that happen to each of N muons; empty second axes for none.

    where : (N, H) cm, deflection : (N, H, 2) GeV, loss : (N, H) GeV. plane : (N, D) int64 and
    shift : (N, D, 2) cm, hits that are displaced.
    """

    where: Array
    deflection: Array
    loss: Array
    plane: Ints
    shift: Array
    steer: Array | None = None


def nothing_forced(n: int) -> Forced:
    """Forced of N muons to which nothing is done."""
    return Forced(
        np.zeros((n, 0)), np.zeros((n, 0, 2)), np.zeros((n, 0)),
        np.zeros((n, 0), np.int64), np.zeros((n, 0, 2)),
    )  # fmt: skip


@dataclass(frozen=True)
class Observed:
    """What the arm measured of N muons.

    hits : (N, P, 2) cm, present : (N, P). end : (N, 5) state behind the last plane.
    at : (N, P, 2) cm, true positions. truth : (N,) charge/momentum at the first plane, 1/GeV.
    before_loss : (N, 5) or (0, 5), the state just before the last forced loss.
    """

    hits: Array
    present: Mask
    end: Array
    at: Array
    truth: Array
    before_loss: Array


def _natural_deflections(
    spec: Spectrometer, n: int, q_top: float, rng: np.random.Generator
) -> tuple[Ints, Array, Array]:
    """(row, z, deflection (K, 2)) of those between Q_MIN and q_top."""
    mean = float(np.sum(spec.deflections.number(Q_MIN) - spec.deflections.number(q_top)))
    rows = np.sort(rng.integers(0, n, rng.poisson(mean * n)))
    z, q = spec.deflections.draw(len(rows), Q_MIN, q_top, rng)
    phi = 2.0 * math.pi * rng.random(len(rows))
    return rows, z, np.stack([q * np.cos(phi), q * np.sin(phi)], axis=-1)


def beam_states(
    spec: Spectrometer, n: int, rng: np.random.Generator, steer: Array | None = None
) -> Array:
    """(n, 5) states at the first plane of beam muons that crossed the target.

    steer : (n, 4) numbers in (0, 1), quantiles of x, y, dx/dz, dy/dz at the target; drawn if None.
    """
    from scipy.special import ndtri

    state = np.empty((n, 5))
    normal = rng.standard_normal((n, 4)) if steer is None else ndtri(steer)
    state[:, :4] = normal * spec.beam
    state[:, :2] += spec.drift * state[:, 2:4]
    momentum = spec.momentum * (1.0 + spec.spread * rng.standard_normal(n))
    state[:, 4] = spec.arm.charge / np.maximum(momentum, 0.2 * spec.momentum)
    return state


def observe(
    spec: Spectrometer,
    n: int,
    rng: np.random.Generator,
    forced: Forced | None = None,
    *,
    q_top: float = Q_FORCED,
    d_top: float = D_MAX,
) -> Observed:
    """Send n beam muons through the arm.

    forced : what happens besides. q_top, d_top : deflections (GeV) and displacements (cm) up to
    these are drawn as nature has them; none beyond, except forced ones.
    Resolution is Gaussian; a plane misses the muon by its inefficiency, and beside its area.
    """
    from mutau.background.momentum_kernels import Crossing, Happening, arm_kernel
    from mutau.transport.particle import MUON, State

    arm, extra = spec.arm, forced or nothing_forced(n)
    state = beam_states(spec, n, rng, extra.steer)
    truth = state[:, 4].copy()
    rows, z, deflection = _natural_deflections(spec, n, q_top, rng)
    slot = np.arange(len(rows)) - np.searchsorted(rows, rows) + extra.where.shape[1]
    width = max(int(slot.max(initial=-1)) + 1, extra.where.shape[1])
    where, pushes = np.full((n, width), np.inf), np.zeros((n, width, 2))
    loss = np.zeros((n, width))
    h = extra.where.shape[1]
    where[:, :h], pushes[:, :h], loss[:, :h] = extra.where, extra.deflection, extra.loss
    where[rows, slot], pushes[rows, slot] = z, deflection
    if width > 1:
        order = np.argsort(where, axis=1)
        where, loss = np.take_along_axis(where, order, 1), np.take_along_axis(loss, order, 1)
        pushes = np.take_along_axis(pushes, order[:, :, None], 1)
    n_planes = len(arm.names)
    at, crossed = np.zeros((n, n_planes, 2)), np.zeros((n, n_planes), bool)
    begin, before = np.full(n, arm.z[0]), np.zeros((n if loss.any() else 0, 5))
    crossing = Crossing(at, crossed, before, zeros(State, 1))
    arm_kernel(rng, state, begin, spec.walk, MUON, Happening(where, pushes, loss), crossing)
    hits = at + arm.resolution[:, None] * rng.standard_normal((n, n_planes, 2))
    table = spec.displacements
    for i in range(n_planes):
        chance = float(table.number(D_MIN)[i] - table.number(d_top)[i])
        far = np.flatnonzero(rng.random(n) < chance)
        shift = table.draw(i, len(far), rng)
        for _ in range(100):  # again where the displacement is too large
            wide = np.hypot(shift[:, 0], shift[:, 1]) > d_top
            if not wide.any():
                break
            shift[wide] = table.draw(i, int(wide.sum()), rng)
        hits[far, i] += shift
    line = np.arange(n)
    for j in range(extra.plane.shape[1]):
        hits[line, extra.plane[:, j]] += extra.shift[:, j]
    inside = np.all(np.abs(at - arm.centre) <= arm.half, axis=2)
    present = crossed & inside & (rng.random((n, n_planes)) < arm.efficiency)
    return Observed(hits, present, state, at, truth, crossing.before_loss)


def counters_hit(spec: Spectrometer, end: Array) -> Mask:
    """(N, C) which of the counters behind the arm particles in states `end` hit."""
    hit = np.zeros((len(end), len(spec.counters)), bool)
    for i, c in enumerate(spec.counters):
        step = c.z - spec.arm.z[-1]
        hit[:, i] = c.covers(end[:, 0] + step * end[:, 2], end[:, 1] + step * end[:, 3])
    return hit


def triggers(spec: Spectrometer) -> Mask:
    """(C,) which of the counters behind the arm must be hit; the others are vetoes."""
    return np.array([c.role == "trigger" for c in spec.counters], dtype=bool)


def fires_trigger(spec: Spectrometer, end: Array) -> Mask:
    """(N,) whether muons in states `end` hit all trigger counters behind the arm and no veto."""
    return np.asarray(np.all(counters_hit(spec, end) == triggers(spec), axis=1))


def reconstruct(seen: Observed, spec: Spectrometer, cuts: TrackCuts) -> tuple[Mask, TrackFit]:
    """(N,) which muons come out as tracks of too low momentum, and the fits."""
    limit = cuts.p_value if cuts.p_value > 0.0 else 1e-3
    fit = fit_tracks(seen.hits, seen.present, spec.arm, max_removed=cuts.max_removed, p_value=limit)
    wrong = fit.ok & (fit.used.sum(axis=1) >= cuts.min_hits) & (fit.momentum <= cuts.below)
    wrong[wrong] &= fit.p_value[wrong] >= cuts.p_value
    if cuts.triggered:
        wrong &= fires_trigger(spec, seen.end)
    return wrong, fit


# --- forcing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Integral:
    """A Monte Carlo integral: value and error, means of `extra` with the same weights.

    err : as `weights.error_of_sum` has it. n : points. effective, largest : effective number of
    points that are not zero, and the fraction of the largest in the value.
    """

    value: float
    err: float
    extra: Array
    n: int
    effective: float = 0.0
    largest: float = 0.0


def integrate(
    function: RandomFunction, n_dims: int, n: int, rng: np.random.Generator, *, rounds: int = 4,
    plain: float = PLAIN,
) -> Integral:  # fmt: skip
    """Mean of a random function over the unit cube, drawn from a grid that adapts to it.

    function : as in `adapted_grid`; its third result, extra (m, E), is averaged with the values as
    weights.
    n : points altogether; half of them adapt the grid, the other half is the answer, unbiased
    because the grid does not depend on it. Values must not be negative.
    plain : fraction of uniform points; more where rare heavy values may lie beside the grid.
    Check: a flat function leaves the grid uniform but for the noise of the warm-up.
    """
    edges = adapted_grid(function, n_dims, n // 2, rng, rounds=rounds, plain=plain)
    powers, extras, count, top = np.zeros(3), np.zeros(0), 0, 0.0
    for _ in range(rounds):
        m = max(n // (2 * rounds), 100)
        u, weight = draw_points(edges, m, rng, plain)
        values, _, extra = function(u, rng)
        values = values * weight
        powers += [np.sum(values**k) for k in (1, 2, 3)]
        count, top = count + m, max(top, float(values.max(initial=0.0)))
        extras = (values @ extra) + (extras if len(extras) else 0.0)
    total, squares, cubes = powers.tolist()
    found = from_powers(total, squares, cubes, top, count)
    scale = 1.0 / powers[0] if powers[0] > 0.0 else 0.0
    return Integral(
        found.value / count, found.err / count, np.asarray(extras * scale), count, found.effective,
        found.largest,
    )  # fmt: skip


def force(
    spec: Spectrometer, u: Array, n_deflections: int, n_shifts: int, steered: bool = False
) -> tuple[Forced, Array, Array]:
    """Forced deflections and displacements from numbers in (0, 1).

    Deflections are those harder than Q_FORCED, displacements those beyond D_FORCED.

    u : (N, dimensions(...)): of each deflection the place, ln q and azimuth; then the choice of
    planes and of each displacement ln d and azimuth; if `steered`, last four quantiles of the beam.
    Returns (forced, weight (N,), fractions (N, 4)): weight is the probability density of all that
    under nature over that of u; fractions are the parts of the density of the first deflection.
    """
    n, deflections, table = len(u), spec.deflections, spec.displacements
    weight, fractions = np.ones(n), np.zeros((n, 4))
    where, deflection = np.zeros((n, n_deflections)), np.zeros((n, n_deflections, 2))
    content = deflections.number(Q_FORCED)
    climb = np.concatenate([[0.0], np.cumsum(content)])
    span = math.log(Q_MAX / Q_FORCED)
    for j in range(n_deflections):
        level = u[:, 3 * j] * climb[-1]
        piece = np.minimum(np.searchsorted(climb, level, side="right") - 1, len(content) - 1)
        place = (level - climb[piece]) / content[piece]
        where[:, j] = (
            deflections.start[piece] + place * (deflections.stop - deflections.start)[piece]
        )
        log_q = math.log(Q_FORCED) + span * u[:, 3 * j + 1]
        kind = deflections.material[piece]
        density = deflections.per_log_q(kind, log_q)
        weight *= climb[-1] * density * span * (deflections.thickness[piece] / content[piece])
        phi = 2.0 * math.pi * u[:, 3 * j + 2]
        deflection[:, j] = np.exp(log_q)[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1)
        if j == 0:
            for m in range(4):
                part = deflections.read(deflections.parts[:, m], kind, log_q)
                fractions[:, m] = part / np.maximum(density, 1e-300)
    weight *= math.exp(-climb[-1]) / math.factorial(n_deflections)
    plane, shift = np.zeros((n, n_shifts), np.int64), np.zeros((n, n_shifts, 2))
    if n_shifts:
        rare = table.number(D_FORCED)
        weight *= np.prod(1.0 - rare)
        sets = np.array(list(combinations(range(len(rare)), n_shifts)))
        at = 3 * n_deflections
        plane = sets[np.minimum((u[:, at] * len(sets)).astype(np.int64), len(sets) - 1)]
        weight *= len(sets)
        reach = math.log(D_MAX / D_FORCED)
        for j in range(n_shifts):
            log_d = math.log(D_FORCED) + reach * u[:, at + 1 + 2 * j]
            phi = 2.0 * math.pi * u[:, at + 2 + 2 * j]
            weight *= reach * table.per_log_d(plane[:, j], log_d) / (1.0 - rare[plane[:, j]])
            shift[:, j] = np.exp(log_d)[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1)
    steer = np.clip(u[:, -4:], 1e-15, 1.0 - 1e-15) if steered else None
    return Forced(where, deflection, np.zeros_like(where), plane, shift, steer), weight, fractions


def dimensions(n_deflections: int, n_shifts: int, steered: bool) -> int:
    """Numbers in (0, 1) that `force` needs per muon."""
    return 3 * n_deflections + (1 + 2 * n_shifts if n_shifts else 0) + 4 * steered


def wrong_momentum(
    spec: Spectrometer,
    cuts: TrackCuts,
    n_deflections: int,
    n_shifts: int,
    n: int,
    rng: np.random.Generator,
) -> Integral:
    """Chance per muon of a too low momentum with so many forced deflections and displaced hits.

    Without displaced hits (n_shifts = 0) they come as nature has them, however far.
    n : muons simulated. The extra means are the four `momentum_matter.PARTS` of the first
    deflection.
    """

    def function(u: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        forced, weight, fractions = force(spec, u, n_deflections, n_shifts, cuts.triggered)
        d_top = D_FORCED if n_shifts else D_MAX
        seen = observe(spec, len(u), rng, forced, d_top=d_top)
        wrong, _ = reconstruct(seen, spec, replace(cuts, triggered=False))
        hints = weight * wrong
        values = hints * fires_trigger(spec, seen.end) if cuts.triggered else hints
        return values, hints, fractions

    return integrate(function, dimensions(n_deflections, n_shifts, cuts.triggered), n, rng)
