"""The schema's base, and the beam: what comes in, how much of it, and with which phase space.

Units and conventions as in `schema`, which is the module to import from.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mutau.core.errors import MutauError
from mutau.core.storage import file_digest
from mutau.experiment.names import DEFAULT_PROCESS
from mutau.experiment.quantities import (
    Angle,
    AngleNotNegative,
    EnergyNotNegative,
    Exposure,
    FieldIntegral,
    Fraction,
    Length,
    LengthNotNegative,
    Luminosity,
    NotNegative,
    PositiveEnergy,
    PositiveLength,
    RelativeError,
    Text,
    Time,
    one_of,
)


class FileTable(BaseModel):
    """A table of the file. `because`: where its numbers stand, or why they are assumed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    because: Text


class BeamPart(FileTable):
    """One part of the beam (core, halo): `share`, its fraction of the intensity, and phase space.

    Positions (cm) and slopes (rad) are those at the target's face. energy : GeV, mean, none for
    the beam's; energy_spread : relative rms; the fraction `tail` of its particles is spread evenly
    over momenta from `tail_min` up to the mean. spot, divergence : rms of a Gaussian with the
    `correlation` of position and slope; or inner, outer : radii of a ring, evenly filled.
    dispersion (cm), dispersion_angle (rad) : shift per p0/p - 1, p0 the nominal momentum.
    """

    name: Text
    share: Fraction
    energy: PositiveEnergy | None = None
    energy_spread: RelativeError = 0.0
    tail: Fraction = 0.0
    tail_min: EnergyNotNegative = 0.0
    spot_x: LengthNotNegative = 0.0
    spot_y: LengthNotNegative = 0.0
    inner: LengthNotNegative = 0.0
    outer: LengthNotNegative = 0.0
    divergence_x: AngleNotNegative = 0.0
    divergence_y: AngleNotNegative = 0.0
    correlation_x: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    correlation_y: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    dispersion_x: Length = 0.0
    dispersion_y: Length = 0.0
    dispersion_angle_x: Angle = 0.0
    dispersion_angle_y: Angle = 0.0

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if self.outer > 0.0 and (self.spot_x or self.spot_y):
            raise MutauError("states both a ring (`outer`) and a spot; keep one")
        if self.outer > 0.0 and not self.inner < self.outer:
            raise MutauError(f"inner = {self.inner:g} cm is not below outer = {self.outer:g} cm")
        return self


class Beam(FileTable):
    """Beam particles and exposure.

    particles : number on target in the full exposure; or luminosity (per pb) on the target's
    electrons; where both are stated they must be the same exposure. energy : GeV, nominal.
    energy_spread : relative rms.
    spot_x, spot_y : cm, rms at the target's face. divergence_x, divergence_y : rad, rms.
    particles_error : absolute. per_spill, spill : intensity. decay_path : cm of flight between
    the last identification of the beam particle and the target. pions, kaons : charged ones per
    beam particle where the decay path begins, none for those of data/hadrons.toml. parts : core
    and halo for the full simulation, fractions summing to 1; without them the spot and spread above
    are all there is.
    phase_space : a file of particles at the entrance (.csv, .parquet, .hepmc, .hepmc3), absolute
    or relative to the experiment file.
    """

    particle: Annotated[str, one_of("beam particle", DEFAULT_PROCESS)]
    energy: PositiveEnergy
    particles: Exposure | None = None
    particles_error: NotNegative = 0.0
    luminosity: Annotated[Luminosity, Field(gt=0.0, le=1e40)] | None = None
    energy_spread: RelativeError = 0.0
    spot_x: LengthNotNegative = 0.0
    spot_y: LengthNotNegative = 0.0
    divergence_x: AngleNotNegative = 0.0
    divergence_y: AngleNotNegative = 0.0
    per_spill: Exposure | None = None
    spill: Annotated[Time, Field(gt=0.0)] | None = None
    decay_path: LengthNotNegative = 0.0
    pions: NotNegative | None = None
    kaons: NotNegative | None = None
    parts: tuple[BeamPart, ...] = ()
    phase_space: Text | None = None

    @cached_property
    def phase_space_digest(self) -> str:
        """Of the phase-space file when first asked for: when the experiment was loaded.

        "" for none, or one that cannot be read.
        """
        return file_digest(self.phase_space) if self.phase_space else ""

    @property
    def charge(self) -> int:
        """Charge of the beam particle."""
        return -1 if self.particle.endswith("-") else 1

    @field_validator("parts", mode="before")
    @classmethod
    def _lists(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _parts(self) -> Self:
        total = sum(part.share for part in self.parts)
        if self.parts and abs(total - 1.0) > 1e-6:
            raise MutauError(f"the values of `share` in `parts` sum to {total:g}, not to 1")
        if self.parts and self.phase_space:
            raise MutauError("states both `parts` and `phase_space`; keep one")
        return self

    @model_validator(mode="after")
    def _exposure(self) -> Self:
        if self.particles is None and self.luminosity is None:
            raise MutauError(
                "needs `particles` or `luminosity`; write for example particles = 1e11"
            )
        return self


class SynchrotronCalorimeter(FileTable):
    """A calorimeter beside the deflected beam of electrons.

    distance : cm from the end of the bending magnets. gap, width : cm from the deflected beam to
    its near edge, and its extent, towards the undeflected line. resolution : a of a/sqrt(E/GeV).
    mistaken : chance that a pion or muon is taken for an electron.
    """

    distance: PositiveLength
    gap: LengthNotNegative = 0.0
    width: PositiveLength
    resolution: RelativeError = 0.0
    mistaken: Fraction | None = None


class Upstream(FileTable):
    """The beam line of electrons before the hall: what says that a particle is one of them.

    field_integral, length : T cm and cm, of the bending magnets of the spectrometer, seen as one
    uniform field. radiation_lengths : X0 of material before them. window : s, in which a second
    electron adds its hits to those of the first. line, bite : cm in which pions of the beam turn to
    muons, and the relative range of momenta that it carries. srd : the synchrotron detector.
    """

    field_integral: Annotated[FieldIntegral, Field(gt=0.0)] | None = None
    length: PositiveLength | None = None
    radiation_lengths: NotNegative = 0.0
    window: Annotated[Time, Field(ge=0.0)] = 0.0
    line: LengthNotNegative | None = None
    bite: Fraction | None = None
    srd: SynchrotronCalorimeter | None = None

    @model_validator(mode="after")
    def _magnets(self) -> Self:
        if (self.field_integral is None) != (self.length is None):
            raise MutauError("magnets need both `field_integral` and `length`")
        if self.srd is not None and self.field_integral is None:
            raise MutauError("a synchrotron detector needs magnets: `field_integral`, `length`")
        return self
