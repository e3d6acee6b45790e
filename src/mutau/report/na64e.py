"""The NA64-e paper's numbers and figures: model, annihilation line shapes, the experiment."""

from __future__ import annotations

import numpy as np

from mutau.analysis.plane import printed_moment
from mutau.core.constants import M_MU
from mutau.core.errors import MissingExtra
from mutau.core.figure import Figure, Series
from mutau.experiment import load_experiment
from mutau.models import LmuMinusLtau, loop_mixing, moment_reference
from mutau.models.muon_moment import vector_coupling_band, vector_coupling_for_moment
from mutau.report.reproduction import TASKS, Level, Part
from mutau.report.rows import Row, compare, number

PAPER_YEAR = 2023
DARK = (0.1, 0.02)
#: Energies of the table of exact/iww, GeV.
K_ENERGIES = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0)


@TASKS.register("na64e/model")
def model(level: Level) -> Part:
    """Δa_μ and the coupling for it (ee.da), loop mixing (ee.pi0, ee.pimax), averages (ee.fig2)."""
    reference = moment_reference(PAPER_YEAR)
    light = float(vector_coupling_for_moment(1e-6, reference.difference))
    band = vector_coupling_band(np.array([1e-6]), PAPER_YEAR, 2.0)
    q2 = (2.0 * M_MU) ** 2 * np.concatenate([np.linspace(0.2, 3.0, 4001), [1.0]])
    mixing = np.abs(loop_mixing(q2))
    largest, place = float(mixing.max()), float(q2[mixing.argmax()] / M_MU**2)
    rows = (
        compare(
            number("ee.da"), None,
            ours=f"{printed_moment(PAPER_YEAR)}; g' = {light:.3g}, 2σ {band.lower[0]:.3g} to "
            f"{band.upper[0]:.3g}",
            how="input of the band; coupling from the one-loop integral in closed form",
        ),
        compare(
            number("ee.da.difference"), reference.difference * 1e11,
            how="experiment 116592059(22) minus theory 116591810(43), in 1e-11",
        ),
        compare(number("ee.da.coupling"), light, how="one loop, m = 1 keV"),
        compare(number("ee.pi0"), float(np.abs(loop_mixing(0.0))), how="eq. 2.3 in closed form"),
        compare(
            number("ee.pimax"), largest, ours=f"{largest:.5f} at q² = {place:.2f} m_μ²",
            how="eq. 2.3 in closed form on 4001 points around the threshold; 4 m_μ² is exact",
        ),
        compare(
            number("ee.pimax.where"), place, how="as ee.pimax: |Π| has its cusp on the threshold"
        ),
    )  # fmt: skip
    average, figure = _averages(level)
    return Part((*rows, *average), (figure,))


def _averages(level: Level) -> tuple[tuple[Row, ...], Figure]:
    """Relative difference of the mixing squared averaged over the line shape (eq. 5.1)."""
    threshold = 2.0 * M_MU
    near = threshold * np.concatenate([1.0 + np.geomspace(1e-4, 0.3, 40), [1.0]])
    below = threshold * (1.0 - np.geomspace(1e-4, 0.3, 40))
    masses = np.unique(np.concatenate([np.geomspace(1e-3, 0.5, 3 * level.points), near, below]))
    series, texts, largest, away = [], [], [], []
    for alpha_d in DARK:
        points = [LmuMinusLtau(m, 1e-3, alpha_d=alpha_d) for m in masses]
        change = np.array([p.average_mixing_squared() / p.epsilon_eff**2 - 1.0 for p in points])
        series.append(Series(f"$\\alpha_D$ = {alpha_d:g}", masses, np.abs(change)))
        texts.append(
            f"{100 * np.abs(change).max():.1f} % at {1e3 * masses[np.abs(change).argmax()]:.1f} MeV"
        )
        coarse = np.abs(masses / threshold - 1.0) > 0.015
        largest.append(float(np.abs(change).max()))
        away.append(float(np.abs(change[coarse]).max()))
    figure = Figure(
        id="ee.fig2",
        title="Change of |Π|² by the average over the line shape (Fig. 2)",
        x_label="$m_{Z'}$ [GeV]",
        y_label="$|I_{|\\Pi|^2} - |\\Pi|^2|/|\\Pi|^2$",
        series=tuple(series),
        log="xy",
        x_range=(1e-3, 0.5),
        y_range=(1e-5, 0.1),
        caption="Width of the decay into dark matter, m = 3 m_χ. |Π|² has a square-root cusp at "
        "2 m_μ; the spike there is narrower than 4 MeV.",
    )
    rows = (
        compare(
            number("ee.fig2"), None, ours="largest on the cusp at 2 m_μ: " + ", ".join(texts),
            how="eq. 5.1 by quadrature to 1e-11; figure ee.fig2",
        ),
        compare(
            number("ee.fig2.max"), max(largest),
            ours=f"{texts[0]}, on the cusp; {100 * max(away):.2f} % outside 1.5 % of 2 m_μ",
            how="largest of both α_D on the grid of the figure",
        ),
    )  # fmt: skip
    return rows, figure


@TASKS.register("na64e/k-factors")
def k_factor_table(level: Level) -> Part:
    """Exact over iww cross section on lead over mass and energy, as data for other simulations."""
    from mutau.matter.elements import element
    from mutau.matter.nucleus import Nucleus
    from mutau.reactions.electron_brems import k_factors

    lead, mass = Nucleus.of(element("Pb")), np.geomspace(1e-6, 1.0, level.points)
    figures = []
    for id_, x_min, what in (("ee.kfactor", 0.0, "all x"), ("ee.kfactor.window", 0.5, "x > 0.5")):
        table = k_factors(mass, K_ENERGIES, lead, x_min=x_min)
        figures.append(
            Figure(
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
                caption="Elastic form factor, per lead atom; x is the share of the energy that the "
                "Z′ takes. The factors correct totals only: the spectra differ too.",
            )
        )
    return Part((), tuple(figures))


@TASKS.register("na64e/annihilation")
def annihilation(level: Level) -> Part:
    """Line shapes on lead (ee.fig3) and on thin diamond (ee.fig5)."""
    from mutau.reactions.annihilation import integrated, lead_line_shapes, narrow_integral

    lead = lead_line_shapes()
    rest, moving = lead.curves["rest"], lead.curves["virial"]
    point = LmuMinusLtau(mass=0.225, coupling=0.03)
    whole = float(integrated([1.0, 2000.0], point, channel="nunu")[0])
    exact = narrow_integral(point, channel="nunu")
    still = float(integrated([1.0, 2000.0], point, channel="nunu", electrons="rest")[0])
    series = (
        Series("electrons at rest", lead.energies, rest, role="model"),
        Series("moving electrons", lead.energies, moving),
    )
    fig3 = Figure(
        id="ee.fig3",
        title="e⁺e⁻ → Z′ → νν̄ per lead atom, 225 MeV, g′ = 0.03 (Fig. 3)",
        x_label="$E_+$ [GeV]",
        y_label="cross section per atom [pb]",
        series=series,
        log="y",
        x_range=(20.0, 120.0),
        caption="Kinetic energies of each shell's electrons exponential with mean E_B.",
    )
    rows = [
        compare(
            number("ee.fig3"), None,
            ours=f"peak {rest.max():.3g} pb at rest, {moving.max():.3g} pb moving, at "
            f"{lead.energies[moving.argmax()]:.1f} GeV",
            how="eq. 5.2, angle in closed form, energy by quadrature; figure ee.fig3",
        ),
        compare(
            number("ee.fig3.peak"), float(rest.max() / moving.max()), how="figure ee.fig3"
        ),
        compare(
            number("ee.fig3.integral"), whole / still, 1e-4,
            ours=f"{whole / still:.5f}; narrow-width formula {exact / still:.5f}",
            how="integrals from 1 GeV to 2 TeV",
        ),
    ]  # fmt: skip
    diamond, figure = _diamond()
    left = {} if any(row.card == "ee.fig5.peak" for row in diamond) else NO_PROFILES
    return Part((*rows, *diamond), (fig3, figure), left_out=left)


#: Why the place of a peak between two others is not there.
NO_PROFILES = {"ee.fig5.peak": "tabulated Compton profiles need the extra 'atomic'"}


def _diamond() -> tuple[tuple[Row, ...], Figure]:
    from mutau.reactions.annihilation import diamond_line_shapes

    names = {
        "rest": "electrons at rest",
        "virial": "exponential (this paper)",
        "hydrogenic": "hydrogen-like shells",
        "hartree-fock": "Hartree–Fock",
        "compton": "tabulated Compton profiles",
    }
    missing = ""
    try:
        shapes = diamond_line_shapes(tuple(names))
    except MissingExtra:
        shapes = diamond_line_shapes(tuple(names)[:-1])
        missing = "; tabulated Compton profiles need the extra 'atomic'"
    still = float(shapes.curves["rest"].max())
    tops = {names[name]: float(curve.max()) / still for name, curve in shapes.curves.items()}
    figure = Figure(
        id="ee.fig5",
        title="Thin diamond target, 17 MeV, 0.5 % beam spread (Fig. 5)",
        x_label="$E_B$ [GeV]",
        y_label="cross section / peak for electrons at rest",
        series=tuple(
            Series(names[name], shapes.energies, curve / still, dashed=name == "compton")
            for name, curve in shapes.curves.items()
            if name != "rest"
        ),
        x_range=(0.25, 0.32),
        caption="The paper states no coupling; all curves are proportional to its square. Carbon "
        "atoms, free: Hartree–Fock solved here for the ground term, Compton profiles of Hartree–"
        "Fock in tables for the average of the configuration.",
    )
    text = ", ".join(f"{name} {top:.3f}" for name, top in list(tops.items())[1:])
    row = compare(
        number("ee.fig5"), None, ours="peaks over that at rest: " + text + missing,
        how="Gaussian beam folded with eq. 5.2; Hartree–Fock atom solved here; figure ee.fig5",
    )  # fmt: skip
    peaks = (tops[names["virial"]], tops[names["hartree-fock"]], tops.get(names["compton"]))
    return (row, *_between(*peaks)), figure


def _between(ours: float, atomic: float, profile: float | None) -> list[Row]:
    """Whether the exponential model's peak lies between the two others; none without tables."""
    from mutau.matter import atomic_electrons, hartree_fock
    from mutau.matter.hartree_fock import HARTREE

    if profile is None:
        return []
    bound = sum(s.electrons * s.binding_energy for s in atomic_electrons.shells("C"))
    free = hartree_fock.atom("C").kinetic * HARTREE
    nearer = min(max(ours, min(atomic, profile)), max(atomic, profile))
    row = compare(
        number("ee.fig5.peak"), ours / nearer,
        ours=f"{ours / nearer:.3f}: peaks {ours:.3f} (exponential), {atomic:.3f} (Hartree–Fock), "
        f"{profile:.3f} (Compton profiles)",
        how="figure ee.fig5",
        why=f"the mean kinetic energy of six electrons is {1e9 * bound:.0f} eV in the "
        f"exponential model and {1e9 * free:.0f} eV in Hartree–Fock (minus the energy of the "
        "atom, by the virial theorem), so its line is narrower and higher. The paper's two "
        "others are of another work, the Compton profile of diamond; bonds are in none of ours",
    )  # fmt: skip
    return [row]


@TASKS.register("na64e/selection")
def selection(level: Level) -> Part:
    """The efficiency kappa from simulated calibration electrons beside the paper's (ee.kappa)."""
    from mutau.detector.electron_calibration import NOT_SIMULATED, showers
    from mutau.signal.electron_calibration import calibration, other_settings

    file = load_experiment("na64e")
    n = min(max(level.events // 100, 200), 4000)
    found = calibration(file, made=showers(file, n, level.seed), seed=level.seed)
    names, shares = found.flow.names[1:], found.flow.share
    steps = ", ".join(
        f"{name} {100 * share / before:.1f} %"
        for name, before, share in zip(names, shares[:-1], shares[1:], strict=True)
    )
    other = other_settings(file, min(n, 1000), level.seed)
    spread = ", ".join(f"{name}: {100 * kappa:.0f} %" for name, kappa in other.items())
    rows = (
        compare(
            number("ee.kappa"), None, ours=steps,
            how="simulated electrons through the cuts of the file, share kept by each after those "
            "before; sizes and places that the paper omits are assumptions",
        ),
        compare(
            number("ee.kappa.mean"), found.kappa, found.error,
            model_err=0.5 * (max(other.values()) - min(other.values())),
            ours=f"{100 * found.kappa:.1f} ± {100 * found.error:.1f} % at the full rate, "
            f"{100 * found.quiet:.1f} % without a second electron (statistical); "
            f"{100 * min(other.values()):.0f} to {100 * max(other.values()):.0f} % with other "
            "assumptions",
            how="the steps of ee.kappa together",
            why="not simulated: " + "; ".join(NOT_SIMULATED) + f". Assumptions changed: {spread}. "
            "The limit takes the measured 50 % from the file",
        ),
    )  # fmt: skip
    return Part(rows)


def _sideband_toys(level: Level) -> str:
    """What the sideband method finds where 0.4 events are true in the box."""
    from scipy.optimize import brentq

    from mutau.background.sideband import Sideband, closure, integral
    from mutau.core.random import stream

    window = Sideband(55.0, 90.0, 0.0, 50.0)
    ends = [(a - window.reference, b - window.reference) for a, b in ((0, 50), (55, 90))]
    texts = []
    for events in (30.0, 100.0, 300.0):

        def excess(slope: float, events: float = events) -> float:
            box, side = (float(integral(0.0, slope, *pair)) for pair in ends)
            return events * box / side - 0.4

        slope = float(brentq(excess, 0.02, 0.5))
        toys = closure(events, slope, window, stream(level.seed, 31), toys=100)
        texts.append(
            f"{events:g} events in the sideband give {toys.mean:.2f} ± {toys.stated:.2f}, "
            f"intervals hold the truth in {100 * toys.coverage:.0f} %"
        )
    return "where 0.4 are true, on average " + "; ".join(texts)


@TASKS.register("na64e/experiment")
def experiment(level: Level) -> Part:
    """Exposure, thresholds, background and systematic errors as the experiment file has them."""
    from mutau.analysis.yields import expected_yields
    from mutau.models import build_model

    file = load_experiment("na64e")
    beam = file.beam
    spread, seen = [], []
    for mass in (1e-3, 0.1, 0.24):
        point = expected_yields(build_model("lmu-ltau", mass, 1e-3), file, seed=level.seed)
        spread.append(100.0 * float(point.meta["threshold_systematic"]))
        seen.append(f"{spread[-1]:.1f} % at {1e3 * mass:g} MeV")
    thresholds = [run.threshold for run in file.runs if run.threshold]
    periods = zip(("2016", "2021"), file.runs, strict=True)
    rows = (
        compare(number("ee.exposure"), None,
                ours=f"{beam.particles:.3g} ± {beam.particles_error:.2g}; {beam.per_spill:.2g} "
                f"in {beam.spill:g} s", how="input, shared among two periods (assumption)"),
        compare(number("ee.exposure.electrons"), sum(run.particles for run in file.runs),
                how="sum over the run periods of the file"),
        compare(number("ee.exposure.spill"), beam.per_spill, how="input"),
        compare(number("ee.thr"), thresholds[0],
                ours=" and ".join(f"{value:g} GeV" for value in thresholds),
                how="input; which period has which is assumed"),
        compare(number("ee.bkg"), None, ours=_sideband_toys(level),
                how="input to the limit; here the paper's method on 100 pseudo-experiments each: "
                "exponential between 55 and 90 GeV carried below 50 GeV"),
        *(
            compare(number(f"ee.bkg.{key}"), run.background, how="input")
            for key, run in periods
        ),
        compare(number("ee.syst"), max(item.signal for item in file.systematics),
                ours=f"{100 * file.systematics[0].signal:g} % (input); thresholds: "
                + ", ".join(seen),
                how="RMS over 1000 Gaussian thresholds per period, S(threshold) tabulated"),
    )  # fmt: skip
    return Part(rows)
