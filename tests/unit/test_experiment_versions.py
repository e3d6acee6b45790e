"""Runs of one experiment side by side: their names, the family, and what a name resolves to."""

from __future__ import annotations

import json

import pytest

from mutau.core.errors import MutauError, Problems, UnknownName
from mutau.experiment import experiment_path, load_experiment, replace
from mutau.experiment.document import read_document, write_toml
from mutau.experiment.loader import from_document


@pytest.fixture
def runs(install, tmp_path):
    """Files of another package, by name with version; one more called like a version of none."""

    def add(*versions, family="toy"):
        folder = tmp_path / "runs-package"
        folder.mkdir()
        document = read_document(experiment_path("na64e"))
        lines = ["import pathlib"]
        for version in versions:
            name = f"{family}-{version}"
            path = folder / f"{name}.toml"
            path.write_text(write_toml({**document, "name": name, "version": version}))
            lines.append(f"P{version} = pathlib.Path({str(path)!r})")
        (folder / "plug_runs.py").write_text("\n".join(lines) + "\n")
        points = {f"{family}-{version}": f"plug_runs:P{version}" for version in versions}
        install({"mutau.experiments": points}, folder)

    return add


def test_a_family_with_one_version_is_that_version(runs):
    runs("2022")
    assert load_experiment("toy") == load_experiment("toy-2022")
    item = load_experiment("toy-2022")
    assert (item.name, item.family, item.version) == ("toy-2022", "toy", "2022")
    with pytest.raises(UnknownName, match="'toi' is unknown"):
        load_experiment("toi")


def test_a_family_with_several_versions_asks_which(runs, cli):
    runs("2022", "2023")
    with pytest.raises(MutauError, match="has several versions; allowed: toy-2022, toy-2023"):
        load_experiment("toy")
    assert load_experiment("toy-2023").version == "2023"
    rows = json.loads(cli("show", "experiments", "--json").out)["experiments"]
    found = [(r["name"], r["family"], r["version"]) for r in rows if r["family"] == "toy"]
    assert found == [("toy-2022", "toy", "2022"), ("toy-2023", "toy", "2023")]
    refused = cli("check", "toy")
    assert refused.code == 2
    assert "name one of them" in refused.err


def test_a_plain_name_is_the_file_of_that_name(runs):
    runs("2022", family="na64mu")
    assert load_experiment("na64mu").name == "na64mu"
    assert load_experiment("na64mu").version is None
    assert load_experiment("na64mu-2022").family == "na64mu"


def test_a_name_that_only_begins_alike_is_no_version():
    with pytest.raises(UnknownName):
        load_experiment("ldmx")  # 'ldmx-like' states no version


def test_the_version_is_the_end_of_the_name_and_no_number():
    document = load_experiment("na64e").to_dict()
    with pytest.raises(Problems, match="version: '2022' is not the end of the name"):
        from_document({**document, "version": "2022"}, "x")
    plain = load_experiment("na64e")
    named = replace(plain, {"name": "na64e-2022", "version": "2022"})
    assert named.digest == replace(plain, "name", "na64e-2022").digest
