"""Curves from files: a CSV file of ours or of a digitiser, or a table of HEPData.

    # cl: 0.90
    # model: dark-photon
    mass_MeV,epsilon^2
    10, 1e-8
    ...

The header names the mass with its unit (`mass_GeV`, `mchi_MeV`) and the values (`coupling`, `g`,
`epsilon`, `epsilon^2`, `log10(epsilon)`, `y`); a file without a header says "# columns: ...".
Fields are parted by commas, semicolons, tabs or blanks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from mutau.bounds.curve_columns import coupling_column, from_y, mass_column, model_of
from mutau.bounds.curves import HEADER, Array, check_points
from mutau.bounds.hepdata_tables import Choice, Point, Table, is_table, read_table
from mutau.core.errors import MutauError, Problems
from mutau.core.reading import TABLE_BYTES, plain_number, read_text
from mutau.models.dark_matter import dark_matter

#: Comment lines "# key: value" that mean something; each may stand once.
KEYS: Final = (
    "cl", "model", "excludes", "title", "source", "origin", "remark", "production", "final",
    "branching", "alpha_d", "mass_ratio", "dark_matter", "mass", "columns",
)  # fmt: skip
_COMMENT: Final = re.compile(r"\s*#\s*([\w ]+?)\s*:\s*(.*)")
#: Other keys this near to one of KEYS are taken for a misprint of it.
_MISPRINT: Final = 0.85
#: Those that only say something to the reader.
_TEXTS: Final = ("title", "source", "origin", "remark")
_DECISIVE: Final = tuple(key for key in KEYS if key not in _TEXTS)


@dataclass(frozen=True, slots=True)
class Points:
    """A curve as its file gives it, in GeV and coupling.

    where : address of each point in the file. notes : what comment lines and qualifiers say.
    model : whose coupling it is: the one given, or what the name of the values implies.
    lower : the name of the values says lower limit. wrong : lines that are no points, and notes
    that cannot be.
    """

    mass: Array
    coupling: Array
    where: list[str]
    notes: Mapping[str, str]
    model: str
    alpha_d: float | None = None
    mass_ratio: float | None = None
    dark_matter: str | None = None
    lower: bool = False
    wrong: tuple[tuple[str, str], ...] = ()

    def check(self, closed: bool, largest: float | None = None) -> list[tuple[str, str]]:
        """What is wrong with the points; largest : coupling above which the model has none."""
        wrong = [*self.wrong, *check_points(self.mass, self.coupling, closed, self.where)]
        if largest is not None:
            wrong += [
                (f"{where}/coupling", f"{g:g} is above {largest:.4g}, the largest of {self.model}")
                for where, g in zip(self.where, self.coupling, strict=True)
                if np.isfinite(g) and g > largest
            ]
        return wrong


def read_points(
    path: Path,
    choice: Choice = Choice(),  # noqa: B008  (frozen)
    model: str = "",
    coupling_name: Callable[[str], str] = lambda tag: "coupling",
) -> Points:
    """Masses (GeV) and couplings of a file; what is wrong with single points, `Points.check` tells.

    choice : column of a table of HEPData, and what the user declares it to be. model : tag that the
    user gives, before that of the file; "" for none. coupling_name : tag -> name of its coupling.
    Points without a value at the ends of a table are left out.
    Raises FileError if it cannot be read, Problems naming every line that is wrong.
    """
    text = read_text(path, "curve", TABLE_BYTES // 10)
    notes, wrong = _comments(text)
    if wrong:
        raise Problems(path.name, wrong)
    choice = Choice(choice.column, choice.coupling, choice.mass or notes.get("mass", ""))
    if is_table(path, text):
        table = read_table(path, text, choice)
        points, wrong = _without_ends(table.points)
        for key in ("cl", "alpha_d", "mass_ratio", "dark_matter"):
            said, added = table.notes.get(key, ""), notes.get(key, "")
            if said and added and not _same(said, added):
                wrong.append((key, f"the table says {said!r}, a comment {added!r}"))
    else:
        if choice.column:
            raise Problems(path.name, [("column", "is chosen, but the file has one curve alone")])
        table, wrong = _own_table(path, text, choice, notes.get("columns", ""))
        points = table.points
    notes = {**table.notes, **notes}
    try:
        model = model_of(table.column, model or notes.get("model", ""), coupling_name)
        return _converted(points, table, notes, wrong, model)
    except MutauError as error:
        raise Problems(path.name, [*wrong, ("values", str(error))]) from None


def _same(one: str, other: str) -> bool:
    """Whether two notes say the same: equal texts, or levels and numbers of equal value."""
    if one.strip() == other.strip():
        return True
    levels = [_level(text) for text in (one, other)]
    return levels[0] is not None and levels[0] == levels[1]


def _level(text: str) -> float | None:
    match = re.match(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text)
    if match is None:
        return None
    return round(float(match[1]) / (100.0 if match[2] else 1.0), 12)


def _comments(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Comment lines with a key of KEYS, and those that stand twice or look like misprints."""
    notes: dict[str, str] = {}
    wrong = []
    for number, row in enumerate(text.splitlines(), 1):
        match = _COMMENT.match(row)
        if not match:
            continue
        key, where = match[1].lower(), f"line {number}"
        if key in KEYS:
            if key in notes:
                wrong.append((where, f"'# {key}:' stands in a line before already"))
            notes.setdefault(key, match[2].strip())
        elif len(wrong) < 20:
            near = difflib.get_close_matches(key, _DECISIVE, n=1, cutoff=_MISPRINT)
            if near:
                wrong.append((where, f"'# {key[:40]}:' is unknown; did you mean '# {near[0]}:'?"))
    return notes, wrong


def _fields(row: str) -> list[str]:
    """The fields of a row, parted by the first of comma, semicolon, tab, blank that it has."""
    for mark in (",", ";", "\t"):
        if mark in row:
            return [part.strip() for part in row.split(mark)]
    return row.split()


def _own_table(
    path: Path, text: str, choice: Choice, columns: str
) -> tuple[Table, list[tuple[str, str]]]:
    """A file of our own format, and what is no row. Raises Problems for its header."""
    rows = [
        (number, row.strip()) for number, row in enumerate(text.splitlines(), 1)
        if row.strip() and not row.lstrip().startswith("#")
    ]  # fmt: skip
    where = "columns"
    if not columns:
        number, columns = rows.pop(0) if rows else (1, HEADER)
        where = f"line {number}"
    names = _fields(columns)
    match = re.fullmatch(r"(m|mass|mchi|m_chi)_(\w+)", names[0]) if len(names) == 2 else None
    if match is None:
        said = f"the header must be {HEADER!r} or another mass and coupling, not {columns[:100]!r}"
        remedy = "; a file without a header says for example '# columns: mass_GeV,coupling'"
        raise Problems(path.name, [(where, said + remedy)])
    try:
        axis = mass_column(match[1], match[2], choice.mass)
        column = coupling_column(names[1], "", choice.coupling)
    except MutauError as error:
        raise Problems(path.name, [(where, str(error))]) from None
    points: list[Point] = []
    wrong = []
    for number, row in rows:
        try:
            mass, value = (plain_number(part) for part in _fields(row))
        except ValueError:
            wrong.append((f"line {number}", f"{row[:100]!r} is not two numbers"))
            continue
        points.append((f"line {number}", mass, value))
    return Table(points, axis, column), wrong


def _without_ends(points: list[Point]) -> tuple[list[Point], list[tuple[str, str]]]:
    """Points from the first to the last that has a value, and those between that have none."""
    given = [index for index, point in enumerate(points) if point[2] is not None]
    inner = points[given[0] : given[-1] + 1] if given else []
    wrong = [
        (address, "has no value between points that have one; split the curve")
        for address, _, value in inner
        if value is None
    ]
    return [point for point in inner if point[2] is not None], wrong


def _converted(
    points: list[Point], table: Table, notes: dict[str, str], wrong: list[tuple[str, str]],
    model: str,
) -> Points:  # fmt: skip
    """Points in GeV and coupling of the model. Raises MutauError where a number lacks for that."""
    alpha_d, mass_ratio = _sector("alpha_d", notes, 1.0), _sector("mass_ratio", notes, np.inf)
    if mass_ratio is not None and mass_ratio <= (2.0 if alpha_d else 0.0):
        raise MutauError(f"# mass_ratio: {mass_ratio:g} leaves no decay into dark matter",
                         allowed="above 2")  # fmt: skip
    factor = table.mass.factor
    if table.mass.dark_matter:
        if mass_ratio is None:
            raise MutauError(
                "the masses are those of dark matter",
                remedy="add the ratio of the boson's mass to it, for example '# mass_ratio: 3'",
            )
        factor *= mass_ratio
    masses = [factor * mass for _, mass, _ in points]
    values = [table.column.coupling(value) for _, _, value in points if value is not None]
    if table.column.kind == "y":
        values = from_y(values, alpha_d or None, mass_ratio)
    if table.column.cl is not None:
        level = f"{table.column.cl:g} %"
        if "cl" in notes and not _same(level, notes["cl"]):
            raise MutauError(f"their name says {level} CL, another place {notes['cl']!r}")
        notes.setdefault("cl", level)
    return Points(
        np.array(masses, float), np.array(values, float), [where for where, _, _ in points],
        notes, model, alpha_d, mass_ratio, _kind(notes), table.column.lower, tuple(wrong),
    )  # fmt: skip


def _kind(notes: Mapping[str, str]) -> str | None:
    """Kind of dark matter out of the notes; None where it is not said. Raises UnknownName."""
    said = notes.get("dark_matter")
    return None if said is None else dark_matter(said.strip()).name


def _sector(key: str, notes: Mapping[str, str], high: float) -> float | None:
    """A number of the dark sector out of the notes; None where it is not said."""
    if key not in notes:
        return None
    try:
        value = plain_number(notes[key])
    except ValueError:
        value = np.nan
    if not 0.0 <= value <= high or not np.isfinite(value):
        raise MutauError(f"# {key}: {notes[key][:100]!r} is not a number from 0 to {high:g}")
    return value
