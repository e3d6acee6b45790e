"""Speed of the trigger's fast mode and of reading experiment files.

Peer of the trigger: NumPy, thing by thing, with Gaussian scattering.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Literal

import numpy as np
import plain_trigger
from measure import Row, against, agree, best, main, row

from mutau.core.random import stream
from mutau.detector.studies import signal_muons
from mutau.detector.trigger import trigger_efficiency
from mutau.experiment import load_experiment, replace

_N = 500_000
_MODES: tuple[Literal["gaussian", "collisions"], ...] = ("gaussian", "collisions")


def trigger() -> list[Row]:
    """Muons through the NA64mu set-up to S4 and V1."""
    experiment = load_experiment("na64mu")
    muons = signal_muons(experiment, 0.1, _N, stream(1))
    low = muons.p_lepton[:, 0] <= 80.0
    p4, depth = muons.p_lepton[low], muons.depth[low]
    table, few = [], slice(None, None, 5)
    losses = plain_trigger.losses(experiment)

    def plain() -> float:
        return plain_trigger.efficiency(p4[few], depth[few], experiment, losses, stream(3))

    def peer() -> float:
        theirs, n = plain(), len(p4[few])
        ours = trigger_efficiency(
            p4, None, experiment, stream(2), depth=depth, scattering="gaussian"
        )
        error = float(np.hypot(ours.error, np.sqrt(theirs * (1.0 - theirs) / n)))
        agree("trigger efficiency", ours.efficiency, theirs, rel=0.0, abs_=4.0 * error)
        return n / best(plain, 2)

    for mode in _MODES:

        def through(mode: Literal["gaussian", "collisions"] = mode) -> Any:
            return trigger_efficiency(p4, None, experiment, stream(2), depth=depth, scattering=mode)

        got = through()
        name, error = f"trigger, {mode} scattering, 100 MeV", float(got.error / got.efficiency)
        goal = 2e6 if mode == "gaussian" else "-"
        compared = against("NumPy", peer) if mode == "gaussian" else {}
        table.append(row(name, len(p4) / best(through), "muons/s/core", error, goal, **compared))
    return table


def experiment_files() -> list[Row]:
    """Reading a file in a new process, and changing one value."""
    code = (
        "import time, numpy; t = time.process_time(); from mutau.experiment import load_experiment;"
        "load_experiment('na64mu'); print(time.process_time() - t)"
    )
    cold = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(3)
    ]
    experiment = load_experiment("na64mu")
    change = best(lambda: [replace(experiment, "beam/energy", "100 GeV") for _ in range(100)])
    name = "replace one value of an experiment, checked again"
    return [
        row("load_experiment in a fresh process, after NumPy", 1e3 * min(cold), "ms", "-", 300.0),
        row(name, 1e3 * change / 100, "ms"),
    ]


PARTS = (trigger, experiment_files)

if __name__ == "__main__":
    main(PARTS)
