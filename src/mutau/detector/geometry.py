"""The experiment file as plain arrays: one row per counter, slab and piece of dipole, along z."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.detector.beam_moments import described_beam
from mutau.detector.boxes import (
    BOX_COLUMNS,
    DIPOLE,
    KIND,
    LENGTH,
    Z,
    box_of,
    cut_rows,
    row_of,
    target_sides,
)
from mutau.matter.materials import Material, material
from mutau.matter.multiple_scattering import highland_angle, scattering_table
from mutau.matter.muon_energy_loss import loss_table
from mutau.transport.fields import join_maps, main_curve, slices

if TYPE_CHECKING:
    from mutau.experiment.schema import (
        Absorber,
        Calorimeter,
        Counter,
        Experiment,
        Magnet,
    )

Array = NDArray[np.float64]

#: Kinds of rows, beside DIPOLE.
TRIGGER, VETO, SLAB = range(3)
TARGET, WATCH = 4, 5

#: Columns of a row behind those of `boxes`. WIDTH: Highland's angle of the piece of a slab at
#: p beta = 1 GeV. TABLE: index of the material, of a magnet where its map begins in
#: `Geometry.field`; CURVE_X, CURVE_Y of a map: on its axis. NAME: index into `Geometry.names`.
WIDTH, EFFICIENCY, NAME = range(BOX_COLUMNS, BOX_COLUMNS + 3)
COLUMNS: Final = BOX_COLUMNS + 3


@dataclass(frozen=True)
class Geometry:
    """What a charged particle meets, in the order of z.

    rows : (R, COLUMNS) float64, see the columns above.
    names : names that the NAME column refers to; the first is the target.
    losses : (M, N) float64, GeV/cm, stopping powers of the materials for `loss_kernel`.
    heads, columns : (M, 3) and (M, G, 3) float64: total, start, step and columns of the
        materials' `ScatteringTable`.
    widths : (W,) float64, rad^2 GeV^2: square of Highland's angle at p beta = 1 GeV behind a
        share 0 … 1 of the target, over the share.
    beam : (5,) float64: energy (GeV), rms spot x, y (cm), rms slope x, y at the target's face.
    target : index of the target's row. field : the field maps, `transport.fields.join_maps`.
    """

    rows: Array
    names: tuple[str, ...]
    losses: Array
    heads: Array
    columns: Array
    widths: Array
    beam: Array
    target: int
    field: Array

    def index(self, name: str) -> int:
        """Index of a name. Raises MutauError if the geometry does not hold it."""
        if name not in self.names:
            raise MutauError(f"{name!r} is no part of the geometry", allowed=", ".join(self.names))
        return self.names.index(name)


def _row(
    kind: int, name: int, z: float, *, width: float = 0.0, efficiency: float = 1.0, **box: float
) -> Array:
    row = row_of(kind, z, COLUMNS, **box)
    row[[NAME, WIDTH, EFFICIENCY]] = name, width, efficiency
    return row


class _Tables:
    """Tables of the materials met, each once."""

    def __init__(self) -> None:
        self.materials: list[Material] = []

    def slab(self, name: str, length: float) -> dict[str, float]:
        made_of = material(name)
        if made_of not in self.materials:
            self.materials.append(made_of)
        return {
            "length": length,
            "width": float(highland_angle(1.0, made_of, length, mass=0.0)),
            "table": float(self.materials.index(made_of)),
        }

    def stacks(self) -> tuple[Array, Array, Array]:
        scatter = [scattering_table(item) for item in self.materials]
        return (
            np.stack([loss_table(item) for item in self.materials]),
            np.array([[item.total, item.start, item.step] for item in scatter]),
            np.stack([item.columns for item in scatter]),
        )


def _target_widths(made_of: Material, length: float) -> Array:
    """See `Geometry.widths`; below 1/64 of the target the first value is kept."""
    share = np.maximum(np.linspace(0.0, 1.0, 65), 1.0 / 64.0)
    return np.asarray(highland_angle(1.0, made_of, share * length, mass=0.0) ** 2 / share)


def _dipole_rows(
    magnet: Magnet, name: int, planes: list[float], solids: list[tuple[float, float]],
    charge: float, table: float,
) -> list[Array]:  # fmt: skip
    """A dipole cut at the planes that stand inside it; its fringe has no walls."""
    edges = slices(magnet, solids)
    edges = sorted({*edges, *(z for z in planes if edges[0] < z < edges[-1])})
    rows = []
    for start, stop in pairwise(edges):
        x, y = main_curve(magnet, charge, start, stop)
        inside = start > magnet.z - 1e-9 and stop < magnet.z + magnet.length + 1e-9
        box = box_of(magnet) if inside else {}
        rows.append(
            _row(DIPOLE, name, start, length=stop - start, curve_x=x, curve_y=y, table=table, **box)
        )
    return rows


def _cut(rows: list[Array]) -> list[Array]:
    """`cut_rows`, with each piece's share of the scattering: the squares of angles add up."""
    whole = {(int(row[NAME]), int(row[KIND])): float(row[LENGTH]) for row in rows}
    pieces = cut_rows(rows)
    for piece in pieces:
        if piece[WIDTH] > 0.0:
            length = whole[int(piece[NAME]), int(piece[KIND])]
            piece[WIDTH] *= math.sqrt(piece[LENGTH] / length)
    return pieces


def _counter_row(counter: Counter, name: int) -> Array:
    kind = {"trigger": TRIGGER, "veto": VETO, "monitor": WATCH}[counter.role]
    return _row(kind, name, counter.z, efficiency=counter.efficiency, **box_of(counter))


@lru_cache(maxsize=32)
def build_geometry(experiment: Experiment, watch: tuple[str, ...] = ()) -> Geometry:
    """Rows for the fast mode.

    watch : names of counters or trackers whose crossing is of interest although they are not in
    the trigger (trackers and monitors are left out otherwise).
    Left out because small against target and calorimeters (less than 0.04 mrad at 80 GeV, the
    target gives above 1 mrad): scattering in air, counters and trackers.
    Raises MutauError for several target stations, or a dipole or slab before the target: the fast
    mode takes the beam as straight there.
    """
    target, detector = experiment.target, experiment.detector
    if target.stations != 1:
        raise MutauError(
            f"target/stations = {target.stations}: the trigger's fast mode takes one thick target",
            allowed="1",
        )
    names, tables = ["target"], _Tables()
    made_of = material(target.material)
    length = target.thickness.cm(made_of.radiation_length_cm)
    box = target_sides(target)
    rows = [_row(TARGET, 0, target.z, **box, **tables.slab(target.material, length))]
    planes = [thing.z for _, thing in detector.everything() if not thing.extent]
    charge = float(experiment.beam.charge)
    solids: tuple[Calorimeter | Absorber, ...] = (*detector.calorimeter, *detector.absorber)
    taken = [(solid.z, solid.z + solid.length) for solid in solids]
    taken.append((target.z, target.z + (target.length or length)))
    field, starts = join_maps(detector.magnet, charge)
    for magnet in detector.magnet:
        names.append(magnet.name)
        table = float(starts.get(magnet.name, -1))
        rows += _dipole_rows(magnet, len(names) - 1, planes, taken, charge, table)
    for counter in detector.counter:
        if counter.role != "monitor" or counter.name in watch:
            names.append(counter.name)
            rows.append(_counter_row(counter, len(names) - 1))
    for tracker in detector.tracker:
        if tracker.name in watch:
            names.append(tracker.name)
            rows.append(_row(WATCH, len(names) - 1, tracker.z, **box_of(tracker)))
    for solid in solids:
        names.append(solid.name)
        values = tables.slab(solid.material, solid.length) | box_of(solid)
        rows.append(_row(SLAB, len(names) - 1, solid.z, **values))
    rows = _cut(rows)
    rows.sort(key=lambda row: (row[Z], row[LENGTH] > 0.0, row[KIND] == DIPOLE))
    for row in rows:
        if row[Z] < target.z and row[KIND] in (SLAB, DIPOLE):
            raise MutauError(
                f"{names[int(row[NAME])]!r} stands before the target",
                remedy="the trigger's fast mode takes the beam as straight before the target",
            )
    beam = described_beam(experiment)
    return Geometry(
        np.stack(rows),
        tuple(names),
        *tables.stacks(),
        _target_widths(made_of, length),
        np.array([beam.energy, beam.spot_x, beam.spot_y, beam.divergence_x, beam.divergence_y]),
        next(i for i, row in enumerate(rows) if row[KIND] == TARGET),
        field,
    )
