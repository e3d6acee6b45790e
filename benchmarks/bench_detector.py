"""Speed of the trigger's fast mode and of reading experiment files.

Run `python benchmarks/bench_detector.py`; `rows()` gives the same as a list. CPU time, one core.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

from mutau.core.random import stream
from mutau.detector.studies import signal_muons
from mutau.detector.trigger import trigger_efficiency
from mutau.experiment import load_experiment, replace

_N = 500_000


def _seconds(action: Callable[[], Any], repeat: int = 5) -> float:
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        action()
        best = min(best, time.process_time() - start)
    return best


def rows() -> list[dict[str, Any]]:
    """Muons through the NA64mu set-up per second; milliseconds per experiment file."""
    experiment = load_experiment("na64mu")
    muons = signal_muons(experiment, 0.1, _N, stream(1))
    low = muons.p_lepton[:, 0] <= 80.0
    p4, depth = muons.p_lepton[low], muons.depth[low]
    table: list[dict[str, Any]] = []
    modes: tuple[Literal["gaussian", "collisions"], ...] = ("gaussian", "collisions")
    for mode in modes:

        def through(mode: Literal["gaussian", "collisions"] = mode) -> Any:
            return trigger_efficiency(p4, None, experiment, stream(2), depth=depth, scattering=mode)

        got = through()
        table.append(
            {
                "name": f"trigger, {mode} scattering, 100 MeV",
                "figure": len(p4) / _seconds(through),
                "unit": "muons/s/core",
                "error_reached": float(got.error / got.efficiency),
                "goal": 2e6 if mode == "gaussian" else None,
            }
        )
    code = (
        "import time, numpy; t = time.process_time(); from mutau.experiment import load_experiment;"
        "load_experiment('na64mu'); print(time.process_time() - t)"
    )
    cold = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(3)
    ]
    table.append(
        {
            "name": "load_experiment in a fresh process, after NumPy",
            "figure": 1e3 * min(cold),
            "unit": "ms",
            "error_reached": 0.0,
            "goal": 300.0,
        }
    )
    change = _seconds(lambda: [replace(experiment, "beam/energy", "100 GeV") for _ in range(100)])
    table.append(
        {
            "name": "replace one value of an experiment, checked again",
            "figure": 1e3 * change / 100,
            "unit": "ms",
            "error_reached": 0.0,
            "goal": None,
        }
    )
    return table


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row['name']:50} {row['figure']:12.4g} {row['unit']:12} "
            f"error {row['error_reached']:.1e}  goal {row['goal']}"
        )
