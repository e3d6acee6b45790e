"""Weighted fractions of a sample and their errors."""

from __future__ import annotations

import math

from mutau.core.errors import MutauError


def weighted_fraction(
    part: float, total: float, part_2: float, total_2: float
) -> tuple[float, float]:
    """Weighted fraction of a selection and its error.

    part, total : sums of the weights of the selected and of all; part_2, total_2 : of squares.
    Returns (fraction, error). The error is sqrt(sum w^2 (1_selected - fraction)^2) / sum w,
    binomial for equal weights; a fraction of 0 or 1 gets the error of one event of mean weight.
    Raises MutauError if the weights sum to nothing.
    Check: n events of equal weight give sqrt(fraction (1 - fraction) / n).

    >>> weighted_fraction(20.0, 100.0, 20.0, 100.0)
    (0.2, 0.04)
    """
    if not total > 0.0:
        raise MutauError("no event carries weight", remedy="generate more events")
    fraction = part / total
    squares = part_2 * (1.0 - 2.0 * fraction) + fraction**2 * total_2
    if squares <= 1e-12 * total_2:
        squares = (total_2 / total) ** 2
    return fraction, math.sqrt(squares) / total
