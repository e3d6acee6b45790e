"""Types of the schema's fields: text with a unit in, checked float in internal units out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from mutau.core.errors import MutauError, UnknownName
from mutau.core.registry import Registry
from mutau.core.units import parse_quantity


def quantity(*dimensions: str) -> BeforeValidator:
    """Validator for a text of one of these dimensions (`core.units.DIMENSIONS`)."""
    return BeforeValidator(lambda text: parse_quantity(text, *dimensions))


def fraction(value: object) -> float:
    """A plain number, or a text such as "15 %"."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return parse_quantity(value, "fraction")


def one_of(kind: str, names: Iterable[str]) -> AfterValidator:
    """Validator for a name out of `names`, read when it is checked; suggests the nearest."""

    def check(name: str) -> str:
        known = names.names() if isinstance(names, Registry) else tuple(names)
        if name not in known:
            raise UnknownName(kind, name, known)
        return name

    return AfterValidator(check)


class Thickness(NamedTuple):
    """A thickness as stated: cm, or radiation lengths."""

    value: float
    in_radiation_lengths: bool

    def cm(self, radiation_length: float) -> float:
        """Thickness in cm of a material whose radiation length is given in cm."""
        return self.value * radiation_length if self.in_radiation_lengths else self.value


def _thickness(text: object) -> Thickness:
    value = parse_quantity(text, "length", "radiation length")
    if value <= 0.0:
        raise MutauError(f"{text!r} is not a thickness", allowed="above 0")
    return Thickness(value, "X0" in str(text))


Energy = Annotated[float, quantity("energy")]
Length = Annotated[float, quantity("length")]
Angle = Annotated[float, quantity("angle")]
Time = Annotated[float, quantity("time")]
FieldIntegral = Annotated[float, quantity("field integral")]
Luminosity = Annotated[float, quantity("luminosity")]
Fraction = Annotated[float, BeforeValidator(fraction), Field(ge=0.0, le=1.0)]
RelativeError = Annotated[float, BeforeValidator(fraction), Field(ge=0.0)]
StatedThickness = Annotated[Thickness, BeforeValidator(_thickness)]
Cells = Annotated[
    tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
]
Text = Annotated[str, Field(min_length=1)]
#: A number of beam particles: more than 1e40 no accelerator gives, and products overflow.
Exposure = Annotated[float, Field(gt=0.0, le=1e40)]
NotNegative = Annotated[float, Field(ge=0.0)]
PositiveEnergy = Annotated[Energy, Field(gt=0.0)]
PositiveLength = Annotated[Length, Field(gt=0.0)]
LengthNotNegative = Annotated[Length, Field(ge=0.0)]
AngleNotNegative = Annotated[Angle, Field(ge=0.0)]
EnergyNotNegative = Annotated[Energy, Field(ge=0.0)]
