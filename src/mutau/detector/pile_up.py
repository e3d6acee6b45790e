"""A second beam muon within the gate of an event: how often, and what it adds.

The gate of the file (`detector/resolution/gate`) holds a Poisson number of further beam muons, at
the rate within a spill. Each goes through the whole set-up by itself and its signals are added:
energies, counters (vetoes too), hits in the planes beside those of the first muon. Counters,
planes and calorimeters have the same gate; muons come at random, without the beam's time structure.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.detector.hits import NOTHING, Hits
from mutau.detector.readout import Readout

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

#: Second key of the random streams of further muons.
PILE_UP_STREAM: Final = 7_000_001


def muons_in_gate(experiment: Experiment) -> float:
    """Mean number of further beam muons within the gate; 0 where the file states no gate.

    Raises MutauError for a gate without an intensity (`per_spill`, `spill`).
    Check: 1e7 muons in 4.8 s and a gate of 48 ns: 0.1.
    """
    beam, resolution = experiment.beam, experiment.detector.resolution
    gate = resolution.gate if resolution else 0.0
    if gate == 0.0:
        return 0.0
    if beam.per_spill is None or beam.spill is None:
        raise MutauError(
            "a gate needs the intensity of the beam", place=f"{experiment.name}: beam",
            remedy="state per_spill and spill, or leave out detector/resolution/gate",
        )  # fmt: skip
    return beam.per_spill / beam.spill * gate


def alone(experiment: Experiment) -> float:
    """Fraction of events without a second muon in the gate: what is left where each of them
    spoils the event. Check: 1 without a gate."""
    return math.exp(-muons_in_gate(experiment))


def with_further_muons(hits: Hits, others: Hits, owner: NDArray, readout: Readout) -> Hits:
    """The events with the signals of further muons added.

    others : (K) muons of the same set-up by themselves. owner : (K,) row of `hits` each adds to.
    Truth (true hits, momenta, vertex) stays that of the first muon; the trigger is made again.
    Check: energies add; a muon that crosses no plane and no counter changes nothing.
    """
    energy, deposit, cells = hits.energy.copy(), hits.deposit.copy(), hits.cells.copy()
    np.add.at(energy, owner, others.energy)
    np.add.at(deposit, owner, others.deposit)
    if hits.cells_named:
        np.add.at(cells, owner, others.cells)
    counters = hits.counters.copy()
    np.bitwise_or.at(counters, owner, others.counters)
    vetoed = counters & readout.veto != 0
    extra = _joined_extra(hits, others, owner)
    lost = hits.lost_extra.copy()
    np.add.at(lost, owner, others.lost_extra)
    return replace(
        hits,
        energy=energy, deposit=deposit, cells=cells, counters=counters, lost_extra=lost,
        trigger=(counters & readout.trigger == readout.trigger) & ~vetoed,
        beam_trigger=counters & readout.beam == readout.beam,
        n_extra=np.bincount(extra["extra_event"], minlength=len(hits)),
        **extra,
    )  # fmt: skip


def _joined_extra(hits: Hits, others: Hits, owner: NDArray) -> dict[str, Any]:
    """Extra hits of the events, of the further muons, and the further muons' own, sorted."""
    row, plane = np.nonzero(others.seen)
    parts: dict[str, tuple[NDArray, NDArray, NDArray]] = {
        "extra_event": (hits.extra_event, owner[row], owner[others.extra_event]),
        "extra_plane": (hits.extra_plane, plane, others.extra_plane),
        "extra_hit": (hits.extra_hit, others.hit[row, plane], others.extra_hit),
        "extra_energy": (hits.extra_energy, others.true_momentum[row, plane], others.extra_energy),
        "extra_origin": (
            hits.extra_origin, np.full(row.size, NOTHING, np.int64), others.extra_origin,
        ),
    }  # fmt: skip
    joined = {name: np.concatenate(part) for name, part in parts.items()}
    order = np.lexsort((joined["extra_plane"], joined["extra_event"]))
    return {name: values[order] for name, values in joined.items()}
