"""Speed and accuracy of the models and of the published curves; run it to see the table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def per_second(action: Callable[[], Any], size: int, repeat: int = 5) -> float:
    """Best rate of `repeat` runs, items per second."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return size / best


def mixing_error() -> float:
    """Largest relative error of the closed form against 50 digits, over 40 momenta."""
    import mpmath

    from mutau.core.constants import E_CHARGE, M_MU, M_TAU
    from mutau.models import loop_mixing

    def loop(q2: Any, mass: float) -> Any:
        r = mpmath.mpf(mass) ** 2 / q2
        beta = mpmath.sqrt(1 - 4 * r)
        log = mpmath.log((beta + 1) / (beta - 1)) if not 0 < 4 * r < 1 else (
            mpmath.log((1 + beta) / (1 - beta)) - 1j * mpmath.pi
        )  # fmt: skip
        return -mpmath.mpf(5) / 18 - 2 * r / 3 + (1 + 2 * r) * beta * log / 6

    worst = 0.0
    with mpmath.workdps(50):
        for q2 in (*-np.logspace(-10, 6, 20), *np.logspace(-10, 6, 20)):
            x = mpmath.mpf(float(q2))
            exact = loop(x, M_TAU) - loop(x, M_MU) + mpmath.log(mpmath.mpf(M_TAU) / M_MU) / 3
            exact = complex(exact * mpmath.mpf(E_CHARGE) / (2 * mpmath.pi**2))
            worst = max(worst, abs(complex(loop_mixing(float(q2))) - exact) / abs(exact))
    return worst


def moment_error() -> float:
    """Largest relative error of the moment integral against its closed form in 60 digits."""
    import mpmath

    from mutau.core.constants import M_MU
    from mutau.models.muon_moment import moment_integral

    worst = 0.0
    with mpmath.workdps(60):
        for mass in np.logspace(-6, 3, 37):
            r = (mpmath.mpf(float(mass)) / mpmath.mpf(M_MU)) ** 2
            y = (1 - mpmath.sqrt(1 - 4 / r)) / 2
            exact = mpmath.mpf(1) / 2 - 1 / (y * (1 - y))
            exact -= (1 - y) ** 2 / (y**2 * (1 - 2 * y)) * mpmath.log(1 - y)
            exact += y**2 / ((1 - 2 * y) * (1 - y) ** 2) * mpmath.log(y)
            worst = max(worst, abs(float(moment_integral(mass)) / float(exact.real) - 1.0))
    return worst


def average_error() -> float:
    """Relative difference of the line-shape average from adaptive quadrature, at one point."""
    import mpmath

    from mutau.models import LmuMinusLtau

    z = LmuMinusLtau(0.25, 1e-3, 0.1)
    m2, scale = z.mass**2, z.mass * z.width("chichi")

    def integrand(theta: Any) -> Any:
        q2 = m2 + scale * mpmath.tan(theta)
        return abs(complex(z.kinetic_mixing(float(q2)))) ** 2 * mpmath.sqrt(q2)

    cuts = [4 * z.mass_chi**2, 0.04, *z.mixing_thresholds[:1], 0.05, m2, 0.07, 0.2, 1.0]
    cuts = [float(mpmath.atan((q2 - m2) / scale)) for q2 in (*cuts, 4.0, 12.0, 13.5, 100.0)]
    plain = float(mpmath.quad(integrand, cuts)) / z.mass / np.pi
    return abs(z.average_mixing_squared(q_max=10.0) / plain - 1.0)


def partition_error() -> float:
    """Deviation of the sum of all branchings from 1."""
    from mutau.models import LmuMinusLtau

    z = LmuMinusLtau(0.25, 1e-3, 0.1)
    return abs(sum(z.branching(channel) for channel in z.channels) - 1.0)


def rows() -> list[dict[str, Any]]:
    """One row per figure: name, figure, unit, error_reached, goal."""
    from mutau.limits import published_limit
    from mutau.models import LmuMinusLtau, loop_mixing
    from mutau.models.muon_moment import moment_integral

    q2, mass = np.linspace(-1.0, 1.0, 200_000), np.logspace(-6, 3, 200_000)
    dark = LmuMinusLtau(0.2, 1e-4, 0.1)
    curve = published_limit("babar4mu-2016")
    low, high = curve.mass_range
    inside = np.linspace(low, high, 200_000)
    at_nodes = float(np.max(np.abs(curve.coupling_at(curve.mass) / curve.coupling - 1.0)))
    return [
        {"name": "kinetic mixing at complex accuracy", "unit": "values/s", "goal": 1e6,
         "figure": per_second(lambda: loop_mixing(q2), q2.size), "error_reached": mixing_error()},
        {"name": "muon moment integral", "unit": "values/s", "goal": 1e6,
         "figure": per_second(lambda: moment_integral(mass), mass.size),
         "error_reached": moment_error()},
        {"name": "line-shape average of the mixing", "unit": "masses/s", "goal": 500.0,
         "figure": per_second(dark.average_mixing_squared, 1), "error_reached": average_error()},
        {"name": "model point with all widths", "unit": "points/s", "goal": 5e3,
         "figure": per_second(lambda: LmuMinusLtau(0.2, 1e-3).branching_invisible, 1),
         "error_reached": partition_error()},
        {"name": "look-up in a published curve", "unit": "masses/s", "goal": 1e6,
         "figure": per_second(lambda: curve.coupling_at(inside), inside.size),
         "error_reached": at_nodes},
    ]  # fmt: skip


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
