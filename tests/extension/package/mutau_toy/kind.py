"""A boson of left-handed leptons, (1 - gamma_5)/2: a kind that mutau does not have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from mutau.models import LightBoson
from mutau.models.formulas import neutrino_pair_width
from mutau.models.muon_moment import moment
from mutau.reactions.bosons import Boson

#: The vector and the axial coupling are half of the model's, so their squares are a quarter of it.
KIND = Boson(vector=0.25, axial=0.25)


@dataclass(frozen=True, slots=True)
class ToyLeft(LightBoson):
    """g X_a (mubar gamma^a P_L mu + ebar gamma^a P_L e), and their neutrinos."""

    tag: ClassVar[str] = "toy-left"
    mediator: ClassVar[str] = "toy-left-handed"
    title: ClassVar[str] = "toy boson of left-handed leptons"
    coupling_name: ClassVar[str] = "coupling"
    coupling_max: ClassVar[float] = math.sqrt(4.0 * math.pi)
    channels: ClassVar[tuple[str, ...]] = ("nunu",)
    invisible_channels: ClassVar[tuple[str, ...]] = ("nunu",)

    mass: float
    coupling: float
    alpha_d: float = 0.0
    mass_ratio: float = 3.0

    def _width_into(self, channel: str) -> float:
        return 2.0 * float(neutrino_pair_width(self.coupling, self.mass))

    def lepton_coupling(self, lepton: str) -> float:
        """The model's coupling; what is vector and what axial in it is in `KIND`."""
        return 0.0 if lepton == "tau" else self.coupling

    def delta_a_mu(self) -> float:
        """Half vector and half axial coupling, one loop each."""
        half = 0.5 * self.coupling
        return sum(float(moment(kind, half, self.mass)) for kind in ("vector", "axial-vector"))
