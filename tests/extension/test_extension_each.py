"""An outside package adds one of each of ten things; `src/` is untouched, every number by hand."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

import mutau
from mutau.analysis.point import cross_section, model_summary
from mutau.core.constants import M_MU
from mutau.core.errors import MutauError, UnknownName
from mutau.experiment import load_experiment, replace
from mutau.matter import material
from mutau.models import Family, build_model
from mutau.selection.cutflow import apply_cuts
from mutau.selection.variables import Sample

MASS, Y, ALPHA_D = 0.15, 1e-3, 0.1
POINT = ("--mass", str(MASS), "--model", "toy-scalar", "--alpha-d", str(ALPHA_D))
COUPLED = (*POINT, "--coupling", str(Y))
N_A = 6.02214076e23
#: Target atoms per cm^2 of 10 cm of gold, and events at y = 1 where every boson is invisible:
#: 1e12 muons times 1 nb = 1e-33 cm^2.
COLUMN = 19.32 * N_A / 196.96657 * 10.0
AT_ONE = 1e12 * 1e-33 * COLUMN
#: Widths: dark ones 4 pi alpha_d m/(8 pi) (1 - 4/9)^(3/2); below 2 m_mu = 0.211 no muons.
DARK = ALPHA_D * MASS / 2.0 * (5.0 / 9.0) ** 1.5


def shown(cli, *words):
    result = cli(*words, "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def model():
    return build_model("toy-scalar", MASS, Y, ALPHA_D)


@pytest.mark.compiled
def test_the_mediator(toy, cli):
    summary = model_summary(model())
    assert summary["width_total_GeV"] == pytest.approx(DARK, rel=1e-12)
    heavy = build_model("toy-scalar", 0.5, Y)
    beta = 1.0 - 4.0 * (M_MU / 0.5) ** 2
    assert heavy.width("mumu") == pytest.approx(Y**2 * 0.5 / (8.0 * math.pi) * beta**1.5, rel=1e-9)
    # a light scalar: int (1 + x) dx = 3/2 in the loop
    light = build_model("toy-scalar", 1e-6, Y)
    assert light.delta_a_mu() == pytest.approx(1.5 * Y**2 / (8.0 * math.pi**2), rel=1e-3)
    answer = shown(cli, "model", *COUPLED)
    assert answer["width_total_GeV"] == summary["width_total_GeV"]
    row = next(r for r in shown(cli, "show", "models")["models"] if r["name"] == "toy-scalar")
    assert row["mediator"] == "scalar"
    # mutau's own scalar of the muon is the same boson
    ours = cross_section("muon-brems", 160.0, build_model("scalar", MASS, Y))
    assert (
        shown(cli, "xsec", "muon-brems", "--energy", "160", *COUPLED)["sigma_pb"] == ours.sigma_pb
    )


@pytest.mark.compiled
def test_the_kind(toy, cli):
    """V - A: a quarter of the vector and a quarter of the axial vector, in every reaction."""
    left = build_model("toy-left", 0.05, Y)
    # 2 m_mu/m = 4.2: the longitudinal part leads
    light = build_model("toy-left", 1e-3, Y).delta_a_mu()
    assert light == pytest.approx(
        -2.0 * (0.5 * Y * M_MU / 1e-3) ** 2 / (8.0 * math.pi**2), rel=1e-2
    )
    parts = [other_kind(kind).at(0.05, 0.5 * Y) for kind in ("vector", "axial-vector")]
    for name, energy in (("muon-brems", 160.0), ("electron-brems", 100.0), ("annihilation", 2.0)):
        found = cross_section(name, energy, left).sigma_pb
        each = [cross_section(name, energy, part).sigma_pb for part in parts]
        # the width of the resonance is that of each coupling
        assert found == pytest.approx(sum(each), rel=1e-5)
        assert min(each) > 0.0
    row = next(r for r in shown(cli, "show", "models")["models"] if r["name"] == "toy-left")
    assert row["mediator"] == "toy-left-handed"
    point = ("--model", "toy-left", "--mass", "0.05", "--coupling", str(Y))
    found = shown(cli, "yields", "na64mu", "-n", "400", *point)
    made = [mutau.expected_yields(part, "na64mu", n_events=400).signal[0] for part in parts]
    assert found["cutflow"][0]["signal"] == pytest.approx(sum(made), rel=1e-9)


def other_kind(kind):
    """A class like `ToyLeft` of one of mutau's kinds."""
    from mutau_toy.kind import ToyLeft

    return dataclasses.make_dataclass(
        "Part", [], bases=(ToyLeft,), namespace={"mediator": kind}, frozen=True
    )


def test_the_material(toy, cli):
    gold = material("toy-gold")
    # Tsai, Z = 79: 716.405 g/cm^2 A / (Z^2 (ln(184.15 Z^-1/3) - f) + Z ln(1194 Z^-2/3)), f = 0.312
    logs = 79**2 * (math.log(184.15 * 79 ** (-1 / 3)) - 0.3129) + 79 * math.log(
        1194 * 79 ** (-2 / 3)
    )
    assert gold.radiation_length == pytest.approx(716.405 * 196.96657 / logs, rel=1e-4)
    assert gold.radiation_length == pytest.approx(6.46, rel=2e-3)  # PDG 2024 table 6.1
    names = [row["name"] for row in shown(cli, "show", "materials")["materials"]]
    assert names[-1] == "toy-gold"
    with pytest.raises(UnknownName, match="did you mean 'toy-gold'"):
        material("toy-golt")


def test_a_described_material_may_consist_of_it(toy, file, cli):
    alloy = material(load_experiment(file).material_name("toy-alloy"))
    expected = 1.0 / (0.75 / material("toy-gold").radiation_length + 0.25 / 12.86)
    assert alloy.radiation_length == pytest.approx(expected, rel=1e-12)
    rows = shown(cli, "show", "materials", file)["materials"]
    assert rows[0]["composition"] == "Au:0.75 Cu:0.25"


def test_the_process(toy, file, cli):
    assert cross_section("toy-emission", 100.0, model(), material="toy-gold").sigma_pb == (
        pytest.approx(1e-3, rel=1e-12)  # 1000 pb y^2
    )
    assert shown(cli, "xsec", "toy-emission", "--energy", "100", *COUPLED)["sigma_pb"] == (
        pytest.approx(1e-3, rel=1e-12)
    )
    found = mutau.expected_yields(model(), load_experiment(file))
    assert found.signal[-1] == pytest.approx(AT_ONE * Y**2, rel=1e-9)
    answer = shown(cli, "yields", file, *COUPLED)
    assert answer["signal"] == found.signal[-1]
    assert answer["not_simulated"] == ["toy_energy_lost"]
    checked = shown(cli, "check", file)
    assert (checked["process"], checked["can_be_run"]) == ("toy-emission", True)
    row = next(r for r in shown(cli, "show", "signals")["signals"] if r["name"] == "toy-emission")
    assert row["beams"] == ["mu-", "mu+"]


def test_the_process_refuses_what_it_does_not_declare(toy, file, cli, tmp_path):
    vector = cli("limit", file, "--mass", "0.1")
    assert vector.code == 2
    assert "toy-emission is not computed for vector mediators" in vector.err
    heavy = cli("limit", file, "--mass", "5", *POINT[2:])
    assert heavy.code == 2
    assert "is not taken by toy" in heavy.err
    path = tmp_path / "electrons.toml"
    path.write_text(replace(load_experiment(file), "beam/energy", "90 GeV").to_toml().replace(
        '"mu-"', '"e-"'))  # fmt: skip
    wrong = cli("check", str(path))
    assert wrong.code == 2
    assert "'toy-emission' needs a beam of mu- or mu+, not e-" in wrong.err


def test_the_background_source(toy, file, cli):
    # 100 per s and m^2 on 20 x 50 cm^2 within 10 ns, one of 1e5 mistaken
    expected = 100.0 * 0.1 * 1e-8 * 1e-5
    answer = shown(cli, "background", file)
    (row,) = answer["sources"]
    assert row["name"] == "toy-cosmics"
    assert row["per_particle"] == pytest.approx(expected, rel=1e-12)
    assert answer["total_events"] == pytest.approx(expected * 1e12, rel=1e-12)
    assert "toy-cosmics, of another package" in answer["not_computed"][0]["reason"]
    listed = shown(cli, "show", "backgrounds")["backgrounds"]
    assert {r["process"] for r in listed if r["name"] == "toy-cosmics"} == {
        "toy-emission", "muon-brems",
    }  # fmt: skip
    only = cli("background", "na64e", "--source", "toy-cosmics")
    assert only.code == 2
    assert "background source 'toy-cosmics' is unknown" in only.err


def test_a_source_says_where_it_does_not_apply(toy, file):
    from mutau.background.registry import background_result

    bare = load_experiment(file).to_dict()
    del bare["target"]["width"], bare["target"]["height"]
    from mutau.experiment.loader import from_document

    answer = background_result(from_document(bare, "toy"))
    assert answer["total_per_particle"] is None
    assert answer["not_computed"][0]["reason"].startswith("the target has no size")


def test_the_cut_variable(toy, file, cli):
    item = load_experiment(file)
    p_muon = np.zeros((4, 4))
    p_muon[:, 0] = 90.0, 40.0, 39.0, 10.0  # lost 10, 60, 61, 90 of 100 GeV
    sample = Sample(100.0, np.ones(4), {"p_muon": p_muon})
    assert apply_cuts(item.cuts, sample).efficiency == 0.75
    row = next(
        r for r in shown(cli, "show", "variables")["variables"] if r["name"] == "toy_energy_lost"
    )
    assert row["dimension"] == "energy"


@pytest.mark.compiled
def test_the_cut_variable_in_a_process_of_ours(toy, cli, tmp_path):
    """Beside E' < 80 GeV of 160, a cut on at least 80 GeV lost takes nothing away; a looser one
    neither; without the energy of the muon it is named as not simulated."""
    cut = {"variable": "toy_energy_lost", "min": "80 GeV", "because": "x"}
    plain = load_experiment("na64mu")
    document = plain.to_dict()
    document["cuts"].append(cut)
    from mutau.experiment.document import write_toml
    from mutau.experiment.loader import from_document

    item = from_document(document, "na64mu")
    vector = build_model("lmu-ltau", 0.1, 1e-3)
    one, two = (mutau.expected_yields(vector, e, n_events=500) for e in (plain, item))
    assert two.cuts[-1] == "80 <= toy_energy_lost"
    assert two.signal[-1] == pytest.approx(one.signal[-1], rel=1e-12)
    assert one.signal[-1] > 0.0
    path = tmp_path / "half.toml"
    path.write_text(write_toml(document))
    answer = shown(cli, "yields", str(path), "--mass", "0.1", "--coupling", "1e-3", "-n", "500")
    assert answer["signal"] == two.signal[-1]


def test_the_method(toy, file, cli):
    # three events: y^2 = 3/(events at y = 1), the width being that of dark matter alone
    expected = math.sqrt(3.0 / AT_ONE)
    answer = shown(cli, "limit", file, *POINT, "--method", "toy-three", "--background", "none")
    assert answer["limits"][0]["coupling_upper_limit"] == pytest.approx(expected, rel=1e-6)
    curve = mutau.limit_curve(
        file,
        [MASS],
        Family("toy-scalar", alpha_d=ALPHA_D),
        settings=mutau.Settings(method="toy-three", background="none"),
    )
    assert curve.coupling[0] == answer["limits"][0]["coupling_upper_limit"]
    refused = cli("limit", file, *POINT, "--method", "toy-three", "--background", "computed")
    assert refused.code == 2
    assert "toy-three is for nothing seen and no background" in refused.err
    assert "toy-three" in [row["name"] for row in shown(cli, "show", "methods")["methods"]]


def test_the_method_in_a_file(toy, file, cli, tmp_path):
    item = load_experiment(file).to_dict()
    item["statistics"] = {"cl": 0.9, "method": "toy-three", "because": "x"}
    from mutau.experiment.document import write_toml

    path = tmp_path / "stated.toml"
    path.write_text(write_toml(item))
    assert cli("check", str(path)).code == 0
    answer = shown(cli, "limit", str(path), *POINT)
    assert answer["limits"][0]["coupling_upper_limit"] == pytest.approx(
        math.sqrt(3.0 / AT_ONE), rel=1e-6
    )


def test_the_event_format(toy, file, cli, tmp_path):
    done = cli("generate", file, *COUPLED, "-n", "5", "-o", "events.toy")
    assert done.code == 0, done.err
    lines = (tmp_path / "events.toy").read_text().splitlines()
    assert len(lines) == 5
    event, pdg, energy, px, py, pz, weight = map(float, lines[3].split())
    assert (event, pdg, energy, px, py) == (3.0, 25.0, 50.0, 0.0, 0.0)
    assert pz == pytest.approx(math.sqrt(50.0**2 - MASS**2), rel=1e-15)
    assert 5.0 * weight == pytest.approx(AT_ONE * Y**2, rel=1e-9)
    from mutau.io import event_files

    back = event_files.read_events(tmp_path / "events.toy")
    assert back.n_events == 5
    assert float(back.weight.sum()) == pytest.approx(AT_ONE * Y**2, rel=1e-9)
    wrong = cli("generate", file, *COUPLED, "-n", "5", "-o", "events.txt")
    assert wrong.code == 2
    assert ".toy" in wrong.err
    assert ".toy" in [row["name"] for row in shown(cli, "show", "formats")["formats"]]


def test_the_bound(toy, cli):
    from mutau.bounds import BOUNDS

    assert BOUNDS["toy-bound"]([0.1], "toy-scalar").coupling[0] == pytest.approx(2e-5, rel=1e-12)
    with pytest.raises(MutauError, match="toy-bound is not computed for vector mediators"):
        BOUNDS["toy-bound"]([0.1], "lmu-ltau")
    assert "toy-bound" in [row["name"] for row in shown(cli, "show", "bounds")["bounds"]]


@pytest.mark.compiled
def test_the_plane_of_all_of_them(toy, file, cli):
    """Bayes at 90 % for nothing seen beside no background allows ln 10 events, and the toy bound
    falls as 2e-4 sqrt(1 MeV/m)."""
    from mutau.analysis.plane import Overlay, exclusion_plane

    answer = shown(
        cli, "plane", file, "--bounds", "toy-bound", "--only", "none", "--model", "toy-scalar",
        "--alpha-d", str(ALPHA_D), "--mass", "0.01,0.1", "-o", "plane.png",
    )  # fmt: skip
    assert (answer["experiments"], answer["bounds"]) == (["toy"], ["toy-bound"])
    expected = math.sqrt(math.log(10.0) / AT_ONE)
    for row in answer["limits"]:
        assert row["coupling_upper_limit"] == pytest.approx(expected, rel=1e-4)
    drawn = exclusion_plane(
        (file,),
        [0.01, 0.1],
        Family("toy-scalar", alpha_d=ALPHA_D),
        overlay=Overlay(only=(), bounds=("toy-bound",)),
    )
    bound = next(item for item in drawn.figure.series if item.meta.get("name") == "toy-bound")
    x, y = np.asarray(bound.x), np.asarray(bound.y)
    assert len(x) > 1
    assert y == pytest.approx(2e-4 * np.sqrt(1e-3 / x), rel=1e-9)
    refused = cli("plane", file, "--bounds", "toy-bound", "--mass", "0.1", "-o", "p.png")
    assert refused.code == 2
    assert "is not computed for vector mediators" in refused.err


def test_the_crosscheck(toy, cli):
    answer = shown(cli, "crosscheck", "toy-arithmetic")
    (row,) = answer["rows"]
    # hbar c = 1.054571817e-34 J s x 299792458 m/s / 1.602176634e-19 J/eV
    by_hand = 1.054571817e-34 * 299792458 / 1.602176634e-19 * 1e6
    assert row["ours"] == pytest.approx(by_hand, rel=1e-9)
    assert row["theirs"] == pytest.approx(by_hand, rel=1e-9)
    assert row["peer"] == "SciPy"
    listed = shown(cli, "show", "crosschecks")["crosschecks"]
    assert "toy-arithmetic" in [item["name"] for item in listed]
