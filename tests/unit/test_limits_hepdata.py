"""Own curves as HEPData hands them out: YAML and CSV, units, columns, gaps, mistakes."""

import numpy as np
import pytest

from mutau.bounds import load_curve
from mutau.core.errors import FileError, MutauError, Problems
from mutau.core.types import Exclusion
from mutau.report.exports import export

yaml = pytest.importorskip("yaml", reason="needs the extra 'io'")

YAML = """\
# excludes: above
independent_variables:
- header: {name: Mass of the boson, units: MeV}
  values:
  - {value: 1}
  - {low: 4, high: 25}
  - {value: 100}
dependent_variables:
- header: {name: Observed limit on g}
  qualifiers:
  - {name: CL, value: 90, units: '%'}
  - {name: MODEL, value: lmu-ltau}
  values:
  - value: 1.0e-4
    errors:
    - {symerror: 1.0e-6, label: numerical}
  - {value: 2.0e-4}
  - {value: '-'}
- header: {name: Expected limit on g}
  values: [{value: 3.0e-4}, {value: 4.0e-4}, {value: 5.0e-4}]
"""

CSV = """\
#: table_doi: 10.17182/hepdata.0.v1/t1
#: name: Table 1
# cl: 0.95
"MASS [GEV]","MASS [GEV] LOW","MASS [GEV] HIGH","OBS LIMIT","error +","error -","EXP LIMIT"
0.1,0.05,0.15,1e-3,1e-4,-1e-4,2e-3
0.2,0.15,0.25,3e-3,1e-4,-1e-4,4e-3
"""


def write(folder, text, name):
    path = folder / name
    path.write_text(text)
    return path


def test_yaml_with_units_bins_errors_and_no_value(tmp_path):
    path = write(tmp_path, YAML, "table.yaml")
    found = load_curve(f"{path}#observed")
    assert found.mass == pytest.approx([1e-3, 1e-2])  # the bin by its geometric middle
    assert found.coupling.tolist() == [1e-4, 2e-4]  # the last point has no value
    assert (found.cl, found.model, found.excludes) == (0.9, "lmu-ltau", "above")
    assert found.title == "Observed limit on g"
    expected = load_curve(f"{path}#expected", cl=0.9)
    assert expected.coupling.tolist() == [3e-4, 4e-4, 5e-4]


def test_csv_of_the_download_button(tmp_path):
    path = write(tmp_path, CSV, "table.csv")
    found = load_curve(f"{path}#obs@coupling")
    assert found.mass.tolist() == [0.1, 0.2]
    assert found.coupling.tolist() == [1e-3, 3e-3]
    assert found.cl == 0.95
    assert load_curve(f"{path}#exp limit@coupling").coupling.tolist() == [2e-3, 4e-3]


def test_what_we_export_can_be_read_back(tmp_path):
    line = Exclusion(
        mass=np.array([0.01, 0.1, 1.0]), coupling=np.array([1e-4, 2e-4, np.inf]),
        numerical_err=np.array([1e-6, 1e-6, 0.0]), cl=0.9, experiment="na64mu",
        model="lmu-ltau", method="bayes", meta={"seed": 1},
    )  # fmt: skip
    paths = export("hepdata", [line], tmp_path / "out")
    (table,) = (path for path in paths if "limit-" in path.name)
    found = load_curve(table)
    assert found.mass.tolist() == [0.01, 0.1]
    assert found.coupling.tolist() == [1e-4, 2e-4]
    assert (found.cl, found.model) == (0.9, "lmu-ltau")


@pytest.mark.parametrize(
    ("old", "new", "error", "text"),
    [
        ("units: MeV", "units: cm", Problems, "has the unit 'cm'"),
        ("{value: 2.0e-4}", "{value: '-'}", None, ""),
        ("value: 1.0e-4", "value: soon", Problems, "point 1/coupling: 'soon' is not a number"),
        ("{value: 2.0e-4}", "{value: -1}", Problems, "point 2/coupling: -1 is not positive"),
        ("{value: 2.0e-4}", "{value: .nan}", Problems, "point 2/coupling: nan is not a finite"),
        ("{value: 1}", "{value: 50}", Problems, "point 2/mass_GeV: 0.01 is below the one before"),
        ("dependent_variables", "dependents", FileError, "cannot read .* as a HEPData table"),
        ("{value: 2.0e-4}", "2.0e-4", FileError, "cannot read .* as a HEPData table"),
        ("{value: 1}", "{low: 1}", FileError, "cannot read .* as a HEPData table"),
        ("independent", "  independent", FileError, "not a YAML file: "),
    ],
)
def test_mistakes_are_located(tmp_path, old, new, error, text):
    path = write(tmp_path, YAML.replace(old, new, 1), "table.yml")
    if error is None:  # two points without a value leave one
        error, text = Problems, "at least 2 are needed, not 1"
    with pytest.raises(error, match=text):
        load_curve(f"{path}#observed")


def test_a_gap_between_points_is_no_limit_across_it(tmp_path):
    text = YAML.replace("{value: 2.0e-4}", "{value: '-'}").replace(
        "- {value: '-'}\n- header", "- {value: 3.0e-4}\n- header"
    )
    with pytest.raises(Problems, match="point 2: has no value between points"):
        load_curve(f"{write(tmp_path, text, 't.yaml')}#observed")


def test_a_column_must_be_the_only_one(tmp_path):
    path = write(tmp_path, YAML, "table.yaml")
    for column, number in (("", 2), ("#limit", 2), ("#median", 0)):
        with pytest.raises(MutauError, match=f"has {number} columns.*say which"):
            load_curve(f"{path}{column}", cl=0.9)


def test_a_table_is_known_by_its_head_also_below_own_comments(tmp_path):
    # what the reader needs is written above the lines of HEPData
    path = tmp_path / "table.csv"
    own = "# excludes: above\n# model: lmu-ltau\n# title: mine\n"
    path.write_text(own + CSV)
    below = load_curve(f"{path}#OBS LIMIT@coupling")
    path.write_text(CSV.replace("# cl:", "# excludes: above\n# model: lmu-ltau\n# cl:"))
    there = load_curve(f"{path}#OBS LIMIT@coupling")
    np.testing.assert_array_equal(below.mass, there.mass)
    np.testing.assert_array_equal(below.coupling, there.coupling)
    assert below.title == "mine"
