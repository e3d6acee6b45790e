"""Files that are whole or not there, tables cached by digest, digests of inputs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

from mutau.core.errors import FileError, MutauError
from mutau.core.reading import open_regular

Arrays = dict[str, np.ndarray]


def cache_dir() -> Path:
    """Folder for computed tables: $MUTAU_CACHE_DIR, else the user's cache folder for mutau."""
    override = os.environ.get("MUTAU_CACHE_DIR")
    if override:
        return Path(override)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mutau"


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Temporary neighbour of `path` that takes its name only when the block ends well.

    Raises FileError if the folder is missing or not writable, or the disk is full, and for what is
    no regular file: a device (/dev/null) must not lose its place to one. On any error, Ctrl-C
    included, the temporary file is removed and `path` stays as it was. A link stays; the file that
    it points to is written.
    """
    path = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    _refuse_special(path)
    try:
        name = f".{path.stem}-{os.getpid()}-{secrets.token_hex(6)}{path.suffix}"
        temporary = path.with_name(name)
        # mode 0666 less the user's umask, as any new file has
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except (OSError, ValueError) as error:
        raise FileError(
            f"cannot write {str(path)!r} ({getattr(error, 'strerror', None) or error})",
            remedy="choose a folder that exists and is writable",
        ) from error
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FileError(
            f"writing {str(path)!r} failed ({error.strerror or error}); nothing was left behind",
            remedy="free space or choose another folder",
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
    if path.is_dir() or not _can_make_files(path.parent):
        raise FileError(
            f"cannot write {str(path)!r}", remedy="choose a folder that exists and is writable"
        )
    return path


def _can_make_files(folder: Path) -> bool:
    """Whether a file can be made in a folder: tried, as access rights do not tell everything."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def check_folder(path: str | Path) -> Path:
    """The path, if a folder stands or can be made there; before anything is computed.

    Nothing stays there. Raises FileError for a file in the way or a place that is not writable.
    """
    path = Path(path)
    standing = path.absolute()
    while not standing.exists() and standing != standing.parent:
        standing = standing.parent
    if not _can_make_files(standing):
        raise FileError(
            f"cannot write into {str(path)!r}", remedy="choose a folder that is writable"
        )
    return path


def save_arrays(
    path: str | Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]
) -> None:
    """Save named arrays and a JSON header as one compressed NPZ file, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, __header__=np.array(json.dumps(dict(header))), **arrays)  # type: ignore[arg-type]


def load_arrays(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and header of a file that `save_arrays` wrote. Raises FileError if it is not one."""
    try:
        with Path(path).open("rb") as raw:
            if not is_zipfile(raw):
                raise BadZipFile("it is no NPZ file")
            raw.seek(0)
            with np.load(raw, allow_pickle=False) as file:
                header = json.loads(str(file["__header__"]))
                return {name: file[name] for name in file.files if name != "__header__"}, header
    except (OSError, KeyError, ValueError, EOFError, SyntaxError, zlib.error, BadZipFile) as error:
        raise FileError(
            f"{str(path)!r} is not a file that mutau wrote ({error})", remedy="make it again"
        ) from error


def cached_arrays(kind: str, key: str, compute: Any) -> Arrays:
    """Arrays of `compute()`, kept in the cache folder under `kind` and the digest `key`.

    kind : short name of the table. key : digest of everything the table depends on.
    A cache that cannot be read or written is passed over: the table is computed.
    """
    path = cache_dir() / f"{kind}-{key}.npz"
    if path.exists():
        with contextlib.suppress(FileError):
            return load_arrays(path)[0]
    arrays: Arrays = compute()
    with contextlib.suppress(FileError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_arrays(path, arrays, {"kind": kind, "key": key})
    return arrays
