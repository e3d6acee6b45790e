"""Dask workers as batch jobs of SLURM or HTCondor, through dask-jobqueue."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any, Final

from mutau.core.errors import MissingExtra, MutauError, UnknownName
from mutau.scan.executors import Executor, Finished, Work, dask_cluster

SYSTEMS: Final = {"slurm": "SLURMCluster", "htcondor": "HTCondorCluster"}
#: One worker process per job, as kernels use one core; dask-jobqueue's own configuration file
#: (jobqueue.yaml) adds queue, account and the like.
JOB: Final[dict[str, Any]] = {"cores": 1, "processes": 1, "memory": "4GB"}


def _cluster(system: str, outcome: _Outcome | None = None) -> Any:
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
        further["job_cls"] = _told(kind.job_cls, outcome)
    return kind(**JOB, **further)


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


def _told(base: Any, outcome: _Outcome) -> Any:
    """The class of jobs, telling whether the batch system took each.

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


def batch_cluster(system: str, workers: int) -> Executor:
    """Pieces on `workers` batch jobs, which live as long as the scan.

    The jobs may wait in the queue; pieces begin with the first that runs. What a job held that
    ends early is computed by the others.
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
            yield from dask_cluster(cluster.scheduler_address)(work, indices)

    return run
