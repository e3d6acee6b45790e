"""Axes of the unit cube of lepton pairs: places and Jacobians that follow poles and scales."""

from __future__ import annotations

import math

from mutau.core.jit import inner


@inner(forceinline=True)
def two_scales(x: float, low: float, high: float, soft: float, hard: float) -> tuple[float, float]:
    """Point and Jacobian of an axis with density 1/((v + soft)(v + hard)) from low to high.

    Logarithmic between the scales soft < hard, 1/v^2 beyond, flat below.
    """
    gap = hard - soft
    start = math.log1p(gap / (low + soft))
    span = math.log1p(gap / (high + soft)) - start
    value = min(max(gap / math.expm1(start + span * x) - soft, low), high)
    return value, -span * (value + soft) * (value + hard) / gap


@inner(forceinline=True)
def logit_point(x: float, low: float, high: float) -> tuple[float, float]:
    """Fraction and Jacobian of an axis that is logarithmic at both ends of (0, 1)."""
    start = math.log(low / (1.0 - low))
    span = math.log(high / (1.0 - high)) - start
    value = 1.0 / (1.0 + math.exp(-start - span * x))
    return value, value * (1.0 - value) * span


@inner(forceinline=True)
def pole_point(x: float, low: float, high: float) -> tuple[float, float]:
    """Point and Jacobian of an axis with density 1/v^2 from low to high."""
    value = low / (1.0 - x * (1.0 - low / high))
    return value, value * value / low * (1.0 - low / high)


@inner(forceinline=True)
def fraction_point(x: float, low: float, high: float) -> tuple[float, float]:
    """Light-cone fraction z in [low, high] and Jacobian; density 1/sqrt(z (1 - z))."""
    start = math.asin(math.sqrt(low))
    span = math.asin(math.sqrt(high)) - start
    z = math.sin(start + span * x) ** 2
    return z, 2.0 * span * math.sqrt(z * (1.0 - z))
