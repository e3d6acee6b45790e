"""Published recasts beside ours, the wrong ones included."""

import math

import numpy as np
import pytest

from mutau.bounds import PublishedLimit, published_limit
from mutau.bounds.recast import recast, recast_at
from mutau.bounds.search import Search
from mutau.models import DarkPhoton, LmuMinusLtau

INVISIBLE = Search("electron", "invisible", "one")


def dark_photon(mass, epsilon):
    return PublishedLimit("eps", [0.99 * mass, 1.01 * mass], [epsilon] * 2, model="dark-photon")


@pytest.mark.parametrize(
    ("mass", "epsilon", "name"),
    [
        # NA64 (2019), fig. 3, and BaBar (2017), fig. 5, as digitised for DarkCast
        (1.0e-3, 7.544e-6, "na64e-2019-recast"),
        (4.758e-3, 1.7986e-5, "na64e-2019-recast"),
        (1.0e-2, 9.4758e-4, "babar-inv-2017-recast"),
        (2.45, 7.0398e-4, "babar-inv-2017-recast"),
    ],
)
def test_invisible_recasts_rest_on_the_mixing(mass, epsilon, name):
    published = float(published_limit(name).coupling_at(max(mass, published_limit(name).mass[0])))
    ours = float(recast_at(dark_photon(mass, epsilon), mass, "lmu-ltau", search=INVISIBLE)[0])
    # DarkCast takes m_tau and alpha a little differently (0.5 % below 2 m_mu), and leaves the
    # invisible branching fraction at 1: its curves are no bounds on the minimal model above
    share = LmuMinusLtau(mass, 1e-3).branching_invisible
    assert ours * math.sqrt(share) == pytest.approx(published, rel=0.006)
    if mass > 0.22:
        assert ours / published == pytest.approx(math.sqrt(2.0), rel=0.01)


def test_corrected_curves_are_weaker_above_the_muon_threshold():
    curve = published_limit("babar-inv-2017-recast")
    ours = recast(curve, "lmu-ltau").curve
    low, high = ours.mass < 0.2, ours.mass > 4.0
    np.testing.assert_allclose(ours.coupling[low], curve.coupling_at(ours.mass[low]), rtol=1e-4)
    ratio = ours.coupling[high] / curve.coupling_at(ours.mass[high])
    assert np.all((ratio > 1.60) & (ratio < 1.74))  # sqrt(1 + w_mu + w_tau)


def test_belle2_minimal_model():
    # the curve of the minimal model is that at Br = 1 over sqrt(Br_inv) of our widths, at its nodes
    full, bare = published_limit("belle2-inv-2020"), published_limit("belle2-inv-2020-br1")
    ours = recast_at(bare, full.mass, "lmu-ltau")
    np.testing.assert_allclose(ours, full.coupling, rtol=2e-4)


def test_the_known_wrong_recast_of_babar():
    # The limit is on g' of L_mu - L_tau, made by muons. DarkCast files it as a dark photon made by
    # electrons; its recast at the best mass is 4.2658e-2 where the publication says 6.7362e-4.
    mass, coupling = 0.22662, 6.7362e-4
    right = float(recast_at(published_limit("babar4mu-2016"), mass, "lmu-ltau")[0])
    assert right == pytest.approx(coupling, rel=1e-3)
    old, new = DarkPhoton(mass, 1e-3), LmuMinusLtau(mass, 1e-3)
    share = old.width("mumu") / (old.width("mumu") + old.width("ee"))
    premise = coupling / (new.epsilon_eff / 1e-3) * math.sqrt(share / new.branching("mumu"))
    engine = recast_at(
        dark_photon(mass, coupling), mass, "lmu-ltau", search=Search("electron", "mumu")
    )
    assert float(engine[0]) == pytest.approx(premise, rel=1e-6)
    assert premise / right == pytest.approx(49.0, rel=0.02)
    # with neutrinos of both helicities in the width of L_mu - L_tau, the published number appears
    doubled = new.width("mumu") / (new.width_total + new.width("nunu"))
    published = premise * math.sqrt(new.branching("mumu") / doubled)
    assert published == pytest.approx(4.2658e-2, rel=0.01)
    assert published / right == pytest.approx(63.3, rel=0.01)


def test_b_minus_l_of_na64e_with_its_visible_decays():
    # DarkCast gives 5.4458e-6 at 4.758 MeV, e times epsilon: it carries the dark decays along.
    # B - L without dark matter decays into neutrinos at 3/5, so the bound is weaker by sqrt(5/3)
    ours = float(recast_at(dark_photon(4.758e-3, 1.7986e-5), 4.758e-3, "b-l", search=INVISIBLE)[0])
    assert ours * math.sqrt(0.6) == pytest.approx(5.4458e-6, rel=1e-3)
    dark = recast_at(
        dark_photon(4.758e-3, 1.7986e-5), 4.758e-3, "b-l", search=INVISIBLE,
        options={"alpha_d": 0.1, "mass_ratio": 3.0},
    )  # fmt: skip
    assert float(dark[0]) == pytest.approx(5.4458e-6, rel=1e-3)
