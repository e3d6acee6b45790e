"""A nucleus as a reaction sees it: charge, mass, form factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mutau.core.constants import M_U
from mutau.core.deprecation import old_keywords
from mutau.matter.elements import Element
from mutau.matter.form_factors import FormFactor, form_factor_parameters


@dataclass(frozen=True, slots=True)
class Nucleus:
    """A spin-0 nucleus with the form factor that a virtual photon sees.

    z, a : charge number, atomic weight. form_factor : "elastic", "elastic+inelastic", "unscreened"
    or "point" (`matter.form_factors`).
    Raises UnknownName for another form factor, OutOfRange for z outside [1, 120] or a outside
    [1, 300]. Check: the mass of hydrogen's is 0.939 GeV.

    >>> f"{Nucleus(82.0, 207.2).mass:.1f} GeV"
    '193.0 GeV'
    """

    z: float
    a: float
    form_factor: str = "elastic"

    def __post_init__(self) -> None:
        form_factor_parameters(self.form_factor, self.z, self.a)

    @classmethod
    def of(cls, element: Element, form_factor: str = "elastic") -> Nucleus:
        """The mean nucleus of an element in its natural mixture."""
        return cls(float(element.z), element.a, form_factor)

    @property
    def mass(self) -> float:
        """a u, GeV."""
        return self.a * M_U

    @property
    def shape(self) -> FormFactor:
        """What kernels need of the form factor."""
        return form_factor_parameters(self.form_factor, self.z, self.a)

    @property
    def pdg(self) -> int:
        """PDG code 100ZZZAAA0 of the isotope nearest to (z, a).

        >>> Nucleus(82.0, 207.2).pdg
        1000822070
        """
        return 1_000_000_000 + round(self.z) * 10_000 + round(self.a) * 10


#: Decorator for functions that took charge number, atomic weight and form factor one by one.
one_nucleus: Final = old_keywords(
    "nucleus",
    Nucleus,
    {"z": "z", "a": "a", "form_factor": "form_factor"},
    gone_in="0.2.0",
)
