"""A TOML document as plain data: reading, addresses such as `detector/tracker[2]/z`, writing."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mutau.core.errors import MutauError, UnknownName
from mutau.core.reading import read_toml

Document = dict[str, Any]
#: Keys of texts, which change no number.
TEXTS = frozenset({"because", "title", "source", "version"})
_STEP = re.compile(r"^([^\[\]]+)(?:\[([^\[\]]+)\])?$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def in_one_line(experiment: Any) -> str:
    """What an experiment is in one line; its `to_toml` gives all of it."""
    beam, parts = experiment.beam, experiment.detector
    lists = ("counter", "tracker", "magnet", "calorimeter", "absorber")
    counts = [(name, len(getattr(parts, name))) for name in lists]
    counts += [("cut", len(experiment.cuts))]
    listed = ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts if n)
    number = "" if beam.particles is None else f"{beam.particles:g} "
    what = f"{experiment.process}, {number}{beam.particle} of {beam.energy:g} GeV"
    return f"<Experiment {experiment.name}: {what} on {experiment.target.material}; {listed}>"


def read_document(path: str | Path) -> Document:
    """Plain data of a TOML file. Raises FileError as `core.reading.read_toml`."""
    return read_toml(path, "experiment")


def without_texts(value: Any) -> Any:
    """Plain data without the texts in TEXTS, at any depth; tuples become lists."""
    if isinstance(value, Mapping):
        return {key: without_texts(item) for key, item in value.items() if key not in TEXTS}
    if isinstance(value, list | tuple):
        return [without_texts(item) for item in value]
    return value


def address(location: tuple[int | str, ...]) -> str:
    """Text of a location, for example `detector/tracker[2]/z`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f"/{step}" if text else step
    return text or "file"


def element_name(document: Mapping[str, Any], place: str) -> str:
    """Name of the innermost element that an address leads through; "" where none has a name.

    >>> element_name({"counter": [{"name": "S4", "z": 1}]}, "counter[0]/z")
    'S4'
    """
    node: Any = document
    name = ""
    for step in place.split("/"):
        match = _STEP.match(step)
        if match is None or not isinstance(node, Mapping):
            break
        key, label = match.groups()
        node = node.get(key)
        if label is not None and isinstance(node, list):
            node = node[int(label)] if label.isdigit() and int(label) < len(node) else None
        if isinstance(node, Mapping) and isinstance(node.get("name"), str):
            name = node["name"]
    return name


def _item(items: list[Any], label: str, place: str) -> int:
    """Index of `[2]` or `[S4]` in a list of tables."""
    if label.isdigit():
        if int(label) < len(items):
            return int(label)
        raise MutauError(f"no item {label}", place=place, allowed=f"0 to {len(items) - 1}")
    names = [str(item.get("name", "")) for item in items]
    if label not in names:
        raise UnknownName("item", label, [name for name in names if name], place=place)
    return names.index(label)


def with_value(document: Mapping[str, Any], place: str, value: Any) -> Document:
    """A copy of the document with one value set at an address.

    place : `beam/energy`, `detector/counter[3]/x`, or by name `detector/counter[S4]/x`.
    Raises UnknownName or MutauError if a table or item on the way does not exist; whether the
    last key may stand there, the schema decides afterwards.
    """
    result: Document = copy.deepcopy(dict(document))
    node: Any = result
    steps = place.split("/")
    for number, step in enumerate(steps):
        match = _STEP.match(step)
        if match is None or not isinstance(node, dict):
            raise MutauError(f"{place!r} is not an address", allowed="for example beam/energy")
        key, label = match.groups()
        last = number == len(steps) - 1
        if last and label is None:
            node[key] = copy.deepcopy(value)
            return result
        if key not in node:
            raise UnknownName("table", key, node, place=place)
        node = node[key]
        if label is not None:
            if not isinstance(node, list):
                raise MutauError(f"{key!r} is not a list", place=place)
            index = _item(node, label, place)
            if last:
                node[index] = copy.deepcopy(value)
                return result
            node = node[index]
    return result


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items())
        return "{ " + inner + " }" if inner else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    raise MutauError(f"{value!r} has no form in TOML", allowed="text, numbers, tables, lists")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(i, Mapping) for i in value)


def write_toml(document: Mapping[str, Any], prefix: str = "") -> str:
    """TOML text of plain data; reading it back gives the same data (comments are not kept)."""
    lines, later = [], []
    for key, value in document.items():
        if isinstance(value, Mapping) or _is_tables(value):
            later.append((key, value))
        else:
            lines.append(f"{_key(key)} = {_inline(value)}\n")
    text = "".join(lines)
    for key, value in later:
        name = f"{prefix}{_key(key)}"
        if isinstance(value, Mapping):
            text += f"\n[{name}]\n" + write_toml(value, f"{name}.")
        else:
            for item in value:
                text += f"\n[[{name}]]\n" + write_toml(item, f"{name}.")
    return text
