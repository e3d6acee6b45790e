"""Every signal process with every beam: expected events, or a refusal that names both."""

from __future__ import annotations

import math

import pytest

from mutau import LmuMinusLtau, expected_yields, replace
from mutau.core.errors import MutauError
from mutau.experiment import PROCESSES, load_experiment

#: An experiment for every process of this package; the point is in reach of all.
EXPERIMENTS = {
    "muon-brems": "na64mu", "muon-electron-zprime": "muone", "electron-brems+annihilation": "na64e",
}  # fmt: skip
POINT = LmuMinusLtau(mass=0.05, coupling=1e-3)
BEAMS = ("mu-", "mu+", "e-", "e+")


def test_every_process_declares_beams_that_exist():
    assert set(EXPERIMENTS) <= set(PROCESSES)
    for process in PROCESSES:
        assert PROCESSES[process].beams
        assert set(PROCESSES[process].beams) <= set(BEAMS)


@pytest.mark.parametrize("beam", BEAMS)
@pytest.mark.parametrize("process", EXPERIMENTS)
def test_a_beam_gives_events_or_is_refused_by_name(process, beam):
    item = load_experiment(EXPERIMENTS[process])
    if beam in PROCESSES[process].beams:
        found = expected_yields(POINT, replace(item, "beam/particle", beam), n_events=300)
        assert 0.0 < found.total < math.inf
        assert 0.0 < found.total_err < found.total
        return
    with pytest.raises(MutauError, match="beam") as raised:
        replace(item, "beam/particle", beam)
    assert beam in str(raised.value)
    assert process in str(raised.value)
