"""Files that are whole or not there, and verified when they are read; digests of inputs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import warnings
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np

from mutau.core.errors import FileError, MutauError, file_error
from mutau.core.reading import open_regular, refuse_expansion

Arrays = dict[str, np.ndarray]


def cache_dir() -> Path:
    """Folder for computed tables: $MUTAU_CACHE_DIR, else the user's cache folder for mutau."""
    override = os.environ.get("MUTAU_CACHE_DIR")
    if override:
        return Path(override)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mutau"


def private_cache_dir() -> Path:
    """`cache_dir`, made for its owner alone where it is not there.

    Raises MutauError where others could have put something in. A folder that cannot be made stays
    away: its reader finds nothing, its writer gets an error of the system.
    """
    folder = cache_dir()
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private(folder)
    return folder


def check_private(folder: Path) -> None:
    """Raise MutauError for a folder whose contents others may have written.

    Compiled code is run as it is found, tables decide limits: both must be the user's own (or the
    administrator's). A folder that is not there passes.
    """
    try:
        found = folder.stat()
    except OSError:
        return
    if found.st_uid not in (os.geteuid(), 0):
        why = f"belongs to another user (uid {found.st_uid})"
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        why = f"can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
    else:
        return
    raise MutauError(
        f"the cache folder {str(folder)!r} {why}; compiled code in it would be run as yours",
        allowed="a folder of your own that only you can write",
        remedy=f"'chmod 700 {folder}' if all in it is yours, or set MUTAU_CACHE_DIR to another",
    )


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Temporary neighbour of `path` that takes its name only when the block ends well.

    What it holds is on the disk, not only in memory, before it takes the name.
    Raises FileError if the folder is missing or not writable and for what is no regular file: a
    device (/dev/null) must not lose its place to one; MachineError where the disk is full. On any
    error, Ctrl-C included, the temporary file is removed and `path` stays as it was. A link stays;
    the file that it points to is written. A file that is replaced hands on its mode.
    """
    path = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    _refuse_special(path)
    try:
        temporary = path.with_name(_half_name(path))
        # mode 0666 less the user's umask, as any new file has
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except (OSError, ValueError) as error:
        raise file_error(
            f"cannot write {str(path)!r}", error,
            remedy="choose a folder that exists and is writable",
        ) from error  # fmt: skip
    try:
        yield temporary
        _keep_mode(path, temporary)
        _to_disk(temporary)
        temporary.replace(path)
        _to_disk(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise file_error(
            f"writing {str(path)!r} failed; nothing was left behind", error,
            remedy="choose another folder",
        ) from error  # fmt: skip
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _keep_mode(old: Path, new: Path) -> None:
    """What the owner of a file allowed others to do stays so when it is written anew."""
    if old.exists():
        new.chmod(stat.S_IMODE(old.stat().st_mode))


def _half_name(path: Path) -> str:
    return f".{path.stem}-{os.getpid()}-{secrets.token_hex(6)}{path.suffix}"


def remove_halves(folder: Path, names: str, pid: int | None = None) -> None:
    """Remove what `atomic_path` left in a folder when its process was killed, and nothing else.

    names : regular expression of the names that the files were to take. pid : of the process that
    made them; any if not given. Links and folders stay; a folder that is a link is not entered.
    """
    if folder.is_symlink():
        return
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            found = re.fullmatch(r"\.(.+)-(\d+)-[0-9a-f]{12}((?:\.[^.]*)?)", path.name)
            if (
                found
                and re.fullmatch(names, found[1] + found[3])
                and pid in (None, int(found[2]))
                and path.is_file()
                and not path.is_symlink()
            ):
                path.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Make the system write a file, or the names in a folder, before it goes on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if file_error("", error).exit_code != 1:  # no such service here: a network folder, a pipe
            return
        raise
    finally:
        os.close(handle)


@contextlib.contextmanager
def staged(folder: str | Path) -> Iterator[Path]:
    """An empty folder whose files, in folders or not, move into `folder` when the block ends well.

    On any error nothing stays: neither these files nor folders that were made for them; files of
    these names that were there stay as they were.
    Raises FileError for a place that is not writable, MachineError where the disk is full.
    """
    folder = check_folder(folder)
    made: list[Path] = []
    stage = folder / f".mutau-{os.getpid()}-{secrets.token_hex(6)}"
    try:
        _make_folder(folder, made)
        stage.mkdir()
        yield stage
        files = [path for path in sorted(stage.rglob("*")) if path.is_file()]
        for path in files:
            target = folder / path.relative_to(stage)
            _make_folder(target.parent, made)
            _refuse_special(target)
            if target.is_dir():
                raise FileError(f"{str(target)!r} is a folder", remedy="choose another folder")
            _to_disk(path)
        for path in files:
            _move(path, folder / path.relative_to(stage))
        _to_disk(folder)
    except BaseException as error:
        shutil.rmtree(stage, ignore_errors=True)
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise file_error(
                f"writing into {str(folder)!r} failed", error, remedy="choose another folder"
            ) from error
        raise
    shutil.rmtree(stage, ignore_errors=True)


def _move(path: Path, target: Path) -> None:
    if target.is_symlink():  # it stays, and may lead to another disk
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)
    else:
        _keep_mode(target, path)
        path.replace(target)


def _make_folder(path: Path, made: list[Path]) -> None:
    """Make a folder and those above it; `made` takes the new ones, the outermost first."""
    absent = [place for place in (path, *path.parents) if not place.exists()]
    for place in reversed(absent):
        place.mkdir(exist_ok=True)
        made.append(place)


def _refuse_special(path: Path) -> None:
    """Raise FileError where something other than a file or a folder has the name."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FileError(
            f"{str(path)!r} is a device or the like, no file", remedy="choose the name of a file"
        )


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def digest(*parts: Any) -> str:
    """Hex digest (16 characters) of numbers, texts, arrays, mappings and nestings of them."""
    sha = hashlib.sha256()
    _feed(sha, parts)
    return sha.hexdigest()[:16]


class Damaged(Exception):
    """What is found on disk is not what was written; says why."""


def sealed(body: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with the digest of all of it, for JSON."""
    return {**body, "digest": digest(json.dumps(body))}


def unsealed(text: str | bytes) -> dict[str, Any]:
    """Plain data of JSON that holds what `sealed` gave. Raises Damaged."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"it is no JSON: {error}") from None
    return with_seal(body)


def with_seal(body: Any) -> dict[str, Any]:
    """Plain data without the digest that they carry, which is compared. Raises Damaged."""
    if not isinstance(body, dict) or not isinstance(body.get("digest"), str):
        raise Damaged("it carries no digest: another program wrote it, or an earlier version")
    found = body.pop("digest")
    if digest(json.dumps(body)) != found:
        raise Damaged("its digest is another: it was changed or damaged")
    return body


def file_digest(path: str | Path) -> str:
    """Hex digest (16 characters) of what a file holds; "" where it cannot be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except (OSError, FileError):
        return ""


def _feed(sha: Any, part: Any) -> None:
    if isinstance(part, np.ndarray):
        sha.update(str((part.dtype, part.shape)).encode())
        sha.update(np.ascontiguousarray(part).tobytes())
    elif isinstance(part, Mapping):
        sha.update(f"{{{len(part)}}}".encode())
        for key in sorted(part):
            sha.update(f"{key!r}=".encode())
            _feed(sha, part[key])
    elif isinstance(part, list | tuple):
        sha.update(f"[{len(part)}]".encode())
        for item in part:
            _feed(sha, item)
    else:
        sha.update(repr(part).encode() + b";")


def check_output(path: str | Path, *suffixes: str) -> Path:
    """The path, if a file can be written there; before anything is computed.

    suffixes : allowed endings, any if none are given.
    Raises MutauError for another ending, FileError for a folder that is missing or not writable.
    """
    path = Path(path)
    if suffixes and path.suffix not in suffixes:
        raise MutauError(
            f"{str(path)!r} has another ending", place="--out", allowed=", ".join(suffixes)
        )
    _refuse_special(path)
    if path.is_dir():
        raise FileError(f"{str(path)!r} is a folder", remedy="give the name of a file")
    _check_writable(path.parent, f"cannot write {str(path)!r}")
    return path


def _check_writable(folder: Path, message: str) -> None:
    """Raise FileError unless a file can be made in a folder: tried, as access rights do not tell
    everything."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise file_error(
            message, error, remedy="choose a folder that exists and is writable"
        ) from None


def check_folder(path: str | Path) -> Path:
    """The path, if a folder stands or can be made there; before anything is computed.

    Nothing stays there. Raises FileError for a file in the way or a place that is not writable.
    """
    path = Path(path)
    standing = path.absolute()
    while not standing.exists() and standing != standing.parent:
        standing = standing.parent
    _check_writable(standing, f"cannot write into {str(path)!r}")
    return path


def save_arrays(
    path: str | Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]
) -> None:
    """Save named arrays and a JSON header as one compressed NPZ file, whole or not at all.

    A digest of all goes with them.
    """
    text, arrays = json.dumps(dict(header)), {k: np.asarray(v) for k, v in arrays.items()}
    frame = {"__header__": np.array(text), "__digest__": np.array(digest(text, arrays))}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **frame, **arrays)  # type: ignore[arg-type]


def load_arrays(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and header of a file that `save_arrays` wrote.

    Raises FileError if it is not one, or no longer holds what was written.
    """
    try:
        with open_regular(path) as raw:
            if not is_zipfile(raw):
                raise BadZipFile("it is no NPZ file")
            with ZipFile(raw) as archive:
                refuse_expansion(path, sum(item.file_size for item in archive.infolist()))
            raw.seek(0)
            with np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        text, found = str(arrays.pop("__header__")), str(arrays.pop("__digest__"))
        if digest(text, arrays) != found:
            raise ValueError("its digest is another: it was changed or damaged")
        return arrays, json.loads(text)
    except (OSError, KeyError, ValueError, EOFError, SyntaxError, zlib.error, BadZipFile) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise FileError(
            f"{str(path)!r} is not a file that this version of mutau wrote ({reason})",
            remedy="make it again",
        ) from error


def cached_arrays(kind: str, key: str, compute: Any) -> Arrays:
    """Arrays of `compute()`, kept in the cache folder under `kind` and the digest `key`.

    kind : short name of the table. key : digest of everything the table depends on.
    A table is read only if kind, key, shapes and digest are those that were written; else it is
    computed again, and a warning says so. A cache that cannot be written is passed over.
    Raises MutauError as `private_cache_dir`.
    """
    path = private_cache_dir() / f"{kind}-{key}.npz"
    if path.exists():
        try:
            arrays, header = load_arrays(path)
            if header == _table_header(kind, key, arrays):
                return arrays
            reason = f"it is the table {header.get('kind')!r} of key {header.get('key')!r}"
        except FileError as error:
            reason = error.message
        warnings.warn(
            f"cached table {path.name!r} is not believed and computed again: {reason}", stacklevel=2
        )
    arrays = compute()
    with contextlib.suppress(FileError, OSError):
        save_arrays(path, arrays, _table_header(kind, key, arrays))
    return arrays


def _table_header(kind: str, key: str, arrays: Arrays) -> dict[str, Any]:
    shapes = {name: list(np.shape(array)) for name, array in arrays.items()}
    return {"kind": kind, "key": key, "shapes": shapes}
