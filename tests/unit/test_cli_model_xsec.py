"""The light verbs: keys of the answers, agreement with Python, refusals with exit code 2."""

import json
import subprocess
import sys

import numpy as np
import pytest

import mutau

POINT = ("model", "--mass", "0.1", "--coupling", "1e-3")


def test_model_json_has_the_promised_keys(cli):
    result = cli("model", "--mass", "100MeV", "--coupling", "1e-3", "--json")
    assert result.code == 0
    answer = json.loads(result.out)
    assert set(answer["widths_GeV"]) == {"nunu", "mumu", "tautau", "ee", "chichi"}
    assert {"width_total_GeV", "branching", "delta_a_mu", "epsilon_eff", "mutau_version"} <= set(
        answer
    )
    model = mutau.LmuMinusLtau(mass=0.1, coupling=1e-3)
    assert answer["width_total_GeV"] == model.width_total
    assert answer["delta_a_mu"] == model.delta_a_mu()


def test_dark_sector_point(cli):
    answer = json.loads(
        cli("model", "--mass", "0.03", "--coupling", "1e-4", "--alpha-d", "0.1", "--json").out
    )
    # Gamma(chi chi*) = alpha_D m/12 (1 - 4/9)^(3/2)
    assert answer["widths_GeV"]["chichi"] == pytest.approx(
        0.1 * 0.03 / 12 * (5 / 9) ** 1.5, rel=1e-12
    )


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("model", "--mass", "-1", "--coupling", "1e-3"), "mass = -1"),
        (("model", "--mass", "nan", "--coupling", "1e-3"), "mass = nan"),
        (("model", "--mass", "1 cm", "--coupling", "1e-3"), "--mass: '1 cm' is not of dimension"),
        (("model", "--mass", "abc", "--coupling", "1e-3"), "--mass: 'abc' is not a number"),
        (("model", "--mass", "0.1"), "takes --coupling"),
        (("model", "--mass", "0.1", "--epsilon", "1e-3"), "takes --coupling, not --epsilon"),
        (("model", "--mass", "0.1", "--coupling", "0"), "coupling = 0"),
        ((*POINT, "--model", "lmu-tau"), "did you mean 'lmu-ltau'"),
        (
            (*POINT, "--alpha-d", "0.1", "--mass-ratio", "0"),
            "mass_ratio = 0",
        ),
        (("xsec", "muon-brem", "--energy", "160", "--mass", "0.1"), "did you mean 'muon-brems'"),
        (
            ("xsec", "muon-brems", "--energy", "160", "--mass", "0.1", "--coupling", "1e-3",
             "--material", "tugnsten"),
            "did you mean 'tungsten'",
        ),
        (
            ("xsec", "muon-brems", "--energy", "160", "--mass", "500", "--coupling", "1e-3"),
            "mass",
        ),
        (
            ("xsec", "muon-brems", "--energy", "160", "--mass", "0.1", "--coupling", "1e-3",
             "--method", "wv"),
            "wv",
        ),
        (("show", "material"), "did you mean 'materials'"),
        (("limit", "na64m"), "did you mean 'na64mu'"),
        (("limit", "nowhere.toml"), "nowhere.toml"),
        (("limit", "na64mu", "--mass", "1:2"), "--mass: '1:2' is not a range"),
        (("generate", "na64mu", "--mass", "0.1", "--coupling", "1e-3", "-o", "e.docx"), ".lhe"),
        (("plane", "na64mu", "-o", "plane.gif"), ".png"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused(cli, words, expected, tmp_path):
    result = cli(*words)
    assert result.code == 2
    assert expected in result.err
    assert "Traceback" not in result.err
    assert result.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.compiled
def test_xsec_check_value(cli):
    # lead, 160 GeV, 100 MeV: 9.49 pb at epsilon = 1e-4, that is g' = 1e-4 sqrt(4 pi alpha)
    from mutau.core.constants import E_CHARGE

    words = ("--energy", "160", "--mass", "0.1", "--coupling", repr(1e-4 * E_CHARGE), "--json")
    answer = json.loads(cli("xsec", "muon-brems", *words).out)
    assert answer["sigma_pb"] == pytest.approx(9.49, rel=2e-3)
    assert 0.0 < answer["sigma_err_pb"] < 1e-3 * answer["sigma_pb"]
    assert answer["per"] == "atom"


def test_help_lists_the_verbs_quickly():
    out = subprocess.run(
        [sys.executable, "-m", "mutau", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for verb in "model xsec yields limit generate plane reproduce show check".split():
        assert verb in out


def test_readable_output_holds_the_same_numbers(cli):
    out = cli("model", "--mass", "0.1", "--coupling", "1e-3").out
    assert "width_total_GeV" in out
    model = mutau.LmuMinusLtau(mass=0.1, coupling=1e-3)
    assert f"{model.width_total:.6g}" in out


def xsec(cli, *words):
    result = cli("xsec", *words, "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)


@pytest.mark.compiled
def test_an_experiment_counts_whole_in_a_cross_section(cli):
    """The beam of `muone` is mu+ of 150 GeV: both leptons radiate, and their interference has the
    other sign than for mu-."""
    plain = ("muon-electron-gamma", "--cuts", "muone")
    ours = xsec(cli, *plain)
    assert ours["sigma_pb"] == pytest.approx(37_849.8, rel=2e-4)
    assert (ours["charge"], ours["energy_GeV"]) == (1, 150.0)
    assert ours["alpha"] == pytest.approx(1 / 137.036, rel=1e-6)
    assert ours["digests"]["experiment"] == mutau.load_experiment("muone").digest
    same = xsec(cli, *plain, "--energy", "150", "--charge", "1")
    assert same["sigma_pb"] == ours["sigma_pb"]
    other = xsec(cli, *plain, "--charge", "-1")
    assert (other["sigma_pb"], other["charge"]) == (pytest.approx(33_904.6, rel=2e-4), -1)
    lower = xsec(cli, *plain, "--energy", "140")  # what is given counts
    assert lower["energy_GeV"] == 140.0
    assert lower["sigma_pb"] != pytest.approx(ours["sigma_pb"], rel=0.1)


@pytest.mark.compiled
def test_the_spread_of_the_beam_is_averaged_over():
    """Beside the value at the energy itself; by drawn energies, within their error."""
    from mutau.analysis.point import cross_section_result

    zp = mutau.LmuMinusLtau(0.1, 1e-3)
    found = cross_section_result("muon-electron-zprime", None, zp, cuts="muone")
    assert found["energy_spread"] == 0.0375
    rng = np.random.default_rng(1)
    drawn = [
        mutau.cross_section("muon-electron-zprime", float(e), zp, cuts="muone").sigma_pb
        for e in rng.normal(150.0, 0.0375 * 150.0, 300)
    ]
    error = np.std(drawn) / np.sqrt(len(drawn))
    assert found["sigma_over_spread_pb"] == pytest.approx(np.mean(drawn), abs=4.0 * error)
    assert abs(found["sigma_over_spread_pb"] - found["sigma_pb"]) < 0.02 * found["sigma_pb"]
    heavy = mutau.LmuMinusLtau(0.2975, 1e-3)  # a part of the beam cannot make it at all
    near = cross_section_result("muon-electron-zprime", 152.0, heavy, cuts="muone")
    assert near["sigma_over_spread_pb"] == near["sigma_pb"] == 0.0  # none passes the cuts


def test_the_weak_mixing_angle_is_an_option_and_printed(cli, monkeypatch):
    from mutau.reactions import muon_electron as module

    asked = []

    def quick(reaction, cuts):
        asked.append(reaction)
        return module.CrossSection(1.0, 0.0)

    monkeypatch.setattr(module, "total_cross_section", quick)
    plain = ("muon-electron-nunu", "--energy", "150")
    assert xsec(cli, *plain)["sin2_theta_w"] == 0.23129
    low = xsec(cli, *plain, "--sin2-theta-w", "0.238", "--charge", "1")
    assert (low["sin2_theta_w"], low["charge"]) == (0.238, 1)
    assert [(item.sin2_theta_w, item.beam_charge) for item in asked] == [(0.23129, -1), (0.238, 1)]
    assert cli("xsec", *plain, "--sin2-theta-w", "2").code == 2
    # v = -1/2 + 2 sin^2, of both leptons, for neutrinos that no W couples to them
    assert module.neutrino_couplings(0.25)["nu_tau"] == (0.0, 0.0, -0.5, -0.5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("muon-electron-gamma",), "--energy: is missing"),
        (("muon-electron-gamma", "--cuts", "na64e"), "has a beam of e-"),
        (("muon-electron-gamma", "--cuts", "muone", "--charge", "2"), "beam charge 2"),
        (("muon-electron-elastic", "--cuts", "muone", "--charge", "1"), "has no effect on"),
        (("muon-brems", "--mass", "0.1", "--coupling", "1e-3"), "--energy: is missing"),
    ],
)
def test_what_a_cross_section_lacks_is_told(cli, words, message):
    found = cli("xsec", *words)
    assert found.code == 2
    assert message in found.err
