"""Properties of matter: materials, nuclei, atomic electrons, losses, scattering.

Why it is as it is. What a muon loses in a centimetre of lead depends on lead, not on an
experiment; so cross sections of radiation, pairs, knock-on electrons, photonuclear losses and
scattering stand here, and what carries a particle along a path stands in `transport`. Each process
is given as a differential cross section with its source, integrated here once: mean losses, rates
above a cut and the samplers all come from the same density, so they cannot contradict one another.

Materials are data with density, composition and source; what a table does not give follows from
the composition by stated rules. Form factors carry the nucleus's size and the atom's screening;
where a parametrisation stops holding its docstring says so, and the function refuses or warns
there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mutau.matter.elements import Element, element
    from mutau.matter.materials import Material, build, describe, material, names, sandwich
    from mutau.matter.muon_energy_loss import (
        csda_range,
        mean_energy_after,
        stopping_power,
        stopping_power_parts,
    )

_PUBLIC = {
    "Element": "elements",
    "element": "elements",
    "Material": "materials",
    "build": "materials",
    "describe": "materials",
    "material": "materials",
    "names": "materials",
    "sandwich": "materials",
    "csda_range": "muon_energy_loss",
    "mean_energy_after": "muon_energy_loss",
    "stopping_power": "muon_energy_loss",
    "stopping_power_parts": "muon_energy_loss",
}

__all__ = [
    "Element",
    "Material",
    "build",
    "csda_range",
    "describe",
    "element",
    "material",
    "mean_energy_after",
    "names",
    "sandwich",
    "stopping_power",
    "stopping_power_parts",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mutau.matter' has no attribute {name!r}")
    return getattr(import_module(f"mutau.matter.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
