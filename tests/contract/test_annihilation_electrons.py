"""Every model of the electrons' motion keeps the number of electrons and the integral over E."""

import numpy as np
import pytest

from mutau.core.errors import MissingExtra, UnknownName
from mutau.matter import atomic_electrons
from mutau.models import DarkPhoton, LmuMinusLtau
from mutau.reactions.annihilation import (
    cross_section,
    integrated,
    narrow_integral,
    resonance_energy,
)
from mutau.reactions.annihilation_electrons import MODELS, momenta

MOVING = [name for name in MODELS if name != "rest"]


def _available(name):
    if name == "compton":
        pytest.importorskip("xraylib", reason="xraylib is not installed (extra 'atomic')")


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("C", name) for name in MOVING] + [("Pb", name) for name in MOVING if name != "hartree-fock"],
)
def test_number_of_electrons(symbol, name):
    _available(name)
    atom = momenta(symbol, name)
    k = atom.table.scale * np.sinh(atom.table.step * np.arange(len(atom.table.log_table)))
    number = sum(shell.electrons for shell in atomic_electrons.shells(symbol))
    assert atom.electrons == pytest.approx(number)
    # int_0^inf G dk counts the electrons
    assert np.trapezoid(np.exp(atom.table.log_table), k) == pytest.approx(number, rel=1e-4)
    # G falls; profiles tabulated with three digits may rise by their rounding
    assert np.all(np.diff(atom.table.log_table) < (1e-4 if name == "compton" else 0.0))


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("model", "symbol"),
    [
        (LmuMinusLtau(mass=0.225, coupling=0.03), "Pb"),
        (LmuMinusLtau(mass=0.15, coupling=1e-6), "Pb"),
        (DarkPhoton(mass=0.017, epsilon=1e-4), "C"),
    ],
    ids=["lead, 8 keV wide", "lead, narrow", "carbon"],
)
@pytest.mark.parametrize("electrons", MODELS)
def test_integral_over_energy_is_that_of_electrons_at_rest(model, symbol, electrons):
    _available(electrons)
    if electrons == "hartree-fock" and symbol == "Pb":
        with pytest.raises(UnknownName, match=r"Hartree-Fock orbitals 'Pb'.*compton"):
            momenta(symbol, electrons)
        return
    peak = resonance_energy(model.mass)
    found = integrated(
        np.geomspace(0.02 * peak, 50.0 * peak, 3),
        model,
        channel="all",
        element=symbol,
        electrons=electrons,
    ).sum()
    exact = narrow_integral(model, channel="all", element=symbol)
    assert found == pytest.approx(exact, rel=1e-3)


@pytest.mark.compiled
@pytest.mark.parametrize("electrons", MOVING)
def test_motion_lowers_and_widens_the_peak(electrons):
    _available(electrons)
    element = "C" if electrons == "hartree-fock" else "Pb"
    model = LmuMinusLtau(mass=0.225, coupling=0.03)
    peak = resonance_energy(0.225)
    energies = [peak, 1.02 * peak]
    top, side = cross_section(energies, model, element=element, electrons=electrons)
    still = cross_section(energies, model, element=element, electrons="rest")
    assert top < still[0] / 100
    assert side > still[1] * 100


@pytest.mark.compiled
@pytest.mark.parametrize("name", MOVING)
def test_a_line_without_width_is_smooth_through_its_peak(name):
    # The resonance falls exactly on a panel edge at the peak; nothing may be counted twice.
    _available(name)
    model = LmuMinusLtau(mass=0.017, coupling=1e-8)
    peak = resonance_energy(0.017)
    energies = peak * (1.0 + np.array([-1e-7, -1e-12, 0.0, 1e-12, 1e-7]))
    found = cross_section(energies, model, element="C", electrons=name)
    np.testing.assert_allclose(found, found[2], rtol=1e-4)


def test_missing_data_says_which_extra(monkeypatch):
    def absent():
        raise MissingExtra("Compton profiles per shell", "atomic")

    monkeypatch.setattr(atomic_electrons, "_xraylib", absent)
    atomic_electrons._shell_index.cache_clear()
    momenta.cache_clear()
    with pytest.raises(MissingExtra, match=r"mutau\[atomic\]"):
        cross_section(1.0, LmuMinusLtau(0.017, 1e-3), element="C", electrons="compton")
    momenta.cache_clear()


def test_every_model_states_its_error_at_the_command_line():
    from mutau.analysis.point import _ANNIHILATION_ERROR

    assert set(_ANNIHILATION_ERROR) == set(MODELS)
