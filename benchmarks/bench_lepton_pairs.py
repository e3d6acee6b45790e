"""Speed of lepton pairs on nuclei, exact 2 to 4: totals and unweighted events, one core."""

from __future__ import annotations

import numpy as np
from measure import Row, best, main, row

from mutau.core.random import stream
from mutau.matter.nucleus import Nucleus
from mutau.reactions.lepton_pair_events import draw_pairs, make_pair_sampler
from mutau.reactions.lepton_pairs import PairReaction, _adapted

REACTIONS = {
    "mu Be -> mu Be e e, pair above 1 GeV": PairReaction(
        "muon", "electron", 150.0, Nucleus(4.0, 9.012), limits={"pair_energy": (1.0, np.inf)}
    ),
    "mu Pb -> mu Pb mu mu, pair above 5 GeV": PairReaction(
        "muon", "muon", 160.0, Nucleus(82.0, 207.2), limits={"pair_energy": (5.0, np.inf)}
    ),
    "e Pb -> e Pb mu mu": PairReaction("electron", "muon", 100.0, Nucleus(82.0, 207.2)),
}

EVENTS = 20_000


def totals() -> list[Row]:
    """From nothing, grids included; the cache of grids is passed by."""
    return [
        row(f"total, {name}", best(lambda r=reaction: _adapted(r, 1e-3, 1), 2), "s", 1e-3, 1.0)
        for name, reaction in REACTIONS.items()
    ]


def events() -> list[Row]:
    """Unweighted events with all momenta."""
    found = []
    for name, reaction in REACTIONS.items():
        sampler = make_pair_sampler(reaction, error=1e-2)
        seconds = best(lambda s=sampler: draw_pairs(s, EVENTS, stream(1)), 2)
        found.append(row(f"events, {name}", EVENTS / seconds, "events/s/core", "exact", 1e5))
    return found


PARTS = (totals, events)

if __name__ == "__main__":
    main(PARTS)
