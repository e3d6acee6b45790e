"""Cards of the rows: which published number, by which command ours is printed, and the texts.

A card is an entry of data/paper_numbers/PAPER.toml: `[[number]]` for what the paper prints,
`[[row]]` for a further row of the same number (a variant) or for what the paper leaves open. Its
texts stand beside it in PAPER.md, a section for each row:

    ## me.sqrts
    **Ours.** {{ "%.1f"|format(value) }} MeV
    **How.** exact kinematics
    **Why.** ...

Without "Ours" the number alone is shown. Places are filled with what the function of the row gives.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from mutau.core.errors import Problems
from mutau.core.paper_numbers import DOCUMENTS, PaperNumber, check_entry, paper_numbers
from mutau.report.templates import filled

_PARTS: Final = ("Ours", "How", "Why")
_ROW_KEYS: Final = (*("of", "variant", "put_in", "command", "result", "unit_of_result", "efforts"),)


@dataclass(frozen=True, slots=True)
class Texts:
    """What a row says. ours : "" for the number alone. how : how it was computed. why : why it
    differs, or what to know of it."""

    ours: str = ""
    how: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One row before it is computed.

    number : what it is compared with. variant : what is different from the plain row of that
    number, "" for that. texts : with places to fill. command, result, unit_of_result, efforts,
    put_in : as in `PaperNumber`, of this row.
    """

    number: PaperNumber
    texts: Texts
    variant: str = ""
    command: str = ""
    result: str = ""
    unit_of_result: float = 1.0
    efforts: Mapping[str, float] = field(default_factory=dict)
    put_in: bool = False

    @property
    def id(self) -> str:
        """Of the row: that of the number, with the variant."""
        return f"{self.number.id} ({self.variant})" if self.variant else self.number.id

    @property
    def quantity(self) -> str:
        """What it is."""
        return self.number.quantity

    def command_at(self, level: str) -> str:
        """What prints our number: the verb that computes it, or this row of a report."""
        if self.command and (not self.efforts or level in self.efforts):
            return self.command.replace("{effort}", f"{self.efforts.get(level, 1.0):g}")
        option = f" --{level}" if level in ("quick", "full") else ""
        id_ = f"'{self.id}'" if self.variant else self.id
        return f"mutau reproduce --only {id_}{option} --json"

    def result_at(self, level: str) -> str:
        """Where the number stands in what that command prints, and its factor."""
        if self.command_at(level).startswith("mutau reproduce"):
            return ""
        factor = "" if self.unit_of_result == 1.0 else f" × {self.unit_of_result:g}"
        return self.result + factor


def texts_of(card: Card, words: Mapping[str, Any]) -> Texts:
    """The texts of a card with its places filled.

    Raises MutauError for a word that is not given.
    """
    place = f"{card.number.document}.md: {card.id}"
    parts = (filled(part, words, place) for part in (card.texts.ours, card.texts.how,
                                                     card.texts.why))  # fmt: skip
    return Texts(*parts)


@cache
def cards() -> Mapping[str, Card]:
    """Every card by the id of its row, in the order of the papers.

    Numbers that only hold others together are among them. Raises Problems.
    """
    found = dict[str, Card]()
    for document in DOCUMENTS:
        found |= _cards_of(document)
    return MappingProxyType(found)


def _cards_of(document: str) -> dict[str, Card]:
    """Those of one paper: after each number its variants."""
    folder = files("mutau.data").joinpath("paper_numbers")
    path = folder.joinpath(f"{document}.toml")
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("row", [])
    text = folder.joinpath(f"{document}.md").read_text(encoding="utf-8")
    sections, numbers = sections_of(text, f"{document}.md"), paper_numbers(document)
    wrong = [(f"row[{i}]", text) for i, e in enumerate(entries) for text in check_row(e, numbers)]
    found = dict[str, Card]()
    for number in numbers.values():
        plain = {key: getattr(number, key) for key in _ROW_KEYS[2:]}
        found[number.id] = Card(number, sections.get(number.id, Texts()), **plain)
        for entry in entries:
            if entry.get("of") == number.id:
                given = {key: entry[key] for key in _ROW_KEYS[1:] if key in entry}
                id_ = f"{number.id} ({entry.get('variant')})"
                found[id_] = Card(number, sections.get(id_, Texts()), **given)
    wrong += [(f"{document}.md", f"{id_!r} is no row") for id_ in sections if id_ not in found]
    if wrong:
        raise Problems(path.name, wrong)
    return found


def check_row(entry: Mapping[str, Any], numbers: Mapping[str, PaperNumber]) -> list[str]:
    """What is wrong with a further row, as sentences."""
    wrong = [f"{key!r} is unknown" for key in entry if key not in _ROW_KEYS]
    if entry.get("of") not in numbers:
        wrong.append(f"of: {entry.get('of')!r} is no number of this paper")
    if not entry.get("variant"):
        wrong.append("variant is missing: what is different from the plain row")
    like_a_number = {"id": "x", "quantity": "", "paper": "", "unit": "", "where": "",
                     "rule": "statement"}  # fmt: skip
    more = {key: entry[key] for key in ("command", "result", "efforts") if key in entry}
    return wrong + check_entry(like_a_number | more)


def sections_of(text: str, name: str) -> dict[str, Texts]:
    """The sections of a file of texts, by the id in their heading.

    Raises Problems for a section that stands twice, has no "How", or another part.
    """
    found, wrong = dict[str, Texts](), list[tuple[str, str]]()
    _, *pieces = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    for id_, body in zip(pieces[::2], pieces[1::2], strict=True):
        start, *parts = re.split(r"^\*\*(\w+)\.\*\* ?", body, flags=re.MULTILINE)
        given = {key: _one_line(part) for key, part in zip(parts[::2], parts[1::2], strict=True)}
        if id_ in found:
            wrong.append((id_, "stands twice"))
        if start.strip() or not set(given) <= set(_PARTS):
            wrong.append((id_, f"allowed are {', '.join(_PARTS)}, each as **Name.**"))
        found[id_] = Texts(*(given.get(part, "") for part in _PARTS))
    if wrong:
        raise Problems(name, wrong)
    return found


def _one_line(text: str) -> str:
    """Lines of a paragraph joined, as Markdown reads them."""
    return " ".join(text.split())
