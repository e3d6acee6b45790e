"""What a reproduction of a paper is made of: rows (published number beside ours) and figures.

A part of a paper is a registered task: a function of a `Level` that returns `Part`s. The level says
how much statistics to spend; errors are reported as they come out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mutau.analysis.plane import Frame
from mutau.core.errors import UnknownName
from mutau.core.figure import Figure
from mutau.core.paper_numbers import paper_numbers
from mutau.core.registry import Registry
from mutau.core.types import Exclusion, provenance
from mutau.report.completeness import Absent, absent, figure_rows
from mutau.report.rows import Row, allowed_text

if TYPE_CHECKING:
    from mutau.analysis.citations import Source
    from mutau.analysis.plane import Plane

PAPERS = {"na64mu": "NA64μ", "muone": "MUonE", "na64e": "NA64-e"}


@dataclass(frozen=True, slots=True)
class Level:
    """How much to compute.

    name : "quick", "default" or "full". events : Monte Carlo events per point.
    points : points per curve. seed : fixes every random number.
    """

    name: str
    events: int
    points: int
    seed: int = 1


LEVELS = {
    "quick": Level("quick", 20_000, 13),
    "default": Level("default", 200_000, 61),
    "full": Level("full", 2_000_000, 121),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one task returns.

    limits : those computed on the way, for the plane of the report. left_out : ids of rows that
    this level does not compute, with the reason.
    """

    rows: tuple[Row, ...] = ()
    figures: tuple[Figure, ...] = ()
    limits: tuple[Exclusion, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All rows and figures of the papers asked for, with provenance and timings.

    limits : every limit computed on the way. plane : those on L_mu - L_tau together, or None.
    absent : published numbers of these papers without a row, and curves of their figures that are
    not drawn, with the reason.
    """

    papers: tuple[str, ...]
    level: Level
    rows: tuple[Row, ...]
    figures: tuple[Figure, ...]
    seconds: dict[str, float]
    meta: dict[str, Any]
    limits: tuple[Exclusion, ...] = ()
    plane: Plane | None = None
    absent: tuple[Absent, ...] = ()


Task = Callable[[Level], Part]
#: Tasks by "paper/name"; the order of registration is the order of the report.
TASKS: Registry[Task] = Registry("reproduction task")
#: Modules that register tasks when imported, in the order of the report.
TASK_MODULES = (
    "mutau.report.na64mu",
    "mutau.report.na64mu_simulation",
    "mutau.report.na64mu_backgrounds",
    "mutau.report.na64mu_exposure",
    "mutau.report.muone",
    "mutau.report.muone_search",
    "mutau.report.na64e",
    "mutau.report.na64e_limits",
)


def paper_name(name: str) -> str:
    """The name, if it is that of a paper. Raises UnknownName."""
    if name not in PAPERS:
        remedy = f"for that level write --{name}" if name in ("quick", "full") else ""
        raise UnknownName("paper", name, PAPERS, remedy=remedy)
    return name


def reproduce(
    papers: Iterable[str] = tuple(PAPERS),
    level: Level = LEVELS["default"],
    progress: Callable[[float, str], None] | None = None,
) -> Reproduction:
    """Compute every figure and number of the papers whose process exists.

    papers : names out of `PAPERS`. Raises UnknownName for another.
    """
    wanted = tuple(papers)
    for paper in wanted:
        paper_name(paper)
    for module in TASK_MODULES:
        import_module(module)
    names = [name for name in TASKS if name.split("/")[0] in wanted]
    rows, figures, seconds = list[Row](), list[Figure](), dict[str, float]()
    limits, left_out = list[Exclusion](), dict[str, str]()
    for done, name in enumerate(names):
        if progress:
            progress(done / len(names), name)
        start = time.perf_counter()
        part = TASKS[name](level)
        seconds[name] = time.perf_counter() - start
        document = name.split("/")[0]
        # rows of a figure's card stand with the task that draws it
        made = [*part.rows, *figure_rows(document, part.rows, part.figures)]
        rows += [_placed(row, document, seconds[name]) for row in made]
        figures += part.figures
        limits += part.limits
        left_out |= part.left_out
    return Reproduction(
        wanted, level, tuple(rows), tuple(figures), seconds, provenance(seed=level.seed),
        tuple(limits), _common_plane(limits), absent(wanted, rows, figures, left_out),
    )  # fmt: skip


def _placed(row: Row, document: str, seconds: float) -> Row:
    """The row with its paper, its time, and what the list of published numbers says of its card."""
    row = replace(row, document=document, seconds=seconds)
    published = paper_numbers().get(row.card)
    if published is None:
        return row
    return replace(row, where=published.where, allowed=allowed_text(published))


def _common_plane(limits: Sequence[Exclusion]) -> Plane | None:
    from mutau.analysis.plane import chosen_curves, plane_of

    shared = [line for line in limits if line.model == "lmu-ltau"]
    if not shared:
        return None
    return plane_of(
        shared, chosen_curves(), frame=Frame(title="Upper limits computed here, 2021 band of g−2")
    )


def sources(result: Reproduction) -> Iterator[Source]:
    """What a report rests on: the papers' experiments, limits, figures, constants."""
    from mutau.analysis.citations import of_constants, of_experiment, of_figure, of_plane
    from mutau.experiment import load_experiment

    for paper in result.papers:
        yield from of_experiment(load_experiment(paper))
    for figure in result.figures:
        yield from of_figure(figure)
    if result.plane:
        yield from of_plane(result.plane.limits, result.plane.figure, result.plane.year)
    yield from of_constants()
