"""Muon pairs in a target: how many, events at large angles, and what the cuts leave."""

import math

import numpy as np
import pytest

from mutau.background import dimuons as module
from mutau.background.dimuon_events import (
    HARDER,
    NARROW,
    OPPOSITE,
    SLOWEST,
    WIDE,
    converted_triples,
    direct_triples,
)
from mutau.background.dimuon_production import elements_of, pair_production, pairs_per_cm
from mutau.background.dimuons import (
    STEPS,
    VARIANTS,
    _at_vertices,
    _azimuths,
    _hcal_below,
    _missed,
    dimuon_rates,
    dimuons,
    paper_estimate,
)
from mutau.background.hadron_decays_tracks import MuonTracks, outgoing_trackers
from mutau.core.constants import M_MU
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.experiment import load_experiment, replace
from mutau.matter import material
from mutau.reactions.lepton_pairs import PairReaction, cross_section

pytestmark = pytest.mark.compiled

NA64MU = load_experiment("na64mu")


def test_pairs_of_the_target():
    made = pair_production(NA64MU)
    assert paper_estimate(NA64MU) == made.real
    assert made.bremsstrahlung > made.knock_on > 0.0
    # a photon meets one radiation length of its own, the muon forty
    assert made.direct > 5.0 * made.real
    assert made.above(80.0) < made.above(16.0) < made.direct + made.real
    assert made.above(1.0) == pytest.approx(made.real + made.by_virtual.sum())
    thin = pair_production(replace(NA64MU, {"target/thickness": "20 X0", "target/length": "23 cm"}))
    assert thin.direct == pytest.approx(0.5 * made.direct, rel=1e-6)
    assert thin.real == pytest.approx(0.5 * made.real, rel=1e-6)


def test_direct_pairs_are_atoms_times_cross_section():
    """9 X0 of lead alone: n L sigma of pairs above 1 GeV, nearly all of them."""
    lead = material("lead")
    ((nucleus, atoms),) = elements_of(lead)[0]
    assert elements_of(lead)[1] == 1.0
    reaction = PairReaction("muon", "muon", 160.0, nucleus, {"pair_energy": (1.0, math.inf)})
    expected = atoms * PB_CM2 * cross_section(reaction, error=5e-3).sigma_pb
    assert pairs_per_cm(lead, "muon", 160.0) == pytest.approx(expected, rel=0.02)
    # of light elements the rest counts by Z^2
    assert 1.0 <= elements_of(material(NA64MU.target.material))[1] < 1.02


@pytest.fixture(scope="module")
def triples():
    return direct_triples(NA64MU, HARDER, 89.6, False, 400, stream(2))[0]


def test_events_are_of_their_class(triples):
    theta = np.arctan2(np.hypot(triples.p4[..., 1], triples.p4[..., 2]), triples.p4[..., 3])
    assert np.all(theta[:, 1:] >= NARROW)
    assert np.all((triples.p4[:, 0, 0] >= SLOWEST) & (triples.p4[:, 0, 0] <= 89.6))
    wide = np.all((theta[:, 1:] >= WIDE[0]) & (theta[:, 1:] <= WIDE[1]), axis=1)
    assert np.array_equal(triples.weight == 0.0, wide)
    square = triples.p4[..., 0] ** 2 - np.sum(triples.p4[..., 1:] ** 2, axis=-1)
    assert square == pytest.approx(np.full((400, 3), M_MU**2), abs=1e-6)
    # a heavy nucleus takes next to no energy
    assert triples.p4[..., 0].sum(axis=1) == pytest.approx(np.full(400, 160.0), abs=0.1)


def test_real_photons_make_few_of_the_pairs_at_large_angles(triples):
    real = converted_triples(NA64MU, 89.6, False, 400, stream(2))
    number = sum(part.weight.sum() for part in real)
    assert 1e-3 < number / triples.weight.sum() < 0.2
    for part in real:  # photons of half a per cent about a node
        balance = part.p4[..., 0].sum(axis=1)
        assert balance == pytest.approx(np.full(len(part.p4), 160.0), abs=0.006 * 160.0)


def test_placed_events_stand_for_as_many_as_the_target_is_thick(triples):
    """Pairs per cm times 40 X0 of cm, turned and tried as often as one likes; nothing leaves the
    target before its face or ends beyond its rear."""
    tried = _at_vertices(NA64MU, triples, stream(6))
    thick = NA64MU.target.thickness.cm(material(NA64MU.target.material).radiation_length_cm)
    expected = thick * triples.weight.sum()
    error = float(np.sqrt(np.sum(tried.weight**2)))
    assert error < 0.1 * expected
    assert tried.weight.sum() == pytest.approx(expected, abs=4.0 * error)
    thin = replace(NA64MU, {"target/thickness": "20 X0"})  # as long, half as dense
    half = _at_vertices(thin, triples, stream(6))
    assert half.weight == pytest.approx(0.5 * tried.weight, rel=1e-12)


def test_the_azimuths_are_drawn_from_their_density():
    n, rng = 100_000, stream(5)
    muon = np.column_stack([np.ones(n), rng.normal(size=(n, 2)), np.ones(n)])
    angle, density = _azimuths(muon, rng)
    now = np.arctan2(muon[:, 2], muon[:, 1]) + angle
    assert np.mean(1.0 / density) == pytest.approx(1.0, abs=5.0 * np.std(1.0 / density) / n**0.5)
    for low, high in ((-0.3, 0.3), (1.2, 1.8), (1.9, 2.1)):
        turned = (now - low) % (2.0 * math.pi)
        found = np.where(turned < high - low, 1.0 / density, 0.0)
        expected = (high - low) / (2.0 * math.pi)
        assert found.mean() == pytest.approx(expected, abs=5.0 * found.std() / n**0.5)


def test_chance_to_miss_a_muon():
    names = outgoing_trackers(NA64MU)
    bits = (1 << len(names)) - 1
    position = {name: np.array([[0.0, 0.0], [3.0, 0.0], [0.05, 0.0]]) for name in names}
    tracks = MuonTracks(np.ones(3), np.ones(3), np.array([bits] * 3), names, position, (), ())
    missed = _missed(NA64MU, tracks, 0, 1)[0]
    assert missed == pytest.approx([1.0, 0.02**6, 1.0])  # 3 cm apart; half a millimetre apart
    assert _missed(NA64MU, tracks, 0, 1, 0.02)[0] == pytest.approx([1.0, 0.02**6, 0.02**6])
    one = 6 * 0.98 * 0.02**5  # of six planes just one sees it
    assert _missed(NA64MU, tracks, 0, 1, 0.1, 2)[0, 1] == pytest.approx(0.02**6 + one)
    fewer = MuonTracks(np.ones(3), np.ones(3), np.array([bits, 1, 0]), names, position, (), ())
    assert _missed(NA64MU, fewer, 0, 1)[0] == pytest.approx([1.0, 0.02, 1.0])


def test_double_mip_signature():
    """One muon is one: a few per mille above 1.5 in both modules; two are two, and three are more;
    two of which one misses the second module pass."""
    names = ("HCAL1", "HCAL2")
    both, first = 0b11, 0b01
    touched = np.array([both, 0, 0, both, both, 0, both, both, both, both, first, 0])
    energy = np.full(12, 40.0)
    tracks = MuonTracks(energy, energy, touched, names, {}, (), ())
    chance = _hcal_below(NA64MU, tracks, 1e9, 1.5)
    assert 0.97 < chance[0] < 1.0
    assert chance[1] < 1e-4
    assert chance[2] < 1e-4
    assert chance[3] > 0.9
    assert np.all(_hcal_below(NA64MU, tracks, 1e9, math.inf) > 1.0 - 1e-6)
    # a tighter sum of deposits only takes more away
    assert np.all(_hcal_below(NA64MU, tracks, 4.0, 1.5) <= chance)


@pytest.fixture
def quick(monkeypatch):
    """Few tries of each event."""
    monkeypatch.setattr(module, "TRIES", {True: 20, False: 10})


def test_selection_of_pairs(quick):
    rates = dimuon_rates(NA64MU, n=2000, seed=4)
    value = dict(zip(rates.names, rates.value, strict=True))
    assert rates.names == STEPS
    assert np.all(np.diff(rates.value) <= 0.0)
    assert value["triggered"] < 0.1 * value["made"]
    assert set(rates.variants) == set(VARIANTS)
    by = rates.variants
    # what is allowed more lets more through, event by event
    assert by["VHCAL cut halved"] <= by["VHCAL scale up"] <= value["selected"]
    assert value["selected"] <= by["VHCAL scale down"] <= by["VHCAL cut doubled"]
    assert value["selected"] <= by["a track needs 3 planes"]
    assert value["selected"] <= by["without the double-MIP cut"] <= 1e-12
    better = {f"detector/tracker[MM{i}]/efficiency": "99.99 %" for i in range(1, 7)}
    assert dimuon_rates(replace(NA64MU, better), n=2000, seed=4).value[2] < value["one track"]


def test_estimate_carries_its_range(quick, monkeypatch):
    monkeypatch.setattr(module, "_FEWEST", 2000)
    found = dimuons(NA64MU, 4, 1e-3)
    parts = found.parts
    assert parts["lowest over the assumptions"] <= found.per_particle
    assert found.per_particle <= parts["highest over the assumptions"]
    assert parts["numerical error"] <= found.model_err
    assert found.paper_id == "mu.table1.dimuon"
    assert found.per_particle == dimuons(NA64MU, 4, 1e-3).per_particle


def test_wrong_input():
    with pytest.raises(MutauError, match="no tracking planes"):
        dimuon_rates(load_experiment("m3"), n=1000)


def test_opposite_muon_is_bent_away():
    """Few events in which the muon of the other charge is the one seen."""
    other = direct_triples(NA64MU, OPPOSITE, 89.6, False, 50, stream(1))[0]
    assert other.seen == OPPOSITE
    assert np.all(other.p4[:, OPPOSITE, 0] <= 89.6)
