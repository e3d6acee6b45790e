"""Models: couplings, widths, branchings, loop-induced mixing, the muon's magnetic moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mutau.core.errors import MutauError
from mutau.models.base import REGISTRY, Model, VectorModel
from mutau.models.dark_photon import DarkPhoton
from mutau.models.lmu_ltau import LmuMinusLtau
from mutau.models.mixing import loop_mixing
from mutau.models.muon_moment import (
    CouplingBand,
    MomentReference,
    moment_reference,
    moment_references,
)

__all__ = [
    "REGISTRY",
    "CouplingBand",
    "DarkPhoton",
    "LmuMinusLtau",
    "Model",
    "MomentReference",
    "VectorModel",
    "build_model",
    "loop_mixing",
    "model_class",
    "model_from_dict",
    "moment_reference",
    "moment_references",
]


def model_class(tag: str) -> type[VectorModel]:
    """Class of a model by its registered tag. Raises UnknownName."""
    return REGISTRY[tag]


def build_model(
    tag: str, mass: float, coupling: float, alpha_d: float = 0.0, mass_ratio: float = 3.0
) -> Model:
    """Model by its registered tag. mass in GeV; coupling is what the model's limits bound.

    Raises UnknownName for the tag, OutOfRange or MutauError for the numbers.

    >>> build_model("dark-photon", 0.1, 1e-4)
    DarkPhoton(mass=0.1, epsilon=0.0001, alpha_d=0.0, mass_ratio=3.0)
    """
    return REGISTRY[tag].at(mass, coupling, alpha_d, mass_ratio)


def model_from_dict(values: Mapping[str, Any]) -> Model:
    """Model from what its `to_dict` gave. Raises MutauError if "model" is missing or unknown."""
    if "model" not in values:
        raise MutauError("model is missing", place="model", allowed=", ".join(REGISTRY))
    return REGISTRY[values["model"]].from_dict(values)
