"""Speed of writing and reading event files: 2 -> 3 events of five particles, 17 digits each.

Peers: pylhe and pyhepmc alone, reading our files into memory, without the strict look before them.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from measure import Row, against, agree, best, main, row

from mutau.core.random import stream
from mutau.core.types import Events
from mutau.io.event_files import SUFFIXES, read_events, write_events

_N_EVENTS = 50_000
_WRITE_GOAL = {".lhe": 1e4}


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


def _pylhe(path: Path, energies: np.ndarray) -> float:
    """Events per second of pylhe."""
    import pylhe

    start = time.process_time()
    found = [[p.e for p in event.particles] for event in pylhe.LHEFile.fromfile(str(path)).events]
    seconds = time.process_time() - start
    agree("energies in the LHE file", energies, np.array(found).reshape(-1), rel=1e-12)
    return _N_EVENTS / seconds


def _pyhepmc(path: Path, energies: np.ndarray) -> float:
    """Events per second of pyhepmc, momenta as arrays."""
    import pyhepmc

    start = time.process_time()
    with pyhepmc.open(str(path)) as stream_of_events:
        found = [event.numpy.particles.e for event in stream_of_events]
    seconds = time.process_time() - start
    agree("energies in the HepMC file", energies, np.concatenate(found), rel=1e-12)
    return _N_EVENTS / seconds


def files(suffix: str) -> list[Row]:
    """Writing and reading one format; error: of all numbers read back."""
    events = sample(_N_EVENTS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"events{suffix}"
        write_events(events, path)
        back = read_events(path)
        error = max(
            *(float(np.max(np.abs(getattr(back, name) / getattr(events, name) - 1.0)))
              for name in ("x4", "weight")),
            float(np.max(np.abs(back.p4 - events.p4))),
        )  # fmt: skip
        peer: Row = {}
        if suffix == ".lhe":
            peer = against("pylhe", lambda: _pylhe(path, events.p4[:, 0]), needs="pylhe")
        elif suffix == ".hepmc":
            peer = against("pyhepmc", lambda: _pyhepmc(path, events.p4[:, 0]), needs="pyhepmc")
        write = _N_EVENTS / best(lambda: write_events(events, path), 2)
        read = _N_EVENTS / best(lambda: read_events(path), 2)
    return [
        row(f"write {suffix}", write, "events/s", error, _WRITE_GOAL.get(suffix, "-")),
        row(f"read {suffix}", read, "events/s", error, **peer),
    ]


PARTS = tuple(partial(files, suffix) for suffix in SUFFIXES if "hepmc3" not in suffix)

if __name__ == "__main__":
    main(PARTS)
