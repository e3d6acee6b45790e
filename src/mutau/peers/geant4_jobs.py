"""Asking Geant4: a job as data, run in a process of its own, its answer as arrays.

Everything lives in a temporary folder that is removed however the run ends; Geant4's own output
stays there and is shown only when it fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from mutau.core.constants import M_E, M_MU, M_P, M_PI
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.random import stream
from mutau.matter.materials import Material
from mutau.peers.geant4_tables import data_environment, write_hadron_tables, write_tables

_MASS: Final = {
    "e-": M_E, "e+": M_E, "gamma": 0.0, "mu-": M_MU, "mu+": M_MU, "pi-": M_PI, "proton": M_P,
    "kaon0L": 0.497611,
}  # fmt: skip
#: Whole lists of physics, with hadrons.
_LISTS: Final = ("FTFP_BERT", "QGSP_BERT")
#: Our materials that Geant4 knows by itself, with the same density and composition.
_NIST: Final = {"lead": "G4_Pb", "polystyrene": "G4_POLYSTYRENE", "iron": "G4_Fe"}
_LOG_LINES: Final = 20
_BIG: Final = 1e12  # mm


@dataclass(frozen=True)
class Geant4Job:
    """One run. Energies GeV, lengths cm.

    particle, energy : incident along z, total energy. n : how many. seed : of Geant4's stream.
    material, thickness : of the target, cm; a stack of layers is built plate by plate, as many
        whole periods as reach `thickness`. half_width : of the target, cm.
    production : kinetic energy from which secondaries are made, GeV. stop : kinetic energy below
        which a particle ends and leaves its energy, GeV. physics : "option0" to "option3".
    edges : rising total energies, GeV, between which track lengths are counted.
    deposits : sum the energy left in every plate, or in slices of about `slice` cm of a homogeneous
        material (0: one).
    watch_exit : record the primary behind the target. secondaries : follow what it makes.
    nuclear : with interactions of muons and nuclei (`G4EmExtraPhysics`; those of real photons off,
        hadrons are not followed).
    hadronic : a whole list with hadrons, "FTFP_BERT" or "QGSP_BERT", instead of `physics`; "" for
        none. below : cm below the face y = half_width at which particles enter, 0 for the middle.
        watch_side : sum the kinetic energy that goes out through that face, by `Geant4Run.side`.
    questions : (particle, process as Geant4 calls it, total energy, cut) of reactions per cm whose
        secondary has more than the cut, GeV. commands : further lines for Geant4's command
        interpreter.
    """

    particle: str
    energy: float
    n: int
    material: Material
    thickness: float
    production: float
    stop: float = 0.0
    half_width: float = 1000.0
    physics: str = "option0"
    edges: tuple[float, ...] = ()
    deposits: bool = False
    slice: float = 0.0
    watch_exit: bool = False
    secondaries: bool = True
    nuclear: bool = False
    hadronic: str = ""
    below: float = 0.0
    watch_side: bool = False
    seed: int = 1
    key: tuple[int, ...] = ()
    questions: tuple[tuple[str, str, float, float], ...] = ()
    commands: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.particle not in _MASS:
            raise UnknownName("particle", self.particle, _MASS)
        if self.nuclear and self.secondaries:
            raise MutauError(
                "nuclear interactions make hadrons, whose physics needs Geant4's data sets",
                place="nuclear", remedy="ask for secondaries=False",
            )  # fmt: skip
        if self.hadronic and self.hadronic not in _LISTS:
            raise UnknownName("list of physics", self.hadronic, _LISTS)
        if self.n < 1:
            raise OutOfRange(f"{self.n} events", allowed="1 or more")

    @property
    def pieces(self) -> tuple[tuple[tuple[Material, float], ...], int]:
        """((material, cm), ...) of one period, and how many periods the target has."""
        one = self.slice or self.thickness
        count = max(1, round(self.thickness / one))
        layers = self.material.layers or ((self.material, self.thickness / count),)
        return layers, max(1, round(self.thickness / sum(t for _, t in layers)))

    @property
    def boundaries(self) -> np.ndarray:
        """Depths of the faces between the pieces, from 0 on, cm."""
        layers, repeats = self.pieces
        return np.concatenate([[0.0], np.cumsum([t for _, t in layers] * repeats)])

    def document(self) -> dict[str, Any]:
        """The job as the worker reads it, in MeV and mm."""
        layers, repeats = self.pieces
        return {
            "particle": self.particle,
            "kinetic": 1e3 * (self.energy - _MASS[self.particle]),
            "n": self.n,
            "seed": int(stream(self.seed, *self.key).integers(1, 2**31 - 1)),
            "materials": [_described(item) for item, _ in layers],
            "layers": [(index, 10.0 * t) for index, (_, t) in enumerate(layers)],
            "repeats": repeats,
            "half_width": 10.0 * self.half_width,
            "production": 1e3 * self.production,
            "stop": 1e3 * self.stop,
            "physics": self.physics,
            "edges": [1e3 * e for e in self.edges],
            "deposits": self.deposits,
            "watch_steps": bool(self.edges),
            "watch_exit": self.watch_exit,
            "secondaries": self.secondaries,
            "nuclear": self.nuclear,
            "hadronic": self.hadronic,
            "start_y": 10.0 * (self.half_width - self.below) if self.below else 0.0,
            "watch_side": self.watch_side,
            "questions": [
                (particle, process, 1e3 * (energy - _MASS[particle]), 1e3 * cut)
                for particle, process, energy, cut in self.questions
            ],
            "commands": list(self.commands),
        }


@dataclass(frozen=True, eq=False)
class Geant4Run:
    """What came back; one row per incident particle.

    tracks : (n, 3, K) cm of e-, e+ and photons in each bin of energy.
    deposits : (n, P) GeV in each piece, along z; a positron that is stopped leaves only its kinetic
        energy.
    leaving : (n, 6) total energy, momentum (GeV) and x, y (cm) of the primary behind the target, 0
        where it did not get there.
    side : (n, 6) kinetic energy out through the face y = half_width: charged hadrons, photons,
        electrons and positrons, neutrons, everything else; and the number of charged particles.
    answers : (Q,) reactions per cm, in the order of the questions.
    seconds : processor time of the run without its initialisation. version : of Geant4.
    """

    tracks: np.ndarray
    deposits: np.ndarray
    leaving: np.ndarray
    side: np.ndarray
    answers: np.ndarray
    seconds: float
    version: str


def _described(item: Material) -> dict[str, Any]:
    return {
        "name": item.name,
        "nist": _NIST.get(item.name, ""),
        "density": item.density,
        "excitation_eV": item.mean_excitation_energy,
        "elements": [(int(e.z), fraction) for e, fraction in item.elements],
    }


def run_geant4(job: Geant4Job, progress: Callable[[float], None] | None = None) -> Geant4Run:
    """Run a job in a process of its own and wait for it.

    progress : called with the fraction done. Raises MutauError, with the last lines that Geant4
    printed, where the process fails; an interrupt ends the process first.
    """
    with tempfile.TemporaryDirectory(prefix="mutau-geant4-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        items = [item for item, _ in job.material.layers] or [job.material]
        write_tables(data, items)
        if job.hadronic:
            write_hadron_tables(data)
        source, target, log = (folder / part for part in ("job.json", "run.npz", "geant4.log"))
        source.write_text(json.dumps(job.document()), encoding="utf-8")
        status = _wait(folder, data, [str(source), str(target), str(log)], progress)
        if status != 0 or not target.exists():
            raise _failure(status, log)
        with np.load(target) as arrays:
            leaving = arrays["leaving"].copy()
            leaving[:, :4] *= 1e-3
            leaving[:, 4:] *= 0.1
            return Geant4Run(
                0.1 * arrays["tracks"],
                1e-3 * arrays["deposits"],
                leaving,
                arrays["side"] * np.array([1e-3] * 5 + [1.0]),
                10.0 * arrays["answers"],
                float(arrays["seconds"]),
                str(arrays["version"]).strip("$ ").removeprefix("Name: "),
            )


def _wait(
    folder: Path, data: Path, arguments: list[str], progress: Callable[[float], None] | None
) -> int:
    """Start the worker, pass on what it tells, and return its exit status."""
    command = [sys.executable, "-m", "mutau.peers.geant4_worker", *arguments]
    environment = {**os.environ, **data_environment(data), "OMP_NUM_THREADS": "1"}
    # geant4-pybind takes CI=true as leave to fetch data sets and to tidy its folder at home
    environment.pop("CI", None)
    # a session of its own: an interrupt at the keyboard reaches us, and we end the worker
    with (
        (folder / "python.log").open("wb") as errors,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=errors, text=True, start_new_session=True,
        ) as worker,
    ):  # fmt: skip
        try:
            assert worker.stdout is not None
            for line in worker.stdout:
                if progress is not None:
                    progress(float(line))
            return worker.wait()
        finally:
            worker.kill()


def _failure(status: int, log: Path) -> MutauError:
    """The error for a worker that failed, with what it printed last."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in
             (log, log.with_name("python.log")) if path.exists()]  # fmt: skip
    lines = [line.strip() for line in "\n".join(texts).splitlines() if line.strip(" -*\n")]
    said = " | ".join(lines[-_LOG_LINES:]) or "it printed nothing"
    return MutauError(
        f"Geant4 ended with status {status}: {said}",
        remedy="check that `python -c 'import geant4_pybind'` runs with every G4*DATA variable of "
        "the environment either unset or pointing to Geant4's own data",
    )
