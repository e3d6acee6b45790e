"""Bremsstrahlung of a Z' by a muon on a nucleus, mu N -> mu N Z'.

`total`, `totals`, `differential_x`, `differential_x_theta` and `differential_x_psi` are the methods
of `bremsstrahlung.Bremsstrahlung` for the muon: exact tree level, and the Weizsaecker-Williams
approximations: for 160 GeV on lead and 1 MeV to 1 GeV, ww is within 1 %, iww 1.1 to 2.5 times too
large. Energies and masses in GeV, cross sections in pb. The coupling is g' of the model.

>>> sigma = total(160.0, 0.1, Nucleus(82.0, 207.2), coupling=3.0282e-5).sigma_pb
>>> f"{sigma:.3g} pb"
'9.48 pb'
"""

from __future__ import annotations

from typing import Final

from mutau.matter.nucleus import Nucleus
from mutau.reactions.bremsstrahlung import Bremsstrahlung

__all__ = [
    "MUON",
    "Nucleus",
    "differential_x",
    "differential_x_psi",
    "differential_x_theta",
    "total",
    "totals",
]

MUON: Final = Bremsstrahlung("muon")

total: Final = MUON.total
totals: Final = MUON.totals
differential_x: Final = MUON.differential_x
differential_x_theta: Final = MUON.differential_x_theta
differential_x_psi: Final = MUON.differential_x_psi
