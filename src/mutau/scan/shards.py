"""Independent pieces of work, each computed once and written whole, resumable after a kill.

A folder holds `manifest.json` (what the work is, with a digest of its inputs) and one file per
finished piece in `shards/`, verified whenever it is read (`pieces`). Only the process that holds
the folder's lock writes; the lock goes with the process, even after `kill -9`. Workers return their
piece, so they need no shared disk.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import FileError, MutauError, file_error
from mutau.core.storage import Damaged, check_folder, digest, remove_halves, write_text
from mutau.scan.executors import Executor, Work, serial
from mutau.scan.pieces import Stamped, check_stamp, differences, read_piece, write_piece

Progress = Callable[[float, str], None]
#: What finished or begun work leaves in a folder beside its manifest.
_LEFT: Final = ("results.csv", "tally.json", "events/[!.]*.parquet", "shards/[!.]*.json")
#: Damaged pieces that a message names.
_NAMED: Final = 3


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The right to write into a results folder. Raises MutauError if another process holds it."""
    try:
        (folder / "shards").mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise file_error(
            f"cannot write into {str(folder)!r}", error, remedy="choose a folder that is writable"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise file_error(
                f"cannot lock {str(folder)!r}", error, remedy="choose a folder on a local disk"
            ) from None
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
    if (folder / ".lock").exists() and (folder / "manifest.json").exists():
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
        raise MutauError(
            f"{str(folder)!r} holds results of other work ({differences(found, wanted)})",
            remedy="choose another folder with --out, or undo the change",
        )
    if not resume and any((folder / "shards").glob("[!.]*.json")):
        raise MutauError(
            f"{str(folder)!r} already holds results of this work",
            remedy="add --resume to go on, or choose another folder",
        )
    return True


def shard_path(folder: Path, index: int) -> Path:
    """File of one piece."""
    return folder / "shards" / f"{index:08d}.json"


def unfinished(
    folder: Path, key: str, n: int, complete: Callable[[Any, int], None] | None = None
) -> list[int]:
    """Pieces that are not there, or not as they were written; of the latter a warning tells.

    key : of the work. complete : (result, index); raises Damaged for what lies beside a piece.
    """
    todo, damaged = [], []
    for index in range(n):
        path = shard_path(folder, index)
        if not path.exists():
            todo.append(index)
            continue
        try:
            _read(path, key, index, complete)
        except Damaged as error:
            todo.append(index)
            damaged.append(f"{path.name}: {error}")
    if damaged:
        named = "; ".join(damaged[:_NAMED]) + "; ..." * (len(damaged) > _NAMED)
        warnings.warn(
            f"{len(damaged)} of {n} pieces in {str(folder)!r} are not what was written and are "
            f"computed again ({named})",
            stacklevel=2,
        )
    return todo


def _read(path: Path, key: str, index: int, complete: Callable[[Any, int], None] | None) -> Any:
    result = read_piece(path, key, path.stem)
    if complete is not None:
        complete(result, index)
    return result


@contextlib.contextmanager
def run_shards(
    folder: str | Path,
    manifest: Mapping[str, Any],
    n: int,
    work: Work,
    *,
    executor: Executor = serial,
    resume: bool = False,
    progress: Progress | None = None,
    complete: Callable[[Any, int], None] | None = None,
) -> Iterator[Iterator[Any]]:
    """Compute `n` pieces into a folder and give all results in order, to a `with` block.

    manifest : what the work is; the folder is refused if it holds another. work : gives plain data
    that JSON can hold. complete : as for `unfinished`.
    Pieces that are there and verified are read, not computed. A piece is written as soon as it is
    finished, whole or not at all; Ctrl-C or a kill loses only what was running. Results are read
    one at a time: memory does not grow with n. The folder is locked until the block ends.
    Raises MutauError for a folder of other work, one that another process writes, or a worker that
    has another program.
    """
    folder, key = Path(folder), digest(json.dumps(dict(manifest)))
    with locked(folder):
        if not _compare(folder, manifest, resume):
            write_text(folder / "manifest.json", json.dumps(dict(manifest), indent=1))
        todo = unfinished(folder, key, n, complete)
        try:
            _compute(folder, key, n, todo, executor(Stamped(work), todo), progress)
        finally:
            drop_halves(folder)
        yield (_result(shard_path(folder, i), key, i, complete) for i in range(n))


def _compute(
    folder: Path, key: str, n: int, todo: list[int], running: Any, progress: Progress | None
) -> None:
    """Write the pieces that are still to do, as they come."""
    start = time.monotonic()
    with contextlib.closing(running) as finished:
        for done, (index, (stamp, result)) in enumerate(finished, 1):
            check_stamp(stamp, f"piece {index}")
            path = shard_path(folder, index)
            write_piece(path, key, path.stem, result)
            if progress:
                left = (time.monotonic() - start) / done * (len(todo) - done)
                have = n - len(todo) + done
                progress(have / n, f"{have}/{n}, {left:.0f} s left")


def drop_halves(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder of this program."""
    remove_halves(folder, r"(manifest|tally)\.json|results\.csv")
    for inside in ("shards", "events"):
        remove_halves(folder / inside, r"\d{8}\.(json|parquet)")


def _result(path: Path, key: str, index: int, complete: Callable[[Any, int], None] | None) -> Any:
    try:
        return _read(path, key, index, complete)
    except Damaged as error:
        raise FileError(
            f"{str(path)!r} was changed while the work ran ({error})", remedy="go on with --resume"
        ) from None
