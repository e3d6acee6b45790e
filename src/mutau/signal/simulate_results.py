"""What a finished tally of the full simulation says: rates, profiles, hermeticity, cut flow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mutau.core.errors import MutauError
from mutau.detector.fractions import weighted_fraction
from mutau.signal.simulate import (
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

    kept, kept_err : fraction of all particles that fire the beam trigger with at least 100 GeV of
    160 (`simulate.KEPT_SHARE` of the beam energy).
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
    """Fraction kept by the beam trigger, and the spot behind it. Errors: Gaussian shapes."""
    n, total = tally.sums["n"]
    kept, x, y, xx, yy = tally.sums["kept"]
    fraction = kept / total
    if not kept:
        return BeamProfile(0.0, 1.0 / math.sqrt(n), 0.0, math.inf, 0.0, math.inf)
    events = max(fraction * n, 2.0)
    sigma = [math.sqrt(max(s2 / kept - (s / kept) ** 2, 0.0)) for s, s2 in ((x, xx), (y, yy))]
    error = 1.0 / math.sqrt(2.0 * events)
    return BeamProfile(
        float(fraction), math.sqrt(fraction * (1.0 - fraction) / n),
        sigma[0], sigma[0] * error, sigma[1],
        sigma[1] * error,
    )  # fmt: skip


def trigger_rate(tally: Tally) -> tuple[float, float]:
    """Triggers per particle of the whole beam, halo included, and the error.

    This is what the NA64mu paper calls 0.1 % of the primary beam intensity (sec. II).
    """
    n, total = tally.sums["n"]
    part, part_2 = tally.sums["trigger"]
    return weighted_fraction(float(part), float(total), float(part_2), float(total) ** 2 / float(n))


def trigger_efficiency(tally: Tally) -> tuple[float, float]:
    """Triggers per particle on target, and the error: for signal, the trigger efficiency.

    Check: above `trigger_rate` by one over the fraction of the beam that is on target.
    """
    part, part_2 = tally.sums["trigger"]
    return weighted_fraction(
        float(part), float(tally.sums["flow"][0]), float(part_2), float(tally.sums["flow_2"][0])
    )


def low_trigger_efficiency(tally: Tally) -> tuple[float, float]:
    """Triggers of muons that leave the target with at most half the beam energy (fig. 2).

    Returns (fraction, error) of those whose beam particle is on target.
    """
    part, part_2 = tally.sums["low_trigger"]
    whole, whole_2 = tally.sums["low"]
    return weighted_fraction(float(part), float(whole), float(part_2), float(whole_2))


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


def median_error(tally: Tally, module: str) -> float:
    """Statistical error of `median_energy`, GeV: sqrt(N)/2 over the events per GeV at the median.

    Density of the bins within 5 % of the median. Check: 1.25 sigma / sqrt(N) for a Gaussian.
    """
    counts, median = tally.sums[f"module_{module}"], median_energy(tally, module)
    near = np.abs(0.5 * (MODULE_EDGES[1:] + MODULE_EDGES[:-1]) - median) < 0.05 * median
    density = float(counts[near].sum() / np.diff(MODULE_EDGES)[near].sum())
    return 0.5 * math.sqrt(float(counts.sum())) / density


@dataclass(frozen=True, slots=True)
class HermeticityPlane:
    """One panel of fig. 5: E'_mu against E_CAL.

    axes : edges of both axes, and region D. counts : (M, S) events, first axis E'_mu.
    regions : region -> events. on_target : particles on target. observed_d, upper_d : events in D
    per particle on target, and its 90 % upper limit. Nothing is extrapolated into D: what is seen
    above it does not say what happens in it (docs/validation/na64mu_hermeticity.md).
    """

    axes: Axes
    counts: Array
    regions: dict[str, float]
    on_target: float
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


def hermeticity(tally: Tally, experiment: Experiment) -> tuple[HermeticityPlane, HermeticityPlane]:
    """Both panels of fig. 5: beam trigger; full trigger and quiet calorimeters."""
    from scipy.special import gammaincinv

    on_target, energies = float(tally.sums["flow"][0]), axes(experiment)
    planes = []
    for name in ("top", "bottom"):
        counts = tally.sums[name]
        found = regions(counts, tally.sums[f"{name}_ecal"], energies)
        planes.append(
            HermeticityPlane(
                energies, counts, found, on_target, found["D"] / on_target,
                # Poisson upper limit at 90 %
                float(gammaincinv(found["D"] + 1.0, 0.9)) / on_target,
            )
        )  # fmt: skip
    return planes[0], planes[1]


def cut_flow(tally: Tally, experiment: Experiment) -> list[tuple[str, float, float]]:
    """(step, fraction of the particles on target left, error) of the whole selection."""
    whole, whole_2 = tally.sums["flow"][0], tally.sums["flow_2"][0]
    return [
        (name, *weighted_fraction(float(part), float(whole), float(part_2), float(whole_2)))
        for name, part, part_2 in zip(
            cut_labels(experiment), tally.sums["flow"], tally.sums["flow_2"], strict=True
        )
    ]
