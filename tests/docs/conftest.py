"""Commands and what a page says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")


def same_line(shown: str, printed: str) -> bool:
    """Whether two lines agree: the words exactly, the numbers to 0.2 % (another compiler)."""
    if "".join(NUMBER.sub("#", shown).split()) != "".join(NUMBER.sub("#", printed).split()):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(float(a) == pytest.approx(float(b), rel=2e-3) for a, b in pairs)


@pytest.fixture
def runs_as_shown(tmp_path) -> Callable[[str], int]:
    """Run the commands of a console block in `tmp_path`; every line below one must be printed.

    A line "…" stands for any others. Returns how many lines were compared.
    """

    def run(block: str) -> int:
        compared = 0
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            done = subprocess.run(
                ["sh", "-ec", command], cwd=tmp_path, capture_output=True, text=True, check=False,
                env={**os.environ, "PATH": path, "COLUMNS": "100"},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
            printed = done.stdout.splitlines()
            for line in lines:
                if line.strip() not in ("", "…"):
                    assert any(same_line(line, one) for one in printed), (command, line, printed)
                    compared += 1
        return compared

    return run
