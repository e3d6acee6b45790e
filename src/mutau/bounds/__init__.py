"""Published curves as data, recasts of published searches, and bounds from first principles.

Why it is as it is. A published curve is a card (source, level, model and normalisation, where the
numbers came from) plus a CSV with units in its header, never Python.
A curve is drawn for the model in which it was published and for no other: a *recast* says how it
carries over, from the production and branching that the search saw, or that it does not. What can
be computed from measured numbers alone (neutrino tridents, cosmology, solar neutrinos, g-2) is
computed and compared with the published curve of the same bound. Names load when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mutau.bounds.cards import (
    MissingCurve,
    database,
    drawn_by_default,
    load_card,
    load_curve,
    missing,
    published_limit,
)
from mutau.bounds.curves import PublishedLimit
from mutau.bounds.search import Search

if TYPE_CHECKING:
    from mutau.bounds.computed import BOUNDS, Bound
    from mutau.bounds.recast import Recast, recast_at, recastable

_ON_DEMAND = {
    "BOUNDS": "computed",
    "Bound": "computed",
    "Recast": "recast",
    "recast_at": "recast",
    "recastable": "recast",
}

__all__ = [
    "BOUNDS",
    "Bound",
    "MissingCurve",
    "PublishedLimit",
    "Recast",
    "Search",
    "database",
    "drawn_by_default",
    "load_card",
    "load_curve",
    "missing",
    "published_limit",
    "recast_at",
    "recastable",
]


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module 'mutau.bounds' has no attribute {name!r}")
    return getattr(import_module(f"mutau.bounds.{_ON_DEMAND[name]}"), name)
