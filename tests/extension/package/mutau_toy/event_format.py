"""Events as lines of text: event, pdg, four-momentum, weight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mutau.core.types import Events
from mutau.io.event_files import EventFormat

FORMAT = EventFormat(".toy", "lines of event, pdg, E, px, py, pz, weight", "mutau_toy.event_format")
Progress = Callable[[float, str], None]


def write(events: Events, path: Path, process_id: int, progress: Progress | None) -> None:
    """Write to a temporary path; mutau moves it to its name when it is complete."""
    columns = (events.event, events.pdg, *events.p4.T, events.weight)
    np.savetxt(path, np.column_stack(columns), fmt="%.17g")


def read(path: Path) -> Events:
    """The events back; where they were made is not kept and comes back as 0."""
    rows = np.atleast_2d(np.loadtxt(path))
    n = len(rows)
    return Events(
        rows[:, 1].astype(np.int32), rows[:, 0].astype(np.int64), np.ones(n, np.int8), rows[:, 2:6],
        np.zeros((n, 4)), rows[:, 6],
    )  # fmt: skip
