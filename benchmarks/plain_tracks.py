"""Track fit in plain NumPy: one global least-squares fit with the full covariance of the hits.

Straight lines and a parabola in the field (slopes below 0.02 change nothing at 1e-3 of a standard
deviation), Gaussian scattering at the arm's steps with the momentum of a first pass. All tracks at
once; the covariance of the hits depends on the momentum, so every track has its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.detector.tracking_geometry import Arm

Array = NDArray[np.float64]


def design(arm: Arm) -> tuple[Array, Array]:
    """(P, 3) derivatives of x by (x, dx/dz, charge/p), and (P, P) covariance per 1/(p beta)^2."""
    if np.any(arm.steps["axis"] != 0.0):
        raise ValueError("this fit knows fields that bend in x")
    n = len(arm.z)
    lines, levers = np.zeros((n, 3)), np.zeros((n, len(arm.steps)))
    slope, shift = 0.0, 0.0  # of a track with charge/p = 1, by the field
    lever = np.zeros(len(arm.steps))
    z = 0.0
    for i, step in enumerate(arm.steps):
        length, bend = step.length, step.curve * step.length
        shift += length * (slope + 0.5 * bend)
        slope += bend
        z += length
        lever[:i] += length
        if step.plane >= 0:
            plane = int(step.plane)
            lines[plane] = 1.0, z, shift
            levers[plane] = lever
    lines[0] = 1.0, 0.0, 0.0
    return lines, (levers * arm.steps["power"]) @ levers.T


def fit(hits: Array, arm: Arm) -> tuple[Array, Array, Array]:
    """State (N, 5), variances of it (N, 5), chi2 (N,) at the first plane."""
    lines, scattering = design(arm)
    resolution = np.diag(arm.resolution**2)
    k = _solve(hits, lines, np.linalg.inv(resolution)[None])[0][:, 2]
    kb2 = k**2 * (1.0 + (M_MU * k) ** 2)  # 1/(p beta)^2
    weight = np.linalg.inv(resolution + kb2[:, None, None] * scattering)
    x, cov_x, chi_x = _solve(hits, lines, weight)
    y, cov_y, chi_y = _solve(hits[:, :, ::-1], lines[:, :2], weight)
    state = np.column_stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1], x[:, 2]])
    variance = np.column_stack([cov_x[:, 0], cov_y[:, 0], cov_x[:, 1], cov_y[:, 1], cov_x[:, 2]])
    return state, variance, chi_x + chi_y


def _solve(hits: Array, lines: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Weighted least squares of the first coordinate: values, variances, chi2."""
    covariance = np.linalg.inv(lines.T @ weight @ lines)
    pull = weight @ hits[:, :, :1]
    values = (covariance @ (lines.T @ pull))[:, :, 0]
    left = hits[:, :, 0] - values @ lines.T
    chi2 = np.einsum(
        "ni,nij,nj->n", left, np.broadcast_to(weight, (len(left), *weight.shape[1:])), left
    )
    return values, np.diagonal(covariance, axis1=1, axis2=2), chi2
