"""Sentences of the papers with something to compute, and what became of each.

A sentence is computed as written, computed otherwise (and why), was put in, or is not computed (and
why); what is computed or put in names the rows or figures that show it. The list is
data/statements.toml.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from mutau.core.errors import Problems
from mutau.core.paper_numbers import DOCUMENTS
from mutau.report.cards import cards

#: What can have become of a sentence, as the report says it.
STATES: Final[Mapping[str, str]] = {
    "as written": "computed as written",
    "otherwise": "computed otherwise",
    "input": "input",
    "not computed": "not computed",
}
_KEYS: Final = ("document", "line", "where", "text", "rows", "state", "because")


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a paper.

    document, where : the paper, and section, figure or footnote. line : in the plain text of the
    paper. text : what it says, in words of ours. rows : ids of rows or figures that show it.
    state : a key of `STATES`. because : why it is computed otherwise or not at all.
    """

    document: str
    line: int
    where: str
    text: str
    rows: tuple[str, ...]
    state: str
    because: str = ""


def check_statement(entry: Mapping[str, Any], figures: Iterable[str]) -> list[str]:
    """What is wrong with one entry, as sentences. figures : ids of figures that are drawn."""
    wrong = [f"{key!r} is unknown" for key in entry if key not in _KEYS]
    wrong += [f"{key} is missing" for key in ("where", "text", "rows") if key not in entry]
    if entry.get("document") not in DOCUMENTS:
        wrong.append(f"document: allowed are {', '.join(DOCUMENTS)}")
    if not (type(entry.get("line")) is int and entry["line"] > 0):
        wrong.append("line must be a positive integer")
    state, rows, because = (entry.get(key) for key in ("state", "rows", "because"))
    if state not in STATES:
        wrong.append(f"state: allowed are {', '.join(STATES)}")
    if state in ("as written", "otherwise", "input") and not rows:
        wrong.append(f"rows: a sentence that is {STATES[state]} names what shows it")
    if state in ("otherwise", "not computed") and not because:
        wrong.append(f"because: it is {STATES[state]}, so say why")
    known = {*cards(), *figures}
    wrong += [f"rows: {id_!r} is no row and no figure" for id_ in rows or () if id_ not in known]
    return wrong


@cache
def all_statements(figures: tuple[str, ...]) -> tuple[Statement, ...]:
    """Every sentence, in the order of the papers and their lines.

    figures : ids of the figures of the report. Raises Problems for entries that break the schema.
    """
    path = files("mutau.data").joinpath("statements.toml")
    entries: list[Any] = tomllib.loads(path.read_text(encoding="utf-8"))["statement"]
    wrong = [
        (f"statement[{i}] ({e.get('document')}, line {e.get('line')})", text)
        for i, e in enumerate(entries) for text in check_statement(e, figures)
    ]  # fmt: skip
    if wrong:
        raise Problems(path.name, wrong)
    found = [Statement(**{**e, "rows": tuple(e["rows"])}) for e in entries]
    return tuple(sorted(found, key=lambda item: (DOCUMENTS.index(item.document), item.line)))


def statements(
    papers: Sequence[str], figures: Iterable[str], only: Iterable[str] = ()
) -> tuple[Statement, ...]:
    """The sentences of these papers. only : of those, what these rows and figures show."""
    wanted = set(only)
    return tuple(
        item
        for item in all_statements(tuple(figures))
        if item.document in papers and (not wanted or wanted & set(item.rows))
    )


def counted(items: Iterable[Statement]) -> dict[str, dict[str, int]]:
    """By paper, how many sentences are in each state."""
    found = {paper: dict.fromkeys(STATES, 0) for paper in DOCUMENTS}
    for (paper, state), count in Counter((i.document, i.state) for i in items).items():
        found[paper][state] = count
    return {paper: states for paper, states in found.items() if any(states.values())}
