"""Speed and accuracy of the NA64-e process."""

from __future__ import annotations

import time

import numpy as np
from measure import Row, best, main, row

from mutau.analysis.limit import limit_curve
from mutau.analysis.yields import expected_yields
from mutau.experiment import load_experiment
from mutau.models import Family, build_model
from mutau.report.na64e_limits import masses
from mutau.report.reproduction import Level
from mutau.signal.electron_monte_carlo import monte_carlo_yield
from mutau.signal.electron_response import _simulate as sample
from mutau.signal.electron_window import window
from mutau.signal.generate import generate_events


def figure_4() -> Row:
    """Three curves with all systematic errors; processor time of all threads."""
    experiment = load_experiment("na64e")
    grid = masses(Level("bench", 0, 60))
    limit_curve(experiment, grid[::20])
    start = time.process_time()
    errors = []
    for alpha_d in (0.0, 0.1, 0.02):
        line = limit_curve(experiment, 1.0001 * grid[:-1], family=Family(alpha_d=alpha_d))
        errors.append(float(np.max(line.numerical_err / line.coupling)))
    seconds = time.process_time() - start
    error = f"{100 * max(errors):.1f} % of the coupling"
    goal = "<= 20 s on 2 cores: 40"
    return row(
        "Fig. 4, three curves of 59 masses, all systematics", seconds, "s, all cores", error, goal
    )


def second_method() -> Row:
    """Showers one by one instead of mean track lengths."""
    experiment = load_experiment("na64e")
    model = build_model("lmu-ltau", 1e-3, 1e-3)
    process = expected_yields(model, experiment).total
    other = monte_carlo_yield(experiment, model, n=4000, seed=2).counted
    seconds = best(lambda: monte_carlo_yield(experiment, model, n=4000, seed=2), 1)
    error = f"ratio to the process {other[0] / process:.3f} +- {other[1] / process:.3f}"
    name = "Monte Carlo yield, 4000 showers, pre-shower to 5 MeV"
    return row(name, seconds, "s", error, "agrees within errors")


def events() -> Row:
    """Signal events with their vertices."""
    experiment, n = load_experiment("na64e"), 20_000
    model = build_model("lmu-ltau", 0.1, 1e-3)
    rate = n / best(lambda: generate_events(model, experiment, n), 1)
    return row("events with vertices, 100 MeV", rate, "events/s", "unweighted", "1e3 events/s")


def first_use() -> Row:
    """What the first limit of a set-up makes and keeps in the cache folder."""
    experiment, n = load_experiment("na64e"), 4000
    low = window(experiment).low
    weight = sample(experiment, 4.0, low, n, 2)["number"]
    error = f"{100 * weight.std() / weight.mean() / len(weight) ** 0.5:.1f} % of the emissions"
    seconds = best(lambda: sample(experiment, 4.0, low, n, 2), 1)
    return row(f"pre-shower sample, {n} showers", seconds, "s", error, "once per set-up")


PARTS = (figure_4, second_method, events, first_use)

if __name__ == "__main__":
    main(PARTS)
