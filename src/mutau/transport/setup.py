"""The experiment file as records: everything that stands in the way of a particle, along z.

One compiler for all walks. They differ in what they ask for: the full simulation for every plane,
its matter and the gas of the hall; the fast mode of the trigger and of the backgrounds for the
counters of the trigger and the planes it wants to see, with the mean loss only.
Solids that share a stretch of z (beside each other, one in the other's hole) are cut there
(`pieces.cut_pieces`), and a particle is in at most one of them (`walls`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.core.records import array_of
from mutau.matter.materials import material
from mutau.matter.multiple_scattering import highland_angle, highland_log
from mutau.transport.fields import join_maps, main_curve, slices
from mutau.transport.matter_tables import (
    SOLID_CUT,
    THIN_CUT,
    MaterialRecord,
    MaterialRecords,
    matter_of,
)
from mutau.transport.pieces import (
    COUNTER,
    DIPOLE,
    NO_ROLE,
    SOLID,
    TRACKER,
    TRIGGER,
    VETO,
    Piece,
    Pieces,
    box_of,
    cut_pieces,
    piece_of,
    target_sides,
)

if TYPE_CHECKING:
    from mutau.experiment.schema import Absorber, Calorimeter, Counter, Experiment, Tracker
    from mutau.matter.materials import Material

Array = NDArray[np.float64]

#: Place in an event's deposits for what nobody asks for.
ELSEWHERE: Final = 0
_ROLES: Final = {"trigger": TRIGGER, "veto": VETO, "monitor": NO_ROLE}


class Setup(NamedTuple):
    """What the kernels need to know of a set-up.

    pieces : along z. matter : the materials that they refer to. field : the field maps, as
    `transport.fields.join_maps` gives them. gas, yoke : the materials of the hall and of the iron
    of magnets, -1 for none. end : cm. electron : charge of an electron over that of the beam
    particle.
    """

    pieces: Pieces
    matter: MaterialRecords
    field: Array
    gas: int
    yoke: int
    end: float
    electron: float


class Places(NamedTuple):
    """Where the deposits of an event begin: by module, electromagnetic and hadronic, the target
    first; by counter, deposit and whether the muon crosses it; of cells."""

    em: int
    hadronic: int
    counters: int
    crossed: int
    cells: int


@dataclass(frozen=True)
class CompiledSetup:
    """A `Setup`, and what its numbers stand for.

    names : of the things, by the `name` of pieces, the target first. places : see there.
    start : cm, of everything. target_z : (face, back) of the target, cm.
    """

    setup: Setup
    names: tuple[str, ...]
    places: Places
    start: float
    target_z: tuple[float, float]

    def index(self, name: str) -> int:
        """Number of a name. Raises MutauError if the set-up does not hold it."""
        if name not in self.names:
            raise MutauError(f"{name!r} is no part of the geometry", allowed=", ".join(self.names))
        return self.names.index(name)


def places_of(experiment: Experiment) -> Places:
    """See `Places`."""
    modules, counters = 1 + len(experiment.detector.calorimeter), len(experiment.detector.counter)
    first = ELSEWHERE + 1
    starts = np.cumsum([first, modules, modules, counters, counters]).tolist()
    return Places(*starts)


class _Builder:
    """Names and materials met, each once; materials once per cut."""

    def __init__(self, experiment: Experiment, *, mean: bool) -> None:
        self.experiment, self.mean = experiment, mean
        self.places = places_of(experiment)
        self.names: list[str] = []
        self.found: list[tuple[Material, float]] = []

    def name(self, name: str) -> int:
        self.names.append(name)
        return len(self.names) - 1

    def matter(self, name: str, cut: float) -> int:
        item = (material(name), 0.0 if self.mean else cut)
        if item not in self.found:
            self.found.append(item)
        return self.found.index(item)

    def stack(self) -> MaterialRecords:
        return array_of(MaterialRecord, [matter_of(*item)[0] for item in self.found])


def _solid(thing: Calorimeter | Absorber, module: int, build: _Builder) -> Pieces:
    """A calorimeter or an absorber. module : its number, 0 for an absorber."""
    em, hadronic = (build.places.em + module, build.places.hadronic + module) if module else (0, 0)
    width = highland_angle(1.0, material(thing.material), thing.length, mass=0.0)
    return piece_of(
        SOLID, thing.z, length=thing.length, material=build.matter(thing.material, SOLID_CUT),
        name=build.name(thing.name), width=float(width), em=em, hadronic=hadronic, **box_of(thing),
    )  # fmt: skip


def _target(build: _Builder) -> list[Pieces]:
    """The stations, as long as the file says."""
    target = build.experiment.target
    item = material(target.material)
    thick = target.thickness.cm(item.radiation_length_cm)
    length = target.length or thick
    width = float(highland_angle(1.0, item, thick, mass=0.0))
    places = (build.places.em, build.places.hadronic) if target.active else (ELSEWHERE, ELSEWHERE)
    number = build.name("target")
    return [
        piece_of(
            SOLID, target.z + i * target.pitch, length=length, dense=thick / length, target=True,
            width=width, width_log=highland_log(item, thick), name=number,
            material=build.matter(target.material, SOLID_CUT), em=places[0], hadronic=places[1],
            **target_sides(target),
        )
        for i in range(target.stations)
    ]  # fmt: skip


def _dipoles(
    build: _Builder, solids: list[tuple[float, float]], maps: dict[str, int]
) -> list[Pieces]:
    """Pieces of all magnets, cut at the planes that stand in them; a fringe has no walls.

    solids : (start, stop) of matter. maps : where the field maps begin, by magnet.
    """
    experiment = build.experiment
    charge = float(experiment.beam.charge)
    planes = [thing.z for _, thing in experiment.detector.everything() if not thing.extent]
    found = []
    for index, magnet in enumerate(experiment.detector.magnet):
        edges = slices(magnet, solids)
        edges = sorted({*edges, *(z for z in planes if edges[0] < z < edges[-1])})
        name = build.name(magnet.name)
        for low, high in pairwise(edges):
            x, y = main_curve(magnet, charge, low, high)
            inside = low > magnet.z - 1e-9 and high < magnet.z + magnet.length + 1e-9
            found.append(
                piece_of(
                    DIPOLE, low, length=high - low, curve_x=x, curve_y=y, magnet=index, name=name,
                    field=maps.get(magnet.name, -1), **(box_of(magnet) if inside else {}),
                )
            )  # fmt: skip
    return found


def _thin(thing: Counter | Tracker, build: _Builder) -> dict[str, float]:
    """Matter of a plane: which and how thick, or none."""
    if build.mean or thing.material is None or thing.thickness is None:
        return {}
    cm = thing.thickness.cm(material(thing.material).radiation_length_cm)
    return {"dense": cm, "material": build.matter(thing.material, THIN_CUT)}


def _counters(build: _Builder, only: tuple[str, ...] | None) -> list[Pieces]:
    """only : names of those that are of interest beside the trigger's; None for all."""
    places = build.places
    return [
        piece_of(
            COUNTER, item.z, name=build.name(item.name), role=_ROLES[item.role],
            counter=places.counters + i, crossed=places.crossed + i, efficiency=item.efficiency,
            **_thin(item, build), **box_of(item),
        )
        for i, item in enumerate(build.experiment.detector.counter)
        if only is None or item.role != "monitor" or item.name in only
    ]  # fmt: skip


def _trackers(build: _Builder, only: tuple[str, ...] | None) -> list[Pieces]:
    """As `_counters`, along z. The fast mode tells where they are crossed, not whether seen."""
    return [
        piece_of(
            TRACKER, item.z, name=build.name(item.name), tracker=i, sigma=item.resolution,
            efficiency=1.0 if build.mean else item.efficiency, **_thin(item, build),
            **box_of(item),
        )
        for i, item in enumerate(
            sorted(build.experiment.detector.tracker, key=lambda item: item.z)
        )
        if only is None or item.name in only
    ]  # fmt: skip


def _along_z(pieces: list[Pieces]) -> Pieces:
    """Cut, each with its fraction of the scattering, and sorted: planes before what starts at the
    same z, solids before magnets."""
    whole = array_of(Piece, [piece[0] for piece in pieces])
    cut = cut_pieces(whole)
    solid = np.flatnonzero((cut["kind"] == SOLID) & (cut["length"] > 0.0))
    for i in solid:  # the squares of angles add up
        of = (whole["name"] == cut["name"][i]) & (whole["length"] > 0.0)
        cut["width"][i] *= np.sqrt(cut["length"][i] / whole["length"][of][0])
    rank = np.array([1, 0, 0, 2])[cut["kind"]]
    return cut[np.lexsort((np.arange(len(cut)), rank, cut["z"]))]


@lru_cache(maxsize=32)
def compile_setup(
    experiment: Experiment, only: tuple[str, ...] | None = None, *, mean: bool = False
) -> CompiledSetup:
    """Everything of an experiment that a walk meets.

    only : names of the counters and trackers wanted beside those of the trigger; None for all.
    mean : for the fast mode: mean losses, no matter in planes and no gas.
    """
    build = _Builder(experiment, mean=mean)
    detector, hall, charge = experiment.detector, experiment.hall, float(experiment.beam.charge)
    stations = _target(build)
    solids = [*stations]
    solids += [_solid(item, i, build) for i, item in enumerate(detector.calorimeter, 1)]
    solids += [_solid(item, 0, build) for item in detector.absorber]
    taken = [(float(one["z"][0]), float((one["z"] + one["length"])[0])) for one in solids]
    field, maps = join_maps(detector.magnet, charge)
    solids += _dipoles(build, taken, maps)
    pieces = _along_z(solids + _counters(build, only) + _trackers(build, only))
    gas = yoke = -1
    if hall is not None and hall.material is not None and not mean:
        gas = build.matter(hall.material, THIN_CUT)
    if detector.magnet:
        yoke = build.matter("iron", SOLID_CUT)
    start = min([0.0 if hall else experiment.target.z, *pieces["z"].tolist()])
    end = max([hall.length if hall else 0.0, *(pieces["z"] + pieces["length"]).tolist()])
    last = stations[-1]
    return CompiledSetup(
        Setup(pieces, build.stack(), field, gas, yoke, end, -1.0 / charge),
        tuple(build.names),
        build.places,
        start,
        (float(stations[0]["z"][0]), float((last["z"] + last["length"])[0])),
    )
