"""ROOT files: a tree `events`, one entry per event, its particles in arrays of length `n`.

Branches: event, weight (expected number in the full exposure); n; pdg, status (-1 incoming, 1
outgoing), E, px, py, pz in GeV; ct, x, y, z in cm. A string `mutau` beside the tree holds version,
seed, digests, cross section and units as JSON, and a digest of all: ROOT has no checksum. Values
are kept to the last bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mutau._version import __version__
from mutau.core.errors import FileError, MutauError
from mutau.core.reading import refuse_expansion
from mutau.core.types import Events
from mutau.io.layout import (
    Progress,
    check_digest,
    chunks,
    damaged,
    event_numbers,
    events_digest,
    events_from,
    header_of,
    header_text,
    layout_of,
)

Array = np.ndarray

_P4, _X4 = ("E", "px", "py", "pz"), ("ct", "x", "y", "z")


def write(events: Events, path: Path, process_id: int, progress: Progress | None) -> None:
    """Write a ROOT file; process_id is kept in the header. Raises MutauError as `layout_of`."""
    import awkward as ak
    import uproot

    layout = layout_of(events)
    if not len(layout):
        raise MutauError("a ROOT tree of no events has no arrays", remedy="write .parquet or .npz")
    units = {"E, px, py, pz": "GeV", "ct, x, y, z": "cm", "sigma_pb": "pb"}
    header = header_text(
        events.meta,
        mutau_version=__version__,
        process_id=process_id,
        units=units,
        digest=events_digest(events),
    )
    flat = {"pdg": events.pdg, "status": events.status}
    flat |= {name: events.p4[:, i] for i, name in enumerate(_P4)}
    flat |= {name: events.x4[:, i] for i, name in enumerate(_X4)}
    with uproot.recreate(path) as file:
        file["mutau"] = header
        tree: Any = None
        for part in chunks(layout, progress, "writing events"):
            count = layout.count[part]
            start = layout.first[part.start]
            rows = slice(start, start + int(count.sum()))
            particles = {
                name: ak.unflatten(np.ascontiguousarray(column[rows]), count)
                for name, column in flat.items()
            }
            entries = {
                "event": layout.label[part],
                "weight": layout.weight[part],
                "particle": ak.zip(particles),
            }
            if tree is None:
                tree = file.mktree(
                    "events",
                    {name: ak.type(ak.Array(column)).content for name, column in entries.items()},
                    counter_name=lambda _: "n",
                    field_name=lambda _, inner: inner,
                )
            tree.extend(entries)


def read(path: Path) -> Events:
    """Read a ROOT file that `write` wrote. Raises FileError for another or a damaged one."""
    import awkward as ak
    import uproot

    try:
        with path.open("rb") as stream, uproot.open(stream) as file:
            header = header_of(str(file["mutau"]), path)
            tree = file["events"]
            refuse_expansion(path, int(tree.uncompressed_bytes))
            entry = tree.arrays(["event", "weight", "n"], library="np")
            count = entry["n"].astype(np.int64)
            flat = {}
            for name in ("pdg", "status", *_P4, *_X4):
                column = tree[name].array()
                flat[name] = ak.to_numpy(ak.flatten(column), allow_missing=False)
                if len(flat[name]) != int(count.sum()):
                    raise damaged(path, f"branch {name!r} has the wrong length")
    except FileError:
        raise
    except Exception as error:  # a damaged file raises nearly anything inside the library
        raise damaged(path, f"{type(error).__name__}: {error}") from error
    events = events_from(
        path,
        flat["pdg"],
        np.repeat(event_numbers(entry["event"]), count),
        flat["status"],
        np.stack([flat[name] for name in _P4], axis=1),
        np.stack([flat[name] for name in _X4], axis=1),
        np.repeat(entry["weight"], count),
        header["meta"],
    )
    return check_digest(events, header, path)
