"""Upper limits on the signal strength, by a registry of methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq

from mutau.core.errors import MutauError, require_in_range
from mutau.core.random import stream
from mutau.core.registry import Registry
from mutau.core.types import Yields
from mutau.stats import bayes, counting
from mutau.stats.model import Array, CountingModel, counting_model
from mutau.stats.profile import (
    actual,
    asimov,
    asymptotic_p,
    expected_background,
    q_upper,
)
from mutau.stats.settings import chosen
from mutau.stats.toys import ToyP, outcomes, toy_p


@dataclass(frozen=True, slots=True)
class UpperLimit:
    """Upper limit on the strength that multiplies the given signal.

    strength : float; inf where the signal is zero, so nothing is excluded.
    strength_err : float; toys and numerical error of the limit together with the Monte Carlo
        error of the signal. events : float, strength times the total signal.
    cl : confidence level (credibility for "bayes"). method : name in METHODS.
    n_toys : pseudo-experiments that went in; 0 if none.
    """

    strength: float
    strength_err: float
    events: float
    cl: float
    method: str
    n_toys: int = 0

    def __str__(self) -> str:
        at = f"at {100.0 * self.cl:g} % CL"
        if not math.isfinite(self.strength):
            return f"signal strength not limited {at} (no signal expected)"
        if self.strength_err <= 0.0:
            return f"signal strength < {self.strength:.4g} {at}"
        digits = max(0, -math.floor(math.log10(self.strength_err)))
        shape = f".{digits}f" if digits < 5 else ".1e"
        return f"signal strength < {self.strength:{shape}} ± {self.strength_err:{shape}} {at}"


@dataclass(frozen=True, slots=True)
class Options:
    """What a method may need: confidence level, number of pseudo-experiments, seed."""

    cl: float
    n_toys: int
    seed: int


#: A method: (model with every channel observed, options) -> (strength, its error, toys used).
Method = Callable[[CountingModel, Options], tuple[float, float, int]]

METHODS: Final[Registry[Method]] = Registry("statistical method")
#: Methods that see projected channels through Asimov data; the others take the median outcome.
ASIMOV: Final = ("asymptotic", "asymptotic-cls")


def whole_counts(model: CountingModel, method: str) -> Array:
    """The observed numbers, refused unless whole."""
    n = model.observed
    if not np.all(n == np.round(n)):
        raise MutauError(
            f"observed = {n.tolist()} for method {method!r}",
            allowed="whole numbers of events",
            remedy='use method="asymptotic" for Asimov data',
        )
    return n


def solve_falling(p: Callable[[float], float], alpha: float, start: float) -> float:
    """Strength where a falling p-value meets alpha; 0 if it is below alpha already at zero.

    Root of ln p - ln alpha in ln strength, bracketed from `start`, relative error 1e-9.
    """

    def distance(log_strength: float) -> float:
        return math.log(max(p(math.exp(log_strength)), 1e-300) / alpha)

    low = high = math.log(start)
    while distance(high) > 0.0:
        high += 0.7
        if high > 690.0:
            raise MutauError("no strength is excluded", remedy="check signal and background")
    while distance(low) <= 0.0:
        low -= 0.7
        if low < math.log(start) - 30.0:
            return 0.0
    return math.exp(brentq(distance, low, high, xtol=1e-10, rtol=1e-12))


def first_guess(model: CountingModel) -> float:
    """A strength of the right size: (3 + 2 sqrt(n + b)) events."""
    return (3.0 + 2.0 * math.sqrt(float((model.observed + model.background).sum()))) / model.total


@METHODS.register("events")
def _events(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """N > -ln(1 - cl): the rule for nothing seen, no background and no systematic error."""
    if model.background.sum() > 0.0 or model.systematics:
        raise MutauError(
            f"a background of {model.background.sum():g} events or a systematic error is stated, "
            "and method 'events' knows neither",
            place="statistics/method",
            remedy='use method = "bayes" (or --method bayes)',
        )
    if model.observed.sum() > 0.0:
        raise MutauError(
            f"{model.observed.sum():g} events were observed, and 'events' holds for none",
            remedy='use method="bayes" or "toys-cls"',
        )
    return counting.zero_event_limit(options.cl) / model.total, 0.0, 0


def _known_total(model: CountingModel, method: str) -> tuple[int, float]:
    if model.systematics or any(channel.background_err for channel in model.channels):
        raise MutauError(
            f"method {method!r} knows no systematic errors",
            remedy='use method="bayes" or "toys-cls", or set the errors to zero',
        )
    return round(whole_counts(model, method).sum()), float(model.background.sum())


@METHODS.register("classical")
def _classical(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """Exact p-value of the total count, background known."""
    n, b = _known_total(model, "classical")
    return counting.classical_limit(n, b, options.cl) / model.total, 0.0, 0


@METHODS.register("feldman-cousins")
def _feldman_cousins(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """Upper end of the unified interval of the total count, background known."""
    n, b = _known_total(model, "feldman-cousins")
    return counting.feldman_cousins_limit(n, b, options.cl) / model.total, 0.0, 0


def asymptotic_curve(model: CountingModel, *, cls: bool) -> Callable[[float], float]:
    """strength -> asymptotic p-value (or CLs); the background-only Asimov data made once."""
    parts = model.parts()
    data = actual(model, parts)
    typical = asimov(model, parts, data, 0.0)

    def p(strength: float) -> float:
        expected = q_upper(parts, typical, strength)
        return asymptotic_p(q_upper(parts, data, strength), expected, cls=cls)

    return p


@METHODS.register("asymptotic")
def _asymptotic(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """One-sided profile likelihood, p-value from the asymptotic formula."""
    p = asymptotic_curve(model, cls=False)
    return solve_falling(p, 1.0 - options.cl, first_guess(model)), 0.0, 0


@METHODS.register("asymptotic-cls")
def _asymptotic_cls(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """The same with CLs."""
    p = asymptotic_curve(model, cls=True)
    return solve_falling(p, 1.0 - options.cl, first_guess(model)), 0.0, 0


def bayes_curve(model: CountingModel) -> Callable[[float], float]:
    """strength -> posterior probability above it."""
    weight, rate = bayes.posterior(model, model.parts(), whole_counts(model, "bayes"))
    return lambda strength: bayes.tail(weight, rate, strength)


@METHODS.register("bayes")
def _bayes(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """Posterior quantile, prior flat in the strength."""
    return solve_falling(bayes_curve(model), 1.0 - options.cl, first_guess(model)), 0.0, 0


def _toy_limit(
    model: CountingModel, options: Options, *, cls: bool, hybrid: bool = False
) -> tuple[float, float, int]:
    """Root of ln p from a straight-line fit through five strengths around it.

    The five lie within 12 % of the centre, which moves until the root lies among them. The error
    is the fit's, scaled up where the points scatter more than their binomial errors (with several
    channels and exact backgrounds the true p-value has small steps).
    """
    parts = model.parts()
    data = actual(model, parts)
    alpha = 1.0 - options.cl
    approximate = asymptotic_curve(model, cls=True)
    centre = solve_falling(approximate, alpha, first_guess(model))
    size = max(options.n_toys // 5, 100)
    grid = np.array([-0.12, -0.06, 0.0, 0.06, 0.12])
    used, smallest = 0, 1e-6 * centre
    for round_number in range(40):
        points = []
        for k, shift in enumerate(grid):
            rng = stream(options.seed, round_number, k)
            strength = centre * math.exp(float(shift))
            points.append(
                toy_p(model, parts, data, strength, cls=cls, n_toys=size, rng=rng, hybrid=hybrid)
            )
        used += (2 if cls else 1) * size * len(grid)
        offset, error = _line_root(grid, points, alpha)
        if abs(offset) <= 0.12:
            strength = centre * math.exp(offset)
            return strength, strength * error, used
        centre *= math.exp(float(np.clip(offset, -0.7, 0.7)))
        if centre < smallest:
            return 0.0, 0.0, used
    raise MutauError(
        f"the limit by toys did not settle after {used} pseudo-experiments",
        remedy="raise n_toys",
    )


def _line_root(x: Array, points: list[ToyP], alpha: float) -> tuple[float, float]:
    """Where a weighted straight line through ln p(x) meets ln alpha, and its error."""
    floor = 0.5 / points[0].n_toys
    p = np.array([max(point.value, floor) for point in points])
    weight = (p / np.array([point.error for point in points])) ** 2
    y = np.log(p / alpha)
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    spread = np.sum(weight * (x - mean_x) ** 2)
    slope = min(float(np.sum(weight * (x - mean_x) * (y - mean_y)) / spread), -0.1)
    root = float(mean_x - mean_y / slope)
    chi2 = float(np.sum(weight * (y - mean_y - slope * (x - mean_x)) ** 2))
    variance = 1.0 / np.sum(weight) + (root - mean_x) ** 2 / spread
    return root, math.sqrt(variance * max(1.0, chi2 / (len(x) - 2))) / abs(slope)


@METHODS.register("toys")
def _toys(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """One-sided profile likelihood, p-value from pseudo-experiments."""
    return _toy_limit(model, options, cls=False)


@METHODS.register("toys-cls")
def _toys_cls(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """The same with CLs."""
    return _toy_limit(model, options, cls=True)


@METHODS.register("hybrid-cls")
def _hybrid_cls(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """CLs, true nuisance parameters drawn from their errors, side measurements held fixed."""
    return _toy_limit(model, options, cls=True, hybrid=True)


def quantile_outcomes(
    model: CountingModel, quantiles: tuple[float, ...], seed: int
) -> list[CountingModel]:
    """The model with the counts that stand at these quantiles if there is background only.

    Outcomes are ordered by the likelihood ratio of "signal at its expected limit" against none
    at the nominal background, sum n_i ln(1 + s_i/b_i); with one channel that is the count.
    """
    seen = outcomes(model, 0.0, 4001, stream(seed))
    seen = np.where(np.isnan(model.observed), seen, model.observed)
    strength = first_guess(expected_background(model))
    gain = np.log1p(strength * model.signal / np.maximum(model.background, 1e-6))
    order = np.argsort(seen @ gain, kind="stable")
    places = [order[round(q * (len(order) - 1))] for q in quantiles]
    return [model.with_observed(seen[place]) for place in places]


def upper_limit(
    data: Yields | CountingModel,
    cl: float | None = None,
    method: str | None = None,
    *,
    systematics: Mapping[str, float] | None = None,
    constraint: str | None = None,
    n_toys: int = 20_000,
    seed: int = 1,
) -> UpperLimit:
    """Upper limit on the strength of the given signal.

    data : Yields of one experiment, or a CountingModel (of one or several).
    cl : confidence level, 0.5 to 0.9999; None for what the experiment file of the yields states,
        or else 0.90. method : name in METHODS; None likewise, or else "bayes":
        "bayes" - posterior quantile, flat prior (deterministic; for nothing seen it does not
            depend on the background and is -ln(1 - cl) without systematic errors; equal to CLs
            for one channel with known background);
        "events" - N > -ln(1 - cl), nothing else (the rule of the NA64mu paper, section IV);
        "asymptotic", "asymptotic-cls" - one-sided profile likelihood (the statistic of the
            NA64-e paper) with the asymptotic formula, as plain p-value or CLs; too low for few
            events (docs/validation/statistics.md);
        "toys", "toys-cls" - the same statistic with pseudo-experiments, in which counts and side
            measurements fluctuate and the nuisance parameters have their best values;
        "hybrid-cls" - CLs with nuisance parameters drawn from their errors (R. D. Cousins,
            V. L. Highland, Nucl. Instrum. Meth. A 320 (1992) 331), side measurements fixed;
        "classical", "feldman-cousins" - exact, total count, known background only.
    systematics, constraint : as in `counting_model`, for Yields.
    n_toys, seed : for the methods with pseudo-experiments.
    A channel that was not observed (NaN) is a projection: "events" takes zero events, the
    asymptotic methods the Asimov data set, the others the median outcome without signal.
    Returns UpperLimit.
    Raises MutauError for negative or non-finite input, UnknownName for an unknown method.
    Check: no event, no background: 2.3026 events at 90 %.

    >>> print(upper_limit(CountingModel.from_arrays(signal=100.0, signal_err=4.0, observed=0)))
    signal strength < 0.0230 ± 0.0009 at 90 % CL
    """
    cl, method = chosen(data, cl, method)
    require_in_range("cl", cl, 0.5, 0.9999)
    calculate = METHODS[method]
    model = counting_model(data, systematics=systematics, constraint=constraint)
    if model.total == 0.0:
        return UpperLimit(math.inf, 0.0, math.inf, cl, method)
    model = observed_or_expected(model, method, seed)
    strength, error, used = calculate(model, Options(cl, n_toys, seed))
    error = math.hypot(error, strength * model.total_err / model.total)
    return UpperLimit(strength, error, strength * model.total, cl, method, used)


def observed_or_expected(model: CountingModel, method: str, seed: int) -> CountingModel:
    """The model with every channel filled, projections as `upper_limit` says."""
    if not np.any(np.isnan(model.observed)):
        return model
    if method in ASIMOV:
        return expected_background(model)
    if method == "events":
        return model.with_observed(np.nan_to_num(model.observed))
    return quantile_outcomes(model, (0.5,), seed)[0]


def p_value(
    data: Yields | CountingModel,
    strength: float,
    method: str | None = None,
    *,
    n_toys: int = 20_000,
    seed: int = 1,
) -> tuple[float, float]:
    """p-value of one strength (CLs, or posterior tail), and its error from toys.

    The strength is excluded at confidence level cl where the p-value is below 1 - cl.
    method : "asymptotic", "asymptotic-cls", "toys", "toys-cls", "hybrid-cls", "bayes", "classical";
    None as in `upper_limit`.
    Raises MutauError for a strength that is not positive or a method without p-values.
    """
    _, method = chosen(data, None, method)
    require_in_range("strength", strength, 0.0, math.inf, open_low=True)
    model = observed_or_expected(counting_model(data), method, seed)
    if method in ASIMOV:
        return asymptotic_curve(model, cls=method.endswith("cls"))(strength), 0.0
    if method == "bayes":
        return bayes_curve(model)(strength), 0.0
    if method == "classical":
        n, b = _known_total(model, method)
        return counting.classical_p(n, strength * model.total + b), 0.0
    if method in ("toys", "toys-cls", "hybrid-cls"):
        parts = model.parts()
        found = toy_p(
            model,
            parts,
            actual(model, parts),
            strength,
            cls=method.endswith("cls"),
            n_toys=n_toys,
            rng=stream(seed),
            hybrid=method.startswith("hybrid"),
        )
        return found.value, found.error
    METHODS[method]
    raise MutauError(
        f"method {method!r} gives a limit but no p-value",
        allowed="asymptotic, asymptotic-cls, toys, toys-cls, hybrid-cls, bayes, classical",
    )
