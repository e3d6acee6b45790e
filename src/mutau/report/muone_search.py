"""What the MUonE paper leaves open, beside its words: backgrounds, veto, tuned cuts, mass peak."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import numpy as np

from mutau.analysis.muone_mass import (
    DEFAULT_EVENTS,
    InjectionTest,
    MissingMassSpectrum,
    closure,
    expected_counts,
    spectrum,
)
from mutau.analysis.muone_optimise import optimise
from mutau.analysis.settings import Settings
from mutau.background.estimate import estimate
from mutau.background.muone import VetoNeeds
from mutau.background.muone_coincidences import DECAYS, PILE_UP
from mutau.background.muone_crystals import missed_photons, veto_inefficiency
from mutau.background.muone_inelastic import INELASTIC
from mutau.background.muone_needs import leak_needs, veto_needs
from mutau.background.muone_pairs import PAIRS, PAIRS_ON_ELECTRONS
from mutau.background.muone_photons import CONVERSIONS
from mutau.background.muone_pions import PIONS
from mutau.background.muone_samples import WITH_ELECTRON
from mutau.background.muone_sources import double_scattering, elastic_leakage
from mutau.background.muone_tails import TAILS
from mutau.core.figure import Figure, Series
from mutau.experiment import load_experiment
from mutau.matter import material
from mutau.models import LmuMinusLtau
from mutau.report.rows import Ours
from mutau.report.runs import FIGURES, ROWS, Run
from mutau.signal.exposure import particles_on_target

BENCHMARKS = ((0.1, 1e-3), (0.01, 5e-4))
INEFFICIENCY = np.geomspace(1e-10, 1e-3, 57)
ALL_ANGLES = ("theta_mu", "electron_energy", "theta_e", "acoplanarity", "inelasticity")


#: Cuts that are tuned, by experiment.
TUNED: Final = {
    "muone": ALL_ANGLES,
    "muone-spectrometer": ("missing_energy", "missing_mass2"),
}


def effort(run: Run) -> float:
    """Size of the Monte Carlo samples, 1 at the default level."""
    return min(max(run.level.events / 200_000, 0.1), 10.0)


def point(mass: float, coupling: float) -> LmuMinusLtau:
    """A benchmark of the paper as a model."""
    return LmuMinusLtau(mass=mass, coupling=coupling)


@ROWS.register("me.elastic")
def elastic(run: Run) -> Ours:
    """Elastic events that the calorimeter measures too low."""
    experiment = load_experiment("muone")
    leak = elastic_leakage(experiment, run.level.seed, effort(run))
    events = leak.per_particle * particles_on_target(experiment)
    return Ours(events, words={"events": events, "method": leak.method, "why": leak.assumption})


#: Row -> source of background, in the order of the report.
SOURCE_ROWS: Final = {
    "me.nuclear": INELASTIC, "me.pairs": PAIRS, "me.pairs.electrons": PAIRS_ON_ELECTRONS,
    "me.converted": CONVERSIONS, "me.tails": TAILS, "me.pi0": PIONS, "me.pileup": PILE_UP,
    "me.decays": DECAYS,
}  # fmt: skip


def source(run: Run, name: str) -> Ours:
    """Events of one source of background under the file's cuts."""
    experiment = load_experiment("muone")
    found = estimate(name, experiment, run.level.seed, min(effort(run), 1.0))
    particles = particles_on_target(experiment)
    words = {"events": found.per_particle * particles, "err": found.err * particles,
             "model_err": found.model_err * particles, "method": found.method,
             "why": found.assumption,
             "parts": {key: value * particles for key, value in found.parts.items()}}  # fmt: skip
    return Ours(found.per_particle * particles, found.err * particles, words=words)


for _row, _source in SOURCE_ROWS.items():
    ROWS.register(_row)(partial(source, name=_source))


@ROWS.register("me.veto.crystals")
def crystals(run: Run) -> Ours:
    """The fraction of photons of 30 GeV that the crystals' response lets through."""
    (ecal,) = (m for m in load_experiment("muone").detector.calorimeter if m.kind == "ecal")
    found = veto_inefficiency(material(ecal.material), ecal.length, ecal.threshold, 30.0)
    words = {"value": found.value, "low": found.low, "high": found.high}
    return Ours(found.value, found.err, words=words)


@ROWS.register("me.multiple")
def second_scattering(run: Run) -> Ours:
    """Elastic events with a second scattering of the muon."""
    experiment = load_experiment("muone")
    kinks = double_scattering(experiment, run.level.seed, effort(run))
    particles = particles_on_target(experiment)
    events, err = kinks.per_particle * particles, kinks.err * particles
    words = {"events": events, "err": err, "model_err": kinks.model_err * particles,
             "method": kinks.method}  # fmt: skip
    return Ours(events, err, words=words)


def veto(run: Run, mass: float, coupling: float, truth: bool) -> VetoNeeds:
    """What the photon veto must be. truth : of true quantities, else of measured ones."""
    return veto_needs(
        load_experiment("muone"), point(mass, coupling), seed=run.level.seed,
        n=int(200_000 * effort(run)), truth=truth,
    )  # fmt: skip


def of_benchmark(run: Run, rank: int, truth: bool) -> VetoNeeds:
    """`veto` of the first or second benchmark."""
    return run.of(veto, *BENCHMARKS[rank], truth)


@ROWS.register("me.radiative")
def radiative(run: Run) -> Ours:
    """Radiative events under the cuts, times the inefficiency of the veto."""
    exact, measured = (of_benchmark(run, 0, truth) for truth in (True, False))
    words = {"exact": exact.apart.events, "measured": measured.apart.events,
             "missed": measured.unseen.events}  # fmt: skip
    return Ours(measured.apart.events, measured.apart.error, words=words)


def equal_to_signal(run: Run, rank: int) -> Ours:
    """The inefficiency of the veto at which background equals signal."""
    exact, seen = (of_benchmark(run, rank, truth) for truth in (True, False))
    error = seen.equal_to_signal * math.hypot(
        seen.apart.error / seen.apart.events, seen.signal.error / seen.signal.events
    )
    words = {"seen": seen.equal_to_signal, "exact": exact.equal_to_signal}
    return Ours(seen.equal_to_signal, error, words=words)


@ROWS.register("me.veto.one")
def veto_for_one(run: Run) -> Ours:
    """How rare a missed photon must be for less than one event."""
    exact, measured = (of_benchmark(run, 0, truth) for truth in (True, False))
    one = measured.one_event
    words = {"seen": one, "exact": exact.one_event}
    return Ours(one, one * measured.apart.error / measured.apart.events, words=words)


def too_low(run: Run, rank: int) -> VetoNeeds:
    """How rarely an electron of an elastic event may be measured far too low."""
    return leak_needs(
        load_experiment("muone"), point(*BENCHMARKS[rank]), seed=run.level.seed,
        n=int(200_000 * effort(run)),
    )  # fmt: skip


def too_low_for_the_signal(run: Run, rank: int) -> Ours:
    """The fraction of elastic electrons measured too low at which background equals signal."""
    needs = run.of(too_low, rank)
    words = {"fraction": needs.equal_to_signal, "elastic": needs.apart.events,
             "gaussian": needs.unseen.events}  # fmt: skip
    error = needs.equal_to_signal * needs.signal.error / needs.signal.events
    return Ours(needs.equal_to_signal, error, words=words)


for _rank, _mass in enumerate(("100", "10")):
    ROWS.register(f"me.veto.{_mass}")(partial(equal_to_signal, rank=_rank))
    ROWS.register(f"me.leak.{_mass}")(partial(too_low_for_the_signal, rank=_rank))


@ROWS.register("me.leak.one")
def too_low_for_one(run: Run) -> Ours:
    """The fraction of elastic electrons measured too low that makes one event."""
    one = run.of(too_low, 1).one_event
    return Ours(one, 0.0, words={"one": one})


@FIGURES.register("me.veto")
def veto_figure(run: Run) -> Figure:
    """Radiative events that pass over the inefficiency of the veto."""
    ends = np.array([INEFFICIENCY[0], INEFFICIENCY[-1]])
    series = [
        Series(f"$\\mu e \\gamma$, {name}", INEFFICIENCY,
               of_benchmark(run, 0, truth).background(INEFFICIENCY), dashed=truth)
        for truth, name in ((False, "detector"), (True, "true quantities"))
    ]  # fmt: skip
    series += [
        Series(f"signal, {1e3 * mass:g} MeV, $g'$ = {g:g}", ends,
               np.full(2, of_benchmark(run, rank, False).signal.events), role="model",
               dashed=mass < 0.05)
        for rank, (mass, g) in enumerate(BENCHMARKS)
    ]  # fmt: skip
    return Figure(
        id="me.veto",
        title="Radiative events that pass (i) to (iii), 15 fb⁻¹",
        x_label="photon inefficiency of the veto",
        y_label="events",
        series=tuple(series),
        log="xy",
        x_range=(1e-10, 1e-3),
        y_range=(1e-2, 1e6),
        caption="The paper removes them by a perfect veto; photons under the cuts have 13 GeV and "
        "more.",
    )


def tuned(run: Run, name: str) -> Ours:
    """Cuts tuned at 100 MeV with the computed backgrounds (the paper's outlook)."""
    from mutau.selection.requirements import label

    found = optimise(
        load_experiment(name), point(*BENCHMARKS[0]), variables=TUNED[name],
        settings=Settings(
            seed=run.level.seed, n_events=min(max(run.level.events, 100_000), 400_000)
        ),
    )  # fmt: skip
    words = {"after": found.limit_after, "before": found.limit_before[0],
             "cuts": [label(cut) for cut in found.cuts]}  # fmt: skip
    return Ours(*found.limit_after, words=words)


for _name in TUNED:
    ROWS.register(f"me.tuned.{_name}")(partial(tuned, name=_name))


def toys(run: Run) -> int:
    """Pseudo-experiments of the mass peak."""
    return 40 if run.level.name == "quick" else 200


def peak(run: Run) -> tuple[InjectionTest, MissingMassSpectrum]:
    """Mass and coupling from the missing mass with a muon spectrometer, and the spectrum."""
    experiment = load_experiment("muone-spectrometer")
    n = min(max(run.level.events, 30_000), 2 * DEFAULT_EVENTS)
    settings = Settings(seed=run.level.seed, n_events=n)
    expected = spectrum(experiment, sources=WITH_ELECTRON, settings=settings)
    found = closure(
        experiment, point(*BENCHMARKS[0]), expected=expected, toys=toys(run), settings=settings,
    )  # fmt: skip
    return found, expected


@ROWS.register("me.mass")
def mass_row(run: Run) -> Ours:
    """The mass that the peak gives, MeV."""
    found, _ = run.of(peak)
    fit = found.asimov
    words = {
        "fit": fit, "toys": toys(run), "mass": found.mass_pulls,
        "coupling": found.coupling_pulls, "mean_err": 1 / math.sqrt(len(found.mass_pulls)),
        "widths": (found.mass_pulls.std(ddof=1), found.coupling_pulls.std(ddof=1)),
        "inefficiency": float(
            missed_photons(load_experiment("muone-spectrometer"), np.array([30.0])).fraction[0]
        ),
    }  # fmt: skip
    return Ours(1e3 * fit.mass, 1e3 * fit.mass_err, words=words)


@FIGURES.register("me.mass")
def mass_figure(run: Run) -> Figure:
    """One pseudo-experiment of the missing mass squared, and the fit."""
    found, expected = run.of(peak)
    middle = 0.5 * (expected.edges[1:] + expected.edges[:-1])
    best = expected_counts(expected, LmuMinusLtau(mass=found.fit.mass, coupling=found.fit.coupling))
    return Figure(
        id="me.mass",
        title="Missing mass squared with a muon spectrometer, one pseudo-experiment of 15 fb⁻¹",
        x_label="$M^2$ [GeV$^2$]",
        y_label="events per bin",
        series=(
            Series("pseudo-data, 100 MeV, $g'$ = 0.001", middle, found.counts, kind="points",
                   err=np.sqrt(found.counts)),
            Series(f"fit: {1e3 * found.fit.mass:.1f} MeV, {found.fit.coupling:.2e}",
                   expected.edges, best, kind="steps"),
            Series("background", expected.edges, expected.background, kind="steps", role="model"),
        ),
        x_range=(-0.02, 0.04),
        y_range=(0.0, 1.3 * float(found.counts.max())),
        caption="Resolution of 1 % on the momenta of beam and muon; background: photons missed, "
        "whose missing mass is 0.",
    )  # fmt: skip
