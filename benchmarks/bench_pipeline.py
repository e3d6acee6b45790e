"""Whole processes, as a user meets them: seconds per curve, and the start of the program.

Curves in processor time of all threads, so that other jobs count little: on an idle machine one
waits for that, over the number of cores.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

import numpy as np
from measure import Row, best, main, row

import mutau


def curve(name: str, low: float, high: float, goal: str) -> Row:
    """A limit curve of 60 masses, warm, and the largest relative error reached."""
    experiment = mutau.load_experiment(name)
    masses = np.geomspace(low, high, 60)
    mutau.limit_curve(experiment, masses[::20])
    start = time.process_time()
    line = mutau.limit_curve(experiment, masses)
    seconds = time.process_time() - start
    good = np.isfinite(line.coupling)
    error = float(np.max(line.numerical_err[good] / line.coupling[good]))
    name = f"limit curve {name}, 60 masses, warm"
    return row(name, seconds, "s, all cores", f"{error:.1e} of the coupling", goal)


def program_start() -> Row:
    """`mutau --help`."""
    command = [sys.executable, "-m", "mutau", "--help"]
    seconds = best(
        lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), 5, time.perf_counter
    )
    return row("mutau --help", seconds, "s", "-", "<= 0.5 s")


PARTS = (
    partial(curve, "na64mu", 1e-3, 1.0, "<= 5 s on 2 cores: 10"),
    partial(curve, "muone", 1e-3, 0.27, "-"),
    program_start,
)

if __name__ == "__main__":
    main(PARTS)
