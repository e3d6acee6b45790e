"""Kernels of the leakage estimate: a muon that is forced to lose much, hadrons that get away.

The hadrons of the forced loss are those of the full simulation (`detector.simulation_showers`):
same fragmentation, same lengths. Those harder than `Bias.hard` are drawn from other densities as
long as they are in the target, with weights; everything else is that simulation unchanged.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner, njit
from mutau.core.records import Records
from mutau.detector import simulation_flight as flight
from mutau.detector.hits import NUCLEAR
from mutau.detector.simulation_kernels import CatastrophicLoss, leave_with, release
from mutau.detector.simulation_records import Output, Trace, deposit, push
from mutau.detector.simulation_showers import (
    CHARGED_FRACTION,
    FIELD_FEYNMAN,
    HADRON_RADIUS,
    P_T,
    PHOTON_FRACTION,
    SLOW,
    fragment,
    random_charge,
)
from mutau.transport import catastrophic_losses as hard
from mutau.transport.matter_tables import hadron_length
from mutau.transport.muon_matter import STOPPED, recoil_kernel
from mutau.transport.particle import (
    CHARGED,
    NEUTRAL,
    PHOTON,
    STEEP,
    Place,
    State,
    move,
    secant,
)
from mutau.transport.setup import Setup
from mutau.transport.walk import Leg, WalkParts, walk_of
from mutau.transport.walls import ahead, stretch_end, stretch_start

Array = NDArray[np.float64]

#: Fraction of the flat and wide densities in the biased ones.
_MIXED: Final = 0.5
#: Fractions of charged hadrons, photons and neutral hadrons among hard fragments under the biasing.
_BIASED: Final = (0.3, 0.2, 0.5)
#: Variations of the model that histories have weights for: transverse momenta wider and narrower,
#: interaction lengths longer and shorter by these factors.
P_T_CHANGE: Final = 1.25
LENGTH_CHANGE: Final = 1.1


class Bias(NamedTuple):
    """Energy above which hadrons are biased (GeV); fraction of histories that are drawn as the
    simulation does (1: no biasing at all); lower end of the flat density of energy fractions;
    widening of transverse momenta."""

    hard: float
    plain: float
    low: float
    wide: float


class Weights:
    """Weights of a history: plain, as the simulation has it; leading, with the spectra of leading
    hadrons; the latter with transverse momenta wider and narrower by P_T_CHANGE, lengths longer and
    shorter by LENGTH_CHANGE."""

    plain: float
    leading: float
    wide: float
    narrow: float
    long: float
    short: float


class ForcedLoss(Place):
    """A forced loss: place, direction and energy of what is set free; weight; piece."""

    weight: float
    piece: int


class Lead(Place):
    """The hardest hadron or photon that left the target (or was made as a photon): kind, -1 for
    none, energy, place, slopes; hard collisions in the target."""

    kind: int
    collisions: int


class LossSpectrum(NamedTuple):
    """Losses of one kind in the target, above a fraction of the energy.

    kind : code of `catastrophic_losses`. log_energy : (E,). rate : (E,) per cm of material.
    quantile : (E, Q) fractions v.
    """

    kind: int
    log_energy: Array
    rate: Array
    quantile: Array


class Histories(NamedTuple):
    """N hadronic histories.

    bias : how they are drawn. leading : (3, G) by kind (charged, photon, neutral) and energy
    fraction: density of leading hadrons over that of the simulation, for the muon's own collision.
    weights, leads : (N,), to be written. breaking : (1,) the hadron that breaks up.
    """

    bias: Bias
    leading: Array
    weights: Records[Weights]
    leads: Records[Lead]
    breaking: Records[State]


class History(NamedTuple):
    """One of them; `biased` where it is not drawn as the simulation does."""

    bias: Bias
    biased: bool
    leading: Array
    weight: Weights
    lead: Lead


@inner
def _draw_loss(
    rng: np.random.Generator, spectrum: LossSpectrum, energy: float
) -> tuple[float, float]:
    """(fraction of the energy lost, chance per cm) of one loss; chance 0 beyond the tables."""
    log_energy, rate, quantile = spectrum.log_energy, spectrum.rate, spectrum.quantile
    nodes, steps = quantile.shape[0], quantile.shape[1] - 1
    u = (math.log(energy) - log_energy[0]) / (log_energy[1] - log_energy[0])
    if u < 0.0 or u > nodes - 1:
        return 0.0, 0.0
    k = min(int(u), nodes - 2)
    f = u - k
    total = (1.0 - f) * rate[k] + f * rate[k + 1]
    node = k + 1 if rng.random() * total < f * rate[k + 1] else k
    w = rng.random() * steps
    j = min(int(w), steps - 1)
    return quantile[node, j] + (w - j) * (quantile[node, j + 1] - quantile[node, j]), total


@inner
def _force(
    rng: np.random.Generator, setup: Setup, trace: Trace, spectrum: LossSpectrum, span: float,
    made: ForcedLoss,
) -> None:  # fmt: skip
    """Let the muon of an event lose energy where it is; writes the vertex."""
    muon, kind = trace.event.muon, spectrum.kind
    energy = muon.energy
    v, rate = _draw_loss(rng, spectrum, energy)
    if rate == 0.0:
        muon.energy = 0.0
        return
    lost = min(v * energy, energy - STOPPED)
    r = muon.piece
    piece = setup.pieces[r]
    matter = setup.matter[piece.material]
    p_t = recoil_kernel(rng, kind, lost / energy, energy, matter)
    phi = 2.0 * math.pi * rng.random()
    loss = CatastrophicLoss(kind, lost, p_t * math.cos(phi), p_t * math.sin(phi))
    made.x, made.y, made.z = muon.x, muon.y, muon.z
    made.tx, made.ty = muon.tx - loss.p_x / lost, muon.ty - loss.p_y / lost
    made.energy, made.piece = lost, r
    made.weight = rate * (piece.dense * secant(muon)) * span
    vertex = trace.event.vertex
    if lost > vertex.lost:
        vertex.x, vertex.y, vertex.z = muon.x, muon.y, muon.z
        vertex.lost, vertex.process = lost, kind + 1
    if kind != hard.NUCLEAR:
        first = stretch_start(setup.pieces, r)
        limit = piece.z + piece.length - muon.z
        left, _ = ahead(muon, setup.pieces, first, stretch_end(setup.pieces, first), limit)
        release(rng, setup, trace, loss, matter, r, left)
    leave_with(muon, energy - lost, loss)


@njit
def force_losses(
    rng: np.random.Generator, setup: Setup, out: Output, spectrum: LossSpectrum, stops: Array,
    span: Array, vertices: Records[ForcedLoss],
) -> None:  # fmt: skip
    """Let the muons that stand at their stops lose energy; writes the vertices (N,).

    span (N,) : cm of target along z that one draw of the depth stands for. For kinds other than
    nuclear what is set free is carried to its end at once; hadrons are left to `cascades`.
    Muons that did not arrive are stopped (weight 0).
    """
    for i in range(out.events.size):
        event = out.events[i]
        if event.muon.energy <= 0.0 or event.muon.z != stops[i]:
            event.muon.energy = 0.0
            continue
        trace = Trace(
            event, out.deposits[i], out.hits[i], out.extra, out.stack, out.counts[0], out.arrivals
        )  # fmt: skip
        _force(rng, setup, trace, spectrum, span[i], vertices[i])


@inner
def _fraction(rng: np.random.Generator, history: History) -> float:
    """Fraction of the energy of one fragment; `plain` collects biased over plain density."""
    low = history.bias.low
    if history.biased and rng.random() < _MIXED:
        fraction = low + (1.0 - low) * rng.random()
    else:
        while True:
            fraction = rng.random()
            height = 1.0 - FIELD_FEYNMAN + 3.0 * FIELD_FEYNMAN * (1.0 - fraction) ** 2
            if rng.random() * (1.0 + 2.0 * FIELD_FEYNMAN) < height:
                break
    height = 1.0 - FIELD_FEYNMAN + 3.0 * FIELD_FEYNMAN * (1.0 - fraction) ** 2
    flat = 1.0 / (1.0 - low) if fraction >= low else 0.0
    history.weight.plain *= 1.0 - _MIXED + _MIXED * flat / height
    return fraction


@inner
def _kind(rng: np.random.Generator, history: History) -> int:
    """Kind of a hard fragment."""
    chances = (CHARGED_FRACTION, PHOTON_FRACTION, 1.0 - CHARGED_FRACTION - PHOTON_FRACTION)
    draw, index = rng.random(), 2
    for i in range(2):
        draw -= _BIASED[i] if history.biased else chances[i]
        if draw < 0.0:
            index = i
            break
    history.weight.plain *= _BIASED[index] / chances[index]
    if index == 0:
        return CHARGED
    return PHOTON if index == 1 else NEUTRAL


@inner
def _soft_kind(rng: np.random.Generator) -> int:
    """Kind of a fragment as the simulation draws it."""
    draw = rng.random()
    if draw < CHARGED_FRACTION:
        return CHARGED
    return PHOTON if draw < CHARGED_FRACTION + PHOTON_FRACTION else NEUTRAL


@inner
def _transverse(rng: np.random.Generator, history: History) -> tuple[float, float]:
    """Transverse momentum of a hard fragment, GeV, with the weights of other widths."""
    wide, weight = history.bias.wide, history.weight
    scale = wide * P_T if history.biased and rng.random() < _MIXED else P_T
    x, y = scale * rng.standard_normal(), scale * rng.standard_normal()
    square = 0.5 * (x * x + y * y) / (P_T * P_T)
    # ratio of the wide density to the plain one
    ratio = math.exp(square * (1.0 - 1.0 / (wide * wide))) / (wide * wide)
    weight.plain *= 1.0 - _MIXED + _MIXED * ratio
    s2 = P_T_CHANGE * P_T_CHANGE
    weight.wide *= math.exp(square * (1.0 - 1.0 / s2)) / s2
    weight.narrow *= math.exp(square * (1.0 - s2)) * s2
    return x, y


@inner
def _scale(weight: Weights, factor: float) -> None:
    """All weights but the plain one, times a factor."""
    weight.leading *= factor
    weight.wide *= factor
    weight.narrow *= factor
    weight.long *= factor
    weight.short *= factor


@inner
def _note(lead: Lead, q: State) -> None:
    lead.kind, lead.energy = q.kind, q.energy
    lead.x, lead.y, lead.z, lead.tx, lead.ty = q.x, q.y, q.z, q.tx, q.ty


@njit
def _hard_fragment(
    rng: np.random.Generator, setup: Setup, trace: Trace, q: State, history: History, first: bool
) -> None:
    """A hard hadronic energy q breaks up in its piece. first : at the muon's own collision."""
    energy, hardest = q.energy, history.bias.hard
    left, soft = energy, 0.0
    while left >= hardest:
        part = _fraction(rng, history) * left
        left -= part
        if part < SLOW:
            soft += part
            continue
        is_hard = part >= hardest
        if is_hard:
            kind = _kind(rng, history)
            p_x, p_y = _transverse(rng, history)
        else:
            kind = _soft_kind(rng)
            p_x, p_y = P_T * rng.standard_normal(), P_T * rng.standard_normal()
        tx, ty = q.tx + p_x / part, q.ty + p_y / part
        if abs(tx) > STEEP or abs(ty) > STEEP:
            soft += part
            continue
        charge = random_charge(rng) if kind == CHARGED else 0.0
        if first and part > 0.5 * energy:
            cells = history.leading.shape[1]
            cell = min(int(part / energy * cells), cells - 1)
            line = 0 if kind == CHARGED else (1 if kind == PHOTON else 2)
            _scale(history.weight, history.leading[line, cell])
        new = trace.stack[push(trace, q, kind, part, tx, ty)]
        new.charge, new.origin = charge, NUCLEAR
        if is_hard and kind == PHOTON and part > history.lead.energy:
            _note(history.lead, new)
    deposit(trace, setup.pieces[q.piece], True, q.x, q.y, soft, HADRON_RADIUS)
    fragment(rng, setup, trace, q, left, True)


@inner
def _hard_flight(
    rng: np.random.Generator, setup: Setup, trace: Trace, q: State, leg: Leg, history: History
) -> bool:
    """Hard hadron q to its next collision in the target (True), or to the end of the leg."""
    piece, weight = setup.pieces[leg.piece], history.weight
    matter = setup.matter[piece.material]
    dense = piece.dense * secant(q)
    cm = leg.step * dense
    length = hadron_length(matter, q.kind == CHARGED, q.energy)
    out = math.exp(-cm / length)
    more = 0.5 * (1.0 + out)
    collides = rng.random() >= (more if history.biased else out)
    if collides:
        weight.plain *= (1.0 - more) / (1.0 - out)
        path = -length * math.log(1.0 - rng.random() * (1.0 - out))
    else:
        weight.plain *= more / out
        path = cm
    weight.long *= math.exp(path / length * (1.0 - 1.0 / LENGTH_CHANGE))
    weight.short *= math.exp(path / length * (1.0 - 1.0 / (1.0 / LENGTH_CHANGE)))
    if collides:
        weight.long /= LENGTH_CHANGE
        weight.short /= 1.0 / LENGTH_CHANGE
    if q.kind == CHARGED:
        lost = min(path * matter.mip, q.energy)
        q.energy -= lost
        deposit(trace, piece, False, q.x, q.y, lost, 0.0)
    move(q, path / dense if collides else leg.step)
    return collides


class Cascade(NamedTuple):
    """What a biased walk writes: the event and its history."""

    trace: Trace
    history: History


@inner
def _plane(
    rng: np.random.Generator, setup: Setup, cascade: Cascade, q: State, r: int, way: int
) -> int:
    """As in the simulation."""
    return flight.plane(rng, setup, cascade.trace, q, r, way)


@inner
def _iron(
    rng: np.random.Generator, setup: Setup, cascade: Cascade, q: State, leg: Leg, way: int
) -> int:
    """As in the simulation."""
    return flight.iron(rng, setup, cascade.trace, q, leg, way)


@inner
def _solid(
    rng: np.random.Generator, setup: Setup, cascade: Cascade, q: State, leg: Leg, way: int
) -> int:
    """As in the simulation, but for hard hadrons in the target."""
    trace, history = cascade.trace, cascade.history
    hard = q.kind in (CHARGED, NEUTRAL) and q.energy >= history.bias.hard
    if not hard or not setup.pieces[leg.piece].target:
        return flight.solid(rng, setup, trace, q, leg, way)
    if _hard_flight(rng, setup, trace, q, leg, history):
        history.lead.collisions += 1
        q.piece = leg.piece
        _hard_fragment(rng, setup, trace, q, history, False)
        q.energy = 0.0
        return way
    q.z = leg.end
    if q.energy > history.lead.energy:
        _note(history.lead, q)
    return way


_biased_walk = walk_of(WalkParts(_plane, _solid, _iron))


@inner
def _cascade(
    rng: np.random.Generator, setup: Setup, trace: Trace, history: History, q: State
) -> None:
    """The hadrons of a forced loss q, to their end."""
    weight = history.weight
    _hard_fragment(rng, setup, trace, q, history, True)
    while trace.counts.stack > 0:
        top = trace.stack[flight.take(trace)]
        _biased_walk(rng, setup, Cascade(trace, history), top, math.inf, 0)
    plain = history.bias.plain
    own = 1.0 / (plain + (1.0 - plain) * weight.plain)
    weight.plain = own
    _scale(weight, own)


@njit
def cascades(
    rng: np.random.Generator, setup: Setup, out: Output, vertices: Records[ForcedLoss],
    histories: Histories,
) -> None:  # fmt: skip
    """Hadrons of the vertices (N,) to their end, into the records of N events.

    Writes weights, each to be multiplied with the vertex's own, and leads. A history is drawn
    either as the simulation does, with density p, or from the biased density q; its weight
    p/(s p + (1 - s) q) is at most 1/s, s = `Bias.plain`.
    Check: their mean is 1.
    """
    q = histories.breaking[0]
    for i in range(out.events.size):
        weight, lead, at = histories.weights[i], histories.leads[i], vertices[i]
        weight.plain = 1.0
        weight.leading = weight.wide = weight.narrow = weight.long = weight.short = 1.0
        lead.kind, lead.energy, lead.collisions = -1, 0.0, 0
        lead.x = lead.y = lead.z = lead.tx = lead.ty = 0.0
        q.x, q.y, q.z, q.tx, q.ty = at.x, at.y, at.z, at.tx, at.ty
        q.energy, q.piece = at.energy, at.piece
        biased = rng.random() >= histories.bias.plain
        trace = Trace(
            out.events[i], out.deposits[i], out.hits[i], out.extra, out.stack, out.counts[0],
            out.arrivals,
        )  # fmt: skip
        history = History(histories.bias, biased, histories.leading, weight, lead)
        _cascade(rng, setup, trace, history, q)
