"""Efficiencies that a file states: numbers and tables, always or instead of a cut."""

import numpy as np
import pytest

from mutau.analysis.settings import Settings
from mutau.core.errors import OutOfRange, Problems
from mutau.experiment import load_experiment
from mutau.experiment.loader import from_document
from mutau.experiment.schema_counting import Efficiency
from mutau.models import build_model
from mutau.selection.requirements import simulated
from mutau.signal import efficiencies, usage
from mutau.signal.exposure import physics_digest
from mutau.signal.processes import Effort, Prepared, in_proportion, process_of, with_steps

BARE = load_experiment("na64mu")
TABLE = {"name": "table", "mass": ["10 MeV", "1 GeV"], "values": ["20 %", "60 %"], "because": "x"}
ALWAYS = {"name": "matching", "value": "90 %", "relative_error": "3 %", "because": "x"}
INSTEAD = {"name": "tracks", "value": 0.5, "relative_error": "4 %", "instead_of": ["n_tracks"],
           "because": "x"}  # fmt: skip


def with_rows(*rows, bare=BARE):
    return from_document({**bare.to_dict(), "efficiency": list(rows)}, "changed")


def counted(experiment, mass, left_out):
    """Events behind every step where 8 and then 4 were left."""
    prepared = Prepared(("made", "cut"), in_proportion("mu", np.array([8.0, 4.0]), np.ones(2)))
    found = with_steps(prepared, efficiencies.efficiency_steps(experiment, mass, left_out))
    point = build_model("lmu-ltau", mass, 1.0)
    return found, found.signal(point)[0] / point.invisible_strength("mu")


def test_a_table_is_read_between_its_masses_and_not_beyond():
    item = with_rows(TABLE).efficiency[0]
    assert [item.at(m) for m in (0.01, 0.1, 1.0)] == pytest.approx([0.2, 0.4, 0.6])
    with pytest.raises(OutOfRange, match="not stated at 2 GeV"):
        item.at(2.0)


def test_steps_stand_behind_the_cuts_and_multiply():
    item = with_rows(ALWAYS, INSTEAD, TABLE)
    left_out = process_of(item).not_simulated(item, Effort())
    found, events = counted(item, 0.1, left_out)
    assert events == pytest.approx([8.0, 4.0, 3.6, 1.8, 0.72])
    assert found.cuts[2:] == ("efficiency: matching", "efficiency: tracks", "efficiency: table")
    assert found.extra_systematic == pytest.approx(0.05)


def test_instead_of_a_cut_counts_only_where_the_cut_is_not_applied():
    item = with_rows(ALWAYS, INSTEAD)
    assert len(simulated(item.cuts)) == len(item.cuts)
    full = process_of(item).not_simulated(item, Effort(full_chain=True))
    assert [one.name for one in efficiencies.in_force(item, full)] == ["matching"]
    unread = usage.not_used(item, usage.signal_use(True))
    assert "efficiency[tracks]" in unread
    assert not any("matching" in place for place in unread)
    assert not any("efficiency" in place for place in usage.not_used(item, "signal"))
    assert "efficiency" in usage.not_used(item, "background")


@pytest.mark.compiled
def test_a_process_applies_them_and_the_truth_has_none():
    item, point = with_rows(ALWAYS), build_model("lmu-ltau", 0.1, 1e-4)
    for truth, factor in ((False, 0.9), (True, 1.0)):
        effort = Effort(1, 200, truth=truth, final_only=True)
        plain, less = (process_of(e).prepare(e, point, effort) for e in (BARE, item))
        assert less.signal(point)[0][-1] == pytest.approx(factor * plain.signal(point)[0][-1])
    muone = load_experiment("muone")
    plain, less = (
        process_of(e).prepare(e, point, Effort(1, 500, final_only=True))
        for e in (muone, with_rows(ALWAYS, bare=muone))
    )
    assert less.signal(point)[0][-1] == pytest.approx(0.9 * plain.signal(point)[0][-1])


def test_what_one_muon_does_does_not_depend_on_them():
    assert physics_digest(with_rows(ALWAYS)) == physics_digest(BARE)
    assert with_rows(ALWAYS).digest != BARE.digest
    assert from_document(BARE.to_dict(), "same").digest == BARE.digest


def test_relative_errors_need_a_method_that_knows_them():
    assert Settings().method_of([with_rows(ALWAYS)]) == "events"  # refused when the limit is set
    assert isinstance(with_rows(TABLE).efficiency[0], Efficiency)


@pytest.mark.parametrize(("row", "text"), [
    ({"name": "a", "because": "x"}, "needs either"),
    ({**TABLE, "value": 0.5}, "needs either"),
    ({**TABLE, "values": [0.5]}, "`mass` has 2 numbers, `values` 1"),
    ({**TABLE, "mass": ["1 GeV", "10 MeV"]}, "does not rise"),
    ({**ALWAYS, "value": "110 %"}, "at most 1"),
    ({**ALWAYS, "instead_of": ["n_track"]}, "did you mean 'n_tracks'"),
    ({**ALWAYS, "instead_of": ["theta_mu"]}, "there is no cut on 'theta_mu'"),
    ({"name": "a", "value": 0.5}, "because"),
])  # fmt: skip
def test_what_is_wrong_is_named(row, text):
    with pytest.raises(Problems, match=text):
        with_rows(row)


def test_two_of_one_name_are_refused():
    with pytest.raises(Problems, match="stands twice"):
        with_rows(ALWAYS, ALWAYS)
