"""Bremsstrahlung of a Z' by a lepton on a nucleus, l N -> l N Z': cross sections per atom.

`Bremsstrahlung` holds them for one charged lepton; `muon_brems` and `electron_brems` fill it in.
Natural units inside, pb and rad outside; x is the Z' energy over the lepton's, both in the
laboratory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.types import CrossSection
from mutau.matter.nucleus import Nucleus, one_nucleus
from mutau.reactions import bremsstrahlung_integrals as integrals
from mutau.reactions.abilities import ABILITIES, LEPTONS
from mutau.reactions.bosons import boson
from mutau.reactions.bremsstrahlung_angles import psi_values, theta_values
from mutau.reactions.bremsstrahlung_coulomb import check_coulomb, coulomb_function, faded
from mutau.reactions.bremsstrahlung_density import IWW, TREE, Collision, method_of
from mutau.reactions.bremsstrahlung_maps import energy_limits
from mutau.reactions.bremsstrahlung_ww import iww_slices, slices_per_flux, ww_integrals
from mutau.reactions.quadrature import Rule, gauss_legendre

Array = NDArray[np.float64]
Orders = tuple[int, int, int]

#: By lepton, what `Bremsstrahlung` and `BremsSampler` can do.
OF_LEPTON: Final = {lepton: ABILITIES[f"{lepton}-brems"] for lepton in LEPTONS}

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


def collision_of(
    lepton: str, nucleus: Nucleus, method: str = "exact", mediator: str = "vector"
) -> Collision:
    """What kernels need of a lepton ("electron" or "muon") on a nucleus.

    Raises UnknownName for a lepton or method, MutauError for a kind of boson without amplitude.
    """
    if lepton not in LEPTONS:
        raise UnknownName("lepton", lepton, LEPTONS)
    return Collision(
        LEPTONS[lepton], nucleus.mass, nucleus.shape, method_of(method),
        boson(mediator, f"{lepton}-brems"),
    )  # fmt: skip


def _charge_beyond_born(reaction: Bremsstrahlung, nucleus: Nucleus, coulomb: bool) -> float:
    """Charge number of the nucleus whose Coulomb correction counts; 0 without one."""
    if not coulomb:
        return 0.0
    if reaction.mediator != "vector":
        raise MutauError(
            f"no Coulomb correction for a {reaction.mediator} boson",
            place="coulomb",
            allowed="vector",
            remedy="its wave function is that of a vector; leave the correction out",
        )
    if reaction.lepton != "electron":
        raise MutauError(
            f"no Coulomb correction for the {reaction.lepton}",
            place="coulomb",
            allowed="electron",
            remedy="its momentum transfers see the nuclear size; leave the correction out",
        )
    return nucleus.z


def check_point(lepton: str, energy: float, mass: float, nucleus: float) -> None:
    """Raise OutOfRange for a mass or energy outside validity, or a closed reaction.

    nucleus : its mass, GeV.
    """
    abilities, m_l = OF_LEPTON[lepton], LEPTONS[lepton]
    if (
        not mass > abilities.masses[1]
    ):  # for a heavy one what the energy allows is the better reason
        abilities.check_mass(mass)
    abilities.check_energy(energy)
    low, high = energy_limits(energy, m_l, mass, nucleus)
    if not low < high:
        raise OutOfRange(
            f"mass = {mass:g} GeV cannot be made by a lepton of energy {energy:g} GeV "
            f"({abilities.reaction})",
            allowed=f"mass up to about {mass_limit(energy, m_l, nucleus):.6g} GeV",
            remedy="lower the mass or raise the energy",
        )
    abilities.check_mass(mass)


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


@dataclass(frozen=True, slots=True)
class Bremsstrahlung:
    """l N -> l N Z' for one charged lepton: cross sections per atom with their errors.

    lepton : "electron" or "muon". mediator : kind of boson, of `bosons.KINDS`.
    Every method takes
    energy, mass : GeV; of the lepton, above its mass; of the Z', from 1 keV to the kinematic limit.
    nucleus : charge, weight and form factor (mass a u, spin 0).
    coupling : dimensionless coupling of the lepton to the boson.
    method : "exact" (tree level, 2 to 3 particles), or the approximations "ww", "iww"
        (`bremsstrahlung_ww`).
    coulomb : with the Coulomb correction of Davies, Bethe and Maximon, of -8.5 % for lead and a
        light boson, fading with the nuclear size; for electrons of 50 MeV and more
        (`bremsstrahlung_coulomb`).
    x_min, x_max : window of x = E_Z'/E.
    Raises OutOfRange outside validity or above the kinematic limit, UnknownName for a wrong name,
    MutauError for a kind of boson that is not computed.
    """

    lepton: str
    mediator: str = "vector"

    def _collision(self, nucleus: Nucleus, method: str) -> Collision:
        return collision_of(self.lepton, nucleus, method, self.mediator)

    @one_nucleus
    def total(
        self,
        energy: float,
        mass: float,
        nucleus: Nucleus,
        *,
        coupling: float = 1.0,
        method: str = "exact",
        coulomb: bool = False,
        x_min: float = 0.0,
        x_max: float = 1.0,
    ) -> CrossSection:
        """Cross section of l N -> l N Z' per atom, pb; arguments as in `Bremsstrahlung`.

        Returns CrossSection; its error is numerical, at most 1e-3 of the value.
        Source: amplitude of `bremsstrahlung_kernels`. Check: exactly 0 if x_min is above the limit.
        """
        collision = self._collision(nucleus, method)
        _charge_beyond_born(self, nucleus, coulomb)
        check_point(self.lepton, energy, mass, collision.nucleus)
        result = self.totals(
            energy, mass, nucleus, coupling=coupling, method=method, coulomb=coulomb, x_min=x_min,
            x_max=x_max,
        )  # fmt: skip
        return CrossSection(float(result.sigma_pb), float(result.sigma_err_pb))

    @one_nucleus
    def totals(
        self,
        energies: ArrayLike,
        masses: ArrayLike,
        nucleus: Nucleus,
        *,
        coupling: ArrayLike = 1.0,
        method: str = "exact",
        coulomb: bool = False,
        x_min: float = 0.0,
        x_max: float = 1.0,
    ) -> CrossSections:
        """`total` over arrays of energy, mass and coupling, broadcast together.

        Returns `CrossSections`; exactly 0 where an energy is below threshold, which `total`
        refuses, or the window is empty. The error is the difference of two quadrature orders plus
        1e-4: at most 1e-3 of the value. Raises OutOfRange for a mass outside [1 keV, 100 GeV], an
        energy not above the lepton mass, or a wrong window.
        Source: see `bremsstrahlung_kernels` (exact) and `bremsstrahlung_ww`.
        Check: proportional to coupling^2; to z^2 for the "point" form factor at equal a.
        """
        collision = self._collision(nucleus, method)
        charge = _charge_beyond_born(self, nucleus, coulomb)
        check_window(x_min, x_max)
        energy, mass, factor = np.broadcast_arrays(
            np.asarray(energies, float), np.asarray(masses, float), np.asarray(coupling, float) ** 2
        )
        abilities = OF_LEPTON[self.lepton]
        _require_all("mass", mass, *abilities.masses, "GeV")
        _require_all("energy", energy, *abilities.energies, "GeV")
        _require_all("coupling^2", factor, 0.0, np.inf)
        if coulomb and mass.size:
            check_coulomb(float(np.min(energy)))
        value, rough = (
            _integrate(collision, energy.ravel(), mass.ravel(), (x_min, x_max), orders, charge)
            for orders in (FINE, ROUGH)
        )
        error = np.abs(value - rough) + 1e-4 * value
        return CrossSections(
            value.reshape(energy.shape) * factor, error.reshape(energy.shape) * factor
        )

    @one_nucleus
    def differential_x(
        self,
        x: ArrayLike,
        energy: float,
        mass: float,
        nucleus: Nucleus,
        *,
        coupling: float = 1.0,
        method: str = "exact",
        coulomb: bool = False,
    ) -> Array:
        """d sigma/dx per atom, pb, at Z' energy fractions x = E_Z'/E.

        x : array_like in [0, 1]. Other arguments as `total`. Returns float64 of the shape of x,
        exactly 0 outside the kinematic limits; error below 1e-3. Check: its integral is `total`.
        """
        collision = self._collision(nucleus, method)
        charge = _charge_beyond_born(self, nucleus, coulomb)
        check_point(self.lepton, energy, mass, collision.nucleus)
        if coulomb:
            check_coulomb(energy)
        x = np.asarray(x, float)
        _require_all("x", x, 0.0, 1.0)
        low, high = energy_limits(energy, collision.m_l, mass, collision.nucleus)
        inside = (x * energy > low) & (x * energy < high)
        values, at = np.zeros(x.shape), x[inside]
        same = np.ones(len(at))
        points = energy * same, mass * same, at, 1.0 - at
        values[inside] = slices_at(collision, points, FINE, charge)
        return coupling**2 * values

    @one_nucleus
    def differential_x_theta(
        self,
        x: ArrayLike,
        theta: ArrayLike,
        energy: float,
        mass: float,
        nucleus: Nucleus,
        *,
        coupling: float = 1.0,
        method: str = "exact",
    ) -> Array:
        """d^2 sigma/dx dtheta per atom, pb/rad, in x = E_Z'/E and the angle of the Z' to the beam.

        x : array_like in [0, 1]. theta : array_like in [0, pi], rad; broadcast together. Other
        arguments as `total`. Returns float64, exactly 0 outside the kinematic limits. "ww" and
        "iww" are small-angle formulas (`bremsstrahlung_angles`). Check: integrates to
        `differential_x`.
        """
        collision = self._collision(nucleus, method)
        check_point(self.lepton, energy, mass, collision.nucleus)
        return coupling**2 * _by_angle(theta_values, collision, x, theta, energy, mass)

    @one_nucleus
    def differential_x_psi(
        self,
        x: ArrayLike,
        psi: ArrayLike,
        energy: float,
        mass: float,
        nucleus: Nucleus,
        *,
        coupling: float = 1.0,
        method: str = "exact",
    ) -> Array:
        """d^2 sigma/dx dpsi per atom, pb/rad, in the angle psi of the scattered lepton to the beam.

        Here x = 1 - E'/E is the energy fraction that the lepton loses: the Z' energy and the recoil
        energy t/2M of the nucleus (below 1e-4 of E for lead). x : array_like in [0, 1]. psi :
        array_like in [0, pi], rad; broadcast together. Other arguments as `total`. Returns float64,
        exactly 0 outside the kinematic limits. Check: integrates to `total`.
        """
        collision = self._collision(nucleus, method)
        check_point(self.lepton, energy, mass, collision.nucleus)
        return coupling**2 * _by_angle(psi_values, collision, x, psi, energy, mass)


def _require_all(name: str, values: Array, low: float, high: float, unit: str = "") -> None:
    """Raise OutOfRange unless every value lies in [low, high]."""
    for value in (np.min(values), np.max(values)) if values.size else ():
        require_in_range(name, float(value), low, high, unit=unit)


def _integrate(
    collision: Collision,
    energy: Array,
    mass: Array,
    window: tuple[float, float],
    orders: Orders,
    charge: float = 0.0,
) -> Array:
    """Cross sections at coupling 1, pb, at (n,) points, some hundred points at a time."""
    value = np.zeros(len(energy))
    for start in range(0, len(energy), CHUNK):
        part = slice(start, start + CHUNK)
        x, x_bar, weight = integrals.x_nodes(
            energy[part], mass[part], collision, window, gauss_legendre(orders[0])
        )
        n = x.shape[1]
        points = np.repeat(energy[part], n), np.repeat(mass[part], n), x.ravel(), x_bar.ravel()
        slices = slices_at(collision, points, orders, charge)
        value[part] = np.sum(slices.reshape(x.shape) * weight, axis=1)
    return value


def slices_at(
    collision: Collision,
    points: tuple[Array, Array, Array, Array],
    orders: Orders,
    charge: float = 0.0,
) -> Array:
    """d sigma/dx at coupling 1, pb, at (n,) points of energy, mass, x and, on its own, 1 - x.

    charge : of the nucleus whose Coulomb correction counts, 0 for none; it takes 2 z^2 f(z) from
    the photon flux, less where the nuclear size shows.
    """
    value = _born_slices(collision, points, orders)
    if charge:
        m_l, (_, mass, x, x_bar) = collision.m_l, points
        kept = faded(charge, collision.ff.size, mass, x, x_bar, m_l)
        less_flux = 2.0 * charge**2 * coulomb_function(charge) * kept
        value -= less_flux * slices_per_flux(*points, collision)
    return value


def _born_slices(
    collision: Collision, points: tuple[Array, Array, Array, Array], orders: Orders
) -> Array:
    rule_t = gauss_legendre(orders[2])
    if collision.method == IWW:
        return iww_slices(*points, collision, rule_t)
    u, excess, weight = integrals.u_nodes(*points, collision, gauss_legendre(orders[1]))
    rows, columns = np.nonzero(weight)
    energy, mass, x, x_bar = (item[rows] for item in points)
    at = integrals.Emissions(energy, mass, x, x_bar, u[rows, columns], excess[rows, columns])
    if collision.method == TREE:
        values = integrals.t_integrals(at, collision, rule_t)
    else:
        values = ww_integrals(energy, mass, x, x_bar, at.u, collision, rule_t)
    return np.bincount(rows, values * weight[rows, columns], len(points[2])).astype(float)


def _by_angle(
    values: Callable[[Collision, float, float, Array, Array, Rule], Array],
    collision: Collision,
    x: ArrayLike,
    angle: ArrayLike,
    energy: float,
    mass: float,
) -> Array:
    """d^2 sigma/dx dangle at coupling 1, pb/rad; values : `theta_values` or `psi_values`."""
    x, angle = np.broadcast_arrays(np.asarray(x, float), np.asarray(angle, float))
    _require_all("x", x, 0.0, 1.0)
    _require_all("angle", angle, 0.0, float(np.pi), "rad")
    rule = gauss_legendre(2 * FINE[2])
    density = values(collision, float(energy), float(mass), x.ravel(), angle.ravel(), rule)
    return density.reshape(x.shape)
