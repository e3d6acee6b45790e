"""The likelihood and its asymptotic limits against pyhf, an independent program.

Its toys are not used (they fail with recent NumPy), nor its limit helper (which ignores the level
unless a scan is given): the p-values are asked for at our own limits.
"""

import math
import warnings

import numpy as np
import pytest

from mutau.core.random import stream
from mutau.stats import (
    Channel,
    CountingModel,
    expected_limits,
    from_workspace,
    to_workspace,
    upper_limit,
)
from mutau.stats.kernels import Data
from mutau.stats.profile import actual, q_upper
from mutau.stats.toys import throw_at

pyhf = pytest.importorskip("pyhf", reason="pyhf is not installed (extra 'stats')")
pytestmark = [pytest.mark.compiled, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

YIELD = {"yield": 0.15}
CASES = {
    "one period": CountingModel((Channel("a", 1.0, 0.7, 0.28, 2.0, "gamma", YIELD),)),
    "nothing seen, two periods": CountingModel(
        (
            Channel("a", 0.55, 0.4, 0.2, 0.0, "lognormal", YIELD),
            Channel("b", 0.45, 0.3, 0.2, 0.0, "lognormal", YIELD),
        )
    ),
    "mixed": CountingModel(
        (
            Channel("a", 3.0, 6.0, 1.0, 9.0, "gaussian", {"yield": 0.15, "threshold": 0.08}),
            Channel("b", 2.0, 4.0, 1.0, 3.0, "gamma", YIELD),
            Channel("c", 1.5, 2.0, 0.5, 1.0, "lognormal", {"other": 0.3}),
        )
    ),
    "large": CountingModel(
        (
            Channel("a", 40.0, 900.0, 30.0, 930.0, "gaussian", {"yield": 0.1}),
            Channel("b", 25.0, 300.0, 15.0, 290.0, "gamma", {"yield": 0.1}),
        )
    ),
}


def _theirs(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-12))
        document = to_workspace(model)
        workspace = pyhf.Workspace(document)  # validates against the schema
        code = {"normsys": {"interpcode": "code1"}}
        theirs = workspace.model(
            measurement_name=document["measurements"][0]["name"], modifier_settings=code
        )
        return theirs, workspace.data(theirs)


def _their_p_values(model, strength):
    theirs, data = _theirs(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pyhf.infer.hypotest(
            strength, data, theirs, test_stat="qtilde", return_tail_probs=True,
            return_expected_set=True,
        )  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_asymptotic_limits_have_the_stated_p_value(name):
    model = CASES[name]
    cls_limit = upper_limit(model, method="asymptotic-cls").strength
    theirs = _their_p_values(model, cls_limit)
    assert float(theirs[0]) == pytest.approx(0.1, rel=2e-4)
    plain = upper_limit(model, method="asymptotic").strength
    assert float(_their_p_values(model, plain)[1][0]) == pytest.approx(0.1, rel=2e-4)


@pytest.mark.parametrize("name", ["one period", "mixed"])
def test_expected_band(name):
    # pyhf's expected values start from the data's own fit; with Asimov data both agree.
    model = CASES[name].with_observed(CASES[name].background)
    ours = expected_limits(model, method="asymptotic-cls")
    for place, limit in enumerate((ours.plus2, ours.plus1, ours.median, ours.minus1, ours.minus2)):
        expected = _their_p_values(model, limit)[2][4 - place]
        assert float(expected) == pytest.approx(0.1, rel=1e-3)


def test_statistic_of_pseudo_experiments():
    # Our closed-form and Newton profile against their general minimiser, data set by data set.
    model = CASES["mixed"]
    parts = model.parts()
    toys = throw_at(model, parts, actual(model, parts), 1.0, 12, stream(5))
    theirs, _ = _theirs(model)
    for t in range(12):
        ours = q_upper(parts, Data(toys.n[t], parts.measured, np.zeros(3)), 1.0)
        _, data = _theirs(model.with_observed(toys.n[t]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            there = pyhf.infer.test_statistics.qmu_tilde(
                1.0,
                data,
                theirs,
                theirs.config.suggested_init(),
                theirs.config.suggested_bounds(),
                theirs.config.suggested_fixed(),
            )
        assert ours == pytest.approx(float(there), abs=2e-5)


def test_a_workspace_made_by_pyhf_is_read():
    document = pyhf.simplemodels.uncorrelated_background([5.0, 2.0], [10.0, 4.0], [3.0, 1.0])
    workspace = pyhf.Workspace.build(document, [12.0, 3.0, *document.config.auxdata])
    model = from_workspace(dict(workspace))
    assert [channel.constraint for channel in model.channels] == ["gamma", "gamma"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = pyhf.infer.hypotest(
            upper_limit(model, method="asymptotic-cls").strength,
            workspace.data(document),
            document,
            test_stat="qtilde",
        )
    assert float(p) == pytest.approx(0.1, rel=3e-4)
    assert math.isclose(model.total, 7.0)
