"""Compiled kernels, cached in the user's cache folder under a digest of what each rests on.

Numba's own cache does not notice an edit in a called function of another module, nor of a
constant; `core.code_digest` does. It also keeps compiled code out of the installed package, and
compiles nothing anew for an edit of a docstring, nor when the package is moved. What is found
there is run, so the folder must be the user's own, and every file is verified before it is read; a
damaged one is dropped and compiled again. An own $NUMBA_CACHE_DIR wins, with Numba's own rules.
Kernels are made by `from mutau.core.jit import njit`; importing this module loads Numba, so light
code does not.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

from mutau.core.code_digest import code_digest, module_name
from mutau.core.storage import check_private, digest, private_cache_dir

_KEEP_SECONDS = 14 * 86400.0  # compiled code of other source states is dropped after two weeks
_SHA = hashlib.sha256().digest_size


@cache
def _compiled_folder(module: str) -> tuple[str, str] | None:
    """Folder for the compiled code of a module and the digest of what it rests on, the compiler
    too; None where nothing can be written. Raises MutauError for a folder not the user's own."""
    key = digest(code_digest(module), numba.__version__)
    stem = Path(module).stem if module.endswith(".py") else module.removeprefix("mutau.")
    folder = private_cache_dir() / "kernels" / f"{stem}-{key}"
    if not folder.exists():
        for old in folder.parent.glob(f"{stem}-{'[0-9a-f]' * len(key)}"):
            _drop_old(old)
    try:
        for place in (folder.parent, folder):
            place.mkdir(mode=0o700, exist_ok=True)
            check_private(place)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return str(folder), key


def _drop_old(folder: Path) -> None:
    """Remove compiled code that was made long ago, and its folder if that is all."""
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > _KEEP_SECONDS:
            for path in (*folder.glob("*.nbi"), *folder.glob("*.nbc"), *folder.glob("*.tmp.*")):
                path.unlink(missing_ok=True)
            folder.rmdir()


class _Locator:
    """Where Numba finds the compiled code of a function, and the stamp that it must bear."""

    def __init__(self, folder: str, key: str) -> None:
        self._folder, self._key = folder, key

    @classmethod
    def from_function(cls, _function: Callable, file: str) -> Self | None:
        found = _compiled_folder(module_name(file))
        return cls(*found) if found else None

    def ensure_cache_path(self) -> None:
        Path(self._folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return self._folder

    def get_source_stamp(self) -> str:
        return self._key

    def get_disambiguator(self) -> str:
        return "0"  # functions of one name differ in their byte code, which Numba compares


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012


_IndexFile: Any = IndexDataCacheFile
_FunctionCache: Any = FunctionCache


class _Files(_IndexFile):
    """Index and compiled code of a function, each with a digest in front.

    What is not as it was written is dropped, with a warning, and counts as not there.
    """

    def _dump(self, obj: Any) -> bytes:
        data: bytes = super()._dump(obj)
        return hashlib.sha256(data).digest() + data

    def _verified(self, path: str) -> Any:
        """What a file holds; None if that is damaged. Raises OSError where it cannot be read."""
        data = Path(path).read_bytes()
        sha, data = data[:_SHA], data[_SHA:]
        if hashlib.sha256(data).digest() == sha:
            return pickle.loads(data)
        warnings.warn(
            f"compiled code {Path(path).name!r} is damaged, dropped and compiled again",
            stacklevel=2,
        )
        Path(path).unlink(missing_ok=True)
        return None

    def _load_index(self) -> dict:
        with contextlib.suppress(OSError):
            found = self._verified(self._index_path)
            if found is not None and found[0] == self._source_stamp:
                return dict(found[1])
        return {}

    def _save_index(self, overloads: dict) -> None:
        data = self._dump((self._source_stamp, overloads))
        with self._open_for_write(self._index_path) as file:
            file.write(data)

    def _load_data(self, name: str) -> Any:
        return self._verified(self._data_path(name))


class _Cache(_FunctionCache):
    _impl_class = _Implementation

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        self._cache_file = _Files(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def _save_overload(self, signature: Any, data: Any) -> None:
        with contextlib.suppress(OSError):  # a full disk: the code is used and not kept
            super()._save_overload(signature, data)


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
    if config.DISABLE_JIT:  # NUMBA_DISABLE_JIT=1: kernels run as Python, for debugger and coverage
        return lambda function: function
    kept = options.pop("cache", True)
    options.setdefault("error_model", "numpy")
    options.setdefault("nogil", True)
    options.setdefault("no_cfunc_wrapper", True)  # nobody calls them from C
    options.setdefault("_nrt", True)  # else it would be that of whoever calls first, see `inner`
    options["cache"] = kept and bool(config.CACHE_DIR)
    compiler: Any = numba.njit(*args, **options)

    def compiled(function: Callable) -> Any:
        dispatcher = compiler(function)
        if kept and not config.CACHE_DIR:
            with contextlib.suppress(RuntimeError):  # no folder to write to: nothing is kept
                dispatcher._cache = _Cache(dispatcher.py_func)
        return dispatcher

    return compiled


def inner(*args: Any, **options: Any) -> Callable:
    """`njit` for a kernel that only other kernels call, and that neither makes nor returns arrays.

    It counts no references to its arrays: the caller holds them. Counting costs more than a test of
    a wall, because each count is an atomic addition to memory, and Numba leaves most of those in a
    chain of small kernels. It may take views (`a[i]`, `a[i:j]`); a kernel that returns an array
    must not be called from it, since nobody would release what comes back. Making an array fails
    when it is compiled. Options as for `njit`.
    """
    if len(args) == 1 and callable(args[0]) and not options:
        return inner()(args[0])
    return njit(*args, _nrt=False, **options)
