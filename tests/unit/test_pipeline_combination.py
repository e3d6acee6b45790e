"""Joint limits, discovery and measurement: closed cases by hand, shared errors, refusals."""

import json

import numpy as np
import pytest

from mutau.analysis import combination
from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.core.errors import MutauError
from mutau.core.types import Yields
from mutau.experiment import load_experiment
from mutau.models import LmuMinusLtau

N = 3000


def variant(folder, name, **changes):
    """A bundled file under another name, with texts replaced."""
    text = load_experiment("na64mu").to_toml().replace('name = "na64mu"', f'name = "{name}"')
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.compiled
def test_one_experiment_alone_gives_its_own_limit():
    joint = combination.combined_limit(["na64mu"], [0.1], settings=Settings(n_events=N))
    alone = limit_curve(
        load_experiment("na64mu"), [0.1], settings=Settings(method="bayes", n_events=N)
    )
    assert joint.coupling[0] == pytest.approx(alone.coupling[0], rel=1e-4)
    assert joint.numerical_err[0] == pytest.approx(alone.numerical_err[0], rel=0.05)


@pytest.mark.compiled
def test_without_background_the_signals_add(tmp_path):
    """Nothing seen, no background: S1 + S2 = 2.303, so 1/g^2 adds up."""
    twin = variant(tmp_path, "twin")
    joint = combination.combined_limit(["na64mu", twin], [0.1], settings=Settings(n_events=N))
    alone = limit_curve(load_experiment("na64mu"), [0.1], settings=Settings(n_events=N))
    assert joint.coupling[0] == pytest.approx(alone.coupling[0] / np.sqrt(2.0), rel=1e-3)
    assert joint.experiment == "na64mu+twin"


@pytest.mark.compiled
def test_shared_errors_weigh_more_than_independent_ones(tmp_path):
    """Two halves of one experiment: a common 40 % error hurts more than one for each."""

    def with_error(name, error):
        table = f'\n[[systematics]]\nname = "{error}"\nsignal = 0.4\nbecause = "test"\n'
        path = tmp_path / f"{name}.toml"
        text = load_experiment("na64mu").to_toml().replace('"na64mu"', f'"{name}"')
        path.write_text(text + table)
        return str(path)

    common = [with_error("a", "flux"), with_error("b", "flux")]
    settings = Settings(
        n_events=N, method="bayes"
    )  # "events", as the files have it, knows no errors
    shared = combination.combined_limit(common, [0.1], settings=settings).coupling[0]
    own = [with_error("a", "flux"), with_error("c", "field")]
    independent = combination.combined_limit(own, [0.1], settings=settings).coupling[0]
    with pytest.raises(MutauError, match="'events' knows neither"):
        combination.combined_limit(own, [0.1], settings=Settings(n_events=N))
    assert shared > 1.005 * independent


@pytest.mark.compiled
def test_an_experiment_out_of_its_range_is_left_out():
    joint = combination.combined_limit(["na64mu", "muone"], [0.5], settings=Settings(n_events=N))
    alone = limit_curve(load_experiment("na64mu"), [0.5], settings=Settings(n_events=N))
    assert joint.coupling[0] == pytest.approx(alone.coupling[0], rel=1e-3)


def test_the_same_experiment_twice_is_refused():
    with pytest.raises(MutauError, match="stands twice"):
        combination.combined_limit(["na64mu", "na64mu"], [0.1])


def test_no_mass_or_no_experiment_is_refused():
    for names, masses, message in [(["na64mu"], [], "masses: "), ([], [0.1], "no experiment")]:
        with pytest.raises(MutauError, match=message):
            combination.combined_limit(names, masses)


@pytest.mark.compiled
def test_discovery_of_a_counting_experiment(tmp_path):
    """Z = sqrt(2((s + b) ln(1 + s/b) - s)) for a known background."""
    noisy = variant(tmp_path, "noisy", background=("expected = 0", "expected = 4.0"))
    answer = combination.discovery_reach([noisy], LmuMinusLtau(mass=0.1, coupling=2e-4))
    (row,) = answer["reach"]
    s, b = row["signal"], row["background"]
    assert b == 4.0
    by_hand = np.sqrt(2.0 * ((s + b) * np.log1p(s / b) - s))
    assert row["significance"] == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.compiled
def test_command_line(cli):
    words = ("combine", "na64mu", "muone", "--mass", "0.1", "--json")
    answer = json.loads(cli(*words).out)
    assert answer["experiment"] == "na64mu+muone"
    assert 1e-5 < answer["limits"][0]["coupling_upper_limit"] < 1e-4
    fewer = json.loads(cli(*words, "-n", "2000").out)["limits"][0]
    assert fewer["numerical_err"] > answer["limits"][0]["numerical_err"]
    assert fewer["coupling_upper_limit"] == pytest.approx(
        answer["limits"][0]["coupling_upper_limit"], abs=4.0 * fewer["numerical_err"]
    )
    found = cli("discover", "na64mu", "--mass", "0.1", "--coupling", "1e-3", "--json")
    assert json.loads(found.out)["reach"][0]["p_value"] == 0.0
    assert cli("combine", "na64mu", "nothing", "--mass", "0.1").code == 2


def test_named_errors_are_taken_out_of_the_overall_one(tmp_path):
    """The file's 30 % under its name, the process's 10 % apart: 0.1 of hypot(0.3, 0.1) is left."""
    table = '\n[[systematics]]\nname = "flux"\nsignal = 0.3\nbecause = "test"\n'
    path = tmp_path / "one.toml"
    path.write_text(load_experiment("na64mu").to_toml() + table)
    experiment = load_experiment(str(path))
    others = {item.name: item.signal for item in experiment.systematics if item.name != "flux"}
    overall = np.hypot(experiment.relative_systematic, 0.1)
    one = np.ones(1)
    yields = Yields(
        ("counted",), one, 0.0 * one, 0.0 * one, 0.0 * one, 0.0 * one, one, overall, 0.1, 1e-3,
        experiment.name, "lmu-ltau",
    )  # fmt: skip
    (channel,) = combination._channels(experiment, yields).channels
    rest = f"{experiment.name}: overall"
    assert channel.systematics == pytest.approx({**others, "flux": 0.3, rest: 0.1})
