"""Bounds in plain SciPy: solar neutrinos on electrons, and N_eff of a thermal mediator."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from scipy.special import kn

from mutau.core.constants import E_CHARGE, G_F, M_E, SIN2_W
from mutau.models import loop_mixing

Array = NDArray[np.float64]
_X, _W = np.polynomial.legendre.leggauss(100)
_Y, _DY = 20.0 * (_X + 1.0), 20.0 * _W


def borexino(
    mass: float, shares: Sequence[float], window: tuple[float, float], largest: float, energy: float
) -> float:
    """Coupling of L_mu - L_tau at which the rate is `largest` times the standard one."""

    def rate(coupling: float) -> float:
        def spectrum(t: float) -> float:
            mixing = -E_CHARGE * float(loop_mixing(-2.0 * M_E * t, coupling).real)
            total = 0.0
            for share, charge, left in zip(shares, (0, 1, -1), (0.5, -0.5, -0.5), strict=True):
                new = charge * coupling * mixing
                new /= 2.0 * math.sqrt(2.0) * G_F * (mass**2 + 2.0 * M_E * t)
                g_l, g_r, y = SIN2_W + left + new, SIN2_W + new, t / energy
                total += share * (g_l**2 + (g_r * (1.0 - y)) ** 2 - g_l * g_r * M_E * y / energy)
            return total

        return quad(spectrum, *window, epsabs=0.0, epsrel=1e-9)[0]

    goal = largest * rate(0.0)
    return math.exp(brentq(lambda g: rate(math.exp(g)) - goal, -16.0, 2.0, rtol=1e-10))


def _gas(temperature: float, mass: float, sign: float, states: float) -> Array:
    """rho, p, d rho/dT of a gas without chemical potential; sign +1 for fermions."""
    y, x = _Y, mass / temperature
    energy = np.sqrt(y * y + x * x)
    occupation = np.exp(-energy) / (1.0 + sign * np.exp(-energy))
    spread = occupation * (1.0 - sign * occupation)
    front = states * _DY * y * y / (2.0 * np.pi**2) * temperature**4
    return np.array(
        [
            front @ (energy * occupation),
            front @ (y * y / (3.0 * energy) * occupation),
            front @ (energy**2 * spread) / temperature,
        ]
    )


def thermal_neff(mass: float, width_e: float, planck: float, rtol: float = 1e-6) -> float:
    """N_eff with a vector in equilibrium with three neutrinos, down to T_gamma = 10 keV."""

    def number(t: float) -> float:
        return 1.5 / np.pi**2 * mass**2 * t * kn(2, mass / t)

    def change(_: float, state: Array) -> list[float]:
        hot, cold = state
        rho, p, slope = _gas(hot, 0.0, -1.0, 2.0) + _gas(hot, M_E, 1.0, 4.0)
        dark, dark_p, dark_slope = _gas(cold, 0.0, 1.0, 6.0) + _gas(cold, mass, -1.0, 3.0)
        gain = 32.0 * 0.884 * (hot**9 - cold**9) + 56.0 * 0.829 * (hot * cold) ** 4 * (hot - cold)
        gain *= G_F**2 / np.pi**5 * (3.0 - 4.0 * SIN2_W + 24.0 * SIN2_W**2)
        gain += mass * width_e * (number(hot) - number(cold))
        hubble = math.sqrt(8.0 * np.pi * (rho + dark) / 3.0) / planck
        return [
            -(3.0 * (rho + p) + gain / hubble) / slope,
            -(3.0 * (dark + dark_p) - gain / hubble) / dark_slope,
        ]

    def arrived(_: float, state: Array) -> float:
        return float(state[0] - 1e-5)

    arrived.terminal = True  # type: ignore[attr-defined]
    start = [0.03, 0.03]
    out = solve_ivp(
        change, (0.0, 14.0), start, method="Radau", events=arrived, rtol=rtol, atol=1e-12
    )
    hot, cold = out.y[:, -1]
    return float(3.0 * (11.0 / 4.0) ** (4.0 / 3.0) * (cold / hot) ** 4)
