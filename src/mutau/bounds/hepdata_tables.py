"""Curves as HEPData hands them out: a table in YAML or CSV, read into masses and couplings.

YAML: `independent_variables` (the mass, with its unit in the header) and `dependent_variables`.
CSV, as its download button gives: comments "#: key: value", qualifiers "#: CL [%],,90", a header
such as `"MASS [GEV]","COUPLING"`, rows; behind a value two columns of its error, "sys +" and
"sys -". Several dependent variables follow one another as blocks of one file. A part of a name
chooses one of several. What a column is, `curve_columns` tells from its name and unit.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mutau.bounds.curve_columns import CouplingColumn, MassColumn, coupling_column, mass_column
from mutau.core.errors import FileError, MutauError, Problems
from mutau.core.reading import parse_yaml, plain_number

#: One point with its address in the file: mass and value as they stand there, or None for no value.
Point = tuple[str, float, float | None]
_NO_VALUE: Final = ("-", "")
_YAML: Final = (".yaml", ".yml")
#: Qualifiers that are read, by the names under which they are kept.
_QUALIFIERS: Final = {
    "cl": "cl", "confidence level": "cl", "model": "model", "alpha_d": "alpha_d",
    "mass ratio": "mass_ratio", "dark matter": "dark_matter",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """Points of one table, what its two columns are, and what it says about itself."""

    points: list[Point]
    mass: MassColumn
    column: CouplingColumn
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which column is wanted: a part of its name; what the user declares it and the mass to be."""

    column: str = ""
    coupling: str = ""
    mass: str = ""


def is_table(path: Path, text: str) -> bool:
    """Whether a file is such a table: its suffix says so, or its first lines do."""
    if path.suffix.lower() in _YAML:
        return True
    return any(line.startswith("#:") for line in text.splitlines()[:20])


def read_table(path: Path, text: str, choice: Choice = Choice()) -> Table:
    """One table of a file.

    Raises FileError for what is no such table, Problems for values that are none and for columns
    that are not a mass and a coupling, MutauError for a column that is not there or not the only
    one, MissingExtra without PyYAML.
    """
    if path.suffix.lower() in _YAML:
        return _from_yaml(path, text, choice)
    return _from_csv(path, text, choice)


def _columns(
    path: Path, mass: tuple[str, str], value: tuple[str, str], choice: Choice
) -> tuple[MassColumn, CouplingColumn]:
    """What two columns are, each a (name, unit). Raises Problems."""
    wrong = []
    try:
        axis = mass_column(*mass, choice.mass)
    except MutauError as error:
        wrong.append(("mass", str(error)))
    try:
        column = coupling_column(*value, choice.coupling)
    except MutauError as error:
        wrong.append(("values", str(error)))
    if wrong:
        raise Problems(path.name, wrong)
    return axis, column


def _from_yaml(path: Path, text: str, choice: Choice) -> Table:
    tables = re.findall(r"^\s*data_file\s*:\s*[\"']?([^\s\"']+)", text, re.MULTILINE)
    if tables:
        raise FileError(
            f"{path.name!r} is a submission of {len(tables)} tables, not a table",
            remedy=f"give the file of one of them: {', '.join(tables)}",
        )
    table = parse_yaml(text, path)
    try:
        return _from_document(path, table, choice)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, MutauError):
            raise
        raise FileError(
            f"cannot read {path.name!r} as a HEPData table of one mass and its limits ({error!r})",
            remedy="give the YAML file of one table, not the submission",
        ) from error


def _from_document(path: Path, table: Any, choice: Choice) -> Table:
    """The table of a document; KeyError, TypeError and the like where it is built otherwise."""
    axes, variables = table["independent_variables"], table["dependent_variables"]
    if len(axes) != 1:
        names = "; ".join(str(item["header"]["name"]) for item in axes)
        raise FileError(f"{path.name!r} has {len(axes)} independent variables ({names}), not one")
    chosen = variables[_chosen(path, [str(v["header"]["name"]) for v in variables], choice.column)]
    headers = [item["header"] for item in (axes[0], chosen)]
    for header in headers:
        for key in header:
            if key not in ("name", "units"):
                raise FileError(
                    f"the key {str(key)[:40]!r} of a header in {path.name!r} is unknown",
                    allowed="name, units",
                )
    (mass, value) = ((str(h["name"]), str(h.get("units", ""))) for h in headers)
    axis, column = _columns(path, mass, value, choice)
    wrong = list[tuple[str, str]]()
    points = list[Point]()
    if len(axes[0]["values"]) != len(chosen["values"]):
        raise FileError(
            f"{path.name!r} has {len(axes[0]['values'])} masses and {len(chosen['values'])} values"
        )
    for number, (x, y) in enumerate(zip(axes[0]["values"], chosen["values"], strict=True), 1):
        where = f"point {number}"
        for entry in (x, y):
            wrong += [
                (where, f"the key {key[:40]!r} is unknown (a comma for a point?)")
                for key in entry if key not in ("value", "low", "high", "errors")
            ]  # fmt: skip
        at = _number(_middle(x, where, wrong), f"{where}/mass", wrong)
        found = _number(y.get("value"), f"{where}/coupling", wrong)
        if at is not None:
            points.append((where, at, found))
    notes = {"title": value[0]}
    for item in chosen.get("qualifiers") or ():
        kept = _QUALIFIERS.get(str(item.get("name", "")).strip().lower())
        said = f"{item.get('value', '')} {item.get('units', '')}".strip()
        if kept and notes.setdefault(kept, said) != said:
            wrong.append(("qualifiers", f"{item['name']} stands twice: {notes[kept]!r}, {said!r}"))
    if wrong:
        raise Problems(path.name, wrong)
    return Table(points, axis, column, notes)


def _middle(entry: Mapping[str, Any], where: str, wrong: list[tuple[str, str]]) -> Any:
    """The value of an independent variable; of a bin, its geometric middle."""
    if "value" in entry:
        return entry["value"]
    low, high = (_number(entry[key], f"{where}/mass/{key}", wrong) for key in ("low", "high"))
    if low is None or high is None:
        return None
    if not 0.0 <= low <= high:
        wrong.append((f"{where}/mass", f"the bin from {low:g} to {high:g} does not rise"))
    return str(abs(low * high) ** 0.5)


@dataclass(slots=True)
class _Block:
    """A table in a CSV file: qualifiers by name, one per column; header; numbered rows."""

    qualifiers: list[list[str]] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


def _blocks(path: Path, text: str) -> list[_Block]:
    """The tables of a CSV file. Raises FileError for lines that are no CSV."""
    blocks = [_Block()]
    ended = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            ended = bool(blocks[-1].header)
            continue
        if line.startswith("#"):
            if line.startswith("#:"):
                if blocks[-1].header:
                    blocks.append(_Block())
                    ended = False
                blocks[-1].qualifiers.append(_csv_line(path, line[2:].strip(), number))
            continue
        fields = _csv_line(path, line, number)
        if ended and _is_header(fields):
            blocks.append(_Block())
        ended = False
        if blocks[-1].header:
            blocks[-1].rows.append((number, fields))
        else:
            blocks[-1].header = fields
    return [block for block in blocks if block.header]


def _csv_line(path: Path, line: str, number: int) -> list[str]:
    try:
        return [part.strip() for part in next(csv.reader([line]))]
    except csv.Error as error:
        raise FileError(f"is no CSV ({error})", place=f"{path.name}: line {number}") from None


def _is_header(fields: Sequence[str]) -> bool:
    try:
        plain_number(fields[0])
    except ValueError:
        return fields[0] not in _NO_VALUE
    return False


def _values(header: Sequence[str]) -> list[int]:
    """Places of the values: neither the axis and its edges nor the two columns of an error."""
    places = list[int]()
    index = 1
    while index < len(header):
        name = header[index]
        after = header[index + 1] if index + 1 < len(header) else ""
        if name.endswith("+") and after == f"{name[:-1]}-" and places:
            index += 2
            continue
        if not _is_edge(name, header[0]):
            places.append(index)
        index += 1
    return places


def _from_csv(path: Path, text: str, choice: Choice) -> Table:
    blocks = _blocks(path, text)
    found = [(block, place) for block in blocks for place in _values(block.header)]
    if not found:
        raise FileError(f"{path.name!r} holds no table of a mass and values")
    block, place = found[_chosen(path, [b.header[i] for b, i in found], choice.column)]
    split = [_name_and_unit(block.header[i]) for i in (0, place)]
    axis, column = _columns(path, split[0], split[1], choice)
    wrong = list[tuple[str, str]]()
    points = list[Point]()
    for number, row in block.rows:
        where = f"line {number}"
        if len(row) != len(block.header):
            wrong.append((where, f"has {len(row)} columns, the header {len(block.header)}"))
            continue
        mass = _number(row[0], f"{where}/mass", wrong)
        value = _number(row[place], f"{where}/coupling", wrong)
        if mass is not None:
            points.append((where, mass, value))
    notes = {"title": split[1][0]}
    for fields in block.qualifiers:
        name, unit = _name_and_unit(fields[0])
        kept = _QUALIFIERS.get(name.strip().lower())
        if not kept or len(fields) < 2:
            continue
        said = fields[1 + place] if len(fields) > 1 + place else ""
        said = f"{said} {unit}".strip() if said else ""
        if said and notes.setdefault(kept, said) != said:
            wrong.append(("qualifiers", f"{name} stands twice: {notes[kept]!r}, {said!r}"))
    if wrong:
        raise Problems(path.name, wrong)
    return Table(points, axis, column, notes)


def _name_and_unit(name: str) -> tuple[str, str]:
    """ "MASS [GEV]" as ("MASS", "GEV"); the unit stands last."""
    match = re.search(r"\s*\[([^\[\]]*)\]\s*$", name)
    return (name[: match.start()], match[1]) if match else (name, "")


def _is_edge(name: str, axis: str) -> bool:
    """Whether a column is a bin edge of the mass: "MASS LOW" beside "MASS"."""
    plain = _name_and_unit(axis)[0]
    return name.startswith(plain) and bool(re.search(r"\b(low|high)\s*$", name, re.IGNORECASE))


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


def _number(value: Any, where: str, wrong: list[tuple[str, str]]) -> float | None:
    """The number; None for HEPData's "no value"; what is neither goes into `wrong`.

    A whole number that begins with 0 is octal to some readers of YAML and decimal to others.
    """
    if isinstance(value, str) and value.strip() in _NO_VALUE:
        return None
    try:
        if not isinstance(value, str) or re.fullmatch(r"[-+]?0[0-9]+", value.strip()):
            raise ValueError
        return plain_number(value)
    except ValueError:
        wrong.append((where, f"{value!r} is not a number"))
        return None
