"""Rows of a report: what is compared with what, and what is no test."""

import numpy as np
import pytest

from mutau.background.estimate import Estimate
from mutau.core.errors import UnknownName
from mutau.core.paper_numbers import PaperNumber
from mutau.report.cards import cards
from mutau.report.na64mu_backgrounds import made_both_ways
from mutau.report.reproduction import paper_name
from mutau.report.rows import Ours, compare, number, row_of


def test_a_number_that_went_in_is_no_agreement():
    card = cards()["mu.track.res"]
    assert compare(card.number, Ours(0.03)).verdict == "agrees"
    row = row_of(card, Ours(0.03))
    assert row.verdict == "input"
    assert row.value == 0.03
    assert row_of(cards()["mu.had.frac.k"], Ours(0.03)).verdict == "input"


def test_pairs_made_are_all_of_them():
    """By real photons and directly; a cut on their energy is no part of the number compared."""
    parts = {
        "made by real photons": 4e-7,
        "made directly": 9e-6,
        "made above half the energy": 1e-6,
    }
    ours = made_both_ways(Estimate("dimuons", 0.0, 0.0, 0.0, "", "", "mu.table1.dimuon", parts))
    row = row_of(cards()["mu.dimuon.made"], ours)
    assert row.value == pytest.approx(9.4e-6)
    assert row.verdict == "differs"


def test_bounds_of_an_order_of_magnitude_say_so():
    """At least ten, with half a decade of slack, is no plain bound; words are no numbers."""
    assert number("mu.had.short").rule == "order of magnitude bound"
    assert number("ee.fig3.peak").verdict(256.0) == "shown"


def printed(rule, value=None, low=None, high=None):
    return PaperNumber("x", "q", "p", "1", "w", rule, "na64mu", value, low, high)


def test_a_bound_is_kept_only_by_all_that_ours_may_be():
    """Up to 3.16e-12, half a decade over 1e-12. Two errors are a factor exp(2 sqrt(ln(1 + r^2))).

    By hand: r = 0.12 is 1.27, so 5e-12 is 3.9e-12 at least; r = 0.6 is 3.03: 1.65e-12 to 1.5e-11.
    """
    leak = number("mu.leak")
    assert leak.verdict(1e-13, 1e-14) == "agrees"
    assert leak.verdict(5e-12, 0.6e-12) == "differs"
    assert leak.verdict(5e-12, 3e-12) == "undecided"
    assert leak.verdict(1e-12, 1e-12) == "undecided"
    assert leak.verdict(0.0, 1e-9) == "undecided"  # nothing seen in a sample of 1e9 says nothing
    assert leak.verdict(0.0, 1e-12) == "agrees"
    assert leak.span(5e-12, 3e-12) == pytest.approx((1.65e-12, 1.52e-11), rel=0.01)
    plain = printed("bound", 3.0, high=3.0)
    assert [plain.verdict(x) for x in (2.9, 3.0, 3.1)] == ["agrees", "agrees", "differs"]


def test_errors_widen_what_is_printed_and_both_count():
    """0.775 to 0.785: 0.80 is off by 0.015. An error as large as the value decides nothing."""
    keep = number("mu.fig3.keep")
    assert keep.verdict(0.80, 0.01) == "agrees"
    assert keep.verdict(0.80, 0.001) == "differs"
    assert keep.verdict(0.80, 0.5) == "undecided"
    assert compare(keep, Ours(0.80, 0.001, 0.03)).verdict == "agrees"
    assert compare(keep, Ours(0.80, 0.001, 0.003)).verdict == "differs"


def test_a_power_of_ten_is_a_factor():
    """1e-6 within half a decade. Known to less than a decade, ours decides nothing."""
    lead = number("mu.lead")
    assert lead.verdict(2.83e-6) == "agrees"
    assert lead.verdict(3.2e-6) == "differs"
    assert lead.verdict(3.2e-6, 0.3e-6) == "agrees"
    assert lead.verdict(1e-6, 1e-6) == "undecided"
    assert lead.difference(2.83e-6) == "×2.8"
    assert lead.distance(2.83e-6) == pytest.approx(1.83)
    assert lead.distance(1e-6 / 2.83) == pytest.approx(1.83)


def test_differences_say_what_they_are():
    keep = number("mu.fig3.keep")
    assert keep.difference(0.797) == "+2.2 %"
    assert keep.difference(0.797, 0.029) == "+2.2 %, +0.6σ"
    assert number("ee.iter").difference(2.0) == "×0.667 of the bound"
    assert number("ee.iter").distance(2.0) == 0.0
    assert number("ee.iter").distance(4.0) == pytest.approx(1.0 / 3.0)
    assert number("me.gamma.energy").distance(6.5) == pytest.approx(1.0)
    assert number("ee.fig3.peak").difference(256.0) == ""


@pytest.mark.parametrize("rule", ["printed digits", "range", "shape", "order of magnitude"])
def test_every_rule_with_two_ends_can_fail_on_both_sides(rule):
    card = printed(rule, 1.0, 0.5, 2.0)
    found = [card.verdict(x, 0.01) for x in (1e-6, 0.4, 1.0, 2.5, 1e6)]
    assert found == ["differs", "differs", "agrees", "differs", "differs"]


def test_verdicts_of_a_chance_of_agreement():
    """A number off by four of its errors is never said to agree, whatever its error is."""
    for rule in ("printed digits", "bound", "order of magnitude"):
        card = printed(rule, 1.0, None if rule == "bound" else 1.0, 1.0)
        for err in np.geomspace(1e-3, 1.0, 13):
            assert card.verdict(1.0 + 4.0 * err, err) != "agrees"


def test_choices_left_open_agree_only_together():
    card = number("me.n10")
    both = compare(card, Ours(545.6, choices={"one": (545.6, 0.1), "other": (626.0, 0.1)}))
    assert both.verdict == "undecided"
    assert [item.verdict for item in both.alternatives] == ["differs", "agrees"]
    for value, other, verdict in ((545.6, 700.0, "differs"), (555.0, 626.0, "agrees")):
        choices = {"one": (value, 0.1), "other": (other, 0.1)}
        assert compare(card, Ours(value, choices=choices)).verdict == verdict


def test_a_level_is_no_paper():
    with pytest.raises(UnknownName, match="--quick"):
        paper_name("quick")
