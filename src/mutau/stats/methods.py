"""Ways to set an upper limit on the strength: each is an object that says where it holds.

Numbers in `Method.outside` were measured against exact sums (docs/validation/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
from scipy.optimize import brentq

from mutau.core.errors import MutauError, OutOfRange
from mutau.core.random import stream
from mutau.core.registry import Registry, instance_of
from mutau.stats import bayes, counting
from mutau.stats.model import Array, CountingModel
from mutau.stats.profile import actual, asimov, asymptotic_p, q_upper
from mutau.stats.toys import ToyP, toy_p

Curve = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Options:
    """What a method may need: confidence level, number of pseudo-experiments, seed."""

    cl: float
    n_toys: int
    seed: int


def _nothing(model: CountingModel) -> tuple[str, ...]:
    return ()


def _takes(model: CountingModel) -> MutauError | None:
    return None


@dataclass(frozen=True, slots=True)
class Method:
    """A way to set a limit, and what it declares of itself.

    limit : (model with every channel observed, options) -> (strength, its error, toys used).
    meaning : what it is, in one line. holds : where it holds, in words.
    outside : model -> reasons why it does not hold for that model, if any; it computes, and warns.
    refuses : model -> the error with which it refuses that model, None where it computes.
    priors : model -> the priors it takes, in words; none for a method without.
    p_value : (model, strength, options) -> (p-value of the strength, its error); None if the
        method has none.
    projection : what stands for a channel without observation: "asimov" data, the "median"
        outcome without signal, or "zero" events.
    """

    limit: Callable[[CountingModel, Options], tuple[float, float, int]]
    meaning: str
    holds: str
    outside: Callable[[CountingModel], tuple[str, ...]] = _nothing
    refuses: Callable[[CountingModel], MutauError | None] = _takes
    priors: Callable[[CountingModel], tuple[str, ...]] = _nothing
    p_value: Callable[[CountingModel, float, Options], tuple[float, float]] | None = None
    projection: Literal["asimov", "median", "zero"] = "median"


METHODS: Final[Registry[Method]] = Registry(
    "statistical method", "mutau.methods", "'mutau show methods' lists all", instance_of(Method)
)

#: Events seen or expected from which the asymptotic formula with CLs is off by less than 10 %.
MANY: Final = 10.0
#: Pseudo-experiments beyond the limit that a strength needs, on average.
LEAST_BEYOND: Final = 2.0
#: chi2 per degree of freedom from which points scatter more than their errors: 1 % by chance at 3.
SCATTERED: Final = 3.8
#: Most events of the unified interval, which then takes 10 s.
MOST_SUMMED: Final = 1e8
#: Events of a channel from which a posterior without signal errors is Gaussian to 1e-3.
LARGE: Final = 2e5
#: Priors of the background by constraint, as `bayes.background_counts` takes them.
_BACKGROUND_PRIORS: Final = {
    "gaussian": "background: Gaussian with the stated error, cut at zero",
    "lognormal": "background: lognormal, the stated value its median",
    "gamma": "background: prior 1/b before its control sample of (b/error)^2 events, so that the "
    "posterior is the gamma density with the stated mean and error (a flat prior would raise the "
    "mean by error^2/b)",
}


def _signal_channels(model: CountingModel) -> tuple[float, float, float]:
    """(observed, background, its error) of the channels in which signal is expected."""
    seen = [channel for channel in model.channels if channel.signal > 0.0]
    return (
        sum(channel.observed for channel in seen),
        sum(channel.background for channel in seen),
        math.hypot(*(channel.background_err for channel in seen)),
    )


def _fewer_than_background(model: CountingModel) -> tuple[str, ...]:
    """Why a plain p-value is no good guide: the background fluctuated downwards."""
    n, b, error = _signal_channels(model)
    if n >= b - 0.5 * math.sqrt(b + error * error):
        return ()
    return (
        f"{n:g} events were observed beside a background of {b:g}: without CLs this excludes "
        "signals that the experiment cannot see; take toys-cls or bayes",
    )


def _few_events(model: CountingModel) -> tuple[str, ...]:
    """Why the asymptotic formula does not hold: few events."""
    n, b, _ = _signal_channels(model)
    if max(n, b) >= MANY:
        return ()
    return (
        f"the asymptotic formula holds for {MANY:g} events or more; {n:g} observed beside a "
        f"background of {b:g} make its limit too low (by up to 3 times for none); take bayes or "
        "toys-cls",
    )


def flat_priors(model: CountingModel) -> tuple[str, ...]:
    """Priors of the Bayesian limit, in words."""
    kinds = dict.fromkeys(channel.constraint for channel in model.channels)
    return (
        "strength: flat from 0",
        *(["signal errors: lognormal factors, median 1"] if model.systematics else []),
        *(_BACKGROUND_PRIORS[kind] for kind in kinds if kind in _BACKGROUND_PRIORS),
    )


def averaged_priors(model: CountingModel) -> tuple[str, ...]:
    """Densities from which methods with pseudo-experiments draw the true signal errors."""
    return ("signal errors: lognormal factors, median 1",) if model.systematics else ()


def hybrid_priors(model: CountingModel) -> tuple[str, ...]:
    """The same, the true backgrounds included."""
    return flat_priors(model)[1:]


def only_whole(method: str, model: CountingModel) -> MutauError | None:
    """Why a method that counts refuses: a number of events that is not whole."""
    n = model.observed
    if np.all(n == np.round(n)):
        return None
    return MutauError(
        f"observed = {n.tolist()} for method {method!r}",
        allowed="whole numbers of events",
        remedy='use method="asymptotic" for Asimov data',
    )


def solve_falling(p: Curve, alpha: float, start: float, precision: float = 1e-9) -> float:
    """Largest strength whose falling p-value is not below alpha; 0 if even zero's is.

    Root of ln p - ln alpha in ln strength, bracketed from `start`, to a relative `precision`.
    Check: at 50 % CL the plain asymptotic p-value is 0.5 up to the best strength, which is the
    limit then.
    """

    def distance(log_strength: float) -> float:
        return math.log(max(p(math.exp(log_strength)), 1e-300) / alpha)

    low = high = math.log(start)
    while distance(high) >= 0.0:
        high += 0.7
        if high > 690.0:
            raise MutauError("no strength is excluded", remedy="check signal and background")
    while (at_low := distance(low)) < 0.0:
        low -= 0.7
        if low < math.log(start) - 30.0:
            return 0.0
    lifted = 1e-12 if at_low == 0.0 else 0.0  # a plateau at alpha: its upper end
    root = brentq(lambda x: distance(x) + lifted, low, high, xtol=0.1 * precision, rtol=1e-12)
    return math.exp(root)


def first_guess(model: CountingModel) -> float:
    """A strength of the right size: (3 + 2 sqrt(n + b)) events."""
    return (3.0 + 2.0 * math.sqrt(float((model.observed + model.background).sum()))) / model.total


def _by_curve(
    curve: Callable[[CountingModel], Curve],
) -> Callable[[CountingModel, Options], tuple[float, float, int]]:
    """Limit where a p-value that is known without random numbers meets 1 - cl."""

    def limit(model: CountingModel, options: Options) -> tuple[float, float, int]:
        return solve_falling(curve(model), 1.0 - options.cl, first_guess(model)), 0.0, 0

    return limit


def _at_strength(
    curve: Callable[[CountingModel], Curve],
) -> Callable[[CountingModel, float, Options], tuple[float, float]]:
    return lambda model, strength, options: (curve(model)(strength), 0.0)


# Closed form ------------------------------------------------------------------------------------


def _only_nothing(model: CountingModel) -> MutauError | None:
    """Why `events` refuses: anything but nothing seen beside no background."""
    if model.background.sum() > 0.0 or model.systematics:
        return MutauError(
            f"a background of {model.background.sum():g} events or a systematic error is stated, "
            "and method 'events' knows neither",
            place="statistics/method",
            remedy='use method = "bayes" (or --method bayes)',
        )
    if model.observed.sum() > 0.0:
        return MutauError(
            f"{model.observed.sum():g} events were observed, and 'events' holds for none",
            remedy='use method="bayes" or "toys-cls"',
        )
    return None


def _events(model: CountingModel, options: Options) -> tuple[float, float, int]:
    return counting.zero_event_limit(options.cl) / model.total, 0.0, 0


def _only_known(method: str, model: CountingModel) -> MutauError | None:
    """Why an exact method refuses: an error of signal or background, or counts not whole."""
    if model.systematics or any(channel.background_err for channel in model.channels):
        return MutauError(
            f"method {method!r} knows no systematic errors",
            remedy='use method="bayes" or "toys-cls", or set the errors to zero',
        )
    return only_whole(method, model)


def _few_enough(model: CountingModel) -> MutauError | None:
    """Why the unified interval refuses: as `_only_known`, or sums over too many counts."""
    events = max(float(model.observed.sum()), float(model.background.sum()))
    if events <= MOST_SUMMED:
        return _only_known("feldman-cousins", model)
    return OutOfRange(
        f"{events:g} events are too many for the sums of the unified interval: some "
        f"{1e-3 * math.sqrt(events):.1g} s",
        allowed=f"up to {MOST_SUMMED:g}",
        remedy='use method="classical", which is closed, or "asymptotic-cls"',
    )


def _known_total(model: CountingModel) -> tuple[int, float]:
    return round(model.observed.sum()), float(model.background.sum())


def _classical(model: CountingModel, options: Options) -> tuple[float, float, int]:
    n, b = _known_total(model)
    return counting.classical_limit(n, b, options.cl) / model.total, 0.0, 0


def _classical_p(model: CountingModel, strength: float, options: Options) -> tuple[float, float]:
    n, b = _known_total(model)
    return counting.classical_p(n, strength * model.total + b), 0.0


def _feldman_cousins(model: CountingModel, options: Options) -> tuple[float, float, int]:
    n, b = _known_total(model)
    return counting.feldman_cousins_limit(n, b, options.cl) / model.total, 0.0, 0


# Likelihood and posterior -----------------------------------------------------------------------


def _asymptotic_curve(*, cls: bool) -> Callable[[CountingModel], Curve]:
    """Model -> (strength -> asymptotic p-value, or CLs); background-only Asimov data made once."""

    def curve(model: CountingModel) -> Curve:
        parts = model.parts()
        data = actual(model, parts)
        typical = asimov(model, parts, data, 0.0)

        def p(strength: float) -> float:
            expected = q_upper(parts, typical, strength)
            return asymptotic_p(q_upper(parts, data, strength), expected, cls=cls)

        return p

    return curve


def _gaussian(model: CountingModel) -> bool:
    """Whether the posterior is that of Gaussian counts to 1e-3, and its sum would be long.

    With a flat prior and no error of the signal it is then the CLs of the asymptotic formula: both
    are the tail of a Gaussian cut at zero. Measured from LARGE events in every channel on, counts
    no more than three standard deviations below the background.
    """
    n = model.observed
    if not len(n) or min(n.min(), model.background.min()) < LARGE or model.systematics:
        return False
    error = np.array([channel.background_err for channel in model.channels])
    near = np.all(n >= model.background - 3.0 * np.hypot(np.sqrt(model.background), error))
    return bool(near) and bayes.refusal(model.parts(), n) is not None


def _no_posterior(model: CountingModel) -> MutauError | None:
    if _gaussian(model):
        return None
    return only_whole("bayes", model) or bayes.refusal(model.parts(), model.observed)


def _taken_over(model: CountingModel) -> tuple[str, ...]:
    """That the asymptotic formula stands in for the posterior, where it does."""
    if not _gaussian(model):
        return ()
    return (
        f"{LARGE:g} events and more in every channel: the posterior is taken as Gaussian, which "
        "is the asymptotic CLs; equal to 1e-3 there",
    )


def _bayes_curve(model: CountingModel) -> Curve:
    """strength -> posterior probability above it."""
    if _gaussian(model):
        return _asymptotic_curve(cls=True)(model)
    weight, rate = bayes.posterior(model, model.parts(), model.observed)
    return lambda strength: bayes.tail(weight, rate, strength)


# Pseudo-experiments -----------------------------------------------------------------------------


def _toy_limit(
    model: CountingModel, options: Options, *, cls: bool, hybrid: bool
) -> tuple[float, float, int]:
    """Root of ln p from a straight-line fit through five strengths around it.

    The five lie within 12 % of the centre, which moves until the root lies among them. The error
    is the fit's, scaled up where the points scatter more than their binomial errors (with several
    channels and exact backgrounds the true p-value has small steps).
    """
    parts = model.parts()
    data = actual(model, parts)
    alpha = 1.0 - options.cl
    centre = solve_falling(_asymptotic_curve(cls=True)(model), alpha, first_guess(model))
    size = max(options.n_toys // 5, 100)
    if alpha * size < LEAST_BEYOND:
        raise OutOfRange(
            f"confidence level = {options.cl:g}: {size} pseudo-experiments a strength leave "
            f"{alpha * size:.2g} beyond the limit",
            allowed=f"up to {1.0 - LEAST_BEYOND / size:g} with n_toys = {options.n_toys}",
            remedy='use method="bayes", or "asymptotic-cls" with many events',
        )
    grid = np.array([-0.12, -0.06, 0.0, 0.06, 0.12])
    used, smallest = 0, 1e-6 * centre
    for round_number in range(40):
        points = []
        for k, shift in enumerate(grid):
            rng = stream(options.seed, round_number, k)
            strength = centre * math.exp(float(shift))
            points.append(
                toy_p(model, parts, data, strength, cls=cls, n_toys=size, rng=rng, hybrid=hybrid)
            )
        used += (2 if cls else 1) * size * len(grid)
        offset, error = _line_root(grid, points, alpha)
        if abs(offset) <= 0.12:
            strength = centre * math.exp(offset)
            return strength, strength * error, used
        centre *= math.exp(float(np.clip(offset, -0.7, 0.7)))
        if centre < smallest:
            return 0.0, 0.0, used
    raise MutauError(
        f"the limit by toys did not settle after {used} pseudo-experiments",
        remedy='use method="bayes", or a lower confidence level',
    )


def _line_root(x: Array, points: list[ToyP], alpha: float) -> tuple[float, float]:
    """Where a weighted straight line through ln p(x) meets ln alpha, and its error."""
    floor = 0.5 / points[0].n_toys
    p = np.array([max(point.value, floor) for point in points])
    weight = (p / np.array([point.error for point in points])) ** 2
    y = np.log(p / alpha)
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    spread = np.sum(weight * (x - mean_x) ** 2)
    slope = min(float(np.sum(weight * (x - mean_x) * (y - mean_y)) / spread), -0.1)
    root = float(mean_x - mean_y / slope)
    chi2 = float(np.sum(weight * (y - mean_y - slope * (x - mean_x)) ** 2))
    variance = 1.0 / np.sum(weight) + (root - mean_x) ** 2 / spread
    scale = chi2 / (len(x) - 2)  # below, chance: scaling always would make it 15 % too large
    return root, math.sqrt(variance * (scale if scale > SCATTERED else 1.0)) / abs(slope)


def _by_toys(name: str, *, cls: bool, hybrid: bool, meaning: str, holds: str) -> None:
    """Register a method with pseudo-experiments."""

    def limit(model: CountingModel, options: Options) -> tuple[float, float, int]:
        return _toy_limit(model, options, cls=cls, hybrid=hybrid)

    def p(model: CountingModel, strength: float, options: Options) -> tuple[float, float]:
        parts, rng = model.parts(), stream(options.seed)
        found = toy_p(
            model, parts, actual(model, parts), strength, cls=cls, n_toys=options.n_toys, rng=rng,
            hybrid=hybrid,
        )  # fmt: skip
        return found.value, found.error

    METHODS.register(name)(
        Method(
            limit, meaning, holds,
            outside=_nothing if cls else _fewer_than_background,
            priors=hybrid_priors if hybrid else averaged_priors, p_value=p,
        )
    )  # fmt: skip


METHODS.register("events")(
    Method(
        _events,
        "N > -ln(1 - cl): the rule for nothing seen, no background and no systematic error",
        "nothing seen, no background, no systematic error; anything else is refused",
        refuses=_only_nothing,
        projection="zero",
    )
)
METHODS.register("classical")(
    Method(
        _classical, "Exact p-value of the total count, background known",
        "background and signal known exactly; not fewer events than background",
        outside=_fewer_than_background, refuses=partial(_only_known, "classical"),
        p_value=_classical_p,
    )
)  # fmt: skip
METHODS.register("feldman-cousins")(
    Method(
        _feldman_cousins, "Upper end of the unified interval of the total count, background known",
        "background and signal known exactly",
        refuses=_few_enough,
    )
)  # fmt: skip
METHODS.register("asymptotic")(
    Method(
        _by_curve(_asymptotic_curve(cls=False)),
        "One-sided profile likelihood, p-value from the asymptotic formula",
        f"{MANY:g} events or more, not fewer than the background: then too low by less than "
        "20 % at 90 % CL",
        outside=lambda model: (*_few_events(model), *_fewer_than_background(model)),
        p_value=_at_strength(_asymptotic_curve(cls=False)), projection="asimov",
    )
)  # fmt: skip
METHODS.register("asymptotic-cls")(
    Method(
        _by_curve(_asymptotic_curve(cls=True)),
        "One-sided profile likelihood with CLs from the asymptotic formula",
        f"{MANY:g} events or more, seen or expected: then too low by less than 10 % at 90 % CL",
        outside=_few_events, p_value=_at_strength(_asymptotic_curve(cls=True)),
        projection="asimov",
    )
)  # fmt: skip
METHODS.register("bayes")(
    Method(
        _by_curve(_bayes_curve), "Posterior quantile, prior flat in the strength",
        "any number of events; up to six independent signal errors",
        outside=_taken_over, refuses=_no_posterior, priors=flat_priors,
        p_value=_at_strength(_bayes_curve),
    )
)  # fmt: skip
_by_toys(
    "toys", cls=False, hybrid=False,
    meaning="One-sided profile likelihood, p-value from pseudo-experiments",
    holds="any number of events, not fewer than the background",
)  # fmt: skip
_by_toys(
    "toys-cls", cls=True, hybrid=False,
    meaning="One-sided profile likelihood with CLs from pseudo-experiments",
    holds="any number of events",
)  # fmt: skip
_by_toys(
    "hybrid-cls", cls=True, hybrid=True,
    meaning="CLs, true nuisance parameters drawn from their errors, side measurements held fixed",
    holds="any number of events",
)  # fmt: skip
