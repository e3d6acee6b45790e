"""Materials: mixture rules by hand, plasma energies, errors with place and remedy."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from mutau.core.errors import MutauError, OutOfRange, UnitError, UnknownName
from mutau.matter import build, describe, element, material, names, sandwich
from mutau.matter.elements import coulomb_correction, elements
from mutau.matter.materials import delta_at_x0, plasma_energy


def test_lead_radiation_length_in_cm():
    assert material("lead").radiation_length_cm == pytest.approx(6.37 / 11.35)


def test_electrons_per_cm3_of_lead():
    # 11.35 g/cm^3 * 6.02214e23 / 207.2 g/mol * 82
    expected = 11.35 * 6.02214076e23 / 207.2 * 82
    assert material("lead").electrons_per_cm3 == pytest.approx(expected, rel=1e-9)


def test_atoms_per_cm3_of_polystyrene_are_as_many_carbon_as_hydrogen():
    (c, n_c), (h, n_h) = material("polystyrene").atoms_per_cm3
    assert (c.symbol, h.symbol) == ("C", "H")
    assert n_c == pytest.approx(n_h, rel=1e-12)
    # one C8H8 unit weighs 8 * (12.011 + 1.008) = 104.152 u
    assert n_c == pytest.approx(8 * 1.060 * 6.02214076e23 / 104.152, rel=1e-9)


def test_plasma_energy_by_hand():
    # (hbar omega_p)^2 = 4 pi (hbar c)^2 n_e r_e; 1 mol/cm^3: PDG quotes 28.816 eV
    assert plasma_energy(1.0) == pytest.approx(28.816, abs=5e-4)
    # lead, PDG atomic properties page: 61.07 eV
    assert material("lead").plasma_energy == pytest.approx(61.07, abs=0.01)


def test_sandwich_of_equal_plates_follows_the_mixture_rules():
    mix = material("lead-scintillator")
    assert mix.density == pytest.approx((11.35 + 1.060) / 2)
    # radiation lengths add along the path: 1.5 mm / X0(Pb) + 1.5 mm / X0(PS) = 3 mm / X0
    path = 0.15 / (6.37 / 11.35) + 0.15 / (43.79 / 1.060)
    assert mix.radiation_length_cm == pytest.approx(0.3 / path, rel=1e-12)
    assert sum(w for _, w in mix.elements) == pytest.approx(1.0, abs=1e-12)
    assert [m.name for m, _ in mix.components] == ["lead", "polystyrene"]


def test_forty_radiation_lengths_of_the_calorimeter_are_about_150_layers():
    layers = 40.0 * material("lead-scintillator").radiation_length_cm / 0.3
    assert 140 < layers < 155


def test_hadron_calorimeter_module_has_seven_and_a_half_interaction_lengths():
    depth = 48 * 2.9 / material("iron-scintillator").interaction_length_cm
    assert depth == pytest.approx(7.5, rel=0.02)  # the paper's rounding


def test_own_sandwich_of_an_own_plastic():
    plastic = build("mine", {"density": "1.02 g/cm^3", "atoms": {"C": 9, "H": 10}})
    stack = sandwich("ecal", ("tungsten", 0.35), (plastic, 0.2))
    assert stack.density == pytest.approx((19.30 * 0.35 + 1.02 * 0.2) / 0.55, rel=1e-12)


def test_compressed_gas_keeps_composition_and_shifts_the_density_effect():
    air = material("air")
    dense = air.at_density(10.0 * air.density)
    assert dense.radiation_length_cm == pytest.approx(air.radiation_length_cm / 10.0)
    assert dense.density_effect.cbar == pytest.approx(air.density_effect.cbar - math.log(10.0))
    assert dense.density_effect.x0 == pytest.approx(air.density_effect.x0 - 0.5)


@pytest.mark.parametrize("name", names())
def test_density_effect_parameters_are_consistent(name):
    item = material(name)
    # the fitted curve meets delta0 at x0, and its asymptote is 1 + 2 ln(I / hbar omega_p):
    # a wrong digit in any of eight numbers breaks one of the two
    assert delta_at_x0(item.density_effect) == pytest.approx(item.density_effect.delta0, abs=1e-3)
    asymptote = 1.0 + 2.0 * math.log(item.mean_excitation_energy / item.plasma_energy)
    assert item.density_effect.cbar == pytest.approx(asymptote, abs=1e-3)


@pytest.mark.parametrize("name", names())
def test_radiation_length_of_the_table_follows_from_the_composition(name):
    item = material(name)
    computed = 1.0 / sum(w / e.radiation_length for e, w in item.elements)
    # PDG's compounds use Tsai for the elements too; molecular binding of hydrogen changes nothing
    assert item.radiation_length == pytest.approx(computed, rel=2e-3)


def test_coulomb_correction_small_z_limit():
    # sum over 1/(n (n^2 + a^2)) -> zeta(3) = 1.2020569
    assert coulomb_correction(0.01) / (0.01 / 137.036) ** 2 == pytest.approx(1.20206, rel=1e-4)


def test_coulomb_correction_is_the_series_it_stands_for():
    for z in (13, 47, 82, 92):
        a2 = (z / 137.035999) ** 2
        series = a2 * sum(1.0 / (n * (n * n + a2)) for n in range(1, 4000))
        assert coulomb_correction(z) == pytest.approx(series, rel=5e-4)


def test_interaction_length_estimate_meets_the_table():
    for item in elements().values():
        if item.z > 2 and item.tabulated_interaction_length:
            estimate = 40.4 * item.a**0.2965
            assert estimate == pytest.approx(item.tabulated_interaction_length, rel=0.03)
    assert element("Cr").nuclear_interaction_length == pytest.approx(40.4 * 51.9961**0.2965)


def test_describe_has_a_row_with_source_for_every_material():
    rows = describe()
    assert [row["name"] for row in rows] == list(names())
    assert all(len(row["source"]) > 10 for row in rows)


def test_unknown_material_suggests_and_sends_to_the_list():
    with pytest.raises(UnknownName, match=r"tungsten.*show materials") as info:
        material("tugnsten", place="toy.toml: target/material")
    assert info.value.place == "toy.toml: target/material"


@pytest.mark.parametrize(
    ("table", "error", "text"),
    [
        ({"density": "1 g/cm^3"}, MutauError, "composition"),
        ({"density": "1 g/cm^3", "atoms": {"C": 1}, "mass": {"C": 1}}, MutauError, "composition"),
        ({"atoms": {"C": 1}}, MutauError, "density"),
        ({"density": "1 g", "atoms": {"C": 1}}, UnitError, "g/cm"),
        ({"density": "0 g/cm^3", "atoms": {"C": 1}}, OutOfRange, "density"),
        ({"density": "1 g/cm^3", "atoms": {"Xx": 1}}, UnknownName, "Xx"),
        ({"density": "1 g/cm^3", "atoms": {"C": -1}}, OutOfRange, "C"),
        ({"density": "1 g/cm^3", "atoms": {}}, MutauError, "empty"),
        ({"density": "1 g/cm^3", "atoms": {"C": "one"}}, MutauError, "number"),
        ({"density": "1 g/cm^3", "mass": {"C": 0.5, "H": 0.1}}, MutauError, "sum"),
        ({"densty": "1 g/cm^3", "atoms": {"C": 1}}, UnknownName, "density"),
        ({"layers": {"led": "1 mm"}}, UnknownName, "lead"),
        ({"layers": {"lead": 1.0}}, MutauError, "period"),
        ({"layers": {"lead": "-1 mm"}}, OutOfRange, "lead"),
        ({"density": "1 g/cm^3", "atoms": {"C": 1}, "state": "gass"}, UnknownName, "gas"),
        ({"density": "1 g/cm^3", "atoms": {"C": 1}, "density_effect": [1.0]}, MutauError, "cbar"),
        (
            {"density": "1 g/cm^3", "atoms": {"C": 1}, "radiation_length": "4 cm"},
            UnitError,
            "radiation|dimension",
        ),
    ],
)
def test_bad_tables_are_refused_with_reason(table, error, text):
    with pytest.raises(error, match=text):
        build("mine", table)


def test_layers_cannot_change_density():
    with pytest.raises(MutauError, match="layers"):
        material("lead-scintillator").at_density(3.0)


def test_import_is_light():
    code = (
        "import sys; from mutau.matter import material; material('lead');"
        "print([m for m in ('numpy', 'scipy', 'numba') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "scipy" not in out.stdout
    assert "numba" not in out.stdout
