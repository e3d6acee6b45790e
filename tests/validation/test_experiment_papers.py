"""What the papers print about their set-ups, beside the bundled files."""

from __future__ import annotations

import math

import pytest

from mutau.core.constants import M_E, M_MU
from mutau.experiment import load_experiment
from mutau.matter.materials import material


def test_muone_luminosity_follows_from_the_muons_on_target():
    """15 fb^-1 (MUonE paper, fig. 2) is particles times electrons per area; pb = 1e-36 cm^2."""
    experiment = load_experiment("muone")
    beryllium = material(experiment.target.material)
    thickness = experiment.target.thickness.cm(beryllium.radiation_length_cm)
    electrons = beryllium.electrons_per_cm3 * thickness * experiment.target.stations  # per cm^2
    luminosity = experiment.beam.particles * electrons * 1e-36
    assert experiment.beam.luminosity == pytest.approx(15e3, rel=1e-12)
    assert luminosity == pytest.approx(15e3, rel=3e-3)  # particles are given to three digits


def test_muone_energy_in_the_centre_of_mass():
    """sqrt(s) = 406 MeV (MUonE paper, sec. II)."""
    energy = load_experiment("muone").beam.energy
    assert math.sqrt(M_MU**2 + M_E**2 + 2 * M_E * energy) == pytest.approx(0.406, abs=5e-4)


def test_na64e_exposure_and_backgrounds():
    """9.1(5)e11 electrons; 0.4(2) and 0.3(2) background events; 15 % on the yield (sec. 4, 5)."""
    experiment = load_experiment("na64e")
    assert sum(run.particles for run in experiment.runs) == pytest.approx(9.1e11, rel=1e-9)
    assert [run.background for run in experiment.runs] == [0.4, 0.3]
    assert [run.background_error for run in experiment.runs] == [0.2, 0.2]
    assert all(47.0 <= run.threshold <= 50.0 for run in experiment.runs)
    assert experiment.relative_systematic == pytest.approx(math.hypot(0.15, 0.055), rel=1e-12)


@pytest.mark.parametrize("name", ["na64mu", "na64e"])
def test_forty_radiation_lengths_fit_the_stated_length(name):
    """150 layers of 1.5 mm + 1.5 mm are 45 cm and about 40 X0 (Phys. Rev. D 97, 072002)."""
    target = load_experiment(name).target
    length = target.thickness.cm(material(target.material).radiation_length_cm)
    assert length == pytest.approx(45.0, rel=0.03)
    assert length <= target.extent


def test_na64mu_calorimeters_have_the_stated_interaction_lengths():
    """VHCAL 5, HCAL 7.5 per module (NA64mu paper, sec. II); rounded there, so 3 %."""
    experiment = load_experiment("na64mu")
    stated = {"VHCAL": 5.0, "HCAL1": 7.5, "HCAL2": 7.5}
    for module in experiment.detector.calorimeter:
        lengths = module.length / material(module.material).interaction_length_cm
        assert lengths == pytest.approx(stated[module.name], rel=0.03)


def test_na64mu_spectrometer_reaches_three_percent():
    """Delta p/p ~ 3 % at 160 GeV (sec. III C): two arms with their two end planes alone.

    An arm measures its angle to sqrt(2) s/L; the two arms the deflection 0.42 GeV/p.
    """
    experiment = load_experiment("na64mu")
    planes = [t for t in experiment.detector.tracker if t.arm == "outgoing"]
    magnet = experiment.detector.magnet[0]
    arms = [
        [t.z for t in planes if t.z < magnet.z],
        [t.z for t in planes if t.z > magnet.z],
    ]
    error = math.hypot(*(math.sqrt(2.0) * planes[0].resolution / (a[-1] - a[0]) for a in arms))
    relative = error / magnet.deflection(experiment.beam.energy)
    assert relative == pytest.approx(0.03, rel=0.2)
