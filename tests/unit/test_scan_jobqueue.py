"""Scans through a batch system: the job scripts are run, by commands that stand for its own."""

import math
import os
import subprocess
import sys
import textwrap
import time

import pytest

from mutau.core.errors import MutauError
from mutau.scan.jobqueue import _cluster, _network, batch_cluster, batch_script

pytest.importorskip("dask_jobqueue", reason="needs the extra 'dask'")

SCAN = """
schema = 1
name = "periods"
task = "limit"
experiment = "na64e"
[grid]
mass = "1MeV:30MeV:5"
alpha_d = [0.0, 0.1]
"""

#: What sbatch does: keep a copy of the script, run it, say its number. Jobs end with their group.
SBATCH = """\
cp "$1" "$QUEUE/$$.sh"
setsid sh "$QUEUE/$$.sh" >"$QUEUE/$$.log" 2>&1 </dev/null &
echo "Submitted batch job $!"
"""
#: What condor_submit does: read Executable and Arguments of the description, run that.
CONDOR = """\
sed -n 's/^Executable = //p' "$1" >"$QUEUE/$$.sh"
sed -n "s/^Arguments = \\"\\(.*\\)\\"$/\\1/p" "$1" >>"$QUEUE/$$.sh"
setsid sh -c "$(tr '\\n' ' ' <"$QUEUE/$$.sh")" >"$QUEUE/$$.log" 2>&1 </dev/null &
echo "1 job(s) submitted to cluster $!."
"""
CANCEL = """\
for id in "$@"; do kill -- "-${id%.*}" 2>/dev/null; echo "${id%.*}" >>"$QUEUE/cancelled"; done
exit 0
"""
COMMANDS = {
    "slurm": {"sbatch": SBATCH, "scancel": CANCEL},
    "htcondor": {"condor_submit": CONDOR, "condor_rm": CANCEL},
}


def install(folder, commands):
    folder.mkdir()
    for name, text in commands.items():
        path = folder / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def scan(folder, out, *options, path=os.environ["PATH"]):
    return subprocess.run(
        [sys.executable, "-m", "mutau", "scan", str(folder / "scan.toml"), "--out", str(out),
         "--yes", *options],
        env={**os.environ, "PATH": path, "QUEUE": str(folder)}, cwd=folder, timeout=120,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def ended(folder):
    """The jobs that were cancelled at the end; none of them, nor its children, runs any longer."""
    jobs = {int(job) for job in (folder / "cancelled").read_text().split()}
    deadline = time.monotonic() + 20.0
    while any(map(alive, jobs)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, jobs))
    return jobs


@pytest.mark.compiled
def test_a_scan_runs_as_batch_jobs_and_gives_the_same_table(tmp_path):
    (tmp_path / "scan.toml").write_text(SCAN)
    done = scan(tmp_path, tmp_path / "local", "--workers", "1")
    assert done.returncode == 0, done.stderr
    path = install(tmp_path / "bin", COMMANDS["slurm"])
    done = scan(tmp_path, tmp_path / "out", "--dask-jobqueue", "slurm", "--workers", "2", path=path)
    assert done.returncode == 0, done.stderr
    ours, local = ((tmp_path / name / "results.csv").read_text() for name in ("out", "local"))
    assert ours == local
    assert ours.count("\n") == 11
    logs = [log.read_text() for log in tmp_path.glob("*.log")]
    assert len(logs) == 2  # two shards, two jobs
    assert all("Registered to" in log for log in logs)
    assert len(ended(tmp_path)) == 2


@pytest.mark.filterwarnings("ignore")
def test_jobs_of_the_other_system(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", install(tmp_path / "bin", COMMANDS["htcondor"]))
    monkeypatch.setenv("QUEUE", str(tmp_path))
    results = dict(batch_cluster("htcondor", 1)(math.factorial, [3, 5, 7]))
    assert results == {3: 6, 5: 120, 7: 5040}
    assert len(ended(tmp_path)) == 1


@pytest.mark.filterwarnings("ignore")
def test_nobody_else_gets_in(tmp_path, monkeypatch):
    """Without an interface in jobqueue.yaml this machine alone, and there only who has the keys."""
    import psutil
    from distributed import Client

    monkeypatch.setenv("PATH", install(tmp_path / "bin", COMMANDS["slurm"]))
    monkeypatch.setenv("QUEUE", str(tmp_path))
    with _cluster("slurm") as cluster:
        address = cluster.scheduler_address
        listening = {
            line.laddr.ip
            for line in psutil.Process().net_connections("inet")
            if line.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        assert address.startswith("tls://127.0.0.1:")
        for tried in (address, address.replace("tls:", "tcp:")):
            with pytest.raises((OSError, TypeError, ValueError)):
                Client(tried, timeout="2s")
        with Client(address, security=cluster.security, timeout="5s") as client:
            assert client.status == "running"


def test_what_jobqueue_yaml_says_wins(monkeypatch):
    import dask.config

    theirs = {"interface": "lo", "scheduler-options": {"port": 8900, "dashboard": True}}
    with dask.config.set({"jobqueue.slurm": {**dask.config.get("jobqueue.slurm"), **theirs}}):
        options = _network("slurm")
    assert options["port"] == 8900
    assert options["dashboard"] is True
    assert "host" not in options


@pytest.mark.compiled
def test_a_refusal_of_the_batch_system_is_told(tmp_path):
    (tmp_path / "scan.toml").write_text(SCAN)
    refuse = 'echo "sbatch: error: invalid account" >&2; exit 1\n'
    path = install(tmp_path / "bin", {"sbatch": refuse, "scancel": CANCEL})
    done = scan(tmp_path, tmp_path / "out", "--dask-jobqueue", "slurm", path=path)
    assert done.returncode == 2
    assert "slurm refuses the job: sbatch: error: invalid account" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out" / "shards").glob("*"))


def test_a_machine_that_may_not_submit_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MutauError, match=r"jobs of slurm cannot be run .*sbatch"):
        list(batch_cluster("slurm", 1)(abs, [1]))


def test_the_printed_job_is_a_script_as_it_stands(tmp_path):
    (tmp_path / "scan.toml").write_text(SCAN)
    done = scan(tmp_path, tmp_path / "out", "--dask-jobqueue", "slurm", "--job-script")
    commands = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    (worker,) = commands  # not broken over lines
    assert "distributed.cli.dask_worker" in worker
    assert not (tmp_path / "out").exists()
    assert textwrap.dedent(done.stdout).startswith("#!")


def test_unknown_system():
    with pytest.raises(MutauError, match="batch system 'pbs' is unknown"):
        batch_script("pbs")
    with pytest.raises(MutauError, match="batch system 'pbs' is unknown"):
        batch_cluster("pbs", 1)
