"""Workspaces out and in."""

import json
import math
import re
from dataclasses import replace

import pytest

from mutau.core.errors import MutauError
from mutau.stats import (
    Channel,
    CountingModel,
    HistFactoryModel,
    combine,
    fit,
    from_workspace,
    to_workspace,
    upper_limit,
)

pytest.importorskip("pyhf", reason="pyhf is not installed (extra 'stats')")

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


def _changed(change):
    document = to_workspace(combine([CountingModel(MIXED.channels[:2])]))
    change(document)
    return document


def _sample(document, channel, which):
    return document["channels"][channel]["samples"][which]


INCONSISTENT = {
    "no observations": (lambda d: d.pop("observations"), "'observations' is a required"),
    "unknown key": (lambda d: d.update(metadata={}), "metadata"),
    "a text as a number": (lambda d: d["observations"][0].update(data=["4"]), "'4' is not of type"),
    "an unknown modifier": (
        lambda d: _sample(d, 0, 1)["modifiers"][0].update(type="normsyst"), "normsyst",
    ),
    "not a number": (
        lambda d: _sample(d, 1, 0).update(data=[math.nan]),
        r"channels\[1\]/samples\[0\]/data\[0\]: nan is no number",
    ),
    "more observed than bins": (
        lambda d: d["observations"][0].update(data=[50.0, 3.0]),
        "channel '2018', sample 'signal': data has 1 values beside 2 observed",
    ),
    "an error of two bins": (
        lambda d: _sample(d, 1, 1)["modifiers"][0].update(data=[0.2, 0.1]),
        "channel '2022', sample 'background': shapesys 'background.2022.' data has 2 values",
    ),
    "negative counts": (lambda d: d["observations"][0].update(data=[-1.0]), "observed -1"),
    "a channel nobody observed": (lambda d: d["observations"].pop(), "observations of"),
    "a channel that is not there": (
        lambda d: d["observations"].append({"name": "2030", "data": [1.0]}), "2030",
    ),
    "a channel twice": (
        lambda d: d["channels"].append(d["channels"][0]), "channels: '2018' stand twice",
    ),
    "a sample twice": (
        lambda d: d["channels"][0]["samples"].append(_sample(d, 0, 1)), "'background' stand twice",
    ),
    "two measurements": (
        lambda d: d["measurements"].append(
            {"name": "other", "config": {**d["measurements"][0]["config"], "parameters": []}}
        ),
        "there are 2 different measurements; allowed: mutau .*, other",
    ),
    "a modifier twice": (
        lambda d: _sample(d, 0, 0)["modifiers"].append(_sample(d, 0, 0)["modifiers"][1]),
        "sample 'signal': normsys 'yield' twice",
    ),
    "nothing scaled": (
        lambda d: [c["samples"].pop(0) for c in d["channels"]], "parameter of interest|POI|poi",
    ),
    "a fixed strength": (
        lambda d: d["measurements"][0]["config"]["parameters"][0].update(fixed=True), "is fixed",
    ),
    "one name for two kinds of error": (
        lambda d: _sample(d, 1, 1)["modifiers"][0].update(name="background[2018]"),
        "background.2018.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INCONSISTENT)
def test_what_is_no_consistent_workspace_is_refused_with_its_place(name):
    change, text = INCONSISTENT[name]
    with pytest.raises(MutauError, match=text):
        from_workspace(_changed(change))


def test_a_measurement_is_chosen_by_name():
    change, _ = INCONSISTENT["two measurements"]
    name = to_workspace(MIXED)["measurements"][0]["name"]
    assert from_workspace(_changed(change), measurement=name).total == 3.0
    other = from_workspace(_changed(change), measurement="other")
    assert other.beyond == "'background[2018]' is not bounded where nothing is left"
    with pytest.raises(MutauError, match="no measurement 'third'"):
        from_workspace(_changed(change), measurement="third")


BEYOND = {
    "asymmetric": (
        lambda d: _sample(d, 0, 0)["modifiers"][1]["data"].update(lo=0.5), "lo = 0.5",
    ),
    "shared with the signal": (
        lambda d: _sample(d, 0, 0)["modifiers"][1].update(name="background[2022]", type="normsys")
        or _sample(d, 1, 1).update(modifiers=[{"name": "background[2022]", "type": "normsys",
                                               "data": {"hi": 1.2, "lo": 1 / 1.2}}]),
        "'background.2022.' moves 2022/background and the signal",
    ),
    "a second background": (
        lambda d: d["channels"][0]["samples"].append({**_sample(d, 0, 1), "name": "more"}),
        "1 samples scaled by 'strength' and 2 others|moves 2018/background and 2018/more",
    ),
    "a second signal": (
        lambda d: d["channels"][0]["samples"].append({**_sample(d, 0, 0), "name": "more"}),
        "2 samples scaled by 'strength' and 1 others",
    ),
    "no signal in one channel": (
        lambda d: d["channels"][0]["samples"].pop(0), "0 samples scaled by",
    ),
    "statistical errors of bins": (
        lambda d: _sample(d, 1, 1)["modifiers"][0].update(type="staterror"), "staterror",
    ),
    "a fixed error": (
        lambda d: d["measurements"][0]["config"]["parameters"].append(
            {"name": "yield", "fixed": True, "inits": [0.5]}
        ),
        "parameter 'yield' sets (fixed|inits)",
    ),
    "a Gaussian without its bound at zero": (
        lambda d: d["measurements"][0]["config"]["parameters"].pop(1), "not bounded",
    ),
    "an error measured elsewhere": (
        lambda d: d["measurements"][0]["config"]["parameters"].append(
            {"name": "yield", "auxdata": [0.5]}
        ),
        "parameter 'yield' sets auxdata",
    ),
}  # fmt: skip


def test_equal_measurements_need_no_choice():
    def twice(document):
        document["measurements"].append({**document["measurements"][0], "name": "other"})

    assert from_workspace(_changed(twice)).total == 3.0


@pytest.mark.parametrize("name", BEYOND)
def test_what_a_counting_model_cannot_hold_goes_to_pyhf(name):
    change, reason = BEYOND[name]
    model = from_workspace(_changed(change))
    assert isinstance(model, HistFactoryModel)
    assert re.search(reason, model.beyond)
    with pytest.raises(MutauError, match="'bayes' does not know this HistFactory model"):
        upper_limit(model, method="bayes")
    with pytest.raises(MutauError, match="no counting model"):
        fit(model)


@pytest.mark.parametrize(
    "parameter",
    [
        {"name": "yield", "fixed": False, "inits": [0.0], "bounds": [[-5.0, 5.0]]},
        {"name": "yield", "auxdata": [0.0], "sigmas": [1.0]},
        {"name": "background[2022]", "inits": [1.0], "bounds": [[1e-10, 10.0]]},
        {"name": "not used", "fixed": True},
    ],
)
def test_settings_that_say_what_is_usual_change_nothing(parameter):
    model = from_workspace(
        _changed(lambda d: d["measurements"][0]["config"]["parameters"].append(parameter))
    )
    assert isinstance(model, CountingModel)


def test_the_strength_may_be_one():
    # pyhf begins at 1, and `pyhf cls` asks for it
    document = to_workspace(CountingModel.from_arrays(1000.0, observed=0))
    (strength,) = document["measurements"][0]["config"]["parameters"]
    assert strength["bounds"] == [[0.0, 10.0]]
    assert strength["inits"] == [1.0]
    document = to_workspace(CountingModel.from_arrays(0.1, observed=0))
    assert document["measurements"][0]["config"]["parameters"][0]["bounds"] == [[0.0, 300.0]]


def test_no_signal_cannot_go_out():
    with pytest.raises(MutauError, match="no signal"):
        to_workspace(CountingModel.from_arrays(0.0, observed=0))


def _one_bin(signal, *modifiers, parameters=()):
    poi = {"name": "mu", "type": "normfactor", "data": None}
    background = {"name": "b", "data": [50.0], "modifiers": []}
    samples = [{"name": "s", "data": signal, "modifiers": list(modifiers) or [poi]}, background]
    config = {"poi": "mu", "parameters": list(parameters)}
    return {
        "channels": [{"name": "c", "samples": samples}],
        "observations": [{"name": "c", "data": [50.0]}],
        "measurements": [{"name": "m", "config": config}],
        "version": "1.0.0",
    }


def test_a_parameter_of_interest_that_is_no_strength_is_refused():
    """A pull of that name was counted as a signal with an error of 30 %."""
    pull = {"name": "mu", "type": "normsys", "data": {"hi": 1.3, "lo": 1.0 / 1.3}}
    with pytest.raises(MutauError, match="'mu' is a normsys; allowed: a normfactor"):
        from_workspace(_one_bin([5.0], pull))


@pytest.mark.compiled
def test_two_free_factors_of_one_signal_have_no_limit():
    poi = {"name": "mu", "type": "normfactor", "data": None}
    other = poi | {"name": "r"}
    with pytest.raises(MutauError, match="'mu' and 'r' scale the same samples"):
        from_workspace(_one_bin([5.0], poi, other))
    held = [{"name": "r", "fixed": True, "inits": [2.0]}]  # twice the signal, half the limit
    double = from_workspace(_one_bin([5.0], poi, other, parameters=held))
    found = upper_limit(double, 0.95, "asymptotic")
    alone = upper_limit(from_workspace(_one_bin([5.0])), 0.95, "asymptotic")
    assert found.strength == pytest.approx(0.5 * alone.strength, rel=1e-3)


def test_a_signal_that_takes_events_away_has_no_limit():
    document = _one_bin([-5.0])
    with pytest.raises(MutauError, match="takes 5 events away"):
        upper_limit(from_workspace(document), 0.95, "asymptotic-cls")


def test_a_fit_that_fails_is_told_in_one_line(capfd):
    """Nothing expected or seen, and a pull that makes the background negative: no likelihood."""
    document = _one_bin([5.0])
    change = {"name": "h", "type": "histosys", "data": {"hi_data": [1.0], "lo_data": [-1.0]}}
    document["channels"][0]["samples"][1] |= {"data": [0.0], "modifiers": [change]}
    document["observations"][0]["data"] = [0.0]
    with pytest.raises(MutauError, match="no fit converged"):
        upper_limit(from_workspace(document), 0.95, "asymptotic-cls")
    assert capfd.readouterr() == ("", "")
