"""From an upper limit on events to one on the coupling, whatever the signal's dependence on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mutau.core.errors import MutauError, OutOfRange, require_in_range

#: A signal: events, or (events, error).
Signal = float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class CouplingLimit:
    """Upper limit on a coupling.

    coupling : float; inf where no coupling in the range gives enough events.
    coupling_err : float, from the signal's error and the search. power : d ln S/d ln g at the
    limit. path : the couplings that were tried, in order; the last is the result (or the bound).
    """

    coupling: float
    coupling_err: float
    power: float
    path: tuple[float, ...]


def _split(value: Signal) -> tuple[float, float]:
    events, error = value if isinstance(value, tuple) else (value, 0.0)
    if not (events >= 0.0 and error >= 0.0 and math.isfinite(events) and math.isfinite(error)):
        raise MutauError(
            f"signal of coupling returned {value!r}", allowed="finite events, not negative"
        )
    return float(events), float(error)


def solve_coupling(
    signal_of_coupling: Callable[[float], Signal],
    limit: float | Callable[[float], float],
    *,
    start: float = 1e-3,
    lowest: float = 1e-40,
    highest: float = 10.0,
    tolerance: float = 1e-6,
) -> CouplingLimit:
    """Smallest coupling near `start` where S(g) reaches the allowed number of events.

    signal_of_coupling : g -> events, or (events, error). limit : allowed events, or a function of
    g for a limit that changes with it (a systematic error that depends on g, for example).
    start, lowest, highest : where the search begins, and its bounds.
    tolerance : relative error of the coupling wanted from the search.
    Bracketed on ln g: from `start` downwards while S is above the limit, upwards while it is
    below, then false position (Illinois) in (ln g, ln S). No power law is assumed.
    Returns CouplingLimit. Raises OutOfRange if even `lowest` gives too many events,
    MutauError for a signal that is negative or not finite.
    Check: S = c g^2 gives g = sqrt(limit/c).
    """
    require_in_range("start", start, lowest, highest)
    path: list[float] = []
    errors: dict[float, float] = {}

    def distance(log_g: float) -> float:
        g = math.exp(log_g)
        path.append(g)
        events, errors[log_g] = _split(signal_of_coupling(g))
        allowed = limit(g) if callable(limit) else limit
        if not allowed > 0.0:
            raise MutauError(
                f"the limit on the signal is {allowed:g} events, which no coupling gives",
                allowed="above zero",
                remedy="take a method with CLs or bayes, or a higher confidence level",
            )
        errors[log_g] /= events if events > 0.0 else 1.0
        return math.log(events / allowed) if events > 0.0 else -700.0

    low = high = math.log(start)
    at_low = at_high = distance(high)
    step = 0.5 * abs(at_low) + 0.05 if abs(at_low) < 40.0 else 2.0
    while at_high < 0.0:
        low, at_low = high, at_high
        if high >= math.log(highest):
            return CouplingLimit(math.inf, 0.0, 0.0, tuple(path))
        high = min(high + step, math.log(highest))
        at_high, step = distance(high), 1.5 * step
    while at_low >= 0.0:
        high, at_high = low, at_low
        if low <= math.log(lowest):
            raise OutOfRange(
                f"coupling = {lowest:g} still gives too many events",
                remedy="no boson is coupled so weakly; state a smaller exposure",
            )
        low = max(low - step, math.log(lowest))
        at_low, step = distance(low), 1.5 * step
    root, power = _false_position(distance, low, at_low, high, at_high, tolerance)
    g = math.exp(root)
    return CouplingLimit(g, g * math.hypot(errors[root] / power, tolerance), power, tuple(path))


def _false_position(
    f: Callable[[float], float],
    low: float,
    at_low: float,
    high: float,
    at_high: float,
    tolerance: float,
) -> tuple[float, float]:
    """Root of a function that rises through zero, and its slope there."""
    slope, side = (at_high - at_low) / (high - low), 0
    tried = [(low, at_low), (high, at_high)]
    weight_low, weight_high = at_low, at_high
    x = high
    for count in range(100):
        if count % 6 == 5:
            x = 0.5 * (low + high)
        else:
            x = (low * weight_high - high * weight_low) / (weight_high - weight_low)
        y = f(x)
        far = [point for point in tried if abs(x - point[0]) > tolerance]
        near, at_near = min(far, key=lambda point: abs(x - point[0]), default=(high, at_high))
        slope = (y - at_near) / (x - near)
        tried.append((x, y))
        if abs(y) <= tolerance * abs(slope) or high - low < tolerance:
            break
        if y > 0.0:
            high, weight_high = x, y
            weight_low *= 0.5 if side > 0 else 1.0
            side = 1
        else:
            low, weight_low = x, y
            weight_high *= 0.5 if side < 0 else 1.0
            side = -1
    return x, slope


def iterate_coupling(
    signal_of_coupling: Callable[[float], Signal],
    limit: float | Callable[[float], float],
    *,
    start: float,
    power: float = 2.0,
    tolerance: float = 0.01,
    most: int = 50,
) -> CouplingLimit:
    """The NA64-e paper's way (section 6): repeat g -> g (limit/S(g))^(1/power) from `start`.

    Each step computes the signal at the coupling the step before returned, and takes only the
    prefactor g^power as changing. It converges where |1 - n/power| < 1 for the true power n.
    Returns CouplingLimit whose `path` holds start and every iterate; `coupling_err` is the last
    step's size with the signal's error.
    Raises MutauError if `most` steps do not reach the relative `tolerance`, or a signal is zero.
    """
    path = [start]
    events, at = 0.0, start
    for _ in range(most):
        g = path[-1]
        if not 1e-30 < g < 1e30:
            break
        new, error = _split(signal_of_coupling(g))
        if new == 0.0:
            raise MutauError(f"no signal at coupling {g:g}", remedy="use solve_coupling")
        slope = math.log(new / events) / math.log(g / at) if events > 0.0 and g != at else power
        events, at = new, g
        allowed = limit(g) if callable(limit) else limit
        path.append(g * (allowed / events) ** (1.0 / power))
        if abs(path[-1] / g - 1.0) < tolerance:
            step = abs(path[-1] - g)
            spread = path[-1] * error / events / power
            return CouplingLimit(path[-1], math.hypot(step, spread), slope, tuple(path))
    raise MutauError(
        f"the iteration did not settle in {len(path) - 1} steps; last couplings "
        + ", ".join(f"{g:.4g}" for g in path[-3:]),
        remedy="use solve_coupling",
    )
