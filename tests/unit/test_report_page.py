"""The page of a report: whole, self-contained, safe, readable; the plane as plotly draws it."""

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from mutau.analysis.citations import collect
from mutau.analysis.plane import chosen_curves, g_minus_2_bands, plane_of
from mutau.core.errors import MutauError
from mutau.core.figure import Figure, Series
from mutau.core.paper_numbers import paper_numbers
from mutau.core.types import Exclusion, provenance
from mutau.report import page as page_module
from mutau.report.completeness import Absent
from mutau.report.interactive import plane_document
from mutau.report.page import Image
from mutau.report.palette import html_label
from mutau.report.reproduction import Reproduction
from mutau.report.rows import Alternative, Row, allowed_text
from mutau.report.runs import Level
from mutau.report.templates import page_environment
from mutau.report.write import check_formats, write_report

EVIL = "<!--<script> </script><script>alert('x')</script> & <b>\"bold\"</b>"
MASS = np.geomspace(1e-3, 1.0, 13)


def limit(name, coupling, **meta):
    return Exclusion(
        MASS, np.asarray(coupling, float), 0.01 * np.ones(13) * 1e-4, 0.9, name, "lmu-ltau",
        "bayes", {**provenance(seed=1, experiment="abc"), **meta},
    )  # fmt: skip


def reproduction():
    limits = (
        limit(
            "na64mu",
            1e-4 * (1.0 + MASS),
            not_simulated=["a cut"],
            not_computed=[{"name": "dirt", "reason": "no model", "size": "0.7"}],
        ),
        limit("na64e", np.where(MASS < 0.1, 1e-3, np.inf), alpha_d=0.1),
    )
    open_choices = (Alternative("one", 0.16, "agrees"), Alternative(f"two {EVIL}", 0.4, "differs"))
    rows = (
        Row("mu.fig2.160", EVIL, "15-35 %", "16 %", 0.16, 0.01, "+2.0 %", "undecided", EVIL,
            "by hand; figure mu.width", 1.5, "na64mu", "sec. V", "0.15 to 0.35 (range)",
            alternatives=open_choices),
        Row("mu.leak (a variant)", "leak", "<~ 1e-12", "1e-9", 1e-9, 0.0, "×1e+03 of the bound",
            "differs", "", "counted", 0.1, "na64mu", card="mu.leak", distance=999.0),
        Row("mu.fig3.halo", "halo", "20 %", "20 %", 0.2, None, "+0.0 %", "input", "", "the file",
            0.1, "na64mu", distance=0.0),
        Row("mu.da", "the moment", "251(59)", "300", 300.0, 1.0, "-19.5 %", "differs", "because",
            "from memory", 0.5, "na64mu", "eq. 1", "192 to 310"),
        Row("me.sqrts", "energy", "406 MeV", "405.5", 405.5, 0.0, "-0.1 %", "agrees", "", "exact",
            0.1, "muone", "sec. II", ""),
    )  # fmt: skip
    figure = Figure("mu.width", f"Widths {EVIL}", "$m_{Z'}$ [GeV]", "y",
                    (Series(f"$x$ {EVIL}", MASS, MASS),), caption=EVIL)  # fmt: skip
    return Reproduction(
        ("na64mu", "muone"), Level("tiny", 10, 13), rows, (figure,), {"na64mu/x": 2.0},
        provenance(seed=1), limits, plane_of(limits, chosen_curves()),
        (Absent("mu.track.res", "na64mu", "resolution", "~ 3 %", "sec. III C", f"slow {EVIL}"),
         Absent("me.fig3: CHARM-II", "muone", "bound", "in the caption", "me.fig3", "drawn only")),
    )  # fmt: skip


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self._inside = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def result():
    return reproduction()


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(result, folder)
    return folder


@pytest.fixture(scope="module")
def text(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(text):
    return Elements(text)


def test_the_page_loads_nothing_and_stays_small(text, parsed):
    assert len(text.encode()) < 8e6
    for _, attributes in parsed.elements:
        for name in ("src", "href", "srcset", "action", "data"):
            value = attributes.get(name) or ""
            assert value.startswith(("data:", "#")) or not value, (name, value[:60])
    assert not parsed.of("link")[1:]  # the empty icon alone
    (policy,) = (a["content"] for a in parsed.of("meta") if "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_foreign_text_cannot_become_markup(text, parsed):
    assert "alert('x')" not in "".join(
        attributes.get("onclick", "") for _, attributes in parsed.elements
    )
    scripts = [a for a in parsed.of("script") if a.get("type") != "application/json"]
    assert len(scripts) == 2  # plotly and ours
    assert "".join(parsed.text).count(EVIL) >= 3  # shown as it was written
    assert "<script>alert" not in text


def test_every_number_stands_there_with_all_that_belongs_to_it(result, parsed):
    shown = " ".join(" ".join(parsed.text).split())
    for row in result.rows:
        for part in (row.id, row.paper, row.ours, row.difference, row.where, row.allowed):
            assert part in shown, part
    assert "✓ agrees" in shown
    assert "≠ differs" in shown
    assert "? undecided" in shown
    assert "= input" in shown
    assert "mu.track.res" in shown  # published, not computed: said
    for item in result.absent:
        assert " ".join(item.because.split()) in shown
    assert "two choices left open" not in shown
    assert "2 choices left open: 1 agrees, 1 differs" in shown
    verdicts = [a["data-verdict"] for a in parsed.of("tr") if "data-verdict" in a]
    assert verdicts == ["undecided", "differs", "input", "differs", "agrees"]
    distances = [a["data-difference"] for a in parsed.of("tr") if "data-verdict" in a]
    assert distances == ["", "999", "0", "", ""]
    assert "digests: experiment abc" in shown
    assert {"href": "#mu.width"} in parsed.of("a")  # "figure mu.width" leads there


def test_labels_cannot_break_markup_or_attributes():
    """Signs of HTML in labels, between dollars too; every value of the page is escaped."""
    for text in ("<b>", "a < b & c", "$x_<$", "$x_&$", "$<script>$", "'\"", "$a^{<b>}$"):
        shown = html_label(text)
        assert set(re.findall(r"<[^>]*>", shown)) <= {"<sub>", "</sub>", "<sup>", "</sup>"}
        assert not re.search(r"&(?!(amp|lt|gt);)", shown), shown
    assert html_label("$x_<$") == "x<sub>&lt;</sub>"
    shown = page_environment().from_string('<a title="{{ x }}">{{ x }}</a>{{ y|tojson }}')
    (one,) = Elements(shown.render(x=EVIL, y={"t": EVIL})).elements
    assert one == ("a", {"title": EVIL})
    assert "<" not in page_environment().from_string("{{ y|tojson }}").render(y=EVIL)
    with pytest.raises(ValueError, match="JSON compliant"):
        page_environment().from_string("{{ y|tojson }}").render(y=float("nan"))


def test_the_data_of_the_plane_survive_the_page(result):
    """What plotly reads is what was written, whatever the labels hold."""
    labelled = tuple(
        replace(item, label=f"{item.label} {EVIL}") for item in result.plane.figure.series
    )
    plane = replace(result.plane, figure=replace(result.plane.figure, series=labelled))
    images = [Image(plane.figure, "data:,", 1, 1)]
    shown = page_module.page(replace(result, plane=plane), images, {}, collect([]))
    (data,) = re.findall(r'<script type="application/json" id="plane-data">(.*?)</script>', shown)
    assert json.loads(data) == json.loads(json.dumps(plane_document(plane)))
    assert "<!--" not in data


def test_the_tiles_count_every_row_and_every_absence_once(result, text):
    """By paper: agrees, differs, undecided, shown, input, absent."""
    tiles = re.findall(r"<div class=\"tile\">.*?</dl></div>", text)
    counts = [[int(n) for n in re.findall(r"<dt>(\d+)</dt>", tile)] for tile in tiles]
    assert counts == [[0, 2, 1, 0, 1, 1], [1, 0, 0, 0, 0, 1]]
    assert sum(map(sum, counts)) == len(result.rows) + len(result.absent)
    options = re.findall(r'<option value="(\w+)">', text)
    assert set(options) >= {row.verdict for row in result.rows}  # each can be filtered for


def test_the_page_can_be_read_without_eyes(parsed):
    assert parsed.of("html") == [{"lang": "en"}]
    assert all(image.get("alt") for image in parsed.of("img"))
    ids = [a["id"] for _, a in parsed.elements if "id" in a]
    assert len(ids) == len(set(ids))
    headings = [int(tag[1]) for tag, _ in parsed.elements if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert all(a.get("scope") for a in parsed.of("th"))
    anchors = [a["href"][1:] for a in parsed.of("a")]
    assert set(anchors) <= set(ids)


def test_the_folder_holds_data_beside_the_page(result, folder):
    names = {path.name for path in folder.iterdir()}
    assert {"plane.png", "mu.width.png", "figures.json", "numbers.json", "references.bib",
            "limits", "report.html"} == names  # fmt: skip
    saved = Exclusion.load(folder / "limits" / "na64mu-lmu-ltau.npz")
    assert np.array_equal(saved.coupling, result.limits[0].coupling)
    numbers = json.loads((folder / "numbers.json").read_text())
    assert numbers["absent"] == ["mu.track.res", "me.fig3: CHARM-II"]
    assert numbers["absent_because"]["me.fig3: CHARM-II"] == "drawn only"
    assert [row["id"] for row in numbers["rows"]] == [row.id for row in result.rows]
    assert {row["document"] for row in numbers["rows"]} == {"na64mu", "muone"}
    assert [item["verdict"] for item in numbers["rows"][0]["alternatives"]] == ["agrees", "differs"]
    assert numbers["left_open"]["na64mu-lmu-ltau"] == {
        "not_simulated": ["a cut"],
        "not_computed": [{"name": "dirt", "reason": "no model", "size": "0.7"}],
    }
    shown = (folder / "report.html").read_text(encoding="utf-8")
    assert "not simulated: a cut; not computed: dirt: no model (0.7)" in shown
    assert "Sieber:2022na64mu" in (folder / "references.bib").read_text()


def test_without_plotly_the_page_says_so_and_shows_the_picture(result, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "plotly_script", lambda: "")
    write_report(result, tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(text) < 1e6
    assert "plotly, which is not installed" in text
    assert "plane-drawing" not in text.split("<script>")[0]
    assert any(a.get("id") == "plane-static" for a in Elements(text).of("img"))


def test_without_limits_there_is_no_plane(result, tmp_path):
    write_report(replace(result, plane=None, limits=()), tmp_path)
    assert "Exclusion plane" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "plane.png").exists()


def test_a_plane_that_a_paper_shows_is_drawn_once(result, tmp_path):
    twin = replace(result.plane.figure, id="mu.fig6", title="Sensitivity (Fig. 6)")
    write_report(replace(result, figures=(twin,)), tmp_path)
    assert (tmp_path / "mu.fig6.png").exists()
    assert not (tmp_path / "plane.png").exists()
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count('id="plane-drawing"') == 1  # still to be zoomed and switched
    assert page.count('id="mu.fig6"') == 1


def test_further_formats(result, tmp_path):
    write_report(replace(result, plane=None, limits=()), tmp_path, "mutau", ["svg", ".pdf"])
    assert {"mu.width.png", "mu.width.svg", "mu.width.pdf"} <= {p.name for p in tmp_path.iterdir()}
    assert check_formats([""]) == (".png",)
    with pytest.raises(MutauError, match="allowed"):
        check_formats(["gif"])


# --- the plane as data for plotly ---------------------------------------------------------------


def test_plotly_accepts_the_plane(result):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    document = plane_document(result.plane)
    drawn = graph_objects.Figure(data=document["data"], layout=document["layout"])
    assert len(drawn.data) == len(document["data"])


def test_the_drawn_points_are_those_of_the_limits(result):
    document = plane_document(result.plane)
    found = {}
    for trace in document["data"]:
        if trace["showlegend"]:
            found.setdefault(trace["name"], trace)
    ours = found["na64mu (this work)"]
    assert np.allclose(ours["x"], MASS, rtol=1e-5)
    assert np.allclose(ours["y"], result.limits[0].coupling, rtol=1e-5)
    assert "90 % CL" in ours["hovertemplate"]
    assert "bayes" in ours["hovertemplate"]
    assert "%{x" in ours["hovertemplate"]
    ended = found["na64e, α<sub>D</sub> = 0.1 (this work)"]
    assert len(ended["x"]) == np.sum(MASS < 0.1)  # no point where nothing is excluded
    ccfr = found["CCFR trident"]
    assert "95 % CL" in ccfr["hovertemplate"]
    assert "Phys. Rev. Lett. 66" in html.unescape(ccfr["hovertemplate"])


def test_one_year_is_shown_and_all_are_there(result):
    document = plane_document(result.plane)
    bands = [trace for trace in document["data"] if trace["legendgroup"] == "gm2"]
    years = {trace["meta"]["year"] for trace in bands}
    assert years == {2006, 2021, 2023, 2025} == {item["year"] for item in document["years"]}
    assert {t["meta"]["year"] for t in bands if t["visible"] is True} == {2021}
    by_year = {band.meta["year"]: band for band in g_minus_2_bands("lmu-ltau", (1e-4, 10.0))}
    for trace in bands:
        if trace["showlegend"] and trace["meta"]["year"] != 2025:
            assert np.allclose(trace["y"], by_year[trace["meta"]["year"]].y, rtol=1e-5)
    # 2025 is compatible with zero: no lower edge is drawn, only the fill down to nothing
    lower = [t for t in bands if t["meta"]["year"] == 2025 and t["showlegend"]]
    assert lower[0]["x"] == []


def test_groups_of_curves_are_unique_and_complete(result):
    document = plane_document(result.plane)
    groups = [curve["group"] for curve in document["curves"]]
    assert len(groups) == len(set(groups))
    assert set(groups) == {trace["legendgroup"] for trace in document["data"]}


def test_what_a_published_number_allows_in_words():
    table = paper_numbers()
    assert allowed_text(table["mu.fig2.160"]) == "0.15 to 0.35 (range)"
    assert allowed_text(table["mu.da"]).startswith("192 to 310 × 1e-11")
    assert allowed_text(table["mu.width"]) == ""
    assert allowed_text(table["me.gamma.energy"]).startswith("from 12.5 GeV")
