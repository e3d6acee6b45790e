"""mutau: a light Z' boson from its Lagrangian to an exclusion plot, for fixed-target experiments.

Masses and energies are GeV, lengths cm, cross sections pb, angles rad. Import from here:
names load when first used, so `import mutau` needs NumPy only.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mutau._version import __version__

if TYPE_CHECKING:
    from mutau.core.errors import MutauError
    from mutau.core.types import Events, Exclusion, Yields

_PUBLIC = {
    "MutauError": "mutau.core.errors",
    "Events": "mutau.core.types",
    "Yields": "mutau.core.types",
    "Exclusion": "mutau.core.types",
}

__all__ = ["Events", "Exclusion", "MutauError", "Yields", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mutau' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
