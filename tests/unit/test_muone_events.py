"""`generate` at MUonE beside the signal: elastic, radiative, off nuclei, within cuts, decayed."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.experiment import load_experiment, replace
from mutau.models import LmuMinusLtau
from mutau.reactions.muon_electron import ELASTIC, GAMMA
from mutau.signal.generate import generate_events
from mutau.signal.muone_events import (
    generate_on_electrons,
    generate_on_nuclei,
    stated_cuts,
    with_neutrinos,
)

pytestmark = pytest.mark.compiled

MUONE = load_experiment("muone")
MODEL = LmuMinusLtau(mass=0.1, coupling=1e-3)
N = 2000


def balance(events):
    """Largest imbalance of four-momentum of one event, GeV, nucleus left out."""
    sign = np.where(events.status < 0, 1.0, -1.0)[:, None]
    total = np.zeros((events.n_events, 4))
    np.add.at(total, np.cumsum(np.diff(events.event, prepend=events.event[0]) != 0),
              sign * events.p4)  # fmt: skip
    return np.abs(total).max()


def test_elastic_events_are_those_of_bhabha():
    """1 to 25 GeV: 239.2 ub at 150 GeV (MESMER 239.30(5) at lowest order), spectrum by 1/E^2 (1 -
    E/E_max + E^2/2 E_b^2); every event on the elastic curve of its own beam energy."""
    events = generate_on_electrons(
        ELASTIC, MUONE, N, limits={"electron_energy": (1.0, 25.0)}, seed=3
    )
    assert events.meta["sigma_pb"] == pytest.approx(239.30e6, rel=1e-3)
    assert events.weight[::4].sum() == pytest.approx(239.30e6 * 15e3, rel=3e-3)
    assert balance(events) < 1e-6
    energy = events.p4[3::4, 0]
    assert energy.min() > 1.0
    assert energy.max() < 25.0
    e = np.geomspace(1.0, 25.0, 400)
    top = 2.0 * M_E * 150.0**2 / (M_MU**2 + 2.0 * M_E * 150.0)
    density = (1.0 - e / top + 0.5 * (e / 150.0) ** 2) / e**2
    mean = np.trapezoid(density * e, e) / np.trapezoid(density, e)
    assert energy.mean() == pytest.approx(mean, abs=4.0 * energy.std() / math.sqrt(N))
    spread = events.p4[::4, 0].std() / 150.0
    assert spread == pytest.approx(0.0375, rel=0.1)
    place = events.x4[::4, 3] - 100.0
    assert set(np.unique(place // 100.0)) == set(range(40))


def test_radiative_events_within_the_cuts():
    """37.90(6) nb by Sherpa 3.0.3 for mu+; photons of 13 GeV and more."""
    events = generate_on_electrons(GAMMA, replace(MUONE, "beam/energy_spread", "0 %"), 500,
                                   within_cuts=True)  # fmt: skip
    assert events.meta["sigma_pb"] == pytest.approx(37.90e3, rel=5e-3)
    assert balance(events) < 1e-6
    assert events.p4[4::5, 0].min() > 12.9


def test_signal_within_the_cuts_is_all_in_the_window():
    """7.7 % of the signal: its weights add up to the 1072.5 events under (i), (ii)."""
    events = generate_events(
        MODEL, replace(MUONE, "beam/energy_spread", "0 %"), 500, within_cuts=True
    )
    assert events.weight[::5].sum() == pytest.approx(1072.5, rel=1e-3)
    assert balance(events) < 1e-6
    beam, muon, electron = (events.p4[k::5] for k in (0, 2, 3))
    cross = np.linalg.norm(np.cross(beam[:, 1:], muon[:, 1:]), axis=1)
    angle = np.arctan2(cross, np.sum(beam[:, 1:] * muon[:, 1:], axis=1))
    assert angle.min() > 1.5e-3
    assert 1.0 < electron[:, 0].min() < electron[:, 0].max() < 25.0


def test_a_boson_decays_to_neutrinos_of_muon_and_tau():
    events = generate_events(MODEL, MUONE, N, seed=2)
    decayed = with_neutrinos(events, MODEL)
    assert 32 not in decayed.pdg
    assert balance(decayed) < 1e-6
    rows = decayed.pdg.reshape(N, 6)
    assert np.array_equal(rows[:, -2], -rows[:, -1])
    assert set(rows[:, -2].tolist()) == {14, 16}
    assert np.mean(rows[:, -2] == 14) == pytest.approx(0.5, abs=4.0 * 0.5 / math.sqrt(N))
    pair = decayed.p4.reshape(N, 6, 4)
    boson = pair[:, -2] + pair[:, -1]
    mass = np.sqrt(boson[:, 0] ** 2 - np.sum(boson[:, 1:] ** 2, axis=1))
    np.testing.assert_allclose(mass, 0.1, rtol=1e-3)
    with pytest.raises(MutauError, match="no Z'"):
        with_neutrinos(decayed, MODEL)


def test_bosons_off_nuclei_stand_in_all_stations():
    one = generate_on_nuclei(MODEL, MUONE, 400, seed=1)
    place = one.x4[:: len(one.pdg) // 400, 3] - 100.0
    assert len(np.unique(place // 100.0)) > 35
    assert np.all(place % 100.0 < 1.5 + 1e-6)
    half = generate_on_nuclei(MODEL, replace(MUONE, "target/stations", 20), 400, seed=1)
    ratio = one.meta["expected_events"] / half.meta["expected_events"]
    assert ratio == pytest.approx(2.0)
    assert one.weight.sum() / half.weight.sum() == pytest.approx(2.0)


def test_refusals(cli):
    with pytest.raises(OutOfRange, match="no event"):
        generate_on_electrons(ELASTIC, MUONE, 10, within_cuts=True)  # closed by kinematics
    with pytest.raises(OutOfRange, match="infinite"):
        generate_on_electrons(ELASTIC, MUONE, 10)
    with pytest.raises(UnknownName):
        stated_cuts({"pair_energy": (1.0, 2.0)})
    with pytest.raises(MutauError, match="no upper limit"):
        stated_cuts({"theta_mu": (0.0, 1e-3)})
    with pytest.raises(MutauError, match="beam of muons"):
        generate_on_electrons(ELASTIC, "na64e", 10)
    for words, text in (
        (("--reaction", ELASTIC, "--decay"), "--decay"),
        (("--reaction", ELASTIC, "--energy", "100"), "--energy"),
        (("--reaction", "muon-electron-pair", "--within-cuts"), "--limits"),
        (("--reaction", "muon-electron-elastic"), "write for example electron_energy=1:"),
        (("--reaction", "muon-brems"), "--mass"),
    ):
        found = cli("generate", "muone", *words, "-o", "e.lhe")
        assert found.code == 2
        assert text in found.err
    words = ("--mass", "0.1", "--coupling", "1e-3", "--within-cuts", "-o", "e.lhe")
    outside = cli("generate", "na64mu", *words)
    assert outside.code == 2
    assert "within the cuts" in outside.err


def test_command_line(cli):
    words = ("generate", "muone", "--mass", "0.1", "--coupling", "1e-3", "--within-cuts", "--decay",
             "-n", "20", "-o", "e.lhe", "--json")  # fmt: skip
    found = cli(*words)
    assert found.code == 0, found.err
    answer = json.loads(found.out)
    assert answer["expected_events"] == pytest.approx(1072.5, rel=2e-3)
    assert answer["particles"] == 120
