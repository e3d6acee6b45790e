"""Solar neutrinos on electrons, by hand."""

import math

import numpy as np
import pytest

from mutau.bounds.solar import (
    _MATTER_EV2,
    borexino_limit,
    electron_charge,
    flavour_shares,
    rate_criterion,
    rate_slopes,
    recoil_edge,
    standard_rate,
    survival_probability,
)
from mutau.core.constants import E_CHARGE, G_F, M_E, N_A, SIN2_W
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.units import HBARC_GEV_CM
from mutau.models import charge_table, charges_class, loop_mixing, model_class

ENERGY = 0.862e-3


def by_hand(coupling, mass, shares, window, charges, electron):
    """Rate with couplings added to the chiral ones, plain Gauss-Legendre."""
    x, w = np.polynomial.legendre.leggauss(400)
    low, high = window[0], min(window[1], recoil_edge(ENERGY))
    t = low + 0.5 * (high - low) * (x + 1.0)
    rate = 0.0
    for flavour, (share, charge) in enumerate(zip(shares, charges, strict=True)):
        delta = (
            charge
            * electron
            * coupling**2
            / (2.0 * math.sqrt(2.0) * G_F * (mass**2 + 2.0 * M_E * t))
        )
        left = SIN2_W + (0.5 if flavour == 0 else -0.5) + delta
        right = SIN2_W + delta
        rate += (
            share
            * w
            @ (left**2 + right**2 * (1 - t / ENERGY) ** 2 - left * right * M_E * t / ENERGY**2)
        )
    return rate


@pytest.mark.parametrize("mass", [3e-4, 3e-3, 0.05])
@pytest.mark.parametrize("shares", [(0.5, 0.25, 0.25), (0.5, 0.5, 0.0), (0.3, 0.1, 0.6)])
def test_slopes_are_those_of_the_rate(mass, shares):
    window, coupling = (0.27e-3, 1e-3), 3e-4
    electron = -E_CHARGE * abs(complex(loop_mixing(0.0)))  # Pi hardly moves below 1 MeV
    a, b = rate_slopes(mass, shares=shares, window=window)
    ours = 1.0 + float(a[0]) * coupling**2 + float(b[0]) * coupling**4
    charges = (0.0, 1.0, -1.0)
    plain = by_hand(coupling, mass, shares, window, charges, electron)
    plain /= by_hand(0.0, mass, shares, window, charges, electron)
    assert ours == pytest.approx(plain, rel=1e-5)


def test_interference_cancels_for_equal_shares_and_changes_sign():
    a, _ = rate_slopes(0.01, shares=(0.5, 0.25, 0.25))
    _, b = rate_slopes(0.01, shares=(0.5, 0.25, 0.25))
    assert abs(a[0]) < 1e-12 * math.sqrt(b[0])
    only_mu, _ = rate_slopes(0.01, shares=(0.5, 0.5, 0.0))
    only_tau, _ = rate_slopes(0.01, shares=(0.5, 0.0, 0.5))
    assert only_mu[0] > 0.0  # left-handed couplings of equal sign dominate
    assert only_tau[0] == pytest.approx(-only_mu[0], rel=1e-12)


def test_electron_coupling_has_the_sign_of_its_charge():
    q2 = np.array([-1e-6])
    cls = model_class("lmu-ltau")
    assert electron_charge(cls, q2)[0] == pytest.approx(-E_CHARGE * 0.014433, rel=1e-3)
    assert electron_charge(model_class("b-l"), q2)[0] == -1.0
    document = {
        "schema": 1, "name": "hand", "source": "s",
        "charges": {"mu": 1.0, "numu": 1.0, "tau": -1.0, "nutau": -1.0},
    }  # fmt: skip
    assert electron_charge(charges_class(charge_table(document)), q2) == pytest.approx(
        electron_charge(cls, q2)
    )
    stated = charges_class(charge_table({**document, "mixing_per_coupling": 0.1}))
    with pytest.raises(MutauError, match="sign"):
        electron_charge(stated, q2)


def test_oscillation_limits():
    # no matter: cos^4(th13)(1 - sin^2(2 th12)/2) + sin^4(th13); dense: sin^2(th12) instead
    s12, s13 = 0.304, 0.02219
    vacuum = (1 - s13) ** 2 * (1 - 2 * s12 * (1 - s12)) + s13**2
    assert survival_probability(ENERGY, density=0.0) == pytest.approx(vacuum, rel=1e-12)
    dense = survival_probability(1.0, density=1e9)
    assert dense == pytest.approx((1 - s13) ** 2 * s12 + s13**2, rel=1e-4)
    assert sum(flavour_shares(0.5, 0.3)) == pytest.approx(1.0)
    # 2 sqrt 2 G_F N_A (hbar c)^3 per mol/cm^3, in eV^2 per MeV
    constant = 2 * math.sqrt(2) * G_F * N_A * HBARC_GEV_CM**3 * 1e15
    assert pytest.approx(constant, rel=1e-3) == _MATTER_EV2


def test_standard_rate_is_what_the_experiment_expects():
    # arXiv:1104.1816: 74 +- 5.2 per day and 100 t without oscillation, 47.5 +- 3.4 with it
    assert standard_rate((1.0, 0.0, 0.0)) == pytest.approx(74.0, abs=5.2)
    assert standard_rate() == pytest.approx(47.5, abs=1.5)
    assert 1.05 < rate_criterion(0.90) < 1.09
    assert rate_criterion(0.95) > rate_criterion(0.90)


def test_bad_input():
    with pytest.raises(OutOfRange, match="p_ee"):
        borexino_limit(0.01, p_ee=1.2)
    with pytest.raises(OutOfRange, match="empty"):
        borexino_limit(0.01, window=(0.8e-3, 1e-3))
    with pytest.raises(OutOfRange, match="excludes"):
        borexino_limit(0.01, criterion=0.9)
    with pytest.raises(MutauError, match="neutrinos"):
        borexino_limit(0.01, "dark-photon")
    with pytest.raises(OutOfRange, match="mass"):
        borexino_limit(np.nan)
