"""Charges from a file: own curves, recasts of own curves, the plane, processes that refuse."""

import json

import numpy as np
import pytest

from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.bounds import load_curve
from mutau.bounds.recast import held_for, recast
from mutau.core.constants import E_CHARGE
from mutau.core.errors import FileError, MutauError, OutOfRange, Problems
from mutau.experiment import load_experiment
from mutau.models import Family, build_model

LIKE_LMU_LTAU = """
schema = 1
name = "mine"
source = "test"
[charges]
mu = 1.0
numu = 1.0
tau = -1.0
nutau = -1.0
"""
ROWS = "mass_GeV,coupling\n0.01,1e-3\n0.1,2e-3\n"


@pytest.fixture
def charges(tmp_path):
    (tmp_path / "mine.toml").write_text(LIKE_LMU_LTAU)
    return f"charges:{tmp_path / 'mine.toml'}"


def curve(folder, notes, name="curve.csv"):
    path = folder / name
    path.write_text(f"# cl: 0.9\n{notes}{ROWS}")
    return path


def test_an_own_curve_of_charges_is_found_beside_its_file(tmp_path, charges):
    found = load_curve(curve(tmp_path, "# model: charges:mine.toml\n"))
    assert found.model == charges
    assert held_for(Family(charges), found) is found
    with pytest.raises(MutauError, match=r"holds for charges:.*not for lmu-ltau"):
        held_for(Family(), found)
    assert load_curve(curve(tmp_path, "# model: charges:b-l\n")).model == "charges:b-l"


def test_the_same_charges_under_two_names_are_one_model(tmp_path, charges):
    (tmp_path / "copy.toml").write_text(LIKE_LMU_LTAU)
    found = load_curve(curve(tmp_path, "# model: charges:copy.toml\n"))
    assert held_for(Family(charges), found) is found


def test_an_own_curve_is_recast_as_its_file_says(tmp_path, charges):
    """Production by electrons, branching taken as 1: eps e = e |Pi| sqrt(Br) of the new model."""
    path = curve(
        tmp_path,
        "# model: dark-photon\n# production: electron\n# final: invisible\n# branching: one\n",
    )
    found = held_for(Family(charges), load_curve(path))
    assert found.model == charges
    for mass, coupling in zip(found.mass, found.coupling, strict=True):
        model = build_model(charges, mass, coupling)
        seen = model.lepton_coupling("e") * model.branching_invisible**0.5
        assert seen == pytest.approx(E_CHARGE * float(load_curve(path).coupling_at(mass)), rel=1e-9)
    builtin = recast(load_curve(path), "lmu-ltau").curve
    assert np.array_equal(found.coupling, builtin.coupling)  # the same charges, the same numbers


@pytest.mark.parametrize(
    ("notes", "error", "text"),
    [
        ("# model: charges:nowhere.toml\n", FileError, "cannot read the charges"),
        ("# model: charge:mine.toml\n", Problems, "is not a model; there are .*charges:FILE"),
        ("# production: electron\n", Problems, "final: is missing"),
        ("# production: gluon\n# final: invisible\n", Problems, "production of a search 'gluon'"),
    ],
)
def test_mistakes_in_an_own_curve(tmp_path, notes, error, text):
    with pytest.raises(error, match=text):
        load_curve(curve(tmp_path, notes))


def test_muon_on_electron_refuses_a_boson_of_the_electron():
    experiment = load_experiment("muone")
    for family in ("b-l", Family("dark-photon", alpha_d=0.1), "le-lmu"):
        with pytest.raises(MutauError, match="the electron of mu e -> mu e X radiates it too"):
            limit_curve(experiment, [0.05], family, settings=Settings(n_events=500))


@pytest.mark.compiled
def test_a_model_without_finite_mixing_passes_where_the_muon_radiates(tmp_path):
    (tmp_path / "mu.toml").write_text(
        'schema = 1\nname = "mu"\nsource = "test"\n[charges]\nmu = 1.0\nnumu = 1.0\n'
    )
    name = f"charges:{tmp_path / 'mu.toml'}"
    with pytest.raises(OutOfRange, match="diverge"):
        build_model(name, 0.05, 1e-3).lepton_coupling("e")
    ours = limit_curve(
        load_experiment("muone"), [0.05], family=name, settings=Settings(n_events=500)
    )
    known = limit_curve(load_experiment("muone"), [0.05], settings=Settings(n_events=500))
    assert ours.coupling[0] == pytest.approx(known.coupling[0], rel=3e-5)  # but for Br(ee)


@pytest.mark.compiled
def test_the_plane_of_a_file_of_charges(cli, tmp_path, charges):
    path = curve(tmp_path, f"# model: {charges}\n")
    answer = json.loads(
        cli("plane", "na64mu", "--mass", "0.05,0.1", "--model", charges, "--user", str(path),
            "--only", "na64e-2019-recast", "-o", str(tmp_path / "p.svg"), "--json").out
    )  # fmt: skip
    assert answer["published"] == ["na64e-2019-recast-to-charges-mine", "curve"]
    assert answer["model"] == charges


@pytest.mark.compiled
def test_experiments_that_refuse_are_left_out_where_nobody_named_them(cli, tmp_path):
    words = ("plane", "--mass", "0.05", "--model", "dark-photon", "--alpha-d", "0.1", "--only",
             "none", "-o", str(tmp_path / "p.svg"), "--json")  # fmt: skip
    answer = json.loads(cli(*words).out)
    assert answer["experiments"] == ["na64mu", "na64e"]
    assert "radiates it too" in answer["left_out"]["muone"]
    assert cli("plane", "muone", *words[1:]).code == 2
    none = cli("plane", "--mass", "0.05", "--model", "dark-photon", "-o", str(tmp_path / "p.svg"))
    assert none.code == 2
    assert none.err.count("decays visibly only") == 1  # the same reason for all is told once


def test_the_digest_of_a_result_sees_what_the_file_of_charges_holds(tmp_path, charges):
    path = tmp_path / "mine.toml"
    one = Family(charges).digest
    assert Family(charges, alpha_d=0.1).digest != one
    (tmp_path / "moved.toml").write_text(LIKE_LMU_LTAU)
    assert Family(f"charges:{tmp_path / 'moved.toml'}").digest == one
    path.write_text(LIKE_LMU_LTAU.replace("mu = 1.0", "mu = 2.0", 1))
    assert Family(charges).digest != one
    assert Family().digest != Family("dark-photon").digest
