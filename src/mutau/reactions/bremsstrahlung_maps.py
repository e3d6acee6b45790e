"""Variables in which the integrands of l N -> l N Z' are smooth, and their limits.

    Z' energy     x/(1-x) = w, of scales min(1, m/m_l) and max(1, m^2/m_l^2);
    emission      u, as sigma = sqrt(u_min/u), for the fall-off as 1/u^2;
    exchange      t - t_min, of scales t_min + screening and min(u/x, nuclear size).

A variable of two scales a < b changes to g = [(1 + w/a)/(1 + w/b)]^(1/16): linear below a, nearly
logarithmic between a and b (the sixteenth root needs square roots only, which processors take of
several numbers at once, as they do not take logarithms), and compressed as 1/w above b.
Quadrature and event sampling share them.
"""

from __future__ import annotations

import math

from mutau.core.jit import njit
from mutau.reactions.bremsstrahlung_kernels import ZprimeKinematics


@njit(forceinline=True)
def to_variable(w: float, a: float, b: float) -> float:
    """g(w) = [(1 + w/a)/(1 + w/b)]^(1/16) of scales a < b."""
    return math.sqrt(math.sqrt(math.sqrt(math.sqrt((1.0 + w / a) / (1.0 + w / b)))))


@njit(forceinline=True)
def from_variable(g: float, a: float, b: float) -> tuple[float, float]:
    """w(g) and dw/dg of `to_variable`."""
    fourth = g * g * g * g
    whole = fourth * fourth * fourth * fourth
    w = a * (whole - 1.0) / (1.0 - whole * a / b)
    return w, 16.0 * (w + a) * (w + b) / ((b - a) * g)


@njit(forceinline=True)
def energy_limits(energy: float, m_l: float, mass: float, nucleus: float) -> tuple[float, float]:
    """Smallest and largest Z' energy in the laboratory, GeV; (1, 0) where nothing is allowed.

    The Z' energy is extreme when the lepton and the nucleus leave together with their least
    mass: a two-body decay of the total momentum, solved in closed form.
    """
    p = math.sqrt((energy - m_l) * (energy + m_l))
    invariant = m_l * m_l + nucleus * nucleus + 2.0 * energy * nucleus
    half = 0.5 * mass * mass + nucleus * (energy - m_l)
    root2 = half * half - invariant * mass * mass
    root = p * math.sqrt(max(root2, 0.0))
    high = (half * (energy + nucleus) + root) / invariant
    back = (half * (energy + nucleus) - root) / invariant
    # where a Z' at rest in the laboratory is out of reach, the backward one is the slowest
    low = back if mass * (energy + nucleus) > half else mass
    closed = (root2 <= 0.0) | (half <= 0.0) | (energy - m_l <= mass)
    return (1.0 if closed else low), (0.0 if closed else high)


@njit(forceinline=True)
def energy_scales(m_l: float, mass: float) -> tuple[float, float]:
    """Scales of the Z' energy variable x/(1-x)."""
    ratio = mass / m_l
    return 0.5 * min(1.0, ratio), 2.0 * max(1.0, ratio * ratio)


@njit(forceinline=True)
def exchange_scales(
    t_min: float, u: float, x: float, screen: float, size: float
) -> tuple[float, float]:
    """Scales of the exchange variable t - t_min."""
    low = t_min + screen
    high = 1.0 / (x / u + size)
    return low, max(high, 2.0 * low)


@njit
def exchange_peak(
    m_l: float,
    mass: float,
    x: float,
    x_bar: float,
    em: ZprimeKinematics,
    scales: tuple[float, float],
) -> tuple[float, float]:
    """Place and width, in the exchange variable, of the Z' along the outgoing lepton.

    There q_perp = kappa (1-y)/y, with the fraction y taken as x, and 1/s has a peak whose
    relative width is sqrt(m^2 (1-x) + m_l^2 x^2)/(kappa (1-x)).
    """
    narrow2 = mass * mass * x_bar + m_l * m_l * x * x
    low, high = scales
    across2 = em.kappa2 * x_bar * x_bar
    if across2 < narrow2:
        return -1.0, 1.0
    w = across2 / (x * x)
    place = to_variable(w, low, high)
    slope = w * (high - low) * place / (16.0 * (w + low) * (w + high))
    return place, 2.0 * slope * math.sqrt(narrow2 / across2)
