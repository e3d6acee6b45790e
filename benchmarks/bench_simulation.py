"""How fast the full simulation of NA64mu is, per core, and how right."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

import numpy as np
from measure import Row, best, main, row

from mutau.core.random import stream
from mutau.detector.readout import build_readout
from mutau.detector.simulation import CHUNK, beam_source, entrance, simulate_beam, simulate_chunk
from mutau.experiment import load_experiment
from mutau.experiment.field_maps import write_field_map
from mutau.experiment.loader import from_document
from mutau.experiment.schema import Experiment
from mutau.matter import material, mean_energy_after
from mutau.scan.simulate import SimulationRun, compute_shard
from mutau.signal.simulate import signal_source, tally


def _loss_error() -> str:
    """Deviation of the mean loss in the ECAL from the stopping power, in 4e5 core muons."""
    experiment = load_experiment("na64mu")
    readout = build_readout(experiment)
    substance = material(experiment.target.material)
    thick = experiment.target.thickness.cm(substance.radiation_length_cm)
    lost, expected = [], []
    for chunk in range(20):
        rng = stream(2, chunk)
        beam = beam_source(experiment, readout)(CHUNK, rng, 0).at(entrance(readout))
        hits = simulate_beam(experiment, beam, rng)
        before, behind = hits.p_target[:, 0], hits.p_out[:, 0]
        kept = (before > 140.0) & (behind > 0.0)
        lost.append((before - behind)[kept])
        expected.append(before[kept] - mean_energy_after(before[kept], substance, thick))
    loss, mean = np.concatenate(lost), np.concatenate(expected).mean()
    error = loss.std() / np.sqrt(len(loss))
    return f"mean loss in the ECAL {loss.mean() / mean - 1.0:+.2%} ± {error / mean:.2%}"


def _mapped(folder: str) -> Experiment:
    """NA64mu with a field map: fringes of 15 cm, a plane every 2.5 cm, 2 x 9 points each."""
    z = np.linspace(-145.0, 145.0, 117)
    ends = np.tanh((z[:, None] + [100.0, -100.0]) / 15.0)
    field = np.zeros((117, 9, 2, 3))
    field[..., 1] = -0.35 * (ends[:, 0] - ends[:, 1])[:, None, None]
    path = Path(folder) / "map.csv"
    write_field_map(path, np.array([-16.0, 16.0]), np.linspace(-6.0, 6.0, 9), z, field)
    document = load_experiment("na64mu").to_dict()
    (magnet,) = document["detector"]["magnet"]
    del magnet["field_integral"], magnet["bends_to"]
    magnet["field_map"] = str(path)
    return from_document(document, "na64mu with a map")


def muons() -> list[Row]:
    """Muons per second and core: transport alone, with fit and counting, with files, signal."""
    experiment = load_experiment("na64mu")
    source = signal_source(experiment, 0.1)
    run = SimulationRun(experiment.to_dict(), "na64mu", CHUNK, 1)
    fit = "track fit as in bench_tracking"
    orbit = "2e-7 of the bend, against small steps"
    with tempfile.TemporaryDirectory() as folder:
        mapped = _mapped(folder)
        works = {
            "beam muons through NA64mu, to Hits": (
                lambda: simulate_chunk(experiment, CHUNK, 1, 0), _loss_error(), "5e4"),
            "the same with track fit, cuts, histograms": (
                lambda: tally(simulate_chunk(experiment, CHUNK, 1, 0), experiment), fit, "-"),
            "the same into Parquet, whole events": (
                lambda: compute_shard(run, folder, 0), "floats kept with 32 bits",
                "1e8 in 20 minutes on 2 cores: 4.2e4"),
            "signal of 100 MeV from vertices in the ECAL": (
                lambda: simulate_chunk(experiment, CHUNK, 1, 0, signal=source),
                "exact 2 to 3 kinematics", "-"),
            "beam muons through a field map, to Hits": (
                lambda: simulate_chunk(mapped, CHUNK, 1, 0), orbit, "5e4"),
            "the same with track fit, cuts, histograms, field map": (
                lambda: tally(simulate_chunk(mapped, CHUNK, 1, 0), mapped), orbit, "-"),
        }  # fmt: skip
        found = [
            row(name, CHUNK / best(work, 3), "muons/s/core", error, goal)
            for name, (work, error, goal) in works.items()
        ]
        size = next(Path(folder).rglob("*.parquet")).stat().st_size / CHUNK
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [
        *found,
        row("whole events on disk", size, "bytes/muon"),
        row("memory of the process", peak, "GB", f"chunks of {CHUNK}, whatever n", "2"),
    ]


PARTS = (muons,)

if __name__ == "__main__":
    main(PARTS)
