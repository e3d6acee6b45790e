"""The gauge boson of muon number minus tau number, with or without a dark sector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import E_CHARGE, M_MU, M_TAU
from mutau.models.base import COUPLING_MAX, REGISTRY, Array, check_lepton
from mutau.models.dark_matter import USUAL_DARK_MATTER
from mutau.models.formulas import neutrino_pair_width
from mutau.models.mixing import loop_mixing
from mutau.models.vector import VectorModel


@REGISTRY.register("lmu-ltau")
@dataclass(frozen=True, slots=True)
class LmuMinusLtau(VectorModel):
    """Z' of L_mu - L_tau: L = -g' Z'_a (mu ga mu + nu_mu ga P_L nu_mu - tau ga tau - nu_tau ...).

    mass : float, GeV. coupling : float, g'. alpha_d : float, g_D^2/(4 pi) of dark matter.
    mass_ratio : float, Z' mass over dark matter mass. dark_matter : its kind.
    Raises OutOfRange or MutauError for numbers that make no model.
    Source: Yu. M. Andreev et al. (NA64), arXiv:2404.06982, sec. 2; H. Sieber et al.,
    Phys. Rev. D 105, 052006 (2022), sec. I. Eq. 4 of the latter reads as if the neutrino width
    g'^2 m/(12 pi) were per flavour; with left-handed neutrinos it is that of both together.
    Left out: the loop's correction to the muon's own coupling (below 0.7 %) and decays into
    hadrons by mixing (below 0.03 % of the width at the phi, 0.01 % elsewhere under 3 GeV).

    >>> z = LmuMinusLtau(mass=0.1, coupling=1e-3)
    >>> f"{z.width_total:.3e} {z.branching_invisible:.5f}"
    '2.653e-09 0.99998'
    """

    mass: float
    coupling: float
    alpha_d: float = 0.0
    mass_ratio: float = 3.0
    dark_matter: str = USUAL_DARK_MATTER

    tag: ClassVar[str] = "lmu-ltau"
    mediator: ClassVar[str] = "vector"
    title: ClassVar[str] = "gauge boson of L_mu - L_tau"
    coupling_name: ClassVar[str] = "coupling"
    coupling_max: ClassVar[float] = COUPLING_MAX
    channels: ClassVar[tuple[str, ...]] = ("nunu", "mumu", "tautau", "ee", "chichi")
    invisible_channels: ClassVar[tuple[str, ...]] = ("nunu", "chichi")
    mixing_thresholds: ClassVar[tuple[float, ...]] = (4.0 * M_MU**2, 4.0 * M_TAU**2)
    neutrino_charges: ClassVar[tuple[float, float, float]] = (0.0, 1.0, -1.0)

    def _visible_width(self, channel: str) -> float:
        if channel == "nunu":
            return 2.0 * float(neutrino_pair_width(self.coupling, self.mass))
        return VectorModel._visible_width(self, channel)

    def kinetic_mixing(self, q2: ArrayLike) -> NDArray[np.complex128]:
        """Pi(q2) of the muon and tau loops; q2 array_like, GeV^2. arXiv:2404.06982, eq. 2.3."""
        return loop_mixing(q2, self.coupling)

    def lepton_coupling(self, lepton: str) -> float:
        """g' for "mu", -g' for "tau", e |Pi(m^2)| for "e"; dimensionless, on the mass shell."""
        check_lepton(lepton)
        if lepton == "e":
            return E_CHARGE * self.epsilon_eff
        return self.coupling if lepton == "mu" else -self.coupling

    @classmethod
    def _coupling_from_muon(cls, vector_coupling: Array) -> Array:
        return vector_coupling
