"""Beam files: units used, columns told apart, and compared with the experiment that names them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mutau.analysis.show import check_result
from mutau.core.errors import FileError, MutauError, Problems
from mutau.detector.simulation import beam_source
from mutau.experiment import check_file, load_experiment, replace
from mutau.transport.beam_files import check_beam, read_beam

HEAD = "x_cm,y_cm,px_GeV,py_GeV,pz_GeV"
M3 = load_experiment("m3")


def write(folder, text, name="b.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def beam(folder, head=HEAD, x=0.0, p=15.0, more=""):
    """Three particles, p in the unit of the header."""
    row = f"{x},0,0,0,{p}{more}\n"
    return write(folder, f"{head}\n{row * 3}")


def with_beam(path):
    return replace(M3, "beam/phase_space", str(path))


def test_units_of_the_header_are_used(tmp_path):
    path = write(tmp_path, "x_mm, y_um, z_m, px_MeV, py_keV, pz_TeV\n10,20000,-1,30,4e5,0.015\n")
    found, _ = read_beam(path)
    assert {name: column.tolist() for name, column in found.items()} == {
        "x_cm": [1.0], "y_cm": [2.0], "z_cm": [-100.0], "px_GeV": [pytest.approx(0.03)],
        "py_GeV": [pytest.approx(0.4)], "pz_GeV": [15.0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD},x_cm\n0,0,0,0,15,1\n", "the column 'x_cm' stands twice"),
        (f"{HEAD},x_mm\n0,0,0,0,15,1\n", "the column 'x_cm' stands twice"),
        (f"{HEAD},weight\n0,0,0,0,15,0\n", "weight: all weights are 0"),
        (f"{HEAD},Weight\n0,0,0,0,15,2\n", "'Weight' is not used, but may change the number"),
        (f"{HEAD},w\n0,0,0,0,15,2\n", "'w' is not used"),
        (f"{HEAD},PDGid\n0,0,0,0,15,13\n", "'PDGid' is not used"),
        (f"{HEAD},status\n0,0,0,0,15,1\n", "'status' is not used"),
        (f"{HEAD}\n0,0,0,0,1_5\n", "row 1: pz_GeV: '1_5' is not a number"),
        ("x_kg,y_cm,px_GeV,py_GeV,pz_GeV\n0,0,0,0,15\n", "'x_kg': '1 kg' is not of dimension"),
        (f"# units: mm, GeV\n{HEAD}\n0,0,0,0,15\n", "units 'mm, GeV' are stated beside the header"),
        (f"# unit = MeV\n{HEAD}\n0,0,0,0,15\n", "units 'MeV' are stated beside the header"),
    ],
)
def test_what_would_change_the_number_is_refused(tmp_path, text, said):
    with pytest.raises(MutauError, match=said):
        read_beam(write(tmp_path, text))


def test_what_changes_nothing_is_passed_over(tmp_path):
    text = f"# units: cm and GeV\n{HEAD},detector,event\n0,0,0,0,15,hall A,7\n"
    assert sorted(read_beam(write(tmp_path, text))[0]) == sorted(HEAD.split(","))


def test_files_that_are_no_text(tmp_path):
    with pytest.raises(FileError, match=r"is not UTF-8 .*Latin-1"):
        read_beam(write(tmp_path, f"énergie,{HEAD}\n1,0,0,0,0,15\n", encoding="latin-1"))
    with pytest.raises(FileError, match="is longer than"):
        read_beam(write(tmp_path, HEAD + "\n" + "1" * 200_000))


@pytest.mark.parametrize("said", [{"units": "MeV"}, {"length_unit": "mm"}])
def test_units_that_the_metadata_of_a_parquet_file_contradict(tmp_path, said):
    """They stood unread beside the columns' names."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "b.parquet"
    names = ["x_cm", "y_cm", "px_GeV", "py_GeV", "pz_GeV"]
    rows = pa.table({name: [1.0, 2.0] for name in names})
    pq.write_table(rows.replace_schema_metadata({"units": "cm and GeV", "unity": "x"}), path)
    read_beam(path)
    pq.write_table(rows.replace_schema_metadata(said), path)
    with pytest.raises(MutauError, match="stated beside the header"):
        read_beam(path)


def test_parquet_units_types_and_names(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "b.parquet"
    names = ["x_mm", "y_cm", "px_MeV", "py_GeV", "pz_GeV"]

    def put(columns, units=None):
        fields = [
            pa.field(name, column.type, metadata={"unit": units[name]} if name in (units or {})
                     else None)
            for name, column in columns
        ]  # fmt: skip
        pq.write_table(
            pa.Table.from_arrays([c for _, c in columns], schema=pa.schema(fields)), path
        )
        return path

    plain = [(name, pa.array([1.0, 2.0])) for name in names]
    found, _ = read_beam(put(plain, {"x_mm": "mm"}))
    assert found["x_cm"].tolist() == [0.1, 0.2]
    assert found["px_GeV"].tolist() == [1e-3, 2e-3]
    with pytest.raises(MutauError, match="units 'cm' are stated beside the header, which says mm"):
        read_beam(put(plain, {"x_mm": "cm"}))
    with pytest.raises(MutauError, match="'py_GeV' holds string, not numbers"):
        read_beam(put([*plain[:3], ("py_GeV", pa.array(["1", "2"])), plain[4]]))
    with pytest.raises(MutauError, match="the column 'y_cm' stands twice"):
        read_beam(put([*plain, ("y_cm", pa.array([1.0, 2.0]))]))
    with pytest.raises(MutauError, match="nan is not finite"):
        read_beam(put([*plain[:4], ("pz_GeV", pa.array([1.0, None]))]))


def test_a_file_of_this_beam_passes(tmp_path):
    check_beam(with_beam(beam(tmp_path)))
    check_beam(M3)  # without a file there is nothing to compare


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"p": 15e3}, r"median momentum is 1.5e\+04 GeV, beam/energy is 15 GeV"),
        ({"p": 10.0}, "median momentum is 10 GeV"),
        ({"head": f"{HEAD},z_cm", "more": ",1000"}, "start at z = 1000 cm, behind the target"),
        ({"head": f"{HEAD},pdg", "more": ",-13"}, "is not the mu- of the beam"),
    ],
)
def test_a_file_of_another_beam_is_refused(tmp_path, change, said):
    item = with_beam(beam(tmp_path, **change))
    with pytest.raises(MutauError, match=said):
        check_beam(item)


def test_positions_in_another_unit_are_told_by_the_spot(tmp_path):
    """A spot of 1 cm written in mm is 10 cm: half of the particles lie more than 5 spots off."""
    rng = np.random.default_rng(1)
    rows = "".join(f"{10.0 * x},0,0,0,15\n" for x in rng.standard_normal(2000).tolist())
    path = str(write(tmp_path, f"{HEAD}\n{rows}"))
    item = replace(M3, {"beam/spot_x": "1 cm", "beam/phase_space": path})
    with pytest.raises(MutauError, match=r"more than 6.* cm from the middle in x, beam/spot_x is"):
        check_beam(item)
    head = HEAD.replace("x_cm", "x_mm")
    good = str(write(tmp_path, f"{head}\n{rows}", "good.csv"))
    check_beam(replace(item, "beam/phase_space", good))


def test_check_and_simulate_compare(tmp_path):
    path = tmp_path / "e.toml"
    beam(tmp_path, p=15e3)
    path.write_text(M3.to_toml().replace("[beam]\n", '[beam]\nphase_space = "b.csv"\n'))
    with pytest.raises(MutauError, match="median momentum"):
        check_result(str(path))
    layout = SimpleNamespace(setup=SimpleNamespace(start=0.0))
    with pytest.raises(MutauError, match=r"median momentum is 1.5e\+04 GeV"):
        beam_source(check_file(path), layout)
    beam(tmp_path)
    assert check_result(str(path))["experiment"] == "m3"


MAP = "x_cm,y_cm,z_cm,Bx_{u},By_{u},Bz_{u}\n" + "".join(
    f"{x},{y},{z},0,{{b}},0\n" for x in (-50, 50) for y in (-50, 50) for z in (-300, 300)
)


@pytest.mark.parametrize(
    ("unit", "value"), [("T", 1.4), ("G", 14e3), ("Gauss", 14e3), ("mT", 1400)]
)
def test_maps_in_gauss(tmp_path, unit, value):
    from mutau.experiment.field_maps import read_field_map

    found = read_field_map(write(tmp_path, MAP.format(u=unit, b=value)))
    assert found.strongest == pytest.approx(1.4)


def test_a_map_above_any_magnet(tmp_path):
    from mutau.experiment.field_maps import read_field_map

    with pytest.raises(MutauError, match="the field reaches 7000 T; allowed: 100 T"):
        read_field_map(write(tmp_path, MAP.format(u="T", b=7000)))
    text = "# units: mm, T\n" + MAP.format(u="T", b=1.4)
    with pytest.raises(MutauError, match="line 1: units 'mm, T' are stated beside the header"):
        read_field_map(write(tmp_path, text))
    scattered = "x_cm,y_cm,z_cm,Bx_T,By_T,Bz_T\n" + "".join(
        f"{i},{i},{i},0,1,0\n" for i in range(200)
    )
    with pytest.raises(MutauError, match="200 points have 200 x 200 x 200 different coordinates"):
        read_field_map(write(tmp_path, scattered))


def test_a_magnet_above_any_magnet():
    item = load_experiment("na64mu")
    with pytest.raises(Problems, match="is above any magnet's; check the unit"):
        replace(item, "detector/magnet[0]/field_integral", "7000 T m")


def test_an_experiment_may_not_name_a_device(tmp_path):
    path = tmp_path / "e.toml"
    path.write_text(M3.to_toml().replace("[beam]\n", '[beam]\nphase_space = "/dev/zero"\n'))
    with pytest.raises(Problems, match="there is no file '/dev/zero' that can be read"):
        check_file(path)
