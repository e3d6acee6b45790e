"""The MUonE paper's numbers and figures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from mutau.analysis.limit import limit_curve
from mutau.analysis.plane import curve_series, printed_moment
from mutau.analysis.settings import Settings
from mutau.bounds import BOUNDS, published_limit
from mutau.core.constants import ALPHA
from mutau.core.figure import Figure, Series
from mutau.core.types import Exclusion
from mutau.experiment import load_experiment
from mutau.models import LmuMinusLtau, moment_reference
from mutau.models.muon_moment import vector_coupling_band
from mutau.reactions import muon_electron as process
from mutau.reactions import muon_electron_kinematics as kinematics
from mutau.report.rows import Ours
from mutau.report.runs import FIGURES, ROWS, Run
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muon_electron import reaction, true_cuts

BENCHMARKS = ((0.1, 1e-3), (0.01, 5e-4))
THRESHOLD = 1.5e-3
PAPER_YEAR = 2021
SIGMAS = {"2σ": 2.0, "1σ": 1.0}


def beam_energy() -> float:
    """Of the experiment, GeV."""
    return load_experiment("muone").beam.energy


@ROWS.register("me.sqrts")
def total_energy(run: Run) -> Ours:
    """Centre-of-mass energy, MeV."""
    return Ours(1e3 * kinematics.center_of_mass_energy(beam_energy()))


@ROWS.register("me.theta.max")
def largest_angle(run: Run) -> Ours:
    """Largest angle of an elastically scattered muon, mrad."""
    return Ours(1e3 * kinematics.largest_muon_angle(beam_energy()))


@ROWS.register("me.ee.min")
def lowest_electron(run: Run) -> Ours:
    """Lowest electron energy above the cut on the muon's angle, GeV."""
    return Ours(float(kinematics.smallest_electron_energy(THRESHOLD, beam_energy())))


def photons(run: Run) -> kinematics.PhotonBounds:
    """What cuts (i) and (ii) leave a photon."""
    return kinematics.photon_bounds(beam_energy(), THRESHOLD, 25.0, 1.0)


@ROWS.register("me.gamma.energy")
def photon_energy(run: Run) -> Ours:
    """Lowest energy of a photon under the cuts, GeV."""
    return Ours(run.of(photons).energy_min)


@ROWS.register("me.gamma.angle")
def photon_angle(run: Run) -> Ours:
    """Largest angle of a photon under the cuts, mrad."""
    return Ours(1e3 * run.of(photons).angle_max)


@FIGURES.register("me.fig1")
def lowest_energies(run: Run) -> Figure:
    """Lowest electron (and photon) energy above a muon angle."""
    energy = beam_energy()
    theta = np.linspace(1e-5, 0.9999 * kinematics.largest_muon_angle(energy), 200)
    lowest = kinematics.smallest_electron_energy(theta, energy)
    few = theta[::8]
    radiative = [kinematics.smallest_electron_photon_energy(t, energy) for t in few]
    return Figure(
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


def cuts_and_luminosity() -> tuple[process.Cuts, float]:
    """True cuts of the experiment, and its luminosity on electrons in pb^-1."""
    experiment = load_experiment("muone")
    return true_cuts(experiment.cuts), luminosity_on_electrons(experiment)


def events_of(run: Run, mass: float, coupling: float, alpha: float) -> tuple[float, float]:
    """Signal events of a point under the true cuts, with their numerical error."""
    cuts, luminosity = cuts_and_luminosity()
    z = reaction(load_experiment("muone"), mass, coupling)
    sigma = process.total_cross_section(replace(z, alpha=alpha), cuts)
    return luminosity * sigma.sigma_pb, luminosity * sigma.sigma_err_pb


def benchmark(run: Run, mass: float, coupling: float) -> Ours:
    """Events of a benchmark with alpha(0), and with that of the generator."""
    found = run.of(events_of, mass, coupling, ALPHA)
    other, _ = run.of(events_of, mass, coupling, process.ALPHA_GENERATOR)
    choices = {"α(0) = 1/137.04": found, "1/α = 127.9": (other, found[1])}
    return Ours(*found, words={"events": found[0]}, choices=choices)


for _id, _point in (("me.n100", BENCHMARKS[0]), ("me.n10", BENCHMARKS[1])):
    ROWS.register(_id)(partial(benchmark, mass=_point[0], coupling=_point[1]))


@ROWS.register("me.nunu")
def neutrino_pairs(run: Run) -> Ours:
    """Events of mu e -> mu e nu nu under the cuts."""
    cuts, luminosity = cuts_and_luminosity()
    beam = load_experiment("muone").beam
    pairs = process.Reaction(process.NUNU, beam.energy, beam_charge=beam.charge)
    nunu = process.total_cross_section(pairs, cuts)
    return Ours(luminosity * nunu.sigma_pb, luminosity * nunu.sigma_err_pb)


@FIGURES.register("me.fig2")
def electron_energies(run: Run) -> Figure:
    """Electron energy of the benchmarks under cut (i)."""
    cuts, luminosity = cuts_and_luminosity()
    angle_only = process.Cuts(theta_mu_min=cuts.theta_mu_min)
    edges = np.linspace(0.5, 40.0, 80)
    series = []
    for mass, coupling in BENCHMARKS:
        z = reaction(load_experiment("muone"), mass, coupling)
        shape = process.electron_spectrum(z, edges, angle_only)
        series.append(
            Series(f"{1e3 * mass:g} MeV, $g'$ = {coupling:g}", edges,
                   luminosity * shape.sigma_pb / np.diff(edges), kind="steps")
        )  # fmt: skip
    highest = 1.15 * float(max(item.y.max() for item in series))
    return Figure(
        id="me.fig2",
        title="Electron energy of signal events, $\\theta_\\mu$ > 1.5 mrad, 15 fb⁻¹ (Fig. 2)",
        x_label="$E_e$ [GeV]",
        y_label="events per GeV",
        series=(*series, *_outside((cuts.electron_energy_min, cuts.electron_energy_max), highest)),
        x_range=(0.0, 40.0),
        y_range=(0.0, highest),
        caption="True energies with α(0); condition (ii) keeps 1 to 25 GeV.",
    )


def _outside(kept: tuple[float, float], highest: float) -> list[Series]:
    """The electron energies that condition (ii) drops, in GeV, as areas up to `highest`."""
    return [
        Series(
            "" if rank else "outside condition (ii)", np.array([low, high, high, low]),
            np.array([0.0, 0.0, highest, highest]), kind="region-closed", role="model",
        )
        for rank, (low, high) in enumerate(((kept[1], 40.0), (0.0, kept[0])))
    ]  # fmt: skip


#: What one more cut keeps: name -> changes of the cuts.
MORE_CUTS: Final = {
    "3": {"electron_energy_min": 3.0},
    "5": {"electron_energy_min": 5.0},
    "forward": {"theta_e_max": 0.02},
}


def soft_masses(run: Run) -> np.ndarray:
    """Masses of the figure of footnote 5, GeV."""
    end = process.closing_mass(beam_energy(), cuts_and_luminosity()[0])
    points = max(run.level.points // 3, 10)
    return np.concatenate(
        [np.geomspace(1e-3, 0.2, points), np.linspace(0.21, 0.98 * end, points // 2)]
    )


def kept_by(run: Run, more: str) -> np.ndarray:
    """Fraction of the signal under (i), (ii) that passes one more cut, over the masses."""
    cuts = cuts_and_luminosity()[0]
    harder, experiment = replace(cuts, **MORE_CUTS[more]), load_experiment("muone")
    return np.array(
        [
            process.kept_fraction(reaction(experiment, m), cuts, harder)[0]
            for m in run.of(soft_masses)
        ]
    )


def kept_of_benchmarks(run: Run, more: str) -> list[tuple[float, float]]:
    """The same at the benchmarks, with its error."""
    cuts = cuts_and_luminosity()[0]
    harder, experiment = replace(cuts, **MORE_CUTS[more]), load_experiment("muone")
    return [process.kept_fraction(reaction(experiment, m, g), cuts, harder) for m, g in BENCHMARKS]


def softer(run: Run, more: str) -> Ours:
    """Footnote 5 at the benchmarks, and over all masses."""
    at_marks, kept = run.of(kept_of_benchmarks, more), run.of(kept_by, more)
    words = {"at_100": at_marks[0][0], "at_10": at_marks[1][0], "light": kept[0],
             "heavy": kept[-1], "heaviest": 1e3 * run.of(soft_masses)[-1]}  # fmt: skip
    return Ours(*min(at_marks), words=words)


for _above in ("3", "5"):
    ROWS.register(f"me.soft.{_above}")(partial(softer, more=_above))


@ROWS.register("me.forward")
def forward(run: Run) -> Ours:
    """Fraction of forward electrons at the benchmarks."""
    found = run.of(kept_of_benchmarks, "forward")
    return Ours(*min(found), words={"at_100": found[0][0], "at_10": found[1][0]})


@FIGURES.register("me.soft")
def soft_figure(run: Run) -> Figure:
    """Footnote 5 and the fraction of forward electrons over all masses."""
    masses = 1e3 * run.of(soft_masses)
    series = [
        Series(f"$E_e$ > {above} GeV", masses, run.of(kept_by, above)) for above in ("3", "5")
    ]
    return Figure(
        id="me.soft",
        title="Fraction of the signal under (i), (ii) that passes one more cut (footnote 5)",
        x_label="$m_{Z'}$ [MeV]",
        y_label="fraction",
        series=(
            *series,
            Series("$\\theta_e$ < 20 mrad", masses, run.of(kept_by, "forward"), role="model",
                   dashed=True),
        ),
        log="x",
        x_range=(1.0, 300.0),
        y_range=(0.0, 1.05),
        caption="True quantities, deterministic. Footnote 5, at most a factor 0.7 (0.5), is right "
        "to a digit up to 100 MeV.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignalCounts:
    """Events over mass. mass : (N,) GeV. per_coupling2 : (N,) events over the coupling squared.
    relative : largest error of the cross sections. end : mass where the cuts close, GeV."""

    mass: np.ndarray
    per_coupling2: np.ndarray
    relative: float
    end: float


def counts(run: Run) -> SignalCounts:
    """Events under (i) to (iii) for 15 fb^-1 over mass."""
    experiment = load_experiment("muone")
    cuts, luminosity = cuts_and_luminosity()
    end = process.closing_mass(experiment.beam.energy, cuts)
    half = max(run.level.points // 2, 15)
    masses = np.concatenate([np.geomspace(1e-3, 0.1, half), np.linspace(0.105, 0.995 * end, half)])
    sigma = [
        process.total_cross_section(reaction(experiment, m), cuts, accuracy=2e-3) for m in masses
    ]
    return SignalCounts(
        masses, luminosity * np.array([item.sigma_pb for item in sigma]),
        max(item.sigma_err_pb / item.sigma_pb for item in sigma), end,
    )  # fmt: skip


def detector_limit(run: Run) -> Exclusion:
    """The 90 % CL limit with the detector."""
    masses = run.of(counts).mass
    half = len(masses) // 2
    return run.limit(
        limit_curve(
            load_experiment("muone"), list(masses[:: max(half // 8, 1)]),
            settings=Settings(seed=run.level.seed, n_events=max(run.level.events // 10, 4000)),
        )
    )  # fmt: skip


@FIGURES.register("me.fig3")
def contours(run: Run) -> Figure:
    """Contours of the number of events, and the 90 % CL limit."""
    found, line = run.of(counts), run.of(detector_limit)
    x_range = (1e-3, 0.4)
    series = [*_published(), _charm2(x_range), *_bands(found.mass)]
    for count in (1.0, 10.0, 100.0, 1e3, 1e4):
        coupling = np.sqrt(count / found.per_coupling2)
        label = f"{count:g} event{'s' if count > 1 else ''}"
        series.append(Series(label, found.mass, coupling, dashed=count < 5))
    at, of = np.array(BENCHMARKS).T
    series.append(Series("benchmarks of Fig. 2", at, of, kind="points", role="measured"))
    label = "90 % CL with detector"
    series.append(Series(label, line.mass, line.coupling, err=line.numerical_err, role="model"))
    return Figure(
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


@ROWS.register("me.fig3.band")
def events_in_the_band(run: Run) -> Ours:
    """Events at the centre of the band of g-2."""
    found = run.of(counts)
    masses = found.mass
    in_band = found.per_coupling2 * vector_coupling_band(masses, PAPER_YEAR, 0.0).lower ** 2
    wanted = in_band[(masses > 0.01) & (masses < 0.2)]
    middle = float(np.exp(np.interp(math.log(0.05), np.log(masses), np.log(in_band))))
    words = {"middle": middle, "fewest": wanted.min(), "most": wanted.max()}
    return Ours(middle, found.relative * middle, words=words)


@ROWS.register("me.end")
def vanishing_mass(run: Run) -> Ours:
    """The mass where the events vanish, MeV."""
    end = process.closing_mass(beam_energy(), cuts_and_luminosity()[0])
    threshold = kinematics.production_threshold(beam_energy())
    return Ours(1e3 * end, words={"end": 1e3 * end, "threshold": 1e3 * threshold})


@ROWS.register("me.reach")
def lowest_coupling(run: Run) -> Ours:
    """The coupling of one event at low mass."""
    reach = float(np.sqrt(1.0 / run.of(counts).per_coupling2[0]))
    return Ours(reach, words={"one": reach, "limit": reach * math.sqrt(math.log(10))})


@ROWS.register("me.band.stars")
def stars(run: Run) -> Ours:
    """How far the benchmarks are from the centre of the band, in its standard errors."""
    reference = moment_reference(PAPER_YEAR)
    found = {
        f"{1e3 * mass:g} MeV": (
            LmuMinusLtau(mass=mass, coupling=coupling).delta_a_mu() - reference.difference
        )
        / reference.difference_uncertainty
        for mass, coupling in BENCHMARKS
    }
    return Ours(max(map(abs, found.values())), words={"stars": found})


@ROWS.register("me.softer")
def heavier_is_softer(run: Run) -> Ours:
    """Mean electron energy of the heavy benchmark over that of the light one, under cut (i)."""
    angle_only = process.Cuts(theta_mu_min=cuts_and_luminosity()[0].theta_mu_min)
    edges = np.linspace(0.5, 40.0, 80)
    middle, means = 0.5 * (edges[1:] + edges[:-1]), []
    for mass, coupling in BENCHMARKS:
        z = reaction(load_experiment("muone"), mass, coupling)
        shape = process.electron_spectrum(z, edges, angle_only).sigma_pb
        means.append(float(np.sum(middle * shape) / np.sum(shape)))
    return Ours(means[0] / means[1], words={"heavy": means[0], "light": means[1]})


@ROWS.register("me.above100")
def suppressed(run: Run) -> Ours:
    """Events at 200 MeV over those at 100 MeV, for equal couplings."""
    found = run.of(counts)
    at = np.exp(np.interp(np.log([0.1, 0.2]), np.log(found.mass), np.log(found.per_coupling2)))
    return Ours(float(at[1] / at[0]), float(found.relative * at[1] / at[0]))


@ROWS.register("me.photon.hits")
def photons_hit(run: Run) -> Ours:
    """How far from the axis a photon of the first station can meet the calorimeter, over its half
    width."""
    experiment = load_experiment("muone")
    (ecal,) = experiment.detector.calorimeter
    distance = ecal.z - experiment.target.z
    away = distance * math.tan(run.of(photons).angle_max)
    return Ours(away / (0.5 * ecal.width), words={"away": away, "distance": 1e-2 * distance})


#: Masses at which the reach of two experiments is compared, GeV.
COMPARED: Final = (0.01, 0.03, 0.1)


@ROWS.register("me.reach.na64mu")
def beside_na64mu(run: Run) -> Ours:
    """The coupling of 2.3 events over the limit of NA64mu for 1e11 muons, furthest from 1."""
    found = run.of(counts)
    other = limit_curve(
        load_experiment("na64mu"), list(COMPARED),
        settings=Settings(seed=run.level.seed, n_events=min(run.level.events, 20_000)),
    )  # fmt: skip
    events = np.exp(np.interp(np.log(COMPARED), np.log(found.mass), np.log(found.per_coupling2)))
    ratio = np.sqrt(math.log(10) / events) / other.coupling
    far = int(np.abs(np.log(ratio)).argmax())
    error = float(ratio[far] * other.numerical_err[far] / other.coupling[far])
    pairs = zip([1e3 * mass for mass in COMPARED], ratio.tolist(), strict=True)
    return Ours(float(ratio[far]), error, words={"ratios": list(pairs)})
