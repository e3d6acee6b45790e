"""The process mu N -> mu N Z' in a thick target: NA64mu and experiments like it.

Number of Z' from eq. 6 of the NA64mu paper with the exact cross section by quadrature; selection
and trigger from exact unweighted events in two strata of x = E_Z'/E, below and above the point
where a cut on the muon's energy can first be passed. Only the stratum above counts in the end, so
a limit needs no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.core.constants import ALPHA, M_MU
from mutau.core.random import stream
from mutau.core.storage import digest
from mutau.core.types import Events, join, provenance
from mutau.core.units import PB_CM2
from mutau.detector.fractions import weighted_fraction
from mutau.detector.pile_up import alone, muons_in_gate
from mutau.detector.studies import trigger_rate
from mutau.detector.trigger import trigger_efficiency
from mutau.matter import Element, Material, material, mean_energy_after
from mutau.matter.nucleus import Nucleus
from mutau.models import Model
from mutau.reactions.bosons import KINDS
from mutau.reactions.bremsstrahlung import Bremsstrahlung
from mutau.selection.cutflow import apply_cuts
from mutau.selection.requirements import (
    fast_mode,
    highest_muon_energy,
    label,
    labels_of_the_rest,
)
from mutau.selection.variables import Sample
from mutau.signal.exposure import run_periods, stated_particles
from mutau.signal.incoming import beam_energies, energy_range, placed
from mutau.signal.not_computed import MUON_ON_NUCLEI
from mutau.signal.processes import (
    SIGNAL_PROCESSES,
    Effort,
    Prepared,
    SignalProcess,
    in_proportion,
    mass_key,
)
from mutau.signal.targets import target_length

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.reactions.bremsstrahlung_events import BremsSampler

Array = np.ndarray

DEFAULT_EVENTS = 50_000
#: Nodes of the integral along the target; sigma(E) is smooth and E changes by below 1 %.
DEPTH_NODES = 2
#: Elements that make less than this fraction of the Z' take the kinematics of the dominant one.
MINOR_SHARE = 0.02
#: Masses (GeV) between which the emission on a whole nucleus is checked and is most of the rate.
LIGHTEST, HEAVIEST = 1e-3, 5.0
LOW, HIGH, GENERATE, STUDY, BEAM = range(5)  # names in the random streams; two strata of x


@dataclass(frozen=True, slots=True)
class TargetNuclei:
    """What the Z' is made on. length : cm. energies, weights : (DEPTH_NODES,) GeV and cm."""

    material: Material
    length: float
    energies: Array
    weights: Array

    def energy_at(self, depth: Array) -> Array:
        """Mean muon energy (GeV) at a depth given as fraction of the length."""
        return np.asarray(mean_energy_after(self.energies[0], self.material, depth * self.length))


@lru_cache(maxsize=64)
def _target(experiment: Experiment) -> tuple[TargetNuclei, Array]:
    """The target, and the energy of the beam behind it."""
    medium = material(experiment.target.material)
    length = target_length(experiment)
    nodes, weights = np.polynomial.legendre.leggauss(DEPTH_NODES)
    depth = np.concatenate([[0.0], 0.5 * (nodes + 1.0), [1.0]])
    energy = mean_energy_after(experiment.beam.energy, medium, depth * length)
    target = TargetNuclei(medium, length, energy[:-1], 0.5 * weights * length)
    return target, energy[-1]


def produced(
    experiment: Experiment,
    mass: float,
    x_min: float = 0.0,
    x_max: float = 1.0,
    *,
    kind: str = "vector",
) -> dict[Element, tuple[float, float]]:
    """Z' made on each element in the full exposure, for unit coupling (NA64mu eq. 6).

    kind : of the boson (`bosons.KINDS`).
    N = N_MOT sum_elements n int dz sigma(E(z)); returns element -> (number, numerical error).
    """
    target, _ = _target(experiment)
    found = {}
    for element, density in target.material.atoms_per_cm3:
        sigma = Bremsstrahlung("muon", kind).totals(
            target.energies[1:], mass, Nucleus.of(element), x_min=x_min, x_max=x_max
        )
        scale = stated_particles(experiment) * density * PB_CM2
        found[element] = (
            scale * float(target.weights @ sigma.sigma_pb),
            scale * float(target.weights @ sigma.sigma_err_pb),
        )
    return found


def split_point(experiment: Experiment) -> float:
    """The x below which no event can pass the cuts on the muon's energy; 0 without such a cut.

    The muon keeps at least (1 - x) E_min at the vertex minus what the whole target takes.
    """
    target, behind = _target(experiment)
    first, highest = (
        float(target.energies[0]),
        highest_muon_energy(experiment.cuts, experiment.beam.energy),
    )
    loss = first - float(behind)
    return max(0.0, 1.0 - (highest + loss) / float(behind)) if np.isfinite(highest) else 0.0


def _sampler(
    experiment: Experiment, element: Element, mass: float, window: tuple[float, float],
    beam: tuple[float, float] | None = None, *, kind: str = "vector",
) -> BremsSampler:  # fmt: skip
    """Events on one element, of muons between the end of the target and its face.

    beam : GeV, range of energies at the face; None for the nominal one.
    """
    from mutau.reactions.bremsstrahlung_events import BremsSampler

    target, behind = _target(experiment)
    low, high = float(behind), float(target.energies[0])
    if beam is not None:
        low = float(mean_energy_after(beam[0], target.material, target.length))
        high = beam[1]
    return BremsSampler(
        "muon", Nucleus.of(element), mass, low, high, x_min=window[0], x_max=window[1],
        mediator=kind,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Made:
    """What is emitted: mass, GeV, and kind of boson."""

    mass: float
    kind: str = "vector"

    def by_element(
        self, experiment: Experiment, window: tuple[float, float]
    ) -> dict[Element, tuple[float, float]]:
        """`produced` in a window of x."""
        return produced(experiment, self.mass, *window, kind=self.kind)


@dataclass(frozen=True, slots=True)
class Stratum:
    """Cut flow of one stratum of x: total for unit coupling, and fractions after each cut."""

    total: float
    total_err: float
    fraction: Array
    fraction_err: Array


def _vertices(
    experiment: Experiment,
    boson: _Made,
    window: tuple[float, float],
    n: int,
    rng: np.random.Generator,
) -> Iterator[tuple[Element, float, Any, Array]]:
    """(element, its fraction of the Z', sample, depth of the vertices) for the main elements."""
    target, _ = _target(experiment)
    made = {
        element: number for element, (number, _) in boson.by_element(experiment, window).items()
    }
    total = sum(made.values())
    main = {e: number for e, number in made.items() if number >= MINOR_SHARE * total > 0.0}
    fractions = np.array(list(main.values())) / sum(main.values()) if main else np.zeros(0)
    for element, fraction, count in zip(main, fractions, whole_parts(fractions, n), strict=True):
        if count == 0:
            continue  # fewer events than elements: the main ones are drawn
        depth = rng.random(count)
        sampler = _sampler(experiment, element, boson.mass, window, kind=boson.kind)
        yield element, fraction, sampler.sample(target.energy_at(depth), rng), depth


def whole_parts(fractions: Array, n: int) -> list[int]:
    """n split by fractions into whole numbers that sum to n (largest remainders).

    >>> whole_parts(np.array([0.9, 0.1]), 3)
    [3, 0]
    """
    exact = n * np.asarray(fractions, float)
    parts = np.floor(exact).astype(int)
    for index in np.argsort(parts - exact, kind="stable")[: n - int(parts.sum())]:
        parts[index] += 1
    return [int(part) for part in parts]


def _stratum(
    experiment: Experiment, boson: _Made, window: tuple[float, float], n: int,
    rng: np.random.Generator, truth: bool,
) -> Stratum:  # fmt: skip
    """Production by quadrature, cut flow by Monte Carlo, in one window of x."""
    made = boson.by_element(experiment, window).values()
    total, error = sum(number for number, _ in made), sum(err for _, err in made)
    applied = fast_mode(experiment.cuts, truth=truth)
    cuts = 1 + len(applied)
    if total == 0.0:
        return Stratum(0.0, 0.0, np.zeros(cuts), np.zeros(cuts))
    fraction, square, drawn = np.zeros(cuts), np.zeros(cuts), 0.0
    for _, part, sample, depth in _vertices(experiment, boson, window, n, rng):
        columns = _columns(experiment, sample, depth, rng, truth)
        flow = apply_cuts(applied, Sample(experiment.beam.energy, columns.pop("weights"), columns))
        drawn += part
        fraction += part * flow.fraction
        square += (part * flow.error) ** 2
    return Stratum(total, error, fraction / drawn, np.sqrt(square) / drawn)


def _columns(
    experiment: Experiment, sample: Any, depth: Array, rng: np.random.Generator, truth: bool
) -> dict[str, Array]:
    """What cuts may act on: the muon behind the target and the trigger; or the truth.

    The weights hold only muons on target, that is those whose incoming muon passed the counters
    before it: the exposure counts these.
    """
    if truth:
        return {"p_muon": sample.p_lepton, "weights": sample.weight}
    result = trigger_efficiency(sample.p_lepton, sample.weight, experiment, rng, depth=depth)
    on_target = result.on_target
    energy = np.where(np.isfinite(result.energy), result.energy, 0.0)
    momentum = np.sqrt(np.maximum(energy**2 - M_MU**2, 0.0))
    direction = np.column_stack([result.slopes, np.ones(len(energy))])
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    p_muon = np.column_stack([energy, momentum[:, None] * direction])
    return {
        "p_muon": p_muon[on_target],
        "trigger": result.passed[on_target],
        "weights": sample.weight[on_target],
    }


def prepare(experiment: Experiment, model: Model, effort: Effort) -> Prepared:
    """Everything about one mass that does not depend on the coupling; see `SignalProcess`."""
    if effort.full_chain:
        from mutau.signal.muon_full_chain import prepare_full

        return run_periods(experiment, prepare_full(experiment, model, effort))
    mass, n = model.mass, effort.n_events if effort.n_events > 0 else DEFAULT_EVENTS
    truth, seed, boson = effort.truth, effort.seed, _Made(mass, model.mediator)
    split = split_point(experiment)
    windows = {HIGH: (split, 1.0)} if effort.final_only else {LOW: (0.0, split), HIGH: (split, 1.0)}
    strata = [
        _stratum(experiment, boson, window, n, stream(seed, mass_key(mass), which), truth)
        for which, window in windows.items()
        if window[0] < window[1]
    ]
    number = np.sum([s.total * s.fraction for s in strata], axis=0)
    parts = [np.hypot(s.total * s.fraction_err, s.total_err * s.fraction) for s in strata]
    error = np.sqrt(np.sum(np.square(parts), axis=0))
    cuts = [label(cut) for cut in fast_mode(experiment.cuts, truth=truth)]
    if muons_in_gate(experiment) > 0.0 and not truth:
        cuts.append("no second muon in the gate")
        number, error = (np.append(x, alone(experiment) * x[-1]) for x in (number, error))
    return run_periods(
        experiment,
        Prepared(
            ("produced, decays invisibly", *cuts),
            in_proportion("mu", number, error),
            meta={"events_per_stratum": n},
        ),
    )


def not_simulated(experiment: Experiment, effort: Effort) -> list[str]:
    """Cuts of the file that are not applied: in the fast mode, on true quantities, or at all."""
    if effort.full_chain:
        from mutau.signal.simulate import cut_labels

        return [text for text in cut_labels(experiment)[1:] if text.endswith("(not simulated)")]
    return labels_of_the_rest(experiment.cuts, fast_mode(experiment.cuts, truth=effort.truth))


def generate(experiment: Experiment, model: Model, n: int, seed: int) -> Events:
    """Unweighted signal events along the target, with the beam of the file (`incoming`).

    Each weight is the produced yield, that at the nominal energy, over n. Elements are in
    proportion to what they make, and so are the energies of the beam.
    """
    from mutau.reactions.bremsstrahlung_events import to_events

    mass = model.mass
    target, _ = _target(experiment)
    rng = stream(seed, mass_key(mass), GENERATE)
    scale = model.invisible_strength("mu")
    made = produced(experiment, mass, kind=model.mediator)
    total = scale * sum(number for number, _ in made.values())
    described = {
        **provenance(seed=seed, experiment=experiment.digest, model=digest(model.to_dict())),
        "experiment": experiment.name,
        "expected_events": total,
        "beam_energy_GeV": experiment.beam.energy,
        "alpha": ALPHA,
        **model.to_dict(),
        **_mean_cross_section(target, made, scale, experiment),
    }
    parts, fractions = [], np.array([number for number, _ in made.values()])
    for element, count in zip(made, whole_parts(fractions / fractions.sum(), n), strict=True):
        if not count:
            continue
        entering = beam_energies(
            experiment, count, rng, partial(_rate, element, mass, model.mediator)
        )
        depth = rng.random(count)
        energy = mean_energy_after(entering, target.material, depth * target.length)
        sampler = _sampler(
            experiment, element, mass, (0.0, 1.0), energy_range(experiment), kind=model.mediator
        )
        x4 = np.zeros((count, 4))
        x4[:, 3] = experiment.target.z + depth * target.length
        x4[:, 0] = x4[:, 3]  # the muon entered the hall at c t = 0, and flies at c
        found = to_events(
            sampler, sampler.sample(energy, rng), energy,
            antilepton=experiment.beam.particle == "mu+", event_weight=total / n, x4=x4,
            meta=described,
        )  # fmt: skip
        parts.append(placed(found, experiment, entering, rng))
    return join(parts)


def _rate(element: Element, mass: float, kind: str, energies: Array) -> Array:
    """Cross section on an element at beam energies, pb: who of the beam makes the signal."""
    sigma = Bremsstrahlung("muon", kind).totals(energies, mass, Nucleus.of(element))
    return np.asarray(sigma.sigma_pb)


def _mean_cross_section(
    target: TargetNuclei,
    made: dict[Element, tuple[float, float]],
    scale: float,
    experiment: Experiment,
) -> dict[str, float]:
    """Cross section per mean atom of the target, averaged along it, pb."""
    atoms = sum(density for _, density in target.material.atoms_per_cm3)
    column = stated_particles(experiment) * atoms * target.length * PB_CM2
    number, error = (sum(x) for x in zip(*made.values(), strict=True))
    return {"sigma_pb": scale * number / column, "sigma_err_pb": scale * error / column}


def mass_range(experiment: Experiment) -> tuple[float, float]:
    """Masses that make sense: 1 MeV to 1 GeV, less where the energy does not suffice."""
    return LIGHTEST, min(1.0, masses_taken(experiment)[1])


def masses_taken(experiment: Experiment) -> tuple[float, float]:
    """Masses (GeV) that are answered for: up to HEAVIEST, or half of the muon energy behind.

    The cross section is that of the whole nucleus. Single protons would add 4 % at 1 GeV, 8 % at
    2, 20 % at 3 and 130 % at 5 GeV (160 GeV on lead, docs/validation/bremsstrahlung.md): a limit is
    too weak by half of that. Kinematics would allow 16 GeV on a proton.
    """
    _, behind = _target(experiment)
    return LIGHTEST, min(HEAVIEST, 0.5 * float(behind))


SIGNAL_PROCESSES.register("muon-brems")(
    SignalProcess(
        prepare, generate, mass_range, not_simulated,
        taken=masses_taken,
        reasons=(
            "the emission and its sampling are checked from 1 MeV on",
            "above 5 GeV most Z' come from single protons, which are not computed, and above half "
            "of the muon energy behind the target few are made",
        ),
        full_chain=True,
        mediators=KINDS,
        not_computed=MUON_ON_NUCLEI,
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TriggerStudy:
    """Trigger efficiency over mass, for events that pass the energy cut and for all emissions."""

    mass: Array
    efficiency: Array
    error: Array
    efficiency_all: Array
    error_all: Array
    beam_rate: float
    beam_rate_err: float


def trigger_study(experiment: Experiment, masses: Array, n: int, seed: int) -> TriggerStudy:
    """Trigger efficiency of Z' events over mass (NA64mu Fig. 2), and the rate of plain beam.

    masses : (M,) GeV. n : events per mass. Returns TriggerStudy.
    """
    rows, highest = (
        [],
        min(highest_muon_energy(experiment.cuts, experiment.beam.energy), experiment.beam.energy),
    )
    for mass in np.asarray(masses, float):
        rng = stream(seed, mass_key(float(mass)), STUDY)
        everything, below_half = [], []
        for _, part, sample, depth in _vertices(experiment, _Made(float(mass)), (0.0, 1.0), n, rng):
            muons = _columns(experiment, sample, depth, rng, truth=False)
            low = muons["p_muon"][:, 0] <= highest
            fired = muons["trigger"]
            w = part * muons["weights"] / muons["weights"].sum()
            everything.append((w[fired], w))
            below_half.append((w[low & fired], w[low]))
        rows.append((*_share(below_half), *_share(everything)))
    low_fraction, low_err, fraction, err = np.array(rows).T
    plain, plain_err, hard, hard_err = trigger_rate(experiment, 20 * n, stream(seed, BEAM))
    rate, rate_err = plain + hard, float(np.hypot(plain_err, hard_err))
    return TriggerStudy(
        np.asarray(masses, float), low_fraction, low_err, fraction, err, rate, rate_err
    )


def _share(parts: list[tuple[Array, Array]]) -> tuple[float, float]:
    kept = np.concatenate([k for k, _ in parts])
    everything = np.concatenate([e for _, e in parts])
    return weighted_fraction(
        float(kept.sum()), float(everything.sum()), float(np.sum(kept**2)),
        float(np.sum(everything**2)),
    )  # fmt: skip
