"""Rows of boxes cut where others begin, and areas with holes."""

from __future__ import annotations

import numpy as np
import pytest

from mutau.core.records import array_of
from mutau.experiment import load_experiment
from mutau.transport.pieces import OPEN, Piece, boxes_of, cut_pieces, piece_of
from mutau.transport.walls import on_areas, straight_paths


def test_pieces_begin_and_end_together():
    """0 to 10 beside 4 to 12, a plane at 6, and an end that is off by rounding."""
    things = [
        piece_of(0, 0.0, length=10.0), piece_of(0, 4.0, length=8.0), piece_of(1, 6.0),
        piece_of(0, 10.0 + 1e-12, length=2.0),
    ]  # fmt: skip
    pieces = cut_pieces(array_of(Piece, [thing[0] for thing in things]))
    spans = [(float(p["z"]), float(p["z"] + p["length"])) for p in pieces]
    assert spans == [(0, 4), (4, 6), (6, 10), (4, 6), (6, 10), (10, 12), (6, 6), (10, 12)]


@pytest.mark.compiled
def test_boxes_of_a_file():
    """Target 45 cm, 22.92 x 19.1; the VHCAL's hole of 12 x 6 cm is not on its area."""
    experiment = load_experiment("na64mu")
    rows = boxes_of([experiment.target, experiment.detector["VHCAL"]])
    assert rows["length"].tolist() == [45.0, 105.0]
    places = np.array([[0.0, 0.0], [5.9, 2.9], [6.1, 2.9], [11.4, 9.5], [11.5, 0.0], [25.1, 0.0]])
    assert on_areas(places, rows).T.tolist() == [
        [True, True, True, True, False, False], [False, False, True, True, True, False],
    ]  # fmt: skip
    # in by the hole at 4.6 m, through its wall at 5.1 m: 55 of 105 cm
    paths = straight_paths(np.array([[0.0, 0.0, 0.0, 0.03]]), 500.0 - 90.0, rows)
    assert paths[0] == pytest.approx([35.0, 55.0])
    # backwards there is nothing
    assert not straight_paths(np.array([[0.0, 0.0, 0.0, 0.03]]), 600.0, rows).any()


def test_a_target_without_sizes_has_no_walls_but_a_length():
    """40 radiation lengths of the file's material, however far from the axis."""
    target = load_experiment("na64mu").target.model_copy(
        update={"width": None, "height": None, "length": None}
    )
    (row,) = boxes_of([target])
    assert row["length"] == pytest.approx(40.0 * 1.10742, rel=1e-3)
    assert row["half_x"] == row["half_y"] == OPEN
