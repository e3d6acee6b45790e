"""Speed of writing and reading event files: 2 -> 3 events of five particles, 17 digits each.

Run `python benchmarks/bench_event_files.py`; `rows()` gives the same as a list.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mutau.core.random import stream
from mutau.core.types import Events
from mutau.sampling.event_files import SUFFIXES, read_events, write_events

_N_EVENTS = 100_000
_WRITE_GOAL = {".lhe": 2e5}


def sample(n_events: int) -> Events:
    """Weighted events with beam, target and three outgoing particles of random momenta."""
    rng = stream(1)
    p4 = rng.normal(size=(n_events, 5, 4))
    p4[:, :2, 1:] = [[0.0, 0.0, 160.0], [0.0, 0.0, 0.0]]
    p4[:, :, 0] = np.sqrt(np.sum(p4[:, :, 1:] ** 2, axis=2) + 0.01)
    return Events(
        np.tile(np.array([13, 11, 13, 11, 32], dtype=np.int32), n_events),
        np.repeat(np.arange(n_events), 5),
        np.tile(np.array([-1, -1, 1, 1, 1], dtype=np.int8), n_events),
        p4.reshape(-1, 4),
        np.repeat(rng.normal(size=(n_events, 4)), 5, axis=0),
        np.repeat(rng.exponential(size=n_events), 5),
        {"sigma_pb": 1.0, "sigma_err_pb": 0.01, "seed": 1},
    )


def _rate(action: Callable[[], Any], repeat: int = 3) -> float:
    """Best of `repeat` runs, events per second."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return _N_EVENTS / best


def rows() -> list[dict[str, Any]]:
    """One row for writing and one for reading each format; error: of all numbers read back."""
    events, table = sample(_N_EVENTS), []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path = Path(folder) / f"events{suffix}"
            write_events(events, path)  # compiles what there is to compile
            back = read_events(path)
            error = max(
                float(np.max(np.abs(getattr(back, name) / getattr(events, name) - 1.0)))
                for name in ("x4", "weight")
            )
            momenta = float(np.max(np.abs(back.p4 - events.p4)))
            for verb, action, goal in (
                (
                    "write",
                    lambda path=path: write_events(events, path),
                    _WRITE_GOAL.get(suffix, "-"),
                ),
                ("read", lambda path=path: read_events(path), "-"),
            ):
                table.append(
                    {
                        "name": f"event files: {verb} {suffix}",
                        "figure": _rate(action),
                        "unit": "events/s",
                        "error_reached": max(error, momenta),
                        "goal": goal,
                    }
                )
            path.unlink()
    return table


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row['name']:32} {row['figure']:12.4g} {row['unit']:10} "
            f"error {row['error_reached']:.1e}  goal {row['goal']}"
        )
