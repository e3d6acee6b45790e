"""The run of 2022 of NA64mu, computed from its file, beside the published limit.

No number is fitted. Cut flow by the full simulation, the limit with the background of the file, the
same with each efficiency, stated or simulated, set to 1, and the efficiency that the published
limit would ask for. Run `python -m mutau.report.na64mu_2022` for the tables of
docs/validation/na64mu_2022.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.bounds import published_limit
from mutau.core.figure import Figure, Series
from mutau.core.types import Exclusion
from mutau.detector.simulation import simulate_chunk
from mutau.experiment import Experiment, load_experiment, replace
from mutau.report.runs import FIGURES, Run
from mutau.selection.cutflow import passes
from mutau.selection.requirements import label, simulated
from mutau.selection.simulated import reconstruct, sample_of
from mutau.signal.efficiencies import STEP, efficiency_steps
from mutau.signal.muon_full_chain import window_edge
from mutau.signal.simulate import signal_source

Array = NDArray[np.float64]

NAME: Final = "na64mu-2022"
#: Masses (GeV) of the comparison, over the published curve, and of the cut flow.
MASSES: Final = np.geomspace(1.01e-3, 1.94, 30)
FLOW_MASSES: Final = (0.01, 0.1, 0.5, 1.0)
#: Beam muons per mass, and masses, by level of a report.
MUONS: Final = {"quick": 1000, "default": 4000, "full": 40_000}
POINTS: Final = {"quick": 4, "default": 10, "full": 30}


@dataclass(frozen=True, slots=True)
class SignalSteps:
    """What cuts keep of the emissions of one mass, muons on target.

    names : of the cuts, in the order of the file, then of the stated efficiencies. each : (C,)
    fraction left after it and all before. alone : (C,) fraction of those that pass all others
    which pass this one too. error : (C,) of `each`, statistical.
    """

    names: tuple[str, ...]
    each: Array
    alone: Array
    error: Array


def signal_steps(experiment: Experiment, mass: float, n: int, seed: int) -> SignalSteps:
    """Cut flow of emissions with an x from which the cut on the muon's energy can be passed.

    mass : GeV. n : beam muons, each of which emits. By the full simulation.
    Check: the product of `alone` is at most the last of `each` where cuts select different losses.
    """
    source = signal_source(experiment, mass, window_edge(experiment), 1.0)
    hits = simulate_chunk(experiment, n, seed, 0, signal=source)
    sample = sample_of(hits, experiment, reconstruct(hits, experiment))
    cuts, w = simulated(experiment.cuts), sample.weights
    kept = np.array([passes(cut, sample) for cut in cuts])
    everything = kept.all(axis=0)
    others = [np.delete(kept, i, axis=0).all(axis=0) for i in range(len(cuts))]
    each = np.array([w[kept[: i + 1].all(axis=0)].sum() for i in range(len(cuts))]) / w.sum()
    alone = np.array([w[everything].sum() / max(w[other].sum(), 1e-300) for other in others])
    stated = efficiency_steps(experiment, mass, ())
    before = np.concatenate([[1.0], stated.kept[:-1]])
    effective = w.sum() ** 2 / np.sum(w**2)
    flow = np.concatenate([each, each[-1] * stated.kept])
    return SignalSteps(
        (*(label(cut) for cut in cuts), *stated.labels),
        flow,
        np.concatenate([alone, stated.kept / before]),
        np.sqrt(flow * np.maximum(1.0 - flow, 0.0) / effective),
    )


def limit_of_run(
    experiment: Experiment, masses: Sequence[float] | Array, muons: int, seed: int
) -> Exclusion:
    """The limit by the full simulation with the background of the file."""
    settings = Settings(n_events=muons, full_chain=True, seed=seed)
    return limit_curve(experiment, masses, settings=settings)


def with_all_at_one(experiment: Experiment) -> Experiment:
    """The experiment with every stated efficiency 1 and no second muon in the gate."""
    document = experiment.to_dict()["detector"]["resolution"]
    plain = {key: value for key, value in document.items() if key != "gate"}
    stated: dict[str, Any] = {f"efficiency[{one.name}]/value": 1.0 for one in experiment.efficiency}
    return replace(experiment, {**stated, "detector/resolution": plain})


def needed(line: Exclusion) -> Array:
    """(M,) the factor on the signal that the published limit asks for: (ours/published)^2."""
    published = published_limit(NAME)
    return np.asarray((line.coupling / published.coupling_at(line.mass, "nan")) ** 2)


def beside(run: Run) -> tuple[Exclusion, Exclusion, Exclusion]:
    """Limits of the run: full simulation, the same with efficiencies at 1, fast mode."""
    experiment, level = load_experiment(NAME), run.level
    muons = MUONS.get(level.name, max(level.events // 10, 1000))
    points = POINTS.get(level.name, min(level.points, len(MASSES)))
    masses = MASSES[np.linspace(0, len(MASSES) - 1, points).round().astype(int)]
    return (
        run.limit(limit_of_run(experiment, masses, muons, level.seed)),
        limit_of_run(with_all_at_one(experiment), masses, muons, level.seed),
        limit_curve(
            experiment, masses,
            settings=Settings(n_events=min(level.events, 50_000), seed=level.seed),
        ),
    )  # fmt: skip


@FIGURES.register("mu.run2022")
def run_of_2022(run: Run) -> Figure:
    """The limit of the run of 2022 from its file beside the published one."""
    line, best, fast = run.of(beside)
    published, ratio = published_limit(NAME), needed(line)
    inside = (published.mass >= MASSES[0]) & (published.mass <= MASSES[-1])
    return Figure(
        id="mu.run2022",
        title="Run of 2022, 1.98×10¹⁰ muons: limit from the file and as published, 90 % CL",
        x_label="$m_{Z'}$ [GeV]",
        y_label="$g'$",
        series=(
            Series("published", published.mass[inside], published.coupling[inside],
                   role="published"),
            Series("full simulation", line.mass, line.coupling, err=line.numerical_err),
            Series("… stated efficiencies 1, no pile-up", best.mass, best.coupling,
                   err=best.numerical_err, dashed=True),
            Series("fast mode: trigger, E' and stated efficiencies", fast.mass, fast.coupling,
                   err=fast.numerical_err, role="model", dotted=True, note="fast mode"),
        ),
        log="xy",
        caption="Nothing is fitted: places of counters and planes, thresholds and efficiencies are "
        "those of the file, most of them assumed. The published limit would need "
        f"{ratio.min():.2f} to {ratio.max():.2f} times this signal efficiency.",
    )  # fmt: skip


def variants(experiment: Experiment) -> dict[str, Mapping[str, Any]]:
    """What an assumption of the file does: name -> changes for `experiment.replace`."""
    planes = [f"detector/tracker[MM{i}]" for i in range(5, 11)]
    counters = {name: experiment.detector[name].x for name in ("S4", "Smu")}

    def shifted(cm: float) -> dict[str, Any]:
        return {f"detector/counter[{name}]/x": f"{x - cm!r} cm" for name, x in counters.items()}

    return {
        "as in the file": {},
        "planes of MS2 20 cm high": {f"{plane}/height": "10.9 cm" for plane in planes[2:3]}
        | {f"{plane}/height": "20 cm" for plane in (*planes[:2], *planes[3:])},
        "gap of MS2 50 x 20 cm, planes 30 x 18 cm": {
            "detector/magnet[MS2]/width": "50 cm", "detector/magnet[MS2]/height": "20 cm",
            **{f"{p}/{k}": v for p in planes for k, v in (("width", "30 cm"), ("height", "18 cm"))},
        },
        "planes all efficient": {f"{plane}/efficiency": "100 %" for plane in planes},
        "counters 1 cm nearer to the beam": shifted(-1.0),
        "counters 1 cm further out": shifted(1.0),
        "Smu only behind S4 (edge as S4)": {
            "detector/counter[Smu]/x": f"{counters['S4'] - 10.0!r} cm"
        },
        "no VHCAL": {"detector/calorimeter[VHCAL]/hole_width": "40 cm",
                     "detector/calorimeter[VHCAL]/hole_height": "40 cm"},
    }  # fmt: skip


def as_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def flow_table(experiment: Experiment, n: int, seed: int) -> str:
    """Cut flow at FLOW_MASSES: % left; in brackets what each alone keeps of what all others do."""
    found = [signal_steps(experiment, mass, n, seed) for mass in FLOW_MASSES]
    rows = [
        [
            name.removeprefix(STEP),
            *(f"{100 * s.each[i]:.1f} ({100 * s.alone[i]:.0f})" for s in found),
        ]
        for i, name in enumerate(found[0].names)
    ]
    worst = 100 * max(float(s.error.max()) for s in found)
    head = ["after", *(f"{1e3 * mass:g} MeV" for mass in FLOW_MASSES)]
    return as_table(head, rows) + f"\n\nErrors up to {worst:.1f}."


def variant_table(experiment: Experiment, n: int, seed: int) -> str:
    """The factor on the signal that the published limit asks for, for each variant."""
    rows = []
    for name, changes in variants(experiment).items():
        line = limit_of_run(replace(experiment, changes), FLOW_MASSES, n, seed)
        rows.append([name, *(f"{factor:.2f}" for factor in needed(line))])
    return as_table(["set-up", *(f"{1e3 * mass:g} MeV" for mass in FLOW_MASSES)], rows)


def main(n: int = 4000, seed: int = 1) -> None:
    """Print the tables of docs/validation/na64mu_2022.md."""
    experiment = load_experiment(NAME)
    print(flow_table(experiment, n, seed), "\n")
    line = limit_of_run(experiment, MASSES, n, seed)
    best = limit_of_run(with_all_at_one(experiment), MASSES, n, seed)
    published = published_limit(NAME).coupling_at(MASSES, "nan")
    rows = [
        [f"{1e3 * m:.3g}", f"{p:.2e}", f"{a:.2e} ± {100 * e / a:.0f} %", f"{b:.2e}", f"{f:.2f}"]
        for m, p, a, e, b, f in zip(
            MASSES, published, line.coupling, line.numerical_err, best.coupling, needed(line),
            strict=True,
        )
    ]  # fmt: skip
    head = ["mass, MeV", "published", "ours", "ours, efficiencies 1, no pile-up", "factor needed"]
    print(as_table(head, rows), "\n")
    print(variant_table(experiment, n, seed))


if __name__ == "__main__":
    main()
