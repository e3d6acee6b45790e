"""The iron of magnets showers: energy comes back into the gap and goes on to what stands behind."""

from __future__ import annotations

import numpy as np
import pytest

from mutau.core.random import stream
from mutau.core.records import zeros
from mutau.detector.readout import build_readout
from mutau.detector.simulation_flight import follow
from mutau.detector.simulation_records import Trace, new_output, push
from mutau.detector.yoke import FINE, IronDetail, finish_in_iron
from mutau.experiment.loader import load_experiment
from mutau.transport.particle import ELECTRON, MARKER, NEUTRAL, State

N = 25


def enter(kind, energy, y, *, readout=None, detail=FINE, wanted=None, n=N):
    """n particles along z into the front of MS2 at height y (cm): (readout, output)."""
    readout = readout or build_readout(load_experiment("na64mu"))
    out, at = new_output(n, readout.deposits, len(readout.planes), 400 * n), zeros(State, 1)
    at["y"], at["z"], at["origin"] = y, 889.0, 1
    for i in range(n):
        trace = Trace(
            out.events[i], out.deposits[i], out.hits[i], out.extra, out.stack, out.counts[0],
            out.arrivals,
        )  # fmt: skip
        trace.stack[push(trace, at[0], kind, energy, 0.0, 0.0)]["charge"] = 0.0
        follow(stream(i), readout.setup, trace)
    finish_in_iron(readout.setup, out, stream(3), detail=detail, wanted=wanted)
    return readout, out


def counter(readout, out, name):
    return out.deposits[:, readout.places.counters + readout.counters.index(name)]


def in_hcal(readout, out):
    first = readout.places.em + readout.modules.index("HCAL1")
    second = readout.places.hadronic + readout.modules.index("HCAL1")
    return out.deposits[:, first] + out.deposits[:, second]


@pytest.mark.compiled
def test_a_hadron_just_below_the_pole_fires_the_veto_and_reaches_the_hcal():
    readout, out = enter(NEUTRAL, 80.0, 6.0)
    fired = (counter(readout, out, "Vm1") > 0.0) | (counter(readout, out, "Vm2") > 0.0)
    assert fired.mean() > 0.8
    # a neutral hadron that does not interact in 2 m of iron: e^-9
    assert in_hcal(readout, out).mean() > 2.0
    assert out.counts["arrivals"][0] == 0


@pytest.mark.compiled
def test_deep_in_the_iron_little_comes_out():
    readout, out = enter(NEUTRAL, 80.0, 60.0)
    assert in_hcal(readout, out).mean() < 1.0
    total = out.deposits[:, : readout.places.counters].sum(axis=1)
    assert np.all(total < 85.0)
    assert total.mean() > 60.0  # the rest is masses and what goes back out of the front


@pytest.mark.compiled
def test_the_pole_above_is_the_mirror_of_the_one_below():
    up, down = (in_hcal(*enter(NEUTRAL, 40.0, y)) for y in (6.5, -6.5))
    err = np.hypot(up.std(), down.std()) / np.sqrt(N)
    assert up.mean() == pytest.approx(down.mean(), abs=3.5 * err)


@pytest.mark.compiled
def test_nothing_is_followed_where_nobody_asks():
    _, out = enter(NEUTRAL, 80.0, 6.0, wanted=np.zeros(N, bool))
    assert np.all(out.deposits == 0.0)
    _, out = enter(ELECTRON, 1.0, 6.0, detail=IronDetail(least=2.0))
    assert np.all(out.deposits == 0.0)
    _, out = enter(MARKER, 1.0, 6.0)
    assert np.all(out.deposits == 0.0)


@pytest.mark.compiled
def test_too_little_room_is_said():
    readout = build_readout(load_experiment("na64mu"))
    out = new_output(1, readout.deposits, len(readout.planes), 10, arrivals=0)
    out.counts["arrivals"] = 3
    with pytest.warns(UserWarning, match="3 particles at a magnet's iron found no room"):
        finish_in_iron(readout.setup, out, stream(1))
    assert not out.deposits.any()
