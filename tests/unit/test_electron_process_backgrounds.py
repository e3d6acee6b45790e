"""Decays in flight of beam particles and neutral punch-through, against hand calculation."""

import math

import numpy as np
import pytest

import mutau
from mutau.background import electron_beam as beam
from mutau.background.estimate import sources_of
from mutau.background.registry import background_result
from mutau.core.constants import M_E, M_MU, M_PI
from mutau.experiment import load_experiment, replace


@pytest.fixture(scope="module")
def na64e():
    return load_experiment("na64e")


def test_michel_spectrum_boosted():
    x = np.linspace(0.0, 1.0, 20001)
    density = 5.0 / 3.0 - 3.0 * x**2 + 4.0 / 3.0 * x**3
    for cut in (0.2, 0.5, 0.9, 1.0):
        inside = x <= cut + 1e-12
        by_hand = np.trapezoid(density[inside], x[inside])
        assert beam.muon_decay_share_below(cut) == pytest.approx(by_hand, rel=1e-6)
    assert np.trapezoid(density * x, x) == pytest.approx(0.35, rel=1e-6)
    # the rest-frame spectrum 2 z^2 (3 - 2 z), every direction: x = z (1 + cos)/2
    rng = np.random.default_rng(1)
    z = rng.random(400_000)
    z = z[rng.random(len(z)) < z**2 * (3.0 - 2.0 * z)]
    flown = z * 0.5 * (1.0 + rng.uniform(-1.0, 1.0, len(z)))
    assert np.mean(flown < 0.5) == pytest.approx(beam.muon_decay_share_below(0.5), abs=3e-3)


def test_muon_mean_life_follows_from_the_fermi_constant():
    measured = 65863.8  # cm, PDG; radiative corrections are 0.4 %
    assert abs(beam.C_TAU_MU / measured - 1.0) < 6e-3


def test_pion_decays_by_hand(na64e):
    given = replace(na64e, {"beam/pions": 1e-3, "upstream/srd/mistaken": 1e-4})
    # decay length p/m c tau = 100/0.1396 x 7.80 m = 5.59 km; flat electron spectrum from
    # (m_e/m_pi)^2 E to E; 1.23e-4 to e nu; threshold 47.9 GeV, mean of the periods
    low = (M_E / M_PI) ** 2 * 100.0
    mean = (2.84 * 50.0 + 6.26 * 47.0) / 9.1
    by_hand = 1e-3 * 1e-4 * (5.0 / 5592.0) * 1.23e-4 * (mean - low) / (100.0 - low)
    assert beam.pion_decays(given).per_particle == pytest.approx(by_hand, rel=3e-3)


def test_muons_come_from_pions_of_the_line(na64e):
    given = replace(na64e, "beam/pions", 1e-3)
    decayed = 1.0 - math.exp(-600.0 / 5592.0)
    by_hand = 1e-3 * decayed * 2.0 / (100.0 * (1.0 - (M_MU / M_PI) ** 2))
    assert beam.muons_per_electron(given) == pytest.approx(by_hand, rel=3e-3)


@pytest.mark.compiled
def test_photonuclear_reactions_per_electron(na64e):
    # photons above 52 GeV fly 9/7 X0 each; a 100 GeV electron makes about 0.3 of them
    value = beam.photonuclear_per_electron(na64e)
    assert 2e-5 < value < 5e-4
    more = beam.photonuclear_per_electron(na64e, beam.Assumptions(shadowing=1.0))
    assert more == pytest.approx(value * 207.2**0.1, rel=0.03)  # nearly all of it is lead


@pytest.mark.compiled
def test_every_source_is_a_number_with_an_error(na64e):
    answer = background_result(na64e, effort=0.2)
    assert {row["name"] for row in answer["sources"]} == set(sources_of(beam.PROCESS))
    assert answer["not_computed"][0]["size"].startswith("0.7 +- 0.3 events in 9.1e11")
    for row in answer["sources"]:
        assert 0.0 < row["events"] < 0.2  # each below what the paper expects in all
        assert row["model_err"] > 0.0
    assert [item["events"] for item in answer["stated"]] == [0.4, 0.3]
    thin = background_result(load_experiment("ldmx-like"), effort=0.1)
    reasons = {row["name"]: row["reason"] for row in thin["not_computed"]}
    assert "hadronic calorimeter" in reasons["neutral punch-through"]


def test_assumptions_out_of_range_are_refused():
    with pytest.raises(mutau.MutauError, match=r"neutral = -0\.1"):
        beam.Assumptions(neutral=-0.1)
    with pytest.raises(mutau.MutauError, match="shadowing = nan"):
        beam.Assumptions(shadowing=math.nan)
    with pytest.raises(mutau.MutauError, match="mistaken"):
        replace(load_experiment("na64e"), "upstream/srd/mistaken", 1.5)


def test_what_the_file_does_not_say_is_not_computed():
    answer = background_result(load_experiment("na64e-positron"), effort=0.1)
    reasons = {row["name"]: row["reason"] for row in answer["not_computed"]}
    assert set(reasons) >= set(sources_of(beam.PROCESS))  # beside what no file has
    assert "beam/pions" in reasons["pion decays"]
    assert "upstream" in reasons["muon decays"]
