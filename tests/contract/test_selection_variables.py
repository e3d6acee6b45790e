"""The list of variables that files may name, and the functions that evaluate them, are one."""

from __future__ import annotations

import numpy as np
import pytest

from mutau.core.units import DIMENSIONS
from mutau.experiment import VARIABLES, experiment_names, load_experiment
from mutau.selection.cutflow import apply_cuts
from mutau.selection.variables import FUNCTIONS, Sample, evaluate

N = 5
VECTOR = np.tile([50.0, 0.1, -0.2, 49.9], (N, 1))
COLUMNS = {name: np.full(N, 1.5) for name in VARIABLES} | {
    "trigger": np.ones(N, bool),
    "p_muon": VECTOR,
    "p_electron": VECTOR,
    "p_beam": VECTOR,
}
SAMPLE = Sample(100.0, np.ones(N), COLUMNS)


def test_both_lists_agree():
    assert set(FUNCTIONS) == set(VARIABLES)


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_variable_is_described_and_gives_one_value_per_event(name):
    variable = VARIABLES[name]
    assert variable.dimension in {*DIMENSIONS, "number", "condition"}
    assert variable.meaning
    assert FUNCTIONS[name].__doc__
    values = evaluate(name, SAMPLE)
    assert values.shape == (N,)
    assert (values.dtype == bool) == (variable.dimension == "condition")
    assert np.all(np.isfinite(values))


@pytest.mark.parametrize("name", experiment_names())
def test_the_cuts_of_every_bundled_experiment_can_be_applied(name):
    experiment = load_experiment(name)
    flow = apply_cuts(experiment.cuts, SAMPLE)
    assert len(flow.names) == len(experiment.cuts) + 1
    assert np.all(np.diff(flow.fraction) <= 0.0)
