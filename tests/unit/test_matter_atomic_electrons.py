"""Shells of atoms: counts, energies, Compton profiles against closed forms and other tables."""

from __future__ import annotations

import builtins
import math

import numpy as np
import pytest

from mutau.core.errors import MissingExtra, OutOfRange, UnknownName
from mutau.matter import atomic_electrons, element
from mutau.matter.atomic_electrons import (
    ATOMIC_MOMENTUM,
    MAX_MOMENTUM,
    profile,
    shells,
    symbols,
)

CAPACITY = {"1": 2, "2": 2, "3": 4, "4": 4, "5": 6, "6": 6, "7": 8, "K": 2}
SPLIT = [(s, shell.name) for s in symbols() for shell in shells(s)]


def test_needed_elements_are_there():
    assert {"C", "Be", "Al", "Si", "Fe", "Cu", "W", "Pb", "N", "O", "H"} <= set(symbols())


@pytest.mark.parametrize("symbol", symbols())
def test_electrons_sum_to_z_and_fit_their_shells(symbol):
    assert sum(shell.electrons for shell in shells(symbol)) == element(symbol).z
    for shell in shells(symbol):
        room = sum(CAPACITY[digit] for digit in (shell.name[1:] or "K"))
        assert 1 <= shell.electrons <= room


@pytest.mark.parametrize("symbol", symbols())
def test_binding_falls_outwards_within_a_principal_shell(symbol):
    energies = {}
    for shell in shells(symbol):
        energies.setdefault(shell.name[0], []).append(shell.binding_energy)
    for values in energies.values():
        assert values == sorted(values, reverse=True) or symbol == "W"
    assert max(max(v) for v in energies.values()) == shells(symbol)[0].binding_energy


def test_k_shells_follow_moseley():
    # 13.6 eV (Z - 1)^2 from above: outer shells screen (20 % for aluminium), relativity makes up
    # for it in lead
    for symbol in ("C", "Al", "Fe", "Cu", "W", "Pb"):
        z = element(symbol).z
        estimate = 0.9 * 13.6 * (z - 1) ** 2
        assert shells(symbol)[0].binding_energy * 1e9 == pytest.approx(estimate, rel=0.13)


def test_first_ionisation_energies():
    # NIST Standard Reference Database 111, eV
    nist = {"H": 13.598, "Be": 9.323, "C": 11.260, "Al": 5.986, "Si": 8.152, "Fe": 7.902,
            "Cu": 7.726, "W": 7.864, "Pb": 7.417}  # fmt: skip
    for symbol, energy in nist.items():
        least = min(shell.binding_energy for shell in shells(symbol))
        assert least * 1e9 == pytest.approx(energy, abs=0.006)


def test_total_binding_of_carbon_is_about_the_sum_of_ionisation_energies():
    # virial theorem: mean kinetic energy = total binding 1030 eV (NIST). Shell energies count the
    # repulsion twice, so their sum lies below; the virial model inherits that deficit.
    total = sum(shell.electrons * shell.binding_energy for shell in shells("C")) * 1e9
    assert 0.55 * 1030 < total < 1030


def test_unknown_element_and_shell():
    with pytest.raises(UnknownName, match="Pb"):
        shells("Pd")
    pytest.importorskip("xraylib")
    with pytest.raises(UnknownName, match="L23"):
        profile("C", "L2", 0.0)


def test_missing_package_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "xraylib":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    atomic_electrons._shell_index.cache_clear()
    with pytest.raises(MissingExtra, match=r"mutau\[atomic\]"):
        profile("C", "K", 0.0)


def test_hydrogen_profile_is_the_closed_form():
    pytest.importorskip("xraylib")
    # 1s: J(p) = 8/(3 pi (1 + p^2)^3) in atomic units
    p = np.array([0.0, 0.3, 1.0, 2.0])
    ours = profile("H", "K", -p * ATOMIC_MOMENTUM) * ATOMIC_MOMENTUM
    assert ours == pytest.approx(8 / (3 * math.pi * (1 + p * p) ** 3), rel=2e-3)


@pytest.mark.parametrize(("symbol", "shell"), SPLIT)
def test_profiles_are_normalised(symbol, shell):
    pytest.importorskip("xraylib")
    u = np.sinh(np.linspace(0.0, math.asinh(1000.0), 1501)) / 10.0  # 0 to 100 atomic units
    values = profile(symbol, shell, np.minimum(u * ATOMIC_MOMENTUM, MAX_MOMENTUM))
    inside = 2.0 * np.trapezoid(values * ATOMIC_MOMENTUM, u)
    # beyond the table as in a hydrogen-like shell, (p0^2 + p^2)^-3 with p0^2 = 2 m B; the
    # relativistic K shells of tungsten and lead fall more slowly
    binding = next(s.binding_energy for s in shells(symbol) if s.name == shell)
    p0_squared = binding / 13.6057e-9
    far = np.geomspace(100.0, 1e4, 2001)
    fall = ((p0_squared + 100.0**2) / (p0_squared + far**2)) ** 3
    beyond = 2.0 * values[-1] * ATOMIC_MOMENTUM * np.trapezoid(fall, far)
    assert inside + beyond == pytest.approx(1.0, abs=0.011 + 0.6 * beyond)


@pytest.mark.parametrize("symbol", [s for s in symbols() if s != "H"])
def test_inner_shells_agree_with_x_ray_edges(symbol):
    xraylib = pytest.importorskip("xraylib")
    for shell in shells(symbol):
        if shell.binding_energy < 2e-7 or len(shell.name) > 2:
            continue
        edge = xraylib.EdgeEnergy(element(symbol).z, getattr(xraylib, f"{shell.name}_SHELL"))
        # free atom against solid: work function and chemical shift, up to 15 eV
        assert shell.binding_energy * 1e6 == pytest.approx(edge, rel=2e-3, abs=0.015)


def test_deeper_shells_move_faster():
    pytest.importorskip("xraylib")
    at_rest = [float(profile("Pb", name, 0.0)) for name in ("K", "L1", "M1", "N1", "O1", "P1")]
    assert at_rest == sorted(at_rest)


def test_momenta_beyond_the_tables_are_refused():
    pytest.importorskip("xraylib")
    with pytest.raises(OutOfRange, match="Compton"):
        profile("Pb", "K", [0.0, 1e-3])
    with pytest.raises(OutOfRange, match="Compton"):
        profile("Pb", "K", float("nan"))
