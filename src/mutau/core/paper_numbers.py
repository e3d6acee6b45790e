"""The numbers that the three papers print, for comparison only: nothing computes with them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from mutau.core.errors import Problems, UnknownName

DOCUMENTS: Final = ("na64mu", "muone", "na64e")
#: How a printed number is compared, and why it allows what it allows.
RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "printed digits": "half of the last printed digit, or the printed error",
        "range": "the printed range",
        "bound": "one end, as printed",
        "order of magnitude": "a power of ten is printed: half a decade either way, as a factor",
        "order of magnitude bound": "a power of ten is printed as one end: half a decade beyond it",
        "shape": "a ratio or a place that a printed shape fixes",
        "input": "put in, so it cannot fail",
        "formula": "a formula: no number to compare",
        "figure": "a drawing: no number to compare",
        "statement": "words: no number to compare",
        "not given": "the paper proposes it or leaves it open and prints nothing",
    }
)
#: What a comparison can say: see `PaperNumber.judged`.
VERDICTS: Final = ("agrees", "differs", "undecided", "shown", "input")
_KEYS: Final = (
    *("id", "quantity", "paper", "unit", "where", "rule", "value", "low", "high", "group"),
    *("tolerance", "command", "result", "unit_of_result", "efforts", "put_in"),
)


@dataclass(frozen=True, slots=True)
class PaperNumber:
    """One published number.

    id : "mu.track.res"; a row with several numbers has entries such as "mu.punch.2" in its group.
    quantity : what it is. paper : as printed. unit : of value, low and high ("1": none).
    value : the number, None for a figure, a formula or a statement. low, high : what the printed
    number allows, by `rule`: the last printed digit, the printed range, a bound, half a decade
    either way where only a power of ten is given, or what a drawn shape fixes; None: no end.
    where : section or figure. document : "na64mu", "muone" or "na64e".
    group : id of the row it belongs to, "" for a row. tolerance : why low and high are what they
    are, where the rule does not say it. command : what prints our number, "" for `mutau reproduce
    --only`; result : where it stands in the JSON of that command, keys and indices joined by "/";
    unit_of_result : the number there in the unit of this card, as a factor. efforts : level of
    a report -> what stands for "{effort}" in the command. put_in : whether ours
    was put in or the set-up designed for the printed number, so that agreement says nothing.
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
    tolerance: str = ""
    command: str = ""
    result: str = ""
    unit_of_result: float = 1.0
    efforts: Mapping[str, float] = field(default_factory=dict)
    put_in: bool = False

    @property
    def allows_because(self) -> str:
        """Why low and high are what they are."""
        return self.tolerance or RULES[self.rule]

    @property
    def is_power(self) -> bool:
        """Whether a power of ten is printed: differences and errors are factors."""
        return self.rule.startswith("order of magnitude")

    @property
    def is_bound(self) -> bool:
        """Whether only one end is printed."""
        return self.rule.endswith("bound")

    def span(self, value: float, err: float = 0.0) -> tuple[float, float]:
        """Two standard errors about a value of ours.

        A factor for powers of ten and bounds, whose errors may be as large as they are: the error
        of the logarithm that has the same relative width, exp(2 sqrt(ln(1 + (err/value)^2))).
        Check: 1e-12 +- 1e-14 gives 1e-12 (1 -+ 0.02), the plain two errors.
        """
        if (self.is_power or self.is_bound) and value > 0.0:
            factor = math.exp(2.0 * math.sqrt(math.log1p((err / value) ** 2)))
            return value / factor, value * factor
        return value - 2.0 * err, value + 2.0 * err

    def allows(self, least: float, most: float | None = None) -> bool | None:
        """Whether a value, or one from `least` to `most`, agrees with what is printed.

        None where nothing is printed to compare.
        """
        if self.low is None and self.high is None:
            return None
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return least <= high and low <= (least if most is None else most)

    def judged(self, least: float, most: float) -> str:
        """Verdict on a quantity of ours that lies between `least` and `most`.

        "differs" where nothing between them is allowed. "agrees" where all of it is; or, with two
        printed ends, where some of it is and ours is known at all: other than zero, or within a
        decade where a power of ten is printed. Else "undecided": ours is not known well enough.
        So a bound is fulfilled only by the whole of what ours may be, errors included.
        "input" for what was put in, "shown" where nothing is printed to compare.
        """
        if self.rule == "input":
            return "input"
        possible = self.allows(least, most)
        if possible is None:
            return "shown"
        if not possible:
            return "differs"
        if self.allows(least) and self.allows(most):
            return "agrees"
        if self.is_bound:
            return "undecided"
        known = 0.0 < most <= 10.0 * least if self.is_power else least > 0.0 or most < 0.0
        return "agrees" if known else "undecided"

    def verdict(self, value: float, err: float = 0.0) -> str:
        """`judged` of a value of ours. err : standard error, statistical and of the model."""
        return self.judged(*self.span(value, err))

    def difference(self, value: float, err: float = 0.0) -> str:
        """Of a value of ours from the printed one: "x2.8" for powers of ten and bounds, else in
        per cent and, where ours has an error that counts beside the printed digits, in those; ""
        where no value is printed."""
        if not self.value or (self.allows(value) is None and self.rule != "input"):
            return ""
        ratio = value / self.value
        if self.is_bound:
            return f"×{ratio:.3g} of the bound"
        if self.is_power:
            return f"×{ratio:.2g}"
        # adding 0.0 turns a rounded -0.0 into 0.0
        text = f"{round(100.0 * (ratio - 1.0), 1) + 0.0:+.1f} %"
        width = 0.5 * (self.high - self.low) if self.high and self.low else 0.0
        if err <= 0.1 * width:  # it is the printed digits that count
            return text
        return f"{text}, {round((value - self.value) / err, 1) + 0.0:+.1f}σ"

    def distance(self, value: float) -> float | None:
        """Relative distance from the printed value (2.8 and 1/2.8 are both 1.8), 0 on the allowed
        side of a bound; None where no value is printed."""
        if not self.value or (self.allows(value) is None and self.rule != "input"):
            return None
        if self.is_bound and self.allows(value):
            return 0.0
        ratio = abs(value / self.value)
        if self.is_power or self.is_bound:
            return max(ratio, 1.0 / ratio) - 1.0 if ratio else math.inf
        return abs(value / self.value - 1.0)


def check_entry(entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with one entry, as sentences; empty where nothing is."""
    wrong = [
        f"{key} is missing" for key in ("id", "quantity", "paper", "unit", "where", "rule")
        if not isinstance(entry.get(key), str)
    ]  # fmt: skip
    wrong += [f"{key!r} is unknown" for key in entry if key not in _KEYS]
    if entry.get("rule") not in RULES:
        wrong.append(f"rule must be one of {', '.join(RULES)}")
    wrong += [
        f"{key} must be a text" for key in ("tolerance", "command", "result")
        if not isinstance(entry.get(key, ""), str)
    ]  # fmt: skip
    if entry.get("rule") == "shape" and not entry.get("tolerance"):
        wrong.append("a shape fixes no number by itself: tolerance must say why low and high")
    if bool(entry.get("result")) != bool(entry.get("command")):
        wrong.append("command and result belong together")
    if ("{effort}" in entry.get("command", "")) != bool(entry.get("efforts")):
        wrong.append("efforts must say what stands for {effort} in the command, by level")
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
