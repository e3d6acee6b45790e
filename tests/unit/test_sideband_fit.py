"""Sideband method: fit against closed form, closure with toys, files, refusals."""

import math

import numpy as np
import pytest

import mutau
from mutau.background.sideband import (
    EnergySpectrum,
    Sideband,
    closure,
    extrapolate,
    integral,
)
from mutau.background.spectrum_files import read_spectrum
from mutau.core.errors import FileError
from mutau.core.random import stream

WINDOW = Sideband(60.0, 90.0, 0.0, 50.0)
EDGES = np.linspace(60.0, 90.0, 31)


def exponential(slope, events):
    """Expected counts in one bin per GeV for a density rising with `slope`."""
    mean = np.exp(slope * EDGES[1:]) - np.exp(slope * EDGES[:-1])
    return EnergySpectrum(EDGES, events * mean / mean.sum())


def test_integral_of_an_exponential():
    assert float(integral(0.0, 0.1, -5.0, 10.0)) == pytest.approx(
        (math.exp(1.0) - math.exp(-0.5)) / 0.1, rel=1e-12
    )
    assert float(integral(1.0, 1e-12, 2.0, 5.0)) == pytest.approx(3.0 * math.e, rel=1e-9)


def test_exact_counts_give_the_exact_box():
    slope, events = 0.15, 400.0
    found = extrapolate(exponential(slope, events), WINDOW)
    scale = events / (math.exp(slope * 90.0) - math.exp(slope * 60.0))
    assert found.slope == pytest.approx(slope, rel=1e-4)
    assert found.expected == pytest.approx(scale * (math.exp(slope * 50.0) - 1.0), rel=1e-3)
    assert found.deviance == pytest.approx(0.0, abs=1e-6)
    # variance of the slope: 1/(N Var E); Var E of the exponential in the window
    mean = exponential(slope, 1.0).counts
    middle = 0.5 * (EDGES[1:] + EDGES[:-1])
    variance = float(mean @ middle**2 - (mean @ middle) ** 2)
    assert found.covariance[1, 1] == pytest.approx(1.0 / (events * variance), rel=0.02)


def test_the_error_grows_with_the_distance_and_falls_with_the_events():
    near, far = Sideband(60.0, 90.0, 45.0, 55.0), Sideband(60.0, 90.0, 0.0, 30.0)
    spectrum = exponential(0.12, 200.0)
    close, away = extrapolate(spectrum, near), extrapolate(spectrum, far)
    assert away.err / away.expected > 1.5 * close.err / close.expected
    more = extrapolate(exponential(0.12, 3200.0), near)
    assert more.err / more.expected == pytest.approx(0.25 * close.err / close.expected, rel=0.15)


def test_toys_close():
    found = closure(150.0, 0.12, WINDOW, stream(3), toys=150)
    assert found.failed == 0
    # the exponential of a fitted slope is biased upwards by half its variance, here below 10 %
    assert -3.0 * found.mean_err < found.mean - found.true < 0.1 * found.true + 3.0 * found.mean_err
    assert found.stated == pytest.approx(found.spread, rel=0.35)
    assert 0.55 < found.coverage < 0.82  # 68 % up to binomial error


@pytest.mark.parametrize("slope", [0.10, 0.15])
def test_the_papers_size_of_error_comes_from_hundreds_of_events(slope):
    """0.4 +- 0.2: a relative error of one half comes from some hundred events in the sideband."""
    found = [extrapolate(exponential(slope, n), WINDOW) for n in (30.0, 1000.0)]
    assert found[0].err / found[0].expected > 0.5 > found[1].err / found[1].expected


def test_files_give_the_spectrum_back(tmp_path):
    binned = tmp_path / "bins.csv"
    binned.write_text("# toy\nlow_GeV,high_GeV,count\n60,70,4\n70,80,9\n80,90,21\n")
    found = read_spectrum(binned)
    assert found.counts.tolist() == [4.0, 9.0, 21.0]
    assert extrapolate(found, WINDOW).events == 34.0
    single = tmp_path / "events.csv"
    single.write_text("energy_GeV\n61\n75\n75.5\n88\n120\n")
    assert read_spectrum(single, edges=[60, 70, 80, 90]).counts.tolist() == [1.0, 2.0, 1.0]


def test_root_files_give_the_spectrum_back(tmp_path):
    uproot = pytest.importorskip("uproot")
    path = tmp_path / "toy.root"
    counts = np.array([4.0, 9.0, 21.0])
    with uproot.recreate(path) as file:
        file["hist"] = (counts, np.array([60.0, 70.0, 80.0, 90.0]))
        file.mktree("tree", {"e": np.float64})
        file["tree"].extend({"e": np.array([61.0, 75.0, 75.5, 88.0])})
    assert read_spectrum(path, name="hist").counts.tolist() == counts.tolist()
    tree = read_spectrum(path, name="tree", column="e", edges=[60, 70, 80, 90])
    assert tree.counts.tolist() == [1.0, 2.0, 1.0]
    with pytest.raises(FileError, match=r"no name 'absent'; allowed: hist, tree"):
        read_spectrum(path, name="absent")
    with pytest.raises(FileError, match="no column is given; allowed: e"):
        read_spectrum(path, name="tree", edges=[60, 70, 80, 90])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("low_GeV,high_GeV,count\n60,70,4\n70,80,nan\n", r"line 3: count = 'nan'"),
        ("low_GeV,high_GeV,count\n60,70,4\n70,80,-1\n", r"bin 1 \(70 to 80 GeV\) holds"),
        ("low_GeV,high_GeV,count\n60,70,4\n75,80,1\n", "do not touch"),
        ("energy_GeV\n61\nabc\n", r"line 3: energy_GeV = 'abc'"),
        ("energy_GeV\n61\n", "need bins"),
        ("mass\n1\n", "no column"),
    ],
)
def test_bad_files_are_refused_with_the_place(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(mutau.MutauError, match=message) as caught:
        read_spectrum(path)
    assert "bad.csv" in str(caught.value)


def test_empty_and_wrong_windows_are_refused():
    empty = EnergySpectrum(EDGES, np.zeros(30), "toy")
    with pytest.raises(mutau.MutauError, match=r"toy.*holds 0 events"):
        extrapolate(empty, WINDOW)
    lonely = np.zeros(30)
    lonely[4] = 9.0
    with pytest.raises(mutau.MutauError, match="in 1 bins"):
        extrapolate(EnergySpectrum(EDGES, lonely, "toy"), WINDOW)
    with pytest.raises(mutau.MutauError, match="overlaps the box"):
        Sideband(40.0, 90.0, 0.0, 50.0)
    with pytest.raises(mutau.MutauError, match="low below high"):
        Sideband(90.0, 60.0, 0.0, 50.0)
    with pytest.raises(mutau.MutauError, match="entry 1 is nan"):
        EnergySpectrum.of([61.0, math.nan], EDGES)
    with pytest.raises(FileError, match="cannot read"):
        read_spectrum("absent.csv")
