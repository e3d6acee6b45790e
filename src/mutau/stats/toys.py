"""p-values from pseudo-experiments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mutau.stats import kernels
from mutau.stats.model import CountingModel, Parts
from mutau.stats.profile import (
    Array,
    Data,
    backgrounds,
    fit_parts,
    q_discovery,
    q_upper,
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
    rate: Array,
    background: Array,
    z: Array,
    n_toys: int,
    rng: np.random.Generator,
) -> Data:
    """Pseudo-data of an unconditional ensemble: counts and all side measurements fluctuate.

    rate, background : (R,) true events in all and of background. z : (r,) true signal errors.
    Returns Data with (T, R), (T, R), (T, r).
    """
    shape = (n_toys, len(rate))
    measured = np.broadcast_to(side_values(model.channels, parts, background), shape).copy()
    for i, channel in enumerate(model.channels):
        if channel.constraint == "gaussian":
            measured[:, i] += channel.width * rng.standard_normal(n_toys)
        elif channel.constraint == "lognormal":
            measured[:, i] += rng.standard_normal(n_toys)
        elif channel.constraint == "gamma":
            measured[:, i] = rng.poisson(channel.width * background[i], n_toys)
    counts = rng.poisson(rate, shape).astype(np.float64)
    return Data(counts, measured, z + rng.standard_normal((n_toys, len(z))))


def throw_at(
    model: CountingModel,
    parts: Parts,
    data: Data,
    strength: float,
    n_toys: int,
    rng: np.random.Generator,
) -> Data:
    """Pseudo-data at `strength`, the nuisance parameters at their best values for `data`."""
    _, _, z = fit_parts(parts, data, strength)
    best = backgrounds(parts, data, strength, z)
    rate = strength * parts.signal * np.exp(parts.loadings @ z) + best
    return throw(model, parts, rate, best, z, n_toys, rng)


def toy_q(parts: Parts, toys: Data, strength: float, *, discovery: bool = False) -> Array:
    """q-tilde at `strength`, or q0, of each pseudo-experiment; (T,)."""
    out = np.empty(len(toys.n))
    kernels.toys_q(
        strength,
        discovery,
        *toys,
        parts.signal,
        parts.kind,
        parts.background,
        parts.width,
        parts.loadings,
        out,
    )
    return out


def _fraction(q: Array, observed: float) -> tuple[float, float]:
    """Share of q >= observed, and its binomial error (one count added so it is never zero)."""
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
) -> ToyP:
    """P(q >= q observed | strength), for CLs divided by the same at strength 0.

    The statistic is q-tilde at `strength`; the ensembles have the nuisance parameters at their
    best values for `data` given the strength (for the divisor, given strength 0).
    """
    observed = q_upper(parts, data, strength)
    q = toy_q(parts, throw_at(model, parts, data, strength, n_toys, rng), strength)
    both, both_err = _fraction(q, observed)
    if not cls:
        return ToyP(both, both_err, n_toys)
    q = toy_q(parts, throw_at(model, parts, data, 0.0, n_toys, rng), strength)
    background, background_err = _fraction(q, observed)
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
