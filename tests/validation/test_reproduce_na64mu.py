"""`mutau reproduce na64mu --quick`: the report is whole, and its claims follow from its numbers."""

import json
import re

import pytest

from mutau.papers.reproduction import LEVELS, TASKS, reproduce
from mutau.papers.rows import Row, compare, number
from mutau.plotting.report import write_report


@pytest.fixture(scope="module")
def quick():
    return reproduce(["na64mu"], LEVELS["quick"])


def test_every_row_of_this_road_is_there(quick):
    ids = {row.id for row in quick.rows}
    wanted = {"mu.da", "mu.width", "mu.fig2.160", "mu.trigger.rate", "mu.fig4", "mu.fig6.band"}
    assert wanted <= ids
    assert {"mu.fig2", "mu.fig4", "mu.fig6"} <= {figure.id for figure in quick.figures}
    assert set(quick.seconds) == {name for name in TASKS if name.startswith("na64mu/")}


def test_the_band_below_200_mev_is_inside_the_projection(quick):
    (row,) = (row for row in quick.rows if row.id == "mu.fig6.band")
    assert row.verdict == "agrees"
    assert row.value > 1.5  # the paper: "fully covered"


def test_trigger_efficiency_at_160_gev(quick):
    """Published: 15 to 35 %; positions are assumed, so only the size of it is held here."""
    (figure,) = (figure for figure in quick.figures if figure.id == "mu.fig2")
    at_160 = figure.series[0].y
    assert at_160.min() > 0.10
    assert at_160.max() < 0.45
    lighter = figure.x_label and figure.series[2].y[0]
    assert lighter > at_160[0]  # a muon of 100 GeV is deflected more


def test_punch_through_stands_there_for_each_hadron(quick):
    """Shares that get through order as interaction lengths do: neutrons least, K_L most."""
    rows = {row.id: row for row in quick.rows}
    for modules in (1, 2, 4):
        name = f"mu.punch.{modules}"
        values = [rows[key].value for key in (name, f"{name} (pion)", f"{name} (K_L)")]
        assert values == sorted(values)
    assert rows["mu.punch.2 (K_L)"].value == pytest.approx(
        rows["mu.punch.1 (K_L)"].value ** 2, rel=0.6
    )  # nearly a power of the number of modules


def test_fig6_says_that_it_has_no_background(quick):
    (figure,) = (figure for figure in quick.figures if figure.id == "mu.fig6")
    (row,) = (row for row in quick.rows if row.id == "mu.fig6.band")
    assert "No background" in figure.caption
    assert "without background" in row.why


def test_report_is_one_self_contained_page(quick, tmp_path):
    paths = write_report(quick, tmp_path / "out")
    page = paths[-1].read_text(encoding="utf-8")
    elements = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["']?https?:""", elements)
    assert {line.experiment for line in quick.plane.limits} == {"na64mu"}
    for row in quick.rows:
        assert f"<code>{row.id}</code>" in page
    numbers = json.loads((tmp_path / "out" / "numbers.json").read_text())
    assert len(numbers["rows"]) == len(quick.rows)
    assert numbers["level"] == "quick"


def test_verdicts_follow_the_published_range():
    published = number("mu.track.res")  # ~3 %, so 2.5 to 3.5 %
    assert compare(published, 0.031, 0.0).verdict == "agrees"
    assert compare(published, 0.040, 0.001).verdict == "differs"
    assert compare(published, 0.0365, 0.001).verdict == "agrees"  # within two of our errors
    row = compare(published, 0.06)
    assert isinstance(row, Row)
    assert row.difference == "+100.0 %"
