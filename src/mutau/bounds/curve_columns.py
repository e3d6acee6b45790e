"""What a column of a table of limits is, from its name and unit: a mass, a coupling, or neither.

Public tables hold cross sections, momenta and branching fractions beside couplings; a name that
is not recognised is refused, unless the user declares what stands there (`FILE#name@coupling`).

    masses      a name with "mass", or m, M, with an index or without; m_chi and "dark matter mass"
                are the mass of dark matter
    couplings   g, g', g_Z', g_mu, coupling, epsilon, kinetic mixing, sin(theta); their squares;
                log10 of these; y = epsilon^2 alpha_D (m_chi/m)^4
    units       of masses eV to TeV, also per c^2; of couplings none, "%", or a power of ten
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mutau.core.errors import MutauError, UnknownName
from mutau.core.units import parse_energy

_ENERGIES: Final = {unit.lower(): unit for unit in ("eV", "keV", "MeV", "GeV", "TeV")}


@dataclass(frozen=True, slots=True)
class MassColumn:
    """GeV per unit of the column, and whether it is the mass of the boson or of dark matter."""

    factor: float
    dark_matter: bool = False


@dataclass(frozen=True, slots=True)
class CouplingColumn:
    """How a value of the column becomes a coupling.

    kind : "coupling" (of any model), "gauge" (g), "epsilon", "sine" or "y". power : of the
    coupling in the value. scale : of the unit, times which the value counts. log : log10 is given.
    cl : level in percent that the name states, None for none. lower : the name says lower limit.
    """

    kind: str
    power: int = 1
    scale: float = 1.0
    log: bool = False
    cl: float | None = None
    lower: bool = False

    def coupling(self, value: float) -> float:
        """The coupling (for y: y itself) of one value of the column; NaN where there is none."""
        try:
            value = 10.0**value if self.log else self.scale * value
        except OverflowError:
            return math.inf
        if self.power == 1 or not value > 0.0:
            return value
        return float(value ** (1.0 / self.power))


#: What a user may declare behind "@", and what it stands for.
DECLARED: Final = {
    "coupling": CouplingColumn("coupling"),
    "coupling^2": CouplingColumn("coupling", power=2),
    "log10(coupling)": CouplingColumn("coupling", log=True),
    "epsilon": CouplingColumn("epsilon"),
    "epsilon^2": CouplingColumn("epsilon", power=2),
    "log10(epsilon)": CouplingColumn("epsilon", log=True),
    "y": CouplingColumn("y"),
}
_GREEK: Final = {"ε": "epsilon", "ϵ": "epsilon", "χ": "chi", "μ": "mu", "µ": "mu", "τ": "tau",
                 "θ": "theta", "α": "alpha"}  # fmt: skip
#: Words around the name of a coupling that do not change what it is.
_AROUND: Final = re.compile(
    r"\b(?:upper|observed|obs|expected|exp|median|excluded|exclusion|limits?|bounds?|on|of|the|at|"
    r"for|a|an|value|values|contour|line|curve|confidence|level|cl|parameter|strength|constant)\b"
)
_LEVEL: Final = re.compile(
    r"(\d+(?:\.\d+)?)\s*%\s*(?:c\.?\s*l\.?|confidence level|limit)?|\b0\.(\d+)\s*c\.?l\.?\b",
    re.IGNORECASE,
)
_INDEX: Final = (
    r"(?:_?(?:z'?|zprime|zp|x|v|mu|mumu|l|b-l|bl|mu-tau|lmu-ltau|lmultau|mutau|zmutau))?"
)
_GAUGE: Final = re.compile(rf"g'?{_INDEX}'?|gprime|gauge coupling(?: g'?)?|coupling g'?{_INDEX}'?")
_EPSILON: Final = re.compile(r"(?:kinetic )?mixing(?: epsilon)?|epsilon|eps|coupling epsilon")
_SINE: Final = re.compile(r"sin ?\(?(?:theta|alpha|th)?\)?|sintheta")
_PLAIN: Final = re.compile(
    r"couplings?(?: z'| zprime| to z'| z' boson| boson| dark photon| mediator)?"
)
_SQUARED: Final = re.compile(r"(?:\^2|\*\*2|\bsquared?|²)$")
_DARK: Final = re.compile(r"chi|dark ?matter|\bdm\b|_dm\b|wimp|lsp|neutralino")
_BOSON: Final = r"(?:z'?|zprime|zp|a'?|aprime|a_?d|gamma'|gamma_?d|v|x|u|b|phi|s|med|mediator)"
_MASS: Final = re.compile(rf"m'?|m_?\(?{_BOSON}\)?|m_?\(?(?:chi|dm|lsp)(?:_?[0-9])?\)?")
_NO_MASS: Final = re.compile(
    r"squared|\^2|\*\*2|²|missing|transverse|invariant|difference|splitting|"
    r"\blog|\bln\b|inverse|ratio"
)


def plain_name(name: str) -> str:
    """A name in small letters without LaTeX, Greek by name: "$\\varepsilon^{2}$" is "epsilon^2"."""
    text = name
    for letter, word in _GREEK.items():
        text = text.replace(letter, word)
    text = re.sub(r"\\(?:mathrm|text|rm|mathit|left|right|,|;|!|quad)\b|\\[,;! ]", " ", text)
    text = text.replace("\\prime", "'").replace("\u2032", "'").replace("\u2019", "'")
    text = re.sub(r"\\(?:var)?([A-Za-z]+)", r"\1", text)
    text = re.sub(r"\^\s*\{?\s*'\s*\}?|\^\s*\{?\s*prime\s*\}?", "'", text)
    text = re.sub(r"[${}]", "", text).lower()
    return re.sub(r"\s+", " ", text).strip()


def power_of_ten(unit: str) -> float | None:
    """The factor of a unit that is a number: "", "%", "10**-3", "$\\times 10^{-3}$"; else None.

    >>> power_of_ten("10**-3"), power_of_ten("pb")
    (0.001, None)
    """
    text = re.sub(r"[\s${}]|\\times|\\cdot|\bx(?=10)|×", "", unit.lower())
    if text in ("", "1", "none", "dimensionless", "-", "unitless"):
        return 1.0
    if text in ("%", "percent", "\\%"):
        return 0.01
    match = re.fullmatch(
        r"x?(?:10(?:(?:\*\*|\^)\(?([-+]?\d{1,2})\)?|([-+]\d{1,2}))|1(?:\.0*)?e([-+]?\d{1,2}))", text
    )
    if match is None:
        return None
    return float(f"1e{match[1] or match[2] or match[3]}")


def energy_unit(unit: str) -> float | None:
    """GeV per unit of mass: "MeV", "GeV/c^2", "GeV/$c^2$", "$\\mathrm{GeV}$"; None for others."""
    text = re.sub(r"\\mathrm|\\text|\\rm\b|[\s${}~]", "", unit.lower())
    text = re.sub(r"/c(?:\^|\*\*)?2?$|c(?:\^|\*\*)?-2$", "", text)
    known = _ENERGIES.get(text)
    return None if known is None else parse_energy(f"1 {known}")


def mass_column(name: str, unit: str, declared: str = "") -> MassColumn:
    """What an axis of masses is. declared : "boson" or "dark matter", where the user says so.

    Raises MutauError for a name that is no mass or a unit that is no energy.
    """
    factor = energy_unit(unit)
    if factor is None:
        raise MutauError(
            f"{name!r} has the unit {unit!r}; it must be one of {', '.join(_ENERGIES.values())}"
        )
    if declared:
        if declared not in ("boson", "dark matter"):
            raise UnknownName("mass", declared, ("boson", "dark matter"))
        return MassColumn(factor, declared == "dark matter")
    plain = re.sub(r"\[[^\]]*\]|\([kmgt]?ev[^)]*\)", "", plain_name(name)).strip()
    named = re.search(r"\bmass\b|_mass\b|^mass", plain) and not _NO_MASS.search(plain)
    if named or _MASS.fullmatch(plain):
        return MassColumn(factor, bool(_DARK.search(plain)))
    raise MutauError(
        f"{name!r} is not known to be a mass",
        remedy="if it is, add a line '# mass: boson' or '# mass: dark matter'",
    )


def _split_unit(name: str, unit: str) -> tuple[str, str]:
    """Name and unit, where the name holds the unit: "g [10**-3]", "epsilon (x 10^{-3})"."""
    for pattern in (r"\s*\[([^\]]*)\]\s*$", r"\s*\(([^()]*)\)\s*$"):
        match = re.search(pattern, name)
        if match and not unit and (pattern[4] == "[" or power_of_ten(match[1]) not in (None, 1.0)):
            return name[: match.start()], match[1]
    return name, unit


def coupling_column(name: str, unit: str, declared: str = "") -> CouplingColumn:
    """What a column of values is. declared : one of DECLARED, where the user says so.

    Raises UnknownName for a declaration that is none; MutauError for a unit that no coupling has,
    and for a name that is no coupling and of which nothing is declared.
    """
    name, unit = _split_unit(name, unit)
    scale = power_of_ten(unit)
    if scale is None:
        raise MutauError(
            f"{name!r} has the unit {unit!r}, which no coupling has", allowed="none, or 10**n"
        )
    plain = plain_name(name)
    level = _LEVEL.search(plain)
    cl = None
    if level:
        cl = float(level[1]) if level[1] else 100.0 * float(f"0.{level[2]}")
        plain = re.sub(r"\(\s*\)", " ", f"{plain[: level.start()]} {plain[level.end() :]}")
    lower = bool(re.search(r"\blower (?:limit|bound|edge)", plain))
    if declared:
        if declared not in DECLARED:
            raise UnknownName("what a column holds", declared, DECLARED)
        if re.search(r"10\s*(?:\^|\*\*)", plain):
            raise MutauError(f"{name!r} names a power of ten", remedy="write it as the unit")
        found: CouplingColumn | None = DECLARED[declared]
    else:
        found = _recognised(plain)
    if found is None:
        raise MutauError(
            f"{name!r} is not known to be a coupling",
            allowed="coupling, g, g', epsilon, kinetic mixing, sin(theta), their squares, log10, y",
            remedy=f"if it is one, declare it: FILE#{name}@coupling (or @{', @'.join(DECLARED)})",
        )
    if found.log and scale != 1.0:
        raise MutauError(f"{name!r} is a logarithm with the unit {unit!r}", allowed="no unit")
    return replace(found, scale=scale, cl=cl, lower=lower)


def _recognised(plain: str) -> CouplingColumn | None:
    """The coupling that a plain name is, or None."""
    log = re.match(r"log_?10 ?", plain)
    text = plain[log.end() :] if log else plain
    text = re.sub(r"\blower (?:limit|bound|edge)s?\b", " ", text)
    text = re.sub(r"\((?:stat|obs|exp|observed|expected|median)[^)]*\)|[,:;=]", " ", text)
    text = _AROUND.sub(" ", text)
    text = re.sub(r"\s+", " ", text).strip(" .")
    text = text[1:-1].strip() if re.fullmatch(r"\([^()]*\)|\|[^|]*\|", text) else text
    if re.fullmatch(r"y(?: ?epsilon\^?2 ?\*?alpha_?d.*)?", text):
        return CouplingColumn("y", log=bool(log))
    if text in ("alpha'/alpha", "alphaprime/alpha"):
        return CouplingColumn("epsilon", power=2, log=bool(log))
    sine = re.fullmatch(r"sin(?:\^?2|\*\*2) ?\(?(?:theta|alpha|th)?\)?", text)
    squared = None if sine else _SQUARED.search(text)
    base = text[: squared.start()].strip() if squared else text
    base = base[1:-1].strip() if re.fullmatch(r"\([^()]*\)|\|[^|]*\|", base) else base
    for pattern, kind in (
        (_GAUGE, "gauge"), (_EPSILON, "epsilon"), (_PLAIN, "coupling"), (_SINE, "sine"),
    ):  # fmt: skip
        if sine or pattern.fullmatch(base):
            kind = "sine" if sine else kind
            power = 2 if squared or sine else 1
            found = CouplingColumn(kind, power, log=bool(log))
            return None if log and power == 2 and kind == "sine" else found
    return None


def model_of(column: CouplingColumn, stated: str, coupling_name: Callable[[str], str]) -> str:
    """The model whose coupling a column is: the one stated, where it agrees with the name.

    stated : tag of the model that user or file give, "" for none. coupling_name : tag -> name.
    Raises MutauError where name and model differ, or where the name needs a model and none is
    given.
    """
    if column.kind in ("epsilon", "y"):
        if stated and coupling_name(stated) != "epsilon":
            raise MutauError(
                f"the column is epsilon or y, but the coupling of {stated} is not",
                remedy="if the values are its coupling, declare '@coupling'",
            )
        return stated or "dark-photon"
    if column.kind == "gauge" and stated and coupling_name(stated) == "epsilon":
        raise MutauError(
            f"the column is a gauge coupling g, but {stated} has epsilon",
            remedy="if the values are epsilon, declare '@epsilon'",
        )
    if column.kind == "sine" and not stated:
        raise MutauError(
            "the column is the sine of a mixing angle, of which the bundled models have none",
            remedy="add '# model: ...' with the model whose coupling it is",
        )
    return stated or "lmu-ltau"


def from_y(y: Sequence[float], alpha_d: float | None, mass_ratio: float | None) -> list[float]:
    """epsilon of y = epsilon^2 alpha_D (m_chi/m)^4. Raises MutauError unless both are given.

    Check: alpha_D = 1, m = m_chi gives sqrt(y).
    """
    if not alpha_d or mass_ratio is None:
        raise MutauError(
            "y becomes a coupling by alpha_D and the ratio of the masses",
            remedy="add lines such as '# alpha_d: 0.5' and '# mass_ratio: 3' (boson over chi)",
        )
    squared = mass_ratio * mass_ratio  # grows to inf, where a power raises OverflowError
    return [math.sqrt(v / alpha_d) * squared if v > 0.0 else v for v in y]
