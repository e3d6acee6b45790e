"""Scan files and shards: points in order, located refusals, one writer, same work only."""

import io
import json
import subprocess
import sys
import time
import tracemalloc

import pytest

from mutau.core.errors import MutauError, Problems
from mutau.experiment import load_experiment
from mutau.scan.executors import serial
from mutau.scan.grid import LogRange, all_points, load_grid
from mutau.scan.points import run_scan, write_csv
from mutau.scan.shards import locked, run_shards, shard_path

NA64MU = load_experiment("na64mu").to_toml()
TEXT = """
schema = 1
name = "exposure"
task = "limit"
experiment = "na64mu"
events = 400
[grid]
mass = "10MeV:1GeV:3"
alpha_d = [0.0, 0.1]
"experiment/beam/particles" = [1e10, 1e11]
"""


def results_of(*args, **options):
    with run_shards(*args, **options) as parts:
        return list(parts)


def to_csv(rows):
    text = io.StringIO()
    write_csv(rows, text)
    return text.getvalue()


def write(folder, text=TEXT):
    path = folder / "scan.toml"
    path.write_text(text)
    return path


def test_points_are_the_product_in_order(tmp_path):
    grid = load_grid(write(tmp_path))
    points = [grid.point(i) for i in range(len(grid))]
    assert points == all_points(grid)
    assert len(points) == 12
    assert points[1] == {"mass": 0.01, "alpha_d": 0.0, "experiment/beam/particles": 1e11}
    assert points[4]["mass"] == pytest.approx(0.1)


def test_a_range_of_a_billion_points_takes_no_memory(tmp_path):
    text = TEXT.replace("10MeV:1GeV:3", "10MeV:1GeV:1000000000")
    tracemalloc.start()
    grid = load_grid(write(tmp_path, text))
    number, last = len(grid), grid.point(len(grid) - 1)
    digest = grid.digest()
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    assert number == 4_000_000_000
    assert last == {"mass": 1.0, "alpha_d": 0.1, "experiment/beam/particles": 1e11}
    assert grid.point(2_000_000_000)["mass"] == pytest.approx(0.1, rel=1e-6)
    assert digest != load_grid(write(tmp_path, text.replace("10MeV", "20MeV"))).digest()


def test_long_and_short_ranges_hold_the_same_numbers():
    steps = LogRange(1e-3, 1.0, 60)
    ratio = 1000.0 ** (1.0 / 59.0)
    assert list(steps) == [*(1e-3 * ratio**i for i in range(59)), 1.0]
    assert steps[-1] == 1.0
    assert steps[2:4] == (steps[2], steps[3])
    with pytest.raises(IndexError):
        steps[60]


def test_a_range_has_the_unit_of_its_axis(tmp_path):
    """Masses are energies, what belongs to the experiment is as in its file, the rest is plain."""
    text = TEXT.replace("[0.0, 0.1]", '"1e-3:0.1:3"').replace(
        '"experiment/beam/particles" = [1e10, 1e11]',
        '"experiment/beam/particles" = "1e9:1e11:3"\n'
        'coupling = "1e-4:1e-2:3"\n"experiment/target/thickness" = "10 X0:40 X0:3"',
    )
    axes = dict(load_grid(write(tmp_path, text)).axes)
    assert axes["mass"] == pytest.approx((0.01, 0.1, 1.0))
    assert axes["alpha_d"] == pytest.approx((1e-3, 1e-2, 0.1))
    assert axes["coupling"] == pytest.approx((1e-4, 1e-3, 1e-2))
    assert axes["experiment/beam/particles"] == pytest.approx((1e9, 1e10, 1e11))
    assert axes["experiment/target/thickness"] == ("10.0 X0", "20.0 X0", "40.0 X0")
    with pytest.raises(Problems, match=r"grid/coupling: '1 MeV' is no number; coupling has no uni"):
        load_grid(write(tmp_path, text.replace("1e-4:1e-2:3", "1 MeV:1e-2:3")))


@pytest.mark.parametrize(
    ("old", "new", "address"),
    [
        ('"limit"', '"limits"', "task"),
        ("10MeV:1GeV:3", "10MeV:1GeV:1", "grid/mass"),
        ("10MeV:1GeV:3", "10 cm:1GeV:3", "grid/mass"),
        ("[0.0, 0.1]", "[]", "grid/alpha_d"),
        ("[0.0, 0.1]", "[nan]", "grid/alpha_d"),
        ("alpha_d", "alpha", "grid/alpha"),
        ("schema = 1", "schema = 2", "schema"),
        ("events", "event", "event"),
        ("mass =", "coupling =", "grid"),
        ('name = "exposure"', "", "name"),
        ('name = "exposure"', "name = 5", "name"),
        ('"na64mu"', "5", "experiment"),
        ("400", "-400", "events"),
        ("400", "1.5", "events"),
        ("schema = 1", 'schema = 1\nseed = "a"', "seed"),
        ("schema = 1", "schema = 1\nseed = -1", "seed"),
        ("schema = 1", "schema = 1\nseed = true", "seed"),
        ("schema = 1", "schema = 1\ncl = 90", "cl"),
        ("[0.0, 0.1]", "[true]", "grid/alpha_d"),
        ("[0.0, 0.1]", '"1MeV:1GeV:3"', "grid/alpha_d"),
        ("[0.0, 0.1]", '"0:0.1:3"', "grid/alpha_d"),
        ("[0.0, 0.1]", '"0.01:0.1:\u00b2"', "grid/alpha_d"),
        ("[0.0, 0.1]", '["0.1 GeV"]', "grid/alpha_d"),
        ("[1e10, 1e11]", '"1e10:1 cm:3"', "grid/experiment/beam/particles"),
        ("[1e10, 1e11]", '"1e10:1e11:1e3"', "grid/experiment/beam/particles"),
        ("10MeV:1GeV:3", "10MeV:1GeV:" + "9" * 30, "grid/mass"),
        ("10MeV:1GeV:3", f"10MeV:1GeV:{10**15}", "grid"),
    ],
)
def test_mistakes_are_located(tmp_path, old, new, address):
    with pytest.raises(Problems) as caught:
        load_grid(write(tmp_path, TEXT.replace(old, new)))
    assert address in [place for place, _ in caught.value.problems]


def test_results_resume_without_computing_twice(tmp_path):
    calls = []

    def work(index):
        calls.append(index)
        if index == 3 and len(calls) < 5:
            raise KeyboardInterrupt
        return index**2

    manifest = {"kind": "squares"}
    with pytest.raises(KeyboardInterrupt):
        results_of(tmp_path / "r", manifest, 6, work)
    with pytest.raises(MutauError, match="--resume"):
        results_of(tmp_path / "r", manifest, 6, work)
    results = results_of(tmp_path / "r", manifest, 6, work, resume=True)
    assert results == [0, 1, 4, 9, 16, 25]
    assert sorted(calls) == [0, 1, 2, 3, 3, 4, 5]


def test_other_work_in_the_folder_is_refused_with_the_difference(tmp_path):
    results_of(tmp_path / "r", {"kind": "a", "n": 1}, 2, abs)
    with pytest.raises(MutauError, match="n: 1 there, 2 now"):
        results_of(tmp_path / "r", {"kind": "a", "n": 2}, 2, abs, resume=True)


def test_two_writers_are_refused(tmp_path):
    def work(index):
        with pytest.raises(MutauError, match="another process is writing"):
            results_of(tmp_path / "r", {"kind": "a"}, 1, abs, resume=True)
        return index

    assert results_of(tmp_path / "r", {"kind": "a"}, 1, work) == [0]


def test_order_of_completion_does_not_matter(tmp_path):
    def backwards(work, indices):
        return serial(work, indices[::-1])

    forth = results_of(tmp_path / "a", {}, 5, float)
    back = results_of(tmp_path / "b", {}, 5, float, executor=backwards)
    assert forth == back == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_csv_states_units_and_empties():
    text = to_csv([{"mass": 0.1, "coupling_upper_limit": None, "numerical_err": 0.0}])
    assert text == "mass_GeV,coupling_upper_limit,numerical_err\n0.1,,0.0\n"
    assert to_csv([{"mass": 0.1, "experiment/x": "1,2"}]) == 'mass_GeV,experiment/x\n0.1,"1,2"\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@sum", "\t=1"])
def test_a_text_is_no_formula_of_a_spreadsheet(text):
    assert f"'{text}" in to_csv([{"mass": -0.1, "name": text}])
    assert "\n-0.1," in to_csv([{"mass": -0.1, "name": text}])


@pytest.mark.compiled
def test_a_huge_scan_asks_first(cli, tmp_path):
    text = TEXT.replace("10MeV:1GeV:3", "10MeV:1GeV:300000000")
    text = text.replace('mass = "10MeV:1GeV:300000000"', "mass = [0.1]").replace(
        "[0.0, 0.1]", str([i / 4000 for i in range(4000)])
    )
    write(tmp_path, text.replace("[1e10, 1e11]", str([1e10 + i for i in range(3000)])))
    result = cli("scan", "scan.toml", "-o", "out")
    assert result.code == 2
    assert "hours" in result.err
    assert "--yes" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.compiled
def test_a_scan_with_other_charges_is_another(tmp_path, monkeypatch):
    """The path stays, the file is edited: points of the two must not stand in one table."""
    charges = tmp_path / "mine.toml"
    text = 'schema = 1\nname = "mine"\nsource = "test"\n[charges]\nmu = 1.0\nnumu = 1.0\n'
    charges.write_text(text)
    grid = load_grid(write(tmp_path, TEXT.replace("events = 400", f'model = "charges:{charges}"')))
    monkeypatch.setattr("mutau.scan.points.compute_point", lambda *args: dict(args[2]))
    run_scan(grid, tmp_path / "out", consent=True)
    run_scan(grid, tmp_path / "out", consent=True, resume=True)
    charges.write_text(text.replace("mu = 1.0\n", "mu = 2.0\n", 1))
    with pytest.raises(MutauError, match=r"other work.*mine.toml"):
        run_scan(grid, tmp_path / "out", consent=True, resume=True)


@pytest.mark.compiled
def test_an_edited_file_on_an_axis_is_refused(tmp_path, monkeypatch):
    """What stands in the files of an axis counts, whether edited between two runs or meanwhile."""
    beam = "x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n0,0,0,0,160\n"
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(beam)
    start, stop = NA64MU.index("[[beam.parts]]"), NA64MU.index("\n[target]")
    document = NA64MU[:start] + NA64MU[stop:]
    document = document.replace("[beam]\n", '[beam]\nphase_space = "a.csv"\n')
    (tmp_path / "run.toml").write_text(document)
    text = TEXT.replace('"na64mu"', f'"{tmp_path}/run.toml"').replace(
        '"experiment/beam/particles" = [1e10, 1e11]',
        f'"experiment/beam/phase_space" = ["{tmp_path}/a.csv", "{tmp_path}/b.csv"]',
    )
    grid = load_grid(write(tmp_path, text))
    monkeypatch.setattr("mutau.scan.points.compute_point", lambda *args: dict(args[2]))
    run_scan(grid, tmp_path / "out", consent=True)
    run_scan(grid, tmp_path / "out", consent=True, resume=True)
    (tmp_path / "b.csv").write_text(beam.replace("160", "150"))
    with pytest.raises(
        MutauError, match=r"other work \(file\[.*b\.csv\]: '\w+' there, '\w+' now\)"
    ):
        run_scan(grid, tmp_path / "out", consent=True, resume=True)

    def edit(*_):
        (tmp_path / "a.csv").write_text(beam + "0,0,0,0,150\n")
        return {}

    monkeypatch.setattr("mutau.scan.points.compute_point", edit)
    with pytest.raises(MutauError, match=r"a\.csv' was changed while the scan ran"):
        run_scan(grid, tmp_path / "new", consent=True)
    assert not list((tmp_path / "new/shards").iterdir())


@pytest.mark.compiled
def test_the_folder_is_looked_at_first(tmp_path, monkeypatch):
    """Other work, its lines named; results of nobody; a manifest of another program; a lock."""
    monkeypatch.setattr("mutau.scan.points.compute_point", lambda *args: dict(args[2]))
    run_scan(load_grid(write(tmp_path)), tmp_path / "out", consent=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/results.csv").write_text("mine")
    for name, content in (("list", "[1]"), ("text", "hallo"), ("bytes", "\x00")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(content)
    (tmp_path / "folder/manifest.json").mkdir(parents=True)
    monkeypatch.setattr("mutau.scan.points.duration", lambda *_: pytest.fail("computed"))
    before = sorted(tmp_path.rglob("*"))
    other = load_grid(write(tmp_path, TEXT.replace("0.1]", "0.2]").replace("400", "500")))
    with pytest.raises(MutauError, match=r"events: 400 there, 500 now; grid: .*; grid/alpha_d: "):
        run_scan(other, tmp_path / "out", resume=True)
    with pytest.raises(MutauError, match="add --resume"):
        run_scan(load_grid(write(tmp_path)), tmp_path / "out")
    with pytest.raises(MutauError, match="not what it belongs to"):
        run_scan(other, tmp_path / "mine")
    for name in ("list", "text", "bytes", "folder"):
        with pytest.raises(MutauError, match="is damaged"):
            run_scan(other, tmp_path / name, resume=True)
    with locked(tmp_path / "out"), pytest.raises(MutauError, match="another process is writing"):
        run_scan(other, tmp_path / "out", resume=True)
    with pytest.raises(MutauError, match="cannot write into"):
        run_scan(other, tmp_path / "scan.toml")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1GeV", "50GeV", "50 GeV is not taken by na64mu"),
        ("10MeV:1GeV:3", "10MeV:50GeV:1000000000", "50 GeV is not taken by na64mu"),
        ("[1e10, 1e11]", '[1e10, "160 GeV"]', "beam/particles"),
        ("[0.0, 0.1]", "[0.0, -0.1]", "alpha_d = -0.1"),
        ("events = 400", 'model = "zprime"', "model 'zprime' is unknown"),
        ("events = 400", 'method = "guess"', "method 'guess' is unknown"),
        ("events = 400", 'model = "dark-photon"', "decays visibly only"),
    ],
)
def test_a_bad_last_point_is_refused_before_the_first(tmp_path, monkeypatch, old, new, message):
    grid = load_grid(write(tmp_path, TEXT.replace(old, new)))
    monkeypatch.setattr("mutau.scan.points.compute_point", lambda *_: pytest.fail("computed"))
    with pytest.raises(MutauError, match=message):
        run_scan(grid, tmp_path / "out", consent=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.compiled
def test_killed_scan_goes_on(tmp_path):
    """kill -9 in the middle, then --resume: the table of an undisturbed run, no shard redone."""
    text = TEXT.replace("10MeV:1GeV:3", "10MeV:1GeV:12").replace("events = 400", "events = 9000")
    write(tmp_path, text)
    words = [sys.executable, "-m", "mutau", "scan", "scan.toml", "--workers", "1", "--json"]
    process = subprocess.Popen([*words, "-o", "killed"], cwd=tmp_path, stdout=subprocess.PIPE)
    first = shard_path(tmp_path / "killed", 1)
    deadline = time.monotonic() + 120
    while not first.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    shards = sorted((tmp_path / "killed" / "shards").glob("*.json"))
    assert 2 <= len(shards) < 6
    stamps = {path: path.stat().st_mtime_ns for path in shards}
    subprocess.run(
        [*words, "-o", "killed", "--resume"], cwd=tmp_path, check=True, capture_output=True
    )
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    whole = [*words[:-3], "--workers", "2", "--json", "-o", "whole"]
    done = subprocess.run(whole, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["points"] == 48
    assert (tmp_path / "whole/results.csv").read_bytes() == (
        tmp_path / "killed/results.csv"
    ).read_bytes()
