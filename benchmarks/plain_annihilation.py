"""e+ e- -> Z' -> nu nu on moving electrons by SciPy's adaptive quadrature, one energy at a time."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from scipy.integrate import quad

from mutau.core.constants import E_CHARGE, M_E
from mutau.core.units import GEV2_PB
from mutau.matter.atomic_electrons import shells
from mutau.models import LmuMinusLtau


def momenta(symbol: str) -> list[tuple[float, float]]:
    """(electrons, momentum scale in GeV) of hydrogen-like shells."""
    return [(s.electrons, math.sqrt(2.0 * M_E * s.binding_energy)) for s in shells(symbol)]


def cross_section(energy: float, model: LmuMinusLtau, symbol: str) -> float:
    """pb per atom at one positron energy, GeV, into neutrinos."""
    p = math.sqrt(energy**2 - M_E**2)
    beta = p / energy
    pole, half_width = model.mass**2, model.mass * model.width_total
    width = model.width("nunu") / model.mass
    clouds = momenta(symbol)
    top = 20.0 * max(scale for _, scale in clouds)

    def kinematic(k: float, sign: float) -> float:
        return 2.0 * M_E**2 + 2.0 * energy * (math.hypot(M_E, k) + sign * beta * k)

    def integrand(s: float) -> float:
        kappa = (s - 2.0 * M_E**2) / (2.0 * energy)
        inside = max(kappa**2 - (1.0 - beta**2) * M_E**2, 0.0)
        k = abs(M_E**2 - kappa**2) / (kappa * beta + math.sqrt(inside))
        density = sum(
            number * 16.0 / (3.0 * math.pi * p0) * (1.0 + (k / p0) ** 2) ** -3
            for number, p0 in clouds
        )
        mixing = abs(complex(model.kinetic_mixing(s))) ** 2
        matrix = E_CHARGE**2 * mixing * (s + 2.0 * M_E**2) * 2.0 * s * width
        return density * matrix / ((s - pole) ** 2 + half_width**2)

    at_rest = kinematic(0.0, 1.0)
    soft = min(scale for _, scale in clouds)
    edges = {kinematic(k, sign) for k in (soft, 10.0 * soft, top) for sign in (-1.0, 1.0)} | {
        at_rest
    }
    low, high = min(edges), max(edges)
    edges |= {pole + n * half_width for n in (-1e3, -30.0, -3.0, 0.0, 3.0, 30.0, 1e3)}
    cuts = sorted(edge for edge in edges if low <= edge <= high)
    total = sum(
        quad(integrand, a, b, epsabs=0.0, epsrel=1e-6, limit=100)[0] for a, b in pairwise(cuts)
    )
    return GEV2_PB / (16.0 * M_E * p**2) * float(np.real(total))
