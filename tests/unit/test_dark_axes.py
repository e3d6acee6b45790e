"""The plane of m_chi and y is the plane of mass and coupling, point by point."""

import math

import pytest

from mutau.analysis.dark_axes import dark_matter_plane, plane_by, y_of
from mutau.analysis.plane import Overlay, exclusion_plane
from mutau.analysis.settings import Settings
from mutau.core.errors import MutauError
from mutau.models import Family

OPTIONS = {"overlay": Overlay(only=("none",)), "settings": Settings(n_events=400)}


def test_y_of_a_coupling():
    assert y_of(Family("dark-photon", 1.0, 1.0), 1e-3) == pytest.approx(1e-6)
    assert y_of(Family("dark-photon", 0.5, 3.0), 1e-4) == pytest.approx(0.5 * 1e-8 / 81.0)
    # epsilon is g/e for another boson: y e^2 = alpha_D g^2/R^4
    e2 = 4.0 * math.pi / 137.035999
    assert y_of(Family("lmu-ltau", 0.5, 3.0), 1e-4) * e2 == pytest.approx(0.5 * 1e-8 / 81.0)


@pytest.mark.compiled
def test_the_same_limit_on_other_axes():
    family = Family("dark-photon", 0.1, 4.0, "dirac")
    plain = exclusion_plane(("na64e",), [0.05, 0.1], family, **OPTIONS)
    drawn = dark_matter_plane(("na64e",), [0.05, 0.1], family, **OPTIONS)
    assert drawn.limits[0].coupling == pytest.approx(plain.limits[0].coupling)
    (one,) = (s for s in plain.figure.series if s.meta.get("experiment") == "na64e")
    (other,) = (s for s in drawn.figure.series if s.meta.get("experiment") == "na64e")
    assert other.x == pytest.approx(one.x / 4.0)
    assert other.y == pytest.approx(0.1 * one.y**2 / 256.0)
    assert other.err / other.y == pytest.approx(2.0 * one.err / one.y)
    assert drawn.figure.x_range == pytest.approx((0.0125, 0.025))
    assert "Dirac" in other.label


def test_axes_by_name():
    with pytest.raises(MutauError, match="no pair of axes"):
        plane_by("chi")
    with pytest.raises(MutauError, match="a plane of dark matter needs some"):
        plane_by("dark-matter")(("na64e",), [0.05], "dark-photon")
