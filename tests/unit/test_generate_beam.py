"""Signal events have the beam of the file: spot, divergence, energy spread, in every process."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

import mutau
from mutau.core.constants import M_MU
from mutau.core.random import REACH, cut_normal, stream
from mutau.experiment import load_experiment, replace
from mutau.matter import material, mean_energy_after
from mutau.reactions.muon_electron import total_cross_section
from mutau.reactions.muon_electron_events import draw_events, make_sampler
from mutau.signal.generate import generate_events
from mutau.signal.incoming import beam_energies
from mutau.signal.muon_electron import reaction
from mutau.transport.shower import Emission, Shower, simulate_emissions

pytestmark = pytest.mark.compiled

POINT = mutau.LmuMinusLtau(mass=0.1, coupling=1e-3)
N = 4000
STILL = {
    "beam/spot_x": "0 cm", "beam/spot_y": "0 cm", "beam/divergence_x": "0 mrad",
    "beam/divergence_y": "0 mrad", "beam/energy_spread": "0 %",
}  # fmt: skip


def beam_of(events, face):
    """Energy, place at the face and slopes of the incoming particle of each event."""
    first = np.unique(events.event, return_index=True)[1]
    p4, x4 = events.p4[first], events.x4[first]
    slopes = p4[:, 1:3] / p4[:, 3:]
    return p4[:, 0], x4[:, 1:3] - (x4[:, 3:] - face) * slopes, slopes


def assert_rms(values, expected):
    """Root mean square within 4.5 standard errors of a Gaussian's."""
    assert np.sqrt(np.mean(values**2)) == pytest.approx(
        expected, rel=4.5 / np.sqrt(2.0 * len(values))
    )


@pytest.fixture(scope="module")
def muone():
    return load_experiment("muone")


@pytest.fixture(scope="module")
def muone_events(muone):
    return generate_events(POINT, muone, N, seed=1)


def test_muone_has_spot_divergence_and_spread(muone, muone_events):
    energy, place, slopes = beam_of(muone_events, muone.target.z)
    for column in range(2):
        assert_rms(place[:, column], 2.7)
        assert_rms(slopes[:, column], 3e-4)
    assert_rms(energy - energy.mean(), 0.0375 * 150.0)
    assert np.abs(energy / 150.0 - 1.0).max() <= 0.0375 * REACH * (1.0 + 1e-9)
    assert muone_events.meta["beam_energy_GeV"] == 150.0
    assert muone_events.meta["beam_energy_spread"] == 0.0375
    rows = muone_events.p4.reshape(N, 5, 4)
    assert np.abs(rows[:, :2].sum(axis=1) - rows[:, 2:].sum(axis=1)).max() < 1e-9 * 150.0
    masses = np.sqrt(rows[:, 0, 0] ** 2 - np.sum(rows[:, 0, 1:] ** 2, axis=1))
    assert masses == pytest.approx(np.full(N, M_MU), rel=1e-4)


def test_energies_are_those_that_make_the_signal(muone, muone_events):
    """The trials average the cross section over the spread: by Gauss-Hermite quadrature the same,
    and the mean energy is shifted by spread^2 d ln(sigma) / d ln(E)."""
    plain = reaction(muone, 0.1, 1e-3)

    def sigma(e):
        return total_cross_section(
            type(plain)(plain.process, e, mass=0.1, coupling=1e-3, beam_charge=1)
        ).sigma_pb

    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    values = np.array([sigma(150.0 * (1.0 + 0.0375 * z)) for z in nodes])
    mean = float(values @ weights / weights.sum())
    meta = muone_events.meta
    assert meta["monte_carlo_pb"] == pytest.approx(mean, abs=4.5 * meta["monte_carlo_err_pb"])
    shift = float(values * weights @ nodes / (values @ weights)) * 0.0375
    energy = muone_events.p4[::5, 0]
    assert energy.mean() / 150.0 - 1.0 == pytest.approx(shift, abs=4.5 * 0.0375 / np.sqrt(N))


def test_at_one_energy_the_events_are_those_of_that_energy(muone, muone_events):
    """In a slice of the spread electrons and angles are distributed as without any spread."""
    rows = muone_events.p4.reshape(N, 5, 4)
    near = np.abs(rows[:, 0, 0] - 150.0) < 2.0
    alone = draw_events(make_sampler(reaction(muone, 0.1, 1e-3)), 4000, stream(7))
    other = alone.p4.reshape(-1, 5, 4)

    def angle(p):
        beam, muon = p[:, 0, 1:], p[:, 2, 1:]
        size = np.linalg.norm(beam, axis=1) * np.linalg.norm(muon, axis=1)
        return np.linalg.norm(np.cross(beam, muon), axis=1) / size

    assert near.sum() > 500
    for measure in (lambda p: p[:, 3, 0], lambda p: p[:, 4, 0], angle):
        assert ks_2samp(measure(rows[near]), measure(other)).pvalue > 1e-3


def test_na64mu_has_the_core_of_its_beam():
    item = load_experiment("na64mu")
    events = generate_events(POINT, item, N, seed=1)
    energy, place, slopes = beam_of(events, item.target.z)
    assert_rms(place[:, 0], 0.9)
    assert_rms(place[:, 1], 1.9)
    assert_rms(slopes[:, 0], 4e-4)
    assert_rms(slopes[:, 1], 8e-4)
    found = np.corrcoef(place[:, 1], slopes[:, 1])[0, 1]
    assert found == pytest.approx(-0.907, abs=4.5 * (1 - 0.907**2) / np.sqrt(N))
    # the muon has lost the mean on its way to the vertex: some 1 GeV in all of the target
    assert_rms(energy - energy.mean(), 0.03 * 160.0)
    depth = events.x4[::5, 3] - item.target.z
    loss = 160.0 - mean_energy_after(160.0, material("lead-scintillator"), depth).mean()
    assert energy.mean() == pytest.approx(160.0 - loss, abs=4.5 * 0.03 * 160.0 / np.sqrt(N) + 0.05)


@pytest.mark.parametrize("name", ["muone", "na64mu"])
def test_a_still_beam_enters_on_the_axis(name):
    item = load_experiment(name)
    changes = dict(STILL)
    if item.beam.parts:
        changes["beam/parts"] = []
    still = replace(item, changes)
    events = generate_events(POINT, still, 200, seed=2)
    energy, place, slopes = beam_of(events, still.target.z)
    assert np.abs(place).max() == 0.0
    assert np.abs(slopes).max() == 0.0
    if name == "muone":
        assert np.all(energy == 150.0)


def test_a_shower_is_where_the_beam_is():
    """NA64-e: the emitters of a shower lie around the beam particle, whose spot is 1 cm."""
    item = replace(load_experiment("na64e"), {"beam/spot_x": "3 cm", "beam/divergence_y": "2 mrad"})
    model = mutau.LmuMinusLtau(0.2, 1e-3, alpha_d=0.1)
    events = generate_events(model, item, 600, seed=3)
    first = np.unique(events.event, return_index=True)[1]
    assert_rms(events.x4[first, 1], 3.0)  # of the shower itself 0.1 cm
    assert np.sqrt(np.mean(events.x4[first, 2] ** 2)) == pytest.approx(1.0, rel=0.15)
    direction = events.p4[first, 2] / events.p4[first, 3]
    still = generate_events(model, replace(item, "beam/divergence_y", "0 mrad"), 600, seed=3)
    alone = still.p4[first, 2] / still.p4[first, 3]
    assert np.median(np.abs(direction)) > 3.0 * np.median(np.abs(alone))


def test_electrons_of_a_thin_target_have_the_spread_of_the_beam():
    changes = {"beam/energy_spread": "2 %", "beam/spot_x": "1 cm", "target/thickness": "0.001 X0"}
    item = replace(load_experiment("ldmx-like"), changes)
    events = generate_events(mutau.LmuMinusLtau(0.01, 1e-3), item, 2000, seed=4)
    energy, place, _ = beam_of(events, item.target.z)
    assert_rms(energy - item.beam.energy, 0.02 * item.beam.energy)
    assert_rms(place[:, 0], 1.0)


def test_showers_of_a_beam_with_spread():
    """Some emitters have more than the mean energy; without a spread none has."""
    rate = Emission("x", ("e-",), np.array([5.0, 20.0]), np.ones(2), np.full((2, 2), 0.5))
    shower = Shower("e-", 10.0, material("lead"), cut=1.0)
    plain = simulate_emissions(shower, 500, [rate], seed=1)
    wide = simulate_emissions(shower, 500, [rate], spread=0.05, seed=1)
    assert plain.emitter_energy.max() <= 10.0
    assert 10.2 < wide.emitter_energy.max() <= 10.0 * (1.0 + 0.05 * REACH)
    assert wide.weight.mean() == pytest.approx(plain.weight.mean(), rel=0.1)


def test_a_phase_space_file_gives_its_moments(tmp_path):
    n = 2000
    rng = np.random.default_rng(1)
    columns = {
        "x_cm": rng.normal(0.0, 1.5, n), "y_cm": rng.normal(0.0, 0.5, n),
        "px_GeV": rng.normal(0.0, 0.05, n), "py_GeV": rng.normal(0.0, 0.02, n),
        "pz_GeV": rng.normal(160.0, 1.6, n),
    }  # fmt: skip
    table = np.column_stack(list(columns.values()))
    np.savetxt(tmp_path / "b.csv", table, delimiter=",", header=",".join(columns), comments="")
    changes = {"beam/parts": [], "beam/phase_space": str(tmp_path / "b.csv")}
    item = replace(load_experiment("na64mu"), changes)
    events = generate_events(POINT, item, 1000, seed=5)
    energy, place, slopes = beam_of(events, item.target.z)
    assert np.std(energy) / 160.0 == pytest.approx(0.01, rel=0.15)
    assert np.std(place[:, 1]) == pytest.approx(0.5, rel=0.2)
    assert np.std(slopes[:, 1]) == pytest.approx(0.02 / 160.0, rel=0.15)


def test_a_rate_weighs_the_energies():
    """A rate that grows like E shifts the mean by the spread squared; no rate leaves the mean."""
    item = replace(load_experiment("muone"), "beam/energy_spread", "10 %")
    found = beam_energies(item, 40_000, stream(1), lambda e: e)
    assert found.mean() / 150.0 == pytest.approx(1.01, abs=4.5 * 0.1 / 200.0)
    assert np.all(beam_energies(item, 3, stream(1), lambda e: 0.0 * e) == 150.0)
    z = cut_normal(100_000, stream(2))
    assert np.abs(z).max() <= REACH
