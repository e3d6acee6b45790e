"""How far a knock-on electron in the gas of a tracking plane pulls the measured position.

Model, and the assumption of everything built on it: the plane measures the centre of charge of
one cluster. The muon leaves its most probable energy at its own place; an electron struck to T
leaves at the angle of its kinematics, goes straight until it stops or leaves the gas, and leaves
its energy evenly on the way. A plane that splits wide clusters would do better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.units import PB_CM2
from mutau.matter.muon_cross_sections import knock_on, max_knock_on
from mutau.matter.muon_energy_loss import HALF_K

if TYPE_CHECKING:
    from mutau.detector.tracking_geometry import Arm
    from mutau.matter.materials import Material

Array = NDArray[np.float64]

#: Displacements in the tables, cm.
D_MIN: Final = 0.02
D_MAX: Final = 2.0
_T_MIN: Final = 1e-5  # GeV; 10 keV, above the K shell of argon
_NODES: Final = 240


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
    grid = np.linspace(math.log(D_MIN), math.log(D_MAX), _NODES)
    above = np.zeros((len(arm.names), _NODES))
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
