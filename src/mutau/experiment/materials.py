"""Materials that an experiment file describes: their names, and what may stand in a description.

A name in an experiment (`experiment.target.material`) is a `MaterialName`: the text of the file
and, for a material of the file's own, its description. So whoever holds the name can ask
`matter.material` for it, and no table of one experiment is seen by another. What a description
means, radiation length and energy loss included, is computed in `matter`.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Self

from mutau.core import plugins
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.units import parse_quantity

Faults = Iterator[tuple[str, MutauError]]

#: Ways to state what a material consists of: relative numbers of atoms; mass fractions of elements
#: or materials; volume fractions of materials, mixed; layers of materials in one period.
COMPOSITIONS: Final = ("atoms", "mass", "volume", "layers")
#: Keys of a description.
KEYS: Final = frozenset({
    *COMPOSITIONS, "density", "state", "period", "radiation_length", "nuclear_interaction_length",
    "mean_excitation_energy", "density_effect", "density_effect_at", "source",
})  # fmt: skip
#: Fractions are rounded in print; a sum further from 1 than this is a mistake.
SUM_WITHIN: Final = 0.01
#: Entry-point group of materials of other packages.
GROUP: Final = "mutau.materials"
REMEDY: Final = "'mutau show materials' lists all"


class MaterialName(str):
    """Name of a material. `described` : JSON of the descriptions that it rests on, its own among
    them, or "" for a bundled material. Equal to another name where text and description agree."""

    described: str

    def __new__(cls, name: str, described: str = "") -> Self:
        self = super().__new__(cls, name)
        self.described = described
        return self

    def __eq__(self, other: object) -> bool:
        same = getattr(other, "described", "") == self.described
        return isinstance(other, str) and same and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.described)


@cache
def bundled_materials() -> Mapping[str, Any]:
    """Descriptions of data/materials.toml by name, in its order."""
    text = files("mutau.data").joinpath("materials.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def known_elements() -> Collection[str]:
    """Symbols of data/elements.toml."""
    text = files("mutau.data").joinpath("elements.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["element"])


def known_materials() -> frozenset[str]:
    """Names of materials beside those of a file: bundled, and offered by other packages."""
    return frozenset((*bundled_materials(), *plugins.offered(GROUP)))


def materials_in(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Name -> description of the tables `[[material]]` of a document, sound or not."""
    tables = document.get("material")
    found = [t for t in tables if isinstance(t, Mapping)] if isinstance(tables, list) else []
    return {
        item["name"]: {key: value for key, value in item.items() if key in KEYS}
        for item in found
        if isinstance(item.get("name"), str)
    }


def parts_of(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(kind, name) of what a description consists of; nothing of what is no table."""
    return [
        (kind, part) for kind in COMPOSITIONS if isinstance(table.get(kind), Mapping)
        for part in table[kind]
    ]  # fmt: skip


def described_names(document: Mapping[str, Any]) -> dict[str, MaterialName]:
    """The names of a document's own materials, each with the descriptions that it rests on."""
    tables = materials_in(document)
    return {
        name: MaterialName(name, json.dumps({one: tables[one] for one in _below(name, tables)}))
        for name in tables
    }


def _below(name: str, tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A material of the document and those that it consists of, at any depth."""
    found = [name]
    for one in found:
        found += [part for _, part in parts_of(tables[one]) if part in tables and part not in found]
    return found


def description_faults(table: Mapping[str, Any], known: Iterable[str], place: str = "") -> Faults:
    """(key, error) of everything that is wrong with a description; the key is "" for the whole.

    known : names of materials that it may consist of. place : where it stands, for the errors.
    """
    for key in table:
        if key not in KEYS:
            yield "", UnknownName("material key", key, KEYS, place=place)
    kinds = [key for key in COMPOSITIONS if key in table]
    if len(kinds) != 1:
        text = f"composition is given by {' and '.join(kinds) or 'none'}"
        yield "", MutauError(text, place=place, allowed=f"one of {', '.join(COMPOSITIONS)}")
        return
    kind = kinds[0]
    at = f"{place}/{kind}" if place else ""
    for key, error in _part_faults(kind, table[kind], set(known), at):
        yield f"{kind}/{key}" if key else kind, error
    stated = table[kind] if isinstance(table[kind], Mapping) else {}
    by_fraction = kind == "layers" and not any(_has_unit(size) for size in stated.values())
    if by_fraction and "period" not in table:
        remedy = 'write the thickness of one period, for example "6 mm"'
        yield "period", MutauError("period is missing", place=place, remedy=remedy)
    if "period" in table and not by_fraction:
        yield "period", MutauError("goes with layers stated by their fraction", place=place)
    if kind in ("atoms", "mass") and "density" not in table:
        remedy = 'write "11.35 g/cm^3"'
        yield "density", MutauError("density is missing", place=place, remedy=remedy)


def _has_unit(size: object) -> bool:
    """Whether an amount is a thickness rather than a fraction or a number."""
    return isinstance(size, str) and not size.strip().endswith("%")


def amount(part: str, value: object, kind: str, place: str = "") -> float:
    """The amount of a part: a number, plain or as "15 %"; of layers also a thickness, then in cm.

    Raises MutauError for anything else, OutOfRange for what is not positive.
    """
    if isinstance(value, str) and (kind == "layers" or not _has_unit(value)):
        number = parse_quantity(value, "length" if _has_unit(value) else "fraction")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise MutauError(f"{part} = {value!r} is not a number", place=place)
    else:
        number = float(value)
    if not (number > 0.0 and math.isfinite(number)):
        raise OutOfRange(f"{part} = {value!r} is not positive", place=place, allowed="above 0")
    return number


def _part_faults(kind: str, parts: object, known: set[str], place: str) -> Faults:
    if not isinstance(parts, Mapping) or not parts:
        remedy = "name at least one part"
        yield "", MutauError("the composition is empty", place=place, remedy=remedy)
        return
    elements = set(known_elements())
    allowed = {"atoms": elements, "mass": elements | known}.get(kind, known)
    what = {"atoms": "element", "mass": "element or material"}.get(kind, "material")
    remedy = "" if kind == "atoms" else REMEDY
    numbers = []
    for part, value in parts.items():
        if part not in allowed:
            yield part, UnknownName(what, part, allowed, place=place, remedy=remedy)
        try:
            numbers.append(amount(part, value, kind, place))
        except MutauError as error:
            yield part, error
    if kind == "atoms" or len(numbers) < len(parts):
        return
    lengths = sum(_has_unit(value) for value in parts.values())
    if 0 < lengths < len(parts):
        text = "states some layers by thickness and some by fraction"
        yield "", MutauError(text, place=place, remedy="take one way for all")
    elif not lengths and abs(sum(numbers) - 1.0) > SUM_WITHIN:
        text = f"{'mass ' if kind == 'mass' else ''}fractions sum to {sum(numbers):g}"
        yield "", MutauError(text, place=place, allowed=f"1 within {100.0 * SUM_WITHIN:g} %")
