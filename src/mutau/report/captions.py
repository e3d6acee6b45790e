"""What the captions of the papers' figures name, and which series of ours shows it.

The lists stand beside the published numbers, `[[curve]]` in data/paper_numbers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from mutau.bounds.cards import MissingCurve, database, missing
from mutau.core.errors import Problems
from mutau.core.paper_numbers import DOCUMENTS

if TYPE_CHECKING:
    from mutau.core.figure import Figure

_KEYS: Final = ("figure", "name", "drawn", "missing", "because")


@dataclass(frozen=True, slots=True)
class CaptionCurve:
    """One thing that the caption of a figure names.

    figure : id of ours. name : in the words of the caption. document : the paper.
    drawn : names (`Series.meta["name"]`, recast ones included) or labels of the series that show
    it; all of them must be there. missing : entry of `bounds.missing` that says why there is
    nothing to draw. because : why it is not drawn, where that is the reason.
    """

    figure: str
    name: str
    document: str
    drawn: tuple[str, ...] = ()
    missing: str = ""
    because: str = ""

    def is_drawn(self, figure: Figure) -> bool:
        """Whether a figure shows it."""
        names = [str(item.meta.get("name", "")) for item in figure.series]
        known = {item.label for item in figure.series} | {n.partition("-to-")[0] for n in names}
        return bool(self.drawn) and known >= set(self.drawn)

    @property
    def reason(self) -> str:
        """Why it is not drawn, with what stands in its place; "" where nothing is said."""
        if not self.missing:
            return self.because
        return missing_reason(next(item for item in missing() if item.name == self.missing))


def curves_named_by(figure_id: str) -> tuple[str, ...]:
    """Published curves that the caption of a figure names and that have numbers, in its order."""
    known = database()
    drawn = [name for c in caption_curves() if c.figure == figure_id for name in c.drawn]
    return tuple(name for name in dict.fromkeys(drawn) if name in known)


def missing_reason(item: MissingCurve) -> str:
    """Why a published curve has no numbers here, and what stands nearest."""
    nearest = f"nearest here: {', '.join(item.instead)}" if item.instead else ""
    return "; ".join(text for text in (item.why, item.note, nearest) if text)


def check_curve(entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with one entry, as sentences; empty where nothing is."""
    wrong = [f"{key!r} is unknown" for key in entry if key not in _KEYS]
    wrong += [f"{key} is missing" for key in ("figure", "name") if not entry.get(key)]
    if not (entry.get("drawn") or entry.get("missing") or entry.get("because")):
        wrong.append("one of drawn, missing, because must say what became of it")
    if entry.get("missing") and entry["missing"] not in {item.name for item in missing()}:
        wrong.append(f"missing: {entry['missing']!r} is no entry of limits/missing.toml")
    return wrong


@cache
def caption_curves() -> tuple[CaptionCurve, ...]:
    """Everything that the captions of the three papers name, in the order of the papers.

    Raises Problems for entries that break the schema.
    """
    found = list[CaptionCurve]()
    for document in DOCUMENTS:
        path = files("mutau.data").joinpath("paper_numbers", f"{document}.toml")
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["curve"]
        wrong = [(f"curve[{i}]", text) for i, e in enumerate(entries) for text in check_curve(e)]
        if wrong:
            raise Problems(path.name, wrong)
        found += [
            CaptionCurve(**{**e, "drawn": tuple(e.get("drawn", ()))}, document=document)
            for e in entries
        ]
    return tuple(found)
