"""Random streams that depend on the seed and the place of the work, never on the worker."""

from __future__ import annotations

from typing import Final

import numpy as np


def stream(seed: int, *key: int) -> np.random.Generator:
    """Generator for one piece of work, for example `stream(seed, point, chunk)`.

    seed : non-negative int. key : non-negative ints that name the piece.
    Equal arguments give equal streams; different keys give independent ones
    (numpy.random.SeedSequence with a spawn key; PCG64 underneath).

    >>> stream(1, 0).random() == stream(1, 0).random() != stream(1, 1).random()
    True
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(key)))


#: Standard deviations at which the spread of a beam is cut: 6e-5 of a Gaussian lie beyond.
REACH: Final = 4.0


def cut_normal(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) standard normal numbers, drawn again beyond `REACH`."""
    z = rng.standard_normal(n)
    while np.any(beyond := np.abs(z) > REACH):
        z[beyond] = rng.standard_normal(int(beyond.sum()))
    return z
