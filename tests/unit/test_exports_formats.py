"""Exports: read back by the programs they are for, and the same numbers as went in."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from mutau.analysis.results import load_results, slug, write_figures
from mutau.bounds import load_curve
from mutau.core.errors import FileError, MutauError, UnknownName
from mutau.core.figure import Figure, Series
from mutau.core.types import Exclusion, provenance
from mutau.models import LmuMinusLtau
from mutau.report.exports import EXPORTS, export, point_yields
from mutau.report.hepdata import split_unit, to_yaml

MASS = np.geomspace(1e-3, 1.0, 7)
COUPLING = np.array([1e-4 / 3, 1e-4, 1e-5, 2e-4, 3e-4, np.inf, np.inf])
LIMIT = Exclusion(MASS, COUPLING, np.full(7, 1.2345678e-6), 0.9, "na64e", "lmu-ltau", "bayes",
                  {**provenance(seed=7), "alpha_d": 0.1, "mass_ratio": 3.0})  # fmt: skip
EDGES = np.array([0.0, 1.0, 2.0, 4.0])
FIGURE = Figure(
    "mu.fig4", 'Spectra: "yes", {all}', "$E_{Z'}$ [GeV]", "fraction per bin",
    (
        Series("10 MeV", EDGES, np.array([1e-5, 0.25, 1e22]), kind="steps",
               err=np.array([1e-7, 0.01, 0.0])),
        Series("exact: μ # 1", EDGES, np.array([0.1, 0.2, 0.3]), kind="steps", role="model"),
        Series("band", MASS, MASS, y2=2.0 * MASS, kind="band", role="preferred"),
        Series("of others", MASS, MASS, role="published", meta={"sources": ["CCFR:1991"]}),
    ),
    caption="Multi-line\ncaption: with colon",
)  # fmt: skip
HEATMAP = Figure("spot", "Spot", "x [cm]", "y [cm]",
                 (Series("", np.arange(4.0), np.arange(3.0), kind="heatmap",
                         z=np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),),
                 z_label="muons per cell")  # fmt: skip


@pytest.fixture(scope="module")
def yaml():
    return pytest.importorskip("yaml", reason="PyYAML is not installed")


@pytest.fixture
def submission(tmp_path, yaml):
    """Documents of submission.yaml, and tables by the name of their file."""
    export("hepdata", [LIMIT, FIGURE, HEATMAP], tmp_path / "out")
    text = (tmp_path / "out" / "submission.yaml").read_text(encoding="utf-8")
    head, *entries = yaml.safe_load_all(text)
    tables = {
        entry["data_file"]: yaml.safe_load((tmp_path / "out" / entry["data_file"]).read_text())
        for entry in entries
    }
    return head, entries, tables


#: HEPData's own checker, a program of its own (GPL), which we run where it is installed.
CHECKER = shutil.which("hepdata-validate")

#: The checker has its own packages; what leads our own program is not for it.
CLEAN = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def hepdata_says(folder):
    """HEPData's own checker on a folder."""
    words = [CHECKER, "--directory", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=CLEAN)


@pytest.mark.skipif(CHECKER is None, reason="hepdata-validate is not installed")
def test_hepdata_accepts_the_submission(tmp_path):
    export("hepdata", [LIMIT, FIGURE, HEATMAP, FIGURE], tmp_path)
    said = hepdata_says(tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    (tmp_path / "02-mu.fig4-1.yaml").write_text("dependent_variables: []\n")
    assert hepdata_says(tmp_path).returncode == 1


def test_a_limit_has_its_numbers_errors_and_qualifiers(submission):
    _, entries, tables = submission
    table = tables[entries[0]["data_file"]]
    (mass,), (limit,) = table["independent_variables"], table["dependent_variables"]
    assert mass["header"]["units"] == "GeV"
    assert [row["value"] for row in mass["values"]] == pytest.approx(MASS.tolist(), rel=1e-5)
    values = [row["value"] for row in limit["values"]]
    assert all(isinstance(value, float) for value in values[:5])  # 1e-05 is no text
    assert values[:5] == pytest.approx(COUPLING[:5].tolist(), rel=1e-5)
    assert values[5:] == ["-", "-"]  # nothing excluded
    assert limit["values"][0]["errors"] == [{"symerror": 1.23457e-6, "label": "numerical"}]
    qualifiers = {item["name"]: item["value"] for item in limit["qualifiers"]}
    assert qualifiers == {"CL": 90.0, "EXPERIMENT": "na64e", "MODEL": "lmu-ltau", "SEED": 7,
                          "LIMIT METHOD": "bayes", "ALPHA_D": 0.1, "MASS RATIO": 3.0}  # fmt: skip


def test_a_figure_gives_a_table_per_set_of_points_and_nothing_of_others(submission):
    head, entries, tables = submission
    assert "of others" in head["comment"]
    mine = [entry for entry in entries if entry.get("location") == "Figure mu.fig4"]
    assert [entry["name"] for entry in mine] == ["mu.fig4 (1 of 2)", "mu.fig4 (2 of 2)"]
    steps, band = (tables[entry["data_file"]] for entry in mine)
    (energy,) = steps["independent_variables"]
    assert energy["header"] == {"name": "$E_{Z'}$", "units": "GeV"}
    assert energy["values"][2] == {"low": 2.0, "high": 4.0}
    first, second = steps["dependent_variables"]
    assert first["values"][2]["value"] == 1e22
    assert first["values"][0]["errors"] == [{"symerror": 1e-7, "label": "statistical"}]
    assert second["qualifiers"] == [{"name": "SERIES", "value": "exact: μ # 1"}]
    lower, upper = band["dependent_variables"]
    assert lower["header"]["name"].endswith("lower end")
    assert [row["value"] for row in upper["values"]] == pytest.approx((2 * MASS).tolist(), rel=1e-5)


def test_a_heatmap_gives_two_axes(submission):
    _, entries, tables = submission
    table = tables[entries[-1]["data_file"]]
    x, y = table["independent_variables"]
    (content,) = table["dependent_variables"]
    cells = {
        (a["low"], b["high"]): c["value"]
        for a, b, c in zip(x["values"], y["values"], content["values"], strict=True)
    }
    assert cells[(0.0, 1.0)] == 1.0
    assert cells[(2.0, 1.0)] == 3.0
    assert cells[(1.0, 2.0)] == 5.0
    assert content["header"]["name"] == "muons per cell"


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1e-05, "b": 1e22, "c": -0.0, "d": 3, "e": "yes", "f": "1e-5", "g": "- x: [y]"},
        {"list": [{"x": 1.5, "more": [{"y": 1.0}, {"y": 2.0}]}, {"x": 2.5, "more": []}]},
        {"text": "line\nline, \"quoted\" \\ back 'single' # no comment", "none": {}},
        {"deep": {"a": {"b": {"c": ["x", "y"]}, "z": 1.0, "w": 2.0, "v": 3.0, "u": 4.0}}},
    ],
)
def test_yaml_is_read_back_as_it_was(value, yaml):
    assert yaml.safe_load(to_yaml(value)) == value


def test_units_of_labels():
    assert split_unit("$\\theta$ [mrad]") == ("$\\theta$", "mrad")
    assert split_unit("fraction") == ("fraction", "")


def test_a_limit_as_csv_is_a_curve_for_the_plane(tmp_path):
    path, errors = export("csv", [LIMIT], tmp_path)
    curve = load_curve(path)
    assert np.array_equal(curve.mass, MASS[:5])  # to the last digit
    assert np.array_equal(curve.coupling, COUPLING[:5])
    assert (curve.cl, curve.model, curve.excludes) == (0.9, "lmu-ltau", "above")
    assert "na64e" in curve.title
    lines = [line for line in errors.read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "mass_GeV,coupling,numerical_err"
    assert [float(x) for x in lines[1].split(",")] == [MASS[0], COUPLING[0], 1.2345678e-6]
    with pytest.raises(MutauError, match="at least two masses"):
        export("csv", [Exclusion(MASS, np.full(7, np.inf), 0.0 * MASS, 0.9, "a", "m", "b")],
               tmp_path)  # fmt: skip


def columns(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return np.genfromtxt(lines, delimiter=",", names=True)


def test_a_figure_as_csv(tmp_path):
    paths = export("csv", [FIGURE, HEATMAP], tmp_path)
    assert [path.name for path in paths] == ["01-10-MeV.csv", "02-exact-mu-1.csv", "03-band.csv",
                                             "04-of-others.csv", "01-series.csv"]  # fmt: skip
    steps = columns(paths[0])
    assert np.array_equal(steps["x_high"], EDGES[1:])
    assert np.array_equal(steps["err"], FIGURE.series[0].err)
    cells = columns(paths[-1])
    assert np.array_equal(cells["z"], [1, 2, 3, 4, 5, 6])
    assert np.array_equal(cells["y_low"], [0, 0, 0, 1, 1, 1])
    assert "# sources: ['CCFR:1991']" in paths[3].read_text()


def test_results_come_back_from_files_and_folders(tmp_path):
    (tmp_path / "limits").mkdir()
    LIMIT.save(tmp_path / "limits" / "a.npz")
    write_figures([FIGURE, HEATMAP], tmp_path / "figures.json")
    figure, heatmap, line = load_results([tmp_path])
    assert figure.to_dict() == FIGURE.to_dict()
    assert heatmap.to_dict() == HEATMAP.to_dict()
    assert np.array_equal(line.coupling, COUPLING)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="holds no results"):
        load_results([tmp_path / "empty"])
    with pytest.raises(FileError, match="there is no file"):
        load_results([tmp_path / "none.npz"])
    text = (tmp_path / "figures.json").read_text()
    assert text.count("1e-07") == 1
    (tmp_path / "figures.json").write_text(text.replace("1e-07", "1e-06"))  # an error of fig. 4
    with pytest.raises(FileError, match="its digest is another"):
        load_results([tmp_path])
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(FileError, match="no file of figures"):
        load_results([tmp_path / "other.json"])


@pytest.mark.compiled
def test_a_model_point_as_a_workspace_gives_the_same_limit(tmp_path):
    """Read back, the likelihood is the same: equal upper limits on the signal strength."""
    from mutau.stats import from_workspace, upper_limit

    results = point_yields(["muone"], LmuMinusLtau(0.1, 1e-4))
    path, metadata, _ = export("pyhf", results, tmp_path)
    workspace = json.loads(path.read_text())
    model = from_workspace(workspace)
    assert model.total == pytest.approx(results[0].total, rel=1e-12)
    assert path.name == "muone-0.1-0.0001.json"
    back, direct = upper_limit(model, cl=0.9), upper_limit(results[0], cl=0.9)
    assert back.strength == pytest.approx(direct.strength, rel=1e-3)
    beside = json.loads(metadata.read_text())
    ours = upper_limit(results[0])
    assert beside["upper_limit"]["strength"] == ours.strength
    assert beside["upper_limit"]["method"] == ours.method
    assert beside["mass_GeV"] == 0.1
    assert beside["digests"]["experiment"] == results[0].meta["digests"]["experiment"]
    with pytest.raises(MutauError, match="exclusion cannot become a workspace"):
        export("pyhf", [LIMIT], tmp_path)


def test_what_cannot_be_exported_is_said(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'hepdata'"):
        export("hepdat", [LIMIT], tmp_path)
    with pytest.raises(MutauError, match="nothing to export"):
        export("csv", [], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"cannot write into .*Not a directory"):
        export("csv", [LIMIT], tmp_path / "file")
    assert set(EXPORTS) == {"csv", "pyhf", "hepdata"}
    assert slug("M³ phase (π)") == "M3-phase-pi"
    assert slug("(?)") == "series"


def test_the_verb(cli, tmp_path):
    LIMIT.save(tmp_path / "line.npz")
    found = json.loads(cli("export", "csv", "line.npz", "-o", "out", "--json").out)
    assert found["format"] == "csv"
    assert all((tmp_path / name).exists() for name in found["files"])
    wrong = cli("export", "hepdat", "line.npz", "-o", "out")
    assert wrong.code == 2
    assert "did you mean 'hepdata'" in wrong.err
    wrong = cli("export", "pyhf", "muone", "-o", "out", "--mass", "0.1")
    assert wrong.code == 2
    assert "--coupling" in wrong.err
    wrong = cli("export", "csv", "muone", "-o", "out")
    assert wrong.code == 2
    assert "there is no file 'muone'" in wrong.err
