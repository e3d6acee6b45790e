"""A material as the cascade sees it: arrays for the kernels, mean ionisation loss of e- and e+.

Lengths are counted in radiation lengths X0 of the material's own table entry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from mutau.core.constants import ALPHA, M_E, N_A
from mutau.core.jit import njit
from mutau.core.records import Records, array_of, frozen
from mutau.core.units import HBARC_GEV_CM
from mutau.matter.elements import R_E_CM, Element, coulomb_correction
from mutau.matter.em_processes import DIELECTRIC, LPM, Radiator
from mutau.matter.materials import Material
from mutau.matter.muon_energy_loss import density_effect_kernel

EV: Final = 1e-9  # GeV


class LossLayer:
    """One layer of a medium: w (GeV per X0 of the medium), mean excitation energy (GeV), and the
    fit of its density effect (Sternheimer's cbar, x0, x1, a, k, delta0)."""

    w: float
    excitation: float
    cbar: float
    x0: float
    x1: float
    a: float
    k: float
    delta0: float


class MediumData(NamedTuple):
    """What the kernels need of a medium.

    rows : (n,) one per element and layer.
    layers : (n,), one per layer. w : 2 pi r_e^2 m_e n_e X0, GeV per X0. mode : LPM | DIELECTRIC.
    """

    rows: Records[Radiator]
    layers: Records[LossLayer]
    w: float
    mode: int


@dataclass(frozen=True, slots=True, eq=False)
class Medium:
    """A material for the cascade: its arrays, and its radiation length x0 (g/cm^2), x0_cm (cm)."""

    data: MediumData
    x0: float
    x0_cm: float


def _logarithm_shift(element: Element) -> float:
    """What both of Tsai's radiation logarithms need on top of Thomas and Fermi's, for Z < 5.

    From the element's radiation length, so that the sum in complete screening is Tsai's table B.2;
    how it splits between nucleus and electrons does not matter there. 0 from boron on.
    """
    if element.z >= 5:
        return 0.0
    z = element.z
    scale = 4.0 * ALPHA * R_E_CM**2 * N_A / element.a
    tabulated = 1.0 / (scale * element.radiation_length) + z * z * coulomb_correction(z)
    # L_rad and L_rad' of Thomas and Fermi, as Tsai 1974 has them from Z = 5 on
    fermi = z * z * math.log(184.15 * z ** (-1 / 3)) + z * math.log(1194.0 * z ** (-2 / 3))
    return (tabulated - fermi) / (z * z + z)


def _element_rows(layer: Material, fraction_of_mass: float, x0: float) -> list[tuple[float, ...]]:
    e_lpm = ALPHA * M_E**2 * layer.radiation_length_cm / (4.0 * math.pi * HBARC_GEV_CM)
    rows: list[tuple[float, ...]] = []
    for element, fraction in layer.elements:
        atoms = N_A * fraction_of_mass * fraction / element.a * x0  # per X0 of the whole, per cm^2
        z13 = element.z ** (1 / 3)
        rows.append(
            (
                float(element.z),
                z13,
                coulomb_correction(element.z),
                _logarithm_shift(element),
                ALPHA * R_E_CM**2 * atoms,
                e_lpm,
                math.log(math.sqrt(2.0) * (z13 / 184.15) ** 2),  # ln s1 of Migdal's xi(s)
                layer.plasma_energy * EV / M_E,
            )
        )
    return rows


@lru_cache(maxsize=64)
def medium(material: Material, *, lpm: bool = True, dielectric: bool = True) -> Medium:
    """The arrays of a material.

    lpm : suppression by multiple scattering. dielectric : suppression by polarisation.
    In a stack of layers each element radiates with the suppression of its own layer, which holds
    while layers are thicker than the formation length 2 E (E - k)/(m^2 k) (20 um for 1 GeV photons
    from 100 GeV electrons), and each layer has its own density effect.
    """
    x0 = material.radiation_length
    rows: list[tuple[float, ...]] = []
    layers = []
    for layer, fraction in material.components:
        rows += _element_rows(layer, fraction, x0)
        effect = layer.density_effect
        w = 2.0 * math.pi * R_E_CM**2 * M_E * N_A * fraction * layer.z_over_a * x0
        excitation = layer.mean_excitation_energy * EV
        fit = (effect.cbar, effect.x0, effect.x1, effect.a, effect.k, effect.delta0)
        layers.append((w, excitation, *fit))
    mode = (LPM if lpm else 0) | (DIELECTRIC if dielectric else 0)
    row_array, layer_array = frozen(array_of(Radiator, rows)), frozen(array_of(LossLayer, layers))
    total = float(layer_array["w"].sum())
    data = MediumData(row_array, layer_array, total, mode)
    return Medium(data, x0, material.radiation_length_cm)


@njit
def density_effect(e: float, layer: LossLayer) -> float:
    """Sternheimer's delta for an electron of total energy e, GeV, in one layer."""
    x = 0.5 * np.log10(max((e / M_E) ** 2 - 1.0, 1e-30))
    return density_effect_kernel(x, layer.cbar, layer.x0, layer.x1, layer.a, layer.k, layer.delta0)


@njit
def collision_loss(e: float, positron: bool, layers: Records[LossLayer]) -> float:
    """Mean energy loss in collisions, GeV per X0, to electrons of any energy.

    e : total energy, GeV. positron : bool. layers : MediumData.layers.
    Source: M. J. Berger, S. M. Seltzer, NBSIR 82-2550-A (1983); ICRU Report 37 (1984), sec. 2,
    after Rohrlich and Carlson. Losses to the slower electron count for e-, t <= T/2.
    Check: lead at 100 MeV gives NIST's 1.423 MeV cm^2/g.
    """
    tau = (e - M_E) / M_E
    gamma = tau + 1.0
    beta2 = tau * (tau + 2.0) / (gamma * gamma)
    if positron:
        t2 = 1.0 / (tau + 2.0)
        series = 23.0 + t2 * (14.0 + t2 * (10.0 + 4.0 * t2))
        shape = 2.0 * np.log(2.0) - beta2 / 12.0 * series
    else:
        spin = 1.0 + tau * tau / 8.0 - (2.0 * tau + 1.0) * np.log(2.0)
        shape = (1.0 - beta2) * spin
    total = 0.0
    for i in range(len(layers)):
        layer = layers[i]
        log = 2.0 * np.log((e - M_E) / layer.excitation) + np.log(1.0 + 0.5 * tau)
        total += layer.w / beta2 * (log + shape - density_effect(e, layer))
    return total


@njit
def moller_loss(e: float, cut: float) -> float:
    """Mean energy given to electrons above the kinetic energy `cut`, over w: GeV per GeV.

    e : total energy of the incident electron, GeV; the integral of t dN/dt from `cut` to T/2, in
    closed form; 0 above T/2. Source: the kernel `moller`.
    """
    kinetic = e - M_E
    top = 0.5 * kinetic
    if cut >= top:
        return 0.0
    g = e / M_E
    beta2 = 1.0 - 1.0 / (g * g)
    logs = np.log(top / cut) + np.log((kinetic - top) / (kinetic - cut))
    rest = kinetic / (kinetic - top) - kinetic / (kinetic - cut)
    flat = ((g - 1.0) / (g * kinetic)) ** 2 * 0.5 * (top * top - cut * cut)
    exchange = (2.0 * g - 1.0) / (g * g) * np.log((kinetic - cut) / (kinetic - top))
    return (logs + rest + flat - exchange) / beta2


@njit
def bhabha_loss(e: float, cut: float) -> float:
    """Mean energy given to electrons above the kinetic energy `cut` by a positron, over w.

    As `moller_loss`, from the kernel `bhabha`, up to the whole kinetic energy.
    """
    kinetic = e - M_E
    if cut >= kinetic:
        return 0.0
    gamma = e / M_E
    y = 1.0 / (gamma + 1.0)
    u = 1.0 - 2.0 * y
    b4 = u * u * u
    x = cut / kinetic
    total = -np.log(x) / (1.0 - 1.0 / (gamma * gamma))
    total += -(2.0 - y * y) * (1.0 - x) + u * (3.0 + y * y) * (1.0 - x * x) / 2.0
    return total - (u * u + b4) * (1.0 - x**3) / 3.0 + b4 * (1.0 - x**4) / 4.0


@njit
def restricted_loss(e: float, cut: float, positron: bool, layers: Records[LossLayer]) -> float:
    """Mean energy loss to electrons below the kinetic energy `cut`, GeV per X0."""
    w = 0.0
    for i in range(len(layers)):
        w += layers[i].w
    above = bhabha_loss(e, cut) if positron else moller_loss(e, cut)
    return collision_loss(e, positron, layers) - w * above
