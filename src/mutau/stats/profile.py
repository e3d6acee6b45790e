"""Maximum-likelihood fit, test statistics and asymptotic p-values of a counting model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from mutau.core.errors import MutauError
from mutau.stats import kernels
from mutau.stats.kernels import Data, FitSetting
from mutau.stats.model import Channel, CountingModel, Parts, counting_model

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Fit:
    """Best values of the parameters, by name.

    strength : float. background : channel -> events. systematics : name -> theta (unit Gaussian
    pull of the signal's factor (1 + error)^theta). nll : -ln L above the perfect fit, so that
    2 nll measures the goodness of fit.
    """

    strength: float
    background: Mapping[str, float]
    systematics: Mapping[str, float]
    nll: float


def expected_background(model: CountingModel) -> CountingModel:
    """Projected channels (observed NaN) filled with the expected background (Asimov data)."""
    observed = np.where(np.isnan(model.observed), model.background, model.observed)
    return model.with_observed(observed)


def actual(model: CountingModel, parts: Parts) -> Data:
    """The model's own data: observed counts and nominal side measurements."""
    if np.any(np.isnan(model.observed)):
        raise MutauError(
            "nothing was observed yet in "
            + ", ".join(channel.name for channel in model.channels if math.isnan(channel.observed)),
            remedy="use expected_limits, or fill the channels with with_observed",
        )
    return Data(model.observed, parts.measured, np.zeros(parts.loadings.shape[1]))


def setting(parts: Parts) -> FitSetting:
    """What the kernels need of the model beside its data."""
    return FitSetting(parts.signal, parts.kind, parts.background, parts.width, parts.loadings)


def backgrounds(parts: Parts, data: Data, mu: float, z: Array) -> Array:
    """Best background (R,) events at strength `mu` and signal errors `z` (r,)."""
    best = np.empty((1, len(parts.signal)))
    signal = mu * parts.signal * np.exp(parts.loadings @ z)
    kernels.best_backgrounds(signal[None, :], data, setting(parts), best)
    return np.asarray(best[0])


def fit_parts(parts: Parts, data: Data, strength: float | None) -> tuple[float, float, Array]:
    """(-ln L, strength, z): free strength >= 0 if None, else at that strength."""
    z = data.z_measured.copy()
    if strength is None:
        value, mu = kernels.free_fit(z, data, setting(parts))
        return value, mu, z
    value, _ = kernels.conditional_fit(strength, z, data, setting(parts))
    return value, strength, z


def fit(model: CountingModel, strength: float | None = None) -> Fit:
    """Best fit of all parameters to the observed numbers, strength >= 0.

    strength : float, to hold it fixed; None to fit it.
    Returns Fit, parameters by name.
    Raises MutauError if a channel has no observation or the model has no signal.
    Check: one channel, fixed b: strength = max(n - b, 0)/s.
    """
    parts = counting_model(model).parts()
    data = actual(model, parts)
    if strength is None and parts.signal.sum() <= 0.0:
        raise MutauError("the model has no signal, so its strength cannot be fitted")
    value, mu, z = fit_parts(parts, data, strength)
    best = backgrounds(parts, data, mu, z)
    return Fit(
        mu,
        {channel.name: float(best[i]) for i, channel in enumerate(model.channels)},
        dict(zip(model.systematics, (parts.rotation @ z).tolist(), strict=True)),
        value,
    )


def q_upper(parts: Parts, data: Data, strength: float) -> float:
    """q-tilde of one data set at `strength` (Cowan et al., eq. 16)."""
    z = data.z_measured.copy()
    return float(kernels.q_tilde(strength, z, data, setting(parts)))


def q_discovery(parts: Parts, data: Data) -> float:
    """q0 of one data set (Cowan et al., eq. 12)."""
    z = data.z_measured.copy()
    return float(kernels.q_zero(z, data, setting(parts)))


def asimov(model: CountingModel, parts: Parts, data: Data, strength: float) -> Data:
    """Data equal to their expectation at `strength`, nuisance parameters fitted to `data`.

    The side measurements become what would be measured on average if the fitted values were true.
    """
    _, _, z = fit_parts(parts, data, strength)
    best = backgrounds(parts, data, strength, z)
    return Data(
        strength * parts.signal * np.exp(parts.loadings @ z) + best,
        side_values(model.channels, parts, best),
        z,
    )


def side_values(channels: tuple[Channel, ...], parts: Parts, background: Array) -> Array:
    """Expected side measurement (..., R) if `background` (..., R) were true.

    See `Channel.measured`.
    """
    values = np.broadcast_to(parts.measured, background.shape).copy()
    for i, channel in enumerate(channels):
        if channel.constraint == "gaussian":
            values[..., i] = background[..., i]
        elif channel.constraint == "lognormal":
            values[..., i] = np.log(background[..., i] / channel.background) / channel.width
        elif channel.constraint == "gamma":
            values[..., i] = channel.width * background[..., i]
    return values


def asymptotic_p(q: float, q_asimov: float, *, cls: bool) -> float:
    """p-value of q-tilde from Wald's approximation (Cowan et al., eqs. 64-66), or CLs.

    Holds for many events: it takes the estimated strength as Gaussian. With no event seen it is
    badly wrong (see docs/validation/statistics.md); toys or Bayes are then the right choice.
    """
    root, root_asimov = math.sqrt(q), math.sqrt(q_asimov)
    if root <= root_asimov:
        both, background = ndtr(-root), ndtr(root_asimov - root)
    else:
        both = ndtr(-(q + q_asimov) / (2.0 * root_asimov))
        background = ndtr(-(q - q_asimov) / (2.0 * root_asimov))
    return float(both / background) if cls else float(both)


def asymptotic_strength_root(cl: float, deviation: float, *, cls: bool) -> float:
    """sqrt(q_Asimov) at the limit expected when the background fluctuates by `deviation` sigma.

    Cowan et al., eqs. 88-89; CLs: Phi(deviation - x)/Phi(deviation) = 1 - cl.
    """
    alpha = 1.0 - cl
    fraction = float(ndtr(deviation)) if cls else 1.0
    return deviation + float(ndtri(1.0 - alpha * fraction))
