"""The figure of the report that shows the limit over exposure."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mutau.background.estimate import Estimate
from mutau.report import na64mu_exposure as part
from mutau.report.reproduction import LEVELS
from mutau.report.runs import Run

pytestmark = pytest.mark.compiled

LEVEL = dataclasses.replace(LEVELS["quick"], events=2000)


def test_curves_with_and_without_background(monkeypatch):
    """Two sources: 4e-11 by geometry, 1e-11 by the rest, so one event at 2e10 and at 1e11."""
    sources = {
        part.GEOMETRY: Estimate(part.GEOMETRY, 4e-11, 0.0, 4e-11, "given", ""),
        "rest": Estimate("rest", 1e-11, 0.0, 5e-12, "given", ""),
    }
    monkeypatch.setattr(part, "table_one", lambda run: sources)
    monkeypatch.setitem(part.EFFORT, "quick", 0.1)
    figure = part.exposure(Run(LEVEL))
    assert "one event at 2.0e+10 ± 2e+10 muons" in figure.caption
    assert "one event at 1.0e+11 ± 5e+10 muons" in figure.caption
    curves = {series.label: series.y for series in figure.series}
    assert len(curves) == 6
    free, rest, everything = (
        curves[f"100 MeV, {label}"]
        for label in ("no background", f"without {part.GEOMETRY}", "all of Table I")
    )
    np.testing.assert_allclose(free * np.sqrt(part.EXPOSURES), free[0] * 1e4, rtol=1e-6)
    assert everything[0] == pytest.approx(free[0], rel=1e-6)
    assert np.all(rest >= free * (1 - 1e-9))
    assert np.all(everything[-8:] > rest[-8:])
    assert everything[-1] / everything[-5] > 0.9  # the error of the background stops the fall


def test_without_computed_background_only_the_free_curve(monkeypatch):
    monkeypatch.setitem(part.EFFORT, "quick", 0.0)
    figure = part.exposure(Run(LEVEL))
    assert len(figure.series) == 2
    assert "not computed at this level" in figure.caption
