"""The experiment file as plain arrays for the full simulation: everything a muon meets, along z.

Solids that share a stretch of z (beside each other, one in the other's hole) are cut there, so
that rows of one stretch start and end together and a particle is in at most one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.core.units import GEV_PER_T_CM
from mutau.matter.materials import Material, material
from mutau.matter.muon_energy_loss import HALF_K
from mutau.transport.hard_losses import hard_losses
from mutau.transport.multiple_scattering import scattering_table

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment, Magnet, Placed

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Kinds of rows.
SOLID, COUNTER, PLANE, DIPOLE = range(4)

#: Columns of a row; lengths cm. TABLE: index of the material or -1. DENSE: cm of material per cm
#: along z (of a solid) or the thickness (of a plane). INDEX: module, counter or tracker plane, -1
#: for none. TARGET: 1 for the target. HOLE_X = 0: no hole.
#: CURVE_X, CURVE_Y: 0.2998 B in GeV per cm, signed towards where the beam particle is bent.
#: NARROW: 1 where leaving HALF_X, HALF_Y means entering the yoke of a magnet.
(KIND, Z, LENGTH, X, Y, HALF_X, HALF_Y, HOLE_X, HOLE_Y, TABLE, DENSE, CURVE_X, CURVE_Y, EFFICIENCY,
 INDEX, TARGET, NARROW, SIGMA) = range(18)  # fmt: skip
COLUMNS: Final = 18

#: Cuts above which collisions are drawn one by one, GeV: in solids, and in planes and gas, where
#: the struck electrons are seen by the trackers.
SOLID_CUT: Final = 0.1
THIN_CUT: Final = 0.01
#: Energy loss of a relativistic charged particle, GeV cm^2/g; for hadrons and showers on the way.
MIP: Final = 2.0e-3
#: A pion's interaction length over the nuclear (proton) one: PDG 2024 has 1.13 (lead), 1.21
#: (copper), 1.22 (iron); one number for all hadrons.
PION_LENGTH: Final = 1.2


class Matter(NamedTuple):
    """Tables of M materials, stacked; see `HardLosses` and `ScatteringTable`.

    numbers : (M, 8): half_k (GeV/cm), X0 (cm), hadron interaction length (cm), critical energy
    (GeV), density (g/cm^3), cut (GeV), mean Z, MIP loss (GeV/cm).
    """

    restricted: Array
    heads: Array
    columns: Array
    log_low: Array
    log_step: Array
    rate: Array
    logit_v: Array
    soft_variance: Array
    recoil: Array
    numbers: Array


class Setup(NamedTuple):
    """What the kernels need to know of a set-up. gas : index of the material of the hall, or -1."""

    rows: Array
    matter: Matter
    gas: int
    yoke: int
    start: float
    end: float


@dataclass(frozen=True)
class Layout:
    """A `Setup` and the names of its parts.

    planes, plane_z : trackers along z. counters : names; `trigger`, `veto`, `beam` : bits of the
    counters that must fire, must not, and make the beam trigger. thresholds : (C,) GeV.
    modules : names, the target first. em, hadronic, constant : (M,) resolution terms of
    `calorimeters.module_resolution`. target_z : (face, back) cm.
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


_COLUMN: Final = {
    "length": LENGTH, "x": X, "y": Y, "half_x": HALF_X, "half_y": HALF_Y, "hole_x": HOLE_X,
    "hole_y": HOLE_Y, "table": TABLE, "dense": DENSE, "curve_x": CURVE_X, "curve_y": CURVE_Y,
    "efficiency": EFFICIENCY, "index": INDEX, "target": TARGET, "narrow": NARROW, "sigma": SIGMA,
}  # fmt: skip
_BEND: Final = {"+x": (1.0, 0.0), "-x": (-1.0, 0.0), "+y": (0.0, 1.0), "-y": (0.0, -1.0)}


def _row(kind: int, z: float, **values: float) -> Array:
    row = np.zeros(COLUMNS)
    row[[KIND, Z, TABLE, EFFICIENCY, INDEX]] = kind, z, -1.0, 1.0, -1.0
    for key, value in values.items():
        row[_COLUMN[key]] = value
    return row


def _box(thing: Placed) -> dict[str, float]:
    return {
        "x": thing.x,
        "y": thing.y,
        "half_x": thing.width / 2.0,
        "half_y": thing.height / 2.0,
        "hole_x": getattr(thing, "hole_width", 0.0) / 2.0,
        "hole_y": getattr(thing, "hole_height", 0.0) / 2.0,
    }


class _Materials:
    """Materials met, each once per cut."""

    def __init__(self) -> None:
        self.found: list[tuple[Material, float]] = []

    def index(self, name: str, cut: float) -> int:
        item = (material(name), cut)
        if item not in self.found:
            self.found.append(item)
        return self.found.index(item)

    def stack(self) -> Matter:
        hard = [hard_losses(item, cut) for item, cut in self.found]
        kicks = [scattering_table(item) for item, _ in self.found]
        numbers = [
            [
                HALF_K * item.density * item.z_over_a,
                item.radiation_length_cm,
                PION_LENGTH * item.interaction_length_cm,
                electron_critical_energy(item),
                item.density,
                cut,
                _mean_z(item),
                MIP * item.density,
            ]
            for item, cut in self.found
        ]
        return Matter(
            restricted=np.stack([item.restricted for item in hard]),
            heads=np.array([[item.total, item.start, item.step] for item in kicks]),
            columns=np.stack([item.columns for item in kicks]),
            log_low=np.array([item.log_low for item in hard]),
            log_step=np.array([item.log_step for item in hard]),
            rate=np.stack([item.rate for item in hard]),
            logit_v=np.stack([item.logit_v for item in hard]),
            soft_variance=np.stack([item.soft_variance for item in hard]),
            recoil=np.stack([item.recoil for item in hard]),
            numbers=np.array(numbers),
        )


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


def _edges(magnet: Magnet, solids: list[tuple[float, float]]) -> list[float]:
    """z at which a dipole is cut: its ends, and 6 slices over each fringe.

    Raises MutauError where the fringe reaches into a solid.
    """
    begin, end, fringe = magnet.z, magnet.z + magnet.length, getattr(magnet, "fringe", 0.0)
    if not fringe:
        return [begin, end]
    reach = 3.0 * fringe
    for low, high in solids:
        if low < end + reach and high > begin - reach:
            raise MutauError(
                f"the fringe of magnet {magnet.name!r} reaches from {begin - reach:g} to "
                f"{end + reach:g} cm, into a solid at {low:g} to {high:g} cm",
                remedy="make `fringe` smaller or move the solid",
            )
    if magnet.length < 2.0 * reach:
        raise MutauError(
            f"the fringe of magnet {magnet.name!r} is too long for it",
            allowed=f"fringe up to {magnet.length / 6.0:g} cm",
        )
    steps = np.linspace(-reach, reach, 7)
    return [*(begin + steps), *(end + steps)]


def mean_field(magnet: Magnet, low: float, high: float) -> float:
    """Mean field between two z, T: uniform, or B/2 [tanh((z-z0)/f) - tanh((z-z1)/f)].

    Its integral over all z is the stated one for any fringe f.
    """
    fringe = getattr(magnet, "fringe", 0.0)
    begin, end = magnet.z, magnet.z + magnet.length
    if not fringe:
        inside = max(min(high, end) - max(low, begin), 0.0)
        return magnet.field * inside / (high - low)

    def integral(z: float) -> float:
        a, b = abs(z - begin) / fringe, abs(z - end) / fringe
        # ln cosh without overflow
        value = a + np.log1p(np.exp(-2.0 * a)) - b - np.log1p(np.exp(-2.0 * b))
        return float(0.5 * fringe * value)

    return magnet.field * (integral(high) - integral(low)) / (high - low)


def _dipoles(magnet: Magnet, planes: list[float], solids: list[tuple[float, float]]) -> list[Array]:
    edges = _edges(magnet, solids)
    edges = sorted({*edges, *(z for z in planes if edges[0] < z < edges[-1])})
    bend_x, bend_y = _BEND[magnet.bends_to]
    rows = []
    for low, high in pairwise(edges):
        curve = GEV_PER_T_CM * mean_field(magnet, low, high)
        inside = low > magnet.z - 1e-9 and high < magnet.z + magnet.length + 1e-9
        rows.append(
            _row(
                DIPOLE, low, length=high - low, curve_x=curve * bend_x, curve_y=curve * bend_y,
                narrow=float(inside), **_box(magnet),
            )
        )  # fmt: skip
    return rows


def _target_rows(experiment: Experiment, materials: _Materials) -> list[Array]:
    target = experiment.target
    thick = target.thickness.cm(material(target.material).radiation_length_cm)
    length = target.length or thick
    table = float(materials.index(target.material, SOLID_CUT))
    box = {"half_x": (target.width or np.inf) / 2, "half_y": (target.height or np.inf) / 2}
    return [
        _row(
            SOLID, target.z + i * target.pitch, length=length, table=table, dense=thick / length,
            index=0.0 if target.active else -1.0, target=1.0, **box,
        )
        for i in range(target.stations)
    ]  # fmt: skip


def _cut_solids(rows: list[Array]) -> list[Array]:
    """Solids and dipoles cut where another of them starts or ends."""
    ends = sorted({float(row[Z]) for row in rows} | {float(row[Z] + row[LENGTH]) for row in rows})
    out = []
    for row in rows:
        low, high = float(row[Z]), float(row[Z] + row[LENGTH])
        inner = [z for z in ends if low + 1e-9 < z < high - 1e-9]
        for begin, end in pairwise([low, *inner, high]):
            piece = row.copy()
            piece[Z], piece[LENGTH] = begin, end - begin
            out.append(piece)
    return out


def _thin(thing: Placed, materials: _Materials) -> dict[str, float]:
    """Matter of a plane: table and thickness, or none."""
    name, thickness = getattr(thing, "material", None), getattr(thing, "thickness", None)
    if name is None or thickness is None:
        return {}
    cm = thickness.cm(material(name).radiation_length_cm)
    return {"table": float(materials.index(name, THIN_CUT)), "dense": cm}


@lru_cache(maxsize=16)
def build_layout(experiment: Experiment) -> Layout:
    """Rows, tables and names of an experiment. Raises MutauError for what cannot be simulated."""
    from mutau.detector.calorimeters import module_resolution

    detector, target = experiment.detector, experiment.target
    materials = _Materials()
    modules = ["target"]
    solids = _target_rows(experiment, materials)
    resolutions = [module_resolution(target, material(target.material), electromagnetic=True)]
    for solid in (*detector.calorimeter, *detector.absorber):
        index = -1.0
        if hasattr(solid, "kind"):
            index = float(len(modules))
            modules.append(solid.name)
            resolutions.append(
                module_resolution(
                    solid, material(solid.material), electromagnetic=solid.kind in ("ecal", "srd")
                )
            )
        table = float(materials.index(solid.material, SOLID_CUT))
        solids.append(
            _row(SOLID, solid.z, length=solid.length, table=table, dense=1.0, index=index,
                 **_box(solid))
        )  # fmt: skip
    taken = [(float(row[Z]), float(row[Z] + row[LENGTH])) for row in solids]
    flat = [thing.z for _, thing in detector.everything() if not thing.extent]
    dipoles = [row for magnet in detector.magnet for row in _dipoles(magnet, flat, taken)]
    rows = _cut_solids(solids + dipoles)
    for index, counter in enumerate(detector.counter):
        rows.append(
            _row(COUNTER, counter.z, index=float(index), efficiency=counter.efficiency,
                 **_thin(counter, materials), **_box(counter))
        )  # fmt: skip
    trackers = sorted(detector.tracker, key=lambda item: item.z)
    for index, tracker in enumerate(trackers):
        rows.append(
            _row(PLANE, tracker.z, index=float(index), efficiency=tracker.efficiency,
                 sigma=tracker.resolution, **_thin(tracker, materials), **_box(tracker))
        )  # fmt: skip
    # planes before what starts at the same z, solids before dipoles
    rank = {COUNTER: 0, PLANE: 0, SOLID: 1, DIPOLE: 2}
    rows.sort(key=lambda row: (row[Z], rank[int(row[KIND])]))
    hall = experiment.hall
    gas = -1 if hall is None or hall.material is None else materials.index(hall.material, THIN_CUT)
    yoke = materials.index("iron", SOLID_CUT) if dipoles else -1
    start = min([0.0 if hall else target.z, *(float(row[Z]) for row in rows)])
    end = max([hall.length if hall else 0.0, *(float(row[Z] + row[LENGTH]) for row in rows)])
    stacked = np.stack(rows)
    stacked[:, [HALF_X, HALF_Y]] = np.minimum(stacked[:, [HALF_X, HALF_Y]], 1e6)
    thresholds = [getattr(item, "threshold", 0.0) for item in detector.counter]
    return Layout(
        setup=Setup(stacked, materials.stack(), gas, yoke, start, end),
        planes=tuple(item.name for item in trackers),
        plane_z=np.array([item.z for item in trackers], float),
        counters=tuple(item.name for item in detector.counter),
        **_triggers(experiment),
        thresholds=np.array(thresholds, float),
        modules=tuple(modules),
        em=np.array([item[0] for item in resolutions]),
        hadronic=np.array([item[1] for item in resolutions]),
        constant=np.array([item[2] for item in resolutions]),
        target_z=_target_z(solids),
    )


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
