"""Declared errors against the spread over seeds, for results of many kinds.

    python tools/errors_over_seeds.py [--seeds 30] [KIND ...]

Prints a table: spread of the value over independent seeds, declared error (root mean square over
the seeds), their ratio declared/spread with its own error 1/sqrt(2 (seeds - 1)), and the mean
weighted by 1/error^2 over the plain mean, which is below 1 where an error follows its value. The
table in docs/validation/statistics.md is what it gave.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Final

import numpy as np

import mutau
from mutau.background.estimate import all_sources
from mutau.experiment import load_experiment
from mutau.stats import CountingModel, upper_limit

#: seed -> (value, declared error).
Result = Callable[[int], tuple[float, float]]
MODEL: Final = CountingModel.from_arrays(
    [0.55, 0.45], [0.4, 0.3], [0.2, 0.3], [0, 0], systematics={"signal": 0.15}
)


def toys(method: str, observed: int = 0) -> Result:
    """Limit by pseudo-experiments on two periods with uncertain backgrounds."""

    def limit(seed: int) -> tuple[float, float]:
        found = upper_limit(MODEL.with_observed([observed, 0]), method=method, seed=seed)
        return found.strength, found.strength_err

    return limit


def signal(experiment: str, mass: float, n_events: int) -> Result:
    """Expected signal after all cuts."""

    def total(seed: int) -> tuple[float, float]:
        point = mutau.LmuMinusLtau(mass=mass, coupling=1e-3)
        found = mutau.expected_yields(point, experiment, seed=seed, n_events=n_events)
        return found.total, found.total_err

    return total


def coupling(experiment: str, mass: float, n_events: int) -> Result:
    """Limit on the coupling, whose error is that of the sample."""

    def limit(seed: int) -> tuple[float, float]:
        settings = mutau.Settings(seed=seed, n_events=n_events)
        line = mutau.limit_curve(experiment, masses=[mass], settings=settings)
        return float(line.coupling[0]), float(line.numerical_err[0])

    return limit


def background(name: str, experiment: str, effort: float) -> Result:
    """A source of background per particle on target; nothing is kept."""
    source, item = all_sources()[name], load_experiment(experiment)

    def rate(seed: int) -> tuple[float, float]:
        found = source.compute(item, seed, effort)
        return found.per_particle, found.err

    return rate


#: What is cheap stands first; `DEAR` is computed only by name.
KINDS: Final[dict[str, Callable[[], Result]]] = {
    "limit on the strength, toys": lambda: toys("toys"),
    "limit on the strength, toys-cls": lambda: toys("toys-cls", 2),
    "limit on the strength, hybrid-cls": lambda: toys("hybrid-cls", 1),
    "signal of na64mu": lambda: signal("na64mu", 0.1, 2000),
    "limit of na64mu": lambda: coupling("na64mu", 0.1, 2000),
    "signal of muone": lambda: signal("muone", 0.05, 2000),
    "limit of muone": lambda: coupling("muone", 0.05, 2000),
    "hadron-decays": lambda: background("hadron-decays", "na64mu", 0.05),
    "punch-through": lambda: background("punch-through", "na64mu", 0.05),
    "pion decays": lambda: background("pion decays", "na64e", 0.05),
    "muon decays": lambda: background("muon decays", "na64e", 0.05),
    "neutrino pairs": lambda: background("neutrino pairs", "muone", 0.05),
    "radiative events": lambda: background("radiative events", "muone", 0.05),
    "electron pairs on nuclei": lambda: background("electron pairs on nuclei", "muone", 0.05),
    "decays of beam muons": lambda: background("decays of beam muons", "muone", 0.05),
}
DEAR: Final[dict[str, Callable[[], Result]]] = {
    "momentum-mismatch": lambda: background("momentum-mismatch", "na64mu", 0.1),
    "dimuons": lambda: background("dimuons", "na64mu", 0.01),
    "non-hermeticity": lambda: background("non-hermeticity", "na64mu", 0.1),
}


def row(name: str, result: Result, seeds: int) -> str:
    """One line of the table."""
    begin = time.monotonic()
    value, error = np.array([result(seed) for seed in range(1, seeds + 1)]).T
    mean, spread = value.mean(), value.std(ddof=1)
    if not spread > 0.0:
        return f"| {name} | {mean:.4g} | the same for every seed | {error.max():.2g} | | |"
    declared = math.sqrt(np.mean(error**2))
    ratio = declared / spread
    weight = 1.0 / np.maximum(error, 1e-300) ** 2
    pooled = float(value @ weight / weight.sum()) / mean
    return (
        f"| {name} | {mean:.4g} | {100 * spread / mean:.2f} % | {100 * declared / mean:.2f} % | "
        f"{ratio:.2f} ± {ratio / math.sqrt(2 * (seeds - 1)):.2f} | {pooled:.3f} | "
        f"{time.monotonic() - begin:.0f} s |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="KIND", help="default: all but the dear ones")
    parser.add_argument("--seeds", type=int, default=30)
    options = parser.parse_args()
    print("| result | mean | spread | declared | declared/spread | weighted/plain | time |")
    print("|---|---|---|---|---|---|---|")
    for name in options.names or KINDS:
        try:
            print(row(name, {**KINDS, **DEAR}[name](), options.seeds), flush=True)
        except mutau.MutauError as error:
            print(f"| {name} | {error} |", flush=True)


if __name__ == "__main__":
    main()
