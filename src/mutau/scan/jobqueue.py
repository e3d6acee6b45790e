"""Dask workers as batch jobs of SLURM or HTCondor, through dask-jobqueue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mutau.core.errors import MissingExtra, UnknownName
from mutau.scan.shards import Executor, Work, dask_cluster

SYSTEMS: Final = {"slurm": "SLURMCluster", "htcondor": "HTCondorCluster"}
#: One worker process per job, as kernels use one core; dask-jobqueue's own configuration file
#: (jobqueue.yaml) adds queue, account and the like.
JOB: Final[dict[str, Any]] = {"cores": 1, "processes": 1, "memory": "4GB"}


def _cluster(system: str) -> Any:
    if system not in SYSTEMS:
        raise UnknownName("batch system", system, SYSTEMS)
    try:
        import dask_jobqueue
    except ImportError as error:
        raise MissingExtra("batch jobs", "dask") from error
    further = {"disk": "2GB"} if system == "htcondor" else {"walltime": "04:00:00"}
    return getattr(dask_jobqueue, SYSTEMS[system])(**JOB, **further)


def batch_script(system: str) -> str:
    """The job that one worker would be. Raises UnknownName, MissingExtra."""
    with _cluster(system) as cluster:
        return str(cluster.job_script())


def batch_cluster(system: str, workers: int) -> Executor:
    """Pieces on `workers` batch jobs, which live as long as the scan. Raises as `batch_script`."""

    def run(work: Work, indices: list[int]) -> Iterator[tuple[int, Any]]:
        with _cluster(system) as cluster:
            cluster.scale(jobs=workers)
            yield from dask_cluster(cluster.scheduler_address)(work, indices)

    return run
