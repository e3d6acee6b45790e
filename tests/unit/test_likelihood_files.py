"""A likelihood on a grid: between its points, on disk, as HS3; what verify sees of a file."""

import json
import math

import numpy as np
import pytest

from mutau.analysis.likelihood import GridLikelihood, read_likelihood, write_likelihood
from mutau.core.errors import FileError, OutOfRange
from mutau.report.verification import difference
from mutau.stats import Channel, CountingModel, upper_limit
from mutau.stats.hs3 import to_hs3

MASS, COUPLING = np.geomspace(0.01, 0.1, 9), np.geomspace(1e-4, 1e-2, 4)


def signal(mass, coupling):
    """Falls with the mass by a power that changes, and saturates a little in the coupling."""
    return 1e6 * coupling**2 * mass ** (-0.5 + 0.1 * np.log(mass)) / (1.0 + 5.0 * coupling)


def grid(**changes):
    made = signal(MASS[:, None], COUPLING)
    channels = (
        Channel("a", 0.6, 0.4, 0.2, 0, systematics={"size": 0.1}),
        Channel("b", 0.4, 1.0, 0.0, 1),
    )
    words = {
        "experiment": "x", "model": "y", "mass": MASS, "coupling": COUPLING, "signal": made,
        "signal_err": 0.01 * made, "channels": channels, "interpolation_err": 0.0, "cl": 0.9,
        "method": "asymptotic-cls",
    }  # fmt: skip
    return GridLikelihood(**{**words, **changes})


def test_between_its_points_the_signal_is_right():
    line = grid()
    for mass, coupling in ((0.0123, 3e-4), (0.077, 5e-3)):
        value, error = line.expected(mass, coupling)
        stated = line.measured_interpolation()
        assert value == pytest.approx(signal(mass, coupling), rel=stated)
        assert error == pytest.approx(0.01 * value, rel=1e-3)
    assert line.measured_interpolation() < 3e-3
    with pytest.raises(OutOfRange, match=r"mass = 0\.2"):
        line.expected(0.2, 1e-3)


@pytest.mark.compiled
def test_its_limit_is_that_of_the_counting_model_at_the_point():
    line = grid()
    coupling, _ = line.limit(0.03)
    assert upper_limit(line.at(0.03, coupling), 0.9, "asymptotic-cls").strength == pytest.approx(
        1.0, rel=1e-6
    )
    assert line.p_value(0.03, coupling)[0] == pytest.approx(0.1, rel=1e-5)
    assert line.minus_two_ln_ratio(0.03, 2.0 * coupling) > 2.0


def test_on_disk_it_is_the_same_and_a_changed_one_is_refused(tmp_path):
    path = tmp_path / "line.json"
    write_likelihood(grid(), path)
    assert read_likelihood(path).to_dict() == grid().to_dict()
    path.write_text(path.read_text().replace("0.9,", "0.8,", 1))
    with pytest.raises(FileError, match="is no likelihood"):
        read_likelihood(path)


def test_the_expressions_of_hs3_are_our_means():
    """Evaluated as Python, at a point between those of the grid."""
    document = json.loads(json.dumps(grid().to_hs3()))
    assert document["misc"]["mutau"]["polynomial_relative_error"] < 1e-3
    values = {"exp": math.exp, "ln_mass_GeV": math.log(0.023), "ln_coupling": math.log(7e-4)}
    functions = {item["name"]: item["expression"] for item in document["functions"]}
    at = {**values, "theta_size": 0.7, "background_a": 0.3}
    found = eval(functions["mean_a"], at)
    truth = 0.6 * signal(0.023, 7e-4) * 1.1**0.7 + 0.3
    assert found == pytest.approx(truth, rel=1e-3)
    assert eval(functions["mean_b"], at) == pytest.approx(0.4 * signal(0.023, 7e-4) + 1.0, rel=1e-3)


@pytest.mark.parametrize("constraint", ["gaussian", "lognormal", "gamma"])
def test_hs3_of_one_point_has_every_constraint(constraint):
    model = CountingModel((Channel("a", 5.0, 4.0, 1.0, 3, constraint),))
    document = to_hs3(model)
    names = {item["name"] for item in document["distributions"]}
    assert names == {"counts_a", "constraint_background_a"}
    axes = {axis["name"] for axis in document["domains"][0]["axes"]}
    assert axes == {"strength", "background_a"}
    (entry,) = document["data"][0]["entries"]
    assert entry == [3]


def test_a_changed_number_is_found_and_a_last_digit_is_not(tmp_path):
    """What `verify` sees of a file whose digest was mended."""
    ours, theirs = tmp_path / "a.json", tmp_path / "b.json"
    ours.write_text('{"limit": 1.234567e-3, "x": [1, 2]}')
    theirs.write_text('{"limit": 1.2345670001e-3, "x": [1, 2]}')
    assert difference(ours, theirs) == ""
    theirs.write_text('{"limit": 1.2346e-3, "x": [1, 2]}')
    assert "stands where" in difference(ours, theirs)
    theirs.write_text('{"limit": 1.234567e-3, "x": [1, 2], "y": 1}')
    assert "text" in difference(ours, theirs)
