"""What a figure for a paper may change: ranges, labels, size, legend, levels; in one's own axes."""

import numpy as np
import pytest

from mutau.cli.looks import pair
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.figure import Figure, Series
from mutau.report.look import Look, looking, ranked, with_levels
from mutau.report.static import draw, write_figure

X = np.array([1.0, 10.0, 100.0])


def curve(label, height=1.0, **meta):
    role = meta.pop("role", "ours")
    return Series(label, X, height * X, role=role, meta=meta)


def figure(*series):
    return Figure("f", "title", "x [GeV]", "g", series, log="xy", x_range=(1.0, 100.0))


def axes():
    from matplotlib.figure import Figure as Canvas

    return Canvas().add_subplot()


def test_a_figure_in_axes_of_ones_own():
    shown = figure(curve("a"), curve("b", 2.0))
    look = Look(x_range=(2.0, 50.0), y_label="$y$", title="", legend="upper left", order=["b"])
    drawn = draw(shown, axes(), look)
    assert drawn.get_xlim() == (2.0, 50.0)
    assert drawn.get_ylabel() == "$y$"
    assert drawn.get_xlabel() == "x [GeV]"
    assert drawn.get_title(loc="left") == ""
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["b", "a"]
    colours = [line.get_color() for line in drawn.get_lines()]
    plain = draw(shown, axes())
    assert [line.get_color() for line in plain.get_lines()] == colours  # order moves no colour
    assert draw(shown, axes(), Look(legend="none")).get_legend() is None


def test_size_and_resolution_are_those_of_the_file(tmp_path):
    from PIL import Image

    path = tmp_path / "f.png"
    write_figure(figure(curve("a")), path, look=Look(size=(3.0, 2.0), dpi=300))
    with Image.open(path) as picture:
        assert picture.size == (900, 600)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"dpi": 1.0}, OutOfRange), ({"size": (0.1, 2.0)}, OutOfRange),
        ({"legend": "inside"}, UnknownName), ({"x_range": (2.0, 1.0)}, MutauError),
    ],
    ids=str,
)  # fmt: skip
def test_what_no_figure_can_have_is_refused(wrong, error):
    with pytest.raises(error):
        Look(**wrong)


def test_ends_and_labels_that_do_not_fit_the_figure():
    with pytest.raises(MutauError, match="logarithmic"):
        looking(figure(curve("a")), Look(y_range=(0.0, 1.0)))
    with pytest.raises(UnknownName, match="did you mean 'abc'"):
        looking(figure(curve("abc")), Look(order=["abd"]))
    assert ranked(["x", "y1", "y2", "z"], ["z", "y"]) == [3, 1, 2, 0]
    with pytest.raises(MutauError, match="two numbers"):
        pair("--x-range", "3", ":")
    with pytest.raises(MutauError, match="not a number"):
        pair("--size", "3xa", "x")


def test_levels_are_said_where_they_are_mixed():
    """Ours at 90 %: what has 95 % says so, what states none is left as it is."""
    mixed = [curve("a", cl=0.9), curve("b", role="published", cl=0.95),
             curve("c", role="published", cl=None)]  # fmt: skip
    assert with_levels(mixed) == {"b": ", 95 % CL"}
    assert with_levels(mixed[:1]) == {}
    texts = [t.get_text() for t in draw(figure(*mixed), axes()).get_legend().get_texts()]
    assert texts == ["a", "b, 95 % CL", "c"]


def test_ticks_of_less_than_two_decades_are_few_and_plain():
    shown = Figure("f", "", "x", "y", (curve("a"),), log="x", x_range=(20.0, 300.0))
    drawn = draw(shown, axes())
    drawn.figure.canvas.draw()
    named = [t.get_text() for t in drawn.get_xticklabels() if t.get_text()]
    inside = [text for text in named if 20.0 <= float(text) <= 300.0]
    assert inside == ["20", "50", "100", "200"]
