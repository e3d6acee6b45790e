"""`mutau xsec` of lepton pairs: limits by name, the digits of Python, refusals."""

from __future__ import annotations

import json

import pytest

from mutau.matter.nucleus import AtomicElectrons, Nucleus
from mutau.reactions.lepton_pairs import PairReaction, cross_section

POINT = ("xsec", "muon-electron-pair", "--energy", "150", "--material", "beryllium")


@pytest.mark.compiled
def test_command_line_and_python_give_the_same_digits(cli):
    limits = "pair_energy=1:,lepton_theta=:5mrad,opposite_energy=100MeV:"
    found = cli(*POINT, "--limits", limits, "--error", "0.02", "--seed", "4", "--json")
    assert found.code == 0, found.err
    answer = json.loads(found.out)
    inf = float("inf")
    ours = cross_section(
        PairReaction(
            "muon", "electron", 150.0, Nucleus(4.0, 9.0121831),
            limits={"pair_energy": (1.0, inf), "lepton_theta": (-inf, 5e-3),
                    "opposite_energy": (0.1, inf)},
        ),
        error=0.02, seed=4,
    )  # fmt: skip
    assert (answer["sigma_pb"], answer["sigma_err_pb"]) == (ours.sigma_pb, ours.sigma_err_pb)
    assert answer["per"] == "atom"
    electrons = cross_section(
        PairReaction(
            "muon", "electron", 150.0, AtomicElectrons(4.0),
            limits={"pair_energy": (1.0, inf), "lepton_theta": (-inf, 5e-3),
                    "opposite_energy": (0.1, inf)},
        ),
        error=0.04, seed=4,
    )  # fmt: skip
    assert answer["electrons_pb"] == electrons.sigma_pb
    assert answer["atom_pb"] == pytest.approx(ours.sigma_pb + electrons.sigma_pb)
    assert answer["limits"]["lepton_theta"] == [None, 5e-3]


@pytest.mark.compiled
@pytest.mark.parametrize("limits", [[], ["--limits", "pair_energy=155:"]])
def test_electrons_below_threshold_or_beyond_the_limits_make_no_pair(cli, limits):
    """A muon pair on an electron needs a photon of 44 GeV; a muon of 160 GeV cannot give 155."""
    point = (
        ("photon-muon-pair", "--energy", "20") if not limits
        else ("muon-muon-pair", "--energy", "160")
    )  # fmt: skip
    found = cli("xsec", *point, "--material", "lead", *limits, "--error", "0.05", "--json")
    assert found.code == 0, found.err
    answer = json.loads(found.out)
    assert answer["electrons_pb"] == 0.0
    assert answer["atom_pb"] == answer["sigma_pb"] > 0.0


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("pair_energy=1", "gives no limits"),
        ("pair_enrgy=1:2", "did you mean 'pair_energy'?"),
        ("pair_energy=2:1", "2 to 1 is empty"),
        ("pair_energy=1:2,pair_energy=1:3", "stands twice"),
        ("pair_energy=200:", "nothing is left"),
        ("lepton_theta=1:2cm", "--limits"),
        ("pair_mass=1:2m", "--limits"),
    ],
)
def test_wrong_limits_are_refused_by_name(cli, limits, message):
    found = cli(*POINT, "--limits", limits)
    assert found.code == 2
    assert message in found.err
    assert found.out == ""
