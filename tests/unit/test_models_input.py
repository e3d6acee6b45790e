"""What makes no model is refused, and the message says why and what to do."""

import math
import pickle

import pytest

from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.models import (
    REGISTRY,
    DarkPhoton,
    Family,
    LmuMinusLtau,
    build_model,
    model_from_dict,
)
from mutau.models.dark_matter import DARK_MATTER


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
def test_dark_matter_too_heavy_for_a_decay(ratio):
    heavy = LmuMinusLtau(0.1, 1e-3, 0.1, ratio)
    assert heavy.off_shell
    assert heavy.width("chichi") == LmuMinusLtau(0.1, 1e-3, 0.0, ratio).width("chichi") == 0.0
    assert not LmuMinusLtau(0.1, 1e-3, 0.0, ratio).off_shell
    with pytest.raises(MutauError, match="no line"):
        heavy.average_mixing_squared()


def test_kinds_of_dark_matter():
    """Dirac over scalar is 4 (1 + 2r)/(1 - 4r), 8.8 at m_chi = m/3; Majorana twice the scalar."""
    for ratio in (2.1, 3.0, 10.0, 1e3):
        width = {
            kind: DarkPhoton(0.3, 1e-4, 0.1, ratio, kind).width("chichi") for kind in DARK_MATTER
        }
        r = 1.0 / ratio**2
        usual = width["complex-scalar"]
        assert width["dirac"] / usual == pytest.approx(
            4.0 * (1.0 + 2.0 * r) / (1.0 - 4.0 * r), rel=1e-12
        )
        assert width["majorana"] == pytest.approx(2.0 * usual, rel=1e-12)
        assert width["pseudo-dirac"] == width["dirac"]
    assert DarkPhoton(0.3, 1e-4, 0.1).dark_matter == "complex-scalar"
    with pytest.raises(UnknownName, match="did you mean 'dirac'"):
        DarkPhoton(0.3, 1e-4, 0.1, 3.0, "dirak")
    with pytest.raises(UnknownName, match="kind of dark matter"):
        Family("lmu-ltau", 0.1, 3.0, 7.0)


def test_the_kind_is_kept():
    point = Family("b-l", 0.1, 3.0, "majorana").at(0.1, 1e-4)
    assert model_from_dict(point.to_dict()) == point
    assert point.moved(0.2, 1e-3).dark_matter == "majorana"
    assert point.with_coupling(1e-3).dark_matter == "majorana"
    assert pickle.loads(pickle.dumps(point)) == point
    assert Family(**Family("b-l", 0.1, 3.0, "dirac").to_dict()) == Family("b-l", 0.1, 3.0, "dirac")
    assert Family("b-l", 0.1).digest != Family("b-l", 0.1, 3.0, "dirac").digest


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
