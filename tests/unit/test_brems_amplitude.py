"""Squared amplitude of l N -> l N X, of any kind, against explicit Dirac traces in 60 digits."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU, M_U
from mutau.reactions import bremsstrahlung_kernels as kernels
from mutau.reactions.bosons import KINDS, VECTOR

pytestmark = pytest.mark.compiled

DIGITS = 60
METRIC = (1, -1, -1, -1)
OURS = ("vector", "axial-vector", "scalar", "pseudoscalar")


def _gamma_matrices():
    """The four Dirac matrices, upper index, in the Dirac representation."""
    i = mp.mpc(0, 1)
    pauli = [
        mp.matrix([[0, 1], [1, 0]]),
        mp.matrix([[0, -i], [i, 0]]),
        mp.matrix([[1, 0], [0, -1]]),
    ]
    g0 = mp.diag([1, 1, -1, -1])
    out = [g0]
    for sigma in pauli:
        g = mp.zeros(4)
        for row in range(2):
            for col in range(2):
                g[row, col + 2] = sigma[row, col]
                g[row + 2, col] = -sigma[row, col]
        out.append(g)
    return out


GAMMA = _gamma_matrices()


#: i gamma^0 gamma^1 gamma^2 gamma^3.
GAMMA5 = mp.mpc(0, 1) * GAMMA[0] * GAMMA[1] * GAMMA[2] * GAMMA[3]


def _dot(a, b):
    return sum(METRIC[i] * a[i] * b[i] for i in range(4))


def _slash(a):
    total = mp.zeros(4)
    for i in range(4):
        total += METRIC[i] * a[i] * GAMMA[i]
    return total


def _momenta(energy, m_l, mass, nucleus, x, u, t, cos_phi):
    """p, k, p', P_i, P_f in the laboratory from the kernel's own variables, in high precision."""
    energy, m_l, mass, nucleus, x, u, t = (
        mp.mpf(value) for value in (energy, m_l, mass, nucleus, x, u, t)
    )
    p_abs = mp.sqrt(energy**2 - m_l**2)
    k_0 = x * energy
    k_abs = mp.sqrt(k_0**2 - mass**2)
    cos_k = (energy * k_0 - (u + mass**2) / 2) / (p_abs * k_abs)
    sin_k = mp.sqrt(1 - cos_k**2)
    p = [energy, 0, 0, p_abs]
    k = [k_0, k_abs * sin_k, 0, k_abs * cos_k]
    v = [p[i] - k[i] for i in range(4)]
    v_abs = mp.sqrt(v[1] ** 2 + v[3] ** 2)
    q_0 = -t / (2 * nucleus)
    along = -(t * (1 + v[0] / nucleus) + u) / (2 * v_abs)
    across = mp.sqrt(q_0**2 + t - along**2)
    # unit vectors: along V; in the emission plane, on the side of k; out of the plane
    e_along = (v[1] / v_abs, v[3] / v_abs)
    e_plane = (e_along[1], -e_along[0])
    if k[1] * e_plane[0] + k[3] * e_plane[1] < 0:
        e_plane = (-e_plane[0], -e_plane[1])
    in_plane = across * mp.mpf(cos_phi)
    out_of_plane = across * mp.sqrt(1 - mp.mpf(cos_phi) ** 2)
    q = [
        q_0,
        along * e_along[0] + in_plane * e_plane[0],
        out_of_plane,
        along * e_along[1] + in_plane * e_plane[1],
    ]
    p_out = [v[i] + q[i] for i in range(4)]
    rest = [nucleus, 0, 0, 0]
    recoil = [rest[i] - q[i] for i in range(4)]
    return p, k, p_out, rest, recoil


def _vertex(alpha, photon, p, k, p_out, m_l):
    """gamma^alpha and slash(photon) between p and p', both orders, with their propagators."""
    one = mp.eye(4)
    late = [p_out[i] + k[i] for i in range(4)]
    early = [p[i] - k[i] for i in range(4)]
    first = alpha * (_slash(late) + m_l * one) * photon / (_dot(late, late) - m_l**2)
    second = photon * (_slash(early) + m_l * one) * alpha / (_dot(early, early) - m_l**2)
    return first + second


def _bar(matrix):
    return GAMMA[0] * matrix.H * GAMMA[0]


def _couplings(kind, k):
    """Matrices with which the boson couples, each with its weight in the sum over polarisations:
    -g + k k/m^2 for spin 1."""
    if kind == "scalar":
        return [(mp.eye(4), 1)]
    if kind == "pseudoscalar":
        return [(mp.mpc(0, 1) * GAMMA5, 1)]
    chiral = GAMMA5 if kind == "axial-vector" else mp.eye(4)
    along = _slash(k) * chiral
    gauge = [(GAMMA[i] * chiral, -METRIC[i]) for i in range(4)]
    return [*gauge, (along, 1 / _dot(k, k))]


def _trace_amplitude(p, k, p_out, current, m_l, kind="vector"):
    """(1/2) sum over spins and polarisations of |ubar' (...) u|^2, from the trace itself."""
    m_l = mp.mpf(m_l)
    one = mp.eye(4)
    photon = _slash(current)
    total = mp.mpf(0)
    for matrix, weight in _couplings(kind, k):
        vertex = _vertex(matrix, photon, p, k, p_out, m_l)
        product = (_slash(p_out) + m_l * one) * vertex * (_slash(p) + m_l * one) * _bar(vertex)
        trace = sum(product[i, i] for i in range(4))
        total += weight * mp.re(trace)
    return total / 2


def _of(kind, m_l, mass):
    return kernels.strengths(KINDS[kind], m_l, mass)


def _random_points(seed, n):
    """Points over the whole allowed region: both leptons, light and heavy Z', all scales of t."""
    rng = np.random.default_rng(seed)
    points = []
    while len(points) < n:
        m_l = M_E if rng.random() < 0.5 else M_MU
        energy = 10.0 ** rng.uniform(0.5, 3.0)
        mass = 10.0 ** (rng.uniform(-6.0, 0.0) if m_l == M_E else rng.uniform(-3.0, 0.0))
        nucleus = rng.choice([12.0, 207.2]) * M_U
        w = 10.0 ** rng.uniform(-3.0, 3.0)
        x, x_bar = w / (1.0 + w), 1.0 / (1.0 + w)
        low, high = kernels.u_limits(energy, m_l, mass, nucleus, x, x_bar)
        if not high > low * 1.0001:
            continue
        u = low * (high / low) ** rng.uniform(0.001, 0.5)
        em = kernels.emission(energy, m_l, mass, nucleus, x, x_bar, u, u - low)
        t_min, t_max = em.t_min, em.t_max
        if not t_max > t_min * 1.01:
            continue
        t = t_min * (t_max / t_min) ** rng.uniform(0.001, 0.95)
        points.append((energy, m_l, mass, nucleus, x, x_bar, u, low, t, rng.uniform(-1.0, 1.0)))
    return points


def _kernel_parts(point):
    """Kernel tuples at a point, fed with exact differences, since the test owns the digits."""
    energy, m_l, mass, nucleus, x, _x_bar, u, _, t, _ = point
    with mp.workdps(DIGITS):
        e, ml, m, big = (mp.mpf(v) for v in (energy, m_l, mass, nucleus))
        p_abs = mp.sqrt(e**2 - ml**2)
        k_0 = mp.mpf(x) * e
        k_abs = mp.sqrt(k_0**2 - m**2)
        u_excess = mp.mpf(u) - (2 * (e * k_0 - p_abs * k_abs) - m**2)
        v_0 = e - k_0
        v_2 = v_0**2 - ml**2 + mp.mpf(u)
        square = 1 + 2 * v_0 / big + (ml**2 - mp.mpf(u)) / big**2
        half = 2 * v_2 - mp.mpf(u) * (1 + v_0 / big)
        t_max = (half + mp.sqrt(half**2 - square * mp.mpf(u) ** 2)) / square
        t_excess = mp.mpf(t) - mp.mpf(u) ** 2 / (square * t_max)
    em = kernels.emission(energy, m_l, mass, nucleus, x, float(1 - mp.mpf(x)), u, float(u_excess))
    return em, kernels.exchange(m_l, mass, nucleus, u, em, t, float(t_excess))


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize("point", _random_points(7, 20))
def test_amplitude_equals_dirac_trace(point, kind):
    """Kernel and trace agree to 1e-10 at random points, the current being the nucleus's own."""
    energy, m_l, mass, nucleus, x, _, u, _, t, cos_phi = point
    _em, ex = _kernel_parts(point)
    ours = (
        kernels.amplitude_at(_of(kind, m_l, mass), nucleus, u, t, ex, cos_phi)
        * (2 * nucleus / ex.q_minus) ** 2
    )
    with mp.workdps(DIGITS):
        p, k, p_out, rest, recoil = _momenta(energy, m_l, mass, nucleus, x, u, t, cos_phi)
        assert abs(_dot(p_out, p_out) - mp.mpf(m_l) ** 2) < mp.mpf(10) ** -45
        current = [rest[i] + recoil[i] for i in range(4)]
        trace = float(_trace_amplitude(p, k, p_out, current, m_l, kind))
    # what is left where the flip of helicity cancels against the pole is known less well
    assert ours == pytest.approx(trace, rel=1e-10 if kind == "vector" else 1e-8)


def test_ward_identities():
    """The amplitude vanishes when the Z' polarisation is k, or the photon's is q."""
    for point in _random_points(11, 3):
        energy, m_l, mass, nucleus, x, _, u, _, t, cos_phi = point
        with mp.workdps(DIGITS):
            p, k, p_out, rest, recoil = _momenta(energy, m_l, mass, nucleus, x, u, t, cos_phi)
            current = [rest[i] + recoil[i] for i in range(4)]
            q = [rest[i] - recoil[i] for i in range(4)]
            ml, one = mp.mpf(m_l), mp.eye(4)
            left, right = _slash(p_out) + ml * one, _slash(p) + ml * one
            pairs = ((_slash(k), _slash(current)), (GAMMA[2], _slash(q)))
            for alpha, photon in pairs:
                whole = left * _vertex(alpha, photon, p, k, p_out, ml) * right
                part = left * alpha * (_slash(p) - _slash(k) + ml * one) * photon * right
                size = mp.mnorm(part, 1) / abs(mass**2 - u - mass**2)
                assert mp.mnorm(whole, 1) < mp.mpf(10) ** -35 * size


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize("point", _random_points(13, 15))
def test_azimuth_mean_is_the_average(point, kind):
    """The closed-form mean over phi equals a trapezoidal sum, which converges exponentially."""
    _, m_l, mass, nucleus, _, _, u, _, t, _ = point
    _, ex = _kernel_parts(point)
    f = _of(kind, m_l, mass)
    mean = kernels.amplitude_mean(f, nucleus, u, t, ex)
    # a Moebius map of the angle takes out the pole 1/s, so 4000 points are enough for any point
    s_low, s_high = ex[3], ex[3] + 4.0 * ex[2]
    stretch = np.sqrt(s_low / s_high)
    n = 4000
    psi = (np.arange(n) + 0.5) * np.pi / n
    half = np.arctan2(stretch * np.sin(0.5 * psi), np.cos(0.5 * psi))
    weight = stretch / (np.cos(0.5 * psi) ** 2 + stretch**2 * np.sin(0.5 * psi) ** 2)
    values = [
        kernels.amplitude_at(f, nucleus, u, t, ex, float(np.cos(2.0 * angle))) for angle in half
    ]
    assert mean == pytest.approx(float(np.mean(np.array(values) * weight)), rel=1e-9)


def test_strengths_of_a_vector():
    """Bits of the plain formula: weights of 0 and 1 change nothing."""
    f = kernels.strengths(VECTOR, M_MU, 0.3)
    assert f == (1.0, 0.3 * 0.3, 0.0, 2.0 * (0.3 * 0.3 + 2.0 * M_MU * M_MU))
