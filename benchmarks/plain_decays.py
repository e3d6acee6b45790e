"""Random two-body decays in NumPy, and phase spaces made of them; all events at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def phase_space(
    n: int, energy: float, m: float, e: float, mass: float, rng: np.random.Generator
) -> Array:
    """(5, n, 4) momenta of mu e -> mu' e' V at random: two decays in sequence, e at rest."""
    p1 = np.zeros((n, 4))
    p1[:, 0], p1[:, 3] = energy, np.sqrt(energy**2 - m * m)
    p2 = np.zeros((n, 4))
    p2[:, 0] = e
    root = np.sqrt(m * m + e * e + 2.0 * e * energy)
    pair = rng.uniform(m + mass, root - e, n)
    total = p1 + p2
    both, p4 = two_body(total, np.full(n, root), pair, np.full(n, e), rng)
    p3, k = two_body(both, pair, np.full(n, m), np.full(n, mass), rng)
    return np.array([p1, p2, p3, p4, k])


def two_body(
    p: Array, mass: Array, a: Array, b: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Isotropic decay of p (N, 4) into masses a and b, boosted to where p is given."""
    cos, phi = rng.uniform(-1.0, 1.0, len(p)), rng.uniform(0.0, 2.0 * np.pi, len(p))
    sin = np.sqrt(1.0 - cos * cos)
    size = np.sqrt((mass**2 - (a + b) ** 2) * (mass**2 - (a - b) ** 2)) / (2.0 * mass)
    three = size[:, None] * np.column_stack([sin * np.cos(phi), sin * np.sin(phi), cos])
    rest = np.column_stack([np.sqrt(size**2 + a * a), three])
    along = np.einsum("ni,ni->n", p[:, 1:], three)
    energy = (p[:, 0] * rest[:, 0] + along) / mass
    factor = (rest[:, 0] + energy) / (p[:, 0] + mass)
    one = np.column_stack([energy, three + factor[:, None] * p[:, 1:]])
    return one, p - one
