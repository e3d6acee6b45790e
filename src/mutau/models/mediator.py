"""What a boson is, as its model declares it, and the refusal of what a calculation cannot do."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mutau.core.errors import MutauError
from mutau.models.base import LightBoson, Model
from mutau.models.vector import VectorModel

#: What a calculation with the couplings of a vector current declares.
VECTOR: Final = ("vector",)


def mediator_of(model: Model | type[LightBoson]) -> str:
    """What the boson of a model, or of a class of models, is: "vector", "scalar" or another kind.

    Raises MutauError for a class that does not declare it, or that takes its widths and moments
    from `VectorModel` but calls itself something else.
    """
    cls = model if isinstance(model, type) else type(model)
    tag = getattr(cls, "tag", cls.__name__)
    kind = getattr(cls, "mediator", None)
    if not (isinstance(kind, str) and kind):
        raise MutauError(
            f"model {tag!r} does not say what its boson is",
            place="model",
            remedy=f'write into {cls.__name__} for example mediator = "vector" or "scalar"',
        )
    if issubclass(cls, VectorModel) and kind != "vector":
        raise MutauError(
            f"model {tag!r} is a {kind} but derives from VectorModel, whose widths and moments are "
            "those of a vector",
            place="model",
            remedy="derive from mutau.models.LightBoson and give its own",
        )
    return kind


def check_mediator(what: str, mediators: Collection[str], model: Model | type[LightBoson]) -> None:
    """Raise MutauError, naming both, unless `what` can do the boson of this model.

    mediators : kinds that the calculation declares.
    """
    kind = mediator_of(model)
    if kind not in mediators:
        raise MutauError(
            f"{what} is not computed for {kind} mediators (model {model.tag!r})",
            place="model",
            allowed=f"{' or '.join(mediators)} mediators",
            remedy="'mutau show models' lists models with their mediator",
        )
