"""What to cite is found in the data that a result was computed with, and nowhere else."""

import json

import numpy as np
import pytest

from mutau import combined_limit, limit_curve
from mutau.analysis.citations import (
    cited,
    collect,
    named_in,
    of_experiment,
    of_limit,
    of_plane,
    resolve,
)
from mutau.analysis.plane import Frame, chosen_curves, plane_of
from mutau.analysis.settings import Settings
from mutau.bounds import database
from mutau.core.errors import UnknownName
from mutau.core.references import references
from mutau.core.types import Exclusion
from mutau.experiment import load_experiment, replace
from mutau.models import moment_references


@pytest.mark.parametrize(
    ("text", "keys", "rest"),
    [
        ("CCFR:1991", ["CCFR:1991"], []),
        ("arXiv:2404.06982", ["NA64e:2024lmutau"], []),
        ("doi:10.1103/PhysRevD.105.052006", ["Sieber:2022na64mu"], []),
        ("cells: Phys. Rev. D 97 (2018) 072002; assumed", ["NA64:2018long"], []),
        ("PDG 2024 table 6.1; Sternheimer, Berger, Seltzer 1984",
         ["PDG:2024", "Sternheimer:1984"], []),
        ("spill: arXiv:2404.06982, size: doi:10.1/none", ["NA64e:2024lmutau"], ["doi:10.1/none"]),
        ("A. N. Other, Book (1999); mixture rules", [], ["A. N. Other, Book (1999)"]),
        ("Phys. Rev. D 1 (1970) 1", [], ["Phys. Rev. D 1 (1970) 1"]),
        ("assumed: 4 m", [], []),
        ("Phys. Rev. D 105 052006 is not 1052006", ["Sieber:2022na64mu"], []),
    ],
)  # fmt: skip
def test_texts_are_resolved(text, keys, rest):
    assert [list(found) for found in resolve(text)] == [keys, rest]


def test_a_number_inside_another_is_no_citation():
    assert named_in("Phys. Rev. D 1105 052006") == []
    assert named_in("XPDG 2024") == []


@pytest.mark.parametrize("name", ["na64mu", "muone", "na64e"])
def test_an_experiment_brings_its_paper_and_its_materials(name):
    found = cited([name])
    paper = resolve(load_experiment(name).source)[0][0]
    assert name in found.used_by[paper]
    assert "PDG:2024" in found.used_by
    assert set(found.used_by) <= set(references())


def test_the_texts_of_the_file_decide_and_not_its_name():
    """Another source in the file is another citation; a set-up without copper cites none."""
    plain = load_experiment("muone")
    mine = replace(plain, {"source": "arXiv:2404.06982", "target/because": "as Kahn:2018m3 2030"})
    keys = collect(of_experiment(mine)).used_by
    assert "muone" in keys["NA64e:2024lmutau"]
    assert resolve(plain.source)[0][0] not in keys
    used = {user for users in keys.values() for user in users}
    assert "material beryllium" in used
    assert "material copper" not in used
    assert "material copper" in {u for users in cited(["na64mu"]).used_by.values() for u in users}


def test_curves_years_and_constants():
    curve = database()["ccfr-1991"]
    found = cited(["ccfr-1991", "2021"])
    assert {curve.source, *curve.also} <= set(found.used_by)
    assert found.used_by["MuonG2:2021run1"] == ("g-2 of 2021",)
    assert "MuonG2:2025final" not in found.used_by
    every = cited(["gm2"]).used_by
    assert {item.source_measured for item in moment_references().values()} <= set(every)
    assert {"CODATA:2022", "PDG:2024"} <= set(cited(["constants"]).used_by)
    sources = {item.source for item in database().values()}
    assert sources <= set(cited(["limits"]).used_by)


def test_nothing_bundled_stays_without_an_entry():
    """Every source in the data of a default plane, the curves, the constants is in the list."""
    assert dict(cited([]).elsewhere) == {}
    assert dict(cited(["limits", "gm2", "constants"]).elsewhere) == {}


def test_a_plane_cites_what_it_shows():
    line = Exclusion(np.array([0.1, 0.2]), np.array([1e-4, 1e-4]), np.zeros(2), 0.9, "muone",
                     "lmu-ltau", "bayes", {})  # fmt: skip
    plane = plane_of([line], chosen_curves(only=["ccfr-1991"]), frame=Frame(year=2023))
    keys = collect(of_plane(plane.limits, plane.figure, plane.year)).used_by
    assert {"CCFR:1991", "MuonG2:2023run23", "Asai:2022muone", "CODATA:2022"} <= set(keys)
    assert "MuonG2:2021run1" not in keys
    assert "BaBar:2016fourmu" not in keys


def test_bibtex_has_one_entry_each_and_says_what_is_missing():
    found = collect([("CCFR:1991", "a"), ("CCFR:1991", "b"), ("SI:2019", "a"),
                     ("A. N. Other 1999", "c")])  # fmt: skip
    text = found.bibtex()
    assert text.count("@article{CCFR:1991,") == 1
    assert "% used by: a, b\n@article{CCFR:1991," in text
    assert "% not in the list of references: A. N. Other 1999 (used by: c)" in text
    assert "author = {{Bureau International des Poids et Mesures}}" in text
    assert text.startswith("@software{mutau,")
    for entry in text.split("\n@")[1:]:
        assert entry.count("{") == entry.count("}")


def test_the_verb(cli, tmp_path):
    plain = cli("cite", "ccfr-1991")
    assert plain.code == 0
    assert "@article{CCFR:1991," in plain.out
    answer = json.loads(cli("cite", "ccfr-1991", "--json").out)
    assert plain.out == answer["bibtex"]
    assert "CCFR:1991" in {row["key"] for row in answer["references"]}
    assert answer["mutau_version"]
    assert cli("cite", "na64mu", "-o", "refs.bib").code == 0
    assert "@article{Sieber:2022na64mu," in (tmp_path / "refs.bib").read_text()
    wrong = cli("cite", "ccfr-1992")
    assert wrong.code == 2
    assert "did you mean 'ccfr-1991'" in wrong.err
    with pytest.raises(UnknownName):
        cited(["1999"])


def test_results_on_disk_are_cited(cli, tmp_path):
    line = Exclusion(np.array([0.1, 0.2]), np.array([1e-4, 1e-4]), np.zeros(2), 0.9, "muone",
                     "lmu-ltau", "bayes", {})  # fmt: skip
    line.save(tmp_path / "line.npz")
    assert "@article{Asai:2022muone," in cli("cite", "line.npz").out


def test_a_combined_limit_cites_every_bundled_experiment_in_it():
    line = Exclusion(
        mass=np.array([0.1]), coupling=np.array([1e-4]), numerical_err=np.array([1e-6]), cl=0.9,
        experiment="na64mu+m3+mine", model="lmu-ltau", method="bayes",
    )  # fmt: skip
    users = {user for names in collect(of_limit(line)).used_by.values() for user in names}
    assert {"na64mu", "m3"} <= users
    assert "mine" not in users


@pytest.mark.compiled
def test_results_of_a_file_of_one_s_own_bring_its_sources(tmp_path):
    """One publication of the list, one beyond it; a bundled experiment needs none of this."""
    mine = replace(load_experiment("na64e"), "name", "mine")
    mine = replace(mine, "source", "arXiv:2206.03101; arXiv:1999.12345")
    limit_curve(mine, [0.01]).save(tmp_path / "line.npz")
    found = cited([str(tmp_path / "line.npz")])
    assert found.used_by["NA64:2022lmutau"] == ("mine",)
    assert found.elsewhere["arXiv:1999.12345"] == ("mine",)
    both = combined_limit([mine, "na64mu"], [0.1], settings=Settings(n_events=500))
    users = {user for names in collect(of_limit(both)).used_by.values() for user in names}
    assert {"mine", "na64mu"} <= users
    assert "sources" not in limit_curve("na64e", [0.01]).meta
