"""Background in a signal box: an exponential fitted to a sideband, integrated over the box.

The NA64-e paper (arXiv:2404.06982, section 4) takes events without activity in the HCAL below the
beam energy, fits their E_ECAL spectrum outside the box with an exponential, and integrates it over
the box; the error comes from varying the parameters within their fit covariance. The extrapolation
rests on the model: nothing in the sideband tells a steeper or flatter spectrum inside the box.

Spectra come from files by `spectrum_files`. Weighted events enter with their variances: in each bin
a Poisson distribution of counts²/variance events, scaled to the counts (G. Bohm and G. Zech, Nucl.
Instrum. Meth. A 748 (2014) 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, OutOfRange

Array = NDArray[np.float64]

#: Draws from the fit's covariance, and the fewest sideband events that make a fit.
DRAWS: Final = 10_000
FEWEST: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class EnergySpectrum:
    """Counts over energy. edges : (B + 1,) rising, GeV. counts : (B,) not negative, finite.

    variances : (B,) of the counts; None for unweighted events, whose variances are the counts.
    Raises MutauError, naming `place`, for shapes that disagree, edges that do not rise, NaN, a
    count without a variance.
    """

    edges: Array
    counts: Array
    place: str = "spectrum"
    variances: Array | None = None

    def __post_init__(self) -> None:
        edges, counts = np.asarray(self.edges, float), np.asarray(self.counts, float)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "counts", counts)
        if self.variances is not None:
            object.__setattr__(self, "variances", np.asarray(self.variances, float))
        if edges.ndim != 1 or len(edges) < 2 or counts.shape != (len(edges) - 1,):
            raise MutauError(
                f"{len(edges)} edges and {counts.size} counts", place=self.place,
                allowed="one edge more than counts",
            )  # fmt: skip
        if not np.all(np.isfinite(edges)) or not np.all(np.diff(edges) > 0.0):
            raise MutauError("the edges do not rise", place=self.place, allowed="rising GeV")
        bad = np.flatnonzero(~(np.isfinite(counts) & (counts >= 0.0)))
        if len(bad):
            i = int(bad[0])
            raise MutauError(
                f"bin {i} ({edges[i]:g} to {edges[i + 1]:g} GeV) holds {float(counts[i])!r}",
                place=self.place, allowed="finite counts, not negative",
            )  # fmt: skip
        self._check_variances()

    def _check_variances(self) -> None:
        """Raise MutauError unless variances are finite, and above 0 where there are counts."""
        if self.variances is None:
            return
        if self.variances.shape != self.counts.shape:
            raise MutauError("variances do not match the counts", place=self.place)
        good = np.isfinite(self.variances) & (self.variances >= 0.0)
        bad = np.flatnonzero(~good | ((self.variances == 0.0) & (self.counts > 0.0)))
        if len(bad):
            i = int(bad[0])
            raise MutauError(
                f"bin {i} holds {float(self.counts[i])!r} with the variance "
                f"{float(self.variances[i])!r}", place=self.place, allowed="variances above 0",
            )  # fmt: skip

    @staticmethod
    def of(
        energies: ArrayLike, edges: ArrayLike, place: str = "spectrum",
        weights: ArrayLike | None = None,
    ) -> EnergySpectrum:  # fmt: skip
        """Histogram of energies in GeV, with what each event counts for (None: 1).

        Raises MutauError for an energy or weight that is not finite, and for weights all 0.
        """
        values = np.asarray(energies, float).ravel()
        w = None if weights is None else np.asarray(weights, float).ravel()
        for what, column in (("energy", values), ("weight", w)):
            if column is None:
                continue
            bad = np.flatnonzero(~np.isfinite(column))
            if len(bad):
                raise MutauError(
                    f"{what} of entry {bad[0]} is {float(column[bad[0]])!r}", place=place,
                    allowed="finite numbers",
                )  # fmt: skip
        edges = np.asarray(edges, float)
        if w is None:
            counts, _ = np.histogram(values, edges)
            return EnergySpectrum(edges, counts.astype(float), place)
        if len(w) and not np.any(w):
            raise MutauError("all weights are 0", place=place)
        counts, _ = np.histogram(values, edges, weights=w)
        variances, _ = np.histogram(values, edges, weights=w**2)
        return EnergySpectrum(edges, counts, place, variances)


@dataclass(frozen=True, slots=True)
class Sideband:
    """Where the fit is made and what it is carried to, GeV.

    low, high : sideband. box_low, box_high : signal box, below the sideband or above it.
    Raises OutOfRange for windows that are empty or overlap.
    """

    low: float
    high: float
    box_low: float
    box_high: float

    def __post_init__(self) -> None:
        if not (self.low < self.high and self.box_low < self.box_high):
            raise OutOfRange(
                f"sideband {self.low:g} to {self.high:g} GeV, box {self.box_low:g} to "
                f"{self.box_high:g} GeV", place="sideband", allowed="low below high",
            )  # fmt: skip
        if self.box_low < self.high and self.low < self.box_high:
            raise OutOfRange(
                f"the sideband {self.low:g} to {self.high:g} GeV overlaps the box "
                f"{self.box_low:g} to {self.box_high:g} GeV", place="sideband",
                remedy="the box must stay blind",
            )  # fmt: skip

    @property
    def reference(self) -> float:
        """Middle of the sideband, GeV, where the density is a fit parameter."""
        return 0.5 * (self.low + self.high)


@dataclass(frozen=True, slots=True, eq=False)
class SidebandExtrapolation:
    """What the sideband says about the box.

    expected : events in the box at the best fit. interval : 16 and 84 % of the numbers that
    `DRAWS` parameters from the fit covariance give (the paper's error). err : half its width; the
    standard deviation would follow the tail of what is nearly a log-normal distribution.
    log_density, slope : ln(events per GeV) at the sideband's middle, and its derivative, 1/GeV.
    covariance : (2, 2) of both. events : in the sideband, by weight. deviance : of the binned fit,
    for `bins` - 2 degrees of freedom.
    """

    expected: float
    err: float
    interval: tuple[float, float]
    log_density: float
    slope: float
    covariance: Array
    events: float
    deviance: float
    bins: int


def integral(log_density: ArrayLike, slope: ArrayLike, low: float, high: float) -> Array:
    """int exp(a + b E) dE over [low, high], E counted from the reference.

    Check: b -> 0 gives exp(a) (high - low).
    """
    a, b = np.asarray(log_density, float), np.asarray(slope, float)
    width, middle = high - low, 0.5 * (high + low)
    half = 0.5 * b * width
    small = np.abs(half) < 1e-6
    ratio = np.where(small, 1.0 + half**2 / 6.0, np.sinh(half) / np.where(small, 1.0, half))
    return np.asarray(np.exp(a + b * middle) * width * ratio)


def extrapolate(
    spectrum: EnergySpectrum, window: Sideband, *, seed: int = 1, draws: int = DRAWS
) -> SidebandExtrapolation:
    """Fit the sideband and integrate the exponential over the box.

    Bins that lie wholly in the sideband enter an extended Poisson likelihood with the model's
    integral per bin, minimised by Minuit; covariance from Hesse.
    Raises MutauError for a sideband with fewer than three events or one that lies in a single bin,
    or if the fit does not converge.
    Check: toys with the true model give the box's expectation without bias (`closure`).
    """
    from iminuit import Minuit

    inside = (spectrum.edges[:-1] >= window.low) & (spectrum.edges[1:] <= window.high)
    counts = spectrum.counts[inside]
    low = spectrum.edges[:-1][inside] - window.reference
    high = spectrum.edges[1:][inside] - window.reference
    events = float(counts.sum())
    scale = _scales(counts, None if spectrum.variances is None else spectrum.variances[inside])
    if float(np.sum(counts / scale)) < FEWEST or np.count_nonzero(counts) < 2:
        raise MutauError(
            f"the sideband {window.low:g} to {window.high:g} GeV holds {events:g} events in "
            f"{np.count_nonzero(counts)} bins of {len(counts)}",
            place=spectrum.place,
            allowed=f"{FEWEST} events or more, in two bins or more",
            remedy="widen the sideband, or use finer bins",
        )

    def deviance(log_density: float, slope: float) -> float:
        mean = integral_bins(log_density, slope, low, high)
        terms = mean - counts + counts * np.log(np.where(counts > 0.0, counts, 1.0) / mean)
        return float(2.0 * np.sum(terms / scale))

    middle = 0.5 * (low + high)
    tilt = float(np.sum(counts * middle) / events)
    start = math.log(events / (window.high - window.low))
    minuit = Minuit(
        deviance, log_density=start, slope=12.0 * tilt / (window.high - window.low) ** 2
    )
    minuit.errordef, minuit.strategy, minuit.tol = 1.0, 2, 1e-3
    minuit.migrad()
    minuit.hesse()
    if not minuit.valid or minuit.covariance is None:
        raise MutauError("the fit of the sideband did not converge", place=spectrum.place)
    best, covariance = np.array(minuit.values), np.array(minuit.covariance)
    box = window.box_low - window.reference, window.box_high - window.reference
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5,)))
    drawn = rng.multivariate_normal(best, covariance, draws)
    values = integral(drawn[:, 0], drawn[:, 1], *box)
    # one Gaussian standard deviation to either side
    low_end, high_end = np.quantile(values, [0.16, 0.84])
    return SidebandExtrapolation(
        float(integral(best[0], best[1], *box)), float(0.5 * (high_end - low_end)),
        (float(low_end), float(high_end)), float(best[0]),
        float(best[1]), covariance, events, float(minuit.fval), len(counts),
    )  # fmt: skip


def _scales(counts: Array, variances: Array | None) -> Array:
    """(B,) variance over count of each bin, the mean one where a bin is empty; 1 if unweighted.

    A weighted count over it is distributed nearly as a Poisson count.
    """
    if variances is None or not counts.sum() > 0.0:
        return np.ones_like(counts)
    mean = float(variances.sum() / counts.sum())
    return np.where(counts > 0.0, variances / np.where(counts > 0.0, counts, 1.0), mean)


def integral_bins(log_density: float, slope: float, low: Array, high: Array) -> Array:
    """`integral` over many bins: low, high (B,). Returns (B,), above zero."""
    half = 0.5 * slope * (high - low)
    small = np.abs(half) < 1e-6
    ratio = np.where(small, 1.0 + half**2 / 6.0, np.sinh(half) / np.where(small, 1.0, half))
    middle = 0.5 * (high + low)
    # what double precision holds of an exponential
    exponent = np.clip(log_density + slope * middle, -600.0, 600.0)
    return np.asarray(np.maximum(np.exp(exponent) * (high - low) * ratio, 1e-300))


@dataclass(frozen=True, slots=True)
class Closure:
    """Toys of the sideband method. true : events in the box. mean, mean_err : of the extrapolated
    numbers. spread : their standard deviation; stated : the mean of the errors they state.
    coverage : fraction of toys whose interval holds the truth. failed : toys that were not fitted.
    """

    true: float
    mean: float
    mean_err: float
    spread: float
    stated: float
    coverage: float
    failed: int


def closure(
    events: float,
    slope: float,
    window: Sideband,
    rng: np.random.Generator,
    *,
    toys: int = 200,
    bins: int = 40,
) -> Closure:
    """Throw spectra from a known exponential and extrapolate each.

    events : mean number in the sideband. slope : 1/GeV, positive if the spectrum rises away from
    zero. toys, bins : numbers. Returns Closure.
    Check: `mean` is `true` up to the bias of the exponential of a fitted slope, which is positive
    and of second order in its error.
    """
    span = (window.low - window.reference, window.high - window.reference)
    norm = math.log(events / float(integral(0.0, slope, *span)))
    edges = np.linspace(window.low, window.high, bins + 1)
    mean = integral_bins(norm, slope, edges[:-1] - window.reference, edges[1:] - window.reference)
    box = window.box_low - window.reference, window.box_high - window.reference
    true = float(integral(norm, slope, *box))
    found, failed = [], 0
    for _ in range(toys):
        try:
            one = extrapolate(
                EnergySpectrum(edges, rng.poisson(mean).astype(float)), window, draws=2000
            )
        except MutauError:
            failed += 1
            continue
        found.append((one.expected, one.err, one.interval[0] <= true <= one.interval[1]))
    if not found:
        raise MutauError("no toy could be fitted", remedy="raise the number of sideband events")
    value, err, covered = np.array(found, float).T
    return Closure(
        true, float(value.mean()), float(value.std() / math.sqrt(len(value))), float(value.std()),
        float(err.mean()), float(covered.mean()), failed,
    )  # fmt: skip
