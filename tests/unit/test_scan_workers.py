"""Workers of a run that is killed do not stay behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import os, time
from mutau.scan.shards import processes

def work(index):
    print(os.getpid(), flush=True)
    time.sleep(0.2 if index < 2 else 600.0)
    return index

if __name__ == "__main__":
    for done in processes(2)(work, list(range(6))):
        pass
"""


def alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_workers_end_with_a_killed_parent(tmp_path):
    """kill -9 of the parent: its workers, busy or waiting, are gone a few seconds later."""
    (tmp_path / "program.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")], stdout=subprocess.PIPE, text=True
    ) as parent:
        workers = {int(parent.stdout.readline()) for _ in range(4)}
        assert all(alive(pid) for pid in workers)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    end = time.monotonic() + 20.0
    while any(alive(pid) for pid in workers) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in workers)
