"""The NA64mu paper's numbers that need the whole set-up: beam, energies, hermeticity."""

from __future__ import annotations

import math
import os
from typing import Final

import numpy as np

from mutau.core.figure import Figure, Series
from mutau.experiment import load_experiment
from mutau.report.rows import Ours, number
from mutau.report.runs import FIGURES, ROWS, Run
from mutau.signal.simulate import SPOT_EDGES, Tally, axes, run_tally
from mutau.signal.simulate_results import (
    BeamProfile,
    HermeticityPlane,
    beam_profile,
    cut_flow,
    hermeticity,
    median_energy,
    median_error,
    mip_energy,
    trigger_efficiency,
    trigger_rate,
)

#: Beam muons by level; the paper's own number at "full" (40 minutes on one core).
MUONS: Final = {"quick": 60_000, "default": 1_000_000, "full": 100_000_000}


def counted_muons(run: Run) -> Tally:
    """Beam muons of this level through the whole set-up, once for all parts of a report."""
    level = run.level
    muons = MUONS[level.name if level.name in MUONS else "default"]
    return run_tally(load_experiment("na64mu"), muons, level.seed, workers=os.cpu_count() or 1)


def profile(run: Run) -> BeamProfile:
    """Fig. 3: spot of the beam and what the counters keep."""
    return beam_profile(run.of(counted_muons))


def halo_fraction() -> float:
    """Fraction of the beam outside of its core, as the experiment file has it."""
    parts = load_experiment("na64mu").beam.parts
    return sum(part.share for part in parts if part.name != "core")


def _muons(run: Run) -> dict[str, float]:
    return {"muons": float(run.of(counted_muons).sums["n"][0])}


@ROWS.register("mu.fig3.keep")
def kept(run: Run) -> Ours:
    """What the counters keep of the beam."""
    halo, found = halo_fraction(), run.of(profile)
    # "about 20 %" is known to its last digit: an even spread over it, as a standard error
    card = number("mu.fig3.halo")
    unknown = ((card.high or halo) - (card.low or halo)) / math.sqrt(12.0)
    return Ours(found.kept, found.kept_err, unknown * found.kept / (1.0 - halo), _muons(run))


@ROWS.register("mu.fig3.halo")
def halo(run: Run) -> Ours:
    """The fraction of the halo in the file."""
    return Ours(halo_fraction())


@ROWS.register("mu.fig3.spot.x")
def spot_x(run: Run) -> Ours:
    """Horizontal spot behind the counters, cm."""
    found = run.of(profile)
    return Ours(found.sigma_x, found.sigma_x_err, words=_muons(run))


@ROWS.register("mu.fig3.spot.y")
def spot_y(run: Run) -> Ours:
    """Vertical spot behind the counters, cm."""
    found = run.of(profile)
    return Ours(found.sigma_y, found.sigma_y_err, words=_muons(run))


@FIGURES.register("mu.fig3.spot.all")
def spot_of_all(run: Run) -> Figure:
    """The beam at the face of the target without a trigger."""
    return _spot(run.of(counted_muons), "all", "no trigger", "mu.fig3.spot.all")


@FIGURES.register("mu.fig3.spot.beam")
def spot_of_triggered(run: Run) -> Figure:
    """The same behind the beam-defining counters."""
    return _spot(run.of(counted_muons), "beam", "S0, S1, Smu", "mu.fig3.spot.beam")


@FIGURES.register("mu.fig3.energy")
def beam_energy(run: Run) -> Figure:
    """Energy of the beam at the entrance, without and with the counters."""
    counted, edges = run.of(counted_muons), axes(load_experiment("na64mu")).beam
    return Figure(
        id="mu.fig3.energy",
        title="Energy of the beam at the entrance (Fig. 3, right)",
        x_label="$E_\\mu$ [GeV]",
        y_label="muons per GeV, fraction of the beam",
        series=tuple(
            Series(label, edges, counted.sums[f"energy_{key}"]
                   / (counted.sums["n"][1] * np.diff(edges)), kind="steps")
            for key, label in (("all", "no trigger"), ("beam", "S0, S1, Smu"))
        ),
        log="y",
        caption="Momenta of the halo are spread evenly from 20 to 160 GeV: an assumption.",
    )  # fmt: skip


def _spot(counted: Tally, key: str, label: str, name: str) -> Figure:
    counts = counted.sums[f"spot_{key}"].T / counted.sums["n"][1]
    return Figure(
        id=name,
        title=f"Beam at the face of the target, {label} (Fig. 3, left)",
        x_label="x [cm]",
        y_label="y [cm]",
        z_label="fraction of the beam per cell",
        log="z",
        series=(Series(label, SPOT_EDGES, SPOT_EDGES, kind="heatmap", z=counts),),
        caption="Fraction of the beam per cell of 0.25 cm x 0.25 cm; empty cells white. The "
        "halo from 3 cm on is 20 % of the beam without a trigger.",
    )


def planes(run: Run) -> tuple[HermeticityPlane, HermeticityPlane]:
    """Fig. 5, top and bottom."""
    return hermeticity(run.of(counted_muons), load_experiment("na64mu"))


def _regions(plane: HermeticityPlane) -> Ours:
    return Ours(words={"regions": plane.regions, "on_target": plane.on_target})


@ROWS.register("mu.fig5.top")
def top_row(run: Run) -> Ours:
    """Events in the regions of the top panel."""
    return _regions(run.of(planes)[0])


@ROWS.register("mu.fig5.bottom")
def bottom_row(run: Run) -> Ours:
    """Events in the regions of the bottom panel."""
    return _regions(run.of(planes)[1])


#: Half width of the diagonal of fig. 5 over the beam energy: 2.5 sigma of beam and spectrometer,
#: 3 % each.
BAND: Final = 2.5 * math.hypot(0.03, 0.03)


@FIGURES.register("mu.fig5.top")
def top_figure(run: Run) -> Figure:
    """Muon energy over calorimeter energy with the trigger alone."""
    return _plane_figure("mu.fig5.top", "trigger S0, S1, Smu", run.of(planes)[0])


@FIGURES.register("mu.fig5.bottom")
def bottom_figure(run: Run) -> Figure:
    """The same with all counters and quiet vetoes."""
    label = "all counters, quiet vetoes, VHCAL, HCAL"
    return _plane_figure("mu.fig5.bottom", label, run.of(planes)[1])


#: Interaction lengths of an HCAL module in the text of the paper, over those of its 48 layers.
HCAL_DEPTH: Final = 7.5 / 7.4


@ROWS.register("mu.mip.ecal")
def mip_in_the_target(run: Run) -> Ours:
    """The energy that a muon leaves in the target, by both averages that the paper may quote."""
    return _mip(run.of(counted_muons), "target", 0.0)


@ROWS.register("mu.mip.hcal")
def mip_in_a_module(run: Run) -> Ours:
    """The same in a module of the HCAL, with the depth that its layers lack as a model error."""
    return _mip(run.of(counted_muons), "HCAL1", HCAL_DEPTH - 1.0)


@ROWS.register("mu.hcal.charged")
def charged_hadron_like_a_muon(run: Run) -> Ours:
    """The energy of a muon in a module, which a leading hadron must have to look like one."""
    return _mip(run.of(counted_muons), "HCAL1", HCAL_DEPTH - 1.0)


def _mip(counted: Tally, module: str, scale: float) -> Ours:
    peak, peak_err = mip_energy(counted, module)
    median, error = median_energy(counted, module), median_error(counted, module)
    choices = {
        "median": (median, math.hypot(error, scale * median)),
        "most probable": (peak, math.hypot(peak_err, scale * peak)),
    }
    words = {"muons": float(counted.sums[f"module_{module}"].sum())}
    return Ours(median, error, scale * median, words, choices)


def _outlines(plane: HermeticityPlane, beam: float) -> tuple[Series, ...]:
    """Where the events of the regions lie: their rules are about the calorimeters, not the plane.

    B: what the muon loses is seen, E' + E_CAL = E_beam within 2.5 sigma of the beam and E'. A: more
    than that is seen, since the muon loses it behind the place where it is measured.
    beam : GeV. Check: the three and D touch and do not overlap.
    """
    muon, seen = plane.axes.region_d
    width = BAND * beam
    right, top = float(plane.axes.muon[-1]), float(plane.axes.seen[-1])
    upper, lower = beam + width, beam - width
    diagonal = [(upper - seen, seen), (max(upper - top, 0.0), min(upper, top))]
    b = [*diagonal, (0.0, min(lower, top)), (lower - seen, seen)]
    a = [*diagonal, (0.0, top), (right, top), (right, seen)]
    c = [(muon, 0.0), (right, 0.0), (right, seen), (muon, seen)]
    d = [(0.0, 0.0), (muon, 0.0), (muon, seen), (0.0, seen)]
    found = []
    for name, corners in (("A", a), ("B", b), ("C", c), ("D", d)):
        x, y = np.array([*corners, corners[0]]).T
        found.append(Series(f"region {name}", x, y, dashed=name != "D"))
    return tuple(found)


def _plane_figure(id_: str, label: str, plane: HermeticityPlane) -> Figure:
    regions = ", ".join(f"{key} {value:.0f}" for key, value in plane.regions.items())
    muon, seen = plane.axes.region_d
    beam = load_experiment("na64mu").beam.energy
    return Figure(
        id=id_,
        title=f"Hermeticity, {label} (Fig. 5)",
        x_label="$E'_\\mu$ [GeV]",
        y_label="$E_\\mathrm{CAL}$ [GeV]",
        z_label="events",
        log="z",
        x_range=(float(plane.axes.muon[0]), float(plane.axes.muon[-1])),
        y_range=(float(plane.axes.seen[0]), float(plane.axes.seen[-1])),
        series=(
            Series(label, plane.axes.muon, plane.axes.seen, kind="heatmap", z=plane.counts.T),
            *_outlines(plane, beam),
        ),
        caption=f"{plane.on_target:.3g} muons on target; events by region: {regions}. D: E' up to "
        f"{muon:g} GeV and E_CAL up to {seen:g} GeV; C: that E_CAL, E' above; B: most of E_CAL in "
        "the ECAL; A: in HCAL and VHCAL. The outlines of A and B show where such events lie.",
    )  # fmt: skip


@ROWS.register("mu.trigger.rate (full simulation)")
def rate_of_all(run: Run) -> Ours:
    """Trigger rate with everything, beside that of the fast mode."""
    tally = run.of(counted_muons)
    rate, error = trigger_rate(tally)
    steps = {name: kept for name, kept, _ in cut_flow(tally, load_experiment("na64mu"))}
    measured = next(kept for name, kept in steps.items() if "incoming_momentum" in name)
    words = {"rate": rate, "error": error, "on_target": trigger_efficiency(tally)[0],
             "measured": measured}  # fmt: skip
    return Ours(rate, error, words=words)
