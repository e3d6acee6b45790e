"""How fast the same showers and muons are in ours and in Geant4, on one core, in the same run.

Geant4 runs as a C++ program with as few calls into Python as its task allows: none for showers, one
per muon that leaves and one per secondary that is dropped. Its initialisation (0.3 s) is not
counted. Both have the same thresholds; who does more for a particle is said in the row.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from measure import Row, against, agree, best, main, row, run

from mutau.matter import material
from mutau.peers.geant4 import PACKAGE
from mutau.peers.geant4_jobs import run_geant4
from mutau.peers.geant4_muons import muon_job, our_muons, target
from mutau.peers.geant4_showers import ENERGY, RATES, TRACK_CUT, rate, track_job
from mutau.transport.em_cascade import track_lengths
from mutau.transport.matter_tables import SOLID_CUT
from mutau.transport.shower import Shower, ShowerGeometry, ShowerSample, simulate_showers

SHOWERS = (10_000, 1000)
MUONS = {"mixture": (40_000, 50_000), "plates": (40_000, 5000)}


def showers() -> Row:
    """Showers of 100 GeV electrons in lead, followed to 1 GeV in three dimensions."""
    lead = material("lead")
    n, n_theirs = SHOWERS
    shape = ShowerGeometry(lateral=True)

    def ours() -> ShowerSample:
        return simulate_showers(Shower("e-", ENERGY, lead, cut=TRACK_CUT), n, geometry=shape)

    def theirs() -> float:
        got = run_geant4(track_job(n_theirs, 1, watch=False))
        own = [rate(process, energy, cut, lead) for _, _, process, energy, cut in RATES]
        agree("rates", own, got.answers * lead.radiation_length_cm, rel=0.03)
        return n_theirs / got.seconds

    sample = ours()
    exact = track_lengths("e-", ENERGY, lead, sample.edges).total("e-")
    off = float(sample.electron @ np.diff(sample.edges)) / exact - 1.0
    return row(
        f"showers, lead, 100 GeV e-, E > {TRACK_CUT:g} GeV, with directions",
        n / best(ours, 3),
        "1/s/core",
        f"electron track {100 * off:+.2f} % of the equations",
        "2e4",
        **against("Geant4", theirs, needs=PACKAGE),
    )


def muons(what: str, goal: str) -> Row:
    """Muons of 160 GeV through the 40 X0 calorimeter of NA64mu; ours has its mixture."""
    item, length, energy = target()
    n, n_theirs = MUONS[what]
    loss, _, _ = our_muons(n, 1, item, length, energy)

    def theirs() -> float:
        job = muon_job(n_theirs, 1, plates=what == "plates", production=SOLID_CUT)
        got = run_geant4(job)
        # Born pairs in Geant4: 4 % at the median
        agree("median loss", np.median(loss), energy - np.median(got.leaving[:, 0]), rel=0.06)
        return n_theirs / got.seconds

    return row(
        f"muons, 40 X0 of lead and scintillator, {what} in Geant4",
        n / best(lambda: our_muons(n, 1, item, length, energy), 3),
        "1/s/core",
        "ours with the energy that stays and leaks; Geant4 drops secondaries",
        goal,
        **against("Geant4", theirs, needs=PACKAGE),
    )


PARTS = (
    showers,
    partial(muons, "mixture", "5e4 in the whole set-up"),
    partial(muons, "plates", "-"),
)


def rows() -> list[Row]:
    """Measured figures with unit, error reached, goal and the peer's figure."""
    return list(run(PARTS))


if __name__ == "__main__":
    main(PARTS)
