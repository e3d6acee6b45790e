"""Bosons that couple to vector currents: widths, mixing with the photon, the muon's moment."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_E, M_MU, M_TAU
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.models.base import Array, LightBoson
from mutau.models.dark_matter import USUAL_DARK_MATTER, dark_matter_width
from mutau.models.formulas import lepton_pair_width
from mutau.models.mixing import breit_wigner_average
from mutau.models.muon_moment import (
    CouplingBand,
    vector_coupling_band,
    vector_coupling_for_moment,
    vector_moment,
)

#: Channel -> lepton and its mass, GeV.
_PAIRS: Final = {"ee": ("e", M_E), "mumu": ("mu", M_MU), "tautau": ("tau", M_TAU)}


class VectorModel(LightBoson):
    """Common part of bosons that couple to lepton vector currents and, perhaps, to a dark sector.

    Subclasses are frozen dataclasses as `LightBoson` describes, with `mediator = "vector"`.
    The dark sector is one particle chi of a kind of `dark_matter.DARK_MATTER`, with the coupling
    g_D = sqrt(4 pi alpha_d).
    """

    mixing_thresholds: ClassVar[tuple[float, ...]] = ()
    #: Charges of nu_e, nu_mu, nu_tau in units of the coupling; None where the model does not say.
    neutrino_charges: ClassVar[tuple[float, float, float] | None] = None

    __slots__ = ()

    def _width_into(self, channel: str) -> float:
        if channel == "chichi":
            mass, _, alpha_d, mass_ratio = self._values()
            kind = self.dark_matter or USUAL_DARK_MATTER
            return float(dark_matter_width(kind, alpha_d, mass, mass_ratio))
        return self._visible_width(channel)

    def _visible_width(self, channel: str) -> float:
        """Width of one channel other than chichi, GeV; the channel is known to exist.

        Here that of a pair of charged leptons.
        """
        lepton, lepton_mass = _PAIRS[channel]
        return float(
            lepton_pair_width(self.lepton_coupling(lepton), self._values()[0], lepton_mass)
        )

    @abstractmethod
    def kinetic_mixing(self, q2: ArrayLike) -> NDArray[np.complex128]:
        """Kinetic mixing with the photon at q2 (array_like, GeV^2, spacelike negative), complex."""

    @abstractmethod
    def lepton_coupling(self, lepton: str) -> float:
        """Vector coupling to "e", "mu" or "tau" on the mass shell, dimensionless, with its sign."""

    @classmethod
    @abstractmethod
    def _coupling_from_muon(cls, vector_coupling: Array) -> Array:
        """The model's coupling that gives this vector coupling to the muon."""

    @property
    def epsilon_eff(self) -> float:
        """Effective kinetic mixing |Pi(m^2)|: electrons couple with e times this number."""
        mass = self._values()[0]
        return float(np.abs(self.kinetic_mixing(mass * mass)))

    def average_mixing_squared(self, q_max: float = np.inf) -> float:
        """|Pi|^2 averaged over the line shape in the decay into dark matter.

        q_max : upper end of the mass of the dark matter pair, GeV. The default, no end, differs
        from any kinematic one far above the mass by less than 2 Gamma/(pi q_max), relatively.
        Returns float; equals epsilon_eff^2 up to about Gamma/m.
        Raises MutauError without a decay into a dark sector, OutOfRange if q_max is not above the
        mass.
        Source: Yu. M. Andreev et al., arXiv:2404.06982, eq. 5.1, from 4 m_chi^2, constant width.
        Approximation of the source: the width is that of the decay into dark matter alone.
        """
        mass = self._values()[0]
        if not q_max > mass:
            raise OutOfRange(f"q_max = {q_max} GeV is not above the mass {mass:g} GeV")
        if 2.0 * self.mass_chi >= mass:
            raise MutauError(f"{self} does not decay into dark matter, so there is no line")
        return breit_wigner_average(
            lambda q2: np.abs(self.kinetic_mixing(q2)) ** 2,
            mass,
            self.width("chichi"),
            4.0 * self.mass_chi**2,
            q_max * q_max,
            self.mixing_thresholds,
        )

    def delta_a_mu(self) -> float:
        """Contribution to the anomalous magnetic moment of the muon, one loop (NA64mu eq. 3)."""
        return float(vector_moment(self.lepton_coupling("mu"), self._values()[0]))

    @classmethod
    def coupling_for_delta_a_mu(cls, mass: ArrayLike, delta_a: ArrayLike) -> Array:
        """Coupling that contributes `delta_a` to a_mu. mass : array_like, GeV. Returns array.

        Raises OutOfRange for a negative delta_a or a mass that is not positive.
        """
        return cls._coupling_from_muon(vector_coupling_for_moment(mass, delta_a))

    @classmethod
    def g_minus_2_band(cls, mass: ArrayLike, year: int, n_sigma: float = 2.0) -> CouplingBand:
        """Couplings that bring a_mu within `n_sigma` of the measurement of a reference year.

        mass : array_like, GeV. year : 2006, 2021, 2023 or 2025 (data/gm2.toml).
        Returns CouplingBand(lower, upper); lower is 0 where the band includes no new physics.
        """
        band = vector_coupling_band(mass, year, n_sigma)
        return CouplingBand(
            cls._coupling_from_muon(band.lower), cls._coupling_from_muon(band.upper)
        )

    @classmethod
    def thermal_target(cls, mass: ArrayLike, alpha_d: float, mass_ratio: float = 3.0) -> Array:
        """Coupling at which dark matter keeps the observed abundance, as the NA64-e paper draws it.

        mass : array_like, GeV, of the boson. alpha_d > 0; mass_ratio > 2 (boson over dark matter).
        Returns float64 array. Raises OutOfRange for alpha_d or mass_ratio outside.
        Source: arXiv:2404.06982, eq. 2.2: g_D^2 g^2 (m_chi/m)^4 = 3e-15 (m_chi/MeV)^2, a rule of
        thumb far from the resonance m = 2 m_chi; it does not resolve the spin of chi nor the
        muon threshold. docs/validation/models.md compares it with a freeze-out estimate.
        """
        m = np.asarray(mass, float)
        require_in_range("alpha_d", alpha_d, 0.0, 1.0, open_low=True)
        require_in_range("mass_ratio", mass_ratio, 2.0, np.inf, open_low=True)
        if not np.all((m > 0.0) & np.isfinite(m)):
            raise OutOfRange("a mass is not positive and finite", allowed="mass > 0 GeV")
        chi_mev = 1e3 * m / mass_ratio
        g = np.sqrt(3e-15) * chi_mev * mass_ratio**2 / np.sqrt(4.0 * np.pi * alpha_d)
        return cls._coupling_from_muon(np.asarray(g))
