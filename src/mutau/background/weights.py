"""Sums of weights and an error that also holds where a few heavy ones decide."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """The sum of the weights of independent events, whose number is Poisson distributed.

    value, err : sum and error (`error_of_sum`). effective : (sum w)^2/sum w^2, the number of equal
    events that would fluctuate as much. largest : fraction of the heaviest event.
    """

    value: float
    err: float
    effective: float
    largest: float

    def parts(self) -> dict[str, float]:
        """The last two under their names in `Estimate.parts`."""
        return parts_of(self.effective, self.largest)


def combined(sums: Iterable[WeightedSum]) -> WeightedSum:
    """The sum of independent sums; errors in quadrature."""
    items = [item for item in sums if item.value > 0.0]
    if not items:
        return WeightedSum(0.0, 0.0, 0.0, 0.0)
    value = sum(item.value for item in items)
    squares = sum(item.value**2 / item.effective for item in items)
    return WeightedSum(
        value, math.hypot(*(item.err for item in items)), value**2 / squares,
        max(item.value * item.largest for item in items) / value,
    )  # fmt: skip


def parts_of(effective: float, largest: float) -> dict[str, float]:
    """What says how far an error can be trusted, by its names in `Estimate.parts`."""
    return {"effective number of events": effective, "share of the heaviest event": largest}


def error_of_sum(squares: float, cubes: float) -> float:
    """Error of a sum of weights w from sum w^2 and sum w^3, which are 0 or above.

    sqrt(sum w^2) alone says 0 for nothing and is too small where few heavy weights decide: a sample
    that missed some of them has too low a sum and too small an error, both at once. For n equal
    events the posterior of the mean, prior flat, has the variance n + 1: one event more than seen.
    Here that event has the weight s = sum w^3 / sum w^2, which is how far the variance rises with
    the sum (linear regression; sum w^k is the k-th cumulant of the sum): sqrt(sum w^2 + s^2).
    It is a standard error: its root mean square over seeds is their spread within a tenth from some
    ten effective events on (tools/errors_over_seeds.py); it is no interval of 68 %, since the sum
    of few events is no Gaussian.
    Where it stops: what no event of the sample shows is not in it either; below some three
    effective events it is an order of magnitude.
    Check: n equal events give sqrt(n + 1); many give sqrt(sum w^2).
    """
    if squares <= 0.0:
        return 0.0
    unit = cubes / squares
    return math.sqrt(squares + unit * unit)


def weighted_sum(weights: ArrayLike, *, fixed: bool = False) -> WeightedSum:
    """Sum of weights (any shape, not negative), zeros for events that do not count.

    fixed : their number, zeros included, is not Poisson but was chosen.
    """
    w = np.asarray(weights, float).ravel()
    one, two, three = (float(np.sum(w**k)) for k in (1, 2, 3))
    return from_powers(one, two, three, float(w.max(initial=0.0)), w.size if fixed else None)


def from_powers(
    total: float, squares: float, cubes: float, largest: float, n: int | None = None
) -> WeightedSum:
    """The same from sum w, sum w^2, sum w^3 and the largest w.

    n : events drawn, those of weight 0 included, where that number was fixed and not Poisson: the
    error is then that of central moments, which for rare events are the plain ones.
    """
    if squares <= 0.0:
        return WeightedSum(total, 0.0, 0.0, 0.0)
    second, third = squares, cubes
    if n is not None:
        mean = total / n
        second = max(squares - n * mean**2, 0.0)
        third = max(cubes - 3.0 * mean * squares + 2.0 * n * mean**3, 0.0)
    return WeightedSum(total, error_of_sum(second, third), total**2 / squares, largest / total)
