"""Veto, leakage and double scattering against brute force and by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from mutau.background.muone import (
    CutWindow,
    EventNumber,
    double_scattering,
    elastic_leakage,
    scan_inefficiency,
    veto_needs,
)
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.random import stream
from mutau.detector.muone import Reconstructed, reconstruct
from mutau.detector.muone_flight import Response
from mutau.matter import material
from mutau.reactions.muon_electron import ELASTIC, GAMMA, Cuts, Reaction
from mutau.reactions.muon_electron_events import draw_events, make_sampler

E1 = 150.0
ELASTIC_REACTION = Reaction(ELASTIC, E1)
RESPONSE = Response(4200.0, 1e6, 1e6, ecal_stochastic=0.1, ecal_constant=0.02, muon_angle=1e-5)


def measured(theta, energy, photon, weight):
    n = len(theta)
    muon = np.stack([np.full(n, 100.0), 100 * np.sin(theta), 0 * theta, 100 * np.cos(theta)]).T
    electron = np.stack([energy, -0.005 * energy, 0 * energy, energy]).T
    return Reconstructed(
        np.tile([E1, 0, 0, E1], (n, 1)), muon, electron, photon, np.zeros(n, bool), weight
    )


def test_veto_needs_by_hand():
    """Signal 3 x 2; apart 2 x 1000 inside, unseen 1 x 1000 x 1e-3."""
    signal = measured(
        np.full(4, 2e-3), np.array([5.0, 5.0, 5.0, 50.0]), np.zeros(4), np.full(4, 2.0)
    )
    radiative = measured(
        np.array([2e-3, 2e-3, 2e-3, 1e-3]),
        np.full(4, 5.0),
        np.array([20.0, 20.0, 0.0, 20.0]),
        np.array([1000.0, 1000.0, 1.0, 1000.0]),
    )
    needs = veto_needs(signal, radiative, CutWindow())
    assert needs.signal.events == 6.0
    assert needs.signal.error == pytest.approx(2.0 * math.sqrt(3.0 + 1.0))
    assert (needs.apart.events, needs.unseen.events) == (2000.0, 1.0)
    assert needs.equal_to_signal == pytest.approx(5.0 / 2000.0)
    assert needs.one_event == 0.0
    assert needs.background(needs.equal_to_signal) == pytest.approx(6.0)
    assert scan_inefficiency(needs, [0.0, 1.0]).tolist() == pytest.approx([1 / 6, 2001 / 6])
    with pytest.raises(OutOfRange):
        scan_inefficiency(needs, [1.5])
    with pytest.raises(OutOfRange, match="no signal"):
        veto_needs(radiative, radiative, CutWindow(theta_mu_min=1.0))


def test_leakage_is_zero_with_perfect_resolution():
    perfect = dataclasses.replace(RESPONSE, ecal_stochastic=0.0, ecal_constant=0.0, muon_angle=0.0)
    assert elastic_leakage(ELASTIC_REACTION, perfect, CutWindow(), 15e3).events == 0.0


def test_leakage_agrees_with_brute_force_where_it_is_large():
    """A poor calorimeter and a wide angle: a per cent of the elastic events leak."""
    poor = dataclasses.replace(RESPONSE, ecal_stochastic=0.5, ecal_constant=0.3, muon_angle=2e-4)
    expected = elastic_leakage(ELASTIC_REACTION, poor, CutWindow(), 1.0)
    cuts = Cuts(electron_energy_min=5.0)
    events = draw_events(make_sampler(ELASTIC_REACTION, cuts), 200_000, stream(1))
    sample = reconstruct(events, poor, stream(2))
    found = EventNumber.of(sample.weight[CutWindow().passes(sample)])
    assert expected.error < 1e-4 * expected.events
    assert abs(found.events - expected.events) < 4.0 * found.error
    assert found.error < 0.03 * found.events


@pytest.mark.compiled
def test_double_scattering_agrees_with_collisions_one_by_one():
    """A looser angle, where brute force through 15 mm of beryllium finds enough events."""
    full = dataclasses.replace(RESPONSE, target=material("beryllium"), thickness=1.5)
    window = CutWindow(theta_mu_min=1.25e-3, electron_energy_min=20.0, electron_energy_max=23.0)
    weighted = double_scattering(ELASTIC_REACTION, full, window, 1.0, stream(3), n=60_000)
    soft = elastic_leakage(ELASTIC_REACTION, full, window, 1.0)
    assert soft.events < 5e-3 * weighted.events
    cuts = Cuts(electron_energy_min=17.5, electron_energy_max=26.0)
    events = draw_events(make_sampler(ELASTIC_REACTION, cuts), 1_000_000, stream(4))
    sample = reconstruct(events, full, stream(5))
    found = EventNumber.of(sample.weight[window.passes(sample)])
    assert found.error < 0.12 * found.events
    # two hard collisions are left out of the weighted result: 3 %
    assert abs(found.events - weighted.events) < 3.5 * math.hypot(found.error, weighted.error)


def test_double_scattering_grows_with_thickness_and_falls_with_cuts():
    response = dataclasses.replace(RESPONSE, target=material("beryllium"), thickness=1.5)
    window = CutWindow()
    one = double_scattering(ELASTIC_REACTION, response, window, 1.0, stream(6), n=40_000)
    thin = dataclasses.replace(response, thickness=0.75)
    half = double_scattering(ELASTIC_REACTION, thin, window, 1.0, stream(7), n=40_000)
    tolerance = 4.0 * (one.error / one.events + half.error / half.events)
    assert half.events / one.events == pytest.approx(0.5, rel=tolerance)
    tight = dataclasses.replace(window, inelasticity_min=0.03)
    assert (
        double_scattering(ELASTIC_REACTION, response, tight, 1.0, stream(6), n=40_000).events
        < 0.3 * one.events
    )


def test_bad_input_is_refused():
    with pytest.raises(MutauError, match="not elastic"):
        elastic_leakage(Reaction(GAMMA, E1), RESPONSE, CutWindow(), 1.0)
    with pytest.raises(MutauError, match="target"):
        double_scattering(ELASTIC_REACTION, RESPONSE, CutWindow(), 1.0, stream(1))
