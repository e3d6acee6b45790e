"""Compiled kernels, cached in the user's cache folder under a digest of what each rests on.

Numba's own cache does not notice an edit in a called function of another module, nor of a
constant; `core.code_digest` does. It also keeps compiled code out of the installed package, and
compiles nothing anew for an edit of a docstring, nor when the package is moved. An own
$NUMBA_CACHE_DIR wins, with Numba's own rules.
Kernels are made by `from mutau.core.jit import njit`; importing this module loads Numba, so light
code does not.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache

from mutau.core.code_digest import code_digest, module_name
from mutau.core.storage import cache_dir

_KEEP_SECONDS = 14 * 86400.0  # compiled code of other source states is dropped after two weeks


@cache
def _compiled_folder(module: str) -> tuple[str, str] | None:
    """Folder for the compiled code of a module and the digest of what it rests on; None where
    nothing can be written."""
    key = code_digest(module)
    stem = Path(module).stem if module.endswith(".py") else module.removeprefix("mutau.")
    folder = cache_dir() / "kernels" / f"{stem}-{key}"
    if not folder.exists():
        with contextlib.suppress(OSError):
            for old in folder.parent.glob(f"{stem}-{'[0-9a-f]' * len(key)}"):
                if time.time() - old.stat().st_mtime > _KEEP_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return str(folder), key


class _Locator:
    """Where Numba finds the compiled code of a function, and the stamp that it must bear."""

    def __init__(self, folder: str, key: str) -> None:
        self._folder, self._key = folder, key

    @classmethod
    def from_function(cls, _function: Callable, file: str) -> Self | None:
        found = _compiled_folder(module_name(file))
        return cls(*found) if found else None

    def ensure_cache_path(self) -> None:
        Path(self._folder).mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return self._folder

    def get_source_stamp(self) -> str:
        return self._key

    def get_disambiguator(self) -> str:
        return "0"  # functions of one name differ in their byte code, which Numba compares


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012


class _Cache(FunctionCache):
    _impl_class = _Implementation


def njit(*args: Any, **options: Any) -> Callable:
    """`numba.njit` with cache on, IEEE division (no exception branch), without the interpreter's
    lock (so that threads run side by side), and with our cache folder.

    What costs seconds of compilation in every process that compiles: arrays assigned to slices
    (`a[:] = b`, whose error message is a program of its own; loops cost nothing), `np.linalg`, and
    numbers written into a call, which compile a version of the callee for each (`np.int64(1)`).

    Further options pass through (`fastmath`, `parallel`, `inline`, signatures).
    """
    if len(args) == 1 and callable(args[0]) and not options:
        return njit()(args[0])
    config: Any = numba.config
    kept = options.pop("cache", True)
    options.setdefault("error_model", "numpy")
    options.setdefault("nogil", True)
    options.setdefault("no_cfunc_wrapper", True)  # nobody calls them from C
    options["cache"] = kept and bool(config.CACHE_DIR)
    compiler: Any = numba.njit(*args, **options)

    make_cache: Any = _Cache

    def compiled(function: Callable) -> Any:
        dispatcher = compiler(function)
        if kept and not config.CACHE_DIR:
            with contextlib.suppress(RuntimeError):  # no folder to write to: nothing is kept
                dispatcher._cache = make_cache(dispatcher.py_func)
        return dispatcher

    return compiled
