"""The whole set-up, muon by muon: beam, matter, field, detectors, into `Hits`.

What is simulated. Muons: ionisation with its fluctuations, knock-on electrons, bremsstrahlung,
pairs and nuclear interactions above a cut one by one (with the muon's recoil), scattering collision
by collision with the nuclear form factor, dipole fields with or without fringe, the gas of the
hall, yokes. What they set free: electromagnetic showers as fluctuating profiles that leak from one
solid into the next, hadrons one by one down to 1 GeV. Detectors: hits with resolution,
inefficiency and extra hits of secondaries; counters; energies per calorimeter module.

What is not: neutrons and nuclear fragments below 1 GeV (their energy counts as deposited),
photons converting in gas and planes, dimuons, decays of muons and hadrons, focusing by the fringe,
noise and pile-up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.types import provenance
from mutau.detector.calorimeters import smear
from mutau.detector.hits import SIGNAL, Hits
from mutau.detector.simulation_beam import (
    at_entrance,
    entrance,
    smeared_momentum,
    with_measured_momentum,
)
from mutau.detector.simulation_geometry import (
    DENSE,
    E_EVENT,
    E_FIXED,
    E_LOST,
    E_OUT,
    E_ROW,
    E_TARGET,
    E_VERTEX,
    PLANE_BLOCK,
    X_ENERGY,
    X_EVENT,
    X_ORIGIN,
    X_PLANE,
    X_X,
    X_Y,
    Layout,
    build_layout,
)
from mutau.transport.beam import BeamMuons, BeamSource, described_beam

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment
    from mutau.reactions.bremsstrahlung_events import BremsSampler

Array = NDArray[np.float64]

#: Beam particles per chunk: the unit of random streams. The result of a run depends on it.
CHUNK: Final = 20_000
#: Room for extra hits per beam particle, on average.
EXTRA_ROOM: Final = 2
#: Slope beyond which a particle counts as having left.
STEEP: Final = 1.0
#: Particles that the simulation can carry, with their charge.
CARRIED: Final = {"mu-": -1.0, "mu+": 1.0}


@dataclass(frozen=True)
class SignalSource:
    """Z' emission at a random depth of the target.

    sampler : draws final states at any energy along the target, on one nucleus.
    elements : ((sampler, share of the emissions), ...); shares sum to 1.
    per_cm : energies (E,) GeV and emissions per cm at unit coupling (E,), of all elements.
    """

    elements: tuple[tuple[BremsSampler, float], ...]
    energies: Array
    per_cm: Array


def beam_source(experiment: Experiment, layout: Layout) -> BeamSource:
    """The beam of an experiment: its phase-space file, or its description.

    Raises MutauError for a particle that is not a muon, or as `check_beam`.
    """
    beam = experiment.beam
    if beam.particle not in CARRIED:
        raise MutauError(
            f"the full simulation carries muons, not {beam.particle}",
            place=f"{experiment.name}: beam/particle",
            allowed=", ".join(CARRIED),
        )
    if beam.phase_space:
        from mutau.transport.beam_files import check_beam, file_beam

        check_beam(experiment)
        return file_beam(beam.phase_space, entrance(layout), beam.particle, beam.phase_space_digest)
    return described_beam(beam, layout.target_z[0])


def beam_records(layout: Layout, beam: BeamMuons, room: int = EXTRA_ROOM) -> tuple[Array, Array]:
    """Records of the events, muons at their start, and room for extra hits.

    room : extra hits per event that there is room for, on the average.
    """
    n = len(beam)
    events = np.zeros((n, layout.setup.width))
    events[:, :6] = np.column_stack(
        [beam.x, beam.y, np.full(n, beam.z), beam.slope_x, beam.slope_y, beam.energy]
    )
    events[:, E_EVENT] = np.arange(n)
    return events, np.zeros((room * n + 1000, X_ORIGIN + 1))


def simulate_chunk(
    experiment: Experiment,
    n: int,
    seed: int,
    chunk: int,
    *,
    signal: SignalSource | None = None,
    source: BeamSource | None = None,
    cells: bool = False,
) -> Hits:
    """Events chunk * CHUNK … of a run, n of them; depends on nothing but its arguments.

    signal : emission of a Z' in the target, or None for beam. source : other beam particles than
    the experiment's. cells : with the cells of the calorimeters. Weights are 1 (or the file's),
    times the expected number of emissions per muon at unit coupling for signal.
    """
    layout = build_layout(experiment)
    rng = stream(seed, chunk)
    source = source or beam_source(experiment, layout)
    beam = at_entrance(layout, source(n, rng, chunk * CHUNK))
    return simulate_beam(
        experiment, beam, rng, first=chunk * CHUNK, signal=signal, seed=seed, cells=cells
    )


def simulate_beam(
    experiment: Experiment,
    beam: BeamMuons,
    rng: np.random.Generator,
    *,
    first: int = 0,
    signal: SignalSource | None = None,
    seed: int | None = None,
    cells: bool = False,
) -> Hits:
    """Given beam particles through the whole set-up; they start on their own plane `beam.z`.

    Returns Hits in the order of the beam. Check: without matter and field hits lie on the
    straight line of the beam particle.
    """
    from mutau.detector.simulation_walk import walk_all

    layout = build_layout(experiment, cells)
    n = len(beam)
    events, extra = beam_records(layout, beam)
    start, weight, stops = events[:, :6].copy(), beam.weight.copy(), np.full(n, np.inf)
    if signal is not None:
        face, back = layout.target_z
        stops = face + (back - face) * rng.random(n)
    arrays = (layout.setup.rows, layout.setup.tables, layout.setup.kicks, events, extra)
    walk_all(rng, *arrays, stops)
    if signal is not None:
        weight *= _emit(signal, layout, events, stops, rng)
        walk_all(rng, *arrays, np.full(n, np.inf))
    return collect_hits(experiment, layout, events, extra, start, weight, rng, first, seed)


def _emit(
    signal: SignalSource, layout: Layout, events: Array, stops: Array, rng: np.random.Generator
) -> Array:
    """Turn the muons at their vertices into scattered ones; returns emissions per muon, (N,).

    Those that did not reach their vertex inside the target, or too soft to emit, get 0.
    """
    energy = events[:, 5].copy()
    there = (events[:, 2] == stops) & (energy >= signal.energies[0])
    there &= energy <= signal.energies[-1]
    weight, rows = np.zeros(len(events)), np.flatnonzero(there)
    face, back = layout.target_z
    dense = layout.setup.rows[events[rows, E_ROW].astype(int), DENSE]
    rate = np.interp(energy[rows], signal.energies, signal.per_cm)
    weight[rows] = rate * dense * (back - face)
    share = np.cumsum([part for _, part in signal.elements])
    which = np.searchsorted(share, rng.random(rows.size), side="right")
    which = np.minimum(which, len(share) - 1)
    for index, (sampler, _) in enumerate(signal.elements):
        chosen = rows[which == index]
        if not chosen.size:
            continue
        sample = sampler.sample(energy[chosen], rng)
        p = sample.p_lepton
        weight[chosen] *= sample.weight
        events[chosen, E_VERTEX : E_VERTEX + 3] = events[chosen, :3]
        events[chosen, E_VERTEX + 3] = energy[chosen] - p[:, 0]
        events[chosen, E_VERTEX + 4] = SIGNAL
        forward = np.maximum(p[:, 3], 1e-6)
        events[chosen, 3] += p[:, 1] / forward
        events[chosen, 4] += p[:, 2] / forward
        steep = (np.abs(events[chosen, 3:5]) > STEEP).any(axis=1) | (p[:, 3] <= 0.0)
        events[chosen, 5] = np.where(steep, 0.0, p[:, 0])
    events[~there, 5] = 0.0  # no signal: nothing to carry on
    return weight


def _four_momenta(states: Array) -> Array:
    """(N, 4) of states with slopes and energy; 0 where the energy is 0."""
    energy = states[:, 5]
    p = np.sqrt(np.maximum(energy**2 - M_MU**2, 0.0))
    direction = np.column_stack([states[:, 3], states[:, 4], np.ones(len(states))])
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    return np.column_stack([energy, p[:, None] * direction])


def collect_hits(
    experiment: Experiment,
    layout: Layout,
    events: Array,
    extra: Array,
    start: Array,
    weight: Array,
    rng: np.random.Generator,
    first: int,
    seed: int | None,
) -> Hits:
    """The records as `Hits`, with resolutions and trigger logic."""
    n = len(start)
    em, hadronic, deposits, crossed, planes, shares = _parts(layout, events)
    fired = _fired(experiment, layout, deposits, rng)
    extra = extra[1 : int(extra[0, 0]) + 1]
    extra = extra[np.lexsort((extra[:, X_PLANE], extra[:, X_EVENT]))]
    p_beam = _four_momenta(start)
    energy, cells = _visible(layout, em, hadronic, shares, rng)
    target, out, vertex = (events[:, k : k + 6] for k in (E_TARGET, E_OUT, E_VERTEX))
    bits = 1 << np.arange(len(layout.counters), dtype=np.int64)
    hits = Hits(
        planes=layout.planes,
        plane_z=layout.plane_z,
        modules=layout.modules,
        counters_named=layout.counters,
        event=np.arange(first, first + n),
        weight=weight,
        **_plane_fields(planes),
        extra_event=extra[:, X_EVENT].astype(np.int64),
        extra_plane=extra[:, X_PLANE].astype(np.int64),
        extra_hit=extra[:, X_X : X_Y + 1].copy(),
        extra_energy=extra[:, X_ENERGY].copy(),
        extra_origin=extra[:, X_ORIGIN].astype(np.int64),
        energy=energy,
        deposit=em + hadronic,
        counters=fired,
        crossed_counters=(crossed > 0.0).astype(np.int64) @ bits,
        trigger=(fired & layout.trigger == layout.trigger) & (fired & layout.veto == 0),
        beam_trigger=fired & layout.beam == layout.beam,
        incoming_momentum=smeared_momentum(experiment, p_beam, rng),
        p_beam=p_beam,
        x_beam=start[:, :3],
        p_target=_four_momenta(target),
        x_target=target[:, :3].copy(),
        p_out=_four_momenta(out),
        x_out=out[:, :3].copy(),
        end_energy=events[:, 5].copy(),
        end_z=events[:, 2].copy(),
        vertex=vertex[:, :3].copy(),
        vertex_loss=vertex[:, 3].copy(),
        vertex_process=vertex[:, 4].astype(np.int64),
        n_extra=np.bincount(extra[:, X_EVENT].astype(np.int64), minlength=n),
        lost_extra=events[:, E_LOST].astype(np.int64),
        cells_named=layout.cells,
        cells=cells,
        meta={**provenance(seed=seed, experiment=experiment.digest), "experiment": experiment.name},
    )
    return with_measured_momentum(hits, experiment)


def _plane_fields(planes: Array) -> dict[str, NDArray]:
    """The blocks of the planes (N, P, PLANE_BLOCK) as fields of `Hits`."""
    return {
        "seen": planes[:, :, 0] > 0.0,
        "hit": planes[:, :, 1:3].copy(),
        "true_hit": planes[:, :, 3:5].copy(),
        "true_slope": planes[:, :, 5:7].copy(),
        "true_momentum": planes[:, :, 7].copy(),
        "crossed": planes[:, :, 7] > 0.0,
    }


def _visible(
    layout: Layout, em: Array, hadronic: Array, shares: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Visible energies of modules, (N, M), and of cells, (N, K) or (0, 0); GeV.

    Cells are measured one by one, with the module's mixture of electrons and hadrons in each; a
    module's energy is then the sum of its cells.
    """
    terms = (layout.em, layout.hadronic, layout.constant)
    energy = smear(em, hadronic, terms, rng)
    if not layout.cells:
        return energy, np.zeros((0, 0))
    of = layout.cell_module
    total = np.maximum(em + hadronic, 1e-300)
    part = (em / total)[:, of]
    cells = smear(
        shares * part, shares * (1.0 - part), (terms[0][of], terms[1][of], terms[2][of]), rng
    )
    for module in np.unique(of):
        energy[:, module] = cells[:, of == module].sum(axis=1)
    return energy, cells


def _parts(layout: Layout, events: Array) -> tuple[Array, ...]:
    """Of the records: deposits (electromagnetic, hadronic), counters (deposit, crossed), planes,
    deposits in cells."""
    m, c, p = len(layout.modules), len(layout.counters), len(layout.planes)
    edges = E_FIXED + np.cumsum([0, m, m, c, c, PLANE_BLOCK * p, len(layout.cells)])
    pieces = [events[:, low:high] for low, high in pairwise(edges.tolist())]
    pieces[4] = pieces[4].reshape(len(events), p, PLANE_BLOCK)
    return tuple(pieces)


def _fired(
    experiment: Experiment, layout: Layout, deposits: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Bits of the counters that fired: deposit above threshold, and not inefficient."""
    fired = np.zeros(len(deposits), np.int64)
    for index, counter in enumerate(experiment.detector.counter):
        seen = (deposits[:, index] > 0.0) & (deposits[:, index] >= layout.thresholds[index])
        if counter.efficiency < 1.0:
            seen &= rng.random(len(seen)) < counter.efficiency
        fired |= seen.astype(np.int64) << index
    return fired


def simulate(
    experiment: Experiment,
    n: int,
    seed: int,
    *,
    signal: SignalSource | None = None,
    source: BeamSource | None = None,
    cells: bool = False,
) -> Iterator[Hits]:
    """n beam particles through the set-up, chunk by chunk (CHUNK each, the last one shorter).

    The random stream of a chunk is `core.random.stream(seed, chunk)`, so that chunks can be
    computed anywhere and in any order. Memory: one chunk (some 20 MB) whatever n.
    Raises MutauError for n below 1.
    """
    if n < 1:
        raise MutauError(f"n = {n} beam particles", allowed="1 and above")
    for chunk in range(math.ceil(n / CHUNK)):
        size = min(CHUNK, n - chunk * CHUNK)
        yield simulate_chunk(
            experiment, size, seed, chunk, signal=signal, source=source, cells=cells
        )
