"""Colours that stay apart for every reader: CIELAB distances under three kinds of vision."""

import numpy as np
import pytest

from mutau.report.palette import OURS, PUBLISHED

#: In linear RGB: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, IEEE Trans. Vis. Comput. Graph.
#: 15 (2009) 1291, table 1, severity 1.
VISION = {
    "normal": np.eye(3),
    "protan": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                        [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                        [-0.011820, 0.042940, 0.968881]]),
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def linear(colour):
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    t = XYZ @ np.clip(rgb, 0.0, 1.0) / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_lab_of_known_colours():
    """White is 100, 0, 0; pure red 53.2, 80.1, 67.2 (CIE 1976 of sRGB)."""
    assert lab(linear("#ffffff")) == pytest.approx([100.0, 0.0, 0.0], abs=0.05)
    assert lab(linear("#ff0000")) == pytest.approx([53.2, 80.1, 67.2], abs=0.2)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(("family", "least"), [(OURS, 14.0), (PUBLISHED, 12.0)])
def test_colours_of_a_family_are_apart(family, least, vision):
    seen = [lab(VISION[vision] @ linear(colour)) for colour in family]
    apart = {
        (family[i], family[j]): float(np.linalg.norm(seen[i] - seen[j]))
        for i in range(len(seen)) for j in range(i)
    }  # fmt: skip
    assert min(apart.values()) >= least, min(apart, key=apart.__getitem__)


@pytest.mark.parametrize("colour", [*OURS, *PUBLISHED])
def test_a_line_shows_on_white_paper(colour):
    assert lab(linear(colour))[0] < 68.0
