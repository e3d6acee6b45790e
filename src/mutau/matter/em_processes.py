"""Differential cross sections of electrons, positrons and photons in matter: compiled kernels.

Radiation and pair production: Y.-S. Tsai, Rev. Mod. Phys. 46 (1974) 815, with the screening
functions of the Thomas-Fermi-Moliere atom, the Coulomb correction of Davies, Bethe and Maximon,
the atomic electrons, and in dense matter the suppression by multiple scattering (Landau,
Pomeranchuk, Migdal) and by polarisation (Ter-Mikaelian), as reviewed by S. Klein, Rev. Mod. Phys.
71 (1999) 1501. Scattering on free electrons at rest: Moller, Bhabha, Klein and Nishina, Heitler.

Everything is a pure function of floats. `row` is one element of a medium (`Radiator`) and
rates come out per radiation length of that medium and per GeV of the named energy.

Where this stops holding: Tsai's formulas are Born approximation at high energy with a Coulomb
correction. From 50 MeV to 100 GeV they meet the NIST tables within 2 %, from 5 MeV within 4 %
(docs/validation/cascade.md); below, pairs in lead fail (-11 % at 4 MeV). Positrons radiate as
electrons (true above about 50 MeV). Photoabsorption (3 % of the attenuation of lead at 5 MeV, 1 %
at 10 MeV), direct pair production by electrons, photonuclear reactions, muon pairs and binding
effects in Compton scattering are left out: each at or below 1 % of the cascade above 20 MeV.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.core.records import Records


class Radiator:
    """One element of a medium (`em_processes_medium.MediumData.rows`)."""

    z: float  # atomic number
    z13: float  # its cube root
    coulomb: float  # f(Z)
    shift: float  # added to both radiation logarithms (light atoms), else 0
    weight: float  # alpha r_e^2 n_atoms X0, with n and X0 of the whole medium: 1/X0
    e_lpm: float  # alpha m^2 X0 / (4 pi hbar c) of the layer the atom sits in, GeV
    log_s1: float  # ln(sqrt 2 s1), s1 = (Z^(1/3)/184.15)^2
    plasma: float  # hbar omega_p of the layer, over m_e


# Modes of the medium's effects.
LPM: Final = 1
DIELECTRIC: Final = 2

#: The Coulomb correction is the limit of high energy; below, it falls as f (1 - E_C/E). E_C is
#: fitted to NIST's radiation (ESTAR) and pair tables (XCOM) of lead between 5 and 50 MeV; at 1 GeV
#: it moves a cross section by 6e-4 in lead, less elsewhere.
COULOMB_ENERGY: Final = 6e-3  # GeV


@njit(forceinline=True)
def nucleus_screening(g: float) -> tuple[float, float]:
    """phi1(gamma) and phi1 - phi2 of the nucleus.

    g : gamma = 100 m_e k / (E E' Z^(1/3)), dimensionless.
    Source: Tsai 1974, sec. III.C (after Butcher and Messel, Moliere's atom).
    Check: g -> 0 gives 4 ln 184.15 and 2/3; large g gives 19.19 - 4 ln g.
    """
    falling = 1.0 - 0.6 * np.exp(-0.9 * g) - 0.4 * np.exp(-1.5 * g)
    phi1 = 20.863 - 2.0 * np.log(1.0 + (0.55846 * g) ** 2) - 4.0 * falling
    return phi1, 2.0 / 3.0 / (1.0 + 6.5 * g + 6.0 * g * g)


@njit(forceinline=True)
def electrons_screening(e: float) -> tuple[float, float]:
    """psi1(epsilon) and psi1 - psi2 of the atomic electrons.

    e : epsilon = 100 m_e k / (E E' Z^(2/3)), dimensionless.
    Source: Tsai 1974, sec. III.C (after Wheeler and Lamb).
    Check: e -> 0 gives 4 ln 1194 and 2/3.
    """
    falling = 1.0 - 0.7 * np.exp(-8.0 * e) - 0.3 * np.exp(-29.2 * e)
    psi1 = 28.340 - 2.0 * np.log(1.0 + (3.621 * e) ** 2) - 4.0 * falling
    return psi1, 2.0 / 3.0 / (1.0 + 40.0 * e + 400.0 * e * e)


@njit
def migdal_functions(s: float) -> tuple[float, float]:
    """Migdal's phi(s) and G(s); both rise from 0 to 1.

    s : dimensionless, >= 0.
    Source: A. B. Migdal, Phys. Rev. 103 (1956) 1811, in the fit of T. Stanev et al., Phys. Rev. D
    25 (1982) 1291; phi within 0.4 %, G within 0.6 % or 0.002 of the integrals.
    Check: s -> 0 gives 6 s and 12 pi s^2.
    """
    if s >= 1.9156:
        s4 = s * s * s * s
        return 1.0 - 0.012 / s4, 1.0 - 0.023 / s4
    if s < 1.55:
        cubic = s * s * s / (0.623 + 0.796 * s + 0.658 * s * s)
        phi = 1.0 - np.exp(-6.0 * s * (1.0 + (3.0 - np.pi) * s) + cubic)
    else:
        phi = 1.0 - 0.012 / (s * s * s * s)
    if s < 0.415827397755:
        low = 1.0 + 3.936 * s + 4.97 * s**2 - 0.05 * s**3 + 7.5 * s**4
        psi = 1.0 - np.exp(-4.0 * s - 8.0 * s * s / low)
        return phi, 3.0 * psi - 2.0 * phi
    poly = -0.160723 + s * (3.755030 + s * (-1.798138 + s * (0.672827 - 0.120772 * s)))
    return phi, np.tanh(poly)


@njit(forceinline=True)
def migdal_xi(s_prime: float, log_s1: float) -> float:
    """Migdal's slow function xi(s'), from 2 at s' < sqrt(2) s1 to 1 at s' > 1.

    log_s1 : ln(sqrt(2) s1), negative. Source: Stanev et al. 1982.
    """
    if s_prime >= 1.0:
        return 1.0
    log_s = np.log(s_prime)
    if log_s <= log_s1:
        return 2.0
    h = log_s / log_s1
    u = 1.0 - h
    return 1.0 + h - 0.08 * u * (1.0 - u * u) / log_s1


@njit(forceinline=True)
def bracket(row: Radiator, delta: float, energy: float) -> tuple[float, float]:
    """Tsai's two brackets at delta = m_e k / (E E') (for pairs m_e k / (E+ E-)).

    energy : of the incident particle, GeV; lowers the Coulomb correction (COULOMB_ENERGY).
    Returns (Z^2 [phi1 - 4/3 ln Z - 4 f] + Z [psi1 - 8/3 ln Z], Z^2 (phi1 - phi2) + Z (psi1 -
    psi2)); the first is never below 0. Source: Tsai 1974, sec. III.
    Check: delta -> 0, energy -> infinity give 4 (Z^2 (L_rad - f) + Z L'_rad) and 2/3 (Z^2 + Z).
    """
    z, z13 = row.z, row.z13
    phi1, dphi = nucleus_screening(100.0 * delta / z13)
    psi1, dpsi = electrons_screening(100.0 * delta / (z13 * z13))
    log_z = np.log(z)
    shift = 4.0 * row.shift
    coulomb = row.coulomb * max(0.0, 1.0 - COULOMB_ENERGY / energy)
    nucleus = phi1 - 4.0 / 3.0 * log_z - 4.0 * coulomb + shift
    electrons = psi1 - 8.0 / 3.0 * log_z + shift
    first = z * z * max(nucleus, 0.0) + z * max(electrons, 0.0)
    return first, z * z * dphi + z * dpsi


@njit(forceinline=True)
def brems_row(e: float, k: float, row: Radiator, mode: int) -> float:
    """Radiation by one element: k times the number of photons per X0 and GeV.

    e, k : total energy of the electron and energy of the photon, GeV; 0 < k <= e - m.
    mode : LPM | DIELECTRIC. Returns 1/X0.
    Source: Tsai 1974, sec. III.D (angles integrated); with suppression Klein 1999, sec. II and III
    (Migdal's spectrum times the screened logarithm). Migdal's theory holds to the logarithm; the
    small term beyond it is suppressed like the main one. G of the polarised medium keeps its
    vacuum form: k << E there.
    """
    y = k / e
    if k <= 0.0 or e - k < M_E:
        return 0.0
    first, second = bracket(row, M_E * k / (e * (e - k)), e)
    phi, g = 1.0, 1.0
    plasma = row.plasma * e / k
    gamma = 1.0 + plasma * plasma if mode & DIELECTRIC else 1.0
    if mode & LPM:
        s_prime = np.sqrt(row.e_lpm * k / (8.0 * e * (e - k)))
        xi = migdal_xi(s_prime, row.log_s1)
        phi, g = migdal_functions(s_prime / np.sqrt(xi) * gamma)
        phi, g = phi * xi, g * xi
    phi /= gamma
    shape = y * y * g / 3.0 + 2.0 / 3.0 * (1.0 + (1.0 - y) ** 2) * phi
    return row.weight * (shape * first + 2.0 / 3.0 * (1.0 - y) * phi * second)


@njit(forceinline=True)
def pair_row(k: float, e: float, row: Radiator, mode: int) -> float:
    """Pair production in one element: pairs per X0 and GeV of the electron's (or positron's) e.

    k : photon energy, GeV. e : total energy of one lepton, GeV; m <= e <= k - m.
    Source: Tsai 1974, sec. III.D, radiation with E -> -E+; suppression as in `brems_row`.
    """
    other = k - e
    if e < M_E or other < M_E:
        return 0.0
    x = e / k
    first, second = bracket(row, M_E * k / (e * other), k)
    phi, g = 1.0, 1.0
    if mode & LPM:
        s_prime = np.sqrt(row.e_lpm * k / (8.0 * e * other))
        xi = migdal_xi(s_prime, row.log_s1)
        phi, g = migdal_functions(s_prime / np.sqrt(xi))
        phi, g = phi * xi, g * xi
    shape = g / 3.0 + 2.0 / 3.0 * (x * x + (1.0 - x) ** 2) * phi
    return row.weight / k * max(shape * first - 2.0 / 3.0 * x * (1.0 - x) * phi * second, 0.0)


@njit
def brems(e: float, k: float, rows: Records[Radiator], mode: int) -> float:
    """k dN/dk of a medium, 1/X0; arguments as `brems_row`, rows (n,)."""
    total = 0.0
    for i in range(len(rows)):
        total += brems_row(e, k, rows[i], mode)
    return total


@njit
def pair(k: float, e: float, rows: Records[Radiator], mode: int) -> float:
    """dN/dE of a medium, 1/(X0 GeV); arguments as `pair_row`, rows (n,)."""
    total = 0.0
    for i in range(len(rows)):
        total += pair_row(k, e, rows[i], mode)
    return total


# Scattering on electrons. Rates are in units of w = 2 pi r_e^2 m_e n_e X0, GeV per X0, which the
# caller multiplies on: w = 1 gives GeV dN/dT.


@njit(forceinline=True)
def moller(e: float, t: float) -> float:
    """e- e- -> e- e-: rate per GeV of the kinetic energy t of the slower one, over w.

    e : total energy of the incident electron, GeV; 0 < t <= (e - m)/2, else 0.
    Source: C. Moller, Ann. Phys. 406 (1932) 531; ICRU Report 37 (1984), sec. 2.
    Check: t << e gives 1/(beta^2 t^2).
    """
    kinetic = e - M_E
    if t <= 0.0 or t > 0.5 * kinetic:
        return 0.0
    gamma = e / M_E
    beta2 = 1.0 - 1.0 / (gamma * gamma)
    rest = kinetic - t
    exchange = (2.0 * gamma - 1.0) / (gamma * gamma) / (t * rest)
    flat = ((gamma - 1.0) / (gamma * kinetic)) ** 2
    return (1.0 / (t * t) + 1.0 / (rest * rest) + flat - exchange) / beta2


@njit(forceinline=True)
def bhabha(e: float, t: float) -> float:
    """e+ e- -> e+ e-: rate per GeV of the kinetic energy t of the electron, over w.

    e : total energy of the incident positron, GeV; 0 < t <= e - m, else 0.
    Source: H. J. Bhabha, Proc. Roy. Soc. A154 (1936) 195; ICRU Report 37 (1984), sec. 2.
    Check: t << e gives 1/(beta^2 t^2).
    """
    kinetic = e - M_E
    if t <= 0.0 or t > kinetic:
        return 0.0
    gamma = e / M_E
    beta2 = 1.0 - 1.0 / (gamma * gamma)
    y = 1.0 / (gamma + 1.0)
    u = 1.0 - 2.0 * y
    b4 = u * u * u
    x = t / kinetic
    series = 1.0 / beta2 + x * (
        -(2.0 - y * y) + x * (u * (3.0 + y * y) + x * (-(u * u + b4) + x * b4))
    )
    return series / (t * t)


@njit(forceinline=True)
def annihilation(e: float, k: float) -> float:
    """e+ e- -> 2 gamma in flight: photons per GeV of their energy k (both counted), over w.

    e : total energy of the positron, GeV. Outside the kinematic range 0.
    Source: W. Heitler, The Quantum Theory of Radiation (3rd ed. 1954), sec. 27, boosted.
    Check: the integral over k is twice Heitler's total cross section.
    """
    gamma = e / M_E
    total = e + M_E
    x = k / total
    half = 0.5 * np.sqrt((gamma - 1.0) / (gamma + 1.0))
    if x < 0.5 - half or x > 0.5 + half:
        return 0.0
    c = 1.0 + 2.0 * gamma / (gamma + 1.0) ** 2
    d = 1.0 / (gamma + 1.0) ** 2
    one = (c - d / x) / x - 1.0
    two = (c - d / (1.0 - x)) / (1.0 - x) - 1.0
    return 0.5 * (one + two) / ((gamma - 1.0) * M_E * total)


@njit(forceinline=True)
def annihilation_total(e: float) -> float:
    """e+ e- -> 2 gamma in flight: annihilations, over w.

    Source: Heitler 1954, sec. 27. Check: gamma >> 1 gives (ln 2 gamma - 1)/(2 gamma m_e).
    """
    g = max(e / M_E, 1.0 + 1e-9)
    root = np.sqrt(g * g - 1.0)
    log = np.log(g + root)
    shape = (g * g + 4.0 * g + 1.0) / (g * g - 1.0) * log - (g + 3.0) / root
    return 0.5 * shape / ((g + 1.0) * M_E)


@njit(forceinline=True)
def compton(k: float, k_out: float) -> float:
    """gamma e- -> gamma e-: photons per GeV of their energy k_out, over w.

    k : incident energy, GeV; k/(1 + 2k/m) <= k_out <= k, else 0.
    Source: O. Klein, Y. Nishina, Z. Phys. 52 (1929) 853.
    Check: k -> 0 integrates to Thomson's 8 pi r_e^2/3.
    """
    cos = 1.0 - M_E / k_out + M_E / k
    if k_out > k or cos < -1.0:
        return 0.0
    return 0.5 / (k * k) * (k_out / k + k / k_out - 1.0 + cos * cos)


@njit(forceinline=True)
def compton_total(k: float) -> float:
    """gamma e- -> gamma e-: scatterings, over w. Source and check as `compton`."""
    x = k / M_E
    if x < 1e-2:  # series in x: the closed form cancels
        return 4.0 / (3.0 * M_E) * (1.0 - 2.0 * x + 5.2 * x * x - 13.3 * x**3)
    log = np.log(1.0 + 2.0 * x)
    a = (1.0 + x) / (x * x) * (2.0 * (1.0 + x) / (1.0 + 2.0 * x) - log / x)
    b = log / (2.0 * x) - (1.0 + 3.0 * x) / (1.0 + 2.0 * x) ** 2
    return (a + b) / M_E
