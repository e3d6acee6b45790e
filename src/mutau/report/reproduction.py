"""A reproduction of papers: rows (published number beside ours) and figures, all or some.

A row is a card (`report.cards`) and a registered function of a `Run` (`report.runs`). The level
says how much statistics to spend; errors are reported as they come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mutau.core.errors import MutauError, UnknownName
from mutau.core.figure import Figure
from mutau.core.types import Exclusion, provenance
from mutau.report.cards import cards
from mutau.report.completeness import (
    Absent,
    absent,
    figure_rows,
    left_out_rows,
    with_what_is_not_drawn,
)
from mutau.report.rows import Row, row_of
from mutau.report.runs import FIGURES, ROWS, LeftOut, Level, Run
from mutau.report.statements import Statement, statements

if TYPE_CHECKING:
    from mutau.analysis.citations import Source
    from mutau.analysis.plane import Plane

PAPERS = {"na64mu": "NA64μ", "muone": "MUonE", "na64e": "NA64-e"}
#: How the ids of a paper's rows and figures begin.
PREFIXES = {"mu": "na64mu", "me": "muone", "ee": "na64e"}
LEVELS = {
    "quick": Level("quick", 20_000, 13),
    "default": Level("default", 200_000, 61),
    "full": Level("full", 2_000_000, 121),
}


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Rows and figures of the papers asked for, with provenance and timings.

    limits : every limit computed on the way. plane : those on L_mu - L_tau together, or None.
    absent : published numbers of these papers without a row, and curves of their figures that are
    not drawn, with the reason. statements : sentences of these papers, and what became of each.
    only : ids of rows and figures if it is a part; then absent holds these alone.
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
    statements: tuple[Statement, ...] = ()
    only: tuple[str, ...] = ()


#: Modules that register rows and figures when imported, in the order of the figures.
MODULES = (
    "mutau.report.setups",
    "mutau.report.na64mu",
    "mutau.report.na64mu_simulation",
    "mutau.report.na64mu_backgrounds",
    "mutau.report.na64mu_exposure",
    "mutau.report.na64mu_2022",
    "mutau.report.na64mu_sentences",
    "mutau.report.na64mu_secondary",
    "mutau.report.muone",
    "mutau.report.muone_search",
    "mutau.report.muone_sentences",
    "mutau.report.na64e",
    "mutau.report.na64e_limits",
    "mutau.report.na64e_relic",
    "mutau.report.na64e_programme",
    "mutau.report.na64e_sentences",
)


def paper_name(name: str) -> str:
    """The name, if it is that of a paper. Raises UnknownName."""
    if name not in PAPERS:
        remedy = f"for that level write --{name}" if name in ("quick", "full") else ""
        raise UnknownName("paper", name, PAPERS, remedy=remedy)
    return name


def paper_of(id_: str) -> str:
    """The paper to which the id of a row or figure belongs."""
    return PREFIXES[id_.partition(".")[0]]


def load_functions() -> None:
    """Import the modules that register the functions of rows and figures."""
    for module in MODULES:
        import_module(module)


def chosen(only: Iterable[str]) -> tuple[list[str], list[str]]:
    """Rows and figures that a list of ids asks for, in the order of the report.

    The id of a number stands for its variants too; that of a heading for the rows in its group; an
    id may be a row and a figure. Raises UnknownName for one that is neither, with the nearest.
    """
    load_functions()
    table = cards()
    wanted = set[str]()
    for id_ in dict.fromkeys(only):
        here = {
            name for name in ROWS
            if id_ == name or id_ == table[name].number.id
            or (id_ and id_ not in ROWS and id_ == table[name].number.group)
        } | ({id_} & set(FIGURES))  # fmt: skip
        if not here:
            known = {*ROWS, *FIGURES, *(item.number.group for item in table.values())} - {""}
            raise UnknownName("row or figure", id_, known, place="--only",
                              remedy="each stands under its quantity in report.html")  # fmt: skip
        wanted |= here
    return [name for name in table if name in wanted and name in ROWS], [
        name for name in FIGURES if name in wanted
    ]


def reproduce(
    papers: Iterable[str] = (),
    level: Level = LEVELS["default"],
    progress: Callable[[float, str], None] | None = None,
    only: Iterable[str] = (),
) -> Reproduction:
    """Compute the figures and numbers of the papers, or some of them.

    papers : names out of `PAPERS`, all by default. only : ids of rows and figures of any paper:
    what these need is computed and nothing else. Raises UnknownName for another paper or id,
    MutauError for both at once.
    """
    named, only = tuple(papers), tuple(dict.fromkeys(only))
    for paper in named:
        paper_name(paper)
    if only and named:
        raise MutauError("--only and a paper exclude each other",
                         remedy="an id says its paper: leave the paper out")  # fmt: skip
    wanted = named or tuple(PAPERS)
    if only:
        ids, names = chosen(only)
        wanted = tuple(p for p in PAPERS if p in {paper_of(id_) for id_ in (*ids, *names)})
    else:
        load_functions()
        ids = [id_ for id_ in cards() if id_ in ROWS and paper_of(id_) in wanted]
        names = [name for name in FIGURES if paper_of(name) in wanted]
    run = Run(level)
    rows, figures, left_out = _computed(run, ids, names, progress)
    # as the papers stand, whichever row asked first
    ours = [line for line in run.limits if line.experiment in PAPERS]
    limits = tuple(sorted(ours, key=lambda line: tuple(PAPERS).index(line.experiment)))
    lacks = absent(wanted, rows, figures, left_out) if not only else left_out_rows(left_out)
    said = statements(wanted, FIGURES, (*ids, *names) if only else ())
    return Reproduction(
        wanted, level, tuple(rows), tuple(figures), run.seconds, provenance(seed=level.seed),
        limits, _common_plane(limits), lacks, said, only,
    )  # fmt: skip


def _computed(
    run: Run, ids: Sequence[str], names: Sequence[str],
    progress: Callable[[float, str], None] | None,
) -> tuple[list[Row], list[Figure], dict[str, str]]:  # fmt: skip
    """Rows in the order of their cards, figures, and the reason for each row left out."""
    table, left_out = cards(), dict[str, str]()
    rows, figures, seconds = dict[str, Row](), list[Figure](), dict[str, float]()
    for done, id_ in enumerate((*ids, *names)):
        if progress:
            progress(done / len((*ids, *names)), id_)
        if done < len(ids):
            try:
                ours, time = run.make(f"row {id_}", ROWS[id_])
            except LeftOut as reason:
                left_out[id_] = str(reason)
                continue
            rows[id_] = replace(row_of(table[id_], ours, run.level.name), seconds=time)
        else:
            figure, seconds[id_] = run.make(f"figure {id_}", FIGURES[id_])
            figures.append(with_what_is_not_drawn(figure))
    for row in figure_rows(rows.values(), figures):
        rows[row.id] = replace(row, seconds=seconds[row.id])
    return [rows[id_] for id_ in table if id_ in rows], figures, left_out


def _common_plane(limits: Sequence[Exclusion]) -> Plane | None:
    from mutau.analysis.plane import Frame, chosen_curves, plane_of

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
