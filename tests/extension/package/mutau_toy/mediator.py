"""A scalar that couples to muons and, if alpha_d > 0, to dark matter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from scipy.integrate import quad

from mutau.core.constants import M_MU
from mutau.models import LightBoson


@dataclass(frozen=True, slots=True)
class ToyScalar(LightBoson):
    """A light scalar of the muon: y phi mu mu, with a dark fermion beside it."""

    tag: ClassVar[str] = "toy-scalar"
    mediator: ClassVar[str] = "scalar"
    title: ClassVar[str] = "toy scalar"
    coupling_name: ClassVar[str] = "coupling"
    coupling_max: ClassVar[float] = math.sqrt(4.0 * math.pi)
    channels: ClassVar[tuple[str, ...]] = ("mumu", "chichi")
    invisible_channels: ClassVar[tuple[str, ...]] = ("chichi",)

    mass: float
    coupling: float
    alpha_d: float = 0.0
    mass_ratio: float = 3.0

    def _width_into(self, channel: str) -> float:
        # y^2 m/(8 pi) (1 - 4 r^2)^(3/2), r = m_f/m: the P wave of a scalar into two fermions
        dark = channel == "chichi"
        strength = 4.0 * math.pi * self.alpha_d if dark else self.coupling**2
        r = 1.0 / self.mass_ratio if dark else M_MU / self.mass
        return strength * self.mass / (8.0 * math.pi) * max(1.0 - 4.0 * r * r, 0.0) ** 1.5

    def lepton_coupling(self, lepton: str) -> float:
        """y of the muon, GeV-independent; nothing else couples."""
        return self.coupling if lepton == "mu" else 0.0

    def delta_a_mu(self) -> float:
        """One loop: y^2/(8 pi^2) int_0^1 (1-x)^2 (1+x)/((1-x)^2 + x m^2/m_mu^2) dx."""
        r2 = (self.mass / M_MU) ** 2
        loop, _ = quad(lambda x: (1 - x) ** 2 * (1 + x) / ((1 - x) ** 2 + x * r2), 0.0, 1.0)
        return self.coupling**2 / (8.0 * math.pi**2) * loop
