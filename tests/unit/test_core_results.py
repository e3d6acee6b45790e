"""Results as objects: equal by value, short to print, tables for notebooks, plain data."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import mutau
from mutau.core.errors import MutauError
from mutau.core.tables import MOST_ROWS, html_table
from mutau.core.types import CrossSection, Exclusion, Yields


def line(n=3, top=1e-3):
    return Exclusion(np.geomspace(1e-3, 1.0, n), np.full(n, top), np.full(n, 1e-6), 0.9, "na64mu",
                     "lmu-ltau", "bayes", {"seed": 1})  # fmt: skip


def yields(observed=np.nan):
    return Yields(("made", "kept <b>"), np.array([4.0, 2.0]), np.array([0.1, 0.1]), np.zeros(1),
                  np.zeros(1), np.array([observed]), np.ones(1), 0.0, 0.1, 1e-3, "toy",
                  "lmu-ltau")  # fmt: skip


def test_equal_by_value_nan_included():
    assert line() == line()
    assert line() != line(top=2e-3)
    assert line() != line(4)
    assert yields() == yields()
    assert yields() != yields(0.0)
    assert line() != yields()
    with pytest.raises(TypeError):
        hash(line())


def test_one_line_says_what_it_is():
    assert repr(line()) == "<Exclusion: na64mu, lmu-ltau, 90 % CL, bayes, 3 masses, 0.001 to 1 GeV>"
    assert "2.00 ± 0.10 events" in repr(yields())
    assert "\n" not in repr(yields())


def test_plain_data_survives_json():
    plain = json.loads(json.dumps(line().to_dict()))
    assert plain["coupling"] == [1e-3] * 3
    assert plain["meta"] == {"seed": 1}
    assert CrossSection(1.0, 0.5).to_dict() == {"sigma_pb": 1.0, "sigma_err_pb": 0.5}


def test_tables_of_notebooks_are_escaped_and_short():
    assert "mass_GeV" in line()._repr_html_()
    assert "kept &lt;b&gt;" in yields()._repr_html_()
    assert CrossSection(1.0, 0.5)._repr_html_().endswith("1.00 ± 0.50 pb")
    long = html_table("t", {"x": np.arange(3.0 * MOST_ROWS)})
    assert long.count("<tr>") == MOST_ROWS + 2  # a heading, and a row for what is left out
    assert f"{2 * MOST_ROWS} more" in long


def test_dataframes_come_from_pandas_or_a_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=dict))
    assert list(line().to_dataframe()) == ["mass_GeV", "coupling", "numerical_err"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MutauError, match="pip install pandas"):
        line().to_dataframe()


#: The public name of what each verb of the program computes.
VERBS = {
    "model": "model_summary", "xsec": "cross_section", "yields": "expected_yields",
    "limit": "limit_curve", "cascade": "cascade_result", "generate": "generate_events",
    "sensitivity": "sensitivity", "background": "background_result", "optimise": "optimise",
    "measure": "measure_result", "combine": "combined_limit", "discover": "discovery_reach",
    "scan": "run_scan", "simulate": "run_simulation", "plane": "exclusion_plane",
    "draw": "setup_figure", "reproduce": "reproduce", "check": "check_result",
    "show": "show_result", "cite": "cited", "export": "export", "crosscheck": "crosscheck_result",
    "likelihood": "grid_likelihood", "publish": "publish_experiment", "verify": "verify_folder",
}  # fmt: skip


def test_every_verb_has_a_public_name():
    from mutau.cli.main import GROUPS, app

    program = {verb.callback.__name__ for verb in app.registered_commands}
    assert program == set(VERBS) == {verb for verbs in GROUPS.values() for verb in verbs}
    for name in VERBS.values():
        assert name in mutau.__all__
        assert callable(getattr(mutau, name)), name
