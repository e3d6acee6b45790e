"""Signal by the full simulation, computed backgrounds, limits over exposure, run periods."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.analysis import settings as analysis_settings
from mutau.analysis.limit import limit_curve
from mutau.analysis.sensitivity import sensitivity, sensitivity_to_dict
from mutau.analysis.settings import Settings
from mutau.analysis.yields import backgrounds, expected_yields
from mutau.background import choice as background_choice
from mutau.background.choice import with_background
from mutau.core.errors import MutauError, Problems, UnknownName
from mutau.experiment import load_experiment, replace
from mutau.models import LmuMinusLtau
from mutau.signal.exposure import at_exposure, luminosity_on_electrons, physics_digest
from mutau.signal.muon_brems import produced
from mutau.signal.muon_full_chain import emission_flow, window_edge

NA64 = load_experiment("na64mu")
POINT = LmuMinusLtau(mass=0.1, coupling=1e-4)
N = 6000


@pytest.fixture(scope="module")
def full():
    return expected_yields(POINT, NA64, n_events=N, full_chain=True)


@pytest.mark.compiled
def test_emission_is_that_of_the_quadrature():
    """Before any cut: eq. 6 by quadrature for the beam energy, within the halo's share."""
    flow, error = emission_flow(NA64, 0.1, (0.4, 1.0), 3000, 2)
    made = sum(n for n, _ in produced(NA64, 0.1, 0.4, 1.0).values()) / 1e11
    assert error[0] < 0.004 * flow[0]
    assert flow[0] == pytest.approx(made, rel=0.01)
    assert np.all(np.diff(flow) <= 0.0)
    again, _ = emission_flow(NA64, 0.1, (0.4, 1.0), 3000, 2)  # from the cache
    assert np.array_equal(flow, again)
    other, _ = emission_flow(NA64, 0.1, (0.4, 1.0), 3000, 3)
    assert not np.array_equal(flow, other)


@pytest.mark.compiled
def test_every_cut_is_applied(full):
    """The fast mode applies two cuts, the full chain all eight; the trigger agrees within 15 %."""
    fast = expected_yields(POINT, NA64)
    assert len(full.cuts) == 9
    assert full.meta["not_simulated"] == []
    assert len(fast.meta["not_simulated"]) == 6
    assert full.signal[1] == pytest.approx(fast.signal[1], rel=0.15)
    assert 0.6 * fast.total < full.total < fast.total
    assert 0.01 < full.total_err / full.total < 0.05


@pytest.mark.compiled
def test_the_limit_is_that_of_the_yield(full):
    """No background: S(g) = 2.303, so g = 1e-4 sqrt(2.303/S); its error is half the yield's."""
    line = limit_curve(NA64, [0.1], settings=Settings(n_events=N, full_chain=True))
    want = 1e-4 * math.sqrt(math.log(10.0) / full.total)
    assert line.coupling[0] == pytest.approx(want, rel=1e-6)
    relative = line.numerical_err[0] / line.coupling[0]
    assert relative == pytest.approx(0.5 * full.total_err / full.total, rel=1e-3)
    assert line.meta["signal_by"] == "full simulation"


def test_low_energy_transfers_are_not_forgotten():
    """The window opens where a 140 GeV muon measured 8 % low can pass: 1 - 1.08 x 80/140."""
    assert window_edge(NA64) == pytest.approx(1.0 - 1.08 * 80.0 / 140.0)
    assert window_edge(replace(NA64, "cuts", [])) == 0.0


def test_processes_without_a_full_simulation_say_so():
    with pytest.raises(
        MutauError, match=r"muone has no full simulation .* allowed: electron-brems"
    ):
        limit_curve(load_experiment("muone"), [0.1], settings=Settings(full_chain=True))
    with pytest.raises(MutauError, match="leave out --truth"):
        expected_yields(POINT, NA64, truth=True, full_chain=True)


# --- background and exposure --------------------------------------------------------------------


@pytest.fixture
def computed(monkeypatch):
    """Sources of 6e-12 +- 3e-12 and 4e-12 +- 4e-12 instead of minutes of Monte Carlo."""
    rows = [
        {"name": "one", "per_particle": 6e-12, "error": 3e-12},
        {"name": "two", "per_particle": 4e-12, "error": 4e-12},
    ]
    refused = [{"name": "three", "reason": "no tracker", "size": "", "source": ""}]
    found = background_choice.Computed(rows, refused)
    for module in (background_choice, analysis_settings):
        monkeypatch.setattr(module, "computed_background", lambda *_, **__: found)


def test_background_by_choice(computed):
    n, err, seen = backgrounds(with_background(NA64, "computed"))
    assert n.tolist() == pytest.approx([1.0])
    assert err.tolist() == pytest.approx([0.5])
    assert np.isnan(seen).all()
    assert with_background(NA64, "file") is NA64
    stated = replace(NA64, "background", [{"name": "a", "expected": 2.0, "because": "x"}])
    assert backgrounds(stated)[0].tolist() == [2.0]
    assert backgrounds(with_background(stated, "none"))[0].tolist() == [0.0]
    with pytest.raises(UnknownName, match="'all' is unknown"):
        with_background(NA64, "all")


def test_computed_sources_are_kept(monkeypatch, tmp_path):
    """Once per experiment, seed and effort, whatever the exposure; errors in quadrature."""
    from mutau.background import registry as module

    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path))
    calls = []

    def answer(experiment, *, seed, effort):
        calls.append(experiment)
        row = {"name": "a", "per_particle": 1e-12, "err": 3e-13, "model_err": 4e-13}
        refused = {"name": "b", "reason": "no tracker", "size": "", "source": ""}
        return {"sources": [row], "not_computed": [refused, *module.not_computed(experiment)]}

    monkeypatch.setattr(module, "background_result", answer)
    found = background_choice.computed_background(NA64, seed=77)
    assert found.sources == [{"name": "a", "per_particle": 1e-12, "error": pytest.approx(5e-13)}]
    assert [row["name"] for row in found.not_computed] == [
        "b", *(row["name"] for row in module.not_computed(NA64))
    ]  # fmt: skip
    assert background_choice.computed_background(at_exposure(NA64, 1e12), seed=77) == found
    assert len(calls) == 1
    background_choice.computed_background(
        replace(NA64, "detector/counter[S4]/x", "-16 cm"), seed=77
    )
    assert len(calls) == 2
    # a package that brings one more source
    more = {**module.background_sources(NA64), "another": None}
    with monkeypatch.context() as patch:
        patch.setattr(module, "background_sources", lambda _: more)
        background_choice.computed_background(NA64, seed=77)
    assert len(calls) == 3
    nobody = load_experiment("na64mu").model_copy(update={"process": "none", "name": "none"})
    with pytest.raises(MutauError, match="no background is computed"):
        background_choice.computed_background(nobody)


def test_exposure_scales_everything():
    item = replace(
        NA64,
        {
            "background": [{"name": "a", "expected": 0.5, "error": 0.2, "because": "x"},
                           {"name": "b", "per_particle": 1e-11, "because": "x"}],
            "runs": [{"name": "r1", "particles": 4e10, "background": 0.1, "observed": 1,
                      "background_error": 0.05, "because": "x"},
                     {"name": "r2", "particles": 6e10, "because": "x"}],
        },
    )  # fmt: skip
    n, err, seen = backgrounds(at_exposure(item, 1e12))
    assert n.sum() == pytest.approx(10.0 * (0.5 + 1.0 + 0.1))
    assert err[1] == pytest.approx(10.0 * 0.2 * 0.6)
    assert np.isnan(seen).all()
    assert physics_digest(item) == physics_digest(NA64)
    assert physics_digest(replace(item, "beam/energy", "150 GeV")) != physics_digest(NA64)


def test_a_stated_luminosity_goes_with_the_particles():
    """MUonE states both, and the luminosity counts: twice the muons are twice the signal."""
    muone = load_experiment("muone")
    assert muone.beam.particles is not None
    assert muone.beam.luminosity is not None
    twice = at_exposure(muone, 2.0 * muone.beam.particles)
    assert luminosity_on_electrons(twice) == pytest.approx(2.0 * luminosity_on_electrons(muone))
    assert physics_digest(twice) == physics_digest(muone)
    # more muons for the same luminosity: fewer of everything per muon
    assert physics_digest(replace(muone, "beam/particles", 1e15)) != physics_digest(muone)


def test_thresholds_of_run_periods_are_physics():
    """A background per particle falls with the threshold; the exposure changes nothing."""
    na64e = load_experiment("na64e")
    assert physics_digest(at_exposure(na64e, 7e12)) == physics_digest(na64e)
    lower = replace(na64e, "runs[0]/threshold", "45 GeV")
    assert physics_digest(lower) != physics_digest(na64e)


@pytest.mark.compiled
def test_sensitivity_by_hand(computed):
    """Without background g falls as N^-1/2. With 1e-11 per muon one event at 1e11; at 1e9 the
    median outcome is nothing, so background does not matter; at 1e13 100 +- 50 events: the error
    decides, and g scales no more."""
    n = [1e9, 1e11, 1e13]
    found = sensitivity(NA64, [0.1], n, settings=Settings(background="computed"))
    assert found.method == "bayes"
    assert [row["name"] for row in found.meta["not_computed"]] == ["three"]
    free = found.free[0]
    np.testing.assert_allclose(free * np.sqrt(n) / (free[0] * 1e9**0.5), 1.0, rtol=1e-6)
    assert found.coupling[0, 0] == pytest.approx(free[0], rel=1e-6)
    assert found.background.tolist() == pytest.approx([0.01, 1.0, 100.0])
    assert found.background_err.tolist() == pytest.approx([0.005, 0.5, 50.0])
    # 90 % of a flat-prior posterior with a background error of 50 events: of the size of 1.6 x 50
    events = math.log(10.0) * (found.coupling[0] / free) ** 2
    assert 1.0 < events[1] / 2.303 < 2.5
    assert 60.0 < events[2] < 120.0
    assert np.all(found.low <= found.coupling)
    assert np.all(found.coupling <= found.high)
    assert found.low[0, 2] < 0.95 * found.coupling[0, 2]
    assert found.free_until(1.0) == pytest.approx((1e11, 0.5e11))
    assert found.free_until(0.1) == pytest.approx((1e10, 0.5e10))
    answer = sensitivity_to_dict(found)
    assert len(answer["limits"]) == 3
    assert answer["free_of_background"][1]["particles_on_target"] == pytest.approx(1e11)


@pytest.mark.compiled
def test_sensitivity_is_the_limit_at_that_exposure(computed):
    settings = Settings(n_events=2000, background="computed")
    one = sensitivity(NA64, [0.05, 0.1], [3e12], settings=settings)
    line = limit_curve(at_exposure(NA64, 3e12), [0.05, 0.1], settings=settings)
    np.testing.assert_allclose(one.coupling[:, 0], line.coupling, rtol=1e-9)
    np.testing.assert_allclose(one.error[:, 0], line.numerical_err, rtol=1e-6)
    assert line.method == "bayes"
    assert line.meta["background_events"] == pytest.approx(30.0)
    free = sensitivity(NA64, [0.1], [1e11], settings=Settings(background="none", n_events=2000))
    assert free.method == "events"
    assert free.free_until(1.0) == (math.inf, math.inf)
    assert sensitivity_to_dict(free)["free_of_background"][0]["particles_on_target"] is None


@pytest.mark.parametrize("bad", [[0.0], [-1e9], [math.nan], [math.inf], []])
def test_exposures_that_are_none(bad):
    with pytest.raises(MutauError, match="exposure"):
        sensitivity(NA64, [0.1], bad, settings=Settings(background="none"))


# --- run periods ----------------------------------------------------------------------------------


def runs(**second):
    first = {"name": "a", "particles": 4e10, "because": "x"}
    return replace(
        NA64,
        {
            "runs": [first, {"name": "b", "particles": 6e10, "because": "x"} | second],
            "statistics/method": "bayes",
            "background": [],
        },
    )


@pytest.mark.compiled
def test_run_periods_share_the_signal():
    """Efficiencies 1 and 0.5 of 4e10 and 6e10: 70 % of the signal, shares 4/7 and 3/7."""
    plain = expected_yields(POINT, NA64, n_events=2000)
    found = expected_yields(POINT, runs(efficiency=0.5, efficiency_error=0.1), n_events=2000)
    assert found.total == pytest.approx(0.7 * plain.total)
    assert found.cuts[-1] == "efficiency of the run periods"
    assert found.run_fraction.tolist() == pytest.approx([4 / 7, 3 / 7])
    assert found.relative_systematic == pytest.approx(0.1 * 3 / 7)
    # one event seen in the second period, nothing expected: 3.89 events instead of 2.30 for the
    # sum of two periods without background (flat prior: only the total counts)
    line = limit_curve(runs(observed=1), [0.1], settings=Settings(n_events=2000))
    want = limit_curve(NA64, [0.1], settings=Settings(n_events=2000)).coupling[0] * math.sqrt(
        3.8897 / 2.3026
    )
    both = replace(runs(observed=1), "runs[0]/observed", 0)
    seen = limit_curve(both, [0.1], settings=Settings(n_events=2000))
    assert seen.coupling[0] == pytest.approx(want, rel=2e-4)
    assert line.coupling[0] == pytest.approx(want, rel=2e-4)


@pytest.mark.compiled
def test_thresholds_of_run_periods_are_refused():
    with pytest.raises(MutauError, match=r"runs\[1\]/threshold: run 'b' states a threshold"):
        expected_yields(POINT, runs(threshold="50 GeV"), n_events=1000)
    with pytest.raises(Problems, match="have 5e"):
        runs(particles=1e10)
