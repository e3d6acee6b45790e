"""Millicharged particles from virtual photons: the density, and a reaction known in closed form."""

import numpy as np
import pytest
from scipy.integrate import quad

from mutau.analysis.millicharged import millicharged_limit, over_masses, pair_density
from mutau.analysis.settings import Settings
from mutau.core.constants import ALPHA
from mutau.core.errors import MutauError, OutOfRange


def test_density_is_that_of_vacuum_polarisation():
    """alpha/3 pi above the threshold; an independent quadrature of its moment 1/M^2.

    int ds/s^2 alpha/3 pi (1 + 2 m^2/s) sqrt(1 - 4 m^2/s) = alpha/(15 pi m^2), the slope of the
    vacuum polarisation at q^2 = 0.
    """
    assert pair_density(1e-4, 1.0) == pytest.approx(ALPHA / (3.0 * np.pi), rel=1e-6)
    assert pair_density(0.6, 1.0) == 0.0
    slope, _ = quad(lambda u: 2.0 * np.exp(-2.0 * u) * pair_density(0.1, np.exp(u)),
                    np.log(0.2), np.log(2e3), limit=400)  # fmt: skip
    assert slope == pytest.approx(ALPHA / (15.0 * np.pi * 0.1**2), rel=1e-4)


def test_annihilation_into_pairs_comes_out():
    """e+e- -> gamma* -> pair at s: a vector of mass M has 4 pi^2 alpha delta(s - M^2) with
    coupling e, so the pair has (4 pi alpha^2/3 s)(1 + 2 r) sqrt(1 - 4 r), of QED."""
    s, width, mass = 0.04, 2e-3, 0.03

    def vector(m):  # a narrow line in ln M^2 for the delta function
        off = (np.log(m**2) - np.log(s)) / width
        return 4.0 * np.pi**2 * ALPHA / s * np.exp(-0.5 * off**2) / (width * np.sqrt(2.0 * np.pi))

    low, high = np.sqrt(s) * np.exp(-3.0 * width), np.sqrt(s) * np.exp(3.0 * width)
    r = mass**2 / s
    known = 4.0 * np.pi * ALPHA**2 / (3.0 * s) * (1.0 + 2.0 * r) * np.sqrt(1.0 - 4.0 * r)
    assert over_masses(mass, vector, (low, high)) == pytest.approx(known, rel=1e-4)


def test_constant_events_give_the_integral_of_the_density():
    found = over_masses(0.01, lambda m: np.ones_like(m), (1e-3, 1.0))
    known, _ = quad(lambda u: 2.0 * pair_density(0.01, np.exp(u)), np.log(0.02), 0.0, limit=200)
    assert found == pytest.approx(known, rel=1e-4)
    assert over_masses(0.6, lambda m: np.ones_like(m), (1e-3, 1.0)) == 0.0


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(OutOfRange):
        millicharged_limit("na64mu", [0.0])
    with pytest.raises(MutauError, match="no effect"):
        millicharged_limit("na64mu", [0.01], settings=Settings(background="computed"))
