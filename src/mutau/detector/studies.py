"""What each assumed position and size does to the trigger: the same events, a changed set-up.

Run `python -m mutau.detector.studies` for the tables of docs/validation/na64mu_geometry.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.detector.shares import weighted_share
from mutau.detector.trigger import beam_through, trigger_efficiency
from mutau.experiment import load_experiment, replace
from mutau.matter.materials import material
from mutau.matter.muon_energy_loss import mean_energy_after

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]
Changes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SignalMuons:
    """Scattered muons: p_lepton (N, 4) GeV to the incoming one, weights (N,), depth (N,)."""

    p_lepton: Array
    weights: Array
    depth: Array


@dataclass(frozen=True, slots=True)
class StudyRow:
    """Trigger efficiency per mass in one variant of a set-up, and the trigger rate.

    label : what was changed. efficiency, error : (M,) for muons at most half the beam energy.
    all_efficiency, all_error : (M,) for all emissions. rate, rate_error : `trigger_rate` per beam
    muon.
    """

    label: str
    efficiency: Array
    error: Array
    all_efficiency: Array
    all_error: Array
    rate: float
    rate_error: float


def signal_muons(
    experiment: Experiment, mass: float, n: int, rng: np.random.Generator
) -> SignalMuons:
    """Exact Z' bremsstrahlung on the target's dominant element, uniform in depth.

    mass : GeV. n : events. The cross section changes by less than 1 % along the target.
    """
    from mutau.sampling.brems_events import BremsSampler

    made_of = material(experiment.target.material)
    length = experiment.target.thickness.cm(made_of.radiation_length_cm)
    depth = rng.random(n)
    energy = mean_energy_after(experiment.beam.energy, made_of, depth * length)
    nucleus = made_of.dominant_element
    low = float(mean_energy_after(experiment.beam.energy, made_of, length))
    sampler = BremsSampler("muon", nucleus.z, nucleus.a, mass, low, experiment.beam.energy)
    events = sampler.sample(energy, rng)
    return SignalMuons(events.p_lepton, events.weight, depth)


def hard_losses(
    experiment: Experiment, n: int, rng: np.random.Generator, low: float = 0.05
) -> SignalMuons:
    """Beam muons that lose more than the share `low` of their energy at one point of the target.

    n : events. Weights are probabilities: they sum to the chance per beam muon.
    Bremsstrahlung, pairs, nuclear interactions and knock-on electrons by their cross sections in
    `matter`; the kinematics of all of them is that of bremsstrahlung (exact, photon mass 1 MeV,
    small against m_mu v), right for the first, which makes 85 % above v = 0.3, and good for the
    others because the scattered muon's transverse momentum is of the order of m_mu in all.
    """
    from mutau.matter.muon_cross_sections import PROCESSES, differential, knock_on, moment
    from mutau.sampling.brems_events import BremsSampler

    beam, made_of = experiment.beam, material(experiment.target.material)
    length = experiment.target.thickness.cm(made_of.radiation_length_cm)
    nucleus = made_of.dominant_element
    sampler = BremsSampler("muon", nucleus.z, nucleus.a, 1e-3, beam.energy, beam.energy, x_min=low)
    events = sampler.sample(np.full(n, beam.energy), rng)
    v = 1.0 - events.p_lepton[:, 0] / beam.energy
    density = np.zeros((2, n))  # chance per v: bremsstrahlung, all
    for item, atoms in made_of.atoms_per_cm3:
        for process in PROCESSES:
            chance = atoms * length * PB_CM2 * differential(process, v, beam.energy, item)
            density[:, :] += chance * [[process == "bremsstrahlung"], [True]]
    struck = made_of.electrons_per_cm3 * length * PB_CM2
    density[1] += struck * beam.energy * knock_on(v * beam.energy, beam.energy)
    number = (
        length
        * PB_CM2
        * sum(
            atoms * float(moment("bremsstrahlung", 0, beam.energy, item, low=low))
            for item, atoms in made_of.atoms_per_cm3
        )
    )
    ratio = np.divide(density[1], density[0], out=np.zeros(n), where=density[0] > 0.0)
    weights = events.weight * ratio  # 0 at the very end of v, where the two limits differ
    return SignalMuons(events.p_lepton, number / n * weights, rng.random(n))


def trigger_rate(
    experiment: Experiment, n: int, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Trigger rate per beam muon: (without hard loss, its error, from hard losses, its error).

    n : beam muons; a tenth as many with a hard loss. Beam muons only: no halo, no hadrons, no
    secondaries in the vetoes. The sum is what the NA64mu paper gives as 0.1 % (sec. II).
    """
    plain = beam_through(experiment, n, rng)
    hard = hard_losses(experiment, max(n // 10, 1), rng)
    got = trigger_efficiency(hard.p_lepton, hard.weights, experiment, rng, depth=hard.depth)
    chance = float(hard.weights.sum())
    return (
        (1.0 - chance) * plain.efficiency,
        plain.error,
        chance * got.efficiency,
        chance * got.error,
    )


def study_row(
    label: str, experiment: Experiment, samples: Sequence[SignalMuons], n_beam: int, seed: int
) -> StudyRow:
    """Efficiencies and trigger rate of one set-up for the given samples, one per mass."""
    shares = []
    for index, muons in enumerate(samples):
        rng = stream(seed, index)
        got = trigger_efficiency(muons.p_lepton, muons.weights, experiment, rng, depth=muons.depth)
        low = got.on_target & (got.energy <= 0.5 * experiment.beam.energy)
        w, fired = muons.weights, got.passed & low
        shares.append(
            (
                *weighted_share(
                    float(w[fired].sum()),
                    float(w[low].sum()),
                    float(np.sum(w[fired] ** 2)),
                    float(np.sum(w[low] ** 2)),
                ),
                got.efficiency,
                got.error,
            )
        )
    plain, error, hard, hard_error = trigger_rate(experiment, n_beam, stream(seed, len(samples)))
    low_share, low_error, share, share_error = np.array(shares).T
    rate_error = math.hypot(error, hard_error)
    return StudyRow(label, low_share, low_error, share, share_error, plain + hard, rate_error)


def geometry_study(
    experiment: Experiment,
    variants: Mapping[str, Changes],
    masses: Sequence[float],
    n: int,
    seed: int,
) -> tuple[StudyRow, ...]:
    """Trigger efficiency in variants of a set-up, with the same events in each.

    variants : label -> changes for `experiment.replace` ({} for the file as it is).
    masses : GeV. n : events per mass, and ten times as many beam muons. Returns one row each.
    """
    samples = [signal_muons(experiment, m, n, stream(seed, 1, i)) for i, m in enumerate(masses)]
    return tuple(
        study_row(label, replace(experiment, changes), samples, 10 * n, seed)
        for label, changes in variants.items()
    )


def _edge(position: float) -> dict[str, str]:
    """S4 (20 cm wide) with its near edge at `position` (cm, negative), V1 from there on."""
    return {
        "detector/counter[S4]/x": f"{position - 10.0!r} cm",
        "detector/counter[V1]/x": f"{position + 9.0!r} cm",
    }


def edge_for_rate(
    experiment: Experiment, rate: float, n: int, seed: int, near: float = -2.0, far: float = -12.0
) -> float:
    """Where S4's near edge (cm) must stand for a given trigger rate of the NA64mu set-up.

    rate : per beam muon, all of `trigger_rate`. n : muons per trial, the same in each.
    near, far : cm, between which the edge is sought, to 0.5 mm. This is the design condition that
    the paper states for the trigger, not an adjustment to any signal efficiency.
    Raises MutauError if the rate is not reached between them.
    """

    def excess(edge: float) -> float:
        plain, _, hard, _ = trigger_rate(replace(experiment, _edge(edge)), n, stream(seed))
        return plain + hard - rate

    if not excess(near) > 0.0 > excess(far):
        raise MutauError(
            f"trigger rate {rate:g} is not reached with S4's edge from {near:g} to {far:g} cm"
        )
    while near - far > 0.05:
        middle = 0.5 * (near + far)
        near, far = (middle, far) if excess(middle) > 0.0 else (near, middle)
    return 0.5 * (near + far)


def _behind_the_magnet(shift: float, experiment: Experiment) -> dict[str, str]:
    """Everything behind MS2 moved along z by `shift` cm, the hall with it."""
    end = experiment.detector.magnet[0].z + experiment.detector.magnet[0].length
    changes = {}
    for place, thing in experiment.detector.everything():
        if thing.z >= end:
            changes[f"{place}/z"] = f"{thing.z + shift!r} cm"
    if experiment.hall is not None:
        changes["hall/length"] = f"{experiment.hall.length + max(shift, 0.0)!r} cm"
    return changes


def na64mu_variants(experiment: Experiment) -> dict[str, Changes]:
    """One variant per assumed position or size of the bundled NA64mu set-up."""
    counters = "detector/counter"
    frames = {f"{counters}[{name}]/role": "monitor" for name in ("Vm1", "Vm2")}
    edge = experiment.detector["S4"].x + 10.0
    return {
        "as in the file": {},
        "S4 and V1 1 cm towards the beam": _edge(edge + 1.0),
        "S4 and V1 1 cm away from the beam": _edge(edge - 1.0),
        "S4 and V1 2 cm away from the beam": _edge(edge - 2.0),
        "V1 left out": {f"{counters}[V1]/role": "monitor"},
        "S4 10 cm high": {f"{counters}[S4]/height": "10 cm"},
        "S4 40 cm high": {f"{counters}[S4]/height": "40 cm"},
        "S4 40 cm wide, same edge": {
            f"{counters}[S4]/width": "40 cm",
            f"{counters}[S4]/x": f"{edge - 20.0!r} cm",
        },
        "Vm1, Vm2 left out": frames,
        "Vm1, Vm2 left out, gap 50 x 14 cm": frames
        | {"detector/magnet[MS2]/width": "50 cm", "detector/magnet[MS2]/height": "14 cm"},
        "Vm1, Vm2 left out, gap 60 x 50 cm, S4 40 x 40 cm": frames
        | {
            "detector/magnet[MS2]/width": "60 cm",
            "detector/magnet[MS2]/height": "50 cm",
            f"{counters}[S4]/height": "40 cm",
            f"{counters}[S4]/width": "40 cm",
            f"{counters}[S4]/x": f"{edge - 20.0!r} cm",
        },
        "all behind MS2 1 m further": _behind_the_magnet(100.0, experiment),
        "Smu 20 x 20 cm behind S4": {
            f"{counters}[Smu]/width": "20 cm",
            f"{counters}[Smu]/height": "20 cm",
            f"{counters}[Smu]/x": f"{edge - 10.0!r} cm",
        },
        "S0, S1 4 x 4 cm": {
            f"{counters}[{name}]/{key}": "4 cm"
            for name in ("S0", "S1")
            for key in ("width", "height")
        },
        "divergence doubled": {"beam/divergence_x": "0.8 mrad", "beam/divergence_y": "1.6 mrad"},
        "spot halved": {"beam/spot_x": "0.45 cm", "beam/spot_y": "0.95 cm"},
        "MS2 off": {"detector/magnet[MS2]/field_integral": "1e-6 T m"},
    }


def as_markdown(rows: Sequence[StudyRow], masses: Sequence[float]) -> str:
    """Table in Markdown: efficiencies in %, E' at most half (all emissions); trigger rate in %."""
    head = ["set-up", *(f"{1000 * m:g} MeV" for m in masses), "rate of the beam"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        cells = [
            f"{100 * one:.1f} ({100 * every:.1f})"
            for one, every in zip(row.efficiency, row.all_efficiency, strict=True)
        ]
        rate = f"{100 * row.rate:.3f} ± {100 * row.rate_error:.3f}"
        lines.append("| " + " | ".join([row.label, *cells, rate]) + " |")
    return "\n".join(lines)


def main(n: int = 50_000, seed: int = 1) -> None:
    """Print the tables of docs/validation/na64mu_geometry.md."""
    masses = (0.01, 0.1, 0.2, 0.5, 1.0)
    experiment = load_experiment("na64mu")
    rows = geometry_study(experiment, na64mu_variants(experiment), masses, n, seed)
    worst = max(float(np.max(row.error)) for row in rows)
    print(as_markdown(rows, masses), f"\nerror at most {100 * worst:.2f} %\n")
    plain, error, hard, hard_error = trigger_rate(experiment, 40 * n, stream(seed))
    print(f"trigger rate of the beam: {plain:.3e} ± {error:.1e} without hard loss,")
    print(f"{hard:.3e} ± {hard_error:.1e} with, together {plain + hard:.3e}")
    at_100 = replace(experiment, "beam/energy", "100 GeV")
    edge = edge_for_rate(at_100, 1e-3, 10 * n, seed)
    print(f"edge of S4 for 0.1 % at 100 GeV: {edge:.2f} cm\n")
    variants = {"100 GeV": {}, "100 GeV, S4 and V1 moved for a rate of 0.1 %": _edge(edge)}
    print(as_markdown(geometry_study(at_100, variants, masses, n, seed), masses))


if __name__ == "__main__":
    main()
