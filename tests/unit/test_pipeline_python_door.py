"""From Python: an experiment by its name or as it is, and what a wrong argument is told."""

from __future__ import annotations

import re

import numpy as np
import pytest

import mutau
from mutau.analysis.plane import Overlay
from mutau.analysis.settings import Settings
from mutau.analysis.yields import yields_to_dict


def test_an_experiment_in_one_line():
    text = repr(mutau.load_experiment("na64mu"))
    assert re.match(
        r"<Experiment na64mu: muon-brems, 1e\+11 mu- of 160 GeV on \S+; .*\d cuts>", text
    )
    assert len(text) < 200


def test_an_experiment_is_its_own_name():
    item = mutau.load_experiment("na64mu")
    assert mutau.load_experiment(item) is item


@pytest.mark.parametrize("wrong", [mutau.LmuMinusLtau(mass=0.1, coupling=1e-3), 7, None])
def test_what_is_no_experiment_is_told_so(wrong):
    with pytest.raises(mutau.MutauError, match=r"is not an experiment; .*a name, a path"):
        mutau.limit_curve(wrong, [0.1])


@pytest.mark.compiled
def test_changed_experiments_are_combined_without_a_file():
    item = mutau.load_experiment("na64mu")
    twin = mutau.replace(item, {"name": "twin", "beam/particles": 1e11})
    settings = Settings(seed=1, n_events=400)
    (one,) = mutau.combined_limit([item], [0.1], settings=settings).coupling
    (by_name,) = mutau.combined_limit(["na64mu"], [0.1], settings=settings).coupling
    (two,) = mutau.combined_limit([item, twin], [0.1], settings=settings).coupling
    assert one == by_name
    assert one / two == pytest.approx(2**0.5, rel=0.03)  # S ~ N g^2, no background


@pytest.mark.compiled
def test_a_changed_experiment_is_drawn_without_a_file():
    item = mutau.replace(mutau.load_experiment("na64mu"), {"name": "twin", "beam/particles": 4e11})
    plane = mutau.exclusion_plane(
        [item], [0.1], settings=Settings(n_events=400), overlay=Overlay(only=["none"])
    )
    limit = mutau.limit_curve(item, [0.1], settings=Settings(n_events=400))
    assert plane.limits[0].experiment == "twin"
    assert np.array_equal(plane.limits[0].coupling, limit.coupling)


@pytest.mark.parametrize("masses", [["100MeV"], [], 0.1, [[0.1]]])
def test_masses_that_are_no_list_of_numbers(masses):
    with pytest.raises(mutau.MutauError, match=r"masses = .*a list of numbers in GeV"):
        mutau.combined_limit(["na64mu"], masses)
    with pytest.raises(mutau.MutauError, match=r"masses = .*a list of numbers in GeV"):
        mutau.limit_curve("na64mu", masses)


def test_a_model_point_is_no_tag():
    with pytest.raises(
        mutau.MutauError, match=r"DarkPhoton.* is neither a family of models nor a tag; .*lmu-ltau"
    ):
        mutau.limit_curve("na64mu", [0.1], family=mutau.DarkPhoton(mass=0.1, epsilon=1e-3))


@pytest.mark.parametrize(("observed", "told"), [([1.0, 2.0], 3.0), ([1.0, np.nan], None)])
def test_the_observed_count_is_told_where_every_period_has_one(observed, told):
    one, two = np.ones(1), np.full(2, 0.5)
    yields = mutau.Yields(
        ("produced",),
        one,
        one,
        two,
        two,
        np.array(observed),
        two,
        0.0,
        0.1,
        1e-3,
        "toy",
        "lmu-ltau",
    )
    assert yields_to_dict(yields)["observed"] == told
