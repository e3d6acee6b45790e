"""Mass and coupling of the Z' from the missing mass, with a muon spectrometer.

With the momenta of beam, muon and electron the four-momentum of the Z' is known (K. Asai et al.,
Phys. Rev. D 106, L051702, section IV); its square, smeared by the resolutions, peaks at m^2 for the
signal, at 0 for a lost photon, and lies below 0 for a second scattering. A binned extended
likelihood in that square gives m and g: its signal is a distribution of M^2 - m^2 from Monte Carlo
samples at several masses, interpolated in m, times the expected number, its backgrounds are
histograms whose sizes are known within their errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.analysis.lacking import lacks
from mutau.analysis.loop import Progress, part_of, side_by_side
from mutau.analysis.settings import AS_STATED, Settings
from mutau.background.muone_components import Component, region
from mutau.background.muone_event_file import event_component
from mutau.background.muone_samples import background_components
from mutau.background.muone_sources import RADIATIVE, signal_component
from mutau.core.deprecation import old_keywords
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.random import stream
from mutau.core.storage import digest
from mutau.core.types import provenance
from mutau.io.mesmer import read_mesmer
from mutau.models import Model
from mutau.reactions.muon_electron import closing_mass, total_cross_section
from mutau.selection.variables import evaluate
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.muon_electron import check_boson, reaction, true_cuts
from mutau.signal.muone_response import check_measurable
from mutau.signal.usage import NOT_USED, not_used

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

DEFAULT_EVENTS: Final = 100_000
BINS: Final = 64
NODES: Final = 14  # masses with a sample
_FINE: Final = 48  # masses with a deterministic cross section
_NO_COUPLING: Final = 1e-7
_TEMPLATE, _INJECTED, _BACKGROUND, _TOYS = 11, 12, 13, 14  # names of random streams
#: M^2 - m^2 at which the distribution is tabulated, GeV^2: a third of the resolution in the
#: middle, so that the noise of the samples does not ripple the likelihood; wider outside.
_SPREAD: Final = 0.08 * np.sinh(np.linspace(-3.2, 3.2, 49)) / math.sinh(3.2)


@dataclass(frozen=True, slots=True)
class MissingMassSpectrum:
    """Expected missing-mass spectrum of an experiment, for any mass and coupling.

    edges : (B + 1,) GeV^2. masses : (K,) GeV, with a sample each. number : (K,) events at
    coupling 1 behind all cuts, number_err its Monte Carlo error. shape : (K, len(_SPREAD))
    cumulative distribution of M^2 - m^2. backgrounds : name -> (B,) events.
    background_errors : name -> relative error of the size.
    """

    edges: Array
    masses: Array
    number: Array
    number_err: Array
    shape: Array
    backgrounds: Mapping[str, Array]
    background_errors: Mapping[str, float]
    _splines: tuple[Any, Any, Any] = field(repr=False, compare=False, default=(None, None, None))

    def signal(self, mass: float) -> Array:
        """(B,) events at coupling 1 for a mass in GeV; between the samples interpolated.

        No bin holds less than half an event of the sample, so that no count is impossible.
        """
        number, shape, nearby = self._splines
        at_edges = shape(np.clip(self.edges - mass**2, _SPREAD[0], _SPREAD[-1]))
        fraction = np.diff(at_edges @ nearby(mass))
        least = 0.5 * float(np.max((self.number_err / self.number) ** 2))
        return np.asarray(math.exp(number(mass)) * np.maximum(fraction, least))

    @property
    def background(self) -> Array:
        """(B,) events of all sources."""
        return np.sum(list(self.backgrounds.values()), axis=0)

    @property
    def mass_range(self) -> tuple[float, float]:
        """Lowest and highest mass that can be fitted, GeV."""
        return float(self.masses[0]), float(self.masses[-1])


@dataclass(frozen=True, slots=True)
class MassFit:
    """Result of one fit.

    mass, mass_err : GeV; coupling, coupling_err; errors of one standard deviation from the
    curvature. mass_interval, coupling_interval : one standard deviation from the profile
    likelihood, within the masses that can be fitted. correlation : of mass and coupling.
    events : fitted signal. significance : of the signal, sqrt(2 ln L ratio). valid : whether the
    minimiser is content.
    """

    mass: float
    mass_err: float
    coupling: float
    coupling_err: float
    mass_interval: tuple[float, float]
    coupling_interval: tuple[float, float]
    correlation: float
    events: float
    significance: float
    valid: bool


@dataclass(frozen=True, slots=True)
class InjectionTest:
    """Fits of pseudo-data with a known signal, made of events that took no part in the templates.

    asimov : fit of the expected spectrum. mass_pulls, coupling_pulls : (T,) of the toys whose fit
    is valid: (fitted - true) over the error on that side of the fit. failed : toys without a
    valid fit. counts : (B,) the first toy. fit : of that toy.
    """

    asimov: MassFit
    mass_pulls: Array
    coupling_pulls: Array
    failed: int
    counts: Array
    fit: MassFit


#: Settings that a measurement of the missing mass uses.
_USED: Final = ("n_events", "seed")
_OLD: Final = {"n": "n_events", "seed": "seed"}


@old_keywords("settings", Settings, _OLD, gone_in="0.2.0")
def spectrum(
    experiment: Experiment,
    *,
    nodes: int = NODES,
    sources: Sequence[str] | None = None,
    events: str | Path | None = None,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> MissingMassSpectrum:
    """Missing-mass spectrum of an experiment behind its cuts.

    nodes : masses with a sample of their own, from 1 MeV to the end of phase space. sources : names
    of the backgrounds that count (`background.muone_samples.SAMPLED`); None for all. events : file
    of MESMER, whose events are one more background in place of the radiative ones. settings :
    events per sample (n_events) and seed; others are refused.
    Raises UnknownName, MutauError for an experiment without muon spectrometer.
    Check: `signal` summed over the bins is the yield at coupling 1.
    """
    from scipy.interpolate import CubicSpline, PchipInterpolator

    settings.refuse_unused("a measurement", *_USED)
    _check(experiment)
    n, seed = settings.n_events or DEFAULT_EVENTS, settings.seed
    wide = region(experiment)
    end = closing_mass(experiment.beam.energy, true_cuts(experiment.cuts, known_only=True))
    masses = np.concatenate([[1e-3], np.linspace(0.02, 0.97 * end, nodes - 1)])
    edges = np.linspace(-0.5 * end**2, 1.4 * end**2, BINS + 1)

    def at(mass: float) -> tuple[float, float, Array]:
        part = signal_component(experiment, mass, wide, n, seed, _TEMPLATE)
        weight, square = _kept(part, experiment)
        number, error = float(weight.sum()), float(np.sqrt(np.sum(weight**2)))
        return number, error, _cumulative(square - mass**2, weight)

    numbers, errors, shapes = zip(
        *side_by_side(at, masses.tolist(), "templates", part_of(progress, 0.0, 0.9)), strict=True
    )
    if progress:
        progress(0.9, "backgrounds")
    backgrounds, background_errors = {}, {}
    parts = [*background_components(experiment, wide, 2 * n, seed, _BACKGROUND, sources=sources)]
    if events is not None:
        parts = [part for part in parts if part.name != RADIATIVE]
        parts.append(event_component(experiment, read_mesmer(events), seed))
    for part in parts:
        weight, square = _kept(part, experiment)
        if weight.sum() > 0.0:
            least = 0.5 * float(np.sum(weight**2) / np.sum(weight))
            counts = np.histogram(square, edges, weights=weight)[0]
            backgrounds[part.name] = np.maximum(counts, least)
            background_errors[part.name] = max(part.model_error, 1e-3)
    shape, number = np.array(shapes), np.array(numbers)
    splines = (
        _number_of_mass(experiment, masses, number),
        PchipInterpolator(_SPREAD, shape.T),
        CubicSpline(masses, np.eye(nodes)),
    )
    return MissingMassSpectrum(
        edges, masses, number, np.array(errors), shape, backgrounds, background_errors, splines
    )


def _number_of_mass(
    experiment: Experiment, masses: Array, number: Array
) -> Callable[[float], float]:
    """ln of the events at coupling 1: deterministic within the true cuts, where the mass matters
    most, times what the detector and the other cuts leave, interpolated between the samples."""
    from scipy.interpolate import CubicSpline

    cuts, scale = true_cuts(experiment.cuts, known_only=True), luminosity_on_electrons(experiment)

    def within(grid: Array) -> Array:
        found = [total_cross_section(reaction(experiment, float(m)), cuts) for m in grid]
        return np.log([scale * sigma.sigma_pb for sigma in found])

    fine = np.linspace(masses[0], masses[-1], _FINE)
    true, seen = CubicSpline(fine, within(fine)), np.log(number) - within(masses)
    left = CubicSpline(masses, seen)
    return lambda mass: float(true(mass) + left(mass))


def _check(experiment: Experiment) -> None:
    stated = experiment.detector.resolution
    if experiment.process != "muon-electron-zprime" or not (stated and stated.muon_momentum):
        raise MutauError(
            "the missing mass needs the muon's momentum",
            place=f"{experiment.name}: detector/resolution/muon_momentum",
            remedy="state it, for example '1 %', or take the experiment muone-spectrometer",
        )
    check_measurable(experiment)


def _kept(part: Component, experiment: Experiment) -> tuple[Array, Array]:
    """Weights of the events behind the cuts, and their missing mass squared."""
    weight = part.kept(experiment.cuts)
    mask = weight > 0.0
    return weight[mask], np.asarray(evaluate("missing_mass2", part.sample))[mask]


def _cumulative(values: Array, weight: Array) -> Array:
    """Fraction of the weight below each point of `_SPREAD`; 0 and 1 at its ends."""
    order = np.argsort(values)
    below = np.concatenate([[0.0], np.cumsum(weight[order])])
    fraction = below[np.searchsorted(values[order], _SPREAD)] / below[-1]
    fraction[0], fraction[-1] = 0.0, 1.0
    return np.asarray(fraction)


def _coupling_square(coupling: float) -> float:
    """What the fit varies, of the order of 1: the rate is linear in it."""
    return (coupling / 1e-3) ** 2


def _coupling(square: float) -> float:
    """The coupling of a square, at least `_NO_COUPLING`, which gives no events."""
    return max(1e-3 * math.sqrt(max(square, 0.0)), _NO_COUPLING)


def expected_counts(expected: MissingMassSpectrum, model: Model) -> Array:
    """(B,) events of signal and backgrounds for a model point."""
    check_boson(model)
    low, high = expected.mass_range
    require_in_range("mass", model.mass, low, high, unit="GeV")
    return model.invisible_strength("mu") * expected.signal(model.mass) + expected.background


def fit_spectrum(
    expected: MissingMassSpectrum,
    counts: Array,
    model: Model,
    *,
    sizes: Mapping[str, float] | None = None,
) -> MassFit:
    """Mass and coupling from counts (B,) by an extended binned likelihood (iminuit).

    model : its class and dark sector are kept, mass and coupling only start the fit. sizes : what
    the side measurements of the background sizes gave, in units of the expectation; 1 each if not
    given. Raises MutauError for counts of another length, negative or not finite.
    Check: the expected counts of a point give it back.
    """
    from iminuit import Minuit

    check_boson(model)
    counts = np.asarray(counts, float)
    if counts.shape != (len(expected.edges) - 1,) or not np.all(counts >= 0.0):
        raise MutauError(
            f"counts of shape {counts.shape}", allowed=f"{len(expected.edges) - 1} numbers >= 0"
        )
    names = list(expected.backgrounds)
    shapes = np.array([expected.backgrounds[name] for name in names])
    errors = np.array([expected.background_errors[name] for name in names])
    measured = np.array([(sizes or {}).get(name, 1.0) for name in names])
    low, high = expected.mass_range

    def cost(mass: float, square: float, *size: float) -> float:
        if not math.isfinite(mass + square + sum(size)):
            return math.inf  # a step of a profile without a minimum: the fit is not valid
        scale = np.array(size)
        inside = min(max(mass, low), high)  # profiles step over the limits
        strength = model.moved(inside, _coupling(square)).invisible_strength("mu")
        rate = np.maximum(strength * expected.signal(inside) + scale @ shapes, 1e-9)
        nll = float(np.sum(rate - counts * np.log(rate))) + ((mass - inside) / 1e-3) ** 2
        return nll + 0.5 * float(np.sum(((scale - measured) / errors) ** 2))

    start = _start(expected, counts, model)
    parameters = ["mass", "square", *names]
    minuit = Minuit(cost, *start, *measured, name=parameters)
    minuit.errordef, minuit.strategy = Minuit.LIKELIHOOD, 1
    minuit.limits["mass"] = (low, high)
    minuit.limits["square"] = (0.0, _coupling_square(1.0))
    for name in names:
        minuit.limits[name] = (0.0, None)
    minuit.errors["mass"], minuit.errors["square"] = 2e-3, 0.1 * start[1]
    minuit.migrad(ncall=4000)
    minuit.hesse()
    return _result(minuit, expected, model)


def _start(expected: MissingMassSpectrum, counts: Array, model: Model) -> tuple[float, float]:
    """Mass out of a grid, and the coupling's square, that describe the counts best."""
    best = (math.inf, model.mass, model.coupling)
    rest = counts - expected.background
    variance = np.maximum(counts, 1.0)
    unit = model.invisible_strength("mu") / model.coupling**2
    for mass in np.linspace(*expected.mass_range, 60):
        signal = expected.signal(float(mass))
        size = max(float(np.sum(signal * rest / variance) / np.sum(signal**2 / variance)), 1e-10)
        chi2 = float(np.sum((rest - size * signal) ** 2 / variance))
        best = min(best, (chi2, float(mass), math.sqrt(size / unit)))
    low, high = expected.mass_range
    return min(max(best[1], low * 1.01), high * 0.99), _coupling_square(best[2])


def _result(minuit: Any, expected: MissingMassSpectrum, model: Model) -> MassFit:
    """The fit in our words, with profile intervals and significance."""
    valid = bool(minuit.valid and minuit.accurate)
    mass, square = float(minuit.values["mass"]), float(minuit.values["square"])
    coupling, error = _coupling(square), float(minuit.errors["square"])
    ends = {name: (-minuit.errors[name], minuit.errors[name]) for name in ("mass", "square")}
    if valid and square > error:
        try:
            minuit.minos(*ends)
            ends = {key: (minuit.merrors[key].lower, minuit.merrors[key].upper) for key in ends}
        except RuntimeError:  # a better minimum was found on the way
            valid = False
    low, high = expected.mass_range
    covariance = minuit.covariance
    correlation = float(covariance.correlation()[0, 1]) if covariance is not None else 0.0
    strength = model.moved(mass, coupling).invisible_strength("mu")
    events = strength * float(expected.signal(mass).sum())
    mass_error, least = float(minuit.errors["mass"]), float(minuit.fval)
    ratio = max(2.0 * (_without_signal(minuit) - least), 0.0)
    return MassFit(
        mass, mass_error, coupling, 0.5 * coupling * error / max(square, 1e-12),
        (max(float(mass + ends["mass"][0]), low), min(float(mass + ends["mass"][1]), high)),
        (_coupling(square + ends["square"][0]), _coupling(square + ends["square"][1])),
        correlation, events, math.sqrt(ratio), valid,
    )  # fmt: skip


def _without_signal(minuit: Any) -> float:
    """Smallest cost at no coupling, over the sizes of the backgrounds. Changes the minimiser."""
    minuit.values["square"] = 0.0
    minuit.fixed["mass"] = minuit.fixed["square"] = True
    if minuit.nfit:
        minuit.migrad()
        return float(minuit.fval)
    return float(minuit.fcn(minuit.values))


@old_keywords("settings", Settings, _OLD, gone_in="0.2.0")
def closure(
    experiment: Experiment,
    model: Model,
    *,
    expected: MissingMassSpectrum | None = None,
    toys: int = 100,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> InjectionTest:
    """Inject a signal, fit it, and see whether it comes back.

    The injected signal is a sample of its own at the model's mass, not an interpolation. toys :
    Poisson pseudo-data, background sizes measured within their errors. Others as in `spectrum`.
    Raises OutOfRange for a mass that no sample surrounds.
    Check: pulls of mean 0 and width 1.
    """
    settings.refuse_unused("a measurement", *_USED)
    check_boson(model)
    expected = expected or spectrum(experiment, settings=settings, progress=progress)
    low, high = expected.mass_range
    require_in_range("mass", model.mass, low, high, unit="GeV")
    n, seed = settings.n_events or DEFAULT_EVENTS, settings.seed
    part = signal_component(experiment, model.mass, region(experiment), n, seed, _INJECTED)
    weight, square = _kept(part, experiment)
    injected = (
        model.invisible_strength("mu") * np.histogram(square, expected.edges, weights=weight)[0]
    )
    mean = injected + expected.background
    asimov = fit_spectrum(expected, mean, model)
    if toys < 1:
        raise OutOfRange(f"toys = {toys}", allowed="at least 1")

    def toy(k: int) -> tuple[Array, MassFit]:
        rng = stream(seed, _TOYS, k)
        seen = rng.poisson(mean).astype(float)
        sizes = {
            name: max(1.0 + error * rng.standard_normal(), 0.0)
            for name, error in expected.background_errors.items()
        }
        return seen, fit_spectrum(expected, seen, model, sizes=sizes)

    found = side_by_side(
        toy, range(toys), lambda k: "toys", part_of(progress, 0.95, 1.0), workers=1
    )  # the minimiser holds the interpreter's lock
    counts, fits = zip(*found, strict=True)
    good = [fit for fit in fits if fit.valid]
    mass_pulls = [_pull(f.mass, model.mass, f.mass_interval) for f in good]
    coupling_pulls = [_pull(f.coupling, model.coupling, f.coupling_interval) for f in good]
    return InjectionTest(
        asimov, np.array(mass_pulls), np.array(coupling_pulls), toys - len(good), counts[0], fits[0]
    )


def _pull(fitted: float, true: float, interval: tuple[float, float]) -> float:
    """Deviation over the error on the side of the true value."""
    error = fitted - interval[0] if fitted > true else interval[1] - fitted
    return (fitted - true) / error


def fit_to_dict(fit: MassFit) -> dict[str, Any]:
    """What the command line prints of one fit."""
    return {
        "mass_GeV": fit.mass,
        "mass_err_GeV": fit.mass_err,
        "coupling": fit.coupling,
        "coupling_err": fit.coupling_err,
        "mass_interval_GeV": list(fit.mass_interval),
        "coupling_interval": list(fit.coupling_interval),
        "correlation": fit.correlation,
        "signal_events": fit.events,
        "significance": fit.significance,
        "valid": fit.valid,
    }


@old_keywords("settings", Settings, _OLD, gone_in="0.2.0")
def measure_result(
    experiment: Experiment,
    model: Model,
    *,
    toys: int = 100,
    events: str | Path | None = None,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Mass and coupling that an experiment would measure for a model point, and pulls of toys.

    events : as in `spectrum`.
    """
    check_boson(model)
    expected = spectrum(experiment, events=events, settings=settings, progress=progress)
    found = closure(
        experiment, model, expected=expected, toys=toys, settings=settings, progress=progress
    )

    def moments(pulls: Array) -> dict[str, float]:
        size = max(len(pulls), 1)
        return {
            "mean": float(pulls.mean()) if len(pulls) else 0.0,
            "width": float(pulls.std(ddof=1)) if len(pulls) > 1 else 0.0,
            "mean_err": 1.0 / math.sqrt(size),
            "width_err": 1.0 / math.sqrt(2.0 * size),
        }

    return {
        "experiment": experiment.name,
        "true": {"mass_GeV": model.mass, "coupling": model.coupling},
        "expected": fit_to_dict(found.asimov),
        "one_toy": fit_to_dict(found.fit),
        "toys": toys,
        "failed": found.failed,
        "pulls": [
            {"parameter": "mass", **moments(found.mass_pulls)},
            {"parameter": "coupling", **moments(found.coupling_pulls)},
        ],
        "backgrounds": [
            {"name": name, "events": float(counts.sum())}
            for name, counts in expected.backgrounds.items()
        ],
        **lacks(experiment),
        NOT_USED: not_used(experiment, "signal", "background"),
        **provenance(settings.seed, experiment=experiment.digest, model=digest(model.to_dict())),
    }
