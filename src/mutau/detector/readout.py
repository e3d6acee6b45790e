"""What of a set-up is read out: trackers, counters with their logic, modules and cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.detector.calorimeters import module_resolution
from mutau.matter.materials import material
from mutau.transport.pieces import Pieces
from mutau.transport.setup import Places, Setup, compile_setup

if TYPE_CHECKING:
    from mutau.experiment.schema import Calorimeter, Experiment, Target

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Readout:
    """A `Setup` and what is read out of it.

    start : cm, of everything. target_z : (face, back) cm. deposits : numbers in the deposits of an
    event, `places` where.
    planes, plane_z : trackers along z. counters : names; `trigger`, `veto`, `beam` : bits of the
    counters that must fire, must not, and make the beam trigger. thresholds : (C,) GeV.
    modules : names, the target first. em, hadronic, constant : (M,) resolution terms of
    `calorimeters.module_resolution`. noise, floor : (M,) GeV, rms and smallest energy recorded.
    cells : names, module[column,row], and cell_module : (K,) int64, the module of each; empty
    unless asked for.
    """

    setup: Setup
    start: float
    target_z: tuple[float, float]
    deposits: int
    places: Places
    planes: tuple[str, ...]
    plane_z: Array
    counters: tuple[str, ...]
    trigger: int
    veto: int
    beam: int
    thresholds: Array
    modules: tuple[str, ...]
    em: Array
    hadronic: Array
    constant: Array
    noise: Array
    floor: Array
    cells: tuple[str, ...]
    cell_module: NDArray[np.int64]


def _modules(experiment: Experiment) -> list[tuple[str, Target | Calorimeter, bool]]:
    """(name, module, whether it is made for electrons) of all calorimeters, the target first."""
    found: list[tuple[str, Target | Calorimeter, bool]] = [("target", experiment.target, True)]
    found += [(c.name, c, c.kind in ("ecal", "srd")) for c in experiment.detector.calorimeter]
    return found


def _place_cells(
    modules: list[tuple[str, Target | Calorimeter, bool]], pieces: Pieces, places: Places
) -> list[tuple[str, int]]:
    """Give the cells of all modules of finite size a place; (name, index of the module) of each."""
    found: list[tuple[str, int]] = []
    for index, (name, module, _) in enumerate(modules):
        own = np.flatnonzero(pieces["em"] == places.em + index)
        if not own.size or not module.width or not module.height:
            continue
        columns, lines = module.cells
        pieces["cells"][own] = places.cells + len(found)
        pieces["n_columns"][own], pieces["n_lines"][own] = columns, lines
        found += [(f"{name}[{i},{j}]", index) for j in range(lines) for i in range(columns)]
    return found


@lru_cache(maxsize=16)
def build_readout(experiment: Experiment, cells: bool = False) -> Readout:
    """The set-up of an experiment and what is read out. Raises MutauError for what cannot be
    simulated.

    cells : with the cells of the calorimeters, which takes more time and memory.
    """
    detector, modules = experiment.detector, _modules(experiment)
    compiled = compile_setup(experiment)
    pieces = compiled.setup.pieces.copy()
    placed = _place_cells(modules, pieces, compiled.places) if cells else []
    trackers = sorted(detector.tracker, key=lambda item: item.z)
    resolutions = np.array(
        [module_resolution(m, material(m.material), electromagnetic=em) for _, m, em in modules]
    )
    return Readout(
        setup=compiled.setup._replace(pieces=pieces),
        start=compiled.start,
        target_z=compiled.target_z,
        deposits=compiled.places.cells + len(placed),
        places=compiled.places,
        planes=tuple(item.name for item in trackers),
        plane_z=np.array([item.z for item in trackers], float),
        counters=tuple(item.name for item in detector.counter),
        **_triggers(experiment),
        thresholds=np.array([item.threshold for item in detector.counter], float),
        modules=tuple(name for name, _, _ in modules),
        em=resolutions[:, 0],
        hadronic=resolutions[:, 1],
        constant=resolutions[:, 2],
        noise=np.array([m.noise for _, m, _ in modules], float),
        floor=np.array([getattr(m, "threshold", 0.0) for _, m, _ in modules], float),
        cells=tuple(name for name, _ in placed),
        cell_module=np.array([index for _, index in placed], np.int64),
    )


def _triggers(experiment: Experiment) -> dict[str, int]:
    """Bits of the trigger, the vetoes, and the beam trigger."""
    counters = experiment.detector.counter
    if len(counters) > 62:
        raise MutauError(f"{len(counters)} counters", allowed="62 at most")
    trigger = [i for i, c in enumerate(counters) if c.role == "trigger"]
    before = [i for i in trigger if counters[i].z <= experiment.target.z]
    behind = [i for i in trigger if counters[i].z > experiment.target.z]
    last = [max(behind, key=lambda i: counters[i].z)] if behind else []
    return {
        "trigger": sum(1 << i for i in trigger),
        "veto": sum(1 << i for i, c in enumerate(counters) if c.role == "veto"),
        "beam": sum(1 << i for i in (*before, *last)),
    }
