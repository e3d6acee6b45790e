"""Profile likelihood of a counting model on plain arrays.

Per channel the background is eliminated in closed form (fixed, Gaussian, gamma constraint) or by
a safeguarded Newton search in one variable (lognormal). The signal's errors z (r of them, usually
none or one) take a damped Newton search, and the strength a bracketed root of the derivative.
Likelihoods are -ln L above the perfect fit (every count equal to its mean), so never negative.
Test statistics: Cowan, Cranmer, Gross, Vitells, Eur. Phys. J. C 71 (2011) 1554, eqs. 12 and 16.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mutau.core.jit import njit

Array = np.ndarray

_IMPOSSIBLE = 1e300


class Data(NamedTuple):
    """What one (pseudo-)experiment saw: counts, side measurements (R,), signal errors (r,)."""

    n: Array
    measured: Array
    z_measured: Array


class FitSetting(NamedTuple):
    """What all pseudo-experiments share, per channel.

    signal : (R,) events at strength 1. kind, nominal, width : (R,) the background and its
    constraint (`Channel`). loadings : (R, r) logarithmic response to the signal's errors.
    """

    signal: Array
    kind: Array
    nominal: Array
    width: Array
    loadings: Array


@njit
def poisson_term(n: float, rate: float) -> float:
    """-ln Poisson(n | rate) above its least value, rate - n - n ln(rate/n); exact for large n."""
    if n <= 0.0:
        return max(rate, 0.0)
    if rate <= 0.0:
        return _IMPOSSIBLE
    shift = (rate - n) / n
    return n * (shift - math.log1p(shift))


@njit
def _lognormal_background(
    n: float, signal: float, nominal: float, width: float, measured: float
) -> tuple[float, float, float]:
    """Best eta of b = nominal exp(width eta): root of dL/d eta, Newton inside a bracket."""
    low = measured - width * nominal * math.exp(width * measured)  # dL/d eta <= 0 there
    high = measured + width * n  # and >= 0 there
    eta = measured
    for _ in range(200):
        b = nominal * math.exp(width * eta)
        rate = signal + b
        slope = b * width * (1.0 - n / rate) + eta - measured
        if slope > 0.0:
            high = eta
        else:
            low = eta
        if abs(slope) < 1e-12 * (1.0 + abs(eta)) or high - low < 1e-14:
            break
        bend = 1.0 + b * width * width * (1.0 - n * signal / (rate * rate))
        step = eta - slope / bend if bend > 0.0 else low - 1.0
        eta = step if low < step < high else 0.5 * (low + high)
    b = nominal * math.exp(width * eta)
    rate = signal + b
    bend = 1.0 + b * width * width * (1.0 - n * signal / (rate * rate))
    follow = 1.0 - (b * width) ** 2 * n / (rate * rate) / bend
    return b, 0.5 * (eta - measured) ** 2, follow


@njit
def _gaussian_background(
    n: float, signal: float, width: float, measured: float
) -> tuple[float, float, float]:
    """Root of lambda^2 + (w^2 - s - m) lambda - n w^2 = 0, lambda = s + b, with b >= 0."""
    half = signal + measured - width * width
    root = math.sqrt(half * half + 4.0 * n * width * width)
    if half > 0.0:
        rate = 0.5 * (half + root)
    else:
        rate = 2.0 * n * width * width / (root - half) if root > half else 0.0
    b = rate - signal
    follow = 1.0
    if b <= 0.0:
        b = 0.0
    elif n > 0.0:
        follow = 1.0 / (1.0 + n * width * width / (rate * rate))
    return b, 0.5 * ((b - measured) / width) ** 2, follow


@njit
def _gamma_background(
    n: float, signal: float, width: float, measured: float
) -> tuple[float, float, float]:
    """Control sample: counts m ~ Poisson(width b); root of a quadratic equation in b."""
    total = 1.0 + width
    half = n + measured - total * signal
    root = math.sqrt(half * half + 4.0 * total * measured * signal)
    if half > 0.0:
        b = 0.5 * (half + root) / total
    else:
        b = 2.0 * measured * signal / (root - half) if root > half else 0.0
    rate = signal + b
    follow = 1.0
    if b > 0.0:
        here, there = n / (rate * rate), measured / (b * b)
        if here + there > 0.0:
            follow = there / (here + there)
    return b, poisson_term(measured, width * b), follow


@njit
def channel_profile(
    n: float, signal: float, kind: int, nominal: float, width: float, measured: float
) -> tuple[float, float, float, float]:
    """-ln L of one channel with its background at the best value.

    n : events. signal : expected signal with all factors. kind, nominal, width, measured : the
    background and its constraint (`Channel`).
    Returns (value, first and second derivative in `signal`, background).
    """
    follow = 1.0
    if kind == 0:
        b, extra = nominal, 0.0
    elif kind == 1:
        b, extra, follow = _gaussian_background(n, signal, width, measured)
    elif kind == 2:
        b, extra, follow = _lognormal_background(n, signal, nominal, width, measured)
    else:
        b, extra, follow = _gamma_background(n, signal, width, measured)
    rate = signal + b
    if rate > 0.0:
        slope, bend = 1.0 - n / rate, n / (rate * rate) * follow
    else:
        slope, bend = (1.0, 0.0) if n <= 0.0 else (-_IMPOSSIBLE, 0.0)
    return poisson_term(n, rate) + extra, slope, bend, b


@njit
def _solve_positive(matrix: Array, vector: Array) -> None:
    """Solve matrix x = vector in place (Gauss elimination, matrix positive definite)."""
    size = vector.size
    for k in range(size):
        for i in range(k + 1, size):
            ratio = matrix[i, k] / matrix[k, k]
            for j in range(k, size):
                matrix[i, j] -= ratio * matrix[k, j]
            vector[i] -= ratio * vector[k]
    for k in range(size - 1, -1, -1):
        for j in range(k + 1, size):
            vector[k] -= matrix[k, j] * vector[j]
        vector[k] /= matrix[k, k]


@njit
def _derivatives(
    mu: float, z: Array, data: Data, setting: FitSetting, step: Array, matrix: Array
) -> tuple[float, float]:
    """(-ln L, its derivative in mu); gradient and curvature in z go into `step` and `matrix`.

    The curvature keeps its positive part only, so that a step along it goes downhill.
    """
    n, measured, z_measured = data
    signal, kind, nominal, width, loadings = setting
    value, slope_mu = 0.0, 0.0
    for k in range(z.size):
        step[k] = z[k] - z_measured[k]
        value += 0.5 * step[k] ** 2
        for j in range(z.size):
            matrix[k, j] = 1.0 if j == k else 0.0
    for i in range(n.size):
        exponent = 0.0
        for k in range(z.size):
            exponent += loadings[i, k] * z[k]
        s1 = signal[i] * math.exp(exponent)
        s = mu * s1
        part, slope, bend, _ = channel_profile(n[i], s, kind[i], nominal[i], width[i], measured[i])
        value += part
        slope_mu += slope * s1
        curve = bend * s * s + max(slope, 0.0) * s
        for k in range(z.size):
            step[k] += slope * s * loadings[i, k]
            for j in range(z.size):
                matrix[k, j] += curve * loadings[i, k] * loadings[i, j]
    return value, slope_mu


@njit(inline="always")
def _largest(step: Array) -> float:
    """Largest absolute value of `step`, 0 for an empty one."""
    largest = 0.0
    for k in range(step.size):
        largest = max(largest, abs(step[k]))
    return largest


@njit
def conditional_fit(mu: float, z: Array, data: Data, setting: FitSetting) -> tuple[float, float]:
    """Minimum of -ln L at fixed strength `mu`; z (r,) holds the start and then the best errors.

    Returns (value, derivative in mu). Newton steps, halved until the value falls.
    """
    size = z.size
    matrix, step, move = np.empty((size, size)), np.empty(size), np.zeros(size)
    value, slope_mu, scale = math.inf, 0.0, 0.0
    for _ in range(1000):
        new, slope_new = _derivatives(mu, z, data, setting, step, matrix)
        if new <= value + 1e-14 * abs(value):
            value, slope_mu = new, slope_new
            if _largest(step) < 1e-11 or 0.0 < scale * _largest(move) < 1e-9:
                break
            _solve_positive(matrix, step)
            scale = 1.0
            for k in range(size):
                move[k] = step[k]
                z[k] -= move[k]
        else:
            back = scale if scale < 1e-12 else 0.5 * scale
            scale -= back
            for k in range(size):
                z[k] += back * move[k]
            if scale == 0.0:
                break
    return value, slope_mu


@njit
def _best_between(
    low: float,
    slope_low: float,
    high: float,
    slope_high: float,
    z: Array,
    data: Data,
    setting: FitSetting,
) -> tuple[float, float]:
    """Root of the derivative in (low, high) by the Illinois false position; (value, strength)."""
    value, mu, side = 0.0, low, 0
    for it in range(200):
        if slope_low > -_IMPOSSIBLE and it % 8 != 7:
            mu = (low * slope_high - high * slope_low) / (slope_high - slope_low)
        else:
            mu = 0.5 * (low + high)
        value, slope = conditional_fit(mu, z, data, setting)
        if abs(slope) * (high - low) < 1e-12 or high - low < 1e-12 * high:
            break
        if slope > 0.0:
            high, slope_high = mu, slope
            if side > 0:
                slope_low *= 0.5
            side = 1
        else:
            low, slope_low = mu, slope
            if side < 0:
                slope_high *= 0.5
            side = -1
    return value, mu


@njit
def free_fit(z: Array, data: Data, setting: FitSetting) -> tuple[float, float]:
    """Minimum over strength >= 0 and everything else. Returns (value, strength); z is filled."""
    value, slope = conditional_fit(0.0, z, data, setting)
    if slope >= 0.0:
        return value, 0.0
    high = (data.n.sum() + 1.0) / setting.signal.sum()
    low, slope_low, slope_high = 0.0, slope, -1.0
    for _ in range(200):
        value, slope_high = conditional_fit(high, z, data, setting)
        if slope_high > 0.0:
            break
        low, slope_low = high, slope_high
        high *= 2.0
    return _best_between(low, slope_low, high, slope_high, z, data, setting)


@njit
def q_tilde(mu: float, z: Array, data: Data, setting: FitSetting) -> float:
    """Test statistic for an upper limit, strength bounded at zero (Cowan et al., eq. 16)."""
    at_mu, slope = conditional_fit(mu, z, data, setting)
    if slope <= 0.0:
        return 0.0
    for k in range(z.size):
        z[k] = data.z_measured[k]
    best, slope_zero = conditional_fit(0.0, z, data, setting)
    if slope_zero < 0.0:
        best, _ = _best_between(0.0, slope_zero, mu, slope, z, data, setting)
    return max(2.0 * (at_mu - best), 0.0)


@njit
def q_zero(z: Array, data: Data, setting: FitSetting) -> float:
    """Test statistic for a discovery (Cowan et al., eq. 12)."""
    none, slope = conditional_fit(0.0, z, data, setting)
    if slope >= 0.0:
        return 0.0
    best, _ = free_fit(z, data, setting)
    return max(2.0 * (none - best), 0.0)


@njit
def toys_q(mu: float, discovery: bool, toys: Data, setting: FitSetting, out: Array) -> None:
    """q of T pseudo-experiments: columns of `toys` (T, R), (T, R), (T, r) -> out (T,)."""
    z = np.empty(toys.z_measured.shape[1])
    for t in range(toys.n.shape[0]):
        for k in range(z.size):
            z[k] = toys.z_measured[t, k]
        data = Data(toys.n[t], toys.measured[t], toys.z_measured[t])
        out[t] = q_zero(z, data, setting) if discovery else q_tilde(mu, z, data, setting)


@njit
def best_backgrounds(signal: Array, data: Data, setting: FitSetting, out: Array) -> None:
    """Best backgrounds for one data set, given its signal (T, R) with all factors -> out (T, R)."""
    for t in range(signal.shape[0]):
        for i in range(signal.shape[1]):
            out[t, i] = channel_profile(
                data.n[i],
                signal[t, i],
                setting.kind[i],
                setting.nominal[i],
                setting.width[i],
                data.measured[i],
            )[3]
