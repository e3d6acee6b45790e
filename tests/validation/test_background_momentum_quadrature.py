"""The probability of a wrong momentum a second time: by quadrature, without any random track.

In the linear approximation a kick q at z moves the hits by (q/p) s(z), s known; the fit turns that
into a shift of 1/p and a non-centrality of chi^2. Both are exact functions of place and direction,
and what remains is an integral over three variables.
"""

import math

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import chi2, ncx2

from mutau.background.momentum import P_VALUE, mismatch_probability, one_hit_cuts
from mutau.background.momentum_matter import deflection_density
from mutau.background.momentum_sampling import observe, spectrometer
from mutau.core.random import stream
from mutau.detector.tracking_transport import reference_kernel
from mutau.experiment import load_experiment
from mutau.matter.materials import material

pytestmark = pytest.mark.compiled

NA64 = load_experiment("na64mu")
SPEC = spectrometer(NA64)
ARM = SPEC.arm


def positions(state):
    """All twelve coordinates of a track without kinks."""
    at, steps = np.zeros((6, 2)), ARM.steps
    jac, shrink = np.zeros((len(steps), 4, 3)), np.ones(len(steps))
    assert reference_kernel(state, steps, np.zeros(0), at, jac, shrink)
    return at.T.ravel()  # x of all planes, then y


def fit_matrices(p):
    """Gain G of 1/p and residual matrix R for a track of momentum p: dense least squares."""
    state = np.array([0.0, 0.0, 0.0, 0.0, ARM.charge / p])
    step = np.array([1e-3, 1e-3, 1e-6, 1e-6, 1e-7])
    jac = np.array([
        (positions(state + d) - positions(state - d)) / (2 * s)
        for d, s in zip(np.diag(step), step, strict=True)
    ]).T  # fmt: skip
    z = ARM.z[0] + np.cumsum(ARM.steps["length"])
    lever = np.maximum(ARM.z[:, None] - z, 0.0)
    one = np.diag(ARM.resolution**2) + (lever * ARM.steps["power"] / p**2) @ lever.T
    weight = np.kron(np.eye(2), np.linalg.inv(one))
    inverse = np.linalg.inv(jac.T @ weight @ jac)
    gain = inverse @ jac.T @ weight
    return gain[4], weight - weight @ jac @ gain, math.sqrt(inverse[4, 4])


def by_quadrature(p, below):
    """Integral over z, ln q and azimuth of collisions in air times the chance to be taken."""
    gain, residual, sigma = fit_matrices(p)
    spread = math.hypot(sigma, SPEC.spread / p)
    limit = chi2.isf(P_VALUE, 7)
    z = np.linspace(ARM.z[2], ARM.z[3], 111)
    log_q = np.linspace(math.log(0.15), math.log(4.0), 60)
    phi = np.linspace(0.0, math.pi, 1200)
    kick = np.exp(log_q)[:, None, None] * np.stack([-np.cos(phi), np.sin(phi)])  # (Q, 2, F)
    density = deflection_density(np.exp(log_q), material("air"), ARM.energy).sum(axis=0) / math.pi
    total = np.zeros(len(z))
    for i, place in enumerate(z):
        lever = np.maximum(ARM.z - place, 0.0) / p
        shift = ARM.charge * (gain[:6] @ lever) * kick[:, 0]  # of 1/p, towards a slower muon
        rough = lever @ residual[:6, :6] @ lever, lever @ residual[6:, 6:] @ lever
        noncentral = rough[0] * kick[:, 0] ** 2 + rough[1] * kick[:, 1] ** 2
        taken = np.zeros_like(shift)
        near = (noncentral < 120.0) & (shift > 0.0)
        taken[near] = ncx2.cdf(limit, 7, np.maximum(noncentral[near], 1e-9))
        taken *= ndtr((shift - (1.0 / below - 1.0 / p)) / spread)
        total[i] = np.trapezoid(np.trapezoid(taken, phi, axis=1) * density, log_q)
    return float(np.trapezoid(total, z))


def test_quadrature_agrees_with_forced_simulation():
    """Within 6 %: the quadrature leaves out the fit's nonlinearity and the planes' edges."""
    cuts = one_hit_cuts(NA64, triggered=False)
    simulated = mismatch_probability(NA64, cuts, 200_000, stream(1))
    seen = observe(SPEC, 100_000, stream(2))
    complete = float(np.mean(seen.present.all(axis=1)))
    computed = complete * by_quadrature(SPEC.momentum, cuts.below)
    assert complete == pytest.approx(0.825, abs=0.02)
    assert simulated.value == pytest.approx(computed, rel=0.06)
