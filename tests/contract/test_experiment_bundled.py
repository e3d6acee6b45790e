"""Every bundled experiment keeps the contract of the schema; so do those of other packages."""

from __future__ import annotations

import pytest

from mutau.core.errors import UnknownName
from mutau.experiment import (
    PROCESSES,
    check_file,
    experiment_names,
    experiment_path,
    load_experiment,
    names,
    replace,
)
from mutau.experiment.document import read_document, write_toml
from mutau.experiment.loader import from_document
from mutau.experiment.names import LIMIT_METHODS

NAMES = experiment_names()


def test_the_three_papers_are_there():
    assert {"na64mu", "muone", "na64e"} <= set(NAMES)
    assert {load_experiment(name).process for name in NAMES} >= set(PROCESSES)


@pytest.mark.parametrize("name", NAMES)
def test_the_file_carries_its_name_and_comes_back_from_text(name, tmp_path):
    experiment = load_experiment(name)
    assert experiment.name == name
    copy = tmp_path / "copy.toml"
    copy.write_text(experiment.to_toml(), encoding="utf-8")
    assert check_file(copy) == experiment
    assert check_file(copy).digest == experiment.digest


@pytest.mark.parametrize("name", NAMES)
def test_every_table_says_why(name):
    def tables(value, place):
        if isinstance(value, dict):
            yield place, value
            for key, item in value.items():
                yield from tables(item, f"{place}/{key}")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from tables(item, f"{place}[{index}]")

    document = load_experiment(name).to_dict()
    silent = [p for p, t in tables(document, "") if p not in ("", "/detector") and not t["because"]]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_a_change_of_the_beam_changes_the_digest(name):
    experiment = load_experiment(name)
    changed = replace(experiment, "beam/energy", "99 GeV")
    assert changed.digest != experiment.digest
    assert changed.beam.energy == 99.0


def test_what_a_file_may_ask_of_the_statistics_exists_there():
    from mutau.stats import METHODS

    assert set(LIMIT_METHODS) == set(METHODS)


def test_what_a_file_may_ask_of_the_theory_exists_there():
    from mutau.matter.form_factors import KINDS
    from mutau.reactions.annihilation_electrons import MODELS
    from mutau.reactions.electron_brems_table import METHODS, BremsTheory

    assert set(names.FORM_FACTORS) == set(KINDS)
    assert set(names.ELECTRON_MODELS) == set(MODELS)
    assert set(names.BREMS_METHODS) == set(METHODS)
    assert (names.BREMS_METHODS[0], names.FORM_FACTORS[0]) == (
        BremsTheory().method, BremsTheory().form_factor,
    )  # fmt: skip


def test_experiments_of_other_packages(install, tmp_path):
    path = tmp_path / "ours.toml"
    document = read_document(experiment_path("na64mu")) | {"name": "ours"}
    path.write_text(write_toml(document), encoding="utf-8")
    with pytest.raises(UnknownName):
        load_experiment("ours")
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "plug_ours.py").write_text(f"import pathlib\nPATH = pathlib.Path({str(path)!r})\n")
    install({"mutau.experiments": {"ours": "plug_ours:PATH"}}, folder)
    assert "ours" in experiment_names()
    assert load_experiment("ours").name == "ours"


def test_messages_name_the_document():
    with pytest.raises(Exception, match="my file: beam"):
        from_document({"schema": 1, "name": "x", "source": "y", "beam": 3}, "my file")


def test_every_signal_process_is_one_that_files_may_name():
    from mutau.signal.processes import PROCESS_MODULES, has_process, process_of

    assert has_process(load_experiment("na64mu"))
    assert set(PROCESS_MODULES) <= set(PROCESSES)
    for name in ("na64mu", "muone", "na64e"):
        assert callable(process_of(load_experiment(name)).prepare)
