"""Kernels of the track fit: the filter in weight form.

The filter keeps the quadratic form J(d) = c - 2 eta.d + d.Lambda.d of a small deviation d of the
state from a reference track, instead of its inverse: a Kalman filter without a prior, which may
begin with no measurement at all. It runs from the last plane to the first; at the end
d = Lambda^-1 eta, the covariance is Lambda^-1, and chi^2 = c - eta.d.

State: x, y (cm), tx = dx/dz, ty = dy/dz, k = charge/momentum (1/GeV).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from mutau.core.arrays import BoolArray as Mask
from mutau.core.arrays import FloatArray as Array
from mutau.core.arrays import IntArray
from mutau.core.constants import M_MU
from mutau.core.jit import inner, njit
from mutau.core.records import Records
from mutau.detector.tracking_geometry import ArmStep
from mutau.detector.tracking_transport import FUSED, reference_kernel


class Recipe(NamedTuple):
    """How the tracks of one arm are fitted.

    weight : (P,) 1/resolution^2, 1/cm^2. steps : the arm; bare : the same without matter, for the
    first of the `iterations`, which knows no momentum. field : maps, `Arm.map`. planes : (P,) cm.
    fixed : charge/momentum to hold, 1/GeV, 0 to fit it.
    """

    weight: Array
    steps: Records[ArmStep]
    bare: Records[ArmStep]
    field: Array
    planes: Array
    iterations: int
    fixed: float


class Work(NamedTuple):
    """Where a fit of P planes and S steps writes.

    at (P, 2), jac (S, 4, 3), shrink (S,) : of `reference_kernel`. lam (5, 5), eta (5,) : the weight
    form. col (5, 3), scale (5,) : between. d (5,) : the deviation that is found.
    """

    at: Array
    jac: Array
    shrink: Array
    lam: Array
    eta: Array
    col: Array
    d: Array
    scale: Array


class Removal(NamedTuple):
    """Hits that may be taken out: how many, and limit (2 P + 1,), largest chi^2 per degree of
    freedom count with which none is."""

    most: int
    limit: Array


class FitArrays(NamedTuple):
    """Results of N fits: state (N, 5), covariance (N, 5, 5), chi2 (N,), number of hits in the fit,
    and of those taken out (N,)."""

    state: Array
    covariance: Array
    chi2: Array
    hits: IntArray
    removed: IntArray


#: Smallest pivot of the scaled weight matrix at which the state counts as measured.
PIVOT: Final = 1e-9


@inner(**FUSED)
def _through_field(lam: Array, eta: Array, jac: Array, bends_y: bool, col: Array) -> None:
    """lam <- F^T lam F and eta <- F^T eta for one step in a field.

    jac : (4, 3), of the step. col : (5, 3), work space.
    """
    m0, m1, m2, m3 = (1, 0, 3, 2) if bends_y else (0, 1, 2, 3)
    lam[1, 0], lam[2, 0], lam[2, 1] = lam[0, 1], lam[0, 2], lam[1, 2]
    lam[3, 0], lam[3, 1], lam[3, 2] = lam[0, 3], lam[1, 3], lam[2, 3]
    for i in range(4):
        lam[4, i] = lam[i, 4]
    for j in range(3):
        j0, j1, j2, j3 = jac[0, j], jac[1, j], jac[2, j], jac[3, j]
        for i in range(5):
            col[i, j] = lam[i, m0] * j0 + lam[i, m1] * j1 + lam[i, m2] * j2 + lam[i, m3] * j3
    for i in range(5):
        col[i, 2] += lam[i, 4]
    e0, e1, e2 = 0.0, 0.0, eta[4]
    for row, m in ((0, m0), (1, m1), (2, m2), (3, m3)):
        e0 += jac[row, 0] * eta[m]
        e1 += jac[row, 1] * eta[m]
        e2 += jac[row, 2] * eta[m]
    eta[m2], eta[m3], eta[4] = e0, e1, e2
    for j, target in ((0, m2), (1, m3), (2, 4)):
        for m in (m0, m1):
            lam[min(m, target), max(m, target)] = col[m, j]
        c0, c1, c2, c3 = col[m0, j], col[m1, j], col[m2, j], col[m3, j]
        for i, other in ((0, m2), (1, m3), (2, 4)):
            value = jac[0, i] * c0 + jac[1, i] * c1
            value += jac[2, i] * c2 + jac[3, i] * c3
            if i == 2:
                value += col[4, j]
            lam[min(other, target), max(other, target)] = value


@inner(**FUSED)
def _through_gap(lam: Array, eta: Array, d: float) -> None:
    """lam <- F^T lam F and eta <- F^T eta for a straight step of d cm (upper triangle)."""
    l00, l01, l11 = lam[0, 0], lam[0, 1], lam[1, 1]
    l02, l03, l12, l13 = lam[0, 2], lam[0, 3], lam[1, 2], lam[1, 3]
    lam[2, 2] += d * (2.0 * l02 + d * l00)
    lam[3, 3] += d * (2.0 * l13 + d * l11)
    lam[2, 3] += d * (l03 + l12 + d * l01)
    lam[2, 4] += d * lam[0, 4]
    lam[3, 4] += d * lam[1, 4]
    lam[0, 2], lam[0, 3] = l02 + d * l00, l03 + d * l01
    lam[1, 2], lam[1, 3] = l12 + d * l01, l13 + d * l11
    eta[2] += d * eta[0]
    eta[3] += d * eta[1]


@inner(**FUSED)
def _kink(lam: Array, eta: Array, row: int, variance: float) -> float:
    """Leave a kink of this variance in slope `row` free; returns what chi^2 loses."""
    l0, l1, l2, l3, l4 = lam[0, row], lam[1, row], lam[2, row], lam[3, row], lam[row, 4]
    if row == 2:
        l3 = lam[2, 3]
    gain = variance / (1.0 + variance * lam[row, row])
    s0, s1, s2, s3 = gain * l0, gain * l1, gain * l2, gain * l3
    pull = eta[row]
    lam[0, 0] -= s0 * l0
    lam[0, 1] -= s0 * l1
    lam[0, 2] -= s0 * l2
    lam[0, 3] -= s0 * l3
    lam[0, 4] -= s0 * l4
    lam[1, 1] -= s1 * l1
    lam[1, 2] -= s1 * l2
    lam[1, 3] -= s1 * l3
    lam[1, 4] -= s1 * l4
    lam[2, 2] -= s2 * l2
    lam[2, 3] -= s2 * l3
    lam[2, 4] -= s2 * l4
    lam[3, 3] -= s3 * l3
    lam[3, 4] -= s3 * l4
    lam[4, 4] -= gain * l4 * l4
    eta[0] -= s0 * pull
    eta[1] -= s1 * pull
    eta[2] -= s2 * pull
    eta[3] -= s3 * pull
    eta[4] -= gain * l4 * pull
    return gain * pull * pull


@inner(**FUSED)
def filter_kernel(
    hits: Array, present: Mask, weight: Array, steps: Records[ArmStep], k: float, work: Work
) -> float:
    """Weight form of all measurements at the first plane; returns c, fills lam and eta of work.

    hits : (P, 2) cm. present : (P,). weight : (P,), 1/resolution^2. k : charge/momentum of the
    scattering, 0 for none. at, jac, shrink of work : of `reference_kernel`.
    """
    at, lam, eta = work.at, work.lam, work.eta
    lam[:, :] = 0.0
    eta[:] = 0.0
    total = 0.0
    p2 = 1.0 / (k * k) if k != 0.0 else 0.0
    square = (p2 + M_MU * M_MU) / (p2 * p2) if k != 0.0 else 0.0  # 1/(p beta)^2
    measured = False
    for i in range(len(steps) - 1, -1, -1):
        step = steps[i]
        if measured:
            if step.loss != 0.0:
                f = work.shrink[i]
                for j in range(4):
                    lam[j, 4] *= f
                lam[4, 4] *= f * f
                eta[4] *= f
            variance = step.power * square
            if variance > 0.0:
                total -= _kink(lam, eta, 2, variance)
                total -= _kink(lam, eta, 3, variance)
        plane = step.plane
        if plane >= 0 and present[plane]:
            w = weight[plane]
            rx, ry = hits[plane, 0] - at[plane, 0], hits[plane, 1] - at[plane, 1]
            lam[0, 0] += w
            lam[1, 1] += w
            eta[0] += w * rx
            eta[1] += w * ry
            total += w * (rx * rx + ry * ry)
            measured = True
        if measured and step.length > 0.0:
            if step.curve == 0.0:
                _through_gap(lam, eta, step.length)
            else:
                _through_field(lam, eta, work.jac[i], step.axis == 1, work.col)
    return total


@inner(**FUSED)
def _invert(lam: Array, scale: Array, n: int, cov: Array) -> None:
    """cov = inverse of the scaled matrix whose Cholesky factor is the lower triangle of lam."""
    for i in range(n):  # inverse of the factor, in place
        lam[i, i] = 1.0 / lam[i, i]
        for j in range(i):
            value = 0.0
            for m in range(j, i):
                value -= lam[i, m] * lam[m, j]
            lam[i, j] = value * lam[i, i]
    for i in range(5):
        for j in range(i + 1):
            value = 0.0
            if i < n:
                for m in range(i, n):
                    value += lam[m, i] * lam[m, j]
                value *= scale[i] * scale[j]
            cov[i, j] = value
            cov[j, i] = value


@inner(**FUSED)
def solve_kernel(work: Work, fixed: bool, cov: Array, last: bool) -> bool:
    """d = lam^-1 eta of work and, if `last`, cov = lam^-1; False where it is not measured.

    lam : upper triangle; overwritten. fixed : leave the last component out (d and its row of cov
    are 0).
    """
    lam, eta, d, scale = work.lam, work.eta, work.d, work.scale
    n = 4 if fixed else 5
    d[:] = 0.0
    for i in range(n):
        if not lam[i, i] > 0.0:
            return False
        scale[i] = 1.0 / math.sqrt(lam[i, i])
    for i in range(n):  # Cholesky factor of the scaled matrix in the lower triangle
        for j in range(i + 1):
            value = lam[j, i] * scale[i] * scale[j]
            for m in range(j):
                value -= lam[i, m] * lam[j, m]
            if i == j:
                if not value > PIVOT:
                    return False
                lam[i, i] = math.sqrt(value)
            else:
                lam[i, j] = value / lam[j, j]
    for i in range(n):
        value = eta[i] * scale[i]
        for m in range(i):
            value -= lam[i, m] * d[m]
        d[i] = value / lam[i, i]
    for i in range(n - 1, -1, -1):
        value = d[i]
        for m in range(i + 1, n):
            value -= lam[m, i] * d[m]
        d[i] = value / lam[i, i]
    for i in range(n):
        d[i] *= scale[i]
    if last:
        _invert(lam, scale, n, cov)
    return True


@inner(**FUSED)
def fit_kernel(
    hits: Array, present: Mask, recipe: Recipe, state: Array, cov: Array, work: Work
) -> float:
    """Fit one track; returns chi^2, or -1 where it cannot be fitted.

    state (5,), cov (5, 5) : receive the result. work : arrays of `work_space`.
    """
    weight, steps, bare, field, planes, iterations, fixed = recipe
    at, jac, shrink, eta, d = work.at, work.jac, work.shrink, work.eta, work.d
    first = second = -1
    for i in range(present.size):
        if present[i]:
            if first < 0:
                first = i
            elif second < 0:
                second = i
    if second < 0:
        return -1.0
    span = planes[second] - planes[first]
    back = planes[0] - planes[first]
    for j in range(2):
        slope = (hits[second, j] - hits[first, j]) / span
        state[2 + j] = slope
        state[j] = hits[first, j] + back * slope
    state[4] = fixed
    chi2 = -1.0
    for turn in range(iterations):
        now, k = (bare, 0.0) if turn == 0 else (steps, state[4])
        if not reference_kernel(state, now, field, at, jac, shrink):
            return -1.0
        chi2 = filter_kernel(hits, present, weight, now, k, work)
        if not solve_kernel(work, fixed != 0.0, cov, turn == iterations - 1):
            return -1.0
        for j in range(5):
            state[j] += d[j]
            chi2 -= eta[j] * d[j]
    return chi2 if math.isfinite(chi2) else -1.0


@njit(**FUSED)
def work_space(n_planes: int, n_steps: int) -> Work:
    """Arrays that `fit_kernel` writes in."""
    return Work(
        np.zeros((n_planes, 2)), np.zeros((n_steps, 4, 3)), np.ones(n_steps),
        np.zeros((5, 5)), np.zeros(5), np.zeros((5, 3)), np.zeros(5), np.zeros(5),
    )  # fmt: skip


@njit(**FUSED)
def _worst_hit(hits: Array, used: Mask, recipe: Recipe, work: Work) -> int:
    """The hit without which chi^2 is smallest; -1 if no fit without one succeeds."""
    state, cov, mask = np.empty(5), np.empty((5, 5)), used.copy()
    best, drop = np.inf, -1
    for i in range(used.size):
        if not used[i]:
            continue
        mask[i] = False
        value = fit_kernel(hits, mask, recipe, state, cov, work)
        mask[i] = True
        if 0.0 <= value < best:
            best, drop = value, i
    return drop


@njit(**FUSED)
def fit_loop(hits: Array, used: Mask, recipe: Recipe, removal: Removal, out: FitArrays) -> None:
    """Fit N tracks. hits : (N, P, 2). used : (N, P), loses the hits that are removed."""
    work = work_space(hits.shape[1], len(recipe.steps))
    free = 4 if recipe.fixed != 0.0 else 5
    for n in range(hits.shape[0]):
        number = 0
        for i in range(hits.shape[1]):
            number += used[n, i]
        for attempt in range(removal.most + 1):
            chi2 = fit_kernel(hits[n], used[n], recipe, out.state[n], out.covariance[n], work)
            out.chi2[n] = chi2
            ndf = 2 * number - free
            if attempt == removal.most or ndf - 2 < 1 or (0.0 <= chi2 <= removal.limit[ndf]):
                break
            drop = _worst_hit(hits[n], used[n], recipe, work)
            if drop < 0:
                break
            used[n, drop] = False
            number -= 1
            out.removed[n] += 1
        out.hits[n] = number


@njit(**FUSED)
def choose_loop(
    hits: Array,
    count: IntArray,
    recipe: Recipe,
    most: int,
    choice: IntArray,
) -> None:
    """Of all ways to take one hit per plane, the one with the smallest chi^2.

    hits : (N, P, K, 2). count : (N, P), hits in each plane. most : combinations to look at;
    events with more are left without a choice. choice : (N, P), receives the hit, -1 for none.
    """
    n_planes = hits.shape[1]
    work = work_space(n_planes, len(recipe.steps))
    state, cov = np.empty(5), np.empty((5, 5))
    one, mask = np.zeros((n_planes, 2)), np.empty(n_planes, np.bool_)
    pick = np.zeros(n_planes, np.int64)
    for n in range(hits.shape[0]):
        ways = 1
        for i in range(n_planes):
            mask[i] = count[n, i] > 0
            pick[i] = 0
            choice[n, i] = -1
            if ways <= most:
                ways *= max(count[n, i], 1)
        if ways > most:
            continue
        if ways == 1:
            for i in range(n_planes):
                choice[n, i] = min(count[n, i], 1) - 1
            continue
        best = np.inf
        for _ in range(ways):
            for i in range(n_planes):
                one[i] = hits[n, i, pick[i]]
            value = fit_kernel(one, mask, recipe, state, cov, work)
            if 0.0 <= value < best:
                best = value
                for i in range(n_planes):
                    choice[n, i] = pick[i] if mask[i] else -1
            i = 0
            while i < n_planes:
                pick[i] += 1
                if pick[i] < count[n, i]:
                    break
                pick[i] = 0
                i += 1
