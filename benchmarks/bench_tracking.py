"""How fast tracks are fitted and wrong momenta are found, and what forcing them gains.

Processor time of one core. Figure of merit: 1/(relative error^2 times seconds); its ratio to that
of counting in an unbiased sample says how many times longer brute force would take.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mutau.background.momentum import mismatch_probability, one_hit_cuts
from mutau.background.momentum_matter import Q_MAX
from mutau.background.momentum_multihit import wrong_hits
from mutau.background.momentum_sampling import TrackCuts, observe, reconstruct, spectrometer
from mutau.core.random import stream
from mutau.detector.tracking import choose_hits, fit_tracks
from mutau.experiment import load_experiment


def _seconds(call: Callable[[], Any], times: int = 3) -> float:
    call()
    spent = []
    for _ in range(times):
        begin = time.process_time()
        call()
        spent.append(time.process_time() - begin)
    return min(spent)


def _row(name: str, figure: float, unit: str, error: str, goal: str = "-") -> dict[str, Any]:
    return {"name": name, "figure": figure, "unit": unit, "error_reached": error, "goal": goal}


def _fits() -> list[dict[str, Any]]:
    experiment = load_experiment("na64mu")
    spec, n = spectrometer(experiment), 200_000
    seen = observe(spec, n, stream(1), q_top=0.006, d_top=0.021)
    fit = fit_tracks(seen.hits, None, spec.arm)
    better = fit_tracks(seen.hits, None, spec.arm, iterations=6)
    shift = np.max(np.abs(fit.state[:, 4] - better.state[:, 4]) / np.sqrt(fit.covariance[:, 4, 4]))
    plain = _seconds(lambda: fit_tracks(seen.hits, None, spec.arm))
    spoiled = seen.hits[: n // 10].copy()
    spoiled[:, 2, 0] += 0.5
    removal = _seconds(lambda: fit_tracks(spoiled, None, spec.arm, max_removed=1))
    several = np.repeat(seen.hits[:2000, :, None], 2, axis=2) + np.array([[0.0, 0.0], [0.5, 0.5]])
    pairs = _seconds(lambda: choose_hits(several, np.full((2000, 6), 2), spec.arm))

    def natural() -> None:
        whole = observe(spec, n, stream(2), q_top=Q_MAX)
        reconstruct(whole, spec, one_hit_cuts(experiment, triggered=False))

    chain = _seconds(natural)
    return [
        _row("track fit, 6 planes, covariance", n / plain, "1/s/core", f"{shift:.0e} sigma", "5e5"),
        _row("track fit, one wrong hit removed", n / 10 / removal, "1/s/core", "-"),
        _row("best of 64 combinations", 2000 / pairs, "events/s/core", "exact"),
        _row("spectrometer simulated and fitted", n / chain, "muons/s/core", "-"),
    ]


def _merit() -> list[dict[str, Any]]:
    experiment = load_experiment("na64mu")
    spec, n = spectrometer(experiment), 200_000
    begin = time.process_time()
    reconstruct(observe(spec, n, stream(3), q_top=Q_MAX), spec, TrackCuts(80.0, 6))
    rate = n / (time.process_time() - begin)  # muons/s of brute force
    rows = []
    for triggered in (False, True):
        cuts = one_hit_cuts(experiment, triggered=triggered)
        begin = time.process_time()
        got = mismatch_probability(experiment, cuts, 400_000, stream(4, triggered))
        spent = time.process_time() - begin
        merit = (got.value / got.err) ** 2 / spent
        name = "wrong momentum" + (" and trigger" if triggered else "")
        error = f"{got.err / got.value:.1%} in {spent:.1f} s"
        rows.append(_row(f"{name}, merit", merit, "1/s", error, "30 % in 180 s"))
        rows.append(_row(f"{name}, gain", merit / (rate * got.value), "x brute force", error))
    begin = time.process_time()
    mixed = wrong_hits(spec, TrackCuts(100.0, 6), "one track", 400_000, stream(5))
    spent = time.process_time() - begin
    merit = (mixed.value / mixed.err) ** 2 / spent
    error = f"{mixed.err / mixed.value:.0%} in {spent:.1f} s"
    rows.append(_row("hits of a knock-on electron, merit", merit, "1/s", error, "30 % in 180 s"))
    rows.append(
        _row("hits of a knock-on electron, gain", merit / (rate * mixed.value), "x brute force",
             error)
    )  # fmt: skip
    return rows


def rows() -> list[dict[str, Any]]:
    """Measured figures with unit, error reached and goal."""
    return _fits() + _merit()


if __name__ == "__main__":
    for line in rows():
        print(
            f"{line['name']:38s} {line['figure']:10.3g} {line['unit']:14s} "
            f"{line['error_reached']:20s} goal {line['goal']}"
        )
