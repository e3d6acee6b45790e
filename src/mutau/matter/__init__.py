"""Materials, nuclei, atomic electrons, energy loss. Heavy parts load when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mutau.matter.elements import Element, element
    from mutau.matter.materials import Material, build, describe, material, names, sandwich

_PUBLIC = {
    "Element": "elements",
    "element": "elements",
    "Material": "materials",
    "build": "materials",
    "describe": "materials",
    "material": "materials",
    "names": "materials",
    "sandwich": "materials",
}

__all__ = ["Element", "Material", "build", "describe", "element", "material", "names", "sandwich"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mutau.matter' has no attribute {name!r}")
    return getattr(import_module(f"mutau.matter.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
