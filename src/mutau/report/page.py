"""The text of the report: one HTML page that needs nothing beside itself.

The markup is report.html.j2, whose values are escaped; what it shows is chosen here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from mutau.core.figure import Figure
from mutau.report.interactive import plane_document, plotly_script, source_texts
from mutau.report.palette import plain_label
from mutau.report.rows import Alternative
from mutau.report.statements import STATES, counted
from mutau.report.templates import page_environment

#: Nothing may be loaded from anywhere, whatever the page holds.
_POLICY: Final = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_MARKS: Final = {
    "agrees": "✓ agrees",
    "differs": "≠ differs",
    "undecided": "? undecided",
    "shown": "• shown",
    "input": "= input",
}
_MEANINGS: Final = {
    "agrees": "inside what is printed, or out of it by less than two of our standard errors, "
    "statistical and of the model; of a bound, with these errors",
    "differs": "outside; the reason is given",
    "undecided": "our errors, or a choice that the paper leaves open, allow both",
    "shown": "nothing printed to compare by number",
    "input": "put in, so no test",
}
#: heading, key of data-* by which the table is sorted ("" for none)
_COLUMNS: Final = (
    ("Quantity", "order"),
    ("Paper", ""),
    ("Ours", ""),
    ("Difference", "difference"),
    ("Verdict", "verdict"),
    ("Explanation, and how it was computed", ""),
    ("Time", "seconds"),
)


@dataclass(frozen=True, slots=True)
class Image:
    """A drawn figure. data : "data:image/...". width, height : pixels."""

    figure: Figure
    data: str
    width: int
    height: int


def page(result: Any, images: Sequence[Image], facts: Mapping[str, str], cited: Any) -> str:
    """The whole page.

    result : report.reproduction.Reproduction. images : its figures, the plane first if it has
    one. facts : name and text of what the last section lists. cited : analysis.citations.Citations.
    Raises MissingExtra without Jinja2.
    """
    from mutau.report.reproduction import PAPERS

    script = plotly_script() if result.plane else ""
    plane = [item for item in images if result.plane and item.figure is result.plane.figure]
    interactive = bool(script and plane)
    environment = page_environment()
    environment.filters |= _FILTERS | {"linked": linked}
    text = environment.get_template("report.html.j2").render(
        result=result, facts=facts, cited=cited.rows(),
        papers={name: PAPERS[name] for name in result.papers},
        plane=plane[0] if plane else None, interactive=interactive,
        drawing=plane_document(result.plane) if interactive else None,
        figures=[item for item in images if item not in plane],
        part=part_command(result), known=sorted(item.figure.id for item in images),
        tiles=_tiles(result, PAPERS), counted=counted(result.statements), states=STATES,
        menu=_menu(result, bool(plane), len(images) > len(plane)),
        marks=_MARKS, meanings=_MEANINGS, columns=_COLUMNS, policy=_POLICY,
        css=_asset("report.css"), script=_asset("report.js"), plotly=script,
    )  # fmt: skip
    return text + "\n"


def part_command(result: Any) -> str:
    """What computes this part of a report again; "" for a whole one."""
    if not result.only:
        return ""
    level = f" --{result.level.name}" if result.level.name in ("quick", "full") else ""
    return f"mutau reproduce --only {shlex.quote(','.join(result.only))}{level}"


def _asset(name: str) -> str:
    return files("mutau.report").joinpath(name).read_text(encoding="utf-8")


def _menu(result: Any, plane: bool, figures: bool) -> list[tuple[str, str]]:
    """Sections of the page: name and title."""
    return [
        ("summary", "Summary"),
        *([("plane", "Exclusion plane")] if plane else []),
        ("numbers", "Numbers"),
        *([("statements", "Statements")] if result.statements else []),
        *([("figures", "Figures")] if figures else []),
        ("computed", "How it was computed"),
        ("references", "References"),
    ]


def _tiles(result: Any, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """By paper: how many rows have each verdict, and how many numbers and curves are absent."""
    tiles = []
    for paper in result.papers:
        verdicts = [row.verdict for row in result.rows if row.document == paper]
        missing = sum(item.document == paper for item in result.absent)
        if verdicts or missing:
            counts = {key: verdicts.count(key) for key in _MARKS}
            tiles.append({"title": titles[paper], "counts": counts, "missing": missing})
    return tiles


def linked(text: str, known: Iterable[str]) -> Any:
    """A text, escaped, in which "figure ID" leads to the figure. known : ids on the page."""
    from markupsafe import Markup, escape

    shown = str(escape(text))
    for name in known:
        id_ = str(escape(name))
        shown = re.sub(
            rf"\bfigure {re.escape(id_)}(?![\w.]*\w)", f'<a href="#{id_}">figure {id_}</a>', shown
        )
    return Markup(shown)


def _verdicts(alternatives: Sequence[Alternative]) -> str:
    """How many choices have each verdict."""
    found = [item.verdict for item in alternatives]
    return ", ".join(f"{found.count(key)} {_MARKS[key][2:]}" for key in _MARKS if key in found)


def _described(figure: Figure) -> str:
    """What a figure shows, for whoever cannot see it."""
    curves = ", ".join(plain_label(item.label) for item in figure.series if item.label)
    return f"{plain_label(figure.y_label)} over {plain_label(figure.x_label)}. {curves}".strip()


def _published_curves(figure: Figure) -> list[tuple[str, str]]:
    """The curves of others in a figure with their publications."""
    return [
        (item.label, "; ".join(source_texts(item)) or item.note)
        for item in figure.series
        if item.role in ("published", "user", "preferred") and (item.note or source_texts(item))
    ]


_FILTERS: Final = {
    "verdicts": _verdicts,
    "described": _described,
    "published_curves": _published_curves,
}
