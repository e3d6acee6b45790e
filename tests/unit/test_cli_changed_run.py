"""Another run of NA64mu is another file: exposure, thresholds, counters, an observed count."""

from __future__ import annotations

import json
import math

import pytest

from mutau.experiment import load_experiment
from mutau.experiment.loader import experiment_path
from mutau.stats import CountingModel, upper_limit

MASS = ("--mass", "0.1", "--coupling", "1e-4")
RUN = """
[[runs]]
name = "autumn"
particles = 5e10
efficiency = "90 %"
observed = 1
background = 0.4
background_error = 0.2
because = "what was seen"

[[systematics]]
name = "trigger counters"
signal = "10 %"
because = "assumed"
"""
BACKGROUND_TABLE = ("[[background]]", "[statistics]")


def answer(result):
    assert result.code == 0, result.err
    return json.loads(result.out)


@pytest.fixture
def changed(tmp_path):
    """The bundled file with an editor's changes and nothing else."""
    text = experiment_path("na64mu").read_text()
    for old, new in (
        ('name = "na64mu"', 'name = "autumn-run"'),
        ("particles = 1e11", "particles = 5e10"),
        ('x = "-14.8 cm"', 'x = "-15.8 cm"'),  # S4, one centimetre further out
        ('x = "4.2 cm"', 'x = "3.2 cm"'),  # V1 with it
        ('name = "S0"\nrole = "trigger"', 'name = "S0"\nrole = "trigger"\nefficiency = "95 %"'),
        ('max = "8 GeV"', 'max = "6 GeV"'),
        ('max = "0.5 GeV"', 'max = "1 GeV"'),
        ('method = "events"', 'method = "bayes"'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    first, last = (text.index(word) for word in BACKGROUND_TABLE)
    (tmp_path / "autumn.toml").write_text(text[:first] + text[last:] + RUN)
    return "autumn.toml"


@pytest.mark.compiled
def test_a_changed_run_needs_only_a_changed_file(cli, changed, tmp_path):
    checked = answer(cli("check", changed, "--json"))
    assert checked["experiment"] == "autumn-run"
    assert checked["magnets"][0]["bends_to_x_T_m"] == pytest.approx(-1.4)

    # yields: half the exposure at 90 %, and S4 further out takes a quarter to a third
    plain = answer(cli("yields", "na64mu", *MASS, "-n", "8000", "--json"))
    here = answer(cli("yields", changed, *MASS, "-n", "8000", "--json"))
    assert here["cutflow"][0]["signal"] == pytest.approx(0.5 * plain["cutflow"][0]["signal"])
    assert here["cutflow"][-1]["cut"] == "efficiency of the run periods"
    share = here["signal"] / (0.45 * plain["signal"])
    assert 0.65 < share < 0.85
    assert (here["background"], here["background_err"]) == (0.4, 0.2)
    assert here["relative_systematic"] == pytest.approx(0.1)

    # limit: one event on 0.4 +- 0.2, 10 % on the signal, by the common statistics
    model = CountingModel.from_arrays(
        here["signal"], 0.4, 0.2, 1, systematics={"autumn-run: overall": 0.1}
    )
    want = 1e-4 * math.sqrt(upper_limit(model, 0.9, "bayes").strength)
    found = answer(cli("limit", changed, "--mass", "0.1", "-n", "8000", "--json"))
    assert found["limits"][0]["coupling_upper_limit"] == pytest.approx(want, rel=1e-4)
    assert found["background_events"] == 0.4
    assert want > 1e-4 * math.sqrt(3.5 / here["signal"])  # 3.89 without background, 3.5 with it

    # the same through the whole set-up
    full = answer(cli("yields", changed, *MASS, "--full-chain", "-n", "4000", "--json"))
    steps = [row["cut"] for row in full["cutflow"]]
    assert "hcal_energy <= 6" in steps
    assert "vhcal_energy <= 1" in steps
    assert 0.5 * here["signal"] < full["signal"] < here["signal"]
    chain = answer(cli("limit", changed, "--mass", "0.1", "--full-chain", "-n", "4000", "--json"))[
        "limits"
    ][0]
    ratio = chain["coupling_upper_limit"] / found["limits"][0]["coupling_upper_limit"]
    assert ratio == pytest.approx(math.sqrt(here["signal"] / full["signal"]), rel=1e-4)
    assert chain["numerical_err"] / chain["coupling_upper_limit"] == pytest.approx(
        0.5 * full["signal_err"] / full["signal"], rel=0.01
    )

    # beam through the whole set-up, counted and written
    run = answer(cli("simulate", changed, "-n", "4000", "--workers", "1", "-o", "run", "--json"))
    assert run["experiment"] == "autumn-run"
    assert "hcal_energy <= 6" in [row["cut"] for row in run["cutflow"]]
    assert (tmp_path / "run" / "tally.json").is_file()

    # and what ten times the exposure would give
    later = answer(
        cli("sensitivity", changed, "--mass", "0.1", "--exposure", "5e10,5e11", "-n", "8000",
            "--background", "file", "--json")
    )  # fmt: skip
    rows = later["limits"]
    assert [row["background_events"] for row in rows] == pytest.approx([0.4, 4.0])
    assert rows[1]["coupling_upper_limit"] < rows[0]["coupling_upper_limit"]
    assert later["free_of_background"][1]["particles_on_target"] == pytest.approx(1.25e11)


def test_the_bundled_file_is_as_it_was():
    """The edits above find their places: the file still says what they replace."""
    item = load_experiment("na64mu")
    assert item.beam.particles == 1e11
    assert item.detector["S4"].x == pytest.approx(-14.8)
