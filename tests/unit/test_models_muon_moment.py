"""Contribution to the muon's anomalous moment: closed form, limits, inverse, reference years."""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest

from mutau.core.constants import E_CHARGE, M_MU
from mutau.models import DarkPhoton, LmuMinusLtau, moment_reference, moment_references
from mutau.models.muon_moment import moment_integral


def integral(mass: float) -> float:
    """Eq. 3 of Phys. Rev. D 105, 052006 by quadrature in 30 digits."""
    with mpmath.workdps(30):
        r = (mpmath.mpf(mass) / mpmath.mpf(M_MU)) ** 2
        scale = float(min(0.5, mpmath.sqrt(r)))
        edge = float(1 / (1 + r))
        cuts = {0.0, 1.0, *(scale * c for c in (0.01, 0.1, 1.0))}
        cuts |= {1 - edge * c for c in (1e-3, 1e-2, 0.1)}
        cuts |= {c for c in (10 * scale, 100 * scale) if c < 1}

        def integrand(x):
            return x * x * (1 - x) / (x * x + (1 - x) * r)

        return float(mpmath.quad(integrand, sorted(cuts)))


@pytest.mark.parametrize(
    "mass",
    [1e-6, 1e-4, 3e-3, 0.02, 0.0528, 0.1, M_MU, 0.2, 2 * M_MU, 0.2113, 0.2362, 0.2363, 0.4, 2.0,
     30.0, 1e3],
)  # fmt: skip
def test_closed_form_is_the_integral(mass):
    assert float(moment_integral(mass)) == pytest.approx(integral(mass), rel=1e-12)


def test_exactly_at_the_double_root_of_the_denominator():
    # r = 4: I = 1/2 - 4 + 4 ln 4 - 4 K, K = int dx/(x-2)^2 = 1/2  ->  4 ln 4 - 11/2
    assert float(moment_integral(2 * M_MU)) == pytest.approx(4 * math.log(4) - 5.5, rel=1e-13)


def test_both_limits():
    light, heavy = LmuMinusLtau(1e-6, 1e-3), LmuMinusLtau(1e3, 1e-3)
    # next orders: -(pi/2) m/m_mu ... = 3e-5 (light), (m_mu/m)^2 ln = 1e-7 (heavy)
    assert light.delta_a_mu() == pytest.approx(1e-6 / (8 * math.pi**2), rel=5e-5)
    assert heavy.delta_a_mu() == pytest.approx(1e-6 * M_MU**2 / (12 * math.pi**2 * 1e6), rel=1e-6)


def test_dark_photon_and_z_prime_differ_by_e():
    same = DarkPhoton(0.03, 1e-3 / E_CHARGE).delta_a_mu()
    assert same == pytest.approx(LmuMinusLtau(0.03, 1e-3).delta_a_mu(), rel=1e-14)
    np.testing.assert_allclose(
        DarkPhoton.coupling_for_delta_a_mu([0.03, 0.3], 2e-9) * E_CHARGE,
        LmuMinusLtau.coupling_for_delta_a_mu([0.03, 0.3], 2e-9),
        rtol=1e-14,
    )


def test_light_boson_for_the_difference_of_2021():
    # g' = sqrt(8 pi^2 251e-11) = 4.4517e-4
    g = float(LmuMinusLtau.coupling_for_delta_a_mu(1e-9, 251e-11))
    assert g == pytest.approx(math.sqrt(8 * math.pi**2 * 251e-11), rel=1e-7)


def test_years_and_their_arithmetic():
    table = moment_references()
    assert sorted(table) == [2006, 2021, 2023, 2025]
    for item in table.values():
        difference = item.measured - item.predicted
        spread = math.hypot(item.measured_uncertainty, item.predicted_uncertainty)
        assert item.difference == pytest.approx(difference, abs=1.01e-11)  # printed to 1e-11
        assert item.difference_uncertainty == pytest.approx(spread, abs=2.1e-11)
    assert moment_reference(2021).difference == pytest.approx(251e-11, rel=1e-12)
    assert moment_reference(2023).interval(2.0) == pytest.approx((153e-11, 345e-11), rel=1e-12)
    assert moment_reference(2025).compatible_with_zero
    assert not moment_reference(2021).compatible_with_zero


@pytest.mark.parametrize(
    ("year", "mass", "expected", "tolerance"),
    [  # an independent adaptive quadrature, printed to five digits
        (2006, 1e-6, (3.1667e-4, 5.8336e-4), 2e-5),
        (2021, 1e-6, (3.2406e-4, 5.3978e-4), 2e-5),
        (2023, 1e-6, (3.4757e-4, 5.2193e-4), 2e-5),
        (2006, 0.1, (6.7305e-4, 1.2399e-3), 5e-5),
        (2021, 0.1, (6.8877e-4, 1.1473e-3), 5e-5),
        (2023, 0.1, (7.3874e-4, 1.1093e-3), 5e-5),
        (2025, 0.1, (0.0, 7.6925e-4), 7e-3),  # it took 38.5(63.7), we the printed 38(63)
    ],
)
def test_two_sigma_bands(year, mass, expected, tolerance):
    band = LmuMinusLtau.g_minus_2_band(np.array([mass]), year)
    assert (band.lower[0], band.upper[0]) == pytest.approx(expected, rel=tolerance)


def test_heavy_band_by_hand():
    # sqrt(12 pi^2 133e-11) m/m_mu = 3.96886e-4 * 946.446 = 0.375631 at 100 GeV (next order 2e-5)
    band = LmuMinusLtau.g_minus_2_band(100.0, 2021)
    assert float(band.lower) == pytest.approx(0.375631, rel=4e-5)


def test_bad_requests():
    with pytest.raises(ValueError, match=r"did you mean .2025"):
        moment_reference(2022)
    with pytest.raises(ValueError, match="delta_a"):
        LmuMinusLtau.coupling_for_delta_a_mu(0.1, -1e-11)
    with pytest.raises(ValueError, match="positive"):
        moment_integral([0.1, math.nan])
    with pytest.raises(ValueError, match="n_sigma"):
        LmuMinusLtau.g_minus_2_band(0.1, 2021, -1.0)


@pytest.mark.parametrize(("difference", "compatible"), [(1.5, True), (2.0, True), (2.1, False)])
def test_compatible_with_zero_means_within_two_uncertainties(difference, compatible):
    reference = replace(
        moment_reference(2021), difference=difference * 1e-10, difference_uncertainty=1e-10
    )
    assert reference.compatible_with_zero is compatible
