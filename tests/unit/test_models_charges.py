"""Models of any charges: widths by hand, files, refusals."""

import math
import pickle

import pytest

from mutau.core.constants import ALPHA, E_CHARGE
from mutau.core.errors import FileError, MutauError, OutOfRange, Problems
from mutau.models import (
    LmuMinusLtau,
    build_model,
    charge_table,
    charges_class,
    load_charges,
    model_class,
    model_from_dict,
    neutrino_charges,
)

LMU_LTAU = {
    "schema": 1,
    "name": "by-hand",
    "source": "test",
    "charges": {"mu": 1.0, "numu": 1.0, "tau": -1.0, "nutau": -1.0},
}


def test_b_minus_l_widths_by_hand():
    # 100 MeV: three neutrinos of g^2 m/(24 pi) and electrons of g^2 m/(12 pi) (1 + 2r) sqrt(1 - 4r)
    model = build_model("b-l", 0.1, 1e-4)
    unit = 1e-8 * 0.1 / (12.0 * math.pi)
    r = (0.51099895e-3 / 0.1) ** 2
    assert model.width("nunu") == pytest.approx(1.5 * unit, rel=1e-12)
    assert model.width("ee") == pytest.approx((1 + 2 * r) * math.sqrt(1 - 4 * r) * unit, rel=1e-9)
    assert model.branching_invisible == pytest.approx(0.6, rel=1e-6)
    assert model.epsilon_eff == pytest.approx(1e-4 / E_CHARGE, rel=1e-12)
    assert model.lepton_coupling("e") == -1e-4


def test_file_of_mu_minus_tau_equals_the_model_by_name():
    cls = charges_class(charge_table(LMU_LTAU))
    for mass in (0.01, 0.3, 5.0):
        ours, known = cls(mass, 1e-3), LmuMinusLtau(mass, 1e-3)
        assert ours.width_total == pytest.approx(known.width_total, rel=1e-14)
        assert ours.epsilon_eff == pytest.approx(known.epsilon_eff, rel=1e-14)
        assert ours.delta_a_mu() == pytest.approx(known.delta_a_mu(), rel=1e-14)
    assert neutrino_charges(cls) == neutrino_charges(LmuMinusLtau) == (0.0, 1.0, -1.0)


def test_le_minus_lmu():
    model = build_model("le-lmu", 0.3, 1e-3)
    assert model.width("tautau") == 0.0
    assert model.width("nunu") == pytest.approx(1e-6 * 0.3 / (12 * math.pi), rel=1e-12)
    assert model.delta_a_mu() == pytest.approx(LmuMinusLtau(0.3, 1e-3).delta_a_mu(), rel=1e-12)


def test_a_users_file_round_trip(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'schema = 1\nname = "mine"\nsource = "me"\nmixing_per_coupling = 0.02\n'
        "[charges]\nmu = 2.0\nnumu = 2\n"
    )
    cls = model_class(f"charges:{path}")
    model = cls.at(0.05, 1e-3)
    assert model.width("nunu") == pytest.approx(4e-6 * 0.05 / (24 * math.pi), rel=1e-12)
    assert model.lepton_coupling("e") == pytest.approx(E_CHARGE * 0.02e-3, rel=1e-12)
    again = model_from_dict(model.to_dict())
    assert again == model
    assert type(again) is type(model)
    assert pickle.loads(pickle.dumps(model)) == model
    assert cls.coupling_for_delta_a_mu(0.01, 251e-11) == pytest.approx(
        float(LmuMinusLtau.coupling_for_delta_a_mu(0.01, 251e-11)) / 2.0
    )


def test_everything_wrong_in_a_file_is_told_at_once():
    document = {
        "schema": 2,
        "nme": "x",
        "source": "s",
        "charges": {"muon": 1.0, "e": "one", "tau": math.nan, "u": 99.0},
    }
    with pytest.raises(Problems) as caught:
        charge_table(document)
    addresses = {address for address, _ in caught.value.problems}
    assert addresses == {
        "schema", "nme", "name", "charges/muon", "charges/e", "charges/tau", "charges/u",
    }  # fmt: skip
    with pytest.raises(Problems, match="all zero"):
        charge_table({**LMU_LTAU, "charges": {"e": 0.0}})
    with pytest.raises(FileError, match="b-l"):
        load_charges("no-such-file.toml")


def test_what_is_not_known_is_refused():
    diverging = charges_class(charge_table({**LMU_LTAU, "name": "div", "charges": {"mu": 1.0}}))
    with pytest.raises(OutOfRange, match="mixing_per_coupling"):
        diverging(0.1, 1e-3).kinetic_mixing(0.0)
    assert diverging(0.1, 1e-3).width("ee") == 0.0
    electron_only = charges_class(charge_table({**LMU_LTAU, "name": "e", "charges": {"e": 1.0}}))
    with pytest.raises(MutauError, match="muons"):
        electron_only.coupling_for_delta_a_mu(0.1, 1e-9)
    with pytest.raises(OutOfRange, match="hadrons"):
        _ = build_model("b-l", 0.5, 1e-4).width_total
    dark = build_model("b-l", 0.5, 1e-4, 0.1, 3.0)
    assert dark.branching_invisible > 0.999


def test_hadrons_are_bounded_by_the_photon_case():
    # charges of the photon itself: the ceiling is the height of the phi, 9 B_ee/alpha^2
    photon = {"u": 2 / 3, "d": -1 / 3, "s": -1 / 3, "c": 2 / 3, "b": -1 / 3, "e": -1.0}
    cls = charges_class(charge_table({**LMU_LTAU, "name": "photon", "charges": photon}))
    assert cls(0.1, 1e-3)._hadron_ceiling() == pytest.approx(9 * 2.98e-4 / ALPHA**2, rel=2e-3)


def test_quark_charges_make_the_loop_mixing_diverge():
    # mu + tau = 0 cancels among the leptons only; a quark's loop then has no partner
    charges = {**LMU_LTAU["charges"], "u": 0.1, "d": 0.1}
    cls = charges_class(charge_table({**LMU_LTAU, "charges": charges}))
    assert not cls.has_mixing()
    with pytest.raises(OutOfRange, match="mixing"):
        cls(0.1, 1e-3).kinetic_mixing(0.01)
    stated = charges_class(
        charge_table({**LMU_LTAU, "charges": charges, "mixing_per_coupling": 0.01})
    )
    assert stated.has_mixing()
    assert charges_class(charge_table(LMU_LTAU)).has_mixing()
