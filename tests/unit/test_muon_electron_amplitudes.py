"""Closed forms of mu e -> mu e (+ V) against explicit Dirac spinors at random momenta."""

from __future__ import annotations

import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU
from mutau.reactions import muon_electron_amplitudes as amplitudes
from mutau.reactions.muon_electron_scalars import scalar_kernel

pytestmark = pytest.mark.compiled

S2, E2, M2MU = 2.0 * M_E * 150.0, M_E**2, M_MU**2
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])

_SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], complex)
_ONE, _ZERO = np.eye(2), np.zeros((2, 2))
GAMMA = np.array(
    [np.block([[_ONE, _ZERO], [_ZERO, -_ONE]])]
    + [np.block([[_ZERO, s], [-s, _ZERO]]) for s in _SIGMA]
)
GAMMA5 = np.block([[_ZERO, _ONE], [_ONE, _ZERO]]).astype(complex)


def slash(p):
    return np.einsum("m,mij->ij", METRIC @ p, GAMMA)


def spinors(p, mass):
    """Both u(p), shape (2, 4): (p-slash + m) on rest spinors, normalised to u-bar u = 2 m."""
    low = np.vstack([np.eye(2), np.zeros((2, 2))])
    return (((slash(p) + mass * np.eye(4)) @ low) / np.sqrt(p[0] + mass)).T


def bar(u):
    return u.conj() @ GAMMA[0]


def momentum(rng, mass, size):
    vector = rng.normal(size=3) * size
    return np.array([np.sqrt(mass**2 + vector @ vector), *vector])


def boosted(p, beta):
    gamma = 1.0 / np.sqrt(1.0 - beta @ beta)
    along = p[1:] @ beta
    space = p[1:] + beta * (gamma * gamma / (1.0 + gamma) * along + gamma * p[0])
    return np.array([gamma * (p[0] + along), *space])


def two_body(rng, total, m_a, m_b):
    """Isotropic decay of the four-vector `total`."""
    w2 = total @ METRIC @ total
    w = np.sqrt(w2)
    e_a = (w2 + m_a**2 - m_b**2) / (2.0 * w)
    n = rng.normal(size=3)
    n *= np.sqrt(e_a**2 - m_a**2) / np.linalg.norm(n)
    beta = total[1:] / total[0]
    a = boosted(np.array([e_a, *n]), beta)
    return a, total - a


def final_state(rng, v_mass, s=S2 + E2 + M2MU):
    """p1, p2, p3, p4, k in the centre of mass, none of them along an axis."""
    w = np.sqrt(s)
    total = np.array([w, 0.0, 0.0, 0.0])
    p1, p2 = two_body(rng, total, M_MU, M_E)
    pair = M_MU + v_mass + (w - M_MU - v_mass - M_E) * rng.uniform(0.05, 0.95)
    muon_v, p4 = two_body(rng, total, pair, M_E)
    p3, k = two_body(rng, muon_v, M_MU, v_mass)
    return p1, p2, p3, p4, k


def dot(a, b):
    return a @ METRIC @ b


def invariants(p1, p2, p3, p4, k):
    """S, te, tm, sm, se of the module, from momenta in the centre of mass."""
    M2 = dot(k, k)
    te, tm = 2.0 * E2 - 2.0 * dot(p2, p4), 2.0 * M2MU - 2.0 * dot(p1, p3)
    return 2.0 * dot(p1, p2), te, tm, 2.0 * dot(p3, k) + M2, 2.0 * dot(p4, k) + M2


def point(momenta, M2):
    """Invariants as kernels take them."""
    return amplitudes.Invariants(*map(float, invariants(*momenta)), M2MU, E2, M2)


def elastic(S, t):
    """|M|^2 over e^4 of mu e -> mu e."""
    return 2.0 * amplitudes.elastic_numerator(S, t, M2MU, E2) / t**2


def emitting_line(p, q, k, mass, vertex, spin_in, spin_out):
    """u-bar(q) Gamma^{a m} u(p): (2, 2, 4, 4) = spins out, in, index of V, index of the photon.

    vertex : (4, 4, 4), the matrices with which V couples.
    """
    one = mass * np.eye(4)
    after = (slash(q + k) + one) / (dot(q + k, q + k) - mass**2)
    before = (slash(p - k) + one) / (dot(p - k, p - k) - mass**2)
    gamma = np.einsum("aij,jk,mkl->amil", vertex, after, GAMMA) + np.einsum(
        "mij,jk,akl->amil", GAMMA, before, vertex
    )
    return np.einsum("xi,amil,yl->xyam", bar(spin_out), gamma, spin_in)


def current(spin_in, spin_out):
    return np.einsum("xi,mij,yj->xym", bar(spin_out), GAMMA, spin_in)


def amplitude(momenta, vertex_muon, vertex_electron):
    """M^a for all spins over e^2, shape (2, 2, 2, 2, 4)."""
    p1, p2, p3, p4, k = momenta
    u1, u3, u2, u4 = spinors(p1, M_MU), spinors(p3, M_MU), spinors(p2, M_E), spinors(p4, M_E)
    te, tm = dot(p2 - p4, p2 - p4), dot(p1 - p3, p1 - p3)
    muon = emitting_line(p1, p3, k, M_MU, vertex_muon, u1, u3)
    electron = emitting_line(p2, p4, k, M_E, vertex_electron, u2, u4)
    return (
        np.einsum("xyam,mn,zwn->xyzwa", muon, METRIC, current(u2, u4)) / te
        + np.einsum("xym,mn,zwan->xyzwa", current(u1, u3), METRIC, electron) / tm
    )


def squared(m, tensor):
    """1/4 sum over spins of M^a M^b* tensor_ab (indices lowered)."""
    low = METRIC @ tensor @ METRIC
    return 0.25 * np.einsum("xyzwa,ab,xyzwb->", m, low, m.conj()).real


def test_elastic_matches_spinors():
    rng = np.random.default_rng(11)
    for _ in range(20):
        total = np.array([np.sqrt(S2 + E2 + M2MU), 0.0, 0.0, 0.0])
        p1, p2 = two_body(rng, total, M_MU, M_E)
        p3, p4 = two_body(rng, total, M_MU, M_E)
        muon = current(spinors(p1, M_MU), spinors(p3, M_MU))
        electron = current(spinors(p2, M_E), spinors(p4, M_E))
        t = dot(p2 - p4, p2 - p4)
        m = np.einsum("xym,mn,zwn->xyzw", muon, METRIC, electron) / t
        explicit = 0.25 * np.sum(np.abs(m) ** 2)
        assert elastic(2.0 * dot(p1, p2), t) == pytest.approx(explicit, rel=1e-10)


@pytest.mark.parametrize("v_mass", [0.001, 0.01, 0.1, 0.25])
def test_zprime_off_the_muon_matches_spinors(v_mass):
    rng = np.random.default_rng(int(1e4 * v_mass))
    for _ in range(20):
        momenta = final_state(rng, v_mass)
        k = momenta[4]
        m = amplitude(momenta, GAMMA, 0.0 * GAMMA)
        explicit = squared(m, -METRIC + np.outer(k, k) / v_mass**2)
        value = amplitudes.zprime_kernel(point(momenta, v_mass**2))
        assert value == pytest.approx(explicit, rel=1e-10)


@pytest.mark.parametrize("couplings", [(1.0, 1.0), (1.0, -1.0), (0.3, 2.0), (0.0, 1.0)])
@pytest.mark.parametrize("v_mass", [0.02, 0.15])
def test_vector_off_both_lines_matches_spinors(couplings, v_mass):
    rng = np.random.default_rng(5)
    for _ in range(10):
        momenta = final_state(rng, v_mass)
        k = momenta[4]
        m = amplitude(momenta, couplings[0] * GAMMA, couplings[1] * GAMMA)
        explicit = squared(m, -METRIC + np.outer(k, k) / v_mass**2)
        value = amplitudes.emission_kernel(point(momenta, v_mass**2), *couplings)
        assert value == pytest.approx(explicit, rel=1e-10)


@pytest.mark.parametrize("couplings", [(1.0, 1.0), (1.0, -1.0)])
def test_photon_equals_the_two_transverse_polarisations(couplings):
    """Holds only if k.M = 0 (Ward identity), which is also asked of the spinors directly."""
    rng = np.random.default_rng(6)
    for _ in range(10):
        momenta = final_state(rng, 0.0)
        k = momenta[4]
        m = amplitude(momenta, couplings[0] * GAMMA, couplings[1] * GAMMA)
        scale = np.sqrt(np.sum(np.abs(m) ** 2))
        assert np.max(np.abs(m @ (METRIC @ k))) < 1e-12 * scale
        n = k[1:] / k[0]
        transverse = np.zeros((4, 4))
        transverse[1:, 1:] = np.eye(3) - np.outer(n, n)
        value = amplitudes.emission_kernel(point(momenta, 0.0), *couplings)
        assert value == pytest.approx(squared(m, transverse), rel=1e-10)


@pytest.mark.parametrize("charge", [1.0, -1.0])
def test_soft_photon_limit_is_the_eikonal_factor(charge):
    """|M|^2 -> |M_elastic|^2 x -(sum of charges x p/(p.k))^2, corrections of order k."""
    rng = np.random.default_rng(7)
    total = np.array([np.sqrt(S2 + E2 + M2MU), 0.0, 0.0, 0.0])
    p1, p2 = two_body(rng, total, M_MU, M_E)
    deviations = []
    for energy in (1e-5, 1e-6):
        n = np.array([0.36, 0.48, 0.8])
        k = energy * np.array([1.0, *n])
        rest = total - k
        p3, p4 = two_body(np.random.default_rng(8), rest, M_MU, M_E)
        momenta = p1, p2, p3, p4, k
        x1, x2, x3, x4 = (dot(p, k) for p in momenta[:4])
        j = charge * (p3 / x3 - p1 / x1) + p4 / x4 - p2 / x2
        t = 2.0 * E2 - 2.0 * dot(p2, p4)
        soft = -dot(j, j) * elastic(2.0 * dot(p1, p2), t)
        value = amplitudes.emission_kernel(point(momenta, 0.0), charge, 1.0)
        deviations.append(abs(value / soft - 1.0))
    assert deviations[0] < 1e-2
    assert deviations[1] < 0.2 * deviations[0]


def test_interference_changes_sign_with_the_charge_of_the_beam():
    rng = np.random.default_rng(9)
    momenta = final_state(rng, 0.0)
    x = point(momenta, 0.0)
    same = amplitudes.emission_kernel(x, 1.0, 1.0)
    opposite = amplitudes.emission_kernel(x, -1.0, 1.0)
    muon, electron = (
        amplitudes.emission_kernel(x, 1.0, 0.0),
        amplitudes.emission_kernel(x, 0.0, 1.0),
    )
    assert 0.5 * (same + opposite) == pytest.approx(muon + electron, rel=1e-12)
    assert abs(same - opposite) > 1e-3 * (muon + electron)


def test_lines_can_be_exchanged():
    """The reaction does not know which lepton is called muon: swap masses, t and couplings."""
    rng = np.random.default_rng(10)
    S, te, tm, sm, se = invariants(*final_state(rng, 0.03))
    M2 = 0.03**2
    direct = amplitudes.emission_kernel(
        amplitudes.Invariants(S, te, tm, sm, se, M2MU, E2, M2), 0.7, 1.3
    )
    swapped = amplitudes.emission_kernel(
        amplitudes.Invariants(S, tm, te, se, sm, E2, M2MU, M2), 1.3, 0.7
    )
    assert swapped == pytest.approx(direct, rel=1e-11)
    direct = amplitudes.axial_kernel(
        amplitudes.Invariants(S, te, tm, sm, se, M2MU, E2, M2), 0.7, 1.3
    )
    swapped = amplitudes.axial_kernel(
        amplitudes.Invariants(S, tm, te, se, sm, E2, M2MU, M2), 1.3, 0.7
    )
    assert swapped == pytest.approx(direct, rel=1e-11)


@pytest.mark.parametrize("couplings", [(1.0, 0.0), (0.0, 1.0), (0.8, -0.5)])
@pytest.mark.parametrize("v_mass", [0.004, 0.06, 0.2])
def test_axial_vector_matches_spinors(couplings, v_mass):
    rng = np.random.default_rng(12)
    axial = GAMMA @ GAMMA5
    for _ in range(10):
        momenta = final_state(rng, v_mass)
        k = momenta[4]
        m = amplitude(momenta, couplings[0] * axial, couplings[1] * axial)
        explicit = squared(m, -METRIC + np.outer(k, k) / v_mass**2)
        value = amplitudes.axial_kernel(point(momenta, v_mass**2), *couplings)
        assert value == pytest.approx(explicit, rel=1e-10)


@pytest.mark.parametrize("couplings", [(1.0, 0.0), (0.0, 1.0), (0.8, -0.5)])
@pytest.mark.parametrize("v_mass", [0.004, 0.06, 0.2])
@pytest.mark.parametrize("kind", ["scalar", "pseudoscalar"])
def test_spin_zero_matches_spinors(kind, couplings, v_mass):
    """Both lines and their interference, which is of the order of both masses."""
    rng = np.random.default_rng(14)
    matrix = np.eye(4) if kind == "scalar" else 1j * GAMMA5
    vertex = np.zeros((4, 4, 4), complex)
    vertex[0] = matrix  # one "polarisation"
    only = np.diag([1.0, 0.0, 0.0, 0.0])
    four = (*couplings, 0.0, 0.0) if kind == "scalar" else (0.0, 0.0, *couplings)
    for _ in range(10):
        momenta = final_state(rng, v_mass)
        explicit = squared(amplitude(momenta, couplings[0] * vertex, couplings[1] * vertex), only)
        value = scalar_kernel(point(momenta, v_mass**2), *four)
        assert value == pytest.approx(explicit, rel=1e-9)


def test_interference_of_spin_zero_is_resolved():
    """The test above would not see an interference below its tolerance."""
    rng = np.random.default_rng(15)
    for four in ((0.8, -0.5, 0.0, 0.0), (0.0, 0.0, 0.8, -0.5)):
        x = point(final_state(rng, 0.06), 0.06**2)
        mirrored = (four[0], -four[1], four[2], -four[3])
        assert scalar_kernel(x, *four) != pytest.approx(scalar_kernel(x, *mirrored), rel=1e-6)


@pytest.mark.parametrize("flavour", ["nu_e", "nu_mu", "nu_tau"])
def test_neutrino_pairs_integrate_to_a_massive_vector(flavour):
    """2 -> 4 spinors with left-handed neutrinos, averaged over the pair's directions.

    The neutrinos' tensor is of degree 2 in their direction, so the six half axes of their rest
    frame average it exactly. Phase space of the pair: 1 / (8 pi). Expected, times e^4:
    (G_F^2 / 2) (q^2 / 3 pi) x |M(mu e -> mu e V)|^2 with V of mass^2 = q^2.
    """
    from mutau.core.constants import G_F
    from mutau.reactions.muon_electron import neutrino_couplings

    v_mu, v_e, a_mu, a_e = neutrino_couplings()[flavour]
    left = np.eye(4) - GAMMA5
    rng = np.random.default_rng(13)
    for q in (0.01, 0.12):
        momenta = final_state(rng, q)
        k = momenta[4]
        m = amplitude(
            momenta,
            v_mu * GAMMA - a_mu * GAMMA @ GAMMA5,
            v_e * GAMMA - a_e * GAMMA @ GAMMA5,
        )
        explicit = 0.0
        for axis in np.vstack([np.eye(3), -np.eye(3)]):
            k1 = boosted(0.5 * q * np.array([1.0, *axis]), k[1:] / k[0])
            k2 = k - k1
            chain = [slash(k1) @ g @ left @ slash(k2) for g in GAMMA]
            tensor = np.array([[np.trace(c @ g @ left) for g in GAMMA] for c in chain])
            low = METRIC @ tensor @ METRIC
            # N^{ba}: the pair's factor is conjugate to the leptons'
            explicit += 0.25 * np.einsum("xyzwa,ab,xyzwb->", m, low, m.conj()).real / 6.0
        explicit *= 0.5 * G_F**2 / (8.0 * np.pi)
        x = point(momenta, q * q)
        closed = amplitudes.emission_kernel(x, v_mu, v_e) + amplitudes.axial_kernel(x, a_mu, a_e)
        closed *= 0.5 * G_F**2 * q * q / (3.0 * np.pi)
        assert closed == pytest.approx(explicit, rel=1e-10)
