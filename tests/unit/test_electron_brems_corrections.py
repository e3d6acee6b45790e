"""Coulomb correction and K factors of electron bremsstrahlung."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import digamma, k0, k1

from mutau.core.constants import ALPHA, M_E
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.units import GEV2_PB
from mutau.matter.nucleus import Nucleus
from mutau.reactions import electron_brems, muon_brems
from mutau.reactions.bremsstrahlung import Bremsstrahlung, collision_of
from mutau.reactions.bremsstrahlung_coulomb import coulomb_function, faded, fading
from mutau.reactions.bremsstrahlung_ww import slices_per_flux

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
    charge = Nucleus(82.0, 207.2, "point")
    point = {"x": x, "energy": 100.0, "mass": 1e-6, "nucleus": charge, "coupling": CHARGE}
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
    """Low energy, and muons."""
    with pytest.raises(OutOfRange, match="high-energy"):
        electron_brems.totals([0.04, 1.0], 1e-3, **LEAD, coulomb=True)
    with pytest.raises(MutauError, match="no Coulomb correction for the muon"):
        muon_brems.total(100.0, 1e-3, **LEAD, coulomb=True)
    with pytest.raises(MutauError, match="no Coulomb correction for a scalar boson"):
        Bremsstrahlung("electron", "scalar").total(100.0, 1e-3, **LEAD, coulomb=True)


@pytest.mark.parametrize("z", [6.0, 82.0])
def test_two_far_charges_give_the_function_of_davies_bethe_and_maximon(z):
    """The eikonal integral over impact parameters knows nothing of the sum f(z)."""
    assert fading(z, 1e4) == pytest.approx(1.0, abs=1e-4)
    near = fading(z, 0.02), fading(z, 0.01)
    assert 3.8 < near[0] / near[1] < 4.4  # R^2 inside the nucleus, but for a logarithm


def size_alone(distance):
    """-4 pi (alpha z R)^2 G is what the nuclear size takes from the Born term of two charges."""
    axes, weights = [], []
    for n, end in ((120, 14.0), (60, 0.5 * np.pi)):
        x, w = np.polynomial.legendre.leggauss(n)
        s = 0.5 * (x + 1.0)
        axes.append(end * s * s)
        weights.append(end * s * w)
    mu, nu = np.meshgrid(*axes, indexing="ij")
    near = np.sinh(0.5 * mu) ** 2 + np.sin(0.5 * nu) ** 2
    far = 0.5 * (np.cosh(mu) + np.cos(nu))
    point = np.log(near / far)
    sized = point + k0(distance * near) - k0(distance * far)
    whole = (sized**2 - point**2) * near * far
    return 4.0 * float(weights[0] @ whole @ weights[1]) / -np.pi


def test_the_picture_of_two_charges_is_the_exact_amplitude():
    """What the nuclear size does to the Born cross section, from the wave function of boson and
    electron, beside the tree-level amplitude with and without a size: no kernel in common.

    To 3 %, a tenth of which the difference of two numbers costs; above 0.3 GeV longitudinal
    momentum transfers come in.
    """
    size = Nucleus(82.0, 207.2, "unscreened").shape.size
    log_r = np.linspace(np.log(1e-4), np.log(3e3), 80)
    table = np.array([size_alone(np.exp(value)) for value in log_r])
    y, w = np.polynomial.legendre.leggauss(100)
    y = np.exp(0.5 * (y + 1.0) * (np.log(30.0) + 9.0) - 9.0)
    for mass, x in ((0.003, 0.3), (0.01, 0.7), (0.1, 0.3), (0.1, 0.95)):
        sized, point = (
            float(electron_brems.differential_x(x, 100.0, mass, Nucleus(82.0, 207.2, kind)))
            for kind in ("unscreened", "point")
        )
        k2 = mass**2 * (1.0 - x) + (M_E * x) ** 2
        at = np.interp(np.log(x / np.sqrt(size * k2)) + np.log(y), log_r, table)
        across = (1.0 + (1.0 - x) ** 2) * k1(y) ** 2
        along = (2.0 * (mass * (1.0 - x)) ** 2 + M_E**2 * x**4) / k2 * k0(y) ** 2
        weight = w * y**4 * (across + along)
        points = (np.array([value]) for value in (100.0, mass, x, 1.0 - x))
        flux = slices_per_flux(*points, collision_of("electron", Nucleus(82.0, 207.2)))[0]
        expected = -2.0 * 82.0**2 * flux * (at @ weight) / weight.sum()
        assert sized - point == pytest.approx(expected, rel=0.03), (mass, x)


def test_the_correction_stays_for_a_heavy_boson_that_takes_nearly_all():
    """k^2 = m^2 (1-x) + m_e^2 x^2: at x near 1 the distances stay outside the nucleus."""
    nucleus = LEAD["nucleus"]
    x = np.array([0.3, 0.9, 0.999])
    mass = np.full(3, 0.1)
    mean = faded(82.0, nucleus.shape.size, mass, x, 1.0 - x, M_E)
    assert np.all(np.diff(mean) > 0.0)
    assert mean[0] < 0.1
    assert mean[2] > 0.8
    assert faded(82.0, 0.0, mass, x, 1.0 - x, M_E) == pytest.approx(1.0)  # a point charge


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
