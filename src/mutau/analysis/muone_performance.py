"""What a set of cuts does on samples of mu e -> mu e Z' and its backgrounds, and its limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mutau.analysis.loop import START
from mutau.analysis.muone_objective import mean_limit
from mutau.analysis.settings import AS_STATED, Settings
from mutau.background.muone_components import Component
from mutau.models import Model, highest_coupling
from mutau.selection.requirements import label

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

#: Background events from which the Bayesian limit takes too long.
MANY_EVENTS: Final = 1e4


@dataclass(frozen=True, slots=True)
class Performance:
    """What a set of cuts does on one set of samples.

    signal, signal_err : events at the coupling of the model. backgrounds : name -> (events,
    Monte Carlo error, model error). coupling : expected upper limit by the search's own measure
    (`mean_limit`), coupling_err : its Monte Carlo error.
    """

    signal: float
    signal_err: float
    backgrounds: Mapping[str, tuple[float, float, float]]
    coupling: float
    coupling_err: float

    @property
    def background(self) -> float:
        """Events of all sources."""
        return sum(value for value, _, _ in self.backgrounds.values())

    @property
    def background_err(self) -> float:
        """Monte Carlo and model errors of all sources, in quadrature."""
        return math.hypot(*(e for _, mc, model in self.backgrounds.values() for e in (mc, model)))


def performance(
    parts: Sequence[Component], cuts: Sequence[Cut], model: Model, cl: float
) -> Performance:
    """What a set of cuts does on samples of signal (first) and backgrounds."""
    signal, *others = (part.events(cuts) for part in parts)
    backgrounds = {
        part.name: (found.events, found.error, part.model_error * found.events)
        for part, found in zip(parts[1:], others, strict=True)
    }
    own = math.hypot(*(found.error for found in others))
    total = sum(found.events for found in others)
    model_error = math.hypot(*(value[2] for value in backgrounds.values()))

    def allowed(background: float) -> float:
        return float(mean_limit(background + own, math.hypot(own, model_error), cl))

    if signal.events <= 0.0:
        return Performance(0.0, signal.error, backgrounds, math.inf, 0.0)
    strength = allowed(total) / signal.events
    moved = 0.5 * abs(allowed(total + own) - allowed(max(total - own, 0.0))) / allowed(total)
    coupling = model.coupling * math.sqrt(strength)
    error = 0.5 * coupling * math.hypot(moved, signal.error / signal.events)
    return Performance(signal.events, signal.error, backgrounds, coupling, error)


def background_tables(found: Performance) -> list[dict[str, Any]]:
    """Computed backgrounds as an experiment file states them."""
    return [
        {
            "name": name,
            "expected": value,
            "error": math.hypot(own, model),
            "because": f"weighted Monte Carlo under these cuts; error: {own:.2g} of the sample, "
            f"{model:.2g} of what was assumed",
        }
        for name, (value, own, model) in found.backgrounds.items()
    ]


def suitable_method(
    experiment: Experiment, background: float, settings: Settings = AS_STATED
) -> str:
    """The method given; else the file's where it takes backgrounds with errors; else Bayesian, or
    asymptotic CLs where there are so many events that the Bayesian sum over counts would take
    seconds."""
    stated = settings.method_of([experiment])
    if settings.method is not None:
        return stated
    if background > MANY_EVENTS:
        return stated if stated.startswith("asymptotic") else "asymptotic-cls"
    return "bayes" if stated in ("events", "classical", "feldman-cousins") else stated


def counting_limit(found: Performance, model: Model, cl: float, method: str) -> tuple[float, float]:
    """Expected upper limit on the coupling and its Monte Carlo error; inf without signal."""
    from mutau.stats import CountingModel, solve_coupling, upper_limit

    if found.signal <= 0.0:
        return math.inf, 0.0
    counts = CountingModel.from_arrays(
        found.signal, found.background, found.background_err, signal_err=found.signal_err
    )
    allowed = upper_limit(counts, cl, method)
    unit = found.signal / model.invisible_strength("mu")

    def events(coupling: float) -> float:
        return unit * model.with_coupling(coupling).invisible_strength("mu")

    highest = highest_coupling(model)
    found_at = solve_coupling(events, allowed.events, start=min(START, highest), highest=highest)
    coupling = found_at.coupling
    return coupling, coupling * found.coupling_err / found.coupling


def cutflow(parts: Sequence[Component], cuts: Sequence[Cut]) -> list[dict[str, Any]]:
    """Rows of events of signal and every background after each cut, the photon veto included."""
    rows = []
    for k in range(len(cuts) + 1):
        row: dict[str, Any] = {"cut": "loosest thresholds" if k == 0 else label(cuts[k - 1])}
        for part in parts:
            row[part.name] = part.events(cuts[:k]).events
        rows.append(row)
    return rows
