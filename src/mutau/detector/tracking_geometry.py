"""One arm of a spectrometer as a list of steps: transport, measure, scatter, lose energy.

Between two planes the matter (air, frames, the planes themselves) scatters everywhere. What it
does to all planes behind is fixed by three moments of the scattering power along the way, and two
thin scatterers have the same three: one at the front plane, one at the ratio of second to first
moment. So the covariance of a straight gap is exact with two kinks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError
from mutau.core.records import Records, frozen, zeros
from mutau.core.units import GEV_PER_T_CM
from mutau.transport.fields import bending, join_maps, main_curve, slices

if TYPE_CHECKING:
    from mutau.experiment.schema import Absorber, Calorimeter, Experiment, Magnet, Tracker
    from mutau.experiment.schema_placed import Placed
    from mutau.matter.materials import Material

Array = NDArray[np.float64]


class ArmStep:
    """A step of an arm: transport, then measure, then scatter and lose.

    length : cm along z in the field. curve : 0.2998 B, GeV per cm and unit charge, as it acts on
    slopes (of a map: on the axis). axis : 0 where the field bends in x, 1 in y. plane : that
    measures at the end, or -1. power : matter there scatters by an angle of variance
    power/(p beta)^2, GeV^2; loss : GeV that it takes. map : where the field map begins in
    `Arm.map`, or -1. start : cm, where the step begins.
    """

    length: float
    curve: float
    axis: int
    power: float
    loss: float
    plane: int
    map: int
    start: float


class FieldPiece(NamedTuple):
    """Field from start to stop, cm; curve, axis and map as in `ArmStep`."""

    start: float
    stop: float
    curve: float
    axis: int
    map: int


@dataclass(frozen=True)
class ArmMatter:
    """ArmMatter that a track of this arm crosses, in the order of z.

    start, stop : cm; equal for a thin layer, whose thickness along the track is `thickness`.
    """

    material: Material
    start: float
    stop: float
    thickness: float


@dataclass(frozen=True)
class Arm:
    """Planes, field and matter of one spectrometer arm.

    names : names of the P planes along z. z : (P,) cm. resolution : (P,) cm, rms per coordinate.
    efficiency : (P,). centre, half : (P, 2) cm, middle and half sizes of the sensitive areas.
    steps : (S,), begin at the first plane.
    bare : the same without matter, for a first look at a track.
    field : its pieces, along z.
    map : field maps, `transport.fields.join_maps`; empty without one.
    charge : of the beam particle, +1 or -1. energy : GeV, nominal, where losses are taken.
    matter : what stands or fills the space from the first to the last plane.
    depth : radiation lengths between the first and the last plane.
    """

    names: tuple[str, ...]
    z: Array
    resolution: Array
    efficiency: Array
    centre: Array
    half: Array
    steps: Records[ArmStep]
    bare: Records[ArmStep]
    field: tuple[FieldPiece, ...]
    map: Array
    charge: float
    energy: float
    matter: tuple[ArmMatter, ...]
    depth: float

    @property
    def field_integral(self) -> tuple[float, float]:
        """Field integral that bends in x and in y between first and last plane, T cm."""
        bend = self.steps["curve"] * self.steps["length"] / GEV_PER_T_CM
        across = self.steps["axis"] == 1
        return float(bend[~across].sum()), float(bend[across].sum())


def _field_pieces(magnet: Magnet, charge: float, start: int) -> list[FieldPiece]:
    """The pieces of a dipole; start : where its map begins, or -1."""
    x, y = bending(magnet, charge)
    axis = 0 if abs(x) >= abs(y) else 1
    return [
        FieldPiece(low, high, charge * main_curve(magnet, charge, low, high)[axis], axis, start)
        for low, high in pairwise(slices(magnet))
    ]


def _covers_axis(thing: Placed) -> bool:
    """Whether the straight beam line crosses the thing outside its hole."""
    return bool(thing.covers(0.0, 0.0))


def _matter(experiment: Experiment, planes: list[Tracker]) -> tuple[ArmMatter, ...]:
    """Everything between the faces of first and last plane, the last plane itself left out."""
    from mutau.matter.materials import material

    first, last = planes[0].z, planes[-1].z
    found = []
    for plane in planes:
        if plane.material is not None and plane.thickness is not None:
            layer = material(plane.material)
            depth = plane.thickness.cm(layer.radiation_length_cm)
            found.append(ArmMatter(layer, plane.z, plane.z, depth))
    solids: list[Calorimeter | Absorber] = [
        *experiment.detector.calorimeter,
        *experiment.detector.absorber,
    ]
    holes: list[tuple[float, float]] = []
    for solid in solids:
        start, stop = max(solid.z, first), min(solid.z + solid.length, last)
        if start < stop and _covers_axis(solid):
            found.append(ArmMatter(material(solid.material), start, stop, stop - start))
            holes.append((start, stop))
    for counter in experiment.detector.counter:
        stated = counter.material is not None and counter.thickness is not None
        if stated and first < counter.z < last and _covers_axis(counter):
            assert counter.material is not None
            assert counter.thickness is not None
            layer = material(counter.material)
            depth = counter.thickness.cm(layer.radiation_length_cm)
            found.append(ArmMatter(layer, counter.z, counter.z, depth))
    target = experiment.target
    if target.z + target.extent > first and target.z < last:
        raise MutauError(
            f"the target stands between the planes {planes[0].name!r} and {planes[-1].name!r}",
            place="detector/tracker",
            remedy="give the planes before it arm = 'incoming'",
        )
    if experiment.hall is not None and experiment.hall.material is not None:
        gas = material(experiment.hall.material)
        edges = [first, *(edge for hole in sorted(holes) for edge in hole), last]
        found += [
            ArmMatter(gas, start, stop, stop - start)
            for start, stop in zip(edges[::2], edges[1::2], strict=True)
            if stop > start
        ]
    return tuple(sorted(found, key=lambda item: (item.start, item.stop)))


def _moments(
    matter: tuple[ArmMatter, ...],
    start: float,
    stop: float,
    power: Callable[[Material], float],
    energy: float,
) -> tuple[float, float, float, float]:
    """Scattering power from `start` to `stop`: moments 0, 1, 2 about `start`, and the mean loss."""
    from mutau.matter.muon_energy_loss import stopping_power

    m0 = m1 = m2 = loss = 0.0
    for item in matter:
        here = power(item.material)
        if item.start == item.stop:
            if not start <= item.start < stop:
                continue
            a, amount = item.start - start, item.thickness
            m0, m1, m2 = m0 + here * amount, m1 + here * amount * a, m2 + here * amount * a * a
        else:
            a, b = max(item.start, start) - start, min(item.stop, stop) - start
            amount = b - a
            if amount <= 0.0:
                continue
            m0, m1 = m0 + here * amount, m1 + here * (b * b - a * a) / 2.0
            m2 += here * (b**3 - a**3) / 3.0
        loss += amount * float(stopping_power(energy, item.material))
    return m0, m1, m2, loss


def cut_into_steps(
    z: Array,
    field: tuple[FieldPiece, ...],
    matter: tuple[ArmMatter, ...],
    power: Callable[[Material], float],
    energy: float,
) -> Records[ArmStep]:
    """Steps (S,) through planes at z (P,) cm, read-only.

    field : as `Arm.field`. power : variance of the projected angle times (p beta)^2 that a cm of
    the material adds, GeV^2/cm. energy : GeV, where losses are taken.
    """
    rows: list[dict[str, float]] = [{"plane": 0, "map": -1, "start": float(z[0])}]
    for index, (front, back) in enumerate(pairwise(float(place) for place in z)):
        m0, m1, m2, loss = _moments(matter, front, back, power, energy)
        far = m1 * m1 / m2 if m2 > 0.0 else 0.0
        rows[-1]["power"] = max(m0 - far, 0.0)  # at the front plane
        kink = front + (m2 / m1 if m1 > 0.0 else 0.0)
        inner = {kink} | {edge for piece in field for edge in piece[:2]}
        cuts = [front, *sorted(edge for edge in inner if front < edge < back), back]
        for a, b in pairwise(cuts):
            row: dict[str, float] = {"length": b - a, "plane": -1, "map": -1, "start": a}
            for piece in field:
                if piece.start < 0.5 * (a + b) < piece.stop:
                    row |= {"curve": piece.curve, "axis": piece.axis, "map": piece.map}
                    break
            if b == kink:
                row |= {"power": far, "loss": loss}
            rows.append(row)
        rows[-1]["plane"] = index + 1
    steps = zeros(ArmStep, len(rows))
    for i, row in enumerate(rows):
        for name, value in row.items():
            steps[name][i] = value
    return frozen(steps)


@lru_cache(maxsize=64)
def build_arm(
    experiment: Experiment,
    arm: Literal["outgoing", "incoming"] = "outgoing",
    *,
    on_axis: bool = False,
) -> Arm:
    """The planes of one arm with the field and the matter between them.

    arm : "outgoing", behind the target, or "incoming". The field is that of the simulation, with
    its fringe or its map. on_axis : a map counts by its field on the axis everywhere, for
    simulations that know no more.
    Scattering has Highland's width (G. R. Lynch, O. I. Dahl, Nucl. Instrum. Meth. B 58 (1991) 6)
    of the whole arm, divided by radiation lengths, because his logarithm does not add.
    A thing with a hole around the beam line counts as its hole.
    Raises MutauError for an arm of less than three planes, planes at the same place, two fields
    that overlap, or the target inside the arm.
    """
    from mutau.matter.multiple_scattering import HIGHLAND, HIGHLAND_LOG

    planes = sorted((p for p in experiment.detector.tracker if p.arm == arm), key=lambda p: p.z)
    if len(planes) < 3:
        raise MutauError(
            f"{len(planes)} planes have arm = {arm!r}",
            place="detector/tracker",
            allowed="three or more",
            remedy="a momentum from fewer planes is stated in detector/resolution",
        )
    for a, b in pairwise(planes):
        if not b.z > a.z:
            raise MutauError(f"{a.name!r} and {b.name!r} stand at the same z = {a.z:g} cm")
    charge = float(experiment.beam.charge)
    field_maps, starts = join_maps(() if on_axis else experiment.detector.magnet, charge)
    pieces = sorted(
        piece for magnet in experiment.detector.magnet
        for piece in _field_pieces(magnet, charge, starts.get(magnet.name, -1))
    )  # fmt: skip
    for one, other in pairwise(pieces):
        if other[0] < one[1] - 1e-9:
            raise MutauError("the fields of two dipoles overlap", place="detector/magnet")
    matter = _matter(experiment, planes)
    inside = [item for item in matter if item.start < planes[-1].z]
    depth = sum(item.thickness / item.material.radiation_length_cm for item in inside)
    energy = experiment.beam.energy
    beta2 = 1.0 - (M_MU / energy) ** 2
    log = 1.0 + HIGHLAND_LOG * math.log(depth / beta2) if depth > 0.0 else 1.0
    factor = (HIGHLAND * log) ** 2
    z, field = np.array([p.z for p in planes]), tuple(pieces)
    steps = cut_into_steps(z, field, matter, lambda m: factor / m.radiation_length_cm, energy)
    arrays = {
        "z": z,
        "resolution": [p.resolution for p in planes],
        "efficiency": [p.efficiency for p in planes],
        "centre": [[p.x, p.y] for p in planes],
        "half": [[p.width / 2.0, p.height / 2.0] for p in planes],
    }
    made = {key: np.array(value) for key, value in arrays.items()}
    for value in made.values():
        value.flags.writeable = False
    return Arm(
        names=tuple(p.name for p in planes),
        steps=steps,
        bare=cut_into_steps(z, field, (), lambda _: 0.0, energy),
        field=field,
        map=field_maps,
        charge=charge,
        energy=energy,
        matter=matter,
        depth=depth,
        **made,
    )
