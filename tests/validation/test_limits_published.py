"""The imported curves against formulas, printed numbers and each other."""

import math

import numpy as np
import pytest

from mutau.bounds import database, published_limit
from mutau.core.constants import G_F, M_MU, SIN2_W
from mutau.core.references import reference
from mutau.models import LmuMinusLtau, loop_mixing


def test_ccfr_at_heavy_masses_is_a_contact_interaction():
    # sigma/sigma_SM = [(1 + 4s^2 + 2 v^2 g^2/m^2)^2 + 1]/[(1 + 4s^2)^2 + 1] = 1.38 in the limit of
    # a heavy boson (Altmannshofer et al., Phys. Rev. Lett. 113, 091801), v^2 = 1/(sqrt(2) G_F)
    vector = 1.0 + 4.0 * SIN2_W
    v2 = 1.0 / (math.sqrt(2.0) * G_F)
    shift = math.sqrt(1.38 * (vector**2 + 1.0) - 1.0) - vector
    slope = math.sqrt(shift / (2.0 * v2))
    curve = published_limit("ccfr-1991")
    assert slope == pytest.approx(1.859e-3, rel=1e-3)
    assert float(curve.coupling_at(1000.0)) / 1000.0 == pytest.approx(slope, rel=0.015)


def test_belle2_minimal_model_follows_from_the_invisible_branching():
    full, invisible = published_limit("belle2-inv-2020"), published_limit("belle2-inv-2020-br1")
    for mass, coupling, bare in zip(full.mass, full.coupling, invisible.coupling, strict=True):
        share = LmuMinusLtau(mass, 1e-3).branching_invisible
        assert coupling == pytest.approx(bare / math.sqrt(share), rel=2e-4)  # ee by mixing; digits


def test_na64e_recast_rests_on_the_mixing_at_zero():
    # dark photon: epsilon = 7.54e-6 at 1 MeV in 2.84e11 electrons on target
    curve = published_limit("na64e-2019-recast")
    ours = 7.54e-6 / abs(complex(loop_mixing(0.0)))
    assert float(curve.coupling_at(1e-3)) == pytest.approx(ours, rel=0.01)


def test_babar_reaches_what_its_abstract_says():
    curve = published_limit("babar4mu-2016")
    best = curve.coupling.argmin()
    assert curve.coupling[best] == pytest.approx(7e-4, abs=0.5e-4)  # "as low as 7e-4"
    assert 2 * M_MU < curve.mass[best] < 0.25  # "near the dimuon threshold"


def test_white_dwarfs_bound_the_ratio():
    curve = published_limit("whitedwarf-2013-syen")
    mass = np.array([5e-3, 1e-2, 1.5e-2])
    np.testing.assert_allclose(curve.coupling_at(mass) / mass, 4.9e-2, rtol=0.03)  # digitised


def test_m3_phases_differ_by_their_exposure():
    # 1e10 and 1e13 muons, no background: coupling falls with the square root of the exposure
    one, two = published_limit("m3-phase1-projection-2018"), published_limit(
        "m3-phase2-projection-2018"
    )  # fmt: skip
    ratio = float(one.coupling_at(0.01)) / float(two.coupling_at(0.01))
    assert ratio == pytest.approx(math.sqrt(1000.0), rel=0.03)


@pytest.mark.parametrize(
    ("one", "other", "spread"),
    [
        ("borexino-2011", "borexino-2011-syen", 0.07),
        ("ccfr-1991", "ccfr-1991-syen", 0.10),
        ("babar4mu-2016", "babar4mu-2016-syen", 0.35),
    ],
)
def test_independent_copies_agree(one, other, spread):
    a, b = published_limit(one), published_limit(other)
    low = max(a.mass_range[0], b.mass_range[0])
    high = min(a.mass_range[1], b.mass_range[1])
    mass = np.geomspace(low * 1.0001, high / 1.0001, 40)
    ratio = np.log(a.coupling_at(mass) / b.coupling_at(mass))
    assert abs(np.median(ratio)) < spread
    assert np.sqrt(np.mean(ratio**2)) < 1.5 * spread


def test_what_is_left_of_the_band():
    # MUonE, intro: the moment of 2021 can be explained for about 10 to 200 MeV, and not elsewhere
    # by what was known then
    drawn = [
        item
        for item in database().values()
        if item.plot and item.kind in ("limit", "region") and reference(item.source).year <= 2022
    ]
    for mass, allowed in ((0.004, False), (0.03, True), (0.1, True), (0.5, False), (5.0, False)):
        band = LmuMinusLtau.g_minus_2_band(mass, 2021)
        points = np.geomspace(float(band.lower), float(band.upper), 30)
        excluded = np.zeros(30, bool)
        for item in drawn:
            excluded |= item.is_excluded(mass, points, outside="no")
        assert (not excluded.all()) == allowed, mass
