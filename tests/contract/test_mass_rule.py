"""One rule for masses: outside validity refused with the reason, inside answered."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mutau
from mutau.analysis.limit import default_masses, limit_curve
from mutau.analysis.yields import expected_yields
from mutau.core.errors import OutOfRange
from mutau.experiment import load_experiment
from mutau.models import Family
from mutau.signal import processes as processes
from mutau.signal.generate import generate_events

pytestmark = pytest.mark.compiled

#: An experiment of each process.
EXPERIMENTS = ("na64mu", "muone", "na64e")


def model(mass):
    return mutau.LmuMinusLtau(mass=mass, coupling=1e-3, alpha_d=0.1)


def outside(experiment):
    """Masses just beyond what the process takes, with the reason that the process gives."""
    low, high = processes.masses_taken(experiment)
    below, above = processes.SIGNAL_PROCESSES[experiment.process].reasons
    found = [(0.99 * low, below)]
    if np.isfinite(high):
        found.append((1.01 * high, above))
    return found


def test_every_process_is_tried():
    assert {load_experiment(name).process for name in EXPERIMENTS} == set(processes.PROCESS_MODULES)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_outside_is_refused_with_the_reason_by_every_door(name, monkeypatch):
    experiment = load_experiment(name)
    processes.masses_taken(experiment)  # registers the process
    process = processes.SIGNAL_PROCESSES[experiment.process]

    def computed(*_):
        raise AssertionError("something was computed")

    stub = processes.replace(process, prepare=computed, generate=computed)
    monkeypatch.setitem(processes.SIGNAL_PROCESSES._items, experiment.process, stub)
    good = float(np.sqrt(np.prod(process.mass_range(experiment))))
    assert outside(experiment)
    for mass, reason in outside(experiment):
        assert reason
        for call in (
            lambda m=mass: expected_yields(model(m), experiment),
            lambda m=mass: limit_curve(experiment, [m], family=Family(alpha_d=0.1)),
            lambda m=mass: limit_curve(experiment, [good, m], family=Family(alpha_d=0.1)),
            lambda m=mass: generate_events(model(m), experiment, 3),
        ):
            with pytest.raises(OutOfRange) as caught:
                call()
            assert reason in str(caught.value)
            assert f"{mass:g} GeV" in str(caught.value)
            assert experiment.name in str(caught.value)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_masses_of_a_curve_are_taken(name):
    experiment = load_experiment(name)
    assert all(processes.takes_mass(experiment, mass) for mass in default_masses(experiment, 7))
    assert not processes.takes_mass(experiment, float("nan"))


def test_taken_but_out_of_reach_is_zero_and_no_limit(cli):
    """Above the threshold of 150 GeV muons on electrons, 0.2994 GeV, the answer is nothing."""
    point = ("--coupling", "1e-3", "--json")
    found = json.loads(cli("yields", "muone", "--mass", "0.35", *point).out)
    assert found["signal"] == 0.0
    assert "threshold" in found["remark"]
    line = json.loads(cli("limit", "muone", "--mass", "0.2,0.35", "-n", "2000", "--json").out)
    inside, above = line["limits"]
    assert inside["coupling_upper_limit"] > 0.0
    assert above["coupling_upper_limit"] is None
    refused = cli("generate", "muone", "--mass", "0.35", "--coupling", "1e-3", "-o", "e.lhe")
    assert refused.code == 2
    assert "no Z' can be produced" in refused.err


def test_together_an_experiment_that_does_not_take_the_mass_is_left_out(cli):
    """20 keV: `muone` takes it, `na64mu` begins at 1 MeV; 1 keV: neither does."""
    words = ("--mass", "20keV", "--coupling", "1e-3", "--json")
    rows = json.loads(cli("discover", "na64mu", "muone", *words).out)["reach"]
    assert [row["experiment"] for row in rows] == ["muone", "na64mu"]
    assert "does not take a mass of 2e-05 GeV" in rows[1]["remark"]
    refused = cli("discover", "na64mu", "muone", "--mass", "1keV", "--coupling", "1e-3")
    assert refused.code == 2
    assert "not taken by na64mu" in refused.err
    refused = cli("combine", "na64mu", "muone", "--mass", "10MeV,1keV")
    assert refused.code == 2
    assert "1e-06 GeV is not taken" in refused.err
