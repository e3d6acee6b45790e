"""Fast response to muon-electron events: acceptance, merging, resolutions, inelasticity."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.random import stream
from mutau.core.types import Events
from mutau.detector.muone import inelasticity, reconstruct
from mutau.detector.muone_flight import Response
from mutau.reactions.muon_electron import ELASTIC, GAMMA, PAPER_CUTS, ZPRIME, Cuts, Reaction
from mutau.reactions.muon_electron_events import draw_events, make_sampler

E1 = 150.0
PERFECT = Response(ecal_z=4200.0, ecal_width=1e6, ecal_height=1e6)


def radiative_events(electron_angle, photon_angle, electron=10.0, photon=30.0):
    """One made-up event per pair of angles (rad, in the x-z plane); the muon takes what is left."""
    electron_angle, photon_angle = np.broadcast_arrays(
        np.atleast_1d(electron_angle), np.atleast_1d(photon_angle)
    )
    n = len(electron_angle)
    p = np.zeros((n, 5, 4))
    p[:, 0, 0], p[:, 0, 3], p[:, 1, 0] = E1, math.sqrt(E1**2 - M_MU**2), M_E
    for row, energy, angle, mass in (
        (3, electron, electron_angle, M_E),
        (4, photon, photon_angle, 0.0),
    ):
        size = math.sqrt(energy**2 - mass**2)
        p[:, row, 0] = energy
        p[:, row, 1], p[:, row, 3] = size * np.sin(angle), size * np.cos(angle)
    p[:, 2] = p[:, 0] + p[:, 1] - p[:, 3] - p[:, 4]
    zero = np.zeros((5 * n, 4))
    return Events(
        np.tile(np.array([-13, 11, -13, 11, 22], np.int32), n),
        np.repeat(np.arange(n), 5),
        np.tile(np.array([-1, -1, 1, 1, 1], np.int8), n),
        p.reshape(-1, 4),
        zero,
        np.ones(5 * n),
    )


@pytest.mark.compiled
def test_a_perfect_response_gives_the_truth():
    for reaction in (Reaction(ZPRIME, E1, 0.1, 1e-3), Reaction(GAMMA, E1)):
        events = draw_events(make_sampler(reaction, PAPER_CUTS, rounds=1), 500, stream(1))
        measured = reconstruct(events, PERFECT, stream(2))
        p = events.p4.reshape(-1, 5, 4)
        theta = np.arctan2(np.hypot(p[:, 2, 1], p[:, 2, 2]), p[:, 2, 3])
        assert np.allclose(measured.theta_mu, theta, rtol=1e-9)
        assert np.allclose(measured.electron_energy, p[:, 3, 0])
        expected = p[:, 4, 0] if reaction.process == GAMMA else 0.0
        assert np.allclose(measured.photon_energy, expected)
        assert measured.weight.sum() == pytest.approx(events.weight[::5].sum())


def test_electrons_beside_the_calorimeter_are_lost():
    """Half width 50 cm at 42 m: 11.9 mrad is the last angle that hits, from z = 0."""
    response = dataclasses.replace(PERFECT, ecal_width=100.0, ecal_height=100.0)
    events = radiative_events([0.0118, 0.0120], 0.0)
    measured = reconstruct(events, response, stream(1))
    assert measured.electron_energy.tolist() == pytest.approx([10.0, 0.0])
    late = dataclasses.replace(events, x4=np.tile([0.0, 0.0, 0.0, 3900.0], (10, 1)))
    assert np.all(reconstruct(late, response, stream(1)).electron_energy > 0.0)


def test_near_photons_merge_and_far_ones_are_seen():
    response = dataclasses.replace(PERFECT, separation=1e-3, threshold=1.0)
    events = radiative_events(0.005, [0.0045, 0.0035])
    measured = reconstruct(events, response, stream(1))
    assert measured.merged.tolist() == [True, False]
    assert measured.electron_energy.tolist() == pytest.approx([40.0, 10.0])
    assert measured.photon_energy.tolist() == pytest.approx([0.0, 30.0])
    soft = reconstruct(radiative_events(0.005, 0.0, photon=0.5), response, stream(1))
    assert soft.photon_energy.tolist() == [0.0]  # below threshold


def test_resolutions_have_the_widths_asked_for():
    response = dataclasses.replace(
        PERFECT, ecal_stochastic=0.1, ecal_constant=0.02, muon_angle=1e-5, muon_momentum=0.03
    )
    events = radiative_events(np.full(20_000, 0.005), 0.0)
    measured = reconstruct(events, response, stream(3))
    sigma = math.sqrt(0.1**2 * 10.0 + (0.02 * 10.0) ** 2)
    assert np.std(measured.electron_energy) == pytest.approx(sigma, rel=0.03)
    true = events.p4.reshape(-1, 5, 4)[:, 2]
    angle = measured.p_muon[:, 1] / measured.p_muon[:, 3] - true[:, 1] / true[:, 3]
    assert np.std(angle) == pytest.approx(1e-5, rel=0.03)
    momentum = np.linalg.norm(measured.p_muon[:, 1:], axis=1) / np.linalg.norm(true[0, 1:])
    assert np.std(momentum) == pytest.approx(0.03, rel=0.03)


@pytest.mark.compiled
def test_scattering_in_the_station_widens_the_angle():
    """Twice 15 mm of beryllium widen more than once; of the size that Highland gives (20 %)."""
    from mutau.matter import material
    from mutau.matter.multiple_scattering import highland_angle

    beryllium = material("beryllium")
    events = radiative_events(np.full(4000, 0.005), 0.0)
    true = events.p4.reshape(-1, 5, 4)[0, 2]
    widths = []
    for thickness in (1.5, 3.0):
        response = dataclasses.replace(PERFECT, target=beryllium, thickness=thickness)
        p = reconstruct(events, response, stream(4)).p_muon
        shift = np.sort(np.abs(p[:, 2] / p[:, 3]))
        widths.append(shift[int(0.68 * len(shift))])
    expected = highland_angle(true[0], beryllium, 1.5)
    assert 0.8 < widths[0] / expected < 1.2
    assert 1.3 < widths[1] / widths[0] < 1.6


@pytest.mark.compiled
def test_inelasticity_is_zero_for_elastic_and_bounded_for_a_zprime():
    elastic = draw_events(
        make_sampler(Reaction(ELASTIC, E1), Cuts(electron_energy_min=1.0)), 2000, stream(5)
    )
    measured = reconstruct(elastic, PERFECT, stream(6))
    assert np.max(np.abs(measured.inelasticity)) < 1e-9
    assert np.max(measured.acoplanarity) < 1e-6
    mass = 0.1
    signal = draw_events(make_sampler(Reaction(ZPRIME, E1, mass, 1e-3), rounds=1), 5000, stream(7))
    values = reconstruct(signal, PERFECT, stream(8)).inelasticity
    assert values.min() >= (M_MU + mass) ** 2 - M_MU**2 - 1e-9
    p = signal.p4.reshape(-1, 5, 4)
    pair = p[:, 2] + p[:, 4]
    mass2 = pair[:, 0] ** 2 - np.sum(pair[:, 1:] ** 2, axis=1)
    assert np.allclose(values, mass2 - M_MU**2, atol=1e-8)
    assert float(inelasticity(0.0, 0.0, E1)) == pytest.approx(0.0, abs=1e-12)  # no electron seen


def test_bad_input_is_refused():
    with pytest.raises(OutOfRange, match="separation"):
        dataclasses.replace(PERFECT, separation=-1.0)
    with pytest.raises(MutauError, match="both or neither"):
        dataclasses.replace(PERFECT, thickness=1.5)
    events = radiative_events([0.005, 0.006], 0.0)
    with pytest.raises(MutauError, match="muon on electron"):
        reconstruct(events.select(events.pdg != 11), PERFECT, stream(1))
