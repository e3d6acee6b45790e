"""The MUonE paper's numbers and figures."""

from __future__ import annotations

import math

import numpy as np

from mutau.analysis.limit import limit_curve
from mutau.analysis.plane import curve_series, printed_moment
from mutau.analysis.settings import Settings
from mutau.bounds import BOUNDS, published_limit
from mutau.core.figure import Figure, Series
from mutau.experiment import load_experiment
from mutau.models.muon_moment import vector_coupling_band
from mutau.reactions import muon_electron as process
from mutau.reactions import muon_electron_kinematics as kinematics
from mutau.report.reproduction import TASKS, Level, Part
from mutau.report.rows import Row, among, compare, number
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muon_electron import reaction, true_cuts

BENCHMARKS = ((0.1, 1e-3), (0.01, 5e-4))
THRESHOLD = 1.5e-3
PAPER_YEAR = 2021
SIGMAS = {"2σ": 2.0, "1σ": 1.0}


@TASKS.register("muone/kinematics")
def elastic(level: Level) -> Part:
    """Energies and angles (me.sqrts, me.theta.max, me.ee.min, me.gamma.*) and Fig. 1."""
    energy = load_experiment("muone").beam.energy
    top = kinematics.largest_muon_angle(energy)
    theta = np.linspace(1e-5, 0.9999 * top, 200)
    lowest = kinematics.smallest_electron_energy(theta, energy)
    few = theta[::8]
    radiative = [kinematics.smallest_electron_photon_energy(t, energy) for t in few]
    bounds = kinematics.photon_bounds(energy, THRESHOLD, 25.0, 1.0)
    rows = (
        compare(
            number("me.sqrts"), 1e3 * kinematics.center_of_mass_energy(energy),
            how="exact kinematics",
        ),
        compare(number("me.theta.max"), 1e3 * top, how="closed form below eq. 3"),
        compare(
            number("me.ee.min"), float(kinematics.smallest_electron_energy(THRESHOLD, energy)),
            how="eqs. 1 and 3 inverted; figure me.fig1",
        ),
        compare(
            number("me.gamma.energy"), bounds.energy_min,
            how="smallest over the allowed range of (theta_mu, E_mu, E_e)",
        ),
        compare(
            number("me.gamma.angle"), 1e3 * bounds.angle_max,
            how="footnote 4, largest over the range",
        ),
    )  # fmt: skip
    figure = Figure(
        id="me.fig1",
        title="Lowest electron energy above a muon angle (Fig. 1)",
        x_label="$\\theta_{\\mu,\\mathrm{th}}$ [mrad]",
        y_label="lowest $E_e$ or $E_e + E_\\gamma$ [GeV]",
        series=(
            Series("$\\mu e \\to \\mu e$", 1e3 * theta, lowest),
            Series("$\\mu e \\to \\mu e \\gamma$", 1e3 * few, np.array(radiative), kind="points"),
            Series("condition (i)", np.array([1.5, 1.5]), np.array([0.1, 200.0]), role="model",
                   dashed=True),
            Series("condition (ii)", np.array([0.0, 5.0]), np.array([25.0, 25.0]), role="model",
                   dashed=True),
        ),
        log="y",
        x_range=(0.0, 5.0),
        y_range=(1.0, 200.0),
        caption="The radiative minimum is reached for a soft photon, so both curves coincide.",
    )  # fmt: skip
    return Part(rows, (figure,))


@TASKS.register("muone/signal")
def signal(level: Level) -> Part:
    """Events of the two benchmarks (me.n10, me.n100), Fig. 2, footnote 5, forward electrons."""
    experiment = load_experiment("muone")
    cuts, luminosity = true_cuts(experiment.cuts), luminosity_on_electrons(experiment)
    angle_only = process.Cuts(theta_mu_min=cuts.theta_mu_min)
    edges = np.linspace(0.5, 40.0, 80)
    rows, series = [], []
    for mass, coupling in BENCHMARKS:
        z = reaction(experiment, mass, coupling)
        sigma = process.total_cross_section(z, cuts)
        generator = process.Reaction(
            process.ZPRIME, z.energy, mass, coupling, beam_charge=z.beam_charge,
            alpha=process.ALPHA_GENERATOR,
        )  # fmt: skip
        other = luminosity * process.total_cross_section(generator, cuts).sigma_pb
        events, error = luminosity * sigma.sigma_pb, luminosity * sigma.sigma_err_pb
        row = compare(
            number("me.n10" if mass < 0.05 else "me.n100"), events, error,
            ours=f"{events:.1f} with α(0)",
            how="exact tree level, deterministic quadrature, true quantities",
        )  # fmt: skip
        rows.append(among(row, {"α(0) = 1/137.04": (events, error), "1/α = 127.9": (other, error)}))
        shape = process.electron_spectrum(z, edges, angle_only)
        width = np.diff(edges)
        series.append(
            Series(f"{1e3 * mass:g} MeV, $g'$ = {coupling:g}", edges,
                   luminosity * shape.sigma_pb / width, kind="steps")
        )  # fmt: skip
    softness, shares = _softness(level)
    rows += softness
    nunu = process.total_cross_section(process.Reaction(process.NUNU, experiment.beam.energy), cuts)
    rows.append(
        compare(
            number("me.nunu"), luminosity * nunu.sigma_pb, luminosity * nunu.sigma_err_pb,
            how="Fermi vertices on both lines (Z for three flavours, W), exact 2 to 4",
        )
    )  # fmt: skip
    highest = 1.15 * float(max(item.y.max() for item in series))
    figure = Figure(
        id="me.fig2",
        title="Electron energy of signal events, $\\theta_\\mu$ > 1.5 mrad, 15 fb⁻¹ (Fig. 2)",
        x_label="$E_e$ [GeV]",
        y_label="events per GeV",
        series=(*series, *_outside((cuts.electron_energy_min, cuts.electron_energy_max), highest)),
        x_range=(0.0, 40.0),
        y_range=(0.0, highest),
        caption="True energies with α(0); condition (ii) keeps 1 to 25 GeV.",
    )
    return Part(tuple(rows), (figure, shares))


def _outside(kept: tuple[float, float], highest: float) -> list[Series]:
    """The electron energies that condition (ii) drops, in GeV, as areas up to `highest`."""
    return [
        Series(
            "" if rank else "outside condition (ii)", np.array([low, high, high, low]),
            np.array([0.0, 0.0, highest, highest]), kind="region-closed", role="model",
        )
        for rank, (low, high) in enumerate(((kept[1], 40.0), (0.0, kept[0])))
    ]  # fmt: skip


def _softness(level: Level) -> tuple[list[Row], Figure]:
    """Footnote 5 over all masses, and the share of forward electrons; the same as a figure."""
    experiment = load_experiment("muone")
    cuts = true_cuts(experiment.cuts)
    end = process.closing_mass(experiment.beam.energy, cuts)
    points = max(level.points // 3, 10)
    masses = np.concatenate(
        [np.geomspace(1e-3, 0.2, points), np.linspace(0.21, 0.98 * end, points // 2)]
    )
    rows, series = [], []
    for above, id_ in ((3.0, "me.soft.3"), (5.0, "me.soft.5")):
        harder = process.Cuts(cuts.theta_mu_min, above, cuts.electron_energy_max)
        kept = [process.kept_fraction(reaction(experiment, m), cuts, harder)[0] for m in masses]
        at_marks = [
            process.kept_fraction(reaction(experiment, m), cuts, harder) for m, _ in BENCHMARKS
        ]
        rows.append(
            compare(
                number(id_), *min(at_marks),
                ours=f"{at_marks[0][0]:.3f} (100 MeV), {at_marks[1][0]:.3f} (10 MeV); "
                f"{kept[0]:.3f} at 1 MeV falling to {kept[-1]:.3f} at {1e3 * masses[-1]:.0f} MeV "
                "(figure me.soft)",
                how="ratio of deterministic cross sections; the paper's statement holds for the "
                "benchmarks, heavier Z' lose more",
            )
        )  # fmt: skip
        series.append(Series(f"$E_e$ > {above:g} GeV", 1e3 * masses, np.array(kept)))
    forward = process.Cuts(
        cuts.theta_mu_min, cuts.electron_energy_min, cuts.electron_energy_max, theta_e_max=0.02
    )
    shares = [
        process.kept_fraction(reaction(experiment, m, g), cuts, forward) for m, g in BENCHMARKS
    ]
    rows.append(
        compare(
            number("me.forward"), *min(shares),
            ours=f"{shares[0][0]:.3f} (100 MeV), {shares[1][0]:.3f} (10 MeV) below 20 mrad",
            how="ratio of deterministic cross sections",
        )
    )  # fmt: skip
    within = [process.kept_fraction(reaction(experiment, m), cuts, forward)[0] for m in masses]
    series.append(
        Series("$\\theta_e$ < 20 mrad", 1e3 * masses, np.array(within), role="model", dashed=True)
    )
    figure = Figure(
        id="me.soft",
        title="Share of the signal under (i), (ii) that passes one more cut (footnote 5)",
        x_label="$m_{Z'}$ [MeV]",
        y_label="share",
        series=tuple(series),
        log="x",
        x_range=(1.0, 300.0),
        y_range=(0.0, 1.05),
        caption="True quantities, deterministic. Footnote 5, at most a factor 0.7 (0.5), is right "
        "to a digit up to 100 MeV.",
    )
    return rows, figure


@TASKS.register("muone/contours")
def contours(level: Level) -> Part:
    """Contours of the number of events (me.fig3), its end, its reach, and the 90 % CL limit."""
    experiment = load_experiment("muone")
    cuts, luminosity = true_cuts(experiment.cuts), luminosity_on_electrons(experiment)
    end = process.closing_mass(experiment.beam.energy, cuts)
    half = max(level.points // 2, 15)
    masses = np.concatenate([np.geomspace(1e-3, 0.1, half), np.linspace(0.105, 0.995 * end, half)])
    sigma = [
        process.total_cross_section(reaction(experiment, m), cuts, accuracy=2e-3) for m in masses
    ]
    per_coupling2 = luminosity * np.array([item.sigma_pb for item in sigma])
    relative = max(item.sigma_err_pb / item.sigma_pb for item in sigma)
    some = list(masses[:: max(half // 8, 1)])
    events = max(level.events // 10, 4000)
    line = limit_curve(experiment, some, settings=Settings(seed=level.seed, n_events=events))
    x_range = (1e-3, 0.4)
    series = [*_published(), _charm2(x_range), *_bands(masses)]
    for count in (1.0, 10.0, 100.0, 1e3, 1e4):
        coupling = np.sqrt(count / per_coupling2)
        series.append(
            Series(f"{count:g} event{'s' if count > 1 else ''}", masses, coupling, dashed=count < 5)
        )
    at, of = np.array(BENCHMARKS).T
    series.append(Series("benchmarks of Fig. 2", at, of, kind="points", role="measured"))
    label = "90 % CL with detector"
    series.append(Series(label, line.mass, line.coupling, err=line.numerical_err, role="model"))
    figure = Figure(
        id="me.fig3",
        title="Signal events under (i) to (iii) for 15 fb⁻¹ (Fig. 3)",
        x_label="$m_{Z'}$ [GeV]",
        y_label="$g'$",
        series=tuple(series),
        log="xy",
        x_range=x_range,
        y_range=(1e-5, 1e-2),
        caption=f"True quantities, α(0). g−2 reference {printed_moment(PAPER_YEAR)}. The bound of "
        "CHARM-II is computed here from its measured cross section: the reinterpretation that the "
        "paper draws is public as a drawing only.",
    )
    rows = _contour_rows(masses, per_coupling2, relative, experiment.beam.energy, end)
    return Part(rows, (figure,), (line,))


def _published() -> list[Series]:
    names = ("babar4mu-2016", "borexino-2011", "ccfr-1991")
    return curve_series([published_limit(name) for name in names], 1e-3)


def _charm2(x_range: tuple[float, float]) -> Series:
    """What the measured trident cross section of CHARM-II excludes, computed here."""
    bound = BOUNDS["charm2-trident"]
    found = bound(np.geomspace(*x_range, 41))
    return Series(
        "CHARM-II trident (computed here)", found.mass, found.coupling, kind="region",
        role="published", note="; ".join(found.meta.get("assumptions", ())),
        meta={"name": bound.name, "cl": found.cl, "sources": list(bound.source)},
    )  # fmt: skip


def _bands(masses: np.ndarray) -> list[Series]:
    bands = [(label, vector_coupling_band(masses, PAPER_YEAR, n)) for label, n in SIGMAS.items()]
    return [
        Series(
            f"$(g-2)_\\mu$ {PAPER_YEAR}, {label}", masses, np.maximum(band.lower, 1e-12),
            kind="band", y2=band.upper, role="preferred",
        )
        for label, band in bands
    ]  # fmt: skip


def _contour_rows(
    masses: np.ndarray, per_coupling2: np.ndarray, relative: float, energy: float, end: float
) -> tuple[Row, ...]:
    """Numbers that the paper reads off Fig. 3; relative : largest error of the cross sections."""
    centre = vector_coupling_band(masses, PAPER_YEAR, 0.0).lower
    in_band = per_coupling2 * centre**2
    wanted = in_band[(masses > 0.01) & (masses < 0.2)]
    middle = float(np.exp(np.interp(math.log(0.05), np.log(masses), np.log(in_band))))
    reach = float(np.sqrt(1.0 / per_coupling2[0]))
    threshold = kinematics.production_threshold(energy)
    return (
        compare(
            number("me.fig3.band"), middle, relative * middle,
            ours=f"{middle:.0f} at 50 MeV; {wanted.min():.0f} to {wanted.max():.0f} on the band's "
            "centre from 10 to 200 MeV", how="figure me.fig3",
        ),
        compare(
            number("me.end"), 1e3 * end,
            ours=f"{1e3 * end:.1f} MeV with the cuts, {1e3 * threshold:.1f} MeV without",
            how="exact kinematics",
        ),
        compare(
            number("me.reach"), reach,
            ours=f"{reach:.3g} for one event, {reach * math.sqrt(math.log(10)):.3g} for 2.3",
            how="exact tree level at 1 MeV",
        ),
    )  # fmt: skip
