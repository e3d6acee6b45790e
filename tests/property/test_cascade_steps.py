"""Steps of single showers are those whose sums the shower sample gives."""

import numpy as np
import pytest

import mutau
from mutau.analysis.cascade import calorimeter_result, cascade_result
from mutau.experiment import load_experiment
from mutau.matter import material
from mutau.transport.shower import Shower, ShowerGeometry, simulate_showers
from mutau.transport.shower_steps import simulate_steps

pytestmark = pytest.mark.compiled

LEAD = material("lead")
EDGES = np.array([0.5, 1.0, 2.0, 5.0, 10.0, 20.0])


def by_bin(steps, sign):
    """Track length per shower and bin; a step counts where its energies lie."""
    chosen = steps.pdg == sign
    high, low = steps.energy[chosen], steps.energy_after[chosen]
    part = np.minimum(high[:, None], EDGES[1:]) - np.maximum(low[:, None], EDGES[:-1])
    share = np.clip(part, 0.0, None) / (high - low)[:, None]
    return share.T @ steps.length[chosen] / steps.showers


@pytest.mark.parametrize("particle", ["e-", "gamma"])
def test_lengths_sum_to_the_tracks_of_the_same_showers(particle):
    shower = Shower(particle, 20.0, LEAD, cut=0.5)
    sample = simulate_showers(shower, 700, edges=EDGES, seed=7)
    steps = simulate_steps(shower, 700, seed=7)
    width = np.diff(EDGES)
    assert by_bin(steps, 11) == pytest.approx(sample.electron * width, rel=1e-9)
    assert by_bin(steps, -11) == pytest.approx(sample.positron * width, rel=1e-9)


def test_a_shower_begins_with_its_beam_particle_and_goes_deeper():
    geometry = ShowerGeometry(sections=np.array([0.0, 8.0]), lateral=True)
    steps = simulate_steps(Shower("e+", 10.0, LEAD, cut=0.2), 50, geometry=geometry, seed=3)
    first = np.flatnonzero(np.diff(steps.shower, prepend=-1))
    assert len(first) == 50
    assert steps.energy[first] == pytest.approx(10.0)
    assert np.all(steps.pdg[first] == -11)
    assert steps.position[first] == pytest.approx(0.0)
    assert np.all(steps.energy >= steps.energy_after)
    assert np.all(steps.energy_after >= 0.2)
    assert np.all((steps.position[:, 0] >= 0.0) & (steps.position[:, 0] <= 8.0))
    # softer particles are made deeper, and away from the axis
    soft = steps.energy < 0.5
    assert steps.position[soft, 0].mean() > steps.position[~soft, 0].mean()
    radius = np.hypot(steps.position[:, 1], steps.position[:, 2])
    assert radius[soft].mean() > radius[~soft].mean() > 0.0


def test_steps_are_saved_and_refused(tmp_path):
    steps = simulate_steps(Shower("e-", 5.0, LEAD, cut=1.0), 3)
    steps.save(tmp_path / "steps.npz")
    again = type(steps).load(tmp_path / "steps.npz")
    assert np.array_equal(again.position, steps.position)
    assert again.showers == 3
    with pytest.raises(mutau.MutauError, match="cut"):
        simulate_steps(Shower("e-", 5.0, LEAD, cut=6.0), 3)


def test_the_profile_of_the_answer_holds_the_energy():
    answer = cascade_result("e-", 5.0, "lead", edges=[0.05, 1.0, 5.0], method="mc", showers=40)
    step = np.diff(answer["profile_edges_X0"])
    assert np.sum(answer["profile_GeV_per_X0"] * step) == pytest.approx(5.0, rel=2e-3)
    peak = answer["profile_edges_X0"][np.argmax(answer["profile_GeV_per_X0"])]
    assert 3.0 < peak < 7.0  # ln(5 GeV/7.4 MeV) - 0.5 = 6, early with a cut of 50 MeV
    assert "profile_edges_X0" not in cascade_result("e-", 5.0, "lead")


def test_a_calorimeter_reads_what_is_left_in_it():
    file = load_experiment("na64e")
    low, high = (calorimeter_result(file, energy=e, showers=n) for e, n in ((2.0, 400), (10.0, 80)))
    for answer in (low, high):
        energy = answer["energy_GeV"]
        whole = sum(answer[f"{name}_GeV"] for name in ("left", "behind", "beside"))
        assert whole == pytest.approx(energy, rel=2e-3)
        step = np.diff(answer["profile_edges_X0"])
        assert answer["profile_edges_X0"][-1] == pytest.approx(40.0)
        inside = whole - answer["behind_GeV"]
        assert answer["profile_GeV_per_X0"] @ step == pytest.approx(inside, rel=2e-3)
        front = answer["profile_GeV_per_X0"][:8] @ step[:8]  # the pre-shower is 4 X0 of the 40
        assert front == pytest.approx(answer["preshower_GeV"], rel=0.02)
        # 10 %/sqrt(E) of the file; the shower itself adds little
        width = 0.1 * np.sqrt(energy)
        assert answer["visible_rms_GeV"] == pytest.approx(
            width, rel=4.0 / np.sqrt(answer["showers"])
        )
        away = abs(answer["visible_GeV"] - answer["left_GeV"])
        assert away < 4.0 * answer["visible_err_GeV"]
    # the maximum moves as ln E
    assert high["peak_X0"] - low["peak_X0"] == pytest.approx(np.log(5.0), abs=0.6)


def test_what_is_no_calorimeter_is_refused():
    with pytest.raises(mutau.MutauError, match=r"ldmx-like: target.*not active"):
        calorimeter_result(load_experiment("ldmx-like"))
    with pytest.raises(mutau.MutauError, match=r"na64mu: beam/particle.*--particle e-"):
        calorimeter_result(load_experiment("na64mu"))
