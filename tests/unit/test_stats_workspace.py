"""Workspaces out and in."""

import json
import math
from dataclasses import replace

import pytest

from mutau.core.errors import MutauError
from mutau.stats import Channel, CountingModel, combine, from_workspace, to_workspace, upper_limit

MIXED = CountingModel(
    (
        Channel("2018", 2.0, 0.4, 0.2, 0.0, "gaussian", {"yield": 0.15, "threshold": 0.04}),
        Channel("2022", 1.0, 0.3, 0.2, 1.0, "gamma", {"yield": 0.15}),
        Channel("other", 0.5, 0.9, 0.1, 2.0, "lognormal", {"other: yield": 0.3}),
        Channel("exact", 0.5, 0.1, 0.0, 0.0),
    )
)


def test_what_goes_out_comes_back():
    back = from_workspace(json.loads(json.dumps(to_workspace(MIXED))))
    for before, after in zip(MIXED.channels, back.channels, strict=True):
        assert after.name == before.name
        assert after.constraint == before.constraint
        assert after.systematics == pytest.approx(before.systematics)
        for key in ("signal", "background", "background_err", "observed"):
            assert getattr(after, key) == pytest.approx(getattr(before, key), rel=1e-12)
    assert upper_limit(back).strength == pytest.approx(upper_limit(MIXED).strength, rel=1e-9)


def test_the_document_names_what_it_holds():
    document = to_workspace(MIXED)
    assert document["measurements"][0]["config"]["poi"] == "strength"
    gamma = document["channels"][1]["samples"][1]["modifiers"]
    assert gamma == [{"name": "background[2022]", "type": "shapesys", "data": [0.2]}]
    bound = {p["name"]: p["bounds"] for p in document["measurements"][0]["config"]["parameters"]}
    assert bound["background[2018]"] == [[-2.0, 10.0]]  # b = 0.4 - 2 x 0.2 = 0


def test_a_projection_goes_out_as_asimov_data():
    ahead = CountingModel((replace(MIXED.channels[0], observed=math.nan),))
    assert to_workspace(ahead)["observations"] == [{"name": "2018", "data": [0.4]}]


def _broken(change):
    document = to_workspace(combine([CountingModel(MIXED.channels[:2])]))
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d.pop("observations"), "not a HistFactory"),
        (lambda d: d["channels"][0]["samples"].pop(0), "2018.*not exactly one"),
        (
            lambda d: d["channels"][0]["samples"][0]["modifiers"][1]["data"].update(lo=0.5),
            "lo = 0.5",
        ),
        (
            lambda d: d["channels"][0]["samples"][1]["modifiers"][0].update(type="staterror"),
            "staterror",
        ),
        (
            lambda d: d["channels"][1]["samples"][1]["modifiers"][0].update(
                name="background[2018]"
            ),
            "shared",
        ),
        (
            lambda d: d["channels"][0]["samples"].append(dict(d["channels"][0]["samples"][1])),
            "more than one background",
        ),
    ],
)
def test_what_is_not_a_counting_model_is_refused_with_its_place(change, text):
    with pytest.raises(MutauError, match=text):
        from_workspace(_broken(change))


def test_no_signal_cannot_go_out():
    with pytest.raises(MutauError, match="no signal"):
        to_workspace(CountingModel.from_arrays(0.0, observed=0))
