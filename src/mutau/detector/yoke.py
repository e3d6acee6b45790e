"""Showers in the iron of magnets, for everything that simulates: tables and how fine."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.detector.simulation_records import Output
from mutau.matter.materials import material
from mutau.transport.hadron_shower import CLEAR, given_up_text
from mutau.transport.hadron_tables import EM_CUT, hadron_tables
from mutau.transport.setup import Setup

if TYPE_CHECKING:
    from mutau.detector.readout import Readout
    from mutau.detector.simulation_yoke import Hurry
    from mutau.experiment.schema import Experiment

#: First key of the random streams of showers in iron.
YOKE_STREAM: Final = 72


@dataclass(frozen=True, slots=True)
class IronDetail:
    """How finely showers in iron are followed.

    least : GeV, what brings less into the iron ends there. cut : GeV, total energy down to which
    electrons and photons are followed. generator : of final states of hadrons
    (`hadron_tables.GENERATORS`).
    """

    least: float = 0.05
    cut: float = EM_CUT
    generator: str = "both"


#: For backgrounds, where what comes back decides.
FINE: Final = IronDetail()
#: For ordinary muons, of which one in three sends something soft into iron: 3.5 times as fast. It
#: finds half of the hits and vetoes that `FINE` adds (docs/validation/hadron_showers.md).
COARSE: Final = IronDetail(least=0.3, cut=0.02)


def veto_limits(experiment: Experiment, readout: Readout) -> NDArray[np.float64]:
    """(K,) deposit (GeV) with which the veto at a piece has fired for certain; inf for what is no
    fully efficient veto."""
    pieces = readout.setup.pieces
    limits = np.full(len(pieces), np.inf)
    for index, counter in enumerate(experiment.detector.counter):
        if counter.role == "veto" and counter.efficiency == 1.0:
            at = pieces["counter"] == readout.places.counters + index
            limits[at & (pieces["length"] == 0.0)] = readout.thresholds[index]
    return limits


def finish_in_iron(
    setup: Setup, out: Output, rng: np.random.Generator, *, wanted: NDArray[np.bool_] | None = None,
    detail: IronDetail = FINE, hurry: Hurry | None = None,
) -> None:  # fmt: skip
    """Showers of what has entered the iron of magnets, into the records.

    wanted : (N,) events of interest, all if None: showers of others end in the iron.
    hurry : events of which nothing is asked once a veto has fired.
    Warns where there was no room for all. Does nothing where nothing has entered iron.
    """
    from mutau.detector.simulation_yoke import Hurry, shower_arrivals

    entered, room = int(out.counts["arrivals"][0]), len(out.arrivals)
    if not entered:
        return
    if entered > room:
        warnings.warn(f"{entered - room} particles at a magnet's iron found no room", stacklevel=2)
    if hurry is None:
        hurry = Hurry(np.zeros(len(out.events), np.bool_), np.zeros(0))
    chosen = np.ones(len(out.events), np.bool_) if wanted is None else wanted
    tables = hadron_tables(material("iron"), detail.generator, CLEAR, detail.cut)
    lost = shower_arrivals(rng, setup, tables, out, chosen, detail.least, hurry)
    if lost > 0.0:
        warnings.warn(given_up_text(lost), stacklevel=2)
