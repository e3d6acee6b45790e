"""Curves as HEPData hands them out: a table in YAML or CSV, read into masses and couplings.

YAML: `independent_variables` (the mass, with its unit in the header) and `dependent_variables`.
CSV, as its download button gives: comments "#: key: value", a header such as
`"MASS [GEV]","COUPLING"`, rows; columns of errors behind a value are passed over. Where a table
has several dependent variables, a part of the wanted one's name chooses it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import FileError, MissingExtra, MutauError, Problems
from mutau.core.units import parse_energy

#: One point with its address in the file, or None where the table has no value.
Point = tuple[str, float, float | None]
_NO_VALUE: Final = ("-", "")
_ERROR: Final = re.compile(r"error|\bsys\b|\bstat\b|[+-]\s*$", re.IGNORECASE)
_UNITS: Final = {unit.lower(): unit for unit in ("eV", "keV", "MeV", "GeV", "TeV")}


def is_table(path: Path, text: str) -> bool:
    """Whether a file is such a table: its suffix says so, or its first lines do."""
    if path.suffix.lower() in (".yaml", ".yml"):
        return True
    return any(line.startswith("#:") for line in text.splitlines()[:20])


def read_table(path: Path, text: str, column: str = "") -> tuple[list[Point], dict[str, str]]:
    """Points in the table's order, and what it says about itself (cl, title, model).

    column : part of the name of the dependent variable; "" where there is one.
    Raises FileError for a table that cannot be understood, Problems for values that are none,
    MutauError for a column that is not there or not the only one, MissingExtra without PyYAML.
    """
    if path.suffix.lower() in (".yaml", ".yml"):
        return _from_yaml(path, text, column)
    return _from_csv(path, text, column)


def _from_yaml(path: Path, text: str, column: str) -> tuple[list[Point], dict[str, str]]:
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        raise MissingExtra("reading a HEPData table in YAML", "io") from error
    try:
        return _from_document(path, yaml.safe_load(text), column)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, MutauError):
            raise
        raise FileError(
            f"cannot read {path.name!r} as a HEPData table of one mass and its limits ({error!r})",
            remedy="give the YAML file of one table, not the submission",
        ) from error


def _from_document(path: Path, table: Any, column: str) -> tuple[list[Point], dict[str, str]]:
    """Points and notes of a table; KeyError, TypeError and the like where it is built otherwise."""
    (axis,) = table["independent_variables"]
    variables = table["dependent_variables"]
    names = [str(item["header"]["name"]) for item in variables]
    chosen = variables[_chosen(path, names, column)]
    scale = _unit(path, str(axis["header"].get("units", "")), str(axis["header"]["name"]))
    wrong = list[tuple[str, str]]()
    points = list[Point]()
    for number, (x, y) in enumerate(zip(axis["values"], chosen["values"], strict=True), 1):
        where = f"point {number}"
        mass = _number(_middle(x), f"{where}/mass", wrong)
        coupling = _number(y.get("value"), f"{where}/coupling", wrong)
        if mass is not None:
            points.append((where, scale * mass, coupling))
    if wrong:
        raise Problems(path.name, wrong)
    notes = {"title": str(chosen["header"]["name"])}
    for item in chosen.get("qualifiers") or ():
        name, value = str(item.get("name", "")).lower(), str(item.get("value", ""))
        if name in ("cl", "confidence level"):
            notes["cl"] = f"{value} {item.get('units', '')}".strip()
        elif name == "model":
            notes["model"] = value
    return points, notes


def _middle(entry: Mapping[str, Any]) -> Any:
    """The value of an independent variable; of a bin, its geometric middle."""
    if "value" in entry:
        return entry["value"]
    return (float(entry["low"]) * float(entry["high"])) ** 0.5


def _from_csv(path: Path, text: str, column: str) -> tuple[list[Point], dict[str, str]]:
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        raise FileError(f"{path.name!r} holds no table")
    header = next(csv.reader([lines[0][1]]))
    values = [i for i, name in enumerate(header[1:], 1) if not _is_edge(name, header[0])]
    places = [i for i in values if not _ERROR.search(header[i])]
    place = places[_chosen(path, [header[i] for i in places], column)]
    unit = re.search(r"\[([^\]]*)\]", header[0])
    scale = _unit(path, unit[1] if unit else "", header[0])
    wrong = list[tuple[str, str]]()
    points = list[Point]()
    for number, line in lines[1:]:
        row = next(csv.reader([line]))
        where = f"line {number}"
        if len(row) != len(header):
            # the next of several tables begins, or the file is damaged
            wrong.append((where, f"has {len(row)} columns, the header {len(header)}"))
            continue
        mass = _number(row[0], f"{where}/mass", wrong)
        coupling = _number(row[place], f"{where}/coupling", wrong)
        if mass is not None:
            points.append((where, scale * mass, coupling))
    if wrong:
        raise Problems(path.name, wrong)
    return points, {"title": re.sub(r"\s*\[[^\]]*\]", "", header[place])}


def _is_edge(name: str, axis: str) -> bool:
    """Whether a column is a bin edge of the mass: "MASS LOW" beside "MASS"."""
    plain = re.sub(r"\s*\[[^\]]*\]", "", axis)
    return name.startswith(plain) and bool(re.search(r"\b(low|high)\b", name, re.IGNORECASE))


def _chosen(path: Path, names: Sequence[str], column: str) -> int:
    found = [i for i, name in enumerate(names) if column.lower() in name.lower()]
    exact = [i for i in found if names[i].lower() == column.lower()]
    found = exact or found
    if len(found) == 1:
        return found[0]
    raise MutauError(
        f"{path.name!r} has {len(found)} columns" + (f" with {column!r}" if column else ""),
        place="own curve", allowed="; ".join(names),
        remedy=f"say which: {path.name}#part-of-its-name",
    )  # fmt: skip


def _unit(path: Path, unit: str, name: str) -> float:
    """GeV per unit of the mass."""
    known = _UNITS.get(re.sub(r"\s|/c.*$", "", unit.lower()))
    if known is None:
        raise Problems(
            path.name,
            [("mass", f"{name!r} has the unit {unit!r}; it must be one of {', '.join(_UNITS)}")],
        )
    return parse_energy(f"1 {known}")


def _number(value: Any, where: str, wrong: list[tuple[str, str]]) -> float | None:
    """The number; None for HEPData's "no value"; what is neither goes into `wrong`."""
    if isinstance(value, str) and value.strip() in _NO_VALUE:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        wrong.append((where, f"{value!r} is not a number"))
        return None
