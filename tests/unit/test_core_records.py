"""Records: named fields in kernels, compiled and interpreted, and what must not be written to."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import numpy as np
import pytest

from mutau.core.jit import inner, njit
from mutau.core.records import array_of, columns, dtype_of, frozen, joined, zeros


class Place:
    x: float
    row: int
    seen: bool


class Point:
    x: float
    y: float
    z: float


class Track:
    start: Place
    table: Annotated[np.ndarray, (3,)]


@inner
def advance(place, step):
    place.x += step
    place.row += 1
    place.seen = place.row > 1


@njit
def walk(places, steps):
    for i in range(len(places)):
        for step in steps:
            advance(places[i], step)
    places[0] = places[1]
    return places["x"].sum()


@pytest.mark.compiled
@pytest.mark.parametrize("kernel", [walk, walk.py_func])
def test_a_kernel_reads_writes_and_copies(kernel):
    places = zeros(Place, 3)
    places["x"] = [1.0, 2.0, 3.0]
    total = kernel(places, np.array([0.5, 0.25]))
    assert places["x"].tolist() == [2.75, 2.75, 3.75]
    assert total == 9.25
    assert places["row"].tolist() == [2, 2, 2]
    assert places["seen"].all()
    assert places["row"].dtype == np.int64


def test_records_hold_records_and_tables():
    track = zeros(Track, (2, 2))
    track[1, 0].start.row = 5
    track[1, 0].table[2] = 0.5
    assert track["start"]["row"].tolist() == [[0, 0], [5, 0]]
    assert track["table"][1, 0].tolist() == [0.0, 0.0, 0.5]
    assert dtype_of(Track) is dtype_of(Track)


def test_neighbouring_fields_are_one_array_without_a_copy():
    points = zeros(Point, 2)
    columns(points, "x", "y")[:] = [[1.0, 2.0], [3.0, 4.0]]
    assert points["y"].tolist() == [2.0, 4.0]
    assert columns(points, "z", "x").tolist() == [[0.0, 1.0], [0.0, 3.0]]


def test_one_behind_the_other_and_closed():
    both = joined([array_of(Place, [(1.0, 2, True)]), array_of(Place, [(3.0, 4, False)])])
    assert [(p.x, p.row) for p in both] == [(1.0, 2), (3.0, 4)]
    assert frozen(both) is both
    with pytest.raises(ValueError, match="read-only"):
        both["x"] = 0.0


SHOWER = """
import numpy as np
from mutau.matter import material
from mutau.transport.shower import Emission, Shower, ShowerGeometry, simulate_emissions
from mutau.transport.shower import simulate_showers
from mutau.transport.shower_steps import simulate_steps
shower = Shower("e-", 1.0, material("lead"), cut=0.3)
rings = ShowerGeometry(np.array([0.0, 5.0, 20.0]), np.array([0.0, 1.0, 9.0]), lateral=True)
made = simulate_showers(shower, 2, geometry=rings, seed=3)
energy = np.geomspace(0.3, 1.0, 20)
rate = Emission("r", ("e-", "e+"), energy, 1e-6 * energy, np.full((20, 2), 0.8))
found = simulate_emissions(shower, 2, [rate], seed=3)
steps = simulate_steps(shower, 2, seed=3)
for value in (made.deposits, made.leak, made.profile, found.weight, found.position, steps.length):
    print(np.round(value, 12).ravel().tolist())
"""


@pytest.mark.compiled
def test_interpreted_kernels_make_the_same_showers(tmp_path):
    """Without the compiler, where a debugger and a coverage tool see every line."""

    def said(**more):
        ran = subprocess.run(
            [sys.executable, "-c", SHOWER], capture_output=True, text=True, check=True,
            env={**os.environ, **more},
        )  # fmt: skip
        return ran.stdout

    assert said(NUMBA_DISABLE_JIT="1", NUMBA_CACHE_DIR=str(tmp_path)) == said()
