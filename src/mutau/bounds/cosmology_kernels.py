"""Kernels of the early universe: thermal integrals, Bessel functions, rates of change.

Units: GeV throughout, hbar = c = k = 1. Densities of one species with g internal states are
g/(2 pi^2) T^4 times an integral over y = p/T with x = m/T. Time is ln a.

State of the evolution: (T_gamma, T_nu) where the mediator shares the neutrinos' temperature, or
(T_gamma, T_nu, ln n, u) with its own number density n and mean energy u = rho/(n m).
"""

from __future__ import annotations

import math

import numpy as np

from mutau.core.constants import G_F, M_E, SIN2_W
from mutau.core.jit import njit

Array = np.ndarray

_X, _W = np.polynomial.legendre.leggauss(48)
NODES = 20.0 * (_X + 1.0)
WEIGHTS = 20.0 * _W
#: Sum over three flavours of the couplings of neutrino pairs to electrons (see `weak_transfer`).
WEAK = 3.0 - 4.0 * SIN2_W + 24.0 * SIN2_W**2


@njit
def thermal(temperature: float, mass: float, sign: float) -> tuple[float, float, float]:
    """rho, p and d rho/dT per internal state, GeV^4 and GeV^3; sign = +1 fermions, -1 bosons.

    No chemical potential. 48 Gauss nodes to p = 40 T: relative error below 1e-9 for x = 0 and for
    x from 1 to 30, 1e-6 for bosons between.
    Check: a massless fermion has rho = 7 pi^2 T^4/240, p = rho/3, d rho/dT = 4 rho/T.
    """
    x = mass / temperature
    rho = pressure = slope = 0.0
    for i in range(len(NODES)):
        y = NODES[i]
        energy = math.sqrt(y * y + x * x)
        if energy > 600.0:
            continue
        grown = math.exp(energy)
        occupation = 1.0 / (grown + sign)
        volume = WEIGHTS[i] * y * y
        rho += volume * energy * occupation
        pressure += volume * y * y / (3.0 * energy) * occupation
        slope += volume * energy * energy * occupation * occupation * grown
    front = 0.5 / math.pi**2 * temperature**4
    return front * rho, front * pressure, front * slope / temperature


@njit
def bessel_12(x: float) -> tuple[float, float]:
    """exp(x) K_1(x) and exp(x) K_2(x) by Gauss-Legendre over int exp(-x (cosh t - 1)) cosh(n t)."""
    top = math.acosh(1.0 + 45.0 / x)
    one = two = 0.0
    for i in range(len(NODES)):
        t = 0.025 * NODES[i] * top
        damped = WEIGHTS[i] * math.exp(-x * (math.cosh(t) - 1.0))
        one += damped * math.cosh(t)
        two += damped * math.cosh(2.0 * t)
    return 0.025 * top * one, 0.025 * top * two


@njit
def equilibrium_number(temperature: float, mass: float) -> float:
    """Number density of a vector (3 states) by Maxwell-Boltzmann: 3 m^2 T K_2(m/T)/(2 pi^2)."""
    x = mass / temperature
    if x > 650.0:
        return 0.0
    return 1.5 / math.pi**2 * mass**2 * temperature * math.exp(-x) * bessel_12(x)[1]


@njit
def weak_transfer(hot: float, cold: float) -> float:
    """Energy per volume and time that e+ e- at `hot` give to three neutrinos at `cold`, GeV^5.

    (G_F^2/pi^5) (3 - 4 s^2 + 24 s^4) [32 (T1^9 - T2^9) 0.884 + 56 T1^4 T2^4 (T1 - T2) 0.829]: pair
    annihilation and scattering with Maxwell-Boltzmann statistics, without the electron mass,
    times the corrections for Pauli blocking of M. Escudero, arXiv:1812.05605, eqs. 2.16, 2.17.
    """
    annihilation = 32.0 * 0.884 * (hot**9 - cold**9)
    scattering = 56.0 * 0.829 * hot**4 * cold**4 * (hot - cold)
    return G_F**2 / math.pi**5 * WEAK * (annihilation + scattering)


@njit
def hubble(rho: float, planck_mass: float) -> float:
    """Expansion rate, GeV: sqrt(8 pi rho/3)/m_Planck."""
    return math.sqrt(8.0 * math.pi * rho / 3.0) / planck_mass


@njit
def plasma(temperature: float) -> tuple[float, float, float]:
    """rho, p, d rho/dT of photons and e+ e- (no interactions among them)."""
    electron, pressure, slope = thermal(temperature, M_E, 1.0)
    photon = math.pi**2 / 15.0 * temperature**4
    return (
        photon + 4.0 * electron,
        photon / 3.0 + 4.0 * pressure,
        4.0 * photon / temperature + 4.0 * slope,
    )


@njit
def change_thermal(state: Array, mass: float, width_e: float, planck_mass: float) -> Array:
    """d(T_gamma, T_nu)/d ln a with the mediator in equilibrium with the neutrinos.

    mass <= 0: no mediator. width_e : its width into e+ e-, GeV, which ties it to the plasma:
    m Gamma_e [n(T_gamma) - n(T_nu)] of energy per volume and time. Where that is more than
    1e4 expansion times of the whole energy it is held there: the temperatures are equal to 1e-4
    either way, and rounding would freeze the integrator.
    """
    hot, cold = state[0], state[1]
    rho, pressure, slope = plasma(hot)
    one, one_p, one_slope = thermal(cold, 0.0, 1.0)
    nu, nu_p, nu_slope = 6.0 * one, 6.0 * one_p, 6.0 * one_slope
    gain = weak_transfer(hot, cold)
    exchange = 0.0
    if mass > 0.0:
        boson, boson_p, boson_slope = thermal(cold, mass, -1.0)
        nu, nu_p, nu_slope = nu + 3.0 * boson, nu_p + 3.0 * boson_p, nu_slope + 3.0 * boson_slope
        if width_e > 0.0:
            exchange = mass * width_e * equilibrium_number(hot, mass)
            cooled = mass * width_e * equilibrium_number(cold, mass)
            strength = exchange / (hubble(rho + nu, planck_mass) * (rho + nu))
            exchange = (exchange - cooled) / (1.0 + 1e-4 * strength)
    rate = hubble(rho + nu, planck_mass)
    gain += exchange
    return np.array(
        [
            -(3.0 * (rho + pressure) + gain / rate) / slope,
            -(3.0 * (nu + nu_p) - gain / rate) / nu_slope,
        ]
    )


@njit
def mediator_temperature(mean: float) -> float:
    """x = m/T at which a Maxwell-Boltzmann gas has the mean energy `mean` (in units of m)."""
    if mean <= 1.0 + 1e-9:
        return 1.5e9
    excess = mean - 1.0
    x = 1.5 / excess if excess < 1.0 else 3.0 / mean
    low, high = 1e-6 * x, 1e3 * x
    for _ in range(60):
        k1, k2 = bessel_12(x)
        value = k1 / k2 + 3.0 / x - mean
        if value > 0.0:
            low = x
        else:
            high = x
        slope = k1 / (x * k2) * 3.0 - 1.0 + (k1 / k2) ** 2 - 3.0 / (x * x)
        step = x - value / slope
        x = step if low < step < high else 0.5 * (low + high)
        if abs(value) < 1e-12 * mean:
            break
    return x


@njit
def change_kinetic(
    state: Array, mass: float, width_nu: float, width_e: float, planck_mass: float
) -> Array:
    """d(T_gamma, T_nu, ln n, u)/d ln a with the mediator's number and energy followed apart.

    dn/dt = -3 H n + sum Gamma_f (<m/E> n)_f - Gamma <m/E> n, d rho/dt = -3 H (rho + p)
    + sum m Gamma_f [n(T_f) - n] over neutrinos and electrons: decays and inverse decays, exact in
    energy whatever the mediator's spectrum; p and <m/E> from a Maxwell-Boltzmann gas of the same
    mean energy. Neutrinos keep a thermal spectrum without chemical potential.
    """
    hot, cold = state[0], state[1]
    number, mean = math.exp(max(state[2], -400.0)), max(state[3], 1.0)
    x = mediator_temperature(mean)
    dilated = 1.0
    if x < 1e8:
        k1, k2 = bessel_12(x)
        dilated = k1 / k2
    energy = number * mass * mean
    pressure_z = number * mass / x
    rho, pressure, slope = plasma(hot)
    one, one_p, one_slope = thermal(cold, 0.0, 1.0)
    nu, nu_p, nu_slope = 6.0 * one, 6.0 * one_p, 6.0 * one_slope
    n_hot, n_cold = equilibrium_number(hot, mass), equilibrium_number(cold, mass)
    k1, k2 = bessel_12(mass / hot)
    made = width_e * (k1 / k2 * n_hot - dilated * number)
    k1, k2 = bessel_12(mass / cold)
    made += width_nu * (k1 / k2 * n_cold - dilated * number)
    from_e, from_nu = mass * width_e * (n_hot - number), mass * width_nu * (n_cold - number)
    gain = weak_transfer(hot, cold)
    rate = hubble(rho + nu + energy, planck_mass)
    growth = -3.0 + made / (rate * number)
    energy_growth = -3.0 * (energy + pressure_z) + (from_e + from_nu) / rate
    return np.array(
        [
            -(3.0 * (rho + pressure) + (gain + from_e) / rate) / slope,
            -(3.0 * (nu + nu_p) - (gain - from_nu) / rate) / nu_slope,
            growth,
            energy_growth / (number * mass) - mean * growth,
        ]
    )
