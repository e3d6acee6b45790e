"""Partial widths of light bosons: plain functions of arrays, no state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import ALPHA

Array = NDArray[np.float64]


def lepton_pair_width(coupling: ArrayLike, mass: ArrayLike, lepton_mass: ArrayLike) -> Array:
    """Partial width of a vector boson into one pair of charged leptons.

    coupling, mass : array_like, broadcast together; dimensionless vector coupling, GeV.
    lepton_mass : array_like, GeV.
    Returns float64 array, GeV; exactly 0 at and below threshold.
    Source: vector current at tree level, Gamma = g^2 m/(12 pi) (1 + 2r) sqrt(1 - 4r),
    r = m_l^2/m^2 (H. Sieber et al., Phys. Rev. D 105, 052006 (2022), eq. 5).
    Check: r -> 0 gives g^2 m/(12 pi).

    >>> f"{float(lepton_pair_width(1e-3, 0.5, 0.1056583755)):.4e}"
    '1.3094e-08'
    """
    g, m = np.asarray(coupling, float), np.asarray(mass, float)
    r = (np.asarray(lepton_mass, float) / m) ** 2
    beta = np.sqrt(np.maximum(1.0 - 4.0 * r, 0.0))
    return np.asarray(g * g * m / (12.0 * np.pi) * (1.0 + 2.0 * r) * beta)


def neutrino_pair_width(coupling: ArrayLike, mass: ArrayLike) -> Array:
    """Partial width of a vector boson into one flavour of massless left-handed neutrinos.

    coupling, mass : array_like; dimensionless coupling of the left-handed current, GeV.
    Returns float64 array, GeV: g^2 m/(24 pi), half of a massless charged lepton because one
    of two helicities couples. Holds for masses far above the neutrino masses (0.1 eV).
    Source: the projector P_L in eq. 2.1 of Yu. M. Andreev et al., arXiv:2404.06982.
    """
    g, m = np.asarray(coupling, float), np.asarray(mass, float)
    return np.asarray(g * g * m / (24.0 * np.pi))


def scalar_pair_width(alpha_d: ArrayLike, mass: ArrayLike, mass_ratio: ArrayLike) -> Array:
    """Partial width of a vector boson into a complex scalar and its antiparticle.

    alpha_d : array_like; g_D^2/(4 pi). mass : array_like, GeV.
    mass_ratio : array_like; vector mass over scalar mass, above 2 for an open channel.
    Returns float64 array, GeV; exactly 0 at and below threshold.
    Source: current chi* i d chi - chi i d chi* of eq. 2.1 ff. of arXiv:2404.06982;
    sum over polarisations |M|^2 = g_D^2 (m^2 - 4 m_chi^2), hence alpha_D m/12 (1 - 4/R^2)^(3/2).
    Check: R -> infinity gives alpha_D m/12, a quarter of a massless charged lepton.
    """
    a, m, ratio = (np.asarray(v, float) for v in (alpha_d, mass, mass_ratio))
    beta = np.sqrt(np.maximum(1.0 - 4.0 / ratio**2, 0.0))
    return np.asarray(a * m / 12.0 * beta**3)


def fermion_pair_width(
    mediator: str, coupling: ArrayLike, mass: ArrayLike, fermion_mass: ArrayLike
) -> Array:
    """Partial width of a scalar, pseudoscalar or axial vector into a fermion and its antiparticle.

    mediator : "scalar" (fbar f), "pseudoscalar" (fbar i gamma_5 f), "axial-vector"
    (fbar gamma gamma_5 f). coupling, mass, fermion_mass : array_like, broadcast together; GeV.
    Returns float64 array, GeV; exactly 0 at and below threshold.
    Source: tree level, r = m_f^2/m^2, beta = sqrt(1 - 4r): g^2 m/(8 pi) beta^3 for the scalar (a P
    wave), g^2 m/(8 pi) beta for the pseudoscalar (an S wave), g^2 m/(12 pi) beta^3 for the axial
    vector. Check: the axial vector's is the vector's for r -> 0.

    >>> f"{float(fermion_pair_width('scalar', 1e-3, 0.5, 0.1056583755)):.4e}"
    '1.4810e-08'
    """
    g, m = np.asarray(coupling, float), np.asarray(mass, float)
    beta = np.sqrt(np.maximum(1.0 - 4.0 * (np.asarray(fermion_mass, float) / m) ** 2, 0.0))
    power, states = {"scalar": (3, 8.0), "pseudoscalar": (1, 8.0), "axial-vector": (3, 12.0)}[
        mediator
    ]
    return np.asarray(g * g * m / (states * np.pi) * beta**power)


def _triangle(ratio: Array) -> Array:
    """arcsin^2(sqrt(tau)), continued above the threshold tau = m^2/(4 m_l^2) = 1; complex."""
    tau = np.asarray(ratio, complex)
    below = np.arcsin(np.sqrt(np.minimum(ratio, 1.0))) ** 2
    root = np.sqrt(np.maximum(1.0 - 1.0 / np.maximum(ratio, 1.0), 0.0))
    with np.errstate(divide="ignore"):
        above = -0.25 * (np.log((1.0 + root) / np.maximum(1.0 - root, 1e-300)) - 1j * np.pi) ** 2
    return np.where(tau.real <= 1.0, below, above)


def photon_pair_width(
    mediator: str, couplings: Sequence[float], lepton_masses: Sequence[float], mass: ArrayLike
) -> Array:
    """Partial width of a scalar or pseudoscalar into two photons by loops of charged leptons.

    couplings, lepton_masses : of the leptons, GeV. mass : array_like, GeV, of the boson.
    Returns float64 array, GeV: alpha^2 m^3/(256 pi^3) |sum (g/m_l) A(tau)|^2, tau = m^2/(4 m_l^2),
    A = 2 [tau + (tau - 1) f]/tau^2 for the scalar, 2 f/tau for the pseudoscalar.
    Source: the Higgs boson's width (A. Djouadi, Phys. Rept. 457 (2008) 1, eq. 2.62, and 459 (2008)
    1, eq. 2.25) with the coupling m/v replaced. Check: heavy leptons give A = 4/3 and 2.
    """
    m = np.asarray(mass, float)
    total = np.zeros(m.shape, complex)
    for coupling, lepton in zip(couplings, lepton_masses, strict=True):
        if not coupling:
            continue
        tau = (0.5 * m / lepton) ** 2
        f = _triangle(tau)
        if mediator == "scalar":
            # tau + (tau - 1) f to order tau^3 where the terms cancel
            near = 4.0 / 3.0 * (1.0 + 7.0 / 30.0 * tau + 2.0 / 21.0 * tau * tau)
            form = np.where(tau < 1e-3, near, 2.0 * (tau + (tau - 1.0) * f) / tau**2)
        else:
            form = 2.0 * f / tau
        total = total + coupling / lepton * form
    return np.asarray(ALPHA**2 * m**3 / (256.0 * np.pi**3) * np.abs(total) ** 2)
