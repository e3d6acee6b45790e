"""N_eff beside the published thresholds and contours."""

import numpy as np
import pytest

from mutau.bounds import published_limit
from mutau.bounds.cosmology import instantaneous_neff, neff, neff_limit, standard_neff

pytestmark = pytest.mark.compiled


def test_the_threshold_of_5_3_mev_is_entropy_conservation():
    # m > 5.3 MeV for an excess below 0.7, neutrinos leaving the plasma at 1.5 MeV, as drawn since
    # Kamada, Yu (arXiv:1504.00711)
    assert instantaneous_neff(5.3e-3, 1.5e-3) - 3.0 == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize(
    ("name", "total"), [("neff-h0band-left-2019-syen", 3.5), ("neff-h0band-right-2019-syen", 3.2)]
)
def test_edges_of_the_band_are_contours(name, total):
    # band of Escudero et al. (arXiv:1901.02010), digitised: N_eff is constant along either edge
    # over more than two decades of the coupling; the standard value is taken as 3.044
    curve = published_limit(name)
    found = np.array(
        [neff(m, g) for m, g in zip(curve.mass[::4], curve.coupling[::4], strict=True)]
    )
    found += 3.044 - standard_neff()
    assert found.mean() == pytest.approx(total, abs=0.02)
    assert found.std() < 0.015


def test_fitted_contours_are_not_contours():
    # power laws fitted to a figure: N_eff along them is not constant, so they are not drawn
    curve = published_limit("neff-3p5-contour-2023")
    found = [neff(float(curve.mass[i]), float(curve.coupling[i])) for i in (0, 4)]
    assert found[0] == pytest.approx(3.5, abs=0.05)
    assert found[1] > 3.65


def test_region_drawn_below_5_3_mev_is_excluded():
    drawn = published_limit("bbn-2019-syen")
    for mass in (3e-3, 5.3e-3):
        for coupling in (float(drawn.coupling_at(mass)), 1e-4):
            assert neff(mass, coupling) - standard_neff() > 0.5


def test_neff_dips_where_the_mediator_shares_its_energy_out():
    low, dip, high = (neff(5e-3, g) for g in (1e-8, 1e-7, 1e-5))
    assert dip < low - 0.5
    assert dip < high - 0.5
    assert np.isinf(neff_limit(0.05).coupling[0])
