"""What a reproduction of a paper is made of: rows (published number beside ours) and figures.

A part of a paper is a registered task: a function of a `Level` that returns `Part`s. The level says
how much statistics to spend; errors are reported as they come out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mutau.core.errors import UnknownName
from mutau.core.figure import Figure
from mutau.core.registry import Registry
from mutau.core.types import Exclusion, provenance
from mutau.limits.paper_numbers import PaperNumber, paper_numbers

if TYPE_CHECKING:
    from mutau.pipeline.citations import Source
    from mutau.pipeline.plane import Plane

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
class Row:
    """One published number beside ours.

    id, quantity, paper : as in the list of published numbers. ours : text. value, err : the number
    behind it where there is one. verdict : "agrees", "differs" or "shown" (nothing to compare by
    number). why : explanation. how : how it was computed. seconds : time taken.
    document, where : the paper, and the place in it. allowed : what the printed number allows and
    by which rule.
    """

    id: str
    quantity: str
    paper: str
    ours: str
    value: float | None
    err: float | None
    difference: str
    verdict: str
    why: str
    how: str
    seconds: float = 0.0
    document: str = ""
    where: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one task returns. limits : those computed on the way, for the plane of the report."""

    rows: tuple[Row, ...] = ()
    figures: tuple[Figure, ...] = ()
    limits: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All rows and figures of the papers asked for, with provenance and timings.

    limits : every limit computed on the way. plane : those on L_mu - L_tau together, or None.
    absent : published numbers of these papers without a row: this version does not compute them.
    """

    papers: tuple[str, ...]
    level: Level
    rows: tuple[Row, ...]
    figures: tuple[Figure, ...]
    seconds: dict[str, float]
    meta: dict[str, Any]
    limits: tuple[Exclusion, ...] = ()
    plane: Plane | None = None
    absent: tuple[PaperNumber, ...] = ()


Task = Callable[[Level], Part]
#: Tasks by "paper/name"; the order of registration is the order of the report.
TASKS: Registry[Task] = Registry("reproduction task")
#: Modules that register tasks when imported, in the order of the report.
TASK_MODULES = (
    "mutau.papers.na64mu",
    "mutau.papers.na64mu_simulation",
    "mutau.papers.na64mu_backgrounds",
    "mutau.papers.na64mu_exposure",
    "mutau.papers.muone",
    "mutau.papers.muone_search",
    "mutau.papers.na64e",
    "mutau.papers.na64e_limits",
)


def compare(number: PaperNumber, value: float | None, err: float | None = None, *, ours: str = "",
            how: str = "", why: str = "") -> Row:  # fmt: skip
    """Row for one published number: agreement is judged by the paper's own range or error.

    value, err : ours, in the unit of the published number; None where a figure stands for it.
    A value agrees if it lies in the published range widened by two of our standard errors
    (`PaperNumber.verdict`).
    """
    percent = number.unit == "1" and "%" in number.paper
    text = ours or (_value_text(value, err, percent) if value is not None else "figure")
    verdict, difference = "shown", ""
    if value is not None:
        verdict = number.verdict(value, err or 0.0)
    if value is not None and number.value:
        # adding 0.0 turns a rounded -0.0 into 0.0
        difference = f"{round(100.0 * (value / number.value - 1.0), 1) + 0.0:+.1f} %"
    return Row(number.id, number.quantity, number.paper, text, value, err, difference, verdict,
               why or number.explanation, how)  # fmt: skip


def no_test(row: Row) -> Row:
    """A row whose published number went into the set-up: agreement would say nothing."""
    return replace(row, verdict="shown")


def _value_text(value: float, err: float | None, percent: bool) -> str:
    """As the paper writes it: in per cent where that does."""
    scale, unit = (100.0, " %") if percent else (1.0, "")
    error = f" ± {scale * err:.2g}" if err else ""
    return f"{scale * value:.4g}{error}{unit}"


def number(id_: str) -> PaperNumber:
    """The published number of that id. Raises UnknownName."""
    table = paper_numbers()
    if id_ not in table:
        raise UnknownName("published number", id_, table)
    return table[id_]


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
    """Compute every figure and number of the papers whose road exists.

    papers : names out of `PAPERS`. Raises UnknownName for another.
    """
    wanted = tuple(papers)
    for paper in wanted:
        paper_name(paper)
    for module in TASK_MODULES:
        import_module(module)
    names = [name for name in TASKS if name.split("/")[0] in wanted]
    rows, figures, seconds = list[Row](), list[Figure](), dict[str, float]()
    limits = list[Exclusion]()
    for done, name in enumerate(names):
        if progress:
            progress(done / len(names), name)
        start = time.perf_counter()
        part = TASKS[name](level)
        seconds[name] = time.perf_counter() - start
        rows += [_placed(row, seconds[name]) for row in part.rows]
        figures += part.figures
        limits += part.limits
    ids = [*(row.id for row in rows), *(figure.id for figure in figures)]
    return Reproduction(
        wanted, level, tuple(rows), tuple(figures), seconds, provenance(seed=level.seed),
        tuple(limits), _common_plane(limits), _absent(wanted, ids),
    )  # fmt: skip


def _placed(row: Row, seconds: float) -> Row:
    """The row with its time and with what the list of published numbers says about its id."""
    published = paper_numbers().get(row.id)
    if published is None:
        return replace(row, seconds=seconds)
    return replace(
        row, seconds=seconds, document=published.document, where=published.where,
        allowed=allowed_text(published),
    )  # fmt: skip


def allowed_text(published: PaperNumber) -> str:
    """What a published number allows: "0.15 to 0.35 (range)"; "" where nothing can be compared."""
    low, high = published.low, published.high
    unit = "" if published.unit == "1" else f" {published.unit}"
    if unit[1:2].isdigit():
        unit = f" ×{unit}"
    if low is None and high is None:
        return ""
    if low is None:
        span = f"up to {high:.4g}"
    elif high is None:
        span = f"from {low:.4g}"
    else:
        span = f"{low:.4g} to {high:.4g}" if low != high else f"{low:.4g}"
    return f"{span}{unit} ({published.rule})"


def _common_plane(limits: Sequence[Exclusion]) -> Plane | None:
    from mutau.pipeline.plane import chosen_curves, plane_of

    shared = [line for line in limits if line.model == "lmu-ltau"]
    if not shared:
        return None
    return plane_of(shared, chosen_curves(), title="Upper limits computed here, 2021 band of g−2")


def _absent(papers: Sequence[str], ids: Sequence[str]) -> tuple[PaperNumber, ...]:
    """Published numbers of these papers that no id stands for, itself or as a group."""
    table = paper_numbers()
    found = set(ids)
    found |= {table[name].group for name in found if name in table} - {""}
    return tuple(
        item for item in table.values()
        if item.document in papers and item.id not in found and item.group not in found
    )  # fmt: skip


def sources(result: Reproduction) -> Iterator[Source]:
    """What a report rests on: the papers' experiments, limits, figures, constants."""
    from mutau.experiment import load_experiment
    from mutau.pipeline.citations import of_constants, of_experiment, of_figure, of_plane

    for paper in result.papers:
        yield from of_experiment(load_experiment(paper))
    for figure in result.figures:
        yield from of_figure(figure)
    if result.plane:
        yield from of_plane(result.plane.limits, result.plane.figure, result.plane.year)
    yield from of_constants()
