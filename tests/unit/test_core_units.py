"""Units at the border: factors derived by hand, and messages that say what to write."""

import math

import pytest

from mutau.core.errors import UnitError
from mutau.core.units import GEV2_PB, HBARC_GEV_CM, PB_CM2, parse_energy, parse_quantity


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("160 GeV", "energy", 160.0),
        ("160GeV", "energy", 160.0),
        ("2 keV", "energy", 2e-6),
        ("35 mm", "length", 3.5),
        ("1.5 mrad", "angle", 1.5e-3),
        ("40 X0", "radiation length", 40.0),
        ("11.35 g/cm^3", "density", 11.35),
        ("1.4 T m", "field integral", 140.0),  # 1.4 T over 100 cm
        ("15 fb^-1", "luminosity", 15e3),  # 1 fb^-1 = 1000 pb^-1
        ("15 %", "fraction", 0.15),
        ("0.15", "fraction", 0.15),
        ("100 um", "length", 0.01),
        ("100 µm", "length", 0.01),
        ("-65 mm", "length", -6.5),
        ("160 GeV/c", "energy", 160.0),
    ],
)
def test_quantities(text, dimension, value):
    assert parse_quantity(text, dimension) == pytest.approx(value, rel=1e-14)


def test_pb_and_hbarc_agree():
    # (hbar c)^2 in GeV^2 cm^2, divided by cm^2 per pb
    assert pytest.approx(HBARC_GEV_CM**2 / PB_CM2, rel=1e-12) == GEV2_PB
    assert pytest.approx(3.8938e8, rel=1e-4) == GEV2_PB


@pytest.mark.parametrize("text", ["35", 35, 35.0, None, "", "cm", "35 parsec", "35 cm^x"])
def test_refused_with_an_example(text):
    with pytest.raises(UnitError) as caught:
        parse_quantity(text, "length")
    assert "35 cm" in str(caught.value) or "unknown unit" in str(caught.value)


def test_wrong_dimension_names_both():
    with pytest.raises(UnitError, match=r"'35 GeV' is not of dimension length; .*35 cm"):
        parse_quantity("35 GeV", "length")


def test_alternatives():
    assert parse_quantity("40 X0", "length", "radiation length") == 40.0
    assert parse_quantity("40 cm", "length", "radiation length") == 40.0


def test_energy_on_the_command_line():
    assert parse_energy("0.1") == parse_energy("100MeV") == parse_energy(0.1)
    with pytest.raises(UnitError):
        parse_energy("100 cm")
    assert math.isinf(parse_energy("inf"))  # refused later, where the range is known
