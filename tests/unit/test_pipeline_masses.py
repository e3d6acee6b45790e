"""A mass that is refused does not take the others with it; the model's validity bounds the search.

The process is replaced by one whose signal is proportional to the square of the coupling times the
invisible branching, so that every answer follows by hand and nothing heavy runs.
"""

import json
import math

import numpy as np
import pytest

import mutau
from mutau.analysis.combination import combined_limit
from mutau.analysis.limit import limit_curve
from mutau.analysis.plane import Overlay, exclusion_plane, plane_to_dict
from mutau.analysis.sensitivity import sensitivity, sensitivity_to_dict
from mutau.analysis.settings import Settings
from mutau.core.errors import OutOfRange
from mutau.experiment import load_experiment
from mutau.models import Family, build_model, highest_coupling
from mutau.scan.grid import load_grid
from mutau.scan.points import refused_points, run_scan
from mutau.signal import processes as processes

DARK = Family("dark-photon", alpha_d=0.5)
#: GeV. Decays into hadrons are bounded by 0.1 % up to epsilon = 0.0109 for alpha_d = 0.5.
MASSES = [0.1, 0.5, 0.9]


def events_at(limit):
    """Signal at unit strength that puts the limit of na64e at this epsilon (2.378 events)."""
    point = build_model("dark-photon", 0.1, limit, alpha_d=0.5)
    return 2.378 / point.invisible_strength("e")


@pytest.fixture
def process(monkeypatch):
    """Limit at epsilon = 0.008 for light bosons and for 0.5 GeV, none to 0.01 for 0.9 GeV."""
    experiment = load_experiment("na64e")
    processes.masses_taken(experiment)
    real = processes.SIGNAL_PROCESSES[experiment.process]

    def prepare(item, model, effort):
        number = events_at(0.008 if model.mass < 0.8 else 0.03)
        signal = processes.in_proportion("e", np.array([number]), np.array([0.0]))
        return processes.Prepared(("all",), signal, np.ones(len(item.runs)) / len(item.runs))

    stub = processes.replace(real, prepare=prepare)
    monkeypatch.setitem(processes.SIGNAL_PROCESSES._items, experiment.process, stub)


def test_the_bound_of_a_model_without_gaps_is_its_largest_coupling():
    assert highest_coupling(mutau.LmuMinusLtau(mass=0.5, coupling=1e-3)) == (
        mutau.LmuMinusLtau.coupling_max
    )


def test_the_bound_is_where_hadrons_may_reach_their_share():
    point = build_model("dark-photon", 0.7, 1e-3, alpha_d=0.5)
    bound = highest_coupling(point)
    assert point.with_coupling(0.999999 * bound).branching_invisible > 0.99
    with pytest.raises(OutOfRange):
        _ = point.with_coupling(1.000001 * bound).branching_invisible
    assert 0.010 < bound < 0.012
    # epsilon^2 against alpha_d: the bound goes as its square root
    other = highest_coupling(build_model("dark-photon", 0.7, 1e-3, alpha_d=0.005))
    assert bound / other == pytest.approx(10.0, rel=1e-3)


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_a_search_stays_where_the_model_holds():
    # the search begins at 1e-3 and would step beyond 0.0109, where the width is refused
    line = limit_curve("na64e", [0.5], DARK)
    assert line.coupling[0] == pytest.approx(0.008, rel=0.02)  # 2.378 events, whatever the width
    assert "refused" not in line.meta


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_a_search_may_begin_below_its_usual_start():
    # alpha_d = 1e-3 bounds epsilon by 4.9e-4, below the usual first coupling of 1e-3
    with pytest.raises(OutOfRange, match=r"no coupling up to 0\.000486"):
        limit_curve("na64e", [0.5], family=Family(model="dark-photon", alpha_d=1e-3))


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_what_was_found_is_kept_and_the_rest_named():
    line = limit_curve("na64e", MASSES, DARK)
    assert line.mass.tolist() == MASSES[:2]
    assert line.coupling == pytest.approx([0.008, 0.008], rel=0.02)
    (row,) = line.meta["refused"]
    assert row["mass_GeV"] == 0.9
    assert "no coupling up to 0.01087 is excluded" in row["reason"]
    assert "decays into hadrons" in row["reason"]
    assert line.meta["warnings"][0].startswith("left out: 0.9 GeV: ")
    with pytest.raises(OutOfRange, match="no coupling up to"):
        limit_curve("na64e", [0.9], DARK)


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_a_mass_without_any_valid_coupling_is_left_out_too():
    # B - L decays into hadrons above two pion masses, at every coupling
    line = limit_curve("na64e", [0.1, 0.5], family="b-l")
    assert line.mass.tolist() == [0.1]
    assert [row["mass_GeV"] for row in line.meta["refused"]] == [0.5]
    with pytest.raises(OutOfRange, match="decays into hadrons"):
        limit_curve("na64e", [0.5, 0.6], family="b-l")


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_the_command_prints_them_and_warns(cli):
    words = ("--model", "dark-photon", "--alpha-d", "0.5", "--mass", "0.1,0.5,0.9", "--json")
    out = cli("limit", "na64e", *words)
    assert out.code == 0
    answer = json.loads(out.out)
    assert [row["mass_GeV"] for row in answer["limits"]] == MASSES[:2]
    assert [row["mass_GeV"] for row in answer["refused"]] == MASSES[2:]
    assert "mutau: warning: left out: 0.9 GeV" in out.err


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_together_too():
    line = combined_limit(["na64e"], MASSES, DARK)
    assert line.mass.tolist() == MASSES[:2]
    assert [row["mass_GeV"] for row in line.meta["refused"]] == [0.9]
    alone = limit_curve("na64e", MASSES[:2], DARK).coupling
    assert line.coupling == pytest.approx(alone, rel=1e-3)


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_a_sensitivity_keeps_its_other_masses_and_exposures():
    experiment = load_experiment("na64e")
    stated = experiment.beam.particles
    found = sensitivity(
        experiment,
        MASSES,
        [stated, 0.25 * stated],
        DARK,
        settings=Settings(background="file", method="bayes"),
    )
    assert found.mass.tolist() == MASSES[:2]
    answer = sensitivity_to_dict(found)
    refused = [(row["mass_GeV"], row.get("particles_on_target")) for row in answer["refused"]]
    # a quarter of the exposure puts the limit to 0.016, beyond the bound for 0.5 GeV only
    assert refused == [(0.9, None), (0.5, 0.25 * stated)]
    rows = {(r["mass_GeV"], r["particles_on_target"]): r for r in answer["limits"]}
    assert rows[0.1, 0.25 * stated]["coupling_upper_limit"] > 0.012
    assert rows[0.5, 0.25 * stated]["coupling_upper_limit"] is None
    assert rows[0.5, stated]["coupling_upper_limit"] < 0.0109


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_a_plane_keeps_the_rest_of_the_line():
    drawn = exclusion_plane(["na64e"], MASSES, DARK, overlay=Overlay(only=("none",)))
    answer = plane_to_dict(drawn)
    assert [row["mass_GeV"] for row in answer["limits"]] == MASSES[:2]
    assert answer["refused"][0]["experiment"] == "na64e"
    assert answer["warnings"][0].startswith("na64e: left out: 0.9 GeV")


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_a_scan_goes_on_and_says_why_a_point_has_no_number(tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text(
        'schema = 1\nname = "dark"\ntask = "limit"\nexperiment = "na64e"\nmodel = "dark-photon"\n'
        "[grid]\nalpha_d = [0.5]\nmass = [0.1, 0.5, 0.9]\n"
    )
    table = run_scan(load_grid(file), tmp_path / "out")
    head, *rows = table.read_text().splitlines()
    assert head == "alpha_d,mass_GeV,coupling_upper_limit,numerical_err,refused"
    assert all(row.endswith(",") for row in rows[:2])
    assert rows[2].startswith("0.5,0.9,,,")
    ((reason, count),) = refused_points(table).items()
    assert count == 1
    assert "decays into hadrons" in reason


@pytest.mark.compiled
@pytest.mark.usefixtures("process")
def test_the_method_warns_on_stderr_and_in_the_answer(cli):
    words = ("--model", "dark-photon", "--alpha-d", "0.5", "--mass", "0.1", "--json")
    out = cli("limit", "na64e", *words, "--method", "asymptotic-cls")
    assert "asymptotic formula holds for 10 events" in json.loads(out.out)["warnings"][0]
    assert "mutau: warning: the asymptotic formula holds" in out.err
    out = cli("limit", "na64e", *words)
    assert "warnings" not in json.loads(out.out)
    assert json.loads(out.out)["priors"][0] == "strength: flat from 0"
    assert out.err == ""
    out = cli("sensitivity", "na64e", *words, "--method", "asymptotic", "--exposure", "1e11,1e16",
              "--background", "file")  # fmt: skip
    assert json.loads(out.out)["warnings"][0].startswith("up to 1e+11 particles: the asymptotic")


def test_events_at_the_mass_of_the_fixture():
    point = build_model("dark-photon", 0.1, 0.008, alpha_d=0.5)
    assert events_at(0.008) * point.invisible_strength("e") == pytest.approx(2.378)
    assert math.isfinite(events_at(0.03))
