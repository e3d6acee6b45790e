"""What methods declare, what signal errors do to limits, and many events in no time."""

import math
import time

import numpy as np
import pytest
from scipy.stats import poisson

from mutau.core.errors import MutauError, OutOfRange
from mutau.stats import METHODS, Channel, CountingModel, coverage, p_value, upper_limit
from mutau.stats.bayes import background_counts
from mutau.stats.counting import feldman_cousins_limit
from mutau.stats.profile import actual
from mutau.stats.toys import outcomes, throw_at

model = CountingModel.from_arrays
TOYS = ("toys", "toys-cls", "hybrid-cls")
#: (observed, background, its error).
SEEN = ((0, 0.0, 0.0), (0, 0.7, 0.0), (0, 0.7, 0.3), (1, 0.7, 0.3), (3, 1.2, 0.5))


def _limit(method, n, b, err, size, **options):
    errors = {"yield": size} if size else None
    return upper_limit(model(1.0, b, err, n, systematics=errors), method=method, **options)


@pytest.mark.compiled
@pytest.mark.parametrize("method", TOYS)
@pytest.mark.parametrize(("n", "b", "err"), SEEN)
def test_a_signal_error_never_makes_the_limit_stronger(method, n, b, err):
    # the old ensemble gave 1.49 instead of 2.30 for nothing seen and 15 %, and 2.45/3.16 for 0.01 %
    sharp = _limit(method, n, b, err, 0.0)
    for size in (1e-4, 0.18):
        wide = _limit(method, n, b, err, size)
        error = math.hypot(sharp.strength_err, wide.strength_err)
        assert wide.strength > sharp.strength - 3 * error


@pytest.mark.compiled
@pytest.mark.parametrize("method", [*TOYS, "bayes"])
@pytest.mark.parametrize("constraint", ["gaussian", "lognormal", "gamma"])
def test_no_error_makes_the_limit_stronger_when_nothing_is_seen(method, constraint):
    # two periods, so that a background error could tell outcomes apart
    def limit(err, size):
        errors = {"yield": size} if size else None
        seen = model([0.55, 0.45], [0.4, 0.3], err, 0, systematics=errors, constraint=constraint)
        return upper_limit(seen, method=method)

    sharp = limit(0.0, 0.0)
    for err, size in ((1e-5, 0.0), (0.2, 0.0), (0.0, 1e-4), (0.2, 0.15)):
        wide = limit(err, size)
        error = math.hypot(sharp.strength_err, wide.strength_err)
        assert wide.strength > sharp.strength - 3 * error - 1e-9


@pytest.mark.compiled
def test_toys_for_nothing_seen_average_the_exponential_over_the_signal_error():
    # p(s) = E[exp(-s 1.6^z - b)], b = 0.7 - 0.3^2 the best background: by Gauss-Hermite
    z, w = np.polynomial.hermite_e.hermegauss(40)
    seen = model(1.0, 0.7, 0.3, 0, systematics={"yield": 0.6})
    for method, background in (("toys", 0.61), ("toys-cls", 0.0)):
        p, error = p_value(seen, 1.9, method, n_toys=100_000)
        exact = float(w @ np.exp(-1.9 * 1.6**z - background)) / math.sqrt(2 * math.pi)
        assert abs(p - exact) < 4 * error


def test_outcomes_of_a_control_sample_have_the_stated_mean_and_error():
    seen = CountingModel((Channel("a", 1.0, 2.0, 0.8, 0.0, "gamma"),))
    counts = outcomes(seen, 0.0, 200_000, np.random.default_rng(5))[:, 0]
    assert counts.mean() == pytest.approx(2.0, abs=4 * math.sqrt((2.0 + 0.64) / 200_000))
    assert counts.var() == pytest.approx(2.0 + 0.64, rel=0.02)


@pytest.mark.compiled
def test_toys_of_a_control_sample_fluctuate_about_the_best_background():
    # control sample 4, tau 4 (b = 1 +- 0.5), s = 1, n = 3: 5 b^2 - 2 b - 4 = 0, b = 1.1165
    seen = CountingModel((Channel("a", 1.0, 1.0, 0.5, 3.0, "gamma"),))
    parts = seen.parts()
    data = throw_at(seen, parts, actual(seen, parts), 1.0, 100_000, np.random.default_rng(2))
    best = (2 + math.sqrt(84)) / 10
    for found, mean in ((data.measured[:, 0], 4 * best), (data.n[:, 0], 1.0 + best)):
        assert found.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / 100_000))
        assert found.var() == pytest.approx(mean, rel=0.03)
    assert np.all(data.measured == np.round(data.measured))


def test_the_posterior_of_a_control_sample_has_the_stated_mean_and_error():
    # negative binomial: mean b, variance b + err^2; a flat prior would have b + err^2/b
    probability = np.exp(background_counts(Channel("a", 1.0, 2.0, 0.8, 0.0, "gamma"), 200))
    n = np.arange(201)
    assert probability @ n == pytest.approx(2.0, rel=1e-9)
    assert probability @ n**2 - 4.0 == pytest.approx(2.64, rel=1e-9)


@pytest.mark.compiled
def test_toys_cover():
    # 16 % below the level was possible for the asymptotic formula; toys reach it within 4 %
    seen = model([0.55, 0.45], [0.4, 0.3], 0.2, systematics={"yield": 0.15})
    found = coverage(seen, 2.75, method="toys-cls", n_experiments=1500, n_toys=2000)
    assert found.value > 0.9 - 3 * found.error


# What a method says of itself ------------------------------------------------------------------


def test_every_method_says_what_it_is_and_where_it_holds():
    for name in METHODS:
        assert METHODS[name].meaning
        assert METHODS[name].holds


@pytest.mark.compiled
@pytest.mark.parametrize("method", ["asymptotic", "asymptotic-cls"])
def test_the_asymptotic_formula_warns_where_it_does_not_hold(method):
    for n, b in ((0, 0.0), (2, 3.0), (9, 9.0)):
        found = upper_limit(model(1.0, b, observed=n), method=method)
        assert "asymptotic formula holds for 10 events" in found.warnings[0]
        assert "asymptotic formula holds" in str(found)
    assert upper_limit(model(1.0, 12.0, observed=12), method=method).warnings == ()


@pytest.mark.compiled
@pytest.mark.parametrize("cl", [0.9, 0.95])
def test_the_asymptotic_formula_is_as_good_as_it_says_where_it_does_not_warn(cl):
    for n in (0, 4, 8, 10, 11, 15, 25, 40):
        for b in (0.0, 1.0, 5.0, 10.0, 14.0, 22.0, 40.0):
            seen = model(1.0, b, observed=n)
            for method, exact, off in (
                ("asymptotic-cls", "bayes", 0.1),  # Bayes is CLs for a known background
                ("asymptotic", "classical", 0.2),
            ):
                if not METHODS[method].outside(seen):
                    right = upper_limit(seen, cl, exact).strength
                    assert upper_limit(seen, cl, method).strength > (1.0 - off) * right


def test_plain_p_values_warn_of_a_background_that_fluctuated_down():
    for method in ("classical", "toys", "asymptotic"):
        low = model(1.0, 20.0, observed=14)
        assert any("without CLs" in text for text in METHODS[method].outside(low))
        assert METHODS[method].outside(model(1.0, 20.0, observed=20)) == ()
    for method in ("toys-cls", "hybrid-cls", "bayes", "asymptotic-cls"):
        assert METHODS[method].outside(model(1.0, 20.0, observed=14)) == ()


@pytest.mark.compiled
def test_priors_are_stated():
    seen = CountingModel(
        (
            Channel("a", 1.0, 2.0, 0.8, 1.0, "gamma", {"yield": 0.1}),
            Channel("b", 1.0, 2.0, 0.8, 1.0, "gaussian"),
        )
    )
    priors = upper_limit(seen).priors
    assert priors[0] == "strength: flat from 0"
    assert any("prior 1/b before its control sample" in text for text in priors)
    assert any("Gaussian" in text for text in priors)
    assert upper_limit(seen, method="asymptotic-cls").priors == ()
    assert upper_limit(seen, method="toys", n_toys=500).priors == (
        "signal errors: lognormal factors, median 1",
    )


# Impossible and very many events ----------------------------------------------------------------


def test_an_event_where_none_is_possible_is_refused_with_its_channel():
    with pytest.raises(MutauError, match=r"channel 'b': 1 event where none is possible"):
        CountingModel((Channel("a", 1.0, observed=0), Channel("b", 0.0, observed=1)))
    with pytest.raises(MutauError, match="3 events where none is possible"):
        model(0.0, observed=3)
    # a background that is measured as 0 with an error allows it, and so does a signal
    assert upper_limit(model([1.0, 0.0], 0.0, 0.5, [0, 1])).strength > 0.0
    assert upper_limit(model([1.0, 1e-9], 0.0, 0.0, [0, 1])).strength > 0.0


@pytest.mark.parametrize(("n", "b"), [(2000, 2000.0), (10**6, 1e6)])
def test_feldman_cousins_for_many_events_is_quick_and_gaussian(n, b):
    start = time.monotonic()
    found = upper_limit(model(1.0, b, observed=n), method="feldman-cousins").strength
    assert time.monotonic() - start < 10.0  # 76 s at 2000 with a scan from the top
    # two-sided 90 % of a Gaussian with half a count for discreteness
    assert found == pytest.approx(1.6449 * math.sqrt(b), rel=2.5 / math.sqrt(b))


@pytest.mark.parametrize(
    ("n", "b", "cl"), [(20, 5.5, 0.68), (5, 3.0, 0.9), (4, 7.0, 0.9), (7, 10.5, 0.9)]
)
def test_feldman_cousins_takes_the_largest_accepted_signal(n, b, cl):
    # acceptance by a plain sum over the ordered counts, signals from far above downwards
    def accepted(s):
        counts = np.arange(200)
        p = poisson.pmf(counts, s + b)
        best = poisson.pmf(counts, np.maximum(counts, b))
        order = np.argsort(-p / np.maximum(best, 1e-300), kind="stable")
        before = np.cumsum(p[order]) - p[order]
        return before[np.flatnonzero(order == n)[0]] < cl

    found = feldman_cousins_limit(n, b, cl)
    assert accepted(found - 2e-3)
    assert not any(accepted(found + step) for step in np.arange(2e-3, 8.0, 0.007))


@pytest.mark.compiled
def test_a_bayesian_sum_of_minutes_is_refused_with_what_holds_there():
    many = model([1.0, 0.5], 1e5, 1e3, [10**5, 10**5], systematics={"yield": 0.1})
    with pytest.raises(OutOfRange, match="asymptotic-cls"):
        upper_limit(many)
    assert upper_limit(many, method="asymptotic-cls").warnings == ()


@pytest.mark.parametrize(("method", "n", "err"), [
    ("bayes", 1e6, 0.1), ("bayes", 1e12, 0.1), ("feldman-cousins", 1e9, 0.0),
])  # fmt: skip
def test_too_many_events_are_refused_at_once_with_an_estimate(method, n, err):
    with pytest.raises(OutOfRange, match=r"some .* s") as refused:
        _limit(method, n, n, err * n, 0.1 if err else 0.0)
    assert any(f'"{name}"' in str(refused.value) for name in METHODS)


def test_many_events_in_one_channel_agree_with_the_exact_gaussian_posterior():
    """n = b = 1e5, b known to 1 %: the posterior is normal, cut at zero; 90 % at 1.645 sigma."""
    limit = _limit("bayes", 1e5, 1e5, 1e3, 0.0).strength
    assert limit == pytest.approx(1.6449 * math.sqrt(1e5 + 1e6), rel=3e-3)


@pytest.mark.parametrize("method", METHODS)
def test_counts_without_digits_are_refused(method):
    with pytest.raises(OutOfRange, match="background = 1e\\+20"):
        _limit(method, 1e20, 1e20, 1e19, 0.0)


@pytest.mark.compiled
@pytest.mark.parametrize("method", TOYS)
def test_levels_that_the_toys_cannot_reach_are_refused(method):
    with pytest.raises(OutOfRange, match="pseudo-experiments"):
        _limit(method, 1, 0.7, 0.3, 0.1, cl=0.9999)


@pytest.mark.compiled
def test_the_asymptotic_limit_at_half_is_the_best_strength():
    """Its p-value is 0.5 up to there; it came out as zero. With a deficit it is zero indeed."""
    over = CountingModel.from_arrays(1.0, 0.7, 0.3, 2)
    assert upper_limit(over, 0.5, "asymptotic").strength == pytest.approx(1.3, rel=1e-6)
    under = CountingModel.from_arrays(1.0, 0.7, 0.3, 0)
    assert upper_limit(under, 0.5, "asymptotic").strength == 0.0


@pytest.mark.compiled
@pytest.mark.parametrize("deviation", [-2.0, 0.0, 3.0])
def test_a_posterior_of_many_events_is_the_gaussian_one_and_says_so(deviation):
    """A million events beside the integral over strength and background, done plainly."""
    b, err = 1e6, 1e3
    n = round(b + deviation * math.hypot(1e3, err))
    model = CountingModel.from_arrays(1.0, b, err, n)
    found = upper_limit(model, 0.9, "bayes")
    assert any("posterior is taken as Gaussian" in said for said in found.warnings)
    strength = np.linspace(0.0, max(n - b, 0.0) + 9e3 * math.sqrt(2.0), 2001)
    x, w = np.polynomial.legendre.leggauss(200)
    mean = strength[:, None] + b + 9.0 * err * x
    density = np.exp(n * np.log(mean / n) - (mean - n) - 40.5 * x * x) @ w
    climb = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    truth = np.interp(0.9, climb / climb[-1], strength)
    assert found.events == pytest.approx(truth, rel=1e-3)
    with pytest.raises(MutauError, match="too many for the Bayesian sum"):
        upper_limit(CountingModel.from_arrays(1.0, b, err, n, systematics={"a": 0.1}), 0.9, "bayes")
