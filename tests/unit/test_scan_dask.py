"""A real Dask cluster of several processes, one of them killed while it works."""

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import mutau
from mutau.core.errors import MutauError
from mutau.scan.executors import dask_cluster
from mutau.scan.shards import run_shards

pytest.importorskip("distributed", reason="needs the extra 'dask'")


PACKAGE = mutau.__path__[0]


def slow_square(index):
    """Piece of work that says which process did it."""
    time.sleep(0.1)
    return {"square": index**2, "pid": os.getpid()}


@pytest.fixture
def cluster(tmp_path, request):
    """A scheduler and two worker processes on this machine; yields (address, worker pids).

    Parametrised: how many workers, and the folder from which they import first.
    """
    count, first = getattr(request, "param", (2, Path(PACKAGE).parent))
    if first == "other":
        other_program(tmp_path / "other")
    if first == "older":
        other_program(tmp_path / "older")
        (tmp_path / "older/mutau/scan/pieces.py").unlink()
    first = os.pathsep.join([str(tmp_path / first), os.path.dirname(__file__)])
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
            env={**env, "PYTHONPATH": first},
        )
        for _ in range(count)
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


def other_program(folder):
    """This program with the muon heavier by 1e-4 and another version."""
    shutil.copytree(PACKAGE, folder / "mutau", ignore=shutil.ignore_patterns("__pycache__"))
    constants = folder / "mutau/data/constants.toml"
    text = constants.read_text()
    assert text.count("105.6583755") == 1
    constants.write_text(text.replace("105.6583755", "105.6689413"))
    (folder / "mutau/_version.py").write_text('__version__ = "0.0.1"\n')


@pytest.mark.parametrize("cluster", [(1, "other")], indirect=True)
@pytest.mark.filterwarnings("ignore")
def test_a_worker_with_another_program_is_refused(cluster, tmp_path):
    """Told by whoever it is, with the difference, before anything is computed."""
    address, _ = cluster
    with (
        pytest.raises(
            MutauError,
            match=r"the worker tcp://.* another program \(code: .*; constants: .*; "
            r"mutau_version: '0\.0\.1' there, ",
        ),
        run_shards(
            tmp_path / "r", {}, 2, abs, executor=waiting_for(dask_cluster(address), address)
        ),
    ):
        pass
    assert list((tmp_path / "r" / "shards").iterdir()) == []


@pytest.mark.parametrize("cluster", [(1, "other")], indirect=True)
@pytest.mark.filterwarnings("ignore")
def test_a_worker_with_another_program_that_comes_later_is_refused(cluster, tmp_path, monkeypatch):
    """What it computed says so: nobody asked it before."""
    address, _ = cluster
    monkeypatch.setattr("mutau.scan.executors._check_workers", lambda client: None)
    with (
        pytest.raises(
            MutauError, match=r"piece \d was computed by another program \(code: .*consta"
        ),
        run_shards(tmp_path / "r", {}, 2, abs, executor=dask_cluster(address)),
    ):
        pass
    assert list((tmp_path / "r" / "shards").iterdir()) == []


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("cluster", [(1, "older")], indirect=True)
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_cannot_load_the_work_is_refused(cluster, tmp_path, monkeypatch, early):
    """A version without these modules: nobody waits for it for ever."""
    address, _ = cluster
    if not early:
        monkeypatch.setattr("mutau.scan.executors._check_workers", lambda client: None)
    with (
        pytest.raises(MutauError, match=r"worker.* cannot run this mutau .*mutau\.scan\.pieces"),
        run_shards(
            tmp_path / "r", {}, 2, abs, executor=waiting_for(dask_cluster(address), address)
        ),
    ):
        pass


def waiting_for(executor, address):
    """The executor, once a worker is there."""

    def run(work, indices):
        from distributed import Client

        with Client(address) as client:
            client.wait_for_workers(1, timeout=60)
        yield from executor(work, indices)

    return run


@pytest.mark.filterwarnings("ignore")
def test_nobody_at_the_address(tmp_path):
    with pytest.raises(MutauError, match="no Dask scheduler answers"):
        list(dask_cluster("tcp://127.0.0.1:9")(slow_square, [0]))
