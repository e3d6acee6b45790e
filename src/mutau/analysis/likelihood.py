"""The likelihood of an experiment for any mass and coupling: a grid of signals, and one file.

Between the points of the grid ln(signal/g^2) is a spline in ln m and ln g: the coupling squared is
taken out, what is left are widths and acceptance, which are smooth. The error of the interpolation
is measured: splines through every other mass, and coupling, are compared with the computed signal
at those left out. The grid that is used is twice as fine, which makes the error of a cubic spline
16 times smaller; a quarter is stated, as for a curvature that jumps. A jump between two masses
stays unseen.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.optimize import brentq

from mutau.analysis.limit import curve_starts, default_masses, limit_within
from mutau.analysis.loop import Progress, mass_by_mass, mass_grid
from mutau.analysis.settings import AS_STATED, Settings
from mutau.analysis.yields import assemble
from mutau.core.errors import FileError, MutauError, OutOfRange
from mutau.core.reading import read_json
from mutau.core.storage import Damaged, sealed, with_seal, write_text
from mutau.core.types import provenance
from mutau.experiment import load_experiment
from mutau.models import Family
from mutau.signal.processes import process_of
from mutau.stats.hs3 import to_hs3
from mutau.stats.model import Channel, CountingModel, counting_model
from mutau.stats.profile import fit
from mutau.stats.upper import p_value, upper_limit

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray
FORMAT: Final = "mutau likelihood 1"
#: Fewest masses and couplings of a grid: a cubic spline, and its error from every other mass.
LEAST_MASSES: Final = 7
LEAST_COUPLINGS: Final = 3
#: Highest degrees, in ln m and ln g, of the polynomial that an HS3 document carries.
DEGREES: Final = (8, 3)
#: Names of the parameters of an HS3 document over the grid.
LN_MASS, LN_COUPLING = "ln_mass_GeV", "ln_coupling"


@dataclass(frozen=True, slots=True)
class GridLikelihood:
    """What an experiment's counts say about any mass and coupling within a grid.

    experiment, model : names. mass : (M,) GeV, increasing. coupling : (G,), increasing.
    signal, signal_err : (M, G) events after all cuts and their Monte Carlo error. channels : of the
    counting model, their signals the fractions of one event. interpolation_err : relative error of
    the signal between grid points. cl, method : of a limit. meta : provenance.
    Raises MutauError for a grid too small, or not increasing, or a signal that is not positive.
    """

    experiment: str
    model: str
    mass: Array
    coupling: Array
    signal: Array
    signal_err: Array
    channels: tuple[Channel, ...]
    interpolation_err: float
    cl: float
    method: str
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, axis, least in (
            ("mass", self.mass, LEAST_MASSES), ("coupling", self.coupling, LEAST_COUPLINGS)
        ):  # fmt: skip
            if np.ndim(axis) != 1 or len(axis) < least or not np.all(np.diff(axis) > 0.0):
                raise MutauError(
                    f"{np.size(axis)} points", place=name, allowed=f"{least} or more, increasing"
                )
        shape = len(self.mass), len(self.coupling)
        if self.signal.shape != shape or self.signal_err.shape != shape:
            raise MutauError(f"signal of shape {self.signal.shape}", allowed=f"{shape}")
        if not np.all(np.isfinite(self.signal) & (self.signal > 0.0)):
            where = np.argwhere(~(np.isfinite(self.signal) & (self.signal > 0.0)))[0]
            raise OutOfRange(
                f"no signal at {self.mass[where[0]]:g} GeV and coupling "
                f"{self.coupling[where[1]]:g}",
                remedy="take masses at which the experiment has a signal",
            )

    def _ratio(self, rows: Array | slice, columns: Array | slice) -> RectBivariateSpline:
        """Spline of ln(signal/g^2) through some of the masses and couplings."""
        x, y = np.log(self.mass[rows]), np.log(self.coupling[columns])
        values = np.log(self.signal[rows][:, columns]) - 2.0 * y
        return RectBivariateSpline(x, y, values, kx=3, ky=min(3, len(y) - 1))

    def measured_interpolation(self) -> float:
        """A quarter of the largest relative error of splines through every other mass and through
        every other coupling, in quadrature."""
        parts = []
        for axis, points in enumerate((self.mass, self.coupling)):
            last = len(points) - 1
            some = np.unique(np.append(np.arange(0, last + 1, 2), last))
            left = np.setdiff1d(np.arange(last + 1), some)
            every = slice(None)
            spline = self._ratio(some, every) if axis == 0 else self._ratio(every, some)
            rows, columns = (left, every) if axis == 0 else (every, left)
            y = np.log(self.coupling[columns])
            found = spline(np.log(self.mass[rows]), y) + 2.0 * y
            truth = np.log(self.signal[rows][:, columns])
            parts.append(0.25 * float(np.abs(np.expm1(found - truth)).max()))
        return math.hypot(*parts)

    def expected(self, mass: float, coupling: float) -> tuple[float, float]:
        """(signal events, their error): Monte Carlo and interpolation in quadrature.

        Raises OutOfRange outside the grid.
        """
        for name, value, axis in (
            ("mass", mass, self.mass), ("coupling", coupling, self.coupling)
        ):  # fmt: skip
            if not axis[0] * (1 - 1e-12) <= value <= axis[-1] * (1 + 1e-12):
                raise OutOfRange(f"{name} = {value!r}", allowed=f"[{axis[0]:g}, {axis[-1]:g}]")
        x, y = math.log(mass), math.log(coupling)
        value = math.exp(self._ratio(slice(None), slice(None)).ev(x, y) + 2.0 * y)
        relative = RectBivariateSpline(
            np.log(self.mass), np.log(self.coupling), self.signal_err / self.signal, kx=1, ky=1
        )
        return value, value * math.hypot(relative.ev(x, y), self.interpolation_err)

    def at(self, mass: float, coupling: float) -> CountingModel:
        """The counting model of a point. Raises as `expected`."""
        value, error = self.expected(mass, coupling)
        return CountingModel(
            tuple(
                replace(c, signal=c.signal * value, signal_err=c.signal * error)
                for c in self.channels
            )
        )

    def minus_two_ln_ratio(self, mass: float, coupling: float) -> float:
        """-2 ln of the profile likelihood ratio of a point against the best signal strength.

        0 where the point fits best. Raises as `expected`, MutauError for a projection.
        """
        model = self.at(mass, coupling)
        return 2.0 * (fit(model, 1.0).nll - fit(model).nll)

    def p_value(self, mass: float, coupling: float) -> tuple[float, float]:
        """p-value of a point by the method, and its error. Raises as `expected` and `p_value`."""
        return p_value(self.at(mass, coupling), 1.0, self.method)

    def limit(self, mass: float) -> tuple[float, float]:
        """(upper limit on the coupling, its error); inf where no coupling of the grid is excluded.

        Raises OutOfRange for a mass outside the grid.
        """
        model = self.at(mass, float(self.coupling[0]))
        allowed = upper_limit(model, self.cl, self.method)

        def events(y: float) -> float:
            return math.log(self.expected(mass, math.exp(y))[0] / allowed.events)

        low, high = np.log(self.coupling[[0, -1]]).tolist()
        if events(low) > 0.0:
            raise OutOfRange(
                f"every coupling of the grid is excluded at {mass:g} GeV",
                remedy="begin the couplings lower",
            )
        if events(high) < 0.0:
            return math.inf, 0.0
        y = float(brentq(events, low, high, xtol=1e-10))
        value, error = self.expected(mass, math.exp(y))
        toys = allowed.strength_err / allowed.strength
        return math.exp(y), 0.5 * math.exp(y) * math.hypot(error / value, toys)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, which `from_dict` reads."""
        arrays = {k: getattr(self, k).tolist() for k in ("mass", "coupling", "signal")}
        return {
            "format": FORMAT,
            **{k: getattr(self, k) for k in ("experiment", "model", "cl", "method")},
            **arrays, "signal_err": self.signal_err.tolist(),
            "channels": [_channel_to_dict(channel) for channel in self.channels],
            "interpolation_err": self.interpolation_err, "meta": dict(self.meta),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> GridLikelihood:
        """What `to_dict` gave. Raises KeyError, TypeError, ValueError for anything else."""
        arrays: dict[str, Any] = {
            k: np.asarray(plain[k], float) for k in ("mass", "coupling", "signal", "signal_err")
        }
        names = "experiment", "model", "interpolation_err", "cl", "method", "meta"
        channels = tuple(_channel_from_dict(item) for item in plain["channels"])
        return cls(channels=channels, **arrays, **{name: plain[name] for name in names})

    def to_hs3(self) -> dict[str, Any]:
        """An HS3 document in `ln_mass_GeV` and `ln_coupling`, its signal a polynomial in both.

        The largest relative deviation of the polynomial from the signal of the grid stands in
        `misc`, beside the error of the interpolation.
        """
        x, y = np.log(self.mass), np.log(self.coupling)
        expression, worst = _polynomial(x, y, np.log(self.signal) - 2.0 * y)
        ends = {
            name: (float(axis[0]), float(axis[-1]), float(axis[len(axis) // 2]))
            for name, axis in ((LN_MASS, x), (LN_COUPLING, y))
        }
        remarks = {
            "experiment": self.experiment, "model": self.model,
            "polynomial_relative_error": worst, "interpolation_relative_error":
            self.interpolation_err, "monte_carlo_relative_error":
            float((self.signal_err / self.signal).max()), **self.meta,
        }  # fmt: skip
        return to_hs3(
            CountingModel(self.channels), signal=expression, parameters=ends, remarks=remarks
        )


def _polynomial(x: Array, y: Array, values: Array) -> tuple[str, float]:
    """exp of a polynomial plus 2 ln g as an expression, and its largest relative error.

    The variables are scaled to [-1, 1]; least squares in Chebyshev polynomials, which are written
    out in powers.
    """
    degree_x, degree_y = min(DEGREES[0], len(x) - 1), min(DEGREES[1], len(y) - 1)
    u, v = (2.0 * (a - a[0]) / (a[-1] - a[0]) - 1.0 for a in (x, y))
    at_u, at_v = (item.ravel() for item in np.meshgrid(u, v, indexing="ij"))
    basis = np.polynomial.chebyshev.chebvander2d(at_u, at_v, [degree_x, degree_y])
    found = np.linalg.lstsq(basis, values.ravel(), rcond=None)[0]
    worst = float(np.abs(np.exp(basis @ found - values.ravel()) - 1.0).max())
    table = found.reshape(degree_x + 1, degree_y + 1)
    along = np.array([_powers(column) for column in table.T]).T
    powers = np.array([_powers(row) for row in along])
    u_text, v_text = (
        f"({float(2.0 / (a[-1] - a[0]))!r}*({name} - ({float(a[0])!r})) - 1.0)"
        for name, a in ((LN_MASS, x), (LN_COUPLING, y))
    )
    rows = [_nested([f"{number!r}" for number in row], v_text) for row in powers.tolist()]
    return f"exp(2.0*{LN_COUPLING} + {_nested(rows, u_text)})", worst


def _nested(terms: Sequence[str], variable: str) -> str:
    """A polynomial by Horner's rule, as text. terms : coefficients from the lowest power on."""
    text = f"({terms[-1]})"
    for term in reversed(terms[:-1]):
        text = f"(({term}) + {variable}*{text})"
    return text


def _powers(chebyshev: Array) -> Array:
    """(n,) coefficients of powers of the same series, padded to its length."""
    powers = np.polynomial.chebyshev.cheb2poly(chebyshev)
    return np.pad(powers, (0, len(chebyshev) - len(powers)))


def _channel_to_dict(channel: Channel) -> dict[str, Any]:
    names = "name", "signal", "background", "background_err", "constraint", "group"
    plain: dict[str, Any] = {name: getattr(channel, name) for name in names}
    seen = None if math.isnan(channel.observed) else channel.observed
    return {**plain, "observed": seen, "systematics": dict(channel.systematics)}


def _channel_from_dict(plain: Mapping[str, Any]) -> Channel:
    seen = plain["observed"]
    return Channel(**{**plain, "observed": math.nan if seen is None else seen})


def grid_likelihood(
    experiment: Experiment | str,
    masses: Sequence[float] | Array | None = None,
    family: Family | str = "lmu-ltau",
    *,
    couplings: Sequence[float] | Array | None = None,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> GridLikelihood:
    """The likelihood of an experiment over a grid of masses and couplings.

    masses : GeV, at least LEAST_MASSES; None for those of a limit. couplings : at least
    LEAST_COUPLINGS; None for five from a third of the lowest limit to three times the highest.
    family, settings : as in `limit_curve`.
    Raises as `limit_curve`, MutauError where no mass is excluded and couplings are not given.
    Check: `limit` at a mass of the grid is that of `limit_curve` to the error of the spline.
    """
    experiment, family = load_experiment(experiment), Family.of(family)
    process, effort = process_of(experiment), settings.preparation(experiment)
    cl, method = settings.level_of([experiment]), settings.method_of([experiment])
    grid = sorted(set(mass_grid(default_masses(experiment) if masses is None else masses)))
    starts, refused = curve_starts(experiment, family, grid)
    if refused.errors:
        raise next(iter(refused.errors.values()))
    loaded = settings.with_background(experiment)

    def prepare(mass: float) -> Any:
        prepared = process.prepare(experiment, starts[mass], effort)

        def yields_at(coupling: float) -> Any:
            point = starts[mass].with_coupling(coupling)
            return assemble(prepared, point, loaded, settings.seed)

        if couplings is not None:
            return yields_at, math.inf
        return yields_at, limit_within(starts[mass], yields_at, cl, method)[0]

    computed, found, late = mass_by_mass(prepare, grid, experiment.name, progress)
    if late.errors:
        raise next(iter(late.errors.values()))
    if couplings is None:
        limits = [limit for _, limit in found if math.isfinite(limit)]
        if not limits:
            raise MutauError("no mass is excluded", place="couplings", remedy="give couplings")
        couplings = np.geomspace(min(limits) / 3.0, 3.0 * max(limits), 5)
    points = np.asarray(couplings, float)
    results = [[yields_at(float(g)) for g in points] for yields_at, _ in found]
    template = counting_model(results[0][0])
    if template.total <= 0.0:
        raise OutOfRange(f"no signal at {computed[0]:g} GeV", remedy="take other masses")
    line = GridLikelihood(
        experiment.name, family.model, np.array(computed), points,
        np.array([[item.total for item in row] for row in results]),
        np.array([[item.total_err for item in row] for row in results]),
        tuple(
            replace(c, signal=c.signal / template.total, signal_err=0.0) for c in template.channels
        ),
        0.0, cl, method,
        {**provenance(settings.seed, experiment=experiment.digest, model=family.digest),
         **family.to_dict()},
    )  # fmt: skip
    return replace(line, interpolation_err=line.measured_interpolation())


def write_likelihood(line: GridLikelihood, path: str | Path) -> None:
    """Write a likelihood: `.hs3.json` as HS3, any other `.json` as ours, with its digest."""
    plain = line.to_hs3() if str(path).endswith(".hs3.json") else sealed(line.to_dict())
    write_text(Path(path), json.dumps(plain, indent=1, allow_nan=False))


def read_likelihood(path: str | Path) -> GridLikelihood:
    """What `write_likelihood` wrote as ours. Raises FileError for another file, or one changed."""
    try:
        plain = with_seal(read_json(path, "likelihood"))
        if plain.get("format") != FORMAT:
            raise Damaged(f"its format is {plain.get('format')!r}")
        return GridLikelihood.from_dict(plain)
    except (KeyError, TypeError, ValueError, Damaged) as error:
        if isinstance(error, FileError):
            raise
        reason = f"no key {error}" if isinstance(error, KeyError) else error
        raise FileError(
            f"{str(path)!r} is no likelihood ({reason})",
            remedy="'mutau likelihood EXPERIMENT -o FILE.json' writes one",
        ) from error


def point_of(text: str) -> tuple[float, float]:
    """(mass in GeV, coupling) of a text. Raises MutauError for another form.

    >>> point_of("mass=0.1,coupling=5e-4")
    (0.1, 0.0005)
    """
    found = re.fullmatch(r"\s*mass\s*=\s*([^,]+),\s*coupling\s*=\s*([^,]+)", text)
    try:
        if found:
            return float(found[1]), float(found[2])
    except ValueError:
        pass
    raise MutauError(f"{text!r}", place="--point", allowed="mass=0.1,coupling=5e-4 (GeV)")


def couplings_of(text: str) -> Array | None:
    """Couplings of LOW:HIGH:N (log-spaced) or a list; None for "". Raises MutauError otherwise.

    >>> couplings_of("1e-4:1e-2:3").tolist()
    [0.0001, 0.001, 0.01]
    """
    if not text:
        return None
    try:
        parts = [float(word) for word in re.split("[:,]", text)]
        if ":" not in text:
            return np.array(parts)
        low, high, number = parts
        if 0.0 < low < high < math.inf and LEAST_COUPLINGS <= number <= 1000.0:
            return np.geomspace(low, high, int(number))
    except ValueError:
        pass
    raise MutauError(f"{text!r}", place="--couplings", allowed="LOW:HIGH:N or a list, 1e-4:1e-2:5")


def likelihood_to_dict(
    line: GridLikelihood, points: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    """What the command line prints of a likelihood and of points in it."""
    rows = []
    for mass, coupling in points:
        value, error = line.expected(mass, coupling)
        p, p_error = line.p_value(mass, coupling)
        seen = not any(math.isnan(channel.observed) for channel in line.channels)
        rows.append(
            {
                "mass_GeV": mass, "coupling": coupling, "signal": value, "signal_err": error,
                "minus_two_ln_ratio": line.minus_two_ln_ratio(mass, coupling) if seen else None,
                "p_value": p, "p_value_err": p_error, "excluded": p < 1.0 - line.cl,
            }
        )  # fmt: skip
    return {
        "experiment": line.experiment, "method": line.method, "confidence_level": line.cl,
        "masses": len(line.mass), "lowest_mass_GeV": float(line.mass[0]),
        "highest_mass_GeV": float(line.mass[-1]), "couplings": line.coupling.tolist(),
        "interpolation_err": line.interpolation_err, **line.meta,
        **({"points": rows} if rows else {}),
    }  # fmt: skip
