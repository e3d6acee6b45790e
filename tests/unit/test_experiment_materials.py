"""Materials that an experiment file describes: read, refused with their place, and as good as
bundled ones to the digit."""

from __future__ import annotations

import json
import pickle
from functools import cache

import numpy as np
import pytest

from mutau.analysis.cascade import cascade_result
from mutau.analysis.point import cross_section
from mutau.analysis.yields import expected_yields
from mutau.core.errors import MutauError, Problems, UnknownName
from mutau.detector.simulation import simulate_chunk
from mutau.experiment import MaterialName, load_experiment, replace
from mutau.experiment.document import read_document, write_toml
from mutau.experiment.loader import experiment_path, from_document
from mutau.experiment.materials import bundled_materials
from mutau.matter import describe, material
from mutau.models import build_model
from mutau.signal.usage import unused, uses_of

URANIUM = {"name": "uranium", "density": "18.95 g/cm^3", "atoms": {"U": 1}, "because": "PDG"}


def with_materials(experiment, tables, **places):
    document = read_document(experiment_path(experiment))
    document["material"] = list(tables)
    for place, name in places.items():
        table, _, key = place.partition("__")
        document[table][key or "material"] = name
    return document


def by_hand(name, bundled):
    """The description of a bundled material under another name; layers of such descriptions too."""
    table = dict(bundled_materials()[bundled])
    below = []
    if "layers" in table:
        below = [by_hand(f"own-{part}", part)[0] for part in table["layers"]]
        table["layers"] = {f"own-{part}": size for part, size in table["layers"].items()}
    return [{**table, "name": name, "because": "x"}, *below]


def problems_of(document):
    with pytest.raises(Problems) as caught:
        from_document(document, "toy")
    return dict(caught.value.problems)


def test_a_described_material_by_its_composition():
    item = from_document(with_materials("na64e", [URANIUM], target="uranium"), "toy")
    found = material(item.target.material)
    assert found.density == 18.95
    assert found.radiation_length == pytest.approx(6.00, rel=0.01)  # PDG 2024: 6.00 g/cm^2
    assert found.nuclear_interaction_length == pytest.approx(209.0, rel=0.03)  # PDG: 209
    assert found.z_over_a == pytest.approx(92 / 238.029, rel=1e-5)
    with pytest.raises(UnknownName, match="uranium"):
        material("uranium")  # no table of one experiment is seen by another


def test_stated_lengths_take_the_place_of_computed_ones():
    lengths = {"radiation_length": "6.1 g/cm^2", "nuclear_interaction_length": "210 g/cm^2"}
    item = from_document(with_materials("na64e", [{**URANIUM, **lengths}]), "toy")
    found = material(item.material_name("uranium"))
    assert (found.radiation_length, found.nuclear_interaction_length) == (6.1, 210.0)


def test_compounds_by_mass_are_those_of_their_elements():
    """Half water, half carbon by mass: 1/X0 adds by mass, whichever way it is written."""
    h, o = 2 * 1.008, 15.999
    tables = [
        {"name": "wet", "density": "1.5 g/cm^3", "because": "x",
         "mass": {"water": 0.5, "C": "50 %"}},
        {"name": "dry", "density": "1.5 g/cm^3", "because": "x",
         "mass": {"H": 0.5 * h / (h + o), "O": 0.5 * o / (h + o), "C": 0.5}},
    ]  # fmt: skip
    item = from_document(with_materials("na64e", tables), "toy")
    wet, dry = (material(item.material_name(name)) for name in ("wet", "dry"))
    assert {e.symbol: w for e, w in wet.elements} == pytest.approx(
        {e.symbol: w for e, w in dry.elements}, rel=1e-12
    )
    expected = 1.0 / (0.5 / 36.08 + 0.5 / 42.70)  # X0 of bundled water; of carbon by Tsai 42.70
    assert wet.radiation_length == pytest.approx(expected, rel=2e-3)
    assert wet.radiation_length == pytest.approx(dry.radiation_length, rel=5e-3)


@pytest.mark.parametrize("way", ["mass", "volume", "layers"])
def test_a_mixture_of_two_halves_of_one_element_is_the_element(way):
    whole = {**URANIUM, "because": "x"}
    halves = [{**whole, "name": name} for name in ("left", "right")]
    mixed = {"name": "mixed", way: {"left": 0.5, "right": 0.5}, "because": "x"}
    if way == "mass":
        mixed["density"] = whole["density"]
    if way == "layers":
        mixed["period"] = "1 cm"
    item = from_document(with_materials("na64e", [mixed, whole, *halves]), "toy")
    one, two = (material(item.material_name(name)) for name in ("uranium", "mixed"))
    assert [(e.symbol, w) for e, w in two.elements] == [("U", 1.0)]
    for name in ("density", "radiation_length", "nuclear_interaction_length",
                 "mean_excitation_energy", "electrons_per_cm3"):  # fmt: skip
        assert getattr(two, name) == pytest.approx(getattr(one, name), rel=1e-12), name
    assert np.allclose(
        [getattr(two.density_effect, k) for k in ("cbar", "x0", "x1", "a")],
        [getattr(one.density_effect, k) for k in ("cbar", "x0", "x1", "a")], rtol=1e-10,
    )  # fmt: skip


def test_layers_by_fraction_are_layers_by_thickness():
    tables = [
        {"name": "thick", "layers": {"lead": "1.5 mm", "polystyrene": "4.5 mm"}, "because": "x"},
        {"name": "part", "layers": {"lead": 0.25, "polystyrene": "75 %"}, "period": "6 mm",
         "because": "x"},
    ]  # fmt: skip
    item = from_document(with_materials("na64e", tables), "toy")
    thick, part = (material(item.material_name(name)) for name in ("thick", "part"))
    assert [cm for _, cm in part.layers] == pytest.approx([0.15, 0.45], rel=1e-12)
    assert part.radiation_length == pytest.approx(thick.radiation_length, rel=1e-12)
    row = next(row for row in describe(item) if row["name"] == "part")
    assert row["leaves_out"].startswith("the order and faces of the layers")


@pytest.mark.parametrize(
    ("change", "place", "text"),
    [
        ({"atoms": {"Xx": 1}}, "material[0]/atoms/Xx", "element 'Xx' is unknown"),
        ({"atoms": None, "mass": {"Pb": 0.7, "U": 0.2}}, "material[0]/mass",
         "mass fractions sum to 0.9; allowed: 1 within 1 %"),
        ({"atoms": None, "volume": {"lead": 0.7, "iron": 0.2}, "density": None},
         "material[0]/volume", "fractions sum to 0.9"),
        ({"atoms": {"U": -1}}, "material[0]/atoms/U", "not positive"),
        ({"atoms": {"U": "1 cm"}}, "material[0]/atoms/U", "is not a number"),
        ({"density": "18.95"}, "material[0]/density", "has no unit"),
        ({"density": None}, "material[0]/density", "density is missing"),
        ({"name": "lead"}, "material[0]/name", "'lead' is a bundled material"),
        ({"mass": {"U": 1.0}}, "material[0]", "composition is given by atoms and mass"),
        ({"atoms": None}, "material[0]", "composition is given by none"),
        ({"atoms": None, "mass": {"leed": 1.0}}, "material[0]/mass/leed", "did you mean 'lead'"),
        ({"atoms": None, "mass": {"uranium": 1.0}}, "material[0]", "made of itself"),
        ({"atoms": None, "density": None, "layers": {"lead": 1.0}}, "material[0]/period",
         "period is missing"),
        ({"atoms": None, "density": None, "layers": {"lead": "1 mm", "iron": 0.5}},
         "material[0]/layers", "take one way for all"),
        ({"radiation_length": "6 cm"}, "material[0]/radiation_length", "dimension"),
        ({"dense": 3}, "material[0]/dense", "this key is unknown"),
        ({"because": None}, "material[0]/because", "is missing"),
    ],
)  # fmt: skip
def test_mistakes_have_their_place(change, place, text):
    table = {key: value for key, value in {**URANIUM, **change}.items() if value is not None}
    found = problems_of(with_materials("na64e", [table]))
    assert text in found[place]


def test_a_name_stands_once_and_has_a_description():
    found = problems_of(with_materials("na64e", [URANIUM, URANIUM], target="uranum"))
    assert found["material[1]/name"] == "'uranium' stands twice"
    assert "did you mean 'uranium'" in found["target/material"]
    two = [
        {"name": "a", "mass": {"b": 1.0}, "density": "1 g/cm^3", "because": "x"},
        {"name": "b", "mass": {"a": 1.0}, "density": "1 g/cm^3", "because": "x"},
    ]
    assert "'a' is made of itself" in problems_of(with_materials("na64e", two))["material[0]"]


def test_the_name_carries_its_description():
    item = from_document(with_materials("na64e", [URANIUM], target="uranium"), "toy")
    name = item.target.material
    assert str(name) == "uranium"
    assert pickle.loads(pickle.dumps(item)).target.material == name
    assert name != MaterialName("uranium")
    denser = replace(item, "material[uranium]/density", "19 g/cm^3")
    assert denser.target.material != name
    assert denser.digest != item.digest
    assert material(denser.target.material).density == 19.0
    assert material(name).density == 18.95
    assert load_experiment(item) == from_document(item.to_dict(), "again")


def test_unused_descriptions_are_named():
    spare = {**URANIUM, "name": "spare"}
    document = with_materials("na64e", [URANIUM, spare])
    document["detector"]["calorimeter"][0]["material"] = "uranium"
    item = from_document(document, "toy")
    assert uses_of(item)["material[uranium]/density"] == ("full chain", "background", "calibration")
    item = from_document(with_materials("na64e", [URANIUM, spare], target="uranium"), "toy")
    assert "material[spare]" in unused(item)
    assert "signal" in uses_of(item)["material[uranium]/density"]
    assert not [place for place in unused(item) if place.startswith("material[uranium]")]


@cache
def na64e(described):
    item = load_experiment("na64e")
    if described:
        tables = by_hand("own", str(item.target.material))
        item = from_document(with_materials("na64e", tables, target="own"), "na64e")
    return expected_yields(build_model("lmu-ltau", 0.01, 1e-3), item, n_events=60)


@pytest.mark.compiled
def test_yields_of_lead_described_by_hand_are_those_of_bundled_lead():
    for name in ("signal", "signal_err", "background"):
        assert np.array_equal(getattr(na64e(False), name), getattr(na64e(True), name)), name
    assert na64e(True).signal[-1] > 0.0


@pytest.mark.compiled
def test_simulated_hits_and_decays_in_matter_described_by_hand_are_those_of_bundled_matter():
    """The fast trigger, the full simulation and kaons decaying on their way in na64mu."""
    from mutau.background.hadron_decays import selected_decays
    from mutau.detector.geometry import build_geometry
    from mutau.matter.hadrons import hadron

    plain = load_experiment("na64mu")
    document = plain.to_dict()
    names = dict.fromkeys(str(name) for _, name in plain.materials_named())
    tables = {one["name"]: one for name in names for one in by_hand(f"own-{name}", name)}
    document["material"] = list(tables.values())
    for thing in (document["target"], document["hall"],
                  *(one for kind in document["detector"].values() if isinstance(kind, list)
                    for one in kind)):  # fmt: skip
        if "material" in thing:
            thing["material"] = f"own-{thing['material']}"
    own = from_document(document, "na64mu")
    assert own.digest != plain.digest
    one, two = (build_geometry(item) for item in (plain, own))
    assert np.array_equal(one.setup.pieces, two.setup.pieces)
    hits = [simulate_chunk(item, 20, 1, 0) for item in (plain, own)]
    assert np.array_equal(hits[0].energy, hits[1].energy)
    kaon = hadron("K-")
    found = [selected_decays(item, "K-", kaon.channel("mu", "nu"), n=200) for item in (plain, own)]
    assert found[0].stopping.value == found[1].stopping.value
    assert found[0].hard.value == found[1].hard.value


@pytest.mark.compiled
def test_every_verb_takes_the_name(cli, tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(write_toml(with_materials("na64e", [URANIUM], target="uranium")))
    shown = cli("show", "materials", str(path), "--json")
    assert '"uranium"' in shown.out
    assert shown.code == 0
    assert json.loads(cli("check", str(path), "--json").out)["materials"] == ["uranium"]
    named = f"uranium@{path}"
    sigma = cross_section("electron-brems", 100.0, build_model("lmu-ltau", 0.01, 1e-3),
                          material=named).sigma_pb  # fmt: skip
    lead = cross_section("electron-brems", 100.0, build_model("lmu-ltau", 0.01, 1e-3)).sigma_pb
    assert 1.1 < sigma / lead < 1.35  # (92/82)^2 = 1.259, less screening of the larger nucleus
    tracks = cascade_result("e-", 10.0, material=named, edges=(1.0, 10.0))
    assert tracks["electron_X0_per_GeV"][0] > 0.0
    refused = cli("show", "models", str(path))
    assert refused.code == 2
    assert "no list of its own of 'models'" in refused.err
    with pytest.raises(MutauError, match="uranum"):
        material(f"uranum@{path}")
