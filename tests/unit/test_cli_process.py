"""The verbs of the NA64mu process: answers, files, refusals, and a clean Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import mutau

pytestmark = pytest.mark.compiled

POINT = ("--mass", "0.1", "--coupling", "1e-3")


def answer(result):
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_yields(cli):
    found = answer(cli("yields", "na64mu", *POINT, "--json"))
    assert {"signal", "signal_err", "background", "background_err", "cutflow", "seed"} <= set(found)
    assert found["cutflow"][0]["cut"].startswith("produced")
    assert found["cutflow"][-1]["signal"] == found["signal"]
    here = mutau.expected_yields(
        mutau.LmuMinusLtau(mass=0.1, coupling=1e-3), mutau.load_experiment("na64mu"), seed=1
    )
    assert found["signal"] == here.total
    assert found["signal_err"] == here.total_err


def test_limit_and_plane_agree_to_the_digit(cli, tmp_path):
    one = answer(cli("limit", "na64mu", "--mass", "0.1", "--json", "-o", "line.npz"))
    assert one["confidence_level"] == 0.9
    point = one["limits"][0]
    plane = answer(cli("plane", "na64mu", "--mass", "0.05,0.1", "-o", "p.svg", "--json"))
    assert plane["limits"][1] == {"experiment": "na64mu", **point}
    (line,) = plane["lines"]
    assert (line["experiment"], line["method"], line["projection"]) == ("na64mu", "events", True)
    assert line["background_events"] == one["background_events"]
    assert plane["digests"] == {
        "na64mu": one["digests"]["experiment"], "model": one["digests"]["model"],
    }  # fmt: skip
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")
    saved = mutau.Exclusion.load(tmp_path / "line.npz")
    assert saved.coupling[0] == point["coupling_upper_limit"]


def test_plane_for_people(cli, caplog):
    """One line per experiment with the best coupling; points and notices of fonts stay away."""
    found = cli("plane", "na64mu", "--mass", "1MeV:0.5:6", "-n", "1000", "-o", "p.pdf")
    assert found.err == ""
    assert caplog.messages == []
    assert "lowest_coupling" in found.out
    assert "coupling_upper_limit" not in found.out
    for verb in ("plane", "combine"):
        wrong = cli(verb, "ldmx-like", "--mass", "0.1", "-n", "1000")
        assert wrong.code == 2
        assert "computed by quadrature" in wrong.err


def test_plane_options(cli):
    words = ("plane", "na64mu", "--mass", "0.1", "--json", "-o", "p.png")
    assert answer(cli(*words, "--only", "none", "--year-gm2", "2025"))["published"] == []
    assert answer(cli(*words, "--only", "ccfr-1991"))["published"] == ["ccfr-1991"]
    wrong = cli(*words, "--only", "ccfr-1992")
    assert wrong.code == 2
    assert "did you mean" in wrong.err
    wrong = cli(*words, "--year-gm2", "1999")
    assert wrong.code == 2
    assert "2021" in wrong.err


@pytest.mark.parametrize("suffix", ["lhe", "npz"])
def test_generate_writes_events_that_read_back(cli, tmp_path, suffix):
    found = answer(cli("generate", "na64mu", *POINT, "-n", "50", "-o", f"e.{suffix}", "--json"))
    assert found["events"] == 50
    back = mutau.read_events(tmp_path / f"e.{suffix}")
    assert back.n_events == 50
    assert back.meta["sigma_pb"] == pytest.approx(found["sigma_pb"], rel=1e-9)
    assert set(back.pdg[back.status == 1]) >= {13, 32}


def test_sample_size_sets_the_error(cli):
    words = ("yields", "na64mu", *POINT, "--json", "-n")
    few, many = (answer(cli(*words, n)) for n in ("2000", "32000"))
    assert few["signal_err"] / many["signal_err"] == pytest.approx(4.0, rel=0.3)
    words = ("limit", "na64mu", "--mass", "0.1", "--json", "-n")
    few, many = (answer(cli(*words, n))["limits"][0] for n in ("2000", "32000"))
    assert few["numerical_err"] / many["numerical_err"] == pytest.approx(4.0, rel=0.3)


def test_same_seed_same_answer(cli):
    words = ("yields", "na64mu", *POINT, "--json", "--seed")
    assert cli(*words, "4").out == cli(*words, "4").out
    assert answer(cli(*words, "4"))["signal"] != answer(cli(*words, "5"))["signal"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("plane", "na64mu", "--mass", "0.1", "-o", "missing/p.png"), "cannot write"),
        (("limit", "na64mu", "--mass", "0.1", "-o", "missing/l.npz"), "cannot write"),
        (("generate", "na64mu", *POINT, "-n", "5", "-o", "missing/e.lhe"), "missing/e.lhe"),
        (("yields", "na64mu", "--mass", "300", "--coupling", "1e-3"), "mass = 300"),
        (("yields", "na64mu", "--mass", "0.1", "--coupling", "-1"), "coupling = -1"),
        (("limit", "na64mu", "--mass", "0.1", "--method", "guess"), "guess"),
        (("limit", "na64mu", "--mass", "0.1", "--cl", "2"), "cl"),
        (("reproduce", "na64"), "did you mean 'na64e'"),
        (("reproduce", "na64mu", "--quick", "--full"), "exclude each other"),
    ],
)
def test_wrong_input(cli, tmp_path, words, expected):
    result = cli(*words)
    assert result.code == 2
    assert expected in result.err
    assert "Traceback" not in result.err


def test_reproduce_into_an_unwritable_folder_says_so_first(cli, tmp_path):
    (tmp_path / "file").write_text("in the way")
    start = time.monotonic()
    result = cli("reproduce", "na64mu", "-o", "file")
    assert result.code == 2
    assert "file" in result.err
    assert time.monotonic() - start < 5.0


def test_ctrl_c_is_clean(tmp_path):
    """Interrupted while computing: exit code 1, one line on stderr, no file left."""
    words = ["plane", "na64mu", "--mass", "1MeV:1GeV:4000", "-o", "p.png"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mutau", *words], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ}, start_new_session=True,
    )  # fmt: skip
    time.sleep(4.0)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert err == "mutau: interrupted; no half-written file was left\n"
    assert not list(tmp_path.iterdir())


def test_a_copied_experiment_runs_from_its_path(cli, tmp_path):
    text = mutau.load_experiment("na64mu").to_toml().replace("1e11", "1e13").replace(
        "100000000000.0", "1e13"
    )  # fmt: skip
    (tmp_path / "mine.toml").write_text(text)
    assert answer(cli("check", "mine.toml", "--json"))["problems"] == []
    mine = answer(cli("limit", "mine.toml", "--mass", "0.1", "--json"))["limits"][0]
    theirs = answer(cli("limit", "na64mu", "--mass", "0.1", "--json"))["limits"][0]
    ratio = mine["coupling_upper_limit"] / theirs["coupling_upper_limit"]
    assert ratio == pytest.approx(0.1, rel=1e-6)  # 100 times the exposure
    assert np.isfinite(ratio)
