"""Kinematics of muon on electron against energy and momentum conservation written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import OutOfRange
from mutau.reactions import muon_electron_kinematics as kinematics

E1 = 150.0


@pytest.mark.parametrize("energy", [1.0, 150.0, 160.0])
def test_elastic_angles_balance_momentum(energy):
    p1 = math.sqrt(energy**2 - M_MU**2)
    theta_e = np.array([1e-4, 3e-3, 0.02, 0.3, 1.2])
    e4 = kinematics.elastic_electron_energy(theta_e, energy)
    theta_mu = kinematics.elastic_muon_angle(theta_e, energy)
    p4 = np.sqrt(e4**2 - M_E**2)
    p3 = np.sqrt((energy + M_E - e4) ** 2 - M_MU**2)
    assert np.allclose(p3 * np.sin(theta_mu), p4 * np.sin(theta_e), rtol=1e-6, atol=0.0)
    assert np.allclose(p3 * np.cos(theta_mu) + p4 * np.cos(theta_e), p1, rtol=1e-12)


def test_electron_angle_inverts_electron_energy():
    theta_e = np.array([0.0, 1e-3, 0.02, 0.5, 1.5])
    energies = kinematics.elastic_electron_energy(theta_e, E1)
    assert np.allclose(kinematics.elastic_electron_angle(energies, E1), theta_e, atol=1e-9)
    assert float(kinematics.elastic_electron_energy(math.pi / 2, E1)) == pytest.approx(M_E)


def test_largest_muon_angle_is_the_papers_formula():
    """1 / (gamma sqrt(R^2 - 1)) is its tangent; eq. 1 scanned finely peaks there."""
    ratio = (M_MU**2 + M_E * E1) / (M_E**2 + M_E * E1)
    gamma = (M_E + E1) / kinematics.center_of_mass_energy(E1)
    largest = kinematics.largest_muon_angle(E1)
    assert math.tan(largest) == pytest.approx(1.0 / (gamma * math.sqrt(ratio**2 - 1.0)), rel=1e-9)
    scan = kinematics.elastic_muon_angle(np.geomspace(1e-4, 1.0, 20001), E1)
    assert scan.max() == pytest.approx(largest, rel=1e-6)
    assert scan.max() <= largest


def test_muon_energies_at_an_angle_conserve_energy_and_momentum():
    for mass in (0.0, 0.05, 0.2):
        largest = kinematics.largest_muon_angle(E1, mass)
        for theta in (0.1 * largest, 0.9 * largest):
            for e3 in kinematics.muon_energy_at_angle(theta, E1, mass):
                p1, p3 = math.sqrt(E1**2 - M_MU**2), math.sqrt(float(e3) ** 2 - M_MU**2)
                rest = E1 + M_E - float(e3)
                mass2 = rest**2 - (p1**2 + p3**2 - 2.0 * p1 * p3 * math.cos(theta))
                assert mass2 == pytest.approx((M_E + mass) ** 2, abs=1e-9)
        assert np.isnan(kinematics.muon_energy_at_angle(1.01 * largest, E1, mass)[0])


def test_smallest_electron_energy_lies_on_the_elastic_curve():
    for theta in (0.5e-3, 1.5e-3, 4.5e-3):
        for bound in (kinematics.smallest_electron_energy, kinematics.largest_electron_energy):
            e4 = float(bound(theta, E1))
            theta_e = kinematics.elastic_electron_angle(e4, E1)
            assert float(kinematics.elastic_muon_angle(theta_e, E1)) == pytest.approx(
                theta, rel=1e-6
            )


def test_a_photon_only_raises_the_smallest_energy():
    for theta in (0.3e-3, 1.5e-3, 4.8e-3):
        with_photon = kinematics.smallest_electron_photon_energy(theta, E1)
        assert with_photon == pytest.approx(
            float(kinematics.smallest_electron_energy(theta, E1)), rel=1e-9
        )
    assert math.isnan(kinematics.smallest_electron_photon_energy(6e-3, E1))


def test_photon_bound_is_reached_and_not_passed():
    """Random mu e -> mu e gamma kinematics under the cuts stay below the bound, and come near."""
    bounds = kinematics.photon_bounds(E1, 1.5e-3, 25.0)
    rng = np.random.default_rng(3)
    n = 400_000
    p1 = math.sqrt(E1**2 - M_MU**2)
    e3 = bounds.muon_energy + rng.uniform(-20.0, 10.0, n)
    theta = rng.uniform(1.5e-3, 1.7e-3, n)
    p3 = np.sqrt(e3**2 - M_MU**2)
    rest = E1 + M_E - e3
    q = np.stack([-p3 * np.sin(theta), 0.0 * e3, p1 - p3 * np.cos(theta)])
    m2 = rest**2 - np.sum(q**2, axis=0)
    ok = m2 > M_E**2
    e3, rest, q, m2 = e3[ok], rest[ok], q[:, ok], m2[ok]
    m = np.sqrt(m2)
    star = (m2 - M_E**2) / (2.0 * m)
    cosine, phi = rng.uniform(-1, 1, len(m)), rng.uniform(0, 2 * math.pi, len(m))
    sine = np.sqrt(1 - cosine**2)
    k = star * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine])
    beta = q / rest
    gamma = rest / m
    along = np.sum(beta * k, axis=0)
    k_lab = k + beta * (gamma**2 / (1 + gamma) * along + gamma * star)
    e_gamma = gamma * (star + along)
    e4 = rest - e_gamma
    angle = np.arctan2(np.hypot(k_lab[0], k_lab[1]), k_lab[2])
    passed = e4 < 25.0
    assert angle[passed].max() <= bounds.angle_max
    assert angle[passed].max() > 0.97 * bounds.angle_max
    assert e_gamma[passed].min() >= bounds.energy_min


def test_bad_input_is_refused_with_the_allowed_range():
    with pytest.raises(OutOfRange, match="nothing heavier"):
        kinematics.check_mass(0.3, E1)
    with pytest.raises(OutOfRange, match="beam energy"):
        kinematics.center_of_mass_energy(0.1)
    with pytest.raises(OutOfRange, match="backward"):
        kinematics.elastic_muon_angle(2.0, E1)
    with pytest.raises(OutOfRange):
        kinematics.elastic_electron_angle(145.0, E1)
    with pytest.raises(OutOfRange, match="scattered by more"):
        kinematics.photon_bounds(E1, 5e-3)
    with pytest.raises(OutOfRange):
        kinematics.check_mass(float("nan"), E1)
