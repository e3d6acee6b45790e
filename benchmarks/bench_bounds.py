"""Speed and accuracy of the computed bounds and of the recasts; run it to see the table."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def seconds(action: Callable[[], Any], repeat: int = 3) -> float:
    """Least time of `repeat` runs."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def fresh_table() -> float:
    """Seconds for one trident table (spectrum of CCFR, iron, nucleons) without the cache."""
    import os

    from mutau.limits.trident import experiment_table

    experiment_table("ccfr", coarse=True)
    kept = os.environ.get("MUTAU_CACHE_DIR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUTAU_CACHE_DIR"] = folder
        try:
            return seconds(lambda: experiment_table("ccfr"), 1)
        finally:
            if kept is None:
                del os.environ["MUTAU_CACHE_DIR"]
            else:
                os.environ["MUTAU_CACHE_DIR"] = kept


def rows() -> list[dict[str, Any]]:
    """One row per figure: name, figure, unit, error_reached, goal."""
    from mutau.limits import BOUNDS, published_limit
    from mutau.limits.cosmology import standard_neff, thermal_neff
    from mutau.limits.recast import recast

    masses = np.geomspace(1e-3, 1.0, 60)
    ccfr, borexino = BOUNDS["ccfr-trident"], BOUNDS["borexino-be7"]
    trident, solar = ccfr(masses), borexino(masses)
    standard_neff()
    babar = published_limit("babar4mu-2016")
    again = recast(babar, "lmu-ltau").curve
    nodes = np.isin(again.mass, babar.mass)
    recast_error = float(np.max(np.abs(np.log(again.coupling[nodes] / babar.coupling))))
    neff_error = abs(thermal_neff(8e-3, 1e-24) - thermal_neff(8e-3, 1e-24, 1e-9))

    def relative(line: Any) -> float:
        return float(np.max(line.numerical_err / line.coupling))

    return [
        {"name": "trident table, 2 -> 4 over a spectrum", "unit": "s", "goal": 2.0,
         "figure": fresh_table(), "error_reached": relative(trident)},
        {"name": "trident limit from its table", "unit": "masses/s", "goal": 1e3,
         "figure": 60 / seconds(lambda: ccfr(masses)), "error_reached": relative(trident)},
        {"name": "Borexino limit", "unit": "masses/s", "goal": 1e3,
         "figure": 60 / seconds(lambda: borexino(masses)), "error_reached": relative(solar)},
        {"name": "N_eff of one point", "unit": "points/s", "goal": 10.0,
         "figure": 1 / seconds(lambda: thermal_neff(8e-3, 1e-24)), "error_reached": neff_error},
        {"name": "recast, with its own model as check", "unit": "points/s", "goal": 1e3,
         "figure": len(again.mass) / seconds(lambda: recast(babar, "lmu-ltau"), 1),
         "error_reached": recast_error},
    ]  # fmt: skip


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
