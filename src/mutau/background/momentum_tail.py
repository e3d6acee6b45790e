"""The tail of the momentum residuals, measured without any bias, and its exponential extrapolation.

This is how the NA64mu paper (sec. III C) comes to its number: simulate muons as nature has them,
fit an exponential to the far residuals, and follow it to half the beam's momentum. It stands here
to be compared with what forced interactions give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.momentum_losses import force_loss
from mutau.background.momentum_matter import D_MAX, Q_MAX
from mutau.background.momentum_sampling import (
    Forced,
    Spectrometer,
    TrackCuts,
    nothing_forced,
    observe,
    reconstruct,
)
from mutau.core.errors import MutauError, OutOfRange
from mutau.transport.catastrophic_losses import KINDS

Array = NDArray[np.float64]

_CHUNK: Final = 200_000
_POOL: Final = 4000  # forced losses out of which natural ones are drawn
_V_MIN: Final = 0.02


def _natural_losses(spec: Spectrometer, n: int, rng: np.random.Generator) -> Forced:
    """At most one catastrophic loss for each of n muons, as often as nature has them."""
    none = nothing_forced(n)
    where, loss = np.full((n, 1), np.inf), np.zeros((n, 1))
    push = np.zeros((n, 1, 2))
    for process in KINDS:
        pool = force_loss(spec, rng.random((_POOL, 3)), process, _V_MIN, rng)
        number = rng.poisson(n * pool.weight.mean())
        rows = rng.integers(0, n, number)
        pick = rng.choice(_POOL, number, p=pool.weight / pool.weight.sum())
        where[rows, 0], push[rows, 0] = pool.where[pick], pool.deflection[pick]
        loss[rows, 0] = pool.v[pick] * spec.arm.energy
    return Forced(where, push, loss, none.plane, none.shift)


@dataclass(frozen=True)
class Residuals:
    """Reconstructed minus true momentum (at the first plane) of an unbiased sample.

    low : (K,) GeV, sorted, those below `edge` (GeV, negative). tracks : accepted by the cuts.
    muons : simulated. sigma : GeV, half of the central 68.3 %. wrong : muons below the limit.
    """

    low: Array
    edge: float
    tracks: int
    muons: int
    sigma: float
    wrong: int


def residuals(spec: Spectrometer, cuts: TrackCuts, n: int, rng: np.random.Generator) -> Residuals:
    """Residuals of n muons with everything that happens to them, as often as it does.

    Deflections, displaced hits, inefficiency and catastrophic losses are drawn as nature has
    them. The limit on the momentum of `cuts` does not select, it counts. Memory is bounded,
    whatever n.
    """
    low: list[Array] = []
    sigma, tracks, wrong, done = 0.0, 0, 0, 0
    while done < n:
        m = min(_CHUNK, n - done)
        seen = observe(spec, m, rng, _natural_losses(spec, m, rng), q_top=Q_MAX, d_top=D_MAX)
        everything = TrackCuts(
            math.inf, cuts.min_hits, cuts.p_value, cuts.max_removed, cuts.triggered
        )
        accepted, fit = reconstruct(seen, spec, everything)
        rest = fit.momentum[accepted] - 1.0 / np.abs(seen.truth[accepted])
        if not done:
            sigma = 0.5 * float(np.diff(np.quantile(rest, [0.1587, 0.8413]))[0])
        low.append(rest[rest < -2.0 * sigma])
        tracks += int(accepted.sum())
        wrong += int((fit.momentum[accepted] <= cuts.below).sum())
        done += m
    return Residuals(np.sort(np.concatenate(low)), -2.0 * sigma, tracks, n, sigma, wrong)


@dataclass(frozen=True)
class ExponentialTail:
    """An exponential fitted to residuals below `start` (GeV).

    events : in the fit. slope : GeV. per_muon, err : extrapolated chance per muon and its
    statistical error, which says nothing of whether an exponential is right.
    """

    start: float
    events: int
    slope: float
    per_muon: float
    err: float


def extrapolate(sample: Residuals, distance: float, fraction: float) -> ExponentialTail:
    """Extrapolate the lowest `fraction` of the tracks to residuals below -distance (GeV).

    The slope is the mean excess beyond the start (maximum likelihood).
    Raises MutauError where fewer than ten residuals are in the fit, OutOfRange for a fraction or
    distance without meaning. Check: exponential residuals come out within the error.
    """
    if not (0.0 < fraction < 1.0 and distance > 0.0):
        raise OutOfRange(
            f"fraction = {fraction!r}, distance = {distance!r}", allowed="(0, 1), above 0"
        )
    events = math.floor(fraction * sample.tracks)
    if events < 10 or events >= len(sample.low):
        raise MutauError(
            f"{events} residuals in the fit of {len(sample.low)}", allowed="10 and more",
            remedy="simulate more muons or fit a larger fraction",
        )  # fmt: skip
    start = float(sample.low[events])
    slope = float(np.mean(start - sample.low[:events]))
    reach = (distance + start) / slope
    value = events / sample.muons * math.exp(-max(reach, 0.0))
    err = value * math.sqrt((1.0 + reach**2) / events)
    return ExponentialTail(start, events, slope, value, err)
