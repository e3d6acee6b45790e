"""Commands of a user without rights, in a folder and beside a cache that belong to another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mutau

SOURCES = str(Path(mutau.__file__).parents[1])
#: Nobody, who may read everything (the interpreter may stand in a closed home), and write nothing.
NOBODY = (
    "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
    "--bounding-set=-all,+dac_read_search",
)  # fmt: skip


def nobody_works():
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    return subprocess.run([*NOBODY, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not nobody_works(), reason="only root can become another user")


@pytest.fixture
def owned(tmp_path):
    """A folder that others can enter and read, and not write."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


def run(folder, *words, **settings):
    env = {key: value for key, value in os.environ.items() if key != "MUTAU_CACHE_DIR"}
    return subprocess.run(
        [*NOBODY, sys.executable, "-m", "mutau", *words], cwd=folder, capture_output=True,
        text=True, check=False, timeout=100,
        env={**env, "PYTHONPATH": SOURCES, "HOME": str(folder), **settings},
    )  # fmt: skip


def test_what_writes_nothing_answers(owned):
    """No cache folder can be made there: the answer is the same, and nothing stays."""
    done = run(owned, "model", "--mass", "10MeV", "--coupling", "1e-3", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["width_total_GeV"] == pytest.approx(2.6526e-10, rel=1e-4)
    assert list(owned.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("cite", "-o", "references.bib"),
        ("simulate", "na64mu", "-n", "10", "-o", "run"),
        ("reproduce", "na64mu", "-o", "results"),
        ("limit", "na64e", "--mass", "10MeV", "-o", "line.npz"),
    ],
)
def test_what_would_write_is_refused_before_it_computes(owned, words):
    done = run(owned, *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "choose a folder that exists and is writable" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(owned.iterdir()) == []


def test_the_cache_of_another_user_is_not_run(owned):
    """Compiled code that a third user could have put there would be run as ours."""
    cache = owned / "cache"
    cache.mkdir(mode=0o755)
    os.chown(cache, 65533, 65533)
    words = ("xsec", "muon-brems", "--energy", "160", "--mass", "0.1", "--coupling", "1e-3")
    done = run(owned, *words, MUTAU_CACHE_DIR=str(cache))
    assert done.returncode == 2
    assert "belongs to another user (uid 65533)" in done.stderr
    assert list(cache.iterdir()) == []
