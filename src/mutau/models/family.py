"""A family of models: all that a model is but its mass and its coupling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from mutau.core.errors import MutauError
from mutau.core.storage import digest
from mutau.models.base import REGISTRY, Model, as_number
from mutau.models.dark_matter import USUAL_DARK_MATTER, dark_matter
from mutau.models.tags import build_model, model_class
from mutau.models.vector import VectorModel


@dataclass(frozen=True, slots=True)
class Family:
    """What a limit, a scan or a plane is about; its points differ in mass and coupling.

    model : a tag, as `model_class` takes it. alpha_d : coupling to dark matter, g_D^2/(4 pi);
    0 without a dark sector. mass_ratio : mass of the boson over that of the dark matter particle.
    dark_matter : kind of that particle, a name of `dark_matter.DARK_MATTER`.
    Raises UnknownName for the tag, FileError or Problems for a file of charges, MutauError for what
    is no number. Numbers that no point can have are refused by `at`.

    >>> Family("lmu-ltau", alpha_d=0.1, dark_matter="dirac").at(0.1, 1e-3)
    LmuMinusLtau(mass=0.1, coupling=0.001, alpha_d=0.1, mass_ratio=3.0, dark_matter='dirac')
    """

    model: str = "lmu-ltau"
    alpha_d: float = 0.0
    mass_ratio: float = 3.0
    dark_matter: str = USUAL_DARK_MATTER

    def __post_init__(self) -> None:
        model_class(self.model)
        for name in ("alpha_d", "mass_ratio"):
            object.__setattr__(self, name, as_number(name, getattr(self, name)))
        dark_matter(self.dark_matter)

    @classmethod
    def of(cls, family: Self | str) -> Self:
        """The family itself, or that of a tag without a dark sector. Raises as `Family`."""
        if isinstance(family, cls):
            return family
        if not isinstance(family, str):
            raise MutauError(
                f"{family!r} is neither a family of models nor a tag", place="family",
                allowed=", ".join(REGISTRY),
                remedy='write for example "lmu-ltau" or Family("lmu-ltau", alpha_d=0.1)',
            )  # fmt: skip
        return cls(family)

    def at(self, mass: float, coupling: float) -> Model:
        """The point of a mass (GeV) and a coupling. Raises as `build_model`."""
        return build_model(
            self.model, mass, coupling, self.alpha_d, self.mass_ratio, self.dark_matter
        )

    @property
    def point_class(self) -> type[VectorModel]:
        """Class of the points."""
        return model_class(self.model)

    @property
    def coupling_name(self) -> str:
        """What the points call their coupling: "coupling" or "epsilon"."""
        return self.point_class.coupling_name

    @property
    def sector(self) -> dict[str, Any]:
        """alpha_d and mass_ratio by name; with dark matter of a model that knows several kinds also
        dark_matter."""
        named = self.alpha_d > 0.0 and self.point_class.takes_dark_matter()
        kind = {"dark_matter": self.dark_matter} if named else {}
        return {"alpha_d": self.alpha_d, "mass_ratio": self.mass_ratio, **kind}

    def to_dict(self) -> dict[str, Any]:
        """model and `sector`: from which `Family(**...)` builds it again."""
        return {"model": self.model, **self.sector}

    @property
    def digest(self) -> str:
        """Digest for results; a file of charges counts by what it holds."""
        table = getattr(self.point_class, "table", None)
        held = table.to_dict() if table else self.model
        return digest(held, *self.sector.values())
