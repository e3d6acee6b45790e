"""Materials, nuclei, atomic electrons, energy loss. Heavy parts load when first used."""

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
