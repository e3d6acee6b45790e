"""Partial widths of a vector boson at tree level: plain functions of arrays, no state."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
