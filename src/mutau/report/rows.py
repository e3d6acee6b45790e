"""Rows of a report: one published number beside ours, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mutau.core.errors import UnknownName
from mutau.core.paper_numbers import PaperNumber, paper_numbers
from mutau.report.cards import Card, texts_of


@dataclass(frozen=True, slots=True)
class Alternative:
    """What a choice that the paper leaves open gives, and the verdict on it."""

    name: str
    value: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Ours:
    """What the function of a row computes.

    value, err, model_err : in the unit of the card, with the statistical or numerical error and
    that of what was assumed; None where a figure or a list of numbers stands for it. words : what
    the texts of the row name. choices : what the paper leaves open, name -> (value, standard
    error), that of the row's own value among them: the verdict stands only where all have it.
    alternatives : the same where each was judged already. verdict : of a row that joins others.
    between : ends of a value of ours that is known by its bounds alone.
    """

    value: float | None = None
    err: float | None = None
    model_err: float | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    alternatives: tuple[Alternative, ...] = ()
    verdict: str = ""
    between: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One published number beside ours.

    id, quantity, paper : as in the list of published numbers. ours : text. value, err : the number
    behind it where there is one, and its statistical or numerical error. verdict : "agrees",
    "differs", "undecided" (ours is not known well enough, or hangs on what the paper leaves open),
    "shown" (nothing to compare by number) or "input" (put in: no test). why : explanation.
    how : how it was computed. seconds : time taken.
    document, where : the paper, and the place in it. allowed : what the printed number allows and
    by which rule.
    card : id of the published number that it is compared with, "" for none. model_err : error of
    what was assumed. distance : from the printed value, as `PaperNumber.distance`.
    alternatives : other choices that the paper leaves open. command : what prints our number;
    result : where in its JSON and with which factor, "" for a report.
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
    card: str = ""
    model_err: float | None = None
    distance: float | None = None
    alternatives: tuple[Alternative, ...] = ()
    command: str = ""
    result: str = ""


def number(id_: str) -> PaperNumber:
    """The published number of that id. Raises UnknownName."""
    table = paper_numbers()
    if id_ not in table:
        raise UnknownName("published number", id_, table)
    return table[id_]


def row_of(card: Card, ours: Ours, level: str = "default") -> Row:
    """The row of a card with what was computed for it.

    level : of the report, which its command repeats.
    Raises MutauError if a text of the card names what the function did not give.
    """
    published = card.number
    row = compare(published, ours)
    text = texts_of(card, {"level": level, **ours.words})
    return replace(
        row, id=card.id, quantity=card.quantity, ours=text.ours or row.ours, why=text.why,
        how=text.how, document=published.document, where=published.where,
        allowed=allowed_text(published), card=published.id,
        command=card.command_at(level), result=card.result_at(level),
        verdict="input" if card.put_in else row.verdict,
    )  # fmt: skip


def compare(published: PaperNumber, ours: Ours) -> Row:
    """Row of one published number without its texts; verdict by `PaperNumber.judged`."""
    both = math.hypot(ours.err or 0.0, ours.model_err or 0.0)
    verdict, difference, distance, text = "shown", "", None, "figure"
    found = ours.alternatives or tuple(
        Alternative(name, value, published.verdict(value, err))
        for name, (value, err) in ours.choices.items()
    )
    if ours.between is not None:
        least, most = ours.between
        verdict = published.judged(least, most)
        difference = published.difference(least) if least else ""
        distance = published.distance(least) if least else None
    elif ours.value is not None:
        text = _value_text(published, ours)
        verdict, difference = (
            published.verdict(ours.value, both),
            published.difference(ours.value, both),
        )
        distance = published.distance(ours.value)
    if found:
        verdict = together(item.verdict for item in found)
    return Row(
        published.id, published.quantity, published.paper, text, ours.value, ours.err, difference,
        ours.verdict or verdict, "", "", model_err=ours.model_err, distance=distance,
        alternatives=found,
    )  # fmt: skip


def together(verdicts: Iterable[str]) -> str:
    """The verdict that all of these share, "undecided" if they do not."""
    found = set(verdicts)
    return found.pop() if len(found) == 1 else "undecided"


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
    because = f": {published.tolerance}" if published.tolerance else ""
    return f"{span}{unit} ({published.rule}{because})"


def _value_text(published: PaperNumber, ours: Ours) -> str:
    """As the paper writes it: in per cent where that does."""
    percent = published.unit == "1" and "%" in published.paper
    scale, unit = (100.0, " %") if percent else (1.0, "")
    error = f" ± {scale * ours.err:.2g}" if ours.err else ""
    model = f" ± {scale * ours.model_err:.2g} (model)" if ours.model_err else ""
    return f"{scale * (ours.value or 0.0):.4g}{error}{model}{unit}"
