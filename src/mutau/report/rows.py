"""Rows of a report: one published number beside ours, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mutau.core.errors import UnknownName
from mutau.core.paper_numbers import PaperNumber, paper_numbers


@dataclass(frozen=True, slots=True)
class Alternative:
    """What a choice that the paper leaves open gives, and the verdict on it."""

    name: str
    value: float
    verdict: str


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
    alternatives : other choices that the paper leaves open.
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


def number(id_: str) -> PaperNumber:
    """The published number of that id. Raises UnknownName."""
    table = paper_numbers()
    if id_ not in table:
        raise UnknownName("published number", id_, table)
    return table[id_]


def compare(number: PaperNumber, value: float | None, err: float | None = None, *,
            model_err: float | None = None, variant: str = "", ours: str = "", how: str = "",
            why: str = "") -> Row:  # fmt: skip
    """Row for one published number; the verdict is that of `PaperNumber.verdict`.

    value, err, model_err : ours, in the unit of the published number; None where a figure stands
    for it. Both errors count. variant : what is different from the plain row of this number.
    """
    percent = number.unit == "1" and "%" in number.paper
    text = ours or (_value_text(value, err, model_err, percent) if value is not None else "figure")
    verdict, difference, distance = "shown", "", None
    if value is not None:
        both = math.hypot(err or 0.0, model_err or 0.0)
        verdict, difference = number.verdict(value, both), number.difference(value, both)
        distance = number.distance(value)
    return Row(
        f"{number.id} ({variant})" if variant else number.id, number.quantity, number.paper, text,
        value, err, difference, verdict, why or number.explanation, how, card=number.id,
        model_err=model_err, distance=distance,
    )  # fmt: skip


def no_test(row: Row) -> Row:
    """A row whose published number went into the set-up: agreement would say nothing."""
    return replace(row, verdict="input")


def among(row: Row, choices: Mapping[str, tuple[float, float]]) -> Row:
    """The row with what the paper leaves open: its verdict stands only where every choice has it.

    choices : name -> (value, standard error), that of the row's own value among them. Where they
    differ in the verdict the row is undecided.
    """
    published = number(row.card)
    found = tuple(
        Alternative(name, value, published.verdict(value, err))
        for name, (value, err) in choices.items()
    )
    return replace(row, alternatives=found, verdict=together(item.verdict for item in found))


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
    return f"{span}{unit} ({published.rule})"


def _value_text(value: float, err: float | None, model_err: float | None, percent: bool) -> str:
    """As the paper writes it: in per cent where that does."""
    scale, unit = (100.0, " %") if percent else (1.0, "")
    error = f" ± {scale * err:.2g}" if err else ""
    model = f" ± {scale * model_err:.2g} (model)" if model_err else ""
    return f"{scale * value:.4g}{error}{model}{unit}"
