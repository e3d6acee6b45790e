"""What several beams gain together: closed cases, and the files of the programme."""

import json

import numpy as np
import pytest

from mutau.analysis.combination_gain import combination_gain
from mutau.analysis.dark_axes import mapped_series, y_of
from mutau.analysis.settings import Settings
from mutau.core.constants import M_E
from mutau.core.figure import Series
from mutau.experiment import experiment_names, load_experiment, replace
from mutau.models import Family
from mutau.signal.processes import takes_mass

SMALL = Settings(n_events=500)


def bare(name, title):
    """A file without background, errors and cuts on the pre-shower: 2.303 signal events."""
    file = load_experiment(name).to_dict()
    run = dict(file["runs"][0])
    for key in ("background_error", "threshold_error", "efficiency_error", "observed"):
        run.pop(key, None)
    run |= {"background": 0.0, "observed": 0}
    return with_run(load_experiment(name), title, run)


def with_run(file, title, run):
    """The file with one period only, no cut and no systematic error."""
    changes = {"name": title, "systematics": [], "cuts": [], "runs": [run]}
    return replace(file, {**changes, "beam/particles": run["particles"]})


@pytest.mark.compiled
def test_two_equal_beams_gain_the_root_of_two():
    first, second = bare("na64e", "first"), bare("na64e", "second")
    found = combination_gain([first, second], [0.01, 0.1], settings=SMALL)
    assert found.gain == pytest.approx(np.sqrt(2.0), rel=1e-3)
    assert set(found.best) <= {"first", "second"}
    single = combination_gain([first], [0.1], settings=SMALL)
    assert single.gain == pytest.approx(1.0, rel=1e-4)


@pytest.mark.compiled
def test_two_unequal_beams_add_their_events():
    """Without background S1 + S2 = 2.303, so the gain is (1 + n2/n1)^(1/2) by the exposures."""
    first, second = bare("na64e", "first"), bare("na64e", "second")
    run = dict(second.to_dict()["runs"][0])
    second = with_run(second, "second", {**run, "particles": 0.25 * run["particles"]})
    found = combination_gain([first, second], [0.1], settings=SMALL)
    assert found.gain[0] == pytest.approx(np.sqrt(1.25), rel=1e-3)
    assert found.best == ("first",)


@pytest.mark.compiled
def test_a_mass_that_one_beam_cannot_make_is_the_other_s():
    thin = load_experiment("ldmx-like-ecal")
    heavy = 0.8
    assert not takes_mass(thin, heavy)
    file = replace(thin, {"statistics/cl": "90 %"})
    found = combination_gain([bare("na64e", "first"), file], [0.1, heavy], settings=SMALL)
    assert found.alone[1, 1] == np.inf
    assert found.best[1] == "first"
    assert found.gain[1] == pytest.approx(1.0, rel=1e-3)


@pytest.mark.compiled
def test_the_command_shows_each_beam_and_the_gain(cli):
    answer = cli("combine", "na64e", "na64e-positron", "--mass", "280MeV", "--gain", "--alpha-d",
                 "0.1", "-n", "500", "--json")  # fmt: skip
    result = json.loads(answer.out)
    (row,) = result["gain"]
    least = min(row["alone"].values())
    assert row["alone"][row["best"]] == least
    joint = result["limits"][0]["coupling_upper_limit"]
    assert row["gain"] == pytest.approx(least / joint)
    # one name, one nuisance: the dimuon normalisation of the electron run's simulation
    assert [item["name"] for item in result["shared_systematics"]] == ["dimuon normalisation"]


def test_a_series_goes_to_dark_axes_point_by_point():
    family = Family("dark-photon", 0.1, 3.0)
    line = Series("line", np.array([0.03, 0.3]), np.array([1e-4, 1e-3]), err=np.array([1e-6, 0.0]))
    mapped = mapped_series(line, family)
    assert mapped.x == pytest.approx([0.01, 0.1])
    assert mapped.y == pytest.approx(y_of(family, line.y))
    assert mapped.err / mapped.y == pytest.approx([0.02, 0.0])  # y goes as the square


@pytest.mark.compiled
@pytest.mark.parametrize(
    "name", [name for name in experiment_names() if name.startswith("na64e-positron")]
)
def test_the_positron_files_look_at_half_of_the_beam_energy(name):
    """So each sees the resonance from sqrt(m_e E) to sqrt(2 m_e E)."""
    file = load_experiment(name)
    (run,) = file.runs
    assert file.beam.particle == "e+"
    assert run.threshold == pytest.approx(0.5 * file.beam.energy)
    assert run.observed is None
    low, high = np.sqrt(np.array([1.0, 2.0]) * M_E * file.beam.energy)
    assert takes_mass(file, float(low))
    assert takes_mass(file, float(high))
