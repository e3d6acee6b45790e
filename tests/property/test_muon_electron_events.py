"""Events of muon on electron: conservation, shells, cuts, spectra, normalisation, seeds."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import chi2

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import OutOfRange
from mutau.core.random import stream
from mutau.reactions.muon_electron import (
    ELASTIC,
    GAMMA,
    NUNU,
    PAPER_CUTS,
    ZPRIME,
    Cuts,
    Reaction,
    electron_spectrum,
    total_cross_section,
)
from mutau.reactions.muon_electron_events import draw_events, make_sampler, place_in_stations

pytestmark = pytest.mark.compiled

E1 = 150.0
CASES = {
    "zprime": (Reaction(ZPRIME, E1, 0.1, 1e-3), PAPER_CUTS),
    "zprime-light": (Reaction(ZPRIME, E1, 0.01, 1e-3), PAPER_CUTS),
    "zprime-all": (Reaction(ZPRIME, E1, 0.1, 1e-3), Cuts()),
    "zprime-edge": (Reaction(ZPRIME, E1, 0.276, 1e-3), PAPER_CUTS),
    "gamma": (Reaction(GAMMA, E1), PAPER_CUTS),
    "gamma-hard": (Reaction(GAMMA, E1, beam_charge=1), Cuts(0.0, 1.0, emitted_energy_min=5.0)),
    "elastic": (Reaction(ELASTIC, E1), Cuts(electron_energy_min=1.0)),
}


@pytest.fixture(scope="module")
def samplers():
    return {name: make_sampler(*case, rounds=3) for name, case in CASES.items()}


def particles(events, rows):
    return events.p4.reshape(-1, rows, 4)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_momentum_shells_and_cuts(samplers, name, weighted):
    reaction, cuts = CASES[name]
    events = draw_events(samplers[name], 20_000, stream(4), luminosity=15e3, weighted=weighted)
    rows = 4 if reaction.process == ELASTIC else 5
    p = particles(events, rows)
    assert np.abs(p[:, :2].sum(axis=1) - p[:, 2:].sum(axis=1)).max() < 1e-9
    masses = [M_MU, M_E, M_MU, M_E, reaction.mass][:rows]
    for i, mass in enumerate(masses):
        shell = p[:, i, 0] ** 2 - np.sum(p[:, i, 1:] ** 2, axis=1)
        assert np.abs(shell - mass**2).max() < 1e-14 * (2 * E1) ** 2 * 10
    theta = np.arctan2(np.hypot(p[:, 2, 1], p[:, 2, 2]), p[:, 2, 3])
    assert theta.min() >= cuts.theta_mu_min * (1 - 1e-9)
    assert p[:, 3, 0].min() >= max(cuts.electron_energy_min, M_E) * (1 - 1e-12)
    assert p[:, 3, 0].max() <= cuts.electron_energy_max
    muon = -13 * reaction.beam_charge
    last = [] if rows == 4 else [22 if reaction.process == GAMMA else 32]
    assert events.pdg[:rows].tolist() == [muon, 11, muon, 11, *last]
    assert events.status[:rows].tolist() == [-1, -1] + [1] * (rows - 2)
    sigma = total_cross_section(reaction, cuts).sigma_pb
    assert events.weight[::rows].sum() == pytest.approx(15e3 * sigma, rel=1e-9)
    azimuth = np.arctan2(p[:, 2, 2], p[:, 2, 1])
    mean = np.average(np.exp(1j * azimuth), weights=events.weight[::rows])
    share = events.weight[::rows] / events.weight[::rows].sum()
    assert abs(mean) < 5.0 * math.sqrt(np.sum(share**2))  # the plane has no preferred direction


@pytest.mark.parametrize("name", CASES)
def test_electron_spectrum_is_the_deterministic_one(samplers, name):
    reaction, cuts = CASES[name]
    n = 60_000
    events = draw_events(samplers[name], n, stream(5))
    rows = 4 if reaction.process == ELASTIC else 5
    energy = particles(events, rows)[:, 3, 0]
    edges = np.quantile(energy, np.linspace(0.0, 1.0, 21))
    edges[0], edges[-1] = max(0.5 * edges[0], M_E), min(2 * edges[-1], E1)
    expected = electron_spectrum(reaction, edges, cuts).sigma_pb
    weight = events.weight[::rows]
    found, _ = np.histogram(energy, edges, weights=weight)
    square, _ = np.histogram(energy, edges, weights=weight**2)
    statistic = np.sum((found - expected) ** 2 / square)
    assert chi2.sf(statistic, len(expected) - 1) > 1e-4


@pytest.mark.parametrize("name", [name for name in CASES if name != "elastic"])
def test_drawn_cross_section_agrees_with_the_deterministic_one(samplers, name):
    for weighted in (False, True):
        meta = draw_events(samplers[name], 100_000, stream(6), weighted=weighted).meta
        error = math.hypot(meta["monte_carlo_err_pb"], meta["sigma_err_pb"])
        assert meta["monte_carlo_err_pb"] < 4e-3 * meta["sigma_pb"]
        assert abs(meta["monte_carlo_pb"] - meta["sigma_pb"]) < 4.0 * error
        assert meta["efficiency"] > 0.3


def test_muon_angle_and_electron_angle_agree_with_integrals(samplers):
    """Angles are no variables of the cube: their shares test the momenta that are written."""
    reaction, cuts = CASES["zprime"]
    n = 200_000
    p = particles(draw_events(samplers["zprime"], n, stream(7)), 5)
    theta_mu = np.arctan2(np.hypot(p[:, 2, 1], p[:, 2, 2]), p[:, 2, 3])
    theta_e = np.arctan2(np.hypot(p[:, 3, 1], p[:, 3, 2]), p[:, 3, 3])
    total = total_cross_section(reaction, cuts).sigma_pb
    for tighter, found in (
        (dataclasses.replace(cuts, theta_mu_min=2e-3), np.mean(theta_mu > 2e-3)),
        (dataclasses.replace(cuts, theta_e_max=8e-3), np.mean(theta_e < 8e-3)),
        (dataclasses.replace(cuts, emitted_energy_min=60.0), np.mean(p[:, 4, 0] > 60.0)),
    ):
        share = total_cross_section(reaction, tighter, accuracy=1e-3).sigma_pb / total
        assert 0.05 < share < 0.95
        assert abs(found - share) < 4.0 * math.sqrt(share * (1 - share) / n) + 1e-3 * share


def test_the_seed_decides(samplers):
    one = draw_events(samplers["zprime"], 500, stream(1, 2))
    again = draw_events(samplers["zprime"], 500, stream(1, 2))
    other = draw_events(samplers["zprime"], 500, stream(1, 3))
    assert np.array_equal(one.p4, again.p4)
    assert not np.array_equal(one.p4, other.p4)


def test_event_numbers_and_places(samplers):
    events = draw_events(samplers["zprime"], 20_000, stream(8), event_offset=100)
    assert events.event[0] == 100
    assert events.n_events == 20_000
    placed = place_in_stations(events, stream(9), stations=40, thickness=1.5, pitch=100.0, z=50.0)
    z = placed.x4[::5, 3]
    assert np.all(placed.x4[::5, 3] == placed.x4[4::5, 3])
    station, inside = np.divmod(z - 50.0, 100.0)
    assert inside.max() <= 1.5
    counts = np.bincount(station.astype(int), minlength=40)
    assert len(counts) == 40
    assert chi2.sf(np.sum((counts - 500.0) ** 2 / 500.0), 39) > 1e-4
    assert np.all(placed.x4[:, 0] > placed.x4[:, 3])  # slower than light
    with pytest.raises(OutOfRange, match="overlap"):
        place_in_stations(events, stream(9), stations=2, thickness=1.5, pitch=1.0)


def test_nothing_to_draw_is_refused():
    with pytest.raises(OutOfRange, match="passes these cuts"):
        make_sampler(Reaction(ZPRIME, E1, 0.29, 1e-3), PAPER_CUTS)
    with pytest.raises(OutOfRange, match="passes these cuts"):
        make_sampler(Reaction(ELASTIC, E1), PAPER_CUTS)
    with pytest.raises(OutOfRange, match="not drawn"):
        make_sampler(Reaction(NUNU, E1), PAPER_CUTS)
    with pytest.raises(OutOfRange, match="soft photons"):
        make_sampler(Reaction(GAMMA, E1))


def test_number_of_events_is_checked(samplers):
    with pytest.raises(OutOfRange):
        draw_events(samplers["zprime"], 0, stream(1))
