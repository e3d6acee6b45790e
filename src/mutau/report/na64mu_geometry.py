"""What each assumed position and size of NA64mu does to its trigger: same events, changed set-up.

Run `python -m mutau.report.na64mu_geometry` for the tables of docs/validation/na64mu_geometry.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.detector.fractions import weighted_fraction
from mutau.detector.studies import SignalMuons, signal_muons, trigger_rate
from mutau.detector.trigger import trigger_efficiency
from mutau.experiment import Experiment, load_experiment, replace

Array = NDArray[np.float64]
Changes = Mapping[str, Any]


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


def study_row(
    label: str, experiment: Experiment, samples: Sequence[SignalMuons], n_beam: int, seed: int
) -> StudyRow:
    """Efficiencies and trigger rate of one set-up for the given samples, one per mass."""
    fractions = []
    for index, muons in enumerate(samples):
        rng = stream(seed, index)
        got = trigger_efficiency(muons.p_lepton, muons.weights, experiment, rng, depth=muons.depth)
        low = got.on_target & (got.energy <= 0.5 * experiment.beam.energy)
        w, fired = muons.weights, got.passed & low
        fractions.append(
            (
                *weighted_fraction(
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
    low, low_error, every, every_error = np.array(fractions).T
    rate_error = math.hypot(error, hard_error)
    return StudyRow(label, low, low_error, every, every_error, plain + hard, rate_error)


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
