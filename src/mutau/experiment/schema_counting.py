"""The schema's tables of what is counted: cuts, background, run periods, systematic errors.

Units and conventions as in `schema`.
"""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mutau.core.errors import MutauError, OutOfRange
from mutau.core.units import parse_quantity
from mutau.experiment.quantities import (
    EnergyNotNegative,
    Exposure,
    Fraction,
    NotNegative,
    PositiveEnergy,
    RelativeError,
    Text,
    fraction,
    one_of,
)
from mutau.experiment.schema_beam import FileTable
from mutau.experiment.variables import VARIABLES


class Cut(FileTable):
    """One requirement on a variable; a condition takes no bounds, all others at least one."""

    variable: Annotated[str, one_of("cut variable", VARIABLES)]
    min: float | None = None
    max: float | None = None

    @field_validator("min", "max", mode="before")
    @classmethod
    def _bound(cls, value: object, info: ValidationInfo) -> object:
        name = info.data.get("variable")
        if value is None or name is None:
            return None  # nothing to check, or the variable is the problem and is reported
        dimension = VARIABLES[name].dimension
        if dimension == "condition":
            raise MutauError(f"{name!r} is fulfilled or not and takes no bounds")
        if dimension == "number":
            return fraction(value)
        return parse_quantity(value, dimension)

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if VARIABLES[self.variable].dimension == "condition":
            return self
        if self.min is None and self.max is None:
            raise MutauError(f"{self.variable!r} needs `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise MutauError(f"min = {self.min:g} is above max = {self.max:g}")
        return self


def _one_error(table: Background | RunPeriod, stated: str) -> None:
    if getattr(table, stated) and table.relative_error:
        raise MutauError(f"states both `{stated}` and `relative_error`; keep one")


class Background(FileTable):
    """One source: `expected` events in the full exposure, or `per_particle` on target."""

    name: Text
    expected: NotNegative | None = None
    per_particle: NotNegative | None = None
    error: NotNegative = 0.0
    relative_error: RelativeError = 0.0

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.expected is None) == (self.per_particle is None):
            raise MutauError("needs either `expected` or `per_particle`")
        _one_error(self, "error")
        return self

    def events(self, particles: float) -> tuple[float, float]:
        """Expected events and their error for a number of particles on target."""
        scale = 1.0 if self.expected is not None else particles
        value = scale * (self.expected if self.expected is not None else self.per_particle or 0.0)
        return value, self.relative_error * value if self.relative_error else scale * self.error


class RunPeriod(FileTable):
    """A run period: its part of the exposure, its signal window and what was seen.

    particles : on target. threshold, threshold_error : GeV, upper edge of the signal window in
    the energy seen. efficiency : of all other cuts; efficiency_error relative. background :
    events in the period, error absolute or relative. observed : events; none for a projection.
    """

    name: Text
    particles: Exposure
    threshold: PositiveEnergy | None = None
    threshold_error: EnergyNotNegative = 0.0
    efficiency: Fraction = 1.0
    efficiency_error: RelativeError = 0.0
    background: NotNegative = 0.0
    background_error: NotNegative = 0.0
    relative_error: RelativeError = 0.0
    observed: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        _one_error(self, "background_error")
        return self

    @property
    def background_spread(self) -> float:
        """Error of the background in events, whichever way the file states it."""
        return self.background_error or self.relative_error * self.background


class Systematic(FileTable):
    """A relative error of the expected signal, common to all run periods."""

    name: Text
    signal: RelativeError


class Efficiency(FileTable):
    """Signal that is lost by what is stated and not simulated: a number, or a table over the mass.

    value : fraction kept; or mass (GeV, rising) with values, in between linear in the logarithm of
    the mass. relative_error : of the fraction, common to all masses. instead_of : variables of cuts
    that it stands for; it counts where a calculation does not apply them all. Without them it
    counts always.
    """

    name: Text
    value: Fraction | None = None
    mass: tuple[PositiveEnergy, ...] = ()
    values: tuple[Fraction, ...] = ()
    relative_error: RelativeError = 0.0
    instead_of: tuple[Annotated[str, one_of("cut variable", VARIABLES)], ...] = ()

    @field_validator("mass", "values", "instead_of", mode="before")
    @classmethod
    def _lists(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.value is None) == (not self.values):
            raise MutauError("needs either `value`, or `mass` and `values`")
        if len(self.mass) != len(self.values):
            raise MutauError(f"`mass` has {len(self.mass)} numbers, `values` {len(self.values)}")
        if any(high <= low for low, high in zip(self.mass, self.mass[1:], strict=False)):
            raise MutauError("`mass` does not rise from one number to the next")
        return self

    def at(self, mass: float) -> float:
        """The fraction kept at a mass (GeV). Raises OutOfRange beyond the table.

        Check: the values of the table at its masses.
        """
        if self.value is not None:
            return self.value
        if not self.mass[0] <= mass <= self.mass[-1]:
            raise OutOfRange(
                f"efficiency {self.name!r} is not stated at {mass:g} GeV",
                place="mass", allowed=f"[{self.mass[0]:g}, {self.mass[-1]:g}] GeV",
            )  # fmt: skip
        after = next(i for i, m in enumerate(self.mass) if mass <= m)
        if after == 0:
            return self.values[0]
        low, high = self.mass[after - 1], self.mass[after]
        part = math.log(mass / low) / math.log(high / low)
        return (1.0 - part) * self.values[after - 1] + part * self.values[after]
