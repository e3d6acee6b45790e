"""Numbers and figures of arXiv:2404.06982 (NA64-e): figs. 3 and 5."""

import numpy as np
import pytest

from mutau.models import LmuMinusLtau
from mutau.reactions.annihilation import (
    cross_section,
    diamond_line_shapes,
    integrated,
    lead_line_shapes,
    narrow_integral,
    resonance_energy,
)
from mutau.reactions.annihilation_electrons import momenta


def test_peak_in_lead_at_rest():
    # Independent evaluation of the tree-level formula: 4.07e8 pb at 49.53 GeV, Gamma = 8.03 keV,
    # three digits.
    model = LmuMinusLtau(mass=0.225, coupling=0.03)
    assert model.width_total == pytest.approx(8.03e-6, rel=1e-3)
    assert resonance_energy(0.225) == pytest.approx(49.53, abs=0.005)
    peak = cross_section(resonance_energy(0.225), model, channel="nunu", electrons="rest")[0]
    assert peak == pytest.approx(4.07e8, rel=2e-3)


@pytest.mark.compiled
def test_fig_3_motion_lowers_the_peak_by_orders_of_magnitude_and_keeps_the_integral():
    shapes = lead_line_shapes()
    rest, moving = shapes.curves["rest"], shapes.curves["virial"]
    assert shapes.energies[0] == 20.0
    assert shapes.energies[-1] == 120.0
    assert rest.max() == pytest.approx(4.07e8, rel=2e-3)
    assert 100 < rest.max() / moving.max() < 1000
    # Far from the peak motion fills the sides: at 60 GeV by more than a factor of 100.
    at = int(np.argmin(abs(shapes.energies - 60.0)))
    assert moving[at] > 100 * rest[at]
    model = LmuMinusLtau(mass=0.225, coupling=0.03)
    whole = integrated([0.5, 20.0, 120.0, 5000.0], model, channel="nunu")
    assert whole.sum() == pytest.approx(narrow_integral(model, channel="nunu"), rel=1e-3)


@pytest.mark.compiled
def test_fig_5_models_of_the_motion_around_the_resonance():
    # 17 MeV: E = 282.3 MeV. Whoever has more kinetic energy has the lower peak: 1026 eV in
    # Hartree-Fock, 632 eV in the two models from binding energies. In the paper the exponential
    # lies between two curves of another work, for diamond and with Hartree-Fock wave functions.
    shapes = diamond_line_shapes(("rest", "virial", "hydrogenic", "hartree-fock"))
    peaks = {name: curve.max() for name, curve in shapes.curves.items()}
    assert peaks["hartree-fock"] < peaks["virial"] < peaks["hydrogenic"] < peaks["rest"]
    assert peaks["virial"] / peaks["hartree-fock"] == pytest.approx(1.10, abs=0.01)
    for curve in shapes.curves.values():
        assert shapes.energies[curve.argmax()] == pytest.approx(0.2823, abs=0.001)
    areas = [np.trapezoid(curve, shapes.energies) for curve in shapes.curves.values()]
    assert max(areas) / min(areas) < 1.01  # all of it but the tails outside the window


@pytest.mark.compiled
def test_fig_5_by_own_and_tabulated_hartree_fock():
    # the tables average over the terms of 2p^2, which is 0.5 % more at zero momentum
    pytest.importorskip("xraylib", reason="xraylib is not installed (extra 'atomic')")
    shapes = diamond_line_shapes(("hartree-fock", "compton"))
    own, tables = shapes.curves.values()
    assert tables.max() / own.max() == pytest.approx(1.003, abs=0.001)
    np.testing.assert_allclose(own, tables, rtol=0.012)


def test_compton_profile_of_carbon_holds_the_energy_of_the_atom():
    # Virial theorem: the kinetic energy of all electrons is the Hartree-Fock energy of the atom,
    # 37.689 hartree = 1025.6 eV (E. Clementi, C. Roetti, At. Data Nucl. Data Tables 14 (1974)
    # 177). The profiles have three digits.
    pytest.importorskip("xraylib", reason="xraylib is not installed (extra 'atomic')")
    atom = momenta("C", "compton")
    k = atom.table.scale * np.sinh(atom.table.step * np.arange(len(atom.table.log_table)))
    kinetic = 3 * np.trapezoid(k**2 * np.exp(atom.table.log_table), k) / (2 * 0.51099895e-3)
    assert kinetic == pytest.approx(1025.6e-9, rel=5e-3)
