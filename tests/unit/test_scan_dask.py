"""A real Dask cluster of several processes, one of them killed while it works."""

import contextlib
import json
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


def square(index):
    """Piece of work."""
    return {"square": index**2}


PATHS = os.pathsep.join([str(Path(PACKAGE).parent), os.path.dirname(__file__)])
_SCHEDULERS = {}


def scheduler_of(folder):
    """The process of the scheduler that runs in a folder."""
    return _SCHEDULERS[folder]


@contextlib.contextmanager
def running(folder, settings, *options, workers=1, paths=PATHS, pids=None):
    """A scheduler on the loopback and workers, with these settings; gives its address.

    pids : list that receives the workers' process numbers.
    """
    env = {**os.environ, **settings, "DASK_DISTRIBUTED__DASHBOARD__ENABLED": "False"}
    state = folder / "s.json"
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port",
         "0", "--no-dashboard", "--scheduler-file", str(state), *options], env=env, **quiet,
    )  # fmt: skip
    _SCHEDULERS[folder] = scheduler
    deadline = time.monotonic() + 60
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file",
             str(state), "--nthreads", "1", "--no-nanny", "--no-dashboard",
             "--local-directory", str(folder)],
            env={**env, "PYTHONPATH": paths}, **quiet,
        )
        for _ in range(workers)
    ]  # fmt: skip
    if pids is not None:
        pids += [worker.pid for worker in started]
    try:
        yield json.loads(state.read_text())["address"]
    finally:
        for process in (*started, scheduler):
            process.kill()
            process.wait()


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
    if first == "bare":
        (tmp_path / "bare").mkdir()
        (tmp_path / "bare/mutau.py").write_text("raise ModuleNotFoundError('No module mutau')")
    pids = []
    paths = os.pathsep.join([str(tmp_path / first), os.path.dirname(__file__)])
    with running(tmp_path, {}, workers=count, paths=paths, pids=pids) as address:
        yield address, pids


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


@pytest.mark.parametrize("cluster", [(0, Path(PACKAGE).parent)], indirect=True)
@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
def test_a_cluster_without_workers_says_so_and_is_given_up(cluster, monkeypatch):
    monkeypatch.setattr("mutau.scan.executors._Watch.FIRST_WORD", 1.0)
    with (
        pytest.warns(UserWarning, match=r"has had no worker for 1 s; waiting for up to 3 s"),
        pytest.raises(
            MutauError, match=r"no worker came to the Dask scheduler .* for 3 s"
        ) as error,
    ):
        list(dask_cluster(cluster[0], wait=3.0)(abs, [1]))
    assert "--resume" in str(error.value)


@pytest.mark.parametrize("cluster", [(1, Path(PACKAGE).parent)], indirect=True)
@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_dies_in_the_middle_ends_the_scan_with_a_line(cluster, tmp_path):
    address, _ = cluster
    executor = waiting_for(dask_cluster(address), address)
    seen = []

    def watch(fraction, label):
        seen.append(fraction)
        if len(seen) == 3:
            scheduler_of(tmp_path).kill()

    with (
        pytest.raises(MutauError, match=r"the Dask scheduler at .* ended") as error,
        run_shards(tmp_path / "r", {}, 100, slow_square, executor=executor, progress=watch),
    ):
        pass
    assert "--resume" in str(error.value)
    with run_shards(tmp_path / "r", {}, 100, square, resume=True) as parts:
        assert [row["square"] for row in parts] == [i**2 for i in range(100)]


@pytest.mark.parametrize("cluster", [(1, "bare")], indirect=True)
@pytest.mark.filterwarnings("ignore")
def test_a_worker_without_the_package_is_refused_with_the_remedy(cluster, tmp_path):
    address, _ = cluster
    with pytest.raises(MutauError, match=r"worker .* cannot run this mutau .*mutau") as error:
        list(waiting_for(dask_cluster(address), address)(slow_square, [0]))
    assert "give the workers the mutau that you use here" in str(error.value)


def certificates(folder):
    """Dask settings of one owner of a cluster: a certificate of its own for all roles."""
    from distributed.security import Security

    made = Security.temporary()
    folder.mkdir()
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_text(made.tls_worker_cert)
    key.write_text(made.tls_worker_key)
    tls = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(cert)}
    for role in ("CLIENT", "SCHEDULER", "WORKER"):
        tls[f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT"] = str(cert)
        tls[f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY"] = str(key)
    return {**tls, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"}


@pytest.mark.filterwarnings("ignore")
def test_certificates_decide_who_may_hand_in_work(tmp_path):
    """TLS by Dask's own settings: the owner computes, nobody else gets in, encrypted or not."""
    ours, others = certificates(tmp_path / "a"), certificates(tmp_path / "b")
    with running(tmp_path, ours, "--protocol", "tls://") as address:
        assert address.startswith("tls://127.0.0.1:")
        assert squares(address, ours).stdout == "{0: 0, 1: 1, 2: 4}\n"
        for address_used, settings in (
            (address, others), (address, {}), (address.replace("tls:", "tcp:"), {}),
        ):  # fmt: skip
            done = squares(address_used, settings)
            assert done.returncode == 2, done.stdout
            assert "no Dask scheduler answers" in done.stderr
            assert "certificates" in done.stderr


SQUARES = """
import sys
from mutau.core.errors import MutauError
from mutau.scan.executors import dask_cluster
from test_scan_dask import square
try:
    found = dask_cluster(sys.argv[1])(square, [0, 1, 2])
    print({index: row["square"] for index, row in sorted(found)})
except MutauError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


def squares(address, settings):
    """Three squares on a cluster, from a process with these Dask settings."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SQUARES, address], capture_output=True, text=True,
        env={**os.environ, **settings, "PYTHONPATH": PATHS}, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_nobody_at_the_address(tmp_path):
    with pytest.raises(MutauError, match="no Dask scheduler answers"):
        list(dask_cluster("tcp://127.0.0.1:9")(slow_square, [0]))
