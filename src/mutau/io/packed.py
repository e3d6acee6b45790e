"""Text files, compressed or not: equal bytes for equal content, and a bound on what they expand to.

A compressed file of a few kB can hold gigabytes of zeros. Real event records shrink by a factor 2
(17 digits) to 10 (few digits, many equal columns), so a file that expands beyond 64 MiB and beyond
25 times its own size is refused before more of it is held.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import FileError

#: What any file may expand to, and what it may expand to for each byte of its own.
FREE_BYTES: Final = 1 << 26
MOST_EXPANSION: Final = 25
_BLOCK: Final = 1 << 20


def refuse_expansion(path: str | Path, n_bytes: int, size: int | None = None) -> None:
    """Raise FileError if a file expands to `n_bytes`, far beyond what event records do.

    size : of the file in bytes; None, to look it up.
    """
    size = Path(path).stat().st_size if size is None else size
    if n_bytes > max(FREE_BYTES, MOST_EXPANSION * size):
        raise FileError(
            f"{str(path)!r} expands to more than {n_bytes >> 20} MiB from {size} bytes",
            allowed=f"{FREE_BYTES >> 20} MiB, or {MOST_EXPANSION} times the size of the file",
            remedy="if it is yours, expand it and give the plain file",
        )


def _refuse_bomb(path: Path) -> None:
    """Expand a compressed file once, holding nothing, and raise FileError beyond the bound."""
    size, expanded = path.stat().st_size, 0
    with path.open("rb") as file, gzip.GzipFile("", "rb", fileobj=file) as packed:
        while block := packed.read(_BLOCK):
            expanded += len(block)
            refuse_expansion(path, expanded, size)


@contextlib.contextmanager
def open_text(path: Path, mode: str) -> Iterator[Any]:
    """A binary file to write ("wb") or read ("rb"), compressed where the name ends in .gz.

    Neither name nor time go into it: equal content gives equal bytes. Reading raises FileError
    where a compressed file expands beyond the bound of `refuse_expansion`, before anything is read.
    """
    compressed = path.suffix.lower() == ".gz"
    if compressed and mode == "rb":
        _refuse_bomb(path)
    with path.open(mode) as file:
        if not compressed:
            yield file
            return
        with gzip.GzipFile("", mode, compresslevel=1, fileobj=file, mtime=0) as packed:
            yield packed
