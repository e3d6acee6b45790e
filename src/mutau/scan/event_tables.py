"""Simulated events as Parquet tables that carry what is needed to verify them.

One row per event; columns are the arrays of `Hits`. The schema's metadata hold two JSON texts:
`mutau`, the names of planes, modules and counters; `mutau_seal`, written last, with the digest
`key` of the manifest of the run, the `piece` of it, the number of `rows`, the `sha256` of the bytes
before the file's own footer, and the digest of all that.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from mutau._version import __version__
from mutau.core.errors import FileError, MissingExtra, MutauError
from mutau.core.storage import Damaged, atomic_path, digest, file_digest, sealed, unsealed

if TYPE_CHECKING:
    import pyarrow as pa

    from mutau.detector.hits import Hits

Array = np.ndarray

COLUMNS: Final = ("summary", "full")
_SEAL: Final = "mutau_seal"
_FOOTER: Final = 8  # bytes at the end: length of the footer, magic word
_BLOCK: Final = 1 << 20
#: Arrays of `Hits` that the table holds: those that every run needs, and the rest.
_SUMMARY: Final = (
    "event", "weight", "trigger", "beam_trigger", "counters", "incoming_momentum", "energy",
    "n_extra", "vertex_loss", "vertex_process",
)  # fmt: skip
_FULL: Final = (
    *_SUMMARY, "hit", "seen", "true_hit", "true_slope", "true_momentum", "crossed", "deposit",
    "crossed_counters", "p_beam", "x_beam", "p_target", "x_target", "p_out", "x_out", "end_energy",
    "end_z", "vertex", "lost_extra",
)  # fmt: skip
_EXTRA: Final = ("extra_plane", "extra_hit", "extra_energy", "extra_origin")


def arrow() -> Any:
    """pyarrow with its Parquet part. Raises MissingExtra."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("writing Parquet", "io") from error
    return pyarrow


def _column(pa: Any, values: Array) -> pa.Array:
    """One array of `Hits` as a column: float32, fixed-size lists for further axes."""
    if values.dtype.kind == "f":
        values = values.astype(np.float32)
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    for size in reversed(values.shape[1:]):
        flat = pa.FixedSizeListArray.from_arrays(flat, size)
    return flat


def to_table(hits: Hits, columns: str) -> pa.Table:
    """Events as an Arrow table, one row per event; extra hits as lists.

    Floats are stored with 32 bits (10 nm in a tracker). Names of planes, modules and counters
    stand in the schema's metadata.
    """
    pa = arrow()
    names = _FULL if columns == "full" else _SUMMARY
    # an axis of length 0 has no place in a table; `from_table` restores it from the names
    data = {name: _column(pa, getattr(hits, name)) for name in names if getattr(hits, name).size}
    if columns == "full" and hits.cells_named:
        data["cells"] = _column(pa, hits.cells)
    if columns == "full":
        offsets = np.searchsorted(hits.extra_event, np.arange(len(hits) + 1))
        for name in _EXTRA:
            values = _column(pa, getattr(hits, name))
            data[name] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
    header = {
        "mutau_version": __version__, "planes": hits.planes, "plane_z": hits.plane_z.tolist(),
        "modules": hits.modules, "counters": hits.counters_named, "columns": columns,
        "cells": hits.cells_named, "meta": dict(hits.meta),
    }  # fmt: skip
    return pa.table(data).replace_schema_metadata({"mutau": json.dumps(header)})


def from_table(table: pa.Table) -> Hits:
    """`Hits` of a table of full columns. Raises FileError for another one."""
    from mutau.detector.hits import Hits

    raw = (table.schema.metadata or {}).get(b"mutau")
    header = json.loads(raw) if raw else {}
    if header.get("columns") != "full":
        raise FileError(
            "the table does not hold whole events",
            remedy='simulate with the columns "full"',
        )
    n = table.num_rows
    sizes = {"planes": len(header["planes"]), "modules": len(header["modules"])}
    fields: dict[str, Any] = {
        name: _values(table.column(name)) if name in table.column_names else _empty(name, n, sizes)
        for name in _FULL
    }
    lists = {name: table.column(name).combine_chunks() for name in _EXTRA}
    counts = np.diff(_offsets(lists["extra_plane"]))
    fields["extra_event"] = np.repeat(np.arange(n), counts)
    for name, column in lists.items():
        fields[name] = _values(column.flatten())
    fields["extra_hit"] = fields["extra_hit"].reshape(-1, 2)
    if header["cells"]:
        shape = (n, len(header["cells"]))
        fields |= {"cells_named": tuple(header["cells"]), "cells": np.zeros(shape)}
        if n:
            fields["cells"] = _values(table.column("cells"))
    return Hits(
        planes=tuple(header["planes"]), plane_z=np.array(header["plane_z"], float),
        modules=tuple(header["modules"]), counters_named=tuple(header["counters"]),
        meta=header["meta"], **fields,
    )  # fmt: skip


def _empty(name: str, n: int, sizes: Mapping[str, int]) -> Array:
    """What an axis of length 0, or no event, leaves of an array."""
    from mutau.detector.hits import shape_of

    shape, kind = shape_of(name, n, sizes["planes"], sizes["modules"])
    return np.zeros(shape, kind)


def _offsets(column: Any) -> Array:
    return np.asarray(column.offsets.to_numpy())


def _values(column: Any) -> Array:
    """Numbers of a column in the package's own types."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    shape = [len(column)]
    while pa.types.is_fixed_size_list(column.type):
        shape.append(column.type.list_size)
        column = column.flatten()
    values = column.to_numpy(zero_copy_only=False).reshape(shape)
    if values.dtype.kind == "f":
        return np.asarray(values, float)
    return np.asarray(values, bool if values.dtype.kind == "b" else np.int64)


class _Hashed(io.RawIOBase):
    """A file that is written only, with the digest of what went in."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.sha = file, hashlib.sha256()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Write all of `data`."""
        self.sha.update(data)
        return self._file.write(data)


def write_tables(
    path: Path, tables: Iterable[pa.Table], about: Mapping[str, Any]
) -> dict[str, Any]:
    """Write tables of one schema as the row groups of one file, whole or not at all.

    about : plain data for the seal. Memory: one table.
    Returns {"rows": in all tables, "digest": `file_digest` of the file}.
    Raises MutauError for no table; FileError as `atomic_path`.
    """
    pa, rows, writer = arrow(), 0, None
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:  # a path may look like a URI
            sink = _Hashed(file)
            try:
                for table in tables:
                    if writer is None:
                        header = table.schema.metadata[b"mutau"]
                        writer = pa.parquet.ParquetWriter(
                            sink, table.schema, compression="zstd", compression_level=1,
                            use_dictionary=False, write_page_checksum=True,
                        )  # fmt: skip
                    writer.write_table(table)
                    rows += table.num_rows
                if writer is None:
                    raise MutauError("no events to write")
                body = {
                    **about, "rows": rows, "header": digest(header), "sha256": sink.sha.hexdigest(),
                }  # fmt: skip
                writer.add_key_value_metadata({_SEAL: json.dumps(sealed(body))})
            finally:
                if writer is not None:
                    writer.close()
        return {"rows": rows, "digest": file_digest(temporary)}


def read_seal(path: Path) -> dict[str, Any]:
    """The seal of a file that `write_tables` wrote, once all it says was found true.

    Raises Damaged for another file, or one that was changed since.
    """
    pa = arrow()
    try:
        with path.open("rb") as raw, pa.parquet.ParquetFile(raw) as file:
            meta = file.metadata.metadata or {}
            if _SEAL.encode() not in meta:
                raise Damaged("it carries no seal: another program wrote it, or an earlier version")
            body = unsealed(meta[_SEAL.encode()])
            found = {
                "rows": file.metadata.num_rows, "header": digest(meta.get(b"mutau")),
                "sha256": _data_digest(raw),
            }  # fmt: skip
    except (OSError, pa.ArrowException) as error:
        raise Damaged(f"it is no Parquet file ({error})") from None
    for what, value in found.items():
        if body.get(what) != value:
            raise Damaged(f"its {what} is {value}, {body.get(what)} was written")
    return body


def _data_digest(raw: BinaryIO) -> str:
    """SHA-256 of a Parquet file up to its footer."""
    end = raw.seek(-_FOOTER, io.SEEK_END)
    left = end - int.from_bytes(raw.read(4), "little")
    raw.seek(0)
    sha = hashlib.sha256()
    while left > 0 and (block := raw.read(min(left, _BLOCK))):
        sha.update(block)
        left -= len(block)
    return sha.hexdigest()


def merge(paths: Iterable[Path], out: Path, about: Mapping[str, Any]) -> None:
    """One file of the row groups of several, one at a time in memory. As `write_tables`."""
    pa = arrow()

    def groups() -> Any:
        for path in paths:
            with path.open("rb") as raw, pa.parquet.ParquetFile(raw) as source:
                header = {b"mutau": source.schema_arrow.metadata[b"mutau"]}
                for group in range(source.num_row_groups):
                    yield source.read_row_group(group).replace_schema_metadata(header)

    write_tables(out, groups(), about)


def read_hits(path: str | Path) -> Hits:
    """`Hits` of one Parquet file of a run. Raises FileError for another or a damaged one."""
    pa = arrow()
    try:
        read_seal(Path(path))
        with Path(path).open("rb") as file:
            return from_table(pa.parquet.read_table(file, page_checksum_verification=True))
    except (OSError, pa.ArrowException, Damaged, ValueError, KeyError) as error:
        if isinstance(error, MutauError):
            raise
        raise FileError(f"{str(path)!r} does not hold simulated events ({error})") from None
