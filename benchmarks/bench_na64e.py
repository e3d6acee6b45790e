"""Speed and accuracy of the NA64-e road: run `python benchmarks/bench_na64e.py`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from mutau.experiment import load_experiment
from mutau.models import build_model
from mutau.pipeline.electron_monte_carlo import monte_carlo_yield
from mutau.pipeline.generate import generate_events
from mutau.pipeline.limit import limit_curve
from mutau.pipeline.reproduce_na64e_limits import masses
from mutau.pipeline.reproduction import Level
from mutau.pipeline.yields import expected_yields


def _row(name: str, figure: float, unit: str, error: str, goal: str) -> dict[str, Any]:
    return {"name": name, "figure": figure, "unit": unit, "error_reached": error, "goal": goal}


def _figure_4() -> dict[str, Any]:
    experiment = load_experiment("na64e")
    grid = masses(Level("bench", 0, 60))
    limit_curve(experiment, grid[::20])
    start = time.perf_counter()
    errors = []
    for alpha_d in (0.0, 0.1, 0.02):
        line = limit_curve(experiment, 1.0001 * grid[:-1], alpha_d=alpha_d)
        errors.append(float(np.max(line.numerical_err / line.coupling)))
    seconds = time.perf_counter() - start
    return _row(
        "Fig. 4, three curves of 59 masses, all systematics", seconds, "s",
        f"{100 * max(errors):.1f} % of the coupling", "<= 20 s warm on 2 cores",
    )  # fmt: skip


def _second_method() -> dict[str, Any]:
    experiment = load_experiment("na64e")
    model = build_model("lmu-ltau", 1e-3, 1e-3)
    road = expected_yields(model, experiment).total
    monte_carlo_yield(experiment, model, n=100)
    start = time.perf_counter()
    other = monte_carlo_yield(experiment, model, n=4000, seed=2).counted
    seconds = time.perf_counter() - start
    return _row(
        "Monte Carlo yield, 4000 showers to 50 MeV", seconds, "s",
        f"ratio to the road {other[0] / road:.3f} +- {other[1] / road:.3f}", "agrees within errors",
    )  # fmt: skip


def _events() -> dict[str, Any]:
    experiment = load_experiment("na64e")
    model = build_model("lmu-ltau", 0.1, 1e-3)
    generate_events(model, experiment, 100)
    start = time.perf_counter()
    n = 20_000
    generate_events(model, experiment, n)
    rate = n / (time.perf_counter() - start)
    return _row("events with vertices, 100 MeV", rate, "events/s", "unweighted", "1e3 events/s")


def rows() -> list[dict[str, Any]]:
    """One row per figure of merit: name, figure, unit, error_reached, goal."""
    return [_figure_4(), _second_method(), _events()]


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row['name']}: {row['figure']:.3g} {row['unit']} "
            f"({row['error_reached']}; goal: {row['goal']})"
        )
