"""Speed of the statistics: pseudo-experiments per second, time per limit.

Peer: pyhf with the workspace that this package exports; it finds the same numbers.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from measure import Row, against, agree, best, main, row

from mutau.core.random import stream
from mutau.stats import CountingModel, solve_coupling, upper_limit
from mutau.stats.profile import actual
from mutau.stats.toys import throw_at, toy_q

ONE = CountingModel.from_arrays(1.0, 0.7, 0.28, 0)
PERIODS = CountingModel.from_arrays(
    [0.55, 0.45], [0.4, 0.3], 0.2, 0, systematics={"yield": 0.15, "threshold": 0.05}
)


def _their_toys(model: CountingModel, strength: float, ours: np.ndarray) -> float:
    """Pseudo-experiments per second of pyhf; the mean statistic is ours within 5 errors."""
    from plain_pyhf import Peer

    peer, count = Peer(model), 60
    peer.toys(strength, 2, 1)
    found: list[np.ndarray] = []
    seconds = best(lambda: found.append(peer.toys(strength, count, 2)), 1)
    theirs = found[-1]
    error = float(np.std(ours) / np.sqrt(count))
    agree("mean statistic of toys", np.mean(ours), np.mean(theirs), rel=0.0, abs_=5.0 * error)
    return count / seconds


def toys(name: str, model: CountingModel, count: int) -> Row:
    """Statistic of pseudo-experiments at signal strength 2.5."""
    parts = model.parts()
    data = actual(model, parts)

    def work() -> np.ndarray:
        return np.asarray(toy_q(parts, throw_at(model, parts, data, 2.5, count, stream(1)), 2.5))

    peer = against("pyhf", lambda: _their_toys(model, 2.5, work()), needs="pyhf")
    rate = count / best(work, 3)
    return row(
        f"toys, {name}", rate, "pseudo-experiments/s", "statistic exact to 1e-9", 1e5, **peer
    )


def limit(method: str, repeat: int) -> Row:
    """Upper limit of two run periods with systematic errors."""
    found = upper_limit(PERIODS, method=method)
    error = f"{found.strength_err / found.strength:.1e}" if found.n_toys else "below 1e-8"

    def theirs() -> float:
        from plain_pyhf import Peer

        peer = Peer(PERIODS)
        agree("asymptotic limit", found.strength, peer.limit(found.strength), rel=1e-3)
        return 1e3 * best(lambda: peer.limit(found.strength), 2)

    peer = against("pyhf", theirs, needs="pyhf") if method == "asymptotic-cls" else {}
    seconds = best(lambda: upper_limit(PERIODS, method=method), repeat)
    goal = 2000.0 if found.n_toys else 10.0
    return row(f"limit, two run periods, {method}", 1e3 * seconds, "ms", error, goal, **peer)


def coupling() -> Row:
    """Root of S(g) = limit."""
    seconds = best(lambda: [solve_coupling(lambda g: 1e7 * g**2, 2.3) for _ in range(20)])
    name = "coupling from S(g), without the signal's own time"
    return row(name, 1e3 * seconds / 20, "ms", "1e-6", 1.0)


PARTS = (
    partial(toys, "one counting channel, Gaussian background", ONE, 200_000),
    partial(toys, "two run periods, signal error", PERIODS, 100_000),
    partial(limit, "bayes", 20),
    partial(limit, "asymptotic-cls", 20),
    partial(limit, "toys-cls", 2),
    coupling,
)

if __name__ == "__main__":
    main(PARTS)
