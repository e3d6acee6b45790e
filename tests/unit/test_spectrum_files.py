"""Spectra from files: weights, variances, units; what would change the number is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.background.sideband import EnergySpectrum, Sideband, extrapolate
from mutau.background.spectrum_files import read_spectrum, unit_of
from mutau.core.errors import FileError, MutauError

WINDOW = Sideband(60.0, 90.0, 0.0, 50.0)
EDGES = np.linspace(60.0, 90.0, 31)


def drawn(n=3000, slope=0.08):
    """Energies of a density exp(slope E) between 60 and 90 GeV, evenly in probability."""
    u = (np.arange(n) + 0.5) / n
    low, high = math.exp(slope * 60.0), math.exp(slope * 90.0)
    return np.log(low + u * (high - low)) / slope


def write(folder, text, name="s.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def events(folder, weight=None, unit="GeV"):
    factor = {"GeV": 1.0, "MeV": 1e3}[unit]
    head = f"energy_{unit}" + ("" if weight is None else ", weight")
    tail = "" if weight is None else f", {weight}"
    return write(folder, head + "\n" + "".join(f"{factor * e!r}{tail}\n" for e in drawn().tolist()))


def test_events_count_by_their_weight(tmp_path):
    plain = extrapolate(read_spectrum(events(tmp_path), edges=EDGES), WINDOW)
    light = extrapolate(read_spectrum(events(tmp_path, 0.01), edges=EDGES), WINDOW)
    # density exp(0.08 E): what lies below 50 GeV over what lies in the sideband
    right = 3000.0 * (math.exp(4.0) - 1.0) / (math.exp(7.2) - math.exp(4.8))
    assert plain.expected == pytest.approx(right, rel=0.02)
    assert light.expected == pytest.approx(0.01 * plain.expected, rel=1e-4)
    assert light.err == pytest.approx(0.01 * plain.err, rel=1e-4)  # relative, of 3000 events
    assert light.deviance == pytest.approx(plain.deviance, rel=1e-3)
    assert light.events == pytest.approx(30.0)


def test_unequal_weights_enter_with_their_variances():
    """Half the events at weight 1.9, half at 0.1: 3000 in sum, of variance 5430, not 3000."""
    weights = np.where(np.arange(3000) % 2, 1.9, 0.1)
    mixed = extrapolate(EnergySpectrum.of(drawn(), EDGES, weights=weights), WINDOW)
    plain = extrapolate(EnergySpectrum.of(drawn(), EDGES), WINDOW)
    assert mixed.events == pytest.approx(3000.0)
    assert mixed.err / mixed.expected == pytest.approx(
        math.sqrt(1.81) * plain.err / plain.expected, rel=0.05
    )


def test_bins_with_a_variance_or_an_error(tmp_path):
    counts, _ = np.histogram(drawn(), EDGES)
    plain = extrapolate(EnergySpectrum(EDGES, counts.astype(float)), WINDOW)
    for head, power in (("variance", 1.0), ("error", 0.5)):
        rows = [
            f"{low:g}, {low + 1:g}, {0.01 * n}, {(1e-4 * n) ** power}\n"
            for low, n in zip(EDGES[:-1], counts, strict=True)
        ]
        path = write(tmp_path, f"low_GeV, high_GeV, count, {head}\n" + "".join(rows))
        found = extrapolate(read_spectrum(path), WINDOW)
        assert found.expected == pytest.approx(0.01 * plain.expected, rel=1e-4)
        assert found.err == pytest.approx(0.01 * plain.err, rel=1e-3)


def test_energies_in_other_units(tmp_path):
    gev = read_spectrum(events(tmp_path, unit="GeV"), edges=EDGES)
    mev = read_spectrum(events(tmp_path, unit="MeV"), edges=EDGES)
    assert mev.counts.tolist() == gev.counts.tolist()
    bins = "low_MeV,high_MeV,count\n60000,70000,4\n70000,80000,9\n"
    assert read_spectrum(write(tmp_path, bins)).edges.tolist() == [60.0, 70.0, 80.0]
    assert [unit_of(name) for name in ("E_MeV", "E_TeV", "E", "E_cal")] == [1e-3, 1e3, 1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("energy_GeV,energy_GeV\n61,62\n", "the column 'energy_GeV' stands twice"),
        ("energy_GeV,weights\n61,2\n", "'weights' looks like a weight and is not used"),
        ("energy_GeV,event_weight\n61,2\n", "'event_weight' looks like a weight"),
        ("energy_GeV,prescale\n61,2\n", "'prescale' looks like a weight"),
        ("energy_GeV,weight\n61,0\n62,0\n", "all weights are 0"),
        ("energy_GeV,weight\n61,heavy\n", "line 2: weight = 'heavy'"),
        ("energy_GeV\n6_1\n", "line 2: energy_GeV = '6_1'"),
        ("energy_GeV\n61,62\n", "line 2: 2 values, 1 columns"),
        ("low_GeV,high_GeV,count,live\n60,70,4,1\n", "the column 'live' is unknown beside bins"),
        ("low_GeV,high_GeV,count,error,variance\n60,70,4,1,1\n", "both stand there"),
        ("low_GeV,high_GeV,count,variance\n60,70,4,0\n", "with the variance 0.0"),
        ("low_GeV,high_GeV,count\n", "holds no bins"),
        ("", "is empty"),
    ],
)
def test_what_would_change_the_number_is_refused(tmp_path, text, said):
    with pytest.raises(MutauError, match=said):
        read_spectrum(write(tmp_path, text), edges=EDGES)


def test_other_columns_of_events_are_passed_over(tmp_path):
    path = write(tmp_path, "run, energy_GeV, hcal_GeV, tag\n1, 61, 0.2, beam\n1, 62, 0.1, beam\n")
    assert read_spectrum(path, edges=EDGES).counts.sum() == 2.0
    assert read_spectrum(path, edges=[0.0, 1.0], column="hcal_GeV").counts.tolist() == [2.0]


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("énergie,energy_GeV\n1,61\n".encode("latin-1"))
    with pytest.raises(FileError, match=r"line 1 is not UTF-8.*Latin-1"):
        read_spectrum(path, edges=EDGES)
    with pytest.raises(FileError, match="is no CSV file"):
        read_spectrum(write(tmp_path, 'energy_GeV\n"61\n'), edges=EDGES)
    with pytest.raises(FileError, match="a device or a pipe"):
        read_spectrum("/dev/zero", edges=EDGES)


@pytest.fixture
def root(tmp_path):
    """A ROOT file with weighted and plain histograms and trees."""
    uproot = pytest.importorskip("uproot")
    ak = pytest.importorskip("awkward")
    energies = drawn(300)
    axis = np.linspace(60e3, 90e3, 31)
    counts, _ = np.histogram(1e3 * energies, axis)
    writable = uproot.writing.identify
    weighted = writable.to_TH1x(
        fName="w", fTitle="", data=np.array([0, *(0.01 * counts), 0.0]), fEntries=300.0,
        fTsumw=3.0, fTsumw2=0.03, fTsumwx=0.0, fTsumwx2=0.0,
        fSumw2=np.array([0, *(1e-4 * counts), 0.0]),
        fXaxis=writable.to_TAxis(
            fName="xaxis", fTitle="E [MeV]", fNbins=30, fXmin=60e3, fXmax=90e3
        ),
    )  # fmt: skip
    path = tmp_path / "s.root"
    with uproot.recreate(path) as file:
        file["weighted"] = weighted
        file["plane"] = np.histogram2d(energies, energies, bins=(3, 3))
        file.mktree("flat", {"e": np.float64, "weight": np.float64})
        file["flat"].extend({"e": energies, "weight": np.full(300, 0.01)})
        file.mktree("odd", {"e": np.float64, "w": np.float64})
        file["odd"].extend({"e": energies, "w": energies})
        file.mktree("jagged", {"e": "var * float64"})
        file["jagged"].extend({"e": ak.Array([[61.0], [62.0, 63.0]])})
    return path


def test_root_weights_variances_and_units(root):
    counts, _ = np.histogram(drawn(300), EDGES)
    for found in (
        read_spectrum(root, name="weighted"),
        read_spectrum(root, name="flat", column="e", edges=EDGES),
    ):
        assert found.edges == pytest.approx(EDGES)
        assert found.counts == pytest.approx(0.01 * counts)
        assert found.variances == pytest.approx(1e-4 * counts)


def test_root_what_is_no_spectrum(root):
    with pytest.raises(MutauError, match="'e' holds no single number per entry"):
        read_spectrum(root, name="jagged", column="e", edges=EDGES)
    with pytest.raises(MutauError, match="'w' looks like a weight"):
        read_spectrum(root, name="odd", column="e", edges=EDGES)
    with pytest.raises(MutauError, match="is a TH2D"):
        read_spectrum(root, name="plane")
    with pytest.raises(MutauError, match="a name for ROOT files alone"):
        read_spectrum(root.with_suffix(".csv"), name="flat", edges=EDGES)
    damaged = root.with_name("damaged.root")
    damaged.write_bytes(root.read_bytes()[:600])
    with pytest.raises(FileError, match="cannot be read"):
        read_spectrum(damaged, name="flat", column="e", edges=EDGES)
