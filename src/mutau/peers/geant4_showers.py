"""The same electromagnetic cascade in Geant4 and in ours: rates, track lengths, depth profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E
from mutau.experiment import load_experiment
from mutau.matter import material
from mutau.matter.em_processes import brems, pair
from mutau.matter.em_processes_medium import medium
from mutau.matter.materials import Material
from mutau.peers import Compared, Progress, mean_and_error
from mutau.peers.geant4_jobs import Geant4Job, Geant4Run, run_geant4
from mutau.transport.em_cascade import PARTICLES, track_lengths
from mutau.transport.shower import Shower, ShowerGeometry, simulate_showers
from mutau.transport.shower_profile import peak_depth

Array = NDArray[np.float64]

ENERGY: Final = 100.0
#: Bins of total energy for track lengths, GeV.
EDGES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, ENERGY)
#: Showers at effort 1: ours and theirs, for track lengths and for the profile.
TRACK_SHOWERS: Final = (20_000, 3000)
PROFILE_SHOWERS: Final = (1000, 200)
#: Where particles end, total energy, and where secondaries begin, GeV.
TRACK_CUT: Final = 1.0
PROFILE_CUT: Final = 0.01
PRODUCTION: Final = 0.005
#: Depths of the profile, X0.
DEPTH: Final = np.linspace(0.0, 40.0, 81)
#: Reactions whose rates are compared: name, incident, process (Geant4's name), GeV, cut in GeV.
RATES: Final = (
    ("photons above 0.5 GeV of a 10 GeV e-", "e-", "eBrem", 10.0, 0.5),
    ("photons above 5 GeV of a 100 GeV e-", "e-", "eBrem", 100.0, 5.0),
    ("pairs of a 10 GeV photon", "gamma", "conv", 10.0, 0.0),
    ("pairs of a 100 GeV photon", "gamma", "conv", 100.0, 0.0),
)
#: Known differences of the two programs, relative (docs/validation/geant4.md): of rates (Geant4's
#: fit to tables of pairs below 80 GeV), of track lengths (the same), of depths and of their spread
#: (plates and a mixture).
RATE: Final = 0.013
TRACK: Final = 0.01
PROFILE: Final = 0.005
SPREAD: Final = 0.02
_FAR: Final = 60.0  # X0 of lead: all of the shower
_BATCHES: Final = 10
_LEVELS: Final = (0.5, 0.9, 0.99)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(600)


def _integral(density: Callable[[float], float], low: float, high: float) -> float:
    """Integral of a density per ln x between two energies."""
    half = 0.5 * np.log(high / low)
    points = low * np.exp(half * (1.0 + _NODES))
    return float(half * np.sum(_WEIGHTS * [density(x) for x in points]))


def rate(process: str, energy: float, cut: float, item: Material) -> float:
    """Our reactions per X0: radiation ("eBrem") of photons above `cut`, or pairs ("conv"), GeV."""
    m = medium(item)
    if process == "eBrem":
        return _integral(
            lambda k: brems(energy, k, m.data.rows, m.data.mode), cut, energy - 1.001 * M_E
        )
    # the two leptons are alike: twice the half in which the electron is the softer one
    return 2.0 * _integral(
        lambda e: e * pair(energy, e, m.data.rows, m.data.mode), 1.0000001 * M_E, 0.5 * energy
    )


def track_job(n: int, seed: int, *, watch: bool = True) -> Geant4Job:
    """Showers in lead down to 1 GeV; `watch`: count track lengths (slower)."""
    lead = material("lead")
    return Geant4Job(
        "e-", ENERGY, n, lead, _FAR * lead.radiation_length_cm, PRODUCTION,
        stop=TRACK_CUT - M_E, edges=(*EDGES[:-1], 1.001 * ENERGY) if watch else (), seed=seed,
        key=(1,), questions=tuple(row[1:] for row in RATES),
    )  # fmt: skip


def _track_rows(n_ours: int, seed: int, run: Geant4Run) -> list[Compared]:
    lead = material("lead")
    edges = np.array(EDGES)
    mean = track_lengths("e-", ENERGY, lead, edges)
    single = simulate_showers(
        Shower("e-", ENERGY, lead, cut=TRACK_CUT), n_ours, edges=edges, seed=seed
    )
    x0, width = lead.radiation_length_cm, np.diff(edges)
    theirs = run.tracks / x0
    rows = [
        Compared(
            name,
            "1/X0",
            rate(process, energy, cut, lead),
            0.0,
            float(answer) * x0,
            0.0,
            tolerance=RATE,
        )
        for (name, _, process, energy, cut), answer in zip(RATES, run.answers, strict=True)
    ]
    for particle, s in PARTICLES.items():
        whole = float(mean.err[s] @ width)
        their_mean, their_error = mean_and_error(theirs[:, s].sum(axis=1))
        name = f"track of {particle} above 1 GeV"
        rows.append(
            Compared(f"{name}, equations", "X0", mean.total(particle), whole,
                     their_mean, their_error)
        )  # fmt: skip
        values = (single.electron, single.positron, single.photon)[s]
        error = float(np.sqrt(np.sum((single.err[s] * width) ** 2)))
        rows.append(
            Compared(
                f"track of {particle} above 1 GeV, Monte Carlo",
                "X0",
                float(values @ width),
                error,
                their_mean,
                their_error,
                "errors of bins added as if independent",
            )
        )
    for particle, s in list(PARTICLES.items())[:2]:
        values = (mean.electron, mean.positron)[s]
        for i, (low, high) in enumerate(pairwise(EDGES)):
            density, error = mean_and_error(theirs[:, s, i] / width[i])
            rows.append(
                Compared(
                    f"dL/dE of {particle}, {low:g} to {high:g} GeV",
                    "X0/GeV",
                    float(values[i]),
                    float(mean.err[s, i]),
                    density,
                    error,
                )
            )
    return rows[: len(RATES)] + [replace(row, tolerance=TRACK) for row in rows[len(RATES) :]]


def _containment(level: float, profile: Array) -> float:
    """Depth within which a fraction of the energy lies, X0."""
    inside = np.concatenate([[0.0], np.cumsum(profile)])
    return float(np.interp(level * inside[-1], inside, DEPTH))


def _profile_numbers(profiles: list[Array]) -> list[tuple[str, float, float]]:
    """(name, value, error) of mean depth profiles, energy per bin, one per batch."""
    centre = 0.5 * (DEPTH[1:] + DEPTH[:-1])
    numbers: dict[str, Callable[[Array], float]] = {
        "depth of the maximum": lambda p: peak_depth(DEPTH, p),
        "mean depth": lambda p: float(np.average(centre, weights=p)),
    }
    for level in _LEVELS:
        numbers[f"depth that holds {level:.0%}"] = partial(_containment, level)
    out = []
    for name, number in numbers.items():
        each = np.array([number(p) for p in profiles])
        out.append((name, *mean_and_error(each)))
    return out


def _profiles(job: Geant4Job, run: Geant4Run) -> Array:
    """Shares of the energy in the bins of DEPTH, (n, D), from those in the pieces.

    Inside a period of the stack the energy is spread evenly.
    """
    period = len(job.pieces[0])
    depth = job.boundaries[::period] / job.material.radiation_length_cm
    each = run.deposits.reshape(len(run.deposits), -1, period).sum(axis=2)
    inside = np.concatenate([np.zeros((len(each), 1)), np.cumsum(each, axis=1)], axis=1)
    at = np.array([np.interp(DEPTH, depth, row) for row in inside])
    return np.asarray(np.diff(at, axis=1) / inside[:, -1:])


def _profile_rows(n_ours: int, n_theirs: int, seed: int, progress: Progress) -> list[Compared]:
    target = load_experiment("na64e").target
    item = material(target.material)
    x0 = item.radiation_length_cm
    job = Geant4Job(
        "e-", ENERGY, n_theirs, item, DEPTH[-1] * x0, PRODUCTION, stop=PROFILE_CUT - M_E,
        deposits=True, seed=seed, key=(2,),
    )  # fmt: skip
    profiles = _profiles(job, run_geant4(job, progress))
    assert target.preshower is not None
    first = target.preshower.value
    shape = ShowerGeometry(sections=np.array([0.0, first, 1e9]), profile=DEPTH, lateral=True)
    samples = [
        simulate_showers(
            Shower("e-", ENERGY, item, cut=PROFILE_CUT),
            max(n_ours // _BATCHES, 2),
            geometry=shape,
            seed=seed,
            key=(b,),
        )
        for b in range(_BATCHES)
    ]
    ours = _profile_numbers([s.profile for s in samples])
    theirs = _profile_numbers([b.mean(axis=0) for b in np.array_split(profiles, _BATCHES)])
    note = "plates in Geant4, a homogeneous mixture in ours"
    rows = [
        Compared(f"{name}, lead-scintillator", "X0", value, error, their_value, their_error, note)
        for (name, value, error), (_, their_value, their_error) in zip(ours, theirs, strict=True)
    ]
    fraction = np.concatenate([s.fractions[:, 0, 0] for s in samples])
    count = int(np.searchsorted(DEPTH, first, side="right")) - 1
    their_fraction = profiles[:, :count].sum(axis=1)
    name = f"fraction of the energy in the first {first:g} X0"
    rows.append(
        Compared(name, "", *mean_and_error(fraction), *mean_and_error(their_fraction), note)
    )
    rows = [replace(row, tolerance=PROFILE) for row in rows]
    spread = (*_spread(fraction), *_spread(their_fraction))
    rows.append(Compared(f"spread of the {name}", "", *spread, note, SPREAD))
    return rows


def _spread(values: Array) -> tuple[float, float]:
    """Standard deviation of (n,) values and its error, from batches."""
    return mean_and_error(np.array([b.std(ddof=1) for b in np.array_split(values, _BATCHES)]))


def shower_rows(effort: float, seed: int, progress: Progress) -> list[Compared]:
    """Rates in lead, track lengths above 1 GeV in lead, depth profile in the NA64-e calorimeter.

    effort : scales the numbers of showers. The radiation of electrons below 1 GeV is ours in both
    unless the environment names Geant4's data (`geant4_tables`): it enters the profile only.
    """
    n_ours, n_theirs = (max(100, round(effort * n)) for n in TRACK_SHOWERS)
    run = run_geant4(track_job(n_theirs, seed), lambda done: progress(0.4 * done))
    rows = _track_rows(n_ours, seed, run)
    n_ours, n_theirs = (max(2 * _BATCHES, round(effort * n)) for n in PROFILE_SHOWERS)
    return rows + _profile_rows(n_ours, n_theirs, seed, lambda done: progress(0.4 + 0.6 * done))
