"""Cards: a published curve is a TOML card, which says where it came from, plus a CSV file."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from mutau.bounds.curve_files import read_points
from mutau.bounds.curves import BASES, EXCLUDES, KINDS, PublishedLimit
from mutau.bounds.hepdata_tables import Choice
from mutau.bounds.search import Search
from mutau.core.errors import MOST_PROBLEMS, Problems, UnknownName
from mutau.core.reading import read_toml
from mutau.models import REGISTRY, load_charges, model_class
from mutau.models.charges import PREFIX

_REQUIRED: Final = (
    "schema name title quantity description model kind basis excludes source assumption curve "
    "origin conversion plot plot_reason"
).split()
_OPTIONAL: Final = ("cl", "cl_note", "also", "plausibility", "remark")
_QUANTITY: Final = {
    "above": "coupling_upper_limit",
    "below": "coupling_lower_limit",
    "inside": "region",
    "nothing": "coupling_contour",
}
_CHOICES: Final = {
    "kind": KINDS,
    "basis": BASES,
    "excludes": EXCLUDES,
    "quantity": tuple(_QUANTITY.values()),
}
_SCHEMA: Final = 1


def check_card(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with a card: (key, sentence) pairs, all of them; empty where nothing is."""
    wrong = [(key, "is missing") for key in _REQUIRED if key not in card]
    for key, value in card.items():
        if key not in (*_REQUIRED, *_OPTIONAL):
            known = (*_REQUIRED, *_OPTIONAL) if len(wrong) <= MOST_PROBLEMS else ()
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            wrong.append((key, f"is unknown{hint}"))
        elif key in _CHOICES and value not in _CHOICES[key]:
            wrong.append((key, f"{value!r} is not one of {', '.join(_CHOICES[key])}"))
        elif key == "model" and value not in REGISTRY:
            wrong.append((key, f"{value!r} is not a model; there are {', '.join(REGISTRY)}"))
        elif key == "schema" and value != _SCHEMA:
            wrong.append((key, f"{value!r} is not known; this version reads {_SCHEMA}"))
        elif key == "cl":
            wrong += _check_cl(value)
        elif key == "also":
            if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
                wrong.append((key, "must be a list of references"))
        elif key == "plot":
            if not isinstance(value, bool):
                wrong.append((key, f"{value!r} is not true or false"))
        elif key != "schema" and not (isinstance(value, str) and value):
            wrong.append((key, f"{value!r} is not a text"))
    excludes = card.get("excludes")
    if excludes in EXCLUDES and card.get("quantity") != _QUANTITY[excludes]:
        wrong.append(("quantity", f"does not go with excludes = {excludes!r}"))
    if "cl" not in card and not card.get("cl_note"):
        wrong.append(("cl", "is missing; write for example 0.90, or say why in cl_note"))
    return wrong


def _check_cl(value: object) -> list[tuple[str, str]]:
    if isinstance(value, float) and 0.5 <= value < 1.0:
        return []
    return [("cl", f"{value!r} is not a confidence level; write for example 0.90")]


def load_card(path: str | Path) -> PublishedLimit:
    """A published limit from its card; the CSV lies beside it.

    Raises FileError for a file that cannot be read, Problems with everything that is wrong.
    """
    path = Path(path)
    card = read_toml(path, "card")
    wrong = check_card(card)
    if wrong:
        raise Problems(path.name, wrong)
    points = read_points(path.parent / card["curve"], model=card["model"])
    _refuse(card["curve"], points.check(card["excludes"] == "inside"))
    values = {key: value for key, value in card.items() if key not in ("schema", "curve", "also")}
    return PublishedLimit(
        mass=points.mass, coupling=points.coupling, also=tuple(card.get("also", ())), **values
    )


def _refuse(name: str, wrong: list[tuple[str, str]]) -> None:
    """Raise Problems if there are any."""
    if wrong:
        raise Problems(name, wrong)


def _parse_cl(text: str) -> float | None:
    """0.90 from "0.90", "90 %" or "90% CL"; None where no level can be read."""
    match = re.match(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text)
    if match is None:
        return None
    level = float(match.group(1)) / (100.0 if match.group(2) else 1.0)
    return level if 0.5 <= level < 1.0 else None


def load_curve(
    path: str | Path,
    *,
    cl: float | None = None,
    name: str = "",
    model: str = "",
    excludes: str = "",
) -> PublishedLimit:
    """A user's own curve from one file: CSV with header `mass_GeV,coupling`, rows sorted by mass.

    Other columns, units and tables of HEPData are read as `curve_files` and `hepdata_tables` say;
    "FILE#name" chooses one of several columns by a part of its name, and "FILE#name@coupling" (or
    "@coupling^2", "@epsilon", ...) declares what a column holds whose name does not tell. The
    qualifiers CL, MODEL, ALPHA_D and MASS RATIO are taken over.

    What is not given here is read from comment lines such as "# cl: 0.90", "# model: lmu-ltau",
    "# excludes: above", "# title: ...", "# source: ...", "# origin: ...". A model may be a file of
    charges, "# model: charges:FILE", the file being looked for beside the curve first. With
    "# production: electron" and "# final: invisible" (and "# branching: one", see
    `search.Search`) the curve can be recast to other models. "# alpha_d:", "# mass_ratio:" and
    "# dark_matter:" state the dark sector; masses of dark matter and y become those of
    the boson and epsilon by them.
    Raises FileError, or Problems naming every line that is not two positive numbers in order, an
    unknown confidence level, model or kind of exclusion, a coupling beyond the model's largest.
    """
    path, choice = _file_and_choice(str(path))
    if excludes and excludes not in EXCLUDES:
        raise UnknownName("kind of exclusion", excludes, EXCLUDES)
    if model and not model.startswith(PREFIX) and model not in REGISTRY:
        raise UnknownName("model", model, REGISTRY)
    points = read_points(path, choice, model, _coupling_name)
    notes, model = points.notes, points.model
    stated = excludes or notes.get("excludes", "")
    excludes = stated or "above"
    wrong = list[tuple[str, str]]()
    if excludes not in EXCLUDES:
        wrong.append(("excludes", f"{excludes!r} is not one of {', '.join(EXCLUDES)}"))
    elif points.lower and not stated:
        wrong.append(("excludes", "the values are a lower limit; say '# excludes: below'"))
    largest = None
    if model.startswith(PREFIX):
        model = _charges_beside(path, model)
        largest = model_class(model).coupling_max
    elif model not in REGISTRY:
        known = ", ".join(REGISTRY)
        wrong.append(("model", f"{model!r} is not a model; there are {known}, and charges:FILE"))
    else:
        largest = model_class(model).coupling_max
    search, wrong_search = _search(notes)
    wrong += wrong_search
    if cl is not None:
        wrong += _check_cl(cl)
    elif excludes != "nothing":
        text = notes.get("cl", "")
        cl = _parse_cl(text)
        if cl is None:
            said = f"{text[:100]!r} is not a confidence level" if text else "is not stated"
            wrong.append(("cl", f"{said}; write a line such as '# cl: 0.90' or pass cl=0.90"))
    _refuse(path.name, wrong + points.check(excludes == "inside", largest))
    return PublishedLimit(
        name or path.stem,
        points.mass,
        points.coupling,
        title=notes.get("title", name or path.stem),
        model=model,
        quantity=_QUANTITY[excludes],
        kind="contour" if excludes == "nothing" else "limit",
        excludes=excludes,
        cl=cl,
        source=notes.get("source", ""),
        origin=notes.get("origin", f"file {path.name}"),
        remark=notes.get("remark", ""),
        search=search,
        alpha_d=points.alpha_d,
        mass_ratio=points.mass_ratio,
        dark_matter=points.dark_matter,
    )


def _file_and_choice(text: str) -> tuple[Path, Choice]:
    """File, column and declaration of "FILE#part of a name@coupling"; a file of that name first."""
    if Path(text).is_file() or "#" not in text:
        return Path(text), Choice()
    file, _, column = text.partition("#")
    name, at, declared = column.rpartition("@")
    if at and re.fullmatch(r"[a-z0-9()^_]+", declared):
        return Path(file), Choice(name, declared)
    return Path(file), Choice(column)


def _coupling_name(model: str) -> str:
    """Name of a model's coupling; "coupling" for files of charges and for unknown models."""
    known = model in REGISTRY and not model.startswith(PREFIX)
    return str(model_class(model).coupling_name) if known else "coupling"


def _charges_beside(path: Path, model: str) -> str:
    """Tag of a model of charges, its file beside the curve if it is there; the file is read.

    Raises FileError, Problems.
    """
    name = model.removeprefix(PREFIX).strip()
    beside = path.parent / name
    name = str(beside) if beside.is_file() else name
    load_charges(name)
    return f"{PREFIX}{name}"


def _search(notes: Mapping[str, str]) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """How a user's curve was obtained, from its comment lines, and what is wrong with them."""
    keys = ("production", "final", "branching")
    given = {key: notes[key].strip() for key in keys if key in notes}
    if not given:
        return (), []
    missing_keys = [key for key in keys[:2] if key not in given]
    if missing_keys:
        return (), [(key, "is missing beside the other") for key in missing_keys]
    try:
        search = Search(**given)
    except UnknownName as error:
        return (), [("search", str(error))]
    return (search.production, search.final, search.branching), []


@cache
def database() -> Mapping[str, PublishedLimit]:
    """Every published curve that comes with the package, by name, in alphabetical order."""
    folder = files("mutau.data").joinpath("limits")
    names = sorted(
        item.name
        for item in folder.iterdir()
        if item.name.endswith(".toml") and item.name != "missing.toml"
    )
    table = {}
    for name in names:
        limit = load_card(Path(str(folder.joinpath(name))))
        if limit.name != name.removesuffix(".toml"):
            raise Problems(name, [("name", f"{limit.name!r} is not the name of the file")])
        table[limit.name] = limit
    return MappingProxyType(table)


def published_limit(name: str) -> PublishedLimit:
    """One curve by name. Raises UnknownName."""
    table = database()
    if name not in table:
        raise UnknownName("published limit", name, table, remedy="'mutau show limits' lists all")
    return table[name]


def drawn_by_default(model: str = "lmu-ltau") -> tuple[PublishedLimit, ...]:
    """The curves of one model that a plane shows unless asked otherwise."""
    return tuple(item for item in database().values() if item.plot and item.model == model)


@dataclass(frozen=True, slots=True)
class MissingCurve:
    """A curve of the papers' figures without public numbers.

    what : what it shows. shown_in : paper and figure. source : its publication, a key of
    references.toml. why : why there are no numbers. instead : names of the nearest curves here.
    """

    name: str
    what: str
    shown_in: str
    source: str
    why: str
    instead: tuple[str, ...] = ()
    note: str = ""


@cache
def missing() -> tuple[MissingCurve, ...]:
    """Curves that the papers show and for which no table of numbers was found."""
    path = files("mutau.data").joinpath("limits", "missing.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        MissingCurve(**{**entry, "instead": tuple(entry["instead"])}) for entry in table["curve"]
    )
