"""Coulomb correction and K factors of electron bremsstrahlung."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import digamma

from mutau.core.constants import ALPHA, M_E
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.units import GEV2_PB
from mutau.matter.nucleus import Nucleus
from mutau.reactions import electron_brems, muon_brems
from mutau.reactions.bremsstrahlung_coulomb import coulomb_function

pytestmark = pytest.mark.compiled

LEAD = {"nucleus": Nucleus(82.0, 207.2)}
CHARGE = np.sqrt(4.0 * np.pi * ALPHA)


@pytest.mark.parametrize("z", [1.0, 13.0, 29.0, 82.0, 92.0])
def test_coulomb_function_is_the_digamma(z):
    """The sum over n is Re psi(1 + i alpha z) + Euler's constant."""
    known = float(np.real(digamma(1.0 + 1j * ALPHA * z))) + np.euler_gamma
    assert coulomb_function(z) == pytest.approx(known, rel=1e-6)


@pytest.mark.parametrize("x", [0.2, 0.7])
def test_light_limit_lowers_the_logarithm_by_f(x):
    """A photon-like Z': the correction is -4 alpha r_e^2 z^2 f (4/3 - 4x/3 + x^2)/x.

    Tsai, Rev. Mod. Phys. 46 (1974) 815, eq. 3.83, whatever the screening.
    """
    point = {"x": x, "energy": 100.0, "mass": 1e-6, **LEAD, "coupling": CHARGE}
    change = electron_brems.differential_x(**point, coulomb=True) - electron_brems.differential_x(
        **point
    )
    front = 4.0 * ALPHA**3 / M_E**2 * GEV2_PB * 82.0**2
    known = -front * coulomb_function(82.0) * (4.0 / 3.0 - 4.0 / 3.0 * x + x * x) / x
    assert float(change) == pytest.approx(known, rel=3e-4)


def test_coulomb_correction_of_totals():
    """Some per cent for lead, next to nothing for carbon."""
    for nucleus, low, high in (
        (LEAD, -0.09, -0.06),
        ({"nucleus": Nucleus(6.0, 12.0)}, -1e-3, -1e-4),
    ):
        plain = electron_brems.total(100.0, 1e-3, **nucleus).sigma_pb
        with_it = electron_brems.total(100.0, 1e-3, **nucleus, coulomb=True).sigma_pb
        assert low < with_it / plain - 1.0 < high


def test_coulomb_correction_is_refused_where_it_fails():
    """Heavy Z', low energy, and muons."""
    with pytest.raises(OutOfRange, match="nuclear size"):
        electron_brems.total(100.0, 0.01, **LEAD, coulomb=True)
    with pytest.raises(OutOfRange, match="high-energy"):
        electron_brems.totals([0.04, 1.0], 1e-3, **LEAD, coulomb=True)
    with pytest.raises(OutOfRange, match="nuclear size"):
        electron_brems.differential_x(0.5, 100.0, 0.01, **LEAD, coulomb=True)
    with pytest.raises(MutauError, match="no Coulomb correction for the muon"):
        muon_brems.total(100.0, 1e-3, **LEAD, coulomb=True)


def test_k_factors():
    """Grid of exact over iww; a closed point is refused, not a NaN."""
    table = electron_brems.k_factors([1e-3, 0.1, 1.0], [20.0, 100.0], **LEAD)
    assert table.ratio.shape == (3, 2)
    for i, mass in enumerate(table.masses):
        for j, energy in enumerate(table.energies):
            exact, iww = (
                electron_brems.total(energy, mass, **LEAD, method=method).sigma_pb
                for method in ("exact", "iww")
            )
            assert table.ratio[i, j] == pytest.approx(exact / iww, rel=1e-12)
    assert np.all(table.ratio_err < 1e-3 * table.ratio)
    assert table.ratio[0, 1] > 1.0 > table.ratio[1, 1] > table.ratio[2, 1]
    with pytest.raises(OutOfRange, match="0/0"):
        electron_brems.k_factors([0.1, 2.0], [1.5, 100.0], **LEAD)
