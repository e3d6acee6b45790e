"""Integrals over the resonance and over the electrons' motion against independent quadrature."""

import math

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfc

from mutau.core.constants import M_E
from mutau.core.errors import MutauError
from mutau.matter import hartree_fock
from mutau.matter.atomic_electrons import ATOMIC_MOMENTUM
from mutau.models import DarkPhoton, LmuMinusLtau
from mutau.reactions import annihilation
from mutau.reactions import annihilation_kernels as kernels
from mutau.reactions.annihilation_electrons import (
    compton_profile,
    from_binding,
    from_profiles,
    hydrogenic_profile,
    orbital_profile,
    virial_profile,
)

#: Electrons and binding energies (GeV) that look like carbon, and one deep shell.
CARBON = ((2.0, 2.0, 2.0), (284e-9, 18e-9, 7e-9))
DEEP = ((2.0,), (88e-6,))


@pytest.mark.compiled
@pytest.mark.parametrize("half_width", [3.0, 1e-1, 1e-4, 1e-12, 1e-40, 1e-200])
@pytest.mark.parametrize("pole", [-0.3, 0.9, 1.2, 3.0, 9.0, -200.0])
def test_polynomial_over_a_pole(half_width, pole):
    # Numerator 1 + x - 2 x^3 on (-1, 1): exact antiderivative in 60 digits by mpmath.
    values = 1.0 + kernels.NODES - 2.0 * kernels.NODES**3
    found = kernels.resonance_panel(values, -1.0, 1.0, kernels.Pole(pole, half_width))
    with mp.workdps(450):
        tau = mp.mpc(pole, half_width)
        # x^3 = (x - t)(x^2 + x t + t^2) + t^3
        log = mp.log((tau - 1) / (tau + 1))
        whole = (1 + tau - 2 * tau**3) * log + 2 - 2 * (mp.mpf(2) / 3 + 2 * tau**2)
        exact = float(mp.im(whole) / mp.mpf(half_width))
    assert found == pytest.approx(exact, rel=2e-9)


@pytest.mark.compiled
def test_a_narrow_pole_outside_is_a_plain_integral_and_inside_is_pi_over_the_width():
    ones = np.ones(8)
    outside = kernels.resonance_panel(ones, 0.0, 1.0, kernels.Pole(1.1, 1e-30))
    assert outside == pytest.approx(1 / 0.1 - 1 / 1.1, rel=1e-9)
    inside = kernels.resonance_panel(ones, 0.0, 1.0, kernels.Pole(0.7, 1e-30))
    assert inside == pytest.approx(math.pi / 1e-30, rel=1e-12)


@pytest.mark.compiled
def test_least_momentum_by_hand():
    # beta = 1: |m^2 - kappa^2|/(2 kappa); an electron along the beam has kappa = E - k.
    k = 0.3 * M_E
    kappa = math.hypot(M_E, k) - k
    assert kernels.least_momentum(kappa, M_E, 1.0) == pytest.approx(k, rel=1e-12)
    slow = math.hypot(M_E, k) - 0.6 * k
    assert kernels.least_momentum(slow, M_E, 0.6) == pytest.approx(k, rel=1e-12)
    head_on = math.hypot(M_E, k) + 0.6 * k
    assert kernels.least_momentum(head_on, M_E, 0.6) == pytest.approx(k, rel=1e-12)


def test_virial_profile_of_a_soft_shell_is_a_gaussian():
    binding = 1e-13  # B/m = 2e-10: relativistic corrections (B/2m)(T/B)^2 vanish
    scale = math.sqrt(2 * M_E * binding)
    k = np.linspace(0.0, 5.0 * scale, 2000)
    exact = math.sqrt(math.pi) / scale * erfc(k / scale)
    np.testing.assert_allclose(virial_profile(k, binding), exact, rtol=3e-6)


def test_virial_profile_of_a_deep_shell_against_direct_integration():
    binding = 88e-6
    k = np.linspace(0.0, 2e-3, 4001)
    found = virial_profile(k, binding)
    for i in (0, 700, 2500, 4000):

        def integrand(t):
            return math.exp(-t) / math.sqrt(binding * t * (binding * t + 2 * M_E))

        low = (math.hypot(M_E, k[i]) - M_E) / binding
        # t = u^2 takes the square-root singularity away
        exact = quad(lambda u: 2 * u * integrand(u * u), math.sqrt(low), 12, epsrel=1e-11)[0]
        assert found[i] == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("name", ["virial", "hydrogenic"])
def test_the_binding_energy_is_the_mean_kinetic_energy(name):
    # int G dk = 1 electron; <k^2> = 3 int k^2 G dk (int dP k^2 = int (-k G') k^2 dk).
    binding = 20e-9
    profile = {"virial": virial_profile, "hydrogenic": hydrogenic_profile}[name]
    k = np.sinh(np.linspace(0.0, math.asinh(1e4), 20001)) * 0.05 * math.sqrt(2 * M_E * binding)
    density = profile(k, binding)
    assert np.trapezoid(density, k) == pytest.approx(1.0, rel=1e-5)
    kinetic = 3 * np.trapezoid(k**2 * density, k) / (2 * M_E)
    assert kinetic == pytest.approx(binding, rel=1e-3)


def test_compton_profile_is_normalised_and_continued():
    # J of a hydrogen 1s electron, tabulated to 10 momenta, must come back, tail included.
    scale = 3.7e-6
    grid = np.concatenate([np.linspace(0, 2, 60), np.geomspace(2.05, 10, 80)]) * scale
    profile = 7.7 * 8 / (3 * math.pi * scale) / (1 + (grid / scale) ** 2) ** 3
    k = np.array([0.0, 1.0, 5.0, 9.0, 30.0]) * scale
    found = compton_profile(k, grid, profile, scale)
    exact = hydrogenic_profile(k, scale**2 / (2 * M_E))
    np.testing.assert_allclose(found, exact, rtol=2e-4)


def test_the_orbital_of_hydrogen_has_the_closed_form():
    scale = ATOMIC_MOMENTUM
    k = np.linspace(0.0, 30.0, 2001) * scale
    (orbital,) = hartree_fock.atom("H").orbitals
    exact = hydrogenic_profile(k, scale**2 / (2.0 * M_E))
    # 1e-5 where the electron is; the basis leaves 3e-4 in the tail, at 1e-9 of the peak
    np.testing.assert_allclose(orbital_profile(k, orbital), exact, rtol=5e-4, atol=2e-5 * exact[0])


@pytest.mark.compiled
@pytest.mark.parametrize("shells", [CARBON, DEEP], ids=["carbon", "deep"])
@pytest.mark.parametrize("offset", [0.985, 1.0, 1.03])
def test_moving_electrons_against_a_double_integral(shells, offset):
    # Dark sector: Gamma/M = 0.35 %, wide enough for a plain double integral over (T, z).
    model = LmuMinusLtau(mass=0.05, coupling=1e-3, alpha_d=0.1)
    energy = offset * annihilation.resonance_energy(0.05)
    p = math.sqrt(energy**2 - M_E**2)
    wm = 0.05 * model.width_total

    u, wu = np.polynomial.legendre.leggauss(300)
    u, wu = 2.75 * (u + 1), 2.75 * wu
    z, wz = np.polynomial.legendre.leggauss(400)
    total = 0.0
    for n, binding in zip(*shells, strict=True):
        kinetic = (binding * u * u)[:, None]
        k = np.sqrt(kinetic * (kinetic + 2 * M_E))
        s = 2 * M_E**2 + 2 * (energy * (M_E + kinetic) - p * k * z)
        # the width into dark matter runs as sqrt(s) (1 - 4 m_chi^2/s)^(3/2)
        run = wm**2 * (s / 0.0025) ** 2 * (np.maximum(1 - 4 * (0.05 / 3) ** 2 / s, 0) * 1.8) ** 3
        shape = annihilation.numerator(model, ("chichi",), s) / ((s - 0.0025) ** 2 + run)
        total += n * float((wu * u * np.exp(-u * u)) @ shape @ wz)
    exact = total / (4 * M_E * p) * 3.893793721e8
    momenta = from_binding("virial", *shells)
    found = annihilation.cross_section(energy, model, channel="chichi", electrons=momenta)[0]
    assert found == pytest.approx(exact, rel=2e-5)


@pytest.mark.compiled
def test_a_vanishing_width_gives_the_density_at_the_resonance():
    # sigma -> N(M^2)/(16 m p^2) pi/(M Gamma) G(k_min): independent of any panel.
    model = DarkPhoton(mass=0.017, epsilon=1e-8)
    momenta = from_binding("hydrogenic", *CARBON)
    for factor in (0.97, 1.002, 1.1):
        energy = factor * annihilation.resonance_energy(0.017)
        kappa = (0.017**2 - 2 * M_E**2) / (2 * energy)
        k = kernels.least_momentum(kappa, M_E, math.sqrt(1 - (M_E / energy) ** 2))
        density = sum(
            n * float(hydrogenic_profile(np.array([k]), b)[0]) for n, b in zip(*CARBON, strict=True)
        )
        top = float(annihilation.numerator(model, ("ee",), 0.017**2))
        exact = top * math.pi / (0.017 * model.width_total) * density
        exact *= 3.893793721e8 / (16 * M_E * (energy**2 - M_E**2))
        found = annihilation.cross_section(energy, model, channel="ee", electrons=momenta)[0]
        assert found == pytest.approx(exact, rel=1e-5)


@pytest.mark.compiled
def test_plain_arrays_of_profiles_are_accepted():
    scale = 3.7e-6
    grid = np.linspace(0, 10, 100) * scale
    profile = 1 / (1 + (grid / scale) ** 2) ** 3
    momenta = from_profiles([4.0], grid, [profile], [scale])
    same = from_binding("hydrogenic", [4.0], [scale**2 / (2 * M_E)])
    model = LmuMinusLtau(mass=0.017, coupling=1e-3)
    energies = annihilation.resonance_energy(0.017) * np.array([0.99, 1.001, 1.05])
    np.testing.assert_allclose(
        annihilation.cross_section(energies, model, electrons=momenta),
        annihilation.cross_section(energies, model, electrons=same),
        rtol=1e-3,
    )


def test_shells_without_binding_are_refused():
    with pytest.raises(MutauError, match="above zero"):
        from_binding("virial", [2.0], [0.0])
    with pytest.raises(MutauError, match="as many"):
        from_binding("virial", [2.0, 2.0], [1e-6])
