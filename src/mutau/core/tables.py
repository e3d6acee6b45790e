"""Columns as tables for people: HTML in notebooks, a DataFrame of pandas where it is there."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

import numpy as np

from mutau.core.errors import MutauError

#: Rows of a table in a notebook; of longer ones the first and the last are shown.
MOST_ROWS: Final = 40


def html_table(title: str, columns: Mapping[str, np.ndarray]) -> str:
    """A table with a caption; everything is escaped. Of many rows the middle is left out.

    >>> html_table("a & b", {"x": np.array([0.5])}).count("<tr>")
    2
    """
    n = len(next(iter(columns.values()), ()))
    half = MOST_ROWS // 2
    rows = list(range(n)) if n <= MOST_ROWS else [*range(half), -1, *range(n - half, n)]
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{_cells(columns, row)}</tr>" if row >= 0
        else f'<tr><td colspan="{len(columns)}">… {n - MOST_ROWS} more …</td></tr>'
        for row in rows
    )  # fmt: skip
    return f"<table><caption>{escape(title)}</caption><tr>{head}</tr>{body}</table>"


def _cells(columns: Mapping[str, np.ndarray], row: int) -> str:
    texts = (
        f"{value:.5g}" if isinstance(value, float | np.floating) else str(value)
        for value in (column[row] for column in columns.values())
    )
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def dataframe(columns: Mapping[str, np.ndarray]) -> Any:
    """The columns as a DataFrame of pandas. Raises MutauError where it is not installed."""
    try:
        import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise MutauError(
            "a DataFrame needs pandas, which is not installed", remedy="pip install pandas"
        ) from None
    return pd.DataFrame(dict(columns))
