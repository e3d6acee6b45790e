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
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from importlib import import_module
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Final, Protocol

from mutau.core.errors import FileError, MissingExtra, MutauError
from mutau.core.storage import check_folder, write_text

#: index of a piece -> its result, plain data that JSON can hold. Must be picklable.
Work = Callable[[int], Any]
Progress = Callable[[float, str], None]
#: Pieces as they finish: (index, result), in any order. Closing it ends what still runs.
Finished = Generator[tuple[int, Any], None, None]
#: Differences between two pieces of work that a message shows.
_DIFFERENCES: Final = 12
#: What finished or begun work leaves in a folder beside its manifest.
_LEFT: Final = ("results.csv", "tally.json", "events/*.parquet", "shards/*.json")


class Executor(Protocol):
    """What runs the pieces: (work, indices) -> `Finished`."""

    def __call__(self, work: Work, indices: list[int]) -> Finished: ...


def serial(work: Work, indices: list[int]) -> Finished:
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


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let what is started here never see Ctrl-C, which a terminal sends to all: its parent ends it.

    An interrupt in between is delivered afterwards.
    """
    resource_tracker.ensure_running()  # its own start would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def processes(workers: int) -> Executor:
    """Pieces in `workers` processes of this machine; a few are kept waiting per worker.

    Whatever ends the work early ends the workers at once.
    Raises ChildProcessError if a worker is killed from outside (no memory left, for example).
    """

    def run(work: Work, indices: list[int]) -> Finished:
        queue, others = iter(indices), set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), _end_with, (os.getpid(),)
        )
        running: dict[Future, int] = {}
        try:
            for index in queue:
                with _without_interrupts():
                    running[pool.submit(work, index)] = index
                if len(running) >= 2 * workers:
                    yield from _finished(running)
            while running:
                yield from _finished(running)
        except BaseException as error:
            for worker in {*multiprocessing.active_children()} - others:
                worker.kill()
                worker.join()
            if isinstance(error, BrokenExecutor):
                raise ChildProcessError(
                    "a worker process ended suddenly (killed, or no memory left?); what is "
                    "finished stays, --resume goes on, perhaps with fewer --workers"
                ) from None
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    return run


def _finished(running: dict[Future, int]) -> Finished:
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

    def connect() -> Any:
        try:
            return distributed.Client(address, timeout="5s")
        except (OSError, ValueError) as error:
            raise MutauError(
                f"no Dask scheduler answers at {address!r} ({error})",
                remedy="start one with `dask scheduler` and give its address, tcp://host:8786",
            ) from error

    connect().close()  # before a folder is claimed for the work

    def run(work: Work, indices: list[int]) -> Finished:
        with connect() as client:
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


def flat(value: Any, address: str) -> dict[str, Any]:
    """Values by address, `because` and other texts left out."""
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, item in value.items():
            if key not in ("because", "title", "source"):
                found |= flat(item, f"{address}/{key}")
        return found
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        found = {}
        for index, item in enumerate(value):
            name = item.get("name", index) if isinstance(item, Mapping) else index
            found |= flat(item, f"{address}[{name}]")
        return found
    return {address: list(value) if isinstance(value, tuple) else value}


def check_claim(folder: str | Path, manifest: Mapping[str, Any], resume: bool) -> None:
    """See, before anything is computed, that a folder can take this work; nothing is written.

    Raises as `run_shards`.
    """
    folder = check_folder(folder)
    if (folder / ".lock").exists():
        with locked(folder):
            pass
    _compare(folder, manifest, resume)


def _compare(folder: Path, manifest: Mapping[str, Any], resume: bool) -> bool:
    """Whether the folder holds this very work already, nothing of it finished or `resume` given.

    Raises MutauError if it holds other work (the difference is shown), or the same work and
    `resume` was not asked for.
    """
    path = folder / "manifest.json"
    left = [str(item) for pattern in _LEFT for item in sorted(folder.glob(pattern))[:1]]
    if not path.exists():
        if left:
            raise MutauError(
                f"{str(folder)!r} holds {left[0]!r}, but not what it belongs to (manifest.json)",
                remedy="choose another folder with --out",
            )
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it is no table")
    except (OSError, ValueError) as error:
        raise FileError(
            f"{str(path)!r} is damaged ({error})", remedy="choose another folder"
        ) from None
    wanted = json.loads(json.dumps(dict(manifest)))
    if found != wanted:
        changed = sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k))
        if "kind" in changed:  # nothing else can be compared
            changed = ["kind"]
        shown = "; ".join(
            f"{k}: {found.get(k)!r} there, {wanted.get(k)!r} now" for k in changed[:_DIFFERENCES]
        )
        if len(changed) > _DIFFERENCES:
            shown += f"; and {len(changed) - _DIFFERENCES} more"
        raise MutauError(
            f"{str(folder)!r} holds results of other work ({shown})",
            remedy="choose another folder with --out, or undo the change",
        )
    if not resume and any((folder / "shards").glob("*.json")):
        raise MutauError(
            f"{str(folder)!r} already holds results of this work",
            remedy="add --resume to go on, or choose another folder",
        )
    return True


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
        if not _compare(folder, manifest, resume):
            write_text(folder / "manifest.json", json.dumps(dict(manifest), indent=1))
        todo = missing_shards(folder, n)
        start = time.monotonic()
        with _no_halves(folder), contextlib.closing(executor(work, todo)) as finished:
            for done, (index, result) in enumerate(finished, 1):
                write_text(shard_path(folder, index), json.dumps(result))
                if progress:
                    left = (time.monotonic() - start) / done * (len(todo) - done)
                    have = n - len(todo) + done
                    progress(have / n, f"{have}/{n}, {left:.0f} s left")
    return [_read(shard_path(folder, index)) for index in range(n)]


@contextlib.contextmanager
def _no_halves(folder: Path) -> Iterator[None]:
    """However the block ends, what killed workers left half-written is removed."""
    try:
        yield
    finally:
        for half in folder.glob("*/.*"):
            half.unlink(missing_ok=True)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileError(
            f"{str(path)!r} is damaged ({error})", remedy="delete it and go on with --resume"
        ) from None
