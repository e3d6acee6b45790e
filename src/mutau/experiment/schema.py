"""The schema: every table an experiment file may hold, as frozen models in internal units.

Lengths in cm, energies in GeV, angles in rad, fields in T. `z` is the upstream face of whatever
has a thickness; z runs along the beam from the entrance of the hall, x is horizontal, y points
up, and the axis x = y = 0 is the straight line of the incoming beam. Importing this module loads
Pydantic, so other modules import it inside functions or for type checking only.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from mutau.core import plugins
from mutau.core.errors import MutauError, UnknownName
from mutau.core.storage import digest
from mutau.core.units import GEV_PER_T_CM
from mutau.experiment.document import Document, in_one_line, without_texts, write_toml
from mutau.experiment.materials import GROUP as MATERIALS
from mutau.experiment.materials import MaterialName, described_names, materials_in, parts_of
from mutau.experiment.names import DEFAULT_PROCESS, PROCESSES
from mutau.experiment.quantities import (
    AngleNotNegative,
    Cells,
    EnergyNotNegative,
    FieldIntegral,
    Fraction,
    Length,
    LengthNotNegative,
    PositiveLength,
    RelativeError,
    StatedThickness,
    Text,
    Time,
    one_of,
)
from mutau.experiment.schema_beam import Beam, FileTable, Upstream
from mutau.experiment.schema_counting import Background, Cut, Efficiency, RunPeriod, Systematic
from mutau.experiment.schema_material import DescribedMaterial, MaterialText
from mutau.experiment.schema_placed import Holed, Placed
from mutau.experiment.schema_theory import Statistics, Theory
from mutau.experiment.variables import VARIABLES

if TYPE_CHECKING:
    from mutau.experiment.field_maps import FieldMap


class Target(FileTable):
    """Where the signal is made: `stations` pieces of `thickness`, one every `pitch` cm from `z`.

    length : cm along the beam that one piece takes, where the thickness is in X0.
    width, height : cm; 0 where they do not matter. active : its energy deposit is measured, with
    `cells` columns and rows, a first part `preshower`, resolution a/sqrt(E/GeV) and, in
    quadrature, resolution_constant. noise : GeV, rms of the whole target's energy without a signal.
    """

    material: MaterialText
    thickness: StatedThickness
    z: Length = 0.0
    length: PositiveLength | None = None
    width: LengthNotNegative = 0.0
    height: LengthNotNegative = 0.0
    stations: Annotated[int, Field(ge=1)] = 1
    pitch: LengthNotNegative = 0.0
    active: bool = False
    cells: Cells = (1, 1)
    preshower: StatedThickness | None = None
    resolution: RelativeError = 0.0
    resolution_constant: RelativeError = 0.0
    noise: EnergyNotNegative = 0.0

    @property
    def extent(self) -> float:
        """Length in cm that the file states along z; 0 where it states radiation lengths only."""
        stated = None if self.thickness.in_radiation_lengths else self.thickness.value
        one = self.length or stated or 0.0
        return one + (self.stations - 1) * self.pitch

    @model_validator(mode="after")
    def _stations(self) -> Self:
        one = self.extent - (self.stations - 1) * self.pitch
        if self.stations > 1 and self.pitch < one:
            raise MutauError(f"pitch = {self.pitch:g} cm is shorter than one piece ({one:g} cm)")
        return self


class Hall(FileTable):
    """The box that holds everything: 0 <= z <= length, |x| <= width/2, |y| <= height/2."""

    length: PositiveLength
    width: PositiveLength
    height: PositiveLength
    material: MaterialText | None = None


class Counter(Holed):
    """A scintillator plane. role: trigger (must be hit), veto (must not), monitor (neither).

    material, thickness : what the particle crosses; none where it does not matter. threshold :
    GeV, smallest deposit that fires it (needs a thickness).
    """

    role: Literal["trigger", "veto", "monitor"]
    efficiency: Fraction = 1.0
    threshold: EnergyNotNegative = 0.0
    material: MaterialText | None = None
    thickness: StatedThickness | None = None

    @model_validator(mode="after")
    def _measures(self) -> Self:
        if self.threshold and self.thickness is None:
            raise MutauError("a `threshold` needs the counter's material and thickness")
        return self


class Tracker(Placed):
    """A tracking plane. resolution : cm, rms per coordinate. arm : before or behind the target."""

    may_be_round: ClassVar[bool] = False

    resolution: PositiveLength
    efficiency: Fraction = 1.0
    arm: Literal["incoming", "outgoing"]
    material: MaterialText | None = None
    thickness: StatedThickness | None = None


class StripLayer(FileTable):
    """A plane of silicon strips that stands behind every piece of the target.

    z : cm, from the front of the piece. view : the coordinate across its strips, x, y, or u and v
    at 45 degrees. pitch : cm, of the strips; read out as hit or not, an rms of pitch/sqrt(12).
    material, thickness : what a particle crosses. efficiency : of finding a particle's hit.
    """

    name: Text
    z: PositiveLength
    view: Literal["x", "y", "u", "v"]
    pitch: PositiveLength
    material: MaterialText = "silicon"
    thickness: StatedThickness
    efficiency: Fraction = 1.0


class Magnet(Placed):
    """A dipole; width and height are its gap. Its field is stated, or read from a map.

    field_integral : T cm, of a field uniform over `length`. bends_to : where it deflects the beam
    particle. fringe : cm; the field falls off like tanh(z/fringe) at both ends, at the same
    integral. field_map : instead of these three a CSV file (`field_maps`), absolute or relative
    to the experiment file; field_scale multiplies it, negative to reverse the field.
    """

    may_be_round: ClassVar[bool] = False

    length: PositiveLength
    field_integral: Annotated[FieldIntegral, Field(gt=0.0)] | None = None
    bends_to: Literal["+x", "-x", "+y", "-y"] | None = None
    fringe: LengthNotNegative = 0.0
    field_map: Text | None = None
    field_scale: float = 1.0

    @model_validator(mode="after")
    def _one_field(self) -> Self:
        stated = self.field_integral is not None or self.bends_to is not None
        if self.field_map and (stated or self.fringe):
            raise MutauError(
                "states `field_map` and `field_integral`, `bends_to` or `fringe`; the map says all"
            )
        if not self.field_map:
            for name in ("field_integral", "bends_to"):
                if getattr(self, name) is None:
                    raise MutauError(f"`{name}` is missing (or a `field_map`)")
            if self.field_scale != 1.0:
                raise MutauError("`field_scale` goes with a `field_map`")
        if not self.field_scale:
            raise MutauError("field_scale = 0 leaves no field")
        return self

    @property
    def extent(self) -> float:
        """Length along z, cm."""
        return self.length

    @cached_property
    def map(self) -> FieldMap:
        """The field map, as it was when first asked for: when the experiment was loaded.

        Raises MutauError where there is none, or as `read_field_map`.
        """
        from mutau.experiment.field_maps import read_field_map

        if self.field_map is None:
            raise MutauError(f"magnet {self.name!r} has no field map")
        return read_field_map(self.field_map)

    @property
    def integral(self) -> float:
        """Size of the transverse field integral along the axis, T cm."""
        if self.field_integral is not None:
            return self.field_integral
        bx, by, _ = self.map.axis_integral() * self.field_scale
        return math.hypot(float(bx), float(by))

    @property
    def field(self) -> float:
        """Field, T: the integral over the length."""
        return self.integral / self.length

    def deflection(self, momentum: float) -> float:
        """Angle, rad, by which a particle of unit charge and this momentum (GeV) is bent.

        sin of the angle is 0.2998 GeV/(T m) times the field integral over the momentum.
        Raises MutauError if the particle curls up inside the field.
        """
        sine = GEV_PER_T_CM * self.integral / momentum
        if not 0.0 <= sine < 1.0:
            raise MutauError(
                f"{momentum:g} GeV does not cross magnet {self.name!r}",
                allowed=f"above {GEV_PER_T_CM * self.integral:g} GeV",
            )
        return math.asin(sine)


class Calorimeter(Holed):
    """A calorimeter module of `length` cm of one (mean) material.

    cells : columns and rows. resolution : a of a/sqrt(E/GeV), resolution_constant in quadrature.
    threshold : GeV, smallest energy that counts as activity. separation : rad, angle below which
    two particles look like one. photon_inefficiency : fraction of photons above threshold missed;
    none for what its material and length give. noise : GeV, rms of the
    module's energy without a signal; of a shower's crystals where it has cells.
    kind : what it is used for, so that a cut on `hcal_energy` knows its modules; the active
    target itself is the table `target`.
    """

    kind: Literal["ecal", "vhcal", "hcal", "srd"]
    material: MaterialText
    length: PositiveLength
    cells: Cells = (1, 1)
    resolution: RelativeError = 0.0
    resolution_constant: RelativeError = 0.0
    noise: EnergyNotNegative = 0.0
    threshold: EnergyNotNegative = 0.0
    separation: AngleNotNegative = 0.0
    photon_inefficiency: Fraction | None = None

    @property
    def extent(self) -> float:
        """Length along z, cm."""
        return self.length


class Absorber(Holed):
    """Dead material of `length` cm."""

    material: MaterialText
    length: PositiveLength

    @property
    def extent(self) -> float:
        """Length along z, cm."""
        return self.length


class Resolution(FileTable):
    """Resolutions of reconstructed quantities, where the file states them instead of planes.

    muon_angle, electron_angle : rad, rms. muon_momentum, incoming_momentum : relative rms.
    lowest_track : GeV, below it an electron leaves no track. gate : s, within which two beam
    particles are one event. vertex : cm, distance within which two vertices are one. 0 of these
    three: not stated.
    """

    muon_angle: AngleNotNegative = 0.0
    electron_angle: AngleNotNegative = 0.0
    muon_momentum: RelativeError = 0.0
    incoming_momentum: RelativeError = 0.0
    lowest_track: EnergyNotNegative = 0.0
    gate: Annotated[Time, Field(ge=0.0)] = 0.0
    vertex: LengthNotNegative = 0.0


class Detector(BaseModel):
    """Everything around the target; each list in any order. plane : behind every piece of the
    target alike, counted from its front; all others stand once."""

    model_config = FileTable.model_config

    counter: tuple[Counter, ...] = ()
    plane: tuple[StripLayer, ...] = ()
    tracker: tuple[Tracker, ...] = ()
    magnet: tuple[Magnet, ...] = ()
    calorimeter: tuple[Calorimeter, ...] = ()
    absorber: tuple[Absorber, ...] = ()
    resolution: Resolution | None = None

    @field_validator(
        "counter", "plane", "tracker", "magnet", "calorimeter", "absorber", mode="before"
    )
    @classmethod
    def _lists(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    def everything(self) -> tuple[tuple[str, Placed], ...]:
        """(address, thing) of all placed things, in the order of the file."""
        return tuple(
            (f"detector/{kind}[{index}]", thing)
            for kind in ("counter", "tracker", "magnet", "calorimeter", "absorber")
            for index, thing in enumerate(getattr(self, kind))
        )

    def __getitem__(self, name: str) -> Placed:
        """The thing of this name. Raises UnknownName."""
        things = {thing.name: thing for _, thing in self.everything()}
        if name not in things:
            raise UnknownName("detector part", name, things)
        return things[name]


class Experiment(BaseModel):
    """A whole experiment. Made by `load_experiment` and `replace`; equal where its data agree.

    version : which run or state of the experiment the file describes; the name ends with it
    ("na64mu-2022"), and what stands before is the `family`.
    """

    model_config = FileTable.model_config

    format: Literal[1] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")] | None = None
    title: str = ""
    source: Text
    process: Annotated[str, one_of("process", PROCESSES)]
    material: tuple[DescribedMaterial, ...] = ()
    beam: Beam
    target: Target
    upstream: Upstream | None = None
    theory: Theory | None = None
    hall: Hall | None = None
    detector: Detector = Detector()
    cuts: tuple[Cut, ...] = ()
    efficiency: tuple[Efficiency, ...] = ()
    background: tuple[Background, ...] = ()
    runs: tuple[RunPeriod, ...] = ()
    systematics: tuple[Systematic, ...] = ()
    statistics: Statistics | None = None
    _document: Document = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _process_of_beam(cls, data: Any) -> Any:
        """Where no process is named, the beam particle decides (names.DEFAULT_PROCESS)."""
        if isinstance(data, Mapping) and "process" not in data:
            beam = data.get("beam")
            particle = beam.get("particle") if isinstance(beam, Mapping) else None
            default = DEFAULT_PROCESS.get(particle) if isinstance(particle, str) else None
            return {**data, "process": default or "muon-brems"}
        return data

    @field_validator(
        "material", "cuts", "efficiency", "background", "runs", "systematics", mode="before"
    )
    @classmethod
    def _lists(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    __repr__ = __str__ = in_one_line

    @cached_property
    def digest(self) -> str:
        """Digest of everything that can change a number: the texts (`because`…) are left out,
        field maps and a phase-space file count by what they held when the experiment was loaded,
        wherever they lie."""
        plain = without_texts(self.model_dump())
        for key in ("material", "efficiency"):
            if not getattr(self, key):
                del plain[key]
        if not self.detector.plane:
            del plain["detector"]["plane"]
        for table in (plain["target"], *plain["detector"]["calorimeter"]):
            if not table["noise"]:
                del table["noise"]
        if self.beam.phase_space:
            plain["beam"]["phase_space"] = self.beam.phase_space_digest
        maps = [magnet.map.digest for magnet in self.detector.magnet if magnet.field_map]
        for magnet in plain["detector"]["magnet"] if maps else ():
            magnet["field_map"] = magnet["field_map"] and maps.pop(0)
        others = sorted(filter(None, (plugins.source_digest(*item) for item in self._by_name())))
        return digest(plain, others) if others else digest(plain)

    def _by_name(self) -> Iterator[tuple[str, str]]:
        """(entry-point group, name) of what another package may give a meaning to."""
        yield PROCESSES.group, self.process
        yield from ((VARIABLES.group, cut.variable) for cut in self.cuts)
        yield from ((MATERIALS, str(name)) for _, name in self.materials_named())
        tables = materials_in(self._document)
        parts = (part for table in tables.values() for _, part in parts_of(table))
        yield from ((MATERIALS, part) for part in parts)

    @property
    def family(self) -> str:
        """The name without the version: what all runs of one experiment share."""
        return self.name.removesuffix(f"-{self.version}") if self.version else self.name

    @property
    def relative_systematic(self) -> float:
        """Overall relative error of the signal: the systematics in quadrature."""
        return math.hypot(*(item.signal for item in self.systematics)) if self.systematics else 0.0

    def material_name(self, name: str) -> MaterialName:
        """A material by its name, with its description where this file gives one. Whether there is
        such a material, `matter.material` says."""
        return described_names(self._document).get(name) or MaterialName(name)

    def materials_named(self) -> list[tuple[str, str]]:
        """(address, name) of every material that the target, the hall and the detector are of."""
        things: list[tuple[str, Any]] = [("target", self.target), ("hall", self.hall)]
        planes = [(f"detector/plane[{i}]", item) for i, item in enumerate(self.detector.plane)]
        found = [
            (f"{place}/material", getattr(thing, "material", None))
            for place, thing in (*things, *self.detector.everything(), *planes)
        ]
        return [(place, name) for place, name in found if name is not None]

    def to_dict(self) -> Document:
        """Plain data as the file has it, with units; `load_experiment` takes it back."""
        return copy.deepcopy(self._document)

    def to_toml(self) -> str:
        """TOML text; loading it gives an equal experiment."""
        return write_toml(self._document)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Experiment)
            and self.digest == other.digest
            and self.model_dump() == other.model_dump()
        )

    def __hash__(self) -> int:
        return hash((self.name, self.digest))
