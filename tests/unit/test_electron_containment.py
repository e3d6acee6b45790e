"""What of a shower stays in the target: by geometry, by simulated showers, and in the yield."""

import math

import numpy as np
import pytest

from mutau.analysis.cascade import calorimeter_result
from mutau.analysis.yields import expected_yields
from mutau.experiment import load_experiment, replace
from mutau.models import build_model
from mutau.signal import electron_containment as stays
from mutau.signal.electron_monte_carlo import monte_carlo_yield
from mutau.signal.electron_window import window

pytestmark = pytest.mark.compiled

NA64E = load_experiment("na64e")
CELL = {"target/width": "3 cm", "target/height": "3 cm"}
ON_AXIS = {"beam/spot_x": "0 cm", "beam/spot_y": "0 cm"}
POINT = build_model("lmu-ltau", 0.01, 1e-3)


def test_parts_of_rings_on_a_face():
    radii = np.array([0.0, 1.0, 2.0, 40.0, 80.0])
    place = np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 4.0], [4.5, 0.0]])
    got = stays.share_on_face(radii, place, (5.0, 4.0))
    np.testing.assert_allclose(got[0, :2], 1.0)
    assert got[0, 3] == 0.0
    np.testing.assert_allclose(got[1, :2], 0.5)  # on an edge
    np.testing.assert_allclose(got[2, :2], 0.25)  # on a corner
    # half a centimetre inside: of a circle of radius 1 arccos(1/2)/pi is beyond, of smaller less
    beyond = np.arccos(0.5) / np.pi
    assert 0.5 < got[3, 1] < 1.0 - beyond < got[3, 0] < 1.0


def test_energy_beside_one_cell_is_that_of_simulated_showers():
    """The circle of 1.5 cm inside a 3 x 3 cm^2 cell lets 10.9 of 100 GeV out; the square, larger,
    less, and no less than the circle of 1.5 sqrt(2) cm around it."""
    circle = calorimeter_result(replace(NA64E, CELL), showers=40, seed=3)
    assert circle["beside_GeV"] == pytest.approx(10.9, abs=0.2)
    rings = stays.ring_energies(NA64E, 60, seed=5)
    radii = stays.RINGS * 45.0 / 40.0  # 40 X0 take 45 cm: within some per cent

    def beyond(radius):
        return float(rings[:, radii[:-1] >= radius].sum(axis=1).mean())

    got = 100.0 * (1.0 - stays.containment(replace(NA64E, CELL | ON_AXIS)).mean)
    assert beyond(1.5 * math.sqrt(2.0)) < got < circle["beside_GeV"]
    assert got == pytest.approx(9.6, abs=0.3)


def test_beside_the_whole_face_goes_little_and_more_with_the_beam_at_its_edge():
    whole = stays.containment(NA64E)
    assert 0.997 < whole.mean < 0.9995
    assert len(whole.classes) == 1
    cell = stays.containment(replace(NA64E, CELL))
    assert len(cell.classes) == stays.CLASSES
    assert np.all(np.diff(cell.classes) > 0.0)
    assert cell.classes.mean() == pytest.approx(cell.mean)
    # worst in a corner, where a quarter stays
    assert 0.25 < cell.classes[0] < 0.65 < cell.mean < 0.90 < cell.classes[-1] < 0.91
    assert stays.containment(replace(NA64E, "target/width", "0 cm")) is stays.WHOLE
    assert window(NA64E, truth=True).contained.tolist() == [1.0]


def test_a_smaller_target_sees_less_energy():
    """What goes beside is missing: more events below the threshold, not the same number."""
    whole, cell, axis = (
        expected_yields(POINT, replace(NA64E, change), n_events=200).signal
        for change in ({}, CELL, CELL | ON_AXIS)
    )
    assert whole[0] == cell[0] == axis[0]
    assert 1.1 < axis[1] / whole[1] < cell[1] / whole[1] < 1.7
    meta = expected_yields(POINT, replace(NA64E, CELL), n_events=200).meta
    assert meta["leaves_the_target"] == pytest.approx(0.177, abs=0.01)


def test_showers_followed_in_three_dimensions_agree():
    """Each event with its own place and its own radii, against classes of the beam's showers."""
    cell = replace(NA64E, CELL)
    process = expected_yields(POINT, cell, n_events=200).signal[1]
    value, error = monte_carlo_yield(cell, POINT, n=300, lateral=True, seed=2).inside
    assert error < 0.15 * value
    assert value == pytest.approx(process, abs=3.5 * error)
