"""Compiled kernels, cached in the user's cache folder under a digest of the package's sources.

Numba's own cache does not notice an edit in a called function of another module, nor of a
constant; the digest over every room that holds kernels, or constants that kernels bake in, does.
It also keeps compiled code out of the installed package. An own $NUMBA_CACHE_DIR wins, with
Numba's own rules.
Rooms write `from mutau.core.jit import njit`; importing this module loads Numba, so light code
does not.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

from mutau._version import __version__
from mutau.core.storage import cache_dir

#: Rooms that only show, compare or ask: no result rests on them. And those without kernels of which
#: others are made.
_SHOWING = ("cli", "plotting", "papers", "peers")
_NO_KERNELS = (*_SHOWING, "pipeline", "limits", "scan")
_KEEP_SECONDS = 14 * 86400.0  # compiled code of other source states is dropped after two weeks


@cache
def sources_digest() -> str:
    """Digest of the program: every room that holds kernels, or constants that kernels bake in."""
    package = Path(__file__).parents[1]
    sha = hashlib.sha256(f"{__version__} {numba.__version__}".encode())
    for source in sorted(package.rglob("*.py")):
        if source.parent.name not in _NO_KERNELS:
            sha.update(source.read_bytes())
    for source in sorted((package / "limits").glob("*kernels*.py")):
        sha.update(source.read_bytes())
    sha.update((package / "data" / "constants.toml").read_bytes())
    return sha.hexdigest()[:16]


@cache
def program_digest(*parts: str, package: Path = Path(__file__).parents[1]) -> str:
    """Digest of all that a computed number can rest on beside its input, for caches of results.

    parts : rooms ("matter") or single files ("matter/elements.py") that it rests on; none: all
    rooms but those that only show, compare or ask. The tables of constants, elements, materials
    and hadrons count in any case. package : folder of the program. `sources_digest` leaves out
    what needs no new compilation.
    """
    sha = hashlib.sha256(f"{__version__} {numba.__version__}".encode())
    sources = [
        source
        for source in package.rglob("*.py")
        if (
            source.parent.name in parts or f"{source.parent.name}/{source.name}" in parts
            if parts
            else source.parent.name not in _SHOWING
        )
    ]
    for file in sorted([*sources, *(package / "data").glob("*.toml")]):
        sha.update(file.read_bytes())
    return sha.hexdigest()[:16]


@cache
def _compiled_dir() -> str:
    folder = cache_dir() / f"numba-{sources_digest()}"
    if not folder.exists():
        with contextlib.suppress(OSError):
            for old in cache_dir().glob("numba-*"):
                if time.time() - old.stat().st_mtime > _KEEP_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
    return str(folder)


def njit(*args: Any, **options: Any) -> Callable:
    """`numba.njit` with cache on, IEEE division (no exception branch), without the interpreter's
    lock (so that threads run side by side), and with our cache folder.

    What costs seconds of compilation in every process that compiles: arrays assigned to slices
    (`a[:] = b`, whose error message is a program of its own; loops cost nothing), `np.linalg`, and
    numbers written into a call, which compile a version of the callee for each (`np.int64(1)`).

    Further options pass through (`fastmath`, `parallel`, `inline`, signatures).
    """
    config: Any = numba.config
    if not config.CACHE_DIR:
        config.CACHE_DIR = _compiled_dir()
    options.setdefault("cache", True)
    options.setdefault("error_model", "numpy")
    options.setdefault("nogil", True)
    options.setdefault("no_cfunc_wrapper", True)  # nobody calls them from C
    return numba.njit(*args, **options)
