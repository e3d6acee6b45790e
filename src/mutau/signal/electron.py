"""The process e N -> e N Z' and e+ e- -> Z' within an electromagnetic cascade: NA64-e and its kind.

Per run period, S = n_EOT kappa [ sum over elements n X0 int dE (dL-/dE + dL+/dE) int dk
dsigma_brems/dk P(k) + the same with dL+/dE sigma_annihilation ], where P(k) is the chance that the
energy seen, what stays in the target of E_beam - k, smeared by beam spread and calorimeter, lies
below the period's threshold.
Track lengths and cross sections are deterministic. What the pre-shower sees, which depends on
depth and fluctuations, comes from a Monte Carlo of showers (electron_response); a full Monte Carlo
of the yield is the second method (`electron_monte_carlo`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.random import stream
from mutau.core.types import Events
from mutau.models import Model
from mutau.reactions.bosons import KINDS
from mutau.reactions.electron_brems_table import TABLE_ERROR
from mutau.selection.requirements import cuts_without, label
from mutau.signal.electron_containment import applies, containment
from mutau.signal.electron_emission import (
    AnnihilationEmission,
    BremsEmission,
    annihilation_emission,
    brems_emission,
    brems_theory,
    motion,
)
from mutau.signal.electron_errors import annihilation_with_radiation, model_errors
from mutau.signal.electron_line import boson_line, needs_line
from mutau.signal.electron_response import DEFAULT_SHOWERS, preshower_passes, response
from mutau.signal.electron_tracks import FLOOR, tracks
from mutau.signal.electron_window import EnergyWindow, window
from mutau.signal.not_computed import ELECTRON_BEAM
from mutau.signal.processes import (
    MODEL_ERRORS,
    SIGNAL_PROCESSES,
    Effort,
    Prepared,
    SignalProcess,
    check_point,
    refuse_off_shell,
)

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

MASS_MIN: Final = 1e-6
MASS_MAX: Final = 1.0
THRESHOLD_SAMPLES: Final = 1000
THRESHOLD: Final = 3  # name in the random streams
#: Relative error of the integral over positron energies, and of the annihilation beneath it.
ANNIHILATION_ERROR: Final = 3e-3
#: Relative error of the quadrature over the boson's mass, where its line counts.
LINE_ERROR: Final = 3e-3
#: Fraction of the pre-shower's inefficiency that the cut of the shower simulation leaves open.
PRESHOWER_MODEL: Final = 0.1
#: Widths that grow with the coupling, over what smears the line (atomic motion, or the decay into
#: dark matter): below the first they do not matter, and the second is where nodes begin.
_NARROW: Final = 1e-4
_FIRST_NODE: Final = 0.01
_ATOMIC_SMEARING: Final = 5e-3  # relative, of the outer electrons

_GH, _GH_W = np.polynomial.hermite_e.hermegauss(12)
_GH_W = _GH_W / np.sqrt(2.0 * np.pi)


@dataclass(frozen=True, slots=True, eq=False)
class SignalParts:
    """Yields per beam particle for one source of Z'.

    produced : number made by emitters above FLOOR of the beam energy; NaN if not asked for.
    inside : (R, G) number in the window of each period, on the window's grid of thresholds.
    kept : (R,) fraction of them, at the nominal threshold, that the pre-shower cut keeps.
    kept_err : (R,) its error.
    """

    produced: float
    inside: Array
    kept: Array
    kept_err: Array

    def scaled(self, factor: float) -> SignalParts:
        """The same with all numbers multiplied."""
        return SignalParts(factor * self.produced, factor * self.inside, self.kept, self.kept_err)


def _brems_inside(emission: BremsEmission, w: EnergyWindow) -> Array:
    k = w.boson_energies(w.thresholds[..., None], _GH)
    above = emission.above(k.ravel()).reshape(k.shape)
    return np.asarray(above.mean(axis=-1) @ _GH_W)


def _annihilation_inside(emission: AnnihilationEmission, w: EnergyWindow) -> Array:
    return np.asarray(w.passes(emission.energy, w.thresholds[..., None]) @ emission.number)


@lru_cache(maxsize=512)
def _brems(experiment: Experiment, mass: float, truth: bool, kind: str) -> BremsEmission:
    """Bremsstrahlung into the window, coupling 1; shared by all couplings and dark sectors."""
    w, theory = window(experiment, truth), brems_theory(experiment, kind)
    return brems_emission(tracks(experiment, w.low), mass, w.low, w.low / w.energy, theory)


@lru_cache(maxsize=512)
def _brems_parts(experiment: Experiment, mass: float, plan: Plan, kind: str) -> SignalParts:
    w = window(experiment, plan.truth)
    emission = _brems(experiment, mass, plan.truth, kind)
    produced = np.nan
    if not plan.final_only:
        floor = FLOOR * w.energy
        theory = brems_theory(experiment, kind)
        whole = brems_emission(tracks(experiment, floor), mass, floor, 0.0, theory)
        produced = float(whole.above(np.zeros(1))[0])
    kept, err = _kept(experiment, plan, w, emission, None)
    return SignalParts(produced, _brems_inside(emission, w), kept, err)


def _wide_brems(experiment: Experiment, model: Model, plan: Plan) -> tuple[SignalParts, float]:
    """Bremsstrahlung into dark matter with the boson's line, and its relative error."""
    line = boson_line(model, mass_range(experiment)[1])
    parts = [_brems_parts(experiment, float(q), plan, model.mediator) for q in line.mass]
    each = [part.scaled(float(w)) for part, w in zip(parts, line.weight, strict=True)]
    middle = each[0].inside.shape[1] // 2
    at = np.array([part.inside[:, middle] for part in each])  # (N, R)
    total = np.maximum(at.sum(axis=0), 1e-300)
    kept = np.sum([a * part.kept for a, part in zip(at, each, strict=True)], axis=0) / total
    err = np.sum([a * part.kept_err for a, part in zip(at, each, strict=True)], axis=0) / total
    whole = SignalParts(
        float(sum(part.produced for part in each)), np.sum([part.inside for part in each], axis=0),
        kept, err,
    )  # fmt: skip
    return whole, float(np.hypot(LINE_ERROR, line.beyond))


@dataclass(frozen=True, slots=True)
class Plan:
    """What does not depend on the model point: see `processes.Effort`."""

    seed: int
    showers: int
    truth: bool
    final_only: bool


def _annihilation_parts(experiment: Experiment, model: Model, plan: Plan) -> SignalParts:
    w = window(experiment, plan.truth)
    settings: dict[str, Any] = {
        "electrons": motion(experiment),
        "spread": experiment.beam.energy_spread,
    }
    emission = annihilation_emission(tracks(experiment, w.low), model, w.low, **settings)
    produced = np.nan
    if not plan.final_only:
        floor = FLOOR * w.energy
        whole = annihilation_emission(tracks(experiment, floor), model, floor, **settings)
        produced = float(whole.number.sum())
    kept, err = _kept(experiment, plan, w, None, emission)
    inside = _annihilation_inside(emission, w)
    if experiment.theory is not None and experiment.theory.radiation:
        inside = annihilation_with_radiation(experiment, model, w)
    return SignalParts(produced, inside, kept, err)


def _kept(
    experiment: Experiment,
    plan: Plan,
    w: EnergyWindow,
    brems: BremsEmission | None,
    annihilation: AnnihilationEmission | None,
) -> tuple[Array, Array]:
    """Fraction (R,) of the events in the window that pass the pre-shower cut, and its error."""
    if w.preshower_min <= 0.0 or plan.truth:
        return np.ones(len(w.periods)), np.zeros(len(w.periods))
    sample = response(experiment, w.low, plan.showers, plan.seed)
    weight = sample.weights(brems, annihilation)
    passes = preshower_passes(sample.preshower, w.preshower_min, experiment.target.resolution)
    shares = []
    for threshold in w.nominal:
        inside = weight * w.passes(sample.boson_energy, threshold)
        total = inside.sum()
        if total <= 0.0:
            shares.append((1.0, 0.0))
            continue
        fraction = float(inside @ passes / total)
        err = float(np.sqrt(np.sum((inside * (passes - fraction)) ** 2)) / total)
        shares.append((fraction, float(np.hypot(err, PRESHOWER_MODEL * (1.0 - fraction)))))
    kept, err_array = np.array(shares).T
    return kept, err_array


def _line_of_coupling(
    experiment: Experiment, model: Model, plan: Plan
) -> Callable[[Model], SignalParts]:
    """Annihilation for any coupling, from few line shapes.

    Over coupling^2 it is constant while the part of the width that grows with the coupling is
    small against what smears the line; with w their ratio, its logarithm is interpolated linearly
    in ln(1 + w) between nodes, each with twice the coupling^2 of the one before.
    """
    other = float(model.width("chichi")) if model.alpha_d > 0.0 else 0.0
    growing = (model.width_total - other) / model.coupling**2
    smearing = max(other, _ATOMIC_SMEARING * model.mass)
    unit = smearing / growing if growing > 0.0 else np.inf  # coupling^2 where w = 1
    highest = float(getattr(model, "coupling_max", np.inf)) ** 2

    @lru_cache(maxsize=64)
    def node(i: int) -> tuple[float, SignalParts]:
        square = min(_FIRST_NODE * unit * 2.0 ** (i - 1) if i else 1e-6 * unit, highest)
        if not np.isfinite(square):
            square = model.coupling**2
        point = model.with_coupling(float(np.sqrt(square)))
        return square, _annihilation_parts(experiment, point, plan).scaled(1.0 / square)

    def parts(point: Model) -> SignalParts:
        square = point.coupling**2
        if square <= _NARROW * unit:
            return node(0)[1].scaled(square)
        i = max(1 + int(np.ceil(np.log2(min(square, highest) / (_FIRST_NODE * unit)) - 1e-9)), 1)
        (u0, a), (u1, b) = node(i - 1), node(i)
        f = np.log1p((square - u0) / (unit + u0)) / np.log1p((u1 - u0) / (unit + u0))

        def between(low: Any, high: Any) -> Any:
            with np.errstate(divide="ignore", invalid="ignore"):
                value = low * (high / low) ** f
            return np.where((low > 0.0) & (high > 0.0), value, low + f * (high - low))

        return SignalParts(
            square * float(between(a.produced, b.produced)),
            square * between(a.inside, b.inside), a.kept, a.kept_err,
        )  # fmt: skip

    return parts


def prepare(experiment: Experiment, model: Model, effort: Effort) -> Prepared:
    """Everything about one mass that does not depend on the coupling; see `SignalProcess`.

    effort.n_events : showers of the pre-shower's sample. The file's table `theory` has the cross
    section.
    Raises OutOfRange for a mass outside `mass_range`, MutauError without an invisible decay.
    """
    if effort.full_chain:
        return _through_every_cut(experiment, model, effort)
    plan = Plan(
        effort.seed, effort.n_events if effort.n_events > 0 else DEFAULT_SHOWERS, effort.truth,
        effort.final_only,
    )  # fmt: skip
    return prepared(experiment, model, plan)


def _through_every_cut(experiment: Experiment, model: Model, effort: Effort) -> Prepared:
    from mutau.signal.electron_full_chain import DEFAULT_SHOWERS as IN_THREE_DIMENSIONS
    from mutau.signal.electron_full_chain import prepare_full

    refuse_off_shell("the full chain", model)
    n, w = effort.n_events or IN_THREE_DIMENSIONS, window(experiment)
    annihilation = annihilation_emission(
        tracks(experiment, w.low), model, w.low, electrons=motion(experiment),
        spread=experiment.beam.energy_spread,
    )  # fmt: skip
    base = prepared(experiment, model, Plan(effort.seed, n, False, False))
    brems = _brems(experiment, model.mass, False, model.mediator)
    return prepare_full(experiment, effort, base, brems, annihilation)


def prepared(experiment: Experiment, model: Model, plan: Plan) -> Prepared:
    """`prepare` with the choices of a `Plan`."""
    check_point(experiment, model)
    w = window(experiment, plan.truth)
    brems = _brems_parts(experiment, model.mass, plan, model.mediator)
    annihilation = _line_of_coupling(experiment, model, plan)
    track_error = tracks(experiment, w.low).error

    wide = needs_line(model)

    def by_period(point: Model) -> tuple[list[SignalParts], Array]:
        strength = point.invisible_strength("e")
        errors = [np.hypot(track_error, TABLE_ERROR), np.hypot(track_error, ANNIHILATION_ERROR)]
        if not wide:
            return [brems.scaled(strength), annihilation(point)], np.array(errors)
        narrow = strength - point.lepton_coupling("e") ** 2 * point.branching("chichi")
        dark, relative = _wide_brems(experiment, point, plan)
        errors.append(float(np.hypot(errors[0], relative)))
        return [brems.scaled(max(narrow, 0.0)), annihilation(point), dark], np.array(errors)

    def signal(point: Model) -> tuple[Array, Array]:
        sources, relative = by_period(point)
        steps = [_steps(part, w) for part in sources]
        value = np.sum(steps, axis=0)
        square = sum((r * step) ** 2 for r, step in zip(relative, steps, strict=True))
        if w.preshower_min > 0.0 and not plan.truth:
            for part in sources:
                lost = w.particles * part.inside[:, w.middle] * part.kept_err
                square[2] += lost.sum() ** 2
                if not plan.truth:
                    square[3] += float(lost @ w.efficiency) ** 2
        error = np.sqrt(square)
        return (value[1:], error[1:]) if plan.final_only else (value, error)

    sources, _ = by_period(model)
    final = np.sum([_final(part, w) for part in sources], axis=0)
    shares = final / final.sum() if final.sum() > 0.0 else w.particles / w.particles.sum()
    spread, seen = _threshold_spread(sources, w, plan)
    kappa = float(np.sum(shares * w.efficiency_error))  # by rate, alike in all periods
    names = _names(w, plan)
    return Prepared(
        names, signal, shares, float(np.hypot(spread, kappa)),
        meta={
            "periods": list(w.periods),
            "threshold_systematic": spread,
            "efficiency_systematic": kappa,
            "annihilation_share": seen,
            **_left_open(experiment, model, plan, w, seen, sources[1]),
            **_beside(experiment, plan),
            "preshower_efficiency": float(brems.kept @ w.particles / w.particles.sum()),
        },
    )  # fmt: skip


def _left_open(
    experiment: Experiment, model: Model, plan: Plan, w: EnergyWindow, fraction: float,
    annihilation: SignalParts,
) -> dict[str, Any]:  # fmt: skip
    """Relative changes of the signal by what its theory leaves open; nothing on true quantities."""
    if plan.truth:
        return {}
    inside = annihilation.inside[:, w.middle]
    return {MODEL_ERRORS: model_errors(experiment, model, w, fraction, inside)}


def _beside(experiment: Experiment, plan: Plan) -> dict[str, float]:
    """Mean fraction of a shower's energy that leaves the target, where that counts."""
    if plan.truth or not applies(experiment):
        return {}
    return {"leaves_the_target": 1.0 - containment(experiment).mean}


def _names(w: EnergyWindow, plan: Plan) -> tuple[str, ...]:
    names = [f"produced by e± above {FLOOR * w.energy:g} GeV, decays invisibly"]
    names.append(
        "energy seen below " + ", ".join(f"{t:g}" for t in dict.fromkeys(w.nominal)) + " GeV"
    )
    if not plan.truth:
        if w.preshower_min > 0.0:
            names.append(f"{w.preshower_min:g} <= preshower_energy")
        names.append("all other cuts (efficiency of the run periods)")
    return tuple(names[1:] if plan.final_only else names)


def _final(part: SignalParts, w: EnergyWindow) -> Array:
    """(R,) events after everything, per period."""
    return w.particles * part.inside[:, w.middle] * part.kept * w.efficiency


def _steps(part: SignalParts, w: EnergyWindow) -> Array:
    """Events after each step, (2 to 4,): produced, window, pre-shower, other cuts."""
    inside = w.particles * part.inside[:, w.middle]
    steps = [w.particles.sum() * part.produced, inside.sum()]
    if not w.truth:
        if w.preshower_min > 0.0:
            steps.append(float(np.sum(inside * part.kept)))
        steps.append(float(_final(part, w).sum()))
    return np.array(steps)


def _threshold_spread(
    sources: list[SignalParts], w: EnergyWindow, plan: Plan
) -> tuple[float, float]:
    """Relative RMS of the yield for Gaussian thresholds, and the fraction of annihilation.

    S(threshold) is interpolated on the window's grid, `THRESHOLD_SAMPLES` draws per period,
    independent between periods (NA64-e paper, section 5).
    """
    nominal = np.array([_final(part, w).sum() for part in sources])
    total = float(nominal.sum())
    fraction = float(nominal[1] / total) if total > 0.0 else 0.0
    if w.thresholds.shape[1] == 1 or total == 0.0:
        return 0.0, fraction
    from scipy.interpolate import CubicSpline

    draws = stream(plan.seed, THRESHOLD).standard_normal((THRESHOLD_SAMPLES, len(w.periods)))
    yields = np.zeros(THRESHOLD_SAMPLES)
    for r in range(len(w.periods)):
        per_period = sum(part.inside[r] * part.kept[r] for part in sources)
        curve = CubicSpline(w.deviations, per_period)
        z = np.clip(draws[:, r], w.deviations[0], w.deviations[-1])
        yields += w.particles[r] * w.efficiency[r] * curve(z)
    return float(np.sqrt(np.mean((yields / total - 1.0) ** 2))), fraction


def generate(experiment: Experiment, model: Model, n: int, seed: int) -> Events:
    """Events with vertices in the target; see `electron_monte_carlo.generate`."""
    from mutau.signal.electron_monte_carlo import generate as generate_events

    check_point(experiment, model)
    refuse_off_shell("the generation of events", model)
    return generate_events(experiment, model, n, seed)


def mass_range(experiment: Experiment) -> tuple[float, float]:
    """From 1 keV, where coherence is lost, to a tenth of the missing energy, 1 GeV at most."""
    w = window(experiment)
    return MASS_MIN, min(MASS_MAX, 0.1 * (w.energy - max(w.nominal)))


def _samples(experiment: Experiment, truth: bool) -> bool:
    """Showers are drawn for the pre-shower cut only."""
    return window(experiment, truth).preshower_min > 0.0 and not truth


def not_simulated(experiment: Experiment, effort: Effort) -> list[str]:
    """Cuts of the file that are not applied one by one: all but that on the pre-shower, and on true
    quantities this one too. The efficiency of the run periods stands for them."""
    if effort.full_chain:
        return []
    applied = () if effort.truth else ("preshower_energy",)
    return [label(cut) for cut in cuts_without(experiment.cuts, *applied)]


SIGNAL_PROCESSES.register("electron-brems+annihilation")(
    SignalProcess(
        prepare, generate, mass_range, not_simulated,
        reasons=(
            "below 1 keV the emission loses its coherence over the atoms of the target, which is "
            "not evaluated; NA64-e paper, section 1",
            "a Z' of mass comparable to the missing energy is not evaluated",
        ),
        samples=_samples,
        full_chain=True,
        mediators=KINDS,
        not_computed=ELECTRON_BEAM,
        off_shell=True,
    )
)  # fmt: skip
