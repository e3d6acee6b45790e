"""The text of the report: one HTML page that needs nothing beside itself."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from mutau.core.figure import Figure
from mutau.report.interactive import plane_document, plotly_script, source_texts
from mutau.report.palette import html_label, plain_label

#: Nothing may be loaded from anywhere, whatever the page holds.
_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_MARKS = {
    "agrees": "✓ agrees",
    "differs": "≠ differs",
    "undecided": "? undecided",
    "shown": "• shown",
    "input": "= input",
}
_MEANINGS = {
    "agrees": "inside what is printed, or out of it by less than two of our standard errors, "
    "statistical and of the model; of a bound, with these errors",
    "differs": "outside; the reason is given",
    "undecided": "our errors, or a choice that the paper leaves open, allow both",
    "shown": "nothing printed to compare by number",
    "input": "put in, so no test",
}
#: heading, key of data-*, whether the first click on the heading is needed at all
_COLUMNS = (
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


def text_of(value: object) -> str:
    """Any value as escaped text, safe inside elements and quoted attributes."""
    return html.escape(str(value), quote=True)


def page(result: Any, images: Sequence[Image], facts: Mapping[str, str], cited: Any) -> str:
    """The whole page.

    result : report.reproduction.Reproduction. images : its figures, the plane first if it has
    one. facts : name and text of what the last section lists. cited : analysis.citations.Citations.
    """
    script = plotly_script() if result.plane else ""
    plane = [item for item in images if result.plane and item.figure is result.plane.figure]
    others = [item for item in images if item not in plane]
    known = {item.figure.id for item in images}
    parts = [
        _summary(result),
        *(_plane(result, item, bool(script)) for item in plane),
        _numbers(result, known),
        _figures(others),
        _computed(result, facts),
        _references(cited),
    ]
    links = re.findall(r"<section id=(\w+)><h2>(.*?)</h2>", "".join(parts))
    menu = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in links)
    papers = ", ".join(_paper_names(result).values())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mutau: published numbers beside ours ({text_of(papers)})</title>
<link rel="icon" href="data:,"><style>{_asset("report.css")}</style></head><body>
<a class="skip" href="#numbers">Skip to the numbers</a>
<header><h1>Published numbers beside ours</h1>
<p class="soft">{text_of(papers)}; level {text_of(result.level.name)}, seed {result.level.seed},
mutau {text_of(result.meta["mutau_version"])}.</p>
<nav aria-label="Sections"><ul>{menu}</ul></nav></header>
<main>{"".join(parts)}</main>
<footer>Written by mutau. The same numbers are in <code>numbers.json</code>, the figures in
<code>figures.json</code> and as pictures, the limits in <code>limits/</code>.</footer>
<script>{script}</script>
<script>{_asset("report.js")}</script>
</body></html>
"""


def _asset(name: str) -> str:
    return files("mutau.report").joinpath(name).read_text(encoding="utf-8")


def _paper_names(result: Any) -> dict[str, str]:
    from mutau.report.reproduction import PAPERS

    return {name: PAPERS[name] for name in result.papers}


def _summary(result: Any) -> str:
    tiles = []
    for name, title in _paper_names(result).items():
        verdicts = [row.verdict for row in result.rows if row.document == name]
        missing = [item for item in result.absent if item.document == name]
        if not verdicts and not missing:
            continue
        counts = {key: verdicts.count(key) for key in _MARKS}
        bar = "".join(
            f'<span class="{key}" style="flex:{count}"></span>' for key, count in counts.items()
        )
        lines = [
            f"<dt>{count}</dt><dd>{_MARKS[key][2:]}: {_MEANINGS[key]}</dd>"
            for key, count in counts.items()
        ]
        if missing:
            lines.append(
                f'<dt>{len(missing)}</dt><dd><a href="#absent">absent</a>: numbers not computed, '
                "curves not drawn</dd>"
            )
        tiles.append(
            f'<div class="tile"><h3>{text_of(title)}</h3><div class="bar" aria-hidden="true">{bar}'
            f"<span style='flex:{len(missing)}'></span></div><dl>{''.join(lines)}</dl></div>"
        )
    return (
        f'<section id=summary><h2>Summary</h2><div class="tiles">{"".join(tiles)}</div></section>'
    )


def _plane(result: Any, image: Image, interactive: bool) -> str:
    document = plane_document(result.plane)
    shown = _static(image, "plane-static", result.plane.figure)
    caption = f"<p class=soft>{html_label(image.figure.caption)}</p>"
    if not interactive:
        note = (
            "<p>The interactive plane needs plotly, which is not installed here: "
            "<code>pip install 'mutau[plot]'</code>. This is the picture.</p>"
        )
        return (
            "<section id=plane><h2>Exclusion plane</h2><div class=plane>"
            f"{note}{shown}</div>{caption}{_sources(result.plane.figure)}</section>"
        )
    boxes = "".join(
        f'<label><input type="checkbox" value="{text_of(c["group"])}" checked>'
        f"{_swatch(c)}<span>{c['label']}</span></label>"
        for c in document["curves"]
    )
    years = "".join(
        f'<label><input type="radio" name="year" value="{y["year"]}"'
        f"{' checked' if y['year'] == document['year'] else ''}><span>{y['year']}: Δa<sub>μ</sub> "
        f"= {text_of(y['moment'])}</span></label>"
        for y in document["years"]
    )
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    plain = plain.replace("</", "<\\/")  # so that no text in it ends the script element
    return f"""<section id=plane><h2>Exclusion plane</h2>
<div class="plane"><div id="plane-drawing" class="drawing live" role="group" hidden
aria-label="{text_of(plain_label(image.figure.title))}; the curves are listed below"></div>
{shown}
<div class="live" hidden>
<fieldset id="plane-years"><legend>Reference of the muon g−2</legend>
<div class="choices">{years}</div>
<p class="count" id="plane-year-note" aria-live="polite"></p></fieldset>
<fieldset id="plane-curves"><legend>Curves</legend><div class="choices">{boxes}</div></fieldset>
<p class="controls"><button type="button" data-curves="all">Show all</button>
<button type="button" data-curves="ours">Only ours</button>
<button type="button" data-curves="none">Hide all</button>
<button type="button" id="plane-reset">Whole range</button></p></div>
<noscript><p>Without JavaScript the plane is a picture.</p></noscript></div>
{caption}{_sources(result.plane.figure)}
<script type="application/json" id="plane-data">{plain}</script></section>"""


def _swatch(curve: Mapping[str, Any]) -> str:
    fill = f"; background:{curve['colour']}44" if curve["look"] == "area" else ""
    style = f"border-color:{curve['colour']}{fill}"
    return f'<span class="swatch {curve["look"]}" style="{style}"></span>'


def _static(image: Image, name: str, figure: Figure) -> str:
    return (
        f'<img id="{text_of(name)}" class="static" src="{image.data}" width="{image.width}" '
        f'height="{image.height}" alt="{text_of(plain_label(figure.title))}">'
    )


def _numbers(result: Any, figures: Iterable[str]) -> str:
    heads = "".join(
        f'<th scope="col" role="columnheader" aria-sort="none"><button type="button" '
        f'data-key="{key}">{title}</button></th>'
        if key
        else f'<th scope="col" role="columnheader">{title}</th>'
        for title, key in _COLUMNS
    )
    body = "\n".join(_row(row, order, figures) for order, row in enumerate(result.rows))
    verdicts = "".join(f'<option value="{key}">{text[2:]}</option>' for key, text in _MARKS.items())
    papers = "".join(
        f'<option value="{text_of(key)}">{text_of(text)}</option>'
        for key, text in _paper_names(result).items()
    )
    sorts = "".join(
        f'<option value="{key}">{title.lower()}</option>'
        for title, key in (("order of the papers", "order"), *_COLUMNS[1:]) if key
    )  # fmt: skip
    return f"""<section id=numbers><h2>Numbers</h2>
<div class="controls live" hidden>
<label>Search<input type="search" id="filter-words" autocomplete="off"></label>
<label>Verdict<select id="filter-verdict"><option value="">all</option>{verdicts}</select></label>
<label>Paper<select id="filter-paper"><option value="">all</option>{papers}</select></label>
<label>Sort by<select id="sort">{sorts}</select></label>
<p class="count" id="count" role="status"></p></div>
<div class="scroll" role="region" aria-label="Published numbers beside ours" tabindex="0">
<table id="rows" role="table"><thead><tr role="row">{heads}</tr></thead><tbody>
{body}
</tbody></table></div>{_absent(result)}</section>"""


def _row(row: Any, order: int, figures: Iterable[str]) -> str:
    how = text_of(row.how)
    for name in sorted(figures):
        how = re.sub(
            rf"\bfigure {re.escape(name)}(?![\w.]*\w)",
            f'<a href="#{text_of(name)}">figure {text_of(name)}</a>', how,
        )  # fmt: skip
    difference = "" if row.distance is None else f"{min(row.distance, 1e9):.6g}"
    allowed = f"<br><small>allows {text_of(row.allowed)}</small>" if row.allowed else ""
    where = f"<small>{text_of(row.where)}</small>" if row.where else ""
    why = f"{html_label(row.why)}<br>" if row.why else ""
    cells = (
        ("", "", f"{html_label(row.quantity)}<code>{text_of(row.id)}</code>{where}"),
        ("Paper", "num", f"{html_label(row.paper)}{allowed}"),
        ("Ours", "num", html_label(row.ours) + _alternatives(row)),
        ("Difference", "num", text_of(row.difference)),
        ("", f"verdict {row.verdict}", _MARKS.get(row.verdict, text_of(row.verdict))),
        ("", "why", f"{why}<small>{how}</small>"),
        ("Time", "num", f"{row.seconds:.1f}&nbsp;s"),
    )
    inside = "".join(
        f'<td role="cell" class="{kind}"{f" data-label={label}" if label and content else ""}>'
        f"{content}</td>"
        for label, kind, content in cells
    )
    return (
        f'<tr role="row" data-order="{order}" data-paper="{text_of(row.document)}" '
        f'data-verdict="{text_of(row.verdict)}" data-difference="{difference}" '
        f'data-seconds="{row.seconds:.3f}">{inside}</tr>'
    )


def _alternatives(row: Any) -> str:
    """What other choices give, folded where they are many."""
    if not row.alternatives:
        return ""
    items = "".join(
        f"<li>{text_of(item.name)}: {item.value:.4g} "
        f'<span class="verdict {item.verdict}">{_MARKS[item.verdict]}</span></li>'
        for item in row.alternatives
    )
    counts = [item.verdict for item in row.alternatives]
    words = ", ".join(f"{counts.count(key)} {_MARKS[key][2:]}" for key in _MARKS if key in counts)
    return (
        f"<details class=choices-list{' open' if len(counts) < 4 else ''}><summary>{len(counts)} "
        f"choices left open: {words}</summary><ul>{items}</ul></details>"
    )


def _absent(result: Any) -> str:
    if not result.absent:
        return ""
    items = "".join(
        f"<li><code>{text_of(item.id)}</code> {html_label(item.what)}: {html_label(item.paper)}"
        f" <small>{text_of(item.where)}</small><br><small>{html_label(item.because)}</small></li>"
        for item in result.absent
    )
    return (
        f'<details id="absent"><summary>{len(result.absent)} published numbers and curves that are '
        f"not here, with the reason</summary><ul>{items}</ul></details>"
    )


def _figures(images: Sequence[Image]) -> str:
    shown = []
    for image in images:
        figure = image.figure
        shown.append(
            f'<figure id="{text_of(figure.id)}"><h3>{html_label(figure.title)}</h3>'
            f'<img src="{image.data}" width="{image.width}" height="{image.height}" loading="lazy" '
            f'alt="{text_of(plain_label(figure.title))}: {text_of(_described(figure))}">'
            f"<figcaption><code>{text_of(figure.id)}</code> {html_label(figure.caption)}"
            f"</figcaption>{_sources(figure)}</figure>"
        )
    return (
        f'<section id=figures><h2>Figures</h2><div class="figures">{"".join(shown)}</div></section>'
    )


def _described(figure: Figure) -> str:
    """What a figure shows, for whoever cannot see it."""
    curves = ", ".join(plain_label(item.label) for item in figure.series if item.label)
    return f"{plain_label(figure.y_label)} over {plain_label(figure.x_label)}. {curves}".strip()


def _sources(figure: Figure) -> str:
    """The curves of others in a figure with their publications."""
    items = [
        f"<li>{html_label(item.label)}: {text_of('; '.join(source_texts(item)) or item.note)}</li>"
        for item in figure.series
        if item.role in ("published", "user", "preferred") and (item.note or source_texts(item))
    ]
    if not items:
        return ""
    return f"<details><summary>Curves of others</summary><ul>{''.join(items)}</ul></details>"


def _computed(result: Any, facts: Mapping[str, str]) -> str:
    lines = "".join(f"<dt>{text_of(k)}</dt><dd>{text_of(v)}</dd>" for k, v in facts.items())
    times = "".join(
        f'<tr><th scope="row">{text_of(name)}</th><td>{seconds:.1f} s</td></tr>'
        for name, seconds in result.seconds.items()
    )
    total = sum(result.seconds.values())
    return f"""<section id=computed><h2>How it was computed</h2><dl class="facts">{lines}</dl>
<details><summary>Time per task, {total:.0f} s together</summary><div class="scroll"><table>
<thead><tr><th scope="col">Task</th><th scope="col">Time</th></tr></thead><tbody>{times}</tbody>
</table></div></details></section>"""


def _references(cited: Any) -> str:
    items = []
    for row in cited.rows():
        number = (
            f"doi:{row['doi']}" if row["doi"] else f"arXiv:{row['arxiv']}" if row["arxiv"] else ""
        )
        used = f"<small>used by {text_of(', '.join(row['used_by']))}</small>"
        items.append(f"<li>{text_of(row['reference'])} {text_of(number)} {used}</li>")
    return (
        f"<section id=references><h2>References</h2><p>BibTeX: <code>references.bib</code>, or "
        f"<code>mutau cite</code>.</p><details><summary>{len(items)} publications</summary>"
        f"<ol>{''.join(items)}</ol></details></section>"
    )
