"""Limits whose values follow by hand."""

import math

import numpy as np
import pytest
from scipy.stats import chi2, norm, poisson

from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.types import Yields
from mutau.stats import (
    Channel,
    CountingModel,
    combine,
    counting_model,
    coverage,
    discovery,
    expected_limits,
    fit,
    p_value,
    upper_limit,
)

model = CountingModel.from_arrays


@pytest.mark.parametrize("cl", [0.9, 0.95])
@pytest.mark.parametrize("method", ["events", "classical", "bayes"])
def test_nothing_seen_and_no_background_gives_minus_log(method, cl):
    # exp(-s) = 1 - cl
    assert upper_limit(model(1.0, observed=0), cl, method).strength == pytest.approx(
        -math.log(1 - cl), rel=1e-9
    )


@pytest.mark.compiled
@pytest.mark.parametrize("method", ["toys", "toys-cls"])
def test_toys_find_minus_log(method):
    limit = upper_limit(model(1.0, observed=0), method=method, n_toys=40_000)
    assert abs(limit.strength - 2.302585) < 4 * limit.strength_err
    assert 0.001 < limit.strength_err < 0.03


@pytest.mark.compiled
def test_asymptotic_value_for_nothing_seen_by_hand():
    # q = 2 s, so 1 - Phi(sqrt(2 s)) = 0.1: s = 1.2816^2/2; CLs divides by Phi(0) = 1/2.
    seen = model(1.0, observed=0)
    assert upper_limit(seen, method="asymptotic").strength == pytest.approx(
        norm.ppf(0.9) ** 2 / 2, rel=1e-6
    )
    assert upper_limit(seen, method="asymptotic-cls").strength == pytest.approx(
        norm.ppf(0.95) ** 2 / 2, rel=1e-6
    )


@pytest.mark.parametrize("background", [0.0, 0.7, 5.0])
def test_bayes_for_nothing_seen_does_not_know_the_background(background):
    seen = model(1.0, background, 0.4 * background, 0)
    assert upper_limit(seen).strength == pytest.approx(2.302585, rel=1e-6)


def test_bayes_for_two_seen_with_an_uncertain_background():
    # <sum_k<=2 P(k; s + b)> over <the same at s = 0>, b Gaussian above 0: 20 digits of mpmath
    assert upper_limit(model(1.0, 0.7, 0.3, 2)).strength == pytest.approx(4.7057883, rel=1e-7)


@pytest.mark.compiled
@pytest.mark.parametrize("background", [0.3, 1.5])
def test_cls_by_toys_for_nothing_seen_does_not_know_an_exact_background(background):
    # P(0 | s + b)/P(0 | b) = exp(-s)
    limit = upper_limit(model(1.0, background, observed=0), method="toys-cls", n_toys=60_000)
    assert abs(limit.strength - 2.302585) < 4 * limit.strength_err


@pytest.mark.compiled
@pytest.mark.parametrize(("n", "background"), [(0, 0.5), (1, 0.5), (3, 1.2), (10, 4.0)])
def test_plain_toys_agree_with_the_chi_square_quantile(n, background):
    exact = chi2.ppf(0.9, 2 * (n + 1)) / 2 - background
    seen = model(2.0, background, observed=n)
    assert upper_limit(seen, method="classical").strength == pytest.approx(exact / 2, rel=1e-9)
    toys = upper_limit(seen, method="toys", n_toys=40_000)
    assert abs(toys.strength - exact / 2) < 4 * toys.strength_err


@pytest.mark.parametrize(("n", "background"), [(0, 1.0), (3, 1.2), (8, 9.0)])
def test_bayes_equals_cls_for_a_known_background(n, background):
    # Flat prior: P(n' <= n | s + b)/P(n' <= n | b) = 1 - cl (Helene).
    s = upper_limit(model(1.0, background, observed=n)).strength
    ratio = poisson.cdf(n, s + background) / poisson.cdf(n, background)
    assert ratio == pytest.approx(0.1, rel=1e-7)


@pytest.mark.parametrize(
    ("n", "background", "table"), [(0, 0.0, 2.44), (3, 0.0, 7.42), (0, 1.0, 1.61), (3, 1.0, 6.42)]
)
def test_unified_intervals_of_feldman_and_cousins(n, background, table):
    # Phys. Rev. D 57 (1998) 3873, table IV (printed to 0.01). For (0, 1.0) the table smooths the
    # known dips of the construction, so only values without that are held to the digit.
    limit = upper_limit(model(1.0, background, observed=n), method="feldman-cousins").strength
    assert limit == pytest.approx(table, abs=0.006 if (n, background) != (0, 1.0) else 0.03)


@pytest.mark.compiled
@pytest.mark.parametrize("constraint", ["gaussian", "lognormal", "gamma"])
@pytest.mark.parametrize("method", ["asymptotic", "asymptotic-cls", "bayes"])
def test_vanishing_errors_leave_the_exact_background(constraint, method):
    sharp = upper_limit(model([1.0, 0.5], [0.7, 2.0], observed=[1, 3]), method=method).strength
    wide = model(
        [1.0, 0.5], [0.7, 2.0], 1e-4, [1, 3], constraint=constraint, systematics={"a": 1e-4}
    )
    assert upper_limit(wide, method=method).strength == pytest.approx(sharp, rel=1e-4)


@pytest.mark.compiled
def test_gaussian_background_by_hand():
    # s fixed: lambda^2 + (w^2 - s - b) lambda - n w^2 = 0 with n=3, b=1, w=0.5, s=1:
    # lambda^2 - 1.75 lambda - 0.75 = 0.
    found = fit(model(1.0, 1.0, 0.5, 3), strength=1.0)
    rate = (1.75 + math.sqrt(1.75**2 + 3.0)) / 2
    assert found.background["period 1"] == pytest.approx(rate - 1.0, rel=1e-12)
    hand = rate - 3 - 3 * math.log(rate / 3) + ((rate - 2.0) / 0.5) ** 2 / 2
    assert found.nll == pytest.approx(hand, rel=1e-12)


@pytest.mark.compiled
def test_gamma_background_by_hand():
    # control sample m = 4, tau = 4 (b = 1 +- 0.5); s = 1, n = 3: 5 b^2 - 2 b - 4 = 0
    found = fit(model(1.0, 1.0, 0.5, 3, constraint="gamma"), strength=1.0)
    assert found.background["period 1"] == pytest.approx((2 + math.sqrt(84)) / 10, rel=1e-12)


@pytest.mark.compiled
def test_signal_error_pull_by_hand():
    # n = 0, no background: minimum of s (1.15)^t + t^2/2, so t = -s ln(1.15) 1.15^t.
    found = fit(model(2.0, observed=0, systematics={"yield": 0.15}), strength=1.0)
    t = found.systematics["yield"]
    assert t == pytest.approx(-2.0 * math.log(1.15) * 1.15**t, rel=1e-8)


@pytest.mark.compiled
def test_named_errors_add_in_quadrature_of_logarithms_and_share_the_pull():
    two = model(1.0, 0.5, observed=0, systematics={"yield": 0.15, "threshold": 0.05})
    size = math.expm1(math.hypot(math.log(1.15), math.log(1.05)))
    one = model(1.0, 0.5, observed=0, systematics={"both": size})
    for method in ("asymptotic-cls", "bayes"):
        assert upper_limit(two, method=method).strength == pytest.approx(
            upper_limit(one, method=method).strength, rel=1e-9
        )
    pulls = fit(two, strength=3.0).systematics
    assert pulls["yield"] / pulls["threshold"] == pytest.approx(
        math.log(1.15) / math.log(1.05), rel=1e-9
    )


@pytest.mark.compiled
def test_hybrid_toys_average_the_exponential():
    # n = 0: CLs = E[exp(-s 1.3^z)] over a unit Gaussian z, whatever the background and its error.
    z, w = np.polynomial.hermite_e.hermegauss(40)
    seen = model(1.0, 0.7, 0.3, 0, systematics={"yield": 0.3})
    limit = upper_limit(seen, method="hybrid-cls", n_toys=100_000)
    average = float(w @ np.exp(-limit.strength * 1.3**z)) / math.sqrt(2 * math.pi)
    slope = float(w @ (1.3**z * np.exp(-limit.strength * 1.3**z))) / math.sqrt(2 * math.pi)
    assert abs(average - 0.1) < 4 * slope * limit.strength_err


def test_an_equal_name_is_one_error_and_different_names_are_two():
    def joint(first, second):
        return combine(
            CountingModel((Channel(name, 1.0, observed=0, systematics={error: 0.5}),))
            for name, error in (("a", first), ("b", second))
        )

    shared = upper_limit(joint("yield", "yield")).strength
    apart = upper_limit(joint("a: yield", "b: yield")).strength
    alone = upper_limit(model(2.0, observed=0, systematics={"yield": 0.5})).strength
    assert shared == pytest.approx(alone, rel=1e-9)
    assert apart < 0.97 * shared


@pytest.mark.compiled
def test_splitting_a_channel_changes_nothing():
    # Poisson counts with equal signal-to-background add up.
    whole = model(3.0, 1.5, observed=2)
    split = model([1.0, 2.0], [0.5, 1.0], observed=[1, 1])
    for method in ("asymptotic", "asymptotic-cls", "bayes"):
        assert upper_limit(whole, method=method).strength == pytest.approx(
            upper_limit(split, method=method).strength, rel=1e-7
        )


@pytest.mark.compiled
def test_asimov_discovery_by_hand():
    # Cowan et al., eq. 97: sqrt(2((s + b) ln(1 + s/b) - s))
    s, b = 6.0, 2.0
    z = math.sqrt(2 * ((s + b) * math.log(1 + s / b) - s))
    found = discovery(model(1.0, b), strength=s)
    assert found.significance == pytest.approx(z, rel=1e-9)
    assert found.p_value == pytest.approx(norm.sf(z), rel=1e-9)


@pytest.mark.compiled
def test_discovery_by_toys_is_the_poisson_tail():
    found = discovery(model(1.0, 1.0, observed=4), method="toys", n_toys=200_000)
    assert abs(found.p_value - poisson.sf(3, 1.0)) < 4 * found.p_err


@pytest.mark.compiled
def test_expected_asymptotic_band_by_hand():
    # Large, exactly known background: limit at sigma (N + 1.2816) for the plain p-value.
    band = expected_limits(model(1.0, 1e8), method="asymptotic")
    sigma = 1e4
    assert band.median == pytest.approx(norm.ppf(0.9) * sigma, rel=1e-3)
    assert band.plus2 == pytest.approx((norm.ppf(0.9) + 2) * sigma, rel=1e-3)
    assert band.minus2 == 0.0


def test_expected_band_of_a_small_background_is_made_of_whole_counts():
    # b = 0.5: P(0) = 0.607, P(<=1) = 0.910, P(<=2) = 0.986
    band = expected_limits(model(1.0, 0.5), method="bayes")
    limits = [upper_limit(model(1.0, 0.5, observed=n)).strength for n in range(3)]
    assert (band.minus2, band.median, band.plus1, band.plus2) == (
        limits[0],
        limits[0],
        limits[1],
        limits[2],
    )


def test_coverage_of_the_exact_limit_is_the_poisson_sum():
    # True mean 3 + 0.5: the limit lies below for n = 0 only (2.30 - 0.5 < 3; 3.89 - 0.5 > 3).
    found = coverage(model(1.0, 0.5), 3.0, method="classical", n_experiments=20_000)
    assert abs(found.value - (1 - math.exp(-3.5))) < 4 * found.error


@pytest.mark.compiled
def test_asymptotic_limit_undercovers_for_few_events_and_bayes_does_not():
    seen = model(1.0, 0.7)
    assert coverage(seen, 1.0, method="asymptotic").value < 0.85
    assert coverage(seen, 1.0, method="bayes").value > 0.9


def _yields(**changes):
    content = {
        "cuts": ("produced", "counted"),
        "signal": np.array([10.0, 4.0]),
        "signal_err": np.array([0.1, 0.2]),
        "background": np.array([0.4, 0.3]),
        "background_err": np.array([0.2, 0.2]),
        "observed": np.array([0.0, 0.0]),
        "run_fraction": np.array([0.6, 0.4]),
        "relative_systematic": 0.15,
        "mass": 0.1,
        "coupling": 1e-3,
        "experiment": "toy-dump",
        "model": "lmu-ltau",
    }
    return Yields(**(content | changes))


def test_yields_become_channels_and_the_monte_carlo_error_is_carried():
    built = counting_model(_yields(), systematics={"threshold": 0.05})
    assert built.signal.tolist() == pytest.approx([2.4, 1.6])
    assert built.systematics == ("threshold", "toy-dump: overall")
    limit = upper_limit(_yields())
    assert limit.events == pytest.approx(4.0 * limit.strength)
    assert limit.strength_err == pytest.approx(limit.strength * 0.05)  # 0.2 of 4 events


@pytest.mark.compiled
def test_a_projection_is_the_median_outcome_or_asimov_data():
    known = {"background": np.array([0.4, 0.2]), "background_err": np.zeros(2)}
    ahead = _yields(observed=np.full(2, np.nan), **known)
    with pytest.raises(MutauError, match="knows neither"):
        upper_limit(ahead, method="events")
    # b = 0.6 in all, exp(-0.6) = 0.55: nothing is the median outcome
    assert upper_limit(ahead).strength == upper_limit(_yields(**known)).strength
    asimov = counting_model(ahead).with_observed([0.4, 0.2])
    assert (
        upper_limit(ahead, method="asymptotic").strength
        == upper_limit(asimov, method="asymptotic").strength
    )


def test_no_signal_excludes_nothing():
    limit = upper_limit(model(0.0, 0.5, observed=0))
    assert limit.strength == math.inf
    assert "not limited" in str(limit)


def test_text_of_a_limit():
    assert (
        str(upper_limit(model(100.0, signal_err=4.0, observed=0), method="events"))
        == "signal strength < 0.0230 ± 0.0009 at 90 % CL"
    )


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: model(1.0, -0.1, observed=0), MutauError, "background = -0.1"),
        (lambda: model(math.nan, observed=0), MutauError, "signal"),
        (lambda: model(1.0, observed=-1), MutauError, "observed"),
        (lambda: model(1.0, 0.0, 0.2, 0, constraint="gamma"), MutauError, "above zero"),
        (lambda: model(1.0, 0.1, 0.2, 0, constraint="poisson"), UnknownName, "constraint"),
        (lambda: model(1.0, 0.1, 0.2, 0, constraint="fixed"), MutauError, "fixed"),
        (lambda: model(1.0, systematics={"yield": math.nan}), MutauError, "yield"),
        (lambda: CountingModel(()), MutauError, "at least one"),
        (lambda: combine([model(1.0), model(1.0)]), MutauError, "twice"),
        (lambda: upper_limit(model(1.0, observed=0), method="baies"), UnknownName, "bayes"),
        (lambda: upper_limit(model(1.0, observed=0), cl=90), OutOfRange, "cl"),
        (lambda: upper_limit(model(1.0, observed=0), cl=math.nan), OutOfRange, "cl"),
        (lambda: upper_limit(model(1.0, observed=2), method="events"), MutauError, "observed"),
        (lambda: upper_limit(model(1.0, observed=0.5)), MutauError, "whole"),
        (
            lambda: upper_limit(model(1.0, 0.4, 0.2, 0), method="classical"),
            MutauError,
            "no systematic",
        ),
        (lambda: upper_limit(_yields(run_fraction=np.array([0.6, 0.6]))), MutauError, "run frac"),
        (lambda: upper_limit(_yields(relative_systematic=math.nan)), MutauError, "relative_sys"),
        (lambda: upper_limit(_yields(signal=np.array([1.0, np.nan]))), MutauError, "toy-dump"),
        (lambda: upper_limit(model(1.0, observed=0), systematics={"a": 0.1}), MutauError, "finish"),
        (lambda: fit(model(1.0)), MutauError, "nothing was observed"),
        (lambda: p_value(model(1.0, observed=0), 0.0), OutOfRange, "strength"),
        (lambda: p_value(model(1.0, observed=0), 1.0, "events"), MutauError, "no p-value"),
        (lambda: discovery(model(1.0, observed=0), method="bayes"), UnknownName, "discovery"),
    ],
)
def test_bad_input_is_refused_with_its_value(call, error, text):
    with pytest.raises(error, match=text):
        call()
