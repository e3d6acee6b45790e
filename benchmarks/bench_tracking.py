"""How fast tracks are fitted and wrong momenta are found, and what forcing them gains.

Figure of merit: 1/(relative error^2 times seconds); its ratio to that of counting in an unbiased
sample says how many times longer brute force would take. Peers of the fit: the Kalman filter of
ACTS on the same hits, and one global least-squares fit in NumPy.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import plain_tracks
from measure import Row, against, agree, best, main, row

from mutau.background.momentum import mismatch_probability, one_hit_cuts
from mutau.background.momentum_matter import Q_MAX
from mutau.background.momentum_multihit import wrong_hits
from mutau.background.momentum_sampling import TrackCuts, observe, reconstruct, spectrometer
from mutau.core.random import stream
from mutau.detector.tracking import TrackFit, choose_hits, fit_tracks
from mutau.detector.tracking_geometry import Arm
from mutau.experiment import load_experiment

N = 200_000


def _acts(arm: Arm, hits: np.ndarray, ours: TrackFit) -> float:
    """Fits per second of ACTS' Kalman filter alone, without filling its containers."""
    from mutau.peers.acts_telescope import build_telescope
    from mutau.peers.acts_tracks import fit_with_acts

    telescope, n = build_telescope(arm), 2000
    theirs = [fit_with_acts(telescope, arm, hits[:n]) for _ in range(3)]
    sigma = np.sqrt(ours.covariance[:n, 4, 4])
    agree(
        "1/p of ACTS", ours.state[:n, 4] / sigma, theirs[0].state[:, 4] / sigma, rel=0.0, abs_=0.05
    )
    return n / min(fit.seconds for fit in theirs)


def _numpy(arm: Arm, hits: np.ndarray, ours: TrackFit) -> float:
    """Fits per second of the global least-squares fit."""
    n = len(hits) // 10
    state, _, chi2 = plain_tracks.fit(hits[:n], arm)
    sigma = np.sqrt(ours.covariance[:n, 4, 4])
    agree("1/p in NumPy", ours.state[:n, 4] / sigma, state[:, 4] / sigma, rel=0.0, abs_=0.05)
    agree("chi2 in NumPy", ours.chi2[:n], chi2, rel=0.02, abs_=0.05)
    return n / best(lambda: plain_tracks.fit(hits[:n], arm), 3)


def fits() -> list[Row]:
    """Six planes, both coordinates, full covariance."""
    spec = spectrometer(load_experiment("na64mu"))
    hits = observe(spec, N, stream(1), q_top=0.006, d_top=0.021).hits
    fit = fit_tracks(hits, None, spec.arm)
    better = fit_tracks(hits, None, spec.arm, iterations=6)
    sigma = np.sqrt(fit.covariance[:, 4, 4])
    error = f"{np.max(np.abs(fit.state[:, 4] - better.state[:, 4]) / sigma):.0e} sigma"
    rate = N / best(lambda: fit_tracks(hits, None, spec.arm), 3)
    acts = against("ACTS", lambda: _acts(spec.arm, hits, fit), needs="acts")
    plain = against("NumPy", lambda: _numpy(spec.arm, hits, fit))
    name = "track fit, 6 planes, covariance"
    return [
        row(name, rate, "1/s/core", error, "5e5", **acts),
        row(name, rate, "1/s/core", error, "5e5", **plain),
    ]


def hard_cases() -> list[Row]:
    """Wrong hits, several hits per plane, and the whole chain from muon to momentum."""
    experiment = load_experiment("na64mu")
    spec = spectrometer(experiment)
    spoiled = observe(spec, N // 10, stream(1), q_top=0.006, d_top=0.021).hits
    several = np.repeat(spoiled[:2000, :, None], 2, axis=2) + np.array([[0.0, 0.0], [0.5, 0.5]])
    spoiled = spoiled.copy()
    spoiled[:, 2, 0] += 0.5
    removal = best(lambda: fit_tracks(spoiled, None, spec.arm, max_removed=1), 3)
    pairs = best(lambda: choose_hits(several, np.full((2000, 6), 2), spec.arm), 3)

    def natural() -> None:
        whole = observe(spec, N, stream(2), q_top=Q_MAX)
        reconstruct(whole, spec, one_hit_cuts(experiment, triggered=False))

    return [
        row("track fit, one wrong hit removed", len(spoiled) / removal, "1/s/core"),
        row("best of 64 combinations", 2000 / pairs, "events/s/core", "exact"),
        row("spectrometer simulated and fitted", N / best(natural, 3), "muons/s/core"),
    ]


def _timed(call: Any) -> tuple[Any, float]:
    start = time.process_time()
    got = call()
    return got, time.process_time() - start


def merits() -> list[Row]:
    """Rare wrong momenta: forced, against brute force."""
    experiment = load_experiment("na64mu")
    spec = spectrometer(experiment)
    brute = best(
        lambda: reconstruct(observe(spec, N, stream(3), q_top=Q_MAX), spec, TrackCuts(80.0, 6)), 1
    )
    rate, found = N / brute, []
    for triggered in (False, True):
        cuts = one_hit_cuts(experiment, triggered=triggered)
        mismatch_probability(experiment, cuts, 2000, stream(4))
        got, spent = _timed(
            lambda cuts=cuts, key=triggered: mismatch_probability(
                experiment, cuts, 400_000, stream(4, key)
            )
        )
        name = "wrong momentum" + (" and trigger" if triggered else "")
        found.append((name, got, spent))
    wrong_hits(spec, TrackCuts(100.0, 6), "one track", 2000, stream(5))
    mixed, spent = _timed(
        lambda: wrong_hits(spec, TrackCuts(100.0, 6), "one track", 400_000, stream(5))
    )
    found.append(("hits of a knock-on electron", mixed, spent))
    rows = []
    for name, got, spent in found:
        merit = (got.value / got.err) ** 2 / spent
        error = f"{got.err / got.value:.1%} in {spent:.1f} s"
        rows.append(row(f"{name}, merit", merit, "1/s", error, "30 % in 180 s"))
        rows.append(row(f"{name}, gain", merit / (rate * got.value), "x brute force", error))
    return rows


PARTS = (fits, hard_cases, merits)

if __name__ == "__main__":
    main(PARTS)
