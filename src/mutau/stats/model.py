"""The counting model: channels (run periods), their backgrounds, and named systematic errors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.types import Yields

Array = np.ndarray

#: How the background of a channel is known; the number is what the kernels use.
CONSTRAINTS: Final = {"fixed": 0, "gaussian": 1, "lognormal": 2, "gamma": 3}
#: Most events of a channel: from 1e16 on, counts in double precision have no digit for one event.
MOST_EVENTS: Final = 1e15


@dataclass(frozen=True, slots=True)
class Channel:
    """One counting channel: a run period, a signal box, a bin.

    name : str, unique in its model.
    signal : float, events at signal strength 1. signal_err : its Monte Carlo and numerical error.
    background, background_err : float, events.
    observed : float, events; NaN where nothing was observed yet (a projection).
    constraint : how the background is known (it is "fixed" wherever background_err is 0):
        "gaussian" - measured as b with Gaussian error, the true value not below zero;
        "lognormal" - b (1 + err/b)^eta with a unit Gaussian eta, so the stated b is the median;
        "gamma" - counted in a control sample of (b/err)^2 events (Poisson; HistFactory's
            shapesys). As a density (Bayes, hybrid): the gamma density with mean b and error err,
            which is the prior 1/b times that count; a flat prior would have mean b + err^2/b.
    systematics : name -> relative error of the signal. The factor is (1 + error)^theta with a unit
        Gaussian theta; channels that carry the same name share the theta. A Gaussian factor
        1 + error theta is not offered: it allows a negative signal, and a flat-prior Bayesian
        limit with it does not exist (the integral of 1/factor diverges at zero).
    group : Monte Carlo errors within a group are fully correlated, between groups independent.
    Raises MutauError for a value that is negative or not finite, an unusable constraint, or events
    seen where neither signal nor background is expected.
    """

    name: str
    signal: float
    background: float = 0.0
    background_err: float = 0.0
    observed: float = math.nan
    constraint: str = "gaussian"
    systematics: Mapping[str, float] = field(default_factory=dict)
    signal_err: float = 0.0
    group: str = ""

    def __post_init__(self) -> None:
        place = f"channel {self.name!r}"
        numbers = {
            key: getattr(self, key)
            for key in ("signal", "background", "background_err", "signal_err")
        }
        numbers |= {f"systematics[{key!r}]": value for key, value in self.systematics.items()}
        if not math.isnan(self.observed):
            numbers["observed"] = self.observed
        for key, value in numbers.items():
            if not (value >= 0.0 and math.isfinite(value)):
                raise MutauError(
                    f"{key} = {value!r} is not a possible number of events or relative error",
                    place=place,
                    allowed="finite and not negative",
                )
        for key in ("background", "background_err", "observed"):
            if numbers.get(key, 0.0) > MOST_EVENTS:
                raise OutOfRange(
                    f"{key} = {numbers[key]:g} events",
                    place=place,
                    allowed=f"up to {MOST_EVENTS:g}",
                    remedy="beyond, a likelihood has no digits left for the signal",
                )
        if self.observed > 0.0 and self.signal + self.background + self.background_err == 0.0:
            raise MutauError(
                f"{self.observed:g} event{'s' * (self.observed != 1.0)} where none is possible: "
                "neither signal nor background is expected",
                place=place,
                remedy="state the background of this channel",
            )
        if self.constraint not in CONSTRAINTS:
            raise UnknownName("background constraint", self.constraint, CONSTRAINTS, place=place)
        if self.background_err == 0.0:
            object.__setattr__(self, "constraint", "fixed")
        elif self.constraint == "fixed":
            raise MutauError(
                f"background_err = {self.background_err:g} with a fixed background",
                place=place,
                remedy="set background_err = 0 or choose a constraint",
            )
        elif self.background == 0.0 and self.constraint in ("lognormal", "gamma"):
            raise MutauError(
                f"a {self.constraint} constraint needs a background above zero",
                place=place,
                remedy='use constraint="gaussian"',
            )

    @property
    def width(self) -> float:
        """The constraint's width as the kernels use it: error, log of 1 + err/b, or b/err^2."""
        if self.constraint == "lognormal":
            return math.log1p(self.background_err / self.background)
        if self.constraint == "gamma":
            return self.background / self.background_err**2
        return self.background_err

    @property
    def measured(self) -> float:
        """What the constraint's side measurement gave: b, eta = 0, or (b/err)^2 counts."""
        if self.constraint == "lognormal":
            return 0.0
        if self.constraint == "gamma":
            return (self.background / self.background_err) ** 2
        return self.background


class Parts(NamedTuple):
    """A model as plain arrays for the kernels; R channels, r independent signal errors.

    `loadings` (R, r): log of the signal factor per unit of each independent error. Only the r
    directions in which the named errors move the signal matter; `rotation` (J, r) leads back
    to the J named ones.
    """

    signal: Array
    background: Array
    kind: Array
    width: Array
    measured: Array
    loadings: Array
    rotation: Array


@dataclass(frozen=True, slots=True)
class CountingModel:
    """Independent channels with one signal strength mu: n_i ~ Poisson(mu s_i f_i + b_i).

    channels : tuple of Channel, names unique.
    Raises MutauError if there is no channel or a name occurs twice.
    """

    channels: tuple[Channel, ...]

    def __post_init__(self) -> None:
        names = [channel.name for channel in self.channels]
        if not names:
            raise MutauError("a counting model needs at least one channel")
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise MutauError(f"channel names occur twice: {', '.join(sorted(twice))}")

    @classmethod
    def from_arrays(
        cls,
        signal: ArrayLike,
        background: ArrayLike = 0.0,
        background_err: ArrayLike = 0.0,
        observed: ArrayLike = math.nan,
        *,
        systematics: Mapping[str, float] | None = None,
        constraint: str = "gaussian",
        signal_err: ArrayLike = 0.0,
    ) -> CountingModel:
        """A model from plain numbers or arrays (R,), broadcast together; fields as in `Channel`.

        The systematic errors are shared by all channels, which are called "period 1" and so on.

        >>> CountingModel.from_arrays([2.0, 1.0], background=0.5, observed=[0, 1]).total
        3.0
        """
        columns = np.broadcast_arrays(
            *(
                np.atleast_1d(np.asarray(values, dtype=np.float64))
                for values in (signal, background, background_err, observed, signal_err)
            )
        )
        return cls(
            tuple(
                Channel(f"period {i + 1}", s, b, db, n, constraint, dict(systematics or {}), ds)
                for i, (s, b, db, n, ds) in enumerate(
                    zip(*(column.tolist() for column in columns), strict=True)
                )
            )
        )

    @property
    def signal(self) -> Array:
        """(R,) float64, events at strength 1."""
        return np.array([channel.signal for channel in self.channels])

    @property
    def background(self) -> Array:
        """(R,) float64, events."""
        return np.array([channel.background for channel in self.channels])

    @property
    def observed(self) -> Array:
        """(R,) float64, events; NaN for a projection."""
        return np.array([channel.observed for channel in self.channels])

    @property
    def systematics(self) -> tuple[str, ...]:
        """Names of the signal's errors, in order of first appearance."""
        return tuple(dict.fromkeys(key for channel in self.channels for key in channel.systematics))

    @property
    def total(self) -> float:
        """Signal of all channels at strength 1, events."""
        return float(self.signal.sum())

    @property
    def total_err(self) -> float:
        """Its Monte Carlo error: linear within a group, in quadrature between groups."""
        groups: dict[str, float] = {}
        for channel in self.channels:
            groups[channel.group] = groups.get(channel.group, 0.0) + channel.signal_err
        return math.sqrt(sum(value**2 for value in groups.values()))

    def with_observed(self, observed: Iterable[float]) -> CountingModel:
        """The same model with other observed numbers (R of them)."""
        return CountingModel(
            tuple(
                replace(channel, observed=float(n))
                for channel, n in zip(self.channels, observed, strict=True)
            )
        )

    def parts(self) -> Parts:
        """The arrays for the kernels."""
        names = self.systematics
        logs = np.zeros((len(self.channels), len(names)))
        for i, channel in enumerate(self.channels):
            for key, value in channel.systematics.items():
                logs[i, names.index(key)] = math.log1p(value)
        left, size, right = np.linalg.svd(logs, full_matrices=False)
        keep = size > 1e-12
        return Parts(
            self.signal,
            self.background,
            np.array([CONSTRAINTS[channel.constraint] for channel in self.channels]),
            np.array([channel.width for channel in self.channels]),
            np.array([channel.measured for channel in self.channels]),
            np.ascontiguousarray((left * size)[:, keep]),
            np.ascontiguousarray(right[keep].T),
        )


def counting_model(
    data: Yields | CountingModel,
    *,
    systematics: Mapping[str, float] | None = None,
    constraint: str | None = None,
) -> CountingModel:
    """The counting model of one experiment's yields.

    data : Yields (signal after the last cut, shared by `run_fraction`), or a model, taken as it is.
    systematics : name -> further relative error of the signal, for example
        {"threshold": 0.04}; `relative_systematic` of the yields stands under
        "<experiment>: overall", so that combining two experiments does not tie their errors.
    constraint : of the backgrounds, as in `Channel`; "gaussian" if not given.
    Raises MutauError for bad numbers, or for options beside a model that is already complete.
    """
    if isinstance(data, CountingModel):
        if systematics or constraint:
            raise MutauError(
                "systematics and constraint belong to the channels of a finished model",
                remedy="give them when the model is made",
            )
        return data
    if not isinstance(data, Yields):
        raise MutauError(
            f"{type(data).__name__} is no counting model",
            place="data",
            allowed="yields or a counting model; upper_limit and p_value take workspaces too",
        )
    if not (math.isfinite(data.total) and data.total >= 0.0):
        raise MutauError(
            f"signal = {data.total!r} events", place=data.experiment, allowed="finite, not negative"
        )
    errors = dict(systematics or {})
    if data.relative_systematic > 0.0 or math.isnan(data.relative_systematic):
        errors[f"{data.experiment}: overall"] = data.relative_systematic
    if abs(float(np.sum(data.run_fraction)) - 1.0) > 1e-6:
        raise MutauError(
            f"run fractions sum to {float(np.sum(data.run_fraction)):g}",
            place=data.experiment,
            allowed="1",
        )
    periods = data.meta.get("periods") or [f"period {i + 1}" for i in range(len(data.run_fraction))]
    return CountingModel(
        tuple(
            Channel(
                name=f"{data.experiment}: {period}",
                signal=data.total * float(data.run_fraction[i]),
                signal_err=data.total_err * float(data.run_fraction[i]),
                background=float(data.background[i]),
                background_err=float(data.background_err[i]),
                observed=float(data.observed[i]),
                constraint=constraint or "gaussian",
                systematics=errors,
                group=data.experiment,
            )
            for i, period in enumerate(periods)
        )
    )


def combine(models: Iterable[CountingModel]) -> CountingModel:
    """Joint model of several experiments with one signal strength.

    Systematic errors with equal names are one nuisance parameter; different names are independent.
    Raises MutauError if two channels have the same name.
    """
    counting = [counting_model(model) for model in models]
    return CountingModel(tuple(channel for model in counting for channel in model.channels))
