"""`simulate` killed at random moments: a few of what tools/kill_simulate.py does many times."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

TOOL = Path(__file__).parents[2] / "tools" / "kill_simulate.py"


@pytest.mark.compiled
def test_killed_runs_end_as_undisturbed_ones():
    """The process group killed, and the parent alone, with two workers and small shards."""
    words = ["--times", "1", "--workers", "2", "--shards", "4"]
    done = subprocess.run(
        [sys.executable, str(TOOL), *words], capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 workers: 1 runs equal to the byte" in done.stdout
