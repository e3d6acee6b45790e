"""Tables of bremsstrahlung over emitter and Z' energy against direct integrals."""

import numpy as np
import pytest

from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.reactions import electron_brems
from mutau.reactions.electron_brems_table import BremsTheory, brems_table

pytestmark = pytest.mark.compiled

LOW = 38.0


@pytest.mark.parametrize("mass", [1e-6, 1e-3, 0.03, 0.5])
def test_table_is_the_cross_section_above_an_energy(mass):
    lead = material("lead").dominant_element
    table = brems_table(lead, mass, LOW, 100.0, LOW / 100.0)
    for energy in (100.0, 77.0, 48.0):
        whole = electron_brems.total(
            energy, mass, nucleus=Nucleus.of(lead), x_min=LOW / 100.0
        ).sigma_pb
        for k in (39.0, 45.0, 60.0, 75.0):
            if k > 0.98 * energy:
                continue
            direct = electron_brems.total(energy, mass, nucleus=Nucleus.of(lead), x_min=k / energy)
            found = float(table.above(np.array([energy]), np.array([k]))[0])
            assert found == pytest.approx(direct.sigma_pb, rel=1e-3, abs=6e-4 * whole)
            slope = electron_brems.differential_x(
                [k / energy], energy, mass, nucleus=Nucleus.of(lead)
            )[0]
            density = float(table.density(np.array([energy]), np.array([k]))[0])
            assert density == pytest.approx(slope / energy, rel=0.02)


def test_a_scaled_approximation_has_the_exact_total():
    lead = material("lead").dominant_element
    total = electron_brems.total(100.0, 0.01, nucleus=Nucleus.of(lead)).sigma_pb
    nowhere = np.zeros(1)
    for method, expected in (("iww-scaled", 1.0), ("iww", 1.0 / 0.885)):
        table = brems_table(lead, 0.01, 100.0, 100.0, 0.0, BremsTheory(method))
        found = float(table.above(np.array([100.0]), nowhere)[0])
        assert found / total == pytest.approx(expected, rel=5e-3)
    # and its spectrum: iww has more just below the top
    exact, scaled = (
        brems_table(lead, 0.01, 100.0, 100.0, 0.0, BremsTheory(method)).above(
            np.array([100.0]), np.array([90.0])
        )[0]
        for method in ("exact", "iww-scaled")
    )
    assert abs(scaled / exact - 1.0) > 0.02
