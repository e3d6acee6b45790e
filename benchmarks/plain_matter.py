"""Muons in matter and field in plain NumPy and SciPy, all at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from mutau.core.constants import M_MU
from mutau.matter.multiple_scattering import Moliere, moliere_density

Array = NDArray[np.float64]


def spline(loss: Callable[[Array], Array]) -> CubicSpline:
    """ln(-dE/dx) over the logarithm of the kinetic energy, 10 MeV to 100 TeV."""
    kinetic = np.geomspace(1e-2, 1e5, 300)
    return CubicSpline(np.log(kinetic), np.log(loss(kinetic + M_MU)))


def energy_after(energy: Array, table: CubicSpline, length: float, steps: int = 8) -> Array:
    """Energy after `length` cm at mean loss: Runge and Kutta's fourth-order steps."""
    h = length / steps

    def loss(e: Array) -> Array:
        return np.exp(table(np.log(e - M_MU)))

    for _ in range(steps):
        a = loss(energy)
        b = loss(energy - 0.5 * h * a)
        c = loss(energy - 0.5 * h * b)
        d = loss(energy - h * c)
        energy = energy - h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
    return energy


def across_dipole(
    x4: Array, p4: Array, charge: Array, field: float, z1: float
) -> tuple[Array, Array]:
    """(x4, p4) on the plane z1 after a vertical field (T) from where the muons are: exact helix."""
    px, pz = p4[:, 1], p4[:, 3]
    turn = np.hypot(px, pz)
    length = z1 - x4[:, 3]
    new_px = px - 0.299792458e-2 * field * charge * length
    new_pz = np.sqrt(turn**2 - new_px**2)
    angle = np.arcsin(new_px / turn) - np.arcsin(px / turn)
    chord = np.hypot(length, length * (px + new_px) / (pz + new_pz))
    path = chord * np.where(
        angle == 0.0, 1.0, 0.5 * angle / np.sin(np.where(angle == 0.0, 1.0, 0.5 * angle))
    )
    there, momentum = x4.copy(), p4.copy()
    there[:, 1] += length * (px + new_px) / (pz + new_pz)
    there[:, 2] += path * p4[:, 2] / turn
    there[:, 3] = z1
    there[:, 0] += path * p4[:, 0] / turn
    momentum[:, 1], momentum[:, 3] = new_px, new_pz
    return there, momentum


def inverse_moliere(parameters: Moliere) -> Callable[[Array], Array]:
    """Space angle (rad) over the probability below it, of one momentum and one thickness."""
    theta = parameters.width * np.concatenate([[0.0], np.geomspace(1e-3, 60.0, 4000)])
    middle = 0.5 * (theta[1:] + theta[:-1])
    density = np.maximum(moliere_density(middle, parameters), 0.0) * middle * np.diff(theta)
    below = np.concatenate([[0.0], np.cumsum(density)])
    return lambda u: np.interp(u, below / below[-1], theta)


def scattered(inverse: Callable[[Array], Array], n: int, rng: np.random.Generator) -> Array:
    """(N, 2) angles in x and y, rad, without displacements."""
    theta, phi = inverse(rng.random(n)), 2.0 * np.pi * rng.random(n)
    return np.stack([theta * np.cos(phi), theta * np.sin(phi)], axis=1)
