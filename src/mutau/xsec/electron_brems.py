"""Bremsstrahlung of a Z' by an electron or positron on a nucleus, e N -> e N Z'.

Thin front of `bremsstrahlung` with the electron filled in: exact tree level, stable down to a
Z' of 1 keV, with the Weizsaecker-Williams approximations beside it. At tree level electrons and
positrons have the same cross section. Energies and masses in GeV, cross sections in pb.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import OutOfRange
from mutau.core.types import CrossSection
from mutau.xsec import bremsstrahlung
from mutau.xsec.bremsstrahlung import CrossSections

LEPTON = "electron"


def total(
    energy: float,
    mass: float,
    *,
    z: float,
    a: float,
    coupling: float = 1.0,
    method: str = "exact",
    form_factor: str = "elastic",
    coulomb: bool = False,
    x_min: float = 0.0,
    x_max: float = 1.0,
) -> CrossSection:
    """Cross section of e N -> e N Z' per atom.

    energy : float, GeV, above the electron mass.
    mass : float, GeV, from 1 keV to the kinematic limit.
    z, a : charge number and atomic weight of the nucleus (mass a u, spin 0).
    coupling : dimensionless vector coupling of the electron to the Z' (e times epsilon_eff).
    method : "exact" (tree level, 2 to 3 particles), or "ww", "iww" (`bremsstrahlung_ww`): for
        100 GeV on lead 0.7 times the exact result below 1 MeV, 1.3 to 1.45 times above 0.1 GeV.
    form_factor : "elastic", "elastic+inelastic", "unscreened" or "point" (`matter.form_factors`).
    coulomb : with the Coulomb correction of Davies, Bethe and Maximon, of -7 to -9 % for lead;
        for mass up to 5 MeV and energies from 50 MeV (`bremsstrahlung_coulomb`).
    x_min, x_max : window of x = E_Z'/E.
    Returns CrossSection in pb per atom; its error is numerical, at most 1e-3 of the value.
    Raises OutOfRange outside validity or above the kinematic limit, UnknownName for a wrong name.
    Source: amplitude of `bremsstrahlung_kernels`. Check: exactly 0 if x_min is above the limit.

    >>> sigma = total(100.0, 0.1, z=82.0, a=207.2, coupling=3.0282e-5).sigma_pb
    >>> f"{sigma:.3g} pb"
    '104 pb'
    """
    return bremsstrahlung.total(
        LEPTON, energy, mass, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor, coulomb=coulomb, x_min=x_min, x_max=x_max,
    )  # fmt: skip


def totals(
    energies: ArrayLike,
    masses: ArrayLike,
    *,
    z: float,
    a: float,
    coupling: ArrayLike = 1.0,
    method: str = "exact",
    form_factor: str = "elastic",
    coulomb: bool = False,
    x_min: float = 0.0,
    x_max: float = 1.0,
) -> CrossSections:
    """`total` over arrays of energy and mass, broadcast together.

    energies, masses, coupling : array_like; GeV, GeV, dimensionless. Other arguments as `total`.
    Returns arrays `sigma_pb` and `sigma_err_pb`; exactly 0 below threshold, where `total` refuses.
    """
    return bremsstrahlung.totals(
        LEPTON, energies, masses, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor, coulomb=coulomb, x_min=x_min, x_max=x_max,
    )  # fmt: skip


def differential_x(
    x: ArrayLike,
    energy: float,
    mass: float,
    *,
    z: float,
    a: float,
    coupling: float = 1.0,
    method: str = "exact",
    form_factor: str = "elastic",
    coulomb: bool = False,
) -> NDArray[np.float64]:
    """d sigma/dx per atom, pb, at Z' energy fractions x = E_Z'/E.

    x : array_like in [0, 1]. Other arguments as `total`. Returns float64 of the shape of x, exactly
    0 outside the kinematic limits; error below 1e-3. Check: its integral over x is `total`.
    """
    return bremsstrahlung.differential_x(
        LEPTON, x, energy, mass, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor, coulomb=coulomb,
    )  # fmt: skip


def differential_x_theta(
    x: ArrayLike,
    theta: ArrayLike,
    energy: float,
    mass: float,
    *,
    z: float,
    a: float,
    coupling: float = 1.0,
    method: str = "exact",
    form_factor: str = "elastic",
) -> NDArray[np.float64]:
    """d^2 sigma/dx dtheta per atom, pb/rad, in x = E_Z'/E and the angle of the Z' to the beam.

    x : array_like in [0, 1]. theta : array_like in [0, pi], rad; broadcast together. Other
    arguments as `total`. Returns float64, exactly 0 outside the kinematic limits. "ww" and "iww"
    are small-angle formulas (`bremsstrahlung_angles`). Check: integrates to `differential_x`.
    """
    return bremsstrahlung.differential_x_angle(
        LEPTON, True, x, theta, energy, mass, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor,
    )  # fmt: skip


def differential_x_psi(
    x: ArrayLike,
    psi: ArrayLike,
    energy: float,
    mass: float,
    *,
    z: float,
    a: float,
    coupling: float = 1.0,
    method: str = "exact",
    form_factor: str = "elastic",
) -> NDArray[np.float64]:
    """d^2 sigma/dx dpsi per atom, pb/rad, in the angle psi of the scattered electron to the beam.

    Here x = 1 - E'/E is the energy fraction that the electron loses: the Z' energy and the recoil
    energy t/2M of the nucleus (below 1e-4 of E for lead). x : array_like in [0, 1]. psi :
    array_like in [0, pi], rad; broadcast together. Other arguments as `total`. Returns float64,
    exactly 0 outside the kinematic limits. Check: integrates to `differential_x`.
    """
    return bremsstrahlung.differential_x_angle(
        LEPTON, False, x, psi, energy, mass, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KFactors:
    """Ratio of the exact cross section to the iww approximation, on a grid.

    masses : (M,), GeV. energies : (E,), GeV. ratio, ratio_err : (M, E), the error numerical.
    """

    masses: NDArray[np.float64]
    energies: NDArray[np.float64]
    ratio: NDArray[np.float64]
    ratio_err: NDArray[np.float64]


def k_factors(
    masses: ArrayLike,
    energies: ArrayLike,
    *,
    z: float,
    a: float,
    form_factor: str = "elastic",
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
        totals(
            energy, mass[:, None], z=z, a=a, method=method, form_factor=form_factor,
            x_min=x_min, x_max=x_max,
        )
        for method in ("exact", "iww")
    )  # fmt: skip
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
