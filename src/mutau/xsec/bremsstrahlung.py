"""Bremsstrahlung of a Z' by a lepton on a nucleus: cross sections for any charged lepton.

The documented functions behind `muon_brems` and `electron_brems`, which fix the lepton. Natural
units inside, pb and rad outside; x is the Z' energy over the lepton's, both in the laboratory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_E, M_MU, M_U
from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.types import CrossSection
from mutau.matter.form_factors import form_factor_parameters
from mutau.xsec import bremsstrahlung_integrals as integrals
from mutau.xsec.bremsstrahlung_angles import psi_values, theta_values
from mutau.xsec.bremsstrahlung_coulomb import check_coulomb, coulomb_function
from mutau.xsec.bremsstrahlung_maps import energy_limits, gauss_legendre
from mutau.xsec.bremsstrahlung_ww import iww_slices, slices_per_flux, ww_integrals

Array = NDArray[np.float64]

METHODS = {"exact": integrals.EXACT, "ww": integrals.WW, "iww": integrals.IWW}
LEPTONS = {"electron": M_E, "muon": M_MU}
MASS_RANGE = (1e-6, 100.0)
ENERGY_MAX = 1e5

#: Numbers of nodes in (x, u, t): the value, and the rougher one that gives its error.
FINE = (32, 12, 18)
ROUGH = (22, 8, 12)
#: Points integrated together; keeps the arrays of nodes below 100 MB.
CHUNK = 256


@dataclass(frozen=True, slots=True)
class CrossSections:
    """Cross sections per atom with their numerical errors, arrays of one shape, pb."""

    sigma_pb: Array
    sigma_err_pb: Array


@dataclass(frozen=True, slots=True)
class Reaction:
    """One lepton on one nucleus, checked: what every function here needs.

    m_l, nucleus : masses, GeV. ff : numbers of `form_factor_parameters`. method : kernel flag.
    less_flux : what the Coulomb correction takes from the photon flux chi, 2 z^2 f(z), or 0.
    """

    m_l: float
    nucleus: float
    ff: Array
    method: int
    less_flux: float = 0.0


def reaction(
    lepton: str,
    z: float,
    a: float,
    method: str = "exact",
    form_factor: str = "elastic",
    coulomb: bool = False,
) -> Reaction:
    """Check names and nucleus. Raises UnknownName or OutOfRange.

    lepton : "electron" or "muon". z, a : charge number, atomic weight (nuclear mass a u).
    method : "exact", "ww", "iww". form_factor : see `mutau.matter.form_factors`.
    coulomb : with the correction of `bremsstrahlung_coulomb` (electrons only).
    """
    if lepton not in LEPTONS:
        raise UnknownName("lepton", lepton, LEPTONS)
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    ff = form_factor_parameters(form_factor, z, a)
    if coulomb and lepton != "electron":
        raise MutauError(
            f"no Coulomb correction for the {lepton}",
            place="coulomb",
            allowed="electron",
            remedy="its momentum transfers see the nuclear size; leave the correction out",
        )
    less_flux = 2.0 * z * z * coulomb_function(z) if coulomb else 0.0
    return Reaction(LEPTONS[lepton], a * M_U, ff, METHODS[method], less_flux)


def check_point(energy: float, mass: float, m_l: float, nucleus: float) -> None:
    """Raise OutOfRange for a mass or energy outside validity, or a closed reaction."""
    lowest, highest = MASS_RANGE
    require_in_range(
        "mass", mass, lowest, np.inf, unit="GeV",
        reason="below 1 keV the medium changes the emission: coherence over many atoms is lost",
    )  # fmt: skip
    require_in_range("energy", energy, m_l, ENERGY_MAX, unit="GeV", open_low=True)
    low, high = energy_limits(energy, m_l, mass, nucleus)
    if not low < high:
        raise OutOfRange(
            f"mass = {mass:g} GeV cannot be made by a lepton of energy {energy:g} GeV",
            allowed=f"mass up to about {mass_limit(energy, m_l, nucleus):.6g} GeV",
            remedy="lower the mass or raise the energy",
        )
    require_in_range(
        "mass", mass, lowest, highest, unit="GeV", reason="heavier ones are not checked"
    )


def mass_limit(energy: float, m_l: float, nucleus: float) -> float:
    """Largest Z' mass at this lepton energy, GeV: sqrt(S) - m_l - M. Check: E - m_l as M grows."""
    total2 = m_l * m_l + nucleus * nucleus + 2.0 * energy * nucleus
    kinetic = energy - m_l
    # sqrt(S) - (m_l + M) = (S - (m_l + M)^2)/(sqrt(S) + m_l + M), without cancellation
    return float(2.0 * kinetic * nucleus / (np.sqrt(total2) + m_l + nucleus))


def check_window(x_min: float, x_max: float) -> None:
    """Raise OutOfRange unless 0 <= x_min < x_max <= 1."""
    require_in_range("x_min", x_min, 0.0, 1.0)
    require_in_range("x_max", x_max, 0.0, 1.0)
    if not x_min < x_max:
        raise OutOfRange(f"x_max = {x_max:g} is not above x_min = {x_min:g}", allowed="(x_min, 1]")


def totals(
    lepton: str,
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
    """Cross section per atom over arrays of energy and mass, broadcast together.

    energies, masses : array_like, GeV. coupling : array_like, dimensionless vector coupling of
    the lepton. z, a : charge number and atomic weight. x_min, x_max : window of x = E_Z'/E.
    coulomb : with the Coulomb correction (electrons, mass below 5 MeV, energy above 50 MeV).
    Returns `CrossSections`; exactly 0 where an energy is below threshold or the window is empty.
    The error is the difference of two quadrature orders plus 1e-4: at most 1e-3 of the value.
    Raises OutOfRange for a mass outside [1 keV, 100 GeV], an energy not above the lepton mass,
    or a wrong window; UnknownName for a wrong lepton, method or form factor.
    Source: see `bremsstrahlung_kernels` (exact) and `bremsstrahlung_ww`.
    Check: proportional to coupling^2; to z^2 for the "point" form factor at equal a.
    """
    setting = reaction(lepton, z, a, method, form_factor, coulomb)
    check_window(x_min, x_max)
    energy, mass, factor = np.broadcast_arrays(
        np.asarray(energies, float), np.asarray(masses, float), np.asarray(coupling, float) ** 2
    )
    for name, array, low, high in (
        ("mass", mass, *MASS_RANGE),
        ("energy", energy, setting.m_l, ENERGY_MAX),
        ("coupling^2", factor, 0.0, np.inf),
    ):
        if array.size:
            require_in_range(name, float(np.min(array)), low, high, unit="GeV" * (name[0] != "c"))
            require_in_range(name, float(np.max(array)), low, high, unit="GeV" * (name[0] != "c"))
    if coulomb and mass.size:
        check_coulomb(float(np.max(mass)), float(np.min(energy)))
    value = _integrate(setting, energy.ravel(), mass.ravel(), x_min, x_max, FINE)
    rough = _integrate(setting, energy.ravel(), mass.ravel(), x_min, x_max, ROUGH)
    error = np.abs(value - rough) + 1e-4 * value
    return CrossSections(value.reshape(energy.shape) * factor, error.reshape(energy.shape) * factor)


def _integrate(
    setting: Reaction,
    energy: Array,
    mass: Array,
    x_min: float,
    x_max: float,
    orders: tuple[int, int, int],
) -> Array:
    """Cross sections at coupling 1, pb, at (n,) points, some hundred points at a time."""
    value = np.zeros(len(energy))
    for start in range(0, len(energy), CHUNK):
        part = slice(start, start + CHUNK)
        x, x_bar, weight = integrals.x_nodes(
            energy[part], mass[part], setting.m_l, setting.nucleus, x_min, x_max,
            gauss_legendre(orders[0]),
        )  # fmt: skip
        n = x.shape[1]
        slices = slices_at(
            setting, np.repeat(energy[part], n), np.repeat(mass[part], n), x.ravel(),
            x_bar.ravel(), orders,
        )  # fmt: skip
        value[part] = np.sum(slices.reshape(x.shape) * weight, axis=1)
    return value


def slices_at(
    setting: Reaction,
    energy: Array,
    mass: Array,
    x: Array,
    x_bar: Array,
    orders: tuple[int, int, int],
) -> Array:
    """d sigma/dx at coupling 1, pb, at (n,) points; x_bar = 1 - x, given on its own."""
    value = _born_slices(setting, energy, mass, x, x_bar, orders)
    if setting.less_flux:
        value -= setting.less_flux * slices_per_flux(energy, mass, x, x_bar, setting.m_l)
    return value


def _born_slices(
    setting: Reaction,
    energy: Array,
    mass: Array,
    x: Array,
    x_bar: Array,
    orders: tuple[int, int, int],
) -> Array:
    m_l, nucleus, ff = setting.m_l, setting.nucleus, setting.ff
    grid_t = gauss_legendre(orders[2])
    if setting.method == integrals.IWW:
        return iww_slices(energy, mass, x, x_bar, m_l, ff, grid_t)
    exact = setting.method == integrals.EXACT
    u, excess, weight = integrals.u_nodes(
        exact, energy, mass, x, x_bar, m_l, nucleus, gauss_legendre(orders[1])
    )
    rows, columns = np.nonzero(weight)
    at = (energy[rows], mass[rows], x[rows], x_bar[rows], u[rows, columns])
    if exact:
        values = integrals.t_integrals(*at, excess[rows, columns], m_l, nucleus, ff, grid_t)
    else:
        values = ww_integrals(*at, m_l, ff, grid_t)
    return np.bincount(rows, values * weight[rows, columns], len(x)).astype(float)


def total(
    lepton: str,
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
    """Cross section per atom at one point, pb; `totals` for numbers, and refusing a closed one.

    Raises OutOfRange also for a mass above the kinematic limit; a window of x above the limit
    gives exactly 0.
    """
    setting = reaction(lepton, z, a, method, form_factor)
    check_point(energy, mass, setting.m_l, setting.nucleus)
    result = totals(
        lepton, energy, mass, z=z, a=a, coupling=coupling, method=method,
        form_factor=form_factor, coulomb=coulomb, x_min=x_min, x_max=x_max,
    )  # fmt: skip
    return CrossSection(float(result.sigma_pb), float(result.sigma_err_pb))


def differential_x(
    lepton: str,
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
) -> Array:
    """d sigma/dx per atom at Z' energy fractions x, pb.

    x : array_like in [0, 1]. Other arguments as `total`. Returns float64 of the shape of x;
    exactly 0 outside the kinematic limits. Quadrature error below 1e-3.
    Raises as `total`, and OutOfRange for x outside [0, 1].
    Check: its integral is `total`.
    """
    setting = reaction(lepton, z, a, method, form_factor, coulomb)
    check_point(energy, mass, setting.m_l, setting.nucleus)
    if coulomb:
        check_coulomb(mass, energy)
    x = np.asarray(x, float)
    if x.size:
        require_in_range("x", float(np.min(x)), 0.0, 1.0)
        require_in_range("x", float(np.max(x)), 0.0, 1.0)
    low, high = energy_limits(energy, setting.m_l, mass, setting.nucleus)
    inside = (x * energy > low) & (x * energy < high)
    values, at = np.zeros(x.shape), x[inside]
    same = np.ones(len(at))
    values[inside] = slices_at(setting, energy * same, mass * same, at, 1.0 - at, FINE)
    return coupling**2 * values


def differential_x_angle(
    lepton: str,
    of_zprime: bool,
    x: ArrayLike,
    angle: ArrayLike,
    energy: float,
    mass: float,
    *,
    z: float,
    a: float,
    coupling: float = 1.0,
    method: str = "exact",
    form_factor: str = "elastic",
) -> Array:
    """d^2 sigma/dx dtheta per atom, pb/rad, in the angle of the Z' or of the scattered lepton.

    of_zprime : True for the Z' angle theta and x = E_Z'/E; False for the lepton's angle psi and
        x = 1 - E'/E, which is larger than E_Z'/E by the recoil energy t/2M over E.
    x : array_like in [0, 1]; angle : array_like in [0, pi], rad; broadcast together.
    Returns float64; exactly 0 outside the kinematic limits. Raises as `total`.
    Check: both integrate to `total`.
    """
    setting = reaction(lepton, z, a, method, form_factor)
    check_point(energy, mass, setting.m_l, setting.nucleus)
    x, angle = np.broadcast_arrays(np.asarray(x, float), np.asarray(angle, float))
    for name, array, high, unit in (("x", x, 1.0, ""), ("angle", angle, float(np.pi), "rad")):
        if array.size:
            require_in_range(name, float(np.min(array)), 0.0, high, unit=unit)
            require_in_range(name, float(np.max(array)), 0.0, high, unit=unit)
    values = theta_values if of_zprime else psi_values
    density = values(
        setting.method, energy, setting.m_l, mass, setting.nucleus, x.ravel(), angle.ravel(),
        setting.ff, gauss_legendre(2 * FINE[2]),
    )  # fmt: skip
    return coupling**2 * density.reshape(x.shape)
