"""Verbs for many points or many events: scan, simulate."""

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
    out: o.Folder,
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
    wait: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            metavar="SECONDS",
            help="Give up after so long without a Dask worker (600; with batch jobs 86400).",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Run however long it takes.")] = False,
    json: o.Json = False,
) -> None:
    """A grid of limits or yields. Killed at any time, it goes on with --resume."""
    from mutau.core.errors import MutauError
    from mutau.scan.executors import dask_cluster
    from mutau.scan.grid import load_grid
    from mutau.scan.points import grid_lacks, refused_points, run_scan

    if dask and dask_jobqueue:
        raise MutauError("--dask and --dask-jobqueue exclude each other")
    if wait is not None and not (dask or dask_jobqueue):
        raise MutauError("--wait is for Dask workers", remedy="give --dask or --dask-jobqueue too")
    grid = load_grid(file)
    settings: dict[str, Any] = {"workers": workers}
    patience = {} if wait is None else {"wait": wait}
    if dask_jobqueue:
        from mutau.scan.jobqueue import batch_cluster, batch_script

        if job_script:
            text = batch_script(dask_jobqueue)
            if json:
                emit({"job_script": text}, json)
            else:
                typer.echo(text)  # as it is: a table would break its lines
            return
        settings["executor"] = batch_cluster(dask_jobqueue, workers, **patience)
    elif dask:
        settings["executor"] = dask_cluster(dask, **patience)
    with progress_bar(f"scan {grid.name}", quiet=json) as progress:
        table = run_scan(grid, Path(out), resume=resume, consent=yes, progress=progress, **settings)
    result: dict[str, Any] = {"table": str(table), "points": len(grid)}
    refused = refused_points(table)
    if refused:
        result["refused"] = [{"points": n, "reason": reason} for reason, n in refused.items()]
        result["warnings"] = [f"{n} points without a number: {text}" for text, n in refused.items()]
    emit({**result, "grid_digest": grid.digest(), **grid_lacks(grid)}, json)


def simulate(
    experiment: o.Experiment,
    out: o.Folder,
    n: Annotated[
        int,
        typer.Option(
            "-n", parser=o.whole_number(1), metavar="N", help="Beam particles: 1000 or 1e7."
        ),
    ] = 100_000,
    mass: Annotated[
        str | None,
        typer.Option(help="Z' mass in GeV, or 100MeV; then every beam particle emits one."),
    ] = None,
    keep: Annotated[str, typer.Option(help="Events to write: all, beam or trigger.")] = "all",
    columns: Annotated[str, typer.Option(help="summary or full.")] = "full",
    no_events: Annotated[
        bool, typer.Option("--no-events", help="Count only; write no events.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on in a folder begun before.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes of this machine.")] = (
        os.cpu_count() or 1
    ),
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Beam particles or signal through the whole set-up. To Parquet; killed, it goes on."""
    from mutau.experiment import load_experiment
    from mutau.scan.results import simulation_to_dict
    from mutau.scan.simulate import SimulationRun, run_simulation

    item = load_experiment(experiment)
    run = SimulationRun(
        experiment=item.to_dict(), name=item.name, n=n, seed=seed,
        mass=o.energy("--mass", mass) if mass else None, keep=keep, columns=columns,
        tables=not no_events,
    )  # fmt: skip
    with progress_bar(f"simulate {item.name}", quiet=json) as progress:
        result = run_simulation(run, out, workers=workers, resume=resume, progress=progress)
    emit(simulation_to_dict(run, result), json)


VERBS: tuple[Callable[..., None], ...] = (scan, simulate)
