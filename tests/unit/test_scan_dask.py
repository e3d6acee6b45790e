"""A real Dask cluster of several processes, one of them killed while it works."""

import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

from mutau.core.errors import MutauError
from mutau.scan.executors import dask_cluster
from mutau.scan.shards import run_shards

pytest.importorskip("distributed", reason="needs the extra 'dask'")


def slow_square(index):
    """Piece of work that says which process did it."""
    time.sleep(0.1)
    return {"square": index**2, "pid": os.getpid()}


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two worker processes on this machine; yields (address, worker pids)."""
    env = {**os.environ, "DASK_DISTRIBUTED__DASHBOARD__ENABLED": "False"}
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port",
         "0",
         "--no-dashboard", "--scheduler-file", str(tmp_path / "s.json")],
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (tmp_path / "s.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file",
             str(tmp_path / "s.json"), "--nthreads", "1", "--no-nanny", "--no-dashboard",
             "--local-directory", str(tmp_path)],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            env={**env, "PYTHONPATH": os.path.dirname(__file__)},
        )
        for _ in range(2)
    ]  # fmt: skip
    import json

    yield json.loads((tmp_path / "s.json").read_text())["address"], [w.pid for w in workers]
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_loses_nothing(cluster, tmp_path):
    address, pids = cluster
    seen = []

    def watch(fraction, label):
        seen.append(fraction)
        if len(seen) == 6:
            os.kill(pids[0], signal.SIGKILL)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with run_shards(
            tmp_path / "r", {"kind": "squares"}, 30, slow_square, executor=dask_cluster(address),
            progress=watch,
        ) as parts:  # fmt: skip
            results = list(parts)
    assert [row["square"] for row in results] == [i**2 for i in range(30)]
    assert {row["pid"] for row in results} <= set(pids)
    assert seen[-1] == 1.0


@pytest.mark.filterwarnings("ignore")
def test_nobody_at_the_address(tmp_path):
    with pytest.raises(MutauError, match="no Dask scheduler answers"):
        list(dask_cluster("tcp://127.0.0.1:9")(slow_square, [0]))
