"""Speed and accuracy of the models and of the published curves.

Peers: SciPy's quadrature for the loop integrals, numpy.interp for the curve.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plain_loops
from measure import Row, against, agree, best, main, row

N = 200_000


def _mixing_error() -> float:
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


def _moment_error() -> float:
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


def mixing() -> Row:
    """Kinetic mixing at space- and timelike momenta."""
    from mutau.models import loop_mixing

    q2 = np.linspace(-1.0, 1.0, N)

    def peer() -> float:
        few = [float(x) for x in q2[:: N // 50]]
        agree("kinetic mixing", loop_mixing(few), [plain_loops.mixing(x) for x in few], rel=1e-8)
        return len(few) / best(lambda: [plain_loops.mixing(x) for x in few], 3)

    rate = N / best(lambda: loop_mixing(q2))
    name = "kinetic mixing at complex accuracy"
    return row(name, rate, "values/s", _mixing_error(), 1e6, **against("SciPy quad", peer))


def moment() -> Row:
    """Anomalous moment of the muon."""
    from mutau.models.muon_moment import moment_integral

    mass = np.logspace(-6, 3, N)

    def peer() -> float:
        few = mass[:: N // 50]
        agree("moment", moment_integral(few), [plain_loops.moment(float(m)) for m in few], rel=1e-8)
        return len(few) / best(lambda: [plain_loops.moment(float(m)) for m in few], 3)

    rate = N / best(lambda: moment_integral(mass))
    error = _moment_error()
    return row("muon moment integral", rate, "values/s", error, 1e6, **against("SciPy quad", peer))


def line_shape() -> Row:
    """Average of the mixing over a broad line; error: adaptive quadrature at one point."""
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
    error = abs(z.average_mixing_squared(q_max=10.0) / plain - 1.0)
    rate = 1.0 / best(LmuMinusLtau(0.2, 1e-4, 0.1).average_mixing_squared, 20)
    return row("line-shape average of the mixing", rate, "masses/s", error, 500.0)


def model_point() -> Row:
    """All widths of a new model; error: the sum of all branchings."""
    from mutau.models import LmuMinusLtau

    z = LmuMinusLtau(0.25, 1e-3, 0.1)
    error = abs(sum(z.branching(channel) for channel in z.channels) - 1.0)
    rate = 1.0 / best(lambda: LmuMinusLtau(0.2, 1e-3).branching_invisible, 50)
    return row("model point with all widths", rate, "points/s", error, 5e3)


def curve() -> Row:
    """Look-up in a published line, with steps and checks."""
    from mutau.bounds import published_limit

    line = published_limit("babar4mu-2016")
    low, high = line.mass_range
    inside = np.linspace(low, high, N)
    at_nodes = float(np.max(np.abs(line.coupling_at(line.mass) / line.coupling - 1.0)))

    def plain() -> np.ndarray:
        return np.exp(np.interp(np.log(inside), np.log(line.mass), np.log(line.coupling)))

    def peer() -> float:
        agree("curve", line.coupling_at(inside), plain(), rel=1e-9)
        return N / best(plain)

    rate = N / best(lambda: line.coupling_at(inside))
    name = "look-up in a published curve"
    return row(name, rate, "masses/s", at_nodes, 1e6, **against("numpy.interp", peer))


PARTS = (mixing, moment, line_shape, model_point, curve)

if __name__ == "__main__":
    main(PARTS)
