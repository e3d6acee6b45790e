"""Speed of the statistics room: pseudo-experiments per second, time per limit.

Run `python benchmarks/bench_stats.py`; `rows()` gives the same as a list.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from mutau.core.random import stream
from mutau.stats import CountingModel, solve_coupling, upper_limit
from mutau.stats.profile import actual
from mutau.stats.toys import throw_at, toy_q

PERIODS = CountingModel.from_arrays(
    [0.55, 0.45], [0.4, 0.3], 0.2, 0, systematics={"yield": 0.15, "threshold": 0.05}
)


def _seconds(work: Callable[[], object], repeat: int) -> float:
    work()
    begin = time.perf_counter()
    for _ in range(repeat):
        work()
    return (time.perf_counter() - begin) / repeat


def _toys_per_second(model: CountingModel, count: int) -> float:
    parts = model.parts()
    data = actual(model, parts)

    def work() -> None:
        toy_q(parts, throw_at(model, parts, data, 2.5, count, stream(1)), 2.5)

    return count / _seconds(work, 3)


def rows() -> list[dict[str, object]]:
    """One dict per figure: name, figure, unit, error_reached, goal."""
    one = CountingModel.from_arrays(1.0, 0.7, 0.28, 0)
    found = [
        {
            "name": "toys, one counting channel, Gaussian background",
            "figure": _toys_per_second(one, 200_000),
            "unit": "pseudo-experiments/s",
            "error_reached": "statistic exact to 1e-9",
            "goal": 1e5,
        },
        {
            "name": "toys, two run periods, signal error",
            "figure": _toys_per_second(PERIODS, 100_000),
            "unit": "pseudo-experiments/s",
            "error_reached": "statistic exact to 1e-9",
            "goal": 1e5,
        },
    ]
    for method, repeat in (("bayes", 50), ("asymptotic-cls", 50), ("toys-cls", 3)):
        limit = upper_limit(PERIODS, method=method)
        seconds = _seconds(lambda name=method: upper_limit(PERIODS, method=name), repeat)
        error = f"{limit.strength_err / limit.strength:.1e}" if limit.n_toys else "below 1e-8"
        found.append(
            {
                "name": f"limit, two run periods, {method}",
                "figure": 1e3 * seconds,
                "unit": "ms",
                "error_reached": error,
                "goal": 10.0 if not limit.n_toys else 2000.0,
            }
        )
    found.append(
        {
            "name": "coupling from S(g), without the signal's own time",
            "figure": 1e3 * _seconds(lambda: solve_coupling(lambda g: 1e7 * g**2, 2.3), 100),
            "unit": "ms",
            "error_reached": "1e-6",
            "goal": 1.0,
        }
    )
    return found


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row['name']:55s} {row['figure']:12.4g} {row['unit']:22s} "
            f"error {row['error_reached']:24s} goal {row['goal']:g}"
        )
