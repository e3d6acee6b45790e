"""What any limit must obey, on random models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.stats import CountingModel, fit, p_value, solve_coupling, upper_limit

pytestmark = pytest.mark.compiled

FAST = ("asymptotic", "asymptotic-cls", "bayes")

counts = st.integers(0, 12)
backgrounds = st.floats(0.05, 8.0)
errors = st.floats(0.05, 0.6)
constraints = st.sampled_from(["gaussian", "lognormal", "gamma"])


@st.composite
def models(draw):
    size = draw(st.integers(1, 3))
    background = np.array([draw(backgrounds) for _ in range(size)])
    return CountingModel.from_arrays(
        [draw(st.floats(0.1, 5.0)) for _ in range(size)],
        background,
        background * draw(errors),
        [draw(counts) for _ in range(size)],
        constraint=draw(constraints),
        systematics={"yield": draw(st.floats(0.0, 0.5))},
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(models(), st.floats(0.1, 50.0), st.sampled_from(FAST))
def test_limit_scales_inversely_with_the_signal(model, factor, method):
    scaled = CountingModel.from_arrays(
        factor * model.signal,
        model.background,
        [channel.background_err for channel in model.channels],
        model.observed,
        constraint=model.channels[0].constraint,
        systematics=model.channels[0].systematics,
    )
    before = upper_limit(model, method=method).strength
    assert upper_limit(scaled, method=method).strength == pytest.approx(before / factor, rel=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(models(), st.sampled_from(FAST))
def test_more_confidence_is_a_weaker_limit_and_the_p_value_agrees(model, method):
    limits = [upper_limit(model, cl, method).strength for cl in (0.6, 0.9, 0.99)]
    assert limits == sorted(limits)
    if limits[1] > 0.0:
        assert p_value(model, limits[1], method)[0] == pytest.approx(0.1, rel=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(backgrounds, errors, counts, constraints)
def test_more_observed_events_are_a_weaker_limit(background, error, n, constraint):
    def limit(seen, method):
        model = CountingModel.from_arrays(
            1.0,
            background,
            error * background,
            seen,
            constraint=constraint,
            systematics={"yield": 0.2},
        )
        return upper_limit(model, method=method).strength

    for method in FAST:
        assert limit(n, method) <= limit(n + 1, method) * (1 + 1e-9)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(models())
def test_the_best_fit_is_not_beaten_by_any_fixed_strength(model):
    best = fit(model)
    assert best.nll >= 0.0
    for strength in (0.0, 0.5 * best.strength, 2.0 * best.strength + 0.1, 5.0):
        assert fit(model, strength).nll >= best.nll - 1e-9


@settings(max_examples=30, deadline=None, derandomize=True)
@given(models(), st.floats(0.0, 0.4), st.floats(0.05, 0.4))
def test_a_larger_signal_error_is_a_weaker_bayesian_limit(model, small, more):
    def limit(size):
        return upper_limit(
            CountingModel.from_arrays(
                model.signal, model.background, 0.0, 0, systematics={"yield": size}
            )
        ).strength

    assert limit(small + more) > limit(small)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.floats(0.5, 6.0), st.floats(-6.0, -1.0), st.floats(0.5, 20.0), st.floats(-7.0, 0.0))
def test_coupling_of_any_power_law(power, log_coupling, limit, log_start):
    true = 10.0**log_coupling
    found = solve_coupling(
        lambda g: limit * (g / true) ** power, limit, start=10.0**log_start, tolerance=1e-8
    )
    assert found.coupling == pytest.approx(true, rel=1e-6)
    assert found.power == pytest.approx(power, rel=1e-4)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(models(), st.integers(0, 5))
def test_adding_an_empty_channel_changes_nothing(model, n):
    channels = CountingModel.from_arrays(0.0, 1.0, observed=n).channels
    from dataclasses import replace

    more = CountingModel((*model.channels, replace(channels[0], name="empty")))
    for method in FAST:
        assert upper_limit(more, method=method).strength == pytest.approx(
            upper_limit(model, method=method).strength, rel=1e-6
        )
