"""Kernels of the full simulation: what a muon does in matter and planes, and what it sets free."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from mutau.core.constants import M_E, M_MU
from mutau.core.jit import inner, njit
from mutau.detector.hits import BREMSSTRAHLUNG, KNOCK_ON, PAIR, SIGNAL
from mutau.detector.simulation_flight import follow
from mutau.detector.simulation_records import Trace, add_counter, deposit, push
from mutau.detector.simulation_showers import SCATTERING, SOFT, fragment, side_loss
from mutau.transport import catastrophic_losses as hard
from mutau.transport.matter_tables import MaterialRecord
from mutau.transport.muon_matter import (
    STOPPED,
    draw_loss,
    recoil_kernel,
    solid_step,
    thin_step,
)
from mutau.transport.particle import ELECTRON, PHOTON, STEEP, State, is_steep, move
from mutau.transport.pieces import SOLID, TRACKER, Piece
from mutau.transport.setup import ELSEWHERE, Setup

#: Gaps of gas shorter than this (cm) are joined with the next one.
_SHORT_GAP: Final = 10.0
#: Length along z (cm) that stands for none.
_FLAT: Final = 1e-6


class CatastrophicLoss(NamedTuple):
    """A hard collision: kind, energy lost (GeV), transverse momentum that the muon gets (GeV)."""

    kind: int
    lost: float
    p_x: float
    p_y: float


@inner
def leave_with(muon: State, after: float, loss: CatastrophicLoss) -> None:
    """The muon after a loss: energy `after` (GeV), deflected by its recoil.

    It stops (energy 0) where it is too soft or too steep to be followed.
    """
    p_out = math.sqrt(max(after * after - M_MU * M_MU, 1e-12))
    muon.tx += loss.p_x / p_out
    muon.ty += loss.p_y / p_out
    muon.energy = after
    if after <= STOPPED * 1.001 or is_steep(muon):
        muon.energy = 0.0


@inner
def release(
    rng: np.random.Generator, setup: Setup, trace: Trace, loss: CatastrophicLoss,
    matter: MaterialRecord, r: int, left: float,
) -> None:  # fmt: skip
    """What the muon has set free at its place, in piece r, carried to the end.

    left : cm of the piece ahead.
    """
    muon, lost = trace.event.muon, loss.lost
    inside = r < setup.pieces.size and setup.pieces[r].kind == SOLID and left > 0.0
    if inside and loss.kind != hard.NUCLEAR:
        piece = setup.pieces[r]
        # energy behind this depth by the profile, which counts as deposited: 0.1 % (iron), 0.3 %
        # (lead) from 1000 critical energies on, 0.4 and 0.7 % at 100, 2 and 4 % at 30
        deep = 2.2 * math.log(lost / matter.critical) + 10.0
        if left * piece.dense > deep * matter.x0:  # contained: no need to follow
            escaped = side_loss(muon.x, muon.y, piece, matter.radius)
            deposit(trace, piece, False, muon.x, muon.y, lost * (1.0 - escaped), matter.radius)
            return
    p = math.sqrt(lost * lost + 2.0 * lost * M_E) if loss.kind == hard.KNOCK_ON else lost
    tx, ty = muon.tx - loss.p_x / p, muon.ty - loss.p_y / p
    if abs(tx) > STEEP or abs(ty) > STEEP:
        trace.deposits[setup.pieces[r].em if inside else ELSEWHERE] += lost
        return
    muon.piece = r
    if loss.kind == hard.NUCLEAR:
        at = trace.stack[trace.stack.size - 1]
        at.x, at.y, at.z, at.tx, at.ty, at.piece = muon.x, muon.y, muon.z, tx, ty, r
        fragment(rng, setup, trace, at, lost, inside)
    elif loss.kind == hard.BREMS:
        q = trace.stack[push(trace, muon, PHOTON, lost, tx, ty)]
        q.origin = BREMSSTRAHLUNG
    elif loss.kind == hard.KNOCK_ON:
        q = trace.stack[push(trace, muon, ELECTRON, lost, tx, ty)]
        q.charge, q.origin = setup.electron, KNOCK_ON
    else:
        part = lost * rng.random()
        q = trace.stack[push(trace, muon, ELECTRON, part, tx, ty)]
        q.charge, q.origin = -1.0, PAIR
        q = trace.stack[push(trace, muon, ELECTRON, lost - part, tx, ty)]
        q.charge, q.origin = 1.0, PAIR
    follow(rng, setup, trace)


@inner
def collide(
    rng: np.random.Generator,
    setup: Setup,
    trace: Trace,
    matter: MaterialRecord,
    r: int,
    left: float,
) -> None:
    """One hard collision where the muon is."""
    muon, vertex = trace.event.muon, trace.event.vertex
    energy = muon.energy
    kind, lost = draw_loss(rng, energy, matter)
    lost = min(lost, energy - STOPPED)
    if lost <= 0.0:
        return
    p_t = recoil_kernel(rng, kind, lost / energy, energy, matter)
    phi = 2.0 * math.pi * rng.random()
    loss = CatastrophicLoss(kind, lost, p_t * math.cos(phi), p_t * math.sin(phi))
    if lost > vertex.lost and vertex.process != SIGNAL:
        vertex.x, vertex.y, vertex.z = muon.x, muon.y, muon.z
        vertex.lost, vertex.process = lost, kind + 1
    release(rng, setup, trace, loss, matter, r, left)
    leave_with(muon, energy - lost, loss)


class Layer(NamedTuple):
    """Matter that a muon crosses: length along z (cm), cm of material per cm, piece in which what
    it sets free starts, and whether the soft loss fluctuates: not in gas and trackers."""

    length: float
    dense: float
    piece: int
    fluctuates: bool


@inner
def traverse(
    rng: np.random.Generator, setup: Setup, trace: Trace, matter: MaterialRecord, layer: Layer
) -> float:
    """Carry the muon through a layer; returns what it deposits softly, GeV."""
    muon, left, total = trace.event.muon, layer.length, 0.0
    while left > 1e-12 and muon.energy > 0.0:
        if layer.fluctuates:
            done, lost, collides = solid_step(rng, matter, muon, left, layer.dense)
        else:
            done, lost, collides = thin_step(rng, matter, muon, left, layer.dense)
        left -= done
        total += lost
        if collides and muon.energy > 0.0:
            collide(rng, setup, trace, matter, layer.piece, left)
    return total


@njit
def escape(
    rng: np.random.Generator,
    setup: Setup,
    trace: Trace,
    matter: MaterialRecord,
    r: int,
    path: float,
) -> None:
    """Soft knock-on electrons made in the last X0 of a solid that come out with the muon.

    path : cm of material that the muon crossed. The electrons were part of the continuous loss; the
    few MeV that they carry out of the solid are not taken back.
    """
    muon = trace.event.muon
    depth = min(path / matter.x0, 1.0)
    span = 1.0 / (2.0 * SOFT) - 1.0 / matter.cut
    muon.piece = r
    for _ in range(rng.poisson(matter.half_k * depth * matter.x0 * span)):
        t = 1.0 / (1.0 / (2.0 * SOFT) - rng.random() * span)
        gone = math.exp(-depth * rng.random())
        out = t * gone - matter.critical * (1.0 - gone)
        if out < SOFT:
            continue
        angle = math.sqrt(2.0 * M_E / t)
        spread = SCATTERING / out * math.sqrt(1.0 - gone)
        phi = 2.0 * math.pi * rng.random()
        tx = muon.tx + angle * math.cos(phi) + spread * rng.standard_normal()
        ty = muon.ty + angle * math.sin(phi) + spread * rng.standard_normal()
        if abs(tx) < STEEP and abs(ty) < STEEP:
            q = trace.stack[push(trace, muon, ELECTRON, out, tx, ty)]
            q.charge, q.origin = setup.electron, KNOCK_ON
            follow(rng, setup, trace)


@inner
def drift(
    rng: np.random.Generator, setup: Setup, trace: Trace, gap: float, pending: float, r: int
) -> float:
    """Carry the muon over a gap of gas or nothing, before piece r.

    pending : cm of gas behind it that it has not been charged for; returns what then is.
    """
    if setup.gas < 0 or gap + pending < _SHORT_GAP:
        move(trace.event.muon, gap)
        return pending + gap
    layer = Layer(gap, (gap + pending) / gap, r, False)
    traverse(rng, setup, trace, setup.matter[setup.gas], layer)
    return 0.0


@inner
def _write_hit(rng: np.random.Generator, trace: Trace, piece: Piece) -> None:
    """The muon crosses a tracker inside its frame."""
    muon, hit = trace.event.muon, trace.hits[piece.tracker]
    hit.true_x, hit.true_y, hit.tx, hit.ty = muon.x, muon.y, muon.tx, muon.ty
    hit.momentum = math.sqrt(muon.energy**2 - M_MU * M_MU)
    if piece.efficiency < 1.0 and rng.random() >= piece.efficiency:
        return
    hit.seen = True
    hit.x = muon.x + piece.sigma * rng.standard_normal()
    hit.y = muon.y + piece.sigma * rng.standard_normal()


@inner
def cross_plane(rng: np.random.Generator, setup: Setup, trace: Trace, r: int) -> None:
    """The muon crosses a counter or a tracker; all its matter is in a plane without thickness."""
    piece, muon = setup.pieces[r], trace.event.muon
    tracker = piece.kind == TRACKER
    if tracker:
        _write_hit(rng, trace, piece)
    lost = 0.0
    if piece.material >= 0:
        z = muon.z
        layer = Layer(_FLAT, piece.dense / _FLAT, r + 1, not tracker)
        lost = traverse(rng, setup, trace, setup.matter[piece.material], layer)
        muon.z = z
    if not tracker:
        trace.deposits[piece.crossed] = 1.0
        add_counter(trace, piece, lost)
