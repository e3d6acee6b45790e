"""What every report of a paper must hold, for the tests of each paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from mutau.bounds import missing
from mutau.core.paper_numbers import VERDICTS, paper_numbers
from mutau.report.captions import caption_curves
from mutau.report.completeness import NOT_COMPUTED
from mutau.report.reproduction import Reproduction


@pytest.fixture(scope="session")
def assert_complete() -> Callable[[Reproduction, str], None]:
    """Every published number and every thing that a caption names is there, or says why not."""

    def check(result: Reproduction, paper: str) -> None:
        rows = [row for row in result.rows if row.document == paper]
        assert rows == list(result.rows)  # none without its paper: such are in no tile, no filter
        count = Counter(row.id for row in rows)
        assert max(count.values()) == 1
        assert {row.verdict for row in rows} <= set(VERDICTS)
        absent = {item.id: item.because for item in result.absent}
        assert all(absent.values())
        assert NOT_COMPUTED not in absent.values()
        assert all(row.how and row.command for row in rows)
        published = paper_numbers(paper)
        for card in published.values():
            parts = [item.id for item in published.values() if item.group == card.id]
            if card.rule == "statement" and parts:  # a heading: its numbers are the rows
                assert all(part in count or part in absent for part in parts), card.id
            else:
                assert (card.id in count) + (card.id in absent) == 1, card.id
        assert {row.card for row in rows} - {""} <= set(published)
        figures = {figure.id: figure for figure in result.figures}
        for item in caption_curves():
            if item.document == paper:
                drawn = item.figure in figures and item.is_drawn(figures[item.figure])
                assert drawn != (f"{item.figure}: {item.name}" in absent), item
        for curve in missing():
            if curve.shown_in.startswith(paper):
                linked = {item.missing for item in caption_curves() if item.missing}
                assert curve.name in absent or curve.name in linked, curve.name

    return check
