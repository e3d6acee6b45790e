"""Interaction lengths by kind and energy: published lengths, Sibyll, orders that must hold."""

import math

import pytest

from mutau.core.errors import OutOfRange, UnknownName
from mutau.matter import data_tables
from mutau.matter.hadron_interactions import single_collision_fraction
from mutau.matter.hadron_nucleus import elastic_length, inelastic_cross_section, inelastic_length
from mutau.matter.materials import material


@pytest.mark.parametrize(
    ("name", "published"),
    [("iron", 20.42), ("copper", 18.51), ("lead", 19.93), ("aluminium", 50.64)],
)
def test_pion_lengths_of_the_review_of_particle_physics(name, published):
    """PDG's pion interaction lengths, cm; its nucleon lengths are the scale, not these."""
    found = [inelastic_length(kind, material(name), 150.0).cm for kind in ("pi+", "pi-")]
    assert 0.5 * sum(found) == pytest.approx(published, rel=0.025)


@pytest.mark.parametrize("name", ["beryllium", "carbon", "aluminium", "iron", "copper", "lead"])
def test_absolute_nucleon_lengths(name):
    """The generator's own cross section against PDG's lengths, before these set the scale."""
    substance = material(name)
    (element, _), *_ = substance.elements
    sigma = inelastic_cross_section("n", element.a, 100.0)
    length = element.a / (0.602214 * sigma * 1e-3)  # g/cm^2
    assert length == pytest.approx(substance.nuclear_interaction_length, rel=0.05)


def test_sibyll_beside_pythia():
    """Production cross sections of another program, which leave out quasi-elastic scattering."""
    rows = data_tables.card("hadron_nucleus")["sibyll"]
    assert len(rows) == 9
    for row in rows:
        ours = inelastic_cross_section(row["hadron"], row["a"], row["energy_GeV"])
        assert ours == pytest.approx(row["production_mb"], rel=0.12), row


def test_order_of_kinds_and_energies():
    iron = material("iron")
    at = {
        k: inelastic_length(k, iron, 100.0).cm for k in ("pbar", "p", "Lambda", "pi-", "K-", "K+")
    }
    assert list(at.values()) == sorted(at.values())
    assert at["p"] == pytest.approx(iron.interaction_length_cm, rel=2e-3)
    # resonances make negative kaons and antiprotons interact more at low energy
    assert inelastic_length("K-", iron, 5.0).cm < inelastic_length("K-", iron, 100.0).cm
    assert inelastic_length("K+", iron, 5.0).cm > inelastic_length("K+", iron, 100.0).cm
    mean = 0.5 * (1.0 / at["K+"] + 1.0 / at["K-"])  # isospin, of K0 and anti-K0
    assert inelastic_length("K_L", iron, 100.0).cm == pytest.approx(1.0 / mean, rel=0.01)


@pytest.mark.parametrize("name", ["carbon", "iron", "lead"])
@pytest.mark.parametrize("kind", ["pi-", "K_L", "n"])
def test_beside_glauber(name, kind):
    """Ratios to nucleons by Glauber's theory, which shares no cross section, are within 4 %."""
    assert inelastic_length(kind, material(name), 100.0).relative_err < 0.02


def test_elastic_lengths():
    lead, carbon = material("lead"), material("carbon")
    ratio = elastic_length("n", lead, 100.0).cm / inelastic_length("n", lead, 100.0).cm
    assert 1.0 < ratio < 1.6  # nearly black
    assert elastic_length("n", carbon, 100.0).cm > 3.0 * inelastic_length("n", carbon, 100.0).cm
    with pytest.raises(UnknownName):
        elastic_length("Lambda", lead, 100.0)
    with pytest.raises(OutOfRange):
        elastic_length("n", lead, 5.0)


def test_layers_interpolate_between_their_materials():
    both = material("iron"), material("polystyrene")
    steps = [inelastic_cross_section("p", a, 100.0) for a in (55.0, 55.845, 57.0)]
    assert steps == sorted(steps)
    assert all(inelastic_length("pbar", m, 20.0).relative_err == 0.10 for m in both)


@pytest.mark.parametrize("energy", [2.9, 301.0, math.nan, -1.0])
def test_refused_energies(energy):
    with pytest.raises(OutOfRange, match="allowed"):
        inelastic_length("pi-", material("iron"), energy)


def test_refused_names_and_nuclei():
    with pytest.raises(UnknownName, match="Lambda"):
        inelastic_length("Lambdda", material("iron"), 10.0)
    with pytest.raises(OutOfRange):
        inelastic_cross_section("p", 238.0, 10.0)


def test_single_collisions():
    """A thin nucleus collides once, a thick one rarely; less the more often it collides."""
    assert single_collision_fraction("rho", 1.0, 100.0) == 1.0
    found = [single_collision_fraction("rho", a, 100.0) for a in (9.0, 56.0, 207.0)]
    assert found == sorted(found, reverse=True)
    assert single_collision_fraction("p", 207.0, 100.0) < found[2] < 0.4
