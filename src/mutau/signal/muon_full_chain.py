"""Signal of the process mu N -> mu N Z' through the whole set-up, for limits and yields.

The same `Prepared` as the fast mode gives, but the efficiency is that of the full simulation: beam
with halo, every interaction, detectors, track fit, every cut that it can apply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.core.storage import cached_arrays, digest
from mutau.experiment.variables import window
from mutau.models import Model
from mutau.reactions.bosons import boson
from mutau.selection.requirements import highest_muon_energy
from mutau.signal.exposure import physics_digest, stated_particles
from mutau.signal.processes import Effort, Prepared, in_proportion

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: Beam muons per mass in the upper window of x; 1.2 % on the yield of NA64mu.
DEFAULT_MUONS: Final = 40_000


def emission_flow(
    experiment: Experiment,
    mass: float,
    window: tuple[float, float],
    n: int,
    seed: int,
    kind: str = "vector",
) -> tuple[Array, Array]:
    """Z' per muon on target at unit coupling after each cut, and the Monte Carlo errors; (C,) each.

    The first entry is what muons on target emit in the window of x = E_Z'/E, the others are what
    the cuts of the file leave, in order (cuts that are not simulated change nothing).
    n : beam muons, each of which emits, weighted by its probability. Kept in the cache folder.
    Check: the first entry is that of the quadrature along the target, times the halo's fraction.
    """
    from mutau.core.code_digest import code_digest

    key = digest(
        physics_digest(experiment), mass, window, n, seed, *boson(kind), code_digest(__name__)
    )
    found = cached_arrays(
        "full-chain", key, lambda: _simulated_flow(experiment, mass, window, n, seed, kind)
    )
    return found["flow"], found["error"]


def _simulated_flow(
    experiment: Experiment, mass: float, window: tuple[float, float], n: int, seed: int, kind: str
) -> dict[str, Array]:
    from mutau.core.random import stream
    from mutau.detector.readout import build_readout
    from mutau.detector.simulation import CHUNK, beam_source, simulate_chunk
    from mutau.selection.simulated import on_target
    from mutau.signal.simulate import signal_source, tally

    signal = signal_source(experiment, mass, *window, kind=kind)
    source = beam_source(experiment, build_readout(experiment))
    flow, square = np.zeros(1), np.zeros(1)
    muons = muons_2 = 0.0
    for chunk in range(-(-n // CHUNK)):
        size = min(CHUNK, n - chunk * CHUNK)
        hits = simulate_chunk(experiment, size, seed, chunk, signal=signal)
        counted = tally(hits, experiment).sums
        flow, square = flow + counted["flow"], square + counted["flow_2"]
        weight = np.ones(size)
        if experiment.beam.phase_space:  # a file's particles carry weights of their own
            weight = source(size, stream(seed, chunk), chunk * CHUNK).weight
        there = weight[on_target(hits, experiment)]
        muons, muons_2 = muons + there.sum(), muons_2 + np.sum(there**2)
    if not muons:
        return {"flow": 0.0 * flow, "error": 0.0 * flow}
    mean = flow / muons
    spread = np.maximum(square / muons**2 - mean**2 * muons_2 / muons**2, 0.0)
    return {"flow": mean, "error": np.sqrt(spread)}


def window_edge(experiment: Experiment) -> float:
    """The x from which a muon of the accepted beam can pass the cut on its energy behind.

    Allows for the lowest incoming momentum that is accepted (0.85 of the beam's where the file
    does not say) and a momentum measured 8 % low; 0 without a cut on the muon's energy.
    """

    highest = highest_muon_energy(experiment.cuts, experiment.beam.energy)
    lowest = window(experiment.cuts, "incoming_momentum")[0]
    softest = lowest if np.isfinite(lowest) else 0.85 * experiment.beam.energy
    return max(0.0, 1.0 - 1.08 * highest / softest) if np.isfinite(highest) else 0.0


def prepare_full(experiment: Experiment, model: Model, effort: Effort) -> Prepared:
    """`Prepared` of one mass by the full simulation.

    Emissions are drawn in two windows of x: above `window_edge`, and a quarter as many muons below
    it, where only muons with a second hard loss pass.
    """
    from mutau.signal.simulate import cut_labels

    n = effort.n_events or DEFAULT_MUONS
    edge = window_edge(experiment)
    parts = [((edge, 1.0), n)] + ([((0.0, edge), max(n // 4, 1))] if edge > 0.0 else [])
    flows = [
        emission_flow(experiment, model.mass, w, k, effort.seed, model.mediator) for w, k in parts
    ]
    particles = stated_particles(experiment)
    number = particles * np.sum([flow for flow, _ in flows], axis=0)
    error = particles * np.sqrt(np.sum([err**2 for _, err in flows], axis=0))
    labels = cut_labels(experiment)[1:]

    return Prepared(
        ("produced, decays invisibly", *labels),
        in_proportion("mu", number, error),
        meta={
            "signal_by": "full simulation",
            "beam_muons": sum(k for _, k in parts),
        },
    )
