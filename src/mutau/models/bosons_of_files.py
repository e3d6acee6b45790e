"""Scalars, pseudoscalars and axial vectors with the couplings of a file.

    scalar        L = -S sum g_f fbar f              pseudoscalar  L = -P sum g_f fbar i gamma_5 f
    axial vector  L = -A_a sum g_f fbar gamma^a gamma_5 f, neutrinos left-handed

The dark matter particle of these models is a Dirac fermion that couples in the same way, with
g_D = sqrt(4 pi alpha_D). A spin-0 boson couples to neutrinos as to other fermions (its width needs
a light right-handed partner); left-handed ones take part in the axial current with half the width.

Decays into two photons go by loops of the charged leptons; an axial vector has none (Landau, Yang),
and its decay into three is left out. Decays into hadrons are left out: they need couplings to
quarks, or two loops.

The longitudinal part of an axial vector couples like a pseudoscalar of coupling 2 g m_l/m, which
grows as the boson gets light: (g-2)_mu as m_mu^2/m^2, emission likewise. Where that coupling
passes sqrt(4 pi) the expansion in it has no meaning, and the model is refused: a light axial vector
of massive leptons needs the field that gives both their mass.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike

from mutau.core.constants import M_E, M_MU, M_TAU
from mutau.core.errors import MutauError, OutOfRange
from mutau.models.base import COUPLING_MAX, LEPTONS, Array, LightBoson, check_lepton
from mutau.models.formulas import fermion_pair_width, neutrino_pair_width, photon_pair_width
from mutau.models.muon_moment import CouplingBand, coupling_band, moment

MASSES: Final = {"e": M_E, "mu": M_MU, "tau": M_TAU}
_PAIRS: Final = {"ee": "e", "mumu": "mu", "tautau": "tau"}
_NEUTRINOS: Final = ("nue", "numu", "nutau")
#: Decay channels, by kind.
CHANNELS: Final = {
    "scalar": ("nunu", "ee", "mumu", "tautau", "gammagamma", "chichi"),
    "pseudoscalar": ("nunu", "ee", "mumu", "tautau", "gammagamma", "chichi"),
    "axial-vector": ("nunu", "ee", "mumu", "tautau", "chichi"),
}


class Couplings(Protocol):
    """What a table of couplings has to offer (`charges.ChargeTable`)."""

    @property
    def by_mass(self) -> bool:
        """Whether couplings of charged leptons go with their mass."""
        ...

    def of(self, fermion: str) -> float:
        """Coupling of one fermion, in units of the model's."""
        ...


class OtherBoson(LightBoson):
    """Common part of the models that `charges.charges_class` makes for kinds but the vector.

    Its classes have `table` and `mediator`; fields mass, coupling, alpha_d = 0, mass_ratio = 3.
    """

    table: ClassVar[Couplings]
    coupling_name: ClassVar[str] = "coupling"
    coupling_max: ClassVar[float] = COUPLING_MAX
    invisible_channels: ClassVar[tuple[str, ...]] = ("nunu", "chichi")

    __slots__ = ()

    def __post_init__(self) -> None:
        LightBoson.__post_init__(self)
        if self.mediator != "axial-vector":
            return
        mass, coupling, _, _ = self._values()
        steepest = max(abs(self.per_coupling(name)) * MASSES[name] for name in LEPTONS)
        if 2.0 * coupling * steepest > COUPLING_MAX * mass:
            raise OutOfRange(
                f"coupling = {coupling:g}: the longitudinal part of {self.title} of {mass:g} GeV "
                f"couples with {2.0 * coupling * steepest / mass:.3g}, which is not perturbative",
                place="coupling",
                allowed=f"up to {0.5 * COUPLING_MAX * mass / steepest:.4g} at this mass",
            )

    @classmethod
    def per_coupling(cls, fermion: str) -> float:
        """Coupling of a fermion over the model's; in proportion to mass, over that of the muon."""
        scale = MASSES[fermion] / M_MU if cls.table.by_mass and fermion in MASSES else 1.0
        return cls.table.of(fermion) * scale

    def lepton_coupling(self, lepton: str) -> float:
        """Coupling to "e", "mu" or "tau", dimensionless, with its sign."""
        check_lepton(lepton)
        return self._values()[1] * self.per_coupling(lepton)

    def width_at(self, channel: str, masses: ArrayLike) -> Array:
        """Partial width of a boson of other masses (array_like, GeV), dark matter kept; GeV."""
        m = np.asarray(masses, float)
        mass, coupling, alpha_d, mass_ratio = self._values()
        if channel == "chichi":
            g_d = math.sqrt(4.0 * math.pi * alpha_d)
            return fermion_pair_width(self.mediator, g_d, m, mass / mass_ratio)
        if channel == "nunu":
            squared = sum(self.per_coupling(name) ** 2 for name in _NEUTRINOS)
            if self.mediator == "axial-vector":
                return squared * neutrino_pair_width(coupling, m)
            return squared * fermion_pair_width(self.mediator, coupling, m, 0.0)
        if channel == "gammagamma":
            couplings = [self.lepton_coupling(name) for name in LEPTONS]
            return photon_pair_width(self.mediator, couplings, [*MASSES.values()], m)
        lepton = _PAIRS[channel]
        return fermion_pair_width(self.mediator, self.lepton_coupling(lepton), m, MASSES[lepton])

    def _width_into(self, channel: str) -> float:
        return float(self.width_at(channel, self._values()[0]))

    def delta_a_mu(self) -> float:
        """Contribution to the anomalous magnetic moment of the muon, one loop, with its sign."""
        return float(moment(self.mediator, self.lepton_coupling("mu"), self._values()[0]))

    @classmethod
    def g_minus_2_band(cls, mass: ArrayLike, year: int, n_sigma: float = 2.0) -> CouplingBand:
        """Couplings that bring a_mu within `n_sigma` of the measurement of a reference year.

        mass : array_like, GeV. Raises OutOfRange where the boson moves a_mu the wrong way,
        MutauError where it does not couple to muons.
        """
        muon = abs(cls.per_coupling("mu"))
        if not muon:
            raise MutauError(f"{cls.title} does not couple to muons: it moves no a_mu")
        band = coupling_band(cls.mediator, mass, year, n_sigma)
        return CouplingBand(band.lower / muon, band.upper / muon)
