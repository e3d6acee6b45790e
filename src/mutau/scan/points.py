"""Computing a grid: shards of points, one machine or a Dask cluster, one table at the end."""

from __future__ import annotations

import csv
import dataclasses
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from mutau.core.errors import FileError, MutauError, OutOfRange
from mutau.core.storage import atomic_path, file_digest
from mutau.scan.executors import Executor, processes, serial
from mutau.scan.grid import MODEL_AXES, Grid, LogRange
from mutau.scan.pieces import program_stamp
from mutau.scan.shards import Progress, check_claim, flat, run_shards

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Points per shard: few enough that a kill loses little, many enough that files stay few.
SHARD = 8
#: Estimated seconds from which a scan asks for consent.
LONG = 3600.0
#: Values of an axis that a manifest shows; its digest holds all.
_SHOWN: Final = 12
#: Numbers of a point, by task.
_COLUMNS: Final = {
    "limit": ("coupling_upper_limit", "numerical_err"),
    "yields": ("signal", "signal_err"),
}


def _changed(base: Experiment, point: Mapping[str, Any]) -> Experiment:
    """The experiment with the values that a point gives it."""
    from mutau.experiment import replace

    start = "experiment/"
    changes = {k.removeprefix(start): v for k, v in point.items() if k.startswith(start)}
    return replace(base, changes) if changes else base


def _experiments(grid: Grid, base: Experiment) -> Iterator[Experiment]:
    """Every experiment of a grid, that of the first point first."""
    axes = tuple(axis for axis in grid.axes if axis[0].startswith("experiment/"))
    part = dataclasses.replace(grid, axes=axes)
    for index in range(len(part)):
        yield _changed(base, part.point(index))


def _check_masses(grid: Grid, experiment: Experiment) -> None:
    """Raise OutOfRange, with the reason, for a mass that the experiment's process does not take,
    MutauError for a model that it does not compute."""
    from mutau.signal.processes import check_kind, check_masses

    check_kind(experiment, grid.model)
    masses = dict(grid.axes)["mass"]
    if isinstance(masses, LogRange):
        masses = (masses.low, masses.high)
    check_masses(experiment, masses)


def _check_settings(grid: Grid) -> None:
    """Raise for a method or a value of an axis of the model that cannot be; other axes of the
    model stand at their first value."""
    from mutau.analysis.loop import refuse_visible
    from mutau.models import build_model
    from mutau.stats import METHODS

    if grid.method is not None:
        METHODS[grid.method]
    axes = {name: values for name, values in grid.axes if name in MODEL_AXES}
    first = {"coupling": 1e-3} | {name: values[0] for name, values in axes.items()}
    for name, values in axes.items():
        ends = (values.low, values.high) if isinstance(values, LogRange) else values
        for value in ends:
            point = build_model(grid.model, **first | {name: value})
            if grid.task == "limit":
                refuse_visible([point])


def compute_point(grid: Grid, base: Experiment, point: Mapping[str, Any]) -> dict[str, Any]:
    """Result of one point, as plain data; depends on nothing but the three arguments.

    A point whose calculation ends outside its validity has no number, and says why under "refused".
    base : the experiment of the grid, as its file has it.
    """
    try:
        return {**point, **_numbers(grid, _changed(base, point), point), "refused": ""}
    except OutOfRange as error:
        names = _COLUMNS[grid.task]
        return {**point, **dict.fromkeys(names), "refused": " ".join(str(error).split())}


def _numbers(grid: Grid, experiment: Experiment, point: Mapping[str, Any]) -> dict[str, Any]:
    """The columns `_COLUMNS` of one point. Raises as `limit_curve` or `expected_yields`."""
    from mutau.analysis.limit import limit_curve
    from mutau.analysis.settings import Settings
    from mutau.analysis.yields import expected_yields
    from mutau.models import Family

    sector = {key: point[key] for key in MODEL_AXES[2:] if key in point}
    family = Family(grid.model, **sector)
    if grid.task == "limit":
        line = limit_curve(
            experiment,
            [point["mass"]],
            family,
            settings=Settings(cl=grid.cl, method=grid.method, seed=grid.seed, n_events=grid.events),
        )
        limit = float(line.coupling[0])
        shown = limit if limit != float("inf") else None
        error = None if shown is None else float(line.numerical_err[0])
        values: tuple[float | None, ...] = (shown, error)
        return dict(zip(_COLUMNS["limit"], values, strict=True))
    model = family.at(point["mass"], point["coupling"])
    result = expected_yields(model, experiment, seed=grid.seed, n_events=grid.events)
    return dict(zip(_COLUMNS["yields"], (result.total, result.total_err), strict=True))


@dataclass(frozen=True, slots=True)
class _Shards:
    """Work for `run_shards`. document : of the grid's experiment. files : path -> digest of every
    file that a point may read, as they were when the scan began."""

    grid: Grid
    document: Mapping[str, Any]
    files: Mapping[str, str]

    def __call__(self, index: int) -> list[dict[str, Any]]:
        from mutau.experiment.loader import from_document

        base = from_document(self.document, self.grid.experiment)
        stop = min((index + 1) * SHARD, len(self.grid))
        rows = [
            _finite(compute_point(self.grid, base, self.grid.point(i)))
            for i in range(index * SHARD, stop)
        ]
        for path, before in self.files.items():
            if file_digest(path) != before:
                raise FileError(
                    f"{path!r} was changed while the scan ran, or cannot be read by a worker",
                    remedy="restore it and go on with --resume, or begin in another folder",
                )
        return rows


def _finite(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose settings may be infinite, as a cut that is open: as texts, for JSON."""
    return {
        key: str(value)
        if key.startswith("experiment/") and value in (math.inf, -math.inf)
        else value
        for key, value in row.items()
    }


def _files(grid: Grid, base: Experiment) -> dict[str, str]:
    """Digest of every file that a point may read, by path: named by the experiment, by an axis, or
    by the model."""
    from mutau.models.charges import PREFIX

    paths = [base.beam.phase_space, *(magnet.field_map for magnet in base.detector.magnet)]
    for name, values in grid.axes:
        if name.endswith(("/phase_space", "/field_map")):
            paths += values
    if grid.model.startswith(PREFIX):
        paths.append(grid.model.removeprefix(PREFIX))
    return {path: file_digest(path) for path in paths if isinstance(path, str)}


def _manifest(grid: Grid, base: Experiment, files: Mapping[str, str]) -> dict[str, Any]:
    """What the scan is, one line per setting, axis and value, so that a change can be named."""
    settings = ("name", "task", "experiment", "model", "seed", "events", "cl", "method")
    return {
        "kind": "scan",
        **program_stamp(),
        **{name: getattr(grid, name) for name in settings},
        **{f"grid/{name}": _brief(values) for name, values in grid.axes},
        "grid": grid.digest(),
        "points": len(grid),
        "experiment_digest": base.digest,
        **{f"file[{path}]": held for path, held in files.items()},
        **flat(base.to_dict(), "experiment"),
    }


def _brief(values: Sequence[Any]) -> str:
    long = not isinstance(values, LogRange) and len(values) > _SHOWN
    return f"{list(values[:_SHOWN])} and more" if long else repr(values)


@dataclass(frozen=True, slots=True)
class Duration:
    """Time a scan will take. seconds : on `workers` workers, from one point computed warm."""

    points: int
    seconds: float
    workers: int


def duration(grid: Grid, base: Experiment, workers: int) -> Duration:
    """Time the first point (twice: the first call may compile) and extrapolate."""
    compute_point(grid, base, grid.point(0))
    start = time.perf_counter()
    compute_point(grid, base, grid.point(0))
    seconds = (time.perf_counter() - start) * len(grid) / max(workers, 1)
    return Duration(len(grid), seconds, workers)


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
    an experiment or a model of the grid that cannot be, for a folder that holds another scan (the
    difference is shown; files count by what they hold), or if the scan would take above an hour
    without consent.
    """
    from mutau.experiment import load_experiment

    base = load_experiment(grid.experiment)
    _check_settings(grid)
    variants = _experiments(grid, base)
    _check_masses(grid, next(variants))
    files = _files(grid, base)
    manifest = _manifest(grid, base, files)
    check_claim(folder, manifest, resume)
    if not consent and len(grid) > SHARD:
        guess = duration(grid, base, workers)
        if guess.seconds > LONG:
            raise MutauError(
                f"{guess.points:.3g} points will take about {guess.seconds / 3600.0:.3g} hours on "
                f"{workers} workers",
                remedy="add --yes to run it anyway, or make the grid coarser",
            )
    for variant in variants:
        _check_masses(grid, variant)
    path = Path(folder) / "results.csv"
    with (
        run_shards(
            folder, manifest, -(-len(grid) // SHARD), _Shards(grid, base.to_dict(), files),
            executor=executor or (processes(workers) if workers > 1 else serial), resume=resume,
            progress=progress,
        ) as parts,
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8") as file,
    ):  # fmt: skip
        write_csv((row for part in parts for row in part), file)
    return path


def refused_points(table: Path) -> dict[str, int]:
    """Reasons for which points of a finished scan have no number, and how many each."""
    with table.open(encoding="utf-8", newline="") as file:
        return dict(Counter(row["refused"] for row in csv.DictReader(file) if row.get("refused")))


def grid_lacks(grid: Grid) -> dict[str, Any]:
    """What every point of the grid lacks (see `lacks`), of its experiment as the file has it."""
    from mutau.analysis.lacking import lacks
    from mutau.experiment import load_experiment

    return lacks(load_experiment(grid.experiment))


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def write_csv(rows: Iterable[Mapping[str, Any]], file: TextIO) -> None:
    """One line per point; units in the header; empty where nothing is excluded.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    table = csv.writer(file, lineterminator="\n")
    for rank, row in enumerate(rows):
        if rank == 0:
            table.writerow(f"{name}_GeV" if name == "mass" else name for name in row)
        table.writerow(map(_no_formula, row.values()))


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
