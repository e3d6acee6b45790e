"""Bremsstrahlung of a Z' by a muon on a nucleus, mu N -> mu N Z'.

Thin front of `bremsstrahlung` with the muon filled in: exact tree level, with the
Weizsaecker-Williams approximations beside it. Energies and masses in GeV, cross sections in pb.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.types import CrossSection
from mutau.xsec import bremsstrahlung
from mutau.xsec.bremsstrahlung import CrossSections

LEPTON = "muon"


def total(
    energy: float,
    mass: float,
    *,
    z: float,
    a: float,
    coupling: float = 1.0,
    method: str = "exact",
    form_factor: str = "elastic",
    x_min: float = 0.0,
    x_max: float = 1.0,
) -> CrossSection:
    """Cross section of mu N -> mu N Z' per atom.

    energy : float, GeV, above the muon mass.
    mass : float, GeV, from 1 keV to the kinematic limit.
    z, a : charge number and atomic weight of the nucleus (mass a u, spin 0).
    coupling : dimensionless vector coupling of the muon to the Z' (g' of the model).
    method : "exact" (tree level, 2 to 3 particles), or "ww", "iww" (`bremsstrahlung_ww`): for
        160 GeV on lead and 1 MeV to 1 GeV, ww is within 1 %, iww 1.1 to 2.5 times too large.
    form_factor : "elastic", "elastic+inelastic", "unscreened" or "point" (`matter.form_factors`).
    x_min, x_max : window of x = E_Z'/E.
    Returns CrossSection in pb per atom; its error is numerical, at most 1e-3 of the value.
    Raises OutOfRange outside validity or above the kinematic limit, UnknownName for a wrong name.
    Source: amplitude of `bremsstrahlung_kernels`. Check: exactly 0 if x_min is above the limit.

    >>> sigma = total(160.0, 0.1, z=82.0, a=207.2, coupling=3.0282e-5).sigma_pb
    >>> f"{sigma:.3g} pb"
    '9.48 pb'
    """
    return bremsstrahlung.total(
        LEPTON, energy, mass, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor, x_min=x_min, x_max=x_max,
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
    x_min: float = 0.0,
    x_max: float = 1.0,
) -> CrossSections:
    """`total` over arrays of energy and mass, broadcast together.

    energies, masses, coupling : array_like; GeV, GeV, dimensionless. Other arguments as `total`.
    Returns arrays `sigma_pb` and `sigma_err_pb`; exactly 0 below threshold, where `total` refuses.
    """
    return bremsstrahlung.totals(
        LEPTON, energies, masses, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor, x_min=x_min, x_max=x_max,
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
) -> NDArray[np.float64]:
    """d sigma/dx per atom, pb, at Z' energy fractions x = E_Z'/E.

    x : array_like in [0, 1]. Other arguments as `total`. Returns float64 of the shape of x, exactly
    0 outside the kinematic limits; error below 1e-3. Check: its integral over x is `total`.
    """
    return bremsstrahlung.differential_x(
        LEPTON, x, energy, mass, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor,
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
    """d^2 sigma/dx dpsi per atom, pb/rad, in the angle psi of the scattered muon to the beam.

    Here x = 1 - E'/E is the energy fraction that the muon loses: the Z' energy and the recoil
    energy t/2M of the nucleus (below 1e-4 of E for lead). x : array_like in [0, 1]. psi :
    array_like in [0, pi], rad; broadcast together. Other arguments as `total`. Returns float64,
    exactly 0 outside the kinematic limits. Check: integrates to `differential_x`.
    """
    return bremsstrahlung.differential_x_angle(
        LEPTON, False, x, psi, energy, mass, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor,
    )  # fmt: skip
