"""Command line for electron beams: sideband of a user, corrections, refusals."""

import json
import math

import numpy as np
import pytest

from mutau.background.sideband_estimate import sideband_result, signal_boxes
from mutau.experiment import load_experiment
from mutau.experiment.loader import from_document

pytestmark = pytest.mark.compiled


@pytest.fixture
def spectrum(tmp_path):
    """3000 single events that follow exp(0.12 E) exactly between 55 and 90 GeV."""
    share = (np.arange(3000) + 0.5) / 3000
    low, high = math.exp(0.12 * 55.0), math.exp(0.12 * 90.0)
    energy = np.log(low + share * (high - low)) / 0.12
    path = tmp_path / "seen.csv"
    path.write_text("energy_GeV\n" + "\n".join(f"{e!r}" for e in energy.tolist()) + "\n")
    return path


def test_every_box_gets_the_integral_of_the_fitted_exponential(cli, spectrum):
    words = ("background", "na64e", "--spectrum", str(spectrum), "--sideband", "55GeV,90GeV")
    answer = json.loads(cli(*words, "--json").out)
    assert answer["slope_per_GeV"] == pytest.approx(0.12, abs=2e-4)
    scale = 3000.0 / (math.exp(0.12 * 90.0) - math.exp(0.12 * 55.0))
    found = {tuple(box["runs"]): box for box in answer["boxes"]}
    assert set(found) == {("2016-2018",), ("2021-2022",)}
    for edge, box in zip((50.0, 47.0), answer["boxes"], strict=True):
        assert box["box_GeV"] == [0.0, edge]
        by_hand = scale * (math.exp(0.12 * edge) - 1.0)
        assert box["expected"] == pytest.approx(by_hand, rel=0.01)
        # slope to 1/sqrt(N var E) carried 20 GeV and more: 5 to 15 %
        assert 0.04 < box["err"] / box["expected"] < 0.15
    assert answer["boxes"][0]["stated"] == 0.4
    python = sideband_result(load_experiment("na64e"), spectrum, (55.0, 90.0))
    assert python["boxes"] == answer["boxes"]


def test_the_error_of_a_stated_background_may_be_relative(spectrum):
    """40 % of 0.4 events: 0.16, whichever way the file writes it."""
    document = load_experiment("na64e").to_dict()
    run = document["runs"][0]
    run.pop("background_error", None)
    run |= {"background": 0.4, "relative_error": "40 %"}
    answer = sideband_result(from_document(document, "relative"), spectrum, (55.0, 90.0))
    assert answer["boxes"][0]["stated_err"] == pytest.approx(0.16)


def test_one_box_for_periods_with_the_same_threshold():
    assert signal_boxes(load_experiment("na64e")) == {50.0: ("2016-2018",), 47.0: ("2021-2022",)}
    assert signal_boxes(load_experiment("ldmx-like")) == {2.4: ("all",)}


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("energy_GeV\n60\nnan\n70\n", ("55GeV,90GeV",), "line 3: energy_GeV = 'nan'"),
        ("energy_GeV\n10\n95\n99\n", ("55GeV,90GeV",), "holds 0 events"),
        ("energy_GeV\n60\n70\n80\n", ("45GeV,90GeV",), "the box must stay blind"),
        ("energy_GeV\n60\n70\n80\n", ("55GeV",), "--sideband: 1 energies"),
        ("energy_GeV\n60\n70\n80\n", ("55GeV,90GeV", "--bin", "0"), "--bin: bin width = 0"),
        ("energy_GeV\n60\n70\n80\n", ("55GeV,90GeV", "--bin", "1e-9"), "for at most 100000 bins"),
        ("low_GeV,high_GeV,count\n60,70,4\n70,80,-1\n", ("55GeV,90GeV",), "holds -1.0"),
    ],
)
def test_bad_spectra_are_refused_with_the_place(cli, tmp_path, text, words, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    result = cli("background", "na64e", "--spectrum", str(path), "--sideband", *words)
    assert result.code == 2
    assert message in result.err


def test_a_file_that_is_no_text_is_refused(cli, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(b"\xb7\x40\x00energy_GeV")
    words = ("background", "na64e", "--spectrum", str(path), "--sideband", "55GeV,90GeV")
    result = cli(*words)
    assert result.code == 2
    assert "is not UTF-8" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("background", "na64e", "--sideband", "55,90"),
            "--sideband: has no effect without --spectrum",
        ),
        (("limit", "na64e", "--mass", "0.5keV"), "below 1 keV the emission loses its coherence"),
        (
            ("limit", "na64mu", "--mass", "10MeV", "--alpha-d", "0.1", "--mass-ratio", "1.9"),
            "makes bosons on their mass shell",
        ),
        (
            ("xsec", "muon-brems", "--energy", "160", "--mass", "0.1", "--coupling", "1e-3",
             "--coulomb"),
            "--coulomb: has no effect on muon-brems",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(cli, words, message):
    result = cli(*words)
    assert result.code == 2
    assert message in result.err


@pytest.mark.parametrize(
    ("key", "old", "new", "message"),
    [
        ("background", "0.4", "-0.4", "runs[0]/background: -0.4 is not allowed"),
        ("particles", "2.84e11", "0", "runs[0]/particles: 0 is not allowed"),
        ("particles", "2.84e11", "nan", "runs[0]/particles: nan is not a finite number"),
        (
            "threshold",
            '"47 GeV"',
            '"147 GeV"',
            "runs[1]/threshold: 147 GeV is not below the beam energy",
        ),
    ],
)
def test_files_with_impossible_runs_are_refused(cli, tmp_path, key, old, new, message):
    from importlib.resources import files

    text = (files("mutau.data") / "experiments" / "na64e.toml").read_text()
    assert f"{key} = {old}\n" in text
    path = tmp_path / "bad.toml"
    path.write_text(text.replace(f"{key} = {old}\n", f"{key} = {new}\n"))
    result = cli("limit", str(path), "--mass", "10MeV")
    assert result.code == 2
    assert message in result.err
    assert message in cli("check", str(path)).err


@pytest.mark.compiled
def test_the_corrections_of_light_bosons_on_the_command_line(cli):
    words = ("xsec", "electron-brems", "--energy", "100", "--mass", "1MeV", "--coupling", "1e-3")
    sigma = {
        more: json.loads(cli(*words, *more, "--json").out)["sigma_pb"]
        for more in ((), ("--coulomb",), ("--form-factor", "elastic+inelastic"))
    }
    # Davies, Bethe, Maximon: f(82) = 0.33 off the radiation logarithm; inelastic: about 1/Z
    assert sigma["--coulomb",] / sigma[()] == pytest.approx(0.925, abs=0.02)
    inelastic = sigma["--form-factor", "elastic+inelastic"] / sigma[()]
    assert inelastic == pytest.approx(1.0 + 1.0 / 82.0, abs=0.005)
