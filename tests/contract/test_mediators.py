"""Every calculation says which bosons it can do, and refuses the others by name, at every verb."""

from __future__ import annotations

import dataclasses
import inspect
from typing import ClassVar

import pytest

import mutau
from mutau.analysis.muone_mass import closure
from mutau.analysis.muone_optimise import optimise
from mutau.analysis.plane import g_minus_2_bands
from mutau.analysis.point import PROCESSES, cross_section, model_summary
from mutau.bounds.cards import published_limit
from mutau.bounds.computed import BOUNDS
from mutau.bounds.cosmology import equilibrium_coupling, neff, neff_limit
from mutau.bounds.recast import production_coupling, recast, recast_at
from mutau.bounds.solar import borexino_limit, rate_slopes
from mutau.bounds.trident_limit import combined_trident_limit, trident_limit
from mutau.core.errors import MutauError
from mutau.experiment import load_experiment
from mutau.models import REGISTRY, LightBoson, VectorModel, mediator_of, model_class
from mutau.reactions import annihilation
from mutau.signal.processes import PROCESS_MODULES, check_model, process_of

#: What no reaction knows, and what all know.
KINDS = ("spin-2",)
KNOWN = ("vector", "axial-vector", "scalar", "pseudoscalar")
#: An experiment for every signal process.
EXPERIMENTS = {
    "muon-brems": "na64mu", "muon-electron-zprime": "muone", "electron-brems+annihilation": "na64e",
}  # fmt: skip
ZPRIME = [name for name in PROCESSES if PROCESSES[name].zprime]


class Other(LightBoson):
    """A boson as another package would add one: 1/8 pi g^2 m into neutrinos."""

    tag: ClassVar[str] = "other"
    title: ClassVar[str] = "another boson"
    coupling_name: ClassVar[str] = "coupling"
    coupling_max: ClassVar[float] = 1.0
    channels: ClassVar[tuple[str, ...]] = ("nunu",)
    invisible_channels: ClassVar[tuple[str, ...]] = ("nunu",)

    def _width_into(self, channel):
        return self.coupling**2 * self.mass / 25.1

    def lepton_coupling(self, lepton):
        return self.coupling

    def delta_a_mu(self):
        return self.coupling**2 / 25.1


def other(kind, base=Other, **extra):
    """A class of models with this mediator; None for one that declares none."""
    declared = {} if kind is None else {"mediator": kind}
    return dataclasses.make_dataclass(
        "Made",
        [("mass", float), ("coupling", float), ("alpha_d", float, 0.0), ("mass_ratio", float, 3.0)],
        bases=(base,), namespace=declared | extra, frozen=True,
    )  # fmt: skip


@pytest.fixture
def registered(monkeypatch):
    """Register a class under "other", as an entry point would, for one test."""

    def register(cls):
        monkeypatch.setitem(REGISTRY._items, "other", cls)
        return cls

    return register


def names(kind):
    return f"not computed for {kind} mediators"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("process", ZPRIME)
def test_cross_sections_refuse_other_bosons(process, kind):
    with pytest.raises(MutauError, match=f"^model: {process} is {names(kind)}"):
        cross_section(process, 150.0, other(kind).at(0.1, 1e-3))


@pytest.mark.compiled
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("process", PROCESS_MODULES)
def test_signal_processes_refuse_other_bosons(process, kind, registered):
    experiment = load_experiment(EXPERIMENTS[process])
    assert experiment.process == process
    copy = mutau.replace(experiment, {"name": "copy"})
    model = registered(other(kind)).at(0.1, 1e-3)
    said = f"{process} is {names(kind)}".replace("+", r"\+")
    for call in (
        lambda: mutau.expected_yields(model, experiment),
        lambda: mutau.generate_events(model, experiment, 10),
        lambda: mutau.limit_curve(experiment, [0.1], family="other"),
        lambda: mutau.combined_limit([experiment, copy], [0.1], family="other"),
        lambda: mutau.measured_contours([experiment], model),
    ):
        with pytest.raises(MutauError, match=said):
            call()


@pytest.mark.compiled
def test_signal_processes_take_every_bundled_model():
    for name in EXPERIMENTS.values():
        for tag in REGISTRY:
            check_model(load_experiment(name), model_class(tag).at(0.1, 1e-4))


@pytest.mark.compiled
@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("process", ZPRIME)
def test_every_kind_is_computed_by_every_reaction(process, kind, registered):
    """A model of another package, of any of the four kinds."""
    found = cross_section(process, 150.0, registered(other(kind)).at(0.01, 1e-3))
    assert found.sigma_pb > 0.0


#: Bounds that know more kinds than the vector.
ANY_KIND = ("gm2-muon",)


@pytest.mark.parametrize("kind", KNOWN[1:])
@pytest.mark.parametrize("name", [name for name in BOUNDS if name not in ANY_KIND])
def test_bounds_of_vector_currents_say_so(name, kind, registered):
    registered(other(kind, neutrino_charges=(0.0, 1.0, -1.0)))
    with pytest.raises(MutauError, match=f"{name} is {names(kind)}"):
        BOUNDS[name]([0.05], "other")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(BOUNDS))
def test_bounds_refuse_other_bosons(name, kind, registered):
    registered(other(kind, neutrino_charges=(0.0, 1.0, -1.0)))
    with pytest.raises(MutauError, match=f"{name} is {names(kind)}"):
        BOUNDS[name]([0.05], "other")


@pytest.mark.compiled
@pytest.mark.parametrize(
    "call",
    [
        lambda: trident_limit("ccfr", [0.1], "other"),
        lambda: combined_trident_limit([0.1], "other"),
        lambda: borexino_limit([0.1], "other"),
        lambda: rate_slopes([0.1], "other"),
        lambda: neff(5e-3, 1e-6, "other"),
        lambda: neff_limit([5e-3], "other"),
        lambda: equilibrium_coupling(5e-3, "other"),
        lambda: recast(published_limit("babar4mu-2016"), "other"),
        lambda: recast_at(published_limit("babar4mu-2016"), [1.0], "other"),
        lambda: recast(published_limit("babar4mu-2016"), "lmu-ltau", "other"),
        lambda: production_coupling(model_class("other").at(0.1, 1e-3), "muon"),
        lambda: annihilation.cross_section([10.0], model_class("other").at(0.1, 1e-3)),
        lambda: annihilation.narrow_integral(model_class("other").at(0.1, 1e-3)),
        lambda: annihilation.numerator(model_class("other").at(0.1, 1e-3), ("nunu",), 0.01),
        lambda: optimise(load_experiment("muone"), model_class("other").at(0.1, 1e-3)),
        lambda: closure(load_experiment("muone"), model_class("other").at(0.1, 1e-3)),
    ],
)
def test_functions_refuse_other_bosons_by_themselves(call, registered):
    registered(other("spin-2", neutrino_charges=(0.0, 1.0, -1.0)))
    with pytest.raises(MutauError, match=names("spin-2")):
        call()


POINT = ("--model", "other", "--mass", "0.1", "--coupling", "1e-3")
CURVE = ("--model", "other", "--mass", "0.1")
VERBS = [
    ("xsec", "muon-brems", "--energy", "160", *POINT),
    ("yields", "muone", *POINT),
    ("limit", "na64mu", *CURVE),
    ("limit", "na64e", "--background", "computed", *CURVE),
    ("generate", "na64mu", "-n", "10", "-o", "e.npz", *POINT),
    ("sensitivity", "na64mu", "--exposure", "1e11", *CURVE),
    ("combine", "na64mu", "muone", *CURVE),
    ("discover", "na64mu", *POINT),
    ("measure", "muone-spectrometer", *POINT),
    ("optimise", "muone", *CURVE),
    ("plane", "na64mu", "-o", "p.png", *CURVE),
    ("plane", "na64mu", "--bounds", "ccfr-trident", "-o", "p.png", *CURVE),
    ("export", "pyhf", "na64mu", "-o", "w", *POINT),
]


@pytest.mark.compiled
@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_refuses_another_boson(words, registered, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registered(other("spin-2"))
    result = cli(*words)
    assert result.code == 2, result
    assert names("spin-2") in result.err
    assert not list(tmp_path.iterdir())


def test_a_scan_refuses_another_boson(registered, cli, tmp_path):
    registered(other("spin-2"))
    grid = tmp_path / "grid.toml"
    grid.write_text(
        'schema = 1\nname = "s"\nexperiment = "na64mu"\ntask = "limit"\n'
        'model = "other"\n[grid]\nmass = [0.1]\n'
    )
    result = cli("scan", str(grid), "-o", "out")
    assert result.code == 2
    assert names("spin-2") in result.err


def test_a_scalar_shows_its_own_widths(registered):
    summary = model_summary(registered(other("spin-2")).at(0.1, 1e-3))
    assert summary["width_total_GeV"] == pytest.approx(1e-7 / 25.1)
    assert summary["branching"] == {"nunu": 1.0}
    assert summary["epsilon_eff"] is None
    assert g_minus_2_bands("other", (0.01, 0.1)) == ()


def test_a_model_must_say_what_it_is(registered):
    registered(other(None))
    with pytest.raises(MutauError, match="model 'other' does not say what its boson is"):
        model_class("other")
    undeclared = other(None).at(0.1, 1e-3)
    with pytest.raises(MutauError, match="does not say what its boson is"):
        cross_section("muon-brems", 160.0, undeclared)
    with pytest.raises(MutauError, match="does not say what its boson is"):
        mutau.expected_yields(undeclared, "muone")


def test_a_vector_model_is_a_vector(registered):
    """Widths and moments of `VectorModel` are those of a vector, whatever a subclass says."""
    parts = {name: getattr(Other, name) for name in ("tag", "title", "coupling_name", "channels")}
    parts |= {
        "coupling_max": 1.0, "invisible_channels": (), "kinetic_mixing": lambda self, q2: 0.0 * q2,
        "lepton_coupling": lambda self, lepton: self.coupling,
        "_coupling_from_muon": classmethod(lambda cls, value: value),
    }  # fmt: skip
    registered(other("spin-2", VectorModel, **parts))
    with pytest.raises(MutauError, match="is a spin-2 but derives from VectorModel"):
        model_class("other")
    registered(other(None, VectorModel, **parts))
    with pytest.raises(MutauError, match="does not say what its boson is"):
        model_class("other")


def test_every_bundled_model_and_process_declares():
    assert {mediator_of(REGISTRY[tag]) for tag in REGISTRY} == set(KNOWN)
    for name in PROCESSES:
        assert bool(PROCESSES[name].mediators) == PROCESSES[name].zprime
    for process, experiment in EXPERIMENTS.items():
        assert process_of(load_experiment(experiment)).mediators, process
    for entry in (type(PROCESSES["muon-brems"]), type(process_of(load_experiment("muone")))):
        parameter = inspect.signature(entry).parameters["mediators"]
        assert parameter.default is inspect.Parameter.empty
