"""Models by their tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mutau.core.errors import MutauError
from mutau.models.base import REGISTRY, Model
from mutau.models.charges import PREFIX, charge_table, charges_class, load_charges
from mutau.models.dark_matter import USUAL_DARK_MATTER
from mutau.models.mediator import mediator_of
from mutau.models.vector import VectorModel


def model_class(tag: str) -> type[VectorModel]:
    """Class of a model by its registered tag, or by "charges:FILE" with a TOML file of charges.

    Raises UnknownName; FileError or Problems for the file; MutauError for a registered class that
    does not declare its mediator.
    """
    if not isinstance(tag, str):
        raise MutauError(
            f"{tag!r} is not the tag of a model",
            place="model",
            allowed=f"{', '.join(REGISTRY)} or {PREFIX}FILE",
        )
    if tag.startswith(PREFIX):
        return charges_class(load_charges(tag.removeprefix(PREFIX)))
    cls: type[VectorModel] = REGISTRY[tag]
    mediator_of(cls)
    return cls


def build_model(
    tag: str, mass: float, coupling: float, alpha_d: float = 0.0, mass_ratio: float = 3.0,
    dark_matter: str = USUAL_DARK_MATTER,
) -> Model:  # fmt: skip
    """Model by its tag, as `model_class`. mass in GeV; coupling is what the model's limits bound.

    dark_matter : kind of the dark matter particle (`dark_matter.DARK_MATTER`).

    Raises UnknownName for the tag, OutOfRange or MutauError for the numbers.

    >>> build_model("dark-photon", 0.1, 1e-4)
    DarkPhoton(mass=0.1, epsilon=0.0001, alpha_d=0.0, mass_ratio=3.0, dark_matter='complex-scalar')
    """
    cls = model_class(tag)
    if dark_matter == USUAL_DARK_MATTER:  # also those that know one kind only
        return cast(Model, cls.at(mass, coupling, alpha_d, mass_ratio))
    return cast(Model, cls.at(mass, coupling, alpha_d, mass_ratio, dark_matter))


def model_from_dict(values: Mapping[str, Any]) -> Model:
    """Model from what its `to_dict` gave. Raises MutauError if "model" is missing or unknown."""
    if "model" not in values:
        raise MutauError("model is missing", place="model", allowed=", ".join(REGISTRY))
    if "charges" in values:
        return cast(Model, charges_class(charge_table(values["charges"])).from_dict(values))
    return REGISTRY[values["model"]].from_dict(values)
