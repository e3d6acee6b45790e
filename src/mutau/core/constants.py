"""Physical constants, read from data/constants.toml (value, uncertainty, unit, source, year)."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from mutau.core.units import DIMENSIONS, parse_quantity


@dataclass(frozen=True, slots=True)
class Constant:
    """One line of data/constants.toml; `value` and `uncertainty` in internal units."""

    value: float
    uncertainty: float
    unit: str
    source: str
    year: int


def _load() -> dict[str, Constant]:
    text = files("mutau.data").joinpath("constants.toml").read_text(encoding="utf-8")
    table = {}
    for name, entry in tomllib.loads(text).items():
        unit = entry["unit"]
        scale = 1.0 if unit in ("1", "mol^-1") else parse_quantity(f"1 {unit}", *DIMENSIONS)
        table[name] = Constant(
            entry["value"] * scale,
            entry["uncertainty"] * scale,
            unit,
            entry["source"],
            entry["year"],
        )
    return table


TABLE: Final = _load()

ALPHA: Final = TABLE["alpha"].value
M_E: Final = TABLE["electron_mass"].value
M_MU: Final = TABLE["muon_mass"].value
TAU_MU: Final = TABLE["muon_lifetime"].value
M_PI0: Final = TABLE["neutral_pion_mass"].value
WIDTH_PI0: Final = TABLE["neutral_pion_width"].value
M_TAU: Final = TABLE["tau_mass"].value
M_P: Final = TABLE["proton_mass"].value
M_U: Final = TABLE["atomic_mass_unit"].value
M_PI: Final = TABLE["charged_pion_mass"].value
MU_P: Final = TABLE["proton_magnetic_moment"].value
N_A: Final = TABLE["avogadro"].value
G_F: Final = TABLE["fermi_constant"].value
SIN2_W: Final = TABLE["weak_mixing_angle"].value
E_CHARGE: Final = (4.0 * math.pi * ALPHA) ** 0.5
