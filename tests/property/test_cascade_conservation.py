"""What every shower obeys: energy, additivity, seeds; and rare emissions within it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.core.constants import M_E
from mutau.matter import material
from mutau.transport.em_cascade import track_lengths
from mutau.transport.shower import (
    Emission,
    EmissionSample,
    Shower,
    ShowerGeometry,
    ShowerSample,
    simulate_emissions,
    simulate_showers,
    visible_energy,
)

pytestmark = pytest.mark.compiled

LEAD = material("lead")
BROAD = np.geomspace(0.5, 40.0, 200)
REST = {"e-": -M_E, "e+": M_E, "gamma": 0.0}


@settings(max_examples=12, deadline=None)
@given(
    particle=st.sampled_from(["e-", "e+", "gamma"]),
    name=st.sampled_from(["lead", "carbon", "lead-scintillator"]),
    energy=st.floats(0.3, 300.0),
    share=st.floats(0.01, 0.3),
    depth=st.floats(0.5, 30.0),
    lateral=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_every_shower_conserves_energy(particle, name, energy, share, depth, lateral, seed):
    geometry = ShowerGeometry(
        sections=np.array([0.0, 0.5 * depth, depth]), lateral=lateral,
        rings=np.array([0.0, 1.0, 3.0]) if lateral else np.array([0.0, 1.0]),
    )  # fmt: skip
    got = simulate_showers(
        Shower(particle, energy, material(name), cut=max(share * energy, 0.01)),
        5,
        geometry=geometry,
        seed=seed,
    )
    total = got.deposits.sum(axis=(1, 2)) + got.leak
    assert total == pytest.approx(energy + REST[particle], rel=1e-12)
    assert np.all(got.deposits >= 0.0)
    assert np.all(got.leak >= 0.0)


def test_workers_and_chunks_change_nothing():
    one, two = (
        simulate_showers(Shower("e-", 20.0, LEAD, cut=0.5), 1200, seed=4, workers=w) for w in (1, 3)
    )
    assert np.array_equal(one.deposits, two.deposits)
    assert np.array_equal(one.electron, two.electron)
    assert np.array_equal(one.profile, two.profile)
    first = simulate_showers(Shower("e-", 20.0, LEAD, cut=0.5), 500, seed=4)
    assert np.array_equal(first.leak, one.leak[:500])
    geometry = ShowerGeometry(sections=np.array([0.0, 3.0, 30.0]))
    a, b = (
        simulate_showers(Shower("e-", 20.0, LEAD, cut=0.5), 20, seed=s, geometry=geometry)
        for s in (4, 5)
    )
    assert not np.array_equal(a.deposits, b.deposits)


def test_what_leaves_a_thin_target_and_what_stays():
    """Through 0.01 X0 an electron keeps its energy but for a mean loss of about 1 %."""
    thin = ShowerGeometry(
        sections=np.array([0.0, 0.01]), profile=np.linspace(0.0, 0.01, 3), lateral=True
    )
    got = simulate_showers(Shower("e-", 10.0, LEAD, cut=0.1), 2000, geometry=thin)
    assert got.leak.mean() == pytest.approx(10.0, rel=2e-3)
    assert got.electron @ np.diff(got.edges) == pytest.approx(0.01, rel=5e-3)


def test_charges_mirror_each_other():
    """The primary's sign changes little else: e+ of an e+ shower are the e- of an e- shower."""
    a = track_lengths("e-", 50.0, LEAD, [0.5, 50.0])
    b = track_lengths("e+", 50.0, LEAD, [0.5, 50.0])
    assert b.total("e+") == pytest.approx(a.total("e-"), rel=5e-3)
    assert b.total("e-") == pytest.approx(a.total("e+"), rel=5e-3)
    assert a.total("e-") > a.total("e+") + 2.5  # the primary itself


def test_a_photon_is_half_electron_half_positron():
    got = track_lengths("gamma", 50.0, LEAD, np.geomspace(1.0, 50.0, 6))
    assert got.electron == pytest.approx(got.positron, rel=5e-3)
    assert got.uncollided == pytest.approx(9 / 7, rel=0.02)
    inside = got.integrate(np.ones_like, "gamma")[0]
    assert inside == pytest.approx(np.sum(got.photon * np.diff(got.edges)), rel=2e-3)


def test_integrals_are_consistent():
    edges = np.geomspace(0.1, 30.0, 13)
    got = track_lengths("e-", 30.0, LEAD, edges)
    for name, bins in (("e-", got.electron), ("e+", got.positron)):
        assert got.total(name) == pytest.approx(np.sum(bins * np.diff(edges)), rel=1e-3)
        parts = sum(got.total(name, *pair) for pair in ((0.1, 2.0), (2.0, 30.0)))
        assert parts == pytest.approx(got.total(name), rel=1e-9)
    # a step inside the range, with and without telling where
    step = got.integrate(lambda e: np.where(e > 7.0, 2.0, 0.0), "e+", points=[7.0])[0]
    assert step == pytest.approx(2.0 * got.total("e+", 7.0), rel=1e-6)
    # a narrow resonance is its area times the density there
    width, at = 1e-5, 11.0
    knots = at + width * np.linspace(-200, 200, 101)
    value, _ = got.integrate(
        lambda e: width / np.pi / ((e - at) ** 2 + width**2), "e+", points=knots
    )
    assert value == pytest.approx(float(got.density("e+", at)), rel=5e-3)


def emissions(scale=1e-6):
    steps = np.linspace(0.0, 1.0, 17)
    radiated = Emission(
        "radiation",
        ("e-", "e+"),
        BROAD,
        scale * np.sqrt(BROAD),
        np.tile(0.5 + 0.5 * steps, (200, 1)),
    )
    around = np.linspace(14.0, 16.0, 81)
    peak = Emission(
        "annihilation", ("e+",), around, 20 * scale * np.exp(-0.5 * ((around - 15.0) / 0.3) ** 2)
    )
    return radiated, peak


def test_forced_emissions_give_the_mean_of_the_equations():
    """Yield by channel and by emitter is the rate over the mean track length."""
    radiated, peak = emissions()
    n = 6000
    got = simulate_emissions(Shower("e-", 40.0, LEAD, cut=0.5), n, [radiated, peak], seed=2)
    mean = track_lengths("e-", 40.0, LEAD, np.geomspace(0.5, 40.0, 9))

    def rate(e):
        return 1e-6 * np.sqrt(e)

    def resonance(e):
        return 2e-5 * np.exp(-0.5 * ((e - 15.0) / 0.3) ** 2)

    expected = {
        (0, 11): mean.integrate(rate, "e-")[0],
        (0, -11): mean.integrate(rate, "e+")[0],
        (1, -11): mean.integrate(resonance, "e+", 14.0, 16.0, points=np.linspace(14, 16, 21))[0],
    }
    for (channel, emitter), value in expected.items():
        w = got.weight * ((got.channel == channel) & (got.emitter == emitter))
        assert abs(w.mean() - value) < 4.0 * w.std() / np.sqrt(n) + 3e-3 * value
    assert not np.any((got.channel == 1) & (got.emitter == 11))
    assert got.weight.mean() == pytest.approx(sum(expected.values()), rel=0.01)


def test_the_rest_of_a_shower_lacks_the_boson():
    geometry = ShowerGeometry(sections=np.array([0.0, 4.0, 25.0]), lateral=True)
    got = simulate_emissions(Shower("e-", 40.0, LEAD, cut=0.5), 800, emissions(), geometry=geometry)
    total = got.deposits.sum(axis=(1, 2)) + got.leak + got.boson_energy
    assert total == pytest.approx(40.0 - M_E, rel=1e-12)
    radiated = got.channel == 0
    share = got.boson_energy[radiated] / got.emitter_energy[radiated]
    assert np.all((share >= 0.5) & (share <= 1.0))
    assert share.mean() == pytest.approx(0.75, abs=0.02)
    whole = got.boson_energy[~radiated] - got.emitter_energy[~radiated]
    assert whole == pytest.approx(M_E)
    assert np.all((got.position[:, 0] >= 0.0) & (got.position[:, 0] <= 25.0))
    assert np.linalg.norm(got.direction, axis=1) == pytest.approx(1.0)


def test_no_possible_emission_has_no_weight():
    far = Emission("far", ("e+",), np.array([50.0, 60.0]), np.ones(2))
    got = simulate_emissions(Shower("e-", 40.0, LEAD, cut=0.5), 20, [far])
    assert np.all(got.weight == 0.0)
    assert np.all(got.boson_energy == 0.0)


def test_a_thin_target_emits_in_proportion():
    """Flat rate, 0.02 X0: the primary's length times the rate, flat in depth."""
    flat = Emission("flat", ("e-",), np.array([0.5, 41.0]), np.full(2, 1e-3), np.zeros((2, 2)))
    thin = ShowerGeometry(sections=np.array([0.0, 0.02]), profile=np.linspace(0.0, 0.02, 3))
    got = simulate_emissions(Shower("e-", 40.0, LEAD, cut=0.5), 3000, [flat], geometry=thin)
    assert got.weight.mean() == pytest.approx(2e-5, rel=1e-2)
    assert got.position[:, 0].mean() == pytest.approx(0.01, abs=4e-4)


def test_samples_save_and_load(tmp_path):
    got = simulate_emissions(Shower("e-", 40.0, LEAD, cut=0.5), 20, emissions())
    got.save(tmp_path / "emissions.npz")
    back = EmissionSample.load(tmp_path / "emissions.npz")
    assert np.array_equal(back.deposits, got.deposits)
    assert back.channels == ("radiation", "annihilation")
    shower = simulate_showers(Shower("e-", 40.0, LEAD, cut=0.5), 20)
    shower.save(tmp_path / "showers.npz")
    assert np.array_equal(ShowerSample.load(tmp_path / "showers.npz").profile, shower.profile)


def test_readings_have_the_mean_and_width_asked_for():
    rng = np.random.default_rng(1)
    left = np.full(40000, 50.0)
    seen = visible_energy(left, 0.1, 0.02, 0.3, rng)
    sigma = np.sqrt(0.1**2 * 50 + (0.02 * 50) ** 2 + 0.3**2)
    assert seen.mean() == pytest.approx(50.0, abs=4 * sigma / 200)
    assert seen.std() == pytest.approx(sigma, rel=0.02)
    low = visible_energy(np.array([0.0, 1e-3, 0.5]), 0.5, 0.0, 0.0, rng)
    assert low[0] == 0.0
    assert np.all(low >= 0.0)
    assert np.array_equal(visible_energy(left[:3], 0.0, 0.0, 0.0, rng), left[:3])


def test_what_is_not_followed_far_away_is_leakage():
    """Sections before the far depth do not notice, where nothing goes backwards."""
    sections = np.array([0.0, 4.0, 30.0])
    whole = simulate_showers(
        Shower("e-", 20.0, LEAD, cut=0.1), 600, geometry=ShowerGeometry(sections=sections), seed=4
    )
    short = simulate_showers(
        Shower("e-", 20.0, LEAD, cut=0.1),
        600,
        seed=5,
        geometry=ShowerGeometry(sections=sections, far=(4.0, 5.0)),
    )
    front = [sample.deposits[:, 0, 0] for sample in (whole, short)]
    err = np.hypot(*(f.std() / np.sqrt(600) for f in front))
    assert abs(front[0].mean() - front[1].mean()) < 4.0 * err
    assert short.deposits[:, 1].sum() < 0.2 * whole.deposits[:, 1].sum()
    assert short.leak + short.deposits.sum(axis=(1, 2)) == pytest.approx(20.0 - M_E, rel=1e-9)
    # tracks above 5 GeV are all there
    high = [s.electron[s.edges[:-1] > 5.0] for s in (whole, short)]
    errs = [s.err[0][s.edges[:-1] > 5.0] for s in (whole, short)]
    assert np.all(np.abs(high[0] - high[1]) < 4.0 * np.hypot(*errs))
