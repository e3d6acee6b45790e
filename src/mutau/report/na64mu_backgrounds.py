"""The NA64mu paper's backgrounds: exact numbers, rare-event estimates, Table I."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import numpy as np

from mutau.background.estimate import Estimate, all_sources, estimate
from mutau.background.hadron_decays import absorber_suppression, contamination, decay_rows
from mutau.background.leading_hadrons import leading_hadrons
from mutau.background.punch_through import hcal_module, punch_through
from mutau.background.registry import not_computed
from mutau.detector.tracking import expected_covariance
from mutau.detector.tracking_geometry import build_arm
from mutau.experiment import Experiment, load_experiment
from mutau.matter.hadron_interactions import interaction_length
from mutau.report.na64mu_simulation import counted_muons
from mutau.report.reproduction import TASKS, Level, Part
from mutau.report.rows import Row, compare, no_test, number
from mutau.signal.simulate_results import HermeticityPlane, hermeticity

#: Size of the background estimates per level; 0 leaves those that are Monte Carlo out.
EFFORT = {"quick": 0.0, "default": 0.3, "full": 1.0}
#: Why a source differs, where its assumption alone does not say it.
WHY = {
    "non-hermeticity": "hadrons fly through the hole of the VHCAL into the yoke of MS2. The paper "
    "does not give the places of the two; where the hole shadows the yoke less than 1e-12 is left: "
    "docs/validation/na64mu_hermeticity.md",
}
#: What stands in `Part.left_out` for numbers that need them, at a level without.
NO_EFFORT = "rare events by Monte Carlo, left out at level {}"
#: Numbers of the rare-event estimates.
RARE = (
    "mu.had.total.after",
    "mu.track.tail",
    "mu.track.multi",
    "mu.track.multi.factor",
    "mu.lead.total",
    "mu.dimuon.made",
    "mu.dimuon.after",
    "mu.table1",
    "mu.table1.hadrons",
    "mu.table1.momentum",
    "mu.table1.hermeticity",
    "mu.table1.punch",
    "mu.table1.dimuon",
)
#: Sources that stand in Table I under another id than the number they are compared with in text.
TABLE_IDS = {"momentum-mismatch": "mu.table1.momentum"}
SHOWN_HADRON = 100.0  # GeV, of the punch-through numbers
PUNCHING = {"n": "neutron", "pi-": "pion", "K_L": "K_L"}


@TASKS.register("na64mu/hadrons")
def hadrons(level: Level) -> Part:
    """Decays in flight, leading hadrons, punch-through: exact numbers and short Monte Carlo."""
    experiment = load_experiment("na64mu")
    rows = decay_rows(experiment)
    chance = {
        name: sum(row.per_hadron for row in rows if row.hadron == name)
        for name in ("K-", "pi-", "K_L")
    }
    (kaon,) = (row for row in rows if (row.hadron, row.channel) == ("K-", "mu nu"))
    short = {
        (row.hadron, row.channel): row for row in decay_rows(experiment, path=400.0)
    }[("K-", "mu nu")]  # fmt: skip
    how = "exact decay kinematics, PDG lifetimes and branchings"
    found = leading_hadrons(experiment)
    beam = contamination(experiment)
    table = [
        compare(number("mu.had.frac.pi"), beam.pion, how="the experiment file"),
        compare(number("mu.had.frac.k"), beam.kaon / beam.pion, how="the experiment file"),
        compare(number("mu.had.decay.k"), chance["K-"], how=how),
        compare(
            number("mu.had.decay.pi"), chance["pi-"], how=how,
            why="decay length 8.95 km at 160 GeV, so 36 m give 4.0e-3: kinematics",
        ),
        compare(
            number("mu.had.decay.kl"), chance["K_L"], how=how,
            why="decay length 4.9 km at 160 GeV, so 36 m give 7.3e-3: kinematics",
        ),
        compare(
            number("mu.had.kmu.all"), kaon.per_hadron, how=how,
            why="0.636 (1 - exp(-36/1203)) = 0.0187: 0.018 is that with the digits cut off, not "
            "rounded, or a path of 34.5 m (the paper has ~ 36 m)",
        ),
        compare(number("mu.had.kmu.low"), kaon.below, how=how),
        compare(
            number("mu.had.total.before"), kaon.per_particle, how=how,
            why="1e-6 x 0.03 x 0.01138; the print multiplies the rounded 0.011",
        ),
        compare(
            number("mu.had.absorber"), absorber_suppression("n"),
            how="exp(-L/interaction length) for neutrons and protons",
        ),
        compare(
            number("mu.had.absorber"), absorber_suppression("K-"), variant="kaon",
            how="exp(-L/interaction length), Glauber with the cross section of kaons",
            why="the background is made by kaons, which meet 2.63 interaction lengths in the "
            "same 150 cm; 3.8 is the number for nucleons",
        ),
        compare(
            number("mu.had.short"), kaon.per_particle / short.per_particle, how=how,
            why="decays alone; behind the cuts much less is gained, since what decays far away "
            "misses S0 and S1: the row after the cuts",
        ),
        compare(
            number("mu.lead"), found.total.value, found.total.err, model_err=found.total.model_err,
            how="photonuclear cross section, tabulated final states and vector mesons",
        ),
    ]  # fmt: skip
    return Part((*table, *_punch_rows(experiment, level)))


def _punch_rows(experiment: Experiment, level: Level) -> list[Row]:
    """Punch-through of 1, 2, 4 modules by 100 GeV hadrons that leave at most 2 GeV, by kind."""
    made_of, length = hcal_module(experiment)
    rows = []
    for modules, (kind, word) in product((1, 2, 4), PUNCHING.items()):
        got = punch_through(
            kind, SHOWN_HADRON, made_of, length, 2.0, modules=modules,
            n=20_000 if level.name == "quick" else 60_000, seed=level.seed,
        )  # fmt: skip
        depth = length / interaction_length(kind, made_of, SHOWN_HADRON)
        row = compare(
            number(f"mu.punch.{modules}"),
            got.value,
            got.err,
            variant="" if kind == "n" else word,
            how=f"forced histories, {SHOWN_HADRON:g} GeV {word} leaving at most 2 GeV",
            why=f"the paper does not say for which hadron; a module is {depth:.1f} interaction "
            f"lengths of a {word}: exp(-{modules * depth:.1f}) = {math.exp(-modules * depth):.1e} "
            "pass without interaction, late and soft showers add to that",
        )
        rows.append(row)
    return rows


@lru_cache(maxsize=2)
def table_one(seed: int, effort: float) -> dict[str, Estimate]:
    """Every source of background of NA64mu, once for all parts of a report."""
    experiment = load_experiment("na64mu")
    return {name: estimate(name, experiment, seed, effort) for name in all_sources()}


@TASKS.register("na64mu/backgrounds")
def backgrounds(level: Level) -> Part:
    """Table I: every source per muon on target by rare-event estimates, and the resolution."""
    experiment = load_experiment("na64mu")
    momentum = experiment.beam.energy
    covariance = expected_covariance(build_arm(experiment, "outgoing"), momentum)
    resolution = float(np.sqrt(covariance[4, 4]) * momentum)
    rows = [
        no_test(
            compare(
                number("mu.track.res"),
                resolution,
                how="covariance of the Kalman filter through MS2, material included",
            )
        )
    ]
    effort, counted = EFFORT.get(level.name, 0.0), hermeticity(counted_muons(level), experiment)[0]
    if effort == 0.0:
        reason = NO_EFFORT.format(level.name)
        return Part((*rows, leak_row(counted)), left_out=dict.fromkeys(RARE, reason))
    found = table_one(level.seed, effort)
    rows += [_estimate_row(item, TABLE_IDS.get(name, "")) for name, item in found.items()]
    rows += [*_parts(found), leak_row(counted, found["non-hermeticity"])]
    total = sum(item.per_particle for item in found.values())
    err = float(np.sqrt(sum(item.total_err**2 for item in found.values())))
    rows.append(
        compare(
            number("mu.table1"),
            total,
            model_err=err,
            ours=f"{total:.1e} ± {err:.1e}: free of background up to {1 / total:.1e} muons",
            how="sum of the sources above; errors with modelling. Not computed: "
            + ("; ".join(row["name"] for row in not_computed(experiment)) or "none"),
            why="most of it is non-hermeticity, which the assumed places of the VHCAL and of "
            "the magnet's gap decide: docs/validation/na64mu_hermeticity.md",
        )
    )
    return Part(tuple(rows))


def _parts(found: dict[str, Estimate]) -> list[Row]:
    """Numbers that the paper gives on the way to Table I."""
    hadron, momentum = found["hadron-decays"], found["momentum-mismatch"]
    several, pairs = found["momentum-mismatch-multi-hit"], found["dimuons"]
    punch = found["punch-through"]
    return [
        compare(number("mu.had.total.after"), hadron.per_particle, hadron.err,
                model_err=hadron.model_err, how=hadron.method),
        _short_path(hadron),
        compare(
            number("mu.track.tail"), momentum.parts["spectrometer_alone"],
            momentum.parts["spectrometer_alone_err"], how=momentum.method,
            why="one collision in the air of the dipole mimics the bend; the tail is a power law, "
            "so an exponential fitted to it gives anything: docs/validation/tracking.md",
        ),
        no_test(
            compare(
                number("mu.track.multi.factor"), several.parts["factor_of_first_tracker"],
                how=several.method,
                why="an input: the inefficiency of 0.02 is the paper's. Found is that each tracker "
                "multiplies by it, less 4 % for the muon's own hit and the cut on chi2",
            )
        ),
        compare(number("mu.lead.total"), punch.per_particle, punch.err,
                model_err=punch.model_err, how=punch.method),
        _pairs_made(pairs),
        compare(number("mu.dimuon.after"), pairs.per_particle, pairs.err,
                model_err=pairs.model_err, how=pairs.method,
                why="the row of Table I, as the text has it"),
    ]  # fmt: skip


def _pairs_made(item: Estimate) -> Row:
    """All pairs, by real photons (the paper's main mechanism) and directly."""
    real, direct = item.parts["made by real photons"], item.parts["made directly"]
    return compare(
        number("mu.dimuon.made"), real + direct,
        ours=f"{real:.2g} by real photons and {direct:.2g} directly; {item.parts['made']:.2g} of "
        "all with more than 40 % of the beam's energy",
        how="Born cross sections over the target, both ways",
        why="direct production, which the paper calls more suppressed, makes twenty times more "
        "pairs: a photon converts within its own 9/7 X0, the muon's virtual photons meet all 40; "
        "its number is of the size of that by real photons: docs/validation/na64mu_backgrounds.md",
    )  # fmt: skip


def _short_path(item: Estimate) -> Row:
    """What a decay path of 4 m leaves of the decays that pass all cuts."""
    (left,) = (value for name, value in item.parts.items() if name.startswith("with a decay path"))
    return compare(
        number("mu.had.short"), item.per_particle / left, variant="after the cuts", how=item.method,
        why="a muon of 60 GeV leaves the kaon's line at some 4 mrad: what decays more than 10 m "
        "before the target misses S0 and S1, so most of what passes is made in the last metres",
    )  # fmt: skip


def leak_row(counted: HermeticityPlane, item: Estimate | None = None) -> Row:
    """Region D of the top panel of fig. 5 (beam trigger, one track): between two ends.

    counted : the simulated panel; what is seen in D bounds the leakage from above (90 %), wherever
    it comes from. item : the estimate of losses in the target, which bounds it from below, two
    standard errors under its value; 0 without it. No edge is extrapolated.
    """
    card, most, least = number("mu.leak"), counted.upper_d, 0.0
    text = f"{counted.regions['D']:.0f} of {counted.on_target:.3g} muons on target counted in D"
    value = err = model = None
    if item is not None:
        value, err = item.parts["top panel"], item.parts["top panel err"]
        model = item.parts["top panel model_err"]
        least = card.span(value, math.hypot(err, model))[0]
        text = (
            f"losses in the target {value:.1e} ± {err:.0e} (statistics) ± {model:.0e} (model); "
            f"{text}"
        )
        most = max(most, least)
    return Row(
        card.id, card.quantity, card.paper, f"{least:.1e} to {most:.1e}: {text}", value, err,
        card.difference(least) if least else "", card.judged(least, most),
        "the paper extrapolates the edge that showers make, which does not say what lies below it: "
        "hadrons through the hole of the VHCAL into the yoke make a shelf, and muons that break up "
        "a nucleus behind the target another: docs/validation/na64mu_hermeticity.md",
        item.method if item else "full simulation, counted", card=card.id, model_err=model,
        distance=card.distance(least) if least else None,
    )  # fmt: skip


def _estimate_row(item: Estimate, table_id: str) -> Row:
    """One source beside the paper's value; its assumption is the explanation."""
    return compare(
        number(table_id or item.paper_id), item.per_particle, item.err, model_err=item.model_err,
        ours=f"{item.per_particle:.2e} ± {item.err:.1e} (statistics) ± {item.model_err:.1e} "
        "(model)",
        how=item.method, why=WHY.get(item.name, item.assumption),
    )  # fmt: skip
