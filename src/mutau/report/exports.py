"""Results for other programs: tables for HEPData, HistFactory workspaces for pyhf, CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mutau.analysis.results import Result, limit_name, slug
from mutau.background.registry import NOT_COMPUTED
from mutau.core.errors import MutauError
from mutau.core.figure import Figure, Series
from mutau.core.registry import Registry
from mutau.core.storage import staged, write_text
from mutau.core.types import Exclusion, Yields
from mutau.models import Model
from mutau.signal.not_computed import in_words

#: Name of a format -> function of (results, empty folder) that writes files, returns their paths.
EXPORTS: Registry[Callable[[Sequence[Result], Path], list[Path]]] = Registry(
    "export format", remedy="for example 'mutau export hepdata results -o hepdata'"
)


def point_yields(experiments: Iterable[str], point: Model, *, seed: int = 1) -> list[Result]:
    """Expected yields of one model point in several experiments, as `expected_yields` gives them.

    experiments : names or paths. Raises what the process raises.
    """
    from mutau.analysis.yields import expected_yields
    from mutau.experiment import load_experiment

    return [expected_yields(point, load_experiment(name), seed=seed) for name in experiments]


def export(kind: str, results: Sequence[Result], folder: str | Path) -> list[Path]:
    """Write results into a folder in one of the formats; returns the paths of the files.

    kind : a name in EXPORTS. The folder is made if it is not there. All files are written, or none.
    Raises UnknownName for a format, MutauError for results that it cannot hold, FileError.
    """
    write = EXPORTS[kind]
    if not results:
        raise MutauError("nothing to export", remedy="name a result")
    with staged(folder) as stage:
        paths = write(results, stage)
        twice = sorted({path.name for path in paths if paths.count(path) > 1})
        if twice:
            raise MutauError(
                f"two of the results would take the name {twice[0]!r}",
                remedy="export them into folders of their own",
            )
    return [Path(folder) / path.relative_to(stage) for path in paths]


@EXPORTS.register("csv")
def to_csv(results: Sequence[Result], folder: Path) -> list[Path]:
    """CSV: a limit as a curve that `mutau plane --user` reads back, with its errors in a second
    file; a figure as a folder with one file per series. Numbers are written to the last digit."""
    paths = []
    for result in results:
        if isinstance(result, Exclusion):
            paths += _limit_csv(result, folder)
        elif isinstance(result, Figure):
            paths += _figure_csv(result, folder)
        else:
            raise _wrong("csv", result, "a limit or figures")
    return paths


def _wrong(kind: str, result: Result, allowed: str) -> MutauError:
    return MutauError(f"{type(result).__name__.lower()} cannot become {kind}", allowed=allowed)


def _limit_csv(line: Exclusion, folder: Path) -> list[Path]:
    """Masses where nothing is excluded are left out."""
    seen = np.isfinite(line.coupling)
    if seen.sum() < 2:
        raise MutauError(
            f"the limit of {line.experiment} has {seen.sum()} points",
            allowed="at least two masses where something is excluded",
        )
    name = limit_name(line)
    head = [
        f"# title: {line.experiment} (mutau {line.meta.get('mutau_version', '')})",
        f"# cl: {line.cl!r}", f"# model: {line.model}", "# excludes: above",
        f"# method: {line.method}",
        *(f"# {key}: {_as_text(key, value)}" for key, value in line.meta.items() if key != "model"),
    ]  # fmt: skip
    columns = {"mass_GeV": line.mass, "coupling": line.coupling}
    path, errors = folder / f"{name}.csv", folder / f"{name}-errors.csv"
    write_text(path, _table(head, {k: v[seen] for k, v in columns.items()}))
    columns["numerical_err"] = line.numerical_err
    write_text(errors, _table(head, {k: v[seen] for k, v in columns.items()}))
    return [path, errors]


def _as_text(key: str, value: Any) -> Any:
    """A value of a limit's `meta` as the head of a CSV file has it."""
    if key != NOT_COMPUTED:
        return value
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {', '.join(in_words(rows))}" for name, rows in value.items())
    return ", ".join(in_words(value))


def _figure_csv(figure: Figure, folder: Path) -> list[Path]:
    inside = folder / slug(figure.id)
    inside.mkdir(exist_ok=True)
    paths = []
    for rank, item in enumerate(figure.series, 1):
        head = [
            f"# figure: {figure.id}: {figure.title}", f"# series: {item.label}",
            f"# x: {figure.x_label}", f"# y: {figure.y_label}",
            *([f"# z: {figure.z_label}"] if item.z is not None else []),
            f"# kind: {item.kind}", f"# role: {item.role}", f"# note: {item.note}",
            *(f"# {key}: {value}" for key, value in item.meta.items()),
        ]  # fmt: skip
        path = inside / f"{rank:02d}-{slug(item.label)}.csv"
        write_text(path, _table(head, _columns(item)))
        paths.append(path)
    return paths


def _columns(item: Series) -> dict[str, np.ndarray]:
    if item.z is not None:
        low_y, low_x = np.meshgrid(item.y[:-1], item.x[:-1], indexing="ij")
        high_y, high_x = np.meshgrid(item.y[1:], item.x[1:], indexing="ij")
        grids = {"x_low": low_x, "x_high": high_x, "y_low": low_y, "y_high": high_y, "z": item.z}
        return {name: np.asarray(grid).ravel() for name, grid in grids.items()}
    if item.kind == "steps":
        columns = {"x_low": item.x[:-1], "x_high": item.x[1:], "y": item.y}
    else:
        columns = {"x": item.x, "y": item.y}
    more = {"y2": item.y2, "err": item.err}
    return columns | {name: column for name, column in more.items() if column is not None}


def _table(head: Sequence[str], columns: dict[str, np.ndarray]) -> str:
    lines = [" ".join(line.split()) for line in head] + [",".join(columns)]
    rows = zip(*(np.asarray(column, float).tolist() for column in columns.values()), strict=True)
    lines += [",".join(repr(value) for value in row) for row in rows]
    return "\n".join(lines) + "\n"


@EXPORTS.register("pyhf")
def to_pyhf(results: Sequence[Result], folder: Path) -> list[Path]:
    """A HistFactory workspace per model point, with our limit and an example; of several points of
    one experiment also a patch set: `workspaces`."""
    from mutau.report.workspaces import write_patch_set, write_workspace

    paths = []
    points = [result for result in results if isinstance(result, Yields)]
    for name in dict.fromkeys(result.experiment for result in points):
        group = [result for result in points if result.experiment == name]
        paths += write_patch_set(group, folder, slug(name)) if len(group) > 1 else []
    for result in results:
        if not isinstance(result, Yields):
            raise _wrong(
                "a workspace", result, "yields: an experiment with --mass and --coupling, or a file"
            )
        name = f"{slug(result.experiment)}-{result.mass:g}-{result.coupling:g}"
        paths += write_workspace(result, folder, name)
    return paths


@EXPORTS.register("hepdata")
def to_hepdata(results: Sequence[Result], folder: Path) -> list[Path]:
    """YAML as HEPData takes it: see `report.hepdata`."""
    from mutau.report.hepdata import write_submission

    return write_submission(results, folder)
