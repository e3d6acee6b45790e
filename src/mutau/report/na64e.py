"""The NA64-e paper's numbers and figures: model, annihilation line shapes, the experiment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.analysis.plane import printed_moment
from mutau.core.constants import M_MU
from mutau.core.errors import MissingExtra
from mutau.core.figure import Figure, Series
from mutau.experiment import load_experiment
from mutau.matter.nucleus import Nucleus
from mutau.models import LmuMinusLtau, loop_mixing, moment_reference
from mutau.models.muon_moment import vector_coupling_band, vector_coupling_for_moment
from mutau.report.rows import Ours
from mutau.report.runs import FIGURES, ROWS, LeftOut, Run

if TYPE_CHECKING:
    from mutau.reactions.annihilation import LineShapes
    from mutau.signal.electron_calibration import Calibration

PAPER_YEAR = 2023
DARK = (0.1, 0.02)
#: Electrons on target of the earlier analysis: data/limits/na64e-2019-recast.toml.
EARLIER_ELECTRONS = 2.84e11
#: Energies of the table of exact/iww, GeV.
K_ENERGIES = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0)


@ROWS.register("ee.da")
def g_minus_2(run: Run) -> Ours:
    """Δa_μ, the coupling for it at a vanishing mass, and the band."""
    band = vector_coupling_band(np.array([1e-6]), PAPER_YEAR, 2.0)
    words = {"difference": printed_moment(PAPER_YEAR), "light": run.of(light_coupling),
             "low": band.lower[0], "high": band.upper[0]}  # fmt: skip
    return Ours(words=words)


@ROWS.register("ee.da.difference")
def difference(run: Run) -> Ours:
    """Δa_μ of the paper's year, 1e-11."""
    return Ours(moment_reference(PAPER_YEAR).difference * 1e11)


def light_coupling(run: Run) -> float:
    """The coupling that explains Δa_μ at 1 keV."""
    return float(vector_coupling_for_moment(1e-6, moment_reference(PAPER_YEAR).difference))


@ROWS.register("ee.da.coupling")
def coupling(run: Run) -> Ours:
    """The same as a row."""
    return Ours(run.of(light_coupling))


@ROWS.register("ee.pi0")
def mixing_at_zero(run: Run) -> Ours:
    """Loop mixing at zero momentum over the coupling."""
    return Ours(float(np.abs(loop_mixing(0.0))))


def largest_mixing(run: Run) -> tuple[float, float]:
    """The largest mixing, and q^2 over the muon's mass squared there: 4 is on the grid."""
    q2 = (2.0 * M_MU) ** 2 * np.concatenate([np.linspace(0.2, 3.0, 4001), [1.0]])
    mixing = np.abs(loop_mixing(q2))
    return float(mixing.max()), float(q2[mixing.argmax()] / M_MU**2)


@ROWS.register("ee.pimax")
def mixing_at_most(run: Run) -> Ours:
    """The largest mixing over the coupling."""
    largest, place = run.of(largest_mixing)
    return Ours(largest, words={"largest": largest, "place": place})


@ROWS.register("ee.pimax.where")
def place_of_the_largest(run: Run) -> Ours:
    """q^2 of the largest mixing over the muon's mass squared."""
    return Ours(run.of(largest_mixing)[1])


def averages(run: Run) -> tuple[np.ndarray, dict[float, np.ndarray]]:
    """Masses, and by α_D the relative change of the mixing squared by the average over the line
    shape (eq. 5.1)."""
    threshold = 2.0 * M_MU
    near = threshold * np.concatenate([1.0 + np.geomspace(1e-4, 0.3, 40), [1.0]])
    below = threshold * (1.0 - np.geomspace(1e-4, 0.3, 40))
    rest = np.geomspace(1e-3, 0.5, 3 * run.level.points)
    masses = np.unique(np.concatenate([rest, near, below]))
    found = {}
    for alpha_d in DARK:
        points = [LmuMinusLtau(m, 1e-3, alpha_d=alpha_d) for m in masses]
        found[alpha_d] = np.array(
            [abs(p.average_mixing_squared() / p.epsilon_eff**2 - 1.0) for p in points]
        )
    return masses, found


def _places(run: Run) -> list[tuple[float, float]]:
    """Per α_D the largest change in per cent, and its mass in MeV."""
    masses, changes = run.of(averages)
    return [(100 * by.max(), 1e3 * masses[by.argmax()]) for by in changes.values()]


@ROWS.register("ee.fig2")
def averages_row(run: Run) -> Ours:
    """Where the change is largest."""
    return Ours(words={"places": _places(run)})


@ROWS.register("ee.fig2.max")
def largest_change(run: Run) -> Ours:
    """The largest change of both α_D."""
    masses, changes = run.of(averages)
    coarse = np.abs(masses / (2.0 * M_MU) - 1.0) > 0.015
    away = max(float(by[coarse].max()) for by in changes.values())
    words = {"place": _places(run)[0], "away": 100 * away}
    return Ours(max(float(by.max()) for by in changes.values()), words=words)


@FIGURES.register("ee.fig2")
def averages_figure(run: Run) -> Figure:
    """Change of |Π|² by the average over the line shape."""
    masses, changes = run.of(averages)
    return Figure(
        id="ee.fig2",
        title="Change of |Π|² by the average over the line shape (Fig. 2)",
        x_label="$m_{Z'}$ [GeV]",
        y_label="$|I_{|\\Pi|^2} - |\\Pi|^2|/|\\Pi|^2$",
        series=tuple(
            Series(f"$\\alpha_D$ = {alpha_d:g}", masses, change)
            for alpha_d, change in changes.items()
        ),
        log="xy",
        x_range=(1e-3, 0.5),
        y_range=(1e-5, 0.1),
        caption="Width of the decay into dark matter, m = 3 m_χ. |Π|² has a square-root cusp at "
        "2 m_μ; the spike there is narrower than 4 MeV.",
    )


def k_factor_figure(run: Run, id_: str, x_min: float, what: str) -> Figure:
    """Exact over iww cross section on lead over mass and energy, as data for other simulations."""
    from mutau.matter.elements import element
    from mutau.reactions.electron_brems import k_factors

    lead, mass = element("Pb"), np.geomspace(1e-6, 1.0, run.level.points)
    table = k_factors(mass, K_ENERGIES, Nucleus.of(lead), x_min=x_min)
    return Figure(
        id=id_,
        title=f"e⁻Pb → e⁻Pb Z′, {what}: exact tree level over iww",
        x_label="$m_{Z'}$ [GeV]",
        y_label="$\\sigma_{exact}/\\sigma_{iww}$",
        series=tuple(
            Series(f"{energy:g} GeV", mass, table.ratio[:, i], err=table.ratio_err[:, i])
            for i, energy in enumerate(table.energies)
        ),
        log="x",
        x_range=(1e-6, 1.0),
        caption="Elastic form factor, per lead atom; x is the fraction of the energy that the "
        "Z′ takes. The factors correct totals only: the spectra differ too.",
    )


for _id, _x_min, _what in (("ee.kfactor", 0.0, "all x"), ("ee.kfactor.window", 0.5, "x > 0.5")):
    FIGURES.register(_id)(partial(k_factor_figure, id_=_id, x_min=_x_min, what=_what))


def on_lead(run: Run) -> LineShapes:
    """Line shapes of annihilation on lead, at rest and with moving electrons."""
    from mutau.reactions.annihilation import lead_line_shapes

    return lead_line_shapes()


@FIGURES.register("ee.fig3")
def lead_figure(run: Run) -> Figure:
    """Annihilation on lead over positron energy."""
    lead = run.of(on_lead)
    return Figure(
        id="ee.fig3",
        title="e⁺e⁻ → Z′ → νν̄ per lead atom, 225 MeV, g′ = 0.03 (Fig. 3)",
        x_label="$E_+$ [GeV]",
        y_label="cross section per atom [pb]",
        series=(
            Series("electrons at rest", lead.energies, lead.curves["rest"], role="model"),
            Series("moving electrons", lead.energies, lead.curves["virial"]),
        ),
        log="y",
        x_range=(20.0, 120.0),
        caption="Kinetic energies of each shell's electrons exponential with mean E_B.",
    )


@ROWS.register("ee.fig3")
def lead_row(run: Run) -> Ours:
    """The peaks on lead."""
    lead = run.of(on_lead)
    rest, moving = lead.curves["rest"], lead.curves["virial"]
    words = {"rest": rest.max(), "moving": moving.max(), "at": lead.energies[moving.argmax()]}
    return Ours(words=words)


@ROWS.register("ee.fig3.peak")
def lead_peaks(run: Run) -> Ours:
    """The peak at rest over that with moving electrons."""
    curves = run.of(on_lead).curves
    return Ours(float(curves["rest"].max() / curves["virial"].max()))


@ROWS.register("ee.fig3.integral")
def lead_integral(run: Run) -> Ours:
    """The integral over positron energy, moving over resting electrons."""
    from mutau.reactions.annihilation import integrated, narrow_integral

    point = LmuMinusLtau(mass=0.225, coupling=0.03)
    whole = float(integrated([1.0, 2000.0], point, channel="nunu")[0])
    exact = narrow_integral(point, channel="nunu")
    still = float(integrated([1.0, 2000.0], point, channel="nunu", electrons="rest")[0])
    return Ours(whole / still, 1e-4, words={"ratio": whole / still, "narrow": exact / still})


#: Models of the electrons of carbon, as they are drawn.
MODELS: Final = {
    "rest": "electrons at rest",
    "virial": "exponential (this paper)",
    "hydrogenic": "hydrogen-like shells",
    "hartree-fock": "Hartree–Fock",
    "compton": "tabulated Compton profiles",
}


def on_diamond(run: Run) -> LineShapes:
    """Line shapes on a thin diamond; without Compton profiles where their tables are missing."""
    from mutau.reactions.annihilation import diamond_line_shapes

    try:
        return diamond_line_shapes(tuple(MODELS))
    except MissingExtra:
        return diamond_line_shapes(tuple(MODELS)[:-1])


def _tops(run: Run) -> dict[str, float]:
    """Peak of each model over that of electrons at rest."""
    curves = run.of(on_diamond).curves
    still = float(curves["rest"].max())
    return {name: float(curve.max()) / still for name, curve in curves.items()}


@ROWS.register("ee.fig5")
def diamond_row(run: Run) -> Ours:
    """The peaks on diamond."""
    tops = _tops(run)
    named = {MODELS[name]: top for name, top in list(tops.items())[1:]}
    return Ours(words={"tops": named, "profiles": "compton" in tops})


@FIGURES.register("ee.fig5")
def diamond_figure(run: Run) -> Figure:
    """Annihilation on a thin diamond over the energy of the beam."""
    shapes = run.of(on_diamond)
    still = float(shapes.curves["rest"].max())
    return Figure(
        id="ee.fig5",
        title="Thin diamond target, 17 MeV, 0.5 % beam spread (Fig. 5)",
        x_label="$E_B$ [GeV]",
        y_label="cross section / peak for electrons at rest",
        series=tuple(
            Series(MODELS[name], shapes.energies, curve / still, dashed=name == "compton")
            for name, curve in shapes.curves.items()
            if name != "rest"
        ),
        x_range=(0.25, 0.32),
        caption="The paper states no coupling; all curves are proportional to its square. Carbon "
        "atoms, free: Hartree–Fock solved here for the ground term, Compton profiles of Hartree–"
        "Fock in tables for the average of the configuration.",
    )


@ROWS.register("ee.fig5.peak")
def diamond_peak(run: Run) -> Ours:
    """Whether the exponential model's peak lies between the two others."""
    from mutau.matter import atomic_electrons, hartree_fock
    from mutau.matter.hartree_fock import HARTREE

    tops = _tops(run)
    if "compton" not in tops:
        raise LeftOut("tabulated Compton profiles need the extra 'atomic'")
    ours, atomic, profile = tops["virial"], tops["hartree-fock"], tops["compton"]
    bound = sum(s.electrons * s.binding_energy for s in atomic_electrons.shells("C"))
    free = hartree_fock.atom("C").kinetic * HARTREE
    nearer = min(max(ours, min(atomic, profile)), max(atomic, profile))
    words = {"ratio": ours / nearer, "peaks": (ours, atomic, profile), "bound": 1e9 * bound,
             "free": 1e9 * free}  # fmt: skip
    return Ours(ours / nearer, words=words)


def selected(run: Run) -> tuple[Calibration, dict[str, float]]:
    """The efficiency κ from simulated calibration electrons, and with other assumptions."""
    from mutau.detector.electron_calibration import showers
    from mutau.signal.electron_calibration import calibration, other_settings

    file, seed = load_experiment("na64e"), run.level.seed
    n = min(max(run.level.events // 100, 200), 4000)
    found = calibration(file, made=showers(file, n, seed), seed=seed)
    return found, other_settings(file, min(n, 1000), seed)


@ROWS.register("ee.kappa")
def selection(run: Run) -> Ours:
    """What each cut keeps after those before."""
    flow = run.of(selected)[0].flow
    steps = {
        name: 100 * after / before
        for name, before, after in zip(
            flow.names[1:], flow.fraction[:-1], flow.fraction[1:], strict=True
        )
    }
    return Ours(words={"steps": steps})


@ROWS.register("ee.kappa.mean")
def efficiency(run: Run) -> Ours:
    """The efficiency of the selection without the threshold."""
    from mutau.detector.electron_calibration import NOT_SIMULATED

    found, other = run.of(selected)
    least, most = min(other.values()), max(other.values())
    words = {
        "kappa": 100 * found.kappa, "error": 100 * found.error, "quiet": 100 * found.quiet,
        "least": 100 * least, "most": 100 * most, "left": NOT_SIMULATED,
        "other": {name: 100 * kappa for name, kappa in other.items()},
    }  # fmt: skip
    return Ours(found.kappa, found.error, 0.5 * (most - least), words)


@ROWS.register("ee.bkg")
def sideband(run: Run) -> Ours:
    """What the sideband method finds where 0.4 events are true in the box."""
    from scipy.optimize import brentq

    from mutau.background.sideband import Sideband, closure, integral
    from mutau.core.random import stream

    window = Sideband(55.0, 90.0, 0.0, 50.0)
    ends = [(a - window.reference, b - window.reference) for a, b in ((0, 50), (55, 90))]
    found = []
    for events in (30.0, 100.0, 300.0):

        def excess(slope: float, events: float = events) -> float:
            box, side = (float(integral(0.0, slope, *pair)) for pair in ends)
            return events * box / side - 0.4

        slope = float(brentq(excess, 0.02, 0.5))
        toys = closure(events, slope, window, stream(run.level.seed, 31), toys=100)
        found.append(
            {"events": events, "mean": toys.mean, "stated": toys.stated,
             "coverage": 100 * toys.coverage}
        )  # fmt: skip
    return Ours(words={"toys": found})


@ROWS.register("ee.exposure")
def exposure(run: Run) -> Ours:
    """Exposure and intensity in the file."""
    return Ours(words={"beam": load_experiment("na64e").beam})


@ROWS.register("ee.exposure.electrons")
def electrons(run: Run) -> Ours:
    """Electrons of all run periods."""
    return Ours(sum(period.particles for period in load_experiment("na64e").runs))


@ROWS.register("ee.exposure.spill")
def spill(run: Run) -> Ours:
    """Electrons in a spill."""
    return Ours(load_experiment("na64e").beam.per_spill)


@ROWS.register("ee.thr")
def thresholds(run: Run) -> Ours:
    """Thresholds of the signal box, GeV."""
    found = [period.threshold for period in load_experiment("na64e").runs if period.threshold]
    return Ours(found[0], words={"thresholds": found})


for _rank, _period in enumerate(("2016", "2021")):

    @ROWS.register(f"ee.bkg.{_period}")
    def background(run: Run, rank: int = _rank) -> Ours:
        """Background of a run period."""
        return Ours(load_experiment("na64e").runs[rank].background)


@ROWS.register("ee.syst")
def systematic(run: Run) -> Ours:
    """Systematic error of the yield, and what the thresholds add to it."""
    from mutau.analysis.yields import expected_yields
    from mutau.models import build_model

    file = load_experiment("na64e")
    spread = []
    for mass in (1e-3, 0.1, 0.24):
        model = build_model("lmu-ltau", mass, 1e-3)
        point = expected_yields(model, file, seed=run.level.seed)
        spread.append((100.0 * float(point.meta["threshold_systematic"]), 1e3 * mass))
    words = {"stated": 100 * file.systematics[0].signal, "spread": spread}
    return Ours(max(item.signal for item in file.systematics), words=words)


@ROWS.register("ee.exposure.ratio")
def more_electrons(run: Run) -> Ours:
    """Electrons on target over those of the earlier analysis."""
    return Ours(sum(p.particles for p in load_experiment("na64e").runs) / EARLIER_ELECTRONS)


@ROWS.register("ee.flat.x")
def flat_above_half(run: Run) -> Ours:
    """Cross section for x of at least one half on lead, at 0.1 MeV over that at 1 keV."""
    from mutau.matter.elements import element
    from mutau.reactions import electron_brems

    lead = element("Pb")
    light, heavy = (
        electron_brems.total(100.0, mass, Nucleus.of(lead), coupling=1e-5, x_min=0.5)
        for mass in (1e-6, 1e-4)
    )
    return Ours(heavy.sigma_pb / light.sigma_pb)
