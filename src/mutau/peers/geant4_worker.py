"""The process in which Geant4 runs: `python -m mutau.peers.geant4_worker JOB.json OUT.npz LOG`.

Geant4 can be initialised once per process and writes to standard output as it likes: so it gets a
process of its own, started by `geant4_jobs`, whose output goes to LOG. What this process says to
its parent is the fraction done, one number per line. Units here are Geant4's: MeV, mm.
"""

from __future__ import annotations

import json
import os
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np

#: Constructors of standard electromagnetic physics, by the name a job calls them.
PHYSICS: Final = {
    "option0": "G4EmStandardPhysics",
    "option1": "G4EmStandardPhysics_option1",
    "option2": "G4EmStandardPhysics_option2",
    "option3": "G4EmStandardPhysics_option3",
}
_SPECIES: Final = {11: 0, -11: 1, 22: 2}
_OTHER: Final = 3
#: Columns of what leaves through the side: charged hadrons are 0, the rest 4.
_SIDES: Final = {22: 1, 11: 2, 2112: 3}
_FAR: Final = 1e30
_CUT_RANGE: Final = 1e7  # mm, longer than anything goes
_PIECES: Final = 40  # of a run, after which progress is reported
_VACUUM: Final = 1e-25  # g/cm^3
_GAP: Final = 1.0  # mm of vacuum around the layers
#: Nuclear interactions of muons alone: those of real photons (and electrons with them) need data.
_NUCLEAR: Final = ("/physics_lists/em/MuonNuclear true", "/physics_lists/em/GammaNuclear false")
_INSIDE: Final = 1e-6  # mm below the first face, where particles start

Job = dict[str, Any]


def _material(g4: Any, spec: Job) -> Any:
    """A material of the job: Geant4's own where it names one, else from elements."""
    if spec["nist"]:
        return g4.G4NistManager.Instance().FindOrBuildMaterial(spec["nist"])
    per_cm3 = g4.g / g4.cm3
    made = g4.G4Material(spec["name"], spec["density"] * per_cm3, len(spec["elements"]))
    for z, fraction in spec["elements"]:
        made.AddElement(g4.G4NistManager.Instance().FindOrBuildElement(z), float(fraction))
    made.GetIonisation().SetMeanExcitationEnergy(spec["excitation_eV"] * 1e-6)
    return made


def _scorer(g4: Any) -> Any:
    """Sums the energy left in every piece of the target, by its number."""
    detector, sums = g4.G4MultiFunctionalDetector("target"), g4.G4PSEnergyDeposit("deposit")
    detector.RegisterPrimitive(sums)
    return detector, sums


def _detector(g4: Any, job: Job, exit_plane: Any) -> Any:
    """Layers across z from 0 on, in a vacuum; particles below `stop` end where they are."""
    depth = sum(thickness for _, thickness in job["layers"]) * job["repeats"]
    half = job["half_width"]

    class Layers(g4.G4VUserDetectorConstruction):
        def Construct(self) -> Any:
            """The world: a vacuum, the layers in it, a thin plane behind."""
            self.limits = g4.G4UserLimits(_FAR, _FAR, _FAR, job["stop"])
            made = [_material(g4, spec) for spec in job["materials"]]
            vacuum = g4.G4Material("vacuum", _VACUUM * g4.g / g4.cm3, 1)
            vacuum.AddElement(made[0].GetElement(0), 1.0)  # needs no tables of its own
            self.kept = [g4.G4Box("world", half + _GAP, half + _GAP, depth + 2.0 * _GAP)]
            world = g4.G4LogicalVolume(self.kept[0], vacuum, "world")
            logical = []
            for index, thickness in job["layers"]:
                box = g4.G4Box("layer", half, half, 0.5 * thickness)
                volume = g4.G4LogicalVolume(box, made[index], "layer")
                volume.SetUserLimits(self.limits)
                self.kept.append(box)
                logical.append(volume)
            z = 0.0
            for period in range(job["repeats"]):
                for i, (_, thickness) in enumerate(job["layers"]):
                    number = period * len(logical) + i
                    self._place(logical[i], z + 0.5 * thickness, world, number)
                    z += thickness
            box = g4.G4Box("exit", half, half, 0.05 * _GAP)
            self.exit = g4.G4LogicalVolume(box, vacuum, "exit")
            self.kept.append(box)
            self._place(self.exit, depth + 0.1 * _GAP, world, 0)
            self.kept += logical
            self.plates = logical
            return g4.G4PVPlacement(None, g4.G4ThreeVector(), world, "world", None, False, 0)

        def _place(self, volume: Any, z: float, world: Any, copy: int) -> None:
            at = g4.G4ThreeVector(0.0, 0.0, z)
            placed = g4.G4PVPlacement(None, at, volume, volume.GetName(), world, False, copy)
            self.kept.append(placed)

        def ConstructSDandField(self) -> None:
            """What leaves through the back is seen, and what is left in each piece."""
            if exit_plane is not None:
                g4.G4SDManager.GetSDMpointer().AddNewDetector(exit_plane)
                self.SetSensitiveDetector(self.exit, exit_plane)
            if job["deposits"]:
                self.scorer = _scorer(g4)
                g4.G4SDManager.GetSDMpointer().AddNewDetector(self.scorer[0])
                for volume in self.plates:
                    self.SetSensitiveDetector(volume, self.scorer[0])

    return Layers()


def _physics(g4: Any, job: Job) -> Any:
    """Electromagnetic physics, where asked that of muons and nuclei or of hadrons, and the end
    below `stop`."""
    if job["hadronic"]:
        plist = getattr(g4, job["hadronic"])()
        plist.SetVerboseLevel(0)
        limits = g4.G4StepLimiterPhysics()
        limits.SetApplyToAll(True)
        plist.RegisterPhysics(limits)
        return plist, [limits]
    plist = g4.G4VModularPhysicsList()
    plist.SetVerboseLevel(0)
    parts = [getattr(g4, PHYSICS[job["physics"]])(), g4.G4StepLimiterPhysics()]
    parts[1].SetApplyToAll(True)
    if job["nuclear"]:
        parts += [g4.G4EmExtraPhysics(), g4.G4DecayPhysics()]
    for part in parts:
        plist.RegisterPhysics(part)
    return plist, parts


def _gun(g4: Any, job: Job) -> Any:
    """One particle along z into the middle of the first layer."""

    class Gun(g4.G4VUserPrimaryGeneratorAction):
        def __init__(self) -> None:
            super().__init__()
            self.gun = g4.G4ParticleGun(1)
            self.gun.SetParticleByName(job["particle"])
            self.gun.SetParticleEnergy(job["kinetic"])
            self.gun.SetParticlePosition(g4.G4ThreeVector(0.0, job["start_y"], _INSIDE))
            self.gun.SetParticleMomentumDirection(g4.G4ThreeVector(0.0, 0.0, 1.0))

        def GeneratePrimaries(self, event: Any) -> None:
            """Called by Geant4 at the start of an event."""
            self.gun.GeneratePrimaryVertex(event)

    return Gun()


class Ledger:
    """What a run counts, event by event: track by energy, energy by piece, what leaves."""

    def __init__(self, job: Job) -> None:
        self.edges: list[float] = job["edges"]
        self.pieces: int = job["repeats"] * len(job["layers"]) if job["deposits"] else 0
        self.n = 0
        self.tracks: list[list[list[float]]] = []
        self.deposits: list[list[float]] = []
        self.leaving: list[list[float]] = []
        self.sides: list[list[float]] = []
        self.clear()

    def clear(self) -> None:
        """Empty sheets for the next event."""
        self.track = [[0.0] * max(len(self.edges) - 1, 0) for _ in _SPECIES]
        self.deposit = [0.0] * self.pieces
        self.left = [0.0] * 6
        self.side = [0.0] * 6

    def close(self) -> None:
        """The event is over."""
        self.n += 1
        if self.edges:
            self.tracks.append(self.track)
        if self.pieces:
            self.deposits.append(self.deposit)
        self.leaving.append(self.left)
        self.sides.append(self.side)
        self.clear()

    def add_track(self, species: int, energy: float, lost: float, length: float) -> None:
        """A step from `energy` (total) that loses `lost` evenly along `length`."""
        edges = self.edges
        low = energy - lost
        first, last = bisect_right(edges, low) - 1, bisect_right(edges, energy) - 1
        track = self.track[species]
        if first == last:
            if 0 <= first < len(track):
                track[first] += length
            return
        per_energy = length / lost
        for i in range(max(first, 0), min(last + 1, len(track))):
            track[i] += per_energy * (min(energy, edges[i + 1]) - max(low, edges[i]))

    def arrays(self, n: int) -> dict[str, np.ndarray]:
        """The last n events: tracks (n, 3, K) mm, deposits (n, P) MeV, leaving (n, 6)."""
        return {
            "tracks": np.array(self.tracks[-n:] if self.tracks else np.zeros((n, 3, 0))),
            "deposits": np.array(self.deposits[-n:] if self.deposits else np.zeros((n, 0))),
            "leaving": np.array(self.leaving[-n:]),
            "side": np.array(self.sides[-n:]),
        }


def _step_action(g4: Any, ledger: Ledger) -> Any:
    """Every step into the ledger: slow, for what only steps report."""

    class Steps(g4.G4UserSteppingAction):
        def UserSteppingAction(self, step: Any) -> None:
            """Called by Geant4 at the end of a step."""
            species = _SPECIES.get(step.GetTrack().GetDefinition().GetPDGEncoding(), _OTHER)
            before = step.GetPreStepPoint()
            length = step.GetStepLength()
            if species != _OTHER and length > 0.0:
                lost = step.GetTotalEnergyDeposit()
                ledger.add_track(species, before.GetTotalEnergy(), lost, length)

    return Steps()


def _side_action(g4: Any, ledger: Ledger, half: float) -> Any:
    """What goes out through the face y = half into the ledger."""

    class Side(g4.G4UserSteppingAction):
        def UserSteppingAction(self, step: Any) -> None:
            """Called by Geant4 at the end of a step."""
            after = step.GetPostStepPoint()
            if after.GetStepStatus() != g4.fGeomBoundary or after.GetPosition().y < half - 1e-6:
                return
            if step.GetPreStepPoint().GetPosition().y >= half - 1e-6:
                return  # already outside
            definition = step.GetTrack().GetDefinition()
            code, charged = definition.GetPDGEncoding(), definition.GetPDGCharge() != 0.0
            column = _SIDES.get(abs(code), 0 if charged else 4)
            ledger.side[column] += after.GetKineticEnergy()
            ledger.side[5] += 1.0 if charged else 0.0

    return Side()


def _event_action(g4: Any, ledger: Ledger) -> Any:
    class EventEnd(g4.G4UserEventAction):
        place = -1

        def EndOfEventAction(self, event: Any) -> None:
            """Called by Geant4."""
            if ledger.pieces:
                if self.place < 0:
                    self.place = g4.G4SDManager.GetSDMpointer().GetCollectionID("target/deposit")
                for number, energy in event.GetHCofThisEvent().GetHC(self.place):
                    ledger.deposit[number] = energy
            ledger.close()

    return EventEnd()


def _exit_plane(g4: Any, ledger: Ledger) -> Any:
    """Energy, momentum and place of the primary where it leaves."""

    class Exit(g4.G4VSensitiveDetector):
        def ProcessHits(self, step: Any, history: Any) -> bool:
            """Called by Geant4 in the plane behind the layers."""
            track = step.GetTrack()
            if track.GetParentID() == 0 and ledger.left[0] == 0.0:
                before = step.GetPreStepPoint()
                p, x = before.GetMomentum(), before.GetPosition()
                ledger.left = [before.GetTotalEnergy(), p.x, p.y, p.z, x.x, x.y]
            return True

    return Exit("exit")


def _only_primaries(g4: Any) -> Any:
    """Secondaries are not followed: their energy is lost for the primary all the same."""

    class Primaries(g4.G4UserStackingAction):
        def ClassifyNewTrack(self, track: Any) -> Any:
            """Called by Geant4 for every new particle."""
            return g4.fKill if track.GetParentID() > 0 else g4.fUrgent

    return Primaries()


def _set_thresholds(g4: Any, production: float) -> None:
    """Secondaries begin at `production`, MeV, in every material.

    Geant4 takes ranges and turns them into energies on a grid of 50 points a decade. No energy of
    the grid has a range like _CUT_RANGE, so the answer is its last point but one.
    """
    highest = production * 10.0**0.02
    g4.G4ProductionCutsTable.GetProductionCutsTable().SetEnergyRange(1e-4 * highest, highest)


def _check_thresholds(g4: Any, job: Job) -> None:
    """Raises RuntimeError where a threshold is not the one asked for."""
    table = g4.G4ProductionCutsTable.GetProductionCutsTable()
    for spec in job["materials"]:
        name = spec["nist"] or spec["name"]
        there = g4.G4Material.GetMaterial(name)
        for particle in (g4.G4Gamma.Gamma(), g4.G4Electron.Electron()):
            got = table.ConvertRangeToEnergy(particle, there, _CUT_RANGE)
            if abs(got / job["production"] - 1.0) > 1e-3:
                raise RuntimeError(
                    f"production threshold of {particle.GetParticleName()} in {name} is {got} MeV, "
                    f"not {job['production']} MeV"
                )


def run(job: Job, report: Callable[[float], None]) -> dict[str, np.ndarray]:
    """Geant4 for one job; arrays as `Ledger.arrays`, and seconds, answers, version."""
    import geant4_pybind as g4

    ledger = Ledger(job)
    manager = g4.G4RunManager()
    plane = _exit_plane(g4, ledger) if job["watch_exit"] else None
    detector, (plist, _parts) = _detector(g4, job, plane), _physics(g4, job)
    manager.SetUserInitialization(detector)
    manager.SetUserInitialization(plist)  # before any action exists
    actions = [_gun(g4, job), _event_action(g4, ledger)]
    if job["watch_steps"]:
        actions.append(_step_action(g4, ledger))
    if job["watch_side"]:
        actions.append(_side_action(g4, ledger, job["half_width"]))
    if not job["secondaries"]:
        actions.append(_only_primaries(g4))
    for action in actions:
        manager.SetUserAction(action)
    ui = g4.G4UImanager.GetUIpointer()
    for command in (
        "/run/verbose 0", "/process/em/verbose 0", "/run/particle/verbose 0",
        f"/run/setCut {_CUT_RANGE!r} mm", *(_NUCLEAR if job["nuclear"] else ()), *job["commands"],
    ):  # fmt: skip
        ui.ApplyCommand(command)
    _set_thresholds(g4, job["production"])
    g4.HepRandom.setTheSeed(job["seed"])
    manager.Initialize()
    manager.BeamOn(1)  # builds the tables; not counted
    _check_thresholds(g4, job)
    said = {"version": np.array(str(g4.G4Version)), "answers": np.array(_answers(g4, job))}
    return _count(manager, ledger, job["n"], report) | said


def _answers(g4: Any, job: Job) -> list[float]:
    """Reactions per mm, averaged over the layers, for each question of the job."""
    calculator = g4.G4EmCalculator()
    depth = sum(thickness for _, thickness in job["layers"])
    names = [spec["nist"] or spec["name"] for spec in job["materials"]]
    return [
        sum(
            thickness / depth * calculator.ComputeCrossSectionPerVolume(
                kinetic, particle, process, names[index], cut
            )
            for index, thickness in job["layers"]
        )
        for particle, process, kinetic, cut in job["questions"]
    ]  # fmt: skip


def _count(
    manager: Any, ledger: Ledger, n: int, report: Callable[[float], None]
) -> dict[str, np.ndarray]:
    """The run itself in pieces, so that the parent hears of it and its end is noticed."""
    parent, seconds = os.getppid(), 0.0
    for low, high in pairwise(sorted({round(n * i / _PIECES) for i in range(_PIECES + 1)})):
        start = time.process_time()
        manager.BeamOn(high - low)
        seconds += time.process_time() - start
        if os.getppid() != parent:
            raise SystemExit("the program that asked is gone")
        report(high / n)
    return ledger.arrays(n) | {"seconds": np.array(seconds)}


def _quiet(log: str) -> TextIO:
    """Everything this process prints goes to `log`; returns the way to the parent."""
    parent = os.fdopen(os.dup(1), "w")
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    return parent


def main(arguments: list[str]) -> None:
    """Read the job, run it, write the arrays."""
    source, target, log = arguments
    parent = _quiet(log)
    with suppress(ImportError):  # Geant4 ends by abort(): no core files, where there are any
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    job = json.loads(Path(source).read_text(encoding="utf-8"))

    def report(fraction: float) -> None:
        print(f"{fraction:.4f}", file=parent, flush=True)

    arrays: dict[str, Any] = dict(run(job, report))
    np.savez(target, **arrays)
    sys.stdout.flush()
    parent.flush()
    os._exit(0)  # the destructors of Geant4 and those of Python disagree about who deletes what


if __name__ == "__main__":
    main(sys.argv[1:])
