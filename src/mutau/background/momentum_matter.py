"""What the matter of a spectrometer does to a muon and to its hits: deflections, displaced hits.

What deflects a 160 GeV muon by milliradians: transverse momenta of some 0.1 GeV up, where nuclei
do not scatter as a whole any more. The density of collisions over the transverse
momentum q (GeV) has five parts: nuclei as a whole with their form factor, their protons and
neutrons one by one, protons and neutrons that are excited or broken up (as long as what leaves them
is too little to be seen), and electrons.

A knock-on electron in the gas of a plane pulls the measured position. Model, and the assumption of
everything built on it: the plane measures the centre of charge of one cluster. The muon leaves its
most probable energy at its own place; an electron struck to T leaves at the angle of its
kinematics, goes straight until it stops or leaves the gas, and leaves its energy evenly on the way.
A plane that splits wide clusters would do better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import ALPHA, M_E, M_MU, M_P, M_PI
from mutau.core.errors import OutOfRange
from mutau.core.units import HBARC_GEV_CM, PB_CM2
from mutau.matter.multiple_scattering import (
    collision_density,
    nuclear_form_factor,
    rms_charge_radius,
)
from mutau.matter.muon_cross_sections import knock_on, max_knock_on, photon_nucleon_ub
from mutau.matter.muon_energy_loss import HALF_K

if TYPE_CHECKING:
    from mutau.detector.tracking_geometry import Arm
    from mutau.matter.materials import Material

Array = NDArray[np.float64]

#: Magnetic moment of the neutron in nuclear magnetons (PDG 2024: -1.91304276).
_MU_N: Final = -1.91304276
#: Transverse momenta in the tables, GeV. Below the lowest, collisions are so many that they act as
#: a Gaussian.
Q_MIN: Final = 5e-3
Q_MAX: Final = 5.0
_NODES: Final = 400
#: Parts of the density, in the order of `deflection_density`.
PARTS: Final = ("nuclei and protons", "neutrons", "excitation", "electrons")
_M_RHO2, _M_HEAVY2 = 0.54, 1.80  # GeV^2, mass scales of the photon's hadronic structure

#: Displacements in the tables, cm.
D_MIN: Final = 0.02
D_MAX: Final = 2.0
_T_MIN: Final = 1e-5  # GeV; 10 keV, above the K shell of argon
_DISPLACED: Final = 240


def _excitation(q2: Array, loss_max: float) -> Array:
    """Collisions mu N -> mu X per nucleon and d(q^2) that lose less than loss_max, cm^2/GeV^2.

    Hand's flux of virtual photons, (alpha/pi) K/(q^2 (nu^2 + q^2)) with K = nu - q^2/2M, times the
    photon-nucleon cross section reduced by the vector-meson form factors that `matter` uses for
    the energy loss. Right to about 50 %: resonances are averaged over.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)
    threshold = M_PI + (M_PI**2 + q2) / (2.0 * M_P)
    log = np.log(np.maximum(loss_max / threshold, 1.0))
    nu = threshold[:, None] * np.exp(0.5 * log[:, None] * (1.0 + nodes))
    k = nu - q2[:, None] / (2.0 * M_P)
    sigma = np.vectorize(photon_nucleon_ub)(np.maximum(k, M_PI)) * 1e-30  # cm^2
    shape = 0.75 * (_M_RHO2 / (_M_RHO2 + q2)) ** 2 + 0.25 * _M_HEAVY2 / (_M_HEAVY2 + q2)
    flux = ALPHA / math.pi * k / (q2[:, None] * (nu**2 + q2[:, None])) * sigma * nu
    return np.asarray(0.5 * log * (flux @ weights) * shape)


def deflection_density(
    q: ArrayLike, material: Material, energy: float, loss_max: float = 3.0
) -> NDArray[np.float64]:
    """Collisions per cm and per d(ln q), (4, ...): one row for each of `PARTS`.

    q : GeV, any shape. energy : of the muon, GeV. loss_max : GeV, largest energy given to an
    electron or to an excited nucleon; collisions that lose more would be seen in a calorimeter
    and belong to `momentum_losses`.
    Sources: `matter.multiple_scattering.collision_density` (nuclei with Helm's form factor,
    protons with the dipole and Rosenbluth's magnetic term); neutrons by their magnetic moment;
    excitation by L. N. Hand, Phys. Rev. 129 (1963) 1834, with the photon-nucleon cross section.
    Fermi motion and Pauli blocking are left out: above q = 0.3 GeV a few per cent, below they make
    this too large, by up to the fraction of the broken nuclei.
    Check: for small q the first row is Rutherford's 8 pi n (alpha Z)^2/q^2 per d ln q.
    """
    given = np.asarray(q, float)
    if not np.all((given > 0.0) & np.isfinite(given)) or not loss_max > 0.0:
        raise OutOfRange(
            "a transverse momentum or the largest loss is not positive", allowed="above 0 GeV"
        )
    flat = given.ravel()
    q2 = flat**2
    nuclei, electrons = collision_density(flat, material).T
    transfer = 0.5 * q2 / M_E
    top = float(max_knock_on(energy))
    electrons = electrons * np.where(
        transfer < loss_max, np.maximum(1.0 - transfer / top, 0.0), 0.0
    )
    neutrons, excited = np.zeros_like(q2), np.zeros_like(q2)
    tau = q2 / (4.0 * M_P**2)
    magnetic = tau * _MU_N**2 / (1.0 + tau) * (1.0 + q2 / 0.71) ** -4
    excitation = _excitation(q2, loss_max)
    for item, density in material.atoms_per_cm3:
        coulomb = 4.0 * math.pi * density * (ALPHA * HBARC_GEV_CM / q2) ** 2
        broken = 0.0 * q2
        if item.z > 1:
            radius = rms_charge_radius(item.a) * 1e-13 / HBARC_GEV_CM
            broken = 1.0 - nuclear_form_factor(flat, radius**2) ** 2
        neutrons += coulomb * (item.a - item.z) * broken * magnetic
        excited += density * item.a * excitation
    parts = np.stack([nuclei, neutrons, excited, electrons]) * 2.0 * q2
    return parts.reshape((len(PARTS), *given.shape))


@dataclass(frozen=True)
class Deflections:
    """Tables of hard deflections in the matter of an arm; pieces as in `Arm.matter`.

    start, stop : (I,) cm, of each piece. material : (I,) index. thickness : (I,) cm.
    log_q : (G,) uniform grid of ln(q/GeV). density : (M, G) collisions per cm and d(ln q).
    above : (M, G) collisions per cm harder than q. soft : (M,) GeV^2/cm, variance of the projected
    transverse momentum by everything softer than Q_MIN. parts : (M, 4, G), density by `PARTS`.
    """

    start: Array
    stop: Array
    material: NDArray[np.int64]
    thickness: Array
    log_q: Array
    density: Array
    above: Array
    soft: Array
    parts: Array

    def number(self, q: float) -> Array:
        """(I,) expected deflections harder than q (GeV) in each piece."""
        per_cm = np.array([np.interp(math.log(q), self.log_q, row) for row in self.above])
        return np.asarray(per_cm[self.material] * self.thickness)

    def per_log_q(self, material: NDArray[np.int64], log_q: Array) -> Array:
        """Density at ln q in the given materials, collisions per cm and d(ln q)."""
        return self.read(self.density, material, log_q)

    def read(self, table: Array, material: NDArray[np.int64], log_q: Array) -> Array:
        """A table (M, G) at ln q in the given materials, linear in between."""
        step = self.log_q[1] - self.log_q[0]
        u = np.clip((log_q - self.log_q[0]) / step, 0.0, len(self.log_q) - 1.000001)
        i = u.astype(np.int64)
        s = u - i
        return np.asarray((1.0 - s) * table[material, i] + s * table[material, i + 1])

    def draw(
        self, number: int, low: float, high: float, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """(z, q) of `number` deflections between low and high (GeV), as nature has them."""
        content = self.number(low) - self.number(high)
        piece = rng.choice(len(content), number, p=content / content.sum())
        z = self.start[piece] + rng.random(number) * (self.stop - self.start)[piece]
        log_q = np.empty(number)
        for m in range(len(self.above)):
            rows = self.material[piece] == m
            curve = np.log(np.maximum(self.above[m], 1e-300))
            a, b = np.interp([math.log(low), math.log(high)], self.log_q, curve)
            level = np.exp(a) - rng.random(int(rows.sum())) * (np.exp(a) - np.exp(b))
            log_q[rows] = np.interp(-np.log(level), -curve, self.log_q)
        return z, np.exp(log_q)


def build_deflections(arm: Arm, loss_max: float = 3.0) -> Deflections:
    """Tables for the matter of an arm at its nominal energy; arguments as in `deflection_density`.

    Numerical error 1e-3 (trapezium on a grid of 1.7 % in q).
    """
    materials = list({item.material.name: item.material for item in arm.matter}.values())
    grid = np.linspace(math.log(Q_MIN), math.log(Q_MAX), _NODES)
    parts = np.stack([deflection_density(np.exp(grid), m, arm.energy, loss_max) for m in materials])
    density = parts.sum(axis=1)
    cells = 0.5 * (density[:, 1:] + density[:, :-1]) * (grid[1] - grid[0])
    above = np.zeros_like(density)
    above[:, :-1] = np.cumsum(cells[:, ::-1], axis=1)[:, ::-1]
    below = np.linspace(math.log(1e-9), math.log(Q_MIN), 4000)
    soft = []
    for m in materials:
        square = deflection_density(np.exp(below), m, arm.energy, loss_max).sum(axis=0) * np.exp(
            2 * below
        )
        soft.append(0.5 * float(np.trapezoid(square, below)))
    index = {m.name: i for i, m in enumerate(materials)}
    return Deflections(
        start=np.array([item.start for item in arm.matter]),
        stop=np.array([item.stop for item in arm.matter]),
        material=np.array([index[item.material.name] for item in arm.matter]),
        thickness=np.array([item.thickness for item in arm.matter]),
        log_q=grid, density=density, above=above, soft=np.array(soft), parts=parts,
    )  # fmt: skip


def electron_range(energy: ArrayLike) -> Array:
    """Practical range of an electron, g/cm^2; energy : kinetic, GeV, from 10 keV.

    Source: L. Katz, A. S. Penfold, Rev. Mod. Phys. 24 (1952) 28 (aluminium; good to 10 % in light
    matter). Check: 0.4 g/cm^2 at 1 MeV.
    """
    t = np.asarray(energy, float) * 1e3  # MeV
    low = 0.412 * t ** (1.265 - 0.0954 * np.log(t))
    return np.asarray(np.where(t < 2.5, low, 0.530 * t - 0.106))


def most_probable_loss(material: Material, thickness: float) -> float:
    """Most probable loss of a relativistic particle in a thin layer, GeV; thickness : cm.

    xi (ln(2 m_e xi/(hbar omega_p)^2) + 0.2) with xi = HALF_K rho <Z/A> t (PDG 2024 eq. 34.13, the
    density effect at its full size). Check: 1.1 keV in 5 mm of argon.
    """
    xi = HALF_K * material.density * material.z_over_a * thickness
    plasma = 1e-9 * material.plasma_energy
    return xi * (math.log(2.0 * M_E * xi / plasma**2) + 0.2)


@dataclass(frozen=True)
class Displacements:
    """Displaced hits of the P planes of an arm.

    log_d : (D,) uniform grid of ln(displacement/cm). above : (P, D) chance per muon of a larger
    displacement. density : (P, D) per d(ln d). The direction is isotropic.
    """

    log_d: Array
    above: Array
    density: Array

    def number(self, d: float) -> Array:
        """(P,) chance of a displacement beyond d (cm) in each plane."""
        return np.array([np.interp(math.log(d), self.log_d, row) for row in self.above])

    def per_log_d(self, plane: NDArray[np.int64], log_d: Array) -> Array:
        """Density at ln d in the given planes."""
        step = self.log_d[1] - self.log_d[0]
        u = np.clip((log_d - self.log_d[0]) / step, 0.0, len(self.log_d) - 1.000001)
        i = u.astype(np.int64)
        s = u - i
        return np.asarray((1.0 - s) * self.density[plane, i] + s * self.density[plane, i + 1])

    def draw(self, plane: int, number: int, rng: np.random.Generator, low: float = D_MIN) -> Array:
        """(number, 2) displacements beyond `low` (cm, D_MIN and above), as nature has them."""
        level = self.number(low)[plane] * (1.0 - rng.random(number))
        curve = self.above[plane]
        d = np.exp(np.interp(-level, -curve, self.log_d))
        phi = 2.0 * math.pi * rng.random(number)
        return np.stack([d * np.cos(phi), d * np.sin(phi)], axis=-1)


def displacement(transfer: Array, depth: Array, material: Material, thickness: float) -> Array:
    """Shift of the centre of charge, cm, by an electron of kinetic energy `transfer` (GeV).

    depth : cm of gas still ahead of it. Arrays broadcast. Limit: 0 for depth 0.
    """
    cosine = np.sqrt(transfer / (transfer + 2.0 * M_E))  # muon energy far above m_mu^2/2 m_e
    sine = np.sqrt(1.0 - cosine**2)
    reach = electron_range(transfer) / material.density
    path = np.minimum(depth / cosine, reach)
    left = transfer * path / reach
    muon = most_probable_loss(material, thickness)
    return np.asarray(0.5 * path * sine * left / (left + muon))


def build_displacements(arm: Arm) -> Displacements:
    """Tables of the planes of an arm; planes without material are never displaced.

    Numerical error about 1 % (400 energies times 200 depths, all alike in probability).
    """
    grid = np.linspace(math.log(D_MIN), math.log(D_MAX), _DISPLACED)
    above = np.zeros((len(arm.names), _DISPLACED))
    thin = {item.start: item for item in arm.matter if item.start == item.stop}
    top = min(float(max_knock_on(arm.energy)), 0.1 * M_MU)
    log_t = np.linspace(math.log(_T_MIN), math.log(top), 401)
    transfer = np.exp(0.5 * (log_t[1:] + log_t[:-1]))
    depth = np.asarray((np.arange(200) + 0.5) / 200.0, float)
    for i, z in enumerate(arm.z):
        if float(z) not in thin:
            continue
        layer = thin[float(z)]
        struck = layer.material.electrons_per_cm3 * layer.thickness * PB_CM2
        chance = struck * knock_on(transfer, arm.energy) * transfer * np.diff(log_t)
        shift = displacement(
            transfer[:, None], layer.thickness * depth, layer.material, layer.thickness
        )
        order = np.argsort(shift.ravel())
        content = np.repeat(chance / len(depth), len(depth))[order]
        tail = np.append(np.cumsum(content[::-1])[::-1], 0.0)
        above[i] = tail[np.searchsorted(shift.ravel()[order], np.exp(grid))]
    slope = np.asarray(np.gradient(above, grid[1] - grid[0], axis=1))
    density = np.maximum(-slope, 0.0)
    return Displacements(grid, above, density)
