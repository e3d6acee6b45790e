"""The Borexino bound beside the published reinterpretations."""

import numpy as np
import pytest

from mutau.bounds import published_limit
from mutau.bounds.solar import borexino_limit, flavour_shares, rate_slopes


@pytest.mark.parametrize(
    ("name", "criterion"), [("borexino-2011", 1.32), ("borexino-2011-syen", 1.37)]
)
def test_published_curves_follow_one_criterion(name, criterion):
    # P_ee = 0.51 and recoils above 270 keV: R/R_SM is constant along each curve, not 1.08
    curve = published_limit(name)
    mass = curve.mass[(curve.mass > 2e-3) & (curve.mass < 0.03)]
    a, b = rate_slopes(mass, shares=flavour_shares(0.51, 0.5))
    ratio = 1.0 + a * curve.coupling_at(mass) ** 2 + b * curve.coupling_at(mass) ** 4
    assert ratio.mean() == pytest.approx(criterion, abs=0.01)
    assert ratio.std() < 0.02
    ours = borexino_limit(mass, criterion=criterion, p_ee=0.51)
    np.testing.assert_allclose(ours.coupling, curve.coupling_at(mass), rtol=0.04)


def test_the_data_allow_less_than_the_curves_do():
    mass = np.geomspace(2e-3, 0.03, 5)
    ours = borexino_limit(mass)
    assert ours.cl == 0.90
    published = published_limit("borexino-2011").coupling_at(mass)
    assert np.all(ours.coupling < 0.75 * published)
    assert np.all(ours.numerical_err < 1e-9 * ours.coupling)


def test_heavy_and_light_ends():
    ours = borexino_limit([1e-5, 2e-5, 0.05, 0.5])
    assert ours.coupling[3] / ours.coupling[2] == pytest.approx(10.0, rel=1e-3)  # g/m
    assert ours.coupling[1] / ours.coupling[0] == pytest.approx(1.0, abs=0.01)  # massless
    # the published curve bends down near 2 m_mu because it takes the mixing at q^2 = m^2; the
    # momentum exchanged is below 1 MeV, where the mixing does not know of the boson's mass
    published = published_limit("borexino-2011")
    bend = float(published.coupling_at(0.2)) / float(published.coupling_at(0.05))
    assert bend < 0.95 * 4.0
    assert float(borexino_limit(0.2).coupling[0] / ours.coupling[2]) == pytest.approx(4.0, rel=1e-3)
