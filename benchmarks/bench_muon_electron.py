"""Speed of muon on electron: squared amplitudes, cross sections, phase space, events.

Peer of the squared amplitudes: explicit spinors in NumPy, all helicities, at the same points.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import plain_amplitudes
import plain_decays
from measure import Row, against, agree, best, main, row

from mutau.core.constants import M_E, M_MU
from mutau.core.jit import njit
from mutau.core.random import stream
from mutau.reactions.muon_electron import GAMMA, PAPER_CUTS, ZPRIME, Reaction, total_cross_section
from mutau.reactions.muon_electron_amplitudes import Invariants, emission_kernel, zprime_kernel
from mutau.reactions.muon_electron_events import draw_events, make_sampler

N, ENERGY, MASS = 4096, 150.0, 0.1
REACTIONS = {
    "Z' 100 MeV": Reaction(ZPRIME, ENERGY, MASS, 1e-3),
    "Z' 10 MeV": Reaction(ZPRIME, ENERGY, 0.01, 5e-4),
    "photon": Reaction(GAMMA, ENERGY),
}


@njit
def _zprime(S, te, tm, sm, se, m2, e2, M2, out):  # type: ignore[no-untyped-def]
    for i in range(len(te)):
        out[i] = zprime_kernel(Invariants(S, te[i], tm[i], sm[i], se[i], m2, e2, M2))


@njit
def _both(S, te, tm, sm, se, m2, e2, M2, out):  # type: ignore[no-untyped-def]
    for i in range(len(te)):
        out[i] = emission_kernel(Invariants(S, te[i], tm[i], sm[i], se[i], m2, e2, M2), 1.0, -1.0)


def amplitude(
    name: str, kernel: Any, mass: float, couplings: tuple[float, float], goal: object
) -> Row:
    """|M|^2 at random points of the phase space."""
    momenta = plain_decays.phase_space(N, ENERGY, M_MU, M_E, mass, stream(1))
    p1, p2, p3, p4, k = momenta
    metric = np.array([1.0, -1.0, -1.0, -1.0])

    def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a * b) @ metric

    te, tm = dot(p2 - p4, p2 - p4), dot(p1 - p3, p1 - p3)
    sm, se = 2.0 * dot(p3, k) + mass**2, 2.0 * dot(p4, k) + mass**2
    out, repeats = np.empty(N), 200

    def ours() -> None:
        for _ in range(repeats):
            kernel(2.0 * M_E * ENERGY, te, tm, sm, se, M_MU**2, M_E**2, mass**2, out)

    def spinors() -> np.ndarray:
        return plain_amplitudes.squared(momenta, M_MU, M_E, *couplings)

    def peer() -> float:
        theirs = spinors()
        # double precision of the spinors: propagators cancel where the photon is soft
        agree("|M|^2", out, theirs, rel=1e-4 if mass == 0.0 else 1e-6)
        return N / best(spinors, 3)

    rate = N * repeats / best(ours)
    return row(f"|M|^2 {name}", rate, "/s/core", "1e-10", goal, **against("NumPy, spinors", peer))


def cross_sections(name: str) -> Row:
    """Total in the cuts of the paper."""
    reaction = REACTIONS[name]
    sigma = total_cross_section(reaction, PAPER_CUTS)
    seconds = best(lambda: total_cross_section(reaction, PAPER_CUTS))
    error = f"{sigma.sigma_err_pb / sigma.sigma_pb:.0e}"
    return row(f"cross section in the cuts, {name}", 1e3 * seconds, "ms", error)


def figure_3() -> Row:
    """Sixty masses."""
    grid = [Reaction(ZPRIME, ENERGY, m, 1e-3) for m in np.geomspace(1e-3, 0.277, 60)]
    found = [total_cross_section(reaction, PAPER_CUTS) for reaction in grid]
    worst = max(x.sigma_err_pb / x.sigma_pb for x in found)
    seconds = best(lambda: [total_cross_section(r, PAPER_CUTS) for r in grid], 2)
    return row("fig. 3 of the paper, 60 masses", seconds, "s", f"{worst:.0e}", "3 (5e-3)")


def events(name: str, n: int = 200_000) -> list[Row]:
    """Adapting the grid, weighted and unweighted events."""
    reaction = REACTIONS[name]
    seconds = best(lambda: make_sampler(reaction, PAPER_CUTS), 2)
    table = [row(f"adapting the grid, {name}", seconds, "s")]
    sampler = make_sampler(reaction, PAPER_CUTS)
    for weighted, goal in ((True, "2e6"), (False, "1e6")):

        def draw(weighted: bool = weighted) -> Any:
            return draw_events(sampler, n, stream(1), weighted=weighted)

        meta = draw().meta
        kind = "weighted" if weighted else f"unweighted ({meta['efficiency']:.2f} kept)"
        error = f"{meta['monte_carlo_err_pb'] / meta['monte_carlo_pb']:.0e}"
        table.append(row(f"{kind} events, {name}", n / best(draw, 3), "/s/core", error, goal))
    return table


PARTS = (
    partial(amplitude, "mu e -> mu e Z'", _zprime, MASS, (1.0, 0.0), "5e7"),
    partial(amplitude, "mu e -> mu e gamma", _both, 0.0, (1.0, -1.0), "-"),
    *(partial(cross_sections, name) for name in REACTIONS),
    figure_3,
    *(partial(events, name) for name in REACTIONS),
)

if __name__ == "__main__":
    main(PARTS)
