"""The full simulation joined with track fit and selection: what a run is counted into.

A run is a sum over chunks. Each chunk is simulated, its tracks are fitted, and it is counted into
a `Tally` of plain arrays; tallies of chunks add up, whatever computed them in whatever order, and
`simulate_results` holds what follows from a finished one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.errors import MutauError, OutOfRange
from mutau.core.threads import in_threads
from mutau.core.units import PB_CM2
from mutau.detector.hits import Hits
from mutau.detector.readout import build_readout
from mutau.detector.simulation import CHUNK, SignalSource, simulate_chunk
from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.reactions.bremsstrahlung import Bremsstrahlung
from mutau.selection.cutflow import passes, passing
from mutau.selection.missing_momentum import cuts_of
from mutau.selection.requirements import cuts_on, label, simulated
from mutau.selection.simulated import on_target, reconstruct, sample_of
from mutau.selection.variables import Sample

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: Axes of tallied histograms that no beam's energy changes: beam spot (cm), energy of one module
#: (GeV, fine where minimum-ionising muons are, and coarse). The others are `axes`.
SPOT_EDGES: Final = np.linspace(-15.0, 15.0, 121)
MODULE_EDGES: Final = np.concatenate([np.linspace(0.0, 10.0, 501), np.linspace(11.0, 250.0, 240)])
#: Beam particles with this fraction of the beam energy count as kept by the beam trigger: the
#: 100 of 160 GeV of the NA64mu paper, sec. III A.
KEPT_SHARE: Final = 0.625
#: Elements that make less than this fraction of the Z' take the kinematics of the others.
MINOR_SHARE: Final = 0.02
_SIGNAL_NODES: Final = 24


@lru_cache(maxsize=16)
def signal_source(
    experiment: Experiment,
    mass: float,
    x_min: float = 0.0,
    x_max: float = 1.0,
    *,
    kind: str = "vector",
) -> SignalSource:
    """Z' emission in the target of an experiment, for `simulate_chunk`, at unit coupling.

    mass : GeV. x_min, x_max : window of x = E_Z'/E_mu. Muons from a tenth of the beam energy (at
    least twice the mass and 1 GeV) to 1.3 times it emit; softer ones of the halo do not.
    Raises OutOfRange where that leaves nothing.
    """
    from mutau.reactions.bremsstrahlung_events import BremsSampler

    beam = experiment.beam.energy
    low, high = max(0.1 * beam, 2.0 * mass, 1.0), 1.3 * beam
    if not low < beam:
        raise OutOfRange(
            f"mass = {mass:g} GeV is too heavy for a beam of {beam:g} GeV",
            place="mass", allowed=f"below {0.5 * beam:g} GeV",
        )  # fmt: skip
    energies = np.geomspace(low, high, _SIGNAL_NODES)
    per_cm = {
        Nucleus.of(element): density * PB_CM2
        * Bremsstrahlung("muon", kind).totals(
            energies, mass, Nucleus.of(element), x_min=x_min, x_max=x_max
        ).sigma_pb
        for element, density in material(experiment.target.material).atoms_per_cm3
    }  # fmt: skip
    total = np.sum(list(per_cm.values()), axis=0)
    at = int(np.argmin(np.abs(energies - beam)))
    main = {key: rate[at] for key, rate in per_cm.items() if rate[at] >= MINOR_SHARE * total[at]}
    return SignalSource(
        tuple(
            (
                BremsSampler(
                    "muon", nucleus, mass, low, high, x_min=x_min, x_max=x_max, mediator=kind
                ),
                float(rate / sum(main.values())),
            )
            for nucleus, rate in main.items()
        ),
        energies,
        total,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axes:
    """Energy axes of the tallied histograms of an experiment, GeV.

    muon, seen : edges of the hermeticity plane, E'_mu and E_CAL. beam : of the beam's energy.
    region_d : upper limits of region D in E'_mu and E_CAL, both edges of bins.
    """

    muon: Array
    seen: Array
    beam: Array
    region_d: tuple[float, float]


@lru_cache(maxsize=16)
def axes(experiment: Experiment) -> Axes:
    """Axes from the beam's energy and the cuts of the file.

    Region D: up to the cut on the muon's energy, or half of the beam's without one, and up to the
    cut on the sum of the calorimeters, or that of `cuts_of` without one.
    Check: NA64mu paper, sec. III C: 80 and 20 GeV, here in bins of 2 GeV up to 200.
    """
    beam, cuts = experiment.beam.energy, cuts_of(experiment)
    muon = cuts.muon_energy if math.isfinite(cuts.muon_energy) else 0.5 * beam
    limits = (min(muon, beam), min(cuts.calorimeters, beam))

    def plane(limit: float) -> Array:
        width = limit / max(round(80.0 * limit / beam), 1)
        return np.asarray(width * np.arange(math.ceil(1.25 * beam / width - 1e-9) + 1))

    return Axes(plane(limits[0]), plane(limits[1]), np.linspace(0.0, 1.375, 111) * beam, limits)


@dataclass(frozen=True)
class Tally:
    """Sums over events; `add` gives those of two samples together.

    sums : name -> array. All are sums of weights; names ending in `_2` of their squares.
    """

    sums: Mapping[str, Array]

    def add(self, other: Tally) -> Tally:
        """Sums of both."""
        return Tally({name: values + other.sums[name] for name, values in self.sums.items()})

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON; histograms as lists."""
        return {name: np.asarray(values).tolist() for name, values in self.sums.items()}

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Tally:
        """What `to_plain` gave."""
        return cls({name: np.asarray(values, float) for name, values in data.items()})


def total(tallies: Iterable[Tally]) -> Tally:
    """Sum of tallies, in the order given. Raises MutauError for none."""
    result: Tally | None = None
    for tally in tallies:
        result = tally if result is None else result.add(tally)
    if result is None:
        raise MutauError("no tally to sum")
    return result


def _plane(sample: Sample, chosen: Array, axes: Axes) -> Array:
    """Histogram (E'_mu, E_CAL) of the chosen events; over- and underflow in the outer bins."""
    muon = np.minimum(sample.columns["p_muon"][chosen, 0], axes.muon[-1] * (1.0 - 1e-12))
    seen = np.minimum(_seen(sample)[chosen], axes.seen[-1] * (1.0 - 1e-12))
    return np.asarray(
        np.histogram2d(muon, seen, (axes.muon, axes.seen), weights=sample.weights[chosen])[0]
    )


def _selected(sample: Sample, experiment: Experiment, variables: tuple[str, ...]) -> Array:
    """Events that pass the file's cuts on these variables."""
    return (sample.weights > 0.0) & passing(cuts_on(experiment.cuts, *variables), sample)


#: Cuts of the two hermeticity planes beside the beam trigger, as the paper's figure 5 has them.
_TOP: Final = ("incoming_momentum", "n_tracks")
_BOTTOM: Final = (*_TOP, "trigger", "vhcal_energy", "hcal_energy")


def tally(hits: Hits, experiment: Experiment, *, tracks: bool = True) -> Tally:
    """Count events: cut flow, trigger, beam profiles, energies, hermeticity planes.

    "low" are those on target whose muon leaves the target with half the beam energy or less.
    tracks : fit them; off, the true momentum smeared by the file's resolution stands in.
    """
    fit = reconstruct(hits, experiment) if tracks else None
    sample = sample_of(hits, experiment, fit)
    w, beam = hits.weight, hits.beam_trigger
    energy, x, y = hits.p_beam[:, 0], hits.x_target[:, 0], hits.x_target[:, 1]
    kept = beam & (energy >= KEPT_SHARE * experiment.beam.energy)
    there = on_target(hits, experiment)
    low = there & (hits.p_out[:, 0] <= 0.5 * experiment.beam.energy)
    edges, spot = axes(experiment), {}
    for name, chosen in (("all", np.ones(len(hits), bool)), ("beam", beam)):
        spot[f"spot_{name}"] = np.histogram2d(
            x[chosen], y[chosen], (SPOT_EDGES, SPOT_EDGES), weights=w[chosen]
        )[0]
        spot[f"energy_{name}"] = np.histogram(energy[chosen], edges.beam, weights=w[chosen])[0]
    keep = sample.weights > 0.0
    flow = [keep.copy()]
    applied = simulated(experiment.cuts)
    for cut in experiment.cuts:
        if cut in applied:
            keep &= passes(cut, sample)
        flow.append(keep.copy())
    top = _selected(sample, experiment, _TOP) & beam
    bottom = _selected(sample, experiment, _BOTTOM) & beam
    moments = [np.sum(w[kept] * value[kept]) for value in (x, y, x * x, y * y)]
    ecal = sample.columns["ecal_energy"]
    return Tally(
        {
            "n": np.array([float(len(hits)), float(w.sum())]),
            "kept": np.array([w[kept].sum(), *moments]),
            "beam_trigger": np.array([w[beam].sum()]),
            "trigger": _with_square(w, hits.trigger & there),
            "low": _with_square(w, low),
            "low_trigger": _with_square(w, hits.trigger & low),
            "flow": np.array([sample.weights[k].sum() for k in flow]),
            "flow_2": np.array([np.sum(sample.weights[k] ** 2) for k in flow]),
            **spot,
            **_modules(hits, beam),
            "top": _plane(sample, top, edges),
            "bottom": _plane(sample, bottom, edges),
            "top_ecal": _plane(sample, top & (ecal > 0.5 * _seen(sample)), edges),
            "bottom_ecal": _plane(sample, bottom & (ecal > 0.5 * _seen(sample)), edges),
            "extra_hits": np.array([np.sum(w[beam] * hits.n_extra[beam]), hits.lost_extra.sum()]),
        }
    )


def _seen(sample: Sample) -> Array:
    columns = sample.columns
    return np.asarray(columns["ecal_energy"] + columns["vhcal_energy"] + columns["hcal_energy"])


def _with_square(w: Array, chosen: Array) -> Array:
    return np.array([w[chosen].sum(), np.sum(w[chosen] ** 2)])


def _modules(hits: Hits, beam: Array) -> dict[str, Array]:
    """Spectra of the modules' energies with the beam trigger."""
    edge = MODULE_EDGES[-1] - 1e-9
    return {
        f"module_{name}": np.histogram(
            np.minimum(hits.energy[beam, i], edge), MODULE_EDGES, weights=hits.weight[beam]
        )[0]
        for i, name in enumerate(hits.modules)
    }


def run_tally(
    experiment: Experiment,
    n: int,
    seed: int,
    *,
    mass: float | None = None,
    window: tuple[float, float] = (0.0, 1.0),
    workers: int = 1,
    tracks: bool = True,
) -> Tally:
    """n beam particles (or signal of one mass) through the set-up, counted; in memory.

    workers : threads; the kernels run side by side. The result does not depend on it.
    Raises MutauError for n below 1, and as `signal_source`.
    """
    if n < 1:
        raise MutauError(f"n = {n} beam particles", allowed="1 and above")
    signal = None if mass is None else signal_source(experiment, mass, *window)
    build_readout(experiment)  # once, before the threads

    def one(chunk: int) -> Tally:
        size = min(CHUNK, n - chunk * CHUNK)
        return tally(
            simulate_chunk(experiment, size, seed, chunk, signal=signal), experiment, tracks=tracks
        )

    chunks = range(-(-n // CHUNK))
    if workers == 1 or len(chunks) == 1:
        return total(one(chunk) for chunk in chunks)
    return total(in_threads(one, chunks, workers))


def cut_labels(experiment: Experiment) -> tuple[str, ...]:
    """Names of the steps of the tallied cut flow; cuts that it cannot apply say so."""
    applied = simulated(experiment.cuts)
    return (
        "on target",
        *(label(cut) + ("" if cut in applied else " (not simulated)") for cut in experiment.cuts),
    )
