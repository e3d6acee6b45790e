"""The running of alpha at the momentum transfers of muon-electron scattering."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import ALPHA, M_E, M_MU
from mutau.core.errors import OutOfRange
from mutau.reactions.muon_electron import ELASTIC, Reaction, elastic_spectrum
from mutau.reactions.vacuum_polarization import hadron_loop, lepton_loop, running_factor


@pytest.mark.parametrize("q2", [1e-4, 3e-3, 0.1, 5.0])
def test_a_lepton_is_its_parametric_integral(q2):
    """2 alpha/pi int x (1 - x) ln(1 + x (1 - x) Q^2/m^2) dx, on both sides of the series."""
    x = np.linspace(0.0, 1.0, 20_001)
    for mass in (M_E, M_MU):
        value = np.trapezoid(x * (1.0 - x) * np.log1p(x * (1.0 - x) * q2 / mass**2), x)
        expected = 2.0 * ALPHA / math.pi * float(value)
        assert float(lepton_loop(q2, mass)) == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize(
    ("energy", "shift"), [(1.0, 1.03), (5.0, 1.29), (10.0, 1.41), (25.0, 1.59)]
)
def test_electrons_and_muons_alone(energy, shift):
    """Per cent of the elastic cross section, by another calculation."""
    q2 = 2.0 * M_E * (energy - M_E)
    loops = float(lepton_loop(q2, M_E) + lepton_loop(q2, M_MU))
    assert 100.0 * ((1.0 - loops) ** -2 - 1.0) == pytest.approx(shift, abs=0.012)


def test_elastic_scattering_as_mesmer_has_it():
    """Electrons of 1 to 25 GeV, vacuum polarisation on over off: 242.077(26)/239.302(52) ub."""
    energy = np.geomspace(1.0, 25.0, 2001)
    weight = elastic_spectrum(Reaction(ELASTIC, 150.0), energy)
    factor = running_factor(2.0 * M_E * (energy - M_E))
    ratio = float(np.trapezoid(weight * factor, energy) / np.trapezoid(weight, energy))
    error = 242.077 / 239.302 * math.hypot(0.026 / 242.077, 0.052 / 239.302)
    assert abs(ratio - 242.077 / 239.302) < 4.0 * error


def test_hadrons_and_limits():
    assert float(hadron_loop(0.108)) == pytest.approx(7.86e-4)
    assert float(running_factor(0.0)) == 1.0
    with pytest.raises(OutOfRange):
        running_factor(np.array([0.1, np.nan]))
