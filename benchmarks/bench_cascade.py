"""Speed of the electromagnetic cascade: equations and single showers.

Peer of the equations: the same balance on one grid as a dense system in NumPy.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import plain_cascade
from measure import Row, against, agree, best, main, row

from mutau.matter import material
from mutau.transport.em_cascade import energy_balance, track_lengths
from mutau.transport.shower import Emission, Shower, simulate_emissions, simulate_showers

LEAD = material("lead")
ENERGY = 100.0


def equations(cut: float, goal: str) -> Row:
    """Time of one solution above `cut`, ms, and its error."""
    edges = np.geomspace(cut, ENERGY, 21)
    got = track_lengths("e-", ENERGY, LEAD, edges)
    seconds = best(lambda: track_lengths("e-", ENERGY, LEAD, edges), 30)
    error = np.max(got.err[0] / got.electron)

    def peer() -> float:
        """One grid of 320 bins, in whose sum of 16 electrons are ours to 2 %; ms."""
        falling, track = plain_cascade.track_lengths(ENERGY, LEAD, cut, 320)
        theirs = track[0][::-1].reshape(20, 16).sum(axis=1) / np.diff(falling[::-1][::16])
        agree("track lengths", got.electron, theirs, rel=0.02)
        return 1e3 * best(lambda: plain_cascade.track_lengths(ENERGY, LEAD, cut, 320), 3)

    balance = energy_balance("e-", ENERGY, LEAD, cut).imbalance
    return row(
        f"track lengths, lead, 100 GeV e-, E > {cut:g} GeV",
        1e3 * seconds,
        "ms",
        f"{error:.1e} largest of 20 bins, energy {balance:+.1e}",
        goal,
        **(against("NumPy, dense", peer) if cut == 1.0 else {}),
    )


def showers(cut: float, n: int, goal: str) -> Row:
    """Showers per second and core above `cut`."""
    edges = np.geomspace(cut, ENERGY, 21)
    width = np.diff(edges)
    got = simulate_showers(Shower("e-", ENERGY, LEAD, cut=cut), n, edges=edges)
    seconds = best(lambda: simulate_showers(Shower("e-", ENERGY, LEAD, cut=cut), n, edges=edges), 3)
    mean = track_lengths("e-", ENERGY, LEAD, edges)
    ratio = np.sum(got.electron * width) / np.sum(mean.electron * width)
    return row(
        f"showers, lead, 100 GeV e-, E > {cut:g} GeV",
        n / seconds,
        "1/s",
        f"electron track {100 * (ratio - 1):+.2f} % of the equations",
        goal,
    )


def emissions(n: int) -> Row:
    """Showers with a forced emission per second and core."""
    energy = np.geomspace(1.0, ENERGY, 200)
    rate = 1e-6 * np.sqrt(energy)
    radiated = Emission("radiation", ("e-", "e+"), energy, rate, np.full((200, 2), 0.8))

    def run() -> Any:
        return simulate_emissions(Shower("e-", ENERGY, LEAD, cut=1.0), n, [radiated])

    weight = run().weight
    return row(
        "showers with one forced emission, lead, 100 GeV e-, E > 1 GeV",
        n / best(run, 3),
        "1/s",
        f"yield {100 * weight.std() / weight.mean() / np.sqrt(n):.2f} % at {n}",
        "-",
    )


PARTS = (
    partial(equations, 1.0, "5 ms"),
    partial(equations, 0.01, "-"),
    partial(showers, 1.0, 10000, "2e4 1/s"),
    partial(showers, 0.01, 200, "-"),
    partial(emissions, 10000),
)

if __name__ == "__main__":
    main(PARTS)
