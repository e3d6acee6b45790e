"""What makes no model is refused, and the message says why and what to do."""

import math

import pytest

from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.models import REGISTRY, DarkPhoton, LmuMinusLtau, build_model, model_from_dict


@pytest.mark.parametrize("mass", [0.0, -0.1, math.nan, math.inf, 1e-10, 2e3])
@pytest.mark.parametrize("tag", ["lmu-ltau", "dark-photon"])
def test_masses_outside(tag, mass):
    with pytest.raises(OutOfRange, match="mass"):
        build_model(tag, mass, 1e-3)


@pytest.mark.parametrize("value", [0.0, -1e-3, math.nan, math.inf, 4.0])
def test_couplings_outside(value):
    with pytest.raises(OutOfRange, match="coupling"):
        LmuMinusLtau(0.1, value)
    with pytest.raises(OutOfRange, match="epsilon"):
        DarkPhoton(0.1, value)
    with pytest.raises(OutOfRange):
        LmuMinusLtau(0.1, 1e-3).with_coupling(value)


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1, 0.2], 1j])
def test_not_a_number(value):
    with pytest.raises(MutauError, match="mass"):
        LmuMinusLtau(value, 1e-3)


@pytest.mark.parametrize("alpha_d", [-0.1, 1.5, math.nan])
def test_dark_coupling_outside(alpha_d):
    with pytest.raises(OutOfRange, match="alpha_d"):
        LmuMinusLtau(0.1, 1e-3, alpha_d)


@pytest.mark.parametrize("ratio", [0.0, -3.0, math.nan])
def test_mass_ratio_outside(ratio):
    with pytest.raises(OutOfRange, match="mass_ratio"):
        LmuMinusLtau(0.1, 1e-3, 0.0, ratio)


@pytest.mark.parametrize("ratio", [0.5, 1.9, 2.0])
def test_closed_dark_channel_is_named(ratio):
    with pytest.raises(OutOfRange, match="channel chichi is closed"):
        LmuMinusLtau(0.1, 1e-3, 0.1, ratio)
    assert LmuMinusLtau(0.1, 1e-3, 0.0, ratio).width("chichi") == 0.0


def test_unknown_channel_and_lepton():
    with pytest.raises(UnknownName, match="did you mean 'mumu'"):
        LmuMinusLtau(0.1, 1e-3).width("mumuu")
    with pytest.raises(UnknownName, match="dark-photon"):
        DarkPhoton(0.1, 1e-3).branching("nunu")
    with pytest.raises(UnknownName, match="lepton"):
        LmuMinusLtau(0.1, 1e-3).lepton_coupling("muon")


def test_no_dark_sector_no_dark_matter():
    with pytest.raises(MutauError, match="alpha_d = 0"):
        _ = LmuMinusLtau(0.1, 1e-3).mass_chi
    with pytest.raises(MutauError, match="alpha_d = 0"):
        LmuMinusLtau(0.1, 1e-3).average_mixing_squared()
    with pytest.raises(OutOfRange, match="q_max"):
        LmuMinusLtau(0.1, 1e-3, 0.1).average_mixing_squared(q_max=0.1)


def test_dark_photon_states_where_its_width_holds():
    assert DarkPhoton(0.279, 1e-3).width_total > 0.0
    with pytest.raises(OutOfRange, match="hadrons"):
        _ = DarkPhoton(0.28, 1e-3).width_total
    assert DarkPhoton(0.28, 1e-3).width("mumu") > 0.0  # partial widths hold
    assert DarkPhoton(0.28, 1e-3, 0.1).branching_invisible == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(OutOfRange, match="hadrons"):
        _ = DarkPhoton(3.2, 1e-4, 0.1).width_total
    with pytest.raises(OutOfRange, match="hadrons"):
        _ = DarkPhoton(0.8, 0.5, 0.001).width_total


def test_dark_photon_below_two_electrons_does_not_decay():
    stable = DarkPhoton(1e-3, 1e-3)
    assert stable.width_total == 0.0
    for question in ("branching_invisible", "ctau", "lifetime"):
        with pytest.raises(OutOfRange, match="closed"):
            getattr(stable, question)


@pytest.mark.parametrize("alpha_d", [0.0, math.nan])
def test_thermal_target_needs_a_dark_sector(alpha_d):
    with pytest.raises(OutOfRange, match="alpha_d"):
        LmuMinusLtau.thermal_target(0.1, alpha_d)
    with pytest.raises(OutOfRange, match="mass_ratio"):
        LmuMinusLtau.thermal_target(0.1, 0.1, 2.0)
    with pytest.raises(OutOfRange, match="mass"):
        LmuMinusLtau.thermal_target([0.1, -0.1], 0.1)


def test_dictionaries():
    with pytest.raises(UnknownName, match="mass_GeV"):
        model_from_dict({"model": "lmu-ltau", "mass": 0.1, "coupling": 1e-3})
    with pytest.raises(MutauError, match="coupling is missing"):
        model_from_dict({"model": "lmu-ltau", "mass_GeV": 0.1})
    with pytest.raises(MutauError, match="model is missing"):
        model_from_dict({"mass_GeV": 0.1, "coupling": 1e-3})
    with pytest.raises(UnknownName, match="did you mean 'lmu-ltau'"):
        build_model("lmu-tau", 0.1, 1e-3)
    with pytest.raises(MutauError, match="twice"):
        REGISTRY.register("lmu-ltau")(DarkPhoton)
    with pytest.raises(MutauError, match="not 'dark-photon'"):
        DarkPhoton.from_dict({"model": "lmu-ltau", "mass_GeV": 0.1, "coupling": 1e-3})
