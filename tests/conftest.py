"""Fixtures for all tests: a cache folder of the tests' own, and the command line in-process.

Tests that need compiled kernels have the mark `compiled`; without them (`make test-light`, which is
`pytest -m "not compiled"`) nothing is compiled: a test that calls a kernel all the same fails.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

# Set before any kernel is compiled, so that tests neither use nor change the user's tables.
# Compiled code is kept between runs; its folder is named by a digest of the sources.
os.environ.setdefault("MUTAU_CACHE_DIR", str(Path(tempfile.gettempdir()) / "mutau-test-cache"))
LIGHT = "not compiled"
#: Kernels that take long to compile, and the tests that call them. Of two workers the first begins
#: at one end of the list and the second in its middle: what is side by side is compiled once.
FAMILIES = {
    "simulation": r"simulat|hermetic|full.chain|yoke|jit_inner|another_file|background na64mu",
    "muone": r"muone|muon_electron|muon-electron",
    "cascade": r"na64e|poker|ldmx|cascade|electron_|annihilation",
}
PLACES = {"simulation": 0, "": 1, "cascade": 2, "muone": 3}
WHOLE_FILE = re.compile(r"^pytestmark = .*?\bpytest\.mark\.compiled\b", re.MULTILINE | re.DOTALL)


def _refuse(kernel: Any, *_args: object, **_kwargs: object) -> NoReturn:
    """In place of Numba's method that compiles a kernel, or reads its code, when it is called."""
    name = f"{kernel.py_func.__module__}.{kernel.py_func.__name__}"
    pytest.fail(
        f"a test without the mark 'compiled' calls the kernel {name}; write "
        "@pytest.mark.compiled above it, or 'pytestmark = pytest.mark.compiled' below the imports"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Without compiled tests: no kernel runs, and no result of another run is found on disk."""
    if LIGHT in config.option.markexpr and not os.environ.get("NUMBA_DISABLE_JIT"):
        from numba.core.dispatcher import Dispatcher

        empty = tempfile.TemporaryDirectory(prefix="mutau-light-")
        config.add_cleanup(empty.cleanup)
        patch = pytest.MonkeyPatch()
        config.add_cleanup(patch.undo)
        patch.setenv("MUTAU_CACHE_DIR", empty.name)
        patch.setattr(Dispatcher, "_compile_for_args", _refuse)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files that need kernels from top to bottom are not even imported without compiled tests."""
    if LIGHT in config.option.markexpr and collection_path.suffix == ".py":
        return bool(WHOLE_FILE.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


def _place(item: pytest.Item) -> int:
    """Of the family of kernels that a test needs."""
    families = (name for name, of in FAMILIES.items() if re.search(of, item.nodeid))
    return PLACES[next(families, "") if item.get_closest_marker("compiled") else ""]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one family of kernels stand side by side, else in the order of the files."""
    items.sort(key=_place)


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Outcome]:
    """Run `mutau ...` in this process, in an empty folder."""

    def call(*words: str) -> Outcome:
        from mutau.cli.main import run

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["mutau", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run()
        out, err = capsys.readouterr()
        return Outcome(int(stopped.value.code or 0), out, err)

    return call


@pytest.fixture
def install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[dict[str, dict[str, str]], Path], None]]:
    """Put a package of somebody else and its entry points on the path, as `pip install` would.

    install({group: {name: "module:object"}}, folder of the module). No pip, no network.
    """
    from mutau.core import plugins

    def add(points: dict[str, dict[str, str]], folder: Path) -> None:
        site = tmp_path / f"site-{folder.name}"
        info = site / f"{folder.name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {folder.name}\nVersion: 1\n")
        lines = [
            line
            for group, names in points.items()
            for line in (f"[{group}]", *(f"{name} = {value}" for name, value in names.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        folders.append(folder)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.syspath_prepend(site)
        plugins.forget()

    before, folders = set(sys.modules), list[Path]()
    yield add
    monkeypatch.undo()
    for name in set(sys.modules) - before:
        origin = Path(getattr(sys.modules[name], "__file__", None) or "/")
        if any(folder in origin.parents for folder in folders):
            del sys.modules[name]
    plugins.forget()
