"""Kernel: a hadron crosses a calorimeter and leaves almost nothing, by histories with weights."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_P
from mutau.core.jit import njit
from mutau.core.special import lower_gamma

Array = NDArray[np.float64]


@njit
def contained_kernel(
    energy: float, depth: float, em_share: float, radiation: float, numbers: Array
) -> float:
    """Share of a shower's energy deposited within `depth` interaction lengths of its start.

    em_share : weight of the part that scales with radiation lengths. radiation : radiation lengths
    per interaction length. numbers : alpha_0, alpha_1, beta_em, beta_h0, beta_h1 of the profile.
    Below 1 GeV the profile of 1 GeV is taken.
    """
    log = math.log(max(energy, 1.0))
    a = numbers[0] + numbers[1] * log
    hadronic = lower_gamma(a, (numbers[3] + numbers[4] * log) * depth)
    electric = lower_gamma(a, numbers[2] * radiation * depth)
    return em_share * electric + (1.0 - em_share) * hadronic


@njit
def soft_share(
    most: float, energy: float, diffraction: float, power: float, low2: float, high: float
) -> tuple[float, float]:
    """Chance that a collision releases at most a share `most` of the energy: by diffraction, else.

    The share released is w = 1 - x. Diffraction: dM^2/M^2 from low2 (GeV^2) to high s, w = M^2/s.
    Else (1 + power) w^power, from `high` on up to 1 (normalised there). s = 2 m_p E.
    """
    s = 2.0 * M_P * energy
    least = low2 / s
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


@njit
def _release(
    most: float,
    energy: float,
    by_diffraction: bool,
    power: float,
    low2: float,
    high: float,
    u: float,
) -> float:
    """Share released, drawn below `most` by diffraction or else; u uniform."""
    if by_diffraction:
        least = low2 / (2.0 * M_P * energy)
        return least * (min(most, high) / least) ** u
    bottom = high ** (power + 1.0)
    return (bottom + u * (min(most, 1.0) ** (power + 1.0) - bottom)) ** (1.0 / (power + 1.0))


@njit
def punch_through_kernel(
    energy: Array,
    depth: float,
    budget: float,
    stretch: float,
    radiation: float,
    em_mean: float,
    em_spread: float,
    numbers: Array,
    leading: Array,
    rng: np.random.Generator,
    weight: Array,
    collisions: NDArray[np.int64],
) -> None:
    """Histories of hadrons of energy (N,) GeV through `depth` interaction lengths.

    A history is forced to survive: flights are drawn with a mean of `stretch` interaction lengths,
    collisions release no more than the rest of `budget` (GeV, visible) allows; weights carry the
    chances. Visible is what the shower of the released energy deposits up to the end.
    em_mean, em_spread : of a Gaussian em share, clipped to [0, 1]. leading : diffraction, power,
    low2, high of `soft_share`. Writes weight (N,): their mean is the chance to leave at most
    `budget`; collisions (N,): how many happened.
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
            share = min(max(em_mean + em_spread * rng.standard_normal(), 0.0), 1.0)
            most = 1.0
            # largest release whose visible part fits: bisection, the contained share falls slowly
            # with the energy released
            if e * contained_kernel(e, depth - s, share, radiation, numbers) > left:
                low, most = 0.0, 1.0
                for _ in range(30):
                    middle = 0.5 * (low + most)
                    seen = contained_kernel(middle * e, depth - s, share, radiation, numbers)
                    if middle * e * seen > left:
                        most = middle
                    else:
                        low = middle
            soft, hard = soft_share(most, e, leading[0], leading[1], leading[2], leading[3])
            if soft + hard <= 0.0 or n > 1000:
                w = 0.0
                break
            by_diffraction = rng.random() * (soft + hard) < soft
            released = _release(
                most, e, by_diffraction, leading[1], leading[2], leading[3], rng.random()
            )
            w *= soft + hard
            left -= (
                released * e * contained_kernel(released * e, depth - s, share, radiation, numbers)
            )
            left = max(left, 0.0)
            e *= 1.0 - released
            if e < 2.0:
                # nothing leading is left; the rest of the energy has been counted as released
                break
        weight[event] = w
        collisions[event] = n
