"""Computing a grid: shards of points, one machine or a Dask cluster, one table at the end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutau._version import __version__
from mutau.core.errors import MutauError
from mutau.core.storage import write_text
from mutau.scan.grid import Grid, LogRange
from mutau.scan.shards import Executor, Progress, processes, run_shards, serial

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Points per shard: few enough that a kill loses little, many enough that files stay few.
SHARD = 8
#: Estimated seconds from which a scan asks for consent.
LONG = 3600.0


def _experiments(grid: Grid) -> Iterator[Experiment]:
    """Every experiment of a grid, that of the first point first."""
    from mutau.experiment import load_experiment, replace

    base = load_experiment(grid.experiment)
    axes = {
        name.removeprefix("experiment/"): values
        for name, values in grid.axes
        if name.startswith("experiment/")
    }
    for values in itertools.product(*axes.values()):
        yield replace(base, dict(zip(axes, values, strict=True))) if axes else base


def _check_masses(grid: Grid, experiment: Experiment) -> None:
    """Raise OutOfRange, with the reason, for a mass that the experiment's road does not take."""
    from mutau.pipeline.roads import check_masses

    masses = dict(grid.axes)["mass"]
    if isinstance(masses, LogRange):
        masses = (masses.low, masses.high)
    check_masses(experiment, masses)


def _check_models(grid: Grid) -> None:
    """Raise for the first value of an axis that the model refuses, other axes at their first."""
    from mutau.models import build_model

    names = ("mass", "coupling", "alpha_d", "mass_ratio")
    axes = {name: values for name, values in grid.axes if name in names}
    first = {"coupling": 1e-3} | {name: values[0] for name, values in axes.items()}
    for name, values in axes.items():
        ends = (values.low, values.high) if isinstance(values, LogRange) else values
        for value in ends:
            build_model(grid.model, **first | {name: value})


def compute_point(grid: Grid, point: Mapping[str, Any]) -> dict[str, Any]:
    """Result of one point, as plain data; depends on nothing but the grid and the point."""
    from mutau.experiment import load_experiment, replace
    from mutau.models import build_model
    from mutau.pipeline.limit import limit_curve
    from mutau.pipeline.yields import expected_yields

    changes = {
        name.removeprefix("experiment/"): value
        for name, value in point.items()
        if name.startswith("experiment/")
    }
    experiment = load_experiment(grid.experiment)
    if changes:
        experiment = replace(experiment, changes)
    sector = {key: point[key] for key in ("alpha_d", "mass_ratio") if key in point}
    if grid.task == "limit":
        line = limit_curve(
            experiment, [point["mass"]], model=grid.model, cl=grid.cl, method=grid.method,
            seed=grid.seed, n_events=grid.events, **sector,
        )  # fmt: skip
        limit = float(line.coupling[0])
        return {
            **point,
            "coupling_upper_limit": limit if limit != float("inf") else None,
            "numerical_err": float(line.numerical_err[0]),
        }
    model = build_model(grid.model, point["mass"], point["coupling"], **sector)
    result = expected_yields(model, experiment, seed=grid.seed, n_events=grid.events)
    return {**point, "signal": result.total, "signal_err": result.total_err}


def _shard(grid: Grid, index: int) -> list[dict[str, Any]]:
    stop = min((index + 1) * SHARD, len(grid))
    return [compute_point(grid, grid.point(i)) for i in range(index * SHARD, stop)]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Time a scan will take. seconds : on `workers` workers, from one point computed warm."""

    points: int
    seconds: float
    workers: int


def estimate(grid: Grid, workers: int) -> Estimate:
    """Time the first point (twice: the first call may compile) and extrapolate."""
    compute_point(grid, grid.point(0))
    start = time.perf_counter()
    compute_point(grid, grid.point(0))
    seconds = (time.perf_counter() - start) * len(grid) / max(workers, 1)
    return Estimate(len(grid), seconds, workers)


def run_scan(
    grid: Grid,
    folder: str | Path,
    *,
    workers: int = 1,
    executor: Executor | None = None,
    resume: bool = False,
    consent: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Compute a grid into a folder and write `results.csv` there; returns its path.

    workers : processes of this machine, if no executor is given. consent : go on however long.
    The table is the same for any number of workers and however often the scan was resumed.
    Raises, before anything is computed, OutOfRange for a mass that is not taken and MutauError for
    an experiment or a model of the grid that cannot be, for a folder that holds another scan, or
    if the scan would take above an hour without consent.
    """
    from mutau.experiment import load_experiment

    digest = load_experiment(grid.experiment).digest
    _check_models(grid)
    variants = _experiments(grid)
    _check_masses(grid, next(variants))
    if not consent and len(grid) > SHARD:
        guess = estimate(grid, workers)
        if guess.seconds > LONG:
            raise MutauError(
                f"{guess.points:.3g} points will take about {guess.seconds / 3600.0:.3g} hours on "
                f"{workers} workers",
                remedy="add --yes to run it anyway, or make the grid coarser",
            )
    for variant in variants:
        _check_masses(grid, variant)
    manifest = {
        "kind": "scan",
        "name": grid.name,
        "grid": grid.digest(),
        "experiment": digest,
        "points": len(grid),
        "mutau_version": __version__,
        **_charges(grid.model),
    }
    n_shards = -(-len(grid) // SHARD)
    parts = run_shards(
        folder, manifest, n_shards, partial(_shard, grid), resume=resume, progress=progress,
        executor=executor or (processes(workers) if workers > 1 else serial),
    )  # fmt: skip
    rows = [row for part in parts for row in part]
    path = Path(folder) / "results.csv"
    write_text(path, to_csv(rows))
    return path


def _charges(model: str) -> dict[str, str]:
    """What a user's file of charges holds, for the manifest; nothing for a bundled model."""
    from mutau.core.storage import digest
    from mutau.models import load_charges
    from mutau.models.charges import PREFIX

    if not model.startswith(PREFIX):
        return {}
    return {"charges": digest(load_charges(model.removeprefix(PREFIX)).to_dict())}


def to_csv(rows: list[dict[str, Any]]) -> str:
    """One line per point; units in the header; empty where nothing is excluded."""
    head = [f"{name}_GeV" if name == "mass" else name for name in rows[0]]
    lines = [",".join(head)]
    lines += [",".join("" if v is None else repr(v) for v in row.values()) for row in rows]
    return "\n".join(lines) + "\n"
