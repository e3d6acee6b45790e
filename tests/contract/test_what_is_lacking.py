"""Every answer names what it lacks: backgrounds not computed, cuts not simulated."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mutau import LmuMinusLtau, expected_yields
from mutau.analysis.lacking import LACKING, lacks
from mutau.analysis.settings import Settings
from mutau.background import choice as background_choice
from mutau.background.estimate import SOURCES, BackgroundSource, Estimate, sources_of
from mutau.background.registry import background_result, background_sources, not_computed
from mutau.core.errors import MutauError, NotApplicable
from mutau.experiment import experiment_names, load_experiment, replace
from mutau.signal.not_computed import Missing, in_words
from mutau.signal.processes import PROCESS_MODULES, SIGNAL_PROCESSES, Effort, process_of
from mutau.signal.usage import not_used

#: An experiment for every signal process.
EXPERIMENTS = {
    "muon-brems": "na64mu", "muon-electron-zprime": "muone", "electron-brems+annihilation": "na64e",
}  # fmt: skip
POINT = ("--mass", "0.1", "--coupling", "1e-3")
GRID = 'schema = 1\nname = "s"\ntask = "limit"\nexperiment = "na64e"\n[grid]\nmass = ["1MeV"]\n'
DOORS = [
    ("yields", "na64mu", *POINT, "-n", "200"),
    ("limit", "na64mu", "--mass", "0.1", "-n", "200"),
    ("sensitivity", "na64e", "--mass", "1MeV", "--exposure", "1e12"),
    ("combine", "na64e", "na64mu", "--mass", "10MeV", "-n", "200"),
    ("discover", "na64e", "na64mu", "--mass", "10MeV", "--coupling", "1e-2"),
    ("plane", "na64e", "na64mu", "--mass", "10MeV,20MeV", "-n", "200", "--only", "none",
     "-o", "p.png"),
    ("scan", "grid.toml", "-o", "s", "--workers", "1"),
    ("background", "muone", "--source", "neutrino pairs"),
    ("optimise", "muone", "--mass", "0.1", "-n", "2000"),
]  # fmt: skip


@pytest.mark.compiled
@pytest.mark.parametrize("words", DOORS, ids=lambda words: words[0])
def test_every_total_carries_what_is_not_computed(cli, tmp_path, words):
    (tmp_path / "grid.toml").write_text(GRID)
    result = cli(*words, "--json")
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    found = answer["not_computed"]
    several = isinstance(found, dict)
    for rows in found.values() if several else [found]:
        assert rows
        assert all(set(row) == {"name", "reason", "size", "source"} for row in rows)
    if several:
        assert set(found) == {"na64e", "na64mu"}
        assert found["na64e"] == not_computed(load_experiment("na64e"))
    unread = answer["not_used"]
    if isinstance(unread, dict):
        assert set(unread) == {"na64e", "na64mu"}
        assert "detector/tracker" in unread["na64mu"]
        assert unread["na64e"] != unread["na64mu"]
    else:
        assert unread
    if words[0] == "optimise":  # its background rests on the cut on photons
        assert answer["not_simulated"] == []
        assert not any("photon" in place for place in unread)
    if words[0] not in ("background", "optimise"):
        cuts = answer["not_simulated"]
        if several:
            cuts = cuts["na64mu"]
            assert len(answer["not_simulated"]["na64e"]) == 6
        # as the file has them; of na64e everything but the pre-shower's
        assert any("hcal_energy" in text for text in cuts)


def test_what_only_a_computed_background_reads_is_used_with_one():
    item = load_experiment("muone")
    assert any("photon_energy" in place for place in not_used(item, "signal"))
    assert not any("photon_energy" in place for place in not_used(item, "signal", "background"))


@pytest.mark.parametrize("name", [name for name in experiment_names() if "like" not in name])
def test_a_size_says_whose_it_is(name):
    """The same rows stand in answers of every experiment of a process."""
    for row in not_computed(load_experiment(name)):
        assert not row["size"] or any(one in row["size"] for one in ("NA64", "MUonE"))


@pytest.mark.compiled
@pytest.mark.parametrize("words", [DOORS[1], DOORS[2], DOORS[3]], ids=lambda words: words[0])
def test_the_terminal_has_a_line_of_it(cli, words):
    shown = cli(*words).out
    assert "not_computed" in shown
    assert "not_simulated" in shown
    assert "hcal_energy" in shown
    if "na64e" in words:
        assert "interactions upstream of the target (0.7 +- 0.3 events" in shown


def test_the_full_chain_names_what_is_left(cli):
    item = load_experiment("na64mu")
    assert lacks(item, Settings(full_chain=True))["not_simulated"] == []
    assert len(lacks(item)["not_simulated"]) == 6
    assert "trigger" in lacks(item, truth=True)["not_simulated"]


@pytest.mark.compiled
@pytest.mark.parametrize("name", experiment_names())
def test_a_cut_of_the_file_is_applied_or_named(name):
    """For every bundled file: each cut is a step of the cut flow or stands in `not_simulated`."""
    item = load_experiment(name)
    if not item.cuts:
        return
    model = LmuMinusLtau(mass=0.01, coupling=1e-3)
    found = expected_yields(model, item, n_events=300)
    left = found.meta["not_simulated"]
    for cut in item.cuts:
        steps = [text for text in found.cuts if cut.variable in text]
        names = [text for text in left if cut.variable in text]
        assert bool(steps) != bool(names), (cut.variable, found.cuts, left)


@pytest.mark.parametrize("process", PROCESS_MODULES)
def test_every_process_says_what_it_does_not_compute(process):
    """The main sources of the papers that no calculation here has, by name."""
    listed = process_of(load_experiment(EXPERIMENTS[process])).not_computed
    assert listed
    for item in listed:
        assert item.name
        assert item.reason
        assert bool(item.size) <= bool(item.source), item.name  # a size says where it stands
    assert not {item.name for item in listed} & set(sources_of(process))


def test_the_main_sources_of_the_papers_are_among_them():
    electron = {row["name"]: row for row in not_computed(load_experiment("na64e"))}
    assert electron["interactions upstream of the target"]["size"].startswith("0.7 +- 0.3 events")
    muone = [row["name"] for row in not_computed(load_experiment("muone"))]
    for name in ("tracks with errors", "cracks and dead cells of the calorimeter"):
        assert name in muone
    # what stood here until it was computed is in the answer under its name
    computed = background_sources(load_experiment("muone"))
    for name in ("inelastic scattering on nuclei", "electron pairs on electrons", "pile-up",
                 "decays of beam muons", "tails of the calorimeter"):  # fmt: skip
        assert name in computed
        assert name not in muone


def test_a_source_that_somebody_adds_is_missing_no_more(monkeypatch):
    item = load_experiment("na64e")
    name = not_computed(item)[0]["name"]
    theirs = BackgroundSource(("electron-brems+annihilation",), lambda *_: None)
    monkeypatch.setitem(SOURCES._items, name, theirs)
    assert name not in [row["name"] for row in not_computed(item)]


def test_a_part_of_the_sum_names_the_rest():
    item = load_experiment("na64e")
    answer = background_result(item, only=["pion decays"])
    names = {row["name"]: row["reason"] for row in answer["not_computed"]}
    assert names["muon decays"] == "not asked for"
    assert "interactions upstream of the target" in names


def test_what_a_file_does_not_describe_is_not_lost_on_the_way_to_a_limit(monkeypatch, tmp_path):
    """A refused source stands in the answer of a computed background, also from the cache; where
    all are refused there is no computed background, instead of one of zero events."""

    def refuses(experiment, seed, effort):
        raise NotApplicable("no hadronic calorimeter", place="detector")

    table = {"good": lambda *_: Estimate("good", 1e-12, 1e-13, 0.0, "m", "a"), "bad": refuses}
    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path))
    item = load_experiment("ldmx-like")
    gone = (Missing("gone", "because", "1 event", "by hand"),)
    process = dataclasses.replace(process_of(item), not_computed=gone)
    monkeypatch.setitem(SIGNAL_PROCESSES._items, "electron-brems+annihilation", process)
    monkeypatch.setattr("mutau.background.registry.background_sources", lambda _: table)
    for _ in range(2):
        rows = lacks(item, Settings(background="computed"))["not_computed"]
        assert [row["name"] for row in rows] == ["bad", "gone"]
        assert "no hadronic calorimeter" in rows[0]["reason"]
    assert in_words(rows) == ["bad", "gone (1 event)"]
    table.pop("good")
    with pytest.raises(MutauError, match="no background is computed for ldmx-like"):
        background_choice.with_background(item, "computed")


def test_a_process_without_a_calculation_says_so(monkeypatch):
    item = load_experiment("na64mu").model_copy(update={"process": "none", "name": "none"})
    (row,) = not_computed(item)
    assert row["name"] == "all"


@pytest.mark.compiled
def test_a_limit_keeps_it_on_disk_and_in_csv(cli, tmp_path):
    words = ("limit", "na64mu", "--mass", "0.1,0.2", "-n", "200", "-o", "l.npz")
    assert cli(*words).code == 0
    with np.load(tmp_path / "l.npz") as kept:
        assert "not_computed" in str(kept[kept.files[0]]) or len(kept.files) > 1
    assert cli("export", "csv", "l.npz", "-o", "csv").code == 0
    text = (tmp_path / "csv" / "na64mu-lmu-ltau.csv").read_text()
    assert "# not_computed: pile-up, decays of neutral kaons of the beam (below 5.4e-12" in text
    assert "# not_simulated: [" in text
    assert cli("plane", "na64mu", "--mass", "0.1,0.2", "-n", "200", "--only", "none",
               "--user", "csv/na64mu-lmu-ltau.csv", "-o", "p.png").code == 0  # fmt: skip


def test_both_lists_belong_to_every_process():
    for name in ("na64mu", "muone", "na64e"):
        item = load_experiment(name)
        found = lacks(replace(item, "systematics", []))
        assert set(found) == set(LACKING)
        expected = process_of(item).not_simulated(item, Effort(final_only=True))
        assert found["not_simulated"] == expected
