"""Speed of muon on electron: squared amplitudes, cross sections, phase space, events.

CPU seconds of one core, best of several runs, compilation excluded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mutau.core.constants import M_E, M_MU
from mutau.core.jit import njit
from mutau.core.random import stream
from mutau.sampling.muon_electron import draw_events, make_sampler
from mutau.xsec.muon_electron import GAMMA, PAPER_CUTS, ZPRIME, Reaction, total_cross_section
from mutau.xsec.muon_electron_amplitudes import emission_kernel, vector_emission, zprime_kernel


@njit
def _zprime(S, te, tm, sm, se, m2, e2, M2, out):  # type: ignore[no-untyped-def]
    for i in range(len(te)):
        out[i] = zprime_kernel(S, te[i], tm[i], sm[i], se[i], m2, e2, M2)


@njit
def _both(S, te, tm, sm, se, m2, e2, M2, out):  # type: ignore[no-untyped-def]
    for i in range(len(te)):
        out[i] = emission_kernel(S, te[i], tm[i], sm[i], se[i], m2, e2, M2, 1.0, -1.0)


def best(call: Callable[[], Any], runs: int = 5) -> float:
    """Least CPU time of a call, s, after one call that compiles."""
    call()
    times = []
    for _ in range(runs):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def rows() -> list[dict[str, Any]]:
    """The measurements, one dict each."""
    out: list[dict[str, Any]] = []

    def row(name: str, figure: float, unit: str, error: str, goal: str) -> None:
        out.append(
            {"name": name, "figure": figure, "unit": unit, "error_reached": error, "goal": goal}
        )

    n, repeats = 4096, 200
    rng = np.random.default_rng(1)
    te, tm = -rng.uniform(1e-3, 0.02, n), -rng.uniform(1e-3, 0.05, n)
    sm, se = rng.uniform(0.03, 0.1, n), rng.uniform(0.01, 0.05, n)
    masses = M_MU**2, M_E**2, 0.1**2
    S, buffer = 2.0 * M_E * 150.0, np.empty(n)

    def many(kernel: Any) -> None:
        for _ in range(repeats):
            kernel(S, te, tm, sm, se, *masses, buffer)

    rate = n * repeats
    row("|M|^2 mu e -> mu e Z'", rate / best(lambda: many(_zprime)), "/s/core", "1e-10", "5e7")
    row("|M|^2 mu e -> mu e gamma", rate / best(lambda: many(_both)), "/s/core", "1e-10", "")

    def plain() -> None:
        um = masses[2] + te - tm - sm
        front, back = S + 0.5 * (te - sm), S + 0.5 * (tm + masses[2] - sm) - se
        line = vector_emission.py_func(
            te, tm, sm, um, masses[0], masses[2], front, back, 4.0 * masses[1] - te
        )
        np.divide(0.25 * line, te * te, out=buffer)

    row("  the same in plain NumPy", n / best(plain, 20), "/s/core", "", "")

    zprime, light = Reaction(ZPRIME, 150.0, 0.1, 1e-3), Reaction(ZPRIME, 150.0, 0.01, 5e-4)
    for name, reaction in (
        ("Z' 100 MeV", zprime),
        ("Z' 10 MeV", light),
        ("photon", Reaction(GAMMA, 150.0)),
    ):
        sigma = total_cross_section(reaction, PAPER_CUTS)
        seconds = best(lambda reaction=reaction: total_cross_section(reaction, PAPER_CUTS))
        error = f"{sigma.sigma_err_pb / sigma.sigma_pb:.0e}"
        row(f"cross section in the cuts, {name}", 1e3 * seconds, "ms", error, "")
    grid = [Reaction(ZPRIME, 150.0, m, 1e-3) for m in np.geomspace(1e-3, 0.277, 60)]
    found = [total_cross_section(reaction, PAPER_CUTS) for reaction in grid]
    worst = max(x.sigma_err_pb / x.sigma_pb for x in found)
    seconds = best(lambda: [total_cross_section(r, PAPER_CUTS) for r in grid], 2)
    row("fig. 3 of the paper, 60 masses", seconds, "s", f"{worst:.0e}", "3 (5e-3)")

    n = 200_000
    for name, reaction in (
        ("Z' 100 MeV", zprime),
        ("Z' 10 MeV", light),
        ("photon", Reaction(GAMMA, 150.0)),
    ):
        seconds = best(lambda reaction=reaction: make_sampler(reaction, PAPER_CUTS), 2)
        row(f"adapting the grid, {name}", seconds, "s", "", "")
        sampler = make_sampler(reaction, PAPER_CUTS)
        for weighted, goal in ((True, "2e6"), (False, "1e6")):

            def draw(sampler: Any = sampler, weighted: bool = weighted) -> Any:
                return draw_events(sampler, n, stream(1), weighted=weighted)

            meta = draw().meta
            kind = "weighted" if weighted else f"unweighted ({meta['efficiency']:.2f} kept)"
            error = f"{meta['monte_carlo_err_pb'] / meta['monte_carlo_pb']:.0e}"
            row(f"{kind} events, {name}", n / best(draw, 3), "/s/core", error, goal)
    return out


if __name__ == "__main__":
    for entry in rows():
        print(
            f"{entry['name']:45s} {entry['figure']:>12.4g} {entry['unit']:8s}"
            f" error {entry['error_reached']:8s} goal {entry['goal']}"
        )
