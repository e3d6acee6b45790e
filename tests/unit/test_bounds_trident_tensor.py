"""The trident kernel against Dirac matrices, point by point; its parts against plain quadrature."""

import math

import numpy as np
import pytest

from mutau.bounds.trident import _nucleus
from mutau.bounds.trident_kernels import (
    angle_weights,
    densities,
    nuclear_tensor,
    pair_tensors,
    q2_range,
    response,
    y_bottom,
    y_top,
)
from mutau.core.constants import M_MU

pytestmark = pytest.mark.compiled

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
ZERO, ONE = np.zeros((2, 2)), np.eye(2)
PAULI = [
    np.array([[0, 1], [1, 0]], complex),
    np.array([[0, -1j], [1j, 0]]),
    np.diag([1.0 + 0j, -1.0]),
]
GAMMA = np.array(
    [np.block([[ONE, ZERO], [ZERO, -ONE]]).astype(complex)]
    + [np.block([[ZERO, s], [-s, ZERO]]) for s in PAULI]
)
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]


def slash(p):
    return np.einsum("i,ij,jkl->kl", p, METRIC, GAMMA)


def dot(a, b):
    return a @ METRIC @ b


def by_traces(k, k_out, minus, plus, q, nuclear, axial):
    """L H T T* with explicit traces; T holds both diagrams and both propagators."""
    vertex = GAMMA5 if axial else np.eye(4)
    unit = M_MU * np.eye(4)
    first, second = minus - q, q - plus
    t = np.empty((4, 4, 4, 4), complex)
    for a in range(4):
        for u in range(4):
            t[a, u] = GAMMA[u] @ (slash(first) + unit) @ GAMMA[a] @ vertex / (
                dot(first, first) - M_MU**2
            ) + GAMMA[a] @ vertex @ (slash(second) + unit) @ GAMMA[u] / (
                dot(second, second) - M_MU**2
            )
    left = np.eye(4) - GAMMA5
    lepton = np.array(
        [
            [
                np.trace(slash(k_out) @ GAMMA[a] @ left @ slash(k) @ GAMMA[b] @ left)
                for b in range(4)
            ]
            for a in range(4)
        ]
    )
    barred = np.einsum("ij,abkj,kl->abil", GAMMA[0], t.conj(), GAMMA[0])
    pair = np.einsum("ij,amjk,kl,bnli->abmn", slash(minus) + unit, t, slash(plus) - unit, barred)
    lower = METRIC @ lepton @ METRIC
    return np.einsum("ab,mn,abmn->", lower, METRIC @ nuclear @ METRIC, pair)


def point(kappa2, q2, w2, y, energy, mass):
    """Momenta in the pair's rest frame (K along z) and the nuclear tensor averaged by hand."""
    w, nu = math.sqrt(w2), 0.5 * (w2 + kappa2 + q2)
    p = math.sqrt(nu**2 - kappa2 * q2) / w
    k0 = 0.5 * (w2 - kappa2 + q2) / w
    current, q = np.array([k0, 0, 0, p]), np.array([w - k0, 0, 0, -p])
    n0 = math.sqrt(kappa2) * (y - nu) / (p * w)
    longitudinal = np.array([p, 0, 0, k0]) / math.sqrt(kappa2)
    n = n0 * longitudinal + np.array([0, math.sqrt(n0**2 - kappa2), 0, 0])
    k, k_out = 0.5 * (n + current), 0.5 * (n - current)
    # P = alpha k + beta q + what is normal to both; P.k and P.q = q^2/2 are known.
    alpha, beta = np.linalg.solve([[0, 0.5 * y], [0.5 * y, -q2]], [mass * energy, -0.5 * q2])
    along = alpha * k + beta * q
    normal2 = dot(along, along) - mass**2
    basis = []
    for trial in (np.array([0, 1.0, 0.3, 0]), np.array([0, 0, 1.0, 0])):
        c = np.linalg.solve(
            [[dot(k, k), dot(k, q)], [dot(k, q), dot(q, q)]], [dot(trial, k), dot(trial, q)]
        )
        v = trial - c[0] * k - c[1] * q
        for b in basis:
            v = v + dot(v, b) * b
        basis.append(v / math.sqrt(-dot(v, v)))
    nuclear = np.outer(along, along) + 0.5 * normal2 * sum(np.outer(b, b) for b in basis)
    return k, k_out, q, nuclear


@pytest.mark.parametrize(
    "args",
    [
        (0.3, 0.02, 0.2, 1.7, 20.0, 20.0),
        (0.01, 0.05, 0.06, 0.4, 20.0, 20.0),
        (2.0, 0.5, 1.0, 9.0, 40.0, 40.0),
    ],
)
def test_contracted_tensors_against_dirac_matrices(args):
    kappa2, q2, w2, y, energy, mass = args
    k, k_out, q, nuclear = point(*args)
    e = 0.5 * math.sqrt(w2)
    momentum = math.sqrt(e * e - M_MU**2)
    exact = np.zeros(2)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    for c, weight in zip(nodes, weights, strict=True):
        s = math.sqrt(1.0 - c * c)
        for phi in 2.0 * np.pi * np.arange(6) / 6.0:  # a polynomial of degree 4 in cos, sin phi
            d = momentum * np.array([s * math.cos(phi), s * math.sin(phi), c])
            minus, plus = np.concatenate([[e], d]), np.concatenate([[e], -d])
            for axial in (0, 1):
                value = by_traces(k, k_out, minus, plus, q, nuclear, axial)
                assert abs(value.imag) < 1e-6 * abs(value.real)
                exact[axial] += weight * value.real / 6.0
    filled = np.empty(8)
    a, b = nuclear_tensor(q2, y, energy, mass, 1.0, 0.0)
    assert densities(kappa2, q2, w2, y, a, b, filled) > 0.0
    ours = pair_tensors(kappa2, q2, w2, y, M_MU, filled)
    np.testing.assert_allclose(ours, exact, rtol=1e-9)


@pytest.mark.parametrize("x2", [0.0, 0.01, 0.039, 0.041, 0.5, 0.99])
def test_angle_weights_are_exact_for_quartics(x2):
    nodes, weights = np.polynomial.legendre.leggauss(400)
    w = angle_weights(x2, 1.0 - x2)
    for power in (0, 1, 2):
        plain = weights @ (nodes ** (2 * power) / (1.0 - x2 * nodes**2) ** 2)
        ours = w[0] * 0.0**power + w[1] * 0.5**power + w[2]
        assert ours == pytest.approx(plain, rel=1e-9)


def test_charge_form_factor_has_the_measured_radius():
    # G2 = z^2 (1 - <r^2> t/3 + ...) far above the screening, <r^2>^(1/2) = 3.7377 fm for iron
    _, iron = _nucleus("Fe", "fermi")
    iron[2] = 0.0
    t = 1e-5
    radius2 = 3.0 * (1.0 - response(t, iron)[0] / 26.0**2) / t * 0.1973269804**2
    assert math.sqrt(radius2) == pytest.approx(3.7377, rel=1e-3)
    assert response(1e-9, iron)[0] == pytest.approx(676.0, rel=1e-5)


def test_nucleons_by_hand():
    proton = np.array([2.0, 1.0, 0.0, 0.0, 2.79284734463, -1.913])
    t = 0.5
    tau = t / (4.0 * 0.93827208943**2)
    dipole2 = (1.0 + t / 0.71) ** -4
    electric, magnetic = response(t, proton)
    assert magnetic == pytest.approx(2.79284734463**2 * dipole2, rel=1e-12)
    assert electric == pytest.approx((dipole2 + tau * magnetic) / (1.0 + tau), rel=1e-12)
    blocked = proton.copy()
    blocked[3] = 0.235
    small = 1e-6  # |q| = 1 MeV: 3/2 of |q|/(2 k_F)
    assert response(small, blocked)[0] / response(small, proton)[0] == pytest.approx(
        1.5e-3 / 0.47, rel=1e-3
    )
    assert response(0.3, blocked) == response(0.3, proton)  # beyond 2 k_F nothing is blocked


def test_limits_of_phase_space():
    kappa2, energy, mass = 0.05, 20.0, 52.0
    low, high = q2_range(kappa2, energy, mass, M_MU, 4.0)
    assert y_top(low, energy, mass) == pytest.approx(y_bottom(low, kappa2, M_MU), rel=1e-9)
    assert high == 4.0
    assert q2_range(1e3, 1.0, mass, M_MU, 4.0) == (0.0, 0.0)
    # at y_top the nucleus has no transverse momentum left: a = 0
    a, b = nuclear_tensor(0.1, y_top(0.1, energy, mass), energy, mass, 1.0, 0.0)
    assert abs(a) < 1e-9 * mass**2
    assert b > 0.0
    # threshold on a heavy target: s = (M + 2 m)^2
    threshold = 2.0 * M_MU * (1.0 + M_MU / mass)
    assert q2_range(1e-9, 0.98 * threshold, mass, M_MU, 4.0) == (0.0, 0.0)
    assert q2_range(1e-9, 1.02 * threshold, mass, M_MU, 4.0)[1] > 0.0
