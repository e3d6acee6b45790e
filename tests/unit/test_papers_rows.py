"""Rows of a report: what is compared with what, and what is no test."""

import pytest

from mutau.background.estimate import Estimate
from mutau.papers.na64mu_backgrounds import _pairs_made
from mutau.papers.reproduction import compare, no_test, number


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
