"""A nucleus, or the electrons around it, as a reaction sees it: charge, mass, form factor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from mutau.core.constants import M_E, M_U
from mutau.core.deprecation import old_keywords
from mutau.matter.elements import Element, radiation_logarithms
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
    def half_spin(self) -> bool:
        """Whether it is a fermion: no."""
        return False

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


@dataclass(frozen=True, slots=True)
class AtomicElectrons:
    """The z electrons of an atom as targets, each free and at rest, incoherently.

    form_factor : as of `Nucleus`; "unscreened" and "point" for free electrons. Otherwise the atom
    may stay as it is: z S(t), S = [t/(t + s)]^2, with the s that gives Tsai's radiation logarithm
    of electrons, L' = (1 - ln(s/m_e^2))/2. Holds while the energy that one takes is large against
    its binding; the motion in the atom, up to z alpha m_e, is left out. Raises as `Nucleus`.
    Check: the logarithm of beryllium, 5.92.

    >>> AtomicElectrons(4.0).mass == M_E
    True
    """

    z: float
    form_factor: str = "elastic"

    def __post_init__(self) -> None:
        form_factor_parameters(self.form_factor, self.z, 1.0)

    @property
    def half_spin(self) -> bool:
        """Whether they are fermions: yes."""
        return True

    @property
    def mass(self) -> float:
        """Of one, GeV."""
        return M_E

    @property
    def shape(self) -> FormFactor:
        """z S(t) for kernels."""
        screen = 0.0
        if self.form_factor not in ("unscreened", "point"):
            screen = M_E**2 * math.exp(1.0 - 2.0 * radiation_logarithms(self.z)[1])
        return FormFactor(self.z, screen, 0.0, 0.0, 0.0)

    @property
    def pdg(self) -> int:
        """PDG code."""
        return 11


#: Decorator for functions that took charge number, atomic weight and form factor one by one.
one_nucleus: Final = old_keywords(
    "nucleus",
    Nucleus,
    {"z": "z", "a": "a", "form_factor": "form_factor"},
    gone_in="0.2.0",
)
