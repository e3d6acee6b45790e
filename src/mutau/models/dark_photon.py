"""The dark photon: a vector boson that couples to the electromagnetic current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import E_CHARGE
from mutau.models.base import REGISTRY, Array, check_lepton
from mutau.models.dark_matter import USUAL_DARK_MATTER
from mutau.models.formulas import lepton_pair_width
from mutau.models.mixing import finite_q2
from mutau.models.vector import VectorModel

#: Ceiling of R = sigma(e+e- -> hadrons)/sigma(mu+mu-, massless) below the J/psi: at the phi,
#: 12 pi B_ee/m^2 over 4 pi alpha^2/(3 m^2) = 9 B_ee/alpha^2 = 50 with B_ee = 2.98e-4 (PDG 2024).
R_CEILING: Final = 60.0


@REGISTRY.register("dark-photon")
@dataclass(frozen=True, slots=True)
class DarkPhoton(VectorModel):
    """A' with kinetic mixing: every lepton couples with e epsilon to the vector current.

    mass : float, GeV. epsilon : float. alpha_d : float, g_D^2/(4 pi) of dark matter.
    mass_ratio : float, A' mass over dark matter mass. dark_matter : its kind.
    Hadrons are not a channel. Below two pion masses there are none. Above, total width and
    branchings are given only where a ceiling on R(s) bounds the neglected fraction below 0.1 %,
    which a dark sector brings about (epsilon^2 alpha R/3 against alpha_d/12 beta^3) and whose
    absence is refused; partial widths hold everywhere.
    Raises OutOfRange or MutauError for numbers that make no model.
    Source: M. Fabbrichesi, E. Gabrielli, G. Lanfranchi, arXiv:2005.01515.

    >>> f"{DarkPhoton(mass=0.1, epsilon=1e-3).width_total:.3e}"
    '2.432e-10'
    """

    mass: float
    epsilon: float
    alpha_d: float = 0.0
    mass_ratio: float = 3.0
    dark_matter: str = USUAL_DARK_MATTER

    tag: ClassVar[str] = "dark-photon"
    mediator: ClassVar[str] = "vector"
    title: ClassVar[str] = "dark photon"
    coupling_name: ClassVar[str] = "epsilon"
    coupling_max: ClassVar[float] = 1.0
    channels: ClassVar[tuple[str, ...]] = ("ee", "mumu", "tautau", "chichi")
    invisible_channels: ClassVar[tuple[str, ...]] = ("chichi",)
    neutrino_charges: ClassVar[tuple[float, float, float]] = (0.0, 0.0, 0.0)

    @property
    def coupling(self) -> float:
        """The kinetic mixing epsilon, under the name common to all models."""
        return self.epsilon

    @property
    def width_total(self) -> float:
        """Total width, GeV: the sum over `channels`; 0 if all of them are closed.

        Raises OutOfRange where decays into hadrons, which are left out, may exceed 0.1 %.
        """
        massless = float(lepton_pair_width(E_CHARGE * self.epsilon, self.mass, 0.0))
        return self._width_with_hadrons_below(R_CEILING * massless)

    def kinetic_mixing(self, q2: ArrayLike) -> NDArray[np.complex128]:
        """epsilon at every q2 (array_like, GeV^2), complex with zero imaginary part."""
        return np.full(finite_q2(q2).shape, complex(self.epsilon))

    def lepton_coupling(self, lepton: str) -> float:
        """e epsilon for "e", "mu" and "tau"; dimensionless."""
        check_lepton(lepton)
        return E_CHARGE * self.epsilon

    @classmethod
    def _coupling_from_muon(cls, vector_coupling: Array) -> Array:
        return vector_coupling / E_CHARGE
