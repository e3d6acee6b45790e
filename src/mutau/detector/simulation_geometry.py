"""The experiment file as plain arrays for the full simulation: everything a muon meets, along z.

Solids that share a stretch of z (beside each other, one in the other's hole) are cut there
(`boxes.cut_rows`), and a particle is in at most one of them (`walls.holder`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.detector.boxes import (
    BOX_COLUMNS,
    DIPOLE,
    KIND,
    LENGTH,
    TABLE,
    Z,
    box_of,
    cut_rows,
    row_of,
    target_sides,
)
from mutau.matter.materials import Material, material
from mutau.matter.multiple_scattering import scattering_table
from mutau.matter.muon_energy_loss import HALF_K
from mutau.transport.catastrophic_losses import (
    N_ENERGY,
    N_RECOIL_U,
    N_RECOIL_V,
    N_SHARE,
    RECOIL_ENERGIES,
    catastrophic_losses,
)
from mutau.transport.fields import join_maps, main_curve, slices

if TYPE_CHECKING:
    from mutau.experiment.schema import (
        Calorimeter,
        Counter,
        Experiment,
        Target,
        Tracker,
    )

Array = NDArray[np.float64]

#: Kinds of rows, beside DIPOLE.
SOLID, COUNTER, PLANE = range(3)

#: Columns of a row behind those of `boxes`; lengths cm. TABLE of a dipole: start of its field map.
#: DENSE: cm of material per cm along z (of a solid) or the thickness (of a plane). PLACE, SECOND:
#: where in the event's record a solid deposits (electromagnetic, hadronic), a counter (deposit,
#: crossed by the muon), a tracker writes (block of 8; number of the plane). TARGET: 1 for the
#: target. SIGMA: cm. KICKS: index of the material, or of the magnet. CELLS: place of the first cell
#: in the record, 0 for none; COLUMNS_X, ROWS_Y: their number; row by row from the corner of
#: smallest x and y.
(DENSE, EFFICIENCY, PLACE, SECOND, TARGET, SIGMA, KICKS, CELLS, COLUMNS_X,
 ROWS_Y) = range(BOX_COLUMNS, BOX_COLUMNS + 10)  # fmt: skip
COLUMNS: Final = BOX_COLUMNS + 10

#: Layout of the tables: a header (gas of the hall and iron of the yokes as starts of materials or
#: -1, the same as indices into `Setup.kicks`, end of the set-up), then one stretch per material.
T_GAS, T_GAS_KICKS, T_YOKE, T_YOKE_KICKS, T_END = range(5)
HEADER: Final = 8
#: Numbers of a material: half_k (GeV/cm), X0 (cm), hadron interaction length (cm), critical energy
#: (GeV), cut (GeV), mean Z, loss of a relativistic particle (GeV/cm), radius of showers (cm);
#: total, start and step of its `ScatteringTable`; first ln E and step of its `CatastrophicLosses`.
(M_HALF_K, M_X0, M_LAMBDA, M_CRITICAL, M_CUT, M_Z, M_MIP, M_RADIUS, M_TOTAL, M_START, M_STEP,
 M_LOG_LOW, M_LOG_STEP) = range(13)  # fmt: skip
#: Stretches behind them: restricted losses, soft variance, rates (5 columns), recoil, logit v.
M_LOSS: Final = 13
N_LOSS: Final = 337
M_SOFT: Final = M_LOSS + N_LOSS
M_RATE: Final = M_SOFT + N_ENERGY
M_RECOIL: Final = M_RATE + 5 * N_ENERGY
M_LOGIT: Final = M_RECOIL + len(RECOIL_ENERGIES) * N_RECOIL_V * N_RECOIL_U
STRIDE: Final = M_LOGIT + 4 * N_ENERGY * N_SHARE

#: Record of an event: state of the muon (x, y, z, dx/dz, dy/dz, energy), the same at the face of
#: and behind the target, vertex (x, y, z, energy lost, process), extra hits that found no room,
#: number of the event, row where the muon is, a place for what nobody asks for; then the modules,
#: counters, planes and cells as the rows say.
E_STATE, E_TARGET, E_OUT, E_VERTEX, E_LOST, E_EVENT, E_ROW, E_TRASH = 0, 6, 12, 18, 23, 24, 25, 26
E_FIXED: Final = 27
#: Block of a plane: seen, measured x, y, true x, y, dx/dz, dy/dz, momentum (0: not crossed).
PLANE_BLOCK: Final = 8
#: Columns of an extra hit. Row 0 of the array is reserved: its first number is how many there are.
X_EVENT, X_PLANE, X_X, X_Y, X_ENERGY, X_ORIGIN = range(6)

#: Cuts above which collisions are drawn one by one, GeV: in solids, and in planes and gas, where
#: the struck electrons are seen by the trackers.
SOLID_CUT: Final = 0.1
THIN_CUT: Final = 0.01
#: Energy loss of a relativistic charged particle, GeV cm^2/g; for hadrons and showers on the way.
MIP: Final = 2.0e-3
#: A pion's interaction length over the nuclear (proton) one: PDG 2024 has 1.13 (lead), 1.21
#: (copper), 1.22 (iron); one number for all hadrons.
PION_LENGTH: Final = 1.2
#: Core radius of an electromagnetic shower over Moliere's radius.
SHOWER_RADIUS: Final = 0.3


@dataclass(frozen=True)
class Setup:
    """What the kernels need to know of a set-up; few arrays, because every call passes them all.

    rows : (R, COLUMNS), along z. tables : (T,), see the layout above. kicks : (M, G, 3) columns of
    the `ScatteringTable` of each material. start, end : cm, of everything. width : of the record.
    """

    rows: Array
    tables: Array
    kicks: Array
    start: float
    end: float
    width: int


@dataclass(frozen=True)
class Layout:
    """A `Setup` and the names of its parts.

    planes, plane_z : trackers along z. counters : names; `trigger`, `veto`, `beam` : bits of the
    counters that must fire, must not, and make the beam trigger. thresholds : (C,) GeV.
    modules : names, the target first. em, hadronic, constant : (M,) resolution terms of
    `calorimeters.module_resolution`. target_z : (face, back) cm.
    cells : names, module[column,row], and cell_module : (K,) int64, the module of each; empty
    unless asked for.
    """

    setup: Setup
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
    target_z: tuple[float, float]
    cells: tuple[str, ...]
    cell_module: NDArray[np.int64]


_COLUMN: Final = {
    "dense": DENSE, "efficiency": EFFICIENCY, "place": PLACE, "second": SECOND, "target": TARGET,
    "sigma": SIGMA, "kicks": KICKS,
}  # fmt: skip


def _row(kind: int, z: float, **values: float) -> Array:
    own = {key: value for key, value in values.items() if key in _COLUMN}
    row = row_of(kind, z, COLUMNS, **{k: v for k, v in values.items() if k not in own})
    row[[EFFICIENCY, PLACE, SECOND]] = 1.0, E_TRASH, E_TRASH
    for key, value in own.items():
        row[_COLUMN[key]] = value
    return row


class _Materials:
    """Materials met, each once per cut."""

    def __init__(self) -> None:
        self.found: list[tuple[Material, float]] = []

    def index(self, name: str, cut: float) -> int:
        item = (material(name), cut)
        if item not in self.found:
            self.found.append(item)
        return self.found.index(item)

    def columns(self, name: str, cut: float) -> dict[str, float]:
        """What a row says of its material."""
        index = self.index(name, cut)
        return {"table": self.start(index), "kicks": float(index)}

    def start(self, index: int) -> float:
        """Where the material begins in the tables."""
        return float(HEADER + index * STRIDE)

    def tables(self) -> Array:
        """The header, empty, and all stretches."""
        return np.concatenate([np.zeros(HEADER), *(_stretch(*item) for item in self.found)])

    def kicks(self) -> Array:
        return np.stack([scattering_table(item).columns for item, _ in self.found])


def _stretch(item: Material, cut: float) -> Array:
    """Numbers and tables of one material, in the layout above."""
    hard, scatter = catastrophic_losses(item, cut), scattering_table(item)
    critical = electron_critical_energy(item)
    numbers = [
        HALF_K * item.density * item.z_over_a, item.radiation_length_cm,
        PION_LENGTH * item.interaction_length_cm, critical, cut, _mean_z(item), MIP * item.density,
        SHOWER_RADIUS * item.radiation_length_cm * 0.0212 / critical, scatter.total, scatter.start,
        scatter.step, hard.log_low, hard.log_step,
    ]  # fmt: skip
    rates = np.column_stack([hard.rate, hard.rate.sum(axis=1)])
    parts = (numbers, hard.restricted, hard.soft_variance, rates, hard.recoil, hard.logit_v)
    stretch = np.concatenate([np.ravel(part) for part in parts])
    assert len(stretch) == STRIDE
    return stretch


def _mean_z(item: Material) -> float:
    """Z averaged over what stops electrons: the mass fractions over the radiation lengths."""
    weights = [w / e.radiation_length for e, w in item.elements]
    return float(np.average([e.z for e, _ in item.elements], weights=weights))


def electron_critical_energy(item: Material) -> float:
    """Critical energy of electrons, GeV (Rossi's definition), good to about 10 %.

    610 MeV/(Z + 1.24) for solids and 710 MeV/(Z + 0.92) for gases (PDG 2024, sec. 34.4.4) for each
    element. For mixtures 1/X0 weights the inverse: what an electron loses by collisions per X0.
    Check: lead 7.33 MeV (PDG 7.43).
    """
    over, offset = (0.710, 0.92) if item.gas else (0.610, 1.24)
    parts = [(w / e.radiation_length, over / (e.z + offset)) for e, w in item.elements]
    # loss per gram: sum w E_c/X0; over 1/X0 of the whole
    return sum(x * e for x, e in parts) / sum(x for x, _ in parts)


def _dipoles(
    experiment: Experiment, planes: list[float], solids: list[tuple[float, float]]
) -> list[Array]:
    """Rows of all magnets, cut at the planes that stand in them."""
    charge = float(experiment.beam.charge)
    rows = []
    for index, magnet in enumerate(experiment.detector.magnet):
        edges = slices(magnet, solids)
        edges = sorted({*edges, *(z for z in planes if edges[0] < z < edges[-1])})
        for low, high in pairwise(edges):
            x, y = main_curve(magnet, charge, low, high)
            inside = low > magnet.z - 1e-9 and high < magnet.z + magnet.length + 1e-9
            gap = box_of(magnet) if inside else {}  # a fringe has no walls
            rows.append(
                _row(
                    DIPOLE, low, length=high - low, curve_x=x, curve_y=y, kicks=float(index), **gap
                )
            )
    return rows


def _append_maps(experiment: Experiment, rows: Array, tables: Array) -> Array:
    """The tables with the field maps behind them; their rows learn where."""
    charge = float(experiment.beam.charge)
    maps, starts = join_maps(experiment.detector.magnet, charge)
    for index, magnet in enumerate(experiment.detector.magnet):
        if magnet.name in starts:
            mine = (rows[:, KIND] == DIPOLE) & (rows[:, KICKS] == index)
            rows[mine, TABLE] = len(tables) + starts[magnet.name]
    return np.concatenate([tables, maps])


def _target_rows(experiment: Experiment, materials: _Materials) -> list[Array]:
    target = experiment.target
    thick = target.thickness.cm(material(target.material).radiation_length_cm)
    length = target.length or thick
    box = target_sides(target)
    matter = materials.columns(target.material, SOLID_CUT)
    return [
        _row(SOLID, target.z + i * target.pitch, length=length, dense=thick / length, target=1.0,
             **matter, **box)
        for i in range(target.stations)
    ]  # fmt: skip


def _thin(thing: Counter | Tracker, materials: _Materials) -> dict[str, float]:
    """Matter of a plane: table and thickness, or none."""
    if thing.material is None or thing.thickness is None:
        return {}
    cm = thing.thickness.cm(material(thing.material).radiation_length_cm)
    return {"dense": cm, **materials.columns(thing.material, THIN_CUT)}


def _modules(experiment: Experiment) -> list[tuple[str, Target | Calorimeter, bool]]:
    """(name, module, whether it is made for electrons) of all calorimeters, the target first."""
    found: list[tuple[str, Target | Calorimeter, bool]] = [("target", experiment.target, True)]
    found += [(c.name, c, c.kind in ("ecal", "srd")) for c in experiment.detector.calorimeter]
    return found


def _solid_rows(experiment: Experiment, materials: _Materials, n_modules: int) -> list[Array]:
    """Targets, calorimeters, absorbers; each knows where it deposits."""
    solids = _target_rows(experiment, materials)
    if experiment.target.active:
        for row in solids:
            row[[PLACE, SECOND]] = E_FIXED, E_FIXED + n_modules
    detector = experiment.detector
    for index, module in enumerate(detector.calorimeter, E_FIXED + 1):
        matter = materials.columns(module.material, SOLID_CUT)
        solids.append(
            _row(SOLID, module.z, length=module.length, dense=1.0, place=float(index),
                 second=float(index + n_modules), **matter, **box_of(module))
        )  # fmt: skip
    for absorber in detector.absorber:
        matter = materials.columns(absorber.material, SOLID_CUT)
        solids.append(
            _row(SOLID, absorber.z, length=absorber.length, dense=1.0, **matter, **box_of(absorber))
        )
    return solids


def _plane_rows(experiment: Experiment, materials: _Materials, n_modules: int) -> list[Array]:
    """Counters and trackers; each knows where it writes."""
    detector = experiment.detector
    rows, n = [], len(detector.counter)
    first = E_FIXED + 2 * n_modules
    for index, counter in enumerate(detector.counter):
        rows.append(
            _row(COUNTER, counter.z, place=float(first + index), second=float(first + n + index),
                 **_thin(counter, materials), **box_of(counter))
        )  # fmt: skip
    first += 2 * n
    for index, tracker in enumerate(sorted(detector.tracker, key=lambda item: item.z)):
        rows.append(
            _row(PLANE, tracker.z, place=float(first + PLANE_BLOCK * index), second=float(index),
                 efficiency=tracker.efficiency, sigma=tracker.resolution,
                 **_thin(tracker, materials), **box_of(tracker))
        )  # fmt: skip
    return rows


def _place_cells(
    modules: list[tuple[str, Target | Calorimeter, bool]], rows: Array, first: int
) -> list[tuple[str, int]]:
    """Give the cells of all modules of finite size a place; (name, index of the module) of each."""
    found: list[tuple[str, int]] = []
    for index, (name, module, _) in enumerate(modules):
        mine = (rows[:, KIND] == SOLID) & (rows[:, PLACE] == E_FIXED + index)
        if not mine.any() or not module.width or not module.height:
            continue
        columns, lines = module.cells
        rows[mine, CELLS] = first + len(found)
        rows[mine, COLUMNS_X], rows[mine, ROWS_Y] = columns, lines
        found += [(f"{name}[{i},{j}]", index) for j in range(lines) for i in range(columns)]
    return found


@lru_cache(maxsize=16)
def build_layout(experiment: Experiment, cells: bool = False) -> Layout:
    """Rows, tables and names of an experiment. Raises MutauError for what cannot be simulated.

    cells : with the cells of the calorimeters, which takes more time and memory.
    """
    from mutau.detector.calorimeters import module_resolution

    detector, hall = experiment.detector, experiment.hall
    materials, modules = _Materials(), _modules(experiment)
    solids = _solid_rows(experiment, materials, len(modules))
    taken = [(float(row[Z]), float(row[Z] + row[LENGTH])) for row in solids]
    flat = [thing.z for _, thing in detector.everything() if not thing.extent]
    rows = solids + _dipoles(experiment, flat, taken)
    rows = cut_rows(rows + _plane_rows(experiment, materials, len(modules)))
    # planes before what starts at the same z, solids before dipoles
    rank = {COUNTER: 0, PLANE: 0, SOLID: 1, DIPOLE: 2}
    rows.sort(key=lambda row: (row[Z], rank[int(row[KIND])]))
    start = min([0.0 if hall else experiment.target.z, *(float(row[Z]) for row in rows)])
    end = max([hall.length if hall else 0.0, *(float(row[Z] + row[LENGTH]) for row in rows)])
    stacked = np.stack(rows)
    trackers = sorted(detector.tracker, key=lambda item: item.z)
    width = E_FIXED + 2 * len(modules) + 2 * len(detector.counter) + PLANE_BLOCK * len(trackers)
    placed = _place_cells(modules, stacked, width) if cells else []
    width += len(placed)
    resolutions = np.array(
        [module_resolution(m, material(m.material), electromagnetic=em) for _, m, em in modules]
    )
    tables, kicks = _tables(experiment, materials, end)
    tables = _append_maps(experiment, stacked, tables)
    return Layout(
        setup=Setup(stacked, tables, kicks, start, end, width),
        planes=tuple(item.name for item in trackers),
        plane_z=np.array([item.z for item in trackers], float),
        counters=tuple(item.name for item in detector.counter),
        **_triggers(experiment),
        thresholds=np.array([item.threshold for item in detector.counter], float),
        modules=tuple(name for name, _, _ in modules),
        em=resolutions[:, 0],
        hadronic=resolutions[:, 1],
        constant=resolutions[:, 2],
        target_z=_target_z(solids),
        cells=tuple(name for name, _ in placed),
        cell_module=np.array([index for _, index in placed], np.int64),
    )


def _tables(experiment: Experiment, materials: _Materials, end: float) -> tuple[Array, Array]:
    """`Setup.tables` and `Setup.kicks`, with the gas of the hall and the iron of yokes."""
    hall = experiment.hall
    header = np.full(HEADER, -1.0)
    header[T_END] = end
    if hall is not None and hall.material is not None:
        index = materials.index(hall.material, THIN_CUT)
        header[[T_GAS, T_GAS_KICKS]] = materials.start(index), index
    if experiment.detector.magnet:
        index = materials.index("iron", SOLID_CUT)
        header[[T_YOKE, T_YOKE_KICKS]] = materials.start(index), index
    tables = materials.tables()
    tables[:HEADER] = header
    return tables, materials.kicks()


def _target_z(solids: list[Array]) -> tuple[float, float]:
    stations = [row for row in solids if row[TARGET]]
    return float(stations[0][Z]), float(stations[-1][Z] + stations[-1][LENGTH])


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
