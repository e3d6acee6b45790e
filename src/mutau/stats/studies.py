"""Expected limits, coverage, and discovery reach of a counting model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from mutau.core.errors import MutauError, UnknownName, require_in_range
from mutau.core.random import stream
from mutau.core.types import Yields
from mutau.stats.kernels import Data
from mutau.stats.methods import METHODS, first_guess, solve_falling
from mutau.stats.model import CountingModel, counting_model
from mutau.stats.profile import (
    actual,
    asymptotic_strength_root,
    expected_background,
    q_discovery,
    q_upper,
)
from mutau.stats.settings import chosen
from mutau.stats.toys import outcomes, toy_discovery_p
from mutau.stats.upper import p_value, quantile_outcomes, upper_limit


@dataclass(frozen=True, slots=True)
class ExpectedLimits:
    """Limits on the strength to expect without signal: median and central 68 % and 95 % bands."""

    minus2: float
    minus1: float
    median: float
    plus1: float
    plus2: float
    cl: float
    method: str

    @classmethod
    def _of(cls, limits: list[float], cl: float, method: str) -> ExpectedLimits:
        return cls(limits[0], limits[1], limits[2], limits[3], limits[4], cl, method)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Fraction of experiments whose limit lies at or above the true strength, binomial error."""

    value: float
    error: float
    strength: float
    cl: float
    method: str
    n_experiments: int


@dataclass(frozen=True, slots=True)
class Discovery:
    """p-value of background alone, its error from toys, and the one-sided significance.

    `significance` is a lower bound (from p < 1/n_toys) where no toy reached the data.
    """

    p_value: float
    p_err: float
    significance: float
    method: str


def expected_limits(
    data: Yields | CountingModel,
    cl: float | None = None,
    method: str | None = None,
    *,
    n_toys: int = 20_000,
    seed: int = 1,
) -> ExpectedLimits:
    """Median and bands of the limit if there is background only; observed numbers are not used.

    Asymptotic methods: Asimov data and Cowan et al., eqs. 88-89. Others: the limit at the counts
    that stand at the quantiles 2.3, 16, 50, 84, 97.7 % of background-only outcomes, the
    backgrounds varied within their errors; with few events bands coincide.
    cl, method : as in `upper_limit`. Raises as it does.
    """
    cl, method = chosen(data, cl, method)
    model = counting_model(data)
    model = model.with_observed(np.full(len(model.channels), math.nan))
    deviations = (-2.0, -1.0, 0.0, 1.0, 2.0)
    require_in_range("cl", cl, 0.5, 0.9999)
    projection = METHODS[method].projection
    if model.total == 0.0:
        return ExpectedLimits._of([math.inf] * 5, cl, method)
    if projection == "asimov":
        filled = expected_background(model)
        parts = filled.parts()
        typical = actual(filled, parts)
        found = []
        for deviation in deviations:
            root = asymptotic_strength_root(cl, deviation, cls=method.endswith("cls"))
            found.append(_strength_of_root(filled, typical, root) if root > 0.0 else 0.0)
        return ExpectedLimits._of(found, cl, method)
    if projection == "zero":
        limit = upper_limit(model, cl, method).strength
        return ExpectedLimits._of([limit] * 5, cl, method)
    places = tuple(0.5 * math.erfc(-deviation / math.sqrt(2.0)) for deviation in deviations)
    limits: dict[tuple[float, ...], float] = {}
    found = []
    for outcome in quantile_outcomes(model, places, seed):
        key = tuple(outcome.observed.tolist())
        if key not in limits:
            limits[key] = upper_limit(outcome, cl, method, n_toys=n_toys, seed=seed).strength
        found.append(limits[key])
    return ExpectedLimits._of(found, cl, method)


def _strength_of_root(model: CountingModel, typical: Data, root: float) -> float:
    """Strength where sqrt(q) of the Asimov data equals `root`."""
    parts = model.parts()
    return solve_falling(
        lambda strength: math.exp(-q_upper(parts, typical, strength)),
        math.exp(-(root**2)),
        first_guess(model),
    )


def coverage(
    data: Yields | CountingModel,
    strength: float,
    cl: float | None = None,
    method: str | None = None,
    *,
    n_experiments: int = 4000,
    n_toys: int = 4000,
    seed: int = 1,
) -> Coverage:
    """How often the limit covers a true strength.

    Experiments: true backgrounds and signal errors drawn from their uncertainties (so the
    coverage is averaged over them), then Poisson counts; side measurements stay at their nominal
    values. The limit is at or above `strength` where its p-value is at least 1 - cl.
    cl, method : as in `upper_limit`; the method one with p-values (see `p_value`).
    Returns Coverage with binomial error.
    """
    cl, method = chosen(data, cl, method)
    require_in_range("cl", cl, 0.5, 0.9999)
    model = counting_model(data)
    model = model.with_observed(np.full(len(model.channels), math.nan))
    seen, how_often = np.unique(
        outcomes(model, strength, n_experiments, stream(seed)), axis=0, return_counts=True
    )
    covered = 0
    for counts, times in zip(seen, how_often, strict=True):
        p, _ = p_value(model.with_observed(counts), strength, method, n_toys=n_toys, seed=seed + 1)
        covered += int(times) if p >= 1.0 - cl else 0
    fraction = covered / n_experiments
    smooth = (covered + 1.0) / (n_experiments + 2.0)
    error = math.sqrt(smooth * (1.0 - smooth) / n_experiments)
    return Coverage(fraction, error, strength, cl, method, n_experiments)


def discovery_method(name: str) -> str:
    """The name, if it is a way to test for a discovery. Raises UnknownName."""
    if name not in ("asymptotic", "toys"):
        raise UnknownName("discovery method", name, ("asymptotic", "toys"))
    return name


def discovery(
    data: Yields | CountingModel,
    strength: float = 1.0,
    method: str = "asymptotic",
    *,
    n_toys: int = 100_000,
    seed: int = 1,
) -> Discovery:
    """How unlikely the data are without signal (statistic q0 of Cowan et al., eq. 12).

    Channels not observed yet are filled with what the signal at `strength` would give on average
    (strength s + b): the expected significance of that point.
    method : "asymptotic" or "toys"; the toys' p-value cannot be below about 1/n_toys.
    Check: one channel, known b, Asimov: Z = sqrt(2((s + b) ln(1 + s/b) - s)) (eq. 97).
    """
    discovery_method(method)
    require_in_range("strength", strength, 0.0, math.inf)
    model = counting_model(data)
    expected = strength * model.signal + model.background
    model = model.with_observed(np.where(np.isnan(model.observed), expected, model.observed))
    if model.total == 0.0:
        raise MutauError("the model has no signal to discover")
    parts = model.parts()
    seen = actual(model, parts)
    if method == "asymptotic":
        z = math.sqrt(q_discovery(parts, seen))
        return Discovery(0.5 * math.erfc(z / math.sqrt(2.0)), 0.0, z, method)
    found = toy_discovery_p(model, parts, seen, n_toys, stream(seed))
    z = -float(ndtri(max(found.value, 1.0 / n_toys)))
    return Discovery(found.value, found.error, z, method)
