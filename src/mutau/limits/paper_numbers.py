"""The numbers that the three papers print, for comparison only: nothing computes with them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from mutau.core.errors import Problems, UnknownName

DOCUMENTS: Final = ("na64mu", "muone", "na64e")
RULES: Final = (
    "printed digits",
    "printed error",
    "range",
    "bound",
    "order of magnitude",
    "order of magnitude bound",
    "input",
    "formula",
    "figure",
    "statement",
)
_KEYS: Final = (
    "id",
    "quantity",
    "paper",
    "unit",
    "where",
    "rule",
    "value",
    "low",
    "high",
    "group",
    "explanation",
)


@dataclass(frozen=True, slots=True)
class PaperNumber:
    """One published number.

    id : "mu.track.res"; a row with several numbers has entries such as "mu.punch.2" in its group.
    quantity : what it is. paper : as printed. unit : of value, low and high ("1": none).
    value : the number, None for a figure, a formula or a statement. low, high : what the printed
    number allows, by `rule`: the last printed digit, the printed error, the printed range, a bound,
    or half a decade either way where only an order of magnitude is given; None: no end.
    where : section or figure. document : "na64mu", "muone" or "na64e".
    group : id of the row it belongs to, "" for a row. explanation : known reason for a difference.
    """

    id: str
    quantity: str
    paper: str
    unit: str
    where: str
    rule: str
    document: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    group: str = ""
    explanation: str = ""

    def allows(self, least: float, most: float | None = None) -> bool | None:
        """Whether a value, or one from `least` to `most`, agrees with what is printed.

        None where nothing is printed to compare.
        """
        if self.low is None and self.high is None:
            return None
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return least <= high and low <= (least if most is None else most)

    def verdict(self, value: float, err: float = 0.0) -> str:
        """ "agrees" or "differs" for a value of ours; "shown" where nothing can be compared.

        err : standard error of ours; two of them may make up for a difference. Where only an order
        of magnitude is printed, they are a factor 1 + 2 err / value: 1e-8 +- 0.6e-8 is not 1e-12.
        An input of ours cannot agree with itself and is shown.
        """
        if self.rule == "input":
            return "shown"
        if self.rule.startswith("order of magnitude") and value > 0.0:
            factor = 1.0 + 2.0 * err / value
            found = self.allows(value / factor, value * factor)
        else:
            found = self.allows(value - 2.0 * err, value + 2.0 * err)
        return "shown" if found is None else "agrees" if found else "differs"


def check_entry(entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with one entry, as sentences; empty where nothing is."""
    wrong = [
        f"{key} is missing" for key in ("id", "quantity", "paper", "unit", "where", "rule")
        if not isinstance(entry.get(key), str)
    ]  # fmt: skip
    wrong += [f"{key!r} is unknown" for key in entry if key not in _KEYS]
    if entry.get("rule") not in RULES:
        wrong.append(f"rule must be one of {', '.join(RULES)}")
    numbers = [entry[key] for key in ("low", "value", "high") if key in entry]
    if not all(isinstance(number, float) and math.isfinite(number) for number in numbers):
        wrong.append("value, low and high must be finite floats")
    elif numbers != sorted(numbers):
        wrong.append("low <= value <= high is not fulfilled")
    return wrong


@cache
def paper_numbers(document: str | None = None) -> Mapping[str, PaperNumber]:
    """Published numbers by id: of one paper, or of all three in the order NA64mu, MUonE, NA64-e.

    Raises UnknownName for another document, Problems for entries that break the schema.
    """
    if document is None:
        merged = {key: item for name in DOCUMENTS for key, item in paper_numbers(name).items()}
        return MappingProxyType(merged)
    if document not in DOCUMENTS:
        raise UnknownName("paper", document, DOCUMENTS)
    path = files("mutau.data").joinpath("paper_numbers", f"{document}.toml")
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["number"]
    wrong = [(str(e.get("id", i)), text) for i, e in enumerate(entries) for text in check_entry(e)]
    ids = [entry.get("id") for entry in entries]
    wrong += [(str(key), "stands twice") for key in set(ids) if ids.count(key) > 1]
    groups = {entry["group"] for entry in entries if entry.get("group")}
    wrong += [(key, "is the group of entries but no entry") for key in groups - set(ids)]
    if wrong:
        raise Problems(f"{document}.toml", wrong)
    return MappingProxyType(
        {entry["id"]: PaperNumber(document=document, **entry) for entry in entries}
    )
