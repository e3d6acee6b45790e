"""What a report must hold: every published number and curve of a caption, or a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mutau.bounds.cards import missing
from mutau.core.figure import Figure
from mutau.core.paper_numbers import paper_numbers
from mutau.report.captions import CaptionCurve, caption_curves, missing_reason
from mutau.report.cards import cards
from mutau.report.rows import Ours, Row, row_of

NOT_COMPUTED = "this version does not compute it"


@dataclass(frozen=True, slots=True)
class Absent:
    """A published number, or a curve of a published figure, that the report does not hold.

    id : of the number, "figure: curve" of what a caption names, or the name of a published curve.
    document, where : the paper, and the place in it. what, paper : what it is, and as printed.
    because : why it is not there, and what stands nearest.
    """

    id: str
    document: str
    what: str
    paper: str
    where: str
    because: str


def headings(papers: Iterable[str]) -> set[str]:
    """Published statements that only hold further entries together: those are the rows."""
    table = paper_numbers()
    groups = {item.group for item in table.values() if item.document in papers} - {""}
    return {name for name in groups if table[name].rule == "statement"}


def figure_rows(rows: Iterable[Row], figures: Iterable[Figure]) -> list[Row]:
    """A row for each published figure that is drawn and that has no row of its own.

    Says how many of the things that its caption names are drawn.
    """
    published, made = paper_numbers(), {row.id for row in rows}
    return [
        _figure_row(figure)
        for figure in figures
        if figure.id in published and published[figure.id].rule == "figure"
        and figure.id not in made
    ]  # fmt: skip


def with_what_is_not_drawn(figure: Figure) -> Figure:
    """The figure, saying what its published caption names and it does not show, with the reason."""
    named = [item for item in caption_curves() if item.figure == figure.id]
    left = {item.name: item.reason or NOT_COMPUTED for item in named if not item.is_drawn(figure)}
    return replace(figure, meta={**figure.meta, "not_drawn": left}) if left else figure


def _figure_row(figure: Figure) -> Row:
    named = [item for item in caption_curves() if item.figure == figure.id]
    drawn = [item for item in named if item.is_drawn(figure)]
    left = "; ".join(f"{item.name}: {item.reason}" for item in named if item not in drawn)
    row = row_of(cards()[figure.id], Ours())
    return replace(
        row, why=f"not drawn: {left}" if left else row.why, how=f"figure {figure.id}",
        ours=f"figure; drawn are {len(drawn)} of {len(named)} things that the caption names",
    )  # fmt: skip


def left_out_rows(left_out: Mapping[str, str]) -> tuple[Absent, ...]:
    """Rows that were asked for and that the level leaves out."""
    return tuple(
        Absent(id_, item.document, item.quantity, item.paper, item.where, because)
        for id_, because in left_out.items()
        for item in (cards()[id_].number,)
    )


def absent(
    papers: Sequence[str],
    rows: Iterable[Row],
    figures: Sequence[Figure],
    left_out: Mapping[str, str],
) -> tuple[Absent, ...]:
    """Everything of these papers that the report lacks, in the order of the papers.

    left_out : reasons for numbers that the level leaves out. Numbers first; then what captions
    name and no figure shows; then published curves without numbers, which are in no plot.
    """
    made, heads = {row.card for row in rows}, headings(papers)
    numbers = [
        Absent(item.id, item.document, item.quantity, item.paper, item.where,
               left_out.get(item.id, NOT_COMPUTED))
        for item in paper_numbers().values()
        if item.document in papers and item.id not in made | heads
    ]  # fmt: skip
    drawn = {figure.id: figure for figure in figures}
    left = [
        item for item in caption_curves()
        if item.document in papers and not _is_drawn(item, drawn)
    ]  # fmt: skip
    named = [
        Absent(f"{item.figure}: {item.name}", item.document, item.name, "in the caption",
               item.figure, item.reason or NOT_COMPUTED)
        for item in left
    ]  # fmt: skip
    known = {item.missing for item in left}
    curves = [
        Absent(item.name, paper, item.what, item.source, item.shown_in, missing_reason(item))
        for paper in papers
        for item in missing()
        if item.shown_in.split()[0] == paper and item.name not in known
    ]
    return (*numbers, *named, *curves)


def _is_drawn(item: CaptionCurve, figures: Mapping[str, Figure]) -> bool:
    return item.figure in figures and item.is_drawn(figures[item.figure])
