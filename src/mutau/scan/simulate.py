"""Large samples of the full simulation: Parquet shards that survive a kill, and their tally.

    DIR/manifest.json            what the run is: experiment with all its values, seed, n, settings
    DIR/events/00000000.parquet  one shard of events, written by its worker, whole or not at all
    DIR/shards/00000000.json     its tally and the digest of its events, written last: a shard
                                 counts when this file exists and both are as they were written
    DIR/tally.json               the sum, when all shards are there

or one file, made from a folder of this kind beside it, DIR.parts, which goes when it is finished.
Memory: one chunk of events per worker, whatever n.
"""

from __future__ import annotations

import base64
import json
import math
import re
import shutil
import warnings
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.errors import FileError, MutauError, UnknownName, require_in_range
from mutau.core.storage import Damaged, digest, file_digest, remove_halves
from mutau.scan.event_tables import COLUMNS, arrow, merge, read_seal, to_table, write_tables
from mutau.scan.executors import Executor, processes, serial
from mutau.scan.pieces import differences, program_stamp, read_piece, write_piece
from mutau.scan.shards import (
    Progress,
    check_claim,
    drop_halves,
    flat,
    locked,
    run_shards,
    shard_path,
)
from mutau.signal.simulate import Tally, signal_source, tally, total

if TYPE_CHECKING:
    from mutau.detector.hits import Hits
    from mutau.experiment import Experiment

#: Beam particles per shard; a whole number of chunks: 3 s of one core for NA64mu's beam, 17 s for
#: signal, a minute on a slow machine. A kill loses at most one shard per worker.
SHARD: Final = 100_000
KEEP: Final = ("all", "beam", "trigger")
#: Bytes per event on disk, compressed, measured on NA64mu; for the question whether there is room.
_BYTES: Final = {"summary": 60.0, "full": 260.0}
_KEPT: Final = {"all": 1.0, "beam": 0.8, "trigger": 0.005}
#: As `detector.simulation.CHUNK`, which loads the compiler.
CHUNK: Final = 20_000


@dataclass(frozen=True, slots=True)
class SimulationRun:
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
            **program_stamp(),
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

    @property
    def key(self) -> str:
        """Digest of the manifest."""
        return _key(self.manifest())


def _key(manifest: Mapping[str, Any]) -> str:
    return digest(json.dumps(dict(manifest)))


def _chosen(hits: Hits, keep: str) -> Hits:
    if keep == "all":
        return hits
    return hits.select(hits.beam_trigger if keep == "beam" else hits.trigger)


def compute_shard(run: SimulationRun, folder: str, index: int) -> dict[str, Any]:
    """Simulate one shard, write its events, return its tally and their digest as plain data.

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

    events = None
    if run.tables:
        path = _events_path(Path(folder), index)
        path.parent.mkdir(parents=True, exist_ok=True)
        tables = (to_table(_chosen(hits, run.keep), run.columns) for hits in chunks())
        events = write_tables(path, tables, {"key": run.key, "piece": path.stem})
    else:
        for _ in chunks():
            pass
    return {"tally": _packed(parts[0]), "events": events}


def _events_path(folder: Path, index: int) -> Path:
    return folder / "events" / f"{index:08d}.parquet"


def _check_events(folder: Path, result: Any, index: int) -> None:
    """Raise Damaged unless the events of a shard are those that were written with its tally."""
    path = _events_path(folder, index)
    if result["events"] is not None and file_digest(path) != result["events"]["digest"]:
        what = "are not what was written" if path.exists() else "are missing"
        raise Damaged(f"its events, {path.name}, {what}")


def _packed(tally: Tally) -> dict[str, Any]:
    """A tally to the last bit as plain data; nearly all of its histograms is empty."""
    return {
        name: {
            "shape": list(values.shape),
            "zlib": base64.b64encode(zlib.compress(values.astype("<f8").tobytes())).decode(),
        }
        for name, values in tally.sums.items()
    }


def _unpacked(plain: Mapping[str, Any]) -> Tally:
    return Tally(
        {
            name: np.frombuffer(zlib.decompress(base64.b64decode(item["zlib"])), "<f8")
            .reshape(item["shape"])
            .astype(float)
            for name, item in plain.items()
        }
    )


def _possible(run: SimulationRun) -> None:
    """Raise MutauError, before anything is written, for a run that no worker could begin."""
    from mutau.detector.readout import build_readout
    from mutau.detector.simulation import beam_source
    from mutau.signal.targets import target_length

    experiment = run.load()
    target_length(experiment)
    beam_source(experiment, build_readout(experiment))
    if run.mass is not None:
        require_in_range("mass", run.mass, 0.0, math.inf, unit="GeV", open_low=True)
        signal_source(experiment, run.mass)


def expected_bytes(run: SimulationRun) -> float:
    """Size on disk of the events of a run, roughly."""
    return run.n * _BYTES[run.columns] * _KEPT[run.keep] if run.tables else 0.0


def _room(folder: Path, run: SimulationRun) -> None:
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
    """A finished run. tally : the sum over all shards. folder : where it lies. files : of events,
    in order."""

    tally: Tally
    folder: Path
    files: tuple[Path, ...]


def run_simulation(
    run: SimulationRun,
    out: str | Path,
    *,
    workers: int = 1,
    executor: Executor | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> SimulationResult:
    """Simulate into a folder, or into one Parquet file (via a folder beside it).

    out : a folder, or a name ending in .parquet. workers : processes, if no executor is given.
    resume : go on in a folder begun before; a finished file of this very run is read. The events
    and the tally are the same for any number of workers and however often the run was killed and
    resumed; shards that are not what was written are computed again, and a warning says so.
    Raises MutauError for a folder or file of another run, the difference shown, a folder that is
    not ours where one file is made, or one that another process writes; MachineError where the
    disk is full: what is finished stays and `resume` goes on.
    """
    out, manifest = Path(out), run.manifest()
    single = out.suffix == ".parquet"
    folder = out.with_suffix(".parts") if single else out
    if single:
        if not run.tables:
            raise MutauError("a Parquet file without events", remedy="give a folder instead")
        manifest = {"file": out.name, **manifest}
        if out.exists():
            return _finished(run, out, folder, manifest, resume)
        _check_parts(folder, out)
    check_claim(folder, manifest, resume)
    _possible(run)
    if run.tables:
        arrow()
    _room(folder, run)
    with run_shards(
        folder, manifest, run.shards, partial(compute_shard, run, str(folder)),
        executor=executor or (processes(workers) if workers > 1 else serial), resume=resume,
        progress=progress, complete=partial(_check_events, folder),
    ) as parts:  # fmt: skip
        summed = total(_unpacked(part["tally"]) for part in parts)
        files = tuple(_events_path(folder, i) for i in range(run.shards if run.tables else 0))
        if single:
            remove_halves(out.parent, re.escape(out.name))
            about = {"key": run.key, "manifest": run.manifest(), "tally": _packed(summed)}
            merge(files, out, about)
            _remove_parts(folder, run)
            return SimulationResult(summed, out.parent, (out,))
        write_piece(folder / "tally.json", run.key, "tally", summed.to_plain())
        _name_others(folder, files)
    return SimulationResult(summed, folder, files)


def _finished(
    run: SimulationRun, out: Path, folder: Path, manifest: Mapping[str, Any], resume: bool
) -> SimulationResult:
    """What a file holds that is there already, if it is this very run; its pieces go.

    Raises MutauError if it is another or no run, or if `resume` was not asked for.
    """
    name = repr(str(out))
    if not resume:
        raise MutauError(f"{name} is there already", remedy="choose another name")
    try:
        seal = read_seal(out)
        if not isinstance(seal.get("manifest"), dict):
            raise Damaged("it is a shard of a run")
    except Damaged as error:
        raise FileError(
            f"{name} is there already and is no finished run ({error})",
            remedy="choose another name, or remove it",
        ) from None
    wanted = json.loads(json.dumps(run.manifest()))
    if seal["manifest"] != wanted:
        raise MutauError(
            f"{name} holds another run ({differences(seal['manifest'], wanted)})",
            remedy="choose another name with --out",
        )
    with suppress(MutauError):  # pieces that a kill left; those of another are not touched
        if folder.is_dir() and _manifest_of(folder) == json.loads(json.dumps(manifest)):
            with locked(folder):
                _remove_parts(folder, run)
    return SimulationResult(_unpacked(seal["tally"]), out.parent, (out,))


def _manifest_of(folder: Path) -> Any:
    try:
        return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _check_parts(folder: Path, out: Path) -> None:
    """Raise MutauError for a folder of somebody else where the pieces of a file are to lie: they
    and the folder go when the file is finished."""
    if folder.is_symlink() or (
        folder.exists()
        and not (folder / "manifest.json").exists()
        and (
            not folder.is_dir()
            or any(path.name != ".lock" for path in folder.rglob("*") if not path.is_dir())
        )
    ):
        raise MutauError(
            f"{str(folder)!r} is in the way: the pieces of {out.name!r} would lie there, and this "
            "is no folder that mutau made",
            remedy="move it away, or choose another name with --out",
        )


def _name_others(folder: Path, files: tuple[Path, ...]) -> None:
    """Warn of tables in `events/` that a reader of the whole folder would take for the run's."""
    others = {path.name for path in (folder / "events").glob("[!.]*.parquet")}
    if others := others - {path.name for path in files}:
        warnings.warn(
            f"{str(folder / 'events')!r} holds {min(others)!r}, which is not of this run"
            + f" ({len(others)} such files)" * (len(others) > 1),
            stacklevel=3,
        )


def _remove_parts(folder: Path, run: SimulationRun) -> None:
    """Remove what this run put into the folder of its pieces, and the folder if that is all."""
    drop_halves(folder)
    for index in range(run.shards):
        _events_path(folder, index).unlink(missing_ok=True)
        shard_path(folder, index).unlink(missing_ok=True)
    for name in (".lock", "manifest.json"):
        (folder / name).unlink(missing_ok=True)
    for place in (folder / "events", folder / "shards", folder):
        with suppress(OSError):
            place.rmdir()
    if folder.exists():
        warnings.warn(f"{str(folder)!r} stays: it holds files of others", stacklevel=3)


def load_tally(path: str | Path) -> Tally:
    """Tally of a finished run: its folder, or its Parquet file. Raises FileError."""
    path = Path(path)
    try:
        if path.is_file():
            return _unpacked(read_seal(path)["tally"])
        key = _key(_manifest_of(path) or {})
        return Tally.from_plain(read_piece(path / "tally.json", key, "tally"))
    except (Damaged, KeyError) as error:
        raise FileError(
            f"{str(path)!r} holds no finished tally ({error})", remedy="finish the run first"
        ) from None
