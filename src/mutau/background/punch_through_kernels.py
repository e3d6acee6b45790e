"""Kernel: a hadron crosses a calorimeter and leaves almost nothing, by histories with weights."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mutau.core.arrays import FloatArray, IntArray
from mutau.core.constants import M_P
from mutau.core.jit import inner, njit
from mutau.core.special import lower_gamma


class HadronProfile(NamedTuple):
    """Depth profile of hadronic showers: gamma distributions of shape alpha_0 + alpha_1 ln E, with
    the slopes beta_em per radiation length and beta_0 + beta_1 ln E per interaction length."""

    alpha_0: float
    alpha_1: float
    beta_em: float
    beta_0: float
    beta_1: float


class LeadingFragment(NamedTuple):
    """Energy that a collision releases, w = 1 - x of it. By diffraction in a fraction of the
    collisions: dM^2/M^2 from low2 (GeV^2) to high s, w = M^2/s, s = 2 m_p E. Else
    (1 + power) w^power, from `high` on up to 1 (normalised there)."""

    diffraction: float
    power: float
    low2: float
    high: float


class HadronShowers(NamedTuple):
    """Showers of one hadron in one material.

    radiation : radiation lengths per interaction length. em_mean, em_spread : of a Gaussian
    electromagnetic fraction, clipped to [0, 1].
    """

    profile: HadronProfile
    radiation: float
    em_mean: float
    em_spread: float
    leading: LeadingFragment


@njit
def contained_kernel(
    energy: float, depth: float, em: float, radiation: float, profile: HadronProfile
) -> float:
    """Fraction of a shower's energy deposited within `depth` interaction lengths of its start.

    em : weight of the part that scales with radiation lengths. radiation : radiation lengths per
    interaction length. Below 1 GeV the profile of 1 GeV is taken.
    """
    log = math.log(max(energy, 1.0))
    a = profile.alpha_0 + profile.alpha_1 * log
    hadronic = lower_gamma(a, (profile.beta_0 + profile.beta_1 * log) * depth)
    electric = lower_gamma(a, profile.beta_em * radiation * depth)
    return em * electric + (1.0 - em) * hadronic


@njit
def soft_chance(most: float, energy: float, leading: LeadingFragment) -> tuple[float, float]:
    """Chance that a collision releases at most a fraction `most`: by diffraction, else."""
    diffraction, power, high = leading.diffraction, leading.power, leading.high
    s = 2.0 * M_P * energy
    least = leading.low2 / s
    soft = 0.0
    if least >= high:  # below 16 GeV or so there is no room for diffraction
        diffraction = 0.0
    elif most > least:
        soft = min(math.log(most / least) / math.log(high / least), 1.0)
    hard = 0.0
    if most > high:
        span = 1.0 - high ** (power + 1.0)
        hard = (min(most, 1.0) ** (power + 1.0) - high ** (power + 1.0)) / span
    return diffraction * soft, (1.0 - diffraction) * hard


@inner
def _release(
    most: float, energy: float, by_diffraction: bool, leading: LeadingFragment, u: float
) -> float:
    """Fraction released, drawn below `most` by diffraction or else; u uniform."""
    power, high = leading.power, leading.high
    if by_diffraction:
        least = leading.low2 / (2.0 * M_P * energy)
        return least * (min(most, high) / least) ** u
    bottom = high ** (power + 1.0)
    return (bottom + u * (min(most, 1.0) ** (power + 1.0) - bottom)) ** (1.0 / (power + 1.0))


@inner
def _visible(energy: float, depth: float, em: float, showers: HadronShowers) -> float:
    """GeV that a shower of this energy deposits within `depth` interaction lengths."""
    return energy * contained_kernel(energy, depth, em, showers.radiation, showers.profile)


@inner
def _most_released(
    energy: float, depth: float, em: float, left: float, showers: HadronShowers
) -> float:
    """Largest fraction of the energy whose visible part is at most `left` GeV.

    By bisection: the contained fraction falls slowly with the energy released.
    """
    if not _visible(energy, depth, em, showers) > left:
        return 1.0
    low, most = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + most)
        if _visible(middle * energy, depth, em, showers) > left:
            most = middle
        else:
            low = middle
    return most


@njit
def punch_through_kernel(
    energy: FloatArray,
    depth: float,
    budget: float,
    stretch: float,
    showers: HadronShowers,
    rng: np.random.Generator,
    weight: FloatArray,
    collisions: IntArray,
) -> None:
    """Histories of hadrons of energy (N,) GeV through `depth` interaction lengths.

    A history is forced to survive: flights are drawn with a mean of `stretch` interaction lengths,
    collisions release no more than the rest of `budget` (GeV, visible) allows; weights carry the
    chances. Visible is what the shower of the released energy deposits up to the end.
    Writes weight (N,): their mean is the chance to leave at most `budget`; collisions (N,): how
    many happened.
    """
    for event in range(energy.size):
        e, s, w, left, n = energy[event], 0.0, 1.0, budget, 0
        while True:
            flight = rng.exponential(stretch)
            if s + flight >= depth:
                w *= math.exp(-(depth - s) * (1.0 - 1.0 / stretch))
                break
            w *= stretch * math.exp(-flight * (1.0 - 1.0 / stretch))
            s += flight
            n += 1
            em = min(max(showers.em_mean + showers.em_spread * rng.standard_normal(), 0.0), 1.0)
            most = _most_released(e, depth - s, em, left, showers)
            soft, hard = soft_chance(most, e, showers.leading)
            if soft + hard <= 0.0 or n > 1000:
                w = 0.0
                break
            by_diffraction = rng.random() * (soft + hard) < soft
            released = _release(most, e, by_diffraction, showers.leading, rng.random())
            w *= soft + hard
            left -= _visible(released * e, depth - s, em, showers)
            left = max(left, 0.0)
            e *= 1.0 - released
            if e < 2.0:
                # nothing leading is left; the rest of the energy has been counted as released
                break
        weight[event] = w
        collisions[event] = n
