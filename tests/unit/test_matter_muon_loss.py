"""Collisions of muons: limits by hand, quadrature against adaptive quadrature, energy balance."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from mutau.core.constants import ALPHA, M_E, M_MU, N_A
from mutau.core.errors import OutOfRange, UnknownName
from mutau.core.units import PB_CM2
from mutau.matter import element, material
from mutau.matter.elements import R_E_CM
from mutau.matter.muon_cross_sections import (
    PROCESSES,
    differential,
    knock_on,
    max_knock_on,
    moment,
    pair_double_kernel,
    pair_kernel,
    pair_rho_max,
)
from mutau.matter.muon_energy_loss import (
    csda_range,
    hard_knock_on,
    hard_radiation,
    ionisation_variance,
    loss_table,
    mean_energy_after,
    stopping_power,
    stopping_power_parts,
)

pytestmark = pytest.mark.compiled

LEAD, IRON = material("lead"), material("iron")


def test_largest_knock_on_energy_by_hand():
    # a muon of gamma = 10: 2 m_e 99 / (1 + 20 m_e/m + (m_e/m)^2)
    r = M_E / M_MU
    assert float(max_knock_on(10.0 * M_MU)) == pytest.approx(
        2 * M_E * 99.0 / (1 + 20 * r + r * r), rel=1e-14
    )
    # and never more than the muon's kinetic energy
    energy = np.geomspace(0.12, 1e4, 50)
    assert np.all(max_knock_on(energy) < energy - M_MU)


def test_knock_on_is_rutherford_for_soft_electrons():
    energy, t = 160.0, 1e-3
    r_e2 = R_E_CM**2 / PB_CM2
    assert float(knock_on(t, energy)) == pytest.approx(2 * math.pi * r_e2 * M_E / t**2, rel=1e-4)
    assert float(knock_on(200.0, energy)) == 0.0


def test_soft_photon_limit_of_bremsstrahlung():
    # complete screening, v -> 0: 16/3 alpha (r_e m_e/m_mu)^2 Z [Z ln(B Z^-1/3 m_mu/(D m_e))
    # + ln(B' Z^-2/3 m_mu/m_e)] / v
    z, a = 82, 207.2
    nucleus = math.log(183 * z ** (-1 / 3) * M_MU / M_E / (1.54 * a**0.27))
    electrons = math.log(1429 * z ** (-2 / 3) * M_MU / M_E)
    r2 = (R_E_CM * M_E / M_MU) ** 2 / PB_CM2
    expected = 16 / 3 * ALPHA * r2 * z * (z * nucleus + electrons)
    v = 1e-8
    assert v * float(differential("bremsstrahlung", v, 1e4, element("Pb"))) == pytest.approx(
        expected, rel=1e-4
    )


def test_bremsstrahlung_scales_with_the_square_of_charge():
    lead = float(differential("bremsstrahlung", 0.3, 100.0, element("Pb")))
    carbon = float(differential("bremsstrahlung", 0.3, 100.0, element("C")))
    # up to the logarithm (form factor against screening): within 25 % of (82/6)^2
    assert lead / carbon == pytest.approx((82 / 6) ** 2, rel=0.25)
    assert lead / carbon < (82 / 6) ** 2


@pytest.mark.parametrize("process", PROCESSES)
def test_nothing_outside_the_kinematic_limits(process):
    item = element("Fe")
    assert float(differential(process, 1e-12, 50.0, item)) == pytest.approx(0.0, abs=1e-300) or (
        process == "bremsstrahlung"
    )
    assert float(differential(process, 0.9999, 50.0, item)) == 0.0
    assert np.all(differential(process, np.linspace(0.001, 0.99, 200), 50.0, item) >= 0.0)


@pytest.mark.parametrize(("energy", "v"), [(10.0, 0.01), (160.0, 1e-3), (160.0, 0.5), (1e4, 0.1)])
def test_pair_asymmetry_integral_against_adaptive_quadrature(energy, v):
    low = math.log1p(-pair_rho_max(v, energy))
    exact = 2.0 * quad(
        lambda t: math.exp(t) * pair_double_kernel(v, -math.expm1(t), energy, 82.0, 0.3),
        low, 0.0, epsrel=1e-9,
    )[0]  # fmt: skip
    assert pair_kernel(v, energy, 82.0, 0.3) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("energy", [5.0, 160.0, 5000.0])
def test_moments_against_adaptive_quadrature(process, energy):
    item = element("Fe")
    for power, low, high in ((1, 0.0, 1.0), (0, 0.01, 1.0), (2, 0.0, 0.2)):
        points = [1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.3, 0.7, 0.95, 1.0]
        edges = sorted({max(min(p, high), low) for p in points} - {0.0})
        exact = sum(
            quad(
                lambda u, n=power: math.exp(u * (n + 1))
                * float(differential(process, math.exp(u), energy, item)),
                math.log(a), math.log(b), epsrel=1e-6, limit=200,
            )[0]
            for a, b in pairwise(edges)
        )  # fmt: skip
        ours = float(moment(process, power, energy, item, low=low, high=high))
        assert ours == pytest.approx(exact, rel=2e-4)


def test_hard_knock_on_integrals():
    energy, cut = 160.0, 0.01
    number, taken = hard_knock_on(energy, IRON, cut)
    t_max = float(max_knock_on(energy))
    per_cm = IRON.electrons_per_cm3 * PB_CM2
    for power, ours in ((0, number), (1, taken)):
        exact = quad(
            lambda u, n=power: math.exp(u * (n + 1)) * float(knock_on(math.exp(u), energy)),
            math.log(cut), math.log(t_max * (1 - 1e-13)), epsrel=1e-10, limit=200,
        )[0]  # fmt: skip
        assert float(ours) == pytest.approx(per_cm * exact, rel=1e-8)


def test_variance_of_soft_collisions():
    energy, cut = 20.0, 0.05
    exact = quad(lambda t: t * t * float(knock_on(t, energy)), 0.0, cut, epsrel=1e-10)[0]
    assert float(ionisation_variance(energy, IRON, cut)) == pytest.approx(
        IRON.electrons_per_cm3 * PB_CM2 * exact, rel=1e-8
    )
    # no cut: factor t_max (1 - beta^2/2) up to the spin term
    t_max, beta2 = float(max_knock_on(energy)), 1.0 - (M_MU / energy) ** 2
    factor = 2 * math.pi * N_A * R_E_CM**2 * M_E * 7.874 * 26 / 55.845 / beta2
    spin = t_max**2 / (6 * energy**2)
    assert float(ionisation_variance(energy, IRON)) == pytest.approx(
        factor * t_max * (1 - 0.5 * beta2 + spin), rel=1e-12
    )


def radiative_factor(t, energy):
    """1 + O(alpha): hard knock-on collisions radiate (Kelner, Kokoulin, Petrukhin 1997)."""
    log = math.log(1.0 + 2.0 * t / M_E)
    return 1.0 + 0.5 * ALPHA / math.pi * log * (math.log(4 * energy * (energy - t) / M_MU**2) - log)


def test_radiation_by_struck_electrons_is_the_radiative_correction_to_knock_on():
    # the closed form in the ionisation loss against the integral of alpha-corrected collisions;
    # leading logarithms agree to 10 % of a 3 % term
    energy = 1000.0
    t_max = float(max_knock_on(energy))
    extra = quad(
        lambda u: math.exp(2 * u)
        * float(knock_on(math.exp(u), energy))
        * (radiative_factor(math.exp(u), energy) - 1.0),
        math.log(1e-3), math.log(t_max * (1 - 1e-12)), epsrel=1e-8, limit=300,
    )[0]  # fmt: skip
    log = math.log(2 * t_max / M_E)
    closed = (
        math.pi * R_E_CM**2 / PB_CM2 * M_E * ALPHA / math.pi
        * (math.log(2 * energy / M_MU) - log / 3) * log**2
    )  # fmt: skip
    assert closed == pytest.approx(extra, rel=0.1)


def test_hard_radiation_takes_all_for_a_vanishing_cut():
    parts = stopping_power_parts(160.0, LEAD)
    for process, loss in (("pair", parts.pair), ("nuclear", parts.nuclear)):
        _, taken = hard_radiation(160.0, LEAD, process, 1e-6)
        assert float(taken) == pytest.approx(float(loss), rel=1e-4)
    number, taken = hard_radiation(160.0, LEAD, "bremsstrahlung", 80.0)
    assert 80.0 < float(taken / number) < 160.0


def test_parts_add_up_and_table_interpolates():
    energy = M_MU + np.geomspace(0.0123, 9e4, 777)
    total = stopping_power_parts(energy, LEAD).total
    assert stopping_power(energy, LEAD) == pytest.approx(total, rel=2e-4)


def test_energy_after_is_consistent_with_range():
    energy, thickness = np.array([160.0, 50.0, 10.0, 0.5]), np.array([100.0, 1000.0, 300.0, 5.0])
    after = mean_energy_after(energy, IRON, thickness)
    difference = csda_range(energy, IRON) - csda_range(after, IRON)
    assert difference == pytest.approx(thickness, rel=1e-5)


def test_energy_after_two_halves_is_energy_after_the_whole():
    half = mean_energy_after(mean_energy_after(30.0, LEAD, 50.0), LEAD, 50.0)
    assert float(half) == pytest.approx(float(mean_energy_after(30.0, LEAD, 100.0)), rel=1e-6)


def test_a_muon_stops_beyond_its_range():
    reach = float(csda_range(1.0, LEAD))
    assert float(mean_energy_after(1.0, LEAD, 1.01 * reach + 1.0)) == M_MU
    assert float(mean_energy_after(1.0, LEAD, 0.9 * reach)) > M_MU + 0.01


def test_layers_lose_the_mass_weighted_sum():
    mix = material("lead-scintillator")
    plastic = material("polystyrene")
    expected = 0.5 * stopping_power(20.0, LEAD) + 0.5 * stopping_power(20.0, plastic)
    assert float(stopping_power(20.0, mix)) == pytest.approx(float(expected), rel=1e-5)


def test_table_is_read_only():
    with pytest.raises(ValueError, match="read-only"):
        loss_table(LEAD)[0] = 1.0


@pytest.mark.parametrize("energy", [0.1, M_MU, 1e6, float("nan"), -1.0])
def test_energies_outside_the_tables_are_refused(energy):
    with pytest.raises(OutOfRange, match="GeV"):
        stopping_power([10.0, energy], LEAD)


def test_bad_thickness_and_process():
    with pytest.raises(OutOfRange, match="thickness"):
        mean_energy_after(10.0, LEAD, -1.0)
    with pytest.raises(OutOfRange, match="thickness"):
        mean_energy_after(10.0, LEAD, float("nan"))
    with pytest.raises(UnknownName, match="bremsstrahlung"):
        differential("bremstrahlung", 0.1, 10.0, element("Pb"))
