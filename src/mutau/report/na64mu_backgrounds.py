"""The NA64mu paper's backgrounds: exact numbers, rare-event estimates, Table I."""

from __future__ import annotations

import math
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from mutau.background.estimate import Estimate, estimate
from mutau.background.hadron_decays import (
    DecayRow,
    absorber_suppression,
    contamination,
    decay_rows,
)
from mutau.background.leading_hadrons import leading_hadrons
from mutau.background.punch_through import HadronStack, hcal_module, punch_through
from mutau.background.registry import background_sources, not_computed
from mutau.detector.tracking import expected_covariance
from mutau.detector.tracking_geometry import build_arm
from mutau.experiment import load_experiment
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.report.na64mu_simulation import planes
from mutau.report.rows import Ours, number
from mutau.report.runs import ROWS, LeftOut, Run
from mutau.signal.simulate_results import HermeticityPlane

#: Size of the background estimates per level; 0 leaves those that are Monte Carlo out.
EFFORT = {"quick": 0.0, "default": 0.3, "full": 1.0}
#: Why a row of the rare events is not there, at a level without.
NO_EFFORT = "rare events by Monte Carlo, left out at level {}"
#: Rows of single sources of background, by the name of the source.
SOURCE_ROWS = {
    "mu.table1.hadrons": "hadron-decays",
    "mu.table1.momentum": "momentum-mismatch",
    "mu.track.multi": "momentum-mismatch-multi-hit",
    "mu.table1.hermeticity": "non-hermeticity",
    "mu.table1.punch": "punch-through",
    "mu.table1.dimuon": "dimuons",
}
#: Numbers that the paper gives on the way to Table I, which are those of a source as well.
SAME_AS = {
    "mu.had.total.after": "hadron-decays",
    "mu.lead.total": "punch-through",
    "mu.dimuon.after": "dimuons",
}
SHOWN_HADRON = 100.0  # GeV, of the punch-through numbers
PUNCHING = {"n": "neutron", "pi-": "pion", "K_L": "K_L"}


def decays(run: Run) -> dict[tuple[str, str], DecayRow]:
    """Decays in flight over the paper's path, by hadron and channel."""
    return {(row.hadron, row.channel): row for row in decay_rows(load_experiment("na64mu"))}


def decay_chance(run: Run, hadron: str) -> float:
    """Probability that a hadron of the beam decays, whatever into."""
    return sum(row.per_hadron for row in run.of(decays).values() if row.hadron == hadron)


for _id, _hadron in {"k": "K-", "pi": "pi-", "kl": "K_L"}.items():

    @ROWS.register(f"mu.had.decay.{_id}")
    def decay_row(run: Run, hadron: str = _hadron) -> Ours:
        """Probability of a decay over 36 m."""
        return Ours(run.of(decay_chance, hadron))


@ROWS.register("mu.had.frac.pi")
def pions(run: Run) -> Ours:
    """Pions over muons in the beam."""
    return Ours(contamination(load_experiment("na64mu")).pion)


@ROWS.register("mu.had.frac.k")
def kaons(run: Run) -> Ours:
    """Kaons over pions in the beam."""
    beam = contamination(load_experiment("na64mu"))
    return Ours(beam.kaon / beam.pion)


@ROWS.register("mu.had.kmu.all")
def kaons_to_muons(run: Run) -> Ours:
    """Probability of K -> mu nu over 36 m."""
    return Ours(run.of(decays)["K-", "mu nu"].per_hadron)


@ROWS.register("mu.had.kmu.low")
def kaons_to_soft_muons(run: Run) -> Ours:
    """The same with a muon below 100 GeV."""
    return Ours(run.of(decays)["K-", "mu nu"].below)


@ROWS.register("mu.had.total.before")
def kaons_per_muon(run: Run) -> Ours:
    """The same per muon on target."""
    return Ours(run.of(decays)["K-", "mu nu"].per_particle)


@ROWS.register("mu.had.n.total")
def decays_per_muon(run: Run) -> Ours:
    """Pions and negative kaons that decay before the set-up, per muon on target."""
    beam = contamination(load_experiment("na64mu"))
    parts = {
        "pions": beam.pion * run.of(decay_chance, "pi-"),
        "kaons": beam.kaon * run.of(decay_chance, "K-"),
    }
    return Ours(sum(parts.values()), words=parts)


@ROWS.register("mu.had.pi.low")
def soft_muons_of_pions(run: Run) -> Ours:
    """The chance that a pion gives a muon below 100 GeV, over that of a kaon."""
    pion, kaon = run.of(decays)["pi-", "mu nu"], run.of(decays)["K-", "mu nu"]
    words = {
        "pion": pion.below, "kaon": kaon.below, "pions": pion.per_particle,
        "kaons": kaon.per_particle, "part": pion.below / pion.per_hadron,
    }  # fmt: skip
    return Ours(pion.below / kaon.below, words=words)


@ROWS.register("mu.had.absorber")
def absorbed_nucleons(run: Run) -> Ours:
    """Nucleons that pass the aluminium."""
    return Ours(absorber_suppression("n"))


@ROWS.register("mu.had.absorber (kaon)")
def absorbed_kaons(run: Run) -> Ours:
    """Kaons that pass the aluminium."""
    return Ours(absorber_suppression("K-"))


@ROWS.register("mu.had.short")
def short_path(run: Run) -> Ours:
    """Decays over 36 m against those over 4 m."""
    near = decay_rows(load_experiment("na64mu"), path=400.0)
    (short,) = (row for row in near if (row.hadron, row.channel) == ("K-", "mu nu"))
    return Ours(run.of(decays)["K-", "mu nu"].per_particle / short.per_particle)


@ROWS.register("mu.lead")
def leading(run: Run) -> Ours:
    """Leading hadrons made in the target."""
    found = leading_hadrons(load_experiment("na64mu"))
    return Ours(found.total.value, found.total.err, model_err=found.total.model_err)


def punched(run: Run, modules: int, kind: str) -> Ours:
    """Punch-through of 1, 2, 4 modules by 100 GeV hadrons that leave at most 2 GeV, by kind."""
    medium, length = hcal_module(load_experiment("na64mu"))
    got = punch_through(
        kind, SHOWN_HADRON, HadronStack(medium, length, modules), 2.0,
        n=20_000 if run.level.name == "quick" else 60_000, seed=run.level.seed,
    )  # fmt: skip
    depth = length / inelastic_length(kind, medium, SHOWN_HADRON).cm
    words = {"energy": SHOWN_HADRON, "hadron": PUNCHING[kind], "modules": modules, "depth": depth}
    return Ours(got.value, got.err, words=words)


for _modules, (_kind, _word) in product((1, 2, 4), PUNCHING.items()):
    _id = f"mu.punch.{_modules}" + ("" if _kind == "n" else f" ({_word})")
    ROWS.register(_id)(partial(punched, modules=_modules, kind=_kind))


@ROWS.register("mu.track.res")
def resolution(run: Run) -> Ours:
    """Relative momentum resolution behind the target, by the covariance of the filter."""
    experiment = load_experiment("na64mu")
    momentum = experiment.beam.energy
    covariance = expected_covariance(build_arm(experiment, "outgoing"), momentum)
    return Ours(float(np.sqrt(covariance[4, 4]) * momentum))


def source(run: Run, name: str) -> Estimate:
    """One source of background per muon on target, by a rare-event estimate.

    Raises LeftOut at a level without these.
    """
    effort = EFFORT.get(run.level.name, 0.0)
    if not effort:
        raise LeftOut(NO_EFFORT.format(run.level.name))
    return estimate(name, load_experiment("na64mu"), run.level.seed, effort)


def table_one(run: Run) -> dict[str, Estimate]:
    """Every source of background of NA64mu, once for all parts of a report."""
    return {name: run.of(source, name) for name in background_sources(load_experiment("na64mu"))}


def of_source(run: Run, name: str) -> Ours:
    """What a source gives."""
    return estimated(run.of(source, name))


def estimated(item: Estimate) -> Ours:
    """What an estimate gives a row; its assumption is for the text."""
    words = {"value": item.per_particle, "err": item.err, "model_err": item.model_err,
             "method": item.method, "assumption": item.assumption}  # fmt: skip
    return Ours(item.per_particle, item.err, item.model_err, words)


for _id, _name in {**SOURCE_ROWS, **SAME_AS}.items():
    ROWS.register(_id)(partial(of_source, name=_name))


@ROWS.register("mu.table1")
def all_together(run: Run) -> Ours:
    """The sum of Table I with its error, and what it lacks."""
    found = run.of(table_one).values()
    total = sum(item.per_particle for item in found)
    err = float(np.sqrt(sum(item.total_err**2 for item in found)))
    missing = [row["name"] for row in not_computed(load_experiment("na64mu"))]
    return Ours(total, model_err=err, words={"total": total, "err": err, "missing": missing})


@ROWS.register("mu.free")
def free_of_background(run: Run) -> Ours:
    """Muons on target at which one event of background is expected."""
    item = run.of(all_together)
    total, err = item.value or 0.0, item.model_err or 0.0
    return Ours(1.0 / total, model_err=err / total**2)


@ROWS.register("mu.track.tail")
def tail(run: Run) -> Ours:
    """Reconstructed at half the momentum, by the outgoing spectrometer alone."""
    item = run.of(source, "momentum-mismatch")
    value, err = item.parts["spectrometer_alone"], item.parts["spectrometer_alone_err"]
    return Ours(value, err, words={"method": item.method})


@ROWS.register("mu.track.multi.factor")
def further_tracker(run: Run) -> Ours:
    """What each further tracker leaves of the wrong tracks."""
    item = run.of(source, "momentum-mismatch-multi-hit")
    return Ours(item.parts["factor_of_first_tracker"], words={"method": item.method})


@ROWS.register("mu.dimuon.made")
def pairs_made(run: Run) -> Ours:
    """All pairs, by real photons (the paper's main mechanism) and directly."""
    return made_both_ways(run.of(source, "dimuons"))


def made_both_ways(item: Estimate) -> Ours:
    """Pairs by real photons and directly; those above a cut on their energy are words only."""
    real, direct = item.parts["made by real photons"], item.parts["made directly"]
    words = {"real": real, "direct": direct, "energetic": item.parts["made above half the energy"]}
    return Ours(real + direct, words=words)


@ROWS.register("mu.had.short (after the cuts)")
def short_path_after_cuts(run: Run) -> Ours:
    """What a decay path of 4 m leaves of the decays that pass all cuts."""
    item = run.of(source, "hadron-decays")
    (left,) = (value for name, value in item.parts.items() if name.startswith("with a decay path"))
    return Ours(item.per_particle / left, words={"method": item.method})


@ROWS.register("mu.leak")
def leak(run: Run) -> Ours:
    """Region D of the top panel of fig. 5: between what is forced and what is counted."""
    counted = run.of(planes)[0]
    try:
        return leak_between(counted, run.of(source, "non-hermeticity"))
    except LeftOut:
        return leak_between(counted)


def leak_between(counted: HermeticityPlane, item: Estimate | None = None) -> Ours:
    """Region D of the top panel of fig. 5 (beam trigger, one track): between two ends.

    counted : the simulated panel; what is seen in D bounds the leakage from above (90 %), wherever
    it comes from. item : the estimate of losses in the target, which bounds it from below, two
    standard errors under its value; 0 without it. No edge is extrapolated.
    """
    most, least = counted.upper_d, 0.0
    value = err = model = None
    words: dict[str, Any] = {"in_d": counted.regions["D"], "on_target": counted.on_target,
                             "losses": None, "method": ""}  # fmt: skip
    if item is not None:
        value, err = item.parts["top panel"], item.parts["top panel err"]
        model = item.parts["top panel model_err"]
        least = number("mu.leak").span(value, math.hypot(err, model))[0]
        most = max(most, least)
        words |= {"losses": (value, err, model), "method": item.method}
    words |= {"least": least, "most": most}
    return Ours(value, err, model, words, between=(least, most))
