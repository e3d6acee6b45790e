"""Parquet files: one row per particle, so that data frames can group, cut and join at once.

Columns: event, pdg, status (-1 incoming, 1 outgoing), E, px, py, pz in GeV; ct, x, y, z in cm;
weight, the expected number of the event in the full exposure (the same in each of its rows: sum it
over events, not over rows). Every column states its unit; the schema's metadata hold a JSON text
`mutau` with version, seed, digests and cross section. Values are kept to the last bit.
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
    events_digest,
    events_from,
    header_of,
    header_text,
    layout_of,
)

#: Column, type name of pyarrow, unit.
COLUMNS = (
    ("event", "int64", "1"),
    ("pdg", "int32", "1"),
    ("status", "int8", "1"),
    ("E", "float64", "GeV"),
    ("px", "float64", "GeV"),
    ("py", "float64", "GeV"),
    ("pz", "float64", "GeV"),
    ("ct", "float64", "cm"),
    ("x", "float64", "cm"),
    ("y", "float64", "cm"),
    ("z", "float64", "cm"),
    ("weight", "float64", "1"),
)
_ROW_BYTES = 85


def columns_of(events: Events) -> dict[str, np.ndarray]:
    """The columns by name, one value per row."""
    values = [events.event, events.pdg, events.status]
    values += [events.p4[:, i] for i in range(4)] + [events.x4[:, i] for i in range(4)]
    return dict(zip((name for name, _, _ in COLUMNS), [*values, events.weight], strict=True))


def write(events: Events, path: Path, process_id: int, progress: Progress | None) -> None:
    """Write a Parquet file; process_id is kept in the metadata. Raises as `layout_of`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    layout = layout_of(events)
    more = {"process_id": process_id, "digest": events_digest(events)}
    header = header_text(events.meta, mutau_version=__version__, **more)
    schema = pa.schema(
        [
            pa.field(name, getattr(pa, kind)(), nullable=False, metadata={"unit": unit})
            for name, kind, unit in COLUMNS
        ],
        metadata={b"mutau": header.encode()},
    )
    columns = columns_of(events)
    # An open file of Python's own reports a full disk with its proper number.
    options = {"compression": "zstd", "write_page_checksum": True}
    with path.open("wb") as file, pq.ParquetWriter(file, schema, **options) as writer:
        for part in chunks(layout, progress, "writing events"):
            rows = slice(
                layout.first[part.start], layout.first[part.stop - 1] + layout.count[part.stop - 1]
            )
            writer.write_table(
                pa.table([pa.array(columns[name][rows]) for name in schema.names], schema=schema)
            )


def read(path: Path) -> Events:
    """Read a Parquet file that `write` wrote. Raises FileError for another or a damaged one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            refuse_expansion(path, pq.read_metadata(file).num_rows * _ROW_BYTES)
            table = pq.read_table(file, page_checksum_verification=True)
        header = header_of((table.schema.metadata or {})[b"mutau"], path)
        data: dict[str, Any] = {}
        for name, kind, _ in COLUMNS:
            column = table.column(name)
            if column.null_count or column.type != getattr(pa, kind)():
                raise damaged(path, f"column {name!r} has gaps or another type")
            data[name] = column.to_numpy()
    except FileError:
        raise
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        raise damaged(path, error) from error
    events = events_from(
        path,
        data["pdg"],
        data["event"],
        data["status"],
        np.stack([data[name] for name in ("E", "px", "py", "pz")], axis=1),
        np.stack([data[name] for name in ("ct", "x", "y", "z")], axis=1),
        data["weight"],
        header["meta"],
    )
    try:
        layout_of(events)
    except MutauError as error:
        raise damaged(path, error) from error
    return check_digest(events, header, path)
