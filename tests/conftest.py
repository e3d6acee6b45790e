"""Fixtures for all tests: a cache folder of the tests' own, and the command line in-process."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

# Set before any kernel is compiled, so that tests neither use nor change the user's tables.
# Compiled code is kept between runs; its folder is named by a digest of the sources.
os.environ.setdefault("MUTAU_CACHE_DIR", str(Path(tempfile.gettempdir()) / "mutau-test-cache"))


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


def pytest_configure(config: pytest.Config) -> None:
    """`-m "not compiled"`: a kernel that is called all the same is an error, not a slow test."""
    if "not compiled" not in config.option.markexpr:
        return
    from numba.core.dispatcher import Dispatcher

    def refuse(self: Dispatcher, *_args: object, **_options: object) -> None:
        pytest.fail(f"kernel {self.py_func.__qualname__!r}: mark this test `compiled`")

    Dispatcher._compile_for_args = refuse
