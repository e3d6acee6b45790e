"""One rule at every door: what is not given is what the experiment file says.

A file that states other things than the package's own defaults goes through every function and
command that sets a limit; each must use what it states, and what is given must win.
"""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import numpy as np
import pytest

import mutau
from mutau import combined_limit, expected_yields, limit_curve, upper_limit
from mutau.analysis.sensitivity import sensitivity
from mutau.analysis.settings import Settings
from mutau.experiment import load_experiment, replace
from mutau.models import LmuMinusLtau
from mutau.stats import CountingModel, expected_limits, p_value

MASS = 1e-3
POINT = LmuMinusLtau(mass=MASS, coupling=1e-4)
#: The level and method of a file, neither of them a default of the package.
STATED = {"cl": "95 %", "method": "asymptotic-cls", "because": "test"}


@pytest.fixture(scope="module")
def experiment():
    item = load_experiment("na64e")
    return replace(item, "statistics", STATED)


@pytest.fixture(scope="module")
def file(experiment, tmp_path_factory):
    path = tmp_path_factory.mktemp("stated") / "stated.toml"
    path.write_text(experiment.to_toml())
    return str(path)


@pytest.fixture(scope="module")
def line(experiment):
    return limit_curve(experiment, [MASS])


@pytest.mark.compiled
def test_a_limit_on_yields_is_that_of_the_curve(experiment, line):
    """A file at 95 %: the strength of yields and the coupling of the curve are one limit."""
    yields = expected_yields(POINT, experiment)
    found = upper_limit(yields)
    assert (found.cl, found.method) == (0.95, "asymptotic-cls")
    assert POINT.coupling * found.strength**0.5 == pytest.approx(float(line.coupling[0]), rel=1e-4)
    other = upper_limit(yields, cl=0.90, method="bayes")
    assert (other.cl, other.method) == (0.90, "bayes")
    assert other.strength != pytest.approx(found.strength, rel=0.01)
    half = upper_limit(yields, method="bayes")  # each is chosen by itself
    assert (half.cl, half.method) == (0.95, "bayes")


@pytest.mark.compiled
def test_a_file_at_95_percent_by_hand():
    """Nothing seen and no background: -ln(0.05) events at 95 %, where 90 % has 2.3026.

    The coupling goes as the root of it: a limit with a default of its own is 14 % stronger.
    """
    item = replace(load_experiment("na64mu"), "statistics/cl", "95 %")
    point = LmuMinusLtau(mass=0.1, coupling=1e-4)
    yields = expected_yields(point, item, n_events=2000)
    assert upper_limit(yields).events == pytest.approx(-np.log(0.05), rel=1e-6)
    (coupling,) = limit_curve(item, [0.1], settings=Settings(n_events=2000)).coupling
    assert coupling == pytest.approx(1e-4 * upper_limit(yields).strength ** 0.5, rel=1e-3)


@pytest.mark.compiled
def test_yields_from_disk_still_state_it(experiment, tmp_path):
    expected_yields(POINT, experiment).save(tmp_path / "y.npz")
    back = upper_limit(mutau.Yields.load(tmp_path / "y.npz"))
    assert (back.cl, back.method) == (0.95, "asymptotic-cls")


@pytest.mark.compiled
def test_expected_limits_and_p_values_take_the_same(experiment):
    yields = expected_yields(POINT, experiment)
    band = expected_limits(yields)
    assert (band.cl, band.method) == (0.95, "asymptotic-cls")
    strength = upper_limit(yields).strength
    assert p_value(yields, strength)[0] == pytest.approx(0.05, rel=1e-6)


def test_a_counting_model_states_nothing():
    found = upper_limit(CountingModel.from_arrays(1.0, observed=0))
    assert (found.cl, found.method) == (0.90, "bayes")


@pytest.mark.compiled
def test_one_experiment_combined_is_that_experiment(experiment, line):
    joint = combined_limit([experiment], [MASS])
    assert (joint.cl, joint.method) == (0.95, "asymptotic-cls")
    # two named errors of the signal instead of one in quadrature: 6e-4
    assert joint.coupling[0] == pytest.approx(line.coupling[0], rel=1e-3)


def test_files_that_differ_are_told_and_not_averaged(experiment):
    other = load_experiment("na64e")
    with pytest.raises(mutau.MutauError, match=r"confidence level: na64e says 0\.95, na64e says"):
        Settings().level_of([experiment, other])
    with pytest.raises(mutau.MutauError, match=r"na64e says asymptotic-cls, na64e says bayes"):
        Settings().method_of([experiment, other])
    assert Settings(cl=0.99).level_of([experiment, other]) == 0.99
    assert Settings(method="toys").method_of([experiment, other]) == "toys"
    muons = load_experiment("na64mu")  # "events" is the same as any method where nothing is there
    assert Settings().method_of([muons, other]) == "bayes"
    assert Settings().method_of([muons]) == "events"


@pytest.mark.compiled
def test_a_sensitivity_takes_background_level_and_method_of_the_file(experiment):
    found = sensitivity(experiment, [MASS], [1e13])
    assert (found.cl, found.method, found.meta["background"]) == (0.95, "asymptotic-cls", "file")
    assert found.background[0] == pytest.approx(0.7 * 1e13 / 9.1e11)


@pytest.mark.compiled
def test_the_published_background_decides_a_projection():
    """NA64-e at 1e13 electrons: 7.7 +- 3.1 events by the file, g' < 2.00e-4 at 1 MeV; the 0.4 that
    are computed would say 1.13e-4."""
    found = sensitivity(load_experiment("na64e"), [MASS], [1e13])
    assert found.background[0] == pytest.approx(7.69, rel=1e-3)
    assert found.background_err[0] == pytest.approx(3.11, rel=1e-3)
    assert found.coupling[0, 0] == pytest.approx(2.00e-4, rel=5e-3)


@pytest.mark.compiled
@pytest.mark.parametrize(
    "words",
    [
        ("limit", "FILE", "--mass", "1MeV"),
        ("combine", "FILE", "--mass", "1MeV"),
        ("sensitivity", "FILE", "--mass", "1MeV", "--exposure", "9.1e11"),
        ("plane", "FILE", "--mass", "1MeV,2MeV", "--only", "none", "-o", "p.png"),
    ],
    ids=lambda words: words[0],
)
def test_every_command_takes_what_the_file_says(cli, file, words):
    result = cli(*(file if word == "FILE" else word for word in words), "--json")
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    shown = answer["lines"][0] if words[0] == "plane" else answer
    assert (shown["confidence_level"], shown["method"]) == (0.95, "asymptotic-cls")
    if words[0] in ("limit", "combine"):
        given = cli(*(file if w == "FILE" else w for w in words), "--cl", "0.9", "--method",
                    "bayes", "--json")  # fmt: skip
        told = json.loads(given.out)
        assert (told["confidence_level"], told["method"]) == (0.9, "bayes")


@pytest.mark.compiled
def test_a_scan_takes_what_the_file_says(cli, file, line, tmp_path):
    (tmp_path / "grid.toml").write_text(
        f'schema = 1\nname = "s"\ntask = "limit"\nexperiment = "{file}"\n[grid]\nmass = [{MASS}]\n'
    )
    assert cli("scan", "grid.toml", "-o", "s", "--workers", "1").code == 0
    found = float((tmp_path / "s" / "results.csv").read_text().splitlines()[1].split(",")[1])
    assert found == pytest.approx(float(line.coupling[0]), rel=1e-9)


#: Functions whose level or method is not that of a limit on an experiment's file: mathematics on
#: plain numbers, or a bound from somebody's measurement.
OF_THEIR_OWN = {
    "mutau.bounds.trident_limit": {"ratio_limit", "trident_limit"},
    "mutau.bounds.solar": {"rate_criterion", "borexino_limit"},
    "mutau.analysis.muone_objective": {"mean_limit"},
}


def public_functions():
    for info in walk_packages(mutau.__path__, "mutau."):
        if info.name.endswith("__main__") or Path(info.name).name == "geant4_worker":
            continue
        if info.name.split(".")[1] not in (
            "stats",
            "analysis",
            "background",
            "bounds",
            "scan",
            "report",
        ):
            continue
        module = import_module(info.name)
        for name, item in vars(module).items():
            if inspect.isfunction(item) and item.__module__ == info.name:
                yield f"{info.name}.{name}", item


def test_no_function_has_a_level_of_its_own():
    """A default of `cl` other than None would be a second rule."""
    wrong = []
    for path, item in public_functions():
        module, _, name = path.rpartition(".")
        default = inspect.signature(item).parameters.get("cl")
        if default is None or default.default in (None, inspect.Parameter.empty):
            continue
        if name not in OF_THEIR_OWN.get(module, ()):
            wrong.append(path)
    assert wrong == []
    for module, names in OF_THEIR_OWN.items():  # the list holds what there is
        assert names <= set(vars(import_module(module)))


def test_no_function_has_another_seed_or_background():
    for path, item in public_functions():
        parameters = inspect.signature(item).parameters
        for name, allowed in (("seed", 1), ("background", "file")):
            default = getattr(parameters.get(name), "default", inspect.Parameter.empty)
            if isinstance(default, type(allowed)):
                assert default == allowed, (path, name)
