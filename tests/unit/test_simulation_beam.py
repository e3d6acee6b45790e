"""A spectrometer before the target: the beam traced back through it, its momentum measured."""

from itertools import pairwise

import numpy as np
import pytest

from mutau.core.random import stream
from mutau.detector.readout import build_readout
from mutau.detector.simulation import beam_source, simulate_chunk
from mutau.detector.simulation_beam import at_entrance, entrance, measures_incoming
from mutau.detector.tracking import expected_covariance
from mutau.detector.tracking_geometry import build_arm
from mutau.experiment import load_experiment
from mutau.experiment.field_maps import write_field_map
from mutau.experiment.loader import from_document
from mutau.experiment.schema import Magnet
from mutau.transport.fields import mean_field

pytestmark = pytest.mark.compiled

NA64 = load_experiment("na64mu")
N = 4000
#: Per metre.
CM = {"m": 1.0, "cm": 100.0}


STATED = {"field_integral": "4 T m", "bends_to": "+x"}


def with_stations(field=STATED, *, bare=False):
    """NA64mu moved by 17 m, with a 4 T m dipole and six thin planes before its target.

    bare : in vacuum, without matter before the target.
    """
    document = NA64.to_dict()
    parts = [document["target"]]
    for kind in ("counter", "magnet", "tracker", "calorimeter"):
        parts += document["detector"][kind]
    for part in parts:
        part["z"] = f"{float(part['z'].split()[0]) / CM[part['z'].split()[1]] + 17.0} m"
    document["hall"]["length"] = "36 m"
    document["name"] = "stations"
    document["detector"]["magnet"].append(
        {"name": "B6", "z": "8 m", "length": "2 m", "width": "60 cm", "height": "20 cm",
         "because": "a test", **field}
    )  # fmt: skip
    for index, z in enumerate((1, 4, 7, 11, 14, 16.5)):
        document["detector"]["tracker"].append(
            {"name": f"BM{index}", "arm": "incoming", "z": f"{z} m", "width": "60 cm",
             "height": "20 cm", "resolution": "100 um", "efficiency": "100 %",
             "material": "argon-co2", "thickness": "0.1 cm", "because": "a test"}
        )  # fmt: skip
    if bare:
        del document["hall"]["material"]
        for item in document["detector"]["tracker"]:
            del item["material"], item["thickness"]
    return from_document(document, "stations")


@pytest.fixture(scope="module")
def hits():
    return simulate_chunk(with_stations(), N, 1, 0)


def test_a_straight_line_where_no_dipole_stands_before_the_target():
    layout = build_readout(NA64)
    beam = beam_source(NA64, layout)(50, stream(1), 0)
    traced = at_entrance(layout, beam)
    assert np.array_equal(traced.x, beam.at(entrance(layout)).x)


def test_traced_back_the_beam_is_bent_by_the_angle_of_the_dipole():
    """0.2998 x 4 T m / 160 GeV = 7.495 mrad in the gap; the halo comes through the iron beside it,
    which has no field."""
    item = with_stations()
    layout = build_readout(item)
    beam = beam_source(item, layout)(200, stream(1), 0)
    traced = at_entrance(layout, beam)
    angle = (beam.slope_x - traced.slope_x) * beam.momentum / 160.0
    core, far = np.hypot(beam.x, beam.y) < 6.0, np.abs(beam.y) > 20.0
    assert core.sum() > 100
    assert angle[core & (beam.momentum > 100.0)] == pytest.approx(7.495e-3, rel=5e-4)
    assert far.sum() > 3
    assert np.all(angle[far] == 0.0)
    across = [b.slope_y / np.sqrt(1.0 + b.slope_x**2 + b.slope_y**2) for b in (beam, traced)]
    assert across[0] == pytest.approx(across[1], rel=1e-9)  # the field leaves p_y


def test_forward_again_the_beam_meets_the_target_where_it_is_described(hits):
    """Only scattering on the way is left: thin planes, counters and 20 m of air, 0.1 mrad."""
    item = with_stations()
    beam = beam_source(item, build_readout(item))(N, stream(1, 0), 0)
    there = hits.beam_trigger
    off = hits.x_target[there, 0] - beam.x[there]
    assert there.sum() > 0.6 * N
    assert np.median(np.abs(off)) < 0.15
    assert abs(np.median(off)) < 0.02


def test_the_incoming_momentum_is_that_of_the_track(hits):
    item = with_stations()
    assert measures_incoming(item)
    assert not measures_incoming(NA64)
    there = hits.beam_trigger & (hits.incoming_momentum > 0.0)
    true = np.linalg.norm(hits.p_beam[:, 1:], axis=1)
    core = there & (np.abs(true - 160.0) < 15.0)
    ratio = hits.incoming_momentum[core] / true[core] - 1.0
    expected = 160.0 * np.sqrt(expected_covariance(build_arm(item, "incoming"), 160.0)[4, 4])
    low, middle, high = np.percentile(ratio, [15.87, 50.0, 84.13])
    assert there.sum() > 0.95 * hits.beam_trigger.sum()
    assert 0.5 * (high - low) == pytest.approx(expected, rel=0.08)
    assert abs(middle) < 0.1 * expected


def sampled(path, fringe):
    """The field of the 4 T m dipole with a fringe (cm) as a map, a plane every cm."""
    stated = Magnet(name="B6", z="8 m", length="2 m", width="60 cm", height="20 cm", because="test",
                    fringe=f"{fringe} cm", **STATED)  # fmt: skip
    z = np.arange(-100.0 - 3 * fringe, 100.5 + 3 * fringe)
    cells = [mean_field(stated, 900.0 + low, 900.0 + high) for low, high in pairwise(z)]
    at = np.concatenate([[0.0], 0.5 * (np.array(cells[1:]) + cells[:-1]), [0.0]])
    field = np.zeros((len(z), 2, 2, 3))
    field[..., 1] = (400.0 / np.trapezoid(at, z) * at)[:, None, None]
    write_field_map(path, np.array([-31.0, 31]), np.array([-11.0, 11]), z, field)
    return {"field_map": str(path)}


@pytest.mark.parametrize("kind", ["box", "fringe", "map", "map from side to side"])
def test_back_and_forward_again_is_the_same_place(kind, tmp_path):
    """In vacuum: x_target is the place of the description; to 1 nm, through a map to 30 nm.

    Runge-Kutta does not run back exactly on its own way.
    """
    allowed = 3e-6 if kind.startswith("map") else 1e-7
    field = {"box": STATED, "fringe": STATED | {"fringe": "10 cm"}}.get(kind)
    field = field or sampled(tmp_path / "b6.csv", 10)
    if kind == "map from side to side":  # 1 % over 31 cm
        lines = (tmp_path / "b6.csv").read_text().splitlines()
        rows = [[float(v) for v in line.split(",")] for line in lines[1:]]
        for row in rows:
            row[4] *= 1.0 + 0.01 * row[0] / 31.0
        text = "\n".join([lines[0], *(",".join(map(repr, row)) for row in rows)])
        (tmp_path / "b6.csv").write_text(text)
    item = with_stations(field, bare=True)
    layout = build_readout(item)
    beam = beam_source(item, layout)(500, stream(1, 0), 0)
    hits = simulate_chunk(item, 500, 1, 0)
    narrow = (np.abs(beam.x) < 10.0) & (np.abs(beam.y) < 5.0) & (beam.momentum > 40.0)
    assert narrow.sum() > 350
    place = np.column_stack([beam.x, beam.y])
    np.testing.assert_allclose(hits.x_target[narrow, :2], place[narrow], rtol=0, atol=allowed)
    p = hits.p_target[narrow]
    np.testing.assert_allclose(p[:, 1] / p[:, 3], beam.slope_x[narrow], rtol=0, atol=0.01 * allowed)


def test_a_map_of_the_fringe_traces_back_as_the_fringe_does(tmp_path):
    """What is left are the 6 uniform slices that stand for each fringe of the formula."""
    items = with_stations(STATED | {"fringe": "10 cm"}), with_stations(sampled(tmp_path / "m", 10))
    layouts = [build_readout(item) for item in items]
    beam = beam_source(items[0], layouts[0])(500, stream(1), 0)
    one, other = (at_entrance(layout, beam) for layout in layouts)
    narrow = (np.abs(beam.x) < 10.0) & (np.abs(beam.y) < 5.0) & (beam.momentum > 40.0)
    assert np.abs(beam.x - one.x)[narrow].max() > 5.0
    np.testing.assert_allclose(one.x[narrow], other.x[narrow], rtol=0, atol=2e-4)
    np.testing.assert_allclose(one.slope_x[narrow], other.slope_x[narrow], rtol=0, atol=1e-6)
    assert (other.weight[narrow] == 1.0).all()
