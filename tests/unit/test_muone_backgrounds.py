"""Backgrounds of muon on electron under any cuts, the verb `background`, the photon veto."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mutau.background import muone, muone_needs
from mutau.background import muone_sources as ours
from mutau.background.estimate import Estimate
from mutau.background.muone import EventNumber
from mutau.background.muone_components import Component
from mutau.background.muone_inelastic import INELASTIC
from mutau.background.muone_tails import TAILS
from mutau.background.registry import (
    background_result,
    background_sources,
    not_computed,
    particles_on_target,
    source_row,
)
from mutau.core.errors import MutauError, NotApplicable, OutOfRange, UnknownName
from mutau.core.random import stream
from mutau.experiment import experiment_names, load_experiment, replace
from mutau.matter import material
from mutau.matter.multiple_scattering import scatter
from mutau.models import LmuMinusLtau
from mutau.reactions.muon_electron import ELASTIC, Cuts, Reaction, total_cross_section
from mutau.selection.variables import Sample
from mutau.signal.muone_response import response

#: Every source of mu e -> mu e Z', in the order of the table.
NAMES = [
    "inelastic scattering on nuclei", "electron pairs on nuclei", "electron pairs on electrons",
    "converted photons on nuclei", "double scattering", "radiative events", "elastic leakage",
    "neutrino pairs", "tails of the calorimeter", "pions on electrons", "pile-up",
    "decays of beam muons",
]  # fmt: skip
MUONE = load_experiment("muone")
SPECTROMETER = load_experiment("muone-spectrometer")
EXPOSURE = 15e3


def test_the_photon_cut_lets_through_what_the_veto_misses():
    """By hand: four events of weight 2; a photon, no photon, a photon but the angle fails, soft."""
    forward = np.tile([100.0, 0.0, 0.0, 100.0], (4, 1))
    muon = np.stack([[100.0, 0.2, 0.0, 100.0]] * 4)
    muon[2, 1] = 0.01
    columns = {
        "p_beam": forward,
        "p_muon": muon,
        "p_electron": np.stack([[5.0, -0.05, 0.0, 5.0]] * 4),
        "photon_energy": np.array([20.0, 0.0, 20.0, 0.5]),
    }
    part = Component("x", Sample(150.0, np.full(4, 2.0), columns), np.full(4, 1e-3))
    assert part.kept(MUONE.cuts).tolist() == [2e-3, 2.0, 0.0, 2.0]
    found = part.events(MUONE.cuts)
    assert found.events == pytest.approx(4.002)
    # two equal weights and nearly nothing: sqrt(n + 1) of them
    assert found.error == pytest.approx(2.0 * math.sqrt(3.0), rel=1e-5)


def test_elastic_sample_adds_up_to_the_cross_section():
    reaction = Reaction(ELASTIC, 150.0)
    cuts = Cuts(electron_energy_min=5.0, electron_energy_max=20.0)
    measures = response(MUONE)
    for stretch in (1.0, 3.0):
        sample = muone.elastic_sample(
            reaction, measures, (5.0, 20.0), 7.0, stream(1), n=100_000, kinked=False,
            stretch=stretch,
        )  # fmt: skip
        # alpha runs: 1.3 to 1.5 % more from 5 to 20 GeV, most of it at the lower end
        expected = 7.0 * 1.0136 * total_cross_section(reaction, cuts).sigma_pb
        error = np.sqrt(np.sum(sample.weight**2))
        assert abs(sample.weight.sum() - expected) < 4.0 * error
        assert error < 0.02 * expected


@pytest.mark.compiled
def test_forced_electrons_scatter_as_they_do_collision_by_collision():
    """2 GeV behind 1 cm of beryllium: core, shoulder and hard tail."""
    beryllium, n = material("beryllium"), 100_000
    momentum, path = np.full(n, 2.0), np.ones(n)
    angles, weight = muone.electron_scatter(momentum, beryllium, path, stream(2))
    plain = scatter(2.0, beryllium, path, stream(3), mass=0.000511, electron_top=0.025)
    ours_, theirs = np.hypot(*angles), np.hypot(plain[:, 0], plain[:, 1])
    assert weight.mean() == pytest.approx(1.0, abs=0.01)
    for edge in (5e-4, 1.5e-3, 3e-3, 6e-3, 1.2e-2):
        forced = weight[ours_ > edge]
        share, error = forced.sum() / n, np.sqrt(np.sum(forced**2)) / n
        expected = np.mean(theirs > edge)
        allowed = 3.5 * math.hypot(error, math.sqrt(expected / n)) + 0.02 * expected
        assert abs(share - expected) < allowed, edge


def test_double_scattering_is_that_of_the_window():
    """The file's cuts and `background.muone.Window` select the same."""
    found = ours.double_scattering(MUONE, 1, 0.5)
    window = muone.double_scattering(
        Reaction(ELASTIC, 150.0, beam_charge=1), response(MUONE), muone.CutWindow(), EXPOSURE,
        stream(4), n=100_000,
    )  # fmt: skip
    value, error = 5.06e14 * found.per_particle, 5.06e14 * found.err
    assert abs(value - window.events) < 3.5 * math.hypot(error, window.error)


@pytest.mark.compiled
def test_the_stated_inefficiency_of_the_veto_is_taken_as_it_is():
    """1e-6 and 1e-5 of 3.6e8; without a statement what the crystals give, above both."""
    key = "detector/calorimeter[ECAL]/photon_inefficiency"
    few, more = (ours.radiative(replace(MUONE, key, x), 2, 0.1) for x in (1e-6, 1e-5))
    assert more.per_particle == pytest.approx(10.0 * few.per_particle, rel=1e-6)
    seen = few.parts["photons not looked at"]
    assert few.per_particle == pytest.approx(1e-6 * seen, rel=1e-6)
    assert few.model_err == pytest.approx(0.1 * few.per_particle)
    crystals = ours.radiative(MUONE, 2, 0.1)
    assert 5e-6 < crystals.per_particle / seen < 3e-5
    assert crystals.model_err > 0.15 * crystals.per_particle


@pytest.mark.compiled
def test_the_bundled_spectrometer_states_what_is_computed():
    """Its backgrounds are our own numbers, of events with a true electron and its assumed veto;
    they must follow when the calculation changes. What else is computed, its text names."""
    stated = {item.name: item for item in SPECTROMETER.background}
    computed = ours.radiative(SPECTROMETER, 2, 0.25)
    particles = particles_on_target(SPECTROMETER)
    events = computed.per_particle * particles
    assert abs(events - stated[ours.RADIATIVE].expected) < 4.0 * computed.err * particles + 20.0
    assert stated[ours.RADIATIVE].error == pytest.approx(0.1 * events, rel=0.1)
    kinks = ours.double_scattering(SPECTROMETER, 2, 0.25).per_particle * particles
    assert kinks < 1e-3  # 1.6e7 without the cut on the missing energy
    for name in (INELASTIC, TAILS):
        assert name in stated[ours.RADIATIVE].because


def test_leakage_outside_the_plain_cuts_is_bounded_by_them():
    plain = ours.elastic_leakage(MUONE, 1, 0.1)
    assert 1e-14 < plain.per_particle * 5.06e14 < 1e-11
    other = ours.elastic_leakage(SPECTROMETER, 1, 0.1)
    assert other.per_particle + other.err <= 1.5 * plain.per_particle


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_answers(name, monkeypatch):
    """Whatever is registered is computed once and summed; the file's own words stand beside it.
    The sources themselves have tests of their own: here each gives a number at once."""
    experiment = load_experiment(name)
    names = list(background_sources(experiment))

    def quick(key):
        return lambda *_: Estimate(key, 1e-12, 1e-13, 0.0, "m", "a")

    monkeypatch.setattr(
        "mutau.background.registry.background_sources", lambda _: {k: quick(k) for k in names}
    )
    answer = background_result(experiment)
    assert [row["name"] for row in answer["sources"]] == names
    assert len(answer["stated"]) == len(experiment.background) + len(experiment.runs)
    assert answer["particles_on_target"] == experiment.beam.particles
    if names:
        assert answer["total_per_particle"] == pytest.approx(1e-12 * len(names))
    else:
        assert answer["total_per_particle"] is None


@pytest.mark.compiled
def test_what_the_search_can_bear_is_printed_beside_the_photon_veto(cli):
    """4.6e10 elastic events, kept out by the electron's energy alone; nothing of the kind as a
    relative error of what Gaussian resolutions let in."""
    found = cli("background", "muone", "--mass", "100MeV", "--coupling", "1e-3", "--source",
                ours.LEAKED, "--effort", "0.02", "--json")  # fmt: skip
    assert found.code == 0, found.err
    answer = json.loads(found.out)
    (row,) = answer["electron_tail"]
    assert row["elastic_kept_out_by_energy"] == pytest.approx(4.6e10, rel=0.03)
    assert row["share_one_event"] == pytest.approx(1.0 / row["elastic_kept_out_by_energy"])
    share = row["share_equal_to_signal"] * row["elastic_kept_out_by_energy"]
    assert share == pytest.approx(row["signal"])
    assert len(answer["photon_veto"]) == 2
    (source,) = answer["sources"]
    assert source["model_err"] == 0.0
    assert "Gaussian" in source["assumption"]


@pytest.mark.compiled
def test_answer_of_the_command_line(cli):
    found = cli("background", "muone", "--source", ours.NEUTRINOS, "--source", ours.LEAKED,
                "--effort", "0.05", "--json")  # fmt: skip
    assert found.code == 0, found.err
    answer = json.loads(found.out)
    names = [row["name"] for row in answer["sources"]]
    assert names == [ours.NEUTRINOS, ours.LEAKED]
    row = answer["sources"][0]
    assert {"name", "per_particle", "err", "paper", "method"} <= set(row)
    assert row["paper"] == "~ 1e-4"
    assert row["verdict"] == "differs"
    # another calculation, explicit spinors and quasi-random points: 1.074(3)e-10 pb
    assert row["events"] == pytest.approx(1.074e-10 * EXPOSURE, rel=0.03)
    assert row["per_particle"] * 5.06e14 == pytest.approx(row["events"])
    total = sum(item["per_particle"] for item in answer["sources"])
    assert answer["total_per_particle"] == pytest.approx(total, rel=1e-12)
    wrong = cli("background", "muone", "--source", "neutrinos")
    assert wrong.code == 2
    assert "did you mean" in wrong.err
    assert cli("background", "muone", "--effort", "0").code == 2
    wrong = cli("background", "na64e", "--mass", "0.1")
    assert wrong.code == 2
    assert "photon veto" in wrong.err


def test_a_source_beside_its_published_number():
    near = Estimate("decay", 9e-12, 1e-12, 0.0, "m", "a", "mu.table1.hadrons")
    assert source_row(near, 1e11, "na64mu")["verdict"] == "agrees"
    elsewhere = source_row(near, 1e11, "m3")  # the paper says nothing of another experiment
    assert (elsewhere["verdict"], elsewhere["paper"]) == ("shown", "")
    far = Estimate("decay", 9e-10, 1e-12, 0.0, "m", "a", "mu.table1.hadrons")
    assert source_row(far, 1e11, "na64mu")["verdict"] == "differs"
    other = Estimate("own", 1e-9, 0.0, 0.0, "m", "a")
    assert (source_row(other, 1.0)["verdict"], source_row(other, 1.0)["paper"]) == ("shown", "")
    assert source_row(near, 1e11)["events"] == pytest.approx(0.9)
    several = Estimate("own", 1e-9, 0.0, 0.0, "m", "a", parts={"with an absorber": 2e-10})
    assert source_row(several, 1.0)["parts"] == {"with an absorber": 2e-10}


@pytest.mark.compiled
def test_a_source_that_the_file_does_not_describe_is_told(monkeypatch):
    def refuses(experiment, seed, effort):
        raise NotApplicable("no tracker", place="detector")

    def breaks(experiment, seed, effort):
        raise MutauError("a field map is missing", place="detector/magnet")

    table = {ours.NEUTRINOS: ours.neutrino_pairs, "broken": refuses}
    sources = "mutau.background.registry.background_sources"
    monkeypatch.setattr(sources, lambda _: table)
    answer = background_result(MUONE)
    assert [row["name"] for row in answer["sources"]] == [ours.NEUTRINOS]
    first, *others = answer["not_computed"]
    assert first == {
        "name": "broken", "reason": "detector: no tracker", "size": "", "source": "",
    }  # fmt: skip
    assert others == not_computed(MUONE)
    monkeypatch.setattr(sources, lambda _: {"broken": breaks})
    with pytest.raises(MutauError, match="a field map is missing"):
        background_result(MUONE)


def test_particles_follow_from_the_luminosity():
    document = MUONE.to_dict()
    del document["beam"]["particles"]
    from mutau.experiment.loader import from_document

    assert particles_on_target(from_document(document, "x")) == pytest.approx(5.06e14, rel=3e-3)


@pytest.mark.compiled
def test_veto_needs_close():
    """Background at the returned inefficiency is the signal; measured beside true quantities."""
    model = LmuMinusLtau(mass=0.1, coupling=1e-3)
    seen = muone_needs.veto_needs(MUONE, model, n=30_000)
    true = muone_needs.veto_needs(MUONE, model, n=30_000, truth=True)
    for needs in (seen, true):
        at = float(needs.background(needs.equal_to_signal))
        assert at == pytest.approx(needs.signal.events, rel=1e-9)
        assert float(needs.background(needs.one_event)) == pytest.approx(1.0)
    # under (i), (ii) for a mu+ beam by Sherpa 3.0.3: 37.90(6) nb, and 0.071508(91) pb of signal
    error = math.hypot(4.0 * true.apart.error, 4.0 * 60.0 * EXPOSURE)
    assert true.apart.events == pytest.approx(37.90e3 * EXPOSURE, abs=error)
    assert true.equal_to_signal == pytest.approx(0.071508 / 37.90e3, rel=0.05)
    assert 1.2 < seen.equal_to_signal / true.equal_to_signal < 2.0
    assert seen.unseen.events < 1.0
    with pytest.raises(OutOfRange, match="no signal"):
        muone_needs.veto_needs(MUONE, LmuMinusLtau(mass=0.29, coupling=1e-3), n=1000)


def test_unknown_names_are_refused():
    with pytest.raises(UnknownName):
        background_result(MUONE, only=["gamma"])
    assert list(background_sources(SPECTROMETER)) == NAMES


def test_an_event_number_has_the_error_of_every_weighted_sum():
    """n equal weights: sqrt(n + 1) of them, not the square root that few events fall short
    of; the sum itself is theirs."""
    found = EventNumber.of(np.full(9, 2.0))
    assert (found.events, found.error) == (18.0, pytest.approx(2.0 * math.sqrt(10.0)))
    assert EventNumber.of(np.zeros(0)) == EventNumber(0.0, 0.0)
