"""Coherent vector mesons beside measured photoproduction on nuclei."""

import math

import numpy as np
import pytest
from scipy.special import k0, k1

from mutau.background.leading_hadrons import vector_mesons_mb
from mutau.core.constants import ALPHA, M_P
from mutau.matter.elements import element
from mutau.matter.hadrons import document

#: B. I. Abelev et al. (STAR), Phys. Rev. C 77 (2008) 034910, Au Au -> Au* Au* rho0 at 200 GeV per
#: nucleon pair, mb: coherent, statistical, systematic; and incoherent over coherent.
STAR = 530.0, 19.0, 57.0
STAR_RATIO = 0.29, math.hypot(0.03, 0.08)
M_RHO, HBARC = 0.77526, 0.1973270
#: Gold: Woods-Saxon of Bohr and Mottelson as the package's, radius and rms^2 in fm.
GOLD = element("Au")
RADIUS = 1.12 * GOLD.a ** (1 / 3) - 0.86 * GOLD.a ** (-1 / 3)
RMS2 = 0.6 * RADIUS**2 * (1.0 + 7.0 / 3.0 * (math.pi * 0.54 / RADIUS) ** 2)


def rho_mb(energy):
    """(coherent, quasi-elastic) photoproduction of rho on gold, mb, before what STAR measured."""
    numbers = document()["photon"]
    of_all = numbers["rho"] / (numbers["rho"] + numbers["omega"] + numbers["phi"])
    coherent, quasi = vector_mesons_mb(GOLD.a, float(np.clip(energy, 10.0, 1000.0)))
    least = (M_RHO**2 / (2.0 * energy)) ** 2  # |t| at which the nucleus stays whole
    form = math.exp(-least * RMS2 / 3.0 / HBARC**2)
    return of_all * coherent / numbers["coherent_on_gold"] * form, of_all * quasi


def in_collisions(gamma):
    """(coherent, quasi-elastic) mb: photons of one gold nucleus (equivalent photons from beyond
    two radii) on the other at rest, both directions."""
    boost = 2.0 * gamma**2 - 1.0
    k = np.geomspace(2.0, 8.0 * boost * HBARC / (2.0 * RADIUS), 300)
    x = 2.0 * RADIUS * k / (boost * HBARC)
    flux = x * k0(x) * k1(x) - 0.5 * x**2 * (k1(x) ** 2 - k0(x) ** 2)
    flux = 2.0 * GOLD.z**2 * ALPHA / math.pi / k * flux
    sigma = np.array([rho_mb(energy) for energy in k])
    return 2.0 * np.trapezoid(flux[:, None] * sigma, k, axis=0)


def test_coherent_rho_on_gold():
    """The factor of the data is measured over calculated; the energies are those of our photons."""
    coherent, quasi = in_collisions(100.0 / M_P)
    ratio = STAR[0] / coherent
    assert document()["photon"]["coherent_on_gold"] == pytest.approx(ratio, rel=0.05)
    # 40 % fewer than Glauber's theory without inelastic shadowing, beyond the errors of both
    assert 1.0 - ratio > 2.0 * math.hypot(*STAR[1:]) / STAR[0]
    # quasi-elastic, which has no such factor, beside the measured ratio: within twice its error
    assert abs(quasi / STAR[0] - STAR_RATIO[0]) < 2.0 * STAR_RATIO[1]


def test_photons_at_rest_apparatus_have_the_energies_of_the_collider():
    """Mid-rapidity at 200 GeV is a photon of 82 GeV on gold at rest."""
    energy = M_RHO / 2.0 * (2.0 * 100.0 / M_P)
    assert energy == pytest.approx(82.6, rel=0.01)
    assert rho_mb(energy)[0] == pytest.approx(2.5, rel=0.15)
