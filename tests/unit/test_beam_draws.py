"""The beam: moments of its parts by hand, phase-space files and their located errors."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mutau.core.errors import FileError, MutauError, Problems
from mutau.core.random import stream
from mutau.detector.simulation import beam_source
from mutau.experiment.loader import from_document
from mutau.transport.beam import described_beam
from mutau.transport.beam_files import REQUIRED, file_beam, read_beam

WHY = {"because": "test"}
N = 40_000


def experiment(parts=(), **beam):
    return from_document(
        {
            "schema": 1,
            "name": "test",
            "source": "test",
            "beam": {"particle": "mu-", "energy": "160 GeV", "particles": 1.0, **beam, **WHY}
            | ({"parts": [part | WHY for part in parts]} if parts else {}),
            "target": {"material": "lead", "thickness": "1 cm", "z": "4 m"} | WHY,
        },
        "test",
    )


def draw(parts=(), n=N, face=400.0, **beam):
    return described_beam(experiment(parts, **beam).beam, face)(n, stream(1), 0)


def test_a_gaussian_part_has_the_stated_moments():
    """rms, correlation and spread within four standard errors, 1/sqrt(2N) = 0.35 %."""
    part = {
        "name": "core", "share": 1.0, "energy_spread": "3 %", "spot_x": "0.9 cm",
        "spot_y": "1.9 cm", "divergence_x": "0.4 mrad", "divergence_y": "0.8 mrad",
        "correlation_x": -0.458, "correlation_y": -0.907,
    }  # fmt: skip
    beam = draw([part])
    for values, rms in ((beam.x, 0.9), (beam.y, 1.9), (beam.slope_x, 4e-4), (beam.slope_y, 8e-4)):
        assert values.std() == pytest.approx(rms, rel=0.014)
    assert np.corrcoef(beam.x, beam.slope_x)[0, 1] == pytest.approx(-0.458, abs=0.016)
    assert np.corrcoef(beam.y, beam.slope_y)[0, 1] == pytest.approx(-0.907, abs=0.004)
    assert beam.momentum.std() / beam.momentum.mean() == pytest.approx(0.03, rel=0.014)
    # converging: y is smallest where y and y' are uncorrelated, 1.9 * 0.907/0.8e-3 = 2154 cm on,
    # and 1.9 sqrt(1 - 0.907^2) = 0.80 cm there
    assert beam.at(400.0 + 2154.0).y.std() == pytest.approx(0.800, rel=0.014)


def test_the_spot_alone_is_one_uncorrelated_part():
    beam = draw(spot_x="1 cm", divergence_x="1 mrad", energy_spread="1 %")
    assert beam.x.std() == pytest.approx(1.0, rel=0.014)
    assert abs(np.corrcoef(beam.x, beam.slope_x)[0, 1]) < 0.02
    assert beam.y.std() == 0.0
    assert np.all(beam.weight == 1.0)


def test_shares_rings_and_tails():
    """A ring filled evenly has <r^2> = (r1^2 + r2^2)/2; a flat tail from 20 to 160 has mean 90."""
    parts = [
        {"name": "core", "share": 0.8, "spot_x": "1 cm"},
        {"name": "halo", "share": 0.2, "inner": "3 cm", "outer": "15 cm", "tail": 1.0,
         "tail_min": "20 GeV"},
    ]  # fmt: skip
    beam = draw(parts)
    halo = beam.part == 1
    assert halo.mean() == pytest.approx(0.2, abs=0.008)
    radius2 = beam.x[halo] ** 2 + beam.y[halo] ** 2
    assert radius2.min() >= 9.0
    assert radius2.max() <= 225.0
    assert radius2.mean() == pytest.approx(0.5 * (9.0 + 225.0), rel=0.03)
    assert beam.momentum[halo].min() >= 20.0
    assert beam.momentum[halo].mean() == pytest.approx(90.0, abs=1.8)


def test_dispersion_shifts_soft_particles():
    """80 GeV instead of 160: p0/p - 1 = 1, so x moves by the dispersion, y' by its angle."""
    part = {"name": "soft", "share": 1.0, "energy": "80 GeV", "dispersion_x": "2 cm",
            "dispersion_angle_y": "3 mrad"}  # fmt: skip
    beam = draw([part], n=10)
    assert beam.x == pytest.approx(np.full(10, 2.0), rel=1e-5)
    assert beam.slope_y == pytest.approx(np.full(10, 3e-3), rel=1e-5)


@pytest.mark.parametrize(
    ("beam", "message"),
    [
        ({"parts": [{"name": "a", "share": 0.5} | WHY]}, "sum to 0.5"),
        (
            {"parts": [{"name": "a", "share": 1.0, "outer": "2 cm", "inner": "3 cm"} | WHY]},
            "not below outer",
        ),
        (
            {"parts": [{"name": "a", "share": 1.0, "outer": "2 cm", "spot_x": "1 cm"} | WHY]},
            "keep one",
        ),
        (
            {"parts": [{"name": "a", "share": 1.0} | WHY], "phase_space": "b.csv"},
            "keep one",
        ),
    ],
)
def test_impossible_beams_are_refused(beam, message):
    with pytest.raises(Problems, match=message):
        experiment(**beam)


def columns(n=5):
    rng = np.random.default_rng(2)
    data = {name: rng.standard_normal(n) for name in REQUIRED}
    data["pz_GeV"] = np.full(n, 100.0)
    return data


def write_csv(path, data):
    rows = zip(*(values.tolist() for values in data.values()), strict=True)
    path.write_text("\n".join([",".join(data), *(",".join(map(repr, row)) for row in rows)]) + "\n")


def test_csv_parquet_and_repetition_agree(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    data = columns() | {"z_cm": np.full(5, -100.0), "weight": np.arange(5.0)}
    write_csv(tmp_path / "beam.csv", data)
    pq.write_table(pa.table(data), tmp_path / "beam.parquet")
    for name in ("beam.csv", "beam.parquet"):
        beam = file_beam(tmp_path / name, 0.0)(12, stream(1), 3)
        rows = (3 + np.arange(12)) % 5
        slope = data["px_GeV"] / 100.0
        assert beam.x == pytest.approx((data["x_cm"] + 100.0 * slope)[rows], abs=1e-12)
        assert beam.weight.tolist() == [float(r) for r in rows]
        p = np.sqrt(data["px_GeV"] ** 2 + data["py_GeV"] ** 2 + 1e4)
        assert beam.momentum == pytest.approx(p[rows])


def test_event_files_serve_as_beam(tmp_path):
    pytest.importorskip("pyhepmc")
    from mutau.core.types import Events
    from mutau.io.event_files import write_events

    p4 = np.array([[160.0, 0.0, 0.0, 160.0], [160.0, 0.1, 0.0, 159.9999]])
    events = Events(
        pdg=np.array([13, 13], np.int32), event=np.array([0, 0]),
        status=np.array([-1, 1], np.int8), p4=p4, x4=np.tile([0.0, 1.0, 2.0, 3.0], (2, 1)),
        weight=np.ones(2),
    )  # fmt: skip
    for name in ("beam.hepmc", "beam.parquet"):
        write_events(events, tmp_path / name)
        found, _ = read_beam(tmp_path / name)
        assert found["px_GeV"] == pytest.approx([0.1])
        assert (found["x_cm"][0], found["y_cm"][0], found["z_cm"][0]) == pytest.approx((1, 2, 3))


def test_missing_columns_and_nan_are_located(tmp_path):
    data = columns()
    path = tmp_path / "beam.csv"
    path.write_text("x_cm,y_cm,px_GeV,py_GeV\n0,0,0,0\n")
    with pytest.raises(MutauError, match=r"beam.csv: header: the column 'pz_GeV' is missing"):
        read_beam(path)
    data["y_cm"][3] = np.nan
    write_csv(path, data)
    with pytest.raises(MutauError, match=r"beam.csv: row 4: y_cm: nan is not finite"):
        read_beam(path)
    path.write_text("x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n0,0,0,0,1O0\n")
    with pytest.raises(MutauError, match=r"row 1: pz_GeV: '1O0' is not a number"):
        read_beam(path)
    path.write_text("x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n0,0,0,0\n")
    with pytest.raises(MutauError, match=r"row 1: 4 values, 5 columns"):
        read_beam(path)


def test_wrong_particles_and_files_are_refused(tmp_path):
    data = columns()
    path = tmp_path / "beam.csv"
    write_csv(path, data | {"pdg": np.array([13.0, 13.0, 211.0, 13.0, 13.0])})
    with pytest.raises(MutauError, match=r"row 3: pdg: 211"):
        read_beam(path)
    write_csv(path, data | {"pdg": np.array([13.0, 13.0, 13.0, -13.0, 13.0])})
    assert len(read_beam(path)[0]["pdg"]) == 5
    for call in (lambda: read_beam(path, "mu-"), lambda: file_beam(path, 0.0, "mu-")):
        with pytest.raises(MutauError, match=r"row 4: pdg: -13 \(1 such rows\) is not the mu-"):
            call()
    with pytest.raises(MutauError, match=r"row 1: pdg: 13 \(4 such rows\) is not the mu\+"):
        read_beam(path, "mu+")
    write_csv(path, data)
    assert "pdg" not in read_beam(path, "mu+")[0]  # a file that does not say is believed
    backwards = data | {"pz_GeV": np.array([100.0, -1.0, 100.0, 100.0, 100.0])}
    write_csv(path, backwards)
    with pytest.raises(MutauError, match=r"row 2: pz_GeV: -1"):
        read_beam(path)
    write_csv(path, data | {"weight": np.array([1.0, 1.0, -2.0, 1.0, 1.0])})
    with pytest.raises(MutauError, match=r"row 3: weight: -2"):
        read_beam(path)
    with pytest.raises(FileError, match="there is no file"):
        read_beam(tmp_path / "none.csv")
    with pytest.raises(FileError, match="not the name of a phase-space file"):
        read_beam(tmp_path / "beam.txt")
    (tmp_path / "beam.parquet").write_text("no table")
    with pytest.raises(FileError, match="not a readable Parquet file"):
        read_beam(tmp_path / "beam.parquet")


def test_a_beam_file_edited_after_the_experiment_was_loaded_is_refused(tmp_path):
    """The digest of the experiment is that of the file when it was loaded; so are its muons."""
    path = tmp_path / "b.csv"
    with pytest.raises(Problems, match=r"there is no file .*b\.csv"):
        experiment(phase_space=str(path))
    row = "x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n0,0,0,0,160\n"
    path.write_text(row)
    item, other = (experiment(phase_space=str(path)) for _ in range(2))
    layout = SimpleNamespace(start=0.0)
    assert beam_source(item, layout)(2, stream(1), 0).momentum.tolist() == [160.0, 160.0]
    path.write_text(row.replace("160", "150") + "1,0,0,0,150\n")
    with pytest.raises(MutauError, match="has changed since the experiment was loaded; load"):
        beam_source(item, layout)
    assert other.digest == item.digest
    again = experiment(phase_space=str(path))
    assert again.digest != item.digest
    assert beam_source(again, layout)(1, stream(1), 0).momentum.tolist() == [150.0]
