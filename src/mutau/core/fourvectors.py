"""Four-vectors on arrays: float64 arrays (..., 4) = (E, px, py, pz) in GeV, metric (+,-,-,-)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def dot(a: ArrayLike, b: ArrayLike) -> Array:
    """Minkowski product a.b of arrays (..., 4); returns (...), GeV^2."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.asarray(a[..., 0] * b[..., 0] - np.sum(a[..., 1:] * b[..., 1:], axis=-1))


def mass_squared(p4: ArrayLike) -> Array:
    """Invariant mass squared of (..., 4), GeV^2; loses digits where E is far above the mass."""
    return dot(p4, p4)


def polar_angle(p4: ArrayLike) -> Array:
    """Angle to the z axis of (..., 4), rad; accurate at small angles (arctan2, not arccos)."""
    p4 = np.asarray(p4, float)
    return np.asarray(np.arctan2(np.hypot(p4[..., 1], p4[..., 2]), p4[..., 3]))


def boost(p4: ArrayLike, beta: ArrayLike) -> Array:
    """Boost of (..., 4) by the velocity (..., 3), in units of c.

    A vector at rest comes out moving with `beta`. Raises ValueError if |beta| >= 1.
    Check: the invariant mass is unchanged.
    """
    p4, beta = np.asarray(p4, float), np.asarray(beta, float)
    beta2 = np.sum(beta * beta, axis=-1)
    if np.any(beta2 >= 1.0):
        raise ValueError("boost velocity must be below 1 in units of c")
    gamma = 1.0 / np.sqrt(1.0 - beta2)
    along = np.sum(p4[..., 1:] * beta, axis=-1)
    factor = gamma * gamma / (1.0 + gamma) * along + gamma * p4[..., 0]
    energy = gamma * (p4[..., 0] + along)
    space = p4[..., 1:] + factor[..., None] * beta
    return np.concatenate([energy[..., None], space], axis=-1)


def two_massless(p4: ArrayLike, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two massless particles (P, 4) that each of (P, 4) decays to, isotropic at rest, GeV.

    Check: they add up to what decayed.
    """
    p4 = np.asarray(p4, float)
    mass = np.sqrt(np.maximum(mass_squared(p4), 1e-12))
    cosine, phi = rng.uniform(-1.0, 1.0, len(p4)), rng.uniform(0.0, 2.0 * np.pi, len(p4))
    sine = np.sqrt(1.0 - cosine**2)
    rest = 0.5 * mass[:, None] * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=1)
    gamma, velocity = p4[:, 0] / mass, p4[:, 1:] / mass[:, None]
    along = np.sum(velocity * rest, axis=1)
    energy = gamma * 0.5 * mass + along
    first = rest + velocity * ((along / (gamma + 1.0)) + 0.5 * mass)[:, None]
    one = np.column_stack([energy, first])
    return one, p4 - one
