"""Verbs for many points or many events: scan."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar


def scan(
    file: Annotated[str, typer.Argument(help="A scan file (TOML).")],
    out: o.Output,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on in a folder begun before.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes of this machine.")] = (
        os.cpu_count() or 1
    ),
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    dask_jobqueue: Annotated[
        str | None, typer.Option(help="slurm or htcondor: submit Dask workers as batch jobs.")
    ] = None,
    job_script: Annotated[
        bool, typer.Option("--job-script", help="Only print the batch job of one worker.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Run however long it takes.")] = False,
    json: o.Json = False,
) -> None:
    """A grid of limits or yields, sharded; killed at any time, it goes on with --resume."""
    from mutau.core.errors import MutauError
    from mutau.scan.grid import load_grid
    from mutau.scan.points import run_scan
    from mutau.scan.shards import dask_cluster

    if dask and dask_jobqueue:
        raise MutauError("--dask and --dask-jobqueue exclude each other")
    grid = load_grid(file)
    settings: dict[str, Any] = {"workers": workers}
    if dask_jobqueue:
        from mutau.scan.jobqueue import batch_cluster, batch_script

        if job_script:
            emit({"job_script": batch_script(dask_jobqueue)}, json)
            return
        settings["executor"] = batch_cluster(dask_jobqueue, workers)
    elif dask:
        settings["executor"] = dask_cluster(dask)
    with progress_bar(f"scan {grid.name}", quiet=json) as progress:
        table = run_scan(grid, Path(out), resume=resume, consent=yes, progress=progress, **settings)
    emit({"table": str(table), "points": len(grid), "grid_digest": grid.digest()}, json)


VERBS: tuple[Callable[..., None], ...] = (scan,)
