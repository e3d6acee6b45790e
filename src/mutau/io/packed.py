"""Text files, compressed or not: equal bytes for equal content, and a bound on what they expand to.

A compressed file of a few kB can hold gigabytes of zeros; the bound is that of `core.reading`.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mutau.core.reading import refuse_expansion

_BLOCK: Final = 1 << 20


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
