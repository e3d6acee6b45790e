"""Published curves, references, and the numbers that the papers print."""

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

__all__ = [
    "MissingCurve",
    "PaperNumber",
    "PublishedLimit",
    "Reference",
    "database",
    "drawn_by_default",
    "load_card",
    "load_curve",
    "missing",
    "paper_numbers",
    "published_limit",
    "reference",
    "references",
]
