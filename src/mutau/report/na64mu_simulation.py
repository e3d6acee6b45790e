"""The NA64mu paper's numbers that need the whole set-up: beam, energies, hermeticity."""

from __future__ import annotations

import math
import os
from functools import lru_cache
from typing import Final

import numpy as np

from mutau.core.figure import Figure, Series
from mutau.experiment import load_experiment
from mutau.report.reproduction import TASKS, Level, Part
from mutau.report.rows import Row, among, compare, no_test, number
from mutau.signal.simulate import SPOT_EDGES, Tally, axes, run_tally
from mutau.signal.simulate_results import (
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


@lru_cache(maxsize=2)
def _counted(name: str, seed: int) -> Tally:
    return run_tally(load_experiment("na64mu"), MUONS[name], seed, workers=os.cpu_count() or 1)


def counted_muons(level: Level) -> Tally:
    """Beam muons of this level through the whole set-up, once for all parts of a report."""
    return _counted(level.name if level.name in MUONS else "default", level.seed)


@TASKS.register("na64mu/beam")
def beam(level: Level) -> Part:
    """Fig. 3: spot and energy of the beam before and behind the counters (mu.fig3)."""
    counted = counted_muons(level)
    profile = beam_profile(counted)
    experiment = load_experiment("na64mu")
    halo = sum(part.share for part in experiment.beam.parts if part.name != "core")
    how = f"{counted.sums['n'][0]:.0f} beam muons through the whole set-up"
    # "about 20 %" is known to its last digit: an even spread over it, as a standard error
    share = number("mu.fig3.halo")
    unknown = ((share.high or halo) - (share.low or halo)) / math.sqrt(12.0)
    rows = (
        compare(
            number("mu.fig3.keep"), profile.kept, profile.kept_err,
            model_err=unknown * profile.kept / (1.0 - halo), how=how,
            why="the share of the halo, \"about 20 %\", is the paper's and known to that digit "
            "(the model error); ours is 80 % less what the counters lose: 0.3 % of the core with "
            "the assumed 6 x 12 cm2, 3.2 sigma of the spot to either side; with some 2.5 sigma, "
            "4.4 x 9.4 cm2, it would be 78 %",
        ),
        no_test(
            compare(
                number("mu.fig3.halo"), halo, how="the experiment file",
                why="an input: the share of the halo is the paper's",
            )
        ),
        *(
            no_test(
                compare(
                    number(f"mu.fig3.spot.{axis}"), *found, how=how,
                    why="a design condition: the paper gives no optics, so the core of the beam in "
                    "the experiment file is chosen for this spot",
                )
            )
            for axis, found in (
                ("x", (profile.sigma_x, profile.sigma_x_err)),
                ("y", (profile.sigma_y, profile.sigma_y_err)),
            )
        ),
    )  # fmt: skip
    edges = axes(experiment).beam
    figures = [
        _spot(counted, "all", "no trigger", "mu.fig3.spot.all"),
        _spot(counted, "beam", "S0, S1, Smu", "mu.fig3.spot.beam"),
    ]
    figures.append(
        Figure(
            id="mu.fig3.energy",
            title="Energy of the beam at the entrance (Fig. 3, right)",
            x_label="$E_\\mu$ [GeV]",
            y_label="muons per GeV, share of the beam",
            series=tuple(
                Series(label, edges, counted.sums[f"energy_{key}"]
                       / (counted.sums["n"][1] * np.diff(edges)), kind="steps")
                for key, label in (("all", "no trigger"), ("beam", "S0, S1, Smu"))
            ),
            log="y",
            caption="Momenta of the halo are spread evenly from 20 to 160 GeV: an assumption.",
        )
    )  # fmt: skip
    return Part(rows, tuple(figures))


def _spot(counted: Tally, key: str, label: str, name: str) -> Figure:
    counts = counted.sums[f"spot_{key}"].T / counted.sums["n"][1]
    return Figure(
        id=name,
        title=f"Beam at the face of the target, {label} (Fig. 3, left)",
        x_label="x [cm]",
        y_label="y [cm]",
        z_label="share of the beam per cell",
        log="z",
        series=(Series(label, SPOT_EDGES, SPOT_EDGES, kind="heatmap", z=counts),),
        caption="Share of the beam per cell of 0.25 cm x 0.25 cm; empty cells white. The halo from "
        "3 cm on is 20 % of the beam without a trigger.",
    )


@TASKS.register("na64mu/hermeticity")
def hermeticity_planes(level: Level) -> Part:
    """Fig. 5, energies of minimum-ionising muons, trigger rate (mu.fig5, mu.mip)."""
    counted = counted_muons(level)
    top, bottom = hermeticity(counted, load_experiment("na64mu"))
    rows = [_mip("mu.mip.ecal", counted, "target"), _mip("mu.mip.hcal", counted, "HCAL1")]
    for id_, plane in (("mu.fig5.top", top), ("mu.fig5.bottom", bottom)):
        shown = ", ".join(f"{key}: {value:.0f}" for key, value in plane.regions.items())
        rows.append(
            compare(
                number(id_), None, ours=f"{shown} of {plane.on_target:.0f} on target",
                how="full simulation with track fit; figure of the same name",
            )
        )  # fmt: skip
    rows.append(_rate_row(level))
    return Part(
        tuple(rows),
        (
            _plane_figure("mu.fig5.top", "trigger S0, S1, Smu", top),
            _plane_figure("mu.fig5.bottom", "all counters, quiet vetoes, VHCAL, HCAL", bottom),
        ),
    )


#: Interaction lengths of an HCAL module in the text of the paper, over those of its 48 layers.
HCAL_DEPTH: Final = 7.5 / 7.4


def _mip(id_: str, counted: Tally, module: str) -> Row:
    """The energy that a muon leaves, by both averages that the paper may quote."""
    peak, peak_err = mip_energy(counted, module)
    median, error = median_energy(counted, module), median_error(counted, module)
    scale = 0.0 if module == "target" else HCAL_DEPTH - 1.0
    why = "the paper does not say which average it quotes; ours count deposited energy"
    if scale:
        why += "; model error: 48 layers make 7.4 interaction lengths where 7.5 are stated"
    row = compare(
        number(id_), median, error, model_err=scale * median, why=why,
        how=f"visible energy of {counted.sums[f'module_{module}'].sum():.0f} beam muons, median",
    )  # fmt: skip
    choices = {
        "median": (median, math.hypot(error, scale * median)),
        "most probable": (peak, math.hypot(peak_err, scale * peak)),
    }
    return among(row, choices)


def _plane_figure(id_: str, label: str, plane: HermeticityPlane) -> Figure:
    regions = ", ".join(f"{key} {value:.0f}" for key, value in plane.regions.items())
    muon, seen = plane.axes.region_d
    return Figure(
        id=id_,
        title=f"Hermeticity, {label} (Fig. 5)",
        x_label="$E'_\\mu$ [GeV]",
        y_label="$E_\\mathrm{CAL}$ [GeV]",
        z_label="events",
        log="z",
        series=(
            Series(label, plane.axes.muon, plane.axes.seen, kind="heatmap", z=plane.counts.T),
            Series(
                "region D", np.array([0.0, muon, muon]), np.array([seen, seen, 0.0]), dashed=True,
            ),
        ),
        caption=f"Events by region: {regions}. D: E' up to {muon:g} GeV and E_CAL up to "
        f"{seen:g} GeV; B: most of E_CAL in the ECAL; A: in HCAL and VHCAL; C: the rest.",
    )  # fmt: skip


def _rate_row(level: Level) -> Row:
    """Trigger rate with everything, beside that of the fast mode (mu.trigger.rate)."""
    tally = counted_muons(level)
    rate, error = trigger_rate(tally)
    on_target, _ = trigger_efficiency(tally)
    steps = {name: share for name, share, _ in cut_flow(tally, load_experiment("na64mu"))}
    measured = next(share for name, share in steps.items() if "incoming_momentum" in name)
    return compare(
        number("mu.trigger.rate"), rate, error, variant="full simulation",
        ours=f"{100 * rate:.3f}({1e5 * error:.0f}) % of the beam; of the muons on target "
        f"{100 * on_target:.3f} %, {100 * measured:.3f} % with 140 to 180 GeV measured upstream",
        how="full simulation, halo and secondaries included",
        why="three quarters come from the halo, whose momenta and edge are assumed; S4 was placed "
        "by the fast mode, which has no halo, for a rate of 0.1 %",
    )  # fmt: skip
