"""Published curves, references, the papers' own numbers; computed bounds and recasts on demand."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mutau.limits.cards import (
    MissingCurve,
    database,
    drawn_by_default,
    load_card,
    load_curve,
    missing,
    published_limit,
)
from mutau.limits.curves import PublishedLimit
from mutau.limits.paper_numbers import PaperNumber, paper_numbers
from mutau.limits.references import Reference, reference, references
from mutau.limits.search import Search

if TYPE_CHECKING:
    from mutau.limits.bounds import BOUNDS, Bound
    from mutau.limits.recast import Recast, recast_at, recastable

_ON_DEMAND = {
    "BOUNDS": "bounds",
    "Bound": "bounds",
    "Recast": "recast",
    "recast_at": "recast",
    "recastable": "recast",
}

__all__ = [
    "BOUNDS",
    "Bound",
    "MissingCurve",
    "PaperNumber",
    "PublishedLimit",
    "Recast",
    "Reference",
    "Search",
    "database",
    "drawn_by_default",
    "load_card",
    "load_curve",
    "missing",
    "paper_numbers",
    "published_limit",
    "recast_at",
    "recastable",
    "reference",
    "references",
]


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module 'mutau.limits' has no attribute {name!r}")
    return getattr(import_module(f"mutau.limits.{_ON_DEMAND[name]}"), name)
