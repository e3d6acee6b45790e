"""Interaction lengths of hadrons by kind and energy, inelastic and elastic, 3 to 300 GeV.

How cross sections depend on kind and energy is a table (data/final_states/hadron_nucleus, made
offline by Pythia's PythiaCascade); the scale is that of the nucleons' tabulated length. The error
of the model is half of the difference to Glauber's theory (`hadron_interactions`), which is an
independent calculation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from mutau.core.constants import N_A
from mutau.core.errors import UnknownName, require_in_range
from mutau.matter import data_tables
from mutau.matter.hadron_interactions import nuclear_cross_sections
from mutau.matter.materials import Material

#: Energy (GeV) to which PDG's tabulated lengths of nucleons belong.
REFERENCE_ENERGY: Final = 100.0
#: Names with other spellings (without a charge: the negative ones), and kinds of Glauber's theory.
_SAME: Final = {"K0_L": "K_L", "K_S": "K_L", "K0_S": "K_L", "pi": "pi-", "K": "K-"}
_GLAUBER: Final = {
    "pi+": "pi", "pi-": "pi", "K+": "K", "K-": "K", "K_L": "K", "p": "p", "n": "p",
}  # fmt: skip
_LOWEST_GLAUBER: Final = 10.0
#: Relative error where nothing stands beside the table: antinucleons and hyperons.
_ONE_SOURCE: Final = 0.10
#: Energies of the table, GeV.
_ENERGIES: Final = (3.0, 300.0)
_MB_CM2: Final = 1e-27


@dataclass(frozen=True, slots=True)
class Length:
    """A mean free path, cm, and the relative error of the model."""

    cm: float
    relative_err: float


def _row(name: str) -> int:
    names = data_tables.table("hadron_nucleus")["names"].tolist()
    name = _SAME.get(name, name)
    if name not in names:
        raise UnknownName("hadron", name, {*names, *_SAME})
    return int(names.index(name))


def inelastic_cross_section(name: str, a: float, energy: float) -> float:
    """Inelastic cross section (quasi-elastic scattering left out) on a nucleus of mass `a`, mb.

    name : "pi+", "pi-", "K+", "K-", "K_L", "K_S", "p", "n", "pbar", "nbar", "Lambda", "Sigma+",
    "Sigma-", "Xi-". a : 1 to 208.5. energy : GeV, 3 to 300. Log-log interpolation in both.
    Raises UnknownName, OutOfRange. Check: p on carbon at 100 GeV, 227 mb; PDG's length is 232 mb.
    """
    arrays, row = data_tables.table("hadron_nucleus"), _row(name)
    energies, masses = arrays["energies"], arrays["mass_numbers"]
    require_in_range("energy", energy, float(energies[0]), float(energies[-1]), unit="GeV")
    require_in_range("a", a, float(masses[0]), float(masses[-1]) + 0.5, reason="mass number")
    log_sigma = np.log(arrays["inelastic_mb"][row])
    at_mass = [float(np.interp(math.log(a), np.log(masses), line)) for line in log_sigma]
    return math.exp(float(np.interp(math.log(energy), np.log(energies), at_mass)))


def _rate(name: str, material: Material, energy: float) -> float:
    """Inelastic collisions per g/cm^2."""
    return sum(
        weight * N_A / item.a * _MB_CM2
        * inelastic_cross_section(name, min(item.a, _heaviest()), energy)
        for item, weight in material.elements
    )  # fmt: skip


def _heaviest() -> float:
    """Largest mass number of the table."""
    return float(data_tables.table("hadron_nucleus")["mass_numbers"][-1])


def relative_rate(name: str, material: Material, energy: float) -> float:
    """Inelastic collisions per cm over those of a nucleon of REFERENCE_ENERGY.

    name : as in `inelastic_cross_section`. energy : GeV; beyond 3 to 300 as at the end, and so are
    nuclei heavier than the table's. Raises UnknownName.
    """
    arrays = data_tables.table("hadron_nucleus")
    low, high = float(arrays["energies"][0]), float(arrays["energies"][-1])
    own = _rate(name, material, min(max(energy, low), high))
    return own / _rate("n", material, REFERENCE_ENERGY)


def _glauber_rate(kind: str, material: Material, energy: float) -> float:
    return sum(
        weight * N_A / item.a * _MB_CM2 * nuclear_cross_sections(kind, item.a, energy).absorption
        for item, weight in material.elements
    )


def inelastic_length(name: str, material: Material, energy: float) -> Length:
    """Mean free path between inelastic collisions.

    name, energy : as in `inelastic_cross_section`. The material's tabulated length of nucleons
    times the ratio of the cross sections of a neutron at REFERENCE_ENERGY and of the hadron, so
    that a common error drops out. Raises UnknownName, OutOfRange.
    Left out: regeneration of K_S from K_L, below 1e-3 in one interaction length at 100 GeV
    (docs/physics/nuclear_final_states.md); decays, which are `hadrons.Hadron.decay_length`.
    Check: pions of 100 GeV in iron, PDG 20.4 cm.
    """
    require_in_range("energy", energy, *_ENERGIES, unit="GeV")
    ratio = relative_rate(name, material, energy)
    kind = _GLAUBER.get(_SAME.get(name, name))
    error = _ONE_SOURCE
    if kind is not None:
        other = _glauber_rate(kind, material, max(energy, _LOWEST_GLAUBER))
        other /= _glauber_rate("p", material, REFERENCE_ENERGY)
        error = 0.5 * abs(ratio / other - 1.0)
    return Length(material.interaction_length_cm / ratio, error)


def elastic_length(name: str, material: Material, energy: float) -> Length:
    """Mean free path between elastic collisions that leave the nucleus whole, by Glauber's theory.

    name : of pions, kaons, nucleons. energy : GeV, 10 to 300. Their deflection is about
    1/(p R), a few mrad at 10 GeV on iron. The error is that of the total cross section, twice 3 %,
    and what the absorption differs from the table. Raises UnknownName, OutOfRange.
    Check: a black disc has as much elastic as inelastic scattering; lead comes close.
    """
    kind = _GLAUBER.get(_SAME.get(name, name))
    if kind is None:
        raise UnknownName("hadron with a computed elastic cross section", name, _GLAUBER)
    require_in_range("energy", energy, _LOWEST_GLAUBER, 300.0, unit="GeV")
    rate, inelastic, table_rate = 0.0, 0.0, 0.0
    for item, weight in material.elements:
        found = nuclear_cross_sections(kind, item.a, energy)
        share = weight * N_A / item.a * _MB_CM2
        rate += share * found.elastic
        inelastic += share * found.absorption
        table_rate += share * inelastic_cross_section(name, item.a, energy)
    error = math.hypot(0.06, abs(inelastic / table_rate - 1.0))
    return Length(1.0 / (rate * material.density), error)
