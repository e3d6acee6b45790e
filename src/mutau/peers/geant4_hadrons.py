"""The same hadronic showers in iron in Geant4 and in ours: depth, and energy back out of a pole.

Geant4 runs a whole list with hadrons on stand-ins for its data sets (`geant4_tables`); neutrons
below STOP leave their energy where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.matter.materials import material
from mutau.peers import Compared, Progress, mean_and_error
from mutau.peers.geant4_jobs import Geant4Job, Geant4Run, run_geant4
from mutau.transport.hadron_shower import ShowerBlock, containment, simulate_hadron_showers

Array = NDArray[np.float64]

LIST: Final = "FTFP_BERT"
#: Depth: pions of this energy, and the length of iron in slices, cm.
PION: Final = 50.0
LENGTH: Final = 400.0
SLICE: Final = 2.0
LEVELS: Final = (0.9, 0.95)
#: Surface: K_L of this energy along a pole, so many cm below it.
KAON: Final = 50.0
BELOW: Final = 0.5
#: Production thresholds and end of particles in Geant4, GeV.
PRODUCTION: Final = 0.005
STOP: Final = 0.002
#: Showers at effort 1: (ours, theirs) of the depth and of the surface.
DEPTH_SHOWERS: Final = (40, 60)
SURFACE_SHOWERS: Final = (160, 60)
#: What models of final states differ by, relative: of depths and of energy out of the surface
#: (docs/validation/hadron_showers.md).
DEPTH: Final = 0.1
SURFACE: Final = 0.05
_BATCHES: Final = 10


def depth_job(n: int, seed: int) -> Geant4Job:
    """n pions along z from the face of iron."""
    return Geant4Job(
        "pi-", PION, n, material("iron"), LENGTH, PRODUCTION, stop=STOP, half_width=300.0,
        deposits=True, slice=SLICE, hadronic=LIST, seed=seed, key=(5,),
    )  # fmt: skip


def surface_job(n: int, seed: int) -> Geant4Job:
    """n K_L along z, below the side of iron."""
    return Geant4Job(
        "kaon0L", KAON, n, material("iron"), LENGTH, PRODUCTION, stop=STOP, half_width=300.0,
        hadronic=LIST, below=BELOW, watch_side=True, seed=seed, key=(6,),
    )  # fmt: skip


def _levels(profiles: Array, width: float) -> list[tuple[float, float]]:
    """(depth, error) that holds each of LEVELS of the energy of (n, bins) profiles."""
    batches = [part.sum(axis=0) for part in np.array_split(profiles, _BATCHES)]
    return [
        mean_and_error(np.array([containment(part, width, level) for part in batches]))
        for level in LEVELS
    ]


def _depth_rows(n_ours: int, seed: int, run: Geant4Run) -> list[Compared]:
    block = ShowerBlock(material("iron"), LENGTH, bins=round(LENGTH / SLICE), width=SLICE)
    sample = simulate_hadron_showers("pi-", PION, block, n_ours, seed=seed)
    return [
        Compared(f"{level:.0%} of the energy of {PION:g} GeV pi- in iron within", "cm", *ours,
                 *theirs, "all energy left, from the face; UrQMD and Pythia in ours", DEPTH)
        for level, ours, theirs in zip(
            LEVELS, _levels(sample.depth, SLICE), _levels(run.deposits, SLICE), strict=True
        )
    ]  # fmt: skip


def _surface_rows(n_ours: int, seed: int, run: Geant4Run) -> list[Compared]:
    gap = 5.5
    pole = ShowerBlock(material("iron"), LENGTH, half_x=1e6, half_y=gap)
    start = (0.0, gap + BELOW, 0.0, 0.0)
    sample = simulate_hadron_showers("K_L", KAON, pole, n_ours, start=start, seed=seed)
    *energies, _ = run.side.T
    return [
        Compared(f"{KAON:g} GeV K_L {BELOW:g} cm below a pole: energy into the gap", "GeV",
                 *mean_and_error(sample.into_gap), *mean_and_error(np.sum(energies, axis=0)),
                 "kinetic energy of hadrons in both", SURFACE),
    ]  # fmt: skip


def hadron_rows(effort: float, seed: int, progress: Progress) -> list[Compared]:
    """Depth and surface. effort : scales the samples of both programs."""

    def half(first: float) -> Callable[[float], None]:
        return lambda done: progress(first + 0.5 * done)

    ours, theirs = (max(int(n * effort), 2 * _BATCHES) for n in DEPTH_SHOWERS)
    rows = _depth_rows(ours, seed, run_geant4(depth_job(theirs, seed), half(0.0)))
    ours, theirs = (max(int(n * effort), 4) for n in SURFACE_SHOWERS)
    return rows + _surface_rows(ours, seed, run_geant4(surface_job(theirs, seed), half(0.5)))
