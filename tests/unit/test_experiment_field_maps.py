"""Field maps of an experiment file: what is read, what is refused, and where."""

from __future__ import annotations

import numpy as np
import pytest

from mutau.core.errors import FileError, MutauError, Problems
from mutau.experiment import check_file, load_experiment
from mutau.experiment.field_maps import read_field_map, write_field_map

HEADER = "x_cm,y_cm,z_cm,Bx_T,By_T,Bz_T\n"


def grid_text(header=HEADER, planes=((-15, 15), (-6, 6), (-101, 0, 101)), b="0,-0.7,0"):
    points = [(x, y, z) for z in planes[2] for y in planes[1] for x in planes[0]]
    return header + "".join(f"{x},{y},{z},{b}\n" for x, y, z in points)


def read(tmp_path, text):
    path = tmp_path / "map.csv"
    path.write_text(text)
    return read_field_map(path)


def test_units_order_and_comments(tmp_path):
    """Millimetres, metres and kilogauss; columns and rows in any order."""
    lines = ["# measured", "Bz_kG,By_kG,Bx_kG,z_m,x_mm,y_cm", ""]
    points = [(x, y, z) for x in (150, -150) for y in (-6, 6) for z in (1.01, -1.01)]
    lines += [f"{z},-7,{x},{z},{x},{y}" for x, y, z in points]
    found = read(tmp_path, "\n".join(lines))
    assert found.x.tolist() == [-15.0, 15.0]
    assert found.z.tolist() == [-101.0, 101.0]
    np.testing.assert_allclose(found.b[1, 0, 0], [-15.0, -0.7, 0.101])
    assert found.axis_integral()[1] == pytest.approx(-0.7 * 202.0)
    assert found.axis_integral(0.0, 50.5)[1] == pytest.approx(-0.7 * 50.5)
    np.testing.assert_allclose(
        found.on_axis(np.array([0.0, 50.5])), [[0, -0.7, 0], [0, -0.7, 0.0505]]
    )


def test_what_is_written_comes_back(tmp_path):
    rng = np.random.default_rng(1)
    x, y, z = np.array([-1.0, 0.5, 2]), np.array([-3.0, 4]), np.array([0.0, 1, 5, 7])
    b = rng.normal(size=(4, 2, 3, 3))
    write_field_map(tmp_path / "m.csv", x, y, z, b)
    found = read_field_map(tmp_path / "m.csv")
    assert np.array_equal(found.b, b)
    assert np.array_equal(found.z, z)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("-15,6,0,0,-0.7,0\n", "", 1), r"a hole in the map: 1 of 2 x 2 x 3 poi"
         r"nts missing, the first at x = -15 cm, y = 6 cm, z = 0 cm"),
        (lambda t: t.replace("-15,6,0,0,-0.7", "-15,6,0,0,nan", 1), r"map.csv: line 8: By is not a "
         r"finite number: a hole in the map; measure or interpolate"),
        (lambda t: t.replace("-15,6,0,0,-0.7", "-15,6,0,0,inf", 1), "line 8: By is not a finite"),
        (lambda t: t.replace("-15,6,0,0,-0.7", "-15,6,0,0,", 1), "line 8: '' is not a number"),
        (lambda t: t.replace("-15,6,0,0,-0.7,0", "-15,6,0,0,-0.7", 1), "line 8: 5 values"),
        (lambda t: t + "15,-6,0,0,-0.6,0\n", r"line 14: the point x = 15 cm, y = -6 cm, z = 0 cm "
         "stands in line 7 already; keep one"),
        (lambda t: t.replace("By_T,", ""), "header: the column 'By' is missing"),
        (lambda t: t.replace("By_T", "By"), "header: the column 'By' is unknown"),
        (lambda t: t.replace("By_T", "By_cm"), "header: 'By_cm': '1 cm' is not of dimension field"),
        (lambda t: t.replace("By_T", "Bx_T"), "the column 'Bx' stands twice"),
        (lambda _: "# nothing\n", "the file is empty"),
        (lambda _: HEADER + "0,0,0,0,0,0\n", "the grid has 1 value of x; allowed: two at least"),
    ],
)  # fmt: skip
def test_maps_with_mistakes(tmp_path, change, message):
    with pytest.raises(MutauError, match=message):
        read(tmp_path, change(grid_text()))


def test_files_that_are_no_text(tmp_path):
    with pytest.raises(FileError, match="starts in the folder of the experiment file"):
        read_field_map(tmp_path / "absent.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="not a text file"):
        read_field_map(tmp_path / "b.csv")


def test_a_map_edited_in_place_is_read_again(tmp_path):
    one = read(tmp_path, grid_text())
    other = read(tmp_path, grid_text(b="0,-0.75,0"))
    assert one.digest != other.digest


def test_divergence(tmp_path):
    """By = g x, Bx = g y is free of it; with a wrong sign of one term nothing cancels."""
    axis = np.linspace(-10, 10, 5)
    gz, gy, gx = np.meshgrid(axis, axis, axis, indexing="ij")
    zero = np.zeros_like(gx)
    good = read_back(tmp_path, axis, np.stack([gx + gy, -2 * gy, gz], axis=-1))
    assert good.divergence == pytest.approx(0.0, abs=1e-12)
    bad = read_back(tmp_path, axis, np.stack([gx, gy, zero], axis=-1))
    assert bad.divergence == pytest.approx(2**0.5)
    assert bad.suspicious
    assert not good.suspicious
    flat = read_back(tmp_path, axis, np.stack([1e-5 * gx, zero + 1.0, zero], axis=-1))
    assert flat.divergence == 0.0


def read_back(tmp_path, axis, b):
    write_field_map(tmp_path / "m.csv", axis, axis, axis, b)
    return read_field_map(tmp_path / "m.csv")


# --- in an experiment file --------------------------------------------------------------------


@pytest.fixture
def write(tmp_path):
    """NA64mu beside a map; the magnet's lines changed."""
    (tmp_path / "ms2.csv").write_text(grid_text())

    def make(lines='field_map = "ms2.csv"', **changes):
        text = load_experiment("na64mu").to_toml()
        for old in ('field_integral = "1.4 T m"\n', 'bends_to = "-x"\n'):
            assert old in text
            text = text.replace(old, "")
        text = text.replace('name = "MS2"\n', f'name = "MS2"\n{lines}\n')
        for old, new in changes.items():
            text = text.replace(old, new)
        (tmp_path / "run.toml").write_text(text)
        return tmp_path / "run.toml"

    return make


def problems(path):
    with pytest.raises(Problems) as caught:
        check_file(path)
    return dict(caught.value.problems)


def test_the_path_counts_from_the_experiment_file(write, tmp_path, monkeypatch):
    path = write()
    monkeypatch.chdir("/")
    experiment = check_file(path)
    (magnet,) = experiment.detector.magnet
    assert magnet.field_map == str(tmp_path / "ms2.csv")
    assert magnet.integral == pytest.approx(141.4)
    assert magnet.deflection(160.0) == pytest.approx(0.299792458 * 1.414 / 160.0, rel=1e-5)


def test_mistakes_of_a_map_are_located(write, tmp_path):
    place = "detector/magnet[0]/field_map"
    (tmp_path / "ms2.csv").write_text(grid_text().replace("-15,6,0,0,-0.7,0\n", ""))
    assert "a hole in the map: 1 of 2 x 2 x 3" in problems(write())[place]
    (tmp_path / "ms2.csv").write_text(grid_text(planes=((-14, 14), (-6, 6), (-101, 101))))
    found = problems(write())
    assert "x from -14 to 14 cm does not fill the magnet, which needs -15 to 15 cm" in found[place]
    (tmp_path / "ms2.csv").write_text(grid_text(planes=((-15, 15), (-6, 6), (-90, 101))))
    assert "z from -90 to 101 cm does not fill" in problems(write())[place]
    (tmp_path / "ms2.csv").write_text(grid_text(b="0,0,0.7"))
    assert "the field on the axis bends nothing" in problems(write())[place]
    assert "cannot read" in problems(write('field_map = "other.csv"'))[place]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('field_map = "ms2.csv"\nbends_to = "-x"', "the map says all"),
        ('field_map = "ms2.csv"\nfringe = "10 cm"', "the map says all"),
        ('bends_to = "-x"', "`field_integral` is missing"),
        ('field_integral = "1 T m"', "`bends_to` is missing"),
        ('field_integral = "1 T m"\nbends_to = "-x"\nfield_scale = 2.0', "goes with a `field_map`"),
        ('field_map = "ms2.csv"\nfield_scale = 0.0', "leaves no field"),
    ],
)
def test_a_magnet_has_one_field(write, lines, message):
    assert message in problems(write(lines))["detector/magnet[0]"]


def test_an_experiment_keeps_the_map_that_it_was_loaded_with(write, tmp_path):
    """Edited afterwards, neither field nor digest of the experiment in memory follow."""
    path = write()
    first, asked_late = check_file(path), check_file(path)
    known = first.digest
    (tmp_path / "ms2.csv").write_text(grid_text(b="0,-0.75,0"))
    for item in (first, asked_late):
        assert item.detector.magnet[0].integral == pytest.approx(0.7 * 202.0)
        assert item.digest == known
    again = check_file(path)
    assert again.detector.magnet[0].integral == pytest.approx(0.75 * 202.0)
    assert again.digest != known
    assert again != first
    (tmp_path / "ms2.csv").unlink()
    assert first.detector.magnet[0].deflection(160.0) < again.detector.magnet[0].deflection(160.0)
