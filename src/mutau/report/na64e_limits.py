"""The limits of the NA64-e paper: Fig. 4, what it says of them, and the paper's iteration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mutau.analysis.limit import limit_curve
from mutau.analysis.plane import Frame, Overlay, Plane, exclusion_plane
from mutau.analysis.settings import Settings
from mutau.analysis.yields import assemble
from mutau.bounds import published_limit
from mutau.core.figure import Figure, Series
from mutau.core.types import Exclusion
from mutau.experiment import load_experiment
from mutau.models import Family, LmuMinusLtau, build_model
from mutau.models.muon_moment import vector_coupling_band
from mutau.report.captions import curves_named_by
from mutau.report.na64e import DARK, PAPER_YEAR
from mutau.report.na64e_choices import Shift, shifts
from mutau.report.na64e_sentences import CARRIED_ON, carried_on, cosmology_series
from mutau.report.rows import Ours
from mutau.report.runs import FIGURES, ROWS, Run
from mutau.signal.electron import Plan, prepared

Array = np.ndarray

#: The statistic of the paper in its asymptotic approximation, as CLs.
PAPER_METHOD = "asymptotic-cls"
#: Prescriptions that are compared at one mass.
METHODS = ("bayes", "toys-cls", "hybrid-cls", "asymptotic-cls", "toys", "asymptotic")
REFERENCE_MASS = 1e-3
MASSES = (1e-6, 0.5)
PEAK = (0.15, 0.4)  # GeV, where secondary positrons meet the resonance
SUMMIT = (0.235, 0.24, 0.245)  # GeV, in every curve: where they are most
RISES = (0.01, 0.05, 0.1)  # over the limit at 1 keV, at which the flat part is said to end
EDGES = ("lower 2σ edge", "centre", "upper 2σ edge")
ITERATED = ((1e-3, 0.0), (0.24, 0.0), (0.24, 0.1))


def masses(run: Run) -> Array:
    """Masses of the curves, GeV: the paper's range, closer where annihilation peaks."""
    points = run.level.points
    near = max(points // 3, 3)
    return np.unique(
        np.concatenate([np.geomspace(*MASSES, points - near), np.geomspace(*PEAK, near), SUMMIT])
    )


@dataclass(frozen=True, slots=True)
class Prescription:
    """What one statistical method gives. events : allowed signal events, with error. ratio : of the
    coupling to that of the file's method."""

    method: str
    events: float
    err: float
    ratio: float


def ways(run: Run) -> dict[str, Prescription]:
    """What each method gives for this experiment, by name."""
    return {item.method: item for item in prescriptions("na64e", run.level.seed)}


def prescriptions(name: str, seed: int) -> tuple[Prescription, ...]:
    """Allowed events by method at the reference mass, and what they mean for the coupling."""
    from mutau.stats import upper_limit

    experiment = load_experiment(name)
    model = build_model("lmu-ltau", REFERENCE_MASS, 3e-4)
    ready = prepared(experiment, model, Plan(seed, 1000, False, True))
    yields = assemble(ready, model, experiment, seed)
    default = experiment.statistics.method if experiment.statistics else METHODS[0]
    base = upper_limit(yields, method=default).events
    found = []
    for method in METHODS:
        one = upper_limit(yields, method=method, seed=seed)
        toys = max(one.strength_err**2 - (one.strength * yields.total_err / yields.total) ** 2, 0)
        found.append(
            Prescription(
                method, one.events, one.events * toys**0.5 / one.strength,
                float(np.sqrt(one.events / base)),
            )
        )  # fmt: skip
    return tuple(found)


def crossing(line: Exclusion, coupling: Array) -> float:
    """Largest mass up to which a limit lies below a coupling (M,), GeV; 0 if nowhere.

    Log-log interpolation between the last excluded mass and the next.
    """
    excess = np.log(coupling / line.coupling)
    above = np.flatnonzero(excess > 0.0)
    if not len(above):
        return 0.0
    last = int(above[-1])
    if last + 1 == len(excess):
        return float(line.mass[-1])
    f = excess[last] / (excess[last] - excess[last + 1])
    return float(line.mass[last] * (line.mass[last + 1] / line.mass[last]) ** f)


def band_ends(line: Exclusion, ratio: float = 1.0) -> tuple[float, float, float]:
    """Masses up to which lower 2σ edge, centre and upper 2σ edge of the band are excluded, GeV."""
    scaled = replace(line, coupling=ratio * line.coupling)
    band = vector_coupling_band(line.mass, PAPER_YEAR, 2.0)
    centre = vector_coupling_band(line.mass, PAPER_YEAR, 0.0).lower
    low, middle, high = (crossing(scaled, edge) for edge in (band.lower, centre, band.upper))
    return low, middle, high


def vanilla_plane(run: Run) -> Plane:
    """Fig. 4 left: the limit without a dark sector."""
    drawn = exclusion_plane(
        ("na64e",), list(masses(run)), settings=Settings(seed=run.level.seed),
        overlay=Overlay(only=curves_named_by("ee.fig4.left")),
        frame=Frame(
            year=PAPER_YEAR, x_range=MASSES, y_range=(1e-5, 1.0), figure_id="ee.fig4.left",
            title="NA64-e, 9.1×10¹¹ electrons, no dark sector, 90 % CL (Fig. 4 left)",
        ),
    )  # fmt: skip
    run.limit(drawn.limits[0])
    return drawn


def close(run: Run) -> Exclusion:
    """The limit where it leaves the band, on a close grid."""
    return limit_curve(
        load_experiment("na64e"),
        np.geomspace(3e-5, 1e-2, 31),
        settings=Settings(seed=run.level.seed),
    )


def single_choices(run: Run) -> tuple[Shift, ...]:
    """What each choice alone does to the limit."""
    return shifts(load_experiment("na64e"), run.level.seed)


@FIGURES.register("ee.fig4.left")
def vanilla_figure(run: Run) -> Figure:
    """The limit without a dark sector, with the paper's statistic beside it."""
    drawn, by_method = run.of(vanilla_plane), run.of(ways)
    (line,), paper = drawn.limits, by_method[PAPER_METHOD]
    return replace(
        drawn.figure,
        series=(
            *map(carried_on, CARRIED_ON),
            *drawn.figure.series,
            cosmology_series(run),
            Series(
                "profile likelihood, asymptotic CLs", line.mass, paper.ratio * line.coupling,
                role="model", dashed=True, note=f"{paper.events:.2f} events",
            ),
        ),
        caption=drawn.figure.caption + f" Dashed: {paper.events:.2f} events allowed instead of "
        f"{by_method[line.method].events:.2f}.",
    )  # fmt: skip


@ROWS.register("ee.fig4.left")
def vanilla_row(run: Run) -> Ours:
    """The limit at 1 keV and 1 MeV."""
    (line,) = run.of(vanilla_plane).limits
    words = {"at_1_kev": line.coupling[0], "at_1_mev": _at(run.of(close), 1e-3),
             "method": line.method, "paper": run.of(ways)[PAPER_METHOD].ratio,
             "paper_method": PAPER_METHOD}  # fmt: skip
    return Ours(words=words)


@ROWS.register("ee.fig4.left.flat")
def flat(run: Run) -> Ours:
    """The limit at 0.1 MeV over that at 1 keV, and where it rises."""
    near, base = run.of(close), float(run.of(vanilla_plane).limits[0].coupling[0])
    rise = [
        (100 * by, 1e3 * crossing(near, np.full(len(near.mass), (1.0 + by) * base))) for by in RISES
    ]
    found = _at(near, 1e-4) / base
    error = found * float(np.interp(1e-4, near.mass, near.numerical_err / near.coupling))
    return Ours(found, error, words={"ratio": found, "rise": rise})


@ROWS.register("ee.kappa.spread")
def efficiency_spread(run: Run) -> Ours:
    """The variation of κ in the file, and what it does to the coupling."""
    value = float(load_experiment("na64e").runs[0].efficiency_error)
    changes = [(100 * s.change[-1], s.name) for s in run.of(single_choices) if "κ" in s.name]
    return Ours(value, words={"changes": changes})


@ROWS.register("ee.fig4.left.end")
def end_of_the_band(run: Run) -> Ours:
    """Where the limit leaves the band: every method, every edge of the band.

    The row's own value is that of the file's method and the band's centre.
    """
    (line,), near, by_method = run.of(vanilla_plane).limits, run.of(close), run.of(ways)
    choices = {}
    relative = float(np.interp(2e-3, near.mass, near.numerical_err / near.coupling))
    for method, way in by_method.items():
        # of the coupling, in which the allowed events go as the root
        spread = float(np.hypot(relative, 0.5 * way.err / way.events))
        ends = [band_ends(near, way.ratio * (1.0 + by)) for by in (-spread, 0.0, spread)]
        for edge, (far, mass, nearest) in zip(EDGES, zip(*ends, strict=True), strict=True):
            choices[f"{method} ({way.events:.2f} events), {edge}"] = (
                1e3 * mass, 0.5e3 * (far - nearest)
            )  # fmt: skip
    own = f"{line.method} ({by_method[line.method].events:.2f} events), {EDGES[1]}"
    alone = [
        {"name": one.name, "flat": 100 * one.change[0], "heavy": 100 * one.change[1],
         "end": 1e3 * band_ends(near, by_method[PAPER_METHOD].ratio * (1.0 + one.change[-1]))[1]}
        for one in run.of(single_choices)
    ]  # fmt: skip
    words = {"end": choices[own][0], "own": own, "paper_method": PAPER_METHOD, "alone": alone}
    return Ours(*choices[own], words=words, choices=choices)


def _at(line: Exclusion, mass: float) -> float:
    return float(np.exp(np.interp(np.log(mass), np.log(line.mass), np.log(line.coupling))))


def dark_limits(run: Run) -> tuple[Plane, Exclusion]:
    """Fig. 4 right: limits with a dark sector, the first with its plane."""
    grid = masses(run)
    first, second = DARK
    drawn = exclusion_plane(
        ("na64e",), list(grid), family=Family(alpha_d=first),
        settings=Settings(seed=run.level.seed),
        overlay=Overlay(only=curves_named_by("ee.fig4.right")),
        frame=Frame(
            year=PAPER_YEAR, x_range=MASSES, y_range=(1e-5, 1.0), figure_id="ee.fig4.right",
            title="NA64-e with a dark sector, $m = 3 m_\\chi$, 90 % CL (Fig. 4 right)",
        ),
    )  # fmt: skip
    run.limit(drawn.limits[0])
    other = limit_curve(
        load_experiment("na64e"),
        grid,
        family=Family(alpha_d=second),
        settings=Settings(seed=run.level.seed),
    )
    return drawn, run.limit(other)


@FIGURES.register("ee.fig4.right")
def dark_figure(run: Run) -> Figure:
    """Limits with a dark sector, and the thermal targets of eq. 2.2."""
    drawn, other = run.of(dark_limits)
    first, second = DARK
    ours = replace(drawn.figure.series[-1], label=f"na64e, $\\alpha_D$ = {first:g} (this work)")
    series = [*drawn.figure.series[:-1], ours]
    series.append(
        Series(f"na64e, $\\alpha_D$ = {second:g} (this work)", other.mass, other.coupling,
               err=other.numerical_err, dotted=True)
    )  # fmt: skip
    grid = masses(run)
    for alpha_d in DARK:
        target = LmuMinusLtau.thermal_target(grid, alpha_d)
        series.append(
            Series(f"thermal target, $\\alpha_D$ = {alpha_d:g}", grid, target, role="model",
                   dashed=alpha_d == second, note="eq. 2.2")
        )  # fmt: skip
    return replace(drawn.figure, series=tuple(series))


@ROWS.register("ee.fig4.right")
def dark_row(run: Run) -> Ours:
    """Where the thermal targets are excluded, and how far the two limits are apart."""
    (plane, other), grid = run.of(dark_limits), masses(run)
    line = plane.limits[0]
    light = grid < 0.05
    gap = float(np.max(np.abs(line.coupling[light] / other.coupling[light] - 1.0)))
    targets = [_excluded_target(one, grid, a) for a, one in zip(DARK, (line, other), strict=True)]
    return Ours(words={"targets": targets, "gap": 100 * gap})


def _excluded_target(line: Exclusion, grid: Array, alpha_d: float) -> dict[str, float]:
    """Where the thermal target lies above the limit, MeV; "low" is 0 where nowhere."""
    ratio = LmuMinusLtau.thermal_target(grid, alpha_d) / line.coupling
    inside, best = line.mass[ratio > 1.0], int(ratio.argmax())
    low, high = (1e3 * inside[0], 1e3 * inside[-1]) if len(inside) else (0.0, 0.0)
    return {"alpha_d": alpha_d, "low": low, "high": high, "closest": 1e3 * line.mass[best],
            "missing": 1.0 / ratio[best]}  # fmt: skip


@ROWS.register("ee.iter")
def iteration(run: Run) -> Ours:
    """The paper's iteration beside the direct solution of S(g) = S_up."""
    found = [run.of(iterated, mass, alpha_d) for mass, alpha_d in ITERATED]
    return Ours(float(max(one["steps"] for one in found)), words={"paths": found})


def iterated(run: Run, mass: float, alpha_d: float) -> dict[str, float]:
    """The iteration at one mass: where it starts and ends, its steps, and how far from the direct
    solution it ends, in per cent."""
    from mutau.stats import iterate_coupling, solve_coupling, upper_limit

    experiment = load_experiment("na64e")
    start_curve = published_limit(EARLIER)
    model = build_model("lmu-ltau", mass, 1e-3, alpha_d=alpha_d)
    ready = prepared(experiment, model, Plan(run.level.seed, 1000, False, True))

    def signal(coupling: float) -> tuple[float, float]:
        value, err = ready.signal(model.with_coupling(coupling))
        return float(value[-1]), float(err[-1])

    allowed = upper_limit(assemble(ready, model, experiment, run.level.seed)).events
    direct = solve_coupling(signal, allowed).coupling
    start = float(np.interp(mass, start_curve.mass, start_curve.coupling))
    path = iterate_coupling(signal, allowed, start=start).path
    return {"mass": 1e3 * mass, "alpha_d": alpha_d, "start": start, "end": path[-1],
            "steps": len(path) - 1, "off": 100 * (path[-1] / direct - 1)}  # fmt: skip


#: The earlier limit of the same experiment, and the electrons on target that it rests on.
EARLIER: Final = "na64e-2019-recast"


@ROWS.register("ee.improve")
def improved(run: Run) -> Ours:
    """The earlier limit over ours at 1 MeV."""
    line = run.of(close)
    ratio = float(published_limit(EARLIER).coupling_at(1e-3)) / _at(line, 1e-3)
    error = ratio * float(np.interp(1e-3, line.mass, line.numerical_err / line.coupling))
    return Ours(ratio, error)


@ROWS.register("ee.borexino")
def borexino(run: Run) -> Ours:
    """The centre of the band over the Borexino limit, smallest from where its curve begins to
    2 MeV."""
    curve = published_limit("borexino-2011")
    low = curve.mass_range[0]
    mass = np.geomspace(low, 2e-3, 41)
    centre = vector_coupling_band(mass, PAPER_YEAR, 0.0).lower
    ratio = centre / curve.coupling_at(mass)
    return Ours(float(ratio.min()), words={"ratio": ratio.min(), "low": 1e3 * low})
