"""A second muon in the gate, noise and thresholds of calorimeters, planes before the target."""

import math
from dataclasses import replace as changed

import numpy as np
import pytest

from mutau.core.errors import MutauError
from mutau.detector.geometry import build_geometry
from mutau.detector.pile_up import alone, muons_in_gate, with_further_muons
from mutau.detector.readout import build_readout
from mutau.detector.simulation import simulate_chunk
from mutau.experiment import load_experiment, replace
from mutau.experiment.loader import from_document

BARE = load_experiment("na64mu")


def gated(gate):
    resolution = {**BARE.to_dict()["detector"]["resolution"], "gate": gate}
    return replace(BARE, "detector/resolution", resolution)


def test_rate_times_gate():
    assert muons_in_gate(BARE) == 0.0
    assert alone(BARE) == 1.0
    assert muons_in_gate(gated("48 ns")) == pytest.approx(0.1)
    assert alone(gated("96 ns")) == pytest.approx(math.exp(-0.2))
    document = gated("48 ns").to_dict()
    del document["beam"]["spill"]
    with pytest.raises(MutauError, match="needs the intensity"):
        muons_in_gate(from_document(document, "none"))


@pytest.mark.compiled
def test_signals_add_and_vetoes_too():
    first, second = (simulate_chunk(BARE, 30, seed, 0) for seed in (1, 2))
    readout, owner = build_readout(BARE), np.arange(30) // 2  # two muons to each of the first 15
    found = with_further_muons(first, second, owner, readout)
    added = second.energy[0::2] + second.energy[1::2]
    assert found.energy[:15] == pytest.approx(first.energy[:15] + added)
    assert np.array_equal(found.energy[15:], first.energy[15:])
    per_plane = second.hits_per_plane()
    more = per_plane[0::2] + per_plane[1::2]
    assert np.array_equal(found.hits_per_plane()[:15], first.hits_per_plane()[:15] + more)
    assert np.array_equal(found.n_extra, np.bincount(found.extra_event, minlength=30))
    fired = first.counters[:15] | second.counters[0::2] | second.counters[1::2]
    assert np.array_equal(found.counters[:15], fired)
    assert not found.trigger[found.counters & readout.veto != 0].any()
    assert np.array_equal(found.true_hit, first.true_hit)
    nobody = second.select(np.zeros(30, bool))
    same = with_further_muons(first, nobody, np.zeros(0, np.int64), readout)
    assert np.array_equal(same.energy, first.energy)
    assert np.array_equal(same.trigger, first.trigger)


@pytest.mark.compiled
def test_a_full_gate_leaves_no_single_track():
    """With ten muons in the gate every plane has many hits, and V1 fires."""
    item = gated("4.8 us")
    hits, plain = simulate_chunk(item, 30, 1, 0), simulate_chunk(BARE, 30, 1, 0)
    assert np.all(hits.hits_per_plane().max(axis=1) > 1)
    assert np.all(hits.energy.sum(axis=1) > plain.energy.sum(axis=1))
    assert not hits.trigger.any()
    assert np.array_equal(hits.true_hit, plain.true_hit)


@pytest.mark.compiled
def test_noise_and_threshold_of_a_module():
    noisy = replace(BARE, "detector/calorimeter[VHCAL]/noise", "0.2 GeV")
    plain, hits = (simulate_chunk(e, 400, 1, 0) for e in (BARE, noisy))
    quiet = plain.module("VHCAL") == 0.0
    seen = hits.module("VHCAL")[quiet]
    assert np.count_nonzero(quiet) > 200
    assert np.mean(seen > 0.0) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(seen.size))
    assert np.sqrt(np.mean(seen[seen > 0.0] ** 2)) == pytest.approx(0.2, rel=0.25)
    assert np.array_equal(plain.module("HCAL1"), hits.module("HCAL1"))
    cut = simulate_chunk(
        replace(noisy, "detector/calorimeter[VHCAL]/threshold", "0.3 GeV"), 400, 1, 0
    )
    expected = np.where(hits.module("VHCAL") >= 0.3, hits.module("VHCAL"), 0.0)
    assert np.array_equal(cut.module("VHCAL"), expected)
    cells = simulate_chunk(noisy, 50, 1, 0, cells=True)
    of = [name.startswith("VHCAL[") for name in cells.cells_named]
    assert cells.cells[:, of].sum(axis=1) == pytest.approx(cells.module("VHCAL"))


@pytest.mark.compiled
def test_the_run_of_2022_measures_its_beam_with_planes():
    """sigma(p)/p = 2 sigma / (L angle): 0.27 mm, arms of 1.5 m, 5 T m at 160 GeV: 3.8 %."""
    item = load_experiment("na64mu-2022")
    angle = 0.299792458 * 5.0 / 160.0
    assert 2.0 * 0.027 / 150.0 / angle == pytest.approx(0.038, rel=0.02)
    fast = build_geometry(item)  # the spectrometer before the target is left out there
    names = {fast.names[int(i)] for i in fast.setup.pieces["name"]}
    assert "BEND6" not in names
    assert {"S0", "V0", "S1", "MS2", "S4", "Smu"} <= names
    early = replace(item, "detector/counter[S0]/z", "2.2 m")
    with pytest.raises(MutauError, match="before the end of a dipole"):
        build_geometry(early)


@pytest.mark.compiled
def test_momentum_before_the_target_by_hits():
    item = load_experiment("na64mu-2022")
    document = item.to_dict()
    del document["detector"]["resolution"]["gate"]
    core = [{**document["beam"]["parts"][0], "share": 1.0, "energy_spread": "0.1 %"}]
    document["beam"]["parts"] = core
    hits = simulate_chunk(from_document(document, "core"), 300, 1, 0)
    good = hits.incoming_momentum[hits.incoming_momentum > 0.0]
    assert good.size > 250
    assert np.median(good) == pytest.approx(160.0, rel=0.015)
    spread = 0.7413 * np.subtract(*np.percentile(good, [75, 25])) / 160.0
    assert spread == pytest.approx(0.038, rel=0.25)
    again = changed(hits, weight=hits.weight)
    assert np.array_equal(again.incoming_momentum, hits.incoming_momentum)
