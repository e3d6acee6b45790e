"""Workers of a run that is killed or interrupted do not stay behind, nor halves of files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mutau.scan.executors import processes

PROGRAM = """
import os, time
from mutau.scan.executors import processes

def work(index):
    print(os.getpid(), flush=True)
    time.sleep(0.2 if index < 2 else 600.0)
    return index

if __name__ == "__main__":
    for done in processes(2)(work, list(range(6))):
        pass
"""


SHARDS = """
import os, sys, time
from pathlib import Path
from mutau.scan.executors import processes
from mutau.scan.shards import run_shards

def work(index):
    if index >= 2 and sys.argv[1] == "stop":
        Path(f"run/shards/.{index:08d}-{os.getpid()}-0123456789ab.json").touch()
        Path("run/shards/.half").touch()  # whose is it? not ours
        print(os.getpid(), flush=True)
        time.sleep(600.0)
    return index

if __name__ == "__main__":
    with run_shards("run", {"kind": "a"}, 6, work, executor=processes(2), resume=True) as found:
        print(list(found))
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, number):
    """Ctrl-C to all at once, as a terminal sends it, or `kill` to the parent; then it goes on."""
    program = "import sys, runpy; from mutau.cli import main; main._command = lambda: " + (
        "lambda *args, **kw: runpy.run_path('program.py', run_name='__main__'); main.run()"
    )
    (tmp_path / "program.py").write_text(SHARDS)
    with subprocess.Popen(
        [sys.executable, "-c", program, "stop"], cwd=tmp_path, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as parent:  # fmt: skip
        workers = {int(parent.stdout.readline()) for _ in range(2)}
        if number == signal.SIGINT:
            os.killpg(parent.pid, number)
        else:
            os.kill(parent.pid, number)
        _, err = parent.communicate(timeout=60)
    assert parent.returncode == 1
    assert err == "mutau: interrupted; no half-written file was left\n"
    assert not any(alive(pid) for pid in workers)
    names = {path.name for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert names >= {".lock", "manifest.json"}
    assert ".half" in names
    assert not [name for name in names if "0123456789ab" in name]
    done = subprocess.run(
        [sys.executable, "program.py", "go"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "[0, 1, 2, 3, 4, 5]\n"


def test_a_worker_that_is_killed_ends_the_run():
    """kill -9 of one worker, as a machine without memory does: told, and nothing waits for it."""
    with pytest.raises(ChildProcessError, match="a worker process ended suddenly"):
        list(processes(2)(_kill_me, [0, 1, 2, 3]))


def _kill_me(index):
    if index == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return index
