"""Independent pieces of work, each computed once and written whole, resumable after a kill.

A folder holds `manifest.json` (what the work is, with a digest of its inputs) and one file per
finished piece in `shards/`. Only the process that holds the folder's lock writes; the lock goes
with the process, even after `kill -9`. Workers return their piece, so they need no shared disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from mutau.core.errors import FileError, MissingExtra, MutauError
from mutau.core.storage import write_text

#: index of a piece -> its result, plain data that JSON can hold. Must be picklable.
Work = Callable[[int], Any]
Progress = Callable[[float, str], None]


class Executor(Protocol):
    """What runs the pieces: (work, indices) -> (index, result) as they finish, in any order."""

    def __call__(self, work: Work, indices: list[int]) -> Iterator[tuple[int, Any]]: ...


def serial(work: Work, indices: list[int]) -> Iterator[tuple[int, Any]]:
    """One piece after the other, in this process."""
    for index in indices:
        yield index, work(index)


def _end_with(parent: int) -> None:
    """Let this worker end when the process that began it does, even by `kill -9`: it would wait
    for work for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def processes(workers: int) -> Executor:
    """Pieces in `workers` processes of this machine; a few are kept waiting per worker."""

    def run(work: Work, indices: list[int]) -> Iterator[tuple[int, Any]]:
        queue = iter(indices)
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), _end_with, (os.getpid(),)
        )
        running: dict[Future, int] = {}
        try:
            for index in queue:
                running[pool.submit(work, index)] = index
                if len(running) >= 2 * workers:
                    yield from _finished(running)
            while running:
                yield from _finished(running)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    return run


def _finished(running: dict[Future, int]) -> Iterator[tuple[int, Any]]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        yield running.pop(future), future.result()


def dask_cluster(address: str) -> Executor:
    """Pieces on an existing Dask cluster; Dask computes again what a dying worker held.

    Raises MissingExtra without dask.distributed, MutauError if nobody answers at the address.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise MissingExtra("running on a Dask cluster", "dask") from error

    def run(work: Work, indices: list[int]) -> Iterator[tuple[int, Any]]:
        try:
            client = distributed.Client(address, timeout="5s")
        except (OSError, ValueError) as error:
            raise MutauError(
                f"no Dask scheduler answers at {address!r} ({error})",
                remedy="start one with `dask scheduler` and give its address, tcp://host:8786",
            ) from error
        with client:
            futures = {client.submit(work, i, pure=False, retries=3): i for i in indices}
            for future in distributed.as_completed(list(futures)):
                yield futures.pop(future), future.result()

    return run


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The right to write into a results folder. Raises MutauError if another process holds it."""
    try:
        (folder / "shards").mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise FileError(
            f"cannot write into {str(folder)!r} ({error.strerror})",
            remedy="choose a folder that is writable",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise MutauError(
            f"another process is writing into {str(folder)!r}",
            remedy="wait for it, or choose another folder with --out",
        ) from None
    try:
        yield
    finally:
        os.close(handle)


def open_manifest(folder: Path, manifest: Mapping[str, Any], resume: bool) -> None:
    """Claim a folder for this work, or see that it already holds the same work.

    Raises MutauError if the folder holds other work (the difference is shown), or the same work
    and `resume` was not asked for.
    """
    path = folder / "manifest.json"
    if not path.exists():
        write_text(path, json.dumps(dict(manifest), indent=1))
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileError(
            f"{str(path)!r} is damaged ({error})", remedy="choose another folder"
        ) from None
    wanted = json.loads(json.dumps(dict(manifest)))
    if found != wanted:
        changed = [k for k in {*found, *wanted} if found.get(k) != wanted.get(k)]
        shown = "; ".join(
            f"{k}: {found.get(k)!r} there, {wanted.get(k)!r} now" for k in sorted(changed)
        )
        raise MutauError(
            f"{str(folder)!r} holds results of other work ({shown})",
            remedy="choose another folder with --out, or undo the change",
        )
    if not resume and any((folder / "shards").glob("*.json")):
        raise MutauError(
            f"{str(folder)!r} already holds results of this work",
            remedy="add --resume to go on, or choose another folder",
        )


def shard_path(folder: Path, index: int) -> Path:
    """File of one piece."""
    return folder / "shards" / f"{index:08d}.json"


def missing_shards(folder: Path, n: int) -> list[int]:
    """Pieces that are not there yet."""
    have = {path.stem for path in (folder / "shards").glob("*.json")}
    return [index for index in range(n) if f"{index:08d}" not in have]


def run_shards(
    folder: str | Path,
    manifest: Mapping[str, Any],
    n: int,
    work: Work,
    *,
    executor: Executor = serial,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[Any]:
    """Compute `n` pieces into a folder and return all results in order.

    manifest : what the work is; the folder is refused if it holds another.
    Pieces that are already there are read, not computed. A piece is written as soon as it is
    finished, whole or not at all; Ctrl-C or a kill loses only what was running.
    Raises MutauError for a folder of other work, or one that another process writes.
    """
    folder = Path(folder)
    with locked(folder):
        open_manifest(folder, manifest, resume)
        todo = missing_shards(folder, n)
        start = time.monotonic()
        for done, (index, result) in enumerate(executor(work, todo), 1):
            write_text(shard_path(folder, index), json.dumps(result))
            if progress:
                left = (time.monotonic() - start) / done * (len(todo) - done)
                progress(
                    (n - len(todo) + done) / n, f"{n - len(todo) + done}/{n}, {left:.0f} s left"
                )
    return [json.loads(shard_path(folder, i).read_text(encoding="utf-8")) for i in range(n)]
