"""Properties of orbits, shares and set-ups for random input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.core.random import stream
from mutau.detector.fractions import weighted_fraction
from mutau.detector.studies import signal_muons
from mutau.detector.trigger import trigger_efficiency
from mutau.experiment import load_experiment
from mutau.experiment.loader import from_document
from mutau.transport.orbits import dipole_kernel

pytestmark = pytest.mark.compiled

SLOPE = st.floats(-0.3, 0.3)
PLACE = st.floats(-50.0, 50.0)


@given(
    PLACE, PLACE, SLOPE, SLOPE, st.floats(1.5, 200.0), st.floats(1.0, 300.0), st.floats(-2.0, 2.0)
)
@settings(deadline=None)
def test_an_orbit_runs_back_the_way_it_came(u, v, tu, tv, momentum, length, field):
    curve = 0.299792458e-2 * field
    *there, fine = dipole_kernel(u, v, tu, tv, momentum, length, curve)
    if fine == 0.0:
        return
    # seen from behind: slopes change sign, and the field bends to the same side
    *back, fine = dipole_kernel(there[0], there[1], -there[2], -there[3], momentum, length, curve)
    assert fine == 1.0
    np.testing.assert_allclose(back, [u, v, -tu, -tv], rtol=1e-6, atol=1e-6)


@given(PLACE, SLOPE, SLOPE, st.floats(1.0, 200.0), st.floats(1.0, 300.0), st.floats(-2.0, 2.0))
@settings(deadline=None)
def test_momenta_in_a_field(v, tu, tv, momentum, length, field):
    """Along the field nothing changes; across it the momentum changes by 0.3 B L."""
    curve = 0.299792458e-2 * field
    *end, fine = dipole_kernel(0.0, v, tu, tv, momentum, length, curve)
    if fine == 0.0:
        return

    def momenta(a, b):
        root = math.sqrt(1.0 + a * a + b * b)
        return momentum * a / root, momentum * b / root

    before, after = momenta(tu, tv), momenta(end[2], end[3])
    assert after[1] == pytest.approx(before[1], rel=1e-9, abs=1e-12)
    assert after[0] - before[0] == pytest.approx(curve * length, rel=1e-7, abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 100.0)), min_size=2, max_size=30))
def test_a_share_lies_between_nothing_and_all(events):
    chosen = np.array([c for c, _ in events])
    w = np.array([x for _, x in events])
    sums = (w[chosen].sum(), w.sum(), np.sum(w[chosen] ** 2), np.sum(w**2))
    share, error = weighted_fraction(*map(float, sums))
    assert 0.0 <= share <= 1.0 + 1e-12
    assert error > 0.0
    rest, same = weighted_fraction(
        float(w[~chosen].sum()), float(w.sum()), float(np.sum(w[~chosen] ** 2)), float(sums[3])
    )
    assert share + rest == pytest.approx(1.0, rel=1e-12)
    assert error == pytest.approx(same, rel=1e-6)


def mirrored(experiment):
    """The set-up seen in a mirror at x = 0."""
    document = experiment.to_dict()
    for things in document["detector"].values():
        for thing in things if isinstance(things, list) else ():
            if "x" in thing:
                thing["x"] = (
                    thing["x"].removeprefix("-") if thing["x"][0] == "-" else f"-{thing['x']}"
                )
            if "bends_to" in thing:
                thing["bends_to"] = {"-x": "+x", "+x": "-x"}[thing["bends_to"]]
    return from_document(document, "mirrored")


def test_left_and_right_are_alike():
    """A mirrored set-up has the same efficiency: difference below 4 sigma for two streams."""
    experiment = load_experiment("na64mu")
    other = mirrored(experiment)
    assert other.detector["S4"].x == -experiment.detector["S4"].x
    muons = signal_muons(experiment, 0.1, 40_000, stream(1))
    here = trigger_efficiency(muons.p_lepton, None, experiment, stream(2))
    there = trigger_efficiency(muons.p_lepton, None, other, stream(3))
    assert here.efficiency == pytest.approx(
        there.efficiency, abs=4.0 * math.hypot(here.error, there.error)
    )
