"""Every reaction says which beams, energies, bosons and masses it can do: each pair of a process
with one of them computes, or is refused by name with what is allowed."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from tests.contract.test_mediators import Other

import mutau
from mutau.analysis.point import PROCESSES, cross_section
from mutau.core.errors import MutauError, OutOfRange
from mutau.experiment import load_experiment
from mutau.experiment.names import PROCESSES as OF_EXPERIMENTS
from mutau.matter.nucleus import Nucleus
from mutau.models import model_class
from mutau.reactions import bosons
from mutau.reactions.abilities import ABILITIES
from mutau.reactions.bremsstrahlung import Bremsstrahlung
from mutau.reactions.bremsstrahlung_density import METHODS
from mutau.reactions.bremsstrahlung_events import BremsSampler
from mutau.reactions.muon_electron import ELASTIC, ZPRIME, Reaction

PARTICLES = ("mu-", "mu+", "e-", "e+", "pi+")
KINDS = ("vector", "axial-vector", "scalar", "pseudoscalar")
LEAD = Nucleus(82.0, 207.2)
#: Further options, without which a process is infinite or slow.
OPTIONS = {
    **{name: {"cuts": "muone"} for name in PROCESSES if name.startswith("muon-electron-")},
    **{name: {"error": 0.3} for name in PROCESSES if name.endswith("-pair")},
}


def boson(kind, mass=0.05):
    """A model point of this kind; a vector is the bundled one."""
    if kind == "vector":
        return model_class("lmu-ltau").at(mass, 1e-3)
    fields = [("mass", float), ("coupling", float), ("alpha_d", float, 0.0)]
    fields.append(("mass_ratio", float, 3.0))
    cls = dataclasses.make_dataclass(
        "Made", fields, bases=(Other,), namespace={"mediator": kind}, frozen=True
    )
    return cls.at(mass, 1e-3)


def point_of(process):
    """An energy (GeV) and, where it takes one, a model that the process can do."""
    return 150.0, boson("vector") if PROCESSES[process].zprime else None


def test_every_process_declares_its_abilities():
    for name in PROCESSES:
        entry = PROCESSES[name]
        assert entry.abilities is ABILITIES[name]
        assert entry.abilities.reaction == name
        assert entry.mediators == entry.abilities.mediators
        assert bool(entry.mediators) == entry.zprime


@pytest.mark.compiled
@pytest.mark.parametrize("particle", PARTICLES)
@pytest.mark.parametrize("process", PROCESSES)
def test_process_and_beam(process, particle):
    allowed = ABILITIES[process].beams
    call = (process, *point_of(process))
    options = OPTIONS.get(process, {})
    if particle in allowed:
        found = cross_section(*call, beam=particle, **options).sigma_pb
        assert found > 0.0 or (found == 0.0 and process == ELASTIC)  # MUonE's cuts leave none
        return
    with pytest.raises(MutauError) as refused:
        cross_section(*call, beam=particle, **options)
    assert f"{process} is not computed for {particle}" in str(refused.value)
    assert " or ".join(allowed) in str(refused.value)


@pytest.mark.compiled
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("process", [name for name in PROCESSES if PROCESSES[name].zprime])
def test_process_and_mediator(process, kind):
    allowed = ABILITIES[process].mediators
    if kind in allowed:
        assert cross_section(process, 150.0, boson(kind)).sigma_pb > 0.0
        return
    with pytest.raises(MutauError, match=f"{process} is not computed for {kind} mediators"):
        cross_section(process, 150.0, boson(kind))


@pytest.mark.compiled
@pytest.mark.parametrize("process", PROCESSES)
def test_energies_and_masses_outside_are_refused_by_name(process):
    energy, model = point_of(process)
    abilities = ABILITIES[process]
    low, high = abilities.energies
    options = OPTIONS.get(process, {})
    for wrong in (low, 0.5 * low, -1.0, math.nan, 2.0 * high):
        if math.isinf(wrong):
            continue
        with pytest.raises(OutOfRange, match=process):
            cross_section(process, wrong, model, **options)
    if model is None:
        return
    light, heavy = abilities.masses
    for wrong in (0.5 * light, 2.0 * heavy):
        if 0.0 < wrong < math.inf:
            with pytest.raises(OutOfRange, match=process):
                cross_section(process, energy, boson("vector", wrong), **options)


def test_the_amplitudes_are_those_declared():
    for name in ("muon-brems", "electron-brems", "annihilation", ZPRIME):
        assert ABILITIES[name].mediators is bosons.KINDS


@pytest.mark.parametrize("kind", ["spin-2", "graviton"])
def test_reactions_refuse_other_bosons_by_themselves(kind):
    for method in METHODS:
        with pytest.raises(
            MutauError, match=f"not computed for {kind} mediators; allowed: vector or"
        ):
            Bremsstrahlung("muon", kind).total(160.0, 0.1, LEAD, method=method)
    with pytest.raises(MutauError, match=f"not computed for {kind} mediators"):
        BremsSampler("muon", LEAD, 0.1, 100.0, 160.0, mediator=kind)
    with pytest.raises(MutauError, match=f"{ZPRIME} is not computed for {kind} mediators"):
        Reaction(ZPRIME, 150.0, 0.1, 1e-3, mediator=kind)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("muon-brems", "--beam", "e-", "--mass", "0.1"), "allowed: mu- or mu+"),
        (("annihilation", "--beam", "e-", "--mass", "0.1"), "allowed: e+"),
        (("electron-muon-pair", "--beam", "mu-"), "allowed: e- or e+"),
        (("muon-brems", "--mass", "1e-8"), "allowed: [1e-06, 100] GeV"),
        (("annihilation", "--mass", "1e-4"), "allowed: [0.001022, inf] GeV"),
        (("muon-electron-nunu", "--beam", "mu+", "--charge=-1"), "-1 is not the charge of mu+"),
        (("muon-electron-nunu", "--cuts", "na64e"), "na64e has a beam of e-"),
    ],
)
def test_the_command_line_refuses_by_name(cli, words, said):
    coupling = ("--coupling", "1e-3") if "--mass" in words else ()
    found = cli("xsec", *words, *coupling, "--energy", "150")
    assert found.code == 2, found
    assert said in found.err
    assert words[0] in found.err or "charge" in found.err


@pytest.mark.compiled
def test_the_beam_decides_the_charge(cli):
    words = ("xsec", "muon-electron-nunu", "--energy", "150", "--cuts", "muone", "--json")
    by_beam, by_charge = (
        json.loads(cli(*words, *more).out) for more in (("--beam", "mu-"), ("--charge=-1",))
    )
    assert by_beam["charge"] == by_charge["charge"] == -1
    assert by_beam["sigma_pb"] == by_charge["sigma_pb"]
    assert (by_beam["beam"], by_charge.get("beam")) == ("mu-", None)


def test_a_process_that_declares_nothing_takes_no_beam(monkeypatch):
    undeclared = dataclasses.replace(PROCESSES["muon-brems"], abilities=None)
    monkeypatch.setitem(PROCESSES._items, "undeclared", undeclared)
    with pytest.raises(MutauError, match="beam: has no effect on undeclared"):
        cross_section("undeclared", 160.0, boson("vector"), beam="mu-")


def test_what_can_be_done_is_shown(cli):
    rows = json.loads(cli("show", "processes", "--json").out)
    rows = rows["processes"] if isinstance(rows, dict) else rows
    found = {row["name"]: row for row in rows}
    assert found["annihilation"]["beams"] == ["e+"]
    assert found["muon-brems"]["mass_GeV"] == [1e-6, 100.0]
    assert found["muon-muon-pair"]["energy_GeV"][1] == 1e4


@pytest.mark.parametrize("process", OF_EXPERIMENTS)
@pytest.mark.parametrize("name", ["na64mu", "muone", "na64e"])
def test_experiments_and_processes(name, process):
    """A file's process takes the beam of the file, or the file is refused where it says so."""
    experiment = load_experiment(name)
    said = ""
    try:
        mutau.replace(experiment, {"process": process})
    except MutauError as error:
        said = str(error)
    allowed = OF_EXPERIMENTS[process].beams
    refused = f"process: {process!r} needs a beam of {' or '.join(allowed)}" in said
    assert refused == (experiment.beam.particle not in allowed)
