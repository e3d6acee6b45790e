"""Rows of a report: what is compared with what, and what is no test."""

import pytest

from mutau.background.estimate import Estimate
from mutau.core.errors import UnknownName
from mutau.papers.na64mu_backgrounds import _pairs_made
from mutau.papers.reproduction import paper_name
from mutau.papers.rows import compare, no_test, number


def test_a_number_that_went_in_is_no_agreement():
    row = compare(number("mu.track.res"), 0.03)
    assert row.verdict == "agrees"
    assert no_test(row).verdict == "shown"
    assert no_test(row).value == 0.03


def test_pairs_made_are_all_of_them():
    """By real photons and directly; a cut on their energy is no part of the number compared."""
    parts = {"made by real photons": 4e-7, "made directly": 9e-6, "made": 1e-6}
    row = _pairs_made(Estimate("dimuons", 0.0, 0.0, 0.0, "", "", "mu.table1.dimuon", parts))
    assert row.value == pytest.approx(9.4e-6)
    assert row.verdict == "differs"


def test_bounds_of_an_order_of_magnitude_say_so():
    """At least ten, with half a decade of slack, is no plain bound; words are no numbers."""
    assert number("mu.had.short").rule == "order of magnitude bound"
    assert number("ee.fig3.peak").verdict(256.0) == "shown"


def test_errors_widen_what_is_printed():
    """By two errors, or by a factor where only a power of ten is printed; a range between counts.

    By hand: 1e-8 / (1 + 1.2) = 4.5e-9 is far from 1e-12, though 1e-8 - 2 * 0.6e-8 is below it.
    """
    leak = number("mu.leak")
    assert leak.verdict(1e-8, 0.6e-8) == "differs"
    assert leak.verdict(5e-12, 0.6e-12) == "differs"
    assert leak.verdict(5e-12, 3e-12) == "agrees"
    assert leak.verdict(0.0, 1e-9) == "agrees"
    keep = number("mu.fig3.keep")
    assert keep.verdict(0.80, 0.01) == "agrees"
    assert keep.verdict(0.80, 0.001) == "differs"
    assert keep.verdict(0.90, 0.10) == "agrees"


def test_a_level_is_no_paper():
    with pytest.raises(UnknownName, match="--quick"):
        paper_name("quick")
