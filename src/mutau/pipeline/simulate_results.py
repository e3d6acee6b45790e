"""What a finished tally of the full simulation says: rates, profiles, hermeticity, cut flow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mutau.core.errors import MutauError
from mutau.detector.shares import weighted_share
from mutau.pipeline.simulate import (
    MODULE_EDGES,
    Axes,
    Tally,
    axes,
    cut_labels,
)

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class BeamProfile:
    """The beam as fig. 3 of the NA64mu paper shows it.

    kept, kept_err : share of all particles that fire the beam trigger with at least 100 GeV of 160
    (`simulate.KEPT_SHARE` of the beam energy).
    sigma_x, sigma_y, their errors : cm, rms of these at the face of the target; 0 with an infinite
    error where none is kept.
    """

    kept: float
    kept_err: float
    sigma_x: float
    sigma_x_err: float
    sigma_y: float
    sigma_y_err: float


def beam_profile(tally: Tally) -> BeamProfile:
    """Share kept by the beam trigger, and the spot behind it. Errors: Gaussian shapes."""
    n, total = tally.sums["n"]
    kept, x, y, xx, yy = tally.sums["kept"]
    share = kept / total
    if not kept:
        return BeamProfile(0.0, 1.0 / math.sqrt(n), 0.0, math.inf, 0.0, math.inf)
    events = max(share * n, 2.0)
    sigma = [math.sqrt(max(s2 / kept - (s / kept) ** 2, 0.0)) for s, s2 in ((x, xx), (y, yy))]
    error = 1.0 / math.sqrt(2.0 * events)
    return BeamProfile(
        float(share), math.sqrt(share * (1.0 - share) / n), sigma[0], sigma[0] * error, sigma[1],
        sigma[1] * error,
    )  # fmt: skip


def trigger_rate(tally: Tally) -> tuple[float, float]:
    """Triggers per particle of the whole beam, halo included, and the error.

    This is what the NA64mu paper calls 0.1 % of the primary beam intensity (sec. II).
    """
    n, total = tally.sums["n"]
    part, part_2 = tally.sums["trigger"]
    return weighted_share(float(part), float(total), float(part_2), float(total) ** 2 / float(n))


def trigger_efficiency(tally: Tally) -> tuple[float, float]:
    """Triggers per particle on target, and the error: for signal, the trigger efficiency.

    Check: above `trigger_rate` by one over the share of the beam that is on target.
    """
    part, part_2 = tally.sums["trigger"]
    return weighted_share(
        float(part), float(tally.sums["flow"][0]), float(part_2), float(tally.sums["flow_2"][0])
    )


def low_trigger_efficiency(tally: Tally) -> tuple[float, float]:
    """Triggers of muons that leave the target with at most half the beam energy (fig. 2).

    Returns (share, error) of those whose beam particle is on target.
    """
    part, part_2 = tally.sums["low_trigger"]
    whole, whole_2 = tally.sums["low"]
    return weighted_share(float(part), float(whole), float(part_2), float(whole_2))


def mip_energy(tally: Tally, module: str) -> tuple[float, float]:
    """Most probable visible energy of beam muons in a module, GeV, and its error.

    Maximum of a parabola through the logarithms of the bins above 0.6 of the highest one.
    """
    counts = tally.sums[f"module_{module}"][:500]
    middle = 0.5 * (MODULE_EDGES[1:501] + MODULE_EDGES[:500])
    smooth = np.convolve(counts, np.ones(5) / 5.0, mode="same")
    smooth[:3] = 0.0  # muons that missed it
    top = int(np.argmax(smooth))
    near = np.flatnonzero(smooth > 0.6 * smooth[top])
    near = near[counts[near] > 0]
    if len(near) < 5:
        raise MutauError(f"too few muons in {module!r} for a most probable energy")
    x = middle[near] - middle[top]
    fit, covariance = np.polyfit(x, np.log(counts[near]), 2, w=np.sqrt(counts[near]), cov=True)
    peak = -0.5 * fit[1] / fit[0]
    gradient = np.array([0.5 * fit[1] / fit[0] ** 2, -0.5 / fit[0], 0.0])
    return float(middle[top] + peak), float(math.sqrt(gradient @ covariance @ gradient))


def median_energy(tally: Tally, module: str) -> float:
    """Median visible energy of a module, GeV, over events with the beam trigger."""
    below = np.cumsum(tally.sums[f"module_{module}"])
    return float(np.interp(0.5 * below[-1], below, MODULE_EDGES[1:]))


@dataclass(frozen=True, slots=True)
class HermeticityPlane:
    """One panel of fig. 5: E'_mu against E_CAL.

    axes : edges of both axes, and region D. counts : (M, S) events, first axis E'_mu.
    regions : region -> events. on_target : particles on target.
    leak, leak_err : events per particle on target that the tail of E_CAL, extrapolated, puts into
    D; `leak_fit` says from which fit. observed_d, upper_d : events in D per particle on target,
    and its 90 % upper limit.
    """

    axes: Axes
    counts: Array
    regions: dict[str, float]
    on_target: float
    leak: float
    leak_err: float
    leak_fit: str
    observed_d: float
    upper_d: float


def regions(counts: Array, ecal_counts: Array, axes: Axes) -> dict[str, float]:
    """Events in the regions of fig. 5, drawn there by hand, here by these rules.

    D: E'_mu and E_CAL up to `axes.region_d`, 80 and 20 GeV for NA64mu. C: that E_CAL, E'_mu above.
    B: E_CAL above, more than half of it in the ECAL (the diagonal). A: the same with less than half
    (HCAL, VHCAL).
    counts, ecal_counts : (M, S), of all events and of those with most of E_CAL in the ECAL.
    """
    muon, seen = _below(axes)
    diagonal = ecal_counts[:, ~seen].sum()
    return {
        "A": float(counts[:, ~seen].sum() - diagonal),
        "B": float(diagonal),
        "C": float(counts[np.ix_(~muon, seen)].sum()),
        "D": float(counts[np.ix_(muon, seen)].sum()),
    }


def _below(axes: Axes) -> tuple[Array, Array]:
    """(bins of E'_mu, bins of E_CAL) up to the limits of region D."""
    # limits are edges up to the rounding of a multiple
    middle = [0.5 * (edges[1:] + edges[:-1]) for edges in (axes.muon, axes.seen)]
    return middle[0] < axes.region_d[0], middle[1] < axes.region_d[1]


def leakage(counts: Array, on_target: float, axes: Axes) -> tuple[float, float, str]:
    """The paper's extrapolation into D: events with the E'_mu of D, falling edge of E_CAL.

    What the calorimeters contain makes an edge of E_CAL near the beam's energy less the muon's
    limit. The projection between the limit of D and the place where it reaches a third of its
    maximum is fitted with exp(a + b E) by maximum likelihood (Poisson), and its integral below the
    limit is the leakage. Returns per particle on target: (leakage, error, how). Error: upwards, by
    the error of the logarithm, from the curvature of the likelihood; it does not know whether the
    edge goes on as an exponential. For fewer than 5 events in the edge no value is claimed: 0, and
    as error the 90 % upper limit of a flat tail.
    """
    muon, seen = _below(axes)
    low, high = axes.seen[:-1], axes.seen[1:]
    projection = counts[muon].sum(axis=0)
    smooth = np.convolve(projection, np.ones(5) / 5.0, mode="same")
    smooth[seen] = 0.0
    edge = low[int(np.argmax(smooth >= smooth.max() / 3.0))] if smooth.max() > 0.0 else high[-1]
    inside = ~seen & (low < edge - 1e-9)
    n, e = projection[inside], 0.5 * (low + high)[inside]
    limit = axes.region_d[1]
    if n.sum() < 5:
        most = (n.sum() + 2.3) / max(edge - limit, 0.5 * (high[0] - low[0])) * limit
        return 0.0, float(most / on_target), f"{n.sum():.0f} events in the edge: flat, 90 % limit"
    beta, covariance = _poisson_line(e, n)
    below = 0.5 * (low + high)[seen]
    rate = np.exp(beta[0] + beta[1] * below)
    value = float(rate.sum())
    gradient = np.array([1.0, float(rate @ below) / value])
    spread = math.sqrt(gradient @ covariance @ gradient)
    how = f"{n.sum():.0f} events up to {edge:.3g} GeV, slope {beta[1]:.3f} per GeV"
    return value / on_target, value * math.expm1(spread) / on_target, how


def _poisson_line(x: Array, n: Array) -> tuple[Array, Array]:
    """Maximum-likelihood exp(a + b x) for Poisson counts, and its covariance (Newton)."""
    design = np.column_stack([np.ones_like(x), x])
    beta = np.array([math.log(n.mean()), 0.0])
    for _ in range(100):
        mean = np.exp(design @ beta)
        information = design.T @ (mean[:, None] * design)
        step = np.linalg.solve(information, design.T @ (n - mean))
        step *= min(1.0, 1.0 / max(np.abs(design @ step).max(), 1e-12))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return beta, np.linalg.inv(information)


def hermeticity(tally: Tally, experiment: Experiment) -> tuple[HermeticityPlane, HermeticityPlane]:
    """Both panels of fig. 5: beam trigger; full trigger and quiet calorimeters."""
    from scipy.special import gammaincinv

    on_target, energies = float(tally.sums["flow"][0]), axes(experiment)
    planes = []
    for name in ("top", "bottom"):
        counts = tally.sums[name]
        found = regions(counts, tally.sums[f"{name}_ecal"], energies)
        leak, error, how = leakage(counts, on_target, energies)
        planes.append(
            HermeticityPlane(
                energies, counts, found, on_target, leak, error, how, found["D"] / on_target,
                float(gammaincinv(found["D"] + 1.0, 0.9)) / on_target,
            )
        )  # fmt: skip
    return planes[0], planes[1]


def cut_flow(tally: Tally, experiment: Experiment) -> list[tuple[str, float, float]]:
    """(step, share of the particles on target left, error) of the whole selection."""
    whole, whole_2 = tally.sums["flow"][0], tally.sums["flow_2"][0]
    return [
        (name, *weighted_share(float(part), float(whole), float(part_2), float(whole_2)))
        for name, part, part_2 in zip(
            cut_labels(experiment), tally.sums["flow"], tally.sums["flow_2"], strict=True
        )
    ]
