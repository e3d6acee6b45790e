"""What the MUonE paper leaves open, beside its words: backgrounds, veto, tuned cuts, mass peak."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mutau.analysis.muone_mass import DEFAULT_EVENTS, closure, expected_counts, spectrum
from mutau.analysis.muone_optimise import Optimum, optimise
from mutau.analysis.settings import Settings
from mutau.background.muone_needs import leak_needs, veto_needs
from mutau.background.muone_sources import (
    double_scattering,
    elastic_leakage,
    inefficiency,
)
from mutau.core.figure import Figure, Series
from mutau.experiment import Experiment, load_experiment
from mutau.models import LmuMinusLtau
from mutau.report.reproduction import TASKS, Level, Part
from mutau.report.rows import Row, compare, number
from mutau.signal.exposure import particles_on_target

BENCHMARKS = ((0.1, 1e-3), (0.01, 5e-4))
INEFFICIENCY = np.geomspace(1e-10, 1e-3, 57)
ALL_ANGLES = ("theta_mu", "electron_energy", "theta_e", "acoplanarity", "inelasticity")


def beyond(id_: str, quantity: str, ours: str, how: str, value: float, err: float = 0.0,
           why: str = "") -> Row:  # fmt: skip
    """Row for something that the paper proposes or leaves open and does not give a number for."""
    return Row(id_, quantity, "not given", ours, value, err, "", "shown", why, how)


@TASKS.register("muone/backgrounds")
def backgrounds(level: Level) -> Part:
    """Leakage, second scattering, radiative events (me.elastic, me.multiple, me.radiative), and
    what the photon veto must be (me.veto)."""
    experiment = load_experiment("muone")
    effort = min(max(level.events / 200_000, 0.1), 10.0)
    particles = particles_on_target(experiment)
    leak = elastic_leakage(experiment, level.seed, effort)
    kinks = double_scattering(experiment, level.seed, effort)
    rows = [
        compare(
            number("me.elastic"), leak.per_particle * particles,
            ours=f"{leak.per_particle * particles:.0e} events through Gaussian resolutions; tails "
            "beside them: rows me.leak",
            how=leak.method, why=leak.assumption,
        ),
        compare(
            number("me.multiple"), kinks.per_particle * particles, kinks.err * particles,
            ours=f"{kinks.per_particle * particles:.3g} ± {kinks.err * particles:.1g} events "
            f"(± {kinks.model_err * particles:.1g} from assumptions)",
            how=kinks.method,
        ),
    ]  # fmt: skip
    n = int(200_000 * effort)
    needs = {
        (mass, truth): veto_needs(
            experiment, LmuMinusLtau(mass=mass, coupling=g), seed=level.seed, n=n, truth=truth
        )
        for mass, g in BENCHMARKS
        for truth in (True, False)
    }
    exact, measured = needs[(0.1, True)].apart, needs[(0.1, False)].apart
    rows.append(
        compare(
            number("me.radiative"), measured.events, measured.error,
            ours=f"{exact.events:.3g} (true quantities), {measured.events:.3g} (detector), times "
            f"the veto's inefficiency; {needs[(0.1, False)].unseen.events:.0e} escape any veto",
            how="exact tree level, both legs; weighted Monte Carlo",
        )
    )  # fmt: skip
    for mass, coupling in BENCHMARKS:
        true, seen = needs[(mass, True)], needs[(mass, False)]
        rows.append(
            beyond(
                f"me.veto.{1e3 * mass:g}",
                f"photon inefficiency at which background equals signal, {1e3 * mass:g} MeV, "
                f"g' = {coupling:g}",
                f"{seen.equal_to_signal:.2g} ({true.equal_to_signal:.2g} on true quantities)",
                "figure me.veto", seen.equal_to_signal,
                seen.equal_to_signal * math.hypot(
                    seen.apart.error / seen.apart.events, seen.signal.error / seen.signal.events
                ),
            )
        )  # fmt: skip
    rows += [_one_row(needs), *_leak_rows(experiment, level.seed, n)]
    return Part(tuple(rows), (_veto_figure(needs),))


def _one_row(needs: dict[tuple[float, bool], Any]) -> Row:
    """How rare a missed photon must be for less than one event."""
    measured, one = needs[(0.1, False)].apart, needs[(0.1, False)].one_event
    return beyond(
        "me.veto.one", "photon inefficiency below which less than one event is left",
        f"{one:.2g} ({needs[(0.1, True)].one_event:.2g} on true quantities)",
        "figure me.veto", one, one * measured.error / measured.events,
    )  # fmt: skip


def _leak_rows(experiment: Experiment, seed: int, n: int) -> list[Row]:
    """How rarely an electron of an elastic event may be measured far too low (me.leak)."""
    rows = []
    for mass, coupling in BENCHMARKS:
        needs = leak_needs(experiment, LmuMinusLtau(mass=mass, coupling=coupling), seed=seed, n=n)
        rows.append(
            beyond(
                f"me.leak.{1e3 * mass:g}",
                f"share of elastic electrons measured far too low at which background equals "
                f"signal, {1e3 * mass:g} MeV, g' = {coupling:g}",
                f"{needs.equal_to_signal:.2g} of {needs.apart.events:.2g} elastic events with "
                "theta_mu above the cut",
                "integral over the elastic cross section", needs.equal_to_signal,
                needs.equal_to_signal * needs.signal.error / needs.signal.events,
                why="footnote 2 leaves the contamination open; the calorimeter's Gaussian lets in "
                f"{needs.unseen.events:.0e} events, so whatever comes is a tail beside it",
            )
        )  # fmt: skip
    rows.append(
        beyond(
            "me.leak.one", "share of elastic electrons measured far too low that makes one event",
            f"{needs.one_event:.2g}", "one over the elastic events beyond the cut",
            needs.one_event,
        )
    )  # fmt: skip
    return rows


def _veto_figure(needs: dict[tuple[float, bool], Any]) -> Figure:
    ends = np.array([INEFFICIENCY[0], INEFFICIENCY[-1]])
    series = [
        Series(f"$\\mu e \\gamma$, {name}", INEFFICIENCY,
               needs[(0.1, truth)].background(INEFFICIENCY), dashed=truth)
        for truth, name in ((False, "detector"), (True, "true quantities"))
    ]  # fmt: skip
    series += [
        Series(f"signal, {1e3 * mass:g} MeV, $g'$ = {g:g}", ends,
               np.full(2, needs[(mass, False)].signal.events), role="model", dashed=mass < 0.05)
        for mass, g in BENCHMARKS
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


@TASKS.register("muone/tuning")
def tuning(level: Level) -> Part:
    """Cuts tuned at 100 MeV with the computed backgrounds (the paper's outlook), without and with a
    muon spectrometer."""
    n = min(max(level.events, 100_000), 400_000)
    model = LmuMinusLtau(mass=0.1, coupling=1e-3)
    rows = []
    for name, variables in (
        ("muone", ALL_ANGLES),
        ("muone-spectrometer", ("missing_energy", "missing_mass2")),
    ):
        found = optimise(
            load_experiment(name),
            model,
            variables=variables,
            settings=Settings(seed=level.seed, n_events=n),
        )
        rows.append(
            beyond(
                f"me.tuned.{name}",
                f"expected 90 % limit on g' at 100 MeV, {name}, cuts on {', '.join(variables)} "
                "tuned",
                f"{found.limit_after[0]:.3g} ± {found.limit_after[1]:.1g}; with the file's cuts "
                f"{found.limit_before[0]:.3g}",
                "mutau optimise; " + _cuts_text(found), *found.limit_after,
                why="backgrounds computed, known to 10 to 15 %",
            )
        )  # fmt: skip
    return Part(tuple(rows))


def _cuts_text(found: Optimum) -> str:
    from mutau.selection.requirements import label

    return ", ".join(label(cut) for cut in found.cuts)


@TASKS.register("muone/mass")
def mass_peak(level: Level) -> Part:
    """Mass and coupling from the missing mass with a muon spectrometer (me.mass)."""
    experiment = load_experiment("muone-spectrometer")
    mass, coupling = BENCHMARKS[0]
    model = LmuMinusLtau(mass=mass, coupling=coupling)
    n = min(max(level.events, 30_000), 2 * DEFAULT_EVENTS)
    expected = spectrum(experiment, settings=Settings(seed=level.seed, n_events=n))
    toys = 40 if level.name == "quick" else 200
    found = closure(
        experiment,
        model,
        expected=expected,
        toys=toys,
        settings=Settings(seed=level.seed, n_events=n),
    )
    fit, many = found.asimov, math.sqrt(len(found.mass_pulls))
    row = beyond(
        "me.mass", "mass and coupling from the missing-mass peak, (100 MeV, 1e-3) injected",
        f"({1e3 * fit.mass:.2f} ± {1e3 * fit.mass_err:.2f}) MeV, "
        f"({1e3 * fit.coupling:.3f} ± {1e3 * fit.coupling_err:.3f})e-3",
        f"binned likelihood; pulls of {toys} toys: mass {found.mass_pulls.mean():+.2f} ± "
        f"{1 / many:.2f}, width {found.mass_pulls.std(ddof=1):.2f}; coupling "
        f"{found.coupling_pulls.mean():+.2f}, width {found.coupling_pulls.std(ddof=1):.2f}",
        1e3 * fit.mass, 1e3 * fit.mass_err,
        why="section IV proposes it; momenta measured to 1 %, photon inefficiency "
        f"{inefficiency(experiment):g}",
    )  # fmt: skip
    middle = 0.5 * (expected.edges[1:] + expected.edges[:-1])
    best = expected_counts(expected, LmuMinusLtau(mass=found.fit.mass, coupling=found.fit.coupling))
    figure = Figure(
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
    return Part((row,), (figure,))
