"""Whole roads, as a user meets them: seconds per curve, and the start of the program."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np

import mutau


def curve(name: str, low: float, high: float) -> tuple[float, float]:
    """Seconds of a 60-mass limit curve, warm, and the largest relative error reached."""
    experiment = mutau.load_experiment(name)
    masses = np.geomspace(low, high, 60)
    mutau.limit_curve(experiment, masses[::20])
    start = time.perf_counter()
    line = mutau.limit_curve(experiment, masses)
    seconds = time.perf_counter() - start
    good = np.isfinite(line.coupling)
    return seconds, float(np.max(line.numerical_err[good] / line.coupling[good]))


def program_start() -> float:
    """Seconds of `mutau --help`, best of five."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mutau", "--help"], check=True, stdout=subprocess.DEVNULL
        )
        times.append(time.perf_counter() - start)
    return min(times)


def rows() -> list[dict[str, Any]]:
    """What, how fast, at which error, against which goal."""
    table = []
    for name, low, high, goal in (("na64mu", 1e-3, 1.0, "<= 5 s"), ("muone", 1e-3, 0.27, "-")):
        seconds, error = curve(name, low, high)
        table.append(
            {
                "name": f"limit curve {name}, 60 masses, warm",
                "figure": seconds,
                "unit": "s",
                "error_reached": f"{error:.1e} of the coupling",
                "goal": goal,
            }
        )
    table.append(
        {
            "name": "mutau --help",
            "figure": program_start(),
            "unit": "s",
            "error_reached": "-",
            "goal": "<= 0.5 s",
        }
    )
    return table


if __name__ == "__main__":
    for row in rows():
        print(row)
