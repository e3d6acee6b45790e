"""The measure of the search over cuts, and the search on problems with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import poisson

from mutau.analysis.muone_objective import mean_limit
from mutau.analysis.muone_search import CutSearch, Weighted
from mutau.stats import CountingModel, upper_limit

OPEN = (-math.inf, math.inf)


@pytest.mark.parametrize("cl", [0.90, 0.95])
def test_no_background_gives_the_zero_event_limit(cl):
    assert float(mean_limit(0.0, cl=cl)) == pytest.approx(-math.log(1.0 - cl), rel=1e-9)


@pytest.mark.parametrize("background", [0.3, 3.0, 12.0])
def test_known_background_is_the_mean_over_outcomes(background):
    """Against the Bayesian limit of the sub-package `stats`, outcome by outcome."""
    total = 0.0
    for n in range(60):
        model = CountingModel.from_arrays(1.0, background, observed=n)
        total += poisson.pmf(n, background) * upper_limit(model, 0.90, "bayes").events
    assert float(mean_limit(background)) == pytest.approx(total, rel=3e-3)


def test_many_events_and_an_uncertain_background():
    """1.645 standard deviations of count and error together (CLs at 90 %)."""
    for background, error in ((1e5, 0.0), (1e5, 1e3), (1e7, 1.5e6)):
        expected = 1.6448536 * math.hypot(math.sqrt(background), error)
        assert float(mean_limit(background, error)) == pytest.approx(expected, rel=4e-3)
    model = CountingModel.from_arrays(1.0, 1e3, 100.0)
    assert float(mean_limit(1e3, 100.0)) == pytest.approx(
        upper_limit(model, 0.90, "bayes").events, rel=0.02
    )


def test_more_background_never_helps():
    grid = np.concatenate([[0.0], np.geomspace(1e-3, 1e6, 400)])
    assert np.all(np.diff(mean_limit(grid)) >= 0.0)


def events(x, y, weight, part):
    return Weighted(
        {"x": np.asarray(x, float), "y": np.asarray(y, float)},
        np.asarray(weight, float),
        np.asarray(part),
        np.zeros(2),
        np.array([False, True]),
    )


def test_the_step_finds_where_the_background_ends():
    """Signal even in 0..1, a large background in 0..0.4: cut at 0.4, up to the grid of 1/120."""
    rng = np.random.default_rng(1)
    n = 20_000
    x = np.concatenate([rng.random(n), 0.4 * rng.random(n)])
    weight = np.concatenate([np.full(n, 1e-2), np.full(n, 1.0)])
    search = CutSearch(events(x, x, weight, np.repeat([0, 1], n)), [("x", "min")], 0.90)
    threshold, figure = search.step({("x", "min"): -math.inf}, ("x", "min"), OPEN)
    assert 0.4 <= threshold < 0.41
    kept = float(weight[:n][x[:n] >= threshold].sum()) - 0.01 * math.sqrt(0.6 * n)
    assert figure == pytest.approx(float(mean_limit(1.0, 1.0)) / kept, rel=0.02)
    assert search.value({("x", "min"): threshold}) == pytest.approx(figure, rel=1e-6)


def test_two_variables_close_in_on_a_box():
    """Signal in the corner x > 0.6, y < 0.3 of an even background."""
    rng = np.random.default_rng(2)
    n = 30_000
    x = np.concatenate([0.6 + 0.4 * rng.random(n), rng.random(n)])
    y = np.concatenate([0.3 * rng.random(n), rng.random(n)])
    weight = np.concatenate([np.full(n, 3e-3), np.full(n, 0.1)])
    sides = [("x", "min"), ("y", "max")]
    search = CutSearch(events(x, y, weight, np.repeat([0, 1], n)), sides, 0.90)
    bounds = dict.fromkeys(sides, OPEN)
    cuts, _ = search.descend({("x", "min"): -math.inf, ("y", "max"): math.inf}, bounds)
    assert cuts[("x", "min")] == pytest.approx(0.6, abs=0.02)
    assert cuts[("y", "max")] == pytest.approx(0.3, abs=0.02)


def test_an_empty_pocket_of_a_thin_sample_is_not_believed():
    """Twenty background events of weight 100, none above x = 0.9 by chance: the pocket counts as
    one event, so 10 % of the signal there is worth less than all of it."""
    x = np.concatenate([np.linspace(0.0, 1.0, 1000), np.linspace(0.0, 0.9, 20)])
    weight = np.concatenate([np.full(1000, 1.0), np.full(20, 100.0)])
    part = np.repeat([0, 1], [1000, 20])
    search = CutSearch(events(x, x, weight, part), [("x", "min")], 0.90)
    threshold, _ = search.step({("x", "min"): -math.inf}, ("x", "min"), OPEN)
    pocket = search.value({("x", "min"): 0.901})
    assert pocket > float(mean_limit(0.0)) / 100.0 * 5.0
    assert search.value({("x", "min"): threshold}) <= pocket
