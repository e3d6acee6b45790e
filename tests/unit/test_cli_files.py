"""What the commands do to files: nothing half-made stays, inputs stay, a full disk ends with 1."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from mutau.core.types import Exclusion


def line(n, experiment="na64mu"):
    return Exclusion(
        np.geomspace(0.01, 1.0, n), np.full(n, 1e-4), np.full(n, 1e-6), 0.9, experiment, "lmu-ltau",
        "bayes",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "pyhf"])
def test_an_export_that_fails_leaves_nothing(cli, tmp_path, kind):
    """The second of two results cannot be exported: no file of the first, no folder."""
    line(3).save(tmp_path / "good.npz")
    line(1, "m3").save(tmp_path / "bad.npz")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "na64mu-lmu-ltau.csv").write_text("before")
    for folder in ("out", "deep/out", "old"):
        done = cli("export", kind, "good.npz", "bad.npz", "-o", folder)
        assert done.code == 2
    left = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*"))
    assert left == ["bad.npz", "good.npz", "old", "old/na64mu-lmu-ltau.csv"]
    assert (tmp_path / "old" / "na64mu-lmu-ltau.csv").read_text() == "before"


def test_two_results_of_one_name_are_not_written_over_each_other(cli, tmp_path):
    line(3).save(tmp_path / "a.npz")
    line(4).save(tmp_path / "b.npz")
    done = cli("export", "csv", "a.npz", "b.npz", "-o", "out")
    assert (done.code, "would take the name" in done.err) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("cite", "a.npz", "-o", "a.npz"),
        ("cite", "a.npz", "-o", "./link.npz"),
        ("limit", "na64mu", "--model", "charges:mine.npz", "-o", "mine.npz"),
        ("optimise", "exp.toml", "--mass", "0.1", "-o", "exp.toml"),
    ],
)
def test_an_input_is_not_overwritten(cli, tmp_path, words):
    line(3).save(tmp_path / "a.npz")
    (tmp_path / "link.npz").symlink_to(tmp_path / "a.npz")
    for name in ("mine.npz", "exp.toml"):
        (tmp_path / name).write_text("mine")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = cli(*words)
    assert (done.code, "is read by this command and would be overwritten" in done.err) == (2, True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


LIMITED = """
import resource, sys
from mutau.cli.main import run
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # as a disk that fills up
sys.argv = ["mutau", *sys.argv[1:]]
run()
"""


@pytest.mark.parametrize(
    "words",
    [
        ("cite", "-o", "all.bib"),
        ("export", "csv", "a.npz", "-o", "out"),
        ("export", "hepdata", "a.npz", "-o", "out"),
    ],
)
def test_a_full_disk_ends_with_1(tmp_path, words):
    """As documented: 2 is for what the user wrote. One line, and no half of a file."""
    line(40).save(tmp_path / "a.npz")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *words], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "MachineError: writing" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    left = {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*")}
    assert left == {"a.npz"}
    assert not list(tmp_path.rglob(".*-*"))
