"""The recast engine, by hand."""

import math

import numpy as np
import pytest

from mutau.bounds import PublishedLimit, published_limit
from mutau.bounds.recast import recast, recast_at, recastable, search_of, seen_branching
from mutau.bounds.search import Search
from mutau.core.constants import E_CHARGE
from mutau.core.errors import MutauError, UnknownName
from mutau.models import LmuMinusLtau, loop_mixing

ELECTRON_INVISIBLE = Search("electron", "invisible", "one")


def line(model, coupling=1e-5, low=1e-3, high=1.0, **other):
    return PublishedLimit("mine", [low, high], [coupling, coupling], model=model, cl=0.9, **other)


def test_dark_photon_to_mu_minus_tau_by_hand():
    # e eps = e |Pi(m^2)| g': at low mass g' = eps/0.01443, Br(invisible) = 1
    done = recast(line("dark-photon"), "lmu-ltau", search=ELECTRON_INVISIBLE)
    first = done.curve.coupling[0]
    assert first == pytest.approx(1e-5 / abs(complex(loop_mixing(1e-6))), rel=1e-9)
    share = LmuMinusLtau(0.5, 1e-3).branching_invisible
    at = float(recast_at(line("dark-photon"), 0.5, "lmu-ltau", search=ELECTRON_INVISIBLE)[0])
    mixing = abs(complex(loop_mixing(0.25)))
    assert at == pytest.approx(1e-5 / mixing / math.sqrt(share), rel=1e-9)
    product = done.production * done.branching * done.efficiency
    source = line("dark-photon").coupling_at(done.curve.mass)
    np.testing.assert_allclose((source / done.curve.coupling) ** 2, product, rtol=1e-9)


def test_dark_photon_to_b_minus_l_by_hand():
    # electrons: g = e eps; three left-handed neutrinos against electrons: Br = 3/5
    at = recast_at(line("dark-photon"), 0.05, "b-l", search=ELECTRON_INVISIBLE)
    assert float(at[0]) == pytest.approx(E_CHARGE * 1e-5 / math.sqrt(0.6), rel=1e-6)


def test_there_and_back_again():
    search = Search("muon", "invisible")
    for model in ("le-lmu", "lmu-ltau"):
        there = recast(line("lmu-ltau", 1e-3), model, search=search).curve
        back = recast(there, "lmu-ltau", search=search).curve
        np.testing.assert_allclose(back.coupling, 1e-3, rtol=1e-9)
        assert back.cl == 0.9
        assert "recast" in back.conversion


def test_dark_sector_changes_the_power():
    # mumu seen, dark matter dominating the width: strength ~ g^4, g_new^4 Gmm/Gdark = g_old^2 Br
    search = Search("muon", "mumu")
    old, mass = 1e-4, 0.5
    at = float(
        recast_at(line("lmu-ltau", old), mass, "lmu-ltau", search=search,
                  options={"alpha_d": 0.1, "mass_ratio": 3.0})[0]
    )  # fmt: skip
    share = LmuMinusLtau(mass, at, 0.1, 3.0).branching("mumu")
    plain = LmuMinusLtau(mass, old).branching("mumu")
    assert at**2 * share == pytest.approx(old**2 * plain, rel=1e-9)
    assert at > 10.0 * old


def test_efficiency_enters_as_it_should():
    done = recast(
        line("dark-photon"), "lmu-ltau", search=ELECTRON_INVISIBLE, efficiency_to=lambda m: 0.25
    )
    plain = recast(line("dark-photon"), "lmu-ltau", search=ELECTRON_INVISIBLE)
    np.testing.assert_allclose(done.curve.coupling, 2.0 * plain.curve.coupling, rtol=1e-9)
    np.testing.assert_allclose(done.efficiency, 0.25)


def test_thresholds_show_between_sparse_points():
    # two points, at 1 MeV and 1 GeV: the step of the invisible branching at 2 m_mu is there
    search = Search("muon", "invisible", "one")
    done = recast(line("lmu-ltau", 1e-3), "lmu-ltau", search=search).curve
    below, above = done.coupling_at(0.21), done.coupling_at(0.5)
    assert float(below) == pytest.approx(1e-3, rel=1e-4)
    share = LmuMinusLtau(0.5, 1e-3).branching_invisible
    assert float(above) == pytest.approx(1e-3 / math.sqrt(share), rel=2e-3)


def test_masses_without_a_bound_are_left_out():
    # hadronic decays of B - L are not known above two pion masses
    done = recast(line("dark-photon"), "b-l", search=ELECTRON_INVISIBLE)
    assert done.curve.mass.max() < 0.2792
    assert done.left_out.min() > 0.279
    assert recast_at(line("dark-photon"), [0.2, 0.5], "b-l", search=ELECTRON_INVISIBLE)[1] == np.inf


def test_what_cannot_be_recast_says_why():
    for name in ("ccfr-1991", "borexino-2011", "bbn-2019-syen", "whitedwarf-2013-syen"):
        with pytest.raises(MutauError, match="cannot be recast: ") as caught:
            recast(published_limit(name), "b-l")
        assert "belle2-inv-2020" in caught.value.remedy
    with pytest.raises(MutauError, match="nothing"):
        recast(published_limit("neff-3p5-contour-2023"), "b-l")
    with pytest.raises(MutauError, match="not made by muons"):
        recast(published_limit("cms4mu-2018-syen"), "b-l")
    with pytest.raises(UnknownName, match="Search"):
        search_of("mine")
    with pytest.raises(UnknownName, match="production"):
        Search("proton", "invisible")
    with pytest.raises(MutauError, match="efficiency"):
        recast(line("lmu-ltau"), "b-l", search=ELECTRON_INVISIBLE, efficiency_to=lambda m: 1.5)
    assert set(recastable()) >= {"belle2-inv-2020-br1", "babar4mu-2016", "na64e-2019-recast"}


def test_a_boson_without_electrons_is_not_made_by_them(tmp_path):
    path = tmp_path / "mu-only.toml"
    path.write_text(
        'schema = 1\nname = "mu-only"\nsource = "s"\nmixing_per_coupling = 0.0\n'
        "[charges]\nmu = 1.0\nnumu = 1.0\n"
    )
    with pytest.raises(MutauError, match="not made by electrons"):
        recast(line("dark-photon"), f"charges:{path}", search=ELECTRON_INVISIBLE)
    search = Search("muon", "invisible")
    bound = recast_at(line("lmu-ltau", 1e-3), 0.05, f"charges:{path}", search=search)
    assert float(bound[0]) == pytest.approx(1e-3, rel=1e-4)  # same muon, one neutrino: Br is 1


def test_what_is_seen_is_the_branching_of_the_final_state():
    # above 2 m_mu the boson decays into muons too; what is not invisible is visible
    model = LmuMinusLtau(0.5, 1e-3)
    invisible = model.branching_invisible
    assert 0.4 < invisible < 0.6
    assert seen_branching(model, Search("muon", "invisible")) == invisible
    assert seen_branching(model, Search("muon", "visible")) == pytest.approx(1.0 - invisible)
    assert seen_branching(model, Search("muon", "mumu")) == model.branching("mumu")
    assert seen_branching(model, Search("muon", "tautau")) == 0.0  # closed
    assert seen_branching(model, Search("muon", "visible", "one")) == 1.0
