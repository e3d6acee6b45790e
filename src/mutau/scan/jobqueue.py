"""Dask workers as batch jobs of SLURM or HTCondor, through dask-jobqueue."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import MissingExtra, MutauError, UnknownName
from mutau.core.storage import private_cache_dir
from mutau.scan.executors import Executor, Finished, Work, dask_cluster

SYSTEMS: Final = {"slurm": "SLURMCluster", "htcondor": "HTCondorCluster"}
#: One worker process per job, as kernels use one core; dask-jobqueue's own configuration file
#: (jobqueue.yaml) adds queue, account and the like.
JOB: Final[dict[str, Any]] = {"cores": 1, "processes": 1, "memory": "4GB"}


@contextlib.contextmanager
def _cluster(system: str, outcome: _Outcome | None = None) -> Iterator[Any]:
    """The scheduler of a run and its jobs, which end with it."""
    if system not in SYSTEMS:
        raise UnknownName("batch system", system, SYSTEMS)
    try:
        import dask_jobqueue
    except ImportError as error:
        raise MissingExtra("batch jobs", "dask") from error
    further: dict[str, Any] = {"walltime": "04:00:00"}
    if system == "htcondor":
        further = {"disk": "2GB"}
    kind = getattr(dask_jobqueue, SYSTEMS[system])
    if outcome is not None:
        further["job_cls"] = _reporting(kind.job_cls, outcome)
    with (
        _security(system) as security,
        kind(**JOB, **further, scheduler_options=_network(system), security=security) as cluster,
    ):
        yield cluster


def _network(system: str) -> dict[str, Any]:
    """Where the scheduler listens: without an `interface` in jobqueue.yaml on this machine alone,
    and without a dashboard unless `scheduler-options` there asks for one."""
    config: Any = import_module("dask.config")
    set_there = config.get(f"jobqueue.{system}.scheduler-options", None) or {}
    ours: dict[str, Any] = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    interface = config.get(f"jobqueue.{system}.interface", None)
    if interface is None and not {"host", "interface"} & set(set_there):
        ours["host"] = "127.0.0.1"
    return {**ours, "protocol": "tls://", **set_there}


@contextlib.contextmanager
def _security(system: str) -> Iterator[Any]:
    """Who may reach the scheduler: whoever can hands code to us and to the workers.

    The certificates of Dask's configuration; without any, one made for this run, which the jobs
    read from a folder of the user's own (the cache folder, or jobqueue.yaml's
    `shared-temp-directory`) that goes with the run.
    """
    kind: Any = import_module("distributed.security").Security
    given = kind()
    if given.tls_ca_file:
        yield given
        return
    try:
        made = kind.temporary()
    except ImportError as error:
        raise MissingExtra("encrypted connections to batch jobs", "dask") from error
    config: Any = import_module("dask.config")
    shared = config.get(f"jobqueue.{system}.shared-temp-directory", None)
    parent = Path(shared).expanduser() if shared else private_cache_dir()
    with tempfile.TemporaryDirectory(prefix="tls-", dir=parent) as folder:
        cert, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
        cert.write_text(made.tls_worker_cert)
        key.write_text(made.tls_worker_key)
        roles = ("client", "scheduler", "worker")
        yield kind(
            require_encryption=True,
            tls_ca_file=str(cert),
            **{f"tls_{role}_cert": str(cert) for role in roles},
            **{f"tls_{role}_key": str(key) for role in roles},
        )


def batch_script(system: str) -> str:
    """The job that one worker would be. Raises UnknownName, MissingExtra."""
    with _cluster(system) as cluster:
        return str(cluster.job_script())


class _Outcome:
    """How handing in a number of jobs went; filled by Dask's thread, awaited by ours."""

    def __init__(self, jobs: int) -> None:
        self._left, self._lock, self._all = jobs, threading.Lock(), threading.Event()
        self.errors: list[Exception] = []

    def add(self, error: Exception | None) -> None:
        """One job was handed in, or refused."""
        with self._lock:
            self._left -= 1
            if error is not None:
                self.errors.append(error)
            if self._left <= 0:
                self._all.set()

    def wait(self) -> None:
        """Until all were tried."""
        self._all.wait()


def _reporting(base: Any, outcome: _Outcome) -> Any:
    """The class of jobs, which reports to `outcome` whether the batch system took each.

    Dask logs a refusal and goes on without the worker, so a scan would wait for ever. A refused
    job counts as started here, so that the cluster can be closed in order.
    """
    status: Any = import_module("distributed.core").Status

    class Job(base):
        async def start(self) -> None:
            try:
                await super().start()
            except (OSError, RuntimeError, ValueError) as error:
                self.status = status.running
                outcome.add(error)
            else:
                outcome.add(None)

        async def close(self) -> None:
            if self.job_id is not None:
                await super().close()
            self.status = status.closed

    return Job


def _refusal(system: str, error: Exception) -> MutauError:
    if isinstance(error, OSError):
        return MutauError(
            f"the command that hands in jobs of {system} cannot be run ({error})",
            place="--dask-jobqueue",
            remedy="run this on a machine that may submit jobs, or use --workers or --dask",
        )
    said = str(error).partition("stderr:")[2].strip() or str(error)
    return MutauError(
        f"{system} refuses the job: {said}",
        place="--dask-jobqueue",
        remedy="dask-jobqueue's jobqueue.yaml sets queue, account and limits; --job-script "
        "shows the job",
    )


def batch_cluster(system: str, workers: int, *, wait: float = 86400.0) -> Executor:
    """Pieces on `workers` batch jobs, which live as long as the scan.

    The jobs may wait in the queue, for `wait` seconds without any of them running; pieces begin
    with the first that runs. What a job held that ends early is computed by the others.
    Raises as `batch_script`, and MutauError where the batch system refuses a job.
    """
    if system not in SYSTEMS:
        raise UnknownName("batch system", system, SYSTEMS)

    def run(work: Work, indices: list[int]) -> Finished:
        if not indices:
            return
        jobs = min(workers, len(indices))
        outcome = _Outcome(jobs)
        with _cluster(system, outcome) as cluster:
            cluster.scale(jobs=jobs)
            outcome.wait()
            if outcome.errors:
                raise _refusal(system, outcome.errors[0]) from outcome.errors[0]
            connect = dask_cluster(cluster.scheduler_address, wait=wait, security=cluster.security)
            yield from connect(work, indices)

    return run
