"""The line that says what a limit stands on, and what the cuts of the full simulation cost."""

import dataclasses

import pytest

from mutau.analysis.behind import cost_of_cuts, stands_on
from mutau.analysis.limit import limit_curve, limit_to_dict
from mutau.analysis.settings import Settings
from mutau.core.errors import MutauError
from mutau.experiment import load_experiment

pytestmark = pytest.mark.compiled

NA64MU = load_experiment("na64mu")


def test_the_line_has_level_method_background_and_what_is_missing():
    line = limit_curve(NA64MU, [0.1], settings=Settings(n_events=500))
    text = stands_on(line)
    assert text.startswith("90 % CL, events; signal by fast mode; background 0 ± 0 events (file)")
    assert "not computed: pile-up, decays of neutral kaons" in text
    assert "hcal_energy <= 8, hcal_mips <= 1.5" in text
    assert text.endswith("too low by what they cost")
    assert limit_to_dict(line)["stands_on"] == text
    known = {k: v for k, v in line.meta.items() if not k.startswith("not_")}
    bare = dataclasses.replace(line, meta={**known, "not_simulated": []})
    assert stands_on(bare).endswith("cuts not simulated: none")
    assert "not computed" not in stands_on(bare)
    several = dataclasses.replace(line, meta={"not_simulated": {"one": ["a cut"]}})
    assert stands_on(several) == "90 % CL, events"


def test_a_background_stands_there_as_it_was_taken():
    line = limit_curve("na64mu-2022", [0.1], settings=Settings(n_events=500))
    assert "bayes; signal by fast mode; background 0.07 ± 0.03 events (file)" in stands_on(line)


def test_cuts_cost_what_they_take():
    cost, error = cost_of_cuts(NA64MU, 0.1, muons=1500, events=3000)
    assert cost > 3.0 * error > 0.0
    assert cost + 3.0 * error < 0.3
    with pytest.raises(MutauError, match="no full simulation"):
        cost_of_cuts(load_experiment("muone"), 0.1)
