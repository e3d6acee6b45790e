"""The sub-package of cross-checks: what is registered, skipped and refused, and what comes out."""

import json
import math
import subprocess
import sys

import pytest

import mutau.peers
from mutau.core.errors import MutauError, UnknownName
from mutau.peers import (
    CROSSCHECKS,
    Compared,
    Crosscheck,
    crosscheck_result,
    load_crosschecks,
    verdict,
)


def sums(effort, seed, progress):
    """Three rows: 3 +- 0.3 against 2 +- 0.4, an exact pair, and a peer that finds nothing."""
    progress(0.5)
    progress(1.0)
    return [
        Compared("a", "GeV", 3.0 * effort, 0.3, 2.0, 0.4, f"seed {seed}"),
        Compared("b", "", 1.0, 0.0, 1.0, 0.0),
        Compared("c", "", 1.0, 0.5, 0.0, 0.0),
    ]


@pytest.fixture
def known(monkeypatch):
    """A registry of two: one whose package is there (json), one whose is not."""
    load_crosschecks()
    items = {
        "here": Crosscheck("JSON", "json", "adds", sums),
        "away": Crosscheck("Nobody", "no_such_package", "adds", sums),
    }
    monkeypatch.setattr(CROSSCHECKS, "_items", items)


def test_rows_carry_difference_over_error(known):
    """(3 - 2)/sqrt(0.3^2 + 0.4^2) = 2 and 3/2 - 1; an exact pair has no pull, zero no ratio."""
    told = []
    answer = crosscheck_result(["here"], seed=7, progress=lambda f, what: told.append((f, what)))
    a, b, c = answer["rows"]
    assert a["pull"] == pytest.approx(2.0)
    assert a["relative"] == pytest.approx(0.5)
    assert (a["check"], a["peer"], a["unit"], a["remark"]) == ("here", "JSON", "GeV", "seed 7")
    assert b["pull"] is None
    assert b["relative"] == 0.0
    assert c["relative"] is None
    assert c["pull"] == pytest.approx(2.0)
    assert told == [(0.5, "here"), (1.0, "here")]
    assert answer["seed"] == 7
    assert answer["skipped"] == []


def test_p_values_and_tolerances_by_hand():
    """Two standard deviations: erfc(2/sqrt 2) = 0.0455; a tolerance adds in quadrature."""
    row = Compared("a", "", 3.0, 0.3, 2.0, 0.4)
    assert row.p_value == pytest.approx(0.04550026)
    wider = Compared("a", "", 3.0, 0.3, 2.0, 0.4, tolerance=0.5)
    assert wider.pull == pytest.approx(1.0 / math.hypot(0.5, 1.0))
    exact = Compared("b", "", 1.02, 0.0, 1.0, 0.0, tolerance=0.01)
    assert exact.pull == pytest.approx(2.0)
    assert Compared("b", "", 1.02, 0.0, 1.0, 0.0).p_value is None


def test_the_verdict_is_of_the_judged_rows_together():
    """Ten rows of which one is 3 sigma off: 10 x 0.0027 is no disagreement; 4.5 sigma are."""
    rows = [Compared(str(i), "", 1.0, 1.0, 1.0, 0.0) for i in range(9)]
    three = verdict([*rows, Compared("far", "", 4.0, 1.0, 1.0, 0.0)])
    assert (three["agrees"], three["judged"], three["worst"]) == (True, 10, "far")
    assert three["p_value"] == pytest.approx(10 * 0.0026998, rel=1e-4)
    assert not verdict([*rows, Compared("far", "", 5.5, 1.0, 1.0, 0.0)])["agrees"]
    assert verdict([Compared("far", "", 9.0, 1.0, 1.0, 0.0, judged=False)])["agrees"]
    assert verdict([])["p_value"] == 1.0


def test_the_command_ends_with_1_where_numbers_disagree(cli, monkeypatch):
    def check(far):
        return lambda effort, seed, progress: [Compared("a", "", far, 0.1, 1.0, 0.1)]

    load_crosschecks()
    for far, code in ((1.1, 0), (3.0, 1)):
        items = {"here": Crosscheck("JSON", "json", "adds", check(far))}
        monkeypatch.setattr(CROSSCHECKS, "_items", items)
        found = cli("crosscheck", "here", "--json")
        assert found.code == code
        answer = json.loads(found.out)
        assert [item["agrees"] for item in answer["verdicts"]] == [code == 0]
        assert answer["rows"][0]["p_value"] == pytest.approx(answer["verdicts"][0]["p_value"])


def test_a_missing_package_is_skipped_and_said(known):
    answer = crosscheck_result()
    assert {row["check"] for row in answer["rows"]} == {"here"}
    [skipped] = answer["skipped"]
    assert skipped["check"] == "away"
    assert skipped["peer"] == "Nobody"
    assert skipped["reason"] == "no_such_package is not installed: pip install 'mutau[peers]'"


def test_effort_reaches_the_check(known):
    assert crosscheck_result(["here"], effort=0.5)["rows"][0]["ours"] == 1.5


@pytest.mark.parametrize("effort", [0.0, -1.0, math.nan, math.inf])
def test_no_effort_is_refused(known, effort):
    with pytest.raises(MutauError, match="asks for no sample"):
        crosscheck_result(["here"], effort=effort)


def test_an_unknown_name_is_refused_before_anything_runs(known, monkeypatch):
    with pytest.raises(UnknownName, match="did you mean 'here'"):
        crosscheck_result(["away", "her"])


def test_the_command_line_agrees(known, cli):
    result = cli("crosscheck", "--seed", "7", "--json")
    assert result.code == 0
    assert json.loads(result.out) == json.loads(json.dumps(crosscheck_result(seed=7)))
    table = cli("crosscheck", "here")
    for text in ("3.00 ± 0.30", "2.00 ± 0.40", "+50.00 %", "+2.0", "seed 1", "here: ours beside"):
        assert text in table.out
    refused = cli("crosscheck", "hre")
    assert refused.code == 2
    assert "here" in refused.err
    assert cli("crosscheck", "here", "--effort", "0").code == 2


def test_all_are_shown_with_whether_they_can_run(cli, monkeypatch):
    monkeypatch.setattr(mutau.peers, "find_spec", lambda name: None)
    found = cli("show", "crosschecks", "--json")
    rows = {row["name"]: row for row in next(iter(rows_of(found.out)))}
    assert {"showers", "muons", "tracks"} <= set(rows)
    assert rows["showers"]["peer"] == rows["muons"]["peer"] == "Geant4"
    assert not any(row["installed"] for row in rows.values())


def rows_of(text):
    """The lists in a JSON object."""
    return (value for value in json.loads(text).values() if isinstance(value, list))


def test_without_peers_everything_is_skipped(cli, monkeypatch):
    monkeypatch.setattr(mutau.peers, "find_spec", lambda name: None)
    answer = json.loads(cli("crosscheck", "--json").out)
    assert answer["rows"] == []
    assert {row["check"] for row in answer["skipped"]} >= {"showers", "muons", "tracks"}
    assert all("pip install 'mutau[peers]'" in row["reason"] for row in answer["skipped"])


def test_knowing_the_checks_loads_no_peer_and_nothing_heavy():
    code = (
        "import sys; from mutau.peers import load_crosschecks; load_crosschecks(); "
        "heavy = {'geant4_pybind', 'acts', 'numba', 'scipy', 'matplotlib'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
