"""Decays of hadrons in flight: probabilities, exact spectra of the daughters, and events.

Two-body decays are exact. Three-body decays follow their Dalitz density: K -> 3 pi with measured
slopes, K_l3 with the V-A amplitude and linear form factors; inner bremsstrahlung is left out.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.matter.hadrons import DecayChannel, Hadron, hadron

Array = NDArray[np.float64]

_GRID: Final = 400
_BLOCK: Final = 4096  # parents at a time: their arrays stay in the processor's cache


def decay_probability(particle: Hadron, momentum: ArrayLike, path: ArrayLike) -> Array:
    """Chance to decay within `path` cm at `momentum` GeV: 1 - exp(-path m/(p c tau)).

    Arrays broadcast. Raises OutOfRange for a momentum that is not positive or a negative path.
    Check: path/decay length where that is small.
    """
    momentum, path = np.asarray(momentum, float), np.asarray(path, float)
    if not (np.all(momentum > 0.0) and np.all(path >= 0.0) and np.all(np.isfinite(path))):
        raise OutOfRange("momentum or path of a decay", allowed="momentum > 0 GeV, path >= 0 cm")
    return np.asarray(-np.expm1(-path * particle.mass / (momentum * particle.c_tau)))


def rest_momentum(mass: float, m1: ArrayLike, m2: ArrayLike) -> Array:
    """Momentum of the daughters of a two-body decay at rest, GeV (0 below threshold).

    Check: K -> mu nu: 236 MeV (PDG).

    >>> from mutau.matter.hadrons import hadron
    >>> k = hadron("K-"); mu = k.channel("mu", "nu").masses[0]
    >>> f"{float(rest_momentum(k.mass, mu, 0.0)):.4f}"
    '0.2355'
    """
    m1, m2 = np.asarray(m1, float), np.asarray(m2, float)
    inside = (mass**2 - (m1 + m2) ** 2) * (mass**2 - (m1 - m2) ** 2)
    allowed = mass > m1 + m2
    return np.where(allowed, np.sqrt(np.maximum(inside, 0.0)) / (2.0 * mass), 0.0)


def energy_limits(
    particle: Hadron, channel: DecayChannel, index: int, energy: float
) -> tuple[float, float]:
    """Smallest and largest laboratory energy, GeV, of one daughter of a two-body decay.

    energy : of the parent, GeV. The spectrum in between is flat (a spinless parent decays
    isotropically). Raises MutauError for a channel with more daughters.
    Check: K -> mu nu at high energy: from (m_mu/m_K)^2 E to E.
    """
    if len(channel.masses) != 2:
        raise MutauError(f"{channel.label!r} is not a two-body decay")
    require_in_range("energy", energy, particle.mass, math.inf, unit="GeV")
    own, other = channel.masses[index], channel.masses[1 - index]
    p_rest = float(rest_momentum(particle.mass, own, other))
    e_rest = math.hypot(p_rest, own)
    gamma = energy / particle.mass
    swing = math.sqrt(gamma * gamma - 1.0) * p_rest
    return gamma * e_rest - swing, gamma * e_rest + swing


def dalitz_density(
    particle: Hadron, channel: DecayChannel, s12: ArrayLike, s23: ArrayLike
) -> Array:
    """|M|^2 of a three-body decay at squared masses s12, s23 (GeV^2) of daughters, unnormalised.

    0 outside the Dalitz plot. K -> 3 pi: 1 + g u + h u^2 + k v^2, u = (s_3 - s_0)/m_pi^2, v =
    (s_2 - s_1)/m_pi^2, s_i = (P - p_i)^2, the third pion being the odd one. K_l3:
    2 (H.nu)(H.l) - H^2 (l.nu), H = f_+ (P + p_pi) + f_- (P - p_pi), t = (P - p_pi)^2,
    f_- = (f_0 - f_+) (m_K^2 - m_pi^2)/t, the daughters being (pi, l, nu). Else 1: phase space.
    Sources: PDG, Dalitz plot parameters for K -> 3 pi, and K_l3 form factors; V-A by our own trace
    (equal to PDG's A + B xi + C xi^2, tested).
    """
    s12, s23 = np.asarray(s12, float), np.asarray(s23, float)
    m1, m2, m3 = channel.masses
    m = particle.mass
    s13 = m * m + m1 * m1 + m2 * m2 + m3 * m3 - s12 - s23
    inside = _inside(m, channel.masses, s12, s23)
    m_pi2 = hadron("pi-").mass ** 2
    if channel.slopes:
        g, h, k = channel.slopes
        s0 = (s12 + s13 + s23) / 3.0
        u, v = (s12 - s0) / m_pi2, (s13 - s23) / m_pi2
        return np.where(inside, 1.0 + g * u + h * u * u + k * v * v, 0.0)
    if not channel.form_factors:
        return np.where(inside, 1.0, 0.0)
    plus, zero = channel.form_factors
    t = np.maximum(s23, 1e-12)
    f_plus, f_zero = 1.0 + plus * t / m_pi2, 1.0 + zero * t / m_pi2
    f_minus = (f_zero - f_plus) * (m * m - m1 * m1) / t
    a, b = f_plus + f_minus, f_plus - f_minus  # H = a P + b p_pi
    e1 = (m * m + m1 * m1 - s23) / (2.0 * m)
    e2 = (m * m + m2 * m2 - s13) / (2.0 * m)
    e3 = (m * m + m3 * m3 - s12) / (2.0 * m)
    h_l = a * m * e2 + 0.5 * b * (s12 - m1 * m1 - m2 * m2)
    h_nu = a * m * e3 + 0.5 * b * (s13 - m1 * m1 - m3 * m3)
    h_h = a * a * m * m + b * b * m1 * m1 + 2.0 * a * b * m * e1
    return np.where(inside, 2.0 * h_l * h_nu - h_h * 0.5 * (s23 - m2 * m2 - m3 * m3), 0.0)


def _inside(m: float, masses: tuple[float, ...], s12: Array, s23: Array) -> NDArray[np.bool_]:
    """Whether (s12, s23) lies in the Dalitz plot."""
    m1, m2, m3 = masses
    ok = (s12 > (m1 + m2) ** 2) & (s12 < (m - m3) ** 2)
    safe = np.where(ok, s12, (0.5 * (m1 + m2 + m - m3)) ** 2)
    root = np.sqrt(safe)
    e2 = (safe - m1 * m1 + m2 * m2) / (2.0 * root)
    e3 = (m * m - safe - m3 * m3) / (2.0 * root)
    p2 = np.sqrt(np.maximum(e2 * e2 - m2 * m2, 0.0))
    p3 = np.sqrt(np.maximum(e3 * e3 - m3 * m3, 0.0))
    middle = m2 * m2 + m3 * m3 + 2.0 * e2 * e3
    return np.asarray(ok & (np.abs(s23 - middle) < 2.0 * p2 * p3))


def _ranges(m: float, masses: tuple[float, ...]) -> tuple[float, float, float, float]:
    m1, m2, m3 = masses
    return (m1 + m2) ** 2, (m - m3) ** 2, (m2 + m3) ** 2, (m - m1) ** 2


def rest_spectrum(particle: Hadron, channel: DecayChannel, index: int) -> tuple[Array, Array]:
    """(energy, density) of one daughter of a three-body decay at rest: (G,) GeV, (G,) 1/GeV.

    Normalised to 1; relative error below 1e-3 (midpoints of the Dalitz density).
    """
    m, masses = particle.mass, channel.masses
    low12, high12, low23, high23 = _ranges(m, masses)
    centre = (np.arange(_GRID) + 0.5) / _GRID
    if index == 2:  # E_3 follows from s12, E_1 from s23
        along, across = low12 + (high12 - low12) * centre, low23 + (high23 - low23) * centre
        density = dalitz_density(particle, channel, along[:, None], across).sum(axis=1)
    elif index == 0:
        along, across = low23 + (high23 - low23) * centre, low12 + (high12 - low12) * centre
        density = dalitz_density(particle, channel, across, along[:, None]).sum(axis=1)
    else:  # E_2 follows from s13
        total = m * m + sum(x * x for x in masses)
        low, high = (masses[0] + masses[2]) ** 2, (m - masses[1]) ** 2
        along, across = low + (high - low) * centre, low12 + (high12 - low12) * centre
        density = dalitz_density(particle, channel, across, total - along[:, None] - across).sum(
            axis=1
        )
    energy = (m * m + masses[index] ** 2 - along) / (2.0 * m)
    order = np.argsort(energy)
    energy, density = energy[order], density[order]
    step = energy[1] - energy[0]
    return energy, np.asarray(density / (density.sum() * step))


def fraction_below(
    particle: Hadron, channel: DecayChannel, index: int, energy: float, cut: float
) -> float:
    """Fraction of the decays of one channel whose daughter has less than `cut` GeV, laboratory.

    energy : of the parent, GeV. Exact: flat spectrum for two bodies, the rest spectrum boosted
    isotropically for three (relative error 1e-3). Check: 0 and 1 at the kinematic limits.
    """
    if len(channel.masses) == 2:
        low, high = energy_limits(particle, channel, index, energy)
        return min(max((cut - low) / (high - low), 0.0), 1.0)
    e_rest, density = rest_spectrum(particle, channel, index)
    p_rest = np.sqrt(np.maximum(e_rest**2 - channel.masses[index] ** 2, 0.0))
    gamma = energy / particle.mass
    swing = np.maximum(math.sqrt(gamma * gamma - 1.0) * p_rest, 1e-300)
    below = np.clip((cut - gamma * e_rest + swing) / (2.0 * swing), 0.0, 1.0)
    return float(np.sum(below * density) / np.sum(density))


def _isotropic(n: int, rng: np.random.Generator) -> Array:
    """Random unit vectors, (3, n)."""
    out = np.empty((3, n))
    out[2], phi = rng.uniform(-1.0, 1.0, n), rng.uniform(0.0, 2.0 * math.pi, n)
    sine = np.sqrt(1.0 - out[2] * out[2])
    np.multiply(sine, np.cos(phi), out=out[0])
    np.multiply(sine, np.sin(phi), out=out[1])
    return out


def _dalitz_points(
    particle: Hadron, channel: DecayChannel, n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """n points (s12, s23) by accept-reject; the bound is the largest value on a grid, plus 5 %."""
    low12, high12, low23, high23 = _ranges(particle.mass, channel.masses)
    grid12, grid23 = np.linspace(low12, high12, 200), np.linspace(low23, high23, 200)
    bound = 1.05 * float(dalitz_density(particle, channel, grid12[:, None], grid23).max())
    found: list[Array] = []
    have = 0
    while have < n:
        draw = max(int(3.5 * (n - have)), 1000)
        s12, s23 = rng.uniform(low12, high12, draw), rng.uniform(low23, high23, draw)
        keep = rng.uniform(0.0, bound, draw) < dalitz_density(particle, channel, s12, s23)
        found.append(np.stack([s12[keep], s23[keep]]))
        have += int(keep.sum())
    points = np.concatenate(found, axis=1)[:, :n]
    return points[0], points[1]


def _perpendicular(axis: Array, rng: np.random.Generator) -> Array:
    """Random unit vectors across given unit vectors, (3, n)."""
    across = np.cross(axis, _isotropic(axis.shape[1], rng), axis=0)
    return np.asarray(across / np.linalg.norm(across, axis=0))


def _momenta_at_rest(
    particle: Hadron, channel: DecayChannel, n: int, rng: np.random.Generator
) -> list[Array]:
    """Momenta (3, n) of each daughter in n decays at rest, GeV."""
    m = particle.mass
    if len(channel.masses) == 2:
        momentum = float(rest_momentum(m, *channel.masses)) * _isotropic(n, rng)
        return [momentum, -momentum]
    s12, s23 = _dalitz_points(particle, channel, n, rng)
    m1, m2, m3 = channel.masses
    e1 = (m * m + m1 * m1 - s23) / (2.0 * m)
    e3 = (m * m + m3 * m3 - s12) / (2.0 * m)
    p1 = np.sqrt(np.maximum(e1 * e1 - m1 * m1, 0.0))
    p3 = np.sqrt(np.maximum(e3 * e3 - m3 * m3, 0.0))
    # (p_1 + p_3)^2 = p_2^2 fixes the angle between 1 and 3
    p2_2 = (m - e1 - e3) ** 2 - m2 * m2
    cosine = np.clip((p2_2 - p1**2 - p3**2) / np.maximum(2.0 * p1 * p3, 1e-300), -1.0, 1.0)
    axis = _isotropic(n, rng)
    side = _perpendicular(axis, rng)
    first = p1 * axis
    third = p3 * (cosine * axis + np.sqrt(1.0 - cosine**2) * side)
    return [first, -first - third, third]


def decay_in_flight(
    particle: Hadron, channel: DecayChannel, p4: ArrayLike, rng: np.random.Generator
) -> Array:
    """One decay of each parent: (N, daughters, 4) GeV in the laboratory.

    p4 : (N, 4) GeV of the parents, on their mass shell. Raises MutauError for another shape.
    Check: the daughters' momenta sum to the parent's.
    """
    p4 = np.asarray(p4, float)
    if p4.ndim != 2 or p4.shape[1] != 4:
        raise MutauError(f"p4 has shape {p4.shape}", allowed="(N, 4)")
    out = np.empty((len(p4), len(channel.masses), 4))
    momenta = _momenta_at_rest(particle, channel, len(p4), rng)
    for start in range(0, len(p4), _BLOCK):
        part = slice(start, start + _BLOCK)
        energy, *p = np.ascontiguousarray(p4[part].T)
        for i, (momentum, mass) in enumerate(zip(momenta, channel.masses, strict=True)):
            q = momentum[:, part]
            rest = np.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + mass * mass)
            boosted = (energy * rest + p[0] * q[0] + p[1] * q[1] + p[2] * q[2]) / particle.mass
            along = (rest + boosted) / (energy + particle.mass)
            out[part, i, 0] = boosted
            for axis in range(3):
                out[part, i, axis + 1] = q[axis] + along * p[axis]
    return out
