"""Bremsstrahlung of a Z' by an electron or positron on a nucleus, e N -> e N Z'.

`total`, `totals`, `differential_x`, `differential_x_theta` and `differential_x_psi` are the methods
of `bremsstrahlung.Bremsstrahlung` for the electron: exact tree level, stable down to a Z' of 1 keV,
and the Weizsaecker-Williams approximations: for 100 GeV on lead 0.7 times the exact result below
1 MeV, 1.3 to 1.45 times above 0.1 GeV. Electrons and positrons have the same cross section.
Energies and masses in GeV, cross sections in pb. The coupling is e times epsilon_eff of the model.

>>> sigma = total(100.0, 0.1, Nucleus(82.0, 207.2), coupling=3.0282e-5).sigma_pb
>>> f"{sigma:.3g} pb"
'104 pb'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import OutOfRange
from mutau.matter.nucleus import Nucleus, one_nucleus
from mutau.reactions.bremsstrahlung import Bremsstrahlung

ELECTRON: Final = Bremsstrahlung("electron")

total: Final = ELECTRON.total
totals: Final = ELECTRON.totals
differential_x: Final = ELECTRON.differential_x
differential_x_theta: Final = ELECTRON.differential_x_theta
differential_x_psi: Final = ELECTRON.differential_x_psi


@dataclass(frozen=True, slots=True)
class KFactors:
    """Ratio of the exact cross section to the iww approximation, on a grid.

    masses : (M,), GeV. energies : (E,), GeV. ratio, ratio_err : (M, E), the error numerical.
    """

    masses: NDArray[np.float64]
    energies: NDArray[np.float64]
    ratio: NDArray[np.float64]
    ratio_err: NDArray[np.float64]


@one_nucleus
def k_factors(
    masses: ArrayLike,
    energies: ArrayLike,
    nucleus: Nucleus,
    *,
    x_min: float = 0.0,
    x_max: float = 1.0,
) -> KFactors:
    """Factors exact/iww that correct a simulation based on the iww approximation.

    masses : (M,) GeV. energies : (E,) GeV. Other arguments as `total`.
    Returns KFactors. They correct the total only: the spectra differ too. Raises OutOfRange where
    a mass is above the kinematic limit of an energy, or the window is empty, and as `total`.
    Source: factors of this kind are introduced by Gninenko et al., Phys. Lett. B 782 (2018) 406.
    Check: for 100 GeV on lead, 1.42 at 1 keV and 0.35 at 1 GeV.
    """
    mass, energy = (
        np.atleast_1d(np.asarray(masses, float)),
        np.atleast_1d(np.asarray(energies, float)),
    )
    exact, iww = (
        totals(energy, mass[:, None], nucleus, method=method, x_min=x_min, x_max=x_max)
        for method in ("exact", "iww")
    )
    closed = np.argwhere((exact.sigma_pb <= 0.0) | (iww.sigma_pb <= 0.0))
    if len(closed):
        row, column = closed[0]
        raise OutOfRange(
            f"no Z' of mass {mass[row]:g} GeV at {energy[column]:g} GeV: the factor is 0/0",
            remedy="take the point out of the grid",
        )
    ratio = exact.sigma_pb / iww.sigma_pb
    relative = np.hypot(exact.sigma_err_pb / exact.sigma_pb, iww.sigma_err_pb / iww.sigma_pb)
    return KFactors(mass, energy, ratio, ratio * relative)
