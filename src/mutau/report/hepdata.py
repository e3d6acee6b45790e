"""Limits and figures as a HEPData submission: submission.yaml and one YAML file per table.

Format: HEPData submission schema 1.1.1 (E. Maguire, L. Heinrich, G. Watt, J. Phys. Conf. Ser. 898
(2017) 102006). Only what was computed here goes in: curves of others in a figure have their own
records, and the comment of the submission names them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mutau._version import __version__
from mutau.analysis.citations import collect, of_figure, of_limit
from mutau.analysis.results import Result, limit_name, slug
from mutau.core.figure import Figure, Series
from mutau.core.storage import write_text
from mutau.core.types import Exclusion, Yields

_DIGITS = 6
_NAME_LENGTH = 64
_BIBTEX = "references.bib"
Document = dict[str, Any]


def write_submission(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write submission.yaml, its tables and references.bib; returns their paths, tables first."""
    entries: list[Document] = []
    paths: list[Path] = []
    others: dict[str, None] = {}
    for result in results:
        tables = _tables(result)
        for entry, table in tables:
            entry["data_file"] = f"{len(entries) + 1:02d}-{entry['data_file']}.yaml"
            entry["name"] = _unique(entry["name"], [item["name"] for item in entries])
            path = folder / entry["data_file"]
            write_text(path, to_yaml(table))
            entries.append(entry)
            paths.append(path)
        if isinstance(result, Figure):
            others |= {item.label: None for item in result.series if not _ours(item)}
    bibliography = folder / _BIBTEX
    sources = [
        source for result in results
        for source in (of_figure(result) if isinstance(result, Figure) else of_limit(result))
    ]  # fmt: skip
    write_text(bibliography, collect(sources).bibtex())
    comment = f"Computed with mutau {__version__}.{_digests(results)}"
    if others:
        comment += f" Curves of others are not repeated here: {', '.join(others)}."
    resources = [{"location": _BIBTEX, "description": "publications behind these numbers"}]
    head = {"comment": comment, "additional_resources": resources}
    submission = folder / "submission.yaml"
    write_text(submission, "".join(f"---\n{to_yaml(item)}" for item in (head, *entries)))
    return [*paths, bibliography, submission]


def _tables(result: Result) -> Iterator[tuple[Document, Document]]:
    if isinstance(result, Exclusion):
        return _limit_tables(result)
    return _figure_tables(result) if isinstance(result, Figure) else _cut_flow(result)


def _digests(results: Sequence[Result]) -> str:
    """Digests of what results rest on, in words."""
    found: dict[str, None] = {}
    for result in results:
        digests = {} if isinstance(result, Figure) else result.meta.get("digests", {})
        found |= {f"{name} {value}": None for name, value in digests.items()}
    return f" Digests: {', '.join(found)}." if found else ""


def _cut_flow(result: Yields) -> Iterator[tuple[Document, Document]]:
    """Expected signal after each cut, and the fraction of what is produced."""
    made = max(float(result.signal[0]), 1e-300)
    point = [
        {"name": "EXPERIMENT", "value": result.experiment},
        {"name": "MODEL", "value": result.model},
        {"name": "MASS", "value": _number(result.mass), "units": "GeV"},
        {"name": "COUPLING", "value": _number(result.coupling)},
    ]
    events = _values(result.signal, result.signal_err, "statistical")
    table = {
        "independent_variables": [_variable("Cut", "", [{"value": cut} for cut in result.cuts])],
        "dependent_variables": [
            {**_variable("Expected signal events", "", events), "qualifiers": point},
            {**_variable("Efficiency", "", _values(result.signal / made)), "qualifiers": point},
        ],
    }
    description = (
        f"Cut flow of {result.model} in {result.experiment} at {result.mass:g} GeV and coupling "
        f"{result.coupling:g}; the first row is what is produced in the whole exposure."
    )
    name = f"Cut flow {result.experiment} {result.model} {result.mass:g} GeV"
    entry = _entry(
        name, "", description, f"cut-flow-{slug(f'{result.experiment}-{result.mass:g}')}",
        ["cut flow", "efficiency", result.model], ("N", "EFF"),
    )  # fmt: skip
    yield entry, table


def _unique(name: str, taken: Sequence[str]) -> str:
    """A name of at most 64 characters that no other table has."""
    short, rank = name[:_NAME_LENGTH], 2
    while short in taken:
        mark = f" ({rank})"
        short, rank = name[: _NAME_LENGTH - len(mark)] + mark, rank + 1
    return short


def _entry(
    name: str, location: str, description: str, file: str, phrases: list[str],
    observables: Sequence[str] = (),
) -> Document:  # fmt: skip
    keywords = [{"name": "phrases", "values": [phrase[:128] for phrase in phrases]}]
    if observables:
        keywords.append({"name": "observables", "values": list(observables)})
    return {
        "name": name,
        **({"location": location} if location else {}),
        "description": description,
        "keywords": keywords,
        "data_file": file,
    }


def _limit_tables(line: Exclusion) -> Iterator[tuple[Document, Document]]:
    qualifiers = [
        {"name": "CL", "value": _number(100.0 * line.cl), "units": "%"},
        {"name": "EXPERIMENT", "value": line.experiment},
        {"name": "MODEL", "value": line.model},
        {"name": "LIMIT METHOD", "value": line.method},
    ]
    if line.meta.get("alpha_d"):
        qualifiers.append({"name": "ALPHA_D", "value": _number(line.meta["alpha_d"])})
        ratio = _number(line.meta.get("mass_ratio", 3.0))
        qualifiers.append({"name": "MASS RATIO", "value": ratio})
        if line.meta.get("dark_matter"):
            qualifiers.append({"name": "DARK MATTER", "value": line.meta["dark_matter"]})
    if line.meta.get("seed") is not None:
        qualifiers.append({"name": "SEED", "value": int(line.meta["seed"])})
    values = _values(line.coupling, line.numerical_err, "numerical")
    table = {
        "independent_variables": [_variable("Mass of the Z'", "GeV", _values(line.mass))],
        "dependent_variables": [
            {
                **_variable("Upper limit on the coupling", "", values),
                "qualifiers": qualifiers,
            }
        ],
    }
    description = (
        f"Upper limit at {100 * line.cl:g} % CL on the coupling of {line.model} from "
        f"{line.experiment}, over the mass. A hyphen: no coupling in reach is excluded."
    )
    name = limit_name(line)
    yield (
        _entry(f"Limit {line.experiment} {line.model}", "", description, f"limit-{name}",
               ["upper limit", "light vector boson", line.model], ("CLS",)),
        table,
    )  # fmt: skip


def _ours(item: Series) -> bool:
    return item.role not in ("published", "user")


def _figure_tables(figure: Figure) -> Iterator[tuple[Document, Document]]:
    """One table for all series of a figure that share their points; none of others' curves."""
    groups: dict[Any, list[Series]] = {}
    for item in figure.series:
        if _ours(item):
            places = item.y.tobytes() if item.z is not None else b""
            groups.setdefault((item.kind == "steps", item.x.tobytes(), places), []).append(item)
    for rank, series in enumerate(groups.values(), 1):
        part = f" ({rank} of {len(groups)})" if len(groups) > 1 else ""
        shown = "; ".join(item.label for item in series if item.label)
        entry = _entry(
            f"{figure.id}{part}", f"Figure {figure.id}",
            " ".join(t for t in (f"{figure.title}.", figure.caption, shown) if t),
            f"{slug(figure.id)}-{rank}", [figure.title],
        )  # fmt: skip
        yield entry, _figure_table(figure, series)


def _figure_table(figure: Figure, series: Sequence[Series]) -> Document:
    first = series[0]
    x_name, x_unit = split_unit(figure.x_label)
    if first.z is not None:
        edges_y, edges_x = _bins(first.y), _bins(first.x)
        independent = [
            _variable(x_name, x_unit, edges_x * len(edges_y)),
            _variable(*split_unit(figure.y_label), [b for b in edges_y for _ in edges_x]),
        ]
        label = split_unit(figure.z_label or "content")
        dependent = [
            {**_variable(*label, _values(np.ravel(item.z))), "qualifiers": _qualifiers(item)}
            for item in series if item.z is not None
        ]  # fmt: skip
        return {"independent_variables": independent, "dependent_variables": dependent}
    places = _bins(first.x) if first.kind == "steps" else _values(first.x)
    dependent = []
    for item in series:
        for name, column in (("", item.y), ("upper end", item.y2)):
            if column is None:
                continue
            y_name, y_unit = split_unit(figure.y_label)
            lower = "lower end" if item.y2 is not None and not name else name
            values = _values(column, item.err if not name else None, "statistical")
            variable = _variable(", ".join(t for t in (y_name, lower) if t), y_unit, values)
            dependent.append({**variable, "qualifiers": _qualifiers(item)})
    return {
        "independent_variables": [_variable(x_name, x_unit, places)],
        "dependent_variables": dependent,
    }


def _qualifiers(item: Series) -> list[Document]:
    found: list[Document] = [{"name": "SERIES", "value": item.label or item.note or item.role}]
    if item.meta.get("cl"):
        found.append({"name": "CL", "value": _number(100.0 * item.meta["cl"]), "units": "%"})
    for key in ("experiment", "model", "method", "year"):
        if item.meta.get(key):
            value = item.meta[key]
            found.append({"name": key.upper(), "value": value})
    return found


def split_unit(label: str) -> tuple[str, str]:
    """Name and unit of an axis label: "$E$ [GeV]" gives ("$E$", "GeV")."""
    match = re.fullmatch(r"(.*?)\s*\[([^\[\]]*)\]\s*", label)
    return (match[1], match[2]) if match else (label, "")


def _variable(name: str, unit: str, values: list[Document]) -> Document:
    header = {"name": name, "units": unit} if unit else {"name": name}
    return {"header": header, "values": values}


def _number(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _values(column: Any, err: Any = None, label: str = "") -> list[Document]:
    """Numbers of a column with their errors; a hyphen, HEPData's "no value", for infinity.

    HEPData refuses an error of zero, which stands here for "none was estimated".
    """
    found: list[Document] = []
    for index, value in enumerate(np.asarray(column, float).tolist()):
        if not np.isfinite(value):
            found.append({"value": "-"})
        elif err is None or not err[index]:
            found.append({"value": _number(value)})
        else:
            error = {"symerror": _number(float(err[index])), "label": label}
            found.append({"value": _number(value), "errors": [error]})
    return found


def _bins(edges: np.ndarray) -> list[Document]:
    plain = [_number(edge) for edge in edges.tolist()]
    return [{"low": low, "high": high} for low, high in pairwise(plain)]


def to_yaml(value: Any, indent: int = 0) -> str:
    """Mappings, lists, texts and numbers as YAML blocks; a small mapping of numbers on one line.

    Texts are written in double quotes, as in JSON, which YAML reads alike. Floats carry a point,
    without which YAML 1.1 would read "1e-05" as a text.
    """
    pad = "  " * indent
    if isinstance(value, Mapping):
        lines = []
        for key, item in value.items():
            if isinstance(item, Mapping | list) and item and not _flat(item):
                lines.append(f"{pad}{key}:\n{to_yaml(item, indent + 1)}")
            else:
                lines.append(f"{pad}{key}: {_flow(item)}\n")
        return "".join(lines)
    lines = []
    for item in value:
        if _flat(item):
            lines.append(f"{pad}- {_flow(item)}\n")
        else:
            block = to_yaml(item, indent + 1)
            lines.append(f"{pad}- {block.lstrip(' ')}")
    return "".join(lines)


def _flat(value: Any) -> bool:
    """Whether a value is written on one line: a scalar, or a small mapping or list of scalars."""
    if isinstance(value, Mapping):
        return len(value) <= 3 and all(_flat(item) for item in value.values())
    if isinstance(value, list):
        return len(value) <= 1 and all(_flat(item) for item in value)
    return True


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, float):
        text = repr(value)
        if "e" in text and "." not in text:
            text = text.replace("e", ".0e")
        return text
    return json.dumps(value, ensure_ascii=False)
