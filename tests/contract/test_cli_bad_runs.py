"""Bad files for NA64mu at the command line: one located line each, exit 2, nothing left.

Every mistake that the set-up, its field map, its beam file or a results folder can hold.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from mutau.experiment import load_experiment
from mutau.experiment.field_maps import write_field_map

pytestmark = pytest.mark.compiled

TEXT = load_experiment("na64mu").to_toml()
FIELD = 'field_integral = "1.4 T m"\nbends_to = "-x"\n'
MM4 = 'name = "MM4"\narm = "outgoing"\nz = "11.0 m"\nwidth = "25 cm"'
#: What stands in the file, what is written there instead, and what the message says.
MISTAKES = {
    "material": ('"lead-scintillator"', '"leed"', "target/material: material 'leed' is unknown"),
    "no unit": ('energy = "160 GeV"', "energy = 160", "beam/energy: 160 has no unit"),
    "dimension": ('energy = "160 GeV"', 'energy = "160 cm"', "beam/energy: '160 cm' is not of"),
    "key": ('spot_x = "0.9 cm"', 'spotx = "0.9 cm"', "did you mean 'spot_x'?"),
    "hall": ('z = "14.3 m"', 'z = "19 m"', "detector/counter[5]/z: 1900 cm is outside the hall"),
    "overlap": ('z = "16.0 m"', 'z = "15.0 m"',
                "detector/calorimeter[2]/z: 'HCAL2' overlaps 'HCAL1'"),
    "inside": ('z = "14.2 m"', 'z = "15.2 m"', "detector/counter[4]/z: 'V1' stands inside 'HCAL1'"),
    "gap": (MM4, MM4.replace("11.0 m", "10.5 m").replace("25 cm", "35 cm"),
            "detector/tracker[3]/x: 'MM4' reaches 17.5 cm from the middle of magnet 'MS2'"),
    "energy": ('energy = "160 GeV"', 'energy = "-160 GeV"', "beam/energy: "),
    "target": ('thickness = "40 X0"', 'thickness = "400 X0"', "target/thickness: the target's"),
    "fringe": (FIELD, FIELD + 'fringe = "50 cm"\n', "detector/magnet[MS2]: the fringe of magnet"),
    "two fields": (FIELD, FIELD + 'field_map = "good.csv"\n', "the map says all"),
    "cuts": ("max = 0.5", "max = -0.5\nmin = 0.5", "min = 0.5 is above max = -0.5"),
    "negative background": ("expected = 0", "expected = -1", "background[0]/expected: -1"),
}  # fmt: skip
MAPS = {
    "hole": "a hole in the map: 1 of 2 x 2 x 15 points missing, the first at x = 16 cm",
    "nan": "line 21: By is not a finite number: a hole in the map",
    "twice": "stands in line 6 already; keep one of the two",
    "small": "z from -60 to 60 cm does not fill the magnet",
    "solid": "reaches from 850 to 2000",
    "absent": "cannot read the field map",
}
BEAMS = {
    "missing": ("x_cm,y_cm,px_GeV,py_GeV\n0,0,0,0\n", "the column 'pz_GeV' is missing"),
    "nan": ("x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n0,nan,0,0,160\n", "row 1: y_cm: nan is not finite"),
    "text": ("x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n0,a,0,0,160\n", "'a' is not a number"),
    "empty": ("x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n", "the file holds no particles"),
    "back": ("x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n0,0,0,0,-9\n", "row 1: pz_GeV: -9"),
    "pion": ("x_cm,y_cm,px_GeV,py_GeV,pz_GeV,pdg\n0,0,0,0,9,211\n", "row 1: pdg: 211"),
    "absent": (None, "there is no file"),
}


@pytest.fixture
def assert_refused(cli, tmp_path):
    """Run a verb; it must end with 2, say `message` without a traceback, and leave no new file."""

    def call(message, *words):
        before = sorted(tmp_path.rglob("*"))
        result = cli(*words)
        assert result.code == 2, result.out + result.err
        assert message in result.err
        assert "Traceback" not in result.err
        assert result.out == "" or "--json" in words
        assert sorted(tmp_path.rglob("*")) == before

    return call


def good_map(tmp_path):
    z = np.arange(-140.0, 141.0, 20.0)
    b = np.zeros((len(z), 2, 2, 3))
    b[..., 1] = -0.5
    sides = np.array([-16.0, 16.0]), np.array([-6.0, 6.0])
    write_field_map(tmp_path / "good.csv", *sides, z, b)
    return (tmp_path / "good.csv").read_text().splitlines()


@pytest.mark.parametrize("name", MISTAKES)
def test_set_ups(name, assert_refused, tmp_path):
    old, new, message = MISTAKES[name]
    assert old in TEXT
    good_map(tmp_path)
    (tmp_path / "run.toml").write_text(TEXT.replace(old, new, 1))
    assert_refused(message, "check", "run.toml")
    assert_refused(message, "limit", "run.toml", "--mass", "0.1", "-o", "a.npz")
    assert_refused(message, "simulate", "run.toml", "-n", "100", "--workers", "1", "-o", "out")


@pytest.mark.parametrize("name", MAPS)
def test_field_maps(name, assert_refused, tmp_path):
    lines = good_map(tmp_path)
    if name == "hole":
        del lines[20]
    elif name == "nan":
        lines[20] = lines[20].replace("-0.5", "nan")
    elif name == "twice":
        lines.append(lines[5])
    elif name == "small":
        lines[1:] = [line for line in lines[1:] if abs(float(line.split(",")[2])) < 80.0]
    elif name == "solid":  # the last plane 10 m behind the magnet, within the HCAL
        lines = [line.replace(",140.0,", ",1010.0,") for line in lines]
    if name != "absent":
        (tmp_path / "map.csv").write_text("\n".join(lines) + "\n")
    text = TEXT.replace(FIELD, 'field_map = "map.csv"\n')
    (tmp_path / "run.toml").write_text(text)
    assert_refused(MAPS[name], "check", "run.toml")
    assert_refused(MAPS[name], "limit", "run.toml", "--mass", "0.1", "-o", "a.npz")


@pytest.mark.parametrize("name", BEAMS)
def test_beam_files(name, assert_refused, tmp_path):
    content, message = BEAMS[name]
    if content is not None:
        (tmp_path / "beam.csv").write_text(content)
    start, stop = TEXT.index("[[beam.parts]]"), TEXT.index("\n[target]")
    text = TEXT[:start] + TEXT[stop:]
    text = text.replace("[beam]\n", '[beam]\nphase_space = "beam.csv"\n')
    (tmp_path / "run.toml").write_text(text)
    assert_refused(message, "check", "run.toml")
    assert_refused(message, "simulate", "run.toml", "-n", "100", "--workers", "1", "-o", "out")


def test_results_of_another_file(assert_refused, cli, tmp_path):
    """A changed counter, a changed map, another number: refused, the difference shown."""
    lines = good_map(tmp_path)
    text = TEXT.replace(FIELD, 'field_map = "good.csv"\n')
    (tmp_path / "run.toml").write_text(text)
    words = ("simulate", "run.toml", "-n", "300", "--workers", "1", "--no-events", "-o", "out")
    assert json.loads(cli(*words, "--json").out)["beam_particles"] == 300
    assert_refused("already holds results of this work; add --resume", *words)
    assert_refused("n: 300 there, 400 now", *words[:3], "400", *words[4:], "--resume")
    (tmp_path / "good.csv").write_text("\n".join(lines).replace("-0.5", "-0.51") + "\n")
    assert_refused("field_map_digest[MS2]: '", *words, "--resume")
    (tmp_path / "good.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "run.toml").write_text(text.replace('x = "-14.8 cm"', 'x = "-15.8 cm"'))
    assert_refused("detector/counter[S4]/x: '-14.8 cm' there, '-15.8 cm' now", *words, "--resume")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("limit", "na64mu", "--mass", "-0.1"), "mass"),
        (("limit", "na64mu", "--mass", "80"), "mass = 80 GeV is not taken by na64mu"),
        (("limit", "na64mu", "--mass", "0.1", "--background", "all"), "background 'all'"),
        (("limit", "muone", "--mass", "0.1", "--full-chain"), "muone has no full simulation"),
        (("limit", "na64mu", "--mass", "0.1", "-o", "no/such/a.npz"), "no/such/a.npz"),
        (("yields", "na64mu", "--mass", "0.1", "--coupling", "1e-4", "--truth", "--full-chain"),
         "the full chain has no truth level"),
        (("sensitivity", "na64mu", "--mass", "0.1", "--exposure", "0"), "0 particles on target"),
        (("sensitivity", "na64mu", "--mass", "0.1", "--exposure", "nan"), "nan particles"),
        (("sensitivity", "na64mu", "--mass", "0.1", "--exposure", "1e12:1e9:4"),
         "--exposure: the range '1e12:1e9:4' does not rise"),
        (("sensitivity", "na64mu", "--mass", "0.1", "--exposure", "1e9:1e13:1000000000000"),
         "--exposure: '1e9:1e13:1000000000000' is not a range; allowed: 2 to"),
        (("combine", "na64mu", "m3", "--mass", "0.01", "--model", "dark-photon"),
         "decays visibly only"),
        (("sensitivity", "na64mu", "--mass", "0.1", "--exposure", "many"), "--exposure: 'many'"),
        (("sensitivity", "muone", "--mass", "0.1", "--exposure", "1e12", "--full-chain",
          "--background", "none"), "muone has no full simulation"),
        (("simulate", "na64mu", "-n", "0", "-o", "out"), "-n"),
        (("simulate", "na64mu", "-n", "ten", "-o", "out"), "'ten' is not a whole number from 1 on"),
        (("discover", "na64mu", "--mass", "0.1", "--coupling", "1e-4", "--contours",
          "--levels", "68"), "--levels: 68 is no confidence level; write 0.68 for 68 %"),
        (("simulate", "na64mu", "-n", "1e13", "-o", "out"), "GB are free"),
        (("simulate", "na64mu", "-n", "100", "--keep", "some", "-o", "out"), "some"),
        (("simulate", "na64e", "-n", "100", "--workers", "1", "-o", "out"), "muons"),
        (("simulate", "na64mu", "-n", "100", "--mass", "-1", "-o", "out"), "mass"),
        (("simulate", "na64mu", "-n", "100", "--mass", "200", "-o", "out"), "mass"),
    ],
)  # fmt: skip
def test_command_lines(words, message, assert_refused):
    assert_refused(message, *words)
