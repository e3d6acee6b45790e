"""Spectra of the energy seen from files: CSV, or ROOT with the extra `io`.

CSV      bins `low_GeV,high_GeV,count`, with `variance` or `error` of the count if known; or single
         events, one to a row: `energy_GeV` (or another column by name), with `weight` if known
ROOT     a one-dimensional histogram with its variances, or a tree with a branch of energies and,
         if it has one, a branch `weight`

Energies may be in any unit, which stands behind the last underscore of a name or in brackets in
the title of an axis; without one they are GeV. Columns that look like weights under another name
are refused: they would change the number.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from mutau.background.sideband import Array, EnergySpectrum
from mutau.core.errors import FileError, MissingExtra, MutauError
from mutau.core.reading import TABLE_BYTES, open_regular, plain_number, read_text
from mutau.core.units import parse_energy

_ENERGY: Final = re.compile(r"^(.*)_(eV|keV|MeV|GeV|TeV)$")
#: Columns that change what an event counts for; only the first name is known.
WEIGHT: Final = "weight"
_WEIGHTS: Final = re.compile(r"(?:^|_)(?:weights?|wgts?|wts?|w|prescales?|scale_?factors?)(?:_|$)")
_BINNED: Final = {"count", "variance", "error"}


def read_spectrum(
    path: str | Path, *, edges: ArrayLike | None = None, name: str = "", column: str = ""
) -> EnergySpectrum:
    """A spectrum from a file, as the module describes; `edges` (GeV) histogram single events.

    name : of a histogram or tree in a ROOT file. column : of energies among single events.
    Raises FileError for a file that cannot be read, MutauError naming line or entry for what is no
    number, not finite or negative, and for columns that stand twice or cannot be told; MissingExtra
    for ROOT without the extra `io`.
    """
    path = Path(path)
    if path.suffix == ".root":
        return _from_root(path, edges, name, column)
    if name:
        raise MutauError(
            f"a name ({name!r}) is given", place=str(path), allowed="a name for ROOT files alone"
        )
    header, rows = _csv_rows(path)
    plain = {match[1]: key for key in header if (match := _ENERGY.match(key))}
    if {"low", "high"} <= plain.keys() and "count" in header:
        return _binned(path, header, rows, plain)
    wanted = column or plain.get("energy", "energy_GeV")
    if wanted not in header:
        raise MutauError(
            f"no column {wanted!r}", place=str(path),
            allowed="low_GeV,high_GeV,count, or one column of energies",
            remedy=f"the file has {', '.join(header)[:400] or 'no header'}",
        )  # fmt: skip
    _one_weight(header, wanted, str(path))
    energies = unit_of(wanted) * _numbers(path, header, rows, wanted)
    weights = _numbers(path, header, rows, WEIGHT) if WEIGHT in header else None
    return EnergySpectrum.of(energies, _required(edges, path), str(path), weights)


def unit_of(name: str) -> float:
    """GeV per unit of a column, by the end of its name; 1 without a unit.

    >>> unit_of("energy_MeV")
    0.001
    """
    match = _ENERGY.match(name)
    return parse_energy(f"1 {match[2]}") if match else 1.0


def _one_weight(names: Sequence[str], energy: str, place: str) -> None:
    """Raise MutauError for columns of weights under another name than `weight`."""
    for item in names:
        if item not in (WEIGHT, energy) and _WEIGHTS.search(item.lower()):
            raise MutauError(
                f"the column {item!r} looks like a weight and is not used", place=place,
                remedy=f"call it {WEIGHT!r} if events count by it, or leave it out",
            )  # fmt: skip


def _csv_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Names of the columns, and rows with their lines. Raises FileError, MutauError."""
    text = read_text(path, "spectrum", TABLE_BYTES // 5)
    lines = [
        (number, line) for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]  # fmt: skip
    try:
        rows = [
            (number, [part.strip() for part in row])
            for (number, _), row in zip(
                lines, csv.reader((line for _, line in lines), strict=True), strict=True
            )
        ]
    except (csv.Error, ValueError) as error:
        raise FileError(f"{str(path)!r} is no CSV file ({error})", allowed="text") from None
    if not rows:
        raise MutauError("the file is empty", place=str(path))
    header = rows[0][1]
    for item in header:
        if header.count(item) > 1:
            raise MutauError(f"the column {item!r} stands twice", place=f"{path}: header")
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise MutauError(
                f"{len(row)} values, {len(header)} columns", place=f"{path}: line {number}"
            )
    return header, rows[1:]


def _numbers(
    path: Path, header: Sequence[str], rows: Sequence[tuple[int, list[str]]], key: str
) -> Array:
    """One column. Raises MutauError naming the line of what is no finite number."""
    place = header.index(key)
    values = np.empty(len(rows))
    for index, (number, row) in enumerate(rows):
        try:
            values[index] = plain_number(row[place])
        except ValueError:
            values[index] = np.nan
        if not np.isfinite(values[index]):
            raise MutauError(
                f"{key} = {row[place][:100]!r}", place=f"{path}: line {number}",
                allowed="a finite number",
            )  # fmt: skip
    return values


def _binned(
    path: Path, header: Sequence[str], rows: Sequence[tuple[int, list[str]]], plain: dict[str, str]
) -> EnergySpectrum:
    """Bins with their counts and, if the file says, variances."""
    for item in header:
        if item not in (plain["low"], plain["high"], *_BINNED):
            raise MutauError(
                f"the column {item!r} is unknown beside bins", place=f"{path}: header",
                allowed="low_GeV, high_GeV, count, variance or error",
            )  # fmt: skip
    if {"variance", "error"} <= set(header):
        raise MutauError("variance and error both stand there", place=f"{path}: header")
    if not rows:
        raise MutauError("the file holds no bins", place=str(path))
    low = unit_of(plain["low"]) * _numbers(path, header, rows, plain["low"])
    high = unit_of(plain["high"]) * _numbers(path, header, rows, plain["high"])
    count = _numbers(path, header, rows, "count")
    if not np.allclose(low[1:], high[:-1], rtol=1e-12, atol=1e-9):
        raise MutauError("the bins do not touch", place=str(path))
    variances = None
    if "variance" in header:
        variances = _numbers(path, header, rows, "variance")
    elif "error" in header:
        variances = _numbers(path, header, rows, "error") ** 2
    return EnergySpectrum(np.append(low, high[-1]), count, str(path), variances)


def _required(edges: ArrayLike | None, path: Path) -> Array:
    if edges is None:
        raise MutauError("single events need bins", place=str(path), remedy="give edges in GeV")
    return np.asarray(edges, float)


def _from_root(path: Path, edges: ArrayLike | None, name: str, column: str) -> EnergySpectrum:
    try:
        import uproot
    except ImportError:
        raise MissingExtra("reading ROOT files", "io") from None
    place = f"{path}:{name}"
    try:
        with open_regular(path, "spectrum") as stream, uproot.open(stream) as file:
            _one_of("name", name, file.keys(cycle=False), str(path))
            item = file[name]
            kind = str(item.classname)
            if kind.startswith("TH1"):
                return _histogram(item, place)
            if not hasattr(item, "num_entries") or kind.startswith(("TH", "TProfile")):
                raise MutauError(
                    f"is a {kind}", place=place, allowed="a one-dimensional histogram or a tree"
                )
            branches = list(item.keys())
            _one_of("column", column, branches, place)
            _one_weight(branches, column, place)
            values = _branch(item, column, place)
            weights = _branch(item, WEIGHT, place) if WEIGHT in branches else None
    except MutauError:
        raise
    except Exception as error:  # a damaged file raises nearly anything inside the library
        said = f"{type(error).__name__}: {error}"
        raise FileError(f"{place} cannot be read ({said[:500]})") from error
    return EnergySpectrum.of(unit_of(column) * values, _required(edges, path), place, weights)


def _histogram(item: Any, place: str) -> EnergySpectrum:
    """Counts, edges in GeV and, where the histogram keeps them, variances."""
    axis = item.member("fXaxis")
    title = str(axis.member("fTitle"))
    match = re.search(r"[\[(]\s*([a-zA-Z]*eV)\s*[\])]", title)
    factor = 1.0
    if match:
        try:
            factor = parse_energy(f"1 {match[1]}")
        except MutauError:
            raise MutauError(f"the axis {title!r} has an unknown unit", place=place) from None
    variances = item.variances() if item.weighted else None
    return EnergySpectrum(
        factor * np.asarray(item.axis().edges(), float), np.asarray(item.values(), float), place,
        None if variances is None else np.asarray(variances, float),
    )  # fmt: skip


def _branch(tree: Any, name: str, place: str) -> Array:
    """One number per entry of a branch. Raises MutauError for several, or for texts."""
    values = tree[name].array(library="np")
    if values.ndim != 1 or values.dtype.kind not in "iufb":
        raise MutauError(
            f"the branch {name!r} holds no single number per entry ({values.dtype})", place=place,
            remedy="choose a flat branch, or write one energy per entry",
        )  # fmt: skip
    return np.asarray(values, float)


def _one_of(what: str, given: str, there: list[str], place: str) -> None:
    if given not in there:
        raise FileError(
            f"there is no {what} {given!r}" if given else f"no {what} is given",
            place=place, allowed=", ".join(there) or "none",
        )  # fmt: skip
