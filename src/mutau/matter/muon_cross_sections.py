"""How a muon loses energy in one collision: radiation, pairs, nuclei, knock-on electrons.

Kernels are functions of plain numbers; v = (energy lost)/(muon energy), cross sections in pb
per atom (knock-on: per electron). The documented fronts at the end take arrays.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import ALPHA, M_E, M_MU, M_P, M_PI
from mutau.core.errors import UnknownName
from mutau.core.jit import njit
from mutau.core.units import PB_CM2
from mutau.matter.elements import R_E_CM, Element, coulomb_correction

Array = NDArray[np.float64]

_R_E2_PB: Final = R_E_CM**2 / PB_CM2
_SQRT_E: Final = math.exp(0.5)
_RATIO: Final = M_MU / M_E
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
#: Lowest energy loss to a nucleus, GeV: pion production on a nucleon at rest.
NUCLEAR_THRESHOLD: Final = M_PI + M_PI**2 / (2.0 * M_P)


@njit
def t_max_kernel(energy: float) -> float:
    """Largest energy of a knock-on electron, GeV."""
    gamma = energy / M_MU
    return 2.0 * M_E * (gamma * gamma - 1.0) / (1.0 + 2.0 * gamma / _RATIO + 1.0 / _RATIO**2)


@njit
def knock_on_kernel(t: float, energy: float) -> float:
    """d sigma/dT of a free electron at rest struck to kinetic energy T, pb/GeV."""
    t_max = t_max_kernel(energy)
    if t <= 0.0 or t > t_max:
        return 0.0
    beta2 = 1.0 - (M_MU / energy) ** 2
    spin = 1.0 - beta2 * t / t_max + 0.5 * (t / energy) ** 2
    return 2.0 * math.pi * _R_E2_PB * M_E / (beta2 * t * t) * spin


@njit
def radiative_v_max(energy: float, z: float) -> float:
    """Largest v of bremsstrahlung and of pairs: the muon keeps 3/4 sqrt(e) m_mu Z^(1/3)."""
    return 1.0 - 0.75 * _SQRT_E * M_MU / energy * z ** (1.0 / 3.0)


@njit
def brems_kernel(v: float, energy: float, z: float, a: float) -> float:
    """d sigma/dv of mu A -> mu A gamma on nucleus and atomic electrons, pb per atom."""
    if v <= 0.0 or v >= radiative_v_max(energy, z):
        return 0.0
    # radiation logarithms of nucleus and electrons: hydrogen exact, else Thomas and Fermi
    b_el, b_in = (202.4, 446.0) if z < 1.5 else (183.0, 1429.0)
    delta = 0.5 * M_MU**2 * v / (energy * (1.0 - v))  # smallest momentum transfer, GeV
    screen = b_el * z ** (-1.0 / 3.0)
    size = 1.54 * a**0.27  # nuclear form factor
    phi = math.log(
        screen * (M_MU + delta * (size * _SQRT_E - 2.0)) / (size * (M_E + delta * _SQRT_E * screen))
    )
    phi = max(phi, 0.0)
    phi_in = 0.0
    if v * energy < energy / (1.0 + 0.5 * M_MU**2 / (M_E * energy)):
        screen = b_in * z ** (-2.0 / 3.0)
        phi_in = math.log(
            M_MU
            / (1.0 + delta * M_MU / (M_E**2 * _SQRT_E))
            * screen
            / (M_E + delta * _SQRT_E * screen)
        )
        phi_in = max(phi_in, 0.0)
    shape = 16.0 / 3.0 * (1.0 - v + 0.75 * v * v) / v
    return ALPHA * _R_E2_PB / _RATIO**2 * shape * z * (z * phi + phi_in)


@njit
def pair_v_min(energy: float) -> float:
    """Smallest v of e+e- pair production."""
    return 4.0 * M_E / energy


@njit
def pair_on_electrons(energy: float, z: float) -> float:
    """zeta: Z^2 -> Z (Z + zeta) accounts for the atomic electrons.

    Source: the fit of S. R. Kelner, Phys. Atom. Nucl. 61 (1998) 448, with the constants that Geant4
    has of it (G4MuPairProductionModel, from Kokoulin); the first are hydrogen's. 0 below 35 muon
    masses.
    """
    g1, g2 = (4.4e-5, 4.8e-5) if z < 1.5 else (1.95e-5, 5.30e-5)
    gamma = energy / M_MU
    top = 0.073 * math.log(gamma / (1.0 + g1 * z ** (2.0 / 3.0) * gamma)) - 0.26
    if gamma <= 35.0 or top <= 0.0:
        return 0.0
    return top / (0.058 * math.log(gamma / (1.0 + g2 * z ** (1.0 / 3.0) * gamma)) - 0.14)


@njit
def pair_rho_max(v: float, energy: float) -> float:
    """Largest asymmetry |E+ - E-|/(E+ + E-) of the pair; 0 where v is out of reach."""
    inside = 1.0 - 4.0 * M_E / (energy * v)
    front = 1.0 - 6.0 * M_MU**2 / (energy**2 * (1.0 - v))
    if inside <= 0.0 or front <= 0.0:
        return 0.0
    return front * math.sqrt(inside)


@njit
def pair_double_kernel(v: float, rho: float, energy: float, z: float, f_c: float) -> float:
    """d^2 sigma/(dv d rho) of mu A -> mu A e+e-, pb per atom, for one sign of rho.

    f_c : Coulomb correction subtracted from the electron logarithm (0 for the Born result).
    """
    screen = 183.0 * z ** (-1.0 / 3.0)  # radiation logarithm of Thomas and Fermi
    r2 = rho * rho
    beta = 0.5 * v * v / (1.0 - v)
    xi = (0.5 * _RATIO * v) ** 2 * (1.0 - r2) / (1.0 - v)
    y_e = (5.0 - r2 + 4.0 * beta * (1.0 + r2)) / (
        2.0 * (1.0 + 3.0 * beta) * math.log(3.0 + 1.0 / xi) - r2 - 2.0 * beta * (2.0 - r2)
    )
    y_mu = (4.0 + r2 + 3.0 * beta * (1.0 + r2)) / (
        (1.0 + r2) * (1.5 + 2.0 * beta) * math.log(3.0 + xi) + 1.0 - 1.5 * r2
    )
    reach = 2.0 * M_E * _SQRT_E * screen * (1.0 + xi) / (energy * v * (1.0 - r2))
    l_e = (
        math.log(screen * math.sqrt((1.0 + xi) * (1.0 + y_e)) / (1.0 + reach * (1.0 + y_e)))
        - 0.5 * math.log1p((1.5 / _RATIO * z ** (1.0 / 3.0)) ** 2 * (1.0 + xi) * (1.0 + y_e))
        - f_c
    )
    l_mu = math.log(_RATIO * screen / (1.5 * z ** (1.0 / 3.0)) / (1.0 + reach * (1.0 + y_mu)))
    b_e = (
        ((2.0 + r2) * (1.0 + beta) + xi * (3.0 + r2)) * math.log1p(1.0 / xi)
        + (1.0 - r2 - beta) / (1.0 + xi)
        - (3.0 + r2)
    )
    b_mu = (
        ((1.0 + r2) * (1.0 + 1.5 * beta) - (1.0 + 2.0 * beta) * (1.0 - r2) / xi) * math.log1p(xi)
        + xi * (1.0 - r2 - beta) / (1.0 + xi)
        + (1.0 + 2.0 * beta) * (1.0 - r2)
    )
    phi = max(b_e * l_e, 0.0) + max(b_mu * l_mu, 0.0) / _RATIO**2
    norm = 2.0 / (3.0 * math.pi) * ALPHA**2 * _R_E2_PB
    return norm * z * (z + pair_on_electrons(energy, z)) * (1.0 - v) / v * phi


@njit
def pair_kernel(v: float, energy: float, z: float, f_c: float) -> float:
    """d sigma/dv of pair production, pb per atom; both signs of rho, Gauss in ln(1 - rho)."""
    if v <= pair_v_min(energy) or v >= radiative_v_max(energy, z):
        return 0.0
    rho_max = pair_rho_max(v, energy)
    if rho_max <= 0.0:
        return 0.0
    low = math.log1p(-rho_max)
    total = 0.0
    for i in range(_NODES.size):
        rest = math.exp(0.5 * low * (1.0 - _NODES[i]))  # 1 - rho
        total += _WEIGHTS[i] * rest * pair_double_kernel(v, 1.0 - rest, energy, z, f_c)
    return -low * total


@njit
def photon_nucleon_ub(energy: float) -> float:
    """Total photon-nucleon cross section, microbarn, of a photon of `energy` GeV.

    Source: fit of A. Donnachie, P. V. Landshoff, Phys. Lett. B 296 (1992) 227: pomeron and reggeons
    in s/GeV^2. A fit of high energies: among the resonances, below sqrt(s) = 2 GeV, an average.
    """
    s = M_P * M_P + 2.0 * M_P * energy
    return 67.7 * s**0.0808 + 129.0 * s**-0.4525


@njit
def shadowing(sigma: float, z: float, a: float) -> float:
    """Factor on three quarters of a photon's cross section `sigma` (microbarn) per nucleon.

    The rest is not shadowed. Source: Bezrukov and Bugaev 1981, as `differential`.
    """
    if z < 1.5:
        return 1.0
    x = 0.00282 * a ** (1.0 / 3.0) * sigma
    return 3.0 / x**3 * (0.5 * x * x - 1.0 + math.exp(-x) * (1.0 + x))


@njit
def nuclear_kernel(v: float, energy: float, z: float, a: float) -> float:
    """d sigma/dv of inelastic scattering on the nucleus, pb per atom."""
    if v * energy <= NUCLEAR_THRESHOLD or v >= 1.0 - M_MU / energy:
        return 0.0
    sigma = photon_nucleon_ub(v * energy)
    shadow = shadowing(sigma, z, a)
    t = (M_MU * v) ** 2 / (1.0 - v)
    kappa = 1.0 - 2.0 / v + 2.0 / (v * v)
    m1, m2, mu2 = 0.54, 1.80, M_MU**2  # GeV^2: Bezrukov, Bugaev 1981
    soft = kappa * (math.log1p(m1 / t) - m1 / (m1 + t)) - 2.0 * mu2 / t
    hard = kappa * math.log1p(m2 / t) - 2.0 * mu2 / t
    long = 0.75 * shadow * m1 / (m1 + t) + 0.25 * m2 / t * math.log1p(t / m2)
    bracket = 0.75 * shadow * soft + 0.25 * hard + 0.5 * mu2 / t * long
    return max(0.5 * ALPHA / math.pi * a * sigma * 1e6 * v * bracket, 0.0)


BREMS: Final = 0
PAIR: Final = 1
NUCLEAR: Final = 2


@njit
def radiative_kernel(
    process: int, v: float, energy: float, z: float, a: float, f_c: float
) -> float:
    """d sigma/dv of process BREMS, PAIR or NUCLEAR, pb per atom."""
    if process == BREMS:
        return brems_kernel(v, energy, z, a)
    if process == PAIR:
        return pair_kernel(v, energy, z, f_c)
    return nuclear_kernel(v, energy, z, a)


@njit
def v_limits(process: int, energy: float, z: float) -> tuple[float, float]:
    """Smallest and largest v of a process; bremsstrahlung starts at 1e-9 instead of 0."""
    if process == BREMS:
        return 1e-9, radiative_v_max(energy, z)
    if process == PAIR:
        return pair_v_min(energy), radiative_v_max(energy, z)
    return NUCLEAR_THRESHOLD / energy, 1.0 - M_MU / energy


@njit
def moment_kernel(
    process: int, power: int, energy: float, z: float, a: float, f_c: float, low: float, high: float
) -> float:
    """Integral of v^power d sigma/dv over v in [low, high] and the process's limits, pb.

    Composite 16-point Gauss: four panels in ln v up to 0.3, two in ln(1 - v) beyond.
    """
    bottom, top = v_limits(process, energy, z)
    low, high = max(low, bottom), min(high, top)
    if low >= high:
        return 0.0
    total = 0.0
    middle = min(high, max(low, min(0.3, 0.5 * top)))
    for panel in range(6):
        if panel < 4:
            begin, span = math.log(low), math.log(middle / low)
            begin, width = begin + 0.25 * panel * span, 0.25 * span
        else:
            begin, span = math.log1p(-middle), math.log1p(-high) - math.log1p(-middle)
            begin, width = begin + 0.5 * (panel - 4) * span, 0.5 * span
        if width == 0.0:
            continue
        for i in range(_NODES.size):
            u = math.exp(begin + 0.5 * width * (1.0 + _NODES[i]))
            v, jacobian = (u, u) if panel < 4 else (1.0 - u, -u)
            value = radiative_kernel(process, v, energy, z, a, f_c)
            total += 0.5 * width * _WEIGHTS[i] * jacobian * v**power * value
    return total


@njit
def _differential_loop(
    process: int, v: Array, energy: Array, z: float, a: float, f_c: float
) -> Array:
    out = np.empty(v.size)
    for i in range(v.size):
        out[i] = radiative_kernel(process, v[i], energy[i], z, a, f_c)
    return out


@njit
def _moment_loop(
    process: int, power: int, energy: Array, z: float, a: float, f_c: float, low: Array, high: Array
) -> Array:
    out = np.empty(energy.size)
    for i in range(energy.size):
        out[i] = moment_kernel(process, power, energy[i], z, a, f_c, low[i], high[i])
    return out


@njit
def _knock_on_loop(t: Array, energy: Array) -> Array:
    out = np.empty(t.size)
    for i in range(t.size):
        out[i] = knock_on_kernel(t[i], energy[i])
    return out


def _flat(*arrays: ArrayLike) -> tuple[tuple[int, ...], list[Array]]:
    wide = np.broadcast_arrays(*[np.asarray(item, float) for item in arrays])
    return wide[0].shape, [np.ascontiguousarray(item).ravel() for item in wide]


def _process(name: str) -> int:
    if name not in PROCESSES:
        raise UnknownName("muon process", name, PROCESSES)
    return PROCESSES[name]


#: Names of the radiative processes.
PROCESSES: Final = {"bremsstrahlung": BREMS, "pair": PAIR, "nuclear": NUCLEAR}


def _numbers(item: Element, coulomb: bool) -> tuple[float, float, float]:
    return float(item.z), item.a, coulomb_correction(item.z) if coulomb else 0.0


def differential(
    process: str, v: ArrayLike, energy: ArrayLike, item: Element, *, coulomb: bool = True
) -> Array:
    """d sigma/dv of a radiative process of a muon, pb per atom.

    process : "bremsstrahlung", "pair" (e+e-) or "nuclear" (hadron production).
    v : energy lost over muon energy. energy : total energy of the muon, GeV. Broadcast together.
    coulomb : higher orders in Z alpha in pair production.
    Returns float64 array; 0 outside the kinematic limits.
    Raises UnknownName for another process.
    Sources. Bremsstrahlung: S. R. Kelner, R. P. Kokoulin, A. A. Petrukhin, preprint MEPhI 024-95
    (1995) and Phys. Atom. Nucl. 60 (1997) 576 (screening, nuclear form factor, atomic electrons;
    radiation of the struck electron counts as ionisation). Pairs: R. P. Kokoulin, A. A. Petrukhin,
    Proc. 11th ICRC (1969) and 12th ICRC (1971); atomic electrons S. R. Kelner, Phys. Atom. Nucl.
    61 (1998) 448. Coulomb correction: the amplitude to all orders in Z alpha changes the
    logarithm of the electron term by -f(Z) (D. Ivanov et al., Phys. Lett. B 442 (1998) 453),
    whatever the virtuality of the photon, because the Coulomb field has no scale.
    Nuclear: L. B. Bezrukov, E. V. Bugaev, Sov. J. Nucl. Phys. 33 (1981) 635, with the
    photon-nucleon cross section of A. Donnachie, P. V. Landshoff, Phys. Lett. B 296 (1992) 227
    (resonances below 2 GeV averaged over).
    Accuracy: bremsstrahlung and pairs 1-3 %, nuclear 10 % (30 % below 5 GeV).
    Check: v d sigma/dv of bremsstrahlung tends to a constant for v -> 0 in a screened field.
    """
    shape, (v_flat, e_flat) = _flat(v, energy)
    return _differential_loop(_process(process), v_flat, e_flat, *_numbers(item, coulomb)).reshape(
        shape
    )


def moment(
    process: str,
    power: int,
    energy: ArrayLike,
    item: Element,
    *,
    low: ArrayLike = 0.0,
    high: ArrayLike = 1.0,
    coulomb: bool = True,
) -> Array:
    """Integral of v^power d sigma/dv over low < v < high, pb per atom.

    power : 0 gives the cross section (choose `low` above 0: photons are soft), 1 the energy loss
        over the muon energy, 2 its fluctuation. Other arguments as in `differential`.
    Numerical error below 1e-4 of the result (composite Gauss; tested against adaptive quadrature).
    """
    shape, (e_flat, lo, hi) = _flat(energy, low, high)
    return _moment_loop(_process(process), power, e_flat, *_numbers(item, coulomb), lo, hi).reshape(
        shape
    )


def max_knock_on(energy: ArrayLike) -> Array:
    """Largest kinetic energy of a struck electron at rest, GeV (PDG 2024 eq. 34.4)."""
    gamma = np.asarray(energy, float) / M_MU
    return np.asarray(2.0 * M_E * (gamma**2 - 1.0) / (1.0 + 2.0 * gamma / _RATIO + 1.0 / _RATIO**2))


def knock_on(t: ArrayLike, energy: ArrayLike) -> Array:
    """d sigma/dT of mu e -> mu e on a free electron at rest, pb/GeV per electron.

    t : kinetic energy of the electron, GeV. energy : total energy of the muon, GeV.
    Tree level for a spin-1/2 muon; holds for T far above the binding energies.
    Source: H. J. Bhabha, Proc. R. Soc. A 164 (1938) 257; PDG 2024 eq. 34.8 with the spin term.
    Check: tends to Rutherford's 2 pi r_e^2 m_e/(beta^2 T^2) for small T.
    """
    shape, (t_flat, e_flat) = _flat(t, energy)
    return _knock_on_loop(t_flat, e_flat).reshape(shape)
