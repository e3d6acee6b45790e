"""Doubly differential cross sections of l N -> l N Z': in the Z' angle and in the lepton's.

Exact: one integral over t (and the azimuth) at the exact kinematics, any angle. ww and iww: the
small-angle formulas of `bremsstrahlung_ww` and `bremsstrahlung_recoil`, where

    u = E^2 theta^2 x + m^2 (1-x)/x + m_l^2 x         and t_min = [u/2E(1-x)]^2       (Z'),
    T = [E^2 (1-x)^2 psi^2 + m_l^2 x^2]/(1-x)         and t_min = [(T + m^2)/2Ex]^2   (lepton),

t_max = m^2 + m_l^2, and iww has t_min = (m^2/2E)^2. Both hold while the angle is far below 1 and
the photon's transverse momentum far below the Z' s or the lepton's own: integrated over t the
approximations forget that the nucleus too turns the lepton, so at large lepton angles they fall
below the exact result.
"""

from __future__ import annotations

import math

import numpy as np

from mutau.core.jit import njit
from mutau.xsec.bremsstrahlung_integrals import EXACT, WW, over_t
from mutau.xsec.bremsstrahlung_kernels import emission, u_limits
from mutau.xsec.bremsstrahlung_recoil import recoil_over_t, recoil_shape
from mutau.xsec.bremsstrahlung_ww import flux, shape, u_forward


@njit
def theta_kernel(method, energy, m_l, mass, nucleus, x, theta, ff, grid):  # type: ignore[no-untyped-def]
    """d^2 sigma/dx dtheta at coupling 1, pb/rad; theta is the Z' angle to the beam, rad."""
    x_bar, k0 = 1.0 - x, x * energy
    if k0 <= mass or x_bar * energy <= m_l:
        return 0.0
    if method == EXACT:
        p = math.sqrt((energy - m_l) * (energy + m_l))
        k = math.sqrt((k0 - mass) * (k0 + mass))
        low, high = u_limits(energy, m_l, mass, nucleus, x, x_bar)
        excess = 4.0 * p * k * math.sin(0.5 * theta) ** 2
        if low + excess >= high:
            return 0.0
        u = low + excess
        em = emission(energy, m_l, mass, nucleus, x, x_bar, u, excess)
        value = over_t(energy, m_l, mass, nucleus, x, x_bar, em, u, ff, grid)
        return value * 2.0 * p * k * math.sin(theta)
    u = energy * energy * theta * theta * x + u_forward(m_l, mass, x, x_bar)
    t_min = (0.5 * u / (energy * x_bar)) ** 2 if method == WW else (0.5 * mass**2 / energy) ** 2
    chi = flux(t_min, mass * mass + m_l * m_l, ff, grid)
    return chi * shape(energy, m_l, mass, x, x_bar, u) * 2.0 * energy * energy * x * theta


@njit
def psi_kernel(method, energy, m_l, mass, nucleus, x, psi, ff, grid):  # type: ignore[no-untyped-def]
    """d^2 sigma/dx dpsi at coupling 1, pb/rad; psi is the lepton's angle, x = 1 - E'/E."""
    if x * energy <= mass or (1.0 - x) * energy <= m_l:
        return 0.0
    if method == EXACT:
        return recoil_over_t(energy, m_l, mass, nucleus, x, psi, ff, grid)
    value, drop = recoil_shape(energy, m_l, mass, x, psi)
    t_min = (0.5 * drop / (energy * x)) ** 2 if method == WW else (0.5 * mass**2 / energy) ** 2
    k0 = x * energy
    beta = math.sqrt((k0 - mass) * (k0 + mass)) / k0
    return beta * value * flux(t_min, mass * mass + m_l * m_l, ff, grid)


@njit
def angle_kernel(of_zprime, method, energy, m_l, mass, nucleus, x, angle, ff, grid):  # type: ignore[no-untyped-def]
    """`theta_kernel` (of_zprime) or `psi_kernel` over arrays (n,) of x and angle."""
    values = np.zeros(len(x))
    for i in range(len(x)):
        if of_zprime:
            values[i] = theta_kernel(method, energy, m_l, mass, nucleus, x[i], angle[i], ff, grid)
        else:
            values[i] = psi_kernel(method, energy, m_l, mass, nucleus, x[i], angle[i], ff, grid)
    return values
