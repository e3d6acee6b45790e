"""Fit, statistic and limits against independent evaluations: iminuit and brute-force sums."""

import math

import numpy as np
import pytest
from iminuit import Minuit
from scipy.integrate import dblquad
from scipy.stats import norm, poisson

from mutau.stats import Channel, CountingModel, fit, p_value, upper_limit
from mutau.stats.profile import actual, q_upper

pytestmark = pytest.mark.compiled

MODEL = CountingModel(
    (
        Channel("a", 3.0, 1.4, 0.6, 4.0, "gaussian", {"x": 0.2, "y": 0.1}),
        Channel("b", 2.0, 1.0, 0.5, 0.0, "gamma", {"x": 0.2}),
        Channel("c", 1.5, 0.8, 0.4, 3.0, "lognormal", {"z": 0.3}),
    )
)


def _nll(mu, x, y, z, a, b, eta):
    s = (3.0 * 1.2**x * 1.1**y, 2.0 * 1.2**x, 1.5 * 1.3**z)
    back = (a, b, 0.8 * 1.5**eta)
    value = 0.0
    for n, signal, background in zip((4, 0, 3), s, back, strict=True):
        rate = mu * signal + background
        value += rate - (n * math.log(rate) if n else 0.0)
    value += 0.5 * ((a - 1.4) / 0.6) ** 2 + 4.0 * b - 4.0 * math.log(b)  # 4 control counts, tau 4
    return value + 0.5 * (x * x + y * y + z * z + eta * eta)


def _minimum(strength=None):
    minuit = Minuit(_nll, mu=strength or 0.5, x=0, y=0, z=0, a=1.4, b=1.0, eta=0)
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.tol, minuit.strategy = 1e-7, 2
    minuit.limits["mu", "a", "b"] = (1e-9, None)
    minuit.fixed["mu"] = strength is not None
    minuit.migrad(ncall=20000)
    return minuit


def test_free_fit_agrees_with_minuit():
    theirs, ours = _minimum(), fit(MODEL)
    assert ours.strength == pytest.approx(theirs.values["mu"], abs=2e-4)
    for name in "xyz":
        assert ours.systematics[name] == pytest.approx(theirs.values[name], abs=2e-4)
    assert ours.background["a"] == pytest.approx(theirs.values["a"], abs=2e-4)
    assert ours.background["b"] == pytest.approx(theirs.values["b"], abs=2e-4)
    assert ours.background["c"] == pytest.approx(0.8 * 1.5 ** theirs.values["eta"], abs=2e-4)


@pytest.mark.parametrize("strength", [1.0, 2.0, 4.0])
def test_statistic_agrees_with_minuit(strength):
    parts = MODEL.parts()
    there = 2 * (_minimum(strength).fval - _minimum().fval)
    assert q_upper(parts, actual(MODEL, parts), strength) == pytest.approx(there, abs=1e-5)


def test_bayes_agrees_with_a_direct_integral():
    model = CountingModel.from_arrays(1.0, 0.7, 0.3, 2, systematics={"y": 0.25})
    limit = upper_limit(model).strength
    b = np.linspace(0.0, 3.5, 701)
    prior = norm.pdf(b, 0.7, 0.3)
    prior[[0, -1]] /= 2

    def marginal(mu, z):
        return norm.pdf(z) * float(np.sum(prior * poisson.pmf(2, mu * 1.25**z + b)))

    above = dblquad(lambda z, mu: marginal(mu, z), limit, 80, -6, 6, epsabs=0, epsrel=1e-5)[0]
    below = dblquad(lambda z, mu: marginal(mu, z), 0, limit, -6, 6, epsabs=0, epsrel=1e-5)[0]
    assert above / (above + below) == pytest.approx(0.1, rel=2e-4)


def test_toys_agree_with_the_exact_sum_over_outcomes():
    # Two periods, exact backgrounds: p-values by summing over all counts, statistic by hand.
    s, b, seen, mu = np.array([1.0, 0.5]), np.array([0.4, 1.1]), np.array([1.0, 1.0]), 3.0
    grid = np.arange(25.0)

    def q(n):
        def nll(strength):
            rate = strength * s + b
            return float(np.sum(rate - n * np.log(rate)))

        fine = np.linspace(0.0, mu, 3001)
        rates = fine[:, None] * s + b
        return 2 * (nll(mu) - float(np.min((rates - n * np.log(rates)).sum(axis=1))))

    observed, both, none = q(seen), 0.0, 0.0
    for n1 in grid:
        for n2 in grid:
            if q(np.array([n1, n2])) >= observed - 1e-6:
                both += float(np.prod(poisson.pmf([n1, n2], mu * s + b)))
                none += float(np.prod(poisson.pmf([n1, n2], b)))
    model = CountingModel.from_arrays(s, b, observed=seen)
    plain = p_value(model, mu, "toys", n_toys=200_000)
    assert abs(plain[0] - both) < 4 * plain[1]
    cls = p_value(model, mu, "toys-cls", n_toys=200_000)
    assert abs(cls[0] - both / none) < 4 * cls[1]
