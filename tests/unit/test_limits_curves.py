"""Curves in the plane: interpolation, exclusion, and users' files, good and bad."""

import math
from pathlib import Path

import numpy as np
import pytest

from mutau.bounds import PublishedLimit, load_card, load_curve
from mutau.core.errors import FileError, MutauError, OutOfRange, Problems, UnknownName


def line(mass, coupling, **options):
    return PublishedLimit("toy", np.array(mass), np.array(coupling), **options)


def test_straight_in_the_logarithms():
    # coupling = 1e-3 (m/0.01)^2 through two points: half way in log m is half way in log g
    curve = line([0.01, 1.0], [1e-3, 10.0])
    assert float(curve.coupling_at(0.1)) == pytest.approx(0.1, rel=1e-12)
    np.testing.assert_allclose(
        curve.coupling_at([[0.01, 0.02], [0.5, 1.0]]), [[1e-3, 4e-3], [2.5, 10.0]], rtol=1e-12
    )


def test_beyond_the_curve():
    curve = line([0.01, 1.0], [1e-3, 10.0])
    for mass in (0.00999, 1.001):
        with pytest.raises(OutOfRange, match=r"beyond the curve 'toy'.*\[0.01, 1\]"):
            curve.coupling_at(mass)
    values = curve.coupling_at([0.005, 0.1, 2.0], outside="nan")
    assert np.isnan(values[[0, 2]]).all()
    assert values[1] == pytest.approx(0.1)
    with pytest.raises(MutauError, match="outside = 'zero'"):
        curve.coupling_at(0.1, outside="zero")
    with pytest.raises(OutOfRange, match="positive"):
        curve.coupling_at([0.1, math.nan], outside="nan")


def test_upper_and_lower_limit():
    upper = line([0.01, 1.0], [1e-3, 1e-3])
    lower = line([0.01, 1.0], [1e-3, 1e-3], excludes="below")
    g = np.array([0.9e-3, 1e-3, 1.1e-3])
    assert upper.is_excluded(0.1, g).tolist() == [False, False, True]
    assert lower.is_excluded(0.1, g).tolist() == [True, False, False]
    with pytest.raises(OutOfRange):
        upper.is_excluded([0.1, 5.0], 1.0)
    assert upper.is_excluded([0.1, 5.0], 1.0, outside="no").tolist() == [True, False]
    with pytest.raises(OutOfRange, match="coupling"):
        upper.is_excluded(0.1, -1.0)
    with pytest.raises(MutauError, match="outside"):
        upper.is_excluded(0.1, 1.0, outside="nan")


def test_closed_region():
    # a square in log-log, 1e-3..1e-1 by 1e-5..1e-3, points in order round it
    square = line([1e-3, 1e-1, 1e-1, 1e-3], [1e-5, 1e-5, 1e-3, 1e-3], excludes="inside")
    mass = np.array([1e-2, 1e-2, 1e-2, 2e-3])
    coupling = np.array([1e-4, 1e-6, 1e-2, 9e-4])
    assert square.is_excluded(mass, coupling).tolist() == [True, False, False, True]
    with pytest.raises(MutauError, match="closed region"):
        square.coupling_at(0.01)
    # a triangle: the hypotenuse runs from (1e-3, 1e-5) to (1e-1, 1e-3), that is g = m/100
    triangle = line([1e-3, 1e-1, 1e-1], [1e-5, 1e-5, 1e-3], excludes="inside")
    m = np.array([1e-2, 1e-2])
    assert triangle.is_excluded(m, [0.99e-4, 1.01e-4]).tolist() == [True, False]


def test_vertical_steps_take_the_weaker_bound():
    jagged = line([1.0, 2.0, 2.0, 2.0, 4.0], [1e-3, 1e-3, 5e-3, 2e-3, 2e-3])
    assert float(jagged.coupling_at(2.0)) == pytest.approx(5e-3, rel=1e-14)
    assert float(jagged.coupling_at(1.999)) == pytest.approx(1e-3)
    assert float(jagged.coupling_at(2.001)) == pytest.approx(2e-3)
    below = line([1.0, 2.0, 2.0, 4.0], [1e-3, 1e-3, 5e-3, 2e-3], excludes="below")
    assert float(below.coupling_at(2.0)) == pytest.approx(1e-3, rel=1e-14)


def test_a_theory_line_excludes_nothing():
    with pytest.raises(MutauError, match="excludes nothing"):
        line([1.0, 2.0], [1.0, 1.0], excludes="nothing", kind="contour").is_excluded(1.5, 2.0)


def test_points_cannot_be_changed():
    curve = line([1.0, 2.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        curve.mass[0] = 3.0


GOOD = "# cl: 90 % CL\n# title: mine\nmass_GeV,coupling\n0.01,1e-3\n0.1,2e-3\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_users_curve(tmp_path):
    curve = load_curve(written(tmp_path, GOOD))
    assert (curve.name, curve.title, curve.cl, curve.model) == ("mine", "mine", 0.90, "lmu-ltau")
    assert curve.excludes == "above"
    assert float(curve.coupling_at(0.1)) == pytest.approx(2e-3)
    other = load_curve(
        written(tmp_path, GOOD), cl=0.95, name="x", model="dark-photon", excludes="below"
    )
    assert (other.cl, other.name, other.model, other.excludes) == (
        0.95,
        "x",
        "dark-photon",
        "below",
    )
    region = "# cl: 0.95\n# excludes: inside\nmass_GeV,coupling\n1,1\n2,1\n1.5,2\n"
    assert load_curve(written(tmp_path, region)).is_excluded(1.5, 1.2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD.replace("0.1,2e-3", "0.001,2e-3"), "line 5/mass_GeV: 0.001 is below the one before"),
        (GOOD.replace("2e-3", "-2e-3"), "line 5/coupling: -0.002 is not positive"),
        (GOOD.replace("2e-3", "nan"), "line 5/coupling: nan is not a finite number"),
        (GOOD.replace("0.1,", "inf,"), "line 5/mass_GeV: inf is not a finite number"),
        (GOOD.replace("0.01,", "0,"), "line 4/mass_GeV: 0 is not positive"),
        (GOOD.replace("0.1,2e-3", "0.1"), "line 5: '0.1' is not two numbers"),
        (GOOD.replace("0.1,2e-3", "0.1,2e-3,7"), "line 5: '0.1,2e-3,7' is not two numbers"),
        (GOOD.replace("0.1,2e-3\n", ""), "at least 2 are needed, not 1"),
        (GOOD.replace("mass_GeV", "mass_cm"), "line 3: 'mass' has the unit 'cm'"),
        (GOOD.replace("mass_GeV", "E_GeV"), "line 3: the header must be 'mass_GeV,coupling'"),
        (GOOD.replace(",coupling", ",sigma"), "line 3: 'sigma' is not known to be a coupling"),
        (GOOD.replace("90 % CL", "strong"), "cl: 'strong' is not a confidence level"),
        (GOOD.replace("# cl: 90 % CL\n", ""), "cl: is not stated"),
        (GOOD.replace("90 % CL", "2 %"), "not a confidence level"),
        ("# model: z-prime\n" + GOOD, "model: 'z-prime' is not a model"),
        ("# excludes: left\n" + GOOD, "excludes: 'left' is not one of"),
        ("", "at least 2 are needed, not 0"),
    ],
)
def test_bad_files_are_refused_with_their_place(tmp_path, text, complaint):
    with pytest.raises(Problems, match="nothing was run") as caught:
        load_curve(written(tmp_path, text))
    assert complaint in str(caught.value)
    assert "mine.csv" in str(caught.value)


def test_all_problems_at_once(tmp_path):
    text = "# cl: 0.9\nmass_GeV,coupling\n0.2,1e-3\n0.1,-1\nx,y\n"
    with pytest.raises(Problems) as caught:
        load_curve(written(tmp_path, text))
    assert len(caught.value.problems) == 3


def test_files_that_are_not_there(tmp_path):
    for load in (load_curve, load_card):
        with pytest.raises(FileError, match="cannot read"):
            load(tmp_path / "nowhere")
    with pytest.raises(Problems, match="confidence level"):
        load_curve(written(tmp_path, GOOD), cl=90.0)
    with pytest.raises(UnknownName, match="exclusion"):
        load_curve(written(tmp_path, GOOD), excludes="left")


CARD = """schema = 1
name = "mine"
title = "Mine"
quantity = "coupling_upper_limit"
description = "toy"
model = "lmu-ltau"
kind = "limit"
basis = "measured"
excludes = "above"
cl = 0.90
source = "CCFR:1991"
assumption = "none"
curve = "mine.csv"
origin = "made up"
conversion = "none"
plot = true
plot_reason = "a test"
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "Mine"', 'titel = "Mine"', "titel: is unknown; did you mean 'title'?"),
        ("cl = 0.90", "cl = 90.0", "cl: 90.0 is not a confidence level"),
        ("cl = 0.90\n", "", "cl: is missing"),
        ('model = "lmu-ltau"', 'model = "b-x"', "model: 'b-x' is not a model"),
        ('kind = "limit"', 'kind = "wish"', "kind: 'wish' is not one of"),
        ('excludes = "above"', 'excludes = "below"', "quantity: does not go with"),
        ("plot = true", 'plot = "yes"', "plot: 'yes' is not true or false"),
        ("schema = 1", "schema = 7", "schema: 7 is not known"),
        ('origin = "made up"', 'origin = ""', "origin: '' is not a text"),
        ('origin = "made up"\n', "", "origin: is missing"),
        ("cl = 0.90", "cl = 0.90\nalso = 3", "also: must be a list"),
        ("cl = 0.90", "cl =", "TOML"),
    ],
)
def test_bad_cards_are_refused(tmp_path, old, new, complaint):
    written(tmp_path, GOOD)
    path = tmp_path / "mine.toml"
    path.write_text(CARD, encoding="utf-8")
    assert load_card(path).cl == 0.90
    path.write_text(CARD.replace(old, new), encoding="utf-8")
    with pytest.raises(MutauError) as caught:
        load_card(path)
    assert complaint in str(caught.value)
