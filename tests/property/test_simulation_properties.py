"""The full simulation for any muon: what must hold whatever is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.core.constants import M_MU
from mutau.core.random import stream
from mutau.detector.readout import build_readout
from mutau.detector.simulation import simulate_beam
from mutau.experiment import load_experiment
from mutau.transport.beam import BeamMuons

pytestmark = pytest.mark.compiled

EXPERIMENT = load_experiment("na64mu")


@settings(max_examples=25, deadline=None)
@given(
    energy=st.floats(1.0, 250.0),
    x=st.floats(-80.0, 80.0),
    y=st.floats(-80.0, 80.0),
    tx=st.floats(-0.05, 0.05),
    ty=st.floats(-0.05, 0.05),
    seed=st.integers(0, 10_000),
)
def test_any_muon_through_na64mu(energy, x, y, tx, ty, seed):
    """Energy only falls and is deposited at most once; hits lie in their frames; no NaN."""
    n = 20
    p = np.sqrt(energy**2 - M_MU**2)
    wide = [np.full(n, value) for value in (x, y, tx, ty, p, 1.0)]
    hits = simulate_beam(EXPERIMENT, BeamMuons(*wide, -1e-4, np.zeros(n, np.int64)), stream(seed))
    lost = energy - hits.end_energy
    assert np.all(lost >= 0.0)
    # soft electrons that escape count twice: some MeV
    assert np.all(hits.deposit.sum(axis=1) <= lost + 0.2)
    both = hits.crossed[:, 1:] & hits.crossed[:, :-1]
    assert np.all((np.diff(hits.true_momentum, axis=1) <= 1e-9) | ~both)
    for plane, tracker in enumerate(sorted(EXPERIMENT.detector.tracker, key=lambda item: item.z)):
        on = hits.true_hit[hits.crossed[:, plane], plane]
        assert np.all(np.abs(on[:, 0] - tracker.x) <= tracker.width / 2)
        assert np.all(np.abs(on[:, 1] - tracker.y) <= tracker.height / 2)
        assert not np.any(hits.seen[:, plane] & ~hits.crossed[:, plane])
    momenta = [hits.p_beam, hits.p_target, hits.p_out]
    for momentum in momenta:  # on the mass shell, or nothing
        mass2 = momentum[:, 0] ** 2 - np.sum(momentum[:, 1:] ** 2, axis=1)
        there = momentum[:, 0] > 0.0
        assert np.allclose(mass2[there], M_MU**2, atol=1e-9 * energy**2)
    assert np.all(hits.trigger <= ((hits.counters & build_readout(EXPERIMENT).veto) == 0))
    assert np.all(hits.end_z <= EXPERIMENT.hall.length + 1e-6)
