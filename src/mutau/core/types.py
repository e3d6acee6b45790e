"""The frozen types of results. Each saves to one NPZ file with a JSON header."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from mutau._version import __version__
from mutau.core.errors import FileError, MutauError
from mutau.core.storage import load_arrays, save_arrays
from mutau.core.tables import dataframe, html_table

Array = np.ndarray


def provenance(seed: int | None = None, **digests: str) -> dict[str, Any]:
    """What every result carries: version, seed, digests of its inputs."""
    return {"mutau_version": __version__, "seed": seed, "digests": digests}


def with_error(value: float, error: float) -> str:
    """A number and its error as text, two digits of the error shown.

    >>> with_error(1.26721e-4, 4.36e-7), with_error(143.3896, 0.9875), with_error(0.0, 0.0)
    ('(1.2672 ± 0.0044)e-04', '143.39 ± 0.99', '0')
    """
    if error <= 0.0:
        return f"{value:.6g}"
    power = int(np.floor(np.log10(abs(value) or error)))
    if -3 <= power < 6:
        power = 0
    digits = max(0, power + 1 - int(np.floor(np.log10(error))))
    value, error = value / 10.0**power, error / 10.0**power
    text = f"{value:.{digits}f} ± {error:.{digits}f}"
    return f"({text})e{power:+03d}" if power else text


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(two, np.ndarray):
        numbers = np.asarray(one).dtype.kind == "f"
        return bool(np.array_equal(one, two, equal_nan=numbers))
    return bool(one == two)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else value


class Saved:
    """Saving, loading and comparing a frozen dataclass of arrays, numbers, texts and one `meta`."""

    def save(self, path: str | Path) -> None:
        """Write one NPZ file, whole or not at all. Raises FileError if that is impossible."""
        arrays, plain = {}, {}
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                arrays[item.name] = value
            else:
                plain[item.name] = dict(value) if isinstance(value, Mapping) else value
        save_arrays(path, arrays, {"type": type(self).__name__, "fields": plain})

    def __eq__(self, other: object) -> bool:
        """Equal by value: the same type, the same numbers in every array (NaN equals NaN)."""
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = (
            [getattr(item, entry.name) for entry in fields(item)]  # type: ignore[arg-type]
            for item in (self, other)
        )
        return all(_same(one, two) for one, two in zip(mine, theirs, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON: arrays become lists."""
        return {
            item.name: _plain(getattr(self, item.name))
            for item in fields(self)  # type: ignore[arg-type]
        }

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote. Raises FileError for another file or another type."""
        arrays, header = load_arrays(path)
        if header.get("type") != cls.__name__:
            raise FileError(f"{str(path)!r} holds {header.get('type')!r}, not {cls.__name__!r}")
        plain = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in header["fields"].items()
        }
        try:
            return cls(**arrays, **plain)
        except TypeError as error:
            raise FileError(
                f"{str(path)!r} was written by another version ({error})", remedy="make it again"
            ) from None


class Shown(Saved, ABC):
    """What is also a table."""

    @abstractmethod
    def columns(self) -> dict[str, Array]:
        """What a table of the result shows: name with unit -> column."""

    def to_dataframe(self) -> Any:
        """The columns as a DataFrame of pandas. Raises MutauError without pandas."""
        return dataframe(self.columns())

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        return html_table(repr(self).strip("<>"), self.columns())


def check_column(kind: str, name: str, column: Any, shape: tuple[int, ...]) -> None:
    """Raise MutauError, naming the type and its column, unless `column` has this shape."""
    found = np.shape(column)
    if found != shape:
        raise MutauError(f"{kind}: {name} has shape {found}", allowed=str(shape))


def check_numbers(
    kind: str, low: float, high: float, *, finite: bool = True, **values: Array | float
) -> None:
    """Raise MutauError unless every number lies in [low, high] and is finite.

    values : columns or single numbers by name. finite : False lets infinity pass; not-a-number
    never does.
    """
    for name, value in values.items():
        number = np.asarray(value, float)
        good = (number >= low) & (number <= high)
        if finite:
            good &= np.isfinite(number)
        if not np.all(good):
            worst = float(number[~good].flat[0])
            wanted = "finite and " if finite else ""
            raise MutauError(
                f"{kind}: {name} holds {worst:g}", allowed=f"{wanted}{low:g} to {high:g}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Events(Shown):
    """Weighted particles; one row per particle, N rows.

    pdg : (N,) int32. PDG code; the Z' is 32, as any neutral vector boson beyond the Z.
    event : (N,) int64. Index of the event the row belongs to.
    status : (N,) int8. -1 incoming, 1 outgoing (as in the Les Houches event file).
    p4 : (N, 4) float64, GeV. (E, px, py, pz) in the laboratory; z along the beam.
    x4 : (N, 4) float64, cm. (c t, x, y, z) of the production point.
    weight : (N,) float64. Expected number in the full exposure: the sum over events is the yield.
    meta : provenance and the cross section, `sigma_pb` and `sigma_err_pb`, where there is one.
    Raises MutauError if the shapes disagree or a number is not finite.
    """

    pdg: Array
    event: Array
    status: Array
    p4: Array
    x4: Array
    weight: Array
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.pdg)
        shapes = {"event": (n,), "status": (n,), "p4": (n, 4), "x4": (n, 4), "weight": (n,)}
        for name, shape in shapes.items():
            check_column("events", name, getattr(self, name), shape)
        for name in ("p4", "x4", "weight"):
            if not np.all(np.isfinite(getattr(self, name))):
                raise MutauError(f"events: {name} holds a value that is not finite")

    def __repr__(self) -> str:
        """How much it holds, in one line."""
        kinds = ", ".join(str(kind) for kind in np.unique(self.pdg).tolist())
        size = f"{self.n_events} events, {len(self.pdg)} particles (pdg {kinds})"
        return f"<Events: {size}>"

    def columns(self) -> dict[str, Array]:
        """A row per particle: GeV, cm, and the expected number in the full exposure."""
        momenta, places = ("E_GeV", "px_GeV", "py_GeV", "pz_GeV"), ("ct_cm", "x_cm", "y_cm", "z_cm")
        return {
            "event": self.event, "pdg": self.pdg, "status": self.status,
            **dict(zip(momenta, self.p4.T, strict=True)),
            **dict(zip(places, self.x4.T, strict=True)), "weight": self.weight,
        }  # fmt: skip

    @property
    def n_events(self) -> int:
        """Number of distinct events; rows of one event are neighbours."""
        return int(np.count_nonzero(np.diff(self.event)) + 1) if len(self.event) else 0

    def of(self, pdg: int, status: int = 1) -> Events:
        """The rows of one particle kind (same type, fewer rows)."""
        return self.select((self.pdg == pdg) & (self.status == status))

    def select(self, rows: Array) -> Events:
        """The rows under a mask or index array (same type)."""
        return Events(
            self.pdg[rows],
            self.event[rows],
            self.status[rows],
            self.p4[rows],
            self.x4[rows],
            self.weight[rows],
            self.meta,
        )


def join(parts: Sequence[Events]) -> Events:
    """Several samples as one, events numbered through; the meta of the first is kept.

    Raises MutauError for no samples at all.
    """
    if not parts:
        raise MutauError("nothing to join")
    events, start = [], 0
    for part in parts:
        rank = np.cumsum(np.diff(part.event, prepend=part.event[:1]) != 0)
        events.append(start + rank)
        start += part.n_events
    columns = ("pdg", "status", "p4", "x4", "weight")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return Events(event=np.concatenate(events).astype(np.int64), meta=parts[0].meta, **joined)


@dataclass(frozen=True, slots=True)
class CrossSection:
    """A cross section per atom (or per electron, where the process says so) with its error.

    sigma_pb, sigma_err_pb : float, pb; the error is numerical or Monte Carlo, as the method says.
    Raises MutauError for a number that is negative or not finite.
    """

    sigma_pb: float
    sigma_err_pb: float

    def __str__(self) -> str:
        return f"{with_error(self.sigma_pb, self.sigma_err_pb)} pb"

    def to_dict(self) -> dict[str, float]:
        """Plain data, ready for JSON."""
        return {"sigma_pb": self.sigma_pb, "sigma_err_pb": self.sigma_err_pb}

    def _repr_html_(self) -> str:
        """The number with its error, for notebooks."""
        return f"<b>σ</b> = {self}"

    def __post_init__(self) -> None:
        check_numbers(
            "cross section", 0.0, np.inf, sigma_pb=self.sigma_pb, sigma_err_pb=self.sigma_err_pb
        )


@dataclass(frozen=True, slots=True, eq=False)
class Yields(Shown):
    """Expected signal after each cut, and background, of one model point in one experiment.

    cuts : (C,) names in order; the first is what is produced, the last what is counted.
    signal, signal_err : (C,) float64, events; error is Monte Carlo and numerical together.
    background, background_err : (R,) float64, events per run period.
    observed : (R,) float64, events; NaN where nothing was observed (a projection).
    run_fraction : (R,) float64; fraction of the signal in each run period, sums to 1.
    relative_systematic : float; overall relative error of the signal.
    mass : float, GeV. coupling : float. experiment, model : names.
    power : float; signal scales as coupling^power near this point (2 for a narrow state).
    Raises MutauError if the shapes disagree, a number is not finite (`observed` may be NaN), or
    an expectation or its error is negative.
    """

    cuts: tuple[str, ...]
    signal: Array
    signal_err: Array
    background: Array
    background_err: Array
    observed: Array
    run_fraction: Array
    relative_systematic: float
    mass: float
    coupling: float
    experiment: str
    model: str
    power: float = 2.0
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = f"yields of {self.experiment}"
        cuts, runs = (len(self.cuts),), np.shape(self.background)
        if not self.cuts or len(runs) != 1 or not runs[0]:
            raise MutauError(
                f"{kind}: {len(self.cuts)} cuts, background of shape {runs}",
                allowed="one cut (what is produced) and one run period at the least",
            )
        for name in ("signal", "signal_err"):
            check_column(kind, name, getattr(self, name), cuts)
        for name in ("background_err", "observed", "run_fraction"):
            check_column(kind, name, getattr(self, name), runs)
        check_numbers(
            kind, 0.0, np.inf,
            signal=self.signal, signal_err=self.signal_err, background=self.background,
            background_err=self.background_err, run_fraction=self.run_fraction,
            observed=self.observed[~np.isnan(self.observed)],
            relative_systematic=self.relative_systematic, mass=self.mass,
        )  # fmt: skip
        check_numbers(kind, -np.inf, np.inf, coupling=self.coupling, power=self.power)

    def __str__(self) -> str:
        """The cut flow and the background, a line each."""
        background = with_error(self.background.sum(), np.hypot.reduce(self.background_err))
        rows = [
            (cut, with_error(s, e))
            for cut, s, e in zip(self.cuts, self.signal, self.signal_err, strict=True)
        ]
        width = max(len(cut) for cut in (*self.cuts, "background"))
        head = f"{self.experiment}, {self.model}: {self.mass:g} GeV, coupling {self.coupling:g}"
        body = [f"  {cut:<{width}}  {text}" for cut, text in (*rows, ("background", background))]
        return "\n".join([head, *body])

    def __repr__(self) -> str:
        """Where, of what, and how many events, in one line."""
        number = with_error(self.total, self.total_err)
        point = f"{self.mass:g} GeV, coupling {self.coupling:g}"
        return f"<Yields: {self.experiment}, {self.model}, {point}: {number} events>"

    def columns(self) -> dict[str, Array]:
        """The cut flow: events with their errors."""
        return {
            "cut": np.array(self.cuts, object), "signal_events": self.signal,
            "signal_err_events": self.signal_err,
        }  # fmt: skip

    @property
    def total(self) -> float:
        """Signal after the last cut, events."""
        return float(self.signal[-1])

    @property
    def total_err(self) -> float:
        """Its Monte Carlo and numerical error, events."""
        return float(self.signal_err[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Exclusion(Shown):
    """Upper limit on the coupling over mass.

    mass : (M,) float64, GeV. coupling : (M,) float64, the upper limit; inf where nothing is
    excluded. numerical_err : (M,) float64, error of `coupling` from Monte Carlo and quadrature.
    cl : confidence level. experiment, model, method : names.
    Raises MutauError if the shapes disagree, or a number is NaN, negative or not finite (the
    coupling may be infinite), or `cl` is not between 0 and 1.
    """

    mass: Array
    coupling: Array
    numerical_err: Array
    cl: float
    experiment: str
    model: str
    method: str
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Of what, at which level, over which masses, in one line."""
        ends = f"{self.mass.min():.3g} to {self.mass.max():.3g} GeV" if len(self.mass) else "none"
        what = f"{self.experiment}, {self.model}, {100.0 * self.cl:g} % CL, {self.method}"
        return f"<Exclusion: {what}, {len(self.mass)} masses, {ends}>"

    def columns(self) -> dict[str, Array]:
        """The limit at every mass, with its numerical error."""
        return {
            "mass_GeV": self.mass, "coupling": self.coupling, "numerical_err": self.numerical_err
        }  # fmt: skip

    def __str__(self) -> str:
        """The limit at every mass, a line each."""
        lines = [f"{self.experiment}, {self.model}: upper limit at {100.0 * self.cl:g} % CL"]
        for m, g, e in zip(self.mass, self.coupling, self.numerical_err, strict=True):
            text = f"< {with_error(g, e)}" if np.isfinite(g) else "no limit"
            lines.append(f"  {m:.4g} GeV  {text}")
        return "\n".join(lines)

    def __post_init__(self) -> None:
        kind = f"exclusion of {self.experiment}"
        masses = np.shape(self.mass)
        if len(masses) != 1:
            raise MutauError(f"{kind}: mass has shape {masses}", allowed="one dimension")
        for name in ("coupling", "numerical_err"):
            check_column(kind, name, getattr(self, name), masses)
        check_numbers(kind, 0.0, np.inf, mass=self.mass, numerical_err=self.numerical_err)
        check_numbers(kind, 0.0, np.inf, finite=False, coupling=self.coupling)
        check_numbers(kind, 0.0, 1.0, cl=self.cl)
