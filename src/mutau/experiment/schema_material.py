"""The schema's tables `[[material]]`, and the field that holds the name of a material."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from mutau.experiment.materials import MaterialName
from mutau.experiment.quantities import PositiveLength, Text, quantity
from mutau.experiment.schema_beam import FileTable

ArealDensity = Annotated[float, quantity("areal density"), Field(gt=0.0)]
Density = Annotated[float, quantity("density"), Field(gt=0.0)]
Parts = dict[str, Any]


def _described(name: str, info: ValidationInfo) -> MaterialName:
    """The name with its description, where the file has one (`loader.from_document`)."""
    own = info.context or {}
    return own.get(name) or MaterialName(name)


#: The name of a material, bundled or described in the same file.
MaterialText = Annotated[Text, AfterValidator(_described)]


class DescribedMaterial(FileTable):
    """A material that the file describes; every other table may then name it.

    atoms : relative numbers of atoms, { Pb = 1, W = 1, O = 4 }. mass : mass fractions of elements
    or of other materials. volume : volume fractions of materials, mixed. layers : of materials in
    one period, by thickness, or by fraction of the thickness `period`. density : of what `atoms`
    and `mass` describe; for volume and layers it follows. Other keys take the place of what would
    be computed from the composition: radiation_length, nuclear_interaction_length (g/cm^2),
    mean_excitation_energy, density_effect [cbar, x0, x1, a, k, delta0] at density_effect_at.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    density: Density | None = None
    state: Literal["solid", "liquid", "gas"] = "solid"
    atoms: Parts | None = None
    mass: Parts | None = None
    volume: Parts | None = None
    layers: Parts | None = None
    period: PositiveLength | None = None
    radiation_length: ArealDensity | None = None
    nuclear_interaction_length: ArealDensity | None = None
    mean_excitation_energy: Annotated[float, quantity("energy"), Field(gt=0.0)] | None = None
    density_effect: (
        Annotated[
            tuple[float, float, float, float, float, float],
            BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
        ]
        | None
    ) = None
    density_effect_at: Density | None = None
    source: Text | None = None
