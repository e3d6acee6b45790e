"""Mean energy loss of muons: ionisation, bremsstrahlung, pairs, nuclei; range; width.

Radiative terms are integrals of the differential cross sections, kept on disk under a digest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from mutau.core.code_digest import code_digest
from mutau.core.constants import ALPHA, M_E, M_MU, N_A
from mutau.core.errors import OutOfRange
from mutau.core.jit import inner, njit
from mutau.core.storage import cached_arrays, digest
from mutau.core.units import PB_CM2
from mutau.matter.elements import R_E_CM, Element
from mutau.matter.materials import Material
from mutau.matter.muon_cross_sections import PROCESSES, moment, t_max_kernel

Array = NDArray[np.float64]

#: Kinetic energies between which the tables hold, GeV. Below, shell corrections and capture
#: matter; the remaining range is below 1 g/cm^2 and the muon counts as stopped.
T_MIN: Final = 0.01
T_MAX: Final = 1e5
_NODES: Final = 337  # 48 per decade
_STEP: Final = math.log(T_MAX / T_MIN) / (_NODES - 1)
#: 2 pi N_A r_e^2 m_e, GeV cm^2/mol; half of the constant K of the Bethe formula.
HALF_K: Final = 2.0 * math.pi * N_A * R_E_CM**2 * M_E


@njit
def density_effect_kernel(
    x: float, cbar: float, x0: float, x1: float, a: float, k: float, delta0: float
) -> float:
    """Density-effect correction delta at x = log10(beta gamma)."""
    if x < x0:
        return delta0 * 10.0 ** (2.0 * (x - x0))
    delta = 2.0 * math.log(10.0) * x - cbar
    return delta + a * (x1 - x) ** k if x < x1 else delta


@njit
def bethe_kernel(
    energy: float,
    excitation: float,
    cbar: float,
    x0: float,
    x1: float,
    a: float,
    k: float,
    delta0: float,
) -> float:
    """Mean loss to electrons over rho <Z/A>, GeV cm^2/mol; `excitation` in GeV."""
    gamma = energy / M_MU
    bg2 = gamma * gamma - 1.0
    beta2 = bg2 / (gamma * gamma)
    t_max = t_max_kernel(energy)
    delta = density_effect_kernel(0.5 * math.log10(bg2), cbar, x0, x1, a, k, delta0)
    log = 0.5 * math.log(2.0 * M_E * bg2 * t_max / excitation**2)
    # (T_max/E)^2/8: the muon's spin
    bethe = (log - beta2 - 0.5 * delta + 0.125 * (t_max / energy) ** 2) / beta2
    log = math.log(2.0 * t_max / M_E)
    radiated = 0.0
    if log > 0.0:
        radiated = ALPHA / (4.0 * math.pi) * (math.log(2.0 * gamma) - log / 3.0) * log * log
    return 2.0 * HALF_K * (bethe + radiated)


@njit
def _bethe_loop(energy: Array, excitation: float, parameters: Array) -> Array:
    cbar, x0, x1, a, k, delta0 = parameters
    out = np.empty(energy.size)
    for i in range(energy.size):
        out[i] = bethe_kernel(energy[i], excitation, cbar, x0, x1, a, k, delta0)
    return out


@inner
def loss_kernel(energy: float, table: Array) -> float:
    """Stopping power, GeV/cm, from a table over ln T: four-point Lagrange interpolation.

    table : (N,) GeV/cm at T_MIN exp(i step). Outside the table the edge polynomial is used;
    callers stay inside.
    """
    u = math.log((energy - M_MU) / T_MIN) / _STEP
    i = min(max(int(u) - 1, 0), table.size - 4)
    s = u - i
    return (
        -table[i] * (s - 1.0) * (s - 2.0) * (s - 3.0) / 6.0
        + table[i + 1] * s * (s - 2.0) * (s - 3.0) / 2.0
        - table[i + 2] * s * (s - 1.0) * (s - 3.0) / 2.0
        + table[i + 3] * s * (s - 1.0) * (s - 2.0) / 6.0
    )


@inner
def energy_after_kernel(energy: float, thickness: float, table: Array) -> float:
    """Energy after `thickness` cm by Runge-Kutta steps that lose at most a tenth of T each.

    Fourth order; second order (midpoint) where all is less than a fiftieth of T, which is then
    as good. Returns the muon mass where the kinetic energy falls below T_MIN.
    """
    left = thickness
    while left > 0.0:
        if energy - M_MU <= T_MIN:
            return M_MU
        k1 = loss_kernel(energy, table)
        if left * k1 < 0.02 * (energy - M_MU):
            return energy - left * loss_kernel(energy - 0.5 * left * k1, table)
        step = min(left, 0.1 * (energy - M_MU) / k1)
        k2 = loss_kernel(energy - 0.5 * step * k1, table)
        k3 = loss_kernel(energy - 0.5 * step * k2, table)
        k4 = loss_kernel(energy - step * k3, table)
        energy -= step * (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 6.0
        left -= step
    return energy


@njit
def _energy_after_loop(energy: Array, thickness: Array, table: Array) -> Array:
    out = np.empty(energy.size)
    for i in range(energy.size):
        out[i] = energy_after_kernel(energy[i], thickness[i], table)
    return out


@njit
def _loss_loop(energy: Array, table: Array) -> Array:
    out = np.empty(energy.size)
    for i in range(energy.size):
        out[i] = loss_kernel(energy[i], table)
    return out


@dataclass(frozen=True, slots=True)
class MuonLoss:
    """Mean energy loss by cause, each float64 array, GeV/cm.

    ionisation : to atomic electrons, radiation by the struck electron included.
    bremsstrahlung, pair, nuclear : radiative.
    """

    ionisation: Array
    bremsstrahlung: Array
    pair: Array
    nuclear: Array

    @property
    def radiative(self) -> Array:
        """Bremsstrahlung, pairs and nuclear interactions together, GeV/cm."""
        return self.bremsstrahlung + self.pair + self.nuclear

    @property
    def total(self) -> Array:
        """All causes, GeV/cm."""
        return self.ionisation + self.radiative


def _kinetic_grid() -> Array:
    return T_MIN * np.exp(_STEP * np.arange(_NODES))


@cache
def _element_splines(item: Element) -> CubicSpline:
    """b-terms of an element over ln T, columns in the order of PROCESSES, cm^2/g."""
    grid = _kinetic_grid()[::6]
    energy = grid + M_MU
    key = digest(code_digest(__name__), grid, item.z, item.a)
    per_gram = N_A / item.a * PB_CM2
    table = cached_arrays(
        "muon-radiation",
        key,
        lambda: {name: per_gram * moment(name, 1, energy, item) for name in PROCESSES},
    )
    return CubicSpline(np.log(grid), np.stack([table[name] for name in PROCESSES], axis=-1))


def _check(energy: ArrayLike) -> Array:
    energy = np.asarray(energy, float)
    low, high = M_MU + T_MIN, M_MU + T_MAX
    inside = (energy >= low * (1.0 - 1e-9)) & (energy <= high * (1.0 + 1e-9))
    if not np.all(inside):
        bad = energy[~inside].flat[0]
        raise OutOfRange(
            f"muon energy {bad:g} GeV is outside the tables of energy loss",
            allowed=f"[{low:.4g}, {high:.6g}] GeV, total energy",
        )
    return energy


def _ionisation(energy: Array, part: Material) -> Array:
    effect = part.density_effect
    numbers = np.array([effect.cbar, effect.x0, effect.x1, effect.a, effect.k, effect.delta0])
    flat = np.ascontiguousarray(energy).ravel()
    loss = _bethe_loop(flat, 1e-9 * part.mean_excitation_energy, numbers)
    return part.z_over_a * loss.reshape(energy.shape)


def stopping_power_parts(energy: ArrayLike, material: Material) -> MuonLoss:
    """Mean energy loss of a muon by cause, GeV/cm.

    energy : total energy, GeV, any shape. material : Material; for layers the mean over layers.
    Returns MuonLoss with arrays of the shape of `energy`.
    Raises OutOfRange outside 10 MeV to 100 TeV of kinetic energy.
    Sources: ionisation by D. E. Groom, N. V. Mokhov, S. I. Striganov, At. Data Nucl. Data Tables
    78 (2001) 183, eqs. 1-5 (Bethe with spin, density effect and radiation by the electron);
    radiative terms by the integrals of `muon_cross_sections.differential`.
    Accuracy: ionisation 1 % above 20 MeV (no shell or Barkas correction), radiative 2-3 %.
    Check: at the minimum, iron gives 1.451 MeV cm^2/g (PDG 2024 table 6.1).
    """
    energy = _check(energy)
    ionisation = np.zeros(energy.shape)
    radiative = np.zeros((*energy.shape, len(PROCESSES)))
    log_t = np.log(energy - M_MU)
    for part, weight in material.components:
        ionisation += weight * _ionisation(energy, part)
    for item, weight in material.elements:
        radiative += weight * _element_splines(item)(log_t)
    radiative *= (material.density * energy)[..., None]
    return MuonLoss(material.density * ionisation, *np.moveaxis(radiative, -1, 0))


@cache
def loss_table(material: Material) -> Array:
    """Total stopping power, GeV/cm, over the grid that `loss_kernel` reads; read-only."""
    table = stopping_power_parts(M_MU + _kinetic_grid(), material).total
    table.flags.writeable = False
    return table


def stopping_power(energy: ArrayLike, material: Material) -> Array:
    """Mean energy loss of a muon, GeV/cm, of the shape of `energy` (total energy, GeV).

    Interpolated in a table; relative error below 2e-4 (at the kinks of the density effect below
    10 GeV), typically 1e-5. Raises OutOfRange as
    `stopping_power_parts`, where the sources stand.

    >>> from mutau.matter import material
    >>> f"{float(stopping_power(160.0, material('lead'))) * 1e3:.1f} MeV/cm"
    '46.6 MeV/cm'
    """
    energy = _check(energy)
    flat = np.ascontiguousarray(energy).ravel()
    return _loss_loop(flat, loss_table(material)).reshape(energy.shape)


def mean_energy_after(energy: ArrayLike, material: Material, thickness: ArrayLike) -> Array:
    """Energy of a muon after a thickness when it loses the mean at every point, GeV.

    energy : total energy, GeV. thickness : cm, not negative. Broadcast together.
    Returns total energy; exactly the muon mass where the muon stops.
    Raises OutOfRange outside the tables or for a negative thickness.
    This is the continuous-slowing-down energy: rare large losses make the most probable energy
    higher. Check: agrees with `csda_range` differences to 1e-6 of the energy.
    """
    energy, thickness = np.broadcast_arrays(_check(energy), np.asarray(thickness, float))
    if not np.all((thickness >= 0.0) & np.isfinite(thickness)):
        raise OutOfRange("a thickness is negative or not finite", allowed="[0, inf) cm")
    out = _energy_after_loop(
        np.ascontiguousarray(energy).ravel(),
        np.ascontiguousarray(thickness).ravel(),
        loss_table(material),
    )
    return out.reshape(energy.shape)


def csda_range(energy: ArrayLike, material: Material) -> Array:
    """Continuous-slowing-down range to 10 MeV of kinetic energy, cm.

    Integral of dE / stopping_power; the last 10 MeV add less than 1 g/cm^2.
    Raises OutOfRange as `stopping_power`.
    """
    energy = _check(energy)
    grid = _kinetic_grid()
    integrand = CubicSpline(np.log(grid), grid / loss_table(material)).antiderivative()
    return np.asarray(integrand(np.log(energy - M_MU)) - integrand(math.log(T_MIN)))


def critical_energy(material: Material) -> float:
    """Muon critical energy, GeV: radiation and ionisation lose the same (PDG definition)."""
    # from below any critical energy to the end of the tables
    grid = M_MU + np.geomspace(10.0, 9e4, 400)
    parts = stopping_power_parts(grid, material)
    excess = np.log(parts.radiative / parts.ionisation)
    return float(np.exp(np.interp(0.0, excess, np.log(grid))))


def _collision_factor(energy: Array, material: Material) -> tuple[Array, Array, Array]:
    """2 pi r_e^2 m_e n_e / beta^2 (GeV/cm), beta^2, largest transfer (GeV)."""
    beta2 = 1.0 - (M_MU / energy) ** 2
    gamma = energy / M_MU
    t_max = 2.0 * M_E * (gamma**2 - 1.0) / (1.0 + 2.0 * gamma * M_E / M_MU + (M_E / M_MU) ** 2)
    return HALF_K * material.density * material.z_over_a / beta2, beta2, t_max


def hard_knock_on(energy: ArrayLike, material: Material, cut: float) -> tuple[Array, Array]:
    """Knock-on electrons above `cut`: (number per cm, energy they take, GeV/cm).

    energy : total energy of the muon, GeV. cut : kinetic energy of the electron, GeV; far above
    binding energies. Both results are 0 where the cut is out of reach.
    Integrals of `muon_cross_sections.knock_on` in closed form.
    """
    energy = _check(energy)
    factor, beta2, t_max = _collision_factor(energy, material)
    t_max = np.maximum(t_max, cut)
    log, span = np.log(t_max / cut), t_max - cut
    number = factor * (1.0 / cut - 1.0 / t_max - beta2 / t_max * log + 0.5 * span / energy**2)
    taken = factor * (log - beta2 / t_max * span + 0.25 * (t_max**2 - cut**2) / energy**2)
    return number, taken


def ionisation_variance(energy: ArrayLike, material: Material, cut: float = np.inf) -> Array:
    """Variance of the ionisation loss per length, GeV^2/cm, of collisions below `cut` GeV.

    Bohr's width with the spin-1/2 cross section: integral of T^2 d sigma/dT up to the smaller of
    `cut` and the kinematic limit. The loss is Gaussian only where the largest transfer is small
    against the width; choose `cut` so, and draw harder collisions one by one.
    Source: N. Bohr (1915); PDG 2024 sec. 34.2.7. Check: factor * t_max (1 - beta^2/2) for no cut.
    """
    energy = _check(energy)
    factor, beta2, t_max = _collision_factor(energy, material)
    top = np.minimum(t_max, cut)
    return np.asarray(factor * top * (1.0 - 0.5 * beta2 * top / t_max + top**2 / (6.0 * energy**2)))


def hard_radiation(
    energy: ArrayLike, material: Material, process: str, cut: float
) -> tuple[Array, Array]:
    """Radiative collisions losing more than `cut` GeV: (number per cm, energy lost, GeV/cm).

    process : as in `muon_cross_sections.differential`. energy : total energy, GeV.
    """
    energy = _check(energy)
    number, taken = np.zeros(energy.shape), np.zeros(energy.shape)
    for item, density in material.atoms_per_cm3:
        for power, sums in ((0, number), (1, taken)):
            sums += density * PB_CM2 * moment(process, power, energy, item, low=cut / energy)
    return number, taken * energy
