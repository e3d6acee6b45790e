"""Results kept on disk: the same to the digit, and only where all that they rest on is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import mutau
from mutau.analysis.plane import Overlay, plane_to_dict
from mutau.background.estimate import Estimate, kept_estimate
from mutau.core.errors import NotApplicable
from mutau.core.kept import kept, origins
from mutau.experiment import load_experiment
from mutau.signal import processes

FAST = mutau.Settings(n_events=400)
BARE = Overlay(only=("none",))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_read_is_what_was_computed():
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.array([0.1, np.inf, 1 / 3])}, {"name": "α", "rows": [{"a": 1e-300}]}

    first, second = (kept("thing", ("one", 2), compute) for _ in range(2))
    assert len(calls) == 1
    np.testing.assert_array_equal(first[0]["x"], second[0]["x"])
    assert first[1] == second[1] == {"name": "α", "rows": [{"a": 1e-300}]}
    kept("thing", ("one", 3), compute)
    assert len(calls) == 2


def test_only_what_has_a_digest_is_believed():
    ours = processes.registered(load_experiment("na64mu")).prepare
    assert origins((ours, "mutau.processes", "muon-brems")) == [""]
    assert origins((lambda: None, "mutau.processes", "muon-brems")) is None


def limits(monkeypatch=None, **options):
    options = {"settings": FAST, "overlay": BARE} | options
    return mutau.exclusion_plane(["na64mu"], [0.05, 0.1], **options)


@pytest.mark.compiled
def test_a_plane_drawn_again_computes_no_limit(monkeypatch):
    first = limits()
    never = processes.registered(load_experiment("na64mu"))
    with monkeypatch.context() as patch:
        patch.setattr("mutau.analysis.limit.limit_curve", lambda *_, **__: pytest.fail("computed"))
        again = limits()
        assert plane_to_dict(again) == plane_to_dict(first)
        assert again.limits[0].coupling.tolist() == first.limits[0].coupling.tolist()
        with pytest.raises(pytest.fail.Exception):
            limits(settings=replace(FAST, seed=2))
        with pytest.raises(pytest.fail.Exception):
            limits(family=mutau.Family(alpha_d=0.1))
        # a process that somebody put there by hand: its code has no digest
        theirs = replace(never, prepare=lambda *a: never.prepare(*a))
        patch.setitem(processes.SIGNAL_PROCESSES._items, "muon-brems", theirs)
        with pytest.raises(pytest.fail.Exception):
            limits()


def test_an_estimate_is_kept_whole(own_cache):
    item = load_experiment("na64e")
    from mutau.background.electron_beam import pion_decays
    from mutau.background.estimate import sources_of

    name = "pion decays"
    made = pion_decays(item)
    for _ in range(2):
        assert kept_estimate(name, sources_of(item.process)[name].compute, item, 1, 1.0) == made
    assert len(list(own_cache.glob("estimate-*.npz"))) == 1

    def theirs(experiment, seed, effort):
        return Estimate("own", float(seed), 0.0, 0.0, "m", "a", parts={"x": 2.0})

    assert kept_estimate("own", theirs, item, 3, 1.0).per_particle == 3.0
    assert len(list(own_cache.glob("estimate-*.npz"))) == 1  # a function of nobody's package

    def refuses(experiment, seed, effort):
        raise NotApplicable("none here")

    with pytest.raises(NotApplicable):
        kept_estimate("none", refuses, item, 1, 1.0)
