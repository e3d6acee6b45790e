"""Every registered method keeps one contract; whoever registers one inherits these tests."""

import math

import pytest

from mutau.core.errors import OutOfRange
from mutau.stats import METHODS, CountingModel, UpperLimit, upper_limit

SEEN = CountingModel.from_arrays(4.0, observed=0, signal_err=0.2)


@pytest.mark.parametrize("method", list(METHODS))
def test_a_limit_is_finite_positive_and_carries_its_error(method):
    limit = upper_limit(SEEN, method=method, n_toys=5000)
    assert isinstance(limit, UpperLimit)
    assert 0.0 < limit.strength < math.inf
    assert limit.strength_err >= 0.05 * limit.strength * (1 - 1e-12)
    assert limit.events == pytest.approx(4.0 * limit.strength)
    assert (limit.method, limit.cl) == (method, 0.90)
    assert "±" in str(limit)
    assert (limit.n_toys > 0) == method.startswith(("toys", "hybrid"))


@pytest.mark.parametrize("method", list(METHODS))
def test_the_seed_fixes_the_limit(method):
    limits = {upper_limit(SEEN, method=method, n_toys=2000, seed=3).strength for _ in range(2)}
    assert len(limits) == 1


@pytest.mark.parametrize("method", list(METHODS))
def test_twice_the_signal_is_half_the_strength(method):
    double = CountingModel.from_arrays(8.0, observed=0)
    ours = upper_limit(double, method=method, n_toys=5000)
    error = 4 * ours.strength_err + 1e-6 * ours.strength
    there = upper_limit(SEEN, method=method, n_toys=5000).strength
    assert abs(2 * ours.strength - there) <= 2 * error


@pytest.mark.parametrize("method", list(METHODS))
def test_no_signal_and_a_bad_level(method):
    assert upper_limit(CountingModel.from_arrays(0.0, observed=0), method=method).strength == (
        math.inf
    )
    with pytest.raises(OutOfRange):
        upper_limit(SEEN, cl=1.0, method=method)
