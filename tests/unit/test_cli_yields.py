"""Yields over a list of masses: a row each, the same as one by one, and a table as CSV."""

import csv
import json

import pytest


@pytest.mark.compiled
def test_a_list_of_masses_is_what_each_of_them_gives(cli, tmp_path):
    path = tmp_path / "yields.csv"
    words = ("--coupling", "1e-3", "--truth", "--json")
    both = json.loads(cli("yields", "muone", "--mass", "10MeV,0.1", *words, "-o", str(path)).out)
    one = json.loads(cli("yields", "muone", "--mass", "0.1", *words).out)
    assert [row["mass_GeV"] for row in both["yields"]] == [0.01, 0.1]
    assert both["yields"][1] == one
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[1]["signal"]) == one["signal"]
    assert float(rows[1]["produced"]) == one["cutflow"][0]["signal"]


def test_what_cannot_be_is_refused_before_anything_is_computed(cli, tmp_path):
    for words in (("--mass", "0.1,light"), ("--mass", "0.1", "-o", str(tmp_path / "y.txt"))):
        assert cli("yields", "muone", "--coupling", "1e-3", *words).code == 2, words
