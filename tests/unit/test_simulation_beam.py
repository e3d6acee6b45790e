"""A spectrometer before the target: the beam traced back through it, its momentum measured."""

import numpy as np
import pytest

from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.detector.simulation import beam_source, simulate_chunk
from mutau.detector.simulation_beam import at_entrance, entrance, measures_incoming
from mutau.detector.simulation_geometry import build_layout
from mutau.detector.tracking import expected_covariance
from mutau.detector.tracking_geometry import build_arm
from mutau.experiment import load_experiment
from mutau.experiment.loader import from_document

NA64 = load_experiment("na64mu")
N = 4000
#: Per metre.
CM = {"m": 1.0, "cm": 100.0}


def with_stations():
    """NA64mu moved by 17 m, with a 4 T m dipole and six thin planes before its target."""
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
         "field_integral": "4 T m", "bends_to": "+x", "because": "a test"}
    )  # fmt: skip
    for index, z in enumerate((1, 4, 7, 11, 14, 16.5)):
        document["detector"]["tracker"].append(
            {"name": f"BM{index}", "arm": "incoming", "z": f"{z} m", "width": "60 cm",
             "height": "20 cm", "resolution": "100 um", "efficiency": "100 %",
             "material": "argon-co2", "thickness": "0.1 cm", "because": "a test"}
        )  # fmt: skip
    return from_document(document, "stations")


@pytest.fixture(scope="module")
def hits():
    return simulate_chunk(with_stations(), N, 1, 0)


def test_a_straight_line_where_no_dipole_stands_before_the_target():
    layout = build_layout(NA64)
    beam = beam_source(NA64, layout)(50, stream(1), 0)
    traced = at_entrance(NA64, layout, beam)
    assert np.array_equal(traced.x, beam.at(entrance(layout)).x)


def test_traced_back_the_beam_is_bent_by_the_angle_of_the_dipole():
    """0.2998 x 4 T m / 160 GeV = 7.495 mrad."""
    item = with_stations()
    layout = build_layout(item)
    beam = beam_source(item, layout)(200, stream(1), 0)
    traced = at_entrance(item, layout, beam)
    angle = (beam.slope_x - traced.slope_x) * beam.momentum / 160.0
    assert angle[beam.momentum > 100.0] == pytest.approx(7.495e-3, rel=5e-4)
    across = [b.slope_y / np.sqrt(1.0 + b.slope_x**2 + b.slope_y**2) for b in (beam, traced)]
    assert across[0] == pytest.approx(across[1], rel=1e-9)  # the field leaves p_y


def test_forward_again_the_beam_meets_the_target_where_it_is_described(hits):
    """Only scattering on the way is left: thin planes, counters and 20 m of air, 0.1 mrad."""
    item = with_stations()
    beam = beam_source(item, build_layout(item))(N, stream(1, 0), 0)
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


def test_a_map_before_the_target_is_refused(tmp_path):
    from mutau.experiment.field_maps import write_field_map

    grid = np.linspace(-30.0, 30.0, 5), np.linspace(-10.0, 10.0, 3), np.linspace(-100.0, 100.0, 5)
    field = np.zeros((5, 3, 5, 3))
    field[..., 1] = 1.0
    write_field_map(tmp_path / "b.csv", *grid, field)
    document = with_stations().to_dict()
    document["detector"]["magnet"][-1] = {
        "name": "B6", "z": "8 m", "length": "2 m", "width": "60 cm", "height": "20 cm",
        "field_map": str(tmp_path / "b.csv"), "because": "a test",
    }  # fmt: skip
    with pytest.raises(MutauError, match="before the target"):
        simulate_chunk(from_document(document, "mapped"), 10, 1, 0)
