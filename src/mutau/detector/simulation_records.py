"""What the full simulation writes for a beam particle: records, and the kernels that fill them."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.jit import inner
from mutau.core.records import Records, dtype_of, zeros
from mutau.transport.particle import MASSES, MUON, Place, State, copy_state
from mutau.transport.pieces import Piece

Array = NDArray[np.float64]

#: Deposit (GeV) that stands for a crossing where a counter has no thickness in the file.
CROSSED: Final = 1e3
#: Particles that there is room for at a time.
_STACK: Final = 400


class Vertex:
    """The hardest collision of the muon, or its emission of a Z': place (cm), energy lost (GeV),
    process (a code of `hits.ORIGINS`)."""

    x: float
    y: float
    z: float
    lost: float
    process: int


class Event:
    """One beam particle: the muon where it is, at the face of and behind the target (energy 0: not
    there); its vertex; number of the event; extra hits that found no room."""

    muon: State
    at_target: Place
    behind_target: Place
    vertex: Vertex
    number: int
    lost_extra: int


class Hit:
    """The muon on a tracker: whether it is seen, measured and true place (cm), slopes, momentum
    (GeV, 0: not crossed)."""

    seen: bool
    x: float
    y: float
    true_x: float
    true_y: float
    tx: float
    ty: float
    momentum: float


class Extra:
    """A hit of something else: event, tracker, measured place (cm), energy (GeV), origin."""

    event: int
    tracker: int
    x: float
    y: float
    energy: float
    origin: int


class Arrival:
    """A particle where it enters the iron of a magnet, and the number of its event."""

    state: State
    event: int


class Counts:
    """How many extra hits there are, particles on the stack, and arrivals at iron, those without
    room included."""

    extra: int
    stack: int
    arrivals: int


class Output(NamedTuple):
    """Everything that is written for N beam particles.

    events : (N,). deposits : (N, D) GeV, see `transport.setup.Places`. hits : (N, T), by tracker.
    extra : extra hits of all, one after the other, as many as `counts` says. stack : particles yet
    to be carried; behind them the one that is being carried, and a place for those without room.
    arrivals : what has entered the iron of magnets and waits for its shower (`simulation_yoke`).
    """

    events: Records[Event]
    deposits: Array
    hits: Any
    extra: Records[Extra]
    stack: Records[State]
    counts: Records[Counts]
    arrivals: Records[Arrival]


class Trace(NamedTuple):
    """`Output` of one beam particle, as the kernels take it."""

    event: Event
    deposits: Array
    hits: Records[Hit]
    extra: Records[Extra]
    stack: Records[State]
    counts: Counts
    arrivals: Records[Arrival]


def new_output(
    n: int, deposits: int, trackers: int, room: int, arrivals: int | None = None
) -> Output:
    """For n beam particles. deposits, trackers : numbers of them. room : for extra hits.
    arrivals : room for those at the iron of magnets, by default twice that for extra hits."""
    found = Output(
        zeros(Event, n), np.zeros((n, deposits)), np.zeros((n, trackers), dtype_of(Hit)),
        zeros(Extra, room), zeros(State, _STACK + 1), zeros(Counts, 1),
        zeros(Arrival, 2 * room if arrivals is None else arrivals),
    )  # fmt: skip
    found.events["number"] = np.arange(n)
    muons = found.events["muon"]
    muons["kind"], muons["mass"], muons["charge"] = MUON, M_MU, 1.0
    return found


@inner
def push(trace: Trace, at: State, kind: int, energy: float, tx: float, ty: float) -> int:
    """Put a particle on the stack, where `at` is; returns its number, that of a place which counts
    for nothing where there is no room. It has no charge, and the origin of `at`."""
    k = trace.counts.stack
    if k >= trace.stack.size - 2:
        k = trace.stack.size - 1
    else:
        trace.counts.stack = k + 1
    q = trace.stack[k]
    copy_state(q, at)
    q.kind, q.energy, q.tx, q.ty = kind, energy, tx, ty
    q.charge, q.mass, q.depth, q.a, q.b, q.swept = 0.0, MASSES[kind], 0.0, 0.0, 0.0, False
    return k


@inner
def has_room(trace: Trace) -> bool:
    """Whether another particle can be put on the stack."""
    return trace.counts.stack < trace.stack.size - 2


@inner
def add_extra(rng: np.random.Generator, trace: Trace, piece: Piece, q: State) -> None:
    """A charged secondary crosses a tracker inside its frame."""
    if piece.efficiency < 1.0 and rng.random() >= piece.efficiency:
        return
    k = trace.counts.extra
    if k >= trace.extra.size:
        trace.event.lost_extra += 1
        return
    trace.counts.extra = k + 1
    hit = trace.extra[k]
    hit.event, hit.tracker = trace.event.number, piece.tracker
    hit.x = q.x + piece.sigma * rng.standard_normal()
    hit.y = q.y + piece.sigma * rng.standard_normal()
    hit.energy, hit.origin = q.energy, q.origin


@inner
def add_arrival(trace: Trace, q: State) -> None:
    """Particle q enters the iron of a magnet."""
    k = trace.counts.arrivals
    trace.counts.arrivals = k + 1
    if k < trace.arrivals.size:
        copy_state(trace.arrivals[k].state, q)
        trace.arrivals[k].event = trace.event.number


@inner
def add_counter(trace: Trace, piece: Piece, deposit: float) -> None:
    """Something charged crosses a counter; without a thickness any crossing is enough."""
    trace.deposits[piece.counter] += deposit if piece.material >= 0 else CROSSED


@inner
def _corner(x: float, y: float, radius: float) -> float:
    """Fraction of a shower at the origin in the quadrant below (x, y), up to a constant.

    Antiderivative of the density R^2/(pi (r^2 + R^2)^2), the radial profile of `side_loss`.
    """
    a, b = math.sqrt(x * x + radius * radius), math.sqrt(y * y + radius * radius)
    return (x / a * math.atan(y / a) + y / b * math.atan(x / b)) / (2.0 * math.pi)


@inner
def _fill_cells(
    deposits: Array, piece: Piece, x: float, y: float, amount: float, radius: float
) -> None:
    """Divide a deposit among the cells of a module; their sum is the deposit.

    radius : of the shower (cm); 0 for a track, which is in one cell.
    """
    columns, lines = piece.n_columns, piece.n_lines
    wide, high = 2.0 * piece.half_x / columns, 2.0 * piece.half_y / lines
    left, low = x - piece.x + piece.half_x, y - piece.y + piece.half_y
    first = piece.cells
    if radius <= 0.0:
        i = min(max(int(left / wide), 0), columns - 1)
        j = min(max(int(low / high), 0), lines - 1)
        deposits[first + j * columns + i] += amount
        return
    total = (
        _corner(columns * wide - left, lines * high - low, radius)
        - _corner(-left, lines * high - low, radius)
        - _corner(columns * wide - left, -low, radius)
        + _corner(-left, -low, radius)
    )
    for j in range(lines):
        for i in range(columns):
            x0, y0 = i * wide - left, j * high - low
            part = (
                _corner(x0 + wide, y0 + high, radius)
                - _corner(x0, y0 + high, radius)
                - _corner(x0 + wide, y0, radius)
                + _corner(x0, y0, radius)
            )
            deposits[first + j * columns + i] += amount * part / total


@inner
def deposit(
    trace: Trace, piece: Piece, hadronic: bool, x: float, y: float, amount: float, radius: float
) -> None:
    """Energy left in a solid: electromagnetic or hadronic, and in its cells.

    x, y : cm, of the track or the shower's axis. radius : see `_fill_cells`.
    """
    trace.deposits[piece.hadronic if hadronic else piece.em] += amount
    if piece.cells > 0 and amount > 0.0:
        _fill_cells(trace.deposits, piece, x, y, amount, radius)
