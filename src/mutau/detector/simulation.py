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
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.types import provenance
from mutau.detector.calorimeters import smear
from mutau.detector.hits import SIGNAL, Hits
from mutau.detector.simulation_geometry import Layout, build_layout
from mutau.transport.beam import BeamMuons, BeamSource, described_beam

if TYPE_CHECKING:
    from mutau.detector.simulation_steps import Record
    from mutau.experiment.schema import Experiment
    from mutau.sampling.brems_events import BremsSampler

Array = NDArray[np.float64]

#: Beam particles per chunk: the unit of random streams. The result of a run depends on it.
CHUNK: Final = 20_000
#: Room for extra hits per beam particle, on average.
EXTRA_ROOM: Final = 2
#: Particles that the simulation can carry.
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


def entrance(layout: Layout) -> float:
    """z (cm) at which the beam enters: 1 um before the first thing, so that all of it is seen."""
    return layout.setup.start - 1e-4


def beam_source(experiment: Experiment, layout: Layout) -> BeamSource:
    """The beam of an experiment: its phase-space file, or its description.

    Raises MutauError for a particle that is not a muon, or as `read_beam`.
    """
    beam = experiment.beam
    if beam.particle not in CARRIED:
        raise MutauError(
            f"the full simulation carries muons, not {beam.particle}",
            place=f"{experiment.name}: beam/particle",
            allowed=", ".join(CARRIED),
        )
    if beam.phase_space:
        from mutau.transport.beam_files import file_beam

        return file_beam(Path(beam.phase_space), entrance(layout))
    return described_beam(beam, layout.target_z[0])


def _new_record(layout: Layout, n: int) -> Record:
    from mutau.detector.simulation_steps import Record

    planes, modules = len(layout.planes), len(layout.modules)
    room = EXTRA_ROOM * n + 1000
    return Record(
        hit=np.zeros((n, planes, 2)),
        seen=np.zeros((n, planes), bool),
        true_hit=np.zeros((n, planes, 2)),
        true_slope=np.zeros((n, planes, 2)),
        true_momentum=np.zeros((n, planes)),
        crossed=np.zeros((n, planes), bool),
        em=np.zeros((n, modules)),
        hadronic=np.zeros((n, modules)),
        counter=np.zeros((n, len(layout.counters))),
        crossed_counters=np.zeros(n, np.int64),
        target=np.zeros((n, 6)),
        out=np.zeros((n, 6)),
        vertex=np.zeros((n, 4)),
        vertex_process=np.zeros(n, np.int64),
        extra=np.zeros((room, 4)),
        extra_of=np.zeros((room, 3), np.int64),
        used=np.zeros(1, np.int64),
        lost=np.zeros(n, np.int64),
    )


def simulate_chunk(
    experiment: Experiment,
    n: int,
    seed: int,
    chunk: int,
    *,
    signal: SignalSource | None = None,
    source: BeamSource | None = None,
) -> Hits:
    """Events chunk * CHUNK … of a run, n of them; depends on nothing but its arguments.

    signal : emission of a Z' in the target, or None for beam. source : other beam particles than
    the experiment's. Weights are 1 (or the file's), times the expected number of emissions per
    muon at unit coupling for signal.
    """
    layout = build_layout(experiment)
    rng = stream(seed, chunk)
    source = source or beam_source(experiment, layout)
    beam = source(n, rng, chunk * CHUNK).at(entrance(layout))
    return simulate_beam(experiment, beam, rng, first=chunk * CHUNK, signal=signal, seed=seed)


def simulate_beam(
    experiment: Experiment,
    beam: BeamMuons,
    rng: np.random.Generator,
    *,
    first: int = 0,
    signal: SignalSource | None = None,
    seed: int | None = None,
) -> Hits:
    """Given beam particles through the whole set-up; they start on their own plane `beam.z`.

    Returns Hits in the order of the beam. Check: without matter and field hits lie on the
    straight line of the beam particle.
    """
    from mutau.detector.simulation_kernels import walk_all

    layout = build_layout(experiment)
    n = len(beam)
    rec = _new_record(layout, n)
    states = np.column_stack(
        [beam.x, beam.y, np.full(n, beam.z), beam.slope_x, beam.slope_y, beam.energy]
    )
    start = states.copy()
    at, ends = np.zeros(n, np.int64), np.zeros((n, 2))
    weight = beam.weight.copy()
    stops = np.full(n, np.inf)
    if signal is not None:
        face, back = layout.target_z
        stops = face + (back - face) * rng.random(n)
    walk_all(rng, layout.setup, rec, states, at, stops, ends)
    if signal is not None:
        weight *= _emit(signal, layout, rec, states, at, stops, rng)
        walk_all(rng, layout.setup, rec, states, at, np.full(n, np.inf), ends)
    return _hits(experiment, layout, rec, start, ends, weight, rng, first, seed)


def _emit(
    signal: SignalSource,
    layout: Layout,
    rec: Record,
    states: Array,
    at: NDArray[np.int64],
    stops: Array,
    rng: np.random.Generator,
) -> Array:
    """Turn the muons at their vertices into scattered ones; returns emissions per muon, (N,).

    Those that did not reach their vertex inside the target, or too soft to emit, get 0.
    """
    low, high = signal.energies[0], signal.energies[-1]
    energy = states[:, 5]
    there = (states[:, 2] == stops) & (energy >= low) & (energy <= high)
    weight = np.zeros(len(states))
    rows = np.flatnonzero(there)
    face, back = layout.target_z
    dense = layout.setup.rows[at[rows], _dense_column()] if rows.size else np.ones(0)
    rate = np.interp(energy[rows], signal.energies, signal.per_cm)
    weight[rows] = rate * dense * (back - face)
    share = np.cumsum([part for _, part in signal.elements])
    which = np.minimum(np.searchsorted(share, rng.random(rows.size), side="right"), len(share) - 1)
    for index, (sampler, _) in enumerate(signal.elements):
        chosen = rows[which == index]
        if not chosen.size:
            continue
        sample = sampler.sample(energy[chosen], rng)
        p = sample.p_lepton
        weight[chosen] *= sample.weight
        forward = np.maximum(p[:, 3], 1e-6)
        rec.vertex[chosen, :3] = states[chosen, :3]
        rec.vertex[chosen, 3] = energy[chosen] - p[:, 0]
        rec.vertex_process[chosen] = SIGNAL
        states[chosen, 3] += p[:, 1] / forward
        states[chosen, 4] += p[:, 2] / forward
        steep = (np.abs(states[chosen, 3:5]) > 1.0).any(axis=1) | (p[:, 3] <= 0.0)
        states[chosen, 5] = np.where(steep, 0.0, p[:, 0])
    states[~there, 5] = 0.0  # no signal: nothing to carry on
    return weight


def _dense_column() -> int:
    from mutau.detector.simulation_geometry import DENSE

    return DENSE


def _four_momenta(states: Array) -> Array:
    """(N, 4) of states with slopes and energy; 0 where the energy is 0."""
    energy = states[:, 5]
    p = np.sqrt(np.maximum(energy**2 - M_MU**2, 0.0))
    direction = np.column_stack([states[:, 3], states[:, 4], np.ones(len(states))])
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    return np.column_stack([energy, p[:, None] * direction])


def _hits(
    experiment: Experiment,
    layout: Layout,
    rec: Record,
    start: Array,
    ends: Array,
    weight: Array,
    rng: np.random.Generator,
    first: int,
    seed: int | None,
) -> Hits:
    """The record as `Hits`, with resolutions and trigger logic."""
    n = len(start)
    fired = _fired(experiment, layout, rec, rng)
    used = int(rec.used[0])
    order = np.lexsort((rec.extra_of[:used, 1], rec.extra_of[:used, 0]))
    extra, extra_of = rec.extra[:used][order], rec.extra_of[:used][order]
    p_beam = _four_momenta(start)
    true = np.linalg.norm(p_beam[:, 1:], axis=1)
    resolution = experiment.detector.resolution
    sigma = resolution.incoming_momentum if resolution else 0.0
    measured = np.maximum(true * (1.0 + sigma * rng.standard_normal(n)), 0.0)
    terms = (layout.em, layout.hadronic, layout.constant)
    return Hits(
        planes=layout.planes,
        plane_z=layout.plane_z,
        modules=layout.modules,
        counters_named=layout.counters,
        event=np.arange(first, first + n),
        weight=weight,
        hit=rec.hit,
        seen=rec.seen,
        true_hit=rec.true_hit,
        true_slope=rec.true_slope,
        true_momentum=rec.true_momentum,
        crossed=rec.crossed,
        extra_event=extra_of[:, 0],
        extra_plane=extra_of[:, 1],
        extra_hit=extra[:, :2],
        extra_energy=extra[:, 2],
        extra_origin=extra_of[:, 2],
        energy=smear(rec.em, rec.hadronic, terms, rng),
        deposit=rec.em + rec.hadronic,
        counters=fired,
        crossed_counters=rec.crossed_counters,
        trigger=(fired & layout.trigger == layout.trigger) & (fired & layout.veto == 0),
        beam_trigger=fired & layout.beam == layout.beam,
        incoming_momentum=measured,
        p_beam=p_beam,
        x_beam=start[:, :3],
        p_target=_four_momenta(rec.target),
        x_target=rec.target[:, :3],
        p_out=_four_momenta(rec.out),
        x_out=rec.out[:, :3],
        end_energy=ends[:, 0],
        end_z=ends[:, 1],
        vertex=rec.vertex[:, :3],
        vertex_loss=rec.vertex[:, 3],
        vertex_process=rec.vertex_process,
        n_extra=np.bincount(extra_of[:, 0], minlength=n),
        lost_extra=rec.lost,
        meta={**provenance(seed=seed, experiment=experiment.digest), "experiment": experiment.name},
    )


def _fired(
    experiment: Experiment, layout: Layout, rec: Record, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Bits of the counters that fired: deposit above threshold, and not inefficient."""
    fired = np.zeros(len(rec.counter), np.int64)
    for index, counter in enumerate(experiment.detector.counter):
        deposit = rec.counter[:, index]
        seen = (deposit > 0.0) & (deposit >= layout.thresholds[index])
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
        yield simulate_chunk(experiment, size, seed, chunk, signal=signal, source=source)
