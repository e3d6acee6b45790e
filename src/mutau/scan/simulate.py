"""Large samples of the full simulation: Parquet shards that survive a kill, and their tally.

    DIR/manifest.json            what the run is: experiment with all its values, seed, n, settings
    DIR/events/00000000.parquet  one shard of events, written by its worker, whole or not at all
    DIR/shards/00000000.json     its tally, written last: a shard counts when this file exists
    DIR/tally.json               the sum, when all shards are there

Memory: one chunk of events per worker, whatever n.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau._version import __version__
from mutau.core.errors import (
    FileError,
    MissingExtra,
    MutauError,
    UnknownName,
    require_in_range,
)
from mutau.core.storage import atomic_path, write_text
from mutau.pipeline.simulate import Tally, signal_source, tally, total
from mutau.scan.shards import Executor, Progress, check_claim, flat, processes, run_shards, serial

if TYPE_CHECKING:
    import pyarrow as pa

    from mutau.detector.hits import Hits
    from mutau.experiment import Experiment

Array = np.ndarray

#: Beam particles per shard; a whole number of chunks. A kill loses at most one shard per worker.
SHARD: Final = 500_000
KEEP: Final = ("all", "beam", "trigger")
COLUMNS: Final = ("summary", "full")
#: Bytes per event on disk, compressed, measured on NA64mu; for the question whether there is room.
_BYTES: Final = {"summary": 60.0, "full": 260.0}
_KEPT: Final = {"all": 1.0, "beam": 0.8, "trigger": 0.005}
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
#: As `detector.simulation.CHUNK`, which loads the compiler.
CHUNK: Final = 20_000
_EXTRA: Final = ("extra_plane", "extra_hit", "extra_energy", "extra_origin")


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that decides the events of a run.

    experiment : plain data of the experiment (`Experiment.to_dict`). n : beam particles. mass :
    GeV, of a Z' emitted by every one of them, or None. keep : events written: all, those with the
    beam trigger, or with the trigger. columns : "summary" (trigger, energies) or "full" (`Hits`).
    tracks : fit them for the tally. tables : write events at all. cells : with those of the
    calorimeters. shard : beam particles per
    shard, a multiple of `detector.simulation.CHUNK`; events do not depend on it.
    Raises MutauError for a value that is not allowed.
    """

    experiment: Mapping[str, Any]
    name: str
    n: int
    seed: int = 1
    mass: float | None = None
    keep: str = "all"
    columns: str = "full"
    tracks: bool = True
    tables: bool = True
    cells: bool = False
    shard: int = SHARD
    #: Of the experiment with the files that it names, when the run began.
    digest: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if self.n < 1:
            raise MutauError(f"n = {self.n} beam particles", allowed="1 and above")
        if self.keep not in KEEP:
            raise UnknownName("choice of events", self.keep, KEEP)
        if self.columns not in COLUMNS:
            raise UnknownName("set of columns", self.columns, COLUMNS)
        if self.shard < 1 or self.shard % CHUNK:
            raise MutauError(f"shard = {self.shard}", allowed=f"a multiple of {CHUNK}")
        object.__setattr__(self, "digest", self.load().digest)

    def load(self) -> Experiment:
        """The experiment. Raises MutauError where a file that it names is no longer the same."""
        from mutau.experiment.loader import from_document

        item = from_document(self.experiment, self.name)
        if self.digest and item.digest != self.digest:
            raise MutauError(
                f"a field map or beam file of {self.name!r} has changed since the run began",
                remedy="put it back and resume, or begin a new run",
            )
        return item

    @property
    def shards(self) -> int:
        """Number of shards."""
        return math.ceil(self.n / self.shard)

    def manifest(self) -> dict[str, Any]:
        """What the run is, one line per value of the experiment, so that a change can be named."""
        from mutau.transport.beam_files import source_digest

        beam = self.experiment.get("beam", {})
        item = self.load()
        return {
            "kind": "simulation",
            "mutau_version": __version__,
            "n": self.n,
            "seed": self.seed,
            "mass_GeV": self.mass,
            "keep": self.keep,
            "columns": self.columns if self.tables else "none",
            "tracks": self.tracks,
            "cells": self.cells,
            "shard": self.shard,
            "experiment_digest": item.digest,
            "phase_space_digest": source_digest(beam.get("phase_space")),
            **{
                f"field_map_digest[{magnet.name}]": magnet.map.digest
                for magnet in item.detector.magnet
                if magnet.field_map
            },
            **flat(self.experiment, "experiment"),
        }


def _arrow() -> Any:
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
    pa = _arrow()
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


def read_hits(path: str | Path) -> Hits:
    """`Hits` of one Parquet file that a run wrote. Raises FileError."""
    pa = _arrow()
    try:
        with Path(path).open("rb") as file:
            return from_table(pa.parquet.read_table(file))
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        if isinstance(error, MutauError):
            raise
        raise FileError(f"{str(path)!r} does not hold simulated events ({error})") from None


def _chosen(hits: Hits, keep: str) -> Hits:
    if keep == "all":
        return hits
    return hits.select(hits.beam_trigger if keep == "beam" else hits.trigger)


def compute_shard(run: Run, folder: str, index: int) -> dict[str, Any]:
    """Simulate one shard, write its events, return its tally as plain data.

    Chunk by chunk: memory does not grow with the shard. Depends on nothing but run and index.
    """
    from mutau.detector.simulation import simulate_chunk

    experiment = run.load()
    signal = None if run.mass is None else signal_source(experiment, run.mass)
    first, last = index * run.shard, min((index + 1) * run.shard, run.n)
    parts = []

    def chunks() -> Any:
        for chunk in range(first // CHUNK, -(-last // CHUNK)):
            size = min(CHUNK, last - chunk * CHUNK)
            hits = simulate_chunk(experiment, size, run.seed, chunk, signal=signal, cells=run.cells)
            parts.append(tally(hits, experiment, tracks=run.tracks))
            if len(parts) > 1:
                parts[:] = [total(parts)]
            yield hits

    if run.tables:
        _write(chunks(), Path(folder) / "events" / f"{index:08d}.parquet", run)
    else:
        for _ in chunks():
            pass
    return parts[0].to_plain()


def _write(chunks: Any, path: Path, run: Run) -> None:
    pa = _arrow()
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, temporary.open("wb") as file:  # a path may look like a URI
        writer = None
        try:
            for hits in chunks:
                table = to_table(_chosen(hits, run.keep), run.columns)
                if writer is None:
                    writer = pa.parquet.ParquetWriter(
                        file, table.schema, compression="zstd", compression_level=1,
                        use_dictionary=False,
                    )  # fmt: skip
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()


def _possible(run: Run) -> None:
    """Raise MutauError, before anything is written, for a run that no worker could begin."""
    from mutau.detector.simulation import beam_source
    from mutau.detector.simulation_geometry import build_layout
    from mutau.pipeline.targets import target_length

    experiment = run.load()
    target_length(experiment)
    beam_source(experiment, build_layout(experiment))
    if run.mass is not None:
        require_in_range("mass", run.mass, 0.0, math.inf, unit="GeV", open_low=True)
        signal_source(experiment, run.mass)


def expected_bytes(run: Run) -> float:
    """Size on disk of the events of a run, roughly."""
    return run.n * _BYTES[run.columns] * _KEPT[run.keep] if run.tables else 0.0


def _room(folder: Path, run: Run) -> None:
    """Raise FileError where the disk cannot hold the run."""
    parent = folder
    while not parent.exists():
        parent = parent.parent
    free = shutil.disk_usage(parent).free
    have = sum(f.stat().st_size for f in folder.glob("events/*.parquet"))
    if expected_bytes(run) - have > free:
        raise FileError(
            f"the events need about {expected_bytes(run) / 1e9:.3g} GB, {free / 1e9:.3g} GB are "
            f"free at {str(parent)!r}",
            remedy='write fewer: keep "trigger" or "beam", columns "summary"',
        )


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """A finished run. tally : the sum over all shards. files : of events, in order."""

    tally: Tally
    folder: Path
    files: tuple[Path, ...]


def run_simulation(
    run: Run,
    out: str | Path,
    *,
    workers: int = 1,
    executor: Executor | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> SimulationResult:
    """Simulate into a folder, or into one Parquet file (via a folder beside it).

    out : a folder, or a name ending in .parquet. workers : processes, if no executor is given.
    resume : go on in a folder begun before. The events and the tally are the same for any number
    of workers and however often the run was killed and resumed.
    Raises MutauError for a folder of another run, the difference shown, or one that another
    process writes; FileError where the disk is full: what is finished stays and `resume` goes on.
    """
    out = Path(out)
    single = out.suffix == ".parquet"
    if single and not run.tables:
        raise MutauError("a Parquet file without events", remedy="give a folder instead")
    folder = out.with_suffix(".parts") if single else out
    if single and out.exists() and not resume:
        raise MutauError(f"{str(out)!r} is there already", remedy="choose another name")
    manifest = run.manifest()
    check_claim(folder, manifest, resume)
    _possible(run)
    if run.tables:
        _arrow()
    _room(folder, run)
    parts = run_shards(
        folder, manifest, run.shards, partial(compute_shard, run, str(folder)),
        executor=executor or (processes(workers) if workers > 1 else serial), resume=resume,
        progress=progress,
    )  # fmt: skip
    summed = total(Tally.from_plain(part) for part in parts)
    write_text(folder / "tally.json", json.dumps(summed.to_plain()))
    files = tuple(sorted(folder.glob("events/[0-9]*.parquet")))
    if single:
        _merge(files, out)
        shutil.rmtree(folder)
        files = (out,)
    return SimulationResult(summed, folder, files)


def _merge(files: tuple[Path, ...], out: Path) -> None:
    """One file of all row groups, one at a time in memory."""
    pa = _arrow()
    with atomic_path(out) as temporary, temporary.open("wb") as file:
        writer = None
        try:
            for path in files:
                with path.open("rb") as raw, pa.parquet.ParquetFile(raw) as source:
                    if writer is None:
                        writer = pa.parquet.ParquetWriter(
                            file, source.schema_arrow, compression="zstd",
                            compression_level=1, use_dictionary=False,
                        )  # fmt: skip
                    for group in range(source.num_row_groups):
                        writer.write_table(source.read_row_group(group))
        finally:
            if writer is not None:
                writer.close()


def load_tally(folder: str | Path) -> Tally:
    """Tally of a finished run. Raises FileError."""
    path = Path(folder) / "tally.json"
    try:
        return Tally.from_plain(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise FileError(
            f"{str(path)!r} holds no finished tally ({error})", remedy="finish the run first"
        ) from None
