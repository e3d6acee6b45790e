"""Figures as data and as files: kinds of series, areas on the right side, equal files, styles."""

import json

import numpy as np
import pytest
from PIL import Image

from mutau.core.errors import MissingExtra, MutauError
from mutau.core.figure import Figure, Series
from mutau.report import static
from mutau.report.palette import coloured, html_label, plain_label
from mutau.report.static import STYLES, check_style, write_figure

X = np.array([1.0, 2.0, 4.0, 8.0])
Y = np.array([1.0, 1.0, 1.0, 1.0])


def figure(*series, **more):
    window = {"x_range": (1.0, 8.0), "y_range": (0.1, 10.0), "log": "xy"}
    texts = {"id": "f", "title": "", "x_label": "x", "y_label": "y"}
    return Figure(**{**texts, **window, **more, "series": series})


def heat(z=None, **more):
    z = np.arange(6.0).reshape(2, 3) if z is None else z
    return Series("", np.arange(4.0), np.arange(3.0), kind="heatmap", z=z, **more)


def pixels(tmp_path, drawn):
    """Colours of the drawing where the axes are: middle of the lower and of the upper half."""
    write_figure(drawn, tmp_path / "f.png")
    with Image.open(tmp_path / "f.png") as picture:
        array = np.asarray(picture.convert("RGB"), int)
    height, width = array.shape[:2]
    return tuple(tuple(array[int(height * share), width // 2]) for share in (0.7, 0.25))


@pytest.mark.parametrize(
    ("kind", "more", "inside"),
    [
        ("region", {}, (False, True)),
        ("region-below", {}, (True, False)),
        ("region", {"y2": 2.0 * Y}, (False, False)),
        ("band", {"y2": 9.0 * Y}, (False, True)),
        ("line", {}, (False, False)),
    ],
)
def test_an_area_lies_on_its_side_of_the_line(tmp_path, kind, more, inside):
    found = pixels(tmp_path, figure(Series("", X, Y, kind=kind, role="published", **more)))
    assert tuple(colour != (255, 255, 255) for colour in found) == inside


def test_a_closed_region_is_filled_inside_only(tmp_path):
    corners = np.array([1.5, 6.0, 6.0, 1.5]), np.array([2.0, 2.0, 8.0, 8.0])
    lower, upper = pixels(tmp_path, figure(Series("", *corners, kind="region-closed")))
    assert lower == (255, 255, 255)
    assert upper != (255, 255, 255)


def test_where_nothing_is_excluded_the_region_ends(tmp_path):
    nowhere = Series("", X, np.full(4, np.inf), kind="region", role="published")
    assert pixels(tmp_path, figure(nowhere)) == ((255, 255, 255),) * 2


def test_a_heatmap_shows_its_cells_and_leaves_empty_ones_white(tmp_path):
    z = np.array([[0.0, 0.0, 0.0], [5.0, 7.0, 9.0]])  # lower row empty
    drawn = figure(heat(z), x_range=None, y_range=None, log="z", z_label="events")
    lower, upper = pixels(tmp_path, drawn)
    assert lower == (255, 255, 255)
    assert upper != (255, 255, 255)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"kind": "heatmap"}, "z belongs to a heatmap"),
        ({"z": np.ones((3, 3))}, "z belongs to a heatmap"),
        ({"kind": "wiggle"}, "unknown"),
        ({"err": np.ones(3)}, "err has 3"),
        ({"y2": np.ones(5)}, "y2 has 5"),
        ({"y": np.array([1.0, np.nan, 1.0, 1.0])}, "not a number"),
        ({"x": X[:3]}, "x has 3"),
    ],
)
def test_what_does_not_fit_is_refused(words, reason):
    with pytest.raises(MutauError, match=reason):
        Series(**{"label": "a", "x": X, "y": Y, **words})


def test_a_heatmap_checks_shape_and_edges():
    with pytest.raises(MutauError, match=r"\(2, 3\)"):
        heat(np.ones((3, 2)))
    with pytest.raises(MutauError, match="increase"):
        Series("", np.zeros(4), np.arange(3.0), kind="heatmap", z=np.ones((2, 3)))


def test_a_figure_survives_json_to_the_last_digit():
    series = (
        Series("a", X / 3.0, np.array([0.1, np.inf, -np.inf, 1 / 7]), err=Y / 9.0, note="n"),
        Series("b", X, Y[:3], kind="steps", role="model", dashed=True, meta={"cl": 0.9}),
        heat(np.array([[1.0, np.inf, 3.0], [1 / 3, 5.0, 6.0]])),
    )
    before = figure(*series, z_label="events", caption="c", meta={"k": 1})
    text = json.dumps(before.to_dict(), allow_nan=False)
    after = Figure.from_dict(json.loads(text))
    assert after.to_dict() == before.to_dict()
    for old, new in zip(before.series, after.series, strict=True):
        for name in ("x", "y", "err", "z"):
            one, two = getattr(old, name), getattr(new, name)
            assert (one is None and two is None) or np.array_equal(one, two)
    assert after.x_range == (1.0, 8.0)
    with pytest.raises(MutauError, match="not the data of a figure"):
        Figure.from_dict({"id": "f"})


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_equal_figures_give_equal_files(tmp_path, suffix):
    drawn = figure(Series("$g'$", X, Y, kind="region", role="published"), heat(), y_range=None)
    for name in ("one", "two"):
        write_figure(drawn, tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


@pytest.mark.parametrize("style", STYLES)
def test_every_style_draws_our_labels_without_a_warning(tmp_path, style, caplog):
    """Warnings are errors: a sign that a journal's font lacks would be one, or is logged."""
    drawn = figure(Series("M³, K → μνZ′, ≥ 2σ, $(g-2)_\\mu$", X, Y), title="g−2 × 10⁻¹¹ νν̄")
    write_figure(drawn, tmp_path / "f.png", style)
    assert not caplog.records
    with Image.open(tmp_path / "f.png") as picture:
        assert picture.size == (1080, 810)


def test_many_curves_put_the_legend_beside_the_axes(tmp_path):
    inside = [Series(f"curve {i}", X, Y * i) for i in range(1, 7)]
    outside = Series("beyond the axes", 1000.0 * X, Y)
    write_figure(figure(*inside[:5], outside), tmp_path / "few.png")
    write_figure(figure(*inside), tmp_path / "many.png")
    with Image.open(tmp_path / "few.png") as few, Image.open(tmp_path / "many.png") as many:
        assert many.size[0] > few.size[0]  # the curve out of sight took no line of the legend
        assert many.size[1] == few.size[1]


def test_unknown_styles_and_missing_packages_are_named_before_drawing(monkeypatch):
    with pytest.raises(MutauError, match="allowed: mutau, ATLAS"):
        check_style("NATURE")
    monkeypatch.setattr(static, "find_spec", lambda name: None if name == "mplhep" else name)
    assert check_style("mutau") == "mutau"
    with pytest.raises(MissingExtra, match=r"mutau\[plot\]"):
        check_style("ATLAS")


def test_colours_follow_role_and_order_and_differ():
    series = [Series(str(i), X, Y, role=role) for role in ("ours", "published") for i in range(8)]
    colours = [colour for _, colour in coloured(series)]
    assert len(set(colours)) == len(colours)


def test_a_published_curve_keeps_its_colour_in_other_company():
    def colours(*names):
        series = [Series(name, X, Y, role="published", meta={"name": name}) for name in names]
        return {item.label: colour for item, colour in coloured(series)}

    many = colours("babar4mu-2016", "mine", "borexino-2011", "ccfr-1991", "yours")
    few = colours("yours", "ccfr-1991-to-b-l", "borexino-2011")
    assert len(set(many.values())) == 5
    assert many["borexino-2011"] == few["borexino-2011"]
    assert many["ccfr-1991"] == few["ccfr-1991-to-b-l"]
    assert len(set(few.values())) == 3


@pytest.mark.parametrize(
    ("label", "shown", "plain"),
    [
        ("$m_{Z'}$ [GeV]", "m<sub>Z′</sub> [GeV]", "m_Z′ [GeV]"),
        ("$E'_\\mu$ < 80 & more", "E′<sub>μ</sub> &lt; 80 &amp; more", "E′_μ < 80 & more"),
        ("$\\theta_{\\mu,\\mathrm{th}}$", "θ<sub>μ,th</sub>", "θ_μ,th"),
        ("$10^{a_{b}}$", "10<sup>a<sub>b</sub></sup>", "10^a_b"),
        ("$\\bar{\\nu} \\to x$", "ν̄ → x", "ν̄ → x"),
        ("5 $ a_b", "5 $ a_b", "5 $ a_b"),
        ("<script>", "&lt;script&gt;", "<script>"),
    ],
)
def test_labels_without_mathtext(label, shown, plain):
    assert html_label(label) == shown
    assert plain_label(label) == plain
