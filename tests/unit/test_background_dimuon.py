"""Muon pairs: cross sections against limits by hand, events, and what the cuts leave."""

import math

import numpy as np
import pytest

from mutau.background.dimuon_production import pair_production
from mutau.background.dimuons import (
    STEPS,
    _drawn_wide,
    _missed,
    dimuon_rates,
    dimuons,
    draw_pairs,
    paper_estimate,
)
from mutau.background.hadron_decays_tracks import MuonTracks, outgoing_trackers
from mutau.core.constants import ALPHA, E_CHARGE, M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.random import stream
from mutau.core.units import GEV2_PB
from mutau.experiment import load_experiment, replace
from mutau.matter.nucleus import Nucleus
from mutau.reactions.muon_brems import total as brems_total
from mutau.reactions.muon_pairs import (
    pair_mass_density,
    photon_differential,
    photon_flux,
    photon_total,
    radiative_differential,
    trident_differential,
    trident_fully_differential,
    trident_radiative,
    trident_total,
)
from mutau.reactions.muon_pairs_kernels import azimuth_means

pytestmark = pytest.mark.compiled

NA64MU = load_experiment("na64mu")
LEAD = {"nucleus": Nucleus(82.0, 207.2)}


def test_azimuthal_means_against_plain_averages():
    k2, q2, e2, x = 0.02, 0.003, 0.012, 0.3
    phi = (np.arange(20_000) + 0.5) * math.pi / 20_000
    k, q = math.sqrt(k2), math.sqrt(q2)
    k1 = np.stack([k * np.cos(phi) - (1 - x) * q, k * np.sin(phi)])
    k2v = np.stack([k * np.cos(phi) + x * q, k * np.sin(phi)])
    d1, d2 = np.sum(k1**2, axis=0) + e2, np.sum(k2v**2, axis=0) + e2
    vector = np.mean(np.sum((k1 / d1 - k2v / d2) ** 2, axis=0))
    scalar = np.mean((1 / d1 - 1 / d2) ** 2)
    assert azimuth_means(k2, q2, e2, x) == pytest.approx((vector, scalar), rel=1e-7)
    # no kick, nothing happens
    assert azimuth_means(k2, 0.0, e2, x) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_electron_pairs_give_the_radiation_length():
    """Screened Bethe-Heitler: 4 alpha r_e^2 Z^2 (7/9 L - 1/54), L = ln(184.15 Z^-1/3) (Tsai)."""
    log = math.log(184.15 * 82.0 ** (-1.0 / 3.0))
    r_e = ALPHA / M_E
    tsai = 4.0 * ALPHA * r_e**2 * 82.0**2 * (7.0 / 9.0 * log - 1.0 / 54.0) * GEV2_PB
    ours = float(photon_total(1e4, mass=M_E, **LEAD))
    assert ours == pytest.approx(tsai, rel=0.005)


def test_unscreened_point_nucleus_gives_bethe_and_heitler():
    """4 alpha Z^2 r^2 [(x^2+(1-x)^2 + 2/3 x(1-x))(ln(2 E x(1-x)/m) - 1/2)], no form factor.

    A nucleus as small as "unscreened" allows is still cut at its radius, so electrons are taken:
    their Compton wavelength is far above it.
    """
    energy, x = 5.0, 0.4
    r = ALPHA / M_E
    weight = x * x + (1 - x) ** 2 + 2.0 / 3.0 * x * (1 - x)
    log = math.log(2.0 * energy * x * (1 - x) / M_E) - 0.5
    by_hand = 4.0 * ALPHA * r * r * weight * log * GEV2_PB
    ours = float(photon_differential(x, energy, Nucleus(1.0, 1.0, "unscreened"), mass=M_E))
    assert ours == pytest.approx(by_hand, rel=0.01)


def test_photon_cross_section_has_its_symmetry_and_threshold():
    x = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    values = photon_differential(x, 50.0, **LEAD)
    assert values == pytest.approx(values[::-1], rel=1e-9)
    assert float(photon_differential(1.2, 50.0, **LEAD)) == 0.0
    sigma = photon_total([0.5, 2.0, 20.0, 200.0], **LEAD)
    assert np.all(np.diff(sigma) > 0.0)
    assert sigma[0] < 1e-2 * sigma[3]
    # Z^2 for a small nucleus charge against lead: form factors leave the order of magnitude
    carbon = float(photon_total(100.0, Nucleus(6.0, 12.011)))
    assert 0.5 < carbon / float(photon_total(100.0, **LEAD)) * (82.0 / 6.0) ** 2 < 3.0


def test_small_losses_are_photons_on_their_own():
    """v -> 0: the trident is flux times photon cross section, Q^2 from m^2 v^2 to about m^2."""
    v, energy = 0.02, 1000.0
    q2 = np.geomspace(M_MU**2 * v**2 / (1 - v), 0.2 * M_MU**2, 400)
    flux = np.trapezoid(photon_flux(v, q2)[0], np.log(q2))
    top = np.trapezoid(photon_flux(v, np.geomspace(q2[0], 4.0 * M_MU**2, 400))[0],
                       np.log(np.geomspace(q2[0], 4.0 * M_MU**2, 400)))  # fmt: skip
    ours = float(trident_differential(v, energy, **LEAD))
    sigma = float(photon_total(v * energy, **LEAD))
    assert flux * sigma < ours < top * sigma


def test_fully_differential_integrates_to_the_spectrum():
    n, v, rng = 60_000, 0.5, stream(1)
    least = M_MU**2 * v**2 / (1 - v)
    span = math.log(10.0 / least)
    q2 = least * np.exp(span * rng.random(n))
    x = rng.uniform(0.0, 1.0, n)
    e2 = M_MU**2 + x * (1 - x) * q2
    u = rng.random(n)
    u = u / (1 - u)
    jacobian = span * e2 * (1 + u) ** 2
    values = jacobian * trident_fully_differential(np.full(n, v), q2, x, u * e2, 160.0, **LEAD)
    expected = float(trident_differential(v, 160.0, **LEAD))
    assert values.mean() == pytest.approx(expected, abs=5.0 * values.std() / math.sqrt(n))
    assert values.std() / math.sqrt(n) < 0.02 * expected


def test_direct_cross_sections():
    whole, hard = trident_total(160.0, **LEAD), trident_total(160.0, low=0.5, **LEAD)
    assert 0.03 < hard.sigma_pb / whole.sigma_pb < 0.1
    assert whole.sigma_err_pb < 0.03 * whole.sigma_pb
    radiated = trident_radiative(160.0, **LEAD)
    v = np.concatenate([np.linspace(0.01, 0.9, 60), np.linspace(0.9, 0.999, 60)[1:]])
    integral = np.trapezoid(radiative_differential(v, 160.0, **LEAD), v)
    assert integral == pytest.approx(radiated.sigma_pb, rel=0.05)
    assert trident_total(160.0, low=0.9999, **LEAD).sigma_pb == 0.0


def test_photons_of_a_mass_become_pairs():
    # vacuum polarisation far above threshold: alpha/(3 pi M^2); nothing below
    assert float(pair_mass_density(100.0)) == pytest.approx(ALPHA / (300.0 * math.pi), rel=1e-4)
    assert float(pair_mass_density(3.9 * M_MU**2)) == 0.0
    # a narrow slice of mass: the radiative process is emission times that density
    mass2 = (4.0 * M_MU**2, 4.0)
    grid = np.geomspace(*mass2, 30)[1:]
    sigma = [brems_total(160.0, math.sqrt(m), coupling=E_CHARGE, **LEAD).sigma_pb for m in grid]
    rough = np.trapezoid(np.array(sigma) * pair_mass_density(grid), grid)
    assert rough == pytest.approx(trident_radiative(160.0, **LEAD).sigma_pb, rel=0.1)


def test_pairs_of_the_target():
    made = pair_production(NA64MU)
    assert 3e-8 < made.real < 1e-6
    assert paper_estimate(NA64MU) == made.real
    assert made.bremsstrahlung > made.knock_on > 0.0
    # a photon meets one radiation length of its own, the muon forty
    assert made.direct > 5.0 * made.real
    assert made.above(0.5) < made.above(0.1) < made.direct + made.real
    thin = pair_production(replace(NA64MU, {"target/thickness": "20 X0", "target/length": "23 cm"}))
    assert thin.direct == pytest.approx(0.5 * made.direct, rel=1e-6)


def test_events_carry_the_number_of_pairs():
    events = draw_pairs(NA64MU, 30_000, stream(2), low=0.5)
    made = pair_production(NA64MU)
    assert events.weight.sum() == pytest.approx(made.above(0.5), rel=0.05)
    energies = events.muons[:, :, 0]
    assert energies.sum(axis=1) == pytest.approx(160.0)
    assert energies[:, 0] == pytest.approx((1.0 - events.v) * 160.0)
    # transverse momenta balance
    balance = np.sum(energies[:, :, None] * events.muons[:, :, 1:], axis=1)
    assert np.abs(balance).max() < 1e-9


def test_the_density_that_pairs_are_drawn_from():
    # mean of 1/density within a range is the range; 1 in all for the share that falls there
    rng, n = stream(5), 200_000
    u, density = _drawn_wide(np.full(n, 0.012), np.full(n, 0.3), rng)
    for low, high in ((0.5, 1.5), (2.0, 40.0), (50.0, 100.0), (150.0, 400.0)):
        inside = (u > low) & (u < high)
        found = np.where(inside, 1.0 / density, 0.0)
        err = found.std() / math.sqrt(n)
        assert found.mean() == pytest.approx(high - low, abs=4.0 * err)


def test_chance_to_miss_a_muon():
    names = outgoing_trackers(NA64MU)
    bits = (1 << len(names)) - 1
    position = {name: np.array([[0.0, 0.0], [3.0, 0.0], [0.05, 0.0]]) for name in names}
    tracks = MuonTracks(np.ones(3), np.ones(3), np.array([bits] * 3), names, position, (), ())
    missed = _missed(NA64MU, tracks, 0, 1)[0]
    assert missed == pytest.approx([1.0, 0.02**6, 1.0])  # 3 cm apart; half a millimetre apart
    fewer = MuonTracks(np.ones(3), np.ones(3), np.array([bits, 1, 0]), names, position, (), ())
    assert _missed(NA64MU, fewer, 0, 1)[0] == pytest.approx([1.0, 0.02, 1.0])


def test_selection_of_pairs():
    rates = dimuon_rates(NA64MU, n=30_000, seed=4)
    value = dict(zip(rates.names, rates.value, strict=True))
    assert rates.names == STEPS
    assert np.all(np.diff(rates.value) <= 0.0)
    assert value["triggered"] < 0.02 * value["made"]
    assert 0.0 < value["hcal"] < 1e-10
    # two muons in the HCAL are what a tighter cut removes
    assert value["hcal below 6 GeV"] < value["hcal"]
    better = {f"detector/tracker[MM{i}]/efficiency": "99.99 %" for i in range(1, 7)}
    assert dimuon_rates(replace(NA64MU, better), n=30_000, seed=4).value[2] <= value["one track"]
    found = dimuons(NA64MU, 4, 0.1)
    assert found.per_particle == pytest.approx(value["hcal"])
    assert found.paper_id == "mu.table1.dimuon"


def test_wrong_input():
    with pytest.raises(OutOfRange):
        photon_total(-1.0, **LEAD)
    with pytest.raises(OutOfRange):
        photon_total(10.0, mass=0.0, **LEAD)
    with pytest.raises(OutOfRange):
        trident_differential(0.5, 1.0, **LEAD)
    with pytest.raises(OutOfRange):
        photon_total(10.0, Nucleus(0.0, 1.0))
    with pytest.raises(MutauError, match="no tracking planes"):
        dimuon_rates(load_experiment("m3"), n=1000)
