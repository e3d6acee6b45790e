"""Units at the border: text with a unit in, plain float64 in internal units out.

Inside the package: GeV, cm, s, g, pb, rad, T; radiation lengths (X0) count as a
dimension of their own. This is the only file that holds conversion factors.
"""

from __future__ import annotations

import re
from typing import Final

from mutau.core.errors import UnitError

#: (hbar c)^2 in GeV^2 pb: hbar c = 0.197 326 980 4 GeV fm (CODATA 2018, exact in the SI of
#: 2019 up to rounding), 1 fm^2 = 1e10 pb.
GEV2_PB: Final = 0.1973269804**2 * 1e10
#: hbar c in GeV cm (same source).
HBARC_GEV_CM: Final = 0.1973269804e-13
#: 1 pb in cm^2.
PB_CM2: Final = 1e-36
#: Speed of light in cm/s (exact).
C_CM_S: Final = 2.99792458e10
#: Momentum kick of a unit charge per field integral: 0.2998 GeV/c per T m (exact c), so per T cm:
GEV_PER_T_CM: Final = 0.299792458e-2

Dimension = dict[str, int]

# symbol -> (factor to the internal unit, dimension)
_UNITS: Final[dict[str, tuple[float, Dimension]]] = {
    "%": (0.01, {}),
    "mrad": (1e-3, {"angle": 1}),
    "urad": (1e-6, {"angle": 1}),
    "rad": (1.0, {"angle": 1}),
    "deg": (0.017453292519943295, {"angle": 1}),
    "T": (1.0, {"field": 1}),
    "kG": (0.1, {"field": 1}),
    "X0": (1.0, {"radiation length": 1}),
    "c": (1.0, {}),
}
for _prefix, _factor in {"u": 1e-15, "m": 1e-12, "": 1e-9, "k": 1e-6, "M": 1e-3}.items():
    _UNITS[f"{_prefix}eV"] = (_factor, {"energy": 1})
_UNITS["GeV"] = (1.0, {"energy": 1})
_UNITS["TeV"] = (1e3, {"energy": 1})
for _prefix, _factor in {"n": 1e-7, "u": 1e-4, "m": 0.1, "c": 1.0, "": 100.0, "k": 1e5}.items():
    _UNITS[f"{_prefix}m"] = (_factor, {"length": 1})
for _prefix, _factor in {"p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}.items():
    _UNITS[f"{_prefix}s"] = (_factor, {"time": 1})
for _prefix, _factor in {"a": 1e-6, "f": 1e-3, "p": 1.0, "n": 1e3, "u": 1e6, "m": 1e9}.items():
    _UNITS[f"{_prefix}b"] = (_factor, {"cross section": 1})
for _prefix, _factor in {"m": 1e-3, "": 1.0, "k": 1e3}.items():
    _UNITS[f"{_prefix}g"] = (_factor, {"mass": 1})

#: The dimensions that fields of the schema may ask for, with an example for the message.
DIMENSIONS: Final[dict[str, tuple[Dimension, str]]] = {
    "energy": ({"energy": 1}, "160 GeV"),
    "energy squared": ({"energy": 2}, "0.05 GeV^2"),
    "length": ({"length": 1}, "35 cm"),
    "time": ({"time": 1}, "4.8 s"),
    "angle": ({"angle": 1}, "1.5 mrad"),
    "field": ({"field": 1}, "1.4 T"),
    "field integral": ({"field": 1, "length": 1}, "1.4 T m"),
    "density": ({"mass": 1, "length": -3}, "11.35 g/cm^3"),
    "areal density": ({"mass": 1, "length": -2}, "6.37 g/cm^2"),
    "cross section": ({"cross section": 1}, "1 pb"),
    "luminosity": ({"cross section": -1}, "15 fb^-1"),
    "radiation length": ({"radiation length": 1}, "40 X0"),
    "fraction": ({}, "15 %"),
}

_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")
_TOKEN = re.compile(r"^([A-Za-z%µ]+0?)(?:\^(-?\d+))?$")


def _unit_factor(unit: str, text: str) -> tuple[float, Dimension]:
    """Factor and dimension of a unit expression such as 'g/cm^3' or 'T m'."""
    factor, dimension, sign = 1.0, dict[str, int](), 1
    for part in re.findall(r"/|[^\s*/]+", unit):
        if part == "/":
            sign = -1
            continue
        match = _TOKEN.match(part.replace("µ", "u"))
        if match is None or match.group(1) not in _UNITS:
            raise UnitError(f"{text!r} has the unknown unit {part!r}", allowed=", ".join(_UNITS))
        power = sign * int(match.group(2) or 1)
        unit_value, unit_dimension = _UNITS[match.group(1)]
        factor *= unit_value**power
        for name, exponent in unit_dimension.items():
            dimension[name] = dimension.get(name, 0) + exponent * power
        sign = 1
    return factor, {name: power for name, power in dimension.items() if power}


def parse_quantity(text: object, *dimensions: str) -> float:
    """Value of a text such as "35 cm" in internal units, its dimension checked.

    text : str; a number, a space, a unit. Units combine by space or "/" with powers: "g/cm^3".
    dimensions : names out of `DIMENSIONS`; any one of them may match.
    Returns float in GeV, cm, s, g, pb, rad, T.
    Raises UnitError for a missing or unknown unit, or a wrong dimension.
    Check: "1.5 mrad" is 1.5e-3; "15 fb^-1" is 15e3 per pb.

    >>> parse_quantity("35 mm", "length")
    3.5
    """
    wanted = [DIMENSIONS[name] for name in dimensions]
    example = " or ".join(f'"{sample}"' for _, sample in wanted)
    if not isinstance(text, str):
        raise UnitError(f"{text!r} has no unit; write for example {example}")
    match = _NUMBER.match(text)
    if match is None:
        raise UnitError(f"{text!r} is not a number with a unit; write for example {example}")
    value, unit = float(match.group(1)), match.group(2)
    if not unit and {} not in [dimension for dimension, _ in wanted]:
        raise UnitError(f"{text!r} has no unit; write for example {example}")
    factor, dimension = _unit_factor(unit, text)
    if dimension not in [allowed for allowed, _ in wanted]:
        raise UnitError(
            f"{text!r} is not of dimension {' or '.join(dimensions)}; write for example {example}"
        )
    return value / 100.0 if unit == "%" else value * factor  # 95 % is 0.95 to the last digit


def parse_energy(text: object) -> float:
    """Energy or mass in GeV from a plain number (taken as GeV) or a text with a unit.

    For the command line, where `--mass 0.1` and `--mass 100MeV` mean the same.
    Raises UnitError as `parse_quantity`.

    >>> parse_energy("100MeV")
    0.1
    """
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return parse_quantity(text, "energy")
