"""The NA64mu paper's numbers and figures of the process from the model to the exclusion plane."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Final

import numpy as np

from mutau.analysis.limit import limit_curve
from mutau.analysis.plane import Frame, chosen_curves, plane_of, printed_moment
from mutau.analysis.settings import Settings
from mutau.bounds import published_limit
from mutau.core.constants import E_CHARGE, M_MU
from mutau.core.figure import Figure, Series
from mutau.core.random import stream
from mutau.core.types import Exclusion
from mutau.experiment import load_experiment, replace
from mutau.matter import Element, material
from mutau.matter.nucleus import Nucleus
from mutau.models import LmuMinusLtau, build_model, moment_reference
from mutau.models.muon_moment import vector_coupling_band, vector_coupling_for_moment
from mutau.reactions import muon_brems
from mutau.report.captions import curves_named_by
from mutau.report.rows import Alternative, Ours, number, together
from mutau.report.runs import FIGURES, ROWS, Run
from mutau.signal.muon_brems import TriggerStudy, trigger_study
from mutau.signal.processes import mass_key
from mutau.signal.simulate import cut_labels

PAPER_YEAR = 2021
FIG4_MASSES = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
FIG4_EPSILON = 1e-4


@ROWS.register("mu.da")
def g_minus_2(run: Run) -> Ours:
    """Δa_μ and the coupling for it at a vanishing mass, with the band."""
    reference = moment_reference(PAPER_YEAR)
    band = vector_coupling_band(np.array([1e-6]), PAPER_YEAR, 2.0)
    return Ours(
        reference.difference * 1e11, reference.difference_uncertainty * 1e11,
        words={
            "difference": printed_moment(PAPER_YEAR),
            "light": float(vector_coupling_for_moment(1e-6, reference.difference)),
            "low": band.lower[0], "high": band.upper[0],
        },
    )  # fmt: skip


@ROWS.register("mu.width")
def width(run: Run) -> Ours:
    """Branching into neutrinos above the threshold of muons."""
    return Ours(words={"at_1": LmuMinusLtau(mass=1.0, coupling=1e-3).branching("nunu")})


@FIGURES.register("mu.width")
def width_figure(run: Run) -> Figure:
    """Branching fractions over mass (eqs. 4 and 5)."""
    masses = with_threshold(np.geomspace(1e-2, 1.0, run.level.points * 3))
    points = [build_model("lmu-ltau", m, 1e-3) for m in masses]
    invisible = np.array([p.branching("nunu") for p in points])
    return Figure(
        id="mu.width",
        title="Branching fractions of the Z' (eqs. 4 and 5)",
        x_label="$m_{Z'}$ [GeV]",
        y_label="branching fraction",
        series=(
            Series("invisible (two neutrino flavours)", masses, invisible),
            Series("$\\mu^+\\mu^-$", masses, np.array([p.branching("mumu") for p in points])),
        ),
        log="x",
        y_range=(0.0, 1.05),
        caption="Γ(νν̄) = α′m/3 for both flavours together, as left-handed neutrinos give; the "
        "paper's eq. 4 read per flavour would count it twice.",
    )


def studies(run: Run, energy: str) -> TriggerStudy:
    """Trigger efficiency over mass at one energy of the beam, by the fast mode."""
    masses = np.geomspace(0.01, 1.0, max(run.level.points // 4, 7))
    changed = replace(load_experiment("na64mu"), "beam/energy", energy)
    return trigger_study(changed, masses, run.level.events, run.level.seed)


@FIGURES.register("mu.fig2")
def trigger_figure(run: Run) -> Figure:
    """Trigger efficiency over mass at 160 and 100 GeV."""
    curves = []
    for energy in ("160 GeV", "100 GeV"):
        study = run.of(studies, energy)
        curves.append(Series(f"{energy}, $E'_\\mu$ below half", study.mass, study.efficiency,
                             err=study.error))  # fmt: skip
        curves.append(Series(f"{energy}, all emissions", study.mass, study.efficiency_all,
                             err=study.error_all, dashed=True))  # fmt: skip
    return Figure(
        id="mu.fig2",
        title="Trigger efficiency for Z' events (Fig. 2)",
        x_label="$m_{Z'}$ [GeV]",
        y_label="trigger efficiency",
        series=tuple(curves),
        log="x",
        y_range=(0.0, 0.6),
        caption="Scattered muons of exact tree-level events carried through the rest of the "
        "target, MS2 and the counters. Positions of the counters are assumptions of the experiment "
        "file.",
    )


@ROWS.register("mu.trigger.rate")
def trigger_rate(run: Run) -> Ours:
    """Beam muons that fire the trigger, fast mode."""
    study = run.of(studies, "160 GeV")
    return Ours(study.beam_rate, study.beam_rate_err)


def samples_of(study: TriggerStudy) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The events that fig. 2 may count, with the efficiency over mass and its error."""
    return {
        "E' below half": (study.efficiency, study.error),
        "all emissions": (study.efficiency_all, study.error_all),
    }


@ROWS.register("mu.fig2.160")
def efficiency_range(run: Run) -> Ours:
    """Whether every mass is within the published range, each with two of its own errors.

    The paper does not say which events the figure counts: those below half of the beam's energy,
    as in eq. 6, or all emissions.
    """
    size, study = number("mu.fig2.160"), run.of(studies, "160 GeV")
    ranges, words = list[Alternative](), []
    for name, (found, error) in samples_of(study).items():
        low, high = int(found.argmin()), int(found.argmax())
        inside = size.allows(found[low] + 2 * error[low]) and size.allows(
            found[high] - 2 * error[high]
        )
        ranges.append(Alternative(name, float(found[low]), "agrees" if inside else "differs"))
        words.append({"name": name, "low": 100 * found[low], "high": 100 * found[high],
                      "err": 100 * error[low], "first": 100 * found[0]})  # fmt: skip
    return Ours(
        alternatives=tuple(ranges), words={"samples": words, "lightest": 1e3 * study.mass[0]}
    )


@ROWS.register("mu.fig2.trend")
def efficiency_trend(run: Run) -> Ours:
    """The efficiency of the lightest Z' over the lowest of the others."""
    trends = dict[str, tuple[float, float]]()
    for name, (found, error) in samples_of(run.of(studies, "160 GeV")).items():
        other = 1 + int(found[1:].argmin())
        ratio = float(found[0] / found[other])
        parts = error[0] / found[0], error[other] / found[other]
        trends[name] = ratio, ratio * float(np.hypot(*parts))
    return Ours(*trends["E' below half"], choices=trends)


@ROWS.register("mu.fig2")
def range_and_trend(run: Run) -> Ours:
    """Whether one sample has both the range and the trend of the figure."""
    ranges, trend = run.of(efficiency_range).alternatives, run.of(efficiency_trend).choices
    card = number("mu.fig2.trend")
    both = {
        one.name: "agrees" if {one.verdict, card.verdict(*trend[one.name])} == {"agrees"}
        else "differs"
        for one in ranges
    }  # fmt: skip
    return Ours(verdict=together(both.values()), words={"both": both})


@ROWS.register("mu.fig2.100")
def efficiency_at_100(run: Run) -> Ours:
    """The efficiency at 100 GeV, of a light and of a heavy Z'."""
    study = run.of(studies, "100 GeV")
    words = {"light": 100 * study.efficiency[0], "mass": 1e3 * study.mass[0],
             "heavy": 100 * study.efficiency[-1], "most": 100 * study.efficiency.max()}  # fmt: skip
    return Ours(words=words)


def spectra(run: Run) -> tuple[list[Series], dict[str, float]]:
    """Energy spectra by events and by WW, and how far they are from exact quadrature."""
    from mutau.reactions.bremsstrahlung_events import BremsSampler

    lead = material("lead").dominant_element
    edges = np.linspace(0.0, 160.0, 41)
    series, worst, chi2, bins = [], 0.0, 0.0, 0
    for mass in FIG4_MASSES:
        sampler = BremsSampler("muon", Nucleus.of(lead), mass, 160.0, 160.0)
        sample = sampler.sample(
            np.full(run.level.events, 160.0), stream(run.level.seed, 4, mass_key(mass))
        )
        count, _ = np.histogram(sample.p_zprime[:, 0], edges, weights=sample.weight)
        square, _ = np.histogram(sample.p_zprime[:, 0], edges, weights=sample.weight**2)
        norm = count.sum()
        label = f"{1000 * mass:g} MeV"
        series.append(Series(label, edges, count / norm, kind="steps", err=np.sqrt(square) / norm))
        exact, ww = (_spectrum(mass, lead, edges, method) for method in ("exact", "ww"))
        series.append(
            Series("WW" if mass == FIG4_MASSES[0] else "", edges, ww, kind="steps", role="model",
                   dashed=True, note="WW")
        )  # fmt: skip
        populated = exact > 0.01
        worst = max(worst, float(np.max(np.abs(ww / exact - 1.0)[populated])))
        pulls = (count / norm - exact)[populated] / (np.sqrt(square) / norm)[populated]
        chi2 += float(np.sum(pulls**2))
        bins += int(populated.sum())
    return series, {"worst": 100 * worst, "chi2": chi2, "bins": bins}


@FIGURES.register("mu.fig4")
def spectra_figure(run: Run) -> Figure:
    """Normalised Z' energy spectra, exact events and WW."""
    return Figure(
        id="mu.fig4",
        title="Normalised energy spectra of the Z' (Fig. 4)",
        x_label="$E_{Z'}$ [GeV]",
        y_label="fraction per 4 GeV",
        series=tuple(run.of(spectra)[0]),
        log="y",
        x_range=(0.0, 160.0),
        y_range=(1e-5, 1.0),
        caption="Histograms: exact tree-level events on lead at 160 GeV; dashed: WW. The shapes do "
        f"not depend on the coupling (the paper's ε = {FIG4_EPSILON:g}).",
    )


@ROWS.register("mu.fig4")
def spectra_row(run: Run) -> Ours:
    """How far WW and events are from exact quadrature."""
    return Ours(words=run.of(spectra)[1])


def _spectrum(mass: float, nucleus: Element, edges: np.ndarray, method: str) -> np.ndarray:
    """Normalised spectrum: cross section in each bin of E_Z' over the sum."""
    bins = [
        muon_brems.total(
            160.0, mass, Nucleus.of(nucleus), method=method, coupling=FIG4_EPSILON * E_CHARGE,
            x_min=low / 160.0, x_max=high / 160.0,
        ).sigma_pb
        for low, high in pairwise(edges)
    ]  # fmt: skip
    return np.array(bins) / sum(bins)


def with_threshold(masses: np.ndarray) -> np.ndarray:
    """The masses, and two just below and above 2 m_mu, where the invisible branching steps."""
    return np.sort(np.concatenate([masses, 2.0 * M_MU * np.array([0.9999, 1.0001])]))


#: Beam muons per mass of the full chain, by level; others in proportion to their events.
CHAIN_MUONS = {"quick": 4_000, "default": 20_000, "full": 40_000}


def projection(run: Run) -> tuple[Exclusion, Exclusion]:
    """The limit for 1e11 muons by the full chain, and by the fast mode (trigger and E' alone)."""
    experiment = load_experiment("na64mu")
    masses = with_threshold(np.geomspace(1e-3, 1.0, run.level.points))
    seed, events = run.level.seed, run.level.events
    muons = CHAIN_MUONS.get(run.level.name, max(events // 10, 1000))
    line = limit_curve(
        experiment, masses, settings=Settings(seed=seed, n_events=muons, full_chain=True)
    )
    return run.limit(line), limit_curve(
        experiment, masses, settings=Settings(seed=seed, n_events=events)
    )


@FIGURES.register("mu.fig6")
def projection_figure(run: Run) -> Figure:
    """Projection for 1e11 muons on target and the claim that it covers the band.

    By the full chain, with (i) to (iv) and the signal box, as the caption has it; the fast mode,
    which knows the trigger and E' alone, is drawn beside it.
    """
    line, fast = run.of(projection)
    drawn = plane_of(
        [line], chosen_curves(only=curves_named_by("mu.fig6")), bounds=("dune-trident",),
        frame=Frame(
            year=PAPER_YEAR, x_range=(1e-3, 1.0), y_range=(1e-5, 1e-1), figure_id="mu.fig6",
            title="Sensitivity for 10¹¹ muons on target, 90 % CL (Fig. 6)",
        ),
    ).figure  # fmt: skip
    trigger_only = Series(
        "na64mu, trigger and $E'_\\mu$ alone", fast.mass, fast.coupling, err=fast.numerical_err,
        role="model", dotted=True, note="fast mode",
    )  # fmt: skip
    shown = [
        dataclasses.replace(
            item, role="published", label="DUNE trident (projection, computed here)"
        )
        if item.meta.get("name") == "dune-trident"
        else item
        for item in drawn.series
    ]
    labels = cut_labels(load_experiment("na64mu"))
    left = [label for label in labels if label.endswith("(not simulated)")]
    return dataclasses.replace(
        drawn,
        series=(*shown, trigger_only),
        caption=f"{drawn.caption} Criteria (i) to (iv) and the signal box by the full simulation; "
        f"cuts not simulated: {', '.join(left) or 'none'}. Dotted: trigger and E′ alone. No "
        "background, as the paper supposes; what the background computed here does to this limit "
        "is in figure mu.exposure.",
    )


@ROWS.register("mu.fig6.band")
def band_covered(run: Run) -> Ours:
    """Whether the band below 200 MeV lies above the limit everywhere."""
    line, fast = run.of(projection)
    light = line.mass < 0.2
    band = vector_coupling_band(line.mass[light], PAPER_YEAR, 2.0)
    ratio = band.lower / line.coupling[light]
    least = int(ratio.argmin())
    margin = float(ratio[least])
    error = margin * float(line.numerical_err[least] / line.coupling[least])
    more = 100.0 * (line.coupling / fast.coupling - 1.0)
    at = [int(np.abs(np.log(line.mass / m)).argmin()) for m in (0.01, 1.0)]
    return Ours(
        margin, error,
        words={
            "margin": margin, "error": error,
            "plain": float(np.min(band.lower / fast.coupling[light])),
            "at_1": line.coupling[0], "at_100": np.interp(0.1, line.mass, line.coupling),
            "raised": [(more[i], 1e3 * line.mass[i]) for i in at],
        },
    )  # fmt: skip


#: Published limits of the paper's fig. 6 that have numbers.
RIVALS: Final = ("ccfr-1991", "borexino-2011", "babar4mu-2016", "belle2-inv-2020")


@ROWS.register("mu.best")
def most_sensitive(run: Run) -> Ours:
    """The strongest published limit over ours, smallest below 200 MeV."""
    line, _ = run.of(projection)
    light = line.mass < 0.2
    mass, ours = line.mass[light], line.coupling[light]
    others = np.nanmin([published_limit(n).coupling_at(mass, "nan") for n in RIVALS], axis=0)
    ratio = others / ours
    least = int(ratio.argmin())
    error = float(ratio[least] * line.numerical_err[light][least] / ours[least])
    first = int(np.flatnonzero(ratio <= 1.0).max(initial=-1)) + 1
    words = {"ratio": ratio[least], "mass": 1e3 * mass[least], "most": ratio.max(),
             "first": 1e3 * mass[first] if first < len(mass) else 0.0}  # fmt: skip
    return Ours(float(ratio[least]), error, words=words)


@ROWS.register("mu.fig2.compensated")
def compensated(run: Run) -> Ours:
    """The limit at 1 GeV over that at 10 MeV: above 1 where the cross section wins."""
    line, _ = run.of(projection)
    light, heavy = (int(np.abs(np.log(line.mass / m)).argmin()) for m in (0.01, 1.0))
    ratio = float(line.coupling[heavy] / line.coupling[light])
    errors = [line.numerical_err[i] / line.coupling[i] for i in (light, heavy)]
    return Ours(ratio, ratio * float(np.hypot(*errors)))
