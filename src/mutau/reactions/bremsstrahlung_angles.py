"""Doubly differential cross sections of l N -> l N Z': in the Z' angle and in the lepton's.

Exact: one integral over t (and the azimuth) at the exact kinematics, any angle. ww and iww: the
small-angle formulas of `bremsstrahlung_ww` and `bremsstrahlung_recoil`, where

    u = E^2 theta^2 x + m^2 (1-x)/x + m_l^2 x         and t_min = [u/2E(1-x)]^2       (Z'),
    T = [E^2 (1-x)^2 psi^2 + m_l^2 x^2]/(1-x)         and t_min = [(T + m^2)/2Ex]^2   (lepton),

t_max = m^2 + m_l^2, and iww has t_min = (m^2/2E)^2. Both hold while the angle is far below 1 and
the photon's transverse momentum far below that of the Z' and of the lepton: integrated over t the
approximations forget that the nucleus too turns the lepton, so at large lepton angles they fall
below the exact result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mutau.reactions.bremsstrahlung_density import TREE, WW, Collision
from mutau.reactions.bremsstrahlung_integrals import Emissions, t_integrals, theta_nodes
from mutau.reactions.bremsstrahlung_recoil import recoil_integrals, recoil_shape
from mutau.reactions.bremsstrahlung_ww import fluxes, iww_flux, ww_shape
from mutau.reactions.quadrature import Rule

Array = NDArray[np.float64]


def theta_values(
    collision: Collision, energy: float, mass: float, x: Array, theta: Array, rule: Rule
) -> Array:
    """d^2 sigma/dx dtheta at coupling 1, pb/rad, at (n,) points; theta is the Z' angle."""
    m_l, ff = collision.m_l, collision.ff
    es, ms = np.full(len(x), energy), np.full(len(x), mass)
    if collision.method == TREE:
        u, excess, slope = theta_nodes(energy, mass, x, theta, collision)
        value = t_integrals(Emissions(es, ms, x, 1.0 - x, u, excess), collision, rule)
        return np.asarray(value * slope)
    value = np.zeros(len(x))
    open_ = (x * energy > mass) & ((1.0 - x) * energy > m_l)
    es, ms, x, theta = es[open_], ms[open_], x[open_], theta[open_]
    x_bar = 1.0 - x
    u = energy * energy * theta * theta * x + mass * mass * x_bar / x + m_l * m_l * x
    if collision.method == WW:
        chi = fluxes((0.5 * u / (energy * x_bar)) ** 2, ms * ms + m_l * m_l, ff, rule)
    else:
        chi = iww_flux(es, ms, m_l, ff, rule)
    value[open_] = chi * ww_shape(es, collision, ms, x, x_bar, u) * 2.0 * energy**2 * x * theta
    return value


def psi_values(
    collision: Collision, energy: float, mass: float, x: Array, psi: Array, rule: Rule
) -> Array:
    """d^2 sigma/dx dpsi at coupling 1, pb/rad, at (n,) points: the lepton's angle, x = 1 - E'/E."""
    m_l, ff = collision.m_l, collision.ff
    value = np.zeros(len(x))
    open_ = (x * energy > mass) & ((1.0 - x) * energy > m_l)
    x, psi = x[open_], psi[open_]
    if collision.method == TREE:
        value[open_] = recoil_integrals(energy, mass, collision, x, psi, rule)
        return value
    shape, drop = recoil_shape(energy, collision, mass, x, psi)
    ms = np.full(len(x), mass)
    if collision.method == WW:
        chi = fluxes((0.5 * drop / (energy * x)) ** 2, ms * ms + m_l * m_l, ff, rule)
    else:
        chi = iww_flux(np.full(len(x), energy), ms, m_l, ff, rule)
    k0 = x * energy
    value[open_] = np.sqrt((k0 - mass) * (k0 + mass)) / k0 * shape * chi
    return value
