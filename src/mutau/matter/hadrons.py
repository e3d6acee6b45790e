"""Hadrons and their decays as data: masses, mean lives, channels; read from data/hadrons.toml.

Light: no numerical library beyond the standard one.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from mutau.core.constants import M_E, M_MU, M_P
from mutau.core.errors import MutauError, UnknownName, require_in_range
from mutau.core.units import C_CM_S, parse_quantity

#: Masses of daughters that are no hadrons, GeV.
_LEPTONS: Final = {"mu": M_MU, "e": M_E, "nu": 0.0, "gamma": 0.0}
#: What a charged name of the surface is in the table.
_NAMES: Final = {"pi-": "pi", "pi+": "pi", "K-": "K", "K+": "K", "K0_L": "K_L", "K0_S": "K_S"}
#: PDG codes of what has its mass elsewhere.
_CODES: Final = {211: "pi", 111: "pi0", 321: "K", 130: "K_L", 310: "K_S"}
_MASSES: Final = {22: 0.0, 11: M_E, 13: M_MU, 2212: M_P}


@dataclass(frozen=True, slots=True)
class DecayChannel:
    """One decay channel. daughters : names. masses : GeV. fraction : of all decays.

    slopes : (g, h, k) of |M|^2 = 1 + g u + h u^2 + k v^2, or () (K -> 3 pi).
    form_factors : (lambda_+, lambda_0), linear in t/m_pi^2, or () (K_l3).
    """

    daughters: tuple[str, ...]
    masses: tuple[float, ...]
    fraction: float
    slopes: tuple[float, ...] = ()
    form_factors: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """Text such as "pi0 mu nu"."""
        return " ".join(self.daughters)


@dataclass(frozen=True, slots=True)
class Hadron:
    """A hadron. mass : GeV. c_tau : cm. channels : fractions sum to 1 within 1e-3."""

    name: str
    mass: float
    c_tau: float
    channels: tuple[DecayChannel, ...]

    def decay_length(self, momentum: float) -> float:
        """Mean decay length p/m c tau, cm, at `momentum` GeV. Raises OutOfRange below 0.

        Check: 1.20 km for K- at 160 GeV (PHYSICS: gamma beta c tau).
        """
        require_in_range("momentum", momentum, 0.0, math.inf, unit="GeV", open_low=True)
        return momentum / self.mass * self.c_tau

    def channel(self, *daughters: str) -> DecayChannel:
        """The channel with these daughters in any order. Raises UnknownName."""
        wanted = sorted(daughters)
        for item in self.channels:
            if sorted(item.daughters) == wanted:
                return item
        known = [item.label for item in self.channels]
        raise UnknownName(f"decay channel of {self.name}", " ".join(daughters), known)


@cache
def document() -> Mapping[str, Any]:
    """data/hadrons.toml as plain data, read once."""
    text = files("mutau.data").joinpath("hadrons.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def _mass(name: str) -> float:
    if name in _LEPTONS:
        return _LEPTONS[name]
    return parse_quantity(document()["particle"][name]["mass"], "energy")


def mass_of_code(pdg: int) -> float:
    """Mass of a particle of final states, GeV, by its PDG code or that of its antiparticle.

    Raises UnknownName.
    """
    code = abs(pdg)
    if code in _MASSES:
        return _MASSES[code]
    if code in _CODES:
        return _mass(_CODES[code])
    table = document()["mass"]
    if str(code) not in table:
        raise UnknownName("PDG code", str(pdg), [*table, *map(str, (*_CODES, *_MASSES))])
    return parse_quantity(table[str(code)], "energy")


def _channel(entry: Mapping[str, Any]) -> DecayChannel:
    daughters = tuple(entry["daughters"])
    factors = (entry["lambda_plus"], entry["lambda_0"]) if "lambda_plus" in entry else ()
    return DecayChannel(
        daughters,
        tuple(_mass(name) for name in daughters),
        float(entry["fraction"]),
        tuple(entry.get("slopes", ())),
        factors,
    )


@cache
def hadron(name: str) -> Hadron:
    """The hadron of a name: "pi-", "K-", "K_L", "K_S", "pi0" and their antiparticles.

    Raises UnknownName.
    """
    table = document()["particle"]
    key = _NAMES.get(name, name)
    if key not in table:
        raise UnknownName("hadron", name, {*table, *_NAMES})
    entry = table[key]
    channels = tuple(_channel(item) for item in entry["channel"])
    if abs(sum(item.fraction for item in channels) - 1.0) > 2e-3:
        raise MutauError(f"fractions of {name!r} do not sum to 1", place="hadrons.toml")
    return Hadron(
        key,
        parse_quantity(entry["mass"], "energy"),
        parse_quantity(entry["mean_life"], "time") * C_CM_S,
        channels,
    )
