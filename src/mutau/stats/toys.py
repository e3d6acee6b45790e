"""p-values from pseudo-experiments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mutau.stats import kernels
from mutau.stats.kernels import Data
from mutau.stats.model import CountingModel, Parts
from mutau.stats.profile import (
    Array,
    q_discovery,
    q_upper,
    setting,
    side_values,
)

#: Two values of q closer than this count as equal: counts are whole numbers, so ties are common.
_TIE = 1e-7


@dataclass(frozen=True, slots=True)
class ToyP:
    """p-value and its binomial error, from `n_toys` pseudo-experiments per hypothesis."""

    value: float
    error: float
    n_toys: int


def throw(
    model: CountingModel,
    parts: Parts,
    data: Data,
    rate: Array,
    background: Array,
    rng: np.random.Generator,
) -> Data:
    """Pseudo-data: counts and the backgrounds' side measurements fluctuate.

    rate, background : (T, R) true events in all and of background. data : whose measurement of the
    signal's errors every pseudo-experiment keeps.
    Returns Data with (T, R), (T, R), (T, r).
    """
    n_toys = len(rate)
    measured = side_values(model.channels, parts, background)
    for i, channel in enumerate(model.channels):
        if channel.constraint == "gaussian":
            measured[:, i] += channel.width * rng.standard_normal(n_toys)
        elif channel.constraint == "lognormal":
            measured[:, i] += rng.standard_normal(n_toys)
        elif channel.constraint == "gamma":
            measured[:, i] = rng.poisson(channel.width * background[:, i])
    counts = rng.poisson(rate).astype(np.float64)
    return Data(counts, measured, np.tile(data.z_measured, (n_toys, 1)))


def throw_at(
    model: CountingModel,
    parts: Parts,
    data: Data,
    strength: float,
    n_toys: int,
    rng: np.random.Generator,
) -> Data:
    """Pseudo-data at `strength`.

    The signal's true errors are drawn, and their measurement stays as it is: it says nothing
    about the strength, and letting it fluctuate would split outcomes with equal counts, so that a
    signal error made limits stronger. The backgrounds have their best values for `data`, given
    the strength and the errors drawn.
    """
    z = data.z_measured + rng.standard_normal((n_toys, parts.loadings.shape[1]))
    signal = strength * parts.signal * np.exp(z @ parts.loadings.T)
    best = np.empty_like(signal)
    kernels.best_backgrounds(signal, data, setting(parts), best)
    return throw(model, parts, data, signal + best, best, rng)


def outcomes(model: CountingModel, strength: float, count: int, rng: np.random.Generator) -> Array:
    """Counts (count, R) that may be seen at `strength`, true nuisances drawn from their errors.

    Backgrounds below zero are drawn again.
    """
    parts = model.parts()
    z = rng.standard_normal((count, parts.loadings.shape[1]))
    rate = strength * parts.signal * np.exp(z @ parts.loadings.T)
    for i, channel in enumerate(model.channels):
        rate[:, i] += _draw_background(channel.constraint, parts, i, count, rng)
    return rng.poisson(rate).astype(np.float64)


def _draw_background(
    constraint: str, parts: Parts, i: int, count: int, rng: np.random.Generator
) -> Array:
    """(count,) true backgrounds of channel i out of its constraint taken as a density."""
    b, width = parts.background[i], parts.width[i]
    if constraint == "lognormal":
        return b * np.exp(width * rng.standard_normal(count))
    if constraint == "gamma":
        return rng.gamma(parts.measured[i], 1.0 / width, count)
    if constraint == "fixed":
        return np.full(count, b)
    drawn = b + width * rng.standard_normal(count)
    while np.any(drawn < 0.0):
        again = drawn < 0.0
        drawn[again] = b + width * rng.standard_normal(np.count_nonzero(again))
    return drawn


def toy_q(parts: Parts, toys: Data, strength: float, *, discovery: bool = False) -> Array:
    """q-tilde at `strength`, or q0, of each pseudo-experiment; (T,)."""
    out = np.empty(len(toys.n))
    kernels.toys_q(strength, discovery, toys, setting(parts), out)
    return out


def _fraction(q: Array, observed: float) -> tuple[float, float]:
    """Fraction of q >= observed, and its binomial error (one count added so it is never zero)."""
    passed = float(np.count_nonzero(q >= observed - _TIE * (1.0 + observed)))
    total = len(q)
    smooth = (passed + 1.0) / (total + 2.0)
    return passed / total, math.sqrt(smooth * (1.0 - smooth) / total)


def toy_p(
    model: CountingModel,
    parts: Parts,
    data: Data,
    strength: float,
    *,
    cls: bool,
    n_toys: int,
    rng: np.random.Generator,
    hybrid: bool = False,
) -> ToyP:
    """P(q >= q observed | strength), for CLs divided by the same at strength 0.

    The statistic is q-tilde at `strength`; the ensembles are those of `throw_at`, for the divisor
    at strength 0. `hybrid`: the true backgrounds are drawn from their errors too, and their side
    measurements stay as they are.
    """
    observed = q_upper(parts, data, strength)

    def fraction(true: float) -> tuple[float, float]:
        if hybrid:
            counts = outcomes(model, true, n_toys, rng)
            side = np.broadcast_to(data.measured, counts.shape)
            z = np.broadcast_to(data.z_measured, (n_toys, len(data.z_measured)))
            toys = Data(counts, side.copy(), z.copy())
        else:
            toys = throw_at(model, parts, data, true, n_toys, rng)
        return _fraction(toy_q(parts, toys, strength), observed)

    both, both_err = fraction(strength)
    if not cls:
        return ToyP(both, both_err, n_toys)
    background, background_err = fraction(0.0)
    background = max(background, 1.0 / n_toys)
    value = both / background
    error = math.hypot(both_err, value * background_err) / background
    return ToyP(value, error, n_toys)


def toy_discovery_p(
    model: CountingModel, parts: Parts, data: Data, n_toys: int, rng: np.random.Generator
) -> ToyP:
    """P(q0 >= q0 observed | background only)."""
    observed = q_discovery(parts, data)
    q = toy_q(parts, throw_at(model, parts, data, 0.0, n_toys, rng), 0.0, discovery=True)
    return ToyP(*_fraction(q, observed), n_toys)
