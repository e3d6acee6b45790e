"""Search over cuts, one side after the other, on weighted samples; see `muone_optimise`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mutau.analysis.muone_objective import mean_limit

Array = np.ndarray

#: Side of a cut: (variable, "min" or "max").
Side = tuple[str, str]
THRESHOLDS: Final = 120  # tried per step
_FEW: Final = 10


@dataclass(frozen=True, slots=True)
class Weighted:
    """All samples in one set of arrays: values by variable, weight, and index of the component.

    The first component is the signal at the model's coupling. unseen : (components,) whether one
    more event must be reckoned with where the sample has none; not so for what falls off like a
    Gaussian.
    """

    values: Mapping[str, Array]
    weight: Array
    part: Array
    model_error: Array
    unseen: Array

    def histogram(self, name: str, edges: Array, mask: Array, *, squares: bool = False) -> Array:
        """(components, bins): sums of the weights (or squares) of masked events."""
        weight = self.weight[mask] ** 2 if squares else self.weight[mask]
        parts, bins = len(self.model_error), len(edges) - 1
        place = np.searchsorted(edges, self.values[name][mask], side="right") - 1
        inside = (place >= 0) & (place < bins)
        index = self.part[mask][inside] * bins + place[inside]
        sums = np.bincount(index, weights=weight[inside], minlength=parts * bins)
        return np.asarray(sums.reshape(parts, bins))


class CutSearch:
    """Coordinate-wise search on one set of events."""

    def __init__(self, events: Weighted, sides: Sequence[Side], cl: float) -> None:
        self.events, self.sides, self.cl = events, sides, cl
        self.evaluations = 0

    def figure(self, sums: Array, squares: Array, mask: Array) -> Array:
        """Expected limit on (coupling)^2 in units of the model's, for (components, K) sums.

        The signal counts less its Monte Carlo error. A background that few events of the sample
        make up counts with its own error on top, and that never counts less than one typical event
        of those that `mask` lets pass.
        """
        self.evaluations += sums.shape[1]
        background, own = sums[1:].sum(axis=0), squares[1:].sum(axis=0)
        own = own + self.one_event(mask) ** 2
        model = np.sum((self.events.model_error[1:, None] * sums[1:]) ** 2, axis=0)
        allowed = mean_limit(background + np.sqrt(own), np.sqrt(own + model), self.cl)
        signal = sums[0] - np.sqrt(squares[0])
        with np.errstate(divide="ignore"):
            return np.where(signal > 0.0, allowed / signal, math.inf)

    def one_event(self, mask: Array) -> float:
        """Typical weights of the components' events that pass `mask`, in quadrature.

        Sum w^2 / sum w: the weight of the events that make up the sum. Where weights differ by
        orders, the median is that of events that add nothing, and a hole in a sample of few heavy
        ones would look like a good region.
        """
        found = []
        for part in np.flatnonzero(self.events.unseen):
            own = self.events.part == part
            kept = self.events.weight[own & mask]
            kept = kept if len(kept) >= _FEW else self.events.weight[own]
            total = float(np.sum(kept))
            found.append(float(np.sum(kept**2)) / total if total > 0.0 else 0.0)
        return math.hypot(*found)

    def mask(self, cuts: Mapping[Side, float], without: Side | None = None) -> Array:
        """(N,) events that pass all cuts but one."""
        passed = np.ones(len(self.events.weight), bool)
        for side, threshold in cuts.items():
            if side != without and math.isfinite(threshold):
                values = self.events.values[side[0]]
                passed &= values >= threshold if side[1] == "min" else values <= threshold
        return passed

    def value(self, cuts: Mapping[Side, float]) -> float:
        """The figure of one set of cuts."""
        mask, parts = self.mask(cuts), len(self.events.model_error)
        kept, index = self.events.weight[mask], self.events.part[mask]
        sums = np.bincount(index, weights=kept, minlength=parts)
        squares = np.bincount(index, weights=kept**2, minlength=parts)
        return float(self.figure(sums[:, None], squares[:, None], mask)[0])

    def step(
        self, cuts: Mapping[Side, float], side: Side, bounds: tuple[float, float]
    ) -> tuple[float, float]:
        """Best threshold of one side with all others held, and its figure."""
        mask = self.mask(cuts, without=side)
        signal = self.events.values[side[0]][mask & (self.events.part == 0)]
        if not len(signal):
            return cuts[side], math.inf
        lowest = 0.02 if side[1] == "max" else 0.0
        tried = np.quantile(signal, np.linspace(lowest, lowest + 0.98, THRESHOLDS))
        inside = tried[(tried > bounds[0]) & (tried < bounds[1])]
        edges = np.unique([-math.inf, *bounds, *inside, cuts[side], math.inf])
        sums = self.events.histogram(side[0], edges, mask)
        squares = self.events.histogram(side[0], edges, mask, squares=True)
        if side[1] == "min":
            sums, squares = (np.cumsum(x[:, ::-1], axis=1)[:, ::-1] for x in (sums, squares))
            thresholds = edges[:-1]
        else:
            sums, squares = np.cumsum(sums, axis=1), np.cumsum(squares, axis=1)
            thresholds = edges[1:]
        allowed = (thresholds >= bounds[0]) & (thresholds <= bounds[1])
        figures = np.where(allowed, self.figure(sums, squares, mask), math.inf)
        best = int(np.argmin(figures))
        return float(thresholds[best]), float(figures[best])

    def descend(
        self, start: Mapping[Side, float], bounds: Mapping[Side, tuple[float, float]]
    ) -> tuple[dict[Side, float], float]:
        """Cut after cut until a whole round gains less than 1e-4."""
        cuts, best = dict(start), self.value(start)
        for _ in range(40):
            before = best
            for side in self.sides:
                threshold, figure = self.step(cuts, side, bounds[side])
                if figure < best:
                    cuts[side], best = threshold, figure
            if not best < before * (1.0 - 1e-4):
                break
        return cuts, best
