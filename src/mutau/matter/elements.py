"""Chemical elements: atomic number, weight, mean excitation energy, radiation length by formula."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from mutau.core.constants import ALPHA, M_E, N_A
from mutau.core.errors import UnknownName
from mutau.core.units import HBARC_GEV_CM, parse_quantity

#: Classical electron radius, cm: alpha hbar c / m_e.
R_E_CM: Final = ALPHA * HBARC_GEV_CM / M_E

# Radiation logarithms of the lightest elements (L_rad, L'_rad), where the Thomas-Fermi model
# fails: Y.-S. Tsai, Rev. Mod. Phys. 46 (1974) 815, table B.2.
_LIGHT_LOGARITHMS: Final = {1: (5.31, 6.144), 2: (4.79, 5.621), 3: (4.74, 5.805), 4: (4.71, 5.924)}


@dataclass(frozen=True, slots=True)
class Element:
    """One element in its natural isotope mixture.

    symbol : "Pb". z : atomic number. a : g/mol. mean_excitation_energy : eV.
    tabulated_interaction_length : nuclear interaction length, g/cm^2, or 0 where PDG lists none.
    """

    symbol: str
    z: int
    a: float
    mean_excitation_energy: float
    tabulated_interaction_length: float = 0.0

    @property
    def radiation_length(self) -> float:
        """Radiation length, g/cm^2, by `tsai_radiation_length`."""
        return tsai_radiation_length(self.z, self.a)

    @property
    def nuclear_interaction_length(self) -> float:
        """Nuclear interaction length, g/cm^2: PDG 2024, else the power law 40.4 A^0.2965.

        The power law meets the tabulated elements from lithium on within 3 %, which is its error;
        hydrogen and helium, where it fails, are tabulated.
        """
        if self.tabulated_interaction_length > 0.0:
            return self.tabulated_interaction_length
        return 40.4 * float(self.a**0.2965)


def coulomb_correction(z: float) -> float:
    """Coulomb correction f(Z) to radiation in the field of a nucleus; dimensionless.

    z : atomic number, any non-negative number. Good to four digits up to uranium.
    Source: H. Davies, H. A. Bethe, L. C. Maximon, Phys. Rev. 93 (1954) 788, eq. 36 summed as in
    Tsai 1974 and PDG 2024 eq. 34.27. Check: f -> 1.202 (alpha Z)^2 for small Z.

    >>> f"{coulomb_correction(82):.4f}"
    '0.3316'
    """
    a2 = (ALPHA * z) ** 2
    return a2 * (1.0 / (1.0 + a2) + 0.20206 - 0.0369 * a2 + 0.0083 * a2**2 - 0.002 * a2**3)


def radiation_logarithms(z: float) -> tuple[float, float]:
    """(L_rad, L'_rad) of the nucleus and of the electrons; see `tsai_radiation_length`."""
    thomas_fermi = (math.log(184.15 * z ** (-1 / 3)), math.log(1194.0 * z ** (-2 / 3)))
    return _LIGHT_LOGARITHMS.get(round(z), thomas_fermi)


def tsai_radiation_length(z: int, a: float) -> float:
    """Radiation length of an element by Tsai's formula, g/cm^2.

    z : atomic number. a : g/mol.
    1/X0 = 4 alpha r_e^2 (N_A/A) { Z^2 [L_rad - f(Z)] + Z L'_rad }, with L_rad = ln(184.15 Z^-1/3),
    L'_rad = ln(1194 Z^-2/3) from beryllium's neighbour on, tabulated logarithms below.
    Source: Y.-S. Tsai, Rev. Mod. Phys. 46 (1974) 815, eq. 3.66; PDG 2024 eq. 34.26.
    Check: lead gives PDG's 6.37 g/cm^2.

    >>> f"{tsai_radiation_length(82, 207.2):.2f}"
    '6.37'
    """
    l_rad, l_prime = radiation_logarithms(z)
    terms = z * z * (l_rad - coulomb_correction(z)) + z * l_prime
    return a / (4.0 * ALPHA * R_E_CM**2 * N_A * terms)


def _read(symbol: str, entry: Mapping[str, Any]) -> Element:
    length = entry.get("interaction")
    return Element(
        symbol,
        entry["z"],
        float(entry["atomic_weight"]),
        parse_quantity(entry["mean_excitation"], "energy") * 1e9,
        parse_quantity(length, "areal density") if length else 0.0,
    )


@cache
def elements() -> Mapping[str, Element]:
    """All elements of data/elements.toml by symbol, in order of Z; read once, read-only."""
    text = files("mutau.data").joinpath("elements.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)["element"]
    return MappingProxyType({symbol: _read(symbol, entry) for symbol, entry in table.items()})


def element(symbol: str) -> Element:
    """The element of a symbol ("Pb"). Raises UnknownName, with the nearest symbol."""
    table = elements()
    if symbol not in table:
        raise UnknownName("element", symbol, table)
    return table[symbol]
