"""Every registered method keeps one contract; whoever registers one inherits these tests."""

import math

import pytest

from mutau.core.errors import OutOfRange
from mutau.stats import METHODS, Channel, CountingModel, UpperLimit, upper_limit

SEEN = CountingModel.from_arrays(4.0, observed=0, signal_err=0.2)


@pytest.mark.compiled
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


@pytest.mark.compiled
@pytest.mark.parametrize("method", list(METHODS))
def test_the_seed_fixes_the_limit(method):
    limits = {upper_limit(SEEN, method=method, n_toys=2000, seed=3).strength for _ in range(2)}
    assert len(limits) == 1


@pytest.mark.compiled
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


def channels(*rows):
    """A model of (signal, background, its error, observed) rows."""
    signal, background, error, observed = map(list, zip(*rows, strict=True))
    return CountingModel.from_arrays(signal, background, error, observed)


#: Counts of every kind: none, few, many, fewer than the background, not whole, several channels;
#: signal and background known exactly or not.
COUNTS = {
    "nothing": channels((4.0, 0.0, 0.0, 0)),
    "nothing beside background": channels((4.0, 0.7, 0.3, 0)),
    "few": channels((4.0, 1.5, 0.0, 3)),
    "few, background uncertain": channels((4.0, 1.5, 0.5, 3)),
    "many": channels((40.0, 100.0, 0.0, 103)),
    "many, background uncertain": channels((40.0, 100.0, 9.0, 103)),
    "far fewer than background": channels((4.0, 9.0, 0.0, 2)),
    "not whole": channels((4.0, 1.5, 0.5, 1.5)),
    "two channels": channels((4.0, 1.0, 0.2, 1), (2.0, 0.5, 0.0, 0)),
    "very many in two channels": channels((4e3, 1e6, 10.0, 1000000), (4e3, 1e6, 10.0, 1000000)),
    "a signal error": CountingModel.from_arrays(4.0, 0.5, 0.2, 1, systematics={"flux": 0.1}),
    "a signal error, nothing else": CountingModel.from_arrays(
        4.0, observed=0, systematics={"flux": 0.1}
    ),
    "four signal errors": CountingModel(
        tuple(
            Channel(f"period {k}", 1.0, 0.2, 0.1, 0, systematics={f"error {k}": 0.1})
            for k in range(4)
        )
    ),
}


@pytest.mark.compiled
@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_computes_or_refuses_with_a_reason(method, counts):
    """A refusal is declared before anything is computed, a doubt stands beside the limit."""
    model, way = COUNTS[counts], METHODS[method]
    refused = way.refuses(model)
    if refused is not None:
        assert refused.remedy
        assert method in str(refused) or "Bayesian" in str(refused)
        with pytest.raises(type(refused)) as raised:
            upper_limit(model, method=method)
        assert str(raised.value) == str(refused)
        return
    limit = upper_limit(model, method=method, n_toys=1000)
    assert 0.0 <= limit.strength < math.inf
    assert limit.strength > 0.0 or limit.warnings  # all signals excluded: only with a doubt
    assert limit.warnings == way.outside(model)


def test_what_is_refused_and_doubted_is_what_the_methods_say():
    """The table of refusals and doubts, by hand from what each method assumes."""
    refused = {m: {k for k, v in COUNTS.items() if METHODS[m].refuses(v)} for m in METHODS}
    exact = {k for k in COUNTS if "uncertain" in k or "error" in k or k == "not whole"} | {
        "nothing beside background", "two channels", "very many in two channels",
    }  # fmt: skip
    assert refused["classical"] == refused["feldman-cousins"] == exact
    assert refused["bayes"] == {"not whole"}
    assert refused["events"] == set(COUNTS) - {"nothing"}
    for method in ("asymptotic", "asymptotic-cls", "toys", "toys-cls", "hybrid-cls"):
        assert refused[method] == set()
    doubted = {k for k, v in COUNTS.items() if METHODS["asymptotic-cls"].outside(v)}
    assert doubted == {k for k in COUNTS if "many" not in k}
    assert METHODS["classical"].outside(COUNTS["far fewer than background"])
    assert not METHODS["bayes"].outside(COUNTS["far fewer than background"])
