"""Visible decays in a set-up: closed forms of exponential decays, acceptance, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import mutau
from mutau.analysis.visible import pair_background, visible_summary
from mutau.core.errors import MutauError, UnknownName
from mutau.experiment import load_experiment
from mutau.models import build_model
from mutau.signal import visible
from mutau.signal.targets import target_length
from mutau.signal.visible import free_path, visible_decays

pytestmark = pytest.mark.compiled


@pytest.fixture
def na64mu():
    return load_experiment("na64mu")


def test_all_decays_are_somewhere(na64mu):
    model = build_model("scalar-mass", 0.05, 1e-3)
    found = visible_decays(na64mu, model, "ee", n_events=3000)
    parts = found.in_target + found.behind + found.beyond
    assert parts == pytest.approx(found.made * found.branching, rel=1e-12)
    assert found.seen <= found.behind
    # made is what the cut flow begins with, there for invisible decays
    dark = mutau.expected_yields(
        build_model("scalar-mass", 0.05, 1e-3, 0.1), na64mu, n_events=400
    ).signal[0]
    # one quadrature over x, or two of its halves
    assert found.made == pytest.approx(dark, rel=1e-4)


def test_long_and_short_lives(na64mu):
    """A long life fills every length evenly; a short one ends in the target."""
    long = visible_decays(na64mu, build_model("scalar", 0.01, 1e-4), "gammagamma", n_events=3000)
    ratio = long.behind / long.in_target
    # left of the target, on average: half of it
    assert ratio == pytest.approx(free_path(na64mu) / (0.5 * target_length(na64mu)), rel=0.03)
    assert long.beyond > 0.999 * long.made
    short = visible_decays(na64mu, build_model("scalar", 0.3, 1e-2), "mumu", n_events=2000)
    assert short.in_target == pytest.approx(short.made * short.branching, rel=1e-4)


def test_half_the_coupling_flies_four_times_as_far(na64mu):
    one, half = (
        visible_decays(na64mu, build_model("scalar", 0.05, g), "gammagamma", n_events=2000)
        for g in (4e-3, 2e-3)
    )
    assert half.mean_path == pytest.approx(4.0 * one.mean_path, rel=1e-12)
    assert half.made == pytest.approx(one.made / 4.0, rel=1e-12)


def test_products_that_open_wide_miss_the_calorimeter(na64mu, monkeypatch):
    """Massless products of a boson at rest in x-y: |x| at the face is L tan(theta), by hand."""
    n, energy, mass = 40_000, 2.0, 0.5
    p4 = np.tile([energy, 0.0, 0.0, math.sqrt(energy**2 - mass**2)], (n, 1))
    made = visible.Flight(p4, np.zeros(n), np.ones(n), 1000.0)
    monkeypatch.setattr(visible, "_hcal", lambda experiment: (experiment.target.z
                        + target_length(experiment) + 1000.0, 100.0, 1e9))  # fmt: skip
    rng = np.random.default_rng(2)
    share = visible._both_inside(na64mu, made, np.zeros(n), mass, 0.0, rng).mean()
    gamma, beta = energy / mass, math.sqrt(1.0 - (mass / energy) ** 2)
    c, phi = rng.uniform(-1.0, 1.0, n), rng.uniform(0.0, 2.0 * np.pi, n)
    across = np.sqrt(1.0 - c * c) * np.cos(phi)
    forward, backward = (gamma * (beta + sign * c) for sign in (1.0, -1.0))
    inside = (forward > 0.0) & (backward > 0.0)
    for along in (forward, backward):
        inside &= np.abs(across) * 1000.0 < 100.0 * np.abs(along)
    assert share == pytest.approx(inside.mean(), abs=5.0 * math.sqrt(0.5 / n))
    assert 0.01 < share < 0.9


def test_muone_has_displaced_vertices_between_its_stations():
    muone = load_experiment("muone")
    found = visible_summary(build_model("scalar-mass", 0.05, 1e-3), muone, n_events=1500)
    row = found["channels"]["ee"]
    assert row["free_path_cm"] == muone.target.pitch - target_length(muone)
    assert row["behind"] > row["in_target"] > 0.0
    assert row["seen"] is None
    assert set(found["channels"]) == {"ee", "gammagamma"}


def test_what_is_refused(na64mu):
    with pytest.raises(UnknownName, match="visible channel"):
        visible_decays(na64mu, build_model("axial-vector", 0.3, 1e-3), "gammagamma")
    with pytest.raises(MutauError, match="no visible decay that is open"):
        visible_summary(build_model("axial-vector", 0.1, 1e-3), na64mu)
    with pytest.raises(MutauError, match="visible decays are not computed"):
        visible_summary(build_model("scalar-e", 0.1, 1e-4), "na64e")


def test_pairs_of_a_window_grow_with_it(na64mu):
    narrow, wide = (pair_background(na64mu, "mumu", 0.3, window=w)[0] for w in (0.05, 0.1))
    assert wide == pytest.approx(2.0 * narrow, rel=0.15)
