"""Background in a signal box: an exponential fitted to a sideband, integrated over the box.

The NA64-e paper (arXiv:2404.06982, section 4) takes events without activity in the HCAL below the
beam energy, fits their E_ECAL spectrum outside the box with an exponential, and integrates it over
the box; the error comes from varying the parameters within their fit covariance. The extrapolation
rests on the model: nothing in the sideband tells a steeper or flatter spectrum inside the box.

Unbinned spectra are lists of energies, binned ones edges and counts; both come from CSV files or,
with the extra `io`, from ROOT files.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import FileError, MissingExtra, MutauError, OutOfRange

Array = NDArray[np.float64]

#: Draws from the fit's covariance, and the fewest sideband events that make a fit.
DRAWS: Final = 10_000
FEWEST: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Counts over energy. edges : (B + 1,) rising, GeV. counts : (B,) not negative, finite.

    Raises MutauError, naming `place`, for shapes that disagree, edges that do not rise, NaN.
    """

    edges: Array
    counts: Array
    place: str = "spectrum"

    def __post_init__(self) -> None:
        edges, counts = np.asarray(self.edges, float), np.asarray(self.counts, float)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "counts", counts)
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

    @staticmethod
    def of(energies: ArrayLike, edges: ArrayLike, place: str = "spectrum") -> Spectrum:
        """Histogram of energies in GeV. Raises MutauError for one that is not finite."""
        values = np.asarray(energies, float).ravel()
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise MutauError(
                f"entry {bad[0]} is {float(values[bad[0]])!r}", place=place, allowed="GeV"
            )
        counts, _ = np.histogram(values, np.asarray(edges, float))
        return Spectrum(np.asarray(edges, float), counts.astype(float), place)


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
class Extrapolation:
    """What the sideband says about the box.

    expected : events in the box at the best fit. interval : 16 and 84 % of the numbers that
    `DRAWS` parameters from the fit covariance give (the paper's error). err : half its width; the
    standard deviation would follow the tail of what is nearly a log-normal distribution.
    log_density, slope : ln(events per GeV) at the sideband's middle, and its derivative, 1/GeV.
    covariance : (2, 2) of both. events : in the sideband. deviance : of the binned fit, for
    `bins` - 2 degrees of freedom.
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
    spectrum: Spectrum, window: Sideband, *, seed: int = 1, draws: int = DRAWS
) -> Extrapolation:
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
    if events < FEWEST or np.count_nonzero(counts) < 2:
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
        return float(2.0 * np.sum(terms))

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
    low_end, high_end = np.quantile(values, [0.16, 0.84])
    return Extrapolation(
        float(integral(best[0], best[1], *box)), float(0.5 * (high_end - low_end)),
        (float(low_end), float(high_end)), float(best[0]),
        float(best[1]), covariance, events, float(minuit.fval), len(counts),
    )  # fmt: skip


def integral_bins(log_density: float, slope: float, low: Array, high: Array) -> Array:
    """`integral` over many bins: low, high (B,). Returns (B,), above zero."""
    half = 0.5 * slope * (high - low)
    small = np.abs(half) < 1e-6
    ratio = np.where(small, 1.0 + half**2 / 6.0, np.sinh(half) / np.where(small, 1.0, half))
    middle = 0.5 * (high + low)
    exponent = np.clip(log_density + slope * middle, -600.0, 600.0)
    return np.asarray(np.maximum(np.exp(exponent) * (high - low) * ratio, 1e-300))


@dataclass(frozen=True, slots=True)
class Closure:
    """Toys of the sideband method. true : events in the box. mean, mean_err : of the extrapolated
    numbers. spread : their standard deviation; stated : the mean of the errors they state.
    coverage : share of toys whose interval holds the truth. failed : toys that could not be fitted.
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
            one = extrapolate(Spectrum(edges, rng.poisson(mean).astype(float)), window, draws=2000)
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


def read_spectrum(
    path: str | Path, *, edges: ArrayLike | None = None, name: str = "", column: str = ""
) -> Spectrum:
    """A spectrum from a file.

    CSV with the header `low_GeV,high_GeV,count` (bins that touch, rising), or with a column
    `energy_GeV` (or `column`) of single events, which `edges` (GeV) histograms.
    ROOT: `name` of a one-dimensional histogram in GeV, or of a tree with a branch `column`.
    Raises FileError for a file that cannot be read, MutauError naming line or entry for NaN or a
    negative number, MissingExtra for ROOT without the extra `io`.
    """
    path = Path(path)
    if path.suffix == ".root":
        return _from_root(path, edges, name, column)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    except OSError as error:
        raise FileError(f"{str(path)!r} cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{str(path)!r} is no CSV file ({error})", allowed="text") from error
    header = set(rows[0]) if rows else set()
    if {"low_GeV", "high_GeV", "count"} <= header:
        low, high, count = (
            np.array([_number(row[key], path, i, key) for i, row in enumerate(rows)])
            for key in ("low_GeV", "high_GeV", "count")
        )
        if not np.allclose(low[1:], high[:-1], rtol=0.0, atol=1e-9):
            raise MutauError("the bins do not touch", place=str(path))
        return Spectrum(np.append(low, high[-1]), count, str(path))
    wanted = column or "energy_GeV"
    if wanted not in header:
        raise MutauError(
            f"no column {wanted!r}", place=str(path),
            allowed="low_GeV,high_GeV,count, or one column of energies",
        )  # fmt: skip
    values = [_number(row[wanted], path, i, wanted) for i, row in enumerate(rows)]
    return Spectrum.of(values, _required(edges, path), str(path))


def _number(text: str | None, path: Path, row: int, key: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise MutauError(
            f"{key} = {text!r} in entry {row + 1}", place=str(path), allowed="a finite number"
        )
    return value


def _required(edges: ArrayLike | None, path: Path) -> Array:
    if edges is None:
        raise MutauError("single events need bins", place=str(path), remedy="give edges in GeV")
    return np.asarray(edges, float)


def _from_root(path: Path, edges: ArrayLike | None, name: str, column: str) -> Spectrum:
    try:
        import uproot
    except ImportError:
        raise MissingExtra("reading ROOT files", "io") from None
    place = f"{path}:{name}"
    try:
        with uproot.open(path) as file:
            _one_of("name", name, file.keys(cycle=False), str(path))
            item = file[name]
            if hasattr(item, "to_numpy"):
                counts, bounds = item.to_numpy()
                return Spectrum(np.asarray(bounds, float), np.asarray(counts, float), place)
            _one_of("column", column, item.keys(), place)
            values = item[column].array(library="np")
    except (OSError, KeyError, ValueError) as error:
        raise FileError(f"{place} cannot be read ({error})") from error
    return Spectrum.of(values, _required(edges, path), place)


def _one_of(what: str, given: str, there: list[str], place: str) -> None:
    if given not in there:
        raise FileError(
            f"there is no {what} {given!r}" if given else f"no {what} is given",
            place=place, allowed=", ".join(there) or "none",
        )  # fmt: skip
