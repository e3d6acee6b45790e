"""Geant4 beside ours: showers of electrons and of hadrons, and muons in a thick target.

Reached through geant4-pybind, which brings the program without its data sets: electromagnetic
physics runs, so do interactions of muons with nuclei where the hadrons that they make are not
followed (`G4EmExtraPhysics`, those of real photons off, and `G4DecayPhysics`), and whole lists with
hadrons on stand-ins for the data at low energies (`geant4_tables`). Each run is a process of its
own (`geant4_jobs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from mutau.peers import CROSSCHECKS, Compared, Crosscheck, Progress

#: Module that Geant4 is reached through.
PACKAGE: Final = "geant4_pybind"
_PEER: Final = "Geant4"

Run = Callable[[float, int, Progress], Sequence[Compared]]


def _showers(effort: float, seed: int, progress: Progress) -> Sequence[Compared]:
    from mutau.peers.geant4_showers import shower_rows

    return shower_rows(effort, seed, progress)


def _muons(effort: float, seed: int, progress: Progress) -> Sequence[Compared]:
    from mutau.peers.geant4_muons import muon_rows

    return muon_rows(effort, seed, progress)


def _hadrons(effort: float, seed: int, progress: Progress) -> Sequence[Compared]:
    from mutau.peers.geant4_hadrons import hadron_rows

    return hadron_rows(effort, seed, progress)


for _name, _about, _run in (
    (
        "showers",
        "100 GeV e-: track lengths above 1 GeV in lead, depth profile in the calorimeter of NA64-e",
        _showers,
    ),
    (
        "muons",
        "160 GeV mu-: energy loss and scattering in the 40 X0 calorimeter of NA64mu",
        _muons,
    ),
    (
        "hadrons",
        "iron: depth of 50 GeV pi- showers, energy of 50 GeV K_L out of a pole",
        _hadrons,
    ),
):
    CROSSCHECKS.register(_name)(Crosscheck(_PEER, PACKAGE, _about, _run))
