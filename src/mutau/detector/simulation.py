"""The whole set-up, muon by muon: beam, matter, field, detectors, into `Hits`.

What is simulated. Muons: ionisation with its fluctuations, knock-on electrons, bremsstrahlung,
pairs and nuclear interactions above a cut one by one (with the muon's recoil), scattering collision
by collision with the nuclear form factor, dipole fields with or without fringe, the gas of the
hall, yokes. What they set free: electromagnetic showers as fluctuating profiles that leak from one
solid into the next, hadrons one by one down to 1 GeV. Detectors: hits with resolution,
inefficiency and extra hits of secondaries; counters; energies per calorimeter module.

What is not: neutrons and nuclear fragments below 1 GeV (their energy counts as deposited),
photons converting in gas and planes, dimuons, decays of muons and hadrons, focusing by the fringe,
noise of planes. Noise of calorimeters and a second muon in the gate are, where stated in the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.records import Records, columns
from mutau.core.types import provenance
from mutau.detector.calorimeters import smear
from mutau.detector.hits import SIGNAL, Hits
from mutau.detector.pile_up import PILE_UP_STREAM, muons_in_gate, with_further_muons
from mutau.detector.readout import Readout, build_readout
from mutau.detector.simulation_beam import (
    at_entrance,
    entrance,
    smeared_momentum,
    with_measured_momentum,
)
from mutau.detector.simulation_records import Extra, Hit, Output, new_output
from mutau.detector.yoke import COARSE, YOKE_STREAM, finish_in_iron
from mutau.transport.beam import BeamMuons, BeamSource, described_beam
from mutau.transport.particle import STEEP, State

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment
    from mutau.reactions.bremsstrahlung_events import BremsSampler

Array = NDArray[np.float64]

#: Beam particles per chunk: the unit of random streams. The result of a run depends on it.
CHUNK: Final = 20_000
#: Room for extra hits per beam particle, on average.
EXTRA_ROOM: Final = 2
#: Particles that the simulation can carry, with their charge.
CARRIED: Final = {"mu-": -1.0, "mu+": 1.0}


@dataclass(frozen=True)
class SignalSource:
    """Z' emission at a random depth of the target.

    sampler : draws final states at any energy along the target, on one nucleus.
    elements : ((sampler, fraction of the emissions), ...); fractions sum to 1.
    per_cm : energies (E,) GeV and emissions per cm at unit coupling (E,), of all elements.
    """

    elements: tuple[tuple[BremsSampler, float], ...]
    energies: Array
    per_cm: Array


def beam_source(experiment: Experiment, readout: Readout) -> BeamSource:
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
        return file_beam(
            beam.phase_space, entrance(readout), beam.particle, beam.phase_space_digest
        )
    return described_beam(beam, readout.target_z[0])


def beam_records(readout: Readout, beam: BeamMuons, room: int = EXTRA_ROOM) -> Output:
    """Records of the events, muons at their start, and room for extra hits.

    room : extra hits per event that there is room for, on the average.
    """
    n = len(beam)
    out = new_output(n, readout.deposits, len(readout.planes), room * n + 1000)
    muons = out.events["muon"]
    muons["x"], muons["y"], muons["z"] = beam.x, beam.y, beam.z
    muons["tx"], muons["ty"], muons["energy"] = beam.slope_x, beam.slope_y, beam.energy
    return out


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
    readout = build_readout(experiment)
    rng = stream(seed, chunk)
    source = source or beam_source(experiment, readout)
    beam = at_entrance(readout, source(n, rng, chunk * CHUNK))
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

    Further muons in the gate of the file are added (`pile_up`), each a beam particle of its own.
    Returns Hits in the order of the beam. Check: without matter and field hits lie on the
    straight line of the beam particle.
    """
    readout = build_readout(experiment, cells)
    hits = _each_alone(experiment, readout, beam, rng, first, signal, seed)
    mean = muons_in_gate(experiment)
    return _with_pile_up(experiment, readout, hits, mean, seed) if mean > 0.0 else hits


def _with_pile_up(
    experiment: Experiment, readout: Readout, hits: Hits, mean: float, seed: int | None
) -> Hits:
    """The events with a Poisson number of further beam muons, `mean` on the average."""
    first = int(hits.event[0]) if len(hits) else 0
    rng = stream(seed or 0, PILE_UP_STREAM, first)
    owner = np.repeat(np.arange(len(hits)), rng.poisson(mean, len(hits)))
    if not owner.size:
        return hits
    beam = at_entrance(readout, beam_source(experiment, readout)(owner.size, rng, first))
    if np.ptp(beam.weight) > 0.0:
        raise MutauError(
            "pile-up needs beam particles of equal weight",
            place=f"{experiment.name}: beam/phase_space",
            remedy="draw an unweighted file, or leave out detector/resolution/gate",
        )
    others = _each_alone(experiment, readout, beam, rng, PILE_UP_STREAM + first, None, seed)
    return with_measured_momentum(with_further_muons(hits, others, owner, readout), experiment)


def _each_alone(
    experiment: Experiment, readout: Readout, beam: BeamMuons, rng: np.random.Generator,
    first: int, signal: SignalSource | None, seed: int | None,
) -> Hits:  # fmt: skip
    """Beam particles one by one."""
    from mutau.detector.simulation_walk import walk_all

    n = len(beam)
    out = beam_records(readout, beam)
    start, weight, stops = out.events["muon"].copy(), beam.weight.copy(), np.full(n, np.inf)
    if signal is not None:
        face, back = readout.target_z
        stops = face + (back - face) * rng.random(n)
    walk_all(rng, readout.setup, out, stops)
    if signal is not None:
        weight *= _emit(signal, readout, out, stops, rng)
        walk_all(rng, readout.setup, out, np.full(n, np.inf))
    finish_in_iron(readout.setup, out, stream(seed or 0, YOKE_STREAM, first), detail=COARSE)
    return collect_hits(experiment, readout, out, start, weight, rng, first, seed)


def _emit(
    signal: SignalSource, readout: Readout, out: Output, stops: Array, rng: np.random.Generator
) -> Array:
    """Turn the muons at their vertices into scattered ones; returns emissions per muon, (N,).

    Those that did not reach their vertex inside the target, or too soft to emit, get 0.
    """
    muons, vertex = out.events["muon"], out.events["vertex"]
    energy = muons["energy"].copy()
    there = (muons["z"] == stops) & (energy >= signal.energies[0])
    there &= energy <= signal.energies[-1]
    weight, rows = np.zeros(len(energy)), np.flatnonzero(there)
    face, back = readout.target_z
    dense = readout.setup.pieces["dense"][muons["piece"][rows]]
    rate = np.interp(energy[rows], signal.energies, signal.per_cm)
    weight[rows] = rate * dense * (back - face)
    fraction = np.cumsum([part for _, part in signal.elements])
    which = np.searchsorted(fraction, rng.random(rows.size), side="right")
    which = np.minimum(which, len(fraction) - 1)
    for index, (sampler, _) in enumerate(signal.elements):
        chosen = rows[which == index]
        if not chosen.size:
            continue
        sample = sampler.sample(energy[chosen], rng)
        p = sample.p_lepton
        weight[chosen] *= sample.weight
        for axis in "xyz":
            vertex[axis][chosen] = muons[axis][chosen]
        vertex["lost"][chosen] = energy[chosen] - p[:, 0]
        vertex["process"][chosen] = SIGNAL
        forward = np.maximum(p[:, 3], 1e-6)
        muons["tx"][chosen] += p[:, 1] / forward
        muons["ty"][chosen] += p[:, 2] / forward
        steep = (np.abs(muons["tx"][chosen]) > STEEP) | (np.abs(muons["ty"][chosen]) > STEEP)
        muons["energy"][chosen] = np.where(steep | (p[:, 3] <= 0.0), 0.0, p[:, 0])
    muons["energy"][~there] = 0.0  # no signal: nothing to carry on
    return weight


def _places(states: Any) -> Array:
    """(N, 3) x, y, z of states or vertices, cm."""
    return columns(states, "x", "y", "z").copy()


def _four_momenta(states: Any) -> Array:
    """(N, 4) of states with slopes and energy; 0 where the energy is 0."""
    energy = states["energy"]
    p = np.sqrt(np.maximum(energy**2 - M_MU**2, 0.0))
    direction = np.column_stack([states["tx"], states["ty"], np.ones(len(states))])
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    return np.column_stack([energy, p[:, None] * direction])


def collect_hits(
    experiment: Experiment, readout: Readout, out: Output, start: Records[State], weight: Array,
    rng: np.random.Generator, first: int, seed: int | None,
) -> Hits:  # fmt: skip
    """The records as `Hits`, with resolutions and trigger logic.

    start : the muons where they began. first : number of the first event.
    """
    n = len(start)
    em, hadronic, deposits, crossed, in_cells = _parts(readout, out.deposits)
    fired = _fired(experiment, readout, deposits, rng)
    extra = out.extra[: int(out.counts["extra"][0])]
    extra = extra[np.lexsort((extra["tracker"], extra["event"]))]
    p_beam = _four_momenta(start)
    energy, cells = _visible(readout, em, hadronic, in_cells, rng)
    events = out.events
    target, behind, vertex = events["at_target"], events["behind_target"], events["vertex"]
    bits = 1 << np.arange(len(readout.counters), dtype=np.int64)
    hits = Hits(
        planes=readout.planes,
        plane_z=readout.plane_z,
        modules=readout.modules,
        counters_named=readout.counters,
        event=np.arange(first, first + n),
        weight=weight,
        **_plane_fields(out.hits),
        **_extra_fields(extra),
        energy=energy,
        deposit=em + hadronic,
        counters=fired,
        crossed_counters=(crossed > 0.0).astype(np.int64) @ bits,
        trigger=(fired & readout.trigger == readout.trigger) & (fired & readout.veto == 0),
        beam_trigger=fired & readout.beam == readout.beam,
        incoming_momentum=smeared_momentum(experiment, p_beam, rng),
        p_beam=p_beam,
        x_beam=_places(start),
        p_target=_four_momenta(target),
        x_target=_places(target),
        p_out=_four_momenta(behind),
        x_out=_places(behind),
        end_energy=events["muon"]["energy"].copy(),
        end_z=events["muon"]["z"].copy(),
        vertex=_places(vertex),
        vertex_loss=vertex["lost"].copy(),
        vertex_process=vertex["process"].copy(),
        n_extra=np.bincount(extra["event"], minlength=n),
        lost_extra=events["lost_extra"].copy(),
        cells_named=readout.cells,
        cells=cells,
        meta={**provenance(seed=seed, experiment=experiment.digest), "experiment": experiment.name},
    )
    return with_measured_momentum(hits, experiment)


def _plane_fields(hits: Records[Hit]) -> dict[str, NDArray]:
    """The hits of the muons (N, P) as fields of `Hits`."""
    return {
        "seen": hits["seen"].copy(),
        "hit": columns(hits, "x", "y").copy(),
        "true_hit": columns(hits, "true_x", "true_y").copy(),
        "true_slope": columns(hits, "tx", "ty").copy(),
        "true_momentum": hits["momentum"].copy(),
        "crossed": hits["momentum"] > 0.0,
    }


def _extra_fields(extra: Records[Extra]) -> dict[str, NDArray]:
    """The extra hits as fields of `Hits`."""
    return {
        "extra_event": extra["event"].copy(),
        "extra_plane": extra["tracker"].copy(),
        "extra_hit": columns(extra, "x", "y").copy(),
        "extra_energy": extra["energy"].copy(),
        "extra_origin": extra["origin"].copy(),
    }


def _visible(
    readout: Readout, em: Array, hadronic: Array, in_cells: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Visible energies of modules, (N, M), and of cells, (N, K) or (0, 0); GeV.

    Cells are measured one by one, with the module's mixture of electrons and hadrons in each; a
    module's energy is then the sum of its cells.
    """
    terms = (readout.em, readout.hadronic, readout.constant)
    energy = smear(em, hadronic, terms, rng)
    if not readout.cells:
        return _recorded(readout, energy, rng), np.zeros((0, 0))
    of = readout.cell_module
    total = np.maximum(em + hadronic, 1e-300)
    part = (em / total)[:, of]
    cells = smear(
        in_cells * part, in_cells * (1.0 - part), (terms[0][of], terms[1][of], terms[2][of]), rng
    )
    for module in np.unique(of):
        energy[:, module] = cells[:, of == module].sum(axis=1)
    recorded = _recorded(readout, energy, rng)
    shift = (recorded - energy) / np.maximum(np.bincount(of, minlength=energy.shape[1]), 1)
    return recorded, cells + shift[:, of]


def _recorded(readout: Readout, energy: Array, rng: np.random.Generator) -> Array:
    """Energies of modules, (N, M) GeV, with their noise; 0 below their threshold."""
    if readout.noise.any():
        energy = np.maximum(energy + readout.noise * rng.standard_normal(energy.shape), 0.0)
    if readout.floor.any():
        energy = np.where(energy >= readout.floor, energy, 0.0)
    return energy


def _parts(readout: Readout, deposits: Array) -> tuple[Array, ...]:
    """Of the deposits: modules (electromagnetic, hadronic), counters (deposit, crossed), cells."""
    edges = (*readout.places, readout.deposits)
    return tuple(deposits[:, low:high] for low, high in pairwise(edges))


def _fired(
    experiment: Experiment, readout: Readout, deposits: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Bits of the counters that fired: deposit above threshold, and not inefficient."""
    fired = np.zeros(len(deposits), np.int64)
    for index, counter in enumerate(experiment.detector.counter):
        seen = (deposits[:, index] > 0.0) & (deposits[:, index] >= readout.thresholds[index])
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
