"""Hadrons in the beam: interaction lengths, suppression, deposits, and decays through the cuts."""

import math

import numpy as np
import pytest

from mutau.background.estimate import Estimate, exposure_of_one_event
from mutau.background.hadron_decays import (
    absorber_suppression,
    contamination,
    decay_rows,
    hadron_decays,
    paper_estimate,
    selected_decays,
)
from mutau.background.hadron_decays_hcal import ionisation_below, mip_probability
from mutau.background.hadron_decays_tracks import carry, reconstructed_below
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.random import stream
from mutau.experiment import load_experiment, replace
from mutau.matter.hadron_interactions import (
    nuclear_cross_sections,
    nucleon_cross_sections,
)
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.hadrons import hadron
from mutau.matter.landau import landau_parameters
from mutau.matter.materials import material
from mutau.selection.missing_momentum import cuts_of

NA64MU = load_experiment("na64mu")
MU_NU = hadron("K-").channel("mu", "nu")


def test_cross_sections_on_nucleons():
    # measured at 100 GeV/c: pi p 24 mb, 3.2 mb elastic; p p 38.4 mb, 6.8 mb elastic
    total, inelastic = nucleon_cross_sections("pi-", 100.0)
    assert total == pytest.approx(24.0, rel=0.03)
    assert total - inelastic == pytest.approx(3.2, rel=0.05)
    total, inelastic = nucleon_cross_sections("p", 100.0)
    assert total == pytest.approx(38.4, rel=0.01)
    assert total - inelastic == pytest.approx(6.8, rel=0.05)


@pytest.mark.parametrize(
    ("name", "published"),
    [("iron", 20.42), ("copper", 18.51), ("lead", 19.93), ("aluminium", 50.64)],
)
def test_pion_interaction_lengths_are_those_of_the_review(name, published):
    """PDG lists them; ours use the nucleon's and the ratio of tabulated cross sections."""
    found = inelastic_length("pi-", material(name), 200.0)
    assert found.cm == pytest.approx(published, rel=0.045 if name == "aluminium" else 0.025)


def test_nuclear_limits():
    one = nuclear_cross_sections("p", 1.0, 100.0)
    assert (one.total, one.total - one.elastic) == pytest.approx(nucleon_cross_sections("p", 100.0))
    lead = nuclear_cross_sections("p", 207.2, 100.0)
    # a black disc has elastic = absorption; lead comes close, and cannot exceed it
    assert 0.35 < lead.elastic / lead.total < 0.5
    assert lead.elastic + lead.absorption < lead.total * 1.01
    # absorption grows between A^(2/3) and A
    carbon = nuclear_cross_sections("p", 12.0, 100.0)
    power = math.log(lead.absorption / carbon.absorption) / math.log(207.2 / 12.0)
    assert 2.0 / 3.0 < power < 0.76


def test_absorber():
    # nucleons: exp(-150 cm/39.7 cm) = 0.023, the paper's number; kaons and pions see less
    assert absorber_suppression("p") == pytest.approx(math.exp(-150.0 / 39.7), rel=0.01)
    assert absorber_suppression("p") == pytest.approx(0.023, abs=5e-4)
    assert absorber_suppression("p") < absorber_suppression("pi-") < absorber_suppression("K-")
    assert absorber_suppression("K-", length=0.0) == 1.0
    assert absorber_suppression("K-", length=300.0) == pytest.approx(
        absorber_suppression("K-") ** 2
    )


def test_rows_by_hand():
    rows = {(r.hadron, r.channel): r for r in decay_rows(NA64MU)}
    kaon = rows["K-", "mu nu"]
    chance = 0.6356 * (1.0 - math.exp(-3600.0 / 1.2029e5))
    assert kaon.per_hadron == pytest.approx(chance, rel=1e-3)
    assert kaon.below == pytest.approx(chance * 0.607, rel=1e-3)
    assert kaon.per_particle == pytest.approx(3e-8 * chance * 0.607, rel=1e-3)
    assert paper_estimate(NA64MU) == kaon.per_particle
    assert rows["K-", "pi pi0"].below == 0.0
    total = sum(r.per_hadron for r in rows.values() if r.hadron == "K-")
    assert total == pytest.approx(1.0 - math.exp(-3600.0 / 1.2029e5), rel=1e-3)


def test_shorter_path_decays_less():
    rows = decay_rows(NA64MU, path=400.0)
    long = decay_rows(NA64MU)
    ratio = rows[2].per_hadron / long[2].per_hadron
    assert ratio == pytest.approx(400.0 / 3600.0, rel=0.02)


def test_contamination_comes_from_the_file():
    beam = contamination(NA64MU)
    assert (beam.pion, beam.kaon) == (1e-6, 3e-8)
    assert contamination(NA64MU, kaon=1e-7).kaon == 1e-7
    silent = NA64MU.to_dict()
    del silent["beam"]["kaons"]
    from mutau.experiment.loader import from_document

    with pytest.raises(MutauError, match="states no hadrons"):
        contamination(from_document(silent, "silent"))
    with pytest.raises(OutOfRange):
        contamination(pion=-1.0)


def test_landau_loss_of_a_metre_of_iron():
    # PDG eq. 34.12: xi = 0.1535 MeV 0.4656 787.4 = 56.3 MeV; 24.0 xi = 1.35 GeV
    mu, xi = landau_parameters(material("iron"), 100.0)
    assert xi == pytest.approx(0.153537e-3 * 26 / 55.845 * 787.4, rel=1e-3)
    by_hand = xi * (math.log(2.0 * 0.511e-3 * xi / (55.17e-9) ** 2) + 0.2)
    assert mu + xi * math.log(xi) == pytest.approx(by_hand, rel=1e-3)
    whole = landau_parameters(material("iron-scintillator"), 2.9)  # one period
    parts = [landau_parameters(material(n), d) for n, d in (("iron", 2.5), ("polystyrene", 0.4))]
    assert whole == pytest.approx(np.sum(parts, axis=0), rel=1e-9)


def test_two_muons_leave_more_than_one():
    crossed = {name: np.ones((1, 2), bool) for name in ("HCAL1", "HCAL2")}
    energy = np.array([[50.0, 50.0]])
    one = {name: np.array([[True, False]]) for name in crossed}
    assert ionisation_below(NA64MU, 6.0, energy, one)[0] > 0.9
    assert ionisation_below(NA64MU, 6.0, energy, crossed)[0] < 0.01
    assert ionisation_below(NA64MU, 6.0, energy, {n: ~m for n, m in crossed.items()})[0] == 1.0
    # a muon of 0.3 GeV leaves no more than its energy
    assert ionisation_below(NA64MU, 0.5, np.array([[0.3, 9.0]]), one)[0] == 1.0


@pytest.mark.compiled
def test_mip_probability_falls_with_energy_and_without_cut_is_one():
    chance = mip_probability(NA64MU, np.array([20.0, 80.0, 150.0]), 8.0)
    assert np.all(np.diff(chance) < 0.0)
    assert 0.8 < chance[1] < 0.99
    assert mip_probability(NA64MU, np.array([80.0]), math.inf)[0] == 1.0


def test_reconstructed_momentum():
    cuts = cuts_of(NA64MU)
    assert (cuts.muon_energy, cuts.resolution, cuts.calorimeters) == (80.0, 0.03, 20.0)
    chance = reconstructed_below([80.0, 77.6, 82.4, 160.0], cuts)
    assert chance[0] == pytest.approx(0.5)
    # one standard deviation off: 84.1 % and 15.9 % (width at the energy itself)
    assert chance[1] == pytest.approx(0.5 * (1.0 + math.erf(2.4 / (0.03 * 77.6) / math.sqrt(2))))
    assert chance[3] < 1e-60


@pytest.mark.compiled
def test_a_straight_muon_and_its_antimuon():
    """On the axis at 40 GeV: bent by 0.2998 1.4/40 = 10.5 mrad to one side or the other."""
    n = 400
    start, energy = np.zeros((n, 4)), np.full(n, 40.0)
    found = {}
    for charge in (1.0, -1.0):
        tracks = carry(NA64MU, start, energy, 500.0, stream(1), charge=charge, positions=True)
        found[charge] = tracks.position["MM6"][:, 0].mean()
        assert np.all(tracks.behind == 40.0)
    # MS2 from 8.9 to 10.9 m, MM6 at 14 m: 4.1 m behind its middle
    assert found[1.0] == pytest.approx(-0.0105 * 410.0, rel=0.03)
    assert found[-1.0] == pytest.approx(0.0105 * 410.0, rel=0.03)
    with pytest.raises(UnknownName):
        tracks.crossed("S9")


@pytest.mark.compiled
def test_kaons_through_the_selection():
    got = selected_decays(NA64MU, "K-", MU_NU, n=20_000, seed=3)
    # no more than what decays to a muon below 80 GeV, and not much less than a hundredth of it
    ceiling = 3e-8 * 0.0187 * (80.0 - 7.33) / (160.0 - 7.33) * 1.2
    assert 0.01 * ceiling < got.total < ceiling
    assert got.passed.err < 0.1 * got.total
    # twice the kaons, twice the background; nothing without
    beam = contamination(kaon=6e-8)
    double = selected_decays(NA64MU, "K-", MU_NU, n=20_000, seed=3, beam=beam)
    assert double.total == pytest.approx(2.0 * got.total)
    loose = replace(NA64MU, "cuts[3]/max", 0.9)
    assert selected_decays(loose, "K-", MU_NU, n=20_000, seed=3).total > 1.5 * got.total


@pytest.mark.compiled
def test_pions_need_a_loss_in_the_target():
    got = selected_decays(NA64MU, "pi-", hadron("pi-").channel("mu", "nu"), n=20_000, seed=3)
    assert 0.0 < got.total < 1e-12
    assert 1e-15 < got.hard.value < 1e-13


def test_wrong_paths_are_refused():
    for path in (0.0, -1.0, math.nan):
        with pytest.raises(OutOfRange, match="decay path"):
            selected_decays(NA64MU, "K-", MU_NU, n=100, path=path)
    with pytest.raises(OutOfRange):
        absorber_suppression("K-", length=-1.0)


@pytest.mark.compiled
def test_the_registered_source_and_the_exposure():
    found = hadron_decays(NA64MU, 2, 0.1)
    assert found.paper_id == "mu.table1.hadrons"
    assert found.per_particle == pytest.approx(
        sum(
            v
            for k, v in found.parts.items()
            if k.startswith(("pi- to mu", "K- to mu nu", "K- to pi0"))
        )
        - found.parts["K- to mu nu below 100 GeV, no selection"]
    )
    bound = found.parts["K_L, bound, not counted"]
    assert 0.0 < bound < 3e-8 * 2.0e-3  # as many as K-, times the chance to decay to pi mu nu
    assert found.parts["K_L, bound, with the absorber"] == pytest.approx(
        bound * absorber_suppression("K_L")
    )
    # decays within reach of the counters count, so nine times the path is not nine times as many
    assert bound / 9.0 < found.parts["K_L, bound, with a decay path of 4 m"] < bound
    one = Estimate("a", 1e-11, 0.0, 5e-12, "", "")
    two = Estimate("b", 3e-11, 0.0, 0.0, "", "")
    assert exposure_of_one_event([one, two]) == pytest.approx((2.5e10, 2.5e10 * 0.125))
    assert exposure_of_one_event([])[0] == math.inf
    with pytest.raises(MutauError, match="twice"):
        exposure_of_one_event([one, one])
