"""Compiled code on disk: damaged, it is dropped and compiled again; of others, it is not run."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys

import pytest

from mutau.core import jit
from mutau.core.errors import MutauError

pytestmark = pytest.mark.compiled

PROGRAM = """
from mutau.core.jit import njit

@njit
def double(x):
    return 2.0 * x

found = double(21.0), sum(double.stats.cache_hits.values())
"""


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """Runs the program with a cache of its own; gives (what it computes, how often from disk)."""
    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(jit.numba.config, "CACHE_DIR", "")
    (tmp_path / "own.py").write_text(PROGRAM)

    def run():
        jit._compiled_folder.cache_clear()
        return runpy.run_path(str(tmp_path / "own.py"))["found"]

    yield run
    jit._compiled_folder.cache_clear()


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_compiled_code_is_compiled_again(compiled, tmp_path, ending):
    """Cut, emptied, one bit: one line, the right number, and kept again."""
    assert compiled() == (42.0, 0)
    assert compiled() == (42.0, 1)
    (path,) = (tmp_path / "cache" / "kernels").rglob(f"*.{ending}")
    for folder in (path.parent, path.parents[1], path.parents[2]):
        assert folder.stat().st_mode & 0o777 == 0o700
    whole = path.read_bytes()
    flipped = whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]
    for wrong in (whole[:20], whole[:-7], b"", flipped):
        path.write_bytes(wrong)
        with pytest.warns(UserWarning, match=f"{ending}' is damaged, dropped and compiled again"):
            assert compiled() == (42.0, 0)
    assert compiled() == (42.0, 1)


def test_compiled_code_of_another_compiler_is_not_read(compiled, monkeypatch):
    """Another version of Numba may not be able to read it at all."""
    assert compiled() == (42.0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(jit.numba, "__version__", "0.0")
        assert compiled() == (42.0, 0)
    assert compiled() == (42.0, 1)


@pytest.mark.parametrize("place", [".", "kernels", "own"])
def test_compiled_code_in_a_folder_of_others_is_not_run(compiled, tmp_path, place):
    """The cache folder itself, or one inside, that others can write."""
    compiled()
    cache = tmp_path / "cache"
    folder = next((cache / "kernels").glob("own-*")) if place == "own" else cache / place
    folder.chmod(0o777)
    with pytest.raises(MutauError, match=r"mode 0777\); compiled code in it would be run as yours"):
        compiled()
    folder.chmod(0o700)
    assert compiled() == (42.0, 1)


def test_the_command_refuses_a_cache_of_others(tmp_path):
    """One line, exit code 2, before anything is computed."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-m", "mutau", "limit", "na64mu", "--mass", "0.1"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "MUTAU_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "set MUTAU_CACHE_DIR to another" in done.stderr
    assert list((tmp_path / "cache").iterdir()) == []


def test_code_that_cannot_be_kept_is_run_all_the_same(compiled, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert compiled() == (42.0, 0)
    assert compiled() == (42.0, 0)


def test_a_full_disk_does_not_stop_the_compiler(compiled, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(jit._Files, "_save_data", full)
        assert compiled() == (42.0, 0)
    assert compiled() == (42.0, 0)
    assert compiled() == (42.0, 1)


def test_only_compiled_code_of_long_ago_is_removed(tmp_path):
    """A folder of that name with a file of somebody else stays, with the file."""
    for name in ("old", "new", "mixed"):
        (tmp_path / name).mkdir()
        for file in ("f.py311.nbi", "f.py311.1.nbc", "f.py311.nbi.tmp.0123"):
            (tmp_path / name / file).write_bytes(b"")
    (tmp_path / "mixed" / "notes.txt").write_text("mine")
    for name in ("old", "mixed"):
        stamp = (tmp_path / name).stat().st_mtime - 1.1 * jit._KEEP_SECONDS
        os.utime(tmp_path / name, (stamp, stamp))
    for name in ("old", "new", "mixed"):
        jit._drop_old(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mixed", "new"]
    assert [path.name for path in (tmp_path / "mixed").iterdir()] == ["notes.txt"]
    assert len(list((tmp_path / "new").iterdir())) == 3
