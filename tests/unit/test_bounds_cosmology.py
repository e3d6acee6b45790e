"""Early universe: thermal integrals, rates and conservation laws by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import kn, kve

from mutau.bounds.cosmology import (
    equilibrium_coupling,
    instantaneous_neff,
    kinetic_neff,
    neff,
    neff_limit,
    shared_neff,
    standard_neff,
    thermal_neff,
)
from mutau.bounds.cosmology_kernels import (
    WEAK,
    bessel_12,
    equilibrium_number,
    mediator_temperature,
    plasma,
    thermal,
    weak_transfer,
)
from mutau.core.constants import G_F, SIN2_W
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.random import stream

pytestmark = pytest.mark.compiled


def test_massless_gases():
    t = 2e-3
    fermion, boson = thermal(t, 0.0, 1.0), thermal(t, 0.0, -1.0)
    assert fermion[0] == pytest.approx(7 * math.pi**2 / 240 * t**4, rel=1e-9)
    assert boson[0] == pytest.approx(math.pi**2 / 30 * t**4, rel=1e-9)
    for rho, pressure, slope in (fermion, boson):
        assert pressure == pytest.approx(rho / 3, rel=1e-12)
        assert slope == pytest.approx(4 * rho / t, rel=1e-9)


@pytest.mark.parametrize("x", [0.1, 1.0, 5.0, 20.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_massive_gases_against_adaptive_quadrature(x, sign):
    def integral(function):
        return quad(function, 0.0, 60.0 + 2 * x, epsabs=0, epsrel=1e-11, limit=200)[0]

    def occupation(y):
        return 1.0 / (math.exp(math.hypot(y, x)) + sign)

    rho = integral(lambda y: y * y * math.hypot(y, x) * occupation(y)) / (2 * math.pi**2)
    pressure = integral(lambda y: y**4 / (3 * math.hypot(y, x)) * occupation(y)) / (2 * math.pi**2)
    ours = thermal(1.0, x, sign)
    assert ours[0] == pytest.approx(rho, rel=1e-6)
    assert ours[1] == pytest.approx(pressure, rel=1e-6)
    step = 1e-4
    slope = (thermal(1 + step, x, sign)[0] - thermal(1 - step, x, sign)[0]) / (2 * step)
    assert ours[2] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("x", [0.02, 0.3, 2.0, 30.0, 500.0])
def test_bessel_functions(x):
    ours = bessel_12(x)
    assert ours[0] == pytest.approx(kve(1, x), rel=1e-8)
    assert ours[1] == pytest.approx(kve(2, x), rel=1e-8)


def test_vector_gas_and_its_temperature():
    mass, t = 0.01, 0.004
    x = mass / t
    assert equilibrium_number(t, mass) == pytest.approx(
        1.5 / math.pi**2 * mass**2 * t * kn(2, x), rel=1e-8
    )
    for x in (0.01, 0.5, 3.0, 200.0):
        mean = kve(1, x) / kve(2, x) + 3 / x
        assert mediator_temperature(mean) == pytest.approx(x, rel=1e-7)


def test_annihilation_rate_by_hand():
    # e+ e- -> nu_l nubar_l: sigma = G_F^2 s (1 -+ 4 s^2 + 8 s^4)/(24 pi), spins averaged. With
    # Maxwell-Boltzmann gases int f f (E1 + E2) sigma v = 192/pi^4 sigma/s T^9, times 4 spin states
    couplings = (1 + 4 * SIN2_W + 8 * SIN2_W**2) + 2 * (1 - 4 * SIN2_W + 8 * SIN2_W**2)
    assert pytest.approx(couplings, rel=1e-12) == WEAK
    hot = 3e-3
    by_hand = 4 * 192 / math.pi**4 * couplings * G_F**2 / (24 * math.pi) * hot**9
    assert weak_transfer(hot, 1e-12) / 0.884 == pytest.approx(by_hand, rel=1e-9)


def test_scattering_rate_by_monte_carlo():
    # energy that electrons and positrons at T1 hand to one flavour of neutrinos at T2 in elastic
    # scattering: isotropic (like chiralities) and (1 + c)^2/4 (unlike) in the centre of mass
    hot, cold, n, rng = 1.5, 1.0, 1_000_000, stream(3, 0)
    e1, e2 = hot * rng.gamma(3.0, size=n), cold * rng.gamma(3.0, size=n)
    c12 = rng.uniform(-1, 1, n)
    s = 2 * e1 * e2 * (1 - c12)
    transfer = 0.0
    # the mean energy after scattering by angle theta*: E' = (E1 + E2)/2 + cos(theta*) (E2 - E1)/2
    for mean_cos, share in ((0.0, 1.0), (0.5, 1.0 / 3.0)):
        gain = 0.5 * (e1 + e2) + mean_cos * 0.5 * (e2 - e1) - e2
        transfer += share * np.mean(s * (1 - c12) * gain)
    # four pairs (e-, e+ with nu, nubar), each with (g_L^2 + g_R^2)(LL + LR)/2 on average
    numbers = (2 * hot**3 / math.pi**2) * (cold**3 / math.pi**2)
    ours = 4 * 0.5 * numbers * transfer / math.pi  # times G_F^2 (g_L^2 + g_R^2)
    formula = 56 / math.pi**5 * 4 * hot**4 * cold**4 * (hot - cold)
    assert ours == pytest.approx(formula, rel=0.01)


def test_plasma_loses_its_electrons():
    assert plasma(1e-5)[0] == pytest.approx(math.pi**2 / 15 * 1e-20, rel=1e-9)
    assert plasma(0.1)[0] == pytest.approx(math.pi**2 / 30 * 5.5 * 1e-4, rel=1e-4)


def test_neutrinos_alone():
    assert standard_neff() == pytest.approx(3.044, abs=0.01)  # QED and spectra left out
    assert thermal_neff(0.15) == pytest.approx(standard_neff(), abs=1e-4)
    assert kinetic_neff(0.01, 1e-40) == pytest.approx(standard_neff(), abs=1e-4)


def test_a_light_mediator_by_entropy():
    # m << T, entropy kept: T_nu rises by (1 + 3/(6 7/8))^(1/3)
    expected = 3.0 * (1.0 + 3.0 / (6.0 * 7.0 / 8.0)) ** (4.0 / 3.0)
    assert instantaneous_neff(1e-4, 1e-2) == pytest.approx(expected, rel=1e-3)
    # number kept instead: entropy per neutrino fixes mu; energy within 10 % of the other
    number = instantaneous_neff(1e-3, 2e-3, "number")
    assert 1.0 < number / instantaneous_neff(1e-3, 2e-3) < 1.15


def test_the_two_ways_meet():
    mass = 8e-3
    assert kinetic_neff(mass, 2e-21) == pytest.approx(thermal_neff(mass), abs=0.01)


def test_without_electrons_the_thermal_limit_knows_no_coupling():
    # once made and decaying faster than the expansion, the mediator holds what entropy gives it;
    # 0.6 % between the two is Maxwell-Boltzmann in the rates
    found = [kinetic_neff(5e-3, width) for width in (1e-22, 1e-21, 1e-20)]
    assert max(found) - min(found) < 0.025
    assert found == pytest.approx([thermal_neff(5e-3)] * 3, rel=0.008)


SATURATED = 3.0 * (11.0 / 4.0) ** (4.0 / 3.0)


@pytest.mark.parametrize("mass", [3e-3, 5e-3, 1e-2])
def test_with_electrons_entropy_bounds_what_the_coupling_adds(mass):
    # pairs go through e+ e- <-> Z' <-> nu nubar: the two sides part the later the larger the
    # width is, by its logarithm, and neutrinos keep a share of what the electrons leave
    width = 5.07e-16 * mass / 1e-3  # g' = 1e-3
    steps = [width * factor for factor in (1e-4, 1e-2, 1.0)]
    found = [thermal_neff(mass, w) for w in steps]
    parted, at_once = zip(*(shared_neff(mass, w) for w in steps), strict=True)
    assert found == sorted(found)
    for now, later in itertools.pairwise(parted):
        # exp(-m/T) T^(-7/2) times the width is constant, but for the entropies' slow change
        gained = mass / later - mass / now - 3.5 * math.log(now / later)
        assert gained == pytest.approx(math.log(100.0), rel=0.25)
    for value, bound in zip(found, at_once, strict=True):
        assert 0.87 * bound < value < bound < SATURATED


def test_saturation_where_the_electrons_have_gone_first():
    # plasma and neutrinos at one temperature to the end: N_eff = 3 (11/4)^(4/3), nothing above
    assert shared_neff(2e-3, 1e-9)[1] == pytest.approx(SATURATED, rel=3e-3)
    assert SATURATED * 0.99 < thermal_neff(1e-3, 1e-9) < SATURATED * (1.0 + 2e-4)
    # the weak reactions alone: T of 2 MeV, nearly all electrons still there
    t, total = shared_neff(0.15, 0.0)
    assert 1.4e-3 < t < 2.2e-3
    assert total == pytest.approx(standard_neff(), abs=0.03)


def test_scale_of_equilibrium():
    # Gamma = g^2 m/(12 pi) against H = 1.66 sqrt(g*) T^2/m_Planck at T = m/3
    mass = 0.01
    g = equilibrium_coupling(mass)
    rate = 1.66 * math.sqrt(10.75) * (mass / 3) ** 2 / 1.2209e19
    slow = kve(1, 3.0) / kve(2, 3.0)
    assert g == pytest.approx(math.sqrt(12 * math.pi * rate / (mass * slow)), rel=0.02)


def test_bad_input():
    with pytest.raises(OutOfRange, match="mass"):
        neff(0.5, 1e-5)
    with pytest.raises(OutOfRange, match="coupling"):
        neff(0.01, math.nan)
    with pytest.raises(MutauError, match="neutrinos"):
        neff(0.01, 1e-5, "dark-photon")
    with pytest.raises(MutauError, match="conserve"):
        instantaneous_neff(0.01, conserve="energy")
    with pytest.raises(OutOfRange, match="delta"):
        neff_limit(0.01, delta=0.0)
