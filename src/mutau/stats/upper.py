"""Upper limits and p-values of a counting model, by the methods of `stats.methods`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mutau.core.errors import MutauError, require_in_range
from mutau.core.random import stream
from mutau.core.types import Yields
from mutau.stats.histfactory import PRECISION, HistFactoryModel, p_curve, strength_limit
from mutau.stats.methods import METHODS, Options, first_guess
from mutau.stats.model import CountingModel, counting_model
from mutau.stats.profile import expected_background
from mutau.stats.settings import chosen
from mutau.stats.toys import outcomes


@dataclass(frozen=True, slots=True)
class UpperLimit:
    """Upper limit on the strength that multiplies the given signal.

    strength : float; inf where the signal is zero, so nothing is excluded.
    strength_err : float; toys and numerical error of the limit together with the Monte Carlo
        error of the signal. events : float, strength times the total signal.
    cl : confidence level (credibility for "bayes"). method : name in METHODS.
    n_toys : pseudo-experiments that went in; 0 if none.
    warnings : why the method does not hold for these data; empty where it does.
    priors : the priors that went in, in words.
    """

    strength: float
    strength_err: float
    events: float
    cl: float
    method: str
    n_toys: int = 0
    warnings: tuple[str, ...] = ()
    priors: tuple[str, ...] = ()

    def __str__(self) -> str:
        at = "; ".join([f"at {100.0 * self.cl:g} % CL", *self.warnings])
        if not math.isfinite(self.strength):
            return f"signal strength not limited {at} (no signal expected)"
        if self.strength_err <= 0.0:
            return f"signal strength < {self.strength:.4g} {at}"
        digits = max(0, -math.floor(math.log10(self.strength_err)))
        shape = f".{digits}f" if digits < 5 else ".1e"
        return f"signal strength < {self.strength:{shape}} ± {self.strength_err:{shape}} {at}"


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


def _histfactory_limit(model: HistFactoryModel, cl: float, method: str) -> UpperLimit:
    strength = strength_limit(model, cl, method)
    error = PRECISION * strength if math.isfinite(strength) else 0.0
    return UpperLimit(strength, error, strength * model.total, cl, method)


def upper_limit(
    data: Yields | CountingModel | HistFactoryModel,
    cl: float | None = None,
    method: str | None = None,
    *,
    systematics: Mapping[str, float] | None = None,
    constraint: str | None = None,
    n_toys: int = 20_000,
    seed: int = 1,
) -> UpperLimit:
    """Upper limit on the strength of the given signal.

    data : Yields of one experiment, a CountingModel (of one or several), or what `from_workspace`
        gave (a HistFactoryModel takes the asymptotic methods only, by pyhf).
    cl : confidence level, 0.5 to 0.9999; None for what the experiment file of the yields states,
        or else 0.90. method : name in METHODS; None likewise, or else "bayes":
        "bayes" - posterior quantile, flat prior (deterministic; for nothing seen it does not
            depend on the background and is -ln(1 - cl) without systematic errors; equal to CLs
            for one channel with known background);
        "events" - N > -ln(1 - cl), nothing else (the rule of the NA64mu paper, section IV);
        "asymptotic", "asymptotic-cls" - one-sided profile likelihood (the statistic of the
            NA64-e paper) with the asymptotic formula, as plain p-value or CLs; too low for few
            events (docs/validation/statistics.md), which the result then says;
        "toys", "toys-cls" - the same statistic with pseudo-experiments, in which counts and the
            backgrounds' side measurements fluctuate, true backgrounds have their best values and
            the signal's errors are drawn: a signal error never makes the limit stronger;
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
    way = METHODS[method]
    if isinstance(data, HistFactoryModel):
        return _histfactory_limit(data, cl, method)
    model = counting_model(data, systematics=systematics, constraint=constraint)
    if model.total == 0.0:
        return UpperLimit(math.inf, 0.0, math.inf, cl, method)
    model = observed_or_expected(model, method, seed)
    refuse(method, model)
    strength, error, used = way.limit(model, Options(cl, n_toys, seed))
    error = math.hypot(error, strength * model.total_err / model.total)
    said = way.outside(model), way.priors(model)
    return UpperLimit(strength, error, strength * model.total, cl, method, used, *said)


def refuse(method: str, model: CountingModel) -> None:
    """Raise the MutauError with which a method refuses a model, if it does."""
    refused = METHODS[method].refuses(model)
    if refused is not None:
        raise refused


def observed_or_expected(model: CountingModel, method: str, seed: int) -> CountingModel:
    """The model with every channel filled, projections as `upper_limit` says."""
    if not np.any(np.isnan(model.observed)):
        return model
    projection = METHODS[method].projection
    if projection == "asimov":
        return expected_background(model)
    if projection == "zero":
        return model.with_observed(np.nan_to_num(model.observed))
    return quantile_outcomes(model, (0.5,), seed)[0]


def p_value(
    data: Yields | CountingModel | HistFactoryModel,
    strength: float,
    method: str | None = None,
    *,
    n_toys: int = 20_000,
    seed: int = 1,
) -> tuple[float, float]:
    """p-value of one strength (CLs, or posterior tail), and its error from toys.

    The strength is excluded at confidence level cl where the p-value is below 1 - cl.
    method : one that has p-values: "asymptotic", "asymptotic-cls", "toys", "toys-cls",
    "hybrid-cls", "bayes", "classical"; None as in `upper_limit`.
    Raises MutauError for a strength that is not positive or a method without p-values.
    """
    _, method = chosen(data, None, method)
    require_in_range("strength", strength, 0.0, math.inf, open_low=True)
    p_value_of = METHODS[method].p_value
    if p_value_of is None:
        raise MutauError(
            f"method {method!r} gives a limit but no p-value",
            allowed=", ".join(name for name in METHODS if METHODS[name].p_value),
        )
    if isinstance(data, HistFactoryModel):
        return p_curve(data, method)(strength), 0.0
    model = observed_or_expected(counting_model(data), method, seed)
    refuse(method, model)
    return p_value_of(model, strength, Options(0.0, n_toys, seed))
