"""Pairs of muons made in the field of a nucleus: by real photons, and directly by muons (trident).

All in the high-energy limit of small angles and one exchanged photon (Born), with the form factor
of nucleus and atom at any momentum transfer. A photon of energy E and virtuality Q^2 splits into
muons with energy fractions x and 1-x and relative transverse momentum, and the nucleus gives one of
them the transverse momentum q; with P the relative momentum in the end, k_1 = P - (1-x) q,
k_2 = P + x q, D_i = k_i^2 + e^2, e^2 = m^2 + x(1-x) Q^2,

    d sigma_T/dx = (2 alpha^3/pi) int dq^2 d^2P G2(t)/t^2
                   [(x^2 + (1-x)^2) |k_1/D_1 - k_2/D_2|^2 + m^2 |1/D_1 - 1/D_2|^2],
    d sigma_L/dx = the same with [4 Q^2 x^2 (1-x)^2 |1/D_1 - 1/D_2|^2],

t = q^2 + d^2, d = (P^2 + e^2)/(2 E x (1-x)) the longitudinal momentum transfer. The brackets are
the light-cone wave functions of the photon (J. B. Kogut, D. E. Soper, Phys. Rev. D 1 (1970) 2901;
N. N. Nikolaev, B. G. Zakharov, Z. Phys. C 49 (1991) 607). For small q this is the Bethe-Heitler
cross section with its constants (tested against Tsai's radiation length).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import ALPHA, E_CHARGE, M_MU
from mutau.core.errors import OutOfRange, require_in_range
from mutau.core.types import CrossSection
from mutau.core.units import GEV2_PB
from mutau.matter.form_factors import FormFactor
from mutau.matter.nucleus import Nucleus, one_nucleus

Array = NDArray[np.float64]


def _combined(
    vector: Array, scalar: Array, x: Array, q2_photon: Array, mass: float
) -> tuple[Array, Array]:
    """Transverse and longitudinal combination of the two sums, in pb."""
    front = 2.0 * ALPHA**3 / math.pi * GEV2_PB
    transverse = (x * x + (1.0 - x) ** 2) * vector + mass * mass * scalar
    longitudinal = 4.0 * q2_photon * (x * (1.0 - x)) ** 2 * scalar
    return front * transverse, front * longitudinal


def _densities(
    x: Array, energy: Array, q2_photon: Array, mass: float, ff: FormFactor
) -> tuple[Array, Array]:
    """(d sigma_T/dx, d sigma_L/dx), pb, arrays of one shape."""
    from mutau.reactions.muon_pairs_kernels import pair_loop

    flat = [np.ascontiguousarray(item, float).ravel() for item in (x, energy, q2_photon)]
    sums = [item.reshape(x.shape) for item in pair_loop(*flat, mass, ff)]
    return _combined(sums[0], sums[1], x, q2_photon, mass)


def _checked(energy: ArrayLike, mass: float) -> Array:
    energy = np.asarray(energy, float)
    if not np.all(np.isfinite(energy) & (energy > 0.0)):
        raise OutOfRange("photon energy is not positive", allowed="(0, inf) GeV")
    if mass <= 0.0:
        raise OutOfRange(f"mass = {mass!r}", allowed="(0, inf) GeV")
    return energy


@one_nucleus
def photon_differential(
    x: ArrayLike, energy: ArrayLike, nucleus: Nucleus, *, mass: float = M_MU
) -> Array:
    """d sigma/dx of gamma A -> mu+ mu- A, pb per atom.

    x : fraction of the photon's energy in the mu+, 0 to 1. energy : of the photon, GeV. Broadcast
    together. nucleus : its form factor "elastic+inelastic" adds the protons one by one. mass : of
    the lepton, GeV.
    Returns float64; 0 outside 0 < x < 1 and below threshold. Raises OutOfRange.
    Source: module docstring; Y.-S. Tsai, Rev. Mod. Phys. 46 (1974) 815 for the limits.
    Errors: terms of order (m/E)^2; no Coulomb correction (the size of the nucleus cuts q).
    Check: for electrons 7/9 of A/(N_A X0) without Coulomb correction.
    """
    energy = _checked(energy, mass)
    x, energy = np.broadcast_arrays(np.asarray(x, float), energy)
    inside = (x > 0.0) & (x < 1.0)
    safe = np.where(inside, x, 0.5)
    value = _densities(safe, energy, np.zeros(safe.shape), mass, nucleus.shape)[0]
    return np.where(inside, value, 0.0)


@one_nucleus
def photon_total(energy: ArrayLike, nucleus: Nucleus, *, mass: float = M_MU) -> Array:
    """Cross section of gamma A -> mu+ mu- A, pb per atom; arguments as `photon_differential`.

    Numerical error below 1e-3. Check: grows like the logarithm of the energy until the longitudinal
    momentum transfer falls below the inverse radius of the atom.
    """
    energy = _checked(energy, mass)
    x, w = _fractions()
    values = photon_differential(x, energy[..., None], nucleus, mass=mass)
    return np.asarray(np.sum(values * w, axis=-1))


def _fractions(nodes: int = 24) -> tuple[Array, Array]:
    """Gauss nodes in x, dense at both ends: x = sin^2."""
    u, w = np.polynomial.legendre.leggauss(nodes)
    angle = 0.25 * math.pi * (1.0 + u)
    return np.sin(angle) ** 2, 0.25 * math.pi * w * np.sin(2.0 * angle)


def photon_flux(v: Array, q2: Array) -> tuple[Array, Array]:
    """(n_T, n_L): photons per v and ln Q^2 that a muon carries.

    n_T = (alpha/2 pi) [(1 + (1-v)^2)/v - 2 m^2 v/Q^2], n_L = (alpha/pi) (1-v)/v.
    Source: V. M. Budnev et al., Phys. Rep. 15 (1975) 181, eq. 6.17 at high energy.
    """
    front = ALPHA / (2.0 * math.pi)
    transverse = front * ((1.0 + (1.0 - v) ** 2) / v - 2.0 * M_MU**2 * v / q2)
    return transverse, front * 2.0 * (1.0 - v) / v


@one_nucleus
def trident_differential(v: ArrayLike, energy: float, nucleus: Nucleus) -> Array:
    """d sigma/dv of mu A -> mu A mu+ mu- where the pair comes from two photons, pb per atom.

    v : energy of the pair over that of the muon, array_like. energy : of the muon, GeV.
    One photon is the muon's own, transverse and longitudinal at any virtuality, the other the
    nucleus's: all of the two-photon diagrams, at small angles. The other diagrams, where a
    radiated photon of mass M turns into the pair, are `trident_radiative`; both do not interfere
    in what does not distinguish mu+ from mu-. Exchange of the two equal muons is left out (below
    10 %).
    Returns float64, 0 outside the limits of v; numerical error below 1 %.
    Check: v -> 0 tends to the photon cross section times the flux.
    """
    require_in_range("energy", energy, 5.0, 1e5, unit="GeV")
    v = np.asarray(v, float)
    inside = (v > 4.0 * M_MU / energy) & (v < 1.0 - 2.0 * M_MU / energy)
    safe = np.where(inside, v, 0.5).ravel()
    u, w = np.polynomial.legendre.leggauss(16)
    low = np.log(M_MU**2 * safe**2 / (1.0 - safe))[:, None]
    span = math.log(10.0) - low
    log_q2, w_q2 = low + 0.5 * span * (1.0 + u), 0.5 * span * w
    q2 = np.exp(log_q2)
    x, w_x = _fractions(12)
    shape = (len(safe), 16, len(x))
    fractions = np.broadcast_to(x, shape)
    energies = np.broadcast_to((safe * energy)[:, None, None], shape)
    virtual = np.broadcast_to(q2[:, :, None], shape)
    transverse, longitudinal = _densities(fractions, energies, virtual, M_MU, nucleus.shape)
    n_t, n_l = photon_flux(safe[:, None], q2)
    value = np.sum(w_q2 * (n_t * (transverse @ w_x) + n_l * (longitudinal @ w_x)), axis=1)
    return np.where(inside, value.reshape(v.shape), 0.0)


@one_nucleus
def trident_fully_differential(
    v: Array, q2: Array, x: Array, p2: Array, energy: float, nucleus: Nucleus
) -> Array:
    """d sigma/(dv dln Q^2 dx dP^2) of `trident_differential`, pb/GeV^2, arrays (N,).

    q2 : Q^2 of the muon's photon, GeV^2. x : fraction of the pair's energy in one of its muons.
    p2 : squared relative transverse momentum of the pair, GeV^2. Azimuths are flat.
    Check: integrates to `trident_differential`.
    """
    from mutau.reactions.muon_pairs_kernels import split_loop

    vector, scalar = split_loop(p2, x, v * energy, q2, M_MU, nucleus.shape)
    transverse, longitudinal = _combined(vector, scalar, x, q2, M_MU)
    n_t, n_l = photon_flux(v, q2)
    return np.asarray(math.pi * (n_t * transverse + n_l * longitudinal))


@one_nucleus
@lru_cache(maxsize=64)
def trident_total(energy: float, nucleus: Nucleus, low: float = 0.0) -> CrossSection:
    """Integral of `trident_differential` over v from `low`, pb; the error is numerical."""
    bottom, top = max(low, 4.0 * M_MU / energy), 1.0 - 2.0 * M_MU / energy
    if bottom >= top:
        return CrossSection(0.0, 0.0)
    values = []
    for nodes in (20, 12):
        u, w = np.polynomial.legendre.leggauss(nodes)
        span = math.log(top / bottom)
        v = bottom * np.exp(0.5 * span * (1.0 + u))
        density = trident_differential(v, energy, nucleus)
        values.append(float(np.sum(0.5 * span * w * v * density)))
    return CrossSection(values[0], abs(values[0] - values[1]) + 0.01 * values[0])


def pair_mass_density(mass2: ArrayLike) -> Array:
    """Photons of mass M that become a muon pair, per M^2, 1/GeV^2.

    (alpha/3 pi M^2) (1 + 2 m^2/M^2) sqrt(1 - 4 m^2/M^2). Times the
    cross section for a vector boson of mass M coupled like a photon it gives that of the
    pair. 0 below threshold. Source: the imaginary part of the vacuum polarisation by muons.
    """
    mass2 = np.asarray(mass2, float)
    r = np.minimum(M_MU**2 / np.maximum(mass2, 1e-12), 0.25)
    return np.asarray(ALPHA / (3.0 * math.pi * mass2) * (1.0 + 2.0 * r) * np.sqrt(1.0 - 4.0 * r))


def _masses(nodes: int) -> tuple[Array, Array]:
    """Nodes and weights in M^2 (GeV^2) from threshold to 4 GeV^2, dense at the threshold."""
    u, w = np.polynomial.legendre.leggauss(nodes)
    begin, end = math.log(4.0 * M_MU**2), math.log(4.0)
    y = 0.5 * (1.0 + u)
    mass2 = np.exp(begin + (end - begin) * y * y)
    return mass2, w * y * (end - begin) * mass2


@one_nucleus
@lru_cache(maxsize=64)
def trident_radiative(energy: float, nucleus: Nucleus, low: float = 0.0) -> CrossSection:
    """Cross section of mu A -> mu A gamma*, gamma* -> mu+ mu-, pb: exact emission of a massive
    photon (`reactions.muon_brems`), integrated over its mass.

    low : least energy of the pair over that of the muon. The error is numerical.
    """
    from mutau.reactions.muon_brems import totals

    values = []
    for nodes in (10, 6):
        mass2, weight = _masses(nodes)
        sigma = totals(energy, np.sqrt(mass2), nucleus, coupling=E_CHARGE, x_min=low).sigma_pb
        values.append(float(np.sum(weight * pair_mass_density(mass2) * sigma)))
    return CrossSection(values[0], abs(values[0] - values[1]) + 1e-3 * values[0])


@one_nucleus
def radiative_differential(v: ArrayLike, energy: float, nucleus: Nucleus) -> Array:
    """d sigma/dv of `trident_radiative`, pb, at the pair's fraction v of the muon's energy.

    v : array_like. Returns float64, 0 outside the limits; numerical error below 2 %.
    Check: its integral over v is `trident_radiative`.
    """
    from mutau.reactions.muon_brems import differential_x

    v = np.asarray(v, float)
    mass2, weight = _masses(8)
    total = np.zeros(v.shape)
    for value, width in zip(mass2, weight, strict=True):
        sigma = differential_x(v, energy, math.sqrt(value), nucleus, coupling=E_CHARGE)
        total += width * float(pair_mass_density(value)) * sigma
    return total
